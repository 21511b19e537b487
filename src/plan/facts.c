/* What the plan depends on besides the config: the caller's own namespaces, rights and limits, and
   what the kernel has. Gathered once, here; everything after is a function of config and facts. */

enum { CTR__RLIMITS = 16 };

/* Who can write to the program that the caller is. */
enum ctr__program {
  CTR__PROGRAM_SAFE,     /* nobody, by the file that /proc/PID/exe is */
  CTR__PROGRAM_OWNED,    /* its owner                                 */
  CTR__PROGRAM_WRITABLE, /* others as well, or it is not known        */
};

/* Who owns a file and has no id in the caller's user namespace shows there as the overflow id
   (user_namespaces(7)). */
#define CTR__OVERFLOW_ID 65534U
#define CTR__NOBODY      UINT32_MAX

typedef struct ctr__facts {
  uint32_t euid, egid;
  bool initial_userns;               /* the caller is in the machine's first user namespace */
  bool is_pid_root;                  /* root of the user namespace that its pid namespace is of */
  bool groups_denied;                /* by its setgroups file; those made in it inherit that */
  uint64_t caps;                     /* the caller's effective capabilities                  */
  uint64_t permitted;                /* what it can give a process                           */
  uint64_t bounding;                 /* and let it get back by execve: of those asked for    */
  unsigned features;                 /* CTR_FEATURE_*                                        */
  bool can_filter;                   /* there is seccomp(2), if the config asks for it       */
  uint32_t filter_flags;             /* and those of its flags that the kernel knows         */
  enum ctr__program program;         /* the caller's own                                     */
  uint32_t program_uid;              /* its owner                                            */
  uint32_t node_uid;                 /* that of /dev/null, or CTR__NOBODY                    */
  bool owns_mounts;                  /* its user namespace, or one below, the mount namespace */
  bool apparmor, selinux;            /* are in force, if the config has labels               */
  bool apparmor_dir;                 /* its attributes have a directory of their own         */
  bool profile_missing;              /* as far as it can be seen: the one that is asked for  */
  int landlock_abi;                  /* if the config asks for it                            */
  uint64_t hard_limit[CTR__RLIMITS]; /* of the resources that are asked for       */

  /* What is looked at only when a config asks for more than everybody has. */
  ctr__id_ranges own_ids[CTR__ID_KINDS];   /* in a user namespace: those that are there    */
  ctr__id_ranges given_ids[CTR__ID_KINDS]; /* else: what subuid(5) and subgid(5) give       */
  char id_helpers[CTR__ID_KINDS][CTR__HELPER_PATH]; /* who writes those into a map; "": nobody   */
  int64_t oom_score_adj;
  int nice;
  uint64_t nice_limit, priority_limit; /* RLIMIT_NICE, RLIMIT_RTPRIO */
  char block_file_systems[512];        /* types that lie on a block device: "ext4,xfs" */
  size_t missing_device;               /* 1 + which of linux.devices cannot be bound; 0: none */
} ctr__facts;

/* Whether it has one of the capabilities that count in the machine's first user namespace only. */
static bool ctr__has_of_machine(const ctr__facts *f, uint64_t caps) {
  return f->initial_userns && (f->caps & caps);
}

/* A feature is there when a call that cannot succeed fails as the kernel would have it: not with
   ENOSYS, nor with the EPERM of a seccomp filter that does not know it. */
static unsigned ctr__probe_features(unsigned without) {
  unsigned features = CTR_FEATURE_CLONE3; /* found out by the call itself, at no cost */
  if (ctr__mount_setattr(-1, ~0U, 0, 0, 0) == -EINVAL) features |= CTR_FEATURE_MOUNT_SETATTR;
  /* Of setns(2) no failure tells; close_range(2) is one release younger. */
  if (CTR__CALL(CTR__SYS_close_range, ~0U, 0U, 0U) == -EINVAL) features |= CTR_FEATURE_SETNS_PIDFD;
  if (ctr__can_hide_program()) features |= CTR_FEATURE_HIDE_PROGRAM;
  if (ctr__has_clone_into_cgroup()) features |= CTR_FEATURE_CLONE_INTO_CGROUP;
  if (without & CTR_FEATURE_CLONE3) without |= CTR_FEATURE_CLONE_INTO_CGROUP;
  return features & ~without;
}

/* user_namespaces(7), "/proc/pid/setgroups". */
static bool ctr__setgroups_denied(void) {
  char text[8] = "";
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, "/proc/self/setgroups", O_RDONLY, 0);
  return fd >= 0 && read(fd, text, sizeof text) > 0 && !strncmp(text, "deny", 4);
}

/* Those of a set that are in the caller's bounding set. */
static uint64_t ctr__bounded_caps(uint64_t asked) {
  uint64_t set = 0;
  for (unsigned long i = 0; i < CTR_CAP_COUNT; i++)
    if ((asked >> i & 1) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1) set |= UINT64_C(1) << i;
  return set;
}

/* One id, one's own, may be mapped by everybody. */
static bool ctr__maps_own_alone(ctr_id_mappings map, uint32_t own) {
  return map.count == 1 && map.items[0].size == 1 && map.items[0].hostID == own;
}

/* Those of one kind that somebody would map for the caller. */
static int ctr__gather_given(ctr_arena *arena, enum ctr__id_kind kind, ctr__facts *facts) {
  ctr__find_id_helper(ctr__id_sources[kind].helper, facts->id_helpers[kind]);
  return *facts->id_helpers[kind] ? ctr__ids_given(arena, kind, &facts->given_ids[kind]) : 0;
}

static ctr_code ctr__ids_failed(int error, ctr_err *err) {
  return error == -ENOMEM ? ctr__nomem(err)
                          : ctr__fail(err, CTR_E_SYS, -error, NULL,
                                      "find out which ids are the caller's to map");
}

static ctr_code ctr__gather_all_ids(ctr__facts *facts, ctr_err *err) {
  ctr_arena arena = {0};
  int r = ctr__gather_given(&arena, CTR__UIDS, facts);
  if (r == 0) r = ctr__gather_given(&arena, CTR__GIDS, facts);
  ctr_arena_free(&arena);
  return r < 0 ? ctr__ids_failed(r, err) : CTR_OK;
}

static ctr_code ctr__gather_ids(const ctr_linux *lin, ctr__facts *facts, ctr_err *err) {
  const ctr_id_mappings maps[CTR__ID_KINDS] = {lin->uidMappings, lin->gidMappings};
  const uint32_t own[CTR__ID_KINDS] = {facts->euid, facts->egid};
  const uint64_t caps[CTR__ID_KINDS] = {CTR_CAP(SETUID), CTR_CAP(SETGID)};
  ctr_arena arena = {0};
  int r = 0, kind = 0;
  for (; kind < CTR__ID_KINDS && r == 0; kind++) {
    if (!maps[kind].count || ctr__maps_own_alone(maps[kind], own[kind])) continue;
    if (!facts->initial_userns)
      r = ctr__ids_of_namespace(&arena, (enum ctr__id_kind)kind, &facts->own_ids[kind]);
    if (r == 0 && !(facts->caps & caps[kind]))
      r = ctr__gather_given(&arena, (enum ctr__id_kind)kind, facts);
  }
  ctr_arena_free(&arena);
  return r < 0 ? ctr__ids_failed(r, err) : CTR_OK;
}

static struct ctr__rlimit ctr__limit_of(int resource) {
  struct ctr__rlimit now = {0};
  syscall(SYS_prlimit64, 0, resource, NULL, &now);
  return now;
}

/* What a process may be given without a right depends on what the caller has. */
static void ctr__gather_priorities(const ctr_process_config *process, ctr__facts *facts) {
  char text[16] = "";
  facts->oom_score_adj = -1000;
  if (process->oomScoreAdj.set) {
    CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, "/proc/self/oom_score_adj", O_RDONLY, 0);
    if (fd >= 0 && read(fd, text, sizeof text - 1) > 0)
      facts->oom_score_adj = strtoll(text, NULL, 10);
  }
  if (!process->scheduler.policy) return;
  facts->nice = 20 - (int)syscall(SYS_getpriority, PRIO_PROCESS, 0);
  facts->nice_limit = ctr__limit_of(RLIMIT_NICE).soft;
  facts->priority_limit = ctr__limit_of(RLIMIT_RTPRIO).soft;
}

/* filesystems(5): types that are not marked "nodev", of which no kernel lets a user namespace mount
   any. Looked for only when there is a type that is not in everybody's config. */
static void ctr__gather_file_systems(const ctr_mounts *mounts, ctr__facts *facts) {
  static const char *const usual[] = {"proc",   "sysfs", "tmpfs",   "devpts", "mqueue",
                                      "cgroup", "bind",  "cgroup2", "none",   "overlay"};
  ctr_arena arena = {0};
  char *text = NULL, *save = NULL;
  size_t unusual = 0, len = 0;
  for (size_t i = 0; i < mounts->count; i++) {
    bool known = !mounts->items[i].type || ctr__is_made(&mounts->items[i]);
    for (size_t u = 0; u < sizeof usual / sizeof *usual && !known; u++)
      known = !strcmp(mounts->items[i].type, usual[u]);
    unusual += !known;
  }
  if (unusual && ctr__read_text(&arena, "/proc/filesystems", &text) == 0)
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
      if (*line == '\t' && len + strlen(line) + 1 < sizeof facts->block_file_systems)
        len += (size_t)snprintf(facts->block_file_systems + len,
                                sizeof facts->block_file_systems - len, "%s%s", len ? "," : "",
                                line + 1);
  ctr_arena_free(&arena);
}

/* Where no node can be made, the caller's own of the same path is bound: it must be that device. */
static void ctr__gather_devices(const ctr_devices *devices, ctr__facts *facts) {
  for (size_t i = 0; i < devices->count && !facts->missing_device; i++) {
    const ctr_device *d = &devices->items[i];
    const dev_t number = makedev((unsigned)d->major_.value, (unsigned)d->minor_.value);
    struct stat st;
    if (*d->type == 'p') continue;
    bool there = stat(d->path, &st) == 0 && st.st_rdev == number &&
                 (*d->type == 'b' ? S_ISBLK(st.st_mode) : S_ISCHR(st.st_mode));
    if (!there) facts->missing_device = i + 1;
  }
}

/* A kernel that knows the flags fails for want of a program, one that does not with EINVAL. */
static bool ctr__knows_filter_flags(uint32_t flags) {
  return CTR__CALL(SYS_seccomp, CTR__SECCOMP_SET_MODE_FILTER, flags, NULL) == -EFAULT;
}

static void ctr__gather_filters(const ctr_seccomp *profile, ctr__facts *facts) {
  if (!profile->defaultAction) return;
  facts->can_filter = ctr__knows_filter_flags(0);
  for (size_t i = 0; i < ctr__seccomp_flags.count && profile->flags.count; i++) {
    const uint32_t flag = (uint32_t)ctr__seccomp_flags.items[i].value;
    const bool listens = flag == CTR__SECCOMP_WAIT_KILLABLE_RECV; /* goes with it only */
    if (ctr__knows_filter_flags(flag | (listens ? CTR__SECCOMP_NEW_LISTENER : 0U)))
      facts->filter_flags |= flag;
  }
}

/* statfs(2) tells of the mount as well as of the file system. */
static void ctr__gather_program(ctr__facts *facts) {
  static const char path[] = "/proc/self/exe";
  struct stat st;
  struct statfs fs;
  facts->program = CTR__PROGRAM_WRITABLE;
  if (stat(path, &st) < 0 || statfs(path, &fs) < 0) return;
  facts->program_uid = st.st_uid;
  CTR__AUTO_CLOSE file = st.st_nlink ? -1 : ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  const int seals = file < 0 ? 0 : fcntl(file, CTR__F_GET_SEALS);
  if (((unsigned long)fs.f_flags & ST_RDONLY) || (seals > 0 && (seals & CTR__SEALS) == CTR__SEALS))
    facts->program = CTR__PROGRAM_SAFE;
  else if (!(st.st_mode & (S_IWGRP | S_IWOTH)))
    facts->program = CTR__PROGRAM_OWNED;
}

/* The list of profiles is for root to read: "NAME (MODE)" each, without those of other namespaces,
   nor of stacks ("A//&B"). */
static bool ctr__profile_is_missing(ctr_arena *arena, const char *name) {
  const size_t len = strlen(name);
  char *text = NULL, *save = NULL;
  if (!strcmp(name, "unconfined") || *name == ':' || strstr(name, "//&")) return false;
  if (ctr__read_text(arena, "/sys/kernel/security/apparmor/profiles", &text) < 0) return false;
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
    if (!strncmp(line, name, len) && !strncmp(line + len, " (", 2)) return false;
  return true;
}

/* Before SELinux has a policy, it takes any label for the kernel's. */
static bool ctr__has_selinux(ctr_arena *arena) {
  char *types = NULL, *own = NULL;
  return ctr__read_text(arena, "/proc/filesystems", &types) == 0 &&
         strstr(types, "\tselinuxfs\n") &&
         ctr__read_text(arena, "/proc/self/attr/current", &own) == 0 && strcmp(own, "kernel") != 0;
}

static void ctr__gather_labels(const ctr_config *config, ctr__facts *facts) {
  const char *profile = config->process.apparmorProfile;
  ctr_arena arena = {0};
  char *enabled = NULL;
  if (profile && *profile) {
    facts->apparmor =
        ctr__read_text(&arena, "/sys/module/apparmor/parameters/enabled", &enabled) == 0 &&
        *enabled == 'Y';
    facts->apparmor_dir = access("/proc/self/attr/apparmor/exec", F_OK) == 0;
    facts->profile_missing = facts->apparmor && ctr__profile_is_missing(&arena, profile);
  }
  if (config->process.selinuxLabel || config->linux_.mountLabel)
    facts->selinux = ctr__has_selinux(&arena);
  ctr_arena_free(&arena);
}

static uint32_t ctr__node_owner(const ctr__facts *facts) {
  struct stat st;
  if (stat("/dev/null", &st) < 0) return CTR__NOBODY;
  return !facts->initial_userns && st.st_uid == CTR__OVERFLOW_ID ? CTR__NOBODY : st.st_uid;
}

static bool ctr__owns_mounts(const ctr__facts *facts) {
  CTR__AUTO_CLOSE owner = facts->initial_userns ? -1 : ctr__owner_of("/proc/self/ns/mnt");
  return facts->initial_userns || owner >= 0;
}

/* Whether others of its pid namespace may be this root as well, and it keeps its own rights over a
   process that is out of reach of ptrace: the files of that in /proc/PID belong to the root of the
   user namespace in which its program was executed (proc_pid(5)). */
static bool ctr__is_pid_root(const ctr__facts *facts) {
  struct stat pids, own;
  if (facts->euid != 0 || facts->initial_userns) return facts->euid == 0;
  CTR__AUTO_CLOSE owner = ctr__owner_of("/proc/self/ns/pid");
  return owner >= 0 && fstat(owner, &pids) == 0 && stat("/proc/self/ns/user", &own) == 0 &&
         pids.st_ino == own.st_ino && pids.st_dev == own.st_dev && !ctr__never_executed(0, 0);
}

static ctr_code ctr__gather_facts(const ctr_config *config, unsigned without, ctr__facts *facts,
                                  ctr_err *err) {
  const ctr_process_config *process = &config->process;
  *facts = (ctr__facts){.euid = geteuid(), .egid = getegid()};
  facts->initial_userns = ctr__in_initial_userns();
  facts->is_pid_root = ctr__is_pid_root(facts);
  facts->groups_denied = !facts->initial_userns && ctr__setgroups_denied();
  ctr__own_caps(&facts->caps, &facts->permitted);
  facts->bounding = ctr__bounded_caps(process->capabilities.bounding);
  facts->features = ctr__probe_features(without);
  for (size_t i = 0; i < process->rlimits.count; i++) {
    int resource = (int)process->rlimits.items[i].type - 1;
    facts->hard_limit[resource] = ctr__limit_of(resource).hard;
  }
  ctr__gather_program(facts);
  facts->node_uid = ctr__node_owner(facts);
  facts->owns_mounts = ctr__owns_mounts(facts);
  ctr__gather_priorities(process, facts);
  ctr__gather_filters(&config->linux_.seccomp, facts);
  ctr__gather_labels(config, facts);
  if (config->landlock) facts->landlock_abi = ctr__landlock_abi();
  if (ctr__namespace_of(config, CTR_NS_USER) || !ctr__has_of_machine(facts, CTR_CAP(MKNOD))) {
    ctr__gather_file_systems(&config->mounts, facts);
    ctr__gather_devices(&config->linux_.devices, facts);
  }
  return ctr__gather_ids(&config->linux_, facts, err);
}
