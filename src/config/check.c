/* What can be said of a config without looking at the machine: nothing in it is passed over in
   silence, and nothing in it contradicts itself. */

typedef struct ctr__checker {
  const ctr_config *config;
  const ctr_log *log;
  ctr_err *err;
} ctr__checker;

__attribute__((format(printf, 3, 4))) static ctr_code ctr__wrong(ctr__checker *c, const char *field,
                                                                 const char *format, ...) {
  if (!c->err) return CTR_E_CONFIG;
  ctr__fail(c->err, CTR_E_CONFIG, 0, field, "%s", "");
  va_list args;
  va_start(args, format);
  ctr__err_vadd(c->err, format, args);
  va_end(args);
  return CTR_E_CONFIG;
}

/* "mounts[3].source": a name for an element's member; the buffer is the caller's. */
__attribute__((format(printf, 2, 3))) static const char *ctr__name_it(char name[128],
                                                                      const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(name, 128, format, args);
  va_end(args);
  return name;
}

/* -- the shape: what a reader has seen to, and a caller who fills the structs may have missed -- */

__attribute__((format(printf, 3, 4))) static ctr_code
ctr__misshaped(ctr__checker *c, const ctr__where *where, const char *format, ...) {
  char field[128];
  if (!c->err) return CTR_E_CONFIG;
  ctr__where_text(where, field, sizeof field);
  ctr__fail(c->err, CTR_E_CONFIG, 0, field, "%s", "");
  va_list args;
  va_start(args, format);
  ctr__err_vadd(c->err, format, args);
  va_end(args);
  return CTR_E_CONFIG;
}

static ctr_code ctr__check_integer(ctr__checker *c, const ctr__where *where,
                                   const ctr__field *field, bool is_signed, uint64_t bits) {
  int64_t min;
  uint64_t max;
  ctr__bounds(field, &min, &max);
  bool negative = is_signed && (int64_t)bits < 0;
  bool above = negative ? (int64_t)bits >= min : min <= 0 || bits >= (uint64_t)min;
  if (above && (negative || bits <= max)) return CTR_OK;
  return ctr__misshaped(c, where, "must be from %lld to %llu", (long long)min,
                        (unsigned long long)max);
}

static ctr_code ctr__check_number(ctr__checker *c, const ctr__where *where, const ctr__field *field,
                                  const void *at) {
  const ctr_int *i = at;
  const ctr_uint *u = at;
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_INT:
    return i->set ? ctr__check_integer(c, where, field, true, (uint64_t)i->value) : CTR_OK;
  case CTR__F_UINT: return u->set ? ctr__check_integer(c, where, field, false, u->value) : CTR_OK;
  case CTR__F_I32:
    return ctr__check_integer(c, where, field, true, (uint64_t)(int64_t)(*(const int32_t *)at));
  case CTR__F_I64: return ctr__check_integer(c, where, field, true, *(const uint64_t *)at);
  case CTR__F_U32: return ctr__check_integer(c, where, field, false, *(const uint32_t *)at);
  default: return ctr__check_integer(c, where, field, false, *(const uint64_t *)at);
  }
}

static ctr_code ctr__check_name(ctr__checker *c, const ctr__where *where, const ctr__field *field,
                                const void *at) {
  uint64_t known = 0, bits = 0;
  if (field->kind == CTR__F_ENUM) {
    uint32_t value = *(const uint32_t *)at;
    if (!value && (field->flags & CTR__REQUIRED))
      return ctr__misshaped(c, where, "required, and missing");
    if (!value || *ctr__name_of(field->names, value) != '?') return CTR_OK;
    return ctr__misshaped(c, where, "%#x is not a %s", value, field->names->what);
  }
  bits = *(const uint64_t *)at;
  for (size_t i = 0; i < field->names->count; i++)
    known |= UINT64_C(1) << field->names->items[i].value;
  if (!(bits & ~known)) return CTR_OK;
  return ctr__misshaped(c, where, "%#llx has bits that stand for no %s", (unsigned long long)bits,
                        field->names->what);
}

static ctr_code ctr__check_shape(ctr__checker *c, const ctr__where *where, const ctr__type *type,
                                 const void *base);

/* The elements of a list of any kind. */
static ctr_code ctr__check_elements(ctr__checker *c, const ctr__where *where,
                                    const ctr__field *field, ctr__any_list list) {
  if (list.count && !list.items)
    return ctr__misshaped(c, where, "a list of %zu without items", list.count);
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < list.count && !code; i++) {
    ctr__where at = {where, NULL, i};
    const ctr_pair *pair = (const ctr_pair *)list.items + i;
    const char *element = list.items;
    if (field->kind == CTR__F_STRS && !((const char *const *)list.items)[i])
      code = ctr__misshaped(c, &at, "missing");
    if (field->kind == CTR__F_IDS)
      code = ctr__check_integer(c, &at, field, false, ((const uint32_t *)list.items)[i]);
    if (field->kind == CTR__F_PAIRS && (!pair->key || !pair->value))
      code = ctr__misshaped(c, where, "element %zu has no %s", i, pair->key ? "value" : "key");
    if (field->kind != CTR__F_LIST && field->kind != CTR__F_MAP) continue;
    element += i * field->type->size;
    if (field->kind == CTR__F_MAP && !ctr__key_at(element))
      return ctr__misshaped(c, where, "element %zu has no key", i);
    if (field->kind == CTR__F_MAP) at.name = ctr__key_at(element);
    code = ctr__check_shape(c, &at, field->type, element);
  }
  return code;
}

static ctr_code ctr__check_member(ctr__checker *c, const ctr__where *where, const ctr__field *field,
                                  const void *base) {
  const void *at = (const char *)base + field->offset;
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_BOOL: return CTR_OK;
  case CTR__F_STR:
    return (field->flags & CTR__REQUIRED) && !(field->flags & CTR__IN_TEXT) && !ctr__pointer_at(at)
               ? ctr__misshaped(c, where, "required, and missing")
               : CTR_OK;
  case CTR__F_ENUM:
  case CTR__F_BITS: return ctr__check_name(c, where, field, at);
  case CTR__F_STRS:
  case CTR__F_IDS:
  case CTR__F_PAIRS:
  case CTR__F_LIST:
  case CTR__F_MAP: return ctr__check_elements(c, where, field, ctr__list_at(at));
  case CTR__F_OBJECT:
    return ctr__field_is_set(field, base) ? ctr__check_shape(c, where, field->type, at) : CTR_OK;
  case CTR__F_POINTER:
    return ctr__pointer_at(at) ? ctr__check_shape(c, where, field->type, ctr__pointer_at(at))
                               : CTR_OK;
  default: return ctr__check_number(c, where, field, at);
  }
}

/* Recursion is bounded by the table. */
static ctr_code ctr__check_shape(ctr__checker *c, const ctr__where *where, const ctr__type *type,
                                 const void *base) {
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < type->count && !code; i++) {
    ctr__where here = {where, type->fields[i].name, 0};
    code = ctr__check_member(c, &here, &type->fields[i], base);
  }
  return code;
}

/* Of a config and what it carries besides. */
static ctr_code ctr__check_shapes(ctr__checker *c) {
  const ctr__where landlock = {NULL, "landlock", 0};
  ctr_code code = ctr__check_shape(c, NULL, &ctr__type_of_ctr_config, c->config);
  return code || !c->config->landlock
             ? code
             : ctr__check_shape(c, &landlock, &ctr__type_of_ctr_landlock, c->config->landlock);
}

/* -- what is not executed -- */

static ctr_code ctr__refuse_unexecuted(ctr__checker *c, const ctr__where *where,
                                       const ctr__type *type, const void *base) {
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < type->count && !code; i++) {
    const ctr__field *field = &type->fields[i];
    const char *at = (const char *)base + field->offset;
    ctr__where here = {where, field->name, 0};
    if (!ctr__field_is_set(field, base)) continue;
    if (field->flags & CTR__NOT_EXECUTED) {
      char name[128];
      ctr__where_text(&here, name, sizeof name);
      return ctr__fail(c->err, CTR_E_UNSUPPORTED, 0, name,
                       "this version of ctr.h does not execute it; take it out, or use a version "
                       "that does");
    }
    if (field->kind == CTR__F_OBJECT) code = ctr__refuse_unexecuted(c, &here, field->type, at);
    if (field->kind != CTR__F_LIST) continue;
    ctr__any_list list = ctr__list_at(at);
    for (size_t n = 0; n < list.count && !code; n++) {
      ctr__where element = {&here, NULL, n};
      code = ctr__refuse_unexecuted(c, &element, field->type,
                                    (const char *)list.items + n * field->type->size);
    }
  }
  return code;
}

/* -- process -- */

/* execve(2), "Limits on size of arguments and environment": 32 pages for one string. */
static ctr_code ctr__check_lengths(ctr__checker *c, const char *field, ctr_strs strings) {
  enum { LONGEST = 131072 };
  char name[128];
  for (size_t i = 0; i < strings.count; i++)
    if (strlen(strings.items[i]) >= LONGEST)
      return ctr__wrong(c, ctr__name_it(name, "%s[%zu]", field, i),
                        "longer than the kernel takes, %d bytes", LONGEST - 1);
  return CTR_OK;
}

static ctr_code ctr__check_process(ctr__checker *c) {
  const ctr_process_config *p = &c->config->process;
  char name[128];
  if (!p->args.count || !*p->args.items[0])
    return ctr__wrong(c, "process.args", "the program to run is missing");
  if (!p->cwd || *p->cwd != '/') return ctr__wrong(c, "process.cwd", "must be an absolute path");
  ctr_code code = ctr__check_lengths(c, "process.args", p->args);
  if (!code) code = ctr__check_lengths(c, "process.env", p->env);
  if (code) return code;
  if (!strchr(p->args.items[0], '/') && strlen(p->args.items[0]) > NAME_MAX)
    return ctr__wrong(c, "process.args[0]", "longer than a file name can be, %d bytes", NAME_MAX);
  for (size_t i = 0; i < p->env.count; i++) {
    const char *equals = strchr(p->env.items[i], '=');
    if (!equals || equals == p->env.items[i])
      return ctr__wrong(c, ctr__name_it(name, "process.env[%zu]", i),
                        "\"%.64s\" is not of the form NAME=value", p->env.items[i]);
  }
  for (size_t i = 0; i < p->rlimits.count; i++) {
    const ctr_rlimit *limit = &p->rlimits.items[i];
    if (limit->soft > limit->hard)
      return ctr__wrong(c, ctr__name_it(name, "process.rlimits[%zu]", i),
                        "the soft limit is above the hard one");
    for (size_t j = 0; j < i; j++)
      if (p->rlimits.items[j].type == limit->type)
        return ctr__wrong(c, ctr__name_it(name, "process.rlimits[%zu].type", i), "%s a second time",
                          ctr__name_of(&ctr__rlimit_names, limit->type));
  }
  return CTR_OK;
}

static ctr_code ctr__check_priorities(ctr__checker *c) {
  const ctr_process_config *p = &c->config->process;
  const ctr_scheduler *s = &p->scheduler;
  bool realtime = s->policy == CTR_SCHED_FIFO || s->policy == CTR_SCHED_RR;
  if (realtime ? s->priority < 1 : s->priority != 0)
    return ctr__wrong(c, "process.scheduler.priority",
                      "must be from 1 to 99 for SCHED_FIFO and SCHED_RR, and 0 for the others");
  if (s->policy != CTR_SCHED_DEADLINE && (s->runtime | s->deadline | s->period))
    return ctr__wrong(c, "process.scheduler",
                      "runtime, deadline and period are for SCHED_DEADLINE only");
  return CTR_OK;
}

/* What execve would leave of the ambient set: capabilities(7) keeps in it only what is permitted
   and inheritable. */
static uint64_t ctr__ambient_effective(const ctr_capabilities *caps) {
  return caps->ambient & caps->inheritable & caps->permitted;
}

static ctr_code ctr__check_capabilities(ctr__checker *c) {
  const ctr_capabilities *caps = &c->config->process.capabilities;
  if (caps->effective & ~caps->permitted)
    return ctr__wrong(c, "process.capabilities.effective",
                      "has capabilities that process.capabilities.permitted lacks");
  if (caps->inheritable & ~(caps->permitted | caps->bounding))
    ctr__log(c->log, CTR_LOG_WARNING, "process.capabilities.inheritable",
             "capabilities that are neither permitted nor in the bounding set cannot be "
             "inheritable: they are left out");
  if (caps->ambient != ctr__ambient_effective(caps))
    ctr__log(c->log, CTR_LOG_WARNING, "process.capabilities.ambient",
             "capabilities that are not both permitted and inheritable cannot be ambient: they "
             "are left out");
  return CTR_OK;
}

/* -- namespaces and ids -- */

static const ctr_namespace *ctr__namespace_of(const ctr_config *config, uint32_t type) {
  const ctr_namespaces *all = &config->linux_.namespaces;
  for (size_t i = 0; i < all->count; i++)
    if ((uint32_t)all->items[i].type == type) return &all->items[i];
  return NULL;
}

static ctr_code ctr__check_namespaces(ctr__checker *c) {
  const ctr_namespaces *all = &c->config->linux_.namespaces;
  char name[128];
  for (size_t i = 0; i < all->count; i++) {
    if (ctr__namespace_of(c->config, (uint32_t)all->items[i].type) != &all->items[i])
      return ctr__wrong(c, ctr__name_it(name, "linux.namespaces[%zu].type", i),
                        "\"%s\" a second time",
                        ctr__name_of(&ctr__namespace_names, all->items[i].type));
    if (all->items[i].path && *all->items[i].path != '/')
      return ctr__wrong(c, ctr__name_it(name, "linux.namespaces[%zu].path", i),
                        "must be an absolute path");
  }
  return CTR_OK;
}

/* What changes a namespace needs one that is not the host's. */
static ctr_code ctr__check_owners(ctr__checker *c) {
  const ctr_config *config = c->config;
  const ctr_time_offsets *offsets = &config->linux_.timeOffsets;
  const struct {
    bool asked;
    uint32_t type;
    bool new_one; /* a joined one cannot be changed any more */
    const char *field;
  } needs[] = {{config->hostname != NULL, CTR_NS_UTS, false, "hostname"},
               {config->domainname != NULL, CTR_NS_UTS, false, "domainname"},
               {offsets->monotonic.secs.set || offsets->monotonic.nanosecs.set, CTR_NS_TIME, true,
                "linux.timeOffsets.monotonic"},
               {offsets->boottime.secs.set || offsets->boottime.nanosecs.set, CTR_NS_TIME, true,
                "linux.timeOffsets.boottime"},
               {config->linux_.uidMappings.count > 0, CTR_NS_USER, true, "linux.uidMappings"},
               {config->linux_.gidMappings.count > 0, CTR_NS_USER, true, "linux.gidMappings"}};
  for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
    const ctr_namespace *ns = ctr__namespace_of(config, needs[i].type);
    if (needs[i].asked && (!ns || (needs[i].new_one && ns->path)))
      return ctr__wrong(c, needs[i].field, "needs a %s%s namespace in linux.namespaces",
                        needs[i].new_one ? "new " : "",
                        ctr__name_of(&ctr__namespace_names, needs[i].type));
  }
  return CTR_OK;
}

/* sethostname(2): 64 bytes at most. */
static ctr_code ctr__check_names(ctr__checker *c) {
  const struct {
    const char *value, *field;
  } names[] = {{c->config->hostname, "hostname"}, {c->config->domainname, "domainname"}};
  for (size_t i = 0; i < 2; i++)
    if (names[i].value && strlen(names[i].value) > 64)
      return ctr__wrong(c, names[i].field, "longer than 64 bytes");
  return CTR_OK;
}

static bool ctr__ranges_meet(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size) {
  return (uint64_t)a < (uint64_t)b + b_size && (uint64_t)b < (uint64_t)a + a_size;
}

/* user_namespaces(7): at most 340 lines, none empty, none overlapping, none past the last id. */
static ctr_code ctr__check_map_ranges(ctr__checker *c, const char *field, ctr_id_mappings map) {
  char name[128];
  if (map.count > 340) return ctr__wrong(c, field, "more than 340 ranges");
  for (size_t i = 0; i < map.count; i++) {
    const ctr_id_mapping *m = &map.items[i];
    ctr__name_it(name, "%s[%zu]", field, i);
    if (!m->size) return ctr__wrong(c, name, "a range of size 0");
    if ((uint64_t)m->containerID + m->size > UINT32_MAX ||
        (uint64_t)m->hostID + m->size > UINT32_MAX)
      return ctr__wrong(c, name, "the range goes past the last id, 4294967294");
    for (size_t j = 0; j < i; j++) {
      const ctr_id_mapping *n = &map.items[j];
      if (ctr__ranges_meet(m->containerID, m->size, n->containerID, n->size) ||
          ctr__ranges_meet(m->hostID, m->size, n->hostID, n->size))
        return ctr__wrong(c, name, "overlaps %s[%zu]", field, j);
    }
  }
  return CTR_OK;
}

/* The two maps of owner: both or none of them. */
static ctr_code ctr__check_map_pair(ctr__checker *c, const char *owner, ctr_id_mappings uids,
                                    ctr_id_mappings gids) {
  char name[2][128];
  ctr__name_it(name[0], "%s.uidMappings", owner);
  ctr__name_it(name[1], "%s.gidMappings", owner);
  if (!uids.count != !gids.count)
    return ctr__wrong(c, name[uids.count != 0], "missing: the other map is given");
  ctr_code code = ctr__check_map_ranges(c, name[0], uids);
  return code ? code : ctr__check_map_ranges(c, name[1], gids);
}

/* config-linux.md "User namespace mappings", config.md "Mounts" */
static ctr_code ctr__check_maps(ctr__checker *c) {
  const ctr_linux *lin = &c->config->linux_;
  char name[128];
  ctr_code code = ctr__check_map_pair(c, "linux", lin->uidMappings, lin->gidMappings);
  for (size_t i = 0; i < c->config->mounts.count && !code; i++) {
    const ctr_mount *mount = &c->config->mounts.items[i];
    code = ctr__check_map_pair(c, ctr__name_it(name, "mounts[%zu]", i), mount->uidMappings,
                               mount->gidMappings);
  }
  return code;
}

/* -- paths, devices, settings -- */

static ctr_code ctr__check_absolute(ctr__checker *c, const char *field, ctr_strs paths) {
  char name[128];
  for (size_t i = 0; i < paths.count; i++)
    if (*paths.items[i] != '/')
      return ctr__wrong(c, ctr__name_it(name, "%s[%zu]", field, i), "must be an absolute path");
  return CTR_OK;
}

static bool ctr__same_path(const char *a, const char *b) {
  const char *name_a, *name_b;
  for (;;) {
    const size_t len_a = ctr__step_down(&a, &name_a), len_b = ctr__step_down(&b, &name_b);
    if (len_a != len_b || memcmp(name_a, name_b, len_a) != 0) return false;
    if (!len_a) return true;
  }
}

/* Types of ours: what is made, not mounted. */
#define CTR__TYPE_OURS    "ctr."
#define CTR__TYPE_DIR     CTR__TYPE_OURS "dir"
#define CTR__TYPE_FILE    CTR__TYPE_OURS "file"
#define CTR__TYPE_SYMLINK CTR__TYPE_OURS "symlink"
#define CTR__TYPE_MODE    CTR__TYPE_OURS "mode"

static bool ctr__is_made(const ctr_mount *mount) {
  return mount->type && !strncmp(mount->type, CTR__TYPE_OURS, sizeof CTR__TYPE_OURS - 1);
}

static bool ctr__is_remount(const ctr_mount *mount) {
  for (size_t i = 0; i < mount->options.count; i++)
    if (!strcmp(mount->options.items[i], "remount")) return true;
  return false;
}

/* The mount that is the container's root, where it has one of its own. */
static const ctr_mount *ctr__root_mount(const ctr_config *config) {
  const ctr_mounts *all = &config->mounts;
  const ctr_mount *first = all->count ? &all->items[0] : NULL;
  const bool is_root = first && ctr__is_root_path(first->destination) && !ctr__is_made(first) &&
                       !ctr__is_remount(first);
  return is_root ? first : NULL;
}

static ctr_code ctr__check_data(ctr__checker *c, size_t index) {
  const ctr_mount *mount = &c->config->mounts.items[index];
  const char *wrong = !mount->data.items ? "bytes are promised that are not there"
                      : !mount->type || strcmp(mount->type, CTR__TYPE_FILE) != 0
                          ? "only the type " CTR__TYPE_FILE " has any"
                      : mount->source ? "the file has a source already"
                                      : NULL;
  char name[128];
  if (!mount->data.count || !wrong) return CTR_OK;
  return ctr__wrong(c, ctr__name_it(name, "mounts[%zu].data", index), "%s", wrong);
}

static ctr_code ctr__check_mounts(ctr__checker *c) {
  char name[128];
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < c->config->mounts.count && !code; i++)
    code = *c->config->mounts.items[i].destination
               ? ctr__check_data(c, i)
               : ctr__wrong(c, ctr__name_it(name, "mounts[%zu].destination", i), "empty");
  return code;
}

static ctr_code ctr__check_paths(ctr__checker *c) {
  const char *root = c->config->root.path;
  if (!ctr__root_mount(c->config) && (!root || !*root))
    return ctr__wrong(c, "root.path", "required, and missing");
  ctr_code code = ctr__check_absolute(c, "linux.maskedPaths", c->config->linux_.maskedPaths);
  if (!code) code = ctr__check_absolute(c, "linux.readonlyPaths", c->config->linux_.readonlyPaths);
  return code;
}

static ctr_code ctr__check_devices(ctr__checker *c) {
  const ctr_devices *all = &c->config->linux_.devices;
  char name[128];
  for (size_t i = 0; i < all->count; i++) {
    const ctr_device *d = &all->items[i];
    if (!*d->type || d->type[1] || !strchr("cbup", *d->type))
      return ctr__wrong(c, ctr__name_it(name, "linux.devices[%zu].type", i),
                        "\"%.64s\" is not c, b, u or p", d->type);
    if (*d->path != '/')
      return ctr__wrong(c, ctr__name_it(name, "linux.devices[%zu].path", i),
                        "must be an absolute path");
    if (*d->type != 'p' && (!d->major_.set || !d->minor_.set))
      return ctr__wrong(c, ctr__name_it(name, "linux.devices[%zu]", i),
                        "major and minor are required for type %s", d->type);
  }
  return CTR_OK;
}

static ctr_code ctr__check_sysctls(ctr__checker *c) {
  const ctr_pairs *all = &c->config->linux_.sysctl;
  char name[128];
  for (size_t i = 0; i < all->count; i++) {
    const char *key = all->items[i].key;
    ctr__name_it(name, "linux.sysctl.%s", key);
    if (!*key || strchr("./", *key) || strchr("./", key[strlen(key) - 1]) || strstr(key, "..") ||
        strstr(key, "//") || strstr(key, "./") || strstr(key, "/."))
      return ctr__wrong(c, name, "not the name of a setting");
    if (strchr(all->items[i].value, '\n')) return ctr__wrong(c, name, "a value of several lines");
  }
  return CTR_OK;
}

/* The preset that the annotation names is the one in force, or it is an error. */
static ctr_code ctr__check_preset(ctr__checker *c) {
  const char *field = "annotations." CTR_SECCOMP_ANNOTATION;
  const ctr_seccomp_action action = c->config->linux_.seccomp.defaultAction;
  const char *asked = ctr__annotation(c->config, CTR_SECCOMP_ANNOTATION);
  const ctr__name *preset = asked ? ctr__name_find(&ctr__seccomp_presets, asked) : NULL;
  char known[256];
  if (asked && !preset)
    return ctr__wrong(c, field, "\"%.64s\" is not a %s; known are %s", asked,
                      ctr__seccomp_presets.what,
                      ctr__names_text(&ctr__seccomp_presets, ", ", known));
  if (preset && !action)
    return ctr__wrong(c, field,
                      "it is read with the text of a config: in a struct it is "
                      "linux_.seccomp.defaultAction");
  if (preset && preset->value != (int64_t)action)
    return ctr__wrong(c, field,
                      "linux.seccomp says something else: take one of them out (podman run "
                      "--security-opt seccomp=unconfined)");
  return CTR_OK;
}

/* config.md "Annotations": a key has at least one character. */
static ctr_code ctr__check_annotations(ctr__checker *c) {
  const ctr_pairs *all = &c->config->annotations;
  for (size_t i = 0; i < all->count; i++)
    if (!*all->items[i].key) return ctr__wrong(c, "annotations", "a key is empty");
  if (!c->config->landlock && ctr__annotation(c->config, CTR_LANDLOCK_ANNOTATION))
    return ctr__wrong(c, "annotations." CTR_LANDLOCK_ANNOTATION,
                      "it is read with the text of a config: in a struct it is landlock");
  return ctr__check_preset(c);
}

/* -- landlock -- */

static ctr_code ctr__check_landlock_names(ctr__checker *c, enum ctr__landlock_kind kind,
                                          const char *field, ctr_strs names) {
  static const char *const kinds[] = {"access right of files", "access right of TCP", "scope"};
  char name[128];
  for (size_t i = 0; i < names.count; i++)
    if (!ctr__landlock_find(kind, names.items[i]))
      return ctr__wrong(c, ctr__name_it(name, "%s[%zu]", field, i), "Landlock has no %s \"%.64s\"",
                        kinds[kind], names.items[i]);
  return CTR_OK;
}

/* What a rule allows was denied before, or it says nothing; of a group, what was. */
static ctr_code ctr__check_landlock_rule(ctr__checker *c, enum ctr__landlock_kind kind,
                                         const char *rule, ctr_strs allowed, uint64_t handled) {
  char field[128], name[128];
  ctr__name_it(field, "%s.allowedAccess", rule);
  if (!allowed.count) return ctr__wrong(c, field, "at least one is needed");
  ctr_code code = ctr__check_landlock_names(c, kind, field, allowed);
  for (size_t i = 0; i < allowed.count && !code; i++)
    if (!(ctr__landlock_find(kind, allowed.items[i])->bits & handled))
      code = ctr__wrong(c, ctr__name_it(name, "%s[%zu]", field, i),
                        "\"%.64s\" is not among %s: it is allowed anyway", allowed.items[i],
                        ctr__landlock_fields[kind]);
  return code;
}

static ctr_code ctr__check_landlock_paths(ctr__checker *c, size_t index, uint64_t handled) {
  const ctr_landlock_path *rule = &c->config->landlock->pathBeneath.items[index];
  char field[128], name[128];
  ctr__name_it(field, "landlock.pathBeneath[%zu]", index);
  for (size_t i = 0; i < rule->paths.count; i++)
    if (*rule->paths.items[i] != '/')
      return ctr__wrong(c, ctr__name_it(name, "%s.paths[%zu]", field, i),
                        "must be an absolute path");
  return ctr__check_landlock_rule(c, CTR__LANDLOCK_FS, field, rule->allowedAccess, handled);
}

static ctr_code ctr__check_landlock(ctr__checker *c) {
  const ctr_landlock *l = c->config->landlock;
  char field[128];
  if (!l) return CTR_OK;
  ctr_code code = CTR_OK;
  uint64_t handled[CTR__LANDLOCK_KINDS] = {0};
  for (int kind = 0; kind < CTR__LANDLOCK_KINDS && !code; kind++) {
    const enum ctr__landlock_kind k = (enum ctr__landlock_kind)kind;
    const ctr_strs names = ctr__landlock_names(l, k);
    code = ctr__check_landlock_names(c, k, ctr__landlock_fields[kind], names);
    if (!code) handled[kind] = ctr__landlock_bits(k, names);
  }
  if (!code && !(handled[0] | handled[1] | handled[2]))
    return ctr__wrong(c, "landlock", "nothing is handled and nothing scoped: it denies nothing");
  for (size_t i = 0; i < l->pathBeneath.count && !code; i++)
    code = ctr__check_landlock_paths(c, i, handled[CTR__LANDLOCK_FS]);
  for (size_t i = 0; i < l->netPort.count && !code; i++)
    code = ctr__check_landlock_rule(c, CTR__LANDLOCK_NET,
                                    ctr__name_it(field, "landlock.netPort[%zu]", i),
                                    l->netPort.items[i].allowedAccess, handled[CTR__LANDLOCK_NET]);
  return code;
}

/* set_mempolicy(2): which modes go with nodes. */
static ctr_code ctr__check_modes(ctr__checker *c) {
  const ctr_memory_policy *policy = &c->config->linux_.memoryPolicy;
  const char *nodes = policy->nodes ? policy->nodes : "";
  bool none = policy->mode == CTR_MPOL_DEFAULT || policy->mode == CTR_MPOL_LOCAL;
  if (none && *nodes) return ctr__wrong(c, "linux.memoryPolicy.nodes", "this mode takes no nodes");
  if (policy->mode && !none && policy->mode != CTR_MPOL_PREFERRED && !*nodes)
    return ctr__wrong(c, "linux.memoryPolicy.nodes", "this mode needs nodes");
  if (c->config->linux_.personality.flags.count)
    return ctr__wrong(c, "linux.personality.flags", "no flag is defined by the specification");
  return CTR_OK;
}

/* config.md "POSIX-platform Hooks": paths are absolute. */
static ctr_code ctr__check_hooks(ctr__checker *c) {
  char name[128];
  for (size_t kind = 0; kind < ctr__type_of_ctr_hooks.count; kind++) {
    const ctr__field *field = &ctr__type_of_ctr_hooks.fields[kind];
    ctr__any_list list = ctr__list_at((const char *)&c->config->hooks + field->offset);
    for (size_t i = 0; i < list.count; i++)
      if (*((const ctr_hook *)list.items)[i].path != '/')
        return ctr__wrong(c, ctr__name_it(name, "hooks.%s[%zu].path", field->name, i),
                          "must be an absolute path");
  }
  return CTR_OK;
}

/* ioctl_tty(2): the kernel's struct winsize has 16 bits for each. */
static ctr_code ctr__check_console(ctr__checker *c) {
  const ctr_console_size *size = &c->config->process.consoleSize;
  bool fits = size->height.value <= UINT16_MAX && size->width.value <= UINT16_MAX;
  return fits || !c->config->process.terminal
             ? CTR_OK
             : ctr__wrong(c, "process.consoleSize", "more than 65535 rows or columns");
}

/* -- seccomp -- */

/* config-linux.md "Seccomp": an errno is for actions that take one. The kernel gives errnos up to
   4095 (seccomp(2)) and tracers 16 bits. */
static ctr_code ctr__check_errno(ctr__checker *c, const char *field, ctr_seccomp_action action,
                                 ctr_uint number) {
  const bool is_errno = action == CTR_SCMP_ACT_ERRNO;
  if (!number.set) return CTR_OK;
  if (!is_errno && action != CTR_SCMP_ACT_TRACE)
    return ctr__wrong(c, field, "the action %s takes none",
                      ctr__name_of(&ctr__seccomp_defaults, action));
  const uint64_t most = is_errno ? 4095 : UINT16_MAX;
  return number.value <= most ? CTR_OK
                              : ctr__wrong(c, field, "above %llu", (unsigned long long)most);
}

static ctr_code ctr__check_known(ctr__checker *c, const char *field, ctr_strs strings,
                                 const ctr__names *names) {
  char name[128];
  for (size_t i = 0; i < strings.count; i++)
    if (!ctr__name_find(names, strings.items[i]))
      return ctr__wrong(c, ctr__name_it(name, "%s[%zu]", field, i), "\"%.64s\" is not a %s",
                        strings.items[i], names->what);
  return CTR_OK;
}

static ctr_code ctr__check_syscall(ctr__checker *c, size_t index) {
  const ctr_syscall *call = &c->config->linux_.seccomp.syscalls.items[index];
  char name[128];
  if (!call->names.count)
    return ctr__wrong(c, ctr__name_it(name, "linux.seccomp.syscalls[%zu].names", index),
                      "at least one is needed");
  for (size_t i = 0; i < call->args.count; i++)
    if (call->args.items[i].index > 5)
      return ctr__wrong(c,
                        ctr__name_it(name, "linux.seccomp.syscalls[%zu].args[%zu].index", index, i),
                        "system calls have six arguments, 0 to 5");
  for (size_t i = 0; i < call->names.count && call->action == CTR_SCMP_ACT_NOTIFY; i++)
    if (!strcmp(call->names.items[i], "sendmsg") || !strcmp(call->names.items[i], "socketcall"))
      return ctr__wrong(
          c, ctr__name_it(name, "linux.seccomp.syscalls[%zu].names[%zu]", index, i),
          "SCMP_ACT_NOTIFY cannot be for the call that brings the listener its descriptor");
  return ctr__check_errno(c, ctr__name_it(name, "linux.seccomp.syscalls[%zu].errnoRet", index),
                          call->action, call->errnoRet);
}

/* Whether somebody is to answer for the kernel. */
static bool ctr__seccomp_notifies(const ctr_seccomp *s) {
  for (size_t i = 0; i < s->syscalls.count; i++)
    if (s->syscalls.items[i].action == CTR_SCMP_ACT_NOTIFY) return true;
  return false;
}

static ctr_code ctr__check_listener(ctr__checker *c) {
  const ctr_seccomp *s = &c->config->linux_.seccomp;
  char name[128];
  if (s->listenerMetadata && !s->listenerPath)
    return ctr__wrong(c, "linux.seccomp.listenerMetadata",
                      "there is no listenerPath to send it to");
  if (s->defaultAction == CTR_SCMP_ACT_NOTIFY)
    return ctr__wrong(c, "linux.seccomp.defaultAction",
                      "SCMP_ACT_NOTIFY for all calls would be for those too that bring the "
                      "listener its descriptor");
  if (ctr__seccomp_notifies(s)) return CTR_OK;
  for (size_t i = 0; i < s->flags.count; i++)
    if (ctr__name_find(&ctr__seccomp_flags, s->flags.items[i])->value ==
        CTR__SECCOMP_WAIT_KILLABLE_RECV)
      return ctr__wrong(c, ctr__name_it(name, "linux.seccomp.flags[%zu]", i),
                        "is about notifications, and no action is SCMP_ACT_NOTIFY");
  return CTR_OK;
}

static ctr_code ctr__check_seccomp(ctr__checker *c) {
  const ctr_seccomp *s = &c->config->linux_.seccomp;
  ctr_code code =
      ctr__check_errno(c, "linux.seccomp.defaultErrnoRet", s->defaultAction, s->defaultErrnoRet);
  if (!code)
    code = ctr__check_known(c, "linux.seccomp.architectures", s->architectures,
                            &ctr__seccomp_architectures);
  if (!code) code = ctr__check_known(c, "linux.seccomp.flags", s->flags, &ctr__seccomp_flags);
  for (size_t i = 0; i < s->syscalls.count && !code; i++) code = ctr__check_syscall(c, i);
  return code ? code : ctr__check_listener(c);
}

static ctr_code ctr__config_check(const ctr_config *config, const ctr_log *log, ctr_err *err) {
  static ctr_code (*const checks[])(
      ctr__checker *) = {ctr__check_process,     ctr__check_priorities, ctr__check_capabilities,
                         ctr__check_namespaces,  ctr__check_owners,     ctr__check_names,
                         ctr__check_maps,        ctr__check_mounts,     ctr__check_paths,
                         ctr__check_devices,     ctr__check_sysctls,    ctr__check_modes,
                         ctr__check_annotations, ctr__check_hooks,      ctr__check_console,
                         ctr__check_seccomp,     ctr__check_landlock};
  ctr__checker c = {config, log, err};
  ctr_code code = ctr__check_shapes(&c);
  if (!code) code = ctr__refuse_unexecuted(&c, NULL, &ctr__type_of_ctr_config, config);
  for (size_t i = 0; i < sizeof checks / sizeof *checks && !code; i++) code = checks[i](&c);
  return code;
}
