/* ---- plan: what will be done, decided before anything is done -------------------------------- */

/* A config compiled to an ordered list of steps in one flat block without pointers. Making one
   changes nothing on the machine and needs no privilege; it reads what decides: files below
   /proc/self and /proc/sys, cgroup hierarchies, whether devices are there that are to be bound, and
   for ids of others passwd(5), subuid(5), subgid(5), nsswitch.conf(5) and where newuidmap(1) is in
   PATH. A plan can be started any number of times, by several threads at once. */
typedef struct ctr_plan ctr_plan;

/* Moments at which the child stops and the caller is called back (see ctr_process_desc). */
enum ctr_moment {
  CTR_MOMENT_HOOKS = 1 << 0, /* namespaces and mounts are made, the root is not yet entered     */
  CTR_MOMENT_READY = 1 << 1, /* everything is done but execve                                   */
};

/* Newer kernel features the library can do without. Bits of ctr_plan_desc.without. */
enum ctr_feature {
  CTR_FEATURE_CLONE3 = 1 << 0,        /* Linux 5.3; else clone(2)                          */
  CTR_FEATURE_MOUNT_SETATTR = 1 << 1, /* Linux 5.12; else remount; no recursive attributes */
  CTR_FEATURE_SETNS_PIDFD = 1 << 2,   /* Linux 5.8; else namespaces are joined one by one   */
  CTR_FEATURE_CLONE_INTO_CGROUP = 1 << 3, /* Linux 5.7; else processes are moved            */
  CTR_FEATURE_HIDE_PROGRAM = 1 << 4, /* CONFIG_CHECKPOINT_RESTORE; else ctr_seal_program    */
};

/* A seccomp filter as the kernel takes it (seccomp(2), SECCOMP_SET_MODE_FILTER). */
typedef struct ctr_filter {
  const void *code; /* struct sock_filter[], 1 to 4096 of them */
  size_t len;       /* bytes: 8 for each                       */
} ctr_filter;

/* How a config becomes a plan. All zero is a good default. */
typedef struct ctr_plan_desc {
  const char *bundle; /* directory that relative paths start from; NULL: the working directory  */
  const char *id;     /* the container's name, which hooks are told; NULL: hooks are refused, as
                         poststart and poststop are in any case: ctr_container_run has them      */
  unsigned moments;   /* CTR_MOMENT_* at which the caller wants to be called                    */
  bool no_pivot;      /* enter the root with MS_MOVE and chroot, for a caller whose own root is a
                         ramfs, which pivot_root(2) cannot leave                                */
  bool no_cgroup;     /* a container gets no cgroup: it cannot be paused, and cgroupsPath is not
                         used                                                                   */
  bool no_new_keyring;  /* keep the caller's session keyring (keyrings(7)) instead of a new one */
  bool die_with_caller; /* SIGKILL when the thread that starts it ends (PR_SET_PDEATHSIG); the
                           program can undo it, and execve does when it gains capabilities      */
  bool call_function;   /* instead of the program ctr_process_desc.function is run; process.args
                           still names it, in errors and for others to see                      */
  bool inner_userns;    /* the program runs in one more user namespace, whose only id, process.user,
                           is the root of the outer one: what was mounted and set for it is out of
                           its reach whatever its capabilities (mount_namespaces(7)). What is
                           executed in a container with one comes to be in it as well: Linux 5.8  */
  unsigned without;     /* CTR_FEATURE_* to act as if the kernel lacked them                    */
  ctr_log log;          /* receives what is worth a warning: set it, for it is told here, and
                           nowhere else, when something asked for is not done as asked          */

  /* Loaded in this order as the last thing before the program is executed, and before the filter
     of linux.seccomp. Copied. They need process.noNewPrivileges, or CAP_SYS_ADMIN of the caller,
     or a user namespace. What they do to loading the next one, and to execve(2), is up to who wrote
     them. */
  const ctr_filter *filters;
  size_t filter_count;

  bool no_default_devices; /* nothing is made in /dev but linux.devices                         */
  bool no_new_session;     /* stay in the caller's session and process group, with its terminal
                              (setsid(2)), into which the program can type (TIOCSTI)            */
  bool no_new_cwd;         /* a process.cwd that is missing is an error instead of being made   */
  bool keep_listener;      /* calls with SCMP_ACT_NOTIFY are asked about by a descriptor that
                              ctr_process_listener has, instead of one that goes to listenerPath;
                              not for a container that is created and started by another call,
                              and ctr_container_exec, which has none, is CTR_E_CONFIG for want
                              of a listenerPath. Never answer CONTINUE after a look at memory:
                              others may change it (seccomp_unotify(2); examples/notify.c)      */
  bool share_memory;       /* with call_function: what the caller has mapped MAP_SHARED is there,
                              and whatever acts on it, such as a ring of io_uring(7), acts for
                              who writes there                                                  */
} ctr_plan_desc;

/* Compiles a config.
   config:  borrowed for the call.
   desc:    borrowed for the call; NULL: all defaults.
   Returns: CTR_OK; CTR_E_CONFIG or CTR_E_UNSUPPORTED naming the field; CTR_E_NOMEM; CTR_E_ARG,
            naming what is no filter ("filters[1]");
            CTR_E_SYS when what decides about it cannot be read.
            *ret_plan is the caller's, to be freed with ctr_plan_free.
   Source:  OCI config.md, config-linux.md; the order of the steps is runc's (runtime.md). */
CTR_API ctr_code ctr_plan_new(const ctr_config *config, const ctr_plan_desc *desc,
                              ctr_plan **ret_plan, ctr_err *err);

/* Frees a plan. NULL is fine. Processes started from it are not affected. */
CTR_API void ctr_plan_free(ctr_plan *plan);

/* Writes the plan as text, one line a step: number, who runs it (parent, stage: the intermediate
   process, child, both), what it does, the config field it comes from and the manual page.
   Returns: CTR_OK, or CTR_E_SYS (ECANCELED) when the sink stops. */
CTR_API ctr_code ctr_plan_explain(const ctr_plan *plan, ctr_sink sink, void *userdata,
                                  ctr_err *err);

/* Writes what a config may ask for that not every caller can have, one line each: "yes", "no" or
   "depends" for the calling process, then what is asked for, what it needs and what to do instead.
   A plan that asks for what cannot be had is refused in these words.
   Returns: CTR_OK; CTR_E_SYS (ECANCELED when the sink stops); CTR_E_NOMEM; CTR_E_ARG.
   Source:  user_namespaces(7), capabilities(7). */
CTR_API ctr_code ctr_rights_explain(ctr_sink sink, void *userdata, ctr_err *err);

/* Writes what the presets of linux.seccomp are: a line for each group of system calls, with the
   presets that allow it ("both", "default" or "no"), its reason, what widens `default`, what a
   refused call fails with, and the calls; then the same for each call whose arguments decide.
   Returns: CTR_OK; CTR_E_SYS (ECANCELED when the sink stops); CTR_E_ARG. */
CTR_API ctr_code ctr_seccomp_explain(ctr_sink sink, void *userdata, ctr_err *err);
