/* Options: a row of the table says how one is parsed, what help tells of it, and what it does. */

typedef enum option_kind {
  OPTION_TITLE,     /* no option: a line of help                              */
  OPTION_FLAG,      /* sets a bool                                            */
  OPTION_TEXT,      /* sets a const char *, the last one counts               */
  OPTION_FD,        /* sets an int, the last one counts                       */
  OPTION_CALL,      /* calls `take` when it is read                           */
  OPTION_OPERATION, /* calls `make` when all is read, in the order of the command line */
} option_kind;

/* What `with` of an operation says of the options that may come before it. */
enum { TAKES_PERMS = 1 << 8, TAKES_SIZE = 1 << 9, TAKES_LAYERS = 1 << 10 };

typedef struct option_row {
  option_kind kind;
  const char *name, *args, *help; /* args: what help calls them, one word each */
  size_t offset;                  /* in sandbox */
  void (*take)(sandbox *s, const struct option_row *row, const char **args);
  void (*make)(sandbox *s, const operation *o);
  unsigned with; /* what tells it from another row with the same function */
} option_row;

#define TITLE(text)                                                                                \
  { .kind = OPTION_TITLE, .help = text }
#define FLAG(option, member, text)                                                                 \
  { .kind = OPTION_FLAG, .name = option, .help = text, .offset = offsetof(sandbox, member) }
#define TEXT(option, arg, member, text)                                                            \
  {                                                                                                \
    .kind = OPTION_TEXT, .name = option, .args = arg, .help = text,                                \
    .offset = offsetof(sandbox, member)                                                            \
  }
#define FD(option, member, text)                                                                   \
  {                                                                                                \
    .kind = OPTION_FD, .name = option, .args = "FD", .help = text,                                 \
    .offset = offsetof(sandbox, member)                                                            \
  }
#define CALL(option, arg, function, value, text)                                                   \
  {                                                                                                \
    .kind = OPTION_CALL, .name = option, .args = arg, .help = text, .take = function,              \
    .with = value                                                                                  \
  }
#define MAKE(option, arg, function, value, text)                                                   \
  {                                                                                                \
    .kind = OPTION_OPERATION, .name = option, .args = arg, .help = text, .make = function,         \
    .with = value                                                                                  \
  }

static size_t count_args(const option_row *row) {
  size_t count = 0;
  for (const char *at = row->args; at && *at; count++) {
    at += strcspn(at, " ");
    at += strspn(at, " ");
  }
  return count;
}

/* What was said just before belongs to this one, or to none. */
static void add_operation(sandbox *s, const option_row *row, const char **args) {
  if (s->perms && !(row->with & TAKES_PERMS))
    fail("--perms: --%s makes nothing that could have them", row->name);
  if (s->size && !(row->with & TAKES_SIZE)) fail("--size: --%s has no size", row->name);
  if (s->layers.count && !(row->with & TAKES_LAYERS))
    fail("--overlay-src: --%s is no overlay", row->name);
  s->operations = grow(s, s->operations, s->operation_count, sizeof *s->operations);
  s->operations[s->operation_count++] = (operation){
      .row = row, .args = args, .perms = s->perms, .size = s->size, .layers = s->layers};
  s->perms = s->size = NULL;
  s->layers = (words){NULL, 0};
}

static void apply_option(sandbox *s, const option_row *row, const char **args) {
  char *member = (char *)s + row->offset;
  switch (row->kind) {
  case OPTION_TITLE: break;
  case OPTION_FLAG: *(bool *)member = true; break;
  case OPTION_TEXT: memcpy(member, args, sizeof *args); break;
  case OPTION_FD: {
    const int fd = descriptor(row->name, args[0]);
    consume(s, fd);
    memcpy(member, &fd, sizeof fd);
    break;
  }
  case OPTION_CALL: row->take(s, row, args); break;
  case OPTION_OPERATION: add_operation(s, row, args); break;
  }
}

static const option_row *find_option(const char *name);

/* Reads options up to the first word that is none, or "--". Returns what comes after. */
static const char **read_options(sandbox *s, const char **argv) {
  while (*argv && !strncmp(*argv, "--", 2)) {
    const char *word = *argv++;
    if (!word[2]) break;
    const option_row *row = find_option(word + 2);
    if (!row) fail("%s: no such option; sandbox --help lists them", word);
    const size_t count = count_args(row);
    for (size_t i = 0; i < count; i++)
      if (!argv[i])
        fail("%s takes %zu argument%s: %s", word, count, count > 1 ? "s" : "", row->args);
    apply_option(s, row, argv);
    argv += count;
  }
  return argv;
}

/* The help of a row, and of all below it up to the next title. */
static void print_help(const option_row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    char left[64];
    if (rows[i].kind == OPTION_TITLE) {
      printf("\n%s:\n", rows[i].help);
      continue;
    }
    snprintf(left, sizeof left, "--%s %s", rows[i].name, rows[i].args ? rows[i].args : "");
    printf("  %-30s %s\n", left, rows[i].help);
  }
}

/* -- what single options do -- */

static void take_args(sandbox *s, const option_row *row, const char **args) {
  size_t len;
  char *text = read_all(s, row->name, descriptor(row->name, args[0]), &len);
  words list = {NULL, 0};
  for (char *at = text; at < text + len; at += strlen(at) + 1) add_word(s, &list, at);
  add_word(s, &list, NULL);
  if (*read_options(s, list.items))
    fail("--args: a program comes after the options of the command line, not with those here");
}

static void take_unshare(sandbox *s, const option_row *row, const char **args) {
  (void)args;
  s->unshared |= row->with;
}

/* Whether user namespaces are there, and not turned off (user_namespaces(7), namespaces(7)). */
static bool can_have_user_namespaces(void) {
  char limit[16] = "0";
  const int fd = open("/proc/sys/user/max_user_namespaces", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return access("/proc/self/ns/user", F_OK) == 0;
  const ssize_t len = read(fd, limit, sizeof limit - 1);
  close(fd);
  return len > 0 && limit[0] != '0';
}

/* Of these two alone bwrap(1) says that they are left out where the kernel cannot. */
static void take_unshare_try(sandbox *s, const option_row *row, const char **args) {
  (void)args;
  unsigned types = row->with;
  if ((types & CTR_NS_USER) && !can_have_user_namespaces()) types &= ~(unsigned)CTR_NS_USER;
  if ((types & CTR_NS_CGROUP) && access("/proc/self/ns/cgroup", F_OK) < 0)
    types &= ~(unsigned)CTR_NS_CGROUP;
  s->unshared |= types;
}

static void take_share(sandbox *s, const option_row *row, const char **args) {
  (void)args;
  s->unshared &= ~row->with;
}

/* with: how many of the arguments say something. */
static void take_env(sandbox *s, const option_row *row, const char **args) {
  s->env_changes = grow(s, s->env_changes, s->env_change_count, sizeof *s->env_changes);
  s->env_changes[s->env_change_count++] =
      (env_change){row->with > 0 ? args[0] : NULL, row->with > 1 ? args[1] : NULL};
}

static void take_lock(sandbox *s, const option_row *row, const char **args) {
  (void)row;
  add_word(s, &s->locked, args[0]);
}

static void take_perms(sandbox *s, const option_row *row, const char **args) {
  number(row->name, args[0], 8, 07777);
  s->perms = args[0];
}

static void take_size(sandbox *s, const option_row *row, const char **args) {
  if (!number(row->name, args[0], 10, INT64_MAX)) fail("--size: it is at least 1");
  s->size = args[0];
}

static void take_layer(sandbox *s, const option_row *row, const char **args) {
  (void)row;
  add_word(s, &s->layers, args[0]);
}

/* The library hands a label to the kernel for the next execve(2), which it sees to be its own: here
   it runs a function, which executes the program later, and has no procfs that it could trust to
   write the label to. */
static void take_exec_label(sandbox *s, const option_row *row, const char **args) {
  (void)s;
  (void)args;
  fail("--%s: not supported: a function of ours runs inside, and executes the program", row->name);
}

/* A program of struct sock_filter, as seccomp_export_bpf(3) writes it. */
static void take_filter(sandbox *s, const option_row *row, const char **args) {
  if (s->filter_option && strcmp(s->filter_option, row->name) != 0)
    fail("--seccomp and --add-seccomp-fd do not go together");
  s->filter_option = row->name;
  if (!row->with) s->filter_count = 0; /* the last --seccomp counts */
  size_t len;
  const char *code = read_all(s, row->name, descriptor(row->name, args[0]), &len);
  if (!len || len % 8) fail("--%s: %zu bytes are no filter: 8 an instruction", row->name, len);
  s->filters = grow(s, s->filters, s->filter_count, sizeof *s->filters);
  s->filters[s->filter_count++] = (ctr_filter){code, len};
}

/* CAP_KILL or ALL; with: whether it is added. */
static void take_cap(sandbox *s, const option_row *row, const char **args) {
#define CAP_NAME(name, number) "CAP_" #name,
  static const char *const names[] = {CTR_CAPABILITIES(CAP_NAME)};
#undef CAP_NAME
  uint64_t named = 0;
  for (int i = 0; i < CTR_CAP_COUNT; i++)
    if (!strcmp(args[0], names[i]) || !strcmp(args[0], "ALL")) named |= UINT64_C(1) << i;
  if (!named)
    fail("--%s: %s is no capability: ALL, or a name as in capabilities(7)", row->name, args[0]);
  s->caps_named = true;
  s->caps = row->with ? s->caps | named : s->caps & ~named;
}

/* NAME=VALUE with the names of prlimit(1) and getrlimit(2)'s units. */
static void take_rlimit(sandbox *s, const option_row *row, const char **args) {
  static const struct {
    const char *name;
    ctr_rlimit_type type;
  } kinds[] = {{"as", CTR_RLIMIT_AS},         {"core", CTR_RLIMIT_CORE},
               {"cpu", CTR_RLIMIT_CPU},       {"data", CTR_RLIMIT_DATA},
               {"fsize", CTR_RLIMIT_FSIZE},   {"memlock", CTR_RLIMIT_MEMLOCK},
               {"nice", CTR_RLIMIT_NICE},     {"nofile", CTR_RLIMIT_NOFILE},
               {"nproc", CTR_RLIMIT_NPROC},   {"rss", CTR_RLIMIT_RSS},
               {"rtprio", CTR_RLIMIT_RTPRIO}, {"stack", CTR_RLIMIT_STACK}};
  const size_t len = strcspn(args[0], "=");
  for (size_t i = 0; args[0][len] && i < sizeof kinds / sizeof *kinds; i++) {
    if (strlen(kinds[i].name) != len || strncmp(kinds[i].name, args[0], len) != 0) continue;
    const uint64_t value = bytes(s, row->name, args[0] + len + 1);
    s->rlimits = grow(s, s->rlimits, s->rlimit_count, sizeof *s->rlimits);
    s->rlimits[s->rlimit_count++] = (ctr_rlimit){kinds[i].type, value, value};
    return;
  }
  fail("--rlimit: '%s' is not NAME=VALUE with a NAME of prlimit(1)", args[0]);
}
