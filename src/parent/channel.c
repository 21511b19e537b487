/* The caller's side of a start: what it needs, and talking to the child. */

/* What a container adds to the start of its first process. */
typedef struct ctr__attachment {
  ctr_code (*record)(void *userdata, const ctr_plan *plan, const ctr_process *process,
                     ctr_err *err); /* RECORD */
  void *userdata;
  int start_sock; /* what the process listens at until it is started; -1: it is not */
} ctr__attachment;

struct ctr_process {
  const ctr_plan *plan; /* until the start has returned */
  ctr_process_desc desc;
  enum { CTR__NEW, CTR__RUNNING, CTR__ENDED } state;
  pid_t pid;
  int pidfd;
  int console;  /* the caller's end of its terminal */
  int listener; /* what questions about its calls come by */
  ctr_io io;
  ctr_exit status;
  const char *external[3];
  ctr__attachment attachment;
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
  int console_sock, pidfd_sock, listener_sock; /* connected before anything is started */
  int null;                                    /* for streams that are not given       */
  int *idmaps;                                 /* user namespaces made by MAKE_IDMAP, or -1 */
  uint32_t idmap_count;
  uint32_t next_source; /* the first step whose source may still be asked for */
  ctr_err *err;
} ctr__start;

static ctr_code ctr__child_died(ctr__start *s) {
  uint32_t at = s->launch.shared->step;
  ctr__text what = {.len = 0};
  siginfo_t info = {0};
  int pidfd = s->process->pidfd >= 0 ? s->process->pidfd : s->stage_pidfd;
  if (at < s->plan->step_count) ctr__text_step(&what, s->plan, ctr__plan_step(s->plan, at));
  /* It lets go of the channel a moment before how it ends can be seen. */
  struct pollfd end = {.fd = pidfd, .events = POLLIN};
  if (pidfd >= 0 && poll(&end, 1, 1000) > 0) ctr__waitid(pidfd, &info, WNOHANG | WNOWAIT);
  ctr__fail(s->err, CTR_E_PROTOCOL, 0, NULL,
            "the process ended while being started, at step %u (%.200s)", at, what.buf);
  bool killed = info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED;
  if (s->err && killed)
    ctr__err_add(s->err, ": killed by signal %d%s", info.si_status,
                 info.si_status == SIGKILL ? ", for want of memory perhaps" : "");
  return CTR_E_PROTOCOL;
}

enum { CTR__STOPPED_MS = 500 }; /* from one look to the next */

/* Of a child of ours the kernel tells without a procfs, which may hide it (proc(5), hidepid). */
static bool ctr__is_stopped(int pidfd, pid_t pid) {
  siginfo_t info = {0};
  ctr__proc_stat stat;
  if (ctr__waitid(pidfd, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0)
    return info.si_code == CLD_STOPPED;
  return ctr__read_proc_stat(pid, &stat) == 0 && stat.state == 'T';
}

/* Until there is something to read: 0; or the process has ended and there never will be: -EPIPE, as
   others may hold its end of the channel; or it is stopped: -ECANCELED. Who may signal it from
   inside can do that: we would wait for ever. Seen twice: a shell that stops us all lets us go on
   one after the other. */
static int ctr__await_packet(int sock, int pidfd, pid_t pid) {
  struct pollfd both[2] = {{.fd = sock, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
  int n, stopped = 0;
  do {
    n = (int)ctr__ret(poll(both, 2, CTR__STOPPED_MS));
    if (n == 0) stopped = ctr__is_stopped(pidfd, pid) ? stopped + 1 : 0;
  } while (n == -EINTR || (n == 0 && stopped < 2));
  if (n == 0) return -ECANCELED;
  if (n < 0) return n;
  if (both[0].revents) return 0;
  /* What it sent before it ended was sent before that was told. */
  return ctr__poll_now(both, 1) > 0 ? 0 : -EPIPE;
}

static ctr_code ctr__was_stopped(ctr_err *err) {
  return ctr__fail(err, CTR_E_PROTOCOL, 0, NULL,
                   "the process was stopped by a signal while being started");
}

static ctr_code ctr__serve_source(ctr__start *s, uint32_t index);

/* The next packet that is not about what the child asks for on the way. */
static int ctr__next_message(ctr__start *s, ctr__message *message, int *ret_fd,
                             ctr_code *ret_failed) {
  const bool adopted = s->process->pidfd >= 0;
  int r = 0;
  *ret_failed = CTR_OK;
  while (r == 0 && !*ret_failed) {
    r = ctr__await_packet(s->sock, adopted ? s->process->pidfd : s->stage_pidfd,
                          adopted ? s->process->pid : s->stage_pid);
    if (r == 0) r = ctr__receive_fd(s->sock, message, ret_fd);
    if (r || message->type != CTR__MSG_OPEN) return r;
    *ret_failed = ctr__serve_source(s, message->step);
  }
  return r;
}

/* The end of the channel. Of a process that a filter keeps from executing it is no success. */
static ctr_code ctr__channel_ended(ctr__start *s, bool is_due) {
  const ctr__step *last = ctr__plan_step(s->plan, s->plan->step_count - 1);
  const bool is_filtered = last->kind == CTR__STEP_EXEC && last->num[0];
  if (!is_due || s->launch.shared->step != s->plan->step_count - 1) return ctr__child_died(s);
  return is_filtered && ctr__never_executed(s->process->pid, 0) ? ctr__child_died(s) : CTR_OK;
}

/* Waits for the one message that is due (0: the end of the channel, which execve brings). An error
   report can come instead at any time; everything else is refused. */
static ctr_code ctr__expect(ctr__start *s, uint32_t type, ctr__message *message, int *ret_fd) {
  ctr_code failed;
  int r = ctr__next_message(s, message, ret_fd, &failed);
  if (failed) return failed;
  if (r == -EPIPE && s->launch.shared->failure.type == CTR__MSG_ERROR) {
    *message = s->launch.shared->failure;
    message->type = CTR__MSG_ERROR; /* whatever it is by now */
    r = 0;
  }
  if (r == -EPIPE) return ctr__channel_ended(s, type == 0);
  if (r == 0 && message->type == CTR__MSG_ERROR && message->step < s->plan->step_count &&
      message->error > 0 && message->error < 4096)
    return ctr__step_failed(s->plan, message, s->launch.shared->note, s->err);
  if (r == 0 && type && message->type == type) return CTR_OK;
  if (ret_fd) ctr__close(ret_fd);
  if (r == -ECANCELED) return ctr__was_stopped(s->err);
  if (r < 0 && r != -EPROTO)
    return ctr__fail(s->err, CTR_E_SYS, -r, NULL, "read from the process being started");
  return ctr__fail(s->err, CTR_E_PROTOCOL, 0, NULL,
                   "the process being started sent %s where message %u is due",
                   r < 0 ? "something that is no message" : "another message", type);
}

static ctr_code ctr__answer(ctr__start *s, uint32_t type) {
  ctr__message message = {.type = type};
  /* When the child is gone already, its report is waiting to be read. */
  int r = ctr__send(s->sock, &message);
  if (r == -EPIPE || r == -ECONNRESET) {
    ctr_code code = ctr__expect(s, 0, &message, NULL);
    return code ? code : ctr__child_died(s);
  }
  return r < 0 ? ctr__fail(s->err, CTR_E_SYS, -r, NULL, "answer the process being started")
               : CTR_OK;
}

static ctr_code ctr__parent_sync(ctr__start *s, const ctr__step *step) {
  static const enum ctr_moment moments[] = {
      [CTR__SYNC_HOOKS] = CTR_MOMENT_HOOKS, [CTR__SYNC_READY] = CTR_MOMENT_READY};
  const struct ctr__exchange *exchange = &ctr__exchanges[step->num[0]];
  const ctr_process_desc *desc = &s->process->desc;
  ctr__message message;
  if (exchange->request) {
    ctr_code code = ctr__expect(s, exchange->request, &message, NULL);
    if (!code && desc->on_moment && step->num[1])
      code = desc->on_moment(desc->userdata, moments[step->num[0]], s->process, s->err);
    if (code && s->err && !s->err->code)
      ctr__fail(s->err, code, 0, NULL, "the caller's on_moment failed");
    if (code || !exchange->answer) return code;
  }
  return ctr__answer(s, exchange->answer);
}
