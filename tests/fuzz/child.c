/* What the child takes from whoever holds the other end: any packets, in any order, with any
   descriptors. It goes on after the one answer that is due, and no descriptor stays. */
#include "../unit/talk.h"
#include "fuzz.h"

static int descriptors(void) {
  const int next = dup(0);
  close(next);
  return next;
}

static void say_one(input *in, int sock) {
  static const uint8_t counts[] = {0, 0, 0, 1, 1, 2, 9, 253};
  union {
    ctr__message message;
    uint8_t bytes[64];
  } packet = {.message = {.type = take_byte(in) % 20}};
  const uint8_t how = take_byte(in);
  size_t size = sizeof packet.message;
  if (how & 8) size = take_bytes(in, packet.bytes, sizeof packet.bytes);
  say_bytes(sock, &packet, size, 0, counts[how & 7]);
}

/* One step that listens. */
static void listen_once(input *in, listener *l) {
  const uint8_t what = take_byte(in);
  const uint32_t point = what % (CTR__SYNC_CREATED + 1);
  l->child.reason = CTR__WHY_NONE;
  if (what & 64) {
    CTR__AUTO_CLOSE fd = ctr__ask_parent(&l->child);
    MUST(fd < 0 || (fd > 2 && (fcntl(fd, F_GETFD) & FD_CLOEXEC)));
    return;
  }
  const int r = ctr__child_sync(&l->child, &(ctr__step){.num = {point}});
  MUST(r <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size};
  const int before = descriptors();
  listener l;
  listener_open(&l);
  const uint8_t count = take_byte(&in) % 12, steps = take_byte(&in) % 8;
  fcntl(l.parent, F_SETFL, O_NONBLOCK);
  for (uint8_t i = 0; i < count; i++) say_one(&in, l.parent);
  shutdown(l.parent, SHUT_WR);
  for (uint8_t i = 0; i < steps; i++) listen_once(&in, &l);
  listener_close(&l);
  MUST(descriptors() == before);
  return 0;
}
