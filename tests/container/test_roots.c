/* What goes beyond the specification, read back from inside and looked for outside: roots that are
   mounts, things that are made, overlays whose changes vanish, filters, and what is left out. */
#include "box.h"

/* A box whose root is its first mount, with the probe in it. */
static box box_rooted(const char *type, const char *source, ctr_strs options) {
  box b = box_new();
  b.config->root = (ctr_root){NULL, false};
  b.config->mounts.count = 0;
  box_mount(&b, "/", type, source, options);
  return b;
}

static box box_bare(void) {
  box b = box_rooted("tmpfs", "bare", CTR_STRS("mode=755"));
  box_mount(&b, "/probe", "bind", "rootfs/probe", NO_OPTIONS);
  box_mount(&b, "/proc", "proc", "proc", NO_OPTIONS);
  return b;
}

static void box_data(box *b, const char *destination, ctr_bytes data, ctr_strs options) {
  box_mount(b, destination, "ctr.file", NULL, options);
  union {
    const ctr_mount *items;
    ctr_mount *ours; /* box_mount has just made it */
  } list = {b->config->mounts.items};
  list.ours[b->config->mounts.count - 1].data = data;
}

/* Nothing but what box_new has put there. */
static void check_no_litter(const box *b) {
  CHECK_NUM(count_entries(b->dir), 1);
  CHECK_NUM(count_entries(text("%s/rootfs", b->dir)), 1);
}

/* -- roots -- */

TEST(a_root_can_be_a_file_system_of_its_own) {
  for (unsigned without = 0; without <= CTR_FEATURE_MOUNT_SETATTR;
       without += CTR_FEATURE_MOUNT_SETATTR) {
    box b = box_bare();
    b.plan.without = without;
    box_mount(&b, "/a/b", "tmpfs", "t", NO_OPTIONS);
    CHECK_RAN(box_run(&b, "make", "/x", "/a/x", "/a/b/x"));
    CHECK_STR(box_said(&b, "/x"), "made");
    CHECK_STR(box_said(&b, "/a/x"), "made");
    CHECK_STR(box_said(&b, "/a/b/x"), "made");
    CHECK_RAN(box_run(&b, "stat", "/", "/../probe", "/proc/1/root/probe", "/usr", "/new", "/old",
                      "/dev/null"));
    CHECK_STR(box_said(&b, "/"), "dir 0755 0 0 0:0 ");
    CHECK_HAS(box_said(&b, "/../probe"), "file");
    CHECK_HAS(box_said(&b, "/proc/1/root/probe"), "file");
    CHECK_STR(box_said(&b, "/usr"), "ENOENT");
    CHECK_STR(box_said(&b, "/new"), "ENOENT");
    CHECK_STR(box_said(&b, "/old"), "ENOENT");
    CHECK_HAS(box_said(&b, "/dev/null"), "1:3");
    CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
    CHECK_HAS(mountinfo(&b, "/"), "- tmpfs bare ");
    CHECK_MSG(!strstr(b.out, " base "), "%s", b.out); /* nor is anything left of the making */
    check_no_litter(&b);
    box_free(&b);
  }
}

TEST(a_root_of_its_own_is_filled_before_it_is_read_only) {
  static const char *const read_only[] = {"ro"};
  for (int by_option = 0; by_option < 2; by_option++) {
    box b = box_bare();
    if (by_option) {
      ctr_mount root = b.config->mounts.items[0];
      root.options = (ctr_strs){read_only, 1};
      memcpy((void *)(uintptr_t)b.config->mounts.items, &root, sizeof root);
    }
    b.config->root.readonly = !by_option;
    b.config->process.cwd = by_option ? "/made/cwd" : "/";
    CHECK_RAN(box_run(&b, "make", "/x", "/made/x", "/proc/x"));
    CHECK_STR(box_said(&b, "/x"), "EROFS");
    if (by_option) CHECK_STR(box_said(&b, "/made/x"), "EROFS");
    box_free(&b);
  }
}

/* A start that fails takes away what it made on the host; one that succeeds leaves mount points. */
TEST(a_directory_can_be_bound_as_the_root) {
  box b = box_rooted("bind", "rootfs", NO_OPTIONS);
  box_mount(&b, "/mount/point", "tmpfs", "t", NO_OPTIONS);
  box_mount(&b, "/d/e", "ctr.dir", NULL, NO_OPTIONS);
  box_mount(&b, "/d/link", "ctr.symlink", "/x", NO_OPTIONS);
  box_mount(&b, "/file", "ctr.file", "some text", NO_OPTIONS);
  box_mount(&b, "/over", "ctr.file", "over", CTR_STRS("bind"));
  b.config->process.args = CTR_STRS("/nothing");
  CHECK_REFUSED(box_go(&b), "process.args[0]", "No such file");
  check_no_litter(&b);
  CHECK_RAN(box_run(&b, "cat", "/file", "/over"));
  CHECK_STR(b.out, "some textover");
  CHECK_STR(get_file(in_root(&b, "file")), "some text");
  CHECK_STR(get_file(in_root(&b, "over")), "");
  CHECK(access(in_root(&b, "d/e"), F_OK) == 0 && access(in_root(&b, "mount/point"), F_OK) == 0);
  box_free(&b);
  b = box_rooted("bind", "rootfs/probe", NO_OPTIONS);
  CHECK_REFUSED(box_run(&b, "exit", "0"), "mounts[0]", "Not a directory");
  box_free(&b);
}

TEST(however_much_a_failed_start_has_made_is_taken_away) {
  box b = box_rooted("bind", "rootfs", NO_OPTIONS);
  for (int i = 0; i < 300; i++) box_mount(&b, text("/new%d", i), "ctr.dir", NULL, NO_OPTIONS);
  b.config->process.args = CTR_STRS("/nothing");
  CHECK_REFUSED(box_go(&b), "process.args[0]", "No such file");
  check_no_litter(&b);
  box_free(&b);
}

/* Somebody else's file has come to lie where ours was made. */
typedef struct replacement {
  const char *theirs, *ours;
} replacement;

static ctr_code replace_and_fail(void *userdata, enum ctr_moment moment, const ctr_process *process,
                                 ctr_err *err) {
  const replacement *r = userdata;
  (void)moment;
  (void)process;
  CHECK_MSG(access(r->ours, F_OK) == 0, "%s is not there", r->ours);
  if (r->theirs) CHECK_MSG(rename(r->theirs, r->ours) == 0, "%s: %s", r->ours, strerror(errno));
  return ctr__fail(err, CTR_E_SYS, ECANCELED, NULL, "the caller says no");
}

TEST(what_a_failed_start_takes_away_is_what_it_has_made) {
  for (int way = 0; way < 4; way++) {
    const bool mount_point = way & 1, replaced = way & 2;
    box b = box_new();
    if (mount_point)
      box_mount(&b, "/made", "bind", "rootfs/probe", NO_OPTIONS);
    else
      box_mount(&b, "/made", "ctr.file", "some text", NO_OPTIONS);
    replacement r = {ctr__arena_strdup(&b.mem, text("%s/theirs", b.dir)),
                     ctr__arena_strdup(&b.mem, in_root(&b, "made"))};
    struct stat before = {.st_ino = 0}, after = {.st_ino = 0};
    put_file(r.theirs, ""); /* there all the time: so its inode is another */
    CHECK(stat(r.theirs, &before) == 0);
    if (!replaced) r.theirs = NULL;
    b.plan.moments = CTR_MOMENT_HOOKS;
    b.process.on_moment = replace_and_fail;
    b.process.userdata = &r;
    box_run(&b, "exit", "0");
    CHECK_NUM(b.code, CTR_E_SYS);
    CHECK_HAS(b.err.msg, "the caller says no");
    const bool stays = stat(r.ours, &after) == 0;
    CHECK_MSG(stays == replaced && (!stays || after.st_ino == before.st_ino),
              "mount point %d, replaced %d: stays %d", mount_point, replaced, stays);
    CHECK_NUM(count_entries(text("%s/rootfs", b.dir)), replaced ? 2 : 1);
    box_free(&b);
  }
  box b = box_new(); /* also when it is the child that fails */
  box_mount(&b, "/made", "ctr.file", "some text", NO_OPTIONS);
  box_mount(&b, "/m", "bind", "nowhere", NO_OPTIONS);
  CHECK_REFUSED(box_run(&b, "exit", "0"), last_mount(&b), "No such file");
  check_no_litter(&b);
  box_free(&b);
}

/* -- the host's tree -- */

/* With a tmpfs on /tmp, where the probe is. */
static box box_host(ctr_strs options) {
  box b = box_rooted("bind", "/", options);
  box_mount(&b, "/tmp", "tmpfs", "t", NO_OPTIONS);
  box_mount(&b, "/tmp/probe", "bind", "rootfs/probe", NO_OPTIONS);
  return b;
}

#define HOST_RUN(b, ...)                                                                           \
  ((b)->config->process.args = CTR_STRS("/tmp/probe", __VA_ARGS__), box_go(b))

TEST(the_hosts_tree_can_be_the_root) {
  box b = box_host(CTR_STRS("rbind", "rro"));
  CHECK_RAN(HOST_RUN(&b, "make", "/ctr-x", "/dev/shm/ctr-x", "/tmp/ctr-x"));
  CHECK_STR(box_said(&b, "/ctr-x"), "EROFS");
  CHECK_STR(box_said(&b, "/dev/shm/ctr-x"), "EROFS");
  CHECK_STR(box_said(&b, "/tmp/ctr-x"), "made");
  CHECK(access("/tmp/ctr-x", F_OK) < 0 && access("/ctr-x", F_OK) < 0);
  box_mount(&b, "/no-such-place", "tmpfs", "t", NO_OPTIONS); /* nothing is made there either */
  CHECK_REFUSED(HOST_RUN(&b, "exit", "0"), last_mount(&b), "Read-only file system");
  check_no_litter(&b);
  unlink("/dev/shm/ctr-x");
  box_free(&b);
}

TEST(a_read_only_root_goes_for_what_came_with_it) {
  box b = box_host(CTR_STRS("rbind"));
  b.config->root.readonly = true;
  CHECK_RAN(HOST_RUN(&b, "make", "/ctr-x", "/dev/shm/ctr-x", "/tmp/ctr-x"));
  CHECK_STR(box_said(&b, "/ctr-x"), "EROFS");
  CHECK_STR(box_said(&b, "/dev/shm/ctr-x"), "EROFS");
  CHECK_STR(box_said(&b, "/tmp/ctr-x"), "made");
  unlink("/dev/shm/ctr-x");
  box_free(&b);
}

/* What leads up to "/" on the host, as links do, ends on the host and not in the container. */
TEST(the_hosts_paths_mean_what_they_mean_on_the_host) {
  static const char up[] = "../../../../../../../../../../..";
  box b = box_bare();
  mkdir(text("%s/data", b.dir), 0755);
  put_file(text("%s/data/file", b.dir), "the host's");
  CHECK(symlink(text("%s%s/data", up, b.dir), text("%s/climb", b.dir)) == 0);
  box_mount(&b, text("%s/data", b.dir), "ctr.dir", NULL, NO_OPTIONS);
  box_mount(&b, text("%s/data/file", b.dir), "ctr.file", "not the host's", NO_OPTIONS);
  box_mount(&b, "/got", "bind", "climb", NO_OPTIONS);
  CHECK_RAN(box_run(&b, "cat", "/got/file"));
  CHECK_STR(b.out, "the host's");
  box_mount(&b, "/host", "bind", "/", CTR_STRS("rbind")); /* and has no container in it */
  CHECK_RAN(box_run(&b, "stat", "/host/probe", "/host/proc", "/host/got"));
  CHECK_STR(box_said(&b, "/host/probe"), "ENOENT");
  CHECK_STR(box_said(&b, "/host/got"), "ENOENT");
  CHECK_MSG(strcmp(box_said(&b, "/host/proc"), "ENOENT") != 0, "%s", b.out);
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  CHECK_MSG(strstr(b.out, "- tmpfs bare ") && !strstr(b.out, "- tmpfs base "), "%s", b.out);
  box_free(&b);
}

/* -- made things -- */

TEST(directories_links_and_files_are_made) {
  box b = box_bare();
  box_mount(&b, "/d/private", "ctr.dir", NULL, CTR_STRS("mode=0700"));
  box_mount(&b, "/d/shared", "ctr.dir", NULL, CTR_STRS("mode=1777"));
  box_mount(&b, "/d", "ctr.dir", NULL, CTR_STRS("mode=0711")); /* is there: stays as it is */
  box_mount(&b, "/l/link", "ctr.symlink", "../d/private", NO_OPTIONS);
  box_mount(&b, "/l/link/file", "ctr.file", "text\n", NO_OPTIONS);
  box_mount(&b, "/key", "ctr.file", "secret", CTR_STRS("mode=0400"));
  box_mount(&b, "/tool", "ctr.file", "#!/probe\n", CTR_STRS("mode=4711"));
  box_mount(&b, "/empty", "ctr.file", NULL, NO_OPTIONS);
  mode_t before = umask(077); /* the caller's is not the container's */
  box_run(&b, "stat", "/d", "/d/private", "/d/shared", "/l", "/l/link", "/d/private/file", "/key",
          "/tool", "/empty");
  umask(before);
  CHECK_RAN(&b);
  CHECK_STR(box_said(&b, "/d"), "dir 0755 0 0 0:0 ");
  CHECK_STR(box_said(&b, "/d/private"), "dir 0700 0 0 0:0 ");
  CHECK_STR(box_said(&b, "/d/shared"), "dir 1777 0 0 0:0 ");
  CHECK_STR(box_said(&b, "/l"), "dir 0755 0 0 0:0 ");
  CHECK_STR(box_said(&b, "/l/link"), "link 0777 0 0 0:0 ../d/private");
  CHECK_STR(box_said(&b, "/d/private/file"), "file 0644 0 0 0:0 ");
  CHECK_STR(box_said(&b, "/key"), "file 0400 0 0 0:0 ");
  CHECK_STR(box_said(&b, "/tool"), "file 4711 0 0 0:0 ");
  CHECK_STR(box_said(&b, "/empty"), "file 0644 0 0 0:0 ");
  CHECK_RAN(box_run(&b, "cat", "/l/link/file", "/key", "/empty"));
  CHECK_STR(b.out, "text\nsecret");
  check_no_litter(&b);
  box_free(&b);
}

TEST(files_hold_any_bytes) {
  static char bytes[100000];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i % 251);
  for (int bind = 0; bind < 2; bind++) {
    box b = box_bare();
    box_data(&b, "/f", (ctr_bytes){bytes, sizeof bytes}, bind ? CTR_STRS("bind") : NO_OPTIONS);
    CHECK_RAN(box_run(&b, "cat", "/f"));
    CHECK(b.out_len == sizeof bytes && !memcmp(b.out, bytes, sizeof bytes));
    box_free(&b);
  }
}

TEST(a_file_can_be_put_over_what_cannot_be_written) {
  box b = box_bare();
  mkdir(text("%s/data", b.dir), 0755);
  put_file(text("%s/data/one", b.dir), "the host's");
  put_file(text("%s/data/two", b.dir), "the host's");
  box_mount(&b, "/data", "bind", "data", CTR_STRS("ro"));
  box_mount(&b, "/data/one", "ctr.file", "1st", CTR_STRS("bind", "mode=0600"));
  box_mount(&b, "/data/two", "ctr.file", "2nd", CTR_STRS("bind", "ro"));
  CHECK_RAN(box_run(&b, "cat", "/data/one", "/data/two"));
  CHECK_STR(b.out, "1st2nd");
  CHECK_RAN(box_run(&b, "stat", "/data/one", "/data/two"));
  CHECK_STR(box_said(&b, "/data/one"), "file 0600 0 0 0:0 ");
  CHECK_STR(box_said(&b, "/data/two"), "file 0644 0 0 0:0 ");
  CHECK_RAN(box_run(&b, "try", "/data/one", "/data/two"));
  CHECK_STR(box_said(&b, "/data/one"), "open");
  CHECK_STR(box_said(&b, "/data/two"), "EROFS");
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  CHECK_HAS(mountinfo(&b, "/data/one"), " rw,nosuid,nodev,relatime - tmpfs file ");
  CHECK_HAS(mountinfo(&b, "/data/two"), " ro,nosuid,nodev,relatime - tmpfs file ");
  CHECK_HAS(mountinfo(&b, "/"), "- tmpfs bare "); /* where their file systems were for a moment */
  CHECK_STR(get_file(text("%s/data/one", b.dir)), "the host's");
  box_free(&b);
}

TEST(what_is_in_the_way_is_said) {
  static const struct {
    const char *at, *type, *source, *option, *says;
  } rows[] = {{"/data/file", "ctr.file", "x", NULL, "the option bind puts the file over it"},
              {"/data", "ctr.file", "x", NULL, "the option bind puts the file over it"},
              {"/data", "ctr.file", "x", "bind", "something else is there: Is a directory"},
              {"/ro/new", "ctr.file", "x", NULL, "Read-only file system: the option bind"},
              {"/ro/new", "ctr.dir", NULL, NULL, "Read-only file system"},
              {"/data/file", "ctr.dir", NULL, NULL, "something else is there"},
              {"/data/file/x", "ctr.dir", NULL, NULL, "Not a directory"},
              {"/data/link", "ctr.symlink", "b", NULL, "something else is there"},
              {"/data/file", "ctr.symlink", "b", NULL, "something else is there"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    box b = box_bare();
    box_mount(&b, "/data/file", "ctr.file", "there", NO_OPTIONS);
    box_mount(&b, "/data/link", "ctr.symlink", "a", NO_OPTIONS);
    box_mount(&b, "/ro", "bind", "rootfs", CTR_STRS("ro"));
    box_mount(&b, rows[i].at, rows[i].type, rows[i].source,
              rows[i].option ? CTR_STRS(rows[i].option) : NO_OPTIONS);
    CHECK_REFUSED(box_run(&b, "exit", "0"), last_mount(&b), rows[i].says);
    box_free(&b);
  }
}

/* A link of the image leads nowhere but into the image. */
TEST(nothing_is_made_outside_through_links) {
  box b = box_rooted("bind", "rootfs", NO_OPTIONS);
  char host[300];
  snprintf(host, sizeof host, "%s/host", b.dir);
  mkdir(host, 0755);
  CHECK(symlink(host, in_root(&b, "out")) == 0);
  CHECK(symlink(text("%s/file", host), in_root(&b, "new")) == 0);
  box_mount(&b, "/out/dir", "ctr.dir", NULL, NO_OPTIONS);
  box_mount(&b, "/out/link", "ctr.symlink", "x", NO_OPTIONS);
  box_mount(&b, "/out/file", "ctr.file", "x", NO_OPTIONS);
  box_mount(&b, "/out/over", "ctr.file", "x", CTR_STRS("bind"));
  CHECK_RAN(box_run(&b, "stat", "/out/dir"));
  CHECK_NUM(count_entries(host), 0);
  box_mount(&b, "/new", "ctr.file", "x", NO_OPTIONS); /* nor is a link written through */
  CHECK_REFUSED(box_run(&b, "exit", "0"), "mounts[3]", "something is there already");
  CHECK_NUM(count_entries(host), 0);
  box_free(&b);
}

/* -- overlays -- */

static bool no_overlay(const box *b) {
  return b->code && b->err.sys == ENODEV;
}

static void put_low(const box *b) {
  mkdir(text("%s/low", b->dir), 0755);
  mkdir(text("%s/low/dir", b->dir), 0755);
  put_file(text("%s/low/file", b->dir), "from below");
}

TEST(changes_that_go_to_a_tmpfs_vanish) {
  enum { SHORT, LONG, READ_ONLY, WAYS };
  for (int way = 0; way < WAYS; way++) {
    box b = box_bare();
    put_low(&b);
    const char *longer = text("%s/%0*d", b.dir, 250, 0),
               *written = way == READ_ONLY ? "EROFS" : "made";
    mkdir(longer, 0755);
    box_mount(&b, "/m", "overlay", "overlay",
              CTR_STRS(text("lowerdir=%s/low%s%s", b.dir, way == LONG ? ":" : "",
                            way == LONG ? longer : ""),
                       "tmpupper", way == READ_ONLY ? "ro" : "rw"));
    if (way == READ_ONLY) box_mount(&b, "/m/made", "tmpfs", "t", NO_OPTIONS);
    for (int again = 0; again < 2; again++) {
      box_run(&b, "make", "/m/new", "/m/dir/new");
      if (no_overlay(&b)) SKIP("this kernel has no overlay");
      CHECK_RAN(&b);
      CHECK_STR(box_said(&b, "/m/new"), written);
      CHECK_STR(box_said(&b, "/m/dir/new"), written);
    }
    CHECK_RAN(box_run(&b, "cat", "/m/file"));
    CHECK_STR(b.out, "from below");
    CHECK_RAN(box_run(&b, "try", "/m/file"));
    CHECK_STR(box_said(&b, "/m/file"), way == READ_ONLY ? "EROFS" : "open");
    CHECK_NUM(count_entries(text("%s/low", b.dir)), 2);
    CHECK_NUM(count_entries(text("%s/low/dir", b.dir)), 0);
    box_free(&b);
  }
}

TEST(a_root_can_be_an_overlay) {
  for (int kept = 0; kept < 2; kept++) {
    box b = box_rooted("overlay", "overlay", NO_OPTIONS);
    static const char *const dirs[] = {"up", "work"};
    for (size_t i = 0; i < 2; i++) mkdir(text("%s/%s", b.dir, dirs[i]), 0755);
    ctr_mount root = b.config->mounts.items[0];
    ctr_strs vanish = CTR_STRS(text("lowerdir=%s/rootfs", b.dir), "tmpupper");
    ctr_strs keep = CTR_STRS(text("lowerdir=%s/rootfs", b.dir), text("upperdir=%s/up", b.dir),
                             text("workdir=%s/work", b.dir));
    root.options = kept ? keep : vanish;
    memcpy((void *)(uintptr_t)b.config->mounts.items, &root, sizeof root);
    box_mount(&b, "/proc", "proc", "proc", NO_OPTIONS);
    box_mount(&b, "/made", "ctr.file", "x", NO_OPTIONS);
    box_run(&b, "make", "/new");
    if (no_overlay(&b)) SKIP("this kernel has no overlay");
    CHECK_RAN(&b);
    CHECK_STR(box_said(&b, "/new"), "made");
    CHECK_NUM(count_entries(text("%s/rootfs", b.dir)), 1);
    CHECK(access(text("%s/up/new", b.dir), F_OK) == (kept ? 0 : -1));
    if (!kept) CHECK_RAN(box_run(&b, "make", "/new"));
    box_free(&b);
  }
}

/* Where the caller stands is where relative paths start: also from the root of the host. */
TEST(relative_paths_start_where_the_caller_stands) {
  char before[4096];
  CHECK(getcwd(before, sizeof before) != NULL);
  for (int from_root = 0; from_root < 2; from_root++) {
    box b = box_bare();
    put_low(&b);
    CHECK(chdir(from_root ? "/" : b.dir) == 0);
    box_mount(&b, "/m", "overlay", "overlay",
              CTR_STRS(text("lowerdir=%s", from_root ? b.dir + 1 : "low"), "tmpupper"));
    box_run(&b, "cat", from_root ? "/m/low/file" : "/m/file");
    CHECK(chdir(before) == 0);
    if (no_overlay(&b)) SKIP("this kernel has no overlay");
    CHECK_RAN(&b);
    CHECK_STR(b.out, "from below");
    box_free(&b);
  }
}

/* -- filters -- */

typedef struct insn { /* struct sock_filter */
  uint16_t code;
  uint8_t jt, jf;
  uint32_t k;
} insn;

enum { RET_ALLOW = 0x7fff0000, RET_ERRNO = 0x00050000, RET_KILL = 0x00000000 };

/* What happens to one system call; all else is allowed. */
#define ON_CALL(number, action)                                                                    \
  { {0x20, 0, 0, 0}, {0x15, 0, 1, (number)}, {0x06, 0, 0, (action)}, {0x06, 0, 0, RET_ALLOW}, }
#define FILTER(of)                                                                                 \
  { (of), sizeof(of) }

#ifdef SYS_poll
static const insn no_poll[] = ON_CALL(SYS_poll, RET_KILL);
#else
static const insn no_poll[] = ON_CALL(SYS_ppoll, RET_KILL);
#endif
static const insn no_ppoll[] = ON_CALL(SYS_ppoll, RET_KILL);
static const insn no_personality[] = ON_CALL(SYS_personality, RET_ERRNO | EPERM);
static const insn no_mempolicy[] = ON_CALL(SYS_get_mempolicy, RET_ERRNO | EPERM);
static const insn no_capset[] = ON_CALL(SYS_capset, RET_KILL);
static const insn no_execve[] = ON_CALL(SYS_execve, RET_ERRNO | EPERM);
static const insn broken[] = {{0xffff, 0, 0, 0}};

TEST(filters_are_in_force) {
  box b = box_new();
  ctr_filter filters[] = {FILTER(no_personality), FILTER(no_mempolicy)};
  box_unfilter(&b);
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "Seccomp"), "0");
  b.plan.filters = filters;
  b.plan.filter_count = 1;
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "Seccomp"), "2");
  CHECK_STR(box_said(&b, "personality"), text("%#lx", -1UL));
  CHECK_MSG(strncmp(box_said(&b, "mempolicy"), "-1", 2) != 0, "%s", b.out);
  b.plan.filter_count = 2;
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "personality"), text("%#lx", -1UL));
  CHECK_HAS(box_said(&b, "mempolicy"), "-1");
  box_free(&b);
}

TEST(a_filter_that_cannot_be_loaded_is_named) {
  box b = box_new();
  ctr_filter filters[] = {FILTER(no_personality), FILTER(broken), FILTER(no_execve)};
  b.plan.filters = filters;
  b.plan.filter_count = 2;
  CHECK_REFUSED(box_run(&b, "exit", "0"), "filters[1]", "the kernel does not take it");
  CHECK_NUM(b.err.sys, EINVAL);
  filters[1] = filters[2];
  CHECK_REFUSED(box_run(&b, "exit", "0"), "process.args[0]", "Operation not permitted");
  box_free(&b);
}

TEST(filters_need_not_allow_what_the_library_does) {
  box b = box_new();
  ctr_filter filters[] = {FILTER(no_poll), FILTER(no_ppoll), FILTER(no_capset)};
  b.plan.filters = filters;
  b.plan.filter_count = 2;
  b.plan.die_with_caller = true;
  box_run(&b, "exit", "7");
  CHECK_MSG(!b.code && b.exit.code == 7, "%s, exit %d, signal %d", b.err.msg, b.exit.code,
            b.exit.signal);
  b.config->process.noNewPrivileges = false; /* nor what it takes to drop capabilities */
  b.config->process.capabilities = (ctr_capabilities){0};
  b.plan.filter_count = 3;
  box_run(&b, "exit", "7");
  CHECK_MSG(!b.code && b.exit.code == 7, "%s, exit %d, signal %d", b.err.msg, b.exit.code,
            b.exit.signal);
  box_free(&b);
}

/* What a filter does to the report of a failure does not make a start of it. */
TEST(a_filter_that_swallows_the_report_hides_no_failure) {
  static const insn no_sendto[] = ON_CALL(SYS_sendto, RET_ERRNO | EPERM);
  static const insn no_sendmsg[] = ON_CALL(SYS_sendmsg, RET_ERRNO | EPERM);
  static const insn deadly_sendmsg[] = ON_CALL(SYS_sendmsg, RET_KILL);
  static const insn deadly_sendto[] = ON_CALL(SYS_sendto, RET_KILL);
  static const ctr_filter ways[][2] = {{FILTER(no_sendto), FILTER(no_sendmsg)},
                                       {FILTER(deadly_sendto), FILTER(deadly_sendmsg)}};
  for (size_t i = 0; i < 2; i++) {
    box b = box_new();
    put_file(in_root(&b, "garbage"), "no program");
    CHECK(chmod(in_root(&b, "garbage"), 0755) == 0);
    b.plan.filters = ways[i];
    b.plan.filter_count = 2;
    b.config->process.args = CTR_STRS("/garbage");
    CHECK_REFUSED(box_go(&b), "process.args[0]", "neither a program for this machine");
    CHECK_NUM(b.err.sys, ENOEXEC);
    CHECK_RAN(box_run(&b, "exit", "0"));
    box_free(&b);
  }
}

static int return_nine(void *data) {
  (void)data;
  return 9;
}

TEST(filters_of_a_function_need_not_allow_what_the_library_does) {
  const ctr_filter filters[] = {FILTER(no_poll), FILTER(no_ppoll)};
  box b = box_new();
  b.plan.filters = filters;
  b.plan.filter_count = 2;
  b.plan.call_function = true;
  b.process.function = return_nine;
  box_go(&b);
  CHECK_MSG(!b.code && b.exit.code == 9, "%s, exit %d, signal %d", b.err.msg, b.exit.code,
            b.exit.signal);
  box_free(&b);
}

/* -- containers -- */

static int exec_in(ctr_container *c, ctr_strs args, const ctr_filter *filter, box *b) {
  ctr_process_config process = ctr_container_config(c)->process;
  const ctr_exec_desc desc = {.process = {.stdio = CTR_STDIO_FDS, .fds = {-1, -1, -1}},
                              .filters = filter,
                              .filter_count = filter ? 1 : 0};
  ctr_process *p = NULL;
  ctr_exit status = {.code = -1};
  process.args = args;
  b->code = ctr_container_exec(c, &process, &desc, &p, &b->err);
  if (!b->code) b->code = ctr_process_wait(p, &status, &b->err);
  ctr_process_free(p);
  return b->code ? -1 : ctr_exit_status(&status);
}

TEST(a_container_without_a_root_on_disk_is_found_again) {
  box b = box_bare();
  char states[300];
  const ctr_container_desc desc = box_container(&b, states);
  ctr_container *c = NULL, *found = NULL;
  ctr_state state = {.rootfs = "not touched"};
  ctr_json *json = NULL;
  box_data(&b, "/data", (ctr_bytes){"a\0b", 3}, NO_OPTIONS);
  b.config->process.args = CTR_STRS("/probe", "wait");
  b.code = ctr_container_run(b.config, "one", &desc, &c, &b.err);
  CHECK_MSG(!b.code, "%s", b.err.msg);
  if (b.code) return;
  CHECK(!ctr_container_open(states, "one", &found, &b.err));
  CHECK(!ctr_container_state(found, &state, &b.err) && !state.rootfs);
  CHECK(state.status == CTR_STATUS_RUNNING);
  CHECK(!ctr_state_to_json(&b.mem, &state, &json, &b.err) && !ctr_json_get(json, "rootfs"));
  CHECK_NUM(exec_in(found, CTR_STRS("/probe", "exit", "5"), NULL, &b), 5);
  CHECK_NUM(exec_in(found, CTR_STRS("/probe", "exit", "6"), &(ctr_filter)FILTER(no_mempolicy), &b),
            6);
  CHECK_NUM(exec_in(found, CTR_STRS("/probe", "exit", "5"), &(ctr_filter)FILTER(broken), &b), -1);
  CHECK_STR(b.err.field, "filters[0]");
  CHECK_NUM(ctr_container_config(found)->mounts.items[3].data.count, 0);
  CHECK(!ctr_container_delete(found, true, &b.err));
  ctr_container_free(found);
  ctr_container_free(c);
  box_free(&b);
}

TEST(a_bound_root_is_known_by_its_directory) {
  box b = box_rooted("bind", "rootfs", NO_OPTIONS);
  char states[300], real[4096];
  ctr_container_desc desc = box_container(&b, states);
  ctr_container *c = NULL;
  ctr_state state = {.rootfs = NULL};
  b.config->process.args = CTR_STRS("/probe", "exit", "0");
  desc.plan.filters = &(ctr_filter)FILTER(broken);
  desc.plan.filter_count = 1;
  CHECK(!ctr_container_create(b.config, "one", &desc, &c, &b.err));
  CHECK(!ctr_container_state(c, &state, &b.err));
  CHECK_STR(state.rootfs, realpath(in_root(&b, ""), real));
  CHECK(ctr_container_start(c, &b.err) == CTR_E_SYS); /* where a filter that is none comes out */
  CHECK_STR(b.err.field, "filters[0]");
  CHECK_HAS(b.err.msg, "load a seccomp filter of 1 instructions: Invalid argument");
  ctr_container_delete(c, true, &b.err);
  ctr_container_free(c);
  box_free(&b);
}

/* -- what is left out -- */

TEST(no_devices_are_made_where_none_are_wanted) {
  box b = box_bare();
  box_mount(&b, "/dev", "tmpfs", "d", NO_OPTIONS);
  b.plan.no_default_devices = true;
  CHECK_RAN(box_run(&b, "stat", "/dev/null", "/dev/fd", "/dev/ptmx"));
  CHECK_STR(box_said(&b, "/dev/null"), "ENOENT");
  CHECK_STR(box_said(&b, "/dev/fd"), "ENOENT");
  CHECK_STR(box_said(&b, "/dev/ptmx"), "ENOENT");
  b.config->mounts.count = 2; /* nor is a procfs needed inside */
  CHECK_RAN(box_run(&b, "stat", "/dev", "/proc"));
  CHECK_STR(box_said(&b, "/dev"), "ENOENT");
  CHECK_STR(box_said(&b, "/proc"), "ENOENT");
  box_free(&b);
}

/* In a pid namespace of its own a session of outside has no number. */
TEST(the_session_can_be_the_callers) {
  box b = box_new();
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "sid"), "1");
  CHECK_STR(box_said(&b, "pgrp"), "1");
  b.plan.no_new_session = true;
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "sid"), "0");
  CHECK_STR(box_said(&b, "pgrp"), "0");
  b.config->process.terminal = true;
  CHECK_REFUSED(box_run(&b, "self"), "process.terminal", "no_new_session");
  box_free(&b);
}

TEST(a_working_directory_need_not_be_made) {
  box b = box_new();
  b.config->process.cwd = "/not/there";
  b.plan.no_new_cwd = true;
  CHECK_REFUSED(box_run(&b, "exit", "0"), "process.cwd", "No such file");
  CHECK(access(in_root(&b, "not"), F_OK) < 0);
  b.plan.no_new_cwd = false;
  CHECK_RAN(box_run(&b, "exit", "0"));
  box_free(&b);
}

/* The caller keeps their number inside; nobody is root there. */
TEST(who_is_not_root_inside_can_have_all_of_it) {
  const ctr_id_mapping uid = {1234, geteuid(), 1}, gid = {1235, getegid(), 1};
  box b = box_bare();
  box_add_userns(&b);
  box_map(&b, uid, gid);
  b.config->process.user = (ctr_user){.uid = 1234, .gid = 1235};
  b.config->process.capabilities = (ctr_capabilities){0};
  box_mount(&b, "/dev", "tmpfs", "d", NO_OPTIONS);
  box_mount(&b, "/dev/pts", "devpts", "p", CTR_STRS("newinstance", "ptmxmode=0666"));
  box_mount(&b, "/dev/mqueue", "mqueue", "m", NO_OPTIONS);
  box_mount(&b, "/sys", "sysfs", "s", NO_OPTIONS);
  box_mount(&b, "/file", "ctr.file", "x", NO_OPTIONS);
  box_mount(&b, "/over", "ctr.file", "x", CTR_STRS("bind"));
  CHECK_RAN(box_run(&b, "stat", "/", "/file", "/over", "/dev/null", "/dev/pts/ptmx"));
  CHECK_STR(box_said(&b, "/"), "dir 0755 1234 1235 0:0 ");
  CHECK_STR(box_said(&b, "/file"), "file 0644 1234 1235 0:0 ");
  CHECK_STR(box_said(&b, "/over"), "file 0644 1234 1235 0:0 ");
  CHECK_HAS(box_said(&b, "/dev/null"), "1:3");
  CHECK_HAS(box_said(&b, "/dev/pts/ptmx"), "char 0666 1234 1235 5:2");
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "uid"), "1234 1234 1234");
  CHECK_STR(box_said(&b, "gid"), "1235 1235 1235");
  CHECK_STR(box_said(&b, "CapEff"), "0000000000000000");
  box_free(&b);
}

TEST_MAIN
