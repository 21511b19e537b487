/* Lets one system call of a program, or of a process that it has cloned, fail: it is not made, and
   its caller sees an errno.

     faulter REPORT PROCESS NAME N ERRNO COMMAND [ARG...]      N 0: none fails

   PROCESS 0 is the command, 1 the first that was cloned, and so on; what executes another program
   is let go. The call is the Nth of that name: of all calls together no two runs make as many, as
   libc grows its heap when it is full. REPORT gets a line for each call, "PROCESS NAME"; then
   "failed" if the call was reached; and at the end "exit CODE" or "signal SIGNAL" of the command.
   When that has ended, so do we: what it has left lives on. The exit code is 0 whatever became of
   it, 2 when it could not be followed, 3 on a machine whose registers are not known here. Source:
   ptrace(2). */
#define CTR_IMPLEMENTATION
#define CTR_STATIC
#include "ctr.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/user.h>

enum { PROCESSES = 64 };

static struct process {
  pid_t pid;
  unsigned long calls, named; /* of those the ones that have the name */
  bool is_faulty;             /* the call under way is not made       */
} processes[PROCESSES];
static size_t count;
static struct {
  size_t process;
  const char *name;
  unsigned long call;
  int error;
} fault;
static FILE *report;

static const char *name_of(uint64_t number) {
  for (int row = 0; row < CTR__SYSCALL_ROWS; row++)
    if (ctr__syscall_number(row) == (int64_t)number) return ctr__syscall_rows[row].name;
  return "?";
}

static struct process *process_of(pid_t pid) {
  for (size_t i = 0; i < count; i++)
    if (processes[i].pid == pid) return &processes[i];
  if (count == PROCESSES) return NULL;
  processes[count] = (struct process){.pid = pid};
  return &processes[count++];
}

#if defined __x86_64__
static void change(pid_t pid, bool entry) {
  struct user_regs_struct regs;
  ptrace(PTRACE_GETREGS, pid, NULL, &regs);
  if (entry)
    regs.orig_rax = (unsigned long)-1; /* no call has that number */
  else
    regs.rax = (unsigned long long)-fault.error;
  ptrace(PTRACE_SETREGS, pid, NULL, &regs);
}
#elif defined __aarch64__
static void change(pid_t pid, bool entry) {
  struct user_regs_struct regs;
  int none = -1;
  struct iovec all = {&regs, sizeof regs}, number = {&none, sizeof none};
  if (entry) {
    ptrace(PTRACE_SETREGSET, pid, (void *)0x404 /* NT_ARM_SYSTEM_CALL */, &number);
    return;
  }
  ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &all);
  regs.regs[0] = (unsigned long long)(long long)-fault.error;
  ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &all);
}
#else
static void change(pid_t pid, bool entry) {
  (void)pid;
  (void)entry;
  exit(3);
}
#endif

/* Whether it is let go: what is about to execute another program than the command is not ours any
   more. Before it does: who is traced gains nothing by a set-user-ID program, as newuidmap is. */
static bool at_call(struct process *p) {
  struct __ptrace_syscall_info info = {0};
  ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, (void *)sizeof info, &info);
  if (info.op == PTRACE_SYSCALL_INFO_EXIT && p->is_faulty) {
    change(p->pid, false);
    p->is_faulty = false;
  }
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return false;
  const char *name = name_of(info.entry.nr);
  p->calls++;
  p->named += !strcmp(name, fault.name);
  fprintf(report, "%zu %s\n", (size_t)(p - processes), name);
  if ((size_t)(p - processes) != fault.process || p->named != fault.call ||
      strcmp(name, fault.name) != 0)
    return p != processes && !strncmp(name, "execve", 6);
  fprintf(report, "failed\n");
  p->is_faulty = true;
  change(p->pid, true);
  return false;
}

/* By the order in which they are cloned, not in which they are heard of. */
static void number_new_one(const struct process *parent) {
  unsigned long pid;
  if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &pid) == 0) process_of((pid_t)pid);
}

static void go_on(struct process *p, int status) {
  const int event = status >> 16;
  if (event && event != PTRACE_EVENT_EXEC) number_new_one(p);
  const bool stop_is_ours = event || WSTOPSIG(status) == (SIGTRAP | 0x80);
  if (!event && stop_is_ours && at_call(p)) {
    ptrace(PTRACE_DETACH, p->pid, NULL, NULL);
    return;
  }
  const bool is_first = !p->calls && WSTOPSIG(status) == SIGSTOP; /* of a new one */
  const long signal = stop_is_ours || is_first ? 0 : WSTOPSIG(status);
  ptrace(PTRACE_SYSCALL, p->pid, NULL, (void *)signal);
}

static int follow(void) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
    struct process *p = process_of(pid);
    if (!p) return 2;
    if (WIFSTOPPED(status)) {
      go_on(p, status);
      continue;
    }
    if (p != processes) continue;
    if (WIFSIGNALED(status))
      fprintf(report, "signal %d\n", WTERMSIG(status));
    else
      fprintf(report, "exit %d\n", WEXITSTATUS(status));
    return 0;
  }
  return 2;
}

int main(int argc, char **argv) {
  const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE |
                       PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
  if (argc < 7) return 2;
  report = fopen(argv[1], "we");
  fault.process = strtoul(argv[2], NULL, 10);
  fault.name = argv[3];
  fault.call = strtoul(argv[4], NULL, 10);
  fault.error = (int)strtol(argv[5], NULL, 10);
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    execvp(argv[6], argv + 6);
    _exit(127);
  }
  int status;
  if (!report || pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) return 2;
  process_of(pid);
  if (ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)options) < 0) return kill(pid, SIGKILL), 2;
  ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
  int result = follow();
  return fclose(report) ? 2 : result;
}
