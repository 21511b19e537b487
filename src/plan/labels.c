/* Labels of security modules: process.apparmorProfile, process.selinuxLabel, linux.mountLabel. That
   of a process is asked for by a write to /proc/self/attr and taken by execve(2)
   (proc_pid_attr(5)); what clone(2) makes in between inherits the wish.

   It is written before no_new_privs is set, which makes no difference to who may change to what:
   both modules look at that when the program is executed. AppArmor then lets a task that is
   unconfined take any profile, and one that is confined only what is as narrow as its own
   (security/apparmor/domain.c, apparmor_bprm_creds_for_exec); SELinux asks its policy for
   nnp_transition, or that the new type be bounded by the old one (security/selinux/hooks.c,
   check_nnp_nosuid). What is refused is an error of execve. */

/* No label is "", as engines write where there is no module. */
static bool ctr__is_label(const char *label) {
  return label && *label;
}

/* Without AppArmor everything is. */
static bool ctr__is_unconfined(const ctr__builder *b, const char *profile) {
  return !b->facts->apparmor && !strcmp(profile, "unconfined");
}

static ctr_code ctr__check_apparmor(ctr__builder *b) {
  const char *profile = b->config->process.apparmorProfile;
  if (!ctr__is_label(profile) || ctr__is_unconfined(b, profile)) return CTR_OK;
  if (!b->facts->apparmor)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "process.apparmorProfile",
                       "this kernel has no AppArmor, or it was not enabled when it was booted");
  if (b->facts->profile_missing)
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, "process.apparmorProfile",
                     "no profile \"%.128s\" is loaded: apparmor_parser(8) does that", profile);
  return CTR_OK;
}

/* A label is text of one line; quotes would end it where mount(2) is to take it. */
static ctr_code ctr__check_selinux(ctr__builder *b, const char *field, const char *label) {
  if (!ctr__is_label(label)) return CTR_OK;
  if (!b->facts->selinux)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, field,
                       "this kernel has no SELinux, or it was not enabled, or has no policy");
  return strpbrk(label, "\"\n")
             ? ctr__refuse(b, CTR_E_CONFIG, field, "a label has no quote and no second line")
             : CTR_OK;
}

static ctr_code ctr__check_labels(ctr__builder *b) {
  const ctr_process_config *process = &b->config->process;
  ctr_code code = ctr__check_apparmor(b);
  if (!code) code = ctr__check_selinux(b, "process.selinuxLabel", process->selinuxLabel);
  if (!code) code = ctr__check_selinux(b, "linux.mountLabel", b->config->linux_.mountLabel);
  const bool by_exec = (ctr__is_label(process->apparmorProfile) && b->facts->apparmor) ||
                       ctr__is_label(process->selinuxLabel);
  if (code || !by_exec || !b->desc->call_function) return code;
  return ctr__refuse(b, CTR_E_CONFIG,
                     ctr__is_label(process->selinuxLabel) ? "process.selinuxLabel"
                                                          : "process.apparmorProfile",
                     "a label is taken by execve(2), and a function is not executed");
}

static void ctr__label_step(ctr__builder *b, enum ctr__lane lane, const char *field,
                            const char *file, const char *text) {
  ctr__add_step(b, lane, CTR__STEP_LABEL, &(ctr__new_step){.field = field, .str = {file, text}});
}

/* Before a keyring is made, which belongs to who can use it later. Over with execve. */
static void ctr__plan_key_label(ctr__builder *b, enum ctr__lane lane) {
  const char *label = b->config->process.selinuxLabel;
  if (ctr__is_label(label) && !b->desc->no_new_keyring)
    ctr__label_step(b, lane, "process.selinuxLabel", "keycreate", label);
}

/* In the child while it holds the host's procfs, which no image can stand in for (CVE-2019-16884).
   Who joins a container has none there: the intermediate process writes it before it joins. */
static void ctr__plan_process_labels(ctr__builder *b, enum ctr__lane lane) {
  const ctr_process_config *process = &b->config->process;
  const char *profile = process->apparmorProfile;
  if (ctr__is_label(profile) && !ctr__is_unconfined(b, profile))
    ctr__label_step(b, lane, "process.apparmorProfile",
                    b->facts->apparmor_dir ? "apparmor/exec" : "exec",
                    ctr__print(b, "exec %s", profile));
  if (ctr__is_label(process->selinuxLabel))
    ctr__label_step(b, lane, "process.selinuxLabel", "exec", process->selinuxLabel);
}

/* -- mounts -- */

static bool ctr__is_one_of(const char *type, const char *const *types) {
  while (*types && strcmp(type, *types) != 0) types++;
  return *types;
}

/* Whether a new file system takes a label for all that is in it. Those that the kernel fills take
   none, nor does mqueue, which is there before it is mounted; in a user namespace only the second
   list does (security/selinux/hooks.c, selinux_set_mnt_opts), and the rest is labelled by the
   policy. */
static bool ctr__takes_label(const ctr__builder *b, const char *type) {
  static const char *const never[] = {"proc", "sysfs", "cgroup", "cgroup2", "mqueue", NULL};
  static const char *const anywhere[] = {"tmpfs", "ramfs", "devpts", "overlay", NULL};
  const bool in_userns = !b->facts->initial_userns || ctr__in_userns(b);
  return in_userns ? ctr__is_one_of(type, anywhere) : !ctr__is_one_of(type, never);
}

/* linux.mountLabel where it goes; NULL where it does not, or the mount has one of its own. */
static const char *ctr__label_for(const ctr__builder *b, const char *type, ctr_strs options) {
  const char *label = b->config->linux_.mountLabel;
  if (!ctr__is_label(label) || !ctr__takes_label(b, type)) return NULL;
  for (size_t i = 0; i < options.count; i++)
    if (!strncmp(options.items[i], "context=", 8)) return NULL;
  return label;
}
