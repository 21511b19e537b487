/* What a test has open itself, and processes that it makes. */
#ifndef PROCESSES_H
#define PROCESSES_H

#include "../test.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GUARD_SECONDS = 5 }; /* only a side that hangs is ever kept waiting for so long */

static inline int open_descriptors(void) {
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (dir && readdir(dir)) n++;
  if (dir) closedir(dir);
  return n;
}

/* Runs fn in a process of its own, where it may crash, be killed, or hang. */
static inline void in_a_process(const char *what, void (*fn)(void *), void *arg) {
  pid_t pid = fork();
  if (pid == 0) {
    test_failures = 0;
    alarm(GUARD_SECONDS);
    fn(arg);
    fflush(stdout);
    _exit(test_failures ? 1 : 0);
  }
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  bool hung = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
  CHECK_MSG(status == 0, "%s: %s (status %#x)", what,
            hung                  ? "hangs"
            : WIFSIGNALED(status) ? "crashes"
                                  : "is wrong",
            (unsigned)status);
}

/* One that waits to be killed, as it is at the latest when this one ends. */
static inline pid_t sleeper(void) {
  pid_t pid = fork();
  if (pid == 0) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  while (pid == 0) pause();
  return pid;
}

static inline void end(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}

#endif
