/* Who is asked about calls with the action SCMP_ACT_NOTIFY: the agent that listens at
   linux.seccomp.listenerPath gets the descriptor that the questions come from, and is told of whom
   (config-linux.md "The Container Process State"). */

/* What it is told, up to what is told of the container's status; NULL without memory. */
static const char *ctr__listener_head(ctr_arena *arena, const ctr_config *config, const char *id,
                                      const char *bundle) {
  const ctr_seccomp *profile = &config->linux_.seccomp;
  ctr_json *about = ctr_json_new(arena, CTR_JSON_OBJECT);
  ctr_json *fds = ctr_json_new(arena, CTR_JSON_ARRAY);
  const char *version = config->ociVersion ? config->ociVersion : CTR_OCI_VERSION;
  if (!ctr_json_add(arena, about, "ociVersion", ctr_json_new_string(arena, version)) ||
      !ctr_json_add(arena, fds, NULL, ctr_json_new_string(arena, "seccompFd")) ||
      !ctr_json_add(arena, about, "fds", fds))
    return NULL;
  if (profile->listenerMetadata &&
      !ctr_json_add(arena, about, "metadata",
                    ctr_json_new_string(arena, profile->listenerMetadata)))
    return NULL;
  const char *text = ctr__open_object(arena, about);
  const char *state = ctr__state_head(arena, config, id, bundle);
  return text && state ? ctr__joined(arena, text, ",\"state\":", state) : NULL;
}

/* The whole. first: pid of the container's first process; pid: of the one that is asked about. */
static const char *ctr__listener_text(ctr_arena *arena, const char *head, ctr_status status,
                                      int64_t first, int64_t pid) {
  char tail[96];
  char *end = ctr__put_str(ctr__put_state_tail(tail, status, first), ",\"pid\":");
  ctr__put_str(ctr__put_int(end, pid), "}");
  return ctr__joined(arena, head, tail, "");
}

/* What the container is while the filter of a process is loaded. */
static ctr_status ctr__status_when_filtered(enum ctr__goal goal) {
  return goal == CTR__GOAL_EXEC     ? CTR_STATUS_RUNNING
         : goal == CTR__GOAL_CREATE ? CTR_STATUS_CREATED
                                    : CTR_STATUS_CREATING;
}

/* The caller itself answers: it is the one that starts the process. */
static ctr_code ctr__plan_kept_listener(ctr__builder *b) {
  static const char field[] = "linux.seccomp.listenerPath";
  if (b->config->linux_.seccomp.listenerPath)
    return ctr__refuse(b, CTR_E_CONFIG, field,
                       "keep_listener is set: what questions come by goes to one of them");
  if (b->purpose->goal == CTR__GOAL_CREATE)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, field,
                       "who starts a created container cannot keep what questions come by: use "
                       "ctr_container_run, or a listenerPath");
  ctr__parent_step(b, KEEP_LISTENER, .field = "linux.seccomp.syscalls");
  return CTR_OK;
}

static ctr_code ctr__plan_listener(ctr__builder *b) {
  const ctr_seccomp *profile = &b->config->linux_.seccomp;
  if (b->desc->keep_listener) return ctr__plan_kept_listener(b);
  if (!profile->listenerPath)
    return ctr__refuse(b, CTR_E_CONFIG, "linux.seccomp.listenerPath",
                       "missing: nobody would answer for SCMP_ACT_NOTIFY");
  if (!b->desc->id)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.seccomp.listenerPath",
                       "who listens is told of a container with a name: use ctr_container_run, or "
                       "take SCMP_ACT_NOTIFY out");
  const char *head = ctr__listener_head(b->arena, b->config, b->desc->id, b->desc->bundle);
  b->nomem |= !head;
  ctr__parent_step(b, TAKE_LISTENER, .field = "linux.seccomp.listenerPath",
                   .str = {ctr__host_path(b, profile->listenerPath), head},
                   .num = {ctr__status_when_filtered(b->purpose->goal), b->purpose->init_pid});
  return CTR_OK;
}
