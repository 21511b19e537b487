/* What a child may ask its parent to open for it, and what a child that somebody hostile has got
   hold of may not. */
#include "talk.h"

/* -- the parent -- */

/* In a user namespace of root's, with a step of every kind that may ask; the sources are there. */
static ctr_plan *asking_plan(void) {
  static const ctr__facts facts = {.initial_userns = true, .caps = ~UINT64_C(0), .features = 3};
  static const char *const rbind[] = {"rbind"}, *const idmap[] = {"idmap"};
  static const ctr_mount mounts[] = {
      {.destination = "/a", .source = "/dev/null", .options = {rbind, 1}},
      {.destination = "/b", .type = "tmpfs"},
      {.destination = "/c", .type = "bind", .source = "/", .options = {idmap, 1}},
      {.destination = "/d", .type = "tmpfs", .options = {idmap, 1}}};
  static const ctr_namespace namespaces[] = {{CTR_NS_MOUNT, NULL}, {CTR_NS_USER, NULL}};
  const ctr_config config = {.ociVersion = "1.3.0",
                             .root = {"/", true},
                             .mounts = {mounts, 4},
                             .process = {.cwd = "/", .args = CTR_STRS("/p")},
                             .linux_ = {.namespaces = {namespaces, 2}}};
  const ctr_plan_desc desc = {.moments = CTR_MOMENT_HOOKS};
  ctr_plan *plan = NULL;
  ctr_err err = {.code = CTR_OK};
  CHECK_MSG(!ctr__plan_compile(&config, &desc, &ctr__for_program, &facts, &plan, &err), "%s",
            err.msg);
  return plan;
}

/* The child is this program itself. */
static void talk_open_asking(talk *t) {
  talk_open(t);
  ctr_plan_free(t->plan);
  t->start.plan = t->start.launch.plan = t->plan = asking_plan();
  t->start.idmap_count = 0;
  CHECK(!ctr__prepare_idmaps(&t->start));
  t->process->pid = getpid();
}

/* What it is answered: the descriptor, or -1. */
static int answer(const talk *t) {
  ctr__message message;
  int fd = -1;
  struct pollfd waiting = {.fd = t->child, .events = POLLIN};
  if (poll(&waiting, 1, 0) <= 0) return -1;
  CHECK(ctr__receive_fd(t->child, &message, &fd) == 0 && message.type == CTR__MSG_SOURCE);
  return fd;
}

/* Asks, then says HOOKS, which is due. Returns whether the question was one. */
static bool is_answered_about(talk *t, uint32_t step) {
  CHECK(say(t->child, (ctr__message){.type = CTR__MSG_OPEN, .step = step}));
  CHECK(say(t->child, (ctr__message){.type = CTR__MSG_HOOKS}));
  if (expect(t, CTR__MSG_HOOKS) == CTR_OK) return true;
  CHECK_NUM(t->err.code, CTR_E_PROTOCOL);
  CHECK_HAS(t->err.msg, "does not let it have");
  CHECK_NUM(expect(t, CTR__MSG_HOOKS), CTR_OK);
  return false;
}

static bool may_ask(const ctr__step *step) {
  return step->kind == CTR__STEP_ROOT_BIND || step->kind == CTR__STEP_DEVICE_BIND ||
         step->kind == CTR__STEP_MOUNT_BIND;
}

TEST(a_child_that_asks_gets_what_its_step_names_and_the_parent_goes_on_waiting) {
  int before = open_descriptors();
  talk t;
  talk_open_asking(&t);
  int asked = 0;
  for (uint32_t i = 0; i < t.plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(t.plan, i);
    if (!may_ask(step) || step->num[CTR__NUM_IDMAP]) continue;
    const char *path = ctr__plan_str(t.plan, step->str[step->kind != CTR__STEP_ROOT_BIND]);
    struct stat should, is;
    CHECK(is_answered_about(&t, i));
    int fd = answer(&t);
    CHECK_MSG(fd > 2 && (fcntl(fd, F_GETFL) & O_PATH) && stat(path, &should) == 0 &&
                  fstat(fd, &is) == 0 && is.st_ino == should.st_ino && is.st_dev == should.st_dev,
              "step %u: not %s", i, path);
    ctr__close(&fd);
    asked++;
  }
  CHECK_NUM(asked, 1 + 1 + 6); /* the root, /a, the default devices */
  talk_close(&t);
  CHECK_NUM(open_descriptors(), before);
}

/* Every step of a plan in which nobody may ask, and those of one in which some may. */
TEST(a_step_that_may_not_ask_gets_nothing) {
  int before = open_descriptors();
  for (int asking = 0; asking < 2; asking++) {
    talk t;
    (asking ? talk_open_asking : talk_open)(&t);
    const uint32_t beyond[] = {t.plan->step_count, t.plan->step_count + 1, INT32_MAX, UINT32_MAX};
    for (uint32_t i = 0; i < t.plan->step_count + 4; i++) {
      uint32_t index = i < t.plan->step_count ? i : beyond[i - t.plan->step_count];
      const ctr__step *step = i < t.plan->step_count ? ctr__plan_step(t.plan, i) : NULL;
      if (asking && step && may_ask(step) && !step->num[CTR__NUM_IDMAP]) continue;
      CHECK_MSG(!is_answered_about(&t, index), "step %u is answered", index);
      CHECK_NUM(answer(&t), -1);
    }
    talk_close(&t);
  }
  CHECK_NUM(open_descriptors(), before);
}

/* The same numbers in a step of the parent's, or in one of another kind. */
TEST(only_the_childs_own_steps_of_these_kinds_may_ask) {
  talk t;
  talk_open_asking(&t);
  for (uint32_t i = 0; i < t.plan->step_count; i++) {
    ctr__step *step = (ctr__step *)(void *)((char *)t.plan + t.plan->steps) + i;
    const bool kind = may_ask(step) || step->kind == CTR__STEP_MOUNT_FS;
    step->num[CTR__NUM_SOURCE] |= CTR__SOURCE_ASK;
    if (kind) step->lane = i % 2 ? CTR__LANE_PARENT : CTR__LANE_BOTH;
    CHECK_MSG(!is_answered_about(&t, i), "step %u is answered", i);
  }
  talk_close(&t);
}

TEST(a_step_is_answered_once_and_in_its_turn) {
  talk t;
  talk_open_asking(&t);
  uint32_t first = 0, second;
  while (!may_ask(ctr__plan_step(t.plan, first))) first++;
  for (second = first + 1; !may_ask(ctr__plan_step(t.plan, second));) second++;
  const uint32_t order[] = {second, second, first, second};
  for (int i = 0; i < 4; i++) {
    CHECK_MSG(is_answered_about(&t, order[i]) == (i == 0), "question %d", i);
    int fd = answer(&t);
    CHECK_MSG((fd >= 0) == (i == 0), "question %d: %d", i, fd);
    ctr__close(&fd);
  }
  talk_close(&t);
}

/* Before the step that makes its map the parent has nothing to map by. */
TEST(a_mount_is_not_mapped_by_a_map_that_is_not_there) {
  talk t;
  talk_open_asking(&t);
  for (uint32_t i = 0; i < t.plan->step_count; i++) {
    if (!ctr__plan_step(t.plan, i)->num[CTR__NUM_IDMAP]) continue;
    CHECK_MSG(!is_answered_about(&t, i), "step %u is answered", i);
    CHECK_NUM(answer(&t), -1);
  }
  talk_close(&t);
}

TEST(what_cannot_be_opened_for_it_is_the_steps_failure) {
  talk t;
  talk_open_asking(&t);
  uint32_t i = 0;
  while (ctr__plan_step(t.plan, i)->kind != CTR__STEP_MOUNT_BIND) i++;
  ctr__step *step = (ctr__step *)(void *)((char *)t.plan + t.plan->steps) + i;
  step->str[1] = step->str[0]; /* /a */
  CHECK(say(t.child, (ctr__message){.type = CTR__MSG_OPEN, .step = i}));
  CHECK(expect(&t, CTR__MSG_HOOKS) == CTR_E_SYS && t.err.sys == ENOENT);
  CHECK_STR(t.err.field, "mounts[0]");
  CHECK_HAS(t.err.msg, "the source cannot be opened");
  talk_close(&t);
}

TEST(a_child_that_asks_and_is_gone_is_told) {
  for (int reported = 0; reported < 2; reported++) {
    talk t;
    talk_open_asking(&t);
    uint32_t i = 0;
    while (!may_ask(ctr__plan_step(t.plan, i))) i++;
    CHECK(say(t.child, (ctr__message){.type = CTR__MSG_OPEN, .step = i}));
    if (reported) say(t.child, (ctr__message){.type = CTR__MSG_ERROR, .step = i, .error = EIO});
    ctr__close(&t.child);
    CHECK_NUM(expect(&t, CTR__MSG_HOOKS), reported ? CTR_E_SYS : CTR_E_PROTOCOL);
    talk_close(&t);
  }
}

/* -- the child -- */

static int ask(listener *l) {
  l->child.at = 17;
  l->child.reason = CTR__WHY_NONE;
  return ctr__ask_parent(&l->child);
}

TEST(the_child_asks_by_the_number_of_its_step) {
  listener l;
  listener_open(&l);
  int before = open_descriptors();
  ctr__message message = {.type = CTR__MSG_SOURCE};
  CHECK(say_bytes(l.parent, &message, sizeof message, 0, 1));
  int fd = ask(&l);
  CHECK(fd > 2 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
  CHECK(hears(l.parent, &message) && message.type == CTR__MSG_OPEN && message.step == 17);
  ctr__close(&fd);
  CHECK_NUM(open_descriptors(), before);
  listener_close(&l);
}

TEST(the_child_takes_nothing_but_the_one_descriptor_it_asked_for) {
  listener l;
  listener_open(&l);
  int before = open_descriptors();
  for (uint32_t type = 0; type < 20; type++)
    for (int count = 0; count < 4; count++)
      for (size_t size = 20; size <= 28; size += 4) {
        char packet[32] = {0};
        bool right = type == CTR__MSG_SOURCE && count == 1 && size == sizeof(ctr__message);
        if (right) continue;
        memcpy(packet, &type, sizeof type);
        CHECK(say_bytes(l.parent, packet, size, 0, count));
        CHECK_MSG(ask(&l) == -EPROTO && l.child.reason == CTR__WHY_BAD_ANSWER,
                  "%zu bytes of type %u with %d descriptors", size, type, count);
        ctr__message question;
        CHECK(hears(l.parent, &question));
      }
  CHECK_NUM(open_descriptors(), before);
  ctr__close(&l.parent);
  CHECK(ask(&l) == -EPIPE && l.child.reason == CTR__WHY_PARENT_GONE);
  listener_close(&l);
}

TEST_MAIN
