/* Operations become entries of the config's mounts, which the library makes in their order. */

enum { BIND_READ_ONLY = 1, BIND_DEVICES = 2, BIND_TRY = 4, BIND_FD = 8 };

static bool is_root(const char *path) {
  return path[strspn(path, "/")] == '\0';
}

static void append_mount(sandbox *s, ctr_mount mount) {
  s->mounts = grow(s, s->mounts, s->mount_count, sizeof *s->mounts);
  s->mounts[s->mount_count++] = mount;
}

static size_t keep_roots(bound_fd *bound, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (is_root(bound[i].target)) bound[kept++] = bound[i];
  return kept;
}

/* What comes to lie on the root covers all that was made before. */
static void add_mount(sandbox *s, ctr_mount mount) {
  if (is_root(mount.destination)) {
    mount.destination = "/";
    s->mount_count = 0;
    s->bound_fd_count = keep_roots(s->bound_fds, s->bound_fd_count);
    s->read_only.count = 0;
  }
  append_mount(s, mount);
}

/* Where it is to be. The parents that are missing get 0755; when nobody else may use what is made,
   nobody else may look at them (bwrap(1)). */
static const char *place(sandbox *s, const char *path, unsigned perms) {
  const unsigned parents = 0755 & ~(perms & 070 ? 0U : 070U) & ~(perms & 07 ? 0U : 07U);
  const char *target = print(s, "/%s", path + strspn(path, "/"));
  for (const char *at = strchr(target + 1, '/'); at && parents != 0755; at = strchr(at + 1, '/'))
    add_mount(s, (ctr_mount){.destination = print(s, "%.*s", (int)(at - target), target),
                             .type = "ctr.dir",
                             .options = as_strs(split(s, print(s, "mode=%04o", parents)))});
  return target;
}

static unsigned perms_of(const operation *o, unsigned otherwise) {
  return o->perms ? (unsigned)number("perms", o->perms, 8, 07777) : otherwise;
}

/* Mounts that the host makes later below a source are to be seen inside: rslave. */
static void add_bind(sandbox *s, const char *source, const char *target, unsigned how) {
  const char *options = print(s, "rbind rslave rnosuid%s%s", how & BIND_DEVICES ? "" : " rnodev",
                              how & BIND_READ_ONLY ? " rro" : "");
  add_mount(s, (ctr_mount){.destination = target,
                           .type = "bind",
                           .source = source,
                           .options = as_strs(split(s, options))});
}

/* A mount is made from a path, of our own mount namespace (open_tree(2)): where the descriptor
   leads by its name. That this is what it was opened on is checked inside, when nobody can change
   it. */
static const char *path_of(sandbox *s, int fd, const char *target) {
  char path[PATH_MAX];
  const ssize_t len = readlink(print(s, "/proc/self/fd/%d", fd), path, sizeof path - 1);
  if (len < 0) fail("descriptor %d: %s", fd, strerror(errno));
  consume(s, fd);
  s->bound_fds = grow(s, s->bound_fds, s->bound_fd_count, sizeof *s->bound_fds);
  s->bound_fds[s->bound_fd_count++] = (bound_fd){keep(s, fd), target};
  return print(s, "%.*s", (int)len, path);
}

static void make_bind(sandbox *s, const operation *o) {
  const char *source = o->args[0];
  const unsigned how = o->row->with;
  if ((how & BIND_TRY) && access(source, F_OK) < 0 && errno == ENOENT) return;
  const char *target = place(s, o->args[1], 0755);
  if (how & BIND_FD) source = path_of(s, descriptor(o->row->name, source), target);
  add_bind(s, source, target, how);
}

static void make_tmpfs(sandbox *s, const operation *o) {
  const unsigned perms = perms_of(o, 0755);
  const char *options = print(s, "nosuid nodev mode=%04o%s%s", perms, o->size ? " size=" : "",
                              o->size ? o->size : "");
  add_mount(s, (ctr_mount){.destination = place(s, o->args[0], perms),
                           .type = "tmpfs",
                           .source = "tmpfs",
                           .options = as_strs(split(s, options))});
}

static void make_mqueue(sandbox *s, const operation *o) {
  add_mount(s, (ctr_mount){.destination = place(s, o->args[0], 0755),
                           .type = "mqueue",
                           .source = "mqueue",
                           .options = as_strs(split(s, "nosuid nodev noexec"))});
}

static void add_read_only(sandbox *s, const char *path) {
  for (size_t i = 0; i < s->read_only.count; i++)
    if (!strcmp(s->read_only.items[i], path)) return;
  add_word(s, &s->read_only, path);
}

/* Of a pid namespace that is the host's the host's own procfs is all there is: a new one needs
   rights over that namespace (pid_namespaces(7)). What root could write to there is the machine's.
 */
static void make_proc(sandbox *s, const operation *o) {
  static const char *const guarded[] = {"sys", "sysrq-trigger", "irq", "bus"};
  const char *target = place(s, o->args[0], 0755);
  if ((s->unshared & CTR_NS_PID) || s->pidns != NONE)
    add_mount(s, (ctr_mount){.destination = target,
                             .type = "proc",
                             .source = "proc",
                             .options = as_strs(split(s, "nosuid nodev noexec"))});
  else
    add_bind(s, "/proc", target, 0);
  for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++)
    if (access(print(s, "/proc/%s", guarded[i]), W_OK) == 0)
      add_read_only(s, print(s, "%s/%s", target, guarded[i]));
}

static void add_link(sandbox *s, const char *text, const char *target) {
  add_mount(s, (ctr_mount){.destination = target, .type = "ctr.symlink", .source = text});
}

/* The terminal that we are on goes by the name of the console. The nodes are the host's: whoever is
   their owner inside could change their mode for all, which a read-only mount forbids, and nothing
   else. */
static void make_dev(sandbox *s, const operation *o) {
  static const char *const nodes[] = {"null", "zero", "full", "random", "urandom", "tty"};
  static const char *const links[][2] = {
      {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"}, {"/proc/self/fd/2", "stderr"},
      {"/proc/self/fd", "fd"},      {"/proc/kcore", "core"},       {"pts/ptmx", "ptmx"}};
  const char *target = place(s, o->args[0], 0755);
  add_mount(s, (ctr_mount){.destination = target,
                           .type = "tmpfs",
                           .source = "tmpfs",
                           .options = as_strs(split(s, "nosuid nodev mode=0755"))});
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
    add_bind(s, print(s, "/dev/%s", nodes[i]), print(s, "%s/%s", target, nodes[i]),
             BIND_DEVICES | BIND_READ_ONLY);
  for (size_t i = 0; i < sizeof links / sizeof *links; i++)
    add_link(s, links[i][0], print(s, "%s/%s", target, links[i][1]));
  add_mount(s, (ctr_mount){.destination = print(s, "%s/shm", target), .type = "ctr.dir"});
  add_mount(s, (ctr_mount){.destination = print(s, "%s/pts", target),
                           .type = "devpts",
                           .source = "devpts",
                           .options = as_strs(
                               split(s, "nosuid noexec newinstance ptmxmode=0666 mode=0620"))});
  const char *terminal = ttyname(STDOUT_FILENO);
  if (terminal) add_bind(s, print(s, "%s", terminal), print(s, "%s/console", target), BIND_DEVICES);
}

static void make_dir(sandbox *s, const operation *o) {
  const unsigned perms = perms_of(o, 0755);
  add_mount(s, (ctr_mount){.destination = place(s, o->args[0], perms),
                           .type = "ctr.dir",
                           .options = as_strs(split(s, print(s, "mode=%04o", perms)))});
}

static void make_symlink(sandbox *s, const operation *o) {
  add_link(s, o->args[0], place(s, o->args[1], 0755));
}

/* with: 0 for a file in place, FILE_BOUND for one of its own file system, or with READ_ONLY. */
enum { FILE_BOUND = 1, FILE_READ_ONLY = 2 };

static void make_file(sandbox *s, const operation *o) {
  const unsigned how = o->row->with, perms = perms_of(o, how & FILE_BOUND ? 0600 : 0666);
  const char *options = print(s, "mode=%04o%s%s", perms, how & FILE_BOUND ? " bind" : "",
                              how & FILE_READ_ONLY ? " ro" : "");
  size_t len;
  const char *data = read_all(s, o->row->name, descriptor(o->row->name, o->args[0]), &len);
  add_mount(s, (ctr_mount){.destination = place(s, o->args[1], perms),
                           .type = "ctr.file",
                           .data = {data, len},
                           .options = as_strs(split(s, options))});
}

static void make_mode(sandbox *s, const operation *o) {
  const unsigned perms = (unsigned)number(o->row->name, o->args[0], 8, 07777);
  add_mount(s, (ctr_mount){.destination = o->args[1],
                           .type = "ctr.mode",
                           .options = as_strs(split(s, print(s, "mode=%04o", perms)))});
}

static void make_read_only(sandbox *s, const operation *o) {
  append_mount(s, (ctr_mount){.destination = o->args[0],
                              .type = "none",
                              .options = as_strs(split(s, "remount bind ro"))});
}

/* -- overlays -- */

/* overlayfs wants the uppermost first, and its own separator escaped (overlayfs.rst). */
static const char *escape(sandbox *s, const char *path) {
  char real[PATH_MAX];
  if (!realpath(path, real)) fail("--overlay-src: %s: %s", path, strerror(errno));
  char *text = take(s, 2 * strlen(real) + 1), *to = text;
  for (const char *at = real; *at; at++) {
    if (*at == ':' || *at == '\\') *to++ = '\\';
    *to++ = *at;
  }
  return text;
}

/* with: OVERLAY_READ_ONLY, OVERLAY_KEPT (the changes go to a directory), or 0: they go nowhere. */
enum { OVERLAY_READ_ONLY = 1, OVERLAY_KEPT = 2 };

static void make_overlay(sandbox *s, const operation *o) {
  const unsigned how = o->row->with;
  const size_t least = how & OVERLAY_READ_ONLY ? 2 : 1;
  if (o->layers.count < least)
    fail("--%s: at least %zu --overlay-src must come before it", o->row->name, least);
  const char *lower = "";
  for (size_t i = 0; i < o->layers.count; i++)
    lower = print(s, "%s%s%s", escape(s, o->layers.items[i]), i ? ":" : "", lower);
  words options = split(s, "nosuid nodev");
  add_word(s, &options, print(s, "lowerdir=%s", lower));
  if (how & OVERLAY_KEPT) {
    add_word(s, &options, print(s, "upperdir=%s", escape(s, o->args[0])));
    add_word(s, &options, print(s, "workdir=%s", escape(s, o->args[1])));
  } else {
    add_word(s, &options, how & OVERLAY_READ_ONLY ? "ro" : "tmpupper");
  }
  add_mount(s, (ctr_mount){.destination = place(s, o->args[count_args(o->row) - 1], 0755),
                           .type = "overlay",
                           .source = "overlay",
                           .options = as_strs(options)});
}

/* The root is an empty one that vanishes with the sandbox, unless something was put on it. */
static void make_all(sandbox *s) {
  add_mount(s, (ctr_mount){.destination = "/",
                           .type = "tmpfs",
                           .source = "tmpfs",
                           .options = as_strs(split(s, "nosuid nodev mode=0755"))});
  for (size_t i = 0; i < s->operation_count; i++) s->operations[i].row->make(s, &s->operations[i]);
}
