/* What a container that waits to be started may send to who starts it: packets that are messages,
   reports, or anything, with descriptors or without. */
#include "fuzz.h"

static int descriptors(void) {
  const int next = dup(0);
  close(next);
  return next;
}

static void say(int sock, const void *bytes, size_t len, int fd, size_t count) {
  union {
    struct cmsghdr head;
    char buf[CMSG_SPACE(16 * sizeof(int))];
  } control = {0};
  struct iovec iov = {(void *)(uintptr_t)bytes, len};
  struct msghdr packet = {.msg_iov = &iov, .msg_iovlen = 1};
  control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof fd),
                                  .cmsg_level = SOL_SOCKET,
                                  .cmsg_type = SCM_RIGHTS};
  for (size_t i = 0; i < count; i++)
    memcpy(CMSG_DATA(&control.head) + i * sizeof fd, &fd, sizeof fd);
  if (count) packet.msg_control = &control;
  if (count) packet.msg_controllen = CMSG_SPACE(count * sizeof fd);
  sendmsg(sock, &packet, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void say_one(input *in, int sock) {
  static const uint32_t kinds[] = {CTR__STEP_HOOK, CTR__STEP_TELL_STARTED, CTR__STEP_FILTER,
                                   CTR__STEP_EXEC};
  static const uint8_t counts[] = {0, 0, 0, 0, 0, 1, 2, 16};
  ctr__start_report report = {.kind = 0};
  const uint8_t what = take_byte(in), how = take_byte(in);
  size_t len = sizeof report.message;
  report.message.type = what & 1 ? CTR__MSG_STARTED : what & 2 ? CTR__MSG_LISTENER : take_byte(in);
  report.message.value = what & 4;
  if (what & 8) {
    report.kind = what & 16 ? take_u32(in) : kinds[what >> 5 & 3];
    report.message.error = (int32_t)(what & 32 ? take_u32(in) : take_byte(in));
    report.message.reason = take_byte(in);
    report.message.value = (int64_t)take_u64(in);
    if (what & 64) memset(report.field, 'f', sizeof report - offsetof(ctr__start_report, field));
    take_bytes(in, report.note, sizeof report.note);
    len = what & 128 ? take_byte(in) * 5u : sizeof report;
  }
  if (len > sizeof report) len = sizeof report;
  say(sock, &report, len, what & 2 ? 2 : 0, counts[how & 7]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size};
  const int before = descriptors();
  int pair[2], agent[2];
  ctr_err err = {.code = CTR_OK};
  ctr_process process = {.pidfd = -1, .console = -1, .pid = -1};
  const ctr__stored stored = {.id = "box", .bundle = "/b", .pid = 1, .startTime = 1};
  const ctr_container c = {.id = "box", .process = &process, .stored = &stored};
  MUST(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
  MUST(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, agent));
  const uint8_t how = take_byte(&in), count = take_byte(&in) % 10;
  ctr__starting s = {.c = &c,
                     .sock = pair[0],
                     .listener_sock = how & 1 ? agent[0] : -1,
                     .listener_path = how & 1 ? "/agent" : NULL};
  if (how & 2) ctr__close(&agent[1]);
  for (uint8_t i = 0; i < count; i++) say_one(&in, pair[1]);
  ctr__close(&pair[1]);
  ctr_code code = ctr__await_started(&s, &err);
  must_be_told(code, &err);
  MUST(!code || code == CTR_E_PROTOCOL || code == CTR_E_SYS);
  ctr__close(&s.sock);
  if (how & 1)
    ctr__close(&s.listener_sock);
  else
    ctr__close(&agent[0]);
  ctr__close(&agent[1]);
  MUST(descriptors() == before, "a descriptor stays");
  return 0;
}
