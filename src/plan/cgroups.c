/* The container's own cgroups: which there are, with which limits. */

/* What pausing, listing and killing need is in one hierarchy: v2, which a process can be cloned
   into, or else that of the v1 freezer, or else v2 all the same (cgroups(7)). */
static const ctr__hierarchy *ctr__hierarchy_to_freeze_in(const ctr__builder *b) {
  const ctr__hierarchy *v2 = ctr__any_v2(b->hierarchies);
  const ctr__hierarchy *v1 = ctr__hierarchy_with(b->hierarchies, "freezer", 7, false);
  return v2 && (!v1 || (b->facts->features & CTR_FEATURE_CLONE_INTO_CGROUP)) ? v2 : v1;
}

/* Whether the caller may make path: the nearest directory above it that is there can be written
   to. */
static bool ctr__can_make(const char *path) {
  char above[PATH_MAX];
  size_t len = strlen(path);
  if (len >= sizeof above) return false;
  memcpy(above, path, len + 1);
  while (len > 1 && faccessat(AT_FDCWD, above, F_OK, AT_EACCESS) < 0 && errno == ENOENT) {
    while (len > 1 && above[len - 1] != '/') len--;
    while (len > 1 && above[len - 1] == '/') len--;
    above[len] = '\0';
  }
  return faccessat(AT_FDCWD, above, W_OK, AT_EACCESS) == 0;
}

/* Below a v2 cgroup that has processes, as the caller's own has, no controller can be enabled
   (cgroup-v2.rst, "No Internal Process Constraint"): beside it they can. */
static const char *ctr__beside(ctr__builder *b, const ctr__hierarchy *hierarchy, const char *own) {
  if (!hierarchy->v2 || strlen(own) <= strlen(hierarchy->mount_point)) return own;
  const char *parent = ctr__print(b, "%.*s", (int)(strrchr(own, '/') - own), own);
  const char *there = parent ? ctr__print(b, "%s/ctr", parent) : NULL;
  return there && ctr__can_make(there) ? parent : own;
}

static bool ctr__is_machine_root(const ctr__builder *b) {
  return b->facts->initial_userns && !b->facts->euid;
}

/* config-linux.md "Cgroups Path": an absolute path starts from the hierarchy's mount point, a
   relative one where the runtime likes: below the caller's own cgroup, or beside it. */
static ctr_code ctr__container_cgroup(ctr__builder *b, const ctr__hierarchy *hierarchy,
                                      const char **ret_path) {
  const char *asked = b->config->linux_.cgroupsPath, *base = hierarchy->mount_point;
  if (asked ? *asked != '/' : !ctr__is_machine_root(b)) {
    ctr_code code = ctr__own_cgroup_path(b, "linux.cgroupsPath", b->hierarchies, hierarchy, &base);
    if (code) return code;
    base = ctr__beside(b, hierarchy, base);
  }
  if (asked) asked += strspn(asked, "/");
  *ret_path =
      asked ? ctr__print(b, "%s/%s", base, asked) : ctr__print(b, "%s/ctr-%s", base, b->desc->id);
  return *ret_path ? CTR_OK : ctr__nomem(b->err);
}

/* As root one that is asked for and cannot be made is an error when it comes to it; an ordinary
   user, and root where the hierarchies are read-only as in a container, has one where that can
   be. */
static ctr_code ctr__choose_cgroup(ctr__builder *b, ctr__hierarchy *hierarchy) {
  const char *path = NULL;
  ctr_code code = ctr__container_cgroup(b, hierarchy, &path);
  if (code) return code;
  const bool asked = b->config->linux_.cgroupsPath, is_root = ctr__is_machine_root(b);
  if (is_root ? !asked && hierarchy->read_only : !ctr__can_make(path)) return CTR_OK;
  hierarchy->container = path;
  return CTR_OK;
}

static bool ctr__has_own_cgroups(const ctr__builder *b) {
  for (size_t i = 0; b->hierarchies && i < b->hierarchies->count; i++)
    if (b->hierarchies->items[i].container) return true;
  return false;
}

/* Engines name one for every container, also where none can be had; limits in it are an error. */
static void ctr__warn_if_not_made(const ctr__builder *b) {
  size_t missing = 0;
  for (size_t i = 0; i < b->hierarchies->count; i++) missing += !b->hierarchies->items[i].container;
  if (b->config->linux_.cgroupsPath && missing)
    ctr__log(&b->desc->log, CTR_LOG_WARNING, "linux.cgroupsPath",
             "not made in %zu of %zu hierarchies: the caller may not write there", missing,
             b->hierarchies->count);
}

/* Who deletes the container ends all that are in its cgroup, or in the pid namespace of its own. */
static void ctr__warn_if_unbounded(const ctr__builder *b) {
  const ctr_namespace *pids = ctr__namespace_of(b->config, CTR_NS_PID);
  if ((pids && !pids->path) || ctr__has_own_cgroups(b)) return;
  ctr__log(
      &b->desc->log, CTR_LOG_WARNING, "linux.namespaces",
      "without a cgroup and a pid namespace of its own, what the program leaves running in the "
      "background goes on when the container is deleted");
}

/* "a/../b" would lead where nobody looks for it, "." is the cgroup of somebody else: who deletes
   the container kills all that are in it. */
static bool ctr__has_dots(const char *path) {
  const char *name;
  for (size_t len; (len = ctr__component(&path, &name)) != 0;)
    if (len <= 2 && !memcmp(name, "..", len)) return true;
  return false;
}

/* -- devices -- */

/* Only who may do so on the machine restricts devices: v1 by a list, v2 by a program (bpf(2)). */
static ctr__hierarchy *ctr__hierarchy_for_devices(const ctr__builder *b) {
  const uint64_t bpf = CTR_CAP(BPF) | CTR_CAP(NET_ADMIN), caps = b->facts->caps;
  if (!b->facts->initial_userns || !b->config->linux_.resources.devices.count) return NULL;
  ctr__hierarchy *v1 = ctr__hierarchy_with(b->hierarchies, "devices", 7, false);
  if (v1) return (caps & CTR_CAP(SYS_ADMIN)) ? v1 : NULL;
  return (caps & CTR_CAP(SYS_ADMIN)) || (caps & bpf) == bpf ? ctr__any_v2(b->hierarchies) : NULL;
}

/* Every config that a tool writes restricts devices. Where that cannot be had it is worth a
   warning, provided nothing in the container can make a device: not in a user namespace (mknod(2)),
   nor without the capability. */
static ctr_code ctr__leave_devices(ctr__builder *b) {
  const ctr_capabilities *c = &b->config->process.capabilities;
  const uint64_t any = c->bounding | c->effective | c->inheritable | c->permitted | c->ambient;
  if (!b->config->linux_.resources.devices.count) return CTR_OK;
  const ctr_namespace *users = ctr__namespace_of(b->config, CTR_NS_USER);
  const bool in_userns = !b->facts->initial_userns || (users && !users->path);
  if ((any & CTR_CAP(MKNOD)) && !in_userns)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.resources.devices",
                       "there is no cgroup that the caller could enforce it with, and "
                       "process.capabilities grants CAP_MKNOD: take one of them out");
  ctr__log(&b->desc->log, CTR_LOG_WARNING, "linux.resources.devices",
           "not applied: there is no cgroup that the caller could enforce it with");
  return CTR_OK;
}

static ctr_code ctr__plan_device_filter(ctr__builder *b) {
  const ctr__hierarchy *h = b->device_hierarchy;
  ctr__dev_rules rules;
  ctr__dev_table table;
  ctr__dev_list list = {false, NULL};
  ctr__dev_program program = {NULL, 0};
  const bool is_update = b->purpose->goal == CTR__GOAL_UPDATE;
  if ((!h || !h->container) && is_update)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.resources.devices",
                       "the container was made without a cgroup that the caller could enforce it "
                       "with");
  if (!h || !h->container) return ctr__leave_devices(b);
  ctr_code code = ctr__dev_rules_read(b, &rules);
  if (!code) code = ctr__dev_table_make(b, &rules, &table);
  if (!code)
    code = h->v2 ? ctr__dev_program_make(b, &table, &program)
                 : ctr__dev_list_make(b, &rules, &table, &list);
  if (code) return code;
  if (list.allow && is_update)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.resources.devices",
                       "in a running container cgroup v1 can only change lists of what is allowed");
  if (h->v2)
    ctr__parent_step(b, DEVICE_PROGRAM, .field = "linux.resources.devices", .str = {h->container},
                     .ref = {0, ctr__add_bytes(b, program.items,
                                               program.count * sizeof *program.items, 8)},
                     .num = {program.count});
  else
    ctr__parent_step(b, DEVICE_LIST, .field = "linux.resources.devices",
                     .str = {h->container, list.text}, .num = {list.allow});
  return CTR_OK;
}

/* -- which -- */

/* What asks for nothing needs no cgroup. */
static ctr_code ctr__check_limits_hold(ctr__builder *b) {
  for (size_t i = 0; i < b->limit_count; i++)
    if (!b->limits[i].hierarchy->container && b->limits[i].rule != CTR__LIMIT_IF_THERE)
      return ctr__lacks(b, CTR__RIGHT_LIMITS, b->limits[i].field, NULL);
  return CTR_OK;
}

/* Asked for by name it has one in every hierarchy; else where there is a use for it. */
static ctr_code ctr__choose_cgroups(ctr__builder *b) {
  const char *asked = b->config->linux_.cgroupsPath;
  if (asked && (ctr__has_dots(asked) || !asked[strspn(asked, "/")]))
    return ctr__refuse(b, CTR_E_CONFIG, "linux.cgroupsPath", "is no path of a cgroup of its own");
  ctr_code code = ctr__hierarchies_read(b);
  if (!code && asked && !b->hierarchies->count)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.cgroupsPath",
                       "this machine has no cgroup hierarchy mounted: use no_cgroup");
  if (!code) code = ctr__collect_limits(b);
  if (code) return code;
  b->device_hierarchy = ctr__hierarchy_for_devices(b);
  const ctr__hierarchy *freezer = ctr__hierarchy_to_freeze_in(b);
  for (size_t i = 0; !code && i < b->hierarchies->count; i++) {
    ctr__hierarchy *hierarchy = &b->hierarchies->items[i];
    if (ctr__hierarchy_is_hidden(b->hierarchies, i)) continue;
    if (asked || hierarchy->has_limits || hierarchy == freezer || hierarchy == b->device_hierarchy)
      code = ctr__choose_cgroup(b, hierarchy);
  }
  return code ? code : ctr__check_limits_hold(b);
}

/* Which controllers of v2 are to be there: all for a cgroup with a name, to be measured by; else
   those that limits are set with. */
static const char *ctr__controllers_for(ctr__builder *b, const ctr__hierarchy *hierarchy) {
  const char *list = "";
  if (!hierarchy->v2 || !hierarchy->controllers) return "";
  if (b->config->linux_.cgroupsPath) return hierarchy->controllers;
  for (size_t i = 0; i < b->limit_count && list; i++) {
    const ctr__limit *limit = &b->limits[i];
    const size_t len = ctr__controller_len(limit->file);
    if (limit->hierarchy == hierarchy && !ctr__list_has(list, limit->file, len) &&
        ctr__list_has(hierarchy->controllers, limit->file, len))
      list = ctr__print(b, "%s%s%.*s", list, *list ? "," : "", (int)len, limit->file);
  }
  return list;
}

static void ctr__plan_limits(ctr__builder *b) {
  for (size_t i = 0; i < b->limit_count; i++) {
    const ctr__limit *limit = &b->limits[i];
    if (!limit->hierarchy->container) continue;
    ctr__parent_step(b, LIMIT, .field = limit->field,
                     .str = {limit->hierarchy->container, limit->file, limit->value},
                     .num = {limit->rule});
  }
}

static void ctr__plan_make_cgroup(ctr__builder *b, const ctr__hierarchy *h) {
  ctr__parent_step(b, MAKE_CGROUP, .field = "linux.cgroupsPath",
                   .str = {h->container, h->v2 ? "" : h->options, ctr__controllers_for(b, h)},
                   .num = {h->v2, strlen(h->mount_point)});
}

/* Limits hold before anything is in the cgroup, and whatever outlives a kill is written down
   first. */
static ctr_code ctr__plan_cgroups(ctr__builder *b) {
  if (ctr__has_own_cgroups(b)) ctr__parent_step(b, RECORD_CGROUPS, .field = NULL);
  for (size_t i = 0; b->hierarchies && i < b->hierarchies->count; i++)
    if (b->hierarchies->items[i].container) ctr__plan_make_cgroup(b, &b->hierarchies->items[i]);
  ctr__plan_limits(b);
  return ctr__plan_device_filter(b);
}

/* The cgroup that a process is cloned into: only v2 can (clone(2), CLONE_INTO_CGROUP). */
static const char *ctr__cgroup_to_clone_into(const ctr__builder *b) {
  const ctr__hierarchy *v2 = ctr__any_v2(b->hierarchies);
  return v2 && (b->facts->features & CTR_FEATURE_CLONE_INTO_CGROUP) ? v2->container : NULL;
}

static void ctr__plan_enter_cgroups(ctr__builder *b) {
  for (size_t i = 0; b->hierarchies && i < b->hierarchies->count; i++) {
    const char *path = b->hierarchies->items[i].container;
    if (path && path != b->born_in)
      ctr__parent_step(b, ENTER_CGROUP, .field = "linux.cgroupsPath", .str = {path});
  }
}

/* A process of its own, or a container that is to have none. */
static ctr_code ctr__do_without_cgroups(ctr__builder *b) {
  struct ctr__hierarchies *all = b->hierarchies;
  b->hierarchies = NULL;
  ctr_code code = ctr__collect_limits(b);
  b->hierarchies = all;
  if (!code) code = ctr__leave_devices(b);
  if (!code && b->config->linux_.cgroupsPath)
    ctr__log(&b->desc->log, CTR_LOG_WARNING, "linux.cgroupsPath", "not made");
  return code;
}

static ctr_code ctr__plan_own_cgroups(ctr__builder *b) {
  const bool wanted = ctr__makes_container(b) && !b->desc->no_cgroup;
  ctr_code code = wanted ? ctr__choose_cgroups(b) : ctr__do_without_cgroups(b);
  if (!code && wanted) ctr__warn_if_not_made(b);
  if (!code && ctr__makes_container(b)) ctr__warn_if_unbounded(b);
  if (code || !wanted) return code;
  b->born_in = ctr__cgroup_to_clone_into(b);
  return ctr__plan_cgroups(b);
}
