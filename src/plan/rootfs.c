/* The root file system: what is mounted where, in the order of the specification. All of it happens
   before the root is entered, while the host's files can still be reached. */

/* "/dev", however it is written. */
static bool ctr__is_dev(const char *path) {
  const char *last = NULL;
  size_t len = 0;
  return ctr__depth(path, &last, &len) == 1 && len == 3 && !memcmp(last, "dev", 3);
}

/* Of the first count mounts those that wait to become read-only: all, or those that the next mount,
   at a destination, would hide. Or they do not any more: a remount has the last word. */
static void ctr__plan_late_read_only(ctr__builder *b, size_t count, const char *destination,
                                     bool forget) {
  for (size_t i = 0; i < count; i++) {
    const char *own = b->config->mounts.items[i].destination;
    const bool concerned = !destination || (forget ? ctr__same_path(own, destination)
                                                   : ctr__is_covered(own, destination));
    if (!b->late_read_only[i] || !concerned) continue;
    if (!forget) ctr__plan_set_attr(b, ctr__print(b, "mounts[%zu]", i), own, CTR__ATTR_RDONLY, 0);
    b->late_read_only[i] = false;
    b->late_count--;
  }
}

/* -- the root -- */

static const uint64_t ctr__propagation_flags[] = {
    [CTR_PROPAGATION_PRIVATE] = MS_PRIVATE,
    [CTR_PROPAGATION_SHARED] = MS_SHARED,
    [CTR_PROPAGATION_SLAVE] = MS_SLAVE,
    [CTR_PROPAGATION_UNBINDABLE] = MS_UNBINDABLE,
    [CTR_PROPAGATION_RPRIVATE] = MS_PRIVATE | MS_REC,
    [CTR_PROPAGATION_RSHARED] = MS_SHARED | MS_REC,
    [CTR_PROPAGATION_RSLAVE] = MS_SLAVE | MS_REC,
    [CTR_PROPAGATION_RUNBINDABLE] = MS_UNBINDABLE | MS_REC,
};

/* Where /dev is a mount of its own, nodes that lie about in the image are none. */
static uint64_t ctr__root_attr(const ctr__builder *b) {
  const ctr_mounts *mounts = &b->config->mounts;
  for (size_t i = 0; i < mounts->count; i++)
    if (ctr__is_dev(mounts->items[i].destination) && !ctr__is_made(&mounts->items[i]))
      return CTR__ATTR_NODEV;
  return 0;
}

/* What the root needs beside what its options say; the same as a root by path gets. */
static void ctr__spec_bound_root(ctr__builder *b, const ctr_mount *mount, ctr__mount_spec *spec) {
  const uint64_t asked = ctr__propagation_flags[b->config->linux_.rootfsPropagation];
  if (!spec->propagation[0] && (asked & (MS_SLAVE | MS_SHARED)))
    spec->propagation[0] = MS_SLAVE | MS_REC;
  if (mount->source) b->root_dir = ctr__add_str(b, ctr__host_path(b, mount->source));
  /* The host's own /dev came along. */
  b->dev_is_bound = spec->recursive && mount->source && ctr__is_root_path(mount->source);
  if (b->config->root.readonly && spec->recursive) spec->as_root = CTR__AS_ROOT_BELOW_READ_ONLY;
}

static ctr_code ctr__spec_root(ctr__builder *b, const ctr_mount *mount, ctr__mount_spec *spec) {
  const char *wrong = spec->remount   ? "a remount is of something that is mounted before"
                      : spec->copy_up ? "tmpcopyup: the root covers nothing that could be copied"
                      : ctr__is_type(mount, "cgroup") ? "the root cannot be of type cgroup"
                      : b->desc->no_pivot
                          ? "as a root it needs pivot_root(2): no_pivot goes with root.path only"
                          : NULL;
  if (wrong) return ctr__refuse(b, CTR_E_CONFIG, "mounts[0]", wrong);
  spec->as_root = CTR__AS_ROOT;
  uint64_t attr = ctr__root_attr(b) & ~(spec->clr | spec->rec_clr);
  if (spec->bind && spec->recursive && ctr__has_setattr(b))
    spec->rec_set |= attr;
  else
    spec->set |= attr;
  if (spec->bind) ctr__spec_bound_root(b, mount, spec);
  return CTR_OK;
}

/* -- mounts -- */

static ctr_code ctr__plan_one_mount(ctr__builder *b, size_t i, const char *field) {
  const ctr_mount *mount = &b->config->mounts.items[i];
  const bool is_root = !i && ctr__root_mount(b->config);
  ctr__mount_spec spec;
  ctr_code code = ctr__mount_spec_read(b, mount, i, &spec);
  if (!code && is_root) code = ctr__spec_root(b, mount, &spec);
  if (!code) code = ctr__plan_idmap(b, mount, field, &spec);
  if (code) return code;
  const bool writable = spec.remount && ((spec.clr | spec.rec_clr) & CTR__ATTR_RDONLY);
  if (b->late_count && (writable || !spec.remount))
    ctr__plan_late_read_only(b, i, mount->destination, writable);
  bool cgroup = ctr__is_type(mount, "cgroup") && !spec.bind && !spec.remount;
  code = cgroup ? ctr__plan_cgroup_mount(b, mount, field, &spec)
                : ctr__plan_mount(b, mount, field, &spec);
  if (code) return code;
  b->late_read_only[i] = spec.late_read_only;
  b->late_count += spec.late_read_only;
  if (ctr__is_dev(mount->destination) && !spec.remount) b->dev_is_bound = spec.bind;
  return CTR_OK;
}

static ctr_code ctr__plan_mounts(ctr__builder *b) {
  const ctr_mounts *mounts = &b->config->mounts;
  b->late_read_only = ctr__take(b, mounts->count + 1, sizeof *b->late_read_only);
  if (!b->late_read_only) return ctr__nomem(b->err);
  for (size_t i = 0; i < mounts->count; i++) {
    const ctr_mount *mount = &mounts->items[i];
    const char *field = ctr__print(b, "mounts[%zu]", i);
    if (!field) return ctr__nomem(b->err);
    if (i && ctr__is_root_path(mount->destination) && !ctr__is_remount(mount) &&
        !ctr__is_made(mount))
      return ctr__fail(b->err, CTR_E_CONFIG, 0, ctr__print(b, "mounts[%zu].destination", i),
                       "the root itself: that is root.path, or the first of mounts");
    ctr_code code =
        ctr__is_made(mount) ? ctr__plan_made(b, i, field) : ctr__plan_one_mount(b, i, field);
    if (code) return code;
  }
  return CTR_OK;
}

/* -- devices -- */

static const struct ctr__default_device {
  const char *path;
  uint32_t major_, minor_;
} ctr__default_devices[] = {
    /* config-linux.md "Default Devices" */
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

static const struct ctr__dev_link {
  const char *path, *target;
} ctr__dev_links[] = {
    /* runtime-linux.md "Dev symbolic links"; and pts(4): ptmx is the container's own */
    {"/dev/fd", "/proc/self/fd"},       {"/dev/stdin", "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"}, {"/dev/stderr", "/proc/self/fd/2"},
    {"/dev/ptmx", "pts/ptmx"},
};

/* In a user namespace nobody may make device nodes, so that the host's are bound instead. */
static bool ctr__makes_nodes(const ctr__builder *b) {
  return ctr__can_mknod(b->facts) && !ctr__in_userns(b);
}

/* Whether somebody inside owns the host's device nodes, and could change their mode and owner for
   all: in a user namespace that is joined by its path, whose map is not known here, somebody may.
 */
static bool ctr__has_node_owner(const ctr__builder *b) {
  const ctr__facts *f = b->facts;
  if (f->node_uid == CTR__NOBODY) return false;
  return ctr__in_userns(b) ? !b->uid_map.count || ctr__has_uid(b, f->node_uid)
                           : f->node_uid == f->euid || (f->caps & CTR_CAP(SETUID));
}

/* Whether OWN_NULL finds one for certain: a default device, in a /dev that is the container's alone
   and that devices work in. */
static bool ctr__has_own_null(const ctr__builder *b) {
  static const char *const others[] = {"bind", "rbind", "remount", "nodev", "rnodev"};
  bool has = false;
  for (size_t i = 0; i < b->config->mounts.count; i++) {
    const ctr_mount *mount = &b->config->mounts.items[i];
    if (!ctr__is_covered("/dev/null", mount->destination)) continue;
    has = ctr__is_dev(mount->destination) && mount->type && !strcmp(mount->type, "tmpfs");
    for (size_t k = 0; k < mount->options.count; k++)
      for (size_t n = 0; n < sizeof others / sizeof *others; n++)
        has &= strcmp(mount->options.items[k], others[n]) != 0;
  }
  return has && !b->desc->no_default_devices;
}

static void ctr__own_null_step(ctr__builder *b) {
  ctr__child_step(b, OWN_NULL, .field = NULL,
                  .num = {ctr__has_own_null(b) && ctr__has_node_owner(b)});
}

/* Who has rights over the mount namespace that it is in does it. */
static void ctr__view_null_step(ctr__builder *b, enum ctr__lane lane) {
  if (ctr__has_setattr(b) && ctr__has_node_owner(b))
    ctr__add_step(b, lane, CTR__STEP_VIEW_NULL, &(ctr__new_step){.field = NULL});
}

static void ctr__plan_device(ctr__builder *b, const char *field, const char *path, mode_t mode,
                             uint64_t number, const ctr_device *asked) {
  uint64_t uid = asked ? asked->uid.value : 0, gid = asked ? asked->gid.value : 0;
  const bool in_reach = ctr__has_node_owner(b);
  bool exact = asked && (asked->fileMode.set || asked->uid.set || asked->gid.set);
  if (S_ISFIFO(mode) || ctr__makes_nodes(b))
    ctr__child_step(b, DEVICE_NODE, .field = field, .str = {path},
                    .num = {mode, number, uid, gid, exact});
  else
    ctr__child_step(b, DEVICE_BIND, .field = field,
                    .str = {path, path, in_reach ? ", read-only" : ""},
                    .num = {[0] = mode,
                            [1] = number,
                            [2] = in_reach ? CTR__ATTR_RDONLY : 0,
                            [4] = ctr__has_setattr(b),
                            [CTR__NUM_SOURCE] = ctr__may_ask(b)});
}

static bool ctr__device_is_listed(const ctr_devices *devices, const char *path) {
  for (size_t i = 0; i < devices->count; i++)
    if (!strcmp(devices->items[i].path, path)) return true;
  return false;
}

/* A node that the caller has not got cannot be bound, and none can be made. */
static ctr_code ctr__check_devices_are_there(ctr__builder *b) {
  size_t missing = b->facts->missing_device;
  if (!missing || ctr__makes_nodes(b)) return CTR_OK;
  const char *field = ctr__print(b, "linux.devices[%zu]", missing - 1);
  if (!field) return ctr__nomem(b->err);
  return ctr__lacks(b, CTR__RIGHT_DEVICES, field,
                    b->config->linux_.devices.items[missing - 1].path);
}

static void ctr__plan_devices(ctr__builder *b) {
  const ctr_devices *devices = &b->config->linux_.devices;
  /* A /dev that is bound from elsewhere is used as it is: it is not ours to fill. */
  if (!b->dev_is_bound && !b->desc->no_default_devices) {
    for (size_t i = 0; i < sizeof ctr__default_devices / sizeof *ctr__default_devices; i++) {
      const struct ctr__default_device *d = &ctr__default_devices[i];
      if (!ctr__device_is_listed(devices, d->path))
        ctr__plan_device(b, "default devices", d->path, S_IFCHR | 0666,
                         makedev(d->major_, d->minor_), NULL);
    }
    for (size_t i = 0; i < sizeof ctr__dev_links / sizeof *ctr__dev_links; i++)
      ctr__child_step(b, SYMLINK, .field = "default devices",
                      .str = {ctr__dev_links[i].path, ctr__dev_links[i].target});
  }
  for (size_t i = 0; i < devices->count; i++) {
    const ctr_device *d = &devices->items[i];
    mode_t type = *d->type == 'b' ? S_IFBLK : *d->type == 'p' ? S_IFIFO : S_IFCHR;
    mode_t mode = (mode_t)(d->fileMode.set ? d->fileMode.value & 07777 : 0666);
    const char *field = ctr__print(b, "linux.devices[%zu]", i);
    ctr__plan_device(b, field, d->path, type | mode,
                     makedev((unsigned)d->major_.value, (unsigned)d->minor_.value), d);
    if (b->steps && b->steps[b->step_count - 1].kind == CTR__STEP_DEVICE_BIND &&
        (d->fileMode.set || d->uid.set || d->gid.set))
      ctr__log(&b->desc->log, CTR_LOG_WARNING, field,
               "%s is the host's own node: its mode and owner stay as they are there", d->path);
  }
}

/* -- around it -- */

/* First of all nothing done here may reach the host; then the root becomes a mount of its own. */
static void ctr__plan_root(ctr__builder *b) {
  const ctr_root *root = &b->config->root;
  uint64_t asked = ctr__propagation_flags[b->config->linux_.rootfsPropagation];
  bool listens = asked & (MS_SLAVE | MS_SHARED);
  ctr__child_step(b, PROPAGATION, .field = "linux.rootfsPropagation", .num = {MS_REC | MS_SLAVE});
  if (ctr__root_mount(b->config)) {
    b->root_field = "mounts[0]";
    ctr__child_step(b, BASE, .field = b->root_field);
    return;
  }
  b->root_field = "root.path";
  const char *path = ctr__host_path(b, root->path);
  b->root_dir = ctr__add_str(b, path);
  ctr__child_step(b, ROOT_BIND, .field = "root.path", .str = {path},
                  .num = {[0] = listens ? 0 : MS_REC | MS_PRIVATE,
                          [1] = root->readonly,
                          [2] = ctr__root_attr(b),
                          [3] = ctr__has_setattr(b),
                          [CTR__NUM_SOURCE] = ctr__may_ask(b)});
}

/* Which mount that a step has made path lies on, and its path there. By whatever was mounted last
   the others are hidden; what has no such mount above lies on the root, or on what came with it. */
static uint64_t ctr__meant_above(const ctr__builder *b, const char *path, const char **ret_below) {
  for (uint32_t i = b->nomem ? 0 : b->step_count; i-- > 0;) {
    const ctr__step *step = &b->steps[i];
    if (!ctr__makes_mount(step->kind)) continue;
    const char *over = b->data + step->str[0];
    if (!ctr__is_covered(path, over)) continue;
    if (ctr__is_root_path(over)) break;
    *ret_below = ctr__path_below(path, over);
    if (!*ret_below) *ret_below = "";
    return CTR__MEANT_FIRST + i;
  }
  return CTR__MEANT_ANY;
}

static void ctr__plan_paths(ctr__builder *b, enum ctr__kind kind, const char *name,
                            ctr_strs paths) {
  for (size_t i = 0; i < paths.count; i++) {
    const char *path = paths.items[i], *below = NULL;
    if (b->late_count) ctr__plan_late_read_only(b, b->config->mounts.count, path, false);
    const uint64_t meant = ctr__meant_above(b, path, &below);
    ctr__add_step(b, CTR__LANE_CHILD, kind,
                  &(ctr__new_step){.field = ctr__print(b, "linux.%s[%zu]", name, i),
                                   .str = {path, below},
                                   .num = {ctr__has_setattr(b), [CTR__NUM_MEANT] = meant}});
  }
}

static void ctr__plan_enter_root(ctr__builder *b) {
  if (b->desc->no_pivot)
    ctr__child_step(b, MOVE_ROOT, .field = b->root_field);
  else
    ctr__child_step(b, PIVOT_ROOT, .field = b->root_field);
  /* pivot_root(2) wants an unshared root, so that sharing it comes after. */
  ctr_propagation asked = b->config->linux_.rootfsPropagation;
  if (asked && asked != CTR_PROPAGATION_PRIVATE)
    ctr__child_step(b, SET_PROPAGATION, .field = "linux.rootfsPropagation", .str = {"/"},
                    .num = {ctr__propagation_flags[asked], ctr__has_setattr(b)});
  ctr__own_null_step(b);
}

/* config.md "POSIX-platform Hooks": when everything is made and the root not yet entered; first
   those of the host's side, then those inside. */
static void ctr__plan_create_hooks(ctr__builder *b) {
  bool stops = (b->desc->moments & CTR_MOMENT_HOOKS) ||
               ctr__hooks_of(b->config, CTR__HOOK_PRESTART)->count ||
               ctr__hooks_of(b->config, CTR__HOOK_CREATE_RUNTIME)->count;
  if (stops) ctr__sync_step(b, CTR__SYNC_HOOKS, CTR_MOMENT_HOOKS);
  ctr__plan_hooks(b, CTR__HOOK_PRESTART);
  ctr__plan_hooks(b, CTR__HOOK_CREATE_RUNTIME);
  if (stops) ctr__sync_step(b, CTR__SYNC_RESUME, 0);
  ctr__plan_hooks(b, CTR__HOOK_CREATE_CONTAINER);
}

/* Without a mount namespace of its own every mount would be one of the host. */
static ctr_code ctr__plan_no_mounts(ctr__builder *b) {
  const ctr_linux *lin = &b->config->linux_;
  const struct {
    bool asked;
    const char *field;
  } needs[] = {{b->config->mounts.count > 0, "mounts"},
               {b->config->root.readonly, "root.readonly"},
               {lin->devices.count > 0, "linux.devices"},
               {lin->maskedPaths.count > 0, "linux.maskedPaths"},
               {lin->readonlyPaths.count > 0, "linux.readonlyPaths"},
               {lin->rootfsPropagation != 0, "linux.rootfsPropagation"}};
  for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
    if (needs[i].asked)
      return ctr__refuse(b, CTR_E_CONFIG, needs[i].field,
                         "needs a new mount namespace in linux.namespaces: without one it would "
                         "change the host's mounts");
  ctr__child_step(b, ROOT_OPEN, .field = "root.path",
                  .str = {ctr__host_path(b, b->config->root.path)});
  ctr__plan_console(b, false);
  ctr__plan_create_hooks(b);
  ctr__child_step(b, CHROOT, .field = "root.path");
  return CTR_OK;
}

static ctr_code ctr__plan_rootfs(ctr__builder *b) {
  if (!b->own_mounts) return ctr__plan_no_mounts(b);
  const ctr_linux *lin = &b->config->linux_;
  b->mount_label = ctr__add_str(b, ctr__label_for(b, "tmpfs", (ctr_strs){0}));
  ctr__plan_root(b);
  ctr_code code = ctr__check_devices_are_there(b);
  if (!code) code = ctr__plan_mounts(b);
  if (code) return code;
  ctr__plan_devices(b);
  ctr__plan_console(b, true);
  ctr__plan_create_hooks(b);
  ctr__plan_paths(b, CTR__STEP_MASK, "maskedPaths", lin->maskedPaths);
  ctr__plan_paths(b, CTR__STEP_READONLY, "readonlyPaths", lin->readonlyPaths);
  if (b->config->root.readonly) ctr__plan_set_attr(b, "root.readonly", "/", CTR__ATTR_RDONLY, 0);
  /* On a read-only root there is none to be made: that would change what was to stay as it is. */
  if (!ctr__is_root_path(b->config->process.cwd) && !b->desc->no_new_cwd)
    ctr__child_step(b, MAKE_CWD, .field = "process.cwd", .str = {b->config->process.cwd});
  ctr__plan_late_read_only(b, b->config->mounts.count, NULL, false);
  ctr__plan_enter_root(b);
  return CTR_OK;
}
