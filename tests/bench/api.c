/* The library's own call: what a program does that has a bundle's config.json in memory and runs
   it COUNT times: parse, plan, start, wait, free.

     api BUNDLE COUNT [sealed]     prints nanoseconds a start, a line each; sealed: as a copy of
                                   itself that nobody can write to, so that there is nothing to
                                   keep out of reach */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static char text[1 << 20];

static size_t read_config(const char *bundle) {
  char path[4096];
  snprintf(path, sizeof path, "%s/config.json", bundle);
  FILE *file = fopen(path, "re");
  size_t len = file ? fread(text, 1, sizeof text, file) : 0;
  if (file) fclose(file);
  return len;
}

static int run(const char *bundle, size_t len) {
  ctr_arena mem = {0};
  ctr_config *config;
  ctr_err err;
  ctr_exit status = {0};
  ctr_plan_desc desc = {.bundle = bundle};
  bool failed = ctr_config_parse(&mem, text, len, &config, &err) ||
                ctr_run(config, &desc, NULL, &status, &err);
  ctr_arena_free(&mem);
  if (failed) fprintf(stderr, "api: %s\n", err.msg);
  return failed ? 1 : ctr_exit_status(&status);
}

int main(int argc, char **argv) {
  ctr_err err;
  if (argc != 3 && argc != 4) return 2;
  if (argc == 4 && ctr_seal_program(argv, true, &err)) return fprintf(stderr, "api: %s\n", err.msg);
  size_t len = read_config(argv[1]);
  for (long n = atol(argv[2]); n > 0; n--) {
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    int result = run(argv[1], len);
    clock_gettime(CLOCK_MONOTONIC, &b);
    if (result) return result;
    printf("%ld\n", (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec);
  }
  return 0;
}
