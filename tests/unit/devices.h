/* What device rules mean, written down as plainly as it can be (config-linux.md "Allowed Device
   list"): the yardstick for all that is made from them. And rules by chance to measure it with. */
#ifndef DEVICES_H
#define DEVICES_H

/* Somebody in a container who wants something of a device. */
typedef struct request {
  char type; /* 'b' or 'c' */
  int major_, minor_;
  const char *access; /* of "rwm", at least one */
} request;

static const char *const accesses[] = {"r", "w", "m", "rw", "rm", "wm", "rwm"};
enum { ACCESSES = 7 };

static inline bool number_matches(ctr_int number, int value) {
  return !number.set || number.value == -1 || number.value == value;
}

static inline bool rule_matches(const ctr_device_rule *rule, const request *q) {
  return (!rule->type || *rule->type == 'a' || *rule->type == q->type) &&
         number_matches(rule->major_, q->major_) && number_matches(rule->minor_, q->minor_);
}

/* Each access that is asked for must be allowed; the last rule that names it decides. */
static inline bool reference_allows(ctr_device_rules rules, const request *q) {
  for (const char *wanted = q->access; *wanted; wanted++) {
    bool allowed = false;
    for (size_t i = 0; i < rules.count; i++)
      if (rule_matches(&rules.items[i], q) && strchr(rules.items[i].access, *wanted))
        allowed = rules.items[i].allow;
    if (!allowed) return false;
  }
  return true;
}

static inline const char *rules_text(ctr_device_rules rules) {
  static char text[4096];
  size_t len = 0;
  text[0] = '\0';
  for (size_t i = 0; i < rules.count && len + 100 < sizeof text; i++) {
    const ctr_device_rule *r = &rules.items[i];
    len += (size_t)snprintf(text + len, sizeof text - len, "%c%s %lld:%lld %s, ",
                            r->allow ? '+' : '-', r->type ? r->type : "(all)",
                            r->major_.set ? (long long)r->major_.value : -1,
                            r->minor_.set ? (long long)r->minor_.value : -1, r->access);
  }
  return text;
}

/* -- by chance, the same every time -- */

static uint64_t chance_state = 20240229;

static inline int chance(int below) {
  chance_state ^= chance_state << 13;
  chance_state ^= chance_state >> 7;
  chance_state ^= chance_state << 17;
  return (int)(chance_state % (uint64_t)below);
}

/* Any, or one of count numbers from first on. */
static inline ctr_int chance_number(int first, int count) {
  int n = chance(count + 2);
  return n == 0   ? (ctr_int){false, 0}
         : n == 1 ? (ctr_int){true, -1}
                  : (ctr_int){true, first + n - 2};
}

static inline ctr_device_rule chance_rule(int first_major, int majors, int first_minor,
                                          int minors) {
  static const char *const types[] = {NULL, "a", "b", "c", "c"};
  static const char *const written[] = {"r", "w", "m", "wr", "mr", "wm", "rwm", "mwr", "rr"};
  return (ctr_device_rule){.allow = chance(2),
                           .type = types[chance(5)],
                           .major_ = chance_number(first_major, majors),
                           .minor_ = chance_number(first_minor, minors),
                           .access = written[chance(9)]};
}

#endif
