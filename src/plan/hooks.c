/* Hooks: programs of the host that take part in a container's life (config.md "POSIX-platform
   Hooks"). Which they are, where they run and what they are told stands in one table. */

enum ctr__hook_kind {
  CTR__HOOK_PRESTART,
  CTR__HOOK_CREATE_RUNTIME,
  CTR__HOOK_CREATE_CONTAINER,
  CTR__HOOK_START_CONTAINER,
  CTR__HOOK_POSTSTART,
  CTR__HOOK_POSTSTOP,
  CTR__HOOK_KINDS,
};

static const struct ctr__hook_row {
  const char *name;
  size_t offset; /* of the list in ctr_hooks */
  enum ctr__lane lane;
  bool is_of_host;   /* its path is the host's: run in the bundle, with the caller's umask */
  ctr_status status; /* that it is told                                                    */
} ctr__hook_rows[CTR__HOOK_KINDS] = {
#define CTR__HOOK_ROW(kind, list, lane, is_of_host, status)                                        \
  [CTR__HOOK_##kind] = {#list, offsetof(ctr_hooks, list), CTR__LANE_##lane, is_of_host,            \
                        CTR_STATUS_##status}
    CTR__HOOK_ROW(PRESTART, prestart, PARENT, true, CREATING),
    CTR__HOOK_ROW(CREATE_RUNTIME, createRuntime, PARENT, true, CREATING),
    CTR__HOOK_ROW(CREATE_CONTAINER, createContainer, CHILD, true, CREATING),
    CTR__HOOK_ROW(START_CONTAINER, startContainer, CHILD, false, CREATED),
    CTR__HOOK_ROW(POSTSTART, poststart, PARENT, true, RUNNING),
    CTR__HOOK_ROW(POSTSTOP, poststop, PARENT, true, STOPPED),
#undef CTR__HOOK_ROW
};

static const ctr_hook_list *ctr__hooks_of(const ctr_config *config, enum ctr__hook_kind kind) {
  const char *hooks = (const char *)&config->hooks;
  return (const ctr_hook_list *)(const void *)(hooks + ctr__hook_rows[kind].offset);
}

/* One hook as a step. Without arguments it is called by its path. */
static void ctr__plan_hook(ctr__builder *b, enum ctr__hook_kind kind, size_t index) {
  const struct ctr__hook_row *row = &ctr__hook_rows[kind];
  const ctr_hook *hook = &ctr__hooks_of(b->config, kind)->items[index];
  ctr_strs args = hook->args.count ? hook->args : (ctr_strs){&hook->path, 1};
  ctr__add_step(b, row->lane, CTR__STEP_HOOK,
                &(ctr__new_step){.field = ctr__print(b, "hooks.%s[%zu]", row->name, index),
                                 .str = {hook->path},
                                 .ref = {0, ctr__add_strs(b, args), ctr__add_strs(b, hook->env)},
                                 .num = {hook->timeout.set ? hook->timeout.value : 0, row->status,
                                         b->program_count++, row->is_of_host,
                                         !row->is_of_host && ctr__loads_filters(b)}});
}

static void ctr__plan_hooks(ctr__builder *b, enum ctr__hook_kind kind) {
  for (size_t i = 0; i < ctr__hooks_of(b->config, kind)->count; i++) ctr__plan_hook(b, kind, i);
}

/* JSON without its closing brace, for more members to follow; NULL without memory. */
static char *ctr__open_object(ctr_arena *arena, const ctr_json *object) {
  ctr__string text = {.arena = arena};
  if (ctr_json_write(object, CTR_JSON_COMPACT, ctr__string_sink, &text, NULL) || text.nomem ||
      !text.text)
    return NULL;
  text.text[text.len - 1] = '\0';
  return text.text;
}

static char *ctr__joined(ctr_arena *arena, const char *one, const char *two, const char *three) {
  char *text = ctr_arena_alloc(arena, strlen(one) + strlen(two) + strlen(three) + 1);
  if (text) ctr__put_str(ctr__put_str(ctr__put_str(text, one), two), three);
  return text;
}

/* The state of a container (runtime.md "State"), up to its status and pid, which come last because
   only who tells it knows them. NULL without memory. */
static const char *ctr__state_head(ctr_arena *arena, const ctr_config *config, const char *id,
                                   const char *bundle) {
  ctr_json *state = ctr_json_new(arena, CTR_JSON_OBJECT);
  const char *version = config->ociVersion ? config->ociVersion : CTR_OCI_VERSION;
  ctr__any_list annotations = {config->annotations.items, config->annotations.count};
  if (!ctr_json_add(arena, state, "ociVersion", ctr_json_new_string(arena, version)) ||
      !ctr_json_add(arena, state, "id", ctr_json_new_string(arena, id)) ||
      !ctr_json_add(arena, state, "bundle", ctr_json_new_string(arena, bundle ? bundle : ".")) ||
      !ctr_json_add(arena, state, "annotations", ctr__write_pairs(arena, annotations)))
    return NULL;
  const char *text = ctr__open_object(arena, state);
  return text ? ctr__joined(arena, text, ",\"status\":\"", "") : NULL;
}

static ctr__ref ctr__hook_state(ctr__builder *b) {
  const char *head = ctr__state_head(b->arena, b->config, b->desc->id, b->desc->bundle);
  b->nomem |= !head;
  return ctr__add_str(b, head);
}

/* A program without a container has nobody who would be there for the late ones. */
static ctr_code ctr__check_hooks_are_run(ctr__builder *b) {
  size_t count = 0;
  for (int kind = 0; kind < CTR__HOOK_KINDS; kind++) {
    size_t more = ctr__hooks_of(b->config, (enum ctr__hook_kind)kind)->count;
    const bool late = kind >= CTR__HOOK_POSTSTART && b->purpose->goal == CTR__GOAL_PROGRAM;
    if (more && (late || !b->desc->id))
      return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0,
                       ctr__print(b, "hooks.%s", ctr__hook_rows[kind].name),
                       "hooks belong to the life of a container with a name: use "
                       "ctr_container_run, or take them out");
    count += more;
  }
  if (count > CTR__PLAN_MAX_HOOKS)
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, "hooks", "more than %d of them",
                     CTR__PLAN_MAX_HOOKS);
  return CTR_OK;
}
