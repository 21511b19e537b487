/* A caller whose signals never cease: whatever EINTR they bring (signal(7), "Interruption of system
   calls"), each call of a container's life comes to what it comes to in peace. */
#include "box.h"

#include <sys/time.h>

enum { ROUNDS = 10, EVERY_US = 50 };

static volatile sig_atomic_t interruptions;

static void interrupted(int signal) {
  (void)signal;
  interruptions++;
}

/* Without SA_RESTART: every call that can say EINTR says it. */
static void storm(bool on) {
  const struct sigaction action = {.sa_handler = interrupted};
  const struct itimerval never = {{0, 0}, {0, 0}}, often = {{0, EVERY_US}, {0, EVERY_US}};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, on ? &often : &never, NULL);
}

/* One call in the storm; the checks around it need not be fit for one. */
#define CHECK_STORM(call, should)                                                                  \
  do {                                                                                             \
    storm(true);                                                                                   \
    const ctr_code code_ = (call);                                                                 \
    storm(false);                                                                                  \
    CHECK_MSG(code_ == (should), "round %d: %s: %s %s", round_, #call, ctr_code_name(code_),       \
              b->err.msg);                                                                         \
  } while (0)

/* A box that is to be a container, with a state root of its own. */
typedef struct house {
  box box;
  bool has_cgroup;
  char root[300];
  ctr_container_desc desc;
} house;

static house house_new(bool has_cgroup) {
  static const char *const hear[] = {"/probe", "hear"};
  house h = {.box = box_new(), .has_cgroup = has_cgroup};
  box *b = &h.box;
  snprintf(h.root, sizeof h.root, "%s/states", b->dir);
  b->config->process.args = (ctr_strs){hear, 2};
  if (has_cgroup)
    b->config->linux_.cgroupsPath =
        ctr__arena_strdup(&b->mem, text("%sctr-interrupted-%d", me().cgroups, getpid()));
  h.desc = (ctr_container_desc){
      .plan = {.die_with_caller = true, .no_cgroup = !has_cgroup},
      .process = {.stdio = CTR_STDIO_FDS, .fds = {-1, -1, -1}},
  };
  return h;
}

/* The same house may have moved: what points into it is set when it is used. */
static const ctr_container_desc *described(house *h) {
  h->desc.root = h->root;
  h->desc.plan.bundle = h->box.dir;
  return &h->desc;
}

static void check_status(house *h, ctr_status should, int round_) {
  box *b = &h->box;
  ctr_container *c = NULL;
  ctr_state state = {.id = ""};
  CHECK_STORM(ctr_container_open(h->root, "one", &c, &b->err), CTR_OK);
  if (!c) return;
  CHECK_STORM(ctr_container_state(c, &state, &b->err), CTR_OK);
  CHECK_MSG(state.status == should, "round %d: it is %s, not %s", round_,
            ctr_status_name(state.status), ctr_status_name(should));
  ctr_container_free(c);
}

static int see(void *userdata, const ctr_state *state, const ctr_err *error) {
  snprintf(userdata, 64, "%s %s", state->id,
           error ? ctr_code_name(error->code) : ctr_status_name(state->status));
  return 0;
}

static void check_listed(house *h, const char *should, int round_) {
  box *b = &h->box;
  char seen[64] = "nothing";
  CHECK_STORM(ctr_container_list(h->root, see, seen, &b->err), CTR_OK);
  CHECK_STR(seen, should);
}

static void check_exec(house *h, ctr_container *c, int round_) {
  box *b = &h->box;
  ctr_process_config process = ctr_container_config(c)->process;
  const ctr_exec_desc desc = {.die_with_caller = true, .process = h->desc.process};
  ctr_process *made = NULL;
  ctr_exit status = {.code = -1};
  process.args = CTR_STRS("/probe", "exit", "7");
  CHECK_STORM(ctr_container_exec(c, &process, &desc, &made, &b->err), CTR_OK);
  if (!made) return;
  CHECK_STORM(ctr_process_wait(made, &status, &b->err), CTR_OK);
  CHECK_NUM(ctr_exit_status(&status), 7);
  ctr_process_free(made);
  process.args = CTR_STRS("/not/there");
  CHECK_STORM(ctr_container_exec(c, &process, &desc, &made, &b->err), CTR_E_SYS);
  CHECK_NUM(b->err.sys, ENOENT);
}

static void check_cgroup(house *h, ctr_container *c, int round_) {
  box *b = &h->box;
  ctr_arena mem = {0};
  pid_t *pids = NULL;
  size_t count = 0;
  CHECK_STORM(ctr_container_pids(c, &mem, &pids, &count, &b->err), CTR_OK);
  CHECK(count == 1 && pids[0] == ctr_process_pid(ctr_container_process(c)));
  CHECK_STORM(ctr_container_pause(c, &b->err), CTR_OK);
  check_status(h, CTR_STATUS_PAUSED, round_);
  CHECK_STORM(ctr_container_resume(c, &b->err), CTR_OK);
  check_status(h, CTR_STATUS_RUNNING, round_);
  CHECK_STORM(ctr_container_signal(c, SIGUSR1, true, &b->err), CTR_OK);
  ctr_arena_free(&mem);
}

static void live_a_life(house *h, int round_) {
  box *b = &h->box;
  ctr_container *c = NULL;
  ctr_exit status = {.code = -1};
  CHECK_STORM(ctr_container_create(b->config, "one", described(h), &c, &b->err), CTR_OK);
  if (!c) return;
  check_status(h, CTR_STATUS_CREATED, round_);
  CHECK_STORM(ctr_container_start(c, &b->err), CTR_OK);
  check_status(h, CTR_STATUS_RUNNING, round_);
  check_listed(h, "one running", round_);
  check_exec(h, c, round_);
  if (h->has_cgroup) check_cgroup(h, c, round_);
  CHECK_STORM(ctr_container_signal(c, SIGUSR1, false, &b->err), CTR_OK);
  CHECK_STORM(ctr_container_delete(c, false, &b->err), CTR_E_STATE);
  CHECK_STORM(ctr_container_signal(c, SIGKILL, round_ % 2 && h->has_cgroup, &b->err), CTR_OK);
  CHECK_STORM(ctr_process_wait(ctr_container_process(c), &status, &b->err), CTR_OK);
  CHECK_NUM(status.signal, SIGKILL);
  check_status(h, CTR_STATUS_STOPPED, round_);
  CHECK_STORM(ctr_container_delete(c, false, &b->err), CTR_OK);
  check_listed(h, "nothing", round_);
  ctr_container_free(c);
}

static void house_free(house *h) {
  CHECK_NUM(count_entries(h->root), 0);
  for (int v2 = 0; v2 < 2; v2++) {
    char place[4096];
    if (cgroup_place(v2 ? "v2" : "freezer", place))
      CHECK(access(text("%.3000s/ctr-interrupted-%d", place, getpid()), F_OK) < 0);
  }
  box_free(&h->box);
}

static void check_life(bool has_cgroup) {
  house h = house_new(has_cgroup);
  census before = take_census();
  interruptions = 0;
  for (int round_ = 0; round_ < ROUNDS; round_++) live_a_life(&h, round_);
  printf("# %d interruptions\n", (int)interruptions);
  CHECK(interruptions > ROUNDS);
  check_census(&before);
  house_free(&h);
}

TEST(a_life_from_create_to_delete) {
  check_life(false);
}

TEST(a_life_in_a_cgroup) {
  check_life(true);
}

/* So often that signals come between the system calls of a look and in each of them. */
TEST(looks_are_right_however_often) {
  enum { LOOKS = 20000 };
  house h = house_new(false);
  box *b = &h.box;
  ctr_container *c = NULL;
  const int round_ = 0;
  int wrong = 0;
  CHECK_STORM(ctr_container_create(b->config, "one", described(&h), &c, &b->err), CTR_OK);
  CHECK_STORM(ctr_container_start(c, &b->err), CTR_OK);
  storm(true);
  for (int i = 0; i < LOOKS; i++) {
    ctr_state state = {.id = ""};
    wrong += ctr_container_state(c, &state, &b->err) || state.status != CTR_STATUS_RUNNING ||
             ctr_container_signal(c, 0, false, &b->err);
  }
  storm(false);
  CHECK_NUM(wrong, 0);
  CHECK_STORM(ctr_container_delete(c, true, &b->err), CTR_OK);
  ctr_container_free(c);
  house_free(&h);
}

static void check_deletes(bool has_cgroup) {
  house h = house_new(has_cgroup);
  box *b = &h.box;
  census before = take_census();
  for (int round_ = 0; round_ < ROUNDS; round_++) {
    ctr_container *c = NULL;
    CHECK_STORM(ctr_container_create(b->config, "one", described(&h), &c, &b->err), CTR_OK);
    if (!c) continue;
    if (round_ % 3) CHECK_STORM(ctr_container_start(c, &b->err), CTR_OK);
    if (round_ % 3 == 2 && has_cgroup) CHECK_STORM(ctr_container_pause(c, &b->err), CTR_OK);
    if (round_ % 2)
      CHECK_STORM(ctr_container_delete(c, true, &b->err), CTR_OK);
    else
      CHECK_STORM(ctr_container_delete_id(h.root, "one", true, NULL, &b->err), CTR_OK);
    ctr_container_free(c);
  }
  check_census(&before);
  house_free(&h);
}

TEST(deletes_by_force_from_every_state) {
  check_deletes(false);
}

TEST(deletes_by_force_from_every_state_in_a_cgroup) {
  check_deletes(true);
}

/* Hooks run in the caller, which feeds them, waits for them and reads what they complain of. */
TEST(hooks_are_fed_and_waited_for) {
  static const char *const good[] = {"sh", "-c", "read state; sleep 0.02; test -n \"$state\""};
  static const char *const bad[] = {"sh", "-c", "cat >/dev/null; echo enough of it >&2; exit 3"};
  const ctr_hook hook = {.path = "/bin/sh", .args = {good, 3}};
  const ctr_hook failing = {.path = "/bin/sh", .args = {bad, 3}};
  house h = house_new(false);
  box *b = &h.box;
  census before = take_census();
  for (int round_ = 0; round_ < ROUNDS; round_++) {
    ctr_container *c = NULL;
    b->config->hooks = (ctr_hooks){.createRuntime = {&hook, 1},
                                   .createContainer = {&hook, 1},
                                   .poststart = {&hook, 1},
                                   .poststop = {&hook, 1}};
    CHECK_STORM(ctr_container_run(b->config, "one", described(&h), &c, &b->err), CTR_OK);
    check_status(&h, CTR_STATUS_RUNNING, round_);
    CHECK_STORM(ctr_container_delete(c, true, &b->err), CTR_OK);
    ctr_container_free(c);
    b->config->hooks.createRuntime.items = &failing;
    CHECK_STORM(ctr_container_run(b->config, "one", described(&h), &c, &b->err), CTR_E_SYS);
    CHECK_STR(b->err.field, "hooks.createRuntime[0]");
    CHECK_HAS(b->err.msg, "enough of it");
  }
  check_census(&before);
  house_free(&h);
}

/* Only the program's own signals count for how it ends. */
TEST(what_is_run_and_waited_for_ends_as_it_does) {
  house h = house_new(false);
  box *b = &h.box;
  b->config->process.args = CTR_STRS("/probe", "exit", "42");
  b->plan = (ctr_plan_desc){.bundle = b->dir, .die_with_caller = true};
  census before = take_census();
  for (int round_ = 0; round_ < ROUNDS; round_++) {
    ctr_exit status = {.code = -1};
    CHECK_STORM(ctr_run(b->config, &b->plan, &h.desc.process, &status, &b->err), CTR_OK);
    CHECK_NUM(ctr_exit_status(&status), 42);
  }
  check_census(&before);
  box_free(b);
}

/* Whoever is busy with the container is waited for as long as in peace, which is much longer than
   this one is. */
TEST(the_time_to_wait_for_the_lock_is_not_cut_short) {
  house h = house_new(false);
  box *b = &h.box;
  ctr_container *c = NULL;
  const int round_ = 0;
  CHECK_STORM(ctr_container_create(b->config, "one", described(&h), &c, &b->err), CTR_OK);
  int dir = open(text("%s/one", h.root), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK(dir >= 0 && flock(dir, LOCK_EX | LOCK_NB) == 0);
  pid_t holder = fork(); /* without our timer (setitimer(2)) */
  if (holder == 0) _exit(poll(NULL, 0, 1000));
  close(dir);
  CHECK_STORM(ctr_container_start(c, &b->err), CTR_OK);
  CHECK(waitpid(holder, NULL, 0) == holder);
  CHECK_STORM(ctr_container_delete(c, true, &b->err), CTR_OK);
  ctr_container_free(c);
  house_free(&h);
}

TEST_MAIN
