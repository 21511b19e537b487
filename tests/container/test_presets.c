/* The seccomp presets in force: programs that people run do run, and what an attacker would call is
   refused, also where the kernel would grant it. */
#include "box.h"

static const ctr_seccomp_action presets[] = {CTR_SECCOMP_DEFAULT, CTR_SECCOMP_STRICT};
enum { NEWUSER = 0x10000000, NEWNS = 0x20000, NEWTIME = 0x80 };

/* -- what is refused -- */

typedef struct attack {
  const char *what;
  const char *by_default, *by_strict; /* what it gets */
  bool is_granted; /* without a preset it gets something else: the refusal is the filter's own */
  long number;
  unsigned long args[3];
} attack;

static const attack attacks[] = {
    {"a user namespace", "-1 EPERM", "-1 EPERM", true, SYS_unshare, {NEWUSER}},
    {"a mount namespace with it", "-1 EPERM", "-1 EPERM", true, SYS_unshare, {NEWUSER | NEWNS}},
    {"a time namespace", "-1 EPERM", "-1 EPERM", false, SYS_unshare, {NEWTIME}},
    {"a clone into one", "-1 EPERM", "-1 EPERM", true, SYS_clone, {NEWUSER | SIGCHLD}},
    {"clone3", "-1 ENOSYS", "-1 ENOSYS", true, CTR__NR(435), {0, 0}},
    {"joining", "-1 EPERM", "-1 EPERM", true, SYS_setns, {9999, 0}},
    {"mount", "-1 EPERM", "-1 EPERM", false, SYS_mount, {0, 0, 0}},
    {"umount", "-1 EPERM", "-1 EPERM", false, SYS_umount2, {0, 0}},
    {"open_tree", "-1 EPERM", "-1 EPERM", true, CTR__NR(428), {9999, 0, 0}},
    {"move_mount", "-1 EPERM", "-1 EPERM", false, CTR__NR(429), {9999, 0, 9999}},
    {"fsopen", "-1 EPERM", "-1 EPERM", false, CTR__NR(430), {0, 0}},
    {"fspick", "-1 EPERM", "-1 EPERM", false, CTR__NR(433), {9999, 0, 0}},
    {"mount_setattr", "-1 EPERM", "-1 EPERM", true, CTR__NR(442), {9999, 0, 0}},
    {"pivot_root", "-1 EPERM", "-1 EPERM", false, SYS_pivot_root, {0, 0}},
    {"keyctl", "-1 EPERM", "-1 EPERM", true, SYS_keyctl, {0, (unsigned long)-3, 0}},
    {"request_key", "-1 EPERM", "-1 EPERM", true, SYS_request_key, {0, 0, 0}},
    {"add_key", "-1 EPERM", "-1 EPERM", true, SYS_add_key, {0, 0, 0}},
    {"a trace of init", "-1 EPERM", "-1 EPERM", false, SYS_ptrace, {16, 1, 0}},
    {"a trace", "-1 EPERM", "-1 EPERM", true, SYS_ptrace, {0, 0, 0}},
    {"memory of others", "-1 EPERM", "-1 EPERM", true, SYS_process_vm_readv, {1, 0, 0}},
    {"bpf", "-1 EPERM", "-1 EPERM", false, SYS_bpf, {0, 0, 0}},
    {"userfaultfd", "-1 EPERM", "-1 EPERM", true, SYS_userfaultfd, {1}},
    {"io_uring", "-1 EPERM", "-1 EPERM", true, CTR__NR(425), {1, 0}},
    {"perf", "-1 EPERM", "-1 EPERM", true, SYS_perf_event_open, {0, 0, 0}},
    {"a handle", "-1 EPERM", "-1 EPERM", false, SYS_open_by_handle_at, {0, 0, 0}},
    {"the log", "-1 EPERM", "-1 EPERM", false, SYS_syslog, {2, 0, 0}},
    {"TIOCSTI", "-1 EPERM", "-1 ENOTTY", true, SYS_ioctl, {0, TIOCSTI, 0}},
    {"TIOCSTI by another name",
     "-1 EPERM",
     "-1 ENOTTY",
     true,
     SYS_ioctl,
     {0, TIOCSTI | (ULONG_MAX ^ UINT32_MAX), 0}},
    {"TIOCLINUX", "-1 EPERM", "-1 ENOTTY", true, SYS_ioctl, {0, TIOCLINUX, 0}},
    {"AF_ALG", "-1 EAFNOSUPPORT", "-1 EPERM", false, SYS_socket, {38, SOCK_SEQPACKET, 0}},
    {"AF_VSOCK", "-1 EAFNOSUPPORT", "-1 EPERM", false, SYS_socket, {40, SOCK_STREAM, 0}},
    {"AF_PACKET", "-1 EAFNOSUPPORT", "-1 EPERM", true, SYS_socket, {17, SOCK_RAW, 0}},
    {"READ_IMPLIES_EXEC", "-1 EPERM", "-1 EPERM", true, SYS_personality, {0x0400000}},
    {"a socket", NULL, "-1 EPERM", true, SYS_socket, {AF_INET, SOCK_STREAM, 0}},
    {"a process", NULL, "-1 EPERM", true, SYS_clone, {SIGCHLD}},
    {"a signal", NULL, "-1 EPERM", true, SYS_kill, {1, 0}},
    {"an owner of what is open", NULL, "-1 EPERM", true, SYS_fcntl, {0, F_SETOWN, 1}},
    {"its signal", NULL, "-1 EPERM", true, SYS_fcntl, {0, F_SETSIG, SIGTERM}},
    {"a call of tomorrow", "-1 ENOSYS", "-1 ENOSYS", false, 600, {0}},
};
enum { ATTACKS = sizeof attacks / sizeof *attacks };

static const char *words_of(const attack *a) {
  return text("%ld:%lu:%lu:%lu", a->number, a->args[0], a->args[1], a->args[2]);
}

/* A message of strerror(3) where the probe knows no name. */
static const char *name_of(const char *said) {
  return strstr(said, strerror(EAFNOSUPPORT)) ? "-1 EAFNOSUPPORT"
         : strstr(said, strerror(ENOTTY))     ? "-1 ENOTTY"
                                              : said;
}

static void try_all(int p, bool in_userns) {
  box b = in_userns ? box_mapped() : box_new();
  b.config->linux_.seccomp.defaultAction = presets[p];
  for (size_t i = 0; i < ATTACKS; i++) {
    const char *should = p ? attacks[i].by_strict : attacks[i].by_default, *words;
    if (!should) continue;
    words = words_of(&attacks[i]);
    CHECK_RAN(box_run(&b, "call", words));
    const char *is = name_of(box_said(&b, words));
    CHECK_MSG(!strcmp(is, should), "%s: %s, should be %s", attacks[i].what, is, should);
  }
  box_free(&b);
}

TEST(what_an_attacker_would_call_is_refused_by_default) {
  try_all(0, false);
}

TEST(what_an_attacker_would_call_is_refused_by_default_in_a_user_namespace) {
  try_all(0, true);
}

TEST(what_an_attacker_would_call_is_refused_by_strict) {
  try_all(1, false);
}

/* It is not the kernel that refuses: this is what the presets are there for. */
TEST(without_a_preset_much_of_it_is_granted_or_looked_at) {
  box b = box_new();
  box_unfilter(&b);
  for (size_t i = 0; i < ATTACKS; i++) {
    const char *words = words_of(&attacks[i]);
    if (!attacks[i].is_granted) continue;
    box_run(&b, "call", words);
    const char *is = name_of(box_said(&b, words));
    const char *with = attacks[i].by_default ? attacks[i].by_default : attacks[i].by_strict;
    CHECK_MSG(strcmp(is, with) != 0, "%s: %s without a filter, too", attacks[i].what, is);
  }
  box_free(&b);
}

TEST(with_a_capability_comes_what_it_is_for) {
  box b = box_mapped();
  const char *mount_ = text("%ld:0:0:0", (long)SYS_mount);
  const char *spaces = text("%ld:%u", (long)SYS_unshare, NEWNS);
  CHECK_RAN(box_run(&b, "call", mount_, spaces));
  CHECK_STR(box_said(&b, mount_), "-1 EPERM");
  CHECK_STR(box_said(&b, spaces), "-1 EPERM");
  ctr_capabilities *caps = &b.config->process.capabilities;
  caps->bounding = caps->effective = caps->permitted = CTR_CAP(SYS_ADMIN);
  CHECK_RAN(box_run(&b, "call", mount_, spaces));
  CHECK_HAS(box_said(&b, mount_), strerror(EFAULT));
  CHECK_STR(box_said(&b, spaces), "0 ok");
  box_free(&b);
}

/* -- what runs -- */

/* The machine's own programs, as the default config has them. */
static const char *machine_says(int p, const char *program, const char *option, const char *code) {
  static char said[4096];
  box b = box_new();
  b.config->root = (ctr_root){"/", true};
  b.config->linux_.seccomp.defaultAction = presets[p];
  b.config->process.args = option ? CTR_STRS(program, option, code) : CTR_STRS(program, code);
  CHECK_RAN(box_go(&b));
  snprintf(said, sizeof said, "%s", b.code ? b.err.msg : b.out);
  box_free(&b);
  return said;
}

static bool is_there(const char *program) {
  return access(program, X_OK) == 0;
}

#define SHELL_ALONE                                                                                \
  "echo $((6 * 7)); read a b </proc/self/status; echo $a; echo text >/tmp/file; "                  \
  "read c </tmp/file; echo $c; test -e /nothing || exec cat /tmp/file"
#define SHELL_SAYS "42\nName:\ntext\ntext\n"

TEST(shells_run) {
  static const char *const shells[] = {"/bin/sh", "/bin/bash"};
  for (int p = 0; p < 2; p++)
    for (size_t i = 0; i < 2; i++)
      if (is_there(shells[i])) CHECK_STR(machine_says(p, shells[i], "-c", SHELL_ALONE), SHELL_SAYS);
  CHECK_STR(machine_says(0, "/bin/sh", "-c",
                         "for i in 1 2; do echo $i | cat; done; (exit 3) || "
                         "kill -0 $$ && mkdir /tmp/a && chmod 700 /tmp/a && "
                         "ln -s a /tmp/b && ls /tmp"),
            "1\n2\na\nb\n");
}

TEST(busybox_runs) {
  if (!is_there("/bin/busybox")) SKIP("there is no busybox");
  for (int p = 0; p < 2; p++) {
    box b = box_new();
    b.config->root = (ctr_root){"/", true};
    b.config->linux_.seccomp.defaultAction = presets[p];
    b.config->process.args = CTR_STRS("/bin/busybox", "sh", "-c", SHELL_ALONE);
    CHECK_RAN(box_go(&b));
    CHECK_STR(b.out, SHELL_SAYS);
    box_free(&b);
  }
}

TEST(python_runs) {
  if (!is_there("/usr/bin/python3")) SKIP("there is no python3");
  for (int p = 0; p < 2; p++)
    CHECK_STR(machine_says(p, "/usr/bin/python3", "-c",
                           "import hashlib, json, os, sys, tempfile, threading, time\n"
                           "found = []\n"
                           "threads = [threading.Thread(target=found.append, args=(i,)) for i in "
                           "range(8)]\n"
                           "[t.start() for t in threads]; [t.join() for t in threads]\n"
                           "print(sorted(found), hashlib.md5(b'x').hexdigest()[:4])\n"
                           "with tempfile.TemporaryDirectory() as d:\n"
                           "  open(d + '/a', 'w').write('text'); os.rename(d + '/a', d + '/b')\n"
                           "  print(os.listdir(d), len(os.urandom(4)), time.sleep(0.001))\n"),
              "[0, 1, 2, 3, 4, 5, 6, 7] 9dd4\n['b'] 4 None\n");
  CHECK_STR(machine_says(0, "/usr/bin/python3", "-c",
                         "import asyncio, multiprocessing, os, socket, subprocess\n"
                         "print(subprocess.check_output(['echo', '-n', 'a']))\n"
                         "with multiprocessing.Pool(2) as pool: print(pool.map(abs, [-1, -2]))\n"
                         "async def f(): await asyncio.sleep(0.001); return 3\n"
                         "print(asyncio.run(f()))\n"
                         "a = socket.create_server(('127.0.0.1', 0))\n"
                         "b = socket.create_connection(a.getsockname()); b.send(b'net')\n"
                         "print(a.accept()[0].recv(3), socket.if_nameindex()[0][1])\n"),
            "b'a'\n[1, 2]\n3\nb'net' lo\n");
}

/* The probe is static, and makes a thread. */
TEST(static_and_threaded_programs_run) {
  for (int p = 0; p < 2; p++) {
    box b = box_new();
    b.config->linux_.seccomp.defaultAction = presets[p];
    b.input = "through\n";
    CHECK_RAN(box_run(&b, "echo"));
    CHECK_STR(b.out, "through\n");
    CHECK_RAN(box_run(&b, "cat", "/proc/self/status"));
    CHECK_HAS(b.out, "Seccomp:\t2\n");
    CHECK_RAN(box_run(&b, "threads", "8"));
    CHECK_STR(box_said(&b, "threads"), "8");
    box_free(&b);
  }
}

static int computes(void *unused) {
  (void)unused;
  return getpid() > 0 && syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM ? 7 : 1;
}

TEST(functions_run_under_strict) {
  box b = box_new();
  b.config->linux_.seccomp.defaultAction = CTR_SECCOMP_STRICT;
  b.plan.call_function = true;
  b.process.function = computes;
  box_run(&b, "unused");
  CHECK_MSG(!b.code && b.exit.code == 7, "%s, code %d", b.err.msg, b.exit.code);
  box_free(&b);
}

static ctr_container *start_waiting(box *b, const char *program) {
  const ctr_container_desc desc = {.root = text("%s/states", b->dir),
                                   .plan = {.bundle = b->dir,
                                            .die_with_caller = true,
                                            .no_cgroup = true},
                                   .process = {.stdio = CTR_STDIO_FDS, .fds = {-1, -1, -1}}};
  ctr_container *c = NULL;
  b->config->process.args = CTR_STRS("/probe", program);
  CHECK_MSG(!ctr_container_run(b->config, "one", &desc, &c, &b->err), "%s", b->err.msg);
  return c;
}

static void end_waiting(box *b, ctr_container *c) {
  if (c) CHECK_MSG(!ctr_container_delete(c, true, &b->err), "%s", b->err.msg);
  ctr_container_free(c);
}

static ctr_process *start_in(box *b, ctr_container *c, const ctr_process_config *process) {
  const ctr_exec_desc desc = {.process = {.stdio = CTR_STDIO_PIPES}};
  ctr_process *p = NULL;
  b->code = ctr_container_exec(c, process, &desc, &p, &b->err);
  CHECK_MSG(!b->code, "%s", b->err.msg);
  return p;
}

static void run_in(box *b, ctr_container *c, const ctr_process_config *process) {
  ctr_process *p = start_in(b, c, process);
  ctr_exit status;
  free(b->out);
  free(b->complaints);
  b->out = b->complaints = NULL;
  if (p) box_exchange(b, ctr_process_io(p));
  if (p) b->code = ctr_process_wait(p, &status, &b->err);
  ctr_process_free(p);
}

TEST(what_joins_has_the_preset_by_its_own_capabilities) {
  box b = box_mapped();
  ctr_container *c = start_waiting(&b, "wait");
  for (int admin = 0; admin < 2 && c; admin++) {
    ctr_process_config process = ctr_container_config(c)->process;
    const char *words = text("%ld:0:0:0", (long)SYS_mount);
    process.args = CTR_STRS("/probe", "call", words);
    if (admin)
      process.capabilities = (ctr_capabilities){.bounding = CTR_CAP(SYS_ADMIN),
                                                .permitted = CTR_CAP(SYS_ADMIN),
                                                .effective = CTR_CAP(SYS_ADMIN)};
    run_in(&b, c, &process);
    CHECK_HAS(box_said(&b, words), admin ? strerror(EFAULT) : "EPERM");
  }
  end_waiting(&b, c);
  box_free(&b);
}

/* What it is called in there (proc_pid_status(5)). */
static const char *pid_inside(const ctr_process *process) {
  const char *status = get_file(text("/proc/%d/status", ctr_process_pid(process)));
  const char *line = strstr(status, "NSpid:"), *end = line ? strchr(line, '\n') : NULL;
  const char *last = end;
  while (last && last > line && last[-1] != '\t') last--;
  return last ? text("%.*s", (int)(end - last), last) : "none";
}

/* A pipe that becomes readable signals whoever is its owner: another process of the container, of
   the same user. The kernel does that, whatever the filter says of kill(2). */
static void signal_by_pipe(box *b, ctr_container *c, const char *should, int ended_by) {
  ctr_process_config process = ctr_container_config(c)->process;
  ctr_exit status = {0};
  process.args = CTR_STRS("/probe", "wait");
  ctr_process *victim = start_in(b, c, &process);
  if (!victim) return;
  process.args = CTR_STRS("/probe", "sigio", pid_inside(victim));
  run_in(b, c, &process);
  CHECK_STR(b->out ? b->out : b->err.msg, should);
  CHECK(!ctr_process_signal(victim, SIGKILL, &b->err)); /* too late, if there was one before */
  CHECK(!ctr_process_wait(victim, &status, &b->err));
  CHECK_NUM(status.signal, ended_by);
  ctr_process_free(victim);
}

TEST(what_is_open_signals_nobody_else_under_strict) {
  static const char *const said[] = {
      "F_SETOWN ok\nF_SETOWN_EX ok\nF_SETSIG ok\nO_ASYNC ok\n",
      "F_SETOWN EPERM\nF_SETOWN_EX EPERM\nF_SETSIG EPERM\nO_ASYNC EPERM\n"};
  for (int p = 0; p < 2; p++) {
    box b = box_mapped();
    b.config->linux_.seccomp.defaultAction = presets[p];
    ctr_container *c = start_waiting(&b, "wait");
    if (c) signal_by_pipe(&b, c, said[p], p ? SIGKILL : SIGTERM);
    end_waiting(&b, c);
    box_free(&b);
  }
}

TEST_MAIN
