/* Identity: each field of process (and what of linux is about the process), read back from
   inside. */
#include "box.h"

#include <sched.h>

/* The default with nothing asked for: what every test below differs from. */
TEST(the_default_is_a_small_identity) {
  box b = box_new();
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "uid"), "0 0 0");
  CHECK_STR(box_said(&b, "gid"), "0 0 0");
  CHECK_STR(box_said(&b, "pid"), "1");
  CHECK_STR(box_said(&b, "sid"), "1");
  CHECK_STR(box_said(&b, "hostname"), "ctr");
  CHECK_STR(box_said(&b, "cwd"), "/");
  CHECK_STR(box_said(&b, "descriptors"), "0 1 2");
  CHECK_STR(box_said(&b, "SigBlk"), "0000000000000000");
  CHECK_STR(box_said(&b, "SigIgn"), "0000000000000000");
  CHECK_STR(box_said(&b, "CapEff"), "0000000020000420"); /* AUDIT_WRITE, KILL, NET_BIND_SERVICE */
  CHECK_STR(box_said(&b, "CapPrm"), "0000000020000420");
  CHECK_STR(box_said(&b, "CapBnd"), "0000000020000420");
  CHECK_STR(box_said(&b, "CapInh"), "0000000000000000");
  CHECK_STR(box_said(&b, "CapAmb"), "0000000000000000");
  CHECK_STR(box_said(&b, "NoNewPrivs"), "1");
  CHECK_STR(box_said(&b, "loopback"), "up");
  box_free(&b);
}

TEST(arguments_and_environment_arrive_as_they_are) {
  box b = box_new();
  b.config->process.env = CTR_STRS("A=1", "EMPTY=", "TWO=a=b", "A=2");
  CHECK_RAN(box_run(&b, "self", "", "with blank", "\xff\xfe"));
  CHECK_STR(box_said(&b, "arg0"), "/probe");
  CHECK_STR(box_said(&b, "arg2"), "");
  CHECK_STR(box_said(&b, "arg3"), "with blank");
  CHECK_STR(box_said(&b, "arg4"), "\xff\xfe");
  CHECK_HAS(b.out, "env A=1\nenv EMPTY=\nenv TWO=a=b\nenv A=2\nuid");
  box_free(&b);
}

TEST(uid_gid_and_groups_are_taken) {
  static const uint32_t groups[] = {5, 6, 100};
  for (int in_userns = 0; in_userns < 2; in_userns++) {
    box b = in_userns ? box_mapped() : box_new();
    b.config->process.user = (ctr_user){.uid = 1000, .gid = 1001, .additionalGids = {groups, 3}};
    CHECK_RAN(box_run(&b, "self"));
    CHECK_STR(box_said(&b, "uid"), "1000 1000 1000");
    CHECK_STR(box_said(&b, "gid"), "1001 1001 1001");
    CHECK_STR(box_said(&b, "groups"), "5 6 100");
    box_free(&b);
  }
}

TEST(the_callers_groups_are_not_kept) {
  static const gid_t groups[] = {7, 8};
  gid_t before[64];
  int count = getgroups(64, before);
  CHECK(setgroups(2, groups) == 0);
  for (int in_userns = 0; in_userns < 2; in_userns++) {
    box b = in_userns ? box_mapped() : box_new();
    CHECK_RAN(box_run(&b, "self"));
    CHECK_STR(box_said(&b, "groups"), "");
    box_free(&b);
  }
  CHECK(setgroups((size_t)count, before) == 0);
}

/* Root inside is the caller outside: files it makes belong to the caller. */
TEST(root_inside_is_the_caller_outside) {
  box b = box_new();
  CHECK_RAN(box_run(&b, "make", "/made"));
  struct stat st;
  CHECK(stat(in_root(&b, "made"), &st) == 0);
  CHECK_NUM(st.st_uid, geteuid());
  CHECK_NUM(st.st_gid, getegid());
  box_free(&b);
}

TEST(root_of_a_map_is_who_it_says) {
  box b = box_mapped();
  CHECK_RAN(box_run(&b, "make", "/made"));
  struct stat st;
  CHECK(stat(in_root(&b, "made"), &st) == 0);
  CHECK_NUM(st.st_uid, me().root_uid);
  CHECK_NUM(st.st_gid, me().root_gid);
  CHECK_RAN(box_run(&b, "cat", "/proc/self/uid_map"));
  CHECK_HAS(b.out, text("0 %10u ", me().root_uid));
  box_free(&b);
}

/* Of a default as of a map that the test makes: the first after root. */
TEST(ids_of_a_map_are_those_outside) {
  box b = box_mapped();
  uint32_t uid = 0, gid = 0;
  CHECK(ctr__id_mapped(b.config->linux_.uidMappings, 1, &uid));
  CHECK(ctr__id_mapped(b.config->linux_.gidMappings, 1, &gid));
  CHECK(uid > me().root_uid && gid > me().root_gid);
  chmod(in_root(&b, ""), 0777);
  b.config->process.user = (ctr_user){.uid = 1, .gid = 1};
  CHECK_RAN(box_run(&b, "make", "/made"));
  struct stat st = {0};
  CHECK(stat(in_root(&b, "made"), &st) == 0);
  CHECK_NUM(st.st_uid, uid);
  CHECK_NUM(st.st_gid, gid);
  box_free(&b);
}

TEST(one_can_be_oneself_inside) {
  box b = box_of(CTR_DEFAULT_SINGLE_ID);
  box_map(&b, (ctr_id_mapping){geteuid(), geteuid(), 1}, (ctr_id_mapping){getegid(), getegid(), 1});
  b.config->process.user = (ctr_user){.uid = geteuid(), .gid = getegid()};
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "uid"), text("%u %u %u", geteuid(), geteuid(), geteuid()));
  CHECK_STR(box_said(&b, "gid"), text("%u %u %u", getegid(), getegid(), getegid()));
  box_free(&b);
}

TEST(umask_is_set_or_the_callers) {
  box b = box_new();
  mode_t before = umask(027);
  CHECK_STR(box_said(box_run(&b, "self"), "umask"), "0027");
  b.config->process.user.umask = (ctr_uint){true, 077};
  CHECK_STR(box_said(box_run(&b, "self"), "umask"), "0077");
  b.config->process.user.umask = (ctr_uint){true, 0};
  CHECK_STR(box_said(box_run(&b, "self"), "umask"), "0000");
  CHECK_NUM(umask(before), 027);
  box_free(&b);
}

/* -- capabilities -- */

TEST(each_capability_set_is_what_was_asked_for) {
  box b = box_new();
  b.config->process.noNewPrivileges = false;
  b.config->process.capabilities =
      (ctr_capabilities){.bounding = CTR_CAP(CHOWN) | CTR_CAP(KILL) | CTR_CAP(SETUID),
                         .permitted = CTR_CAP(CHOWN) | CTR_CAP(KILL),
                         .effective = CTR_CAP(KILL),
                         .inheritable = CTR_CAP(KILL) | CTR_CAP(SETUID),
                         .ambient = CTR_CAP(KILL)};
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "CapBnd"), "00000000000000a1");
  CHECK_STR(box_said(&b, "CapInh"), "00000000000000a0");
  CHECK_STR(box_said(&b, "CapAmb"), "0000000000000020");
  box_free(&b);
}

/* For a user that is not root execve keeps only what is ambient. */
TEST(an_ordinary_process_has_the_ambient_capabilities) {
  const uint64_t caps = CTR_CAP(NET_BIND_SERVICE);
  box b = box_plain(box_new());
  b.config->process.capabilities = (ctr_capabilities){caps, caps, caps, caps, caps};
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "CapPrm"), "0000000000000400");
  CHECK_STR(box_said(&b, "CapEff"), "0000000000000400");
  CHECK_STR(box_said(&b, "CapAmb"), "0000000000000400");
  box_free(&b);
}

TEST(no_capability_asked_for_is_none) {
  box b = box_new();
  b.config->process.capabilities = (ctr_capabilities){0};
  CHECK_RAN(box_run(&b, "self"));
  static const char *const sets[] = {"CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"};
  for (size_t i = 0; i < 5; i++) CHECK_STR(box_said(&b, sets[i]), "0000000000000000");
  box_free(&b);
}

TEST(an_ambient_capability_that_cannot_be_is_left_out_with_a_warning) {
  box b = box_new();
  b.config->process.capabilities.ambient = CTR_CAP(KILL);
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "CapAmb"), "0000000000000000");
  CHECK_HAS(b.warnings, "process.capabilities.ambient");
  box_free(&b);
}

/* CVE-2022-29162: nothing of the caller's inheritable set gets in. */
TEST(the_callers_inheritable_capabilities_stay_outside) {
  struct {
    uint32_t version;
    int32_t pid;
  } head = {0x20080522, 0};
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2], before[2];
  CHECK(syscall(SYS_capget, &head, data) == 0);
  memcpy(before, data, sizeof data);
  data[0].inheritable = data[0].permitted;
  CHECK(syscall(SYS_capset, &head, data) == 0);
  CHECK(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CTR_CAP_CHOWN, 0, 0) == 0);
  box b = box_new();
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "CapInh"), "0000000000000000");
  CHECK_STR(box_said(&b, "CapAmb"), "0000000000000000");
  CHECK(syscall(SYS_capset, &head, before) == 0);
  box_free(&b);
}

TEST(no_new_privileges_is_set_or_not) {
  box b = box_new();
  b.config->process.noNewPrivileges = false;
  CHECK_STR(box_said(box_run(&b, "self"), "NoNewPrivs"), "0");
  b.config->process.noNewPrivileges = true;
  CHECK_STR(box_said(box_run(&b, "self"), "NoNewPrivs"), "1");
  box_free(&b);
}

/* -- limits and priorities -- */

TEST(every_rlimit_is_set) {
  for (int type = 0; type < 16; type++) {
    struct rlimit64 now;
    CHECK(syscall(SYS_prlimit64, 0, type, NULL, &now) == 0);
    /* Low enough for everyone, high enough to start a program under; and no more seconds of cpu
       than the kernel can count in nanoseconds. */
    uint64_t hard = now.rlim_max < 1000 ? now.rlim_max : now.rlim_max / 2;
    hard = hard < 1 << 30 ? hard : 1 << 30;
    const uint64_t soft = hard - hard / 4;
    const ctr_rlimit limit = {(ctr_rlimit_type)(type + 1), soft, hard};
    box b = box_new();
    b.config->process.rlimits = (ctr_rlimits){&limit, 1};
    CHECK_RAN(box_run(&b, "self"));
    CHECK_STR(box_said(&b, text("rlimit%d", type)),
              text("%lld %lld", (long long)soft, (long long)hard));
    box_free(&b);
  }
}

TEST(a_limit_can_be_none_at_all) {
  struct rlimit64 now;
  CHECK(syscall(SYS_prlimit64, 0, RLIMIT_CPU, NULL, &now) == 0);
  if (now.rlim_max != UINT64_MAX) SKIP("the hard limit on cpu time is not unlimited here");
  const ctr_rlimit limit = {CTR_RLIMIT_CPU, UINT64_MAX, UINT64_MAX};
  box b = box_new();
  b.config->process.rlimits = (ctr_rlimits){&limit, 1};
  CHECK_STR(box_said(box_run(&b, "self"), "rlimit0"), "-1 -1");
  box_free(&b);
}

TEST(raising_a_hard_limit_needs_the_right_to) {
  struct rlimit64 now;
  CHECK(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &now) == 0);
  const uint64_t more = now.rlim_max + 1;
  const ctr_rlimit limits[] = {{CTR_RLIMIT_CORE, 0, 0}, {CTR_RLIMIT_NOFILE, more, more}};
  box b = box_mapped();
  b.config->process.rlimits = (ctr_rlimits){limits, 2};
  box_run(&b, "self");
  if (me().may_raise_limits)
    CHECK_STR(box_said(&b, "rlimit7"), text("%llu %llu", (long long)more, (long long)more));
  else
    CHECK_REFUSED(&b, "process.rlimits[1]", "takes CAP_SYS_RESOURCE");
  box_free(&b);
}

TEST(oom_score_adj_goes_up) {
  for (int in_userns = 0; in_userns < 2; in_userns++) {
    box b = in_userns ? box_mapped() : box_new();
    b.config->process.oomScoreAdj = (ctr_int){true, 500};
    CHECK_RAN(box_run(&b, "self"));
    CHECK_STR(box_said(&b, "oom_score_adj"), "500");
    box_free(&b);
  }
}

TEST(oom_score_adj_goes_down_only_with_the_right_to) {
  box b = box_new();
  b.config->process.oomScoreAdj = (ctr_int){true, -1000};
  box_run(&b, "self");
  if (me().may_raise_limits)
    CHECK_STR(box_said(&b, "oom_score_adj"), "-1000");
  else
    CHECK_REFUSED(&b, "process.oomScoreAdj", "CAP_SYS_RESOURCE");
  box_free(&b);
}

TEST(the_scheduler_is_set) {
  box b = box_new();
  b.config->process.scheduler = (ctr_scheduler){.policy = CTR_SCHED_BATCH, .nice = 5};
  CHECK_STR(box_said(box_run(&b, "self"), "sched"), "3 nice 5 priority 0");
  b.config->process.scheduler = (ctr_scheduler){.policy = CTR_SCHED_IDLE};
  CHECK_STR(box_said(box_run(&b, "self"), "sched"), "5 nice 0 priority 0");
  b.config->process.scheduler = (ctr_scheduler){.policy = CTR_SCHED_OTHER, .nice = 19};
  CHECK_STR(box_said(box_run(&b, "self"), "sched"), "0 nice 19 priority 0");
  box_free(&b);
}

static void check_realtime(box b) {
  b.config->process.scheduler = (ctr_scheduler){.policy = CTR_SCHED_FIFO, .priority = 7};
  box_run(&b, "self");
  if (me().may_be_real_time)
    CHECK_STR(box_said(&b, "sched"), "1 nice 0 priority 7");
  else
    CHECK_REFUSED(&b, "process.scheduler.policy", "CAP_SYS_NICE");
  box_free(&b);
}

TEST(a_realtime_scheduler_is_set_for_who_may) {
  check_realtime(box_new());
  check_realtime(box_mapped());
}

TEST(the_io_priority_is_set) {
  box b = box_new();
  b.config->process.ioPriority = (ctr_io_priority){CTR_IOPRIO_CLASS_BE, 6};
  CHECK_STR(box_said(box_run(&b, "self"), "ioprio"), text("%d", 2 << 13 | 6));
  b.config->process.ioPriority = (ctr_io_priority){CTR_IOPRIO_CLASS_IDLE, 0};
  CHECK_STR(box_said(box_run(&b, "self"), "ioprio"), text("%d", 3 << 13));
  box_free(&b);
}

TEST(the_personality_is_set) {
  box b = box_new();
  b.config->linux_.personality.domain = CTR_PER_LINUX32;
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "personality"), "0x8");
#ifdef __x86_64__
  CHECK_STR(box_said(&b, "machine"), "i686");
#endif
  box_free(&b);
}

TEST(the_memory_policy_is_set) {
  box b = box_new();
  b.config->linux_.memoryPolicy = (ctr_memory_policy){.mode = CTR_MPOL_BIND, .nodes = "0"};
  box_run(&b, "self");
  if (b.code && b.err.sys == ENOSYS) SKIP("this kernel has no NUMA");
  CHECK_STR(box_said(&b, "mempolicy"), "2 nodes 0x1");
  b.config->linux_.memoryPolicy = (ctr_memory_policy){.mode = CTR_MPOL_LOCAL};
  CHECK_STR(box_said(box_run(&b, "self"), "mempolicy"), "4 nodes 0");
  box_free(&b);
}

/* -- the rest -- */

TEST(the_host_and_domain_name_are_set) {
  box b = box_new();
  b.config->hostname = "a-host.example";
  b.config->domainname = "a-domain";
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "hostname"), "a-host.example");
  CHECK_STR(box_said(&b, "domainname"), "a-domain");
  box_free(&b);
}

TEST(the_working_directory_is_entered_and_made_when_missing) {
  box b = box_new();
  b.config->process.cwd = "/tmp/a/b";
  CHECK_STR(box_said(box_run(&b, "self"), "cwd"), "/tmp/a/b");
  b.config->process.cwd = "/tmp/../dev/./shm";
  CHECK_STR(box_said(box_run(&b, "self"), "cwd"), "/dev/shm");
  box_free(&b);
}

TEST(a_working_directory_that_only_the_user_may_enter_is_entered) {
  box b = box_plain(box_of(me().simplest));
  mkdir(in_root(&b, "home"), 0700);
  CHECK(chown(in_root(&b, "home"), me().plain_uid, me().plain_gid) == 0);
  b.config->process.cwd = "/home";
  CHECK_STR(box_said(box_run(&b, "self"), "cwd"), "/home");
  box_free(&b);
}

/* CVE-2024-21626: a descriptor of the host as the way to a working directory outside. */
TEST(a_working_directory_outside_is_refused) {
  box b = box_new();
  int host[8];
  for (int i = 0; i < 8; i++) host[i] = open("/", O_RDONLY | O_DIRECTORY); /* not close-on-exec */
  for (int fd = 3; fd < 16; fd++)
    for (int up = 0; up < 2; up++) {
      b.config->process.cwd = text("/proc/self/fd/%d%s", fd, up ? "/../.." : "");
      box_run(&b, "self");
      CHECK_MSG(b.code || *box_said(&b, "cwd") == '/', "%s: %s", b.config->process.cwd,
                box_said(&b, "cwd"));
      CHECK_MSG(!b.code || !strcmp(b.err.field, "process.cwd"), "%s", b.err.msg);
    }
  for (int i = 0; i < 8; i++) close(host[i]);
  box_free(&b);
}

/* A process of the host that the user of box_plain may look into. */
static pid_t bystander(void) {
  const tester who = me();
  pid_t pid = fork();
  if (pid != 0) return pid;
  if (setresgid(who.plain_gid, who.plain_gid, who.plain_gid) ||
      setresuid(who.plain_uid, who.plain_uid, who.plain_uid))
    _exit(1);
  prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  for (;;) pause();
}

/* The runtime's own descriptors of the host are no way out either: an image whose program is a link
   through them (CVE-2024-21626, CVE-2019-5736). */
TEST(a_program_of_the_host_is_out_of_reach) {
  box b = box_plain(box_of(me().simplest));
  pid_t pid = bystander();
  b.config->process.capabilities = (ctr_capabilities){0};
  for (int fd = 3; fd < 12; fd++) {
    char target[300];
    snprintf(target, sizeof target, "/proc/self/fd/%d/%d/root%s", fd, pid, in_root(&b, "probe"));
    unlink(in_root(&b, "app"));
    CHECK(symlink(target, in_root(&b, "app")) == 0);
    b.config->process.args = CTR_STRS("/app", "self");
    box_start(&b);
    CHECK_REFUSED(&b, "process.args[0]", "find the program /app");
    free(b.out), free(b.complaints);
    b.out = b.complaints = NULL;
  }
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  box_free(&b);
}

TEST(the_callers_descriptors_do_not_get_in) {
  box b = box_new();
  int host[20];
  for (int i = 0; i < 20; i++) host[i] = open("/", O_RDONLY | O_DIRECTORY); /* not close-on-exec */
  CHECK_STR(box_said(box_run(&b, "self"), "descriptors"), "0 1 2");
  for (int i = 0; i < 20; i++) close(host[i]);
  box_free(&b);
}

TEST(the_callers_signal_settings_do_not_get_in) {
  box b = box_new();
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, &before);
  signal(SIGHUP, SIG_IGN);
  /* libc refuses to touch the first real-time signals, but a caller can be started like this. */
  static const uint64_t ignore[8] = {1 /* SIG_IGN */};
  CHECK(syscall(SYS_rt_sigaction, 32, ignore, NULL, (size_t)8) == 0);
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "SigBlk"), "0000000000000000");
  CHECK_STR(box_said(&b, "SigIgn"), "0000000000000000");
  sigset_t now;
  sigprocmask(SIG_SETMASK, &before, &now);
  CHECK(sigismember(&now, SIGTERM) && sigismember(&now, SIGUSR1));
  signal(SIGHUP, SIG_DFL);
  box_free(&b);
}

TEST(the_session_keyring_is_a_new_one) {
  syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL);
  long key = syscall(SYS_add_key, "user", "ctr-test", "secret", (size_t)6,
                     -3 /* KEY_SPEC_SESSION_KEYRING */);
  if (key < 0 && errno == ENOSYS) SKIP("this kernel has no keyrings");
  CHECK(key > 0);
  box b = box_new();
  CHECK_STR(box_said(box_run(&b, "self", "ctr-test"), "key"), "EPERM"); /* by the preset */
  box_unfilter(&b);
  CHECK_STR(box_said(box_run(&b, "self", "ctr-test"), "key"), "ENOKEY");
  b.plan.no_new_keyring = true;
  const char *kept = box_said(box_run(&b, "self", "ctr-test"), "key");
  CHECK_MSG(strcmp(kept, "ENOKEY") != 0, "with no_new_keyring the key is %s", kept);
  box_free(&b);
}

/* -- the program -- */

TEST(the_program_is_looked_for_in_the_containers_path) {
  box b = box_new();
  mkdir(in_root(&b, "tools"), 0755);
  CHECK(link(in_root(&b, "probe"), in_root(&b, "tools/there")) == 0);
  b.config->process.env = CTR_STRS("PATH=/nowhere:/tools");
  b.config->process.args = CTR_STRS("there", "self");
  CHECK_RAN(box_go(&b));
  CHECK_STR(box_said(&b, "arg0"), "there");
  box_free(&b);
}

TEST(a_program_that_cannot_be_run_is_named_before_the_start) {
  static const struct {
    const char *program, *path, *part;
  } rows[] = {
      {"nothing", "PATH=/bin", "executable file not found in $PATH"},
      {"nothing", "A=1", "executable file not found in $PATH"},
      {"/nothing", "A=1", "No such file or directory"},
      {"/tmp", "A=1", "Permission denied"},
      {"/unexecutable", "A=1", "Permission denied"},
      {"unexecutable", "PATH=/", "Permission denied"},
      {"/text", "A=1", "Exec format error"},
      {"/script", "A=1", "No such file or directory"},
  };
  box b = box_new();
  put_file(in_root(&b, "unexecutable"), "x");
  put_file(in_root(&b, "text"), "just text\n");
  put_file(in_root(&b, "script"), "#!/no/such/interpreter\n");
  chmod(in_root(&b, "text"), 0755);
  chmod(in_root(&b, "script"), 0755);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *env[] = {rows[i].path};
    b.config->process.env = (ctr_strs){env, 1};
    b.config->process.args = CTR_STRS(rows[i].program);
    box_go(&b);
    CHECK_REFUSED(&b, "process.args[0]", rows[i].part);
  }
  box_free(&b);
}

TEST_MAIN
