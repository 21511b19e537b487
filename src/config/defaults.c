/* The default container: little of the host to be seen, less to be changed. */

#define CTR__LIST(array) {array, sizeof(array) / sizeof *(array)}
#define CTR__WORDS(...)                                                                            \
  {                                                                                                \
    (const char *const[]){__VA_ARGS__},                                                            \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                                \
  }

static const ctr_mount ctr__default_mounts[] = {
    {.destination = "/proc", .type = "proc", .source = "proc",
     .options = CTR__WORDS("nosuid", "noexec", "nodev")},
    {.destination = "/dev", .type = "tmpfs", .source = "tmpfs",
     .options = CTR__WORDS("nosuid", "noexec", "strictatime", "mode=755", "size=65536k")},
    {.destination = "/dev/pts", .type = "devpts", .source = "devpts",
     .options = CTR__WORDS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620")},
    {.destination = "/dev/shm", .type = "tmpfs", .source = "shm",
     .options = CTR__WORDS("nosuid", "noexec", "nodev", "mode=1777", "size=65536k")},
    {.destination = "/dev/mqueue", .type = "mqueue", .source = "mqueue",
     .options = CTR__WORDS("nosuid", "noexec", "nodev")},
    {.destination = "/sys", .type = "sysfs", .source = "sysfs",
     .options = CTR__WORDS("nosuid", "noexec", "nodev", "ro")},
    {.destination = "/sys/fs/cgroup", .type = "cgroup", .source = "cgroup",
     .options = CTR__WORDS("nosuid", "noexec", "nodev", "relatime", "ro")},
    {.destination = "/tmp", .type = "tmpfs", .source = "tmpfs",
     .options = CTR__WORDS("nosuid", "nodev", "mode=1777")},
    {.destination = "/run", .type = "tmpfs", .source = "tmpfs",
     .options = CTR__WORDS("nosuid", "nodev", "mode=755")},
};

/* The group `tty` has number 5 everywhere; a single-id user namespace does not have it. */
static const char *const ctr__devpts_options_tty[] = {"nosuid",        "noexec",    "newinstance",
                                                       "ptmxmode=0666", "mode=0620", "gid=5"};

static const ctr_namespace ctr__default_namespaces[] = {
    {CTR_NS_PID, NULL}, {CTR_NS_NETWORK, NULL}, {CTR_NS_IPC, NULL},  {CTR_NS_UTS, NULL},
    {CTR_NS_MOUNT, NULL}, {CTR_NS_CGROUP, NULL}, {CTR_NS_USER, NULL}, /* the last: rootless only */
};

/* What root of the machine may read of the whole machine without a capability: which pages are in
   use by whom (pagemap.rst), what the kernel's allocators hold (slabinfo(5), proc_vmallocinfo(5)),
   how much power is drawn (CVE-2020-8694). */
static const char *const ctr__default_masked[] = {
    "/proc/acpi",        "/proc/asound",      "/proc/kcore",        "/proc/keys",
    "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
    "/proc/scsi",        "/proc/kpagecgroup", "/proc/kpagecount",   "/proc/kpageflags",
    "/proc/pagetypeinfo", "/proc/slabinfo",   "/proc/vmallocinfo",  "/proc/allocinfo",
    "/sys/class/zram-control", /* a read there makes a device: zram.rst */
    "/sys/firmware",     "/sys/devices/virtual/powercap",           "/sys/kernel/slab"};

/* What root of the machine may write to without a capability. */
static const char *const ctr__default_readonly[] = {
    "/proc/bus", "/proc/dynamic_debug", "/proc/fs",
    "/proc/irq", "/proc/sys",           "/proc/sysrq-trigger"};

static const char *const ctr__default_env[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"};

static const char *const ctr__default_args[] = {"sh"};

static const ctr_rlimit ctr__default_rlimits[] = {{CTR_RLIMIT_NOFILE, 1024, 1024}};

enum {
  CTR__DEFAULT_CAPS = CTR_CAP(AUDIT_WRITE) | CTR_CAP(KILL) | CTR_CAP(NET_BIND_SERVICE)
};

static const ctr_config ctr__default_config = {
    .ociVersion = CTR_OCI_VERSION,
    .root = {"/", true},
    .mounts = CTR__LIST(ctr__default_mounts),
    .process = {.cwd = "/",
                .args = CTR__LIST(ctr__default_args),
                .env = CTR__LIST(ctr__default_env),
                .capabilities = {.bounding = CTR__DEFAULT_CAPS,
                                 .effective = CTR__DEFAULT_CAPS,
                                 .permitted = CTR__DEFAULT_CAPS},
                .rlimits = CTR__LIST(ctr__default_rlimits),
                .noNewPrivileges = true},
    .hostname = "ctr",
    .linux_ = {.namespaces = CTR__LIST(ctr__default_namespaces),
               .seccomp = {.defaultAction = CTR_SECCOMP_DEFAULT},
               .maskedPaths = CTR__LIST(ctr__default_masked),
               .readonlyPaths = CTR__LIST(ctr__default_readonly)},
};
#undef CTR__WORDS
#undef CTR__LIST

/* user_namespaces(7): no id is mapped twice, but the same may be given twice. */
static bool ctr__is_mapped_already(const ctr_id_mapping *map, size_t count,
                                   const ctr__id_range *range) {
  for (size_t i = 0; i < count; i++)
    if (range->first < map[i].hostID + map[i].size && map[i].hostID < range->first + range->count)
      return true;
  return false;
}

/* The caller's own id as root, then one after the other what is given to the caller. */
static ctr_code ctr__map_given(ctr_arena *arena, uint32_t own, const ctr__id_ranges *given,
                               ctr_id_mappings *ret) {
  ctr_id_mapping *map = ctr__arena_array(arena, given->count + 1, sizeof *map);
  if (!map) return CTR_E_NOMEM;
  size_t n = 0;
  map[n++] = (ctr_id_mapping){.containerID = 0, .hostID = own, .size = 1};
  for (uint32_t i = 0, next = 1; i < given->count; i++) {
    const ctr__id_range *range = &given->items[i];
    if (ctr__is_mapped_already(map, n, range) || range->count > UINT32_MAX - 1 - next) continue;
    map[n++] = (ctr_id_mapping){next, range->first, range->count};
    next += range->count;
  }
  *ret = (ctr_id_mappings){map, n};
  return CTR_OK;
}

/* Every id of the caller's own user namespace, under the same number. */
static ctr_code ctr__map_all(ctr_arena *arena, const ctr__id_ranges *there, ctr_id_mappings *ret) {
  ctr_id_mapping *map = ctr__arena_array(arena, there->count + 1, sizeof *map);
  if (!map) return CTR_E_NOMEM;
  for (size_t i = 0; i < there->count; i++)
    map[i] = (ctr_id_mapping){there->items[i].first, there->items[i].first, there->items[i].count};
  *ret = (ctr_id_mappings){map, there->count};
  return CTR_OK;
}

/* Several ids, or none: all that the caller's own user namespace has; or those that a helper maps,
   which it must have as well. Returns 0 or -errno. */
static int ctr__ids_to_map(ctr_arena *arena, enum ctr__id_kind kind, bool all,
                           ctr__id_ranges *ret) {
  char helper[CTR__HELPER_PATH];
  ctr__id_ranges there;
  *ret = (ctr__id_ranges){.count = 0};
  if (all) return ctr__ids_of_namespace(arena, kind, ret);
  ctr__find_id_helper(ctr__id_sources[kind].helper, helper);
  int r = *helper ? ctr__ids_given(arena, kind, ret) : 0;
  if (r < 0 || !ret->count || ctr__in_initial_userns()) return r;
  r = ctr__ids_of_namespace(arena, kind, &there);
  for (size_t i = 0; r == 0 && i < ret->count; i++)
    if (!ctr__ids_have(&there, ret->items[i].first, ret->items[i].count)) ret->count = 0;
  return r;
}

/* Several ids both of users and of groups, or one of each. All that are there are for root of a
   user namespace to map (CAP_SETFCAP: for id 0, user_namespaces(7)). */
static ctr_code ctr__default_maps(ctr_arena *arena, ctr_default_kind kind, ctr_config *config) {
  const uint64_t needed = CTR_CAP(SETUID) | CTR_CAP(SETGID) | CTR_CAP(SETFCAP);
  const uint32_t own[CTR__ID_KINDS] = {geteuid(), getegid()};
  ctr_id_mappings *maps[CTR__ID_KINDS] = {&config->linux_.uidMappings,
                                          &config->linux_.gidMappings};
  ctr__id_ranges ids[CTR__ID_KINDS] = {{.count = 0}};
  uint64_t caps, permitted;
  ctr__own_caps(&caps, &permitted);
  const bool all = (caps & needed) == needed && !ctr__in_initial_userns();
  bool several = kind != CTR_DEFAULT_SINGLE_ID;
  for (int i = 0; i < CTR__ID_KINDS && several; i++) {
    int r = ctr__ids_to_map(arena, (enum ctr__id_kind)i, all, &ids[i]);
    if (r == -ENOMEM) return CTR_E_NOMEM;
    several = r == 0 && ids[i].known && ids[i].count;
  }
  ctr_code code = CTR_OK;
  for (int i = 0; i < CTR__ID_KINDS && !code; i++) {
    if (!several) ids[i].count = 0;
    code = several && all ? ctr__map_all(arena, &ids[i], maps[i])
                          : ctr__map_given(arena, own[i], &ids[i], maps[i]);
  }
  return code;
}

/* Terminals belong to the group tty where it is there. */
static ctr_code ctr__default_tty_group(ctr_arena *arena, ctr_config *config) {
  ctr_mount *mounts = ctr_arena_alloc(arena, sizeof ctr__default_mounts);
  if (!mounts) return CTR_E_NOMEM;
  memcpy(mounts, ctr__default_mounts, sizeof ctr__default_mounts);
  for (size_t i = 0; i < config->mounts.count; i++)
    if (!strcmp(mounts[i].type, "devpts"))
      mounts[i].options = (ctr_strs){ctr__devpts_options_tty, sizeof ctr__devpts_options_tty /
                                                                  sizeof *ctr__devpts_options_tty};
  config->mounts.items = mounts;
  return CTR_OK;
}

/* A hard limit that is lower already cannot be raised by whoever starts it. */
static ctr_code ctr__default_limits(ctr_arena *arena, ctr_config *config) {
  struct rlimit own;
  ctr_rlimit *limits = ctr_arena_alloc(arena, sizeof ctr__default_rlimits);
  if (!limits) return CTR_E_NOMEM;
  memcpy(limits, ctr__default_rlimits, sizeof ctr__default_rlimits);
  if (getrlimit(RLIMIT_NOFILE, &own) == 0 && own.rlim_max < limits[0].hard)
    limits[0].hard = limits[0].soft = own.rlim_max;
  config->process.rlimits.items = limits;
  return CTR_OK;
}

ctr_code ctr_config_default(ctr_arena *arena, ctr_default_kind kind, ctr_config **ret_config,
                            ctr_err *err) {
  ctr__err_clear(err);
  if (!arena || !ret_config)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena and ret_config are needed");
  if (kind < CTR_DEFAULT_AUTO || kind > CTR_DEFAULT_SINGLE_ID)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "kind %d is none of ctr_default_kind", (int)kind);
  uint64_t caps, permitted;
  ctr__own_caps(&caps, &permitted);
  if (kind == CTR_DEFAULT_AUTO)
    kind = ctr__in_initial_userns() && (caps & CTR_CAP(SYS_ADMIN)) ? CTR_DEFAULT_ROOT
                                                                   : CTR_DEFAULT_ROOTLESS;
  ctr_config *config = ctr_arena_alloc(arena, sizeof *config);
  if (!config) return ctr__nomem(err);
  *config = ctr__default_config;
  ctr_code code = CTR_OK;
  uint32_t host;
  if (kind == CTR_DEFAULT_ROOT)
    config->linux_.namespaces.count--;
  else
    code = ctr__default_maps(arena, kind, config);
  if (!code && (kind == CTR_DEFAULT_ROOT || ctr__id_mapped(config->linux_.gidMappings, 5, &host)))
    code = ctr__default_tty_group(arena, config);
  if (!code) code = ctr__default_limits(arena, config);
  if (code) return ctr__nomem(err);
  *ret_config = config;
  return CTR_OK;
}
