/* A process in the foreground: signals go to it, it has our terminal, we end as it does. */

/* One direction of a terminal. Either reading, or with something left to write. */
typedef struct flow {
  int from, to;   /* -1: nothing to read any more */
  char buf[4096]; /* no more than a pipe that is ready takes at once: pipe(7), PIPE_BUF */
  size_t at, len;
  char last; /* what was read */
} flow;

typedef struct attached {
  options *o;
  ctr_process *process;
  ctr_container *container; /* whose first process that is; NULL: of exec */
  int signals; /* signalfd(2) */
  bool raw;    /* stdin is a terminal, and before is what it was like */
  struct termios before;
  bool terminal; /* the process has one, whose other end is ours */
  bool hung_up;  /* nobody inside has it open just now */
  flow in, out;
} attached;

/* Not passed on: what is about us or our children, and what stops us as it would stop any program.
   With a terminal SIGTSTP comes by way of us, which must leave raw mode first. */
static bool is_ours(int number, bool raw) {
  return number == SIGCHLD || number == SIGURG || number == SIGTTIN || number == SIGTTOU ||
         (number == SIGTSTP && !raw);
}

/* What was ignored when we were started (nohup(1)) stays so. */
static bool is_ignored(int number) {
  struct sigaction action;
  return sigaction(number, NULL, &action) < 0 || action.sa_handler == SIG_IGN;
}

/* Before the process is started, so that no signal is lost: those to pass on wait in a descriptor
   from now on. Returns 0, or 1 after a message. */
static int attach_prepare(options *o, const ctr_process_config *process, attached *a) {
  sigset_t set;
  *a = (attached){.o = o, .terminal = process->terminal, .in.from = -1, .out.from = -1};
  a->raw = a->terminal && tcgetattr(STDIN_FILENO, &a->before) == 0;
  sigemptyset(&set);
  for (int number = 1; number <= SIGRTMAX; number++)
    if (!is_ours(number, a->raw) && !is_ignored(number)) sigaddset(&set, number);
  a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (a->signals < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
    return fail_errno(o, "wait for", "signals");
  return 0;
}

static void enter_raw_mode(const attached *a) {
  struct termios raw = a->before;
  if (!a->raw) return;
  cfmakeraw(&raw);
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

/* Also from the background, where it would stop us (termios(3), SIGTTOU). */
static void leave_raw_mode(const attached *a) {
  sigset_t set, before;
  if (!a->raw) return;
  sigemptyset(&set);
  sigaddset(&set, SIGTTOU);
  sigprocmask(SIG_BLOCK, &set, &before);
  tcsetattr(STDIN_FILENO, TCSANOW, &a->before);
  sigprocmask(SIG_SETMASK, &before, NULL);
}

static void pass_on_size(const attached *a) {
  struct winsize size;
  if (a->terminal && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
    ioctl(ctr_process_console(a->process), TIOCSWINSZ, &size);
}

/* Returns false when there is nobody to take the signal any more. */
static bool take_signal(const attached *a, int number) {
  ctr_err err;
  switch (number) {
  case SIGPIPE: return true;
  case SIGWINCH: pass_on_size(a); return true;
  case SIGTSTP:
    leave_raw_mode(a);
    kill(getpid(), SIGSTOP);
    return true;
  case SIGCONT:
    enter_raw_mode(a);
    pass_on_size(a);
    break;
  default: break;
  }
  return ctr_process_signal(a->process, number, &err) != CTR_E_STATE;
}

static bool take_signals(const attached *a) {
  struct signalfd_siginfo info;
  bool taken = true;
  while (read(a->signals, &info, sizeof info) == sizeof info)
    taken = take_signal(a, (int)info.ssi_signo) && taken;
  return taken;
}

/* -- the terminal -- */

static bool is_for_later(void) {
  return errno == EAGAIN || errno == EINTR;
}

/* What a person would type (termios(3), VEOF); twice where a line is not ended, for the first gives
   the program the line. */
static void end_input(const attached *a, flow *f) {
  struct termios inside;
  f->from = -1;
  if (tcgetattr(ctr_process_console(a->process), &inside) < 0) return;
  f->at = 0;
  f->len = f->last == '\n' || !f->last ? 1 : 2;
  memset(f->buf, inside.c_cc[VEOF], f->len);
}

/* A terminal that nobody inside has open gives EIO, until somebody opens it again. */
static void flow_read(attached *a, flow *f) {
  ssize_t n = read(f->from, f->buf, sizeof f->buf);
  if (n > 0) {
    f->at = 0;
    f->len = (size_t)n;
    f->last = f->buf[n - 1];
  } else if (n < 0 && is_for_later()) {
    return;
  } else if (f == &a->in) {
    end_input(a, f);
  } else {
    a->hung_up = true;
  }
}

/* What nobody takes is dropped: the program is not to stand still for it. */
static void flow_write(flow *f) {
  ssize_t n = write(f->to, f->buf + f->at, f->len);
  if (n < 0 && is_for_later()) return;
  size_t done = n > 0 ? (size_t)n : f->len;
  f->at += done;
  f->len -= done;
}

static void flow_step(attached *a, flow *f) {
  f->len ? flow_write(f) : flow_read(a, f);
}

static struct pollfd flow_poll(const flow *f) {
  return f->len ? (struct pollfd){.fd = f->to, .events = POLLOUT}
                : (struct pollfd){.fd = f->from, .events = POLLIN};
}

static void open_flows(attached *a) {
  int console = ctr_process_console(a->process);
  if (!a->terminal || console < 0) return;
  fcntl(console, F_SETFL, fcntl(console, F_GETFL) | O_NONBLOCK);
  a->in.from = STDIN_FILENO;
  a->in.to = a->out.from = console;
  a->out.to = STDOUT_FILENO;
}

/* The program may have said that it is ready (sd_notify(3)). That nobody could be told so is no
   reason to end it. Returns whether it was. */
static bool pass_ready_on(options *o, ctr_container *container) {
  bool ready = false;
  ctr_err err;
  if (ctr_container_notify(container, &ready, &err)) fail_err(o, &err);
  return ready;
}

/* Until the process has ended. Of a terminal that is hung up poll(2) says so all the time: it is
   asked now and then. */
static void pump(attached *a) {
  enum { PROCESS, SIGNALS, IN, OUT, NOTIFY, COUNT, REOPEN_MS = 100 };
  struct pollfd fds[COUNT] = {{0}};
  while (!fds[PROCESS].revents) {
    fds[PROCESS] = (struct pollfd){.fd = ctr_process_pidfd(a->process), .events = POLLIN};
    fds[SIGNALS] = (struct pollfd){.fd = a->signals, .events = POLLIN};
    fds[IN] = flow_poll(&a->in);
    fds[OUT] = flow_poll(&a->out);
    if (a->hung_up && !a->out.len) fds[OUT].fd = -1;
    int notify = a->container ? ctr_container_notify_fd(a->container) : -1;
    fds[NOTIFY] = (struct pollfd){.fd = notify, .events = POLLIN};
    if (poll(fds, COUNT, a->hung_up ? REOPEN_MS : -1) < 0 && errno != EINTR) return;
    a->hung_up = false;
    if (fds[SIGNALS].revents) take_signals(a);
    if (fds[IN].revents) flow_step(a, &a->in);
    if (fds[OUT].revents) flow_step(a, &a->out);
    if (fds[NOTIFY].revents) pass_ready_on(a->o, a->container);
  }
}

/* What the process had written when it ended; the kernel has all of it ready then. A signal that
   there is no process for any more is for us. */
static void drain(attached *a) {
  for (flow *f = &a->out; f->from >= 0;) {
    if (!f->len) flow_read(a, f);
    if (!f->len) return;
    struct pollfd fds[] = {{.fd = f->to, .events = POLLOUT}, {.fd = a->signals, .events = POLLIN}};
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[1].revents && !take_signals(a)) return;
    if (fds[0].revents) flow_write(f);
  }
}

/* Until it ends. Returns 0 and its exit code as a shell would say it, or 1 after a message. */
static int attach(attached *a, ctr_process *process, int *ret_status) {
  ctr_exit status;
  ctr_err err;
  a->process = process;
  open_flows(a);
  enter_raw_mode(a);
  pass_on_size(a);
  pump(a);
  ctr_code code = ctr_process_wait(process, &status, &err);
  drain(a);
  leave_raw_mode(a);
  if (code) return fail_err(a->o, &err);
  *ret_status = ctr_exit_status(&status);
  return 0;
}
