/* The device filter of a cgroup: the list of the v1 controller, or a program attached to it, which
   is all there is on v2 and needs no controller (cgroup-v2.rst "Device controller"). */

/* -- v1 -- */

/* One write to devices.allow or devices.deny. Returns 0 or -errno. */
typedef int (*ctr__devices_write)(void *userdata, bool allow, const char *text, size_t len);

/* A line of such a list: "c 1:3 rwm". */
typedef struct ctr__devices_line {
  const char *device; /* "c 1:3" */
  size_t device_len;
  unsigned access; /* CTR__DEV_* */
} ctr__devices_line;

/* false at the end of the list. */
static bool ctr__devices_next(const char **at, ctr__devices_line *ret) {
  size_t len = strcspn(*at, "\n"), device_len = len;
  if (!len) return false;
  while (device_len && (*at)[device_len] != ' ') device_len--;
  *ret = (ctr__devices_line){*at, device_len, 0};
  for (size_t i = device_len; i < len; i++) ret->access |= ctr__dev_access_of((*at)[i]);
  *at += len + ((*at)[len] == '\n');
  return true;
}

/* What a list says of a device. */
static unsigned ctr__devices_access(const char *list, const ctr__devices_line *line) {
  ctr__devices_line other;
  while (ctr__devices_next(&list, &other))
    if (other.device_len == line->device_len &&
        !memcmp(other.device, line->device, line->device_len))
      return other.access;
  return 0;
}

/* Writes, of each line, the access that other does not have for that device. */
static int ctr__devices_write_rest(const char *list, const char *other, bool allow,
                                   ctr__devices_write write, void *userdata) {
  ctr__devices_line line;
  int r = 0;
  while (r >= 0 && ctr__devices_next(&list, &line)) {
    char text[64];
    unsigned access = line.access & ~ctr__devices_access(other, &line);
    if (!access) continue;
    if (line.device_len + 8 > sizeof text) return -EINVAL;
    memcpy(text, line.device, line.device_len);
    text[line.device_len] = ' ';
    char *end = ctr__dev_put_access(text + line.device_len + 1, access);
    r = write(userdata, allow, text, (size_t)(end - text));
  }
  return r;
}

/* Makes the list that a cgroup has, as its devices.list shows it, into the one that is wanted. From
   one list of what is allowed to another there is no moment in which more is allowed than by one of
   the two: first what is too much goes, then what is missing comes; and no "a" is needed, which the
   kernel refuses where there are cgroups below. A list of what is denied is not shown: it can only
   be written anew, and until that is done more is allowed. */
static int ctr__devices_change(const char *now, const ctr__dev_list *want, ctr__devices_write write,
                               void *userdata) {
  int r;
  if (want->allow || *now == 'a') {
    r = write(userdata, want->allow, "a", 1);
    now = "";
  } else {
    r = ctr__devices_write_rest(now, want->text, false, write, userdata);
  }
  if (r < 0) return r;
  return ctr__devices_write_rest(want->text, now, !want->allow, write, userdata);
}

static const char *ctr__devices_file(bool allow) {
  return allow ? "devices.allow" : "devices.deny";
}

typedef struct ctr__devices_writer {
  int dir;
  bool allow; /* what was written last, and to which file */
  char text[64];
} ctr__devices_writer;

static int ctr__devices_write_file(void *userdata, bool allow, const char *text, size_t len) {
  ctr__devices_writer *w = userdata;
  w->allow = allow;
  memcpy(w->text, text, len);
  w->text[len] = '\0';
  return ctr__cgroup_write(w->dir, ctr__devices_file(allow), text, len);
}

/* devices.list, however long. */
static int ctr__devices_read_list(int dir, ctr_arena *mem, const char **ret) {
  for (size_t size = 4096;; size *= 4) {
    char *text = ctr_arena_alloc(mem, size);
    if (!text) return -ENOMEM;
    int r = ctr__cgroup_read(dir, "devices.list", text, size);
    *ret = text;
    if (r != -EFBIG) return r;
  }
}

/* After a change that failed half way: as far as can be, what was there before. */
static void ctr__devices_put_back(int dir, const char *before, ctr_arena *mem) {
  const ctr__dev_list old = {*before == 'a', *before == 'a' ? "" : before};
  ctr__devices_writer w = {.dir = dir};
  const char *now = NULL;
  if (ctr__devices_read_list(dir, mem, &now) >= 0)
    ctr__devices_change(now, &old, ctr__devices_write_file, &w);
}

/* Where the default is to allow, the cgroup is to have no processes yet (see
   ctr__devices_change). */
static ctr_code ctr__devices_set_list(const ctr__cgroup *g, const ctr__dev_list *want,
                                      const char *field, ctr_err *err) {
  ctr_arena mem = {0};
  const char *now = "";
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  ctr__devices_writer w = {.dir = dir};
  int r = dir < 0 ? dir : ctr__devices_read_list(dir, &mem, &now);
  if (r >= 0) r = ctr__devices_change(now, want, ctr__devices_write_file, &w);
  if (r < 0 && *w.text) ctr__devices_put_back(dir, now, &mem);
  ctr_arena_free(&mem);
  if (r >= 0) return CTR_OK;
  if (!*w.text) return ctr__fail(err, CTR_E_SYS, -r, field, "read %.300s/devices.list", g->path);
  ctr__fail(err, CTR_E_SYS, -r, field, "write '%s' to %.300s/%s", w.text, g->path,
            ctr__devices_file(w.allow));
  if (err && r == -EPERM)
    ctr__err_add(err, ": a cgroup has no more than the one above it, and CAP_SYS_ADMIN is needed");
  if (err && r == -EINVAL && !strcmp(w.text, "a"))
    ctr__err_add(err, ": there are cgroups below it");
  return CTR_E_SYS;
}

/* -- programs: bpf(2), with what it takes of its union for each command -- */

enum {
  CTR__BPF_PROG_LOAD = 5,
  CTR__BPF_PROG_ATTACH = 8,
  CTR__BPF_PROG_DETACH = 9,
  CTR__BPF_PROG_GET_FD_BY_ID = 13,
  CTR__BPF_OBJ_GET_INFO_BY_FD = 15,
  CTR__BPF_PROG_QUERY = 16,
};
enum {
  CTR__BPF_PROG_TYPE_CGROUP_DEVICE = 15,
  CTR__BPF_CGROUP_DEVICE = 6, /* where it is attached */
  CTR__BPF_F_ALLOW_MULTI = 2,
  CTR__BPF_F_REPLACE = 4, /* Linux 5.6 */
};

/* The kernel refuses bytes behind these that are not 0: there is no padding. */
struct ctr__bpf_load {
  _Alignas(8) uint32_t type;
  uint32_t count;
  uint64_t insns, license;
  uint32_t log_level, log_size;
  uint64_t log;
  uint32_t kernel_version, flags;
  char name[16];
};

struct ctr__bpf_attach {
  uint32_t dir, program, where, flags, replaced;
};

struct ctr__bpf_query {
  _Alignas(8) uint32_t dir;
  uint32_t where, query_flags, attach_flags;
  uint64_t ids;
  uint32_t count, unused;
};

struct ctr__bpf_by_id {
  uint32_t id, next, flags;
};

struct ctr__bpf_info_of {
  _Alignas(8) uint32_t program;
  uint32_t size;
  uint64_t info;
};

/* The beginning of struct bpf_prog_info, as far as its name (Linux 4.15). */
struct ctr__bpf_info {
  _Alignas(8) uint8_t unused[64];
  char name[16];
};

static int ctr__bpf(int command, void *attr, size_t size) {
  return (int)CTR__CALL(SYS_bpf, command, attr, (unsigned)size);
}

static uint64_t ctr__bpf_pointer(const void *pointer) {
  return (uint64_t)(uintptr_t)pointer;
}

/* How our programs are called. By it, and because the cgroup is the container's, they are told from
   those of others (systemd's is sd_devices): the name lives and dies with the program, while an id
   written down could be lost, and then nothing could be replaced any more. */
static const char ctr__devices_name[16] = "ctr_devices";

/* Returns a descriptor. The verifier gives up when a signal comes: EAGAIN. */
static int ctr__devices_load_once(const ctr__dev_program *program, char *log, size_t log_size) {
  struct ctr__bpf_load attr = {.type = CTR__BPF_PROG_TYPE_CGROUP_DEVICE,
                               .count = program->count,
                               .insns = ctr__bpf_pointer(program->items),
                               .license = ctr__bpf_pointer("MIT"),
                               .log_level = log != NULL,
                               .log_size = (uint32_t)log_size,
                               .log = ctr__bpf_pointer(log)};
  memcpy(attr.name, ctr__devices_name, sizeof attr.name);
  int fd, tries = 0;
  do fd = ctr__bpf(CTR__BPF_PROG_LOAD, &attr, sizeof attr);
  while (fd == -EAGAIN && tries++ < 128);
  return ctr__fd_high(fd);
}

/* The last line but the verifier's figures says what is wrong. */
static const char *ctr__devices_complaint(char *log) {
  char *last = log;
  for (char *line = log; *line;) {
    size_t len = strcspn(line, "\n");
    if (len && strncmp(line, "processed ", 10) != 0) last = line;
    line += len;
    if (*line) *line++ = '\0';
  }
  return last;
}

static const char *ctr__devices_load_hint(int error) {
  const uint64_t needed = CTR_CAP(BPF) | CTR_CAP(NET_ADMIN);
  uint64_t effective, permitted;
  if (error == -ENOSYS) return "the kernel has no bpf(2)";
  if (error != -EPERM) return NULL;
  ctr__own_caps(&effective, &permitted);
  if (!ctr__in_initial_userns()) return "only from the machine's first user namespace";
  if (!(effective & CTR_CAP(SYS_ADMIN)) && (effective & needed) != needed)
    return "CAP_BPF and CAP_NET_ADMIN are needed, or CAP_SYS_ADMIN";
  return "before Linux 5.11 it counts as locked memory, RLIMIT_MEMLOCK may be too low";
}

/* Loads it once more to hear why not: what the verifier says of a program that is fine is long. */
static ctr_code ctr__devices_load(const ctr__dev_program *program, const char *field, int *ret,
                                  ctr_err *err) {
  enum { LOG = 1 << 16 };
  *ret = ctr__devices_load_once(program, NULL, 0);
  if (*ret >= 0) return CTR_OK;
  int r = *ret;
  ctr_arena mem = {0};
  const char *hint = ctr__devices_load_hint(r);
  char *log = hint ? NULL : ctr_arena_alloc(&mem, LOG);
  if (log) {
    int again = ctr__devices_load_once(program, log, LOG - 1);
    ctr__close(&again);
    hint = ctr__devices_complaint(log);
  }
  ctr__fail(err, CTR_E_SYS, -r, field, "load a device filter of %u instructions", program->count);
  if (err && hint && *hint) ctr__err_add(err, ": %s", hint);
  ctr_arena_free(&mem);
  return CTR_E_SYS;
}

/* What is attached to a cgroup itself. */
typedef struct ctr__devices_attached {
  uint32_t ids[64]; /* BPF_CGROUP_MAX_PROGS */
  uint32_t count, flags;
} ctr__devices_attached;

static int ctr__devices_query(int dir, ctr__devices_attached *ret) {
  struct ctr__bpf_query attr = {.dir = (uint32_t)dir,
                                .where = CTR__BPF_CGROUP_DEVICE,
                                .ids = ctr__bpf_pointer(ret->ids),
                                .count = sizeof ret->ids / sizeof *ret->ids};
  int r = ctr__bpf(CTR__BPF_PROG_QUERY, &attr, sizeof attr);
  ret->count = attr.count;
  ret->flags = attr.attach_flags;
  return r;
}

/* Opens a program if it is one of ours: a descriptor, or -ENOENT as for one that is gone. */
static int ctr__devices_open_own(uint32_t id) {
  struct ctr__bpf_by_id by_id = {.id = id};
  CTR__AUTO_CLOSE fd = ctr__fd_high(ctr__bpf(CTR__BPF_PROG_GET_FD_BY_ID, &by_id, sizeof by_id));
  if (fd < 0) return fd;
  struct ctr__bpf_info info = {.name = ""};
  struct ctr__bpf_info_of attr = {.program = (uint32_t)fd,
                                  .size = sizeof info,
                                  .info = ctr__bpf_pointer(&info)};
  int r = ctr__bpf(CTR__BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof attr);
  if (r < 0) return r;
  return memcmp(info.name, ctr__devices_name, sizeof info.name) ? -ENOENT : ctr__steal_fd(&fd);
}

/* replaced: -1 for none. */
static int ctr__devices_attach(int dir, int program, int replaced) {
  struct ctr__bpf_attach attr = {.dir = (uint32_t)dir,
                                 .program = (uint32_t)program,
                                 .where = CTR__BPF_CGROUP_DEVICE,
                                 .flags = CTR__BPF_F_ALLOW_MULTI};
  if (replaced >= 0) {
    attr.flags |= CTR__BPF_F_REPLACE;
    attr.replaced = (uint32_t)replaced;
  }
  return ctr__bpf(CTR__BPF_PROG_ATTACH, &attr, sizeof attr);
}

static int ctr__devices_detach(int dir, int program) {
  struct ctr__bpf_attach attr = {.dir = (uint32_t)dir,
                                 .program = (uint32_t)program,
                                 .where = CTR__BPF_CGROUP_DEVICE};
  return ctr__bpf(CTR__BPF_PROG_DETACH, &attr, sizeof attr);
}

/* Puts a program in the place of those of ours that are attached; of several, which a kernel
   without the flag can be left with, all go. All that are attached must allow: as long as two are,
   nothing is allowed that one of them denies. can_replace: whether to try BPF_F_REPLACE; a kernel
   that does not know it says EINVAL. */
static int ctr__devices_put(int dir, int program, const ctr__devices_attached *attached,
                            bool can_replace) {
  bool is_in = false;
  for (uint32_t i = 0; i < attached->count; i++) {
    CTR__AUTO_CLOSE old = ctr__devices_open_own(attached->ids[i]);
    if (old == -ENOENT) continue;
    int r = old < 0 ? old : 0;
    bool replaces = r == 0 && !is_in && can_replace;
    if (replaces) r = ctr__devices_attach(dir, program, old);
    if (replaces && r == -EINVAL) r = 0, replaces = false;
    if (r == 0 && !replaces && !is_in) r = ctr__devices_attach(dir, program, -1);
    if (r == 0 && !replaces) r = ctr__devices_detach(dir, old);
    if (r < 0) return r;
    is_in = true;
  }
  return is_in ? 0 : ctr__devices_attach(dir, program, -1);
}

/* Why a program may not be attached (bpf(2) BPF_PROG_ATTACH, kernel/bpf/cgroup.c). */
static const char *ctr__devices_attach_hint(int error, const ctr__devices_attached *attached) {
  uint64_t effective, permitted;
  if (error == -E2BIG) return "as many filters as the kernel takes are attached to it";
  if (error != -EPERM) return NULL;
  ctr__own_caps(&effective, &permitted);
  if (attached->count && !(effective & CTR_CAP(SYS_ADMIN)))
    return "CAP_SYS_ADMIN is needed to see whose the filter is that is attached already";
  return attached->count && !(attached->flags & CTR__BPF_F_ALLOW_MULTI)
             ? "somebody else's filter is attached to it, one that suffers no other beside it"
             : "a filter that suffers no other is attached to a cgroup above it";
}

/* Attaches the filter, or puts it in place of the one that was attached before, in one step. */
static ctr_code ctr__devices_set_program(const ctr__cgroup *g, const ctr__dev_program *program,
                                         const char *field, ctr_err *err) {
  ctr__devices_attached attached = {.count = 0};
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  if (dir < 0) return ctr__fail(err, CTR_E_SYS, -dir, field, "open the cgroup %.300s", g->path);
  int opened;
  ctr_code code = ctr__devices_load(program, field, &opened, err);
  if (code) return code;
  CTR__AUTO_CLOSE fd = opened;
  int r = ctr__devices_query(dir, &attached);
  if (r >= 0) r = ctr__devices_put(dir, fd, &attached, true);
  if (r >= 0) return CTR_OK;
  const char *hint = ctr__devices_attach_hint(r, &attached);
  return ctr__fail(err, CTR_E_SYS, -r, field, "attach the device filter to %.300s%s%s", g->path,
                   hint ? ": " : "", hint ? hint : "");
}
