/* What a config may ask for that not every caller can have: what it needs, and what to do instead.
   It is looked up here when the plan is made, so that nothing ends half way; the texts of errors
   are these. */

static bool ctr__can_unshare(const ctr__facts *f) {
  return f->caps & CTR_CAP(SYS_ADMIN);
}

static bool ctr__can_map(const ctr__facts *f, uint64_t cap, enum ctr__id_kind kind) {
  const ctr__id_ranges *given = &f->given_ids[kind];
  return (f->caps & cap) || (*f->id_helpers[kind] && (given->count || !given->known));
}

static bool ctr__can_map_uids(const ctr__facts *f) {
  return ctr__can_map(f, CTR_CAP(SETUID), CTR__UIDS);
}

static bool ctr__can_map_gids(const ctr__facts *f) {
  return ctr__can_map(f, CTR_CAP(SETGID), CTR__GIDS);
}

static bool ctr__can_map_root(const ctr__facts *f) {
  return f->caps & CTR_CAP(SETFCAP);
}

static bool ctr__can_set_groups(const ctr__facts *f) {
  return !f->groups_denied && ctr__can_map_gids(f);
}

static bool ctr__can_set_resources(const ctr__facts *f) {
  return ctr__has_of_machine(f, CTR_CAP(SYS_RESOURCE));
}

static bool ctr__can_set_priorities(const ctr__facts *f) {
  return ctr__has_of_machine(f, CTR_CAP(SYS_NICE));
}

static bool ctr__can_set_io_priorities(const ctr__facts *f) {
  return ctr__has_of_machine(f, CTR_CAP(SYS_NICE) | CTR_CAP(SYS_ADMIN));
}

static bool ctr__can_mknod(const ctr__facts *f) {
  return ctr__has_of_machine(f, CTR_CAP(MKNOD));
}

static bool ctr__can_mount_all(const ctr__facts *f) {
  return ctr__has_of_machine(f, CTR_CAP(SYS_ADMIN));
}

static bool ctr__can_filter(const ctr__facts *f) {
  return f->permitted & CTR_CAP(SYS_ADMIN);
}

#define CTR__OF_THE_MACHINE " in the machine's first user namespace"

/* Name, who has it (NULL: that depends on more than the caller), what is asked for, what that
   takes, what to do instead. */
#define CTR__RIGHTS(X)                                                                             \
  X(NAMESPACES, ctr__can_unshare, "namespaces or another root without a user namespace",           \
    "CAP_SYS_ADMIN",                                                                               \
    "add one of type user, and one of type mount, to linux.namespaces, as CTR_DEFAULT_ROOTLESS "   \
    "and 'spec --rootless' do")                                                                    \
  X(UID_RANGES, ctr__can_map_uids, "user ids of others in a user namespace",                       \
    "CAP_SETUID, or newuidmap(1) and ids that subuid(5) gives to the caller",                      \
    "map one id, the caller's own")                                                                \
  X(GID_RANGES, ctr__can_map_gids, "group ids of others in a user namespace",                      \
    "CAP_SETGID, or newgidmap(1) and ids that subgid(5) gives to the caller",                      \
    "map one id, the caller's own")                                                                \
  X(MAP_ROOT, ctr__can_map_root, "user id 0 outside as an id inside a user namespace",             \
    "CAP_SETFCAP", "map another id, or give the caller, if that is a container, CAP_SETFCAP")      \
  X(GROUPS, ctr__can_set_groups, "additional groups in a user namespace",                          \
    "CAP_SETGID, or groups that newgidmap(1) maps", "leave them out")                              \
  X(HARD_LIMITS, ctr__can_set_resources, "a hard limit above the caller's",                        \
    "CAP_SYS_RESOURCE" CTR__OF_THE_MACHINE, "ask for the caller's at most")                        \
  X(OOM_SCORE, ctr__can_set_resources, "an OOM score below 0 and the caller's",                    \
    "CAP_SYS_RESOURCE" CTR__OF_THE_MACHINE, "ask for the caller's or a higher one")                \
  X(REAL_TIME, ctr__can_set_priorities, "a real-time or deadline scheduling policy",               \
    "CAP_SYS_NICE" CTR__OF_THE_MACHINE ", or the caller's RLIMIT_RTPRIO", "use another policy")    \
  X(NICE, ctr__can_set_priorities, "a nice value below the caller's",                              \
    "CAP_SYS_NICE" CTR__OF_THE_MACHINE ", or the caller's RLIMIT_NICE",                            \
    "ask for the caller's or a higher one")                                                        \
  X(IO_REAL_TIME, ctr__can_set_io_priorities, "the real-time class of I/O",                        \
    "CAP_SYS_NICE or CAP_SYS_ADMIN" CTR__OF_THE_MACHINE, "use another class")                      \
  X(DOMAIN_SETTING, NULL, "the setting kernel.domainname",                                         \
    "root of the machine and a container without a user namespace", "use the field domainname")    \
  X(DEVICES, ctr__can_mknod, "a device that the caller does not have at the same path",            \
    "CAP_MKNOD" CTR__OF_THE_MACHINE " and a container without one of its own",                     \
    "name one that is there: it is bound")                                                         \
  X(FILE_SYSTEMS, ctr__can_mount_all, "a file system that lies on a block device",                 \
    "CAP_SYS_ADMIN" CTR__OF_THE_MACHINE " and a container without one of its own",                 \
    "let root mount it, then bind it; or use FUSE")                                                \
  X(IDMAP, ctr__can_unshare, "ids of a mount other than those of its files",                       \
    "CAP_SYS_ADMIN in the user namespace that the file system was mounted in",                     \
    "let root start the container, or change the owners of the files (chown(1))")                  \
  X(PROC, NULL, "a procfs of its own in a user namespace",                                         \
    "a new pid namespace beside the user namespace",                                               \
    "add one to linux.namespaces, or bind the caller's /proc")                                     \
  X(SYSFS, NULL, "a sysfs of its own in a user namespace",                                         \
    "a new network namespace beside the user namespace",                                           \
    "add one to linux.namespaces, or bind the caller's /sys (rbind, ro)")                          \
  X(MQUEUE, NULL, "a mqueue file system of its own in a user namespace",                           \
    "a new ipc namespace beside the user namespace",                                               \
    "add one to linux.namespaces, or bind the caller's /dev/mqueue")                               \
  X(LIMITS, NULL, "limits of linux.resources",                                                     \
    "a cgroup that was given to the caller (cgroup-v2.rst, \"Delegation\"; systemd: "              \
    "Delegate=yes)",                                                                               \
    "leave them out; process.rlimits need nothing")                                                \
  X(FILTERS, ctr__can_filter,                                                                      \
    "a seccomp filter, or Landlock, without noNewPrivileges or a user namespace", "CAP_SYS_ADMIN", \
    "set process.noNewPrivileges")                                                                 \
  X(TIME_OFFSETS, ctr__can_unshare, "time offsets in a user namespace that is joined",             \
    "CAP_SYS_ADMIN", "make a new user namespace")

enum ctr__right {
#define CTR__RIGHT_ENUM(name, has, asked, needs, instead) CTR__RIGHT_##name,
  CTR__RIGHTS(CTR__RIGHT_ENUM)
#undef CTR__RIGHT_ENUM
      CTR__RIGHT_COUNT
};

static const struct ctr__right_row {
  bool (*has)(const ctr__facts *facts);
  const char *asked, *needs, *instead;
} ctr__rights[CTR__RIGHT_COUNT] = {
#define CTR__RIGHT_ROW(name, has, asked, needs, instead)                                           \
  [CTR__RIGHT_##name] = {has, asked, needs, instead},
    CTR__RIGHTS(CTR__RIGHT_ROW)
#undef CTR__RIGHT_ROW
};

/* What the config says there is more than the caller may ask for; detail is NULL or says of what.
 */
static ctr_code ctr__lacks(ctr__builder *b, enum ctr__right right, const char *field,
                           const char *detail) {
  const struct ctr__right_row *row = &ctr__rights[right];
  return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field, "%s%s%s: that takes %s; instead %s",
                   detail ? detail : "", detail ? ": " : "", row->asked, row->needs, row->instead);
}
