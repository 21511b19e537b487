/* config.landlock: read from its annotation and written back, checked, compiled for kernels of each
   version of the interface. */
#include "plan.h"

/* Its members, with ' for ". */
static const char *landlock(const char *members) {
  static char top[4096];
  char *at = top + sprintf(top, ",'annotations':{'a':'b','" CTR_LANDLOCK_ANNOTATION "':'{");
  for (; *members; members++) {
    if (*members == '\'') *at++ = '\\';
    *at++ = *members;
  }
  strcpy(at, "}'}");
  return top;
}
#define LANDLOCK(members, ...) PLAN(.top = landlock(members), ##__VA_ARGS__)

/* Lines of the plan that are about it. */
static const char *lines_of(const char *text) {
  static char found[4096];
  found[0] = '\0';
  for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    char one[1024];
    snprintf(one, sizeof one, "%.*s\n", (int)strcspn(line, "\n"), line);
    if (strstr(one, "<- landlock")) strcat(found, one);
  }
  return found;
}

#define RULES                                                                                      \
  "'handledAccessFs':['all'],'handledAccessNet':['bind_tcp','connect_tcp'],"                       \
  "'scoped':['signal','abstract_unix_socket'],"                                                    \
  "'pathBeneath':[{'paths':['/','/a'],'allowedAccess':['read','execute']},"                        \
  "{'paths':['/b'],'allowedAccess':['write']}],"                                                   \
  "'netPort':[{'ports':[80,65535],'allowedAccess':['connect_tcp']}]"
#define READS "execute,read_file,read_dir"
#define WRITES                                                                                     \
  "remove_dir,remove_file,make_char,make_dir,make_reg,make_sock,make_fifo,make_block,make_sym,"    \
  "refer,truncate"

TEST(all_of_it_is_compiled) {
  LANDLOCK(RULES);
  CHECK_STR(lines_of(now.text),
            "child   make a Landlock ruleset; files execute,write_file,read_file,read_dir," WRITES
            ",ioctl_dev; TCP bind_tcp,connect_tcp; scopes abstract_unix_socket,signal"
            "  <- landlock  [landlock_create_ruleset(2)]\n"
            "child   by Landlock allow / and below; files " READS
            "  <- landlock.pathBeneath[0].paths[0]  [landlock_add_rule(2)]\n"
            "child   by Landlock allow /a and below; files " READS
            "  <- landlock.pathBeneath[0].paths[1]  [landlock_add_rule(2)]\n"
            "child   by Landlock allow /b and below; files write_file," WRITES
            "  <- landlock.pathBeneath[1].paths[0]  [landlock_add_rule(2)]\n"
            "child   by Landlock allow the port 80; TCP connect_tcp"
            "  <- landlock.netPort[0].ports[0]  [landlock_add_rule(2)]\n"
            "child   by Landlock allow the port 65535; TCP connect_tcp"
            "  <- landlock.netPort[0].ports[1]  [landlock_add_rule(2)]\n"
            "child   give up what Landlock does not allow  <- landlock"
            "  [landlock_restrict_self(2)]\n");
  CHECK_STR(now.warnings, "");
}

TEST(bits_are_those_of_the_kernel) {
  LANDLOCK("'handledAccessFs':['read','refer'],'scoped':['signal'],"
           "'pathBeneath':[{'paths':['/'],'allowedAccess':['all']}]");
  check_num("read_file 4, read_dir 8, refer 8192", CTR__STEP_LANDLOCK, 0, 4 | 8 | 8192);
  check_num("no TCP", CTR__STEP_LANDLOCK, 1, 0);
  check_num("signal", CTR__STEP_LANDLOCK, 2, 2);
  check_num("of a group what is handled", CTR__STEP_LANDLOCK_PATH, 0, 4 | 8 | 8192);
  uint64_t seen[CTR__LANDLOCK_KINDS] = {0};
  for (size_t i = 0; i < CTR__LANDLOCK_ROWS; i++) {
    const struct ctr__landlock_right *right = &ctr__landlock_rights[i];
    if (!right->abi) continue;
    CHECK_MSG(right->bits == seen[right->kind] + 1, "%s is not the next bit", right->name);
    seen[right->kind] |= right->bits;
  }
  CHECK_NUM(seen[CTR__LANDLOCK_FS], ctr__landlock_find(CTR__LANDLOCK_FS, "all")->bits);
  CHECK_NUM(CTR__LANDLOCK_READ | CTR__LANDLOCK_WRITE | 1 | 1 << 15, 0xffff);
}

TEST(it_comes_after_hooks_and_before_filters) {
  static const char scoped[] = "'scoped':['signal']";
  char top[4096];
  snprintf(top, sizeof top, "%s,'hooks':{'startContainer':[{'path':'/h'}]}", landlock(scoped));
  PLAN(.top = top, CREATE, .process = ",'noNewPrivileges':true",
       .linux_ = ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}");
  check_lines("order", now.text,
              "pivot_root(2)\nclose the host's procfs\ngive up gaining privileges\nbecome uid 0\n"
              "wait to be started\nrun the hook /h\nmake a Landlock ruleset\n"
              "give up what Landlock does not allow\ntell who starts it\n<- linux.seccomp\n"
              "execute /p");
  CHECK_MSG(!strstr(now.text, "until it is restricted"), "%s", now.text);
  LANDLOCK(scoped, EXEC);
  check_lines("what joins it", now.text,
              "until it is restricted also CAP_SYS_ADMIN\ngive up what Landlock does not allow\n"
              "execute /p");
  setup s = {.top = landlock(scoped), .desc = {.call_function = true}};
  compile(&s);
  check_lines("a function", now.text,
              "give up what Landlock does not allow\nkeep capabilities none; permitted none; "
              "inheritable none  <-\ncall the caller's");
}

TEST(it_takes_a_right_or_no_new_privileges) {
  ctr__facts poor = root_facts;
  poor.permitted &= ~CTR_CAP(SYS_ADMIN);
  LANDLOCK("'scoped':['signal']", .facts = &poor);
  CHECK_REFUSED("nobody may", CTR_E_UNSUPPORTED, "landlock");
  CHECK_HAS(now.err.msg, "set process.noNewPrivileges");
  LANDLOCK("'scoped':['signal']", .facts = &poor, .process = ",'noNewPrivileges':true");
  CHECK_MSG(now.plan, "%s", now.text);
  LANDLOCK("'scoped':['signal']", .facts = &user_facts, SPACES(USER_NS));
  CHECK_MSG(now.plan, "%s", now.text);
}

/* -- kernels -- */

TEST(what_a_kernel_lacks_is_refused_by_field) {
  static const struct {
    int abi;
    const char *members, *field, *says;
  } rows[] = {
      {0, "'handledAccessFs':['read','execute']", "landlock.handledAccessFs[1]",
       "execute takes version 1 of Landlock, which came with Linux 5.13: this kernel has 0"},
      {1, "'handledAccessFs':['read','all']", "landlock.handledAccessFs[1]",
       "refer takes version 2 of Landlock, which came with Linux 5.19: this kernel has 1"},
      {2, "'handledAccessFs':['write']", "landlock.handledAccessFs[0]", "truncate takes version 3"},
      {3, "'handledAccessNet':['connect_tcp']", "landlock.handledAccessNet[0]", "Linux 6.7"},
      {4, "'handledAccessFs':['read','ioctl_dev']", "landlock.handledAccessFs[1]", "Linux 6.10"},
      {5, "'scoped':['abstract_unix_socket']", "landlock.scoped[0]", "Linux 6.12"},
      {5, "'scoped':['all'],'handledAccessFs':['all']", "landlock.scoped[0]", "version 6"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ctr__facts facts = root_facts;
    facts.landlock_abi = rows[i].abi;
    LANDLOCK(rows[i].members, .facts = &facts);
    CHECK_REFUSED(rows[i].members, CTR_E_UNSUPPORTED, rows[i].field);
    CHECK_HAS(now.err.msg, rows[i].says);
    CHECK_HAS(now.err.msg, "with bestEffort it is left out");
    facts.landlock_abi = 6;
    LANDLOCK(rows[i].members, .facts = &facts);
    CHECK_MSG(now.plan, "%s: %s", rows[i].members, now.text);
  }
}

TEST(with_best_effort_it_is_left_out_and_warned_of) {
  ctr__facts facts = root_facts;
  facts.landlock_abi = 3;
  LANDLOCK(RULES ",'bestEffort':true", .facts = &facts);
  CHECK_STR(now.warnings, "landlock.handledAccessFs[0];landlock.handledAccessNet[0];"
                          "landlock.handledAccessNet[1];landlock.scoped[1];landlock.scoped[0];");
  check_num("without ioctl_dev", CTR__STEP_LANDLOCK, 0, 0x7fff);
  check_num("without TCP", CTR__STEP_LANDLOCK, 1, 0);
  check_num("without scopes", CTR__STEP_LANDLOCK, 2, 0);
  CHECK(!step_of(CTR__STEP_LANDLOCK_PORT)); /* a rule without rights is none */
  CHECK(step_of(CTR__STEP_LANDLOCK_RESTRICT));
  facts.landlock_abi = 0;
  LANDLOCK(RULES ",'bestEffort':true", .facts = &facts);
  CHECK_MSG(now.plan, "%s", now.text);
  CHECK_STR(lines_of(now.text), "");
}

/* -- what says nothing, or something else than it looks like -- */

TEST(mistakes_are_refused_by_field) {
#define READ "'handledAccessFs':['read_file']"
  static const struct {
    const char *members, *field, *says;
  } rows[] = {
      {"", "landlock", "it denies nothing"},
      {"'bestEffort':true", "landlock", "it denies nothing"},
      {"'handledAccessFs':['reads']", "landlock.handledAccessFs[0]",
       "no access right of files \"reads\""},
      {"'handledAccessFs':['signal']", "landlock.handledAccessFs[0]", "no access right of files"},
      {"'handledAccessNet':['read']", "landlock.handledAccessNet[0]", "no access right of TCP"},
      {"'scoped':['bind_tcp']", "landlock.scoped[0]", "no scope \"bind_tcp\""},
      {READ ",'pathBeneath':[{'paths':['/'],'allowedAccess':['execute']}]",
       "landlock.pathBeneath[0].allowedAccess[0]", "it is allowed anyway"},
      {READ ",'pathBeneath':[{'paths':['/'],'allowedAccess':['read','write']}]",
       "landlock.pathBeneath[0].allowedAccess[1]", "it is allowed anyway"},
      {READ ",'pathBeneath':[{'paths':['/']}]", "landlock.pathBeneath[0].allowedAccess",
       "at least one"},
      {READ ",'pathBeneath':[{'paths':['/','b'],'allowedAccess':['read']}]",
       "landlock.pathBeneath[0].paths[1]", "absolute"},
      {READ ",'netPort':[{'ports':[1],'allowedAccess':['bind_tcp']}]",
       "landlock.netPort[0].allowedAccess[0]", "landlock.handledAccessNet"},
      /* reading it */
      {READ ",'pathBeneth':[]", "annotations.ctr.landlock",
       "annotations.ctr.landlock.pathBeneth: there is no such member"},
      {READ ",'pathBeneath':[{'path':['/'],'allowedAccess':['read']}]", "annotations.ctr.landlock",
       "pathBeneath[0].path: there is no such member"},
      {"'handledAccessFs':'read'", "annotations.ctr.landlock.handledAccessFs", "an array"},
      {READ ",'netPort':[{'ports':[65536]}]", "annotations.ctr.landlock.netPort[0].ports[0]",
       "from 0 to 65535"},
      {READ ",", "annotations.ctr.landlock", "is no JSON text"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    LANDLOCK(rows[i].members);
    CHECK_REFUSED(rows[i].members, CTR_E_CONFIG, rows[i].field);
    CHECK_HAS(now.err.msg, rows[i].says);
  }
  PLAN(.top = ",'annotations':{'ctr.landlock':'[]'}");
  CHECK_REFUSED("a list", CTR_E_CONFIG, "annotations.ctr.landlock");
#undef READ
}

static ctr_config by_hand(const ctr_landlock *landlock_) {
  static const char *const program[] = {"/p"};
  return (ctr_config){.root.path = "/r",
                      .process = {.cwd = "/", .args = {program, 1}},
                      .landlock = landlock_};
}

TEST(structs_are_checked_as_texts_are) {
  static const char *const nothing[1] = {NULL};
  const ctr_landlock bad[] = {
      {.handledAccessFs = {nothing, 1}},
      {.scoped = {NULL, 1}},
      {.handledAccessFs = CTR_STRS("read"), .pathBeneath = {NULL, 2}},
      {.handledAccessNet = CTR_STRS("all"),
       .netPort = {&(ctr_landlock_port){{(const uint32_t[]){70000}, 1}, CTR_STRS("all")}, 1}},
  };
  static const char *const fields[] = {"landlock.handledAccessFs[0]", "landlock.scoped",
                                       "landlock.pathBeneath", "landlock.netPort[0].ports[0]"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ctr_config config = by_hand(&bad[i]);
    ctr_plan *plan = NULL;
    ctr_err err;
    CHECK_NUM(ctr_plan_new(&config, NULL, &plan, &err), CTR_E_CONFIG);
    CHECK_STR(err.field, fields[i]);
    ctr_arena mem = {0};
    ctr_json *value = NULL;
    CHECK_NUM(ctr_config_to_json(&mem, &config, &value, &err), CTR_E_CONFIG);
    ctr_arena_free(&mem);
  }
  /* What nobody has read would not be in force. */
  ctr_config config = by_hand(NULL);
  const ctr_pair pair = {CTR_LANDLOCK_ANNOTATION, "{}"};
  ctr_plan *plan = NULL;
  ctr_err err;
  config.annotations = (ctr_pairs){&pair, 1};
  CHECK_NUM(ctr_plan_new(&config, NULL, &plan, &err), CTR_E_CONFIG);
  CHECK_STR(err.field, "annotations.ctr.landlock");
}

TEST(it_is_written_as_an_annotation_and_read_again) {
  const uint32_t ports[] = {80, 443};
  const ctr_landlock_path path = {CTR_STRS("/a\"b", "/c"), CTR_STRS("read", "truncate")};
  const ctr_landlock_port port = {{ports, 2}, CTR_STRS("bind_tcp")};
  const ctr_landlock all = {.handledAccessFs = CTR_STRS("all"),
                            .handledAccessNet = CTR_STRS("all"),
                            .scoped = CTR_STRS("signal"),
                            .pathBeneath = {&path, 1},
                            .netPort = {&port, 1},
                            .bestEffort = true};
  const ctr_pair pairs[] = {{"x", "y"}, {CTR_LANDLOCK_ANNOTATION, "outdated"}, {"z", ""}};
  ctr_config config = by_hand(&all), *again = NULL;
  ctr_arena mem = {0};
  ctr_json *value = NULL;
  ctr_err err;
  config.annotations = (ctr_pairs){pairs, 3};
  CHECK(!ctr_config_to_json(&mem, &config, &value, &err));
  const ctr_json *annotations = ctr_json_get(value, "annotations");
  CHECK_NUM(annotations->as.list.count, 3);
  CHECK_STR(ctr_json_get(annotations, CTR_LANDLOCK_ANNOTATION)->as.string.text,
            "{\"handledAccessFs\":[\"all\"],\"handledAccessNet\":[\"all\"],\"scoped\":[\"signal\"],"
            "\"pathBeneath\":[{\"paths\":[\"/a\\\"b\",\"/c\"],\"allowedAccess\":[\"read\","
            "\"truncate\"]}],\"netPort\":[{\"ports\":[80,443],\"allowedAccess\":[\"bind_tcp\"]}],"
            "\"bestEffort\":true}");
  CHECK(!ctr_config_from_json(&mem, value, &again, NULL, &err));
  const ctr_landlock *l = again ? again->landlock : NULL;
  CHECK(l && l->bestEffort && l->pathBeneath.count == 1 && l->netPort.count == 1);
  if (l) {
    CHECK_STR(l->pathBeneath.items[0].paths.items[0], "/a\"b");
    CHECK_STR(l->pathBeneath.items[0].allowedAccess.items[1], "truncate");
    CHECK_NUM(l->netPort.items[0].ports.items[1], 443);
    CHECK_STR(l->scoped.items[0], "signal");
  }
  ctr_arena_free(&mem);
}

TEST_MAIN
