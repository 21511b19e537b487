/* What goes between a container that waits to be started and who starts it: from both sides, with
   one side played by the test. Either may be somebody else than was expected. */
#include "containers.h"

/* Sends len bytes and count copies of descriptor 0 as one packet. */
static bool say_bytes(int sock, const void *bytes, size_t len, int count) {
  union {
    struct cmsghdr head;
    char buf[CMSG_SPACE(8 * sizeof(int))];
  } control;
  memset(&control, 0, sizeof control);
  struct iovec iov = {(void *)(uintptr_t)bytes, len};
  struct msghdr packet = {.msg_iov = &iov, .msg_iovlen = 1};
  if (count) {
    size_t size = (size_t)count * sizeof(int);
    packet.msg_control = &control; /* all of them number 0: the room is zeroed */
    packet.msg_controllen = CMSG_SPACE(size);
    control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(size),
                                    .cmsg_level = SOL_SOCKET,
                                    .cmsg_type = SCM_RIGHTS};
  }
  return sendmsg(sock, &packet, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool say(int sock, uint32_t type) {
  const ctr__message message = {.type = type};
  return say_bytes(sock, &message, sizeof message, 0);
}

/* -- who waits -- */

static const char hook_note[] = "it went wrong\nhere is why";

/* A plan whose last steps are a hook and the program, which has a long name. */
static ctr_plan *some_plan(void) {
  static const ctr__facts facts = {.initial_userns = true, .caps = ~UINT64_C(0)};
  static const ctr_hook hooks[] = {{.path = "/hook"}};
  static char program[600];
  memset(program, 'x', sizeof program - 1);
  const ctr_config config = {.root = {"/", false},
                             .process = {.cwd = "/", .args = CTR_STRS(program)},
                             .hooks = {.startContainer = {hooks, 1}}};
  const ctr_plan_desc desc = {.id = "box", .no_cgroup = true};
  const ctr__purpose purpose = {.goal = CTR__GOAL_CREATE};
  ctr_plan *plan = NULL;
  ctr_err err = {.code = CTR_OK};
  if (ctr__plan_compile(&config, &desc, &purpose, &facts, &plan, &err)) abort();
  return plan;
}

static uint32_t step_at(const ctr_plan *plan, enum ctr__kind kind) {
  uint32_t i = plan->step_count;
  while (i-- > 0)
    if (ctr__plan_step(plan, i)->kind == kind) return i;
  abort();
}

typedef struct waiter {
  ctr_plan *plan;
  ctr__launch launch;
  ctr__child child;
  int maker; /* the other end of what it talked over with who made it */
} waiter;

/* It listens at start of the container "box". */
static void waiter_open(waiter *w) {
  int pair[2];
  *w = (waiter){.plan = some_plan()};
  CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
  void *shared = mmap(NULL, ctr__shared_size(w->plan), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(shared != MAP_FAILED);
  w->maker = pair[1];
  w->launch = (ctr__launch){.plan = w->plan,
                            .sock = pair[0],
                            .start_sock = put_socket("box", CTR__START),
                            .shared = shared};
  w->child = ctr__child_state(&w->launch);
  memcpy(w->launch.shared->note, hook_note, sizeof hook_note);
}

static void waiter_close(waiter *w) {
  ctr__close(&w->child.sock);
  ctr__close(&w->child.start_sock);
  ctr__close(&w->maker);
  munmap(w->launch.shared, ctr__shared_size(w->plan));
  ctr_plan_free(w->plan);
}

static int connect_to_it(void) {
  int dir = directory("box"), sock = ctr__connect(dir, CTR__START, SOCK_SEQPACKET);
  CHECK(sock >= 0);
  close(dir);
  return sock;
}

static int wait_for_start(waiter *w) {
  return ctr__child_wait_start(&w->child, &(ctr__step){.num = {0}});
}

/* Those that come by say nothing, or something else, and go; who stays and says start is the one
   that is answered. */
static void wait_among_strangers(void *arg) {
  char packet[64] = {0};
  waiter w;
  (void)arg;
  waiter_open(&w);
  int before = open_descriptors();
  for (int i = 0; i < 12; i++) {
    int sock = connect_to_it();
    const uint32_t types[] = {0, CTR__MSG_RUN, CTR__MSG_WAIT, CTR__MSG_STARTED, UINT32_MAX};
    const uint32_t start = CTR__MSG_START;
    const size_t sizes[] = {0, 4, sizeof(ctr__message) - 1, sizeof(ctr__message) + 1,
                            sizeof packet};
    memcpy(packet, &start, sizeof start);
    if (i < 5) CHECK(say(sock, types[i]));
    if (i >= 5 && i < 10) CHECK(say_bytes(sock, packet, sizes[i - 5], 0));
    close(sock); /* the last two have said nothing */
  }
  int sock = connect_to_it(), later = connect_to_it();
  CHECK(say_bytes(sock, &(ctr__message){.type = CTR__MSG_START}, sizeof(ctr__message), 3));
  CHECK(say(later, CTR__MSG_START));
  CHECK_NUM(wait_for_start(&w), 0);
  CHECK(w.child.is_started && w.child.start_sock == -1 && w.child.sock > 2);
  CHECK(fcntl(w.child.sock, F_GETFD) & FD_CLOEXEC);
  ctr__message message;
  CHECK_NUM(ctr__child_tell_started(&w.child, &(ctr__step){.num = {0}}), 0);
  CHECK(recv(sock, &message, sizeof message, MSG_DONTWAIT) == (ssize_t)sizeof message &&
        message.type == CTR__MSG_STARTED);
  CHECK(recv(later, &message, sizeof message, 0) <= 0); /* nobody answers there */
  close(sock);
  close(later);
  CHECK_NUM(open_descriptors(), before - 1); /* of those before: what it listened at */
  waiter_close(&w);
}

TEST(only_who_says_start_starts_it) {
  new_root();
  in_a_process("waiting among strangers", wait_among_strangers, NULL);
  drop_root();
}

/* From then on nobody else is told how it goes: who made it sees the end of the channel. */
static void wait_and_leave_the_maker(void *arg) {
  waiter w;
  (void)arg;
  waiter_open(&w);
  int sock = connect_to_it();
  CHECK(say(sock, CTR__MSG_START));
  CHECK_NUM(wait_for_start(&w), 0);
  char byte;
  CHECK_NUM(recv(w.maker, &byte, 1, MSG_DONTWAIT), 0);
  close(sock); /* it has been started all the same */
  CHECK_NUM(ctr__child_tell_started(&w.child, &(ctr__step){.num = {0}}), 0);
  waiter_close(&w);
}

TEST(who_made_it_and_who_started_it_may_be_gone) {
  new_root();
  in_a_process("a starter that goes", wait_and_leave_the_maker, NULL);
  drop_root();
}

static ctr__start_report report_of(waiter *w, uint32_t step, enum ctr__reason reason,
                                   int64_t detail, int error) {
  ctr__start_report report = {.kind = 0};
  int sock = connect_to_it();
  CHECK(say(sock, CTR__MSG_START));
  CHECK_NUM(wait_for_start(w), 0);
  w->child.at = step;
  w->child.reason = reason;
  w->child.detail = detail;
  pid_t pid = fork();
  if (pid == 0) ctr__child_fail(&w->child, error);
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 127);
  CHECK(recv(sock, &report, sizeof report, MSG_DONTWAIT) == (ssize_t)sizeof report);
  close(sock);
  return report;
}

/* The step goes along in words, cut to what fits. */
TEST(what_fails_after_the_start_is_told_to_who_started_it) {
  for (int i = 0; i < 2; i++) {
    waiter w;
    new_root();
    waiter_open(&w);
    enum ctr__kind kind = i ? CTR__STEP_EXEC : CTR__STEP_HOOK;
    enum ctr__reason reason = i ? CTR__WHY_NONE : CTR__WHY_PROGRAM_EXIT;
    ctr__start_report r = report_of(&w, step_at(w.plan, kind), reason, 3, -ENOEXEC);
    CHECK(r.kind == (uint32_t)kind && r.message.type == CTR__MSG_ERROR);
    CHECK(r.message.error == ENOEXEC && r.message.reason == (uint32_t)reason);
    CHECK(r.message.value == 3);
    CHECK_STR(r.field, i ? "process.args[0]" : "hooks.startContainer[0]");
    CHECK_STR(r.note, hook_note);
    if (i) CHECK(strlen(r.arg) == sizeof r.arg - 1 && strspn(r.arg, "x") == sizeof r.arg - 1);
    if (!i) CHECK_STR(r.arg, "/hook");
    waiter_close(&w);
    drop_root();
  }
}

/* -- who starts it -- */

typedef struct starter {
  ctr_process process;
  ctr_container container;
  ctr_err err;
  int sock, child; /* the child's end is the test's */
  int listener_sock; /* -1: nobody is to be notified */
} starter;

static void starter_open(starter *s) {
  int pair[2];
  static ctr__stored stored; /* of no process that could be looked at */
  *s = (starter){.process = {.pidfd = -1}, .container = {.id = "box", .stored = &stored},
                 .listener_sock = -1};
  CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
  s->sock = pair[0];
  s->child = pair[1];
  s->container.process = &s->process;
}

static void starter_close(starter *s) {
  ctr__close(&s->sock);
  ctr__close(&s->child);
  ctr__close(&s->process.pidfd);
}

static ctr_code await(starter *s) {
  ctr__starting starting = {.c = &s->container, .sock = s->sock,
                            .listener_sock = s->listener_sock, .listener_path = "/agent"};
  ctr_code code = ctr__await_started(&starting, &s->err);
  s->listener_sock = starting.listener_sock;
  CHECK_MSG(code == CTR_OK || (s->err.code == code && s->err.msg[0]), "a failure without a text");
  CHECK(!strchr(s->err.msg, '\n'));
  return code;
}

TEST(started_and_then_the_end_is_success) {
  starter s;
  starter_open(&s);
  CHECK(say(s.child, CTR__MSG_STARTED));
  ctr__close(&s.child);
  CHECK_MSG(await(&s) == CTR_OK && !s.err.code, "%s", s.err.msg);
  starter_close(&s);
}

TEST(an_end_without_is_a_death) {
  starter s;
  starter_open(&s);
  ctr__close(&s.child);
  CHECK(await(&s) == CTR_E_PROTOCOL);
  CHECK_HAS(s.err.msg, "\"box\" ended while it was being started");
  starter_close(&s);
}

/* An end that tells of something that the other did not read is an end (ECONNRESET). */
TEST(an_end_with_something_unread_is_an_end) {
  for (int started = 0; started < 2; started++) {
    starter s;
    starter_open(&s);
    CHECK(say(s.sock, CTR__MSG_START));
    if (started) CHECK(say(s.child, CTR__MSG_STARTED));
    ctr__close(&s.child);
    ctr_code code = await(&s);
    CHECK_MSG(code == (started ? CTR_OK : CTR_E_PROTOCOL), "%s: %s", ctr_code_name(code),
              s.err.msg);
    starter_close(&s);
  }
}

static ctr__start_report hook_report(enum ctr__reason reason, int64_t value, const char *note) {
  ctr__start_report r = {.message = {.type = CTR__MSG_ERROR,
                                     .step = 12345, /* of a plan that is not here */
                                     .error = ECANCELED,
                                     .reason = (uint32_t)reason,
                                     .value = value},
                         .kind = CTR__STEP_HOOK,
                         .field = "hooks.startContainer[0]",
                         .arg = "/hook"};
  snprintf(r.note, sizeof r.note, "%s", note);
  return r;
}

TEST(a_hook_that_failed_is_told_with_what_it_said) {
  static const struct {
    enum ctr__reason reason;
    int64_t value;
    const char *note, *text;
    int sys;
  } rows[] = {{CTR__WHY_PROGRAM_EXIT, 3, "no luck\nmore",
               "it ended with exit code 3: it said: no luck", 0},
              {CTR__WHY_PROGRAM_EXIT, 255, "", "it ended with exit code 255", 0},
              {CTR__WHY_PROGRAM_SIGNAL, 9, "", "it was ended by signal 9", 0},
              {CTR__WHY_PROGRAM_TIMEOUT, 0, "so far", "its time was up: it said: so far", 0},
              {CTR__WHY_PROGRAM_SIGSYS, 31, "so far", "by SIGSYS, as a seccomp filter ends what it "
                                                      "forbids: it said: so far", 0},
              {CTR__WHY_PROGRAM_FILE, 0, "", "it cannot be executed", ECANCELED},
              {CTR__WHY_PROGRAM_UNDER_FILTERS, 0, "", "the container's seccomp filter: Operation ",
               ECANCELED}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    starter s;
    starter_open(&s);
    const ctr__start_report r = hook_report(rows[i].reason, rows[i].value, rows[i].note);
    CHECK(say_bytes(s.child, &r, sizeof r, 0));
    CHECK(await(&s) == CTR_E_SYS);
    CHECK_STR(s.err.field, "hooks.startContainer[0]");
    CHECK_HAS(s.err.msg, "run the hook /hook");
    CHECK_HAS(s.err.msg, rows[i].text);
    CHECK(!strstr(s.err.msg, "more")); /* the first line of it will do */
    CHECK_NUM(s.err.sys, rows[i].sys);
    starter_close(&s);
  }
}

TEST(an_execve_that_failed_is_told_though_it_had_started) {
  starter s;
  starter_open(&s);
  const ctr__start_report r = {.message = {.type = CTR__MSG_ERROR, .error = ENOENT},
                               .kind = CTR__STEP_EXEC,
                               .field = "process.args[0]",
                               .arg = "/p"};
  CHECK(say(s.child, CTR__MSG_STARTED) && say_bytes(s.child, &r, sizeof r, 0));
  ctr__close(&s.child);
  CHECK(await(&s) == CTR_E_SYS && s.err.sys == ENOENT);
  CHECK_STR(s.err.field, "process.args[0]");
  CHECK_HAS(s.err.msg, "execute /p");
  CHECK_HAS(s.err.msg, "No such file or directory");
  starter_close(&s);
}

/* Packets of every other size, empty ones too, whatever they begin with. */
TEST(packets_of_another_size_are_refused) {
  static char packet[2 * sizeof(ctr__start_report)];
  const ctr__start_report report = hook_report(CTR__WHY_PROGRAM_EXIT, 1, "");
  const size_t last = sizeof report + 9;
  for (int with = 0; with < 3; with++)
    for (size_t size = 0; size <= last; size++) {
      size_t len = size == last ? sizeof packet : size;
      if (len == sizeof(ctr__message) || len == sizeof report) continue;
      starter s;
      starter_open(&s);
      memset(packet, 0, sizeof packet);
      if (with) memcpy(packet, &report, sizeof report);
      if (with == 2) memcpy(packet, &(ctr__message){.type = CTR__MSG_STARTED}, 24);
      if (size % 2) CHECK(say(s.child, CTR__MSG_STARTED));
      CHECK(say_bytes(s.child, packet, len, 0));
      ctr_code code = await(&s);
      CHECK_MSG(code == CTR_E_PROTOCOL, "%zu bytes, kind %d: %s", len, with, ctr_code_name(code));
      starter_close(&s);
    }
}

TEST(an_empty_packet_is_no_end) {
  for (int started = 0; started < 2; started++) {
    starter s;
    starter_open(&s);
    if (started) CHECK(say(s.child, CTR__MSG_STARTED));
    CHECK(say_bytes(s.child, "", 0, 0));
    CHECK_MSG(await(&s) == CTR_E_PROTOCOL, "it is taken for the end, %d", started);
    starter_close(&s);
  }
}

TEST(messages_that_are_not_due_are_refused) {
  for (uint32_t type = 0; type < 40; type++) {
    if (type == CTR__MSG_STARTED) continue;
    starter s;
    starter_open(&s);
    CHECK(say(s.child, type < 20 ? type : UINT32_MAX - type));
    CHECK_MSG(await(&s) == CTR_E_PROTOCOL, "type %u", type);
    starter_close(&s);
  }
}

/* With a filter ahead, who then never executed has ended before: a filter may be the reason. */
TEST(an_end_of_who_never_executed_is_a_death) {
  static const struct {
    int executes, filtered, later;
    ctr_code code;
  } rows[] = {{0, 1, 0, CTR_E_PROTOCOL}, {1, 1, 0, CTR_OK}, {0, 0, 0, CTR_OK}, /* a function */
              {0, 1, 1, CTR_OK}};                       /* another has its pid by now */
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const ctr__message started = {.type = CTR__MSG_STARTED, .value = rows[i].filtered};
    starter s;
    siginfo_t info;
    ctr__proc_stat stat = {.start_time = 0};
    starter_open(&s);
    pid_t pid = fork();
    if (pid == 0 && rows[i].executes) execl("/proc/self/exe", "test", "no_such_test", NULL);
    if (pid == 0) _exit(0);
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    CHECK(!ctr__read_proc_stat(pid, &stat));
    ctr__stored stored = {.pid = pid, .startTime = stat.start_time + (uint64_t)rows[i].later};
    s.container.stored = &stored;
    CHECK(say_bytes(s.child, &started, sizeof started, 0));
    ctr__close(&s.child);
    ctr_code code = await(&s);
    CHECK_MSG(code == rows[i].code, "row %zu: %s", i, ctr_code_name(code));
    starter_close(&s);
    waitpid(pid, NULL, 0);
  }
}

/* -- what its calls are notified by -- */

static bool brings(int sock, uint32_t type, int fd, int count) {
  const ctr__message message = {.type = type};
  union {
    struct cmsghdr head;
    char buf[CMSG_SPACE(2 * sizeof(int))];
  } control = {0};
  struct iovec iov = {(void *)(uintptr_t)&message, sizeof message};
  struct msghdr packet = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                          .msg_controllen = CMSG_SPACE((size_t)count * sizeof fd)};
  control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN((size_t)count * sizeof fd),
                                  .cmsg_level = SOL_SOCKET,
                                  .cmsg_type = SCM_RIGHTS};
  for (int i = 0; i < count; i++)
    memcpy(CMSG_DATA(&control.head) + (size_t)i * sizeof fd, &fd, sizeof fd);
  return sendmsg(sock, &packet, MSG_NOSIGNAL) == (ssize_t)sizeof message;
}

/* Plays the process, which waits for an answer and then ends as execve would end it. */
static pid_t play_process(const starter *s, int fd) {
  pid_t pid = fork();
  if (pid) return pid;
  ctr__message answer = {.type = 0};
  bool said = say(s->child, CTR__MSG_STARTED) && brings(s->child, CTR__MSG_LISTENER, fd, 1);
  close(s->sock); /* the other side's end is to be the only one */
  bool heard = read(s->child, &answer, sizeof answer) == (ssize_t)sizeof answer;
  _exit(!said ? 2 : !heard ? 1 : answer.type == CTR__MSG_RUN ? 0 : 3);
}

static ctr__stored stored_with_listener(void) {
  static const ctr_pair annotations[] = {{"a", "\"b\""}};
  return (ctr__stored){.id = "box",
                       .bundle = "/bundle",
                       .pid = 4711,
                       .config = {.ociVersion = "1.2.0",
                                  .annotations = {annotations, 1},
                                  .linux_.seccomp = {.listenerMetadata = "m\n"}}};
}

TEST(who_listens_is_told_before_the_program_runs) {
  ctr__stored stored = stored_with_listener();
  starter s;
  int agent[2], status = -1;
  char text[1024] = "";
  starter_open(&s);
  s.container.stored = &stored;
  CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, agent));
  s.listener_sock = agent[0];
  pid_t pid = play_process(&s, agent[1]);
  ctr__close(&s.child);
  CHECK_MSG(await(&s) == CTR_OK, "%s", s.err.msg);
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK_NUM(status, 0);
  CHECK_NUM(s.listener_sock, -1); /* one connection, one state */
  int fd;
  ssize_t n = ctr__receive_packet(agent[1], text, sizeof text - 1, &fd);
  CHECK(n > 0 && fd >= 0);
  CHECK_STR(text, "{\"ociVersion\":\"1.2.0\",\"fds\":[\"seccompFd\"],\"metadata\":\"m\\n\","
                  "\"state\":{\"ociVersion\":\"1.2.0\",\"id\":\"box\",\"bundle\":\"/bundle\","
                  "\"annotations\":{\"a\":\"\\\"b\\\"\"},\"status\":\"created\",\"pid\":4711},"
                  "\"pid\":4711}");
  ctr__close(&fd);
  CHECK_NUM(read(agent[1], text, 1), 0); /* and its end */
  ctr__close(&agent[1]);
  starter_close(&s);
}

TEST(a_listener_that_is_gone_is_the_end_of_the_start) {
  ctr__stored stored = stored_with_listener();
  starter s;
  int agent[2], status = -1;
  starter_open(&s);
  s.container.stored = &stored;
  CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, agent));
  s.listener_sock = agent[0];
  ctr__close(&agent[1]);
  pid_t pid = play_process(&s, s.sock);
  ctr__close(&s.child);
  CHECK(await(&s) == CTR_E_SYS && s.err.sys == EPIPE);
  CHECK_STR(s.err.field, "linux.seccomp.listenerPath");
  CHECK_HAS(s.err.msg, "/agent");
  starter_close(&s);
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 1, "it went on: %d", status);
}

TEST(descriptors_that_are_not_due_are_refused) {
  static const struct {
    uint32_t type;
    int count, listens;
  } rows[] = {{CTR__MSG_LISTENER, 1, 0}, {CTR__MSG_LISTENER, 2, 1}, {CTR__MSG_STARTED, 1, 0},
              {CTR__MSG_STARTED, 1, 1}, {CTR__MSG_STARTED, 2, 0}, {CTR__MSG_CONSOLE, 1, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ctr__stored stored = stored_with_listener();
    starter s;
    starter_open(&s);
    s.container.stored = &stored;
    if (rows[i].listens) s.listener_sock = fcntl(s.sock, F_DUPFD_CLOEXEC, 3);
    int before = open_descriptors();
    CHECK(brings(s.child, rows[i].type, s.sock, rows[i].count));
    CHECK_MSG(await(&s) == CTR_E_PROTOCOL, "row %zu: %s", i, s.err.msg);
    CHECK_NUM(open_descriptors(), before);
    ctr__close(&s.listener_sock);
    starter_close(&s);
  }
}

/* err.sys is an errno: a caller may switch on it, or return its negative. */
TEST(a_report_of_an_errno_that_is_none_is_refused) {
  static const int32_t errors[] = {0, -1, -ENOENT, INT32_MIN, 4096, INT32_MAX};
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    starter s;
    starter_open(&s);
    ctr__start_report r = hook_report(CTR__WHY_NONE, 0, "");
    r.message.error = errors[i];
    CHECK(say_bytes(s.child, &r, sizeof r, 0));
    ctr_code code = await(&s);
    CHECK_MSG(code == CTR_E_PROTOCOL, "errno %d: %s: %s", errors[i], ctr_code_name(code),
              s.err.msg);
    starter_close(&s);
  }
}

/* Of every kind, also of those that cannot come now, with texts that have no end. */
static void report_nonsense(void *arg) {
  const uint32_t kind = *(const uint32_t *)arg;
  static const int64_t values[] = {0, 1, -1, UINT32_MAX, INT64_MAX, INT64_MIN};
  for (uint32_t reason = 0; reason < CTR__WHY_COUNT + 2u; reason++)
    for (size_t v = 0; v < sizeof values / sizeof *values; v++)
      for (int filled = 0; filled < 2; filled++) {
        starter s;
        starter_open(&s);
        ctr__start_report r = hook_report((enum ctr__reason)reason, values[v], "");
        if (filled) memset(r.field, 0xff, sizeof r.field);
        if (filled) memset(r.arg, '\x7f', sizeof r.arg);
        if (filled) memset(r.note, 'n', sizeof r.note);
        r.kind = kind;
        CHECK(say_bytes(s.child, &r, sizeof r, 0));
        ctr_code code = await(&s);
        CHECK_MSG(code == CTR_E_PROTOCOL || (code == CTR_E_SYS && kind < CTR__STEP_COUNT), "%s",
                  ctr_code_name(code));
        CHECK(memchr(s.err.msg, '\0', sizeof s.err.msg) &&
              memchr(s.err.field, '\0', sizeof s.err.field));
        starter_close(&s);
      }
}

TEST(a_report_of_nonsense_does_no_harm) {
  const uint32_t others[] = {CTR__STEP_COUNT, CTR__STEP_COUNT + 1, UINT16_MAX,
                             UINT16_MAX + 1u, INT32_MAX,           UINT32_MAX};
  for (uint32_t i = 0; i < CTR__STEP_COUNT + sizeof others / sizeof *others; i++) {
    uint32_t kind = i < CTR__STEP_COUNT ? i : others[i - CTR__STEP_COUNT];
    char what[128];
    snprintf(what, sizeof what, "step kind %u (%s)", kind,
             kind < CTR__STEP_COUNT ? ctr__step_infos[kind].text : "none");
    in_a_process(what, report_nonsense, &kind);
  }
}

TEST(descriptors_that_are_sent_do_not_stay) {
  for (int report = 0; report < 2; report++) {
    starter s;
    starter_open(&s);
    int before = open_descriptors();
    const ctr__message started = {.type = CTR__MSG_STARTED};
    const ctr__start_report r = hook_report(CTR__WHY_PROGRAM_EXIT, 1, "");
    CHECK(report ? say_bytes(s.child, &r, sizeof r, 8)
                 : say_bytes(s.child, &started, sizeof started, 5));
    CHECK(await(&s) == CTR_E_PROTOCOL);
    CHECK_NUM(open_descriptors(), before);
    starter_close(&s);
  }
}

/* Others may hold copies of its end: threads of whoever forks meanwhile. */
static void wait_for_the_dead(void *arg) {
  starter s;
  starter_open(&s);
  pid_t pid = fork();
  if (pid == 0) {
    if (*(int *)arg) say(s.child, CTR__MSG_STARTED);
    _exit(0);
  }
  s.process.pidfd = (int)syscall(CTR__SYS_pidfd_open, pid, 0);
  CHECK(await(&s) == (*(int *)arg ? CTR_OK : CTR_E_PROTOCOL)); /* s.child is still open here */
  waitpid(pid, NULL, 0);
  starter_close(&s);
}

TEST(a_death_is_noticed_though_somebody_holds_the_channel) {
  for (int started = 0; started < 2; started++)
    in_a_process("waiting for a dead one", wait_for_the_dead, &started);
}

/* -- both -- */

enum role { EXECUTES, FAILS_TO_EXECUTE, HOOK_FAILS, DIES };

/* A first process that waits at "box", does so much of its plan, and is known to the state. */
static pid_t first_process(enum role role) {
  waiter w;
  waiter_open(&w);
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (wait_for_start(&w) < 0) _exit(1);
    w.child.at = step_at(w.plan, role == HOOK_FAILS ? CTR__STEP_HOOK : CTR__STEP_EXEC);
    w.child.reason = role == HOOK_FAILS ? CTR__WHY_PROGRAM_EXIT : CTR__WHY_NONE;
    w.child.detail = 1;
    if (role == DIES) raise(SIGKILL);
    if (role == HOOK_FAILS) ctr__child_fail(&w.child, -ECANCELED);
    if (ctr__child_tell_started(&w.child, &(ctr__step){.num = {0}}) < 0) _exit(1);
    if (role == FAILS_TO_EXECUTE) ctr__child_fail(&w.child, -EACCES);
    ctr__close(&w.child.sock); /* as execve does */
    for (;;) pause();
  }
  waiter_close(&w);
  ctr__stored stored = stored_of("box", pid);
  put("box", &stored);
  return pid;
}

static ctr_code start_box(ctr_err *err) {
  ctr_container *c = NULL;
  ctr_code code = ctr_container_open(root, "box", &c, err);
  if (!code) code = ctr_container_start(c, err);
  ctr_container_free(c);
  return code;
}

static void start_once(void *arg) {
  ctr_err err;
  (void)arg;
  pid_t pid = first_process(EXECUTES);
  CHECK_STATUS("box", CTR_STATUS_CREATED);
  CHECK_MSG(!start_box(&err) && !err.code, "%s", err.msg);
  CHECK(!is_there("box", CTR__START) && !is_there("box", CTR__STARTING));
  CHECK_STATUS("box", CTR_STATUS_RUNNING);
  CHECK(start_box(&err) == CTR_E_STATE);
  CHECK_HAS(err.msg, "running");
  end(pid);
}

TEST(a_container_is_started_once) {
  new_root();
  in_a_process("a start", start_once, NULL);
  drop_root();
}

/* The name shows that somebody was at it; that it still listens, that it did not hear. To look is
   not to start. */
static void start_after_another(void *arg) {
  ctr_err err;
  (void)arg;
  pid_t pid = first_process(EXECUTES);
  CHECK(!rename(below_root("box", CTR__START), below_root("box", CTR__STARTING)));
  for (int i = 0; i < 40; i++) CHECK_STATUS("box", CTR_STATUS_CREATED); /* more than can queue */
  CHECK_MSG(!start_box(&err), "%s", err.msg);
  CHECK_STATUS("box", CTR_STATUS_RUNNING);
  end(pid);
}

TEST(a_start_that_was_killed_can_be_made_again) {
  new_root();
  in_a_process("a second start", start_after_another, NULL);
  drop_root();
}

static void start_that_fails(void *arg) {
  const enum role role = *(const enum role *)arg;
  ctr_err err;
  pid_t pid = first_process(role);
  ctr_code code = start_box(&err);
  CHECK_MSG(code == (role == DIES ? CTR_E_PROTOCOL : CTR_E_SYS), "%s: %s", ctr_code_name(code),
            err.msg);
  CHECK_STR(err.field, role == HOOK_FAILS         ? "hooks.startContainer[0]"
                       : role == FAILS_TO_EXECUTE ? "process.args[0]"
                                                  : "");
  CHECK_MSG(is_reaped(pid), "the process, our child, is left");
  if (role == HOOK_FAILS) CHECK_MSG(!is_there("box", NULL), "runtime.md: it is destroyed");
  if (role != HOOK_FAILS) CHECK_STATUS("box", CTR_STATUS_STOPPED);
  CHECK(!is_there("box", CTR__STARTING));
}

TEST(a_start_that_fails_leaves_a_container_that_is_stopped) {
  for (enum role role = FAILS_TO_EXECUTE; role <= DIES; role++) {
    new_root();
    in_a_process("a start that fails", start_that_fails, &role);
    drop_root();
  }
}

/* It lives, and nobody listens: whoever has the socket's name has only that. */
static void start_of_one_that_does_not_listen(void *arg) {
  ctr_err err;
  (void)arg;
  pid_t pid = sleeper();
  ctr__stored stored = stored_of("box", pid);
  put("box", &stored);
  close(put_socket("box", CTR__START));
  CHECK(start_box(&err) == CTR_E_STATE);
  CHECK_HAS(err.msg, "does not wait to be started any more");
  CHECK_STATUS("box", CTR_STATUS_RUNNING);
  CHECK(waitpid(pid, NULL, WNOHANG) == 0); /* it is not ours to kill */
  end(pid);
}

TEST(one_that_does_not_listen_is_not_started) {
  new_root();
  in_a_process("a start", start_of_one_that_does_not_listen, NULL);
  drop_root();
}

TEST_MAIN
