/* Plans of mounts that show other owners, and of sources that the caller opens for the child. */
#include "plan.h"

#define IDS(id, host, size) "[{'containerID':" #id ",'hostID':" #host ",'size':" #size "}]"
#define MAPS(id, host, size)                                                                       \
  ",'uidMappings':" IDS(id, host, size) ",'gidMappings':" IDS(id, host, size)
#define BIND(options, maps)                                                                        \
  "{'destination':'/m','type':'bind','source':'/s','options':[" options "]" maps "}"
#define TMPFS(options, maps) "{'destination':'/t','type':'tmpfs','options':[" options "]" maps "}"
#define OWN_MAPS             ",'uidMappings':" IDS(0, 100, 9) ",'gidMappings':" IDS(0, 200, 9)

static const struct row {
  const char *what;
  setup setup;
  const char *lines;
} rows[] = {
    {"maps without an option: not what is below",
     {.mounts = BIND("'rbind'", MAPS(0, 1000, 5))},
     "parent  make the id map 1 for mounts: uids '0 1000 5 ', gids '0 1000 5 '  <- mounts[0]  "
     "[user_namespaces(7)]\n"
     "child   rbind /s on /m (none; ids by map 1)  <- mounts[0]  [open_tree(2)]\n"},
    {"idmap", {.mounts = BIND("'rbind','idmap'", MAPS(0, 1000, 5))}, "(none; ids by map 1)  <-"},
    {"ridmap",
     {.mounts = BIND("'rbind','ridmap'", MAPS(0, 1000, 5))},
     "(none; ids by map 1, also below)  <-"},
    {"both: the wider one",
     {.mounts = BIND("'ridmap','idmap'", MAPS(0, 1000, 5))},
     "(none; ids by map 1, also below)  <-"},
    {"beside other options",
     {.mounts = BIND("'ro','nosuid','shared','idmap'", MAPS(0, 1000, 5))},
     "bind /s on /m (ro,nosuid; shared; ids by map 1)  <- mounts[0]"},
    {"a new file system",
     {.mounts = TMPFS("'size=1m','nodev','idmap'", MAPS(7, 8, 9))},
     "uids '7 8 9 '\nmount tmpfs on /t (size=1m; nodev; ids by map 1)  <- mounts[0]  [fsopen(2)]"},
    {"a copy of what is there",
     {.mounts = TMPFS("'tmpcopyup'", MAPS(7, 8, 9))},
     "mount tmpfs on /t with a copy of what is there (; none; ids by map 1)  <- mounts[0]"},
    {"read-only when it is filled",
     {.mounts = TMPFS("'ro','idmap'", MAPS(7, 8, 9))},
     "mount tmpfs on /t (; none; ids by map 1)\non /t set ro, clear none  <- mounts[0]"},
    {"uid= is one of the file system's own ids",
     {.mounts = TMPFS("'uid=77','idmap'", MAPS(77, 100, 1)), SPACES(USER_NS), .linux_ = OWN_MAPS},
     "mount tmpfs on /t (uid=77; none; ids by map 1)"},
    {"equal maps are made once",
     {.mounts = BIND("", MAPS(0, 1000, 5)) "," TMPFS("", MAPS(0, 1000, 6)) "," TMPFS(
          "", MAPS(0, 1000, 5)) "," BIND("", MAPS(0, 1000, 6))},
     "make the id map 1 for mounts: uids '0 1000 5 '\nbind /s on /m (none; ids by map 1)\n"
     "make the id map 2 for mounts: uids '0 1000 6 '\nmount tmpfs on /t (; none; ids by map 2)\n"
     "mount tmpfs on /t (; none; ids by map 1)\nbind /s on /m (none; ids by map 2)"},
    {"the container's own",
     {.mounts = BIND("'idmap'", "") "," TMPFS("'ridmap'", ""), SPACES(USER_NS), .linux_ = OWN_MAPS},
     "write '0 100 9 ' to /proc/PID/uid_map\n"
     "make the id map 1 for mounts: uids '0 100 9 ', gids '0 200 9 '  <- mounts[0]\n"
     "bind /s on /m (none; ids by map 1)  <- mounts[0]\n"
     "mount tmpfs on /t (; none; ids by map 1, also below)  <- mounts[1]"},
    {"the mount's own come before the container's",
     {.mounts = BIND("'idmap'", MAPS(1, 2, 3)), SPACES(USER_NS), .linux_ = OWN_MAPS},
     "make the id map 1 for mounts: uids '1 2 3 ', gids '1 2 3 '"},
    {"those of a joined user namespace",
     {.mounts = BIND("'idmap'", "") "," TMPFS("'ridmap'", MAPS(1, 2, 3)),
      SPACES(MOUNT_NS ",{'type':'user','path':'/u'},{'type':'pid','path':'/p'}")},
     "bind /s on /m (none; ids as in the joined user namespace)  <- mounts[0]\n"
     "make the id map 1 for mounts: uids '1 2 3 '\n"
     "mount tmpfs on /t (; none; ids by map 1, also below)  <- mounts[1]"},
    {"what only root of the machine can mount",
     {.mounts = "{'destination':'/m','type':'ext4','source':'/dev/x'" MAPS(0, 5, 1) "}",
      SPACES(USER_NS),
      .linux_ = OWN_MAPS},
     "mount ext4 on /m (source=/dev/x; none; ids by map 1)"},
};
enum { ROWS = sizeof rows / sizeof *rows };

TEST(maps_of_ids_are_made_and_used) {
  for (size_t i = 0; i < ROWS; i++) {
    check_lines(rows[i].what, compile(&rows[i].setup), rows[i].lines);
    CHECK_MSG(!now.warnings[0], "%s: warned of %s", rows[i].what, now.warnings);
  }
}

TEST(equal_maps_are_not_made_twice) {
  compile(&rows[9].setup);
  int made = 0;
  for (uint32_t i = 0; i < now.plan->step_count; i++)
    made += ctr__plan_step(now.plan, i)->kind == CTR__STEP_MAKE_IDMAP;
  CHECK_NUM(made, 2);
}

/* Which of the launch's namespaces it is: they are joined in an order of their own. */
TEST(the_joined_user_namespace_is_the_one_that_was_opened) {
  PLAN(.mounts = BIND("'idmap'", ""),
       SPACES("{'type':'user','path':'/u'},{'type':'ipc','path':'/i'},{'type':'mount'},"
              "{'type':'pid','path':'/p'}"));
  const ctr__step *bind = step_of(CTR__STEP_MOUNT_BIND);
  uint64_t slot = 99;
  for (uint32_t i = 0; now.plan && i < now.plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(now.plan, i);
    if (step->kind == CTR__STEP_OPEN_NAMESPACE && step->num[0] == CTR_NS_USER) slot = step->num[1];
  }
  CHECK(bind && bind->num[CTR__NUM_IDMAP] == slot + 1 && slot == 2);
  CHECK(bind && (bind->num[CTR__NUM_SOURCE] & CTR__IDMAP_JOINED));
}

static const struct refusal {
  const char *what;
  setup setup;
  ctr_code code;
  const char *field, *words;
} refusals[] = {
    {"no map at all",
     {.mounts = BIND("'ro','idmap'", "")},
     CTR_E_CONFIG,
     "mounts[0].options[1]",
     "by which map?"},
    {"the same of a file system",
     {.mounts = TMPFS("'ridmap'", "")},
     CTR_E_CONFIG,
     "mounts[0].options[0]",
     "by which map?"},
    {"a remount by option",
     {.mounts = TMPFS("'remount','idmap'", MAPS(0, 1, 2))},
     CTR_E_CONFIG,
     "mounts[0].options[1]",
     "when a mount is made"},
    {"a remount by maps",
     {.mounts = TMPFS("'remount'", MAPS(0, 1, 2))},
     CTR_E_CONFIG,
     "mounts[0].uidMappings",
     "when a mount is made"},
    {"a remount of a bind",
     {.mounts = BIND("'remount'", MAPS(0, 1, 2))},
     CTR_E_CONFIG,
     "mounts[0].uidMappings",
     "when a mount is made"},
    {"an old kernel",
     {.mounts = BIND("", MAPS(0, 1, 2)), .facts = &old_kernel_facts},
     CTR_E_UNSUPPORTED,
     "mounts[0]",
     "Linux 5.12"},
    {"an ordinary user",
     {.mounts = BIND("", MAPS(0, 1000, 1)), SPACES(USER_NS), .facts = &user_facts},
     CTR_E_UNSUPPORTED,
     "mounts[0]",
     "chown"},
    {"an ordinary user's tmpfs",
     {.mounts = TMPFS("'idmap'", ""), SPACES(USER_NS), .facts = &user_facts},
     CTR_E_UNSUPPORTED,
     "mounts[0]",
     "let root start"},
    {"cgroups",
     {.mounts = "{'destination':'/c','type':'cgroup'" MAPS(0, 1, 2) "}"},
     CTR_E_CONFIG,
     "mounts[0]",
     "cgroup"},
    {"what is made",
     {.mounts = "{'destination':'/d','type':'ctr.dir'" MAPS(0, 1, 2) "}"},
     CTR_E_CONFIG,
     "mounts[0].uidMappings",
     "is no mount"},
    {"what is made, by option",
     {.mounts = "{'destination':'/d','type':'ctr.dir','options':['idmap']}"},
     CTR_E_CONFIG,
     "mounts[0].options[0]",
     "does not take it"},
    {"an overlay with a tmpfs of its own",
     {.mounts =
          "{'destination':'/d','type':'overlay','options':['lowerdir=/l','tmpupper']" MAPS(0, 1,
                                                                                           2) "}"},
     CTR_E_CONFIG,
     "mounts[0].options[1]",
     "does not go with idmap"},
    {"what only mount(2) can do",
     {.mounts = "{'destination':'/m','type':'ext4','options':['iversion']" MAPS(0, 1, 2) "}"},
     CTR_E_UNSUPPORTED,
     "mounts[0]",
     "a map of ids does not go with iversion"},
};

TEST(what_cannot_be_mapped_is_refused_by_field) {
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    compile(&refusals[i].setup);
    CHECK_REFUSED(refusals[i].what, refusals[i].code, refusals[i].field);
    CHECK_HAS(now.err.msg, refusals[i].words);
  }
}

TEST(a_map_longer_than_the_kernel_takes_is_refused) {
  static char many[2][32768];
  for (int kind = 0; kind < 2; kind++) {
    char *at = many[kind];
    for (unsigned i = 0; i < (kind ? 1 : 200); i++)
      at += sprintf(at, "%s{'containerID':%u,'hostID':%u,'size':1}", i ? "," : "",
                    4000000000U + i * 2, 4000000000U + i * 2);
  }
  for (int kind = 0; kind < 2; kind++) {
    static char mounts[2 * sizeof many[0] + 1024];
    snprintf(
        mounts, sizeof mounts,
        "{'destination':'/m','type':'bind','source':'/s','uidMappings':[%s],'gidMappings':[%s]}",
        many[kind], many[!kind]);
    PLAN(.mounts = mounts);
    CHECK_REFUSED("a long map", CTR_E_CONFIG,
                  kind ? "mounts[0].gidMappings" : "mounts[0].uidMappings");
    CHECK_HAS(now.err.msg, "4095 bytes");
  }
}

/* -- who opens sources -- */

static const enum ctr__kind asking[] = {CTR__STEP_ROOT_BIND, CTR__STEP_MOUNT_BIND,
                                        CTR__STEP_DEVICE_BIND};

static void check_asking(const char *what, bool may, int kinds) {
  for (int i = 0; i < kinds; i++) {
    const ctr__step *step = step_of(asking[i]);
    CHECK_MSG(step && (step->num[CTR__NUM_SOURCE] & CTR__SOURCE_ASK) == may, "%s: step kind %d",
              what, i);
  }
  for (uint32_t i = 0; now.plan && i < now.plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(now.plan, i);
    bool known = step->kind == asking[0] || step->kind == asking[1] || step->kind == asking[2];
    CHECK_MSG(known || !step->num[CTR__NUM_SOURCE], "%s: step %u may ask", what, i);
  }
}

TEST(the_child_may_ask_where_it_is_not_the_caller_any_more) {
  PLAN(.mounts = BIND("", ""), SPACES(USER_NS), .linux_ = OWN_MAPS);
  check_asking("a new user namespace", true, 3);
  PLAN(.mounts = BIND("", ""), SPACES(MOUNT_NS ",{'type':'user','path':'/u'}"));
  check_asking("a joined one", true, 3);
  PLAN(.mounts = BIND("", ""));
  check_asking("no user namespace", false, 2);
  PLAN(.mounts = BIND("", ""), SPACES(USER_NS), .facts = &user_facts);
  check_asking("an ordinary user", false, 3);
}

TEST_MAIN
