/* A caller with threads that do the same at once (make test-threads): threads ROOTFS STATES. Each
   plans, runs a program and a function, and has a container of its own and one more process in it.
   ThreadSanitizer looks at all but the starts: it does not see clone(2), takes what the child does
   for deeds of the caller's thread, and waits there for locks that nobody holds any more. */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <pthread.h>
#include <stdio.h>

enum { THREADS = 4, TIMES = 10 };
static const char *rootfs, *states;

static int count_bytes(void *bytes, const char *text, size_t len) {
  (void)text;
  *(size_t *)bytes += len;
  return 0;
}

/* All that reads what the process has, or the machine; a config that was read again is the same. */
static ctr_code look(const ctr_config *config, const char *id, ctr_err *err) {
  const ctr_container_desc desc = {.root = states};
  ctr_arena mem = {0};
  ctr_json *json = NULL;
  ctr_config *again = NULL;
  size_t first = 0, second = 0, rights = 0;
  ctr_code code = ctr_container_explain(config, id, &desc, count_bytes, &first, err);
  if (!code) code = ctr_config_to_json(&mem, config, &json, err);
  if (!code) code = ctr_config_from_json(&mem, json, &again, NULL, err);
  if (!code) code = ctr_container_explain(again, id, &desc, count_bytes, &second, err);
  if (!code) code = ctr_rights_explain(count_bytes, &rights, err);
  ctr_arena_free(&mem);
  return !code && (first != second || !rights) ? CTR_E_ARG : code;
}

#ifndef __SANITIZE_THREAD__
static int eleven(void *data) {
  (void)data;
  return 11;
}

static ctr_code run_both(ctr_config *config, ctr_err *err) {
  const ctr_plan_desc plan = {.call_function = true};
  const ctr_process_desc process = {.function = eleven};
  ctr_exit status = {.code = -1};
  config->process.args = CTR_STRS("/probe", "exit", "7");
  ctr_code code = ctr_run(config, NULL, NULL, &status, err);
  if (!code && status.code != 7) return fprintf(stderr, "exit %d\n", status.code), CTR_E_ARG;
  if (!code) code = ctr_run(config, &plan, &process, &status, err);
  if (!code && status.code != 11) return fprintf(stderr, "exit %d\n", status.code), CTR_E_ARG;
  return code;
}

static ctr_code join(ctr_container *c, ctr_err *err) {
  ctr_process_config more = ctr_container_config(c)->process;
  ctr_process *process = NULL;
  ctr_exit status = {.code = -1};
  more.args = CTR_STRS("/probe", "exit", "3");
  ctr_code code = ctr_container_exec(c, &more, NULL, &process, err);
  if (!code) code = ctr_process_wait(process, &status, err);
  ctr_process_free(process);
  return !code && status.code != 3 ? CTR_E_ARG : code;
}

static ctr_code live(ctr_config *config, const char *id, ctr_err *err) {
  const ctr_container_desc desc = {.root = states, .plan = {.no_cgroup = true}};
  ctr_container *c = NULL, *again = NULL;
  ctr_state state;
  config->process.args = CTR_STRS("/probe", "wait");
  ctr_code code = ctr_container_run(config, id, &desc, &c, err);
  if (!code) code = ctr_container_open(states, id, &again, err);
  if (!code) code = ctr_container_state(again, &state, err);
  if (!code) code = join(c, err);
  if (c && ctr_container_delete(c, true, code ? &(ctr_err){0} : err) && !code) code = err->code;
  ctr_container_free(again);
  ctr_container_free(c);
  return code;
}

#endif

static void *start(void *number) {
  ctr_code code = CTR_OK;
  ctr_err err = {0};
  char id[32];
  snprintf(id, sizeof id, "thread-%d", *(int *)number);
  for (int i = 0; i < TIMES && !code; i++) {
    ctr_arena mem = {0};
    ctr_config *config = NULL;
    code = ctr_config_default(&mem, CTR_DEFAULT_AUTO, &config, &err);
    if (!code) config->root = (ctr_root){.path = rootfs};
    if (!code) code = look(config, id, &err);
#ifndef __SANITIZE_THREAD__
    if (!code) code = run_both(config, &err);
    if (!code) code = live(config, id, &err);
#endif
    ctr_arena_free(&mem);
  }
  if (code) fprintf(stderr, "%s: %s\n", id, err.msg);
  return code ? number : NULL;
}

int main(int argc, char **argv) {
  pthread_t threads[THREADS];
  int numbers[THREADS], failed = 0;
  if (argc != 3) return 2;
  rootfs = argv[1];
  states = argv[2];
  for (int i = 0; i < THREADS; i++) {
    numbers[i] = i;
    if (pthread_create(&threads[i], NULL, start, &numbers[i])) return 2;
  }
  for (int i = 0; i < THREADS; i++) {
    void *result = NULL;
    pthread_join(threads[i], &result);
    failed += result != NULL;
  }
  printf("%d threads, %d times each: %d failed\n", THREADS, TIMES, failed);
  return failed != 0;
}
