/* What the child asks for because it may not open or make it: looked up in the plan by the number
   of the step, which is all that is believed of what it says. */

/* The user namespace whose maps a step's mount gets; -1: it has not been made yet. */
static int ctr__idmap_of(const ctr__start *s, const ctr__step *step) {
  const uint64_t i = step->num[CTR__NUM_IDMAP] - 1;
  if (step->num[CTR__NUM_SOURCE] & CTR__IDMAP_JOINED) return s->launch.namespaces[i];
  return i < s->idmap_count ? s->idmaps[i] : -1;
}

/* In a user namespace restrictions of the host's mounts are locked (mount_namespaces(7)). This one
   is the caller's, so that we have to see to that. What those below forbid is not looked at, so
   that nothing may be lifted there. */
static int ctr__check_lifted(int mount, const ctr__step *step) {
  const uint64_t set = step->num[CTR__NUM_SET], lifted = step->num[CTR__NUM_CLR] & ~set;
  struct statfs fs;
  if (!(step->num[CTR__NUM_SOURCE] & CTR__IDMAP_LOCKED)) return 0;
  if (step->num[CTR__NUM_BELOW_CLR] & ~step->num[CTR__NUM_BELOW_SET]) return -EPERM;
  if (fstatfs(mount, &fs) < 0) return -errno;
  for (size_t i = 0; i < sizeof ctr__attr_flags / sizeof *ctr__attr_flags; i++)
    if ((lifted & ctr__attr_flags[i].attr) && ((unsigned long)fs.f_flags & ctr__attr_flags[i].st))
      return -EPERM;
  return 0;
}

/* A mount that only the caller's rights can make: a copy of the host's or a new file system. It
   hears of what is mounted on the host as a copy of the child's own would, and no more. */
static int ctr__make_mapped(ctr__child *c, const ctr__step *step, int idmap) {
  const bool bind = step->kind == CTR__STEP_MOUNT_BIND;
  const unsigned tree = bind && step->num[CTR__NUM_BELOW] ? CTR__AT_RECURSIVE : 0;
  const unsigned below = step->num[CTR__NUM_SOURCE] & CTR__IDMAP_BELOW ? CTR__AT_RECURSIVE : 0;
  CTR__AUTO_CLOSE mount =
      bind ? ctr__open_tree(AT_FDCWD, ctr__arg(c, step, 1), tree) : ctr__new_fs(c, step, -1);
  if (mount < 0) return bind ? ctr__because(c, CTR__WHY_SOURCE, mount) : mount;
  int r = ctr__mount_setattr(mount, tree, 0, 0, MS_SLAVE);
  if (r == 0 && bind) r = ctr__check_lifted(mount, step);
  if (r < 0) return r;
  r = ctr__mount_idmap(mount, below, idmap);
  if (r == -EINVAL) return ctr__because(c, CTR__WHY_NO_IDMAP, r);
  if (r == -EPERM) return ctr__because(c, CTR__WHY_IDMAP_RIGHT, r);
  return r < 0 ? r : ctr__steal_fd(&mount);
}

/* What path means to the caller, as a place in the child's mount namespace. The child may have
   mounted something on the way, so that the file itself must be the same. */
static int ctr__open_for_child(ctr__child *c, const ctr__start *s, const ctr__step *step) {
  const bool is_root = step->kind == CTR__STEP_ROOT_BIND;
  const char *path = ctr__arg(c, step, is_root ? 0 : 1);
  char link[64], name[PATH_MAX];
  struct stat wanted, found;
  CTR__AUTO_CLOSE own = ctr__open(AT_FDCWD, path, O_PATH | (is_root ? O_DIRECTORY : 0), 0);
  if (own < 0) return ctr__because(c, CTR__WHY_SOURCE, own);
  ctr__fd_path(link, own);
  ssize_t len = readlink(link, name, sizeof name - 1);
  if (len < 0 || fstat(own, &wanted) < 0) return -errno;
  name[len] = '\0';
  ctr__proc_path(link, s->process->pid, "/root");
  CTR__AUTO_CLOSE root = ctr__open(AT_FDCWD, link, O_PATH | O_DIRECTORY, 0);
  if (root < 0) return root;
  CTR__AUTO_CLOSE place =
      ctr__openat2(root, name, O_PATH, 0, CTR__IN_ROOT | CTR__RESOLVE_NO_SYMLINKS);
  if (place < 0) return ctr__because(c, CTR__WHY_OUT_OF_REACH, place);
  if (fstat(place, &found) < 0) return -errno;
  if (found.st_dev != wanted.st_dev || found.st_ino != wanted.st_ino)
    return ctr__because(c, CTR__WHY_OUT_OF_REACH, -EXDEV);
  return ctr__steal_fd(&place);
}

/* What a step may ask for; NULL: nothing. */
static const ctr__step *ctr__may_ask_for(const ctr__start *s, uint32_t index) {
  if (index < s->next_source || index >= s->plan->step_count) return NULL;
  const ctr__step *step = ctr__plan_step(s->plan, index);
  if (step->lane != CTR__LANE_CHILD) return NULL;
  const bool ask = step->num[CTR__NUM_SOURCE] & CTR__SOURCE_ASK;
  switch (step->kind) {
  case CTR__STEP_ROOT_BIND:
  case CTR__STEP_DEVICE_BIND: return ask ? step : NULL;
  case CTR__STEP_MOUNT_BIND: return ask || step->num[CTR__NUM_IDMAP] ? step : NULL;
  case CTR__STEP_MOUNT_FS:
  case CTR__STEP_MOUNT_COPY_UP: return step->num[CTR__NUM_IDMAP] ? step : NULL;
  default: return NULL;
  }
}

/* Answers once for each step, in their order. */
static ctr_code ctr__serve_source(ctr__start *s, uint32_t index) {
  const ctr__step *step = ctr__may_ask_for(s, index);
  const bool mapped = step && step->num[CTR__NUM_IDMAP];
  const int idmap = mapped ? ctr__idmap_of(s, step) : -1;
  if (!step || (mapped && idmap < 0))
    return ctr__fail(s->err, CTR_E_PROTOCOL, 0, NULL,
                     "the process being started asked for what its plan does not let it have");
  s->next_source = index + 1;
  ctr__child c = ctr__child_state(&s->launch);
  CTR__AUTO_CLOSE fd =
      mapped ? ctr__make_mapped(&c, step, idmap) : ctr__open_for_child(&c, s, step);
  const ctr__message report = {.type = CTR__MSG_ERROR,
                               .step = index,
                               .error = -fd,
                               .reason = (uint32_t)c.reason,
                               .value = c.detail};
  if (fd < 0) return ctr__step_failed(s->plan, &report, NULL, s->err);
  const ctr__message answer = {.type = CTR__MSG_SOURCE};
  int r = ctr__send_fd(s->sock, &answer, fd);
  /* When the child is gone already, its report is waiting to be read. */
  return r == 0 || r == -EPIPE || r == -ECONNRESET
             ? CTR_OK
             : ctr__fail(s->err, CTR_E_SYS, -r, NULL, "answer the process being started");
}
