/* What a program in a container is and can get at, a line "KIND WHAT" each; files are opened, and
   nothing is read from or written to them but the few that say what else there is.
     audit [wait]  all, then "end"; wait: and stays there
     audit self    what it is, without what it can get at: for who starts it to be compared with
     audit make    something of each kind that namespaces keep apart, says "ready" and stays */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

/* A path of procfs whoever we are there. */
static const char *shown(const char *path) {
  static char text[4096];
  char own[32];
  int n = snprintf(own, sizeof own, "/proc/%d/", (int)getpid());
  if (strncmp(path, own, (size_t)n) != 0) return path;
  snprintf(text, sizeof text, "/proc/self/%s", path + n);
  return text;
}

/* Lines of a file, from one on, that begin with one of the words; none: all. */
static void say_lines(const char *kind, const char *path, int from, const char *const *words) {
  char line[4096];
  FILE *file = fopen(path, "re");
  for (int n = 0; file && fgets(line, sizeof line, file); n++) {
    bool wanted = n >= from && !words;
    for (int i = 0; words && words[i]; i++) wanted |= !strncmp(line, words[i], strlen(words[i]));
    for (char *at = line; *at; at++)
      if (*at == '\t') *at = ' ';
    line[strcspn(line, "\n")] = '\0';
    if (wanted) printf("%s %s\n", kind, line);
  }
  if (file) fclose(file);
}

static void say_links(const char *kind, const char *path) {
  char target[4096];
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof target - 1);
    if (n < 0 || atoi(e->d_name) == dirfd(dir)) continue;
    target[n] = '\0';
    printf("%s %s %s\n", kind, e->d_name, target);
  }
  if (dir) closedir(dir);
}

/* Whether it is on the devpts that is at /dev/pts: terminals of others have the same numbers. */
static bool is_own_terminal(const struct stat *st) {
  struct stat ptmx;
  return S_ISCHR(st->st_mode) && stat("/dev/pts/ptmx", &ptmx) == 0 && st->st_dev == ptmx.st_dev;
}

/* Each with which file it is, by device and number: what a link says of it is a name only. */
static void say_descriptors(void) {
  char target[4096];
  struct stat st, null;
  DIR *dir = opendir("/proc/self/fd");
  if (stat("/dev/null", &null) < 0) null.st_ino = 0;
  for (struct dirent *e; dir && (e = readdir(dir));) {
    int fd = atoi(e->d_name);
    ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof target - 1);
    if (n < 0 || fd == dirfd(dir) || fstat(fd, &st) < 0) continue;
    target[n] = '\0';
    if (st.st_dev == null.st_dev && st.st_ino == null.st_ino)
      printf("fd %d its own /dev/null\n", fd);
    else if (is_own_terminal(&st))
      printf("fd %d its own %s\n", fd, target);
    else
      printf("fd %d %llu:%llu %s\n", fd, (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino, target);
  }
  if (dir) closedir(dir);
}

static bool opens(int dir, const char *name, int flags, bool *ret_null) {
  struct stat st;
  int fd = openat(dir, name, flags | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  *ret_null = fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
  close(fd);
  return true;
}

static void say_file(int dir, const char *name, const char *path, const struct stat *st) {
  bool null = false;
  if (S_ISLNK(st->st_mode) || S_ISSOCK(st->st_mode)) return;
  if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
    printf("device %s%s %s %u:%u\n", is_own_terminal(st) ? "its own " : "", shown(path),
           S_ISCHR(st->st_mode) ? "char" : "block", major(st->st_rdev), minor(st->st_rdev));
  if (opens(dir, name, O_RDONLY, &null)) printf("%s %s\n", null ? "null" : "read", shown(path));
  if (opens(dir, name, O_WRONLY, &null) && !null) printf("write %s\n", shown(path));
}

/* Our own threads and other processes' files are no more than our own. */
static bool is_left_out(const char *path) {
  return !fnmatch("/proc/[0-9]*/task", path, FNM_PATHNAME) ||
         !fnmatch("/proc/[0-9]*/map_files", path, FNM_PATHNAME);
}

static void walk(const char *path, int depth) {
  char below[4096];
  struct stat st;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  if (fd >= 0 && access(path, W_OK) == 0) printf("writable %s\n", shown(path));
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
    snprintf(below, sizeof below, "%s/%s", strcmp(path, "/") ? path : "", e->d_name);
    if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || is_left_out(below)) continue;
    if (!S_ISDIR(st.st_mode)) say_file(fd, e->d_name, below, &st);
    if (S_ISDIR(st.st_mode) && depth < 32) walk(below, depth + 1);
  }
  if (dir) closedir(dir);
}

static void say_sockets(void) {
  static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET};
  for (int family = 1; family < 64; family++)
    for (int i = 0; i < 4; i++) {
      int sock = socket(family, types[i] | SOCK_CLOEXEC, 0);
      if (sock >= 0) printf("socket %d %d\n", family, types[i]);
      if (sock >= 0) close(sock);
    }
  for (int protocol = 0; protocol < 32; protocol++) {
    int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (sock >= 0) printf("socket netlink %d\n", protocol);
    if (sock >= 0) close(sock);
  }
}

static void say_processes(void) {
  DIR *dir = opendir("/proc");
  for (struct dirent *e; dir && (e = readdir(dir));)
    if (atoi(e->d_name) > 0)
      printf("process %s\n", atoi(e->d_name) == getpid() ? "self" : e->d_name);
  if (dir) closedir(dir);
}

/* -- what it is -- */

static void say_prctl(void) {
  static const struct {
    const char *name;
    int option;
    bool by_pointer; /* prctl(2): where the answer is */
  } all[] = {
      {"dumpable", PR_GET_DUMPABLE, false},        {"keepcaps", PR_GET_KEEPCAPS, false},
      {"securebits", PR_GET_SECUREBITS, false},    {"timerslack", PR_GET_TIMERSLACK, false},
      {"no_thp", PR_GET_THP_DISABLE, false},       {"pdeathsig", PR_GET_PDEATHSIG, true},
      {"subreaper", PR_GET_CHILD_SUBREAPER, true},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    int value = 0;
    int r = prctl(all[i].option, all[i].by_pointer ? (long)&value : 0L, 0, 0, 0);
    printf("self %s %d\n", all[i].name, r < 0 ? -errno : all[i].by_pointer ? value : r);
  }
}

static void say_scheduling(void) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  printf("self scheduler %ld\n", syscall(SYS_sched_getscheduler, 0)); /* not in musl */
  printf("self nice %d\n", getpriority(PRIO_PROCESS, 0));
  printf("self ioprio %ld\n", syscall(SYS_ioprio_get, 1 /* IOPRIO_WHO_PROCESS */, 0));
  sched_getaffinity(0, sizeof cpus, &cpus);
  printf("self cpus");
  for (int i = 0; i < CPU_SETSIZE; i++)
    if (CPU_ISSET(i, &cpus)) printf(" %d", i);
  printf("\n");
}

/* What files of procfs say of it, each of one line; those that are not there, or empty, say none.
 */
static void say_values(void) {
  static const char *const all[] = {
      "oom_score_adj",
      "coredump_filter",
      "personality",
      "loginuid",
      "sessionid",
      "setgroups",
      "uid_map",
      "gid_map",
      "projid_map",
      "timens_offsets",
      "cgroup",
      "timers",
      "attr/current",
      "attr/exec",
      "attr/fscreate",
      "attr/keycreate",
      "attr/sockcreate",
      "attr/prev",
      "attr/apparmor/current",
      "attr/apparmor/exec",
      "attr/apparmor/prev",
      "attr/smack/current",
  };
  char kind[64], path[64];
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    snprintf(kind, sizeof kind, "self %s", all[i]);
    snprintf(path, sizeof path, "/proc/self/%s", all[i]);
    say_lines(kind, path, 0, NULL);
  }
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  say_lines("self children", path, 0, NULL);
}

static void say_maps(void) {
  char line[4096];
  FILE *file = fopen("/proc/self/maps", "re");
  while (file && fgets(line, sizeof line, file)) {
    char *name = strpbrk(line, "/[");
    if (name) printf("self map %s", name);
  }
  if (file) fclose(file);
}

/* keyctl(2), KEYCTL_GET_KEYRING_ID: which session keyring it is in. */
static void say_keyring(void) {
  long id = syscall(SYS_keyctl, 0, -3 /* KEY_SPEC_SESSION_KEYRING */, 0, 0, 0);
  if (id > 0)
    printf("key session %ld\n", id);
  else
    printf("key session refused\n");
}

static void say_self(void) {
  static const char *const links[] = {"cwd", "root", "exe", NULL};
  static const char *const status[] = {
      "Umask:",      "PPid:",    "TracerPid:", "Uid:",     "Gid:",         "Groups:",
      "SigPnd:",     "ShdPnd:",  "SigBlk:",    "SigIgn:",  "CapInh:",      "CapPrm:",
      "CapEff:",     "CapBnd:",  "CapAmb:",    "Kthread:", "CoreDumping:", "Mems_allowed_list:",
      "NoNewPrivs:", "Seccomp:", NULL};
  struct utsname names;
  char target[4096];
  say_lines("status", "/proc/self/status", 0, status);
  printf("self session %s\n", getsid(0) == getpid() ? "own" : "of another");
  printf("self group %s\n", getpgrp() == getpid() ? "own" : "of another");
  printf("self secure %lu\n", getauxval(AT_SECURE));
  printf("self execfn %s\n", (const char *)getauxval(AT_EXECFN));
  if (uname(&names) == 0)
    printf("self host %s\nself domain %s\n", names.nodename, names.domainname);
  for (int i = 0; links[i]; i++) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/%s", links[i]);
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n >= 0) printf("self %s %.*s\n", links[i], (int)n, target);
  }
  for (int i = 0; i < 3; i++) {
    struct itimerval timer = {0};
    getitimer(i, &timer);
    printf("self timer %s\n", timer.it_value.tv_sec | timer.it_value.tv_usec ? "armed" : "none");
  }
  for (int i = 0; i < RLIM_NLIMITS; i++) {
    struct rlimit limit;
    if (getrlimit(i, &limit) == 0)
      printf("limit %d %lld %lld\n", i, (long long)limit.rlim_cur, (long long)limit.rlim_max);
  }
  say_prctl();
  say_scheduling();
  say_values();
  say_maps();
  say_keyring();
}

/* Of each mount all but its numbers, with what mounts it tells others and hears of: proc(5),
   mountinfo. */
static void say_mounts(void) {
  char line[4096];
  FILE *file = fopen("/proc/self/mountinfo", "re");
  while (file && fgets(line, sizeof line, file)) {
    int begin = 0;
    sscanf(line, "%*s %*s %*s %n", &begin);
    printf("mount %s", line + begin);
  }
  if (file) fclose(file);
}

static void say_rest(void) {
  say_descriptors();
  say_links("ns", "/proc/self/ns");
  say_mounts();
  for (char **e = environ; *e; e++) printf("env %s\n", *e);
  say_processes();
  say_sockets();
  struct if_nameindex *names = if_nameindex();
  for (struct if_nameindex *at = names; at && at->if_index; at++)
    printf("interface %s\n", at->if_name);
  say_lines("unix", "/proc/net/unix", 1, NULL);
  say_lines("ipc", "/proc/sysvipc/msg", 1, NULL);
  say_lines("ipc", "/proc/sysvipc/sem", 1, NULL);
  say_lines("ipc", "/proc/sysvipc/shm", 1, NULL);
  say_lines("key", "/proc/keys", 0, NULL);
  char tty[64];
  printf("terminal %s\n", open("/dev/tty", O_RDWR | O_CLOEXEC) < 0 ? "none" : ctermid(tty));
  walk("/", 0);
  printf("end\n");
}

/* -- what others in the same namespaces must be able to see -- */

static bool make(void) {
  static const char name[] = "\0of-another"; /* unix(7), "abstract": as long as it is said to be */
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  struct ifreq lo = {.ifr_name = "lo"};
  int sock = socket(AF_UNIX, SOCK_STREAM, 0);
  memcpy(address.sun_path, name, sizeof name);
  if (bind(sock, (struct sockaddr *)&address, sizeof(sa_family_t) + sizeof name - 1) < 0)
    return false;
  if (msgget(IPC_PRIVATE, 0600) < 0 || semget(IPC_PRIVATE, 1, 0600) < 0 ||
      shmget(IPC_PRIVATE, 1, 0600) < 0 ||
      syscall(SYS_mq_open, "of-another", O_CREAT | O_RDWR, 0600, NULL) < 0)
    return false;
  /* An interface that is up keeps its name: netdevice(7), SIOCSIFNAME. */
  strcpy(lo.ifr_newname, "another0");
  int inet = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq down = {.ifr_name = "lo"};
  return ioctl(inet, SIOCSIFFLAGS, &down) == 0 && ioctl(inet, SIOCSIFNAME, &lo) == 0;
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "";
  if (!strcmp(mode, "make")) {
    puts(make() ? "ready" : strerror(errno));
  } else {
    say_self();
    if (strcmp(mode, "self") != 0) say_rest();
  }
  fflush(stdout);
  while (!strcmp(mode, "make") || !strcmp(mode, "wait")) pause();
  return 0;
}
