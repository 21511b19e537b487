/* The one table of config.json: what a member is called, where it lives in the structs, what it may
   be. Reading, writing back, validation and errors are walks over it. */

typedef enum ctr__kind_of_field {
  CTR__F_STR,     /* const char *                                  */
  CTR__F_BOOL,    /* bool                                          */
  CTR__F_INT,     /* ctr_int                                       */
  CTR__F_UINT,    /* ctr_uint                                      */
  CTR__F_I32,     /* int32_t                                       */
  CTR__F_I64,     /* int64_t                                       */
  CTR__F_U32,     /* uint32_t                                      */
  CTR__F_U64,     /* uint64_t                                      */
  CTR__F_ENUM,    /* an enum, by name                              */
  CTR__F_BITS,    /* uint64_t, a list of names of bits             */
  CTR__F_STRS,    /* ctr_strs                                      */
  CTR__F_IDS,     /* ctr_ids                                       */
  CTR__F_PAIRS,   /* ctr_pairs, an object of strings               */
  CTR__F_OBJECT,  /* a struct                                      */
  CTR__F_POINTER, /* a pointer to a struct                         */
  CTR__F_LIST,    /* {const T *items; size_t count}                */
  CTR__F_MAP,     /* the same, an object of objects: T has a `key` */
} ctr__kind_of_field;

enum {
  CTR__REQUIRED = 1,      /* must be there; is always written                       */
  CTR__ALWAYS = 2,        /* is always written: 0 says something                    */
  CTR__NOT_EXECUTED = 4,  /* parsed, and refused when a plan is built: fail closed  */
  CTR__IN_TEXT = 8,       /* required in a text only: by hand there is a default     */
};

typedef struct ctr__field {
  const char *name;
  uint8_t kind, flags;
  uint16_t offset;
  const struct ctr__type *type; /* of OBJECT, POINTER, LIST, MAP */
  const ctr__names *names;      /* of ENUM, BITS */
  int64_t min;                  /* of numbers; min and max 0: all that fit */
  uint64_t max;
} ctr__field;

typedef struct ctr__type {
  size_t size;
  const ctr__field *fields;
  size_t count;
} ctr__type;

/* How all list structs of the API look in memory. */
typedef struct ctr__any_list {
  const void *items;
  size_t count;
} ctr__any_list;

#define CTR__TYPE(type, ...)                                                                       \
  static const ctr__field ctr__fields_of_##type[] = {__VA_ARGS__};                                 \
  static const ctr__type ctr__type_of_##type = {                                                   \
      sizeof(type), ctr__fields_of_##type,                                                         \
      sizeof ctr__fields_of_##type / sizeof *ctr__fields_of_##type}
/* A field under its own name, or under another where C or a macro is in the way. */
#define CTR__FIELD_AS(struct_, member_, name_, kind_, ...)                                         \
  {.name = name_, .offset = offsetof(struct_, member_), .kind = CTR__F_##kind_, __VA_ARGS__}
#define CTR__FIELD(struct_, member_, kind_, ...)                                                   \
  CTR__FIELD_AS(struct_, member_, #member_, kind_, __VA_ARGS__)
#define CTR__OF(struct_) .type = &ctr__type_of_##struct_
#define CTR__PLAIN .flags = 0
#define CTR__MUST .flags = CTR__REQUIRED
#define CTR__LATER .flags = CTR__NOT_EXECUTED

CTR__TYPE(ctr_root, CTR__FIELD(ctr_root, path, STR, CTR__PLAIN),
          CTR__FIELD(ctr_root, readonly, BOOL, CTR__PLAIN));

CTR__TYPE(ctr_id_mapping, CTR__FIELD(ctr_id_mapping, containerID, U32, CTR__MUST),
          CTR__FIELD(ctr_id_mapping, hostID, U32, CTR__MUST),
          CTR__FIELD(ctr_id_mapping, size, U32, CTR__MUST));

CTR__TYPE(ctr_mount, CTR__FIELD(ctr_mount, destination, STR, CTR__MUST),
          CTR__FIELD(ctr_mount, type, STR, CTR__PLAIN),
          CTR__FIELD(ctr_mount, source, STR, CTR__PLAIN),
          CTR__FIELD(ctr_mount, options, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_mount, uidMappings, LIST, CTR__OF(ctr_id_mapping)),
          CTR__FIELD(ctr_mount, gidMappings, LIST, CTR__OF(ctr_id_mapping)));

CTR__TYPE(ctr_console_size, CTR__FIELD(ctr_console_size, height, UINT, CTR__MUST),
          CTR__FIELD(ctr_console_size, width, UINT, CTR__MUST));

/* The last number is no id: system calls take it for "as it is" (setresuid(2), chown(2)). */
#define CTR__ID_MAX .max = UINT32_MAX - 1
CTR__TYPE(ctr_user, CTR__FIELD(ctr_user, uid, U32, CTR__ID_MAX, .flags = CTR__ALWAYS),
          CTR__FIELD(ctr_user, gid, U32, CTR__ID_MAX, .flags = CTR__ALWAYS),
          CTR__FIELD(ctr_user, umask, UINT, .max = 0777),
          CTR__FIELD(ctr_user, additionalGids, IDS, CTR__ID_MAX));

#define CTR__CAPS .names = &ctr__capability_names
CTR__TYPE(ctr_capabilities, CTR__FIELD(ctr_capabilities, bounding, BITS, CTR__CAPS),
          CTR__FIELD(ctr_capabilities, effective, BITS, CTR__CAPS),
          CTR__FIELD(ctr_capabilities, inheritable, BITS, CTR__CAPS),
          CTR__FIELD(ctr_capabilities, permitted, BITS, CTR__CAPS),
          CTR__FIELD(ctr_capabilities, ambient, BITS, CTR__CAPS));
#undef CTR__CAPS

CTR__TYPE(ctr_rlimit,
          CTR__FIELD(ctr_rlimit, type, ENUM, .names = &ctr__rlimit_names, CTR__MUST),
          CTR__FIELD(ctr_rlimit, soft, U64, CTR__MUST),
          CTR__FIELD(ctr_rlimit, hard, U64, CTR__MUST));

CTR__TYPE(ctr_io_priority,
          CTR__FIELD_AS(ctr_io_priority, class_, "class", ENUM, .names = &ctr__ioprio_classes,
                        CTR__MUST),
          CTR__FIELD(ctr_io_priority, priority, I32, .min = 0, .max = 7, .flags = CTR__ALWAYS));

CTR__TYPE(ctr_scheduler,
          CTR__FIELD(ctr_scheduler, policy, ENUM, .names = &ctr__sched_policies, CTR__MUST),
          CTR__FIELD(ctr_scheduler, nice, I32, .min = -20, .max = 19),
          CTR__FIELD(ctr_scheduler, priority, I32, .min = 0, .max = 99),
          CTR__FIELD(ctr_scheduler, flags, BITS, .names = &ctr__sched_flags),
          CTR__FIELD(ctr_scheduler, runtime, U64, CTR__PLAIN),
          CTR__FIELD(ctr_scheduler, deadline, U64, CTR__PLAIN),
          CTR__FIELD(ctr_scheduler, period, U64, CTR__PLAIN));

CTR__TYPE(ctr_cpu_affinity, CTR__FIELD(ctr_cpu_affinity, initial, STR, CTR__PLAIN),
          CTR__FIELD(ctr_cpu_affinity, final, STR, CTR__PLAIN));

CTR__TYPE(ctr_process_config, CTR__FIELD(ctr_process_config, terminal, BOOL, CTR__PLAIN),
          CTR__FIELD(ctr_process_config, consoleSize, OBJECT, CTR__OF(ctr_console_size)),
          CTR__FIELD(ctr_process_config, cwd, STR, CTR__MUST),
          CTR__FIELD(ctr_process_config, args, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_process_config, env, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_process_config, user, OBJECT, CTR__OF(ctr_user), .flags = CTR__ALWAYS),
          CTR__FIELD(ctr_process_config, capabilities, OBJECT, CTR__OF(ctr_capabilities)),
          CTR__FIELD(ctr_process_config, rlimits, LIST, CTR__OF(ctr_rlimit)),
          CTR__FIELD(ctr_process_config, noNewPrivileges, BOOL, CTR__PLAIN),
          CTR__FIELD(ctr_process_config, apparmorProfile, STR, CTR__PLAIN),
          CTR__FIELD(ctr_process_config, oomScoreAdj, INT, .min = -1000, .max = 1000),
          CTR__FIELD(ctr_process_config, selinuxLabel, STR, CTR__PLAIN),
          CTR__FIELD(ctr_process_config, ioPriority, OBJECT, CTR__OF(ctr_io_priority)),
          CTR__FIELD(ctr_process_config, scheduler, OBJECT, CTR__OF(ctr_scheduler)),
          CTR__FIELD(ctr_process_config, execCPUAffinity, OBJECT, CTR__OF(ctr_cpu_affinity)));

CTR__TYPE(ctr_hook, CTR__FIELD(ctr_hook, path, STR, CTR__MUST),
          CTR__FIELD(ctr_hook, args, STRS, CTR__PLAIN), CTR__FIELD(ctr_hook, env, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_hook, timeout, UINT, .min = 1, .max = INT32_MAX));

CTR__TYPE(ctr_hooks, CTR__FIELD(ctr_hooks, prestart, LIST, CTR__OF(ctr_hook)),
          CTR__FIELD(ctr_hooks, createRuntime, LIST, CTR__OF(ctr_hook)),
          CTR__FIELD(ctr_hooks, createContainer, LIST, CTR__OF(ctr_hook)),
          CTR__FIELD(ctr_hooks, startContainer, LIST, CTR__OF(ctr_hook)),
          CTR__FIELD(ctr_hooks, poststart, LIST, CTR__OF(ctr_hook)),
          CTR__FIELD(ctr_hooks, poststop, LIST, CTR__OF(ctr_hook)));

CTR__TYPE(ctr_namespace,
          CTR__FIELD(ctr_namespace, type, ENUM, .names = &ctr__namespace_names, CTR__MUST),
          CTR__FIELD(ctr_namespace, path, STR, CTR__PLAIN));

CTR__TYPE(ctr_time_offset, CTR__FIELD(ctr_time_offset, secs, INT, CTR__PLAIN),
          CTR__FIELD(ctr_time_offset, nanosecs, UINT, .max = 999999999));

CTR__TYPE(ctr_time_offsets,
          CTR__FIELD(ctr_time_offsets, monotonic, OBJECT, CTR__OF(ctr_time_offset)),
          CTR__FIELD(ctr_time_offsets, boottime, OBJECT, CTR__OF(ctr_time_offset)));

CTR__TYPE(ctr_device, CTR__FIELD(ctr_device, type, STR, CTR__MUST),
          CTR__FIELD(ctr_device, path, STR, CTR__MUST),
          CTR__FIELD_AS(ctr_device, major_, "major", INT, .min = 0, .max = 4095),
          CTR__FIELD_AS(ctr_device, minor_, "minor", INT, .min = 0, .max = 1048575),
          CTR__FIELD(ctr_device, fileMode, UINT, .max = UINT32_MAX),
          CTR__FIELD(ctr_device, uid, UINT, CTR__ID_MAX),
          CTR__FIELD(ctr_device, gid, UINT, CTR__ID_MAX));
#undef CTR__ID_MAX

CTR__TYPE(ctr_net_device, CTR__FIELD(ctr_net_device, name, STR, CTR__PLAIN));

CTR__TYPE(ctr_device_rule, CTR__FIELD(ctr_device_rule, allow, BOOL, CTR__MUST),
          CTR__FIELD(ctr_device_rule, type, STR, CTR__PLAIN),
          CTR__FIELD_AS(ctr_device_rule, major_, "major", INT, CTR__PLAIN),
          CTR__FIELD_AS(ctr_device_rule, minor_, "minor", INT, CTR__PLAIN),
          CTR__FIELD(ctr_device_rule, access, STR, CTR__PLAIN));

CTR__TYPE(ctr_memory, CTR__FIELD(ctr_memory, limit, INT, CTR__PLAIN),
          CTR__FIELD(ctr_memory, reservation, INT, CTR__PLAIN),
          CTR__FIELD(ctr_memory, swap, INT, CTR__PLAIN),
          CTR__FIELD(ctr_memory, kernel, INT, CTR__PLAIN),
          CTR__FIELD(ctr_memory, kernelTCP, INT, CTR__PLAIN),
          CTR__FIELD(ctr_memory, swappiness, UINT, .max = 100),
          CTR__FIELD(ctr_memory, disableOOMKiller, BOOL, CTR__PLAIN),
          CTR__FIELD(ctr_memory, useHierarchy, BOOL, CTR__PLAIN),
          CTR__FIELD(ctr_memory, checkBeforeUpdate, BOOL, CTR__PLAIN));

CTR__TYPE(ctr_cpu, CTR__FIELD(ctr_cpu, shares, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu, quota, INT, CTR__PLAIN), CTR__FIELD(ctr_cpu, burst, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu, period, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu, realtimeRuntime, INT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu, realtimePeriod, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu, cpus, STR, CTR__PLAIN), CTR__FIELD(ctr_cpu, mems, STR, CTR__PLAIN),
          CTR__FIELD(ctr_cpu, idle, INT, CTR__PLAIN));

CTR__TYPE(ctr_pids, CTR__FIELD(ctr_pids, limit, INT, CTR__MUST));

CTR__TYPE(ctr_weight_device,
          CTR__FIELD_AS(ctr_weight_device, major_, "major", I64, CTR__MUST),
          CTR__FIELD_AS(ctr_weight_device, minor_, "minor", I64, CTR__MUST),
          CTR__FIELD(ctr_weight_device, weight, UINT, .max = UINT16_MAX),
          CTR__FIELD(ctr_weight_device, leafWeight, UINT, .max = UINT16_MAX));

CTR__TYPE(ctr_throttle_device,
          CTR__FIELD_AS(ctr_throttle_device, major_, "major", I64, CTR__MUST),
          CTR__FIELD_AS(ctr_throttle_device, minor_, "minor", I64, CTR__MUST),
          CTR__FIELD(ctr_throttle_device, rate, U64, .flags = CTR__ALWAYS));

#define CTR__THROTTLES CTR__OF(ctr_throttle_device)
CTR__TYPE(ctr_block_io, CTR__FIELD(ctr_block_io, weight, UINT, .max = UINT16_MAX),
          CTR__FIELD(ctr_block_io, leafWeight, UINT, .max = UINT16_MAX),
          CTR__FIELD(ctr_block_io, weightDevice, LIST, CTR__OF(ctr_weight_device)),
          CTR__FIELD(ctr_block_io, throttleReadBpsDevice, LIST, CTR__THROTTLES),
          CTR__FIELD(ctr_block_io, throttleWriteBpsDevice, LIST, CTR__THROTTLES),
          CTR__FIELD(ctr_block_io, throttleReadIOPSDevice, LIST, CTR__THROTTLES),
          CTR__FIELD(ctr_block_io, throttleWriteIOPSDevice, LIST, CTR__THROTTLES));
#undef CTR__THROTTLES

CTR__TYPE(ctr_hugepage_limit, CTR__FIELD(ctr_hugepage_limit, pageSize, STR, CTR__MUST),
          CTR__FIELD(ctr_hugepage_limit, limit, U64, CTR__MUST));

CTR__TYPE(ctr_if_priority, CTR__FIELD(ctr_if_priority, name, STR, CTR__MUST),
          CTR__FIELD(ctr_if_priority, priority, U32, CTR__MUST));

CTR__TYPE(ctr_network, CTR__FIELD(ctr_network, classID, UINT, .max = UINT32_MAX),
          CTR__FIELD(ctr_network, priorities, LIST, CTR__OF(ctr_if_priority)));

CTR__TYPE(ctr_rdma, CTR__FIELD(ctr_rdma, hcaHandles, UINT, .max = UINT32_MAX),
          CTR__FIELD(ctr_rdma, hcaObjects, UINT, .max = UINT32_MAX));

CTR__TYPE(ctr_resources, CTR__FIELD(ctr_resources, devices, LIST, CTR__OF(ctr_device_rule)),
          CTR__FIELD(ctr_resources, memory, OBJECT, CTR__OF(ctr_memory)),
          CTR__FIELD(ctr_resources, cpu, OBJECT, CTR__OF(ctr_cpu)),
          CTR__FIELD(ctr_resources, pids, OBJECT, CTR__OF(ctr_pids)),
          CTR__FIELD(ctr_resources, blockIO, OBJECT, CTR__OF(ctr_block_io)),
          CTR__FIELD(ctr_resources, hugepageLimits, LIST, CTR__OF(ctr_hugepage_limit)),
          CTR__FIELD(ctr_resources, network, OBJECT, CTR__OF(ctr_network)),
          CTR__FIELD(ctr_resources, rdma, MAP, CTR__OF(ctr_rdma)),
          CTR__FIELD(ctr_resources, unified, PAIRS, CTR__PLAIN));

CTR__TYPE(ctr_syscall_arg, CTR__FIELD(ctr_syscall_arg, index, U32, CTR__MUST),
          CTR__FIELD(ctr_syscall_arg, value, U64, CTR__MUST),
          CTR__FIELD(ctr_syscall_arg, valueTwo, U64, CTR__PLAIN),
          CTR__FIELD(ctr_syscall_arg, op, ENUM, .names = &ctr__seccomp_ops, CTR__MUST));

CTR__TYPE(ctr_syscall, CTR__FIELD(ctr_syscall, names, STRS, CTR__MUST),
          CTR__FIELD(ctr_syscall, action, ENUM, .names = &ctr__seccomp_actions, CTR__MUST),
          CTR__FIELD(ctr_syscall, errnoRet, UINT, .max = UINT32_MAX),
          CTR__FIELD(ctr_syscall, args, LIST, CTR__OF(ctr_syscall_arg)));

CTR__TYPE(ctr_seccomp,
          CTR__FIELD(ctr_seccomp, defaultAction, ENUM, .names = &ctr__seccomp_defaults, CTR__MUST),
          CTR__FIELD(ctr_seccomp, defaultErrnoRet, UINT, .max = UINT32_MAX),
          CTR__FIELD(ctr_seccomp, architectures, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_seccomp, flags, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_seccomp, listenerPath, STR, CTR__PLAIN),
          CTR__FIELD(ctr_seccomp, listenerMetadata, STR, CTR__PLAIN),
          CTR__FIELD(ctr_seccomp, syscalls, LIST, CTR__OF(ctr_syscall)));

CTR__TYPE(ctr_intel_rdt, CTR__FIELD(ctr_intel_rdt, closID, STR, CTR__PLAIN),
          CTR__FIELD(ctr_intel_rdt, schemata, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_intel_rdt, l3CacheSchema, STR, CTR__PLAIN),
          CTR__FIELD(ctr_intel_rdt, memBwSchema, STR, CTR__PLAIN),
          CTR__FIELD(ctr_intel_rdt, enableMonitoring, BOOL, CTR__PLAIN));

CTR__TYPE(ctr_memory_policy,
          CTR__FIELD(ctr_memory_policy, mode, ENUM, .names = &ctr__mempolicy_modes, CTR__MUST),
          CTR__FIELD(ctr_memory_policy, nodes, STR, CTR__PLAIN),
          CTR__FIELD(ctr_memory_policy, flags, BITS, .names = &ctr__mempolicy_flags));

CTR__TYPE(ctr_personality,
          CTR__FIELD(ctr_personality, domain, ENUM, .names = &ctr__personality_names, CTR__MUST),
          CTR__FIELD(ctr_personality, flags, STRS, CTR__PLAIN));

CTR__TYPE(ctr_linux, CTR__FIELD(ctr_linux, namespaces, LIST, CTR__OF(ctr_namespace)),
          CTR__FIELD(ctr_linux, uidMappings, LIST, CTR__OF(ctr_id_mapping)),
          CTR__FIELD(ctr_linux, gidMappings, LIST, CTR__OF(ctr_id_mapping)),
          CTR__FIELD(ctr_linux, timeOffsets, OBJECT, CTR__OF(ctr_time_offsets)),
          CTR__FIELD(ctr_linux, devices, LIST, CTR__OF(ctr_device)),
          CTR__FIELD(ctr_linux, netDevices, MAP, CTR__OF(ctr_net_device), CTR__LATER),
          CTR__FIELD(ctr_linux, cgroupsPath, STR, CTR__PLAIN),
          CTR__FIELD(ctr_linux, resources, OBJECT, CTR__OF(ctr_resources)),
          CTR__FIELD(ctr_linux, rootfsPropagation, ENUM, .names = &ctr__propagation_names),
          CTR__FIELD(ctr_linux, seccomp, OBJECT, CTR__OF(ctr_seccomp)),
          CTR__FIELD(ctr_linux, sysctl, PAIRS, CTR__PLAIN),
          CTR__FIELD(ctr_linux, maskedPaths, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_linux, readonlyPaths, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_linux, mountLabel, STR, CTR__PLAIN),
          CTR__FIELD(ctr_linux, intelRdt, POINTER, CTR__OF(ctr_intel_rdt), CTR__LATER),
          CTR__FIELD(ctr_linux, memoryPolicy, OBJECT, CTR__OF(ctr_memory_policy)),
          CTR__FIELD(ctr_linux, personality, OBJECT, CTR__OF(ctr_personality)));

CTR__TYPE(ctr_landlock_path, CTR__FIELD(ctr_landlock_path, paths, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_landlock_path, allowedAccess, STRS, CTR__PLAIN));

CTR__TYPE(ctr_landlock_port, CTR__FIELD(ctr_landlock_port, ports, IDS, .max = UINT16_MAX),
          CTR__FIELD(ctr_landlock_port, allowedAccess, STRS, CTR__PLAIN));

CTR__TYPE(ctr_landlock, CTR__FIELD(ctr_landlock, handledAccessFs, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_landlock, handledAccessNet, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_landlock, scoped, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_landlock, pathBeneath, LIST, CTR__OF(ctr_landlock_path)),
          CTR__FIELD(ctr_landlock, netPort, LIST, CTR__OF(ctr_landlock_port)),
          CTR__FIELD(ctr_landlock, bestEffort, BOOL, CTR__PLAIN));

/* landlock is no member of the text: it is carried by an annotation, so that engines pass it on. */
CTR__TYPE(ctr_config,
          CTR__FIELD(ctr_config, ociVersion, STR, .flags = CTR__REQUIRED | CTR__IN_TEXT),
          CTR__FIELD(ctr_config, root, OBJECT, CTR__OF(ctr_root)),
          CTR__FIELD(ctr_config, mounts, LIST, CTR__OF(ctr_mount)),
          CTR__FIELD(ctr_config, process, OBJECT, CTR__OF(ctr_process_config)),
          CTR__FIELD(ctr_config, hostname, STR, CTR__PLAIN),
          CTR__FIELD(ctr_config, domainname, STR, CTR__PLAIN),
          CTR__FIELD(ctr_config, hooks, OBJECT, CTR__OF(ctr_hooks)),
          CTR__FIELD(ctr_config, annotations, PAIRS, CTR__PLAIN),
          CTR__FIELD_AS(ctr_config, linux_, "linux", OBJECT, CTR__OF(ctr_linux)));

/* -- what all walks share -- */

static const ctr__field *ctr__field_find(const ctr__type *type, const char *name) {
  for (size_t i = 0; i < type->count; i++)
    if (!strcmp(type->fields[i].name, name)) return &type->fields[i];
  return NULL;
}

static ctr__any_list ctr__list_at(const void *member) {
  ctr__any_list list;
  memcpy(&list, member, sizeof list);
  return list;
}

static const void *ctr__pointer_at(const void *member) {
  const void *pointer;
  memcpy(&pointer, member, sizeof pointer);
  return pointer;
}

/* How much memory a member takes. */
static size_t ctr__field_size(const ctr__field *field) {
  static const size_t sizes[] = {
      [CTR__F_STR] = sizeof(char *),     [CTR__F_BOOL] = sizeof(bool),
      [CTR__F_INT] = sizeof(ctr_int),    [CTR__F_UINT] = sizeof(ctr_uint),
      [CTR__F_I32] = sizeof(int32_t),    [CTR__F_I64] = sizeof(int64_t),
      [CTR__F_U32] = sizeof(uint32_t),   [CTR__F_U64] = sizeof(uint64_t),
      [CTR__F_ENUM] = sizeof(int32_t),   [CTR__F_BITS] = sizeof(uint64_t),
      [CTR__F_STRS] = sizeof(ctr_strs),  [CTR__F_IDS] = sizeof(ctr_ids),
      [CTR__F_PAIRS] = sizeof(ctr_pairs), [CTR__F_POINTER] = sizeof(void *),
      [CTR__F_LIST] = sizeof(ctr__any_list), [CTR__F_MAP] = sizeof(ctr__any_list)};
  return field->kind == CTR__F_OBJECT ? field->type->size : sizes[field->kind];
}

/* The `key` of an element of a MAP: every such struct starts with it. */
static const char *ctr__key_at(const void *element) {
  return ctr__pointer_at(element);
}

/* Whether a member says anything; of an object, any of its members. */
static bool ctr__field_is_set(const ctr__field *field, const void *base) {
  const char *at = (const char *)base + field->offset;
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_STR:
  case CTR__F_POINTER: return ctr__pointer_at(at) != NULL;
  case CTR__F_BOOL: return *(const bool *)at;
  case CTR__F_INT: return ((const ctr_int *)(const void *)at)->set;
  case CTR__F_UINT: return ((const ctr_uint *)(const void *)at)->set;
  case CTR__F_I32:
  case CTR__F_U32:
  case CTR__F_ENUM: return *(const uint32_t *)(const void *)at != 0;
  case CTR__F_I64:
  case CTR__F_U64:
  case CTR__F_BITS: return *(const uint64_t *)(const void *)at != 0;
  case CTR__F_STRS:
  case CTR__F_IDS:
  case CTR__F_PAIRS:
  case CTR__F_LIST:
  case CTR__F_MAP: return ctr__list_at(at).count > 0;
  case CTR__F_OBJECT:
    for (size_t i = 0; i < field->type->count; i++)
      if (ctr__field_is_set(&field->type->fields[i], at)) return true;
  }
  return false;
}

/* What an integer field can hold, the bounds of the table narrowing those of the C type. */
static void ctr__bounds(const ctr__field *field, int64_t *min, uint64_t *max) {
  static const struct {
    int64_t min;
    uint64_t max;
  } types[] = {[CTR__F_INT] = {INT64_MIN, INT64_MAX}, [CTR__F_UINT] = {0, UINT64_MAX},
               [CTR__F_I32] = {INT32_MIN, INT32_MAX}, [CTR__F_I64] = {INT64_MIN, INT64_MAX},
               [CTR__F_U32] = {0, UINT32_MAX},        [CTR__F_U64] = {0, UINT64_MAX},
               [CTR__F_IDS] = {0, UINT32_MAX}};
  bool narrowed = field->min || field->max;
  *min = narrowed ? field->min : types[field->kind].min;
  *max = narrowed ? field->max : types[field->kind].max;
}

/* Where in the config something is, as a chain of members and indices from the inside out. */
typedef struct ctr__where {
  const struct ctr__where *up;
  const char *name; /* of a member; NULL: an index */
  size_t index;
} ctr__where;

/* Room for the text of it, with the NUL. */
static size_t ctr__where_size(const ctr__where *where) {
  size_t size = 1;
  for (; where; where = where->up) size += where->name ? strlen(where->name) + 1 : 22;
  return size;
}

/* "linux.namespaces[2].type" into text, cut when it does not fit. */
static void ctr__where_text(const ctr__where *where, char *text, size_t size) {
  const ctr__where *chain[16];
  size_t n = 0, len = 0;
  for (; where && n < 16; where = where->up) chain[n++] = where;
  text[0] = '\0';
  while (n-- && len < size) {
    int added = chain[n]->name
                    ? snprintf(text + len, size - len, "%s%s", len ? "." : "", chain[n]->name)
                    : snprintf(text + len, size - len, "[%zu]", chain[n]->index);
    if (added > 0) len += (size_t)added;
  }
}

/* The value of an annotation, or NULL. */
static const char *ctr__annotation(const ctr_config *config, const char *key) {
  for (size_t i = 0; i < config->annotations.count; i++)
    if (!strcmp(config->annotations.items[i].key, key)) return config->annotations.items[i].value;
  return NULL;
}
