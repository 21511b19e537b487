/* Kills a program on its way, at a place that can be named: its Nth system call, which is then not
   made any more.

     stepper REPORT N COMMAND [ARG...]      N 0: nothing is killed

   Only the command is followed, through its execves, not what it clones: that lives on undisturbed.
   REPORT gets a line for each system call, "NUMBER NAME" or, for those without a name here, just
   "NUMBER"; and at the end "killed", "exit CODE" or "signal SIGNAL". The exit code is 0 whatever
   became of the command, 2 when it could not be followed. Source: ptrace(2). */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Those that change what others can see: around them a death is most likely to leave something. */
static const char *name_of(unsigned long long number) {
#define NAME(call)                                                                                 \
  { SYS_##call, #call }
  static const struct {
    unsigned long long number;
    const char *name;
  } names[] = {
      NAME(clone),    NAME(clone3),    NAME(execve),  NAME(connect),  NAME(bind),
      NAME(listen),   NAME(sendmsg),   NAME(sendto),  NAME(write),    NAME(pwrite64),
      NAME(writev),   NAME(mkdirat),   NAME(mknodat), NAME(unlinkat), NAME(renameat2),
      NAME(linkat),   NAME(symlinkat), NAME(fchmod),  NAME(fchownat), NAME(ftruncate),
      NAME(flock),    NAME(kill),      NAME(mount),   NAME(umount2),  NAME(pidfd_send_signal),
      NAME(waitid),   NAME(wait4),     NAME(setns),   NAME(unshare),  NAME(prlimit64),
#ifdef SYS_rename /* the older ones are missing on younger machines */
      NAME(rename),   NAME(mkdir),     NAME(rmdir),   NAME(unlink),   NAME(mknod),
      NAME(symlink),  NAME(link),      NAME(fork),    NAME(vfork),
#endif
#ifdef SYS_renameat
      NAME(renameat),
#endif
  };
#undef NAME
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].number == number) return names[i].name;
  return "";
}

static int give_up(const char *what) {
  fprintf(stderr, "stepper: %s: %s\n", what, strerror(errno));
  return 2;
}

/* Stopped from its first instruction on, so that the first call counted is its execve. */
static pid_t launch(char **argv) {
  pid_t pid = fork();
  if (pid) return pid;
  ptrace(PTRACE_TRACEME, 0, NULL, NULL);
  raise(SIGSTOP);
  execvp(argv[0], argv);
  _exit(127);
}

/* Lets it go on to its next stop, handing it a signal. false: it has ended. */
static int step(pid_t pid, int signal, int *status) {
  if (ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal) < 0 && errno != ESRCH) return 0;
  return waitpid(pid, status, 0) == pid && WIFSTOPPED(*status);
}

/* The signal that a stop is about; 0 when the stop is ours (a system call, an execve). */
static int signal_of(int status) {
  return status >> 16 || WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
}

static int follow(pid_t pid, unsigned long last, FILE *report) {
  int status, signal = 0;
  unsigned long count = 0;
  while (step(pid, signal, &status)) {
    struct __ptrace_syscall_info info = {0};
    signal = signal_of(status);
    if (WSTOPSIG(status) != (SIGTRAP | 0x80)) continue;
    ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info);
    if (info.op != PTRACE_SYSCALL_INFO_ENTRY) continue;
    fprintf(report, "%lu %s\n", ++count, name_of(info.entry.nr));
    if (count != last) continue;
    kill(pid, SIGKILL); /* a call is not carried out when its entry stop ends in death */
    waitpid(pid, &status, 0);
    fprintf(report, "killed\n");
    return 0;
  }
  if (WIFSTOPPED(status)) return give_up("ptrace");
  if (WIFSIGNALED(status))
    fprintf(report, "signal %d\n", WTERMSIG(status));
  else
    fprintf(report, "exit %d\n", WEXITSTATUS(status));
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 4) return fprintf(stderr, "usage: stepper REPORT N COMMAND [ARG...]\n"), 2;
  FILE *report = fopen(argv[1], "we");
  if (!report) return give_up(argv[1]);
  pid_t pid = launch(argv + 3);
  int status;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) return give_up("fork");
  if (ptrace(PTRACE_SETOPTIONS, pid, NULL,
             (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) < 0) {
    int saved = errno;
    kill(pid, SIGKILL);
    errno = saved;
    return give_up("ptrace");
  }
  int result = follow(pid, strtoul(argv[2], NULL, 10), report);
  return fclose(report) ? give_up(argv[1]) : result;
}
