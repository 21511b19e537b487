/* Maps of ids (user_namespaces(7)): which they are, whose files are inside and outside, and who may
   have which. */
#include "box.h"

#include <grp.h>
#include <sched.h>

enum { COUNT = 65536 }; /* of a range */

/* As proc_pid_uid_map(5) prints one. */
static const char *map_line(unsigned inside, unsigned outside, unsigned count) {
  return text("%10u %10u %10u\n", inside, outside, count);
}

/* A directory in the box in which everybody inside can make files. */
static void make_open_dir(box *b) {
  if (mkdir(in_root(b, "open"), 0777) || chmod(in_root(b, "open"), 0777))
    test_fail(b->dir, 0, "cannot make a directory");
}

static void check_owner(const char *path, uint32_t uid, uint32_t gid) {
  struct stat st = {0};
  CHECK_MSG(lstat(path, &st) == 0, "%s: %s", path, strerror(errno));
  CHECK_MSG(st.st_uid == uid && st.st_gid == gid, "%s belongs to %u:%u, should to %u:%u", path,
            st.st_uid, st.st_gid, uid, gid);
}

/* -- an ordinary user with subordinate ids -- */

TEST(the_default_maps_what_is_given_to_an_ordinary_user) {
  box b = box_new();
  CHECK_RAN(box_run(&b, "cat", "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups"));
  CHECK_STR(b.out,
            text("%s%s%s%sallow\n", map_line(0, geteuid(), 1), map_line(1, my_range().uids, COUNT),
                 map_line(0, getegid(), 1), map_line(1, my_range().gids, COUNT)));
  CHECK_RAN(box_run(&b, "stat", "/dev/pts/ptmx", "/")); /* with a group tty */
  CHECK_HAS(b.out, "/ dir 0755 0 0");
  box_free(&b);
}

TEST(another_uid_with_groups_runs_and_its_files_are_of_a_subordinate_one) {
  static const uint32_t groups[] = {5, 7, COUNT};
  box b = box_new();
  make_open_dir(&b);
  b.config->process.user = (ctr_user){.uid = 1000, .gid = 1001, .additionalGids = {groups, 3}};
  CHECK_RAN(box_run(&b, "self"));
  CHECK_STR(box_said(&b, "uid"), "1000 1000 1000");
  CHECK_STR(box_said(&b, "gid"), "1001 1001 1001");
  CHECK_STR(box_said(&b, "groups"), text("5 7 %d", COUNT));
  CHECK_RAN(box_run(&b, "make", "/open/made"));
  check_owner(in_root(&b, "open/made"), my_range().uids + 999, my_range().gids + 1000);
  b.config->process.user = (ctr_user){.uid = COUNT, .gid = COUNT};
  CHECK_RAN(box_run(&b, "make", "/open/last"));
  check_owner(in_root(&b, "open/last"), my_range().uids + COUNT - 1, my_range().gids + COUNT - 1);
  b.config->process.user = (ctr_user){.uid = COUNT + 1, .gid = 0};
  CHECK_REFUSED(box_run(&b, "self"), "process.user.uid", "is not mapped by linux.uidMappings");
  box_free(&b);
}

TEST(files_can_be_given_to_mapped_ids_inside) {
  const uint64_t caps = CTR_CAP(CHOWN);
  box b = box_new();
  b.config->process.capabilities = (ctr_capabilities){caps, caps, 0, caps, 0};
  CHECK_RAN(box_run(&b, "make", "/a", "/b"));
  check_owner(in_root(&b, "a"), geteuid(), getegid());
  CHECK_RAN(box_run(&b, "give", "7:8:/a", "0:0:/b", "65537:0:/b"));
  CHECK_STR(b.out, "/a given\n/b given\n/b EINVAL\n");
  check_owner(in_root(&b, "a"), my_range().uids + 6, my_range().gids + 7);
  check_owner(in_root(&b, "b"), geteuid(), getegid());
  CHECK_RAN(box_run(&b, "stat", "/a"));
  CHECK_HAS(b.out, "/a file 0644 7 8");
  box_free(&b);
}

/* Files of others outside are nobody's inside (proc_sys_kernel(5), overflowuid). */
TEST(files_of_others_are_nobodys_inside) {
  box b = box_mapped();
  box_mount(&b, "/outside", "bind", "/etc/passwd", CTR_STRS("bind", "ro"));
  CHECK_RAN(box_run(&b, "stat", "/outside"));
  CHECK_HAS(b.out, "65534 65534");
  box_free(&b);
}

TEST(a_range_that_is_not_given_is_refused_before_anything_is_started) {
  for (int gids = 0; gids < 2; gids++) {
    box b = box_new();
    ctr_id_mappings *map = gids ? &b.config->linux_.gidMappings : &b.config->linux_.uidMappings;
    BOX_ADD(&b, *map, ctr_id_mapping, {100000, 1, 10});
    CHECK_REFUSED(
        box_run(&b, "self"), gids ? "linux.gidMappings[2]" : "linux.uidMappings[2]",
        text("hostID 1, size 10: %s ids of others in a user namespace: that takes CAP_SET",
             gids ? "group" : "user"));
    CHECK_NUM(b.code, CTR_E_UNSUPPORTED);
    box_free(&b);
  }
}

/* Where it cannot be known what is given, as for users of a directory service, the helper says. */
TEST(what_a_helper_says_when_it_refuses_is_passed_on) {
  for (int gids = 0; gids < 2; gids++) {
    box b = box_new();
    ctr_id_mappings *map = gids ? &b.config->linux_.gidMappings : &b.config->linux_.uidMappings;
    ctr__facts facts;
    ctr_plan *plan = NULL;
    ctr_process *process = NULL;
    BOX_ADD(&b, *map, ctr_id_mapping, {100000, 1, 10});
    census before = take_census();
    CHECK(!ctr__gather_facts(b.config, 0, &facts, &b.err));
    facts.given_ids[CTR__UIDS].known = facts.given_ids[CTR__GIDS].known = false;
    CHECK(!ctr__plan_compile(b.config, &b.plan, &ctr__for_program, &facts, &plan, &b.err));
    CHECK(!ctr_process_new(plan, NULL, &process, &b.err));
    b.code = ctr_process_start(process, &b.err);
    CHECK_REFUSED(&b, gids ? "linux.gidMappings" : "linux.uidMappings",
                  "it ended with exit code 1: it said: ");
    CHECK_HAS(b.err.msg, gids ? "newgidmap: gid range [100000-100010) -> [1-11) not allowed"
                              : "newuidmap: uid range [100000-100010) -> [1-11) not allowed");
    ctr_process_free(process);
    ctr_plan_free(plan);
    check_census(&before);
    box_free(&b);
  }
}

TEST(one_map_by_a_helper_and_the_other_by_oneself) {
  const ctr_id_mapping uids[] = {{0, geteuid(), 1}, {1, my_range().uids, COUNT}};
  const ctr_id_mapping gids[] = {{0, getegid(), 1}, {1, my_range().gids, COUNT}};
  box b = box_of(CTR_DEFAULT_SINGLE_ID);
  b.config->linux_.uidMappings = (ctr_id_mappings){uids, 2};
  CHECK_RAN(box_run(&b, "cat", "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups"));
  CHECK_STR(b.out, text("%s%s%sdeny\n", map_line(0, geteuid(), 1),
                        map_line(1, my_range().uids, COUNT), map_line(0, getegid(), 1)));
  b.config->process.user = (ctr_user){.uid = 9};
  CHECK_STR(box_said(box_run(&b, "self"), "uid"), "9 9 9");
  b.config->linux_.uidMappings = (ctr_id_mappings){uids, 1};
  b.config->linux_.gidMappings = (ctr_id_mappings){gids, 2};
  b.config->process.user = (ctr_user){.gid = 9};
  CHECK_RAN(box_run(&b, "cat", "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups"));
  CHECK_STR(b.out, text("%s%s%sallow\n", map_line(0, geteuid(), 1), map_line(0, getegid(), 1),
                        map_line(1, my_range().gids, COUNT)));
  CHECK_STR(box_said(box_run(&b, "self"), "gid"), "9 9 9");
  box_free(&b);
}

TEST(ones_own_id_need_not_be_mapped) {
  const ctr_id_mapping uids[] = {{0, my_range().uids + 10, 10}, {20, my_range().uids + 30, 1}};
  const ctr_id_mapping gids[] = {{0, my_range().gids + 10, 20}};
  box b = box_new();
  make_open_dir(&b);
  b.config->mounts.count = 1; /* whose mount points are there: this root is nobody's to change */
  mkdir(in_root(&b, "proc"), 0755);
  mkdir(in_root(&b, "dev"), 0755);
  box_mount(&b, "/dev", "tmpfs", "tmpfs", NO_OPTIONS);
  b.config->linux_.maskedPaths = b.config->linux_.readonlyPaths = NO_OPTIONS;
  b.config->linux_.uidMappings = (ctr_id_mappings){uids, 2};
  b.config->linux_.gidMappings = (ctr_id_mappings){gids, 1};
  CHECK_RAN(box_run(&b, "cat", "/proc/self/uid_map"));
  CHECK_STR(b.out, text("%s%s", map_line(0, my_range().uids + 10, 10),
                        map_line(20, my_range().uids + 30, 1)));
  b.config->process.user = (ctr_user){.uid = 20, .gid = 4};
  CHECK_RAN(box_run(&b, "make", "/open/made"));
  check_owner(in_root(&b, "open/made"), my_range().uids + 30, my_range().gids + 14);
  box_free(&b);
}

/* -- one id, for everybody -- */

TEST(a_single_id_is_the_callers_whoever_that_is) {
  box b = box_of(CTR_DEFAULT_SINGLE_ID);
  CHECK_RAN(box_run(&b, "cat", "/proc/self/uid_map", "/proc/self/gid_map", "/proc/self/setgroups"));
  CHECK_STR(b.out,
            text("%s%s%s\n", map_line(0, geteuid(), 1), map_line(0, getegid(), 1), me().setgroups));
  CHECK_RAN(box_run(&b, "make", "/made"));
  check_owner(in_root(&b, "made"), geteuid(), getegid());
  b.config->process.user = (ctr_user){.uid = 1};
  CHECK_REFUSED(box_run(&b, "self"), "process.user.uid", "is not mapped by linux.uidMappings");
  box_free(&b);
}

static box box_with_group_0(void) {
  static const uint32_t group = 0;
  box b = box_of(CTR_DEFAULT_SINGLE_ID);
  b.config->process.user = (ctr_user){.additionalGids = {&group, 1}};
  return b;
}

TEST(groups_with_a_single_id_are_roots) {
  box b = box_with_group_0();
  CHECK_STR(box_said(box_run(&b, "self"), "groups"), "0");
  box_free(&b);
}

TEST(groups_with_a_single_id_are_refused) {
  box b = box_with_group_0();
  CHECK_REFUSED(box_run(&b, "self"), "process.user.additionalGids", "leave them out");
  box_free(&b);
}

/* -- groups that sources are reached by -- */

/* Made up by root. */
enum { USER = 54321, UIDS = 200000, GIDS = 300000, CLUB = 77777 };

static bool have_helpers(void) {
  return access("/usr/bin/newuidmap", X_OK) == 0 && access("/usr/bin/newgidmap", X_OK) == 0;
}

static void cover(const char *dir, const char *path, const char *content) {
  const char *own = text("%s/%s", dir, ctr__base_name(path));
  put_file(own, content);
  chmod(own, 0644);
  if (mount(own, path, NULL, MS_BIND, NULL) < 0) test_fail(path, errno, "cannot be covered");
}

/* Root becomes that user, in a mount namespace in which the machine knows them. */
static void become_user(const char *dir, const gid_t *groups, size_t group_count) {
  if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
    test_fail(__FILE__, __LINE__, "no mount namespace: %s", strerror(errno));
  cover(dir, "/etc/passwd",
        text("root:x:0:0::/root:/bin/sh\nmapper:x:%d:%d::/:/bin/sh\n", USER, USER));
  cover(dir, "/etc/subuid", text("other:1:2\nmapper:%d:%d\n", UIDS, COUNT));
  cover(dir, "/etc/subgid", text("%d:%d:%d\n", USER, GIDS, COUNT));
  if (chown(dir, USER, USER) || setgroups(group_count, groups) || setresgid(USER, USER, USER) ||
      setresuid(USER, USER, USER) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
    test_fail(__FILE__, __LINE__, "cannot become another: %s", strerror(errno));
  setenv("TMPDIR", dir, 1);
}

/* In a process of its own; what fails there fails here. */
static void apart_as_user(void (*run)(void), const gid_t *groups, size_t group_count) {
  char dir[256];
  snprintf(dir, sizeof dir, "%s/user.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
  if (!mkdtemp(dir) || chmod(dir, 0755)) test_fail(dir, 0, "cannot make it");
  fflush(stdout);
  int status = -1;
  pid_t pid = fork();
  if (pid == 0) {
    become_user(dir, groups, group_count);
    if (!test_failures) run();
    fflush(stdout);
    _exit(test_failures != 0);
  }
  waitpid(pid, &status, 0);
  CHECK_NUM(status, 0);
}

static char club[300]; /* a directory that root and the group may search; below it: "open" */

static void make_club(void) {
  snprintf(club, sizeof club, "%s/club", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
  CHECK(!mkdir(club, 0700) && !mkdir(text("%s/open", club), 0755));
  put_file(text("%s/open/for-all", club), "for all\n");
  put_file(text("%s/open/for-members", club), "for members\n");
  CHECK(!chmod(text("%s/open/for-members", club), 0640));
  CHECK(!chown(club, 0, CLUB) && !chown(text("%s/open/for-members", club), 0, CLUB));
  CHECK(!chmod(club, 0750));
}

static void see_club(bool ranges) {
  box b = box_of(ranges ? CTR_DEFAULT_AUTO : CTR_DEFAULT_SINGLE_ID);
  box_mount(&b, "/in", "bind", text("%s/open", club), CTR_STRS("rbind"));
  CHECK_RAN(box_run(&b, "cat", "/in/for-all", "/in/for-members"));
  CHECK_STR(b.out, ranges ? "for all\n/in/for-members EACCES\n" : "for all\nfor members\n");
  CHECK_STR(box_said(box_run(&b, "self"), "groups"), ranges ? "" : "65534");
  box_free(&b);
}

static void see_club_with_ranges(void) {
  see_club(true);
}

/* user_namespaces(7): without setgroups there is no way to let go of them. */
static void see_club_with_one_id(void) {
  see_club(false);
}

static void see_nothing(void) {
  box b = box_new();
  box_mount(&b, "/in", "bind", text("%s/open", club), CTR_STRS("rbind"));
  box_run(&b, "self");
  CHECK_REFUSED(&b, last_mount(&b), "the source cannot be opened: Permission denied");
  box_free(&b);
}

TEST(a_source_that_a_group_of_the_callers_reaches_is_bound_and_the_group_left_outside) {
  if (!have_helpers()) SKIP("no subordinate ids: newuidmap(1), subuid(5)");
  static const gid_t groups[] = {CLUB};
  make_club();
  apart_as_user(see_club_with_ranges, groups, 1);
  apart_as_user(see_club_with_one_id, groups, 1);
  apart_as_user(see_nothing, NULL, 0);
}

/* -- as root -- */

static const ctr_id_mapping holed_uids[] = {{0, 100000, 10}, {20, 200000, 5}, {1000, 300001, 1}};
static const ctr_id_mapping holed_gids[] = {{0, 400000, 6}, {100, 500000, 2}};

static box box_holed(void) {
  box b = box_mapped();
  b.config->linux_.uidMappings = (ctr_id_mappings){holed_uids, 3};
  b.config->linux_.gidMappings = (ctr_id_mappings){holed_gids, 2};
  if (chown(in_root(&b, ""), 100000, 400000)) test_fail(b.dir, 0, "cannot chown");
  make_open_dir(&b);
  return b;
}

TEST(files_made_inside_belong_to_the_mapped_ids_outside) {
  static const struct {
    uint32_t uid, gid, uid_outside, gid_outside;
  } rows[] = {{0, 0, 100000, 400000},
              {9, 5, 100009, 400005},
              {20, 100, 200000, 500000},
              {24, 101, 200004, 500001},
              {1000, 3, 300001, 400003}};
  box b = box_holed();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    b.config->process.user = (ctr_user){.uid = rows[i].uid, .gid = rows[i].gid};
    CHECK_RAN(box_run(&b, "make", text("/open/%zu", i)));
    check_owner(in_root(&b, text("open/%zu", i)), rows[i].uid_outside, rows[i].gid_outside);
    CHECK_RAN(box_run(&b, "stat", text("/open/%zu", i)));
    CHECK_HAS(b.out, text(" %u %u ", rows[i].uid, rows[i].gid));
  }
  CHECK_RAN(box_run(&b, "cat", "/proc/self/uid_map", "/proc/self/gid_map"));
  CHECK_STR(b.out,
            text("%s%s%s%s%s", map_line(0, 100000, 10), map_line(20, 200000, 5),
                 map_line(1000, 300001, 1), map_line(0, 400000, 6), map_line(100, 500000, 2)));
  box_free(&b);
}

TEST(nobody_can_be_who_is_in_a_hole_of_the_map) {
  static const uint32_t group = 50;
  static const uint32_t holes[] = {10, 19, 25, 999, 1001, 65536};
  const uint64_t caps = CTR_CAP(CHOWN);
  box b = box_holed();
  for (size_t i = 0; i < sizeof holes / sizeof *holes; i++) {
    b.config->process.user = (ctr_user){.uid = holes[i]};
    CHECK_REFUSED(box_run(&b, "self"), "process.user.uid", "is not mapped by linux.uidMappings");
  }
  b.config->process.user = (ctr_user){.gid = 6};
  CHECK_REFUSED(box_run(&b, "self"), "process.user.gid", "is not mapped by linux.gidMappings");
  b.config->process.user = (ctr_user){.additionalGids = {&group, 1}};
  CHECK_REFUSED(box_run(&b, "self"), "process.user.additionalGids[0]", "is not mapped");
  b.config->process.user = (ctr_user){0};
  b.config->process.capabilities = (ctr_capabilities){caps, caps, 0, caps, 0};
  CHECK_RAN(box_run(&b, "make", "/a"));
  CHECK_RAN(box_run(&b, "give", "10:0:/a", "0:6:/a", "24:101:/a"));
  CHECK_STR(b.out, "/a EINVAL\n/a EINVAL\n/a given\n");
  check_owner(in_root(&b, "a"), 200004, 500001);
  box_free(&b);
}

/* -- streams and terminals -- */

/* A container with a user namespace that others can join. */
typedef struct holder {
  box box;
  ctr_plan *plan;
  ctr_process *process;
} holder;

static void start(holder *h, const ctr_process_desc *desc) {
  box *b = &h->box;
  b->plan = (ctr_plan_desc){.bundle = b->dir, .die_with_caller = true};
  if (ctr_plan_new(b->config, &b->plan, &h->plan, &b->err) ||
      ctr_process_new(h->plan, desc, &h->process, &b->err) ||
      ctr_process_start(h->process, &b->err))
    test_fail(__FILE__, __LINE__, "%s", b->err.msg);
}

static void finish(holder *h) {
  ctr_process_terminate(h->process, NULL);
  ctr_process_free(h->process);
  ctr_plan_free(h->plan);
  box_free(&h->box);
}

static void join_users(box *b, const holder *h) {
  ctr_namespaces *all = &b->config->linux_.namespaces;
  const char *path =
      ctr__arena_strdup(&b->mem, text("/proc/%d/ns/user", ctr_process_pid(h->process)));
  ctr_namespace *items = ctr__arena_array(&b->mem, all->count, sizeof *items);
  for (size_t i = 0; i < all->count; i++) {
    items[i] = all->items[i];
    if (items[i].type == CTR_NS_USER) items[i].path = path;
  }
  *all = (ctr_namespaces){items, all->count};
  b->config->linux_.uidMappings = b->config->linux_.gidMappings = (ctr_id_mappings){0};
}

static void check_pipes(box *b, uint32_t uid, uint32_t gid) {
  b->config->process.capabilities = (ctr_capabilities){0};
  CHECK_RAN(box_run(b, "try", "/proc/self/fd/1", "/proc/self/fd/2"));
  CHECK_STR(b->out, "/proc/self/fd/1 open\n/proc/self/fd/2 open\n");
  b->input = "fed";
  CHECK_RAN(box_run(b, "cat", "/proc/self/fd/0"));
  CHECK_STR(b->out, "fed");
  holder h = {.box = *b};
  b->config->process.args = CTR_STRS("/probe", "wait");
  start(&h, &(ctr_process_desc){.stdio = CTR_STDIO_PIPES});
  for (int fd = 0; fd < 3; fd++) {
    struct stat st = {0};
    CHECK(stat(text("/proc/%d/fd/%d", ctr_process_pid(h.process), fd), &st) == 0);
    CHECK_MSG(S_ISFIFO(st.st_mode) && st.st_uid == uid && st.st_gid == gid, "%d belongs to %u:%u",
              fd, st.st_uid, st.st_gid);
  }
  finish(&h);
}

TEST(pipes_belong_to_the_process_in_a_new_user_namespace) {
  static const ctr_user users[] = {{.uid = 0, .gid = 0}, {.uid = 24, .gid = 101}};
  static const uint32_t outside[][2] = {{100000, 400000}, {200004, 500001}};
  for (int i = 0; i < 2; i++) {
    box b = box_holed();
    b.config->process.user = users[i];
    check_pipes(&b, outside[i][0], outside[i][1]);
  }
}

TEST(pipes_belong_to_the_process_in_a_user_namespace_that_is_joined) {
  static const ctr_user users[] = {{.uid = 0, .gid = 0}, {.uid = 24, .gid = 101}};
  static const uint32_t outside[][2] = {{100000, 400000}, {200004, 500001}};
  holder h = {.box = box_holed()};
  h.box.config->process.args = CTR_STRS("/probe", "wait");
  start(&h, NULL);
  for (int i = 0; i < 2; i++) {
    box b = box_holed();
    join_users(&b, &h);
    b.config->process.user = users[i];
    check_pipes(&b, outside[i][0], outside[i][1]);
  }
  box b = box_holed();
  join_users(&b, &h);
  b.config->process.user = (ctr_user){.uid = 10};
  box_run(&b, "self");
  CHECK_REFUSED(&b, "process.user", "give the pipes of its streams to its uid 10 and gid 0");
  box_free(&b);
  finish(&h);
}

/* What it says on a terminal of its own, to whom that belongs outside in *ret_uid. */
static const char *on_terminal(box *b, uint32_t *ret_uid) {
  static char said[4096];
  struct stat st = {0};
  size_t len = 0;
  holder h = {.box = *b};
  b->config->process.terminal = true;
  b->config->process.args = CTR_STRS("/probe", "terminal");
  start(&h, NULL);
  int console = ctr_process_console(h.process);
  ssize_t n;
  while (len < sizeof said - 1 && (n = read(console, said + len, sizeof said - 1 - len)) > 0)
    len += (size_t)n;
  said[len] = '\0';
  ctr_process_free(h.process);
  ctr_plan_free(h.plan);
  h.process = NULL;
  h.plan = NULL;
  b->config->process.args = CTR_STRS("/probe", "wait");
  start(&h, NULL);
  CHECK(!stat(text("/proc/%d/root/dev/pts/0", ctr_process_pid(h.process)), &st));
  *ret_uid = st.st_uid;
  finish(&h);
  return said;
}

static void check_terminal(box b, ctr_user user, uint32_t uid_outside) {
  uint32_t outside = 1;
  b.config->process.user = user;
  const char *said = on_terminal(&b, &outside);
  CHECK_HAS(said, text("owner %u 06", user.uid));
  CHECK_HAS(said, "tty0 /dev/pts/0\r\n");
  CHECK_HAS(said, "controlling ours");
  CHECK_NUM(outside, uid_outside);
}

TEST(a_terminal_belongs_to_the_process_in_a_user_namespace) {
  check_terminal(box_mapped(), (ctr_user){.uid = 0}, me().root_uid);
}

TEST(a_terminal_belongs_to_another_id_of_the_map) {
  box b = box_mapped();
  uint32_t outside = 0;
  CHECK(ctr__id_mapped(b.config->linux_.uidMappings, 1000, &outside));
  check_terminal(b, (ctr_user){.uid = 1000, .gid = 1000}, outside);
}

static void check_joined_terminal(ctr_user user, uint32_t uid_outside) {
  holder h = {.box = box_mapped()};
  h.box.config->process.args = CTR_STRS("/probe", "wait");
  start(&h, NULL);
  box b = box_mapped();
  join_users(&b, &h);
  check_terminal(b, user, uid_outside);
  finish(&h);
}

TEST(a_terminal_belongs_to_the_process_in_a_user_namespace_that_is_joined) {
  check_joined_terminal((ctr_user){.uid = 0}, me().root_uid);
}

TEST(a_terminal_belongs_to_another_id_of_the_map_that_is_joined) {
  box b = box_mapped();
  uint32_t outside = 0;
  CHECK(ctr__id_mapped(b.config->linux_.uidMappings, 1000, &outside));
  check_joined_terminal((ctr_user){.uid = 1000, .gid = 1000}, outside);
  box_free(&b);
}

/* -- maps that are written from inside a user namespace -- */

/* Runs it as root of a new user namespace, with the ids given mapped there. */
static void inside(uint32_t uid, uint32_t gid, uint32_t count, void (*run)(void)) {
  int ready[2], go[2], status = -1;
  char c = 'x';
  CHECK(!pipe(ready) && !pipe(go));
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWUSER) || write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 1 ||
        setresgid(0, 0, 0) || setresuid(0, 0, 0) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
      _exit(3);
    run();
    fflush(stdout);
    _exit(test_failures != 0);
  }
  CHECK(read(ready[0], &c, 1) == 1);
  put_file(text("/proc/%d/setgroups", pid), me().setgroups);
  put_file(text("/proc/%d/uid_map", pid), text("0 %u %u", uid, count));
  put_file(text("/proc/%d/gid_map", pid), text("0 %u %u", gid, count));
  CHECK(write(go[1], &c, 1) == 1);
  waitpid(pid, &status, 0);
  CHECK_NUM(status, 0);
  for (int i = 0; i < 2; i++) close(ready[i]), close(go[i]);
}

static void nested_ranges(void) {
  box b = box_new();
  CHECK_RAN(box_run(&b, "cat", "/proc/self/uid_map", "/proc/self/gid_map"));
  CHECK_STR(b.out, text("%s%s", map_line(0, 0, 65536), map_line(0, 0, 65536)));
  static const ctr_id_mapping map[] = {{0, 1000, 10}, {50, 65535, 1}};
  b.config->linux_.uidMappings = b.config->linux_.gidMappings = (ctr_id_mappings){map, 2};
  CHECK(!chown(in_root(&b, ""), 1000, 1000));
  CHECK_RAN(box_run(&b, "cat", "/proc/self/uid_map", "/proc/self/setgroups"));
  CHECK_STR(b.out, text("%s%sallow\n", map_line(0, 1000, 10), map_line(50, 65535, 1)));
  make_open_dir(&b);
  b.config->process.user = (ctr_user){.uid = 50, .gid = 5};
  CHECK_RAN(box_run(&b, "make", "/open/made"));
  check_owner(in_root(&b, "open/made"), 65535, 1005);
  static const ctr_id_mapping too_many[] = {{0, 1000, 10}, {50, 65535, 2}};
  b.config->linux_.uidMappings = (ctr_id_mappings){too_many, 2};
  CHECK_REFUSED(box_run(&b, "self"), "linux.uidMappings[1]",
                "hostID 65535 and the 1 after it are not all ids of the caller's own user "
                "namespace (/proc/self/uid_map)");
  box_free(&b);
}

static void nested_single_id(void) {
  box b = box_new();
  CHECK_RAN(box_run(&b, "cat", "/proc/self/uid_map", "/proc/self/gid_map"));
  CHECK_STR(b.out, text("%s%s", map_line(0, 0, 1), map_line(0, 0, 1)));
  box_free(&b);
}

/* As runtimes leave it to a program: root, but without what mapping root takes. */
static void nested_without_setfcap(void) {
  struct {
    uint32_t version;
    int32_t pid;
  } head = {0x20080522, 0};
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2];
  CHECK(!syscall(SYS_capget, &head, data));
  data[0].effective = data[0].permitted &= ~(1U << 31); /* CAP_SETFCAP */
  CHECK(!syscall(SYS_capset, &head, data));
  box b = box_new();
  CHECK_REFUSED(box_run(&b, "self"), "linux.uidMappings", "takes CAP_SETFCAP");
  box_free(&b);
}

TEST(maps_of_a_map_are_written_from_inside_a_user_namespace) {
  char saved[200], dir[256];
  snprintf(saved, sizeof saved, "%s", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
  snprintf(dir, sizeof dir, "%s/nested", saved);
  CHECK(!mkdir(dir, 0755) && !chown(dir, 100000, 100000));
  setenv("TMPDIR", dir, 1);
  inside(100000, 100000, 65536, nested_ranges);
  setenv("TMPDIR", saved, 1);
}

/* -- ids that are given, but cannot be had -- */

enum { GIVEN = 200000, SOMEBODY = 1000 };

/* Somebody with a range, who is the machine's only user. */
static void put_somebody(void) {
  if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
      mount("t", "/etc", "tmpfs", 0, "mode=755"))
    _exit(3);
  put_file("/etc/passwd",
           text("root:x:0:0::/:/bin/sh\nsomebody:x:%d:%d::/:/bin/sh\n", SOMEBODY, SOMEBODY));
  put_file("/etc/subuid", text("somebody:%d:%d\n", GIVEN, COUNT));
  put_file("/etc/subgid", text("somebody:%d:%d\n", GIVEN, COUNT));
}

/* Root, newuidmap(1) and somebody are there, and nobody else. */
static void enter_small_userns(void) {
  int ready[2], status = -1;
  char c = 'x';
  const pid_t own = getpid();
  if (pipe(ready)) _exit(3);
  const pid_t writer = fork();
  if (writer == 0) {
    const char *map = text("0 0 1\n%d %d 1\n", SOMEBODY, SOMEBODY);
    if (read(ready[0], &c, 1) != 1) _exit(3);
    put_file(text("/proc/%d/uid_map", own), map);
    put_file(text("/proc/%d/gid_map", own), map);
    _exit(test_failures != 0);
  }
  if (unshare(CLONE_NEWUSER) || write(ready[1], &c, 1) != 1 ||
      waitpid(writer, &status, 0) != writer || status)
    _exit(3);
  close(ready[0]);
  close(ready[1]);
}

static void drop_bound(void) {
  if (prctl(PR_CAPBSET_DROP, 21 /* CAP_SYS_ADMIN */, 0, 0, 0)) _exit(3);
}

/* What the default config maps for somebody after arrange; it has to start. */
static void check_default_of_somebody(void (*arrange)(void), const char *map) {
  char dir[300], old[256];
  int status = -1;
  snprintf(old, sizeof old, "%s", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
  snprintf(dir, sizeof dir, "%s/somebody.XXXXXX", old);
  CHECK(mkdtemp(dir) && !chown(dir, SOMEBODY, SOMEBODY));
  fflush(stdout);
  const pid_t pid = fork();
  if (pid == 0) {
    setenv("TMPDIR", dir, 1);
    put_somebody();
    if (arrange) arrange();
    if (setgroups(0, NULL) || setresgid(SOMEBODY, SOMEBODY, SOMEBODY) ||
        setresuid(SOMEBODY, SOMEBODY, SOMEBODY) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
      _exit(3);
    box b = box_new();
    CHECK_RAN(box_run(&b, "cat", "/proc/self/uid_map", "/proc/self/gid_map"));
    CHECK_STR(b.out, text("%s%s", map, map));
    box_free(&b);
    fflush(stdout);
    _exit(test_failures != 0);
  }
  waitpid(pid, &status, 0);
  CHECK_NUM(status, 0);
}

TEST(ids_that_are_given_but_cannot_be_had_are_not_in_the_default) {
  char one[100], several[200];
  if (access("/usr/bin/newuidmap", X_OK)) SKIP("newuidmap is not installed");
  snprintf(one, sizeof one, "%s", map_line(0, SOMEBODY, 1));
  snprintf(several, sizeof several, "%s%s", one, map_line(1, GIVEN, COUNT));
  check_default_of_somebody(NULL, several); /* else it would be for another reason */
  check_default_of_somebody(enter_small_userns, one);
  check_default_of_somebody(drop_bound, one);
}

TEST(a_single_id_is_mapped_again_from_inside_a_user_namespace) {
  inside(geteuid(), getegid(), 1, nested_single_id);
  inside(geteuid(), getegid(), 1, nested_without_setfcap);
}

TEST_MAIN
