/* ctr-oci: an OCI runtime's command line on top of ctr.h; every command is a table row and a few
   library calls.

     cc -I.. -o ctr-oci oci.c
     ./ctr-oci run --default demo -- sh -c 'echo $$' */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- options: one table for parsing and for help -- */

typedef struct options {
  const char *bundle;
  bool rootless, no_pivot, no_new_keyring, use_default, help;
  const char *id;
  char **command; /* what follows "--": instead of process.args */
  int command_count;
} options;

typedef struct option_row {
  const char *name, *argument, *help;
  size_t offset; /* in options: of a const char * with an argument, of a bool without */
} option_row;

#define OPTION_BUNDLE                                                                              \
  { "bundle", "DIR", "directory that holds config.json (default: here)", offsetof(options, bundle) }
#define OPTION_DEFAULT                                                                             \
  {                                                                                                \
    "default", NULL, "no bundle: the default container on this machine's own root, read-only",     \
        offsetof(options, use_default)                                                             \
  }
#define OPTION_NO_PIVOT                                                                            \
  {                                                                                                \
    "no-pivot", NULL, "enter the root with MS_MOVE and chroot (for a root on a ramfs)",            \
        offsetof(options, no_pivot)                                                                \
  }

static const option_row run_options[] = {
    OPTION_BUNDLE,
    OPTION_DEFAULT,
    OPTION_NO_PIVOT,
    {"no-new-keyring", NULL, "keep the caller's session keyring",
     offsetof(options, no_new_keyring)},
    {0},
};
static const option_row spec_options[] = {
    OPTION_BUNDLE,
    {"rootless", NULL, "for an ordinary user: with a user namespace", offsetof(options, rootless)},
    {0},
};
static const option_row explain_options[] = {OPTION_BUNDLE, OPTION_DEFAULT, OPTION_NO_PIVOT, {0}};

/* Reads argv[1...] by the rows. Returns the index of the first operand, or -1 after a message. */
static int parse_options(int argc, char **argv, const option_row *rows, options *opts) {
  struct option longs[16] = {{"help", no_argument, NULL, 'h'}};
  for (int i = 0; rows[i].name; i++)
    longs[i + 1] = (struct option){rows[i].name, rows[i].argument ? required_argument : no_argument,
                                   NULL, 256 + i};
  for (int c; (c = getopt_long_only(argc, argv, "+h", longs, NULL)) != -1;) {
    if (c == 'h') opts->help = true;
    if (c == 'h') return optind;
    if (c < 256) return -1;
    const option_row *row = &rows[c - 256];
    if (row->argument)
      memcpy((char *)opts + row->offset, &optarg, sizeof optarg);
    else
      *((bool *)opts + row->offset) = true;
  }
  return optind;
}

/* -- what the commands share -- */

static int complain(const ctr_err *err) {
  fprintf(stderr, "ctr-oci: %s\n", err->msg);
  return 1;
}

static int complain_errno(const char *what, const char *name) {
  fprintf(stderr, "ctr-oci: %s %s: %s\n", what, name, strerror(errno));
  return 1;
}

static void print_warning(void *userdata, ctr_level level, const char *field, const char *text) {
  (void)userdata;
  if (level == CTR_LOG_WARNING) fprintf(stderr, "ctr-oci: warning: %s: %s\n", field, text);
}

static int write_to(void *file, const char *text, size_t len) {
  return fwrite(text, 1, len, file) != len;
}

/* DIR/config.json into path; -1 after a message. */
static int config_path(char path[4096], const char *dir) {
  int len = snprintf(path, 4096, "%s/config.json", dir);
  if (len > 0 && len < 4096) return 0;
  errno = ENAMETOOLONG;
  complain_errno("find config.json in", dir);
  return -1;
}

/* The whole of DIR/config.json, to be freed; NULL after a message. Opened without waiting: a fifo
   would. */
static char *read_config(const char *dir, size_t *ret_len) {
  char path[4096], *text = NULL;
  struct stat st;
  if (config_path(path, dir) < 0) return NULL;
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
  if (!file || fstat(fd, &st) < 0)
    complain_errno("open", path);
  else if (!S_ISREG(st.st_mode))
    fprintf(stderr, "ctr-oci: %s is not a regular file\n", path);
  else if (!(text = malloc((size_t)st.st_size + 1)))
    complain_errno("read", path);
  if (text) *ret_len = fread(text, 1, (size_t)st.st_size, file);
  if (file) fclose(file);
  return text;
}

static ctr_config *load_config(ctr_arena *mem, const options *opts) {
  ctr_config *config = NULL;
  ctr_err err;
  if (opts->use_default) {
    if (ctr_config_default(mem, CTR_DEFAULT_AUTO, &config, &err)) complain(&err);
  } else {
    size_t len;
    char *text = read_config(opts->bundle, &len);
    if (text && ctr_config_parse(mem, text, len, &config, &err)) complain(&err);
    free(text);
  }
  if (config && opts->command_count)
    config->process.args =
        (ctr_strs){(const char *const *)opts->command, (size_t)opts->command_count};
  return config;
}

static ctr_plan_desc plan_options(const options *opts) {
  return (ctr_plan_desc){.bundle = opts->bundle,
                         .no_pivot = opts->no_pivot,
                         .no_new_keyring = opts->no_new_keyring,
                         .die_with_caller = true,
                         .log = {print_warning, NULL}};
}

/* -- commands -- */

static int run(const options *opts) {
  ctr_arena mem = {0};
  ctr_err err;
  ctr_exit status;
  ctr_plan_desc desc = plan_options(opts);
  int result = 1;
  ctr_config *config = load_config(&mem, opts);
  if (config)
    result =
        ctr_run(config, &desc, NULL, &status, &err) ? complain(&err) : ctr_exit_status(&status);
  ctr_arena_free(&mem);
  return result;
}

static int explain(const options *opts) {
  ctr_arena mem = {0};
  ctr_err err;
  ctr_plan *plan = NULL;
  ctr_plan_desc desc = plan_options(opts);
  int result = 1;
  ctr_config *config = load_config(&mem, opts);
  if (config) {
    result =
        ctr_plan_new(config, &desc, &plan, &err) || ctr_plan_explain(plan, write_to, stdout, &err)
            ? complain(&err)
            : 0;
    ctr_plan_free(plan);
  }
  ctr_arena_free(&mem);
  return result;
}

static int spec(const options *opts) {
  char path[4096];
  if (config_path(path, opts->bundle) < 0) return 1;
  ctr_arena mem = {0};
  ctr_config *config = NULL;
  ctr_json *json = NULL;
  ctr_err err;
  ctr_default_kind kind = opts->rootless ? CTR_DEFAULT_ROOTLESS : CTR_DEFAULT_ROOT;
  if (ctr_config_default(&mem, kind, &config, &err)) return complain(&err);
  config->root.path = "rootfs";
  if (ctr_config_to_json(&mem, config, &json, &err)) return complain(&err);
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
  if (!file) return complain_errno("create", path);
  int result = ctr_json_write(json, CTR_JSON_INDENT, write_to, file, &err) ? complain(&err) : 0;
  if (fclose(file) != 0) result = complain_errno("write", path);
  if (result) unlink(path);
  ctr_arena_free(&mem);
  return result;
}

static const struct command {
  const char *name, *operands, *help;
  int (*run)(const options *opts);
  const option_row *options;
  bool takes_id, takes_command;
} commands[] = {
    {"run", "ID [-- COMMAND [ARG...]]", "run a bundle, wait for it, exit as it does", run,
     run_options, true, true},
    {"spec", "", "write a config.json to start from", spec, spec_options, false, false},
    {"explain", "[-- COMMAND [ARG...]]", "print the plan of a bundle, one line a step", explain,
     explain_options, false, true},
    {0},
};

static void print_options(FILE *out, const option_row *rows) {
  for (; rows->name; rows++) {
    char left[40];
    snprintf(left, sizeof left, "--%s%s%s", rows->name, rows->argument ? " " : "",
             rows->argument ? rows->argument : "");
    fprintf(out, "      %-20s %s\n", left, rows->help);
  }
}

static void print_command(FILE *out, const struct command *c) {
  fprintf(out, "  %s [OPTION...] %s\n      %s\n", c->name, c->operands, c->help);
  print_options(out, c->options);
}

static int usage(FILE *out) {
  fprintf(out, "usage: ctr-oci COMMAND [OPTION...] ...\n"
               "       ctr-oci --version | --help\n\n");
  for (const struct command *c = commands; c->name; c++) print_command(out, c);
  return out == stdout ? 0 : 2;
}

static int version(void) {
  printf("ctr-oci version %s\nspec: %s\n", CTR_VERSION, CTR_OCI_VERSION);
  return 0;
}

/* Operands: the id, where there is one, and a command after "--". */
static int parse_operands(const struct command *c, int argc, char **argv, int at, options *opts) {
  if (c->takes_id && at < argc && strcmp(argv[at], "--") != 0) opts->id = argv[at++];
  if (c->takes_id && !opts->id) {
    fprintf(stderr, "ctr-oci: %s needs an ID\n", c->name);
    return -1;
  }
  if (at < argc && !strcmp(argv[at], "--")) at++;
  if (at < argc && !c->takes_command) {
    fprintf(stderr, "ctr-oci: %s: '%s' is one operand too many\n", c->name, argv[at]);
    return -1;
  }
  opts->command = argv + at;
  opts->command_count = argc - at;
  return 0;
}

int main(int argc, char **argv) {
  signal(SIGCHLD, SIG_DFL); /* ignored, it would take away the container's exit status */
  if (argc < 2) return usage(stderr);
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) return usage(stdout);
  if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-v")) return version();
  for (const struct command *c = commands; c->name; c++) {
    if (strcmp(c->name, argv[1]) != 0) continue;
    options opts = {.bundle = "."};
    int at = parse_options(argc - 1, argv + 1, c->options, &opts);
    if (opts.help) return print_command(stdout, c), 0;
    if (at < 0 || parse_operands(c, argc - 1, argv + 1, at, &opts) < 0) return 2;
    return c->run(&opts);
  }
  fprintf(stderr, "ctr-oci: no command '%s'; ctr-oci --help lists them\n", argv[1]);
  return 2;
}
