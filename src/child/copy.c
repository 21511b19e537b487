/* tmpcopyup: a tmpfs that starts with a copy of what it covers. Walked without recursion and with
   one buffer: the caller's stack may be a small thread's. */

enum { CTR__COPY_DEPTH = 64 };

typedef struct ctr__copy_level {
  int from, to;
  int64_t offset; /* where to go on reading in from     */
  bool nodev;     /* device nodes in from are none      */
} ctr__copy_level;

static int ctr__copy_file(int from_dir, int to_dir, const char *name, const struct stat *st) {
  CTR__AUTO_CLOSE from = ctr__open(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
  if (from < 0) return from;
  struct stat opened; /* what is there by now may be a fifo that nobody writes to */
  if (fstat(from, &opened) < 0) return -errno;
  if (!S_ISREG(opened.st_mode) || opened.st_ino != st->st_ino || opened.st_dev != st->st_dev)
    return -ESTALE;
  CTR__AUTO_CLOSE to = ctr__open(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (to < 0) return to;
  char buf[4096];
  for (ssize_t n; (n = read(from, buf, sizeof buf)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    int r = ctr__write_all(to, buf, (size_t)n);
    if (r < 0) return r;
  }
  if (fchown(to, st->st_uid, st->st_gid) < 0) return -errno;
  return (int)ctr__ret(fchmod(to, st->st_mode & 07777)); /* after chown, which clears set-id bits */
}

static int ctr__copy_link(int from_dir, int to_dir, const char *name, const struct stat *st) {
  char target[PATH_MAX];
  ssize_t len = readlinkat(from_dir, name, target, sizeof target - 1);
  if (len < 0) return -errno;
  target[len] = '\0';
  if (symlinkat(target, to_dir, name) < 0) return -errno;
  return (int)ctr__ret(fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW));
}

static int ctr__copy_special(int to_dir, const char *name, const struct stat *st) {
  if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0) return -errno;
  return (int)ctr__ret(fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW));
}

/* Opens both sides of a directory one level down. */
static int ctr__copy_enter(ctr__child *c, const ctr__copy_level *at, const char *name,
                           const struct stat *st, ctr__copy_level *down) {
  if (mkdirat(at->to, name, 0700) < 0) return -errno;
  *down =
      (ctr__copy_level){.from = ctr__openat2(at->from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                                             CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_XDEV),
                        .to = -1,
                        .nodev = at->nodev};
  if (down->from == -EXDEV) return ctr__because(c, CTR__WHY_NOT_COPIED, -EXDEV);
  if (down->from < 0) return down->from;
  down->to = ctr__open(at->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (down->to < 0) return down->to;
  if (fchown(down->to, st->st_uid, st->st_gid) < 0) return -errno;
  return (int)ctr__ret(fchmod(down->to, st->st_mode & 07777));
}

/* Copies one entry; a directory is entered: *depth grows. */
static int ctr__copy_entry(ctr__child *c, ctr__copy_level *levels, int *depth, const char *name) {
  const ctr__copy_level *at = &levels[*depth];
  struct stat st;
  if (fstatat(at->from, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  if (S_ISREG(st.st_mode)) return ctr__copy_file(at->from, at->to, name, &st);
  if (S_ISLNK(st.st_mode)) return ctr__copy_link(at->from, at->to, name, &st);
  /* What was no device there is not to become one here. */
  if (at->nodev && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))) return 0;
  if (!S_ISDIR(st.st_mode)) return ctr__copy_special(at->to, name, &st);
  if (*depth + 1 == CTR__COPY_DEPTH) return ctr__because(c, CTR__WHY_TOO_DEEP, -ENAMETOOLONG);
  ++*depth;
  return ctr__copy_enter(c, at, name, &st, &levels[*depth]);
}

/* Reads on in the deepest directory until it ends or one below is entered. */
static int ctr__copy_some(ctr__child *c, ctr__copy_level *levels, int *depth, bool *ended) {
  _Alignas(8) char buf[2048];
  ctr__copy_level *at = &levels[*depth];
  if (lseek(at->from, (off_t)at->offset, SEEK_SET) < 0) return -errno;
  long n = CTR__CALL(SYS_getdents64, at->from, buf, sizeof buf);
  *ended = n == 0;
  for (long used = 0; used < n;) {
    const struct ctr__dirent *entry = (const void *)(buf + used);
    used += entry->len;
    at->offset = entry->offset;
    if (!strcmp(entry->name, ".") || !strcmp(entry->name, "..")) continue;
    int before = *depth, r = ctr__copy_entry(c, levels, depth, entry->name);
    if (r < 0 || *depth != before) return r;
  }
  return n < 0 ? (int)n : 0;
}

static int ctr__copy_tree(ctr__child *c, int from, int to, bool nodev) {
  ctr__copy_level levels[CTR__COPY_DEPTH] = {{.from = from, .to = to, .nodev = nodev}};
  int depth = 0, r = 0;
  while (r == 0 && depth >= 0) {
    bool ended = false;
    r = ctr__copy_some(c, levels, &depth, &ended);
    if (!ended) continue;
    if (depth > 0) {
      ctr__close(&levels[depth].from);
      ctr__close(&levels[depth].to);
    }
    depth--;
  }
  for (; depth > 0; depth--) {
    ctr__close(&levels[depth].from);
    ctr__close(&levels[depth].to);
  }
  return r;
}

static int ctr__child_mount_copy_up(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__make_target(c, ctr__arg(c, s, 0), CTR__MAKE_DIR);
  if (target < 0) return target;
  CTR__AUTO_CLOSE from = ctr__open(target, ".", O_RDONLY | O_DIRECTORY, 0);
  if (from < 0) return from;
  struct statfs fs;
  if (fstatfs(from, &fs) < 0) return -errno;
  if (fs.f_type == CTR__PROC_SUPER_MAGIC || fs.f_type == CTR__SYSFS_MAGIC)
    return ctr__because(c, CTR__WHY_NOT_COPIED, -EXDEV);
  CTR__AUTO_CLOSE mount = ctr__take_fs(c, s, -1);
  if (mount < 0) return mount;
  CTR__AUTO_CLOSE to = ctr__open(mount, ".", O_RDONLY | O_DIRECTORY, 0);
  int r = to < 0 ? to : ctr__copy_tree(c, from, to, (unsigned long)fs.f_flags & ST_NODEV);
  return r < 0 ? r : ctr__attach(c, s, mount, target);
}
