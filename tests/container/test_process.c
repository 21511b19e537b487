/* The handle of a process: starting, waiting, signals, standard streams, and leaving nothing
   behind. */
#include "box.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>

/* A process of the box's config, made but not started. */
typedef struct running {
  ctr_plan *plan;
  ctr_process *process;
} running;

static running prepare(box *b, const ctr_process_desc *desc) {
  running r = {0};
  b->plan.bundle = b->dir;
  if (ctr_plan_new(b->config, &b->plan, &r.plan, &b->err) ||
      ctr_process_new(r.plan, desc, &r.process, &b->err))
    test_fail(__FILE__, __LINE__, "%s", b->err.msg);
  return r;
}

static running launch(box *b, const ctr_process_desc *desc) {
  running r = prepare(b, desc);
  if (ctr_process_start(r.process, &b->err)) test_fail(__FILE__, __LINE__, "%s", b->err.msg);
  return r;
}

static void finish(running *r) {
  ctr_process_free(r->process);
  ctr_plan_free(r->plan);
}

static const ctr_process_desc quiet = {.stdio = CTR_STDIO_FDS, .fds = {-1, -1, -1}};

/* -- how it ends -- */

TEST(the_exit_code_is_the_programs) {
  static const int codes[] = {0, 1, 42, 127, 255};
  box b = box_new();
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    box_run(&b, "exit", text("%d", codes[i]));
    CHECK_NUM(b.code, CTR_OK);
    CHECK_NUM(b.exit.code, codes[i]);
    CHECK_NUM(b.exit.signal, 0);
    CHECK_NUM(ctr_exit_status(&b.exit), codes[i]);
  }
  box_free(&b);
}

TEST(a_crash_is_a_signal) {
  box b = box_new();
  box_run(&b, "crash", "now");
  CHECK(b.exit.signal == SIGILL || b.exit.signal == SIGTRAP || b.exit.signal == SIGABRT);
  CHECK_NUM(ctr_exit_status(&b.exit), 128 + b.exit.signal);
  box_free(&b);
}

TEST(a_process_is_signalled_waited_for_and_terminated) {
  box b = box_new();
  b.config->process.args = CTR_STRS("/probe", "wait");
  census before = take_census();
  running r = prepare(&b, &quiet);
  ctr_exit status = {.code = 77};
  CHECK_NUM(ctr_process_pid(r.process), -1);
  CHECK_NUM(ctr_process_pidfd(r.process), -1);
  CHECK_NUM(ctr_process_wait(r.process, &status, &b.err), CTR_E_STATE);
  CHECK_NUM(ctr_process_signal(r.process, SIGTERM, &b.err), CTR_E_STATE);
  CHECK_NUM(ctr_process_terminate(r.process, &b.err), CTR_E_STATE);
  CHECK_NUM(status.code, 77);
  CHECK_NUM(ctr_process_start(r.process, &b.err), CTR_OK);
  CHECK_NUM(ctr_process_start(r.process, &b.err), CTR_E_STATE);
  CHECK(ctr_process_pid(r.process) > 0);
  struct pollfd ended = {.fd = ctr_process_pidfd(r.process), .events = POLLIN};
  CHECK_NUM(poll(&ended, 1, 0), 0);
  CHECK_NUM(ctr_process_signal(r.process, 0, &b.err), CTR_OK);
  CHECK_NUM(ctr_process_signal(r.process, 12345, &b.err), CTR_E_SYS);
  CHECK_NUM(ctr_process_signal(r.process, SIGKILL, &b.err), CTR_OK);
  CHECK_NUM(poll(&ended, 1, -1), 1);
  for (int again = 0; again < 2; again++) {
    CHECK_NUM(ctr_process_wait(r.process, &status, &b.err), CTR_OK);
    CHECK_NUM(status.signal, SIGKILL);
  }
  CHECK_NUM(ctr_process_pid(r.process), -1);
  CHECK_NUM(ctr_process_signal(r.process, SIGTERM, &b.err), CTR_E_STATE);
  CHECK_NUM(ctr_process_terminate(r.process, &b.err), CTR_OK);
  finish(&r);
  check_census(&before);
  box_free(&b);
}

TEST(the_start_time_is_that_of_proc) {
  box b = box_new();
  b.config->process.args = CTR_STRS("/probe", "wait");
  running r = launch(&b, &quiet);
  uint64_t ticks = 0;
  CHECK_NUM(ctr_process_start_time(r.process, &ticks, &b.err), CTR_OK);
  const char *at = strrchr(get_file(text("/proc/%d/stat", ctr_process_pid(r.process))), ')');
  for (int field = 2; at && field < 22; field++) at = strchr(at + 1, ' ');
  CHECK_NUM(ticks, at ? atoll(at) : -1);
  ctr_process_terminate(r.process, NULL);
  CHECK_NUM(ctr_process_start_time(r.process, &ticks, &b.err), CTR_E_STATE);
  finish(&r);
  box_free(&b);
}

/* Whoever ignores SIGCHLD has no children to wait for: the status is lost, and that is said. */
TEST(a_caller_that_ignores_sigchld_is_told) {
  static const struct sigaction ways[] = {{.sa_handler = SIG_IGN}, {.sa_flags = SA_NOCLDWAIT}};
  for (int i = 0; i < 2; i++) {
    box b = box_new();
    b.config->process.args = CTR_STRS("/probe", "exit", "3");
    sigaction(SIGCHLD, &ways[i], NULL);
    running r = launch(&b, &quiet);
    ctr_exit status;
    CHECK_NUM(ctr_process_wait(r.process, &status, &b.err), CTR_E_SYS);
    CHECK_NUM(b.err.sys, ECHILD);
    signal(SIGCHLD, SIG_DFL);
    finish(&r);
    box_free(&b);
  }
}

TEST(a_free_handle_leaves_the_process_running) {
  box b = box_new();
  b.config->process.args = CTR_STRS("/probe", "wait");
  running r = launch(&b, &quiet);
  pid_t pid = ctr_process_pid(r.process);
  finish(&r);
  CHECK(kill(pid, 0) == 0);
  CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
  ctr_process_free(NULL);
  ctr_plan_free(NULL);
  box_free(&b);
}

/* A child of ours starts a container that is to die with it, and ends. */
TEST(it_dies_with_its_caller_when_asked) {
  box b = box_new();
  b.config->process.args = CTR_STRS("/probe", "wait");
  b.plan.die_with_caller = true;
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  pid_t caller = fork();
  if (caller == 0) {
    running r = launch(&b, &quiet);
    pid_t pid = ctr_process_pid(r.process);
    _exit(write(ends[1], &pid, sizeof pid) != sizeof pid);
  }
  pid_t pid = 0;
  CHECK(read(ends[0], &pid, sizeof pid) == sizeof pid);
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  waitpid(caller, NULL, 0);
  struct pollfd ended = {.fd = pidfd, .events = POLLIN};
  if (pidfd >= 0) CHECK_NUM(poll(&ended, 1, 60000), 1);
  close(pidfd);
  close(ends[0]);
  close(ends[1]);
  box_free(&b);
}

/* -- standard streams -- */

TEST(pipes_carry_input_and_both_outputs) {
  box b = box_new();
  b.input = "some input\n";
  CHECK_RAN(box_run(&b, "echo"));
  CHECK_STR(b.out, "some input\n");
  CHECK_RAN(box_run(&b, "spew", "1000000"));
  CHECK_NUM(b.out_len, 1000000);
  CHECK_NUM(b.complaints_len, 1000000);
  box_free(&b);
}

TEST(pipes_belong_to_the_containers_root) {
  box b = box_mapped();
  b.config->process.args = CTR_STRS("/probe", "wait");
  const ctr_process_desc desc = {.stdio = CTR_STDIO_PIPES};
  running r = launch(&b, &desc);
  for (int fd = 0; fd < 3; fd++) {
    struct stat st = {0};
    CHECK(stat(text("/proc/%d/fd/%d", ctr_process_pid(r.process), fd), &st) == 0);
    CHECK(S_ISFIFO(st.st_mode));
    CHECK_NUM(st.st_uid, me().root_uid);
  }
  ctr_process_terminate(r.process, NULL);
  finish(&r);
  box_free(&b);
}

static void check_reopening(box b) {
  b.config->process.capabilities = (ctr_capabilities){0};
  CHECK_RAN(box_run(&b, "try", "/dev/stdout", "/dev/stderr"));
  CHECK_STR(box_said(&b, "/dev/stdout"), "open");
  CHECK_STR(box_said(&b, "/dev/stderr"), "open");
  box_free(&b);
}

TEST(a_process_can_reopen_its_own_streams) {
  check_reopening(box_plain(box_of(me().simplest)));
}

TEST(a_process_of_another_id_of_the_map_can_reopen_its_own_streams) {
  check_reopening(box_plain(box_mapped()));
}

/* Pipes of the caller's, or of an engine's, are opened again by name like those that are made here.
   Files are not given away, nor is a pipe where its owner has no place in the user namespace. */
TEST(pipes_of_the_caller_become_the_process_s) {
  for (int mapped = 0; mapped < 2; mapped++) {
    box b = mapped ? box_mapped() : box_new();
    int out[2], file = open(in_root(&b, "file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    char said[256] = "";
    struct stat st;
    CHECK(pipe2(out, O_CLOEXEC) == 0);
    b.config->process.user = (ctr_user){.uid = 1000, .gid = 1001};
    b.config->process.capabilities = (ctr_capabilities){0};
    b.config->process.args = CTR_STRS("/probe", "try", "/dev/stdout", "/dev/stderr");
    const ctr_process_desc desc = {.stdio = CTR_STDIO_FDS, .fds = {-1, out[1], file}};
    running r = launch(&b, &desc);
    ctr_exit status;
    CHECK_NUM(ctr_process_wait(r.process, &status, &b.err), CTR_OK);
    CHECK(read(out[0], said, sizeof said - 1) > 0);
    CHECK_STR(said, mapped ? "/dev/stdout EACCES\n/dev/stderr EACCES\n"
                           : "/dev/stdout open\n/dev/stderr EACCES\n");
    CHECK(fstat(out[1], &st) == 0 && st.st_uid == (mapped ? 0 : 1000) && st.st_gid == 0);
    CHECK(fstat(file, &st) == 0 && st.st_uid == 0);
    finish(&r);
    close(out[0]), close(out[1]), close(file);
    box_free(&b);
  }
}

TEST(descriptors_are_taken_in_any_order) {
  box b = box_new();
  int out[2], complaints[2];
  CHECK(pipe2(out, O_CLOEXEC) == 0 && pipe2(complaints, O_CLOEXEC) == 0);
  b.config->process.args = CTR_STRS("/probe", "spew", "10");
  const ctr_process_desc desc = {.stdio = CTR_STDIO_FDS, .fds = {-1, out[1], complaints[1]}};
  running r = launch(&b, &desc);
  ctr_exit status;
  CHECK_NUM(ctr_process_wait(r.process, &status, &b.err), CTR_OK);
  char got[64];
  CHECK_NUM(read(out[0], got, sizeof got), 10);
  CHECK_NUM(read(complaints[0], got, sizeof got), 10);
  CHECK(fcntl(out[1], F_GETFD) == FD_CLOEXEC); /* still the caller's, and as it was */
  const char *names[3];
  ctr_process_external_fds(r.process, names);
  CHECK_STR(names[0], "/dev/null");
  CHECK_HAS(names[1], "pipe:[");
  finish(&r);
  close(out[0]), close(out[1]), close(complaints[0]), close(complaints[1]);
  box_free(&b);
}

/* The caller's own 0, 1 and 2, in another order; some of them closed. */
TEST(streams_survive_closed_and_swapped_descriptors) {
  box b = box_new();
  int saved[3], out[2];
  CHECK(pipe2(out, O_CLOEXEC) == 0);
  b.config->process.args = CTR_STRS("/probe", "spew", "7");
  fflush(stdout);
  for (int fd = 0; fd < 3; fd++) saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  dup2(out[1], 0); /* what is to be stdout is 0; 1 and 2 are closed */
  close(1);
  close(2);
  const ctr_process_desc desc = {.stdio = CTR_STDIO_FDS, .fds = {-1, 0, 0}};
  running r = prepare(&b, &desc);
  ctr_code code = ctr_process_start(r.process, &b.err);
  if (!code) ctr_process_wait(r.process, &b.exit, &b.err);
  for (int fd = 0; fd < 3; fd++) {
    dup2(saved[fd], fd);
    close(saved[fd]);
  }
  CHECK_MSG(code == CTR_OK, "%s", b.err.msg);
  close(out[1]);
  char got[64];
  CHECK_NUM(read(out[0], got, sizeof got), 14);
  close(out[0]);
  finish(&r);
  box_free(&b);
}

TEST(inherited_streams_are_the_callers_and_null_where_closed) {
  box b = box_new();
  int saved[3], out[2];
  CHECK(pipe2(out, O_CLOEXEC) == 0);
  b.config->process.args = CTR_STRS("/probe", "stat", "/proc/self/fd/0", "/proc/self/fd/2");
  fflush(stdout);
  for (int fd = 0; fd < 3; fd++) saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
  close(0);
  close(2);
  dup2(out[1], 1);
  running r = prepare(&b, NULL);
  ctr_code code = ctr_process_start(r.process, &b.err);
  if (!code) ctr_process_wait(r.process, &b.exit, &b.err);
  for (int fd = 0; fd < 3; fd++) {
    dup2(saved[fd], fd);
    close(saved[fd]);
  }
  CHECK_MSG(code == CTR_OK, "%s", b.err.msg);
  close(out[1]);
  char got[256] = "";
  CHECK(read(out[0], got, sizeof got - 1) > 0);
  CHECK_HAS(got, "/proc/self/fd/0 link 0700 0 0 0:0 /dev/null\n");
  CHECK_HAS(got, "/proc/self/fd/2 link 0700 0 0 0:0 /dev/null\n");
  const char *names[3];
  ctr_process_external_fds(r.process, names);
  CHECK_STR(names[0], "/dev/null");
  CHECK_HAS(names[1], "pipe:[");
  close(out[0]);
  finish(&r);
  box_free(&b);
}

TEST(a_directory_is_no_stream) {
  box b = box_new();
  b.config->process.args = CTR_STRS("/probe", "exit", "0");
  int places[] = {open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                  open("/dev/null", O_PATH | O_CLOEXEC)};
  for (int i = 0; i < 2; i++) {
    const ctr_process_desc desc = {.stdio = CTR_STDIO_FDS, .fds = {places[i], -1, -1}};
    running r = prepare(&b, &desc);
    CHECK_NUM(ctr_process_start(r.process, &b.err), CTR_E_ARG);
    CHECK_HAS(b.err.msg, "no stream");
    finish(&r);
    close(places[i]);
  }
  box_free(&b);
}

TEST(external_descriptors_can_be_read_and_set) {
  box b = box_new();
  running r = prepare(&b, &quiet);
  static const char *const names[3] = {"pipe:[1]", "pipe:[2]", "/dev/null"};
  const char *got[3];
  CHECK_NUM(ctr_process_set_external_fds(r.process, names, &b.err), CTR_OK);
  ctr_process_external_fds(r.process, got);
  for (int i = 0; i < 3; i++) CHECK_STR(got[i], names[i]);
  finish(&r);
  box_free(&b);
}

TEST(io_init_makes_pipes_or_nothing) {
  ctr_io io = {{-7, -7, -7}, {-7, -7, -7}};
  ctr_err err;
  census before = take_census();
  CHECK_NUM(ctr_io_init(geteuid(), getegid(), &io, &err), CTR_OK);
  for (int i = 0; i < 3; i++) {
    CHECK(io.child[i] > 2 && io.parent[i] > 2);
    CHECK(fcntl(io.child[i], F_GETFD) == FD_CLOEXEC && fcntl(io.parent[i], F_GETFD) == FD_CLOEXEC);
    CHECK_NUM(write(i ? io.child[i] : io.parent[i], "x", 1), 1);
    char c;
    CHECK_NUM(read(i ? io.parent[i] : io.child[i], &c, 1), 1);
  }
  ctr_io_close(&io);
  ctr_io_close(&io);
  ctr_io_close(NULL);
  check_census(&before);
  struct rlimit limit, low;
  getrlimit(RLIMIT_NOFILE, &limit);
  for (rlim_t room = 0; room < 12; room++) { /* descriptors run out at each point */
    int next = dup(0);
    close(next);
    low = (struct rlimit){(rlim_t)next + room, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    ctr_code code = ctr_io_init(geteuid(), getegid(), &io, &err);
    setrlimit(RLIMIT_NOFILE, &limit);
    CHECK_NUM(code, room < 6 ? CTR_E_SYS : CTR_OK);
    if (code) CHECK_NUM(err.sys, EMFILE);
    if (!code) ctr_io_close(&io);
    check_census(&before);
  }
}

TEST(io_init_gives_nobody_what_is_not_ours) {
  ctr_io io = {{-7, -7, -7}, {-7, -7, -7}};
  ctr_err err;
  census before = take_census();
  CHECK_NUM(ctr_io_init(geteuid() + 1, getegid(), &io, &err), CTR_E_SYS);
  CHECK_NUM(err.sys, EPERM);
  CHECK_NUM(io.child[0], -7);
  check_census(&before);
}

TEST(pipe_fds_of_another_users_process_have_no_names) {
  ctr_arena mem = {0};
  ctr_err err;
  const char *names[3] = {"untouched"};
  CHECK_NUM(ctr_pipe_fds(&mem, 1, names, &err), CTR_OK);
  for (int i = 0; i < 3; i++) CHECK_STR(names[i], "");
  ctr_arena_free(&mem);
}

TEST(pipe_fds_names_what_can_be_seen) {
  ctr_arena mem = {0};
  ctr_err err;
  const char *names[3] = {"untouched"};
  int ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(ends[0], 0);
    close(1);
    open("/dev/zero", O_WRONLY);
    close(2);
    kill(getpid(), SIGSTOP);
    _exit(0);
  }
  waitpid(child, NULL, WUNTRACED);
  CHECK_NUM(ctr_pipe_fds(&mem, child, names, &err), CTR_OK);
  CHECK_HAS(names[0], "pipe:[");
  CHECK_STR(names[1], "/dev/zero");
  CHECK_STR(names[2], "");
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  names[0] = "untouched";
  CHECK_NUM(ctr_pipe_fds(&mem, child, names, &err), CTR_E_SYS);
  CHECK_STR(names[0], "untouched");
  CHECK_NUM(ctr_pipe_fds(&mem, 0, names, &err), CTR_OK);
  CHECK(*names[1]);
  close(ends[0]);
  close(ends[1]);
  ctr_arena_free(&mem);
}

/* -- moments -- */

typedef struct seen {
  int hooks, ready;
  pid_t pid;
  ctr_code answer;
  enum ctr_moment fails_at;
  char root[256];
} seen;

static ctr_code see(void *userdata, enum ctr_moment moment, const ctr_process *process,
                    ctr_err *err) {
  seen *s = userdata;
  s->hooks += moment == CTR_MOMENT_HOOKS;
  s->ready += moment == CTR_MOMENT_READY;
  s->pid = ctr_process_pid(process);
  ssize_t n = readlink(text("/proc/%d/root", s->pid), s->root, sizeof s->root - 1);
  s->root[n < 0 ? 0 : n] = '\0';
  if (s->answer && moment == s->fails_at)
    return ctr__fail(err, s->answer, 0, "hooks", "the caller says no");
  return CTR_OK;
}

TEST(the_caller_is_called_at_its_moments) {
  box b = box_new();
  seen s = {0};
  b.plan.moments = CTR_MOMENT_HOOKS | CTR_MOMENT_READY;
  b.process.on_moment = see;
  b.process.userdata = &s;
  CHECK_RAN(box_run(&b, "exit", "0"));
  CHECK_NUM(s.hooks, 1);
  CHECK_NUM(s.ready, 1);
  CHECK(s.pid > 0);
  box_free(&b);
}

TEST(a_moment_that_fails_ends_the_start) {
  static const enum ctr_moment moments[] = {CTR_MOMENT_HOOKS, CTR_MOMENT_READY};
  for (int i = 0; i < 2; i++) {
    box b = box_new();
    seen s = {.answer = CTR_E_STATE, .fails_at = moments[i]};
    b.plan.moments = CTR_MOMENT_HOOKS | CTR_MOMENT_READY;
    b.process.on_moment = see;
    b.process.userdata = &s;
    CHECK_REFUSED(box_run(&b, "make", "/made"), "hooks", "the caller says no");
    CHECK_NUM(b.code, CTR_E_STATE);
    CHECK(access(in_root(&b, "made"), F_OK) < 0);
    box_free(&b);
  }
}

/* A process that is killed while it is being started is an error that says where, not a hang. */
static ctr_code kill_it(void *userdata, enum ctr_moment moment, const ctr_process *process,
                        ctr_err *err) {
  (void)userdata;
  (void)moment;
  (void)err;
  kill(ctr_process_pid(process), SIGKILL);
  siginfo_t info;
  waitid((idtype_t)3 /* P_PIDFD */, (id_t)ctr_process_pidfd(process), &info, WEXITED | WNOWAIT);
  return CTR_OK;
}

TEST(a_death_during_the_start_is_told) {
  static const unsigned moments[] = {CTR_MOMENT_HOOKS, CTR_MOMENT_READY};
  for (int i = 0; i < 2; i++) {
    box b = box_new();
    b.plan.moments = moments[i];
    b.process.on_moment = kill_it;
    box_run(&b, "exit", "0");
    CHECK_NUM(b.code, CTR_E_PROTOCOL);
    CHECK_HAS(b.err.msg, "ended while being started, at step");
    CHECK_HAS(b.err.msg, "killed by signal 9");
    box_free(&b);
  }
}

/* The intermediate process is killed after it has cloned the real one and before it can say so. */
static _Noreturn void clone_and_die(const ctr__launch *launch) {
  int pidfd;
  if (ctr__clone(CLONE_PARENT, true, -1, &pidfd, &launch->shared->pid) == 0)
    for (;;) pause();
  _exit(9);
}

TEST(a_child_that_nobody_reported_is_found_and_ended) {
  box b = box_new();
  running r = prepare(&b, &quiet);
  census before = take_census();
  ctr__start s = ctr__start_of(r.process, &b.err);
  const ctr__step step = {.num = {0, true}};
  CHECK_NUM(ctr__prepare(&s), CTR_OK);
  CHECK_NUM(ctr__clone_into(&s, &step, clone_and_die, &s.stage_pid, &s.stage_pidfd), 0);
  siginfo_t info;
  waitid((idtype_t)3 /* P_PIDFD */, (id_t)s.stage_pidfd, &info, WEXITED | WNOWAIT);
  CHECK_NUM(take_census().children, before.children + 2);
  ctr__start_finish(&s, true);
  check_census(&before);
  finish(&r);
  box_free(&b);
}

/* -- leaving nothing behind -- */

static size_t resident_kib(void) {
  const char *at = strstr(get_file("/proc/self/status"), "VmRSS:");
  return at ? (size_t)atol(at + 6) : 0;
}

TEST(a_thousand_starts_leave_nothing_behind) {
  box b = box_new();
  b.config->process.args = CTR_STRS("/probe", "exit", "0");
  census before = take_census();
  size_t memory = 0;
  for (int i = 0; i < 1000; i++) {
    const ctr_process_desc desc = {.stdio = i % 2 ? CTR_STDIO_PIPES : CTR_STDIO_INHERIT};
    running r = launch(&b, &desc);
    ctr_exit status;
    if (ctr_process_wait(r.process, &status, &b.err) || ctr_exit_status(&status))
      test_fail(__FILE__, __LINE__, "start %d: %s", i, b.err.msg);
    finish(&r);
    if (i == 100) memory = resident_kib();
    if (test_failures) break;
  }
  check_census(&before);
  size_t after = resident_kib();
  CHECK_MSG(after <= memory + 128, "%zu KiB after 100 starts, %zu KiB after 1000", memory, after);
  box_free(&b);
}

/* The same from several threads at once, each with its own handles; signals and umask stay the
   caller's. */
static void *start_some(void *argument) {
  box *b = argument;
  for (int i = 0; i < 25 && !b->code; i++) {
    ctr_exit status = {.code = -1};
    ctr_process_desc desc = quiet;
    b->code = ctr_run(b->config, &b->plan, &desc, &status, &b->err);
    if (!b->code && ctr_exit_status(&status)) b->code = CTR_E_STATE;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (sigismember(&mask, SIGTERM)) b->code = CTR_E_STATE;
    free(malloc(1000 + (size_t)i)); /* a lock that a child could inherit */
  }
  return NULL;
}

TEST(threads_can_start_at_the_same_time) {
  enum { THREADS = 4 };
  static const char *const args[] = {"/probe", "exit", "0"};
  box boxes[THREADS];
  pthread_t threads[THREADS];
  census before = take_census();
  mode_t mask = umask(0);
  umask(mask);
  for (int i = 0; i < THREADS; i++) {
    boxes[i] = box_new();
    boxes[i].config->process.args = (ctr_strs){args, 3};
    boxes[i].plan.bundle = boxes[i].dir;
  }
  for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, start_some, &boxes[i]);
  for (int i = 0; i < THREADS; i++) {
    pthread_join(threads[i], NULL);
    CHECK_MSG(boxes[i].code == CTR_OK, "%s", boxes[i].err.msg);
    box_free(&boxes[i]);
  }
  CHECK_NUM(umask(mask), mask);
  check_census(&before);
}

/* Descriptors run out at every point of a start: an error each time, and nothing left. */
TEST(a_start_without_descriptors_fails_cleanly) {
  box b = box_new();
  b.config->process.rlimits.count = 0;
  b.config->process.args = CTR_STRS("/probe", "exit", "0");
  b.plan.bundle = b.dir;
  census before = take_census();
  struct rlimit limit, low;
  getrlimit(RLIMIT_NOFILE, &limit);
  bool started = false;
  for (rlim_t room = 0; room < 40 && !started; room++) {
    int next = dup(0);
    close(next);
    low = (struct rlimit){(rlim_t)next + room, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &low);
    ctr_exit status;
    ctr_code code = ctr_run(b.config, &b.plan, &quiet, &status, &b.err);
    setrlimit(RLIMIT_NOFILE, &limit);
    started = code == CTR_OK && room > 0;
    CHECK_MSG(!code || b.err.sys == EMFILE, "room %d: %s: %s", (int)room, ctr_code_name(code),
              b.err.msg);
    check_census(&before);
  }
  CHECK(started);
  box_free(&b);
}

TEST(the_convenience_call_does_it_all) {
  box b = box_new();
  b.config->process.args = CTR_STRS("/probe", "exit", "9");
  b.plan.bundle = b.dir;
  ctr_exit status;
  CHECK_NUM(ctr_run(b.config, &b.plan, &quiet, &status, &b.err), CTR_OK);
  CHECK_NUM(status.code, 9);
  CHECK_NUM(ctr_run(NULL, NULL, NULL, &status, &b.err), CTR_E_ARG);
  const ctr_process_desc pipes = {.stdio = CTR_STDIO_PIPES};
  CHECK_NUM(ctr_run(b.config, &b.plan, &pipes, &status, &b.err), CTR_E_ARG);
  CHECK_HAS(b.err.msg, "ctr_process_start");
  box_free(&b);
}

TEST(descriptions_that_make_no_sense_are_refused) {
  box b = box_new();
  running r = prepare(&b, &quiet);
  const ctr_process_desc rows[] = {{.stdio = (ctr_stdio)77},
                                   {.stdio = CTR_STDIO_FDS, .fds = {-5, 1, 2}},
                                   {.on_moment = see}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ctr_process *process = NULL;
    CHECK_NUM(ctr_process_new(r.plan, &rows[i], &process, &b.err), CTR_E_ARG);
    CHECK(!process && *b.err.msg);
  }
  ctr_plan *plan = NULL;
  CHECK_NUM(ctr_plan_new(b.config, &(ctr_plan_desc){.moments = 64}, &plan, &b.err), CTR_E_ARG);
  CHECK_NUM(ctr_plan_new(b.config, &(ctr_plan_desc){.without = 64}, &plan, &b.err), CTR_E_ARG);
  finish(&r);
  box_free(&b);
}

/* A moment that fails without a word is still an error with one. */
static ctr_code refuse_silently(void *userdata, enum ctr_moment moment, const ctr_process *process,
                                ctr_err *err) {
  uint64_t *ticks = userdata;
  (void)moment;
  CHECK_NUM(ctr_process_start_time(process, ticks, err), CTR_OK);
  return CTR_E_STATE;
}

TEST(a_moment_that_fails_silently_is_told) {
  box b = box_new();
  uint64_t ticks = 0;
  b.plan.moments = CTR_MOMENT_READY;
  b.process.on_moment = refuse_silently;
  b.process.userdata = &ticks;
  box_run(&b, "exit", "0");
  CHECK_NUM(b.code, CTR_E_STATE);
  CHECK(b.err.code == CTR_E_STATE && *b.err.msg && ticks > 0);
  box_free(&b);
}

TEST_MAIN
