/* The handle: a container's directory, what is written there, its first process. */

struct ctr_container {
  ctr_arena arena;
  const char *id;
  int root, dir;             /* the state root and the container's directory in it */
  const ctr__stored *stored; /* as far as it is known                              */
  ctr_process *process;
  const char *notify_socket; /* while it is being made: the service manager's */
  int notify_sock;           /* where the program says that it is ready; -1: it does not */
  bool locked;               /* by this handle                                     */
  ctr_plan_desc plan_desc;   /* what hooks need of it: bundle, id, log             */
  const ctr_config *config;
};

static ctr_container *ctr__container_new(const char *id, ctr_err *err) {
  ctr_container *c = CTR_MALLOC(sizeof *c);
  if (!c) return ctr__nomem(err), NULL;
  *c = (ctr_container){.root = -1, .dir = -1, .notify_sock = -1};
  c->id = ctr__arena_strdup(&c->arena, id);
  if (c->id) return c;
  ctr_container_free(c);
  return ctr__nomem(err), NULL;
}

void ctr_container_free(ctr_container *container) {
  if (!container) return;
  ctr_process_free(container->process);
  ctr__close(&container->notify_sock);
  ctr__close(&container->dir);
  ctr__close(&container->root);
  ctr_arena_free(&container->arena);
  CTR_FREE(container);
}

void ctr_container_set_log(ctr_container *container, const ctr_log *log) {
  container->plan_desc.log = log ? *log : (ctr_log){NULL, NULL};
}

const ctr_config *ctr_container_config(const ctr_container *container) {
  return container->config;
}

ctr_process *ctr_container_process(ctr_container *container) {
  return container->process;
}

static ctr__cgroups ctr__cgroups_of(const ctr_container *c) {
  return (ctr__cgroups){c->stored ? c->stored->cgroups : NULL,
                        c->stored ? c->stored->cgroup_count : 0};
}

/* -- the lock -- */

enum { CTR__LOCK_MS = 10000 };

/* A handle may outlive what it stands for. */
static ctr_code ctr__check_is_there(const ctr_container *c, ctr_err *err) {
  struct stat st;
  if (fstat(c->dir, &st) < 0)
    return ctr__fail(err, CTR_E_SYS, errno, NULL, "look at the directory of container \"%.128s\"",
                     c->id);
  if (st.st_nlink) return CTR_OK;
  return ctr__fail(err, CTR_E_NOT_FOUND, 0, NULL, "container \"%.128s\" does not exist any more",
                   c->id);
}

/* Nobody holds it for long but a hook that hangs: waiting for that has an end. */
static ctr_code ctr__lock(ctr_container *c, ctr_err *err) {
  ctr__patience patience = {CTR__LOCK_MS, 1};
  while (flock(c->dir, LOCK_EX | LOCK_NB) < 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK)
      return ctr__fail(err, CTR_E_SYS, errno, NULL, "lock container \"%.128s\"", c->id);
    if (!ctr__wait_more(&patience, NULL))
      return ctr__fail(err, CTR_E_STATE, 0, NULL,
                       "container \"%.128s\" is busy: something else is being done to it", c->id);
  }
  /* It may have been deleted meanwhile, and a new one made in its place. */
  ctr_code code = ctr__check_is_there(c, err);
  if (!code) return c->locked = true, CTR_OK;
  flock(c->dir, LOCK_UN);
  return code;
}

static void ctr__unlock(ctr_container *c) {
  flock(c->dir, LOCK_UN);
  c->locked = false;
}

/* A lock that another holds shows that whoever makes or changes it is alive. */
static bool ctr__is_locked(const ctr_container *c) {
  if (c->locked) return false;
  CTR__AUTO_CLOSE dir = ctr__open(c->dir, ".", O_RDONLY | O_DIRECTORY, 0);
  return dir >= 0 && flock(dir, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* Keeps it from being deleted, and its cgroups from being another's of that name, for those who go
   by their paths: until *ret_hold is closed. Others may do so too. Who makes, starts, changes or
   ends it is not waited for: a start that hangs is there to be ended by a signal. Nor is it any
   reason not to go on that there is no descriptor left for it. */
static ctr_code ctr__lock_shared(const ctr_container *c, int *ret_hold, ctr_err *err) {
  *ret_hold = ctr__open(c->dir, ".", O_RDONLY | O_DIRECTORY, 0);
  if (*ret_hold >= 0) flock(*ret_hold, LOCK_SH | LOCK_NB);
  return ctr__check_is_there(c, err);
}

/* -- finding one -- */

/* A process that has ended and was not waited for has ended. */
static bool ctr__is_running(const ctr_process *process) {
  struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
  return process->state == CTR__RUNNING && process->pidfd >= 0 && ctr__poll_now(&end, 1) == 0;
}

/* A handle on a process that need not be a child of ours: libcontainer's nonChildProcess. A pid
   that is another process's by now, or nobody's, gives one that has ended. */
static ctr_code ctr__process_of(pid_t pid, uint64_t start_time, ctr_process **ret, ctr_err *err) {
  ctr_process *p = ctr__process_blank(err);
  if (!p) return CTR_E_NOMEM;
  p->state = CTR__RUNNING;
  p->pid = pid;
  ctr__proc_stat stat;
  p->pidfd = ctr__fd_high((int)CTR__CALL(CTR__SYS_pidfd_open, pid, 0));
  int r = p->pidfd < 0 ? p->pidfd : ctr__read_proc_stat(pid, &stat);
  /* EINVAL, ENOENT: it is a thread's by now (pidfd_open(2)). What else fails says nothing of it:
     a process may live without a procfs that shows it. */
  const bool ended = p->pidfd < 0 ? r == -ESRCH || r == -EINVAL || r == -ENOENT
                     : r < 0      ? !ctr__is_running(p)
                                  : stat.start_time != start_time;
  if (r < 0 && !ended) {
    ctr_process_free(p);
    return ctr__fail(err, CTR_E_SYS, -r, NULL, "look at process %d", (int)pid);
  }
  if (ended) {
    ctr__close(&p->pidfd);
    p->pidfd = -1;
    p->state = CTR__ENDED;
  }
  *ret = p;
  return CTR_OK;
}

static ctr_code ctr__find(const char *root, const char *id, ctr_container **ret_container,
                          ctr_err *err) {
  ctr_code code = ctr__check_id(id, err);
  if (code) return code;
  ctr_container *c = ctr__container_new(id, err);
  if (!c) return CTR_E_NOMEM;
  code = ctr__open_root(root, false, &c->root, err);
  c->dir = code ? -1 : ctr__open(c->root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (code == CTR_E_NOT_FOUND || c->dir == -ENOENT)
    code = ctr__fail(err, CTR_E_NOT_FOUND, 0, NULL, "container \"%.128s\" does not exist", id);
  else if (!code && c->dir < 0)
    code = ctr__fail(err, CTR_E_SYS, -c->dir, NULL, "open the state of container \"%.128s\"", id);
  if (!code) return *ret_container = c, CTR_OK;
  ctr_container_free(c);
  return code;
}

/* What is written down of it becomes the handle's. */
static ctr_code ctr__know(ctr_container *c, ctr_err *err) {
  ctr__stored *stored = NULL;
  ctr_code code = ctr__load(&c->arena, c->dir, c->id, &stored, err);
  if (code) return code;
  c->stored = stored;
  c->config = &stored->config;
  c->plan_desc.bundle = stored->bundle;
  c->plan_desc.id = c->id;
  if (!stored->pid) return ctr__never_finished(c->id, err);
  return ctr__process_of((pid_t)stored->pid, stored->startTime, &c->process, err);
}

ctr_code ctr_container_open(const char *root, const char *id, ctr_container **ret_container,
                            ctr_err *err) {
  ctr__err_clear(err);
  if (!ret_container) return ctr__fail(err, CTR_E_ARG, 0, NULL, "ret_container is needed");
  ctr_container *c = NULL;
  ctr_code code = ctr__find(root, id, &c, err);
  if (code) return code;
  code = ctr__know(c, err);
  if (!code) return *ret_container = c, CTR_OK;
  ctr_container_free(c);
  return code;
}
