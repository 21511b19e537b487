/* A box: a bundle of a test's own in $TMPDIR, whose root file system holds the probe, with the
   default config around it. box_run starts it, collects what it prints and sees that nothing is
   left behind.

     TEST(the_host_name_holds) {
       box b = box_new();
       b.config->hostname = "abc";
       CHECK_STR(box_said(box_run(&b, "self"), "hostname"), "abc");
       box_free(&b);
     } */
#ifndef BOX_H
#define BOX_H

#define CTR_IMPLEMENTATION
#include "ctr.h"

static const char *tester_excuse(const char *test);
#define TEST_EXCUSE tester_excuse

#include "../differences.h"
#include "../test.h"

#include <dirent.h>
#include <fnmatch.h>
#include <grp.h>
#include <sys/utsname.h>

typedef struct box {
  char dir[256]; /* the bundle: has rootfs/ */
  ctr_arena mem;
  ctr_config *config;
  ctr_plan_desc plan;
  ctr_process_desc process;
  const char *input; /* what it reads from stdin */

  ctr_code code; /* of the last run */
  ctr_err err;
  ctr_exit exit;
  char *out, *complaints; /* what it wrote to stdout and stderr */
  size_t out_len, complaints_len;
  char warnings[2048];
} box;

/* -- what must be the same before and after -- */

typedef struct census {
  int descriptors, mounts, children;
} census;

static inline int count_entries(const char *path) {
  int n = 0;
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir));) n += e->d_name[0] != '.';
  if (dir) closedir(dir);
  return n;
}

static inline int count_lines(const char *path) {
  int n = 0;
  FILE *file = fopen(path, "re");
  for (int c; file && (c = fgetc(file)) != EOF;) n += c == '\n';
  if (file) fclose(file);
  return n;
}

static inline int count_words(const char *path) {
  int n = 0;
  char word[64];
  FILE *file = fopen(path, "re");
  while (file && fscanf(file, "%63s", word) == 1) n++;
  if (file) fclose(file);
  return n;
}

static inline census take_census(void) {
  char children[64];
  snprintf(children, sizeof children, "/proc/self/task/%d/children", getpid());
  return (census){.descriptors = count_entries("/proc/self/fd"),
                  .mounts = count_lines("/proc/self/mountinfo"),
                  .children = count_words(children)};
}

static inline void check_census(const census *before) {
  census after = take_census();
  CHECK_NUM(after.descriptors, before->descriptors);
  CHECK_NUM(after.mounts, before->mounts);
  CHECK_NUM(after.children, before->children);
}

/* -- files of a test -- */

__attribute__((format(printf, 1, 2))) static inline const char *text(const char *format, ...) {
  static char ring[16][4096];
  static int next;
  char *at = ring[next++ % 16];
  va_list args;
  va_start(args, format);
  vsnprintf(at, sizeof ring[0], format, args);
  va_end(args);
  return at;
}

/* A path in the box's root file system, as the host sees it. */
static inline const char *in_root(const box *b, const char *path) {
  return text("%s/rootfs/%s", b->dir, path);
}

static inline void put_file(const char *path, const char *content) {
  FILE *file = fopen(path, "we");
  if (!file || fputs(content, file) < 0 || fclose(file) != 0) test_fail(path, 0, "cannot write");
}

static inline const char *get_file(const char *path) {
  static char content[4096];
  FILE *file = fopen(path, "re");
  size_t n = file ? fread(content, 1, sizeof content - 1, file) : 0;
  if (file) fclose(file);
  content[n] = '\0';
  return file ? content : "(no such file)";
}

static inline void copy_program(const char *from, const char *to) {
  char buf[65536];
  int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
  for (ssize_t n; in >= 0 && out >= 0 && (n = read(in, buf, sizeof buf)) > 0;)
    if (write(out, buf, (size_t)n) != n) break;
  if (in < 0 || out < 0) test_fail(from, 0, "cannot copy to %s", to);
  close(in);
  close(out);
}

/* -- cgroup hierarchies of this machine -- */

/* Where the one of a v1 controller is mounted, or of "v2"; false when it is not. */
static inline bool mount_point(const char *controller, char path[4096]) {
  char line[8192], options[4096];
  bool found = false, v2 = !strcmp(controller, "v2");
  FILE *file = fopen("/proc/self/mountinfo", "re");
  while (file && !found && fgets(line, sizeof line, file)) {
    const char *tail = strstr(line, v2 ? " - cgroup2 " : " - cgroup ");
    if (!tail || sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1) continue;
    if (sscanf(tail, " - %*s %*s %4095s", options) != 1) continue;
    found = v2 || ctr__cgroup_has(&(ctr__cgroup){.controllers = options}, controller);
  }
  if (file) fclose(file);
  return found;
}

/* -- who runs this: differences.h -- */

static inline bool have_cap(int cap) { /* by the numbers of capabilities(7) */
  uint64_t effective, permitted;
  ctr__own_caps(&effective, &permitted);
  return effective >> cap & 1;
}

typedef struct tester {
#define TESTER_VALUE(type, name, as_root, as_other, why) type name;
#define TESTER_FACT(type, name, value, why)              type name;
  DIFFERENT_VALUES(TESTER_VALUE)
  MACHINE_FACTS(TESTER_FACT)
} tester;

static inline tester me(void) {
  const bool root = geteuid() == 0;
  return (tester){
#define TESTER_SET(type, name, as_root, as_other, why) .name = root ? (as_root) : (as_other),
#define TESTER_FACT_SET(type, name, value, why)        .name = (value),
      DIFFERENT_VALUES(TESTER_SET) MACHINE_FACTS(TESTER_FACT_SET)};
}

/* The first of the tester's 65536 subordinate uids and gids; what has none is not run. */
typedef struct range {
  uint32_t uids, gids;
} range;

static inline range my_range(void) {
  const char *text_ = getenv("CTR_RANGE");
  range r = {0, 0};
  if (!text_ || sscanf(text_, "%u:%u", &r.uids, &r.gids) != 2)
    test_fail(__FILE__, __LINE__, "CTR_RANGE");
  return r;
}

/* Where the tester may make cgroups of a v1 controller, or of "v2"; false: nowhere. */
static inline bool cgroup_place(const char *controller, char path[4096]) {
  const char *given = getenv("CTR_CGROUP");
  if (geteuid() == 0) return mount_point(controller, path);
  if (given && !strcmp(controller, "v2")) return snprintf(path, 4096, "%s", given) > 0;
  return false;
}

/* Whether the tester may set limits by a controller of the cgroup version. */
static inline bool has_controller(const char *name, bool v2) {
  char path[4096], list[4096];
  if (!v2) return cgroup_place(name, path);
  if (!cgroup_place("v2", path)) return false;
  snprintf(list, sizeof list, "%s", get_file(text("%s/cgroup.controllers", path)));
  for (char *c = list; *c; c++)
    if (*c == ' ' || *c == '\n') *c = ',';
  return ctr__list_has(list, name, strlen(name));
}

/* Cuts the next of the words, which are parted by blanks; "" at the end. */
static inline char *next_word(char **at) {
  char *word = *at + strspn(*at, " "), *end = word + strcspn(word, " ");
  *at = end + (*end == ' ');
  *end = '\0';
  return word;
}

static inline bool is_given(char *controllers) {
  char path[4096];
  bool given = geteuid() == 0 || cgroup_place("v2", path);
  for (char *name; given && geteuid() != 0 && *(name = next_word(&controllers));)
    given = has_controller(name, true);
  return given;
}

static inline bool is_since(const char *release) {
  struct utsname machine;
  int is[2] = {0}, should[2] = {0};
  uname(&machine);
  sscanf(machine.release, "%d.%d", &is[0], &is[1]);
  sscanf(release, "%d.%d", &should[0], &should[1]);
  return is[0] != should[0] ? is[0] > should[0] : is[1] >= should[1];
}

/* Who is meant when it is not the tester; NULL when it is. */
static inline const char *who_else(const char *who) {
  char words[256], *rest = words;
  const bool root = geteuid() == 0, several = getenv("CTR_RANGE");
  snprintf(words, sizeof words, "%s", who);
  const char *first = next_word(&rest);
  if (!strcmp(first, "root")) return root ? NULL : "root";
  if (!strcmp(first, "ordinary")) return root ? "an ordinary user" : NULL;
  if (!strcmp(first, "several-ids")) return root || several ? NULL : "one with several ids";
  if (!strcmp(first, "ranged"))
    return !root && several ? NULL : "an ordinary user with several ids";
  if (!strcmp(first, "since"))
    return root || is_since(rest) ? NULL : text("root, or since Linux %s", rest);
  const char *what = text("one who was given a cgroup%s%s", *rest ? " with " : "", rest);
  return is_given(rest) ? NULL : what;
}

static inline bool is_named(const char *tests, const char *test) {
  char words[1024], *rest = words;
  snprintf(words, sizeof words, "%s", tests);
  for (const char *pattern; *(pattern = next_word(&rest));)
    if (fnmatch(pattern, test, 0) == 0) return true;
  return false;
}

/* The path of the test's source ends so. */
static inline bool is_this_file(const char *file) {
  static const char source[] = __BASE_FILE__;
  const size_t len = strlen(file), all = sizeof source - 1 - strlen(".c");
  return all >= len && !memcmp(source + all - len, file, len);
}

static const char *tester_excuse(const char *test) {
  static const struct {
    const char *who, *file, *tests, *why;
  } rows[] = {
#define TESTER_ROW(who, file, tests, why) {who, file, tests, why},
      DIFFERENT_TESTS(TESTER_ROW)};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (!is_this_file(rows[i].file) || !is_named(rows[i].tests, test)) continue;
    const char *other = who_else(rows[i].who);
    if (other) return text("only as %s: %s", other, rows[i].why);
  }
  return NULL;
}

/* -- boxes -- */

static inline void box_warned(void *userdata, ctr_level level, const char *field,
                              const char *message) {
  box *b = userdata;
  size_t used = strlen(b->warnings);
  if (level != CTR_LOG_WARNING) return;
  snprintf(b->warnings + used, sizeof b->warnings - used, "%s: %s\n", field, message);
}

static inline box box_of(ctr_default_kind kind) {
  box b = {.input = ""};
  const char *tmp = getenv("TMPDIR"), *build = getenv("CTR_BUILD");
  snprintf(b.dir, sizeof b.dir, "%s/box.XXXXXX", tmp ? tmp : "/tmp");
  if (!mkdtemp(b.dir)) test_fail(b.dir, 0, "cannot make it");
  chmod(b.dir, 0755);
  mkdir(text("%s/rootfs", b.dir), 0755);
  copy_program(text("%s/container/probe", build ? build : "build"), in_root(&b, "probe"));
  if (ctr_config_default(&b.mem, kind, &b.config, &b.err))
    test_fail(__FILE__, __LINE__, "%s", b.err.msg);
  b.config->root = (ctr_root){.path = "rootfs"};
  return b;
}

static inline box box_new(void) {
  return box_of(CTR_DEFAULT_AUTO);
}

static inline void box_free(box *b) {
  ctr_arena_free(&b->mem);
  free(b->out);
  free(b->complaints);
  b->out = b->complaints = NULL;
}

/* Makes room for one more element of one of the config's lists and gives it a value. */
#define BOX_ADD(b, list, type, ...)                                                                \
  do {                                                                                             \
    type *items_ = ctr_arena_alloc(&(b)->mem, ((list).count + 1) * sizeof *items_);                \
    if ((list).count) memcpy(items_, (list).items, (list).count * sizeof *items_);                 \
    items_[(list).count] = (type)__VA_ARGS__;                                                      \
    (list).items = items_;                                                                         \
    (list).count++;                                                                                \
  } while (0)

#define NO_OPTIONS ((ctr_strs){0})

/* One more mount; everything is copied. type and source may be NULL. */
static inline void box_mount(box *b, const char *destination, const char *type, const char *source,
                             ctr_strs options) {
  const char **copies = ctr__arena_array(&b->mem, options.count + 1, sizeof *copies);
  for (size_t i = 0; i < options.count; i++)
    copies[i] = ctr__arena_strdup(&b->mem, options.items[i]);
  BOX_ADD(b, b->config->mounts, ctr_mount,
          {.destination = ctr__arena_strdup(&b->mem, destination),
           .type = type ? ctr__arena_strdup(&b->mem, type) : NULL,
           .source = source ? ctr__arena_strdup(&b->mem, source) : NULL,
           .options = {copies, options.count}});
}

static inline void box_map(box *b, ctr_id_mapping uid, ctr_id_mapping gid) {
  ctr_id_mapping *maps = ctr__arena_array(&b->mem, 2, sizeof *maps);
  maps[0] = uid;
  maps[1] = gid;
  b->config->linux_.uidMappings = (ctr_id_mappings){&maps[0], 1};
  b->config->linux_.gidMappings = (ctr_id_mappings){&maps[1], 1};
}

static inline void box_add_userns(box *b) {
  if (!ctr__namespace_of(b->config, CTR_NS_USER))
    BOX_ADD(b, b->config->linux_.namespaces, ctr_namespace, {CTR_NS_USER, NULL});
}

/* Nothing but the namespaces and capabilities is between the program and what it tries. */
static inline void box_unfilter(box *b) {
  b->config->linux_.seccomp = (ctr_seccomp){.defaultAction = 0};
}

/* A box with a user namespace, whose root is me().root_uid outside: an ordinary user's has one. */
static inline box box_mapped(void) {
  const tester who = me();
  box b = box_new();
  if (ctr__namespace_of(b.config, CTR_NS_USER)) return b;
  box_add_userns(&b);
  box_map(&b, (ctr_id_mapping){0, who.root_uid, 65536}, (ctr_id_mapping){0, who.root_gid, 65536});
  if (chown(in_root(&b, ""), who.root_uid, who.root_gid) < 0) test_fail(b.dir, 0, "cannot chown");
  return b;
}

/* One whose program is not root but 1000. Of box_of(me().simplest) that is me().plain_uid
   outside. */
static inline box box_plain(box b) {
  const ctr_linux *lin = &b.config->linux_;
  uint32_t outside;
  if (lin->uidMappings.count && !ctr__id_mapped(lin->uidMappings, 1000, &outside))
    box_map(&b, (ctr_id_mapping){1000, me().plain_uid, 1},
            (ctr_id_mapping){1000, me().plain_gid, 1});
  b.config->process.user = (ctr_user){.uid = 1000, .gid = 1000};
  return b;
}

/* The field that a failure of the last mount names. */
static inline const char *last_mount(const box *b) {
  return text("mounts[%zu]", b->config->mounts.count - 1);
}

/* Feeds and drains the pipes until all that is written has been read. */
static inline void box_exchange(box *b, ctr_io *io) {
  FILE *out[2] = {open_memstream(&b->out, &b->out_len),
                  open_memstream(&b->complaints, &b->complaints_len)};
  size_t fed = 0, len = strlen(b->input);
  while (io->parent[1] >= 0 || io->parent[2] >= 0) {
    static char buf[65536];
    struct pollfd fds[3] = {{io->parent[0], POLLOUT, 0},
                            {io->parent[1], POLLIN, 0},
                            {io->parent[2], POLLIN, 0}};
    poll(fds, 3, -1);
    if (fds[0].revents) {
      ssize_t n = fed < len ? write(io->parent[0], b->input + fed, len - fed) : 0;
      fed += n > 0 ? (size_t)n : 0;
      if (n <= 0) ctr__close(&io->parent[0]);
    }
    for (int i = 1; i < 3; i++) {
      if (!fds[i].revents) continue;
      ssize_t n = read(io->parent[i], buf, sizeof buf);
      if (n > 0) fwrite(buf, 1, (size_t)n, out[i - 1]);
      if (n <= 0) ctr__close(&io->parent[i]);
    }
  }
  fclose(out[0]);
  fclose(out[1]);
}

static inline void box_start(box *b) {
  ctr_plan *plan = NULL;
  ctr_process *process = NULL;
  b->plan.bundle = b->dir;
  b->plan.log = (ctr_log){box_warned, b};
  b->plan.die_with_caller = true;
  b->process.stdio = CTR_STDIO_PIPES;
  b->code = ctr_plan_new(b->config, &b->plan, &plan, &b->err);
  if (!b->code) b->code = ctr_process_new(plan, &b->process, &process, &b->err);
  if (!b->code) b->code = ctr_process_start(process, &b->err);
  if (!b->code) {
    signal(SIGPIPE, SIG_IGN);
    box_exchange(b, ctr_process_io(process));
    b->code = ctr_process_wait(process, &b->exit, &b->err);
  }
  ctr_process_free(process);
  ctr_plan_free(plan);
}

/* A container with its state among the box's files, which nothing is heard of. */
static inline ctr_container_desc box_container(const box *b, char states[300]) {
  snprintf(states, 300, "%s/states", b->dir);
  return (
      ctr_container_desc){.root = states,
                          .plan = {.bundle = b->dir, .die_with_caller = true, .no_cgroup = true},
                          .process = {.stdio = CTR_STDIO_FDS, .fds = {-1, -1, -1}}};
}

/* One more process in a container, which says what it has to say in the box's place. */
static inline ctr_code box_join(box *b, ctr_container *c, const ctr_process_config *process) {
  const ctr_exec_desc desc = {.process = {.stdio = CTR_STDIO_PIPES}};
  ctr_process *p = NULL;
  free(b->out);
  free(b->complaints);
  b->out = b->complaints = NULL;
  b->code = ctr_container_exec(c, process, &desc, &p, &b->err);
  if (b->code) return b->code;
  box_exchange(b, ctr_process_io(p));
  CHECK(!ctr_process_wait(p, &b->exit, &b->err));
  ctr_process_free(p);
  return CTR_OK;
}

/* Runs it with config.process.args as they are. */
static inline box *box_go(box *b) {
  free(b->out);
  free(b->complaints);
  b->out = b->complaints = NULL;
  b->warnings[0] = '\0';
  b->exit = (ctr_exit){.code = -1};
  census before = take_census();
  box_start(b);
  check_census(&before);
  if (!b->out) b->out = strdup("");
  if (!b->complaints) b->complaints = strdup("");
  return b;
}

/* Runs the probe in it. */
#define box_run(b, ...) ((b)->config->process.args = CTR_STRS("/probe", __VA_ARGS__), box_go(b))

/* What it said about name; "" when nothing, the error when it did not run. */
static inline const char *box_said(const box *b, const char *name) {
  size_t len = strlen(name);
  if (b->code) return b->err.msg;
  for (const char *line = b->out; *line; line += strcspn(line, "\n"), line += *line == '\n')
    if (!strncmp(line, name, len) && line[len] == ' ')
      return text("%.*s", (int)(strcspn(line, "\n") - len - 1), line + len + 1);
  return "";
}

/* The line that it printed of mountinfo for a mount point, the last one when there are several. */
static inline const char *mountinfo(const box *b, const char *mount_point) {
  const char *found = "";
  size_t len = strlen(mount_point);
  for (const char *line = b->out; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    const char *at = line; /* id parent major:minor root mount-point */
    for (int field = 0; at && field < 4; field++) at = strchr(at + (field > 0), ' ');
    if (at && !strncmp(at + 1, mount_point, len) && at[1 + len] == ' ') found = line;
  }
  return text("%.*s", (int)strcspn(found, "\n"), found);
}

/* It ran and ended with 0. */
#define CHECK_RAN(ran)                                                                             \
  do {                                                                                             \
    const box *ran_ = (ran);                                                                       \
    if (ran_->code || ctr_exit_status(&ran_->exit))                                                \
      test_fail(__FILE__, __LINE__, "exit %d: %s%s", ctr_exit_status(&ran_->exit), ran_->err.msg,  \
                ran_->complaints);                                                                 \
  } while (0)

/* It did not start, and the error names the field and says what. */
#define CHECK_REFUSED(ran, field_, part)                                                           \
  do {                                                                                             \
    const box *ran_ = (ran);                                                                       \
    if (!ran_->code)                                                                               \
      test_fail(__FILE__, __LINE__, "it ran; %s should have been refused", field_);                \
    else {                                                                                         \
      CHECK_STR(ran_->err.field, field_);                                                          \
      CHECK_HAS(ran_->err.msg, part);                                                              \
    }                                                                                              \
  } while (0)

#endif
