/* Options: one table a command, which drives parsing, help and completion. */

/* A list of words that grows; all of it lives in options.mem. */
typedef struct words {
  const char **items;
  size_t count;
} words;

typedef struct options {
  /* before the command */
  const char *root, *log, *log_format, *cgroup_manager, *rootless_mode;
  bool debug, systemd_cgroup, version, help;
  /* create, run, exec */
  const char *bundle, *console_socket, *pid_file, *pidfd_socket;
  uint64_t preserve_fds;
  bool no_pivot, no_new_keyring, detach, keep, no_subreaper, use_default;
  /* exec */
  const char *process, *cwd, *user, *process_label, *apparmor, *cgroup;
  words env, additional_gids, caps;
  bool tty, no_new_privs, ignore_paused;
  /* update */
  struct {
    const char *resources, *blkio_weight, *cpu_burst, *cpu_idle, *cpu_period, *cpu_quota,
        *cpu_rt_period, *cpu_rt_runtime, *cpu_share, *cpuset_cpus, *cpuset_mems, *kernel_memory,
        *kernel_memory_tcp, *memory, *memory_reservation, *memory_swap, *pids_limit;
  } limits;
  /* the others */
  const char *format, *interval;
  bool all, force, quiet, rootless, rights, presets, stats;

  const char *id; /* the first operand, of commands that take one */
  words
      operands; /* what is neither option nor "--"; after parse_operands: what follows the fixed */
  bool dashed;  /* "--" ended the options, after so many operands */
  size_t before_dashes;
  int log_fd; /* of --log, or -1 */
  ctr_arena mem;
} options;

typedef enum option_kind {
  OPTION_FLAG,   /* bool         */
  OPTION_TEXT,   /* const char * */
  OPTION_NUMBER, /* uint64_t     */
  OPTION_WORDS,  /* words: can be given again and again */
} option_kind;

typedef struct option_row {
  const char *name;
  char letter; /* 0: none */
  option_kind kind;
  const char
      *argument; /* what help calls it: "DIR", "FILE" and "SOCKET" are paths, "a|b" a choice */
  const char *help;
  size_t offset; /* in options */
} option_row;

#define FLAG(name, letter, member, help)                                                           \
  { name, letter, OPTION_FLAG, NULL, help, offsetof(options, member) }
#define TEXT(name, letter, argument, member, help)                                                 \
  { name, letter, OPTION_TEXT, argument, help, offsetof(options, member) }
#define NUMBER(name, letter, argument, member, help)                                               \
  { name, letter, OPTION_NUMBER, argument, help, offsetof(options, member) }
#define WORDS(name, letter, argument, member, help)                                                \
  { name, letter, OPTION_WORDS, argument, help, offsetof(options, member) }

typedef struct command {
  const char *name, *operands, *help;
  int (*run)(options *o);
  const option_row *options;
  unsigned at_least, at_most; /* fixed operands, the ID among them */
  enum { REST_NONE, REST_AFTER_DASHES, REST_ANYTHING } rest;
} command;

static bool takes_id(const command *c) {
  return !strncmp(c->operands, "ID", 2);
}

/* Memory that lasts as long as the options; without any there is nothing left to do. */
static void *take(options *o, size_t size) {
  void *memory = ctr_arena_alloc(&o->mem, size);
  if (memory) return memory;
  fputs("ctr-oci: out of memory\n", stderr);
  exit(1);
}

__attribute__((format(printf, 2, 3))) static char *print(options *o, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *text = take(o, (size_t)len + 1);
  va_start(args, format);
  vsnprintf(text, (size_t)len + 1, format, args);
  va_end(args);
  return text;
}

/* Doubles at every power of two. */
static void add_word(options *o, words *list, const char *word) {
  size_t n = list->count;
  if ((n & (n - 1)) == 0) {
    const char **more = take(o, (n ? 2 * n : 1) * sizeof *more);
    if (n) memcpy(more, list->items, n * sizeof *more);
    list->items = more;
  }
  list->items[list->count++] = word;
}

static ctr_strs as_strs(words list) {
  return (ctr_strs){list.items, list.count};
}

/* Digits, the whole text, at most max: strtoull(3) would take blanks and signs, too. */
static bool parse_number(const char *text, uint64_t max, uint64_t *ret) {
  uint64_t value = 0;
  if (!*text) return false;
  for (; *text; text++) {
    unsigned digit = (unsigned)(*text - '0');
    if (digit > 9 || value > (max - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *ret = value;
  return true;
}

/* Whether word is one of "a|b|c". */
static bool is_choice(const char *choices, const char *word) {
  size_t len = strlen(word);
  for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
    if (strcspn(at, "|") == len && !strncmp(at, word, len)) return true;
  return false;
}

/* Stores a value where the row says; value may be NULL for a flag. Returns whether it fits. */
static bool set_option(options *o, const option_row *row, const char *value) {
  char *member = (char *)o + row->offset;
  switch (row->kind) {
  case OPTION_FLAG:
    if (value && !is_choice("true|false", value)) return false;
    *(bool *)member = !value || !strcmp(value, "true");
    return true;
  case OPTION_TEXT:
    if (strchr(row->argument, '|') && !is_choice(row->argument, value)) return false;
    memcpy(member, &value, sizeof value);
    return true;
  case OPTION_NUMBER: return parse_number(value, INT_MAX, (uint64_t *)(void *)member);
  case OPTION_WORDS: add_word(o, (words *)(void *)member, value); return true;
  }
  return false;
}

static const option_row *find_option(const option_row *rows, const char *name, size_t len) {
  for (; rows->name; rows++) {
    if (strlen(rows->name) == len && !strncmp(rows->name, name, len)) return rows;
    if (len == 1 && rows->letter == *name) return rows;
  }
  return NULL;
}
