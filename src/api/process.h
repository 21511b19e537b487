/* ---- process: bringing a plan to life -------------------------------------------------------- */

/* How a process ended: its own status, never mixed with errors of the library (waitid(2)). */
typedef struct ctr_exit {
  int code;         /* exit code, when signal is 0                             */
  int signal;       /* the signal that ended it, or 0                          */
  bool core_dumped;
} ctr_exit;

/* Returns what a shell would: the code, or 128 + the signal. */
CTR_API int ctr_exit_status(const ctr_exit *status);

/* The three pipes of a process's standard streams: [0] stdin, [1] stdout, [2] stderr. */
typedef struct ctr_io {
  int child[3];  /* the process's ends: [0] is read, [1] and [2] are written; -1: closed */
  int parent[3]; /* the caller's ends; -1: closed                                        */
} ctr_io;

/* Makes three pipes whose child's ends belong to uid:gid as seen by the caller, so that a process
   with other ids can reopen them through /proc/self/fd. All close-on-exec, none below 3.
   Returns: CTR_OK, or CTR_E_SYS with every descriptor closed again and *ret_io untouched.
   Source:  libcontainer Process.InitializeIO. */
CTR_API ctr_code ctr_io_init(uint32_t uid, uint32_t gid, ctr_io *ret_io, ctr_err *err);

/* Closes what is still open and sets it to -1. NULL is fine. */
CTR_API void ctr_io_close(ctr_io *io);

/* What /proc/PID/fd/0, 1 and 2 of a process point to: "pipe:[4711]", "/dev/null", …; an entry is
   "" when that descriptor is closed or may not be looked at (permission errors are no failure:
   the names are only wanted for checkpointing).
   pid:     as seen by the caller; 0: the caller itself.
   Returns: CTR_OK, or CTR_E_SYS. The names are in the arena.
   Source:  libcontainer getPipeFds; proc_pid_fd(5). */
CTR_API ctr_code ctr_pipe_fds(ctr_arena *arena, pid_t pid, const char *ret_names[3],
                              ctr_err *err);

typedef enum ctr_stdio {
  CTR_STDIO_INHERIT = 0, /* the caller's descriptors 0, 1, 2; its /dev/null for a closed one     */
  CTR_STDIO_PIPES,       /* new pipes: ctr_process_io has the caller's ends after the start      */
  CTR_STDIO_FDS,         /* ctr_process_desc.fds; -1: the caller's /dev/null                     */
} ctr_stdio;

typedef struct ctr_process ctr_process;

/* How a plan is started. All zero is a good default. */
typedef struct ctr_process_desc {
  ctr_stdio stdio;
  int fds[3]; /* for CTR_STDIO_FDS: borrowed until the start has returned, stay the caller's. No
                 directory, nor O_PATH. A pipe is given to process.user.uid, where that can be done
                 (fchown(2)), as those that are inherited are                                    */

  /* More descriptors for the program, which become its 3, 4, 5…: the list and what is in it are
     borrowed until the start has returned, 256 at most; -1: that number stays closed. A directory
     among them is a way out of the container, a file may be opened anew for writing (SECURITY). */
  const int *extra_fds;
  size_t extra_fd_count;

  /* Where the caller's end of the terminal goes (process.terminal): a listening AF_UNIX socket that
     gets it as SCM_RIGHTS; NULL: ctr_process_console has it. stdio must be 0 with a terminal. */
  const char *console_socket;
  const char *pidfd_socket; /* the same for a pidfd of the process, with the word "standard", or
                               "setns" when it joins a container; NULL: nobody gets one          */

  /* Called in the caller's thread, inside ctr_process_start, at the moments the plan was made
     with; the process waits meanwhile. Anything but CTR_OK ends the start with that error. */
  ctr_code (*on_moment)(void *userdata, enum ctr_moment moment, const ctr_process *process,
                        ctr_err *err);
  void *userdata;

  /* For a plan with call_function: called in the new process in the place of execve, when all else
     is done; what it returns is the exit code, of which the lowest 8 bits count (_exit(2)). Its
     memory is a copy of the caller's, secrets and all (MADV_WIPEONFORK in madvise(2) keeps them),
     less what that has mapped MAP_SHARED (share_memory in ctr_plan_desc); the caller's threads are
     not there: if there are any, it may call async-signal-safe functions only (signal-safety(7)).
     getenv(3) tells process.env, /proc/self/environ the caller's environment; what it leaves in the
     buffers of stdio is lost. Filters (ctr_plan_desc) are loaded before: they are to allow
     close(2), munmap(2) and exit_group(2), and without process.noNewPrivileges capset(2). */
  int (*function)(void *function_data);
  void *function_data;
} ctr_process_desc;

/* Makes the handle of a process that is to be started.
   plan:    borrowed until ctr_process_start has returned.
   desc:    copied, but what it points to is borrowed until then; NULL: all defaults.
   Returns: CTR_OK; CTR_E_ARG for what makes no sense in desc, such as an on_moment that a plan
            without moments would never call; CTR_E_NOMEM. *ret_process is the caller's:
            ctr_process_free. */
CTR_API ctr_code ctr_process_new(const ctr_plan *plan, const ctr_process_desc *desc,
                                 ctr_process **ret_process, ctr_err *err);

/* Starts it: clones, walks the plan on both sides, returns when the program of process.args has
   begun to run (execve(2) has succeeded). There is no timeout.
   Returns: CTR_OK. Else nothing is left behind (process, mount, descriptor, nor mount points made
            in the root, unless that is an overlay with an upperdir) and err names the field, the
            step and the reason; CTR_E_STATE when it was started before.
   Threads: any thread; signals are blocked in it for the moment of the clone only.
   Source:  libcontainer initProcess.start. */
CTR_API ctr_code ctr_process_start(ctr_process *process, ctr_err *err);

/* Its process id as the caller sees it, or -1 when it is not running any more or not yet. */
CTR_API pid_t ctr_process_pid(const ctr_process *process);

/* Its pidfd (pidfd_open(2)): readable by poll(2) when it has ended; -1 before the start. Stays the
   handle's. */
CTR_API int ctr_process_pidfd(const ctr_process *process);

/* Its start time in clock ticks since boot, proc_pid_stat(5) field 22: with the pid, what tells
   two processes apart that had the same pid one after the other.
   Returns: CTR_OK, CTR_E_STATE when it is not started or was waited for, or CTR_E_SYS. */
CTR_API ctr_code ctr_process_start_time(const ctr_process *process, uint64_t *ret_ticks,
                                        ctr_err *err);

/* Sends a signal through the pidfd: never to a process that took over the pid. The first process of
   a pid namespace gets only signals that it handles, and SIGKILL and SIGSTOP; it is the one to reap
   orphans (pid_namespaces(7)).
   Returns: CTR_OK; CTR_E_STATE when it is not running; CTR_E_SYS. */
CTR_API ctr_code ctr_process_signal(ctr_process *process, int signal, ctr_err *err);

/* Waits until it has ended and reaps it; waiting again gives the same answer.
   Returns: CTR_OK; CTR_E_STATE when it was not started; CTR_E_SYS, with ECHILD when somebody else
            reaped it, or the caller ignores SIGCHLD: then its status is lost.
   In a pid namespace of its own all that it has started ends with it; else that goes on. */
CTR_API ctr_code ctr_process_wait(ctr_process *process, ctr_exit *ret_exit, ctr_err *err);

/* SIGKILL, then wait. It having ended already is no error. Returns: as ctr_process_wait. */
CTR_API ctr_code ctr_process_terminate(ctr_process *process, ctr_err *err);

/* What its three standard streams were connected to at the start, as ctr_pipe_fds gives it; or what
   was set instead. Strings live as long as the handle. */
CTR_API void ctr_process_external_fds(const ctr_process *process, const char *ret_names[3]);
/* Sets them: copies. Returns: CTR_OK or CTR_E_NOMEM. */
CTR_API ctr_code ctr_process_set_external_fds(ctr_process *process, const char *const names[3],
                                              ctr_err *err);

/* The caller's end of its terminal (pts(4)); -1 without one. Stays the handle's; reading it gives
   EIO when nobody inside has the terminal open any more. */
CTR_API int ctr_process_console(const ctr_process *process);

/* What questions about its calls with SCMP_ACT_NOTIFY come by (seccomp_unotify(2)), for a plan with
   keep_listener; else -1. Stays the handle's. It is there when ctr_process_start has returned; such
   a call waits until it is answered, and fails with ENOSYS when the descriptor is closed. */
CTR_API int ctr_process_listener(const ctr_process *process);

/* The pipes of CTR_STDIO_PIPES. Whoever closes an end sets it to -1. */
CTR_API ctr_io *ctr_process_io(ctr_process *process);

/* Frees the handle, closes its descriptors. A running process runs on, unreaped. NULL is fine. */
CTR_API void ctr_process_free(ctr_process *process);

/* Plan, start, wait, free in one call.
   plan_desc, process_desc: NULL: all defaults. CTR_STDIO_PIPES is CTR_E_ARG: there is nobody to
            feed and drain the pipes.
   Returns: as those calls do; *ret_exit is written on CTR_OK only. CTR_E_UNSUPPORTED for
            limits in linux.resources: they are a cgroup's, which only a container with a name
            has (ctr_container_run); process.rlimits need none. */
CTR_API ctr_code ctr_run(const ctr_config *config, const ctr_plan_desc *plan_desc,
                         const ctr_process_desc *process_desc, ctr_exit *ret_exit, ctr_err *err);
