/* Changing the limits of a container that is there: all of them, or none. */

/* The first of the plan's limits; they stand together. */
static uint32_t ctr__first_limit(const ctr_plan *plan) {
  uint32_t first = 0;
  while (first < plan->step_count && ctr__plan_step(plan, first)->kind != CTR__STEP_LIMIT) first++;
  return first;
}

/* What the files have is read before anything is changed; put back it is in as many goes as it was
   changed. */
static ctr_code ctr__run_update_plan(const ctr_plan *plan, ctr_err *err) {
  ctr_process about = {.plan = plan, .pid = -1, .pidfd = -1, .attachment = {.start_sock = -1}};
  ctr__start s = ctr__start_of(&about, err);
  const uint32_t first = ctr__first_limit(plan), count = ctr__limits_at(plan, first);
  const ctr__setting *all = ctr__settings_of(plan, first, count, &s.arena);
  uint32_t saved = 0, failed;
  const ctr__setting *now = all ? ctr__settings_now(all, count, &s.arena, &saved) : NULL;
  ctr_code code = now ? CTR_OK : ctr__nomem(err);
  for (uint32_t i = 0; i < plan->step_count && !code; i++) code = ctr__parent_do(&s, &i);
  if (code && now && ctr__settings_write(now, saved, &s.arena, &failed) < 0 && err)
    ctr__err_add(err, "; and what was changed before could not be put back");
  ctr_arena_free(&s.arena);
  return code;
}
