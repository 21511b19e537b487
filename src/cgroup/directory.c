/* Cgroups as directories: making them and entering them. Who is inside one may be hostile and may
   have been given its files: nothing here leaves the hierarchy or follows a link. */

typedef struct ctr__cgroup {
  const char *path;        /* absolute, on the host: mount point and cgroup                 */
  const char *controllers; /* of v1: "freezer", "cpu,cpuacct", "name=systemd"; "" for v2    */
  bool v2;
} ctr__cgroup;

/* The cgroups of one container: one in each hierarchy. */
typedef struct ctr__cgroups {
  const ctr__cgroup *items;
  size_t count;
} ctr__cgroups;

enum {
  CTR__IN_CGROUP = CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_SYMLINKS | CTR__RESOLVE_NO_XDEV,
};

/* Whether it is of the v1 hierarchy with that controller. */
static bool ctr__cgroup_has(const ctr__cgroup *g, const char *controller) {
  return !g->v2 && ctr__list_has(g->controllers, controller, strlen(controller));
}

/* Removed, before or after its file was opened: cgroupfs says ENODEV then. */
static bool ctr__is_gone(int r) {
  return r == -ENOENT || r == -ENODEV;
}

/* Opens a directory that must be a cgroup. ".." could lead into somebody else's. */
static int ctr__cgroup_open_path(const char *path) {
  const char *at = path, *name;
  if (*path != '/') return -EINVAL;
  for (size_t len; (len = ctr__component(&at, &name));)
    if (len == 2 && !memcmp(name, "..", 2)) return -EINVAL;
  CTR__AUTO_CLOSE dir =
      ctr__openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, CTR__RESOLVE_NO_SYMLINKS);
  if (dir < 0) return dir;
  struct statfs fs;
  if (fstatfs(dir, &fs) < 0) return -errno;
  bool is_cgroup = fs.f_type == CTR__CGROUP_MAGIC || fs.f_type == CTR__CGROUP2_MAGIC;
  return is_cgroup ? ctr__steal_fd(&dir) : -ENOTSUP;
}

static int ctr__cgroup_open(const ctr__cgroup *g) {
  return ctr__cgroup_open_path(g->path);
}

/* The cgroup that holds it. The root of a hierarchy has none: -EXDEV. */
static int ctr__cgroup_parent(int dir) {
  return ctr__openat2(dir, "..", O_PATH | O_DIRECTORY, 0,
                      CTR__RESOLVE_NO_SYMLINKS | CTR__RESOLVE_NO_XDEV);
}

/* A whole file as a string. Returns its length; -EFBIG rather than a part of it. */
static int ctr__cgroup_read(int dir, const char *file, char *buf, size_t size) {
  CTR__AUTO_CLOSE fd = ctr__openat2(dir, file, O_RDONLY, 0, CTR__IN_CGROUP);
  if (fd < 0) return fd;
  size_t len = 0;
  for (;;) {
    ssize_t n = read(fd, buf + len, size - len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    len += (size_t)n;
    if (len == size) return -EFBIG;
    if (n == 0) break;
  }
  buf[len] = '\0';
  return (int)len;
}

static int ctr__cgroup_write(int dir, const char *file, const char *text, size_t len) {
  CTR__AUTO_CLOSE fd = ctr__openat2(dir, file, O_WRONLY, 0, CTR__IN_CGROUP);
  return fd < 0 ? fd : ctr__write_all(fd, text, len);
}

/* What nobody can enter as long as it is empty (cpusets(7)). */
static const char *const ctr__cpuset_files[] = {"cpuset.cpus", "cpuset.mems"};
enum { CTR__CPU_LIST_MAX = 32768 }; /* 8192 CPUs, every second one, are 20 KB */

/* Whether a cgroup is there to be entered, as far as its making goes. */
static int ctr__cgroup_open_made(const ctr__cgroup *g, const char *path) {
  CTR__AUTO_CLOSE dir = ctr__cgroup_open_path(path);
  if (dir < 0 || !ctr__cgroup_has(g, "cpuset")) return ctr__steal_fd(&dir);
  for (int i = 0; i < 2; i++) {
    char list[CTR__CPU_LIST_MAX];
    int len = ctr__cgroup_read(dir, ctr__cpuset_files[i], list, sizeof list);
    if (len < 0) return len;
    if (len <= 1) return -ENOENT;
  }
  return ctr__steal_fd(&dir);
}

/* Empty ones get what the parent has: those just made, and those that somebody else is making at
   the same time. */
static int ctr__cpuset_fill(int parent, int dir) {
  for (int i = 0; i < 2; i++) {
    char list[CTR__CPU_LIST_MAX];
    int len = ctr__cgroup_read(dir, ctr__cpuset_files[i], list, sizeof list);
    if (len > 1) continue;
    if (len >= 0) len = ctr__cgroup_read(parent, ctr__cpuset_files[i], list, sizeof list);
    if (len >= 0) len = ctr__cgroup_write(dir, ctr__cpuset_files[i], list, (size_t)len);
    if (len < 0) return len;
  }
  return 0;
}

/* Makes one directory and opens it. Its mode is not the caller's umask's to decide: whoever is
   inside, under whatever ids, may read its own cgroup. */
static int ctr__cgroup_make_in(const ctr__cgroup *g, int parent, const char *name) {
  int r = ctr__make_one(parent, name, CTR__MAKE_DIR);
  if (!r) r = (int)ctr__ret(fchmodat(parent, name, 0755, 0));
  if (r < 0 && r != -EEXIST) return r;
  CTR__AUTO_CLOSE dir = ctr__openat2(parent, name, O_PATH | O_DIRECTORY, 0, CTR__IN_CGROUP);
  if (dir < 0) return dir;
  r = ctr__cgroup_has(g, "cpuset") ? ctr__cpuset_fill(parent, dir) : 0;
  return r < 0 ? r : ctr__steal_fd(&dir);
}

/* Makes the cgroup with its missing parents; being there already is no error. Back to the nearest
   one that is there, then forward: mostly that is the parent. */
static int ctr__cgroup_make(const ctr__cgroup *g) {
  char path[PATH_MAX], name[NAME_MAX + 1];
  size_t len = ctr__trimmed(g->path);
  if (len >= sizeof path) return -ENAMETOOLONG;
  memcpy(path, g->path, len);
  path[len] = '\0';
  CTR__AUTO_CLOSE dir = ctr__cgroup_open_made(g, path);
  while (dir == -ENOENT && len) {
    while (len && path[len - 1] != '/') len--;
    while (len && path[len - 1] == '/') len--;
    path[len] = '\0';
    dir = len ? ctr__cgroup_open_made(g, path) : -ENOENT;
  }
  const char *at = g->path + len, *from;
  for (size_t n; dir >= 0 && (n = ctr__component(&at, &from));) {
    if (n >= sizeof name) return -ENAMETOOLONG;
    memcpy(name, from, n);
    name[n] = '\0';
    int made = ctr__cgroup_make_in(g, dir, name);
    ctr__close(&dir);
    dir = made;
  }
  return dir < 0 ? dir : 0;
}

/* Adds to the controllers that those below dir have, one by one where not all can be had: what is
   missed shows where it is needed. */
static void ctr__cgroup_enable_in(int dir, const char *controllers) {
  char enabled[1024], text[1024 + 2], *end = text;
  if (ctr__cgroup_read(dir, "cgroup.subtree_control", enabled, sizeof enabled) < 0) return;
  for (char *c = enabled; *c; c++)
    if (*c == ' ' || *c == '\n') *c = ',';
  for (const char *at = controllers; *at; at += strcspn(at, ","), at += *at == ',') {
    size_t len = strcspn(at, ",");
    if (ctr__list_has(enabled, at, len) || (size_t)(end - text) + len + 3 > sizeof text) continue;
    *end++ = '+';
    memcpy(end, at, len);
    end += len;
    *end++ = ' ';
  }
  if (end == text ||
      ctr__cgroup_write(dir, "cgroup.subtree_control", text, (size_t)(end - text)) >= 0)
    return;
  for (const char *word = text, *after; word < end; word = after) {
    after = word + strcspn(word, " ") + 1;
    ctr__cgroup_write(dir, "cgroup.subtree_control", word, (size_t)(after - word));
  }
}

/* Enables controllers for a v2 cgroup: in every one above it, from the mount point on, which is the
   first len bytes of its path (cgroup-v2.rst, "Top-down Constraint"). */
static int ctr__cgroup_enable(const char *path, size_t len, const char *controllers) {
  char above[PATH_MAX], name[NAME_MAX + 1];
  if (len >= sizeof above) return -ENAMETOOLONG;
  memcpy(above, path, len);
  above[len] = '\0';
  CTR__AUTO_CLOSE dir = ctr__cgroup_open_path(above);
  const char *at = path + len, *from;
  for (size_t n = ctr__component(&at, &from); dir >= 0 && n;) {
    if (n >= sizeof name) return -ENAMETOOLONG;
    memcpy(name, from, n);
    name[n] = '\0';
    ctr__cgroup_enable_in(dir, controllers);
    if (!(n = ctr__component(&at, &from))) break;
    int next = ctr__openat2(dir, name, O_RDONLY | O_DIRECTORY, 0, CTR__IN_CGROUP);
    ctr__close(&dir);
    dir = next;
  }
  return dir < 0 ? dir : 0;
}

/* Moves a process, with all its threads, into the cgroup. */
static int ctr__cgroup_enter(const ctr__cgroup *g, pid_t pid) {
  char text[24];
  size_t len = (size_t)(ctr__put_int(text, pid) - text);
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  return dir < 0 ? dir : ctr__cgroup_write(dir, "cgroup.procs", text, len);
}

/* How long something is waited for: pauses that grow, up to a total, in milliseconds. */
typedef struct ctr__patience {
  int left, pause;
} ctr__patience;

/* Waits a little, for event (may be NULL) at most that long; false when the time is used up. The
   caller's signals wait too, or they would make the total shorter than it says. */
static bool ctr__wait_more(ctr__patience *patience, struct pollfd *event) {
  if (patience->left <= 0) return false;
  struct timespec pause = {0, patience->pause * 1000000L};
  sigset_t all;
  sigfillset(&all);
  ppoll(event, event ? 1 : 0, &pause, &all);
  patience->left -= patience->pause;
  patience->pause = patience->pause < 32 ? patience->pause * 2 : 50;
  return true;
}
