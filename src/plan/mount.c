/* One entry of mounts: a bind mount, a new file system or a remount, made into steps. */

/* path as seen by the caller: relative ones start from the bundle. */
static const char *ctr__host_path(ctr__builder *b, const char *path) {
  if (*path == '/' || !b->desc->bundle) return path;
  return ctr__print(b, "%s/%s", b->desc->bundle, path);
}

/* Whether a mount at over hides what is mounted at path. */
static bool ctr__is_covered(const char *path, const char *over) {
  return ctr__same_path(path, over) || ctr__path_below(path, over);
}

/* Which mount is meant by a later change at path: the last that was made there. Of what is mounted
   over it nothing is known. */
static uint64_t ctr__meant(const ctr__builder *b, const char *path) {
  if (!path[strspn(path, "/")]) return CTR__MEANT_ANY; /* the root's descriptor: nothing to swap */
  for (uint32_t i = b->nomem ? 0 : b->step_count; i-- > 0;) {
    const ctr__step *step = &b->steps[i];
    const bool is_root = step->kind == CTR__STEP_ROOT_BIND;
    if (is_root && ctr__is_root_path(path)) return CTR__MEANT_FIRST + i;
    if (!ctr__makes_mount(step->kind)) continue;
    const char *over = b->data + step->str[0];
    if (ctr__same_path(path, over)) return CTR__MEANT_FIRST + i;
    if (ctr__is_covered(path, over)) break;
  }
  return CTR__MEANT_NONE;
}

static void ctr__plan_propagation(ctr__builder *b, const char *field, const char *path,
                                  const uint64_t *types, size_t count) {
  for (size_t i = 0; i < count && types[i]; i++)
    ctr__child_step(b, SET_PROPAGATION, .field = field, .str = {path},
                    .num = {types[i], ctr__has_setattr(b), [CTR__NUM_MEANT] = ctr__meant(b, path)});
}

static void ctr__plan_set_attr(ctr__builder *b, const char *field, const char *path, uint64_t set,
                               uint64_t clr) {
  if (set | clr)
    ctr__child_step(b, SET_ATTR, .field = field, .str = {path},
                    .num = {set, clr, ctr__has_setattr(b), [CTR__NUM_MEANT] = ctr__meant(b, path)});
}

static void ctr__plan_set_attr_all(ctr__builder *b, const char *field, const char *path,
                                   uint64_t set, uint64_t clr) {
  if (set | clr)
    ctr__child_step(b, SET_ATTR_ALL, .field = field, .str = {path},
                    .num = {set, clr, [CTR__NUM_MEANT] = ctr__meant(b, path)});
}

static ctr_code ctr__plan_bind(ctr__builder *b, const ctr_mount *mount, const char *field,
                               const ctr__mount_spec *spec) {
  if (!mount->source)
    return ctr__fail(b->err, CTR_E_CONFIG, 0, field, "a bind mount needs a source");
  /* Nothing said, nothing shared: mounts made later on the host do not show up inside. */
  uint64_t first = spec->propagation[0] ? spec->propagation[0] : MS_PRIVATE | MS_REC;
  ctr__child_step(b, MOUNT_BIND, .field = field,
                  .str = {mount->destination, ctr__host_path(b, mount->source)},
                  .num = {[CTR__NUM_SET] = spec->set,
                          [CTR__NUM_CLR] = spec->clr,
                          [CTR__NUM_SETATTR] = ctr__has_setattr(b),
                          [CTR__NUM_PROPAGATION] = first,
                          [CTR__NUM_BELOW] = spec->recursive,
                          [CTR__NUM_BELOW_SET] = spec->rec_set,
                          [CTR__NUM_BELOW_CLR] = spec->rec_clr,
                          [CTR__NUM_IDMAP] = spec->idmap,
                          [CTR__NUM_SOURCE] = spec->source | ctr__may_ask(b),
                          [CTR__NUM_ROOT] = spec->as_root});
  ctr__plan_propagation(b, field, mount->destination, spec->propagation + 1, 3);
  return CTR_OK;
}

/* The options as the kernel takes them one by one: the source, flags, name=value. */
static ctr__ref ctr__fs_options(ctr__builder *b, const ctr_mount *mount,
                                const ctr__mount_spec *spec, bool read_only) {
  const char **list = ctr__take(b, spec->data_count + 2, sizeof *list);
  if (!list) return 0;
  size_t n = 0;
  if (mount->source) list[n++] = ctr__print(b, "source=%s", mount->source);
  if (read_only) list[n++] = "ro";
  for (size_t i = 0; i < spec->data_count; i++) list[n++] = spec->data[i];
  return b->nomem ? 0 : ctr__add_strs(b, (ctr_strs){list, n});
}

/* An ordinary user can store neither whiteouts nor what else overlayfs notes in attributes of the
   kind "trusted" (overlayfs.rst, "User xattr"; Linux 5.11). */
static void ctr__add_userxattr(ctr__builder *b, ctr__mount_spec *spec) {
  for (size_t i = 0; i < spec->data_count; i++)
    if (!strcmp(spec->data[i], "userxattr")) return;
  if (!b->facts->initial_userns || ctr__in_userns(b)) spec->data[spec->data_count++] = "userxattr";
}

/* mount(2) takes them as one string of at most a page, of which some is kept for the directories
   that only the child can name. */
static ctr_code ctr__plan_mount_old(ctr__builder *b, const ctr_mount *mount, const char *field,
                                    const ctr__mount_spec *spec, uint64_t attr) {
  char data[4096], *at = data;
  const size_t room = sizeof data - (spec->tmp_upper ? CTR__UPPER_OPTIONS_MAX : 0);
  *at = '\0';
  for (size_t i = 0; i < spec->data_count; i++) {
    size_t len = strlen(spec->data[i]);
    if (ctr__mount_option(spec->data[i])) continue; /* a flag */
    if (len + 2 > room - (size_t)(at - data))
      return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                       "the options together are longer than the page that mount(2) takes");
    if (at != data) *at++ = ',';
    at = ctr__put_str(at, spec->data[i]);
  }
  ctr__child_step(b, MOUNT_OLD, .field = field,
                  .str = {mount->destination, mount->type, data, mount->source},
                  .num = {[0] = attr,
                          [1] = spec->super,
                          [CTR__NUM_UPPER] = spec->tmp_upper,
                          [CTR__NUM_ROOT] = spec->as_root});
  return CTR_OK;
}

/* Where what the kernel says is looked for, by the library as well: no link is to lead there. */
static bool ctr__is_plain(const ctr_mount *mount, const ctr__mount_spec *spec) {
  return !spec->as_root && (!strcmp(mount->type, "proc") || !strcmp(mount->type, "sysfs"));
}

static void ctr__plan_mount_fs(ctr__builder *b, const ctr_mount *mount, const char *field,
                               const ctr__mount_spec *spec, uint64_t attr, bool read_only) {
  const enum ctr__kind kind = spec->copy_up ? CTR__STEP_MOUNT_COPY_UP : CTR__STEP_MOUNT_FS;
  const ctr__ref options = ctr__fs_options(b, mount, spec, read_only);
  ctr__add_step(b, CTR__LANE_CHILD, kind,
                &(ctr__new_step){.field = field,
                                 .str = {mount->destination, mount->type},
                                 .ref = {0, 0, options},
                                 .num = {[0] = attr,
                                         [1] = ctr__is_plain(mount, spec),
                                         [CTR__NUM_UPPER] = spec->tmp_upper,
                                         [CTR__NUM_IDMAP] = spec->idmap,
                                         [CTR__NUM_SOURCE] = spec->source,
                                         [CTR__NUM_ROOT] = spec->as_root}});
}

/* fsconfig(2) takes no value over 255 bytes, and overlay's lower directories are often longer. */
static bool ctr__needs_old_api(const ctr_mount *mount, const ctr__mount_spec *spec) {
  bool too_long = mount->source && strlen(mount->source) > CTR__FSCONFIG_STRING_MAX;
  for (size_t i = 0; i < spec->data_count; i++) {
    const char *value = strchr(spec->data[i], '=');
    too_long |= value && strlen(value + 1) > CTR__FSCONFIG_STRING_MAX;
  }
  return too_long || spec->old_api;
}

/* mount(2) takes all options as one string, in which a label's commas are to be quoted. */
static void ctr__add_label(ctr__builder *b, const ctr_mount *mount, ctr__mount_spec *spec) {
  const char *label = ctr__label_for(b, mount->type, mount->options);
  if (!label) return;
  spec->old_api |= strlen(label) > CTR__FSCONFIG_STRING_MAX;
  spec->data[spec->data_count++] =
      ctr__print(b, ctr__needs_old_api(mount, spec) ? "context=\"%s\"" : "context=%s", label);
}

/* A file system that shows a namespace is its owner's to mount (mount_namespaces(7)); others lie on
   devices, which are nobody's but the machine's. */
static ctr_code ctr__check_may_mount(ctr__builder *b, const ctr_mount *mount, const char *field) {
  static const struct {
    const char *type;
    uint32_t namespace_type;
    enum ctr__right right;
  } shown[] = {{"proc", CTR_NS_PID, CTR__RIGHT_PROC},
               {"sysfs", CTR_NS_NETWORK, CTR__RIGHT_SYSFS},
               {"mqueue", CTR_NS_IPC, CTR__RIGHT_MQUEUE}};
  if (!ctr__in_userns(b)) return CTR_OK;
  /* Who owns a namespace that is joined together with its user namespace is seen when mounting. */
  uint32_t own = b->new_namespaces;
  if (b->joined_namespaces & CTR_NS_USER) own |= b->joined_namespaces;
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
    if (!strcmp(mount->type, shown[i].type) && !(own & shown[i].namespace_type))
      return ctr__lacks(b, shown[i].right, field, NULL);
  if (ctr__list_has(b->facts->block_file_systems, mount->type, strlen(mount->type)))
    return ctr__lacks(b, CTR__RIGHT_FILE_SYSTEMS, field, mount->type);
  return CTR_OK;
}

static ctr_code ctr__plan_new_fs(ctr__builder *b, const ctr_mount *mount, const char *field,
                                 ctr__mount_spec *spec) {
  if (!mount->type || !strcmp(mount->type, "none"))
    return ctr__fail(b->err, CTR_E_CONFIG, 0, field,
                     "a type is required unless the options have bind or rbind");
  /* What is id-mapped is made by the parent, with the caller's rights. */
  ctr_code allowed = spec->idmap ? CTR_OK : ctr__check_may_mount(b, mount, field);
  if (allowed) return allowed;
  /* A new mount has nothing below: what is asked for everything below is asked for it. */
  spec->set = (spec->set & ~spec->rec_clr) | spec->rec_set;
  if (ctr__is_type(mount, "overlay")) ctr__add_userxattr(b, spec);
  ctr__add_label(b, mount, spec);
  if (b->nomem) return ctr__nomem(b->err);
  /* What is still to be filled with mount points and devices becomes read-only last. */
  bool late = ctr__is_type(mount, "tmpfs") || spec->tmp_upper || spec->as_root;
  bool read_only = spec->set & CTR__ATTR_RDONLY;
  uint64_t attr = late ? spec->set & ~(uint64_t)CTR__ATTR_RDONLY : spec->set;
  spec->late_read_only = late && read_only;
  if (ctr__needs_old_api(mount, spec)) {
    if (spec->copy_up || spec->idmap)
      return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                       "%s does not go with iversion or with values over 255 bytes",
                       spec->copy_up ? "tmpcopyup" : "a map of ids");
    ctr_code code = ctr__plan_mount_old(b, mount, field, spec, attr);
    if (code) return code;
  } else {
    ctr__plan_mount_fs(b, mount, field, spec, attr, read_only && !late);
  }
  /* Being new, it is private already. */
  size_t said = (spec->propagation[0] & ~(uint64_t)MS_REC) == MS_PRIVATE;
  ctr__plan_propagation(b, field, mount->destination, spec->propagation + said, 4 - said);
  return CTR_OK;
}

/* Whether what was mounted last at that place is a file system of the host's. */
static bool ctr__shows_the_hosts(const ctr__builder *b, const ctr_mount *mount) {
  const ctr_mount *all = b->config->mounts.items;
  for (size_t i = (size_t)(mount - all); i-- > 0;)
    if (ctr__same_path(all[i].destination, mount->destination) && !ctr__is_remount(&all[i]) &&
        !ctr__is_made(&all[i]))
      return ctr__is_bind(&all[i]);
  return ctr__is_root_path(mount->destination); /* root.path is bound */
}

static ctr_code ctr__plan_remount(ctr__builder *b, const ctr_mount *mount, const char *field,
                                  const ctr__mount_spec *spec) {
  ctr__plan_set_attr(b, field, mount->destination, spec->set, spec->clr);
  ctr__plan_set_attr_all(b, field, mount->destination, spec->rec_set, spec->rec_clr);
  if (spec->data_count && ctr__shows_the_hosts(b, mount))
    return ctr__fail(b->err, CTR_E_CONFIG, 0, field,
                     "\"%s\" would change the host's file system: it was bound, not mounted here",
                     spec->data[0]);
  if (spec->data_count) {
    ctr_mount without_source = *mount;
    without_source.source = NULL;
    ctr__child_step(b, RECONFIGURE, .field = field, .str = {mount->destination},
                    .ref = {0, 0, ctr__fs_options(b, &without_source, spec, false)},
                    .num = {[CTR__NUM_MEANT] = ctr__meant(b, mount->destination)});
  }
  ctr__plan_propagation(b, field, mount->destination, spec->propagation, 4);
  return CTR_OK;
}

static ctr_code ctr__plan_mount(ctr__builder *b, const ctr_mount *mount, const char *field,
                                ctr__mount_spec *spec) {
  if ((spec->rec_set || spec->rec_clr) && !ctr__has_setattr(b))
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                     "recursive options need mount_setattr(2), which came with Linux 5.12");
  if (spec->remount) return ctr__plan_remount(b, mount, field, spec);
  if (spec->bind) return ctr__plan_bind(b, mount, field, spec);
  return ctr__plan_new_fs(b, mount, field, spec);
}
