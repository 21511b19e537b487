/* Writing limits: the LIMIT steps of a plan. */

/* How many stand together from there on. */
static uint32_t ctr__limits_at(const ctr_plan *plan, uint32_t first) {
  uint32_t count = 0;
  while (first + count < plan->step_count &&
         ctr__plan_step(plan, first + count)->kind == CTR__STEP_LIMIT)
    count++;
  return count;
}

/* One of them, and the file of the one before it. */
typedef struct ctr__setting {
  const char *path, *file, *value, *before;
  enum ctr__limit_rule rule;
} ctr__setting;

/* Those of a plan, in the arena; NULL when there is no memory. */
static ctr__setting *ctr__settings_of(const ctr_plan *plan, uint32_t first, uint32_t count,
                                      ctr_arena *mem) {
  ctr__setting *all = ctr__arena_array(mem, (size_t)count + 1, sizeof *all);
  for (uint32_t i = 0; all && i < count; i++) {
    const ctr__step *step = ctr__plan_step(plan, first + i);
    all[i] = (ctr__setting){.path = ctr__plan_str(plan, step->str[0]),
                            .file = ctr__plan_str(plan, step->str[1]),
                            .value = ctr__plan_str(plan, step->str[2]),
                            .before = i ? all[i - 1].file : NULL,
                            .rule = (enum ctr__limit_rule)step->num[0]};
  }
  return all;
}

/* -EBUSY when more memory is in use than a limit would leave (cgroup-v2.rst, memory.current); what
   cannot be read is no reason to go on. */
static int ctr__check_unused(int dir, const char *limit) {
  char used[32];
  int r = ctr__cgroup_read(dir, "memory.current", used, sizeof used);
  if (r < 0) return r;
  return strtoull(used, NULL, 10) > strtoull(limit, NULL, 10) ? -EBUSY : 0;
}

static int ctr__setting_write(const ctr__setting *setting) {
  CTR__AUTO_CLOSE dir = ctr__cgroup_open_path(setting->path);
  if (dir < 0) return dir;
  if (setting->rule == CTR__LIMIT_ELSE && faccessat(dir, setting->before, F_OK, 0) == 0) return 0;
  int r = setting->rule == CTR__LIMIT_IF_FREE ? ctr__check_unused(dir, setting->value) : 0;
  if (r < 0) return r;
  /* An empty value is a line all the same: a write of nothing is none. */
  const char *text = *setting->value ? setting->value : "\n";
  r = ctr__cgroup_write(dir, setting->file, text, strlen(text));
  return r == -ENOENT && setting->rule == CTR__LIMIT_IF_THERE ? 0 : r;
}

/* Writes count of them. One may be in the way of another (memory and swap, quota and period; raised
   in one order, lowered in the other): what is refused is tried again when others are there, as
   long as that helps. */
static int ctr__settings_write(const ctr__setting *all, uint32_t count, ctr_arena *mem,
                               uint32_t *ret_failed) {
  bool *done = ctr__arena_array(mem, (size_t)count + 1, sizeof *done);
  uint32_t left = count, before;
  int failure;
  if (!done) return -ENOMEM;
  do {
    failure = 0;
    before = left;
    for (uint32_t i = 0; i < count; i++) {
      if (done[i]) continue;
      int r = ctr__setting_write(&all[i]);
      done[i] = r == 0;
      left -= done[i];
      if (r == 0 || failure) continue;
      failure = r;
      *ret_failed = i;
      if (r != -EINVAL && r != -EBUSY) return r;
    }
  } while (left && left < before);
  return failure;
}

/* -- as it was -- */

/* Files with a line for each device or interface, and what makes a line go away. */
static const struct ctr__keyed_file {
  const char *start, *none;
} ctr__keyed_files[] = {
    {"io.max", "rbps=max wbps=max riops=max wiops=max"},
    {"io.weight", "default"},
    {"io.bfq.weight", "default"},
    {"io.latency", "target=0"},
    {"misc.max", "max"},
    {"dmem.", "max"},
    {"rdma.max", "hca_handle=max hca_object=max"},
    {"net_prio.ifpriomap", "0"},
    {"blkio.bfq.", "default"},
    {"blkio.", "0"},
};

static const struct ctr__keyed_file *ctr__keyed_file_of(const ctr__setting *setting) {
  for (size_t i = 0; i < sizeof ctr__keyed_files / sizeof *ctr__keyed_files; i++)
    if (!strncmp(setting->file, ctr__keyed_files[i].start, strlen(ctr__keyed_files[i].start)) &&
        strchr(setting->value, ' '))
      return &ctr__keyed_files[i];
  return NULL;
}

/* The line of a text that starts with the same word as value, as a string; NULL without one. */
static char *ctr__line_with_key(char *text, const char *value) {
  const size_t len = strcspn(value, " ");
  for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    if (strncmp(line, value, len) != 0 || line[len] != ' ') continue;
    line[strcspn(line, "\n")] = '\0';
    return line;
  }
  return NULL;
}

/* What a file had where a setting would change it, as a value to be written to it. */
static const char *ctr__value_before(const ctr__setting *setting, char *text, ctr_arena *mem) {
  const struct ctr__keyed_file *keyed = ctr__keyed_file_of(setting);
  char *found = keyed ? ctr__line_with_key(text, setting->value) : NULL;
  if (found) return found;
  if (keyed) {
    const size_t len = strcspn(setting->value, " ");
    char *none = ctr_arena_alloc(mem, len + strlen(keyed->none) + 2);
    if (!none) return NULL;
    memcpy(none, setting->value, len);
    ctr__put_str(ctr__put_str(none + len, " "), keyed->none);
    return none;
  }
  text[strcspn(text, "\n")] = '\0';
  return strncmp(text, "oom_kill_disable ", 17) ? text : text + 17;
}

/* The value that would undo a setting, in the arena; NULL where there is no such file. Returns 0 or
   -errno. */
static int ctr__setting_now(const ctr__setting *setting, ctr_arena *mem, const char **ret) {
  char *text = ctr_arena_alloc(mem, CTR__CPU_LIST_MAX);
  CTR__AUTO_CLOSE dir = ctr__cgroup_open_path(setting->path);
  *ret = NULL;
  if (!text || dir < 0) return text ? dir : -ENOMEM;
  int r = ctr__cgroup_read(dir, setting->file, text, CTR__CPU_LIST_MAX);
  if (r == -ENOENT) return 0;
  if (r >= 0) *ret = ctr__value_before(setting, text, mem);
  return r < 0 ? r : *ret ? 0 : -ENOMEM;
}

/* Those of a list, with what the files have now: put back they would undo it. */
static int ctr__settings_now(const ctr__setting *all, uint32_t count, ctr_arena *mem,
                             ctr__setting **ret) {
  int r = 0;
  *ret = ctr__arena_array(mem, (size_t)count + 1, sizeof **ret);
  if (!*ret) return -ENOMEM;
  for (uint32_t i = 0; i < count && r == 0; i++) {
    (*ret)[i] = (ctr__setting){.path = all[i].path, .file = all[i].file};
    r = ctr__setting_now(&all[i], mem, &(*ret)[i].value);
  }
  return r;
}

/* Puts back what differs, as often as that helps. false when something still differs: all says what
   was tried, before what there was. */
static bool ctr__settings_restore(const ctr__setting *all, const ctr__setting *before,
                                  uint32_t count, ctr_arena *mem) {
  uint32_t left = count, last;
  do {
    last = left;
    left = 0;
    for (uint32_t i = 0; i < count; i++) {
      const char *now = NULL;
      if (!before[i].value) continue;
      bool same = ctr__setting_now(&all[i], mem, &now) == 0 && now && !strcmp(now, before[i].value);
      left += !same && ctr__setting_write(&before[i]) < 0;
    }
  } while (left && left < last);
  return !left;
}
