/* exec: one more process in a container, by --process or by the container's own with changes. */

enum { EXEC_FAILED = 255 }; /* as runc and crun exit: a program's own codes rarely are */

/* The last number is no id (setresuid(2)). */
static bool parse_id(const char *text, uint32_t *ret) {
  uint64_t id;
  if (!parse_number(text, UINT32_MAX - 1, &id)) return false;
  *ret = (uint32_t)id;
  return true;
}

/* UID[:GID]: names are the business of whoever knows the container's /etc/passwd. */
static int set_user(options *o, ctr_user *user) {
  char *uid = print(o, "%s", o->user), *gid = strchr(uid, ':');
  if (gid) *gid++ = '\0';
  if (!parse_id(uid, &user->uid) || (gid && !parse_id(gid, &user->gid)))
    return fail(o, "--user: '%s' is not UID[:GID], numbers below 4294967295", o->user);
  return 0;
}

static int add_gids(options *o, ctr_user *user) {
  size_t before = user->additionalGids.count, more = o->additional_gids.count;
  uint32_t *gids = take(o, (before + more) * sizeof *gids + 1);
  if (before) memcpy(gids, user->additionalGids.items, before * sizeof *gids);
  for (size_t i = 0; i < more; i++)
    if (!parse_id(o->additional_gids.items[i], &gids[before + i]))
      return fail(o, "--additional-gids: '%s' is not a group's number below 4294967295",
                  o->additional_gids.items[i]);
  user->additionalGids = (ctr_ids){gids, before + more};
  return 0;
}

/* As runc: an ambient capability must be inheritable (capabilities(7)), which only the config
   makes it. */
static int add_caps(options *o, ctr_capabilities *caps) {
#define CAP_NAME(name, number) [number] = #name,
  static const char *const names[] = {CTR_CAPABILITIES(CAP_NAME)};
#undef CAP_NAME
  for (size_t i = 0; i < o->caps.count; i++) {
    const char *name = o->caps.items[i] + (strncasecmp(o->caps.items[i], "CAP_", 4) ? 0 : 4);
    unsigned number = 0;
    while (number < CTR_CAP_COUNT && strcasecmp(names[number], name) != 0) number++;
    if (number == CTR_CAP_COUNT)
      return fail(o, "--cap: '%s' is not a capability", o->caps.items[i]);
    uint64_t bit = UINT64_C(1) << number;
    caps->bounding |= bit;
    caps->effective |= bit;
    caps->permitted |= bit;
    caps->ambient |= caps->inheritable & bit;
  }
  return 0;
}

/* What the options say beside the process that is there. */
static int change_process(options *o, ctr_process_config *process) {
  if (o->operands.count) process->args = as_strs(o->operands);
  if (o->cwd) process->cwd = o->cwd;
  for (size_t i = 0; i < o->env.count; i++) set_env(o, &process->env, o->env.items[i]);
  if (o->no_new_privs) process->noNewPrivileges = true;
  if (o->tty) process->terminal = true;
  if (o->process_label && *o->process_label) process->selinuxLabel = o->process_label;
  if (o->apparmor && *o->apparmor) process->apparmorProfile = o->apparmor;
  if (o->user && set_user(o, &process->user)) return 1;
  return add_gids(o, &process->user) || add_caps(o, &process->capabilities);
}

/* --process, or what the container's first process is, but for its terminal. */
static int describe_exec(options *o, ctr_container *container, ctr_process_config *process) {
  ctr_process_config *read = NULL;
  ctr_err err;
  if (o->cgroup) return fail(o, "--cgroup: this version does not support it");
  if (o->process) {
    size_t len;
    char *text = read_file(o, o->process, &len);
    if (!text) return 1;
    if (ctr_process_config_parse(&o->mem, text, len, &read, &err)) return fail_err(o, &err);
    *process = *read;
  } else {
    *process = ctr_container_config(container)->process;
    process->terminal = false;
    process->args = (ctr_strs){NULL, 0};
    if (!o->operands.count) return fail(o, "exec needs a COMMAND, or --process");
  }
  return change_process(o, process);
}

/* Returns 0 and in *ret_status what to exit with, or 1 after a message. */
static int exec_in(options *o, ctr_container *container, int *ret_status) {
  ctr_process_config config;
  ctr_process *process = NULL;
  ctr_err err;
  attached a;
  ctr_exec_desc desc = {.ignore_paused = o->ignore_paused,
                        .die_with_caller = !o->detach,
                        .log = {on_log, o}};
  if (describe_exec(o, container, &config) ||
      describe_process(o, &config, o->detach, &desc.process) ||
      (!o->detach && attach_prepare(o, &config, &a)))
    return 1;
  if (ctr_container_exec(container, &config, &desc, &process, &err)) return fail_err(o, &err);
  int result = write_pid_file(o, ctr_process_pid(process));
  if (result)
    ctr_process_terminate(process, &err);
  else if (o->detach)
    *ret_status = 0;
  else
    result = attach(&a, process, ret_status);
  ctr_process_free(process);
  return result;
}

static int exec_command(options *o) {
  int status = EXEC_FAILED;
  if (o->operands.count && !strcmp(o->operands.items[0], "--")) {
    o->operands.items++;
    o->operands.count--;
  }
  ctr_container *container = open_container(o);
  if (!container || exec_in(o, container, &status)) status = EXEC_FAILED;
  ctr_container_free(container);
  return status;
}
