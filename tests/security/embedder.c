/* A program that contains a function, which is after that very program (writer.c):
   embedder ROOTFS SOCKET VOLUME [unlink|seal], which is done first. With the host's root "/", which
   is read-only then, the volume is where it is. */
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

/* Nothing is to lie over the host's temporary files. */
static int lies_over(const char *destination) {
  return !strcmp(destination, "/tmp") || !strcmp(destination, "/run");
}

static void set_root(ctr_config *config, const char *root, const char *volume) {
  static const char *const options[] = {"rbind", "rw"};
  static ctr_mount mounts[64];
  const int is_hosts = !strcmp(root, "/");
  size_t count = 0;
  for (size_t i = 0; i < config->mounts.count; i++)
    if (!is_hosts || !lies_over(config->mounts.items[i].destination))
      mounts[count++] = config->mounts.items[i];
  mounts[count++] = (ctr_mount){.destination = is_hosts ? volume : "/volume",
                                .type = "bind",
                                .source = volume,
                                .options = {options, 2}};
  config->mounts = (ctr_mounts){mounts, count};
  config->root = (ctr_root){.path = root, .readonly = is_hosts};
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
  char name[16];
  if (prctl(PR_GET_NAME, name) < 0 || strcmp(name, "embedder") != 0)
    return fprintf(stderr, "its name is %s now\n", name), 1;
  if (argc > 4 && !strcmp(argv[4], "unlink") && unlink(argv[0]) < 0) return perror(argv[0]), 1;
  if (ctr_config_default(&mem, geteuid() ? CTR_DEFAULT_ROOTLESS : CTR_DEFAULT_ROOT, &config, &err))
    return fprintf(stderr, "%s\n", err.msg), 1;
  set_root(config, argv[1], argv[3]);
  const ctr_plan_desc plan = {.call_function = true};
  const ctr_process_desc process = {.function = attack};
  if (ctr_run(config, &plan, &process, &status, &err)) return fprintf(stderr, "%s\n", err.msg), 1;
  ctr_arena_free(&mem);
  return status.signal ? 3 : status.code;
}
