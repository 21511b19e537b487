/* Cgroups as directories full of processes: made, entered, listed, frozen, killed, removed. Each
   test runs on the kinds of hierarchy that there are: the v1 freezer, v2, both, and one without a
   freezer. They are all below one cgroup of the tester's own, ctr-test-PID. */
#include "children.h"

#include <sys/mman.h>

enum { HIERARCHIES = 4 };

typedef struct groups {
  char paths[HIERARCHIES][4096];
  ctr__cgroup items[HIERARCHIES];
  ctr__cgroups all;
} groups;

static int reports[2]; /* who saw a SIGUSR1: pids */

/* -- hierarchies of this machine -- */

/* kinds: a comma-separated list of controllers and "v2"; none when one is not there. */
static groups groups_of(const char *kinds) {
  static char names[HIERARCHIES][32];
  groups g = {.all = {.count = 0}};
  size_t n = 0;
  for (const char *at = kinds; *at; at += strcspn(at, ","), at += *at == ',', n++) {
    char mounted[4096];
    snprintf(names[n], sizeof names[n], "%.*s", (int)strcspn(at, ","), at);
    if (!cgroup_place(names[n], mounted)) return (groups){.all = {.count = 0}};
    snprintf(g.paths[n], sizeof g.paths[n], "%.3000s/ctr-test-%d", mounted, getpid());
    g.items[n] = (ctr__cgroup){.controllers = strcmp(names[n], "v2") ? names[n] : "",
                               .v2 = !strcmp(names[n], "v2")};
  }
  g.all.count = n;
  return g;
}

/* Sets its pointers, once it lies where it stays. */
static groups *settled(groups *g) {
  for (size_t i = 0; i < g->all.count; i++) g->items[i].path = g->paths[i];
  g->all.items = g->items;
  return g;
}

/* The cgroups whose paths go on like that. */
static groups below_of(const groups *g, const char *name) {
  groups below = *g;
  for (size_t i = 0; i < g->all.count; i++) strcat(below.paths[i], name);
  return below;
}

static bool there(const char *path) {
  return access(path, F_OK) == 0;
}

static const char *in_group(const groups *g, size_t i, const char *below) {
  return text("%s%s", g->paths[i], below);
}

static void make(groups *g) {
  for (size_t i = 0; i < g->all.count; i++) CHECK_NUM(ctr__cgroup_make(&g->items[i]), 0);
}

/* -- processes -- */

static void report_forever(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  for (int signal_number; sigwait(&set, &signal_number) == 0;) {
    pid_t self = getpid();
    if (write(reports[1], &self, sizeof self) != sizeof self) _exit(1);
  }
  _exit(1);
}

/* A child that runs body, which does not return. It dies with the tester. */
static pid_t spawn(void (*body)(void)) {
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, &before);
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (pid < 0 || child_count == CHILDREN) test_fail(__FILE__, __LINE__, "no child");
  if (pid > 0 && child_count < CHILDREN) children[child_count++] = pid;
  return pid;
}

static void enter(const groups *g, pid_t pid) {
  for (size_t i = 0; i < g->all.count; i++) CHECK_NUM(ctr__cgroup_enter(&g->items[i], pid), 0);
}

static pid_t spawn_in(const groups *g) {
  pid_t pid = spawn(report_forever);
  enter(g, pid);
  return pid;
}

/* Into a cgroup that hangs below, made by whoever is inside rather than by the code under test. */
static pid_t spawn_below(const groups *g, const char *below) {
  pid_t pid = spawn_in(g);
  for (size_t i = 0; i < g->all.count; i++) {
    mkdir(in_group(g, i, below), 0755);
    put_file(text("%s/cgroup.procs", in_group(g, i, below)), text("%d", pid));
  }
  return pid;
}

static bool alive(pid_t pid) {
  siginfo_t info = {0};
  return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0;
}

static bool was_reported(void) {
  return poll(&(struct pollfd){reports[0], POLLIN, 0}, 1, 0) == 1;
}

/* That n different children have seen the signal, and no more than once. */
static void check_reports(size_t n) {
  pid_t seen[CHILDREN];
  for (size_t i = 0; i < n; i++) {
    bool told = poll(&(struct pollfd){reports[0], POLLIN, 0}, 1, DEADLINE_MS) == 1 &&
                read(reports[0], &seen[i], sizeof *seen) == sizeof *seen;
    CHECK_MSG(told, "%zu of %zu saw the signal", i, n);
    if (!told) return;
    for (size_t k = 0; k < i; k++) CHECK(seen[k] != seen[i]);
  }
  CHECK(!was_reported());
}

static int by_pid(const void *a, const void *b) {
  return *(const pid_t *)a < *(const pid_t *)b ? -1 : 1;
}

/* That these, and no others, are listed. */
static void check_pids(const ctr__cgroups *all, const pid_t *pids, size_t count) {
  ctr_arena mem = {0};
  pid_t should[CHILDREN], *is = NULL;
  size_t is_count = 0;
  if (count) memcpy(should, pids, count * sizeof *should);
  qsort(should, count, sizeof *should, by_pid);
  CHECK_NUM(ctr__cgroups_pids(all, &mem, &is, &is_count), 0);
  CHECK_NUM(is_count, count);
  for (size_t i = 0; i < count && i < is_count; i++) CHECK_NUM(is[i], should[i]);
  ctr_arena_free(&mem);
}

/* What the kernel says, unlike ctr__cgroups_is_frozen. */
static bool kernel_says_frozen(const groups *g, size_t i) {
  if (g->items[i].v2) return strstr(get_file(in_group(g, i, "/cgroup.events")), "frozen 1");
  return !strcmp(get_file(in_group(g, i, "/freezer.state")), "FROZEN\n");
}

static bool is_frozen(const ctr__cgroups *all) {
  bool frozen = false;
  CHECK_NUM(ctr__cgroups_is_frozen(all, &frozen), 0);
  return frozen;
}

/* -- one test on one kind -- */

/* Whatever the code under test left: no process, no cgroup. */
static void clean_up(groups *g) {
  for (size_t i = 0; i < g->all.count; i++) {
    int fd = open(in_group(g, i, g->items[i].v2 ? "/cgroup.freeze" : "/freezer.state"), O_WRONLY);
    if (fd >= 0 && write(fd, g->items[i].v2 ? "0" : "THAWED", g->items[i].v2 ? 1 : 6) < 0)
      test_fail(__FILE__, __LINE__, "cannot thaw");
    close(fd);
  }
  for (size_t i = 0; i < child_count; i++) kill(children[i], SIGKILL);
  while (child_count) CHECK(end_of(children[0]) >= 0);
  CHECK_NUM(ctr__cgroups_remove(&g->all), 0);
  for (size_t i = 0; i < g->all.count; i++) CHECK(!there(g->paths[i]));
}

static void on(const char *kinds, void (*check)(groups *g)) {
  groups g = groups_of(kinds);
  if (!g.all.count) SKIP("no hierarchy of this kind: %s", kinds);
  settled(&g);
  if (mkdir(g.paths[0], 0755) < 0) SKIP("cannot make cgroups here: %s", strerror(errno));
  if (pipe(reports) < 0) test_fail(__FILE__, __LINE__, "pipe");
  int descriptors = count_entries("/proc/self/fd");
  make(&g);
  check(&g);
  clean_up(&g);
  CHECK_NUM(count_entries("/proc/self/fd"), descriptors);
  close(reports[0]);
  close(reports[1]);
}

/* The same with a freezer of each kind. */
#define TEST_FROZEN(name)                                                                          \
  static void check_##name(groups *g);                                                             \
  TEST(name##_v1) {                                                                                \
    on("freezer", check_##name);                                                                   \
  }                                                                                                \
  TEST(name##_v2) {                                                                                \
    on("v2", check_##name);                                                                        \
  }                                                                                                \
  TEST(name##_hybrid) {                                                                            \
    on("pids,freezer,v2", check_##name);                                                           \
  }                                                                                                \
  static void check_##name(groups *g)

/* And without one. */
#define TEST_EACH(name)                                                                            \
  static void check_##name(groups *g);                                                             \
  TEST(name##_unfrozen) {                                                                          \
    on("pids", check_##name);                                                                      \
  }                                                                                                \
  TEST_FROZEN(name)

/* -- making and entering -- */

TEST_EACH(missing_parents_are_made_whatever_the_umask) {
  groups below = below_of(g, "/a//b/c/");
  mode_t umask_before = umask(077);
  settled(&below);
  for (size_t i = 0; i < g->all.count; i++) {
    struct stat st = {0};
    CHECK_NUM(ctr__cgroup_make(&below.items[i]), 0);
    CHECK_NUM(ctr__cgroup_make(&below.items[i]), 0);
    CHECK_NUM(stat(in_group(g, i, "/a/b/c"), &st), 0);
    CHECK_NUM(st.st_mode & 07777, 0755);
    CHECK_NUM(stat(in_group(g, i, "/a"), &st), 0);
    CHECK_NUM(st.st_mode & 07777, 0755);
  }
  umask(umask_before);
}

static void check_cpuset(groups *g) {
  groups below = below_of(g, "/empty/made");
  settled(&below);
  mkdir(in_group(g, 0, "/empty"), 0755);
  CHECK_STR(get_file(in_group(g, 0, "/empty/cpuset.cpus")), "\n");
  CHECK_NUM(ctr__cgroup_make(&below.items[0]), 0);
  static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
  for (int i = 0; i < 2; i++) {
    char parents[4096];
    snprintf(parents, sizeof parents, "%s", get_file(text("%s/../%s", g->paths[0], files[i])));
    CHECK(strlen(parents) > 1);
    CHECK_STR(get_file(in_group(&below, 0, text("/%s", files[i]))), parents);
    CHECK_STR(get_file(in_group(g, 0, text("/%s", files[i]))), parents);
  }
  pid_t pid = spawn_in(&below);
  check_pids(&below.all, &pid, 1);
}

TEST(a_cpuset_can_be_entered) {
  on("cpuset", check_cpuset);
}

static void check_half_filled_cpuset(groups *g) {
  groups half = below_of(g, "/half");
  mkdir(half.paths[0], 0755);
  put_file(in_group(&half, 0, "/cpuset.cpus"), "0");
  CHECK_NUM(ctr__cgroup_make(&settled(&half)->items[0]), 0);
  CHECK_STR(get_file(in_group(&half, 0, "/cpuset.cpus")), "0\n");
  CHECK(strlen(get_file(in_group(&half, 0, "/cpuset.mems"))) > 1);
}

TEST(a_cpuset_that_says_something_is_left_alone) {
  on("cpuset", check_half_filled_cpuset);
}

TEST_EACH(a_process_enters) {
  pid_t pid = spawn(report_forever);
  check_pids(&g->all, NULL, 0);
  enter(g, pid);
  CHECK_HAS(get_file(text("/proc/%d/cgroup", pid)), text("/ctr-test-%d\n", getpid()));
  check_pids(&g->all, &pid, 1);
  for (size_t i = 0; i < g->all.count; i++) {
    CHECK_STR(get_file(in_group(g, i, "/cgroup.procs")), text("%d\n", pid));
    CHECK_NUM(ctr__cgroup_enter(&g->items[i], 0x3fffffff), -ESRCH);
  }
}

TEST(where_no_cgroup_can_be_is_refused) {
  static const struct {
    const char *path;
    int error;
  } paths[] = {{"/tmp/ctr-test-none/a", -ENOTSUP},
               {"/ctr-test-none", -ENOENT},
               {"ctr-test-none", -EINVAL},
               {"", -EINVAL},
               {"/", -EINVAL},
               {"/tmp/../ctr-test-none", -EINVAL},
               {"/proc/self/cwd", -ELOOP},
               {"/dev/null/a", -ENOTDIR}};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    ctr__cgroup g = {paths[i].path, "freezer", false};
    int made = ctr__cgroup_make(&g);
    CHECK_MSG(made == paths[i].error, "making \"%s\" gave %d", paths[i].path, made);
    CHECK(ctr__cgroup_enter(&g, getpid()) < 0);
  }
  CHECK(!there("/tmp/ctr-test-none"));
  CHECK(!there("/ctr-test-none"));
}

TEST(what_is_no_cgroup_is_not_removed) {
  char path[] = "/tmp/ctr-test-XXXXXX";
  CHECK(mkdtemp(path));
  CHECK_NUM(ctr__cgroups_remove(&(ctr__cgroups){&(ctr__cgroup){path, "freezer", false}, 1}),
            -ENOTSUP);
  CHECK(there(path));
  rmdir(path);
}

static void check_names(groups *g) {
  static char long_path[16384];
  snprintf(long_path, sizeof long_path, "%s/%0300d", g->paths[0], 0);
  CHECK_NUM(ctr__cgroup_make(&(ctr__cgroup){long_path, "", g->items[0].v2}), -ENAMETOOLONG);
  snprintf(long_path, sizeof long_path, "%s/%03900d/%0200d", g->paths[0], 0, 0);
  CHECK_NUM(ctr__cgroup_make(&(ctr__cgroup){long_path, "", g->items[0].v2}), -ENAMETOOLONG);
  snprintf(long_path, sizeof long_path, "%s/a\nb", g->paths[0]);
  CHECK_NUM(ctr__cgroup_make(&(ctr__cgroup){long_path, "", g->items[0].v2}), -EINVAL);
  snprintf(long_path, sizeof long_path, "%s/cgroup.procs", g->paths[0]);
  CHECK_NUM(ctr__cgroup_make(&(ctr__cgroup){long_path, "", g->items[0].v2}), -ENOTDIR);
}

TEST(names_the_kernel_refuses_are_errors) {
  on("freezer", check_names);
}

/* -- listing -- */

TEST_EACH(processes_of_all_cgroups_below_are_listed) {
  pid_t pids[60];
  char paths[60][520] = {""};
  pids[0] = spawn_in(g);
  for (int i = 1; i < 60; i++) { /* of no regular shape: up to a dozen levels */
    const char *parent = text("%s", paths[i % 3 ? i - 1 : i / 2]);
    snprintf(paths[i], sizeof paths[i], "%.500s/%d", parent, i);
    pids[i] = spawn_below(g, paths[i]);
  }
  check_pids(&g->all, pids, 60);
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGKILL), 0);
  for (int i = 0; i < 60; i++) CHECK_NUM(end_of(pids[i]), SIGKILL);
  check_pids(&g->all, NULL, 0);
}

TEST_EACH(what_is_gone_has_no_processes_and_is_not_frozen) {
  CHECK_NUM(ctr__cgroups_remove(&g->all), 0);
  check_pids(&g->all, NULL, 0);
  CHECK(!is_frozen(&g->all));
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGKILL), 0);
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGTERM), 0);
  CHECK_NUM(ctr__cgroups_remove(&g->all), 0);
  CHECK_NUM(ctr__cgroup_enter(&g->items[0], getpid()), -ENOENT);
}

TEST(no_cgroup_at_all_is_not_supported) {
  ctr__cgroups none = {NULL, 0};
  ctr_arena mem = {0};
  pid_t *pids;
  size_t count;
  CHECK_NUM(ctr__cgroups_pids(&none, &mem, &pids, &count), -ENOTSUP);
  CHECK_NUM(ctr__cgroups_kill(&none, SIGTERM), -ENOTSUP);
  CHECK_NUM(ctr__cgroups_kill(&none, SIGKILL), -ENOTSUP);
  CHECK_NUM(ctr__cgroups_freeze(&none, true), -ENOTSUP);
  CHECK(!is_frozen(&none));
  CHECK_NUM(ctr__cgroups_remove(&none), 0);
}

/* A path that no single call takes: made step by step, with a process at its end. */
TEST_EACH(cgroups_deeper_than_a_path_can_say_are_found_killed_and_removed) {
  pid_t pid = spawn_in(g);
  for (size_t i = 0; i < g->all.count; i++) {
    int dir = open(g->paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int aside = 0; aside < 8; aside++) /* some before and some after it, in any order */
      CHECK_NUM(mkdirat(dir, text("aside-%d", aside), 0755), 0);
    for (int level = 0; level < 40; level++) {
      const char *name = text("%0*d", level % 2 ? 3 : 250, level);
      CHECK_NUM(mkdirat(dir, name, 0755), 0);
      int next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      close(dir);
      dir = next;
    }
    int procs = openat(dir, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    CHECK(dprintf(procs, "%d", pid) > 0);
    close(procs);
    close(dir);
  }
  CHECK_STR(get_file(in_group(g, 0, "/cgroup.procs")), "");
  check_pids(&g->all, &pid, 1);
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGKILL), 0);
  CHECK_NUM(end_of(pid), SIGKILL);
}

/* In a threaded cgroup cgroup.procs cannot be read; its process is listed above. */
static void check_threaded(groups *g) {
  pid_t pid = spawn_in(g);
  mkdir(in_group(g, 0, "/threads"), 0755);
  put_file(in_group(g, 0, "/threads/cgroup.type"), "threaded");
  put_file(in_group(g, 0, "/threads/cgroup.threads"), text("%d", pid));
  CHECK_STR(get_file(in_group(g, 0, "/threads/cgroup.threads")), text("%d\n", pid));
  check_pids(&g->all, &pid, 1);
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGKILL), 0);
  CHECK_NUM(end_of(pid), SIGKILL);
}

TEST(threaded_cgroups_hide_nobody) {
  on("v2", check_threaded);
}

/* -- freezing -- */

TEST_FROZEN(frozen_processes_stand_still_until_thawed) {
  pid_t pids[] = {spawn_in(g), spawn_below(g, "/a")};
  size_t freezer = g->all.count == 1 ? 0 : 1; /* hybrid: v1 before v2 */
  CHECK(!is_frozen(&g->all));
  CHECK_NUM(ctr__cgroups_freeze(&g->all, true), 0);
  CHECK_NUM(ctr__cgroups_freeze(&g->all, true), 0);
  CHECK(is_frozen(&g->all));
  CHECK(kernel_says_frozen(g, freezer));
  if (g->all.count > 1) CHECK(!kernel_says_frozen(g, 2));
  check_pids(&g->all, pids, 2);
  for (int i = 0; i < 2; i++) kill(pids[i], SIGUSR1);
  CHECK_NUM(ctr__cgroups_freeze(&g->all, false), 0);
  CHECK_NUM(ctr__cgroups_freeze(&g->all, false), 0);
  CHECK(!is_frozen(&g->all));
  CHECK(!kernel_says_frozen(g, freezer));
  check_reports(2);
}

static void spin(void) {
  for (;;) getppid();
}

/* They take their time to get there: freezing waits for the last. */
TEST_FROZEN(many_busy_processes_are_all_frozen) {
  for (int i = 0; i < 40; i++) enter(g, spawn(spin));
  CHECK_NUM(ctr__cgroups_freeze(&g->all, true), 0);
  CHECK(kernel_says_frozen(g, g->all.count == 1 ? 0 : 1));
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGKILL), 0);
  check_pids(&g->all, NULL, 0);
}

TEST_FROZEN(an_ancestor_freezes_too) {
  groups below = below_of(g, "/below");
  settled(&below);
  make(&below);
  spawn_in(&below);
  CHECK_NUM(ctr__cgroups_freeze(&g->all, true), 0);
  CHECK(is_frozen(&below.all));
  CHECK_NUM(ctr__cgroups_freeze(&g->all, false), 0);
  CHECK(!is_frozen(&below.all));
}

static void check_v1_ancestor(groups *g) {
  groups below = below_of(g, "/below");
  settled(&below);
  make(&below);
  CHECK_NUM(ctr__cgroups_freeze(&g->all, true), 0);
  CHECK_NUM(ctr__cgroups_freeze(&below.all, false), -EBUSY);
  CHECK_NUM(ctr__cgroups_freeze(&g->all, false), 0);
}

TEST(what_an_ancestor_froze_cannot_be_thawed) {
  on("freezer", check_v1_ancestor);
}

static void check_no_freezer(groups *g) {
  spawn_in(g);
  CHECK_NUM(ctr__cgroups_freeze(&g->all, true), -ENOTSUP);
  CHECK_NUM(ctr__cgroups_freeze(&g->all, false), -ENOTSUP);
  CHECK(!is_frozen(&g->all));
}

TEST(without_a_freezer_nothing_is_frozen) {
  on("pids", check_no_freezer);
}

/* -- the caller inside -- */

static groups *inside; /* for a body */

/* SIGUSR1 would end it: blocked by spawn, hence by default only after this. */
static void act_inside(void) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  test_failures = 0;
  enter(inside, getpid());
  bool freezer = ctr__cgroups_freezer(&inside->all) != NULL;
  CHECK_NUM(ctr__cgroups_freeze(&inside->all, true), freezer ? -EDEADLK : -ENOTSUP);
  CHECK(!is_frozen(&inside->all));
  CHECK_NUM(ctr__cgroups_kill(&inside->all, SIGUSR1), 0);
  check_reports(1);
  CHECK_NUM(ctr__cgroups_kill(&inside->all, SIGKILL), 0);
  pid_t self = getpid();
  check_pids(&inside->all, &self, 1);
  fflush(stdout);
  kill(self, test_failures ? SIGABRT : SIGTERM);
}

TEST_EACH(the_caller_neither_freezes_nor_kills_itself) {
  inside = g;
  pid_t other = spawn_in(g), caller = spawn(act_inside);
  CHECK_NUM(end_of(caller), SIGTERM);
  CHECK_NUM(end_of(other), SIGKILL);
}

/* A caller in another pid namespace sees of them no more than zeros, or nothing. */
static void act_in_another_pid_namespace(void) {
  test_failures = 0;
  pid_t pid = unshare(CLONE_NEWPID | (int)me().with_each) < 0 ? -1 : fork();
  if (pid == 0) {
    const char *version_1_hides_them = inside->items[0].v2 ? "0\n" : "";
    CHECK_STR(get_file(in_group(inside, 0, "/cgroup.procs")), version_1_hides_them);
    check_pids(&inside->all, NULL, 0);
    CHECK_NUM(ctr__cgroups_kill(&inside->all, SIGUSR1), 0);
    CHECK(!was_reported());
    fflush(stdout);
    _exit(test_failures ? 1 : 0);
  }
  int status = 1;
  waitpid(pid, &status, 0);
  kill(getpid(), status ? SIGABRT : SIGTERM);
}

TEST_EACH(processes_that_our_pid_namespace_does_not_show_have_no_pid) {
  inside = g;
  spawn_in(g);
  CHECK_NUM(end_of(spawn(act_in_another_pid_namespace)), SIGTERM);
}

/* -- signals -- */

TEST_EACH(a_signal_reaches_each_once) {
  for (int i = 0; i < 5; i++) spawn_in(g);
  spawn_below(g, "/a");
  spawn_below(g, "/a/b");
  pid_t outside = spawn(report_forever);
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGUSR1), 0);
  check_reports(7);
  CHECK(!is_frozen(&g->all));
  CHECK(alive(outside));
}

TEST_EACH(more_processes_than_one_batch_are_signalled_and_killed) {
  for (int i = 0; i < CTR__SIGNAL_BATCH + 10; i++) spawn_in(g);
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGUSR1), 0);
  check_reports(CTR__SIGNAL_BATCH + 10);
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGKILL), 0);
  while (child_count) CHECK_NUM(end_of(children[0]), SIGKILL);
}

static void act_with_few_descriptors(void) {
  struct rlimit few = {32, 32};
  test_failures = 0;
  setrlimit(RLIMIT_NOFILE, &few);
  CHECK_NUM(ctr__cgroups_kill(&inside->all, SIGUSR1), 0);
  fflush(stdout);
  kill(getpid(), test_failures ? SIGABRT : SIGTERM);
}

TEST_EACH(few_descriptors_are_enough) {
  inside = g;
  for (int i = 0; i < 60; i++) spawn_in(g);
  CHECK_NUM(end_of(spawn(act_with_few_descriptors)), SIGTERM);
  check_reports(60);
}

TEST_FROZEN(what_was_frozen_stays_so_and_sees_the_signal_later) {
  spawn_in(g);
  CHECK_NUM(ctr__cgroups_freeze(&g->all, true), 0);
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGUSR1), 0);
  CHECK(is_frozen(&g->all));
  CHECK_NUM(ctr__cgroups_freeze(&g->all, false), 0);
  check_reports(1);
}

TEST_EACH(a_bad_signal_is_an_error_that_changes_nothing) {
  pid_t pid = spawn_in(g);
  CHECK_NUM(ctr__cgroups_kill(&g->all, 1000), -EINVAL);
  CHECK_NUM(ctr__cgroups_kill(&g->all, 0), 0);
  CHECK(alive(pid));
  CHECK(!is_frozen(&g->all));
}

/* -- SIGKILL -- */

TEST_FROZEN(frozen_processes_are_killed) {
  pid_t pids[] = {spawn_in(g), spawn_below(g, "/a")};
  CHECK_NUM(ctr__cgroups_freeze(&g->all, true), 0);
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGKILL), 0);
  CHECK_NUM(end_of(pids[0]), SIGKILL);
  CHECK_NUM(end_of(pids[1]), SIGKILL);
}

/* Who freezes itself is not safe from it. */
static void check_self_frozen(groups *g) {
  pid_t pid = spawn_below(g, "/a");
  groups below = below_of(g, "/a");
  CHECK_NUM(ctr__cgroups_freeze(&settled(&below)->all, true), 0);
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGKILL), 0);
  CHECK_NUM(end_of(pid), SIGKILL);
}

TEST(who_froze_itself_is_killed_v1) {
  on("freezer", check_self_frozen);
}

TEST(who_froze_itself_is_killed_v2) {
  on("v2", check_self_frozen);
}

static struct fleeing {
  volatile bool stop;
  volatile int started;
} * fleeing; /* shared with those that do */

/* A new pid with every step. */
static void flee(void) {
  __atomic_add_fetch(&fleeing->started, 1, __ATOMIC_SEQ_CST);
  while (!fleeing->stop)
    if (fork() > 0) _exit(0);
  _exit(0);
}

TEST_FROZEN(who_flees_by_forking_is_caught) {
  fleeing = mmap(NULL, sizeof *fleeing, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  void (*before)(int) = signal(SIGCHLD, SIG_IGN);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (int i = 0; i < 3; i++) {
    groups at = *g;
    if (fork() == 0) {
      enter(settled(&at), getpid());
      flee();
    }
  }
  while (fleeing->started < 3) sched_yield();
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGKILL), 0);
  check_pids(&g->all, NULL, 0);
  fleeing->stop = true;
  while (waitpid(-1, NULL, 0) >= 0 || errno == EINTR) {
  }
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  signal(SIGCHLD, before);
  munmap(fleeing, sizeof *fleeing);
}

/* -- removing -- */

TEST_EACH(a_whole_tree_is_removed_and_nothing_else) {
  groups neighbour = below_of(g, "-neighbour");
  for (size_t i = 0; i < g->all.count; i++) {
    for (int k = 0; k < 20; k++) {
      mkdir(in_group(g, i, text("/%d", k)), 0755);
      mkdir(in_group(g, i, text("/%d/a", k)), 0755);
      mkdir(in_group(g, i, text("/%d/a/b", k)), 0755);
    }
  }
  make(settled(&neighbour));
  CHECK_NUM(ctr__cgroups_remove(&g->all), 0);
  for (size_t i = 0; i < g->all.count; i++) {
    CHECK(!there(g->paths[i]));
    CHECK(there(neighbour.paths[i]));
  }
  CHECK_NUM(ctr__cgroups_remove(&neighbour.all), 0);
}

static void check_busy(groups *g) {
  groups first = *g;
  first.all.count = 1;
  pid_t pid = spawn_in(settled(&first));
  mkdir(in_group(g, 0, "/empty"), 0755);
  CHECK_NUM(ctr__cgroups_remove(&g->all), -EBUSY);
  CHECK(there(g->paths[0]));
  CHECK(!there(in_group(g, 0, "/empty")));
  CHECK(!there(g->paths[1]));
  CHECK(alive(pid));
}

TEST(where_somebody_is_inside_stays_and_the_others_go) {
  on("freezer,pids", check_busy);
}

/* -- machines made for a test: a mount namespace of one's own -- */

static void on_own_mounts(int (*prepare)(void), void (*check)(void)) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    test_failures = 0;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        prepare() < 0)
      _exit(77);
    check();
    fflush(stdout);
    _exit(test_failures ? 1 : 0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("no such mounts can be made here");
  CHECK_NUM(status, 0);
}

static int mount_own_hierarchy(void) {
  if (mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, NULL) < 0) return -1;
  mkdir("/sys/fs/cgroup/own", 0755);
  return mount("cgroup", "/sys/fs/cgroup/own", "cgroup", 0, "none,name=ctr-test");
}

/* All the machine's processes are in the root of a hierarchy: signal 0 hurts nobody. */
static void check_root(void) {
  ctr__cgroup root = {"/sys/fs/cgroup/own", "name=ctr-test", false};
  ctr__cgroups all = {&root, 1};
  mkdir("/sys/fs/cgroup/own/others", 0755);
  CHECK_NUM(ctr__cgroups_kill(&all, 0), -EXDEV);
  CHECK_NUM(ctr__cgroups_remove(&all), -EXDEV);
  CHECK(there("/sys/fs/cgroup/own/others"));
  rmdir("/sys/fs/cgroup/own/others");
}

TEST(the_root_of_a_hierarchy_is_nobodys_to_kill_or_remove) {
  on_own_mounts(mount_own_hierarchy, check_root);
}

/* Somebody else's cgroup that is mounted below is not walked into. */
static void check_mounted_over(void) {
  ctr__cgroup g = {"/sys/fs/cgroup/own/a", "name=ctr-test", false};
  ctr__cgroups all = {&g, 1};
  CHECK_NUM(ctr__cgroup_make(&g), 0);
  mkdir("/sys/fs/cgroup/own/a/b", 0755);
  mkdir("/sys/fs/cgroup/own/other", 0755);
  CHECK_NUM(mount("/sys/fs/cgroup/own/other", "/sys/fs/cgroup/own/a/b", NULL, MS_BIND, NULL), 0);
  mkdir("/sys/fs/cgroup/own/other/kept", 0755);
  CHECK(ctr__cgroups_remove(&all) < 0);
  CHECK(there("/sys/fs/cgroup/own/other/kept"));
  umount("/sys/fs/cgroup/own/a/b");
  CHECK_NUM(ctr__cgroups_remove(&all), 0);
  rmdir("/sys/fs/cgroup/own/other/kept");
  rmdir("/sys/fs/cgroup/own/other");
}

TEST(mounts_are_not_walked_into) {
  on_own_mounts(mount_own_hierarchy, check_mounted_over);
}

/* Without cgroup.kill, as before Linux 5.14: something else is mounted there. */
static int no_preparation(void) {
  return 0;
}

static void check_without_cgroup_kill(groups *g) {
  pid_t pids[] = {spawn_in(g), spawn_below(g, "/a")};
  CHECK_NUM(mount("/dev/null", in_group(g, 0, "/cgroup.kill"), NULL, MS_BIND, NULL), 0);
  CHECK_NUM(ctr__cgroups_kill(&g->all, SIGKILL), 0);
  umount(in_group(g, 0, "/cgroup.kill"));
  CHECK_NUM(end_of(pids[0]), SIGKILL);
  CHECK_NUM(end_of(pids[1]), SIGKILL);
  CHECK(!is_frozen(&g->all));
}

static void run_without_cgroup_kill(void) {
  on("v2", check_without_cgroup_kill);
}

TEST(version_2_without_cgroup_kill_kills_all_the_same) {
  on_own_mounts(no_preparation, run_without_cgroup_kill);
}

TEST_MAIN
