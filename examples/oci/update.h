/* update: new limits for a container that is there. */

typedef enum limit_kind {
  LIMIT_SIZE,   /* bytes, with a suffix or -1 */
  LIMIT_SIGNED, /* ctr_int  */
  LIMIT_COUNT,  /* ctr_uint */
  LIMIT_LIST,   /* const char * */
} limit_kind;

#define LIMIT(option, member, field, kind)                                                         \
  { option, offsetof(options, limits.member), offsetof(ctr_resources, field), LIMIT_##kind }

static const struct limit_row {
  const char *option;
  size_t from, to; /* in options, in ctr_resources */
  limit_kind kind;
} limit_rows[] = {
    LIMIT("blkio-weight", blkio_weight, blockIO.weight, COUNT),
    LIMIT("cpu-burst", cpu_burst, cpu.burst, COUNT),
    LIMIT("cpu-idle", cpu_idle, cpu.idle, SIGNED),
    LIMIT("cpu-period", cpu_period, cpu.period, COUNT),
    LIMIT("cpu-quota", cpu_quota, cpu.quota, SIGNED),
    LIMIT("cpu-rt-period", cpu_rt_period, cpu.realtimePeriod, COUNT),
    LIMIT("cpu-rt-runtime", cpu_rt_runtime, cpu.realtimeRuntime, SIGNED),
    LIMIT("cpu-share", cpu_share, cpu.shares, COUNT),
    LIMIT("cpuset-cpus", cpuset_cpus, cpu.cpus, LIST),
    LIMIT("cpuset-mems", cpuset_mems, cpu.mems, LIST),
    LIMIT("kernel-memory", kernel_memory, memory.kernel, SIZE),
    LIMIT("kernel-memory-tcp", kernel_memory_tcp, memory.kernelTCP, SIZE),
    LIMIT("memory", memory, memory.limit, SIZE),
    LIMIT("memory-reservation", memory_reservation, memory.reservation, SIZE),
    LIMIT("memory-swap", memory_swap, memory.swap, SIZE),
    LIMIT("pids-limit", pids_limit, pids.limit, SIGNED),
};
#undef LIMIT

static bool parse_signed(const char *text, int64_t *ret) {
  uint64_t value;
  const bool negative = *text == '-';
  if (!parse_number(text + negative, INT64_MAX, &value)) return false;
  *ret = negative ? -(int64_t)value : (int64_t)value;
  return true;
}

/* "512", "64k", "16M", "1G", in units of 1024; -1: no limit. */
static bool parse_size(const char *text, int64_t *ret) {
  static const char units[] = "bkmgt";
  const size_t len = strlen(text);
  const char *unit = len ? strchr(units, tolower((unsigned char)text[len - 1])) : NULL;
  char digits[32];
  if (!unit || !*unit) return parse_signed(text, ret);
  if (len > sizeof digits) return false;
  snprintf(digits, sizeof digits, "%.*s", (int)len - 1, text);
  const int shift = 10 * (int)(unit - units);
  if (!parse_signed(digits, ret) || *ret < 0 || *ret > INT64_MAX >> shift) return false;
  *ret <<= shift;
  return true;
}

static bool parse_limit(const struct limit_row *row, const char *text, void *to) {
  ctr_int *number = to;
  ctr_uint *count = to;
  if (row->kind == LIMIT_LIST) return memcpy(to, &text, sizeof text), true;
  if (row->kind == LIMIT_COUNT) return count->set = parse_number(text, UINT64_MAX, &count->value);
  number->set = row->kind == LIMIT_SIZE ? parse_size(text, &number->value)
                                        : parse_signed(text, &number->value);
  return number->set;
}

/* All of standard input; NULL after a message. */
static char *read_input(options *o, size_t *ret_len) {
  size_t len = 0, room = 65536;
  char *text = take(o, room);
  for (size_t n; (n = fread(text + len, 1, room - len, stdin)) > 0;) {
    len += n;
    if (len < room) continue;
    if (room > 64 << 20) return fail(o, "standard input is larger than 64 MiB"), NULL;
    char *more = take(o, room *= 2);
    text = memcpy(more, text, len);
  }
  if (ferror(stdin)) return fail_errno(o, "read", "standard input"), NULL;
  *ret_len = len;
  return text;
}

/* Those of --resources, or none. NULL after a message. */
static ctr_resources *read_resources(options *o) {
  ctr_resources *resources = take(o, sizeof *resources);
  size_t len;
  ctr_err err;
  if (!o->limits.resources) return resources;
  const bool input = !strcmp(o->limits.resources, "-");
  char *text = input ? read_input(o, &len) : read_file(o, o->limits.resources, &len);
  if (!text) return NULL;
  if (!ctr_resources_parse(&o->mem, text, len, &resources, &err)) return resources;
  return fail_err(o, &err), NULL;
}

/* In what engines send, a limit of 0 is one that is not to be changed (runc-update(8)). */
static void forget_zeros(ctr_resources *r) {
  ctr_int *numbers[] = {&r->memory.limit,  &r->memory.reservation, &r->memory.swap,
                        &r->memory.kernel, &r->memory.kernelTCP,   &r->cpu.quota,
                        &r->pids.limit,    &r->cpu.realtimeRuntime};
  ctr_uint *counts[] = {&r->cpu.shares, &r->cpu.period, &r->cpu.realtimePeriod, &r->blockIO.weight};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (!numbers[i]->value) numbers[i]->set = false;
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
    if (!counts[i]->value) counts[i]->set = false;
}

/* Which devices a container may use is settled when it is made: engines send them along without
   wanting a change. */
static int update_command(options *o) {
  ctr_resources *resources = read_resources(o);
  ctr_err err;
  if (!resources) return 1;
  if (resources->devices.count)
    on_log(o, CTR_LOG_WARNING, "linux.resources.devices", "left as they are");
  resources->devices = (ctr_device_rules){NULL, 0};
  forget_zeros(resources);
  for (size_t i = 0; i < sizeof limit_rows / sizeof *limit_rows; i++) {
    const char *text = *(const char *const *)(const void *)((const char *)o + limit_rows[i].from);
    if (text && !parse_limit(&limit_rows[i], text, (char *)resources + limit_rows[i].to))
      return fail(o, "--%s: '%s' is not a number that is meant here", limit_rows[i].option, text);
  }
  ctr_container *container = open_container(o);
  if (!container) return 1;
  int result = ctr_container_update(container, resources, &err) ? fail_err(o, &err) : 0;
  ctr_container_free(container);
  return result;
}
