/* linux.seccomp in force: each action, arguments, with and without noNewPrivileges, in programs,
   functions, containers and what joins them; and who listens is asked. */
#include "box.h"

#include <linux/filter.h>
#include <linux/seccomp.h>

/* The call that the filters here are about: 99 for 1 (SCHED_FIFO), 0 for 0 (sched(7)). */
#define CALL SYS_sched_get_priority_max

static const char *to_call(long number, unsigned long argument) {
  return text("%ld:%lu", number, argument);
}

/* What the probe got from the call: "99 ok", "-1 EPERM". */
static const char *got(box *b, unsigned long argument) {
  const char *words = to_call(CALL, argument);
  box_run(b, "call", words);
  return box_said(b, words);
}

/* All is allowed but what is said of the call. */
typedef struct profile {
  const char *names[1];
  ctr_syscall_arg args[2];
  ctr_syscall calls[2];
} profile;

static void about_the_call(box *b, profile *p, ctr_seccomp_action action, ctr_uint number,
                           size_t args) {
  p->names[0] = "sched_get_priority_max";
  p->calls[0] = (ctr_syscall){.names = {p->names, 1},
                              .action = action,
                              .errnoRet = number,
                              .args = {p->args, args}};
  b->config->linux_.seccomp =
      (ctr_seccomp){.defaultAction = CTR_SCMP_ACT_ALLOW, .syscalls = {p->calls, 1}};
}

/* -- actions and arguments -- */

TEST(each_action_is_taken) {
  for (int no_new = 0; no_new < 2; no_new++) {
    box b = box_new();
    profile p = {0};
    b.config->process.noNewPrivileges = no_new;
    CHECK_STR(got(&b, 1), "99 ok");
    about_the_call(&b, &p, CTR_SCMP_ACT_ERRNO, (ctr_uint){0}, 0);
    CHECK_STR(got(&b, 1), "-1 EPERM");
    about_the_call(&b, &p, CTR_SCMP_ACT_ERRNO, (ctr_uint){true, EBUSY}, 0);
    CHECK_STR(got(&b, 1), "-1 EBUSY");
    about_the_call(&b, &p, CTR_SCMP_ACT_LOG, (ctr_uint){0}, 0);
    CHECK_STR(got(&b, 1), "99 ok");
    about_the_call(&b, &p, CTR_SCMP_ACT_TRACE, (ctr_uint){true, 7}, 0); /* nobody traces it */
    CHECK_STR(got(&b, 1), "-1 ENOSYS");
    static const ctr_seccomp_action ends[] = {CTR_SCMP_ACT_KILL, CTR_SCMP_ACT_KILL_THREAD,
                                              CTR_SCMP_ACT_KILL_PROCESS, CTR_SCMP_ACT_TRAP};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
      about_the_call(&b, &p, ends[i], (ctr_uint){0}, 0);
      got(&b, 1);
      CHECK_MSG(!b.code && b.exit.signal == SIGSYS, "action %d: %s, code %d, signal %d", ends[i],
                b.err.msg, b.exit.code, b.exit.signal);
    }
    CHECK_RAN(box_run(&b, "trapped", to_call(CALL, 1)));
    CHECK_STR(box_said(&b, "trapped"), text("signal %d errno 0 call %ld", SIGSYS, (long)CALL));
    CHECK_RAN(box_run(&b, "self"));
    CHECK_STR(box_said(&b, "Seccomp"), "2");
    CHECK_STR(box_said(&b, "NoNewPrivs"), no_new ? "1" : "0");
    box_free(&b);
  }
}

TEST(arguments_decide) {
  box b = box_new();
  profile p = {.args = {{.index = 0, .op = CTR_SCMP_CMP_EQ, .value = 1}}};
  about_the_call(&b, &p, CTR_SCMP_ACT_ERRNO, (ctr_uint){0}, 1);
  CHECK_STR(got(&b, 1), "-1 EPERM");
  CHECK_STR(got(&b, 0), "0 ok");
  p.args[0] = (ctr_syscall_arg){0, 0xf0, 0x20, CTR_SCMP_CMP_MASKED_EQ};
  CHECK_STR(got(&b, 0x2f), "-1 EPERM");
  CHECK_STR(got(&b, 0x4f), "-1 EINVAL");
  p.args[0] = (ctr_syscall_arg){0, 1, 0, CTR_SCMP_CMP_GT};
  CHECK_STR(got(&b, 2), "-1 EPERM");
  CHECK_STR(got(&b, 1), "99 ok");
  if (sizeof(long) == 8) CHECK_STR(got(&b, 1UL + (1UL << 31 << 1)), "-1 EPERM");
  p.args[1] = (ctr_syscall_arg){1, 5, 0, CTR_SCMP_CMP_NE};
  about_the_call(&b, &p, CTR_SCMP_ACT_ERRNO, (ctr_uint){0}, 2);
  CHECK_RAN(box_run(&b, "call", text("%ld:2:4", (long)CALL), text("%ld:2:5", (long)CALL)));
  CHECK_STR(box_said(&b, text("%ld:2:4", (long)CALL)), "-1 EPERM");
  CHECK_STR(box_said(&b, text("%ld:2:5", (long)CALL)), "99 ok"); /* SCHED_RR */
  box_free(&b);
}

TEST(flags_are_taken_by_the_kernel) {
  box b = box_new();
  profile p = {0};
  about_the_call(&b, &p, CTR_SCMP_ACT_ERRNO, (ctr_uint){0}, 0);
  b.config->linux_.seccomp.flags = CTR_STRS("SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                                            "SECCOMP_FILTER_FLAG_SPEC_ALLOW");
  CHECK_STR(got(&b, 1), "-1 EPERM");
  box_free(&b);
}

/* -- real profiles -- */

static void use_real(box *b, const char *name) {
  static char read_text[1 << 16], config[1 << 17];
  const char *top = getenv("CTR_TOP");
  FILE *file = fopen(text("%s/tests/profiles/%s.json", top ? top : ".", name), "re");
  size_t len = file ? fread(read_text, 1, sizeof read_text - 1, file) : 0;
  if (file) fclose(file);
  read_text[len] = '\0';
  snprintf(config, sizeof config,
           "{\"ociVersion\":\"1.3.0\",\"process\":{\"cwd\":\"/\"},\"linux\":{\"seccomp\":%s}}",
           read_text);
  ctr_config *read = NULL;
  if (ctr_config_parse(&b->mem, config, strlen(config), &read, &b->err))
    test_fail(__FILE__, __LINE__, "%s: %s", name, b->err.msg);
  else
    b->config->linux_.seccomp = read->linux_.seccomp;
}

TEST(what_engines_write_lets_programs_run) {
  static const char *const names[] = {"podman-4.3", "containerd-1.6"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    for (int no_new = 0; no_new < 2; no_new++) {
      box b = box_new();
      use_real(&b, names[i]);
      b.config->process.noNewPrivileges = no_new;
      CHECK_RAN(box_run(&b, "self"));
      CHECK_STR(box_said(&b, "Seccomp"), "2");
      CHECK_STR(box_said(&b, "personality"), "0"); /* one of the values that are allowed */
      const char *newer = "600:1", *other = text("%ld:1", (long)SYS_personality);
      const char *denied = text("%ld:0", (long)SYS_swapoff);
      CHECK_RAN(box_run(&b, "call", newer, other, denied));
      CHECK_STR(box_said(&b, newer), "-1 ENOSYS");
      CHECK_STR(box_said(&b, denied), "-1 EPERM");
      CHECK_MSG(!strncmp(box_said(&b, other), "-1", 2), "personality: %s", box_said(&b, other));
      box_free(&b);
    }
}

/* A program of x86_64 can make calls of i386 at any time. What engines write names both; without
   libseccomp the first such call is the end. */
TEST(calls_of_another_architecture_are_filtered_or_the_end) {
#ifdef __x86_64__
  box b = box_new();
  box_unfilter(&b);
  CHECK_RAN(box_run(&b, "i386", "20")); /* getpid; 115 is swapoff */
  if (!strcmp(box_said(&b, "i386:20"), "-38")) SKIP("this kernel has no calls of i386");
  use_real(&b, "containerd-1.6");
  box_run(&b, "i386", "20", "115");
#ifdef CTR_WITH_LIBSECCOMP
  CHECK_RAN(&b);
  CHECK_MSG(atoi(box_said(&b, "i386:20")) > 0, "%s", b.out);
  CHECK_STR(box_said(&b, "i386:115"), text("%d", -EPERM));
#else
  CHECK_MSG(!b.code && b.exit.signal == SIGSYS, "%s, signal %d: %s", b.err.msg, b.exit.signal,
            b.out);
#endif
  b.config->linux_.seccomp.architectures = CTR_STRS("SCMP_ARCH_X86_64");
  box_run(&b, "i386", "20");
  CHECK_MSG(!b.code && b.exit.signal == SIGSYS, "%s, signal %d", b.err.msg, b.exit.signal);
  CHECK_STR(b.warnings, "");
  box_free(&b);
#endif
}

/* -- whose capabilities they are -- */

/* The one that loading takes is not left to the program: not to root, nor to another. */
TEST(the_capability_for_loading_is_gone) {
  for (int plain = 0; plain < 2; plain++) {
    box b = plain ? box_plain(box_of(me().simplest)) : box_new();
    profile p = {0};
    char without[3][32];
    static const char *const sets[] = {"CapPrm", "CapEff", "CapBnd"};
    b.config->process.noNewPrivileges = false;
    CHECK_RAN(box_run(&b, "self"));
    for (int i = 0; i < 3; i++) snprintf(without[i], 32, "%s", box_said(&b, sets[i]));
    about_the_call(&b, &p, CTR_SCMP_ACT_ERRNO, (ctr_uint){0}, 0);
    CHECK_RAN(box_run(&b, "self"));
    CHECK_STR(box_said(&b, "Seccomp"), "2");
    for (int i = 0; i < 3; i++) CHECK_STR(box_said(&b, sets[i]), without[i]);
    CHECK_MSG(!(strtoull(box_said(&b, "CapEff"), NULL, 16) & CTR_CAP(SYS_ADMIN)), "%s", b.out);
    box_free(&b);
  }
}

static int admin_in_function(void *unused) {
  uint64_t effective, permitted;
  (void)unused;
  ctr__own_caps(&effective, &permitted);
  errno = 0;
  bool filtered = syscall(CALL, 1) == -1 && errno == EPERM;
  return (filtered ? 10 : 0) + ((effective | permitted) & CTR_CAP(SYS_ADMIN) ? 1 : 0);
}

TEST(functions_are_filtered) {
  for (int no_new = 0; no_new < 2; no_new++) {
    box b = box_new();
    profile p = {0};
    about_the_call(&b, &p, CTR_SCMP_ACT_ERRNO, (ctr_uint){0}, 0);
    b.config->process.noNewPrivileges = no_new;
    b.plan.call_function = true;
    b.process.function = admin_in_function;
    box_run(&b, "unused");
    CHECK_MSG(!b.code && b.exit.code == 10, "%s, code %d", b.err.msg, b.exit.code);
    box_free(&b);
  }
}

/* -- what cannot start -- */

TEST(a_filter_that_lets_nothing_happen_is_the_end_of_the_start) {
  box b = box_new();
  b.config->linux_.seccomp = (ctr_seccomp){.defaultAction = CTR_SCMP_ACT_KILL};
  box_run(&b, "exit", "0");
  CHECK_NUM(b.code, CTR_E_PROTOCOL);
  CHECK_HAS(b.err.msg, "execute /probe");
  CHECK_HAS(b.err.msg, "killed by signal 31");
  b.config->linux_.seccomp = (ctr_seccomp){.defaultAction = CTR_SCMP_ACT_ERRNO};
  CHECK_REFUSED(box_run(&b, "exit", "0"), "process.args[0]", "Operation not permitted");
  b.config->linux_.seccomp.defaultErrnoRet = (ctr_uint){true, EBUSY};
  CHECK_REFUSED(box_run(&b, "exit", "0"), "process.args[0]", "execute /probe");
  CHECK_NUM(b.err.sys, EBUSY);
  box_free(&b);
}

/* -- containers -- */

/* Runs the probe's "call" in it with its output in out. */
static const char *call_in(ctr_container *c, box *b, unsigned long argument) {
  const char *words = to_call(CALL, argument);
  ctr_process_config process = ctr_container_config(c)->process;
  process.args = CTR_STRS("/probe", "call", words);
  box_join(b, c, &process);
  return box_said(b, words);
}

TEST(what_joins_a_container_is_filtered_as_it_is) {
  for (int no_new = 0; no_new < 2; no_new++) {
    box b = box_new();
    profile p = {0};
    char states[300];
    const ctr_container_desc desc = box_container(&b, states);
    ctr_container *c = NULL, *found = NULL;
    about_the_call(&b, &p, CTR_SCMP_ACT_ERRNO, (ctr_uint){true, EBUSY}, 0);
    b.config->process.noNewPrivileges = no_new;
    b.config->process.args = CTR_STRS("/probe", "wait");
    CHECK_MSG(!ctr_container_run(b.config, "one", &desc, &c, &b.err), "%s", b.err.msg);
    CHECK(!ctr_container_open(states, "one", &found, &b.err)); /* from its state alone */
    if (found) CHECK_STR(call_in(found, &b, 1), "-1 EBUSY");
    CHECK(!ctr_container_delete(c, true, &b.err));
    ctr_container_free(found);
    ctr_container_free(c);
    box_free(&b);
  }
}

TEST(a_created_container_that_cannot_execute_is_not_started) {
  static const ctr_seccomp_action actions[] = {CTR_SCMP_ACT_KILL, CTR_SCMP_ACT_ERRNO};
  for (int i = 0; i < 2; i++) {
    box b = box_new();
    char states[300];
    const ctr_container_desc desc = box_container(&b, states);
    ctr_container *c = NULL;
    b.config->linux_.seccomp = (ctr_seccomp){.defaultAction = actions[i]};
    b.config->process.args = CTR_STRS("/probe", "exit", "0");
    CHECK_MSG(!ctr_container_create(b.config, "one", &desc, &c, &b.err), "%s", b.err.msg);
    if (!c) continue;
    CHECK_MSG(ctr_container_start(c, &b.err), "action %d: started", actions[i]);
    CHECK(!ctr_container_delete(c, true, &b.err));
    ctr_container_free(c);
    box_free(&b);
  }
}

/* -- hooks inside -- */

/* Creates and starts a container whose program ends at once; what its hook says lies in /notes. */
static const box *start_hooked(box *b) {
  char states[300];
  ctr_container_desc desc = box_container(b, states);
  const ctr_hook hook = {.path = "/probe", .args = CTR_STRS("probe", "note", "/notes", "hook")};
  ctr_container *c = NULL;
  desc.plan.filters = b->plan.filters;
  desc.plan.filter_count = b->plan.filter_count;
  desc.plan.inner_userns = b->plan.inner_userns;
  desc.plan.call_function = b->process.function;
  desc.process.function = b->process.function;
  b->config->hooks.startContainer = (ctr_hook_list){&hook, 1};
  b->config->process.args = CTR_STRS("/probe", "exit", "0");
  mkdir(in_root(b, "notes"), 0777);
  chmod(in_root(b, "notes"), 0777);
  CHECK_MSG(!ctr_container_create(b->config, "one", &desc, &c, &b->err), "%s", b->err.msg);
  if (!c) return b;
  b->code = ctr_container_start(c, &b->err);
  if (!b->code) CHECK(!ctr_process_wait(ctr_container_process(c), &b->exit, NULL));
  ctr_container_delete(c, true, NULL);
  ctr_container_free(c);
  return b;
}

static void check_hook_is_filtered(box *b, const char *filters) {
  CHECK_RAN(start_hooked(b));
  const char *said = get_file(in_root(b, "notes/hook"));
  CHECK_HAS(said, text("Seccomp %s", filters));
  CHECK_HAS(said, b->config->process.noNewPrivileges ? "NoNewPrivs 1" : "NoNewPrivs 0");
  remove(in_root(b, "notes/hook"));
}

TEST(hooks_inside_are_filtered) {
  for (int i = 0; i < 4; i++) {
    box b = box_new();
    profile p = {0};
    b.config->process.noNewPrivileges = i % 2;
    b.config->linux_.seccomp.defaultAction = 0;
    check_hook_is_filtered(&b, "0");
    about_the_call(&b, &p, CTR_SCMP_ACT_ERRNO, (ctr_uint){0}, 0);
    const ctr_strs flags = CTR_STRS("SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG");
    if (i / 2) b.config->linux_.seccomp.flags = flags;
    check_hook_is_filtered(&b, "2");
    box_free(&b);
  }
}

static int end_well(void *unused) {
  (void)unused;
  return 0;
}

/* By the caller's own filters too, before a function as well, and in the inner user namespace. */
TEST(hooks_inside_are_filtered_whatever_comes_after) {
  const struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
  const ctr_filter filters[] = {{&allow, sizeof allow}, {&allow, sizeof allow}};
  for (int i = 0; i < 8; i++) {
    box b = box_new();
    b.config->process.noNewPrivileges = i & 1;
    b.process.function = i & 2 ? end_well : NULL;
    b.plan.inner_userns = i & 4;
    b.plan.filters = filters;
    b.plan.filter_count = 2;
    check_hook_is_filtered(&b, "2");
    box_free(&b);
  }
}

TEST(a_hook_that_a_filter_keeps_from_executing_is_the_end_of_the_start) {
  box b = box_new();
  b.config->linux_.seccomp = (ctr_seccomp){.defaultAction = CTR_SCMP_ACT_ERRNO};
  CHECK_REFUSED(start_hooked(&b), "hooks.startContainer[0]",
                "under the container's seccomp filter: Operation not permitted");
  b.config->linux_.seccomp.defaultErrnoRet = (ctr_uint){true, EBUSY};
  CHECK_REFUSED(start_hooked(&b), "hooks.startContainer[0]", "seccomp filter");
  CHECK_NUM(b.err.sys, EBUSY);
  b.config->linux_.seccomp = (ctr_seccomp){.defaultAction = CTR_SCMP_ACT_KILL};
  CHECK_REFUSED(start_hooked(&b), "hooks.startContainer[0]", "ended by SIGSYS, as a seccomp");
  /* Each of them is loaded, not the first alone. */
  const struct sock_filter answers[] = {{.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW},
                                        {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ERRNO | EBUSY}};
  const ctr_filter filters[] = {{&answers[0], sizeof *answers}, {&answers[1], sizeof *answers}};
  b.config->linux_.seccomp = (ctr_seccomp){.defaultAction = 0};
  b.plan.filters = filters;
  b.plan.filter_count = 2;
  CHECK_REFUSED(start_hooked(&b), "hooks.startContainer[0]", "seccomp filter");
  CHECK_NUM(b.err.sys, EBUSY);
  box_free(&b);
}

/* -- who listens -- */

/* An agent that answers one call, with 42 or with what answer says; a process of its own, which
   ends then or when agent_end is called. */
typedef struct agent {
  char path[300], told[4096];
  int answer;
  bool lets_go_on, was_asked;
  unsigned long argument;
  int stop; /* closed: it is to end */
  pid_t pid;
} agent;

/* What both see. */
static agent *agent_new(void) {
  void *shared =
      mmap(NULL, sizeof(agent), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) abort();
  return shared;
}

static void agent_answer(agent *a, int listener, int stop) {
  struct pollfd asked[2] = {{.fd = listener, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
  struct seccomp_notif question = {0};
  if (poll(asked, 2, -1) < 1 || !(asked[0].revents & POLLIN) ||
      ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &question) < 0)
    return;
  struct seccomp_notif_resp answer = {.id = question.id};
  if (a->lets_go_on)
    answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  else if (a->answer)
    answer.error = -a->answer;
  else
    answer.val = 42;
  a->was_asked = question.data.nr == CALL;
  a->argument = (unsigned long)question.data.args[0];
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
}

static _Noreturn void be_agent(agent *a, int sock, int stop) {
  struct pollfd called[2] = {{.fd = sock, .events = POLLIN}, {.fd = stop, .events = POLLIN}};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (poll(called, 2, -1) > 0 && (called[0].revents & POLLIN)) {
    char more;
    int conn = accept(sock, NULL, NULL), listener = -1;
    ssize_t n = ctr__receive_packet(conn, a->told, sizeof a->told - 1, &listener);
    a->told[n > 0 ? n : 0] = '\0';
    if (read(conn, &more, 1) != 0) strcat(a->told, "+more"); /* one state, then the end */
    close(conn);
    if (listener >= 0) agent_answer(a, listener, stop);
  }
  _exit(0);
}

static void agent_start(agent *a, const box *b) {
  int stop[2];
  snprintf(a->path, sizeof a->path, "%s/agent", b->dir);
  unlink(a->path);
  int sock = ctr__listen(AT_FDCWD, a->path, SOCK_STREAM);
  CHECK(sock >= 0 && !ctr__pipe(stop));
  a->told[0] = '\0';
  a->was_asked = false;
  a->stop = stop[1];
  a->pid = fork();
  if (a->pid == 0) {
    close(stop[1]);
    be_agent(a, sock, stop[0]);
  }
  close(stop[0]);
  close(sock);
}

static void agent_end(agent *a) {
  ctr__close(&a->stop);
  waitpid(a->pid, NULL, 0);
  unlink(a->path);
}

static void agent_free(agent *a) {
  munmap(a, sizeof *a);
}

static void notify(box *b, profile *p, const char *path) {
  about_the_call(b, p, CTR_SCMP_ACT_NOTIFY, (ctr_uint){0}, 0);
  b->config->linux_.seccomp.listenerPath = path;
  b->config->linux_.seccomp.listenerMetadata = "A=\"1\"";
  b->plan.id = "box";
}

TEST(who_listens_answers_for_the_kernel) {
  for (int no_new = 0; no_new < 2; no_new++) {
    box b = box_new();
    profile p = {0};
    agent *a = agent_new();
    b.config->process.noNewPrivileges = no_new;
    notify(&b, &p, "agent"); /* relative to the bundle */
    agent_start(a, &b);
    CHECK_STR(got(&b, 1), "42 ok");
    agent_end(a);
    CHECK_MSG(a->was_asked && a->argument == 1, "it was not asked: %s", a->told);
    a->answer = EBUSY;
    agent_start(a, &b);
    CHECK_STR(got(&b, 0), "-1 EBUSY");
    agent_end(a);
    a->lets_go_on = true;
    b.config->linux_.seccomp.flags =
        CTR_STRS("SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                 "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"); /* Linux 5.19 */
    agent_start(a, &b);
    CHECK_STR(got(&b, 1), "99 ok");
    agent_end(a);
    agent_free(a);
    box_free(&b);
  }
}

/* Nothing of what it is notified by is left to the program: the agent's copies are the only ones.
 */
TEST(the_program_has_no_listener_of_its_own) {
  box b = box_new();
  profile p = {0};
  agent *a = agent_new();
  a->lets_go_on = true;
  notify(&b, &p, "agent");
  agent_start(a, &b);
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "descriptors"), "0 1 2");
  agent_end(a);
  agent_free(a);
  box_free(&b);
}

/* The state of runtime.md: whose call it is, and what the container is meanwhile. */
TEST(who_listens_is_told_of_whom) {
  box b = box_new();
  profile p = {0};
  agent *a = agent_new();
  char states[300];
  const ctr_container_desc desc = box_container(&b, states);
  ctr_container *c = NULL;
  notify(&b, &p, "agent");
  agent_start(a, &b);
  b.config->process.args = CTR_STRS("/probe", "wait");
  CHECK_MSG(!ctr_container_run(b.config, "one", &desc, &c, &b.err), "%s", b.err.msg);
  if (!c) return;
  const int64_t first = ctr_process_pid(ctr_container_process(c));
  agent_end(a);
  CHECK_HAS(a->told, "\"fds\":[\"seccompFd\"],\"metadata\":\"A=\\\"1\\\"\"");
  CHECK_HAS(a->told, "\"id\":\"one\"");
  CHECK_HAS(a->told, text("\"bundle\":\"%s\"", b.dir));
  CHECK_HAS(a->told, text("\"status\":\"creating\",\"pid\":%lld},\"pid\":%lld}", (long long)first,
                          (long long)first));
  /* One more process has a filter of its own, and its own questions. */
  agent_start(a, &b);
  CHECK_STR(call_in(c, &b, 1), "42 ok");
  agent_end(a);
  CHECK_HAS(a->told, "\"status\":\"running\"");
  CHECK_HAS(a->told, text("\"status\":\"running\",\"pid\":%lld},\"pid\":", (long long)first));
  CHECK(!ctr_container_delete(c, true, &b.err));
  ctr_container_free(c);
  agent_free(a);
  box_free(&b);
}

/* Who starts a created container, maybe another process than its maker, hands it on. */
TEST(who_listens_is_told_when_a_created_container_is_started) {
  box b = box_new();
  profile p = {0};
  agent *a = agent_new();
  char states[300];
  const ctr_container_desc desc = box_container(&b, states);
  ctr_container *c = NULL, *found = NULL;
  ctr_state state = {0};
  ctr_exit status = {.code = -1};
  notify(&b, &p, "agent");
  b.config->process.args = CTR_STRS("/probe", "call", to_call(CALL, 1));
  CHECK_MSG(!ctr_container_create(b.config, "one", &desc, &c, &b.err), "%s", b.err.msg);
  CHECK(!ctr_container_open(states, "one", &found, &b.err));
  if (!found) return;
  /* As long as nobody listens it is not started, and can be later. */
  CHECK(ctr_container_start(found, &b.err) == CTR_E_SYS && b.err.sys == ENOENT);
  CHECK_STR(b.err.field, "linux.seccomp.listenerPath");
  CHECK(!ctr_container_state(found, &state, &b.err) && state.status == CTR_STATUS_CREATED);
  agent_start(a, &b);
  CHECK_MSG(!ctr_container_start(found, &b.err), "%s", b.err.msg);
  CHECK(!ctr_process_wait(ctr_container_process(c), &status, &b.err) && status.code == 0);
  agent_end(a);
  CHECK(a->was_asked);
  CHECK_HAS(a->told, "\"status\":\"created\"");
  CHECK(!ctr_container_delete(found, true, &b.err));
  ctr_container_free(found);
  ctr_container_free(c);
  agent_free(a);
  box_free(&b);
}

TEST(without_who_listens_nothing_is_started) {
  box b = box_new();
  profile p = {0};
  notify(&b, &p, "nobody");
  CHECK_REFUSED(box_run(&b, "exit", "0"), "linux.seccomp.listenerPath", "listener's socket");
  CHECK_NUM(b.err.sys, ENOENT);
  box_free(&b);
}

/* Bringing the descriptor takes calls: one who forbids them is told, and nothing is left. */
TEST(a_filter_that_forbids_bringing_it_is_the_end_of_the_start) {
  static const char *const names[] = {"sendmsg", "read"};
  for (size_t i = 0; i < 2; i++) {
    box b = box_new();
    profile p = {0};
    agent *a = agent_new();
    notify(&b, &p, "agent");
    p.calls[1] = (ctr_syscall){.names = {&names[i], 1}, .action = CTR_SCMP_ACT_ERRNO};
    b.config->linux_.seccomp.syscalls.count = 2;
    agent_start(a, &b);
    box_run(&b, "exit", "0");
    CHECK_MSG(b.code, "%s: it ran", names[i]);
    CHECK_STR(b.err.field, "linux.seccomp");
    CHECK_HAS(b.err.msg, "Operation not permitted");
    agent_end(a);
    agent_free(a);
    box_free(&b);
  }
}

/* To a hook a call does not exist that is asked about: who listens does so for the program. */
TEST(who_listens_is_not_asked_about_hooks) {
  box b = box_new();
  profile p = {0};
  agent *a = agent_new();
  notify(&b, &p, "agent");
  p.names[0] = "execve";
  b.config->linux_.seccomp.flags =
      CTR_STRS("SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
  agent_start(a, &b);
  CHECK_REFUSED(start_hooked(&b), "hooks.startContainer[0]", "seccomp filter");
  CHECK_NUM(b.err.sys, ENOSYS);
  agent_end(a);
  CHECK(!a->was_asked);
  agent_free(a);
  box_free(&b);
}

TEST_MAIN
