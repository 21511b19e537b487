/* One more process in a container. */

/* Where its cgroups are, which a process joins; an ordinary user's container may have none. */
static ctr_code ctr__cgroup_paths(const ctr_container *c, ctr_arena *arena, ctr_strs *ret,
                                  ctr_err *err) {
  const ctr__cgroups all = ctr__cgroups_of(c);
  const char **paths = ctr__arena_array(arena, all.count + 1, sizeof *paths);
  if (!paths) return ctr__nomem(err);
  for (size_t i = 0; i < all.count; i++) paths[i] = all.items[i].path;
  *ret = (ctr_strs){paths, all.count};
  return CTR_OK;
}

static ctr_code ctr__check_can_join(const ctr_container *c, bool ignore_paused, ctr_err *err) {
  ctr_status status = ctr__look(c);
  if (status == CTR_STATUS_CREATED || status == CTR_STATUS_RUNNING) return CTR_OK;
  if (status == CTR_STATUS_PAUSED && ignore_paused) return CTR_OK;
  return status == CTR_STATUS_PAUSED
             ? ctr__fail(err, CTR_E_STATE, 0, NULL,
                         "container \"%.128s\" is paused: nothing can be executed in it", c->id)
             : ctr__not_running(c, err);
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
                                   .no_new_keyring = desc->no_new_keyring,
                                   .die_with_caller = desc->die_with_caller,
                                   .without = desc->without,
                                   .log = desc->log};
  ctr_code code = ctr__cgroup_paths(c, &arena, &purpose.cgroups, err);
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
