/* The table of rights: what each row is about is refused in its words to who lacks it, and planned
   for who does not; and who maps which ids of a user namespace (plan.h, subuid(5)). */
#include "plan.h"

#define NOBODY                                                                                     \
  .euid = 1000, .egid = 1001, .initial_userns = true, .bounding = ALL_CAPS,                        \
  .features = ALL_FEATURES, .hard_limit = LIMITS
#define USER_WITH(...)   (&(const ctr__facts){NOBODY, __VA_ARGS__})
#define NESTED_WITH(...) (&(const ctr__facts){.features = ALL_FEATURES, __VA_ARGS__})

#define GIVEN                                                                                      \
  {                                                                                                \
    {{{200000, 65536}}, 1, true}, {                                                                \
      {{300000, 1000}}, 1, true                                                                    \
    }                                                                                              \
  }
#define HELPERS                                                                                    \
  { "/bin/newuidmap", "/bin/newgidmap" }
#define USER_WITH_HELPERS USER_WITH(.id_helpers = HELPERS, .given_ids = GIVEN)

#define MAPS(uids, gids) .linux_ = ",'uidMappings':[" uids "],'gidMappings':[" gids "]"
#define MAP(inside, outside, size)                                                                 \
  "{'containerID':" #inside ",'hostID':" #outside ",'size':" #size "}"
#define OWN_UID  MAP(0, 1000, 1)
#define OWN_GID  MAP(0, 1001, 1)
#define ALL_UIDS OWN_UID "," MAP(1, 200000, 65536)
#define ALL_GIDS OWN_GID "," MAP(1, 300000, 1000)

#define SCHEDULER(policy, more) .process = ",'scheduler':{'policy':'" policy "'" more "}"
#define FIFO                    SCHEDULER("SCHED_FIFO", ",'priority':7")
#define DEADLINE                                                                                   \
  SCHEDULER("SCHED_DEADLINE", ",'runtime':1000000,'deadline':2000000,'period':2000000")
#define NICE SCHEDULER("SCHED_OTHER", ",'nice':-5")

#define SCORE(score)  .process = ",'oomScoreAdj':" #score
#define IO(class_)    .process = ",'ioPriority':{'class':'" class_ "','priority':0}"
#define GROUPS(group) .process = ",'user':{'additionalGids':[" #group "]}"
#define OPEN(limit)   .process = ",'rlimits':[{'type':'RLIMIT_NOFILE','soft':1,'hard':" #limit "}]"

#define DEVICE         .linux_ = ",'devices':[{'type':'c','path':'/dev/f','major':10,'minor':229}]"
#define DOMAIN_SETTING .linux_ = ",'sysctl':{'kernel.domainname':'d'}"
#define PIDS           .linux_ = ",'resources':{'pids':{'limit':5}}"
#define FILTER         ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}"
#define OFFSETS        .linux_ = ",'timeOffsets':{'boottime':{'secs':1}}"

#define MOUNT(type, source) .mounts = "{'destination':'/m','type':'" type "','source':'" source "'}"

#define MAPPED_MOUNT                                                                               \
  .mounts = "{'destination':'/m','type':'bind','source':'/s','options':['bind']," MOUNT_MAPS "}"
#define MOUNT_MAPS "'uidMappings':[" OWN_UID "],'gidMappings':[" OWN_GID "]"

#define NEW(type) USER_NS ",{'type':'" type "'}"
#define JOIN      MOUNT_NS ",{'type':'user','path':'/u'}"

/* A hierarchy in which the caller may make a cgroup: no test here does. */
static const ctr__hierarchies delegated = {.items = {{.mount_point = "/tmp",
                                                      .name = "v2",
                                                      .root = "/",
                                                      .options = "rw",
                                                      .controllers = "pids",
                                                      .v2 = true}},
                                           .count = 1,
                                           .membership = "0::/\n"};

/* What is asked for by who may not; the field; what the error says besides the row's words. Who may
   have the same: NULL where that is nobody. What may be had instead, or by others. */
static const struct row {
  const char *right;
  setup asks;
  const char *field, *detail;
  const ctr__facts *with[3];
  setup instead[3];
} rows[] = {
    {"NAMESPACES",
     {SPACES(MOUNT_NS), .facts = &user_facts},
     "linux.namespaces",
     NULL,
     {&root_facts, USER_WITH(.caps = CTR_CAP(SYS_ADMIN))},
     {{SPACES(USER_NS), .facts = &user_facts}}},
    {"UID_RANGES",
     {SPACES(USER_NS), MAPS(ALL_UIDS, OWN_GID), .facts = &user_facts},
     "linux.uidMappings",
     NULL,
     {USER_WITH(.caps = CTR_CAP(SETUID)), USER_WITH_HELPERS},
     {{SPACES(USER_NS), MAPS(OWN_UID, OWN_GID), .facts = &user_facts},
      {SPACES(USER_NS), .facts = &user_facts}}},
    {"UID_RANGES",
     {SPACES(USER_NS), MAPS(MAP(0, 1002, 1), OWN_GID), .facts = &user_facts},
     "linux.uidMappings",
     NULL,
     {USER_WITH(.caps = CTR_CAP(SETUID))},
     {{0}}},
    {"UID_RANGES",
     {SPACES(USER_NS), MAPS(ALL_UIDS, OWN_GID),
      .facts = USER_WITH(.caps = CTR_CAP(SETGID), .id_helpers = {"", "/bin/newgidmap"})},
     "linux.uidMappings",
     NULL,
     {USER_WITH_HELPERS},
     {{0}}},
    {"GID_RANGES",
     {SPACES(USER_NS), MAPS(OWN_UID, ALL_GIDS), .facts = &user_facts},
     "linux.gidMappings",
     NULL,
     {USER_WITH(.caps = CTR_CAP(SETGID)), USER_WITH_HELPERS},
     {{SPACES(USER_NS), MAPS(OWN_UID, OWN_GID), .facts = &user_facts}}},
    {"GID_RANGES",
     {SPACES(USER_NS), MAPS(OWN_UID, MAP(0, 1002, 1)), .facts = &user_facts},
     "linux.gidMappings",
     NULL,
     {USER_WITH(.caps = CTR_CAP(SETGID))},
     {{0}}},
    {"MAP_ROOT",
     {SPACES(USER_NS), .facts = NESTED_WITH(.caps = ALL_CAPS & ~CTR_CAP(SETFCAP))},
     "linux.uidMappings",
     NULL,
     {&nested_facts, NESTED_WITH(.caps = CTR_CAP(SETFCAP))},
     {{SPACES(USER_NS), MAPS(MAP(0, 5, 1), MAP(0, 0, 1)),
       .facts = NESTED_WITH(.caps = CTR_CAP(SETUID))},
      {SPACES(USER_NS), .facts = &(const ctr__facts){.features = CTR_FEATURE_CLONE3}}}},
    {"GROUPS",
     {SPACES(USER_NS), GROUPS(0), .facts = &user_facts},
     "process.user.additionalGids",
     NULL,
     {USER_WITH(.caps = CTR_CAP(SETGID))},
     {{SPACES(USER_NS), GROUPS(5), MAPS(OWN_UID, ALL_GIDS), .facts = USER_WITH_HELPERS},
      {SPACES(USER_NS), .facts = &user_facts}}},
    {"GROUPS",
     {SPACES(USER_NS), GROUPS(0), .facts = NESTED_WITH(.caps = CTR_CAP(SETFCAP))},
     "process.user.additionalGids",
     NULL,
     {&nested_facts},
     {{0}}},
    {"GROUPS",
     {SPACES(USER_NS), GROUPS(0), .facts = NESTED_WITH(.caps = ALL_CAPS, .groups_denied = true)},
     "process.user.additionalGids",
     NULL,
     {&nested_facts},
     {{0}}},
    {"HARD_LIMITS",
     {SPACES(USER_NS), OPEN(4097), .facts = &user_facts},
     "process.rlimits[0]",
     "4097, the caller has 4096",
     {USER_WITH(.caps = CTR_CAP(SYS_RESOURCE)),
      NESTED_WITH(.caps = CTR_CAP(SETFCAP), .hard_limit = {[RLIMIT_NOFILE] = 4097})},
     {{SPACES(USER_NS), OPEN(4096), .facts = &user_facts}}},
    {"OOM_SCORE",
     {SPACES(USER_NS), SCORE(-1), .facts = &user_facts},
     "process.oomScoreAdj",
     "-1, the caller has 0",
     {USER_WITH(.caps = CTR_CAP(SYS_RESOURCE)), USER_WITH(.oom_score_adj = -1)},
     {{SPACES(USER_NS), SCORE(0), .facts = &user_facts},
      {SPACES(USER_NS), SCORE(1), .facts = &user_facts}}},
    {"OOM_SCORE", /* that the caller's is above 0 says nothing of the lowest that was ever set */
     {SPACES(USER_NS), SCORE(-1), .facts = USER_WITH(.oom_score_adj = 500)},
     "process.oomScoreAdj",
     "-1, the caller has 500",
     {USER_WITH(.caps = CTR_CAP(SYS_RESOURCE), .oom_score_adj = 500)},
     {{SPACES(USER_NS), SCORE(100), .facts = USER_WITH(.oom_score_adj = 500)},
      {SPACES(USER_NS), SCORE(0), .facts = USER_WITH(.oom_score_adj = 500)}}},
    {"REAL_TIME",
     {SPACES(USER_NS), FIFO, .facts = USER_WITH(.nice_limit = 40, .priority_limit = 6)},
     "process.scheduler.policy",
     NULL,
     {USER_WITH(.caps = CTR_CAP(SYS_NICE)), USER_WITH(.priority_limit = 7)},
     {{SPACES(USER_NS), SCHEDULER("SCHED_BATCH", ""), .facts = &user_facts}}},
    {"REAL_TIME",
     {SPACES(USER_NS), DEADLINE, .facts = USER_WITH(.priority_limit = 99)},
     "process.scheduler.policy",
     NULL,
     {USER_WITH(.caps = CTR_CAP(SYS_NICE))},
     {{0}}},
    {"REAL_TIME",
     {FIFO, .facts = &nested_facts},
     "process.scheduler.policy",
     NULL,
     {&root_facts, NESTED_WITH(.caps = ALL_CAPS, .priority_limit = 7)},
     {{0}}},
    {"NICE",
     {SPACES(USER_NS), NICE, .facts = USER_WITH(.nice_limit = 24)},
     "process.scheduler.nice",
     "-5, the caller has 0",
     {USER_WITH(.caps = CTR_CAP(SYS_NICE)), USER_WITH(.nice_limit = 25), USER_WITH(.nice = -5)},
     {{SPACES(USER_NS), SCHEDULER("SCHED_OTHER", ",'nice':5"), .facts = &user_facts}}},
    {"IO_REAL_TIME",
     {SPACES(USER_NS), IO("IOPRIO_CLASS_RT"), .facts = &user_facts},
     "process.ioPriority.class",
     NULL,
     {USER_WITH(.caps = CTR_CAP(SYS_NICE)), USER_WITH(.caps = CTR_CAP(SYS_ADMIN))},
     {{SPACES(USER_NS), IO("IOPRIO_CLASS_BE"), .facts = &user_facts}}},
    {"IO_REAL_TIME",
     {IO("IOPRIO_CLASS_RT"), .facts = &nested_facts},
     "process.ioPriority.class",
     NULL,
     {&root_facts},
     {{0}}},
    {"DOMAIN_SETTING",
     {SPACES(NEW("uts")), DOMAIN_SETTING},
     "linux.sysctl.kernel.domainname",
     NULL,
     {NULL},
     {{SPACES(MOUNT_NS ",{'type':'uts'}"), DOMAIN_SETTING},
      {SPACES(NEW("uts")), .top = ",'domainname':'d'"}}},
    {"DEVICES",
     {SPACES(USER_NS), DEVICE, .facts = USER_WITH(.missing_device = 1)},
     "linux.devices[0]",
     "/dev/f",
     {&user_facts},
     {{DEVICE, .facts = USER_WITH(.caps = ALL_CAPS, .missing_device = 1)}}},
    {"DEVICES",
     {SPACES(USER_NS), DEVICE, .facts = USER_WITH(.caps = ALL_CAPS, .missing_device = 1)},
     "linux.devices[0]",
     "/dev/f",
     {&root_facts},
     {{0}}},
    {"FILE_SYSTEMS",
     {SPACES(USER_NS), MOUNT("ext4", "/dev/x"),
      .facts = USER_WITH(.block_file_systems = "ext3,ext4")},
     "mounts[0]",
     "ext4",
     {USER_WITH(.block_file_systems = "ext3,ext4dev")},
     {{MOUNT("ext4", "/dev/x"),
       .facts = USER_WITH(.caps = ALL_CAPS, .block_file_systems = "ext4")}}},
    {"IDMAP",
     {SPACES(USER_NS), MAPPED_MOUNT, .facts = &user_facts},
     "mounts[0]",
     NULL,
     {&root_facts, USER_WITH(.caps = CTR_CAP(SYS_ADMIN))},
     {{MAPPED_MOUNT}}},
    {"PROC",
     {SPACES(USER_NS), MOUNT("proc", "proc")},
     "mounts[0]",
     NULL,
     {NULL},
     {{SPACES(NEW("pid")), MOUNT("proc", "proc")},
      {SPACES(JOIN ",{'type':'pid','path':'/p'}"), MOUNT("proc", "proc")},
      {SPACES(USER_NS),
       .mounts = "{'destination':'/m','type':'bind','source':'/proc','options':['rbind']}"}}},
    {"PROC",
     {SPACES(USER_NS ",{'type':'pid','path':'/p'}"), MOUNT("proc", "proc")},
     "mounts[0]",
     NULL,
     {NULL},
     {{MOUNT("proc", "proc")}}},
    {"PROC", {SPACES(JOIN), MOUNT("proc", "proc")}, "mounts[0]", NULL, {NULL}, {{0}}},
    {"SYSFS",
     {SPACES(NEW("pid")), MOUNT("sysfs", "sysfs")},
     "mounts[0]",
     NULL,
     {NULL},
     {{SPACES(NEW("network")), MOUNT("sysfs", "sysfs")}, {MOUNT("sysfs", "sysfs")}}},
    {"MQUEUE",
     {SPACES(NEW("pid")), MOUNT("mqueue", "mqueue")},
     "mounts[0]",
     NULL,
     {NULL},
     {{SPACES(NEW("ipc")), MOUNT("mqueue", "mqueue")}, {MOUNT("mqueue", "mqueue")}}},
    {"LIMITS",
     {RUN, SPACES(USER_NS), PIDS, .facts = &user_facts},
     "linux.resources.pids.limit",
     NULL,
     {&root_facts},
     {{RUN, SPACES(USER_NS), PIDS, .facts = &user_facts, .hierarchies = &delegated},
      {RUN, SPACES(USER_NS), .facts = &user_facts}}},
    {"LIMITS",
     {RUN, PIDS, .facts = &nested_facts},
     "linux.resources.pids.limit",
     NULL,
     {&root_facts},
     {{0}}},
    {"FILTERS",
     {.linux_ = FILTER, .facts = USER_WITH(.caps = CTR_CAP(SYS_ADMIN), FILTERS_TAKEN)},
     "linux.seccomp",
     NULL,
     {&root_facts,
      USER_WITH(.caps = CTR_CAP(SYS_ADMIN), .permitted = CTR_CAP(SYS_ADMIN), FILTERS_TAKEN)},
     {{SPACES(USER_NS), .linux_ = FILTER, .facts = &user_facts},
      {.process = ",'noNewPrivileges':true",
       .linux_ = FILTER,
       .facts = USER_WITH(.caps = CTR_CAP(SYS_ADMIN), FILTERS_TAKEN)}}},
    {"TIME_OFFSETS",
     {SPACES(JOIN ",{'type':'time'}"), OFFSETS, .facts = &user_facts},
     "linux.timeOffsets",
     NULL,
     {&root_facts, USER_WITH(.caps = CTR_CAP(SYS_ADMIN))},
     {{SPACES(NEW("time")), OFFSETS, .facts = &user_facts}}},
};
enum { ROWS = sizeof rows / sizeof *rows };

static const char *const right_names[] = {
#define RIGHT_NAME(name, has, asked, needs, instead) #name,
    CTR__RIGHTS(RIGHT_NAME)
#undef RIGHT_NAME
};

/* The row of the library's table that a row here is about. */
static const struct ctr__right_row *right_of(const struct row *row) {
  for (size_t i = 0; i < CTR__RIGHT_COUNT; i++)
    if (!strcmp(right_names[i], row->right)) return &ctr__rights[i];
  test_fail(__FILE__, __LINE__, "there is no right %s", row->right);
  return &ctr__rights[0];
}

TEST(no_right_is_left_untested) {
  for (size_t i = 0; i < CTR__RIGHT_COUNT; i++) {
    int found = 0, with = 0;
    for (size_t n = 0; n < ROWS; n++) {
      if (strcmp(rows[n].right, right_names[i]) != 0) continue;
      found++;
      with += rows[n].with[0] || rows[n].instead[0].facts || rows[n].instead[0].namespaces;
    }
    CHECK_MSG(found && with, "%s is in %d rows, %d of them say who may", right_names[i], found,
              with);
  }
}

TEST(what_a_caller_may_not_is_refused_in_the_words_of_the_table) {
  for (size_t i = 0; i < ROWS; i++) {
    const struct row *row = &rows[i];
    const struct ctr__right_row *right = right_of(row);
    char text[1024], label[64];
    snprintf(label, sizeof label, "row %zu: %s", i, row->right);
    snprintf(text, sizeof text, "%s: %s%s%s: that takes %s; instead %s", row->field,
             or_else(row->detail, ""), row->detail ? ": " : "", right->asked, right->needs,
             right->instead);
    compile(&row->asks);
    CHECK_REFUSED(label, CTR_E_UNSUPPORTED, row->field);
    CHECK_MSG(!strcmp(now.err.msg, text), "%s: \"%s\", should be \"%s\"", label, now.err.msg, text);
  }
}

TEST(who_has_the_right_may) {
  for (size_t i = 0; i < ROWS; i++)
    for (size_t n = 0; n < 3 && rows[i].with[n]; n++) {
      setup asks = rows[i].asks;
      asks.facts = rows[i].with[n];
      compile(&asks);
      CHECK_MSG(now.plan, "row %zu: %s, for %zu: %s", i, rows[i].right, n, now.err.msg);
    }
}

TEST(what_is_said_to_do_instead_works) {
  for (size_t i = 0; i < ROWS; i++)
    for (size_t n = 0; n < 3; n++) {
      const setup *instead = &rows[i].instead[n];
      if (!instead->facts && !instead->namespaces && !instead->mounts) continue;
      compile(instead);
      CHECK_MSG(now.plan, "row %zu: %s, instead %zu: %s", i, rows[i].right, n, now.err.msg);
    }
}

/* What explain prints agrees with what is refused: it says "no" to who is, and "yes" to one of
   those who may. */
TEST(the_table_says_who_has_a_right) {
  for (size_t i = 0; i < ROWS; i++) {
    const struct ctr__right_row *right = right_of(&rows[i]);
    const ctr__facts *without = rows[i].asks.facts;
    if (!right->has || (without && without->caps == ALL_CAPS)) continue; /* it is the config's */
    CHECK_MSG(without && !right->has(without), "row %zu: %s is not lacked", i, rows[i].right);
    CHECK_MSG(right->has(&root_facts), "row %zu: root has no %s", i, rows[i].right);
  }
}

static int keep_text(void *userdata, const char *text, size_t len) {
  (void)len;
  strcat(userdata, text);
  return 0;
}

static int stop(void *userdata, const char *text, size_t len) {
  (void)text;
  (void)len;
  return ++*(int *)userdata == 3;
}

TEST(the_table_is_printed_a_line_for_each_right) {
  char text[16384] = "", *at = text;
  ctr_err err;
  int stops = 0;
  CHECK(!ctr_rights_explain(keep_text, text, &err));
  for (size_t i = 0; i < CTR__RIGHT_COUNT; i++) {
    const struct ctr__right_row *right = &ctr__rights[i];
    char words[1024], *end = at + strcspn(at, "\n");
    *end = '\0';
    snprintf(words, sizeof words, "%s: takes %s; instead %s", right->asked, right->needs,
             right->instead);
    bool judged = !strncmp(at, "yes     ", 8) || !strncmp(at, "no      ", 8);
    CHECK_MSG(right->has ? judged : !strncmp(at, "depends ", 8), "%.60s", at);
    CHECK_MSG(end - at > 8 && !strcmp(at + 8, words), "\"%s\", not \"%s\"", at, words);
    if (end < text + sizeof text - 1) at = end + 1;
  }
  CHECK_STR(at, "");
  CHECK(ctr_rights_explain(stop, &stops, &err) == CTR_E_SYS && err.sys == ECANCELED);
  CHECK_NUM(stops, 3);
  CHECK(ctr_rights_explain(NULL, NULL, &err) == CTR_E_ARG);
}

/* -- who writes the maps -- */

#define MAPPED(...) PLAN(SPACES(USER_NS), __VA_ARGS__)

TEST(one_id_is_mapped_by_the_caller_who_gives_up_groups_for_it) {
  MAPPED(.facts = USER_WITH_HELPERS); /* who could have more */
  check_lines("own", now.text,
              "parent  write 'deny' to /proc/PID/setgroups  <- linux.gidMappings\n"
              "parent  write '0 1000 1 ' to /proc/PID/uid_map  <- linux.uidMappings\n"
              "parent  write '0 1001 1 ' to /proc/PID/gid_map  <- linux.gidMappings\n"
              "sync:\nbecome uid 0 and gid 0");
  CHECK(!step_of(CTR__STEP_MAP_HELPER));
  check_num("own", CTR__STEP_USER, 2, CTR__GROUPS_LEAVE);
}

TEST(ranges_are_mapped_by_the_helpers_and_groups_stay) {
  MAPPED(MAPS(ALL_UIDS, ALL_GIDS), .facts = USER_WITH_HELPERS,
         .process = ",'user':{'uid':7,'gid':8,'additionalGids':[9,1000]}");
  check_lines("ranges", now.text,
              "clone into new namespaces\n"
              "parent  let /bin/newuidmap map '0 1000 1 1 200000 65536 '  <- linux.uidMappings\n"
              "parent  let /bin/newgidmap map '0 1001 1 1 300000 1000 '  <- linux.gidMappings\n"
              "sync:\nbecome uid 0 and gid 0\nbecome uid 7, gid 8, groups [9,1000]");
  CHECK(!step_of(CTR__STEP_SETGROUPS_FILE) && !step_of(CTR__STEP_UID_MAP) &&
        !step_of(CTR__STEP_GID_MAP));
  check_num("ranges", CTR__STEP_USER, 2, CTR__GROUPS_SET);
}

/* chown(2): an ordinary user can give nothing away, not even to ids that are theirs to map. */
TEST(pipes_are_given_to_who_reopens_them_by_who_may) {
  static const char user[] = ",'user':{'uid':7,'gid':8}";
  MAPPED(MAPS(ALL_UIDS, ALL_GIDS), .process = user, .facts = USER_WITH_HELPERS);
  CHECK(now.plan && now.plan->io_uid == 1000 && now.plan->io_gid == 1001);
  MAPPED(MAPS(ALL_UIDS, ALL_GIDS), .process = user);
  CHECK(now.plan && now.plan->io_uid == 200006 && now.plan->io_gid == 300007);
}

/* As it is executed: by what name, with which arguments, and nothing of the caller's environment.
 */
TEST(a_helper_is_run_with_a_place_for_the_pid_and_the_map) {
  MAPPED(MAPS(ALL_UIDS, ALL_GIDS), .facts = USER_WITH_HELPERS);
  const ctr__step *step = step_of(CTR__STEP_MAP_HELPER);
  CHECK_MSG(step, "no helper: %s", now.text);
  if (!step) return;
  static const char *const args[] = {"newuidmap", "PID", "0", "1000", "1", "1", "200000", "65536"};
  CHECK_NUM(ctr__list_count(now.plan, step->str[1]), 8);
  for (uint32_t i = 0; i < 8; i++) CHECK_STR(ctr__list_str(now.plan, step->str[1], i), args[i]);
  CHECK_NUM(ctr__list_count(now.plan, step->str[2]), 0);
  CHECK_NUM(step->num[2], 0);
  CHECK_NUM(step[1].num[2], 1); /* the other one has a place of its own */
}

TEST(each_map_is_written_by_who_may) {
  MAPPED(MAPS(ALL_UIDS, OWN_GID), .facts = USER_WITH_HELPERS);
  check_lines(
      "uids", now.text,
      "write 'deny' to /proc/PID/setgroups\nlet /bin/newuidmap map '0 1000 1 1 200000 65536 '\n"
      "write '0 1001 1 ' to /proc/PID/gid_map");
  check_num("uids", CTR__STEP_USER, 2, CTR__GROUPS_LEAVE);
  MAPPED(MAPS(OWN_UID, ALL_GIDS), .facts = USER_WITH_HELPERS);
  check_lines("gids", now.text,
              "write '0 1000 1 ' to /proc/PID/uid_map\nlet /bin/newgidmap map '0 1001 1 1 300000");
  CHECK(!step_of(CTR__STEP_SETGROUPS_FILE));
  MAPPED(MAPS(ALL_UIDS, ALL_GIDS),
         .facts = USER_WITH(.caps = CTR_CAP(SETUID) | CTR_CAP(SETGID), .id_helpers = HELPERS));
  check_lines("rights", now.text,
              "write '0 1000 1 1 200000 65536 ' to /proc/PID/uid_map\n"
              "write '0 1001 1 1 300000 1000 ' to /proc/PID/gid_map");
  CHECK(!step_of(CTR__STEP_MAP_HELPER) && !step_of(CTR__STEP_SETGROUPS_FILE));
}

/* newgidmap(1) itself denies setgroups unless a group is given; and what is denied in the caller's
   own user namespace stays so. */
TEST(groups_that_are_denied_stay_denied_whoever_maps) {
  MAPPED(MAPS(ALL_UIDS, ALL_GIDS),
         .facts = NESTED_WITH(.euid = 1000, .egid = 1001, .id_helpers = HELPERS, .given_ids = GIVEN,
                              .groups_denied = true));
  check_lines("denied", now.text, "write 'deny' to /proc/PID/setgroups\nlet /bin/newgidmap map");
  check_num("denied", CTR__STEP_USER, 2, CTR__GROUPS_LEAVE);
}

/* An ordinary user's groups may be what a mount's source is reached by: they go with the last
   step. */
TEST(an_ordinary_users_groups_stay_until_mounts_are_made) {
  MAPPED(MAPS(ALL_UIDS, ALL_GIDS), .facts = USER_WITH_HELPERS);
  check_num("user", CTR__STEP_BECOME_ROOT, 0, CTR__GROUPS_LEAVE);
  check_num("user", CTR__STEP_USER, 2, CTR__GROUPS_SET);
  MAPPED();
  check_num("root", CTR__STEP_BECOME_ROOT, 0, CTR__GROUPS_SET);
}

/* -- which ids may be mapped -- */

/* Maps of user ids, and "" or what is refused; own: 1000. */
static void check_ids(const ctr__facts *facts, const char *map, const char *field, ctr_code code,
                      const char *detail) {
  char linux_[1024];
  snprintf(linux_, sizeof linux_, ",'uidMappings':[%s],'gidMappings':[%s]", map, OWN_GID);
  MAPPED(.linux_ = linux_, .facts = facts);
  if (!*field) {
    CHECK_MSG(now.plan, "%s: %s", map, now.err.msg);
    return;
  }
  CHECK_REFUSED(map, code, field);
  CHECK_HAS(now.err.msg, detail);
}

TEST(a_helper_maps_what_is_given_and_nothing_else) {
  const ctr__facts *facts =
      USER_WITH(.id_helpers = HELPERS,
                .given_ids = {{{{200000, 10}, {300000, 5}, {200010, 10}}, 3, true},
                              {{{0}}, 0, true}});
  static const struct {
    const char *map, *refused;
  } cases[] = {
      {MAP(0, 200000, 10), ""},
      {MAP(0, 200000, 11), ""}, /* ranges that meet are one to newuidmap(1) */
      {MAP(0, 200000, 20), ""},
      {MAP(0, 200009, 11), ""},
      {MAP(0, 200003, 4) "," MAP(9, 300004, 1), ""},
      {OWN_UID "," MAP(1, 200000, 20), ""},
      {MAP(0, 300000, 5) "," MAP(5, 1000, 1), ""},
      {MAP(0, 199999, 1), "hostID 199999, size 1"},
      {MAP(0, 199999, 2), "hostID 199999, size 2"},
      {MAP(0, 200000, 21), "hostID 200000, size 21"},
      {MAP(0, 200020, 1), "hostID 200020, size 1"},
      {MAP(0, 300004, 2), "hostID 300004, size 2"},
      {MAP(0, 1000, 2), "hostID 1000, size 2"}, /* one's own alone */
      {MAP(0, 0, 1), "hostID 0, size 1"},
      {MAP(0, 4294967294, 1), "hostID 4294967294, size 1"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_ids(facts, cases[i].map, *cases[i].refused ? "linux.uidMappings[0]" : "",
              CTR_E_UNSUPPORTED, cases[i].refused);
  check_ids(facts, OWN_UID "," MAP(1, 200000, 20) "," MAP(50, 7, 1), "linux.uidMappings[2]",
            CTR_E_UNSUPPORTED,
            "hostID 7, size 1: user ids of others in a user namespace: that takes");
}

TEST(ids_that_cannot_be_found_out_are_left_to_the_helper) {
  check_ids(USER_WITH(.id_helpers = HELPERS), OWN_UID "," MAP(1, 7, 500), "", CTR_OK, "");
  check_lines("unknown", now.text, "let /bin/newuidmap map '0 1000 1 1 7 500 '");
}

TEST(in_a_user_namespace_only_ids_that_are_there_are_mapped) {
  static const struct {
    const char *map, *refused;
  } cases[] = {
      {MAP(0, 100000, 10), ""},
      {MAP(0, 100005, 5) "," MAP(5, 100010, 1), ""},
      {OWN_UID, ""},
      {MAP(0, 100005, 6), "hostID 100005 and the 5 after it"}, /* two ranges: not to the kernel */
      {MAP(0, 99999, 1), "hostID 99999 and the 0 after it"},
      {MAP(0, 0, 1), "hostID 0"},
      {MAP(0, 100020, 1), "hostID 100020"},
  };
  const ctr__facts *facts =
      NESTED_WITH(.euid = 1000, .egid = 1001, .caps = ALL_CAPS,
                  .own_ids = {{{{1000, 1}, {100000, 10}, {100010, 10}}, 3, true},
                              {{{0}}, 0, false}});
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_ids(facts, cases[i].map, *cases[i].refused ? "linux.uidMappings[0]" : "", CTR_E_CONFIG,
              cases[i].refused);
  check_ids(facts, OWN_UID "," MAP(1, 7, 1), "linux.uidMappings[1]", CTR_E_CONFIG,
            "/proc/self/uid_map");
  MAPPED(MAPS(OWN_UID, OWN_GID "," MAP(1, 60, 1)),
         .facts = NESTED_WITH(.euid = 1000, .egid = 1001, .caps = ALL_CAPS,
                              .own_ids = {{{{0}}, 0, false}, {{{0, 50}}, 1, true}}));
  CHECK_REFUSED("gid", CTR_E_CONFIG, "linux.gidMappings[1]");
  CHECK_HAS(now.err.msg, "/proc/self/gid_map");
}

/* user_namespaces(7): of the caller who writes it, not of newuidmap(1), which has all rights; and
   of user ids alone. */
TEST(mapping_root_needs_a_capability_of_the_caller_who_does) {
  const ctr__facts *facts = NESTED_WITH(.euid = 5, .id_helpers = HELPERS);
  MAPPED(MAPS(MAP(0, 0, 1), MAP(0, 0, 1)), .facts = facts);
  CHECK_MSG(now.plan, "%s", now.err.msg);
  MAPPED(MAPS(MAP(0, 5, 1) "," MAP(1, 0, 1), MAP(0, 0, 1)),
         .facts = NESTED_WITH(.euid = 5, .caps = CTR_CAP(SETUID)));
  CHECK_REFUSED("second", CTR_E_UNSUPPORTED, "linux.uidMappings");
  MAPPED(MAPS(MAP(0, 5, 1), MAP(0, 0, 1)), .facts = NESTED_WITH(.euid = 5));
  CHECK_MSG(now.plan, "%s", now.err.msg);
}

/* proc_pid(5): the maps of the inner one are written by who owns /proc/self, which is the caller's
   own id alone. */
TEST(an_inner_user_namespace_takes_the_callers_own_id_as_root) {
  const struct {
    const char *label;
    setup asks;
    bool refused;
  } cases[] = {
#define INNER .desc = {.inner_userns = true}
#define RANGE MAP(0, 100000, 65536)
#define WHOLE MAP(0, 0, 65536)
      {"another's", {INNER, SPACES(USER_NS), MAPS(RANGE, RANGE)}, true},
      {"another uid", {INNER, SPACES(USER_NS), MAPS(RANGE, WHOLE)}, true},
      {"another gid", {INNER, SPACES(USER_NS), MAPS(WHOLE, RANGE)}, true},
      {"joined", {INNER, SPACES(JOIN)}, true},
      {"a range of a user's",
       {INNER, SPACES(USER_NS), .facts = USER_WITH_HELPERS,
        MAPS(MAP(0, 200000, 10) "," MAP(10, 1000, 1), MAP(0, 300000, 10) "," MAP(10, 1001, 1))},
       true},
      {"none", {INNER, SPACES(MOUNT_NS)}, false},
      {"root's own", {INNER, SPACES(USER_NS), MAPS(WHOLE, WHOLE)}, false},
      {"a user's own",
       {INNER, SPACES(USER_NS), MAPS(OWN_UID, OWN_GID), .facts = &user_facts},
       false},
      {"no maps", {INNER, SPACES(USER_NS), .facts = &user_facts}, false},
      {"and more",
       {INNER, SPACES(USER_NS), MAPS(ALL_UIDS, ALL_GIDS), .facts = USER_WITH_HELPERS},
       false},
      {"one more process", {INNER, SPACES(JOIN), EXEC}, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    compile(&cases[i].asks);
    if (!cases[i].refused) {
      CHECK_MSG(now.plan, "%s: %s", cases[i].label, now.err.msg);
      continue;
    }
    CHECK_REFUSED(cases[i].label, CTR_E_UNSUPPORTED, "linux.uidMappings");
    CHECK_HAS(now.err.msg, "inner_userns takes a new user namespace in which 0 is the caller's");
  }
#undef WHOLE
#undef RANGE
#undef INNER
}

/* -- what is given, as text -- */

/* "first:count ..." of what a text in the form of subuid(5) gives to the user me (name), 1000. */
static const char *given(const char *name, const char *text) {
  static char copy[8192], result[8192];
  ctr__id_ranges ids = {.known = true};
  snprintf(copy, sizeof copy, "%s", text);
  ctr__ids_parse_given(copy, name, 1000, &ids);
  result[0] = '\0';
  for (size_t i = 0; i < ids.count; i++)
    snprintf(result + strlen(result), sizeof result - strlen(result), "%s%u:%u", i ? " " : "",
             ids.items[i].first, ids.items[i].count);
  if (!ids.known) strcat(result, " ?");
  return result;
}

TEST(what_is_given_is_read_by_name_and_number) {
  CHECK_STR(given("me", ""), "");
  CHECK_STR(given("me", "me:100000:65536\n"), "100000:65536");
  CHECK_STR(given("me", "me:100000:65536"), "100000:65536");
  CHECK_STR(given("me", "you:1:2\nme:3:4\n1001:5:6\n1000:7:8\nme:9:10\n"), "3:4 7:8 9:10");
  CHECK_STR(given(NULL, "me:3:4\n1000:7:8\n"), "7:8");
  CHECK_STR(given("me", "meme:1:2\nm:1:2\n:1:2\n10000:1:2\n01000:1:2\n me:1:2\n"), "");
}

TEST(what_is_no_range_is_skipped) {
  static const char *const none[] = {"me",
                                     "me:",
                                     "me:1",
                                     "me:1:",
                                     "me::5",
                                     "me::",
                                     "me:a:5",
                                     "me:1:b",
                                     "me:1x:5",
                                     "me:1:5x",
                                     "me:-1:5",
                                     "me:1:-5",
                                     "me:+1:5",
                                     "me: 1:5",
                                     "me:1: 5",
                                     "me:1:0",
                                     "me:1:5:6",
                                     "#me:1:5",
                                     "me:0x10:5",
                                     "me 1 5",
                                     "::::",
                                     "\1\2:3:4",
                                     "me:4294967295:1",
                                     "me:4294967294:2",
                                     "me:1:4294967295",
                                     "me:18446744073709551616:1",
                                     "me:1:18446744073709551616",
                                     "me:18446744073709551617:1",
                                     "me:99999999999999999999:1"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    char text[256];
    snprintf(text, sizeof text, "%s\nme:70:7\n\n\n", none[i]);
    CHECK_MSG(!strcmp(given("me", text), "70:7"), "\"%s\" is \"%s\"", none[i], given("me", text));
  }
  CHECK_STR(given("me", "me:4294967294:1\nme:0:4294967295\nme:1:4294967294"),
            "4294967294:1 0:4294967295 1:4294967294");
}

/* More than there is room for: then what is there is not all, and the helper is the judge. */
TEST(more_ranges_than_there_is_room_for_are_not_known) {
  char text[4096] = "";
  for (int i = 0; i < CTR__ID_RANGES; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "me:%d:5\n", 100 + i * 10);
  CHECK_MSG(!strchr(given("me", text), '?'), "%s", given("me", text));
  CHECK_HAS(given("me", text), "410:5");
  strcat(text, "me:9000:5\n");
  CHECK_MSG(!strstr(given("me", text), "9000") && strchr(given("me", text), '?'), "%s",
            given("me", text));
}

/* The default map: one's own id, then what is given, but no id twice (user_namespaces(7)). */
TEST(ids_given_twice_are_mapped_once) {
  static const struct {
    const char *given, *mapped;
  } cases[] = {
      {"", "0-1000-1"},
      {"me:5000:10\n", "0-1000-1 1-5000-10"},
      {"me:5000:10\nme:7000:3\n", "0-1000-1 1-5000-10 11-7000-3"},
      {"me:5000:10\n1000:5000:10\nme:7000:3\n", "0-1000-1 1-5000-10 11-7000-3"},
      {"me:5000:10\nme:5009:2\nme:4999:2\nme:4990:100\nme:4990:10\n",
       "0-1000-1 1-5000-10 11-4990-10"},
      {"me:5000:10\nme:5010:10\n", "0-1000-1 1-5000-10 11-5010-10"},
      {"me:990:20\nme:5000:10\n", "0-1000-1 1-5000-10"},
      {"me:2000:4294960000\nme:1:900\n", "0-1000-1 1-2000-4294960000 4294960001-1-900"},
      {"me:2000:4294960000\nme:1:7500\nme:1:900\n", "0-1000-1 1-2000-4294960000 4294960001-1-900"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ctr_arena mem = {0};
    ctr__id_ranges ids = {.known = true};
    ctr_id_mappings map = {0};
    char text[1024], result[1024] = "";
    snprintf(text, sizeof text, "%s", cases[i].given);
    ctr__ids_parse_given(text, "me", 1000, &ids);
    CHECK(!ctr__map_given(&mem, 1000, &ids, &map));
    for (size_t n = 0; n < map.count; n++)
      snprintf(result + strlen(result), sizeof result - strlen(result), "%s%u-%u-%u", n ? " " : "",
               map.items[n].containerID, map.items[n].hostID, map.items[n].size);
    CHECK_STR(result, cases[i].mapped);
    ctr_arena_free(&mem);
  }
}

TEST_MAIN
