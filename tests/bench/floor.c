/* The floor: the fewest system calls that make what the default bundle asks for: the same
   namespaces, mounts, nodes, links, masks, identity and length of filter, by hand, in the fastest
   calls that the kernel has for each. It knows the bundle and the machine by heart and trusts both:
   no config, no checks, no error texts, no path that is looked at before it is used. What a runtime
   takes over this is its own doing.

     floor ROOTFS COUNT      starts ROOTFS/bin/true COUNT times; prints nanoseconds a start, a line
                             each

   As an ordinary user: the rootless default, with a user namespace and the host's devices. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OR_DIE(call) ((call) < 0 ? (perror(#call), _exit(1)) : (void)0)
#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { NO_SUID_DEV_EXEC = MS_NOSUID | MS_NOEXEC | MS_NODEV, CGROUP2_MAGIC = 0x63677270 };

static const struct {
  const char *path, *type, *data;
  unsigned long flags;
  bool make;
} mounts[] = {
    {"proc", "proc", NULL, NO_SUID_DEV_EXEC, false},
    {"dev", "tmpfs", "mode=755,size=65536k", MS_NOSUID | MS_NOEXEC | MS_STRICTATIME, false},
    {"dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC, true},
    {"dev/shm", "tmpfs", "mode=1777,size=65536k", NO_SUID_DEV_EXEC, true},
    {"dev/mqueue", "mqueue", NULL, NO_SUID_DEV_EXEC, true},
    {"sys", "sysfs", NULL, NO_SUID_DEV_EXEC | MS_RDONLY, false},
    {"tmp", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV, false},
    {"run", "tmpfs", "mode=755", MS_NOSUID | MS_NODEV, false},
};

static const struct {
  const char *path;
  unsigned major_, minor_;
} nodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
             {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};

static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                       {"/proc/self/fd/0", "dev/stdin"},
                                       {"/proc/self/fd/1", "dev/stdout"},
                                       {"/proc/self/fd/2", "dev/stderr"},
                                       {"pts/ptmx", "dev/ptmx"}};

static const char *const masked_dirs[] = {"sys/firmware",
                                          "proc/acpi",
                                          "proc/asound",
                                          "proc/scsi",
                                          "sys/devices/virtual/powercap",
                                          "sys/class/zram-control",
                                          "sys/kernel/slab"};
static const char *const masked_files[] = {"proc/kcore",         "proc/keys",
                                           "proc/latency_stats", "proc/timer_list",
                                           "proc/timer_stats",   "proc/sched_debug",
                                           "proc/kpagecgroup",   "proc/kpagecount",
                                           "proc/kpageflags",    "proc/pagetypeinfo",
                                           "proc/allocinfo",     "proc/slabinfo",
                                           "proc/vmallocinfo"};
static const char *const read_only[] = {"proc/bus", "proc/dynamic_debug", "proc/fs",
                                        "proc/irq", "proc/sys",           "proc/sysrq-trigger"};

static int add_attributes(const char *path, unsigned flags, uint64_t attributes) {
  struct {
    uint64_t set, clear, propagation, userns;
  } arg = {attributes, 0, 0, 0};
  return (int)syscall(442 /* mount_setattr(2) */, AT_FDCWD, path, flags, &arg, sizeof arg);
}

/* One hierarchy of /sys/fs/cgroup, or a link that names it by one of its controllers. */
static void put_hierarchy(const char *name, unsigned char type) {
  char from[300], to[300], target[256];
  snprintf(from, sizeof from, "/sys/fs/cgroup/%s", name);
  snprintf(to, sizeof to, "sys/fs/cgroup/%s", name);
  if (type == 10 /* DT_LNK */) {
    ssize_t len = readlink(from, target, sizeof target - 1);
    OR_DIE(len);
    target[len] = '\0';
    OR_DIE(symlink(target, to));
    return;
  }
  OR_DIE(mkdir(to, 0755));
  OR_DIE(mount(from, to, NULL, MS_BIND, NULL));
}

/* The machine's hierarchies as it has them mounted: one, or one for each of v1's directories. All
   get their attributes in one call. */
static void mount_cgroups(void) {
  struct statfs fs;
  OR_DIE(statfs("/sys/fs/cgroup", &fs));
  if (fs.f_type == CGROUP2_MAGIC) {
    OR_DIE(mount("cgroup", "sys/fs/cgroup", "cgroup2", NO_SUID_DEV_EXEC | MS_RDONLY, NULL));
    return;
  }
  OR_DIE(mount("cgroup", "sys/fs/cgroup", "tmpfs", 0, "mode=755"));
  _Alignas(8) char entries[4096];
  int dir = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);
  for (long n; (n = syscall(SYS_getdents64, dir, entries, sizeof entries)) > 0;) {
    for (long at = 0; at < n;) { /* struct linux_dirent64: ino, off, reclen, type, name */
      uint16_t len;
      memcpy(&len, entries + at + 16, sizeof len);
      const char *name = entries + at + 19;
      if (*name != '.') put_hierarchy(name, (unsigned char)entries[at + 18]);
      at += len;
    }
  }
  OR_DIE(close(dir));
  OR_DIE(add_attributes("sys/fs/cgroup", 0x8000 /* AT_RECURSIVE */,
                        1 | 2 | 4 | 8 /* ro, nosuid, nodev, noexec */));
}

/* All directories get the same empty tmpfs. What this machine does not have needs no mask. */
static void mask_paths(void) {
  OR_DIE(mount("tmpfs", masked_dirs[0], "tmpfs", NO_SUID_DEV_EXEC | MS_RDONLY, "mode=555"));
  for (size_t i = 1; i < COUNT(masked_dirs); i++)
    mount(masked_dirs[0], masked_dirs[i], NULL, MS_BIND, NULL);
  for (size_t i = 0; i < COUNT(masked_files); i++)
    mount("/dev/null", masked_files[i], NULL, MS_BIND, NULL);
  for (size_t i = 0; i < COUNT(read_only); i++)
    if (mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL) == 0)
      OR_DIE(add_attributes(read_only[i], 0, 1 /* ro */));
}

static void make_nodes(bool rootless) {
  for (size_t i = 0; i < COUNT(nodes); i++) {
    dev_t device = makedev(nodes[i].major_, nodes[i].minor_);
    OR_DIE(mknod(nodes[i].path, rootless ? S_IFREG | 0644 : S_IFCHR | 0666, rootless ? 0 : device));
    if (!rootless) continue;
    char host[32];
    snprintf(host, sizeof host, "/%s", nodes[i].path);
    OR_DIE(mount(host, nodes[i].path, NULL, MS_BIND, NULL));
  }
  for (size_t i = 0; i < COUNT(links); i++) OR_DIE(symlink(links[i][0], links[i][1]));
}

static void make_root(const char *rootfs, bool rootless) {
  OR_DIE(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
  OR_DIE(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL));
  OR_DIE(chdir(rootfs));
  for (size_t i = 0; i < COUNT(mounts); i++) {
    const char *data = mounts[i].data;
    if (rootless && !strcmp(mounts[i].type, "devpts")) data = "newinstance,ptmxmode=0666,mode=0620";
    if (mounts[i].make) OR_DIE(mkdir(mounts[i].path, 0755));
    OR_DIE(mount(mounts[i].type, mounts[i].path, mounts[i].type, mounts[i].flags, data));
  }
  mount_cgroups();
  make_nodes(rootless);
  mask_paths();
  OR_DIE(add_attributes(".", 0, 1 /* ro */));
  OR_DIE(syscall(SYS_pivot_root, ".", "."));
  OR_DIE(umount2(".", MNT_DETACH));
  OR_DIE(chdir("/"));
}

static void drop_rights(bool rootless) {
  const unsigned keep = 1U << CAP_AUDIT_WRITE | 1U << CAP_KILL | 1U << CAP_NET_BIND_SERVICE;
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{keep, keep, 0}, {0, 0, 0}};
  OR_DIE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  for (int i = 0; i <= CAP_LAST_CAP; i++)
    if (i > 31 || !(keep >> i & 1)) prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
  if (!rootless) OR_DIE(syscall(SYS_setgroups, 0, NULL));
  OR_DIE(syscall(SYS_capset, &head, data));
}

/* What any filter costs: one that allows all, as long as that of the preset. */
static void load_filter(void) {
  struct sock_filter code[151] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0)};
  const struct sock_fprog program = {COUNT(code), code};
  for (size_t i = 1; i < COUNT(code); i++)
    code[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  OR_DIE(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
}

static void write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY);
  OR_DIE(write(fd, text, strlen(text)));
  OR_DIE(close(fd));
}

/* A process may map its own id, and no other, itself: no parent has to be waited for. */
static void become_root(unsigned uid, unsigned gid) {
  char map[32];
  write_file("/proc/self/setgroups", "deny");
  snprintf(map, sizeof map, "0 %u 1", uid);
  write_file("/proc/self/uid_map", map);
  snprintf(map, sizeof map, "0 %u 1", gid);
  write_file("/proc/self/gid_map", map);
  OR_DIE(syscall(SYS_setresgid, 0, 0, 0));
  OR_DIE(syscall(SYS_setresuid, 0, 0, 0));
}

struct start {
  const char *rootfs;
  unsigned uid, gid;
};

static int child(void *arg) {
  const struct start *start = arg;
  const bool rootless = start->uid != 0;
  struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  struct rlimit nofile = {1024, 1024};
  umask(0);
  OR_DIE(setsid());
  OR_DIE(syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL));
  if (rootless) become_root(start->uid, start->gid);
  int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  OR_DIE(ioctl(sock, SIOCSIFFLAGS, &lo));
  make_root(start->rootfs, rootless);
  umask(022);
  OR_DIE(sethostname("ctr", 3));
  OR_DIE(setrlimit(RLIMIT_NOFILE, &nofile));
  drop_rights(rootless);
  OR_DIE(syscall(436 /* close_range(2) */, 3U, ~0U, 4U));
  char *argv[] = {(char[]){"/bin/true"}, NULL};
  char *envp[] = {
      (char[]){"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      (char[]){"TERM=xterm"},
      NULL,
  };
  load_filter();
  execve(argv[0], argv, envp);
  _exit(127);
}

/* As posix_spawn(3) does it: no page table is copied for a child that is about to execve. */
static pid_t start_child(struct start *start) {
  static _Alignas(16) char stack[64 * 1024];
  const int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                    CLONE_NEWCGROUP | (start->uid ? CLONE_NEWUSER : 0);
  return clone(child, stack + sizeof stack, flags | CLONE_VM | CLONE_VFORK | SIGCHLD, start);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  struct start start = {argv[1], getuid(), getgid()};
  for (long n = atol(argv[2]); n > 0; n--) {
    struct timespec a, b;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &a);
    pid_t pid = start_child(&start);
    if (pid < 0 || waitpid(pid, &status, 0) < 0) return perror("floor"), 1;
    if (status) return fprintf(stderr, "floor: the child ended with %#x\n", (unsigned)status), 1;
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%ld\n", (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec);
  }
  return 0;
}
