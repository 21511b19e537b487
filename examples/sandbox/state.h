/* What a command line comes to, and the few helpers that everything here is written with. */

typedef struct words {
  const char **items;
  size_t count;
} words;

/* Something to be made in the file system, in the order of the command line. */
typedef struct operation {
  const struct option_row *row;
  const char **args;
  const char *perms, *size; /* what --perms and --size said just before, or NULL */
  words layers;             /* what --overlay-src said just before                */
} operation;

/* A descriptor, and where what it is open on is to be found inside. */
typedef struct bound_fd {
  int fd;
  const char *target;
} bound_fd;

/* By number: libc keeps the first real-time signals to itself, and a caller may have been started
   with those ignored. The kernel's struct sigaction begins with the handler. */
enum { SIGNALS = 64, IGNORED = 1 /* SIG_IGN */ };

static bool is_ignored(int signal) {
  unsigned long now[8] = {0};
  return syscall(SYS_rt_sigaction, signal, NULL, now, (size_t)8) == 0 && now[0] == IGNORED;
}

static void ignore(int signal) {
  static const unsigned long action[8] = {IGNORED};
  syscall(SYS_rt_sigaction, signal, action, NULL, (size_t)8);
}

enum { NONE = -1, FIRST_FD = 3, INHERITED = 256 /* as many as ctr_process_desc takes */ };

/* --setenv, --unsetenv, --clearenv: the last two have no value, the last has no name either. */
typedef struct env_change {
  const char *name, *value;
} env_change;

/* Descriptors are NONE where there is none. */
typedef struct sandbox {
  /* namespaces: CTR_NS_* bits, and what could be had instead of made */
  unsigned unshared;
  int userns, userns2, pidns;
  bool disable_userns, assert_userns_disabled, map_ids;
  const char *uid, *gid, *hostname, *file_label;
  /* the file system */
  operation *operations;
  size_t operation_count;
  const char *perms, *size; /* waiting for the operation that they are about */
  words layers;             /* the same                                      */
  ctr_mount *mounts;
  size_t mount_count;
  bound_fd *bound_fds;
  size_t bound_fd_count;
  words read_only; /* paths that become so when all is made */
  /* the process */
  env_change *env_changes;
  size_t env_change_count;
  const char *directory, *argv0;
  words locked;
  int sync, block, userns_block, info, json_status;
  bool new_session, die_with_parent, as_pid_1;
  bool caps_named; /* by --cap-add or --cap-drop */
  uint64_t caps;
  ctr_filter *filters;
  size_t filter_count;
  const char *filter_option; /* --seccomp and --add-seccomp-fd do not go together */
  /* limits */
  const char *memory, *processes, *cpus;
  ctr_rlimit *rlimits;
  size_t rlimit_count;
  /* other things to do */
  const char *name, *join;
  bool explain, help, version;

  const char **command;
  char **caller_env;      /* as it was at the beginning: options change ours  */
  const char *caller_dir; /* NULL: it is nowhere any more                     */
  /* [i] is FIRST_FD + i where that is open for the program, or for us alone while it runs */
  int inherited[INHERITED], kept[INHERITED];
  int ended[2];     /* a pipe on which the first process inside tells how the program ended */
  uint64_t ignored; /* the caller's signals: bit 0 is signal 1 */
  sigset_t blocked;
  ctr_arena mem;
} sandbox;

/* All errors end here: nothing is left behind by then that would not go away with us. */
__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fflush(stdout);
  fputs("sandbox: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  _exit(1);
}

/* -- memory that lasts as long as we do -- */

static void *take(sandbox *s, size_t size) {
  void *memory = ctr_arena_alloc(&s->mem, size ? size : 1);
  if (!memory) fail("out of memory");
  return memory;
}

__attribute__((format(printf, 2, 3))) static char *print(sandbox *s, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *text = take(s, (size_t)len + 1);
  va_start(args, format);
  vsnprintf(text, (size_t)len + 1, format, args);
  va_end(args);
  return text;
}

/* A list with room for one more item: it doubles at every power of two. */
static void *grow(sandbox *s, void *list, size_t count, size_t size) {
  if (count & (count - 1)) return list;
  char *more = take(s, (count ? 2 * count : 1) * size);
  if (count) memcpy(more, list, count * size);
  return more;
}

static void add_word(sandbox *s, words *list, const char *word) {
  list->items = grow(s, list->items, list->count, sizeof *list->items);
  list->items[list->count++] = word;
}

/* "rbind ro" as a list of its words. */
static words split(sandbox *s, const char *text) {
  words list = {NULL, 0};
  while (*(text += strspn(text, " "))) {
    const int len = (int)strcspn(text, " ");
    add_word(s, &list, print(s, "%.*s", len, text));
    text += len;
  }
  return list;
}

static ctr_strs as_strs(words list) {
  return (ctr_strs){list.items, list.count};
}

/* -- numbers -- */

/* Digits in that base and nothing else. */
static uint64_t number(const char *option, const char *text, unsigned base, uint64_t most) {
  uint64_t value = 0;
  const char *at = text;
  for (; *at >= '0' && (unsigned)(*at - '0') < base; at++) {
    const unsigned digit = (unsigned)(*at - '0');
    if (value > (most - digit) / base) break;
    value = value * base + digit;
  }
  if (at == text || *at)
    fail("--%s: '%s' is no %snumber up to %" PRIu64, option, text, base == 8 ? "octal " : "", most);
  return value;
}

/* 4096, 64K, 1M, 2G */
static uint64_t bytes(sandbox *s, const char *option, const char *text) {
  static const char units[] = "KMG";
  const size_t len = strlen(text);
  const char *unit = len ? strchr(units, text[len - 1]) : NULL;
  if (!unit || !*unit) return number(option, text, 10, INT64_MAX);
  const unsigned shift = 10 * (unsigned)(unit - units + 1);
  return number(option, print(s, "%.*s", (int)len - 1, text), 10, INT64_MAX >> shift) << shift;
}

/* -- descriptors that the caller left open for us -- */

static int descriptor(const char *option, const char *text) {
  const int fd = (int)number(option, text, 10, INT_MAX);
  if (fcntl(fd, F_GETFD) < 0) fail("--%s: descriptor %d is not open", option, fd);
  return fd;
}

static void close_on_exec(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* The program does not get it. */
static void consume(sandbox *s, int fd) {
  if (fd >= FIRST_FD) close_on_exec(fd);
  if (fd >= FIRST_FD && fd - FIRST_FD < INHERITED) s->inherited[fd - FIRST_FD] = NONE;
}

/* We have it inside, up to where the program begins. Returns its number there. */
static int keep(sandbox *s, int fd) {
  if (fd < FIRST_FD) return fd;
  if (fd >= FIRST_FD + INHERITED) fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FD);
  if (fd < 0 || fd >= FIRST_FD + INHERITED) fail("there are too many descriptors open");
  return s->kept[fd - FIRST_FD] = fd;
}

/* All that can be read from it, which closes it; one byte more than *ret_len says is there. */
static char *read_all(sandbox *s, const char *option, int fd, size_t *ret_len) {
  size_t len = 0, room = 4096;
  char *data = take(s, room + 1);
  for (;;) {
    const ssize_t n = read(fd, data + len, room - len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("--%s: read descriptor %d: %s", option, fd, strerror(errno));
    if (n == 0) break;
    len += (size_t)n;
    if (len < room) continue;
    char *more = take(s, 2 * room + 1);
    memcpy(more, data, len);
    data = more;
    room *= 2;
  }
  consume(s, fd);
  if (fd >= FIRST_FD) close(fd);
  *ret_len = len;
  return data;
}

static void write_all(int fd, const char *text, size_t len) {
  while (len) {
    const ssize_t n = write(fd, text, len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return; /* nobody reads: that is no reason to stop */
    text += n;
    len -= (size_t)n;
  }
}
