/* Signals, and standing still. */

static ctr_code ctr__not_running(const ctr_container *c, ctr_err *err) {
  ctr_status status;
  ctr_code code = ctr__look(c, &status, err);
  if (code) return code;
  return ctr__fail(err, CTR_E_STATE, 0, NULL, "container not running: \"%.128s\" is %s", c->id,
                   ctr_status_name(status));
}

static ctr_code ctr__nobody_knows(const ctr_container *c, ctr_err *err) {
  return ctr__fail(err, CTR_E_UNSUPPORTED, 0, NULL,
                   "container \"%.128s\" has no cgroup that would say which processes are its own: "
                   "linux.cgroupsPath asks for one",
                   c->id);
}

/* libcontainer's sharePidns: its first process is not the init of a pid namespace, whose end would
   be the end of all. */
static bool ctr__shares_pids(const ctr_container *c) {
  const ctr_namespace *pids = ctr__namespace_of(c->config, CTR_NS_PID);
  return !pids || pids->path;
}

static ctr_code ctr__signal_all(ctr_container *c, int signal, ctr_err *err) {
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  ctr_arena arena = {0};
  pid_t *pids = NULL;
  size_t count = 0;
  int r = ctr__cgroups_pids(&cgroups, &arena, &pids, &count);
  ctr_arena_free(&arena);
  if (r == -ENOTSUP && signal == SIGKILL && !ctr__shares_pids(c))
    return ctr_process_signal(c->process, signal, err); /* the kernel ends the rest */
  if (r == -ENOTSUP) return ctr__nobody_knows(c, err);
  if (r == 0 && !count) return ctr__not_running(c, err);
  if (r == 0 || r == -E2BIG) r = ctr__cgroups_kill(&cgroups, signal);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL,
                           "send signal %d to all processes of \"%.128s\"", signal, c->id)
               : CTR_OK;
}

ctr_code ctr_container_signal(ctr_container *container, int signal, bool all, ctr_err *err) {
  ctr_container *c = container;
  ctr__err_clear(err);
  if (!c) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a container is needed");
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  CTR__AUTO_CLOSE hold = -1;
  ctr_code code = ctr__lock_shared(c, &hold, err);
  if (code) return code;
  if (all || (signal == SIGKILL && ctr__shares_pids(c) && cgroups.count))
    return ctr__signal_all(c, signal, err);
  if (!ctr__is_running(c->process)) return ctr__not_running(c, err);
  /* What the v1 freezer holds does not even die (cgroup-v1 freezer-subsystem). */
  bool frozen = false;
  int r = signal == SIGKILL ? ctr__cgroups_is_frozen(&cgroups, &frozen) : 0;
  if (r < 0) return ctr__fail(err, CTR_E_SYS, -r, NULL, "look at container \"%.128s\"", c->id);
  code = ctr_process_signal(c->process, signal, err);
  if (code == CTR_E_STATE) return ctr__not_running(c, err);
  if (!code && frozen) r = ctr__cgroups_thaw_tree(&cgroups);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "thaw container \"%.128s\" so that it can end",
                           c->id)
               : code;
}

static ctr_code ctr__set_frozen(ctr_container *c, bool frozen, ctr_err *err) {
  const ctr_status needed = frozen ? CTR_STATUS_RUNNING : CTR_STATUS_PAUSED;
  ctr__err_clear(err);
  if (!c) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a container is needed");
  ctr_code code = ctr__lock(c, err);
  if (code) return code;
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  ctr_status status;
  code = ctr__look(c, &status, err);
  int r = !code && status == needed ? ctr__cgroups_freeze(&cgroups, frozen) : 0;
  ctr__unlock(c);
  if (code) return code;
  if (status != needed)
    return ctr__fail(err, CTR_E_STATE, 0, NULL, "container \"%.128s\" is not %s but %s", c->id,
                     ctr_status_name(needed), ctr_status_name(status));
  if (r == -ENOTSUP)
    return ctr__fail(
        err, CTR_E_UNSUPPORTED, 0, NULL,
        "container \"%.128s\" has no cgroup that can be frozen: linux.cgroupsPath asks for "
        "one",
        c->id);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "%s container \"%.128s\"",
                           frozen ? "freeze" : "thaw", c->id)
               : CTR_OK;
}

ctr_code ctr_container_pause(ctr_container *container, ctr_err *err) {
  return ctr__set_frozen(container, true, err);
}

ctr_code ctr_container_resume(ctr_container *container, ctr_err *err) {
  return ctr__set_frozen(container, false, err);
}

ctr_code ctr_container_pids(ctr_container *container, ctr_arena *arena, pid_t **ret_pids,
                            size_t *ret_count, ctr_err *err) {
  ctr__err_clear(err);
  if (!container || !arena || !ret_pids || !ret_count)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "all parameters are needed");
  const ctr__cgroups cgroups = ctr__cgroups_of(container);
  CTR__AUTO_CLOSE hold = -1;
  ctr_code code = ctr__lock_shared(container, &hold, err);
  if (code) return code;
  int r = ctr__cgroups_pids(&cgroups, arena, ret_pids, ret_count);
  if (r == -ENOTSUP) return ctr__nobody_knows(container, err);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "list the processes of \"%.128s\"",
                           container->id)
               : CTR_OK;
}
