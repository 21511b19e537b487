/* The presets of linux.seccomp: each system call is in one group, and a group says who is let have
   it and why. A call of no group does not exist (ENOSYS): libc tries newer calls first and takes an
   older one then. What is written here comes from the manual pages of section 2 and from what the
   kernel's documentation says of each call's reach. */

enum {
  CTR__IN_NONE = 0,
  CTR__IN_DEFAULT = 1,
  CTR__IN_STRICT = 2,
  CTR__IN_BOTH = CTR__IN_DEFAULT | CTR__IN_STRICT,
};

/* Name, as explained, which presets allow it, what a call gets where it is not allowed,
   capabilities with any of which `default` allows it (the kernel asks for them too), and why. Which
   calls are in a group says the table of system calls. */
/* clang-format off */
#define CTR__CALL_GROUPS(X)                                                                        \
  X(BEGIN, "begin and end", BOTH, DENIED, 0,                                                       \
    "what libc does before and after main")                                                        \
  X(CPU, "processor", BOTH, DENIED, 0,                                                             \
    "what a program does by a call only because of its processor; the kernel makes "               \
    "uprobe and uretprobe itself")                                                                 \
  X(MEMORY, "memory", BOTH, DENIED, 0,                                                             \
    "its own memory alone")                                                                        \
  X(FDS, "descriptors", BOTH, DENIED, 0,                                                           \
    "what is open already")                                                                        \
  X(GIVEN, "sockets given", BOTH, DENIED, 0,                                                       \
    "what is done with a socket that the program was given")                                       \
  X(FILES, "files", BOTH, DENIED, 0,                                                               \
    "opening, finding, making and removing files: the mounts decide which can be "                 \
    "reached and changed")                                                                         \
  X(WAITING, "waiting", BOTH, DENIED, 0,                                                           \
    "waiting for what is open, and for time to pass")                                              \
  X(TIME, "time", BOTH, DENIED, 0,                                                                 \
    "reading clocks, and timers of one's own")                                                     \
  X(THREADS, "threads", BOTH, DENIED, 0,                                                           \
    "threads of one's own and how they wait for each other")                                       \
  X(SIGNALS, "signals", BOTH, DENIED, 0,                                                           \
    "handling signals, and sending them to a thread by its number, as raise(3), abort(3) and "     \
    "pthread_kill(3) do: no filter sees whose it is, so that they reach whom the pid namespace "   \
    "and the user id let them; scope signals by Landlock against that")                            \
  X(SELF, "who and where", BOTH, DENIED, 0,                                                        \
    "reading what one is and has")                                                                 \
  X(PROCESSES, "processes", DEFAULT, DENIED, 0,                                                    \
    "making processes, ordering them and sending them signals: the pid namespace "                 \
    "decides which there are")                                                                     \
  X(SOCKETS, "sockets", DEFAULT, DENIED, 0,                                                        \
    "talking to others: the network namespace decides to whom")                                    \
  X(ATTRS, "attributes", DEFAULT, DENIED, 0,                                                       \
    "links, nodes, owners, modes, times and other attributes of files")                            \
  X(IO, "more files", DEFAULT, DENIED, 0,                                                          \
    "watching files, moving bytes without copying, waiting for the disk")                          \
  X(IDENTITY, "identity", DEFAULT, DENIED, 0,                                                      \
    "giving up rights, and getting those that the capabilities allow")                             \
  X(PRIORITY, "priorities", DEFAULT, DENIED, 0,                                                    \
    "where and how urgently one's own is run and kept")                                            \
  X(IPC, "messages", DEFAULT, DENIED, 0,                                                           \
    "queues, semaphores and shared memory: the ipc namespace decides with whom")                   \
  X(SANDBOX, "less for itself", DEFAULT, DENIED, 0,                                                \
    "sandboxes inside, and memory that the kernel itself does not see")                            \
  X(MOUNTS, "mounts", NONE, DENIED, CTR_CAP(SYS_ADMIN),                                            \
    "would undo what is read-only or masked")                                                      \
  X(SPACES, "namespaces", NONE, DENIED, CTR_CAP(SYS_ADMIN),                                        \
    "lead out, or to capabilities over new parts of the kernel")                                   \
  X(CLONE3, "clone3", NONE, ABSENT, CTR_CAP(SYS_ADMIN),                                            \
    "its flags lie in memory, where no filter sees them: libc takes clone(2) then")                \
  X(ROOT, "root", NONE, DENIED, CTR_CAP(SYS_CHROOT),                                               \
    "another root")                                                                                \
  X(OTHERS, "other processes", NONE, DENIED, CTR_CAP(SYS_PTRACE),                                  \
    "reading and changing other processes, and taking what they have open")                        \
  X(HANDLES, "handles", NONE, DENIED, CTR_CAP(DAC_READ_SEARCH),                                    \
    "opens a file by its number, past the mounts")                                                 \
  X(CLOCKS, "clocks", NONE, DENIED, CTR_CAP(SYS_TIME),                                             \
    "the machine's clocks")                                                                        \
  X(MODULES, "modules", NONE, DENIED, CTR_CAP(SYS_MODULE),                                         \
    "code for the kernel")                                                                         \
  X(BOOT, "boot", NONE, DENIED, CTR_CAP(SYS_BOOT),                                                 \
    "ending or replacing the kernel")                                                              \
  X(LOG, "log", NONE, DENIED, CTR_CAP(SYSLOG),                                                     \
    "the kernel's log, which has its addresses")                                                   \
  X(ACCOUNT, "accounting", NONE, DENIED, CTR_CAP(SYS_PACCT),                                       \
    "a file of all that ends on the machine")                                                      \
  X(MACHINE, "machine", NONE, DENIED, CTR_CAP(SYS_ADMIN),                                          \
    "names, swap and quotas of the machine, and events of whole file systems")                     \
  X(BPF, "programs for the kernel", NONE, DENIED, CTR_CAP(BPF) | CTR_CAP(SYS_ADMIN),               \
    "bpf(2): a compiler in the kernel")                                                            \
  X(COUNTERS, "counters", NONE, DENIED, CTR_CAP(PERFMON) | CTR_CAP(SYS_ADMIN),                     \
    "perf_event_open(2) tells what others and the kernel do")                                      \
  X(PLACES, "placement", NONE, DENIED, CTR_CAP(SYS_NICE),                                          \
    "where the memory of processes lies, others' too")                                             \
  X(PORTS, "ports", NONE, DENIED, CTR_CAP(SYS_RAWIO),                                              \
    "the machine's ports and buses")                                                               \
  X(TERMINAL, "terminals", NONE, DENIED, CTR_CAP(SYS_TTY_CONFIG),                                  \
    "hangs up a terminal that others have")                                                        \
  X(KEYS, "keys", NONE, DENIED, 0,                                                                 \
    "keys belong to users of the machine: no namespace parts them (keyrings(7))")                  \
  X(URING, "io_uring", NONE, DENIED, 0,                                                            \
    "does what other calls do, out of the filter's sight")                                         \
  X(FAULTS, "faults", NONE, DENIED, 0,                                                             \
    "lets a program stop the kernel where it likes")                                               \
  X(SEGMENTS, "segments", NONE, DENIED, 0,                                                         \
    "segments and modes of old processors, seldom used and seldom looked at")                      \
  X(NEW, "new", NONE, ABSENT, 0,                                                                   \
    "for what older calls and procfs do as well")                                                  \
  X(OLD, "old", NONE, ABSENT, 0,                                                                   \
    "of kernels and libraries of long ago; socketcall(2) hides which call it is")
/* clang-format on */

enum ctr__call_group_number {
#define CTR__GROUP_ENUM(tag, name, presets, refusal, caps, why) CTR__CALLS_##tag,
  CTR__CALL_GROUPS(CTR__GROUP_ENUM)
#undef CTR__GROUP_ENUM
      CTR__CALL_GROUP_COUNT
};

typedef struct ctr__call_group {
  const char *name, *why;
  uint32_t presets, refusal;
  uint64_t caps;
} ctr__call_group;

static const ctr__call_group ctr__call_groups[] = {
#define CTR__GROUP_ROW(tag, name, presets, refusal, caps, why)                                     \
  {name, why, CTR__IN_##presets, CTR__SECCOMP_##refusal, caps},
    CTR__CALL_GROUPS(CTR__GROUP_ROW)
#undef CTR__GROUP_ROW
};

/* -- arguments -- */

/* The kernel takes the lower half of most arguments: the rest is not looked at either
   (CVE-2019-10063). */
#define CTR__INT(position, number)                                                                 \
  { .index = position, .value = 0xffffffff, .valueTwo = number, .op = CTR_SCMP_CMP_MASKED_EQ }
#define CTR__BITS(position, bits, number)                                                          \
  { .index = position, .value = bits, .valueTwo = number, .op = CTR_SCMP_CMP_MASKED_EQ }

#ifdef __s390__ /* clone(2), "C library/kernel differences" */
enum { CTR__CLONE_FLAGS = 1 };
#else
enum { CTR__CLONE_FLAGS = 0 };
#endif
enum {
  CTR__ANY_NAMESPACE = CTR_NS_MOUNT | CTR_NS_CGROUP | CTR_NS_UTS | CTR_NS_IPC | CTR_NS_USER |
                       CTR_NS_PID | CTR_NS_NETWORK, /* CLONE_NEWTIME is for unshare(2) alone */
  /* All that makes none, whatever flags there will be. */
  CTR__NO_NAMESPACE =
      CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | CLONE_THREAD | CLONE_VM,
};

/* ioctl_tty(2); termios2 is what newer libraries ask with. */
#ifdef __powerpc__
enum { CTR__TCGETS = 0x402c7413, CTR__TCGETS2 = CTR__TCGETS };
#else
enum { CTR__TCGETS = 0x5401 };
#define CTR__TCGETS2 0x802c542aU
#endif

/* fcntl(2), "Managing signals": whom what is open signals when it is ready, and by what; the kernel
   does it then, in nobody's call. A terminal signals its foreground whoever asks for it. */
/* clang-format off */
#define CTR__NO_SIGNALS                                                                            \
  { CTR__DENY(CTR__INT(1, F_SETOWN)), CTR__DENY(CTR__INT(1, F_SETOWN_EX)),                         \
    CTR__DENY(CTR__INT(1, F_SETSIG)),                                                              \
    CTR__DENY(CTR__INT(1, F_SETFL), CTR__BITS(2, O_ASYNC, O_ASYNC)) }
/* clang-format on */
#define CTR__NO_SIGNALS_WHY "no signals by what is open (F_SETOWN, F_SETOWN_EX, F_SETSIG, O_ASYNC)"

/* Both of the internet's families, which one bit tells apart. Of its types those with one of these
   bits are others than SOCK_STREAM, SOCK_DGRAM and SOCK_RAW, and are not had with protocol 0
   either. Protocols without any of these bits are 0 to 31: all that is usual but those named. */
#define CTR__INET CTR__BITS(0, 0xffffffff ^ AF_INET ^ AF_INET6, AF_INET & AF_INET6)
enum { CTR__SELDOM_TYPES = 0xc };
#define CTR__SELDOM_PROTOCOLS 0xffffffe0

/* A call that is allowed, but for these arguments; or for these alone. */
typedef struct ctr__call_rule {
  ctr_syscall_arg args[3]; /* all of which must match, up to the first that is none */
  uint32_t answer;
  uint64_t caps; /* not 0: only with one of these */
} ctr__call_rule;

typedef struct ctr__call_guard {
  const char *call, *why;
  uint32_t presets;
  uint64_t caps;            /* with one of these `default` does not look at it */
  uint32_t otherwise;       /* when none of the rules matches                  */
  ctr__call_rule rules[12]; /* up to the first without an answer         */
} ctr__call_guard;

static size_t ctr__guard_args(const ctr__call_rule *rule) {
  size_t count = 0;
  while (count < sizeof rule->args / sizeof *rule->args && rule->args[count].op) count++;
  return count;
}

#define CTR__LET(...)                                                                              \
  { .args = {__VA_ARGS__}, .answer = CTR__SECCOMP_ALLOW }
#define CTR__DENY(...)                                                                             \
  { .args = {__VA_ARGS__}, .answer = CTR__SECCOMP_DENIED }

static const ctr__call_guard ctr__call_guards[] = {
    {"clone",
     "no new namespaces",
     CTR__IN_DEFAULT,
     CTR_CAP(SYS_ADMIN),
     CTR__SECCOMP_DENIED,
     {CTR__LET(CTR__BITS(CTR__CLONE_FLAGS, CTR__ANY_NAMESPACE, 0))}},
    {"clone",
     "threads alone",
     CTR__IN_STRICT,
     0,
     CTR__SECCOMP_DENIED,
     {CTR__LET(CTR__BITS(CTR__CLONE_FLAGS, CTR__ANY_NAMESPACE | CLONE_THREAD, CLONE_THREAD))}},
    {"unshare",
     "no new namespaces",
     CTR__IN_DEFAULT,
     CTR_CAP(SYS_ADMIN),
     CTR__SECCOMP_DENIED,
     {CTR__LET(CTR__BITS(0, ~(uint32_t)CTR__NO_NAMESPACE, 0))}},
    {"ioctl",
     "no typing into a terminal (TIOCSTI, TIOCLINUX), no other line discipline (TIOCSETD)",
     CTR__IN_DEFAULT,
     0,
     CTR__SECCOMP_ALLOW,
     {CTR__DENY(CTR__INT(1, TIOCSTI)), CTR__DENY(CTR__INT(1, TIOCLINUX)),
      CTR__DENY(CTR__INT(1, TIOCSETD))}},
    {"ioctl",
     "whether it is a terminal and how large, how much can be read, and what fcntl(2) does",
     CTR__IN_STRICT,
     0,
     CTR__SECCOMP_ERRNO | ENOTTY,
     {CTR__LET(CTR__INT(1, CTR__TCGETS)), CTR__LET(CTR__INT(1, CTR__TCGETS2)),
      CTR__LET(CTR__INT(1, TIOCGWINSZ)), CTR__LET(CTR__INT(1, FIONREAD)),
      CTR__LET(CTR__INT(1, FIONBIO)), CTR__LET(CTR__INT(1, FIOCLEX)),
      CTR__LET(CTR__INT(1, FIONCLEX))}},
    {"fcntl", CTR__NO_SIGNALS_WHY, CTR__IN_STRICT, 0, CTR__SECCOMP_ALLOW, CTR__NO_SIGNALS},
    {"fcntl64", CTR__NO_SIGNALS_WHY, CTR__IN_STRICT, 0, CTR__SECCOMP_ALLOW, CTR__NO_SIGNALS},
    {"personality",
     "asking, and the two that differ in the name of the machine",
     CTR__IN_BOTH,
     0,
     CTR__SECCOMP_DENIED,
     {CTR__LET(CTR__INT(0, 0xffffffff)), CTR__LET(CTR__INT(0, 0 /* PER_LINUX */)),
      CTR__LET(CTR__INT(0, 8 /* PER_LINUX32 */))}},
    {"socket",
     "AF_UNIX, of AF_INET and AF_INET6 TCP (MPTCP), UDP (UDP-Lite) and ICMP, of AF_NETLINK what "
     "interfaces there are; others are seldom used parts of the kernel (SCTP, DCCP, SMC), or know "
     "no namespaces (AF_VSOCK)",
     CTR__IN_DEFAULT,
     0,
     CTR__SECCOMP_ERRNO | EAFNOSUPPORT,
     {CTR__LET(CTR__INT(0, AF_UNIX)),
      CTR__LET(CTR__INET, CTR__BITS(1, CTR__SELDOM_TYPES, 0),
               CTR__BITS(2, CTR__SELDOM_PROTOCOLS, 0)),
      CTR__LET(CTR__INET, CTR__INT(2, 58 /* IPPROTO_ICMPV6 */)),
      CTR__LET(CTR__INET, CTR__INT(2, 136 /* IPPROTO_UDPLITE */)),
      CTR__LET(CTR__INET, CTR__INT(2, 262 /* IPPROTO_MPTCP */)),
      {.args = {CTR__INET, CTR__BITS(1, 0xf, SOCK_RAW)},
       .answer = CTR__SECCOMP_ALLOW,
       .caps = CTR_CAP(NET_RAW)},
      CTR__LET(CTR__INT(0, AF_NETLINK), CTR__INT(2, 0 /* NETLINK_ROUTE */)),
      {.args = {CTR__INT(0, AF_NETLINK), CTR__INT(2, 9 /* NETLINK_AUDIT */)},
       .answer = CTR__SECCOMP_ALLOW,
       .caps = CTR_CAP(AUDIT_WRITE) | CTR_CAP(AUDIT_CONTROL) | CTR_CAP(AUDIT_READ)},
      {.args = {CTR__INT(0, AF_NETLINK)}, .answer = CTR__SECCOMP_ALLOW, .caps = CTR_CAP(NET_ADMIN)},
      {.args = {CTR__INT(0, AF_PACKET)}, .answer = CTR__SECCOMP_ALLOW, .caps = CTR_CAP(NET_RAW)}}},
    {"socketpair",
     "AF_UNIX",
     CTR__IN_DEFAULT,
     0,
     CTR__SECCOMP_ERRNO | EAFNOSUPPORT,
     {CTR__LET(CTR__INT(0, AF_UNIX))}},
    {"prlimit64",
     "its own limits",
     CTR__IN_STRICT,
     0,
     CTR__SECCOMP_DENIED,
     {CTR__LET(CTR__INT(0, 0))}},
    {"prctl",
     "names of threads and of memory, and giving up privileges",
     CTR__IN_STRICT,
     0,
     CTR__SECCOMP_ERRNO | EINVAL,
     {CTR__LET(CTR__INT(0, PR_SET_NAME)), CTR__LET(CTR__INT(0, PR_GET_NAME)),
      CTR__LET(CTR__INT(0, 0x53564d41 /* PR_SET_VMA */)), CTR__LET(CTR__INT(0, PR_GET_DUMPABLE)),
      CTR__LET(CTR__INT(0, PR_GET_SECCOMP)), CTR__LET(CTR__INT(0, PR_CAPBSET_READ)),
      CTR__LET(CTR__INT(0, PR_SET_NO_NEW_PRIVS)), CTR__LET(CTR__INT(0, PR_GET_NO_NEW_PRIVS))}},
};
#undef CTR__LET
#undef CTR__DENY
#undef CTR__INT
#undef CTR__BITS
#undef CTR__SELDOM_PROTOCOLS
#undef CTR__NO_SIGNALS
#undef CTR__NO_SIGNALS_WHY
enum { CTR__CALL_GUARDS = sizeof ctr__call_guards / sizeof *ctr__call_guards };

/* -- looking into it -- */

/* Which preset it is: CTR__IN_*; 0: none. */
static uint32_t ctr__preset_of(const ctr_seccomp *profile) {
  return profile->defaultAction == CTR_SECCOMP_DEFAULT  ? CTR__IN_DEFAULT
         : profile->defaultAction == CTR_SECCOMP_STRICT ? CTR__IN_STRICT
                                                        : 0;
}

/* Capabilities that the program has or can get by execve(2). */
static uint64_t ctr__caps_of(const ctr_process_config *process) {
  return process->capabilities.permitted | process->capabilities.bounding;
}

/* Those of them for which the preset allows more. */
static uint64_t ctr__preset_caps(uint32_t preset, uint64_t caps) {
  uint64_t more = 0;
  if (preset != CTR__IN_DEFAULT) return 0;
  for (size_t i = 0; i < CTR__CALL_GROUP_COUNT; i++) more |= ctr__call_groups[i].caps;
  for (size_t i = 0; i < CTR__CALL_GUARDS; i++) {
    more |= ctr__call_guards[i].caps;
    for (const ctr__call_rule *r = ctr__call_guards[i].rules; r->answer; r++) more |= r->caps;
  }
  return more & caps;
}

static uint32_t ctr__group_answer(const ctr__call_group *group, uint32_t preset, uint64_t caps) {
  const bool widened = preset == CTR__IN_DEFAULT && (group->caps & caps);
  return (group->presets & preset) || widened ? CTR__SECCOMP_ALLOW : group->refusal;
}

/* Whether a call is decided by the guard's rules. */
static bool ctr__guard_applies(const ctr__call_guard *guard, uint32_t preset, uint64_t caps) {
  return (guard->presets & preset) && !(preset == CTR__IN_DEFAULT && (guard->caps & caps));
}
