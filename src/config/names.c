/* The names config.json uses for numbers: a set each, for reading, writing, errors and explain. */

typedef struct ctr__name {
  const char *name;
  int64_t value;
} ctr__name;

typedef struct ctr__names {
  const char *what; /* what such a name is called in an error */
  const ctr__name *items;
  size_t count;
} ctr__names;

#define CTR__NAMES(table, what, ...)                                                               \
  static const ctr__name table##_items[] = {__VA_ARGS__};                                          \
  static const ctr__names table = {what, table##_items,                                            \
                                   sizeof table##_items / sizeof *table##_items}
#define CTR__NAME(name) {#name, CTR_##name}

CTR__NAMES(ctr__namespace_names, "namespace type", {"pid", CTR_NS_PID},
           {"network", CTR_NS_NETWORK}, {"mount", CTR_NS_MOUNT}, {"ipc", CTR_NS_IPC},
           {"uts", CTR_NS_UTS}, {"user", CTR_NS_USER}, {"cgroup", CTR_NS_CGROUP},
           {"time", CTR_NS_TIME});

#define CTR__CAP_NAME(name, number) {"CAP_" #name, number},
static const ctr__name ctr__capability_names_items[] = {CTR_CAPABILITIES(CTR__CAP_NAME)};
#undef CTR__CAP_NAME
static const ctr__names ctr__capability_names = {"capability", ctr__capability_names_items,
                                                 CTR_CAP_COUNT};

CTR__NAMES(ctr__rlimit_names, "resource", CTR__NAME(RLIMIT_CPU), CTR__NAME(RLIMIT_FSIZE),
           CTR__NAME(RLIMIT_DATA), CTR__NAME(RLIMIT_STACK), CTR__NAME(RLIMIT_CORE),
           CTR__NAME(RLIMIT_RSS), CTR__NAME(RLIMIT_NPROC), CTR__NAME(RLIMIT_NOFILE),
           CTR__NAME(RLIMIT_MEMLOCK), CTR__NAME(RLIMIT_AS), CTR__NAME(RLIMIT_LOCKS),
           CTR__NAME(RLIMIT_SIGPENDING), CTR__NAME(RLIMIT_MSGQUEUE), CTR__NAME(RLIMIT_NICE),
           CTR__NAME(RLIMIT_RTPRIO), CTR__NAME(RLIMIT_RTTIME));

CTR__NAMES(ctr__ioprio_classes, "I/O priority class", CTR__NAME(IOPRIO_CLASS_RT),
           CTR__NAME(IOPRIO_CLASS_BE), CTR__NAME(IOPRIO_CLASS_IDLE));

CTR__NAMES(ctr__sched_policies, "scheduling policy", CTR__NAME(SCHED_OTHER),
           CTR__NAME(SCHED_FIFO), CTR__NAME(SCHED_RR), CTR__NAME(SCHED_BATCH),
           CTR__NAME(SCHED_ISO), CTR__NAME(SCHED_IDLE), CTR__NAME(SCHED_DEADLINE));

/* include/uapi/linux/sched.h: bits by number, for the list is of flags */
CTR__NAMES(ctr__sched_flags, "scheduling flag", {"SCHED_FLAG_RESET_ON_FORK", 0},
           {"SCHED_FLAG_RECLAIM", 1}, {"SCHED_FLAG_DL_OVERRUN", 2}, {"SCHED_FLAG_KEEP_POLICY", 3},
           {"SCHED_FLAG_KEEP_PARAMS", 4}, {"SCHED_FLAG_UTIL_CLAMP_MIN", 5},
           {"SCHED_FLAG_UTIL_CLAMP_MAX", 6});

CTR__NAMES(ctr__mempolicy_modes, "memory policy mode", CTR__NAME(MPOL_DEFAULT),
           CTR__NAME(MPOL_PREFERRED), CTR__NAME(MPOL_BIND), CTR__NAME(MPOL_INTERLEAVE),
           CTR__NAME(MPOL_LOCAL), CTR__NAME(MPOL_PREFERRED_MANY),
           CTR__NAME(MPOL_WEIGHTED_INTERLEAVE));

/* include/uapi/linux/mempolicy.h */
CTR__NAMES(ctr__mempolicy_flags, "memory policy flag", {"MPOL_F_NUMA_BALANCING", 13},
           {"MPOL_F_RELATIVE_NODES", 14}, {"MPOL_F_STATIC_NODES", 15});

CTR__NAMES(ctr__propagation_names, "propagation type", {"private", CTR_PROPAGATION_PRIVATE},
           {"shared", CTR_PROPAGATION_SHARED}, {"slave", CTR_PROPAGATION_SLAVE},
           {"unbindable", CTR_PROPAGATION_UNBINDABLE}, {"rprivate", CTR_PROPAGATION_RPRIVATE},
           {"rshared", CTR_PROPAGATION_RSHARED}, {"rslave", CTR_PROPAGATION_RSLAVE},
           {"runbindable", CTR_PROPAGATION_RUNBINDABLE});

CTR__NAMES(ctr__personality_names, "personality", {"LINUX", CTR_PER_LINUX},
           {"LINUX32", CTR_PER_LINUX32});

/* Of an entry; and of all that no entry names, where a preset can stand as well. */
#define CTR__SECCOMP_ACTIONS                                                                       \
  CTR__NAME(SCMP_ACT_KILL), CTR__NAME(SCMP_ACT_KILL_PROCESS), CTR__NAME(SCMP_ACT_KILL_THREAD),     \
      CTR__NAME(SCMP_ACT_TRAP), CTR__NAME(SCMP_ACT_ERRNO), CTR__NAME(SCMP_ACT_TRACE),              \
      CTR__NAME(SCMP_ACT_ALLOW), CTR__NAME(SCMP_ACT_LOG), CTR__NAME(SCMP_ACT_NOTIFY)
CTR__NAMES(ctr__seccomp_actions, "seccomp action", CTR__SECCOMP_ACTIONS);
CTR__NAMES(ctr__seccomp_defaults, "seccomp action", CTR__SECCOMP_ACTIONS,
           {"ctr.default", CTR_SECCOMP_DEFAULT}, {"ctr.strict", CTR_SECCOMP_STRICT});
#undef CTR__SECCOMP_ACTIONS

/* As the annotation ctr.seccomp and people call them. */
CTR__NAMES(ctr__seccomp_presets, "seccomp preset", {"default", CTR_SECCOMP_DEFAULT},
           {"strict", CTR_SECCOMP_STRICT});

/* As AUDIT_ARCH_* tells them apart (include/uapi/linux/audit.h); x32 shares its number with x86_64,
   and differs in one bit of the system call's (__X32_SYSCALL_BIT, here moved up). */
CTR__NAMES(ctr__seccomp_architectures, "seccomp architecture", {"SCMP_ARCH_X86", 0x40000003},
           {"SCMP_ARCH_X86_64", 0xC000003E}, {"SCMP_ARCH_X32", 0x1C000003E},
           {"SCMP_ARCH_ARM", 0x40000028}, {"SCMP_ARCH_AARCH64", 0xC00000B7},
           {"SCMP_ARCH_MIPS", 0x8}, {"SCMP_ARCH_MIPS64", 0x80000008},
           {"SCMP_ARCH_MIPS64N32", 0xA0000008}, {"SCMP_ARCH_MIPSEL", 0x40000008},
           {"SCMP_ARCH_MIPSEL64", 0xC0000008}, {"SCMP_ARCH_MIPSEL64N32", 0xE0000008},
           {"SCMP_ARCH_PPC", 0x14}, {"SCMP_ARCH_PPC64", 0x80000015},
           {"SCMP_ARCH_PPC64LE", 0xC0000015}, {"SCMP_ARCH_S390", 0x16},
           {"SCMP_ARCH_S390X", 0x80000016}, {"SCMP_ARCH_PARISC", 0xF},
           {"SCMP_ARCH_PARISC64", 0x8000000F}, {"SCMP_ARCH_RISCV64", 0xC00000F3},
           {"SCMP_ARCH_LOONGARCH64", 0xC0000102}, {"SCMP_ARCH_M68K", 0x4},
           {"SCMP_ARCH_SH", 0x4000002A}, {"SCMP_ARCH_SHEB", 0x2A});

/* include/uapi/linux/seccomp.h */
CTR__NAMES(ctr__seccomp_flags, "seccomp flag", {"SECCOMP_FILTER_FLAG_TSYNC", CTR__SECCOMP_TSYNC},
           {"SECCOMP_FILTER_FLAG_LOG", 2}, {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", 4},
           {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", CTR__SECCOMP_WAIT_KILLABLE_RECV});

CTR__NAMES(ctr__seccomp_ops, "seccomp operator", CTR__NAME(SCMP_CMP_NE), CTR__NAME(SCMP_CMP_LT),
           CTR__NAME(SCMP_CMP_LE), CTR__NAME(SCMP_CMP_EQ), CTR__NAME(SCMP_CMP_GE),
           CTR__NAME(SCMP_CMP_GT), CTR__NAME(SCMP_CMP_MASKED_EQ));

/* What calls fail with that a seccomp preset refuses. */
CTR__NAMES(ctr__refusal_names, "error", {"EPERM", EPERM}, {"ENOSYS", ENOSYS},
           {"EAFNOSUPPORT", EAFNOSUPPORT}, {"ENOTTY", ENOTTY}, {"EINVAL", EINVAL});
#undef CTR__NAMES
#undef CTR__NAME

static const ctr__name *ctr__name_find(const ctr__names *names, const char *name) {
  for (size_t i = 0; i < names->count; i++)
    if (!strcmp(names->items[i].name, name)) return &names->items[i];
  return NULL;
}

static const char *ctr__name_of(const ctr__names *names, int64_t value) {
  for (size_t i = 0; i < names->count; i++)
    if (names->items[i].value == value) return names->items[i].name;
  return "?";
}

/* All of them into text, which is cut when they do not fit. */
static const char *ctr__names_text(const ctr__names *names, const char *separator,
                                   char text[256]) {
  size_t len = 0;
  for (size_t i = 0; i < names->count && len < 256; i++)
    len += (size_t)snprintf(text + len, 256 - len, "%s%s", i ? separator : "",
                            names->items[i].name);
  return text;
}
