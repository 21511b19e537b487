/* Plans of what goes beyond the specification: a root that is a mount, things that are made instead
   of mounted, overlays whose changes go to a tmpfs, seccomp filters; and what sandboxes leave out.
 */
#include "plan.h"

#define ROOT(type, more) "{'destination':'/','type':'" type "'" more "}"
#define TMPFS            ROOT("tmpfs", "")
#define NO_PATH          .root = ""

/* -- the root -- */

TEST(the_first_mount_can_be_the_root) {
  PLAN(NO_PATH,
       .mounts = ROOT(
           "tmpfs",
           ",'source':'r','options':['mode=755','nosuid']") ",{'destination':'/m','type':'x'}");
  check_lines("tmpfs", now.text,
              "make every mount rslave  <- linux.rootfsPropagation\n"
              "set up a tmpfs for the root, the host's tree beside it  <- mounts[0]"
              "  [pivot_root(2)]\n"
              "mount tmpfs on / (source=r,mode=755; nosuid)  <- mounts[0]  [fsopen(2)]\n"
              "mount x on /m (; none)  <- mounts[1]\nmake the device\n"
              "make it the root and let go of the old one  <- mounts[0]  [pivot_root(2)]");
  CHECK_MSG(!step_of(CTR__STEP_ROOT_BIND), "%s", now.text);
  check_num("is the root", CTR__STEP_MOUNT_FS, CTR__NUM_ROOT, CTR__AS_ROOT);
  CHECK(now.plan && !now.plan->root_dir); /* nothing that is made there lies on the host */
  PLAN(.mounts = ROOT("bind", ",'source':'sub','options':['ro']"), .desc = {.bundle = "/b"});
  check_lines("bind", now.text, "bind /b/sub on / (ro)  <- mounts[0]\npivot_root(2)");
  CHECK_STR(ctr__plan_str(now.plan, now.plan->root_dir), "/b/sub");
  PLAN(.desc = {.bundle = "/b"}, .root = "'path':'r'");
  CHECK_STR(ctr__plan_str(now.plan, now.plan->root_dir), "/b/r");
  PLAN(NO_PATH, .mounts = ROOT("proc", ",'options':['nosuid']"),
       .linux_ = ",'maskedPaths':['/keys']"); /* the root is held as such */
  check_num("no way that must be plain", CTR__STEP_MOUNT_FS, 1, 0);
  check_num("no mount to look on", CTR__STEP_MASK, CTR__NUM_MEANT, CTR__MEANT_ANY);
}

/* Which mount a path that is masked or made read-only lies on, and where on it. */
TEST(masks_know_the_mount_above) {
#define ON(at, type) "{'destination':'" at "','type':'" type "','source':'/s'}"
#define BELOW(at)    "{'destination':'" at "','source':'/s','options':['rbind']}"
  static const struct {
    const char *mounts, *path, *below; /* NULL: it is looked up in the root */
    int meant;                         /* how many mounts are before it     */
  } rows[] = {
      {ON("/a", "x"), "/a/b/c", "b/c", 0},
      {BELOW("/a"), "/a/b", "b", 0},
      {BELOW("/a"), "//a/", "", 0},
      {ON("/a", "bind"), "/ab", NULL, 0},
      {BELOW("/./a/"), "/a/./b", "./b", 0},
      {BELOW("/a"), "/./a/.", ".", 0},
      {BELOW("/a") "," BELOW("/./a/b/."), "/a/b/c", "c", 1},
      {BELOW("/a/b") "," BELOW("/./a"), "/a/b/c", "b/c", 1},
      {BELOW("/a/b"), "/a", NULL, 0},
      {BELOW("/a") "," BELOW("/a/b"), "/a/b/c", "c", 1},
      {BELOW("/a") "," BELOW("/a/b"), "/a/c", "c", 0},
      {BELOW("/a/b") "," ON("/a", "x"), "/a/b/c", "b/c", 1},
      {ON("/a", "x") "," BELOW("/a"), "/a/c", "c", 1},
      {ON("/a", "x") ",{'destination':'/a','options':['remount','ro']}", "/a/c", "c", 0},
      {BELOW("/a") ",{'destination':'/a/d','type':'ctr.dir'}", "/a/d/c", "d/c", 0},
      {"{'destination':'/f','type':'ctr.file','options':['bind']}", "/f", "", 0},
      {"{'destination':'/f','type':'ctr.file'}", "/f", NULL, 0},
      {ON("/a", "x"), "/", NULL, 0},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (int masked = 0; masked < 2; masked++) {
      char linux_[100];
      snprintf(linux_, sizeof linux_, ",'%s':['%s']", masked ? "maskedPaths" : "readonlyPaths",
               rows[i].path);
      PLAN(.mounts = rows[i].mounts, .linux_ = linux_);
      const ctr__step *step = step_of(masked ? CTR__STEP_MASK : CTR__STEP_READONLY);
      CHECK_MSG(step, "%s", now.text);
      const uint64_t meant = step ? step->num[CTR__NUM_MEANT] : 0;
      const char *below = step ? ctr__plan_str(now.plan, step->str[1]) : NULL;
      if (!rows[i].below) {
        CHECK_MSG(meant == CTR__MEANT_ANY && !below, "%zu: %s", i, now.text);
        continue;
      }
      int before = 0;
      for (uint32_t k = 0; k + CTR__MEANT_FIRST < meant; k++)
        before += ctr__makes_mount(ctr__plan_step(now.plan, k)->kind);
      CHECK_MSG(meant >= CTR__MEANT_FIRST && before == rows[i].meant, "%zu: %d: %s", i, before,
                now.text);
      CHECK_STR(below ? below : "(none)", rows[i].below);
    }
}

TEST(what_cannot_be_a_root_is_refused) {
  static const struct {
    const char *mount, *field;
  } rows[] = {{ROOT("tmpfs", ",'options':['tmpcopyup']"), "mounts[0]"},
              {ROOT("cgroup", ""), "mounts[0]"},
              {ROOT("bind", ""), "mounts[0]"},
              {ROOT("ctr.dir", ""), "mounts[0].destination"},
              {ROOT("ctr.file", ",'source':'x'"), "mounts[0].destination"},
              {TMPFS "," TMPFS, "mounts[1].destination"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    PLAN(.mounts = rows[i].mount);
    CHECK_REFUSED(rows[i].mount, CTR_E_CONFIG, rows[i].field);
  }
  PLAN(.mounts = TMPFS, .desc = {.no_pivot = true});
  CHECK_REFUSED("no_pivot", CTR_E_CONFIG, "mounts[0]");
  PLAN(.mounts = TMPFS, SPACES(""));
  CHECK_REFUSED("without a mount namespace", CTR_E_CONFIG, "mounts");
  PLAN(NO_PATH);
  CHECK_REFUSED("no root at all", CTR_E_CONFIG, "root.path");
  PLAN(NO_PATH, .mounts = "{'destination':'/m','type':'x'}," TMPFS);
  CHECK_REFUSED("not the first", CTR_E_CONFIG, "root.path");
}

TEST(the_root_can_be_remounted_anywhere_in_the_list) {
  PLAN(.mounts =
           "{'destination':'/','options':['remount','noexec']},{'destination':'/a','type':'x'}");
  check_lines(
      "first", now.text,
      "bind the root file system /r\non / set noexec, clear none  <- mounts[0]\nmount x on /a");
  PLAN(NO_PATH, .mounts = TMPFS ",{'destination':'/','options':['remount','ro']}");
  check_lines("last", now.text,
              "mount tmpfs on /\non / set ro, clear none  <- mounts[1]\npivot_root(2)");
}

/* A bind shows a file system of the host's, whose options are the host's as well. */
TEST(a_remount_changes_no_file_system_of_the_hosts) {
#define AT(at, more)        "{'destination':'" at "'" more "}"
#define BIND(at)            AT(at, ",'source':'/s','options':['bind']")
#define TYPED_BIND(at)      AT(at, ",'type':'bind','source':'/s'")
#define MOUNTED(at)         AT(at, ",'type':'tmpfs'")
#define REMOUNT(at, option) AT(at, ",'options':['remount','" option "']")
  static const struct {
    const char *root, *mounts, *refused; /* NULL: it may be */
  } rows[] = {{NULL, REMOUNT("/", "sync"), "mounts[0]"},
              {NULL, REMOUNT("/", "size=1"), "mounts[0]"},
              {NULL, REMOUNT("/", "noexec"), NULL},
              {"", ROOT("bind", ",'source':'/s'") "," REMOUNT("/", "sync"), "mounts[1]"},
              {"", ROOT("bind", ",'source':'/s'") "," REMOUNT("//.", "sync"), "mounts[1]"},
              {"", TMPFS "," REMOUNT("/", "sync"), NULL},
              {NULL, BIND("/m") "," REMOUNT("/m", "size=1"), "mounts[1]"},
              {NULL, TYPED_BIND("/m") "," REMOUNT("/m", "size=1"), "mounts[1]"},
              {NULL, TYPED_BIND("/m") "," REMOUNT("//m/.", "sync"), "mounts[1]"},
              {NULL, BIND("/m") "," REMOUNT("/m", "noexec"), NULL},
              {NULL, MOUNTED("/m") "," REMOUNT("/m", "size=1"), NULL},
              {NULL, BIND("/m") "," MOUNTED("/m") "," REMOUNT("/m", "size=1"), NULL},
              {NULL, MOUNTED("/m") "," BIND("/m") "," REMOUNT("/m", "size=1"), "mounts[2]"},
              {NULL, MOUNTED("/m") "," REMOUNT("/m", "size=1") "," REMOUNT("/m", "size=2"), NULL}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    PLAN(.root = rows[i].root, .mounts = rows[i].mounts);
    if (rows[i].refused) {
      CHECK_REFUSED(rows[i].mounts, CTR_E_CONFIG, rows[i].refused);
      CHECK_HAS(now.err.msg, "would change the host's file system");
    } else {
      CHECK_MSG(now.plan, "%s: %s", rows[i].mounts, now.text);
      CHECK_MSG(!strstr(rows[i].mounts, "noexec") == !!step_of(CTR__STEP_RECONFIGURE), "%s: %s",
                rows[i].mounts, now.text);
    }
  }
}

/* It is read-only in the end, when what is to lie in it is there; a remount has the last word. */
TEST(a_remount_says_whether_what_was_filled_becomes_read_only) {
#define FILLED(option)                                                                             \
  AT("/m", ",'type':'tmpfs','options':['ro']")                                                     \
  "," REMOUNT("/m", option) "," AT("/m/n", ",'type':'x'")
  PLAN(.mounts = FILLED("nosuid"));
  check_lines("another", now.text,
              "mount tmpfs on /m\non /m set nosuid, clear none  <- mounts[1]\nmount x on /m/n\n"
              "on /m set ro, clear none  <- mounts[0]");
  PLAN(.mounts = FILLED("rw"));
  check_lines("writable", now.text, "mount tmpfs on /m\n<- mounts[1]\nmount x on /m/n");
  CHECK_MSG(!strstr(now.text, "set ro"), "%s", now.text);
  PLAN(.mounts = FILLED("rrw"));
  CHECK_MSG(now.plan && !strstr(now.text, "set ro"), "%s", now.text);
  PLAN(.mounts = FILLED("rw") "," REMOUNT("/m", "ro"));
  check_lines("read-only after all", now.text, "mount x on /m/n\non /m set ro");
#undef FILLED
#undef REMOUNT
#undef MOUNTED
#undef TYPED_BIND
#undef BIND
#undef AT
}

TEST(a_mode_is_set_in_the_order_of_the_list) {
  PLAN(NO_PATH, .mounts = TMPFS ",{'destination':'/a','type':'ctr.dir'},"
                                "{'destination':'/a','type':'ctr.mode','options':['mode=1777']},"
                                "{'destination':'/','type':'ctr.mode','options':['mode=0700']}");
  check_lines("modes", now.text,
              "make the directory /a\ngive /a the mode 1777  <- mounts[2]  [chmod(2)]\n"
              "give / the mode 0700  <- mounts[3]");
  PLAN(.mounts = "{'destination':'/','type':'ctr.mode','options':['mode=0700']}");
  check_lines("of root.path", now.text, "bind the root file system /r\ngive / the mode 0700");
  PLAN(.mounts = "{'destination':'/a','type':'ctr.mode'}");
  CHECK_REFUSED("which?", CTR_E_CONFIG, "mounts[0].options");
  PLAN(.mounts = "{'destination':'/a','type':'ctr.mode','source':'x','options':['mode=7']}");
  CHECK_REFUSED("source", CTR_E_CONFIG, "mounts[0].source");
  PLAN(.mounts = "{'destination':'/a','type':'ctr.mode','options':['mode=10000']}");
  CHECK_REFUSED("too much", CTR_E_CONFIG, "mounts[0].options[0]");
}

/* A bind is read-only at once, so that nothing can be made on the host; the rest is to be filled.
 */
TEST(a_root_becomes_read_only_when_it_can) {
  PLAN(NO_PATH, .mounts = ROOT("overlay", ",'options':['ro','lowerdir=/l']"));
  check_lines("ro", now.text,
              "mount overlay on / (lowerdir=/l; none)\nlink /dev/ptmx\n"
              "on / set ro, clear none  <- mounts[0]\npivot_root(2)");
  PLAN(.root = "'readonly':true", .mounts = TMPFS, .program = "'cwd':'/w','args':['/p']");
  check_lines("readonly", now.text,
              "link /dev/ptmx\non / set ro, clear none  <- root.readonly\n"
              "make the directory /w");
  PLAN(.root = "'readonly':true", .mounts = ROOT("bind", ",'source':'/','options':['rbind']"));
  check_lines("below", now.text,
              "rbind / on / (none; all below: read-only)  <- mounts[0]\n"
              "on / set ro, clear none  <- root.readonly");
  CHECK_STR(now.warnings, "");
  PLAN(.root = "'readonly':true", .mounts = ROOT("bind", ",'source':'/','options':['rbind']"),
       .facts = &old_kernel_facts);
  CHECK_STR(now.warnings, "");
  check_num("one after the other", CTR__STEP_MOUNT_BIND, CTR__NUM_ROOT,
            CTR__AS_ROOT_BELOW_READ_ONLY);
  PLAN(NO_PATH, .mounts = ROOT("bind", ",'source':'/','options':['rbind','rro']"));
  check_lines("rro", now.text, "rbind / on / (none; all below: set ro, clear none)");
}

TEST(nodes_in_a_root_are_none_where_dev_is_a_mount) {
#define DEV ",{'destination':'/dev','type':'tmpfs'}"
  PLAN(NO_PATH, .mounts = TMPFS DEV);
  CHECK_HAS(now.text, "mount tmpfs on / (; nodev)");
  PLAN(NO_PATH, .mounts = ROOT("tmpfs", ",'options':['dev']") DEV);
  CHECK_HAS(now.text, "mount tmpfs on / (; none)");
  PLAN(NO_PATH, .mounts = TMPFS ",{'destination':'/dev','type':'ctr.dir'}");
  CHECK_HAS(now.text, "mount tmpfs on / (; none)"); /* its devices are in the root itself */
  PLAN(NO_PATH, .mounts = ROOT("bind", ",'source':'/','options':['rbind']") DEV);
  CHECK_HAS(now.text, "rbind / on / (none; all below: set nodev, clear none)");
  PLAN(NO_PATH, .mounts = ROOT("bind", ",'source':'/','options':['rbind','rdev']") DEV);
  CHECK_HAS(now.text, "rbind / on / (none; all below: set none, clear nodev)");
  PLAN(NO_PATH, .mounts = ROOT("bind", ",'source':'/','options':['rbind']") DEV,
       .facts = &old_kernel_facts);
  CHECK_HAS(now.text, "rbind / on / (nodev)");
#undef DEV
}

TEST(the_hosts_own_dev_is_left_as_it_is) {
#define BOUND(source, how)                                                                         \
  NO_PATH, .mounts = ROOT("bind", ",'source':'" source "','options':['" how "']")
  PLAN(BOUND("/", "rbind"));
  CHECK_MSG(now.plan && !strstr(now.text, "make the device"), "%s", now.text);
  PLAN(BOUND("/", "bind")); /* a directory without what is mounted there */
  CHECK_HAS(now.text, "make the device /dev/null");
  PLAN(BOUND("/image", "rbind"));
  CHECK_HAS(now.text, "make the device /dev/null");
#undef BOUND
  PLAN(NO_PATH,
       .mounts =
           ROOT("bind",
                ",'source':'/','options':['rbind']") ",{'destination':'/dev','type':'tmpfs'}");
  CHECK_HAS(now.text, "make the device /dev/null");
}

TEST(a_bound_root_listens_when_it_is_asked_to) {
#define BOUND .mounts = ROOT("bind", ",'source':'/','options':['rbind']")
  PLAN(BOUND, .linux_ = ",'rootfsPropagation':'rslave'");
  check_lines("rslave", now.text, "rbind / on / (none; rslave)\npivot_root(2)\nmake / rslave");
  PLAN(BOUND, .linux_ = ",'rootfsPropagation':'shared'");
  check_lines("shared", now.text, "rbind / on / (none; rslave)\npivot_root(2)\nmake / shared");
  PLAN(BOUND);
  check_lines("not asked for", now.text, "rbind / on / (none)");
#undef BOUND
}

/* -- made instead of mounted -- */

#define MADE(type, more) "{'destination':'/a/b','type':'ctr." type "'" more "}"

TEST(what_is_made_stands_in_its_place) {
  PLAN(.mounts = "{'destination':'/m','type':'x'}," MADE("dir", "") "," MADE(
           "symlink", ",'source':'../c'") "," MADE("file", ",'source':'text'") ",{'destination':'/"
                                                                               "n','type':'x'}");
  check_lines("in their order", now.text,
              "mount x on /m\n"
              "make the directory /a/b if it is missing  <- mounts[1]  [mkdir(2)]\n"
              "link /a/b -> ../c  <- mounts[2]  [symlink(2)]\n"
              "make the file /a/b of 4 bytes, mode 0644  <- mounts[3]  [open(2)]\n"
              "mount x on /n");
  PLAN(.mounts = MADE("dir", ",'options':['mode=1777']"));
  CHECK_HAS(now.text, "make the directory /a/b if it is missing, mode 1777  <-");
  PLAN(.mounts = MADE("file", ",'options':['mode=4','mode=04755']"));
  CHECK_HAS(now.text, "make the file /a/b of 0 bytes, mode 4755  <-");
  PLAN(.mounts = MADE("file", ",'source':'','options':['bind']"));
  CHECK_HAS(now.text, "mount a file of 0 bytes on /a/b, mode 0644 (none)  <- mounts[0]"
                      "  [open_tree(2)]");
  PLAN(.mounts = MADE("file", ",'source':'x','options':['ro','bind','mode=600']"));
  CHECK_HAS(now.text, "mount a file of 1 bytes on /a/b, mode 0600 (ro)  <- mounts[0]");
}

TEST(what_cannot_be_made_is_refused) {
  static const struct {
    const char *mount, *field;
  } rows[] = {{MADE("", ""), "mounts[0].type"},
              {MADE("fifo", ""), "mounts[0].type"},
              {MADE("dir", ",'source':'x'"), "mounts[0].source"},
              {MADE("symlink", ""), "mounts[0].source"},
              {MADE("symlink", ",'source':''"), "mounts[0].source"},
              {MADE("symlink", ",'source':'x','options':['mode=777']"), "mounts[0].options[0]"},
              {MADE("dir", ",'options':['bind']"), "mounts[0].options[0]"},
              {MADE("dir", ",'options':['ro']"), "mounts[0].options[0]"},
              {MADE("dir", ",'options':['mode=2755']"), "mounts[0].options[0]"},
              {MADE("file", ",'options':['mode=755','ro']"), "mounts[0].options[1]"},
              {MADE("file", ",'options':['rbind']"), "mounts[0].options[0]"},
              {MADE("file", ",'options':['nosuid']"), "mounts[0].options[0]"},
              {MADE("file", ",'options':['mode=']"), "mounts[0].options[0]"},
              {MADE("file", ",'options':['mode=0x1ff']"), "mounts[0].options[0]"},
              {MADE("file", ",'options':['mode=888']"), "mounts[0].options[0]"},
              {MADE("file", ",'options':['mode=10000']"), "mounts[0].options[0]"},
              {MADE("file", ",'options':['mode=1000000000000000000000644']"),
               "mounts[0].options[0]"},
              {MADE("file", ",'options':['mode']"), "mounts[0].options[0]"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    PLAN(.mounts = rows[i].mount);
    CHECK_REFUSED(rows[i].mount, CTR_E_CONFIG, rows[i].field);
  }
}

/* What only C can say: bytes. */
static const char *with_data(const char *type, const char *source, ctr_bytes data) {
  static ctr_mount mount;
  forget();
  ctr_config *config = config_of(&now.mem, &(setup){0}, &now.err);
  mount = (ctr_mount){.destination = "/d", .type = type, .source = source, .data = data};
  config->mounts = (ctr_mounts){&mount, 1};
  return compile_config(config, &(setup){0});
}

TEST(any_bytes_can_be_a_file) {
  CHECK_HAS(with_data("ctr.file", NULL, (ctr_bytes){"a\0b", 4}), "make the file /d of 4 bytes");
  const ctr__step *step = step_of(CTR__STEP_MAKE_FILE);
  CHECK(step && !memcmp(ctr__plan_data(now.plan, step->str[1]), "a\0b", 4));
  with_data("ctr.file", "text", (ctr_bytes){"x", 1});
  CHECK_REFUSED("two contents", CTR_E_CONFIG, "mounts[0].data");
  with_data("ctr.file", NULL, (ctr_bytes){NULL, 1});
  CHECK_REFUSED("bytes at NULL", CTR_E_CONFIG, "mounts[0].data");
  with_data("ctr.dir", NULL, (ctr_bytes){"x", 1});
  CHECK_REFUSED("a directory", CTR_E_CONFIG, "mounts[0].data");
  with_data("tmpfs", NULL, (ctr_bytes){"x", 1});
  CHECK_REFUSED("a mount", CTR_E_CONFIG, "mounts[0].data");
  CHECK_HAS(with_data("tmpfs", NULL, (ctr_bytes){"x", 0}), "mount tmpfs on /d");
}

TEST(bytes_are_not_written_as_json) {
  ctr_json *value = NULL;
  with_data("ctr.file", NULL, (ctr_bytes){"x", 1});
  CHECK(ctr_config_to_json(&now.mem, now.config, &value, &now.err) == CTR_E_CONFIG && !value);
  CHECK_STR(now.err.field, "mounts[0].data");
  with_data("ctr.file", "x", (ctr_bytes){0});
  CHECK(ctr_config_to_json(&now.mem, now.config, &value, &now.err) == CTR_OK && value);
}

/* -- overlays -- */

#define OVERLAY(options) .mounts = "{'destination':'/o','type':'overlay','options':[" options "]}"

TEST(the_changes_of_an_overlay_can_go_to_a_tmpfs) {
  PLAN(OVERLAY("'lowerdir=/l','tmpupper','volatile'"));
  CHECK_HAS(now.text, "mount overlay on /o (lowerdir=/l,volatile; none; changes go to a new tmpfs)"
                      "  <- mounts[0]  [fsopen(2)]");
  PLAN(OVERLAY("'lowerdir=/l','tmpupper','ro'")); /* it is still to get mount points */
  check_lines("ro", now.text,
              "mount overlay on /o (lowerdir=/l; none; changes go to a new tmpfs)\n"
              "on /o set ro, clear none  <- mounts[0]");
  PLAN(OVERLAY("'tmpupper','lowerdir=/l','upperdir=/u'"));
  CHECK_REFUSED("an upperdir", CTR_E_CONFIG, "mounts[0].options[2]");
  PLAN(OVERLAY("'workdir=/w','lowerdir=/l','tmpupper'"));
  CHECK_REFUSED("a workdir", CTR_E_CONFIG, "mounts[0].options[0]");
  PLAN(OVERLAY("'remount','tmpupper'"));
  CHECK_REFUSED("a remount", CTR_E_CONFIG, "mounts[0].options[1]");
}

/* fsconfig(2) takes 255 bytes, mount(2) a page: with room for two paths that are not yet known. */
TEST(long_lists_of_directories_go_another_way) {
  static char mounts[6000];
  for (int len = 3000; len < 5000; len += 10) {
    snprintf(mounts, sizeof mounts,
             "{'destination':'/o','type':'overlay','options':['lowerdir=/%0*d','tmpupper']}", len,
             0);
    PLAN(.mounts = mounts);
    const ctr__step *step = step_of(CTR__STEP_MOUNT_OLD);
    if (step) {
      check_num("with a tmpfs", CTR__STEP_MOUNT_OLD, CTR__NUM_UPPER, 1);
      char data[4096], *end = ctr__put_str(data, ctr__plan_str(now.plan, step->str[2]));
      CHECK_MSG((size_t)(end - data) + CTR__UPPER_OPTIONS_MAX <= sizeof data, "%d", len);
    } else {
      CHECK_REFUSED("too long", CTR_E_UNSUPPORTED, "mounts[0]");
    }
    CHECK_MSG(!step == (len > 4096 - CTR__UPPER_OPTIONS_MAX - 14), "%d: %s", len, now.text);
  }
  char options[CTR__UPPER_OPTIONS_MAX] = "";
  ctr__put_upper(options, INT_MAX);
  CHECK_HAS(options, ",workdir=/proc/self/fd/2147483647/work");
}

TEST(in_a_user_namespace_overlays_keep_to_what_users_may) {
  static const struct {
    const ctr__facts *facts;
    const char *spaces;
    bool added;
  } rows[] = {{&root_facts, MOUNT_NS, false},
              {&root_facts, USER_NS, true},
              {&nested_facts, MOUNT_NS, true},
              {&root_facts, MOUNT_NS ",{'type':'user','path':'/u'}", true}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    PLAN(OVERLAY("'lowerdir=/l'"), SPACES(rows[i].spaces), .facts = rows[i].facts);
    CHECK_HAS(now.text, rows[i].added ? "on /o (lowerdir=/l,userxattr; " : "on /o (lowerdir=/l; ");
    PLAN(OVERLAY("'userxattr','lowerdir=/l'"), SPACES(rows[i].spaces), .facts = rows[i].facts);
    CHECK_HAS(now.text, "on /o (userxattr,lowerdir=/l; ");
  }
  PLAN(.mounts = "{'destination':'/o','type':'x'}", SPACES(USER_NS));
  CHECK_HAS(now.text, "mount x on /o (; none)");
}

/* -- filters -- */

static const uint64_t code[4097];
#define FILTERS(...)                                                                               \
  .desc = {.filters = (const ctr_filter[]){__VA_ARGS__},                                           \
           .filter_count = sizeof((const ctr_filter[]){__VA_ARGS__}) / sizeof(ctr_filter)}
#define NO_NEW .process = ",'noNewPrivileges':true"

TEST(filters_are_the_last_thing_before_the_program) {
  PLAN(NO_NEW, FILTERS({code, 8}, {code, 4096 * 8}));
  check_lines("two", now.text,
              "find the program /p\n"
              "child   load a seccomp filter of 1 instructions  <- filters[0]  [seccomp(2)]\n"
              "child   load a seccomp filter of 4096 instructions  <- filters[1]  [seccomp(2)]\n"
              "child   execute /p");
  check_num("the parent was looked at before", CTR__STEP_EXEC, 0, true);
  PLAN(.desc = {.filters = NULL});
  check_num("it is looked at now", CTR__STEP_EXEC, 0, false);
  setup s = {NO_NEW, FILTERS({code, 8}), .purpose = {.goal = CTR__GOAL_CREATE},
             .top = ",'hooks':{'startContainer':[{'path':'/h'}]}"};
  s.desc.id = "box";
  compile(&s);
  check_lines("in a container", now.text,
              "wait to be started\nrun the hook /h\ntell who starts it\n"
              "load a seccomp filter of 1 instructions  <- filters[0]\nexecute /p");
  s = (setup){NO_NEW, FILTERS({code, 8}), EXEC};
  s.desc.filters = &(const ctr_filter){code, 16};
  s.desc.filter_count = 1;
  compile(&s);
  check_lines("one more process", now.text, "load a seccomp filter of 2 instructions\nexecute /p");
}

TEST(what_is_no_filter_is_refused) {
  static const ctr_filter bad[] = {{code, 0}, {NULL, 8},        {code, 7},           {code, 12},
                                   {NULL, 0}, {code, 4097 * 8}, {code, SIZE_MAX - 7}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    PLAN(NO_NEW, FILTERS({code, 8}, bad[i]));
    CHECK_REFUSED("no filter", CTR_E_ARG, "filters[1]");
  }
  PLAN(NO_NEW, .desc = {.filter_count = 2});
  CHECK_REFUSED("a list without items", CTR_E_ARG, "filters");
}

/* Without noNewPrivileges that is CAP_SYS_ADMIN, which is kept until they are loaded. */
TEST(filters_need_the_right_to_load_them) {
  PLAN(FILTERS({code, 8}));
  CHECK_HAS(now.text, "inheritable none; until it is restricted also CAP_SYS_ADMIN");
  PLAN(NO_NEW, FILTERS({code, 8}));
  CHECK_MSG(now.plan && !strstr(now.text, "until filters"), "%s", now.text);
  ctr__facts poor = root_facts;
  poor.permitted &= ~CTR_CAP(SYS_ADMIN);
  PLAN(FILTERS({code, 8}), .facts = &poor);
  CHECK_REFUSED("not the caller's to give", CTR_E_UNSUPPORTED, "filters");
  PLAN(NO_NEW, FILTERS({code, 8}), .facts = &poor);
  CHECK_HAS(now.text, "load a seccomp filter");
  PLAN(FILTERS({code, 8}), .facts = &poor, SPACES(USER_NS));
  CHECK_HAS(now.text, "load a seccomp filter"); /* the user namespace gives it */
}

/* -- what is left out -- */

TEST(what_is_not_wanted_is_left_out) {
  PLAN(.desc = {.no_default_devices = true},
       .linux_ = ",'devices':[{'type':'c','path':'/dev/x','major':1,'minor':3}]");
  CHECK_MSG(!strstr(now.text, "/dev/null") || !strstr(now.text, "mode 0666  <- default devices"),
            "%s", now.text);
  CHECK_MSG(!step_of(CTR__STEP_SYMLINK), "%s", now.text);
  CHECK_HAS(now.text, "make the device /dev/x: c 1:3, mode 0666  <- linux.devices[0]");
  PLAN(.desc = {.no_new_session = true});
  CHECK_MSG(!step_of(CTR__STEP_SETSID), "%s", now.text);
  PLAN(EXEC);
  CHECK(step_of(CTR__STEP_SETSID));
  setup s = {EXEC};
  s.desc.no_new_session = true;
  compile(&s);
  CHECK_MSG(now.plan && !step_of(CTR__STEP_SETSID), "%s", now.text);
  s.process = ",'terminal':true";
  compile(&s);
  CHECK_REFUSED("a terminal", CTR_E_CONFIG, "process.terminal");
  PLAN(.desc = {.no_new_session = true}, .process = ",'terminal':true");
  CHECK_REFUSED("a terminal", CTR_E_CONFIG, "process.terminal");
  PLAN(.desc = {.no_new_cwd = true}, .program = "'cwd':'/w','args':['/p']");
  CHECK_MSG(now.plan && !step_of(CTR__STEP_MAKE_CWD), "%s", now.text);
}

TEST_MAIN
