/* Runs a hook: used on both sides, so it is bound by the child's rules. */

/* What a hook is run with. */
typedef struct ctr__hook_run {
  const ctr__launch *launch;
  const ctr__step *step;
  pid_t pid;               /* of the container's first process, as it is seen here    */
  int umask;               /* that the hook gets; -1: as it is                        */
  int input;               /* the state, for its standard input                       */
  int output;              /* its standard output and error                           */
  int report;              /* gets errno when it cannot be executed; closed by execve  */
  enum ctr__reason reason; /* why it failed                                   */
  int64_t detail;
} ctr__hook_run;

/* The state in memory: a hook may read it or not, and nobody waits for that. */
static int ctr__hook_input(const ctr__hook_run *h) {
  const ctr_plan *plan = h->launch->plan;
  const char *state = ctr__plan_str(plan, plan->state);
  char tail[64];
  char *end = ctr__put_str(ctr__put_str(tail, ctr__status_names[h->step->num[1]]), "\",\"pid\":");
  end = ctr__put_str(ctr__put_int(end, h->pid), "}");
  CTR__AUTO_CLOSE fd =
      ctr__fd_high((int)CTR__CALL(SYS_memfd_create, "state", 1U /* MFD_CLOEXEC */));
  int r = fd < 0 ? fd : ctr__write_all(fd, state, strlen(state));
  if (r == 0) r = ctr__write_all(fd, tail, (size_t)(end - tail));
  if (r == 0) r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
  return r < 0 ? r : ctr__steal_fd(&fd);
}

/* A session of its own, so that it can be ended with all it has started. */
static _Noreturn void ctr__hook_main(const ctr__hook_run *h) {
  const ctr_plan *plan = h->launch->plan;
  const char *bundle = h->step->num[3] ? ctr__plan_str(plan, plan->bundle) : NULL;
  int kept[2] = {h->report, -1};
  int r = setsid() < 0 ? -errno : 0;
  if (r == 0) r = (int)ctr__ret(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  if (r == 0) r = ctr__default_signals();
  if (r == 0 && bundle) r = (int)ctr__ret(chdir(bundle));
  if (r == 0 && (dup2(h->input, 0) < 0 || dup2(h->output, 1) < 0 || dup2(h->output, 2) < 0))
    r = -errno;
  if (r == 0) r = ctr__close_rest(3, kept);
  if (r == 0 && h->umask >= 0) umask((mode_t)h->umask);
  if (r == 0) {
    char *const *argv = h->launch->hook_argv[h->step->num[2]];
    execve(ctr__plan_str(plan, h->step->str[0]), argv, h->launch->hook_envp[h->step->num[2]]);
    r = -errno;
  }
  ctr__write_all(h->report, (const char *)&r, sizeof r);
  _exit(127);
}

/* Keeps the beginning of what it says, for an error message, and lets go of the rest. */
static void ctr__hook_listen(const ctr__hook_run *h, struct pollfd *output) {
  char buf[1024];
  ctr__shared *shared = h->launch->shared;
  ssize_t n = read(output->fd, buf, sizeof buf);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) output->fd = -1;
  size_t used = strlen(shared->note), room = sizeof shared->note - 1 - used;
  if (n > 0) memcpy(shared->note + used, buf, (size_t)n < room ? (size_t)n : room);
}

static int64_t ctr__now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until it has ended or its time is up. */
static int ctr__hook_await(const ctr__hook_run *h, int pidfd, int output) {
  const int64_t seconds = (int64_t)h->step->num[0], end = ctr__now_ms() + seconds * 1000;
  struct pollfd both[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = output, .events = POLLIN}};
  for (;;) {
    int64_t left = seconds ? end - ctr__now_ms() : -1;
    if (seconds && left <= 0) return -ETIMEDOUT;
    int n = poll(both, 2, left > INT_MAX ? INT_MAX : (int)left);
    if (n < 0 && errno != EINTR) return -errno;
    if (n <= 0) continue;
    if (both[1].revents) ctr__hook_listen(h, &both[1]);
    if (both[0].revents) break;
  }
  /* What a pipe holds (pipe(7)), and no more: what it left running may go on writing for ever. */
  for (int i = 0; i < 64 && both[1].fd >= 0 && ctr__poll_now(&both[1], 1) > 0; i++)
    ctr__hook_listen(h, &both[1]);
  return 0;
}

/* It has been started: sees it through to its end and says how it went. */
static int ctr__hook_finish(ctr__hook_run *h, pid_t pid, int pidfd, int output, int report) {
  ctr_exit status = {0};
  int error = 0, r = ctr__hook_await(h, pidfd, output);
  if (r < 0) {
    kill(-pid, SIGKILL);
    ctr__pidfd_signal(pidfd, SIGKILL);
  }
  int reaped = ctr__reap(pidfd, &status);
  if (r == -ETIMEDOUT) return h->reason = CTR__WHY_HOOK_TIMEOUT, r;
  if (r == 0) r = reaped;
  if (r < 0) return r;
  if (read(report, &error, sizeof error) == (ssize_t)sizeof error) {
    h->reason = CTR__WHY_HOOK_PROGRAM;
    return error;
  }
  h->reason = status.signal ? CTR__WHY_HOOK_SIGNAL : CTR__WHY_HOOK_EXIT;
  h->detail = status.signal ? status.signal : status.code;
  return h->detail ? -ECANCELED : 0;
}

/* Runs it and waits for it. Signals are blocked for the moment of the clone: no handler of the
   caller's is to run in the hook's process. */
static int ctr__hook_execute(ctr__hook_run *h) {
  int output[2] = {-1, -1}, report[2] = {-1, -1}, pidfd = -1;
  uint64_t all[2] = {UINT64_MAX, UINT64_MAX}, before[2];
  memset(h->launch->shared->note, 0, sizeof h->launch->shared->note);
  CTR__AUTO_CLOSE input = ctr__hook_input(h);
  int r = input < 0 ? input : ctr__pipe(output);
  CTR__AUTO_CLOSE output_read = output[0], output_write = output[1];
  if (r == 0) r = ctr__pipe(report);
  CTR__AUTO_CLOSE report_read = report[0], report_write = report[1];
  if (r == 0) r = (int)ctr__ret(fcntl(output_read, F_SETFL, O_NONBLOCK));
  if (r == 0) r = ctr__sigmask(all, before);
  if (r < 0) return r;
  h->input = input;
  h->output = output_write;
  h->report = report_write;
  pid_t pid = ctr__clone(0, true, -1, &pidfd, NULL);
  if (pid == 0) ctr__hook_main(h);
  ctr__sigmask(before, NULL);
  CTR__AUTO_CLOSE ended = pid < 0 ? -1 : ctr__fd_high(pidfd);
  ctr__close(&output_write);
  ctr__close(&report_write);
  return pid < 0 ? pid : ctr__hook_finish(h, pid, ended, output_read, report_read);
}

static int ctr__child_hook(ctr__child *c, const ctr__step *s) {
  ctr__hook_run hook = {.launch = c->launch,
                        .step = s,
                        .pid = getpid(),
                        .umask = s->num[3] ? (int)c->umask : -1};
  int r = ctr__hook_execute(&hook);
  c->reason = hook.reason;
  c->detail = hook.detail;
  return r;
}
