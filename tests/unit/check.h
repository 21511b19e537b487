/* Configs that are filled by hand, and what the checks make of them.

     TEST(the_working_directory_is_checked) {
       BAD("process.cwd", c->process.cwd = "tmp");
       GOOD(c->process.cwd = "/tmp");
     } */
#ifndef CHECK_H
#define CHECK_H

#define CTR_IMPLEMENTATION
#include "ctr.h"

#include "../test.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* JSON in C is easier to read with ' for ". */
static inline ctr_code parse(ctr_arena *mem, const char *text, ctr_config **config,
                             ctr_strs *unknown, ctr_err *err) {
  ctr_json *value = NULL;
  char *copy = ctr__arena_strdup(mem, text);
  for (char *at = copy; *at; at++)
    if (*at == '\'') *at = '"';
  ctr_code code = ctr_json_parse(mem, copy, strlen(copy), NULL, &value, err);
  return code ? code : ctr_config_from_json(mem, value, config, unknown, err);
}

/* -- what becomes of a config, found out in a process of its own: some crash -- */

typedef struct outcome {
  int died; /* a signal, or the status of a sanitizer */
  ctr_code check, plan, plan_without_err;
  char field[128], msg[512];
  bool unreadable;   /* was written, but cannot be read back */
  char warned[1024]; /* "field: text|" … */
} outcome;

static inline void note_warning(void *userdata, ctr_level level, const char *field,
                                const char *text) {
  outcome *o = userdata;
  size_t len = strlen(o->warned);
  if (level == CTR_LOG_WARNING)
    snprintf(o->warned + len, sizeof o->warned - len, "%s: %s|", field, text);
}

static inline outcome apart(const ctr_config *config, void (*fn)(const ctr_config *, outcome *)) {
  outcome *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                         -1, 0);
  int status = -1;
  pid_t pid = fork();
  if (pid == 0) {
    fn(config, shared);
    _exit(0);
  }
  waitpid(pid, &status, 0);
  outcome result = *shared;
  munmap(shared, sizeof *shared);
  result.died = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

static inline void plan_it(const ctr_config *config, outcome *o) {
  ctr_plan *plan = NULL;
  ctr_plan_desc desc = {.log = {note_warning, o}};
  ctr_err err = {.msg = "not touched"};
  o->check = ctr__config_check(config, NULL, NULL);
  o->plan_without_err = ctr_plan_new(config, NULL, &plan, NULL);
  ctr_plan_free(plan);
  plan = NULL;
  o->warned[0] = '\0';
  o->plan = ctr_plan_new(config, &desc, &plan, &err);
  snprintf(o->field, sizeof o->field, "%s", err.field);
  snprintf(o->msg, sizeof o->msg, "%s", err.msg);
  if (!plan != !!o->plan || err.code != o->plan) abort(); /* a plan, or an error: never both */
  ctr_plan_free(plan);
}

static inline int collect(void *userdata, const char *text, size_t len) {
  strncat(userdata, text, len);
  return 0;
}

static inline void write_it(const ctr_config *config, outcome *o) {
  static char text[65536];
  ctr_arena mem = {0};
  ctr_json *value = NULL;
  ctr_config *again = NULL;
  o->unreadable = !ctr_config_to_json(&mem, config, &value, NULL) &&
                  (ctr_json_write(value, CTR_JSON_COMPACT, collect, text, NULL) ||
                   ctr_config_parse(&mem, text, strlen(text), &again, NULL));
  ctr_arena_free(&mem);
}

/* A default config to be spoilt; lists by compound literals. Root's, whoever runs this: what a
   check refuses is refused before anybody's rights are asked for. */
static inline ctr_config *fresh(void) {
  static ctr_arena mem;
  ctr_config *config = NULL;
  ctr_arena_free(&mem);
  if (ctr_config_default(&mem, CTR_DEFAULT_ROOT, &config, NULL)) abort();
  return config;
}

#define LIST(type, ...)                                                                            \
  { (const type[]){__VA_ARGS__}, sizeof((const type[]){__VA_ARGS__}) / sizeof(type) }

/* The default with a change is accepted by the checks, and planning it at least does no harm. */
#define GOOD(...)                                                                                  \
  do {                                                                                             \
    ctr_config *c = fresh();                                                                       \
    __VA_ARGS__;                                                                                   \
    outcome o_ = apart(c, plan_it);                                                                \
    CHECK_MSG(!o_.died && o_.check == CTR_OK, "died %d, %s: %s", o_.died, o_.msg, #__VA_ARGS__);   \
  } while (0)

static inline bool is_part_of(const char *field, const char *whole) {
  size_t len = strlen(whole);
  return !strncmp(field, whole, len) && strchr(".[", field[len]);
}

static inline void check_refused(const ctr_config *c, ctr_code code, const char *field,
                                 bool exactly, const char *what) {
  outcome o = apart(c, plan_it);
  if (o.died) {
    test_fail(__FILE__, __LINE__, "died of %d, should be refused: %s", o.died, what);
    return;
  }
  bool named = exactly ? !strcmp(o.field, field) : is_part_of(o.field, field);
  CHECK_MSG(o.plan == code && named, "%s, field \"%s\", \"%s\", should be %s: %s",
            ctr_code_name(o.plan), o.field, o.msg, field, what);
  CHECK_MSG(o.plan_without_err == o.plan, "with and without err differ: %s", what);
}

/* The default with a change is refused, field being named. */
#define BAD(field_, ...)                                                                           \
  do {                                                                                             \
    ctr_config *c = fresh();                                                                       \
    __VA_ARGS__;                                                                                   \
    check_refused(c, CTR_E_CONFIG, field_, true, #__VA_ARGS__);                                    \
  } while (0)

/* The same for what no text can say; the name may go into more detail. Nor may it be written as if
   nothing was the matter. */
#define HOLE(field_, ...)                                                                          \
  do {                                                                                             \
    ctr_config *c = fresh();                                                                       \
    __VA_ARGS__;                                                                                   \
    check_refused(c, CTR_E_CONFIG, field_, false, #__VA_ARGS__);                                   \
    outcome o_ = apart(c, write_it);                                                               \
    CHECK_MSG(!o_.died && !o_.unreadable, "writing: died of %d, unreadable %d: %s", o_.died,       \
              o_.unreadable, #__VA_ARGS__);                                                        \
  } while (0)

/* -- changes: to be used in GOOD, BAD and HOLE -- */

#define SPACES(...) c->linux_.namespaces = (ctr_namespaces)LIST(ctr_namespace, __VA_ARGS__)
#define UIDS(...) c->linux_.uidMappings = (ctr_id_mappings)LIST(ctr_id_mapping, __VA_ARGS__)
#define GIDS(...) c->linux_.gidMappings = (ctr_id_mappings)LIST(ctr_id_mapping, __VA_ARGS__)
#define WITH_USER SPACES({CTR_NS_USER, NULL}, {CTR_NS_MOUNT, NULL}, {CTR_NS_UTS, NULL})
#define DEVICES(...) c->linux_.devices = (ctr_devices)LIST(ctr_device, __VA_ARGS__)
#define DEVICE(...) DEVICES({.type = "c", .path = "/a", __VA_ARGS__})
#define NUMBER .major_ = {true, 1}, .minor_ = {true, 3}
#define SYSCTL(key_, value_) c->linux_.sysctl = (ctr_pairs)LIST(ctr_pair, {key_, value_})
#define HOOKS(kind, ...) c->hooks.kind = (ctr_hook_list)LIST(ctr_hook, __VA_ARGS__)
#define POLICY(...) c->linux_.memoryPolicy = (ctr_memory_policy){__VA_ARGS__}

#endif
