/* A hostile program in a container: looks at every process that has executed nothing yet, which is
   one of the runtime's on its way in, and says what it got of it, a line "PID WHAT" each.

     intruder watch [NAME]  until SIGTERM; stops each and lets it go on, a few steps at a time;
                            only those that are called NAME
     intruder once [FILE [TEXT]]
                            all that are there now; says so there; looks for TEXT in their memory
     intruder dump          has each dump core where it stands
     intruder send SIGNAL   once to each

   It begins with "ready" and ends with "looked N": at how many it looked. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PF_FORKNOEXEC = 0x40, PIDS = 1 << 16 }; /* the kernel's sched.h */

static volatile sig_atomic_t told_to_end;
static unsigned char seen[PIDS];
static int looked, wanted_signal;
static const char *needle, *name;

static void end(int signal) {
  (void)signal;
  told_to_end = 1;
}

/* proc_pid_stat(5): what it is cannot change back. */
static bool is_entering(int pid) {
  char path[64], text[1024];
  unsigned flags = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (n <= 0) return false;
  text[n] = '\0';
  const char *first = strchr(text, '('), *at = strrchr(text, ')');
  if (name && first && strncmp(first + 1, name, strlen(name)) != 0) return false;
  return at && sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %u", &flags) == 1 && (flags & PF_FORKNOEXEC);
}

/* What was got before it executed anything. */
static void say(int pid, const char *what, const char *more) {
  if (!is_entering(pid)) return;
  printf("%d %s %s\n", pid, what, more);
  fflush(stdout);
}

static void try_link(int pid, const char *name) {
  char path[512], target[4096];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  ssize_t n = readlink(path, target, sizeof target - 1);
  if (n < 0) return;
  target[n] = '\0';
  say(pid, name, target);
}

static void try_descriptors(int pid) {
  char path[512];
  snprintf(path, sizeof path, "/proc/%d/fd", pid);
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (e->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "fd/%.200s", e->d_name);
    try_link(pid, path);
  }
  if (dir) closedir(dir);
}

/* Blank is what says nothing. */
static void try_file(int pid, const char *name) {
  char path[512], text[4096];
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (n <= 0) return;
  for (ssize_t i = 0; i < n; i++)
    if (text[i] < ' ') text[i] = ' ';
  text[n] = '\0';
  if (text[strspn(text, " ")]) say(pid, name, text);
}

/* Its memory, at an address that we have too. */
static void try_memory(int pid) {
  static char ours[16];
  const struct iovec to = {ours, 1}, from = {(void *)(size_t)0x400000, 1};
  if (process_vm_readv(pid, &to, 1, &from, 1, 0) == 1 || errno == EFAULT)
    say(pid, "memory", "process_vm_readv");
}

static void try_needle(int pid) {
  static char chunk[1 << 20];
  char path[64], line[512];
  unsigned long from, to;
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  int mem = open(path, O_RDONLY | O_CLOEXEC);
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE *maps = fopen(path, "re");
  while (maps && mem >= 0 && fgets(line, sizeof line, maps)) {
    if (sscanf(line, "%lx-%lx", &from, &to) != 2) continue;
    for (ssize_t n; from < to && (n = pread(mem, chunk, sizeof chunk, (off_t)from)) > 0; from += n)
      if (memmem(chunk, (size_t)n, needle, strlen(needle))) say(pid, "text", line);
  }
  if (maps) fclose(maps);
  if (mem >= 0) close(mem);
}

static void try_pidfd(int pid) {
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  for (int fd = 0; fd < 64 && pidfd >= 0; fd++) {
    int got = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    if (got < 0) continue;
    close(got);
    say(pid, "descriptor", "pidfd_getfd");
    break;
  }
  if (pidfd >= 0) close(pidfd);
}

static void try_trace(int pid) {
  int status;
  if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0) return;
  say(pid, "traced", "");
  ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
  if (waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
    ptrace(PTRACE_DETACH, pid, NULL, status >> 16 ? 0L : (long)WSTOPSIG(status));
}

static void look(int pid) {
  static const char *const links[] = {"root", "cwd", "exe"};
  static const char *const files[] = {"environ", "maps", "cmdline", "auxv"};
  for (size_t i = 0; i < 3; i++) try_link(pid, links[i]);
  for (size_t i = 0; i < 4; i++) try_file(pid, files[i]);
  try_descriptors(pid);
  try_memory(pid);
  try_pidfd(pid);
  try_trace(pid);
  if (needle) try_needle(pid);
}

static void wait_us(long us) {
  struct timespec now, until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += us * 1000;
  do clock_gettime(CLOCK_MONOTONIC, &now);
  while ((now.tv_sec - until.tv_sec) * 1000000000L + now.tv_nsec - until.tv_nsec < 0);
}

/* A little further each time. */
static void step_through(int pid) {
  for (int i = 0; i < 200 && is_entering(pid); i++) {
    kill(pid, SIGSTOP);
    look(pid);
    kill(pid, SIGCONT);
    wait_us(rand() % 30);
  }
}

static void dump(int pid) {
  const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY}, most = {1L << 40, RLIM_INFINITY};
  if (syscall(SYS_prlimit64, pid, RLIMIT_CORE, &all, NULL) < 0)
    syscall(SYS_prlimit64, pid, RLIMIT_CORE, &most, NULL);
  kill(pid, SIGSEGV);
}

static void meet(int pid, const char *mode) {
  if (pid <= 0 || pid == getpid() || !is_entering(pid)) return;
  looked += pid >= PIDS || !seen[pid];
  if (pid < PIDS && seen[pid] && mode[0] != 'w') return;
  if (pid < PIDS) seen[pid] = 1;
  if (mode[0] == 'w') step_through(pid);
  if (mode[0] == 'o') look(pid);
  if (mode[0] == 'd') dump(pid);
  if (mode[0] == 's') kill(pid, wanted_signal);
}

/* The newest first: some do not live until all others were seen. */
static void look_around(const char *mode) {
  static int pids[PIDS];
  int count = 0;
  DIR *proc = opendir("/proc");
  for (struct dirent *e; proc && count < PIDS && (e = readdir(proc));)
    if (atoi(e->d_name) > 0) pids[count++] = atoi(e->d_name);
  if (proc) closedir(proc);
  while (count > 0) meet(pids[--count], mode);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "once";
  struct sigaction action = {.sa_handler = end};
  const bool once = mode[0] == 'o';
  wanted_signal = argc > 2 ? atoi(argv[2]) : 0;
  if (once && argc > 2 && !freopen(argv[2], "ae", stdout)) return 1;
  if (once && argc > 3) needle = argv[3];
  if (mode[0] == 'w' && argc > 2) name = argv[2];
  sigaction(SIGTERM, &action, NULL);
  puts("ready");
  fflush(stdout);
  do {
    look_around(mode);
  } while (!told_to_end && !once);
  printf("looked %d\n", looked);
  return 0;
}
