/* Which namespaces are made, which are joined, and who maps the ids. */

static ctr_code ctr__sort_namespaces(ctr__builder *b) {
  const ctr_namespaces *all = &b->config->linux_.namespaces;
  for (size_t i = 0; i < all->count; i++) {
    uint32_t *kind = all->items[i].path ? &b->joined_namespaces : &b->new_namespaces;
    *kind |= (uint32_t)all->items[i].type;
  }
  b->own_mounts = b->new_namespaces & CTR_NS_MOUNT;
  if (!ctr__can_unshare(b->facts) && !ctr__in_userns(b))
    return ctr__lacks(b, CTR__RIGHT_NAMESPACES, "linux.namespaces", NULL);
  return CTR_OK;
}

/* -- id maps -- */

static ctr__ref ctr__map_text(ctr__builder *b, ctr_id_mappings map) {
  char *text = ctr__take(b, map.count + 1, 3 * 11);
  char *at = text;
  if (!text) return 0;
  for (size_t i = 0; i < map.count; i++) {
    at = ctr__put_uint(at, map.items[i].containerID);
    *at++ = ' ';
    at = ctr__put_uint(at, map.items[i].hostID);
    *at++ = ' ';
    at = ctr__put_uint(at, map.items[i].size);
    *at++ = '\n';
  }
  return ctr__add_bytes(b, text, (size_t)(at - text) + 1, 1);
}

/* One of the two maps, and how it is to be written. */
typedef struct ctr__map_plan {
  const char *field;
  ctr_id_mappings map;
  enum ctr__id_kind kind;
  enum ctr__kind step;
  enum ctr__right right;
  uint32_t own;
  uint64_t cap;
  bool by_helper;
} ctr__map_plan;

/* Whether each range is the caller's to map: ids of the caller's own user namespace, and what the
   machine gives them besides their own. */
static ctr_code ctr__check_ranges(ctr__builder *b, const ctr__map_plan *p) {
  const ctr__id_ranges *given = &b->facts->given_ids[p->kind], *there = &b->facts->own_ids[p->kind];
  for (size_t i = 0; i < p->map.count; i++) {
    const ctr_id_mapping *m = &p->map.items[i];
    const bool own = m->hostID == p->own && m->size == 1;
    const char *field = ctr__print(b, "%s[%zu]", p->field, i);
    if (!field) return ctr__nomem(b->err);
    if (there->known && !own && !ctr__ids_have(there, m->hostID, m->size))
      return ctr__fail(b->err, CTR_E_CONFIG, 0, field,
                       "hostID %u and the %u after it are not all ids of the caller's own user "
                       "namespace (%s)",
                       m->hostID, m->size - 1, ctr__id_sources[p->kind].map);
    if (p->by_helper && given->known && !own && !ctr__ids_have_together(given, m->hostID, m->size))
      return ctr__lacks(b, p->right, field,
                        ctr__print(b, "hostID %u, size %u", m->hostID, m->size));
  }
  return CTR_OK;
}

/* user_namespaces(7): without CAP_SETUID (CAP_SETGID) over the parent namespace one may map one id,
   one's own; nobody maps 0 without CAP_SETFCAP, which came with the same Linux 5.12 as
   mount_setattr(2). */
static ctr_code ctr__check_map(ctr__builder *b, ctr__map_plan *p) {
  const bool by_caller = (b->facts->caps & p->cap) || ctr__maps_own_alone(p->map, p->own);
  p->by_helper = !by_caller && *b->facts->id_helpers[p->kind];
  if (!by_caller && !p->by_helper) return ctr__lacks(b, p->right, p->field, NULL);
  ctr_code code = ctr__check_ranges(b, p);
  bool maps_root = false;
  for (size_t i = 0; i < p->map.count; i++) maps_root |= p->map.items[i].hostID == 0;
  if (!code && maps_root && by_caller && p->kind == CTR__UIDS && ctr__has_setattr(b) &&
      !ctr__can_map_root(b->facts))
    return ctr__lacks(b, CTR__RIGHT_MAP_ROOT, p->field, NULL);
  return code;
}

/* The maps in force: those of the config, or the caller's own ids as root inside. */
static void ctr__choose_maps(ctr__builder *b) {
  const ctr_linux *lin = &b->config->linux_;
  b->uid_map = lin->uidMappings;
  b->gid_map = lin->gidMappings;
  if (lin->uidMappings.count || lin->gidMappings.count) return;
  ctr_id_mapping *own = ctr__take(b, 2, sizeof *own);
  if (!own) return;
  own[0] = (ctr_id_mapping){0, b->facts->euid, 1};
  own[1] = (ctr_id_mapping){0, b->facts->egid, 1};
  b->uid_map = (ctr_id_mappings){&own[0], 1};
  b->gid_map = (ctr_id_mappings){&own[1], 1};
}

/* user_namespaces(7): a map is written in one go, of less than a page. */
static ctr_code ctr__check_map_text(ctr__builder *b, const char *field, ctr__ref text) {
  if (b->nomem) return ctr__nomem(b->err);
  return strlen(b->data + text) < 4096
             ? CTR_OK
             : ctr__refuse(b, CTR_E_CONFIG, field,
                           "as text the map is longer than the kernel takes: 4095 bytes");
}

/* newuidmap(1): its own name, the pid, which is put in when it is known, then the map. */
static void ctr__plan_map_helper(ctr__builder *b, const ctr__map_plan *p, ctr__ref text) {
  const char **args = ctr__take(b, 3 * p->map.count + 2, sizeof *args);
  if (!args) return;
  size_t n = 0;
  args[n++] = ctr__id_sources[p->kind].helper;
  args[n++] = "PID";
  for (size_t i = 0; i < p->map.count; i++) {
    args[n++] = ctr__print(b, "%u", p->map.items[i].containerID);
    args[n++] = ctr__print(b, "%u", p->map.items[i].hostID);
    args[n++] = ctr__print(b, "%u", p->map.items[i].size);
  }
  if (b->nomem) return;
  ctr__parent_step(b, MAP_HELPER, .field = p->field, .str = {b->facts->id_helpers[p->kind]},
                   .ref = {0, ctr__add_strs(b, (ctr_strs){args, n}),
                           ctr__add_strs(b, (ctr_strs){NULL, 0}), text},
                   .num = {p->kind, 0, b->program_count++});
}

static ctr_code ctr__plan_map(ctr__builder *b, const ctr__map_plan *p) {
  ctr__ref text = ctr__map_text(b, p->map);
  if (p->by_helper)
    ctr__plan_map_helper(b, p, text);
  else
    ctr__add_step(b, CTR__LANE_PARENT, p->step, &(ctr__new_step){.field = p->field, .ref = {text}});
  return ctr__check_map_text(b, p->field, text);
}

static ctr_code ctr__plan_maps(ctr__builder *b) {
  ctr__map_plan maps[CTR__ID_KINDS] = {{.field = "linux.uidMappings",
                                        .map = b->uid_map,
                                        .kind = CTR__UIDS,
                                        .step = CTR__STEP_UID_MAP,
                                        .right = CTR__RIGHT_UID_RANGES,
                                        .own = b->facts->euid,
                                        .cap = CTR_CAP(SETUID)},
                                       {.field = "linux.gidMappings",
                                        .map = b->gid_map,
                                        .kind = CTR__GIDS,
                                        .step = CTR__STEP_GID_MAP,
                                        .right = CTR__RIGHT_GID_RANGES,
                                        .own = b->facts->egid,
                                        .cap = CTR_CAP(SETGID)}};
  ctr_code code = CTR_OK;
  for (int kind = 0; kind < CTR__ID_KINDS && !code; kind++) code = ctr__check_map(b, &maps[kind]);
  if (code) return code;
  b->groups_denied =
      b->facts->groups_denied || !((b->facts->caps & CTR_CAP(SETGID)) || maps[CTR__GIDS].by_helper);
  if (b->groups_denied)
    ctr__parent_step(b, SETGROUPS_FILE, .field = "linux.gidMappings", .str = {"deny"});
  for (int kind = 0; kind < CTR__ID_KINDS && !code; kind++) code = ctr__plan_map(b, &maps[kind]);
  return code;
}

/* Who the process is in the container's user namespace: in one of its own below that, root. */
static ctr_user ctr__outer_user(const ctr__builder *b) {
  const ctr_user root = {.uid = 0};
  return b->desc->inner_userns ? root : b->config->process.user;
}

/* Everything that runs as a user of the container must exist in its user namespace. */
static ctr_code ctr__check_user_mapped(ctr__builder *b) {
  const ctr_user outer = ctr__outer_user(b), *user = &outer;
  uint32_t host;
  if (!ctr__id_mapped(b->uid_map, user->uid, &host))
    return ctr__fail(b->err, CTR_E_CONFIG, 0, "process.user.uid",
                     "%u is not mapped by linux.uidMappings", user->uid);
  if (!ctr__id_mapped(b->gid_map, user->gid, &host))
    return ctr__fail(b->err, CTR_E_CONFIG, 0, "process.user.gid",
                     "%u is not mapped by linux.gidMappings", user->gid);
  for (size_t i = 0; i < user->additionalGids.count; i++)
    if (!ctr__id_mapped(b->gid_map, user->additionalGids.items[i], &host))
      return ctr__fail(b->err, CTR_E_CONFIG, 0,
                       ctr__print(b, "process.user.additionalGids[%zu]", i),
                       "%u is not mapped by linux.gidMappings", user->additionalGids.items[i]);
  if (b->groups_denied && user->additionalGids.count)
    return ctr__lacks(b, CTR__RIGHT_GROUPS, "process.user.additionalGids", NULL);
  return CTR_OK;
}

/* -- steps -- */

/* The kernel joins in any order but that of rights: what belongs to the caller's user namespace
   needs the caller's rights, what belongs to the joined one needs that joined first. So the user
   namespace comes last, and what refused before it is tried again after it. */
static const uint32_t ctr__join_order[] = {CTR_NS_CGROUP, CTR_NS_IPC,  CTR_NS_UTS,   CTR_NS_NETWORK,
                                           CTR_NS_PID,    CTR_NS_TIME, CTR_NS_MOUNT, CTR_NS_USER};

/* Where the caller's own namespace is to be seen, if the config changes something in this kind of
   namespace: then the one that is joined must be another. */
static const char *ctr__own_path(const ctr__builder *b, ctr_namespace_type type) {
  const ctr_config *config = b->config;
  bool names = config->hostname || config->domainname, settings = config->linux_.sysctl.count;
  if (type == CTR_NS_UTS && (names || settings)) return "/proc/self/ns/uts";
  if (type == CTR_NS_IPC && settings) return "/proc/self/ns/ipc";
  if (type == CTR_NS_NETWORK && settings) return "/proc/self/ns/net";
  if (type == CTR_NS_USER && settings) return "/proc/self/ns/user";
  return NULL;
}

/* namespaces(7), "The /proc/pid/ns/ directory" */
static const char *ctr__namespace_file(uint32_t type) {
  return type == CTR_NS_MOUNT     ? "mnt"
         : type == CTR_NS_NETWORK ? "net"
                                  : ctr__name_of(&ctr__namespace_names, type);
}

/* Which of the launch's namespaces the one of that type is. */
static uint64_t ctr__join_slot(const ctr__builder *b, uint32_t type) {
  uint64_t slot = 0;
  for (size_t i = 0; ctr__join_order[i] != type; i++) {
    const ctr_namespace *ns = ctr__namespace_of(b->config, ctr__join_order[i]);
    slot += ns && ns->path;
  }
  return slot;
}

static void ctr__plan_joins(ctr__builder *b, bool opening) {
  uint64_t slot = 0;
  for (size_t i = 0; i < sizeof ctr__join_order / sizeof *ctr__join_order; i++) {
    const ctr_namespace *ns = ctr__namespace_of(b->config, ctr__join_order[i]);
    if (!ns || !ns->path) continue;
    ctr__add_step(
        b, opening ? CTR__LANE_PARENT : CTR__LANE_STAGE,
        opening ? CTR__STEP_OPEN_NAMESPACE : CTR__STEP_SETNS,
        &(ctr__new_step){.field = ctr__print(b, "linux.namespaces[%zu]",
                                             (size_t)(ns - b->config->linux_.namespaces.items)),
                         .str = {ns->path, opening ? ctr__own_path(b, ns->type) : NULL},
                         .num = {(uint64_t)ns->type, slot++}});
  }
}

/* Who is in a namespace that is joined is not to learn anything of the caller, of whom the process
   is a copy. A function may use the caller's arguments. */
static void ctr__plan_unseen(ctr__builder *b, const char *field) {
  const ctr__new_step step = {.field = field};
  ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_UNDUMPABLE, &step);
  if (!b->desc->call_function) ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_CONCEAL, &step);
}

/* A process that shares the caller's pid namespace and is root there may be another container, with
   few capabilities. It is to learn nothing of the caller, of whom the new process is a copy: not
   when that has no more capabilities than it (ptrace(2)), nor when that is in a user namespace of
   root's, over which every process of root has all (user_namespaces(7)). Over one of an ordinary
   user only their own processes have: these have the caller's rights already. Who may not trace
   could not enter one that waits to be started, nor could their hooks. */
static bool ctr__guards_start(const ctr__builder *b) {
  return b->facts->is_pid_root && (b->facts->caps & CTR_CAP(SYS_PTRACE));
}

/* The caller's groups would go along into a joined user namespace, which may forbid letting go of
   them (setgroups "deny"): they are dropped before, by who may. */
static void ctr__plan_stage(ctr__builder *b) {
  ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_CLOSE_OTHERS,
                &(ctr__new_step){.field = "linux.namespaces"});
  if (b->joined_namespaces & (CTR_NS_USER | CTR_NS_PID))
    ctr__plan_unseen(b, "linux.namespaces");
  else if (ctr__guards_start(b))
    ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_UNDUMPABLE, &(ctr__new_step){.field = NULL});
  if ((b->joined_namespaces & CTR_NS_USER) && (b->facts->caps & CTR_CAP(SETGID)))
    ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_DROP_GROUPS,
                  &(ctr__new_step){.field = "linux.namespaces"});
  ctr__plan_stage_program(b, false);
  ctr__plan_joins(b, false);
  if (b->joined_namespaces & CTR_NS_USER)
    ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_SETNS_AGAIN,
                  &(ctr__new_step){.field = "linux.namespaces"});
  ctr__plan_stage_program(b, true);
}

/* Whether a cgroup namespace is made by the child, when it is in the container's cgroup. */
static bool ctr__enters_cgroup_first(const ctr__builder *b) {
  return (b->new_namespaces & CTR_NS_CGROUP) && ctr__makes_container(b) && !b->desc->no_cgroup;
}

/* Whose ids on the host those of a joined user namespace are can be seen when the process is in
   it. */
static void ctr__plan_own_pipes(ctr__builder *b) {
  const ctr_namespace *users = ctr__namespace_of(b->config, CTR_NS_USER);
  const ctr_user *user = &b->config->process.user;
  if (users && users->path && (b->facts->caps & CTR_CAP(CHOWN)))
    ctr__parent_step(b, OWN_PIPES, .field = "process.user", .num = {user->uid, user->gid});
}

/* By a process that has let go of what it is not to bring along, and then clones the real one. A
   namespace that exists is joined so: a pid namespace is entered by children only
   (pid_namespaces(7)), and a user namespace once joined takes away the rights that joining others
   needs. And the first process of a new user namespace is in reach of others from its first moment,
   unless that which clones it is not. */
static bool ctr__is_staged(const ctr__builder *b) {
  return b->joined_namespaces || ((b->new_namespaces & CTR_NS_USER) && ctr__guards_start(b));
}

static void ctr__plan_stage_of(ctr__builder *b, bool joins, uint64_t clone3) {
  ctr__parent_step(b, STAGE, .field = "linux.namespaces",
                   .str = {NULL, joins ? "joins namespaces" : "cannot be looked into"},
                   .num = {0, clone3});
  if (joins)
    ctr__plan_stage(b);
  else
    ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_UNDUMPABLE, &(ctr__new_step){.field = NULL});
}

static void ctr__plan_clone(ctr__builder *b) {
  /* A cgroup namespace shows the cgroup that its maker is in: the container's, once it is in it. */
  uint32_t later = CTR_NS_TIME | (ctr__enters_cgroup_first(b) ? (uint32_t)CTR_NS_CGROUP : 0);
  uint64_t flags = b->new_namespaces & ~later;
  uint64_t clone3 = b->facts->features & CTR_FEATURE_CLONE3;
  bool joins = b->joined_namespaces, staged = ctr__is_staged(b);
  if (joins) {
    b->born_in = NULL; /* where its path leads may be another place in what is joined */
    ctr__plan_joins(b, true);
  }
  if (staged) ctr__plan_stage_of(b, joins, clone3);
  ctr__add_step(b, staged ? CTR__LANE_STAGE : CTR__LANE_PARENT, CTR__STEP_CLONE,
                &(ctr__new_step){.field = "linux.namespaces",
                                 .str = {b->born_in},
                                 .num = {flags, clone3}});
  if (staged) ctr__parent_step(b, ADOPT, .field = "linux.namespaces");
  ctr__plan_own_pipes(b);
}

/* What to do about groups, count of them being asked for. */
static enum ctr__groups ctr__groups_of(const ctr__builder *b, size_t count) {
  if (b->groups_denied) return CTR__GROUPS_LEAVE;
  return (b->joined_namespaces & CTR_NS_USER) && !count ? CTR__GROUPS_TRY : CTR__GROUPS_SET;
}

static void ctr__plan_become_root(ctr__builder *b) {
  uint32_t host_uid, host_gid;
  if (b->uid_map.count &&
      !(ctr__id_mapped(b->uid_map, 0, &host_uid) && ctr__id_mapped(b->gid_map, 0, &host_gid)))
    return; /* it has all rights over its namespaces all the same */
  /* Sources of mounts that an ordinary user reaches by one of their groups are still to be opened:
     these groups go when the program's own come. */
  bool still_needed = (b->new_namespaces & CTR_NS_USER) && !(b->facts->caps & CTR_CAP(SETGID));
  ctr__child_step(b, BECOME_ROOT, .field = "linux.namespaces",
                  .num = {still_needed ? CTR__GROUPS_LEAVE : ctr__groups_of(b, 0),
                          !b->uid_map.count});
}

/* user_namespaces(7): who makes one may map their own id in it, and give up groups for that. */
static void ctr__plan_inner_userns(ctr__builder *b) {
  const ctr_user *user = &b->config->process.user;
  ctr__child_step(b, INNER_USERNS, .field = "linux.namespaces",
                  .num = {user->uid, user->gid, ctr__groups_of(b, 0)});
  b->groups_denied = true;
}

static const char *ctr__offsets_text(ctr__builder *b) {
  const struct {
    const char *name;
    const ctr_time_offset *offset;
  } clocks[] = {{"monotonic", &b->config->linux_.timeOffsets.monotonic},
                {"boottime", &b->config->linux_.timeOffsets.boottime}};
  const char *text = "";
  for (size_t i = 0; i < 2; i++)
    if (clocks[i].offset->secs.set || clocks[i].offset->nanosecs.set)
      text = ctr__print(b, "%s%s %lld %llu\n", text ? text : "", clocks[i].name,
                        (long long)clocks[i].offset->secs.value,
                        (unsigned long long)clocks[i].offset->nanosecs.value);
  return text ? text : "";
}

/* The process reopens its streams as the user it is to be (/dev/stdout). Which ids on the host are
   those of a joined user namespace is not known here: OWN_PIPES is for these. And what an ordinary
   user has mapped by a helper, they cannot give a file to (chown(2)). */
static void ctr__choose_io_owner(ctr__builder *b) {
  const ctr_user outer = ctr__outer_user(b), *user = &outer;
  b->io_uid = ctr__in_userns(b) ? b->facts->euid : user->uid;
  b->io_gid = ctr__in_userns(b) ? b->facts->egid : user->gid;
  if (!(b->facts->caps & CTR_CAP(CHOWN))) return;
  ctr__id_mapped(b->uid_map, user->uid, &b->io_uid);
  ctr__id_mapped(b->gid_map, user->gid, &b->io_gid);
}

/* Who becomes somebody else does not own /proc/self any more. */
static bool ctr__root_is_caller(const ctr__builder *b) {
  uint32_t uid, gid;
  if (b->joined_namespaces & CTR_NS_USER) return false;
  if (!(b->new_namespaces & CTR_NS_USER)) return true;
  return ctr__id_mapped(b->uid_map, 0, &uid) && uid == b->facts->euid &&
         ctr__id_mapped(b->gid_map, 0, &gid) && gid == b->facts->egid;
}

static ctr_code ctr__check_inner_groups(ctr__builder *b) {
  if (!b->desc->inner_userns || !b->config->process.user.additionalGids.count) return CTR_OK;
  return ctr__refuse(b, CTR_E_UNSUPPORTED, "process.user.additionalGids",
                     "with inner_userns there are no additional groups: who makes a user "
                     "namespace for one id gives up setgroups(2) there (user_namespaces(7))");
}

static ctr_code ctr__check_inner_userns(ctr__builder *b) {
  if (!b->desc->inner_userns) return CTR_OK;
  if (!ctr__root_is_caller(b))
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.uidMappings",
                       "inner_userns takes a new user namespace in which 0 is the caller's own id, "
                       "or none: others cannot write the maps of the inner one (proc_pid(5))");
  return ctr__check_inner_groups(b);
}

static ctr_code ctr__plan_namespaces(ctr__builder *b) {
  ctr_code code = ctr__sort_namespaces(b);
  if (code) return code;
  bool offsets = *ctr__offsets_text(b), joins_users = b->joined_namespaces & CTR_NS_USER;
  /* /proc/self belongs to root then (proc_pid(5)). */
  if (offsets && joins_users && !ctr__can_unshare(b->facts))
    return ctr__lacks(b, CTR__RIGHT_TIME_OFFSETS, "linux.timeOffsets", NULL);
  const bool makes_users = b->new_namespaces & CTR_NS_USER;
  ctr__plan_clone(b);
  if (makes_users) ctr__choose_maps(b);
  if (b->nomem) return ctr__nomem(b->err);
  code = ctr__check_inner_userns(b);
  if (!code && makes_users) code = ctr__plan_maps(b);
  if (!code && makes_users) code = ctr__check_user_mapped(b);
  if (code) return code;
  ctr__choose_io_owner(b);
  return CTR_OK;
}
