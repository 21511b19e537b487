/* From a step that failed to one line for a person. */

static const char *const ctr__reason_texts[] = {
#define CTR__REASON_TEXT(reason, text) [CTR__WHY_##reason] = text,
    CTR__REASONS(CTR__REASON_TEXT)
#undef CTR__REASON_TEXT
};

/* mount_namespaces(7), "Restrictions on mount namespaces" */
#define CTR__LOCKED "in a user namespace restrictions that the host set cannot be lifted"
#define CTR__NO_RIGHTS                                                                             \
  "this machine gives no rights in a user namespace: AppArmor may forbid it "                      \
  "(kernel.apparmor_restrict_unprivileged_userns)"

/* What an errno of a step usually means, and what to do about it. */
static const struct ctr__hint {
  uint16_t kind;
  int error;
  const char *text;
} ctr__hints[] = {
    {CTR__STEP_CLONE, EPERM,
     "this machine does not let the caller make these namespaces; a sysctl such as "
     "kernel.unprivileged_userns_clone or user.max_user_namespaces may forbid it, or a seccomp "
     "filter of the caller's own"},
    {CTR__STEP_CLONE, ENOSPC, "a limit below /proc/sys/user, or 32 levels of nesting, is reached"},
    {CTR__STEP_CLONE, EUSERS, "a limit below /proc/sys/user, or 32 levels of nesting, is reached"},
    {CTR__STEP_CLONE, EAGAIN, "a limit on processes is reached (RLIMIT_NPROC or a pids cgroup)"},
    {CTR__STEP_CLONE, EINVAL, "this kernel does not have one of these namespaces"},
    {CTR__STEP_SEAL_PROGRAM, EACCES,
     "the caller may not read the file of its own program, or not execute a copy of it in memory "
     "(the sysctl vm.memfd_noexec)"},
    {CTR__STEP_SEAL_PROGRAM, EFBIG, "RLIMIT_FSIZE is less than the size of the caller's program"},
    {CTR__STEP_SEAL_PROGRAM, EPERM, "the caller has sealed its memory (mseal(2))"},
    {CTR__STEP_HIDE_PROGRAM, EBUSY,
     "something of its file is still mapped: call ctr_seal_program, with always, first in main()"},
    {CTR__STEP_HIDE_PROGRAM, EPERM,
     "this kernel takes other rights for it: call ctr_seal_program, with always, first in main()"},
    {CTR__STEP_MAKE_IDMAP, EPERM,
     "the hostIDs are not all the caller's to map (user_namespaces(7)): that takes CAP_SETUID and "
     "CAP_SETGID, and CAP_SETFCAP for id 0"},
    {CTR__STEP_MAKE_IDMAP, ENOSPC,
     "a limit below /proc/sys/user, or 32 levels of nesting, is reached"},
    {CTR__STEP_UID_MAP, EPERM, "the ids on the host are not the caller's to map"},
    {CTR__STEP_GID_MAP, EPERM, "the ids on the host are not the caller's to map"},
    {CTR__STEP_MOUNT_FS, EPERM,
     "in a user namespace that is for proc, sysfs, tmpfs, devpts, mqueue, cgroup, fuse and, since "
     "Linux 5.11, overlay; not for proc and sysfs where the caller sees none wholly"},
    {CTR__STEP_MOUNT_FS, EINVAL,
     "an option has a value the file system does not take, such as an "
     "id that the user namespace does not map"},
    {CTR__STEP_MOUNT_BIND, EINVAL,
     "in a user namespace a directory with mounts below it can only "
     "be bound with rbind"},
    {CTR__STEP_SET_ATTR, EPERM, CTR__LOCKED},
    {CTR__STEP_SET_ATTR_ALL, EPERM, CTR__LOCKED},
    {CTR__STEP_MOUNT_BIND, EPERM, CTR__LOCKED},
    {CTR__STEP_ROOT_BIND, EPERM, CTR__LOCKED},
    {CTR__STEP_PROPAGATION, EPERM, CTR__NO_RIGHTS},
    {CTR__STEP_PROPAGATION, EACCES, CTR__NO_RIGHTS},
    {CTR__STEP_BASE, EINVAL,
     "the caller's own root may be a ramfs, which cannot be left this way: use root.path and "
     "no_pivot"},
    {CTR__STEP_PIVOT_ROOT, EINVAL,
     "the caller's own root may be a ramfs, which cannot be left this way: use no_pivot"},
    {CTR__STEP_OOM_SCORE_ADJ, EACCES, "going below the caller's own needs CAP_SYS_RESOURCE"},
    {CTR__STEP_RLIMIT, EPERM, "raising a hard limit needs CAP_SYS_RESOURCE"},
    {CTR__STEP_KEYRING, EPERM, "a seccomp filter may forbid keyctl(2): use no_new_keyring"},
    {CTR__STEP_KEYRING, EDQUOT,
     "the user has used up their keys (keyrings(7)): use no_new_keyring"},
    {CTR__STEP_AMBIENT, EPERM, "an ambient capability must be permitted and inheritable"},
    {CTR__STEP_LOOK_UP, EACCES, "it is there, but this user may not execute it"},
    {CTR__STEP_CONSOLE, EPERM, "in a user namespace the terminal's owner must be mapped"},
    {CTR__STEP_CONSOLE, EACCES,
     "its devpts must let the container's root open /dev/pts/ptmx: ptmxmode=0666, and no nodev"},
    {CTR__STEP_JOIN_INIT, EPERM, "only who may act as root in the container can join it"},
    {CTR__STEP_MAKE_CGROUP, EROFS,
     "the hierarchy is read-only, as in a container: without linux.cgroupsPath none is made"},
    {CTR__STEP_LIMIT, ENOENT,
     "the kernel does not have this file, or the controller is not enabled here: not given to the "
     "caller, or a cgroup above has processes of its own (cgroup-v2.rst)"},
    {CTR__STEP_LIMIT, EBUSY, "more than that is in use, or a cgroup below it has more"},
    {CTR__STEP_LIMIT, EINVAL, "the kernel does not take it, alone or beside the other limits"},
    {CTR__STEP_JOIN_INIT, ESRCH,
     "its first thread has ended, and with it the namespaces that could be joined"},
    {CTR__STEP_ENTER_CGROUP, ENOSPC,
     "a cpuset without CPUs or memory nodes cannot be entered (cpusets(7))"},
    {CTR__STEP_HOOK, ECHILD, "the caller ignores SIGCHLD, which takes away how the hook ended"},
    {CTR__STEP_OPEN_INIT, ESRCH, "container not running"},
    {CTR__STEP_MAKE_FILE, EROFS, "the option bind can put the file over one that is there"},
    {CTR__STEP_FILTER, EINVAL, "the kernel does not take it for a filter"},
    {CTR__STEP_FILTER, ENOMEM, "together the filters are longer than the kernel takes"},
    {CTR__STEP_LABEL, ENOENT, "the kernel knows no such profile: apparmor_parser(8) loads it"},
    {CTR__STEP_LABEL, EINVAL, "the kernel, or its policy, does not know such a label"},
    {CTR__STEP_LABEL, EACCES, "the caller has a label itself, which does not allow that one"},
    {CTR__STEP_EXEC, EPERM,
     "a seccomp filter forbids it, or, with noNewPrivileges, a label that is no narrower than the "
     "caller's"},
    {CTR__STEP_EXEC, EACCES,
     "its interpreter or loader may not be executed, or Landlock or a label forbids it"},
    {CTR__STEP_EXEC, ENOEXEC, "it is neither a program for this machine nor a script with #!"},
    {CTR__STEP_EXEC, ENOENT, "the program is there: its interpreter or loader is not"},
    {CTR__STEP_OPEN_NAMESPACE, EINVAL, "it is a namespace of another kind, or none"},
    {CTR__STEP_OPEN_NAMESPACE, EXDEV,
     "it is the caller's own, and hostname, domainname or linux.sysctl would change the host's"},
    {CTR__STEP_SETNS, EINVAL, "a process cannot join a namespace it is in already, or of threads"},
};

static const char *ctr__hint_for(uint32_t kind, int error) {
  for (size_t i = 0; i < sizeof ctr__hints / sizeof *ctr__hints; i++)
    if (ctr__hints[i].kind == kind && ctr__hints[i].error == error) return ctr__hints[i].text;
  return NULL;
}

/* Which option of a file system the kernel refuses. */
static const char *ctr__refused_option(const ctr_plan *plan, const ctr__step *step,
                                       const ctr__message *report) {
  bool has_options = step->kind == CTR__STEP_MOUNT_FS || step->kind == CTR__STEP_MOUNT_COPY_UP ||
                     step->kind == CTR__STEP_RECONFIGURE;
  bool known = has_options && report->reason == CTR__WHY_OPTION && report->value >= 0 &&
               report->value < ctr__list_count(plan, step->str[2]);
  return known ? ctr__list_str(plan, step->str[2], (uint32_t)report->value) : "";
}

/* The first line of what a program has said; the rest is for its own log. A note in the page that
   is shared with the child need not have an end. */
static size_t ctr__note_len(const char *note) {
  size_t len = 0;
  while (note && len < CTR__NOTE_MAX && note[len] && note[len] != '\n') len++;
  return len;
}

/* A step failed, on whichever side; report is of type ERROR, its step a step of the plan. */
static ctr_code ctr__step_failed(const ctr_plan *plan, const ctr__message *report, const char *note,
                                 ctr_err *err) {
  const ctr__step *step = ctr__plan_step(plan, report->step);
  ctr__text what = {.len = 0};
  ctr__text_step(&what, plan, step);
  const char *why = report->reason < CTR__WHY_COUNT ? ctr__reason_texts[report->reason] : NULL;
  const char *hint = why ? NULL : ctr__hint_for(step->kind, report->error);
  const bool by_program = report->reason >= CTR__WHY_PROGRAM_EXIT && why; /* errno has no part */
  ctr_code code =
      ctr__fail(err, CTR_E_SYS, by_program ? 0 : report->error, ctr__plan_str(plan, step->field),
                "%.200s%s%s%s", what.buf, why ? ": " : "", why ? why : "",
                ctr__refused_option(plan, step, report));
  if (!err) return code;
  if (report->reason == CTR__WHY_PROGRAM_EXIT || report->reason == CTR__WHY_PROGRAM_SIGNAL)
    ctr__err_add(err, "%lld", (long long)report->value);
  if (hint) ctr__err_add(err, ": %s", hint);
  if (hint && step->kind == CTR__STEP_MOUNT_FS && report->error == EPERM)
    ctr__explain_invisible(ctr__plan_str(plan, step->str[1]), err);
  const size_t said = ctr__note_len(note);
  if (by_program && said) ctr__err_add(err, ": it said: %.*s", (int)said, note);
  return code;
}
