/* What happens to a container, one JSON object a line, as engines read it (opencontainers/runc
   types/events.go). */

/* -- durations as Go writes them: "5s", "500ms", "1h2m3.5s" -- */

static const struct {
  const char *name;
  uint64_t ns;
} duration_units[] = {{"ns", 1},
                      {"us", 1000},
                      {"\xc2\xb5s", 1000}, /* the micro sign, and the Greek letter */
                      {"\xce\xbcs", 1000},
                      {"ms", 1000000},
                      {"s", 1000000000},
                      {"m", UINT64_C(60) * 1000000000},
                      {"h", UINT64_C(3600) * 1000000000}};

/* The unit that ends where a number begins or the text does; 0: none. */
static uint64_t duration_unit(const char *text, size_t len) {
  for (size_t i = 0; i < sizeof duration_units / sizeof *duration_units; i++)
    if (strlen(duration_units[i].name) == len && !strncmp(duration_units[i].name, text, len))
      return duration_units[i].ns;
  return 0;
}

/* "12", "12.5", ".5" of a unit, in nanoseconds; false when it does not fit. */
static bool duration_part(const char *number, size_t len, uint64_t unit, uint64_t *ret) {
  uint64_t whole = 0, part = 0, scale = unit;
  bool point = false;
  for (size_t i = 0; i < len; i++) {
    const uint64_t digit = (uint64_t)(number[i] - '0');
    if (number[i] == '.') {
      if (point) return false;
      point = true;
    } else if (point) {
      scale /= 10;
      part += digit * scale;
    } else {
      if (whole > (INT64_MAX - digit) / 10) return false;
      whole = whole * 10 + digit;
    }
  }
  if (!unit || len == point || whole > (INT64_MAX - part) / unit) return false;
  *ret = whole * unit + part;
  return true;
}

/* Nanoseconds, more than 0. */
static bool parse_duration(const char *text, uint64_t *ret) {
  uint64_t total = 0;
  while (*text) {
    uint64_t part;
    size_t digits = strspn(text, "0123456789."), unit = strcspn(text + digits, "0123456789.");
    if (!digits || !duration_part(text, digits, duration_unit(text + digits, unit), &part) ||
        total > INT64_MAX - part)
      return false;
    total += part;
    text += digits + unit;
  }
  *ret = total;
  return total > 0;
}

/* -- lines -- */

/* Returns 0, or 1 after a message. data may be NULL. Whoever reads it waits for it now. */
static int print_event(options *o, ctr_arena *mem, const char *type, ctr_json *data) {
  ctr_json *event = ctr_json_new(mem, CTR_JSON_OBJECT);
  bool ok = ctr_json_add(mem, event, "type", ctr_json_new_string(mem, type)) &&
            ctr_json_add(mem, event, "id", ctr_json_new_string(mem, o->id)) &&
            (!data || ctr_json_add(mem, event, "data", data));
  if (!ok) return fail(o, "out of memory");
  if (print_json(o, event, CTR_JSON_COMPACT)) return 1;
  return fflush(stdout) ? fail_errno(o, "write to", "stdout") : 0;
}

/* ret_over, when not NULL, is set instead of a message when the container has stopped. */
static int print_stats(options *o, ctr_container *container, bool *ret_over) {
  ctr_arena mem = {0};
  ctr_stats stats;
  ctr_json *json = NULL;
  ctr_err err;
  int result = 0;
  ctr_code code = ctr_container_stats(container, &mem, &stats, &err);
  if (!code) code = ctr_stats_to_json(&mem, &stats, &json, &err);
  if (ret_over) *ret_over = code == CTR_E_STATE;
  if (!code)
    result = print_event(o, &mem, "stats", json);
  else if (code != CTR_E_STATE || !ret_over)
    result = fail_err(o, &err);
  ctr_arena_free(&mem);
  return result;
}

static int print_ooms(options *o, ctr_watch *watch, bool *ret_over) {
  ctr_arena mem = {0};
  ctr_watch_report report;
  ctr_err err;
  if (ctr_watch_read(watch, &report, &err)) return fail_err(o, &err);
  *ret_over = report.over;
  int result = report.ooms ? print_event(o, &mem, "oom", NULL) : 0;
  ctr_arena_free(&mem);
  return result;
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Until the container stops. watch: NULL where nobody tells of lacking memory. */
static int follow(options *o, ctr_container *container, ctr_watch *watch, uint64_t interval) {
  struct pollfd fds[2] = {{.events = POLLIN}, {.fd = -1, .events = POLLIN}};
  uint64_t next = now_ns() + interval;
  bool over = false;
  fds[0].fd = ctr_process_pidfd(ctr_container_process(container));
  if (watch) fds[1].fd = ctr_watch_fd(watch);
  while (!over && !fds[0].revents) {
    const uint64_t now = now_ns(), left = next > now ? next - now : 0;
    const struct timespec timeout = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
    const int ready = ppoll(fds, 2, &timeout, NULL);
    if (ready < 0 && errno != EINTR) return fail_errno(o, "wait for", "events");
    if (watch && ready > 0 && print_ooms(o, watch, &over)) return 1;
    if (ready != 0 || over) continue;
    if (print_stats(o, container, &over)) return 1;
    next = now_ns() + interval;
  }
  return 0;
}

static int follow_events(options *o, ctr_container *container, uint64_t interval) {
  const ctr_watch_desc desc = {.kind = CTR_WATCH_OOM};
  ctr_watch *watch = NULL;
  ctr_err err;
  ctr_code code = ctr_container_watch(container, &desc, &watch, &err);
  if (code == CTR_E_UNSUPPORTED)
    on_log(o, CTR_LOG_WARNING, o->id, err.msg);
  else if (code)
    return fail_err(o, &err);
  int result = follow(o, container, watch, interval);
  ctr_watch_free(watch);
  return result;
}

static int events_command(options *o) {
  ctr_state state;
  ctr_err err;
  uint64_t interval;
  int result = 1;
  if (!parse_duration(o->interval ? o->interval : "5s", &interval))
    return fail(o, "--interval: '%s' is not a duration like 5s or 500ms", o->interval);
  ctr_container *container = open_container(o);
  if (!container) return 1;
  if (ctr_container_state(container, &state, &err))
    fail_err(o, &err);
  else if (state.status == CTR_STATUS_STOPPED)
    fail(o, "container with id %s is not running", o->id);
  else
    result = o->stats ? print_stats(o, container, NULL) : follow_events(o, container, interval);
  ctr_container_free(container);
  return result;
}
