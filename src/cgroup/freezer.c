/* Stopping the clock of a container: the v1 freezer (freezer-subsystem.rst), or cgroup.freeze of v2
   (cgroup-v2.rst). Where both are, v1: it also stops what does not follow signals. */

enum { CTR__FREEZE_MS = 10000 };

/* FREEZING stays as long as one task cannot be caught: writing again, and letting go of all from
   time to time, gets it out of where it is (libcontainer's cgroups/fs/freezer.go). */
static int ctr__freezer_v1(int dir, bool frozen, int max_ms) {
  char state[64];
  ctr__patience patience = {max_ms, 1};
  for (int tries = 1;; tries++) {
    int r = ctr__cgroup_write(dir, "freezer.state", frozen ? "FROZEN" : "THAWED", 6);
    if (r >= 0) r = ctr__cgroup_read(dir, "freezer.state", state, sizeof state);
    if (r < 0) return r;
    if (!strcmp(state, frozen ? "FROZEN\n" : "THAWED\n")) return 0;
    if (!frozen) return -EBUSY; /* thawing is done at once, unless an ancestor is frozen */
    bool more = ctr__wait_more(&patience, NULL);
    if (!more || tries % 16 == 0) ctr__cgroup_write(dir, "freezer.state", "THAWED", 6);
    if (!more) return -EBUSY;
  }
}

/* cgroup.events says when all have stopped, or one runs again; it polls as soon as it differs from
   what was read last. */
static int ctr__freezer_v2(int dir, bool frozen, int max_ms) {
  char events[4096];
  ctr__patience patience = {max_ms, 1};
  CTR__AUTO_CLOSE fd = ctr__openat2(dir, "cgroup.events", O_RDONLY, 0, CTR__IN_CGROUP);
  int r = fd < 0 ? fd : ctr__cgroup_write(dir, "cgroup.freeze", frozen ? "1" : "0", 1);
  if (r < 0) return r;
  do {
    ssize_t n = pread(fd, events, sizeof events - 1, 0);
    if (n < 0 && errno != EINTR) return -errno;
    events[n < 0 ? 0 : n] = '\0';
    if (strstr(events, frozen ? "frozen 1" : "frozen 0")) return 0;
  } while (ctr__wait_more(&patience, &(struct pollfd){fd, POLLPRI, 0}));
  if (frozen) ctr__cgroup_write(dir, "cgroup.freeze", "0", 1);
  return -EBUSY;
}

static const ctr__cgroup *ctr__cgroups_freezer(const ctr__cgroups *all) {
  const ctr__cgroup *g = ctr__cgroups_with(all, "freezer");
  return g ? g : ctr__cgroups_v2(all);
}

/* 1 or 0. Where too many cgroups are below, it is a hostile tree, not one that the caller sits deep
   in. */
static int ctr__cgroup_has_caller(const ctr__cgroup *g) {
  ctr_arena mem = {0};
  ctr__pids pids;
  int r = ctr__cgroup_pids(g, &mem, &pids);
  if (r >= 0 || r == -E2BIG) r = ctr__pids_have(&pids, getpid());
  ctr_arena_free(&mem);
  return r;
}

static int ctr__freezer_set(const ctr__cgroup *g, bool frozen, int max_ms) {
  if (!g) return -ENOTSUP;
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  if (dir < 0) return dir;
  if (faccessat(dir, g->v2 ? "cgroup.freeze" : "freezer.state", F_OK, 0) < 0) return -ENOTSUP;
  return g->v2 ? ctr__freezer_v2(dir, frozen, max_ms) : ctr__freezer_v1(dir, frozen, max_ms);
}

/* Freezes all processes, or lets them go on, and waits until they do. -EBUSY when one would not be
   frozen (then none is) or an ancestor keeps them so; -ENOTSUP without a freezer; -EDEADLK when the
   caller itself is among them. */
static int ctr__cgroups_freeze(const ctr__cgroups *all, bool frozen) {
  const ctr__cgroup *g = ctr__cgroups_freezer(all);
  int inside = g && frozen ? ctr__cgroup_has_caller(g) : 0;
  if (inside) return inside < 0 ? inside : -EDEADLK;
  return ctr__freezer_set(g, frozen, CTR__FREEZE_MS);
}

static int ctr__cgroup_is_frozen(const ctr__cgroup *g, bool *ret) {
  char text[4096];
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  int r = dir;
  if (r >= 0)
    r = ctr__cgroup_read(dir, g->v2 ? "cgroup.events" : "freezer.state", text, sizeof text);
  if (r < 0) return ctr__is_gone(r) ? 0 : r;
  *ret |= strstr(text, g->v2 ? "frozen 1" : "FR") != NULL; /* FREEZING, FROZEN */
  if (!g->v2) return 0;
  r = ctr__cgroup_read(dir, "cgroup.freeze", text, sizeof text);
  if (r < 0) return ctr__is_gone(r) ? 0 : r;
  *ret |= text[0] == '1';
  return 0;
}

/* Whether it is frozen or about to be, by itself or by an ancestor; what is gone is not. */
static int ctr__cgroups_is_frozen(const ctr__cgroups *all, bool *ret) {
  *ret = false;
  for (size_t i = 0; i < all->count; i++) {
    const ctr__cgroup *g = &all->items[i];
    int r = g->v2 || ctr__cgroup_has(g, "freezer") ? ctr__cgroup_is_frozen(g, ret) : 0;
    if (r < 0) return r;
  }
  return 0;
}

/* Asked before it is told: each write of freezer.state goes through all below. */
static int ctr__visit_thaw(void *userdata, int dir, bool top) {
  const bool *v2 = userdata;
  char frozen[16];
  (void)top;
  int r =
      ctr__cgroup_read(dir, *v2 ? "cgroup.freeze" : "freezer.self_freezing", frozen, sizeof frozen);
  if (r < 0 || frozen[0] == '0') return r;
  return *v2 ? ctr__cgroup_write(dir, "cgroup.freeze", "0", 1)
             : ctr__cgroup_write(dir, "freezer.state", "THAWED", 6);
}

/* Thaws it and all below, which whoever is inside may have frozen: a task that the v1 freezer holds
   does not even die. */
static int ctr__cgroups_thaw_tree(const ctr__cgroups *all) {
  const ctr__cgroup *g = ctr__cgroups_freezer(all);
  bool v2 = g && g->v2;
  return g ? ctr__cgroup_walk(g, ctr__visit_thaw, &v2) : 0;
}
