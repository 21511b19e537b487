/* Texts of procfs and of others' files, in which names may be anybody's choice: mounts, cgroups, a
   process's stat, interfaces, the v1 list of devices, a verifier's complaint. Parted by 0xff. */
#include "files.h"
#include "fuzz.h"

enum { MOUNTINFO, CGROUP, STAT, FDINFO, NET_DEV, FILESYSTEMS, OTHER, TEXTS };

static const char *const names[] = {"mountinfo", "cgroup", "stat", "3", "dev", "filesystems", "-"};

static void read_mounts(ctr_arena *mem) {
  ctr_err err = {.code = CTR_OK};
  char *text = NULL;
  size_t count = 0, chars = 0;
  MUST(!ctr__read_text(mem, CTR__MOUNTINFO, &text));
  const ctr__mount_line *lines = ctr__mount_lines(mem, text, &count);
  for (size_t i = 0; i < count; i++) {
    const char *const fields[] = {lines[i].id,      lines[i].parent, lines[i].root, lines[i].point,
                                  lines[i].options, lines[i].type,   lines[i].super};
    for (size_t k = 0; k < 7; k++) chars += strlen(fields[k]);
  }
  MUST(chars < SIZE_MAX);
  ctr__fail(&err, CTR_E_SYS, EPERM, NULL, "x");
  ctr__explain_invisible("proc", &err);
  must_be_told(CTR_E_SYS, &err);
}

static void read_hierarchies(ctr_arena *mem) {
  ctr_err err = {.code = CTR_OK};
  ctr__builder b = {.arena = mem, .err = &err};
  ctr__hierarchies all = {.count = 0};
  char *text = NULL;
  size_t count = 0;
  MUST(!ctr__read_text(mem, CTR__MOUNTINFO, &text));
  const ctr__mount_line *lines = ctr__mount_lines(mem, text, &count);
  for (size_t i = 0; i < count; i++) ctr__hierarchy_add(&all, &lines[i]);
  MUST(!ctr__read_text(mem, "/proc/self/cgroup", &text));
  all.membership = text;
  for (size_t i = 0; i < all.count; i++) {
    const char *path = NULL;
    size_t len = 0;
    const char *own = ctr__own_cgroup(text, &all.items[i], &len);
    MUST(!own || (own >= text && own + len <= text + strlen(text)));
    ctr_code code = ctr__own_cgroup_path(&b, "mounts[0]", &all, &all.items[i], &path);
    MUST(!code == (path != NULL) && (!path || *path == '/'));
    ctr__hierarchy_with(&all, "pids", 4, all.items[i].v2);
  }
}

static void read_processes(void) {
  ctr__proc_stat stat = {.state = 0};
  int r = ctr__read_proc_stat(1, &stat);
  MUST(r == 0 || r == -EPROTO);
  ctr__never_executed(1, 0);
  ctr__pid_of(3);
}

static void read_cgroup_of_init(ctr_arena *mem) {
  static const ctr__cgroup g = {"/sys/fs/cgroup/a/b", "", true};
  const ctr__stored stored = {.pid = 1};
  const ctr_container c = {.id = "box", .stored = &stored};
  const char *path = NULL;
  ctr_err err = {.code = CTR_OK};
  MUST(!ctr__cgroup_of_init(&c, mem, &g, &path, &err));
  MUST(!strncmp(path, g.path, strlen(g.path))); /* below it, whatever the container says */
}

static void read_interfaces(ctr_arena *mem, const char *text) {
  ctr_interfaces interfaces = {NULL, 0};
  ctr_err err = {.code = CTR_OK};
  ctr_json *value = NULL;
  ctr_stats stats = {.cpu.usage.total.set = false};
  ctr_code code = ctr__net_dev_read(ctr__arena_strdup(mem, text), mem, &interfaces, &err);
  must_be_told(code, &err);
  if (code) return;
  stats.network_interfaces = interfaces;
  MUST(!ctr_stats_to_json(mem, &stats, &value, &err));
  written(mem, value, CTR_JSON_COMPACT);
}

static int take_line(void *userdata, bool allow, const char *text, size_t len) {
  MUST(len && len < 64 && !memchr(text, '\n', len));
  *(size_t *)userdata += len + allow;
  return 0;
}

static void read_devices(const char *now) {
  static const ctr__dev_list wanted[] = {{false, "c 1:3 rwm\nb *:* m\n"}, {true, ""}};
  size_t chars = 0;
  for (int i = 0; i < 2; i++) ctr__devices_change(now, &wanted[i], take_line, &chars);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size};
  ctr_arena mem = {0};
  char *texts[TEXTS];
  ctr__facts facts = {.euid = 0};
  const ctr_mount odd = {.destination = "/x", .type = "ext4"};
  files_clear();
  for (int i = 0; i < TEXTS; i++) {
    texts[i] = take_until(&in, '\xff', &mem);
    files_put(names[i], texts[i], strlen(texts[i]));
  }
  read_mounts(&mem);
  read_hierarchies(&mem);
  read_processes();
  read_cgroup_of_init(&mem);
  read_interfaces(&mem, texts[NET_DEV]);
  ctr__gather_file_systems(&(ctr_mounts){&odd, 1}, &facts);
  MUST(memchr(facts.block_file_systems, '\0', sizeof facts.block_file_systems));
  read_devices(texts[OTHER]);
  const char *complaint = ctr__devices_complaint(texts[OTHER]);
  MUST(complaint >= texts[OTHER] && strlen(complaint) < size + 1);
  ctr_arena_free(&mem);
  return 0;
}
