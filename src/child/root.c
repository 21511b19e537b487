/* The root: bound, and in the end entered. */

/* The host's tree goes to one side of a tmpfs, which has a place for the container's root on the
   other; the host's stays the root of the process, so that its paths mean what they did. Mounted
   over "/" the container's root would be in their way: what leads up to "/", as links often do,
   leads on to what is mounted there (path_resolution(7)). */
static int ctr__child_base(ctr__child *c, const ctr__step *s) {
  const uint64_t attr = CTR__ATTR_NOSUID | CTR__ATTR_NODEV | CTR__ATTR_NOEXEC;
  (void)s;
  CTR__AUTO_CLOSE host = ctr__open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
  /* Who may not enter it can do nothing from there, and is to be no better off at the end. */
  CTR__AUTO_CLOSE cwd = ctr__open(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
  CTR__AUTO_CLOSE base = ctr__new_tmpfs(c, "base", "0755", attr);
  if (host < 0 || base < 0) return host < 0 ? host : base;
  int r = ctr__move_mount(base, host);
  if (r == 0) r = (int)ctr__ret(mkdirat(base, CTR__BASE_NEW, 0755));
  if (r == 0) r = (int)ctr__ret(mkdirat(base, CTR__BASE_OLD, 0755));
  if (r < 0) return r;
  if (fchdir(base) < 0 || syscall(SYS_pivot_root, ".", CTR__BASE_OLD) < 0) return -errno;
  if (chroot(CTR__BASE_OLD) < 0 || (cwd >= 0 && fchdir(cwd) < 0)) return -errno;
  c->base = ctr__steal_fd(&base);
  return 0;
}

/* The whole tree, so that what the host has mounted below is there too (a user namespace could not
   take it away anyway: mount_namespaces(7)); with root.readonly what is mounted below is made
   read-only now, and the root itself when everything is in place. */
static int ctr__child_root_bind(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open(AT_FDCWD, ctr__arg(c, s, 0), O_PATH | O_DIRECTORY, 0);
  if (ctr__is_askable(s, target)) target = ctr__ask_parent(c);
  if (target < 0) return target;
  CTR__AUTO_CLOSE tree = ctr__open_tree(target, "", AT_EMPTY_PATH | CTR__AT_RECURSIVE);
  if (tree < 0) return tree;
  int r = ctr__move_mount(tree, target);
  if (r == 0 && s->num[0]) r = ctr__apply_propagation(tree, s->num[0], s->num[3]);
  if (r == 0 && s->num[1]) r = ctr__read_only_below(c, tree, s->num[3]);
  if (r == 0 && s->num[2])
    r = s->num[3] ? ctr__mount_setattr(tree, CTR__AT_RECURSIVE, s->num[2], 0, 0)
                  : ctr__remount_attr(tree, s->num[2], 0);
  return r < 0 ? r : ctr__take_root(c, tree);
}

static int ctr__child_root_open(ctr__child *c, const ctr__step *s) {
  c->root = ctr__open(AT_FDCWD, ctr__arg(c, s, 0), O_PATH | O_DIRECTORY, 0);
  return c->root < 0 ? c->root : 0;
}

/* pivot_root(2), NOTES: with the same directory twice the old root ends up on top of the new one,
   and no directory has to be made for it. */
static int ctr__child_pivot_root(ctr__child *c, const ctr__step *s) {
  (void)s;
  /* From the host's tree the new root is not to be reached. */
  if (c->base >= 0 && (fchdir(c->base) < 0 || chroot(".") < 0)) return -errno;
  if (fchdir(c->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0) return -errno;
  ctr__let_go_with_host(c);
  if (umount2(".", MNT_DETACH) < 0) return -errno;
  return (int)ctr__ret(chdir("/"));
}

static int ctr__child_chroot(ctr__child *c, const ctr__step *s) {
  (void)s;
  if (fchdir(c->root) < 0 || chroot(".") < 0) return -errno;
  return (int)ctr__ret(chdir("/"));
}

static int ctr__child_move_root(ctr__child *c, const ctr__step *s) {
  if (fchdir(c->root) < 0) return -errno;
  int r = ctr__mount(".", "/", NULL, MS_MOVE, NULL);
  return r < 0 ? r : ctr__child_chroot(c, s);
}
