/* Statistics of a container, as structs and as JSON; and watching it. */

/* -- network interfaces -- */

enum { CTR__INTERFACES_MAX = 1024, CTR__NET_DEV_MAX = 1 << 18 };

/* The columns of proc_pid_net(5), "net/dev", after the name. */
static const struct ctr__net_column {
  unsigned column;
  size_t offset;
} ctr__net_columns[] = {
    {0, offsetof(ctr_interface_stats, rxBytes)},   {1, offsetof(ctr_interface_stats, rxPackets)},
    {2, offsetof(ctr_interface_stats, rxErrors)},  {3, offsetof(ctr_interface_stats, rxDropped)},
    {8, offsetof(ctr_interface_stats, txBytes)},   {9, offsetof(ctr_interface_stats, txPackets)},
    {10, offsetof(ctr_interface_stats, txErrors)}, {11, offsetof(ctr_interface_stats, txDropped)},
};

/* "  eth0: 1 2 3 ...": numbers in columns that may be wide apart. */
static bool ctr__net_dev_line(char *line, ctr_interface_stats *interface) {
  char *colon = strchr(line, ':'), *at = colon ? colon + 1 : line;
  const size_t columns = sizeof ctr__net_columns / sizeof *ctr__net_columns;
  if (!colon) return false;
  *colon = '\0';
  interface->name = line + strspn(line, " ");
  for (unsigned column = 0, next = 0; next < columns; column++) {
    uint64_t value = 0;
    at += strspn(at, " ");
    if (!ctr__stats_number(ctr__next_word(&at), &value)) return false;
    if (column != ctr__net_columns[next].column) continue;
    *(uint64_t *)(void *)((char *)interface + ctr__net_columns[next++].offset) = value;
  }
  return true;
}

/* Of a text in the arena, whose first two lines are a head. */
static ctr_code ctr__net_dev_read(char *text, ctr_arena *arena, ctr_interfaces *interfaces,
                                  ctr_err *err) {
  ctr__stats_line(&text);
  ctr__stats_line(&text);
  size_t count = ctr__stats_lines(text);
  if (count > CTR__INTERFACES_MAX) count = CTR__INTERFACES_MAX;
  ctr_interface_stats *items = ctr__arena_array(arena, count, sizeof *items);
  if (!items) return ctr__nomem(err);
  for (size_t i = 0; i < count; i++)
    if (!ctr__net_dev_line(ctr__stats_line(&text), &items[i]))
      return ctr__fail(err, CTR_E_SYS, EPROTO, NULL, "read the net/dev of the container");
  *interfaces = (ctr_interfaces){items, count};
  return CTR_OK;
}

/* A namespace that is joined by path may be the caller's: which it is the kernel tells those who
   might trace the process (proc_pid_ns(5)); where it does not tell, nothing is claimed. */
static bool ctr__has_own_network(const ctr_container *c) {
  const ctr_namespace *ns = ctr__namespace_of(c->config, CTR_NS_NETWORK);
  char path[64];
  struct stat own, its;
  if (!ns || !ns->path) return ns != NULL;
  ctr__proc_path(path, c->process->pid, "/ns/net");
  return stat(path, &its) == 0 && stat("/proc/self/ns/net", &own) == 0 &&
         (its.st_dev != own.st_dev || its.st_ino != own.st_ino);
}

/* As much as fits, in whole lines: whoever is inside may make any number of interfaces, which is
   not to cost the caller the rest. */
static int ctr__read_net_dev(pid_t pid, char *text, size_t size) {
  char path[64];
  CTR__AUTO_CLOSE proc = ctr__open_proc();
  if (proc < 0) return proc;
  ctr__put_str(ctr__put_int(path, pid), "/net/dev");
  CTR__AUTO_CLOSE fd =
      ctr__openat2(proc, path, O_RDONLY, 0,
                   CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_XDEV | CTR__RESOLVE_NO_SYMLINKS);
  if (fd < 0) return fd;
  size_t len = 0;
  ssize_t n;
  do {
    n = read(fd, text + len, size - 1 - len);
    if (n > 0) len += (size_t)n;
  } while (n > 0 || (n < 0 && errno == EINTR));
  if (n < 0) return -errno;
  while (len && text[len - 1] != '\n') len--;
  text[len] = '\0';
  return 0;
}

/* The pid is the container's as long as its process has not ended: that is asked afterwards. */
static ctr_code ctr__stats_of_network(const ctr_container *c, ctr_arena *arena,
                                      ctr_interfaces *interfaces, ctr_err *err) {
  if (!ctr__is_running(c->process) || !ctr__has_own_network(c)) return CTR_OK;
  ctr_arena scratch = {0};
  char *read_into = ctr_arena_alloc(&scratch, CTR__NET_DEV_MAX);
  int r = read_into ? ctr__read_net_dev(c->process->pid, read_into, CTR__NET_DEV_MAX) : -ENOMEM;
  char *text = r < 0 ? NULL : ctr__arena_strdup(arena, read_into);
  ctr_arena_free(&scratch);
  /* One that is ending has let go of its namespaces before that can be seen. */
  if (!ctr__is_running(c->process) || r == -ENOENT || r == -ESRCH || r == -EINVAL) return CTR_OK;
  if (text) return ctr__net_dev_read(text, arena, interfaces, err);
  if (r == 0 || r == -ENOMEM) return ctr__nomem(err);
  return ctr__fail(err, CTR_E_SYS, -r, NULL, "read /proc/%d/net/dev", (int)c->process->pid);
}

/* -- all of it -- */

static ctr_code ctr__stats_of_cgroup(const ctr_container *c, const ctr__cgroup *g, ctr_arena *arena,
                                     ctr_stats *stats, ctr_err *err) {
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  if (dir >= 0)
    return ctr__stats_read(dir, g->v2 ? NULL : g->controllers, g->path, arena, stats, err);
  if (ctr__is_gone(dir) && !ctr__is_running(c->process)) return ctr__not_running(c, err);
  return ctr__fail(err, CTR_E_SYS, -dir, NULL, "open the cgroup %s", g->path);
}

ctr_code ctr_container_stats(ctr_container *container, ctr_arena *arena, ctr_stats *ret_stats,
                             ctr_err *err) {
  const ctr_container *c = container;
  ctr__err_clear(err);
  if (!c || !arena || !ret_stats)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "container, arena and ret_stats are needed");
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  CTR__AUTO_CLOSE hold = -1;
  ctr_code code = ctr__lock_shared(c, &hold, err);
  if (code) return code;
  if (!cgroups.count && !ctr__is_running(c->process)) return ctr__not_running(c, err);
  ctr_stats stats = {0};
  for (size_t i = 0; i < cgroups.count && !code; i++)
    code = ctr__stats_of_cgroup(c, &cgroups.items[i], arena, &stats, err);
  if (!code) code = ctr__stats_of_network(c, arena, &stats.network_interfaces, err);
  if (!code) *ret_stats = stats;
  return code;
}

/* -- watching -- */

static ctr_code ctr__watch_failed(const ctr_container *c, const ctr_watch_desc *desc, int r,
                                  ctr_err *err) {
  static const char *const kinds[] = {[CTR_WATCH_EMPTY] = "for its end",
                                      [CTR_WATCH_OOM] = "for its running out of memory",
                                      [CTR_WATCH_PRESSURE] = "for pressure"};
  static const char *const needs[] = {
      [CTR_WATCH_EMPTY] = "it has no cgroup, or one with processes of other pid namespaces",
      [CTR_WATCH_OOM] = "none of its cgroups has the memory controller",
      [CTR_WATCH_PRESSURE] = "it has no cgroup of v2, or the kernel has no PSI, or switched off"};
  if (ctr__is_gone(r))
    return ctr__fail(err, CTR_E_STATE, 0, NULL,
                     "container not running: \"%.128s\" has no process left in its cgroup", c->id);
  if (r == -ENOMEM) return ctr__nomem(err);
  if (r == -ENOTSUP)
    return ctr__fail(err, CTR_E_UNSUPPORTED, 0, NULL, "cannot watch container \"%.128s\" %s: %s",
                     c->id, kinds[desc->kind], needs[desc->kind]);
  if (r == -EINVAL && desc->kind == CTR_WATCH_PRESSURE)
    return ctr__fail(err, CTR_E_ARG, EINVAL, NULL,
                     "the kernel refuses to tell of a stall of %u us within %u us%s",
                     (unsigned)desc->stall_us, (unsigned)desc->window_us,
                     desc->window_us % 2000000 ? " (not a multiple of 2 seconds)" : "");
  return ctr__fail(err, CTR_E_SYS, -r, NULL, "watch container \"%.128s\" %s", c->id,
                   kinds[desc->kind]);
}

static bool ctr__watch_desc_is_sane(const ctr_watch_desc *desc) {
  if (desc->kind == CTR_WATCH_EMPTY || desc->kind == CTR_WATCH_OOM) return true;
  return desc->kind == CTR_WATCH_PRESSURE && desc->resource >= CTR_RESOURCE_CPU &&
         desc->resource <= CTR_RESOURCE_IO && desc->stall_us && desc->stall_us <= desc->window_us;
}

ctr_code ctr_container_watch(ctr_container *container, const ctr_watch_desc *desc,
                             ctr_watch **ret_watch, ctr_err *err) {
  const ctr_container *c = container;
  ctr__err_clear(err);
  if (!c || !desc || !ret_watch)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "container, desc and ret_watch are needed");
  if (!ctr__watch_desc_is_sane(desc))
    return ctr__fail(err, CTR_E_ARG, 0, NULL,
                     "desc: no such kind or resource, or stall_us is 0 or above window_us");
  CTR__AUTO_CLOSE hold = -1;
  ctr_code code = ctr__lock_shared(c, &hold, err);
  if (code) return code;
  if (!ctr__is_running(c->process)) return ctr__not_running(c, err);
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  int r = ctr__watch_new(&cgroups, desc, ret_watch);
  return r < 0 ? ctr__watch_failed(c, desc, r, err) : CTR_OK;
}

/* -- JSON: opencontainers/runc types/events.go -- */

#define CTR__OR_0 .flags = CTR__ALWAYS

CTR__TYPE(ctr_cpu_usage, CTR__FIELD(ctr_cpu_usage, total, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu_usage, kernel, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpu_usage, user, UINT, CTR__OR_0));

CTR__TYPE(ctr_cpu_throttling, CTR__FIELD(ctr_cpu_throttling, periods, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu_throttling, throttledPeriods, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu_throttling, throttledTime, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu_throttling, burstPeriods, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu_throttling, burstTime, UINT, CTR__PLAIN));

CTR__TYPE(ctr_cpuset_stats, CTR__FIELD(ctr_cpuset_stats, cpus, IDS, CTR__PLAIN),
          CTR__FIELD(ctr_cpuset_stats, cpu_exclusive, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, mems, IDS, CTR__PLAIN),
          CTR__FIELD(ctr_cpuset_stats, mem_hardwall, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, mem_exclusive, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, memory_migrate, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, memory_spread_page, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, memory_spread_slab, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, memory_pressure, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, sched_load_balance, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, sched_relax_domain_level, INT, CTR__OR_0));

CTR__TYPE(ctr_memory_entry, CTR__FIELD(ctr_memory_entry, limit, UINT, CTR__OR_0),
          CTR__FIELD(ctr_memory_entry, usage, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_entry, max, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_entry, failcnt, UINT, CTR__OR_0));

CTR__TYPE(ctr_memory_events, CTR__FIELD(ctr_memory_events, low, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_events, high, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_events, max, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_events, oom, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_events, oom_kill, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_events, oom_group_kill, UINT, CTR__PLAIN));

CTR__TYPE(ctr_memory_stats, CTR__FIELD(ctr_memory_stats, cache, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_stats, usage, OBJECT, CTR__OF(ctr_memory_entry), CTR__OR_0),
          CTR__FIELD(ctr_memory_stats, swap, OBJECT, CTR__OF(ctr_memory_entry), CTR__OR_0),
          CTR__FIELD(ctr_memory_stats, swapOnly, OBJECT, CTR__OF(ctr_memory_entry)),
          CTR__FIELD(ctr_memory_stats, kernel, OBJECT, CTR__OF(ctr_memory_entry), CTR__OR_0),
          CTR__FIELD(ctr_memory_stats, kernelTCP, OBJECT, CTR__OF(ctr_memory_entry), CTR__OR_0),
          CTR__FIELD(ctr_memory_stats, events, OBJECT, CTR__OF(ctr_memory_events)));

CTR__TYPE(ctr_pids_stats, CTR__FIELD(ctr_pids_stats, current, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_pids_stats, limit, UINT, CTR__PLAIN));

CTR__TYPE(ctr_io_entry, CTR__FIELD_AS(ctr_io_entry, major_, "major", U32, CTR__OR_0),
          CTR__FIELD_AS(ctr_io_entry, minor_, "minor", U32, CTR__OR_0),
          CTR__FIELD(ctr_io_entry, op, STR, CTR__PLAIN),
          CTR__FIELD(ctr_io_entry, value, U64, CTR__OR_0));

#define CTR__IO_LIST(name) CTR__FIELD(ctr_io_stats, name, LIST, CTR__OF(ctr_io_entry))
CTR__TYPE(ctr_io_stats, CTR__IO_LIST(ioServiceBytesRecursive), CTR__IO_LIST(ioServicedRecursive),
          CTR__IO_LIST(ioQueueRecursive), CTR__IO_LIST(ioServiceTimeRecursive),
          CTR__IO_LIST(ioWaitTimeRecursive), CTR__IO_LIST(ioMergedRecursive),
          CTR__IO_LIST(ioTimeRecursive), CTR__IO_LIST(sectorsRecursive));
#undef CTR__IO_LIST

CTR__TYPE(ctr_hugetlb_stats, CTR__FIELD(ctr_hugetlb_stats, usage, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_hugetlb_stats, max, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_hugetlb_stats, failcnt, UINT, CTR__OR_0),
          CTR__FIELD(ctr_hugetlb_stats, limit, UINT, CTR__PLAIN));

CTR__TYPE(ctr_rdma_entry, CTR__FIELD(ctr_rdma_entry, device, STR, CTR__PLAIN),
          CTR__FIELD(ctr_rdma_entry, hca_handles, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_rdma_entry, hca_objects, UINT, CTR__PLAIN));

CTR__TYPE(ctr_rdma_stats, CTR__FIELD(ctr_rdma_stats, limit, LIST, CTR__OF(ctr_rdma_entry)),
          CTR__FIELD(ctr_rdma_stats, current, LIST, CTR__OF(ctr_rdma_entry)));

CTR__TYPE(ctr_interface_stats,
          CTR__FIELD_AS(ctr_interface_stats, rxBytes, "RxBytes", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, rxPackets, "RxPackets", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, rxErrors, "RxErrors", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, rxDropped, "RxDropped", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, txBytes, "TxBytes", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, txPackets, "TxPackets", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, txErrors, "TxErrors", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, txDropped, "TxDropped", U64, CTR__OR_0));

/* All that follows returns false without memory. */
static bool ctr__stats_add_numbers(ctr_arena *arena, ctr_json *object, const char *key,
                                   const ctr_numbers *numbers) {
  ctr_json *array = ctr_json_new(arena, CTR_JSON_ARRAY);
  if (!numbers->count) return true;
  for (size_t i = 0; i < numbers->count; i++)
    if (!ctr_json_add(arena, array, NULL, ctr_json_new_uint(arena, numbers->items[i])))
      return false;
  return ctr_json_add(arena, object, key, array);
}

static bool ctr__stats_add_double(ctr_arena *arena, ctr_json *object, const char *key,
                                  double value) {
  ctr_json *number = ctr_json_new(arena, CTR_JSON_DOUBLE);
  if (number) number->as.number = value;
  return ctr_json_add(arena, object, key, number);
}

static bool ctr__stats_add_stall(ctr_arena *arena, ctr_json *object, const char *key,
                                 const ctr_stall *stall) {
  ctr_json *value = ctr_json_new(arena, CTR_JSON_OBJECT);
  return !stall->set ||
         (ctr__stats_add_double(arena, value, "avg10", stall->avg10) &&
          ctr__stats_add_double(arena, value, "avg60", stall->avg60) &&
          ctr__stats_add_double(arena, value, "avg300", stall->avg300) &&
          ctr_json_add(arena, value, "total", ctr_json_new_uint(arena, stall->total)) &&
          ctr_json_add(arena, object, key, value));
}

static bool ctr__stats_add_psi(ctr_arena *arena, ctr_json *object, const ctr_pressure *psi) {
  ctr_json *value = ctr_json_new(arena, CTR_JSON_OBJECT);
  if (!psi->some.set && !psi->full.set) return object != NULL;
  return ctr__stats_add_stall(arena, value, "some", &psi->some) &&
         ctr__stats_add_stall(arena, value, "full", &psi->full) &&
         ctr_json_add(arena, object, "psi", value);
}

static ctr_json *ctr__stats_cpu_json(ctr_arena *arena, const ctr_cpu_stats *cpu) {
  ctr_json *object = ctr_json_new(arena, CTR_JSON_OBJECT);
  ctr_json *usage = ctr__write_object(arena, &ctr__type_of_ctr_cpu_usage, &cpu->usage);
  const bool ok =
      ctr__stats_add_numbers(arena, usage, "percpu", &cpu->usage.percpu) &&
      ctr__stats_add_numbers(arena, usage, "percpu_kernel", &cpu->usage.percpu_kernel) &&
      ctr__stats_add_numbers(arena, usage, "percpu_user", &cpu->usage.percpu_user) &&
      ctr_json_add(arena, object, "usage", usage) &&
      ctr_json_add(arena, object, "throttling",
                   ctr__write_object(arena, &ctr__type_of_ctr_cpu_throttling, &cpu->throttling)) &&
      ctr__stats_add_psi(arena, object, &cpu->psi);
  return ok ? object : NULL;
}

static ctr_json *ctr__stats_memory_json(ctr_arena *arena, const ctr_memory_stats *memory) {
  ctr_json *object = ctr__write_object(arena, &ctr__type_of_ctr_memory_stats, memory);
  ctr_json *raw = ctr_json_new(arena, CTR_JSON_OBJECT);
  for (size_t i = 0; i < memory->raw.count; i++)
    if (!ctr_json_add(arena, raw, memory->raw.items[i].name,
                      ctr_json_new_uint(arena, memory->raw.items[i].value)))
      return NULL;
  if (raw && raw->as.list.count && !ctr_json_add(arena, object, "raw", raw)) return NULL;
  return ctr__stats_add_psi(arena, object, &memory->psi) ? object : NULL;
}

/* Engines take 0 and absence for no limit, other than of memory. */
static ctr_json *ctr__stats_pids_json(ctr_arena *arena, const ctr_pids_stats *pids) {
  ctr_pids_stats known = *pids;
  known.limit.set &= known.limit.value != UINT64_MAX;
  return ctr__write_object(arena, &ctr__type_of_ctr_pids_stats, &known);
}

static ctr_json *ctr__stats_blkio_json(ctr_arena *arena, const ctr_io_stats *io) {
  ctr_json *object = ctr__write_object(arena, &ctr__type_of_ctr_io_stats, io);
  return ctr__stats_add_psi(arena, object, &io->psi) ? object : NULL;
}

static ctr_json *ctr__stats_hugetlb_json(ctr_arena *arena, const ctr_hugetlb_list *sizes) {
  ctr_json *object = ctr_json_new(arena, CTR_JSON_OBJECT);
  for (size_t i = 0; i < sizes->count; i++)
    if (!ctr_json_add(arena, object, sizes->items[i].key,
                      ctr__write_object(arena, &ctr__type_of_ctr_hugetlb_stats, &sizes->items[i])))
      return NULL;
  return object;
}

/* An interface may be called anything; JSON is UTF-8. */
static ctr_json *ctr__stats_name_json(ctr_arena *arena, const char *name) {
  char *text = ctr__arena_strdup(arena, name);
  if (!text) return NULL;
  for (char *at = text, *end = text + strlen(text); at < end;) {
    size_t len = ctr__utf8_len(at, end);
    if (!len) *at = '?';
    at += len ? len : 1;
  }
  return ctr_json_new_string(arena, text);
}

static ctr_json *ctr__stats_network_json(ctr_arena *arena, const ctr_interfaces *interfaces) {
  ctr_json *array = ctr_json_new(arena, CTR_JSON_ARRAY);
  for (size_t i = 0; i < interfaces->count; i++) {
    const ctr_interface_stats *item = &interfaces->items[i];
    ctr_json *one = ctr__write_object(arena, &ctr__type_of_ctr_interface_stats, item);
    if (!ctr_json_add(arena, one, "Name", ctr__stats_name_json(arena, item->name)) ||
        !ctr_json_add(arena, array, NULL, one))
      return NULL;
  }
  return array;
}

ctr_code ctr_stats_to_json(ctr_arena *arena, const ctr_stats *stats, ctr_json **ret_value,
                           ctr_err *err) {
  ctr__err_clear(err);
  if (!arena || !stats || !ret_value)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, stats and ret_value are needed");
  ctr_json *object = ctr_json_new(arena, CTR_JSON_OBJECT);
  const struct {
    const char *key;
    ctr_json *value;
  } members[] = {
      {"cpu", ctr__stats_cpu_json(arena, &stats->cpu)},
      {"cpuset", ctr__write_object(arena, &ctr__type_of_ctr_cpuset_stats, &stats->cpuset)},
      {"memory", ctr__stats_memory_json(arena, &stats->memory)},
      {"pids", ctr__stats_pids_json(arena, &stats->pids)},
      {"blkio", ctr__stats_blkio_json(arena, &stats->blkio)},
      {"hugetlb", ctr__stats_hugetlb_json(arena, &stats->hugetlb)},
      {"rdma", ctr__write_object(arena, &ctr__type_of_ctr_rdma_stats, &stats->rdma)},
      {"intel_rdt", ctr_json_new(arena, CTR_JSON_OBJECT)},
      {"network_interfaces", ctr__stats_network_json(arena, &stats->network_interfaces)},
  };
  for (size_t i = 0; i < sizeof members / sizeof *members; i++)
    if (!ctr_json_add(arena, object, members[i].key, members[i].value)) return ctr__nomem(err);
  *ret_value = object;
  return CTR_OK;
}
