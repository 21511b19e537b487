/* A container in a few lines: cc -I.. -o hello hello.c && ./hello   (no root needed) */
#define CTR_IMPLEMENTATION
#include "ctr.h"
#include <stdio.h>

int main(void) {
  ctr_arena mem = {0};
  ctr_config *config = NULL;
  ctr_exit status;
  ctr_err err;
  if (ctr_config_default(&mem, CTR_DEFAULT_AUTO, &config, &err) == CTR_OK) {
    config->process.args = CTR_STRS("sh", "-c", "echo hello from $(hostname), I am pid $$");
    if (ctr_run(config, NULL, NULL, &status, &err) != CTR_OK)
      fprintf(stderr, "hello: %s\n", err.msg);
  }
  ctr_arena_free(&mem);
  return err.code ? 1 : ctr_exit_status(&status);
}
