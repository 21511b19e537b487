/* What goes into single steps: mount options, id maps, look-up candidates, cgroup hierarchies,
   lists and names; and how a plan is printed. */
#include "plan.h"

/* -- mount options -- */

static const ctr__facts *mount_facts = &root_facts;

static void put_json_list(char *json, size_t size, const char *options) {
  char *at = json, *end = json + size;
  *at = '\0';
  for (const char *from = options; *from; from += strcspn(from, ","), from += *from == ',')
    at += snprintf(at, (size_t)(end - at), "%s'%.*s'", at == json ? "" : ",",
                   (int)strcspn(from, ","), from);
}

/* What a mount of a type (on /m, from /s when it is a bind) with comma-separated options becomes:
   its steps joined by "|", or "!" and the field that is wrong. */
static const char *mounted(const char *type, const char *options) {
  static char mounts[9000], list[8192], result[8192];
  put_json_list(list, sizeof list, options);
  snprintf(mounts, sizeof mounts, "{'destination':'/m','type':'%s'%s,'options':[%s]}", type,
           strcmp(type, "bind") ? "" : ",'source':'/s'", list);
  PLAN(.mounts = mounts, .facts = mount_facts);
  if (now.code) return snprintf(result, sizeof result, "!%s", now.err.field), result;
  char *at = result;
  *at = '\0';
  for (const char *line = now.text; *line; line += strcspn(line, "\n") + 1) {
    const char *end = strstr(line, "  <- mounts[0]");
    if (!end || end > line + strcspn(line, "\n")) continue;
    at += snprintf(at, sizeof result - (size_t)(at - result), "%s%.*s", at == result ? "" : "|",
                   (int)(end - line - 8), line + 8);
  }
  return result;
}

#define CHECK_MOUNT(type, options, should)                                                         \
  do {                                                                                             \
    const char *mounted_ = mounted(type, options);                                                 \
    CHECK_MSG(!strcmp(mounted_, should), "%s with \"%s\" is \"%s\", should be \"%s\"", type,       \
              options, mounted_, should);                                                          \
  } while (0)

#define ATIME "noatime,strictatime" /* the field of access times, cleared as a whole */

/* Options that set (or clear) attributes of the mount; each has a recursive one with an r. */
static const struct attribute {
  const char *name, *set, *clear;
} attributes[] = {{"ro", "ro", "none"},
                  {"rw", "none", "ro"},
                  {"nosuid", "nosuid", "none"},
                  {"suid", "none", "nosuid"},
                  {"nodev", "nodev", "none"},
                  {"dev", "none", "nodev"},
                  {"noexec", "noexec", "none"},
                  {"exec", "none", "noexec"},
                  {"nodiratime", "nodiratime", "none"},
                  {"diratime", "none", "nodiratime"},
                  {"nosymfollow", "nosymfollow", "none"},
                  {"symfollow", "none", "nosymfollow"},
                  {"noatime", "noatime", ATIME},
                  {"atime", "none", ATIME},
                  {"relatime", "none", ATIME},
                  {"norelatime", "none", ATIME},
                  {"strictatime", "strictatime", ATIME},
                  {"nostrictatime", "none", ATIME}};
enum { ATTRIBUTES = sizeof attributes / sizeof *attributes };

/* All others: on a file system, and on a bind mount. */
static const struct other_option {
  const char *name, *fs, *bind;
} others[] = {{"async", "mount x on /m (async; none)", "bind /s on /m (none)"},
              {"sync", "mount x on /m (sync; none)", "!mounts[0].options[0]"},
              {"dirsync", "mount x on /m (dirsync; none)", "!mounts[0].options[0]"},
              {"lazytime", "mount x on /m (lazytime; none)", "!mounts[0].options[0]"},
              {"nolazytime", "mount x on /m (nolazytime; none)", "bind /s on /m (none)"},
              {"mand", "mount x on /m (mand; none)", "!mounts[0].options[0]"},
              {"nomand", "mount x on /m (nomand; none)", "bind /s on /m (none)"},
              {"iversion", NULL, "!mounts[0].options[0]"}, /* by mount(2): tested on its own */
              {"noiversion", "mount x on /m (; none)", "bind /s on /m (none)"},
              {"silent", "mount x on /m (; none)", "bind /s on /m (none)"},
              {"loud", "mount x on /m (; none)", "bind /s on /m (none)"},
              {"defaults", "mount x on /m (; none)", "bind /s on /m (none)"},
              {"private", "mount x on /m (; none)", NULL}, /* of binds: tested on its own */
              {"rprivate", "mount x on /m (; none)", NULL},
              {"shared", "mount x on /m (; none)|make /m shared", NULL},
              {"rshared", "mount x on /m (; none)|make /m rshared", NULL},
              {"slave", "mount x on /m (; none)|make /m slave", NULL},
              {"rslave", "mount x on /m (; none)|make /m rslave", NULL},
              {"unbindable", "mount x on /m (; none)|make /m unbindable", NULL},
              {"runbindable", "mount x on /m (; none)|make /m runbindable", NULL},
              {"bind", "!mounts[0]", NULL}, /* without a source */
              {"rbind", "!mounts[0]", NULL},
              {"remount", "", ""},
              {"tmpcopyup", "!mounts[0].options[0]", "!mounts[0].options[0]"},
              {"tmpupper", "!mounts[0].options[0]", "!mounts[0].options[0]"},
              {"idmap", "!mounts[0].options[0]", "!mounts[0].options[0]"}, /* by which map? */
              {"ridmap", "!mounts[0].options[0]", "!mounts[0].options[0]"}};
enum { OTHERS = sizeof others / sizeof *others };

TEST(no_mount_option_is_left_untested) {
  for (size_t i = 0; i < sizeof ctr__mount_options / sizeof *ctr__mount_options; i++) {
    const char *name = ctr__mount_options[i].name;
    int rows = 0;
    for (size_t n = 0; n < ATTRIBUTES; n++)
      rows +=
          !strcmp(name, attributes[n].name) || !strcmp(name + (*name == 'r'), attributes[n].name);
    for (size_t n = 0; n < OTHERS; n++) rows += !strcmp(name, others[n].name);
    CHECK_MSG(rows >= 1, "option \"%s\" is in %d tables", name, rows);
  }
}

TEST(an_attribute_alone_is_set_on_a_new_file_system) {
  for (size_t i = 0; i < ATTRIBUTES; i++) {
    const struct attribute *a = &attributes[i];
    bool read_only = !strcmp(a->name, "ro");
    char name[32], fs[128], tmpfs[128];
    snprintf(fs, sizeof fs, "mount x on /m (%s; %s)", read_only ? "ro" : "", a->set);
    snprintf(tmpfs, sizeof tmpfs, "mount tmpfs on /m (; %s)%s", read_only ? "none" : a->set,
             read_only ? "|on /m set ro, clear none" : "");
    snprintf(name, sizeof name, "r%s", a->name);
    CHECK_MOUNT("x", a->name, fs);
    CHECK_MOUNT("x", name, fs); /* nothing is below what is new */
    CHECK_MOUNT("tmpfs", a->name, tmpfs);
    CHECK_MOUNT("tmpfs", name, tmpfs);
  }
}

TEST(an_attribute_alone_is_set_on_a_bind_or_on_all_below_it) {
  for (size_t i = 0; i < ATTRIBUTES; i++) {
    const struct attribute *a = &attributes[i];
    char name[32], one[128], all[256], again[128];
    snprintf(one, sizeof one, "bind /s on /m (%s)", a->set);
    snprintf(all, sizeof all, "bind /s on /m (none; all below: set %s, clear %s)",
             a->set, a->clear);
    snprintf(again, sizeof again, "on /m set %s, clear %s", a->set, a->clear);
    CHECK_MSG(!strncmp(mounted("bind", a->name), one, strlen(one) - 1), "%s: %s", a->name,
              now.text);
    const ctr__step *bind = step_of(CTR__STEP_MOUNT_BIND);
    CHECK_MSG(bind && !bind->num[1] == !strcmp(a->clear, "none"), "%s clears %s", a->name,
              a->clear);
    snprintf(name, sizeof name, "r%s", a->name);
    CHECK_MOUNT("bind", name, all);
    snprintf(name, sizeof name, "remount,%s", a->name);
    CHECK_MOUNT("x", name, again);
    CHECK_MOUNT("bind", name, again);
  }
}

TEST(every_other_option_alone_does_what_its_name_says_or_is_refused) {
  for (size_t i = 0; i < OTHERS; i++) {
    if (others[i].fs) CHECK_MOUNT("x", others[i].name, others[i].fs);
    if (others[i].bind) CHECK_MOUNT("bind", others[i].name, others[i].bind);
  }
  CHECK_MOUNT("tmpfs", "tmpcopyup", "mount tmpfs on /m with a copy of what is there (; none)");
}

TEST(of_options_that_contradict_each_other_the_last_one_counts) {
  CHECK_MOUNT("x", "ro,rw", "mount x on /m (; none)");
  CHECK_MOUNT("x", "rw,ro", "mount x on /m (ro; ro)");
  CHECK_MOUNT("tmpfs", "ro,rw", "mount tmpfs on /m (; none)");
  CHECK_MOUNT("tmpfs", "rw,ro", "mount tmpfs on /m (; none)|on /m set ro, clear none");
  CHECK_MOUNT("x", "suid,nosuid", "mount x on /m (; nosuid)");
  CHECK_MOUNT("x", "nosuid,suid,dev,nodev", "mount x on /m (; nodev)");
  CHECK_MOUNT("x", "noatime,relatime", "mount x on /m (; none)");
  CHECK_MOUNT("x", "relatime,noatime", "mount x on /m (; noatime)");
  CHECK_MOUNT("x", "noatime,strictatime", "mount x on /m (; strictatime)");
  CHECK_MOUNT("x", "strictatime,noatime", "mount x on /m (; noatime)");
  CHECK_MOUNT("x", "noatime,relatime,strictatime", "mount x on /m (; strictatime)");
  CHECK_MOUNT("x", "strictatime,atime", "mount x on /m (; none)");
  CHECK_MOUNT("x", "nodiratime,noatime,relatime", "mount x on /m (; nodiratime)");
  CHECK_MOUNT("bind", "rro,rrw",
              "bind /s on /m (none; all below: set none, clear ro)");
  CHECK_MOUNT("bind", "rnoatime,rstrictatime",
              "bind /s on /m (none; all below: set strictatime, clear " ATIME ")");
  CHECK_MOUNT("x", "sync,async", "mount x on /m (sync,async; none)"); /* the kernel's to sort out */
}

/* Attributes for all below come after those of the mount, whatever the type of file system. */
TEST(recursive_attributes_overrule_those_of_the_mount_alone) {
  CHECK_MOUNT("x", "ro,rrw", "mount x on /m (; none)");
  CHECK_MOUNT("x", "rw,rro", "mount x on /m (ro; ro)");
  CHECK_MOUNT("tmpfs", "rw,rro", "mount tmpfs on /m (; none)|on /m set ro, clear none");
  CHECK_MOUNT("tmpfs", "ro,rrw", "mount tmpfs on /m (; none)");
  CHECK_MOUNT("x", "noatime,rstrictatime", "mount x on /m (; strictatime)");
}

TEST(what_is_no_option_of_ours_goes_to_the_file_system) {
  CHECK_MOUNT("x", "frobnicate,a=b,size=,uid=-1",
              "mount x on /m (frobnicate,a=b,size=,uid=-1; none)");
  CHECK_MOUNT("x", "RO", "mount x on /m (RO; none)");
  CHECK_MOUNT("x", "a=1,nosuid,b=2", "mount x on /m (a=1,b=2; nosuid)");
  CHECK_MOUNT("bind", "nosuid,size=1m", "!mounts[0].options[1]");
  CHECK_MOUNT("bind", "frobnicate", "!mounts[0].options[0]");
  CHECK_MOUNT("x", "bind", "!mounts[0]");
  CHECK_MOUNT("x", "a,,b", "!mounts[0].options[1]");
  CHECK_MOUNT("bind", ",", "!mounts[0].options[0]");
  CHECK_MOUNT("none", "", "!mounts[0]");
  PLAN(.mounts = "{'destination':'/m'}");
  CHECK_STR(now.err.field, "mounts[0]");
  PLAN(.mounts = "{'destination':'/m','options':['rbind']}");
  CHECK_STR(now.err.field, "mounts[0]");
  PLAN(.mounts = "{'destination':'/m','type':'x','options':['size=1'],'source':'dev'}");
  CHECK_HAS(now.text, "mount x on /m (source=dev,size=1; none)");
}

TEST(the_root_is_no_mount_point_but_of_the_first) {
  static const char *const paths[] = {"/", "//", ".", "..", "/.", "/../", "/./.."};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    char mounts[128];
    snprintf(mounts, sizeof mounts,
             "{'destination':'/m','type':'x'},{'destination':'%s','type':'x'}", paths[i]);
    PLAN(.mounts = mounts);
    CHECK_MSG(!strcmp(now.err.field, "mounts[1].destination"), "%s: %s", paths[i], now.text);
    snprintf(mounts, sizeof mounts, "{'destination':'%s','type':'x'}", paths[i]);
    PLAN(.mounts = mounts);
    CHECK_MSG(strstr(now.text, "mount x on ") && step_of(CTR__STEP_BASE), "%s: %s", paths[i],
              now.text);
  }
  PLAN(.mounts = "{'destination':'/...','type':'x'}");
  CHECK_HAS(now.text, "mount x on /... ");
}

TEST(a_remount_changes_what_it_names) {
  CHECK_MOUNT("tmpfs", "remount,size=1m,nosuid",
              "on /m set nosuid, clear none|remount /m (size=1m)");
  CHECK_MOUNT("x", "remount,rro", "on /m and all mounts below set ro, clear none");
  CHECK_MOUNT("x", "remount,shared,private", "make /m shared|make /m private");
  CHECK_MOUNT("bind", "remount,ro,bind", "on /m set ro, clear none");
  /* No file system can be asked for these later: dropped in silence they would be a lie. */
  CHECK_MOUNT("x", "remount,iversion", "!mounts[0].options[1]");
  CHECK_MOUNT("tmpfs", "remount,tmpcopyup", "!mounts[0].options[1]");
}

TEST(propagation_types_are_made_in_their_order) {
  CHECK_MOUNT("x", "shared,slave", "mount x on /m (; none)|make /m shared|make /m slave");
  CHECK_MOUNT("x", "shared,private", "mount x on /m (; none)|make /m shared|make /m private");
  CHECK_MSG(strstr(mounted("x", "private,shared"), "|make /m shared"), "the last: %s", now.text);
  CHECK_MOUNT("x", "private,slave,shared,unbindable,private", "!mounts[0].options[4]");
  static const struct {
    const char *options;
    uint64_t type; /* of the bind itself */
  } binds[] = {{"", MS_PRIVATE | MS_REC},
               {"private", MS_PRIVATE},
               {"rshared", MS_SHARED | MS_REC},
               {"slave", MS_SLAVE},
               {"runbindable", MS_UNBINDABLE | MS_REC}};
  for (size_t i = 0; i < sizeof binds / sizeof *binds; i++) {
    mounted("bind", binds[i].options);
    check_num(binds[i].options, CTR__STEP_MOUNT_BIND, 3, binds[i].type);
  }
  mounted("bind", "private,rslave,shared");
  check_num("the first of three", CTR__STEP_MOUNT_BIND, 3, MS_PRIVATE);
  check_lines("the others", now.text, "bind /s on /m\nmake /m rslave\nmake /m shared");
  mounted("bind", "rbind");
  check_num("rbind", CTR__STEP_MOUNT_BIND, 4, 1);
  mounted("bind", "");
  check_num("bind", CTR__STEP_MOUNT_BIND, 4, 0);
}

TEST(without_mount_setattr_nothing_recursive_is_promised) {
  mount_facts = &old_kernel_facts;
  for (size_t i = 0; i < ATTRIBUTES; i++) {
    char name[32];
    snprintf(name, sizeof name, "r%s", attributes[i].name);
    CHECK_MOUNT("bind", name, "!mounts[0]");
    CHECK_MSG(now.code == CTR_E_UNSUPPORTED, "%s: %s", name, now.err.msg);
  }
  CHECK_MOUNT("x", "remount,rro", "!mounts[0]");
  mounted("bind", "ro,nosuid");
  check_num("attributes by remount", CTR__STEP_MOUNT_BIND, 2, 0);
  mount_facts = &root_facts;
}

/* -- mount(2), for what fsconfig(2) cannot -- */

static const char *long_value(size_t len) {
  static char option[4096] = "lowerdir=";
  memset(option + 9, 'x', len);
  option[9 + len] = '\0';
  return option;
}

/* What mount(2) is called with, attributes and flags of the file system together. */
static void check_ms_flags(const char *label, uint64_t should) {
  const ctr__step *step = step_of(CTR__STEP_MOUNT_OLD);
  uint64_t flags = step ? ctr__ms_flags(step->num[0]) | step->num[1] : 0;
  CHECK_MSG(step && flags == should, "%s: flags are %#llx, should be %#llx", label,
            (unsigned long long)flags, (unsigned long long)should);
}

TEST(values_too_long_for_fsconfig_go_by_mount) {
  mounted("overlay", long_value(255));
  CHECK(step_of(CTR__STEP_MOUNT_FS) && !step_of(CTR__STEP_MOUNT_OLD));
  mounted("overlay", long_value(256));
  CHECK(!step_of(CTR__STEP_MOUNT_FS) && step_of(CTR__STEP_MOUNT_OLD));
  const ctr__step *step = step_of(CTR__STEP_MOUNT_OLD);
  if (step) CHECK_STR(ctr__plan_str(now.plan, step->str[2]), long_value(256));
  mounted("overlay", "iversion,a=1,sync,b,nosuid");
  step = step_of(CTR__STEP_MOUNT_OLD);
  if (step) CHECK_STR(ctr__plan_str(now.plan, step->str[2]), "a=1,b");
  check_ms_flags("flags", MS_I_VERSION | MS_SYNCHRONOUS | MS_NOSUID);
}

TEST(mount_flags_say_the_same_as_attributes_would) {
  static const struct {
    const char *options;
    uint64_t flags; /* besides MS_I_VERSION, which brings mount(2) in */
  } rows[] = {{"ro", MS_RDONLY},
              {"ro,rw", 0},
              {"nosuid,nodev,noexec", MS_NOSUID | MS_NODEV | MS_NOEXEC},
              {"nosuid,suid", 0},
              {"nodiratime", MS_NODIRATIME},
              {"nosymfollow", 256},
              {"noatime", MS_NOATIME},
              {"strictatime", MS_STRICTATIME},
              {"sync,async", 0},
              {"lazytime,nolazytime", 0},
              {"dirsync", MS_DIRSYNC},
              {"noatime,atime", 0},
              {"strictatime,noatime", MS_NOATIME},
              {"rro", MS_RDONLY},
              {"rnosuid,rnodev", MS_NOSUID | MS_NODEV},
              {"ro,rrw", 0},
              {"rnoatime", MS_NOATIME}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char options[128];
    snprintf(options, sizeof options, "iversion,%s", rows[i].options);
    mounted("x", options);
    check_ms_flags(options, MS_I_VERSION | rows[i].flags);
  }
  mounted("x", "iversion,noatime,relatime");
  const ctr__step *step = step_of(CTR__STEP_MOUNT_OLD);
  CHECK_MSG(step && !(step->num[0] & CTR__ATTR_NOATIME), "noatime, then relatime, keeps noatime");
  mounted("tmpfs", "iversion,ro"); /* still to be filled */
  check_ms_flags("a tmpfs", MS_I_VERSION);
  CHECK_HAS(now.text, "on /m set ro, clear none");
}

TEST(a_copy_is_made_or_refused_but_not_forgotten) {
  mounted("tmpfs", "tmpcopyup,iversion");
  CHECK_MSG(now.code || step_of(CTR__STEP_MOUNT_COPY_UP), "%s", now.text);
}

/* -- /dev that is bound is not ours to fill -- */

TEST(nothing_is_made_in_a_dev_of_the_host) {
  static const char *const mounts[] = {
      "{'destination':'/dev','source':'/dev','options':['rbind']}",
      "{'destination':'/dev','type':'x','source':'/dev','options':['ro','bind']}",
      "{'destination':'/dev','type':'bind','source':'/dev'}",
      "{'destination':'/dev/','source':'/dev','options':['bind']}",
      "{'destination':'//dev/.','source':'/dev','options':['bind']}"};
  for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
    PLAN(.mounts = mounts[i]);
    CHECK_MSG(now.plan && !strstr(now.text, "make the device") && !strstr(now.text, "  link "),
              "%s: %s", mounts[i], strstr(now.text, "make the device"));
  }
  PLAN(.mounts = "{'destination':'/dev','type':'tmpfs'}");
  CHECK_HAS(now.text, "make the device /dev/null: c 1:3");
  PLAN(.mounts = "{'destination':'/devices','type':'bind','source':'/x'}");
  CHECK_HAS(now.text, "make the device /dev/null: c 1:3");
}

/* -- without a mount namespace -- */

TEST(what_would_change_the_hosts_mounts_is_refused) {
  static const struct {
    const char *field;
    setup setup;
  } refused[] = {{"mounts", {.mounts = "{'destination':'/m','type':'x'}", SPACES("")}},
                 {"root.readonly", {.root = "'path':'/r','readonly':true", SPACES("")}},
                 {"linux.devices", {.linux_ = ",'devices':[{'type':'p','path':'/x'}]", SPACES("")}},
                 {"linux.maskedPaths", {.linux_ = ",'maskedPaths':['/x']", SPACES("")}},
                 {"linux.readonlyPaths", {.linux_ = ",'readonlyPaths':['/x']", SPACES("")}},
                 {"linux.rootfsPropagation",
                  {.linux_ = ",'rootfsPropagation':'slave'", SPACES("{'type':'uts'}")}}};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    compile(&refused[i].setup);
    CHECK_REFUSED("no mount namespace", CTR_E_CONFIG, refused[i].field);
  }
  PLAN(.facts = &user_facts, SPACES(""));
  CHECK_REFUSED("a user without namespaces", CTR_E_UNSUPPORTED, "linux.namespaces");
  PLAN(.facts = &user_facts);
  CHECK_REFUSED("a user without user namespace", CTR_E_UNSUPPORTED, "linux.namespaces");
}

TEST(the_child_stops_where_it_was_asked_to_and_nowhere_else) {
  PLAN(.desc = {.moments = CTR_MOMENT_HOOKS});
  check_lines("hooks", now.text, "sync: namespaces and mounts are made\nsync: resume\nexecute");
  CHECK(!strstr(now.text, "sync: ready"));
  PLAN(.desc = {.moments = CTR_MOMENT_READY});
  CHECK(!strstr(now.text, "sync: namespaces") && !strstr(now.text, "sync: resume") &&
        strstr(now.text, "sync: ready"));
  PLAN(.top = NULL);
  CHECK(now.plan && !strstr(now.text, "sync: "));
}

/* A caller who asks to be called is called. */
TEST(moments_do_not_depend_on_a_mount_namespace) {
  PLAN(SPACES(""), .desc = {.moments = CTR_MOMENT_HOOKS | CTR_MOMENT_READY});
  check_lines("no mounts", now.text,
              "sync: namespaces and mounts are made\nsync: resume\nsync: ready, then run\nexecute");
}

/* -- id maps and users -- */

#define MAP(...)                                                                                   \
  ",'uidMappings':[" __VA_ARGS__ "],'gidMappings':[{'containerID':0,'hostID':0,'size':9}]"
#define RANGE(inside, host, size) "{'containerID':" #inside ",'hostID':" #host ",'size':" #size "}"

TEST(maps_that_the_kernel_would_refuse_are_refused_before) {
  static const struct {
    const char *linux_, *field; /* field NULL: fine */
  } rows[] = {
      {MAP(RANGE(0, 10, 5) "," RANGE(4, 100, 5)), "linux.uidMappings[1]"},
      {MAP(RANGE(0, 10, 5) "," RANGE(5, 14, 5)), "linux.uidMappings[1]"},
      {MAP(RANGE(0, 10, 5) "," RANGE(5, 15, 5) "," RANGE(2, 900, 1)), "linux.uidMappings[2]"},
      {MAP(RANGE(0, 10, 5) "," RANGE(5, 15, 5)), NULL},
      {MAP(RANGE(0, 10, 5) "," RANGE(5, 5, 5)), NULL},
      {MAP(RANGE(0, 1, 0)), "linux.uidMappings[0]"},
      {MAP(RANGE(0, 0, 4294967295)), NULL},
      {MAP(RANGE(0, 1, 4294967295)), "linux.uidMappings[0]"},
      {MAP(RANGE(1, 0, 4294967295)), "linux.uidMappings[0]"},
      {MAP(RANGE(0, 4294967295, 1)), "linux.uidMappings[0]"},
      {MAP(RANGE(0, 4294967294, 1)), NULL},
      {MAP(RANGE(0, 7, 1) "," RANGE(4294967295, 0, 1)), "linux.uidMappings[1]"},
      {MAP(RANGE(0, 7, 1) "," RANGE(2147483648, 2147483648, 2147483648)), "linux.uidMappings[1]"},
      {",'uidMappings':[" RANGE(0, 0, 1) "]", "linux.gidMappings"},
      {",'gidMappings':[" RANGE(0, 0, 1) "]", "linux.uidMappings"},
      {"", NULL},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    PLAN(.linux_ = rows[i].linux_, SPACES(USER_NS));
    CHECK_MSG(!now.code == !rows[i].field, "%s: %s", rows[i].linux_, now.err.msg);
    if (rows[i].field) CHECK_REFUSED(rows[i].linux_, CTR_E_CONFIG, rows[i].field);
  }
  PLAN(.linux_ = MAP(RANGE(0, 0, 1)));
  CHECK_REFUSED("no user namespace", CTR_E_CONFIG, "linux.uidMappings");
  PLAN(.linux_ = MAP(RANGE(0, 0, 1)), SPACES(MOUNT_NS ",{'type':'user','path':'/u'}"));
  CHECK_REFUSED("a joined user namespace", CTR_E_CONFIG, "linux.uidMappings");
}

#define MAPS(uids, gids) ",'uidMappings':[" uids "],'gidMappings':[" gids "]"

TEST(an_ordinary_user_maps_their_own_id_and_no_other) {
  static const struct {
    const char *linux_, *field;
  } rows[] = {{MAPS(RANGE(0, 1000, 1), RANGE(0, 1001, 1)), NULL},
              {MAPS(RANGE(7, 1000, 1), RANGE(8, 1001, 1)), "process.user.uid"}, /* is 0 */
              {MAPS(RANGE(0, 1001, 1), RANGE(0, 1001, 1)), "linux.uidMappings"},
              {MAPS(RANGE(0, 1000, 1), RANGE(0, 1000, 1)), "linux.gidMappings"},
              {MAPS(RANGE(0, 1000, 2), RANGE(0, 1001, 1)), "linux.uidMappings"},
              {MAPS(RANGE(0, 1000, 1), RANGE(0, 1001, 2)), "linux.gidMappings"},
              {MAPS(RANGE(0, 1000, 1) "," RANGE(1, 5000, 1), RANGE(0, 1001, 1)),
               "linux.uidMappings"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    PLAN(.linux_ = rows[i].linux_, SPACES(USER_NS), .facts = &user_facts);
    CHECK_STR(now.err.field, rows[i].field ? rows[i].field : "");
  }
  PLAN(SPACES(USER_NS), .facts = &user_facts); /* as nothing is said: oneself, as root inside */
  check_lines("own ids", now.text,
              "write 'deny' to /proc/PID/setgroups\nwrite '0 1000 1 ' to /proc/PID/uid_map\n"
              "write '0 1001 1 ' to /proc/PID/gid_map\nbecome uid 0 and gid 0");
  CHECK(now.plan->io_uid == 1000 && now.plan->io_gid == 1001);
  PLAN(.linux_ = MAPS(RANGE(0, 100, 9), RANGE(0, 200, 9)), SPACES(USER_NS), .facts = &nested_facts);
  CHECK(!strstr(now.text, "setgroups") && now.plan && now.plan->io_uid == 100 &&
        now.plan->io_gid == 200);
}

TEST(a_user_that_does_not_exist_inside_is_named) {
  static const struct {
    const char *process, *field;
  } rows[] = {{",'user':{'uid':5}", "process.user.uid"},
              {",'user':{'uid':4294967295}", "process.user.uid"},
              {",'user':{'gid':6}", "process.user.gid"},
              {",'user':{'additionalGids':[0,1,7]}", "process.user.additionalGids[2]"},
              {",'user':{'uid':4,'gid':1}", ""}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    PLAN(.process = rows[i].process, .linux_ = MAPS(RANGE(0, 10, 5), RANGE(0, 10, 2)),
         SPACES(USER_NS));
    CHECK_STR(now.err.field, rows[i].field);
  }
  PLAN(.process = ",'user':{'uid':3,'gid':3}", .linux_ = MAPS(RANGE(3, 10, 5), RANGE(3, 10, 2)),
       SPACES(USER_NS));
  CHECK(now.plan && !strstr(now.text, "become uid 0")); /* nobody inside is root */
  PLAN(.process = ",'user':{'additionalGids':[0]}", SPACES(USER_NS), .facts = &user_facts);
  CHECK_REFUSED("groups of an ordinary user", CTR_E_UNSUPPORTED, "process.user.additionalGids");
}

/* To setresuid(2) and chown(2) -1 means "leave it": a process that stays root. */
TEST(the_id_that_is_none_is_refused) {
  PLAN(.process = ",'user':{'uid':4294967295}");
  CHECK_REFUSED("uid", CTR_E_CONFIG, "process.user.uid");
  PLAN(.process = ",'user':{'gid':4294967295}");
  CHECK_REFUSED("gid", CTR_E_CONFIG, "process.user.gid");
  PLAN(.process = ",'user':{'additionalGids':[4294967295]}");
  CHECK_REFUSED("groups", CTR_E_CONFIG, "process.user.additionalGids[0]");
  PLAN(.linux_ = ",'devices':[{'type':'p','path':'/x','uid':4294967295}]");
  CHECK_REFUSED("device uid", CTR_E_CONFIG, "linux.devices[0].uid");
  PLAN(.process = ",'user':{'uid':4294967294}");
  CHECK_HAS(now.text, "become uid 4294967294, gid 0");
}

TEST(an_id_in_a_mount_option_must_exist_inside) {
#define ID_MOUNT(option) .mounts = "{'destination':'/m','type':'x','options':['" option "']}"
  PLAN(ID_MOUNT("gid=5"), SPACES(USER_NS));
  CHECK_REFUSED("gid=5", CTR_E_CONFIG, "mounts[0].options[0]");
  PLAN(ID_MOUNT("uid=4294967296"), SPACES(USER_NS)); /* not 0 */
  CHECK_REFUSED("uid=2^32", CTR_E_CONFIG, "mounts[0].options[0]");
  PLAN(ID_MOUNT("gid=0"), SPACES(USER_NS));
  CHECK_HAS(now.text, "(gid=0; none)");
  PLAN(ID_MOUNT("gid=5"));
  CHECK_HAS(now.text, "(gid=5; none)");
}

TEST(a_limit_above_the_callers_needs_the_right_to_raise_it) {
#define LIMIT(n) .process = ",'rlimits':[{'type':'RLIMIT_NOFILE','soft':1,'hard':" #n "}]"
  static const ctr__facts *const poor[] = {&user_facts, &nested_facts};
  for (int i = 0; i < 2; i++) {
    PLAN(LIMIT(4097), SPACES(USER_NS), .facts = poor[i]);
    CHECK_REFUSED("above", CTR_E_UNSUPPORTED, "process.rlimits[0]");
    CHECK_HAS(now.err.msg, "4097");
    CHECK_HAS(now.err.msg, "4096");
    PLAN(LIMIT(4096), SPACES(USER_NS), .facts = poor[i]);
    CHECK(now.plan && !strstr(now.text, "raise the hard limit"));
  }
  PLAN(LIMIT(4097));
  CHECK(now.plan && !strstr(now.text, "raise the hard limit")); /* the child does it itself */
}

/* -- finding the program -- */

static const char *candidates(const char *program, const char *env) {
  static char list[4096], process[512], what[512];
  snprintf(what, sizeof what, "'cwd':'/','args':['%s']", program);
  snprintf(process, sizeof process, ",'env':[%s]", env);
  PLAN(.program = what, .process = process);
  const ctr__step *step = step_of(CTR__STEP_LOOK_UP), *exec = step_of(CTR__STEP_EXEC);
  char *at = list;
  *at = '\0';
  for (uint32_t i = 0; step && i < ctr__list_count(now.plan, step->str[1]); i++)
    at += sprintf(at, "%s%s", i ? "|" : "", ctr__list_str(now.plan, step->str[1], i));
  CHECK_MSG(exec && step && exec->str[1] == step->str[1], "%s: another list to execute", program);
  return list;
}

TEST(a_program_is_looked_for_as_execvp_does) {
  CHECK_STR(candidates("p", "'PATH=/a:/b'"), "/a/p|/b/p");
  CHECK_STR(candidates("p", "'PATH=/a::/b'"), "/a/p|p|/b/p");
  CHECK_STR(candidates("p", "'PATH=:/a'"), "p|/a/p");
  CHECK_STR(candidates("p", "'PATH=/a:'"), "/a/p|p");
  CHECK_STR(candidates("p", "'PATH='"), "p");
  CHECK_STR(candidates("p", "'PATH=:'"), "p|p");
  CHECK_STR(candidates("p", "'PATH=rel/dir'"), "rel/dir/p");
  CHECK_STR(candidates("p", ""), "/bin/p|/usr/bin/p");
  CHECK_STR(candidates("p", "'XPATH=/x','PATHS=/y','path=/z'"), "/bin/p|/usr/bin/p");
  CHECK_STR(candidates("/x/p", "'PATH=/a'"), "/x/p");
  CHECK_STR(candidates("x/p", "'PATH=/a'"), "x/p");
  CHECK_STR(candidates("./p", "'PATH=/a'"), "./p");
  CHECK_STR(candidates("p ", "'PATH=/with space'"), "/with space/p ");
}

TEST(arguments_and_environment_are_passed_on_as_they_are) {
  PLAN(.program = "'cwd':'/','args':['/p','','a b']", .process = ",'env':['A=','B=c=d']");
  CHECK_NUM(ctr__list_count(now.plan, now.plan->argv), 3);
  CHECK_STR(ctr__list_str(now.plan, now.plan->argv, 0), "/p");
  CHECK_STR(ctr__list_str(now.plan, now.plan->argv, 1), "");
  CHECK_STR(ctr__list_str(now.plan, now.plan->argv, 2), "a b");
  CHECK_NUM(ctr__list_count(now.plan, now.plan->envp), 2);
  CHECK_STR(ctr__list_str(now.plan, now.plan->envp, 1), "B=c=d");
}

/* -- time, memory, settings -- */

TEST(time_offsets_are_written_as_the_kernel_reads_them) {
  static const struct {
    const char *offsets, *text;
  } rows[] = {{"", ""},
              {"'monotonic':{'secs':1}", "monotonic 1 0\n"},
              {"'boottime':{'secs':-86400,'nanosecs':5}", "boottime -86400 5\n"},
              {"'boottime':{'secs':0},'monotonic':{'secs':0}", "monotonic 0 0\nboottime 0 0\n"},
              {"'monotonic':{'nanosecs':999999999},'boottime':{'secs':9223372036854775807}",
               "monotonic 0 999999999\nboottime 9223372036854775807 0\n"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char linux_[256];
    snprintf(linux_, sizeof linux_, ",'timeOffsets':{%s}", rows[i].offsets);
    PLAN(.linux_ = linux_, SPACES(MOUNT_NS ",{'type':'time'}"));
    const ctr__step *step = step_of(CTR__STEP_TIME_NAMESPACE);
    CHECK_MSG(step, "%s", now.text);
    if (step) CHECK_STR(ctr__plan_str(now.plan, step->str[0]), rows[i].text);
  }
  PLAN(.linux_ = ",'timeOffsets':{'boottime':{'secs':1}}");
  CHECK_REFUSED("no time namespace", CTR_E_CONFIG, "linux.timeOffsets.boottime");
}

static const char *policy_with(const char *mode, const char *nodes) {
  static char linux_[256];
  snprintf(linux_, sizeof linux_, ",'memoryPolicy':{'mode':'%s','nodes':'%s'}", mode, nodes);
  return PLAN(.linux_ = linux_);
}

TEST(lists_of_nodes_are_lists_of_numbers_and_ranges) {
  static const char *const malformed[] = {",",
                                          "1,,2",
                                          ",1",
                                          "-",
                                          "1-",
                                          "-1",
                                          "3-1",
                                          "1-2-3",
                                          "0x3",
                                          "1 ",
                                          " 1",
                                          "1;2",
                                          "a",
                                          "+1",
                                          "1024",
                                          "0-1024",
                                          "18446744073709551616",
                                          "0-18446744073709551616",
                                          "1.5",
                                          "0-3:2",
                                          "all"};
  for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
    policy_with("MPOL_BIND", malformed[i]);
    CHECK_REFUSED(malformed[i], CTR_E_CONFIG, "linux.memoryPolicy.nodes");
  }
  policy_with("MPOL_INTERLEAVE", "0-2,5,63-64,1023");
  const ctr__step *step = step_of(CTR__STEP_MEMORY_POLICY);
  const unsigned long *mask = step ? ctr__plan_data(now.plan, step->str[1]) : NULL;
  const size_t bits = 8 * sizeof *mask;
  static const unsigned nodes[] = {0, 1, 2, 5, 63, 64, 1023};
  int set = 0;
  for (size_t i = 0; mask && i < 1024 / bits; i++) set += __builtin_popcountl(mask[i]);
  CHECK_NUM(set, sizeof nodes / sizeof *nodes);
  for (size_t i = 0; mask && i < sizeof nodes / sizeof *nodes; i++)
    CHECK_MSG(mask[nodes[i] / bits] >> nodes[i] % bits & 1, "node %u", nodes[i]);
  /* set_mempolicy(2) looks at one bit less than it is told of (get_nodes in mm/mempolicy.c). */
  CHECK_MSG(step && step->num[2] > 1024, "node 1023 is cut off: maxnode is %llu",
            step ? (unsigned long long)step->num[2] : 0);
  policy_with("MPOL_LOCAL", "0");
  CHECK_REFUSED("local", CTR_E_CONFIG, "linux.memoryPolicy.nodes");
  policy_with("MPOL_BIND", "");
  CHECK_REFUSED("bind without", CTR_E_CONFIG, "linux.memoryPolicy.nodes");
}

#define ALL_NS MOUNT_NS ",{'type':'ipc'},{'type':'network'},{'type':'uts'},{'type':'user'}"

TEST(settings_that_belong_to_a_new_namespace_are_written) {
  static const struct {
    const char *key, *path, *owner; /* path NULL: never; owner: whose absence refuses it */
  } rows[] = {{"net.ipv4.ip_forward", "net/ipv4/ip_forward", "network"},
              {"net/ipv4/ip_forward", "net/ipv4/ip_forward", "network"},
              {"net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding", "network"},
              {"net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding", "network"},
              {"kernel.msgmax", "kernel/msgmax", "ipc"},
              {"kernel.sem", "kernel/sem", "ipc"},
              {"kernel/shm_rmid_forced", "kernel/shm_rmid_forced", "ipc"},
              {"fs.mqueue.msg_max", "fs/mqueue/msg_max", "ipc"},
              {"kernel.domainname", "kernel/domainname", "uts"},
              {"user.max_user_namespaces", "user/max_user_namespaces", "user"},
              {"kernel.msgmaxx", NULL, NULL},
              {"kernel.core_pattern", NULL, NULL},
              {"kernel.msgmax.x", NULL, NULL},
              {"vm.overcommit_memory", NULL, NULL},
              {"fs.mqueuex.y", NULL, NULL},
              {"netx.y", NULL, NULL},
              {"net", NULL, NULL},
              {"", NULL, NULL},
              {".net.x", NULL, NULL},
              {"net.x.", NULL, NULL},
              {"/net/x", NULL, NULL},
              {"net/../kernel/core_pattern", NULL, NULL},
              {"net.//.kernel.core_pattern", NULL, NULL},
              {"net..x", NULL, NULL},
              {"net/./x", NULL, NULL},
              {"net./x", NULL, NULL},
              {"net//x", NULL, NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char linux_[256], line[256], others_only[256] = MOUNT_NS, field[128];
    snprintf(linux_, sizeof linux_, ",'sysctl':{'%s':'1'}", rows[i].key);
    snprintf(line, sizeof line, "write '1' to /proc/sys/%s  <- linux.sysctl.%s",
             rows[i].path ? rows[i].path : "", rows[i].key);
    snprintf(field, sizeof field, "linux.sysctl.%s", rows[i].key);
    /* Nobody but the machine's root sets kernel.domainname. */
    bool of_root = rows[i].path && !strcmp(rows[i].path, "kernel/domainname");
    PLAN(.linux_ = linux_, SPACES(of_root ? MOUNT_NS ",{'type':'uts'}" : ALL_NS));
    if (rows[i].path)
      check_lines(rows[i].key, now.text, line);
    else
      CHECK_REFUSED(rows[i].key, CTR_E_CONFIG, field);
    static const char *const types[] = {"ipc", "network", "uts", "user"};
    for (size_t t = 0; rows[i].path && t < (of_root ? 3 : 4); t++)
      if (strcmp(types[t], rows[i].owner) != 0)
        snprintf(others_only + strlen(others_only), sizeof others_only - strlen(others_only),
                 ",{'type':'%s'}", types[t]);
    PLAN(.linux_ = linux_, SPACES(others_only));
    CHECK_REFUSED(rows[i].key, CTR_E_CONFIG, field);
  }
  PLAN(.linux_ = ",'sysctl':{'net.x':'1'}", SPACES(MOUNT_NS ",{'type':'network','path':'/n'}"));
  CHECK_HAS(now.text, "write '1' to /proc/sys/net/x");
}

/* -- cgroup hierarchies -- */

/* "POINT,ROOT,OPTIONS,version" of each hierarchy found in mountinfo lines, joined by "|". */
static const char *hierarchies(const char *lines) {
  static char result[1024], copy[2048];
  static ctr__hierarchies all;
  ctr_arena arena = {0};
  ctr__mount_line *mounts;
  size_t count;
  char *at = result;
  all = (ctr__hierarchies){0};
  snprintf(copy, sizeof copy, "%s", lines);
  mounts = ctr__mount_lines(&arena, copy, &count);
  CHECK(mounts != NULL);
  for (size_t i = 0; mounts && i < count; i++) ctr__hierarchy_add(&all, &mounts[i]);
  size_t v1 = 0;
  *at = '\0';
  for (size_t i = 0; i < all.count; i++) {
    at += sprintf(at, "%s%s,%s,%s,%s", i ? "|" : "", all.items[i].mount_point, all.items[i].root,
                  all.items[i].options, all.items[i].v2 ? "v2" : "v1");
    v1 += !all.items[i].v2;
  }
  CHECK_NUM(all.v1_count, v1);
  ctr_arena_free(&arena);
  return result;
}

TEST(hierarchies_are_read_from_mountinfo) {
  CHECK_STR(hierarchies(
                "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"),
            "/sys/fs/cgroup,/,rw,nsdelegate,v2");
  CHECK_STR(hierarchies(
                "31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755\n"
                "32 31 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
                "33 31 0:30 /docker/1 /sys/fs/cgroup/cpu,cpuacct rw master:1 shared:2 - cgroup "
                "cgroup rw,cpu,cpuacct\n"
                "34 31 0:31 / /sys/fs/cgroup/systemd rw - cgroup none rw,xattr,name=systemd\n"
                "35 23 0:32 / /proc rw - proc proc rw"),
            "/sys/fs/cgroup/unified,/,rw,v2|"
            "/sys/fs/cgroup/cpu,cpuacct,/docker/1,rw,cpu,cpuacct,v1|"
            "/sys/fs/cgroup/systemd,/,rw,xattr,name=systemd,v1");
  CHECK_STR(hierarchies("1 2 0:3 /a\\040b\\134 /c\\011d\\012e\\043 rw - cgroup2 x rw"),
            "/c\td\ne#,/a b\\,rw,v2");
  CHECK_STR(hierarchies("1 2 0:3 / /c rw - cgroup a\\040b rw,pids"), "/c,/,rw,pids,v1");
  /* mount -t cgroup "" /c: the kernel writes the empty source as nothing between two blanks. */
  CHECK_STR(hierarchies("1 2 0:3 / /c rw - cgroup  rw,pids"), "/c,/,rw,pids,v1");
  CHECK_STR(hierarchies("1 2 0:3 / /x\\040-\\040cgroup rw - ext4 /dev/x rw"), "");
}

TEST(lines_that_are_no_hierarchy_are_passed_over) {
  static const char *const lines[] = {"",
                                      " ",
                                      " - ",
                                      "-",
                                      "x",
                                      "1 2 0:3 / /c rw",
                                      "1 2 0:3 / /c rw -",
                                      "1 2 0:3 / /c rw - ",
                                      "1 2 0:3 / /c rw - cgroup",
                                      "1 2 0:3 / /c rw - cgroup ",
                                      "1 2 0:3 / - cgroup c rw",
                                      " - cgroup c rw",
                                      "1 2 0:3 / /c rw - cgroup3 c rw",
                                      "1 2 0:3 / /c rw - CGROUP c rw",
                                      "1 2 0:3 / /c rw - ext4 cgroup rw",
                                      "1 2 0:3 / /c rw - cgroup c",
                                      "\\",
                                      "1 2 3 \\0 \\ r - x"};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    CHECK_MSG(!*hierarchies(lines[i]), "\"%s\" is taken for %s", lines[i], hierarchies(lines[i]));
  CHECK_STR(hierarchies("1 2 0:3 /a\\ /c\\04 rw - cgroup2 c rw"), "/c\\04,/a\\,rw,v2");
  static char many[8192];
  for (size_t i = 0, len = 0; i < 100; i++)
    len +=
        (size_t)snprintf(many + len, sizeof many - len, "1 2 0:3 / /c%zu rw - cgroup2 c rw\n", i);
  hierarchies(many); /* more than there is room for */
}

TEST(a_controller_is_found_in_a_list_as_a_whole_word) {
  CHECK(ctr__list_has("rw,cpu,cpuacct", "cpu", 3) && ctr__list_has("rw,cpuacct", "cpuacct", 7));
  CHECK(!ctr__list_has("rw,cpuacct", "cpu", 3) && !ctr__list_has("rw,xcpu", "cpu", 3));
  CHECK(!ctr__list_has("", "cpu", 3) && !ctr__list_has("cp", "cpu", 3));
  CHECK(ctr__list_has("cpu", "cpu,cpuacct", 3)); /* the length counts */
}

TEST(the_callers_own_cgroup_is_found_below_what_is_mounted) {
  static const char membership[] = "12:pids:/a/b\n4:cpu,cpuacct:/docker/1\n3:cpuset:/docker/12\n"
                                   "2:name=systemd:/\n1::/x\n0::/user.slice:y/z\n";
#define V1(point, root_, super) {.mount_point = point, .root = root_, .options = "rw," super}
  static const struct {
    ctr__hierarchy hierarchy;
    const char *path; /* NULL: not below */
  } rows[] = {{V1("/m/pids", "/", "pids"), "/m/pids/a/b"},
              {V1("/m/pids", "/a", "pids"), "/m/pids/b"},
              {V1("/m/pids", "/a/b", "pids"), "/m/pids"},
              {V1("/m/pids", "/a/b/c", "pids"), NULL},
              {V1("/m/pids", "/other", "pids"), NULL},
              {V1("/m/cpu", "/docker/1", "cpu,cpuacct"), "/m/cpu"},
              {V1("/m/cpuset", "/docker/1", "cpuset"), NULL}, /* /docker/12 is another */
              {V1("/m/systemd", "/", "xattr,name=systemd"), "/m/systemd"},
              {{.mount_point = "/m/unified", .root = "/", .options = "rw", .v2 = true},
               "/m/unified/x"},
              {V1("/m/memory", "/", "memory"), NULL}};
#undef V1
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ctr_arena mem = {0};
    ctr_err err = {.code = CTR_OK};
    ctr__builder b = {.arena = &mem, .err = &err};
    const ctr__hierarchies all = {.membership = membership};
    const char *path = NULL;
    ctr_code code = ctr__own_cgroup_path(&b, "mounts[0]", &all, &rows[i].hierarchy, &path);
    if (rows[i].path)
      CHECK_STR(code ? err.msg : path, rows[i].path);
    else
      CHECK_MSG(code == CTR_E_UNSUPPORTED && !strcmp(err.field, "mounts[0]"), "row %zu: %s", i,
                path);
    ctr_arena_free(&mem);
  }
}

/* -- explain -- */

typedef struct lines {
  int count, unfinished, stop_at;
  char numbers[64];
} lines;

static int count_line(void *userdata, const char *text, size_t len) {
  lines *l = userdata;
  l->unfinished += !len || text[len - 1] != '\n' || memchr(text, '\n', len - 1);
  for (size_t i = 0; i + 1 < len; i++)
    l->unfinished += (unsigned char)text[i] < ' ' || text[i] == 127;
  l->unfinished += len < 5 || atoi(text) != l->count;
  return ++l->count == l->stop_at;
}

TEST(every_step_is_one_numbered_line) {
  static char name[3000];
  memset(name, 'x', sizeof name - 1);
  static char program[3100], mounts[3100];
  snprintf(program, sizeof program, "'cwd':'/','args':['/%s']", name);
  snprintf(mounts, sizeof mounts, "{'destination':'/m','type':'x','options':['%s']}", name);
  setup setups[] = {{.top = NULL},
                    {.program = program},
                    {.mounts = mounts},
                    {.program = "'cwd':'/','args':['/a\\nb\\u007f\\u001b[31mc']"},
                    {.linux_ = ",'sysctl':{'net.a\\n  9  child   lie':'1'}",
                     SPACES(MOUNT_NS ",{'type':'network'}")}};
  for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
    compile(&setups[i]);
    lines l = {.count = 0};
    if (!now.plan) continue; /* to refuse it is as good */
    CHECK(ctr_plan_explain(now.plan, count_line, &l, NULL) == CTR_OK);
    CHECK_MSG(l.count == (int)now.plan->step_count && !l.unfinished, "plan %zu: %d bad lines", i,
              l.unfinished);
  }
}

TEST(a_sink_that_stops_is_told) {
  ctr_err err;
  lines l = {.stop_at = 3};
  PLAN(.top = NULL);
  CHECK(ctr_plan_explain(now.plan, count_line, &l, &err) == CTR_E_SYS && err.sys == ECANCELED);
  CHECK_NUM(l.count, 3);
  CHECK(ctr_plan_explain(NULL, count_line, &l, &err) == CTR_E_ARG && err.code == CTR_E_ARG);
  CHECK(ctr_plan_explain(now.plan, NULL, &l, NULL) == CTR_E_ARG);
}

TEST(a_plan_needs_a_config_and_a_place) {
  ctr_plan *plan = NULL;
  ctr_err err;
  PLAN(.top = NULL);
  CHECK(ctr_plan_new(NULL, NULL, &plan, &err) == CTR_E_ARG && !plan);
  CHECK(ctr_plan_new(now.config, NULL, NULL, &err) == CTR_E_ARG);
  ctr_plan_free(NULL);
  now.config->linux_.namespaces.items = &(ctr_namespace){(ctr_namespace_type)CLONE_VM, NULL};
  now.config->linux_.namespaces.count = 1;
  CHECK_MSG(plan_of(now.config, &(setup){.top = NULL}, &plan, &err) == CTR_E_CONFIG,
            "CLONE_VM is a namespace");
  ctr_plan_free(plan);
}

TEST_MAIN
