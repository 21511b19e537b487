/* The root file system, read back from inside: mounts and their options, devices, links, masks. */
#include "box.h"

static void put_tree(const box *b) {
  mkdir(text("%s/data", b->dir), 0755);
  mkdir(text("%s/data/sub", b->dir), 0755);
  put_file(text("%s/data/file", b->dir), "content");
}

/* -- file systems -- */

TEST(the_default_mounts_are_there) {
  static const struct {
    const char *path, *type, *options;
  } rows[] = {
      {"/proc", "- proc ", "nosuid,nodev,noexec"},
      {"/dev", "- tmpfs ", "nosuid,noexec"},
      {"/dev/pts", "- devpts ", "mode=620,ptmxmode=666"},
      {"/dev/shm", "- tmpfs ", "nosuid,nodev,noexec"},
      {"/dev/mqueue", "- mqueue ", "nosuid,nodev,noexec"},
      {"/sys", "- sysfs ", "ro,nosuid,nodev,noexec"},
      {"/tmp", "- tmpfs ", "nosuid,nodev"},
      {"/run", "- tmpfs ", "mode=755"},
  };
  box b = box_new();
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_HAS(mountinfo(&b, rows[i].path), rows[i].type);
    CHECK_HAS(mountinfo(&b, rows[i].path), rows[i].options);
  }
  CHECK_HAS(mountinfo(&b, "/dev/shm"), "size=65536k");
  CHECK_MSG(!strstr(b.out, "shared:") && !strstr(b.out, "master:"), "%s", b.out);
  box_free(&b);
}

TEST(options_of_a_file_system_reach_it) {
  static const struct {
    const char *option, *seen;
  } rows[] = {{"size=1m", "size=1024k"},
              {"mode=0710", "mode=710"},
              {"nr_inodes=77", "nr_inodes=77"}};
  box b = box_new();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    box_mount(&b, text("/m%zu", i), "tmpfs", "a-name", CTR_STRS(rows[i].option));
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_HAS(mountinfo(&b, text("/m%zu", i)), rows[i].seen);
    CHECK_HAS(mountinfo(&b, text("/m%zu", i)), "- tmpfs a-name ");
  }
  box_free(&b);
}

/* Each option on a tmpfs, and on a bind mount: those of the mount itself. */
static const struct {
  const char *options[3];
  const char *flags; /* as the probe's statfs names them */
} attribute_rows[] = {
    {{"ro"}, "ro,relatime,"},
    {{"rw"}, "relatime,"},
    {{"ro", "rw"}, "relatime,"},
    {{"nosuid"}, "nosuid,relatime,"},
    {{"nosuid", "suid"}, "relatime,"},
    {{"nodev"}, "nodev,relatime,"},
    {{"nodev", "dev"}, "relatime,"},
    {{"noexec"}, "noexec,relatime,"},
    {{"noexec", "exec"}, "relatime,"},
    {{"noatime"}, "noatime,"},
    {{"noatime", "atime"}, "relatime,"},
    {{"nodiratime"}, "nodiratime,relatime,"},
    {{"nodiratime", "diratime"}, "relatime,"},
    {{"relatime"}, "relatime,"},
    {{"strictatime"}, ""},
    {{"noatime", "strictatime"}, ""},
    {{"strictatime", "nostrictatime"}, "relatime,"},
    {{"nosymfollow"}, "relatime,nosymfollow,"},
    {{"nosymfollow", "symfollow"}, "relatime,"},
    {{"defaults"}, "relatime,"},
    {{"ro", "nosuid", "nodev"}, "ro,nosuid,nodev,relatime,"},
};
enum { ATTRIBUTE_ROWS = sizeof attribute_rows / sizeof *attribute_rows };

static ctr_strs attribute_options(size_t row) {
  size_t n = 0;
  while (n < 3 && attribute_rows[row].options[n]) n++;
  return (ctr_strs){attribute_rows[row].options, n};
}

static void check_attributes(box *b) {
  static char paths[ATTRIBUTE_ROWS][8];
  const char *args[2 + ATTRIBUTE_ROWS] = {"/probe", "statfs"};
  for (size_t i = 0; i < ATTRIBUTE_ROWS; i++) {
    snprintf(paths[i], sizeof paths[i], "/%zu", i);
    args[2 + i] = paths[i];
  }
  b->config->process.args = (ctr_strs){args, 2 + ATTRIBUTE_ROWS};
  CHECK_RAN(box_go(b));
  for (size_t i = 0; i < ATTRIBUTE_ROWS; i++) {
    const char *is = box_said(b, paths[i]), *second = attribute_rows[i].options[1];
    CHECK_MSG(!strcmp(is, attribute_rows[i].flags), "%s,%s: %s, should be %s",
              attribute_rows[i].options[0], second ? second : "", is, attribute_rows[i].flags);
  }
}

TEST(every_attribute_holds_on_a_new_file_system) {
  box b = box_new();
  for (size_t i = 0; i < ATTRIBUTE_ROWS; i++)
    box_mount(&b, text("/%zu", i), "tmpfs", "t", attribute_options(i));
  check_attributes(&b);
  box_free(&b);
}

/* The source lies on a file system of the tester's own that has no flags of its own to lock. */
TEST(every_attribute_holds_on_a_bind_mount) {
  for (unsigned without = 0; without < 2; without++) {
    box b = box_new();
    put_tree(&b);
    b.plan.without = without ? CTR_FEATURE_MOUNT_SETATTR : 0;
    b.config->root.readonly = false;
    for (size_t i = 0; i < ATTRIBUTE_ROWS; i++) {
      ctr_strs options = attribute_options(i);
      box_mount(&b, text("/%zu", i), "bind", "data", options);
    }
    check_attributes(&b);
    box_free(&b);
  }
}

/* What is below a bind mount changes with r-options only. */
TEST(recursive_attributes_reach_what_is_below) {
  static const struct {
    const char *option, *top, *below;
  } rows[] = {
      {"rro", "ro,nosuid,relatime,", "ro,nosuid,relatime,"},
      {"ro", "ro,nosuid,relatime,", "nosuid,relatime,"},
      {"rnodev", "nosuid,nodev,relatime,", "nosuid,nodev,relatime,"},
      {"rnoexec", "nosuid,noexec,relatime,", "nosuid,noexec,relatime,"},
      {"rsuid", "relatime,", "relatime,"},
      {"rnoatime", "nosuid,noatime,", "nosuid,noatime,"},
      {"rstrictatime", "nosuid,", "nosuid,"},
      {"rnodiratime", "nosuid,nodiratime,relatime,", "nosuid,nodiratime,relatime,"},
      {"rnosymfollow", "nosuid,relatime,nosymfollow,", "nosuid,relatime,nosymfollow,"},
  };
  box b = box_new();
  box_mount(&b, "/top", "tmpfs", "t", CTR_STRS("nosuid"));
  box_mount(&b, "/top/below", "tmpfs", "t", CTR_STRS("nosuid"));
  size_t mounts = b.config->mounts.count;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    b.config->mounts.count = mounts;
    box_mount(&b, "/top", NULL, NULL, CTR_STRS("remount", "bind", rows[i].option));
    CHECK_RAN(box_run(&b, "statfs", "/top", "/top/below"));
    CHECK_MSG(!strcmp(box_said(&b, "/top"), rows[i].top), "%s: %s", rows[i].option,
              box_said(&b, "/top"));
    CHECK_MSG(!strcmp(box_said(&b, "/top/below"), rows[i].below), "%s below: %s", rows[i].option,
              box_said(&b, "/top/below"));
  }
  box_free(&b);
}

TEST(propagation_is_what_was_asked_for) {
  static const struct {
    const char *option, *tag;
  } rows[] = {{"shared", "shared:"}, {"rshared", "shared:"}, {"unbindable", "unbindable"},
              {"private", NULL},     {"rprivate", NULL},     {"runbindable", "unbindable"}};
  box b = box_new();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    box_mount(&b, text("/%zu", i), "tmpfs", "t", CTR_STRS(rows[i].option));
  box_mount(&b, "/both", "tmpfs", "t", CTR_STRS("shared", "slave"));
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *line = mountinfo(&b, text("/%zu", i));
    if (rows[i].tag)
      CHECK_HAS(line, rows[i].tag);
    else
      CHECK_MSG(!strstr(line, "shared:") && !strstr(line, "unbindable"), "%s", line);
  }
  box_free(&b);
}

TEST(a_remount_changes_an_earlier_mount) {
  box b = box_new();
  box_mount(&b, "/m", "tmpfs", "t", CTR_STRS("size=1m"));
  box_mount(&b, "/m", NULL, NULL, CTR_STRS("remount", "ro", "size=2m"));
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  CHECK_HAS(mountinfo(&b, "/m"), " ro,relatime ");
  CHECK_HAS(mountinfo(&b, "/m"), "size=2048k");
  box_free(&b);
}

TEST(a_long_option_goes_the_old_way) {
  box b = box_new();
  char huge[400];
  memset(huge, '/', sizeof huge - 1);
  memcpy(huge, "mode=0000000000", 15);
  memset(huge + 5, '0', sizeof huge - 9);
  memcpy(huge + sizeof huge - 4, "710", 4);
  box_mount(&b, "/m", "tmpfs", "a-name", CTR_STRS("nosuid", huge, "size=1m", "ro"));
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  CHECK_HAS(mountinfo(&b, "/m"), " ro,nosuid,relatime - tmpfs a-name ");
  CHECK_HAS(mountinfo(&b, "/m"), "size=1024k,mode=710");
  box_free(&b);
}

TEST(a_read_only_tmpfs_is_filled_first) {
  box b = box_new();
  box_mount(&b, "/m", "tmpfs", "t", CTR_STRS("ro"));
  box_mount(&b, "/m/inner", "tmpfs", "t", NO_OPTIONS);
  b.config->process.cwd = "/m/cwd";
  CHECK_RAN(box_run(&b, "make", "/m/x", "/m/inner/x"));
  CHECK_STR(box_said(&b, "/m/x"), "EROFS");
  CHECK_STR(box_said(&b, "/m/inner/x"), "made");
  box_free(&b);
}

TEST(a_read_only_tmpfs_is_the_one_that_was_meant) {
  box b = box_new();
  put_tree(&b);
  box_mount(&b, "/m", "tmpfs", "first", CTR_STRS("ro", "nosuid"));
  box_mount(&b, "/./m/", "bind", "data", NO_OPTIONS);
  CHECK_RAN(box_run(&b, "make", "/m/x"));
  CHECK_STR(box_said(&b, "/m/x"), "made");
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  CHECK_HAS(b.out, " /m ro,nosuid,relatime - tmpfs first ");
  box_free(&b);
}

TEST(a_remount_has_the_last_word) {
  box b = box_new();
  box_mount(&b, "/m", "tmpfs", "t", CTR_STRS("ro"));
  box_mount(&b, "/m", NULL, NULL, CTR_STRS("remount", "rw"));
  CHECK_RAN(box_run(&b, "make", "/m/x"));
  CHECK_STR(box_said(&b, "/m/x"), "made");
  box_free(&b);
}

TEST(a_read_only_tmpfs_may_be_masked_or_made_read_only) {
  for (int masked = 0; masked < 2; masked++) {
    box b = box_new();
    box_mount(&b, "/m", "tmpfs", "meant", CTR_STRS("ro"));
    *(masked ? &b.config->linux_.maskedPaths : &b.config->linux_.readonlyPaths) = CTR_STRS("/m/");
    CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
    CHECK_HAS(b.out, " /m ro,relatime - tmpfs meant ");
    box_free(&b);
  }
}

TEST(a_remount_by_a_link_goes_where_its_mount_went) {
  box b = box_new();
  CHECK(mkdir(in_root(&b, "real"), 0755) == 0);
  CHECK(symlink("real", in_root(&b, "way")) == 0);
  box_mount(&b, "/way/m", "tmpfs", "t", NO_OPTIONS);
  box_mount(&b, "/way/m", NULL, NULL, CTR_STRS("remount", "ro"));
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  CHECK_HAS(mountinfo(&b, "/real/m"), " ro,relatime ");
  box_mount(&b, "/real/m", NULL, NULL, CTR_STRS("remount", "rw"));
  CHECK_REFUSED(box_run(&b, "exit", "0"), last_mount(&b),
                "the way there leads to another mount now");
  box_free(&b);
}

TEST(overlay_is_mounted_for_who_may) {
  box b = box_new();
  static const char *const dirs[] = {"low", "up", "work"};
  for (size_t i = 0; i < 3; i++) mkdir(text("%s/%s", b.dir, dirs[i]), 0755);
  put_file(text("%s/low/file", b.dir), "from below");
  box_mount(&b, "/m", "overlay", "overlay",
            CTR_STRS(text("lowerdir=%s/low", b.dir), text("upperdir=%s/up", b.dir),
                     text("workdir=%s/work", b.dir)));
  box_run(&b, "cat", "/m/file");
  if (b.code && b.err.sys == ENODEV) SKIP("this kernel has no overlay");
  CHECK_STR(b.out, "from below");
  box_free(&b);
}

/* -- binds -- */

TEST(directories_and_files_are_bound) {
  box b = box_new();
  put_tree(&b);
  box_mount(&b, "/made/dir", "bind", "data", NO_OPTIONS);
  box_mount(&b, "/made/file", "none", text("%s/data/file", b.dir), CTR_STRS("rbind", "ro"));
  CHECK_RAN(box_run(&b, "cat", "/made/dir/file"));
  CHECK_STR(b.out, "content");
  CHECK_RAN(box_run(&b, "try", "/made/dir/file", "/made/file"));
  CHECK_STR(box_said(&b, "/made/dir/file"), "open");
  CHECK_STR(box_said(&b, "/made/file"), "EROFS");
  CHECK_STR(get_file(text("%s/data/file", b.dir)), "content");
  box_free(&b);
}

TEST(only_rbind_takes_along_what_is_below) {
  box b = box_new();
  box_mount(&b, "/one", "bind", "/proc/sys", CTR_STRS("bind"));
  box_mount(&b, "/all", "bind", "/dev", CTR_STRS("rbind"));
  box_mount(&b, "/top", "bind", "/dev", CTR_STRS("bind"));
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  CHECK_HAS(mountinfo(&b, "/all/pts"), "devpts");
  CHECK_STR(mountinfo(&b, "/top/pts"), "");
  box_free(&b);
}

TEST(a_mount_through_a_link_stays_inside) {
  box b = box_new();
  put_tree(&b);
  mkdir(in_root(&b, "real"), 0755);
  CHECK(symlink("/real", in_root(&b, "absolute")) == 0);
  CHECK(symlink("../../../../../real", in_root(&b, "climbing")) == 0);
  CHECK(symlink("/nowhere/yet", in_root(&b, "dangling")) == 0);
  CHECK(symlink("loop", in_root(&b, "loop")) == 0);
  box_mount(&b, "/absolute/a", "bind", "data", NO_OPTIONS);
  box_mount(&b, "/climbing/b", "bind", "data", NO_OPTIONS);
  box_mount(&b, "/dangling/c", "bind", "data", NO_OPTIONS);
  box_mount(&b, "/dangling/d", "bind", "data/file", NO_OPTIONS);
  CHECK_RAN(
      box_run(&b, "stat", "/real/a/file", "/real/b/file", "/nowhere/yet/c/file", "/nowhere/yet/d"));
  CHECK_HAS(box_said(&b, "/real/a/file"), "file 0644");
  CHECK_HAS(box_said(&b, "/real/b/file"), "file 0644");
  CHECK_HAS(box_said(&b, "/nowhere/yet/c/file"), "file 0644");
  CHECK_HAS(box_said(&b, "/nowhere/yet/d"), "file 0644");
  box_mount(&b, "/loop/x", "tmpfs", "t", NO_OPTIONS);
  CHECK_REFUSED(box_run(&b, "exit", "0"), last_mount(&b), "Too many levels of symbolic links");
  box_free(&b);
}

/* CVE-2021-30465 and its kin without the race: links out of the root are links inside it. */
TEST(nothing_is_made_on_the_host_through_links) {
  box b = box_new();
  char host[300];
  snprintf(host, sizeof host, "%s/host", b.dir);
  mkdir(host, 0755);
  CHECK(symlink(host, in_root(&b, "out")) == 0);
  CHECK(symlink(host, in_root(&b, "dev")) == 0);
  box_mount(&b, "/out/mounted", "tmpfs", "t", NO_OPTIONS);
  b.config->process.cwd = "/out/cwd";
  CHECK_RAN(box_run(&b, "stat", "/dev/null"));
  CHECK_HAS(box_said(&b, "/dev/null"), "char");
  CHECK_NUM(count_entries(host), 0);
  box_free(&b);
}

/* -- tmpcopyup -- */

TEST(tmpcopyup_starts_with_what_it_covers) {
  box b = box_new();
  mkdir(in_root(&b, "etc"), 0750);
  mkdir(in_root(&b, "etc/deep"), 0700);
  put_file(in_root(&b, "etc/deep/file"), "from the image");
  chmod(in_root(&b, "etc/deep/file"), 0640);
  CHECK(symlink("deep/file", in_root(&b, "etc/link")) == 0);
  CHECK(mkfifo(in_root(&b, "etc/fifo"), 0600) == 0);
  box_mount(&b, "/etc", "tmpfs", "tmpfs", CTR_STRS("tmpcopyup", "mode=0755"));
  CHECK_RAN(box_run(&b, "stat", "/etc/deep", "/etc/deep/file", "/etc/link", "/etc/fifo"));
  CHECK_HAS(box_said(&b, "/etc/deep"), "dir 0700 0 0");
  CHECK_HAS(box_said(&b, "/etc/deep/file"), "file 0640 0 0");
  CHECK_HAS(box_said(&b, "/etc/link"), "link 0777 0 0 0:0 deep/file");
  CHECK_HAS(box_said(&b, "/etc/fifo"), "fifo 0600 0 0");
  CHECK_RAN(box_run(&b, "cat", "/etc/link"));
  CHECK_STR(b.out, "from the image");
  CHECK_RAN(box_run(&b, "make", "/etc/new"));
  CHECK_STR(box_said(&b, "/etc/new"), "made");
  CHECK(access(in_root(&b, "etc/new"), F_OK) < 0);
  box_free(&b);
}

TEST(tmpcopyup_copies_many_entries_and_big_files) {
  box b = box_new();
  mkdir(in_root(&b, "many"), 0755);
  for (int i = 0; i < 500; i++) put_file(in_root(&b, text("many/a-rather-long-name-%d", i)), "x");
  FILE *big = fopen(in_root(&b, "many/big"), "we");
  for (int i = 0; big && i < 300000; i++) fputc('a' + i % 26, big);
  if (big) fclose(big);
  box_mount(&b, "/many", "tmpfs", "tmpfs", CTR_STRS("tmpcopyup"));
  CHECK_RAN(box_run(&b, "cat", "/many/big"));
  CHECK_NUM(b.out_len, 300000);
  if (b.out_len == 300000) CHECK_HAS(b.out + 300000 - 5, text("%c", 'a' + 299999 % 26));
  CHECK_RAN(box_run(&b, "stat", "/many/a-rather-long-name-499", "/many/a-rather-long-name-0"));
  CHECK_HAS(box_said(&b, "/many/a-rather-long-name-499"), "file");
  CHECK_HAS(box_said(&b, "/many/a-rather-long-name-0"), "file");
  box_free(&b);
}

/* An image whose /etc is a link to /proc: a copy of that would never end, and is nobody's wish. */
TEST(procfs_is_nothing_to_copy) {
  box b = box_new();
  CHECK(symlink("/proc", in_root(&b, "etc")) == 0);
  box_mount(&b, "/etc", "tmpfs", "tmpfs", CTR_STRS("tmpcopyup"));
  CHECK_REFUSED(box_run(&b, "exit", "0"), last_mount(&b), "nothing to copy");
  box_free(&b);
}

TEST(a_tree_too_deep_to_copy_is_refused) {
  box b = box_new();
  char path[1024];
  strcpy(path, in_root(&b, "deep"));
  mkdir(path, 0755);
  for (int i = 0; i < 70; i++) mkdir(strcat(path, "/d"), 0755);
  box_mount(&b, "/deep", "tmpfs", "tmpfs", CTR_STRS("tmpcopyup"));
  CHECK_REFUSED(box_run(&b, "exit", "0"), last_mount(&b), "nested too deeply");
  box_free(&b);
}

/* -- cgroup -- */

TEST(the_cgroup_mount_is_there_and_read_only) {
  box b = box_new();
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  const char *top = mountinfo(&b, "/sys/fs/cgroup");
  if (strstr(top, "- tmpfs ")) {
    CHECK_HAS(top, " ro,nosuid,nodev,noexec,relatime ");
    CHECK_HAS(b.out, " /sys/fs/cgroup/"); /* at least one hierarchy below */
    for (char *line = strtok(b.out, "\n"); line; line = strtok(NULL, "\n"))
      if (strstr(line, " /sys/fs/cgroup")) CHECK_HAS(line, " ro,nosuid,nodev,noexec,relatime ");
  } else {
    CHECK_HAS(top, "- cgroup2 ");
    CHECK_HAS(top, " ro,nosuid,nodev,noexec,relatime ");
  }
  box_free(&b);
}

/* -- devices -- */

TEST(default_devices_and_links_are_there) {
  static const struct {
    const char *path, *is;
  } rows[] = {
      {"/dev/null", "char 0666 * 1:3 "},    {"/dev/zero", "char 0666 * 1:5 "},
      {"/dev/full", "char 0666 * 1:7 "},    {"/dev/random", "char 0666 * 1:8 "},
      {"/dev/urandom", "char 0666 * 1:9 "}, {"/dev/tty", "char 0666 * 5:0 "},
      {"/dev/fd", "/proc/self/fd"},         {"/dev/stdin", "/proc/self/fd/0"},
      {"/dev/stdout", "/proc/self/fd/1"},   {"/dev/stderr", "/proc/self/fd/2"},
      {"/dev/ptmx", "0:0 pts/ptmx"},
  };
  box b = box_new();
  CHECK_RAN(box_run(&b, "stat", "/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                    "/dev/urandom", "/dev/tty", "/dev/fd", "/dev/stdin", "/dev/stdout",
                    "/dev/stderr", "/dev/ptmx"));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *star = strchr(rows[i].is, '*'), *said = box_said(&b, rows[i].path);
    CHECK_HAS(said, star ? star + 1 : rows[i].is);
    if (star) CHECK_HAS(said, text("%.*s", (int)(star - rows[i].is), rows[i].is));
  }
  CHECK_RAN(box_run(&b, "try", "/dev/null", "/dev/full"));
  CHECK_STR(box_said(&b, "/dev/null"), "open");
  CHECK_STR(box_said(&b, "/dev/full"), "open");
  box_free(&b);
}

TEST(device_nodes_are_made_as_asked) {
  box b = box_new();
  ctr_device devices[] = {
      {.type = "c",
       .path = "/dev/fuse",
       .major_ = {true, 10},
       .minor_ = {true, 229},
       .fileMode = {true, 0640},
       .uid = {true, 7},
       .gid = {true, 8}},
      {.type = "u", .path = "/dev/deep/er", .major_ = {true, 1}, .minor_ = {true, 3}},
      {.type = "b",
       .path = "/dev/block",
       .major_ = {true, 259},
       .minor_ = {true, 300},
       .fileMode = {true, 0600}},
      {.type = "p", .path = "/dev/pipe", .fileMode = {true, 0622}},
      {.type = "c",
       .path = "/dev/null",
       .major_ = {true, 1},
       .minor_ = {true, 3},
       .fileMode = {true, 0600}},
  };
  b.config->linux_.devices = (ctr_devices){devices, sizeof devices / sizeof *devices};
  CHECK_RAN(
      box_run(&b, "stat", "/dev/fuse", "/dev/deep/er", "/dev/block", "/dev/pipe", "/dev/null"));
  CHECK_STR(box_said(&b, "/dev/fuse"), "char 0640 7 8 10:229 ");
  CHECK_STR(box_said(&b, "/dev/deep/er"), "char 0666 0 0 1:3 ");
  CHECK_STR(box_said(&b, "/dev/block"), "block 0600 0 0 259:300 ");
  CHECK_STR(box_said(&b, "/dev/pipe"), "fifo 0622 0 0 0:0 ");
  CHECK_STR(box_said(&b, "/dev/null"), "char 0600 0 0 1:3 ");
  box_free(&b);
}

TEST(a_device_of_the_host_is_bound_where_none_can_be_made) {
  box b = box_new();
  ctr_device devices[] = {{.type = "c",
                           .path = "/dev/zero",
                           .major_ = {true, 1},
                           .minor_ = {true, 5},
                           .fileMode = {true, 0600}},
                          {.type = "p", .path = "/dev/pipe", .fileMode = {true, 0622}}};
  b.config->linux_.devices = (ctr_devices){devices, 2};
  CHECK_RAN(box_run(&b, "stat", "/dev/zero", "/dev/pipe"));
  CHECK_STR(box_said(&b, "/dev/zero"), "char 0666 65534 65534 1:5 ");
  CHECK_STR(box_said(&b, "/dev/pipe"), "fifo 0622 0 0 0:0 ");
  CHECK_HAS(b.warnings, "linux.devices[0]");
  devices[0].minor_.value = 7; /* the host's /dev/zero is not this device */
  CHECK_REFUSED(box_run(&b, "exit", "0"), "linux.devices[0]",
                "/dev/zero: a device that the caller");
  devices[0].path = "/dev/no-such-device";
  CHECK_REFUSED(box_run(&b, "exit", "0"), "linux.devices[0]", "takes CAP_MKNOD");
  box_free(&b);
}

TEST(something_else_in_a_devices_place_is_refused) {
  box b = box_new();
  b.config->mounts.count = 1; /* /proc only: /dev is the image's */
  mkdir(in_root(&b, "dev"), 0755);
  put_file(in_root(&b, "dev/stdin"), "not a link");
  CHECK_REFUSED(box_run(&b, "exit", "0"), "default devices", "something else is there");
  box_free(&b);
}

TEST(a_file_in_the_place_of_a_device_is_refused) {
  box b = box_new();
  b.config->mounts.count = 1;
  mkdir(in_root(&b, "dev"), 0755);
  put_file(in_root(&b, "dev/null"), "not a device");
  CHECK_REFUSED(box_run(&b, "exit", "0"), "default devices", "not that device");
  box_free(&b);
}

/* CVE-2025-31133: an image whose /dev/null is a link to what the mask should cover. */
TEST(masks_are_the_hosts_null_device) {
  box b = box_new();
  b.config->mounts.count = 1;
  mkdir(in_root(&b, "dev"), 0755);
  CHECK(symlink("/secret", in_root(&b, "dev/null")) == 0);
  put_file(in_root(&b, "secret"), "secret");
  b.config->linux_.maskedPaths = CTR_STRS("/secret");
  box_run(&b, "stat", "/secret");
  if (!b.code) CHECK_HAS(box_said(&b, "/secret"), "1:3");
  CHECK_STR(get_file(in_root(&b, "secret")), "secret");
  box_free(&b);
}

/* A device node that lies about in the image is none, where /dev is a mount of its own. */
TEST(device_nodes_of_the_image_do_not_work) {
  for (unsigned without = 0; without <= CTR_FEATURE_MOUNT_SETATTR;
       without += CTR_FEATURE_MOUNT_SETATTR) {
    box b = box_new();
    CHECK(mknod(in_root(&b, "node"), S_IFCHR | 0666, makedev(1, 3)) == 0);
    b.plan.without = without;
    CHECK_RAN(box_run(&b, "try", "/node", "/dev/null"));
    CHECK_STR(box_said(&b, "/node"), "EACCES");
    CHECK_STR(box_said(&b, "/dev/null"), "open");
    box_free(&b);
  }
}

/* -- masked and read-only paths -- */

/* CVE-2019-19921: who can rename in the image swaps /proc between its mount and its masks. */
static ctr_code swap_proc(void *userdata, enum ctr_moment moment, const ctr_process *process,
                          ctr_err *err) {
  const box *b = userdata;
  char proc[300], other[300];
  (void)moment;
  (void)process;
  (void)err;
  snprintf(proc, sizeof proc, "%s", in_root(b, "proc"));
  snprintf(other, sizeof other, "%s", in_root(b, "other"));
  CHECK(syscall(SYS_renameat2, AT_FDCWD, proc, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */) == 0);
  return CTR_OK;
}

TEST(a_proc_that_is_swapped_keeps_its_masks) {
  box b = box_new();
  mkdir(in_root(&b, "proc"), 0755);
  CHECK(symlink("/nowhere", in_root(&b, "other")) == 0);
  b.plan.moments = CTR_MOMENT_HOOKS | CTR_MOMENT_READY;
  b.process.on_moment = swap_proc;
  b.process.userdata = &b;
  CHECK_RAN(box_run(&b, "try", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"));
  CHECK_MSG(!strstr(b.out, "open"), "%s", b.out);
  CHECK_RAN(box_run(&b, "statfs", "/proc/sys", "/proc/sysrq-trigger"));
  CHECK_HAS(box_said(&b, "/proc/sys"), "ro,");
  box_free(&b);
}

/* What is mounted over /proc later is what is seen, and what must be masked: also when a link of
   the image leads there. */
TEST(masks_are_on_what_covers_proc) {
  static const char *const ways[] = {"/proc", "/./proc/", "/tmp/../proc", "/way-to-proc"};
  for (int i = 0; i < 4; i++) {
    box b = box_new();
    CHECK(symlink("/proc", in_root(&b, "way-to-proc")) == 0);
    put_tree(&b);
    put_file(text("%s/data/keys", b.dir), "secret");
    put_file(text("%s/data/sysrq-trigger", b.dir), "x");
    box_mount(&b, ways[i], "bind", "data", NO_OPTIONS);
    CHECK_RAN(box_run(&b, "cat", "/proc/keys"));
    CHECK_STR(b.out, "");
    CHECK_RAN(box_run(&b, "try", "/proc/sysrq-trigger"));
    CHECK_STR(box_said(&b, "/proc/sysrq-trigger"), "EROFS");
    box_free(&b);
  }
}

TEST(procfs_and_sysfs_are_mounted_on_real_directories_only) {
  static const char *const names[] = {"proc", "sys"};
  for (int i = 0; i < 2; i++) {
    box b = box_new();
    mkdir(in_root(&b, "elsewhere"), 0755);
    CHECK(symlink("/elsewhere", in_root(&b, names[i])) == 0);
    CHECK_REFUSED(box_run(&b, "exit", "0"), i ? "mounts[5]" : "mounts[0]", "a link is in the way");
    box_free(&b);
  }
}

TEST(masked_paths_show_nothing) {
  box b = box_new();
  put_file(in_root(&b, "file"), "secret");
  mkdir(in_root(&b, "dir"), 0755);
  put_file(in_root(&b, "dir/file"), "secret");
  CHECK(symlink("/dir", in_root(&b, "link")) == 0);
  mkdir(in_root(&b, "dir2"), 0755);
  CHECK(symlink("/dir2", in_root(&b, "link2")) == 0);
  put_file(in_root(&b, "dir2/file"), "secret");
  b.config->linux_.maskedPaths = CTR_STRS("/file", "/dir", "/missing", "/file/below", "/link2");
  CHECK_RAN(box_run(&b, "cat", "/file"));
  CHECK_STR(b.out, "");
  CHECK_RAN(box_run(&b, "stat", "/dir/file", "/dir2/file", "/file"));
  CHECK_STR(box_said(&b, "/dir/file"), "ENOENT");
  CHECK_STR(box_said(&b, "/dir2/file"), "ENOENT");
  CHECK_RAN(box_run(&b, "make", "/dir/new"));
  CHECK_STR(box_said(&b, "/dir/new"), "EROFS");
  box_free(&b);
}

TEST(read_only_paths_cannot_be_written) {
  box b = box_new();
  mkdir(in_root(&b, "dir"), 0755);
  put_file(in_root(&b, "file"), "x");
  box_mount(&b, "/dir/mounted", "tmpfs", "t", NO_OPTIONS);
  b.config->linux_.readonlyPaths = CTR_STRS("/dir", "/file", "/missing", "/proc/sys");
  CHECK_RAN(box_run(&b, "try", "/file", "/proc/sys/kernel/hostname"));
  CHECK_STR(box_said(&b, "/file"), "EROFS");
  CHECK_MSG(strcmp(box_said(&b, "/proc/sys/kernel/hostname"), "open"), "%s", b.out);
  CHECK_RAN(box_run(&b, "statfs", "/proc/sys"));
  CHECK_HAS(box_said(&b, "/proc/sys"), "ro,");
  CHECK_RAN(box_run(&b, "make", "/dir/new", "/dir/mounted/new", "/new"));
  CHECK_STR(box_said(&b, "/dir/new"), "EROFS");
  CHECK_STR(box_said(&b, "/dir/mounted/new"), "EROFS");
  CHECK_STR(box_said(&b, "/new"), "made");
  box_free(&b);
}

/* On what the config has mounted above it, of whatever kind: a directory, a file, a tree. */
TEST(a_mount_is_masked_and_made_read_only_where_it_was_made) {
  static const char *const ways[] = {"", "ro", "iversion", "tmpcopyup"};
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    box b = box_new();
    put_tree(&b);
    put_file(text("%s/data/sub/file", b.dir), "content");
    CHECK(symlink("sub", text("%s/data/way", b.dir)) == 0);
    CHECK(mkdir(in_root(&b, "real"), 0755) == 0 && symlink("real", in_root(&b, "link")) == 0);
    box_mount(&b, "/real/m", "bind", "data", CTR_STRS("rbind"));
    box_mount(&b, "/link/t", "tmpfs", "t", *ways[i] ? CTR_STRS(ways[i]) : NO_OPTIONS);
    box_mount(&b, "/link/t/m", "bind", "data", CTR_STRS("rbind"));
    box_mount(&b, "/one", "bind", "data/file", CTR_STRS("rbind"));
    box_mount(&b, "/two", "bind", "data/file", CTR_STRS("rbind"));
    b.config->linux_.maskedPaths =
        CTR_STRS("/real/m/file", "/link/t/m/way/", "/one", "/one/below", "/real/m/missing");
    b.config->linux_.readonlyPaths = CTR_STRS("/real/./m/way", "/real/t/m", "/two", "/one");
    CHECK_RAN(box_run(&b, "stat", "/real/m/file", "/real/t/m/sub/file", "/one"));
    CHECK_HAS(box_said(&b, "/real/m/file"), "1:3");
    CHECK_STR(box_said(&b, "/real/t/m/sub/file"), "ENOENT");
    CHECK_HAS(box_said(&b, "/one"), "1:3");
    CHECK_RAN(box_run(&b, "make", "/real/m/new", "/real/m/sub/new", "/link/t/m/other"));
    CHECK_STR(box_said(&b, "/real/m/new"), "made");
    CHECK_STR(box_said(&b, "/real/m/sub/new"), "EROFS");
    CHECK_STR(box_said(&b, "/link/t/m/other"), "EROFS");
    CHECK_RAN(box_run(&b, "try", "/two"));
    CHECK_STR(box_said(&b, "/two"), "EROFS");
    box_free(&b);
  }
}

/* Also the one that only the last of two shows, and what a copy of a directory lies over. */
TEST(what_is_masked_or_read_only_is_what_is_seen) {
  for (int without = 0; without < 2; without++) {
    box b = box_new();
    put_tree(&b);
    b.plan.without = without ? CTR_FEATURE_MOUNT_SETATTR : 0;
    box_mount(&b, "/dir/m", "tmpfs", "t", NO_OPTIONS);
    box_mount(&b, "/dir/m", "bind", "data", NO_OPTIONS);
    b.config->linux_.maskedPaths = CTR_STRS("/dir/m/file");
    b.config->linux_.readonlyPaths =
        CTR_STRS("/dir", "/dir/m", "/dir/m/sub", "/sys", "/sys/kernel");
    CHECK_RAN(box_run(&b, "stat", "/dir/m/file"));
    CHECK_HAS(box_said(&b, "/dir/m/file"), "1:3");
    CHECK_RAN(box_run(&b, "make", "/dir/m/new", "/dir/m/sub/new"));
    CHECK_STR(box_said(&b, "/dir/m/new"), "EROFS");
    CHECK_STR(box_said(&b, "/dir/m/sub/new"), "EROFS");
    box_free(&b);
  }
}

/* What came with a tree is masked on it. */
TEST(a_bind_of_sysfs_is_masked_with_what_is_mounted_below) {
  box b = box_new();
  b.config->mounts.count = 5;
  box_mount(&b, "/sys", "bind", "/sys", CTR_STRS("rbind", "rro"));
  b.config->linux_.maskedPaths = CTR_STRS("/sys/kernel", "/sys/fs/cgroup/unified/cgroup.procs");
  b.config->linux_.readonlyPaths = CTR_STRS("/sys/fs/cgroup", "/sys/missing");
  CHECK_RAN(box_run(&b, "stat", "/sys/kernel/mm", "/sys/fs/cgroup/unified/cgroup.procs"));
  CHECK_STR(box_said(&b, "/sys/kernel/mm"), "ENOENT");
  const char *below = box_said(&b, "/sys/fs/cgroup/unified/cgroup.procs");
  CHECK_MSG(strstr(below, "1:3") || !strcmp(below, "ENOENT"), "%s", b.out);
  box_free(&b);
}

TEST(a_link_from_one_mount_to_another_is_not_masked_by_its_name) {
  box b = box_new();
  put_tree(&b);
  CHECK(symlink("/other/file", text("%s/data/link", b.dir)) == 0);
  box_mount(&b, "/m", "bind", "data", NO_OPTIONS);
  box_mount(&b, "/other", "bind", "data", NO_OPTIONS);
  b.config->linux_.maskedPaths = CTR_STRS("/m/file", "/m/link");
  CHECK_REFUSED(box_run(&b, "exit", "0"), "linux.maskedPaths[1]", "name what it leads to");
  b.config->linux_.maskedPaths = CTR_STRS("/other/file");
  CHECK_RAN(box_run(&b, "cat", "/m/link"));
  CHECK_STR(b.out, "");
  box_free(&b);
}

/* What the whole machine would feel cannot be written from the default container. */
TEST(the_hosts_settings_are_out_of_reach) {
  box b = box_new();
  CHECK_RAN(box_run(&b, "try", "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern",
                    "/proc/sys/kernel/modprobe", "/sys/kernel/uevent_helper",
                    "/proc/self/root/proc/sysrq-trigger", "/proc/1/root/proc/sys/kernel/panic"));
  CHECK_MSG(!strstr(b.out, "open"), "%s", b.out);
  /* Opening it says nothing: what lies over it is the null device. */
  CHECK_RAN(box_run(&b, "stat", "/proc/kcore"));
  CHECK_MSG(strstr(b.out, "1:3") || strstr(b.out, "ENOENT"), "%s", b.out);
  box_free(&b);
}

/* -- the root -- */

TEST(a_read_only_root_is_read_only) {
  box b = box_new();
  box_mount(&b, "/made/by/mount", "tmpfs", "t", NO_OPTIONS);
  b.config->root.readonly = true;
  CHECK_RAN(box_run(&b, "make", "/new", "/made/new", "/tmp/new", "/made/by/mount/new"));
  CHECK_STR(box_said(&b, "/new"), "EROFS");
  CHECK_STR(box_said(&b, "/made/new"), "EROFS");
  CHECK_STR(box_said(&b, "/tmp/new"), "made");
  CHECK_STR(box_said(&b, "/made/by/mount/new"), "made");
  box_free(&b);
}

TEST(the_root_is_the_only_way_up) {
  for (int no_pivot = 0; no_pivot < 2; no_pivot++) {
    box b = box_new();
    b.plan.no_pivot = no_pivot;
    CHECK_RAN(box_run(&b, "stat", "/..", "/../probe", "/work", "/proc/1/root/probe"));
    CHECK_HAS(box_said(&b, "/../probe"), "file");
    CHECK_HAS(box_said(&b, "/proc/1/root/probe"), "file");
    CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
    CHECK_HAS(mountinfo(&b, "/"), "rootfs / ");
    CHECK_MSG(!strstr(b.out, b.dir) || strstr(mountinfo(&b, "/"), b.dir), "%s", b.out);
    box_free(&b);
  }
}

TEST(the_root_propagation_is_what_was_asked_for) {
  static const struct {
    ctr_propagation asked;
    const char *tag;
  } rows[] = {{CTR_PROPAGATION_PRIVATE, NULL},
              {CTR_PROPAGATION_SHARED, "shared:"},
              {CTR_PROPAGATION_UNBINDABLE, "unbindable"},
              {CTR_PROPAGATION_RSHARED, "shared:"},
              {CTR_PROPAGATION_RPRIVATE, NULL},
              {0, NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    box b = box_new();
    b.config->linux_.rootfsPropagation = rows[i].asked;
    CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
    const char *line = mountinfo(&b, "/");
    if (rows[i].tag)
      CHECK_HAS(line, rows[i].tag);
    else
      CHECK_MSG(!strstr(line, "shared:") && !strstr(line, "unbindable"), "%s", line);
    box_free(&b);
  }
}

/* A root that the host has mounted read-only: what is locked in a user namespace stays as it is. */
TEST(a_root_that_is_read_only_already_can_be_used) {
  box b = box_mapped();
  CHECK(mount(in_root(&b, ""), in_root(&b, ""), NULL, MS_BIND, NULL) == 0);
  CHECK(mount(NULL, in_root(&b, ""), NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0);
  b.config->mounts.count = 0;
  b.config->linux_.maskedPaths = b.config->linux_.readonlyPaths = NO_OPTIONS;
  b.config->root.readonly = true;
  box_run(&b, "make", "/new");
  CHECK(umount2(in_root(&b, ""), MNT_DETACH) == 0);
  CHECK_REFUSED(&b, "default devices", "Read-only file system"); /* it got so far */
  box_free(&b);
}

/* Also by a name that is written otherwise in mountinfo, below another, and where one is covered.
 */
TEST(what_is_mounted_below_a_read_only_root_is_read_only_too) {
  static const char *const below[] = {"data", "data/more", "a blank", "covered", "covered"};
  for (int way = 0; way < 4; way++) {
    box b = way & 1 ? box_mapped() : box_new();
    b.plan.without = way & 2 ? CTR_FEATURE_MOUNT_SETATTR : 0;
    b.config->root.readonly = true;
    for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
      mkdir(in_root(&b, below[i]), 0777);
      CHECK(mount("below", in_root(&b, below[i]), "tmpfs", 0, "mode=0777") == 0);
    }
    box_mount(&b, "/data/more", "tmpfs", "own", NO_OPTIONS);
    box_run(&b, "make", "/data/x", "/data/more/x", "/a blank/x", "/covered/x");
    for (size_t i = sizeof below / sizeof *below; i-- > 0;)
      CHECK(umount2(in_root(&b, below[i]), MNT_DETACH) == 0);
    CHECK_RAN(&b);
    CHECK_STR(box_said(&b, "/data/x"), "EROFS");
    CHECK_STR(box_said(&b, "/data/more/x"), "made"); /* the config's own */
    CHECK_STR(box_said(&b, "/a blank/x"), "EROFS");
    CHECK_STR(box_said(&b, "/covered/x"), "EROFS");
    box_free(&b);
  }
}

/* Without mount_setattr(2) everything that is not recursive works as well. */
TEST(an_older_kernel_gets_the_same_result) {
  box b = box_new();
  b.plan.without = CTR_FEATURE_MOUNT_SETATTR | CTR_FEATURE_CLONE3;
  b.config->root.readonly = true;
  CHECK_RAN(box_run(&b, "make", "/new", "/tmp/new"));
  CHECK_STR(box_said(&b, "/new"), "EROFS");
  CHECK_STR(box_said(&b, "/tmp/new"), "made");
  CHECK_RAN(box_run(&b, "try", "/proc/sys/kernel/hostname"));
  CHECK_MSG(strcmp(box_said(&b, "/proc/sys/kernel/hostname"), "open"), "%s", b.out);
  CHECK_RAN(box_run(&b, "statfs", "/proc/sys"));
  CHECK_HAS(box_said(&b, "/proc/sys"), "ro,");
  box_mount(&b, "/m", "tmpfs", "t", CTR_STRS("rro"));
  CHECK_REFUSED(box_run(&b, "self"), last_mount(&b), "Linux 5.12");
  box_free(&b);
}

TEST(without_a_mount_namespace_it_is_a_chroot) {
  static const ctr_namespace namespaces[] = {{CTR_NS_PID, NULL}, {CTR_NS_USER, NULL}};
  box b = box_new();
  b.config->mounts.count = 0;
  b.config->hostname = NULL;
  b.config->linux_.namespaces = (ctr_namespaces){namespaces, me().with_each ? 2 : 1};
  b.config->linux_.maskedPaths = b.config->linux_.readonlyPaths = (ctr_strs){0};
  CHECK_RAN(box_run(&b, "stat", "/probe", "/work"));
  CHECK_HAS(box_said(&b, "/probe"), "file");
  CHECK_STR(box_said(&b, "/work"), "ENOENT");
  box_free(&b);
}

TEST_MAIN
