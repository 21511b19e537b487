/* Paths inside a container's root, by descriptor: what a hostile image or a neighbour swaps for a
   link while we look can make us fail, never lead us out (CVE-2021-30465, CVE-2024-45310,
   CVE-2026-41579). Everything in this file may be used between clone and execve. */

enum { CTR__IN_ROOT = CTR__RESOLVE_IN_ROOT | CTR__RESOLVE_NO_MAGICLINKS };

static int ctr__path_in_root(int root, const char *path) {
  return ctr__openat2(root, path, O_PATH, 0, CTR__IN_ROOT);
}

/* The next component of path from *at on: its start in *name, its length returned; 0 at the end. */
static size_t ctr__component(const char **at, const char **name) {
  while (**at == '/') ++*at;
  *name = *at;
  while (**at && **at != '/') ++*at;
  return (size_t)(*at - *name);
}

/* The same, but for ".", which leads nowhere. */
static size_t ctr__step_down(const char **at, const char **name) {
  size_t len;
  do len = ctr__component(at, name);
  while (len == 1 && **name == '.');
  return len;
}

static bool ctr__goes_up(const char *path) {
  const char *name;
  for (size_t len; (len = ctr__component(&path, &name)) != 0;)
    if (len == 2 && !memcmp(name, "..", 2)) return true;
  return false;
}

/* The components that a path comes to when no link is in it: how many, and where the last one
   is. */
static size_t ctr__depth(const char *path, const char **ret_last, size_t *ret_len) {
  const char *at = path, *name;
  size_t depth = 0, len;
  while ((len = ctr__component(&at, &name)) != 0) {
    bool up = len == 2 && !memcmp(name, "..", 2);
    if (up) depth -= depth > 0;
    if (up || (len == 1 && *name == '.')) continue;
    depth++;
    *ret_last = name;
    *ret_len = len;
  }
  return depth;
}

static bool ctr__is_root_path(const char *path) {
  const char *last = NULL;
  size_t len = 0;
  return ctr__depth(path, &last, &len) == 0;
}

/* What is made where something is missing: a type and a mode, as stat(2) has them. */
enum { CTR__MAKE_DIR = S_IFDIR | 0755, CTR__MAKE_FILE = S_IFREG | 0644 };

static int ctr__make_one(int dir, const char *name, mode_t what) {
  if (S_ISDIR(what)) return (int)ctr__ret(mkdirat(dir, name, what & 07777));
  int fd = ctr__open(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, what & 07777);
  if (fd >= 0) close(fd);
  return fd < 0 ? fd : 0;
}

/* Something is at the component [start, end) of path (PATH_MAX bytes) and yet could not be opened:
   a link that leads nowhere (/etc/resolv.conf -> /run/... in an image without /run) is replaced by
   what it says, so that the walk goes on there, still inside the root; anything else was made by
   somebody else just now. Either way the walk is to be made again. */
static int ctr__splice_link(int parent, char *path, size_t start, size_t end) {
  char name[NAME_MAX + 1], target[PATH_MAX], rest[PATH_MAX];
  if (end - start >= sizeof name) return -ENAMETOOLONG;
  memcpy(name, path + start, end - start);
  name[end - start] = '\0';
  ssize_t len = readlinkat(parent, name, target, sizeof target);
  if (len < 0) return errno == EINVAL ? 0 : -errno;
  size_t keep = target[0] == '/' ? 0 : start, rest_len = strlen(path + end);
  if (keep + (size_t)len + rest_len >= PATH_MAX) return -ENAMETOOLONG;
  memcpy(rest, path + end, rest_len + 1);
  memcpy(path + keep, target, (size_t)len);
  memcpy(path + keep + (size_t)len, rest, rest_len + 1);
  return 0;
}

/* Makes the component that ends path (cut there) and opens it. What was just made is opened by its
   own name: a link put there since is refused. */
static int ctr__make_and_open(int parent, const char *name, mode_t what) {
  int made = ctr__make_one(parent, name, what);
  if (made < 0) return made;
  return ctr__openat2(parent, name, O_PATH | O_NOFOLLOW, 0,
                      CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_SYMLINKS);
}

/* One walk over path: opens each prefix in the root and makes the first that is missing, and all
   after it; *made is where that first one ends, 0 when nothing was made. Returns a descriptor of
   the whole or -errno; with *again, path is to be walked again. */
static int ctr__walk_making(int root, char *path, mode_t what, bool *again, size_t *made) {
  CTR__AUTO_CLOSE parent = ctr__openat2(root, ".", O_PATH | O_DIRECTORY, 0, CTR__IN_ROOT);
  const char *at = path, *name;
  while (parent >= 0 && ctr__component(&at, &name)) {
    size_t start = (size_t)(name - path), end = (size_t)(at - path);
    bool last = at[strspn(at, "/")] == '\0';
    char saved = path[end];
    path[end] = '\0';
    int fd = ctr__path_in_root(root, path);
    if (fd == -ENOENT) {
      fd = ctr__make_and_open(parent, name, last ? what : CTR__MAKE_DIR);
      if (fd >= 0 && !*made) *made = end;
    }
    path[end] = saved;
    if (fd == -EEXIST) {
      fd = ctr__splice_link(parent, path, start, end);
      *again = fd == 0;
      return *again ? -EEXIST : fd;
    }
    ctr__close(&parent);
    parent = fd;
  }
  return ctr__steal_fd(&parent);
}

/* The length of path without slashes at its end. */
static size_t ctr__trimmed(const char *path) {
  size_t len = strlen(path);
  while (len && path[len - 1] == '/') len--;
  return len;
}

/* Cuts path before its last component: directory (PATH_MAX bytes) and name (NAME_MAX + 1). */
static int ctr__split(const char *path, char *dir, char *name) {
  size_t len = ctr__trimmed(path), slash = len;
  while (slash && path[slash - 1] != '/') slash--;
  if (len == slash) return -EISDIR;
  if (len - slash > NAME_MAX || slash >= PATH_MAX - 1) return -ENAMETOOLONG;
  memcpy(name, path + slash, len - slash);
  name[len - slash] = '\0';
  memcpy(dir, path, slash);
  dir[slash] = '\0';
  if (!slash) ctr__put_str(dir, ".");
  return 0;
}

/* Opens path (O_PATH) inside root; what is missing of it is made: directories 0755, and the last
   component as what says. Returns a descriptor or -errno; in *made, where the first component ends
   that had to be made: 0 when none had, or it lies where a link led. */
static int ctr__make_in_root(int root, const char *path, mode_t what, size_t *made) {
  char walked[PATH_MAX], name[NAME_MAX + 1];
  *made = 0;
  int fd = ctr__path_in_root(root, path);
  if (fd != -ENOENT) return fd;
  /* Mostly only the last component is missing. */
  int r = ctr__split(path, walked, name);
  if (r < 0) return r;
  CTR__AUTO_CLOSE parent = ctr__path_in_root(root, walked);
  fd = parent < 0 ? parent : ctr__make_and_open(parent, name, what);
  size_t len = strlen(path);
  if (fd >= 0) *made = ctr__trimmed(path);
  if (fd != -ENOENT && fd != -EEXIST) return fd;
  if (len >= sizeof walked) return -ENAMETOOLONG;
  memcpy(walked, path, len + 1);
  for (int links = 0; links < 40; links++) { /* as many as the kernel follows: path_resolution(7) */
    bool again = false;
    fd = ctr__walk_making(root, walked, what, &again, made);
    if (links > 0) *made = 0;
    if (!again) return fd;
  }
  return -ELOOP;
}

/* Opens the directory that holds path's last component, made when missing, and copies the
   component's name (NAME_MAX + 1 bytes). */
static int ctr__parent_in_root(int root, const char *path, char *name, size_t *made) {
  char dir[PATH_MAX];
  int r = ctr__split(path, dir, name);
  return r < 0 ? r : ctr__make_in_root(root, dir, CTR__MAKE_DIR, made);
}

enum { CTR__PROC_SUPER_MAGIC = 0x9fa0, CTR__SYSFS_MAGIC = 0x62656572, CTR__PROC_ROOT_INO = 1 };

/* Opens /proc of the process's own root and makes sure that it is the root of a procfs. */
static int ctr__open_proc(void) {
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
  if (fd < 0) return fd;
  struct statfs fs;
  struct stat st;
  if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0) return -errno;
  if (fs.f_type != CTR__PROC_SUPER_MAGIC || st.st_ino != CTR__PROC_ROOT_INO) return -ENOTSUP;
  return ctr__steal_fd(&fd);
}

/* Writes to a file of that procfs, in one write(2), never through a mount on top of it and never
   through a link but proc's own "self" (CVE-2019-16884 and its kin). */
static int ctr__write_proc(int proc, const char *path, const char *text, size_t len) {
  CTR__AUTO_CLOSE fd =
      ctr__openat2(proc, path, O_WRONLY, 0,
                   CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_XDEV | CTR__RESOLVE_NO_MAGICLINKS);
  if (fd < 0) return fd;
  struct statfs fs;
  if (fstatfs(fd, &fs) < 0) return -errno;
  if (fs.f_type != CTR__PROC_SUPER_MAGIC) return -ENOTSUP;
  ssize_t n = write(fd, text, len);
  if (n < 0) return -errno;
  return (size_t)n == len ? 0 : -EIO;
}

/* /proc/PID and what is below it. Returns the end, for more. */
static char *ctr__proc_path(char path[64], int64_t pid, const char *below) {
  return ctr__put_str(ctr__put_int(ctr__put_str(path, "/proc/"), pid), below);
}

/* The user namespace that owns another; EPERM: none of ours or below (ioctl_nsfs(2)). */
static int ctr__owner_of(const char *path) {
  enum { CTR__NS_GET_USERNS = 0xb701 };
  CTR__AUTO_CLOSE ns = ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  return ns < 0 ? ns : ctr__fd_high((int)ctr__ret(ioctl(ns, CTR__NS_GET_USERNS)));
}

static int ctr__owner_of_mounts(pid_t pid) {
  char path[64];
  ctr__proc_path(path, pid, "/ns/mnt");
  return ctr__owner_of(path);
}

typedef struct ctr__proc_stat {
  char state; /* 'Z': it has ended, and nobody has waited for it */
  uint64_t flags, start_time;
  uint64_t args[2], env[2]; /* where its command line and its environment begin and end in its
                               memory; 0: that is not ours to know */
} ctr__proc_stat;

/* proc_pid_stat(5): the name in parentheses may hold anything, so that fields count from the last
   closing one. fields: where the numbers of fields go, NULL: nowhere. */
static int ctr__read_stat_fields(int dir, const char *path, uint64_t *const *fields, size_t count,
                                 char *ret_state) {
  char text[1536];
  CTR__AUTO_CLOSE fd = ctr__open(dir, path, O_RDONLY, 0);
  ssize_t len = fd < 0 ? fd : ctr__ret(read(fd, text, sizeof text - 1));
  if (len < 0) return (int)len;
  text[len] = '\0';
  const char *at = strrchr(text, ')');
  if (!at || at[1] != ' ') return -EPROTO;
  *ret_state = at[2];
  at += 2;
  for (size_t field = 4; field < count; field++) {
    at = strchr(at, ' ');
    if (!at) return -EPROTO;
    at++;
    if (!fields[field]) continue;
    *fields[field] = 0;
    for (; *at >= '0' && *at <= '9'; at++)
      *fields[field] = *fields[field] * 10 + (uint64_t)(*at - '0');
  }
  return 0;
}

/* pid 0: our own. */
static int ctr__read_proc_stat(pid_t pid, ctr__proc_stat *ret_stat) {
  char path[64];
  if (pid)
    ctr__proc_path(path, pid, "/stat");
  else
    ctr__put_str(path, "/proc/self/stat");
  uint64_t *const fields[] = {
      [9] = &ret_stat->flags,    [22] = &ret_stat->start_time, [48] = &ret_stat->args[0],
      [49] = &ret_stat->args[1], [50] = &ret_stat->env[0],     [51] = &ret_stat->env[1]};
  int r = ctr__read_stat_fields(AT_FDCWD, path, fields, sizeof fields / sizeof *fields,
                                &ret_stat->state);
  return r == -ENOENT ? -ESRCH : r;
}

/* The rest of path when all of over's components begin it and there is more; else NULL. */
static const char *ctr__path_below(const char *path, const char *over) {
  const char *name, *name_over;
  for (;;) {
    size_t len_over = ctr__step_down(&over, &name_over);
    if (!len_over) return *(path += strspn(path, "/")) ? path : NULL;
    if (ctr__step_down(&path, &name) != len_over || memcmp(name, name_over, len_over) != 0)
      return NULL;
  }
}

/* Blanks and backslashes are written as \ooo in proc_pid_mountinfo(5). */
static void ctr__unescape_octal(char *text) {
  char *to = text;
  for (const char *from = text; *from; from++) {
    if (from[0] == '\\' && from[1] && from[2] && from[3]) {
      *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 3;
    } else {
      *to++ = *from;
    }
  }
  *to = '\0';
}

/* What the descriptor itself is called below /proc: the way to hand it to a call that knows only
   paths. */
static void ctr__fd_path(char path[32], int fd) {
  *ctr__put_int(ctr__put_str(path, "/proc/self/fd/"), fd) = '\0';
}

static bool ctr__is_device(int fd, dev_t device) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == device;
}

static bool ctr__is_null_device(int fd) {
  return ctr__is_device(fd, makedev(1, 3));
}

/* A character device of a container's. Looked at before it is opened, which can act, and again: who
   is inside may put anything there. Nor can that make us wait, for a lease (fcntl(2)) or a carrier
   (open(2), O_NONBLOCK). */
static int ctr__open_device(int dir, const char *path, uint64_t more, uint64_t resolve,
                            dev_t device) {
  const uint64_t flags[] = {O_PATH, O_RDWR | O_NOCTTY | O_NONBLOCK};
  CTR__AUTO_CLOSE fd = -1;
  for (int i = 0; i < 2; i++) {
    ctr__close(&fd);
    fd = ctr__openat2(dir, path, flags[i] | more, 0, resolve);
    if (fd < 0) return fd;
    if (!ctr__is_device(fd, device)) return -ENODEV;
  }
  return fcntl(fd, F_SETFL, 0) < 0 ? -errno : ctr__steal_fd(&fd);
}

enum { CTR__PF_FORKNOEXEC = 0x40 }; /* the kernel's sched.h */

/* Whether it is seen that a process has executed nothing; also when it has ended, as long as it is
   not reaped. start_time: tells it from another that has its pid since then; 0: none can. */
static bool ctr__never_executed(pid_t pid, uint64_t start_time) {
  ctr__proc_stat stat;
  return ctr__read_proc_stat(pid, &stat) == 0 && (stat.flags & CTR__PF_FORKNOEXEC) &&
         (!start_time || stat.start_time == start_time);
}
