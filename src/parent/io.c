/* Standard streams: the pipes, and what descriptors are called. */

void ctr_io_close(ctr_io *io) {
  if (!io) return;
  for (int i = 0; i < 3; i++) {
    ctr__close(&io->child[i]);
    ctr__close(&io->parent[i]);
  }
}

ctr_code ctr_io_init(uint32_t uid, uint32_t gid, ctr_io *ret_io, ctr_err *err) {
  ctr__err_clear(err);
  ctr_io io = {{-1, -1, -1}, {-1, -1, -1}};
  for (int i = 0; i < 3; i++) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
      int error = errno;
      ctr_io_close(&io);
      return ctr__fail(err, CTR_E_SYS, error, NULL, "make a pipe for a standard stream");
    }
    io.child[i] = ctr__fd_high(ends[i != 0]);
    io.parent[i] = ctr__fd_high(ends[i == 0]);
    bool owned = uid == geteuid() && gid == getegid();
    if (io.child[i] < 0 || io.parent[i] < 0 || (!owned && fchown(io.child[i], uid, gid) < 0)) {
      int error = errno;
      ctr_io_close(&io);
      return ctr__fail(err, CTR_E_SYS, error, NULL,
                       "make a pipe for a standard stream that belongs to %u:%u", uid, gid);
    }
  }
  *ret_io = io;
  return CTR_OK;
}

/* What a link of /proc/PID/fd says; "" when it may not be read or is not there. */
static const char *ctr__fd_name(ctr_arena *arena, const char *path) {
  char name[PATH_MAX];
  ssize_t len = readlink(path, name, sizeof name);
  return len < 0 ? "" : ctr__arena_strndup(arena, name, (size_t)len);
}

ctr_code ctr_pipe_fds(ctr_arena *arena, pid_t pid, const char *ret_names[3], ctr_err *err) {
  ctr__err_clear(err);
  char path[64];
  char *end = pid ? ctr__proc_path(path, pid, "/fd") : ctr__put_str(path, "/proc/self/fd");
  if (access(path, F_OK) < 0) return ctr__fail(err, CTR_E_SYS, errno, NULL, "look at %s", path);
  const char *names[3];
  for (int i = 0; i < 3; i++) {
    *ctr__put_int(ctr__put_str(end, "/"), i) = '\0';
    names[i] = ctr__fd_name(arena, path);
    if (!names[i]) return ctr__nomem(err);
  }
  memcpy(ret_names, names, sizeof names);
  return CTR_OK;
}
