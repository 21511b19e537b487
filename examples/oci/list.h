/* Which containers there are, and which processes. */

enum { COLUMNS = 6 };

typedef struct row {
  const char *cells[COLUMNS];
  struct row *next;
} row;

typedef struct listing {
  options *o;
  row head, *last;
  ctr_json *array;
  bool json;
} listing;

/* The name of a user as /etc/passwd has it; getpwuid(3) would load libraries, which a static
   program cannot. */
static const char *user_name(options *o, uint32_t uid) {
  const char *name = NULL;
  FILE *file = fopen("/etc/passwd", "re");
  for (struct passwd *entry; file && !name && (entry = fgetpwent(file));)
    if (entry->pw_uid == uid) name = print(o, "%s", entry->pw_name);
  if (file) fclose(file);
  return name ? name : print(o, "#%" PRIu32, uid);
}

static int list_one(void *userdata, const ctr_state *state, const ctr_err *error) {
  listing *l = userdata;
  options *o = l->o;
  ctr_json *json = NULL;
  ctr_err err;
  if (error && error->code) {
    on_log(o, CTR_LOG_WARNING, state->id, error->msg);
  } else if (l->json) {
    if (ctr_state_to_json(&o->mem, state, &json, &err)) return fail_err(o, &err);
    ctr_json_add(&o->mem, l->array, NULL, json);
  } else {
    l->last = l->last->next = take(o, sizeof *l->last);
    *l->last = (row){.cells = {print(o, "%s", state->id), print(o, "%d", (int)state->pid),
                               ctr_status_name(state->status), print(o, "%s", state->bundle),
                               print(o, "%s", state->created), user_name(o, state->owner)}};
  }
  return 0;
}

/* As runc's: columns at least 12 wide, three blanks between. */
static void print_table(const row *first) {
  int widths[COLUMNS] = {0};
  for (const row *r = first; r; r = r->next)
    for (int i = 0; i < COLUMNS; i++) {
      int width = (int)strlen(r->cells[i]) + 3;
      if (width < 12) width = 12;
      if (width > widths[i]) widths[i] = width;
    }
  for (const row *r = first; r; r = r->next) {
    for (int i = 0; i < COLUMNS - 1; i++) printf("%-*s", widths[i], r->cells[i]);
    printf("%s\n", r->cells[COLUMNS - 1]);
  }
}

static bool wants_json(const options *o) {
  return o->format && !strcmp(o->format, "json");
}

static int list_command(options *o) {
  listing l = {.o = o,
               .head = {.cells = {"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}},
               .array = ctr_json_new(&o->mem, CTR_JSON_ARRAY),
               .json = wants_json(o) && !o->quiet};
  ctr_err err;
  l.last = &l.head;
  if (ctr_container_list(o->root, list_one, &l, &err)) return fail_err(o, &err);
  if (l.json) return print_json(o, l.array, CTR_JSON_COMPACT);
  if (!o->quiet) print_table(&l.head);
  for (const row *r = l.head.next; r && o->quiet; r = r->next) printf("%s\n", r->cells[0]);
  return 0;
}

/* -- ps -- */

static int print_pids(options *o, const pid_t *pids, size_t count) {
  ctr_json *array = ctr_json_new(&o->mem, CTR_JSON_ARRAY);
  for (size_t i = 0; i < count; i++)
    ctr_json_add(&o->mem, array, NULL, ctr_json_new_int(&o->mem, pids[i]));
  return print_json(o, array, CTR_JSON_COMPACT);
}

/* The start of a line's word of that number, from 0. */
static const char *word_at(const char *line, int number) {
  line += strspn(line, " \t");
  while (number-- > 0) {
    line += strcspn(line, " \t\n");
    line += strspn(line, " \t");
  }
  return line;
}

/* Which word of ps's head line is "PID", or -1. */
static int pid_column(const char *line) {
  for (int i = 0; *word_at(line, i) && *word_at(line, i) != '\n'; i++)
    if (strcspn(word_at(line, i), " \t\n") == 3 && !strncmp(word_at(line, i), "PID", 3)) return i;
  return -1;
}

/* Of what ps(1) prints the head, and the lines of these processes. */
static int filter_lines(options *o, FILE *in, const pid_t *pids, size_t count) {
  char *line = NULL;
  size_t size = 0;
  int column = getline(&line, &size, in) < 0 ? -1 : pid_column(line);
  if (column >= 0) fputs(line, stdout);
  while (column >= 0 && getline(&line, &size, in) >= 0) {
    long pid = strtol(word_at(line, column), NULL, 10);
    for (size_t i = 0; i < count; i++)
      if (pids[i] == pid) fputs(line, stdout);
  }
  free(line);
  return column < 0 ? fail(o, "ps: its output has no column PID") : 0;
}

/* Starts ps(1) with its output in a pipe, whose end to read is returned; -1 after a message. */
static int start_ps(options *o, pid_t *ret_pid) {
  words args = {NULL, 0};
  int ends[2], error;
  posix_spawn_file_actions_t actions;
  add_word(o, &args, "ps");
  for (size_t i = 0; i < o->operands.count; i++) add_word(o, &args, o->operands.items[i]);
  if (!o->operands.count) add_word(o, &args, "-ef");
  add_word(o, &args, NULL);
  if (pipe2(ends, O_CLOEXEC) < 0) return fail_errno(o, "make", "a pipe"), -1;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  error = posix_spawnp(ret_pid, "ps", &actions, NULL, (char *const *)(void *)args.items, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (!error) return ends[0];
  close(ends[0]);
  errno = error;
  return fail_errno(o, "execute", "ps"), -1;
}

static int print_processes(options *o, const pid_t *pids, size_t count) {
  pid_t pid;
  int from = start_ps(o, &pid);
  FILE *in = from < 0 ? NULL : fdopen(from, "r");
  if (!in) return 1;
  int result = filter_lines(o, in, pids, count);
  fclose(in);
  waitpid(pid, NULL, 0); /* it fails when it finds nothing, which is no error here */
  return result;
}

static int ps_command(options *o) {
  pid_t *pids = NULL;
  size_t count = 0;
  ctr_err err;
  ctr_container *container = open_container(o);
  if (!container) return 1;
  int result = ctr_container_pids(container, &o->mem, &pids, &count, &err) ? fail_err(o, &err)
               : wants_json(o) ? print_pids(o, pids, count)
                               : print_processes(o, pids, count);
  ctr_container_free(container);
  return result;
}
