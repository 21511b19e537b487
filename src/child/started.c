/* A container that was created waits until somebody comes by its socket and says start. Who made it
   may be gone by then: from here on errors go to who starts it. */

static int ctr__accept_start(int sock) {
  CTR__AUTO_CLOSE peer = ctr__fd_high((int)ctr__ret(accept4(sock, NULL, NULL, SOCK_CLOEXEC)));
  ctr__message message;
  if (peer < 0) return peer == -ECONNABORTED || peer == -EINTR ? -EAGAIN : peer;
  if (ctr__receive(peer, &message) < 0 || message.type != CTR__MSG_START) return -EAGAIN;
  return ctr__steal_fd(&peer);
}

static int ctr__child_wait_start(ctr__child *c, const ctr__step *s) {
  (void)s;
  ctr__close(&c->sock);
  int peer;
  do peer = ctr__accept_start(c->start_sock); /* whoever says something else did not start it */
  while (peer == -EAGAIN);
  ctr__close(&c->start_sock);
  if (peer < 0) return peer;
  c->sock = peer;
  c->is_started = true;
  return 0;
}

static int ctr__child_tell_started(ctr__child *c, const ctr__step *s) {
  const ctr__message message = {.type = CTR__MSG_STARTED, .value = (int64_t)s->num[0]};
  int r = ctr__send(c->sock, &message);
  return r == -EPIPE || r == -ECONNRESET ? 0 : r; /* it has been started all the same */
}

/* Bounded copy; the room is zeroed. */
static void ctr__copy_text(char *to, size_t room, const char *from) {
  size_t len = from ? strlen(from) : 0;
  if (len) memcpy(to, from, len < room ? len : room - 1);
}

/* Who starts a container does not have its plan: the step goes along in words. */
static void ctr__report_start(const ctr__child *c, const ctr__message *message) {
  const ctr__step *step = ctr__plan_step(c->plan, c->at);
  ctr__start_report report = {.message = *message, .kind = step->kind};
  ctr__copy_text(report.field, sizeof report.field, ctr__plan_str(c->plan, step->field));
  ctr__copy_text(report.arg, sizeof report.arg, ctr__plan_str(c->plan, step->str[0]));
  ctr__copy_text(report.note, sizeof report.note, c->launch->shared->note);
  ctr__send_bytes(c->sock, &report, sizeof report);
}
