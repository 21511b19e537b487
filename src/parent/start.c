/* The caller's side of a start: walks its lane of the plan beside the child. */

struct ctr_process {
  const ctr_plan *plan; /* until the start has returned */
  ctr_process_desc desc;
  enum { CTR__NEW, CTR__RUNNING, CTR__ENDED } state;
  pid_t pid;
  int pidfd;
  ctr_io io;
  ctr_exit status;
  const char *external[3];
  ctr_arena arena;
};

/* What a start needs and is gone after it. */
typedef struct ctr__start {
  ctr_process *process;
  const ctr_plan *plan;
  ctr__launch launch;
  ctr_arena arena;
  int sock;        /* the parent's end              */
  pid_t stage_pid; /* the intermediate process, or 0 */
  int stage_pidfd;
  ctr_err *err;
} ctr__start;

/* -- talking to the child -- */

static bool ctr__hung_up(int sock) {
  struct pollfd end = {.fd = sock};
  return poll(&end, 1, 0) > 0 && (end.revents & POLLHUP);
}

/* The next packet and, in *ret_fd when that is asked for, the descriptor that came with it. Any
   other descriptor is closed by us and any other size refused. */
static int ctr__receive_fd(int sock, ctr__message *message, int *ret_fd) {
  union {
    struct cmsghdr head;
    char buf[CMSG_SPACE(8 * sizeof(int))];
  } control;
  struct iovec iov = {message, sizeof *message};
  struct msghdr packet = {.msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof control.buf};
  ssize_t n;
  /* ECONNRESET is told once, before what the other side has sent: then that is read. */
  do n = recvmsg(sock, &packet, MSG_CMSG_CLOEXEC);
  while (n < 0 && (errno == EINTR || errno == ECONNRESET));
  if (n < 0) return -errno;
  size_t fds = 0;
  int first = -1;
  if (packet.msg_controllen >= CMSG_LEN(0) && control.head.cmsg_type == SCM_RIGHTS &&
      control.head.cmsg_level == SOL_SOCKET)
    fds = (control.head.cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < fds; i++) {
    int fd;
    memcpy(&fd, CMSG_DATA(&control.head) + i * sizeof fd, sizeof fd);
    if (i == 0 && fds == 1 && ret_fd)
      first = fd;
    else
      close(fd);
  }
  bool whole = (size_t)n == sizeof *message && !(packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
               fds == (ret_fd && message->type == CTR__MSG_PID ? 1 : 0);
  if (!whole && first >= 0) close(first);
  if (n == 0) return ctr__hung_up(sock) ? -EPIPE : -EPROTO; /* an empty packet is no end */
  if (!whole) return -EPROTO;
  int fd = fds ? ctr__fd_high(first) : -1;
  if (fds && fd >= 0) *ret_fd = fd;
  return fds && fd < 0 ? fd : 0;
}

static ctr_code ctr__child_died(ctr__start *s) {
  uint32_t at = s->launch.shared->step;
  ctr__text what = {.len = 0};
  siginfo_t info = {0};
  int pidfd = s->process->pidfd >= 0 ? s->process->pidfd : s->stage_pidfd;
  if (at < s->plan->step_count) ctr__text_step(&what, s->plan, ctr__plan_step(s->plan, at));
  if (pidfd >= 0)
    waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT);
  ctr__fail(s->err, CTR_E_PROTOCOL, 0, NULL,
            "the process ended while being started, at step %u (%.200s)", at, what.buf);
  bool killed = info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED;
  if (s->err && killed)
    ctr__err_add(s->err, ": killed by signal %d%s", info.si_status,
                 info.si_status == SIGKILL ? ", for want of memory perhaps" : "");
  return CTR_E_PROTOCOL;
}

/* Until there is something to read, or the process has ended and there never will be: others may
   hold its end of the channel. */
static int ctr__await(const ctr__start *s) {
  int pidfd = s->process->pidfd >= 0 ? s->process->pidfd : s->stage_pidfd;
  struct pollfd both[2] = {{.fd = s->sock, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
  int n;
  do n = poll(both, 2, -1);
  while (n < 0 && errno == EINTR);
  if (n < 0) return -errno;
  if (both[0].revents) return 0;
  /* What it sent before it ended was sent before that was told. */
  return poll(both, 1, 0) > 0 ? 0 : -EPIPE;
}

/* Waits for the one message that is due (0: the end of the channel, which execve brings). An error
   report can come instead at any time; everything else is refused. */
static ctr_code ctr__expect(ctr__start *s, uint32_t type, ctr__message *message, int *ret_fd) {
  int r = ctr__await(s);
  if (r == 0) r = ctr__receive_fd(s->sock, message, ret_fd);
  if (r == -EPIPE)
    return type == 0 && s->launch.shared->step == s->plan->step_count - 1 ? CTR_OK
                                                                          : ctr__child_died(s);
  if (r == 0 && message->type == CTR__MSG_ERROR && message->step < s->plan->step_count &&
      message->error > 0 && message->error < 4096)
    return ctr__step_failed(s->plan, message, s->err);
  if (r == 0 && type && message->type == type) return CTR_OK;
  if (ret_fd) ctr__close(ret_fd);
  if (r < 0 && r != -EPROTO)
    return ctr__fail(s->err, CTR_E_SYS, -r, NULL, "read from the process being started");
  return ctr__fail(s->err, CTR_E_PROTOCOL, 0, NULL,
                   "the process being started sent %s where message %u is due",
                   r < 0 ? "something that is no message" : "another message", type);
}

static ctr_code ctr__parent_sync(ctr__start *s, const ctr__step *step) {
  static const enum ctr_moment moments[] = {
      [CTR__SYNC_HOOKS] = CTR_MOMENT_HOOKS, [CTR__SYNC_READY] = CTR_MOMENT_READY};
  const struct ctr__exchange *exchange = &ctr__exchanges[step->num[0]];
  const ctr_process_desc *desc = &s->process->desc;
  ctr__message message;
  if (exchange->request) {
    ctr_code code = ctr__expect(s, exchange->request, &message, NULL);
    if (!code && desc->on_moment)
      code = desc->on_moment(desc->userdata, moments[step->num[0]], s->process, s->err);
    if (code && s->err && !s->err->code)
      ctr__fail(s->err, code, 0, NULL, "the caller's on_moment failed");
    if (code) return code;
  }
  message = (ctr__message){.type = exchange->answer};
  /* When the child is gone already, its report is waiting to be read. */
  int r = ctr__send(s->sock, &message);
  if (r == -EPIPE || r == -ECONNRESET) {
    ctr_code code = ctr__expect(s, 0, &message, NULL);
    return code ? code : ctr__child_died(s);
  }
  return r < 0 ? ctr__fail(s->err, CTR_E_SYS, -r, NULL, "answer the process being started")
               : CTR_OK;
}

/* -- the parent's steps: each returns 0 or -errno -- */

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

/* Clones with every signal blocked, so that no handler of the caller runs in the child; run is what
   the child does. */
static int ctr__clone_into(ctr__start *s, const ctr__step *step,
                           void (*run)(const ctr__launch *launch), pid_t *ret_pid, int *ret_pidfd) {
  uint64_t all[2] = {UINT64_MAX, UINT64_MAX}, before[2];
  int pidfd = -1, r = ctr__open_channel(s);
  if (r == 0) r = ctr__sigmask(all, before);
  if (r < 0) return r;
  pid_t pid = ctr__clone(step->num[0], step->num[1], &pidfd, NULL);
  if (pid == 0) run(&s->launch);
  ctr__sigmask(before, NULL);
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

static int ctr__reap(int pidfd, ctr_exit *ret_exit) {
  siginfo_t info = {0};
  int r;
  do r = waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED);
  while (r < 0 && errno == EINTR);
  if (r < 0) return -errno;
  *ret_exit = info.si_code == CLD_EXITED
                  ? (ctr_exit){.code = info.si_status}
                  : (ctr_exit){.signal = info.si_status, .core_dumped = info.si_code == CLD_DUMPED};
  return 0;
}

static bool ctr__is_child(int pidfd) {
  siginfo_t info = {0};
  return waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* As the kernel says it: proc_pid_fdinfo(5), "Pid:". */
static int64_t ctr__pid_of(int pidfd) {
  char path[64], text[512];
  *ctr__put_int(ctr__put_str(path, "/proc/self/fdinfo/"), pidfd) = '\0';
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  ssize_t len = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (len < 0) return -1;
  text[len] = '\0';
  const char *at = strstr(text, "\nPid:");
  return at ? strtoll(at + 5, NULL, 10) : -1;
}

static void ctr__kill_and_reap(int *pidfd) {
  ctr_exit status;
  if (*pidfd < 0) return;
  ctr__pidfd_signal(*pidfd, SIGKILL);
  ctr__reap(*pidfd, &status);
  ctr__close(pidfd);
}

/* libcontainer's execSetns: the real process is a child of ours, the one that made it is done. */
static ctr_code ctr__parent_adopt(ctr__start *s) {
  ctr__message message;
  int pidfd = -1;
  ctr_code code = ctr__expect(s, CTR__MSG_PID, &message, &pidfd);
  if (code) return code;
  if (!ctr__is_child(pidfd) || ctr__pid_of(pidfd) != message.value) {
    ctr__close(&pidfd);
    return ctr__fail(s->err, CTR_E_PROTOCOL, 0, NULL, "what is to be adopted is no child");
  }
  s->process->pid = (pid_t)message.value;
  s->process->pidfd = pidfd;
  ctr__kill_and_reap(&s->stage_pidfd); /* it has said what it is there for */
  s->stage_pid = 0;
  return CTR_OK;
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

typedef int ctr__parent_fn(ctr__start *s, const ctr__step *step);

static ctr__parent_fn *const ctr__parent_steps[CTR__STEP_COUNT] = {
    [CTR__STEP_OPEN_NAMESPACE] = ctr__parent_open_namespace,
    [CTR__STEP_STAGE] = ctr__parent_stage,
    [CTR__STEP_CLONE] = ctr__parent_clone,
    [CTR__STEP_SETGROUPS_FILE] = ctr__parent_setgroups,
    [CTR__STEP_UID_MAP] = ctr__parent_uid_map,
    [CTR__STEP_GID_MAP] = ctr__parent_gid_map,
    [CTR__STEP_OOM_SCORE_ADJ] = ctr__parent_oom_score_adj,
    [CTR__STEP_SCHEDULER] = ctr__parent_scheduler,
    [CTR__STEP_IO_PRIORITY] = ctr__parent_io_priority,
    [CTR__STEP_RAISE_RLIMIT] = ctr__parent_raise_rlimit,
};

static ctr_code ctr__parent_walk(ctr__start *s) {
  for (uint32_t i = 0; i < s->plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(s->plan, i);
    ctr_code code = CTR_OK;
    if (step->lane == CTR__LANE_BOTH) {
      code = ctr__parent_sync(s, step);
    } else if (step->kind == CTR__STEP_ADOPT) {
      code = ctr__parent_adopt(s);
    } else if (step->lane == CTR__LANE_PARENT) {
      ctr__parent_fn *run = ctr__parent_steps[step->kind];
      int r = run ? run(s, step) : -ENOSYS;
      const ctr__message report = {.type = CTR__MSG_ERROR, .step = i, .error = -r};
      if (r < 0) code = ctr__step_failed(s->plan, &report, s->err);
    }
    if (code) return code;
  }
  ctr__message message;
  return ctr__expect(s, 0, &message, NULL);
}

/* -- before and after -- */

/* A list of the plan as execve wants it: pointers into the plan, NULL at the end. */
static char **ctr__pointers(ctr__start *s, ctr__ref list) {
  uint32_t count = ctr__list_count(s->plan, list);
  const char **items = ctr__arena_array(&s->arena, (size_t)count + 1, sizeof *items);
  for (uint32_t i = 0; items && i < count; i++) items[i] = ctr__list_str(s->plan, list, i);
  return (char **)(void *)items;
}

static ctr_code ctr__prepare_stdio(ctr__start *s) {
  ctr_process *p = s->process;
  if (p->desc.stdio == CTR_STDIO_PIPES) {
    ctr_code code = ctr_io_init(s->plan->io_uid, s->plan->io_gid, &p->io, s->err);
    if (code) return code;
  }
  for (int i = 0; i < 3; i++) {
    int fd = p->desc.stdio == CTR_STDIO_PIPES ? p->io.child[i]
             : p->desc.stdio == CTR_STDIO_FDS ? p->desc.fds[i]
             : fcntl(i, F_GETFD) >= 0         ? i
                                              : -1;
    char path[32];
    struct stat st;
    /* A directory, or a mere place (O_PATH), would be a way into the host's files. */
    if (fd >= 0 && (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode) || (fcntl(fd, F_GETFL) & O_PATH)))
      return ctr__fail(s->err, CTR_E_ARG, 0, NULL,
                       "descriptor %d is no stream: it is closed, a directory or O_PATH", fd);
    ctr__fd_path(path, fd);
    s->launch.stdio[i] = fd;
    p->external[i] = fd < 0 ? "/dev/null" : ctr__fd_name(&p->arena, path);
    if (!p->external[i]) return ctr__nomem(s->err);
  }
  return CTR_OK;
}

static ctr_code ctr__prepare(ctr__start *s) {
  s->launch.argv = ctr__pointers(s, s->plan->argv);
  s->launch.envp = ctr__pointers(s, s->plan->envp);
  if (!s->launch.argv || !s->launch.envp) return ctr__nomem(s->err);
  void *shared =
      mmap(NULL, sizeof(ctr__shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    return ctr__fail(s->err, CTR_E_SYS, errno, NULL, "share a page with the process");
  s->launch.shared = shared;
  return ctr__prepare_stdio(s);
}

/* The intermediate process ended between cloning the real one and telling us. That is our child and
   not reaped: its pid is still its own. */
static int ctr__unreported_child(const ctr__start *s) {
  pid_t pid = s->launch.shared ? s->launch.shared->pid : 0;
  int pidfd = pid > 0 ? ctr__fd_high((int)CTR__CALL(CTR__SYS_pidfd_open, pid, 0)) : -1;
  if (pidfd >= 0 && !ctr__is_child(pidfd))
    ctr__close(&pidfd); /* the page can be written by others */
  return pidfd;
}

/* Lets go of what only the start needed; after a failure, of everything. */
static void ctr__start_finish(ctr__start *s, bool failed) {
  ctr_process *p = s->process;
  ctr__close(&s->sock);
  ctr__close(&s->launch.sock);
  for (int i = 0; i < CTR__PLAN_MAX_NAMESPACES; i++) ctr__close(&s->launch.namespaces[i]);
  for (int i = 0; i < 3; i++) ctr__close(&p->io.child[i]);
  ctr__kill_and_reap(&s->stage_pidfd);
  if (failed) {
    if (p->pidfd < 0) p->pidfd = ctr__unreported_child(s);
    ctr__kill_and_reap(&p->pidfd);
    if (s->launch.shared) ctr__undo(s->plan, s->launch.shared);
    ctr_io_close(&p->io);
    p->pid = -1;
  }
  if (s->launch.shared) munmap(s->launch.shared, sizeof *s->launch.shared);
  ctr_arena_free(&s->arena);
}

ctr_code ctr_process_start(ctr_process *process, ctr_err *err) {
  ctr__err_clear(err);
  if (!process) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a process is needed");
  if (process->state != CTR__NEW || !process->plan)
    return ctr__fail(err, CTR_E_STATE, 0, NULL, "a process can be started once");
  ctr__start s = {.process = process,
                  .plan = process->plan,
                  .sock = -1,
                  .stage_pidfd = -1,
                  .launch = {.plan = process->plan, .sock = -1},
                  .err = err};
  for (int i = 0; i < CTR__PLAN_MAX_NAMESPACES; i++) s.launch.namespaces[i] = -1;
  process->plan = NULL;
  ctr_code code = ctr__prepare(&s);
  if (!code) code = ctr__parent_walk(&s);
  ctr__start_finish(&s, code != CTR_OK);
  process->state = code ? CTR__ENDED : CTR__RUNNING;
  return code;
}
