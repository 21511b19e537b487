/* A process that joins a running container: libcontainer's setnsProcess. The config is that of the
   container, with another process in it. */

/* Everything the container has of its own is joined. */
static ctr_code ctr__sort_joined(ctr__builder *b) {
  ctr_code code = ctr__sort_namespaces(b);
  b->joined_namespaces |= b->new_namespaces;
  b->new_namespaces = 0;
  return code;
}

/* Who the ids of the container are on the host: known when its user namespace was made for it. */
static ctr_code ctr__check_exec_ids(ctr__builder *b) {
  const ctr_namespace *users = ctr__namespace_of(b->config, CTR_NS_USER);
  if (!users || users->path) return CTR_OK;
  ctr__choose_maps(b);
  return b->nomem ? ctr__nomem(b->err) : ctr__check_user_mapped(b);
}

static ctr_code ctr__affinity_step(ctr__builder *b, enum ctr__lane lane, const char *field,
                                   const char *cpus) {
  unsigned long mask[CTR__NODES / (8 * sizeof(unsigned long))] = {0};
  if (!cpus || !*cpus) return CTR_OK;
  if (!ctr__parse_list(cpus, mask))
    return ctr__fail(b->err, CTR_E_CONFIG, 0, field,
                     "\"%.64s\" is not a list of CPUs like 0-3,7 below %d", cpus, CTR__NODES);
  ctr__add_step(b, lane, CTR__STEP_AFFINITY,
                &(ctr__new_step){.field = field,
                                 .str = {cpus},
                                 .ref = {0, ctr__add_bytes(b, mask, sizeof mask, 8)},
                                 .num = {sizeof mask}});
  return CTR_OK;
}

/* Before Linux 5.8 namespaces are joined one by one, the user namespace first: it gives the rights
   over the others. */
static void ctr__plan_join_one_by_one(ctr__builder *b, bool opening) {
  uint64_t slot = 0;
  for (size_t i = sizeof ctr__join_order / sizeof *ctr__join_order; i-- > 0;) {
    const uint32_t type = ctr__join_order[i];
    if (!(b->joined_namespaces & type)) continue;
    ctr__add_step(b, opening ? CTR__LANE_PARENT : CTR__LANE_STAGE,
                  opening ? CTR__STEP_OPEN_NAMESPACE : CTR__STEP_SETNS,
                  &(ctr__new_step){.field = "linux.namespaces",
                                   .str = {ctr__print(b, "/proc/%llu/ns/%s",
                                                      (unsigned long long)b->purpose->init_pid,
                                                      ctr__namespace_file(type))},
                                   .num = {type, slot++}});
  }
}

static void ctr__join_init_step(ctr__builder *b, uint32_t types) {
  if (types)
    ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_JOIN_INIT,
                  &(ctr__new_step){.field = "linux.namespaces", .num = {types}});
}

/* The first process is in a user namespace below that of its mounts: rights over these are to be
   had in the upper one only, which is joined first, and left last. */
static void ctr__plan_join_inner(ctr__builder *b) {
  if (b->joined_namespaces & CTR_NS_USER)
    ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_SETNS,
                  &(ctr__new_step){.field = "linux.namespaces",
                                   .str = {"the owner of its mounts"},
                                   .num = {CTR_NS_USER, 0}});
  ctr__join_init_step(b, b->joined_namespaces & ~(uint32_t)CTR_NS_USER);
  ctr__join_init_step(b, CTR_NS_USER);
}

/* What is opened by the pid is opened before it is seen that the pid is still that process's. */
static ctr_code ctr__plan_join(ctr__builder *b) {
  const ctr__purpose *purpose = b->purpose;
  const uint64_t clone3 = b->facts->features & CTR_FEATURE_CLONE3;
  const bool at_once = b->facts->features & CTR_FEATURE_SETNS_PIDFD;
  if (b->desc->inner_userns && !at_once)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.namespaces",
                       "to join a container with inner_userns takes Linux 5.8");
  if (!at_once) ctr__plan_join_one_by_one(b, true);
  if (b->desc->inner_userns && (b->joined_namespaces & CTR_NS_USER))
    ctr__parent_step(b, OPEN_OWNER, .field = "linux.namespaces", .num = {purpose->init_pid});
  ctr__parent_step(b, OPEN_INIT, .field = NULL, .num = {purpose->init_pid, purpose->init_start});
  ctr__parent_step(b, STAGE, .field = NULL, .str = {NULL, "joins namespaces"}, .num = {0, clone3});
  ctr__plan_oom_score(b, CTR__LANE_STAGE);
  ctr__plan_key_label(b, CTR__LANE_STAGE);
  ctr__plan_process_labels(b, CTR__LANE_STAGE);
  ctr__plan_unseen(b, NULL);
  /* Who cannot copy a mount where they are hands in what they have: it is a stream of theirs. */
  if (ctr__can_unshare(b->facts) && b->facts->owns_mounts) ctr__view_null_step(b, CTR__LANE_STAGE);
  ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_CLOSE_OTHERS,
                &(ctr__new_step){.field = "linux.namespaces"});
  if (((b->joined_namespaces & CTR_NS_USER) || b->desc->inner_userns) &&
      (b->facts->caps & CTR_CAP(SETGID)) && !b->facts->groups_denied)
    ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_DROP_GROUPS, &(ctr__new_step){.field = NULL});
  ctr__plan_stage_program(b, false);
  if (!at_once)
    ctr__plan_join_one_by_one(b, false);
  else if (b->desc->inner_userns)
    ctr__plan_join_inner(b);
  else
    ctr__join_init_step(b, b->joined_namespaces);
  ctr__plan_stage_program(b, true);
  ctr_code code = ctr__affinity_step(b, CTR__LANE_STAGE, "process.execCPUAffinity.initial",
                                     b->config->process.execCPUAffinity.initial);
  ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_CLONE,
                &(ctr__new_step){.field = NULL, .num = {0, clone3}});
  ctr__parent_step(b, ADOPT, .field = NULL);
  ctr__plan_own_pipes(b);
  return code;
}

static ctr_code ctr__plan_exec_parent(ctr__builder *b) {
  ctr_code code = ctr__sort_joined(b);
  if (!code) code = ctr__check_exec_ids(b);
  if (!code) code = ctr__check_inner_groups(b);
  if (!code) code = ctr__check_priority_rights(b);
  if (!code) code = ctr__plan_join(b);
  if (code) return code;
  ctr__choose_io_owner(b);
  for (size_t i = 0; i < b->purpose->cgroups.count; i++)
    ctr__parent_step(b, ENTER_CGROUP, .field = "linux.cgroupsPath",
                     .str = {b->purpose->cgroups.items[i]});
  code = ctr__plan_rlimits(b, CTR__LANE_PARENT);
  ctr__plan_priorities(b, CTR__LANE_PARENT);
  ctr__sync_step(b, CTR__SYNC_MAPPED, 0);
  return code;
}

/* A container without mounts of its own has changed its root only; that goes with no namespace. */
static ctr_code ctr__plan_exec_root(ctr__builder *b) {
  if (b->own_mounts) return CTR_OK;
  if (!b->config->root.path) /* of none that we made: its state says what a plan would not take */
    return ctr__refuse(b, CTR_E_CONFIG, "root.path",
                       "required, and missing: without a mount namespace no mount is the root");
  ctr__child_step(b, ROOT_OPEN, .field = "root.path",
                  .str = {ctr__host_path(b, b->config->root.path)});
  ctr__child_step(b, CHROOT, .field = "root.path");
  return CTR_OK;
}

static ctr_code ctr__plan_exec(ctr__builder *b) {
  ctr_code code = ctr__plan_exec_parent(b);
  if (code) return code;
  ctr__child_step(b, STDIO, .field = NULL);
  ctr__child_step(b, CLOSE_FDS, .field = NULL);
  ctr__child_step(b, SIGNALS, .field = NULL);
  if (b->desc->die_with_caller) ctr__child_step(b, DIE_WITH_CALLER, .field = NULL);
  code = ctr__affinity_step(b, CTR__LANE_CHILD, "process.execCPUAffinity.final",
                            b->config->process.execCPUAffinity.final);
  b->groups_denied |= b->desc->inner_userns;
  if (ctr__in_userns(b) && !b->desc->inner_userns) ctr__plan_become_root(b);
  if (!b->desc->no_new_session) ctr__child_step(b, SETSID, .field = NULL);
  if (!b->desc->no_new_keyring) ctr__child_step(b, KEYRING, .field = NULL);
  if (!code) code = ctr__plan_exec_root(b);
  ctr__plan_console(b, false);
  ctr__child_step(b, OWN_NULL, .field = NULL);
  if (!code) code = ctr__plan_settings(b);
  if (code) return code;
  ctr__child_step(b, LET_GO, .field = NULL);
  ctr__child_step(b, CHDIR_EARLY, .field = "process.cwd", .str = {b->config->process.cwd});
  ctr__plan_ids(b);
  ctr__plan_last_guards(b);
  code = ctr__plan_program(b);
  return b->nomem ? ctr__nomem(b->err) : code;
}
