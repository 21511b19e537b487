/* A program that contains a function, which is after that very program (writer.c):
   embedder ROOTFS SOCKET VOLUME [unlink|seal], which is done first. */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#define main writer_main
#include "tests/security/writer.c"
#undef main

static char *volume_socket, *pids[] = {"self", NULL};

static int attack(void *data) {
  (void)data;
  const int result = send_main(pids, volume_socket);
  fflush(stdout);
  return result;
}

int main(int argc, char **argv) {
  ctr_arena mem = {0};
  ctr_config *config;
  ctr_exit status = {0};
  ctr_err err;
  if (argc < 4) return 2;
  volume_socket = argv[2];
  if (argc > 4 && !strcmp(argv[4], "seal") && ctr_seal_program(argv, true, &err))
    return fprintf(stderr, "%s\n", err.msg), 1;
  if (argc > 4 && !strcmp(argv[4], "unlink") && unlink(argv[0]) < 0) return perror(argv[0]), 1;
  if (ctr_config_default(&mem, geteuid() ? CTR_DEFAULT_ROOTLESS : CTR_DEFAULT_ROOT, &config, &err))
    return fprintf(stderr, "%s\n", err.msg), 1;
  static ctr_mount mounts[64];
  memcpy(mounts, config->mounts.items, config->mounts.count * sizeof *mounts);
  mounts[config->mounts.count] = (ctr_mount){.destination = "/volume",
                                             .type = "bind",
                                             .source = argv[3],
                                             .options = CTR_STRS("rbind", "rw")};
  config->mounts = (ctr_mounts){mounts, config->mounts.count + 1};
  config->root = (ctr_root){.path = argv[1]};
  const ctr_plan_desc plan = {.call_function = true};
  const ctr_process_desc process = {.function = attack};
  if (ctr_run(config, &plan, &process, &status, &err)) return fprintf(stderr, "%s\n", err.msg), 1;
  ctr_arena_free(&mem);
  return status.signal ? 3 : status.code;
}
