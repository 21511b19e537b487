/* Hooks, on either side. */

/* The state in memory: a hook may read it or not, and nobody waits for that. */
static int ctr__hook_input(const ctr__launch *launch, const ctr__step *s, pid_t pid) {
  const ctr_plan *plan = launch->plan;
  const char *state = ctr__plan_str(plan, plan->state);
  char tail[64];
  const char *end = ctr__put_state_tail(tail, s->num[1], pid);
  CTR__AUTO_CLOSE fd = ctr__fd_high((int)CTR__CALL(SYS_memfd_create, "state", CTR__MFD_CLOEXEC));
  int r = fd < 0 ? fd : ctr__write_all(fd, state, strlen(state));
  if (r == 0) r = ctr__write_all(fd, tail, (size_t)(end - tail));
  if (r == 0) r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
  return r < 0 ? r : ctr__steal_fd(&fd);
}

/* num: seconds, the status that it is told, which of the launch's programs, whether it is the
   host's, whether it runs under the plan's filters. pid: of the container's first process, as it is
   seen here. */
static int ctr__run_hook(const ctr__launch *launch, const ctr__step *s, pid_t pid, int umask_,
                         enum ctr__reason *ret_reason, int64_t *ret_detail) {
  const ctr_plan *plan = launch->plan;
  CTR__AUTO_CLOSE input = ctr__hook_input(launch, s, pid);
  if (input < 0) return input;
  ctr__program_run hook = {.path = ctr__plan_str(plan, s->str[0]),
                           .argv = launch->program_argv[s->num[2]],
                           .envp = launch->program_envp[s->num[2]],
                           .directory = s->num[3] ? ctr__plan_str(plan, plan->bundle) : NULL,
                           .seconds = (int64_t)s->num[0],
                           .umask = umask_,
                           .input = input,
                           .filters = s->num[4] ? plan : NULL,
                           .shared = launch->shared};
  int r = ctr__program_execute(&hook);
  *ret_reason = hook.reason;
  *ret_detail = hook.detail;
  return r;
}

static int ctr__child_hook(ctr__child *c, const ctr__step *s) {
  return ctr__run_hook(c->launch, s, getpid(), s->num[3] ? (int)c->umask : -1, &c->reason,
                       &c->detail);
}
