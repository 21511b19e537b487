/* What runs inside the containers of the tests: says what it finds, a line "name value" each.

     probe self                 who it is and what it may
     probe cat PATH...          the files
     probe stat PATH...         PATH TYPE MODE UID GID MAJOR:MINOR LINK, or PATH and an errno's name
     probe statfs PATH...       PATH and the names of its mount flags
     probe try PATH...          what opening each for writing says
     probe make PATH...         what making a file at each says
     probe spew BYTES           so many to stdout and as many to stderr, alternating
     probe echo                 stdin to stdout
     probe exit N | crash now | wait */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* What libc calls strerrorname_np, where it has it. */
static const char *errno_name(void) {
#define NAME(e)                                                                                    \
  { e, #e }
  static const struct {
    int number;
    const char *name;
  } names[] = {NAME(EPERM), NAME(ENOENT), NAME(EACCES), NAME(EEXIST),  NAME(EROFS),  NAME(ELOOP),
               NAME(ENXIO), NAME(ENODEV), NAME(EISDIR), NAME(ENOTDIR), NAME(EINVAL), NAME(EBUSY),
               NAME(EIO),   NAME(ENOKEY), NAME(ENOSYS), NAME(ENOSPC)};
#undef NAME
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].number == errno) return names[i].name;
  return strerror(errno);
}

/* -- self -- */

static void say_ids(void) {
  uid_t uid[3];
  gid_t gid[3], groups[64];
  getresuid(&uid[0], &uid[1], &uid[2]);
  getresgid(&gid[0], &gid[1], &gid[2]);
  printf("uid %u %u %u\ngid %u %u %u\ngroups", uid[0], uid[1], uid[2], gid[0], gid[1], gid[2]);
  for (int i = 0, n = getgroups(64, groups); i < n; i++) printf(" %u", groups[i]);
  mode_t mask = umask(0);
  printf("\npid %d\nsid %d\npgrp %d\numask %04o\n", getpid(), getsid(0), getpgrp(), mask);
}

static void say_names(void) {
  struct utsname name;
  char cwd[4096];
  uname(&name);
  printf("hostname %s\ndomainname %s\nmachine %s\n", name.nodename, name.domainname, name.machine);
  printf("cwd %s\n", getcwd(cwd, sizeof cwd) ? cwd : strerror(errno));
  printf("personality %#lx\n", (unsigned long)personality(0xffffffff));
}

/* /proc/self/status: capabilities, no-new-privileges, signals, seccomp. */
static void say_status(void) {
  static const char *const wanted[] = {"CapInh:", "CapPrm:", "CapEff:",     "CapBnd:", "CapAmb:",
                                       "SigBlk:", "SigIgn:", "NoNewPrivs:", "Seccomp:"};
  char line[512], value[256];
  FILE *file = fopen("/proc/self/status", "re");
  while (file && fgets(line, sizeof line, file))
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
      if (!strncmp(line, wanted[i], strlen(wanted[i])) &&
          sscanf(line + strlen(wanted[i]), "%255s", value) == 1)
        printf("%.*s %s\n", (int)strlen(wanted[i]) - 1, wanted[i], value);
  if (file) fclose(file);
}

static void say_file(const char *name, const char *path) {
  char text[4096];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (n > 0 && text[n - 1] == '\n') n--;
  text[n < 0 ? 0 : n] = '\0';
  printf("%s %s\n", name, n < 0 ? errno_name() : text);
  if (fd >= 0) close(fd);
}

static void say_limits(void) {
  for (int i = 0; i < RLIM_NLIMITS; i++) {
    struct rlimit limit;
    if (syscall(SYS_prlimit64, 0, i, NULL, &limit) == 0)
      printf("rlimit%d %lld %lld\n", i, (long long)limit.rlim_cur, (long long)limit.rlim_max);
  }
}

static void say_priorities(void) {
  struct sched_param param = {0};
  unsigned long nodes[16] = {0};
  int mode = -1;
  sched_getparam(0, &param);
  printf("sched %d nice %d priority %d\n", sched_getscheduler(0), getpriority(PRIO_PROCESS, 0),
         param.sched_priority);
  printf("ioprio %ld\n", syscall(SYS_ioprio_get, 1, 0));
  syscall(SYS_get_mempolicy, &mode, nodes, sizeof nodes * 8, NULL, 0);
  printf("mempolicy %d nodes %#lx\n", mode, nodes[0]);
}

static void say_namespaces(void) {
  static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
    ssize_t n = readlink(path, target, sizeof target);
    printf("ns.%s %.*s\n", kinds[i], n < 0 ? 0 : (int)n, target);
  }
  struct timespec monotonic, boottime;
  clock_gettime(CLOCK_MONOTONIC, &monotonic);
  clock_gettime(CLOCK_BOOTTIME, &boottime);
  printf("monotonic %lld\nboottime %lld\n", (long long)monotonic.tv_sec,
         (long long)boottime.tv_sec);
}

static void say_loopback(void) {
  struct ifreq lo = {.ifr_name = "lo"};
  int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int r = ioctl(sock, SIOCGIFFLAGS, &lo);
  printf("loopback %s\n", r < 0 ? "none" : lo.ifr_flags & IFF_UP ? "up" : "down");
  close(sock);
}

static void say_descriptors(void) {
  DIR *dir = opendir("/proc/self/fd");
  printf("descriptors");
  for (struct dirent *e; dir && (e = readdir(dir));)
    if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(dir)) printf(" %s", e->d_name);
  printf("\n");
  if (dir) closedir(dir);
}

/* Whether the key named on the command line can be found from here: keyrings(7). */
static void say_key(const char *description) {
  long key = syscall(SYS_request_key, "user", description, NULL, 0);
  printf("key %s\n", key < 0 ? errno_name() : "found");
}

static int self(int argc, char **argv) {
  for (int i = 0; i < argc; i++) printf("arg%d %s\n", i, argv[i]);
  for (char **e = environ; *e; e++) printf("env %s\n", *e);
  say_ids();
  say_names();
  say_status();
  say_limits();
  say_priorities();
  say_namespaces();
  say_loopback();
  say_descriptors();
  say_key(argc > 2 ? argv[2] : "nothing");
  say_file("oom_score_adj", "/proc/self/oom_score_adj");
  return 0;
}

/* -- the file system -- */

static const char *type_of(mode_t mode) {
  return S_ISREG(mode)    ? "file"
         : S_ISDIR(mode)  ? "dir"
         : S_ISLNK(mode)  ? "link"
         : S_ISCHR(mode)  ? "char"
         : S_ISBLK(mode)  ? "block"
         : S_ISFIFO(mode) ? "fifo"
                          : "other";
}

static int say_stat(const char *path) {
  struct stat st;
  char target[4096] = "";
  if (lstat(path, &st) < 0) return printf("%s %s\n", path, errno_name()), 0;
  if (S_ISLNK(st.st_mode)) target[readlink(path, target, sizeof target - 1)] = '\0';
  printf("%s %s %04o %u %u %u:%u %s\n", path, type_of(st.st_mode), st.st_mode & 07777, st.st_uid,
         st.st_gid, major(st.st_rdev), minor(st.st_rdev), target);
  return 0;
}

static int say_statfs(const char *path) {
  static const struct {
    unsigned long flag;
    const char *name;
  } flags[] = {{ST_RDONLY, "ro"},         {ST_NOSUID, "nosuid"},    {ST_NODEV, "nodev"},
               {ST_NOEXEC, "noexec"},     {ST_NOATIME, "noatime"},  {ST_NODIRATIME, "nodiratime"},
               {ST_RELATIME, "relatime"}, {ST_SYNCHRONOUS, "sync"}, {0x2000, "nosymfollow"}};
  struct statvfs fs;
  if (statvfs(path, &fs) < 0) return printf("%s %s\n", path, errno_name()), 0;
  printf("%s ", path);
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (fs.f_flag & flags[i].flag) printf("%s,", flags[i].name);
  printf("\n");
  return 0;
}

static int say_try(const char *path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  printf("%s %s\n", path, fd < 0 ? errno_name() : "open");
  if (fd >= 0) close(fd);
  return 0;
}

static int say_make(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  printf("%s %s\n", path, fd < 0 ? errno_name() : "made");
  if (fd >= 0) close(fd);
  return 0;
}

static int cat(const char *path) {
  char buf[4096];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return printf("%s %s\n", path, errno_name()), 0;
  fflush(stdout);
  for (ssize_t n; (n = read(fd, buf, sizeof buf)) > 0;)
    if (write(1, buf, (size_t)n) != n) return 1;
  close(fd);
  return 0;
}

/* -- behaviour -- */

static int spew(const char *count) {
  static char block[65536];
  memset(block, 'x', sizeof block);
  for (long left = atol(count); left > 0; left -= (long)sizeof block) {
    size_t n = left < (long)sizeof block ? (size_t)left : sizeof block;
    for (int fd = 1; fd <= 2; fd++)
      for (size_t done = 0; done < n;) {
        ssize_t w = write(fd, block, n - done);
        if (w < 0) return 1;
        done += (size_t)w;
      }
  }
  return 0;
}

/* The first process of a pid namespace is immune to signals from inside (pid_namespaces(7)), but
   not to those the kernel sends for what it did itself. */
static int crash(const char *unused) {
  struct rlimit none = {0, 0};
  (void)unused;
  setrlimit(RLIMIT_CORE, &none);
  __builtin_trap();
}

static int exit_with(const char *code) {
  return atoi(code);
}

static const struct {
  const char *name;
  int (*run)(const char *argument);
} commands[] = {{"cat", cat},       {"stat", say_stat}, {"statfs", say_statfs}, {"try", say_try},
                {"make", say_make}, {"spew", spew},     {"exit", exit_with},    {"crash", crash}};

int main(int argc, char **argv) {
  const char *command = argc > 1 ? argv[1] : "self";
  if (!strcmp(command, "self")) return self(argc, argv);
  if (!strcmp(command, "echo")) return cat("/proc/self/fd/0");
  if (!strcmp(command, "wait"))
    for (;;) pause();
  int result = 2;
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    for (int a = 2; a < argc && !strcmp(commands[i].name, command); a++)
      result = commands[i].run(argv[a]);
  return result;
}
