/* Why a procfs or sysfs may not be mounted in a user namespace: what the caller sees of it is
   covered somewhere, and a new one would show what lies there (mount_namespaces(7), "Restrictions
   on mount namespaces"; the kernel's mount_too_revealing). */

/* Directories that have nothing in them but mounts: these cover nothing. */
static const char *const ctr__empty_mount_points[] = {
    "/sys/fs/binfmt_misc", "/fs/nfsd",        "/openprom",
    "/fs/cgroup",          "/fs/pstore",      "/fs/bpf",
    "/fs/selinux",         "/fs/smackfs",     "/fs/fuse/connections",
    "/kernel/debug",       "/kernel/tracing", "/kernel/security",
    "/kernel/config",      "/fs/resctrl",     "/firmware/efi/efivars",
};

static bool ctr__covers_nothing(const char *below) {
  for (size_t i = 0; i < sizeof ctr__empty_mount_points / sizeof *ctr__empty_mount_points; i++)
    if (!strcmp(below, ctr__empty_mount_points[i])) return true;
  return false;
}

/* What covers a part of the mount: the first such, or NULL. */
static const char *ctr__cover_of(const ctr__mount_line *lines, size_t count,
                                 const ctr__mount_line *mount) {
  for (size_t i = 0; i < count; i++)
    if (!strcmp(lines[i].parent, mount->id) && &lines[i] != mount &&
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): no line was read without it */
        !ctr__covers_nothing(lines[i].point + strlen(mount->point)))
      return lines[i].point;
  return NULL;
}

/* Adds the reason to an error, if this is it. */
static void ctr__explain_invisible(const char *type, ctr_err *err) {
  ctr_arena arena = {0};
  char *text = NULL;
  size_t count = 0, there = 0;
  const char *cover = NULL;
  if (strcmp(type, "proc") != 0 && strcmp(type, "sysfs") != 0) return;
  int r = ctr__read_text(&arena, CTR__MOUNTINFO, &text);
  const ctr__mount_line *lines = r < 0 ? NULL : ctr__mount_lines(&arena, text, &count);
  for (size_t i = 0; lines && i < count; i++) {
    if (strcmp(lines[i].type, type) != 0 || strcmp(lines[i].root, "/") != 0) continue;
    const char *covered = ctr__cover_of(lines, count, &lines[i]);
    cover = covered ? covered : cover;
    if (!covered) there++;
  }
  if (lines && !there && cover)
    ctr__err_add(err,
                 ": here the caller's own is covered by a mount at %.200s, and the kernel lets "
                 "nobody see what is below it",
                 cover);
  else if (lines && !there)
    ctr__err_add(err, ": here the caller sees none at all");
  ctr_arena_free(&arena);
}
