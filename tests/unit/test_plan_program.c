/* When a plan keeps the caller's program from the container (CVE-2019-5736), by which steps and
   where they stand. */

#include "plan.h"

#define SEAL(how) "run the caller's program from " how " of it  [mmap(2)]\n"
#define HIDE      "have an empty file as /proc/PID/exe instead  [prctl(2)]\n"
#define HOLD      "child   open the procfs that settings are written to  [proc(5)]\n"
#define MAPS(uid)                                                                                  \
  ",'uidMappings':[{'containerID':0,'hostID':5000,'size':100},"                                    \
  "{'containerID':100,'hostID':" uid ",'size':1}],"                                                \
  "'gidMappings':[{'containerID':0,'hostID':5000,'size':100}]"

/* A machine where the program can be written to. */
static ctr__facts with(const ctr__facts *from, enum ctr__program program, uint32_t uid) {
  ctr__facts facts = *from;
  facts.features |= CTR_FEATURE_HIDE_PROGRAM;
  facts.program = program;
  facts.program_uid = uid;
  return facts;
}

static bool is_hidden(void) {
  CHECK_MSG(now.plan, "%s", now.text);
  CHECK(!step_of(CTR__STEP_SEAL_PROGRAM) == !step_of(CTR__STEP_HIDE_PROGRAM));
  return step_of(CTR__STEP_HIDE_PROGRAM);
}

TEST(root_lets_go_of_its_program_before_anything_else_of_the_container) {
  const ctr__facts facts = with(&root_facts, CTR__PROGRAM_OWNED, 0);
  PLAN(.facts = &facts);
  check_lines("in one piece", now.text, HOLD "child   " SEAL("a read-only view") "child   " HIDE);
  CHECK(strstr(now.text, HOLD "child   " SEAL("a read-only view") "child   " HIDE "child   start"));
  check_num("by a mount", CTR__STEP_SEAL_PROGRAM, 0, 1);
  PLAN(CREATE, .facts = &facts,
       .top = ",'hooks':{'createContainer':[{'path':'/h'}],'startContainer':[{'path':'/i'}]}");
  check_lines("before its hooks", now.text,
              "child   " HIDE "child   bind the root\nchild   run the hook /h\n"
              "child   make it the root\nchild   run the hook /i\nchild   execute");
  PLAN(.facts = &facts, .desc.call_function = true);
  check_lines("a function", now.text, "child   " HIDE "child   call the caller's function");
}

#define PID_NS              MOUNT_NS ",{'type':'pid'}"
#define USERS_NS            PID_NS ",{'type':'user'}"
#define ID(inside, outside) "[{'containerID':" #inside ",'hostID':" #outside ",'size':10}]"
#define IDS(inside, outside)                                                                       \
  ",'uidMappings':" ID(inside, outside) ",'gidMappings':" ID(inside, outside)

/* As it would be without what keeps others from it before: where it is still the caller's. */
TEST(a_function_can_be_looked_into_again_if_it_is_still_the_callers) {
  static const struct {
    const char *label, *spaces, *more, *user;
    bool again;
  } cases[] = {
      {"root", PID_NS, "", "", true},
      {"another user", PID_NS, "", ",'user':{'uid':7,'gid':0}", false},
      {"another group", PID_NS, "", ",'user':{'uid':0,'gid':7}", false},
      {"others may be there", MOUNT_NS, "", "", false},
      {"its own root", USERS_NS, IDS(0, 0), "", true},
      {"another user of its own", USERS_NS, IDS(0, 0), ",'user':{'uid':7,'gid':0}", false},
      {"another's root", USERS_NS, IDS(0, 7000), "", false},
      {"the caller by another name", USERS_NS, IDS(5, 0), ",'user':{'uid':5,'gid':5}", true},
      {"not the caller", USERS_NS, IDS(5, 0), ",'user':{'uid':6,'gid':5}", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    PLAN(.namespaces = cases[i].spaces, .linux_ = cases[i].more, .process = cases[i].user,
         .facts = &pid_root_facts, .desc.call_function = true);
    CHECK_MSG(!step_of(CTR__STEP_DUMPABLE) == !cases[i].again, "%s: %s", cases[i].label, now.text);
    if (cases[i].again)
      check_lines(cases[i].label, now.text,
                  "be out of reach of ptrace\nbe in reach of ptrace again\ncall the caller's");
  }
  PLAN(SPACES(PID_NS), .facts = &root_facts, .desc.call_function = true);
  CHECK(!step_of(CTR__STEP_DUMPABLE) && !step_of(CTR__STEP_UNDUMPABLE));
}

TEST(a_program_that_nobody_can_write_to_is_left_alone) {
  const ctr__facts facts = with(&root_facts, CTR__PROGRAM_SAFE, 0);
  PLAN(.facts = &facts);
  CHECK(!is_hidden());
  PLAN(EXEC, .facts = &facts);
  CHECK(!is_hidden());
}

TEST(in_a_user_namespace_it_is_hidden_when_its_owner_is_mapped_or_others_may_write) {
  static const struct {
    const char *label, *maps;
    enum ctr__program program;
    uint32_t uid;
    bool hidden;
  } rows[] = {{"the first of a range", MAPS("7000"), CTR__PROGRAM_OWNED, 5000, true},
              {"the last of a range", MAPS("7000"), CTR__PROGRAM_OWNED, 5099, true},
              {"behind it", MAPS("7000"), CTR__PROGRAM_OWNED, 5100, false},
              {"before it", MAPS("7000"), CTR__PROGRAM_OWNED, 4999, false},
              {"a single one", MAPS("7000"), CTR__PROGRAM_OWNED, 7000, true},
              {"root's", MAPS("7000"), CTR__PROGRAM_OWNED, 0, false},
              {"root is mapped", MAPS("0"), CTR__PROGRAM_OWNED, 0, true},
              {"writable", MAPS("7000"), CTR__PROGRAM_WRITABLE, 0, true},
              {"safe", MAPS("7000"), CTR__PROGRAM_SAFE, 5000, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const ctr__facts facts = with(&root_facts, rows[i].program, rows[i].uid);
    PLAN(SPACES(USER_NS), .linux_ = rows[i].maps, .facts = &facts);
    CHECK_MSG(is_hidden() == rows[i].hidden, "%s", rows[i].label);
    PLAN(EXEC, SPACES(USER_NS), .linux_ = rows[i].maps, .facts = &facts);
    CHECK_MSG(is_hidden() == rows[i].hidden, "exec: %s", rows[i].label);
  }
}

TEST(an_ordinary_user_with_one_id_hides_their_own_program) {
  ctr__facts facts = with(&user_facts, CTR__PROGRAM_OWNED, 1000);
  PLAN(SPACES(USER_NS), .facts = &facts);
  check_lines("own", now.text,
              HOLD "child   " SEAL("a read-only view") "child   " HIDE "child   become uid 0");
  facts.program_uid = 0;
  PLAN(SPACES(USER_NS), .facts = &facts);
  CHECK(!is_hidden());
}

/* It would be of no use: the host's files are there as they are. */
TEST(without_a_root_of_its_own_nothing_is_hidden) {
  const ctr__facts facts = with(&root_facts, CTR__PROGRAM_WRITABLE, 0);
  PLAN(SPACES("{'type':'pid'}"), .facts = &facts);
  CHECK(!is_hidden());
  PLAN(EXEC, SPACES("{'type':'pid'}"), .facts = &facts);
  CHECK(!is_hidden());
}

/* Before it can be seen from there. Who has no right to it gets that with the user namespace, but
   not to a mount of the host. */
TEST(who_joins_namespaces_does_so_before_the_clone) {
  static const char joined[] = "{'type':'mount','path':'/m'},{'type':'pid','path':'/p'}";
  static const char joined_user[] = "{'type':'mount','path':'/m'},{'type':'user','path':'/u'}";
  ctr__facts root = with(&root_facts, CTR__PROGRAM_OWNED, 0);
  ctr__facts user = with(&user_facts, CTR__PROGRAM_OWNED, 0);
  PLAN(SPACES(joined), .facts = &root);
  check_lines("by path", now.text,
              "stage   be out of reach\nstage   " SEAL(
                  "a read-only view") "stage   " HIDE
                                      "stage   join the pid namespace\nstage   clone into");
  CHECK(is_hidden());
  PLAN(SPACES(joined_user), .facts = &user);
  check_lines("a user namespace by path", now.text,
              "stage   " SEAL("a sealed copy") "stage   join the user namespace\n"
                                               "stage   join those that refused\nstage   " HIDE
                                               "stage   clone into");
  check_num("no mount", CTR__STEP_SEAL_PROGRAM, 0, 0);
  PLAN(EXEC, SPACES(MOUNT_NS ",{'type':'pid'}"), .facts = &root);
  check_lines("exec", now.text,
              "stage   be out of reach\nstage   " SEAL(
                  "a read-only view") "stage   " HIDE
                                      "stage   join the first process's\nstage   clone into");
  user.program_uid = 1000;
  PLAN(EXEC, SPACES(USER_NS), .facts = &user);
  check_lines("exec of an ordinary user", now.text,
              "stage   " SEAL("a sealed copy") "stage   join the first process's\n"
                                               "stage   " HIDE "stage   clone into");
}

TEST(a_kernel_before_mount_setattr_gets_a_copy) {
  ctr__facts facts = with(&old_kernel_facts, CTR__PROGRAM_OWNED, 0);
  PLAN(.facts = &facts);
  check_lines("copy", now.text, "child   " SEAL("a sealed copy") "child   " HIDE);
  check_num("no mount", CTR__STEP_SEAL_PROGRAM, 0, 0);
}

TEST(a_kernel_that_cannot_hide_it_is_told_of_the_way_out) {
  ctr__facts facts = with(&root_facts, CTR__PROGRAM_OWNED, 0);
  facts.features &= ~(unsigned)CTR_FEATURE_HIDE_PROGRAM;
  const setup all[] = {{.facts = &facts}, {EXEC, .facts = &facts}, {CREATE, .facts = &facts}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    compile(&all[i]);
    CHECK_REFUSED("cannot", CTR_E_UNSUPPORTED, "");
    CHECK_MSG(strstr(now.err.msg, "call ctr_seal_program first in main()"), "%s", now.err.msg);
  }
  facts.program = CTR__PROGRAM_SAFE;
  PLAN(.facts = &facts);
  CHECK(!is_hidden());
}

TEST(what_is_known_of_the_program_is_what_its_file_says) {
  struct stat st;
  struct statfs fs;
  ctr__facts facts = {0};
  CHECK(!stat("/proc/self/exe", &st) && !statfs("/proc/self/exe", &fs));
  const bool safe = (unsigned long)fs.f_flags & ST_RDONLY;
  for (int i = 0; i < 3; i++) {
    static const mode_t modes[] = {0755, 0775, 0757};
    if (chmod("/proc/self/exe", modes[i]) < 0) SKIP("the program is another user's");
    ctr__gather_program(&facts);
    CHECK_NUM(facts.program, safe ? CTR__PROGRAM_SAFE
                             : i  ? CTR__PROGRAM_WRITABLE
                                  : CTR__PROGRAM_OWNED);
    CHECK_NUM(facts.program_uid, st.st_uid);
  }
  CHECK(!chmod("/proc/self/exe", st.st_mode & 07777));
}

TEST(acting_as_if_the_kernel_could_not_is_acting_so) {
  const unsigned there = ctr__probe_features(0);
  CHECK_NUM(!(there & CTR_FEATURE_HIDE_PROGRAM), !ctr__can_hide_program());
  CHECK(!(ctr__probe_features(CTR_FEATURE_HIDE_PROGRAM) & CTR_FEATURE_HIDE_PROGRAM));
}

TEST_MAIN
