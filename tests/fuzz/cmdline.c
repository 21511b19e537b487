/* Command lines of ctr-oci, as far as they are read: options, operands, users, numbers, sizes. The
   words are parted by line ends. Nothing is run. */
#define main ctr_oci_main
#include "../../examples/oci.c"
#undef main
#include "fuzz.h"

enum { WORDS_MAX = 64 };

/* Strict: digits alone, in range. */
static void read_user(options *o) {
  ctr_user user = {.uid = 0};
  if (!o->user || set_user(o, &user)) return;
  const char *colon = strchr(o->user, ':');
  const size_t digits = strspn(o->user, "0123456789");
  MUST(digits && (o->user[digits] == ':' || !o->user[digits]));
  MUST(user.uid == strtoull(o->user, NULL, 10) && user.uid != UINT32_MAX);
  if (colon) MUST(user.gid == strtoull(colon + 1, NULL, 10) && user.gid != UINT32_MAX);
}

static void read_process(options *o) {
  ctr_process_config process = {.cwd = "/"};
  read_user(o);
  if (change_process(o, &process)) return;
  for (size_t i = 0; i < process.env.count; i++) MUST(process.env.items[i]);
}

static void read_numbers(options *o) {
  ctr_resources changed = {.cpu.shares.set = false};
  uint64_t interval;
  for (size_t i = 0; i < sizeof limit_rows / sizeof *limit_rows; i++) {
    const char *text = *(const char *const *)(const void *)((const char *)o + limit_rows[i].from);
    if (text) parse_limit(&limit_rows[i], text, (char *)&changed + limit_rows[i].to);
  }
  forget_zeros(&changed);
  if (o->interval) parse_duration(o->interval, &interval);
  for (size_t i = 0; i < o->operands.count; i++) parse_signal(o->operands.items[i]);
}

/* What it says is not to be seen. */
static options silent_options(void) {
  static int nowhere;
  if (!nowhere) {
    nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    stderr = fdopen(nowhere, "w");
  }
  return (options){.bundle = ".", .log_format = "text", .log_fd = nowhere};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size};
  char *argv[WORDS_MAX + 1];
  size_t count = 0;
  options o = silent_options();
  while (in.left && count < WORDS_MAX) argv[count++] = take_until(&in, '\n', &o.mem);
  argv[count] = NULL;
  char **at = parse_options(&o, global_options, false, argv);
  const command *c = commands;
  while (at && *at && c->name && strcmp(c->name, *at) != 0) c++;
  if (at && *at && c->name) {
    o.dashed = false;
    at = parse_options(&o, c->options, c->rest != REST_ANYTHING, at + 1);
    if (at && !o.help && parse_operands(&o, c, at) >= 0) {
      read_process(&o);
      read_numbers(&o);
    }
  }
  ctr_arena_free(&o.mem);
  return 0;
}
