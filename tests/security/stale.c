/* A caller that keeps a handle, and uses it when it is told to: stale STATES ID
   It says what came of it, a line "WHAT CODE" each, the most harmful last. */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <stdio.h>

int main(int argc, char **argv) {
  ctr_container *c = NULL;
  ctr_arena mem = {0};
  ctr_stats stats;
  ctr_err err = {0};
  pid_t *pids = NULL;
  size_t count = 0;
  if (argc < 3) return 2;
  if (ctr_container_open(argv[1], argv[2], &c, &err)) return fprintf(stderr, "%s\n", err.msg), 1;
  puts("open");
  fflush(stdout);
  if (getchar() == EOF) return 1;
  printf("pids %s\n", ctr_code_name(ctr_container_pids(c, &mem, &pids, &count, &err)));
  printf("stats %s\n", ctr_code_name(ctr_container_stats(c, &mem, &stats, &err)));
  printf("signal %s\n", ctr_code_name(ctr_container_signal(c, SIGKILL, true, &err)));
  ctr_container_free(c);
  ctr_arena_free(&mem);
  return 0;
}
