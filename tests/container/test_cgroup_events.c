/* Cgroups that tell what happens in them, and what they count, on the kinds of hierarchy that there
   are: v1, v2, both. All are below one cgroup of the tester's own, ctr-test-events-PID. */
#include "children.h"

enum { HIERARCHIES = 8, LIMIT = 16 << 20 };

static char paths[HIERARCHIES][4096];
static ctr__cgroup items[HIERARCHIES];
static ctr__cgroups all; /* of the test that runs */
static ctr_arena mem;
static ctr_err err;

/* -- hierarchies of this machine -- */

static bool there(const char *path) {
  return access(path, F_OK) == 0;
}

static const char *in_group(size_t i, const char *below) {
  return text("%s%s", paths[i], below);
}

/* Makes the cgroups of a comma-separated list of v1 controllers and "v2". Returns why not; NULL
   when all are made. */
static const char *make(const char *kinds) {
  static char names[HIERARCHIES][32];
  size_t n = 0;
  for (const char *at = kinds; *at; at += strcspn(at, ","), at += *at == ',', n++) {
    char mounted[4096];
    snprintf(names[n], sizeof names[n], "%.*s", (int)strcspn(at, ","), at);
    if (!cgroup_place(names[n], mounted)) return text("no hierarchy of this kind: %s", names[n]);
    snprintf(paths[n], sizeof paths[n], "%.3000s/ctr-test-events-%d", mounted, getpid());
    const bool v2 = !strcmp(names[n], "v2");
    items[n] = (ctr__cgroup){paths[n], v2 ? "" : names[n], v2};
  }
  if (mkdir(paths[0], 0755) < 0) return text("cannot make cgroups here: %s", strerror(errno));
  all = (ctr__cgroups){items, n};
  for (size_t i = 0; i < n; i++) CHECK_NUM(ctr__cgroup_make(&items[i]), 0);
  return NULL;
}

/* That of v2 needs its parent's consent for its controllers. */
static bool has_memory(size_t i) {
  if (!items[i].v2) return true;
  if (!there(in_group(i, "/memory.events"))) {
    int fd = open(in_group(i, "/../cgroup.subtree_control"), O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "+memory", 7) < 0) errno = 0;
    close(fd);
  }
  return there(in_group(i, "/memory.events"));
}

/* -- processes -- */

static int go[2]; /* a pipe: when it is closed they do what they are to do */

static void wait_to_go(void) {
  char c;
  close(go[1]);
  while (read(go[0], &c, 1) < 0 && errno == EINTR) continue;
}

static void sleep_forever(void) {
  for (;;) pause();
}

static void use_memory(void) {
  enum { STEP = 1 << 16, MUCH = 128 << 20 };
  char *space = malloc(MUCH);
  if (!space) _exit(1);
  for (size_t i = 0; i < MUCH; i += STEP) memset(space + i, 1, STEP);
  _exit(2);
}

/* All on one CPU, where they are in each other's way; not longer than the test may take. */
static void spin(void) {
  cpu_set_t cpus, one;
  size_t cpu = 0;
  sched_getaffinity(0, sizeof cpus, &cpus);
  while (!CPU_ISSET(cpu, &cpus)) cpu++;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  sched_setaffinity(0, sizeof one, &one);
  alarm(DEADLINE_MS / 1000);
  for (;;) continue;
}

/* One generation after the other, in a row: each makes the next and ends. */
static void pass_on(void) {
  for (int i = 0; i < 50; i++) {
    if (fork() != 0) _exit(0);
    prctl(PR_SET_PDEATHSIG, 0);
  }
  sleep_forever();
}

/* A child in all the cgroups, that dies with the tester and waits to be let go. */
static pid_t spawn(void (*body)(void)) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    wait_to_go();
    body();
    _exit(3);
  }
  if (pid < 0 || child_count == CHILDREN) abort();
  children[child_count++] = pid;
  for (size_t i = 0; i < all.count; i++) CHECK_NUM(ctr__cgroup_enter(&items[i], pid), 0);
  return pid;
}

static void let_go(void) {
  close(go[1]);
  go[1] = -1;
}

static void end(pid_t pid) {
  kill(pid, SIGKILL);
  CHECK_NUM(end_of(pid), SIGKILL);
}

/* -- one test on one kind -- */

static void clean_up(void) {
  while (child_count) end(children[0]);
  CHECK_NUM(ctr__cgroups_kill(&all, SIGKILL), 0);
  CHECK_NUM(ctr__cgroups_remove(&all), 0);
  for (size_t i = 0; i < all.count; i++) CHECK(!there(paths[i]));
}

static void on(const char *kinds, void (*check)(void)) {
  const char *why = make(kinds);
  if (why) SKIP("%s", why);
  int descriptors = count_entries("/proc/self/fd");
  if (pipe2(go, O_CLOEXEC) < 0) abort();
  check();
  clean_up();
  close(go[0]);
  if (go[1] >= 0) close(go[1]);
  CHECK_NUM(count_entries("/proc/self/fd"), descriptors);
  ctr_arena_free(&mem);
}

#define TEST_ON(name, kinds, check)                                                                \
  TEST(name) {                                                                                     \
    on(kinds, check);                                                                              \
  }

/* -- watches -- */

static ctr_watch *watch_for(ctr_watch_kind kind) {
  ctr_watch *watch = NULL;
  CHECK_NUM(ctr__watch_new(&all, &(ctr_watch_desc){.kind = kind}, &watch), 0);
  if (!watch) abort();
  CHECK(fcntl(ctr_watch_fd(watch), F_GETFD) & FD_CLOEXEC);
  return watch;
}

static bool is_readable(const ctr_watch *watch, int max_ms) {
  struct pollfd fd = {ctr_watch_fd(watch), POLLIN, 0};
  return poll(&fd, 1, max_ms) == 1;
}

static ctr_watch_report report_of(ctr_watch *watch) {
  ctr_watch_report report = {.over = false};
  CHECK_MSG(!ctr_watch_read(watch, &report, &err), "%s", err.msg);
  return report;
}

/* What it reports until it is over, or no more when it is not to be. */
static ctr_watch_report all_reports(ctr_watch *watch, bool until_over) {
  ctr_watch_report sum = {.over = false};
  while (!sum.over && (until_over || !sum.ooms)) {
    const bool told = is_readable(watch, DEADLINE_MS);
    CHECK(told);
    if (!told) break;
    ctr_watch_report one = report_of(watch);
    sum.ooms += one.ooms;
    sum.stalled_us += one.stalled_us;
    sum.over = one.over;
  }
  return sum;
}

/* What is over stays so, and says no more. */
static void check_over(ctr_watch *watch) {
  CHECK(!is_readable(watch, 0));
  for (int i = 0; i < 2; i++) {
    ctr_watch_report report = report_of(watch);
    CHECK(report.over && !report.ooms && !report.stalled_us);
  }
  CHECK(!is_readable(watch, 0));
}

/* -- becoming empty -- */

static void check_end(void) {
  pid_t first = spawn(sleep_forever), second = spawn(sleep_forever);
  ctr_watch *watch = watch_for(CTR_WATCH_EMPTY);
  CHECK(!report_of(watch).over);
  CHECK(!is_readable(watch, 0));
  end(first);
  CHECK(!report_of(watch).over);
  CHECK(!is_readable(watch, 0));
  end(second);
  CHECK(all_reports(watch, true).over);
  check_over(watch);
  ctr_watch_free(watch);
}

TEST_ON(the_last_one_to_end_is_told_v1, "freezer", check_end)
TEST_ON(the_last_one_to_end_is_told_v2, "v2", check_end)
TEST_ON(the_last_one_to_end_is_told_hybrid, "pids,v2", check_end)

/* Each of which the watch did not know of when it was made. */
static void check_generations(void) {
  pid_t first = spawn(pass_on);
  ctr_watch *watch = watch_for(CTR_WATCH_EMPTY);
  pid_t *pids = NULL;
  size_t count = 0;
  let_go();
  CHECK_NUM(end_of(first), 0);
  for (int i = 0; i < 1000; i++) {
    if (is_readable(watch, 0)) CHECK(!report_of(watch).over);
    /* The kernel lists them while they come and go: one look may fall between two of them. */
    count = 0;
    for (int look = 0; look < 5 && !count; look++)
      CHECK_NUM(ctr__cgroups_pids(&all, &mem, &pids, &count), 0);
    CHECK(count > 0);
  }
  CHECK_NUM(ctr__cgroups_kill(&all, SIGKILL), 0);
  CHECK(all_reports(watch, true).over);
  check_over(watch);
  ctr_watch_free(watch);
}

TEST_ON(who_came_later_counts_too_v1, "freezer", check_generations)
TEST_ON(who_came_later_counts_too_v2, "v2", check_generations)

static void check_below(void) {
  pid_t pid = spawn(sleep_forever);
  mkdir(in_group(0, "/below"), 0755);
  put_file(in_group(0, "/below/cgroup.procs"), text("%d", pid));
  ctr_watch *watch = watch_for(CTR_WATCH_EMPTY);
  CHECK(!report_of(watch).over);
  CHECK(!is_readable(watch, 0));
  end(pid);
  CHECK(all_reports(watch, true).over);
  ctr_watch_free(watch);
}

TEST_ON(who_is_further_down_counts_too_v1, "freezer", check_below)
TEST_ON(who_is_further_down_counts_too_v2, "v2", check_below)

static void check_gone(void) {
  ctr_watch *watch = NULL;
  const ctr_watch_desc desc = {.kind = CTR_WATCH_EMPTY};
  CHECK_NUM(ctr__watch_new(&all, &desc, &watch), -ENOENT);
  pid_t pid = spawn(sleep_forever);
  watch = watch_for(CTR_WATCH_EMPTY);
  end(pid);
  CHECK_NUM(ctr__cgroups_remove(&all), 0);
  CHECK(all_reports(watch, true).over);
  check_over(watch);
  ctr_watch_free(watch);
  watch = NULL;
  CHECK_NUM(ctr__watch_new(&all, &desc, &watch), -ENOENT);
  CHECK(!watch);
}

TEST_ON(what_is_gone_is_over_v1, "freezer", check_gone)
TEST_ON(what_is_gone_is_over_v2, "v2", check_gone)

/* -- out of memory -- */

static void limit_memory(void) {
  put_file(in_group(0, items[0].v2 ? "/memory.max" : "/memory.limit_in_bytes"), text("%d", LIMIT));
  if (items[0].v2) put_file(in_group(0, "/memory.swap.max"), "0");
}

static ctr_stats stats_now(void) {
  ctr_stats stats = {.pids.current.set = false};
  for (size_t i = 0; i < all.count; i++) {
    CTR__AUTO_CLOSE dir = ctr__cgroup_open(&items[i]);
    CHECK_MSG(!ctr__stats_read(dir, items[i].v2 ? NULL : items[i].controllers, paths[i], &mem,
                               &stats, &err),
              "%s", err.msg);
  }
  return stats;
}

static void check_oom(void) {
  if (!has_memory(0)) SKIP("this hierarchy has no memory controller");
  limit_memory();
  pid_t other = spawn(sleep_forever), hog = spawn(use_memory);
  ctr_watch *watch = watch_for(CTR_WATCH_OOM), *second = watch_for(CTR_WATCH_OOM);
  CHECK(!is_readable(watch, 0));
  CHECK(!report_of(watch).ooms);
  int mine = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN};
  CHECK(!epoll_ctl(mine, EPOLL_CTL_ADD, ctr_watch_fd(watch), &event));
  let_go();
  CHECK_NUM(epoll_wait(mine, &event, 1, DEADLINE_MS), 1);
  CHECK(event.events & EPOLLIN);
  close(mine);
  CHECK(all_reports(watch, false).ooms > 0);
  CHECK_NUM(end_of(hog), SIGKILL);
  ctr_stats stats = stats_now();
  CHECK_NUM(stats.memory.usage.limit.value, LIMIT);
  CHECK(stats.memory.usage.max.value > LIMIT / 2 && stats.memory.usage.max.value <= LIMIT);
  CHECK(stats.memory.usage.failcnt.value > 0);
  CHECK_NUM(stats.memory.events.oom_kill.value, 1);
  end(other);
  CHECK(all_reports(watch, true).over);
  check_over(watch);
  ctr_watch_report late = all_reports(second, true); /* nothing is lost by looking late */
  CHECK(late.over && late.ooms > 0);
  ctr_watch_free(watch);
  ctr_watch_free(second);
}

TEST_ON(a_lack_of_memory_is_told_v1, "memory", check_oom)
TEST_ON(a_lack_of_memory_is_told_v2, "v2", check_oom)
TEST_ON(a_lack_of_memory_is_told_hybrid, "memory,v2", check_oom)

/* v1 tells of the removal by the same eventfd, a while after the cgroup is gone. */
static void check_no_oom(void) {
  if (!has_memory(0)) SKIP("this hierarchy has no memory controller");
  pid_t pid = spawn(sleep_forever);
  ctr_watch *watch = watch_for(CTR_WATCH_OOM);
  end(pid);
  CHECK_NUM(ctr__cgroups_remove(&all), 0);
  struct pollfd source = {watch->source, POLLIN, 0};
  if (!items[0].v2) CHECK_NUM(poll(&source, 1, DEADLINE_MS), 1);
  ctr_watch_report report = all_reports(watch, true);
  CHECK(report.over && !report.ooms);
  check_over(watch);
  ctr_watch_free(watch);
}

TEST_ON(an_end_is_no_lack_of_memory_v1, "memory", check_no_oom)
TEST_ON(an_end_is_no_lack_of_memory_v2, "v2", check_no_oom)

/* Whether the removal's own event is among those that are read depends on how late that is. */
static void check_oom_then_gone(void) {
  if (!has_memory(0)) SKIP("this hierarchy has no memory controller");
  limit_memory();
  pid_t hog = spawn(use_memory);
  ctr_watch *watch = watch_for(CTR_WATCH_OOM);
  let_go();
  CHECK_NUM(end_of(hog), SIGKILL);
  CHECK_NUM(ctr__cgroups_remove(&all), 0);
  CHECK(all_reports(watch, true).over);
  check_over(watch);
  ctr_watch_free(watch);
}

TEST_ON(a_watch_outlives_its_cgroup_v1, "memory", check_oom_then_gone)
TEST_ON(a_watch_outlives_its_cgroup_v2, "v2", check_oom_then_gone)

static void check_no_memory_controller(void) {
  ctr_watch *watch = NULL;
  if (items[0].v2 && there(in_group(0, "/memory.events"))) SKIP("v2 has the memory controller");
  spawn(sleep_forever);
  CHECK_NUM(ctr__watch_new(&all, &(ctr_watch_desc){.kind = CTR_WATCH_OOM}, &watch), -ENOTSUP);
  CHECK(!watch);
}

TEST_ON(without_the_controller_nobody_tells_v1, "freezer", check_no_memory_controller)
TEST_ON(without_the_controller_nobody_tells_v2, "v2", check_no_memory_controller)

/* -- pressure -- */

static int watch_pressure(uint32_t stall_us, uint32_t window_us, ctr_watch **ret) {
  const ctr_watch_desc desc = {CTR_WATCH_PRESSURE, CTR_RESOURCE_CPU, false, stall_us, window_us};
  return ctr__watch_new(&all, &desc, ret);
}

static void check_pressure(void) {
  ctr_watch *watch = NULL;
  pid_t first = spawn(spin), second = spawn(spin), third = spawn(spin);
  if (!there(in_group(0, "/cpu.pressure"))) SKIP("this kernel has no PSI");
  CHECK_NUM(watch_pressure(1, 20000000, &watch), -EINVAL);
  int r = watch_pressure(1000, 2000000, &watch);
  if (r == -EINVAL || r == -EPERM) SKIP("this kernel wants CAP_SYS_RESOURCE for it");
  CHECK_NUM(r, 0);
  if (!watch) return;
  let_go();
  uint64_t stalled = 0;
  while (!stalled && is_readable(watch, DEADLINE_MS)) stalled = report_of(watch).stalled_us;
  CHECK(stalled > 0);
  ctr_stats stats = stats_now();
  CHECK(stats.cpu.psi.some.set && stats.cpu.psi.some.total >= stalled);
  end(first);
  end(second);
  end(third);
  CHECK(all_reports(watch, true).over);
  check_over(watch);
  ctr_watch_free(watch);
}

TEST_ON(a_stall_is_told, "v2", check_pressure)

static void check_no_pressure(void) {
  ctr_watch *watch = NULL;
  spawn(sleep_forever);
  CHECK_NUM(watch_pressure(1000, 2000000, &watch), -ENOTSUP);
  CHECK(!watch);
}

TEST_ON(v1_knows_no_pressure, "memory,cpuacct", check_no_pressure)

/* -- statistics -- */

static void use_cpu_and_wait(void) {
  for (volatile unsigned i = 0; i < 50000000; i++) continue;
  kill(getpid(), SIGSTOP);
  sleep_forever();
}

static void check_counts(void) {
  pid_t pid = spawn(use_cpu_and_wait);
  int status = 0;
  let_go();
  CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
  ctr_stats s = stats_now();
  const bool v2 = items[0].v2;
  CHECK(s.cpu.usage.total.value > 1000000 && s.cpu.usage.user.set && s.cpu.usage.kernel.set);
  if (v2) return;
  uint64_t sum = 0;
  for (size_t i = 0; i < s.cpu.usage.percpu.count; i++) sum += s.cpu.usage.percpu.items[i];
  CHECK(s.cpu.usage.percpu.count > 0 && sum > 1000000);
  CHECK_NUM(s.cpu.usage.percpu_user.count, s.cpu.usage.percpu.count);
  CHECK_NUM(s.pids.current.value, 1);
  CHECK(s.pids.limit.value == UINT64_MAX);
  CHECK(s.memory.usage.usage.value > 0 && s.memory.raw.count > 10 && s.memory.cache.set);
  CHECK(ctr_counters_get(&s.memory.raw, "total_rss").set);
  CHECK(s.cpuset.cpus.count > 0 && s.cpuset.mems.count > 0);
  CHECK(s.cpuset.sched_relax_domain_level.set);
  CHECK(s.cpu.throttling.periods.set);
}

TEST_ON(what_is_used_is_counted_v1, "cpuacct,cpu,cpuset,memory,pids,blkio", check_counts)
TEST_ON(what_is_used_is_counted_v2, "v2", check_counts)

/* Names the kernel has left free: a whole controller of them. */
static void check_directories(void) {
  static const char *const names[] = {"memory.usage_in_bytes", "memory.stat",  "memory.current",
                                      "memory.events",         "pids.current", "io.stat",
                                      "hugetlb.4MB.current",   "rdma.max"};
  ctr_stats before = stats_now();
  int made = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    made += mkdir(in_group(0, text("/%s", names[i])), 0755) == 0;
  CHECK(made > 0);
  ctr_stats after = stats_now();
  CHECK_NUM(after.memory.usage.usage.set, before.memory.usage.usage.set);
  CHECK_NUM(after.hugetlb.count, before.hugetlb.count);
}

TEST_ON(cgroups_called_like_files_are_none_v1, "pids", check_directories)
TEST_ON(cgroups_called_like_files_are_none_v2, "v2", check_directories)

/* -- containers -- */

/* One that nobody made: as its maker would have written it down. */
static ctr_container *container_of(pid_t pid, const ctr_namespace *ns) {
  static const char *const args[] = {"sh"};
  ctr__proc_stat stat = {0};
  ctr_container *c = NULL;
  const char *root = text("%s/root", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
  CHECK_NUM(ctr__read_proc_stat(pid, &stat), 0);
  const ctr__stored stored = {.id = "box",
                              .bundle = "/bundle",
                              .rootfs = "/bundle/rootfs",
                              .created = "2026-01-02T03:04:05.000000006Z",
                              .owner = geteuid(),
                              .pid = pid,
                              .startTime = stat.start_time,
                              .cgroups = items,
                              .cgroup_count = all.count,
                              .config = {.ociVersion = "1.3.0",
                                         .root = {"/bundle/rootfs", false},
                                         .process = {.cwd = "/", .args = {args, 1}},
                                         .linux_.namespaces = {ns, ns ? 1 : 0}}};
  mkdir(root, 0700);
  mkdir(text("%s/box", root), 0700);
  CTR__AUTO_CLOSE dir = open(text("%s/box", root), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK_MSG(!ctr__save(&mem, dir, &stored, &err), "%s", err.msg);
  CHECK_MSG(!ctr_container_open(root, "box", &c, &err), "%s", err.msg);
  if (!c) abort();
  return c;
}

static void check_container(void) {
  ctr_watch *watch = NULL;
  ctr_stats stats;
  ctr_json *json = NULL;
  limit_memory();
  pid_t hog = spawn(use_memory);
  ctr_container *c = container_of(hog, NULL);
  CHECK_MSG(!ctr_container_watch(c, &(ctr_watch_desc){.kind = CTR_WATCH_OOM}, &watch, &err), "%s",
            err.msg);
  CHECK_MSG(!ctr_container_stats(c, &mem, &stats, &err), "%s", err.msg);
  CHECK_NUM(stats.memory.events.oom_kill.value, 0);
  let_go();
  CHECK(watch && all_reports(watch, true).ooms > 0);
  ctr_watch_free(watch);
  CHECK_NUM(end_of(hog), SIGKILL);
  /* It is stopped; what it has used is known until it is deleted. */
  CHECK_MSG(!ctr_container_stats(c, &mem, &stats, &err), "%s", err.msg);
  CHECK(stats.memory.usage.max.value > LIMIT / 2 && stats.memory.events.oom_kill.value == 1);
  CHECK(!ctr_stats_to_json(&mem, &stats, &json, &err));
  CHECK(ctr_json_get(ctr_json_get(json, "memory"), "usage"));
  CHECK(ctr_container_watch(c, &(ctr_watch_desc){.kind = CTR_WATCH_OOM}, &watch, &err) ==
        CTR_E_STATE);
  CHECK_NUM(ctr__cgroups_remove(&all), 0);
  CHECK(ctr_container_stats(c, &mem, &stats, &err) == CTR_E_STATE);
  ctr_container_free(c);
}

TEST_ON(a_containers_end_is_seen_and_counted, "memory,pids,freezer", check_container)

static void leave_network(void) {
  if (unshare(CLONE_NEWNET) < 0) _exit(1);
  kill(getpid(), SIGSTOP);
  sleep_forever();
}

static void check_interfaces(void) {
  static const ctr_namespace joined = {CTR_NS_NETWORK, "/somewhere"};
  ctr_stats stats;
  int status = 0;
  pid_t pid = spawn(leave_network);
  let_go();
  CHECK(waitpid(pid, &status, WUNTRACED) == pid);
  if (!WIFSTOPPED(status)) SKIP("cannot make a network namespace");
  ctr_container *c = container_of(pid, &joined);
  CHECK_MSG(!ctr_container_stats(c, &mem, &stats, &err), "%s", err.msg);
  CHECK(stats.network_interfaces.count > 0);
  CHECK_STR(stats.network_interfaces.count ? stats.network_interfaces.items[0].name : "", "lo");
  end(pid);
  CHECK(!ctr_container_stats(c, &mem, &stats, &err));
  CHECK_NUM(stats.network_interfaces.count, 0);
  ctr_container_free(c);
}

TEST_ON(interfaces_of_a_joined_namespace_are_its_own, "freezer", check_interfaces)

TEST_MAIN
