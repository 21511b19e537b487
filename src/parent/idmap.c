/* Maps of ids for mounts: the kernel takes them from a user namespace (mount_setattr(2)), which
   must have been made by a process. */

static void ctr__kill_and_reap(int *pidfd) {
  ctr_exit status;
  if (*pidfd < 0) return;
  ctr__pidfd_signal(*pidfd, SIGKILL);
  ctr__reap(*pidfd, &status);
  ctr__close(pidfd);
}

/* Holds the namespace until it is killed, and ends by itself when the caller is gone. told: of one
   that is to be made when nobody can look into us, by which it is told that it is, or errno. */
static _Noreturn void ctr__hold_namespace(pid_t caller, int told) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) _exit(127);
  if (told >= 0) {
    int r = (int)ctr__ret(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
    if (r == 0) r = (int)ctr__ret(unshare(CTR_NS_USER));
    if (write(told, &r, sizeof r) != sizeof r || r < 0) _exit(127);
  }
  while (getppid() == caller) poll(NULL, 0, -1);
  _exit(127);
}

/* Writes the maps of a process that we made, and opens the namespace that has them by its pid,
   which is its own for as long as it lives: seen afterwards, as somebody else may have ended it. */
static int ctr__map_and_open(ctr__start *s, const ctr__step *step, pid_t pid, int pidfd) {
  char path[64], *end = ctr__put_int(path, pid);
  struct pollfd ended = {.fd = pidfd, .events = POLLIN};
  CTR__AUTO_CLOSE proc = ctr__open_proc();
  int r = proc < 0 ? proc : 0;
  for (int i = 0; i < 2 && r == 0; i++) {
    const char *text = ctr__plan_str(s->plan, step->str[i]);
    ctr__put_str(end, i ? "/gid_map" : "/uid_map");
    r = ctr__write_proc(proc, path, text, strlen(text));
  }
  ctr__put_str(end, "/ns/user");
  CTR__AUTO_CLOSE userns = r < 0 ? r : ctr__openat2(proc, path, O_RDONLY, 0, 0);
  if (userns < 0) return userns;
  return ctr__poll_now(&ended, 1) == 0 ? ctr__steal_fd(&userns) : -ESRCH;
}

/* Whether it has made its namespace. */
static int ctr__await_namespace(int told, int pidfd, pid_t pid) {
  int made = -EPROTO;
  int r = ctr__await_packet(told, pidfd, pid);
  if (r < 0) return r;
  return read(told, &made, sizeof made) == sizeof made ? made : -ESRCH;
}

static int ctr__parent_make_idmap(ctr__start *s, const ctr__step *step) {
  const pid_t caller = getpid();
  int pidfd = -1, ends[2] = {-1, -1};
  int r = step->num[2] ? ctr__pipe(ends) : 0;
  if (r < 0) return r;
  CTR__AUTO_CLOSE told = ends[0], tells = ends[1];
  pid_t pid = ctr__clone_blocked(step->num[2] ? 0 : CTR_NS_USER, step->num[1], -1, &pidfd);
  if (pid == 0) ctr__hold_namespace(caller, tells);
  if (pid < 0) return pid;
  ctr__close(&tells);
  int userns = step->num[2] ? ctr__await_namespace(told, pidfd, pid) : 0;
  if (userns == 0) userns = ctr__map_and_open(s, step, pid, pidfd);
  ctr__kill_and_reap(&pidfd);
  if (userns < 0) return userns;
  s->idmaps[step->num[0] - 1] = userns;
  return 0;
}
