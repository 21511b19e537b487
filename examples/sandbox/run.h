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

/* Everything that is open goes along under its own number; what is ours alone the function closes.
 */
static ctr_process_desc describe_process(sandbox *s) {
  int *fds = take(s, INHERITED * sizeof *fds);
  size_t count = 0;
  if (needs_reaper(s)) {
    if (pipe2(s->ended, O_CLOEXEC) < 0) fail("make a pipe: %s", strerror(errno));
    keep(s, s->ended[1]);
  }
  if (s->sync != NONE) keep(s, s->sync);
  if (s->block != NONE) keep(s, s->block);
  for (int i = 0; i < INHERITED; i++) {
    fds[i] = s->kept[i] != NONE ? s->kept[i] : s->inherited[i];
    if (fds[i] != NONE) count = (size_t)i + 1;
  }
  return (ctr_process_desc){.extra_fds = fds,
                            .extra_fd_count = count,
                            .function = inside,
                            .function_data = s};
}

/* Until the program has ended, which may be before the last of its descendants. */
static int wait_for_end(sandbox *s, ctr_process *process) {
  ctr_exit end;
  ctr_err err;
  unsigned char status;
  if (needs_reaper(s)) {
    close(s->ended[1]);
    ssize_t n;
    do n = read(s->ended[0], &status, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1) return status;
  }
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
  const int status = wait_for_end(s, process);
  tell_end(s, status);
  ctr_process_free(process);
  ctr_plan_free(plan);
  return status;
}

/* -- with a name, or with limits, which need a cgroup: a container -- */

/* Where ctr-oci keeps them, too. */
static const char *states(sandbox *s) {
  const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
  return geteuid() == 0 || (runtime_dir && *runtime_dir)
             ? NULL
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

static int run_container(sandbox *s, const ctr_config *config, const ctr_plan_desc *plan_desc) {
  const char *id = s->name ? s->name : print(s, "sandbox-%d", (int)getpid());
  const ctr_container_desc desc = {.root = states(s),
                                   .plan = *plan_desc,
                                   .process = describe_process(s)};
  ctr_container *container = NULL;
  ctr_err err;
  ctr_code code = ctr_container_run(config, id, &desc, &container, &err);
  if (code == CTR_E_EXISTS && remove_ended(desc.root, id))
    code = ctr_container_run(config, id, &desc, &container, &err);
  if (code) fail("%s", err.msg);
  ctr_process *process = ctr_container_process(container);
  tell_start(s, ctr_process_pid(process));
  const int status = wait_for_end(s, process);
  tell_end(s, status);
  if (ctr_container_delete(container, true, &err)) fail("%s", err.msg);
  ctr_container_free(container);
  return status;
}

/* One more process in a sandbox with a name, with what the first one has. */
static int join(sandbox *s) {
  ctr_container *container = NULL;
  ctr_process *process = NULL;
  ctr_exit end;
  ctr_err err;
  size_t count = 0;
  ctr_code code = ctr_container_open(states(s), s->join, &container, &err);
  if (code) fail("%s", err.msg);
  ctr_process_config own = ctr_container_config(container)->process;
  while (s->command[count]) count++;
  own.args = (ctr_strs){s->command, count};
  if (s->directory) own.cwd = s->directory;
  const ctr_exec_desc desc = {.die_with_caller = s->die_with_parent,
                              .no_new_session = !s->new_session,
                              .filters = s->filters,
                              .filter_count = s->filter_count};
  code = ctr_container_exec(container, &own, &desc, &process, &err);
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

static int explain(const ctr_config *config, const ctr_plan_desc *desc) {
  ctr_plan *plan = NULL;
  ctr_err err;
  ctr_code code = ctr_plan_new(config, desc, &plan, &err);
  if (!code) code = ctr_plan_explain(plan, to_stdout, NULL, &err);
  if (code) fail("%s", err.msg);
  ctr_plan_free(plan);
  return 0;
}
