/* linux.resources, as what is written to which file of which cgroup (config-linux.md "Control
   groups"). Values are those of v1; what v2 has of its own becomes text of its own. What the
   machine cannot limit is refused by the name of its field. */

typedef struct ctr__limit {
  const char *field, *file, *value;
  const ctr__hierarchy *hierarchy;
  enum ctr__limit_rule rule;
} ctr__limit;

/* While they are being collected. For an update `asked` is what is to be changed, `all` that and
   what holds already. */
typedef struct ctr__limits {
  ctr__builder *b;
  const ctr_resources *asked, *all;
  enum ctr__limit_rule rule; /* of the one at hand: its text may change it, */
  ctr_code refused;          /* or find that it cannot be                    */
  ctr__limit *items;
  size_t count, room;
} ctr__limits;

static ctr_code ctr__add_limit(ctr__limits *limits, ctr__hierarchy *hierarchy, const char *field,
                               const char *file, const char *value) {
  if (limits->count == limits->room) {
    size_t room = limits->room * 2 + 16;
    ctr__limit *items = ctr__take(limits->b, room, sizeof *items);
    if (!items) return ctr__nomem(limits->b->err);
    if (limits->count) memcpy(items, limits->items, limits->count * sizeof *items);
    limits->items = items;
    limits->room = room;
  }
  hierarchy->has_limits = true;
  limits->items[limits->count++] = (ctr__limit){field, file, value, hierarchy, limits->rule};
  return CTR_OK;
}

/* -- where -- */

/* cgroups(7): the name of a file starts with that of its controller. */
static size_t ctr__controller_len(const char *file) {
  return strcspn(file, ".");
}

static ctr__hierarchy *ctr__hierarchy_of_file(ctr__hierarchies *all, const char *file, bool v2) {
  return all && file ? ctr__hierarchy_with(all, file, ctr__controller_len(file), v2) : NULL;
}

/* The hierarchy that a limit is set in: v1 where it has the controller, else v2. */
static ctr_code ctr__find_controller(ctr__builder *b, const char *field, const char *v1_file,
                                     const char *v2_file, ctr__hierarchy **ret) {
  ctr__hierarchies *all = b->hierarchies;
  if (!all)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, field,
                       "limits are a cgroup's: only a container that is made with one has them");
  *ret = ctr__hierarchy_of_file(all, v1_file, false);
  if (!*ret) *ret = ctr__hierarchy_of_file(all, v2_file, true);
  if (*ret) return CTR_OK;
  const char *file = v1_file ? v1_file : v2_file;
  if (ctr__hierarchy_of_file(all, file, v1_file != NULL))
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field, "cgroup v%d has no such limit",
                     v1_file ? 2 : 1);
  return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                   "no cgroup hierarchy that is mounted has the controller %.*s",
                   (int)ctr__controller_len(file), file);
}

/* -- values -- */

/* The text of a value for one version; NULL: nothing is to be written, or it is refused. */
typedef const char *ctr__limit_text(ctr__limits *limits, const char *field);

/* cgroup-v2.rst, "Conventions": no limit is "max". */
static const char *ctr__number_or_max(const ctr__limits *limits, int64_t value) {
  return value < 0 ? "max" : ctr__print(limits->b, "%lld", (long long)value);
}

/* v1 refuses to go below what is in use; v2 would kill instead. */
static const char *ctr__v2_memory(ctr__limits *limits, const char *field) {
  const ctr_memory *m = &limits->all->memory;
  (void)field;
  if (m->checkBeforeUpdate && m->limit.value >= 0) limits->rule = CTR__LIMIT_IF_FREE;
  return ctr__number_or_max(limits, m->limit.value);
}

static const char *ctr__v2_reservation(ctr__limits *limits, const char *field) {
  (void)field;
  return ctr__number_or_max(limits, limits->all->memory.reservation.value);
}

static const char *ctr__any_pids(ctr__limits *limits, const char *field) {
  (void)field;
  return ctr__number_or_max(limits, limits->all->pids.limit.value);
}

/* In v1, and in OCI, swap is memory and swap together; v2 counts swap alone. A machine without swap
   need not have the file, and gives none. */
static const char *ctr__v2_swap(ctr__limits *limits, const char *field) {
  const ctr_memory *m = &limits->all->memory;
  if (m->swap.value < 0) return "max";
  if (!m->limit.set || m->limit.value < 0 || m->swap.value < m->limit.value) {
    limits->refused = ctr__refuse(
        limits->b, CTR_E_CONFIG, field,
        "it limits memory and swap together: it goes with a linux.resources.memory.limit that is "
        "not higher");
    return NULL;
  }
  if (m->swap.value == m->limit.value) limits->rule = CTR__LIMIT_IF_THERE;
  return ctr__number_or_max(limits, m->swap.value - m->limit.value);
}

/* cgroup-v2.rst: it always is. */
static const char *ctr__v2_hierarchical(ctr__limits *limits, const char *field) {
  (void)limits;
  (void)field;
  return NULL;
}

/* Without libm, which a program would have to be linked with. value is at least 1. */
static double ctr__log2(double value) {
  double log = 0;
  while (value >= 2) {
    value /= 2;
    log++;
  }
  double bit = 1;
  for (int i = 0; i < DBL_MANT_DIG; i++) {
    value *= value;
    bit /= 2;
    if (value < 2) continue;
    value /= 2;
    log += bit;
  }
  return log;
}

static double ctr__exp10(double exponent) {
  const double ln10 = 2.302585092994045684;
  double sum = 1, term = 1;
  for (int i = 1; i < 60; i++) sum += term *= exponent * ln10 / i;
  return sum;
}

/* cpu.shares 2 to 262144, 1024 being usual, to cpu.weight 1 to 10000, 100 being usual: a curve
   through the three, 10^((l^2 + 125 l) / 612 - 7/34) with l = log2(shares), rounded up, which runc
   and crun have too. */
static const char *ctr__v2_weight(ctr__limits *limits, const char *field) {
  const uint64_t shares = limits->all->cpu.shares.value;
  (void)field;
  if (shares <= 2) return "1";
  if (shares >= 262144) return "10000";
  const double l = ctr__log2((double)shares);
  const double weight = ctr__exp10((l * l + 125 * l) / 612 - 7.0 / 34);
  return ctr__print(limits->b, "%d", (int)(weight + 1 - 1e-9));
}

/* "quota period" in one file. A period that is not known stays what it is. */
static const char *ctr__v2_period(ctr__limits *limits, const char *field) {
  const ctr_cpu *cpu = &limits->all->cpu;
  (void)field;
  const char *quota = ctr__number_or_max(limits, cpu->quota.set ? cpu->quota.value : -1);
  if (!quota || !cpu->period.set) return quota;
  return ctr__print(limits->b, "%s %llu", quota, (unsigned long long)cpu->period.value);
}

static const char *ctr__v2_quota(ctr__limits *limits, const char *field) {
  return limits->asked->cpu.period.set ? NULL : ctr__v2_period(limits, field); /* it has both */
}

/* -- one field, one file -- */

/* Without a text of its own a value is written as it is; without a file, there is no such limit. */
static const struct ctr__limit_row {
  const char *path; /* below linux.resources */
  const char *v1, *v2;
  ctr__limit_text *v1_text, *v2_text;
} ctr__limit_rows[] = {
    {"memory.limit", "memory.limit_in_bytes", "memory.max", NULL, ctr__v2_memory},
    {"memory.swap", "memory.memsw.limit_in_bytes", "memory.swap.max", NULL, ctr__v2_swap},
    {"memory.reservation", "memory.soft_limit_in_bytes", "memory.low", NULL, ctr__v2_reservation},
    {"memory.kernel", "memory.kmem.limit_in_bytes", NULL, NULL, NULL},
    {"memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes", NULL, NULL, NULL},
    {"memory.swappiness", "memory.swappiness", NULL, NULL, NULL},
    {"memory.disableOOMKiller", "memory.oom_control", NULL, NULL, NULL},
    {"memory.useHierarchy", "memory.use_hierarchy", "memory.max", NULL, ctr__v2_hierarchical},
    {"cpu.shares", "cpu.shares", "cpu.weight", NULL, ctr__v2_weight},
    {"cpu.period", "cpu.cfs_period_us", "cpu.max", NULL, ctr__v2_period},
    {"cpu.quota", "cpu.cfs_quota_us", "cpu.max", NULL, ctr__v2_quota},
    {"cpu.burst", "cpu.cfs_burst_us", "cpu.max.burst", NULL, NULL},
    {"cpu.realtimePeriod", "cpu.rt_period_us", NULL, NULL, NULL},
    {"cpu.realtimeRuntime", "cpu.rt_runtime_us", NULL, NULL, NULL},
    {"cpu.idle", "cpu.idle", "cpu.idle", NULL, NULL},
    {"cpu.cpus", "cpuset.cpus", "cpuset.cpus", NULL, NULL},
    {"cpu.mems", "cpuset.mems", "cpuset.mems", NULL, NULL},
    {"pids.limit", "pids.max", "pids.max", ctr__any_pids, ctr__any_pids},
    {"blockIO.leafWeight", "blkio.leaf_weight", NULL, NULL, NULL},
    {"network.classID", "net_cls.classid", NULL, NULL, NULL},
};

/* The field of a path such as "memory.limit"; *base becomes what it is a member of. */
static const ctr__field *ctr__find_field(const ctr__type *type, const char *path,
                                         const void **base) {
  for (size_t i = 0; i < type->count; i++) {
    const ctr__field *field = &type->fields[i];
    size_t len = strlen(field->name);
    if (strncmp(field->name, path, len) != 0) continue;
    if (!path[len]) return field;
    if (path[len] != '.' || field->kind != CTR__F_OBJECT) continue;
    *base = (const char *)*base + field->offset;
    return ctr__find_field(field->type, path + len + 1, base);
  }
  return NULL;
}

static const char *ctr__plain_text(const ctr__limits *limits, const ctr__field *field,
                                   const void *at) {
  if (field->kind == CTR__F_BOOL) return "1";
  if (field->kind == CTR__F_STR) return ctr__pointer_at(at);
  if (field->kind == CTR__F_INT)
    return ctr__print(limits->b, "%lld", (long long)((const ctr_int *)at)->value);
  return ctr__print(limits->b, "%llu", (unsigned long long)((const ctr_uint *)at)->value);
}

/* -1 lifts a limit: nothing is asked for where there is none. */
static ctr_code ctr__collect_row(ctr__limits *limits, const struct ctr__limit_row *row) {
  const void *base = limits->asked;
  const ctr__field *member = ctr__find_field(&ctr__type_of_ctr_resources, row->path, &base);
  if (!ctr__field_is_set(member, base)) return CTR_OK;
  const void *at = (const char *)base + member->offset;
  const char *field = ctr__print(limits->b, "linux.resources.%s", row->path);
  if (!field) return ctr__nomem(limits->b->err);
  const bool lifts = member->kind == CTR__F_INT && ((const ctr_int *)at)->value < 0;
  ctr__hierarchy *h = NULL;
  ctr_code code = ctr__find_controller(limits->b, field, row->v1, row->v2, &h);
  if (code && lifts) ctr__err_clear(limits->b->err);
  if (code) return lifts ? CTR_OK : code;
  limits->rule = lifts ? CTR__LIMIT_IF_THERE : CTR__LIMIT_ALWAYS;
  ctr__limit_text *text = h->v2 ? row->v2_text : row->v1_text;
  const char *value = text ? text(limits, field) : ctr__plain_text(limits, member, at);
  if (limits->b->nomem) return ctr__nomem(limits->b->err);
  if (!value) return limits->refused;
  return ctr__add_limit(limits, h, field, h->v2 ? row->v2 : row->v1, value);
}

/* -- lists -- */

static ctr_code ctr__collect_list_item(ctr__limits *limits, const char *field, const char *v1_file,
                                       const char *v1_value, const char *v2_file,
                                       const char *v2_value) {
  ctr__hierarchy *h = NULL;
  if (limits->b->nomem) return ctr__nomem(limits->b->err);
  ctr_code code = ctr__find_controller(limits->b, field, v1_file, v2_file, &h);
  if (code) return code;
  limits->rule = CTR__LIMIT_ALWAYS;
  return ctr__add_limit(limits, h, field, h->v2 ? v2_file : v1_file, h->v2 ? v2_value : v1_value);
}

/* Weights are for a scheduler that the machine need not use: bfq has files of its own. io.weight is
   on another scale: 1 to 10000 for 10 to 1000. device: "8:16 ", or "" for all. */
static ctr_code ctr__collect_weight(ctr__limits *limits, const char *field, const char *device,
                                    uint64_t weight) {
  const bool all = !*device;
  if (weight < 10 || weight > 1000)
    return ctr__refuse(limits->b, CTR_E_CONFIG, field, "a weight is from 10 to 1000");
  const uint64_t io = 1 + (weight - 10) * 9999 / 990;
  const char *plain = ctr__print(limits->b, "%s%llu", device, (unsigned long long)weight);
  const char *scaled = ctr__print(limits->b, "%s%llu", device, (unsigned long long)io);
  ctr__hierarchy *h = NULL;
  if (limits->b->nomem) return ctr__nomem(limits->b->err);
  const char *bfq = all ? "blkio.bfq.weight" : "blkio.bfq.weight_device";
  ctr_code code = ctr__find_controller(limits->b, field, bfq, "io.weight", &h);
  if (code) return code;
  limits->rule = CTR__LIMIT_IF_THERE;
  code = ctr__add_limit(limits, h, field, h->v2 ? "io.bfq.weight" : bfq, plain);
  if (code) return code;
  limits->rule = CTR__LIMIT_ELSE;
  const char *v1 = all ? "blkio.weight" : "blkio.weight_device";
  return ctr__add_limit(limits, h, field, h->v2 ? "io.weight" : v1, h->v2 ? scaled : plain);
}

static ctr_code ctr__collect_weights(ctr__limits *limits) {
  const ctr_block_io *io = &limits->asked->blockIO;
  ctr_code code = CTR_OK;
  if (io->weight.set)
    code = ctr__collect_weight(limits, "linux.resources.blockIO.weight", "", io->weight.value);
  for (size_t i = 0; i < io->weightDevice.count && !code; i++) {
    const ctr_weight_device *d = &io->weightDevice.items[i];
    const char *field = ctr__print(limits->b, "linux.resources.blockIO.weightDevice[%zu]", i);
    const char *device =
        ctr__print(limits->b, "%lld:%lld ", (long long)d->major_, (long long)d->minor_);
    if (!field || !device) return ctr__nomem(limits->b->err);
    if (d->weight.set) code = ctr__collect_weight(limits, field, device, d->weight.value);
    if (d->leafWeight.set && !code)
      code = ctr__collect_list_item(limits, field, "blkio.leaf_weight_device",
                                    ctr__print(limits->b, "%s%llu", device,
                                               (unsigned long long)d->leafWeight.value),
                                    NULL, NULL);
  }
  return code;
}

/* One file for each in v1, one for all in v2; a rate of 0 is none at all (blkio-controller.rst). */
static ctr_code ctr__collect_throttles(ctr__limits *limits) {
  const ctr_block_io *io = &limits->asked->blockIO;
  const struct {
    const ctr_throttle_devices *devices;
    const char *name, *v1, *v2;
  } kinds[] = {{&io->throttleReadBpsDevice, "throttleReadBpsDevice", "read_bps", "rbps"},
               {&io->throttleWriteBpsDevice, "throttleWriteBpsDevice", "write_bps", "wbps"},
               {&io->throttleReadIOPSDevice, "throttleReadIOPSDevice", "read_iops", "riops"},
               {&io->throttleWriteIOPSDevice, "throttleWriteIOPSDevice", "write_iops", "wiops"}};
  ctr__builder *b = limits->b;
  ctr_code code = CTR_OK;
  for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
    for (size_t i = 0; i < kinds[kind].devices->count && !code; i++) {
      const ctr_throttle_device *d = &kinds[kind].devices->items[i];
      const char *device = ctr__print(b, "%lld:%lld", (long long)d->major_, (long long)d->minor_);
      const char *rate = ctr__print(b, "%llu", (unsigned long long)d->rate);
      if (!device || !rate) return ctr__nomem(b->err);
      code = ctr__collect_list_item(
          limits, ctr__print(b, "linux.resources.blockIO.%s[%zu]", kinds[kind].name, i),
          ctr__print(b, "blkio.throttle.%s_device", kinds[kind].v1),
          ctr__print(b, "%s %s", device, rate), "io.max",
          ctr__print(b, "%s %s=%s", device, kinds[kind].v2, d->rate ? rate : "max"));
    }
  }
  return code;
}

/* config-linux.md "Huge page limits": of reservations where the kernel counts them, and of use. */
static ctr_code ctr__collect_hugepages(ctr__limits *limits) {
  const ctr_hugepage_limits *pages = &limits->asked->hugepageLimits;
  ctr__builder *b = limits->b;
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < pages->count && !code; i++) {
    const char *size = pages->items[i].pageSize;
    const char *field = ctr__print(b, "linux.resources.hugepageLimits[%zu]", i);
    const char *value = ctr__print(b, "%llu", (unsigned long long)pages->items[i].limit);
    if (!field || !value) return ctr__nomem(b->err);
    if (!*size || strchr(size, '/'))
      return ctr__fail(b->err, CTR_E_CONFIG, 0, field, "\"%.32s\" is no size of pages", size);
    code =
        ctr__collect_list_item(limits, field, ctr__print(b, "hugetlb.%s.rsvd.limit_in_bytes", size),
                               value, ctr__print(b, "hugetlb.%s.rsvd.max", size), value);
    if (code) return code;
    limits->items[limits->count - 1].rule = CTR__LIMIT_IF_THERE;
    code = ctr__collect_list_item(limits, field, ctr__print(b, "hugetlb.%s.limit_in_bytes", size),
                                  value, ctr__print(b, "hugetlb.%s.max", size), value);
  }
  return code;
}

static ctr_code ctr__collect_network(ctr__limits *limits) {
  const ctr_if_priorities *priorities = &limits->asked->network.priorities;
  ctr__builder *b = limits->b;
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < priorities->count && !code; i++)
    code =
        ctr__collect_list_item(limits, ctr__print(b, "linux.resources.network.priorities[%zu]", i),
                               "net_prio.ifpriomap",
                               ctr__print(b, "%s %u", priorities->items[i].name,
                                          priorities->items[i].priority),
                               NULL, NULL);
  return code;
}

/* The same for both (cgroup-v2.rst, "RDMA"). */
static ctr_code ctr__collect_rdma(ctr__limits *limits) {
  const ctr_rdmas *rdma = &limits->asked->rdma;
  ctr__builder *b = limits->b;
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < rdma->count && !code; i++) {
    const ctr_rdma *device = &rdma->items[i];
    const char *field = ctr__print(b, "linux.resources.rdma.%s", device->key), *value = device->key;
    if (!device->hcaHandles.set && !device->hcaObjects.set)
      return ctr__refuse(b, CTR_E_CONFIG, field, "hcaHandles or hcaObjects is needed");
    if (device->hcaHandles.set && value)
      value =
          ctr__print(b, "%s hca_handle=%llu", value, (unsigned long long)device->hcaHandles.value);
    if (device->hcaObjects.set && value)
      value =
          ctr__print(b, "%s hca_object=%llu", value, (unsigned long long)device->hcaObjects.value);
    code = ctr__collect_list_item(limits, field, "rdma.max", value, "rdma.max", value);
  }
  return code;
}

/* -- unified -- */

/* What says who is in the cgroup, and what they may do, is the runtime's. */
static bool ctr__is_file_of_runtime(const char *file) {
  static const char *const own[] = {"cgroup.procs",  "cgroup.threads", "cgroup.kill",
                                    "cgroup.freeze", "cgroup.type",    "cgroup.subtree_control"};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (!strcmp(file, own[i])) return true;
  return false;
}

static ctr__hierarchy *ctr__any_v2(ctr__hierarchies *all) {
  for (size_t i = 0; all && i < all->count; i++)
    if (all->items[i].v2 && !ctr__hierarchy_is_hidden(all, i)) return &all->items[i];
  return NULL;
}

/* cgroup files take one line at a time. */
static ctr_code ctr__collect_lines(ctr__limits *limits, ctr__hierarchy *h, const char *field,
                                   const char *file, const char *text) {
  ctr_code code = CTR_OK;
  limits->rule = CTR__LIMIT_ALWAYS;
  if (!*text) return ctr__add_limit(limits, h, field, file, "");
  for (const char *line = text; *line && !code;
       line += strcspn(line, "\n"), line += *line == '\n') {
    const char *value = ctr__print(limits->b, "%.*s", (int)strcspn(line, "\n"), line);
    if (!value) return ctr__nomem(limits->b->err);
    if (*value) code = ctr__add_limit(limits, h, field, file, value);
  }
  return code;
}

static ctr_code ctr__collect_unified(ctr__limits *limits) {
  const ctr_pairs *unified = &limits->asked->unified;
  ctr__builder *b = limits->b;
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < unified->count && !code; i++) {
    const char *file = unified->items[i].key;
    const char *field = ctr__print(b, "linux.resources.unified.%s", file);
    if (!field) return ctr__nomem(b->err);
    if (strchr(file, '/') || !strchr(file, '.') || ctr__is_file_of_runtime(file))
      return ctr__refuse(b, CTR_E_CONFIG, field, "is no file that takes a limit");
    ctr__hierarchy *h = b->hierarchies && !strncmp(file, "cgroup.", 7)
                            ? ctr__any_v2(b->hierarchies)
                            : ctr__hierarchy_of_file(b->hierarchies, file, true);
    if (!h) code = ctr__find_controller(b, field, NULL, file, &h);
    if (!code) code = ctr__collect_lines(limits, h, field, file, unified->items[i].value);
  }
  return code;
}

/* -- all -- */

static ctr_code ctr__collect_limits(ctr__builder *b) {
  static ctr_code (*const lists[])(ctr__limits *) = {ctr__collect_weights,   ctr__collect_throttles,
                                                     ctr__collect_hugepages, ctr__collect_network,
                                                     ctr__collect_rdma,      ctr__collect_unified};
  ctr__limits limits = {.b = b, .all = &b->config->linux_.resources};
  ctr_resources asked = b->purpose->changed ? *b->purpose->changed : *limits.all;
  /* v2's limit of swap follows from both. */
  if (asked.memory.limit.set) asked.memory.swap = limits.all->memory.swap;
  limits.asked = &asked;
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < sizeof ctr__limit_rows / sizeof *ctr__limit_rows && !code; i++)
    code = ctr__collect_row(&limits, &ctr__limit_rows[i]);
  for (size_t i = 0; i < sizeof lists / sizeof *lists && !code; i++) code = lists[i](&limits);
  b->limits = limits.items;
  b->limit_count = limits.count;
  return code;
}
