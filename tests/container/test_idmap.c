/* Whose files a mount shows: id-mapped mounts; and sources that only the caller can reach. */
#include "box.h"

/* Mounts of this program are nobody else's. */
static void own_mounts(void) {
  static bool done;
  if (done) return;
  done = true;
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
    test_fail(__FILE__, __LINE__, "no mount namespace of its own");
}

/* Gives the last mount a map: ids from id on are those from host on. */
static void map_ids(box *b, uint32_t id, uint32_t host, uint32_t size) {
  ctr_id_mapping *map = ctr_arena_alloc(&b->mem, sizeof *map);
  ctr_mounts *mounts = &b->config->mounts;
  ctr_mount *copy = ctr__arena_array(&b->mem, mounts->count, sizeof *copy);
  *map = (ctr_id_mapping){id, host, size};
  memcpy(copy, mounts->items, mounts->count * sizeof *copy);
  copy[mounts->count - 1].uidMappings = copy[mounts->count - 1].gidMappings =
      (ctr_id_mappings){map, 1};
  mounts->items = copy;
}

/* A user namespace that maps 0 and on to 100000 and on. */
static int some_map(void) {
  int userns = -1;
  struct {
    ctr_plan plan;
    char data[64];
  } maps = {.plan = {.data = sizeof(ctr_plan)},
            .data = "\0"
                    "0 100000 65536\n"};
  ctr__start s = {.plan = &maps.plan, .idmaps = &userns, .idmap_count = 1};
  CHECK_NUM(ctr__parent_make_idmap(&s, &(ctr__step){.str = {1, 1}, .num = {1, 1}}), 0);
  return userns;
}

/* Linux 6.3 */
static bool tmpfs_takes_maps(void) {
  static int known = -1;
  if (known >= 0) return known;
  CTR__AUTO_CLOSE userns = some_map(), fs = ctr__fsopen("tmpfs");
  ctr__fsconfig(fs, CTR__FSCONFIG_CMD_CREATE, NULL, NULL);
  CTR__AUTO_CLOSE mount_ = ctr__fsmount(fs, 0);
  known = ctr__mount_idmap(mount_, 0, userns) == 0;
  return known;
}

#define NEEDS_MAPPED_TMPFS                                                                         \
  do {                                                                                             \
    if (!tmpfs_takes_maps()) SKIP("this kernel maps no ids of a tmpfs");                           \
  } while (0)

static void own(const char *path, unsigned id) {
  CHECK_MSG(lchown(path, id, id) == 0, "chown %s", path);
}

static const char *owner(const char *path) {
  struct stat st;
  return lstat(path, &st) < 0 ? "none" : text("%u %u", (unsigned)st.st_uid, (unsigned)st.st_gid);
}

/* data/, data/file of 5, data/sub/ with a tmpfs in which there is a file of 6; on a tmpfs. */
static box box_with_tree(void) {
  own_mounts();
  box b = box_mapped();
  mkdir(text("%s/data", b.dir), 0755);
  CHECK(mount("t", text("%s/data", b.dir), "tmpfs", 0, "mode=777") == 0);
  put_file(text("%s/data/file", b.dir), "content");
  own(text("%s/data/file", b.dir), 5);
  mkdir(text("%s/data/sub", b.dir), 0755);
  CHECK(mount("t", text("%s/data/sub", b.dir), "tmpfs", 0, NULL) == 0);
  put_file(text("%s/data/sub/file", b.dir), "content");
  own(text("%s/data/sub/file", b.dir), 6);
  return b;
}

static void free_tree(box *b) {
  CHECK(umount2(text("%s/data", b->dir), MNT_DETACH) == 0);
  box_free(b);
}

static void without_a_user_namespace(box *b) {
  b->config->linux_.namespaces.count--;
  b->config->linux_.uidMappings = b->config->linux_.gidMappings = (ctr_id_mappings){0};
  own(in_root(b, ""), 0);
}

/* -- id-mapped mounts -- */

TEST(a_bind_shows_other_owners_and_keeps_the_files_own) {
  NEEDS_MAPPED_TMPFS;
  for (int userns = 0; userns < 2; userns++) {
    box b = box_with_tree();
    if (!userns) without_a_user_namespace(&b);
    box_mount(&b, "/m", "bind", "data", NO_OPTIONS);
    map_ids(&b, 0, 100000, 65536);
    CHECK_RAN(box_run(&b, "stat", "/m/file"));
    CHECK_HAS(box_said(&b, "/m/file"), userns ? " 5 5 " : " 100005 100005 ");
    box_run(&b, "make", "/m/new");
    if (userns) {
      CHECK_STR(box_said(&b, "/m/new"), "made");
      CHECK_STR(owner(text("%s/data/new", b.dir)), "0 0");
    } else {
      CHECK_MSG(strstr(b.out, "too large"), "root is not mapped: %s", b.out); /* EOVERFLOW */
    }
    CHECK_STR(owner(text("%s/data/file", b.dir)), "5 5");
    free_tree(&b);
  }
}

/* On whatever file system the tests' own directory is. */
TEST(a_bind_of_the_hosts_disk_is_mapped_where_that_can_be) {
  box b = box_mapped();
  mkdir(text("%s/data", b.dir), 0755);
  put_file(text("%s/data/file", b.dir), "content");
  box_mount(&b, "/m", "bind", "data", NO_OPTIONS);
  map_ids(&b, 0, 100000, 65536);
  box_run(&b, "stat", "/m/file");
  if (b.code && strstr(b.err.msg, "takes no id-mapped mounts")) SKIP("%.200s", b.err.msg);
  CHECK_RAN(&b);
  CHECK_HAS(box_said(&b, "/m/file"), " 0 0 ");
  CHECK_RAN(box_run(&b, "make", "/m/new"));
  CHECK_STR(owner(text("%s/data/new", b.dir)), "0 0");
  box_free(&b);
}

TEST(a_map_reaches_what_is_below_with_ridmap_only) {
  NEEDS_MAPPED_TMPFS;
  static const char *const options[][2] = {{"rbind"}, {"rbind", "idmap"}, {"rbind", "ridmap"}};
  for (int i = 0; i < 3; i++) {
    box b = box_with_tree();
    box_mount(&b, "/m", NULL, "data", (ctr_strs){options[i], options[i][1] ? 2 : 1});
    map_ids(&b, 0, 100000, 65536);
    CHECK_RAN(box_run(&b, "stat", "/m/file", "/m/sub/file"));
    CHECK_HAS(box_said(&b, "/m/file"), " 5 5 ");
    CHECK_HAS(box_said(&b, "/m/sub/file"), i == 2 ? " 6 6 " : " 65534 65534 ");
    free_tree(&b);
  }
}

TEST(without_a_map_of_its_own_it_is_the_containers) {
  NEEDS_MAPPED_TMPFS;
  box b = box_with_tree();
  box_mount(&b, "/m", "bind", "data", CTR_STRS("idmap"));
  box_mount(&b, "/n", "bind", "data", CTR_STRS("idmap"));
  CHECK_RAN(box_run(&b, "stat", "/m/file", "/n/file"));
  CHECK_HAS(box_said(&b, "/m/file"), " 5 5 ");
  CHECK_HAS(box_said(&b, "/n/file"), " 5 5 ");
  free_tree(&b);
}

TEST(or_those_of_the_user_namespace_that_is_joined) {
  NEEDS_MAPPED_TMPFS;
  int ready[2], go[2];
  char c = 'x';
  CHECK(pipe2(ready, O_CLOEXEC) == 0 && pipe2(go, O_CLOEXEC) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(unshare(CLONE_NEWUSER) < 0 || write(ready[1], &c, 1) < 0 || read(go[0], &c, 1) < 0);
  }
  CHECK(read(ready[0], &c, 1) == 1);
  put_file(text("/proc/%d/uid_map", pid), "0 100000 65536");
  put_file(text("/proc/%d/gid_map", pid), "0 100000 65536");
  box b = box_with_tree();
  const char *path = ctr__arena_strdup(&b.mem, text("/proc/%d/ns/user", pid));
  without_a_user_namespace(&b);
  own(in_root(&b, ""), 100000);
  BOX_ADD(&b, b.config->linux_.namespaces, ctr_namespace, {CTR_NS_USER, path});
  box_mount(&b, "/m", "bind", "data", CTR_STRS("idmap"));
  box_mount(&b, "/t", "tmpfs", "t", CTR_STRS("ridmap", "uid=7", "gid=8"));
  CHECK_RAN(box_run(&b, "stat", "/m/file", "/t"));
  CHECK_HAS(box_said(&b, "/m/file"), " 5 5 ");
  CHECK_HAS(box_said(&b, "/t"), " 7 8 ");
  free_tree(&b);
  CHECK(write(go[1], &c, 1) == 1 && waitpid(pid, NULL, 0) == pid);
  for (int i = 0; i < 2; i++) close(ready[i]), close(go[i]);
}

TEST(a_new_file_system_is_mapped_as_well) {
  NEEDS_MAPPED_TMPFS;
  for (int userns = 0; userns < 2; userns++) {
    box b = box_mapped();
    own_mounts();
    if (!userns) without_a_user_namespace(&b);
    box_mount(&b, "/m", "tmpfs", "t", CTR_STRS("mode=751", "uid=3", "gid=4", "nosuid"));
    map_ids(&b, 3, 100010, 5);
    box_mount(&b, "/ro", "tmpfs", "t", userns ? CTR_STRS("ro", "idmap") : CTR_STRS("ro"));
    CHECK_RAN(box_run(&b, "stat", "/m"));
    CHECK_HAS(box_said(&b, "/m"), userns ? "dir 0751 10 11 " : "dir 0751 100010 100011 ");
    CHECK_RAN(box_run(&b, "statfs", "/m", "/ro"));
    CHECK_STR(box_said(&b, "/m"), "nosuid,relatime,");
    CHECK_STR(box_said(&b, "/ro"), "ro,relatime,");
    box_free(&b);
  }
}

TEST(a_copied_up_file_system_keeps_the_owners_that_are_seen) {
  NEEDS_MAPPED_TMPFS;
  box b = box_mapped();
  mkdir(in_root(&b, "d"), 0755);
  put_file(in_root(&b, "d/file"), "content");
  own(in_root(&b, "d/file"), 100009);
  box_mount(&b, "/d", "tmpfs", "t", CTR_STRS("tmpcopyup", "idmap"));
  CHECK_RAN(box_run(&b, "stat", "/d/file"));
  CHECK_HAS(box_said(&b, "/d/file"), " 9 9 ");
  box_free(&b);
}

/* Of mountinfo, from the mount point on. */
static const char *line_of(const box *b, const char *mount_point) {
  const char *at = strstr(b->out, text(" %s ", mount_point));
  return at ? text("%.*s", (int)strcspn(at, "\n"), at) : "none";
}

/* Options that are settled after the mount has been made: the source stays as it is. */
TEST(a_mapped_bind_takes_the_other_options) {
  NEEDS_MAPPED_TMPFS;
  box b = box_with_tree();
  CHECK(mount(NULL, text("%s/data", b.dir), NULL, MS_SHARED, NULL) == 0);
  box_mount(&b, "/m", "bind", "data", CTR_STRS("idmap", "ro", "noexec"));
  box_mount(&b, "/n", NULL, "data", CTR_STRS("rbind", "ridmap", "rro"));
  box_mount(&b, "/s", NULL, "data", CTR_STRS("rbind", "ridmap", "rslave"));
  box_mount(&b, "/h", NULL, "data", CTR_STRS("rbind", "ridmap", "rshared"));
  CHECK_RAN(box_run(&b, "statfs", "/m", "/n", "/n/sub"));
  CHECK_STR(box_said(&b, "/m"), "ro,noexec,relatime,");
  CHECK_STR(box_said(&b, "/n"), "ro,relatime,");
  CHECK_STR(box_said(&b, "/n/sub"), "ro,relatime,");
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  CHECK_MSG(!strstr(line_of(&b, "/m"), "master:"), "%s", line_of(&b, "/m"));
  CHECK_HAS(line_of(&b, "/s"), "master:");
  /* Else what is mounted inside would be seen on the host. */
  CHECK_HAS(line_of(&b, "/h"), "shared:");
  CHECK_HAS(line_of(&b, "/h"), "master:");
  free_tree(&b);
}

/* Nothing on the disk is chowned for a container with a user namespace. */
TEST(a_root_that_belongs_to_root_is_the_containers) {
  for (int closed = 0; closed < 2; closed++) {
    box b = box_mapped();
    const ctr_mounts others = b.config->mounts;
    own(in_root(&b, ""), 0);
    if (closed) CHECK(chmod(b.dir, 0700) == 0);
    b.config->root = (ctr_root){.path = NULL};
    b.config->mounts.count = 0;
    box_mount(&b, "/", "bind", "rootfs", CTR_STRS("rbind", "idmap"));
    ctr_mount *all = ctr__arena_array(&b.mem, 1 + others.count, sizeof *all);
    all[0] = b.config->mounts.items[0];
    memcpy(all + 1, others.items, others.count * sizeof *all);
    b.config->mounts = (ctr_mounts){all, 1 + others.count};
    box_run(&b, "stat", "/", "/probe");
    if (b.code && strstr(b.err.msg, "takes no id-mapped mounts")) SKIP("%.200s", b.err.msg);
    CHECK_RAN(&b);
    CHECK_HAS(box_said(&b, "/"), "dir 0755 0 0 ");
    CHECK_HAS(box_said(&b, "/probe"), " 0 0 ");
    CHECK_RAN(box_run(&b, "make", "/new"));
    CHECK_STR(owner(in_root(&b, "new")), "0 0");
    CHECK_STR(owner(in_root(&b, "proc")), "0 0"); /* a mount point that had to be made */
    box_free(&b);
  }
}

static void do_nothing(int signal_) {
  (void)signal_;
}

/* Its first process is made, and gone, while the caller may be told of the end of children. */
TEST(a_caller_that_ignores_its_children_gets_its_maps) {
  NEEDS_MAPPED_TMPFS;
  box b = box_with_tree();
  box_mount(&b, "/m", "bind", "data", CTR_STRS("idmap"));
  signal(SIGCHLD, SIG_IGN);
  b.config->process.args = CTR_STRS("/probe", "stat", "/m/file");
  box_start(&b);
  if (!b.out) b.out = strdup("");
  signal(SIGCHLD, do_nothing);
  CHECK_MSG(b.code == CTR_E_SYS && b.err.sys == ECHILD, "%s", b.err.msg); /* of waiting for it */
  CHECK_HAS(b.out, " 5 5 ");
  signal(SIGCHLD, SIG_DFL);
  free_tree(&b);
}

TEST(what_cannot_be_mapped_is_refused_with_the_reason) {
  box b = box_with_tree();
  const size_t mounts = b.config->mounts.count;
  box_mount(&b, "/m", "bind", "/proc/sys", CTR_STRS("idmap"));
  CHECK_REFUSED(box_run(&b, "self"), last_mount(&b), "takes no id-mapped mounts");
  b.config->mounts.count = mounts;
  box_mount(&b, "/m", "proc", "proc", CTR_STRS("idmap"));
  CHECK_REFUSED(box_run(&b, "self"), last_mount(&b), "takes no id-mapped mounts");
  b.config->mounts.count = mounts;
  box_mount(&b, "/m", "bind", "nowhere", CTR_STRS("idmap"));
  CHECK_REFUSED(box_run(&b, "self"), last_mount(&b), "the source cannot be opened");
  b.config->mounts.count = mounts;
  box_mount(&b, "/m", "tmpfs", "t", CTR_STRS("idmap", "size=much"));
  CHECK_REFUSED(box_run(&b, "self"), last_mount(&b), "refuses the option size=much");
  b.config->mounts.count = mounts;
  box_mount(&b, "/m", "no-such-type", "t", CTR_STRS("idmap"));
  CHECK_REFUSED(box_run(&b, "self"), last_mount(&b), "does not know this file system type");
  free_tree(&b);
}

TEST(what_is_mapped_already_is_not_mapped_again) {
  NEEDS_MAPPED_TMPFS;
  box b = box_with_tree();
  int tree = ctr__open_tree(AT_FDCWD, text("%s/data", b.dir), 0);
  CTR__AUTO_CLOSE userns = some_map();
  CHECK(ctr__mount_idmap(tree, 0, userns) == 0);
  int target = ctr__open(AT_FDCWD, text("%s/data/sub", b.dir), O_PATH, 0);
  CHECK(ctr__move_mount(tree, target) == 0);
  box_mount(&b, "/m", "bind", "data/sub", CTR_STRS("idmap"));
  close(tree);
  close(target);
  ctr__close(&userns);
  CHECK_REFUSED(box_run(&b, "self"), last_mount(&b), "its ids are mapped already, or");
  free_tree(&b);
}

TEST(an_ordinary_user_is_told_who_can_map_ids) {
  box b = box_new();
  box_mount(&b, "/m", "bind", "rootfs", NO_OPTIONS);
  map_ids(&b, 0, 0, 1);
  CHECK_REFUSED(box_run(&b, "self"), last_mount(&b), "let root start the container");
  box_free(&b);
}

TEST(an_older_kernel_is_told_what_it_lacks) {
  box b = box_mapped();
  b.plan.without = CTR_FEATURE_MOUNT_SETATTR;
  box_mount(&b, "/m", "tmpfs", "t", CTR_STRS("idmap"));
  CHECK_REFUSED(box_run(&b, "self"), last_mount(&b), "Linux 5.12");
  box_free(&b);
}

/* -- sources that the child may not reach -- */

/* A directory that is the tester's alone, with a source in it, and the root file system as well. */
static box box_out_of_reach(void) {
  box b = box_mapped();
  mkdir(text("%s/closed", b.dir), 0700);
  mkdir(text("%s/closed/data", b.dir), 0755);
  put_file(text("%s/closed/data/file", b.dir), "content");
  CHECK(rename(in_root(&b, ""), text("%s/closed/rootfs", b.dir)) == 0);
  CHECK(symlink("closed/data", text("%s/link", b.dir)) == 0);
  b.config->root.path = "closed/rootfs";
  return b;
}

TEST(what_only_the_caller_can_reach_is_opened_by_the_caller) {
  for (unsigned without = 0; without <= CTR_FEATURE_MOUNT_SETATTR;
       without += CTR_FEATURE_MOUNT_SETATTR)
    for (int no_pivot = 0; no_pivot < 2; no_pivot++) {
      box b = box_out_of_reach();
      b.plan.without = without;
      b.plan.no_pivot = no_pivot;
      box_mount(&b, "/m", "bind", "closed/data", CTR_STRS("ro"));
      box_mount(&b, "/n", "bind", "link/../data/file", NO_OPTIONS);
      CHECK_RAN(box_run(&b, "cat", "/m/file", "/n"));
      CHECK_STR(b.out, "contentcontent");
      CHECK_RAN(box_run(&b, "stat", "/../probe", b.dir));
      CHECK_HAS(box_said(&b, "/../probe"), "file");
      CHECK_STR(box_said(&b, b.dir), "ENOENT");
      CHECK_RAN(box_run(&b, "statfs", "/m"));
      CHECK_HAS(box_said(&b, "/m"), "ro,");
      box_free(&b);
    }
}

TEST(a_relative_source_starts_from_the_working_directory_there_too) {
  box b = box_out_of_reach();
  ctr_plan *plan = NULL;
  ctr_process *process = NULL;
  box_mount(&b, "/m", "bind", "closed/data/file", NO_OPTIONS);
  b.config->process.args = CTR_STRS("/probe", "exit", "0");
  int before = open(".", O_PATH | O_CLOEXEC);
  CHECK(chdir(b.dir) == 0);
  CHECK_MSG(!ctr_plan_new(b.config, NULL, &plan, &b.err) &&
                !ctr_process_new(plan, NULL, &process, &b.err) &&
                !ctr_process_start(process, &b.err) && !ctr_process_wait(process, &b.exit, &b.err),
            "%s", b.err.msg);
  CHECK_NUM(b.exit.code, 0);
  CHECK(fchdir(before) == 0);
  close(before);
  ctr_process_free(process);
  ctr_plan_free(plan);
  box_free(&b);
}

/* mount_namespaces(7), "Restrictions on mount namespaces": a less privileged one keeps what its
   owner's flags forbid, and how access times are kept. */
static const struct {
  unsigned long flags;
  const char *seen, *same, *lift; /* as the probe's statfs names it; an option; one against it */
} locked_rows[] = {{MS_NOSUID, "nosuid,", "nosuid", "suid"},
                   {MS_NODEV, "nodev,", "nodev", "dev"},
                   {MS_NOEXEC, "noexec,", "noexec", "exec"},
                   {MS_RDONLY, "ro,", "ro", "rw"},
                   {MS_NOATIME, "noatime,", "noatime", "atime"}};
enum { LOCKED = sizeof locked_rows / sizeof *locked_rows };

static bool is_lifting(const ctr_mount *mount) {
  for (size_t i = 0; i < LOCKED; i++)
    if (!strcmp(mount->options.items[mount->options.count - 1], locked_rows[i].lift)) return true;
  return false;
}

/* What the last mount says is seen beside all that is locked, or is refused. */
static void check_locked(box *b, const char *words) {
  const ctr_mount *mount = &b->config->mounts.items[b->config->mounts.count - 1];
  box_run(b, "statfs", "/m");
  if (is_lifting(mount)) CHECK_REFUSED(b, last_mount(b), words);
  if (is_lifting(mount)) return;
  CHECK_RAN(b);
  for (size_t i = 0; i < LOCKED; i++) CHECK_HAS(box_said(b, "/m"), locked_rows[i].seen);
}

static void check_all_locked(box *b, const char *source) {
  for (size_t i = 0; i < LOCKED; i++)
    for (int lift = 0; lift < 2; lift++) {
      const char *option = lift ? locked_rows[i].lift : locked_rows[i].same;
      box_mount(b, "/m", "bind", source, CTR_STRS(option));
      check_locked(b, "Operation not permitted");
      b->config->mounts.count--;
      box_mount(b, "/m", "bind", source, CTR_STRS("bind"));
      box_mount(b, "/m", NULL, NULL, CTR_STRS("remount", "bind", option));
      check_locked(b, "restrictions that the host set cannot be lifted");
      b->config->mounts.count -= 2;
    }
}

TEST(flags_of_the_hosts_mounts_stay_locked_either_way) {
  own_mounts();
  for (int way = 0; way < 4; way++) {
    box b = box_out_of_reach();
    const char *source = way & 1 ? "closed/data" : "open";
    b.plan.without = way & 2 ? CTR_FEATURE_MOUNT_SETATTR : 0;
    mkdir(text("%s/open", b.dir), 0755);
    unsigned long flags = 0;
    for (size_t i = 0; i < LOCKED; i++) flags |= locked_rows[i].flags;
    CHECK(mount("t", text("%s/%s", b.dir, source), "tmpfs", flags, NULL) == 0);
    check_all_locked(&b, source);
    CHECK(umount(text("%s/%s", b.dir, source)) == 0);
    box_free(&b);
  }
}

/* A mapped bind is the caller's own, so that it is not the kernel that keeps them. */
TEST(flags_of_the_hosts_mounts_stay_locked_with_mapped_ids) {
  static const char *const lifting[] = {"rw", "suid", "dev", "exec", "rrw", "rdev"};
  NEEDS_MAPPED_TMPFS;
  for (size_t i = 0; i < sizeof lifting / sizeof *lifting; i++)
    for (int userns = 0; userns < 2; userns++) {
      box b = box_with_tree();
      CHECK(mount(NULL, text("%s/data", b.dir), NULL,
                  MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0);
      if (!userns) without_a_user_namespace(&b);
      box_mount(&b, "/m", "bind", "data", CTR_STRS(lifting[i]));
      map_ids(&b, 0, 100000, 65536);
      box_run(&b, "statfs", "/m");
      if (userns)
        CHECK_REFUSED(&b, last_mount(&b), "restrictions that the host set cannot be lifted");
      else
        CHECK_RAN(&b);
      if (!userns)
        CHECK_MSG(!strstr(box_said(&b, "/m"), !strcmp(lifting[i], "suid")   ? "nosuid"
                                              : !strcmp(lifting[i], "exec") ? "noexec"
                                              : strstr(lifting[i], "dev")   ? "nodev"
                                                                            : "ro,"),
                  "%s: %s", lifting[i], b.out);
      b.config->mounts.count--;
      box_mount(&b, "/m", "bind", "data", CTR_STRS("ro", "nosuid", "nodev"));
      map_ids(&b, 0, 100000, 65536);
      CHECK_RAN(box_run(&b, "statfs", "/m")); /* what nobody wants lifted stays */
      CHECK_HAS(box_said(&b, "/m"), "ro,nosuid,nodev,noexec,");
      free_tree(&b);
    }
}

TEST(a_device_that_only_the_caller_can_reach_is_bound) {
  own_mounts();
  box b = box_out_of_reach();
  const char *path = ctr__arena_strdup(&b.mem, text("%s/closed/null", b.dir));
  CHECK(mknod(path, S_IFCHR | 0666, makedev(1, 3)) == 0);
  BOX_ADD(&b, b.config->linux_.devices, ctr_device,
          {.type = "c", .path = path, .major_ = {true, 1}, .minor_ = {true, 3}});
  CHECK_RAN(box_run(&b, "stat", path));
  CHECK_HAS(box_said(&b, path), "1:3");
  box_free(&b);
}

/* In a mount namespace of its own, where another directory lies over the way; says so and waits. */
static _Noreturn void mount_over(const char *over, const char *from, int tell) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) _exit(1);
  if (from && mount(from, over, NULL, MS_BIND, NULL) < 0) _exit(1);
  if (write(tell, "x", 1) != 1) _exit(1);
  for (;;) pause();
}

/* What the child mounts is nothing that the parent's rights are to be used on. */
TEST(a_way_that_the_child_has_changed_is_not_gone) {
  own_mounts();
  box b = box_out_of_reach();
  char over[300], other[300], source[320], c;
  snprintf(over, sizeof over, "%s/closed/data", b.dir);
  snprintf(other, sizeof other, "%s/other", b.dir);
  snprintf(source, sizeof source, "%s/file", over);
  mkdir(other, 0755);
  CHECK(symlink("/etc/shadow", text("%s/file", other)) == 0);
  box_mount(&b, "/m", "bind", source, NO_OPTIONS);
  b.config->process.args = CTR_STRS("/probe");
  ctr_plan *plan = NULL;
  b.plan.bundle = b.dir;
  CHECK(!ctr_plan_new(b.config, &b.plan, &plan, &b.err));
  uint32_t at = plan->step_count - 1; /* the last bind is that of /m */
  while (ctr__plan_step(plan, at)->kind != CTR__STEP_MOUNT_BIND) at--;
  for (int changed = 0; changed < 3; changed++) {
    int said[2];
    if (changed == 2) CHECK(unlink(text("%s/file", other)) == 0);
    if (changed == 2) put_file(text("%s/file", other), "another");
    CHECK(pipe2(said, O_CLOEXEC) == 0);
    pid_t pid = fork();
    if (pid == 0) mount_over(over, changed ? other : NULL, said[1]);
    CHECK(read(said[0], &c, 1) == 1);
    ctr_process process = {.pid = pid};
    ctr__start s = {.process = &process, .plan = plan, .launch = {.plan = plan}};
    ctr__child child = ctr__child_state(&s.launch);
    int fd = ctr__open_for_child(&child, &s, ctr__plan_step(plan, at));
    CHECK_MSG(changed ? fd < 0 && child.reason == CTR__WHY_OUT_OF_REACH : fd >= 0, "%d: %d",
              changed, fd);
    ctr__close(&fd);
    close(said[0]);
    close(said[1]);
    kill(pid, SIGKILL);
    CHECK(waitpid(pid, NULL, 0) == pid);
  }
  ctr_plan_free(plan);
  box_free(&b);
}

TEST(what_the_caller_cannot_open_either_is_named) {
  box b = box_out_of_reach();
  box_mount(&b, "/m", "bind", "closed/nowhere", NO_OPTIONS);
  CHECK_REFUSED(box_run(&b, "self"), last_mount(&b), "the source cannot be opened: No such file");
  b.config->mounts.count--;
  b.config->root.path = "closed/data/file";
  CHECK_REFUSED(box_run(&b, "self"), "root.path", "Not a directory");
  box_free(&b);
}

TEST_MAIN
