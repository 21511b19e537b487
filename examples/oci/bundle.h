/* Bundles: config.json read and written. */

/* The whole of a file, which is a regular one: NULL after a message. Opened without waiting: a fifo
   would. */
static char *read_file(options *o, const char *path, size_t *ret_len) {
  char *text = NULL;
  struct stat st;
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
  if (!file || fstat(fd, &st) < 0)
    fail_errno(o, "open", path);
  else if (!S_ISREG(st.st_mode))
    fail(o, "%s is not a regular file", path);
  else if (st.st_size > 64 << 20)
    fail(o, "%s is larger than 64 MiB", path);
  else
    text = take(o, (size_t)st.st_size + 1);
  if (text) *ret_len = fread(text, 1, (size_t)st.st_size, file);
  if (text && ferror(file)) text = (fail_errno(o, "read", path), NULL);
  if (file) fclose(file);
  return text;
}

static const char *config_path(options *o) {
  return print(o, "%s/config.json", o->bundle);
}

/* The config of --bundle or --default, with what follows "--" as its command; NULL after a
   message. */
static ctr_config *load_config(options *o) {
  ctr_config *config = NULL;
  ctr_err err;
  if (o->use_default) {
    if (ctr_config_default(&o->mem, CTR_DEFAULT_AUTO, &config, &err)) fail_err(o, &err);
  } else {
    size_t len;
    char *text = read_file(o, config_path(o), &len);
    if (text && ctr_config_parse(&o->mem, text, len, &config, &err)) fail_err(o, &err);
  }
  if (config && o->dashed && o->operands.count) config->process.args = as_strs(o->operands);
  return config;
}

static ctr_plan_desc plan_options(options *o) {
  return (ctr_plan_desc){.bundle = o->bundle,
                         .no_pivot = o->no_pivot,
                         .no_new_keyring = o->no_new_keyring,
                         .no_cgroup = o->cgroup_manager && !strcmp(o->cgroup_manager, "disabled"),
                         .log = {on_log, o}};
}

static int explain_command(options *o) {
  ctr_err err;
  const ctr_container_desc desc = {.root = o->root, .plan = plan_options(o)};
  if (o->rights) return ctr_rights_explain(write_to, stdout, &err) ? fail_err(o, &err) : 0;
  if (o->presets) return ctr_seccomp_explain(write_to, stdout, &err) ? fail_err(o, &err) : 0;
  ctr_config *config = load_config(o);
  if (!config) return 1;
  return ctr_container_explain(config, "explain", &desc, write_to, stdout, &err) ? fail_err(o, &err)
                                                                                 : 0;
}

/* Never over one that is there. */
static int write_config(options *o, const ctr_json *json) {
  const char *path = config_path(o);
  ctr_err err;
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
  if (!file) return fail_errno(o, "create", path);
  int result = ctr_json_write(json, CTR_JSON_INDENT, write_to, file, &err) ? fail_err(o, &err) : 0;
  if (fclose(file) != 0) result = fail_errno(o, "write", path);
  if (result) unlink(path);
  return result;
}

static int spec_command(options *o) {
  ctr_config *config = NULL;
  ctr_json *json = NULL;
  ctr_err err;
  ctr_default_kind kind = o->rootless ? CTR_DEFAULT_ROOTLESS : CTR_DEFAULT_ROOT;
  if (ctr_config_default(&o->mem, kind, &config, &err)) return fail_err(o, &err);
  config->root.path = "rootfs";
  /* As other runtimes can read it, too. */
  const ctr_pair preset = {CTR_SECCOMP_ANNOTATION, "default"};
  config->annotations = (ctr_pairs){&preset, 1};
  config->linux_.seccomp = (ctr_seccomp){0};
  if (ctr_config_to_json(&o->mem, config, &json, &err)) return fail_err(o, &err);
  return write_config(o, json);
}
