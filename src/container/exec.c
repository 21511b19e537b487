/* One more process in a container. */

/* Whether processes can be in it: not beside cgroups below it that have controllers (cgroup-v2.rst,
   "No Internal Process Constraint"). */
static bool ctr__takes_processes(const ctr__cgroup *g) {
  char enabled[1024];
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  return dir < 0 || ctr__cgroup_read(dir, "cgroup.subtree_control", enabled, sizeof enabled) <= 1;
}

/* What of the path of a cgroup, as /proc/PID/cgroup has it, is below one that is mounted somewhere:
   after the longest start of it that the other ends with. */
static const char *ctr__below_cgroup(const char *path, const char *mounted) {
  const char *below = NULL;
  const size_t whole = ctr__trimmed(mounted);
  for (size_t len = 1; len <= strlen(path); len++) {
    if (path[len] != '/' && path[len]) continue;
    if (len <= whole && !memcmp(mounted + whole - len, path, len)) below = path + len;
  }
  return below;
}

/* Where below its v2 cgroup the container's first process is: an init such as systemd moves itself
   down, to enable controllers. What it is below of is the container's own, whatever the rest. */
static ctr_code ctr__cgroup_of_init(const ctr_container *c, ctr_arena *arena, const ctr__cgroup *g,
                                    const char **ret, ctr_err *err) {
  char file[64], text[PATH_MAX + 64];
  ctr__proc_path(file, c->stored->pid, "/cgroup");
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, file, O_RDONLY, 0);
  ssize_t n = fd < 0 ? fd : ctr__ret(read(fd, text, sizeof text - 1));
  if (n < 0) return ctr__fail(err, CTR_E_SYS, (int)-n, "linux.cgroupsPath", "read %s", file);
  text[n] = '\0';
  char *line = strstr(text, "0::");
  if (line) line[strcspn(line, "\n")] = '\0';
  const char *below = line ? ctr__below_cgroup(line + 3, g->path) : NULL;
  if (!below) return *ret = g->path, CTR_OK;
  size_t len = ctr__trimmed(g->path);
  char *path = ctr_arena_alloc(arena, len + strlen(below) + 1);
  if (!path) return ctr__nomem(err);
  memcpy(path, g->path, len);
  memcpy(path + len, below, strlen(below) + 1);
  return *ret = path, CTR_OK;
}

/* Where its cgroups are, which a process joins; an ordinary user's container may have none. */
static ctr_code ctr__cgroup_paths(const ctr_container *c, ctr_arena *arena, ctr__purpose *purpose,
                                  ctr_err *err) {
  const ctr__cgroups all = ctr__cgroups_of(c);
  const char **paths = ctr__arena_array(arena, all.count + 1, sizeof *paths);
  if (!paths) return ctr__nomem(err);
  for (size_t i = 0; i < all.count; i++) {
    const ctr__cgroup *g = &all.items[i];
    paths[i] = g->path;
    ctr_code code = g->v2 && !ctr__takes_processes(g)
                        ? ctr__cgroup_of_init(c, arena, g, &paths[i], err)
                        : CTR_OK;
    if (code) return code;
  }
  purpose->cgroups = (ctr_strs){paths, all.count};
  return CTR_OK;
}

static ctr_code ctr__check_can_join(const ctr_container *c, bool ignore_paused, ctr_err *err) {
  ctr_status status;
  ctr_code code = ctr__check_is_there(c, err);
  if (!code) code = ctr__look(c, &status, err);
  if (code) return code;
  if (status == CTR_STATUS_CREATED || status == CTR_STATUS_RUNNING) return CTR_OK;
  if (status == CTR_STATUS_PAUSED && ignore_paused) return CTR_OK;
  return status == CTR_STATUS_PAUSED
             ? ctr__fail(err, CTR_E_STATE, 0, NULL,
                         "container \"%.128s\" is paused: nothing can be executed in it", c->id)
             : ctr__not_running(c, err);
}

/* Where neither the state nor the config says that the container has a user namespace, what is
   executed stays in the caller's. A state that does not say it at all is believed only as long as
   the first process is there too: the rights of the host are not given where it has none. */
static ctr_code ctr__check_userns_known(const ctr_container *c, ctr_err *err) {
  char path[64];
  struct stat its, own;
  if (c->stored->innerUserns.set || ctr__namespace_of(c->config, CTR_NS_USER)) return CTR_OK;
  ctr__proc_path(path, c->stored->pid, "/ns/user");
  if (stat(path, &its) < 0 || stat("/proc/self/ns/user", &own) < 0)
    return ctr__fail(err, CTR_E_SYS, errno, "linux.namespaces", "look at %s", path);
  if (its.st_dev == own.st_dev && its.st_ino == own.st_ino) return CTR_OK;
  return ctr__fail(
      err, CTR_E_UNSUPPORTED, 0, "linux.namespaces",
      "the state of container \"%.128s\", of an older version, does not say whether it "
      "was made in the user namespace that its first process is in: make it anew",
      c->id);
}

static ctr_code ctr__exec_plan(const ctr_container *c, const ctr_process_config *process,
                               const ctr_exec_desc *desc, ctr_plan **ret_plan, ctr_err *err) {
  ctr_arena arena = {0};
  ctr_config config = *c->config;
  config.process = *process;
  ctr__purpose purpose = {.goal = CTR__GOAL_EXEC,
                          .init_pid = (uint64_t)c->stored->pid,
                          .init_start = c->stored->startTime};
  const ctr_plan_desc plan_desc = {.bundle = c->stored->bundle,
                                   .id = c->id,
                                   .no_new_keyring = desc->no_new_keyring,
                                   .die_with_caller = desc->die_with_caller,
                                   .no_new_session = desc->no_new_session,
                                   .inner_userns = c->stored->innerUserns.value,
                                   .without = desc->without,
                                   .filters = desc->filters,
                                   .filter_count = desc->filter_count,
                                   .log = desc->log};
  ctr_code code = ctr__check_userns_known(c, err);
  if (!code) code = ctr__cgroup_paths(c, &arena, &purpose, err);
  if (!code) code = ctr__plan_for(&config, &plan_desc, &purpose, ret_plan, err);
  ctr_arena_free(&arena);
  return code;
}

ctr_code ctr_container_exec(ctr_container *container, const ctr_process_config *process,
                            const ctr_exec_desc *desc, ctr_process **ret_process, ctr_err *err) {
  static const ctr_exec_desc defaults = {0};
  const ctr_container *c = container;
  ctr_plan *plan = NULL;
  ctr_process *made = NULL;
  ctr__err_clear(err);
  if (!c || !process || !ret_process)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "container, process and ret_process are needed");
  if (!desc) desc = &defaults;
  ctr_code code = ctr__check_can_join(c, desc->ignore_paused, err);
  if (!code) code = ctr__exec_plan(c, process, desc, &plan, err);
  if (!code) code = ctr_process_new(plan, &desc->process, &made, err);
  if (!code) code = ctr_process_start(made, err);
  ctr_plan_free(plan);
  if (code)
    ctr_process_free(made);
  else
    *ret_process = made;
  return code;
}
