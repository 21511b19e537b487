/* state.json: that it keeps everything, and that nothing but a whole one of that container is
   believed. */
#include "containers.h"

typedef struct text {
  char bytes[1 << 16];
  size_t len;
} text;

static int collect(void *userdata, const char *bytes, size_t len) {
  text *t = userdata;
  if (t->len + len >= sizeof t->bytes) return 1;
  memcpy(t->bytes + t->len, bytes, len);
  t->bytes[t->len += len] = '\0';
  return 0;
}

static const char *json_of(ctr_arena *mem, const ctr__stored *stored, text *into) {
  into->len = 0;
  ctr_json *value = ctr__write_object(mem, &ctr__type_of_ctr__stored, stored);
  CHECK(value && !ctr_json_write(value, CTR_JSON_COMPACT, collect, into, NULL));
  return into->bytes;
}

/* -- everything there is -- */

static unsigned serial; /* no two values alike */

static int64_t next_number(const ctr__field *f) {
  int64_t value = 1 + serial++ % 90;
  if (f->max && (uint64_t)value > f->max) value = (int64_t)f->max;
  return value < f->min ? f->min : value;
}

static const char *next_text(ctr_arena *mem) {
  char made[64];
  snprintf(made, sizeof made, "\xc3\xbc \"\\\n\x7f#%u", serial++);
  return ctr__arena_strdup(mem, made);
}

static void fill_all(ctr_arena *mem, const ctr__type *type, void *base);

static const void *two_of(ctr_arena *mem, const ctr__field *f) {
  const size_t size = f->type                   ? f->type->size
                      : f->kind == CTR__F_IDS   ? sizeof(uint32_t)
                      : f->kind == CTR__F_PAIRS ? sizeof(ctr_pair)
                                                : sizeof(char *);
  char *items = ctr_arena_alloc(mem, 2 * size);
  for (size_t i = 0; i < 2; i++) {
    char *item = items + i * size;
    const char *key = next_text(mem);
    const ctr_pair pair = {key, next_text(mem)};
    const uint32_t id = (uint32_t)next_number(f);
    if (f->type) fill_all(mem, f->type, item);
    if (f->kind == CTR__F_MAP || f->kind == CTR__F_STRS) memcpy(item, &key, sizeof key);
    if (f->kind == CTR__F_PAIRS) memcpy(item, &pair, sizeof pair);
    if (f->kind == CTR__F_IDS) memcpy(item, &id, sizeof id);
  }
  return items;
}

static void fill(ctr_arena *mem, const ctr__field *f, void *at) {
  const char *string;
  switch ((ctr__kind_of_field)f->kind) {
  case CTR__F_STR:
    string = next_text(mem);
    memcpy(at, &string, sizeof string);
    break;
  case CTR__F_BOOL: *(bool *)at = true; break;
  case CTR__F_INT: *(ctr_int *)at = (ctr_int){true, next_number(f)}; break;
  case CTR__F_UINT: *(ctr_uint *)at = (ctr_uint){true, (uint64_t)next_number(f)}; break;
  case CTR__F_I32: *(int32_t *)at = (int32_t)next_number(f); break;
  case CTR__F_U32: *(uint32_t *)at = (uint32_t)next_number(f); break;
  case CTR__F_I64: *(int64_t *)at = next_number(f); break;
  case CTR__F_U64: *(uint64_t *)at = UINT64_MAX - (uint64_t)next_number(f); break;
  case CTR__F_ENUM:
    *(int32_t *)at = (int32_t)f->names->items[serial++ % f->names->count].value;
    break;
  case CTR__F_BITS:
    *(uint64_t *)at = UINT64_C(1) << f->names->items[serial++ % f->names->count].value;
    break;
  case CTR__F_OBJECT: fill_all(mem, f->type, at); break;
  case CTR__F_POINTER: {
    void *object = ctr_arena_alloc(mem, f->type->size);
    fill_all(mem, f->type, object);
    memcpy(at, &object, sizeof object);
    break;
  }
  default: {
    ctr__any_list list = {two_of(mem, f), 2};
    memcpy(at, &list, sizeof list);
  }
  }
}

static void fill_all(ctr_arena *mem, const ctr__type *type, void *base) {
  for (size_t i = 0; i < type->count; i++) {
    fill(mem, &type->fields[i], (char *)base + type->fields[i].offset);
    CHECK_MSG(ctr__field_is_set(&type->fields[i], base), "not filled: %s", type->fields[i].name);
  }
}

/* With cgroups that could be some. */
static ctr__stored everything(ctr_arena *mem, const char *id) {
  ctr__stored stored = {.id = NULL};
  static ctr__cgroup cgroups[2];
  fill_all(mem, &ctr__type_of_ctr__stored, &stored);
  stored.id = id;
  stored.bundle = "/b\xc3\xbcndle";
  stored.config.ociVersion = "1.3.0";
  memcpy(cgroups, stored.cgroups, sizeof cgroups);
  cgroups[0].path = "/sys/fs/cgroup/nothing \"here\"/..a/b..";
  cgroups[1].path = "/";
  stored.cgroups = cgroups;
  return stored;
}

static ctr__stored *read_back(ctr_arena *mem, const char *id) {
  ctr__stored *stored = NULL;
  ctr_err err = {.code = CTR_OK};
  int dir = directory(id);
  CHECK_MSG(!ctr__load(mem, dir, id, &stored, &err), "%s", err.msg);
  close(dir);
  return stored;
}

TEST(everything_is_written_and_read_back) {
  static text before, after;
  ctr_arena mem = {0};
  new_root();
  ctr__stored stored = everything(&mem, "box");
  put("box", &stored);
  ctr__stored *again = read_back(&mem, "box");
  if (again) CHECK_STR(json_of(&mem, again, &after), json_of(&mem, &stored, &before));
  CHECK(before.len > 4000);
  ctr_arena_free(&mem);
  drop_root();
}

/* The table is what the above goes by: that it has all of the struct is seen here. */
TEST(each_member_is_read_back) {
  static const ctr__cgroup cgroups[] = {{"/c/1", "freezer", false}, {"/c/2", "", true}};
  static const ctr_pair spaces[] = {{"pid", "/proc/1/ns/pid"}};
  static const char *const external[] = {"pipe:[1]", "/dev/null", "pipe:[2]"};
  ctr_arena mem = {0};
  new_root();
  ctr__stored s = stored_of("box", 0);
  s.pid = 42;
  s.startTime = UINT64_MAX;
  s.owner = UINT32_MAX - 1;
  s.cgroups = cgroups;
  s.cgroup_count = 2;
  s.namespacePaths = (ctr_pairs){spaces, 1};
  s.externalDescriptors = (ctr_strs){external, 3};
  s.notifySocket = "@notify";
  put("box", &s);
  const ctr__stored *r = read_back(&mem, "box");
  if (!r) return;
  CHECK_STR(r->id, "box");
  CHECK_STR(r->bundle, "/bundle");
  CHECK_STR(r->rootfs, "/bundle/rootfs");
  CHECK_STR(r->created, "2026-01-02T03:04:05.000000006Z");
  CHECK(r->owner == UINT32_MAX - 1 && r->pid == 42 && r->startTime == UINT64_MAX);
  CHECK(r->cgroup_count == 2 && !r->cgroups[0].v2 && r->cgroups[1].v2);
  CHECK_STR(r->cgroups[0].path, "/c/1");
  CHECK_STR(r->cgroups[0].controllers, "freezer");
  CHECK_STR(r->cgroups[1].controllers, "");
  CHECK(r->namespacePaths.count == 1);
  CHECK_STR(r->namespacePaths.items[0].value, "/proc/1/ns/pid");
  CHECK(r->externalDescriptors.count == 3);
  CHECK_STR(r->externalDescriptors.items[2], "pipe:[2]");
  CHECK_STR(r->notifySocket, "@notify");
  CHECK_STR(r->config.process.args.items[0], "sh");
  ctr_arena_free(&mem);
  drop_root();
}

/* Whoever dies in the middle of it leaves the file that was there; nobody else can read it. */
TEST(it_is_replaced_as_a_whole_and_its_owners_alone) {
  ctr_arena mem = {0};
  struct stat st;
  new_root();
  ctr__stored stored = stored_of("box", 0);
  mode_t before = umask(0);
  put("box", &stored);
  umask(before);
  CHECK(!stat(below_root("box", "state.json"), &st) && (st.st_mode & 07777) == 0600);
  CHECK(!is_there("box", "state.json.new"));
  const ino_t first = st.st_ino;
  put_file("box", "state.json.new", "a torn one of somebody who died", 31);
  int old = open(below_root("box", "state.json"), O_RDONLY | O_CLOEXEC);
  stored.rootfs = "/other";
  put("box", &stored);
  CHECK(!stat(below_root("box", "state.json"), &st) && st.st_ino != first);
  CHECK(!is_there("box", "state.json.new"));
  CHECK(!fstat(old, &st) && st.st_ino == first && st.st_size > 100); /* is read to its end */
  close(old);
  const ctr__stored *again = read_back(&mem, "box");
  if (again) CHECK_STR(again->rootfs, "/other");
  ctr_arena_free(&mem);
  drop_root();
}

TEST(a_link_is_not_written_through) {
  ctr_arena mem = {0};
  ctr_err err;
  new_root();
  ctr__stored stored = stored_of("box", 0);
  int dir = directory("box");
  put_file("victim", "file", "x", 1);
  CHECK(!symlink(below_root("victim", "file"), below_root("box", "state.json.new")));
  CHECK(ctr__save(&mem, dir, &stored, &err) == CTR_E_SYS && err.sys == ELOOP);
  struct stat st;
  CHECK(!stat(below_root("victim", "file"), &st) && st.st_size == 1);
  close(dir);
  ctr_arena_free(&mem);
  drop_root();
}

/* -- what is not believed -- */

/* Refused with words that say what to do, and nothing is touched. */
static void check_corrupt(const char *id, const char *what) {
  ctr_container *const untouched = (ctr_container *)(uintptr_t)8, *c = untouched;
  ctr_err err = {.code = CTR_OK};
  int before = open_descriptors();
  ctr_code code = ctr_container_open(root, id, &c, &err);
  CHECK_MSG(code == CTR_E_CORRUPT && err.code == code, "%s: %s: %s", what, ctr_code_name(code),
            err.msg);
  CHECK_MSG(c == untouched, "%s: a handle all the same", what);
  CHECK_MSG(strstr(err.msg, "delete it with force") && strstr(err.msg, id) &&
                !strchr(err.msg, '\n'),
            "%s: does not say what to do: %s", what, err.msg);
  CHECK_MSG(ctr_container_open(root, id, &c, NULL) == code, "%s: without an err", what);
  CHECK_MSG(open_descriptors() == before, "%s: a descriptor is left open", what);
  if (code == CTR_OK) ctr_container_free(c);
}

static void check_text_corrupt(const char *bytes, size_t len, const char *what) {
  put_file("box", "state.json", bytes, len);
  check_corrupt("box", what);
}

TEST(one_that_is_cut_off_anywhere_is_not_believed) {
  static text whole;
  ctr_arena mem = {0};
  new_root();
  ctr__stored stored = everything(&mem, "box");
  json_of(&mem, &stored, &whole);
  for (size_t len = 0; len < whole.len; len++) {
    char what[64];
    snprintf(what, sizeof what, "%zu of %zu bytes", len, whole.len);
    check_text_corrupt(whole.bytes, len, what);
  }
  put_file("box", "state.json", whole.bytes, whole.len);
  CHECK_STATUS("box", CTR_STATUS_STOPPED);
  check_text_corrupt(whole.bytes, whole.len + 1, "a NUL at its end"); /* is there */
  ctr_arena_free(&mem);
  drop_root();
}

TEST(foreign_texts_are_not_believed) {
  static const char *const texts[] = {
      "", " ", "\n", "{", "}", "{}", "[]", "null", "true", "0", "\"box\"", "{\"id\":\"box\"}",
      "\xef\xbb\xbf{}", "{\"id\":\"box\",\"id\":\"box\"}", "not JSON at all", "\xff\xfe{\0}\0",
      /* of runc, of crun, a config */
      "{\"id\":\"box\",\"init_process_pid\":7,\"init_process_start\":9,\"created\":\"x\","
      "\"config\":{\"rootfs\":\"/\"}}",
      "{\"pid\":7,\"process-start-time\":9,\"cgroup-path\":\"/a\",\"rootfs\":\"/\",\"bundle\":\"/"
      "\"}",
      "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"/\"},\"process\":{\"cwd\":\"/\"}}"};
  new_root();
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    check_text_corrupt(texts[i], strlen(texts[i]), texts[i]);
  drop_root();
}

/* The object with member number left out, or with another value. */
static const char *changed(ctr_arena *mem, const ctr_json *object, size_t number,
                           const char *replacement, text *into) {
  ctr_json *copy = ctr_json_new(mem, CTR_JSON_OBJECT), *value = NULL;
  into->len = 0;
  size_t i = 0;
  for (const ctr_json *member = object->as.list.first; member; member = member->next, i++) {
    ctr_json *same = ctr_arena_alloc(mem, sizeof *same);
    memcpy(same, member, sizeof *same);
    same->next = NULL;
    if (i == number && !replacement) continue;
    if (i == number)
      CHECK(!ctr_json_parse(mem, replacement, strlen(replacement), NULL, &value, NULL));
    CHECK(ctr_json_add(mem, copy, member->key, i == number ? value : same));
  }
  CHECK(!ctr_json_write(copy, CTR_JSON_COMPACT, collect, into, NULL));
  return into->bytes;
}

TEST(members_that_are_missing_or_of_another_type_are_not_believed) {
  static const char *const values[] = {"null",
                                       "true",
                                       "7",
                                       "-1",
                                       "1.5",
                                       "\"7\"",
                                       "[]",
                                       "[7]",
                                       "{}",
                                       "{\"a\":7}",
                                       "18446744073709551616"};
  static text whole, other;
  ctr_arena mem = {0};
  ctr_json *object = NULL;
  new_root();
  ctr__stored stored = everything(&mem, "box");
  json_of(&mem, &stored, &whole);
  CHECK(!ctr_json_parse(&mem, whole.bytes, whole.len, NULL, &object, NULL));
  CHECK_NUM(object->as.list.count, ctr__type_of_ctr__stored.count);
  for (size_t i = 0; i < ctr__type_of_ctr__stored.count; i++) {
    const ctr__field *f = &ctr__type_of_ctr__stored.fields[i];
    const bool number = f->kind == CTR__F_U32 || f->kind == CTR__F_U64 || f->kind == CTR__F_I64;
    changed(&mem, object, i, NULL, &other);
    if (f->flags & CTR__REQUIRED)
      check_text_corrupt(other.bytes, other.len, f->name);
    else
      put_file("box", "state.json", other.bytes, other.len), status_of("box");
    for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
      const char *value = values[v];
      bool fits = (number && !strcmp(value, "7")) || (f->kind == CTR__F_STR && *value == '"') ||
                  ((f->kind == CTR__F_LIST || f->kind == CTR__F_STRS) && !strcmp(value, "[]")) ||
                  (f->kind == CTR__F_PAIRS && !strcmp(value, "{}")) ||
                  (!(f->flags & CTR__REQUIRED) && !strcmp(value, "null"));
      char what[128];
      snprintf(what, sizeof what, "%s: %s", f->name, value);
      changed(&mem, object, i, value, &other);
      if (!fits) check_text_corrupt(other.bytes, other.len, what);
    }
  }
  ctr_arena_free(&mem);
  drop_root();
}

/* What would let us signal others, or take away what is not the container's. */
TEST(values_that_cannot_be_the_containers_are_not_believed) {
  static const char *const paths[] = {"",        "relative",   "./a",    "../a",   "/../a", "/a/..",
                                      "/a/../b", "/sys/../..", "a/../b", "/a/./b", "/.",    "."};
  static const char *const ids[] = {"Box", "box ", "", "other", "../box", "box/"};
  static const int64_t pids[] = {0, -1, INT32_MIN, (int64_t)INT32_MAX + 1, INT64_MAX, INT64_MIN};
  new_root();
  for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
    ctr__stored stored = stored_of(ids[i], 0);
    put("box", &stored);
    check_corrupt("box", ids[i]);
  }
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    const ctr__cgroup cgroups[] = {{"/fine", "", true}, {paths[i], "freezer", false}};
    ctr__stored stored = stored_of("box", 0);
    stored.cgroups = cgroups;
    stored.cgroup_count = 2;
    put("box", &stored);
    check_corrupt("box", paths[i]);
  }
  for (size_t i = 0; i < sizeof pids / sizeof *pids; i++) {
    ctr__stored stored = stored_of("box", 0);
    stored.pid = pids[i];
    put("box", &stored);
    check_corrupt("box", "a pid that is none");
  }
  ctr__stored stored = stored_of("box", 0);
  stored.bundle = "relative";
  put("box", &stored);
  check_corrupt("box", "a relative bundle");
  drop_root();
}

TEST(what_is_no_plain_file_is_not_believed) {
  new_root();
  ctr__stored stored = stored_of("box", 0);
  put("elsewhere", &stored); /* a good one of it, but for the place */
  close(directory("box"));
  check_corrupt("box", "none at all");
  CHECK(!symlink(below_root("elsewhere", "state.json"), below_root("box", "state.json")));
  check_corrupt("box", "a link");
  CHECK(!unlink(below_root("box", "state.json")));
  CHECK(!symlink("nowhere", below_root("box", "state.json")));
  check_corrupt("box", "a link to nothing");
  CHECK(!unlink(below_root("box", "state.json")) && !mkdir(below_root("box", "state.json"), 0700));
  check_corrupt("box", "a directory");
  CHECK(!rmdir(below_root("box", "state.json")) && !mkfifo(below_root("box", "state.json"), 0600));
  check_corrupt("box", "a fifo"); /* is not waited for */
  CHECK(!unlink(below_root("box", "state.json")));
  close(put_socket("box", "state.json"));
  check_corrupt("box", "a socket");
  CHECK(!unlink(below_root("box", "state.json")));
  put_file("box", "state.json", "", 0);
  CHECK(!truncate(below_root("box", "state.json"), (1 << 24) + 1));
  check_corrupt("box", "one of more than 16 MiB");
  CHECK(!truncate(below_root("box", "state.json"), 1 << 24));
  check_corrupt("box", "16 MiB of NUL");
  drop_root();
}

/* That we cannot read it says nothing about it: it is not to be thrown away for that. */
static void open_without_descriptors(void *arg) {
  ctr_container *c = NULL;
  (void)arg;
  int lowest = open("/", O_PATH | O_CLOEXEC);
  close(lowest);
  for (rlim_t more = 0; more < 8; more++) {
    ctr_err err = {.code = CTR_OK};
    CHECK(!setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)lowest + more, 1024}));
    ctr_code code = ctr_container_open(root, "box", &c, &err);
    CHECK_MSG(code == CTR_OK || (code == CTR_E_SYS && err.sys == EMFILE), "%d: %s: %s", (int)more,
              ctr_code_name(code), err.msg);
    ctr_container_free(code ? NULL : c);
  }
}

TEST(one_that_cannot_be_read_for_want_of_descriptors_is_not_corrupt) {
  new_root();
  ctr__stored stored = stored_of("box", 0);
  put("box", &stored);
  in_a_process("without descriptors", open_without_descriptors, NULL);
  drop_root();
}

/* A later version may write more. */
TEST(members_that_are_not_known_are_passed_over) {
  static text whole;
  ctr_arena mem = {0};
  new_root();
  ctr__stored stored = stored_of("box", 0);
  json_of(&mem, &stored, &whole);
  memmove(whole.bytes + 8, whole.bytes + 1, whole.len);
  memcpy(whole.bytes, "{\"x\":{},", 8);
  put_file("box", "state.json", whole.bytes, whole.len + 7);
  CHECK_STATUS("box", CTR_STATUS_STOPPED);
  ctr_arena_free(&mem);
  drop_root();
}

TEST_MAIN
