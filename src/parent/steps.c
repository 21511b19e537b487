/* The parent's steps: each returns 0 or -errno, or speaks for itself. */

/* ioctl_ns(2): the kind is looked at before anything is started. */
static int ctr__parent_open_namespace(ctr__start *s, const ctr__step *step) {
  enum { CTR__NS_GET_NSTYPE = 0xb703 };
  int fd = ctr__open(AT_FDCWD, ctr__plan_str(s->plan, step->str[0]),
                     O_RDONLY | O_NONBLOCK | O_NOCTTY, 0); /* a fifo or a terminal: not for us */
  if (fd < 0) return fd;
  s->launch.namespaces[step->num[1]] = fd;
  int type = ioctl(fd, CTR__NS_GET_NSTYPE);
  if (type < 0 || (uint64_t)type != step->num[0]) return -EINVAL;
  struct stat joined, own;
  const char *own_path = ctr__plan_str(s->plan, step->str[1]);
  if (!own_path) return 0;
  if (fstat(fd, &joined) < 0 || stat(own_path, &own) < 0) return -errno;
  return joined.st_ino == own.st_ino && joined.st_dev == own.st_dev ? -EXDEV : 0;
}

/* The sync channel is made at the last moment: a thread of the caller that forks meanwhile keeps
   the child's end open until it ends or executes, and so long an execve of ours is not to be
   seen. */
static int ctr__open_channel(ctr__start *s) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
  s->launch.parent_sock = s->sock = ctr__fd_high(pair[0]);
  s->launch.sock = ctr__fd_high(pair[1]);
  return s->sock < 0 ? s->sock : s->launch.sock < 0 ? s->launch.sock : 0;
}

/* run is what the child does. */
static int ctr__clone_into(ctr__start *s, const ctr__step *step,
                           void (*run)(const ctr__launch *launch), pid_t *ret_pid, int *ret_pidfd) {
  const char *born_in = ctr__plan_str(s->plan, step->str[0]);
  CTR__AUTO_CLOSE cgroup = born_in ? ctr__cgroup_open_path(born_in) : -1;
  if (born_in && cgroup < 0) return cgroup;
  int pidfd = -1, r = ctr__open_channel(s);
  if (r < 0) return r;
  pid_t pid = ctr__clone_blocked(step->num[0], step->num[1], cgroup, &pidfd);
  if (pid == 0) run(&s->launch);
  /* Only the child holds its end from now on: when it ends, we are told. */
  ctr__close(&s->launch.sock);
  if (pid < 0) return pid;
  *ret_pid = pid;
  *ret_pidfd = pidfd; /* in any case: a failure from here on ends the child by it */
  int high = pidfd > 2 ? pidfd : (int)ctr__ret(fcntl(pidfd, F_DUPFD_CLOEXEC, 3));
  if (high < 0) return high;
  if (high != pidfd) close(pidfd);
  *ret_pidfd = high;
  return 0;
}

static int ctr__parent_clone(ctr__start *s, const ctr__step *step) {
  return ctr__clone_into(s, step, ctr__child_main, &s->process->pid, &s->process->pidfd);
}

static int ctr__parent_stage(ctr__start *s, const ctr__step *step) {
  return ctr__clone_into(s, step, ctr__stage_main, &s->stage_pid, &s->stage_pidfd);
}

static bool ctr__is_child(int pidfd) {
  siginfo_t info = {0};
  return ctr__waitid(pidfd, &info, WNOHANG | WNOWAIT) == 0;
}

/* When the intermediate process began, in ticks; 0 if it is not known. */
static uint64_t ctr__stage_start(const ctr__start *s) {
  ctr__proc_stat stat;
  return s->stage_pidfd >= 0 && ctr__read_proc_stat(s->stage_pid, &stat) == 0 ? stat.start_time : 0;
}

/* Whether that is who was cloned by an intermediate process, which began at since: a child of ours
   that has executed nothing and is not older. Others may be in a position to name one. */
static bool ctr__is_cloned(int pidfd, pid_t pid, uint64_t since) {
  ctr__proc_stat stat;
  if (!ctr__is_child(pidfd)) return false;
  /* Where procfs hides it (proc(5), hidepid) that it is a child of ours is all there is to know. */
  if (ctr__read_proc_stat(pid, &stat) < 0) return true;
  return (stat.flags & CTR__PF_FORKNOEXEC) && stat.start_time >= since;
}

/* As the kernel says it: proc_pid_fdinfo(5), "Pid:"; or -errno. */
static int64_t ctr__pid_of(int pidfd) {
  char path[64], text[512];
  *ctr__put_int(ctr__put_str(path, "/proc/self/fdinfo/"), pidfd) = '\0';
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  ssize_t len = fd < 0 ? fd : ctr__ret(read(fd, text, sizeof text - 1));
  if (len < 0) return len;
  text[len] = '\0';
  const char *at = strstr(text, "\nPid:");
  return at ? strtoll(at + 5, NULL, 10) : -ESRCH;
}

/* libcontainer's execSetns: the real process is a child of ours, the one that made it is done. */
static ctr_code ctr__parent_adopt(ctr__start *s, const ctr__step *step) {
  ctr__message message;
  int pidfd = -1;
  ctr_code code = ctr__expect(s, CTR__MSG_PID, &message, &pidfd);
  (void)step;
  if (code) return code;
  const int64_t pid = ctr__pid_of(pidfd);
  if (pid <= 0 || pid != message.value || pid == s->stage_pid ||
      !ctr__is_cloned(pidfd, (pid_t)pid, ctr__stage_start(s))) {
    ctr__close(&pidfd);
    if (pid < 0 && pid != -ESRCH)
      return ctr__fail(s->err, CTR_E_SYS, (int)-pid, NULL, "look at the process");
    return ctr__fail(s->err, CTR_E_PROTOCOL, 0, NULL,
                     "what is to be adopted is not what was cloned");
  }
  s->process->pid = (pid_t)message.value;
  s->process->pidfd = pidfd;
  ctr__kill_and_reap(&s->stage_pidfd); /* it has said what it is there for */
  s->stage_pid = 0;
  return CTR_OK;
}

/* The caller's end of the terminal goes to who was named for it, or stays with the handle. */
static ctr_code ctr__parent_take_console(ctr__start *s, const ctr__step *step) {
  ctr__message message;
  int console = -1;
  ctr_code code = ctr__expect(s, CTR__MSG_CONSOLE, &message, &console);
  (void)step;
  if (code) return code;
  s->process->console = console;
  if (s->console_sock < 0) return CTR_OK;
  int r = ctr__hand_over(s->console_sock, console, "/dev/ptmx");
  ctr__close(&s->process->console);
  return r < 0
             ? ctr__fail(s->err, CTR_E_SYS, -r, "process.terminal",
                         "send the terminal to the socket %.200s", s->process->desc.console_socket)
             : CTR_OK;
}

/* Tells who listens what the process is and gives it the descriptor; the connection is for that
   alone. */
static ctr_code ctr__tell_listener(int sock, int fd, const char *path, const char *text,
                                   ctr_err *err) {
  int r = text ? ctr__hand_over(sock, fd, text) : -ENOMEM;
  if (r == -ENOMEM) return ctr__nomem(err);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, "linux.seccomp.listenerPath",
                           "send what calls are notified by to the socket %.200s", path)
               : CTR_OK;
}

static ctr_code ctr__parent_take_listener(ctr__start *s, const ctr__step *step) {
  ctr__message message;
  CTR__AUTO_CLOSE listener = -1;
  ctr_code code = ctr__expect(s, CTR__MSG_LISTENER, &message, &listener);
  if (code) return code;
  const int64_t pid = s->process->pid, first = step->num[1] ? (int64_t)step->num[1] : pid;
  const char *text = ctr__listener_text(&s->arena, ctr__plan_str(s->plan, step->str[1]),
                                        (ctr_status)step->num[0], first, pid);
  code = ctr__tell_listener(s->listener_sock, listener, ctr__plan_str(s->plan, step->str[0]), text,
                            s->err);
  ctr__close(&s->listener_sock);
  return code ? code : ctr__answer(s, CTR__MSG_RUN);
}

static ctr_code ctr__parent_keep_listener(ctr__start *s, const ctr__step *step) {
  ctr__message message;
  ctr_code code = ctr__expect(s, CTR__MSG_LISTENER, &message, &s->process->listener);
  (void)step;
  return code ? code : ctr__answer(s, CTR__MSG_RUN);
}

static ctr_code ctr__parent_record(ctr__start *s, const ctr__step *step) {
  const ctr__attachment *attachment = &s->process->attachment;
  (void)step;
  return attachment->record(attachment->userdata, s->plan, s->process, s->err);
}

/* That its start time is that of the container's first process shows that the pid has not been
   given to another since; it is what the pidfd then stands for. */
static int ctr__parent_open_init(ctr__start *s, const ctr__step *step) {
  pid_t pid = (pid_t)step->num[0];
  ctr__proc_stat stat;
  s->launch.init_pidfd = ctr__fd_high((int)CTR__CALL(CTR__SYS_pidfd_open, pid, 0));
  if (s->launch.init_pidfd < 0) return s->launch.init_pidfd;
  int r = ctr__read_proc_stat(pid, &stat);
  if (r < 0) return r;
  struct pollfd end = {.fd = s->launch.init_pidfd, .events = POLLIN};
  return stat.start_time == step->num[1] && ctr__poll_now(&end, 1) == 0 ? 0 : -ESRCH;
}

/* Opened by the pid, of which OPEN_INIT then sees that it is still that process's. */
static int ctr__parent_open_owner(ctr__start *s, const ctr__step *step) {
  int fd = ctr__owner_of_mounts((pid_t)step->num[0]);
  if (fd >= 0) s->launch.namespaces[0] = fd;
  return fd < 0 ? fd : 0;
}

static int ctr__parent_make_cgroup(ctr__start *s, const ctr__step *step) {
  const ctr__cgroup cgroup = {ctr__plan_str(s->plan, step->str[0]),
                              ctr__plan_str(s->plan, step->str[1]), step->num[0]};
  int r = ctr__cgroup_make(&cgroup);
  const char *controllers = ctr__plan_str(s->plan, step->str[2]);
  return r < 0 || !*controllers
             ? r
             : ctr__cgroup_enable(cgroup.path, (size_t)step->num[1], controllers);
}

static ctr_code ctr__parent_device_list(ctr__start *s, const ctr__step *step) {
  const ctr__cgroup cgroup = {.path = ctr__plan_str(s->plan, step->str[0])};
  const ctr__dev_list list = {step->num[0], ctr__plan_str(s->plan, step->str[1])};
  return ctr__devices_set_list(&cgroup, &list, ctr__plan_str(s->plan, step->field), s->err);
}

static ctr_code ctr__parent_device_program(ctr__start *s, const ctr__step *step) {
  const ctr__cgroup cgroup = {.path = ctr__plan_str(s->plan, step->str[0])};
  const union {
    const void *plan;
    ctr__bpf_insn *items;
  } code = {ctr__plan_data(s->plan, step->str[1])};
  const ctr__dev_program program = {code.items, (uint32_t)step->num[0]};
  return ctr__devices_set_program(&cgroup, &program, ctr__plan_str(s->plan, step->field), s->err);
}

static int ctr__parent_enter_cgroup(ctr__start *s, const ctr__step *step) {
  const ctr__cgroup cgroup = {.path = ctr__plan_str(s->plan, step->str[0])};
  return ctr__cgroup_enter(&cgroup, s->process->pid);
}

/* Writes to /proc/PID/name of the child, which is still ours alone. */
static int ctr__write_child_proc(ctr__start *s, const char *name, const ctr__step *step) {
  char path[64];
  *ctr__put_str(ctr__put_str(ctr__put_int(path, s->process->pid), "/"), name) = '\0';
  CTR__AUTO_CLOSE proc = ctr__open_proc();
  const char *text = ctr__plan_str(s->plan, step->str[0]);
  return proc < 0 ? proc : ctr__write_proc(proc, path, text, strlen(text));
}

static int ctr__parent_setgroups(ctr__start *s, const ctr__step *step) {
  return ctr__write_child_proc(s, "setgroups", step);
}

static int ctr__parent_uid_map(ctr__start *s, const ctr__step *step) {
  return ctr__write_child_proc(s, "uid_map", step);
}

static int ctr__parent_gid_map(ctr__start *s, const ctr__step *step) {
  return ctr__write_child_proc(s, "gid_map", step);
}

static bool ctr__map_is_written(const ctr__start *s, enum ctr__id_kind kind) {
  char path[64], byte;
  ctr__proc_path(path, s->process->pid, strrchr(ctr__id_sources[kind].map, '/'));
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  return fd >= 0 && read(fd, &byte, 1) == 1;
}

/* newuidmap(1) knows the process by its pid: not yet reaped, that is the child's own. How it ended
   is lost on a caller that ignores SIGCHLD: then the map tells. */
static int ctr__run_map_helper(ctr__start *s, const ctr__step *step, enum ctr__reason *ret_reason,
                               int64_t *ret_detail) {
  char pid[24];
  CTR__AUTO_CLOSE null = ctr__open(AT_FDCWD, "/dev/null", O_RDONLY, 0);
  if (null < 0) return null;
  *ctr__put_int(pid, s->process->pid) = '\0';
  s->launch.program_argv[step->num[2]][1] = pid;
  ctr__program_run helper = {.path = ctr__plan_str(s->plan, step->str[0]),
                             .argv = s->launch.program_argv[step->num[2]],
                             .envp = s->launch.program_envp[step->num[2]],
                             .umask = -1,
                             .input = null,
                             .shared = s->launch.shared};
  int r = ctr__program_execute(&helper);
  *ret_reason = helper.reason;
  *ret_detail = helper.detail;
  return r == -ECHILD && ctr__map_is_written(s, (enum ctr__id_kind)step->num[0]) ? 0 : r;
}

/* What an id inside is outside, as the map of the process says it to us; or -errno. */
static int64_t ctr__id_outside(ctr__start *s, const char *file, uint64_t id) {
  char path[64];
  ctr_id_mappings map;
  uint32_t outside;
  ctr__proc_path(path, s->process->pid, file);
  int r = ctr__read_map(&s->arena, path, &map);
  if (r < 0) return r;
  /* As chown(2) says it of ids that are not mapped. */
  return ctr__id_mapped(map, (uint32_t)id, &outside) ? (int64_t)outside : -EINVAL;
}

static int ctr__parent_own_pipes(ctr__start *s, const ctr__step *step) {
  const ctr_io *io = &s->process->io;
  if (s->process->desc.stdio != CTR_STDIO_PIPES) return 0;
  int64_t uid = ctr__id_outside(s, "/uid_map", step->num[0]);
  int64_t gid = ctr__id_outside(s, "/gid_map", step->num[1]);
  if (uid < 0 || gid < 0) return (int)(uid < 0 ? uid : gid);
  for (int i = 0; i < 3; i++)
    if (fchown(io->child[i], (uid_t)uid, (gid_t)gid) < 0) return -errno;
  return 0;
}

static int ctr__parent_oom_score_adj(ctr__start *s, const ctr__step *step) {
  return ctr__write_child_proc(s, "oom_score_adj", step);
}

static int ctr__parent_scheduler(ctr__start *s, const ctr__step *step) {
  return ctr__sched_setattr(s->process->pid, ctr__plan_data(s->plan, step->str[1]));
}

static int ctr__parent_io_priority(ctr__start *s, const ctr__step *step) {
  return ctr__ioprio_set(s->process->pid, step->num[0], step->num[1]);
}

/* The soft limit stays for the child's own step: a low one would get in its way until then. */
static int ctr__parent_raise_rlimit(ctr__start *s, const ctr__step *step) {
  struct ctr__rlimit limit;
  int type = (int)step->num[0];
  int r = (int)CTR__CALL(SYS_prlimit64, s->process->pid, type, NULL, &limit);
  limit.hard = step->num[2];
  return r < 0 ? r : (int)CTR__CALL(SYS_prlimit64, s->process->pid, type, &limit, NULL);
}

/* Programs of the host: what they say when they fail is part of the error. */
static ctr_code ctr__parent_program(ctr__start *s, uint32_t index) {
  const ctr__step *step = ctr__plan_step(s->plan, index);
  enum ctr__reason reason = CTR__WHY_NONE;
  int64_t detail = 0;
  int r = step->kind == CTR__STEP_HOOK
              ? ctr__run_hook(&s->launch, step, s->process->pid, -1, &reason, &detail)
              : ctr__run_map_helper(s, step, &reason, &detail);
  const ctr__message report = {.type = CTR__MSG_ERROR,
                               .step = index,
                               .error = -r,
                               .reason = (uint32_t)reason,
                               .value = detail};
  return r < 0 ? ctr__step_failed(s->plan, &report, s->launch.shared->note, s->err) : CTR_OK;
}

typedef int ctr__parent_fn(ctr__start *s, const ctr__step *step);

static ctr__parent_fn *const ctr__parent_steps[CTR__STEP_COUNT] = {
    [CTR__STEP_OPEN_NAMESPACE] = ctr__parent_open_namespace,
    [CTR__STEP_OPEN_INIT] = ctr__parent_open_init,
    [CTR__STEP_OPEN_OWNER] = ctr__parent_open_owner,
    [CTR__STEP_STAGE] = ctr__parent_stage,
    [CTR__STEP_MAKE_CGROUP] = ctr__parent_make_cgroup,
    [CTR__STEP_ENTER_CGROUP] = ctr__parent_enter_cgroup,
    [CTR__STEP_CLONE] = ctr__parent_clone,
    [CTR__STEP_SETGROUPS_FILE] = ctr__parent_setgroups,
    [CTR__STEP_UID_MAP] = ctr__parent_uid_map,
    [CTR__STEP_GID_MAP] = ctr__parent_gid_map,
    [CTR__STEP_OOM_SCORE_ADJ] = ctr__parent_oom_score_adj,
    [CTR__STEP_SCHEDULER] = ctr__parent_scheduler,
    [CTR__STEP_IO_PRIORITY] = ctr__parent_io_priority,
    [CTR__STEP_RAISE_RLIMIT] = ctr__parent_raise_rlimit,
    [CTR__STEP_OWN_PIPES] = ctr__parent_own_pipes,
    [CTR__STEP_MAKE_IDMAP] = ctr__parent_make_idmap,
};

/* Steps that wait for a message or call somebody, and know their error best. */
typedef ctr_code ctr__parent_talk(ctr__start *s, const ctr__step *step);

static ctr__parent_talk *const ctr__parent_talks[CTR__STEP_COUNT] = {
    [CTR__STEP_ADOPT] = ctr__parent_adopt,
    [CTR__STEP_TAKE_CONSOLE] = ctr__parent_take_console,
    [CTR__STEP_TAKE_LISTENER] = ctr__parent_take_listener,
    [CTR__STEP_KEEP_LISTENER] = ctr__parent_keep_listener,
    [CTR__STEP_DEVICE_LIST] = ctr__parent_device_list,
    [CTR__STEP_DEVICE_PROGRAM] = ctr__parent_device_program,
    [CTR__STEP_RECORD_CGROUPS] = ctr__parent_record,
    [CTR__STEP_RECORD] = ctr__parent_record,
};

/* All that stand together: which goes before which is the kernel's to say. */
static ctr_code ctr__parent_limits(ctr__start *s, uint32_t *index) {
  uint32_t first = *index, failed = 0, count = ctr__limits_at(s->plan, first);
  *index += count - 1;
  const ctr__setting *all = ctr__settings_of(s->plan, first, count, &s->arena);
  int r = all ? ctr__settings_write(all, count, &s->arena, &failed) : -ENOMEM;
  if (r == -ENOMEM) return ctr__nomem(s->err);
  const ctr__message report = {.type = CTR__MSG_ERROR, .step = first + failed, .error = -r};
  return r < 0 ? ctr__step_failed(s->plan, &report, NULL, s->err) : CTR_OK;
}

/* Moves *index to the last step that it has done. */
static ctr_code ctr__parent_do(ctr__start *s, uint32_t *at) {
  const uint32_t index = *at;
  const ctr__step *step = ctr__plan_step(s->plan, index);
  if (step->kind == CTR__STEP_LIMIT) return ctr__parent_limits(s, at);
  if (step->kind == CTR__STEP_HOOK || step->kind == CTR__STEP_MAP_HELPER)
    return ctr__parent_program(s, index);
  if (ctr__parent_talks[step->kind]) return ctr__parent_talks[step->kind](s, step);
  ctr__parent_fn *run = ctr__parent_steps[step->kind];
  int r = run ? run(s, step) : -ENOSYS;
  const ctr__message report = {.type = CTR__MSG_ERROR, .step = index, .error = -r};
  return r < 0 ? ctr__step_failed(s->plan, &report, NULL, s->err) : CTR_OK;
}

/* Who asked for a pidfd gets it as soon as there is one. */
static ctr_code ctr__hand_out_pidfd(ctr__start *s) {
  if (s->pidfd_sock < 0 || s->process->pidfd < 0) return CTR_OK;
  const char *name = s->launch.init_pidfd < 0 ? "standard" : "setns"; /* libcontainer's two kinds */
  int r = ctr__hand_over(s->pidfd_sock, s->process->pidfd, name);
  ctr__close(&s->pidfd_sock);
  return r < 0 ? ctr__fail(s->err, CTR_E_SYS, -r, NULL, "send a pidfd to the socket %.200s",
                           s->process->desc.pidfd_socket)
               : CTR_OK;
}

/* Ends when the program has been executed, or with a process that waits to be started. */
static ctr_code ctr__parent_walk(ctr__start *s) {
  for (uint32_t i = 0; i < s->plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(s->plan, i);
    ctr_code code = CTR_OK;
    if (step->kind == CTR__STEP_WAIT_START) return CTR_OK;
    if (step->lane == CTR__LANE_BOTH) code = ctr__parent_sync(s, step);
    if (step->lane == CTR__LANE_PARENT) code = ctr__parent_do(s, &i);
    if (!code) code = ctr__hand_out_pidfd(s);
    if (code) return code;
  }
  ctr__message message;
  return ctr__expect(s, 0, &message, NULL);
}
