/* What a process gets from us besides its config: descriptors, sockets, a terminal, a pid file. */

/* Sets "NAME=value" in a list of such, in place of all of that name: getenv(3) takes the first. */
static void set_env(options *o, ctr_strs *env, const char *assignment) {
  size_t name = strcspn(assignment, "=");
  words list = {NULL, 0};
  for (size_t i = 0; i < env->count; i++) {
    const char *old = env->items[i];
    if (strncmp(old, assignment, name) != 0 || old[name] != '=') add_word(o, &list, old);
  }
  add_word(o, &list, assignment);
  *env = as_strs(list);
}

/* How many sockets a service manager passes on to the container (sd_listen_fds(3)); what names
   another process's pid is not for us. Returns 0, or 1 after a message. */
static int listen_fds(options *o, ctr_process_config *process, uint64_t *ret_count) {
  const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
  uint64_t number;
  *ret_count = 0;
  if (!count) return 0;
  if (pid && (!parse_number(pid, INT_MAX, &number) || number != (uint64_t)getpid())) return 0;
  if (!parse_number(count, INT_MAX, ret_count))
    return fail(o, "LISTEN_FDS: '%s' is not a number", count);
  if (!*ret_count) return 0;
  set_env(o, &process->env, print(o, "LISTEN_FDS=%s", count));
  set_env(o, &process->env, "LISTEN_PID=1");
  return 0;
}

/* Descriptors from 3 on. One that is close-on-exec is our own: it cannot have been passed to us. */
static int pass_fds(options *o, uint64_t count, ctr_process_desc *desc) {
  for (uint64_t i = 0; i < count; i++) {
    int flags = fcntl((int)(3 + i), F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC))
      return fail(o, "--preserve-fds, LISTEN_FDS: descriptor %" PRIu64 " is not open", 3 + i);
  }
  int *fds = take(o, (size_t)count * sizeof *fds + 1);
  for (size_t i = 0; i < count; i++) fds[i] = (int)(3 + i);
  desc->extra_fds = fds;
  desc->extra_fd_count = (size_t)count;
  return 0;
}

/* Who has the other end of a terminal: we, or whoever listens on --console-socket. */
static int check_terminal(options *o, const ctr_process_config *process, bool detached) {
  if (process->terminal && detached && !o->console_socket)
    return fail(o, "process.terminal: without --console-socket nobody would have the other end");
  if (o->console_socket && !detached)
    return fail(o, "--console-socket: a process in the foreground has our own terminal");
  if (o->console_socket && !process->terminal)
    return fail(o, "--console-socket: process.terminal is not asked for");
  return 0;
}

/* A terminal in the foreground has the size of ours from its beginning. */
static void take_over_size(ctr_process_config *process, bool detached) {
  struct winsize size;
  if (!process->terminal || detached || ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0) return;
  process->consoleSize.height = (ctr_uint){true, size.ws_row};
  process->consoleSize.width = (ctr_uint){true, size.ws_col};
}

/* Returns 0, or 1 after a message. */
static int describe_process(options *o, ctr_process_config *process, bool detached,
                            ctr_process_desc *desc) {
  uint64_t listening;
  *desc = (ctr_process_desc){.console_socket = o->console_socket, .pidfd_socket = o->pidfd_socket};
  if (check_terminal(o, process, detached) || listen_fds(o, process, &listening)) return 1;
  take_over_size(process, detached);
  return pass_fds(o, listening + o->preserve_fds, desc);
}

/* Renamed into place when it is whole: who waits for the file reads it at once. */
static int write_pid_file(options *o, pid_t pid) {
  if (!o->pid_file) return 0;
  char *path = print(o, "%s.XXXXXX", o->pid_file);
  int fd = mkostemp(path, O_CLOEXEC);
  if (fd < 0) return fail_errno(o, "--pid-file: create", path);
  bool written = dprintf(fd, "%d", (int)pid) > 0 && fchmod(fd, 0644) == 0;
  written = close(fd) == 0 && written;
  if (written && rename(path, o->pid_file) == 0) return 0;
  int result = fail_errno(o, "--pid-file: write", o->pid_file);
  unlink(path);
  return result;
}
