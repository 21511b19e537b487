/* What the plan depends on besides the config: the caller's own namespaces, rights and limits, and
   what the kernel has. Gathered once, here; everything after is a function of config and facts. */

enum { CTR__RLIMITS = 16 };

typedef struct ctr__facts {
  uint32_t euid, egid;
  bool initial_userns;               /* the caller is in the machine's first user namespace */
  bool groups_denied;                /* by its setgroups file; those made in it inherit that */
  bool can_mknod;                    /* CAP_MKNOD counts there only                          */
  bool can_set_resources;            /* CAP_SYS_RESOURCE, likewise                           */
  uint64_t caps;                     /* the caller's effective capabilities                  */
  uint64_t permitted;                /* what it can give a process                           */
  uint64_t bounding;                 /* and let it get back by execve: of those asked for    */
  unsigned features;                 /* CTR_FEATURE_*                                        */
  uint64_t hard_limit[CTR__RLIMITS]; /* of the resources that are asked for       */
} ctr__facts;

/* A feature is there when a call that cannot succeed fails as the kernel would have it: not with
   ENOSYS, nor with the EPERM of a seccomp filter that does not know it. */
static unsigned ctr__probe_features(unsigned without) {
  unsigned features = CTR_FEATURE_CLONE3; /* found out by the call itself, at no cost */
  if (ctr__mount_setattr(-1, ~0U, 0, 0, 0) == -EINVAL) features |= CTR_FEATURE_MOUNT_SETATTR;
  /* Of setns(2) no failure tells; close_range(2) is one release younger. */
  if (CTR__CALL(CTR__SYS_close_range, ~0U, 0U, 0U) == -EINVAL) features |= CTR_FEATURE_SETNS_PIDFD;
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

static void ctr__gather_facts(const ctr_config *config, unsigned without, ctr__facts *facts) {
  const ctr_process_config *process = &config->process;
  *facts = (ctr__facts){.euid = geteuid(), .egid = getegid()};
  facts->initial_userns = ctr__in_initial_userns();
  facts->groups_denied = !facts->initial_userns && ctr__setgroups_denied();
  ctr__own_caps(&facts->caps, &facts->permitted);
  facts->bounding = ctr__bounded_caps(process->capabilities.bounding);
  facts->can_mknod = facts->initial_userns && (facts->caps & CTR_CAP(MKNOD));
  facts->can_set_resources = facts->initial_userns && (facts->caps & CTR_CAP(SYS_RESOURCE));
  facts->features = ctr__probe_features(without);
  for (size_t i = 0; i < process->rlimits.count; i++) {
    int resource = (int)process->rlimits.items[i].type - 1;
    struct ctr__rlimit now = {0};
    syscall(SYS_prlimit64, 0, resource, NULL, &now);
    facts->hard_limit[resource] = now.hard;
  }
}
