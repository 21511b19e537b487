/* Names, settings, limits, ids, capabilities. */

static int ctr__child_hostname(ctr__child *c, const ctr__step *s) {
  const char *name = ctr__arg(c, s, 0);
  return (int)ctr__ret(sethostname(name, strlen(name)));
}

static int ctr__child_domainname(ctr__child *c, const ctr__step *s) {
  const char *name = ctr__arg(c, s, 0);
  return (int)ctr__ret(setdomainname(name, strlen(name)));
}

static int ctr__write_proc_arg(ctr__child *c, const char *path, const char *text) {
  int r = ctr__write_proc(c->proc, path, text, strlen(text));
  if (r == -ENOTSUP || r == -EXDEV) c->reason = CTR__WHY_NOT_PROCFS;
  return r;
}

static int ctr__child_sysctl(ctr__child *c, const ctr__step *s) {
  char path[PATH_MAX];
  const char *key = ctr__arg(c, s, 0);
  if (strlen(key) + sizeof "sys/" > sizeof path) return -ENAMETOOLONG;
  ctr__put_str(ctr__put_str(path, "sys/"), key);
  return ctr__write_proc_arg(c, path, ctr__arg(c, s, 1));
}

static int ctr__child_oom_score_adj(ctr__child *c, const ctr__step *s) {
  return ctr__write_proc_arg(c, "self/oom_score_adj", ctr__arg(c, s, 0));
}

static int ctr__child_scheduler(ctr__child *c, const ctr__step *s) {
  return ctr__sched_setattr(0, ctr__plan_data(c->plan, s->str[1]));
}

/* config.md "execCPUAffinity": CPUs that the machine does not have are no part of the mask. */
static int ctr__child_affinity(ctr__child *c, const ctr__step *s) {
  const void *mask = ctr__plan_data(c->plan, s->str[1]);
  return (int)CTR__CALL(SYS_sched_setaffinity, 0, (size_t)s->num[0], mask);
}

static int ctr__child_io_priority(ctr__child *c, const ctr__step *s) {
  (void)c;
  return ctr__ioprio_set(0, s->num[0], s->num[1]);
}

static int ctr__child_personality(ctr__child *c, const ctr__step *s) {
  (void)c;
  return CTR__CALL(SYS_personality, s->num[0]) < 0 ? -errno : 0;
}

static int ctr__child_memory_policy(ctr__child *c, const ctr__step *s) {
  const void *mask = s->num[2] ? ctr__plan_data(c->plan, s->str[1]) : NULL;
  return (int)CTR__CALL(SYS_set_mempolicy, (int)(s->num[0] | s->num[1]), mask, s->num[2]);
}

static int ctr__child_umask(ctr__child *c, const ctr__step *s) {
  (void)c;
  umask((mode_t)s->num[0]);
  return 0;
}

static int ctr__child_keep_umask(ctr__child *c, const ctr__step *s) {
  (void)s;
  umask(c->umask);
  return 0;
}

static int ctr__child_rlimit(ctr__child *c, const ctr__step *s) {
  (void)c;
  struct ctr__rlimit limit = {s->num[1], s->num[2]};
  return (int)CTR__CALL(SYS_prlimit64, 0, (int)s->num[0], &limit, NULL);
}

static int ctr__child_no_new_privs(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return (int)ctr__ret(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* EINVAL: past the last capability that this kernel knows. */
static int ctr__child_bounding(ctr__child *c, const ctr__step *s) {
  (void)c;
  for (unsigned long i = 0; i < 64; i++) {
    if (s->num[0] >> i & 1) continue;
    if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) return errno == EINVAL ? 0 : -errno;
  }
  return 0;
}

/* The program opens its streams again by name (/dev/stdout), and a new pipe is for its owner alone;
   a fifo with a name is somebody's file. One whose owner is not mapped in the user namespace cannot
   be given away there (user_namespaces(7)): then it is what it was. */
static int ctr__child_own_streams(ctr__child *c, const ctr__step *s) {
  enum { CTR__PIPEFS_MAGIC = 0x50495045 };
  const uid_t uid = (uid_t)s->num[0];
  struct statfs fs;
  struct stat st;
  (void)c;
  for (int i = 0; i < 3; i++) {
    if (fstat(i, &st) < 0 || fstatfs(i, &fs) < 0) return -errno;
    if (fs.f_type != CTR__PIPEFS_MAGIC || st.st_uid == uid || fchown(i, uid, (gid_t)-1) == 0)
      continue;
    if (errno != EPERM && errno != EINVAL && errno != EROFS) return -errno;
  }
  return 0;
}

/* By number: libc's calls would signal the caller's other threads, which are not in this process.
   The capabilities are kept over the change of ids for the next step to choose from. */
static int ctr__child_user(ctr__child *c, const ctr__step *s) {
  long uid = (long)s->num[0], gid = (long)s->num[1];
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -errno;
  long r = ctr__set_groups(c, s->num[2], s->str[0]);
  if (r == 0) r = CTR__CALL(CTR__SYS_setresgid, gid, gid, gid);
  if (r == 0) r = CTR__CALL(CTR__SYS_setresuid, uid, uid, uid);
  if (r == 0) r = ctr__ret(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
  return (int)r;
}

static int ctr__child_capabilities(ctr__child *c, const ctr__step *s) {
  (void)c;
  struct {
    uint32_t version;
    int32_t pid;
  } head = {0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */, 0};
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2];
  for (int i = 0; i < 2; i++) {
    data[i].effective = (uint32_t)((s->num[0] | s->num[3]) >> 32 * i);
    data[i].permitted = (uint32_t)((s->num[1] | s->num[3]) >> 32 * i);
    data[i].inheritable = (uint32_t)(s->num[2] >> 32 * i);
  }
  return (int)CTR__CALL(SYS_capset, &head, data);
}

static int ctr__child_ambient(ctr__child *c, const ctr__step *s) {
  (void)c;
  int r = (int)ctr__ret(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  for (unsigned long i = 0; i < 64 && r == 0; i++)
    if (s->num[0] >> i & 1) r = (int)ctr__ret(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0));
  return r;
}
