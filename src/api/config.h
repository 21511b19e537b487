/* ---- config: config.json as C structs -------------------------------------------------------- */
/* The structs below are OCI runtime-spec 1.3 config.json with dots instead of braces: same names,
   same nesting, every Linux field (https://github.com/opencontainers/runtime-spec, config.md and
   config-linux.md). All zero means "not asked for". Where the specification lets 0 mean something
   other than absence, the value is a ctr_int or ctr_uint. `linux_` and `class_` carry an underscore
   because `linux` is a macro in GNU C and `class` a keyword in C++.

   Fill them from a text with ctr_config_parse, from nothing with ctr_config_default, or by hand.
   Strings and lists are borrowed: they must live as long as the config is used. */

typedef struct ctr_int {
  bool set;
  int64_t value;
} ctr_int;

typedef struct ctr_uint {
  bool set;
  uint64_t value;
} ctr_uint;

/* A member of a JSON object whose names are free: annotations, sysctl, unified. */
typedef struct ctr_pair {
  const char *key, *value;
} ctr_pair;

typedef struct ctr_pairs {
  const ctr_pair *items;
  size_t count;
} ctr_pairs;

typedef struct ctr_ids {
  const uint32_t *items;
  size_t count;
} ctr_ids;

/* -- root and mounts -- */

typedef struct ctr_root {
  const char *path; /* absolute, or relative to the bundle; required, and not used when the first
                       of mounts is the root                                                */
  bool readonly;    /* when all is in place; also what the host has mounted below it         */
} ctr_root;

typedef struct ctr_id_mapping {
  uint32_t containerID, hostID, size;
} ctr_id_mapping;

typedef struct ctr_id_mappings {
  const ctr_id_mapping *items;
  size_t count;
} ctr_id_mappings;

/* Beyond the specification:

   The first of mounts may have the destination "/". It is the container's root then, whatever its
   type: "tmpfs" is one that needs no directory on disk, "rbind" of "/" is what the host sees,
   "overlay" a view of something that can be changed. With "ro" a bind is read-only at once, every
   other root when all is in place. Hooks cannot reach it by a path. It does not go with no_pivot.

   Four types are made instead of mounted, in their turn, and belong to the container's root. Their
   option "mode=0700" is octal; else it is 0755 for a directory, 0644 for a file. A failed start
   takes them away again where they lie on the root's own file system, not in what was mounted.
     ctr.dir      a directory, unless there is one
     ctr.symlink  a link that says what source says
     ctr.file     a new file that holds source, or data. With "bind" the file is on a file system of
                  its own, mounted over the destination: that may be there already, and read-only.
                  With "bind" and "ro" it is read-only itself
     ctr.mode     what is there, also "/", gets the mode that the option names; not on procfs or
                  sysfs, where it would be that of the whole machine

   "overlay" has the option "tmpupper": its changes go to a new tmpfs and end with the container. In
   a user namespace an overlay takes Linux 5.11 and gets the option userxattr; that a tmpfs can keep
   all that it has to note takes 6.6 (overlayfs.rst, "User xattr"). */
typedef struct ctr_mount {
  const char *destination; /* inside the container; required                                */
  const char *type;        /* file system type; a bind mount when options have (r)bind      */
  const char *source;      /* a bind mount's: absolute, or relative to the bundle           */
  ctr_strs options;        /* config.md "Linux mount options"; unknown ones go to the kernel */
  /* Whose the files look like: containerID is an id on the file system, hostID the one that the
     caller sees instead. Both or none; without the option ridmap not for what is mounted below.
     With the option idmap or ridmap and none, those of the container's user namespace. Who has
     CAP_SYS_ADMIN there can change the flags of such a mount, also those that the host set. */
  ctr_id_mappings uidMappings, gidMappings;
  ctr_bytes data;          /* of ctr.file: any bytes. Has no JSON form, nor is it kept with the
                              state of a container                                          */
} ctr_mount;

typedef struct ctr_mounts {
  const ctr_mount *items;
  size_t count;
} ctr_mounts;

/* -- process -- */

typedef struct ctr_console_size {
  ctr_uint height, width; /* characters */
} ctr_console_size;

typedef struct ctr_user {
  uint32_t uid, gid; /* as seen inside the container */
  ctr_uint umask;    /* not set: the caller's        */
  ctr_ids additionalGids;
} ctr_user;

/* The capabilities of capabilities(7), X(name, number). A set of them is a uint64_t with bit
   `number` set: CTR_CAP(KILL) | CTR_CAP(CHOWN). */
#define CTR_CAPABILITIES(X)                                                                        \
  X(CHOWN, 0) X(DAC_OVERRIDE, 1) X(DAC_READ_SEARCH, 2) X(FOWNER, 3) X(FSETID, 4) X(KILL, 5)        \
  X(SETGID, 6) X(SETUID, 7) X(SETPCAP, 8) X(LINUX_IMMUTABLE, 9) X(NET_BIND_SERVICE, 10)            \
  X(NET_BROADCAST, 11) X(NET_ADMIN, 12) X(NET_RAW, 13) X(IPC_LOCK, 14) X(IPC_OWNER, 15)            \
  X(SYS_MODULE, 16) X(SYS_RAWIO, 17) X(SYS_CHROOT, 18) X(SYS_PTRACE, 19) X(SYS_PACCT, 20)          \
  X(SYS_ADMIN, 21) X(SYS_BOOT, 22) X(SYS_NICE, 23) X(SYS_RESOURCE, 24) X(SYS_TIME, 25)             \
  X(SYS_TTY_CONFIG, 26) X(MKNOD, 27) X(LEASE, 28) X(AUDIT_WRITE, 29) X(AUDIT_CONTROL, 30)          \
  X(SETFCAP, 31) X(MAC_OVERRIDE, 32) X(MAC_ADMIN, 33) X(SYSLOG, 34) X(WAKE_ALARM, 35)              \
  X(BLOCK_SUSPEND, 36) X(AUDIT_READ, 37) X(PERFMON, 38) X(BPF, 39) X(CHECKPOINT_RESTORE, 40)

#define CTR_CAP_BIT_(name, number) CTR_CAP_##name = number,
enum ctr_cap { CTR_CAPABILITIES(CTR_CAP_BIT_) CTR_CAP_COUNT };
#define CTR_CAP(name) (UINT64_C(1) << CTR_CAP_##name)

typedef struct ctr_capabilities {
  uint64_t bounding, effective, inheritable, permitted, ambient;
} ctr_capabilities;

typedef enum ctr_rlimit_type { /* the kernel's RLIMIT_* number plus one; 0 is unset */
  CTR_RLIMIT_CPU = 1,
  CTR_RLIMIT_FSIZE,
  CTR_RLIMIT_DATA,
  CTR_RLIMIT_STACK,
  CTR_RLIMIT_CORE,
  CTR_RLIMIT_RSS,
  CTR_RLIMIT_NPROC,
  CTR_RLIMIT_NOFILE,
  CTR_RLIMIT_MEMLOCK,
  CTR_RLIMIT_AS,
  CTR_RLIMIT_LOCKS,
  CTR_RLIMIT_SIGPENDING,
  CTR_RLIMIT_MSGQUEUE,
  CTR_RLIMIT_NICE,
  CTR_RLIMIT_RTPRIO,
  CTR_RLIMIT_RTTIME,
} ctr_rlimit_type;

typedef struct ctr_rlimit {
  ctr_rlimit_type type;
  uint64_t soft, hard; /* UINT64_MAX: no limit; getrlimit(2) gives each type's unit */
} ctr_rlimit;

typedef struct ctr_rlimits {
  const ctr_rlimit *items;
  size_t count;
} ctr_rlimits;

typedef enum ctr_ioprio_class { /* ioprio_set(2) */
  CTR_IOPRIO_CLASS_RT = 1,
  CTR_IOPRIO_CLASS_BE,
  CTR_IOPRIO_CLASS_IDLE,
} ctr_ioprio_class;

typedef struct ctr_io_priority {
  ctr_ioprio_class class_; /* 0: not asked for   */
  int32_t priority;        /* 0 highest, 7 lowest */
} ctr_io_priority;

typedef enum ctr_sched_policy { /* the kernel's SCHED_* number plus one (sched(7)) */
  CTR_SCHED_OTHER = 1,
  CTR_SCHED_FIFO = 2,
  CTR_SCHED_RR = 3,
  CTR_SCHED_BATCH = 4,
  CTR_SCHED_ISO = 5,
  CTR_SCHED_IDLE = 6,
  CTR_SCHED_DEADLINE = 7,
} ctr_sched_policy;

typedef struct ctr_scheduler {
  ctr_sched_policy policy; /* 0: not asked for                                             */
  int32_t nice, priority;
  uint64_t flags;                     /* the kernel's SCHED_FLAG_* bits (sched_setattr(2)) */
  uint64_t runtime, deadline, period; /* nanoseconds, SCHED_DEADLINE only                  */
} ctr_scheduler;

typedef struct ctr_cpu_affinity {
  const char *initial, *final; /* CPU lists, "0-3,7" */
} ctr_cpu_affinity;

typedef struct ctr_process_config {
  bool terminal;
  ctr_console_size consoleSize; /* ignored when terminal is false, as the specification says */
  const char *cwd;              /* absolute; required                                        */
  ctr_strs args;                /* required, at least one                                    */
  ctr_strs env;                 /* "NAME=value"                                              */
  ctr_user user;
  ctr_capabilities capabilities; /* all zero: no capability in any set                       */
  ctr_rlimits rlimits;
  bool noNewPrivileges;
  const char *apparmorProfile; /* one that is loaded; "" as NULL: not asked for. Taken by execve, so
                                  by hooks inside (startContainer) as well; what may be changed to
                                  with noNewPrivileges: apparmor.d(5), "change_profile"          */
  ctr_int oomScoreAdj; /* -1000 to 1000 */
  const char *selinuxLabel;    /* likewise, and of its session keyring */
  ctr_io_priority ioPriority;
  ctr_scheduler scheduler;
  ctr_cpu_affinity execCPUAffinity; /* not for a container's first process: not used by init */
} ctr_process_config;

/* -- hooks -- */

typedef struct ctr_hook {
  const char *path; /* absolute; required */
  ctr_strs args, env;
  ctr_uint timeout; /* seconds, at least 1; not set: none, while the container is locked */
} ctr_hook;

typedef struct ctr_hook_list {
  const ctr_hook *items;
  size_t count;
} ctr_hook_list;

/* Those of startContainer run under the container's seccomp filters, but not under its Landlock
   rules. Nobody listens there: calls with SCMP_ACT_NOTIFY fail with ENOSYS. The other kinds are the
   host's programs, and run without filters. */
typedef struct ctr_hooks {
  ctr_hook_list prestart, createRuntime, createContainer, startContainer, poststart, poststop;
} ctr_hooks;

/* -- linux -- */

typedef enum ctr_namespace_type { /* the kernel's CLONE_NEW* bits (namespaces(7)) */
  CTR_NS_TIME = 0x00000080,
  CTR_NS_MOUNT = 0x00020000,
  CTR_NS_CGROUP = 0x02000000,
  CTR_NS_UTS = 0x04000000,
  CTR_NS_IPC = 0x08000000,
  CTR_NS_USER = 0x10000000,
  CTR_NS_PID = 0x20000000,
  CTR_NS_NETWORK = 0x40000000,
} ctr_namespace_type;

typedef struct ctr_namespace {
  ctr_namespace_type type;
  const char *path; /* join this one (absolute); NULL: a new one */
} ctr_namespace;

typedef struct ctr_namespaces {
  const ctr_namespace *items;
  size_t count;
} ctr_namespaces;

typedef struct ctr_time_offset {
  ctr_int secs;
  ctr_uint nanosecs;
} ctr_time_offset;

typedef struct ctr_time_offsets {
  ctr_time_offset monotonic, boottime;
} ctr_time_offsets;

typedef struct ctr_device {
  const char *type; /* "c", "b", "u" (unbuffered: as "c") or "p" (fifo) */
  const char *path;
  ctr_int major_, minor_;
  ctr_uint fileMode; /* permission bits; not set: 0666 */
  ctr_uint uid, gid; /* inside the container; not set: 0 */
} ctr_device;

typedef struct ctr_devices {
  const ctr_device *items;
  size_t count;
} ctr_devices;

typedef struct ctr_net_device {
  const char *key;  /* name on the host           */
  const char *name; /* name inside; NULL: the same */
} ctr_net_device;

typedef struct ctr_net_devices {
  const ctr_net_device *items;
  size_t count;
} ctr_net_devices;

typedef struct ctr_device_rule {
  bool allow;
  const char *type; /* "a", "b" or "c"; NULL: all */
  ctr_int major_, minor_; /* not set: all */
  const char *access; /* of "rwm" */
} ctr_device_rule;

typedef struct ctr_device_rules {
  const ctr_device_rule *items;
  size_t count;
} ctr_device_rules;

typedef struct ctr_memory {
  ctr_int limit, reservation, swap, kernel, kernelTCP; /* bytes, -1: no limit. swap: of memory and
                                                          swap together; equal to limit: no swap */
  ctr_uint swappiness; /* 0 to 100, v1 only */
  bool disableOOMKiller, useHierarchy, checkBeforeUpdate;
} ctr_memory;

typedef struct ctr_cpu {
  ctr_uint shares;         /* in proportion to others: 2 to 262144, 1024 being usual */
  ctr_int quota;           /* microseconds per period; -1: no limit                  */
  ctr_uint burst, period;  /* microseconds                                           */
  ctr_int realtimeRuntime; /* microseconds per realtimePeriod, v1 only               */
  ctr_uint realtimePeriod; /* microseconds                                           */
  const char *cpus, *mems; /* lists, "0-3,7" */
  ctr_int idle;            /* 1: runs when nobody else wants to; 0: as usual */
} ctr_cpu;

typedef struct ctr_pids {
  ctr_int limit; /* tasks */
} ctr_pids;

typedef struct ctr_weight_device {
  int64_t major_, minor_;
  ctr_uint weight, leafWeight;
} ctr_weight_device;

typedef struct ctr_weight_devices {
  const ctr_weight_device *items;
  size_t count;
} ctr_weight_devices;

typedef struct ctr_throttle_device {
  int64_t major_, minor_;
  uint64_t rate; /* bytes or operations per second */
} ctr_throttle_device;

typedef struct ctr_throttle_devices {
  const ctr_throttle_device *items;
  size_t count;
} ctr_throttle_devices;

typedef struct ctr_block_io {
  ctr_uint weight, leafWeight; /* 10 to 1000; leafWeight: v1 only */
  ctr_weight_devices weightDevice;
  ctr_throttle_devices throttleReadBpsDevice, throttleWriteBpsDevice;
  ctr_throttle_devices throttleReadIOPSDevice, throttleWriteIOPSDevice;
} ctr_block_io;

typedef struct ctr_hugepage_limit {
  const char *pageSize; /* "2MB" */
  uint64_t limit;       /* bytes */
} ctr_hugepage_limit;

typedef struct ctr_hugepage_limits {
  const ctr_hugepage_limit *items;
  size_t count;
} ctr_hugepage_limits;

typedef struct ctr_if_priority {
  const char *name;  /* of the interface       */
  uint32_t priority; /* of what it sends there */
} ctr_if_priority;

typedef struct ctr_if_priorities {
  const ctr_if_priority *items;
  size_t count;
} ctr_if_priorities;

typedef struct ctr_network {
  ctr_uint classID; /* tc(8)'s handle of a class: 0xMMMMmmmm; v1 only, as priorities are */
  ctr_if_priorities priorities;
} ctr_network;

typedef struct ctr_rdma {
  const char *key; /* name of the device */
  ctr_uint hcaHandles, hcaObjects; /* how many, one of them at least */
} ctr_rdma;

typedef struct ctr_rdmas {
  const ctr_rdma *items;
  size_t count;
} ctr_rdmas;

typedef struct ctr_resources {
  ctr_device_rules devices;
  ctr_memory memory;
  ctr_cpu cpu;
  ctr_pids pids;
  ctr_block_io blockIO;
  ctr_hugepage_limits hugepageLimits;
  ctr_network network;
  ctr_rdmas rdma;
  ctr_pairs unified;
} ctr_resources;

/* Seccomp: which system calls the program may make (config-linux.md "Seccomp", seccomp(2)). The
   filter is loaded as the last thing before the program is executed, in each process that joins a
   container as well; nothing but execve(2) needs to be allowed for the start's sake. Without
   noNewPrivileges loading takes CAP_SYS_ADMIN of the caller, or a user namespace; it is not left to
   the program.

   Of the entries for one call the first without args counts, and alone; else the first whose args
   match; else the default. Entries with the default's action say nothing. All args of an entry must
   match, but where one names an argument twice each is an entry of its own. That is as libseccomp
   and runc have it, who do not say which of several that match counts. When the default action is
   SCMP_ACT_ERRNO, calls with numbers above all that are named fail with ENOSYS: libc tries newer
   calls first and takes an older one only then.

   Names of other architectures mean nothing. One that nobody knows is left out with a warning,
   unless its action is stricter than the default's. Filters are for the architecture this is
   compiled for: calls of others, and of x32, kill the process, as a 32-bit program on a machine of
   64 bits is by its first one, whether or not architectures names them (a CTR_LOG_INFO says so);
   with CTR_WITH_LIBSECCOMP those of a profile are filtered as well.

   A preset in the place of the default action decides of all calls that entries do not:
     CTR_SECCOMP_DEFAULT  what ordinary programs need. Refused are those that lead out, that reach
                          parts of the machine that no namespace parts, or that are large and seldom
                          used parts of the kernel: mounts, namespaces (also as flags of clone(2)),
                          keys, bpf(2), io_uring, other processes' memory, typing into a terminal,
                          all sockets but AF_UNIX, of AF_INET and AF_INET6 TCP (MPTCP), UDP
                          (UDP-Lite) and ICMP, and reading interfaces.
                          With a capability in permitted or bounding come the calls that take it:
                          mount(2) with CAP_SYS_ADMIN, ptrace(2) with CAP_SYS_PTRACE.
     CTR_SECCOMP_STRICT   computing with what is open and with files: no new processes but threads,
                          no new sockets, no changes of owners, modes, links or identity, whatever
                          its capabilities (it may give those up); no signals but to a thread by its
                          number (raise(3), abort(3), pthread_kill(3)). A filter cannot tell whose
                          thread it is: in a pid namespace with others of the same user let Landlock
                          scope signals as well. For decoders and judges.
   Refused calls fail with EPERM; with ENOSYS where libc has an older call to take (clone3(2), calls
   of long ago, and those not known here); socket(2) and socketpair(2) with EAFNOSUPPORT; under
   `strict` ioctl(2) with ENOTTY and prctl(2) with EINVAL. ctr_seccomp_explain prints each group of
   calls with its reason. In a config.json a preset is the defaultAction "ctr.default" or
   "ctr.strict"; or, since other runtimes do not know these, the annotation CTR_SECCOMP_ANNOTATION,
   "default" or "strict", where linux.seccomp is absent.

   With SCMP_ACT_NOTIFY, who listens at listenerPath (relative to the bundle) gets the descriptor of
   seccomp_unotify(2) and the container process state before the program runs; only containers with
   a name have that. The caller itself can be who listens: ctr_plan_desc.keep_listener. sendmsg(2)
   and read(2) must be allowed then. */
typedef enum ctr_seccomp_action {
  CTR_SCMP_ACT_KILL = 1,     /* as KILL_THREAD                                          */
  CTR_SCMP_ACT_KILL_PROCESS, /* ends it with SIGSYS                                     */
  CTR_SCMP_ACT_KILL_THREAD,
  CTR_SCMP_ACT_TRAP,         /* sends SIGSYS                                            */
  CTR_SCMP_ACT_ERRNO,        /* fails with errnoRet, 0 to 4095 (not set: EPERM)         */
  CTR_SCMP_ACT_TRACE,        /* asks a tracer, telling it errnoRet; without one: ENOSYS */
  CTR_SCMP_ACT_ALLOW,
  CTR_SCMP_ACT_LOG,          /* allows and logs                                         */
  CTR_SCMP_ACT_NOTIFY,       /* asks who listens                                        */
  CTR_SECCOMP_DEFAULT,       /* presets, as a defaultAction alone: "ctr.default",       */
  CTR_SECCOMP_STRICT,        /* "ctr.strict"                                            */
} ctr_seccomp_action;

#define CTR_SECCOMP_ANNOTATION "ctr.seccomp"

typedef enum ctr_seccomp_op {
  CTR_SCMP_CMP_NE = 1,
  CTR_SCMP_CMP_LT,
  CTR_SCMP_CMP_LE,
  CTR_SCMP_CMP_EQ,
  CTR_SCMP_CMP_GE,
  CTR_SCMP_CMP_GT,
  CTR_SCMP_CMP_MASKED_EQ,
} ctr_seccomp_op;

typedef struct ctr_syscall_arg {
  uint32_t index; /* 0 to 5 */
  uint64_t value, valueTwo; /* for MASKED_EQ the mask, and what is left under it; else valueTwo
                               means nothing. Of 32 bits where a long has no more */
  ctr_seccomp_op op;
} ctr_syscall_arg;

typedef struct ctr_syscall_args {
  const ctr_syscall_arg *items;
  size_t count;
} ctr_syscall_args;

typedef struct ctr_syscall {
  ctr_strs names;
  ctr_seccomp_action action;
  ctr_uint errnoRet;
  ctr_syscall_args args;
} ctr_syscall;

typedef struct ctr_syscalls {
  const ctr_syscall *items;
  size_t count;
} ctr_syscalls;

typedef struct ctr_seccomp {
  ctr_seccomp_action defaultAction; /* 0: no filter asked for; may be a preset */
  ctr_uint defaultErrnoRet;
  ctr_strs architectures; /* "SCMP_ARCH_X86_64" …; the own one need not be named */
  ctr_strs flags;         /* "SECCOMP_FILTER_FLAG_LOG" …                         */
  const char *listenerPath, *listenerMetadata;
  ctr_syscalls syscalls;
} ctr_seccomp;

typedef enum ctr_propagation { /* mount_namespaces(7) */
  CTR_PROPAGATION_PRIVATE = 1,
  CTR_PROPAGATION_SHARED,
  CTR_PROPAGATION_SLAVE,
  CTR_PROPAGATION_UNBINDABLE,
  CTR_PROPAGATION_RPRIVATE, /* the same for all mounts below: not in the specification, but used */
  CTR_PROPAGATION_RSHARED,
  CTR_PROPAGATION_RSLAVE,
  CTR_PROPAGATION_RUNBINDABLE,
} ctr_propagation;

typedef enum ctr_personality_domain { /* personality(2) */
  CTR_PER_LINUX = 1,
  CTR_PER_LINUX32,
} ctr_personality_domain;

typedef struct ctr_personality {
  ctr_personality_domain domain; /* 0: not asked for                  */
  ctr_strs flags;                /* none is defined by OCI 1.3: refused */
} ctr_personality;

typedef struct ctr_intel_rdt {
  const char *closID;
  ctr_strs schemata;
  const char *l3CacheSchema, *memBwSchema;
  bool enableMonitoring;
} ctr_intel_rdt;

typedef enum ctr_mempolicy_mode { /* the kernel's MPOL_* number plus one (set_mempolicy(2)) */
  CTR_MPOL_DEFAULT = 1,
  CTR_MPOL_PREFERRED,
  CTR_MPOL_BIND,
  CTR_MPOL_INTERLEAVE,
  CTR_MPOL_LOCAL,
  CTR_MPOL_PREFERRED_MANY,
  CTR_MPOL_WEIGHTED_INTERLEAVE,
} ctr_mempolicy_mode;

typedef struct ctr_memory_policy {
  ctr_mempolicy_mode mode; /* 0: not asked for               */
  const char *nodes;       /* list, "0-3,7"                  */
  uint64_t flags;          /* the kernel's MPOL_F_* bits      */
} ctr_memory_policy;

typedef struct ctr_linux {
  ctr_namespaces namespaces;
  ctr_id_mappings uidMappings, gidMappings;
  ctr_time_offsets timeOffsets;
  ctr_devices devices;
  ctr_net_devices netDevices; /* refused: this version does not execute it */
  const char *cgroupsPath; /* "/a/b": below where each hierarchy is mounted; "a/b": below the cgroup
                              of the caller, in v2 beside it where that can be; no "." or ".."    */
  ctr_resources resources;
  ctr_propagation rootfsPropagation;
  ctr_seccomp seccomp;
  ctr_pairs sysctl;
  /* What is not there is passed over. Looked up on the last of mounts that is at the path or above
     it, wherever its directory is by then; a link that leads out of that mount is refused. */
  ctr_strs maskedPaths, readonlyPaths;
  const char *mountLabel; /* of new file systems that take one (the option "context" of mount(8)),
                             not of proc, sysfs, mqueue, cgroups and binds; "": not asked for  */
  const ctr_intel_rdt *intelRdt; /* an empty object means something: hence a pointer. Refused */
  ctr_memory_policy memoryPolicy;
  ctr_personality personality;
} ctr_linux;

/* -- landlock(7): an extension -- */

typedef struct ctr_landlock_path {
  ctr_strs paths;         /* absolute, inside; they must be there when the program is started */
  ctr_strs allowedAccess; /* there and below                                                  */
} ctr_landlock_path;

typedef struct ctr_landlock_paths {
  const ctr_landlock_path *items;
  size_t count;
} ctr_landlock_paths;

typedef struct ctr_landlock_port {
  ctr_ids ports; /* of TCP, 0 to 65535; 0 to bind: any that is free */
  ctr_strs allowedAccess;
} ctr_landlock_port;

typedef struct ctr_landlock_ports {
  const ctr_landlock_port *items;
  size_t count;
} ctr_landlock_ports;

/* What the program gives up, whoever it is: what is handled is denied but for what a rule allows;
   what is scoped stays within the program and what it starts. In a config.json this is the
   annotation CTR_LANDLOCK_ANNOTATION, whose value is the text of a JSON object of these members.
     of files:   execute write_file read_file read_dir remove_dir remove_file make_char make_dir
                 make_reg make_sock make_fifo make_block make_sym refer truncate ioctl_dev; or
                 "read", "write" (with all that makes, removes, renames and truncates), and "all"
                 (with execute and ioctl_dev), in a rule those of them that are handled
     of TCP:     bind_tcp connect_tcp; or "all"
     as scopes:  abstract_unix_socket signal; or "all"
   Paths are those of the container when its program starts, without links on the way: whoever can
   make a link would say what is allowed.
   It holds from after the startContainer hooks, for the program or function and for each that joins
   the container (ctr_container_exec), which cannot signal one another when signals are scoped. It
   needs process.noNewPrivileges, or CAP_SYS_ADMIN of the caller, or a user namespace.
   Source: landlock(7), the kernel's userspace-api/landlock.rst. */
typedef struct ctr_landlock {
  ctr_strs handledAccessFs, handledAccessNet, scoped;
  ctr_landlock_paths pathBeneath;
  ctr_landlock_ports netPort;
  bool bestEffort; /* what this kernel does not have is left out, with a warning: not refused */
} ctr_landlock;

#define CTR_LANDLOCK_ANNOTATION "ctr.landlock"

typedef struct ctr_config {
  const char *ociVersion; /* required in a text; CTR_OCI_VERSION is what this version writes */
  ctr_root root;
  ctr_mounts mounts;
  ctr_process_config process;
  const char *hostname, *domainname;
  ctr_hooks hooks;
  ctr_pairs annotations;
  ctr_linux linux_;
  const ctr_landlock *landlock; /* read from, and written as, an annotation; NULL: not asked for */
} ctr_config;

#define CTR_OCI_VERSION "1.3.0"

/* Reads a config.json text.
   arena:   the config and all it points to live here.
   text:    len bytes, borrowed for the call.
   Returns: CTR_OK; CTR_E_JSON; CTR_E_CONFIG naming the field (wrong type, out of range, unknown
            name of a capability, namespace, …, required member missing); CTR_E_NOMEM.
            Unknown members are ignored (config.md "Extensibility"), null counts as absent. */
CTR_API ctr_code ctr_config_parse(ctr_arena *arena, const char *text, size_t len,
                                  ctr_config **ret_config, ctr_err *err);

/* The same from a value already read, whose strings are copied; ret_unknown, when not NULL,
   receives the path of every member that was ignored ("linux.frobnicate"), in the arena. */
CTR_API ctr_code ctr_config_from_json(ctr_arena *arena, const ctr_json *value,
                                      ctr_config **ret_config, ctr_strs *ret_unknown, ctr_err *err);

/* Reads the text of a process alone, as engines hand it to exec: config.json's `process`.
   Returns: as ctr_config_parse. *ret_process is in the arena. */
CTR_API ctr_code ctr_process_config_parse(ctr_arena *arena, const char *text, size_t len,
                                          ctr_process_config **ret_process, ctr_err *err);

/* Reads the text of config.json's `linux.resources` alone, as engines hand it to update.
   Returns: as ctr_config_parse. *ret_resources is in the arena. */
CTR_API ctr_code ctr_resources_parse(ctr_arena *arena, const char *text, size_t len,
                                     ctr_resources **ret_resources, ctr_err *err);

/* Turns a config back into JSON, members in the order of the structs, absent ones left out; without
   an ociVersion it gets CTR_OCI_VERSION. Strings are copied.
   Returns: CTR_OK; CTR_E_CONFIG naming the field when something required is missing or out of
            range; CTR_E_NOMEM. */
CTR_API ctr_code ctr_config_to_json(ctr_arena *arena, const ctr_config *config,
                                    ctr_json **ret_value, ctr_err *err);

typedef enum ctr_default_kind {
  CTR_DEFAULT_AUTO = 0,  /* as root of the machine: CTR_DEFAULT_ROOT, else CTR_DEFAULT_ROOTLESS */
  CTR_DEFAULT_ROOT,
  CTR_DEFAULT_ROOTLESS,  /* with a user namespace that maps the caller to root inside, and as many
                            more ids as the caller can have: those of subuid(5) and subgid(5), which
                            newuidmap(1) maps (two programs more are run for each start: some
                            milliseconds), or all of a user namespace that the caller is root of  */
  CTR_DEFAULT_SINGLE_ID, /* the same with the caller's id alone: no other program is needed       */
} ctr_default_kind;

/* Makes the default container: the machine's own root file system, read-only, with /proc, /sys,
   /dev, /tmp and /run of its own, in new mount, pid, network, ipc, uts and cgroup namespaces;
   three harmless capabilities as root, no new privileges, the usual masked and read-only paths,
   the seccomp preset CTR_SECCOMP_DEFAULT; running "sh". Change what you like; the lists are
   constants, so that to change one is to point it at another.
   All that the caller can read can be read inside, root's files by root: password hashes, keys. For
   what is not trusted put a root of its own first in mounts (a tmpfs or an overlay at "/") and, as
   root, give CTR_DEFAULT_ROOTLESS, which maps 0 to 0, other uidMappings and gidMappings: to ids
   that nobody has. /tmp and /run may take half of the memory each (tmpfs(5), "size").
   Returns: CTR_OK, CTR_E_NOMEM or CTR_E_ARG.
   Source:  user_namespaces(7), subuid(5). */
CTR_API ctr_code ctr_config_default(ctr_arena *arena, ctr_default_kind kind,
                                    ctr_config **ret_config, ctr_err *err);
