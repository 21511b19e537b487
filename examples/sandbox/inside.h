/* What runs inside, when all is made and before the program: a copy of this process, which has one
   thread, so that all of libc can be used.

   The first process of a pid namespace has to be there for what is orphaned, and no signal ends it
   that it has no handler for (pid_namespaces(7)): most programs are not written for that. So it is
   ours, and the program is its child. It runs on until the last process has ended; how the program
   ended it tells at once. The directory can only be chosen here, where it is known which exist. */

/* What is ignored and what is blocked stays so over execve(2): nohup(1) relies on it. */
static void restore_signals(const sandbox *s) {
  for (int i = 1; i <= SIGNALS; i++)
    if (s->ignored >> (i - 1) & 1) ignore(i);
  sigprocmask(SIG_SETMASK, &s->blocked, NULL);
}

static void await_permission(int fd) {
  char byte;
  while (read(fd, &byte, 1) < 0 && errno == EINTR) continue;
}

/* A shared lock (fcntl(2)), which lasts as long as we do. */
static void lock(const char *path) {
  struct flock whole = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fcntl(fd, F_SETLK, &whole) < 0) fail("--lock-file: %s: %s", path, strerror(errno));
}

/* It leads to the host, also out of what it was bound to: nobody inside is to find it open. */
static void check_bound(const bound_fd *bound) {
  struct stat meant, found;
  if (fstat(bound->fd, &meant) < 0 || stat(bound->target, &found) < 0)
    fail("descriptor %d, bound at %s: %s", bound->fd, bound->target, strerror(errno));
  if (meant.st_dev != found.st_dev || meant.st_ino != found.st_ino)
    fail("descriptor %d: its name leads to something else, which is now at %s", bound->fd,
         bound->target);
  close(bound->fd);
}

/* The caller's directory is one of the host's: here it may be missing. */
static void enter_directory(const sandbox *s) {
  const char *home = getenv("HOME"), *chosen = "/";
  if (s->directory) {
    if (chdir("/") < 0 || chdir(s->directory) < 0)
      fail("--chdir: %s: %s", s->directory, strerror(errno));
    chosen = s->directory;
  } else if (s->caller_dir && chdir(s->caller_dir) == 0) {
    chosen = s->caller_dir;
  } else if (home && chdir(home) == 0) {
    chosen = home;
  } else if (chdir("/") < 0) {
    fail("chdir: /: %s", strerror(errno));
  }
  if (setenv("PWD", chosen, 1) < 0) fail("PWD: %s", strerror(errno));
}

/* The one above us may have ended before it could be heard of. */
static void die_with(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) fail("prctl: %s", strerror(errno));
  if (getppid() != parent) raise(SIGKILL);
}

/* seccomp(2): last of all, so that the filter need not allow what leads there. */
static void load_filters(const sandbox *s) {
  for (size_t i = 0; i < s->filter_count; i++) {
    const struct {
      unsigned short len;
      const void *code;
    } program = {(unsigned short)(s->filters[i].len / 8), s->filters[i].code};
    if (prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, &program) < 0)
      fail("%s: %s", s->filter_option, strerror(errno));
  }
}

__attribute__((noreturn)) static void become_program(sandbox *s) {
  const char *program = s->command[0];
  for (int i = 0; i < INHERITED; i++)
    if (s->kept[i] != NONE) close_on_exec(s->kept[i]);
  if (s->sync >= 0) close_on_exec(s->sync);
  enter_directory(s);
  restore_signals(s);
  if (s->assert_userns_disabled && unshare(CLONE_NEWUSER) == 0)
    fail("--assert-userns-disabled: user namespaces can be made inside");
  if (s->argv0) s->command[0] = s->argv0;
  load_filters(s);
  execvp(program, (char *const *)(void *)s->command);
  fail("run %s: %s", program, strerror(errno));
}

static int shell_status(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void drop_capabilities(void) {
  struct {
    uint32_t version;
    int pid;
  } head = {0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */, 0};
  const uint32_t none[2][3] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capset, &head, none) < 0) fail("capset: %s", strerror(errno));
}

/* What --clearenv took away of the caller's variables is still in our memory, where the program
   could read it: /proc/1/environ (proc_pid_environ(5)). */
static void forget_caller_env(const sandbox *s) {
  for (char **at = s->caller_env; *at; at++) memset(*at, 0, strlen(*at));
}

/* To wait needs no right, and what is open here can be opened by its name, /proc/1/fd; who reads
 * the program's output is to see the end of it. */
static void let_go(const sandbox *s) {
  drop_capabilities();
  for (int i = 0; i < INHERITED; i++) {
    if (s->inherited[i] != NONE) close(s->inherited[i]);
    if (s->kept[i] != NONE && s->kept[i] != s->ended[1] && s->kept[i] != s->sync) close(s->kept[i]);
  }
  for (int i = 0; i < FIRST_FD; i++)
    if (i != s->sync) close(i);
}

static int reap_all(const sandbox *s, pid_t program) {
  int status, result = 1;
  let_go(s);
  load_filters(s);
  for (;;) {
    const pid_t pid = wait(&status);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) return result;
    if (pid != program) continue;
    const unsigned char code = (unsigned char)(result = shell_status(status));
    write_all(s->ended[1], (const char *)&code, 1);
    close(s->ended[1]);
  }
}

/* Whether a process of ours stays beside the program. */
static bool needs_reaper(const sandbox *s) {
  const bool own_pids = s->unshared & CTR_NS_PID;
  return !s->as_pid_1 && (own_pids || s->locked.count || s->sync != NONE);
}

static int inside(void *data) {
  sandbox *s = data;
  if (s->block != NONE) await_permission(s->block);
  for (size_t i = 0; i < s->bound_fd_count; i++) check_bound(&s->bound_fds[i]);
  for (size_t i = 0; i < s->locked.count; i++) lock(s->locked.items[i]);
  if (!needs_reaper(s)) become_program(s);
  forget_caller_env(s);
  const pid_t own = getpid(), program = fork();
  if (program < 0) fail("fork: %s", strerror(errno));
  if (program == 0) {
    if (s->die_with_parent) die_with(own);
    become_program(s);
  }
  return reap_all(s, program);
}
