/* Making a container. The order is that of a kill at any moment: the directory first, then the
   process, which is written down before anything else is made that would outlive it; a process that
   has not got to its end ends by itself when its maker does. */

/* RFC 3339 with nanoseconds, in UTC. */
static const char *ctr__time_text(ctr_arena *arena) {
  struct timespec now;
  struct tm utc;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  char *text = ctr_arena_alloc(arena, 64);
  if (text)
    snprintf(text, 64, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", utc.tm_year + 1900, utc.tm_mon + 1,
             utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec);
  return text;
}

/* A path as it is called from anywhere. */
static ctr_code ctr__absolute(ctr_arena *arena, const char *base, const char *path,
                              const char *what, const char **ret, ctr_err *err) {
  char joined[PATH_MAX], real[PATH_MAX];
  bool below = *path != '/' && base;
  int len = snprintf(joined, sizeof joined, "%s%s%s", below ? base : "", below ? "/" : "", path);
  if (len < 0 || len >= (int)sizeof joined)
    return ctr__fail(err, CTR_E_ARG, ENAMETOOLONG, what, "%.200s", path);
  if (!realpath(joined, real)) return ctr__fail(err, CTR_E_SYS, errno, what, "open %.300s", joined);
  *ret = ctr__arena_strdup(arena, real);
  return *ret ? CTR_OK : ctr__nomem(err);
}

/* The cgroups that the plan makes. */
static bool ctr__list_cgroups(ctr_arena *arena, const ctr_plan *plan, ctr__stored *stored) {
  ctr__cgroup *items = ctr__arena_array(arena, plan->step_count, sizeof *items);
  for (uint32_t i = 0; items && i < plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    if (step->kind != CTR__STEP_MAKE_CGROUP) continue;
    const char *path = ctr__arena_strdup(arena, ctr__plan_str(plan, step->str[0]));
    const char *controllers = ctr__arena_strdup(arena, ctr__plan_str(plan, step->str[1]));
    if (!path || !controllers) return false;
    items[stored->cgroup_count++] = (ctr__cgroup){path, controllers, step->num[0]};
  }
  stored->cgroups = items;
  return items;
}

/* Whoever is in a cgroup of ours is killed with the container, and what is frozen never starts: one
   that is there already is to be empty. */
static ctr_code ctr__check_cgroups_unused(const ctr__stored *stored, ctr_err *err) {
  for (size_t i = 0; i < stored->cgroup_count; i++) {
    const ctr__cgroup *g = &stored->cgroups[i];
    const ctr__cgroups one = {g, 1};
    ctr_arena mem = {0};
    ctr__pids pids;
    bool frozen = false;
    int r = ctr__cgroup_pids(g, &mem, &pids);
    ctr_arena_free(&mem);
    if (r >= 0 && !pids.count) r = ctr__cgroups_is_frozen(&one, &frozen);
    if (r < 0) return ctr__fail(err, CTR_E_SYS, -r, "linux.cgroupsPath", "look into %s", g->path);
    if (pids.count || frozen)
      return ctr__fail(err, CTR_E_STATE, 0, "linux.cgroupsPath", "%s is %s", g->path,
                       frozen ? "frozen already"
                              : "not empty: what is in it would end with the container");
  }
  return CTR_OK;
}

/* "pid": "/proc/4711/ns/pid": for those who want to join, as libcontainer writes it. */
static bool ctr__list_namespaces(ctr_arena *arena, ctr__stored *stored) {
  const size_t count = ctr__namespace_names.count;
  ctr_pair *pairs = ctr__arena_array(arena, count, sizeof *pairs);
  for (size_t i = 0; pairs && i < count; i++) {
    const ctr__name *name = &ctr__namespace_names.items[i];
    char *path = ctr_arena_alloc(arena, 64);
    if (!path) return false;
    ctr__put_str(ctr__proc_path(path, stored->pid, "/ns/"),
                 ctr__namespace_file((uint32_t)name->value));
    pairs[i] = (ctr_pair){name->name, path};
  }
  stored->namespacePaths = (ctr_pairs){pairs, pairs ? count : 0};
  return pairs;
}

/* The directory of the host that is the root, if it is one. */
static ctr_code ctr__describe_root(ctr_container *c, const ctr_plan *plan, ctr__stored *stored,
                                   ctr_err *err) {
  const bool is_mount = ctr__root_mount(c->config);
  const char *path = is_mount ? ctr__plan_str(plan, plan->root_dir) : c->config->root.path;
  if (!path) return CTR_OK;
  return ctr__absolute(&c->arena, c->plan_desc.bundle, path, is_mount ? "mounts[0]" : "root.path",
                       &stored->rootfs, err);
}

/* What is known before there is a process. The mounts' data goes unsaid: the table does not know
   it, and no process that comes later makes a mount. */
static ctr_code ctr__describe(ctr_container *c, const ctr_plan *plan, const ctr_process *process,
                              ctr__stored *stored, ctr_err *err) {
  *stored = (ctr__stored){.id = c->id,
                          .bundle = c->plan_desc.bundle,
                          .created = ctr__time_text(&c->arena),
                          .owner = geteuid(),
                          .externalDescriptors = {process->external, 3},
                          .notifySocket = c->notify_socket,
                          .innerUserns = {true, c->plan_desc.inner_userns},
                          .config = *c->config};
  if (!stored->config.ociVersion) stored->config.ociVersion = CTR_OCI_VERSION;
  ctr_code code = ctr__describe_root(c, plan, stored, err);
  if (code) return code;
  if (!stored->created || !ctr__list_cgroups(&c->arena, plan, stored)) return ctr__nomem(err);
  return ctr__check_cgroups_unused(stored, err);
}

/* A process that waits, if there is one already. */
static ctr_code ctr__describe_process(ctr_container *c, const ctr_process *process,
                                      ctr__stored *stored, ctr_err *err) {
  if (process->pid <= 0) return CTR_OK;
  stored->pid = process->pid;
  ctr_code code = ctr_process_start_time(process, &stored->startTime, err);
  if (code) return code;
  return ctr__list_namespaces(&c->arena, stored) ? CTR_OK : ctr__nomem(err);
}

/* Writes down what is known so far. */
static ctr_code ctr__record(void *userdata, const ctr_plan *plan, const ctr_process *process,
                            ctr_err *err) {
  ctr_container *c = userdata;
  ctr__stored *stored = ctr_arena_alloc(&c->arena, sizeof *stored);
  if (!stored) return ctr__nomem(err);
  ctr_code code = CTR_OK;
  if (c->stored)
    *stored = *c->stored;
  else
    code = ctr__describe(c, plan, process, stored, err);
  if (!code) code = ctr__describe_process(c, process, stored, err);
  if (!code) code = ctr__save(&c->arena, c->dir, stored, err);
  /* The caller's config was borrowed: from now on the handle has the copy that is kept. One that
     cannot be read again would be a container that nobody can end. */
  if (!code) code = ctr__load(&c->arena, c->dir, c->id, &stored, err);
  if (code) return code;
  c->stored = stored;
  c->config = &stored->config;
  return CTR_OK;
}

static ctr_code ctr__make_directory(ctr_container *c, const char *root, ctr_err *err) {
  ctr_code code = ctr__open_root(root, true, &c->root, err);
  if (code) return code;
  if (mkdirat(c->root, c->id, 0700) < 0)
    return errno == EEXIST ? ctr__fail(err, CTR_E_EXISTS, 0, NULL,
                                       "a container with the id \"%.128s\" already exists", c->id)
                           : ctr__fail(err, CTR_E_SYS, errno, NULL,
                                       "make the state directory of \"%.128s\"", c->id);
  c->dir = ctr__open(c->root, c->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (c->dir < 0) {
    unlinkat(c->root, c->id, AT_REMOVEDIR);
    return ctr__fail(err, CTR_E_SYS, -c->dir, NULL, "open the state directory");
  }
  code = ctr__lock(c, err);
  mode_t type;
  const bool fresh = !ctr__has_file(c, CTR__STATE_FILE, &type) &&
                     !ctr__has_file(c, CTR__CREATING, &type) &&
                     !ctr__has_file(c, CTR__START, &type);
  if (code || fresh) return code;
  /* Ours was deleted, and who made this one came first to lock it. */
  ctr__unlock(c);
  return ctr__fail(err, CTR_E_EXISTS, 0, NULL, "a container with the id \"%.128s\" already exists",
                   c->id);
}

/* What shows that it is not finished: the socket to wait at, or a file that says so. */
static ctr_code ctr__mark_creating(ctr_container *c, bool waits, int *ret_sock, ctr_err *err) {
  CTR__AUTO_CLOSE fd = waits ? ctr__listen(c->dir, CTR__CREATING, SOCK_SEQPACKET)
                             : ctr__open(c->dir, CTR__CREATING, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0)
    return ctr__fail(err, CTR_E_SYS, -fd, NULL, "make a file in the state directory of \"%.128s\"",
                     c->id);
  *ret_sock = waits ? ctr__steal_fd(&fd) : -1;
  return CTR_OK;
}

static int ctr__mark_created(const ctr_container *c, bool waits) {
  return waits ? (int)ctr__ret(renameat(c->dir, CTR__CREATING, c->dir, CTR__START))
               : (int)ctr__ret(unlinkat(c->dir, CTR__CREATING, 0));
}

/* Brings its first process up, and takes it down again when the last touch fails. */
static ctr_code ctr__start_first(ctr_container *c, const ctr_plan *plan,
                                 const ctr_container_desc *desc, bool waits, ctr_err *err) {
  CTR__AUTO_CLOSE sock = -1;
  ctr_code code = ctr__mark_creating(c, waits, &sock, err);
  if (!code) code = ctr_process_new(plan, &desc->process, &c->process, err);
  if (code) return code;
  c->process->attachment =
      (ctr__attachment){.record = ctr__record, .userdata = c, .start_sock = sock};
  if (c->notify_socket) code = ctr__make_notify_dir(c, err);
  if (!code && c->notify_socket && !waits) code = ctr__listen_notify(c, err);
  if (!code) code = ctr_process_start(c->process, err);
  int r = code ? 0 : ctr__mark_created(c, waits);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "finish making container \"%.128s\"", c->id)
               : code;
}

/* Descriptors that are only there to be closed: taking away what was made needs some, and whoever
   has none left is to find out before anything is made. */
enum { CTR__SPARE_FDS = 8 };

static int ctr__open_spares(const ctr_container *c, int spares[CTR__SPARE_FDS]) {
  int r = 0;
  for (int i = 0; i < CTR__SPARE_FDS; i++) {
    spares[i] = r < 0 ? -1 : (int)ctr__ret(fcntl(c->dir, F_DUPFD_CLOEXEC, 3));
    if (spares[i] < 0 && r == 0) r = spares[i];
  }
  return r;
}

static void ctr__close_spares(int spares[CTR__SPARE_FDS]) {
  for (int i = 0; i < CTR__SPARE_FDS; i++) ctr__close(&spares[i]);
}

/* The directory comes first: of two who want the same id one is told so, whatever else is wrong. */
static ctr_code ctr__make(ctr_container *c, const ctr_container_desc *desc, enum ctr__goal goal,
                          ctr_err *err) {
  const ctr__purpose purpose = {.goal = goal};
  ctr_plan *plan = NULL;
  int spares[CTR__SPARE_FDS];
  ctr_code code = ctr__make_directory(c, desc->root, err);
  int r = code ? (memset(spares, -1, sizeof spares), 0) : ctr__open_spares(c, spares);
  if (r < 0) code = ctr__fail(err, CTR_E_SYS, -r, NULL, "make container \"%.128s\"", c->id);
  if (!code) code = ctr__plan_for(c->config, &c->plan_desc, &purpose, &plan, err);
  if (!code) code = ctr__start_first(c, plan, desc, goal == CTR__GOAL_CREATE, err);
  if (!code && goal == CTR__GOAL_RUN) code = ctr__run_poststart_hooks(c, err);
  ctr__close_spares(spares);
  if (code && c->locked) /* else it is not there, or not ours */
    ctr__destroy(c, c->stored && c->stored->pid, NULL);
  if (c->locked) ctr__unlock(c);
  ctr_plan_free(plan);
  return code;
}

/* A handle of what is still to be made. */
static ctr_code ctr__container_plan(const ctr_config *config, const char *id,
                                    const ctr_container_desc *desc, ctr_container **ret,
                                    ctr_err *err) {
  if (desc->plan.id) return ctr__fail(err, CTR_E_ARG, 0, NULL, "plan.id is to be left NULL");
  ctr_code code = ctr__check_id(id, err);
  ctr_container *c = code ? NULL : ctr__container_new(id, err);
  if (!c) return code ? code : CTR_E_NOMEM;
  c->config = config;
  c->plan_desc = desc->plan;
  c->plan_desc.id = c->id;
  c->notify_socket = desc->notify_socket;
  code = ctr__absolute(&c->arena, NULL, desc->plan.bundle ? desc->plan.bundle : ".", NULL,
                       &c->plan_desc.bundle, err);
  if (!code && c->notify_socket) code = ctr__add_notify(c, desc->root, err);
  if (!code) return *ret = c, CTR_OK;
  ctr_container_free(c);
  return code;
}

static const ctr_container_desc ctr__container_defaults;

static ctr_code ctr__container_make(const ctr_config *config, const char *id,
                                    const ctr_container_desc *desc, enum ctr__goal goal,
                                    ctr_container **ret_container, ctr_err *err) {
  ctr_container *c = NULL;
  ctr__err_clear(err);
  if (!config || !ret_container)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "config and ret_container are needed");
  if (!desc) desc = &ctr__container_defaults;
  ctr_code code = ctr__container_plan(config, id, desc, &c, err);
  if (code) return code;
  code = ctr__make(c, desc, goal, err);
  if (!code) return *ret_container = c, CTR_OK;
  ctr_container_free(c);
  return code;
}

ctr_code ctr_container_explain(const ctr_config *config, const char *id,
                               const ctr_container_desc *desc, ctr_sink sink, void *userdata,
                               ctr_err *err) {
  const ctr__purpose purpose = {.goal = CTR__GOAL_CREATE};
  ctr_container *c = NULL;
  ctr_plan *plan = NULL;
  ctr__err_clear(err);
  if (!config || !sink) return ctr__fail(err, CTR_E_ARG, 0, NULL, "config and sink are needed");
  if (!desc) desc = &ctr__container_defaults;
  ctr_code code = ctr__container_plan(config, id, desc, &c, err);
  if (!code) code = ctr__plan_for(c->config, &c->plan_desc, &purpose, &plan, err);
  if (!code) code = ctr_plan_explain(plan, sink, userdata, err);
  ctr_plan_free(plan);
  ctr_container_free(c);
  return code;
}

ctr_code ctr_container_create(const ctr_config *config, const char *id,
                              const ctr_container_desc *desc, ctr_container **ret_container,
                              ctr_err *err) {
  return ctr__container_make(config, id, desc, CTR__GOAL_CREATE, ret_container, err);
}

ctr_code ctr_container_run(const ctr_config *config, const char *id, const ctr_container_desc *desc,
                           ctr_container **ret_container, ctr_err *err) {
  return ctr__container_make(config, id, desc, CTR__GOAL_RUN, ret_container, err);
}
