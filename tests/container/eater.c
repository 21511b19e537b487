/* What runs inside the containers of test_limits.c and takes what it can get.

     eater forks N      makes children until that fails, at most N; "made N"; waits to be ended
     eater memory MIB   touches so much, "took N" for each MiB
     eater cpu          computes for ever
     eater count FILE   counts up in the first 8 bytes of a file, for ever
     eater open FLAG PATH...  opens each for 'r' or 'w', "PATH ok" or "PATH EPERM"
     eater node PATH    makes a character device 1:3 there, as above
     eater nothing */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

__attribute__((noreturn)) static void forks(int most) {
  int made = 0;
  for (; made < most; made++) {
    pid_t pid = fork();
    if (pid < 0) break;
    if (pid == 0)
      for (;;) pause();
  }
  printf("made %d\n", made);
  fflush(stdout);
  for (;;) pause();
}

static int memory(int mib) {
  for (int i = 1; i <= mib; i++) {
    char *more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (more == MAP_FAILED) return 1;
    memset(more, i, 1 << 20);
    printf("took %d\n", i);
    fflush(stdout);
  }
  return 0;
}

__attribute__((noreturn)) static void cpu(void) {
  for (volatile unsigned n = 0;; n++) continue;
}

static int count(const char *path) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  volatile uint64_t *at = mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd < 0 || at == MAP_FAILED) return 1;
  puts("counting");
  fflush(stdout);
  for (;;) ++*at;
}

static void say(const char *path, int r) {
  printf("%s %s\n", path,
         r >= 0           ? "ok"
         : errno == EPERM ? "EPERM"
         : errno == ENXIO ? "ENXIO"
                          : strerror(errno));
}

static int open_all(char mode, char **paths) {
  for (; *paths; paths++)
    say(*paths, open(*paths, (mode == 'w' ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC));
  return 0;
}

int main(int argc, char **argv) {
  const char *command = argc > 1 ? argv[1] : "";
  if (!strcmp(command, "forks") && argc == 3) forks(atoi(argv[2]));
  if (!strcmp(command, "memory") && argc == 3) return memory(atoi(argv[2]));
  if (!strcmp(command, "cpu")) cpu();
  if (!strcmp(command, "count") && argc == 3) return count(argv[2]);
  if (!strcmp(command, "open") && argc > 3) return open_all(*argv[2], argv + 3);
  if (!strcmp(command, "node") && argc == 3)
    return say(argv[2], mknod(argv[2], S_IFCHR | 0600, makedev(1, 3))), 0;
  return strcmp(command, "nothing") != 0;
}
