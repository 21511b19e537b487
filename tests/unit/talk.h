/* The sync protocol with one side played by the test.

     talk t;
     talk_open(&t);
     CHECK(say(t.child, (ctr__message){.type = CTR__MSG_HOOKS}));
     CHECK(expect(&t, CTR__MSG_HOOKS) == CTR_OK);
     talk_close(&t); */
#ifndef TALK_H
#define TALK_H

#define CTR_IMPLEMENTATION
#include "ctr.h"

#include "../test.h"
#include "processes.h"

/* -- the child is the test's -- */

/* A start that has got as far as having a channel; the child's end is the test's. */
typedef struct talk {
  ctr_plan *plan;
  ctr_process *process;
  ctr__start start;
  ctr_err err;
  int child;
  int moments_called;
  ctr_code moment_code; /* what on_moment returns */
  enum ctr_moment moment;
} talk;

static inline ctr_code on_moment(void *userdata, enum ctr_moment moment, const ctr_process *process,
                                 ctr_err *err) {
  talk *t = userdata;
  t->moments_called++;
  t->moment = moment;
  return t->moment_code ? ctr__fail(err, t->moment_code, 0, NULL, "%d", process->pidfd) : CTR_OK;
}

/* A plan with both sync points that the caller can ask for, and steps of most kinds. */
static inline ctr_plan *some_plan(void) {
  static const ctr__facts facts = {.initial_userns = true, .caps = ~UINT64_C(0), .features = 3};
  static const char *const options[] = {"b=c", "d", "iversion", "e=fghij", "rbind", "rro"};
  static const ctr_mount mounts[] = {
      {.destination = "/a", .type = "x", .options = {options, 2}},
      {.destination = "/b", .type = "x", .options = {options + 2, 2}},
      {.destination = "/c", .source = "/d", .options = {options + 4, 2}}};
  static const ctr_namespace namespaces[] = {{CTR_NS_MOUNT, NULL}, {CTR_NS_UTS, NULL}};
  const ctr_config config = {.ociVersion = "1.3.0",
                             .root = {"/r", true},
                             .mounts = {mounts, 3},
                             .hostname = "h",
                             .process = {.cwd = "/", .args = CTR_STRS("/p")},
                             .linux_ = {.namespaces = {namespaces, 2}}};
  const ctr_plan_desc desc = {.moments = CTR_MOMENT_HOOKS | CTR_MOMENT_READY};
  ctr_plan *plan = NULL;
  ctr_err err = {.code = CTR_OK};
  CHECK_MSG(!ctr__plan_compile(&config, &desc, &ctr__for_program, &facts, &plan, &err), "%s",
            err.msg);
  return plan;
}

static inline void talk_open(talk *t) {
  *t = (talk){.plan = some_plan(), .child = -1};
  const ctr_process_desc desc = {.on_moment = on_moment, .userdata = t};
  CHECK(!ctr_process_new(t->plan, &desc, &t->process, NULL));
  t->start = ctr__start_of(t->process, &t->err);
  CHECK(!ctr__prepare(&t->start) && !ctr__open_channel(&t->start));
  t->child = ctr__steal_fd(&t->start.launch.sock);
}

static inline void talk_close(talk *t) {
  ctr__close(&t->child);
  ctr__start_finish(&t->start, true);
  ctr_process_free(t->process);
  ctr_plan_free(t->plan);
}

/* How far the child says it is. */
static inline volatile uint32_t *progress(const talk *t) {
  return &t->start.launch.shared->step;
}

/* What the last step is, the one that ends with the channel. */
static inline uint32_t last_step(const talk *t) {
  return t->plan->step_count - 1;
}

/* Sends len bytes and count copies of fd as one packet. */
static inline bool say_bytes(int sock, const void *bytes, size_t len, int fd, int count) {
  union {
    struct cmsghdr head;
    char buf[CMSG_SPACE(253 * sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  struct iovec iov = {(void *)(uintptr_t)bytes, len};
  struct msghdr packet = {.msg_iov = &iov, .msg_iovlen = 1};
  if (count) {
    size_t size = (size_t)count * sizeof fd;
    packet.msg_control = &control;
    packet.msg_controllen = CMSG_SPACE(size);
    control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(size),
                                    .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS};
    for (int i = 0; i < count; i++)
      memcpy(CMSG_DATA(&control.head) + (size_t)i * sizeof fd, &fd, sizeof fd);
  }
  return sendmsg(sock, &packet, MSG_NOSIGNAL) == (ssize_t)len;
}

static inline bool say(int sock, ctr__message message) {
  return say_bytes(sock, &message, sizeof message, -1, 0);
}

static inline bool brings_fd(uint32_t type) {
  return type == CTR__MSG_PID || type == CTR__MSG_CONSOLE || type == CTR__MSG_LISTENER;
}

/* Waits for what is due as the parent does: a descriptor is taken with three messages only. */
static inline ctr_code expect(talk *t, uint32_t due) {
  ctr__message message;
  int fd = -1;
  ctr_code code = ctr__expect(&t->start, due, &message, brings_fd(due) ? &fd : NULL);
  CHECK_MSG(code == CTR_OK || fd == -1, "a failure and a descriptor");
  CHECK_MSG(code == CTR_OK || (t->err.code == code && t->err.msg[0]), "a failure without a text");
  ctr__close(&fd);
  return code;
}

static inline bool hears(int sock, ctr__message *message) {
  return recv(sock, message, sizeof *message, MSG_DONTWAIT) == (ssize_t)sizeof *message;
}

/* -- the parent is the test's -- */

typedef struct listener {
  ctr__launch launch;
  ctr__child child;
  int parent; /* the test's end */
} listener;

static inline void listener_open(listener *l) {
  int pair[2];
  static ctr__shared shared;
  shared = (ctr__shared){.step = 0};
  *l = (listener){.launch = {.shared = &shared}, .parent = -1};
  CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
  l->launch.sock = pair[0];
  l->parent = pair[1];
  l->child = (ctr__child){.launch = &l->launch, .sock = pair[0], .start_sock = -1};
}

static inline void listener_close(listener *l) {
  ctr__close(&l->launch.sock);
  ctr__close(&l->parent);
}

#endif
