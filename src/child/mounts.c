/* Mounts: made detached and moved to a descriptor of the mount point. What is left to be said about
   them is said to their own descriptor, not to a path, which may lead elsewhere by then. */

static int ctr__make_target(ctr__child *c, const char *path, mode_t what) {
  size_t made;
  int fd = ctr__make_in_root(c->root, path, what, &made);
  ctr__note_made(c, fd, "", made);
  if (fd < 0) return ctr__because(c, CTR__WHY_TARGET, fd);
  return fd;
}

/* Where a mount goes: into the container's root, or to the place for that. */
static int ctr__mount_target(ctr__child *c, const ctr__step *s, mode_t what) {
  return s->num[CTR__NUM_ROOT] ? ctr__open(c->base, CTR__BASE_NEW, O_PATH | O_DIRECTORY, 0)
                               : ctr__make_target(c, ctr__arg(c, s, 0), what);
}

/* -- which mount it is -- */

/* The step under way has made it. */
static int ctr__note_mount(const ctr__child *c, int mount) {
  ctr__mounted *all = c->launch->mounted;
  return all && all[c->at].is_meant ? ctr__mount_id_of(mount, &all[c->at].id) : 0;
}

static bool ctr__is_of_mount(int fd, int mount) {
  ctr__mount_id a, b;
  return fd >= 0 && mount >= 0 && ctr__mount_id_of(fd, &a) == 0 &&
         ctr__mount_id_of(mount, &b) == 0 && ctr__is_same_mount(&a, &b);
}

/* Whether the path itself is what has not led to anything. */
static bool ctr__leads_nowhere(int error) {
  return error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -EACCES ||
         error == -EXDEV;
}

/* The plan knows no links. When one has led the new mount over a directory in which another lies
   that is held, then what is to be masked is not seen there any more. */
static int ctr__let_hidden_go(const ctr__child *c, int mount) {
  const char *path = ctr__arg(c, ctr__plan_step(c->plan, c->at), 0);
  CTR__AUTO_CLOSE plain =
      ctr__openat2(c->root, path, O_PATH, 0, CTR__IN_ROOT | CTR__RESOLVE_NO_SYMLINKS);
  if (plain < 0 && !ctr__leads_nowhere(plain)) return plain;
  if (!ctr__goes_up(path) && ctr__is_of_mount(plain, mount)) return 0;
  for (uint32_t i = 0; i < c->at; i++) {
    ctr__mounted *one = &c->launch->mounted[i];
    if (one->held < 0) continue;
    CTR__AUTO_CLOSE seen = ctr__path_in_root(c->root, ctr__arg(c, ctr__plan_step(c->plan, i), 0));
    if (seen < 0 && !ctr__leads_nowhere(seen)) return seen;
    if (!ctr__is_of_mount(seen, one->held)) ctr__close(&one->held);
  }
  return 0;
}

/* What the step under way has mounted on target, or -1 when that is not known. What was held there
   is below it now: what is to be masked lies on the new one, whatever led there. */
static int ctr__hold(const ctr__child *c, int mount, int target) {
  ctr__mounted *all = c->launch->mounted;
  ctr__mount_id below;
  int r = all ? ctr__mount_id_of(target, &below) : 0;
  if (!all || r < 0) return r;
  for (uint32_t i = 0; i <= c->at; i++) {
    const bool is_own = i == c->at;
    if (is_own ? !all[i].is_held : !ctr__is_of_mount(all[i].held, target)) continue;
    ctr__close(&all[i].held);
    /* Of two of the same directory it may be the other where mounts have no ids. */
    if (mount < 0 || (!is_own && !below.id)) continue;
    all[i].held = (int)ctr__ret(fcntl(mount, F_DUPFD_CLOEXEC, 3));
    if (all[i].held < 0) return all[i].held;
  }
  return ctr__let_hidden_go(c, mount);
}

static bool ctr__is_noted(const ctr__child *c, const ctr__mount_id *id) {
  for (uint32_t i = 0; i < c->at; i++)
    if (ctr__is_same_mount(id, &c->launch->mounted[i].id)) return true;
  return false;
}

/* A mount that the step means and its path has led to. */
static int ctr__see_meant(ctr__child *c, const ctr__step *s, int mount) {
  ctr__mount_id id;
  const uint64_t meant = s->num[CTR__NUM_MEANT];
  if (meant == CTR__MEANT_ANY) return 0;
  int r = ctr__mount_id_of(mount, &id);
  if (r < 0) return r;
  const bool good = meant == CTR__MEANT_NONE
                        ? !ctr__is_noted(c, &id)
                        : ctr__is_same_mount(&id, &c->launch->mounted[meant - CTR__MEANT_FIRST].id);
  return good ? 0 : ctr__because(c, CTR__WHY_ANOTHER_MOUNT, -EXDEV);
}

/* What mount(2) has mounted at path: it hands out no descriptor of it. Unless that is to be known
   again, nobody asks. */
static int ctr__note_old_mount(ctr__child *c, const char *path, int target) {
  ctr__mounted *all = c->launch->mounted;
  if (!all || !all[c->at].is_meant) return ctr__hold(c, -1, target);
  CTR__AUTO_CLOSE mount = ctr__path_in_root(c->root, path);
  if (mount < 0) return ctr__because(c, CTR__WHY_TARGET, mount);
  ctr__mount_id id;
  int r = ctr__mount_id_of(mount, &id);
  if (r < 0) return r;
  if ((!id.id && !id.ino) || ctr__is_noted(c, &id))
    return ctr__because(c, CTR__WHY_ANOTHER_MOUNT, -EXDEV);
  all[c->at].id = id;
  return ctr__hold(c, mount, target);
}

/* What was mounted as the root is where all that follows is looked up. */
static int ctr__take_root(ctr__child *c, int mount) {
  struct stat st;
  if (fstat(mount, &st) < 0) return -errno;
  c->launch->shared->root_dev = c->root_dev = st.st_dev;
  c->launch->shared->root_ino = st.st_ino;
  c->root = (int)ctr__ret(fcntl(mount, F_DUPFD_CLOEXEC, 3));
  return c->root < 0 ? c->root : ctr__note_mount(c, mount);
}

static int ctr__attach(ctr__child *c, const ctr__step *s, int mount, int target) {
  int r = ctr__move_mount(mount, target);
  if (r < 0) return r;
  if (s->num[CTR__NUM_ROOT]) return ctr__take_root(c, mount);
  r = ctr__note_mount(c, mount);
  return r < 0 ? r : ctr__hold(c, mount, target);
}

/* The mount that a step changes. */
static int ctr__open_target(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE fd = ctr__path_in_root(c->root, ctr__arg(c, s, 0));
  if (fd < 0) return ctr__because(c, CTR__WHY_TARGET, fd);
  int r = ctr__see_meant(c, s, fd);
  return r < 0 ? r : ctr__steal_fd(&fd);
}

/* A tmpfs of the library's own, detached. */
static int ctr__new_tmpfs(const ctr__child *c, const char *source, const char *mode,
                          uint64_t attr) {
  const char *label = ctr__plan_str(c->plan, c->plan->mount_label);
  CTR__AUTO_CLOSE fs = ctr__fsopen("tmpfs");
  if (fs < 0) return fs;
  int r = ctr__fsconfig(fs, CTR__FSCONFIG_SET_STRING, "source", source);
  if (r == 0) r = ctr__fsconfig(fs, CTR__FSCONFIG_SET_STRING, "mode", mode);
  if (r == 0 && label) r = ctr__fsconfig(fs, CTR__FSCONFIG_SET_STRING, "context", label);
  if (r == 0) r = ctr__fsconfig(fs, CTR__FSCONFIG_CMD_CREATE, NULL, NULL);
  return r < 0 ? r : ctr__fsmount(fs, attr);
}

/* -- attributes -- */

/* Before Linux 5.12: a remount, which replaces all flags, so those not spoken of are read first. */
static int ctr__remount_attr(int mount, uint64_t set, uint64_t clr) {
  struct statfs fs;
  if (fstatfs(mount, &fs) < 0) return -errno;
  bool strict = !((unsigned long)fs.f_flags & (ST_NOATIME | ST_RELATIME));
  uint64_t attr = strict ? CTR__ATTR_STRICTATIME : 0;
  for (size_t i = 0; i < sizeof ctr__attr_flags / sizeof *ctr__attr_flags; i++)
    if ((unsigned long)fs.f_flags & ctr__attr_flags[i].st) attr |= ctr__attr_flags[i].attr;
  attr = (attr & ~clr) | set;
  uint64_t flags = ctr__ms_flags(attr);
  if (!(attr & CTR__ATTR_ATIME)) flags |= MS_RELATIME; /* told nothing, it keeps what there is */
  char path[32];
  ctr__fd_path(path, mount);
  return ctr__mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | flags, NULL);
}

/* Sets and clears attributes of a mounted mount; num begins with CTR__NUM_SET. */
static int ctr__apply_attr(int mount, const uint64_t *num) {
  const uint64_t set = num[CTR__NUM_SET], clr = num[CTR__NUM_CLR];
  if (!set && !clr) return 0;
  return num[CTR__NUM_SETATTR] ? ctr__mount_setattr(mount, 0, set, clr, 0)
                               : ctr__remount_attr(mount, set, clr);
}

static int ctr__apply_propagation(int mount, uint64_t type, bool have_setattr) {
  char path[32];
  if (have_setattr)
    return ctr__mount_setattr(mount, (type & MS_REC) ? CTR__AT_RECURSIVE : 0, 0, 0,
                              type & ~(uint64_t)MS_REC);
  ctr__fd_path(path, mount);
  return ctr__mount(NULL, path, NULL, type, NULL);
}

static int ctr__child_set_attr(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_target(c, s);
  return target < 0 ? target : ctr__apply_attr(target, s->num);
}

static int ctr__child_set_attr_all(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_target(c, s);
  if (target < 0) return target;
  return ctr__mount_setattr(target, CTR__AT_RECURSIVE, s->num[0], s->num[1], 0);
}

static int ctr__child_set_propagation(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_target(c, s);
  return target < 0 ? target : ctr__apply_propagation(target, s->num[0], s->num[1]);
}

static int ctr__child_propagation(ctr__child *c, const ctr__step *s) {
  (void)c;
  return ctr__mount(NULL, "/", NULL, s->num[0], NULL);
}

/* -- binds -- */

/* Propagation and attributes: with mount_setattr(2) in one call, but for a tree, of which the
   attributes are those of its top only. */
static int ctr__settle_bind(int tree, const ctr__step *s) {
  const uint64_t type = s->num[CTR__NUM_PROPAGATION];
  const bool have_setattr = s->num[CTR__NUM_SETATTR];
  if (have_setattr && !(s->num[CTR__NUM_BELOW] && (type & MS_REC)))
    return ctr__mount_setattr(tree, 0, s->num[CTR__NUM_SET], s->num[CTR__NUM_CLR],
                              type & ~(uint64_t)MS_REC);
  int r = ctr__apply_propagation(tree, type, have_setattr);
  return r < 0 ? r : ctr__apply_attr(tree, s->num);
}

static int ctr__settle_below(int tree, const ctr__step *s) {
  const uint64_t set = s->num[CTR__NUM_BELOW_SET], clr = s->num[CTR__NUM_BELOW_CLR];
  return set || clr ? ctr__mount_setattr(tree, CTR__AT_RECURSIVE, set, clr, 0) : 0;
}

/* A detached copy of the mount at path. What the parent opens for us is a mount of our own mount
   namespace as well, so that what the host's flags forbid stays forbidden (mount_namespaces(7)). */
static int ctr__copy_source(ctr__child *c, const ctr__step *s, const char *path, unsigned flags) {
  int tree = ctr__open_tree(AT_FDCWD, path, flags);
  if (!ctr__is_askable(s, tree)) return tree;
  CTR__AUTO_CLOSE place = ctr__ask_parent(c);
  return place < 0 ? place : ctr__open_tree(place, "", AT_EMPTY_PATH | flags);
}

/* What is wrong with the channel is said already; that something is there and may not be copied,
   the error itself says. */
static int ctr__source_failed(ctr__child *c, int error) {
  return c->reason || error == -EINVAL ? error : ctr__because(c, CTR__WHY_SOURCE, error);
}

/* -- a tree of mounts before Linux 5.12, where no call changes more than one -- */

typedef struct ctr__tree {
  int proc, top;
  const char *path; /* of its top */
} ctr__tree;

static int ctr__read_mount_number(void *data, char *line) {
  static const char name[] = "mnt_id:";
  uint64_t *number = data;
  if (strncmp(line, name, sizeof name - 1) != 0) return 0;
  const char *at = line + sizeof name - 1;
  at += strspn(at, " \t");
  *number = ctr__take_digits(&at, 10);
  return 0;
}

/* Which mount a descriptor is of, by the number that proc_pid_mountinfo(5) has as well. */
static int ctr__mount_number(int proc, int fd, uint64_t *ret) {
  char path[48];
  *ctr__put_int(ctr__put_str(path, "self/fdinfo/"), fd) = '\0';
  *ret = 0;
  int r = ctr__each_line(proc, path, ctr__read_mount_number, ret);
  return r < 0 || *ret ? r : -EPROTO;
}

/* Those that another covers, or that lie where we may not go, are out of reach of who is inside as
   well: nobody in there has more rights. */
static int ctr__make_line_read_only(void *data, char *line) {
  enum { POINT = 4 }; /* words before it */
  const ctr__tree *tree = data;
  const char *at = line;
  const uint64_t meant = ctr__take_digits(&at, 10);
  uint64_t number;
  char *point = line;
  for (int blanks = 0; *point && blanks < POINT; point++) blanks += *point == ' ';
  char *end = strchr(point, ' ');
  if (!end) return -EPROTO;
  *end = '\0';
  ctr__unescape_octal(point);
  const char *below = ctr__path_below(point, tree->path);
  if (!below) return 0;
  CTR__AUTO_CLOSE fd = ctr__openat2(tree->top, below, O_PATH | O_NOFOLLOW, 0,
                                    CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_SYMLINKS);
  if (fd == -ENOENT || fd == -ENOTDIR || fd == -EACCES) return 0;
  int r = fd < 0 ? fd : ctr__mount_number(tree->proc, fd, &number);
  return r < 0 || number != meant ? r : ctr__remount_attr(fd, CTR__ATTR_RDONLY, 0);
}

static int ctr__remount_below(int proc, int top) {
  char path[PATH_MAX], link[32];
  *ctr__put_int(ctr__put_str(link, "self/fd/"), top) = '\0';
  const ssize_t len = ctr__ret(readlinkat(proc, link, path, sizeof path));
  if (len < 0) return (int)len;
  if (len == (ssize_t)sizeof path) return -ENAMETOOLONG;
  path[len] = '\0';
  ctr__tree tree = {proc, top, path};
  return ctr__each_line(proc, "self/mountinfo", ctr__make_line_read_only, &tree);
}

/* All that is mounted below, and the tree's own root not yet: it is still to be filled. What the
   host has made read-only is not ours to lift. */
static int ctr__read_only_below(const ctr__child *c, int tree, bool have_setattr) {
  struct statfs fs;
  if (!have_setattr) return ctr__remount_below(c->proc, tree);
  if (fstatfs(tree, &fs) < 0) return -errno;
  int r = ctr__mount_setattr(tree, CTR__AT_RECURSIVE, CTR__ATTR_RDONLY, 0, 0);
  return r < 0 || ((unsigned long)fs.f_flags & ST_RDONLY)
             ? r
             : ctr__mount_setattr(tree, 0, 0, CTR__ATTR_RDONLY, 0);
}

static int ctr__child_mount_bind(ctr__child *c, const ctr__step *s) {
  unsigned recursive = s->num[CTR__NUM_BELOW] ? CTR__AT_RECURSIVE : 0;
  CTR__AUTO_CLOSE tree = s->num[CTR__NUM_IDMAP]
                             ? ctr__ask_parent(c)
                             : ctr__copy_source(c, s, ctr__arg(c, s, 1), recursive);
  if (tree < 0) return ctr__source_failed(c, tree);
  struct stat st;
  if (fstat(tree, &st) < 0) return -errno;
  if (s->num[CTR__NUM_ROOT] && !S_ISDIR(st.st_mode)) return -ENOTDIR;
  CTR__AUTO_CLOSE target =
      ctr__mount_target(c, s, S_ISDIR(st.st_mode) ? CTR__MAKE_DIR : CTR__MAKE_FILE);
  if (target < 0) return target;
  int r = ctr__attach(c, s, tree, target);
  if (r == 0) r = ctr__settle_bind(tree, s);
  if (r == 0) r = ctr__settle_below(tree, s);
  return r == 0 && s->num[CTR__NUM_ROOT] == CTR__AS_ROOT_BELOW_READ_ONLY
             ? ctr__read_only_below(c, tree, s->num[CTR__NUM_SETATTR])
             : r;
}

/* -- file systems -- */

/* Gives the options of a list to a file system context: "name=value" or the flag "name". */
static int ctr__configure(ctr__child *c, int fs, ctr__ref options) {
  char key[64];
  for (uint32_t i = 0, n = ctr__list_count(c->plan, options); i < n; i++) {
    c->detail = i;
    const char *option = ctr__list_str(c->plan, options, i), *value = strchr(option, '=');
    size_t len = value ? (size_t)(value - option) : 0;
    if (len >= sizeof key) return ctr__because(c, CTR__WHY_OPTION, -ENAMETOOLONG);
    memcpy(key, option, len);
    key[len] = '\0';
    int r = value ? ctr__fsconfig(fs, CTR__FSCONFIG_SET_STRING, key, value + 1)
                  : ctr__fsconfig(fs, CTR__FSCONFIG_SET_FLAG, option, NULL);
    if (r < 0) return ctr__because(c, CTR__WHY_OPTION, r);
  }
  return 0;
}

/* -- an overlay whose changes go to a new tmpfs -- */

enum { CTR__UPPER_PATH_MAX = 40 };

/* What is called name on the tmpfs, for a call that knows only paths. */
static void ctr__upper_path(char path[CTR__UPPER_PATH_MAX], int upper, const char *name) {
  ctr__fd_path(path, upper);
  ctr__put_str(ctr__put_str(path + strlen(path), "/"), name);
}

/* The tmpfs. It is attached where the overlay will cover it: the kernel takes no directory of a
   mount that is nowhere (overlayfs needs one of the caller's namespace). */
static int ctr__mount_upper(const ctr__child *c, int target) {
  CTR__AUTO_CLOSE mount = ctr__new_tmpfs(c, "changes", "0755", CTR__ATTR_NOSUID | CTR__ATTR_NODEV);
  int r = mount < 0 ? mount : ctr__move_mount(mount, target);
  if (r == 0) r = (int)ctr__ret(mkdirat(mount, "upper", 0755));
  if (r == 0) r = (int)ctr__ret(mkdirat(mount, "work", 0755));
  return r < 0 ? r : ctr__steal_fd(&mount);
}

static int ctr__configure_upper(int fs, int upper) {
  char path[CTR__UPPER_PATH_MAX];
  ctr__upper_path(path, upper, "upper");
  int r = ctr__fsconfig(fs, CTR__FSCONFIG_SET_STRING, "upperdir", path);
  ctr__upper_path(path, upper, "work");
  return r < 0 ? r : ctr__fsconfig(fs, CTR__FSCONFIG_SET_STRING, "workdir", path);
}

/* The same at the end of a string for mount(2), where the plan has left room for it. */
static void ctr__put_upper(char *at, int upper) {
  char path[CTR__UPPER_PATH_MAX];
  ctr__upper_path(path, upper, "upper");
  at = ctr__put_str(ctr__put_str(at, ",upperdir="), path);
  ctr__upper_path(path, upper, "work");
  ctr__put_str(ctr__put_str(at, ",workdir="), path);
}

/* -- file systems as they are asked for -- */

/* A new file system of s's type and options as a detached mount; upper is for its changes, or
   -1. */
static int ctr__new_fs(ctr__child *c, const ctr__step *s, int upper) {
  CTR__AUTO_CLOSE fs = ctr__fsopen(ctr__arg(c, s, 1));
  if (fs == -ENODEV) return ctr__because(c, CTR__WHY_FILE_SYSTEM, fs);
  if (fs < 0) return fs;
  int r = ctr__configure(c, fs, s->str[2]);
  if (r == 0 && upper >= 0) r = ctr__configure_upper(fs, upper);
  if (r == 0) r = ctr__fsconfig(fs, CTR__FSCONFIG_CMD_CREATE, NULL, NULL);
  return r < 0 ? r : ctr__fsmount(fs, s->num[0]);
}

/* The same, or made and id-mapped by the parent. */
static int ctr__take_fs(ctr__child *c, const ctr__step *s, int upper) {
  return s->num[CTR__NUM_IDMAP] ? ctr__ask_parent(c) : ctr__new_fs(c, s, upper);
}

/* Where a procfs or a sysfs is mounted: no link leads there. */
static int ctr__make_plain_target(ctr__child *c, const char *path) {
  CTR__AUTO_CLOSE made = ctr__make_target(c, path, CTR__MAKE_DIR);
  if (made < 0) return made;
  int plain =
      ctr__openat2(c->root, path, O_PATH | O_DIRECTORY, 0, CTR__IN_ROOT | CTR__RESOLVE_NO_SYMLINKS);
  return plain == -ELOOP ? ctr__because(c, CTR__WHY_LINK, plain) : plain;
}

/* Where a file system goes. With *ret_upper that is where its tmpfs is mounted now. */
static int ctr__fs_target(ctr__child *c, const ctr__step *s, int *ret_upper) {
  CTR__AUTO_CLOSE target = ctr__mount_target(c, s, CTR__MAKE_DIR);
  if (target < 0 || !s->num[CTR__NUM_UPPER]) return ctr__steal_fd(&target);
  *ret_upper = ctr__mount_upper(c, target);
  return *ret_upper < 0 ? *ret_upper : (int)ctr__ret(fcntl(*ret_upper, F_DUPFD_CLOEXEC, 3));
}

static int ctr__child_mount_fs(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE upper = -1;
  CTR__AUTO_CLOSE target =
      s->num[1] ? ctr__make_plain_target(c, ctr__arg(c, s, 0)) : ctr__fs_target(c, s, &upper);
  if (target < 0) return target;
  CTR__AUTO_CLOSE mount = ctr__take_fs(c, s, upper);
  return mount < 0 ? mount : ctr__attach(c, s, mount, target);
}

static int ctr__child_mount_old(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE upper = -1;
  CTR__AUTO_CLOSE target = ctr__fs_target(c, s, &upper);
  if (target < 0) return target;
  char path[32], data[4096];
  ctr__fd_path(path, target);
  char *end = ctr__put_str(data, ctr__arg(c, s, 2));
  if (upper >= 0) ctr__put_upper(end, upper);
  const char *source = ctr__arg(c, s, 3);
  int r = ctr__mount(source ? source : "none", path, ctr__arg(c, s, 1),
                     ctr__ms_flags(s->num[0]) | s->num[1], data);
  if (r < 0) return r;
  if (!s->num[CTR__NUM_ROOT]) return ctr__note_old_mount(c, ctr__arg(c, s, 0), target);
  CTR__AUTO_CLOSE root = ctr__mount_target(c, s, CTR__MAKE_DIR); /* what is mounted there now */
  return root < 0 ? root : ctr__take_root(c, root);
}

/* -- a file of its own -- */

/* A new file with the step's bytes and mode. */
static int ctr__fill_file(ctr__child *c, const ctr__step *s, int fd) {
  int r = ctr__write_all(fd, ctr__arg(c, s, 1), (size_t)s->num[1]);
  return r < 0 ? r : (int)ctr__ret(fchmod(fd, (mode_t)s->num[0]));
}

/* The one file of a new tmpfs as a mount. Only of what is mounted somewhere can a part be cloned
   (open_tree(2)): for that moment it lies over the root. */
static int ctr__lone_file(ctr__child *c, const ctr__step *s) {
  char path[32];
  CTR__AUTO_CLOSE fs = ctr__new_tmpfs(c, "file", "0700", CTR__ATTR_NOSUID | CTR__ATTR_NODEV);
  if (fs < 0) return fs;
  CTR__AUTO_CLOSE fd = ctr__open(fs, "file", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  int r = fd < 0 ? fd : ctr__fill_file(c, s, fd);
  if (r == 0) r = ctr__move_mount(fs, c->root);
  if (r < 0) return r;
  CTR__AUTO_CLOSE file = ctr__open_tree(fs, "file", 0);
  ctr__fd_path(path, fs);
  if (umount2(path, MNT_DETACH) < 0) return -errno;
  return ctr__steal_fd(&file);
}

static int ctr__child_mount_file(ctr__child *c, const ctr__step *s) {
  struct stat st;
  CTR__AUTO_CLOSE target = ctr__make_target(c, ctr__arg(c, s, 0), CTR__MAKE_FILE);
  if (target < 0) return target;
  if (fstat(target, &st) < 0) return -errno;
  if (S_ISDIR(st.st_mode)) return ctr__because(c, CTR__WHY_SOMETHING_ELSE, -EISDIR);
  CTR__AUTO_CLOSE file = ctr__lone_file(c, s);
  int r = file < 0 ? file : ctr__attach(c, s, file, target);
  return r < 0 ? r : ctr__apply_attr(file, &s->num[2]);
}

static int ctr__child_reconfigure(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_target(c, s);
  if (target < 0) return target;
  CTR__AUTO_CLOSE fs = ctr__fd_high(
      (int)CTR__CALL(CTR__SYS_fspick, target, "", 1 /* FSPICK_CLOEXEC */ | CTR__FSPICK_EMPTY_PATH));
  if (fs < 0) return fs;
  int r = ctr__configure(c, fs, s->str[2]);
  return r < 0 ? r : ctr__fsconfig(fs, CTR__FSCONFIG_CMD_RECONFIGURE, NULL, NULL);
}
