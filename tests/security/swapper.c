/* The attacker of test_races.py, and who looks at what became of it.

     swapper swap DIR A B...   exchanges A and B in DIR, and so on for each three, without pause,
                               and takes away what is made in A if that is a directory; "ready";
                               on SIGTERM says how often it has exchanged a pair
     swapper look DIR FILE     says in FILE what is mounted at DIR or below it, if anything is */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAIRS_MAX = 32, RENAME_EXCHANGE_FLAG = 2 /* renameat2(2) */ };

static volatile sig_atomic_t is_over;

static void end(int signal) {
  (void)signal;
  is_over = 1;
}

/* By the descriptor of the directory itself: what was made where the link leads is the proof. */
static void clear(int made_in) {
  unlinkat(made_in, "new", 0);
  unlinkat(made_in, "new", AT_REMOVEDIR);
}

static int swap(int count, char **names) {
  int dir[PAIRS_MAX], made_in[PAIRS_MAX];
  unsigned long swaps = 0;
  signal(SIGTERM, end);
  if (count > PAIRS_MAX) return 2;
  for (int i = 0; i < count; i++) {
    dir[i] = open(names[3 * i], O_PATH | O_DIRECTORY | O_CLOEXEC);
    made_in[i] = openat(dir[i], names[3 * i + 1], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir[i] < 0) return perror(names[3 * i]), 1;
  }
  puts("ready");
  fflush(stdout);
  for (int i = 0; !is_over; i = (i + 1) % count) {
    if (syscall(SYS_renameat2, dir[i], names[3 * i + 1], dir[i], names[3 * i + 2],
                RENAME_EXCHANGE_FLAG) < 0)
      return perror("renameat2"), 1;
    if (++swaps % 64 == 0)
      for (int k = 0; k < count; k++) clear(made_in[k]);
  }
  return printf("%lu\n", swaps) < 0;
}

/* proc_pid_mountinfo(5): the fifth word is where. */
static int look(const char *dir, const char *file) {
  char *line = NULL, at[4096];
  size_t room = 0, len = strlen(dir);
  FILE *mounts = fopen("/proc/self/mountinfo", "re");
  while (mounts && getline(&line, &room, mounts) > 0)
    if (sscanf(line, "%*s %*s %*s %*s %4095s", at) == 1 && !strncmp(at, dir, len) &&
        (!at[len] || at[len] == '/')) {
      FILE *found = fopen(file, "ae");
      if (!found || fputs(line, found) < 0 || fclose(found)) return 1;
    }
  return mounts ? 0 : 1;
}

int main(int argc, char **argv) {
  if (argc > 4 && !strcmp(argv[1], "swap")) return swap((argc - 2) / 3, argv + 2);
  if (argc == 4 && !strcmp(argv[1], "look")) return look(argv[2], argv[3]);
  return 2;
}
