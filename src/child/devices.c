/* Devices, links, masks: small things put into the root by descriptor. */

/* config-linux.md "Devices": what is there already must be what was asked for. An empty name: what
   dir itself is. */
static int ctr__accept_existing(ctr__child *c, int dir, const char *name, const ctr__step *s) {
  struct stat st;
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0) return -errno;
  bool same = (st.st_mode & S_IFMT) == ((mode_t)s->num[0] & S_IFMT) &&
              (S_ISFIFO(st.st_mode) || st.st_rdev == (dev_t)s->num[1]);
  if (!same) return ctr__because(c, CTR__WHY_NOT_THAT_DEVICE, -EEXIST);
  bool exact = s->kind == CTR__STEP_DEVICE_NODE && s->num[4];
  bool alike = (st.st_mode & 07777) == ((mode_t)s->num[0] & 07777) &&
               st.st_uid == (uid_t)s->num[2] && st.st_gid == (gid_t)s->num[3];
  return exact && !alike ? ctr__because(c, CTR__WHY_NOT_THAT_MODE, -EEXIST) : 0;
}

/* Opens the directory that a step's path lies in and copies the last component's name. */
static int ctr__open_parent(ctr__child *c, const char *path, char *name, size_t *made) {
  int dir = ctr__parent_in_root(c->root, path, name, made);
  if (dir < 0) c->reason = CTR__WHY_TARGET;
  return dir;
}

static int ctr__child_device_node(ctr__child *c, const ctr__step *s) {
  char name[NAME_MAX + 1];
  const char *path = ctr__arg(c, s, 0);
  size_t made;
  CTR__AUTO_CLOSE dir = ctr__open_parent(c, path, name, &made);
  if (dir < 0) return dir;
  int r = (int)ctr__ret(mknodat(dir, name, (mode_t)s->num[0], (dev_t)s->num[1]));
  ctr__note_made(c, dir, r < 0 ? "" : name, made || r < 0 ? made : ctr__trimmed(path));
  if (r < 0) return r == -EEXIST ? ctr__accept_existing(c, dir, name, s) : r;
  if (!s->num[2] && !s->num[3]) return 0;
  return (int)ctr__ret(
      fchownat(dir, name, (uid_t)s->num[2], (gid_t)s->num[3], AT_SYMLINK_NOFOLLOW));
}

/* A mount of a node of the host's. */
static int ctr__settle_node(int mount, uint64_t attr, bool have_setattr) {
  if (have_setattr) return ctr__mount_setattr(mount, 0, attr, 0, MS_PRIVATE);
  int r = ctr__apply_propagation(mount, MS_PRIVATE, false);
  return r < 0 || !attr ? r : ctr__remount_attr(mount, attr, 0);
}

/* The host's node, copied as a mount and looked at before it is used: its path may lie. What the
   host does with its own mount is nothing to it (mount_namespaces(7)). */
static int ctr__child_device_bind(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE tree = ctr__copy_source(c, s, ctr__arg(c, s, 1), 0);
  if (tree < 0) return ctr__source_failed(c, tree);
  int r = ctr__accept_existing(c, tree, "", s);
  if (r < 0) return r;
  CTR__AUTO_CLOSE target = ctr__make_target(c, ctr__arg(c, s, 0), CTR__MAKE_FILE);
  r = target < 0 ? target : ctr__move_mount(tree, target);
  return r < 0 ? r : ctr__settle_node(tree, s->num[2], s->num[4]);
}

static int ctr__child_symlink(ctr__child *c, const ctr__step *s) {
  char name[NAME_MAX + 1], there[PATH_MAX];
  const char *path = ctr__arg(c, s, 0), *target = ctr__arg(c, s, 1);
  size_t made;
  CTR__AUTO_CLOSE dir = ctr__open_parent(c, path, name, &made);
  if (dir < 0) return dir;
  int r = (int)ctr__ret(symlinkat(target, dir, name));
  ctr__note_made(c, dir, r < 0 ? "" : name, made || r < 0 ? made : ctr__trimmed(path));
  if (r != -EEXIST) return r;
  ssize_t len = readlinkat(dir, name, there, sizeof there - 1);
  if (len >= 0) there[len] = '\0';
  return len >= 0 && !strcmp(there, target) ? 0 : ctr__because(c, CTR__WHY_SOMETHING_ELSE, -EEXIST);
}

/* A root that cannot be written to, or that the user may enter and root may not: chdir tells. */
static int ctr__child_make_cwd(ctr__child *c, const ctr__step *s) {
  size_t made;
  CTR__AUTO_CLOSE fd = ctr__make_in_root(c->root, ctr__arg(c, s, 0), CTR__MAKE_DIR, &made);
  ctr__note_made(c, fd, "", made);
  return fd >= 0 || fd == -EROFS || fd == -EACCES ? 0 : ctr__because(c, CTR__WHY_TARGET, fd);
}

static int ctr__child_make_dir(ctr__child *c, const ctr__step *s) {
  size_t made;
  struct stat st;
  const mode_t what = S_IFDIR | (mode_t)s->num[0];
  CTR__AUTO_CLOSE fd = ctr__make_in_root(c->root, ctr__arg(c, s, 0), what, &made);
  ctr__note_made(c, fd, "", made);
  if (fd < 0) return ctr__because(c, CTR__WHY_TARGET, fd);
  if (fstat(fd, &st) < 0) return -errno;
  return S_ISDIR(st.st_mode) ? 0 : ctr__because(c, CTR__WHY_SOMETHING_ELSE, -ENOTDIR);
}

/* Before fchmodat2(2) only the name of a descriptor leads to what O_PATH has opened. A mode that is
   set on what procfs shows is that of the whole machine, and a link of the image may lead there. */
static int ctr__child_set_mode(ctr__child *c, const ctr__step *s) {
  char path[32];
  struct statfs fs;
  CTR__AUTO_CLOSE fd = ctr__path_in_root(c->root, ctr__arg(c, s, 0));
  if (fd < 0) return fd;
  if (fstatfs(fd, &fs) < 0) return -errno;
  if (fs.f_type == CTR__PROC_SUPER_MAGIC || fs.f_type == CTR__SYSFS_MAGIC)
    return ctr__because(c, CTR__WHY_OF_THE_KERNEL, -EPERM);
  ctr__fd_path(path, fd);
  return (int)ctr__ret(chmod(path, (mode_t)s->num[0]));
}

static int ctr__child_make_file(ctr__child *c, const ctr__step *s) {
  char name[NAME_MAX + 1];
  const char *path = ctr__arg(c, s, 0);
  size_t made;
  CTR__AUTO_CLOSE dir = ctr__open_parent(c, path, name, &made);
  if (dir < 0) return dir;
  CTR__AUTO_CLOSE fd = ctr__open(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  ctr__note_made(c, dir, fd < 0 ? "" : name, made || fd < 0 ? made : ctr__trimmed(path));
  if (fd == -EEXIST) return ctr__because(c, CTR__WHY_IN_THE_WAY, fd);
  return fd < 0 ? fd : ctr__fill_file(c, s, fd);
}

/* -- masks -- */

/* Files are covered with the null device, verified to be it: an image's /dev/null can be a link to
   anything (CVE-2025-31133). */
static int ctr__null_device(ctr__child *c) {
  if (c->null_device >= 0) return c->null_device;
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW, 0);
  if (fd < 0) return ctr__because(c, CTR__WHY_NULL_DEVICE, fd);
  if (!ctr__is_null_device(fd)) return ctr__because(c, CTR__WHY_NULL_DEVICE, -ENODEV);
  return c->null_device = ctr__steal_fd(&fd);
}

/* A descriptor of the host's /dev/null is one of the host's file systems: the container's own does
   as well. One that has something else there keeps what it was given, of which VIEW_NULL has made
   a view; it fails where the plan was certain, and made none. */
static int ctr__child_own_null(ctr__child *c, const ctr__step *s) {
  (void)c;
  if (!ctr__is_null_device(0) && !ctr__is_null_device(1) && !ctr__is_null_device(2)) return 0;
  CTR__AUTO_CLOSE own = ctr__open_device(AT_FDCWD, "/dev/null", O_NOFOLLOW,
                                         CTR__RESOLVE_NO_MAGICLINKS, makedev(1, 3));
  if (own < 0 && s->num[0]) return own;
  for (int i = 0; i < 3 && own >= 0; i++)
    if (ctr__is_null_device(i) && dup2(own, i) < 0) return -errno;
  return 0;
}

static int ctr__null_by_mount(void) {
  char path[32];
  CTR__AUTO_CLOSE proc = ctr__open_proc();
  CTR__AUTO_CLOSE tree = proc < 0 ? proc : ctr__open_tree(AT_FDCWD, "/dev/null", 0);
  if (tree < 0) return tree;
  if (!ctr__is_null_device(tree)) return -ENODEV;
  int r = ctr__mount_setattr(tree, 0, CTR__ATTR_RDONLY, 0, 0);
  ctr__fd_path(path, tree);
  return r < 0 ? r : ctr__open(proc, path + sizeof "/proc", O_RDWR, 0);
}

/* Where its owner is inside: what comes by a read-only mount can be written to (open(2), EROFS),
   but nobody can change its mode and owner for the whole host (fchmod(2)). */
static int ctr__child_view_null(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE view = -1;
  (void)s;
  for (int i = 0; i < 3; i++) {
    const int fd = c->launch->stdio[i];
    if (!ctr__is_null_device(fd)) continue;
    if (view < 0) view = ctr__null_by_mount();
    if (view < 0) return view;
    if (dup3(view, fd, O_CLOEXEC) < 0) return -errno;
  }
  return 0;
}

/* Directories are covered with one empty tmpfs: made once, then copied from where it lies. */
static int ctr__mask_directory(ctr__child *c) {
  if (c->mask_dir >= 0) return ctr__open_tree(c->mask_dir, "", AT_EMPTY_PATH);
  int mount =
      ctr__new_tmpfs(c, "mask", "555",
                     CTR__ATTR_RDONLY | CTR__ATTR_NOSUID | CTR__ATTR_NODEV | CTR__ATTR_NOEXEC);
  if (mount >= 0) c->mask_dir = (int)ctr__ret(fcntl(mount, F_DUPFD_CLOEXEC, 3));
  return mount;
}

/* What is to be masked or made read-only: looked up on the mount that is meant, so that what is not
   found is not there, and nowhere else; or by its path in the root. */
static int ctr__open_guarded(ctr__child *c, const ctr__step *s) {
  const uint64_t meant = s->num[CTR__NUM_MEANT];
  if (meant == CTR__MEANT_ANY) return ctr__path_in_root(c->root, ctr__arg(c, s, 0));
  const int held = c->launch->mounted[meant - CTR__MEANT_FIRST].held;
  const char *below = ctr__arg(c, s, 1);
  if (held < 0) return -EXDEV;
  if (!*below) return (int)ctr__ret(fcntl(held, F_DUPFD_CLOEXEC, 3));
  return ctr__openat2(held, below, O_PATH, 0, CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_MAGICLINKS);
}

static int ctr__guard_failed(ctr__child *c, int error) {
  return ctr__because(c, error == -EXDEV ? CTR__WHY_BY_A_LINK : CTR__WHY_TARGET, error);
}

/* Its owner may be inside, and could change its mode and owner for all. A device can be written to
   on a read-only mount all the same (open(2), EROFS). */
enum { CTR__MASK_ATTR = CTR__ATTR_RDONLY | CTR__ATTR_NOSUID | CTR__ATTR_NOEXEC };

static int ctr__child_mask(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_guarded(c, s);
  if (target == -ENOENT || target == -ENOTDIR) return 0; /* nothing there, nothing to see */
  if (target < 0) return ctr__guard_failed(c, target);
  struct stat st;
  if (fstat(target, &st) < 0) return -errno;
  int null = S_ISDIR(st.st_mode) ? 0 : ctr__null_device(c);
  if (null < 0) return null;
  CTR__AUTO_CLOSE mask =
      S_ISDIR(st.st_mode) ? ctr__mask_directory(c) : ctr__open_tree(null, "", AT_EMPTY_PATH);
  int r = mask < 0 ? mask : ctr__move_mount(mask, target);
  return r < 0 || S_ISDIR(st.st_mode) ? r : ctr__settle_node(mask, CTR__MASK_ATTR, s->num[0]);
}

static int ctr__child_readonly(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_guarded(c, s);
  if (target == -ENOENT || target == -ENOTDIR) return 0; /* nothing there, nothing to write to */
  if (target < 0) return ctr__guard_failed(c, target);
  CTR__AUTO_CLOSE tree = ctr__open_tree(target, "", AT_EMPTY_PATH | CTR__AT_RECURSIVE);
  if (tree < 0) return tree;
  int r = ctr__move_mount(tree, target);
  if (r < 0) return r;
  if (s->num[0]) return ctr__mount_setattr(tree, CTR__AT_RECURSIVE, CTR__ATTR_RDONLY, 0, 0);
  r = ctr__remount_below(c->proc, tree);
  return r < 0 ? r : ctr__remount_attr(tree, CTR__ATTR_RDONLY, 0);
}
