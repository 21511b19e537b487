/* config.landlock in force: files, TCP ports, scopes; in programs, functions, containers and what
   joins them, with and without noNewPrivileges. */
#include "box.h"

#include <sys/un.h>

/* Which version of its interface a test needs. */
#define NEEDS_ABI(version)                                                                         \
  do {                                                                                             \
    if (ctr__landlock_abi() < (version))                                                           \
      SKIP("this kernel's Landlock has version %d, the test needs %d", ctr__landlock_abi(),        \
           version);                                                                               \
  } while (0)

/* A box with /free and /closed, a file in each, and a second program. */
static box box_with_files(void) {
  box b = box_new();
  static const char *const dirs[] = {"free", "closed"};
  for (size_t i = 0; i < 2; i++) {
    mkdir(in_root(&b, dirs[i]), 0777);
    chmod(in_root(&b, dirs[i]), 0777);
    put_file(in_root(&b, text("%s/file", dirs[i])), dirs[i]);
    chmod(in_root(&b, text("%s/file", dirs[i])), 0666);
  }
  copy_program(in_root(&b, "probe"), in_root(&b, "closed/probe"));
  return b;
}

#define RIGHTS "execute", "read_file", "read_dir", "write_file", "make_reg", "remove_file"

/* Nothing but /free can be read and written, and nothing but /probe be executed. */
static const ctr_landlock_path closing_rules[] = {
    {{(const char *const[]){"/free"}, 1}, {(const char *const[]){"read", "write"}, 2}},
    {{(const char *const[]){"/probe"}, 1}, {(const char *const[]){"execute", "read_file"}, 2}}};
static const ctr_landlock closing = {.handledAccessFs = {(const char *const[]){RIGHTS}, 6},
                                     .pathBeneath = {closing_rules, 2}};

/* What each of a few attempts comes to, in the order of the words. */
static const char *attempts(box *b, const char *command, const char *first, const char *second) {
  box_run(b, command, first, second);
  if (b->code) return b->err.msg;
  return text("%s, %s", box_said(b, first), box_said(b, second));
}

TEST(files_are_closed_but_for_what_is_allowed) {
  NEEDS_ABI(1);
  for (int no_new = 0; no_new < 2; no_new++) {
    box b = box_with_files();
    b.config->process.noNewPrivileges = no_new;
    CHECK_STR(attempts(&b, "open", "/free/file", "/closed/file"), "open, open");
    CHECK_STR(attempts(&b, "run", "/probe", "/closed/probe"), "ran, ran");
    b.config->landlock = &closing;
    CHECK_STR(attempts(&b, "open", "/free/file", "/closed/file"), "open, EACCES");
    CHECK_STR(attempts(&b, "open", "/free", "/closed"), "open, EACCES");
    CHECK_STR(attempts(&b, "try", "/free/file", "/closed/file"), "open, EACCES");
    CHECK_STR(attempts(&b, "make", "/free/new", "/closed/new"), "made, EACCES");
    CHECK_STR(attempts(&b, "run", "/probe", "/closed/probe"), "ran, EACCES");
    /* What is not handled is as it was. */
    CHECK_HAS(attempts(&b, "stat", "/closed", "/closed/file"), "dir 0777 ");
    box_free(&b);
  }
}

TEST(a_program_that_may_not_be_executed_is_told) {
  NEEDS_ABI(1);
  box b = box_with_files();
  b.config->landlock = &closing;
  b.config->process.args = CTR_STRS("/closed/probe", "exit", "0");
  CHECK_REFUSED(box_go(&b), "process.args[0]", "execute /closed/probe: Permission denied");
  box_free(&b);
}

static int error_of_opening(const char *path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}

static int look_around(void *unused) {
  (void)unused;
  printf("free %d\n", error_of_opening("/free/file"));
  printf("closed %d\n", error_of_opening("/closed/file"));
  uint64_t effective, permitted;
  ctr__own_caps(&effective, &permitted);
  printf("admin %d\n", (int)((effective | permitted) >> CTR_CAP_SYS_ADMIN & 1));
  fflush(stdout);
  return 0;
}

TEST(a_function_is_restricted_too) {
  NEEDS_ABI(1);
  for (int no_new = 0; no_new < 2; no_new++) {
    box b = box_with_files();
    b.config->process.noNewPrivileges = no_new;
    b.config->landlock = &closing;
    b.plan.call_function = true;
    b.process.function = look_around;
    CHECK_RAN(box_go(&b));
    CHECK_STR(box_said(&b, "free"), "0");
    CHECK_STR(box_said(&b, "closed"), text("%d", EACCES));
    CHECK_STR(box_said(&b, "admin"), "0"); /* what was kept for it is gone */
    box_free(&b);
  }
}

/* -- paths -- */

static void check_path(const char *path, const char *should) {
  box b = box_with_files();
  const ctr_landlock_path rules[] = {{CTR_STRS("/probe"), CTR_STRS("execute", "read_file")},
                                     {{&path, 1}, CTR_STRS("read_file")}};
  const ctr_landlock landlock = {.handledAccessFs = CTR_STRS("execute", "read_file"),
                                 .pathBeneath = {rules, 2}};
  b.config->landlock = &landlock;
  if (symlink("/free", in_root(&b, "link")) < 0) test_fail(__FILE__, __LINE__, "symlink");
  const char *got = attempts(&b, "open", "/free/file", "/closed/file");
  CHECK_MSG(strstr(got, should), "%s: \"%s\" is not in %s", path, should, got);
  if (b.code) CHECK_STR(b.err.field, "landlock.pathBeneath[1].paths[0]");
  box_free(&b);
}

TEST(paths_are_those_of_the_containers_root) {
  NEEDS_ABI(1);
  check_path("/free", "open, EACCES");
  check_path("/free/file", "open, EACCES");
  check_path("/link", "a link leads there"); /* who makes links would say what is allowed */
  check_path("/../free", "open, EACCES");
  check_path("/", "open, open");
  check_path("/nowhere", "No such file");
  check_path("/proc/self/root/free", "a link leads there"); /* another process's, later */
}

/* What is mounted is allowed as the place it lies in; a file system of its own is no way around. */
TEST(mounts_are_part_of_where_they_are) {
  NEEDS_ABI(1);
  box b = box_with_files();
  b.config->landlock = &closing;
  box_mount(&b, "/free/mount", "tmpfs", "x", CTR_STRS("mode=777"));
  box_mount(&b, "/closed/mount", "tmpfs", "x", CTR_STRS("mode=777"));
  CHECK_STR(attempts(&b, "make", "/free/mount/new", "/closed/mount/new"), "made, EACCES");
  box_free(&b);
}

/* -- TCP -- */

TEST(ports_are_closed_but_for_what_is_allowed) {
  NEEDS_ABI(4);
  const uint32_t ports[] = {8000, 8001}, any[] = {0};
  const ctr_landlock_port rules[] = {{{&ports[0], 1}, CTR_STRS("bind_tcp")},
                                     {{&ports[1], 1}, CTR_STRS("all")},
                                     {{any, 1}, CTR_STRS("bind_tcp")}};
  ctr_landlock landlock = {.handledAccessNet = CTR_STRS("all"), .netPort = {rules, 2}};
  box b = box_new();
  CHECK_STR(attempts(&b, "bind", "8000", "8002"), "ok, ok");
  b.config->landlock = &landlock;
  CHECK_STR(attempts(&b, "bind", "8000", "8002"), "ok, EACCES");
  CHECK_STR(attempts(&b, "connect", "8000", "8002"), "EACCES, EACCES");
  CHECK_STR(attempts(&b, "connect", "8001", "8002"), "ECONNREFUSED, EACCES");
  CHECK_STR(attempts(&b, "bind", "8001", "0"), "ok, EACCES");
  landlock.netPort.count = 3;
  CHECK_STR(attempts(&b, "bind", "8001", "0"), "ok, ok");
  landlock = (ctr_landlock){.handledAccessNet = CTR_STRS("connect_tcp")};
  CHECK_STR(attempts(&b, "bind", "8000", "8002"), "ok, ok");
  CHECK_STR(attempts(&b, "connect", "8001", "8002"), "EACCES, EACCES");
  box_free(&b);
}

/* -- scopes -- */

/* Without a network namespace, in which abstract names are (unix(7)). */
static void share_network(box *b) {
  ctr_namespace *spaces = (ctr_namespace *)(uintptr_t)b->config->linux_.namespaces.items;
  size_t kept = 0;
  spaces = ctr__arena_array(&b->mem, b->config->linux_.namespaces.count, sizeof *spaces);
  for (size_t i = 0; i < b->config->linux_.namespaces.count; i++)
    if (b->config->linux_.namespaces.items[i].type != CTR_NS_NETWORK)
      spaces[kept++] = b->config->linux_.namespaces.items[i];
  b->config->linux_.namespaces = (ctr_namespaces){spaces, kept};
  b->config->mounts = (ctr_mounts){0};
  b->config->linux_.maskedPaths = b->config->linux_.readonlyPaths = (ctr_strs){0};
}

TEST(sockets_without_a_path_stay_in_their_scope) {
  NEEDS_ABI(6);
  const ctr_landlock landlock = {.scoped = CTR_STRS("abstract_unix_socket")};
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char *name = address.sun_path + 1;
  snprintf(name, 64, "ctr-test-%d", (int)getpid());
  CTR__AUTO_CLOSE sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const size_t len = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
  CHECK(!bind(sock, (const void *)&address, (socklen_t)len) && !listen(sock, 4));
  box b = box_new();
  share_network(&b);
  CHECK_STR(attempts(&b, "abstract", name, "nobody"), "ok, ECONNREFUSED");
  b.config->landlock = &landlock;
  CHECK_STR(attempts(&b, "abstract", name, "nobody"), "EPERM, ECONNREFUSED");
  box_free(&b);
}

/* -- containers -- */

/* What one more process in it says of a word. */
static const char *say_in(ctr_container *c, box *b, const char *command, const char *word) {
  ctr_process_config process = ctr_container_config(c)->process;
  process.args = CTR_STRS("/probe", command, word);
  if (box_join(b, c, &process)) return b->err.msg;
  return box_said(b, word);
}

static ctr_container *run_waiting(box *b, char states[300]) {
  const ctr_container_desc desc = box_container(b, states);
  ctr_container *c = NULL, *found = NULL;
  b->config->process.args = CTR_STRS("/probe", "wait");
  CHECK_MSG(!ctr_container_run(b->config, "one", &desc, &c, &b->err), "%s", b->err.msg);
  CHECK_MSG(!ctr_container_open(states, "one", &found, &b->err), "%s", b->err.msg);
  ctr_container_free(c);
  return found; /* from its state alone */
}

TEST(what_joins_a_container_is_restricted_as_its_program) {
  NEEDS_ABI(1);
  for (int no_new = 0; no_new < 2; no_new++) {
    box b = box_with_files();
    char states[300];
    b.config->process.noNewPrivileges = no_new;
    b.config->landlock = &closing;
    ctr_container *c = run_waiting(&b, states);
    if (!c) return;
    CHECK_STR(say_in(c, &b, "open", "/free/file"), "open");
    CHECK_STR(say_in(c, &b, "open", "/closed/file"), "EACCES");
    CHECK(!ctr_container_delete(c, true, &b.err));
    ctr_container_free(c);
    box_free(&b);
  }
}

TEST(signals_stay_in_their_scope) {
  NEEDS_ABI(6);
  const ctr_landlock sockets = {.scoped = CTR_STRS("abstract_unix_socket")},
                     all = {.scoped = CTR_STRS("all")};
  for (int scoped = 0; scoped < 2; scoped++) {
    box b = box_new();
    char states[300];
    b.config->landlock = scoped ? &all : &sockets;
    ctr_container *c = run_waiting(&b, states);
    if (!c) return;
    CHECK_STR(say_in(c, &b, "signal", "1"), scoped ? "EPERM" : "ok");
    CHECK(!ctr_container_delete(c, true, &b.err));
    ctr_container_free(c);
    box_free(&b);
  }
}

/* Hooks are whose config it is, and prepare what the rules are of. */
TEST(hooks_inside_come_before) {
  NEEDS_ABI(1);
  box b = box_with_files();
  char states[300];
  const ctr_container_desc desc = box_container(&b, states);
  const ctr_hook hook = {.path = "/probe", .args = CTR_STRS("probe", "note", "/closed", "seen")};
  ctr_container *c = NULL;
  ctr_exit status = {.code = -1};
  b.config->landlock = &closing;
  b.config->hooks.startContainer = (ctr_hook_list){&hook, 1};
  b.config->process.args = CTR_STRS("/probe", "exit", "0");
  CHECK_MSG(!ctr_container_create(b.config, "one", &desc, &c, &b.err), "%s", b.err.msg);
  if (!c) return;
  CHECK_MSG(!ctr_container_start(c, &b.err), "%s", b.err.msg);
  CHECK(!ctr_process_wait(ctr_container_process(c), &status, &b.err) && status.code == 0);
  CHECK_HAS(get_file(in_root(&b, "closed/order")), "seen");
  CHECK(!ctr_container_delete(c, true, &b.err));
  ctr_container_free(c);
  box_free(&b);
}

/* Rules are made when it is started: who starts it is told what is wrong with them. */
TEST(who_starts_a_container_is_told_of_a_rule) {
  NEEDS_ABI(1);
  box b = box_with_files();
  char states[300];
  const ctr_container_desc desc = box_container(&b, states);
  const ctr_landlock_path rules[] = {{CTR_STRS("/", "/late"), CTR_STRS("all")}};
  const ctr_landlock landlock = {.handledAccessFs = CTR_STRS("read"), .pathBeneath = {rules, 1}};
  ctr_exit status = {.code = -1};
  b.config->landlock = &landlock;
  b.config->process.args = CTR_STRS("/probe", "exit", "0");
  for (int is_there = 0; is_there < 2; is_there++) {
    ctr_container *c = NULL;
    CHECK_MSG(!ctr_container_create(b.config, "one", &desc, &c, &b.err), "%s", b.err.msg);
    if (!c) return;
    if (is_there) put_file(in_root(&b, "late"), "");
    b.code = ctr_container_start(c, &b.err);
    if (is_there)
      CHECK(!b.code && !ctr_process_wait(ctr_container_process(c), &status, &b.err));
    else
      CHECK_REFUSED(&b, "landlock.pathBeneath[0].paths[1]", "by Landlock allow /late and below");
    CHECK(!ctr_container_delete(c, true, &b.err));
    ctr_container_free(c);
  }
  CHECK_NUM(status.code, 0);
  box_free(&b);
}

TEST_MAIN
