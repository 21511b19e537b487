/* Mounts: made detached and moved to a descriptor of the mount point. What is left to be said about
   them is said to their own descriptor, not to a path, which may lead elsewhere by then. */

static int ctr__make_target(ctr__child *c, const char *path, enum ctr__make what) {
  size_t made;
  int fd = ctr__make_in_root(c->root, path, what, &made);
  ctr__note_made(c, fd, made);
  if (fd < 0) return ctr__because(c, CTR__WHY_TARGET, fd);
  ctr__let_covered_go(c, fd);
  return fd;
}

static int ctr__open_target(ctr__child *c, const char *path) {
  int fd = ctr__path_in_root(c->root, path);
  if (fd < 0) c->reason = CTR__WHY_TARGET;
  return fd;
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
  uint64_t flags = ctr__ms_flags((attr & ~clr) | set);
  char path[32];
  ctr__fd_path(path, mount);
  return ctr__mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | flags, NULL);
}

/* Sets and clears attributes of a mounted mount. num: set, clear, whether mount_setattr(2) is
   there. */
static int ctr__apply_attr(int mount, const uint64_t *num) {
  if (!num[0] && !num[1]) return 0;
  return num[2] ? ctr__mount_setattr(mount, 0, num[0], num[1], 0)
                : ctr__remount_attr(mount, num[0], num[1]);
}

static int ctr__apply_propagation(int mount, uint64_t type, bool have_setattr) {
  char path[32];
  if (have_setattr)
    return ctr__mount_setattr(mount, type & MS_REC ? CTR__AT_RECURSIVE : 0, 0, 0,
                              type & ~(uint64_t)MS_REC);
  ctr__fd_path(path, mount);
  return ctr__mount(NULL, path, NULL, type, NULL);
}

static int ctr__child_set_attr(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_target(c, ctr__arg(c, s, 0));
  return target < 0 ? target : ctr__apply_attr(target, s->num);
}

static int ctr__child_set_attr_all(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_target(c, ctr__arg(c, s, 0));
  if (target < 0) return target;
  return ctr__mount_setattr(target, CTR__AT_RECURSIVE, s->num[0], s->num[1], 0);
}

static int ctr__child_set_propagation(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_target(c, ctr__arg(c, s, 0));
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
  uint64_t type = s->num[3] & ~(uint64_t)MS_REC;
  bool whole_tree = s->num[4] && (s->num[3] & MS_REC);
  if (s->num[2] && !whole_tree) return ctr__mount_setattr(tree, 0, s->num[0], s->num[1], type);
  int r = ctr__apply_propagation(tree, s->num[3], s->num[2]);
  return r < 0 ? r : ctr__apply_attr(tree, s->num);
}

static int ctr__settle_below(int tree, const ctr__step *s) {
  if (!s->num[5] && !s->num[6]) return 0;
  return ctr__mount_setattr(tree, CTR__AT_RECURSIVE, s->num[5], s->num[6], 0);
}

/* A detached copy of the mount at path. What the parent opens for us is a mount of our own mount
   namespace as well, so that what the host's flags forbid stays forbidden (mount_namespaces(7)). */
static int ctr__copy_source(ctr__child *c, const ctr__step *s, const char *path, unsigned flags) {
  int tree = ctr__open_tree(AT_FDCWD, path, flags);
  if (!ctr__is_askable(s, tree)) return tree;
  CTR__AUTO_CLOSE place = ctr__ask_parent(c);
  return place < 0 ? place : ctr__open_tree(place, "", AT_EMPTY_PATH | flags);
}

/* What is wrong with the channel is said already. */
static int ctr__source_failed(ctr__child *c, int error) {
  return c->reason ? error : ctr__because(c, CTR__WHY_SOURCE, error);
}

static int ctr__child_mount_bind(ctr__child *c, const ctr__step *s) {
  unsigned recursive = s->num[4] ? CTR__AT_RECURSIVE : 0;
  CTR__AUTO_CLOSE tree = s->num[CTR__NUM_IDMAP]
                             ? ctr__ask_parent(c)
                             : ctr__copy_source(c, s, ctr__arg(c, s, 1), recursive);
  if (tree < 0) return ctr__source_failed(c, tree);
  struct stat st;
  if (fstat(tree, &st) < 0) return -errno;
  CTR__AUTO_CLOSE target =
      ctr__make_target(c, ctr__arg(c, s, 0), S_ISDIR(st.st_mode) ? CTR__MAKE_DIR : CTR__MAKE_FILE);
  if (target < 0) return target;
  int r = ctr__move_mount(tree, target);
  if (r == 0) r = ctr__settle_bind(tree, s);
  return r < 0 ? r : ctr__settle_below(tree, s);
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

/* A new file system of s's type and options as a detached mount. */
static int ctr__new_fs(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE fs = ctr__fsopen(ctr__arg(c, s, 1));
  if (fs == -ENODEV) return ctr__because(c, CTR__WHY_FILE_SYSTEM, fs);
  if (fs < 0) return fs;
  int r = ctr__configure(c, fs, s->str[2]);
  if (r == 0) r = ctr__fsconfig(fs, CTR__FSCONFIG_CMD_CREATE, NULL, NULL);
  return r < 0 ? r : ctr__fsmount(fs, s->num[0]);
}

/* The same, or made and id-mapped by the parent. */
static int ctr__take_fs(ctr__child *c, const ctr__step *s) {
  return s->num[CTR__NUM_IDMAP] ? ctr__ask_parent(c) : ctr__new_fs(c, s);
}

/* Where a file system that is held is mounted: no link leads there. */
static int ctr__make_plain_target(ctr__child *c, const char *path) {
  CTR__AUTO_CLOSE made = ctr__make_target(c, path, CTR__MAKE_DIR);
  if (made < 0) return made;
  int plain =
      ctr__openat2(c->root, path, O_PATH | O_DIRECTORY, 0, CTR__IN_ROOT | CTR__RESOLVE_NO_SYMLINKS);
  return plain == -ELOOP ? ctr__because(c, CTR__WHY_LINK, plain) : plain;
}

static int ctr__child_mount_fs(ctr__child *c, const ctr__step *s) {
  const char *path = ctr__arg(c, s, 0);
  CTR__AUTO_CLOSE target =
      s->num[1] ? ctr__make_plain_target(c, path) : ctr__make_target(c, path, CTR__MAKE_DIR);
  if (target < 0) return target;
  CTR__AUTO_CLOSE mount = ctr__take_fs(c, s);
  int r = mount < 0 ? mount : ctr__move_mount(mount, target);
  if (r < 0 || !s->num[1]) return r;
  if (fstat(mount, &c->held_stat[s->num[1]]) < 0) return -errno;
  ctr__close(&c->held[s->num[1]]);
  c->held[s->num[1]] = ctr__steal_fd(&mount);
  return 0;
}

static int ctr__child_mount_old(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__make_target(c, ctr__arg(c, s, 0), CTR__MAKE_DIR);
  if (target < 0) return target;
  char path[32];
  ctr__fd_path(path, target);
  const char *source = ctr__arg(c, s, 3);
  return ctr__mount(source ? source : "none", path, ctr__arg(c, s, 1),
                    ctr__ms_flags(s->num[0]) | s->num[1], ctr__arg(c, s, 2));
}

static int ctr__child_reconfigure(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_target(c, ctr__arg(c, s, 0));
  if (target < 0) return target;
  CTR__AUTO_CLOSE fs = ctr__fd_high(
      (int)CTR__CALL(CTR__SYS_fspick, target, "", 1 /* FSPICK_CLOEXEC */ | CTR__FSPICK_EMPTY_PATH));
  if (fs < 0) return fs;
  int r = ctr__configure(c, fs, s->str[2]);
  return r < 0 ? r : ctr__fsconfig(fs, CTR__FSCONFIG_CMD_RECONFIGURE, NULL, NULL);
}
