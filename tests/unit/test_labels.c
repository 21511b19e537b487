/* Labels of security modules as a plan has them: what is written where and when, which mounts get
   one, and what is refused on which machine. */
#include "plan.h"

#define PROFILE  ",'apparmorProfile':'p q'"
#define SELINUX  ",'selinuxLabel':'u:r:t:s0:c1,c2'"
#define ON_MOUNT ",'mountLabel':'u:o:t:s0:c1,c2'"

static ctr__facts facts; /* of the test */

static void on_machine(bool apparmor, bool selinux) {
  facts = root_facts;
  facts.apparmor = facts.apparmor_dir = apparmor;
  facts.selinux = selinux;
}

TEST(what_the_kernel_lacks_is_refused_by_field) {
  static const struct {
    const char *process, *linux_, *field, *says;
  } rows[] = {
      {PROFILE, NULL, "process.apparmorProfile", "this kernel has no AppArmor"},
      {SELINUX, NULL, "process.selinuxLabel", "this kernel has no SELinux"},
      {NULL, ON_MOUNT, "linux.mountLabel", "this kernel has no SELinux"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    on_machine(false, false);
    PLAN(.process = rows[i].process, .linux_ = rows[i].linux_, .facts = &facts);
    CHECK_REFUSED(rows[i].field, CTR_E_UNSUPPORTED, rows[i].field);
    CHECK_HAS(now.err.msg, rows[i].says);
    on_machine(true, true);
    PLAN(.process = rows[i].process, .linux_ = rows[i].linux_, .facts = &facts);
    CHECK_MSG(now.plan, "%s", now.text);
    if (!rows[i].process) continue;
    on_machine(false, false);
    PLAN(EXEC, .process = rows[i].process, .facts = &facts);
    CHECK_REFUSED(rows[i].field, CTR_E_UNSUPPORTED, rows[i].field);
  }
  on_machine(true, false);
  facts.profile_missing = true;
  PLAN(.process = PROFILE, .facts = &facts);
  CHECK_REFUSED("not loaded", CTR_E_UNSUPPORTED, "process.apparmorProfile");
  CHECK_HAS(now.err.msg, "no profile \"p q\" is loaded");
}

/* As engines write where there is no module. */
TEST(an_empty_label_asks_for_nothing) {
  on_machine(false, false);
  PLAN(.process = ",'apparmorProfile':'','selinuxLabel':''", .linux_ = ",'mountLabel':''",
       .mounts = "{'destination':'/m','type':'tmpfs'}", .facts = &facts);
  CHECK_MSG(now.plan && !step_of(CTR__STEP_LABEL) && !strstr(now.text, "context"), "%s", now.text);
  PLAN(.process = ",'apparmorProfile':'unconfined'", .facts = &facts); /* as everything is */
  CHECK_MSG(now.plan && !step_of(CTR__STEP_LABEL), "%s", now.text);
  on_machine(true, false);
  PLAN(.process = ",'apparmorProfile':'unconfined'", .facts = &facts);
  CHECK_HAS(now.text, "write 'exec unconfined' to /proc/self/attr/apparmor/exec");
}

TEST(it_is_written_before_anything_is_given_up) {
  on_machine(true, true);
  PLAN(.facts = &facts, CREATE,
       .process = PROFILE SELINUX ",'noNewPrivileges':true,'user':{'uid':5}",
       .linux_ = ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}",
       .top = ",'hooks':{'startContainer':[{'path':'/h'}]}");
  check_lines("order", now.text,
              "child   open the procfs\n"
              "child   write 'u:r:t:s0:c1,c2' to /proc/self/attr/keycreate\n"
              "join a new session keyring\npivot_root(2)\n"
              "child   write 'exec p q' to /proc/self/attr/apparmor/exec  <- "
              "process.apparmorProfile  [proc_pid_attr(5)]\n"
              "child   write 'u:r:t:s0:c1,c2' to /proc/self/attr/exec\nclose the host's procfs\n"
              "give up gaining privileges\nbecome uid 5\nwait to be started\nrun the hook /h\n"
              "<- linux.seccomp\nexecute /p");
  facts.apparmor_dir = false; /* before Linux 5.8 */
  PLAN(.facts = &facts, .process = PROFILE, .desc = {.no_new_keyring = true});
  CHECK_HAS(now.text, "write 'exec p q' to /proc/self/attr/exec");
  PLAN(.facts = &facts, .process = SELINUX, .desc = {.no_new_keyring = true});
  CHECK_MSG(!strstr(now.text, "keycreate"), "%s", now.text);
}

/* A container's procfs is not to be trusted: it is written where there is the host's. */
TEST(who_joins_writes_it_before_joining) {
  on_machine(true, true);
  PLAN(.facts = &facts, EXEC, .process = PROFILE SELINUX);
  check_lines("order", now.text,
              "stage   write 'u:r:t:s0:c1,c2' to /proc/self/attr/keycreate\n"
              "stage   write 'exec p q' to /proc/self/attr/apparmor/exec\n"
              "stage   write 'u:r:t:s0:c1,c2' to /proc/self/attr/exec\n"
              "stage   be out of reach\nstage   join the first process's namespaces\n"
              "stage   clone into\nexecute /p");
  CHECK_MSG(!strstr(now.text, "child   write"), "%s", now.text);
}

TEST(what_is_not_executed_takes_none) {
  static const char *const labels[] = {PROFILE, SELINUX};
  static const char *const fields[] = {"process.apparmorProfile", "process.selinuxLabel"};
  for (size_t i = 0; i < 2; i++) {
    on_machine(true, true);
    const setup s = {.process = labels[i], .facts = &facts, .desc = {.call_function = true}};
    compile(&s);
    CHECK_REFUSED(labels[i], CTR_E_CONFIG, fields[i]);
    CHECK_HAS(now.err.msg, "a function is not executed");
  }
}

TEST(a_label_is_one_line_without_quotes) {
  on_machine(true, true);
  PLAN(.facts = &facts, .linux_ = ",'mountLabel':'a\\'b'");
  CHECK_REFUSED("a quote", CTR_E_CONFIG, "linux.mountLabel");
  PLAN(.facts = &facts, .process = ",'selinuxLabel':'a\\nb'");
  CHECK_REFUSED("two lines", CTR_E_CONFIG, "process.selinuxLabel");
}

/* -- mounts -- */

static bool is_labelled(const char *type, const char *options, bool in_userns) {
  char mounts[512];
  snprintf(mounts, sizeof mounts, "{'destination':'/m','type':'%s','source':'/s','options':[%s]}",
           type, options);
  on_machine(false, true);
  PLAN(.facts = &facts, .linux_ = ON_MOUNT, .mounts = mounts,
       SPACES(in_userns ? USER_NS ",{'type':'pid'},{'type':'network'},{'type':'ipc'}" : MOUNT_NS));
  CHECK_MSG(now.plan, "%s: %s", type, now.text);
  const char *line = strstr(now.text, " on /m ");
  if (!line) return false;
  char one[512];
  snprintf(one, sizeof one, "%.*s", (int)strcspn(line, "\n"), line);
  return strstr(one, "context=u:o:t:s0:c1,c2") != NULL;
}

TEST(file_systems_that_take_a_label_get_it) {
  static const struct {
    const char *type, *options;
    bool plain, in_userns;
  } rows[] = {{"tmpfs", "", true, true},
              {"tmpfs", "'size=1m','ro'", true, true},
              {"tmpfs", "'tmpcopyup'", true, true},
              {"devpts", "'newinstance'", true, true},
              {"overlay", "'lowerdir=/l'", true, true},
              {"mqueue", "", false, false},
              {"ext4", "", true, true /* not looked at */},
              {"proc", "", false, false},
              {"sysfs", "", false, false},
              {"cgroup2", "", false, false},
              {"bind", "", false, false},
              {"tmpfs", "'context=mine'", false, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_MSG(is_labelled(rows[i].type, rows[i].options, false) == rows[i].plain, "%s %s: %s",
              rows[i].type, rows[i].options, now.text);
    if (!strcmp(rows[i].type, "ext4")) continue;
    CHECK_MSG(is_labelled(rows[i].type, rows[i].options, true) == rows[i].in_userns,
              "in a user namespace %s %s: %s", rows[i].type, rows[i].options, now.text);
  }
  on_machine(false, true);
  PLAN(.facts = &facts, .linux_ = ON_MOUNT,
       .mounts = "{'destination':'/m','type':'tmpfs'},"
                 "{'destination':'/m','type':'tmpfs','options':['remount','size=1m']}");
  CHECK_HAS(now.text, "remount /m (size=1m)"); /* it has one already */
}

/* mount(2) takes commas for the end of an option. */
TEST(for_the_old_call_it_is_quoted) {
  char longer[400], linux_[512];
  on_machine(false, true);
  PLAN(.facts = &facts, .linux_ = ON_MOUNT,
       .mounts = "{'destination':'/m','type':'ext4','options':['iversion','x=1']}");
  CHECK_HAS(now.text, "mount ext4 on /m (x=1,context=\"u:o:t:s0:c1,c2\"");
  memset(longer, 'a', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  snprintf(linux_, sizeof linux_, ",'mountLabel':'%s'", longer);
  PLAN(.facts = &facts, .linux_ = linux_, .mounts = "{'destination':'/m','type':'tmpfs'}");
  CHECK_HAS(now.text, "context=\"aaaa");
  CHECK(step_of(CTR__STEP_MOUNT_OLD));
}

TEST(what_the_library_mounts_has_it_too) {
  on_machine(false, true);
  PLAN(.facts = &facts, .linux_ = ON_MOUNT);
  CHECK(now.plan && now.plan->mount_label);
  CHECK_STR(now.plan ? ctr__plan_str(now.plan, now.plan->mount_label) : "", "u:o:t:s0:c1,c2");
  PLAN(.facts = &facts);
  CHECK(now.plan && !now.plan->mount_label);
}

TEST_MAIN
