/* What went wrong, in one line each: on stderr, and in the file of --log as engines read it. */

static int write_to(void *file, const char *text, size_t len) {
  return fwrite(text, 1, len, file) != len;
}

/* Makes text a line of UTF-8, which is what JSON can hold: paths may be anything. */
static void clean(char *text) {
  for (char *end = text + strlen(text); text < end;) {
    size_t len = ctr__utf8_len(text, end);
    if (!len || (unsigned char)*text < 0x20 || *text == 0x7f) *text = '?';
    text += len ? len : 1;
  }
}

/* RFC 3339, in UTC. */
static void print_now(char text[32]) {
  time_t now = time(NULL);
  struct tm parts;
  gmtime_r(&now, &parts);
  strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

/* As logrus writes it, which runc does and engines parse. A JSON string is quoted as its text
   format quotes, too. */
static void print_record(options *o, FILE *out, const char *level, const char *text) {
  char now[32];
  print_now(now);
  ctr_json *record = ctr_json_new_string(&o->mem, text);
  if (!strcmp(o->log_format, "json")) {
    ctr_json *message = record;
    record = ctr_json_new(&o->mem, CTR_JSON_OBJECT);
    ctr_json_add(&o->mem, record, "level", ctr_json_new_string(&o->mem, level));
    ctr_json_add(&o->mem, record, "msg", message);
    ctr_json_add(&o->mem, record, "time", ctr_json_new_string(&o->mem, now));
  } else {
    fprintf(out, "time=\"%s\" level=%s msg=", now, level);
  }
  if (record) ctr_json_write(record, CTR_JSON_COMPACT, write_to, out, NULL);
  fputc('\n', out);
}

/* In one write(2): others append to the same file. */
static void write_record(options *o, int fd, const char *level, const char *text) {
  char *line = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&line, &len);
  if (!out) return;
  print_record(o, out, level, text);
  if (fclose(out) == 0 && write(fd, line, len) < 0 && fd != STDERR_FILENO)
    fprintf(stderr, "ctr-oci: write %s: %s\n", o->log, strerror(errno));
  free(line);
}

/* Errors are for whoever called, and stand on stderr in any case; the rest is for the log, when
   there is one: what engines read from stderr is to be empty on success. */
static void report(options *o, const char *level, char *text) {
  bool error = !strcmp(level, "error");
  clean(text);
  if (o->log_fd >= 0) write_record(o, o->log_fd, level, text);
  if (o->log_fd >= 0 && !error) return;
  if (o->log_fd < 0 && !strcmp(o->log_format, "json"))
    write_record(o, STDERR_FILENO, level, text);
  else
    fprintf(stderr, "ctr-oci: %s%s%s\n", error ? "" : level, error ? "" : ": ", text);
}

/* Returns 1, the exit code of a failure. */
__attribute__((format(printf, 2, 3))) static int fail(options *o, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  report(o, "error", text);
  return 1;
}

static int fail_err(options *o, const ctr_err *err) {
  return fail(o, "%s", err->msg);
}

static int fail_errno(options *o, const char *what, const char *name) {
  return fail(o, "%s %s: %s", what, name, strerror(errno));
}

/* A ctr_log.fn; userdata: the options. */
static void on_log(void *userdata, ctr_level level, const char *field, const char *text) {
  static const char *const names[] = {
      [CTR_LOG_WARNING] = "warning", [CTR_LOG_INFO] = "info", [CTR_LOG_DEBUG] = "debug"};
  options *o = userdata;
  char line[1024];
  if (level != CTR_LOG_WARNING && !o->debug) return;
  snprintf(line, sizeof line, "%s%s%s", field, *field ? ": " : "", text);
  report(o, names[level], line);
}

static int open_log(options *o) {
  if (!o->log) return 0;
  o->log_fd = open(o->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  return o->log_fd < 0 ? fail_errno(o, "open the log", o->log) : 0;
}

/* -- parsing, which reports -- */

/* Reads the option at *argv. Returns its last word, or NULL after a message. */
static char **parse_option(options *o, const option_row *rows, char **argv) {
  const char *word = *argv, *name = word + 1 + (word[1] == '-');
  size_t len = strcspn(name, "=");
  const char *value = name[len] ? name + len + 1 : NULL;
  const option_row *row = find_option(rows, name, len);
  if (!row) {
    fail(o, "unknown option %s; --help lists them", word);
    return NULL;
  }
  if (row->kind != OPTION_FLAG && !value && !(value = *++argv)) {
    fail(o, "option --%s requires an argument", row->name);
    return NULL;
  }
  if (set_option(o, row, value)) return argv;
  fail(o, "--%s: '%s' is not supported: use %s", row->name, value,
       row->kind == OPTION_FLAG     ? "true|false"
       : row->kind == OPTION_NUMBER ? "a number"
                                    : row->argument);
  return NULL;
}

/* Reads options up to "--", or up to the first operand unless they may stand anywhere. Returns the
   word that it stopped at, or NULL after a message. */
static char **parse_options(options *o, const option_row *rows, bool anywhere, char **argv) {
  for (; *argv && !o->help; argv++) {
    if (!strcmp(*argv, "--")) {
      o->dashed = true;
      o->before_dashes = o->operands.count;
      return argv + 1;
    }
    if (**argv != '-' || !(*argv)[1]) {
      if (!anywhere) return argv;
      add_word(o, &o->operands, *argv);
    } else if (!(argv = parse_option(o, rows, argv))) {
      return NULL;
    }
  }
  return argv;
}

/* "--" before the ID ends the options alone; a second one begins the command. */
static char **parse_dashed_id(options *o, char **argv) {
  if (!*argv) return argv;
  add_word(o, &o->operands, *argv++);
  o->before_dashes = 1;
  o->dashed = *argv && !strcmp(*argv, "--");
  return argv + o->dashed;
}

/* Sorts out the words after the options: 0, or -1 after a message. */
static int parse_operands(options *o, const command *c, char **argv) {
  if (takes_id(c) && c->rest == REST_AFTER_DASHES && o->dashed && !o->before_dashes)
    argv = parse_dashed_id(o, argv);
  for (; *argv; argv++) add_word(o, &o->operands, *argv);
  words *all = &o->operands;
  size_t fixed = all->count;
  if (c->rest == REST_AFTER_DASHES && o->dashed) fixed = o->before_dashes;
  if (c->rest == REST_ANYTHING && fixed > c->at_most) fixed = c->at_most;
  if (fixed < c->at_least)
    return fail(o, "%s needs %s", c->name, takes_id(c) ? "an ID" : c->operands), -1;
  if (all->items && fixed > c->at_most)
    return fail(o, "%s: '%s' is one operand too many", c->name, all->items[c->at_most]), -1;
  if (takes_id(c) && all->items) o->id = all->items[0];
  if (c->rest == REST_NONE) return 0;
  if (fixed) all->items += fixed; /* without any operand there is no list */
  all->count -= fixed;
  return 0;
}
