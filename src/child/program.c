/* Runs a program of the host, a hook or a helper, and sees it through to its end: used on both
   sides, so it is bound by the child's rules. */

/* What is run and with what. */
typedef struct ctr__program_run {
  const char *path;
  char *const *argv, *const *envp;
  const char *directory;   /* where; NULL: where we are                               */
  int64_t seconds;         /* it may take; 0: as long as it likes                     */
  int umask;               /* that it gets; -1: as it is                              */
  int input;               /* its standard input                                      */
  const ctr_plan *filters; /* whose seccomp filters it runs under; NULL: none         */
  ctr__shared *shared;     /* gets the beginning of what it says, and program_error   */
  size_t noted;            /* how much of it: others may write to the note meanwhile  */
  int output;              /* its standard output and error                           */
  enum ctr__reason reason; /* why it failed                                           */
  int64_t detail;
} ctr__program_run;

/* Before a function that does not return the address sanitizer makes system calls of its own, and
   waits for ever where the container's filter forbids them. */
#define CTR__UNSANITIZED __attribute__((no_sanitize_address))

/* By number: where a filter forbids it, libc would try for ever (musl), or run what others have put
   there (a sanitizer). What remains then is to be killed. */
static _Noreturn void ctr__end(int status) {
  syscall(SYS_exit_group, status);
  __builtin_trap();
}

static int ctr__load_filter(const ctr_plan *plan, const ctr__step *s, uint32_t flags) {
  const struct {
    uint16_t count;
    const void *code;
  } program = {(uint16_t)s->num[0], ctr__plan_data(plan, s->str[1])}; /* struct sock_fprog */
  return (int)CTR__CALL(SYS_seccomp, CTR__SECCOMP_SET_MODE_FILTER, flags, &program);
}

/* Without a listener, which is the container's program's: calls that it would be asked about do not
   exist (seccomp(2), SECCOMP_RET_USER_NOTIF). */
static int ctr__load_filters(const ctr_plan *plan) {
  int r = 0;
  for (uint32_t i = 0; i < plan->step_count && r == 0; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    if (step->kind == CTR__STEP_FILTER)
      r = ctr__load_filter(plan, step,
                           (uint32_t)step->num[2] & ~(uint32_t)CTR__SECCOMP_WITH_OTHERS);
  }
  return r;
}

/* A session of its own, so that it can be ended with all it has started. Filters come last: they
   may forbid any call, so that a failure is told without one. */
CTR__UNSANITIZED static _Noreturn void ctr__program_main(const ctr__program_run *p) {
  const int kept[2] = {-1, -1};
  int r = setsid() < 0 ? -errno : 0;
  if (r == 0) r = (int)ctr__ret(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  if (r == 0) r = ctr__default_signals();
  if (r == 0 && p->directory) r = (int)ctr__ret(chdir(p->directory));
  if (r == 0 && (dup2(p->input, 0) < 0 || dup2(p->output, 1) < 0 || dup2(p->output, 2) < 0))
    r = -errno;
  if (r == 0) r = ctr__close_rest(3, kept);
  if (r == 0 && p->umask >= 0) umask((mode_t)p->umask);
  if (r == 0 && p->filters) r = ctr__load_filters(p->filters);
  if (r == 0) {
    execve(p->path, p->argv, p->envp);
    r = -errno;
  }
  p->shared->program_error = r;
  ctr__end(127);
}

/* Keeps the beginning of what it says, for an error message, and lets go of the rest. */
static void ctr__program_listen(ctr__program_run *p, struct pollfd *output) {
  char buf[1024];
  ssize_t n = read(output->fd, buf, sizeof buf);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) output->fd = -1;
  const size_t room = CTR__NOTE_MAX - 1 - p->noted, more = n > 0 ? (size_t)n : 0;
  memcpy(p->shared->note + p->noted, buf, more < room ? more : room);
  p->noted += more < room ? more : room;
}

static int64_t ctr__now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until it has ended or its time is up. */
static int ctr__program_await(ctr__program_run *p, int pidfd, int output) {
  const int64_t seconds = p->seconds, end = ctr__now_ms() + seconds * 1000;
  struct pollfd both[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = output, .events = POLLIN}};
  for (;;) {
    int64_t left = seconds ? end - ctr__now_ms() : -1;
    if (seconds && left <= 0) return -ETIMEDOUT;
    int n = poll(both, 2, left > INT_MAX ? INT_MAX : (int)left);
    if (n < 0 && errno != EINTR) return -errno;
    if (n <= 0) continue;
    if (both[1].revents) ctr__program_listen(p, &both[1]);
    if (both[0].revents) break;
  }
  /* What a pipe holds (pipe(7)), and no more: what it left running may go on writing for ever. */
  for (int i = 0; i < 64 && both[1].fd >= 0 && ctr__poll_now(&both[1], 1) > 0; i++)
    ctr__program_listen(p, &both[1]);
  return 0;
}

/* It has been started: sees it through to its end and says how it went. */
static int ctr__program_finish(ctr__program_run *p, pid_t pid, int pidfd, int output) {
  ctr_exit status = {0};
  int r = ctr__program_await(p, pidfd, output);
  if (r < 0) {
    kill(-pid, SIGKILL);
    ctr__pidfd_signal(pidfd, SIGKILL);
  }
  int reaped = ctr__reap(pidfd, &status);
  if (r == -ETIMEDOUT) return p->reason = CTR__WHY_PROGRAM_TIMEOUT, r;
  if (r == 0) r = reaped;
  if (r < 0) return r;
  const int error = p->shared->program_error;
  if (error < 0 && error > -4096) {
    p->reason = p->filters ? CTR__WHY_PROGRAM_UNDER_FILTERS : CTR__WHY_PROGRAM_FILE;
    return error;
  }
  if (!status.signal && !status.code) return 0; /* no reason, or a later step would be given it */
  p->reason = !status.signal            ? CTR__WHY_PROGRAM_EXIT
              : status.signal == SIGSYS ? CTR__WHY_PROGRAM_SIGSYS
                                        : CTR__WHY_PROGRAM_SIGNAL;
  p->detail = status.signal ? status.signal : status.code;
  return -ECANCELED;
}

/* Runs it and waits for it. */
static int ctr__program_execute(ctr__program_run *p) {
  int output[2] = {-1, -1}, pidfd = -1;
  memset(p->shared->note, 0, CTR__NOTE_MAX);
  p->shared->program_error = 0;
  p->noted = 0;
  int r = ctr__pipe(output);
  CTR__AUTO_CLOSE output_read = output[0], output_write = output[1];
  if (r == 0) r = (int)ctr__ret(fcntl(output_read, F_SETFL, O_NONBLOCK));
  if (r < 0) return r;
  p->output = output_write;
  pid_t pid = ctr__clone_blocked(0, true, -1, &pidfd);
  if (pid == 0) ctr__program_main(p);
  CTR__AUTO_CLOSE ended = pid < 0 ? -1 : ctr__fd_high(pidfd);
  ctr__close(&output_write);
  return pid < 0 ? pid : ctr__program_finish(p, pid, ended, output_read);
}
