/* Hooks that come when the container is there, or was: what they do wrong is worth a warning, and
   the next one has its turn (runtime.md "Lifecycle"). */

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

static void ctr__run_late_hooks(const ctr_container *c, enum ctr__hook_kind kind) {
  ctr_err err;
  for (size_t i = 0; i < ctr__hooks_of(c->config, kind)->count; i++)
    if (ctr__run_late_hook(c, kind, i, &err))
      ctr__log(&c->plan_desc.log, CTR_LOG_WARNING, err.field, "%s",
               err.msg + (err.field[0] ? strlen(err.field) + 2 : 0));
}
