/* Namespaces: new ones, joined ones, and what belongs to them. */
#include "box.h"

#include <net/if.h>
#include <time.h>

static const char *own_namespace(const char *kind) {
  char target[64];
  ssize_t n = readlink(text("/proc/self/ns/%s", kind), target, sizeof target);
  return text("%.*s", n < 0 ? 0 : (int)n, target);
}

static const struct {
  const char *name; /* below /proc/PID/ns */
  ctr_namespace_type type;
} kinds[] = {{"cgroup", CTR_NS_CGROUP}, {"ipc", CTR_NS_IPC}, {"mnt", CTR_NS_MOUNT},
             {"net", CTR_NS_NETWORK},   {"pid", CTR_NS_PID}, {"time", CTR_NS_TIME},
             {"user", CTR_NS_USER},     {"uts", CTR_NS_UTS}};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Takes everything out of the config that needs one namespace or another. */
static void strip(box *b) {
  b->config->mounts.count = 0;
  b->config->linux_.maskedPaths = b->config->linux_.readonlyPaths = NO_OPTIONS;
  b->config->hostname = NULL;
}

TEST(what_is_listed_is_new_and_nothing_else) {
  const uint32_t with_each = me().with_each;
  for (size_t i = 0; i < KINDS; i++) {
    box b = box_new();
    uint32_t asked = (uint32_t)kinds[i].type | CTR_NS_MOUNT | with_each;
    if (kinds[i].type == CTR_NS_USER) b = (box_free(&b), box_mapped());
    ctr_namespace listed[KINDS];
    size_t n = 0;
    for (size_t k = 0; k < KINDS; k++)
      if (asked & (uint32_t)kinds[k].type) listed[n++] = (ctr_namespace){kinds[k].type, NULL};
    strip(&b);
    box_mount(&b, "/proc", "bind", "/proc", CTR_STRS("rbind")); /* needs none of its own */
    b.config->linux_.namespaces = (ctr_namespaces){listed, n};
    CHECK_RAN(box_run(&b, "self"));
    for (size_t k = 0; k < KINDS; k++) {
      const char *said = box_said(&b, text("ns.%s", kinds[k].name));
      bool is_new = strcmp(said, own_namespace(kinds[k].name)) != 0;
      CHECK_MSG(is_new == !!(asked & (uint32_t)kinds[k].type), "with %s: %s is %s", kinds[i].name,
                kinds[k].name, is_new ? "new" : "the host's");
    }
    box_free(&b);
  }
}

TEST(all_are_new_at_once) {
  box b = box_mapped();
  BOX_ADD(&b, b.config->linux_.namespaces, ctr_namespace, {CTR_NS_TIME, NULL});
  CHECK_RAN(box_run(&b, "self"));
  for (size_t k = 0; k < KINDS; k++)
    CHECK_MSG(strcmp(box_said(&b, text("ns.%s", kinds[k].name)), own_namespace(kinds[k].name)),
              "%s is the host's", kinds[k].name);
  box_free(&b);
}

TEST(ids_in_mounts_must_be_mapped) {
  box b = box_mapped();
  box_map(&b, (ctr_id_mapping){0, 100000, 5}, (ctr_id_mapping){0, 100000, 5});
  CHECK_REFUSED(box_run(&b, "self"), "mounts[2].options[5]", "\"gid=5\": an id that");
  box_free(&b);
}

TEST(an_ordinary_user_without_a_user_namespace_is_told) {
  box b = box_new();
  b.config->linux_.uidMappings = b.config->linux_.gidMappings = (ctr_id_mappings){0};
  b.config->linux_.namespaces.count--;
  CHECK_REFUSED(box_run(&b, "self"), "linux.namespaces", "add one of type user");
  box_free(&b);
}

TEST(without_a_pid_namespace_the_pid_is_the_hosts) {
  box b = box_new();
  ctr_namespace listed[8];
  size_t n = 0;
  for (size_t i = 0; i < b.config->linux_.namespaces.count; i++)
    if (b.config->linux_.namespaces.items[i].type != CTR_NS_PID)
      listed[n++] = b.config->linux_.namespaces.items[i];
  b.config->linux_.namespaces = (ctr_namespaces){listed, n};
  b.config->mounts.items++; /* a new proc needs a pid namespace of its own in a user namespace */
  b.config->mounts.count--;
  b.config->linux_.maskedPaths = b.config->linux_.readonlyPaths = NO_OPTIONS;
  CHECK_RAN(box_run(&b, "self"));
  CHECK(atoi(box_said(&b, "pid")) > 1);
  box_free(&b);
}

static void check_clocks(box b) {
  BOX_ADD(&b, b.config->linux_.namespaces, ctr_namespace, {CTR_NS_TIME, NULL});
  b.config->linux_.timeOffsets = (ctr_time_offsets){.monotonic = {{true, 1000000}, {true, 500}},
                                                    .boottime = {{true, 2000000}, {0}}};
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  CHECK_RAN(box_run(&b, "self"));
  long long inside = atoll(box_said(&b, "monotonic"));
  CHECK_MSG(inside >= now.tv_sec + 1000000 && inside < now.tv_sec + 1001000, "%lld", inside);
  clock_gettime(CLOCK_BOOTTIME, &now);
  inside = atoll(box_said(&b, "boottime"));
  CHECK_MSG(inside >= now.tv_sec + 1999000 && inside < now.tv_sec + 2001000, "%lld", inside);
  CHECK_RAN(box_run(&b, "cat", "/proc/self/timens_offsets"));
  CHECK_HAS(b.out, "monotonic     1000000       500");
  CHECK_HAS(b.out, "boottime      2000000         0");
  box_free(&b);
}

TEST(clocks_are_shifted) {
  check_clocks(box_new());
  check_clocks(box_mapped());
}

TEST(clocks_without_a_time_namespace_are_refused) {
  box b = box_new();
  b.config->linux_.timeOffsets.boottime.secs = (ctr_int){true, 5};
  CHECK_REFUSED(box_run(&b, "self"), "linux.timeOffsets.boottime", "needs a new time namespace");
  box_free(&b);
}

TEST(a_clock_before_zero_is_refused_by_the_kernel_with_the_field) {
  box b = box_new();
  BOX_ADD(&b, b.config->linux_.namespaces, ctr_namespace, {CTR_NS_TIME, NULL});
  b.config->linux_.timeOffsets.monotonic.secs = (ctr_int){true, -2000000000};
  CHECK_REFUSED(box_run(&b, "self"), "linux.timeOffsets", "enter a new time namespace");
  box_free(&b);
}

TEST(settings_of_the_namespaces_are_written) {
  static const ctr_pair settings[] = {{"net.ipv4.ip_default_ttl", "77"},
                                      {"net/ipv4/conf/lo/forwarding", "1"}};
  box b = box_new();
  b.config->linux_.sysctl = (ctr_pairs){settings, 2};
  CHECK_RAN(box_run(&b, "cat", "/proc/sys/net/ipv4/ip_default_ttl",
                    "/proc/sys/net/ipv4/conf/lo/forwarding"));
  CHECK_STR(b.out, "77\n1\n");
  box_free(&b);
}

TEST(the_domain_name_setting_is_written) {
  static const ctr_pair setting = {"kernel.domainname", "a-domain"};
  box b = box_new();
  b.config->linux_.sysctl = (ctr_pairs){&setting, 1};
  CHECK_RAN(box_run(&b, "cat", "/proc/sys/kernel/domainname"));
  CHECK_STR(b.out, "a-domain\n");
  box_free(&b);
}

TEST(ipc_settings_are_written) {
  static const ctr_pair settings[] = {{"kernel.shmmni", "123"}, {"fs.mqueue.msg_max", "20"}};
  const char *before = text("%s", get_file("/proc/sys/kernel/shmmni"));
  box b = box_new();
  b.config->linux_.sysctl = (ctr_pairs){settings, 2};
  CHECK_RAN(box_run(&b, "cat", "/proc/sys/kernel/shmmni", "/proc/sys/fs/mqueue/msg_max"));
  CHECK_STR(b.out, "123\n20\n");
  CHECK_STR(get_file("/proc/sys/kernel/shmmni"), before);
  box_free(&b);
}

TEST(a_setting_that_does_not_exist_is_named) {
  static const ctr_pair setting = {"net.ipv4.no_such_thing", "1"};
  box b = box_new();
  b.config->linux_.sysctl = (ctr_pairs){&setting, 1};
  CHECK_REFUSED(box_run(&b, "self"), "linux.sysctl.net.ipv4.no_such_thing", "No such file");
  box_free(&b);
}

/* -- joining -- */

/* A container that waits, to be joined. */
typedef struct holder {
  box box;
  ctr_plan *plan;
  ctr_process *process;
  char user_path[64];
} holder;

static void hold(holder *h) {
  *h = (holder){.box = box_mapped()};
  box *b = &h->box;
  BOX_ADD(b, b->config->linux_.namespaces, ctr_namespace, {CTR_NS_TIME, NULL});
  b->config->process.args = CTR_STRS("/probe", "wait");
  b->config->hostname = "the-holder";
  b->plan = (ctr_plan_desc){.bundle = b->dir, .die_with_caller = true};
  if (ctr_plan_new(b->config, &b->plan, &h->plan, &b->err) ||
      ctr_process_new(h->plan, NULL, &h->process, &b->err) ||
      ctr_process_start(h->process, &b->err))
    test_fail(__FILE__, __LINE__, "%s", b->err.msg);
}

static void let_go(holder *h) {
  ctr_process_terminate(h->process, NULL);
  ctr_process_free(h->process);
  ctr_plan_free(h->plan);
  box_free(&h->box);
}

static const char *namespace_path(const holder *h, const char *kind) {
  return text("/proc/%d/ns/%s", ctr_process_pid(h->process), kind);
}

/* A box that joins the holder's namespaces of some kinds (a bit each); others as they are. */
static box box_joining(const holder *h, uint32_t join) {
  box b = box_new();
  ctr_namespaces *all = &b.config->linux_.namespaces;
  ctr_namespace *items = ctr__arena_array(&b.mem, all->count + KINDS, sizeof *items);
  size_t n = 0;
  for (size_t i = 0; i < all->count; i++)
    if (!((uint32_t)all->items[i].type & join)) items[n++] = all->items[i];
  for (size_t k = 0; k < KINDS; k++)
    if ((uint32_t)kinds[k].type & join)
      items[n++] = (ctr_namespace){kinds[k].type,
                                   ctr__arena_strdup(&b.mem, namespace_path(h, kinds[k].name))};
  *all = (ctr_namespaces){items, n};
  b.config->hostname = NULL;
  if (!(join & CTR_NS_USER)) return b;
  b.config->linux_.uidMappings = b.config->linux_.gidMappings = (ctr_id_mappings){0};
  if (chown(in_root(&b, ""), me().root_uid, me().root_gid) < 0) test_fail(b.dir, 0, "cannot chown");
  return b;
}

TEST(each_namespace_can_be_joined) {
  holder h;
  hold(&h);
  for (size_t k = 0; k < KINDS; k++) {
    const uint32_t type = (uint32_t)kinds[k].type;
    if (type == CTR_NS_MOUNT) continue; /* has a test of its own */
    box b = box_joining(&h, type | me().with_each);
    char target[64];
    ssize_t n = readlink(namespace_path(&h, kinds[k].name), target, sizeof target - 1);
    target[n < 0 ? 0 : n] = '\0';
    CHECK_RAN(box_run(&b, "self"));
    CHECK_STR(box_said(&b, text("ns.%s", kinds[k].name)), target);
    if (type == CTR_NS_UTS) CHECK_STR(box_said(&b, "hostname"), "the-holder");
    if (type == CTR_NS_PID) CHECK(atoi(box_said(&b, "pid")) > 1);
    box_free(&b);
  }
  let_go(&h);
}

TEST(all_namespaces_can_be_joined_at_once) {
  holder h;
  hold(&h);
  box b = box_joining(&h, CTR_NS_CGROUP | CTR_NS_IPC | CTR_NS_NETWORK | CTR_NS_PID | CTR_NS_TIME |
                              CTR_NS_USER | CTR_NS_UTS);
  CHECK_RAN(box_run(&b, "self"));
  for (size_t k = 0; k < KINDS; k++) {
    char target[64];
    ssize_t n = readlink(namespace_path(&h, kinds[k].name), target, sizeof target - 1);
    target[n < 0 ? 0 : n] = '\0';
    if (kinds[k].type != CTR_NS_MOUNT)
      CHECK_STR(box_said(&b, text("ns.%s", kinds[k].name)), target);
  }
  box_free(&b);
  let_go(&h);
}

TEST(a_mount_namespace_is_joined_as_it_is) {
  holder h;
  hold(&h);
  box b = box_joining(&h, CTR_NS_MOUNT | me().with_each);
  CHECK_REFUSED(box_run(&b, "self"), "mounts", "needs a new mount namespace");
  b.config->mounts.count = 0;
  b.config->linux_.maskedPaths = b.config->linux_.readonlyPaths = NO_OPTIONS;
  b.config->root.path = "/";
  CHECK_RAN(box_run(&b, "stat", "/probe", "/dev/pts"));
  CHECK_HAS(box_said(&b, "/probe"), "file");
  CHECK_HAS(box_said(&b, "/dev/pts"), "dir");
  box_free(&b);
  let_go(&h);
}

TEST(what_is_no_such_namespace_is_refused_by_name) {
  static const struct {
    ctr_namespace_type type;
    const char *path, *part;
  } rows[] = {
      {CTR_NS_PID, "/proc/self/ns/net", "open the pid namespace at /proc/self/ns/net"},
      {CTR_NS_NETWORK, "/proc/self/ns/pid", "open the network namespace"},
      {CTR_NS_PID, "/dev/null", "open the pid namespace at /dev/null"},
      {CTR_NS_UTS, "/no/such/file", "No such file"},
      {CTR_NS_IPC, "/proc", "open the ipc namespace at /proc"},
  };
  box b = box_new();
  const ctr_namespaces before = b.config->linux_.namespaces;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ctr_namespace items[8];
    size_t at = 0;
    memcpy(items, before.items, before.count * sizeof *items);
    while (items[at].type != rows[i].type) at++;
    items[at].path = rows[i].path;
    b.config->linux_.namespaces = (ctr_namespaces){items, before.count};
    strip(&b);
    CHECK_REFUSED(box_run(&b, "self"), text("linux.namespaces[%zu]", at), rows[i].part);
  }
  box_free(&b);
}

TEST(a_fifo_for_a_namespace_is_no_reason_to_wait) {
  box b = box_new();
  char fifo[300];
  snprintf(fifo, sizeof fifo, "%s/fifo", b.dir);
  CHECK(mkfifo(fifo, 0600) == 0);
  const ctr_namespace items[] = {{CTR_NS_NETWORK, fifo}, {CTR_NS_MOUNT, NULL}, {CTR_NS_USER, NULL}};
  b.config->linux_.namespaces = (ctr_namespaces){items, me().with_each ? 3 : 2};
  strip(&b);
  CHECK_REFUSED(box_run(&b, "self"), "linux.namespaces[0]", "another kind, or none");
  box_free(&b);
}

TEST(the_hosts_own_namespace_is_not_changed_by_way_of_its_path) {
  static const ctr_namespace items[] = {{CTR_NS_MOUNT, NULL}, {CTR_NS_UTS, "/proc/self/ns/uts"}};
  box b = box_new();
  strip(&b);
  b.config->linux_.namespaces = (ctr_namespaces){items, 2};
  CHECK_RAN(box_run(&b, "exit", "0")); /* joined as it is: why not */
  b.config->hostname = "not-the-hosts";
  CHECK_REFUSED(box_run(&b, "self"), "linux.namespaces[1]", "the caller's own");
  box_free(&b);
}

/* The intermediate process is gone, and the process in the joined namespaces is the caller's
   child. */
TEST(a_joining_process_is_the_callers_child) {
  holder h;
  hold(&h);
  box b = box_joining(&h, CTR_NS_PID | me().with_each);
  ctr_plan *plan = NULL;
  ctr_process *process = NULL;
  b.config->process.args = CTR_STRS("/probe", "wait");
  b.plan.bundle = b.dir;
  census before = take_census();
  CHECK_NUM(ctr_plan_new(b.config, &b.plan, &plan, &b.err), CTR_OK);
  CHECK_NUM(ctr_process_new(plan, NULL, &process, &b.err), CTR_OK);
  CHECK_MSG(ctr_process_start(process, &b.err) == CTR_OK, "%s", b.err.msg);
  census during = take_census();
  CHECK_NUM(during.children, before.children + 1);
  char stat_path[64];
  snprintf(stat_path, sizeof stat_path, "/proc/%d/stat", ctr_process_pid(process));
  const char *after_name = strrchr(get_file(stat_path), ')');
  CHECK_MSG(after_name && atoi(after_name + 4) == getpid(), "%s", after_name);
  CHECK_NUM(ctr_process_terminate(process, &b.err), CTR_OK);
  ctr_exit status;
  CHECK_NUM(ctr_process_wait(process, &status, NULL), CTR_OK);
  CHECK_NUM(status.signal, SIGKILL);
  ctr_process_free(process);
  ctr_plan_free(plan);
  check_census(&before);
  box_free(&b);
  let_go(&h);
}

TEST_MAIN
