/* The end of a container. Whatever was made is taken away in an order in which what is left, should
   we be killed in the middle, is still a container that can be deleted. */

enum { CTR__END_MS = 10000 };

/* The kernel lets the first process of a pid namespace end when all others of it are gone: one that
   was executed in it, and that its parent outside does not wait for, holds it up
   (pid_namespaces(7)). */
static int ctr__end_process(ctr_process *process) {
  struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
  ctr__patience patience = {CTR__END_MS, 1};
  if (process->state != CTR__RUNNING || process->pidfd < 0) return 0;
  ctr__pidfd_signal(process->pidfd, SIGKILL);
  while (poll(&end, 1, 0) <= 0)
    if (!ctr__wait_more(&patience, &end)) return -EBUSY;
  if (ctr__is_child(process->pidfd)) ctr_process_wait(process, NULL, NULL);
  return 0;
}

/* Its first process, and whoever is left in its cgroup. */
static int ctr__end_processes(ctr_container *c) {
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  int r = cgroups.count ? ctr__cgroups_kill(&cgroups, SIGKILL) : 0;
  int ended = c->process ? ctr__end_process(c->process) : 0;
  return r < 0 ? r : ended;
}

/* Removes what is in the directory but the state: that goes last, for it says what there is. */
static int ctr__empty_directory(int dir) {
  _Alignas(8) char buf[4096];
  if (lseek(dir, 0, SEEK_SET) < 0) return -errno;
  for (;;) {
    long n = CTR__CALL(SYS_getdents64, dir, buf, sizeof buf);
    if (n <= 0) return (int)n;
    for (long used = 0; used < n;) {
      const struct ctr__dirent *entry = (const void *)(buf + used);
      used += entry->len;
      const char *name = entry->name;
      if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, CTR__STATE_FILE)) continue;
      if (unlinkat(dir, name, 0) < 0 && errno != ENOENT && errno != EISDIR) return -errno;
    }
  }
}

/* What was mounted inside from there is a file or two. */
static int ctr__remove_notify_dir(int dir) {
  int r = (int)ctr__ret(unlinkat(dir, CTR__NOTIFY_DIR, AT_REMOVEDIR));
  if (r != -ENOTEMPTY) return r == -ENOENT ? 0 : r;
  CTR__AUTO_CLOSE sub = ctr__open(dir, CTR__NOTIFY_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  r = sub < 0 ? sub : ctr__empty_directory(sub);
  return r < 0 ? r : (int)ctr__ret(unlinkat(dir, CTR__NOTIFY_DIR, AT_REMOVEDIR));
}

static int ctr__remove_directory(const ctr_container *c) {
  struct stat st;
  if (fstat(c->dir, &st) == 0 && !st.st_nlink) return 0; /* the name may be another's by now */
  int r = ctr__empty_directory(c->dir);
  if (r == 0) r = ctr__remove_notify_dir(c->dir);
  if (r < 0) return r;
  bool gone = unlinkat(c->dir, CTR__STATE_FILE, 0) == 0 || errno == ENOENT ||
              (errno == EISDIR && unlinkat(c->dir, CTR__STATE_FILE, AT_REMOVEDIR) == 0);
  if (!gone) return -errno;
  return unlinkat(c->root, c->id, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

static ctr_code ctr__forget(const ctr_container *c, ctr_err *err) {
  int r = ctr__remove_directory(c);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "remove the state of container \"%.128s\"",
                           c->id)
               : CTR_OK;
}

/* Under the lock. Poststop hooks come when it is gone (runtime.md "Lifecycle"). */
static ctr_code ctr__destroy(ctr_container *c, bool had_hooks, ctr_err *err) {
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  int r = ctr__end_processes(c);
  if (r < 0)
    return ctr__fail(err, CTR_E_SYS, -r, NULL, "end the processes of container \"%.128s\"%s", c->id,
                     r == -EBUSY ? " (one that was executed in it may wait for its parent)" : "");
  r = cgroups.count ? ctr__cgroups_remove(&cgroups) : 0;
  if (r < 0)
    return ctr__fail(err, CTR_E_SYS, -r, "linux.cgroupsPath", "remove the cgroup of \"%.128s\"",
                     c->id);
  ctr_code code = ctr__forget(c, err);
  if (!code && had_hooks) ctr__run_poststop_hooks(c);
  return code;
}

ctr_code ctr_container_delete(ctr_container *container, bool force, ctr_err *err) {
  ctr_container *c = container;
  ctr__err_clear(err);
  if (!c) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a container is needed");
  /* Whoever is at making or starting it is to notice now, and let go. */
  if (force && ctr__is_locked(c) && c->process->pidfd >= 0)
    ctr__pidfd_signal(c->process->pidfd, SIGKILL);
  ctr_code code = ctr__lock(c, err);
  if (code == CTR_E_NOT_FOUND && force) return ctr__err_clear(err), CTR_OK;
  if (code) return code;
  ctr_status status = CTR_STATUS_STOPPED;
  if (!force) code = ctr__look(c, &status, err);
  if (!code && status != CTR_STATUS_STOPPED)
    code = ctr__fail(err, CTR_E_STATE, 0, NULL,
                     "cannot delete container \"%.128s\" that is not stopped: it is %s", c->id,
                     ctr_status_name(status));
  if (!code) code = ctr__destroy(c, true, err);
  ctr__unlock(c);
  return code;
}

/* Nothing is known of it but its directory, and which cgroups it may have. */
static ctr_code ctr__delete_unknown(const char *root, const char *id, const ctr_log *log,
                                    ctr_err *err) {
  ctr_container *c = NULL;
  ctr_code code = ctr__find(root, id, &c, err);
  if (!code) code = ctr__lock(c, err);
  if (!code) {
    /* By now it may be whole, if it was only being made. That it could not be looked at does not
       make it one that nothing is known of. */
    ctr_container_set_log(c, log);
    code = ctr__know(c, err);
    if (code == CTR_E_CORRUPT)
      code = c->stored ? ctr__destroy(c, false, err) : ctr__forget(c, err);
    else if (!code)
      code = ctr__destroy(c, true, err);
    ctr__unlock(c);
  }
  ctr_container_free(c);
  return code;
}

ctr_code ctr_container_delete_id(const char *root, const char *id, bool force, const ctr_log *log,
                                 ctr_err *err) {
  ctr_container *c = NULL;
  ctr_code code = ctr_container_open(root, id, &c, err);
  if (code == CTR_E_CORRUPT && force) {
    code = ctr__delete_unknown(root, id, log, err);
    if (!code) ctr__err_clear(err);
    return code;
  }
  if (code) return code;
  ctr_container_set_log(c, log);
  code = ctr_container_delete(c, force, err);
  ctr_container_free(c);
  return code;
}
