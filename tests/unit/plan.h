/* Plans of made-up configs on made-up machines: neither the machine nor the user who runs the tests
   matters.

     TEST(the_umask_is_set) {
       PLAN(.process = ",'user':{'umask':18}");
       check_lines("umask", now.text, "set the umask to 0022  <- process.user.umask");
     } */
#ifndef PLAN_H
#define PLAN_H

static void *test_malloc(__SIZE_TYPE__ size);
#define CTR_MALLOC(size) test_malloc(size)
#define CTR_FREE(ptr)    free(ptr)
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include "../test.h"

static long allocations_until_one_fails = -1; /* -1: none does */

static void *test_malloc(size_t size) {
  if (allocations_until_one_fails >= 0 && allocations_until_one_fails-- == 0) return NULL;
  return malloc(size);
}

/* -- made-up machines -- */

#define ALL_CAPS     ((UINT64_C(1) << CTR_CAP_COUNT) - 1)
#define ALL_FEATURES (CTR_FEATURE_CLONE3 | CTR_FEATURE_MOUNT_SETATTR | CTR_FEATURE_SETNS_PIDFD)
#define FILTERS_TAKEN                                                                              \
  .can_filter = true, .filter_flags = 1 | 2 | 4 | 32, .landlock_abi = 6, .selinux = true,          \
  .apparmor = true, .apparmor_dir = true
#define LIMITS                                                                                     \
  { [RLIMIT_NOFILE] = 4096, [RLIMIT_NPROC] = 100 }

static const ctr__facts root_facts = {.initial_userns = true,
                                      .owns_mounts = true,
                                      .caps = ALL_CAPS,
                                      .permitted = ALL_CAPS,
                                      .bounding = ALL_CAPS,
                                      .features = ALL_FEATURES,
                                      .hard_limit = LIMITS,
                                      FILTERS_TAKEN};
static const ctr__facts user_facts = {.euid = 1000,
                                      .egid = 1001,
                                      .initial_userns = true,
                                      .owns_mounts = true,
                                      .bounding = ALL_CAPS,
                                      .features = ALL_FEATURES,
                                      .hard_limit = LIMITS,
                                      FILTERS_TAKEN};
static const ctr__facts nested_facts = {.caps = ALL_CAPS, /* root inside a user namespace */
                                        .node_uid = CTR__NOBODY,
                                        .owns_mounts = true,
                                        .permitted = ALL_CAPS,
                                        .bounding = ALL_CAPS,
                                        .features = ALL_FEATURES,
                                        .hard_limit = LIMITS,
                                        FILTERS_TAKEN};
static const ctr__facts pid_root_facts = {.initial_userns = true, /* where others may be root too */
                                          .is_pid_root = true,
                                          .owns_mounts = true,
                                          .caps = ALL_CAPS,
                                          .permitted = ALL_CAPS,
                                          .bounding = ALL_CAPS,
                                          .features = ALL_FEATURES,
                                          .hard_limit = LIMITS,
                                          FILTERS_TAKEN};
static const ctr__facts old_kernel_facts = {.initial_userns = true,
                                            .owns_mounts = true,
                                            .caps = ALL_CAPS,
                                            .permitted = ALL_CAPS,
                                            .bounding = ALL_CAPS,
                                            .hard_limit = LIMITS,
                                            FILTERS_TAKEN};

/* A hybrid one. Under no circumstances is anything made below /dev/null. */
static const ctr__hierarchies made_up_hierarchies = {
    .items =
        {{.mount_point = "/dev/null/v1/pids", .name = "pids", .root = "/", .options = "rw,pids"},
         {.mount_point = "/dev/null/v1/freezer",
          .name = "freezer",
          .root = "/slice",
          .options = "rw,freezer"},
         {.mount_point = "/dev/null/v2", .name = "v2", .root = "/", .options = "rw", .v2 = true}},
    .count = 3,
    .v1_count = 2,
    .membership = "5:pids:/own\n4:freezer:/slice/own\n0::/user.slice\n"};

/* -- a config in pieces of JSON, with ' for " -- */

typedef struct setup {
  const char *root, *program, *process, *mounts, *namespaces, *linux_, *top; /* NULL: as below */
  const ctr__facts *facts;                                                   /* NULL: root_facts */
  ctr_plan_desc desc;
  ctr__purpose purpose;                /* zero: a process of its own         */
  const ctr__hierarchies *hierarchies; /* of a container; NULL: as above     */
} setup;

#define CREATE .purpose = {.goal = CTR__GOAL_CREATE}, .desc.id = "box"
#define RUN    .purpose = {.goal = CTR__GOAL_RUN}, .desc.id = "box"
#define EXEC   .purpose = {.goal = CTR__GOAL_EXEC, .init_pid = 4711, .init_start = 815}
#define ONE_HOOK(kind, index)                                                                      \
  .purpose = {.goal = CTR__GOAL_HOOK, .hook_kind = CTR__HOOK_##kind, .hook_index = index},         \
  .desc.id = "box"

#define SPACES(...) .namespaces = __VA_ARGS__
#define MOUNT_NS    "{'type':'mount'}"
#define USER_NS     MOUNT_NS ",{'type':'user'}"

typedef struct compiled {
  ctr_arena mem;
  ctr_config *config;
  ctr_plan *plan; /* NULL: refused */
  ctr_code code;
  ctr_err err;
  char text[1 << 16]; /* the plan without the numbers of steps, or "!" and what was refused */
  size_t len;
  char warnings[4096]; /* fields that were warned of */
  char news[4096];     /* fields of which something else was said */
} compiled;

static compiled now; /* the last plan that was compiled */

static inline void forget(void) {
  ctr_plan_free(now.plan);
  ctr_arena_free(&now.mem);
  now = (compiled){.plan = NULL};
}

__attribute__((destructor)) static void forget_the_last(void) {
  forget();
}

static inline int keep_line(void *userdata, const char *text, size_t len) {
  compiled *c = userdata;
  if (len < 5 || c->len + len >= sizeof c->text) return 1;
  memcpy(c->text + c->len, text + 5, len - 5);
  c->len += len - 5;
  c->text[c->len] = '\0';
  return 0;
}

static inline void keep_warning(void *userdata, ctr_level level, const char *field,
                                const char *text) {
  compiled *c = userdata;
  char *said = level == CTR_LOG_WARNING ? c->warnings : c->news;
  size_t used = strlen(said);
  (void)text;
  snprintf(said + used, sizeof c->warnings - used, "%s;", field);
}

static inline const char *or_else(const char *text, const char *fallback) {
  return text ? text : fallback;
}

static inline ctr_config *config_of(ctr_arena *mem, const setup *s, ctr_err *err) {
  static char json[1 << 16];
  snprintf(json, sizeof json,
           "{'ociVersion':'1.3.0','root':{%s},'process':{%s%s},'mounts':[%s],"
           "'linux':{'namespaces':[%s]%s}%s}",
           or_else(s->root, "'path':'/r'"), or_else(s->program, "'cwd':'/','args':['/p']"),
           or_else(s->process, ""), or_else(s->mounts, ""), or_else(s->namespaces, MOUNT_NS),
           or_else(s->linux_, ""), or_else(s->top, ""));
  for (char *at = json; *at; at++)
    if (*at == '\'') *at = '"';
  ctr_config *config = NULL;
  if (ctr_config_parse(mem, json, strlen(json), &config, err)) return NULL;
  return config;
}

/* As ctr__plan_compile does, on a machine with the hierarchies given. */
static inline ctr_code compile_on(const ctr__hierarchies *hierarchies, ctr__builder *b,
                                  ctr_plan **ret) {
  ctr_arena arena = {0};
  ctr__hierarchies copy = *hierarchies; /* which of them the container uses is noted in it */
  b->arena = &arena;
  b->hierarchies = &copy;
  ctr_code code = ctr__plan_for_goal(b);
  if (!code) {
    ctr__ref argv = ctr__add_strs(b, b->config->process.args);
    ctr__ref envp = ctr__add_strs(b, b->config->process.env);
    *ret = ctr__builder_finish(b, argv, envp);
    if (!*ret) code = ctr__nomem(b->err);
  }
  ctr_arena_free(&arena);
  return code;
}

/* As ctr__plan_for does, with the facts given. */
static inline ctr_code plan_of(const ctr_config *config, const setup *s, ctr_plan **ret,
                               ctr_err *err) {
  ctr_plan_desc desc = s->desc;
  const ctr__facts *facts = s->facts ? s->facts : &root_facts;
  desc.log = (ctr_log){keep_warning, &now};
  ctr_code code = ctr__config_check(config, &desc.log, err);
  if (code) return code;
  const bool asks_machine = s->purpose.goal == CTR__GOAL_RUN ||
                            s->purpose.goal == CTR__GOAL_CREATE ||
                            s->purpose.goal == CTR__GOAL_UPDATE;
  if (!asks_machine) return ctr__plan_compile(config, &desc, &s->purpose, facts, ret, err);
  ctr__builder b = {
      .config = config, .desc = &desc, .purpose = &s->purpose, .facts = facts, .err = err};
  return compile_on(s->hierarchies ? s->hierarchies : &made_up_hierarchies, &b, ret);
}

static inline const char *compile_config(ctr_config *config, const setup *s) {
  now.config = config;
  now.code = config ? plan_of(config, s, &now.plan, &now.err) : now.err.code;
  if (now.code)
    snprintf(now.text, sizeof now.text, "!%s", now.err.msg);
  else
    ctr_plan_explain(now.plan, keep_line, &now, NULL);
  return now.text;
}

static inline const char *compile(const setup *s) {
  forget();
  return compile_config(config_of(&now.mem, s, &now.err), s);
}
#define PLAN(...) compile(&(setup){__VA_ARGS__})

#define CHECK_REFUSED(label, code_, field_)                                                        \
  CHECK_MSG(now.code == (code_) && !strcmp(now.err.field, field_) && !now.plan,                    \
            "%s: %s, field \"%s\": %s", label, ctr_code_name(now.code), now.err.field,             \
            now.err.msg)

/* Every line must be there (a part of it will do), in this order. */
static inline void check_lines(const char *label, const char *text, const char *lines) {
  const char *from = text;
  for (const char *line = lines; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    char one[512];
    snprintf(one, sizeof one, "%.*s", (int)strcspn(line, "\n"), line);
    const char *found = strstr(from, one);
    CHECK_MSG(found, "%s: \"%s\" %s in:\n%s", label, one,
              strstr(text, one) ? "comes too early" : "is missing", text);
    if (!found) return;
    from = found + strlen(one);
  }
}

static inline const ctr__step *step_of(enum ctr__kind kind) {
  for (uint32_t i = 0; now.plan && i < now.plan->step_count; i++)
    if (ctr__plan_step(now.plan, i)->kind == kind) return ctr__plan_step(now.plan, i);
  return NULL;
}

/* Which number of the first step of a kind is what. */
static inline void check_num(const char *label, enum ctr__kind kind, int i, uint64_t should) {
  const ctr__step *step = step_of(kind);
  CHECK_MSG(step && step->num[i] == should, "%s: number %d is %#llx, should be %#llx", label, i,
            step ? (unsigned long long)step->num[i] : 0, (unsigned long long)should);
}

#endif
