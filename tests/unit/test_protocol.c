/* The sync protocol from both sides, with one side played by the test: what a child that crashes,
   or that somebody hostile has got hold of, can say to the caller, and the other way round. */
#include "talk.h"

static int pidfd_of(pid_t pid) {
  return (int)syscall(CTR__SYS_pidfd_open, pid, 0);
}

static pid_t ended(void) {
  pid_t pid = fork();
  if (pid == 0) _exit(7);
  return pid;
}

static const ctr__step *sync_step(const talk *t, enum ctr__sync_point point) {
  for (uint32_t i = 0; i < t->plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(t->plan, i);
    if (step->kind == CTR__STEP_SYNC && step->num[0] == (uint64_t)point) return step;
  }
  return NULL;
}

/* -- the parent: types, sizes -- */

static const uint32_t dues[] = {0,
                                CTR__MSG_PID,
                                CTR__MSG_HOOKS,
                                CTR__MSG_READY,
                                CTR__MSG_CONSOLE,
                                CTR__MSG_LISTENER,
                                CTR__MSG_CREATED};
enum { DUES = sizeof dues / sizeof *dues };

TEST(a_message_is_taken_where_it_is_due_and_nowhere_else) {
  int before = open_descriptors();
  for (int d = 0; d < DUES; d++)
    for (uint32_t type = 0; type < 40; type++) {
      talk t;
      talk_open(&t);
      ctr__message message = {.type = type < 20   ? type
                                      : type < 30 ? UINT32_MAX - type
                                                  : 1u << type % 32};
      bool with_fd = message.type == dues[d] && brings_fd(dues[d]);
      if (message.type == CTR__MSG_ERROR) message.error = ENOENT;
      say_bytes(t.child, &message, sizeof message, 0, with_fd);
      ctr_code code = expect(&t, dues[d]);
      ctr_code should = message.type == CTR__MSG_ERROR                 ? CTR_E_SYS
                        : message.type == dues[d] && message.type != 0 ? CTR_OK
                                                                       : CTR_E_PROTOCOL;
      CHECK_MSG(code == should, "message %u where %u is due: %s: %s", message.type, dues[d],
                ctr_code_name(code), t.err.msg);
      talk_close(&t);
    }
  CHECK_NUM(open_descriptors(), before);
}

/* Cut short or too long, beginning with what is due and with the descriptor that goes with it. */
TEST(a_packet_of_another_size_is_no_message) {
  static const size_t sizes[] = {25, 32, 48, 4096, 65536};
  int before = open_descriptors();
  for (int d = 0; d < DUES; d++)
    for (size_t i = 0; i < sizeof(ctr__message) + sizeof sizes / sizeof *sizes; i++) {
      size_t size = i < sizeof(ctr__message) ? i : sizes[i - sizeof(ctr__message)];
      static char packet[65536];
      memcpy(packet, &(ctr__message){.type = dues[d] ? dues[d] : CTR__MSG_ERROR, .error = 1}, 24);
      talk t;
      talk_open(&t);
      *progress(&t) = last_step(&t); /* as if the program were about to be executed */
      CHECK(say_bytes(t.child, packet, size, 0, brings_fd(dues[d])));
      ctr_code code = expect(&t, dues[d]);
      CHECK_MSG(code == CTR_E_PROTOCOL, "%zu bytes where %u is due: %s", size, dues[d],
                ctr_code_name(code));
      talk_close(&t);
    }
  CHECK_NUM(open_descriptors(), before);
}

TEST(no_descriptor_comes_in_that_is_not_due) {
  static const int counts[] = {1, 2, 7, 8, 9, 64, 253};
  int before = open_descriptors();
  for (int d = 0; d < DUES; d++)
    for (uint32_t type = 0; type <= CTR__MSG_LISTENER; type++)
      for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        bool due = dues[d] == type && brings_fd(type) && counts[i] == 1;
        talk t;
        talk_open(&t);
        int then = open_descriptors();
        ctr__message message = {.type = type, .error = 1};
        CHECK(say_bytes(t.child, &message, sizeof message, 0, counts[i]));
        ctr_code code = expect(&t, dues[d]);
        CHECK_MSG(code == (due ? CTR_OK : CTR_E_PROTOCOL), "message %u with %d descriptors: %s",
                  type, counts[i], ctr_code_name(code));
        say_bytes(t.child, &message, i, 0, counts[i]); /* cut short, or of no bytes at all */
        CHECK(expect(&t, dues[d]) == CTR_E_PROTOCOL);
        CHECK_NUM(open_descriptors(), then);
        talk_close(&t);
      }
  CHECK_NUM(open_descriptors(), before);
}

TEST(a_descriptor_that_comes_in_is_close_on_exec) {
  talk t;
  talk_open(&t);
  int fd = -1;
  ctr__message message = {.type = CTR__MSG_PID, .value = 42};
  CHECK(say_bytes(t.child, &message, sizeof message, 0, 1));
  CHECK_NUM(ctr__receive_fd(t.start.sock, &message, &fd), 0);
  CHECK(fd > 2 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) && message.value == 42);
  ctr__close(&fd);
  talk_close(&t);
}

/* The received one is number 0, and there is no room above the standard streams, or none at all. */
static void receive_without_room(void *arg) {
  talk *t = arg;
  ctr__message message = {.type = CTR__MSG_PID};
  CHECK(say_bytes(t->child, &message, sizeof message, 1, 1));
  CHECK(say_bytes(t->child, &message, sizeof message, 1, 1));
  message.type = CTR__MSG_HOOKS;
  CHECK(say_bytes(t->child, &message, sizeof message, 1, 1));
  close(0);
  for (rlim_t room = 2; room-- > 0;) {
    CHECK(!setrlimit(RLIMIT_NOFILE, &(struct rlimit){room, 1}));
    int fd = -1, r = ctr__receive_fd(t->start.sock, &message, &fd);
    CHECK_MSG(r < 0 && fd == -1, "room for %d: returns %d, with descriptor %d", (int)room, r, fd);
  }
  CHECK_MSG(ctr__receive_fd(t->start.sock, &message, NULL) < 0, "one that got lost is not noticed");
}

TEST(a_descriptor_that_cannot_be_kept_is_a_failure) {
  talk t;
  talk_open(&t);
  in_a_process("no room for a descriptor", receive_without_room, &t);
  talk_close(&t);
}

/* -- the parent: reports of failure -- */

TEST(a_report_names_the_step_and_the_reason) {
  talk t;
  talk_open(&t);
  for (uint32_t step = 0; step < t.plan->step_count; step++) {
    const char *field = ctr__plan_str(t.plan, ctr__plan_step(t.plan, step)->field);
    CHECK(say(t.child, (ctr__message){.type = CTR__MSG_ERROR, .step = step, .error = ENOSPC}));
    CHECK(expect(&t, dues[step % DUES]) == CTR_E_SYS);
    CHECK_NUM(t.err.sys, ENOSPC);
    CHECK_STR(t.err.field, field ? field : "");
    CHECK_HAS(t.err.msg, "No space left on device");
  }
  talk_close(&t);
}

TEST(a_report_about_a_step_that_is_none_is_refused) {
  talk t;
  talk_open(&t);
  const uint32_t steps[] = {t.plan->step_count, t.plan->step_count + 1, INT32_MAX, UINT32_MAX};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    CHECK(say(t.child, (ctr__message){.type = CTR__MSG_ERROR, .step = steps[i], .error = 1}));
    CHECK(expect(&t, dues[i % DUES]) == CTR_E_PROTOCOL);
  }
  talk_close(&t);
}

/* err.sys is an errno: a caller may switch on it, or return its negative. */
TEST(a_report_of_an_errno_that_is_none_is_refused) {
  static const int32_t errors[] = {0, -1, -ENOENT, INT32_MIN, 4096, INT32_MAX};
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
    talk t;
    talk_open(&t);
    CHECK(say(t.child, (ctr__message){.type = CTR__MSG_ERROR, .step = 1, .error = errors[i]}));
    ctr_code code = expect(&t, CTR__MSG_READY);
    CHECK_MSG(code == CTR_E_PROTOCOL, "errno %d: %s, sys %d: %s", errors[i], ctr_code_name(code),
              t.err.sys, t.err.msg);
    talk_close(&t);
  }
}

/* Reasons and details of one kind of step, sent with every other. */
static void report_nonsense(void *arg) {
  const uint32_t reason = *(const uint32_t *)arg;
  static const int64_t values[] = {0, 1, 2, 5, -1, 1 << 20, UINT32_MAX, INT64_MAX, INT64_MIN};
  talk t;
  talk_open(&t);
  for (uint32_t step = 0; step < t.plan->step_count; step++)
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
      CHECK(say(t.child, (ctr__message){.type = CTR__MSG_ERROR,
                                        .step = step,
                                        .error = EIO,
                                        .reason = reason,
                                        .value = values[v]}));
      ctr_code code = expect(&t, CTR__MSG_READY);
      CHECK(code == CTR_E_SYS || code == CTR_E_PROTOCOL);
      CHECK(memchr(t.err.msg, '\0', sizeof t.err.msg));
    }
  talk_close(&t);
}

TEST(a_reason_that_does_not_go_with_the_step_does_no_harm) {
  const uint32_t others[] = {CTR__WHY_COUNT, CTR__WHY_COUNT + 1, INT32_MAX, UINT32_MAX};
  for (uint32_t i = 0; i < CTR__WHY_COUNT + sizeof others / sizeof *others; i++) {
    uint32_t reason = i < CTR__WHY_COUNT ? i : others[i - CTR__WHY_COUNT];
    char what[64];
    snprintf(what, sizeof what, "reason %u", reason);
    in_a_process(what, report_nonsense, &reason);
  }
}

/* -- the parent: the end of the channel -- */

TEST(a_death_before_the_last_step_names_the_step) {
  talk t;
  talk_open(&t);
  ctr__close(&t.child);
  for (uint32_t step = 0; step < t.plan->step_count; step++)
    for (int d = 0; d < DUES; d++) {
      ctr__text what = {.len = 0};
      char number[32];
      ctr__text_step(&what, t.plan, ctr__plan_step(t.plan, step));
      snprintf(number, sizeof number, "step %u ", step);
      *progress(&t) = step;
      bool executed = step == last_step(&t) && dues[d] == 0;
      CHECK_NUM(expect(&t, dues[d]), executed ? CTR_OK : CTR_E_PROTOCOL);
      if (executed) continue;
      CHECK_HAS(t.err.msg, number);
      CHECK_HAS(t.err.msg, what.buf);
    }
  talk_close(&t);
}

TEST(a_death_at_a_step_that_is_none_is_told) {
  talk t;
  talk_open(&t);
  ctr__close(&t.child);
  const uint32_t steps[] = {t.plan->step_count, t.plan->step_count + 1, UINT32_MAX};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    *progress(&t) = steps[i];
    for (int d = 0; d < DUES; d++) CHECK(expect(&t, dues[d]) == CTR_E_PROTOCOL);
  }
  talk_close(&t);
}

TEST(only_the_end_of_the_channel_is_the_end) {
  for (int d = 0; d < 3; d++) {
    talk t;
    talk_open(&t);
    *progress(&t) = last_step(&t);
    const char *what[] = {"an empty packet", "a message of type 0", "READY a second time"};
    if (d == 0) CHECK(say_bytes(t.child, "", 0, -1, 0));
    if (d == 1) CHECK(say(t.child, (ctr__message){.type = 0}));
    if (d == 2) CHECK(say(t.child, (ctr__message){.type = CTR__MSG_READY}));
    CHECK_MSG(expect(&t, 0) == CTR_E_PROTOCOL, "%s is taken for a successful execve", what[d]);
    talk_close(&t);
  }
}

/* A socket tells of what its other end did not read (ECONNRESET) before what that has sent. */
TEST(a_report_is_read_though_the_answer_before_it_was_not) {
  talk t;
  talk_open(&t);
  CHECK(!ctr__parent_sync(&t.start, &(ctr__step){.num = {CTR__SYNC_MAPPED}}));
  CHECK(say(t.child, (ctr__message){.type = CTR__MSG_ERROR, .step = 1, .error = ENOMEM}));
  ctr__close(&t.child);
  ctr_code code = expect(&t, CTR__MSG_HOOKS);
  CHECK_MSG(code == CTR_E_SYS && t.err.sys == ENOMEM, "%s: %s", ctr_code_name(code), t.err.msg);
  talk_close(&t);
}

/* Threads of the caller that fork, and other containers being started, hold copies of the child's
   end for a while: a death shows on the pidfd before it shows on the channel. */
static void wait_for_the_dead(void *arg) {
  talk t;
  (void)arg;
  talk_open(&t);
  t.process->pid = ended();
  t.process->pidfd = pidfd_of(t.process->pid);
  CHECK(expect(&t, CTR__MSG_READY) == CTR_E_PROTOCOL); /* t.child is still open */
  talk_close(&t);
}

TEST(a_death_is_noticed_though_somebody_holds_the_channel) {
  in_a_process("waiting for a dead child", wait_for_the_dead, NULL);
}

/* -- the parent: sync points -- */

/* By that and nothing else; answer 0: by nothing. */
static bool is_answered(int sock, uint32_t answer) {
  ctr__message message;
  bool right = !answer || (hears(sock, &message) && message.type == answer);
  return right && !hears(sock, &message);
}

TEST(at_a_sync_point_the_caller_is_called_and_the_child_answered) {
  static const struct {
    enum ctr__sync_point point;
    uint32_t request, answer;
    enum ctr_moment moment;
  } points[] = {{CTR__SYNC_HOOKS, CTR__MSG_HOOKS, 0, CTR_MOMENT_HOOKS},
                {CTR__SYNC_READY, CTR__MSG_READY, CTR__MSG_RUN, CTR_MOMENT_READY}};
  for (int i = 0; i < 2; i++) {
    talk t;
    talk_open(&t);
    const ctr__step *step = sync_step(&t, points[i].point);
    ctr__message message;
    CHECK(say(t.child, (ctr__message){.type = points[i].request}));
    CHECK(step && ctr__parent_sync(&t.start, step) == CTR_OK);
    CHECK(t.moments_called == 1 && t.moment == points[i].moment);
    CHECK(is_answered(t.child, points[i].answer));
    t.moment_code = CTR_E_ARG; /* the caller's own, passed on as it is */
    CHECK(say(t.child, (ctr__message){.type = points[i].request}));
    CHECK(ctr__parent_sync(&t.start, step) == CTR_E_ARG && t.err.code == CTR_E_ARG);
    CHECK(!hears(t.child, &message));
    CHECK(say(t.child, (ctr__message){.type = points[!i].request})); /* the other one */
    CHECK(ctr__parent_sync(&t.start, step) == CTR_E_PROTOCOL && t.moments_called == 2);
    CHECK(!hears(t.child, &message));
    t.process->desc.on_moment = NULL;
    CHECK(say(t.child, (ctr__message){.type = points[i].request}));
    CHECK(ctr__parent_sync(&t.start, step) == CTR_OK && is_answered(t.child, points[i].answer));
    talk_close(&t);
  }
}

/* Where the caller did not ask to be called: for hooks, or in a plan of somebody else's. */
TEST(at_a_sync_point_that_is_no_moment_the_caller_is_not_called) {
  static const struct {
    enum ctr__sync_point point;
    uint32_t request, answer;
  } points[] = {{CTR__SYNC_HOOKS, CTR__MSG_HOOKS, 0},
                {CTR__SYNC_READY, CTR__MSG_READY, CTR__MSG_RUN},
                {CTR__SYNC_CREATED, CTR__MSG_CREATED, CTR__MSG_WAIT}};
  for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
    talk t;
    talk_open(&t);
    CHECK(say(t.child, (ctr__message){.type = points[i].request}));
    CHECK(!ctr__parent_sync(&t.start, &(ctr__step){.num = {points[i].point}}));
    CHECK(t.moments_called == 0 && is_answered(t.child, points[i].answer));
    talk_close(&t);
  }
}

TEST(a_child_that_only_listens_is_answered_unasked) {
  talk t;
  talk_open(&t);
  CHECK(!ctr__parent_sync(&t.start, &(ctr__step){.num = {CTR__SYNC_MAPPED}}));
  CHECK(t.moments_called == 0 && is_answered(t.child, CTR__MSG_MAPPED));
  CHECK(!ctr__parent_sync(&t.start, &(ctr__step){.num = {CTR__SYNC_RESUME}}));
  CHECK(t.moments_called == 0 && is_answered(t.child, CTR__MSG_RESUME));
  talk_close(&t);
}

TEST(a_child_that_is_gone_at_a_sync_point_is_told) {
  for (uint32_t point = CTR__SYNC_MAPPED; point <= CTR__SYNC_CREATED; point++)
    for (int reported = 0; reported < 2; reported++)
      for (int asked = 0; asked < 2; asked++) {
        talk t;
        talk_open(&t);
        const struct ctr__exchange *exchange = &ctr__exchanges[point];
        uint32_t request = exchange->request;
        *progress(&t) = 3;
        if (asked && request) say(t.child, (ctr__message){.type = request});
        if (reported) say(t.child, (ctr__message){.type = CTR__MSG_ERROR, .step = 3, .error = EIO});
        ctr__close(&t.child);
        bool moment = point == CTR__SYNC_HOOKS || point == CTR__SYNC_READY;
        ctr_code code = ctr__parent_sync(&t.start, &(ctr__step){.num = {point, moment}});
        bool heard = asked && request && !exchange->answer; /* its end shows at the next step */
        CHECK_MSG(code == (heard      ? CTR_OK
                           : reported ? CTR_E_SYS
                                      : CTR_E_PROTOCOL),
                  "point %u: %s: %s", point, ctr_code_name(code), t.err.msg);
        CHECK_NUM(t.moments_called, asked && moment);
        talk_close(&t);
      }
}

/* The page that tells how far the child is can be written by the child. */
TEST(an_answer_that_nobody_hears_is_no_success) {
  for (uint32_t point = CTR__SYNC_MAPPED; point <= CTR__SYNC_CREATED; point++) {
    talk t;
    if (!ctr__exchanges[point].answer) continue;
    talk_open(&t);
    *progress(&t) = last_step(&t);
    if (ctr__exchanges[point].request)
      say(t.child, (ctr__message){.type = ctr__exchanges[point].request});
    ctr__close(&t.child);
    CHECK_MSG(ctr__parent_sync(&t.start, &(ctr__step){.num = {point}}) == CTR_E_PROTOCOL,
              "sync point %u passed with nobody there", point);
    talk_close(&t);
  }
}

/* -- the parent: adopting -- */

/* Says PID with a descriptor, as the intermediate process does, which then ends. */
static ctr_code adopt(talk *t, int64_t pid, int fd, pid_t stage) {
  t->start.stage_pid = stage;
  t->start.stage_pidfd = ctr__fd_high(pidfd_of(stage));
  ctr__message message = {.type = CTR__MSG_PID, .value = pid};
  CHECK(say_bytes(t->child, &message, sizeof message, fd, fd >= 0));
  return ctr__parent_adopt(&t->start, NULL);
}

TEST(a_pid_is_adopted_and_the_intermediate_process_reaped) {
  int before = open_descriptors();
  talk t;
  talk_open(&t);
  pid_t stage = ended(), pid = sleeper();
  int pidfd = pidfd_of(pid);
  CHECK(adopt(&t, pid, pidfd, stage) == CTR_OK);
  CHECK(ctr_process_pid(t.process) == pid && t.process->pidfd > 2 && t.process->pidfd != pidfd);
  CHECK(!ctr__pidfd_signal(t.process->pidfd, 0));
  CHECK(t.start.stage_pid == 0 && t.start.stage_pidfd == -1);
  CHECK(waitpid(stage, NULL, WNOHANG) < 0 && errno == ECHILD);
  close(pidfd);
  talk_close(&t); /* of a start that failed: the adopted one is killed and reaped */
  CHECK(waitpid(pid, NULL, WNOHANG) < 0 && errno == ECHILD);
  CHECK_NUM(open_descriptors(), before);
}

TEST(a_report_or_an_end_instead_of_a_pid_is_told) {
  int before = open_descriptors();
  for (int reported = 0; reported < 2; reported++) {
    talk t;
    talk_open(&t);
    if (reported) say(t.child, (ctr__message){.type = CTR__MSG_ERROR, .step = 2, .error = EPERM});
    ctr__close(&t.child);
    CHECK(ctr__parent_adopt(&t.start, NULL) == (reported ? CTR_E_SYS : CTR_E_PROTOCOL));
    CHECK(t.process->pidfd == -1 && ctr_process_pid(t.process) == -1);
    talk_close(&t);
  }
  CHECK_NUM(open_descriptors(), before);
}

/* The pid is what id maps are written to, limits raised of (0: the caller itself), and what
   the caller is told to watch: it must be the one that the pidfd means. */
TEST(a_pid_that_is_not_the_pidfds_is_refused) {
  pid_t pid = sleeper(), other = sleeper();
  const int64_t pids[] = {0,
                          -1,
                          -pid,
                          1,
                          other,
                          getpid(),
                          INT64_C(1) << 40,
                          (INT64_C(1) << 32) + pid,
                          INT32_MAX,
                          INT64_MAX,
                          INT64_MIN};
  int pidfd = pidfd_of(pid), before = open_descriptors();
  for (size_t i = 0; i < sizeof pids / sizeof *pids; i++) {
    talk t;
    talk_open(&t);
    ctr_code code = adopt(&t, pids[i], pidfd, ended());
    /* To ask the kernel instead of believing the message is as good. */
    CHECK_MSG(code == CTR_E_PROTOCOL || (code == CTR_OK && t.process->pid == pid),
              "%lld with the pidfd of %d: %s, pid is %d", (long long)pids[i], (int)pid,
              ctr_code_name(code), (int)t.process->pid);
    ctr__close(&t.process->pidfd); /* is not to be killed yet */
    talk_close(&t);
  }
  CHECK_NUM(open_descriptors(), before);
  close(pidfd);
  end(pid);
  end(other);
}

TEST(a_descriptor_that_is_no_pidfd_is_refused) {
  int ends[2];
  CHECK(!pipe2(ends, O_CLOEXEC));
  const struct {
    const char *what;
    int fd;
  } rows[] = {{"a pipe", ends[0]},
              {"/dev/null", open("/dev/null", O_RDWR | O_CLOEXEC)},
              {"a directory of /proc", open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC)},
              {"a socket", socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)},
              {"a path", open("/", O_PATH | O_CLOEXEC)}};
  int before = open_descriptors();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    talk t;
    talk_open(&t);
    pid_t pid = sleeper();
    CHECK_MSG(adopt(&t, pid, rows[i].fd, ended()) == CTR_E_PROTOCOL, "%s is taken for a pidfd",
              rows[i].what);
    CHECK_MSG(t.process->pidfd == -1, "%s is kept", rows[i].what);
    ctr__close(&t.process->pidfd);
    talk_close(&t);
    end(pid);
  }
  CHECK_NUM(open_descriptors(), before);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) close(rows[i].fd);
  close(ends[1]);
}

/* A process of somebody else, a child of a child of ours, that repeats what it is told. */
typedef struct bystander {
  pid_t pid, between;
  int pidfd, sock;
} bystander;

static bystander bystander_new(void) {
  int pair[2];
  bystander b = {.pid = -1};
  CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
  b.between = fork();
  if (b.between == 0 && fork() == 0) {
    pid_t self = getpid();
    close(pair[0]);
    for (ssize_t n = write(pair[1], &self, sizeof self); n > 0; n = write(pair[1], &self, 1))
      if (read(pair[1], &self, 1) != 1) break;
    _exit(0);
  }
  close(pair[1]);
  if (b.between == 0) close(pair[0]);
  while (b.between == 0) pause();
  CHECK(read(pair[0], &b.pid, sizeof b.pid) == (ssize_t)sizeof b.pid);
  b.sock = pair[0];
  b.pidfd = pidfd_of(b.pid);
  return b;
}

/* Who has a SIGKILL coming answers no more. */
static bool is_alive(const bystander *b) {
  char c = 'x';
  return send(b->sock, &c, 1, MSG_NOSIGNAL) == 1 && read(b->sock, &c, 1) == 1;
}

static void bystander_free(bystander *b) {
  close(b->sock); /* lets it end */
  close(b->pidfd);
  end(b->between);
}

/* With the caller's rights a failed start kills what it has adopted. */
TEST(a_process_that_is_not_the_callers_child_is_neither_adopted_nor_killed) {
  int before = open_descriptors();
  talk t;
  talk_open(&t);
  bystander b = bystander_new();
  CHECK(is_alive(&b));
  ctr_code code = adopt(&t, b.pid, b.pidfd, ended());
  CHECK_MSG(code == CTR_E_PROTOCOL, "a stranger is adopted: %s", ctr_code_name(code));
  talk_close(&t);
  CHECK_MSG(is_alive(&b), "and killed");
  bystander_free(&b);
  CHECK_NUM(open_descriptors(), before);
}

/* A child of ours that has executed something. */
static pid_t program_of_ours(void) {
  pid_t pid = fork();
  if (pid == 0) close(1), _exit(execl("/proc/self/exe", "test_protocol", "none", NULL));
  while (pid > 0 && ctr__never_executed(pid, 0)) usleep(1000);
  return pid;
}

/* So that who is forked from now on began later, as far as can be seen. */
static void await_next_tick(pid_t since) {
  ctr__proc_stat was = {0}, now = {0};
  do {
    pid_t pid = ended();
    CHECK(!ctr__read_proc_stat(since, &was) && !ctr__read_proc_stat(pid, &now));
    waitpid(pid, NULL, 0);
  } while (now.start_time == was.start_time);
}

/* The process that was cloned has the same channel: who got hold of it could have another one that
   the caller has started taken for it, and killed. */
TEST(a_child_of_the_callers_that_was_not_cloned_by_this_start_is_neither_adopted_nor_killed) {
  const int before = open_descriptors();
  for (int i = 0; i < 3; i++) {
    const char *const what[] = {"older than the intermediate process", "a program",
                                "the intermediate process itself"};
    talk t;
    talk_open(&t);
    pid_t older = sleeper();
    await_next_tick(older);
    pid_t stage = i == 2 ? sleeper() : ended();
    pid_t pid = i == 0 ? older : i == 1 ? program_of_ours() : stage;
    int pidfd = pidfd_of(pid);
    CHECK_MSG(adopt(&t, pid, pidfd, stage) == CTR_E_PROTOCOL, "%s is adopted", what[i]);
    CHECK_MSG(t.process->pidfd == -1 && t.process->pid != pid, "%s is kept", what[i]);
    talk_close(&t);
    close(pidfd);
    CHECK_MSG(waitpid(older, NULL, WNOHANG) == 0, "one of the caller's is killed");
    end(older);
    if (i == 1) CHECK(waitpid(pid, NULL, 0) == pid);
  }
  CHECK_NUM(open_descriptors(), before);
}

/* The intermediate process may end between cloning and telling: then the page that it shares with
   us says which child there is. What the page says can be anything. */
TEST(a_child_that_was_not_reported_is_killed_and_reaped) {
  talk t;
  talk_open(&t);
  t.start.stage_pid = ended();
  t.start.stage_pidfd = pidfd_of(t.start.stage_pid);
  pid_t pid = sleeper();
  t.start.launch.shared->pid = pid;
  talk_close(&t);
  bool gone = waitpid(pid, NULL, WNOHANG) < 0 && errno == ECHILD;
  CHECK(gone);
  if (!gone) end(pid);
}

TEST(a_pid_on_the_shared_page_that_is_no_child_is_left_alone) {
  talk t;
  talk_open(&t);
  bystander b = bystander_new();
  t.start.launch.shared->pid = b.pid;
  talk_close(&t);
  CHECK_MSG(is_alive(&b), "a stranger is killed");
  bystander_free(&b);
}

static void adopt_from_one_who_stays(void *arg) {
  talk t;
  (void)arg;
  talk_open(&t);
  pid_t stage = sleeper(), pid = sleeper();
  int pidfd = pidfd_of(pid);
  CHECK(adopt(&t, pid, pidfd, stage) == CTR_OK);
  CHECK(waitpid(stage, NULL, WNOHANG) < 0 && errno == ECHILD);
  talk_close(&t);
}

/* Stopped, traced or hostile: it has said what it is there for. */
TEST(an_intermediate_process_that_does_not_end_is_not_waited_for) {
  in_a_process("an intermediate process that stays", adopt_from_one_who_stays, NULL);
}

TEST(what_the_intermediate_process_sends_is_what_the_parent_understands) {
  talk t;
  talk_open(&t);
  pid_t pid = sleeper();
  int pidfd = pidfd_of(pid);
  CHECK_NUM(ctr__send_fd(t.child, &(ctr__message){.type = CTR__MSG_PID, .value = pid}, pidfd), 0);
  close(pidfd);
  pid_t stage = ended();
  t.start.stage_pidfd = pidfd_of(stage);
  CHECK(ctr__parent_adopt(&t.start, NULL) == CTR_OK && t.process->pid == pid);
  talk_close(&t);
}

/* -- the parent: anything at all -- */

static uint32_t next_random(uint32_t *state) {
  return *state = *state * 1664525 + 1013904223, *state >> 8;
}

TEST(nothing_that_is_sent_crashes_leaks_or_passes_for_what_is_due) {
  uint32_t random = 1;
  talk t;
  talk_open(&t);
  int before = open_descriptors();
  for (int i = 0; i < 20000; i++) {
    unsigned char packet[48];
    for (size_t n = 0; n < sizeof packet; n++) packet[n] = (unsigned char)next_random(&random);
    ctr__message message = {.type = next_random(&random) % 16,
                            .step = next_random(&random) % 60,
                            .error = (int32_t)(next_random(&random) % 40)};
    bool whole = next_random(&random) % 2;
    if (whole) memcpy(packet, &message, sizeof message);
    size_t size = whole ? sizeof message : next_random(&random) % sizeof packet;
    uint32_t type = 0, due = dues[next_random(&random) % DUES];
    int fds = (int)(next_random(&random) % 4);
    memcpy(&type, packet, sizeof type);
    if (size == 0 && due == 0) continue; /* tested above */
    if (type == 0 && due == 0) continue;
    CHECK(say_bytes(t.child, packet, size, 0, fds));
    ctr_code code = expect(&t, due);
    bool right = size == sizeof message && type == due && fds == brings_fd(due);
    CHECK_MSG((code == CTR_OK) == right, "%zu bytes, type %u with %d descriptors for %u: %s", size,
              type, fds, due, ctr_code_name(code));
  }
  CHECK_NUM(open_descriptors(), before);
  talk_close(&t);
}

/* -- the child -- */

/* -- the page that is shared: the child may write anything there, at any time -- */

/* Full up to its end, and nothing behind it can be read. */
static void report_with_a_note_without_end(void *arg) {
  talk t;
  (void)arg;
  talk_open(&t);
  const size_t size = ctr__shared_size(t.start.plan), room = (size + 4095) / 4096 * 4096;
  char *page = mmap(NULL, room + 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED && !mprotect(page + room, 4096, PROT_NONE));
  memset(page, 'n', room);
  munmap(t.start.launch.shared, size);
  t.start.launch.shared = (ctr__shared *)(void *)page;
  CHECK(say(t.child,
            (ctr__message){.type = CTR__MSG_ERROR, .error = EIO, .reason = CTR__WHY_PROGRAM_EXIT}));
  CHECK(expect(&t, 0) == CTR_E_SYS);
  CHECK_HAS(t.err.msg, "it said: nnn");
  memset(page, 0, room); /* what it says it has made is another test's */
  talk_close(&t);
}

/* Whoever writes another's pid there would have it killed. */
TEST(the_page_names_none_but_who_was_cloned_by_this_start) {
  ctr__proc_stat stat;
  ctr__shared shared = {.pid = sleeper()};
  const ctr__start s = {.launch = {.shared = &shared}};
  CHECK_NUM(ctr__read_proc_stat(shared.pid, &stat), 0);
  int found = ctr__unreported_child(&s, stat.start_time);
  CHECK(found >= 0);
  ctr__close(&found);
  CHECK_MSG(ctr__unreported_child(&s, stat.start_time + 1) < 0, "older than this start");
  end(shared.pid);
  shared.pid = program_of_ours();
  CHECK_MSG(ctr__unreported_child(&s, 0) < 0, "a program");
  end(shared.pid);
  shared.pid = getppid();
  CHECK_MSG(ctr__unreported_child(&s, 0) < 0, "no child");
}

TEST(a_note_on_the_shared_page_need_not_end) {
  in_a_process("a note without an end", report_with_a_note_without_end, NULL);
}

/* What a program of the caller's says goes where it was, however long the note has become. */
TEST(a_note_that_the_child_has_changed_is_not_written_beyond) {
  static ctr__shared shared;
  const char *note = shared.note, *end = (const char *)(&shared + 1);
  int ends[2];
  CHECK(!pipe2(ends, O_CLOEXEC | O_NONBLOCK) && write(ends[1], "said", 4) == 4);
  memset(&shared, 'x', sizeof shared);
  ctr__program_run run = {.shared = &shared};
  struct pollfd output = {.fd = ends[0]};
  ctr__program_listen(&run, &output);
  CHECK(!memcmp(note, "said", 4) && note[4] == 'x' && run.noted == 4);
  for (int i = 0; i < 300; i++) {
    CHECK(write(ends[1], "more", 4) == 4);
    ctr__program_listen(&run, &output);
  }
  CHECK_NUM(run.noted, CTR__NOTE_MAX - 1);
  for (const char *at = note + CTR__NOTE_MAX; at < end; at++) CHECK(*at == 'x');
  close(ends[0]);
  close(ends[1]);
}

static int listen_at(listener *l, enum ctr__sync_point point) {
  l->child.reason = CTR__WHY_NONE;
  return ctr__child_sync(&l->child, &(ctr__step){.num = {point}});
}

TEST(the_child_goes_on_after_its_answer_and_no_other) {
  for (uint32_t point = CTR__SYNC_MAPPED; point <= CTR__SYNC_CREATED; point++)
    for (uint32_t type = 0; type < 20; type++) {
      listener l;
      listener_open(&l);
      const struct ctr__exchange *exchange = &ctr__exchanges[point];
      bool right = !exchange->answer || type == exchange->answer;
      CHECK(say(l.parent, (ctr__message){.type = type}));
      int r = listen_at(&l, (enum ctr__sync_point)point);
      CHECK_MSG(right ? r == 0 : r == -EPROTO && l.child.reason == CTR__WHY_BAD_ANSWER,
                "answer %u at point %u: %d, reason %d", type, point, r, (int)l.child.reason);
      ctr__message message = {.type = 0};
      CHECK(hears(l.parent, &message) == (exchange->request != 0) &&
            message.type == exchange->request);
      CHECK(hears(l.launch.sock, &message) == !exchange->answer); /* not read where none is due */
      listener_close(&l);
    }
}

TEST(the_child_takes_no_packet_of_another_size) {
  for (uint32_t point = CTR__SYNC_MAPPED; point <= CTR__SYNC_CREATED; point++)
    for (size_t size = 0; size < 64; size++) {
      uint32_t answer = ctr__exchanges[point].answer;
      if (size == sizeof(ctr__message) || !answer) continue;
      char packet[64] = {0};
      memcpy(packet, &answer, sizeof answer);
      listener l;
      listener_open(&l);
      CHECK(say_bytes(l.parent, packet, size, -1, 0));
      CHECK_MSG(listen_at(&l, (enum ctr__sync_point)point) < 0, "%zu bytes at point %u", size,
                point);
      listener_close(&l);
    }
}

TEST(answers_out_of_order_stop_the_child) {
  listener l;
  listener_open(&l);
  CHECK(say(l.parent, (ctr__message){.type = CTR__MSG_MAPPED}));
  CHECK(say(l.parent, (ctr__message){.type = CTR__MSG_RUN}));
  CHECK(say(l.parent, (ctr__message){.type = CTR__MSG_RESUME}));
  CHECK_NUM(listen_at(&l, CTR__SYNC_MAPPED), 0);
  CHECK_NUM(listen_at(&l, CTR__SYNC_HOOKS), 0); /* waits for nothing: RESUME is a step of its own */
  CHECK_NUM(listen_at(&l, CTR__SYNC_RESUME), -EPROTO);
  CHECK_NUM(l.child.reason, CTR__WHY_BAD_ANSWER);
  listener_close(&l);
}

TEST(a_caller_that_is_gone_is_named_and_no_signal_comes) {
  for (uint32_t point = CTR__SYNC_MAPPED; point <= CTR__SYNC_CREATED; point++)
    for (int unread = 0; unread < 2; unread++) {
      listener l;
      listener_open(&l);
      if (unread) CHECK(say(l.launch.sock, (ctr__message){.type = CTR__MSG_HOOKS}));
      ctr__close(&l.parent);
      CHECK(listen_at(&l, (enum ctr__sync_point)point) < 0);
      CHECK_NUM(l.child.reason, CTR__WHY_PARENT_GONE);
      listener_close(&l);
    }
}

TEST(descriptors_sent_to_the_child_do_not_stay) {
  listener l;
  listener_open(&l);
  int before = open_descriptors();
  ctr__message message = {.type = CTR__MSG_MAPPED};
  CHECK(say_bytes(l.parent, &message, sizeof message, 0, 5));
  listen_at(&l, CTR__SYNC_MAPPED);
  CHECK_NUM(open_descriptors(), before);
  listener_close(&l);
}

static void fail_with_a_report(void *arg) {
  listener *l = arg;
  l->child.at = 17;
  l->child.reason = CTR__WHY_TARGET;
  if (fork() == 0) ctr__child_fail(&l->child, -ELOOP);
  int status = 0;
  CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

TEST(a_child_that_fails_reports_and_ends_whether_or_not_it_is_heard) {
  listener l;
  listener_open(&l);
  ctr__message message;
  in_a_process("a report", fail_with_a_report, &l);
  CHECK(hears(l.parent, &message) && message.type == CTR__MSG_ERROR && message.step == 17 &&
        message.error == ELOOP && message.reason == CTR__WHY_TARGET);
  ctr__close(&l.parent);
  in_a_process("a report to nobody", fail_with_a_report, &l);
  listener_close(&l);
}

/* -- the child, when the caller dies -- */

/* The steps of a plan with id maps, less the namespaces, which not everybody may make: the child
   gets as far as waiting for its maps. */
static ctr_plan *waiting_plan(void) {
  static const ctr__facts facts = {.euid = 1000, .egid = 1000, .features = 3};
  static const ctr_namespace namespaces[] = {{CTR_NS_MOUNT, NULL}, {CTR_NS_USER, NULL}};
  const ctr_config config = {.root = {"/", false},
                             .process = {.cwd = "/", .args = CTR_STRS("/")},
                             .linux_ = {.namespaces = {namespaces, 2}}};
  const ctr_plan_desc desc = {.moments = 0};
  ctr_plan *plan = NULL;
  if (ctr__plan_compile(&config, &desc, &ctr__for_program, &facts, &plan, NULL)) _exit(1);
  for (uint32_t i = 0; i < plan->step_count; i++) {
    ctr__step *step = (ctr__step *)(void *)((char *)plan + plan->steps) + i;
    if (step->kind == CTR__STEP_CLONE) step->num[0] = 0;
  }
  return plan;
}

/* Starts a child, tells its pid, and is gone before it has answered. */
static void caller_that_dies(int tell) {
  ctr_plan *plan = waiting_plan();
  ctr_process *process = NULL;
  ctr_err err;
  ctr_process_new(plan, NULL, &process, &err);
  ctr__start s = {.process = process,
                  .plan = plan,
                  .sock = -1,
                  .stage_pidfd = -1,
                  .err = &err,
                  .launch = {.plan = plan, .sock = -1}};
  ctr_code code = ctr__prepare(&s);
  int r = code ? -1 : ctr__parent_clone(&s, ctr__plan_step(plan, 0));
  pid_t pid = r < 0 ? -1 : process->pid;
  _exit(write(tell, &pid, sizeof pid) != (ssize_t)sizeof pid);
}

static void wait_for_the_orphan(void *arg) {
  int ends[2], status = 0;
  pid_t pid = -1;
  (void)arg;
  CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) && !pipe2(ends, O_CLOEXEC));
  pid_t caller = fork();
  if (caller == 0) caller_that_dies(ends[1]);
  CHECK(read(ends[0], &pid, sizeof pid) == (ssize_t)sizeof pid && pid > 0);
  CHECK(waitpid(caller, NULL, 0) == caller);
  int pidfd = pidfd_of(pid);
  struct pollfd died = {.fd = pidfd, .events = POLLIN};
  bool ends_itself = poll(&died, 1, (GUARD_SECONDS - 1) * 1000) > 0;
  if (!ends_itself) kill(pid, SIGKILL);
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK_MSG(ends_itself && WIFEXITED(status) && WEXITSTATUS(status) == 127,
            "a child whose caller was killed waits for ever: it holds the caller's end itself");
}

TEST(a_child_does_not_outlive_its_caller_before_the_program_runs) {
  in_a_process("an orphan", wait_for_the_orphan, NULL);
}

TEST_MAIN
