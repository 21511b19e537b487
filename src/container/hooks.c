/* Hooks that come when the container runs, or is gone (runtime.md "Lifecycle"). */

static ctr_code ctr__run_late_hook(const ctr_container *c, enum ctr__hook_kind kind, size_t index,
                                   ctr_err *err) {
  const ctr__purpose purpose = {.goal = CTR__GOAL_HOOK,
                                .hook_kind = (uint32_t)kind,
                                .hook_index = index};
  static const ctr__facts no_facts;
  ctr_plan *plan = NULL;
  ctr_code code = ctr__plan_compile(c->config, &c->plan_desc, &purpose, &no_facts, &plan, err);
  pid_t pid = kind == CTR__HOOK_POSTSTOP || !c->stored ? 0 : (pid_t)c->stored->pid;
  if (!code) code = ctr__run_hook_plan(plan, pid, err);
  ctr_plan_free(plan);
  return code;
}

/* Step 9, from version 1.3 on: one that fails is the end of the container. */
static ctr_code ctr__run_poststart_hooks(const ctr_container *c, ctr_err *err) {
  ctr_code code = CTR_OK;
  for (size_t i = 0; !code && i < c->config->hooks.poststart.count; i++)
    code = ctr__run_late_hook(c, CTR__HOOK_POSTSTART, i, err);
  return code;
}

/* Step 13: what they do wrong is worth a warning, and the next one has its turn. */
static void ctr__run_poststop_hooks(const ctr_container *c) {
  ctr_err err;
  for (size_t i = 0; i < c->config->hooks.poststop.count; i++)
    if (ctr__run_late_hook(c, CTR__HOOK_POSTSTOP, i, &err))
      ctr__log(&c->plan_desc.log, CTR_LOG_WARNING, err.field, "%s", ctr__err_text(&err));
}
