/* What runs inside the containers of the tests: says what it finds, a line "name value" each.

     probe self                 who it is and what it may
     probe cat PATH...          the files
     probe stat PATH...         PATH TYPE MODE UID GID MAJOR:MINOR LINK, or PATH and an errno's name
     probe statfs PATH...       PATH and the names of its mount flags
     probe try PATH...          what opening each for writing says
     probe writable DIR...      what below each, but for processes, opens for writing
     probe make PATH...         what making a file at each says
     probe open PATH...         what opening each for reading says
     probe run PATH...          what executing each says; the probe is one that says "ran"
     probe bind PORT...         what binding a TCP socket to each says
     probe connect PORT...      what connecting one to it on this machine says
     probe abstract NAME...     what connecting to each Unix socket without a path says
     probe signal PID...        what sending each signal 0 says
     probe give UID:GID:PATH... what giving each to them says
     probe call NUMBER:ARG...   what the system call of that number returns, and its errno
     probe i386 NUMBER...       what the system call of that number of i386 returns, on x86_64
     probe trapped NUMBER:...   the same, and what SIGSYS tells of those that are trapped
     probe spew BYTES           so many to stdout and as many to stderr, alternating
     probe echo                 stdin to stdout
     probe read FD...           what is left to read from each descriptor
     probe hear                 "ready", then each signal that comes; SIGTERM ends it
     probe headless             as hear, in a second thread: the first ends
     probe threads N            makes so many, waits for all and says how many ran
     probe daemons N            makes so many, all orphans in sessions of their own; "ready"; waits
     probe spy ALLOWED...       what it can see of other processes and is none of these, until
                                SIGTERM; attaches to every one and says how often that worked
     probe terminal             what its standard streams are as terminals, and whose
     probe tiocsti TEXT         types that into its terminal, as if it came from the keyboard
     probe takeover TEXT        the same, when the terminal has become its own
     probe note DIR NAME        adds NAME to DIR/order, copies stdin to DIR/NAME.stdin and writes
                                what "self" says to DIR/NAME
     probe exit N | crash now | wait */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* What libc calls strerrorname_np, where it has it. */
static const char *errno_name(void) {
#define NAME(e)                                                                                    \
  { e, #e }
  static const struct {
    int number;
    const char *name;
  } names[] = {NAME(EPERM),  NAME(ENOENT),      NAME(EACCES), NAME(EEXIST), NAME(EROFS),
               NAME(ELOOP),  NAME(ENXIO),       NAME(ENODEV), NAME(EISDIR), NAME(ENOTDIR),
               NAME(EINVAL), NAME(EBUSY),       NAME(EIO),    NAME(ENOKEY), NAME(ENOSYS),
               NAME(ENOSPC), NAME(ECONNREFUSED)};
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

static size_t writable_from; /* where the names below the directory start */

/* Nothing is written, and processes are not looked into: what has to do with itself a process may
   write. */
static int find_writable(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st;
  (void)at;
  if (type != FTW_F || strspn(path + writable_from, "0123456789")) return 0;
  int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return 0;
  printf("%s\n", path);
  close(fd);
  return 0;
}

static int say_writable(const char *path) {
  writable_from = strlen(path) + 1;
  return nftw(path, find_writable, 32, FTW_PHYS) != 0;
}

static int say_make(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  printf("%s %s\n", path, fd < 0 ? errno_name() : "made");
  if (fd >= 0) close(fd);
  return 0;
}

static int say_open(const char *path) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  printf("%s %s\n", path, fd < 0 ? errno_name() : "open");
  if (fd >= 0) close(fd);
  return 0;
}

static int say_run(const char *path) {
  int status = 0;
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    execl(path, path, "exit", "0", (char *)NULL);
    printf("%s %s\n", path, errno_name());
    fflush(stdout);
    _exit(1);
  }
  if (waitpid(pid, &status, 0) == pid && status == 0) printf("%s ran\n", path);
  return 0;
}

static int say_tcp(const char *port, int (*call)(int, const struct sockaddr *, socklen_t)) {
  int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)atoi(port)),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int r = call(sock, (const struct sockaddr *)&address, sizeof address);
  printf("%s %s\n", port, r < 0 ? errno_name() : "ok");
  close(sock);
  return 0;
}

static int say_bind(const char *port) {
  return say_tcp(port, bind);
}

static int say_connect(const char *port) {
  return say_tcp(port, connect);
}

static int say_abstract(const char *name) {
  int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t len = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
  memcpy(address.sun_path + 1, name, strlen(name));
  int r = connect(sock, (const struct sockaddr *)&address, (socklen_t)len);
  printf("%s %s\n", name, r < 0 ? errno_name() : "ok");
  close(sock);
  return 0;
}

static int say_signal(const char *pid) {
  printf("%s %s\n", pid, kill(atoi(pid), 0) < 0 ? errno_name() : "ok");
  return 0;
}

/* Lets the kernel send SIGTERM to a process when there is something in a pipe: fcntl(2). */
static int say_sigio(const char *pid) {
  struct f_owner_ex owner = {F_OWNER_PID, atoi(pid)};
  int ends[2];
  if (pipe(ends) < 0) return 1;
  printf("F_SETOWN %s\n", fcntl(ends[0], F_SETOWN, owner.pid) < 0 ? errno_name() : "ok");
  printf("F_SETOWN_EX %s\n", fcntl(ends[0], F_SETOWN_EX, &owner) < 0 ? errno_name() : "ok");
  printf("F_SETSIG %s\n", fcntl(ends[0], F_SETSIG, SIGTERM) < 0 ? errno_name() : "ok");
  printf("O_ASYNC %s\n", fcntl(ends[0], F_SETFL, O_ASYNC) < 0 ? errno_name() : "ok");
  return write(ends[1], "x", 1) == 1 ? 0 : 1;
}

static int give(const char *argument) {
  unsigned uid, gid;
  char path[256] = "";
  if (sscanf(argument, "%u:%u:%255s", &uid, &gid, path) != 3) return 2;
  return printf("%s %s\n", path, chown(path, uid, gid) < 0 ? errno_name() : "given"), 0;
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

/* -- the terminal -- */

static int terminal(void) {
  struct stat here = {0}, console = {0};
  struct winsize size = {0};
  for (int fd = 0; fd <= 2; fd++) printf("tty%d %s\n", fd, isatty(fd) ? ttyname(fd) : errno_name());
  fstat(0, &here);
  stat("/dev/console", &console);
  printf("owner %u %04o\n", here.st_uid, here.st_mode & 07777);
  bool same = here.st_dev == console.st_dev && here.st_ino == console.st_ino;
  printf("console %s\n", same ? "same" : "other");
  int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
  bool ours = tty >= 0 && tcgetsid(tty) == getsid(0);
  printf("controlling %s\n", tty < 0 ? errno_name() : ours ? "ours" : "other");
  if (tty >= 0) close(tty);
  printf("leads %s\nforeground %s\n", getsid(0) == getpid() ? "yes" : "no",
         tcgetpgrp(0) == getpgrp() ? "yes" : "no");
  ioctl(0, TIOCGWINSZ, &size);
  printf("size %u %u\n", size.ws_row, size.ws_col);
  return 0;
}

static int type_in(const char *text) {
  for (; *text; text++)
    if (ioctl(0, TIOCSTI, text) < 0) return printf("tiocsti %s\n", errno_name()), 0;
  puts("tiocsti done");
  return 0;
}

/* A session without a terminal may take one that no other session has (ioctl_tty(2)). */
static int take_over(const char *text) {
  if (ioctl(0, TIOCSCTTY, 0) < 0) return printf("taken %s\n", errno_name()), 0;
  return type_in(text);
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

static void say_trap(int signal, siginfo_t *info, void *context) {
  (void)context;
  printf("trapped signal %d errno %d call %d\n", signal, info->si_errno, info->si_syscall);
}

/* "101:8": the system call of that number with these arguments. */
static int call(const char *words) {
  long number[7] = {0};
  char *at = strdup(words);
  for (int i = 0; i < 7 && *at; i++) {
    number[i] = (long)strtoull(at, &at, 0);
    if (*at == ':') at++;
  }
  fflush(stdout); /* for it may be the end */
  errno = 0;
  long result =
      syscall((int)number[0], number[1], number[2], number[3], number[4], number[5], number[6]);
  printf("%s %ld %s\n", words, result, errno ? errno_name() : "ok");
  return 0;
}

/* The i386 system call of that number, without arguments, as any program of x86_64 can make it. */
static int call_i386(const char *number) {
#ifdef __x86_64__
  long result;
  fflush(stdout);
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(atol(number)), "b"(0L) : "memory");
  printf("i386:%s %ld\n", number, result);
#else
  printf("i386:%s none\n", number);
#endif
  return 0;
}

/* What follows is told of what its filter traps, instead of being ended by it. */
static int calls_trapped(char **each) {
  struct sigaction action = {.sa_sigaction = say_trap, .sa_flags = SA_SIGINFO};
  sigaction(SIGSYS, &action, NULL);
  for (; *each; each++) call(*each);
  return 0;
}

static int exit_with(const char *code) {
  return atoi(code);
}

static int drain(const char *number) {
  char buf[4096];
  for (ssize_t n; (n = read(atoi(number), buf, sizeof buf)) != 0;) {
    if (n < 0) return printf("%s %s\n", number, errno_name()), 0;
    fwrite(buf, 1, (size_t)n, stdout);
  }
  return 0;
}

static int note(int argc, char **argv) {
  char path[4096], buf[4096];
  if (argc < 4) return 2;
  snprintf(path, sizeof path, "%s/order", argv[2]);
  int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0 || dprintf(fd, "%s\n", argv[3]) < 0 || close(fd) < 0) return 1;
  snprintf(path, sizeof path, "%s/%s.stdin", argv[2], argv[3]);
  fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0666);
  for (ssize_t n; (n = read(0, buf, sizeof buf)) > 0;)
    if (write(fd, buf, (size_t)n) != n) return 1;
  close(fd);
  snprintf(path, sizeof path, "%s/%s", argv[2], argv[3]);
  return freopen(path, "we", stdout) ? self(argc, argv) : 1;
}

static void ready(void) {
  puts("ready");
  fflush(stdout);
}

static int hear(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  ready();
  for (int signal = 0; signal != SIGTERM;) {
    if (sigwait(&all, &signal)) return 1;
    printf("signal %d\n", signal);
    fflush(stdout);
  }
  return 0;
}

static void *hear_on(void *unused) {
  (void)unused;
  exit(hear());
}

/* What pthread_exit(3) in main comes to, without the library that it loads to unwind. */
static int headless(void) {
  sigset_t all;
  pthread_t thread;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  if (pthread_create(&thread, NULL, hear_on, NULL)) return 1;
  return (int)syscall(SYS_exit, 0);
}

static void *run_once(void *count) {
  __atomic_add_fetch((int *)count, 1, __ATOMIC_SEQ_CST);
  return NULL;
}

static int threads(const char *number) {
  pthread_t all[64];
  int ran = 0, n = atoi(number);
  for (int i = 0; i < n && i < 64; i++)
    if (pthread_create(&all[i], NULL, run_once, &ran)) return 1;
  for (int i = 0; i < n && i < 64; i++) pthread_join(all[i], NULL);
  return printf("threads %d\n", ran), 0;
}

/* Sends each message to the service manager (sd_notify(3)), then waits. */
static int notify(char **messages) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = getenv("NOTIFY_SOCKET");
  int sock = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (!path || sock < 0 || strlen(path) >= sizeof address.sun_path) return 1;
  strcpy(address.sun_path, path);
  for (; *messages; messages++)
    if (sendto(sock, *messages, strlen(*messages), 0, (struct sockaddr *)&address, sizeof address) <
        0)
      return 1;
  return hear();
}

static int daemons(const char *count) {
  for (int i = 0; i < atoi(count); i++) {
    pid_t child = fork();
    if (child < 0) return 1;
    if (!child) {
      setsid();
      if (fork()) _exit(0);
      for (;;) pause();
    }
    waitpid(child, NULL, 0);
  }
  ready();
  for (;;) pause();
}

/* -- what a hostile process looks for in those that come in: CVE-2016-9962 -- */

static volatile sig_atomic_t told_to_end;

static void end(int signal) {
  (void)signal;
  told_to_end = 1;
}

/* The name of a directory outside may read as "/" too: what it is decides. */
static int is_foreign_directory(const char *path) {
  struct stat st, root;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && stat("/", &root) == 0 &&
         (st.st_dev != root.st_dev || st.st_ino != root.st_ino);
}

static void spy_link(const char *path, char **allowed) {
  char target[4096];
  ssize_t n = readlink(path, target, sizeof target - 1);
  if (n < 0) return;
  target[n] = '\0';
  while (*allowed && strcmp(*allowed, target)) allowed++;
  if (*allowed && !is_foreign_directory(path)) return;
  printf("%s %s\n", path, target);
  fflush(stdout);
}

static void spy_links(const char *pid, char **allowed) {
  static const char *const names[] = {"root", "cwd", "exe"};
  char path[600];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "/proc/%s/%s", pid, names[i]);
    spy_link(path, allowed);
  }
  snprintf(path, sizeof path, "/proc/%s/fd", pid);
  DIR *fds = opendir(path);
  for (struct dirent *e; fds && (e = readdir(fds));) {
    snprintf(path, sizeof path, "/proc/%s/fd/%s", pid, e->d_name);
    spy_link(path, allowed);
  }
  if (fds) closedir(fds);
}

/* A process that is attached to stands still: what it is cannot change while it is looked at. Not
   by PTRACE_ATTACH, whose SIGSTOP may arrive after the detach when something else stopped it first
   (ptrace(2)); what is asked for is the same. */
static int spy_attach(const char *pid, char **allowed) {
  pid_t victim = (pid_t)atoi(pid);
  int status;
  if (ptrace(PTRACE_SEIZE, victim, NULL, NULL) < 0) return 0;
  ptrace(PTRACE_INTERRUPT, victim, NULL, NULL);
  if (waitpid(victim, &status, __WALL) == victim && WIFSTOPPED(status)) {
    spy_links(pid, allowed);
    ptrace(PTRACE_DETACH, victim, NULL, status >> 16 ? 0L : (long)WSTOPSIG(status));
  }
  return 1;
}

static int spy(char **allowed) {
  int attached = 0;
  struct sigaction action = {.sa_handler = end};
  sigaction(SIGTERM, &action, NULL);
  ready();
  while (!told_to_end) {
    DIR *proc = opendir("/proc");
    for (struct dirent *e; proc && (e = readdir(proc));) {
      if (atoi(e->d_name) <= 0 || atoi(e->d_name) == getpid()) continue;
      spy_links(e->d_name, allowed);
      attached += spy_attach(e->d_name, allowed);
    }
    if (proc) closedir(proc);
  }
  return printf("attached %d\n", attached), 0;
}

static const struct {
  const char *name;
  int (*run)(const char *argument);
} commands[] = {{"cat", cat},
                {"stat", say_stat},
                {"statfs", say_statfs},
                {"try", say_try},
                {"make", say_make},
                {"spew", spew},
                {"exit", exit_with},
                {"crash", crash},
                {"read", drain},
                {"daemons", daemons},
                {"tiocsti", type_in},
                {"give", give},
                {"call", call},
                {"i386", call_i386},
                {"open", say_open},
                {"run", say_run},
                {"bind", say_bind},
                {"connect", say_connect},
                {"abstract", say_abstract},
                {"signal", say_signal},
                {"sigio", say_sigio},
                {"writable", say_writable},
                {"threads", threads},
                {"takeover", take_over}};

int main(int argc, char **argv) {
  const char *command = argc > 1 ? argv[1] : "self";
  if (!strcmp(command, "self")) return self(argc, argv);
  if (!strcmp(command, "echo")) return cat("/proc/self/fd/0");
  if (!strcmp(command, "hear")) return hear();
  if (!strcmp(command, "headless")) return headless();
  if (!strcmp(command, "note")) return note(argc, argv);
  if (!strcmp(command, "notify")) return notify(argv + 2);
  if (!strcmp(command, "terminal")) return terminal();
  if (!strcmp(command, "spy")) return spy(argv + 2);
  if (!strcmp(command, "trapped")) return calls_trapped(argv + 2);
  if (!strcmp(command, "wait"))
    for (;;) pause();
  int result = 2;
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    for (int a = 2; a < argc && !strcmp(commands[i].name, command); a++)
      result = commands[i].run(argv[a]);
  return result;
}
