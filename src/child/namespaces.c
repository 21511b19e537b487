/* Namespaces: joining them, and settling into new ones. */

/* Nobody in a namespace that is joined may look into us (CVE-2016-9962); the child that is cloned
   inherits it, execve ends it (PR_SET_DUMPABLE(2const)). */
static int ctr__child_undumpable(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return (int)ctr__ret(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

static int ctr__child_dumpable(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return (int)ctr__ret(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

/* Name and command line of who is in a pid namespace can be read by everybody in it
   (proc_pid_comm(5), proc_pid_cmdline(5)), and the rest by who may trace it: ours are the caller's
   until execve. */
static int ctr__child_conceal(ctr__child *c, const ctr__step *s) {
  const ctr__launch *l = c->launch;
  (void)s;
  for (int i = 0; i < 2; i++)
    if (l->concealed[i].size) memset(l->concealed[i].start, 0, l->concealed[i].size);
  return (int)ctr__ret(prctl(PR_SET_NAME, "ctr", 0, 0, 0));
}

/* Who is in a namespace that is joined and may trace us could take the caller's descriptors: only
   what the start needs, and what the program is to have, comes along. */
static int ctr__stage_close_others(ctr__child *c, const ctr__step *s) {
  const ctr__launch *l = c->launch;
  int kept[3 + CTR__PLAN_MAX_NAMESPACES + 3 + CTR__EXTRA_MAX] = {c->sock, c->start_sock,
                                                                 l->init_pidfd};
  int count = 3;
  (void)s;
  for (int i = 0; i < CTR__PLAN_MAX_NAMESPACES; i++) kept[count++] = l->namespaces[i];
  for (int i = 0; i < 3; i++) kept[count++] = l->stdio[i];
  for (int i = 0; i < l->extra_count; i++) kept[count++] = l->extra[i];
  for (int first = 3;;) {
    int next = INT_MAX;
    for (int i = 0; i < count; i++)
      if (kept[i] >= first && kept[i] < next) next = kept[i];
    const unsigned last = next == INT_MAX ? ~0U : (unsigned)next - 1;
    long r = next == first ? 0 : CTR__CALL(CTR__SYS_close_range, (unsigned)first, last, 0U);
    if (r == -ENOSYS || r == -EPERM) return 0; /* before Linux 5.9: CLOSE_FDS does it, later */
    if (r < 0 || next == INT_MAX) return (int)r;
    first = next + 1;
  }
}

static int ctr__stage_drop_groups(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return (int)CTR__CALL(CTR__SYS_setgroups, 0, NULL);
}

static int ctr__join(const ctr__child *c, const ctr__step *s) {
  return (int)ctr__ret(setns(c->launch->namespaces[s->num[1]], (int)s->num[0]));
}

/* A namespace that belongs to the user namespace that is still to be joined refuses until then. */
static int ctr__stage_setns(ctr__child *c, const ctr__step *s) {
  int r = ctr__join(c, s);
  if (r != -EPERM || s->num[0] == CTR_NS_USER) return r;
  c->postponed |= UINT64_C(1) << s->num[1];
  return 0;
}

static int ctr__stage_setns_again(ctr__child *c, const ctr__step *s) {
  int r = 0;
  for (uint32_t i = 0; i < c->plan->step_count && r == 0; i++) {
    const ctr__step *join = ctr__plan_step(c->plan, i);
    if (join->kind != CTR__STEP_SETNS || !(c->postponed >> join->num[1] & 1)) continue;
    c->at = i;
    r = ctr__join(c, join);
  }
  (void)s;
  return r;
}

/* All at once, by the pidfd: the kernel does it or does nothing (setns(2), Linux 5.8). A user
   namespace that the caller is in cannot be joined again. */
static int ctr__stage_join_init(ctr__child *c, const ctr__step *s) {
  (void)s;
  return (int)ctr__ret(setns(c->launch->init_pidfd, (int)s->num[0]));
}

static int ctr__set_groups(ctr__child *c, uint64_t how, ctr__ref groups) {
  if (how == CTR__GROUPS_LEAVE) return 0;
  uint32_t count = ctr__list_count(c->plan, groups);
  int r =
      (int)CTR__CALL(CTR__SYS_setgroups, count, count ? ctr__list_items(c->plan, groups) : NULL);
  if (r == -EPERM && how == CTR__GROUPS_TRY) return 0;
  return r == -EPERM ? ctr__because(c, CTR__WHY_SETGROUPS, r) : r;
}

/* Copies a descriptor that is below first to above; the place it had is to be another's. */
static int ctr__move_above(int *fd, int first) {
  if (*fd < 0 || *fd >= first) return 0;
  *fd = (int)ctr__ret(fcntl(*fd, F_DUPFD_CLOEXEC, first));
  return *fd < 0 ? *fd : 0;
}

static int ctr__child_stdio(ctr__child *c, const ctr__step *s) {
  (void)s;
  const ctr__launch *launch = c->launch;
  const int count = 3 + launch->extra_count;
  int high[3 + CTR__EXTRA_MAX];
  for (int i = 0; i < count; i++) { /* out of each other's way first: {2, 0, 1} is a fair wish */
    int fd = i < 3 ? launch->stdio[i] : launch->extra[i - 3];
    high[i] = fd < 0 ? -1 : (int)ctr__ret(fcntl(fd, F_DUPFD_CLOEXEC, count));
    if (fd >= 0 && high[i] < 0) return high[i];
  }
  int r = ctr__move_above(&c->sock, count);
  if (r == 0) r = ctr__move_above(&c->start_sock, count);
  for (int i = 0; i < count && r == 0; i++) {
    if (high[i] < 0) close(i);
    if (high[i] >= 0) r = dup2(high[i], i) < 0 ? -errno : 0;
    ctr__close(&high[i]);
  }
  return r;
}

static int ctr__close_rest(int first, const int kept[2]) {
  int r = ctr__close_all_but(first, kept);
  if (r != -ENOSYS && r != -EPERM) return r;
  CTR__AUTO_CLOSE proc = ctr__open_proc();
  return proc < 0 ? proc : ctr__close_listed_but(proc, first, kept);
}

static int ctr__child_close_fds(ctr__child *c, const ctr__step *s) {
  const int kept[2] = {c->sock, c->start_sock};
  (void)s;
  return ctr__close_rest(3 + c->launch->extra_count, kept);
}

/* execve keeps ignored signals ignored and blocked ones blocked; a container's first process starts
   as after boot. The caller's handlers cannot run meanwhile: everything is blocked since before the
   clone. By number: libc keeps the first real-time signals to itself, and a caller may have been
   started with those ignored. */
static int ctr__default_signals(void) {
  static const uint64_t zeros[8]; /* the kernel's struct sigaction, its SIG_DFL, its empty set */
  for (int i = 1; i <= 8 * CTR__SIGSET_SIZE; i++) /* SIGKILL and SIGSTOP refuse */
    syscall(SYS_rt_sigaction, i, zeros, NULL, (size_t)CTR__SIGSET_SIZE);
  return ctr__sigmask(zeros, NULL);
}

static int ctr__child_signals(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return ctr__default_signals();
}

/* The caller may have ended before the kernel was told to watch it: then its end of the channel is
   closed. */
static int ctr__child_die_with_caller(ctr__child *c, const ctr__step *s) {
  (void)s;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return -errno;
  return ctr__see_parent(c);
}

/* Files made in the user namespace are to belong to its root, and the caller's groups are not to
   be had inside. */
static int ctr__child_become_root(ctr__child *c, const ctr__step *s) {
  int r = ctr__set_groups(c, s->num[0], 0);
  if (r == 0) r = (int)CTR__CALL(CTR__SYS_setresgid, 0, 0, 0);
  if (r == 0) r = (int)CTR__CALL(CTR__SYS_setresuid, 0, 0, 0);
  return r == -EINVAL && s->num[1] ? 0 : r; /* a joined one need not have a root */
}

static int ctr__write_own_map(ctr__child *c, const char *file, uint64_t inside, uint64_t outside) {
  char text[64];
  char *end = ctr__put_uint(ctr__put_str(ctr__put_uint(text, inside), " "), outside);
  end = ctr__put_str(end, " 1");
  return ctr__write_proc(c->proc, file, text, (size_t)(end - text));
}

static int ctr__child_inner_userns(ctr__child *c, const ctr__step *s) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  int r = ctr__set_groups(c, s->num[2], 0);
  if (r == 0) r = (int)ctr__ret(unshare(CTR_NS_USER));
  if (r == 0) r = ctr__write_proc(c->proc, "self/setgroups", "deny", 4);
  if (r == 0) r = ctr__write_own_map(c, "self/uid_map", s->num[0], uid);
  return r < 0 ? r : ctr__write_own_map(c, "self/gid_map", s->num[1], gid);
}

static int ctr__child_setsid(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return setsid() < 0 ? -errno : 0;
}

/* A session keyring that does not contain the caller's keys. Kernels without keyrings have no keys
   to leak. */
static int ctr__child_keyring(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  long r = CTR__CALL(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL);
  return r < 0 && r != -ENOSYS ? (int)r : 0;
}

static int ctr__child_hold_proc(ctr__child *c, const ctr__step *s) {
  (void)s;
  c->proc = ctr__open_proc();
  if (c->proc == -ENOTSUP) c->reason = CTR__WHY_NOT_PROCFS;
  return c->proc < 0 ? c->proc : 0;
}

static int ctr__child_cgroup_namespace(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return (int)ctr__ret(unshare(CTR_NS_CGROUP));
}

/* time_namespaces(7): offsets can be set until the first process enters; unshare makes the
   namespace for children only, setns then moves ourselves in. */
static int ctr__child_time_namespace(ctr__child *c, const ctr__step *s) {
  if (unshare(CTR_NS_TIME) < 0) return -errno;
  const char *offsets = ctr__arg(c, s, 0);
  int r = *offsets ? ctr__write_proc(c->proc, "self/timens_offsets", offsets, strlen(offsets)) : 0;
  if (r < 0) return r;
  CTR__AUTO_CLOSE ns = ctr__openat2(c->proc, "self/ns/time_for_children", O_RDONLY, 0, 0);
  return ns < 0 ? ns : (int)ctr__ret(setns(ns, CTR_NS_TIME));
}

static int ctr__child_loopback(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  CTR__AUTO_CLOSE sock = ctr__fd_high((int)ctr__ret(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  if (sock < 0) return sock;
  struct ifreq lo = {.ifr_name = "lo"};
  lo.ifr_flags = IFF_UP | IFF_RUNNING;
  return (int)ctr__ret(ioctl(sock, SIOCSIFFLAGS, &lo));
}
