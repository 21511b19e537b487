/* ---- container: the lifecycle of OCI runtime.md, kept on disk -------------------------------- */

/* A container: a process with a name, whose state is kept in a directory so that any process of the
   same user can find it again. A handle is one caller's view of it; freeing it changes nothing. */
typedef struct ctr_container ctr_container;

typedef enum ctr_status { /* runtime.md "State"; paused is what every runtime adds */
                          CTR_STATUS_CREATING = 1,
                          CTR_STATUS_CREATED, /* everything is there, the program waits to be
                                                 started */
                          CTR_STATUS_RUNNING,
                          CTR_STATUS_PAUSED,
                          CTR_STATUS_STOPPED,
} ctr_status;

/* Returns "creating", "created", "running", "paused" or "stopped"; a static string, never NULL. */
CTR_API const char *ctr_status_name(ctr_status status);

/* What is known of a container at one moment. Strings live as long as what they came from. */
typedef struct ctr_state {
  const char *ociVersion, *id;
  ctr_status status;
  pid_t pid;           /* of its first process as the caller sees it; 0 when it is stopped       */
  const char *bundle;  /* absolute                                                               */
  const char *rootfs;  /* absolute; NULL when the root is no directory of the host               */
  const char *created; /* RFC 3339 in UTC, nanoseconds                                           */
  uint32_t owner;      /* uid of who made it                                                     */
  ctr_pairs annotations;
} ctr_state;

/* Turns a state into JSON as runtime.md has it, with what engines expect besides (rootfs, created,
   owner). Strings are copied. Returns: CTR_OK or CTR_E_NOMEM. */
CTR_API ctr_code ctr_state_to_json(ctr_arena *arena, const ctr_state *state, ctr_json **ret_value,
                                   ctr_err *err);

/* How a container is made. All zero is a good default. */
typedef struct ctr_container_desc {
  const char *root; /* directory that states are kept in, made when missing; NULL: /run/ctr as root
                       of the machine, else $XDG_RUNTIME_DIR/ctr, without which it is CTR_E_ARG   */
  ctr_plan_desc plan;       /* its id is the container's: leave it NULL                           */
  ctr_process_desc process; /* how its first process is started                                   */
  const char *notify_socket; /* the service manager's (sd_notify(3)): the program gets one of its
                                own, see ctr_container_notify; NULL: it gets none                 */
} ctr_container_desc;

/* Makes a container up to the point where only its program is missing: namespaces, mounts, cgroup,
   hooks up to createContainer. Its first process then waits for ctr_container_start, from here or
   from another process, and lives on when the caller ends, unless plan.die_with_caller says
   otherwise.
   config:  borrowed for the call; a copy is kept with the state.
   id:      1 to 1024 characters of A-Z a-z 0-9 _ + . -, not "." or "..".
   desc:    borrowed for the call; NULL: all defaults.
   Returns: CTR_OK, and *ret_container is the caller's: ctr_container_free. CTR_E_EXISTS when the id
            is taken; CTR_E_STATE when others are in its linux.cgroupsPath; CTR_E_ARG for a bad id
            or desc; CTR_E_SYS for a root that others may write to; else as ctr_plan_new and
            ctr_process_start. After a failure nothing is left: poststop hooks have run when others
            had.
   Source:  runtime.md "Create". */
CTR_API ctr_code ctr_container_create(const ctr_config *config, const char *id,
                                      const ctr_container_desc *desc, ctr_container **ret_container,
                                      ctr_err *err);

/* The same, and its program runs without a stop in between: when this returns, the container
   is running and the poststart hooks have run. */
CTR_API ctr_code ctr_container_run(const ctr_config *config, const char *id,
                                   const ctr_container_desc *desc, ctr_container **ret_container,
                                   ctr_err *err);

/* Finds a container again.
   root:    as in ctr_container_desc; NULL: the default.
   Returns: CTR_OK; CTR_E_NOT_FOUND; CTR_E_CORRUPT when its state cannot be read: such a container
            can only be deleted, by ctr_container_delete_id; CTR_E_ARG for a bad id; CTR_E_SYS.
            All that takes a handle returns CTR_E_NOT_FOUND when the container was deleted
            meanwhile, also when there is a new one of that id. */
CTR_API ctr_code ctr_container_open(const char *root, const char *id, ctr_container **ret_container,
                                    ctr_err *err);

/* Where its warnings go from now on: those of hooks that fail when it is too late for an error.
   log:     copied; NULL: nowhere. */
CTR_API void ctr_container_set_log(ctr_container *container, const ctr_log *log);

/* Frees the handle; the container stays as it is. NULL is fine. */
CTR_API void ctr_container_free(ctr_container *container);

/* Looks at it now. Strings in *ret_state live as long as the handle.
   Returns: CTR_OK; CTR_E_NOT_FOUND when it was deleted meanwhile. */
CTR_API ctr_code ctr_container_state(ctr_container *container, ctr_state *ret_state, ctr_err *err);

/* The config it was made from, less mounts[].data; lives as long as the handle. The way to an exec
   that differs a little: copy its process, change args, ctr_container_exec. */
CTR_API const ctr_config *ctr_container_config(const ctr_container *container);

/* Its first process, borrowed from the handle. One that another process started can be looked at,
   polled and signalled, not reaped: ctr_process_wait then waits for its end and is CTR_E_SYS with
   ECHILD, for its status is its parent's to know. */
CTR_API ctr_process *ctr_container_process(ctr_container *container);

/* Lets the program of a created container go, once.
   Returns: CTR_OK when it runs; CTR_E_STATE when it is not in the state created; else the
            failed step, as ctr_process_start: the container is stopped then, and after a failed
            startContainer or poststart hook deleted. CTR_E_NOT_FOUND when it was deleted meanwhile.
   Source:  runtime.md "Start", "Lifecycle". */
CTR_API ctr_code ctr_container_start(ctr_container *container, ctr_err *err);

/* With a notify_socket, after ctr_container_start or _run: readable when the program has sent
   something; -1 when nothing is waited for (any more). Stays the handle's. */
CTR_API int ctr_container_notify_fd(const ctr_container *container);

/* Reads what the program has sent, without waiting. When it is ready, *ret_ready is true, the
   service manager has been told so with its pid, and nothing more is waited for; all else is
   dropped.
   Returns: CTR_OK; CTR_E_STATE when nothing is waited for; CTR_E_SYS. */
CTR_API ctr_code ctr_container_notify(ctr_container *container, bool *ret_ready, ctr_err *err);

/* How a process is started inside a running container. All zero is a good default. */
typedef struct ctr_exec_desc {
  ctr_process_desc process;
  bool ignore_paused;   /* start it in a paused container: it stands still until that is resumed */
  bool no_new_keyring;  /* as in ctr_plan_desc */
  bool die_with_caller; /* as in ctr_plan_desc */
  unsigned without;     /* as in ctr_plan_desc */
  ctr_log log;          /* as in ctr_plan_desc */
  const ctr_filter *filters; /* as in ctr_plan_desc: those of the container are not kept */
  size_t filter_count;
  bool no_new_session; /* as in ctr_plan_desc */
} ctr_exec_desc;

/* Runs one more process in a container: in its namespaces, root and cgroup, with an identity of its
   own (libcontainer's setnsProcess).
   process: borrowed for the call.
   desc:    borrowed for the call; NULL: all defaults.
   Returns: CTR_OK, and *ret_process, started, is the caller's: ctr_process_free. It is to be waited
            for: until then the container's first process cannot end (pid_namespaces(7)).
            CTR_E_STATE when the container is stopped, or paused; else as ctr_plan_new and
            ctr_process_start. */
CTR_API ctr_code ctr_container_exec(ctr_container *container, const ctr_process_config *process,
                                    const ctr_exec_desc *desc, ctr_process **ret_process,
                                    ctr_err *err);

/* Sends a signal to its first process, or with all to every process in it. When it shares its pid
   namespace with others and has a cgroup, SIGKILL always goes to all: nobody else would end them.
   Returns: CTR_OK; CTR_E_STATE ("container not running") when it is stopped; CTR_E_UNSUPPORTED when
            all are meant and it has no cgroup to ask; CTR_E_SYS. */
CTR_API ctr_code ctr_container_signal(ctr_container *container, int signal, bool all, ctr_err *err);

/* Stops the clock for all its processes, or lets them go on (cgroups(7), freezer).
   Returns: CTR_OK; CTR_E_STATE when it is not running, or not paused; CTR_E_UNSUPPORTED when it has
            no cgroup that can be frozen; CTR_E_SYS. */
CTR_API ctr_code ctr_container_pause(ctr_container *container, ctr_err *err);
CTR_API ctr_code ctr_container_resume(ctr_container *container, ctr_err *err);

/* Changes limits of a container that is not stopped: those that are set in resources; the rest
   stays as it is, and so does ctr_container_config of this handle. When one cannot be had, those
   that were changed before are put back. What is true or false can only be made true; a list takes
   the place of the one that is kept with the state, the kernel keeps what else it was told.
   resources: borrowed for the call; a copy is kept with the state.
   Returns:   CTR_OK; CTR_E_STATE when it is stopped; CTR_E_UNSUPPORTED for what this machine, or
              the cgroups that it was made with, cannot limit; CTR_E_CONFIG; CTR_E_SYS with the
              field whose value the kernel did not take.
   Source:    config-linux.md "Control groups". */
CTR_API ctr_code ctr_container_update(ctr_container *container, const ctr_resources *resources,
                                      ctr_err *err);

/* The pids of all its processes as the caller sees them, in the arena.
   Returns: CTR_OK; CTR_E_UNSUPPORTED when it has no cgroup to ask; CTR_E_SYS. */
CTR_API ctr_code ctr_container_pids(ctr_container *container, ctr_arena *arena, pid_t **ret_pids,
                                    size_t *ret_count, ctr_err *err);

/* Takes away what create made: with force its processes, its cgroup and its state; then runs the
   poststop hooks, whose failures are warnings. The handle is to be freed afterwards all the same.
   Returns: CTR_OK; CTR_E_STATE when it is not stopped and force is not given; CTR_E_NOT_FOUND when
            it was deleted meanwhile, which with force is CTR_OK; CTR_E_SYS: it can be tried again.
   Source:  runtime.md "Delete". */
CTR_API ctr_code ctr_container_delete(ctr_container *container, bool force, ctr_err *err);

/* The same by name: the only way when the state is corrupt or was never finished; needs force then.
   root:    as in ctr_container_desc; NULL: the default.
   log:     receives what poststop hooks do wrong; NULL: nobody does.
   Returns: as ctr_container_delete and ctr_container_open; CTR_E_NOT_FOUND, also with force. */
CTR_API ctr_code ctr_container_delete_id(const char *root, const char *id, bool force,
                                         const ctr_log *log, ctr_err *err);

/* Calls fn for each container below root, in the order of their names: with its state, or when that
   cannot be read with an error and a state of which only the id is set; both are lent for the call.
   Anything but 0 stops.
   Returns: CTR_OK, also when root does not exist; CTR_E_SYS, with ECANCELED when fn stopped. */
CTR_API ctr_code ctr_container_list(const char *root,
                                    int (*fn)(void *userdata, const ctr_state *state,
                                              const ctr_err *error),
                                    void *userdata, ctr_err *err);

/* Writes what ctr_container_create would do, as ctr_plan_explain does. Nothing is made.
   Returns: as ctr_plan_new and ctr_plan_explain. */
CTR_API ctr_code ctr_container_explain(const ctr_config *config, const char *id,
                                       const ctr_container_desc *desc, ctr_sink sink,
                                       void *userdata, ctr_err *err);
