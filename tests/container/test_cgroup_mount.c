/* The mount type "cgroup" on machines of each kind: a private mount namespace shows the tester a
   machine with version 2 only, with version 1 only, with both, or with none. */
#include "box.h"

#include <sys/mount.h>

/* A line of mountinfo whose mount point is the path; "" when there is none. */
static const char *mount_at(const box *b, const char *path) {
  const char *at = strstr(b->out, text(" %s ", path)), *line = at;
  while (line && line > b->out && line[-1] != '\n') line--;
  return line ? text("%.*s", (int)strcspn(line, "\n"), line) : "";
}

static int see_nothing(void) {
  while (umount2("/sys/fs/cgroup", MNT_DETACH) == 0) continue;
  return 0;
}

static int see_v2(void) {
  see_nothing();
  return mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
}

static int see_v1(void) {
  see_nothing();
  if (mount("tmpfs", "/sys/fs/cgroup", "tmpfs", 0, NULL) < 0) return -1;
  mkdir("/sys/fs/cgroup/pids,freezer", 0755);
  mkdir("/sys/fs/cgroup/a name", 0755);
  if (mount("cgroup", "/sys/fs/cgroup/a name", "cgroup", 0, "none,name=systemd") < 0) return -1;
  return mount("cgroup", "/sys/fs/cgroup/pids,freezer", "cgroup", 0, "none,name=ctr-test");
}

static int see_both(void) {
  if (see_v1() < 0) return -1;
  mkdir("/sys/fs/cgroup/unified", 0755);
  return mount("cgroup2", "/sys/fs/cgroup/unified", "cgroup2", 0, NULL);
}

/* Runs checks in a process that sees such a machine. */
static void on_a_machine_with(int (*see)(void), void (*checks)(box *b)) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        see() < 0)
      _exit(77);
    box b = box_new();
    checks(&b);
    box_free(&b);
    fflush(stdout);
    _exit(test_failures ? 1 : 0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) SKIP("this machine has no such hierarchies");
  CHECK_NUM(status, 0);
}

static void check_v2(box *b) {
  CHECK_RAN(box_run(b, "cat", "/proc/self/mountinfo"));
  CHECK_HAS(mount_at(b, "/sys/fs/cgroup"), " ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup ");
  CHECK_RAN(box_run(b, "try", "/sys/fs/cgroup/cgroup.procs"));
  CHECK_STR(box_said(b, "/sys/fs/cgroup/cgroup.procs"), "EROFS");
}

TEST(version_2_is_one_read_only_mount) {
  on_a_machine_with(see_v2, check_v2);
}

/* cgroup_namespaces(7): a user namespace mounts cgroup2 only with a cgroup namespace of its own;
   what the config asks for else is bound. */
static void check_v2_in_a_user_namespace(box *b) {
  static const ctr_id_mapping map = {0, 0, 65536};
  ctr_namespace listed[] = {{CTR_NS_PID, NULL},   {CTR_NS_NETWORK, NULL}, {CTR_NS_IPC, NULL},
                            {CTR_NS_UTS, NULL},   {CTR_NS_MOUNT, NULL},   {CTR_NS_USER, NULL},
                            {CTR_NS_CGROUP, NULL}};
  b->config->linux_.uidMappings = b->config->linux_.gidMappings = (ctr_id_mappings){&map, 1};
  b->config->linux_.namespaces = (ctr_namespaces){listed, 7};
  check_v2(b);
  b->config->linux_.namespaces.count = 6;
  CHECK_RAN(box_run(b, "cat", "/proc/self/mountinfo"));
  CHECK_HAS(mount_at(b, "/sys/fs/cgroup"), " ro,nosuid,nodev,noexec,relatime - cgroup2 ");
}

TEST(version_2_is_there_in_a_user_namespace_too) {
  on_a_machine_with(see_v2, check_v2_in_a_user_namespace);
}

static void check_v1(box *b) {
  CHECK_RAN(box_run(b, "cat", "/proc/self/mountinfo"));
  CHECK_HAS(mount_at(b, "/sys/fs/cgroup"), " ro,nosuid,nodev,noexec,relatime - tmpfs ");
  CHECK_HAS(mount_at(b, "/sys/fs/cgroup/a\\040name"), " ro,nosuid,nodev,noexec,relatime - cgroup ");
  CHECK_HAS(mount_at(b, "/sys/fs/cgroup/pids,freezer"),
            " ro,nosuid,nodev,noexec,relatime - cgroup ");
  CHECK_RAN(box_run(b, "stat", "/sys/fs/cgroup/pids", "/sys/fs/cgroup/freezer"));
  CHECK_HAS(box_said(b, "/sys/fs/cgroup/pids"), "link 0777 0 0 0:0 pids,freezer");
  CHECK_HAS(box_said(b, "/sys/fs/cgroup/freezer"), "link 0777 0 0 0:0 pids,freezer");
  CHECK_RAN(box_run(b, "try", "/sys/fs/cgroup/pids/cgroup.procs"));
  CHECK_STR(box_said(b, "/sys/fs/cgroup/pids/cgroup.procs"), "EROFS");
}

TEST(version_1_is_a_tmpfs_with_each_hierarchy) {
  on_a_machine_with(see_v1, check_v1);
}

static void check_both(box *b) {
  check_v1(b);
  CHECK_RAN(box_run(b, "cat", "/proc/self/mountinfo"));
  CHECK_HAS(mount_at(b, "/sys/fs/cgroup/unified"), " ro,nosuid,nodev,noexec,relatime - cgroup2 ");
}

TEST(both_versions_are_there_where_the_machine_has_both) {
  on_a_machine_with(see_both, check_both);
}

static void check_none(box *b) {
  CHECK_REFUSED(box_run(b, "self"), "mounts[6]", "no cgroup hierarchy mounted");
}

TEST(none_at_all_is_an_error_that_says_so) {
  on_a_machine_with(see_nothing, check_none);
}

/* Asked for without "ro", it can be written to: by who may. */
static void check_writable(box *b) {
  ctr_mount *mounts = ctr__arena_array(&b->mem, b->config->mounts.count, sizeof *mounts);
  memcpy(mounts, b->config->mounts.items, b->config->mounts.count * sizeof *mounts);
  mounts[6].options = CTR_STRS("nosuid");
  b->config->mounts.items = mounts;
  CHECK_RAN(box_run(b, "try", "/sys/fs/cgroup/cgroup.procs"));
  CHECK_STR(box_said(b, "/sys/fs/cgroup/cgroup.procs"), "open");
}

TEST(it_is_writable_when_asked_for) {
  on_a_machine_with(see_v2, check_writable);
}

TEST_MAIN
