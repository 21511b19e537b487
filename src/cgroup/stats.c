/* Reading statistics. Each form of file has one table: which file, or which name in it, goes into
   which field. The numbers are the kernel's, but whoever is inside makes cgroups of its own next to
   the files, under any name that is free: a directory in the place of a file is no file. */

typedef struct ctr__stats_reader {
  ctr_stats *stats;
  ctr_arena *arena;  /* for what stats refers to                                       */
  int dir;           /* the cgroup                                                     */
  const char *of;    /* v1 controllers of its hierarchy; NULL: v2                      */
  const char *where; /* that directory, for errors                                     */
  ctr_arena scratch; /* for text                                                       */
  char *text;        /* of the file that was read last                                 */
  size_t room;
  ctr_code code; /* the first failure: nothing is read after it */
  ctr_err *err;
} ctr__stats_reader;

enum { CTR__STATS_FILE_MAX = 1 << 22 }; /* cpuacct.usage_all of 8192 CPUs is 400 KB */

static void ctr__stats_fail(ctr__stats_reader *r, const char *file, int error) {
  if (r->code) return;
  r->code = error == ENOMEM
                ? ctr__nomem(r->err)
                : ctr__fail(r->err, CTR_E_SYS, error, NULL, "read %s/%s", r->where, file);
}

static void *ctr__stats_take(ctr__stats_reader *r, size_t count, size_t size) {
  void *memory = ctr__arena_array(r->arena, count, size);
  if (!memory && !r->code) r->code = ctr__nomem(r->err);
  return memory;
}

/* Of what the kernel does not have, or not any more; PSI that is switched off cannot be read. */
static bool ctr__stats_is_absent(int r) {
  return ctr__is_gone(r) || r == -EISDIR || r == -EOPNOTSUPP;
}

/* Names from a file become JSON, which is UTF-8. */
static bool ctr__stats_is_text(const char *text, size_t len) {
  const char *at = text, *end = text + len;
  for (size_t n = 1; at < end && n; at += n) n = ctr__utf8_len(at, end);
  return at == end && !memchr(text, '\0', len);
}

/* The whole file, until the next one is read; NULL when there is none. A v1 file is named after its
   controller: those of others are not looked for. */
static char *ctr__stats_text(ctr__stats_reader *r, const char *file) {
  if (r->code || (r->of && !ctr__list_has(r->of, file, strcspn(file, ".")))) return NULL;
  int len = r->text ? ctr__cgroup_read(r->dir, file, r->text, r->room) : -EFBIG;
  while (len == -EFBIG && r->room < CTR__STATS_FILE_MAX) {
    r->room = r->room ? r->room * 4 : 16384;
    r->text = ctr_arena_alloc(&r->scratch, r->room);
    len = r->text ? ctr__cgroup_read(r->dir, file, r->text, r->room) : -ENOMEM;
  }
  if (len >= 0 && ctr__stats_is_text(r->text, (size_t)len)) return r->text;
  if (len >= 0) len = -EPROTO;
  if (!ctr__stats_is_absent(len)) ctr__stats_fail(r, file, -len);
  return NULL;
}

/* Cuts the next line off; NULL after the last. */
static char *ctr__stats_line(char **at) {
  char *line = *at, *end = line + strcspn(line, "\n");
  if (!*line) return NULL;
  *at = end + (*end == '\n');
  *end = '\0';
  return line;
}

static size_t ctr__stats_lines(const char *text) {
  size_t n = 0;
  for (; *text; text += strcspn(text, "\n"), text += *text == '\n') n++;
  return n;
}

/* A number, or "max" for none, and nothing else. */
static bool ctr__stats_number(const char *text, uint64_t *ret) {
  uint64_t value = 0;
  if (!strcmp(text, "max")) return *ret = UINT64_MAX, true;
  if (!*text) return false;
  for (; *text; text++) {
    unsigned digit = (unsigned)(*text - '0');
    if (digit > 9 || value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *ret = value;
  return true;
}

/* "key=number" */
static bool ctr__stats_pair(char *word, uint64_t *ret) {
  char *value = strchr(word, '=');
  if (!value) return false;
  *value++ = '\0';
  return ctr__stats_number(value, ret);
}

static uint64_t ctr__stats_times(uint64_t value, uint64_t factor) {
  return value > UINT64_MAX / factor ? UINT64_MAX : value * factor;
}

static uint64_t ctr__stats_plus(uint64_t a, uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static ctr_uint *ctr__stats_field(const ctr__stats_reader *r, size_t offset) {
  return (ctr_uint *)(void *)((char *)r->stats + offset);
}

/* -- one number a file -- */

#define CTR__AT(member) offsetof(ctr_stats, member)

static const struct ctr__stats_value {
  const char *v1, *v2; /* file names; NULL: there is none */
  size_t offset;
} ctr__stats_values[] = {
    {"cpuacct.usage", NULL, CTR__AT(cpu.usage.total)},
    {"pids.current", "pids.current", CTR__AT(pids.current)},
    {"pids.max", "pids.max", CTR__AT(pids.limit)},
    {"memory.limit_in_bytes", "memory.max", CTR__AT(memory.usage.limit)},
    {"memory.usage_in_bytes", "memory.current", CTR__AT(memory.usage.usage)},
    {"memory.max_usage_in_bytes", "memory.peak", CTR__AT(memory.usage.max)},
    {"memory.failcnt", NULL, CTR__AT(memory.usage.failcnt)},
    {"memory.memsw.limit_in_bytes", NULL, CTR__AT(memory.swap.limit)},
    {"memory.memsw.usage_in_bytes", NULL, CTR__AT(memory.swap.usage)},
    {"memory.memsw.max_usage_in_bytes", NULL, CTR__AT(memory.swap.max)},
    {"memory.memsw.failcnt", NULL, CTR__AT(memory.swap.failcnt)},
    {NULL, "memory.swap.max", CTR__AT(memory.swapOnly.limit)},
    {NULL, "memory.swap.current", CTR__AT(memory.swapOnly.usage)},
    {NULL, "memory.swap.peak", CTR__AT(memory.swapOnly.max)},
    {"memory.kmem.limit_in_bytes", NULL, CTR__AT(memory.kernel.limit)},
    {"memory.kmem.usage_in_bytes", NULL, CTR__AT(memory.kernel.usage)},
    {"memory.kmem.max_usage_in_bytes", NULL, CTR__AT(memory.kernel.max)},
    {"memory.kmem.failcnt", NULL, CTR__AT(memory.kernel.failcnt)},
    {"memory.kmem.tcp.limit_in_bytes", NULL, CTR__AT(memory.kernelTCP.limit)},
    {"memory.kmem.tcp.usage_in_bytes", NULL, CTR__AT(memory.kernelTCP.usage)},
    {"memory.kmem.tcp.max_usage_in_bytes", NULL, CTR__AT(memory.kernelTCP.max)},
    {"memory.kmem.tcp.failcnt", NULL, CTR__AT(memory.kernelTCP.failcnt)},
    {"cpuset.cpu_exclusive", NULL, CTR__AT(cpuset.cpu_exclusive)},
    {"cpuset.mem_hardwall", NULL, CTR__AT(cpuset.mem_hardwall)},
    {"cpuset.mem_exclusive", NULL, CTR__AT(cpuset.mem_exclusive)},
    {"cpuset.memory_migrate", NULL, CTR__AT(cpuset.memory_migrate)},
    {"cpuset.memory_spread_page", NULL, CTR__AT(cpuset.memory_spread_page)},
    {"cpuset.memory_spread_slab", NULL, CTR__AT(cpuset.memory_spread_slab)},
    {"cpuset.memory_pressure", NULL, CTR__AT(cpuset.memory_pressure)},
    {"cpuset.sched_load_balance", NULL, CTR__AT(cpuset.sched_load_balance)},
};

/* On a hybrid machine two hierarchies may know the same: the first that is read counts. */
static void ctr__stats_value(ctr__stats_reader *r, const char *file, ctr_uint *value) {
  char *text = value->set ? NULL : ctr__stats_text(r, file);
  if (!text) return;
  const char *line = ctr__stats_line(&text);
  value->set = line && !*text && ctr__stats_number(line, &value->value);
  if (!value->set) ctr__stats_fail(r, file, EPROTO);
}

static void ctr__stats_read_values(ctr__stats_reader *r) {
  for (size_t i = 0; i < sizeof ctr__stats_values / sizeof *ctr__stats_values; i++) {
    const struct ctr__stats_value *row = &ctr__stats_values[i];
    const char *file = r->of ? row->v1 : row->v2;
    if (file) ctr__stats_value(r, file, ctr__stats_field(r, row->offset));
  }
}

/* The one that is negative by default. */
static void ctr__stats_read_domain_level(ctr__stats_reader *r) {
  static const char file[] = "cpuset.sched_relax_domain_level";
  char *text = r->of ? ctr__stats_text(r, file) : NULL;
  if (!text) return;
  uint64_t value = 0;
  const char *line = ctr__stats_line(&text);
  const bool negative = line && *line == '-';
  if (!line || !ctr__stats_number(line + negative, &value) || value > INT32_MAX)
    ctr__stats_fail(r, file, EPROTO);
  r->stats->cpuset.sched_relax_domain_level =
      (ctr_int){true, negative ? -(int64_t)value : (int64_t)value};
}

/* -- a name and a number a line: cgroup-v2.rst "Format", flat keyed -- */

enum ctr__stats_unit { CTR__AS_IT_IS, CTR__MICROSECONDS, CTR__TICKS };

static const struct ctr__stats_key {
  const char *file, *key;
  size_t offset;
  enum ctr__stats_unit unit; /* what is not as it is becomes nanoseconds */
} ctr__stats_keys[] = {
    {"cpu.stat", "usage_usec", CTR__AT(cpu.usage.total), CTR__MICROSECONDS},
    {"cpu.stat", "user_usec", CTR__AT(cpu.usage.user), CTR__MICROSECONDS},
    {"cpu.stat", "system_usec", CTR__AT(cpu.usage.kernel), CTR__MICROSECONDS},
    {"cpu.stat", "nr_periods", CTR__AT(cpu.throttling.periods), CTR__AS_IT_IS},
    {"cpu.stat", "nr_throttled", CTR__AT(cpu.throttling.throttledPeriods), CTR__AS_IT_IS},
    {"cpu.stat", "throttled_usec", CTR__AT(cpu.throttling.throttledTime), CTR__MICROSECONDS},
    {"cpu.stat", "throttled_time", CTR__AT(cpu.throttling.throttledTime), CTR__AS_IT_IS},
    {"cpu.stat", "nr_bursts", CTR__AT(cpu.throttling.burstPeriods), CTR__AS_IT_IS},
    {"cpu.stat", "burst_usec", CTR__AT(cpu.throttling.burstTime), CTR__MICROSECONDS},
    {"cpu.stat", "burst_time", CTR__AT(cpu.throttling.burstTime), CTR__AS_IT_IS},
    {"cpuacct.stat", "user", CTR__AT(cpu.usage.user), CTR__TICKS},
    {"cpuacct.stat", "system", CTR__AT(cpu.usage.kernel), CTR__TICKS},
    {"memory.oom_control", "oom_kill", CTR__AT(memory.events.oom_kill), CTR__AS_IT_IS},
    {"memory.events", "low", CTR__AT(memory.events.low), CTR__AS_IT_IS},
    {"memory.events", "high", CTR__AT(memory.events.high), CTR__AS_IT_IS},
    {"memory.events", "max", CTR__AT(memory.events.max), CTR__AS_IT_IS},
    {"memory.events", "max", CTR__AT(memory.usage.failcnt), CTR__AS_IT_IS},
    {"memory.events", "oom", CTR__AT(memory.events.oom), CTR__AS_IT_IS},
    {"memory.events", "oom_kill", CTR__AT(memory.events.oom_kill), CTR__AS_IT_IS},
    {"memory.events", "oom_group_kill", CTR__AT(memory.events.oom_group_kill), CTR__AS_IT_IS},
    {"memory.swap.events", "max", CTR__AT(memory.swapOnly.failcnt), CTR__AS_IT_IS},
};

static uint64_t ctr__stats_unit(enum ctr__stats_unit unit, uint64_t value) {
  if (unit == CTR__MICROSECONDS) return ctr__stats_times(value, 1000);
  long ticks = unit == CTR__TICKS ? sysconf(_SC_CLK_TCK) : 0; /* USER_HZ: 100 but on old Alphas */
  return ticks > 0 ? ctr__stats_times(value, 1000000000 / (uint64_t)ticks) : value;
}

/* Cuts "name number". */
static bool ctr__stats_split(char *line, uint64_t *ret_value) {
  char *blank = strchr(line, ' ');
  if (!blank || blank == line) return false;
  *blank = '\0';
  return ctr__stats_number(blank + 1, ret_value);
}

/* Goes over the lines of a file of which the rows begin at row; names without a row are newer than
   this table, or of no use. */
static void ctr__stats_keyed(ctr__stats_reader *r, const struct ctr__stats_key *row, size_t rows) {
  char *at = ctr__stats_text(r, row->file);
  bool was_set[sizeof ctr__stats_keys / sizeof *ctr__stats_keys];
  for (size_t i = 0; i < rows; i++) was_set[i] = ctr__stats_field(r, row[i].offset)->set;
  for (char *line; at && (line = ctr__stats_line(&at));) {
    uint64_t value = 0;
    if (!ctr__stats_split(line, &value)) {
      ctr__stats_fail(r, row->file, EPROTO);
      return;
    }
    for (size_t i = 0; i < rows; i++)
      if (!strcmp(row[i].key, line) && !was_set[i])
        *ctr__stats_field(r, row[i].offset) = (ctr_uint){true, ctr__stats_unit(row[i].unit, value)};
  }
}

static void ctr__stats_read_keys(ctr__stats_reader *r) {
  const size_t count = sizeof ctr__stats_keys / sizeof *ctr__stats_keys;
  for (size_t i = 0, end; i < count; i = end) {
    for (end = i + 1; end < count; end++)
      if (strcmp(ctr__stats_keys[i].file, ctr__stats_keys[end].file) != 0) break;
    ctr__stats_keyed(r, &ctr__stats_keys[i], end - i);
  }
}

/* memory.stat: its names differ from kernel to kernel, and engines know some of each. */
static void ctr__stats_read_raw(ctr__stats_reader *r) {
  static const char file[] = "memory.stat";
  ctr_memory_stats *memory = &r->stats->memory;
  char *text = memory->raw.count ? NULL : ctr__stats_text(r, file);
  size_t count = text ? ctr__stats_lines(text) : 0;
  ctr_counter *items = count ? ctr__stats_take(r, count, sizeof *items) : NULL;
  char *at = items ? ctr__stats_take(r, strlen(text) + 1, 1) : NULL;
  if (!at) return;
  ctr__put_str(at, text);
  for (size_t i = 0; i < count; i++) {
    items[i].name = ctr__stats_line(&at);
    if (!ctr__stats_split((char *)(uintptr_t)items[i].name, &items[i].value)) {
      ctr__stats_fail(r, file, EPROTO);
      return;
    }
  }
  memory->raw = (ctr_counters){items, count};
  memory->cache = ctr_counters_get(&memory->raw, r->of ? "cache" : "file");
}

/* v2 counts swap alone, v1 with memory, which is what engines expect (libcontainer's
   cgroups/fs2/memory.go). */
static void ctr__stats_add_swap(ctr_memory_stats *memory) {
  const ctr_memory_entry *swap = &memory->swapOnly, *usage = &memory->usage;
  if (memory->swap.usage.set || !swap->usage.set || !usage->usage.set) return;
  memory->swap.usage = (ctr_uint){true, ctr__stats_plus(swap->usage.value, usage->usage.value)};
  if (swap->limit.set && usage->limit.set)
    memory->swap.limit = (ctr_uint){true, ctr__stats_plus(swap->limit.value, usage->limit.value)};
  memory->swap.failcnt = swap->failcnt;
}

/* -- cpus -- */

/* One number a CPU, in one line. */
static void ctr__stats_read_percpu(ctr__stats_reader *r) {
  static const char file[] = "cpuacct.usage_percpu";
  char *text = r->of ? ctr__stats_text(r, file) : NULL;
  char *line = text ? ctr__stats_line(&text) : NULL;
  size_t count = 0;
  for (const char *c = line; c && *c; c++) count += *c == ' ';
  uint64_t *items = line ? ctr__stats_take(r, count + 1, sizeof *items) : NULL;
  if (!items) return;
  for (count = 0; *line; count++)
    if (!ctr__stats_number(ctr__next_word(&line), &items[count])) {
      ctr__stats_fail(r, file, EPROTO);
      return;
    }
  r->stats->cpu.usage.percpu = (ctr_numbers){items, count};
}

/* A line "cpu user system" and one of numbers for each CPU. */
static void ctr__stats_read_percpu_modes(ctr__stats_reader *r) {
  static const char file[] = "cpuacct.usage_all";
  char *at = r->of ? ctr__stats_text(r, file) : NULL;
  size_t lines = at ? ctr__stats_lines(at) : 0;
  if (!lines) return;
  uint64_t *user = ctr__stats_take(r, lines, sizeof *user), cpu;
  uint64_t *kernel = ctr__stats_take(r, lines, sizeof *kernel);
  if (!user || !kernel) return;
  ctr__stats_line(&at);
  for (size_t i = 0; i + 1 < lines; i++) {
    char *line = ctr__stats_line(&at);
    if (!ctr__stats_number(ctr__next_word(&line), &cpu) ||
        !ctr__stats_number(ctr__next_word(&line), &user[i]) ||
        !ctr__stats_number(ctr__next_word(&line), &kernel[i]) || *line) {
      ctr__stats_fail(r, file, EPROTO);
      return;
    }
  }
  r->stats->cpu.usage.percpu_user = (ctr_numbers){user, lines - 1};
  r->stats->cpu.usage.percpu_kernel = (ctr_numbers){kernel, lines - 1};
}

enum { CTR__CPUS_LISTED_MAX = 1 << 16 };

/* Reads "0-3", or "5". */
static bool ctr__stats_range(char *text, uint64_t *first, uint64_t *last) {
  char *dash = strchr(text, '-');
  if (dash) *dash++ = '\0';
  return ctr__stats_number(text, first) && ctr__stats_number(dash ? dash : text, last) &&
         *first <= *last && *last < CTR__CPUS_LISTED_MAX;
}

/* Cuts at the next comma; NULL after the last. */
static char *ctr__stats_next_range(char **at) {
  char *range = *at, *end = range + strcspn(range, ",\n");
  if (end == range) return NULL;
  *at = end + (*end == ',');
  *end = '\0';
  return range;
}

/* "0-3,5": cpusets(7), "List format". */
static void ctr__stats_set(ctr__stats_reader *r, const char *file, ctr_ids *ids) {
  const char *text = ids->count ? NULL : ctr__stats_text(r, file);
  size_t size = text ? strlen(text) + 1 : 0, count = 0;
  char *copy = size ? ctr_arena_alloc(&r->scratch, size) : NULL;
  uint32_t *items = NULL;
  if (!text) return;
  for (int pass = 0; pass < 2 && copy; pass++) {
    char *at = memcpy(copy, text, size);
    count = 0;
    for (char *range; (range = ctr__stats_next_range(&at));) {
      uint64_t first, last;
      if (!ctr__stats_range(range, &first, &last) || count + last - first >= CTR__CPUS_LISTED_MAX) {
        ctr__stats_fail(r, file, EPROTO);
        return;
      }
      for (; first <= last; first++, count++)
        if (items) items[count] = (uint32_t)first;
    }
    if (!pass && count && !(items = ctr__stats_take(r, count, sizeof *items))) return;
  }
  if (!copy) ctr__stats_fail(r, file, ENOMEM);
  *ids = (ctr_ids){items, count};
}

static void ctr__stats_read_cpuset(ctr__stats_reader *r) {
  ctr__stats_set(r, r->of ? "cpuset.cpus" : "cpuset.cpus.effective", &r->stats->cpuset.cpus);
  ctr__stats_set(r, r->of ? "cpuset.mems" : "cpuset.mems.effective", &r->stats->cpuset.mems);
  ctr__stats_read_domain_level(r);
}

/* -- block devices -- */

static ctr_io_entries *ctr__stats_entries(const ctr__stats_reader *r, size_t offset) {
  return (ctr_io_entries *)(void *)((char *)r->stats + offset);
}

/* Makes room for more entries than there are. */
static ctr_io_entry *ctr__stats_more(ctr__stats_reader *r, ctr_io_entries *list, size_t more) {
  ctr_io_entry *items = ctr__stats_take(r, list->count + more, sizeof *items);
  if (items && list->count) memcpy(items, list->items, list->count * sizeof *items);
  return items;
}

/* "8:16" */
static bool ctr__stats_device(char *word, ctr_io_entry *entry) {
  char *colon = strchr(word, ':');
  uint64_t major_number, minor_number;
  if (!colon) return false;
  *colon++ = '\0';
  if (!ctr__stats_number(word, &major_number) || !ctr__stats_number(colon, &minor_number) ||
      major_number > UINT32_MAX || minor_number > UINT32_MAX)
    return false;
  entry->major_ = (uint32_t)major_number;
  entry->minor_ = (uint32_t)minor_number;
  return true;
}

static bool ctr__stats_has_device(const ctr_io_entries *list, const ctr_io_entry *entry) {
  for (size_t i = 0; i < list->count; i++)
    if (list->items[i].major_ == entry->major_ && list->items[i].minor_ == entry->minor_)
      return true;
  return false;
}

/* Of v1, in each of the three the same names: BFQ and CFQ count what they schedule, throttling what
   it throttles. The first that knows a device counts for it (libcontainer's cgroups/fs/blkio.go
   takes the first file that has any). */
static const char *const ctr__stats_io_prefixes[] = {"blkio.bfq.", "blkio.", "blkio.throttle."};

static const struct ctr__stats_io {
  const char *v1;
  size_t offset;
} ctr__stats_io[] = {
    {"io_service_bytes_recursive", CTR__AT(blkio.ioServiceBytesRecursive)},
    {"io_serviced_recursive", CTR__AT(blkio.ioServicedRecursive)},
    {"io_queued_recursive", CTR__AT(blkio.ioQueueRecursive)},
    {"io_service_time_recursive", CTR__AT(blkio.ioServiceTimeRecursive)},
    {"io_wait_time_recursive", CTR__AT(blkio.ioWaitTimeRecursive)},
    {"io_merged_recursive", CTR__AT(blkio.ioMergedRecursive)},
    {"time_recursive", CTR__AT(blkio.ioTimeRecursive)},
    {"sectors_recursive", CTR__AT(blkio.sectorsRecursive)},
};

/* "8:0 Read 4096", "8:0 12"; the sum of all devices, "Total 4096", can be had from the others. */
static bool ctr__stats_io_line(ctr__stats_reader *r, char *line, ctr_io_entry *entry) {
  *entry = (ctr_io_entry){.op = NULL};
  if (!ctr__stats_device(ctr__next_word(&line), entry)) return false;
  char *word = ctr__next_word(&line);
  if (*line) {
    char *op = ctr__stats_take(r, strlen(word) + 1, 1);
    if (op) ctr__put_str(op, word);
    entry->op = op;
    word = ctr__next_word(&line);
  }
  return !*line && ctr__stats_number(word, &entry->value);
}

static void ctr__stats_io_file(ctr__stats_reader *r, const char *file, ctr_io_entries *list) {
  char *at = ctr__stats_text(r, file);
  if (!at) return;
  ctr_io_entry *items = ctr__stats_more(r, list, ctr__stats_lines(at)), entry;
  size_t count = list->count;
  for (char *line; items && (line = ctr__stats_line(&at));) {
    if (!strncmp(line, "Total ", 6)) continue;
    if (!ctr__stats_io_line(r, line, &entry)) {
      ctr__stats_fail(r, file, EPROTO);
      return;
    }
    if (!ctr__stats_has_device(list, &entry)) items[count++] = entry;
  }
  if (count > list->count) *list = (ctr_io_entries){items, count};
}

static void ctr__stats_read_blkio(ctr__stats_reader *r) {
  char file[64];
  for (size_t i = 0; i < sizeof ctr__stats_io / sizeof *ctr__stats_io; i++)
    for (size_t k = 0; k < sizeof ctr__stats_io_prefixes / sizeof *ctr__stats_io_prefixes; k++) {
      ctr__put_str(ctr__put_str(file, ctr__stats_io_prefixes[k]), ctr__stats_io[i].v1);
      ctr__stats_io_file(r, file, ctr__stats_entries(r, ctr__stats_io[i].offset));
    }
}

/* io.stat: "8:0 rbytes=1 wbytes=2 rios=3 ...". Some kernels do not end the line of a device without
   any (Linux 5.10 to 5.16): the last device before the numbers is theirs. */
static const struct ctr__stats_io_key {
  const char *key, *op;
  size_t offset;
} ctr__stats_io_keys[] = {
    {"rbytes", "Read", CTR__AT(blkio.ioServiceBytesRecursive)},
    {"wbytes", "Write", CTR__AT(blkio.ioServiceBytesRecursive)},
    {"dbytes", "Discard", CTR__AT(blkio.ioServiceBytesRecursive)},
    {"rios", "Read", CTR__AT(blkio.ioServicedRecursive)},
    {"wios", "Write", CTR__AT(blkio.ioServicedRecursive)},
    {"dios", "Discard", CTR__AT(blkio.ioServicedRecursive)},
};
enum { CTR__STATS_IO_KEYS = sizeof ctr__stats_io_keys / sizeof *ctr__stats_io_keys };

static bool ctr__stats_io_stat_line(ctr__stats_reader *r, char *line) {
  ctr_io_entry entry = {.op = NULL};
  if (!ctr__stats_device(ctr__next_word(&line), &entry)) return false;
  while (*line) {
    char *word = ctr__next_word(&line);
    if (strchr(word, ':') && !ctr__stats_device(word, &entry)) return false;
    const bool pair = ctr__stats_pair(word, &entry.value);
    for (size_t i = 0; i < CTR__STATS_IO_KEYS; i++) {
      const struct ctr__stats_io_key *key = &ctr__stats_io_keys[i];
      ctr_io_entries *list = ctr__stats_entries(r, key->offset);
      if (strcmp(key->key, word) != 0) continue;
      if (!pair) return false;
      entry.op = key->op;
      ((ctr_io_entry *)(uintptr_t)list->items)[list->count++] = entry;
    }
  }
  return true;
}

/* What else is in a line, of io.cost and io.latency, is passed over. */
static void ctr__stats_read_io_stat(ctr__stats_reader *r) {
  static const char file[] = "io.stat";
  ctr_io_stats *io = &r->stats->blkio;
  ctr_io_entries *lists[] = {&io->ioServiceBytesRecursive, &io->ioServicedRecursive};
  char *at = lists[0]->count || lists[1]->count ? NULL : ctr__stats_text(r, file);
  if (!at || !*at) return;
  for (int i = 0; i < 2; i++) {
    lists[i]->items = ctr__stats_more(r, lists[i], CTR__STATS_IO_KEYS * ctr__stats_lines(at));
    if (!lists[i]->items) return;
  }
  for (char *line; (line = ctr__stats_line(&at));)
    if (!ctr__stats_io_stat_line(r, line)) {
      ctr__stats_fail(r, file, EPROTO);
      return;
    }
}

/* -- huge pages, RDMA -- */

static const struct ctr__stats_hugetlb {
  const char *v1, *v2; /* after "hugetlb.2MB." */
  size_t offset;       /* in ctr_hugetlb_stats */
} ctr__stats_hugetlb[] = {
    {"usage_in_bytes", "current", offsetof(ctr_hugetlb_stats, usage)},
    {"limit_in_bytes", "max", offsetof(ctr_hugetlb_stats, limit)},
    {"max_usage_in_bytes", NULL, offsetof(ctr_hugetlb_stats, max)},
    {"failcnt", NULL, offsetof(ctr_hugetlb_stats, failcnt)},
};

/* hugetlb.2MB.events has nothing but "max N". */
static void ctr__stats_hugetlb_events(ctr__stats_reader *r, const char *file, ctr_uint *failcnt) {
  char *at = ctr__stats_text(r, file);
  for (char *line; at && (line = ctr__stats_line(&at));) {
    uint64_t value = 0;
    if (!ctr__stats_split(line, &value))
      ctr__stats_fail(r, file, EPROTO);
    else if (!strcmp(line, "max"))
      *failcnt = (ctr_uint){true, value};
  }
}

static void ctr__stats_hugetlb_size(ctr__stats_reader *r, ctr_hugetlb_stats *size) {
  char file[64], *end = ctr__put_str(file, "hugetlb.");
  end = ctr__put_str(ctr__put_str(end, size->key), ".");
  for (size_t i = 0; i < sizeof ctr__stats_hugetlb / sizeof *ctr__stats_hugetlb; i++) {
    const struct ctr__stats_hugetlb *row = &ctr__stats_hugetlb[i];
    const char *name = r->of ? row->v1 : row->v2;
    if (!name) continue;
    ctr__put_str(end, name);
    ctr__stats_value(r, file, (ctr_uint *)(void *)((char *)size + row->offset));
    if (!size->usage.set) return; /* the machine has no such pages */
  }
  ctr__put_str(end, "events");
  if (!r->of) ctr__stats_hugetlb_events(r, file, &size->failcnt);
}

/* Page sizes are powers of two, named as mm/hugetlb_cgroup.c does. All are tried: the directory is
   full of what whoever is inside makes there, and /sys need not be mounted. */
static void ctr__stats_read_hugetlb(ctr__stats_reader *r) {
  enum { SMALLEST = 14, SIZES = 24 }; /* 16 KB to 128 GB */
  static const char *const units[] = {"KB", "MB", "GB"};
  ctr_hugetlb_stats *found = NULL;
  size_t count = 0;
  if (r->stats->hugetlb.count || (r->of && !ctr__list_has(r->of, "hugetlb", 7))) return;
  for (unsigned i = 0; i < SIZES && !r->code; i++) {
    char key[16];
    const unsigned shift = SMALLEST + i, unit = (shift - 10) / 10;
    ctr__put_str(ctr__put_uint(key, UINT64_C(1) << (shift - 10 * (unit + 1))), units[unit]);
    ctr_hugetlb_stats size = {.key = key};
    ctr__stats_hugetlb_size(r, &size);
    if (!size.usage.set) continue;
    if (!found) found = ctr__stats_take(r, SIZES, sizeof *found);
    char *name = ctr__stats_take(r, sizeof key, 1);
    if (!found || !name) return;
    size.key = memcpy(name, key, sizeof key);
    found[count++] = size;
  }
  r->stats->hugetlb = (ctr_hugetlb_list){found, count};
}

/* "mlx4_0 hca_handle=2 hca_object=max" */
static bool ctr__stats_rdma_line(ctr__stats_reader *r, char *line, ctr_rdma_entry *entry) {
  const char *word = ctr__next_word(&line);
  char *device = ctr__stats_take(r, strlen(word) + 1, 1);
  if (device) ctr__put_str(device, word);
  entry->device = device ? device : "";
  while (*line) {
    ctr_uint value = {true, 0};
    char *pair = ctr__next_word(&line);
    if (!*pair) continue;
    if (!ctr__stats_pair(pair, &value.value)) return false;
    if (!strcmp(pair, "hca_handle")) entry->hca_handles = value;
    if (!strcmp(pair, "hca_object")) entry->hca_objects = value;
  }
  return true;
}

static void ctr__stats_rdma(ctr__stats_reader *r, const char *file, ctr_rdma_entries *list) {
  char *at = list->count ? NULL : ctr__stats_text(r, file);
  size_t count = at ? ctr__stats_lines(at) : 0;
  ctr_rdma_entry *items = count ? ctr__stats_take(r, count, sizeof *items) : NULL;
  if (!items) return;
  for (size_t i = 0; i < count; i++) {
    char *line = ctr__stats_line(&at);
    if (line && ctr__stats_rdma_line(r, line, &items[i])) continue;
    ctr__stats_fail(r, file, EPROTO);
    return;
  }
  *list = (ctr_rdma_entries){items, count};
}

/* -- pressure -- */

/* "12.34", without a locale's opinion on the point. */
static bool ctr__stats_percent(char *text, double *ret) {
  uint64_t whole, hundredths;
  char *point = strchr(text, '.');
  if (!point || strlen(point) != 3) return false;
  *point++ = '\0';
  if (!ctr__stats_number(text, &whole) || !ctr__stats_number(point, &hundredths)) return false;
  if (whole > 100 || hundredths > 99) return false;
  *ret = (double)(whole * 100 + hundredths) / 100;
  return true;
}

/* "avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static bool ctr__stats_stall(char *line, ctr_stall *stall) {
  const struct {
    const char *name;
    double *value;
  } shares[] = {{"avg10=", &stall->avg10}, {"avg60=", &stall->avg60}, {"avg300=", &stall->avg300}};
  for (int i = 0; i < 3; i++) {
    char *word = ctr__next_word(&line);
    size_t len = strlen(shares[i].name);
    if (strncmp(word, shares[i].name, len) != 0) return false;
    if (!ctr__stats_percent(word + len, shares[i].value)) return false;
  }
  char *word = ctr__next_word(&line);
  stall->set = !strncmp(word, "total=", 6) && ctr__stats_number(word + 6, &stall->total);
  return stall->set;
}

/* Of a text that is overwritten. */
static bool ctr__stats_pressure(char *text, ctr_pressure *pressure) {
  for (char *line; (line = ctr__stats_line(&text));) {
    const char *kind = ctr__next_word(&line);
    ctr_stall *stall = !strcmp(kind, "some")   ? &pressure->some
                       : !strcmp(kind, "full") ? &pressure->full
                                               : NULL;
    if (!stall || !ctr__stats_stall(line, stall)) return false;
  }
  return true;
}

static const struct ctr__stats_psi {
  const char *file;
  size_t offset;
} ctr__stats_psi[] = {{"cpu.pressure", CTR__AT(cpu.psi)},
                      {"memory.pressure", CTR__AT(memory.psi)},
                      {"io.pressure", CTR__AT(blkio.psi)}};

static void ctr__stats_read_pressure(ctr__stats_reader *r) {
  for (size_t i = 0; i < sizeof ctr__stats_psi / sizeof *ctr__stats_psi; i++) {
    const struct ctr__stats_psi *row = &ctr__stats_psi[i];
    char *text = ctr__stats_text(r, row->file);
    void *at = (char *)r->stats + row->offset;
    if (text && !ctr__stats_pressure(text, at)) ctr__stats_fail(r, row->file, EPROTO);
  }
}
#undef CTR__AT

/* -- all of it -- */

ctr_uint ctr_counters_get(const ctr_counters *counters, const char *name) {
  for (size_t i = 0; i < counters->count; i++)
    if (!strcmp(counters->items[i].name, name)) return (ctr_uint){true, counters->items[i].value};
  return (ctr_uint){false, 0};
}

/* What one cgroup says goes to what others have said of the container. of: the v1 controllers of
   its hierarchy; NULL: it is of v2. where: its name for errors. */
static ctr_code ctr__stats_read(int dir, const char *of, const char *where, ctr_arena *arena,
                                ctr_stats *stats, ctr_err *err) {
  ctr__stats_reader r = {
      .stats = stats, .arena = arena, .dir = dir, .of = of, .where = where, .err = err};
  ctr__stats_read_values(&r);
  ctr__stats_read_keys(&r);
  ctr__stats_read_raw(&r);
  ctr__stats_read_percpu(&r);
  ctr__stats_read_percpu_modes(&r);
  ctr__stats_read_cpuset(&r);
  ctr__stats_read_hugetlb(&r);
  ctr__stats_rdma(&r, "rdma.max", &stats->rdma.limit);
  ctr__stats_rdma(&r, "rdma.current", &stats->rdma.current);
  if (of)
    ctr__stats_read_blkio(&r);
  else
    ctr__stats_read_io_stat(&r);
  if (!of) ctr__stats_read_pressure(&r);
  if (!of) ctr__stats_add_swap(&stats->memory);
  ctr_arena_free(&r.scratch);
  return r.code;
}
