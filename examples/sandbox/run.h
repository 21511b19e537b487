/* Starting it, telling others of it, waiting for it. */

/* -- what others are told -- */

static unsigned long long namespace_id(sandbox *s, pid_t pid, const char *file) {
  char target[64];
  const ssize_t len =
      readlink(print(s, "/proc/%d/ns/%s", (int)pid, file), target, sizeof target - 1);
  target[len < 0 ? 0 : len] = '\0';
  const char *number = strchr(target, '[');
  return number ? strtoull(number + 1, NULL, 10) : 0;
}

/* The new namespaces of the process, one member each. */
static const char *describe(sandbox *s, pid_t pid, const char *before, const char *after) {
  static const struct {
    const char *file;
    unsigned type;
  } kinds[] = {{"cgroup", CTR_NS_CGROUP}, {"ipc", CTR_NS_IPC}, {"mnt", CTR_NS_MOUNT},
               {"net", CTR_NS_NETWORK},   {"pid", CTR_NS_PID}, {"uts", CTR_NS_UTS}};
  const char *text = print(s, "{%s\"child-pid\": %d", before, (int)pid);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i].type == CTR_NS_MOUNT || (s->unshared & kinds[i].type))
      text = print(s, "%s,%s\"%s-namespace\": %llu", text, before, kinds[i].file,
                   namespace_id(s, pid, kinds[i].file));
  return print(s, "%s%s}\n", text, after);
}

/* --info-fd is closed when all is said, --json-status-fd when it has ended. */
static void tell_start(sandbox *s, pid_t pid) {
  if (s->info != NONE) {
    const char *text = describe(s, pid, "\n    ", "\n");
    write_all(s->info, text, strlen(text));
    close(s->info);
  }
  if (s->json_status != NONE) {
    const char *text = describe(s, pid, " ", " ");
    write_all(s->json_status, text, strlen(text));
  }
}

static void tell_end(sandbox *s, int status) {
  if (s->json_status == NONE) return;
  const char *text = print(s, "{ \"exit-code\": %d }\n", status);
  write_all(s->json_status, text, strlen(text));
  close(s->json_status);
}

/* -- start -- */

/* What the caller left open that has too high a number for ctr_process_desc. */
static void warn_of_high_descriptors(void) {
  DIR *list = opendir("/proc/self/fd");
  for (struct dirent *entry; list && (entry = readdir(list));) {
    const int fd = (int)strtol(entry->d_name, NULL, 10); /* of "." and ".." 0 */
    if (fd >= FIRST_FD + INHERITED && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
      fprintf(stderr, "sandbox: descriptor %d is not passed on: none above %d is\n", fd,
              FIRST_FD + INHERITED - 1);
  }
  if (list) closedir(list);
}

/* Everything that is open goes along under its own number; what is ours the function closes. */
static ctr_process_desc describe_process(sandbox *s) {
  int *fds = take(s, INHERITED * sizeof *fds);
  size_t count = 0;
  warn_of_high_descriptors();
  if (needs_reaper(s)) {
    if (pipe2(s->ended, O_CLOEXEC) < 0) fail("make a pipe: %s", strerror(errno));
    s->ended[1] = keep(s, s->ended[1]);
  }
  if (s->sync != NONE) s->sync = keep(s, s->sync);
  if (s->block != NONE) s->block = keep(s, s->block);
  for (int i = 0; i < INHERITED; i++) {
    fds[i] = s->kept[i] != NONE ? s->kept[i] : s->inherited[i];
    if (fds[i] != NONE) count = (size_t)i + 1;
  }
  return (ctr_process_desc){.extra_fds = fds,
                            .extra_fd_count = count,
                            .function = inside,
                            .function_data = s};
}

/* Until the program has ended, which may be before the last of its descendants. NONE: a signal was
   there to be read from signals first. */
static int wait_for_end(sandbox *s, ctr_process *process, int signals) {
  struct pollfd fds[] = {{.fd = ctr_process_pidfd(process), .events = POLLIN},
                         {.fd = s->ended[0], .events = POLLIN},
                         {.fd = signals, .events = POLLIN}};
  unsigned char status;
  ctr_exit end;
  ctr_err err;
  if (s->ended[1] != NONE) close(s->ended[1]);
  while (poll(fds, 3, -1) < 0)
    if (errno != EINTR) fail("poll: %s", strerror(errno));
  if (fds[2].revents) return NONE;
  if (fds[1].revents && read(s->ended[0], &status, 1) == 1) return status;
  if (ctr_process_wait(process, &end, &err)) fail("%s", err.msg);
  return ctr_exit_status(&end);
}

static int run_once(sandbox *s, const ctr_config *config, const ctr_plan_desc *plan_desc) {
  const ctr_process_desc process_desc = describe_process(s);
  ctr_plan *plan = NULL;
  ctr_process *process = NULL;
  ctr_err err;
  ctr_code code = ctr_plan_new(config, plan_desc, &plan, &err);
  if (!code) code = ctr_process_new(plan, &process_desc, &process, &err);
  if (!code) code = ctr_process_start(process, &err);
  if (code) fail("%s", err.msg);
  tell_start(s, ctr_process_pid(process));
  const int status = wait_for_end(s, process, NONE);
  tell_end(s, status);
  ctr_process_free(process);
  ctr_plan_free(plan);
  return status;
}

/* -- with a name, or with limits, which need a cgroup: a container -- */

/* Where ctr-oci keeps them, too: by the caller's variables, whatever the program is to see. */
static const char *states(sandbox *s) {
  static const char name[] = "XDG_RUNTIME_DIR";
  const char *runtime_dir = variable(s, name, sizeof name - 1);
  if (geteuid() == 0) return NULL;
  return runtime_dir ? print(s, "%s/ctr", runtime_dir)
                     : print(s, "/tmp/ctr-run-%u", (unsigned)geteuid());
}

/* One of that name whose end nobody saw is in nobody's way. */
static bool remove_ended(const char *root, const char *id) {
  ctr_container *old = NULL;
  ctr_state state;
  if (ctr_container_open(root, id, &old, NULL)) return false;
  const bool gone = !ctr_container_state(old, &state, NULL) && state.status == CTR_STATUS_STOPPED &&
                    !ctr_container_delete(old, false, NULL);
  ctr_container_free(old);
  return gone;
}

/* What ends us is to leave nothing behind; what a terminal sends goes to the program as well, which
   may not want to end for it. */
static int block_signals(const sandbox *s) {
  static const int ending[] = {SIGTERM, SIGHUP};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
    if (!(s->ignored >> (ending[i] - 1) & 1)) sigaddset(&set, ending[i]);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGINT, SIG_IGN);
  signal(SIGQUIT, SIG_IGN);
  const int fd = signalfd(-1, &set, SFD_CLOEXEC);
  if (fd < 0) fail("signalfd: %s", strerror(errno));
  return fd;
}

static ctr_container_desc describe_container(sandbox *s, const ctr_plan_desc *plan_desc) {
  return (
      ctr_container_desc){.root = states(s), .plan = *plan_desc, .process = describe_process(s)};
}

static const char *name_of(sandbox *s) {
  return s->name ? s->name : print(s, "sandbox-%d", (int)getpid());
}

static int run_container(sandbox *s, const ctr_config *config, const ctr_plan_desc *plan_desc) {
  const char *id = name_of(s);
  const ctr_container_desc desc = describe_container(s, plan_desc);
  ctr_container *container = NULL;
  ctr_err err;
  const int signals = block_signals(s);
  ctr_code code = ctr_container_run(config, id, &desc, &container, &err);
  if (code == CTR_E_EXISTS && remove_ended(desc.root, id))
    code = ctr_container_run(config, id, &desc, &container, &err);
  if (code) fail("%s", err.msg);
  ctr_process *process = ctr_container_process(container);
  tell_start(s, ctr_process_pid(process));
  int status = wait_for_end(s, process, signals);
  struct signalfd_siginfo signal = {.ssi_signo = 0};
  if (status == NONE && read(signals, &signal, sizeof signal) == sizeof signal)
    status = 128 + (int)signal.ssi_signo;
  tell_end(s, status);
  if (ctr_container_delete(container, true, &err)) fail("%s", err.msg);
  ctr_container_free(container);
  return status;
}

/* -- one more process in a sandbox with a name -- */

/* What makes a sandbox has no use in one that is there. */
static void check_join(const sandbox *s) {
  const struct {
    bool given;
    const char *option;
  } useless[] = {{s->operation_count, "options for files"},
                 {s->unshared || s->userns != NONE || s->pidns != NONE, "options for namespaces"},
                 {s->uid || s->gid || s->map_ids, "options for ids"},
                 {s->hostname, "--hostname"},
                 {s->locked.count || s->sync != NONE, "--lock-file and --sync-fd"},
                 {s->block != NONE || s->info != NONE || s->json_status != NONE,
                  "--block-fd, --info-fd and --json-status-fd"},
                 {s->caps_named, "options for capabilities"},
                 {has_limits(s), "limits"},
                 {s->name, "--name"},
                 {s->as_pid_1 || s->disable_userns || s->assert_userns_disabled || s->explain ||
                      s->argv0,
                  "--as-pid-1, --disable-userns, --assert-userns-disabled, --argv0 and --explain"}};
  for (size_t i = 0; i < sizeof useless / sizeof *useless; i++)
    if (useless[i].given) fail("--join does not go with %s", useless[i].option);
}

/* The variables of the first process, changed as the options say. */
static ctr_strs joined_env(sandbox *s, const ctr_strs *theirs) {
  clearenv();
  for (size_t i = 0; i < theirs->count; i++)
    if (putenv(print(s, "%s", theirs->items[i]))) fail("the environment: %s", strerror(errno));
  change_env(s);
  return list_of((const char *const *)environ);
}

enum { JOIN_TRIES = 50, JOIN_PAUSE = 20 /* milliseconds */ };

/* The first program may have said something before it is written down that it runs. */
static bool is_being_made(ctr_container *container) {
  ctr_state state;
  return !ctr_container_state(container, &state, NULL) && state.status == CTR_STATUS_CREATING;
}

static bool is_filtered(const ctr_config *config) {
  for (size_t i = 0; i < config->annotations.count; i++)
    if (!strcmp(config->annotations.items[i].key, FILTERED)) return true;
  return false;
}

static int join(sandbox *s) {
  ctr_container *container = NULL;
  ctr_process *process = NULL;
  ctr_exit end;
  ctr_err err;
  check_join(s);
  const ctr_process_desc inherited = describe_process(s);
  ctr_code code = ctr_container_open(states(s), s->join, &container, &err);
  if (code) fail("%s", err.msg);
  if (is_filtered(ctr_container_config(container)) && !s->filter_count)
    fail("--join: what runs in %s has a filter: give --seccomp here as well", s->join);
  ctr_process_config own = ctr_container_config(container)->process;
  own.args = list_of(s->command);
  own.env = joined_env(s, &own.env);
  if (s->directory) own.cwd = s->directory;
  if (s->rlimit_count) own.rlimits = (ctr_rlimits){s->rlimits, s->rlimit_count};
  const ctr_exec_desc desc = {.process = {.extra_fds = inherited.extra_fds,
                                          .extra_fd_count = inherited.extra_fd_count},
                              .die_with_caller = s->die_with_parent,
                              .no_new_session = !s->new_session,
                              .filters = s->filters,
                              .filter_count = s->filter_count};
  for (int tries = 0; tries < JOIN_TRIES; tries++) {
    code = ctr_container_exec(container, &own, &desc, &process, &err);
    if (code != CTR_E_STATE || !is_being_made(container)) break;
    poll(NULL, 0, JOIN_PAUSE);
  }
  if (!code) code = ctr_process_wait(process, &end, &err);
  if (code) fail("%s", err.msg);
  ctr_process_free(process);
  ctr_container_free(container);
  return ctr_exit_status(&end);
}

static int to_stdout(void *userdata, const char *text, size_t len) {
  (void)userdata;
  return fwrite(text, 1, len, stdout) != len;
}

static int explain(sandbox *s, const ctr_config *config, const ctr_plan_desc *plan_desc) {
  ctr_plan *plan = NULL;
  ctr_err err;
  ctr_code code;
  if (is_container(s)) {
    const ctr_container_desc desc = describe_container(s, plan_desc);
    code = ctr_container_explain(config, name_of(s), &desc, to_stdout, NULL, &err);
  } else {
    code = ctr_plan_new(config, plan_desc, &plan, &err);
    if (!code) code = ctr_plan_explain(plan, to_stdout, NULL, &err);
  }
  if (code) fail("%s", err.msg);
  ctr_plan_free(plan);
  return 0;
}
