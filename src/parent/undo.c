/* What a failed start has made in the container's root is taken away again: mount points, nodes and
   links, where they lie on the root's own file system. What is not empty or not of ours stays. */

/* Removes what path[0, end) names in the root: an empty directory; a file, node or link only when
   it is the one that was made, and not somebody else's by now. Numbers are given again: who has put
   more into it than we did is somebody else. */
static void ctr__remove_made(int root, const char *path, size_t end, uint64_t ino, uint64_t size) {
  char prefix[PATH_MAX], dir[PATH_MAX], name[NAME_MAX + 1];
  if (end >= sizeof prefix) return;
  memcpy(prefix, path, end);
  prefix[end] = '\0';
  if (ctr__split(prefix, dir, name) < 0) return;
  CTR__AUTO_CLOSE parent = ctr__path_in_root(root, dir);
  if (parent < 0 || unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno != ENOTDIR) return;
  struct stat st;
  if (ino && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == ino &&
      (!S_ISREG(st.st_mode) || (uint64_t)st.st_size <= size))
    unlinkat(parent, name, 0);
}

/* Whether a mount of an earlier step, but the root, covers path[0, end): then what was made lay on
   that. */
static bool ctr__lay_on_mount(const ctr_plan *plan, uint32_t index, const char *path, size_t end) {
  for (uint32_t i = 0; i < index; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    if (step->kind < CTR__STEP_MOUNT_FS || step->kind > CTR__STEP_MOUNT_BIND ||
        step->num[CTR__NUM_ROOT])
      continue;
    const char *over = ctr__plan_str(plan, step->str[0]);
    size_t len = ctr__trimmed(over);
    if (len < end && !memcmp(over, path, len) && path[len] == '/') return true;
  }
  return false;
}

/* The path of a record, or NULL when it is none that a step of the plan can have made. */
static const char *ctr__made_path(const ctr_plan *plan, uint32_t index, size_t end) {
  const ctr__step *step = index < plan->step_count ? ctr__plan_step(plan, index) : NULL;
  const char *path =
      step && step->lane == CTR__LANE_CHILD ? ctr__plan_str(plan, step->str[0]) : NULL;
  return path && end && end <= strlen(path) && !ctr__lay_on_mount(plan, index, path, end) ? path
                                                                                          : NULL;
}

/* What a file that the step has made is filled with; another is a mount point, and empty. */
static uint64_t ctr__file_size(const ctr__step *step) {
  return step->kind == CTR__STEP_MAKE_FILE ? step->num[1] : 0;
}

/* The root as the child had it: another directory may have that name by now. */
static int ctr__open_made_root(const char *dir, const ctr__shared *shared) {
  struct stat st;
  CTR__AUTO_CLOSE root = ctr__open(AT_FDCWD, dir, O_PATH | O_DIRECTORY, 0);
  if (root < 0 || fstat(root, &st) < 0) return -1;
  return st.st_dev == shared->root_dev && st.st_ino == shared->root_ino ? ctr__steal_fd(&root) : -1;
}

static void ctr__undo(const ctr_plan *plan, const ctr__shared *shared) {
  const char *dir = ctr__plan_str(plan, plan->root_dir);
  const uint32_t said = shared->made_count; /* read once: who writes there may go on */
  uint32_t count = said < plan->step_count ? said : plan->step_count;
  CTR__AUTO_CLOSE root = dir && count ? ctr__open_made_root(dir, shared) : -1;
  while (count-- && root >= 0) {
    const uint32_t index = shared->made[count].step;
    const size_t first = shared->made[count].end;
    const char *path = ctr__made_path(plan, index, first);
    const uint64_t size = path ? ctr__file_size(ctr__plan_step(plan, index)) : 0;
    uint64_t ino = shared->made[count].ino;
    for (size_t end = path ? ctr__trimmed(path) : 0; end >= first && end; ino = 0) {
      ctr__remove_made(root, path, end, ino, size);
      while (end && path[end - 1] != '/') end--;
      while (end && path[end - 1] == '/') end--;
    }
  }
}
