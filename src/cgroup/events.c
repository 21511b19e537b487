/* What a cgroup tells: that it is empty, that it ran out of memory, that its tasks stand still.
   Each is another kind of descriptor, to be polled for something else: pidfds, a v1 eventfd, files
   of v2 that are always readable and say POLLPRI. So all are in an epoll(7) of the watch's own,
   which is readable when one of them has something to say.

   The end is seen from processes. v1 has nothing to wait for; cgroup.events of v2 is not to be
   waited for alone: the kernel tells of a change at most every 10 ms, later where it must, and
   never when the cgroup is removed before that (kernel/cgroup/cgroup.c, cgroup_file_notify). */

struct ctr_watch {
  ctr_watch_desc desc;
  int epoll;
  int dir;       /* the cgroup whose becoming empty is the end                                   */
  int end;       /* a pidfd of one that is in it                                                 */
  int source;    /* an eventfd of v1, memory.events, or a file of pressure; -1: of EMPTY         */
  int control;   /* v1: memory.oom_control, which the eventfd is about; -1: source is none       */
  uint64_t seen; /* how far the counter in source had got                                        */
  bool over;
};

/* Of source in v2. */
static const char *const ctr__pressure_files[] = {[CTR_RESOURCE_CPU] = "cpu.pressure",
                                                  [CTR_RESOURCE_MEMORY] = "memory.pressure",
                                                  [CTR_RESOURCE_IO] = "io.pressure"};

static int ctr__watch_add(const ctr_watch *w, int fd, uint32_t events) {
  struct epoll_event event = {.events = events};
  return (int)ctr__ret(epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event));
}

/* What is not polled any more keeps quiet. */
static void ctr__watch_end(ctr_watch *w) {
  w->over = true;
  ctr__close(&w->end);
  ctr__close(&w->source);
  ctr__close(&w->control);
  ctr__close(&w->dir);
}

void ctr_watch_free(ctr_watch *watch) {
  if (!watch) return;
  ctr__watch_end(watch);
  ctr__close(&watch->epoll);
  CTR_FREE(watch);
}

int ctr_watch_fd(const ctr_watch *watch) {
  return watch->epoll;
}

/* Reads an open file of cgroupfs once more, which is also what makes poll(2) wait for the next
   change. Returns 0. */
static int ctr__watch_reread(int fd, char *text, size_t size) {
  ssize_t n;
  do n = pread(fd, text, size - 1, 0);
  while (n < 0 && errno == EINTR);
  if (n < 0) return -errno;
  text[n] = '\0';
  return 0;
}

/* The number of a line "key number". */
static int ctr__watch_value(char *text, const char *key, uint64_t *ret) {
  for (char *line; (line = ctr__stats_line(&text));) {
    uint64_t value;
    if (!ctr__stats_split(line, &value)) return -EPROTO;
    if (!strcmp(line, key)) return *ret = value, 0;
  }
  return -EPROTO;
}

/* -- the end -- */

/* All processes of a cgroup and those below; sorted. */
static int ctr__watch_pids(int dir, ctr_arena *mem, ctr__pids *pids) {
  ctr__cgroup_tree tree;
  *pids = (ctr__pids){.mem = mem};
  int r = ctr__cgroup_tree_read(&tree, dir, ctr__visit_pids, pids);
  if (r >= 0) ctr__cgroup_tree_free(&tree);
  ctr__pids_sort(pids);
  return r == -E2BIG && pids->count ? 0 : r;
}

/* The first that can be held; -ESRCH when all have ended since they were listed. */
static int ctr__watch_open_one(const ctr__pids *pids, pid_t *ret_pid) {
  int fd = -ESRCH;
  for (size_t i = 0; i < pids->count && fd < 0; i++) {
    if (!pids->items[i]) continue;
    fd = ctr__fd_high((int)CTR__CALL(CTR__SYS_pidfd_open, pids->items[i], 0));
    *ret_pid = pids->items[i];
    if (fd < 0 && fd != -ESRCH && fd != -EINVAL && fd != -ENOENT) return fd;
  }
  return fd < 0 ? -ESRCH : fd;
}

/* Holds one process of the cgroup, which is not empty as long as that lives. It must be listed
   still once it is held: the pid may have become somebody else's. That is tried a few times; where
   processes come and go so fast, the one that is held has ended soon, and this is done again. */
static int ctr__watch_hold(ctr_watch *w) {
  enum { TRIES = 4 };
  pid_t pid = 0;
  CTR__AUTO_CLOSE held = -1;
  for (int i = 0; i < TRIES; i++) {
    ctr_arena mem = {0};
    ctr__pids pids;
    int r = ctr__watch_pids(w->dir, &mem, &pids);
    const bool none = r >= 0 && !pids.count, listed = held >= 0 && ctr__pids_have(&pids, pid);
    const bool hidden = r >= 0 && pids.count == 1 && !pids.items[0];
    int fd = r < 0 || none || listed || hidden ? -ESRCH : ctr__watch_open_one(&pids, &pid);
    ctr_arena_free(&mem);
    if (r < 0) return r;
    if (none) return w->over = true, 0;
    if (hidden) return -ENOTSUP;
    if (listed) break;
    if (fd < 0 && fd != -ESRCH) return fd;
    ctr__close(&held);
    if (fd >= 0) held = fd;
  }
  if (held < 0) return -EAGAIN;
  ctr__close(&w->end);
  w->end = ctr__steal_fd(&held);
  return ctr__watch_add(w, w->end, EPOLLIN);
}

static int ctr__watch_look_for_end(ctr_watch *w) {
  struct pollfd end = {.fd = w->end, .events = POLLIN};
  int r = ctr__poll_now(&end, 1) == 0 ? 0 : ctr__watch_hold(w);
  if (ctr__is_gone(r)) return w->over = true, 0;
  return r == -EAGAIN ? 0 : r; /* the one that has ended goes on to say so */
}

static int ctr__watch_begin_end(ctr_watch *w, const ctr__cgroups *all) {
  const ctr__cgroup *g = ctr__cgroups_best(all);
  if (!g) return -ENOTSUP;
  w->dir = ctr__cgroup_open(g);
  return w->dir < 0 ? w->dir : ctr__watch_hold(w);
}

/* What is not there in a cgroup that is, the kernel does not have. */
static int ctr__watch_open(int dir, const char *file, int flags) {
  int fd = ctr__openat2(dir, file, (uint64_t)flags, 0, CTR__IN_CGROUP);
  return ctr__is_gone(fd) ? -ENOTSUP : fd;
}

/* -- memory -- */

/* cgroup-v1/memory.rst "OOM Control": "EVENTFD CONTROLFD" into cgroup.event_control. */
static int ctr__watch_begin_oom_v1(ctr_watch *w, const ctr__cgroup *g) {
  char text[64];
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  if (dir < 0) return dir;
  w->control = ctr__watch_open(dir, "memory.oom_control", O_RDONLY);
  w->source = ctr__fd_high((int)CTR__CALL(SYS_eventfd2, 0, O_CLOEXEC | O_NONBLOCK));
  if (w->control < 0) return w->control;
  if (w->source < 0) return w->source;
  char *end = ctr__put_int(ctr__put_str(ctr__put_int(text, w->source), " "), w->control);
  int r = ctr__cgroup_write(dir, "cgroup.event_control", text, (size_t)(end - text));
  return r < 0 ? r : ctr__watch_add(w, w->source, EPOLLIN);
}

/* The removal of the cgroup counts as one, too (cgroup-v1/cgroups.rst); it comes a little later
   than the cgroup is gone, so that one that is not told here is not told at all. */
static int ctr__watch_read_oom_v1(ctr_watch *w, uint64_t *ret_ooms) {
  char text[4096];
  uint64_t ooms = 0;
  ssize_t n = read(w->source, &ooms, sizeof ooms);
  if (n < 0 && errno != EAGAIN && errno != EINTR) return -errno;
  int r = ctr__watch_reread(w->control, text, sizeof text);
  if (r < 0 && !ctr__is_gone(r)) return r;
  w->over |= r < 0;
  *ret_ooms = ooms - (r < 0 && ooms);
  return 0;
}

/* -- counters of v2 -- */

/* Where source has got to: memory.events tells of more than kills, and pressure is told of at most
   once a window. */
static int ctr__watch_counter(ctr_watch *w, uint64_t *ret) {
  char text[4096];
  ctr_pressure pressure = {.some = {.set = false}};
  int r = ctr__watch_reread(w->source, text, sizeof text);
  if (r < 0) return r;
  if (w->desc.kind == CTR_WATCH_OOM) return ctr__watch_value(text, "oom_kill", ret);
  if (!ctr__stats_pressure(text, &pressure)) return -EPROTO;
  *ret = w->desc.full ? pressure.full.total : pressure.some.total;
  return 0;
}

static int ctr__watch_read_counter(ctr_watch *w, uint64_t *ret_more) {
  uint64_t now = w->seen;
  int r = ctr__watch_counter(w, &now);
  if (r < 0 && !ctr__stats_is_absent(r)) return r;
  w->over |= r < 0;
  *ret_more = now > w->seen ? now - w->seen : 0;
  w->seen = now;
  return 0;
}

/* A trigger lasts as long as its descriptor: accounting/psi.rst. */
static int ctr__watch_set_trigger(const ctr_watch *w) {
  char text[64], *end = ctr__put_str(text, w->desc.full ? "full " : "some ");
  end = ctr__put_str(ctr__put_uint(end, w->desc.stall_us), " ");
  end = ctr__put_uint(end, w->desc.window_us);
  *end++ = '\0'; /* the kernel overwrites the last byte with it */
  return ctr__write_all(w->source, text, (size_t)(end - text));
}

static int ctr__watch_begin_counter(ctr_watch *w, const ctr__cgroup *g) {
  const bool pressure = w->desc.kind == CTR_WATCH_PRESSURE;
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  if (dir < 0) return dir;
  const char *file = pressure ? ctr__pressure_files[w->desc.resource] : "memory.events";
  w->source = ctr__watch_open(dir, file, pressure ? O_RDWR | O_NONBLOCK : O_RDONLY);
  int r = w->source < 0 ? w->source : ctr__watch_counter(w, &w->seen);
  if (r == 0 && pressure) r = ctr__watch_set_trigger(w);
  return r < 0 ? r : ctr__watch_add(w, w->source, EPOLLPRI);
}

static int ctr__watch_begin_source(ctr_watch *w, const ctr__cgroups *all) {
  const ctr__cgroup *v2 = ctr__cgroups_v2(all);
  const ctr__cgroup *v1 = w->desc.kind == CTR_WATCH_OOM ? ctr__cgroups_with(all, "memory") : NULL;
  if (w->desc.kind == CTR_WATCH_EMPTY) return 0;
  return v1 ? ctr__watch_begin_oom_v1(w, v1) : v2 ? ctr__watch_begin_counter(w, v2) : -ENOTSUP;
}

/* -- watches -- */

/* -ENOENT or -ENODEV when the cgroup is gone or empty; -ENOTSUP when there is nothing that would
   tell; -EINVAL also when the kernel refuses a trigger. */
static int ctr__watch_new(const ctr__cgroups *all, const ctr_watch_desc *desc, ctr_watch **ret) {
  ctr_watch *w = CTR_MALLOC(sizeof *w);
  if (!w) return -ENOMEM;
  *w = (ctr_watch){.desc = *desc, .dir = -1, .end = -1, .source = -1, .control = -1};
  w->epoll = ctr__fd_high((int)ctr__ret(epoll_create1(EPOLL_CLOEXEC)));
  int r = w->epoll < 0 ? w->epoll : ctr__watch_begin_end(w, all);
  if (r >= 0 && w->over) r = -ENOENT;
  if (r >= 0) r = ctr__watch_begin_source(w, all);
  if (r >= 0) return *ret = w, 0;
  ctr_watch_free(w);
  return r;
}

/* The end is looked for first: what happened before it is in the numbers then. */
static int ctr__watch_look(ctr_watch *w, ctr_watch_report *report) {
  int r = ctr__watch_look_for_end(w);
  if (r < 0) return r;
  if (w->control >= 0) return ctr__watch_read_oom_v1(w, &report->ooms);
  if (w->source < 0) return 0;
  return ctr__watch_read_counter(w, w->desc.kind == CTR_WATCH_OOM ? &report->ooms
                                                                  : &report->stalled_us);
}

ctr_code ctr_watch_read(ctr_watch *watch, ctr_watch_report *ret_report, ctr_err *err) {
  ctr_watch *w = watch;
  ctr_watch_report report = {0};
  ctr__err_clear(err);
  if (!w || !ret_report)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "watch and ret_report are needed");
  int r = w->over ? 0 : ctr__watch_look(w, &report);
  if (r == -ENOTSUP)
    return ctr__fail(err, CTR_E_UNSUPPORTED, 0, NULL,
                     "the processes left in the cgroup are of another pid namespace");
  if (r < 0) return ctr__fail(err, CTR_E_SYS, -r, NULL, "look at what is watched");
  if (w->over) ctr__watch_end(w);
  report.over = w->over;
  *ret_report = report;
  return CTR_OK;
}
