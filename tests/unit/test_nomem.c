/* Memory that runs out: at every single allocation, on the way from a text to an explained plan. */
#include <stddef.h>

static void *allocate(size_t size);
static void release(void *ptr);

#define CTR_MALLOC(size) allocate(size)
#define CTR_FREE(ptr)    release(ptr)
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include "../test.h"

static unsigned long allocations; /* since the last count_from_here */
static unsigned long fail_at;     /* the number of the one that fails; 0: none */
static bool fail_after;           /* so do all that follow */
static long living;               /* allocated and not freed */

static void *allocate(size_t size) {
  allocations++;
  if (fail_at && (allocations == fail_at || (fail_after && allocations > fail_at))) {
    errno = ENOMEM;
    return NULL;
  }
  void *ptr = malloc(size);
  if (ptr) {
    memset(ptr, 0xa5, size); /* nobody may count on zeroes */
    living++;
  }
  return ptr;
}

static void release(void *ptr) {
  living -= ptr != NULL;
  free(ptr);
}

/* What a call that fails must leave alone. */
static ctr_config *const no_config = (ctr_config *)&no_config;
static ctr_json *const no_json = (ctr_json *)&no_config;
static ctr_plan *const no_plan = (ctr_plan *)&no_config;

typedef struct text {
  char bytes[65536];
  size_t len;
} text;

static int collect(void *userdata, const char *bytes, size_t len) {
  text *t = userdata;
  if (t->len + len >= sizeof t->bytes) return 1;
  memcpy(t->bytes + t->len, bytes, len);
  t->bytes[t->len += len] = '\0';
  return 0;
}

/* What came of a run: the config written back and the plan explained. */
typedef struct run {
  text json, plan;
  ctr_err err;
} run;

/* Called with each of the config's JSON, and the arena. NULL err: nobody wants to know. */
static ctr_code write_and_plan(ctr_arena *mem, const ctr_config *config, run *r, ctr_err *err) {
  ctr_json *value = no_json;
  ctr_plan *plan = no_plan;
  ctr_code code = ctr_config_to_json(mem, config, &value, err);
  CHECK((code == CTR_OK) == (value != no_json));
  if (!code) code = ctr_json_write(value, CTR_JSON_INDENT, collect, &r->json, err);
  if (code) return code;
  code = ctr_plan_new(config, NULL, &plan, err);
  CHECK((code == CTR_OK) == (plan != no_plan));
  if (code) return code;
  code = ctr_plan_explain(plan, collect, &r->plan, err);
  ctr_plan_free(plan);
  return code;
}

static const char *input; /* of from_text */

static ctr_code from_text(run *r, ctr_err *err) {
  ctr_arena mem = {0};
  ctr_json *value = no_json;
  ctr_config *config = no_config;
  ctr_strs unknown = {NULL, 99};
  ctr_code code = ctr_json_parse(&mem, input, strlen(input), NULL, &value, err);
  CHECK((code == CTR_OK) == (value != no_json));
  if (!code) {
    code = ctr_config_from_json(&mem, value, &config, &unknown, err);
    CHECK((code == CTR_OK) == (config != no_config) && (code == CTR_OK) == (unknown.count != 99));
  }
  if (!code) code = write_and_plan(&mem, config, r, err);
  ctr_arena_free(&mem);
  return code;
}

static ctr_code from_default(run *r, ctr_err *err) {
  ctr_arena mem = {0};
  ctr_config *config = no_config;
  ctr_code code = ctr_config_default(&mem, CTR_DEFAULT_ROOTLESS, &config, err);
  CHECK((code == CTR_OK) == (config != no_config));
  if (!code) code = write_and_plan(&mem, config, r, err);
  ctr_arena_free(&mem);
  return code;
}

static ctr_code run_failing_at(ctr_code (*way)(run *, ctr_err *), unsigned long n, bool after,
                               run *r, ctr_err *err) {
  r->json.len = r->plan.len = 0;
  allocations = 0;
  fail_at = n;
  fail_after = after;
  ctr_code code = way(r, err);
  fail_at = 0;
  return code;
}

/* Lets each allocation of a way fail in turn: alone, with all that follow, and without an err. */
static void check_every_allocation(ctr_code (*way)(run *, ctr_err *), const char *what) {
  static run whole, broken;
  long before = living;
  ctr_code code = run_failing_at(way, 0, false, &whole, &whole.err);
  CHECK_MSG(!code, "%s: %s", what, whole.err.msg);
  unsigned long count = allocations;
  CHECK(count > 3);
  for (unsigned long n = 1; n <= count && !test_failures; n++)
    for (int mode = 0; mode < 3; mode++) {
      broken.err = (ctr_err){0};
      code = run_failing_at(way, n, mode == 1, &broken, mode == 2 ? NULL : &broken.err);
      CHECK_MSG(code == CTR_E_NOMEM, "%s: allocation %lu of %lu failed, mode %d: %s, %s", what, n,
                count, mode, ctr_code_name(code), broken.err.msg);
      if (mode != 2 && code) CHECK_MSG(broken.err.code == code && *broken.err.msg, "%s", what);
      CHECK_MSG(living == before, "%s: allocation %lu failed, %ld blocks are left", what, n,
                living - before);
    }
  code = run_failing_at(way, count + 1, true, &broken, &broken.err);
  CHECK_MSG(!code, "%s: %s", what, broken.err.msg);
  CHECK_STR(broken.json.bytes, whole.json.bytes);
  CHECK_STR(broken.plan.bytes, whole.plan.bytes);
}

TEST(the_default_container_survives_any_lack_of_memory) {
  check_every_allocation(from_default, "default");
}

/* Everything that makes the planner allocate, for whoever runs this; no maps: the caller's own. */
static const char example[] =
    "{\"ociVersion\":\"1.0.0\",\"%s\":{},\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
    "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
    "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"options\":[\"ro\",\"nosuid\"]},"
    "{\"destination\":\"/b\",\"source\":\"b\",\"options\":[\"rbind\",\"ro\",\"rslave\"]},"
    "{\"destination\":\"/o\",\"type\":\"overlay\",\"options\":[\"iversion\",\"a=1\",\"b=2\"]},"
    "{\"destination\":\"/t\",\"type\":\"tmpfs\",\"options\":[\"ro\",\"tmpcopyup\",\"size=1\"]},"
    "{\"destination\":\"/t\",\"options\":[\"remount\",\"size=2\",\"noexec\"]}],"
    "\"process\":{\"cwd\":\"/\",\"args\":[\"prog\",\"arg\"],\"env\":[\"PATH=/a:/b::/c\",\"X=1\"],"
    "\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":0}],\"oomScoreAdj\":1,"
    "\"scheduler\":{\"policy\":\"SCHED_BATCH\"},\"user\":{\"uid\":0,\"gid\":0}},\"hostname\":\"h\","
    "\"linux\":{\"namespaces\":[{\"type\":\"user\"},{\"type\":\"mount\"},{\"type\":\"uts\"},"
    "{\"type\":\"time\"},{\"type\":\"network\"},{\"type\":\"pid\"},{\"type\":\"ipc\",\"path\":\"/"
    "%s\"}],"
    "\"timeOffsets\":{\"boottime\":{\"secs\":1},\"monotonic\":{\"secs\":2}},"
    "\"devices\":[{\"type\":\"p\",\"path\":\"/dev/p\"}],\"unknown\":1,"
    "\"sysctl\":{\"net.a\":\"1\"},\"maskedPaths\":[\"/m\"],\"readonlyPaths\":[\"/r\"],"
    "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\"}}}";

/* The arenas of reader and planner allocate in blocks: padding an early string of each moves what
   is asked for first from a new block, so that in the end most places that ask are refused once. */
TEST(an_example_survives_any_lack_of_memory) {
  static char padded[sizeof example + 16384], padding[8192];
  for (size_t pad = 0; pad < 4096 && !test_failures; pad += 16) {
    char what[32];
    memset(padding, 'x', pad);
    padding[pad] = '\0';
    snprintf(padded, sizeof padded, example, padding, padding);
    snprintf(what, sizeof what, "padding %zu", pad);
    input = padded;
    check_every_allocation(from_text, what);
  }
}

TEST(an_object_of_many_members_survives_any_lack_of_memory) {
  static char text_[8192];
  size_t len = 0;
  for (int i = 0; i < 40; i++)
    len += (size_t)snprintf(text_ + len, sizeof text_ - len, "%s\"k%d\":\"v\"", i ? "," : "", i);
  static char whole[sizeof text_ + 256];
  snprintf(whole, sizeof whole,
           "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/\"},"
           "\"process\":{\"cwd\":\"/\",\"args\":[\"a\"]},"
           "\"linux\":{\"namespaces\":[{\"type\":\"user\"},{\"type\":\"mount\"}]},"
           "\"annotations\":{%s}}",
           text_);
  input = whole;
  check_every_allocation(from_text, "many members");
}

TEST_MAIN
