/* A plan, or one step of it, as text. */

static const struct ctr__step_info {
  const char *text, *man;
} ctr__step_infos[] = {
#define CTR__STEP_INFO(kind, text, man) [CTR__STEP_##kind] = {text, man},
    CTR__STEPS(CTR__STEP_INFO)
#undef CTR__STEP_INFO
};

static const char *const ctr__lane_names[] = {[CTR__LANE_PARENT] = "parent",
                                              [CTR__LANE_STAGE] = "stage",
                                              [CTR__LANE_CHILD] = "child",
                                              [CTR__LANE_BOTH] = "both"};

/* Text of bounded length; what does not fit is cut. */
typedef struct ctr__text {
  char buf[1024];
  size_t len;
} ctr__text;

__attribute__((format(printf, 2, 3))) static void ctr__text_add(ctr__text *t, const char *format,
                                                                ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(t->buf + t->len, sizeof t->buf - t->len, format, args);
  va_end(args);
  size_t left = sizeof t->buf - 1 - t->len;
  t->len += n < 0 ? 0 : (size_t)n > left ? left : (size_t)n;
}

/* The names of the bits of value, "none" without any. A name stands for a mask or a bit's
   number. */
static void ctr__text_bits(ctr__text *t, const ctr__names *names, bool numbers, uint64_t value) {
  const char *separator = "";
  for (size_t i = 0; i < names->count; i++) {
    uint64_t mask = (uint64_t)names->items[i].value;
    if (!((numbers ? UINT64_C(1) << mask : mask) & value)) continue;
    ctr__text_add(t, "%s%s", separator, names->items[i].name);
    separator = ",";
  }
  if (!*separator) ctr__text_add(t, "none");
}

/* Attributes, or flags of a file system, by the names of the mount options that set them. */
static void ctr__text_options(ctr__text *t, bool attributes, uint64_t bits) {
  const char *separator = "";
  for (size_t i = 0; i < sizeof ctr__mount_options / sizeof *ctr__mount_options; i++) {
    const struct ctr__mount_option *option = &ctr__mount_options[i];
    bool meant = attributes ? option->kind == CTR__OPT_ATTR
                            : option->kind == CTR__OPT_SUPER || option->kind == CTR__OPT_SUPER_OLD;
    if (!meant || !option->set || (bits & option->set) != option->set) continue;
    ctr__text_add(t, "%s%s", separator, option->name);
    separator = ",";
  }
  if (!*separator) ctr__text_add(t, "none");
}

/* What is taken away, if anything, by the names of the options that set it. The field of access
   times is always cleared before it is set. */
static void ctr__text_lifted(ctr__text *t, uint64_t set, uint64_t clr) {
  if ((clr & CTR__ATTR_ATIME) && !(set & CTR__ATTR_ATIME)) ctr__text_add(t, ", relatime");
  clr &= ~(set | CTR__ATTR_ATIME);
  if (!clr) return;
  ctr__text_add(t, " without ");
  ctr__text_options(t, true, clr);
}

static void ctr__text_propagation(ctr__text *t, uint64_t type) {
  for (size_t i = 0; i < sizeof ctr__mount_options / sizeof *ctr__mount_options; i++) {
    const struct ctr__mount_option *option = &ctr__mount_options[i];
    if (option->kind == CTR__OPT_PROPAGATION &&
        type == (option->set | (option->recursive ? (uint64_t)MS_REC : 0)))
      ctr__text_add(t, "%s", option->name);
  }
}

/* The propagation of a bind mount, unless it is what nobody asked for. */
static void ctr__text_unusual_propagation(ctr__text *t, uint64_t type) {
  if (type == (MS_PRIVATE | MS_REC)) return;
  ctr__text_add(t, "; ");
  ctr__text_propagation(t, type);
}

static void ctr__text_below(ctr__text *t, uint64_t set, uint64_t clr) {
  if (!set && !clr) return;
  ctr__text_add(t, "; all below: set ");
  ctr__text_options(t, true, set);
  ctr__text_add(t, ", clear ");
  ctr__text_options(t, true, clr);
}

static void ctr__text_ids(ctr__text *t, uint64_t map, uint64_t source) {
  if (map && (source & CTR__IDMAP_JOINED))
    ctr__text_add(t, "; ids as in the joined user namespace");
  else if (map)
    ctr__text_add(t, "; ids by map %llu", (unsigned long long)map);
  if (map && (source & CTR__IDMAP_BELOW)) ctr__text_add(t, ", also below");
}

static void ctr__text_owner(ctr__text *t, uint64_t uid, uint64_t gid) {
  if (uid || gid)
    ctr__text_add(t, ", owner %llu:%llu", (unsigned long long)uid, (unsigned long long)gid);
}

/* Where the library's directories have another mode than usual. */
static void ctr__text_unusual_mode(ctr__text *t, uint64_t mode) {
  if (mode != 0755) ctr__text_add(t, ", mode %04llo", (unsigned long long)mode);
}

static void ctr__text_until_restricted(ctr__text *t, uint64_t caps) {
  if (!caps) return;
  ctr__text_add(t, "; until it is restricted also ");
  ctr__text_bits(t, &ctr__capability_names, true, caps);
}

static void ctr__text_filter_flags(ctr__text *t, uint64_t flags) {
  const uint64_t told = flags & ~(uint64_t)(CTR__SECCOMP_NEW_LISTENER | CTR__SECCOMP_TSYNC_ESRCH);
  if (!told) return;
  ctr__text_add(t, " (");
  ctr__text_bits(t, &ctr__seccomp_flags, false, told);
  ctr__text_add(t, ")");
}

static void ctr__text_preset(ctr__text *t, const char *preset, uint64_t caps) {
  if (!preset) return;
  ctr__text_add(t, ", the preset %s", preset);
  if (!caps) return;
  ctr__text_add(t, " with what is for ");
  ctr__text_bits(t, &ctr__capability_names, true, caps);
}

static void ctr__text_landlock(ctr__text *t, enum ctr__landlock_kind kind, uint64_t bits) {
  static const char *const kinds[] = {"files", "TCP", "scopes"};
  const char *separator = "";
  if (bits) ctr__text_add(t, "; %s ", kinds[kind]);
  for (size_t i = 0; i < CTR__LANDLOCK_ROWS; i++) {
    const struct ctr__landlock_right *right = &ctr__landlock_rights[i];
    if (right->kind != kind || !right->abi || !(bits & right->bits)) continue;
    ctr__text_add(t, "%s%s", separator, right->name);
    separator = ",";
  }
}

static void ctr__text_limit(ctr__text *t, uint64_t value) {
  if (value == UINT64_MAX)
    ctr__text_add(t, "unlimited");
  else
    ctr__text_add(t, "%llu", (unsigned long long)value);
}

static const char *const ctr__limit_rules[] = {
    [CTR__LIMIT_ALWAYS] = "",
    [CTR__LIMIT_IF_THERE] = ", if it is there",
    [CTR__LIMIT_ELSE] = ", if the one before is not there",
    [CTR__LIMIT_IF_FREE] = ", unless more is in use",
};

static void ctr__text_size(ctr__text *t, uint64_t rows, uint64_t columns) {
  if (rows || columns)
    ctr__text_add(t, " of %llu rows and %llu columns", (unsigned long long)rows,
                  (unsigned long long)columns);
}

static void ctr__text_if_any(ctr__text *t, const char *before, const char *text) {
  if (text && *text) ctr__text_add(t, "%s%s", before, text);
}

static void ctr__text_timeout(ctr__text *t, uint64_t seconds) {
  if (seconds) ctr__text_add(t, ", %llu seconds at most", (unsigned long long)seconds);
}

/* A list of strings; of numbers, where the step is about groups. */
static void ctr__text_list(ctr__text *t, const ctr_plan *plan, const ctr__step *step, int i) {
  for (uint32_t n = 0; n < ctr__list_count(plan, step->str[i]); n++) {
    ctr__text_add(t, "%s", n ? "," : "");
    if (step->kind == CTR__STEP_USER)
      ctr__text_add(t, "%u", ctr__list_items(plan, step->str[i])[n]);
    else
      ctr__text_add(t, "%s", ctr__list_str(plan, step->str[i], n));
  }
}

/* One placeholder of a step's text: its letter says how, its digit which string or number. */
static void ctr__text_placeholder(ctr__text *t, const ctr_plan *plan, const ctr__step *step,
                                  char letter, int i) {
  unsigned long long num = step->num[i];
  const char *str = i < CTR__STEP_STRS ? ctr__plan_str(plan, step->str[i]) : NULL;
  switch (letter) {
  case 's': ctr__text_add(t, "%s", str ? str : ""); break;
  case 'l': ctr__text_list(t, plan, step, i); break;
  case 'u': ctr__text_add(t, "%llu", num); break;
  case 'o': ctr__text_add(t, "%04llo", num & 07777); break;
  case 'N': ctr__text_bits(t, &ctr__namespace_names, false, num); break;
  case 'f': ctr__text_filter_flags(t, num); break;
  case 'H': ctr__text_preset(t, str, num); break;
  case 'a': ctr__text_landlock(t, CTR__LANDLOCK_FS, num); break;
  case 'n': ctr__text_landlock(t, CTR__LANDLOCK_NET, num); break;
  case 'c': ctr__text_landlock(t, CTR__LANDLOCK_SCOPE, num); break;
  case 'X': ctr__text_until_restricted(t, num); break;
  case 'C': ctr__text_bits(t, &ctr__capability_names, true, num); break;
  case 'A': ctr__text_options(t, true, num); break;
  case 'F': ctr__text_options(t, false, num); break;
  case 'L': ctr__text_lifted(t, step->num[i - 1], num); break;
  case 'b': ctr__text_add(t, num ? "rbind" : "bind"); break;
  case 'P': ctr__text_propagation(t, num); break;
  case 'p': ctr__text_unusual_propagation(t, num); break;
  case 'r': ctr__text_below(t, num, step->num[i + 1]); break;
  case 'Y': ctr__text_ids(t, num, step->num[i + 1]); break;
  case 'O': ctr__text_owner(t, num, step->num[i + 1]); break;
  case 'm': ctr__text_unusual_mode(t, num); break;
  case 'U': ctr__text_add(t, "%s", num ? "; changes go to a new tmpfs" : ""); break;
  case 'q':
    ctr__text_add(t, "%s", num == CTR__AS_ROOT_BELOW_READ_ONLY ? "; all below: read-only" : "");
    break;
  case 'T': ctr__text_add(t, "%c", S_ISBLK(num) ? 'b' : S_ISFIFO(num) ? 'p' : 'c'); break;
  case 'D': ctr__text_add(t, "%u:%u", major((dev_t)num), minor((dev_t)num)); break;
  case 'R': ctr__text_add(t, "%s", ctr__name_of(&ctr__rlimit_names, (int64_t)num + 1)); break;
  case 'B': ctr__text_limit(t, num); break;
  case 'M': ctr__text_add(t, "%s", ctr__exchanges[num].name); break;
  case 'Z': ctr__text_size(t, num, step->num[i + 1]); break;
  case 'K': ctr__text_add(t, "%s", num ? ", also as /dev/console" : ""); break;
  case 'W': ctr__text_timeout(t, num); break;
  case 'S': ctr__text_add(t, "%s", num ? ", under the program's seccomp filters" : ""); break;
  case 'V': ctr__text_add(t, num ? "all but" : "none but"); break;
  case 'E': ctr__text_add(t, "%s", ctr__limit_rules[num]); break;
  case 'G': ctr__text_if_any(t, ", with ", str); break;
  case 'I': ctr__text_if_any(t, ", in the cgroup ", str); break;
  default: break;
  }
}

/* What a step does, with its arguments: "mount tmpfs on /dev (mode=755; nosuid)". */
static void ctr__text_step(ctr__text *t, const ctr_plan *plan, const ctr__step *step) {
  for (const char *at = ctr__step_infos[step->kind].text; *at; at++) {
    if (*at != '%') {
      ctr__text_add(t, "%c", *at);
      continue;
    }
    ctr__text_placeholder(t, plan, step, at[1], at[2] - '0');
    at += 2;
  }
  for (char *c = t->buf; *c; c++)
    if ((unsigned char)*c < ' ') *c = ' '; /* such as the ends of lines in a map */
}

/* One line, whatever strings of the config are in it, and cut where it is too long. */
static void ctr__text_end_line(ctr__text *t) {
  ctr__one_line(t->buf);
  t->len -= t->len == sizeof t->buf - 1;
  t->buf[t->len++] = '\n';
}

ctr_code ctr_plan_explain(const ctr_plan *plan, ctr_sink sink, void *userdata, ctr_err *err) {
  ctr__err_clear(err);
  if (!plan || !sink) return ctr__fail(err, CTR_E_ARG, 0, NULL, "plan and sink are needed");
  for (uint32_t i = 0; i < plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    const char *field = ctr__plan_str(plan, step->field);
    ctr__text line = {.len = 0}, what = {.len = 0};
    ctr__text_step(&what, plan, step);
    ctr__text_add(&line, "%3u  %-6s  %s", i, ctr__lane_names[step->lane], what.buf);
    if (field) ctr__text_add(&line, "  <- %s", field);
    ctr__text_add(&line, "  [%s]", ctr__step_infos[step->kind].man);
    ctr__text_end_line(&line);
    if (sink(userdata, line.buf, line.len))
      return ctr__fail(err, CTR_E_SYS, ECANCELED, NULL, "the sink stopped");
  }
  return CTR_OK;
}

ctr_code ctr_rights_explain(ctr_sink sink, void *userdata, ctr_err *err) {
  ctr_config nothing = {0};
  ctr__facts facts;
  ctr__err_clear(err);
  if (!sink) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a sink is needed");
  ctr_code code = ctr__gather_facts(&nothing, 0, &facts, err);
  if (code) return code;
  code = ctr__gather_all_ids(&facts, err);
  if (code) return code;
  for (size_t i = 0; i < CTR__RIGHT_COUNT; i++) {
    const struct ctr__right_row *row = &ctr__rights[i];
    ctr__text line = {.len = 0};
    ctr__text_add(&line, "%-7s %s: takes %s; instead %s",
                  !row->has          ? "depends"
                  : row->has(&facts) ? "yes"
                                     : "no",
                  row->asked, row->needs, row->instead);
    ctr__text_end_line(&line);
    if (sink(userdata, line.buf, line.len))
      return ctr__fail(err, CTR_E_SYS, ECANCELED, NULL, "the sink stopped");
  }
  return CTR_OK;
}

/* -- presets -- */

static const char *const ctr__preset_words[] = {[CTR__IN_NONE] = "no",
                                                [CTR__IN_DEFAULT] = "default",
                                                [CTR__IN_STRICT] = "strict",
                                                [CTR__IN_BOTH] = "both"};

static void ctr__text_refusal(ctr__text *t, uint32_t answer) {
  ctr__text_add(t, "; else %s", ctr__name_of(&ctr__refusal_names, answer & ~CTR__SECCOMP_ACTION));
}

/* Where rules name what is refused, and not what is allowed, they say how. */
static uint32_t ctr__guard_refusal(const ctr__call_guard *guard) {
  return guard->otherwise == CTR__SECCOMP_ALLOW ? guard->rules[0].answer : guard->otherwise;
}

static int ctr__explain_group(size_t index, ctr_sink sink, void *userdata) {
  const ctr__call_group *group = &ctr__call_groups[index];
  ctr__text line = {.len = 0};
  ctr__text_add(&line, "%-7s  %s: %s", ctr__preset_words[group->presets], group->name, group->why);
  if (group->caps) ctr__text_add(&line, "; default with ");
  if (group->caps) ctr__text_bits(&line, &ctr__capability_names, true, group->caps);
  if (group->presets != CTR__IN_BOTH) ctr__text_refusal(&line, group->refusal);
  ctr__text_add(&line, ":");
  for (int row = 0; row < CTR__SYSCALL_ROWS; row++)
    if (ctr__syscall_rows[row].group == index)
      ctr__text_add(&line, " %s", ctr__syscall_rows[row].name);
  ctr__text_end_line(&line);
  return sink(userdata, line.buf, line.len);
}

static int ctr__explain_guard(const ctr__call_guard *guard, ctr_sink sink, void *userdata) {
  ctr__text line = {.len = 0};
  ctr__text_add(&line, "%-7s  of %s(2): %s", ctr__preset_words[guard->presets], guard->call,
                guard->why);
  if (guard->caps) ctr__text_add(&line, "; all with ");
  if (guard->caps) ctr__text_bits(&line, &ctr__capability_names, true, guard->caps);
  ctr__text_refusal(&line, ctr__guard_refusal(guard));
  ctr__text_end_line(&line);
  return sink(userdata, line.buf, line.len);
}

ctr_code ctr_seccomp_explain(ctr_sink sink, void *userdata, ctr_err *err) {
  int stopped = 0;
  ctr__err_clear(err);
  if (!sink) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a sink is needed");
  for (size_t i = 0; i < CTR__CALL_GROUP_COUNT && !stopped; i++)
    stopped = ctr__explain_group(i, sink, userdata);
  for (size_t i = 0; i < CTR__CALL_GUARDS && !stopped; i++)
    stopped = ctr__explain_guard(&ctr__call_guards[i], sink, userdata);
  return stopped ? ctr__fail(err, CTR_E_SYS, ECANCELED, NULL, "the sink stopped") : CTR_OK;
}
