/* The child walks its lane of the plan. */

/* Who listens is to have it before the program runs. With calls that a filter can hardly do
   without: what it says of sendmsg(2) is looked at when the plan is made. */
static int ctr__bring_listener(ctr__child *c, int fd) {
  const ctr__message listener = {.type = CTR__MSG_LISTENER};
  ctr__message answer;
  ssize_t n = ctr__send_fd(c->sock, &listener, fd);
  if (n < 0) return (int)n;
  do n = ctr__ret(read(c->sock, &answer, sizeof answer));
  while (n == -EINTR);
  if (n == 0 || n == -EPIPE || n == -ECONNRESET)
    return ctr__because(c, CTR__WHY_PARENT_GONE, -EPIPE);
  if (n < 0) return (int)n;
  return n == (ssize_t)sizeof answer && answer.type == CTR__MSG_RUN
             ? 0
             : ctr__because(c, CTR__WHY_BAD_ANSWER, -EPROTO);
}

/* With the first the parent is looked at: after that the filter says which calls there are. */
static int ctr__child_filter(ctr__child *c, const ctr__step *s) {
  const uint32_t flags = (uint32_t)s->num[2];
  int r = s->num[1] ? ctr__see_parent(c) : 0;
  if (r == 0) r = ctr__load_filter(c->plan, s, flags);
  if (r < 0 || !(flags & CTR__SECCOMP_NEW_LISTENER)) return r;
  c->listener = r; /* close-on-exec, and the standard streams are there: not among those */
  return ctr__bring_listener(c, r);
}

static int ctr__child_exec(ctr__child *c, const ctr__step *s) {
  const char *path = ctr__list_str(c->plan, s->str[1], c->found);
  int r = s->num[0] ? 0 : ctr__see_parent(c);
  if (r < 0) return r;
  execve(path, c->launch->argv, c->launch->envp);
  return -errno;
}

/* The end of the channel tells the parent, as execve would; which also takes away the page that the
   parent still reads: what the function meets may take it over. */
CTR__UNSANITIZED static int ctr__child_call(ctr__child *c, const ctr__step *s) {
  const ctr__launch *launch = c->launch;
  int r = s->num[0] ? 0 : ctr__see_parent(c);
  if (r == 0) r = (int)CTR__CALL(SYS_munmap, launch->shared, ctr__shared_size(c->plan));
  if (r < 0) return r;
  ctr__close(&c->sock);
  ctr__close(&c->start_sock);
  ctr__close(&c->listener);
  *launch->environment = launch->envp;
  ctr__end(launch->function(launch->function_data));
}

typedef int ctr__step_fn(ctr__child *c, const ctr__step *s);

static ctr__step_fn *const ctr__child_steps[CTR__STEP_COUNT] = {
    [CTR__STEP_SYNC] = ctr__child_sync,
    [CTR__STEP_SEAL_PROGRAM] = ctr__child_seal_program,
    [CTR__STEP_HIDE_PROGRAM] = ctr__child_hide_program,
    [CTR__STEP_OWN_MEMORY] = ctr__child_own_memory,
    [CTR__STEP_STDIO] = ctr__child_stdio,
    [CTR__STEP_SIGNALS] = ctr__child_signals,
    [CTR__STEP_DIE_WITH_CALLER] = ctr__child_die_with_caller,
    [CTR__STEP_BECOME_ROOT] = ctr__child_become_root,
    [CTR__STEP_INNER_USERNS] = ctr__child_inner_userns,
    [CTR__STEP_SETSID] = ctr__child_setsid,
    [CTR__STEP_KEYRING] = ctr__child_keyring,
    [CTR__STEP_LABEL] = ctr__child_label,
    [CTR__STEP_HOLD_PROC] = ctr__child_hold_proc,
    [CTR__STEP_CGROUP_NAMESPACE] = ctr__child_cgroup_namespace,
    [CTR__STEP_TIME_NAMESPACE] = ctr__child_time_namespace,
    [CTR__STEP_LOOPBACK] = ctr__child_loopback,
    [CTR__STEP_PROPAGATION] = ctr__child_propagation,
    [CTR__STEP_BASE] = ctr__child_base,
    [CTR__STEP_ROOT_BIND] = ctr__child_root_bind,
    [CTR__STEP_ROOT_OPEN] = ctr__child_root_open,
    [CTR__STEP_MOUNT_FS] = ctr__child_mount_fs,
    [CTR__STEP_MOUNT_COPY_UP] = ctr__child_mount_copy_up,
    [CTR__STEP_MOUNT_OLD] = ctr__child_mount_old,
    [CTR__STEP_MOUNT_FILE] = ctr__child_mount_file,
    [CTR__STEP_MOUNT_BIND] = ctr__child_mount_bind,
    [CTR__STEP_SET_ATTR] = ctr__child_set_attr,
    [CTR__STEP_SET_ATTR_ALL] = ctr__child_set_attr_all,
    [CTR__STEP_SET_PROPAGATION] = ctr__child_set_propagation,
    [CTR__STEP_RECONFIGURE] = ctr__child_reconfigure,
    [CTR__STEP_DEVICE_NODE] = ctr__child_device_node,
    [CTR__STEP_DEVICE_BIND] = ctr__child_device_bind,
    [CTR__STEP_SYMLINK] = ctr__child_symlink,
    [CTR__STEP_MAKE_DIR] = ctr__child_make_dir,
    [CTR__STEP_MAKE_CWD] = ctr__child_make_cwd,
    [CTR__STEP_SET_MODE] = ctr__child_set_mode,
    [CTR__STEP_MAKE_FILE] = ctr__child_make_file,
    [CTR__STEP_CONSOLE] = ctr__child_console,
    [CTR__STEP_HOOK] = ctr__child_hook,
    [CTR__STEP_MASK] = ctr__child_mask,
    [CTR__STEP_READONLY] = ctr__child_readonly,
    [CTR__STEP_PIVOT_ROOT] = ctr__child_pivot_root,
    [CTR__STEP_MOVE_ROOT] = ctr__child_move_root,
    [CTR__STEP_CHROOT] = ctr__child_chroot,
    [CTR__STEP_OWN_NULL] = ctr__child_own_null,
    [CTR__STEP_VIEW_NULL] = ctr__child_view_null,
    [CTR__STEP_HOSTNAME] = ctr__child_hostname,
    [CTR__STEP_DOMAINNAME] = ctr__child_domainname,
    [CTR__STEP_SYSCTL] = ctr__child_sysctl,
    [CTR__STEP_OOM_SCORE_ADJ] = ctr__child_oom_score_adj,
    [CTR__STEP_SCHEDULER] = ctr__child_scheduler,
    [CTR__STEP_IO_PRIORITY] = ctr__child_io_priority,
    [CTR__STEP_PERSONALITY] = ctr__child_personality,
    [CTR__STEP_MEMORY_POLICY] = ctr__child_memory_policy,
    [CTR__STEP_UMASK] = ctr__child_umask,
    [CTR__STEP_KEEP_UMASK] = ctr__child_keep_umask,
    [CTR__STEP_RLIMIT] = ctr__child_rlimit,
    [CTR__STEP_LET_GO] = ctr__child_let_go,
    [CTR__STEP_CHDIR_EARLY] = ctr__child_chdir_early,
    [CTR__STEP_NO_NEW_PRIVS] = ctr__child_no_new_privs,
    [CTR__STEP_BOUNDING] = ctr__child_bounding,
    [CTR__STEP_OWN_STREAMS] = ctr__child_own_streams,
    [CTR__STEP_USER] = ctr__child_user,
    [CTR__STEP_CAPABILITIES] = ctr__child_capabilities,
    [CTR__STEP_AMBIENT] = ctr__child_ambient,
    [CTR__STEP_UNDUMPABLE] = ctr__child_undumpable,
    [CTR__STEP_DUMPABLE] = ctr__child_dumpable,
    [CTR__STEP_CONCEAL] = ctr__child_conceal,
    [CTR__STEP_AFFINITY] = ctr__child_affinity,
    [CTR__STEP_WAIT_START] = ctr__child_wait_start,
    [CTR__STEP_LANDLOCK] = ctr__child_landlock,
    [CTR__STEP_LANDLOCK_PATH] = ctr__child_landlock_path,
    [CTR__STEP_LANDLOCK_PORT] = ctr__child_landlock_port,
    [CTR__STEP_LANDLOCK_RESTRICT] = ctr__child_landlock_restrict,
    [CTR__STEP_TELL_STARTED] = ctr__child_tell_started,
    [CTR__STEP_CHDIR] = ctr__child_chdir,
    [CTR__STEP_LOOK_UP] = ctr__child_look_up,
    [CTR__STEP_CLOSE_FDS] = ctr__child_close_fds,
    [CTR__STEP_CALL] = ctr__child_call,
    [CTR__STEP_FILTER] = ctr__child_filter,
    [CTR__STEP_EXEC] = ctr__child_exec,
};

static ctr__child ctr__child_state(const ctr__launch *launch) {
  return (ctr__child){.launch = launch,
                      .plan = launch->plan,
                      .sock = launch->sock,
                      .start_sock = launch->start_sock,
                      .proc = -1,
                      .base = -1,
                      .root = -1,
                      .listener = -1,
                      .view_tree = -1,
                      .view_place = -1,
                      .exe = -1,
                      .ruleset = -1,
                      .null_device = -1,
                      .mask_dir = -1};
}

CTR__UNSANITIZED static _Noreturn void ctr__child_fail(const ctr__child *c, int error) {
  ctr__message message = {.type = CTR__MSG_ERROR,
                          .step = c->at,
                          .error = -error,
                          .reason = (uint32_t)c->reason,
                          .value = c->detail};
  c->launch->shared->failure = message;
  if (c->is_started)
    ctr__report_start(c, &message);
  else
    ctr__send(c->sock, &message);
  ctr__end(127);
}

/* Runs the steps of the plan that table has a function for, up to the first that fails. */
CTR__UNSANITIZED static void ctr__walk(ctr__child *c, ctr__step_fn *const *table, uint32_t lanes) {
  for (uint32_t i = 0; i < c->plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(c->plan, i);
    if (!(lanes >> step->lane & 1)) continue;
    c->launch->shared->step = c->at = i;
    int r = table[step->kind] ? table[step->kind](c, step) : -ENOSYS;
    if (r < 0) ctr__child_fail(c, r);
  }
}

/* Never returns: into the program, or with a report to the parent. */
CTR__UNSANITIZED static _Noreturn void ctr__child_main(const ctr__launch *launch) {
  close(launch->parent_sock);
  ctr__child c = ctr__child_state(launch);
  c.umask = umask(0); /* modes are to be those of the plan */
  ctr__walk(&c, ctr__child_steps, 1U << CTR__LANE_CHILD | 1U << CTR__LANE_BOTH);
  ctr__child_fail(&c, -ENOEXEC);
}

/* -- the intermediate process -- */

static int ctr__stage_clone(ctr__child *c, const ctr__step *s) {
  const char *born_in = ctr__arg(c, s, 0);
  /* Of what is no cgroup the kernel knows: clone(2), EBADF. */
  CTR__AUTO_CLOSE cgroup =
      born_in ? ctr__openat2(AT_FDCWD, born_in, O_RDONLY | O_DIRECTORY, 0, CTR__RESOLVE_NO_SYMLINKS)
              : -1;
  if (born_in && cgroup < 0) return cgroup;
  int pidfd = -1;
  pid_t pid =
      ctr__clone(s->num[0] | CLONE_PARENT, s->num[1], cgroup, &pidfd, &c->launch->shared->pid);
  if (pid == 0) ctr__child_main(c->launch);
  /* The pid is as this process sees it, which is in the caller's pid namespace. */
  const ctr__message message = {.type = CTR__MSG_PID, .value = pid};
  return pid < 0 ? pid : ctr__send_fd(c->sock, &message, pidfd);
}

/* What needs the caller's procfs, before anything is joined. */
static int ctr__stage_with_proc(ctr__child *c, const ctr__step *s, ctr__step_fn *work) {
  int r = ctr__child_hold_proc(c, s);
  if (r == 0) r = work(c, s);
  ctr__close(&c->proc);
  return r;
}

static int ctr__stage_oom_score_adj(ctr__child *c, const ctr__step *s) {
  return ctr__stage_with_proc(c, s, ctr__child_oom_score_adj);
}

static int ctr__stage_label(ctr__child *c, const ctr__step *s) {
  return ctr__stage_with_proc(c, s, ctr__child_label);
}

static int ctr__stage_seal_program(ctr__child *c, const ctr__step *s) {
  return ctr__stage_with_proc(c, s, ctr__child_seal_program);
}

static ctr__step_fn *const ctr__stage_steps[CTR__STEP_COUNT] = {
    [CTR__STEP_OOM_SCORE_ADJ] = ctr__stage_oom_score_adj,
    [CTR__STEP_LABEL] = ctr__stage_label,
    [CTR__STEP_UNDUMPABLE] = ctr__child_undumpable,
    [CTR__STEP_SEAL_PROGRAM] = ctr__stage_seal_program,
    [CTR__STEP_HIDE_PROGRAM] = ctr__child_hide_program,
    [CTR__STEP_CONCEAL] = ctr__child_conceal,
    [CTR__STEP_VIEW_NULL] = ctr__child_view_null,
    [CTR__STEP_CLOSE_OTHERS] = ctr__stage_close_others,
    [CTR__STEP_DROP_GROUPS] = ctr__stage_drop_groups,
    [CTR__STEP_SETNS] = ctr__stage_setns,
    [CTR__STEP_SETNS_AGAIN] = ctr__stage_setns_again,
    [CTR__STEP_JOIN_INIT] = ctr__stage_join_init,
    [CTR__STEP_AFFINITY] = ctr__child_affinity,
    [CTR__STEP_CLONE] = ctr__stage_clone,
};

static _Noreturn void ctr__stage_main(const ctr__launch *launch) {
  close(launch->parent_sock);
  ctr__child c = ctr__child_state(launch);
  ctr__walk(&c, ctr__stage_steps, 1U << CTR__LANE_STAGE);
  _exit(0);
}
