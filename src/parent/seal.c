/* The way out where the kernel cannot hide the caller's program: to be a copy of it that nobody can
   write to. */

static ctr_code ctr__execute_copy(char **argv, ctr_err *err) {
  CTR__AUTO_CLOSE proc = ctr__open_proc();
  CTR__AUTO_CLOSE copy = proc < 0 ? proc : ctr__view_by_copy(proc);
  if (copy < 0) return ctr__fail(err, CTR_E_SYS, -copy, NULL, "copy the program that runs");
  char path[32];
  ctr__fd_path(path, copy);
  execve(path, argv, environ);
  return ctr__fail(err, CTR_E_SYS, errno, NULL, "execute a copy of the program that runs");
}

/* The kernel has called the copy by the number of its descriptor; usual is the name that it was
   executed by (proc_pid_comm(5)). */
static void ctr__take_name_back(const char *name) {
  char path[16] = "", now[16] = "";
  const char *slash = strrchr(name, '/');
  if (readlink("/proc/self/exe", path, sizeof path - 1) < 0 ||
      strncmp(path, "/memfd:ctr ", 11) != 0 || prctl(PR_GET_NAME, now) < 0 ||
      now[strspn(now, "0123456789")])
    return;
  prctl(PR_SET_NAME, slash ? slash + 1 : name);
}

ctr_code ctr_seal_program(char **argv, bool always, ctr_err *err) {
  ctr__facts facts = {.program = CTR__PROGRAM_WRITABLE};
  ctr__err_clear(err);
  if (!argv || !argv[0]) return ctr__fail(err, CTR_E_ARG, 0, NULL, "argv is needed");
  if (!always && ctr__can_hide_program()) return CTR_OK;
  ctr__gather_program(&facts);
  if (facts.program != CTR__PROGRAM_SAFE) return ctr__execute_copy(argv, err);
  ctr__take_name_back(argv[0]);
  return CTR_OK;
}
