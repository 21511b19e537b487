/* features: what this build does, as the OCI specification's features.md has it; read from the
   library's own tables, so that it cannot say more than is true. */

/* Whether a config may ask for that member. */
static bool executes(const ctr__type *type, const char *member) {
  const ctr__field *field = ctr__field_find(type, member);
  return field && !(field->flags & CTR__NOT_EXECUTED);
}

static void add_string(options *o, ctr_json *list, const char *key, const char *text) {
  ctr_json_add(&o->mem, list, key, ctr_json_new_string(&o->mem, text));
}

static void add_bool(options *o, ctr_json *object, const char *key, bool value) {
  ctr_json_add(&o->mem, object, key, ctr_json_new_bool(&o->mem, value));
}

static ctr_json *add_list(options *o, ctr_json *object, const char *key, ctr_json_type type) {
  return ctr_json_add(&o->mem, object, key, ctr_json_new(&o->mem, type));
}

static void add_names(options *o, ctr_json *object, const char *key, const ctr__names *names) {
  ctr_json *list = add_list(o, object, key, CTR_JSON_ARRAY);
  for (size_t i = 0; i < names->count; i++) add_string(o, list, NULL, names->items[i].name);
}

static void add_seccomp(options *o, ctr_json *linux_) {
  ctr_json *seccomp = add_list(o, linux_, "seccomp", CTR_JSON_OBJECT);
  add_bool(o, seccomp, "enabled", executes(&ctr__type_of_ctr_linux, "seccomp"));
  add_names(o, seccomp, "actions", &ctr__seccomp_actions);
  add_names(o, seccomp, "operators", &ctr__seccomp_ops);
#ifdef CTR_WITH_LIBSECCOMP
  add_names(o, seccomp, "archs", &ctr__seccomp_architectures);
#else
  add_string(o, add_list(o, seccomp, "archs", CTR_JSON_ARRAY), NULL, CTR__SCMP_NATIVE);
#endif
  add_names(o, seccomp, "knownFlags", &ctr__seccomp_flags);
  ctr__facts facts = {0};
  const ctr_seccomp any = {.defaultAction = CTR_SCMP_ACT_ALLOW, .flags = {.count = 1}};
  ctr__gather_filters(&any, &facts);
  ctr_json *list = add_list(o, seccomp, "supportedFlags", CTR_JSON_ARRAY);
  for (size_t i = 0; i < ctr__seccomp_flags.count; i++)
    if (facts.filter_flags & (uint32_t)ctr__seccomp_flags.items[i].value)
      add_string(o, list, NULL, ctr__seccomp_flags.items[i].name);
}

static void add_enabled(options *o, ctr_json *object, const char *key, const ctr__type *type,
                        const char *member) {
  add_bool(o, add_list(o, object, key, CTR_JSON_OBJECT), "enabled", executes(type, member));
}

static void add_hooks(options *o, ctr_json *features) {
  ctr_json *list = add_list(o, features, "hooks", CTR_JSON_ARRAY);
  const ctr__type *type = &ctr__type_of_ctr_hooks;
  for (size_t i = 0; i < type->count; i++)
    if (executes(type, type->fields[i].name)) add_string(o, list, NULL, type->fields[i].name);
}

static void add_mount_options(options *o, ctr_json *features) {
  ctr_json *list = add_list(o, features, "mountOptions", CTR_JSON_ARRAY);
  bool idmap = executes(&ctr__type_of_ctr_mount, "uidMappings");
  for (size_t i = 0; i < sizeof ctr__mount_options / sizeof *ctr__mount_options; i++)
    if (idmap || ctr__mount_options[i].kind != CTR__OPT_IDMAP)
      add_string(o, list, NULL, ctr__mount_options[i].name);
}

static void add_cgroup(options *o, ctr_json *linux_) {
  ctr_json *cgroup = add_list(o, linux_, "cgroup", CTR_JSON_OBJECT);
  add_bool(o, cgroup, "v1", true);
  add_bool(o, cgroup, "v2", true);
  add_bool(o, cgroup, "systemd", false);
  add_bool(o, cgroup, "systemdUser", false);
  add_bool(o, cgroup, "rdma", executes(&ctr__type_of_ctr_resources, "rdma"));
}

static int features_command(options *o) {
  ctr_json *features = ctr_json_new(&o->mem, CTR_JSON_OBJECT);
  const ctr__type *linux_type = &ctr__type_of_ctr_linux;
  const ctr__type *process_type = &ctr__type_of_ctr_process_config;
  add_string(o, features, "ociVersionMin", "1.0.0");
  add_string(o, features, "ociVersionMax", CTR_OCI_VERSION);
  add_hooks(o, features);
  add_mount_options(o, features);
  ctr_json *linux_ = add_list(o, features, "linux", CTR_JSON_OBJECT);
  add_names(o, linux_, "namespaces", &ctr__namespace_names);
  add_names(o, linux_, "capabilities", &ctr__capability_names);
  add_cgroup(o, linux_);
  add_seccomp(o, linux_);
  add_enabled(o, linux_, "apparmor", process_type, "apparmorProfile");
  add_enabled(o, linux_, "selinux", process_type, "selinuxLabel");
  add_enabled(o, linux_, "intelRdt", linux_type, "intelRdt");
  add_enabled(o, linux_, "netDevices", linux_type, "netDevices");
  ctr_json *extensions = add_list(o, linux_, "mountExtensions", CTR_JSON_OBJECT);
  add_enabled(o, extensions, "idmap", &ctr__type_of_ctr_mount, "uidMappings");
  ctr_json *annotations = add_list(o, features, "annotations", CTR_JSON_OBJECT);
  add_string(o, annotations, "ctr.version", CTR_VERSION);
  add_string(o, annotations, "ctr.rootless", "true");
  char presets[256], abi[16];
  add_string(o, annotations, CTR_SECCOMP_ANNOTATION,
             ctr__names_text(&ctr__seccomp_presets, ",", presets));
  snprintf(abi, sizeof abi, "%d", ctr__landlock_abi());
  add_string(o, annotations, "ctr.landlock.abi", abi);
  ctr_json *change = add_list(o, features, "potentiallyUnsafeConfigAnnotations", CTR_JSON_ARRAY);
  add_string(o, change, NULL, CTR_LANDLOCK_ANNOTATION);
  add_string(o, change, NULL, CTR_SECCOMP_ANNOTATION);
  return print_json(o, features, CTR_JSON_INDENT);
}
