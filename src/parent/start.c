/* A start from the caller's side: walks its lane of the plan beside the child. */

/* -- before and after -- */

/* A list of the plan as execve wants it: pointers into the plan, NULL at the end. */
static char **ctr__pointers(ctr__start *s, ctr__ref list) {
  uint32_t count = ctr__list_count(s->plan, list);
  const char **items = ctr__arena_array(&s->arena, (size_t)count + 1, sizeof *items);
  for (uint32_t i = 0; items && i < count; i++) items[i] = ctr__list_str(s->plan, list, i);
  return (char **)(void *)items;
}

/* The step that is done by this start, if there is one: who starts a created container later does
   what follows then. */
static const ctr__step *ctr__step_of(const ctr_plan *plan, enum ctr__kind kind) {
  for (uint32_t i = 0; i < plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    if (step->kind == kind) return step;
    if (step->kind == CTR__STEP_WAIT_START) return NULL;
  }
  return NULL;
}

static bool ctr__has_terminal(const ctr_plan *plan) {
  return ctr__step_of(plan, CTR__STEP_CONSOLE);
}

static ctr_code ctr__prepare_extra(ctr__start *s) {
  const ctr_process_desc *desc = &s->process->desc;
  s->launch.extra = desc->extra_fds;
  s->launch.extra_count = (int)desc->extra_fd_count;
  s->launch.function = desc->function;
  s->launch.function_data = desc->function_data;
  s->launch.environment = &environ;
  for (size_t i = 0; i < desc->extra_fd_count; i++)
    if (desc->extra_fds[i] != -1 && fcntl(desc->extra_fds[i], F_GETFD) < 0)
      return ctr__fail(s->err, CTR_E_ARG, errno, NULL,
                       "descriptor %d, which is to be %zu inside, cannot be passed on",
                       desc->extra_fds[i], 3 + i);
  return CTR_OK;
}

/* Connected first of all: a socket that is not there is no reason to start anything. */
static ctr_code ctr__prepare_sockets(ctr__start *s) {
  const ctr_process_desc *desc = &s->process->desc;
  const ctr__step *listener = ctr__step_of(s->plan, CTR__STEP_TAKE_LISTENER);
  const struct {
    const char *path, *name, *field;
    int *sock;
  } all[] = {{desc->console_socket, "console", NULL, &s->console_sock},
             {desc->pidfd_socket, "pidfd", NULL, &s->pidfd_sock},
             {listener ? ctr__plan_str(s->plan, listener->str[0]) : NULL, "listener's",
              "linux.seccomp.listenerPath", &s->listener_sock}};
  for (size_t i = 0; i < 3; i++) {
    if (!all[i].path) continue;
    *all[i].sock = ctr__connect(AT_FDCWD, all[i].path, SOCK_STREAM);
    if (*all[i].sock < 0)
      return ctr__fail(s->err, CTR_E_SYS, -*all[i].sock, all[i].field,
                       "connect to the %s socket %.300s", all[i].name, all[i].path);
  }
  return CTR_OK;
}

/* Here: in a namespace that the process joins, somebody may have put something else there. */
static int ctr__prepare_null(ctr__start *s) {
  if (s->null >= 0) return 0;
  CTR__AUTO_CLOSE null = ctr__open(AT_FDCWD, "/dev/null", O_RDWR, 0);
  if (null < 0) return null;
  if (!ctr__is_null_device(null)) return -ENODEV;
  s->null = ctr__steal_fd(&null);
  return 0;
}

static ctr_code ctr__prepare_stdio(ctr__start *s) {
  ctr_process *p = s->process;
  const bool terminal = ctr__has_terminal(s->plan);
  if (p->desc.stdio == CTR_STDIO_PIPES) {
    ctr_code code = ctr_io_init(s->plan->io_uid, s->plan->io_gid, &p->io, s->err);
    if (code) return code;
  }
  for (int i = 0; i < 3; i++) {
    int fd = p->desc.stdio == CTR_STDIO_PIPES ? p->io.child[i]
             : p->desc.stdio == CTR_STDIO_FDS ? p->desc.fds[i]
             : terminal                       ? -1
             : fcntl(i, F_GETFD) >= 0         ? i
                                              : -1;
    char path[32];
    struct stat st;
    /* A directory, or a mere place (O_PATH), would be a way into the host's files. */
    if (fd >= 0 && (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode) || (fcntl(fd, F_GETFL) & O_PATH)))
      return ctr__fail(s->err, CTR_E_ARG, 0, NULL,
                       "descriptor %d is no stream: it is closed, a directory or O_PATH", fd);
    int r = fd < 0 ? ctr__prepare_null(s) : 0;
    if (r < 0 && !terminal) /* which takes their place */
      return ctr__fail(s->err, CTR_E_SYS, -r, NULL,
                       "open /dev/null for a stream that is not given");
    ctr__fd_path(path, fd);
    s->launch.stdio[i] = fd < 0 ? s->null : fd;
    p->external[i] = terminal ? "/dev/console"
                     : fd < 0 ? "/dev/null"
                              : ctr__fd_name(&p->arena, path);
    if (!p->external[i]) return ctr__nomem(s->err);
  }
  return CTR_OK;
}

/* Where CONCEAL finds what it is for; who shows none has none to conceal. */
static ctr_code ctr__prepare_concealed(ctr__start *s) {
  ctr__proc_stat stat;
  if (!ctr__step_of(s->plan, CTR__STEP_CONCEAL)) return CTR_OK;
  int r = ctr__read_proc_stat(0, &stat);
  if (r < 0) return ctr__fail(s->err, CTR_E_SYS, -r, NULL, "read /proc/self/stat");
  const uint64_t *const ranges[2] = {stat.args, stat.env};
  for (int i = 0; i < 2; i++) {
    if (!ranges[i][0] || ranges[i][1] <= ranges[i][0]) continue;
    s->launch.concealed[i].start = (char *)(uintptr_t)ranges[i][0];
    s->launch.concealed[i].size = (size_t)(ranges[i][1] - ranges[i][0]);
  }
  return CTR_OK;
}

/* Of every hook and helper: execve wants pointers, which a plan does not have. */
static ctr_code ctr__prepare_programs(ctr__start *s) {
  char ***argv = ctr__arena_array(&s->arena, CTR__PLAN_MAX_PROGRAMS, 2 * sizeof *argv);
  if (!argv) return ctr__nomem(s->err);
  s->launch.program_argv = argv;
  s->launch.program_envp = argv + CTR__PLAN_MAX_PROGRAMS;
  for (uint32_t i = 0; i < s->plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(s->plan, i);
    if (step->kind != CTR__STEP_HOOK && step->kind != CTR__STEP_MAP_HELPER) continue;
    char **args = ctr__pointers(s, step->str[1]), **env = ctr__pointers(s, step->str[2]);
    if (!args || !env) return ctr__nomem(s->err);
    s->launch.program_argv[step->num[2]] = args;
    s->launch.program_envp[step->num[2]] = env;
  }
  return CTR_OK;
}

static ctr__mounted *ctr__new_mounted(ctr__start *s) {
  const uint32_t count = s->plan->step_count;
  ctr__mounted *all = ctr__arena_array(&s->arena, count, sizeof *all);
  for (uint32_t i = 0; all && i < count; i++) all[i].held = -1;
  return all;
}

/* Mounts that later steps mean, or do not mean, are to be known again. */
static ctr_code ctr__prepare_mounted(ctr__start *s) {
  const uint32_t count = s->plan->step_count;
  for (uint32_t i = 0; i < count; i++) {
    const ctr__step *step = ctr__plan_step(s->plan, i);
    const uint64_t meant = step->num[CTR__NUM_MEANT];
    const bool guards = ctr__guards_mount(step->kind);
    if (!(guards || ctr__changes_mount(step->kind)) || meant == CTR__MEANT_ANY) continue;
    if (!s->launch.mounted) s->launch.mounted = ctr__new_mounted(s);
    ctr__mounted *all = s->launch.mounted;
    if (!all) return ctr__nomem(s->err);
    if (meant != CTR__MEANT_NONE) {
      all[meant - CTR__MEANT_FIRST].is_meant = true;
      all[meant - CTR__MEANT_FIRST].is_held |= guards;
    }
    for (uint32_t k = 0; k < count && meant == CTR__MEANT_NONE; k++) all[k].is_meant = true;
  }
  return CTR_OK;
}

static ctr_code ctr__prepare_idmaps(ctr__start *s) {
  for (uint32_t i = 0; i < s->plan->step_count; i++)
    s->idmap_count += ctr__plan_step(s->plan, i)->kind == CTR__STEP_MAKE_IDMAP;
  s->idmaps = ctr__arena_array(&s->arena, s->idmap_count, sizeof *s->idmaps);
  if (!s->idmaps) return s->idmap_count = 0, ctr__nomem(s->err);
  for (uint32_t i = 0; i < s->idmap_count; i++) s->idmaps[i] = -1;
  return CTR_OK;
}

static ctr_code ctr__prepare_shared(ctr__start *s) {
  void *shared = mmap(NULL, ctr__shared_size(s->plan), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    return ctr__fail(s->err, CTR_E_SYS, errno, NULL, "share memory with the process");
  s->launch.shared = shared;
  return CTR_OK;
}

static ctr_code ctr__prepare(ctr__start *s) {
  s->launch.argv = ctr__pointers(s, s->plan->argv);
  s->launch.envp = ctr__pointers(s, s->plan->envp);
  if (!s->launch.argv || !s->launch.envp) return ctr__nomem(s->err);
  ctr_code code = ctr__prepare_programs(s);
  if (!code) code = ctr__prepare_concealed(s);
  if (!code) code = ctr__prepare_mounted(s);
  if (!code) code = ctr__prepare_idmaps(s);
  if (!code) code = ctr__prepare_shared(s);
  if (!code) code = ctr__prepare_sockets(s);
  if (!code) code = ctr__prepare_extra(s);
  return code ? code : ctr__prepare_stdio(s);
}

/* The intermediate process ended between cloning the real one and telling us. That is our child and
   not reaped: its pid is still its own. Others can write to the page where it is named. */
static int ctr__unreported_child(const ctr__start *s, uint64_t since) {
  const pid_t pid = s->launch.shared ? s->launch.shared->pid : 0;
  CTR__AUTO_CLOSE pidfd = pid > 0 ? ctr__fd_high((int)CTR__CALL(CTR__SYS_pidfd_open, pid, 0)) : -1;
  return pidfd >= 0 && ctr__is_cloned(pidfd, pid, since) ? ctr__steal_fd(&pidfd) : -1;
}

/* Lets go of what only the start needed; after a failure, of everything. */
static void ctr__start_finish(ctr__start *s, bool failed) {
  ctr_process *p = s->process;
  ctr__close(&s->sock);
  ctr__close(&s->launch.sock);
  ctr__close(&s->launch.init_pidfd);
  ctr__close(&s->console_sock);
  ctr__close(&s->null);
  ctr__close(&s->pidfd_sock);
  ctr__close(&s->listener_sock);
  for (int i = 0; i < CTR__PLAN_MAX_NAMESPACES; i++) ctr__close(&s->launch.namespaces[i]);
  for (uint32_t i = 0; i < s->idmap_count; i++) ctr__close(&s->idmaps[i]);
  for (int i = 0; i < 3; i++) ctr__close(&p->io.child[i]);
  const uint64_t since = failed ? ctr__stage_start(s) : 0;
  ctr__kill_and_reap(&s->stage_pidfd);
  if (failed) {
    if (p->pidfd < 0) p->pidfd = ctr__unreported_child(s, since);
    ctr__kill_and_reap(&p->pidfd);
    if (s->launch.shared) ctr__undo(s->plan, s->launch.shared);
    ctr_io_close(&p->io);
    ctr__close(&p->console);
    ctr__close(&p->listener);
    p->pid = -1;
  }
  if (s->launch.shared) munmap(s->launch.shared, ctr__shared_size(s->plan));
  ctr_arena_free(&s->arena);
}

static ctr__start ctr__start_of(ctr_process *process, ctr_err *err) {
  ctr__start s = {.process = process,
                  .plan = process->plan,
                  .sock = -1,
                  .stage_pidfd = -1,
                  .console_sock = -1,
                  .null = -1,
                  .pidfd_sock = -1,
                  .listener_sock = -1,
                  .launch = {.plan = process->plan,
                             .sock = -1,
                             .start_sock = process->attachment.start_sock,
                             .init_pidfd = -1},
                  .err = err};
  for (int i = 0; i < CTR__PLAN_MAX_NAMESPACES; i++) s.launch.namespaces[i] = -1;
  return s;
}

/* Runs a plan that has nothing but hooks, about the process of a handle. */
static ctr_code ctr__run_hook_plan(const ctr_plan *plan, pid_t pid, ctr_err *err) {
  ctr_process about = {.plan = plan, .pid = pid, .pidfd = -1, .attachment = {.start_sock = -1}};
  ctr__start s = ctr__start_of(&about, err);
  ctr_code code = ctr__prepare_programs(&s);
  if (!code) code = ctr__prepare_shared(&s);
  for (uint32_t i = 0; i < plan->step_count && !code; i++) code = ctr__parent_program(&s, i);
  if (s.launch.shared) munmap(s.launch.shared, ctr__shared_size(plan));
  ctr_arena_free(&s.arena);
  return code;
}

ctr_code ctr_process_start(ctr_process *process, ctr_err *err) {
  ctr__err_clear(err);
  if (!process) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a process is needed");
  if (process->state != CTR__NEW || !process->plan)
    return ctr__fail(err, CTR_E_STATE, 0, NULL, "a process can be started once");
  ctr__start s = ctr__start_of(process, err);
  process->plan = NULL;
  ctr_code code = ctr__prepare(&s);
  if (!code) code = ctr__parent_walk(&s);
  ctr__start_finish(&s, code != CTR_OK);
  process->state = code ? CTR__ENDED : CTR__RUNNING;
  return code;
}
