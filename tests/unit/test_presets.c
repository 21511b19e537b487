/* The presets of linux.seccomp: each row of the table in the program that is made of it; what must
   be allowed and refused, known without the table; entries of one's own before a preset; how one is
   asked for. */
#include "plan.h"

#include "../filters.h"

#define NO_NEW .process = ",'noNewPrivileges':true"

static const ctr_seccomp_action presets[] = {CTR_SECCOMP_DEFAULT, CTR_SECCOMP_STRICT};
static const char *const names[] = {"default", "strict"};

/* Makes the filter of a config that has the capabilities, with entries of one's own if there are.
 */
static const insn *filter_of(ctr_seccomp_action preset, uint64_t caps, ctr_syscalls own) {
  const setup s = {NO_NEW};
  forget();
  ctr_config *config = config_of(&now.mem, &s, &now.err);
  config->process.capabilities = (ctr_capabilities){.permitted = caps};
  config->linux_.seccomp = (ctr_seccomp){.defaultAction = preset, .syscalls = own};
  compile_config(config, &s);
  const ctr__step *step = step_of(CTR__STEP_FILTER);
  const insn *code = step ? ctr__plan_data(now.plan, step->str[1]) : NULL;
  const char *wrong = code ? why_no_filter(code, (size_t)step->num[0]) : now.err.msg;
  CHECK_MSG(!wrong, "no filter: %s", wrong);
  return wrong ? NULL : code;
}

static uint32_t says(const insn *code, const char *name, uint64_t a, uint64_t b, uint64_t c) {
  const call about = {.number = (uint32_t)number_of(name), .arch = OWN_ARCH, .args = {a, b, c}};
  return code ? answer_of(code, &about, NULL) : 0xbad;
}

static const char *word_of(uint32_t answer) {
  static char text[32];
  if (answer == ALLOW) return "allowed";
  snprintf(text, sizeof text, "%s",
           answer == (ERRNO | EPERM)          ? "EPERM"
           : answer == (ERRNO | ENOSYS)       ? "ENOSYS"
           : answer == (ERRNO | EAFNOSUPPORT) ? "EAFNOSUPPORT"
           : answer == (ERRNO | ENOTTY)       ? "ENOTTY"
           : answer == (ERRNO | EINVAL)       ? "EINVAL"
           : answer == KILL_PROCESS           ? "killed"
                                              : "?");
  return text;
}

/* -- what the table says -- */

static const ctr__call_guard *guard_of(const char *name, uint32_t preset, uint64_t caps) {
  for (size_t i = 0; i < CTR__CALL_GUARDS; i++) {
    const ctr__call_guard *g = &ctr__call_guards[i];
    if (!strcmp(g->call, name) && (g->presets & preset) &&
        (preset == CTR__IN_STRICT || !(g->caps & caps)))
      return g;
  }
  return NULL;
}

static uint32_t guard_says(const ctr__call_guard *guard, const call *about, uint64_t caps) {
  for (const ctr__call_rule *r = guard->rules; r->answer; r++) {
    bool matches = !r->caps || (r->caps & caps);
    for (size_t i = 0; i < sizeof r->args / sizeof *r->args; i++)
      if (r->args[i].op) matches &= arg_matches(&r->args[i], about);
    if (matches) return r->answer;
  }
  return guard->otherwise;
}

static void check_row(const insn *code, int row, uint32_t preset, uint64_t caps) {
  const char *name = ctr__syscall_rows[row].name;
  const ctr__call_group *group = &ctr__call_groups[ctr__syscall_rows[row].group];
  const ctr__call_guard *guard = guard_of(name, preset, caps);
  const bool widened = preset == CTR__IN_DEFAULT && (group->caps & caps);
  const uint32_t whole = (group->presets & preset) || widened ? ALLOW : group->refusal;
  static const uint64_t upper[] = {0, UINT64_C(1) << 32, UINT64_MAX << 32};
  if (number_of(name) < 0) return;
  call about = {.number = (uint32_t)number_of(name), .arch = OWN_ARCH};
  CHECK_MSG(guard || answer_of(code, &about, NULL) == whole, "%s is %s", name,
            word_of(answer_of(code, &about, NULL)));
  for (const ctr__call_rule *r = guard ? guard->rules : NULL; r && r->answer; r++)
    for (uint64_t n = 0; n < 3 * 3 * 3 * 3; n++) {
      const uint64_t near[] = {0, 1, UINT64_MAX};
      memset(about.args, 0, sizeof about.args);
      about.args[r->args[0].index] = (r->args[0].valueTwo + near[n % 3]) | upper[n / 3 % 3];
      if (r->args[1].op) about.args[r->args[1].index] = r->args[1].valueTwo + near[n / 9 % 3];
      if (r->args[2].op) about.args[r->args[2].index] = r->args[2].valueTwo + near[n / 27];
      const uint32_t is = answer_of(code, &about, NULL), should = guard_says(guard, &about, caps);
      CHECK_MSG(is == should, "%s(%#llx, %#llx): %s", name, (unsigned long long)about.args[0],
                (unsigned long long)about.args[1], word_of(is));
    }
}

TEST(each_call_gets_what_its_group_says) {
  for (int p = 0; p < 2; p++)
    for (int cap = -2; cap < CTR_CAP_COUNT; cap++) {
      const uint64_t caps = cap == -2 ? 0 : cap == -1 ? ALL_CAPS : UINT64_C(1) << cap;
      const insn *code = filter_of(presets[p], caps, (ctr_syscalls){0});
      for (int row = 0; row < CTR__SYSCALL_ROWS && code; row++)
        check_row(code, row, p ? CTR__IN_STRICT : CTR__IN_DEFAULT, caps);
    }
}

TEST(the_table_is_whole) {
  unsigned calls[CTR__CALL_GROUP_COUNT] = {0};
  for (int row = 0; row < CTR__SYSCALL_ROWS; row++) calls[ctr__syscall_rows[row].group]++;
  for (size_t i = 0; i < CTR__CALL_GROUP_COUNT; i++) {
    const ctr__call_group *g = &ctr__call_groups[i];
    CHECK_MSG(calls[i], "no call is in the group %s", g->name);
    CHECK_MSG(!(g->presets & CTR__IN_STRICT) || (g->presets & CTR__IN_DEFAULT),
              "%s: strict allows more than default", g->name);
    CHECK_MSG(!g->presets || !g->caps, "%s is allowed and widened", g->name);
  }
  for (size_t i = 0; i < CTR__CALL_GUARDS; i++) {
    const ctr__call_guard *g = &ctr__call_guards[i];
    const int row = ctr__syscall_find(g->call);
    CHECK_MSG(row >= 0, "%s is no call", g->call);
    if (row < 0) continue;
    const uint32_t allowed = ctr__call_groups[ctr__syscall_rows[row].group].presets;
    CHECK_MSG((allowed & g->presets) == g->presets, "%s is refused and looked at", g->call);
  }
}

/* -- what is known without the table -- */

enum { NEWUSER = 0x10000000, NEWNS = 0x20000, NEWTIME = 0x80, THREAD = 0x3d0f00 };
#define UPPER (UINT64_C(1) << 32)

typedef struct expected {
  const char *call;
  uint64_t a, b, c;
  const char *by_default, *by_strict;
} expected;

static void check_expected(const expected *rows, size_t count) {
  for (int p = 0; p < 2; p++) {
    const insn *code = filter_of(presets[p], 0, (ctr_syscalls){0});
    for (size_t i = 0; i < count && code; i++) {
      const expected *row = &rows[i];
      const char *should = p ? row->by_strict : row->by_default;
      if (number_of(row->call) < 0) continue;
      const char *is = word_of(says(code, row->call, row->a, row->b, row->c));
      CHECK_MSG(!strcmp(is, should), "%s: %s(%#llx, %#llx) is %s, should be %s", names[p],
                row->call, (unsigned long long)row->a, (unsigned long long)row->b, is, should);
    }
  }
}

#define CHECK_EXPECTED(...)                                                                        \
  do {                                                                                             \
    static const expected rows[] = {__VA_ARGS__};                                                  \
    check_expected(rows, sizeof rows / sizeof *rows);                                              \
  } while (0)

TEST(what_every_program_does_is_allowed) {
  CHECK_EXPECTED(
      {"read", 0, 0, 0, "allowed", "allowed"}, {"openat", 0, 0, 0, "allowed", "allowed"},
      {"mmap", 0, 0, 0, "allowed", "allowed"}, {"execve", 0, 0, 0, "allowed", "allowed"},
      {"exit_group", 0, 0, 0, "allowed", "allowed"},
      {"rt_sigreturn", 0, 0, 0, "allowed", "allowed"}, {"futex", 0, 0, 0, "allowed", "allowed"},
      {"clock_gettime", 0, 0, 0, "allowed", "allowed"},
      {"getrandom", 0, 0, 0, "allowed", "allowed"}, {"unlinkat", 0, 0, 0, "allowed", "allowed"},
      {"recvmsg", 0, 0, 0, "allowed", "allowed"}, {"wait4", 0, 0, 0, "allowed", "allowed"},
      {"prlimit64", 0, 0, 0, "allowed", "allowed"}, {"prlimit64", 1, 0, 0, "allowed", "EPERM"},
      {"prctl", 15, 0, 0, "allowed", "allowed"}, /* PR_SET_NAME */
      {"prctl", 35, 0, 0, "allowed", "EINVAL"} /* PR_SET_MM */);
}

TEST(processes_are_for_default_and_threads_for_both) {
  CHECK_EXPECTED({"clone", 17, 0, 0, "allowed", "EPERM"},
                 {"clone", THREAD, 0, 0, "allowed", "allowed"},
                 {"clone", NEWUSER | 17, 0, 0, "EPERM", "EPERM"},
                 {"clone", UPPER | NEWUSER, 0, 0, "EPERM", "EPERM"},
                 {"clone", NEWNS | THREAD, 0, 0, "EPERM", "EPERM"},
                 {"clone3", 0, 0, 0, "ENOSYS", "ENOSYS"},
                 {"unshare", 0x400, 0, 0, "allowed", "EPERM"}, /* CLONE_FILES */
                 {"unshare", NEWUSER, 0, 0, "EPERM", "EPERM"},
                 {"unshare", NEWTIME, 0, 0, "EPERM", "EPERM"}, {"setns", 0, 0, 0, "EPERM", "EPERM"},
                 {"kill", 0, 0, 0, "allowed", "EPERM"}, {"tgkill", 0, 0, 0, "allowed", "allowed"},
                 {"setuid", 0, 0, 0, "allowed", "EPERM"}, {"chmod", 0, 0, 0, "allowed", "EPERM"},
                 {"seccomp", 0, 0, 0, "allowed", "EPERM"});
}

/* Signals that the kernel sends for what is open go to whom F_SETOWN says. */
TEST(signals_by_what_is_open_are_not_for_strict) {
  CHECK_EXPECTED({"fcntl", 0, 1, 0, "allowed", "allowed"},     /* F_GETFD */
                 {"fcntl", 0, 2, 1, "allowed", "allowed"},     /* F_SETFD */
                 {"fcntl", 0, 4, 0x800, "allowed", "allowed"}, /* F_SETFL, O_NONBLOCK */
                 {"fcntl", 0, 4, 0x2800, "allowed", "EPERM"},  /* with O_ASYNC */
                 {"fcntl", 0, 4 + UPPER, 0x2000, "allowed", "EPERM"},
                 {"fcntl", 0, 8, 1, "allowed", "EPERM"}, /* F_SETOWN */
                 {"fcntl", 0, 8 + UPPER, 1, "allowed", "EPERM"},
                 {"fcntl", 0, 9, 0, "allowed", "allowed"},    /* F_GETOWN */
                 {"fcntl", 0, 10, 9, "allowed", "EPERM"},     /* F_SETSIG */
                 {"fcntl", 0, 15, 0, "allowed", "EPERM"},     /* F_SETOWN_EX */
                 {"fcntl", 0, 1030, 0, "allowed", "allowed"}, /* F_DUPFD_CLOEXEC */
                 {"fcntl64", 0, 8, 1, "allowed", "EPERM"},
                 {"ioctl", 0, 0x8901, 0, "allowed", "ENOTTY"},  /* FIOSETOWN */
                 {"ioctl", 0, 0x8902, 0, "allowed", "ENOTTY"},  /* SIOCSPGRP */
                 {"ioctl", 0, 0x5410, 0, "allowed", "ENOTTY"},  /* TIOCSPGRP */
                 {"ioctl", 0, 0x5452, 0, "allowed", "ENOTTY"}); /* FIOASYNC */
}

TEST(terminals_are_not_typed_into) {
  /* The kernel looks at 32 bits of the request. */
  CHECK_EXPECTED({"ioctl", 0, 0x5401, 0, "allowed", "allowed"}, /* TCGETS */
                 {"ioctl", 0, 0x5402, 0, "allowed", "ENOTTY"},
                 {"ioctl", 0, 0x5412, 0, "EPERM", "ENOTTY"}, /* TIOCSTI */
                 {"ioctl", 0, 0x5412 + UPPER, 0, "EPERM", "ENOTTY"},
                 {"ioctl", 0, 0x5412 + 0xdeadbeef00000000, 0, "EPERM", "ENOTTY"},
                 {"ioctl", 0, 0x541c, 0, "EPERM", "ENOTTY"}, /* TIOCLINUX */
                 {"ioctl", 0, 0x5423, 0, "EPERM", "ENOTTY"} /* TIOCSETD */);
}

TEST(sockets_are_of_few_families) {
  CHECK_EXPECTED({"socket", 1, 1, 0, "allowed", "EPERM"}, {"socket", 2, 1, 0, "allowed", "EPERM"},
                 {"socket", 10, 2, 17, "allowed", "EPERM"},
                 {"socket", 10, 2 + 0x80800, 58, "allowed", "EPERM"}, /* flags; ICMPV6 */
                 {"socket", 2, 1, 262, "allowed", "EPERM"},           /* MPTCP */
                 {"socket", 3, 1, 0, "EAFNOSUPPORT", "EPERM"},        /* AF_AX25 */
                 {"socket", 2, 1, 132, "EAFNOSUPPORT", "EPERM"},      /* SCTP */
                 {"socket", 2, 5, 0, "EAFNOSUPPORT", "EPERM"},        /* the same */
                 {"socket", 10, 6, 33, "EAFNOSUPPORT", "EPERM"},      /* DCCP */
                 {"socket", 2, 1, 256, "EAFNOSUPPORT", "EPERM"},      /* SMC */
                 {"socket", 2, 2, 115, "EAFNOSUPPORT", "EPERM"},      /* L2TP */
                 {"socket", 2, 3, 255, "EAFNOSUPPORT", "EPERM"},      /* takes CAP_NET_RAW */
                 {"socket", 16, 3, 0, "allowed", "EPERM"},       /* NETLINK_ROUTE */
                 {"socket", 16, 3, 12, "EAFNOSUPPORT", "EPERM"}, /* NETLINK_NETFILTER */
                 {"socket", 17, 3, 0, "EAFNOSUPPORT", "EPERM"},  /* AF_PACKET */
                 {"socket", 38, 5, 0, "EAFNOSUPPORT", "EPERM"},  /* AF_ALG */
                 {"socket", 40, 1, 0, "EAFNOSUPPORT", "EPERM"},  /* AF_VSOCK */
                 {"socket", 40 + UPPER, 1, 0, "EAFNOSUPPORT", "EPERM"},
                 {"socketpair", 1, 1, 0, "allowed", "EPERM"},
                 {"socketpair", 30, 1, 0, "EAFNOSUPPORT", "EPERM"} /* AF_TIPC */);
}

TEST(the_personality_stays) {
  CHECK_EXPECTED({"personality", 0xffffffff, 0, 0, "allowed", "allowed"},
                 {"personality", 0, 0, 0, "allowed", "allowed"},
                 {"personality", 8, 0, 0, "allowed", "allowed"},
                 {"personality", 0x0400000, 0, 0, "EPERM", "EPERM"} /* READ_IMPLIES_EXEC */);
}

TEST(ways_out_and_ways_to_undo_are_closed) {
  static const char *const calls[] = {"mount",
                                      "umount2",
                                      "pivot_root",
                                      "chroot",
                                      "open_tree",
                                      "move_mount",
                                      "fsopen",
                                      "fsconfig",
                                      "fsmount",
                                      "fspick",
                                      "mount_setattr",
                                      "open_by_handle_at",
                                      "ptrace",
                                      "process_vm_readv",
                                      "process_vm_writev",
                                      "pidfd_getfd",
                                      "kcmp",
                                      "add_key",
                                      "request_key",
                                      "keyctl",
                                      "bpf",
                                      "perf_event_open",
                                      "userfaultfd",
                                      "io_uring_setup",
                                      "io_uring_enter",
                                      "io_uring_register",
                                      "init_module",
                                      "finit_module",
                                      "kexec_load",
                                      "reboot",
                                      "swapon",
                                      "syslog",
                                      "clock_settime",
                                      "sethostname",
                                      "quotactl",
                                      "fanotify_init",
                                      "acct",
                                      "iopl",
                                      "modify_ldt",
                                      "vhangup"};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    check_expected(&(expected){calls[i], 0, 0, 0, "EPERM", "EPERM"}, 1);
}

TEST(what_is_not_known_does_not_exist_and_what_is_foreign_is_the_end) {
  for (int p = 0; p < 2; p++) {
    const insn *code = filter_of(presets[p], ALL_CAPS, (ctr_syscalls){0});
    static const uint32_t unknown[] = {511, 600, 0x1000, 0x3fffffff, UINT32_MAX};
    for (size_t i = 0; i < 5 && code; i++)
      CHECK_STR(word_of(answer_of(code, &(call){.number = unknown[i], .arch = OWN_ARCH}, NULL)),
                "ENOSYS");
    if (code) CHECK_NUM(answer_of(code, &(call){.number = 0, .arch = 1}, NULL), KILL_PROCESS);
#ifdef __x86_64__
    if (code)
      CHECK_NUM(answer_of(code, &(call){.number = X32_BIT, .arch = OWN_ARCH}, NULL), KILL_PROCESS);
#endif
  }
}

TEST(capabilities_widen_the_default_alone) {
  static const struct {
    uint64_t cap;
    const char *call;
    uint64_t a;
  } rows[] = {{CTR_CAP(SYS_ADMIN), "mount", 0},
              {CTR_CAP(SYS_ADMIN), "clone", NEWUSER},
              {CTR_CAP(SYS_ADMIN), "unshare", NEWNS},
              {CTR_CAP(SYS_ADMIN), "clone3", 0},
              {CTR_CAP(SYS_ADMIN), "setns", 0},
              {CTR_CAP(SYS_ADMIN), "bpf", 0},
              {CTR_CAP(BPF), "bpf", 0},
              {CTR_CAP(PERFMON), "perf_event_open", 0},
              {CTR_CAP(SYS_PTRACE), "ptrace", 16},
              {CTR_CAP(SYS_CHROOT), "chroot", 0},
              {CTR_CAP(NET_RAW), "socket", 17},
              {CTR_CAP(SYS_TIME), "clock_settime", 0},
              {CTR_CAP(DAC_READ_SEARCH), "open_by_handle_at", 0}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const uint64_t with = rows[i].cap, others = ALL_CAPS & ~with & ~CTR_CAP(SYS_ADMIN);
    const bool two = !strcmp(rows[i].call, "bpf") || !strcmp(rows[i].call, "perf_event_open");
    const insn *code = filter_of(CTR_SECCOMP_DEFAULT, with, (ctr_syscalls){0});
    CHECK_MSG(says(code, rows[i].call, rows[i].a, 0, 0) == ALLOW, "%s", rows[i].call);
    code = filter_of(CTR_SECCOMP_DEFAULT, two ? 0 : others, (ctr_syscalls){0});
    CHECK_MSG(says(code, rows[i].call, rows[i].a, 0, 0) != ALLOW, "%s", rows[i].call);
    code = filter_of(CTR_SECCOMP_STRICT, ALL_CAPS, (ctr_syscalls){0});
    CHECK_MSG(says(code, rows[i].call, rows[i].a, 0, 0) != ALLOW, "strict: %s", rows[i].call);
  }
  static const char *const never[] = {"keyctl", "userfaultfd", "io_uring_setup", "modify_ldt"};
  const insn *code = filter_of(CTR_SECCOMP_DEFAULT, ALL_CAPS, (ctr_syscalls){0});
  for (size_t i = 0; i < 4; i++)
    if (number_of(never[i]) >= 0) CHECK_STR(word_of(says(code, never[i], 0, 0, 0)), "EPERM");
  CHECK_STR(word_of(says(code, "ioctl", 0, 0x5412, 0)), "EPERM");
}

/* -- entries of one's own -- */

TEST(entries_come_before_the_preset) {
  static const ctr_syscall_arg packet[] = {{.index = 0, .value = 17, .op = CTR_SCMP_CMP_EQ}};
  const ctr_syscall own[] = {
      {.names = CTR_STRS("mount"), .action = CTR_SCMP_ACT_ALLOW},
      {.names = CTR_STRS("getppid"), .action = CTR_SCMP_ACT_KILL_PROCESS},
      {.names = CTR_STRS("getuid"), .action = CTR_SCMP_ACT_ERRNO, .errnoRet = {true, ENOSYS}},
      {.names = CTR_STRS("socket", "dup"), .action = CTR_SCMP_ACT_ALLOW, .args = {packet, 1}},
      {.names = CTR_STRS("dup"), .action = CTR_SCMP_ACT_TRAP, .args = {packet, 1}},
      {.names = CTR_STRS("getgid"), .action = CTR_SCMP_ACT_TRAP, .args = {packet, 1}},
  };
  const insn *code = filter_of(CTR_SECCOMP_DEFAULT, 0, (ctr_syscalls){own, 6});
  CHECK_NUM(says(code, "mount", 0, 0, 0), ALLOW);
  CHECK_NUM(says(code, "getppid", 0, 0, 0), KILL_PROCESS);
  CHECK_STR(word_of(says(code, "getuid", 0, 0, 0)), "ENOSYS"); /* as what is not known, but said */
  CHECK_NUM(says(code, "socket", 17, 0, 0), ALLOW);
  CHECK_NUM(says(code, "socket", 1, 0, 0), ALLOW); /* what none decides the preset does */
  CHECK_STR(word_of(says(code, "socket", 40, 0, 0)), "EAFNOSUPPORT");
  CHECK_NUM(says(code, "dup", 17, 0, 0), ALLOW);
  CHECK_NUM(says(code, "getgid", 17, 0, 0), TRAP);
  CHECK_NUM(says(code, "getgid", 1, 0, 0), ALLOW);
  CHECK_STR(word_of(says(code, "umount2", 0, 0, 0)), "EPERM");
}

TEST(a_preset_is_no_action_of_an_entry_and_has_no_errno) {
  PLAN(NO_NEW, .linux_ = ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':"
                         "['dup'],'action':'ctr.default'}]}");
  CHECK_REFUSED("an entry", CTR_E_CONFIG, "linux.seccomp.syscalls[0].action");
  PLAN(NO_NEW, .linux_ = ",'seccomp':{'defaultAction':'ctr.strict','defaultErrnoRet':1}");
  CHECK_REFUSED("an errno", CTR_E_CONFIG, "linux.seccomp.defaultErrnoRet");
  const ctr_syscall own = {.names = CTR_STRS("dup"), .action = CTR_SECCOMP_DEFAULT};
  const setup s = {NO_NEW};
  forget();
  ctr_config *config = config_of(&now.mem, &s, &now.err);
  config->linux_.seccomp =
      (ctr_seccomp){.defaultAction = CTR_SECCOMP_STRICT, .syscalls = {&own, 1}};
  compile_config(config, &s);
  CHECK_REFUSED("from C", CTR_E_CONFIG, "linux.seccomp.syscalls[0].action");
}

/* -- asking for one -- */

#define ASKED(value) ",'annotations':{'a':'b','" CTR_SECCOMP_ANNOTATION "':'" value "'}"

TEST(an_annotation_asks_for_one) {
  PLAN(NO_NEW, .top = ASKED("default"));
  check_lines("default", now.text, "instructions, the preset default  <- linux.seccomp");
  PLAN(NO_NEW, .top = ASKED("strict"));
  check_lines("strict", now.text, "instructions, the preset strict  <- linux.seccomp");
  PLAN(NO_NEW, .top = ASKED("lax"));
  CHECK_REFUSED("unknown", CTR_E_CONFIG, "annotations." CTR_SECCOMP_ANNOTATION);
  PLAN(NO_NEW, .top = ASKED("strict"), .linux_ = ",'seccomp':{'defaultAction':'ctr.strict'}");
  CHECK_MSG(now.plan, "%s", now.text);
  static const char *const others[] = {"SCMP_ACT_ALLOW", "ctr.default"};
  for (int i = 0; i < 2; i++) {
    char json[128];
    snprintf(json, sizeof json, ",'seccomp':{'defaultAction':'%s'}", others[i]);
    PLAN(NO_NEW, .top = ASKED("strict"), .linux_ = json);
    CHECK_REFUSED("something else", CTR_E_CONFIG, "annotations." CTR_SECCOMP_ANNOTATION);
    CHECK_HAS(now.err.msg, "linux.seccomp says something else");
  }
  /* From C it is not read, and is not to be overlooked. */
  static const ctr_pair pair = {CTR_SECCOMP_ANNOTATION, "default"};
  const setup s = {NO_NEW};
  forget();
  ctr_config *config = config_of(&now.mem, &s, &now.err);
  config->annotations = (ctr_pairs){&pair, 1};
  compile_config(config, &s);
  CHECK_REFUSED("from C", CTR_E_CONFIG, "annotations." CTR_SECCOMP_ANNOTATION);
  CHECK_HAS(now.err.msg, "in a struct it is linux_.seccomp.defaultAction");
}

TEST(one_is_written_and_read_back) {
  ctr_arena mem = {0};
  ctr_json *json = NULL;
  ctr_config *read = NULL;
  const ctr_config config = {.linux_.seccomp = {.defaultAction = CTR_SECCOMP_STRICT}};
  CHECK(!ctr_config_to_json(&mem, &config, &json, NULL));
  CHECK(!ctr_config_from_json(&mem, json, &read, NULL, NULL));
  CHECK(read && read->linux_.seccomp.defaultAction == CTR_SECCOMP_STRICT);
  ctr_arena_free(&mem);
}

TEST(the_plan_says_for_which_capabilities_more_is_allowed) {
  filter_of(CTR_SECCOMP_DEFAULT, CTR_CAP(SYS_ADMIN) | CTR_CAP(CHOWN) | CTR_CAP(NET_RAW),
            (ctr_syscalls){0});
  CHECK_HAS(now.text, "the preset default with what is for CAP_NET_RAW,CAP_SYS_ADMIN  <-");
  filter_of(CTR_SECCOMP_STRICT, ALL_CAPS, (ctr_syscalls){0});
  CHECK_HAS(now.text, "the preset strict  <-");
}

typedef struct sunk {
  char text[1 << 15];
  size_t len, lines_until_stop;
} sunk;

static int sink(void *userdata, const char *text, size_t len) {
  sunk *s = userdata;
  if (s->lines_until_stop-- == 0 || s->len + len >= sizeof s->text) return 1;
  memcpy(s->text + s->len, text, len);
  s->len += len;
  return 0;
}

TEST(presets_are_explained_with_every_call) {
  static sunk all;
  ctr_err err;
  all = (sunk){.lines_until_stop = 1000};
  CHECK(!ctr_seccomp_explain(sink, &all, &err));
  for (int row = 0; row < CTR__SYSCALL_ROWS; row++) {
    char word[64];
    snprintf(word, sizeof word, " %s", ctr__syscall_rows[row].name);
    unsigned found = 0;
    for (const char *at = all.text; (at = strstr(at, word)); at++)
      found += at[strlen(word)] == ' ' || at[strlen(word)] == '\n';
    CHECK_MSG(found >= 1, "%s is not in it", word);
  }
  for (size_t i = 0; i < CTR__CALL_GROUP_COUNT; i++) CHECK_HAS(all.text, ctr__call_groups[i].why);
  CHECK_HAS(all.text, "no       mounts: would undo what is read-only or masked; default with "
                      "CAP_SYS_ADMIN; else EPERM: fsconfig fsmount");
  CHECK_HAS(all.text, "strict   of clone(2): threads alone; else EPERM\n");
  CHECK_HAS(all.text,
            "default  of clone(2): no new namespaces; all with CAP_SYS_ADMIN; else EPERM\n");
  CHECK_HAS(all.text, "(TIOCSETD); else EPERM\n");
  CHECK_HAS(all.text, "what fcntl(2) does; else ENOTTY\n");
  CHECK_HAS(all.text, "default  of socketpair(2): AF_UNIX; else EAFNOSUPPORT\n");
  CHECK_HAS(all.text, "giving up privileges; else EINVAL\n");
  CHECK_MSG(!strstr(all.text, "?"), "a call is refused with an error that has no name");
  for (size_t stop = 0; stop < 50; stop += 49) { /* among the groups, among the others */
    all = (sunk){.lines_until_stop = stop};
    CHECK(ctr_seccomp_explain(sink, &all, &err) == CTR_E_SYS && err.sys == ECANCELED);
  }
  CHECK(ctr_seccomp_explain(NULL, NULL, &err) == CTR_E_ARG);
}

/* What `default` costs at every start. */
TEST(the_program_is_short_and_soon_decided) {
  for (int p = 0; p < 2; p++) {
    const insn *code = filter_of(presets[p], 0, (ctr_syscalls){0});
    unsigned most = 0;
    for (uint32_t number = 0; number < 512 && code; number++) {
      unsigned steps = 0;
      answer_of(code, &(call){.number = number, .arch = OWN_ARCH}, &steps);
      if (steps > most) most = steps;
    }
    const ctr__step *step = step_of(CTR__STEP_FILTER);
    CHECK_MSG(step && step->num[0] < 250 && most < 40, "%s: %llu instructions, %u at most",
              names[p], step ? (unsigned long long)step->num[0] : 0, most);
  }
}

TEST_MAIN
