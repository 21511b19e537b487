/* The floor: the fewest system calls that make what the default bundle asks for (as root): the same
   namespaces, mounts, nodes, links, masks and identity, by hand, in the plainest calls there are.
   No config, no checks, no error texts. What a runtime takes over this is its own doing.

     floor ROOTFS COUNT    starts ROOTFS/bin/true COUNT times, prints nanoseconds a start, a line
   each */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OR_DIE(call) ((call) < 0 ? (perror(#call), _exit(1)) : (void)0)

static const struct {
  const char *path, *type, *data;
  unsigned long flags;
} mounts[] = {
    {"proc", "proc", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV},
    {"dev", "tmpfs", "mode=755,size=65536k", MS_NOSUID | MS_NOEXEC | MS_STRICTATIME},
    {"dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC},
    {"dev/shm", "tmpfs", "mode=1777,size=65536k", MS_NOSUID | MS_NOEXEC | MS_NODEV},
    {"dev/mqueue", "mqueue", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV},
    {"sys", "sysfs", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY},
    {"sys/fs/cgroup", "tmpfs", "mode=755", MS_NOSUID | MS_NOEXEC | MS_NODEV},
    {"tmp", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV},
    {"run", "tmpfs", "mode=755", MS_NOSUID | MS_NODEV},
};

static const struct {
  const char *name;
  unsigned major_, minor_;
} nodes[] = {{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
             {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                       {"/proc/self/fd/0", "dev/stdin"},
                                       {"/proc/self/fd/1", "dev/stdout"},
                                       {"/proc/self/fd/2", "dev/stderr"},
                                       {"pts/ptmx", "dev/ptmx"}};

static const char *const masked[] = {"proc/acpi",
                                     "proc/asound",
                                     "proc/kcore",
                                     "proc/keys",
                                     "proc/latency_stats",
                                     "proc/timer_list",
                                     "proc/timer_stats",
                                     "proc/sched_debug",
                                     "proc/scsi",
                                     "sys/firmware",
                                     "sys/devices/virtual/powercap"};
static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                        "proc/sysrq-trigger"};

static void bind_hierarchies(void) {
  const unsigned long flags = MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY;
  DIR *dir = opendir("/sys/fs/cgroup");
  for (struct dirent *e; dir && (e = readdir(dir));) {
    char from[300], to[300];
    if (e->d_name[0] == '.' || e->d_type != DT_DIR) continue;
    snprintf(from, sizeof from, "/sys/fs/cgroup/%s", e->d_name);
    snprintf(to, sizeof to, "sys/fs/cgroup/%s", e->d_name);
    OR_DIE(mkdir(to, 0755));
    OR_DIE(mount(from, to, NULL, MS_BIND, NULL));
    OR_DIE(mount(NULL, to, NULL, MS_BIND | MS_REMOUNT | flags, NULL));
  }
  OR_DIE(mount(NULL, "sys/fs/cgroup", NULL, MS_BIND | MS_REMOUNT | flags, NULL));
}

static void mask_paths(void) {
  for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
    struct stat st;
    if (stat(masked[i], &st) < 0) continue;
    if (S_ISDIR(st.st_mode))
      OR_DIE(mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, NULL));
    else
      OR_DIE(mount("/dev/null", masked[i], NULL, MS_BIND, NULL));
  }
  for (size_t i = 0; i < sizeof read_only / sizeof *read_only; i++) {
    if (mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL) < 0) continue;
    OR_DIE(mount(NULL, read_only[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
  }
}

static void make_root(const char *rootfs) {
  OR_DIE(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
  OR_DIE(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL));
  OR_DIE(chdir(rootfs));
  for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
    mkdir(mounts[i].path, 0755);
    OR_DIE(mount(mounts[i].type, mounts[i].path, mounts[i].type, mounts[i].flags, mounts[i].data));
  }
  bind_hierarchies();
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
    char path[32];
    snprintf(path, sizeof path, "dev/%s", nodes[i].name);
    OR_DIE(mknod(path, S_IFCHR | 0666, makedev(nodes[i].major_, nodes[i].minor_)));
  }
  for (size_t i = 0; i < sizeof links / sizeof *links; i++)
    OR_DIE(symlink(links[i][0], links[i][1]));
  mask_paths();
  OR_DIE(mount(NULL, ".", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
  OR_DIE(syscall(SYS_pivot_root, ".", "."));
  OR_DIE(umount2(".", MNT_DETACH));
  OR_DIE(chdir("/"));
}

static void drop_rights(void) {
  const unsigned keep = 1U << CAP_AUDIT_WRITE | 1U << CAP_KILL | 1U << CAP_NET_BIND_SERVICE;
  struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{keep, keep, 0}, {0, 0, 0}};
  OR_DIE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  for (int i = 0; i <= CAP_LAST_CAP; i++)
    if (i > 31 || !(keep >> i & 1)) prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
  OR_DIE(syscall(SYS_setgroups, 0, NULL));
  OR_DIE(syscall(SYS_setresgid, 0, 0, 0));
  OR_DIE(syscall(SYS_setresuid, 0, 0, 0));
  OR_DIE(syscall(SYS_capset, &head, data));
}

static void child(const char *rootfs) {
  struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  struct rlimit nofile = {1024, 1024};
  int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  umask(0);
  OR_DIE(setsid());
  OR_DIE(syscall(SYS_keyctl, 1, NULL));
  OR_DIE(ioctl(sock, SIOCSIFFLAGS, &lo));
  make_root(rootfs);
  umask(022);
  OR_DIE(sethostname("ctr", 3));
  OR_DIE(setrlimit(RLIMIT_NOFILE, &nofile));
  drop_rights();
  OR_DIE(syscall(SYS_close_range, 3U, ~0U, 4U));
  char *argv[] = {(char[]){"/bin/true"}, NULL}, *envp[] = {NULL};
  execve(argv[0], argv, envp);
  _exit(127);
}

int main(int argc, char **argv) {
  const long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                     CLONE_NEWCGROUP | SIGCHLD;
  if (argc != 3) return 2;
  for (long n = atol(argv[2]); n > 0; n--) {
    struct timespec a, b;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &a);
    pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
    if (pid == 0) child(argv[1]);
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status) return perror("floor"), 1;
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("%ld\n", (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec);
  }
  return 0;
}
