/* From config to plan: the one place that says what happens in which order. */

/* What only the caller's side may do, before the child goes on. */
static ctr_code ctr__plan_parent(ctr__builder *b) {
  ctr_code code = ctr__check_priority_rights(b);
  if (!code) code = ctr__plan_own_cgroups(b);
  uint32_t before = b->step_count;
  if (!code) code = ctr__plan_namespaces(b);
  if (code) return code;
  uint32_t cloned = before;
  while (cloned < b->step_count && b->steps[cloned].kind != CTR__STEP_CLONE) cloned++;
  if (ctr__makes_container(b)) ctr__parent_step(b, RECORD, .field = NULL);
  ctr__plan_enter_cgroups(b);
  code = ctr__plan_rlimits(b, CTR__LANE_PARENT);
  if (code) return code;
  ctr__plan_priorities(b, CTR__LANE_PARENT);
  /* The child waits only if the parent has something to do first: to learn of it, for one. */
  if (cloned + 1 < b->step_count) ctr__sync_step(b, CTR__SYNC_MAPPED, 0);
  return b->nomem ? ctr__nomem(b->err) : CTR_OK;
}

static void ctr__plan_child_start(ctr__builder *b) {
  if (ctr__guards_start(b) && !ctr__is_staged(b)) ctr__child_step(b, UNDUMPABLE, .field = NULL);
  if (b->own_mounts && !ctr__has_own_null(b)) ctr__view_null_step(b, CTR__LANE_CHILD);
  ctr__child_step(b, STDIO, .field = NULL);
  /* Nothing of the caller's is held inside (CVE-2016-9962, CVE-2024-21626), and the caller's other
     starts do not wait for this one to let go of theirs. */
  ctr__child_step(b, CLOSE_FDS, .field = NULL);
  ctr__child_step(b, SIGNALS, .field = NULL);
  if (b->desc->die_with_caller) ctr__child_step(b, DIE_WITH_CALLER, .field = NULL);
  ctr__child_step(b, HOLD_PROC, .field = NULL);
  ctr__plan_own_program(b);
  if (b->desc->call_function && !b->desc->share_memory)
    ctr__child_step(b, OWN_MEMORY, .field = NULL);
  ctr__plan_key_label(b, CTR__LANE_CHILD);
  /* Whoever has changed ids may not write to /proc/self any more (proc_pid(5), dumpable). */
  if (ctr__enters_cgroup_first(b))
    ctr__child_step(b, CGROUP_NAMESPACE, .field = "linux.namespaces");
  if (b->new_namespaces & CTR_NS_TIME)
    ctr__child_step(b, TIME_NAMESPACE, .field = "linux.timeOffsets", .str = {ctr__offsets_text(b)});
  if (ctr__in_userns(b)) ctr__plan_become_root(b);
  if (!b->desc->no_new_session) ctr__child_step(b, SETSID, .field = NULL);
  if (!b->desc->no_new_keyring) ctr__child_step(b, KEYRING, .field = NULL);
  if (b->new_namespaces & CTR_NS_NETWORK) ctr__child_step(b, LOOPBACK, .field = "linux.namespaces");
}

static ctr_code ctr__plan_build(ctr__builder *b) {
  ctr_code code = ctr__plan_parent(b);
  if (code) return code;
  ctr__plan_child_start(b);
  code = ctr__plan_rootfs(b);
  if (code) return code;
  ctr__plan_names(b);
  code = ctr__plan_sysctls(b);
  if (code) return code;
  code = ctr__plan_settings(b);
  if (code) return code;
  if (b->desc->inner_userns) ctr__plan_inner_userns(b);
  ctr__plan_process_labels(b, CTR__LANE_CHILD);
  /* No way back to the host is open when paths of the image are followed (CVE-2024-21626). */
  ctr__child_step(b, LET_GO, .field = NULL);
  ctr__child_step(b, CHDIR_EARLY, .field = "process.cwd", .str = {b->config->process.cwd});
  ctr__plan_ids(b);
  ctr__plan_last_guards(b);
  code = ctr__plan_program(b);
  return b->nomem ? ctr__nomem(b->err) : code;
}

/* Hooks that come when the container is there, or was: each is a plan of one step. */
static ctr_code ctr__plan_one_hook(ctr__builder *b) {
  ctr__plan_hook(b, (enum ctr__hook_kind)b->purpose->hook_kind, b->purpose->hook_index);
  return b->nomem ? ctr__nomem(b->err) : CTR_OK;
}

/* ioctl_tty(2), TIOCSCTTY: for the leader of a session. */
static ctr_code ctr__check_session(ctr__builder *b) {
  return b->desc->no_new_session && b->config->process.terminal
             ? ctr__refuse(b, CTR_E_CONFIG, "process.terminal",
                           "a terminal of its own needs a session of its own: no_new_session is "
                           "set")
             : CTR_OK;
}

static ctr_code ctr__plan_for_goal(ctr__builder *b) {
  ctr_code code = ctr__check_session(b);
  if (code) return code;
  if (b->purpose->goal != CTR__GOAL_UPDATE && b->purpose->goal != CTR__GOAL_HOOK)
    code = ctr__check_labels(b);
  if (code) return code;
  if (b->purpose->goal == CTR__GOAL_EXEC) return ctr__plan_exec(b);
  if (b->purpose->goal == CTR__GOAL_UPDATE) return ctr__plan_update(b);
  code = ctr__check_hooks_are_run(b);
  if (code) return code;
  if (b->desc->bundle) b->bundle = ctr__add_str(b, b->desc->bundle);
  if (b->desc->id) b->state = ctr__hook_state(b);
  return b->purpose->goal == CTR__GOAL_HOOK ? ctr__plan_one_hook(b) : ctr__plan_build(b);
}

static ctr_code ctr__plan_compile(const ctr_config *config, const ctr_plan_desc *desc,
                                  const ctr__purpose *purpose, const ctr__facts *facts,
                                  ctr_plan **ret_plan, ctr_err *err) {
  ctr_arena arena = {0};
  ctr__builder b = {.arena = &arena,
                    .config = config,
                    .desc = desc,
                    .purpose = purpose,
                    .facts = facts,
                    .err = err};
  ctr_code code = ctr__plan_for_goal(&b);
  if (!code) {
    ctr__ref argv = ctr__add_strs(&b, config->process.args);
    ctr__ref envp = ctr__add_strs(&b, config->process.env);
    ctr_plan *plan = ctr__builder_finish(&b, argv, envp);
    if (plan)
      *ret_plan = plan;
    else
      code = ctr__nomem(err);
  }
  ctr_arena_free(&arena);
  return code;
}

static const ctr__purpose ctr__for_program = {.goal = CTR__GOAL_PROGRAM};

static ctr_code ctr__plan_for(const ctr_config *config, const ctr_plan_desc *desc,
                              const ctr__purpose *purpose, ctr_plan **ret_plan, ctr_err *err) {
  const unsigned moments = CTR_MOMENT_HOOKS | CTR_MOMENT_READY;
  const unsigned features = CTR_FEATURE_CLONE3 | CTR_FEATURE_MOUNT_SETATTR |
                            CTR_FEATURE_SETNS_PIDFD | CTR_FEATURE_CLONE_INTO_CGROUP |
                            CTR_FEATURE_HIDE_PROGRAM;
  if (desc->moments & ~moments || desc->without & ~features)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "moments or without has an unknown bit");
  ctr_code code = ctr__config_check(config, &desc->log, err);
  if (code) return code;
  ctr__facts facts;
  code = ctr__gather_facts(config, desc->without, &facts, err);
  if (code) return code;
  return ctr__plan_compile(config, desc, purpose, &facts, ret_plan, err);
}

ctr_code ctr_plan_new(const ctr_config *config, const ctr_plan_desc *desc, ctr_plan **ret_plan,
                      ctr_err *err) {
  static const ctr_plan_desc defaults = {0};
  ctr__err_clear(err);
  if (!config || !ret_plan)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "config and ret_plan are needed");
  return ctr__plan_for(config, desc ? desc : &defaults, &ctr__for_program, ret_plan, err);
}

void ctr_plan_free(ctr_plan *plan) {
  CTR_FREE(plan);
}
