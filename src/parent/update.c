/* Changing the limits of a container that is there: all of them, or none. */

/* The first of the plan's limits; they stand together. */
static uint32_t ctr__first_limit(const ctr_plan *plan) {
  uint32_t first = 0;
  while (first < plan->step_count && ctr__plan_step(plan, first)->kind != CTR__STEP_LIMIT) first++;
  return first;
}

static ctr_code ctr__run_steps(ctr__start *s, uint32_t from, uint32_t to) {
  ctr_code code = CTR_OK;
  for (uint32_t i = from; i < to && !code; i++) code = ctr__parent_do(s, &i);
  return code;
}

/* What the files have is read before any of them is written, and when all controllers are there. */
static ctr_code ctr__run_update_plan(const ctr_plan *plan, ctr_err *err) {
  ctr_process about = {.plan = plan, .pid = -1, .pidfd = -1, .attachment = {.start_sock = -1}};
  ctr__start s = ctr__start_of(&about, err);
  const uint32_t first = ctr__first_limit(plan), count = ctr__limits_at(plan, first);
  const ctr__setting *all = ctr__settings_of(plan, first, count, &s.arena);
  ctr__setting *before = NULL;
  ctr_code code = all ? ctr__run_steps(&s, 0, first) : ctr__nomem(err);
  int r = code ? 0 : ctr__settings_now(all, count, &s.arena, &before);
  if (r < 0) code = ctr__fail(err, CTR_E_SYS, -r, "linux.resources", "read what holds now");
  if (!code) {
    code = ctr__run_steps(&s, first, plan->step_count);
    if (code && !ctr__settings_restore(all, before, count, &s.arena) && err)
      ctr__err_add(err, "; and what was changed before could not be put back");
  }
  ctr_arena_free(&s.arena);
  return code;
}
