/* linux.seccomp: profiles as programs, run in user space and compared with the profile read as it
   stands; which names there are; where the filter is loaded; what is refused. */
#include "plan.h"

#include "../filters.h"

#define PROFILE(...) .linux_ = ",'seccomp':{" __VA_ARGS__ "}"
#define NO_NEW       .process = ",'noNewPrivileges':true"

static const insn *program(size_t *ret_count) {
  const ctr__step *step = step_of(CTR__STEP_FILTER);
  *ret_count = step ? (size_t)step->num[0] : 0;
  return step ? ctr__plan_data(now.plan, step->str[1]) : NULL;
}

/* -- names -- */

TEST(names_are_in_order_and_found) {
  for (int i = 0; i < CTR__SYSCALL_ROWS; i++) {
    const char *name = ctr__syscall_rows[i].name;
    CHECK_MSG(!i || strcmp(ctr__syscall_rows[i - 1].name, name) < 0, "%s is not in order", name);
    CHECK_NUM(ctr__syscall_find(name), i);
  }
  static const char *const others[] = {"", "a", "Read", "reads", "rea", "zzz", "sys_read", "read "};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    CHECK_NUM(ctr__syscall_find(others[i]), -1);
}

TEST(numbers_are_those_of_the_headers) {
#define SAME(name) CHECK_NUM(number_of(#name), SYS_##name)
  SAME(read);
  SAME(execve);
  SAME(openat);
  SAME(clone);
  SAME(personality);
  SAME(seccomp);
  SAME(statx);
  CHECK_NUM(number_of("clone3"), 435);
  CHECK_NUM(number_of("openat2"), 437);
  CHECK_NUM(number_of("mseal"), 462);
  CHECK_NUM(number_of("listns"), 470);
  CHECK_NUM(number_of("swapcontext"), -1); /* PowerPC's */
  CHECK_NUM(number_of("riscv_flush_icache"), -1);
#ifdef __x86_64__
  SAME(open);
  SAME(arch_prctl);
  CHECK_NUM(number_of("uretprobe"), 335);
  CHECK_NUM(number_of("clock_gettime64"), -1);
  CHECK_NUM(number_of("socketcall"), -1);
#endif
#ifdef __i386__
  SAME(socketcall);
  SAME(ipc);
  SAME(setuid32);
  CHECK_NUM(number_of("clock_gettime"), 265);
  CHECK_NUM(number_of("clock_gettime64"), 403);
  CHECK_NUM(number_of("arch_prctl"), 384);
#endif
}

TEST(numbers_are_sums_however_they_are_written) {
  static const struct {
    const char *text;
    int64_t sum;
  } rows[] = {{"57", 57}, {"(0 + 57)", 57}, {"((435) + 4000)", 4435}, {"((0x0f0000)+1)", 0xf0001},
              {"__NR_x", -1}, {"none", -1}, {"(none)", -1}, {"(4000 + none)", -1}, {"7|x", 7},
              {"x|7", -1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_MSG(ctr__syscall_sum(rows[i].text) == rows[i].sum, "%s", rows[i].text);
}

/* -- programs -- */

typedef struct comparison {
  const meaning *meaning;
  const insn *code;
  const char *label;
  unsigned calls, differences, most_steps;
} comparison;

static void compare(void *userdata, const call *about) {
  comparison *c = userdata;
  unsigned steps = 0;
  const uint32_t is = answer_of(c->code, about, &steps), meant = meant_answer(c->meaning, about);
  bool looks = false;
  for (int i = 0; i < 6; i++) looks |= about->args[i] != (uint64_t)i;
  c->calls++;
  if (!looks && steps > c->most_steps) c->most_steps = steps;
  if (is != meant && !c->differences++)
    test_fail(__FILE__, __LINE__,
              "%s: call %u of %#x (%#llx %#llx %#llx %#llx %#llx %#llx): %#x, should be %#x",
              c->label, about->number, about->arch, (unsigned long long)about->args[0],
              (unsigned long long)about->args[1], (unsigned long long)about->args[2],
              (unsigned long long)about->args[3], (unsigned long long)about->args[4],
              (unsigned long long)about->args[5], is, meant);
}

/* Compiles the profile and compares all that it says. */
static comparison check_profile(const char *label, const ctr_seccomp *profile) {
  static meaning meant;
  forget();
  const setup s = {NO_NEW};
  ctr_config *config = config_of(&now.mem, &s, &now.err);
  size_t count = 0;
  if (config) config->linux_.seccomp = *profile;
  compile_config(config, &s);
  comparison c = {.meaning = &meant, .code = program(&count), .label = label};
  /* Arguments of what a multiplexer can be asked for: see below. */
  if (number_of("socketcall") >= 0 && strstr(now.err.field, "].args")) return c;
  const char *wrong = c.code ? why_no_filter(c.code, count) : "there is none";
  CHECK_MSG(!wrong, "%s: no filter: %s (%s)", label, wrong, now.err.msg);
  understand(&meant, profile);
  if (!wrong) try_calls(&meant, compare, &c);
  return c;
}

/* The same with one of JSON, of which the braces are left out. */
static comparison check_text(const char *json) {
  char text[4096];
  ctr_arena mem = {0};
  ctr_config *config = NULL;
  ctr_err err;
  snprintf(text, sizeof text,
           "{'ociVersion':'1.3.0','process':{'cwd':'/'},'linux':{'seccomp':{%s}}}", json);
  for (char *at = text; *at; at++)
    if (*at == '\'') *at = '"';
  comparison c = {.calls = 0};
  if (ctr_config_parse(&mem, text, strlen(text), &config, &err))
    test_fail(__FILE__, __LINE__, "%s: %s", json, err.msg);
  else
    c = check_profile(json, &config->linux_.seccomp);
  ctr_arena_free(&mem);
  return c;
}

/* What the filter of the last plan says to a call. */
static uint32_t says(const char *name, uint64_t arg0, uint64_t arg1) {
  size_t count;
  const insn *code = program(&count);
  const call about = {.number = (uint32_t)number_of(name), .arch = OWN_ARCH, .args = {arg0, arg1}};
  return code && !why_no_filter(code, count) ? answer_of(code, &about, NULL) : 0xbad;
}

static const ctr_seccomp *real_profile(ctr_arena *mem, const char *name) {
  static char text[1 << 17], file_text[1 << 16];
  char path[4096];
  const char *top = getenv("CTR_TOP");
  ctr_config *config = NULL;
  ctr_err err = {.msg = ""};
  snprintf(path, sizeof path, "%s/tests/profiles/%s.json", top ? top : ".", name);
  FILE *file = fopen(path, "re");
  size_t len = file ? fread(file_text, 1, sizeof file_text - 1, file) : 0;
  if (file) fclose(file);
  file_text[len] = '\0';
  snprintf(text, sizeof text,
           "{\"ociVersion\":\"1.3.0\",\"process\":{\"cwd\":\"/\"},\"linux\":{\"seccomp\":%s}}",
           file_text);
  CHECK_MSG(!ctr_config_parse(mem, text, strlen(text), &config, &err), "%s: %s", path, err.msg);
  return config ? &config->linux_.seccomp : &(const ctr_seccomp){.defaultAction = 0};
}

/* The cost grows with the logarithm of what is named, not with that. */
TEST(real_profiles_mean_what_they_say) {
  static const char *const names[] = {"podman-4.3", "containerd-1.6"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    ctr_arena mem = {0};
    comparison c = check_profile(names[i], real_profile(&mem, names[i]));
    CHECK_MSG(c.calls > 600, "%u calls", c.calls);
    CHECK_MSG(c.most_steps && c.most_steps <= 20, "%s: a call takes %u instructions", names[i],
              c.most_steps);
    ctr_arena_free(&mem);
  }
}

TEST(made_up_profiles_mean_what_they_say) {
  static made_profile m;
  unsigned long calls = 0;
  for (int i = 0; i < 80; i++) {
    char label[32];
    snprintf(label, sizeof label, "profile %d", i);
    make_profile(&m, false);
    calls += check_profile(label, &m.profile).calls;
  }
  CHECK_MSG(calls > 50000, "%lu calls", calls);
}

#define RULE(names, action, more) "{'names':[" names "],'action':'SCMP_ACT_" action "'" more "}"
#define IF(index, op, value)      "{'index':" #index ",'op':'SCMP_CMP_" op "','value':" #value "}"
#define IF_MASKED(index, mask, value)                                                              \
  "{'index':" #index ",'op':'SCMP_CMP_MASKED_EQ','value':" #mask ",'valueTwo':" #value "}"
#define ARGS(...) ",'args':[" __VA_ARGS__ "]"

#define DEFAULT(action, ...) "'defaultAction':'SCMP_ACT_" action "','syscalls':[" __VA_ARGS__ "]"

TEST(each_action_has_its_answer) {
  static const struct {
    const char *action;
    uint32_t answer;
  } rows[] = {{"KILL", 0}, {"KILL_THREAD", 0}, {"KILL_PROCESS", 0x80000000}, {"TRAP", 0x30000},
              {"ERRNO", 0x50001}, {"TRACE", 0x7ff00001}, {"LOG", 0x7ffc0000},
              {"ALLOW", 0x7fff0000}};
  char json[512];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    snprintf(json, sizeof json, "'defaultAction':'SCMP_ACT_%s','syscalls':[%s]", rows[i].action,
             RULE("'getpid'", "ERRNO", ",'errnoRet':7"));
    check_text(json);
    CHECK_NUM(says("read", 0, 0), rows[i].answer);
    CHECK_NUM(says("getpid", 0, 0), 0x50007);
    snprintf(json, sizeof json, "'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':9,"
             "'syscalls':[{'names':['getpid'],'action':'SCMP_ACT_%s'}]", rows[i].action);
    check_text(json);
    CHECK_NUM(says("getpid", 0, 0), rows[i].answer);
    CHECK_NUM(says("close", 0, 0), 0x50009);
  }
  check_text(DEFAULT("ALLOW", RULE("'getpid'", "TRACE", ",'errnoRet':65535")));
  CHECK_NUM(says("getpid", 0, 0), 0x7ff0ffff);
  check_text(DEFAULT("ALLOW", RULE("'getpid'", "ERRNO", ",'errnoRet':0")));
  CHECK_NUM(says("getpid", 0, 0), 0x50000);
  check_text("'defaultAction':'SCMP_ACT_LOG'");
  CHECK_NUM(says("read", 0, 0), 0x7ffc0000);
}

/* libseccomp adds to what it has of a call what is not covered by it, and a rule without arguments
   covers all; runc leaves out what says the same as the default. */
TEST(rules_for_one_call_are_at_odds_as_with_libseccomp) {
  check_text(DEFAULT("ALLOW", RULE("'dup'", "TRAP", "") "," RULE("'dup'", "KILL", "")));
  CHECK_NUM(says("dup", 0, 0), TRAP);
  check_text(DEFAULT("ALLOW", RULE("'dup'", "ALLOW", "") "," RULE("'dup'", "TRAP", "")));
  CHECK_NUM(says("dup", 0, 0), TRAP);
  check_text(DEFAULT("ALLOW", RULE("'dup'", "TRAP", ARGS(IF(0, "EQ", 3))) ","
                              RULE("'dup'", "ERRNO", "") "," RULE("'dup'", "KILL", "")));
  CHECK_NUM(says("dup", 3, 0), ERRNO | 1);
  CHECK_NUM(says("dup", 4, 0), ERRNO | 1);
  check_text(DEFAULT("ERRNO", RULE("'dup'", "ALLOW", ARGS(IF(0, "EQ", 3))) ","
                              RULE("'dup'", "ERRNO", "") "," RULE("'dup3'", "ALLOW", "")));
  CHECK_NUM(says("dup", 3, 0), ALLOW);
  CHECK_NUM(says("dup", 4, 0), ERRNO | 1);
  check_text(DEFAULT("ERRNO", RULE("'dup'", "ERRNO", ",'errnoRet':2") ","
                              RULE("'dup'", "ALLOW", "")));
  CHECK_NUM(says("dup", 0, 0), ERRNO | 2);
  /* Of those with arguments the first that matches: with libseccomp nobody knows which. */
  check_text(DEFAULT("ALLOW", RULE("'dup'", "TRAP", ARGS(IF(0, "LT", 5))) ","
                              RULE("'dup'", "KILL", ARGS(IF(0, "LT", 9)))));
  CHECK_NUM(says("dup", 4, 0), TRAP);
  CHECK_NUM(says("dup", 8, 0), KILL_THREAD);
  CHECK_NUM(says("dup", 9, 0), ALLOW);
}

TEST(arguments_are_all_or_any) {
  check_text(DEFAULT("ALLOW", RULE("'dup2','dup3'", "TRAP",
                                   ARGS(IF(0, "EQ", 3) "," IF(1, "EQ", 4)))));
  CHECK_NUM(says("dup3", 3, 4), TRAP);
  CHECK_NUM(says("dup3", 3, 5), ALLOW);
  CHECK_NUM(says("dup3", 2, 4), ALLOW);
  /* One that is named twice makes each a rule: runc's way. */
  check_text(DEFAULT("ALLOW", RULE("'dup3'", "TRAP",
                                   ARGS(IF(0, "EQ", 3) "," IF(0, "EQ", 5) "," IF(1, "EQ", 4)))));
  CHECK_NUM(says("dup3", 3, 0), TRAP);
  CHECK_NUM(says("dup3", 5, 0), TRAP);
  CHECK_NUM(says("dup3", 0, 4), TRAP);
  CHECK_NUM(says("dup3", 4, 3), ALLOW);
  /* A mask of nothing looks at nothing. */
  check_text(DEFAULT("ALLOW", RULE("'dup3'", "TRAP", ARGS(IF_MASKED(0, 0, 7) "," IF(1, "EQ", 4)))));
  CHECK_NUM(says("dup3", 1, 4), TRAP);
  CHECK_NUM(says("dup3", 1, 5), ALLOW);
  check_text(DEFAULT("ALLOW", RULE("'dup3'", "LOG", ARGS(IF(0, "EQ", 1))) ","
                              RULE("'dup3'", "TRAP", ARGS(IF_MASKED(0, 0, 7)))));
  CHECK_NUM(says("dup3", 1, 5), TRAP);
  check_text(DEFAULT("ALLOW", RULE("'dup3'", "TRAP", ARGS(IF_MASKED(0, 6, 15)))));
  CHECK_NUM(says("dup3", 15, 0), TRAP); /* bits outside the mask mean nothing */
  CHECK_NUM(says("dup3", 6, 0), TRAP);
  CHECK_NUM(says("dup3", 2, 0), ALLOW);
}

TEST(arguments_have_64_bits_where_programs_have) {
  const uint64_t high = UINT64_C(1) << 32;
  const bool wide = sizeof(long) == 8;
  check_text(DEFAULT("ALLOW", RULE("'dup'", "TRAP", ARGS(IF(0, "EQ", 4294967295)))));
  CHECK_NUM(says("dup", UINT32_MAX, 0), TRAP);
  if (wide) CHECK_NUM(says("dup", UINT64_MAX, 0), ALLOW);
  check_text(DEFAULT("ALLOW", RULE("'dup'", "TRAP", ARGS(IF(0, "GT", 5)))));
  if (wide) CHECK_NUM(says("dup", high, 0), TRAP);
  check_text(DEFAULT("ALLOW", RULE("'dup'", "TRAP", ARGS(IF(0, "EQ", 18446744073709551615)))));
  CHECK_NUM(says("dup", wide ? UINT64_MAX : UINT32_MAX, 0), TRAP);
  CHECK_NUM(says("dup", UINT32_MAX, 0), wide ? ALLOW : TRAP);
}

/* glibc falls back to an older call when a newer one is ENOSYS, and gives up at EPERM. */
TEST(calls_that_are_newer_than_a_profile_do_not_exist) {
#define LAST "'openat2'"
  check_text(DEFAULT("ERRNO", RULE(LAST, "ALLOW", "")));
  CHECK_NUM(says("openat2", 0, 0), ALLOW);
  CHECK_NUM(says("clone3", 0, 0), ERRNO | EPERM);
  CHECK_NUM(says("pidfd_getfd", 0, 0), ERRNO | ENOSYS);
  CHECK_NUM(says("mseal", 0, 0), ERRNO | ENOSYS);
  check_text("'defaultErrnoRet':13," DEFAULT("ERRNO", RULE(LAST, "ERRNO", ",'errnoRet':13")));
  CHECK_NUM(says("openat2", 0, 0), ERRNO | EACCES); /* also by a rule that is none */
  CHECK_NUM(says("pidfd_getfd", 0, 0), ERRNO | ENOSYS);
  check_text("'defaultErrnoRet':38," DEFAULT("ERRNO", RULE(LAST, "ALLOW", "")));
  CHECK_NUM(says("clone3", 0, 0), ERRNO | ENOSYS);
  static const char *const others[] = {
      DEFAULT("KILL", RULE(LAST, "ALLOW", "")), DEFAULT("KILL_PROCESS", RULE(LAST, "ALLOW", "")),
      DEFAULT("TRAP", RULE(LAST, "ALLOW", "")), DEFAULT("ALLOW", RULE(LAST, "KILL", "")),
      DEFAULT("LOG", RULE(LAST, "ALLOW", "")), DEFAULT("TRACE", RULE(LAST, "ALLOW", ""))};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    check_text(others[i]);
    CHECK_NUM(says("mseal", 0, 0), says("clone3", 0, 0));
  }
  check_text(DEFAULT("ERRNO", ""));
  CHECK_NUM(says("mseal", 0, 0), ERRNO | EPERM);
}

/* -- long ones -- */

/* Of 8 bits is what a comparison can skip. */
TEST(a_comparison_leads_anywhere) {
  static ctr__cbpf_insn code[CTR__FILTER_INSNS_MAX];
  for (uint32_t far = 245; far < 262; far++)
    for (uint32_t near = 0; near <= far; near += near < 245 && near ? 244 : 1) {
      ctr__cbpf p = {.code = code, .first = CTR__FILTER_INSNS_MAX};
      const uint32_t one = ctr__cbpf_return(&p, 1);
      while (CTR__FILTER_INSNS_MAX - p.first < far - near + 1) ctr__cbpf_load(&p, 0);
      const uint32_t two = ctr__cbpf_return(&p, 2);
      for (uint32_t i = 0; i < near; i++) ctr__cbpf_load(&p, 0);
      const bool swapped = (far + near) % 2;
      ctr__cbpf_if(&p, CTR__CBPF_IF_EQUAL, 7, swapped ? two : one, swapped ? one : two);
      ctr__cbpf_load(&p, 0);
      const insn *first = (const insn *)(const void *)(code + p.first);
      const char *wrong = why_no_filter(first, CTR__FILTER_INSNS_MAX - p.first);
      CHECK_MSG(!wrong, "%u and %u instructions away: %s", far, near, wrong);
      if (wrong) continue;
      CHECK_NUM(answer_of(first, &(call){.number = 7}, NULL), swapped ? 2 : 1);
      CHECK_NUM(answer_of(first, &(call){.number = 8}, NULL), swapped ? 1 : 2);
    }
}

/* Each call has an answer of its own, so that there are as many ranges as calls; with rules, each
   takes many instructions. */
static const ctr_seccomp *long_profile(made_profile *m, size_t entries, size_t rules) {
  static ctr_syscall all[CTR__SYSCALL_ROWS * 8];
  static const char *names[CTR__SYSCALL_ROWS * 8];
  static ctr_syscall_arg args[CTR__SYSCALL_ROWS * 8][2];
  size_t count = 0;
  for (size_t i = 0; i < entries; i++)
    for (size_t r = 0; r < (rules ? rules : 1); r++, count++) {
      names[count] = ctr__syscall_rows[i].name;
      args[count][0] = (ctr_syscall_arg){0, i * 1000 + r * 7 + (UINT64_C(5) << 32), 0,
                                         (ctr_seccomp_op)(1 + (i + r) % 6)};
      args[count][1] = (ctr_syscall_arg){1, i + r, 3, CTR_SCMP_CMP_MASKED_EQ};
      all[count] = (ctr_syscall){.names = {&names[count], 1},
                                 .action = CTR_SCMP_ACT_ERRNO,
                                 .errnoRet = {true, 100 + i},
                                 .args = {args[count], rules ? 2 : 0}};
    }
  m->profile = (ctr_seccomp){.defaultAction = CTR_SCMP_ACT_ALLOW, .syscalls = {all, count}};
  return &m->profile;
}

TEST(long_programs_jump_as_far_as_they_must) {
  static made_profile m;
  size_t count = 0;
  comparison c = check_profile("all differ", long_profile(&m, CTR__SYSCALL_ROWS, 0));
  program(&count);
  CHECK_MSG(count > 500 && c.most_steps < 40, "%zu instructions, %u at most", count, c.most_steps);
  const size_t few = number_of("socketcall") < 0 ? 150 : 0;
  for (size_t entries = 20; entries <= few; entries += 26) {
    check_profile("with arguments", long_profile(&m, entries, 2));
    program(&count);
    CHECK(count > entries * 10 || entries < 50);
  }
}

TEST(what_is_longer_than_the_kernel_takes_is_refused) {
  static made_profile m;
  const setup s = {NO_NEW};
  if (number_of("socketcall") >= 0) return; /* there it is refused for that */
  for (size_t rules = 2; rules <= 8; rules += 6) {
    forget();
    ctr_config *config = config_of(&now.mem, &s, &now.err);
    config->linux_.seccomp = *long_profile(&m, CTR__SYSCALL_ROWS, rules);
    compile_config(config, &s);
    CHECK_REFUSED("too long", CTR_E_UNSUPPORTED, "linux.seccomp.syscalls");
    CHECK_HAS(now.err.msg, "4096 instructions");
  }
}

/* -- names that lead elsewhere, or nowhere -- */

TEST(what_a_multiplexer_can_be_asked_for_is_held_against_it) {
  if (number_of("socketcall") < 0) return; /* tests/compile/test_cross.py runs it for i386 */
  check_text(DEFAULT("ALLOW", RULE("'socket','shmget','accept'", "TRAP", "")));
  CHECK_NUM(says("socket", 0, 0), TRAP);
  CHECK_NUM(says("socketcall", 1, 0), TRAP);
  CHECK_NUM(says("socketcall", 5, 0), TRAP); /* accept has no number of its own on i386 */
  CHECK_NUM(says("socketcall", 2, 0), ALLOW);
  CHECK_NUM(says("ipc", 23, 0), TRAP);
  CHECK_NUM(says("ipc", 0x10017, 0), TRAP); /* its upper half is a version */
  CHECK_NUM(says("ipc", 24, 0), ALLOW);
  check_text(DEFAULT("ERRNO", RULE("'socket'", "ALLOW", "")));
  CHECK_NUM(says("socketcall", 1, 0), ALLOW);
  CHECK_NUM(says("socketcall", 2, 0), ERRNO | 1);
#define VSOCK RULE("'socket'", "ERRNO", ARGS(IF(0, "EQ", 40)))
  PLAN(NO_NEW, PROFILE(DEFAULT("ALLOW", RULE("'dup'", "TRAP", "") "," VSOCK)));
  CHECK_REFUSED("its arguments are not seen", CTR_E_UNSUPPORTED, "linux.seccomp.syscalls[1].args");
  check_text(DEFAULT("ALLOW", VSOCK "," RULE("'socketcall'", "ERRNO", "")));
  CHECK_NUM(says("socketcall", 1, 0), ERRNO | 1);
  check_text(DEFAULT("ERRNO", RULE("'socket'", "ALLOW", ARGS(IF(0, "NE", 40)))));
  CHECK_NUM(says("socketcall", 1, 0), ERRNO | 1);
}

TEST(unknown_names_are_left_out_where_that_is_safe) {
  PLAN(NO_NEW, PROFILE(DEFAULT("ERRNO", RULE("'dup','not_yet','nor_this'", "ALLOW", ""))));
  CHECK_STR(now.warnings, "linux.seccomp.syscalls[0].names[1];");
  CHECK_NUM(says("dup", 0, 0), ALLOW);
  PLAN(NO_NEW, PROFILE(DEFAULT("ERRNO", RULE("'not_yet'", "ERRNO", ",'errnoRet':38"))));
  CHECK_MSG(now.plan, "%s", now.text);
  static const struct {
    const char *rule, *by_default;
  } rows[] = {{"KILL", "ERRNO"}, {"ERRNO", "ALLOW"}, {"LOG", "ALLOW"}, {"KILL_PROCESS", "KILL"},
              {"TRACE", "LOG"}, {"TRAP", "TRACE"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char json[512];
    snprintf(json, sizeof json, ",'seccomp':{'defaultAction':'SCMP_ACT_%s','syscalls':[%s,"
             "{'names':['dup','not_yet'],'action':'SCMP_ACT_%s'}]}", rows[i].by_default,
             RULE("'dup3'", "ALLOW", ""), rows[i].rule);
    PLAN(NO_NEW, .linux_ = json);
    CHECK_REFUSED(rows[i].rule, CTR_E_UNSUPPORTED, "linux.seccomp.syscalls[1].names[1]");
    CHECK_HAS(now.err.msg, "not_yet");
  }
  /* One of another architecture cannot be called here. */
  PLAN(NO_NEW, PROFILE(DEFAULT("ALLOW", RULE("'s390_runtime_instr'", "KILL", ""))));
  CHECK_MSG(now.plan && !now.warnings[0], "%s%s", now.text, now.warnings);
}

/* Every engine names some: that is no warning, and what is asked for is less strict. */
TEST(foreign_architectures_are_told_of) {
  static const char *const rows[] = {"'SCMP_ARCH_X86_64','SCMP_ARCH_X86'", "'SCMP_ARCH_X32'",
                                     "'SCMP_ARCH_AARCH64','SCMP_ARCH_SHEB'"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char json[256];
    snprintf(json, sizeof json,
             ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','architectures':[%s]}", rows[i]);
    PLAN(NO_NEW, .linux_ = json);
    CHECK_STR(now.news, "linux.seccomp.architectures;");
    CHECK_STR(now.warnings, "");
  }
  static const char own[] = ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','architectures':['"
                            CTR__SCMP_NATIVE "']}";
  PLAN(NO_NEW, .linux_ = own);
  CHECK_STR(now.news, "");
}

/* -- the plan -- */

#define ALLOW_ALL "'defaultAction':'SCMP_ACT_ALLOW'"

TEST(the_filter_is_the_last_thing_before_the_program) {
  static const ctr_filter given = {"12345678", 8};
  PLAN(NO_NEW, PROFILE(ALLOW_ALL), .desc = {.filters = &given, .filter_count = 1});
  check_lines("both", now.text,
              "find the program /p\n"
              "child   load a seccomp filter of 1 instructions  <- filters[0]  [seccomp(2)]\n"
              "child   load a seccomp filter of ");
  check_lines("both", now.text, "instructions  <- linux.seccomp  [seccomp(2)]\nchild   execute /p");
  CHECK_MSG(!strstr(now.text, "until it is restricted"), "%s", now.text);
  check_num("the parent is looked at before the first", CTR__STEP_FILTER, 1, true);
  check_num("and not once more", CTR__STEP_EXEC, 0, true);
  PLAN(NO_NEW, PROFILE(ALLOW_ALL), CREATE, .top = ",'hooks':{'startContainer':[{'path':'/h'}]}");
  check_lines("in a container", now.text,
              "wait to be started\nrun the hook /h, under the program's seccomp filters\n"
              "tell who starts it\n<- linux.seccomp\nexecute /p");
  PLAN(NO_NEW, CREATE, .top = ",'hooks':{'startContainer':[{'path':'/h'}]}",
       .desc.filters = &given, .desc.filter_count = 1);
  check_lines("the caller's own", now.text, "run the hook /h, under the program's");
  PLAN(NO_NEW, PROFILE(ALLOW_ALL), CREATE,
       .top = ",'hooks':{'createRuntime':[{'path':'/h'}],'createContainer':[{'path':'/h'}]}");
  check_lines("the host's", now.text, "run the hook /h  <-\nrun the hook /h  <-");
  PLAN(NO_NEW, CREATE, .top = ",'hooks':{'startContainer':[{'path':'/h'}]}");
  check_lines("none", now.text, "run the hook /h  <-");
  PLAN(NO_NEW, PROFILE(ALLOW_ALL), EXEC);
  check_lines("one more process", now.text, "<- linux.seccomp\nexecute /p");
  PLAN(NO_NEW);
  CHECK(!step_of(CTR__STEP_FILTER));
}

/* Without noNewPrivileges loading takes CAP_SYS_ADMIN: it is kept until then. */
TEST(without_no_new_privileges_a_capability_is_kept_for_it) {
#define CAPS                                                                                       \
  .process = ",'capabilities':{'effective':['CAP_KILL'],'permitted':['CAP_KILL']}"
  PLAN(CAPS, PROFILE(ALLOW_ALL));
  check_lines("kept", now.text,
              "keep capabilities CAP_KILL; permitted CAP_KILL; inheritable none; until it is "
              "restricted also CAP_SYS_ADMIN\nfind the program\n<- linux.seccomp\nexecute /p");
  PLAN(CAPS, PROFILE(ALLOW_ALL), .facts = &user_facts, SPACES(USER_NS));
  CHECK_HAS(now.text, "until it is restricted also CAP_SYS_ADMIN");
  setup s = {PROFILE(ALLOW_ALL)};
  s.desc.call_function = true;
  compile(&s);
  check_lines("a function is not executed", now.text,
              "until it is restricted also CAP_SYS_ADMIN\n<- linux.seccomp\n"
              "keep capabilities none; permitted none; inheritable none  <-\ncall the caller's");
  s.process = ",'noNewPrivileges':true";
  compile(&s);
  CHECK_MSG(now.plan && !strstr(now.text, "until it is"), "%s", now.text);
  ctr__facts poor = root_facts;
  poor.permitted &= ~CTR_CAP(SYS_ADMIN);
  PLAN(PROFILE(ALLOW_ALL), .facts = &poor);
  CHECK_REFUSED("nobody may load it", CTR_E_UNSUPPORTED, "linux.seccomp");
  CHECK_HAS(now.err.msg, "set process.noNewPrivileges");
  PLAN(PROFILE(ALLOW_ALL), NO_NEW, .facts = &poor);
  CHECK_MSG(now.plan, "%s", now.text);
#undef CAPS
}

TEST(flags_are_passed_on) {
#define FLAG "'SECCOMP_FILTER_FLAG_"
  static const struct {
    const char *flags;
    uint32_t bits;
  } rows[] = {{"", 0}, {FLAG "TSYNC'", 1}, {FLAG "LOG'", 2}, {FLAG "SPEC_ALLOW'", 4},
              {FLAG "LOG'," FLAG "SPEC_ALLOW'," FLAG "TSYNC'," FLAG "LOG'", 7}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char json[512];
    snprintf(json, sizeof json, ",'seccomp':{" ALLOW_ALL ",'flags':[%s]}", rows[i].flags);
    PLAN(NO_NEW, .linux_ = json);
    check_num(rows[i].flags, CTR__STEP_FILTER, 2, rows[i].bits);
  }
  ctr__facts old = root_facts;
  old.filter_flags = 1 | 2;
  PLAN(NO_NEW, PROFILE(ALLOW_ALL ",'flags':[" FLAG "LOG'," FLAG "SPEC_ALLOW']"), .facts = &old);
  CHECK_REFUSED("an old kernel", CTR_E_UNSUPPORTED, "linux.seccomp.flags[1]");
  old.can_filter = false;
  PLAN(NO_NEW, PROFILE(ALLOW_ALL), .facts = &old);
  CHECK_REFUSED("no filters", CTR_E_UNSUPPORTED, "linux.seccomp");
}

#define NOTIFYING                                                                                  \
  "'listenerPath':'s','listenerMetadata':'m'," DEFAULT("ALLOW", RULE("'dup'", "NOTIFY", ""))

/* Who starts the process hands the descriptor on, when the filter is loaded. */
TEST(who_listens_is_told_of_the_container) {
  static const struct {
    setup setup;
    ctr_status status;
    uint64_t first;
  } rows[] = {
      {{NO_NEW, RUN, PROFILE(NOTIFYING)}, CTR_STATUS_CREATING, 0},
      {{NO_NEW, CREATE, PROFILE(NOTIFYING)}, CTR_STATUS_CREATED, 0},
      {{NO_NEW, EXEC, .desc.id = "box", PROFILE(NOTIFYING)}, CTR_STATUS_RUNNING, 4711},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    setup s = rows[i].setup;
    s.desc.bundle = "/bundle";
    s.top = ",'annotations':{'a':'b'}";
    compile(&s);
    check_lines("the steps", now.text,
                "child   load a seccomp filter\n"
                "parent  give who listens at /bundle/s what its calls are notified by"
                "  <- linux.seccomp.listenerPath\nexecute /p");
    check_num("with a listener", CTR__STEP_FILTER, 2, 8);
    check_num("the container's status", CTR__STEP_TAKE_LISTENER, 0, rows[i].status);
    check_num("its first process", CTR__STEP_TAKE_LISTENER, 1, rows[i].first);
    const ctr__step *step = step_of(CTR__STEP_TAKE_LISTENER);
    if (step)
      CHECK_STR(ctr__plan_str(now.plan, step->str[1]),
                "{\"ociVersion\":\"1.3.0\",\"fds\":[\"seccompFd\"],\"metadata\":\"m\",\"state\":"
                "{\"ociVersion\":\"1.3.0\",\"id\":\"box\",\"bundle\":\"/bundle\",\"annotations\":"
                "{\"a\":\"b\"},\"status\":\"");
    CHECK_NUM(says("dup", 0, 0), 0x7fc00000);
  }
  ctr_arena mem = {0};
  const char *text = ctr__listener_text(&mem, "{..\"status\":\"", CTR_STATUS_RUNNING, 1, 22);
  CHECK_STR(text, "{..\"status\":\"running\",\"pid\":1},\"pid\":22}");
  ctr_arena_free(&mem);
}

TEST(nobody_is_told_of_what_has_no_name) {
  PLAN(NO_NEW, PROFILE(NOTIFYING));
  CHECK_REFUSED("no id", CTR_E_UNSUPPORTED, "linux.seccomp.listenerPath");
  PLAN(NO_NEW, .desc = {.id = "box"}, PROFILE(NOTIFYING));
  CHECK_MSG(step_of(CTR__STEP_TAKE_LISTENER), "%s", now.text);
  PLAN(NO_NEW, PROFILE(ALLOW_ALL ",'listenerPath':'/s','listenerMetadata':'m'"));
  CHECK_MSG(now.plan && !step_of(CTR__STEP_TAKE_LISTENER), "%s", now.text); /* nothing to tell */
  check_num("without a listener", CTR__STEP_FILTER, 2, 0);
  PLAN(NO_NEW, RUN, PROFILE("'flags':[" FLAG "TSYNC'," FLAG "WAIT_KILLABLE_RECV']," NOTIFYING));
  check_num("TSYNC that tells no thread id", CTR__STEP_FILTER, 2, 1 | 8 | 16 | 32);
}

TEST(what_a_profile_may_not_say_is_refused) {
  static const struct {
    const char *profile, *field;
  } rows[] = {
      {"'defaultAction':'SCMP_ACT_ALLOW','defaultErrnoRet':1", "linux.seccomp.defaultErrnoRet"},
      {"'defaultAction':'SCMP_ACT_KILL','defaultErrnoRet':1", "linux.seccomp.defaultErrnoRet"},
      {"'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':4096", "linux.seccomp.defaultErrnoRet"},
      {"'defaultAction':'SCMP_ACT_TRACE','defaultErrnoRet':65536",
       "linux.seccomp.defaultErrnoRet"},
      {DEFAULT("ALLOW", RULE("'dup'", "TRAP", ",'errnoRet':1")),
       "linux.seccomp.syscalls[0].errnoRet"},
      {DEFAULT("ALLOW", RULE("'dup'", "KILL", "") "," RULE("'dup'", "ERRNO", ",'errnoRet':4096")),
       "linux.seccomp.syscalls[1].errnoRet"},
      {DEFAULT("ALLOW", RULE("", "KILL", "")), "linux.seccomp.syscalls[0].names"},
      {DEFAULT("ALLOW", RULE("'dup'", "KILL", ARGS(IF(0, "EQ", 1) "," IF(6, "EQ", 1)))),
       "linux.seccomp.syscalls[0].args[1].index"},
      {ALLOW_ALL ",'architectures':['SCMP_ARCH_X86_64','SCMP_ARCH_VAX']",
       "linux.seccomp.architectures[1]"},
      {ALLOW_ALL ",'architectures':['x86_64']", "linux.seccomp.architectures[0]"},
      {ALLOW_ALL ",'flags':['SECCOMP_FILTER_FLAG_NEW_LISTENER']", "linux.seccomp.flags[0]"},
      {ALLOW_ALL ",'flags':['']", "linux.seccomp.flags[0]"},
      {ALLOW_ALL ",'flags':['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']", "linux.seccomp.flags[0]"},
      {ALLOW_ALL ",'listenerMetadata':'m'", "linux.seccomp.listenerMetadata"},
      {"'defaultAction':'SCMP_ACT_NOTIFY','listenerPath':'/s'", "linux.seccomp.defaultAction"},
      {DEFAULT("ALLOW", RULE("'dup'", "NOTIFY", "")), "linux.seccomp.listenerPath"},
      {"'listenerPath':'/s'," DEFAULT("ALLOW", RULE("'dup','sendmsg'", "NOTIFY", "")),
       "linux.seccomp.syscalls[0].names[1]"},
      {"'listenerPath':'/s'," DEFAULT("ALLOW", RULE("'sendmsg'", "NOTIFY", ARGS(IF(0, "EQ", 1)))),
       "linux.seccomp.syscalls[0].names[0]"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char json[1024];
    snprintf(json, sizeof json, ",'seccomp':{%s}", rows[i].profile);
    PLAN(NO_NEW, RUN, .linux_ = json);
    CHECK_REFUSED(rows[i].profile, CTR_E_CONFIG, rows[i].field);
  }
}

/* Who starts the process may be the one that answers. */
TEST(the_caller_can_keep_what_questions_come_by) {
#define KEPT DEFAULT("ALLOW", RULE("'dup'", "NOTIFY", ""))
  PLAN(NO_NEW, PROFILE(KEPT), .desc = {.keep_listener = true});
  check_lines("a process", now.text,
              "load a seccomp filter\n"
              "parent  keep for the caller what its calls are notified by\nexecute /p");
  check_num("with a listener", CTR__STEP_FILTER, 2, 8);
  PLAN(NO_NEW, RUN, PROFILE(KEPT), .desc.keep_listener = true);
  CHECK_HAS(now.text, "keep for the caller what its calls are notified by");
  PLAN(NO_NEW, CREATE, PROFILE(KEPT), .desc.keep_listener = true);
  CHECK_REFUSED("who starts it is another", CTR_E_UNSUPPORTED, "linux.seccomp.listenerPath");
  PLAN(NO_NEW, PROFILE(NOTIFYING), .desc = {.id = "box", .keep_listener = true});
  CHECK_REFUSED("two who listen", CTR_E_CONFIG, "linux.seccomp.listenerPath");
  PLAN(NO_NEW, PROFILE(ALLOW_ALL), .desc = {.keep_listener = true});
  CHECK_MSG(now.plan && !step_of(CTR__STEP_KEEP_LISTENER), "%s", now.text);
#undef KEPT
}

/* Memory is taken in a few large pieces, whatever is named. */
TEST(a_profile_takes_few_allocations) {
  ctr_arena mem = {0};
  const setup s = {NO_NEW};
  long used[2];
  for (int i = 0; i < 2; i++) {
    forget();
    ctr_config *config = config_of(&now.mem, &s, &now.err);
    if (i) config->linux_.seccomp = *real_profile(&mem, "podman-4.3");
    allocations_until_one_fails = 1000000;
    compile_config(config, &s);
    used[i] = 1000000 - allocations_until_one_fails;
    allocations_until_one_fails = -1;
    CHECK_MSG(now.plan, "%s", now.text);
  }
  CHECK_MSG(used[1] - used[0] <= 6, "%ld more", used[1] - used[0]);
  ctr_arena_free(&mem);
}

TEST_MAIN
