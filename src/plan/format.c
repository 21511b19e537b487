/* The plan's format: one flat block that parent, child and explain walk. It holds no pointer, only
   offsets into itself, so that it can be copied, handed on or written down as it stands. */

typedef uint32_t ctr__ref; /* offset of a string or a list in the block's data; 0: none */

enum ctr__lane {
  CTR__LANE_PARENT, /* the caller's side                                         */
  CTR__LANE_STAGE,  /* the intermediate process that clones the real one         */
  CTR__LANE_CHILD,  /* the container's side                                      */
  CTR__LANE_BOTH,   /* a sync point: the child stops until the parent has come by */
};

enum { CTR__STEP_STRS = 4, CTR__STEP_NUMS = 10 };

/* Numbers that mean the same in every step that has them: whose ids a mount shows (1 + which map;
   0: those of the file system), and what else is to be known of what it is made from. */
enum { CTR__NUM_IDMAP = 7, CTR__NUM_SOURCE = 8 };

/* Of what changes attributes: those set, those cleared, whether mount_setattr(2) is there. */
enum { CTR__NUM_SET, CTR__NUM_CLR, CTR__NUM_SETATTR };

/* And which mount that is meant for: whatever is there; none that another step has made; or that of
   the step so many after it. Somebody who has a part of the root together with the container can
   swap a directory, so that the path leads elsewhere by then. What is masked or made read-only is
   that mount or lies on it, or on one that came with it. */
enum { CTR__NUM_MEANT = 3 };
enum { CTR__MEANT_ANY, CTR__MEANT_NONE, CTR__MEANT_FIRST };

/* Of a bind mount, besides these: its propagation, whether what is mounted below comes along, and
   attributes for all of that. */
enum { CTR__NUM_PROPAGATION = 3, CTR__NUM_BELOW, CTR__NUM_BELOW_SET, CTR__NUM_BELOW_CLR };

enum ctr__source {
  CTR__SOURCE_ASK = 1,   /* where the child may not, the parent opens it            */
  CTR__IDMAP_BELOW = 2,  /* the map is also for all mounts below                    */
  CTR__IDMAP_JOINED = 4, /* it is that of the user namespace that OPEN_NAMESPACE has */
  CTR__IDMAP_LOCKED = 8, /* what the host has forbidden there is not to be allowed    */
};

typedef struct ctr__step {
  uint16_t kind, lane;
  ctr__ref field; /* the config field that asked for it */
  ctr__ref str[CTR__STEP_STRS];
  uint64_t num[CTR__STEP_NUMS];
} ctr__step;

struct ctr_plan {
  uint32_t size; /* of the whole block, bytes */
  uint32_t step_count;
  uint32_t steps, data; /* where they start in the block */
  ctr__ref argv, envp;
  ctr__ref bundle;         /* where hooks are run; 0: where the caller is              */
  ctr__ref state;          /* what hooks are told of the container, up to its status    */
  ctr__ref mount_label;    /* of file systems that the library makes; 0: none             */
  ctr__ref root_dir;       /* of the host, where lies what is made in the root; 0: nowhere */
  uint32_t io_uid, io_gid; /* who new pipes are to belong to, as the caller sees it    */
};

enum {
  CTR__PLAN_MAX_NAMESPACES = 8,
  CTR__PLAN_MAX_HOOKS = 64,
  CTR__PLAN_MAX_PROGRAMS = CTR__PLAN_MAX_HOOKS + 2, /* newuidmap and newgidmap */
};

/* Every kind of step: name, what it does, where that is documented. Those that mount something
   stand together, MOUNT_FS to MOUNT_BIND, and those that change a mount, SET_ATTR to RECONFIGURE.
   In the text, %s0 is string 0, %l a list of strings, %u %o numbers; %N namespaces, %C
   capabilities, %A mount attributes, %L those taken away, %F flags of a file system, %P
   propagation, %p if it is not the usual, %r attributes for all below (two numbers), %b "bind" or
   "rbind", %T and %D a device's type and number, %O an owner (two numbers) if it is not root, %m a
   mode if it is not the usual, %U where changes go if that is new, %q what becomes of mounts below
   if anything does, %R a resource, %B a limit, %M a moment, %Z a size of a terminal (two numbers)
   if there is one, %K where else it is to be found, %W a limit of time, %S whether filters hold
   there, %G controllers if there are any, %V "all but" or "none but", %E when, if not always, %I a
   cgroup to start in if there is one, %Y whose ids a mount shows if not its own (two numbers), %X
   capabilities that stay until it is restricted, if any do, %H a seccomp preset, if it is one, and
   the capabilities that it allows more for, %a %n %c Landlock's rights of files, of TCP, and
   scopes, if there are any. Text and errors of a step come from here alone. */
#define CTR__STEPS(X)                                                                              \
  X(OPEN_NAMESPACE, "open the %N0 namespace at %s0", "namespaces(7)")                              \
  X(OPEN_INIT, "open the container's first process: pid %u0, started at tick %u1",                 \
    "pidfd_open(2)")                                                                               \
  X(OPEN_OWNER, "open the user namespace that owns the mount namespace of pid %u0",                \
    "ioctl_nsfs(2)")                                                                               \
  X(STAGE, "clone an intermediate process that %s1", "clone(2)")                                   \
  X(UNDUMPABLE, "be out of reach of ptrace until execve", "prctl(2)")                              \
  X(DUMPABLE, "be in reach of ptrace again", "prctl(2)")                                           \
  X(CONCEAL, "show nothing of the caller's name, command line and environment",                    \
    "proc_pid_cmdline(5)")                                                                         \
  X(CLOSE_OTHERS, "close what the process is not to have", "close_range(2)")                       \
  X(DROP_GROUPS, "let go of the caller's groups", "setgroups(2)")                                  \
  X(SETNS, "join the %N0 namespace at %s0", "setns(2)")                                            \
  X(SETNS_AGAIN, "join those that refused before the user namespace gave the right", "setns(2)")   \
  X(JOIN_INIT, "join the first process's namespaces: %N0", "setns(2)")                             \
  X(SEAL_PROGRAM, "run the caller's program from %s0 of it", "mmap(2)")                            \
  X(HIDE_PROGRAM, "have an empty file as /proc/PID/exe instead", "prctl(2)")                       \
  X(OWN_MEMORY, "let go of memory that the caller shares with others", "munmap(2)")                \
  X(AFFINITY, "run on the CPUs %s0", "sched_setaffinity(2)")                                       \
  X(CLONE, "clone into new namespaces: %N0%I0", "clone(2)")                                        \
  X(ADOPT, "learn the pid and reap the intermediate process", "waitid(2)")                         \
  X(RECORD_CGROUPS, "write the state down, before there is anything to be found by it",            \
    "OCI runtime.md")                                                                              \
  X(RECORD, "write the state down, with the process in it", "OCI runtime.md")                      \
  X(MAKE_CGROUP, "make the cgroup %s0%G2", "cgroups(7)")                                           \
  X(DEVICE_LIST, "in the cgroup %s0 use devices: %V0 %s1", "cgroups(7)")                           \
  X(DEVICE_PROGRAM, "attach a device filter of %u0 instructions to the cgroup %s0", "bpf(2)")      \
  X(LIMIT, "write '%s2' to %s1 of the cgroup %s0%E0", "cgroups(7)")                                \
  X(ENTER_CGROUP, "move the process into the cgroup %s0", "cgroups(7)")                            \
  X(SETGROUPS_FILE, "write '%s0' to /proc/PID/setgroups", "user_namespaces(7)")                    \
  X(UID_MAP, "write '%s0' to /proc/PID/uid_map", "user_namespaces(7)")                             \
  X(GID_MAP, "write '%s0' to /proc/PID/gid_map", "user_namespaces(7)")                             \
  X(MAP_HELPER, "let %s0 map '%s3'", "newuidmap(1)")                                               \
  X(OWN_PIPES, "give the pipes of its streams to its uid %u0 and gid %u1", "fchown(2)")            \
  X(RAISE_RLIMIT, "raise the hard limit %R0 to %B2", "prlimit(2)")                                 \
  X(SYNC, "sync: %M0", "unix(7)")                                                                  \
  X(VIEW_NULL, "have a read-only view of /dev/null for standard streams that are one",             \
    "mount_setattr(2)")                                                                            \
  X(STDIO, "take the standard streams", "dup2(2)")                                                 \
  X(CLOSE_FDS, "close every other descriptor", "close_range(2)")                                   \
  X(SIGNALS, "default signal handlers, none blocked", "signal(7)")                                 \
  X(DIE_WITH_CALLER, "be killed when the caller ends", "prctl(2)")                                 \
  X(BECOME_ROOT, "become uid 0 and gid 0 of the user namespace", "user_namespaces(7)")             \
  X(SETSID, "start a new session", "setsid(2)")                                                    \
  X(LABEL, "write '%s1' to /proc/self/attr/%s0", "proc_pid_attr(5)")                               \
  X(KEYRING, "join a new session keyring", "keyrings(7)")                                          \
  X(HOLD_PROC, "open the procfs that settings are written to", "proc(5)")                          \
  X(TIME_NAMESPACE, "enter a new time namespace, offsets '%s0'", "time_namespaces(7)")             \
  X(CGROUP_NAMESPACE, "enter a new cgroup namespace", "cgroup_namespaces(7)")                      \
  X(LOOPBACK, "bring up the loopback interface", "netdevice(7)")                                   \
  X(PROPAGATION, "make every mount %P0", "mount_namespaces(7)")                                    \
  X(MAKE_IDMAP, "make the id map %u0 for mounts: uids '%s0', gids '%s1'", "user_namespaces(7)")    \
  X(BASE, "set up a tmpfs for the root, the host's tree beside it", "pivot_root(2)")               \
  X(ROOT_BIND, "bind the root file system %s0 (%A2)", "open_tree(2)")                              \
  X(ROOT_OPEN, "open the root directory %s0", "open(2)")                                           \
  X(MOUNT_FS, "mount %s1 on %s0 (%l2; %A0%U2%Y7)", "fsopen(2)")                                    \
  X(MOUNT_COPY_UP, "mount %s1 on %s0 with a copy of what is there (%l2; %A0%Y7)", "fsopen(2)")     \
  X(MOUNT_OLD, "mount %s1 on %s0 (%s2; %A0; %F1%U2)", "mount(2)")                                  \
  X(MOUNT_FILE, "mount a file of %u1 bytes on %s0, mode %o0 (%A2)", "open_tree(2)")                \
  X(MOUNT_BIND, "%b4 %s1 on %s0 (%A0%L1%p3%r5%q9%Y7)", "open_tree(2)")                             \
  X(SET_ATTR, "on %s0 set %A0, clear %A1", "mount_setattr(2)")                                     \
  X(SET_ATTR_ALL, "on %s0 and all mounts below set %A0, clear %A1", "mount_setattr(2)")            \
  X(SET_PROPAGATION, "make %s0 %P0", "mount_namespaces(7)")                                        \
  X(RECONFIGURE, "remount %s0 (%l2)", "fspick(2)")                                                 \
  X(DEVICE_NODE, "make the device %s0: %T0 %D1, mode %o0%O2", "mknod(2)")                          \
  X(DEVICE_BIND, "bind the host's device %s1, %T0 %D1, on %s0%s2", "open_tree(2)")                 \
  X(SYMLINK, "link %s0 -> %s1", "symlink(2)")                                                      \
  X(MAKE_DIR, "make the directory %s0 if it is missing%m0", "mkdir(2)")                            \
  X(MAKE_CWD, "make the directory %s0 if it is missing", "mkdir(2)")                               \
  X(SET_MODE, "give %s0 the mode %o0", "chmod(2)")                                                 \
  X(MAKE_FILE, "make the file %s0 of %u1 bytes, mode %o0", "open(2)")                              \
  X(CONSOLE, "make a terminal%Z0%K3", "pts(4)")                                                    \
  X(TAKE_CONSOLE, "take the other end of the terminal", "unix(7)")                                 \
  X(HOOK, "run the hook %s0%W0%S4", "OCI config.md")                                               \
  X(MASK, "mask %s0", "OCI config-linux.md")                                                       \
  X(READONLY, "make %s0 and all below read-only", "OCI config-linux.md")                           \
  X(PIVOT_ROOT, "make it the root and let go of the old one", "pivot_root(2)")                     \
  X(MOVE_ROOT, "move it over the root, then chroot", "mount(2)")                                   \
  X(CHROOT, "chroot into it", "chroot(2)")                                                         \
  X(OWN_NULL, "take the container's own /dev/null for standard streams that are one", "null(4)")   \
  X(HOSTNAME, "set the host name to %s0", "sethostname(2)")                                        \
  X(DOMAINNAME, "set the domain name to %s0", "setdomainname(2)")                                  \
  X(SYSCTL, "write '%s1' to /proc/sys/%s0", "sysctl(2)")                                           \
  X(OOM_SCORE_ADJ, "write %s0 to oom_score_adj", "proc_pid_oom_score_adj(5)")                      \
  X(SCHEDULER, "set the scheduler: %s0", "sched_setattr(2)")                                       \
  X(IO_PRIORITY, "set the I/O priority: class %u0, level %u1", "ioprio_set(2)")                    \
  X(PERSONALITY, "set the personality to %o0", "personality(2)")                                   \
  X(MEMORY_POLICY, "set the memory policy: %s0", "set_mempolicy(2)")                               \
  X(UMASK, "set the umask to %o0", "umask(2)")                                                     \
  X(KEEP_UMASK, "go back to the caller's umask", "umask(2)")                                       \
  X(RLIMIT, "limit %R0 to %B1, hard %B2", "prlimit(2)")                                            \
  X(INNER_USERNS, "enter one more user namespace, in which root is uid %u0 and gid %u1",           \
    "user_namespaces(7)")                                                                          \
  X(LET_GO, "close the host's procfs and what the root was made with", "close(2)")                 \
  X(CHDIR_EARLY, "enter %s0 while still root, if root may", "chdir(2)")                            \
  X(NO_NEW_PRIVS, "give up gaining privileges", "prctl(2)")                                        \
  X(BOUNDING, "bound capabilities to %C0", "capabilities(7)")                                      \
  X(OWN_STREAMS, "give pipes among its streams to uid %u0, where it may", "fchown(2)")             \
  X(USER, "become uid %u0, gid %u1, groups [%l0]", "setresuid(2)")                                 \
  X(CAPABILITIES, "keep capabilities %C0; permitted %C1; inheritable %C2%X3", "capset(2)")         \
  X(AMBIENT, "ambient capabilities %C0", "capabilities(7)")                                        \
  X(CHDIR, "enter %s0 and see that it lies inside", "getcwd(2)")                                   \
  X(LOOK_UP, "find the program %s0", "execvp(3)")                                                  \
  X(WAIT_START, "wait to be started", "OCI runtime.md")                                            \
  X(LANDLOCK, "make a Landlock ruleset%a0%n1%c2", "landlock_create_ruleset(2)")                    \
  X(LANDLOCK_PATH, "by Landlock allow %s0 and below%a0", "landlock_add_rule(2)")                   \
  X(LANDLOCK_PORT, "by Landlock allow the port %u1%n0", "landlock_add_rule(2)")                    \
  X(LANDLOCK_RESTRICT, "give up what Landlock does not allow", "landlock_restrict_self(2)")        \
  X(TELL_STARTED, "tell who starts it that nothing is left to do", "unix(7)")                      \
  X(FILTER, "load a seccomp filter of %s0 instructions%H3%f2", "seccomp(2)")                       \
  X(TAKE_LISTENER, "give who listens at %s0 what its calls are notified by", "seccomp_unotify(2)") \
  X(KEEP_LISTENER, "keep for the caller what its calls are notified by", "seccomp_unotify(2)")     \
  X(CALL, "call the caller's function", "fork(2)")                                                 \
  X(EXEC, "execute %s0", "execve(2)")

enum ctr__kind {
#define CTR__STEP_ENUM(kind, text, man) CTR__STEP_##kind,
  CTR__STEPS(CTR__STEP_ENUM)
#undef CTR__STEP_ENUM
      CTR__STEP_COUNT
};

/* Whether a mount is the container's root: a number of every step that mounts something. */
enum ctr__as_root {
  CTR__AS_ROOT_NOT,
  CTR__AS_ROOT,
  CTR__AS_ROOT_BELOW_READ_ONLY, /* and what came with it below becomes read-only */
};
enum { CTR__NUM_ROOT = 9 };

/* Of a new file system, which may be an overlay: whether its changes go to a new tmpfs. */
enum { CTR__NUM_UPPER = 2 };

/* ",upperdir=/proc/self/fd/N/upper,workdir=/proc/self/fd/N/work" */
enum { CTR__UPPER_OPTIONS_MAX = 96 };

/* When a limit is written. */
enum ctr__limit_rule {
  CTR__LIMIT_ALWAYS,
  CTR__LIMIT_IF_THERE, /* a kernel need not have the file                   */
  CTR__LIMIT_ELSE,     /* only when the file of the one before is not there */
  CTR__LIMIT_IF_FREE,  /* of memory: only when not more than that is in use */
};

/* What a sync point is about. */
enum ctr__sync_point {
  CTR__SYNC_MAPPED,  /* the parent has done what only it may      */
  CTR__SYNC_HOOKS,   /* the child has made mounts and namespaces  */
  CTR__SYNC_RESUME,  /* the parent has run its hooks              */
  CTR__SYNC_READY,   /* the child has done all but execve         */
  CTR__SYNC_CREATED, /* the same, and it waits to be started next */
};

/* How a step treats the list of groups. */
enum ctr__groups {
  CTR__GROUPS_LEAVE, /* as it is                                                           */
  CTR__GROUPS_SET,
  CTR__GROUPS_TRY, /* set, unless the user namespace forbids it: then they cannot be let go of
                      (user_namespaces(7), "setgroups") */
};

/* What errno cannot say. Sent along with it by the child; made into words by the parent. */
#define CTR__REASONS(X)                                                                            \
  X(NONE, NULL)                                                                                    \
  X(LINK, "a link is in the way: procfs and sysfs are mounted on real directories only")           \
  X(NOT_COPIED, "procfs and sysfs are nothing to copy, nor what is mounted below")                 \
  X(NOT_PROCFS, "/proc is not a procfs, or something is mounted over it")                          \
  X(NOT_THAT_DEVICE, "what is there is not that device")                                           \
  X(NOT_THAT_MODE, "that device is there with another mode or owner")                              \
  X(SOMETHING_ELSE, "something else is there")                                                     \
  X(OF_THE_KERNEL, "it is on procfs or sysfs: that would be the mode on the whole machine")        \
  X(BY_A_LINK, "a link leads there: name what it leads to")                                        \
  X(IN_THE_WAY, "something is there already: the option bind puts the file over it")               \
  X(SOURCE, "the source cannot be opened")                                                         \
  X(OUT_OF_REACH, "the way there is not the same in the container's mount namespace")              \
  X(NO_IDMAP, "this file system, or one below it, takes no id-mapped mounts on this kernel")       \
  X(IDMAP_RIGHT, "its ids are mapped already, or not the caller's to map: that takes "             \
                 "CAP_SYS_ADMIN in the user namespace that the file system was mounted in")        \
  X(TARGET, "the mount point cannot be opened or made")                                            \
  X(ANOTHER_MOUNT, "the way there leads to another mount now")                                     \
  X(NULL_DEVICE, "the host's /dev/null is not the null device")                                    \
  X(OUTSIDE, "it lies outside the container's root")                                               \
  X(PARENT_GONE, "the caller ended meanwhile")                                                     \
  X(BAD_ANSWER, "the parent's answer was not the one that is due")                                 \
  X(NOT_FOUND, "executable file not found in $PATH")                                               \
  X(TOO_DEEP, "directories are nested too deeply to be copied")                                    \
  X(OPTION, "the kernel refuses the option ")                                                      \
  X(FILE_SYSTEM, "the kernel does not know this file system type")                                 \
  X(SETGROUPS, "groups may not be set: in a user namespace its setgroups file may say 'deny'")     \
  X(NO_DEVPTS, "the container has no devpts of its own at /dev/pts")                               \
  X(NOT_THAT_PROCESS, "that process has ended")                                                    \
  X(PROGRAM_FILE, "it cannot be executed")                                                         \
  X(PROGRAM_UNDER_FILTERS, "it cannot be executed under the container's seccomp filter")           \
  X(PROGRAM_EXIT, "it ended with exit code ")                                                      \
  X(PROGRAM_SIGNAL, "it was ended by signal ")                                                     \
  X(PROGRAM_SIGSYS, "it was ended by SIGSYS, as a seccomp filter ends what it forbids")            \
  X(PROGRAM_TIMEOUT, "it was killed: its time was up")

enum ctr__reason {
#define CTR__REASON_ENUM(reason, text) CTR__WHY_##reason,
  CTR__REASONS(CTR__REASON_ENUM)
#undef CTR__REASON_ENUM
      CTR__WHY_COUNT
};

/* One message, one packet of a SOCK_SEQPACKET pair: boundaries are the kernel's. */
enum ctr__message_type {
  CTR__MSG_ERROR = 1, /* child: step failed with error and reason                 */
  CTR__MSG_PID,       /* stage: value is the child's pid; carries its pidfd        */
  CTR__MSG_HOOKS,     /* child: mounts and namespaces are made                     */
  CTR__MSG_READY,     /* child: only execve is left                                */
  CTR__MSG_MAPPED,    /* parent: go on, the maps are written                       */
  CTR__MSG_RESUME,    /* parent: go on after the hooks                             */
  CTR__MSG_RUN,       /* parent, or who starts it: go on and execute               */
  CTR__MSG_CONSOLE,   /* child: carries its terminal's other end                   */
  CTR__MSG_CREATED,   /* child: only being started is left                         */
  CTR__MSG_WAIT,      /* parent: go on and wait for who starts it                  */
  CTR__MSG_START,     /* who starts it: go on                                      */
  CTR__MSG_STARTED,   /* child: the next thing it does is execve                   */
  CTR__MSG_OPEN,      /* child: may not open, or cannot make, what its step names  */
  CTR__MSG_SOURCE,    /* parent: carries that                                      */
  CTR__MSG_LISTENER,  /* child: carries what its filter's notifications come from  */
};

/* runtime.md "State": how statuses are called, to callers and to hooks. */
static const char *const ctr__status_names[] = {
    [CTR_STATUS_CREATING] = "creating", [CTR_STATUS_CREATED] = "created",
    [CTR_STATUS_RUNNING] = "running",   [CTR_STATUS_PAUSED] = "paused",
    [CTR_STATUS_STOPPED] = "stopped",
};

typedef struct ctr__message {
  uint32_t type, step;
  int32_t error; /* errno */
  uint32_t reason;
  int64_t value; /* of PID: the pid; of ERROR: what goes with the reason; of STARTED: whether a
                    filter is still to be loaded, which may keep it from executing       */
} ctr__message;

/* A sync point from both sides: what the child says (0: it only listens) and is answered (0: it
   does not wait). */
static const struct ctr__exchange {
  uint32_t request, answer;
  const char *name;
} ctr__exchanges[] = {
    [CTR__SYNC_MAPPED] = {0, CTR__MSG_MAPPED, "the parent has set up what only it may"},
    [CTR__SYNC_HOOKS] = {CTR__MSG_HOOKS, 0, "namespaces and mounts are made"},
    [CTR__SYNC_RESUME] = {0, CTR__MSG_RESUME, "resume"},
    [CTR__SYNC_READY] = {CTR__MSG_READY, CTR__MSG_RUN, "ready, then run"},
    [CTR__SYNC_CREATED] = {CTR__MSG_CREATED, CTR__MSG_WAIT, "created, then left alone"},
};

/* What hooks and who listens are told of a container, from its status to the end: what its state
   begins with is known when the plan is made. pid: of its first process. */
static char *ctr__put_state_tail(char *at, uint64_t status, int64_t pid) {
  at = ctr__put_str(ctr__put_str(at, ctr__status_names[status]), "\",\"pid\":");
  return ctr__put_str(ctr__put_int(at, pid), "}");
}

/* Steps that make a mount in the root. */
static bool ctr__makes_mount(uint32_t kind) {
  return kind >= CTR__STEP_MOUNT_FS && kind <= CTR__STEP_MOUNT_BIND;
}

/* Steps that change a mount which is there already. */
static bool ctr__changes_mount(uint32_t kind) {
  return kind >= CTR__STEP_SET_ATTR && kind <= CTR__STEP_RECONFIGURE;
}

/* Steps that mount something over a part of one. */
static bool ctr__guards_mount(uint32_t kind) {
  return kind == CTR__STEP_MASK || kind == CTR__STEP_READONLY;
}

/* -- reading the block -- */

static const void *ctr__plan_data(const ctr_plan *plan, ctr__ref ref) {
  return ref ? (const char *)plan + plan->data + ref : NULL;
}

static const char *ctr__plan_str(const ctr_plan *plan, ctr__ref ref) {
  return ctr__plan_data(plan, ref);
}

static const ctr__step *ctr__plan_step(const ctr_plan *plan, uint32_t index) {
  return (const ctr__step *)(const void *)((const char *)plan + plan->steps) + index;
}

/* A list: its length, then so many numbers or refs. No list is an empty one. */
static uint32_t ctr__list_count(const ctr_plan *plan, ctr__ref list) {
  const uint32_t *data = ctr__plan_data(plan, list);
  return data ? data[0] : 0;
}

static const uint32_t *ctr__list_items(const ctr_plan *plan, ctr__ref list) {
  return (const uint32_t *)ctr__plan_data(plan, list) + 1;
}

static const char *ctr__list_str(const ctr_plan *plan, ctr__ref list, uint32_t index) {
  return ctr__plan_str(plan, ctr__list_items(plan, list)[index]);
}
