/* Letting a created container go. */

/* Words of a step that failed inside, whose plan is not at hand: as a plan of that one step. */
static ctr_code ctr__start_failed(const ctr__start_report *report, ctr_err *err) {
  ctr_arena arena = {0};
  ctr__builder b = {.arena = &arena};
  const ctr__new_step from = {.field = report->field, .str = {report->arg}};
  ctr__add_step(&b, CTR__LANE_CHILD, (enum ctr__kind)report->kind, &from);
  ctr_plan *plan = ctr__builder_finish(&b, 0, 0);
  ctr__message message = report->message;
  message.step = 0;
  ctr_code code = plan ? ctr__step_failed(plan, &message, report->note, err) : ctr__nomem(err);
  ctr_plan_free(plan);
  ctr_arena_free(&arena);
  return code;
}

/* The next packet from the process that is started: its size, 0 at the end, or -errno. *ret_fd: as
   with ctr__receive_packet. */
static ssize_t ctr__hear_started(const ctr_container *c, int sock, ctr__start_report *report,
                                 int *ret_fd) {
  *ret_fd = -1;
  const int r = ctr__await_packet(sock, c->process->pidfd, (pid_t)c->stored->pid);
  if (r < 0) return r == -EPIPE ? 0 : r;
  *report = (ctr__start_report){.kind = 0};
  const ssize_t len = ctr__receive_packet(sock, report, sizeof *report, ret_fd);
  return len == 0 && !ctr__hung_up(sock) ? -EPROTO : len; /* an empty packet is no end */
}

/* Steps that are left to be done when it is started: texts of others need more than a report has.
 */
static const bool ctr__left_to_start[CTR__STEP_COUNT] = {
    [CTR__STEP_HOOK] = true,          [CTR__STEP_LANDLOCK] = true,
    [CTR__STEP_LANDLOCK_PATH] = true, [CTR__STEP_LANDLOCK_PORT] = true,
    [CTR__STEP_FILTER] = true,        [CTR__STEP_LANDLOCK_RESTRICT] = true,
    [CTR__STEP_EXEC] = true,          [CTR__STEP_TELL_STARTED] = true,
};

static bool ctr__is_start_report(const ctr__start_report *report, ssize_t len) {
  return len == (ssize_t)sizeof *report && report->kind < CTR__STEP_COUNT &&
         ctr__left_to_start[report->kind] && report->message.error > 0 &&
         report->message.error < 4096;
}

/* What one start is about. */
typedef struct ctr__starting {
  const ctr_container *c;
  int sock, listener_sock;
  const char *listener_path;     /* NULL: nobody is to be notified */
  bool has_started, is_filtered; /* as it has said itself       */
} ctr__starting;

/* Connected before anything is changed: as long as nobody listens, it is not started. */
static ctr_code ctr__connect_listener(ctr__starting *s, ctr_arena *arena, ctr_err *err) {
  static const char field[] = "linux.seccomp.listenerPath";
  const ctr__stored *stored = s->c->stored;
  const ctr_seccomp *profile = &stored->config.linux_.seccomp;
  if (!ctr__seccomp_notifies(profile)) return CTR_OK;
  ctr_code code =
      ctr__absolute(arena, stored->bundle, profile->listenerPath, field, &s->listener_path, err);
  if (code) return code;
  s->listener_sock = ctr__connect(AT_FDCWD, s->listener_path, SOCK_STREAM);
  return s->listener_sock < 0
             ? ctr__fail(err, CTR_E_SYS, -s->listener_sock, field,
                         "connect to the listener's socket %.300s", s->listener_path)
             : CTR_OK;
}

static ctr_code ctr__pass_listener(ctr__starting *s, int fd, ctr_err *err) {
  const ctr__stored *stored = s->c->stored;
  const ctr__message run = {.type = CTR__MSG_RUN};
  ctr_arena arena = {0};
  const char *head = ctr__listener_head(&arena, &stored->config, s->c->id, stored->bundle);
  const char *text =
      head ? ctr__listener_text(&arena, head, CTR_STATUS_CREATED, stored->pid, stored->pid) : NULL;
  ctr_code code = ctr__tell_listener(s->listener_sock, fd, s->listener_path, text, err);
  ctr_arena_free(&arena);
  ctr__close(&s->listener_sock);
  if (!code) ctr__send(s->sock, &run); /* if it has ended meanwhile, that is heard next */
  return code;
}

static ctr_code ctr__serve_starting(ctr__starting *s, const ctr__start_report *report, ssize_t len,
                                    int fd, ctr_err *err) {
  const bool is_message = len == (ssize_t)sizeof report->message;
  const uint32_t type = report->message.type;
  if (is_message && type == CTR__MSG_LISTENER && fd >= 0 && s->listener_sock >= 0)
    return ctr__pass_listener(s, fd, err);
  if (is_message && type == CTR__MSG_STARTED && fd == -1) {
    s->has_started = true;
    s->is_filtered = report->message.value;
    return CTR_OK;
  }
  if (ctr__is_start_report(report, len) && fd == -1) return ctr__start_failed(report, err);
  return ctr__fail(err, CTR_E_PROTOCOL, 0, NULL, "container \"%.128s\" sent what it must not",
                   s->c->id);
}

/* The end of the channel. Of a process that its filter keeps from executing it is no success. */
static ctr_code ctr__starting_ended(const ctr__starting *s, ctr_err *err) {
  const ctr__stored *stored = s->c->stored;
  const bool failed = s->is_filtered && ctr__never_executed((pid_t)stored->pid, stored->startTime);
  return s->has_started && !failed
             ? CTR_OK
             : ctr__fail(err, CTR_E_PROTOCOL, 0, NULL,
                         "container \"%.128s\" ended while it was being started", s->c->id);
}

static ctr_code ctr__await_started(ctr__starting *s, ctr_err *err) {
  ctr__start_report report = {.kind = 0};
  for (;;) {
    CTR__AUTO_CLOSE fd = -1;
    ssize_t len = ctr__hear_started(s->c, s->sock, &report, &fd);
    if (len == -ECANCELED) return ctr__was_stopped(err);
    if (len < 0 && len != -EPROTO)
      return ctr__fail(err, CTR_E_SYS, (int)-len, NULL, "listen to container \"%.128s\"", s->c->id);
    if (len == 0) return ctr__starting_ended(s, err);
    report.field[sizeof report.field - 1] = report.arg[sizeof report.arg - 1] = '\0';
    report.note[sizeof report.note - 1] = '\0';
    ctr_code code = ctr__serve_starting(s, &report, len, fd, err);
    if (code) return code;
  }
}

/* The socket changes its name first: then it shows that somebody was at it, whatever happens to
   us. */
static ctr_code ctr__let_go(ctr__starting *s, ctr_err *err) {
  const ctr_container *c = s->c;
  mode_t type;
  if (!ctr__has_file(c, CTR__STARTING, &type) &&
      renameat(c->dir, CTR__START, c->dir, CTR__STARTING) < 0)
    return ctr__fail(err, CTR_E_SYS, errno, NULL, "start container \"%.128s\"", c->id);
  CTR__AUTO_CLOSE sock = ctr__connect(c->dir, CTR__STARTING, SOCK_SEQPACKET);
  const ctr__message start = {.type = CTR__MSG_START};
  int r = sock < 0 ? sock : ctr__send(sock, &start);
  if (r < 0)
    return ctr__fail(err, CTR_E_STATE, -r, NULL,
                     "container \"%.128s\" does not wait to be started any more", c->id);
  s->sock = sock;
  ctr_code code = ctr__await_started(s, err);
  unlinkat(c->dir, CTR__STARTING, 0);
  return code;
}

/* runtime.md "Lifecycle", steps 7 and 9: a hook that fails is the end of the container. */
static void ctr__end_failed_start(ctr_container *c, const ctr_err *err) {
  ctr__end_processes(c);
  if (!strncmp(err->field, "hooks.", 6)) ctr__destroy(c, true, NULL);
}

static ctr_code ctr__check_created(const ctr_container *c, ctr_err *err) {
  ctr_status status;
  ctr_code code = ctr__look(c, &status, err);
  return code || status == CTR_STATUS_CREATED
             ? code
             : ctr__fail(err, CTR_E_STATE, 0, NULL,
                         "cannot start container \"%.128s\": it is not created but %s", c->id,
                         ctr_status_name(status));
}

static ctr_code ctr__start_created(ctr_container *c, ctr__starting *s, ctr_err *err) {
  ctr_err own = {0};
  ctr_code code = c->stored->notifySocket ? ctr__listen_notify(c, &own) : CTR_OK;
  if (!code) code = ctr__let_go(s, &own);
  if (!code) code = ctr__run_poststart_hooks(c, &own);
  if (code && code != CTR_E_STATE) ctr__end_failed_start(c, &own);
  if (code && err) *err = own;
  return code;
}

ctr_code ctr_container_start(ctr_container *container, ctr_err *err) {
  ctr_container *c = container;
  ctr__err_clear(err);
  if (!c) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a container is needed");
  ctr_code code = ctr__lock(c, err);
  if (code) return code;
  ctr_arena arena = {0};
  ctr__starting s = {.c = c, .sock = -1, .listener_sock = -1};
  code = ctr__check_created(c, err);
  if (!code) code = ctr__connect_listener(&s, &arena, err);
  if (!code) code = ctr__start_created(c, &s, err);
  ctr__close(&s.listener_sock);
  ctr_arena_free(&arena);
  ctr__unlock(c);
  return code;
}
