/* New limits for a container that is there. */

/* What is set in from takes the place of what into has. */
static void ctr__overlay(const ctr__type *type, void *into, const void *from) {
  for (size_t i = 0; i < type->count; i++) {
    const ctr__field *field = &type->fields[i];
    char *to = (char *)into + field->offset;
    const char *at = (const char *)from + field->offset;
    if (!ctr__field_is_set(field, from)) continue;
    if (field->kind == CTR__F_OBJECT)
      ctr__overlay(field->type, to, at);
    else
      memcpy(to, at, ctr__field_size(field));
  }
}

static ctr_code ctr__update_plan(const ctr_container *c, const ctr_config *config,
                                 const ctr_resources *changed, ctr_plan **ret, ctr_err *err) {
  ctr_arena arena = {0};
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  const char **paths = ctr__arena_array(&arena, cgroups.count + 1, sizeof *paths);
  for (size_t i = 0; paths && i < cgroups.count; i++) paths[i] = cgroups.items[i].path;
  const ctr__purpose purpose = {.goal = CTR__GOAL_UPDATE,
                                .cgroups = {paths, cgroups.count},
                                .changed = changed};
  ctr_code code =
      paths ? ctr__plan_for(config, &c->plan_desc, &purpose, ret, err) : ctr__nomem(err);
  ctr_arena_free(&arena);
  return code;
}

/* The state as it will be, beside the one that is, in mem; and the plan that gets there. */
static ctr_code ctr__prepare_update(const ctr_container *c, const ctr_resources *changed,
                                    ctr_arena *mem, ctr_plan **ret_plan, ctr_err *err) {
  ctr__stored *stored = NULL;
  ctr_code code = ctr__load(mem, c->dir, c->id, &stored, err); /* as others left it */
  if (code) return code;
  ctr__overlay(&ctr__type_of_ctr_resources, &stored->config.linux_.resources, changed);
  code = ctr__update_plan(c, &stored->config, changed, ret_plan, err);
  return code ? code : ctr__write_state(mem, c->dir, stored, err);
}

/* Under the lock. When the limits hold, only a rename is left to be done. */
static ctr_code ctr__update(const ctr_container *c, const ctr_resources *changed, ctr_err *err) {
  ctr_status status;
  ctr_arena mem = {0};
  ctr_plan *plan = NULL;
  ctr_code code = ctr__look(c, &status, err);
  if (code) return code;
  if (status == CTR_STATUS_STOPPED) return ctr__not_running(c, err);
  code = ctr__prepare_update(c, changed, &mem, &plan, err);
  if (!code) code = ctr__run_update_plan(plan, err);
  if (!code) code = ctr__put_state(c->dir, c->id, err);
  if (code) unlinkat(c->dir, CTR__STATE_FILE_NEW, 0);
  ctr_plan_free(plan);
  ctr_arena_free(&mem);
  return code;
}

ctr_code ctr_container_update(ctr_container *container, const ctr_resources *resources,
                              ctr_err *err) {
  ctr__err_clear(err);
  if (!container || !resources)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "container and resources are needed");
  ctr_code code = ctr__lock(container, err);
  if (code) return code;
  code = ctr__update(container, resources, err);
  ctr__unlock(container);
  return code;
}
