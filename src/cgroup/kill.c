/* Signals for every process of a container. A pid says who is meant only as long as that process
   lives; so each is held by a pidfd, and the pid must be listed still once that is open. */

enum { CTR__KILL_MS = 10000, CTR__SIGNAL_FREEZE_MS = 1000 };
enum { CTR__SIGNAL_BATCH = 256 };

/* One signal for all. */
typedef struct ctr__signalling {
  int signal;
  size_t found; /* processes but the caller itself */
  int error;    /* the first; the others are tried all the same */
} ctr__signalling;

typedef struct ctr__targets {
  int fds[CTR__SIGNAL_BATCH];
  size_t at[CTR__SIGNAL_BATCH]; /* which of pids->items */
  size_t count;
} ctr__targets;

/* Opens as many as fit, from pids->items[*at] on; never ourselves. When the caller's descriptors
   run out, one is given back to look once more with. */
static int ctr__targets_open(ctr__targets *targets, const ctr__pids *pids, size_t *at) {
  for (targets->count = 0; *at < pids->count && targets->count < CTR__SIGNAL_BATCH; ++*at) {
    pid_t pid = pids->items[*at];
    if (pid == 0 || pid == getpid()) continue;
    int fd = ctr__fd_high((int)CTR__CALL(CTR__SYS_pidfd_open, pid, 0));
    if (fd == -ESRCH) continue;
    if (fd == -EMFILE && targets->count > 1) {
      ctr__close(&targets->fds[--targets->count]);
      *at = targets->at[targets->count];
      return 0;
    }
    if (fd < 0) return fd;
    targets->fds[targets->count] = fd;
    targets->at[targets->count++] = *at;
  }
  return 0;
}

static int ctr__targets_signal(ctr__targets *targets, const ctr__pids *pids, int dir, int signal) {
  int first = 0;
  ctr_arena mem = {0};
  ctr__pids listed = {.mem = &mem};
  int r = targets->count ? ctr__pids_read(&listed, dir) : 0;
  ctr__pids_sort(&listed);
  for (size_t i = 0; i < targets->count; i++) {
    if (r >= 0 && ctr__pids_have(&listed, pids->items[targets->at[i]])) {
      int sent = ctr__pidfd_signal(targets->fds[i], signal);
      if (sent < 0 && sent != -ESRCH && !first) first = sent;
    }
    ctr__close(&targets->fds[i]);
  }
  ctr_arena_free(&mem);
  return r < 0 ? r : first;
}

/* The processes of one cgroup, each if it is in there still. */
static int ctr__visit_signal(void *userdata, int dir, bool top) {
  ctr__signalling *s = userdata;
  ctr_arena mem = {0};
  ctr__pids pids = {.mem = &mem};
  int r = ctr__visit_pids(&pids, dir, top);
  ctr__pids_sort(&pids);
  s->found += pids.count - ctr__pids_have(&pids, getpid());
  for (size_t at = 0; r >= 0 && at < pids.count;) {
    ctr__targets targets;
    r = ctr__targets_open(&targets, &pids, &at);
    int sent = ctr__targets_signal(&targets, &pids, dir, s->signal);
    if (sent < 0 && !ctr__is_gone(sent) && !s->error) s->error = sent;
  }
  ctr_arena_free(&mem);
  return r;
}

static int ctr__cgroup_signal(const ctr__cgroup *g, int signal, size_t *ret_found) {
  ctr__signalling s = {.signal = signal};
  int r = ctr__cgroup_walk(g, ctr__visit_signal, &s);
  *ret_found = s.found;
  return r < 0 ? r : s.error;
}

/* v2, Linux 5.14. -ENOENT where there is no such file. */
static int ctr__cgroups_kill_v2(const ctr__cgroups *all, bool *ret_left) {
  char events[4096];
  const ctr__cgroup *g = ctr__cgroups_v2(all);
  CTR__AUTO_CLOSE dir = g ? ctr__cgroup_open(g) : -ENOENT;
  int r = dir < 0 ? dir : ctr__cgroup_write(dir, "cgroup.kill", "1", 1);
  if (r >= 0) r = ctr__cgroup_read(dir, "cgroup.events", events, sizeof events);
  *ret_left = r < 0 || strstr(events, "populated 1");
  return r;
}

/* One SIGKILL for all that are there now; *ret_left: whether any were. Frozen ones cannot fork, nor
   hide in another cgroup; where freezing fails, the next round gets those that did. From the second
   round on each is also meant by its pidfd: cgroup.kill passes over a process whose first thread
   has ended. */
static int ctr__cgroups_kill_round(const ctr__cgroups *all, const ctr__cgroup *best, bool inside,
                                   bool again, bool *ret_left) {
  int r = inside ? -EDEADLK : ctr__cgroups_kill_v2(all, ret_left);
  if (r < 0 || (again && *ret_left)) {
    size_t found;
    if (!inside) ctr__freezer_set(ctr__cgroups_freezer(all), true, CTR__SIGNAL_FREEZE_MS);
    r = ctr__cgroup_signal(best, SIGKILL, &found);
    *ret_left = found > 0;
  }
  int thawed = ctr__cgroups_thaw_tree(all);
  return r < 0 ? r : thawed;
}

static int ctr__cgroups_kill_all(const ctr__cgroups *all, const ctr__cgroup *best) {
  const ctr__cgroup *freezer = ctr__cgroups_freezer(all);
  int inside = freezer ? ctr__cgroup_has_caller(best) : 0;
  if (freezer && freezer != best && !inside) inside = ctr__cgroup_has_caller(freezer);
  if (inside < 0) return inside;
  ctr__patience patience = {CTR__KILL_MS, 1};
  bool left = true, again = false;
  do {
    int r = ctr__cgroups_kill_round(all, best, inside, again, &left);
    if (r < 0 || !left) return r;
    again = true;
  } while (ctr__wait_more(&patience, NULL));
  return -EBUSY;
}

static int ctr__cgroups_signal(const ctr__cgroups *all, const ctr__cgroup *best, int signal) {
  const ctr__cgroup *freezer = ctr__cgroups_freezer(all);
  bool frozen = false;
  size_t found;
  int r = ctr__cgroups_is_frozen(all, &frozen);
  if (r >= 0 && freezer && !frozen) r = ctr__cgroup_has_caller(freezer);
  if (r < 0) return r;
  bool freeze = !frozen && !r && ctr__freezer_set(freezer, true, CTR__SIGNAL_FREEZE_MS) >= 0;
  r = ctr__cgroup_signal(best, signal, &found);
  int thawed = freeze ? ctr__freezer_set(freezer, false, CTR__FREEZE_MS) : 0;
  return r < 0 ? r : thawed;
}

/* Sends a signal to every process but the caller. SIGKILL: until none is left; -EBUSY when the
   kernel does not let one die. Others: once; to frozen ones, which see it when they are thawed. */
static int ctr__cgroups_kill(const ctr__cgroups *all, int signal) {
  const ctr__cgroup *best = ctr__cgroups_best(all);
  if (!best) return -ENOTSUP;
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(best);
  if (dir < 0) return ctr__is_gone(dir) ? 0 : dir;
  CTR__AUTO_CLOSE parent = ctr__cgroup_parent(dir);
  if (parent < 0) return parent; /* the root of a hierarchy: everybody's */
  return signal == SIGKILL ? ctr__cgroups_kill_all(all, best)
                           : ctr__cgroups_signal(all, best, signal);
}
