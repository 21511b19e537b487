/* The process's terminal. */

enum { CTR__DEVPTS_SUPER_MAGIC = 0x1cd1 };

static int ctr__check_devpts(ctr__child *c, int fd) {
  struct statfs fs;
  if (fstatfs(fd, &fs) < 0) return -errno;
  return fs.f_type == CTR__DEVPTS_SUPER_MAGIC ? 0 : ctr__because(c, CTR__WHY_NO_DEVPTS, -ENODEV);
}

/* The other end is opened through the first, not by a path that somebody could have changed
   (ioctl_tty(2), TIOCGPTPEER; CVE-2025-52565). */
static int ctr__open_peer(ctr__child *c, int master) {
  int unlocked = 0;
  if (ioctl(master, TIOCSPTLCK, &unlocked) < 0) return -errno;
  CTR__AUTO_CLOSE slave = ctr__fd_high(
      (int)ctr__ret(ioctl(master, TIOCGPTPEER, (unsigned long)(O_RDWR | O_NOCTTY | O_CLOEXEC))));
  if (slave < 0) return slave;
  int r = ctr__check_devpts(c, slave);
  return r < 0 ? r : ctr__steal_fd(&slave);
}

/* The container's multiplexer, in its devpts: who is inside can mount over that, or over a file of
   it, but put nothing else into it, as into /dev. One that is not for us to open, as the host's
   mostly is not, may be for us beside it (devpts.rst). */
static int ctr__open_ptmx(ctr__child *c) {
  int root = c->root >= 0 ? c->root : AT_FDCWD; /* in a container already: we stand in its root */
  CTR__AUTO_CLOSE pts = ctr__openat2(root, "dev/pts", O_PATH | O_DIRECTORY, 0, CTR__IN_ROOT);
  if (pts == -ENOENT || pts == -ENOTDIR) return ctr__because(c, CTR__WHY_NO_DEVPTS, pts);
  int r = pts < 0 ? pts : ctr__check_devpts(c, pts);
  if (r < 0) return r;
  const int master = ctr__openat2(pts, "ptmx", O_RDWR | O_NOCTTY, 0,
                                  CTR__RESOLVE_NO_XDEV | CTR__RESOLVE_NO_SYMLINKS);
  return master == -EACCES ? ctr__open_device(root, "dev/ptmx", 0, CTR__IN_ROOT, makedev(5, 2))
                           : master;
}

/* config-linux.md "Default Devices": /dev/console is the terminal. */
static int ctr__bind_console(ctr__child *c, const ctr__step *s, int slave) {
  CTR__AUTO_CLOSE tree = ctr__open_tree(slave, "", AT_EMPTY_PATH);
  if (tree < 0) return tree;
  CTR__AUTO_CLOSE target = ctr__make_target(c, ctr__arg(c, s, 0), CTR__MAKE_FILE);
  return target < 0 ? target : ctr__move_mount(tree, target);
}

static int ctr__child_console(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE master = ctr__open_ptmx(c);
  if (master < 0) return master;
  CTR__AUTO_CLOSE slave = ctr__open_peer(c, master);
  if (slave < 0) return slave;
  struct winsize size = {.ws_row = (unsigned short)s->num[0], .ws_col = (unsigned short)s->num[1]};
  if ((s->num[0] || s->num[1]) && ioctl(slave, TIOCSWINSZ, &size) < 0) return -errno;
  if (fchown(slave, (uid_t)s->num[2], (gid_t)-1) < 0) return -errno;
  int r = s->num[3] ? ctr__bind_console(c, s, slave) : 0;
  const ctr__message message = {.type = CTR__MSG_CONSOLE};
  if (r == 0) r = ctr__send_fd(c->sock, &message, master);
  for (int i = 0; i < 3 && r == 0; i++) r = dup2(slave, i) < 0 ? -errno : 0;
  return r < 0 ? r : (int)ctr__ret(ioctl(0, TIOCSCTTY, 0));
}
