/* What state a container is in: seen from its process, its directory, its cgroup; nothing about it
   is written down that could be out of date. */

const char *ctr_status_name(ctr_status status) {
  size_t i = (size_t)status;
  bool known = i && i < sizeof ctr__status_names / sizeof *ctr__status_names;
  return known ? ctr__status_names[i] : "unknown";
}

/* Its maker may have been killed at any point: until execve it is not yet in its root. */
static bool ctr__has_executed(const ctr_process *process) {
  ctr__proc_stat stat;
  return ctr__read_proc_stat(process->pid, &stat) == 0 && !(stat.flags & CTR__PF_FORKNOEXEC);
}

static bool ctr__has_file(const ctr_container *c, const char *name, mode_t *ret_type) {
  struct stat st;
  if (fstatat(c->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return false;
  *ret_type = st.st_mode & S_IFMT;
  return true;
}

/* Who was at starting it is gone: whether the process got to know shows in whether it still
   listens. One that is looked at so goes on waiting. EAGAIN: it listens, and others were here. */
static bool ctr__still_waits(const ctr_container *c) {
  CTR__AUTO_CLOSE sock = ctr__connect(c->dir, CTR__STARTING, SOCK_SEQPACKET | SOCK_NONBLOCK);
  return sock >= 0 || sock == -EAGAIN;
}

/* Of one that is running, as far as its processes go. Returns 0 or -errno when the caller lacks
   what it takes to look; a cgroup that cannot be read for other reasons freezes nobody. */
static int ctr__look_closer(const ctr_container *c, ctr_status *ret_status) {
  bool frozen = false;
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  int r = ctr__cgroups_is_frozen(&cgroups, &frozen);
  *ret_status = frozen ? CTR_STATUS_PAUSED : CTR_STATUS_RUNNING;
  return r == -EMFILE || r == -ENFILE || r == -ENOMEM ? r : 0;
}

static ctr_status ctr__look_into_directory(const ctr_container *c) {
  mode_t type = 0;
  if (!c->process || !ctr__is_running(c->process)) return CTR_STATUS_STOPPED;
  if (ctr__has_file(c, CTR__CREATING, &type))
    return S_ISSOCK(type) || ctr__is_locked(c) || !ctr__has_executed(c->process)
               ? CTR_STATUS_CREATING
               : CTR_STATUS_RUNNING;
  if (ctr__has_file(c, CTR__START, &type)) return CTR_STATUS_CREATED;
  if (ctr__has_file(c, CTR__STARTING, &type) && (ctr__is_locked(c) || ctr__still_waits(c)))
    return CTR_STATUS_CREATED;
  return CTR_STATUS_RUNNING;
}

/* CTR_E_SYS when it cannot be seen, as for want of descriptors. */
static ctr_code ctr__look(const ctr_container *c, ctr_status *ret_status, ctr_err *err) {
  *ret_status = ctr__look_into_directory(c);
  int r = *ret_status == CTR_STATUS_RUNNING ? ctr__look_closer(c, ret_status) : 0;
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "look at container \"%.128s\"", c->id)
               : CTR_OK;
}

ctr_code ctr_container_state(ctr_container *container, ctr_state *ret_state, ctr_err *err) {
  const ctr_container *c = container;
  ctr__err_clear(err);
  if (!c || !ret_state)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "container and ret_state are needed");
  ctr_code code = ctr__check_is_there(c, err);
  if (code) return code;
  const ctr_config *config = &c->stored->config;
  *ret_state = (ctr_state){.ociVersion = config->ociVersion,
                           .id = c->id,
                           .bundle = c->stored->bundle,
                           .rootfs = c->stored->rootfs,
                           .created = c->stored->created,
                           .owner = c->stored->owner,
                           .annotations = config->annotations};
  code = ctr__look(c, &ret_state->status, err);
  if (code) return code;
  if (ret_state->status != CTR_STATUS_STOPPED) ret_state->pid = (pid_t)c->stored->pid;
  return CTR_OK;
}

ctr_code ctr_state_to_json(ctr_arena *arena, const ctr_state *state, ctr_json **ret_value,
                           ctr_err *err) {
  ctr__err_clear(err);
  if (!arena || !state || !ret_value)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, state and ret_value are needed");
  const struct {
    const char *key, *value;
  } texts[] = {{"bundle", state->bundle}, {"rootfs", state->rootfs}, {"created", state->created}};
  ctr_json *object = ctr_json_new(arena, CTR_JSON_OBJECT);
  const char *version = state->ociVersion ? state->ociVersion : CTR_OCI_VERSION;
  const char *status = ctr_status_name(state->status);
  ctr__any_list annotations = {state->annotations.items, state->annotations.count};
  bool ok = ctr_json_add(arena, object, "ociVersion", ctr_json_new_string(arena, version)) &&
            ctr_json_add(arena, object, "id", ctr_json_new_string(arena, state->id)) &&
            ctr_json_add(arena, object, "pid", ctr_json_new_int(arena, state->pid)) &&
            ctr_json_add(arena, object, "status", ctr_json_new_string(arena, status));
  for (size_t i = 0; i < 3 && ok; i++)
    ok = !texts[i].value ||
         ctr_json_add(arena, object, texts[i].key, ctr_json_new_string(arena, texts[i].value));
  if (ok && annotations.count)
    ok = ctr_json_add(arena, object, "annotations", ctr__write_pairs(arena, annotations));
  if (ok) ok = ctr_json_add(arena, object, "owner", ctr_json_new_uint(arena, state->owner));
  if (!ok) return ctr__nomem(err);
  *ret_value = object;
  return CTR_OK;
}
