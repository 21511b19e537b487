/* Plans of containers and of what is executed in them: which steps, in which lane and order, on
   made-up machines (plan.h). What each field becomes: test_plan.c. */
#include "plan.h"

#define ALL_NS                                                                                     \
  MOUNT_NS ",{'type':'pid'},{'type':'network'},{'type':'ipc'},{'type':'uts'},{'type':'cgroup'},"   \
           "{'type':'time'}"

/* The text is these lines and no others. */
static void check_whole(const char *is, const char *should) {
  size_t same = 0, line = 0;
  while (should[same] && is[same] == should[same]) line = is[same++] == '\n' ? same : line;
  CHECK_MSG(is[same] == should[same], "is \"%.*s\", should be \"%.*s\"",
            (int)strcspn(is + line, "\n"), is + line, (int)strcspn(should + line, "\n"),
            should + line);
}

/* Takes the lines that have a part out of a text. */
static void without_lines(char *text, const char *part) {
  for (char *found; (found = strstr(text, part)) != NULL;) {
    char *from = found, *to = found + strcspn(found, "\n");
    while (from > text && from[-1] != '\n') from--;
    to += *to == '\n';
    memmove(from, to, strlen(to) + 1);
  }
}

static size_t count_of(enum ctr__kind kind) {
  size_t count = 0;
  for (uint32_t i = 0; now.plan && i < now.plan->step_count; i++)
    count += ctr__plan_step(now.plan, i)->kind == kind;
  return count;
}

/* -- making one -- */

#define SYNC_MAPPED "both    sync: the parent has set up what only it may  [unix(7)]\n"
#define STREAMS                                                                                    \
  "child   take the standard streams  [dup2(2)]\n"                                                 \
  "child   close every other descriptor  [close_range(2)]\n"                                       \
  "child   default signal handlers, none blocked  [signal(7)]\n"
#define SESSION                                                                                    \
  "child   start a new session  [setsid(2)]\n"                                                     \
  "child   join a new session keyring  [keyrings(7)]\n"
#define IDENTITY                                                                                   \
  "child   go back to the caller's umask  [umask(2)]\n"                                            \
  "child   close the host's procfs and what the root was made with  [close(2)]\n"                  \
  "child   enter / while still root, if root may  <- process.cwd  [chdir(2)]\n"                    \
  "child   give pipes among its streams to uid 0, where it may  <- process.user  [fchown(2)]\n"    \
  "child   bound capabilities to none  <- process.capabilities.bounding  [capabilities(7)]\n"      \
  "child   become uid 0, gid 0, groups []  <- process.user  [setresuid(2)]\n"                      \
  "child   keep capabilities none; permitted none; inheritable none  <- process.capabilities"      \
  "  [capset(2)]\n"                                                                                \
  "child   ambient capabilities none  <- process.capabilities.ambient  [capabilities(7)]\n"
#define UNSEEN "child   be out of reach of ptrace until execve  [prctl(2)]\n"
#define CONCEALED                                                                                  \
  "child   show nothing of the caller's name, command line and environment  "                      \
  "[proc_pid_cmdline(5)]\n"
#define PROGRAM                                                                                    \
  "child   enter / and see that it lies inside  <- process.cwd  [getcwd(2)]\n"                     \
  "child   find the program /p  <- process.args[0]  [execvp(3)]\n"
#define EXECUTE "child   execute /p  <- process.args[0]  [execve(2)]\n"

/* Everything that outlives a kill is made after it was written down. */
TEST(a_container_that_is_created_reads_like_this) {
  PLAN(CREATE, SPACES("{'type':'uts'},{'type':'cgroup'}"));
  without_lines(now.text, UNSEEN);
  check_whole(
      now.text,
      "parent  write the state down, before there is anything to be found by it"
      "  [OCI runtime.md]\n"
      "parent  make the cgroup /dev/null/v1/freezer/ctr-box  <- linux.cgroupsPath"
      "  [cgroups(7)]\n"
      "parent  clone into new namespaces: uts  <- linux.namespaces  [clone(2)]\n"
      "parent  write the state down, with the process in it  [OCI runtime.md]\n"
      "parent  move the process into the cgroup /dev/null/v1/freezer/ctr-box"
      "  <- linux.cgroupsPath  [cgroups(7)]\n" SYNC_MAPPED STREAMS
      "child   open the procfs that settings are written to  [proc(5)]\n"
      "child   enter a new cgroup namespace  <- linux.namespaces  [cgroup_namespaces(7)]\n" SESSION
      "child   open the root directory /r  <- root.path  [open(2)]\n"
      "child   chroot into it  <- root.path  [chroot(2)]\n" IDENTITY CONCEALED PROGRAM
      "both    sync: created, then left alone  [unix(7)]\n"
      "child   wait to be started  [OCI runtime.md]\n"
      "child   tell who starts it that nothing is left to do  [unix(7)]\n" EXECUTE);
  CHECK_STR(now.warnings, "");
}

TEST(all_namespaces_are_made_and_the_ids_mapped_before_it_is_written_down) {
  PLAN(CREATE, SPACES(ALL_NS ",{'type':'user'}"));
  check_lines(
      "all", now.text,
      "parent  write the state down\nparent  make the cgroup\n"
      "parent  clone into new namespaces: pid,network,mount,ipc,uts,user  <-\n"
      "to /proc/PID/uid_map\nto /proc/PID/gid_map\nparent  write the state down\n"
      "parent  move the process into the cgroup\nboth    sync\n"
      "child   enter a new cgroup namespace\nchild   enter a new time namespace\n"
      "child   become uid 0 and gid 0 of the user namespace\nchild   bring up the loopback\n"
      "pivot_root(2)\nboth    sync: created\nexecute");
}

/* Before anything of the image is seen, and before the last of the host's is let go. */
TEST(one_that_is_created_cannot_be_looked_into_while_it_waits) {
  PLAN(CREATE, SPACES(ALL_NS ",{'type':'user'}"));
  check_lines(
      "all", now.text,
      "become uid 0, gid 0\nbe out of reach of ptrace\n"
      "show nothing of the caller's name, command line and environment\nwait to be started");
  /* Who may not trace it could not join it: only the program that it becomes is in its way. */
  PLAN(CREATE, SPACES(ALL_NS ",{'type':'user'}"), .facts = &user_facts);
  CHECK(!count_of(CTR__STEP_UNDUMPABLE));
  CHECK_HAS(now.text, "show nothing of the caller's");
}

/* A hook of the container is a program of the image, and would have the rights to. */
TEST(hooks_of_the_container_cannot_look_into_it_before_it_executes) {
  static const char hooks[] = ",'hooks':{'startContainer':[{'path':'/s'}]}";
  PLAN(RUN, SPACES(ALL_NS), .top = hooks);
  check_lines("run", now.text,
              "become uid 0, gid 0\nshow nothing of the caller's\nbe out of reach of ptrace\n"
              "run the hook /s");
  PLAN(CREATE, SPACES(ALL_NS ",{'type':'user'}"), .facts = &user_facts, .top = hooks);
  check_lines("create", now.text,
              "show nothing of the caller's\nwait to be started\nbe out of reach of ptrace\n"
              "run the hook /s");
  PLAN(RUN, SPACES(ALL_NS));
  CHECK(!count_of(CTR__STEP_UNDUMPABLE));
  CHECK(!count_of(CTR__STEP_CONCEAL));
}

/* It shares the host's: others there may have its rights. */
TEST(without_a_pid_namespace_of_its_own_nobody_looks_into_it) {
  PLAN(RUN, SPACES(MOUNT_NS));
  check_lines("run", now.text, "become uid 0, gid 0\nbe out of reach of ptrace\nexecute");
}

/* Somebody who shares the caller's is root as well: from the first moment, and again when ids have
   changed. */
TEST(where_others_may_be_root_nobody_looks_into_what_root_starts) {
  PLAN(RUN, SPACES(ALL_NS), .facts = &pid_root_facts);
  check_lines("run", now.text,
              "sync: the parent\nbe out of reach of ptrace\ntake the standard streams\n"
              "become uid 0, gid 0\nbe out of reach of ptrace\nexecute");
  CHECK(count_of(CTR__STEP_UNDUMPABLE) == 2 && !count_of(CTR__STEP_DUMPABLE));
  CHECK(!count_of(CTR__STEP_STAGE));
  /* In a user namespace of root's that moment is the clone. */
  PLAN(RUN, SPACES(ALL_NS ",{'type':'user'}"), .facts = &pid_root_facts);
  check_lines("a user namespace", now.text,
              "parent  clone an intermediate process that cannot be looked into\n"
              "stage   be out of reach of ptrace\nstage   clone into new namespaces: pid\n"
              "parent  learn the pid and reap\nwrite '0 0 1 '\nsync: the parent\n"
              "child   take the standard streams\nchild   be out of reach of ptrace\nexecute");
  PLAN(RUN, SPACES(ALL_NS ",{'type':'user'}"), .facts = &user_facts);
  CHECK(!count_of(CTR__STEP_STAGE));
}

/* It may use the caller's arguments. */
TEST(a_function_keeps_the_callers_command_line) {
  PLAN(EXEC, SPACES(ALL_NS), .desc = {.call_function = true});
  CHECK_HAS(now.text, "stage   be out of reach of ptrace");
  CHECK(!count_of(CTR__STEP_CONCEAL));
}

TEST(one_that_runs_is_one_that_is_created_without_the_stop) {
  static const char hooks[] = ",'hooks':{'startContainer':[{'path':'/s'}],"
                              "'createContainer':[{'path':'/c'}],'prestart':[{'path':'/b'}]}";
  static const char *const spaces[] = {"", MOUNT_NS, ALL_NS, ALL_NS ",{'type':'user'}"};
  for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++) {
    PLAN(CREATE, .namespaces = spaces[i], .top = hooks);
    char *created = strdup(now.text);
    CHECK(count_of(CTR__STEP_WAIT_START) == 1 && count_of(CTR__STEP_TELL_STARTED) == 1);
    without_lines(created, "sync: created");
    without_lines(created, "wait to be started");
    without_lines(created, "tell who starts it");
    without_lines(created, "out of reach of ptrace");
    without_lines(created, "show nothing of the caller's");
    PLAN(RUN, .namespaces = spaces[i], .top = hooks);
    without_lines(now.text, "out of reach of ptrace");
    without_lines(now.text, "show nothing of the caller's");
    check_whole(now.text, created);
    CHECK(count_of(CTR__STEP_RECORD) == 1);
    free(created);
  }
}

TEST(a_process_of_its_own_has_none_of_it) {
  PLAN(SPACES(ALL_NS));
  CHECK(now.plan && !count_of(CTR__STEP_RECORD) && !count_of(CTR__STEP_MAKE_CGROUP) &&
        !count_of(CTR__STEP_ENTER_CGROUP) && !count_of(CTR__STEP_WAIT_START));
  check_lines("none", now.text, "clone into new namespaces: pid,network,mount,ipc,uts,cgroup  <-");
}

TEST(moments_and_hooks_share_a_stop) {
  PLAN(CREATE, .top = ",'hooks':{'prestart':[{'path':'/h'}]}",
       .desc.moments = CTR_MOMENT_HOOKS | CTR_MOMENT_READY);
  check_lines("both", now.text,
              "sync: namespaces and mounts are made\nrun the hook /h\nsync: resume\n"
              "sync: ready, then run\nsync: created, then left alone\nwait to be started");
  check_num("is a moment", CTR__STEP_SYNC, 0, CTR__SYNC_MAPPED);
  size_t moments = 0;
  for (uint32_t i = 0; now.plan && i < now.plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(now.plan, i);
    moments += step->kind == CTR__STEP_SYNC && step->num[1];
  }
  CHECK_NUM(moments, 2);
  PLAN(CREATE, .top = ",'hooks':{'prestart':[{'path':'/h'}]}");
  for (uint32_t i = 0; now.plan && i < now.plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(now.plan, i);
    CHECK(step->kind != CTR__STEP_SYNC || !step->num[1]); /* nobody asked to be called */
  }
}

/* -- cgroups -- */

/* The cgroups that are made, joined by blanks, or what was refused; those entered are the same. */
static const char *cgroups(void) {
  static char made[1024], entered[1024];
  made[0] = entered[0] = '\0';
  if (now.code) return now.text;
  for (uint32_t i = 0; i < now.plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(now.plan, i);
    char *to = step->kind == CTR__STEP_MAKE_CGROUP    ? made
               : step->kind == CTR__STEP_ENTER_CGROUP ? entered
                                                      : NULL;
    if (!to) continue;
    CHECK_NUM(step->lane, CTR__LANE_PARENT);
    snprintf(to + strlen(to), sizeof made - strlen(to), "%s%s", *to ? " " : "",
             ctr__plan_str(now.plan, step->str[0]));
  }
  CHECK_STR(entered, made);
  return made;
}

static const char *with_path(const char *path) {
  static char linux_[256];
  snprintf(linux_, sizeof linux_, ",'cgroupsPath':'%s'", path);
  PLAN(CREATE, .linux_ = linux_);
  return cgroups();
}

TEST(a_cgroup_is_where_it_was_asked_for_in_every_hierarchy) {
  CHECK_STR(with_path("/a/b"), "/dev/null/v1/pids/a/b /dev/null/v1/freezer/a/b /dev/null/v2/a/b");
  CHECK_STR(with_path("//a"), "/dev/null/v1/pids/a /dev/null/v1/freezer/a /dev/null/v2/a");
  CHECK_STR(with_path("a/b"), "/dev/null/v1/pids/own/a/b /dev/null/v1/freezer/own/a/b "
                              "/dev/null/v2/user.slice/a/b"); /* below the caller's */
  CHECK_STR(with_path("..."), "/dev/null/v1/pids/own/... /dev/null/v1/freezer/own/... "
                              "/dev/null/v2/user.slice/...");
  CHECK_STR(now.warnings, "");
}

/* Only v2 has it, and only where the kernel can: clone(2), CLONE_INTO_CGROUP. Not in namespaces
   that are joined: from there the path may lead elsewhere. */
TEST(the_process_is_born_in_its_cgroup_of_v2) {
  static const ctr__facts facts = {.initial_userns = true,
                                   .caps = ALL_CAPS,
                                   .permitted = ALL_CAPS,
                                   .bounding = ALL_CAPS,
                                   .features = ALL_FEATURES | CTR_FEATURE_CLONE_INTO_CGROUP,
                                   .hard_limit = LIMITS};
  PLAN(CREATE, .facts = &facts);
  check_lines("alone", now.text,
              "make the cgroup /dev/null/v2/ctr-box  <-\n"
              "clone into new namespaces: mount, in the cgroup /dev/null/v2/ctr-box  <-");
  CHECK(!count_of(CTR__STEP_ENTER_CGROUP) && count_of(CTR__STEP_MAKE_CGROUP) == 1);
  PLAN(CREATE, .facts = &facts, .linux_ = ",'cgroupsPath':'/a'",
       SPACES(MOUNT_NS ",{'type':'ipc','path':'/i'}"));
  check_lines("with a stage", now.text,
              "make the cgroup /dev/null/v2/a  <-\n"
              "clone an intermediate process that joins namespaces  <-\n"
              "clone into new namespaces: mount  <-\n"
              "move the process into the cgroup /dev/null/v1/pids/a  <-\n"
              "move the process into the cgroup /dev/null/v1/freezer/a  <-\n"
              "move the process into the cgroup /dev/null/v2/a  <-");
  CHECK_NUM(count_of(CTR__STEP_ENTER_CGROUP), 3);
  ctr__facts shared = facts;
  shared.is_pid_root = true;
  PLAN(CREATE, .facts = &shared, SPACES(USER_NS));
  check_lines(
      "with a stage that joins nothing", now.text,
      "clone an intermediate process that cannot be looked into  <-\n"
      "stage   clone into new namespaces: mount,user, in the cgroup /dev/null/v2/ctr-box  <-");
  CHECK(!count_of(CTR__STEP_ENTER_CGROUP));
}

/* A relative "." is the caller's own cgroup, an absolute one everybody's: to delete the container
   would be to kill all that are in it. */
TEST(a_path_that_is_no_cgroup_of_its_own_is_refused) {
  static const char *const paths[] = {"",     "/",      "//",   "..",    "../a", "/../a", "a/..",
                                      "a/..", "a/../b", "/..",  "a/../", "./..", ".",     "/.",
                                      "./",   "a/b/..", "/./.", "a/.",   "././"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    with_path(paths[i]);
    CHECK_REFUSED(paths[i], CTR_E_CONFIG, "linux.cgroupsPath");
  }
}

/* Without a wish there is one where it is of use: to freeze, list and kill. */
TEST(a_cgroup_that_nobody_asked_for_is_named_after_the_container) {
  static const ctr__hierarchies v2_only = {.items = {{.mount_point = "/dev/null/v2",
                                                      .name = "v2",
                                                      .root = "/",
                                                      .options = "rw",
                                                      .v2 = true}},
                                           .count = 1,
                                           .membership = "0::/user.slice\n"};
  static const ctr__hierarchies none = {.membership = "0::/\n"};
  PLAN(CREATE);
  CHECK_STR(cgroups(), "/dev/null/v1/freezer/ctr-box");
  PLAN(RUN, .hierarchies = &v2_only);
  CHECK_STR(cgroups(), "/dev/null/v2/ctr-box");
  check_num("is v2", CTR__STEP_MAKE_CGROUP, 0, 1);
  PLAN(CREATE, .hierarchies = &none);
  CHECK_STR(cgroups(), "");
  PLAN(CREATE, .hierarchies = &none, .linux_ = ",'cgroupsPath':'/a'");
  CHECK_REFUSED("none is mounted", CTR_E_UNSUPPORTED, "linux.cgroupsPath");
}

TEST(what_is_hidden_by_another_mount_is_not_used) {
  static const ctr__hierarchies twice = {.items = {{.mount_point = "/dev/null/old/freezer",
                                                    .name = "freezer",
                                                    .root = "/",
                                                    .options = "rw,freezer"},
                                                   {.mount_point = "/dev/null/new/freezer",
                                                    .name = "freezer",
                                                    .root = "/",
                                                    .options = "rw,freezer"}},
                                         .count = 2,
                                         .v1_count = 2,
                                         .membership = "4:freezer:/own\n"};
  PLAN(CREATE, .hierarchies = &twice);
  CHECK_STR(cgroups(), "/dev/null/new/freezer/ctr-box");
}

TEST(the_controllers_go_with_the_cgroup) {
  with_path("/a");
  static const char *const controllers[] = {"rw,pids", "rw,freezer", ""};
  size_t found = 0;
  for (uint32_t i = 0; now.plan && i < now.plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(now.plan, i);
    if (step->kind != CTR__STEP_MAKE_CGROUP || found == 3) continue;
    CHECK_STR(ctr__plan_str(now.plan, step->str[1]), controllers[found]);
    CHECK_NUM(step->num[0], found == 2);
    found++;
  }
  CHECK_NUM(found, 3);
}

/* Nobody can write below /dev/null; where the machine grants it an ordinary user has a cgroup. */
TEST(an_ordinary_user_has_a_cgroup_where_it_can_be_made) {
  char mine[] = "/tmp/ctr-plan.XXXXXX", freezer[64], should[80];
  CHECK(mkdtemp(mine));
  snprintf(freezer, sizeof freezer, "%s/freezer", mine);
  snprintf(should, sizeof should, "%s/own/ctr-box", freezer);
  const ctr__hierarchies granted = {
      .items = {{.mount_point = freezer, .name = "freezer", .root = "/", .options = "rw,freezer"}},
      .count = 1,
      .v1_count = 1,
      .membership = "4:freezer:/own\n"};
  PLAN(CREATE, SPACES(USER_NS), .facts = &user_facts, .hierarchies = &granted);
  CHECK_STR(cgroups(), should);
  CHECK_STR(now.warnings, "");
  PLAN(CREATE, SPACES(USER_NS ",{'type':'pid'}"), .facts = &user_facts);
  CHECK_STR(cgroups(), "");
  CHECK_STR(now.warnings, ""); /* nobody asked for it */
  PLAN(CREATE, SPACES(USER_NS), .facts = &user_facts, .linux_ = ",'cgroupsPath':'/a'");
  CHECK_STR(cgroups(), "");
  CHECK_HAS(now.warnings, "linux.cgroupsPath;");
  PLAN(CREATE, SPACES(USER_NS), .facts = &nested_facts); /* root there is an ordinary user */
  CHECK_STR(cgroups(), "");
  rmdir(mine);
}

/* Nothing would end what it leaves running. */
TEST(neither_a_cgroup_nor_a_pid_namespace_is_worth_a_warning) {
  PLAN(CREATE, SPACES(USER_NS), .facts = &user_facts);
  CHECK_STR(now.warnings, "linux.namespaces;");
  PLAN(CREATE, SPACES(USER_NS ",{'type':'pid','path':'/proc/1/ns/pid'}"), .facts = &user_facts);
  CHECK_STR(now.warnings, "linux.namespaces;");
  PLAN(CREATE, .desc.no_cgroup = true);
  CHECK_STR(now.warnings, "linux.namespaces;");
  PLAN(RUN, .desc.no_cgroup = true);
  CHECK_STR(now.warnings, "linux.namespaces;");
  PLAN(SPACES(MOUNT_NS));
  CHECK_STR(now.warnings, "");
  PLAN(CREATE);
  CHECK_STR(now.warnings, "");
}

TEST(no_cgroup_is_made_where_none_is_wanted) {
  PLAN(CREATE, SPACES(ALL_NS), .linux_ = ",'cgroupsPath':'/a'", .desc.no_cgroup = true);
  CHECK_STR(cgroups(), "");
  CHECK_STR(now.warnings, "linux.cgroupsPath;");
  check_lines("a cgroup namespace is made at once", now.text,
              "clone into new namespaces: pid,network,mount,ipc,uts,cgroup  <-");
  CHECK(!count_of(CTR__STEP_CGROUP_NAMESPACE));
}

/* cgroup_namespaces(7): its root is the cgroup that its maker is in. */
TEST(a_cgroup_namespace_is_made_inside_the_cgroup) {
  PLAN(CREATE, SPACES(MOUNT_NS ",{'type':'cgroup'}"));
  check_lines(
      "made late", now.text,
      "clone into new namespaces: mount  <-\nmove the process into the cgroup\nboth    sync\n"
      "child   enter a new cgroup namespace\nstart a new session");
  PLAN(CREATE, SPACES(MOUNT_NS ",{'type':'cgroup','path':'/ns'}"));
  CHECK(now.plan && !count_of(CTR__STEP_CGROUP_NAMESPACE)); /* that one shows what it shows */
}

TEST(a_mount_of_type_cgroup_shows_the_containers_own) {
  PLAN(CREATE, .mounts = "{'destination':'/c','type':'cgroup'}");
  check_lines("v1", now.text,
              "mount tmpfs on /c\nbind /dev/null/v1/pids/own on /c/pids\n"
              "bind /dev/null/v1/freezer/ctr-box on /c/freezer\n"
              "bind /dev/null/v2/user.slice on /c/v2");
  PLAN(CREATE, .mounts = "{'destination':'/c','type':'cgroup'}", .linux_ = ",'cgroupsPath':'/a/b'");
  check_lines("v1", now.text, "bind /dev/null/v1/pids/a/b on /c/pids");
}

/* -- hooks -- */

static const char *const kinds[] = {"prestart",       "createRuntime", "createContainer",
                                    "startContainer", "poststart",     "poststop"};

TEST(hooks_without_an_id_are_refused_by_name) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    char top[128], field[64];
    snprintf(top, sizeof top, ",'hooks':{'%s':[{'path':'/h'}]}", kinds[i]);
    snprintf(field, sizeof field, "hooks.%s", kinds[i]);
    PLAN(.top = top);
    CHECK_REFUSED(kinds[i], CTR_E_UNSUPPORTED, field);
    CHECK_HAS(now.err.msg, "ctr_container_run");
    PLAN(.top = top, .desc.id = "box");
    if (!strncmp(kinds[i], "post", 4)) /* nobody would be there to run them */
      CHECK_REFUSED(kinds[i], CTR_E_UNSUPPORTED, field);
    else
      CHECK_MSG(now.plan, "%s", now.text);
    snprintf(top, sizeof top, ",'hooks':{'%s':[]}", kinds[i]);
    PLAN(.top = top);
    CHECK_MSG(now.plan, "%s", now.text);
  }
}

/* In the order of the specification, whatever that of the config; the ends of its life are no part
   of its making. */
TEST(hooks_are_in_the_lane_and_at_the_place_of_their_kind) {
  static const char top[] =
      ",'hooks':{'poststop':[{'path':'/6'}],'poststart':[{'path':'/5'}],"
      "'startContainer':[{'path':'/4a'},{'path':'/4b'}],'createContainer':[{'path':'/3'}],"
      "'createRuntime':[{'path':'/2a'},{'path':'/2b'}],'prestart':[{'path':'/1'}]}";
  PLAN(CREATE, .top = top, .linux_ = ",'maskedPaths':['/m']",
       .mounts = "{'destination':'/a','type':'tmpfs'}");
  check_lines("place", now.text,
              "mount tmpfs on /a\nboth    sync: namespaces and mounts are made\n"
              "parent  run the hook /1  <- hooks.prestart[0]\n"
              "parent  run the hook /2a  <- hooks.createRuntime[0]\n"
              "parent  run the hook /2b  <- hooks.createRuntime[1]\nboth    sync: resume\n"
              "child   run the hook /3  <- hooks.createContainer[0]\nmask /m\npivot_root(2)\n"
              "become uid 0\nwait to be started\n"
              "child   run the hook /4a  <- hooks.startContainer[0]\n"
              "child   run the hook /4b  <- hooks.startContainer[1]\n"
              "tell who starts it\nexecute");
  CHECK_NUM(count_of(CTR__STEP_HOOK), 6);
  PLAN(CREATE, .top = ",'hooks':{'createContainer':[{'path':'/3'}]}");
  CHECK(now.plan && !strstr(now.text, "sync: namespaces")); /* nothing to wait for */
  PLAN(EXEC, .top = top);
  CHECK(now.plan && !count_of(CTR__STEP_HOOK));
}

TEST(hooks_are_run_without_a_mount_namespace_too) {
  PLAN(CREATE, SPACES("{'type':'uts'}"),
       .top = ",'hooks':{'createRuntime':[{'path':'/2'}],'createContainer':[{'path':'/3'}]}");
  check_lines("no mounts", now.text,
              "open the root directory\nboth    sync: namespaces\nparent  run the hook /2\n"
              "both    sync: resume\nchild   run the hook /3\nchroot into it");
}

static const ctr__step *hook(size_t index) {
  for (uint32_t i = 0; now.plan && i < now.plan->step_count; i++)
    if (ctr__plan_step(now.plan, i)->kind == CTR__STEP_HOOK && !index--)
      return ctr__plan_step(now.plan, i);
  return NULL;
}

static const char *list_text(ctr__ref list) {
  static char text[256];
  text[0] = '\0';
  for (uint32_t i = 0; i < ctr__list_count(now.plan, list); i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "%s|",
             ctr__list_str(now.plan, list, i));
  return text;
}

TEST(a_hook_is_called_as_the_config_says) {
  PLAN(CREATE, .top = ",'hooks':{'prestart':[{'path':'/h','args':['other','', 'x y'],"
                      "'env':['A=1','B='],'timeout':3},{'path':'/i'}]}");
  const ctr__step *one = hook(0), *other = hook(1);
  CHECK(one && other);
  if (!one || !other) return;
  CHECK_STR(ctr__plan_str(now.plan, one->str[0]), "/h");
  CHECK_STR(list_text(one->str[1]), "other||x y|");
  CHECK_STR(list_text(one->str[2]), "A=1|B=|");
  CHECK_NUM(one->num[0], 3);
  CHECK_STR(list_text(other->str[1]), "/i|"); /* by its path, as execv(3) would have it */
  CHECK_STR(list_text(other->str[2]), "");    /* and not the caller's environment */
  CHECK_NUM(other->num[0], 0);
}

/* runtime.md "State": creating until everything is there, then created. */
TEST(a_hook_is_told_the_state_of_its_moment) {
  static const struct {
    ctr_status status;
    bool in_bundle;
  } rows[] = {{CTR_STATUS_CREATING, true},
              {CTR_STATUS_CREATING, true},
              {CTR_STATUS_CREATING, true},
              {CTR_STATUS_CREATED, false}}; /* inside there is no bundle to be run in */
  PLAN(CREATE, .top = ",'hooks':{'prestart':[{'path':'/1'}],'createRuntime':[{'path':'/2'}],"
                      "'createContainer':[{'path':'/3'}],'startContainer':[{'path':'/4'}]}");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const ctr__step *step = hook(i);
    CHECK_MSG(step && step->num[1] == (uint64_t)rows[i].status, "hook %zu: status %d", i,
              step ? (int)step->num[1] : -1);
    CHECK_MSG(step && step->num[2] == i, "hook %zu: is number %d", i,
              step ? (int)step->num[2] : -1);
    CHECK_MSG(step && step->num[3] == rows[i].in_bundle, "hook %zu", i);
  }
  PLAN(ONE_HOOK(POSTSTART, 0), .top = ",'hooks':{'poststart':[{'path':'/5'}]}");
  CHECK(now.plan && now.plan->step_count == 1 && hook(0)->num[1] == CTR_STATUS_RUNNING);
  PLAN(ONE_HOOK(POSTSTOP, 1), .top = ",'hooks':{'poststop':[{'path':'/6'},{'path':'/7'}]}");
  CHECK(now.plan && now.plan->step_count == 1 && hook(0)->num[1] == CTR_STATUS_STOPPED);
  CHECK(now.plan && hook(0)->num[2] == 0); /* its place in a plan of one */
}

TEST(what_hooks_are_told_is_in_the_plan_up_to_the_status) {
  PLAN(CREATE,
       .top = ",'annotations':{'a \\\"':'\\u00fc\\n'},"
              "'hooks':{'prestart':[{'path':'/1'}]}",
       .desc.bundle = "/b\"x");
  CHECK_STR(now.plan ? ctr__plan_str(now.plan, now.plan->state) : now.text,
            "{\"ociVersion\":\"1.3.0\",\"id\":\"box\",\"bundle\":\"/b\\\"x\","
            "\"annotations\":{\"a \\\"\":\"\xc3\xbc\\n\"},\"status\":\"");
  CHECK_STR(now.plan ? ctr__plan_str(now.plan, now.plan->bundle) : now.text, "/b\"x");
  PLAN(EXEC);
  CHECK(now.plan && !now.plan->state);
}

TEST(so_many_hooks_and_no_more) {
  static char top[4096];
  for (int count = 64; count <= 65; count++) {
    int len = snprintf(top, sizeof top, ",'hooks':{'poststop':[{'path':'/h'}],'prestart':[");
    for (int i = 1; i < count; i++)
      len += snprintf(top + len, sizeof top - (size_t)len, "%s{'path':'/h'}", i > 1 ? "," : "");
    snprintf(top + len, sizeof top - (size_t)len, "]}");
    PLAN(CREATE, .top = top);
    if (count == 64)
      CHECK_MSG(now.plan && count_of(CTR__STEP_HOOK) == 63, "%s", now.err.msg);
    else
      CHECK_REFUSED("65", CTR_E_UNSUPPORTED, "hooks");
  }
}

/* -- terminals -- */

TEST(a_terminal_is_made_before_the_root_is_entered_and_handed_out) {
  PLAN(CREATE, .process = ",'terminal':true,'user':{'uid':7}",
       .mounts = "{'destination':'/dev','type':'tmpfs'}",
       .top = ",'hooks':{'prestart':[{'path':'/h'}]}");
  check_lines("order", now.text,
              "mount tmpfs on /dev\nlink /dev/ptmx\n"
              "child   make a terminal, also as /dev/console  <- process.terminal\n"
              "parent  take the other end of the terminal  <- process.terminal\n"
              "both    sync: namespaces and mounts are made\npivot_root(2)");
  check_num("belongs to the user", CTR__STEP_CONSOLE, 2, 7);
  PLAN(CREATE, .process = ",'consoleSize':{'height':1,'width':1}");
  CHECK(now.plan && !count_of(CTR__STEP_CONSOLE) && !count_of(CTR__STEP_TAKE_CONSOLE));
}

TEST(a_terminal_has_the_size_that_was_asked_for) {
  PLAN(EXEC, .process = ",'terminal':true,'consoleSize':{'height':25,'width':80}");
  CHECK_HAS(now.text, "child   make a terminal of 25 rows and 80 columns  <- process.terminal");
  check_num("rows", CTR__STEP_CONSOLE, 0, 25);
  check_num("columns", CTR__STEP_CONSOLE, 1, 80);
  PLAN(EXEC, .process = ",'terminal':true,'consoleSize':{'height':0,'width':80}");
  CHECK_HAS(now.text, "make a terminal of 0 rows and 80 columns");
  PLAN(EXEC, .process = ",'terminal':true,'consoleSize':{'height':0,'width':0}");
  CHECK_HAS(now.text, "make a terminal  <-");
  PLAN(EXEC, .process = ",'terminal':true,'consoleSize':{'height':65536,'width':80}");
  CHECK_REFUSED("more than 16 bits", CTR_E_CONFIG, "process.consoleSize");
}

/* -- one more process -- */

#define OPEN_INIT                                                                                  \
  "parent  open the container's first process: pid 4711, started at tick 815  [pidfd_open(2)]\n"
#define STAGE "parent  clone an intermediate process that joins namespaces  [clone(2)]\n"
#define VIEW_NULL                                                                                  \
  "stage   have a read-only view of /dev/null for standard streams that are one  "                 \
  "[mount_setattr(2)]\n"
#define STAGE_UNSEEN                                                                               \
  "stage   be out of reach of ptrace until execve  [prctl(2)]\n"                                   \
  "stage   show nothing of the caller's name, command line and environment  "                      \
  "[proc_pid_cmdline(5)]\n" VIEW_NULL                                                              \
  "stage   close what the process is not to have  <- linux.namespaces  [close_range(2)]\n"
#define STAGE_CLONE                                                                                \
  "stage   clone into new namespaces: none  [clone(2)]\n"                                          \
  "parent  learn the pid and reap the intermediate process  [waitid(2)]\n"
#define NO_GROUPS "stage   let go of the caller's groups  [setgroups(2)]\n"
#define OWN_NULL                                                                                   \
  "child   take the container's own /dev/null for standard streams that are one  [null(4)]\n"
#define USER_ROOT                                                                                  \
  "child   become uid 0 and gid 0 of the user namespace  <- linux.namespaces"                      \
  "  [user_namespaces(7)]\n"

TEST(an_exec_joins_all_namespaces_at_once) {
  PLAN(EXEC, SPACES(ALL_NS));
  check_whole(now.text, OPEN_INIT STAGE STAGE_UNSEEN
              "stage   join the first process's namespaces: pid,network,mount,ipc,uts,cgroup,time"
              "  <- linux.namespaces  [setns(2)]\n" STAGE_CLONE SYNC_MAPPED STREAMS SESSION OWN_NULL
                  IDENTITY UNSEEN PROGRAM EXECUTE);
  CHECK_STR(now.warnings, "");
}

#define ONE_BY_ONE(X)                                                                              \
  X("mount", "mnt")                                                                                \
  X("time", "time")                                                                                \
  X("pid", "pid") X("network", "net") X("uts", "uts") X("ipc", "ipc") X("cgroup", "cgroup")
#define OPENED(name, file)                                                                         \
  "parent  open the " name " namespace at /proc/4711/ns/" file                                     \
  "  <- linux.namespaces  [namespaces(7)]\n"
#define JOINED(name, file)                                                                         \
  "stage   join the " name " namespace at /proc/4711/ns/" file "  <- linux.namespaces  "           \
  "[setns(2)]\n"

/* setns(2): by pidfd since Linux 5.8. What is opened by number is opened before it is seen that the
   number is still that process's. */
TEST(an_exec_joins_one_by_one_where_the_kernel_is_older) {
  ctr__facts facts = root_facts;
  facts.features &= ~(unsigned)CTR_FEATURE_SETNS_PIDFD;
  PLAN(EXEC, SPACES(ALL_NS), .facts = &facts);
  check_whole(now.text,
              ONE_BY_ONE(OPENED) OPEN_INIT STAGE STAGE_UNSEEN ONE_BY_ONE(JOINED)
                  STAGE_CLONE SYNC_MAPPED STREAMS SESSION OWN_NULL IDENTITY UNSEEN PROGRAM EXECUTE);
  CHECK_STR(now.warnings, "");
  PLAN(EXEC, SPACES(ALL_NS ",{'type':'user'}"), .facts = &facts);
  check_lines("the user namespace gives the right to the others", now.text,
              "let go of the caller's groups\n" JOINED("user", "user") ONE_BY_ONE(JOINED)
                  STAGE_CLONE);
}

/* In the one that is joined last nobody lets go of groups any more. */
TEST(an_exec_into_an_inner_user_namespace_alone_keeps_no_groups_of_the_caller) {
  PLAN(EXEC, SPACES("{'type':'mount'}"), .desc = {.inner_userns = true});
  check_lines("only the inner one", now.text,
              OPEN_INIT STAGE STAGE_UNSEEN NO_GROUPS
              "stage   join the first process's namespaces: mount\n"
              "stage   join the first process's namespaces: user\n");
  CHECK_MSG(!strstr(now.text, "owner of its mounts"), "it is the caller's own");
  PLAN(EXEC, SPACES("{'type':'mount'}"), .desc = {.inner_userns = true},
       .process = ",'user':{'uid':0,'gid':0,'additionalGids':[777]}");
  CHECK_REFUSED("groups", CTR_E_UNSUPPORTED, "process.user.additionalGids");
}

TEST(each_namespace_is_opened_into_a_place_of_its_own) {
  PLAN(EXEC, SPACES(ALL_NS ",{'type':'user'}"), .facts = &old_kernel_facts);
  bool taken[CTR__PLAN_MAX_NAMESPACES] = {false};
  uint64_t type[CTR__PLAN_MAX_NAMESPACES] = {0};
  for (uint32_t i = 0; now.plan && i < now.plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(now.plan, i);
    if (step->kind != CTR__STEP_OPEN_NAMESPACE && step->kind != CTR__STEP_SETNS) continue;
    bool fits = step->num[1] < CTR__PLAN_MAX_NAMESPACES;
    CHECK(fits);
    if (!fits) continue;
    bool opens = step->kind == CTR__STEP_OPEN_NAMESPACE;
    CHECK(opens != taken[step->num[1]] && (opens || type[step->num[1]] == step->num[0]));
    taken[step->num[1]] = true;
    type[step->num[1]] = step->num[0];
  }
  for (size_t i = 0; i < CTR__PLAN_MAX_NAMESPACES; i++) CHECK(taken[i]);
}

TEST(an_exec_into_a_user_namespace_becomes_its_root_first) {
  PLAN(EXEC, SPACES("{'type':'user'},{'type':'mount'}"));
  check_whole(now.text, OPEN_INIT STAGE STAGE_UNSEEN NO_GROUPS
              "stage   join the first process's namespaces: mount,user  <- linux.namespaces"
              "  [setns(2)]\n" STAGE_CLONE SYNC_MAPPED STREAMS USER_ROOT SESSION OWN_NULL IDENTITY
                  UNSEEN PROGRAM EXECUTE);
  PLAN(EXEC, SPACES("{'type':'user'},{'type':'mount'}"), .facts = &user_facts);
  CHECK(now.plan && !strstr(now.text, "let go of the caller's groups")); /* may not */
  ctr__facts denied = nested_facts;
  denied.groups_denied = true;
  PLAN(EXEC, SPACES("{'type':'user'},{'type':'mount'}"), .facts = &denied);
  CHECK(now.plan && !strstr(now.text, "let go of the caller's groups")); /* nobody there may */
  PLAN(EXEC, SPACES(MOUNT_NS), .facts = &user_facts);
  CHECK_REFUSED("an ordinary user without one", CTR_E_UNSUPPORTED, "linux.namespaces");
}

/* Nothing is mapped, made or bound again: the container has it. */
TEST(an_exec_makes_nothing) {
  PLAN(EXEC, SPACES(ALL_NS ",{'type':'user'}"), .mounts = "{'destination':'/m','type':'tmpfs'}",
       .root = "'path':'/r','readonly':true",
       .linux_ = ",'maskedPaths':['/a'],'readonlyPaths':['/b'],'sysctl':{'net.a':'1'},"
                 "'cgroupsPath':'/a','devices':[{'type':'p','path':'/x'}],"
                 "'timeOffsets':{'boottime':{'secs':1}},"
                 "'uidMappings':[{'containerID':0,'hostID':100,'size':9}],"
                 "'gidMappings':[{'containerID':0,'hostID':200,'size':9}]",
       .top = ",'hostname':'h','domainname':'d'");
  static const enum ctr__kind kinds_[] = {
      CTR__STEP_UID_MAP,    CTR__STEP_GID_MAP,  CTR__STEP_MAKE_CGROUP, CTR__STEP_TIME_NAMESPACE,
      CTR__STEP_ROOT_BIND,  CTR__STEP_MOUNT_FS, CTR__STEP_MASK,        CTR__STEP_READONLY,
      CTR__STEP_HOSTNAME,   CTR__STEP_SYSCTL,   CTR__STEP_DOMAINNAME,  CTR__STEP_DEVICE_NODE,
      CTR__STEP_PIVOT_ROOT, CTR__STEP_LOOPBACK, CTR__STEP_RECORD,      CTR__STEP_PROPAGATION};
  CHECK_MSG(now.plan, "%s", now.text);
  for (size_t i = 0; i < sizeof kinds_ / sizeof *kinds_; i++)
    CHECK_MSG(!count_of(kinds_[i]), "%s", ctr__step_infos[kinds_[i]].text);
  CHECK(now.plan && now.plan->io_uid == 100 && now.plan->io_gid == 200);
}

TEST(a_user_of_an_exec_must_exist_in_the_container) {
  static const char maps[] = ",'uidMappings':[{'containerID':0,'hostID':100,'size':9}],"
                             "'gidMappings':[{'containerID':0,'hostID':200,'size':9}]";
  static const struct {
    const char *process, *field;
  } rows[] = {{",'user':{'uid':9}", "process.user.uid"},
              {",'user':{'gid':9}", "process.user.gid"},
              {",'user':{'additionalGids':[1,9]}", "process.user.additionalGids[1]"},
              {",'user':{'uid':8,'gid':8,'additionalGids':[8]}", NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    PLAN(EXEC, SPACES(USER_NS), .linux_ = maps, .process = rows[i].process);
    if (rows[i].field)
      CHECK_REFUSED(rows[i].process, CTR_E_CONFIG, rows[i].field);
    else
      CHECK_MSG(now.plan && now.plan->io_uid == 108, "%s", now.text);
  }
}

/* Its root is all that such a container has changed; that goes with no namespace. */
TEST(an_exec_without_a_mount_namespace_enters_the_root_itself) {
  PLAN(EXEC, SPACES("{'type':'uts'}"), .root = "'path':'rootfs'", .desc.bundle = "/b");
  check_whole(now.text, OPEN_INIT STAGE STAGE_UNSEEN
              "stage   join the first process's namespaces: uts  <- linux.namespaces  "
              "[setns(2)]\n" STAGE_CLONE SYNC_MAPPED STREAMS SESSION
              "child   open the root directory /b/rootfs  <- root.path  [open(2)]\n"
              "child   chroot into it  <- root.path  [chroot(2)]\n" OWN_NULL IDENTITY UNSEEN PROGRAM
                  EXECUTE);
  PLAN(EXEC, SPACES(""));
  check_whole(now.text, OPEN_INIT STAGE STAGE_UNSEEN STAGE_CLONE SYNC_MAPPED STREAMS SESSION
              "child   open the root directory /r  <- root.path  [open(2)]\n"
              "child   chroot into it  <- root.path  [chroot(2)]\n" OWN_NULL IDENTITY UNSEEN PROGRAM
                  EXECUTE);
  PLAN(EXEC, SPACES(MOUNT_NS));
  CHECK(now.plan && !count_of(CTR__STEP_ROOT_OPEN) && !count_of(CTR__STEP_CHROOT));
}

/* In the order that the container has them, and before it goes on. */
TEST(an_exec_enters_the_cgroups_of_the_container) {
  static const char *const paths[] = {"/sys/fs/cgroup/b", "/sys/fs/cgroup/a"};
  PLAN(SPACES(MOUNT_NS), .purpose = {.goal = CTR__GOAL_EXEC, .init_pid = 1, .cgroups = {paths, 2}});
  check_lines("two", now.text,
              "parent  learn the pid\n"
              "parent  move the process into the cgroup /sys/fs/cgroup/b  <- linux.cgroupsPath\n"
              "parent  move the process into the cgroup /sys/fs/cgroup/a  <- linux.cgroupsPath\n"
              "both    sync: the parent has set up");
  CHECK(!count_of(CTR__STEP_MAKE_CGROUP));
}

/* config.md "execCPUAffinity": initial before it is in the cgroup, final when it is. */
TEST(an_exec_runs_on_the_cpus_that_it_was_given) {
  static const char *const paths[] = {"/sys/fs/cgroup/a"};
  PLAN(.process = ",'execCPUAffinity':{'initial':'0,2-3','final':'1023'}",
       .purpose = {.goal = CTR__GOAL_EXEC, .init_pid = 1, .cgroups = {paths, 1}});
  check_lines("two", now.text,
              "stage   run on the CPUs 0,2-3  <- process.execCPUAffinity.initial\n"
              "parent  move the process into the cgroup\nboth    sync\n"
              "child   run on the CPUs 1023  <- process.execCPUAffinity.final\nbecome uid 0");
  const ctr__step *step = step_of(CTR__STEP_AFFINITY);
  const unsigned char *mask = step ? ctr__plan_data(now.plan, step->str[1]) : NULL;
  if (mask) CHECK_NUM(*(const unsigned long *)(const void *)mask, 0xd);
  CHECK(mask && step->num[0] == 128);
  PLAN(CREATE, .process = ",'execCPUAffinity':{'initial':'0','final':'1'}");
  CHECK(now.plan && !count_of(CTR__STEP_AFFINITY)); /* not for the first process */
  static const char *const wrong[] = {"x", "1-", "3-1", "1024", "-1", "0,,1", "1 2"};
  for (size_t i = 0; i < 2 * sizeof wrong / sizeof *wrong; i++) {
    char process[128], field[64];
    const char *member = i % 2 ? "initial" : "final";
    snprintf(process, sizeof process, ",'execCPUAffinity':{'%s':'%s'}", member, wrong[i / 2]);
    snprintf(field, sizeof field, "process.execCPUAffinity.%s", member);
    PLAN(EXEC, .process = process);
    CHECK_REFUSED(wrong[i / 2], CTR_E_CONFIG, field);
  }
}

TEST(settings_of_an_exec_are_made_from_outside_where_it_may_not) {
  PLAN(EXEC, SPACES(ALL_NS),
       .process = ",'oomScoreAdj':5,'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':3},"
                  "'scheduler':{'policy':'SCHED_BATCH'},'user':{'umask':18},"
                  "'rlimits':[{'type':'RLIMIT_NOFILE','soft':10,'hard':20}]",
       .linux_ = ",'personality':{'domain':'LINUX32'}");
  check_lines("from outside", now.text,
              "parent  set the scheduler: SCHED_BATCH\nparent  set the I/O priority\nboth    sync\n"
              "child   set the personality\nchild   set the umask\nchild   limit RLIMIT_NOFILE");
  CHECK_HAS(now.text, "write 5 to oom_score_adj  <- process.oomScoreAdj");
  CHECK(!strstr(now.text, "child   write 5 to oom_score_adj")); /* no procfs there to be trusted */
}

/* Its own state could not say so: somebody else's file. */
TEST(an_exec_without_any_root_is_refused) {
  PLAN(EXEC, .root = "'readonly':false", .mounts = "{'destination':'/','type':'tmpfs'}",
       SPACES("{'type':'uts'}"));
  CHECK_REFUSED("root", CTR_E_CONFIG, "root.path");
}

TEST(an_exec_that_dies_with_its_caller_is_told_twice) {
  PLAN(EXEC, .desc.die_with_caller = true);
  check_lines(
      "before and after the change of ids", now.text,
      "be killed when the caller ends\nbecome uid 0, gid 0\nbe killed when the caller ends\n"
      "execute");
  PLAN(EXEC, .desc.no_new_keyring = true);
  CHECK(now.plan && !count_of(CTR__STEP_KEYRING));
}

TEST_MAIN
