/* System calls as bare as they come: each returns its result or -errno. What libc may lack is
   declared here; what libc would do more than asked (setuid(2) signals every thread of the caller)
   is called by number. Everything in this file may be used between clone and execve. */

#ifdef __alpha__
#define CTR__NR(number) ((number) + 110)
#elif defined __mips__ && _MIPS_SIM == _MIPS_SIM_ABI32
#define CTR__NR(number) ((number) + 4000)
#elif defined __mips__ && _MIPS_SIM == _MIPS_SIM_ABI64
#define CTR__NR(number) ((number) + 5000)
#elif defined __mips__
#define CTR__NR(number) ((number) + 6000)
#else
#define CTR__NR(number) (number)
#endif

/* One number on every architecture, from 424 on (syscalls(2)). */
enum {
  CTR__SYS_pidfd_send_signal = CTR__NR(424),
  CTR__SYS_open_tree = CTR__NR(428),
  CTR__SYS_move_mount = CTR__NR(429),
  CTR__SYS_fsopen = CTR__NR(430),
  CTR__SYS_fsconfig = CTR__NR(431),
  CTR__SYS_fsmount = CTR__NR(432),
  CTR__SYS_fspick = CTR__NR(433),
  CTR__SYS_pidfd_open = CTR__NR(434),
  CTR__SYS_clone3 = CTR__NR(435),
  CTR__SYS_close_range = CTR__NR(436),
  CTR__SYS_openat2 = CTR__NR(437),
  CTR__SYS_mount_setattr = CTR__NR(442),
  CTR__SYS_landlock_create_ruleset = CTR__NR(444),
  CTR__SYS_landlock_add_rule = CTR__NR(445),
  CTR__SYS_landlock_restrict_self = CTR__NR(446),
};

/* 32-bit i386 and arm have a 16-bit call under the plain name. */
#ifdef SYS_setresuid32
enum {
  CTR__SYS_setresuid = SYS_setresuid32,
  CTR__SYS_setresgid = SYS_setresgid32,
  CTR__SYS_setgroups = SYS_setgroups32
};
#else
enum {
  CTR__SYS_setresuid = SYS_setresuid,
  CTR__SYS_setresgid = SYS_setresgid,
  CTR__SYS_setgroups = SYS_setgroups
};
#endif

static long ctr__ret(long result) {
  return result < 0 ? -errno : result;
}
#define CTR__CALL(...) ctr__ret(syscall(__VA_ARGS__))

/* -- descriptors -- */

static void ctr__close(int *fd) {
  int saved = errno;
  if (*fd >= 0) close(*fd);
  *fd = -1;
  errno = saved;
}
#define CTR__AUTO_CLOSE __attribute__((cleanup(ctr__close))) int

static int ctr__steal_fd(int *fd) {
  int stolen = *fd;
  *fd = -1;
  return stolen;
}

/* Moves a new descriptor out of the way of the standard streams: a caller may have closed those.
   Passes -errno through; closes fd on failure. */
static int ctr__fd_high(int fd) {
  if (fd < 0 || fd > 2) return fd;
  int high = (int)ctr__ret(fcntl(fd, F_DUPFD_CLOEXEC, 3));
  close(fd);
  return high;
}

/* Both ends close-on-exec and out of the way of the standard streams. */
static int ctr__pipe(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  for (int i = 0; i < 2; i++) ends[i] = ctr__fd_high(ends[i]);
  if (ends[0] >= 0 && ends[1] >= 0) return 0;
  int r = ends[0] < 0 ? ends[0] : ends[1];
  ctr__close(&ends[0]);
  ctr__close(&ends[1]);
  return r;
}

struct ctr__open_how {
  uint64_t flags, mode, resolve;
};

/* openat2(2) */
enum {
  CTR__RESOLVE_NO_XDEV = 0x01,
  CTR__RESOLVE_NO_MAGICLINKS = 0x02,
  CTR__RESOLVE_NO_SYMLINKS = 0x04,
  CTR__RESOLVE_BENEATH = 0x08,
  CTR__RESOLVE_IN_ROOT = 0x10,
};

/* Linux 5.6. The only way paths inside a container are opened: no fallback is as safe. Retried on
   EAGAIN: the kernel saw a rename while it walked and could not tell whether ".." stayed inside. */
static int ctr__openat2(int dir, const char *path, uint64_t flags, uint64_t mode,
                        uint64_t resolve) {
  struct ctr__open_how how = {flags | O_CLOEXEC, mode, resolve};
  long fd;
  int tries = 0;
  do fd = CTR__CALL(CTR__SYS_openat2, dir, path, &how, sizeof how);
  while (fd == -EAGAIN && tries++ < 128);
  return ctr__fd_high((int)fd);
}

static int ctr__open(int dir, const char *path, int flags, mode_t mode) {
  return ctr__fd_high((int)ctr__ret(openat(dir, path, flags | O_CLOEXEC, mode)));
}

/* What poll(2) says at once. Also with a timeout of 0 a signal that comes makes it EINTR. */
static int ctr__poll_now(struct pollfd *fds, nfds_t count) {
  int n;
  do n = poll(fds, count, 0);
  while (n < 0 && errno == EINTR);
  return n;
}

static int ctr__write_all(int fd, const char *data, size_t len) {
  while (len) {
    ssize_t n = write(fd, data, len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    data += n;
    len -= (size_t)n;
  }
  return 0;
}

/* A descriptor (unix(7), SCM_RIGHTS) with a packet, or the beginning of a text: how much of it. */
static ssize_t ctr__send_with_fd(int sock, const void *data, size_t len, int fd) {
  union {
    struct cmsghdr head;
    char buf[CMSG_SPACE(sizeof(int))];
  } control = {0};
  control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd),
                                  .cmsg_level = SOL_SOCKET,
                                  .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
  struct iovec iov = {(void *)(uintptr_t)data, len};
  struct msghdr packet = {.msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof control.buf};
  ssize_t n;
  do n = sendmsg(sock, &packet, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : n;
}

/* -- mounts: the descriptor-based calls of Linux 5.2, mount_setattr(2) of 5.12 -- */

enum {
  CTR__OPEN_TREE_CLONE = 1,
  CTR__AT_RECURSIVE = 0x8000,
  CTR__MOVE_MOUNT_F_EMPTY_PATH = 0x04,
  CTR__MOVE_MOUNT_T_EMPTY_PATH = 0x40,
  CTR__FSCONFIG_SET_FLAG = 0,
  CTR__FSCONFIG_SET_STRING = 1,
  CTR__FSCONFIG_CMD_CREATE = 6,
  CTR__FSCONFIG_CMD_RECONFIGURE = 7,
  CTR__FSPICK_EMPTY_PATH = 0x08,
  CTR__FSCONFIG_STRING_MAX = 255, /* a longer value is refused with EINVAL */
};

enum {
  CTR__ATTR_RDONLY = 0x01,
  CTR__ATTR_NOSUID = 0x02,
  CTR__ATTR_NODEV = 0x04,
  CTR__ATTR_NOEXEC = 0x08,
  CTR__ATTR_ATIME = 0x70, /* a field of three values, relatime being 0 */
  CTR__ATTR_NOATIME = 0x10,
  CTR__ATTR_STRICTATIME = 0x20,
  CTR__ATTR_NODIRATIME = 0x80,
  CTR__ATTR_IDMAP = 0x100000,
  CTR__ATTR_NOSYMFOLLOW = 0x200000,
};

/* The same for mount(2), and as statfs(2) reports it. */
static const struct ctr__attr_flag {
  uint64_t attr;
  unsigned long ms, st;
} ctr__attr_flags[] = {
    {CTR__ATTR_RDONLY, MS_RDONLY, ST_RDONLY},
    {CTR__ATTR_NOSUID, MS_NOSUID, ST_NOSUID},
    {CTR__ATTR_NODEV, MS_NODEV, ST_NODEV},
    {CTR__ATTR_NOEXEC, MS_NOEXEC, ST_NOEXEC},
    {CTR__ATTR_NOATIME, MS_NOATIME, ST_NOATIME},
    {CTR__ATTR_STRICTATIME, MS_STRICTATIME, 0},
    {CTR__ATTR_NODIRATIME, MS_NODIRATIME, ST_NODIRATIME},
    {CTR__ATTR_NOSYMFOLLOW, 256 /* MS_NOSYMFOLLOW */, 0x2000 /* ST_NOSYMFOLLOW */},
};

/* Attributes as mount(2) takes them; none of the three kinds of access times is relatime. */
static uint64_t ctr__ms_flags(uint64_t attr) {
  uint64_t flags = 0;
  for (size_t i = 0; i < sizeof ctr__attr_flags / sizeof *ctr__attr_flags; i++)
    if (attr & ctr__attr_flags[i].attr) flags |= ctr__attr_flags[i].ms;
  return flags;
}

struct ctr__mount_attr {
  uint64_t attr_set, attr_clr, propagation, userns_fd;
};

/* Which mount a descriptor of its top is of. No two mounts have the same as long as both are there;
   before Linux 5.8, which has no id to ask for, no two of different directories. */
typedef struct ctr__mount_id {
  uint64_t id, dev, ino; /* all 0: it is not the top of a mount */
} ctr__mount_id;

static int ctr__mount_id_of(int fd, ctr__mount_id *ret) {
  enum { INO = 0x100, MNT_ID = 0x1000, MOUNT_ROOT = 0x2000, DONT_SYNC = 0x4000 }; /* statx(2) */
  struct {
    uint32_t mask, blksize;
    uint64_t attributes, ids[2], ino, more[3], times[8];
    uint32_t rdev[2], dev[2];
    uint64_t mnt_id, rest[13];
  } st = {.mask = 0};
  int r = (int)CTR__CALL(SYS_statx, fd, "", AT_EMPTY_PATH | DONT_SYNC, INO | MNT_ID, &st);
  if (r < 0) return r;
  if (!(st.mask & MNT_ID))
    *ret = (ctr__mount_id){0, (uint64_t)st.dev[0] << 32 | st.dev[1], st.ino};
  else
    *ret = (ctr__mount_id){.id = st.attributes & MOUNT_ROOT ? st.mnt_id : 0};
  return 0;
}

static bool ctr__is_same_mount(const ctr__mount_id *a, const ctr__mount_id *b) {
  return (a->id || a->ino) && a->id == b->id && a->dev == b->dev && a->ino == b->ino;
}

/* A detached copy of the mount (or mounts) at dir/path. */
static int ctr__open_tree(int dir, const char *path, unsigned flags) {
  return ctr__fd_high(
      (int)CTR__CALL(CTR__SYS_open_tree, dir, path, flags | CTR__OPEN_TREE_CLONE | O_CLOEXEC));
}

static int ctr__move_mount(int tree, int target) {
  return (int)CTR__CALL(CTR__SYS_move_mount, tree, "", target, "",
                        CTR__MOVE_MOUNT_F_EMPTY_PATH | CTR__MOVE_MOUNT_T_EMPTY_PATH);
}

static int ctr__mount_setattr(int fd, unsigned flags, uint64_t set, uint64_t clr,
                              uint64_t propagation) {
  struct ctr__mount_attr attr = {set, clr, propagation, 0};
  return (int)CTR__CALL(CTR__SYS_mount_setattr, fd, "", (unsigned)AT_EMPTY_PATH | flags, &attr,
                        sizeof attr);
}

/* Shows the ids of a detached mount, and with CTR__AT_RECURSIVE of those below, as the maps of a
   user namespace say. */
static int ctr__mount_idmap(int fd, unsigned flags, int userns) {
  struct ctr__mount_attr attr = {CTR__ATTR_IDMAP, 0, 0, (uint64_t)userns};
  return (int)CTR__CALL(CTR__SYS_mount_setattr, fd, "", (unsigned)AT_EMPTY_PATH | flags, &attr,
                        sizeof attr);
}

static int ctr__fsopen(const char *type) {
  return ctr__fd_high((int)CTR__CALL(CTR__SYS_fsopen, type, 1 /* FSOPEN_CLOEXEC */));
}

static int ctr__fsconfig(int fs, unsigned command, const char *key, const char *value) {
  return (int)CTR__CALL(CTR__SYS_fsconfig, fs, command, key, value, 0);
}

static int ctr__fsmount(int fs, uint64_t attr) {
  return ctr__fd_high(
      (int)CTR__CALL(CTR__SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, (unsigned)attr));
}

static int ctr__mount(const char *source, const char *target, const char *type, uint64_t flags,
                      const char *data) {
  return (int)ctr__ret(mount(source, target, type, (unsigned long)flags, data));
}

/* -- processes -- */

struct ctr__clone_args {
  _Alignas(8) uint64_t flags;
  uint64_t pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
      cgroup;
};

enum { CTR__CLONE_PIDFD = 0x1000 };
#define CTR__CLONE_INTO_CGROUP UINT64_C(0x200000000)

/* Linux 5.7: before that the struct was shorter, and more than it is E2BIG. Here no kernel takes
   the signal. */
static bool ctr__has_clone_into_cgroup(void) {
  struct ctr__clone_args args = {.exit_signal = UINT64_MAX, .cgroup = 1};
  return CTR__CALL(CTR__SYS_clone3, &args, sizeof args) == -EINVAL;
}

/* fork(2) with flags and a pidfd, without what libc's fork does: its locks and handlers are not
   ours to run. ret_pid, when not NULL, is set by the kernel before the child runs. cgroup is a
   directory of v2, or -1. Older kernels, and seccomp filters that cannot look into clone3's struct,
   get clone(2), which cannot do that beside a pidfd, nor into a cgroup; the order of its arguments
   is the architecture's. */
static pid_t ctr__clone(uint64_t flags, bool have_clone3, int cgroup, int *ret_pidfd,
                        volatile int32_t *ret_pid) {
  int pidfd = -1;
  if (have_clone3) {
    uint64_t set_pid = ret_pid ? (uint64_t)CLONE_PARENT_SETTID : 0;
    struct ctr__clone_args args = {.flags = flags | CTR__CLONE_PIDFD | set_pid,
                                   .parent_tid = (uint64_t)(uintptr_t)ret_pid,
                                   .pidfd = (uint64_t)(uintptr_t)&pidfd,
                                   .exit_signal = (flags & CLONE_PARENT) ? 0 : SIGCHLD};
    if (cgroup >= 0) {
      args.flags |= CTR__CLONE_INTO_CGROUP;
      args.cgroup = (uint64_t)cgroup;
    }
    long pid = CTR__CALL(CTR__SYS_clone3, &args, sizeof args);
    if (pid >= 0) *ret_pidfd = pidfd;
    if ((pid != -ENOSYS && pid != -EPERM) || cgroup >= 0) return (pid_t)pid;
  }
  unsigned long old = (unsigned long)flags | CTR__CLONE_PIDFD | SIGCHLD;
#if defined __s390__ || defined __cris__
  long pid = CTR__CALL(SYS_clone, 0L, old, &pidfd, 0L, 0L);
#else
  long pid = CTR__CALL(SYS_clone, old, 0L, &pidfd, 0L, 0L);
#endif
  if (pid >= 0) *ret_pidfd = pidfd;
  if (pid > 0 && ret_pid) *ret_pid = (int32_t)pid;
  return (pid_t)pid;
}

/* The kernel's struct rlimit64: musl has none, glibc hides it. */
struct ctr__rlimit {
  uint64_t soft, hard;
};

#ifdef __mips__
enum { CTR__SIGSET_SIZE = 16 };
#else
enum { CTR__SIGSET_SIZE = 8 }; /* of the kernel's sigset_t, bytes */
#endif

/* pid 0: ourselves. */
static int ctr__sched_setattr(pid_t pid, const void *attr) {
  return (int)CTR__CALL(SYS_sched_setattr, pid, attr, 0);
}

static int ctr__ioprio_set(pid_t pid, uint64_t class_, uint64_t level) {
  return (int)CTR__CALL(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, pid,
                        (int)(class_ << 13 /* IOPRIO_CLASS_SHIFT */ | level));
}

/* Of the calling thread. By number: libc would leave out the signals it keeps to itself. */
static int ctr__sigmask(const uint64_t set[2], uint64_t ret_before[2]) {
  return (int)CTR__CALL(SYS_rt_sigprocmask, SIG_SETMASK, set, ret_before, (size_t)CTR__SIGSET_SIZE);
}

/* Clones with every signal blocked, and leaves them so in the child: no handler of the caller's is
   to run there. */
static pid_t ctr__clone_blocked(uint64_t flags, bool have_clone3, int cgroup, int *ret_pidfd) {
  const uint64_t all[2] = {UINT64_MAX, UINT64_MAX};
  uint64_t before[2];
  int r = ctr__sigmask(all, before);
  if (r < 0) return r;
  pid_t pid = ctr__clone(flags, have_clone3, cgroup, ret_pidfd, NULL);
  if (pid != 0) ctr__sigmask(before, NULL);
  return pid;
}

/* Linux 5.4. */
static int ctr__waitid(int pidfd, siginfo_t *info, int options) {
  int r;
  do r = waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, info, WEXITED | options);
  while (r < 0 && errno == EINTR);
  return r < 0 ? -errno : 0;
}

static int ctr__reap(int pidfd, ctr_exit *ret_exit) {
  siginfo_t info = {0};
  int r = ctr__waitid(pidfd, &info, 0);
  if (r < 0) return r;
  if (info.si_code == CLD_EXITED)
    *ret_exit = (ctr_exit){.code = info.si_status};
  else
    *ret_exit = (ctr_exit){.signal = info.si_status, .core_dumped = info.si_code == CLD_DUMPED};
  return 0;
}

static int ctr__pidfd_signal(int pidfd, int signal) {
  return (int)CTR__CALL(CTR__SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

/* Closes every descriptor from first on but two, which may be -1. Linux 5.9. */
static int ctr__close_all_but(int first, const int kept[2]) {
  const int low = kept[0] < kept[1] ? kept[0] : kept[1],
            high = kept[0] < kept[1] ? kept[1] : kept[0];
  const int ends[2] = {low, high};
  for (int i = 0; i < 2; i++) {
    if (ends[i] < first) continue;
    long r = ends[i] > first
                 ? CTR__CALL(CTR__SYS_close_range, (unsigned)first, (unsigned)ends[i] - 1, 0U)
                 : 0;
    if (r < 0) return (int)r;
    first = ends[i] + 1;
  }
  return (int)CTR__CALL(CTR__SYS_close_range, (unsigned)first, ~0U, 0U);
}

/* One directory entry as getdents64(2) gives it. */
struct ctr__dirent {
  uint64_t ino;
  int64_t offset;
  uint16_t len;
  uint8_t type;
  char name[];
};

/* The same before that: the kernel lists them (no opendir: it allocates). proc: /proc. */
static int ctr__close_listed_but(int proc, int first, const int kept[2]) {
  CTR__AUTO_CLOSE dir =
      ctr__openat2(proc, "self/fd", O_RDONLY | O_DIRECTORY, 0, CTR__RESOLVE_NO_XDEV);
  if (dir < 0) return dir;
  _Alignas(8) char buf[2048];
  for (;;) {
    long n = CTR__CALL(SYS_getdents64, dir, buf, sizeof buf);
    if (n <= 0) return (int)n;
    for (long used = 0; used < n;) {
      const struct ctr__dirent *entry = (const void *)(buf + used);
      used += entry->len;
      int fd = 0;
      for (const char *p = entry->name; *p >= '0' && *p <= '9'; p++) fd = fd * 10 + (*p - '0');
      if (fd >= first && fd != kept[0] && fd != kept[1] && fd != dir) close(fd);
    }
  }
}

/* capget(2) */
static void ctr__own_caps(uint64_t *ret_effective, uint64_t *ret_permitted) {
  struct {
    uint32_t version;
    int32_t pid;
  } head = {0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */, 0};
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2] = {{0}};
  syscall(SYS_capget, &head, data); /* cannot fail for oneself; else: no capability */
  *ret_effective = data[0].effective | (uint64_t)data[1].effective << 32;
  *ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
}

/* memfd_create(2), F_GET_SEALS(2const); MFD_EXEC: Linux 6.3 */
enum {
  CTR__MFD_CLOEXEC = 1,
  CTR__MFD_ALLOW_SEALING = 2,
  CTR__MFD_EXEC = 0x10,
  CTR__F_ADD_SEALS = 1033,
  CTR__F_GET_SEALS = 1034,
  CTR__SEALS = 15, /* nobody seals more, nor shrinks, grows or writes to it */
};

/* PR_SET_MM(2const): the kernel's struct prctl_mm_map. Its tail is a pointer, the size of what that
   points to, and the descriptor of the file: in the sizes of the kernel, whatever ours are. */
enum { CTR__PR_SET_MM = 35, CTR__PR_SET_MM_MAP = 14, CTR__PR_SET_MM_MAP_SIZE = 15 };
typedef struct ctr__mm_map {
  uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack, arg_start,
      arg_end, env_start, env_end;
  uint32_t tail[4];
} ctr__mm_map;

/* How much of that the kernel takes; 0: it has no CONFIG_CHECKPOINT_RESTORE. */
static unsigned ctr__mm_map_size(void) {
  unsigned size = 0;
  const bool known = prctl(CTR__PR_SET_MM, CTR__PR_SET_MM_MAP_SIZE, &size, 0UL, 0UL) == 0;
  return known && size >= offsetof(ctr__mm_map, tail[3]) && size <= sizeof(ctr__mm_map) ? size : 0;
}

/* Whether a process can have another file as its /proc/PID/exe. */
static bool ctr__can_hide_program(void) {
  return ctr__mm_map_size() != 0;
}

/* To a kernel of 64 bits the short tail is a size without a pointer: EINVAL. */
static int ctr__set_exe(ctr__mm_map *map, int fd) {
  const unsigned long size = ctr__mm_map_size();
  int r = -EINVAL;
  for (int i = sizeof(void *) == 4 ? 2 : 3; i < 4 && r == -EINVAL; i++) {
    memset(map->tail, 0, sizeof map->tail);
    map->tail[i] = (uint32_t)fd;
    r = (int)ctr__ret(prctl(CTR__PR_SET_MM, CTR__PR_SET_MM_MAP, map, size, 0UL));
  }
  return r;
}

/* The machine's first user namespace has had the same inode number since Linux 3.8
   (PROC_USER_INIT_INO). */
static bool ctr__in_initial_userns(void) {
  struct stat userns;
  return stat("/proc/self/ns/user", &userns) == 0 && userns.st_ino == 0xEFFFFFFD;
}

/* seccomp(2) */
enum {
  CTR__SECCOMP_SET_MODE_FILTER = 1,
  CTR__SECCOMP_TSYNC = 1,
  CTR__SECCOMP_NEW_LISTENER = 8,
  CTR__SECCOMP_TSYNC_ESRCH = 16,
  CTR__SECCOMP_WAIT_KILLABLE_RECV = 32,
  CTR__SECCOMP_WITH_OTHERS = CTR__SECCOMP_TSYNC | CTR__SECCOMP_NEW_LISTENER |
                             CTR__SECCOMP_TSYNC_ESRCH | CTR__SECCOMP_WAIT_KILLABLE_RECV,
};

/* -- landlock(7), Linux 5.13 -- */

/* A kernel that knows only the first members takes the rest when it is 0. */
struct ctr__landlock_ruleset {
  uint64_t handled_access_fs, handled_access_net, scoped;
};

struct ctr__landlock_path_beneath {
  uint64_t allowed_access;
  int32_t parent_fd;
} __attribute__((packed));

struct ctr__landlock_net_port {
  uint64_t allowed_access, port;
};

static int ctr__landlock_create(const struct ctr__landlock_ruleset *attr) {
  return ctr__fd_high((int)CTR__CALL(CTR__SYS_landlock_create_ruleset, attr, sizeof *attr, 0U));
}

/* Which version of its interface the kernel has; 0: none, or it is not enabled. */
static int ctr__landlock_abi(void) {
  long abi = CTR__CALL(CTR__SYS_landlock_create_ruleset, NULL, (size_t)0,
                       1U /* LANDLOCK_CREATE_RULESET_VERSION */);
  return abi < 0 ? 0 : (int)abi;
}

/* -- numbers as text, without stdio -- */

static char *ctr__put_uint(char *at, uint64_t value) {
  char digits[20];
  int n = 0;
  do digits[n++] = (char)('0' + value % 10);
  while (value /= 10);
  while (n) *at++ = digits[--n];
  return at;
}

static char *ctr__put_int(char *at, int64_t value) {
  if (value < 0) *at++ = '-';
  return ctr__put_uint(at, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static char *ctr__put_str(char *at, const char *text) {
  size_t len = strlen(text);
  memcpy(at, text, len + 1);
  return at + len;
}
