/* The device filter without a kernel: what is made of the rules is run by a small interpreter of
   eBPF and a model of the v1 controller, and does for every request what the rules say. */
#include <stddef.h>

static void *allocate(size_t size);

#define CTR_MALLOC(size) allocate(size)
#define CTR_FREE(ptr)    free(ptr)
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include "../test.h"
#include "device_models.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static long allocations_left = -1; /* -1: no end of them */

static void *allocate(size_t size) {
  if (allocations_left == 0) return NULL;
  allocations_left -= allocations_left > 0;
  return malloc(size);
}

/* The devices that requests are made for; the last number of each is one that no rule names. */
typedef struct world {
  const int *majors, *minors;
  int major_count, minor_count;
} world;

static request request_in(const world *w, int type, int i, int k, int access) {
  return (request){type ? 'c' : 'b', w->majors[i], w->minors[k], accesses[access]};
}

#define EACH_REQUEST(w, q)                                                                         \
  for (int t_ = 0; t_ < 2; t_++)                                                                   \
    for (int i_ = 0; i_ < (w)->major_count; i_++)                                                  \
      for (int k_ = 0; k_ < (w)->minor_count; k_++)                                                \
        for (int a_ = 0; a_ < ACCESSES; a_++)                                                      \
          for (request q = request_in(w, t_, i_, k_, a_), *once_ = &q; once_; once_ = NULL)

/* Whether, wherever a device is asked for that others are a part of, these may no less (or, for a
   default to allow, no more): what one list of exceptions can say. */
static bool fits_v1(const world *w, ctr_device_rules rules, bool allow) {
  bool fits = true;
  EACH_REQUEST(w, whole) {
    if (strlen(whole.access) > 1) continue;
    bool whole_allowed = reference_allows(rules, &whole);
    for (int i = 0; i < w->major_count; i++)
      for (int k = 0; k < w->minor_count; k++) {
        if ((i_ != i && i_ != w->major_count - 1) || (k_ != k && k_ != w->minor_count - 1))
          continue;
        request part = request_in(w, t_, i, k, a_);
        bool allowed = reference_allows(rules, &part);
        fits &= allow ? whole_allowed || !allowed : allowed || !whole_allowed;
      }
  }
  return fits;
}

static long compared, refused_by_v1; /* figures of a test */

static void check_refusal(const made *m, const world *w, ctr_device_rules rules) {
  size_t n = 0;
  refused_by_v1++;
  CHECK_MSG(m->v1_code == CTR_E_UNSUPPORTED && !fits_v1(w, rules, false) &&
                !fits_v1(w, rules, true),
            "v1 could say it: %s%s", rules_text(rules), m->v1_err.msg);
  bool named = sscanf(m->v1_err.field, "linux.resources.devices[%zu]", &n) == 1 &&
               n < m->config.linux_.resources.devices.count;
  CHECK_MSG(named && !m->config.linux_.resources.devices.items[n].allow, "%s: names %s",
            rules_text(rules), m->v1_err.field);
}

/* v1 is what the list of an earlier cgroup is made into. rules: all of them. */
static void check_made(const made *m, const world *w, ctr_device_rules rules, controller *v1) {
  CHECK_MSG(!m->code, "%s: %s", rules_text(rules), m->err.msg);
  if (m->code) return;
  const char *flaw = flaw_of(&m->program);
  CHECK_MSG(!flaw, "%s: %s", rules_text(rules), flaw);
  if (flaw) return;
  if (m->v1_code)
    check_refusal(m, w, rules);
  else
    CHECK_NUM(ctr__devices_change(controller_list(v1), &m->list, controller_write, v1), 0);
  EACH_REQUEST(w, q) {
    bool should = reference_allows(rules, &q);
    int v2 = run(&m->program, &q);
    compared++;
    CHECK_MSG(v2 == should, "%s: %c %d:%d %s: v2 says %d", rules_text(rules), q.type, q.major_,
              q.minor_, q.access, v2);
    CHECK_MSG(m->v1_code || controller_allows(v1, &q) == should, "%s: %c %d:%d %s: v1 says %d",
              rules_text(rules), q.type, q.major_, q.minor_, q.access, !should);
  }
}

static controller earlier = {.allow = true}; /* a fresh cgroup first; then whatever was before */

static void check_bare(const world *w, ctr_device_rules rules) {
  static made m;
  make_bare(&m, rules);
  check_made(&m, w, rules, &earlier);
  ctr_arena_free(&m.mem);
}

/* -- all there are, where there are few -- */

static const int few_majors[] = {1, 9}, few_minors[] = {3, 9};
static const world few = {few_majors, few_minors, 2, 2};

/* The nth rule over these types and accesses, majors any and 1, minors any and 3. */
static ctr_device_rule nth_rule(int n, const char *const *types, int type_count,
                                const char *const *bits, int bit_count) {
  ctr_device_rule r = {.allow = n % 2};
  n /= 2;
  if (n % 2) r.major_ = (ctr_int){true, 1};
  n /= 2;
  if (n % 2) r.minor_ = (ctr_int){true, 3};
  n /= 2;
  r.type = types[n % type_count];
  r.access = bits[n / type_count % bit_count];
  return r;
}

static const char *const all_types[] = {"a", "b", "c"}, *const some_accesses[] = {"r", "rw", "rwm"};

TEST(every_list_of_two_rules) {
  enum { RULES = 2 * 2 * 2 * 3 * ACCESSES };
  ctr_device_rule items[2];
  compared = refused_by_v1 = 0;
  check_bare(&few, (ctr_device_rules){items, 0});
  for (int a = 0; a < RULES && !test_failures; a++) {
    items[0] = nth_rule(a, all_types, 3, accesses, ACCESSES);
    check_bare(&few, (ctr_device_rules){items, 1});
    for (int b = 0; b < RULES && !test_failures; b++) {
      items[1] = nth_rule(b, all_types, 3, accesses, ACCESSES);
      check_bare(&few, (ctr_device_rules){items, 2});
    }
  }
  CHECK_NUM(compared, (1 + RULES + RULES * RULES) * 56L);
  CHECK(refused_by_v1 > 100 && refused_by_v1 < RULES * RULES / 10);
}

TEST(every_list_of_three_rules) {
  enum { RULES = 2 * 2 * 2 * 2 * 3 };
  ctr_device_rule items[3];
  compared = refused_by_v1 = 0;
  for (int a = 0; a < RULES && !test_failures; a++)
    for (int b = 0; b < RULES && !test_failures; b++)
      for (int c = 0; c < RULES && !test_failures; c++) {
        items[0] = nth_rule(a, all_types + 1, 2, some_accesses, 3);
        items[1] = nth_rule(b, all_types + 1, 2, some_accesses, 3);
        items[2] = nth_rule(c, all_types + 1, 2, some_accesses, 3);
        check_bare(&few, (ctr_device_rules){items, 3});
      }
  CHECK_NUM(compared, RULES * RULES * RULES * 56L);
  CHECK(refused_by_v1 > 100 && refused_by_v1 < compared / 56 / 2);
}

/* -- by chance -- */

static const int more_majors[] = {1, 2, 3, 4, 5, 136, 77}, more_minors[] = {0, 1, 2, 3, 77};
static const world more = {more_majors, more_minors, 7, 5};

TEST(long_lists_by_chance) {
  enum { LISTS = 6000, LONGEST = 14 };
  compared = refused_by_v1 = 0;
  for (int n = 0; n < LISTS && !test_failures; n++) {
    ctr_device_rule items[LONGEST];
    size_t count = (size_t)chance(LONGEST + 1);
    for (size_t i = 0; i < count; i++) items[i] = chance_rule(1, 4, 0, 3);
    check_bare(&more, (ctr_device_rules){items, count});
  }
  CHECK(compared > 2000000 && refused_by_v1 > LISTS / 10 && refused_by_v1 < LISTS * 9 / 10);
}

/* What every container may besides (libcontainer's AllowedDevices, and crun's). */
static ctr_device_rule always(const char *type, int major_, int minor_, const char *access) {
  return (ctr_device_rule){true, type, {true, major_}, {true, minor_}, access};
}

static ctr_device_rules with_always(ctr_device_rules own, ctr_device_rule *room) {
  const ctr_device_rule more_rules[] = {always("c", -1, -1, "m"),   always("b", -1, -1, "m"),
                                        always("c", 1, 3, "rwm"),   always("c", 1, 5, "rwm"),
                                        always("c", 1, 7, "rwm"),   always("c", 1, 8, "rwm"),
                                        always("c", 1, 9, "rwm"),   always("c", 5, 0, "rwm"),
                                        always("c", 5, 1, "rwm"),   always("c", 5, 2, "rwm"),
                                        always("c", 136, -1, "rwm")};
  if (own.count) memcpy(room, own.items, own.count * sizeof *room);
  memcpy(room + own.count, more_rules, sizeof more_rules);
  return (ctr_device_rules){room, own.count + COUNT(more_rules)};
}

static const int base_majors[] = {1, 2, 5, 136, 77}, base_minors[] = {0, 1, 2, 3, 5, 7, 8, 9, 77};
static const world base = {base_majors, base_minors, 5, 9};

TEST(a_container_may_always_use_some) {
  ctr_device_rule items[4], all[32];
  static made m;
  for (int n = 0; n < 1500 && !test_failures; n++) {
    ctr_device_rules own = {items, (size_t)chance(5)};
    for (size_t i = 0; i < own.count; i++) items[i] = chance_rule(1, 2, 2, 2);
    make(&m, own);
    check_made(&m, &base, with_always(own, all), &earlier);
    ctr_arena_free(&m.mem);
  }
}

/* -- many -- */

/* Requests next to what the rules name. */
static void check_many(ctr_device_rules rules, int stride) {
  static made m;
  make_bare(&m, rules);
  CHECK_MSG(!m.code, "%s", m.err.msg);
  const char *flaw = m.code ? NULL : flaw_of(&m.program);
  CHECK_MSG(!flaw, "%s", flaw);
  for (size_t i = 0; i < rules.count && !m.code && !flaw; i += (size_t)stride) {
    const ctr_device_rule *r = &rules.items[i];
    int major_ = r->major_.set ? (int)r->major_.value : 7, minor_ = (int)r->minor_.value;
    for (int k = 0; k < 12; k++) {
      request q = {k % 2 ? 'c' : 'b', major_ + k / 2 % 2, minor_ + k / 4,
                   accesses[chance(ACCESSES)]};
      CHECK_MSG(run(&m.program, &q) == reference_allows(rules, &q), "%c %d:%d %s", q.type, q.major_,
                q.minor_, q.access);
    }
  }
  ctr_arena_free(&m.mem);
}

TEST(thousands_of_rules) {
  enum { RULES = 10000 };
  static ctr_device_rule items[RULES];
  for (int i = 0; i < RULES; i++) items[i] = always("a", i % 4096, i * 97 % 1048576, "rw");
  check_many((ctr_device_rules){items, RULES}, 97);
  for (int i = 0; i < RULES; i++) items[i] = always("c", 7, i * 2, accesses[i % ACCESSES]);
  check_many((ctr_device_rules){items, RULES}, 97); /* more of one major than one jump skips */
  for (int i = 0; i < RULES; i++) items[i] = chance_rule(0, 60, 0, 60);
  check_many((ctr_device_rules){items, RULES}, 97);
}

TEST(more_rules_than_the_kernel_takes_are_refused) {
  enum { RULES = 131072 };
  static ctr_device_rule items[RULES];
  static made m;
  for (int i = 0; i < RULES; i++) items[i] = always("c", 7, i, "rw");
  make_bare(&m, (ctr_device_rules){items, RULES - 3}); /* and 7:any, and any:any of both types */
  CHECK_NUM(m.code, CTR_OK);
  CHECK(m.program.count < 1000000 && !flaw_of(&m.program));
  ctr_arena_free(&m.mem);
  make_bare(&m, (ctr_device_rules){items, RULES - 2});
  CHECK_NUM(m.code, CTR_E_UNSUPPORTED);
  CHECK_STR(m.err.field, "linux.resources.devices");
  ctr_arena_free(&m.mem);
  for (int i = 0; i < 400; i++) {
    items[i] = always("c", i, -1, "r");
    items[400 + i] = always("c", -1, i, "w");
  }
  make_bare(&m, (ctr_device_rules){items, 800}); /* each major with each minor */
  CHECK_NUM(m.code, CTR_E_UNSUPPORTED);
  ctr_arena_free(&m.mem);
}

/* -- what is read -- */

static void check_wrong(const char *member, ctr_device_rule rule) {
  const ctr_device_rule items[] = {always("c", 1, 3, "r"), rule};
  static made m;
  char field[64];
  make(&m, (ctr_device_rules){items, 2});
  snprintf(field, sizeof field, "linux.resources.devices[1].%s", member);
  CHECK_NUM(m.code, CTR_E_CONFIG);
  CHECK_STR(m.err.field, field);
  ctr_arena_free(&m.mem);
}

TEST(what_is_no_rule_is_refused) {
  check_wrong("type", always("", 1, 3, "r"));
  check_wrong("type", always("u", 1, 3, "r"));
  check_wrong("type", always("cb", 1, 3, "r"));
  check_wrong("access", always("c", 1, 3, ""));
  check_wrong("access", always("c", 1, 3, NULL));
  check_wrong("access", always("c", 1, 3, "rx"));
  check_wrong("access", always("c", 1, 3, "R"));
  check_wrong("major", always("c", -2, 3, "r"));
  check_wrong("major", always("c", 4096, 3, "r"));
  check_wrong("minor", always("c", 1, -2, "r"));
  check_wrong("minor", always("c", 1, 1048576, "r"));
  ctr_device_rule wraps = always("c", 1, 3, "r");
  wraps.minor_.value = INT64_C(0x100000003);
  check_wrong("minor", wraps);
}

TEST(nodes_that_the_config_makes_may_be_used) {
  static const ctr_device nodes[] = {{.type = "c", .path = "/dev/a", {true, 10}, {true, 200}},
                                     {.type = "u", .path = "/dev/b", {true, 10}, {true, 201}},
                                     {.type = "b", .path = "/dev/c", {true, 8}, {true, 1}},
                                     {.type = "p", .path = "/dev/d"}};
  static made m;
  begin(&m, (ctr_device_rules){0});
  m.config.linux_.devices = (ctr_devices){nodes, COUNT(nodes)};
  m.code = ctr__dev_rules_read(&m.b, &m.rules);
  compile(&m);
  CHECK_STR(m.list.text, "b 8:1 rwm\nb *:* m\nc 1:3 rwm\nc 1:5 rwm\nc 1:7 rwm\nc 1:8 rwm\n"
                         "c 1:9 rwm\nc 5:0 rwm\nc 5:1 rwm\nc 5:2 rwm\nc 10:200 rwm\n"
                         "c 10:201 rwm\nc 136:* rwm\nc *:* m\n");
  CHECK(!m.list.allow && !m.v1_code);
  CHECK_NUM(m.table.count, 18); /* with MAJOR:any of 1, 5, 8 and 10 */
  CHECK_NUM(m.program.count, 63);
  ctr_arena_free(&m.mem);
}

/* -- the tables and lists are short -- */

static void check_list(ctr_device_rules rules, size_t entries, bool allow, const char *text) {
  static made m;
  make_bare(&m, rules);
  CHECK_MSG(!m.code && !m.v1_code, "%s: %s", rules_text(rules), m.v1_err.msg);
  if (!m.v1_code) {
    CHECK_MSG(m.table.count == entries, "%s: %zu entries", rules_text(rules), m.table.count);
    CHECK_MSG(m.list.allow == allow, "%s", rules_text(rules));
    CHECK_STR(m.list.text, text);
  }
  ctr_arena_free(&m.mem);
}

#define CHECK_LIST(entries, allow, text, ...)                                                      \
  do {                                                                                             \
    const ctr_device_rule rules_[] = {__VA_ARGS__};                                                \
    check_list((ctr_device_rules){rules_, COUNT(rules_)}, entries, allow, text);                   \
  } while (0)

static ctr_device_rule never(const char *type, int major_, int minor_, const char *access) {
  ctr_device_rule r = always(type, major_, minor_, access);
  r.allow = false;
  return r;
}

/* Each type has an entry for any:any. */
TEST(what_has_no_effect_is_left_out) {
  CHECK_LIST(2, false, "", never("a", -1, -1, "rwm"));
  CHECK_LIST(2, false, "", always("c", 1, 3, "rwm"), never("a", -1, -1, "rwm"));
  CHECK_LIST(2, false, "", always("c", 1, 3, "rwm"), never("c", -1, 3, "mrw"));
  CHECK_LIST(4, false, "c 1:3 rwm\n", always("c", 1, 3, "m"), always("c", 1, 3, "rw"));
  CHECK_LIST(3, false, "c 1:* r\n", always("c", 1, 3, "r"), always("c", 1, -1, "r"));
  CHECK_LIST(3, false, "c 1:* r\n", always("c", 1, -1, "r"), never("b", 1, 3, "r"));
  CHECK_LIST(2, false, "c *:* r\n", always("c", 1, 3, "r"), always("c", 2, 3, "r"),
             always("c", -1, 3, "r"), always("c", -1, -1, "r"));
  CHECK_LIST(5, false, "c 1:3 rw\nc 1:* r\nc *:3 w\n", always("c", 1, -1, "r"),
             always("c", -1, 3, "w"));
  CHECK_LIST(2, true, "", never("a", 1, 3, "rwm"), always("a", -1, -1, "rwm"));
  CHECK_LIST(6, true, "b 1:3 rwm\nc 1:3 rwm\n", always("a", -1, -1, "rwm"),
             never("a", 1, 3, "rwm"));
  CHECK_LIST(2, false, "c *:* rwm\n", always("c", -1, -1, "rwm"), never("b", 1, 3, "rwm"));
  CHECK_LIST(4, true, "b *:* rwm\nc 1:3 r\n", always("c", -1, -1, "rwm"), never("c", 1, 3, "r"));
  CHECK_LIST(2, false, "b *:* r\nc *:* rwm\n", always("c", -1, -1, "rwm"),
             always("b", -1, -1, "r"));
}

TEST(what_v1_cannot_say_is_refused) {
  const ctr_device_rule rules[] = {always("a", -1, -1, "rwm"), never("c", 1, -1, "rw"),
                                   always("c", 2, 1, "r"), always("c", 1, 3, "w")};
  static made m;
  make_bare(&m, (ctr_device_rules){rules, 3});
  CHECK_NUM(m.v1_code, CTR_OK);
  ctr_arena_free(&m.mem);
  make_bare(&m, (ctr_device_rules){rules, 4});
  CHECK_NUM(m.v1_code, CTR_E_UNSUPPORTED);
  CHECK_STR(m.v1_err.field, "linux.resources.devices[1]");
  ctr_arena_free(&m.mem);
}

/* -- from one list to another -- */

typedef struct witness {
  controller c, before;
  ctr_device_rules after;
  int writes, fails_at;
} witness;

/* Between two lists nothing is allowed that neither allows. */
static int watched_write(void *userdata, bool allow, const char *text, size_t len) {
  witness *w = userdata;
  if (w->writes++ == w->fails_at) return -EIO;
  int r = controller_write(&w->c, allow, text, len);
  EACH_REQUEST(&few, q) {
    CHECK_MSG(!controller_allows(&w->c, &q) || controller_allows(&w->before, &q) ||
                  reference_allows(w->after, &q),
              "after %s '%.*s': %c %d:%d %s is allowed", allow ? "allow" : "deny", (int)len, text,
              q.type, q.major_, q.minor_, q.access);
  }
  return r;
}

TEST(no_moment_of_a_change_allows_more) {
  static witness w;
  static made m;
  int changes = 0, without_a_break = 0;
  for (int n = 0; n < 20000 && !test_failures; n++) {
    ctr_device_rule items[4];
    ctr_device_rules rules = {items, (size_t)chance(5)};
    for (size_t i = 0; i < rules.count; i++) items[i] = chance_rule(1, 1, 3, 1);
    make_bare(&m, rules);
    if (!m.v1_code && !m.list.allow) {
      w.before = w.c;
      w.after = rules;
      w.writes = 0;
      w.fails_at = -1;
      CHECK_NUM(ctr__devices_change(controller_list(&w.c), &m.list, watched_write, &w), 0);
      without_a_break += w.writes == 0;
      changes++;
      int writes = w.writes;
      CHECK_NUM(ctr__devices_change(controller_list(&w.c), &m.list, watched_write, &w), 0);
      CHECK_NUM(w.writes, writes); /* the same again: nothing is written */
    }
    ctr_arena_free(&m.mem);
  }
  CHECK(changes > 10000 && without_a_break < changes / 2);
}

TEST(a_write_that_fails_ends_the_change) {
  static const ctr__dev_list want = {false, "c 1:3 rw\nc 1:5 rwm\nb 8:1 r\n"};
  static witness w = {.c = {.count = 2, .items = {{'c', 1, 3, 7}, {'c', 4, 4, 1}}}};
  const ctr_device_rule all[] = {always("a", -1, -1, "rwm")};
  w.after = (ctr_device_rules){all, 1};
  for (int at = 0; at < 4; at++) {
    witness copy = w;
    copy.fails_at = at;
    CHECK_NUM(ctr__devices_change(controller_list(&copy.c), &want, watched_write, &copy), -EIO);
    CHECK_NUM(copy.writes, at + 1);
  }
  w.fails_at = 4;
  CHECK_NUM(ctr__devices_change(controller_list(&w.c), &want, watched_write, &w), 0);
  CHECK_STR(controller_list(&w.c), "c 1:3 rw\nc 1:5 rwm\nb 8:1 r\n");
}

TEST(a_number_that_begins_like_another_is_not_it) {
  static const ctr__dev_list want = {false, "c 1:3 rw\nc 11:5 r\n"};
  static controller c = {.count = 3, .items = {{'c', 1, 35, 7}, {'c', 1, 30, 2}, {'c', 1, 5, 2}}};
  CHECK_NUM(ctr__devices_change(controller_list(&c), &want, controller_write, &c), 0);
  CHECK_STR(controller_list(&c), want.text);
}

/* -- memory -- */

/* A list that is cut short could open what its end was to close. */
TEST(memory_that_runs_out_is_said) {
  enum { RULES = 3000 };
  static ctr_device_rule items[RULES];
  static made m;
  const ctr_device_rules rules = {items, RULES};
  int failures = 0;
  for (int i = 0; i < RULES; i++) items[i] = always("a", i % 100, i, "rw");
  make(&m, rules);
  size_t len = strlen(m.list.text), count = m.program.count;
  ctr_arena_free(&m.mem);
  for (long left = 0; left < 1000; left++) {
    allocations_left = left;
    make(&m, rules);
    allocations_left = -1;
    if (!m.code && !m.v1_code) break;
    CHECK_NUM(m.code ? m.code : m.v1_code, CTR_E_NOMEM);
    failures++;
    ctr_arena_free(&m.mem);
  }
  CHECK(failures >= 6 && !m.code && !m.v1_code);
  CHECK(m.list.text && strlen(m.list.text) == len && m.program.count == count);
  ctr_arena_free(&m.mem);
}

TEST_MAIN
