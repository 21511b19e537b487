/* Device rules: any list of them becomes a program that the kernel's verifier takes, and for v1 a
   list, which allow every request that the rules allow and no other. */
#include "fuzz.h"
#include "../unit/device_models.h"

enum { RULES_MAX = 24 };

/* Few numbers, so that rules meet. */
static const int majors[] = {0, 1, 5, 136, 4095}, minors[] = {0, 1, 3, 1048575};

static ctr_int take_number(input *in, const int *all, uint8_t count) {
  const uint8_t which = take_byte(in);
  if (which == 255) return (ctr_int){true, (int64_t)take_u64(in)};
  return which % (count + 2) < count ? (ctr_int){true, all[which % (count + 2)]}
                                     : (ctr_int){which & 1, -1};
}

static size_t take_rules(input *in, ctr_device_rule rules[RULES_MAX]) {
  static const char *const types[] = {NULL, "a", "b", "c", "c", "b", "u", ""};
  static const char *const written[] = {"r", "w", "m", "wr", "mr", "wm", "rwm", "rx"};
  size_t count = 0;
  while (in->left && count < RULES_MAX) {
    const uint8_t what = take_byte(in);
    ctr_device_rule *rule = &rules[count++];
    *rule = (ctr_device_rule){.allow = what & 1, .type = types[what >> 1 & 7]};
    rule->access = written[what >> 4 & 7];
    rule->major_ = take_number(in, majors, 5);
    rule->minor_ = take_number(in, minors, 4);
  }
  return count;
}

/* Also of a number that no rule names. */
static void compare(const made *m, ctr_device_rules rules, const controller *v1) {
  for (int t = 0; t < 2; t++)
    for (int i = 0; i <= 5; i++)
      for (int k = 0; k <= 4; k++)
        for (int a = 0; a < ACCESSES; a++) {
          const request q = {t ? 'c' : 'b', i < 5 ? majors[i] : 77, k < 4 ? minors[k] : 99,
                             accesses[a]};
          const bool should = reference_allows(rules, &q);
          MUST(run(&m->program, &q) == should, "%c %d:%d %s by %s", q.type, q.major_, q.minor_,
               q.access, rules_text(rules));
          if (!m->v1_code)
            MUST(controller_allows(v1, &q) == should, "v1: %c %d:%d %s by %s", q.type, q.major_,
                 q.minor_, q.access, rules_text(rules));
        }
}

/* From nothing, and from what an earlier list has left. */
static void try_v1(const made *m, ctr_device_rules rules) {
  static controller v1;
  for (int before = 0; before < 3; before++) {
    v1 = (controller){.allow = before == 1};
    if (before == 2) v1.items[v1.count++] = (struct exception){'c', ANY, 3, 7};
    if (!m->v1_code)
      MUST(!ctr__devices_change(controller_list(&v1), &m->list, controller_write, &v1));
    compare(m, rules, &v1);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static ctr_device_rule rules[RULES_MAX];
  static made m;
  input in = {data, size};
  const ctr_device_rules all = {rules, take_rules(&in, rules)};
  make_bare(&m, all);
  must_be_told(m.code, &m.err);
  if (!m.code) {
    must_be_told(m.v1_code, &m.v1_err);
    const char *flaw = flaw_of(&m.program);
    MUST(!flaw, "%s: %s", rules_text(all), flaw);
    try_v1(&m, all);
  }
  ctr_arena_free(&m.mem);
  make(&m, all); /* and as for a container, with what every one may */
  if (!m.code) MUST(!flaw_of(&m.program));
  ctr_arena_free(&m.mem);
  return 0;
}
