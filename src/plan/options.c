/* Mount options: one table for what a name sets and clears, on which layer, and how far down. */

enum ctr__option_kind {
  CTR__OPT_ATTR,        /* attributes of the mount: set, clr                                    */
  CTR__OPT_ATTR_REC,    /* the same for it and all mounts below                                 */
  CTR__OPT_SUPER,       /* a flag of the file system, given to the kernel by its name           */
  CTR__OPT_SUPER_OLD,   /* one that only mount(2) can set                                       */
  CTR__OPT_PROPAGATION, /* set: the MS_* type                                                   */
  CTR__OPT_BIND,
  CTR__OPT_REMOUNT,
  CTR__OPT_COPY_UP,
  CTR__OPT_TMP_UPPER,
  CTR__OPT_NOTHING, /* says what is so anyway                                               */
  CTR__OPT_IDMAP,
};

static const struct ctr__mount_option {
  const char *name;
  uint8_t kind;
  bool recursive;    /* of bind and propagation                                     */
  uint32_t set, clr; /* MOUNT_ATTR_*; of SUPER and PROPAGATION MS_*, for mount(2)    */
} ctr__mount_options[] = {
#define CTR__ATTR(name, set, clr)                                                                  \
  {name, CTR__OPT_ATTR, false, set, clr}, {                                                        \
    "r" name, CTR__OPT_ATTR_REC, true, set, clr                                                    \
  }
    CTR__ATTR("ro", CTR__ATTR_RDONLY, 0),
    CTR__ATTR("rw", 0, CTR__ATTR_RDONLY),
    CTR__ATTR("nosuid", CTR__ATTR_NOSUID, 0),
    CTR__ATTR("suid", 0, CTR__ATTR_NOSUID),
    CTR__ATTR("nodev", CTR__ATTR_NODEV, 0),
    CTR__ATTR("dev", 0, CTR__ATTR_NODEV),
    CTR__ATTR("noexec", CTR__ATTR_NOEXEC, 0),
    CTR__ATTR("exec", 0, CTR__ATTR_NOEXEC),
    CTR__ATTR("nodiratime", CTR__ATTR_NODIRATIME, 0),
    CTR__ATTR("diratime", 0, CTR__ATTR_NODIRATIME),
    CTR__ATTR("nosymfollow", CTR__ATTR_NOSYMFOLLOW, 0),
    CTR__ATTR("symfollow", 0, CTR__ATTR_NOSYMFOLLOW),
    /* Of the three ways to keep access times one is on; naming one clears the field first. */
    CTR__ATTR("noatime", CTR__ATTR_NOATIME, CTR__ATTR_ATIME),
    CTR__ATTR("atime", 0, CTR__ATTR_ATIME),
    CTR__ATTR("relatime", 0, CTR__ATTR_ATIME),
    CTR__ATTR("norelatime", 0, CTR__ATTR_ATIME),
    CTR__ATTR("strictatime", CTR__ATTR_STRICTATIME, CTR__ATTR_ATIME),
    CTR__ATTR("nostrictatime", 0, CTR__ATTR_ATIME),
#undef CTR__ATTR
    {"async", CTR__OPT_SUPER, false, 0, MS_SYNCHRONOUS},
    {"sync", CTR__OPT_SUPER, false, MS_SYNCHRONOUS, 0},
    {"dirsync", CTR__OPT_SUPER, false, MS_DIRSYNC, 0},
    {"lazytime", CTR__OPT_SUPER, false, MS_LAZYTIME, 0},
    {"nolazytime", CTR__OPT_SUPER, false, 0, MS_LAZYTIME},
    {"mand", CTR__OPT_SUPER, false, MS_MANDLOCK, 0},
    {"nomand", CTR__OPT_SUPER, false, 0, MS_MANDLOCK},
    {"iversion", CTR__OPT_SUPER_OLD, false, MS_I_VERSION, 0},
    {"noiversion", CTR__OPT_NOTHING, false, 0, 0},
    {"silent", CTR__OPT_NOTHING, false, 0, 0},
    {"loud", CTR__OPT_NOTHING, false, 0, 0},
    {"defaults", CTR__OPT_NOTHING, false, 0, 0},
    {"private", CTR__OPT_PROPAGATION, false, MS_PRIVATE, 0},
    {"rprivate", CTR__OPT_PROPAGATION, true, MS_PRIVATE, 0},
    {"shared", CTR__OPT_PROPAGATION, false, MS_SHARED, 0},
    {"rshared", CTR__OPT_PROPAGATION, true, MS_SHARED, 0},
    {"slave", CTR__OPT_PROPAGATION, false, MS_SLAVE, 0},
    {"rslave", CTR__OPT_PROPAGATION, true, MS_SLAVE, 0},
    {"unbindable", CTR__OPT_PROPAGATION, false, MS_UNBINDABLE, 0},
    {"runbindable", CTR__OPT_PROPAGATION, true, MS_UNBINDABLE, 0},
    {"bind", CTR__OPT_BIND, false, 0, 0},
    {"rbind", CTR__OPT_BIND, true, 0, 0},
    {"remount", CTR__OPT_REMOUNT, false, 0, 0},
    {"tmpcopyup", CTR__OPT_COPY_UP, false, 0, 0},
    {"tmpupper", CTR__OPT_TMP_UPPER, false, 0, 0},
    {"idmap", CTR__OPT_IDMAP, false, 0, 0},
    {"ridmap", CTR__OPT_IDMAP, true, 0, 0},
};

static const struct ctr__mount_option *ctr__mount_option(const char *name) {
  for (size_t i = 0; i < sizeof ctr__mount_options / sizeof *ctr__mount_options; i++) {
    const char *known = ctr__mount_options[i].name;
    if (*known == *name && !strcmp(known, name)) return &ctr__mount_options[i];
  }
  return NULL;
}

/* A mount's options, sorted out. */
typedef struct ctr__mount_spec {
  uint64_t set, clr, rec_set, rec_clr; /* MOUNT_ATTR_* */
  uint64_t super;                      /* flags of the file system, as mount(2) takes them */
  uint64_t propagation[4];             /* MS_*, with MS_REC; 0: no more */
  bool bind, recursive, remount, copy_up, tmp_upper, old_api, idmapped, idmap_below;
  enum ctr__as_root as_root;
  bool late_read_only;    /* found out while planning: read-only when it is filled */
  uint64_t idmap, source; /* likewise: the steps' CTR__NUM_IDMAP and CTR__NUM_SOURCE */
  const char **data;      /* for the file system: flags and name=value, in their order */
  size_t data_count;
} ctr__mount_spec;

static void ctr__attr_apply(uint64_t *set, uint64_t *clr, const struct ctr__mount_option *option) {
  *set = (*set & ~(uint64_t)option->clr) | option->set;
  *clr = (*clr & ~(uint64_t)option->set) | option->clr;
}

static bool ctr__propagation_apply(ctr__mount_spec *spec, const struct ctr__mount_option *option) {
  for (size_t i = 0; i < sizeof spec->propagation / sizeof *spec->propagation; i++)
    if (!spec->propagation[i]) {
      spec->propagation[i] = option->set | (option->recursive ? (uint64_t)MS_REC : 0);
      return true;
    }
  return false;
}

/* Takes one option into spec. Returns what is wrong with it, or NULL. */
static const char *ctr__option_apply(ctr__mount_spec *spec, const char *name,
                                     const struct ctr__mount_option *option) {
  switch (option ? option->kind : CTR__OPT_SUPER) {
  case CTR__OPT_ATTR: ctr__attr_apply(&spec->set, &spec->clr, option); break;
  case CTR__OPT_ATTR_REC: ctr__attr_apply(&spec->rec_set, &spec->rec_clr, option); break;
  case CTR__OPT_BIND:
    spec->bind = true;
    spec->recursive |= option->recursive;
    break;
  case CTR__OPT_REMOUNT: spec->remount = true; break;
  case CTR__OPT_COPY_UP: spec->copy_up = true; break;
  case CTR__OPT_TMP_UPPER: spec->tmp_upper = true; break;
  case CTR__OPT_SUPER_OLD: spec->old_api = true; break;
  case CTR__OPT_PROPAGATION:
    if (!ctr__propagation_apply(spec, option)) return "more propagation types than there are";
    break;
  case CTR__OPT_IDMAP:
    spec->idmapped = true;
    spec->idmap_below |= option->recursive;
    break;
  case CTR__OPT_SUPER: spec->data[spec->data_count++] = name; break;
  default: break;
  }
  if (option && (option->kind == CTR__OPT_SUPER || option->kind == CTR__OPT_SUPER_OLD))
    spec->super = (spec->super & ~(uint64_t)option->clr) | option->set;
  return NULL;
}

/* Only a file system that is being made can take this option. */
static bool ctr__option_needs_new_fs(const struct ctr__mount_option *option) {
  return option && (option->kind == CTR__OPT_COPY_UP || option->kind == CTR__OPT_TMP_UPPER ||
                    option->kind == CTR__OPT_SUPER_OLD);
}

/* A bind mount has no file system of its own that could take this option. */
static bool ctr__option_needs_fs(const struct ctr__mount_option *option) {
  return !option || ctr__option_needs_new_fs(option) ||
         (option->kind == CTR__OPT_SUPER && option->set);
}

static ctr_code ctr__bad_option(ctr__builder *b, size_t mount, size_t option, const char *name,
                                const char *wrong) {
  return ctr__fail(b->err, CTR_E_CONFIG, 0,
                   ctr__print(b, "mounts[%zu].options[%zu]", mount, option), "\"%s\": %s", name,
                   wrong);
}

static const char ctr__idmap_too_late[] = "ids are mapped when a mount is made, not later";

/* config.md "Linux mount options": what is wrong with idmap or ridmap there, or NULL. */
static const char *ctr__idmap_misplaced(const ctr__builder *b, const ctr_mount *mount,
                                        const ctr__mount_spec *spec) {
  if (spec->remount) return ctr__idmap_too_late;
  if (mount->uidMappings.count || ctr__in_userns(b)) return NULL;
  return "by which map? The mount has no uidMappings and gidMappings, and the container no user "
         "namespace";
}

/* uid= and gid= are ids of the new user namespace, which the kernel refuses without saying why when
   it does not map them. */
static bool ctr__option_id_mapped(const ctr__builder *b, const char *option) {
  bool uid = !strncmp(option, "uid=", 4), gid = !strncmp(option, "gid=", 4);
  if (!(b->new_namespaces & CTR_NS_USER) || !(uid || gid) || !isdigit((unsigned char)option[4]))
    return true;
  uint32_t host;
  unsigned long long id = strtoull(option + 4, NULL, 10);
  return id < UINT32_MAX && ctr__id_mapped(uid ? b->uid_map : b->gid_map, (uint32_t)id, &host);
}

static bool ctr__is_type(const ctr_mount *mount, const char *type) {
  return mount->type && !strcmp(mount->type, type);
}

static bool ctr__is_bind(const ctr_mount *mount) {
  for (size_t i = 0; i < mount->options.count; i++) {
    const struct ctr__mount_option *option = ctr__mount_option(mount->options.items[i]);
    if (option && option->kind == CTR__OPT_BIND) return true;
  }
  return ctr__is_type(mount, "bind");
}

static bool ctr__names_upper(const char *option) {
  return !strncmp(option, "upperdir=", 9) || !strncmp(option, "workdir=", 8);
}

/* What is wrong with an option in the mount it stands in, or NULL. */
static const char *ctr__option_misplaced(const ctr__builder *b, const ctr_mount *mount,
                                         const ctr__mount_spec *spec, const char *name) {
  const struct ctr__mount_option *option = ctr__mount_option(name);
  const int kind = option ? option->kind : CTR__OPT_SUPER;
  if (spec->bind && !spec->remount && ctr__option_needs_fs(option))
    return "a bind mount has no file system of its own that could take it";
  if (spec->remount && ctr__option_needs_new_fs(option)) return "a remount cannot change that";
  if (kind == CTR__OPT_COPY_UP && !ctr__is_type(mount, "tmpfs"))
    return "only a tmpfs can take a copy";
  if (kind == CTR__OPT_TMP_UPPER && !ctr__is_type(mount, "overlay"))
    return "only an overlay keeps its changes apart";
  if (kind == CTR__OPT_TMP_UPPER && spec->idmapped) return "it does not go with idmap";
  if (spec->tmp_upper && ctr__names_upper(name))
    return "with tmpupper the library makes the directory for the changes";
  if (kind == CTR__OPT_IDMAP) return ctr__idmap_misplaced(b, mount, spec);
  if (!spec->idmapped && !ctr__option_id_mapped(b, name))
    return "an id that linux.uidMappings or linux.gidMappings does not map";
  return NULL;
}

static ctr_code ctr__mount_spec_read(ctr__builder *b, const ctr_mount *mount, size_t index,
                                     ctr__mount_spec *spec) {
  *spec = (ctr__mount_spec){.bind = ctr__is_type(mount, "bind"),
                            .idmapped = mount->uidMappings.count > 0};
  spec->data = ctr__take(b, mount->options.count + 3, sizeof *spec->data);
  if (!spec->data) return ctr__nomem(b->err);
  const ctr_strs *options = &mount->options;
  for (size_t i = 0; i < options->count; i++) {
    const char *name = options->items[i];
    const char *wrong = *name ? ctr__option_apply(spec, name, ctr__mount_option(name)) : "empty";
    if (wrong) return ctr__bad_option(b, index, i, name, wrong);
  }
  for (size_t i = 0; i < options->count; i++) {
    const char *wrong = ctr__option_misplaced(b, mount, spec, options->items[i]);
    if (wrong) return ctr__bad_option(b, index, i, options->items[i], wrong);
  }
  return CTR_OK;
}
