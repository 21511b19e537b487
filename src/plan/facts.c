/* What the plan depends on besides the config: the caller's own namespaces, rights and limits, and
   what the kernel has. Gathered once, here; everything after is a function of config and facts. */

enum { CTR__RLIMITS = 16 };

typedef struct ctr__facts {
  uint32_t euid, egid;
  bool initial_userns;    /* the caller is in the machine's first user namespace */
  bool can_mknod;         /* CAP_MKNOD counts there only                          */
  bool can_set_resources; /* CAP_SYS_RESOURCE, likewise                           */
  uint64_t caps;          /* the caller's effective capabilities                  */
  uint64_t bounding;      /* what it can pass on                                  */
  unsigned features;      /* CTR_FEATURE_*                                        */
  uint64_t hard_limit[CTR__RLIMITS];
} ctr__facts;

static const ino_t ctr__initial_userns_ino =
    0xEFFFFFFD; /* PROC_USER_INIT_INO: fixed since Linux 3.8 */

static uint64_t ctr__own_effective_caps(void) {
  struct {
    uint32_t version;
    int32_t pid;
  } head = {0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */, 0};
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2] = {{0}};
  if (syscall(SYS_capget, &head, data) < 0) return 0;
  return data[0].effective | (uint64_t)data[1].effective << 32;
}

/* A feature is there when a call that cannot succeed fails for another reason than ENOSYS. */
static unsigned ctr__probe_features(unsigned without) {
  unsigned features = CTR_FEATURE_CLONE3; /* found out by the call itself, at no cost */
  if (ctr__mount_setattr(-1, 0, 0, 0, 0) != -ENOSYS) features |= CTR_FEATURE_MOUNT_SETATTR;
  return features & ~without;
}

/* The bounding set, up to the last capability that the kernel knows (PR_CAPBSET_READ fails there). */
static uint64_t ctr__own_bounding_caps(void) {
  uint64_t set = 0;
  for (unsigned long i = 0; i < 64; i++) {
    int has = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
    if (has < 0) break;
    set |= (uint64_t)has << i;
  }
  return set;
}

static void ctr__gather_facts(unsigned without, ctr__facts *facts) {
  struct stat userns;
  *facts = (ctr__facts){.euid = geteuid(), .egid = getegid()};
  facts->initial_userns =
      stat("/proc/self/ns/user", &userns) == 0 && userns.st_ino == ctr__initial_userns_ino;
  uint64_t caps = facts->caps = ctr__own_effective_caps();
  facts->bounding = ctr__own_bounding_caps();
  facts->can_mknod = facts->initial_userns && (caps & CTR_CAP(MKNOD));
  facts->can_set_resources = facts->initial_userns && (caps & CTR_CAP(SYS_RESOURCE));
  facts->features = ctr__probe_features(without);
  for (int i = 0; i < CTR__RLIMITS; i++) {
    struct ctr__rlimit now = {0};
    syscall(SYS_prlimit64, 0, i, NULL, &now);
    facts->hard_limit[i] = now.hard;
  }
}
