/* The handle: the eight things libcontainer's parentProcess can do, and running it all at once. */

/* What a caller can get wrong in a description. */
static const char *ctr__wrong_desc(const ctr_plan *plan, const ctr_process_desc *desc) {
  bool moments = false, calls = false;
  for (uint32_t i = 0; i < plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    moments |= step->kind == CTR__STEP_SYNC && step->num[1];
    calls |= step->kind == CTR__STEP_CALL;
  }
  const bool terminal = ctr__has_terminal(plan);
  if (terminal && desc->stdio != CTR_STDIO_INHERIT)
    return "process.terminal and stdio exclude each other";
  if (!terminal && desc->console_socket)
    return "console_socket would never get a terminal: process.terminal is not set";
  if (desc->extra_fd_count > CTR__EXTRA_MAX || (desc->extra_fd_count && !desc->extra_fds))
    return "extra_fds has more than 256 descriptors, or a number of them and no list";
  if (desc->on_moment && !moments)
    return "on_moment would never be called: the plan has no moments";
  if (calls != (desc->function != NULL)) return "function and the plan's call_function go together";
  if ((unsigned)desc->stdio > CTR_STDIO_FDS) return "stdio is none of ctr_stdio";
  for (int i = 0; i < 3 && desc->stdio == CTR_STDIO_FDS; i++)
    if (desc->fds[i] < -1) return "fds has a negative number other than -1";
  return NULL;
}

/* The handle of no process yet. */
static ctr_process *ctr__process_blank(ctr_err *err) {
  ctr_process *p = CTR_MALLOC(sizeof *p);
  if (!p) return ctr__nomem(err), NULL;
  *p = (ctr_process){.pid = -1,
                     .pidfd = -1,
                     .console = -1,
                     .listener = -1,
                     .attachment = {.start_sock = -1},
                     .io = {{-1, -1, -1}, {-1, -1, -1}},
                     .external = {"", "", ""}};
  return p;
}

ctr_code ctr_process_new(const ctr_plan *plan, const ctr_process_desc *desc,
                         ctr_process **ret_process, ctr_err *err) {
  ctr__err_clear(err);
  if (!plan || !ret_process)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "plan and ret_process are needed");
  static const ctr_process_desc defaults = {0};
  const char *wrong = ctr__wrong_desc(plan, desc ? desc : &defaults);
  if (wrong) return ctr__fail(err, CTR_E_ARG, 0, NULL, "%s", wrong);
  ctr_process *p = ctr__process_blank(err);
  if (!p) return CTR_E_NOMEM;
  p->plan = plan;
  p->desc = desc ? *desc : defaults;
  *ret_process = p;
  return CTR_OK;
}

pid_t ctr_process_pid(const ctr_process *process) {
  return process->state == CTR__ENDED ? -1 : process->pid;
}

int ctr_process_pidfd(const ctr_process *process) {
  return process->pidfd;
}

int ctr_process_console(const ctr_process *process) {
  return process->console;
}

int ctr_process_listener(const ctr_process *process) {
  return process->listener;
}

ctr_io *ctr_process_io(ctr_process *process) {
  return &process->io;
}

ctr_code ctr_process_start_time(const ctr_process *process, uint64_t *ret_ticks, ctr_err *err) {
  ctr__err_clear(err);
  if (process->state == CTR__ENDED || process->pid < 0)
    return ctr__fail(err, CTR_E_STATE, 0, NULL, "the process is not running");
  ctr__proc_stat stat;
  int r = ctr__read_proc_stat(process->pid, &stat);
  if (r < 0) return ctr__fail(err, CTR_E_SYS, -r, NULL, "read /proc/%d/stat", (int)process->pid);
  *ret_ticks = stat.start_time;
  return CTR_OK;
}

ctr_code ctr_process_signal(ctr_process *process, int signal, ctr_err *err) {
  ctr__err_clear(err);
  int r = process->state == CTR__ENDED || process->pidfd < 0
              ? -ESRCH
              : ctr__pidfd_signal(process->pidfd, signal);
  if (r == -ESRCH) return ctr__fail(err, CTR_E_STATE, ESRCH, NULL, "the process is not running");
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "send signal %d", signal) : CTR_OK;
}

ctr_code ctr_process_wait(ctr_process *process, ctr_exit *ret_exit, ctr_err *err) {
  ctr__err_clear(err);
  if (process->pidfd < 0) return ctr__fail(err, CTR_E_STATE, 0, NULL, "the process is not started");
  if (process->state == CTR__RUNNING) {
    struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
    while (poll(&end, 1, -1) < 0 && errno == EINTR) continue; /* it may be nobody's child here */
    int r = ctr__reap(process->pidfd, &process->status);
    if (r < 0)
      return ctr__fail(err, CTR_E_SYS, -r, NULL, "wait for process %d%s", (int)process->pid,
                       r == -ECHILD ? ", which is not the caller's child or was waited for before"
                                    : "");
    process->state = CTR__ENDED;
  }
  if (ret_exit) *ret_exit = process->status;
  return CTR_OK;
}

ctr_code ctr_process_terminate(ctr_process *process, ctr_err *err) {
  ctr_code code = ctr_process_signal(process, SIGKILL, err);
  if (code && code != CTR_E_STATE) return code;
  return ctr_process_wait(process, NULL, err);
}

void ctr_process_external_fds(const ctr_process *process, const char *ret_names[3]) {
  memcpy(ret_names, process->external, sizeof process->external);
}

ctr_code ctr_process_set_external_fds(ctr_process *process, const char *const names[3],
                                      ctr_err *err) {
  ctr__err_clear(err);
  const char *copies[3];
  for (int i = 0; i < 3; i++) {
    copies[i] = ctr__arena_strdup(&process->arena, names[i]);
    if (!copies[i]) return ctr__nomem(err);
  }
  memcpy(process->external, copies, sizeof copies);
  return CTR_OK;
}

void ctr_process_free(ctr_process *process) {
  if (!process) return;
  ctr__close(&process->pidfd);
  ctr__close(&process->console);
  ctr__close(&process->listener);
  ctr_io_close(&process->io);
  ctr_arena_free(&process->arena);
  CTR_FREE(process);
}

int ctr_exit_status(const ctr_exit *status) {
  return status->signal ? 128 + status->signal : status->code;
}

ctr_code ctr_run(const ctr_config *config, const ctr_plan_desc *plan_desc,
                 const ctr_process_desc *process_desc, ctr_exit *ret_exit, ctr_err *err) {
  ctr_plan *plan = NULL;
  ctr_process *process = NULL;
  if (process_desc && process_desc->stdio == CTR_STDIO_PIPES)
    return ctr__fail(err, CTR_E_ARG, 0, NULL,
                     "nobody could feed and drain the pipes: use ctr_process_start");
  ctr_code code = ctr_plan_new(config, plan_desc, &plan, err);
  if (!code && ctr__has_terminal(plan) && !(process_desc && process_desc->console_socket))
    code = ctr__fail(err, CTR_E_ARG, 0, "process.terminal",
                     "nobody could serve the terminal: use ctr_process_start, or a console_socket");
  if (!code && ctr__step_of(plan, CTR__STEP_KEEP_LISTENER))
    code = ctr__fail(err, CTR_E_ARG, 0, "linux.seccomp.syscalls",
                     "nobody could answer for SCMP_ACT_NOTIFY: use ctr_process_start");
  if (!code) code = ctr_process_new(plan, process_desc, &process, err);
  if (!code) code = ctr_process_start(process, err);
  if (!code) code = ctr_process_wait(process, ret_exit, err);
  ctr_process_free(process);
  ctr_plan_free(plan);
  return code;
}
