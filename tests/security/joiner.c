/* A caller that lets a program run in a container and gives it no standard input:
   joiner STATES ID PROGRAM [ARGUMENT...] */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <stdio.h>

int main(int argc, char **argv) {
  ctr_container *container = NULL;
  ctr_process *process = NULL;
  ctr_exit status = {0};
  ctr_err err = {0};
  if (argc < 4) return 2;
  const ctr_process_desc desc = {.stdio = CTR_STDIO_FDS, .fds = {-1, 1, 2}};
  int r = ctr_container_open(argv[1], argv[2], &container, &err);
  if (!r) {
    ctr_process_config config = ctr_container_config(container)->process;
    config.args = (ctr_strs){(const char *const *)argv + 3, (size_t)argc - 3};
    r = ctr_container_exec(container, &config, &desc, &process, &err);
  }
  if (!r) r = ctr_process_wait(process, &status, &err);
  if (r) fprintf(stderr, "joiner: %s\n", err.msg);
  ctr_process_free(process);
  ctr_container_free(container);
  return r ? 1 : ctr_exit_status(&status);
}
