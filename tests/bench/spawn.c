/* The stopwatch: a small process, because what posix_spawn(3) costs, and the peak memory that the
   kernel hands on over execve(2), should not be those of Python.

     spawn COUNT PROGRAM [ARG...]      runs PROGRAM COUNT times, one after the other; prints
                                       "run NANOSECONDS KIB" each; its exit status if that is not 0

   KIB: the largest resident set of PROGRAM or of one of the processes it waited for. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  for (long n = atol(argv[1]); n > 0; n--) {
    struct timespec a, b;
    struct rusage usage;
    pid_t pid;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &a);
    int error = posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ);
    if (error) return fprintf(stderr, "spawn: %s: %s\n", argv[2], strerror(error)), 127;
    if (wait4(pid, &status, 0, &usage) < 0) return perror("spawn"), 127;
    clock_gettime(CLOCK_MONOTONIC, &b);
    if (status) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    printf("run %ld %ld\n", (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec,
           usage.ru_maxrss);
  }
  return 0;
}
