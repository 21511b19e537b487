/* Containers as they are found: by id, below a state root that is to be believed, in a status that
   is seen and not written down, and taken away again however broken. */
#include "containers.h"

/* -- ids -- */

static char long_id[1026];

TEST(ids_are_of_the_characters_that_engines_use) {
  static const char *const good[] = {"a",   "0",  "-",   "_",   "+",        ".a",
                                     "...", "a.", "..a", "a-b", "A.Z_z+9-", "sha256"};
  static const char *const bad[] = {"",     ".",   "..",  "/",        "a/b",      "../a", "a/",
                                    " ",    "a b", "a\n", "\xc3\xbc", "a\x7f",    "a:b",  "a,b",
                                    "a\\b", "a*",  "a@b", "~",        "\x1b[31m", "a\tb"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    CHECK_MSG(!ctr__check_id(good[i], NULL), "\"%s\" is refused", good[i]);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ctr_err err = {.code = CTR_OK};
    CHECK_MSG(ctr__check_id(bad[i], &err) == CTR_E_ARG && err.code == CTR_E_ARG, "\"%s\"", bad[i]);
    for (const char *at = err.msg; *at; at++)
      CHECK_MSG((unsigned char)*at >= ' ' && *at != '\x7f', "\"%s\" is printed as it is", bad[i]);
  }
  memset(long_id, 'x', 1024);
  CHECK(!ctr__check_id(long_id, NULL));
  long_id[1024] = 'x';
  CHECK(ctr__check_id(long_id, NULL) == CTR_E_ARG);
  CHECK(ctr__check_id(NULL, NULL) == CTR_E_ARG);
}

static int never(void *userdata, const ctr_state *state, const ctr_err *error) {
  (void)state;
  (void)error;
  ++*(int *)userdata;
  return 0;
}

static int ignore(void *userdata, const char *text, size_t len) {
  (void)userdata;
  (void)text;
  return len == 0;
}

/* Whoever takes an id refuses one that leads elsewhere, before anything is looked at. */
TEST(no_call_takes_an_id_that_is_none) {
  static const char *const ids[] = {"../victim", ".", "..", "", NULL};
  new_root();
  ctr__stored stored = stored_of("victim", 0);
  put("victim", &stored);
  strcat(root, "/victim"); /* "../victim" would lead back to it */
  ctr_container_desc desc = {.root = root};
  for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
    ctr_container *c = NULL;
    ctr_err err;
    CHECK(ctr_container_open(root, ids[i], &c, &err) == CTR_E_ARG);
    CHECK(ctr_container_delete_id(root, ids[i], true, NULL, &err) == CTR_E_ARG);
    CHECK(ctr_container_create(&stored.config, ids[i], &desc, &c, &err) == CTR_E_ARG);
    CHECK(ctr_container_run(&stored.config, ids[i], &desc, &c, &err) == CTR_E_ARG);
    CHECK(ctr_container_explain(&stored.config, ids[i], &desc, ignore, NULL, &err) == CTR_E_ARG);
    CHECK(!c);
  }
  *strrchr(root, '/') = '\0';
  CHECK_STATUS("victim", CTR_STATUS_STOPPED);
  drop_root();
}

TEST(arguments_that_make_no_sense_are_refused) {
  ctr_container *c = NULL;
  ctr_config config = {.ociVersion = NULL};
  ctr_container_desc desc = {.plan.id = "x"};
  ctr_state state;
  ctr_err err;
  ctr_json *json;
  ctr_arena mem = {0};
  pid_t *pids;
  size_t count;
  bool ready;
  CHECK(ctr_container_open(root, "a", NULL, &err) == CTR_E_ARG);
  CHECK(ctr_container_create(NULL, "a", NULL, &c, &err) == CTR_E_ARG);
  CHECK(ctr_container_create(&config, "a", NULL, NULL, &err) == CTR_E_ARG);
  CHECK(ctr_container_create(&config, "a", &desc, &c, &err) == CTR_E_ARG);
  CHECK_HAS(err.msg, "plan.id");
  CHECK(ctr_container_run(NULL, "a", NULL, &c, &err) == CTR_E_ARG);
  CHECK(ctr_container_explain(NULL, "a", NULL, ignore, NULL, &err) == CTR_E_ARG);
  CHECK(ctr_container_explain(&config, "a", NULL, NULL, NULL, &err) == CTR_E_ARG);
  CHECK(ctr_container_state(NULL, &state, &err) == CTR_E_ARG);
  CHECK(ctr_container_start(NULL, &err) == CTR_E_ARG);
  CHECK(ctr_container_delete(NULL, true, &err) == CTR_E_ARG);
  CHECK(ctr_container_signal(NULL, 0, false, &err) == CTR_E_ARG);
  CHECK(ctr_container_exec(NULL, NULL, NULL, NULL, &err) == CTR_E_ARG);
  CHECK(ctr_container_pids(NULL, &mem, &pids, &count, &err) == CTR_E_ARG);
  CHECK(ctr_container_notify(NULL, &ready, &err) == CTR_E_ARG);
  CHECK(ctr_container_list(root, NULL, NULL, &err) == CTR_E_ARG);
  CHECK(ctr_state_to_json(&mem, NULL, &json, &err) == CTR_E_ARG);
  ctr_container_free(NULL);
}

/* -- the state root -- */

/* Nobody's containers are there as long as it cannot be trusted: not to be opened, nor listed, nor
   made. */
static void check_root(const char *path, ctr_code should, const char *what) {
  ctr_container *c = NULL;
  ctr_err err = {.code = CTR_OK}, list_err = {.code = CTR_OK};
  int calls = 0, before = open_descriptors();
  ctr_code code = ctr_container_open(path, "box", &c, &err);
  CHECK_MSG(code == should && err.code == should, "%s: %s: %s", what, ctr_code_name(code), err.msg);
  ctr_code listed = ctr_container_list(path, never, &calls, &list_err);
  if (should == CTR_OK || should == CTR_E_NOT_FOUND)
    CHECK_MSG(!listed && calls == !should, "%s: listed: %s", what, list_err.msg);
  else
    CHECK_MSG(listed == should && !calls, "%s: is listed", what);
  CHECK(ctr_container_delete_id(path, "other", true, NULL, &err) ==
        (should == CTR_OK ? CTR_E_NOT_FOUND : should));
  ctr_container_free(c);
  CHECK_MSG(open_descriptors() == before, "%s: a descriptor is left open", what);
}

TEST(a_root_that_others_could_write_to_is_not_believed) {
  static const mode_t bad[] = {0777, 0720, 0702, 01777, 0770}, good[] = {0700, 0755, 0711, 02750};
  new_root();
  ctr__stored stored = stored_of("box", 0);
  put("box", &stored);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char what[32];
    snprintf(what, sizeof what, "mode %o", (unsigned)bad[i]);
    CHECK(!chmod(root, bad[i]));
    check_root(root, CTR_E_SYS, what);
  }
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    CHECK(!chmod(root, good[i]));
    check_root(root, CTR_OK, "a good mode");
  }
  drop_root();
}

TEST(a_root_of_somebody_else_is_not_believed) {
  if (geteuid()) {
    check_root("/", CTR_E_SYS, "root's");
    return;
  }
  new_root();
  ctr__stored stored = stored_of("box", 0);
  put("box", &stored);
  if (chown(root, 1000, 1000) == 0) check_root(root, CTR_E_SYS, "an ordinary user's");
  drop_root();
}

TEST(a_root_that_is_no_directory_is_told_from_one_that_is_not_there) {
  char path[512];
  new_root();
  ctr__stored stored = stored_of("box", 0);
  put("box", &stored);
  snprintf(path, sizeof path, "%s/link", root);
  CHECK(!symlink(root, path));
  check_root(path, CTR_E_SYS, "a link");
  strcat(path, "/");
  check_root(path, CTR_E_SYS, "a link with a slash");
  unlink(below_root("link", NULL));
  snprintf(path, sizeof path, "%s/box/state.json", root);
  check_root(path, CTR_E_SYS, "a file");
  snprintf(path, sizeof path, "%s/nothing", root);
  check_root(path, CTR_E_NOT_FOUND, "nothing");
  strcat(path, "/at/all");
  check_root(path, CTR_E_NOT_FOUND, "nothing above either");
  CHECK(!is_there("nothing", NULL)); /* to look makes nothing */
  check_root("", CTR_E_ARG, "no path");
  static char longer[PATH_MAX + 10];
  memset(longer, '/', sizeof longer - 1);
  check_root(longer, CTR_E_ARG, "too long a path");
  snprintf(path, sizeof path, "%s///", root);
  check_root(path, CTR_OK, "with slashes at its end");
  drop_root();
}

TEST(a_root_is_made_for_its_owner_alone) {
  char path[512];
  int fd = -1;
  ctr_err err;
  struct stat st;
  new_root();
  mode_t before = umask(0);
  snprintf(path, sizeof path, "%s/a/b/c", root);
  CHECK(!ctr__open_root(path, true, &fd, &err) && fd > 2);
  umask(before);
  CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
  static const char *const parts[] = {"a", "a/b", "a/b/c"};
  for (size_t i = 0; i < 3; i++)
    CHECK(!stat(below_root(parts[i], NULL), &st) && (st.st_mode & 07777) == 0700);
  close(fd);
  CHECK(!ctr__open_root(path, true, &fd, &err)); /* is there */
  close(fd);
  put_file("box", "file", "", 0);
  snprintf(path, sizeof path, "%s/box/file/x", root);
  CHECK(ctr__open_root(path, true, &fd, &err) == CTR_E_SYS && err.sys == ENOTDIR);
  drop_root();
}

TEST(the_default_root_is_the_machines_or_the_users) {
  char path[PATH_MAX];
  ctr_err err;
  const char *kept = getenv("XDG_RUNTIME_DIR");
  char *before = kept ? strdup(kept) : NULL;
  bool of_machine = !geteuid() && ctr__in_initial_userns();
  setenv("XDG_RUNTIME_DIR", "/xdg", 1);
  CHECK(!ctr__root_path(NULL, path, &err));
  CHECK_STR(path, of_machine ? "/run/ctr" : "/xdg/ctr");
  CHECK(!ctr__root_path("/given/", path, &err));
  CHECK_STR(path, "/given");
  for (int i = 0; i < 2; i++) {
    if (i) unsetenv("XDG_RUNTIME_DIR");
    if (!i) setenv("XDG_RUNTIME_DIR", "", 1);
    ctr_code code = ctr__root_path(NULL, path, &err);
    CHECK(code == (of_machine ? CTR_OK : CTR_E_ARG));
    if (code) CHECK_HAS(err.msg, "XDG_RUNTIME_DIR");
  }
  if (before) setenv("XDG_RUNTIME_DIR", before, 1);
  free(before);
}

/* -- finding them -- */

TEST(what_is_not_there_is_not_found) {
  ctr_container *c = NULL;
  ctr_err err;
  new_root();
  CHECK(ctr_container_open(root, "box", &c, &err) == CTR_E_NOT_FOUND && !c);
  CHECK_HAS(err.msg, "\"box\" does not exist");
  CHECK(ctr_container_delete_id(root, "box", false, NULL, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_delete_id(root, "box", true, NULL, &err) == CTR_E_NOT_FOUND);
  put_file("box", "x", "", 0);
  CHECK(!symlink("box", below_root("link", NULL)));
  CHECK(ctr_container_open(root, "link", &c, &err) == CTR_E_SYS); /* is not followed */
  CHECK(ctr_container_delete_id(root, "link", true, NULL, &err) == CTR_E_SYS);
  CHECK(is_there("box", "x"));
  drop_root();
}

TEST(what_is_found_is_what_was_written) {
  static const ctr_pair annotations[] = {{"a", "b"}};
  ctr_container *c = NULL;
  ctr_state state;
  ctr_err err;
  new_root();
  pid_t pid = sleeper();
  ctr__stored stored = stored_of("box", pid);
  stored.config.annotations = (ctr_pairs){annotations, 1};
  stored.owner = 42;
  put("box", &stored);
  CHECK_MSG(!ctr_container_open(root, "box", &c, &err) && !err.code, "%s", err.msg);
  CHECK(!ctr_container_state(c, &state, &err));
  CHECK_STR(state.ociVersion, "1.3.0");
  CHECK_STR(state.id, "box");
  CHECK_STR(state.bundle, "/bundle");
  CHECK_STR(state.rootfs, "/bundle/rootfs");
  CHECK_STR(state.created, "2026-01-02T03:04:05.000000006Z");
  CHECK(state.status == CTR_STATUS_RUNNING && state.pid == pid && state.owner == 42);
  CHECK(state.annotations.count == 1 && !strcmp(state.annotations.items[0].value, "b"));
  CHECK_STR(ctr_container_config(c)->process.args.items[0], "sh");
  ctr_process *process = ctr_container_process(c);
  CHECK(ctr_process_pid(process) == pid && ctr_process_pidfd(process) > 2);
  CHECK(fcntl(ctr_process_pidfd(process), F_GETFD) & FD_CLOEXEC);
  CHECK_NUM(ctr_container_notify_fd(c), -1);
  ctr_container_free(c);
  end(pid);
  CHECK_STATUS("box", CTR_STATUS_STOPPED);
  drop_root();
}

typedef struct seen {
  char lines[1024];
  int stop_at, calls;
} seen;

static int see(void *userdata, const ctr_state *state, const ctr_err *error) {
  seen *s = userdata;
  size_t len = strlen(s->lines);
  const ctr_state nothing_but_id = {.id = state->id};
  snprintf(s->lines + len, sizeof s->lines - len, "%s:%s|", state->id,
           error ? ctr_code_name(error->code) : ctr_status_name(state->status));
  if (error) CHECK(error->msg[0] && !memcmp(state, &nothing_but_id, sizeof *state));
  return ++s->calls == s->stop_at;
}

TEST(all_are_listed_in_order_broken_ones_too) {
  seen all = {.stop_at = 0}, first = {.stop_at = 2}, none = {.stop_at = 0};
  ctr_err err;
  new_root();
  int before = open_descriptors();
  static const char *const ids[] = {"b", "B", "b1", "a.z"};
  for (size_t i = 0; i < 4; i++) {
    ctr__stored stored = stored_of(ids[i], 0);
    put(ids[i], &stored);
  }
  put_file("c-torn", "state.json", "{\"id\":", 6);
  close(directory("d-unfinished"));
  close(directory("no id"));
  CHECK(!symlink("b", below_root("e-link", NULL)));
  CHECK_MSG(!ctr_container_list(root, see, &all, &err), "%s", err.msg);
  CHECK_STR(all.lines, "B:stopped|a.z:stopped|b:stopped|b1:stopped|c-torn:CTR_E_CORRUPT|"
                       "d-unfinished:CTR_E_CORRUPT|e-link:CTR_E_SYS|");
  CHECK(ctr_container_list(root, see, &first, &err) == CTR_E_SYS && err.sys == ECANCELED);
  CHECK_STR(first.lines, "B:stopped|a.z:stopped|");
  CHECK_NUM(open_descriptors(), before);
  drop_root();
  CHECK(!ctr_container_list(root, see, &none, &err) && !none.calls && !err.code);
}

TEST(so_many_that_they_do_not_fit_into_one_look) {
  enum { MANY = 700 };
  seen all = {.stop_at = 0};
  new_root();
  for (int i = 0; i < MANY; i++) {
    char id[64];
    snprintf(id, sizeof id, "a-name-of-some-length-%d", i);
    close(directory(id));
  }
  CHECK(!ctr_container_list(root, see, &all, NULL));
  CHECK_NUM(all.calls, MANY);
  drop_root();
}

/* -- status -- */

TEST(one_whose_process_is_gone_is_stopped_whatever_else_is_there) {
  static const char *const files[] = {"creating", "start", "starting"};
  new_root();
  pid_t pid = sleeper(), ended = fork();
  if (ended == 0) _exit(0);
  siginfo_t info;
  CHECK(!waitid(P_PID, (id_t)ended, &info, WEXITED | WNOWAIT));
  ctr__stored long_gone = stored_of("gone", 0), zombie = stored_of("zombie", ended),
              reused = stored_of("reused", pid), earlier = stored_of("earlier", pid);
  reused.startTime++;
  earlier.startTime = 0;
  const ctr__stored *all[] = {&long_gone, &zombie, &reused, &earlier};
  for (size_t i = 0; i < 4; i++) {
    put(all[i]->id, all[i]);
    CHECK_STATUS(all[i]->id, CTR_STATUS_STOPPED);
    for (size_t f = 0; f < 3; f++) {
      int sock = put_socket(all[i]->id, files[f]);
      CHECK_STATUS(all[i]->id, CTR_STATUS_STOPPED);
      close(sock);
      unlink(below_root(all[i]->id, files[f]));
    }
  }
  waitpid(ended, NULL, 0);
  CHECK_STATUS("zombie", CTR_STATUS_STOPPED);
  end(pid);
  drop_root();
}

/* Another holds the lock: whoever makes or starts it. */
static int lock_of(const char *id) {
  int dir = directory(id);
  CHECK(!flock(dir, LOCK_EX | LOCK_NB));
  return dir;
}

TEST(the_status_is_what_is_seen) {
  new_root();
  pid_t pid = sleeper();
  ctr__stored stored = stored_of("box", pid);
  put("box", &stored);
  CHECK_STATUS("box", CTR_STATUS_RUNNING);
  int lock = lock_of("box");
  CHECK_STATUS("box", CTR_STATUS_RUNNING); /* somebody is at it, that is all */
  put_file("box", "creating", "", 0);
  CHECK_STATUS("box", CTR_STATUS_CREATING); /* to run at once: by somebody alive */
  close(lock);
  CHECK_STATUS("box", CTR_STATUS_CREATING); /* by somebody killed: it has executed nothing yet */
  unlink(below_root("box", "creating"));

  int sock = put_socket("box", "creating");
  CHECK_STATUS("box", CTR_STATUS_CREATING);
  CHECK(!rename(below_root("box", "creating"), below_root("box", "start")));
  CHECK_STATUS("box", CTR_STATUS_CREATED);
  CHECK(!rename(below_root("box", "start"), below_root("box", "starting")));
  CHECK_STATUS("box", CTR_STATUS_CREATED); /* who started it is gone, and it did not hear */
  close(sock);
  CHECK_STATUS("box", CTR_STATUS_RUNNING); /* it did */
  lock = lock_of("box");
  CHECK_STATUS("box", CTR_STATUS_CREATED); /* on its way: not before the hooks were run */
  close(lock);
  unlink(below_root("box", "starting"));
  CHECK_STATUS("box", CTR_STATUS_RUNNING);
  end(pid);
  drop_root();
}

/* cgroups that are not there, or cannot be read, do not make it paused. */
TEST(a_cgroup_that_is_gone_freezes_nobody) {
  static const ctr__cgroup cgroups[] = {{"/sys/fs/cgroup/ctr-unit-nothing", "freezer", false},
                                        {"/dev/null/x", "", true}};
  new_root();
  pid_t pid = sleeper();
  ctr__stored stored = stored_of("box", pid);
  stored.cgroups = cgroups;
  stored.cgroup_count = 2;
  put("box", &stored);
  CHECK_STATUS("box", CTR_STATUS_RUNNING);
  end(pid);
  drop_root();
}

TEST(statuses_have_names) {
  CHECK_STR(ctr_status_name(CTR_STATUS_CREATING), "creating");
  CHECK_STR(ctr_status_name(CTR_STATUS_CREATED), "created");
  CHECK_STR(ctr_status_name(CTR_STATUS_RUNNING), "running");
  CHECK_STR(ctr_status_name(CTR_STATUS_PAUSED), "paused");
  CHECK_STR(ctr_status_name(CTR_STATUS_STOPPED), "stopped");
  CHECK(ctr_status_name((ctr_status)0) && ctr_status_name((ctr_status)99) &&
        ctr_status_name((ctr_status)-1));
}

static int collect(void *userdata, const char *bytes, size_t len) {
  strncat(userdata, bytes, len);
  return 0;
}

TEST(a_state_is_written_as_engines_read_it) {
  static const ctr_pair annotations[] = {{"k", "v"}};
  const ctr_state states[] = {
      {"1.2.0", "box", CTR_STATUS_RUNNING, 7, "/b", "/b/r", "t", 5, {annotations, 1}},
      {.id = "x", .status = CTR_STATUS_STOPPED}};
  static const char *const texts[] = {
      "{\"ociVersion\":\"1.2.0\",\"id\":\"box\",\"pid\":7,\"status\":\"running\",\"bundle\":\"/b\","
      "\"rootfs\":\"/b/r\",\"created\":\"t\",\"annotations\":{\"k\":\"v\"},\"owner\":5}",
      "{\"ociVersion\":\"1.3.0\",\"id\":\"x\",\"pid\":0,\"status\":\"stopped\",\"owner\":0}"};
  for (size_t i = 0; i < 2; i++) {
    ctr_arena mem = {0};
    ctr_json *value = NULL;
    char text[512] = "";
    CHECK(!ctr_state_to_json(&mem, &states[i], &value, NULL));
    CHECK(!ctr_json_write(value, CTR_JSON_COMPACT, collect, text, NULL));
    CHECK_STR(text, texts[i]);
    ctr_arena_free(&mem);
  }
}

/* -- what fits a status and what does not -- */

static void check_state_error(ctr_code code, const ctr_err *err, const char *call,
                              const char *status) {
  CHECK_MSG(code == CTR_E_STATE && strstr(err->msg, status), "%s: %s: %s", call,
            ctr_code_name(code), err->msg);
}

TEST(what_does_not_fit_the_status_is_refused_and_says_the_status) {
  new_root();
  pid_t pid = sleeper();
  ctr__stored stopped = stored_of("stopped", 0), running = stored_of("running", pid);
  put("stopped", &stopped);
  put("running", &running);
  const char *const ids[] = {"stopped", "running"};
  for (int i = 0; i < 2; i++) {
    ctr_container *c = NULL;
    ctr_process *process = NULL;
    ctr_err err;
    if (ctr_container_open(root, ids[i], &c, &err)) continue;
    const ctr_process_config *asked = &ctr_container_config(c)->process;
    check_state_error(ctr_container_start(c, &err), &err, "start", ids[i]);
    check_state_error(ctr_container_resume(c, &err), &err, "resume", ids[i]);
    if (i) check_state_error(ctr_container_delete(c, false, &err), &err, "delete", ids[i]);
    if (!i) {
      check_state_error(ctr_container_pause(c, &err), &err, "pause", ids[i]);
      check_state_error(ctr_container_signal(c, SIGTERM, false, &err), &err, "signal", ids[i]);
      CHECK_HAS(err.msg, "container not running"); /* engines look for it */
      check_state_error(ctr_container_exec(c, asked, NULL, &process, &err), &err, "exec", ids[i]);
    }
    CHECK(!process);
    ctr_container_free(c);
  }
  CHECK_STATUS("running", CTR_STATUS_RUNNING);
  end(pid);
  drop_root();
}

TEST(without_a_cgroup_there_are_things_that_nobody_can_do) {
  ctr_container *c = NULL;
  ctr_arena mem = {0};
  ctr_err err;
  pid_t *pids = NULL;
  size_t count = 0;
  new_root();
  pid_t pid = sleeper();
  ctr__stored stored = stored_of("box", pid);
  put("box", &stored);
  CHECK(!ctr_container_open(root, "box", &c, &err));
  CHECK(ctr_container_pause(c, &err) == CTR_E_UNSUPPORTED);
  CHECK_HAS(err.msg, "no cgroup");
  CHECK(ctr_container_pids(c, &mem, &pids, &count, &err) == CTR_E_UNSUPPORTED);
  CHECK(ctr_container_signal(c, SIGTERM, true, &err) == CTR_E_UNSUPPORTED);
  CHECK_STATUS("box", CTR_STATUS_RUNNING);
  CHECK(!ctr_container_signal(c, 0, false, &err));
  CHECK(!ctr_container_signal(c, SIGKILL, false, &err)); /* is all there is of it */
  int status = 0;
  CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  CHECK(ctr_container_signal(c, 0, false, &err) == CTR_E_STATE);
  ctr_container_free(c);
  drop_root();
}

/* A first process that is nobody's child here can be waited for, not reaped. */
TEST(the_end_of_somebody_elses_child_is_seen_but_not_its_status) {
  ctr_container *c = NULL;
  ctr_err err;
  ctr_exit status;
  int ends[2];
  pid_t pid = -1;
  new_root();
  CHECK(!pipe2(ends, O_CLOEXEC));
  pid_t between = fork();
  if (between == 0) {
    pid = fork();
    if (pid == 0) pause();
    _exit(write(ends[1], &pid, sizeof pid) != (ssize_t)sizeof pid);
  }
  CHECK(read(ends[0], &pid, sizeof pid) == (ssize_t)sizeof pid);
  CHECK(waitpid(between, NULL, 0) == between);
  ctr__stored stored = stored_of("box", pid);
  put("box", &stored);
  CHECK(!ctr_container_open(root, "box", &c, &err));
  CHECK(!ctr_process_signal(ctr_container_process(c), SIGKILL, &err));
  CHECK(ctr_process_wait(ctr_container_process(c), &status, &err) == CTR_E_SYS);
  CHECK_NUM(err.sys, ECHILD);
  CHECK_STATUS("box", CTR_STATUS_STOPPED);
  ctr_container_free(c);
  close(ends[0]);
  close(ends[1]);
  drop_root();
}

/* -- taking them away -- */

TEST(one_that_is_stopped_is_deleted) {
  ctr_err err;
  new_root();
  ctr__stored stored = stored_of("box", 0);
  put("box", &stored);
  put_file("box", "state.json.new", "torn", 4);
  put_file("box", "creating", "", 0);
  close(put_socket("box", "start"));
  put_file("box", "anything", "x", 1);
  CHECK(!mkdir(below_root("box", "notify"), 0755));
  put_file("box", "notify/notify.sock", "", 0);
  CHECK_MSG(!ctr_container_delete_id(root, "box", false, NULL, &err), "%s", err.msg);
  CHECK(!is_there("box", NULL));
  CHECK(ctr_container_delete_id(root, "box", true, NULL, &err) == CTR_E_NOT_FOUND);
  drop_root();
}

TEST(one_that_runs_is_deleted_by_force_only) {
  ctr_err err;
  new_root();
  pid_t pid = sleeper();
  ctr__stored stored = stored_of("box", pid);
  put("box", &stored);
  CHECK(ctr_container_delete_id(root, "box", false, NULL, &err) == CTR_E_STATE);
  CHECK_STATUS("box", CTR_STATUS_RUNNING);
  CHECK_MSG(!ctr_container_delete_id(root, "box", true, NULL, &err), "%s", err.msg);
  CHECK(!is_there("box", NULL));
  CHECK_MSG(is_reaped(pid), "its first process, our child, is left as a zombie");
  drop_root();
}

TEST(what_others_hold_is_not_taken_along) {
  ctr_err err;
  new_root();
  put_file("victim", "file", "x", 1);
  ctr__stored stored = stored_of("box", 0);
  put("box", &stored);
  CHECK(!symlink("../victim", below_root("box", "link")));
  CHECK(!symlink("../victim", below_root("box", "notify")));
  CHECK_MSG(!ctr_container_delete_id(root, "box", false, NULL, &err), "%s", err.msg);
  CHECK(!is_there("box", NULL) && is_there("victim", "file"));
  drop_root();
}

/* Another process that has got its number since is not to die for it. */
TEST(a_number_that_is_anothers_by_now_kills_nobody) {
  new_root();
  pid_t pid = sleeper();
  ctr__stored stored = stored_of("box", pid);
  stored.startTime++;
  put("box", &stored);
  CHECK(!ctr_container_delete_id(root, "box", true, NULL, NULL));
  CHECK(!is_there("box", NULL));
  CHECK_MSG(waitpid(pid, NULL, WNOHANG) == 0, "a stranger is killed");
  end(pid);
  drop_root();
}

TEST(broken_ones_are_deleted_by_force_only) {
  static const char *const what[] = {"torn", "empty", "never-finished", "another", "directory"};
  ctr_err err;
  new_root();
  put_file("torn", "state.json", "{\"id\":\"torn\"", 12);
  put_file("empty", "state.json", "", 0);
  close(put_socket("never-finished", "creating"));
  ctr__stored stored = stored_of("somebody", 0);
  put("another", &stored);
  close(directory("directory"));
  CHECK(!mkdir(below_root("directory", "state.json"), 0700));
  for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
    ctr_code code = ctr_container_delete_id(root, what[i], false, NULL, &err);
    CHECK_MSG(code == CTR_E_CORRUPT && is_there(what[i], NULL), "%s: %s", what[i],
              ctr_code_name(code));
    CHECK_HAS(err.msg, "delete it with force");
    code = ctr_container_delete_id(root, what[i], true, NULL, &err);
    CHECK_MSG(!code && !err.code, "%s: %s", what[i], err.msg);
    CHECK_MSG(!is_there(what[i], NULL), "%s is still there", what[i]);
  }
  drop_root();
}

/* One that was only being made when it was looked at first. */
TEST(a_broken_one_that_is_whole_by_now_is_deleted_as_what_it_is) {
  ctr_err err;
  new_root();
  pid_t pid = sleeper();
  ctr__stored stored = stored_of("box", pid);
  put("box", &stored);
  CHECK_MSG(!ctr__delete_unknown(root, "box", NULL, &err), "%s", err.msg);
  CHECK(!is_there("box", NULL) && is_reaped(pid));
  drop_root();
}

/* A handle knows that what it stands for is gone, and a new one of that name is not it. */
TEST(a_handle_on_what_is_gone_says_so) {
  static const ctr_watch_desc end_of_it = {.kind = CTR_WATCH_EMPTY};
  static const ctr_resources resources;
  ctr_container *c = NULL;
  ctr_state state;
  ctr_stats stats;
  ctr_watch *watch = NULL;
  ctr_process *process = NULL;
  ctr_arena mem = {0};
  pid_t *pids = NULL;
  size_t count = 0;
  ctr_err err;
  new_root();
  ctr__stored stored = stored_of("box", 0);
  put("box", &stored);
  CHECK(!ctr_container_open(root, "box", &c, &err));
  CHECK(!ctr_container_delete_id(root, "box", false, NULL, &err));
  put("box", &stored);
  CHECK(ctr_container_state(c, &state, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_start(c, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_pause(c, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_resume(c, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_update(c, &resources, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_signal(c, SIGKILL, true, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_signal(c, SIGTERM, false, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_pids(c, &mem, &pids, &count, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_stats(c, &mem, &stats, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_watch(c, &end_of_it, &watch, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_exec(c, &stored.config.process, NULL, &process, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_delete(c, false, &err) == CTR_E_NOT_FOUND);
  CHECK(ctr_container_delete(c, true, &err) == CTR_OK); /* that is what was wanted */
  CHECK_STATUS("box", CTR_STATUS_STOPPED);
  ctr_arena_free(&mem);
  ctr_container_free(c);
  drop_root();
}

/* Who goes by the paths of its cgroups keeps it from being deleted as long as that takes, and
   others from nothing else: that somebody makes or starts it is not seen there. */
TEST(what_is_looked_at_is_not_deleted_meanwhile) {
  ctr_container *c = NULL, *other = NULL;
  ctr_err err;
  new_root();
  ctr__stored stored = stored_of("box", 0);
  put("box", &stored);
  CHECK(!ctr_container_open(root, "box", &c, &err) &&
        !ctr_container_open(root, "box", &other, &err));
  int holds[2] = {-1, -1};
  for (int i = 0; i < 2; i++) CHECK(!ctr__lock_shared(c, &holds[i], &err) && holds[i] > 2);
  CHECK(flock(other->dir, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
  CHECK(!ctr__is_locked(other));
  for (int i = 0; i < 2; i++) ctr__close(&holds[i]);
  CHECK(!ctr__lock(other, &err));
  CHECK_MSG(!ctr__lock_shared(c, &holds[0], &err), "who starts it is not waited for");
  ctr__close(&holds[0]);
  ctr__unlock(other);
  ctr_container_free(c);
  ctr_container_free(other);
  drop_root();
}

/* A state that names what is no cgroup, as after a move of its mounts, does no harm to it. */
TEST(a_directory_that_is_no_cgroup_is_left_alone) {
  char path[512];
  ctr_err err;
  new_root();
  put_file("victim", "file", "x", 1);
  snprintf(path, sizeof path, "%s/victim", root);
  const ctr__cgroup cgroups[] = {{path, "freezer", false}};
  ctr__stored stored = stored_of("box", 0);
  stored.cgroups = cgroups;
  stored.cgroup_count = 1;
  put("box", &stored);
  ctr_container_delete_id(root, "box", true, NULL, &err);
  CHECK(is_there("victim", "file"));
  drop_root();
}

/* -- making them, as far as that goes without one -- */

TEST(an_id_that_is_taken_is_refused_and_nothing_is_touched) {
  ctr_arena mem = {0};
  ctr_config *config = NULL;
  ctr_container *c = NULL;
  ctr_err err;
  struct stat before, after;
  new_root();
  ctr__stored stored = stored_of("taken", 0);
  put("taken", &stored);
  put_file("broken", "state.json", "", 0);
  CHECK(!ctr_config_default(&mem, CTR_DEFAULT_AUTO, &config, &err));
  config->mounts.count = 0; /* of cgroup, which not every machine has */
  const ctr_container_desc desc = {.root = root, .plan = {.bundle = "/", .no_cgroup = true}};
  CHECK(!stat(below_root("taken", "state.json"), &before));
  static const char *const ids[] = {"taken", "broken"};
  for (size_t i = 0; i < 2; i++) {
    ctr_code code = ctr_container_create(config, ids[i], &desc, &c, &err);
    CHECK_MSG(code == CTR_E_EXISTS && !c, "%s: %s", ids[i], err.msg);
    CHECK_HAS(err.msg, "already exists");
    CHECK(ctr_container_run(config, ids[i], &desc, &c, &err) == CTR_E_EXISTS && !c);
    CHECK(is_there(ids[i], "state.json") && !is_there(ids[i], "creating"));
  }
  CHECK(!stat(below_root("taken", "state.json"), &after) && after.st_ino == before.st_ino);
  ctr_arena_free(&mem);
  drop_root();
}

TEST(a_config_that_is_wrong_leaves_nothing) {
  ctr_container *c = NULL;
  ctr_err err;
  new_root();
  int before = open_descriptors();
  const ctr_container_desc desc = {.root = root, .plan = {.bundle = "/"}},
                           nowhere = {.root = root, .plan = {.bundle = "/nowhere/at/all"}};
  ctr_config config = {.root = {"/", false}, .process = {.cwd = "relative"}};
  CHECK(ctr_container_create(&config, "box", &desc, &c, &err) == CTR_E_CONFIG && !c);
  CHECK_STR(err.field, "process.args");
  CHECK(ctr_container_run(&config, "box", &desc, &c, &err) == CTR_E_CONFIG && !c);
  CHECK(ctr_container_create(&config, "box", &nowhere, &c, &err) == CTR_E_SYS && !c);
  CHECK_HAS(err.msg, "/nowhere/at/all");
  CHECK(ctr_container_explain(&config, "box", &desc, ignore, NULL, &err) == CTR_E_CONFIG);
  CHECK(!is_there("box", NULL));
  CHECK_NUM(open_descriptors(), before);
  drop_root();
}

TEST(explain_makes_nothing) {
  ctr_arena mem = {0};
  ctr_config *config = NULL;
  ctr_err err;
  static char text[1 << 16];
  new_root();
  rmdir(root);
  CHECK(!ctr_config_default(&mem, CTR_DEFAULT_AUTO, &config, &err));
  config->mounts.count = 0;
  const ctr_container_desc desc = {.root = root, .plan = {.bundle = "/", .no_cgroup = true}};
  text[0] = '\0';
  CHECK_MSG(!ctr_container_explain(config, "box", &desc, collect, text, &err), "%s", err.msg);
  CHECK_HAS(text, "wait to be started");
  CHECK(access(root, F_OK) < 0);
  ctr_arena_free(&mem);
}

TEST_MAIN
