/* What stands in the list of mounts and is made, not mounted. */

static const struct ctr__made_type {
  const char *name;
  enum ctr__kind kind;
  uint64_t mode, max; /* unless the options say another; at most; 0: it has none */
} ctr__made_types[] = {
    {CTR__TYPE_DIR, CTR__STEP_MAKE_DIR, 0755, 01777}, /* mkdir(2) takes no more */
    {CTR__TYPE_FILE, CTR__STEP_MAKE_FILE, 0644, 07777},
    {CTR__TYPE_SYMLINK, CTR__STEP_SYMLINK, 0, 0},
    /* of what is there: one must be named */
    {CTR__TYPE_MODE, CTR__STEP_SET_MODE, UINT64_MAX, 07777},
};

static const struct ctr__made_type *ctr__made_type_of(const char *name) {
  for (size_t i = 0; i < sizeof ctr__made_types / sizeof *ctr__made_types; i++)
    if (!strcmp(ctr__made_types[i].name, name)) return &ctr__made_types[i];
  return NULL;
}

typedef struct ctr__made_spec {
  uint64_t mode;
  bool bind, read_only;
} ctr__made_spec;

/* Takes one option into spec. Returns what is wrong with it, or NULL. */
static const char *ctr__made_option(const struct ctr__made_type *type, const char *name,
                                    ctr__made_spec *spec) {
  const bool is_file = type->kind == CTR__STEP_MAKE_FILE;
  if (!strcmp(name, "bind") && is_file) return spec->bind = true, NULL;
  if (!strcmp(name, "ro") && is_file) return spec->read_only = true, NULL;
  if (strncmp(name, "mode=", 5) != 0 || !type->max) return "this type does not take it";
  const char *digits = name + 5;
  size_t len = strlen(digits);
  spec->mode = strtoull(digits, NULL, 8);
  return len && len < 8 && strspn(digits, "01234567") == len && spec->mode <= type->max ? NULL
         : type->max > 01777 ? "not an octal number up to 7777"
                             : "not an octal number up to 1777";
}

static ctr_code ctr__made_spec_read(ctr__builder *b, const struct ctr__made_type *type, size_t i,
                                    ctr__made_spec *spec) {
  const ctr_strs *options = &b->config->mounts.items[i].options;
  *spec = (ctr__made_spec){.mode = type->mode};
  for (size_t n = 0; n < options->count; n++) {
    const char *wrong = ctr__made_option(type, options->items[n], spec);
    if (wrong) return ctr__bad_option(b, i, n, options->items[n], wrong);
  }
  for (size_t n = 0; n < options->count && spec->read_only && !spec->bind; n++)
    if (!strcmp(options->items[n], "ro"))
      return ctr__bad_option(b, i, n, "ro", "only with bind is there a mount that could be");
  return CTR_OK;
}

static void ctr__plan_file(ctr__builder *b, const ctr_mount *mount, const char *field,
                           const ctr__made_spec *spec) {
  const char *text = mount->source ? mount->source : "";
  const ctr_bytes bytes = mount->data.count ? mount->data : (ctr_bytes){text, strlen(text)};
  const ctr__ref content = bytes.count ? ctr__add_bytes(b, bytes.items, bytes.count, 1) : 0;
  if (spec->bind)
    ctr__child_step(b, MOUNT_FILE, .field = field, .str = {mount->destination}, .ref = {0, content},
                    .num = {spec->mode, bytes.count, spec->read_only ? CTR__ATTR_RDONLY : 0, 0,
                            ctr__has_setattr(b)});
  else
    ctr__child_step(b, MAKE_FILE, .field = field, .str = {mount->destination}, .ref = {0, content},
                    .num = {spec->mode, bytes.count});
}

static ctr_code ctr__wrong_member(ctr__builder *b, size_t i, const char *member, const char *text) {
  return ctr__refuse(b, CTR_E_CONFIG, ctr__print(b, "mounts[%zu].%s", i, member), text);
}

static ctr_code ctr__plan_made(ctr__builder *b, size_t i, const char *field) {
  const ctr_mount *mount = &b->config->mounts.items[i];
  const struct ctr__made_type *type = ctr__made_type_of(mount->type);
  ctr__made_spec spec;
  if (!type)
    return ctr__wrong_member(b, i, "type",
                             "known are " CTR__TYPE_DIR ", " CTR__TYPE_SYMLINK ", " CTR__TYPE_FILE
                             " and " CTR__TYPE_MODE);
  if (ctr__is_root_path(mount->destination) && type->kind != CTR__STEP_SET_MODE)
    return ctr__wrong_member(b, i, "destination", "the root is there, or mounted: not made");
  if (mount->uidMappings.count || mount->gidMappings.count)
    return ctr__wrong_member(b, i, mount->uidMappings.count ? "uidMappings" : "gidMappings",
                             "what is made is no mount that could show other ids");
  ctr_code code = ctr__made_spec_read(b, type, i, &spec);
  if (code) return code;
  if (type->kind == CTR__STEP_MAKE_FILE) return ctr__plan_file(b, mount, field, &spec), CTR_OK;
  const bool is_link = type->kind == CTR__STEP_SYMLINK;
  const bool has_source = mount->source && *mount->source;
  if (is_link != has_source)
    return ctr__wrong_member(b, i, "source",
                             is_link ? "missing: what the link says" : "this type has none");
  if (spec.mode == UINT64_MAX)
    return ctr__wrong_member(b, i, "options", "missing: which mode, as in mode=0755");
  if (is_link)
    ctr__child_step(b, SYMLINK, .field = field, .str = {mount->destination, mount->source});
  else
    ctr__add_step(b, CTR__LANE_CHILD, type->kind,
                  &(ctr__new_step){.field = field,
                                   .str = {mount->destination},
                                   .num = {spec.mode}});
  return CTR_OK;
}
