/* Limits as a container feels them: what stops a program that takes what it can get (eater.c), and
   what the kernel's files say. The same on v1, v2 and hybrid; what the machine cannot limit is
   left out and said. */
#include "box.h"

typedef struct limited {
  box b;
  ctr_container *c; /* NULL: it was not made */
  char cgroup[64];
} limited;

static limited limited_new(void) {
  static int number;
  limited l = {.b = box_new()};
  const char *build = getenv("CTR_BUILD");
  copy_program(text("%s/container/eater", build ? build : "build"), in_root(&l.b, "eater"));
  snprintf(l.cgroup, sizeof l.cgroup, "%sctr-limits-%d-%d", me().cgroups, getpid(), number++);
  return l;
}

static void limited_start(limited *l) {
  box *b = &l->b;
  ctr_container_desc desc = {.root = text("%s/states", b->dir),
                             .plan = {.bundle = b->dir, .die_with_caller = true}};
  desc.process.stdio = CTR_STDIO_PIPES;
  b->config->linux_.cgroupsPath = l->cgroup;
  desc.plan.log = (ctr_log){box_warned, b};
  b->code = ctr_container_run(b->config, "box", &desc, &l->c, &b->err);
}
#define START(l, ...)                                                                              \
  ((l)->b.config->process.args = CTR_STRS("/eater", __VA_ARGS__), limited_start(l))

static ctr_process *process_of(limited *l) {
  return ctr_container_process(l->c);
}

/* The next line that a process says, without its end. */
static const char *line_of(ctr_process *process) {
  static char line[256];
  size_t len = 0;
  int fd = ctr_process_io(process)->parent[1];
  while (len < sizeof line - 1 && read(fd, line + len, 1) == 1 && line[len] != '\n') len++;
  line[len] = '\0';
  return line;
}

/* Where a file of it is: that of v1 in the hierarchy with its controller, or that of v2; NULL when
   there is none. */
static const char *file_of(const limited *l, const char *v1, const char *v2) {
  const ctr__cgroups all = ctr__cgroups_of(l->c);
  const ctr__cgroup *g = NULL;
  for (size_t i = 0; v1 && i < all.count && !g; i++)
    if (!all.items[i].v2 && ctr__list_has(all.items[i].controllers, v1, strcspn(v1, ".")))
      g = &all.items[i];
  if (g) return text("%s/%s", g->path, v1);
  g = ctr__cgroups_v2(&all);
  return g && v2 ? text("%s/%s", g->path, v2) : NULL;
}

static uint64_t number_in(const char *path, const char *key) {
  const char *content = path ? get_file(path) : "";
  const char *at = *key ? strstr(content, text("%s ", key)) : content;
  return at ? strtoull(at + (*key ? strlen(key) + 1 : 0), NULL, 10) : UINT64_MAX;
}

static void limited_end(limited *l) {
  char paths[32][4096];
  const ctr__cgroups all = l->c ? ctr__cgroups_of(l->c) : (ctr__cgroups){NULL, 0};
  for (size_t i = 0; i < all.count; i++)
    snprintf(paths[i], sizeof paths[i], "%s", all.items[i].path);
  if (l->c && ctr_container_delete(l->c, true, &l->b.err))
    test_fail(__FILE__, __LINE__, "%s", l->b.err.msg);
  for (size_t i = 0; i < all.count; i++)
    CHECK_MSG(access(paths[i], F_OK) < 0, "left behind: %s", paths[i]);
  ctr_container_free(l->c);
  box_free(&l->b);
}

static bool is_unlimited(const box *b) {
  return b->code == CTR_E_UNSUPPORTED ||
         (b->code == CTR_E_SYS && b->err.sys == ENOENT && !strncmp(b->err.field, "linux.res", 9));
}

/* What cannot be limited here is left out: its controller is not there. */
#define SKIP_IF_UNLIMITED(l)                                                                       \
  do {                                                                                             \
    const char *why_ = text("%s", (l)->b.err.msg);                                                 \
    const bool unlimited_ = is_unlimited(&(l)->b);                                                 \
    CHECK_MSG(unlimited_ || !(l)->b.code, "%s", why_);                                             \
    if ((l)->b.code) limited_end(l);                                                               \
    if (unlimited_) SKIP("%s", why_);                                                              \
    if ((l)->b.code) return;                                                                       \
  } while (0)

TEST(a_fork_bomb_stops_at_the_limit_of_processes) {
  limited l = limited_new();
  l.b.config->linux_.resources.pids.limit = (ctr_int){true, 10};
  START(&l, "forks", "500");
  SKIP_IF_UNLIMITED(&l);
  CHECK_STR(line_of(process_of(&l)), "made 9"); /* and itself */
  CHECK_NUM(number_in(file_of(&l, "pids.current", "pids.current"), ""), 10);
  limited_end(&l);
}

/* Beside the first process, so that somebody is there to be watched from the beginning. */
static ctr_process *start_hog(limited *l) {
  const ctr_exec_desc desc = {.process.stdio = CTR_STDIO_PIPES, .die_with_caller = true};
  ctr_process_config config = l->b.config->process;
  ctr_process *hog = NULL;
  config.args = CTR_STRS("/eater", "memory", "64");
  if (ctr_container_exec(l->c, &config, &desc, &hog, &l->b.err))
    test_fail(__FILE__, __LINE__, "%s", l->b.err.msg);
  return hog;
}

TEST(a_memory_hog_is_killed_and_the_watch_tells) {
  const ctr_watch_desc desc = {.kind = CTR_WATCH_OOM};
  limited l = limited_new();
  ctr_watch *watch = NULL;
  ctr_memory *m = &l.b.config->linux_.resources.memory;
  m->limit = m->swap = (ctr_int){true, 16 << 20};
  START(&l, "forks", "0");
  SKIP_IF_UNLIMITED(&l);
  CHECK_NUM(ctr_container_watch(l.c, &desc, &watch, &l.b.err), CTR_OK);
  ctr_process *hog = start_hog(&l);
  int took = 0;
  for (const char *line; hog && *(line = line_of(hog));) took = atoi(line + strlen("took "));
  CHECK_MSG(took > 8 && took < 16, "it took %d MiB", took);
  ctr_exit end = {0};
  if (hog) CHECK_NUM(ctr_process_wait(hog, &end, &l.b.err), CTR_OK);
  CHECK_NUM(end.signal, SIGKILL);
  ctr_watch_report report = {0};
  struct pollfd told = {.fd = ctr_watch_fd(watch), .events = POLLIN};
  for (int i = 0; i < 100 && !report.ooms && poll(&told, 1, 600) == 1; i++)
    CHECK_NUM(ctr_watch_read(watch, &report, &l.b.err), CTR_OK);
  CHECK(report.ooms > 0 && !report.over);
  ctr_watch_free(watch);
  ctr_process_free(hog);
  limited_end(&l);
}

/* By the kernel's own accounting of periods, so that it does not matter what else the machine does:
   in each it may use a fifth of a CPU. */
TEST(a_busy_loop_gets_the_share_of_its_quota) {
  enum { PERIOD_US = 100000, PERIODS = 50 };
  limited l = limited_new();
  ctr_cpu *cpu = &l.b.config->linux_.resources.cpu;
  cpu->quota = (ctr_int){true, PERIOD_US / 5};
  cpu->period = (ctr_uint){true, PERIOD_US};
  START(&l, "cpu");
  SKIP_IF_UNLIMITED(&l);
  char stat[4096], usage[4096];
  const char *found = file_of(&l, "cpuacct.usage", NULL); /* ns; v2: in cpu.stat, us */
  snprintf(stat, sizeof stat, "%s", file_of(&l, "cpu.stat", "cpu.stat"));
  snprintf(usage, sizeof usage, "%s", found ? found : "");
  uint64_t periods, used;
  do {
    poll(NULL, 0, 100);
    periods = number_in(stat, "nr_periods");
    used = *usage ? number_in(usage, "") / 1000 : number_in(stat, "usage_usec");
  } while (periods < PERIODS);
  const double share = 100.0 * (double)used / ((double)periods * PERIOD_US);
  printf("# %.1f %% of a CPU in %llu periods\n", share, (unsigned long long)periods);
  CHECK_MSG(share >= 18 && share <= 22, "%.1f %%", share);
  limited_end(&l);
}

TEST(freezing_stops_a_counter) {
  limited l = limited_new();
  put_file(in_root(&l.b, "counter"), "12345678");
  int fd = open(in_root(&l.b, "counter"), O_RDWR | O_CLOEXEC);
  volatile uint64_t *counter = mmap(NULL, sizeof *counter, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  START(&l, "count", "/counter");
  SKIP_IF_UNLIMITED(&l);
  CHECK_STR(line_of(process_of(&l)), "counting");
  for (int round = 0; round < 5; round++) {
    CHECK_NUM(ctr_container_pause(l.c, &l.b.err), CTR_OK);
    uint64_t stopped = *counter;
    for (int i = 0; i < 20; i++) poll(NULL, 0, 1);
    CHECK(*counter == stopped);
    CHECK_NUM(ctr_container_resume(l.c, &l.b.err), CTR_OK);
    for (int i = 0; i < 10000 && *counter == stopped; i++) poll(NULL, 0, 1);
    CHECK(*counter != stopped);
  }
  munmap((void *)counter, sizeof *counter);
  limited_end(&l);
}

/* The rest of a start, after it has entered, is charged to it. */
TEST(one_mebibyte_is_enough_to_start_a_static_program) {
#ifdef __SANITIZE_ADDRESS__
  SKIP("the sanitizer's own memory is charged as well");
#endif
  limited l = limited_new();
  l.b.config->linux_.resources.memory.limit = (ctr_int){true, 1 << 20};
  START(&l, "nothing");
  SKIP_IF_UNLIMITED(&l);
  ctr_exit end;
  CHECK_NUM(ctr_process_wait(process_of(&l), &end, &l.b.err), CTR_OK);
  CHECK_NUM(ctr_exit_status(&end), 0);
  const char *peak = file_of(&l, "memory.max_usage_in_bytes", "memory.peak");
  printf("# it was charged %llu bytes at most\n", (unsigned long long)number_in(peak, ""));
  limited_end(&l);
}

/* -- every field -- */

/* resources; a file of v1 and one of v2, and what they have then. */
static const struct {
  const char *resources, *v1, *on_v1, *v2, *on_v2;
} fields[] = {
    {"'memory':{'limit':33554432}", "memory.limit_in_bytes", "33554432", "memory.max", "33554432"},
    {"'memory':{'limit':33554432,'swap':67108864}", "memory.memsw.limit_in_bytes", "67108864",
     "memory.swap.max", "33554432"},
    {"'memory':{'limit':33554432,'swap':33554432}", "memory.memsw.limit_in_bytes", "33554432",
     "memory.swap.max", "0"},
    {"'memory':{'limit':-1}", "memory.limit_in_bytes", "9223372036854771712", "memory.max", "max"},
    {"'memory':{'reservation':16777216}", "memory.soft_limit_in_bytes", "16777216", "memory.low",
     "16777216"},
    {"'memory':{'swappiness':33}", "memory.swappiness", "33", NULL, NULL},
    {"'memory':{'disableOOMKiller':true}", "memory.oom_control", "oom_kill_disable 1", NULL, NULL},
    {"'memory':{'useHierarchy':true}", "memory.use_hierarchy", "1", NULL, NULL},
    {"'memory':{'limit':33554432,'checkBeforeUpdate':true}", "memory.limit_in_bytes", "33554432",
     "memory.max", "33554432"},
    {"'memory':{'kernelTCP':4194304}", "memory.kmem.tcp.limit_in_bytes", "4194304", NULL, NULL},
    {"'cpu':{'shares':512}", "cpu.shares", "512", "cpu.weight", "59"},
    {"'cpu':{'quota':20000}", "cpu.cfs_quota_us", "20000", "cpu.max", "20000 100000"},
    {"'cpu':{'period':50000}", "cpu.cfs_period_us", "50000", "cpu.max", "max 50000"},
    {"'cpu':{'quota':20000,'period':50000}", "cpu.cfs_quota_us", "20000", "cpu.max", "20000 50000"},
    {"'cpu':{'quota':20000,'burst':10000}", "cpu.cfs_burst_us", "10000", "cpu.max.burst", "10000"},
    {"'cpu':{'idle':1}", "cpu.idle", "1", "cpu.idle", "1"},
    {"'cpu':{'cpus':'0','mems':'0'}", "cpuset.cpus", "0", "cpuset.cpus", "0"},
    {"'cpu':{'cpus':'0','mems':'0'}", "cpuset.mems", "0", "cpuset.mems", "0"},
    {"'pids':{'limit':20}", "pids.max", "20", "pids.max", "20"},
    {"'pids':{'limit':-1}", "pids.max", "max", "pids.max", "max"},
    {"'hugepageLimits':[{'pageSize':'2MB','limit':4194304}]", "hugetlb.2MB.limit_in_bytes",
     "4194304", "hugetlb.2MB.max", "4194304"},
    {"'hugepageLimits':[{'pageSize':'2MB','limit':4194304}]", "hugetlb.2MB.rsvd.limit_in_bytes",
     "4194304", "hugetlb.2MB.rsvd.max", "4194304"},
    {"'network':{'classID':1048577}", "net_cls.classid", "1048577", NULL, NULL},
    {"'network':{'priorities':[{'name':'lo','priority':3}]}", "net_prio.ifpriomap", "lo 3", NULL,
     NULL},
    {"'unified':{'memory.high':'16777216'}", NULL, NULL, "memory.high", "16777216"},
    {"'unified':{'cgroup.max.descendants':'3'}", NULL, NULL, "cgroup.max.descendants", "3"},
};

/* Whether there is a controller for a file of v1 or of v2. */
static bool has_controller_of(const char *file, bool v2) {
  return file && has_controller(text("%.*s", (int)strcspn(file, "."), file), v2);
}

/* false: this machine cannot limit it. */
static bool check_field(size_t i) {
  limited l = limited_new();
  char json[512];
  ctr_resources *resources = NULL;
  snprintf(json, sizeof json, "{%s}", fields[i].resources);
  for (char *at = json; *at; at++)
    if (*at == '\'') *at = '"';
  CHECK_NUM(ctr_resources_parse(&l.b.mem, json, strlen(json), &resources, &l.b.err), CTR_OK);
  l.b.config->linux_.resources = *resources;
  START(&l, "forks", "0");
  const bool limits = !is_unlimited(&l.b);
  CHECK_MSG(!limits || !l.b.code, "%s: %s", fields[i].resources, l.b.err.msg);
  const char *path = l.c ? file_of(&l, fields[i].v1, fields[i].v2) : NULL;
  if (path && access(path, F_OK) < 0 && strstr(fields[i].resources, ":-1"))
    path = NULL; /* without a limit there is none to be lifted */
  if (path) {
    const char *base = strrchr(path, '/') + 1;
    const char *should =
        fields[i].v1 && !strcmp(base, fields[i].v1) ? fields[i].on_v1 : fields[i].on_v2;
    const char *is = get_file(path);
    CHECK_MSG(strstr(is, text("%s\n", should)), "%s: %s has \"%s\"", fields[i].resources, base, is);
  }
  if (!limits) printf("# not limited here: %s\n", l.b.err.msg);
  /* That is so for want of the controller alone. */
  const bool in_v1 = has_controller_of(fields[i].v1, false);
  CHECK_MSG(limits || !(in_v1 || has_controller_of(fields[i].v2, true)) ||
                (!fields[i].v1 && has_controller_of(fields[i].v2, false)),
            "%s: there is a controller", fields[i].resources);
  limited_end(&l);
  return limits && path;
}

TEST(every_field_is_in_its_file) {
  size_t checked = 0;
  const size_t count = sizeof fields / sizeof *fields;
  for (size_t i = 0; i < count; i++) checked += check_field(i);
  printf("# %zu of %zu are limited here\n", checked, count);
  CHECK(checked > 0);
}

TEST_MAIN
