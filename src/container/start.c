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

/* The next packet from the process that is started: its size, 0 at the end, or -errno. */
static ssize_t ctr__hear_started(const ctr_container *c, int sock, ctr__start_report *report) {
  struct pollfd both[2] = {{.fd = sock, .events = POLLIN},
                           {.fd = c->process->pidfd, .events = POLLIN}};
  int n;
  do n = poll(both, 2, -1);
  while (n < 0 && errno == EINTR);
  if (n < 0) return -errno;
  /* It has ended, and others hold its end. */
  if (!both[0].revents && ctr__poll_now(both, 1) == 0) return 0;
  ssize_t len;
  *report = (ctr__start_report){.kind = 0};
  /* ECONNRESET is told once, before what the other side has sent: then that is read. */
  do len = recv(sock, report, sizeof *report, MSG_TRUNC);
  while (len < 0 && (errno == EINTR || errno == ECONNRESET));
  if (len == 0 && !ctr__hung_up(sock)) return -EPROTO; /* an empty packet is no end */
  return len < 0 ? -errno : len;
}

/* Of a step that is left to be done when it is started: texts of others need more than a report
   has. */
static bool ctr__is_start_report(const ctr__start_report *report, ssize_t len) {
  return len == (ssize_t)sizeof *report &&
         (report->kind == CTR__STEP_HOOK || report->kind == CTR__STEP_TELL_STARTED ||
          report->kind == CTR__STEP_FILTER || report->kind == CTR__STEP_EXEC) &&
         report->message.error > 0 && report->message.error < 4096;
}

static ctr_code ctr__await_started(const ctr_container *c, int sock, ctr_err *err) {
  ctr__start_report report;
  bool started = false;
  for (;;) {
    ssize_t len = ctr__hear_started(c, sock, &report);
    if (len < 0 && len != -EPROTO)
      return ctr__fail(err, CTR_E_SYS, (int)-len, NULL, "listen to container \"%.128s\"", c->id);
    if (len == 0 && started) return CTR_OK;
    if (len == 0)
      return ctr__fail(err, CTR_E_PROTOCOL, 0, NULL,
                       "container \"%.128s\" ended while it was being started", c->id);
    if (len == (ssize_t)sizeof report.message && report.message.type == CTR__MSG_STARTED)
      started = true;
    else if (ctr__is_start_report(&report, len)) {
      report.field[sizeof report.field - 1] = report.arg[sizeof report.arg - 1] = '\0';
      report.note[sizeof report.note - 1] = '\0';
      return ctr__start_failed(&report, err);
    } else {
      return ctr__fail(err, CTR_E_PROTOCOL, 0, NULL, "container \"%.128s\" sent what it must not",
                       c->id);
    }
  }
}

/* The socket changes its name first: then it shows that somebody was at it, whatever happens to
   us. */
static ctr_code ctr__let_go(const ctr_container *c, ctr_err *err) {
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
  ctr_code code = ctr__await_started(c, sock, err);
  unlinkat(c->dir, CTR__STARTING, 0);
  return code;
}

/* runtime.md "Lifecycle", steps 7 and 9: a hook that fails is the end of the container. */
static void ctr__end_failed_start(ctr_container *c, const ctr_err *err) {
  ctr__end_processes(c);
  if (!strncmp(err->field, "hooks.", 6)) ctr__destroy(c, true, NULL);
}

ctr_code ctr_container_start(ctr_container *container, ctr_err *err) {
  ctr_container *c = container;
  ctr_err own = {0};
  ctr__err_clear(err);
  if (!c) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a container is needed");
  ctr_code code = ctr__lock(c, err);
  if (code) return code;
  ctr_status status;
  code = ctr__look(c, &status, err);
  if (!code && status != CTR_STATUS_CREATED) {
    code = ctr__fail(err, CTR_E_STATE, 0, NULL,
                     "cannot start container \"%.128s\": it is not created but %s", c->id,
                     ctr_status_name(status));
  } else if (!code) {
    code = c->stored->notifySocket ? ctr__listen_notify(c, &own) : CTR_OK;
    if (!code) code = ctr__let_go(c, &own);
    if (!code) code = ctr__run_poststart_hooks(c, &own);
    if (code && code != CTR_E_STATE) ctr__end_failed_start(c, &own);
    if (code && err) *err = own;
  }
  ctr__unlock(c);
  return code;
}
