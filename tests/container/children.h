/* Processes that a test has started itself, to be in cgroups, and ends again.

     children[child_count++] = fork();
     ...
     CHECK_NUM(end_of(children[0]), SIGKILL); */
#ifndef CHILDREN_H
#define CHILDREN_H

#include "box.h"

enum { CHILDREN = 400, DEADLINE_MS = 60000 };

static pid_t children[CHILDREN]; /* of the test that runs */
static size_t child_count;

/* The signal that ended it; 0 when it ended otherwise, -1 when it did not within the deadline. */
static inline int end_of(pid_t pid) {
  int status = 0, pidfd = (int)syscall(CTR__SYS_pidfd_open, pid, 0);
  int ended = poll(&(struct pollfd){pidfd, POLLIN, 0}, 1, DEADLINE_MS);
  close(pidfd);
  if (ended != 1 || waitpid(pid, &status, 0) != pid) return -1;
  for (size_t i = 0; i < child_count; i++)
    if (children[i] == pid) children[i] = children[--child_count];
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

#endif
