/* Writing limits: the LIMIT steps of a plan. */

/* How many stand together from there on. */
static uint32_t ctr__limits_at(const ctr_plan *plan, uint32_t first) {
  uint32_t count = 0;
  while (first + count < plan->step_count &&
         ctr__plan_step(plan, first + count)->kind == CTR__STEP_LIMIT)
    count++;
  return count;
}

/* One of them, and the one before it. */
typedef struct ctr__limit_at {
  const char *path, *file, *value, *before;
  enum ctr__limit_rule rule;
} ctr__limit_at;

static ctr__limit_at ctr__limit_of(const ctr_plan *plan, uint32_t index) {
  const ctr__step *step = ctr__plan_step(plan, index);
  return (ctr__limit_at){
      .path = ctr__plan_str(plan, step->str[0]),
      .file = ctr__plan_str(plan, step->str[1]),
      .value = ctr__plan_str(plan, step->str[2]),
      .before = index ? ctr__plan_str(plan, ctr__plan_step(plan, index - 1)->str[1]) : NULL,
      .rule = (enum ctr__limit_rule)step->num[0]};
}

/* Whether more memory is in use than a limit would leave (cgroup-v2.rst, memory.current). */
static bool ctr__is_in_use(int dir, const char *limit) {
  char used[32];
  return ctr__cgroup_read(dir, "memory.current", used, sizeof used) > 0 &&
         strtoull(used, NULL, 10) > strtoull(limit, NULL, 10);
}

static int ctr__limit_write(int dir, const ctr__limit_at *limit) {
  if (limit->rule == CTR__LIMIT_ELSE && faccessat(dir, limit->before, F_OK, 0) == 0) return 0;
  if (limit->rule == CTR__LIMIT_IF_FREE && ctr__is_in_use(dir, limit->value)) return -EBUSY;
  /* An empty value is a line all the same: a write of nothing is none. */
  const char *text = *limit->value ? limit->value : "\n";
  int r = ctr__cgroup_write(dir, limit->file, text, strlen(text));
  return r == -ENOENT && limit->rule == CTR__LIMIT_IF_THERE ? 0 : r < 0 ? r : 0;
}

/* Writes count of them. One may be in the way of another (memory and swap, quota and period; raised
   in one order, lowered in the other): what is refused is tried again when others are there, as
   long as that helps. */
static int ctr__limits_write(const ctr_plan *plan, uint32_t first, uint32_t count, ctr_arena *mem,
                             uint32_t *ret_failed) {
  bool *done = ctr__arena_array(mem, count, sizeof *done);
  uint32_t left = count, before;
  int failure;
  if (!done) return -ENOMEM;
  do {
    failure = 0;
    before = left;
    for (uint32_t i = 0; i < count; i++) {
      if (done[i]) continue;
      const ctr__limit_at limit = ctr__limit_of(plan, first + i);
      CTR__AUTO_CLOSE dir = ctr__cgroup_open_path(limit.path);
      int r = dir < 0 ? dir : ctr__limit_write(dir, &limit);
      left -= done[i] = r == 0;
      if (r < 0 && !failure) {
        failure = r;
        *ret_failed = first + i;
      }
      if (r < 0 && r != -EINVAL && r != -EBUSY) return *ret_failed = first + i, r;
    }
  } while (left && left < before);
  return failure;
}
