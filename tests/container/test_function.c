/* A function of the caller in the place of a program, and the user namespace below that of the
   mounts. */
#include "box.h"

#include <sys/mount.h>
#include <sys/prctl.h>

typedef struct call {
  const char *what;
  int number;
} call;

static box box_calling(int (*function)(void *), void *data) {
  box b = box_new();
  b.plan.call_function = true;
  b.process.function = function;
  b.process.function_data = data;
  return b;
}

/* -- functions -- */

static int say_and_count(void *data) {
  call *c = data;
  printf("said %s\npid %d\nhere %s\nenv %s\n", c->what, (int)getpid(),
         access("/probe", F_OK) == 0 ? "the box" : "elsewhere", getenv("WHAT"));
  fflush(stdout);
  c->number++;
  return 256 + 42;
}

TEST(a_function_is_called_in_the_container) {
  call c = {"hello", 7};
  box b = box_calling(say_and_count, &c);
  b.config->process.env = CTR_STRS("WHAT=this");
  box_go(&b);
  CHECK_NUM(b.code, CTR_OK);
  CHECK_NUM(b.exit.code, 42); /* the lowest 8 bits */
  CHECK_STR(box_said(&b, "said"), "hello");
  CHECK_STR(box_said(&b, "pid"), "1");
  CHECK_STR(box_said(&b, "here"), "the box");
  CHECK_STR(box_said(&b, "env"), "this");
  CHECK_NUM(c.number, 7); /* its memory is a copy */
  box_free(&b);
}

static int list_descriptors(void *data) {
  (void)data;
  for (int fd = 3; fd < 1024; fd++)
    if (fcntl(fd, F_GETFD) >= 0) printf("fd %d\n", fd);
  fflush(stdout);
  return 0;
}

TEST(a_function_has_the_descriptors_it_is_to_have_and_gaps_stay_closed) {
  static const int fds[] = {0, -1, 0};
  box b = box_calling(list_descriptors, NULL);
  b.process.extra_fds = fds;
  b.process.extra_fd_count = 3;
  CHECK_RAN(box_go(&b));
  CHECK_STR(b.out, "fd 3\nfd 5\n");
  box_free(&b);
}

static int say_dumpable(void *data) {
  (void)data;
  return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

/* A debugger, or its own /proc/self/mem: as after execve. */
TEST(a_function_can_be_looked_into) {
  box b = box_calling(say_dumpable, NULL);
  box_go(&b);
  CHECK_NUM(b.code, CTR_OK);
  CHECK_NUM(b.exit.code, 1);
  box_free(&b);
}

static int list_shared_memory(void *data) {
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "re");
  (void)data;
  printf("read %s\n", maps ? "yes" : "no");
  while (maps && fgets(line, sizeof line, maps))
    if (strstr(line, "/dev/zero (deleted)")) printf("shared %s", line);
  fflush(stdout);
  return 0;
}

TEST(a_function_shares_no_memory_with_its_caller) {
  box b = box_calling(list_shared_memory, NULL);
  CHECK_RAN(box_go(&b));
  CHECK_STR(b.out, "read yes\n");
  box_free(&b);
}

static int *shared_word;

/* Whether it is there, without dying of it: write(2) says EFAULT. */
static int touch_shared_word(void *data) {
  int ends[2];
  (void)data;
  const bool is_there =
      pipe2(ends, O_CLOEXEC) == 0 && write(ends[1], shared_word, sizeof *shared_word) > 0;
  printf("there %d\n", is_there);
  fflush(stdout);
  if (is_there) *shared_word = 7;
  return 0;
}

TEST(what_the_caller_shares_with_others_is_no_functions) {
  shared_word =
      mmap(NULL, sizeof *shared_word, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int share = 0; share < 2; share++) {
    box b = box_calling(touch_shared_word, NULL);
    b.plan.share_memory = share;
    CHECK_RAN(box_go(&b));
    CHECK_STR(b.out, share ? "there 1\n" : "there 0\n");
    CHECK_NUM(*shared_word, share ? 7 : 0);
    box_free(&b);
  }
  munmap(shared_word, sizeof *shared_word);
}

TEST(a_function_is_filtered_without_no_new_privileges_too) {
  call c = {"hello", 7};
  box b = box_calling(say_and_count, &c);
  b.config->process.noNewPrivileges = false;
  b.config->linux_.seccomp = (ctr_seccomp){.defaultAction = CTR_SECCOMP_STRICT};
  box_go(&b);
  CHECK_NUM(b.code, CTR_OK);
  CHECK_NUM(b.exit.code, 42);
  box_free(&b);
}

static int crash(void *data) {
  (void)data;
  __builtin_trap();
}

TEST(a_function_that_crashes_is_a_signal_and_no_failed_start) {
  box b = box_calling(crash, NULL);
  box_go(&b);
  CHECK_NUM(b.code, CTR_OK);
  CHECK(b.exit.signal == SIGILL || b.exit.signal == SIGTRAP);
  box_free(&b);
}

/* Whole pages that cannot be written to, whatever the size of one. */
static const volatile char __attribute__((aligned(1 << 16))) written_by_nobody[1 << 16] =
    "by the file";

static int say_what_was_written(void *data) {
  (void)data;
  for (const volatile char *at = written_by_nobody; *at; at++) putchar(*at);
  fflush(stdout);
  return 0;
}

static void write_over_it(char first) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *at = (char *)(uintptr_t)written_by_nobody;
  CHECK(mprotect(at, page, PROT_READ | PROT_WRITE) == 0);
  *(volatile char *)at = first;
  CHECK(mprotect(at, page, PROT_READ) == 0);
}

/* As who patches code does: the child lets go of the program's file, not of that. */
TEST(what_was_written_over_the_program_stays_written) {
  box b = box_calling(say_what_was_written, NULL);
  write_over_it('B');
  CHECK_RAN(box_go(&b));
  CHECK_STR(b.out, "By the file");
  write_over_it('b');
  box_free(&b);
}

/* Each page says in the file which it is. */
enum { PAGE = 4096, PAGES = 64, CHANGED = 200 };
#define SAYS(n)    [(n)*PAGE] = (n) + 1
#define FOUR(n)    SAYS(n), SAYS((n) + 1), SAYS((n) + 2), SAYS((n) + 3)
#define SIXTEEN(n) FOUR(n), FOUR((n) + 4), FOUR((n) + 8), FOUR((n) + 12)
static volatile unsigned char __attribute__((aligned(PAGE)))
pages[PAGES * PAGE] = {SIXTEEN(0), SIXTEEN(16), SIXTEEN(32), SIXTEEN(48)};

static bool is_changed(int page) {
  return page == 0 || page == 3 || page == 30 || page == PAGES - 1;
}

static int say_which_pages_are_wrong(void *data) {
  (void)data;
  for (int i = 0; i < PAGES; i++)
    if (pages[i * PAGE] != (is_changed(i) ? CHANGED : i + 1)) printf(" %d", i);
  return fflush(stdout);
}

/* Near ones, far ones, the last: what lies between is as the file says. */
TEST(some_pages_of_the_program_are_written_to) {
  box b = box_calling(say_which_pages_are_wrong, NULL);
  for (int i = 0; i < PAGES; i++)
    if (is_changed(i)) pages[i * PAGE] = CHANGED;
  CHECK_RAN(box_go(&b));
  CHECK_STR(b.out, "");
  box_free(&b);
}

static int execute_probe(void *data) {
  (void)data;
  char *argv[] = {"/probe", "exit", "9", NULL};
  execve("/probe", argv, environ);
  return 1;
}

/* In a child: whether a process that has unshared so much lets go of its program by a copy. */
static bool copies_its_program(int unshared, unsigned long propagation) {
  int status;
  const pid_t pid = fork();
  if (pid == 0) {
    const ctr__step step = {.num = {true, (uint64_t)sysconf(_SC_PAGESIZE)}};
    const ctr__launch launch = {.plan = NULL};
    ctr__child c = ctr__child_state(&launch);
    c.proc = ctr__open_proc();
    if (unshare(unshared) < 0) _exit(3);
    if (propagation && mount(NULL, "/", NULL, propagation, NULL) < 0) _exit(4);
    const int r = ctr__child_seal_program(&c, &step);
    _exit(r < 0 ? 5 : c.view_tree >= 0);
  }
  CHECK_NUM(waitpid(pid, &status, 0), pid);
  CHECK_MSG(status >> 8 < 3, "ended with %d", status >> 8);
  return status == 0;
}

TEST(a_program_on_a_mount_that_cannot_be_copied_is_copied_itself) {
  CHECK(!copies_its_program(CLONE_NEWUSER | CLONE_NEWNS, 0));
  CHECK(copies_its_program(CLONE_NEWUSER | CLONE_NEWNS, MS_UNBINDABLE | MS_REC)); /* EINVAL */
  CHECK(copies_its_program(CLONE_NEWUSER, 0));                                    /* EPERM  */
}

TEST(a_function_may_execute_a_program) {
  box b = box_calling(execute_probe, NULL);
  box_go(&b);
  CHECK_NUM(b.exit.code, 9);
  box_free(&b);
}

TEST(a_function_and_a_plan_that_calls_one_go_together) {
  box b = box_new();
  ctr_plan *calls = NULL, *executes = NULL;
  ctr_process *process = NULL;
  const ctr_process_desc with = {.function = list_descriptors};
  b.plan.bundle = b.dir;
  CHECK_NUM(ctr_plan_new(b.config, &b.plan, &executes, &b.err), CTR_OK);
  b.plan.call_function = true;
  CHECK_NUM(ctr_plan_new(b.config, &b.plan, &calls, &b.err), CTR_OK);
  CHECK_NUM(ctr_process_new(executes, &with, &process, &b.err), CTR_E_ARG);
  CHECK_NUM(ctr_process_new(calls, NULL, &process, &b.err), CTR_E_ARG);
  CHECK_HAS(b.err.msg, "go together");
  ctr_plan_free(calls);
  ctr_plan_free(executes);
  box_free(&b);
}

/* -- the inner user namespace -- */

static box box_inner(void) {
  box b = box_new();
  b.plan.inner_userns = true;
  b.config->process.user.uid = 4711;
  b.config->process.user.gid = 4712;
  return b;
}

TEST(the_inner_user_namespace_has_one_id) {
  box b = box_inner();
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "uid"), "4711 4711 4711");
  CHECK_STR(box_said(&b, "gid"), "4712 4712 4712");
  CHECK_RAN(box_run(&b, "cat", "/proc/self/uid_map"));
  unsigned inside, outside, count;
  CHECK(sscanf(b.out, "%u %u %u", &inside, &outside, &count) == 3);
  CHECK_NUM(inside, 4711);
  CHECK_NUM(outside, 0);
  CHECK_NUM(count, 1);
  CHECK_RAN(box_run(&b, "cat", "/proc/self/setgroups"));
  CHECK_STR(b.out, "deny\n");
  box_free(&b);
}

static int try_to_change_mounts(void *data) {
  (void)data;
  printf("remount %d\n", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) ? errno : 0);
  printf("umount %d\n", umount2("/proc", MNT_DETACH) ? errno : 0);
  printf("hostname %d\n", sethostname("x", 1) ? errno : 0);
  printf("setuid %d\n", setresuid(4711, 4711, 4711) ? errno : 0);
  fflush(stdout);
  return 0;
}

TEST(from_the_inner_user_namespace_nothing_outside_is_changed_with_all_capabilities) {
  static const uint64_t all = (UINT64_C(1) << CTR_CAP_COUNT) - 1;
  const char *const out_of_reach[] = {"remount", "umount", "hostname"};
  for (int inner = 0; inner < 2; inner++) {
    box b = box_calling(try_to_change_mounts, NULL);
    if (inner) b.config->process.user = (ctr_user){.uid = 4711, .gid = 4711};
    b.plan.inner_userns = inner;
    b.config->root.readonly = false;
    b.config->process.capabilities = (ctr_capabilities){all, all, all, all, all};
    CHECK_RAN(box_go(&b));
    for (size_t i = 0; i < 3; i++)
      CHECK_MSG(!strcmp(box_said(&b, out_of_reach[i]), inner ? text("%d", EPERM) : "0"),
                "inner %d, %s: %s", inner, out_of_reach[i], box_said(&b, out_of_reach[i]));
    box_free(&b);
  }
}

TEST(the_inner_user_namespace_is_not_for_groups) {
  static const uint32_t group = 5;
  box b = box_inner();
  b.config->process.user.additionalGids = (ctr_ids){&group, 1};
  CHECK_REFUSED(box_run(&b, "self"), "process.user.additionalGids", "additional groups");
  box_free(&b);
}

static const char *namespace_of(pid_t pid, const char *kind) {
  char name[64] = "";
  ssize_t len = readlink(text("/proc/%d/ns/%s", (int)pid, kind), name, sizeof name - 1);
  return text("%.*s", len < 0 ? 0 : (int)len, name);
}

TEST(what_is_executed_in_a_container_comes_to_be_in_its_inner_user_namespace) {
  static const char *const kinds[] = {"user", "mnt", "pid", "net", "ipc", "uts"};
  box b = box_inner();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) test_fail(__FILE__, __LINE__, "cannot make a pipe");
  b.plan.bundle = b.dir;
  b.config->process.args = CTR_STRS("/probe", "read", "0"); /* until we let go of the other end */
  const ctr_process_desc stdio = {.stdio = CTR_STDIO_FDS, .fds = {ends[0], -1, -1}};
  const ctr_container_desc desc = {.root = b.dir, .plan = b.plan, .process = stdio};
  const ctr_exec_desc exec_desc = {.process = stdio};
  ctr_container *c = NULL;
  ctr_process *process = NULL;
  ctr_exit end;
  if (ctr_container_run(b.config, "inner", &desc, &c, &b.err))
    test_fail(__FILE__, __LINE__, "%s", b.err.msg);
  else if (ctr_container_exec(c, &ctr_container_config(c)->process, &exec_desc, &process, &b.err))
    test_fail(__FILE__, __LINE__, "%s", b.err.msg);
  else {
    pid_t init = ctr_process_pid(ctr_container_process(c)), other = ctr_process_pid(process);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
      CHECK_STR(namespace_of(other, kinds[i]), namespace_of(init, kinds[i]));
    CHECK_HAS(get_file(text("/proc/%d/uid_map", (int)other)), "4711");
  }
  ctr__close(&ends[0]);
  ctr__close(&ends[1]);
  if (process) CHECK_NUM(ctr_process_wait(process, &end, &b.err), CTR_OK);
  ctr_process_free(process);
  if (c) CHECK_NUM(ctr_container_delete(c, true, &b.err), CTR_OK);
  ctr_container_free(c);
  box_free(&b);
}

TEST_MAIN
