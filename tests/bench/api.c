/* The library's own call: a bundle's config run COUNT times in one process.

     api BUNDLE COUNT      prints nanoseconds a start, a line each; then "peak N" in KiB */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  static char text[1 << 20], path[4096];
  snprintf(path, sizeof path, "%s/config.json", argv[1]);
  FILE *file = fopen(path, "re");
  size_t len = file ? fread(text, 1, sizeof text, file) : 0;
  if (file) fclose(file);
  for (long n = atol(argv[2]); n > 0; n--) {
    struct timespec a, b;
    ctr_arena mem = {0};
    ctr_config *config;
    ctr_err err;
    ctr_exit status;
    ctr_plan_desc desc = {.bundle = argv[1]};
    clock_gettime(CLOCK_MONOTONIC, &a);
    if (ctr_config_parse(&mem, text, len, &config, &err) ||
        ctr_run(config, &desc, NULL, &status, &err) || ctr_exit_status(&status))
      return fprintf(stderr, "api: %s\n", err.msg), 1;
    clock_gettime(CLOCK_MONOTONIC, &b);
    ctr_arena_free(&mem);
    printf("%ld\n", (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec);
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("peak %ld\n", usage.ru_maxrss);
  return 0;
}
