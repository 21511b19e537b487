/* process.apparmorProfile, process.selinuxLabel and linux.mountLabel, where there is a module for
   them: seen from inside. What is loaded is of tests/vm/, whose machine has AppArmor. */
#include "box.h"

/* Whether a profile is loaded: everybody may ask for it, who only wants it when executing. */
static bool is_loaded(const char *profile) {
  const char *wish = text("exec %s", profile);
  pid_t pid = fork();
  int status = -1;
  if (pid == 0) {
    int fd = open("/proc/self/attr/apparmor/exec", O_WRONLY | O_CLOEXEC);
    _exit(write(fd, wish, strlen(wish)) < 0);
  }
  waitpid(pid, &status, 0);
  return status == 0;
}

static bool has_apparmor(void) {
  return *get_file("/sys/module/apparmor/parameters/enabled") == 'Y';
}

#define NEEDS_PROFILES                                                                             \
  do {                                                                                             \
    if (!has_apparmor() || !is_loaded("ctr-test") || !is_loaded("ctr-other")) {                    \
      SKIP("AppArmor is not here, or not with the profiles of tests/vm/profiles");                 \
    }                                                                                              \
  } while (0)

/* A box with /denied/file, which ctr-test does not allow, and /free/file. */
static box box_labelled(const char *profile) {
  static const char *const dirs[] = {"denied", "free"};
  box b = box_new();
  for (size_t i = 0; i < 2; i++) {
    mkdir(in_root(&b, dirs[i]), 0755);
    put_file(in_root(&b, text("%s/file", dirs[i])), "");
  }
  b.config->process.apparmorProfile = profile;
  return b;
}

static const char *own_label(box *b) {
  box_run(b, "cat", "/proc/self/attr/current");
  return b->code ? b->err.msg : b->out;
}

static const char *both_files(box *b) {
  box_run(b, "open", "/denied/file", "/free/file");
  return b->code ? b->err.msg
                 : text("%s, %s", box_said(b, "/denied/file"), box_said(b, "/free/file"));
}

/* The caller of the tests is not confined: then no_new_privs is in nobody's way. */
TEST(a_program_is_under_its_profile) {
  NEEDS_PROFILES;
  for (int no_new = 0; no_new < 2; no_new++) {
    box b = box_labelled(NULL);
    b.config->process.noNewPrivileges = no_new;
    CHECK_STR(own_label(&b), "unconfined\n");
    CHECK_STR(both_files(&b), "open, open");
    b.config->process.apparmorProfile = "ctr-test";
    CHECK_STR(own_label(&b), "ctr-test (enforce)\n");
    CHECK_STR(both_files(&b), "EACCES, open");
    b.config->process.apparmorProfile = "";
    CHECK_STR(own_label(&b), "unconfined\n");
    box_free(&b);
  }
}

/* Of what is given up and taken otherwise nothing is in its way. */
TEST(a_profile_goes_with_everything_else) {
  NEEDS_PROFILES;
  static const char *const calls[] = {"sched_get_priority_max"};
  const ctr_syscall call = {.names = {calls, 1}, .action = CTR_SCMP_ACT_ERRNO};
  for (int no_new = 0; no_new < 2; no_new++) {
    box b = box_plain(box_of(me().simplest));
    b.config->process.apparmorProfile = "ctr-test";
    b.config->process.noNewPrivileges = no_new;
    b.config->process.capabilities = (ctr_capabilities){0};
    b.config->linux_.seccomp =
        (ctr_seccomp){.defaultAction = CTR_SCMP_ACT_ALLOW, .syscalls = {&call, 1}};
    CHECK_STR(own_label(&b), "ctr-test (enforce)\n");
    box_free(&b);
  }
  box b = box_mapped();
  b.config->process.apparmorProfile = "ctr-test";
  CHECK_STR(own_label(&b), "ctr-test (enforce)\n");
  box_free(&b);
  b = box_new();
  b.config->process.apparmorProfile = "ctr-test";
  b.plan.inner_userns = true;
  b.config->process.user.uid = b.config->process.user.gid = 4711;
  CHECK_STR(own_label(&b), "ctr-test (enforce)\n");
  box_free(&b);
}

TEST(a_profile_that_is_not_loaded_is_refused) {
  if (!has_apparmor()) SKIP("AppArmor is not here");
  box b = box_labelled("ctr-nobody");
  box_run(&b, "exit", "0");
  CHECK_REFUSED(&b, "process.apparmorProfile", "apparmor_parser(8)");
  if (geteuid() == 0) CHECK_NUM(b.code, CTR_E_UNSUPPORTED); /* who may see it, before the start */
  box_free(&b);
}

/* Where a module is missing, that is the answer; and nothing was asked for by an empty label. */
TEST(a_label_without_its_module_is_refused) {
  box b = box_labelled("");
  b.config->process.selinuxLabel = b.config->linux_.mountLabel = "";
  CHECK_RAN(box_run(&b, "exit", "0"));
  if (!has_apparmor()) {
    b.config->process.apparmorProfile = "ctr-test";
    CHECK_REFUSED(box_run(&b, "exit", "0"), "process.apparmorProfile", "no AppArmor");
    b.config->process.apparmorProfile = "unconfined"; /* as everything is */
    CHECK_RAN(box_run(&b, "exit", "0"));
  }
  if (!strstr(get_file("/proc/filesystems"), "selinuxfs")) {
    b.config->process.selinuxLabel = "u:r:t:s0";
    CHECK_REFUSED(box_run(&b, "exit", "0"), "process.selinuxLabel", "no SELinux");
    b.config->process.selinuxLabel = NULL;
    b.config->linux_.mountLabel = "u:object_r:t:s0";
    CHECK_REFUSED(box_run(&b, "exit", "0"), "linux.mountLabel", "no SELinux");
  }
  box_free(&b);
}

static int do_nothing(void *unused) {
  (void)unused;
  return 0;
}

TEST(a_function_has_no_label) {
  NEEDS_PROFILES;
  box b = box_labelled("ctr-test");
  b.plan.call_function = true;
  b.process.function = do_nothing;
  CHECK_REFUSED(box_go(&b), "process.apparmorProfile", "a function is not executed");
  box_free(&b);
}

/* -- a caller that is confined itself -- */

static void confine(const char *profile) {
  const char *wish = text("changeprofile %s", profile);
  int fd = open("/proc/self/attr/apparmor/current", O_WRONLY | O_CLOEXEC);
  CHECK(write(fd, wish, strlen(wish)) > 0);
  close(fd);
}

/* It may change to where its profile allows; with no_new_privs only to less than it has. */
TEST(a_confined_caller_can_only_confine_further_without_new_privileges) {
  NEEDS_PROFILES;
  confine("ctr-test");
  box b = box_labelled("ctr-other");
  b.config->process.noNewPrivileges = false;
  CHECK_STR(own_label(&b), "ctr-other (enforce)\n");
  b.config->process.noNewPrivileges = true;
  CHECK_REFUSED(box_run(&b, "exit", "0"), "process.args[0]", "no narrower than the caller's");
  b.config->process.apparmorProfile = "ctr-test//&ctr-other";
  CHECK_HAS(own_label(&b), "//&ctr-");
  confine("unconfined");
  box_free(&b);
}

/* -- containers -- */

static ctr_container *start_one(box *b, char states[300]) {
  snprintf(states, 300, "%s/states", b->dir);
  const ctr_container_desc desc = {.root = states,
                                   .plan = {.bundle = b->dir,
                                            .die_with_caller = true,
                                            .no_cgroup = true},
                                   .process = {.stdio = CTR_STDIO_FDS, .fds = {-1, -1, -1}}};
  ctr_container *c = NULL;
  b->config->process.args = CTR_STRS("/probe", "wait");
  CHECK_MSG(!ctr_container_run(b->config, "one", &desc, &c, &b->err), "%s", b->err.msg);
  return c;
}

static const char *label_of(int64_t pid) {
  return get_file(text("/proc/%lld/attr/current", (long long)pid));
}

/* What one more process under a profile of its own says of itself. */
static const char *label_in(ctr_container *c, box *b, const char *profile) {
  ctr_process_config process = ctr_container_config(c)->process;
  process.args = CTR_STRS("/probe", "cat", "/proc/self/attr/current");
  process.apparmorProfile = profile;
  if (box_join(b, c, &process)) return b->err.msg;
  return b->out;
}

TEST(what_joins_a_container_has_a_label_of_its_own) {
  NEEDS_PROFILES;
  box b = box_labelled("ctr-test");
  char states[300];
  ctr_container *c = start_one(&b, states);
  if (!c) return;
  CHECK_STR(label_of(ctr_process_pid(ctr_container_process(c))), "ctr-test (enforce)\n");
  CHECK_STR(label_in(c, &b, "ctr-test"), "ctr-test (enforce)\n");
  CHECK_STR(label_in(c, &b, "ctr-other"), "ctr-other (enforce)\n");
  CHECK_STR(label_in(c, &b, NULL), "unconfined\n");
  CHECK_HAS(label_in(c, &b, "ctr-nobody"), "process.apparmorProfile");
  CHECK(!ctr_container_delete(c, true, &b.err));
  ctr_container_free(c);
  box_free(&b);
}

/* A procfs of the image's making is not where the wish goes, nor does one that is missing keep
   it from being heard. */
TEST(a_label_does_not_depend_on_the_procfs_inside) {
  NEEDS_PROFILES;
  box b = box_labelled("ctr-test");
  char states[300];
  b.config->linux_.maskedPaths = b.config->linux_.readonlyPaths = (ctr_strs){0};
  b.config->mounts = (ctr_mounts){0};
  box_mount(&b, "/proc", "tmpfs", "x", CTR_STRS("mode=755"));
  ctr_container *c = start_one(&b, states);
  if (!c) return;
  CHECK_STR(label_of(ctr_process_pid(ctr_container_process(c))), "ctr-test (enforce)\n");
  CHECK_STR(label_in(c, &b, "ctr-other"), "/proc/self/attr/current ENOENT\n"); /* but it ran */
  CHECK_NUM(b.code, CTR_OK);
  CHECK(!ctr_container_delete(c, true, &b.err));
  ctr_container_free(c);
  box_free(&b);
}

/* -- SELinux, with the policy of tests/vm/selinux.conf -- */

#define NEEDS_POLICY                                                                               \
  do {                                                                                             \
    if (strcmp(get_file("/proc/self/attr/current"), "u:r:kernel_t") != 0)                          \
      SKIP("SELinux is not here, or not with the policy of tests/vm/selinux.conf");                \
  } while (0)

TEST(a_program_has_its_selinux_label) {
  NEEDS_POLICY;
  for (int no_new = 0; no_new < 2; no_new++) {
    box b = box_new();
    b.config->process.noNewPrivileges = no_new;
    CHECK_STR(own_label(&b), "u:r:kernel_t");
    b.config->process.selinuxLabel = "u:r:ctr_t";
    CHECK_STR(own_label(&b), "u:r:ctr_t");
    box_run(&b, "cat", "/proc/self/attr/exec", "/proc/self/attr/keycreate");
    CHECK_STR(b.out, ""); /* of what was wished for nothing is left */
    b.config->process.selinuxLabel = "u:r:nobody_t";
    CHECK_REFUSED(box_run(&b, "exit", "0"), "process.selinuxLabel", "does not know such a label");
    b.config->process.selinuxLabel = "u:r:other_t";
    CHECK_REFUSED(box_run(&b, "exit", "0"), "process.args[0]", "a label forbids it");
    box_free(&b);
  }
}

TEST(what_joins_a_container_has_its_selinux_label) {
  NEEDS_POLICY;
  box b = box_new();
  char states[300];
  b.config->process.selinuxLabel = "u:r:ctr_t";
  ctr_container *c = start_one(&b, states);
  if (!c) return;
  CHECK_STR(label_of(ctr_process_pid(ctr_container_process(c))), "u:r:ctr_t");
  CHECK_STR(label_in(c, &b, NULL), "u:r:ctr_t");
  CHECK(!ctr_container_delete(c, true, &b.err));
  ctr_container_free(c);
  box_free(&b);
}

/* The options that one of its mounts has. */
static const char *options_of(const box *b, const char *place) {
  const char *line = strstr(b->out, text(" %s ", place));
  return line ? text("%.*s", (int)strcspn(line, "\n"), line) : "";
}

TEST(new_file_systems_have_the_label_of_mounts) {
  NEEDS_POLICY;
  box b = box_new();
  const char *const with[] = {"/dev", "/dev/pts", "/tmp", "/made"}, *const without[] = {"/proc"};
  b.config->linux_.mountLabel = "u:object_r:other_t";
  mkdir(in_root(&b, "masked"), 0755);
  b.config->linux_.maskedPaths = CTR_STRS("/masked");
  box_mount(&b, "/made", "ctr.file", "x", CTR_STRS("bind"));
  CHECK_RAN(box_run(&b, "cat", "/proc/self/mountinfo"));
  for (size_t i = 0; i < sizeof with / sizeof *with; i++)
    CHECK_HAS(options_of(&b, with[i]), "context=u:object_r:other_t");
  CHECK_HAS(options_of(&b, "/masked"), "context=u:object_r:other_t");
  CHECK_MSG(!strstr(options_of(&b, without[0]), "context"), "%s", b.out);
  box_free(&b);
}

TEST_MAIN
