/* The device filter on a real kernel: the v1 controller and a program on v2, each on a cgroup of
   the tester's own, ctr-test-PID. Devices are nodes in a directory of the test, of numbers that
   have no driver: who may use one is asked by access(2) and mknod(2), as the filter comes before
   the driver. Only where one is opened it is the null device. */
#include "box.h"

#include "../unit/devices.h"

#include <sys/mman.h>

typedef struct filter {
  bool v2;
  char path[4096]; /* of the cgroup */
  char dir[256];   /* where the nodes are */
  ctr__cgroup group;
} filter;

/* -- cgroups -- */

static ctr__cgroup below(const filter *f, const char *name) {
  return (ctr__cgroup){text("%s/%s", f->path, name), f->v2 ? "" : "devices", f->v2};
}

static void remove_cgroups(const filter *f) {
  CHECK_NUM(ctr__cgroups_remove(&(ctr__cgroups){&f->group, 1}), 0);
}

static void remove_nodes(const filter *f) {
  DIR *dir = opendir(f->dir);
  for (struct dirent *e; dir && (e = readdir(dir));)
    if (e->d_name[0] != '.') unlink(text("%s/%s", f->dir, e->d_name));
  if (dir) closedir(dir);
  rmdir(f->dir);
}

/* Whether the kernel can have programs on a cgroup (CONFIG_CGROUP_BPF): asked without the code
   under test. */
static bool takes_programs(const char *cgroup) {
  uint32_t attr[8] = {(uint32_t)open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 6};
  long r = syscall(SYS_bpf, 16, attr, sizeof attr);
  bool lacks = r < 0 && (errno == EINVAL || errno == ENOSYS);
  close((int)attr[0]);
  return !lacks;
}

static void on(bool v2, void (*check)(filter *f)) {
  filter f = {.v2 = v2};
  char mounted[4096];
  const char *tmp = getenv("TMPDIR");
  if (!cgroup_place(v2 ? "v2" : "devices", mounted))
    SKIP("%s is not mounted", v2 ? "cgroup2" : "the devices controller");
  snprintf(f.path, sizeof f.path, "%.3000s/ctr-test-%d", mounted, getpid());
  f.group = (ctr__cgroup){f.path, v2 ? "" : "devices", v2};
  if (mkdir(f.path, 0755) < 0) SKIP("cannot make cgroups here: %s", strerror(errno));
  if (v2 && !takes_programs(f.path)) {
    rmdir(f.path);
    SKIP("this kernel has no programs for cgroups");
  }
  snprintf(f.dir, sizeof f.dir, "%s/nodes.XXXXXX", tmp ? tmp : "/tmp");
  if (!mkdtemp(f.dir)) test_fail(f.dir, 0, "cannot make it");
  int descriptors = count_entries("/proc/self/fd");
  check(&f);
  CHECK_NUM(count_entries("/proc/self/fd"), descriptors);
  remove_cgroups(&f);
  remove_nodes(&f);
}

#define TEST_EACH(name)                                                                            \
  static void check_##name(filter *f);                                                             \
  TEST(name##_v1) {                                                                                \
    on(false, check_##name);                                                                       \
  }                                                                                                \
  TEST(name##_v2) {                                                                                \
    on(true, check_##name);                                                                        \
  }                                                                                                \
  static void check_##name(filter *f)

/* -- filters -- */

static ctr_err last_err;

/* Sets the filter of a cgroup. bare: without what every container may. Rules that cannot be said
   are CTR_E_UNSUPPORTED. */
static ctr_code set_on(const ctr__cgroup *g, ctr_device_rules rules, bool bare) {
  ctr_arena mem = {0};
  ctr_config config = {.linux_.resources.devices = rules};
  ctr__builder b = {.arena = &mem, .config = &config, .err = &last_err};
  ctr__dev_rules all;
  ctr__dev_table table;
  ctr__dev_list list = {false, ""};
  ctr__dev_program program = {NULL, 0};
  last_err = (ctr_err){0};
  ctr_code code = ctr__dev_rules_read(&b, &all);
  if (bare) all.count = rules.count;
  if (!code) code = ctr__dev_table_make(&b, &all, &table);
  if (!code)
    code = g->v2 ? ctr__dev_program_make(&b, &table, &program)
                 : ctr__dev_list_make(&b, &all, &table, &list);
  if (!code)
    code = g->v2 ? ctr__devices_set_program(g, &program, "linux.resources.devices", &last_err)
                 : ctr__devices_set_list(g, &list, "linux.resources.devices", &last_err);
  ctr_arena_free(&mem);
  return code;
}

static void set(const filter *f, ctr_device_rules rules, bool bare) {
  ctr_code code = set_on(&f->group, rules, bare);
  CHECK_MSG(!code, "%s", last_err.msg);
}

static ctr_device_rule rule(bool allow, const char *type, int major_, int minor_,
                            const char *access) {
  return (ctr_device_rule){allow, type, {true, major_}, {true, minor_}, access};
}

#define RULES(...)                                                                                 \
  (ctr_device_rules) {                                                                             \
    (const ctr_device_rule[]){__VA_ARGS__},                                                        \
        sizeof((const ctr_device_rule[]){__VA_ARGS__}) / sizeof(ctr_device_rule)                   \
  }
#define NO_RULES ((ctr_device_rules){0})

/* -- in the cgroup -- */

/* A child that enters the cgroup and does something: what it returns, 0 to 255. */
static int inside(const ctr__cgroup *g, int (*action)(void *), void *userdata) {
  int status = -1;
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(ctr__cgroup_enter(g, getpid()) < 0 ? 255 : action(userdata));
  }
  if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return 254;
  return WEXITSTATUS(status);
}

static int open_it(void *userdata) {
  const char *path = userdata;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}

static int make_it(void *userdata) {
  const char *path = userdata;
  return mknod(path, S_IFCHR | 0600, makedev(1, 3)) < 0 ? errno : 0;
}

/* A node of the null device, outside of the cgroup; NULL where nodes cannot be opened. */
static char *null_node(const filter *f) {
  static char path[512];
  snprintf(path, sizeof path, "%s/null", f->dir);
  mknod(path, S_IFCHR | 0600, makedev(1, 3));
  return open_it(path) == 0 ? path : NULL;
}

#define NEED_NULL(path)                                                                            \
  char *path = null_node(f);                                                                       \
  if (!path) SKIP("device nodes cannot be made or opened in %.200s", f->dir)

TEST_EACH(what_is_denied_is_not_opened) {
  NEED_NULL(null);
  CHECK_NUM(inside(&f->group, open_it, null), 0);
  set(f, NO_RULES, true);
  CHECK_NUM(inside(&f->group, open_it, null), EPERM);
  set(f, RULES(rule(true, "c", 1, 3, "r"), rule(true, "c", 1, -1, "w")), true);
  CHECK_NUM(inside(&f->group, open_it, null), 0);
  set(f, RULES(rule(true, "c", 1, 3, "r"), rule(true, "c", 1, 5, "rw")), true);
  CHECK_NUM(inside(&f->group, open_it, null), EPERM);
  set(f, RULES(rule(true, "a", -1, -1, "rwm"), rule(false, "c", 1, 3, "w")), true);
  CHECK_NUM(inside(&f->group, open_it, null), EPERM);
}

TEST_EACH(a_node_is_made_only_where_that_is_allowed) {
  NEED_NULL(null);
  char made[512];
  snprintf(made, sizeof made, "%s.made", null);
  set(f, RULES(rule(true, "c", 1, 3, "rw")), true);
  CHECK_NUM(inside(&f->group, make_it, made), EPERM);
  CHECK_NUM(inside(&f->group, open_it, null), 0);
  set(f, RULES(rule(true, "c", 1, 3, "m")), true);
  CHECK_NUM(inside(&f->group, make_it, made), 0);
  CHECK_NUM(inside(&f->group, open_it, made), EPERM);
}

/* What podman and containerd write first. */
TEST_EACH(a_container_has_its_default_devices) {
  NEED_NULL(null);
  char kmsg[512], made[512];
  snprintf(kmsg, sizeof kmsg, "%s/kmsg", f->dir);
  snprintf(made, sizeof made, "%s/made", f->dir);
  mknod(kmsg, S_IFCHR | 0600, makedev(1, 11));
  CHECK_NUM(inside(&f->group, open_it, kmsg), 0);
  set(f, RULES(rule(false, "a", -1, -1, "rwm")), false);
  CHECK_NUM(inside(&f->group, open_it, kmsg), EPERM);
  CHECK_NUM(inside(&f->group, open_it, null), 0);
  CHECK_NUM(inside(&f->group, make_it, made), 0);
  set(f, RULES(rule(true, "a", -1, -1, "rwm")), false); /* privileged */
  CHECK_NUM(inside(&f->group, open_it, kmsg), 0);
}

/* -- the kernel and the rules -- */

static const int majors[] = {230, 231, 239}, minors[] = {3, 4, 9}; /* the last are never named */

typedef struct survey {
  ctr_device_rules rules;
  const char *dir;
  char *complaint; /* shared with the tester */
} survey;

static bool kernel_allows(const char *dir, const request *q) {
  char path[512], made[600];
  snprintf(path, sizeof path, "%.200s/%c%d-%d", dir, q->type, q->major_, q->minor_);
  snprintf(made, sizeof made, "%s.%d", path, getpid());
  int how = (strchr(q->access, 'r') ? R_OK : 0) | (strchr(q->access, 'w') ? W_OK : 0);
  if (how && access(path, how) < 0) return false;
  if (!strchr(q->access, 'm')) return true;
  int r = mknod(made, (q->type == 'b' ? S_IFBLK : S_IFCHR) | 0600,
                makedev((unsigned)q->major_, (unsigned)q->minor_));
  unlink(made);
  return r == 0;
}

#define EACH_DEVICE(q)                                                                             \
  for (int t_ = 0; t_ < 2; t_++)                                                                   \
    for (int i_ = 0; i_ < 9; i_++)                                                                 \
      for (request q = {t_ ? 'c' : 'b', majors[i_ / 3], minors[i_ % 3], NULL}, *once_ = &q; once_; \
           once_ = NULL)

static int look_around(void *userdata) {
  survey *s = userdata;
  EACH_DEVICE(q) {
    for (int a = 0; a < ACCESSES; a++) {
      q.access = accesses[a];
      bool should = reference_allows(s->rules, &q);
      if (kernel_allows(s->dir, &q) == should) continue;
      snprintf(s->complaint, 4096, "%.3000s: %c %d:%d %s should be %s", rules_text(s->rules),
               q.type, q.major_, q.minor_, q.access, should ? "allowed" : "denied");
      return 1;
    }
  }
  return 0;
}

/* One cgroup sees them all, each replaces the one before. */
TEST_EACH(the_kernel_does_what_the_rules_say) {
  enum { LISTS = 250, LONGEST = 6 };
  int said = 0;
  char *complaint = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  EACH_DEVICE(q) {
    mode_t type = q.type == 'b' ? S_IFBLK : S_IFCHR;
    mknod(text("%s/%c%d-%d", f->dir, q.type, q.major_, q.minor_), type | 0600,
          makedev((unsigned)q.major_, (unsigned)q.minor_));
  }
  chance_state = 4711;
  for (int n = 0; n < LISTS && !test_failures; n++) {
    ctr_device_rule items[LONGEST];
    ctr_device_rules rules = {items, (size_t)chance(LONGEST + 1)};
    for (size_t i = 0; i < rules.count; i++) items[i] = chance_rule(230, 2, 3, 2);
    ctr_code code = set_on(&f->group, rules, true);
    CHECK_MSG(!code || (!f->v2 && code == CTR_E_UNSUPPORTED), "%s", last_err.msg);
    if (code) continue;
    survey s = {rules, f->dir, complaint};
    int r = inside(&f->group, look_around, &s);
    CHECK_MSG(r == 0, "%d: %s", r, complaint);
    said++;
  }
  munmap(complaint, 4096);
  CHECK(said > LISTS / 4);
}

/* -- updates -- */

typedef struct trying {
  const char *allowed, *denied;
  volatile bool stop; /* shared */
  volatile long tries, opened, refused;
} trying;

static int try_until_told(void *userdata) {
  trying *t = userdata;
  do {
    t->opened += open_it((char *)(uintptr_t)t->denied) != EPERM;
    t->refused += open_it((char *)(uintptr_t)t->allowed) != 0;
    t->tries++;
  } while (!t->stop);
  return 0;
}

static pid_t spawn_trying(const filter *f, trying *t) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid != 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (ctr__cgroup_enter(&f->group, getpid()) < 0) _exit(255);
  _exit(try_until_told(t));
}

/* What both the old and the new rules deny is never opened, what both allow always. */
TEST_EACH(an_update_leaves_no_gap) {
  enum { UPDATES = 1000 };
  NEED_NULL(null);
  char full[512];
  snprintf(full, sizeof full, "%s/full", f->dir);
  mknod(full, S_IFCHR | 0600, makedev(1, 7));
  trying *t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  *t = (trying){.allowed = null, .denied = full};
  const ctr_device_rules rules[] = {RULES(rule(true, "c", 1, 3, "rw"), rule(true, "c", 1, 5, "rwm"),
                                          rule(true, "b", 8, -1, "r")),
                                    RULES(rule(true, "c", 1, 3, "rwm"), rule(true, "c", 1, 7, "m"),
                                          rule(true, "c", 2, -1, "r"))};
  set(f, rules[0], true);
  pid_t pid = spawn_trying(f, t);
  for (int i = 0; i < UPDATES && !test_failures; i++) {
    long before = t->tries;
    set(f, rules[(i + 1) % 2], true);
    while (i % 50 == 0 && t->tries == before && waitpid(pid, NULL, WNOHANG) == 0) sched_yield();
  }
  t->stop = true;
  int status = -1;
  waitpid(pid, &status, 0);
  CHECK_NUM(status, 0);
  CHECK(t->tries >= UPDATES / 50);
  CHECK_NUM(t->opened, 0);
  CHECK_NUM(t->refused, 0);
  munmap(t, sizeof *t);
}

TEST_EACH(a_thousand_rules) {
  enum { MANY = 1000 };
  static ctr_device_rule items[MANY + 1];
  NEED_NULL(null);
  for (int i = 0; i < MANY; i++)
    items[i] = rule(true, i % 3 ? "c" : "b", 10 + i % 250, i, accesses[i % ACCESSES]);
  set(f, (ctr_device_rules){items, MANY}, true);
  CHECK_NUM(inside(&f->group, open_it, null), EPERM);
  items[MANY] = rule(true, "c", 1, 3, "rwm");
  set(f, (ctr_device_rules){items, MANY + 1}, true);
  CHECK_NUM(inside(&f->group, open_it, null), 0);
}

/* -- what only v1 has -- */

static void check_cgroups_below(filter *f) {
  NEED_NULL(null);
  ctr__cgroup inner = below(f, "inner");
  set(f, RULES(rule(true, "c", 1, 3, "rw"), rule(true, "c", 1, 5, "rw")), true);
  CHECK_NUM(mkdir(inner.path, 0755), 0);
  CHECK_NUM(inside(&inner, open_it, null), 0);
  set(f, RULES(rule(true, "c", 1, 5, "rw"), rule(true, "c", 1, 7, "rw")), true);
  CHECK_NUM(inside(&inner, open_it, null), EPERM); /* what is taken away is so below, too */
  CHECK_NUM(set_on(&inner, RULES(rule(true, "c", 1, 3, "r")), true), CTR_E_SYS);
  CHECK_NUM(last_err.sys, EPERM);
  CHECK_STR(last_err.field, "linux.resources.devices");
  CHECK_HAS(last_err.msg, "write 'c 1:3 r' to");
  CHECK_HAS(last_err.msg, "a cgroup has no more than the one above it");
  CHECK_NUM(set_on(&inner, RULES(rule(true, "c", 1, 7, "r")), true), 0);
  CHECK_NUM(set_on(&f->group, RULES(rule(true, "a", -1, -1, "rwm")), true), CTR_E_SYS);
  CHECK_NUM(last_err.sys, EINVAL);
  CHECK_HAS(last_err.msg, "there are cgroups below it");
}

TEST(cgroups_below_on_v1) {
  on(false, check_cgroups_below);
}

static void check_missing_v1(filter *f) {
  ctr__cgroup missing = below(f, "missing");
  CHECK_NUM(set_on(&missing, NO_RULES, false), CTR_E_SYS);
  CHECK_NUM(last_err.sys, ENOENT);
  CHECK_HAS(last_err.msg, "missing/devices.list");
}

TEST(a_cgroup_that_is_not_there_v1) {
  on(false, check_missing_v1);
}

/* -- what only v2 has: programs of several -- */

static int open_cgroup(const ctr__cgroup *g) {
  return open(g->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Attaches a program that allows all, as somebody else would. */
static int attach_foreign(const ctr__cgroup *g, unsigned flags) {
  ctr__bpf_insn insns[] = {{CTR__BPF_SET, 0, 0, 1}, {CTR__BPF_EXIT, 0, 0, 0}};
  struct ctr__bpf_load load = {.type = CTR__BPF_PROG_TYPE_CGROUP_DEVICE,
                               .count = 2,
                               .insns = ctr__bpf_pointer(insns),
                               .license = ctr__bpf_pointer("MIT"),
                               .name = "somebody_else"};
  int fd = ctr__bpf(CTR__BPF_PROG_LOAD, &load, sizeof load), dir = open_cgroup(g);
  struct ctr__bpf_attach attach = {.dir = (uint32_t)dir,
                                   .program = (uint32_t)fd,
                                   .where = CTR__BPF_CGROUP_DEVICE,
                                   .flags = flags};
  int r = fd < 0 ? fd : ctr__bpf(CTR__BPF_PROG_ATTACH, &attach, sizeof attach);
  close(fd);
  close(dir);
  return r;
}

static ctr__devices_attached attached_to(const ctr__cgroup *g) {
  ctr__devices_attached attached = {.count = 0};
  int dir = open_cgroup(g);
  CHECK_NUM(ctr__devices_query(dir, &attached), 0);
  close(dir);
  return attached;
}

static uint32_t own_of(const ctr__devices_attached *attached) {
  uint32_t own = 0;
  for (uint32_t i = 0; i < attached->count; i++) {
    int fd = ctr__devices_open_own(attached->ids[i]);
    CHECK(fd >= 0 || fd == -ENOENT);
    own += fd >= 0;
    if (fd >= 0) close(fd);
  }
  return own;
}

static void check_foreign(filter *f) {
  NEED_NULL(null);
  CHECK_NUM(attach_foreign(&f->group, CTR__BPF_F_ALLOW_MULTI), 0);
  uint32_t foreign = attached_to(&f->group).ids[0];
  for (int i = 0; i < 5; i++) {
    set(f, NO_RULES, true);
    ctr__devices_attached attached = attached_to(&f->group);
    CHECK_NUM(attached.count, 2);
    CHECK_NUM(own_of(&attached), 1);
    CHECK(attached.ids[0] == foreign || attached.ids[1] == foreign);
    CHECK_NUM(inside(&f->group, open_it, null), EPERM);
  }
}

TEST(programs_of_others_stay) {
  on(true, check_foreign);
}

static void check_old_kernel(filter *f) {
  NEED_NULL(null);
  ctr__bpf_insn insns[] = {{CTR__BPF_SET, 0, 0, 1}, {CTR__BPF_EXIT, 0, 0, 0}};
  const ctr__dev_program allow = {insns, 2};
  int dir = open_cgroup(&f->group), fds[3];
  CHECK_NUM(attach_foreign(&f->group, CTR__BPF_F_ALLOW_MULTI), 0);
  set(f, NO_RULES, true);
  CHECK_NUM(inside(&f->group, open_it, null), EPERM);
  for (int i = 0; i < 3; i++) CHECK_NUM(ctr__devices_load(&allow, NULL, &fds[i], &last_err), 0);
  CHECK_NUM(ctr__devices_attach(dir, fds[0], -1), 0); /* a second of ours */
  ctr__devices_attached attached = attached_to(&f->group);
  CHECK_NUM(attached.count, 3);
  CHECK_NUM(ctr__devices_put(dir, fds[1], &attached, false), 0);
  attached = attached_to(&f->group);
  CHECK_NUM(attached.count, 2);
  CHECK_NUM(own_of(&attached), 1);
  CHECK_NUM(inside(&f->group, open_it, null), 0);
  CHECK_NUM(ctr__devices_attach(dir, fds[0], -1), 0);
  attached = attached_to(&f->group);
  CHECK_NUM(ctr__devices_put(dir, fds[2], &attached, true), 0);
  attached = attached_to(&f->group);
  CHECK_NUM(attached.count, 2);
  CHECK_NUM(own_of(&attached), 1);
  for (int i = 0; i < 3; i++) close(fds[i]);
  close(dir);
}

TEST(several_of_ours_become_one_with_and_without_replace) {
  on(true, check_old_kernel);
}

static void check_alone(filter *f) {
  ctr__cgroup inner = below(f, "inner");
  CHECK_NUM(mkdir(inner.path, 0755), 0);
  CHECK_NUM(attach_foreign(&f->group, 0), 0);
  CHECK_NUM(set_on(&inner, NO_RULES, false), CTR_E_SYS);
  CHECK_NUM(last_err.sys, EPERM);
  CHECK_STR(last_err.field, "linux.resources.devices");
  CHECK_HAS(last_err.msg, "inner");
  CHECK_HAS(last_err.msg, "attached to a cgroup above it");
  CHECK_NUM(set_on(&f->group, NO_RULES, false), CTR_E_SYS);
  CHECK_NUM(last_err.sys, EPERM);
  CHECK_HAS(last_err.msg, "somebody else's filter is attached to it");
  CHECK_NUM(attached_to(&inner).count, 0);
  CHECK_NUM(attached_to(&f->group).count, 1);
}

TEST(a_filter_that_suffers_no_other_is_named) {
  on(true, check_alone);
}

static int load_without_rights(void *userdata) {
  const filter *f = userdata;
  struct {
    uint32_t version;
    int32_t pid;
  } head = {0x20080522, 0};
  uint32_t none[6] = {0};
  if (syscall(SYS_capset, &head, none) < 0) return 2;
  if (set_on(&f->group, NO_RULES, false) != CTR_E_SYS || last_err.sys != EPERM) return 3;
  return strstr(last_err.msg, f->v2 ? "CAP_BPF and CAP_NET_ADMIN are needed" : "") ? 0 : 4;
}

TEST_EACH(without_rights_it_is_said_which_are_missing) {
  CHECK_NUM(inside(&f->group, load_without_rights, f), 0);
}

static void check_bad_program(filter *f) {
  ctr__bpf_insn insns[] = {{CTR__BPF_EXIT, 0, 0, 0}};
  const ctr__dev_program program = {insns, 1};
  CHECK_NUM(ctr__devices_set_program(&f->group, &program, "linux.resources.devices", &last_err),
            CTR_E_SYS);
  CHECK_HAS(last_err.msg, "load a device filter of 1 instructions");
  CHECK_HAS(last_err.msg, "R0 !read_ok");
  CHECK_NUM(attached_to(&f->group).count, 0);
}

TEST(what_the_verifier_says_is_passed_on) {
  on(true, check_bad_program);
}

static void check_missing_v2(filter *f) {
  ctr__cgroup missing = below(f, "missing");
  CHECK_NUM(set_on(&missing, NO_RULES, false), CTR_E_SYS);
  CHECK_NUM(last_err.sys, ENOENT);
  CHECK_HAS(last_err.msg, "open the cgroup");
}

TEST(a_cgroup_that_is_not_there_v2) {
  on(true, check_missing_v2);
}

TEST_MAIN
