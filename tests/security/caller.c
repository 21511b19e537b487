/* A caller with threads: while one starts containers, another sees that nothing of the process
   changes: its umask, working directory, signal handlers, environment, and the threads' masks.

     caller ROOTFS STATES TIMES   each time a program, a container, and one more process in it

   Says what has changed, a line each. */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

typedef struct look {
  char umask[16], mask[32], cwd[4096], environment[1 << 16];
  struct sigaction actions[65];
  struct stat root;
} look;

static volatile int done;
static look at_first;

static void on_signal(int number) {
  (void)number;
}

/* proc_pid_status(5): there is no other way to read a umask without changing it. */
static void take(look *l, bool with_mask) {
  char line[256];
  memset(l, 0, sizeof *l);
  FILE *file = fopen("/proc/thread-self/status", "re");
  while (file && fgets(line, sizeof line, file)) {
    sscanf(line, "Umask: %15s", l->umask);
    if (with_mask) sscanf(line, "SigBlk: %31s", l->mask);
  }
  if (file) fclose(file);
  if (!getcwd(l->cwd, sizeof l->cwd)) strcpy(l->cwd, "?");
  for (int i = 1; i < 65; i++) sigaction(i, NULL, &l->actions[i]);
  for (char **e = environ; *e; e++)
    if (strlen(l->environment) + strlen(*e) + 2 < sizeof l->environment)
      strcat(strcat(l->environment, *e), "\n");
  stat("/", &l->root);
}

static void say(const char *what, bool same) {
  static char said[256];
  if (same || strstr(said, what)) return;
  strcat(said, what);
  printf("%s\n", what);
  fflush(stdout);
}

static bool same_actions(const look *l) {
  for (int i = 1; i < 65; i++)
    if (l->actions[i].sa_handler != at_first.actions[i].sa_handler ||
        l->actions[i].sa_flags != at_first.actions[i].sa_flags)
      return false;
  return true;
}

static void compare(const look *l) {
  say("umask", !strcmp(l->umask, at_first.umask));
  say("cwd", !strcmp(l->cwd, at_first.cwd));
  say("handlers", same_actions(l));
  say("environment", !strcmp(l->environment, at_first.environment));
  say("root", l->root.st_ino == at_first.root.st_ino && l->root.st_dev == at_first.root.st_dev);
}

static void *watch(void *unused) {
  static look now;
  (void)unused;
  while (!done) {
    take(&now, false);
    compare(&now);
  }
  return NULL;
}

static int fail(const ctr_err *err) {
  fprintf(stderr, "caller: %s\n", err->msg);
  return 1;
}

static int start(ctr_config *config, const char *states, ctr_err *err) {
  ctr_container_desc desc = {.root = states};
  ctr_container *container = NULL;
  ctr_process *process = NULL;
  ctr_exit status;
  if (ctr_run(config, NULL, NULL, &status, err)) return 1;
  if (status.code || status.signal) fprintf(stderr, "caller: the program failed\n");
  char id[64];
  snprintf(id, sizeof id, "caller-%d", getpid()); /* its cgroup is called after it */
  config->process.args = CTR_STRS("/probe", "wait");
  if (ctr_container_create(config, id, &desc, &container, err)) return 1;
  ctr_process_config more = ctr_container_config(container)->process;
  more.args = CTR_STRS("/probe", "exit", "0");
  int r = ctr_container_start(container, err) ||
          ctr_container_exec(container, &more, NULL, &process, err) ||
          ctr_process_wait(process, &status, err);
  ctr_process_free(process);
  ctr_err other;
  ctr_container_delete(container, true, r ? &other : err);
  ctr_container_free(container);
  return r;
}

int main(int argc, char **argv) {
  static look now;
  ctr_arena arena = {0};
  ctr_config *config;
  ctr_err err = {0};
  pthread_t thread;
  if (argc < 4) return 2;
  sigset_t some;
  sigemptyset(&some);
  sigaddset(&some, SIGUSR2);
  sigprocmask(SIG_BLOCK, &some, NULL);
  signal(SIGUSR1, on_signal);
  signal(SIGHUP, SIG_IGN);
  umask(027);
  take(&at_first, true);
  pthread_create(&thread, NULL, watch, NULL);
  int r = 0;
  for (int i = 0; i < atoi(argv[3]) && !r; i++) {
    r = ctr_config_default(&arena, CTR_DEFAULT_AUTO, &config, &err);
    if (r) break;
    config->root.path = argv[1];
    config->process.args = CTR_STRS("/probe", "exit", "0");
    r = start(config, argv[2], &err);
    take(&now, true);
    compare(&now);
    say("mask", !strcmp(now.mask, at_first.mask));
  }
  done = 1;
  pthread_join(thread, NULL);
  ctr_arena_free(&arena);
  return r ? fail(&err) : 0;
}
