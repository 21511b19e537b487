/* ctr.h - v0.1.0 - a complete container runtime core for Linux in one header

   DO THIS in exactly one .c file, before any other #include:
       #define CTR_IMPLEMENTATION
       #include "ctr.h"
   Everywhere else just #include "ctr.h". Nothing to link but libc.

   SMALLEST PROGRAM  (no root needed, no image, no configuration file)
       ctr_arena mem = {0};
       ctr_config *config;
       ctr_exit status;
       ctr_err err;
       if (!ctr_config_default(&mem, CTR_DEFAULT_AUTO, &config, &err)) {
         config->process.args = CTR_STRS("sh", "-c", "echo hello from $(hostname)");
         if (ctr_run(config, NULL, NULL, &status, &err)) fprintf(stderr, "%s\n", err.msg);
       }
       ctr_arena_free(&mem);
   or, from an OCI config.json: ctr_config_parse() instead of ctr_config_default().

   A FUNCTION INSTEAD OF A PROGRAM  no executable is needed inside
       ctr_plan_desc plan = {.call_function = true};
       ctr_process_desc parse = {.function = parse_untrusted, .function_data = &input};
       ctr_run(config, &plan, &parse, &status, &err);      status.code: what it has returned

   A FILTER  a preset, and what is to be otherwise: here modes of files may be changed
       const ctr_syscall own = {.names = CTR_STRS("chmod", "fchmod", "fchmodat", "fchmodat2"),
                                .action = CTR_SCMP_ACT_ALLOW};
       config->linux_.seccomp = (ctr_seccomp){CTR_SECCOMP_STRICT, .syscalls = {&own, 1}};

   A CONTAINER WITH A NAME  that others find again, enter, pause and kill
       ctr_container *c;
       ctr_container_create(config, "web", NULL, &c, &err);      all is made, the program waits
       ctr_container_start(c, &err);                             from here or from another process
       ctr_process_config p = ctr_container_config(c)->process;  one more process in it
       p.args = CTR_STRS("ps");
       ctr_container_exec(c, &p, NULL, &process, &err);
       ctr_process_wait(process, &status, &err);                 or the container cannot end
       ctr_process_free(process);
       ctr_container_delete(c, true, &err);
       ctr_container_free(c);

   HOW IT WORKS
       config.json --> ctr_json --> ctr_config --> ctr_plan --> ctr_process --> execve
          text           tree        structs        steps      parent + child
                                                                    |
                                        ctr_container: its state on disk, from create to delete
   The plan is the heart: everything is decided and allocated before anything is cloned. What the
   child then does is a flat list of steps, which ctr_plan_explain prints and an error names.

   NEEDS
       Linux 5.6 or newer (openat2(2), pidfd_open(2)); newer features are used where they are. Root,
       or an ordinary user where the kernel grants user namespaces (user_namespaces(7)): then a
       config needs a user namespace, as CTR_DEFAULT_AUTO chooses by itself. With newuidmap(1) and
       ids in subuid(5) that has more ids than the caller's own. A mounted /proc. What else not
       every caller can have, and what to do instead, ctr_rights_explain tells.

   OPTIONS  (#define before the #include; none of them changes a struct)
       CTR_IMPLEMENTATION   compile the implementation into this file; C11 or newer, no C++
       CTR_STATIC           everything static: private to the one file that has the implementation
       CTR_API              how public functions are declared          (default: extern)
       CTR_MALLOC, CTR_FREE where memory comes from                    (default: malloc, free)
       CTR_WITH_LIBSECCOMP  filters of linux.seccomp are made by libseccomp (2.5 or newer; link with
                            -lseccomp), for all architectures   (default: by the library itself, for
                            the one that this is compiled for)

   ERRORS
       A call that can fail returns ctr_code, CTR_OK (0) being success, and fills the ctr_err it was
       given last: one line that names the config field, what was tried and what the kernel said.
       How a contained program ended is never mixed with that: it is a ctr_exit. Nothing that a
       config asks for is skipped silently: what cannot be had is an error, before or at the start.

   THREADS AND FORK
       The library keeps no global. Any thread may call; one arena, config, plan or process is for
       one thread at a time, which is not to be cancelled (pthread_cancel(3)) meanwhile. The child
       allocates nothing and takes no lock between clone and execve, so that callers with threads
       are safe. A thread that forks while another starts a container should execute or end soon:
       the start may return only then. Handles do not survive a fork of the caller. Handles of one
       container in several threads or processes are fine: changes to it take a lock (flock(2)) that
       is waited for, 10 seconds at most (CTR_E_STATE then).

   EVENT LOOPS
       ctr_process_pidfd is readable when the process has ended, ctr_process_io and
       ctr_process_console are pipes and a terminal to be polled, ctr_watch_fd tells of a container
       that it is out of memory, under pressure or empty; nothing else is to be watched.
       Calls that start something return when the program has been executed. What was executed in a
       container is to be waited for: until then the kernel does not let its first process end.

   LANDLOCK  rights that the program gives up, whoever it is: no privilege is needed
       const ctr_landlock_path rules[] = {
           {CTR_STRS("/usr"), CTR_STRS("read", "execute")},
           {CTR_STRS("/tmp", "/dev"), CTR_STRS("read", "write")}};
       const ctr_landlock only = {.handledAccessFs = CTR_STRS("read", "write", "execute"),
                                  .handledAccessNet = CTR_STRS("bind_tcp", "connect_tcp"),
                                  .scoped = CTR_STRS("signal"), .pathBeneath = {rules, 2}};
       config->landlock = &only;      in a config.json the annotation "ctr.landlock"
       A right that this kernel's Landlock does not have is an error, which says what kernel does.

   HOOKS
       Programs named by a config run with the caller's rights, in a session of their own, with
       nothing open but the state on their standard input and a pipe that is read for error
       messages. When their time is up, all of that session is killed.

   SECURITY
       Trusted are the caller, the kernel, and what a config asks for: it is given. Not trusted are
       the image, what runs in a container, others that share files or pids with it, the bytes of
       configs and states, and a child from the moment it is cloned. Promised of these, each held by
       tests that see it fail where the defence is taken out (tests/security):
       - No path in an image leads outside the root: paths are resolved inside it by the
         kernel and used by descriptor; a mask is a verified device; what is written to procfs,
         labels among it, goes to a verified procfs; undoing a failed start looks at what it undoes.
       - Nothing leaks in: no descriptor, directory, environment, key, capability or terminal that
         was not given; a function gets no memory that the caller shares with others. A process that
         joins a container (ctr_container_exec), or waits to be started while others join it or
         hooks of the container run, cannot be looked into before it is the program, and shows
         nothing of the caller's command line (but one that is to call a function) and environment.
       - The caller's program cannot be written to from inside (CVE-2019-5736): where an id inside
         could, a child has an empty file as its /proc/self/exe before it can be seen, and so have
         hooks and a function that is contained, which crash handlers that look there should know.
         That takes a kernel with CONFIG_CHECKPOINT_RESTORE (else: ctr_seal_program), and is not
         done without a mount namespace. In a root that holds the program's file, as the host's "/"
         does, that can be written by its own path: root.readonly helps, and nothing else.
       - A config, however hostile its bytes, is an error or a plan; a child, whatever it sends, can
         only make its own start fail.
       ctr_config_default has the seccomp preset CTR_SECCOMP_DEFAULT (some 0.2 ms a start),
       no-new-privileges, three capabilities, masked and read-only paths. With a user namespace,
       which is worth having, and with linux.resources besides, code in there has no way to read,
       write, signal, trace or exhaust what the config did not name, but a bug of the kernel.
       Not promised:
       - Without linux.seccomp code inside meets the whole system call interface of the kernel, and
         lifts its own limits from namespaces of its own, where their files belong to one of its ids
         (root's without a user namespace, an ordinary caller's) and no nsdelegate forbids it
         (cgroups(7)). Without linux.resources it can use up memory and processes; without rules for
         devices in there and with CAP_MKNOD it can make any.
       - Without a user namespace root inside reads what procfs and sysfs show to root of the
         machine and no mask covers, such as the resources of PCI devices.
       - Shared with the caller, whatever the config says, are the files behind the standard streams
         (a terminal that is nobody's controlling one can be taken over and typed into, TIOCSTI,
         where no filter forbids it: process.terminal makes one inside; the mode and owner of
         /dev/null, before Linux 5.12 and where the caller cannot copy mounts), without a user
         namespace the user's keyring (keyrings(7)), and as an ordinary user with one id the
         caller's groups.
       - Ways to look into a process that enters: CAP_SYS_PTRACE without a user namespace;
         fs.suid_dumpable set to 1 (proc_sys_fs(5)); what an ordinary user executes in a container
         that is created and not started, which may trace the process that waits, a copy of the
         caller; others in a pid namespace that is shared see in its mountinfo what the host has
         mounted, until it has a root of its own, and with CAP_SYS_PTRACE in the user namespace that
         is joined as well, the host's tree by its createContainer hooks. CAP_SYS_ADMIN or
         CAP_CHECKPOINT_RESTORE without a user namespace opens the libraries that the caller has
         mapped.
       - Whoever may signal a process that enters can make its start fail. A start waits as long as
         its child lives and says nothing: whoever finds it can end it from outside.
       - The caller itself, for who has the host's pid namespace and the caller's capabilities.

   MEMORY AND DESCRIPTORS
       Configs live in the arena they were made with. Plans and processes have their own _free.
       Every descriptor is close-on-exec from birth and not below 3. The library never prints,
       exits, installs signal handlers, or changes the working directory, umask or environment.

   CONTENTS  (search for the words in brackets)
     [SECTION] api/version.h
     [SECTION] api/base.h
     [SECTION] api/json.h
     [SECTION] api/config.h
     [SECTION] api/plan.h
     [SECTION] api/process.h
     [SECTION] api/container.h
     [SECTION] api/stats.h
     [SECTION] api/program.h
     [SECTION] base/libc.c
     [SECTION] base/arena.c
     [SECTION] base/error.c
     [SECTION] base/sys.c
     [SECTION] base/path.c
     [SECTION] base/file.c
     [SECTION] config/json_read.c
     [SECTION] config/json_write.c
     [SECTION] config/names.c
     [SECTION] config/table.c
     [SECTION] config/landlock.c
     [SECTION] config/read.c
     [SECTION] config/check.c
     [SECTION] config/write.c
     [SECTION] config/subids.c
     [SECTION] config/defaults.c
     [SECTION] plan/format.c
     [SECTION] plan/facts.c
     [SECTION] plan/builder.c
     [SECTION] plan/rights.c
     [SECTION] plan/own_program.c
     [SECTION] plan/namespaces.c
     [SECTION] plan/labels.c
     [SECTION] plan/options.c
     [SECTION] plan/idmap.c
     [SECTION] plan/mount.c
     [SECTION] plan/hierarchies.c
     [SECTION] plan/cgroup_mount.c
     [SECTION] plan/made.c
     [SECTION] plan/hooks.c
     [SECTION] plan/console.c
     [SECTION] plan/rootfs.c
     [SECTION] plan/devices.c
     [SECTION] plan/limits.c
     [SECTION] plan/cgroups.c
     [SECTION] plan/cbpf.c
     [SECTION] plan/seccomp.c
     [SECTION] plan/presets.c
     [SECTION] plan/syscalls.c
     [SECTION] plan/seccomp_own.c
     [SECTION] plan/seccomp_lib.c
     [SECTION] plan/listener.c
     [SECTION] plan/landlock.c
     [SECTION] plan/identity.c
     [SECTION] plan/exec.c
     [SECTION] plan/update.c
     [SECTION] plan/build.c
     [SECTION] plan/explain.c
     [SECTION] child/state.c
     [SECTION] child/namespaces.c
     [SECTION] child/own_program.c
     [SECTION] child/mounts.c
     [SECTION] child/copy.c
     [SECTION] child/devices.c
     [SECTION] child/console.c
     [SECTION] child/root.c
     [SECTION] child/identity.c
     [SECTION] child/labels.c
     [SECTION] child/exec.c
     [SECTION] child/program.c
     [SECTION] child/hooks.c
     [SECTION] child/landlock.c
     [SECTION] child/started.c
     [SECTION] child/run.c
     [SECTION] cgroup/directory.c
     [SECTION] cgroup/limits.c
     [SECTION] cgroup/devices.c
     [SECTION] cgroup/tree.c
     [SECTION] cgroup/freezer.c
     [SECTION] cgroup/kill.c
     [SECTION] cgroup/remove.c
     [SECTION] cgroup/stats.c
     [SECTION] cgroup/events.c
     [SECTION] parent/io.c
     [SECTION] parent/undo.c
     [SECTION] parent/visible.c
     [SECTION] parent/report.c
     [SECTION] parent/sockets.c
     [SECTION] parent/channel.c
     [SECTION] parent/sources.c
     [SECTION] parent/idmap.c
     [SECTION] parent/steps.c
     [SECTION] parent/start.c
     [SECTION] parent/process.c
     [SECTION] parent/update.c
     [SECTION] parent/seal.c
     [SECTION] container/store.c
     [SECTION] container/handle.c
     [SECTION] container/state.c
     [SECTION] container/hooks.c
     [SECTION] container/notify.c
     [SECTION] container/signal.c
     [SECTION] container/delete.c
     [SECTION] container/create.c
     [SECTION] container/start.c
     [SECTION] container/exec.c
     [SECTION] container/update.c
     [SECTION] container/list.c
     [SECTION] container/stats.c

   LICENCE: MIT or Unlicense, as you like; see the end of the file. */
#ifndef CTR_H_INCLUDED
#define CTR_H_INCLUDED

#ifndef __linux__
#error "ctr.h: containers are a feature of Linux; this is another system"
#endif

#if defined CTR_IMPLEMENTATION && !defined _GNU_SOURCE
#ifdef _FEATURES_H /* of glibc and of musl: libc has made up its mind already */
#error "ctr.h: define _GNU_SOURCE (or CTR_IMPLEMENTATION) before the first #include of this file"
#endif
#define _GNU_SOURCE 1
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if defined CTR_STATIC && defined CTR_API
#error "ctr.h: CTR_STATIC and CTR_API exclude each other"
#elif defined CTR_STATIC
#define CTR_API static __attribute__((unused))
#elif !defined CTR_API
#define CTR_API extern
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ==== [SECTION] api/version.h ================================================================= */
/* ---- version --------------------------------------------------------------------------------- */

#define CTR_VERSION_MAJOR 0
#define CTR_VERSION_MINOR 1
#define CTR_VERSION_PATCH 0

#define CTR_VERSION_TEXT_(major, minor, patch) #major "." #minor "." #patch
#define CTR_VERSION_EXPAND_(major, minor, patch) CTR_VERSION_TEXT_(major, minor, patch)
#define CTR_VERSION                                                                                \
  CTR_VERSION_EXPAND_(CTR_VERSION_MAJOR, CTR_VERSION_MINOR, CTR_VERSION_PATCH)

/* ==== [SECTION] api/base.h ==================================================================== */
/* ---- errors, log, memory: what every other call speaks --------------------------------------- */

/* What kind of failure. 0 is success, so `if (ctr_x(...))` reads as "if it failed". */
typedef enum ctr_code {
  CTR_OK = 0,
  CTR_E_ARG,         /* a parameter of the call itself makes no sense                       */
  CTR_E_NOMEM,       /* memory ran out                                                      */
  CTR_E_JSON,        /* the text is not JSON; err.line and err.column say where             */
  CTR_E_CONFIG,      /* a field is missing, of the wrong type, out of range or impossible   */
  CTR_E_UNSUPPORTED, /* the config asks for what this version or this kernel cannot do      */
  CTR_E_SYS,         /* a system call failed; err.sys is its errno                          */
  CTR_E_STATE,       /* the call does not fit the state of the handle                       */
  CTR_E_PROTOCOL,    /* the process being started sent what it must not, or died meanwhile  */
  CTR_E_EXISTS,      /* a container of that id is there already                             */
  CTR_E_NOT_FOUND,   /* no container of that id is there                                    */
  CTR_E_CORRUPT,     /* the state kept for a container cannot be read                       */
} ctr_code;

/* A failure, as a plain value: nothing to free. Calls that succeed leave it cleared.
   Every function takes it last, and NULL when the caller does not want to know. */
typedef struct ctr_err {
  ctr_code code;
  int sys;         /* errno of the call that failed, else 0                                 */
  uint32_t line;   /* where in the JSON text, from 1; 0: not about a text                   */
  uint32_t column; /* in bytes, from 1                                                      */
  char field[128]; /* the config field that asked for it, "mounts[3].options"; "" if none   */
  char msg[512];   /* the whole message in one line, without a newline                      */
} ctr_err;

/* Returns the name of a code ("CTR_E_CONFIG"); a static string, never NULL. */
CTR_API const char *ctr_code_name(ctr_code code);

typedef enum ctr_level { CTR_LOG_WARNING = 1, CTR_LOG_INFO, CTR_LOG_DEBUG } ctr_level;

/* Where remarks go that are not errors. All zero: nowhere; the library itself never prints.
   fn is called in the caller's process and thread only. field may be "", text is one line. */
typedef struct ctr_log {
  void (*fn)(void *userdata, ctr_level level, const char *field, const char *text);
  void *userdata;
} ctr_log;

/* Memory that is freed all at once. `ctr_arena mem = {0};` is an empty one. What a function puts
   into an arena lives until ctr_arena_free. Not for use by two threads at a time. */
typedef struct ctr_arena {
  struct ctr_block_ *blocks_;
  size_t bytes; /* taken from CTR_MALLOC so far */
} ctr_arena;

/* Returns size zeroed bytes, aligned for any type, or NULL when memory ran out. */
CTR_API void *ctr_arena_alloc(ctr_arena *arena, size_t size);

/* Frees all that came from the arena and leaves it empty, ready to be used again. NULL is fine. */
CTR_API void ctr_arena_free(ctr_arena *arena);

/* A list of strings. CTR_STRS("sh", "-c", "id") makes one in C, which lives until the end of the
   block that it stands in. */
typedef struct ctr_strs {
  const char *const *items;
  size_t count;
} ctr_strs;
#ifndef __cplusplus
#define CTR_STRS(...)                                                                              \
  (ctr_strs) {                                                                                     \
    (const char *const[]){__VA_ARGS__},                                                            \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                                \
  }
#endif

/* Any bytes: borrowed, and no text that ends with a NUL. */
typedef struct ctr_bytes {
  const void *items;
  size_t count;
} ctr_bytes;

/* Where text goes: called with pieces, in order. Returns 0, or not 0 to stop the writer. */
typedef int (*ctr_sink)(void *userdata, const char *text, size_t len);

/* ==== [SECTION] api/json.h ==================================================================== */
/* ---- JSON-lite: a strict reader and a writer, usable on their own ---------------------------- */

typedef enum ctr_json_type {
  CTR_JSON_NULL = 0,
  CTR_JSON_BOOL,
  CTR_JSON_INT,    /* a number without fraction and exponent that fits int64_t           */
  CTR_JSON_UINT,   /* the same, above INT64_MAX, that fits uint64_t                      */
  CTR_JSON_DOUBLE, /* any other number that a double can hold                            */
  CTR_JSON_STRING,
  CTR_JSON_ARRAY,
  CTR_JSON_OBJECT,
} ctr_json_type;

/* A value. Members of an object and elements of an array are linked in the order of the text. */
typedef struct ctr_json {
  ctr_json_type type;
  uint32_t line, column; /* where its text starts, from 1; 0 when not read from a text   */
  const char *key;       /* name in the object that holds it (NUL-terminated), else NULL */
  struct ctr_json *next; /* the next member or element, or NULL                          */
  union {
    bool boolean;
    int64_t i64;
    uint64_t u64;
    double number;
    struct {
      const char *text; /* UTF-8, NUL-terminated, no NUL inside */
      size_t len;       /* bytes, without the NUL               */
    } string;
    struct {
      struct ctr_json *first, *last;
      size_t count;
    } list; /* of an array or an object */
  } as;
} ctr_json;

/* Bounds on what is read; a 0 means the default given here. */
typedef struct ctr_json_limits {
  size_t depth; /* arrays and objects inside each other: 64       */
  size_t bytes; /* length of the text: 16 MiB                     */
} ctr_json_limits;

/* Reads one JSON text (RFC 8259) into the arena.
   text:    len bytes, borrowed for the call; need not end in NUL.
   limits:  borrowed, or NULL for the defaults.
   Returns: CTR_OK, CTR_E_JSON with err.line and err.column, or CTR_E_NOMEM. Refused are: bytes that
            are not UTF-8, a byte order mark, lone surrogates, NUL (raw or \u0000), a name twice in
            one object, text after the value, numbers a double cannot hold, and anything over the
            limits. *ret_root is untouched on failure.
   Cost:    linear in len, in time and in memory; no recursion. */
CTR_API ctr_code ctr_json_parse(ctr_arena *arena, const char *text, size_t len,
                                const ctr_json_limits *limits, ctr_json **ret_root, ctr_err *err);

/* Returns the member of an object by name, or NULL when there is none or value is no object. */
CTR_API const ctr_json *ctr_json_get(const ctr_json *value, const char *key);

typedef enum ctr_json_style {
  CTR_JSON_COMPACT = 0,
  CTR_JSON_INDENT, /* two spaces a level, and a newline at the end */
} ctr_json_style;

/* Writes a value as JSON text: members in their order, what RFC 8259 says must be escaped is,
   doubles with the fewest digits that read back the same.
   Returns: CTR_OK; CTR_E_ARG for a double that is not finite or strings that are not UTF-8;
            CTR_E_SYS with errno ECANCELED when the sink stops. No recursion. */
CTR_API ctr_code ctr_json_write(const ctr_json *value, ctr_json_style style, ctr_sink sink,
                                void *userdata, ctr_err *err);

/* Builders for the writer: each returns a new value in the arena, or NULL without memory.
   Strings and keys are copied. ctr_json_add appends a value to an array (key NULL) or an object
   and returns it; NULL arguments are passed through as NULL, so calls can be nested unchecked. */
CTR_API ctr_json *ctr_json_new(ctr_arena *arena, ctr_json_type type);
CTR_API ctr_json *ctr_json_new_string(ctr_arena *arena, const char *text);
CTR_API ctr_json *ctr_json_new_int(ctr_arena *arena, int64_t value);
CTR_API ctr_json *ctr_json_new_uint(ctr_arena *arena, uint64_t value);
CTR_API ctr_json *ctr_json_new_bool(ctr_arena *arena, bool value);
CTR_API ctr_json *ctr_json_add(ctr_arena *arena, ctr_json *list, const char *key, ctr_json *value);

/* ==== [SECTION] api/config.h ================================================================== */
/* ---- config: config.json as C structs -------------------------------------------------------- */
/* The structs below are OCI runtime-spec 1.3 config.json with dots instead of braces: same names,
   same nesting, every Linux field (https://github.com/opencontainers/runtime-spec, config.md and
   config-linux.md). All zero means "not asked for". Where the specification lets 0 mean something
   other than absence, the value is a ctr_int or ctr_uint. `linux_` and `class_` carry an underscore
   because `linux` is a macro in GNU C and `class` a keyword in C++.

   Fill them from a text with ctr_config_parse, from nothing with ctr_config_default, or by hand.
   Strings and lists are borrowed: they must live as long as the config is used. */

typedef struct ctr_int {
  bool set;
  int64_t value;
} ctr_int;

typedef struct ctr_uint {
  bool set;
  uint64_t value;
} ctr_uint;

/* A member of a JSON object whose names are free: annotations, sysctl, unified. */
typedef struct ctr_pair {
  const char *key, *value;
} ctr_pair;

typedef struct ctr_pairs {
  const ctr_pair *items;
  size_t count;
} ctr_pairs;

typedef struct ctr_ids {
  const uint32_t *items;
  size_t count;
} ctr_ids;

/* -- root and mounts -- */

typedef struct ctr_root {
  const char *path; /* absolute, or relative to the bundle; required, and not used when the first
                       of mounts is the root                                                */
  bool readonly;    /* when all is in place; also what the host has mounted below it         */
} ctr_root;

typedef struct ctr_id_mapping {
  uint32_t containerID, hostID, size;
} ctr_id_mapping;

typedef struct ctr_id_mappings {
  const ctr_id_mapping *items;
  size_t count;
} ctr_id_mappings;

/* Beyond the specification:

   The first of mounts may have the destination "/". It is the container's root then, whatever its
   type: "tmpfs" is one that needs no directory on disk, "rbind" of "/" is what the host sees,
   "overlay" a view of something that can be changed. With "ro" a bind is read-only at once, every
   other root when all is in place. Hooks cannot reach it by a path. It does not go with no_pivot.

   Four types are made instead of mounted, in their turn, and belong to the container's root. Their
   option "mode=0700" is octal; else it is 0755 for a directory, 0644 for a file. A failed start
   takes them away again where they lie on the root's own file system, not in what was mounted.
     ctr.dir      a directory, unless there is one
     ctr.symlink  a link that says what source says
     ctr.file     a new file that holds source, or data. With "bind" the file is on a file system of
                  its own, mounted over the destination: that may be there already, and read-only.
                  With "bind" and "ro" it is read-only itself
     ctr.mode     what is there, also "/", gets the mode that the option names; not on procfs or
                  sysfs, where it would be that of the whole machine

   "overlay" has the option "tmpupper": its changes go to a new tmpfs and end with the container. In
   a user namespace an overlay takes Linux 5.11 and gets the option userxattr; that a tmpfs can keep
   all that it has to note takes 6.6 (overlayfs.rst, "User xattr"). */
typedef struct ctr_mount {
  const char *destination; /* inside the container; required                                */
  const char *type;        /* file system type; a bind mount when options have (r)bind      */
  const char *source;      /* a bind mount's: absolute, or relative to the bundle           */
  ctr_strs options;        /* config.md "Linux mount options"; unknown ones go to the kernel */
  /* Whose the files look like: containerID is an id on the file system, hostID the one that the
     caller sees instead. Both or none; without the option ridmap not for what is mounted below.
     With the option idmap or ridmap and none, those of the container's user namespace. Who has
     CAP_SYS_ADMIN there can change the flags of such a mount, also those that the host set. */
  ctr_id_mappings uidMappings, gidMappings;
  ctr_bytes data;          /* of ctr.file: any bytes. Has no JSON form, nor is it kept with the
                              state of a container                                          */
} ctr_mount;

typedef struct ctr_mounts {
  const ctr_mount *items;
  size_t count;
} ctr_mounts;

/* -- process -- */

typedef struct ctr_console_size {
  ctr_uint height, width; /* characters */
} ctr_console_size;

typedef struct ctr_user {
  uint32_t uid, gid; /* as seen inside the container */
  ctr_uint umask;
  ctr_ids additionalGids;
} ctr_user;

/* The capabilities of capabilities(7), X(name, number). A set of them is a uint64_t with bit
   `number` set: CTR_CAP(KILL) | CTR_CAP(CHOWN). */
#define CTR_CAPABILITIES(X)                                                                        \
  X(CHOWN, 0) X(DAC_OVERRIDE, 1) X(DAC_READ_SEARCH, 2) X(FOWNER, 3) X(FSETID, 4) X(KILL, 5)        \
  X(SETGID, 6) X(SETUID, 7) X(SETPCAP, 8) X(LINUX_IMMUTABLE, 9) X(NET_BIND_SERVICE, 10)            \
  X(NET_BROADCAST, 11) X(NET_ADMIN, 12) X(NET_RAW, 13) X(IPC_LOCK, 14) X(IPC_OWNER, 15)            \
  X(SYS_MODULE, 16) X(SYS_RAWIO, 17) X(SYS_CHROOT, 18) X(SYS_PTRACE, 19) X(SYS_PACCT, 20)          \
  X(SYS_ADMIN, 21) X(SYS_BOOT, 22) X(SYS_NICE, 23) X(SYS_RESOURCE, 24) X(SYS_TIME, 25)             \
  X(SYS_TTY_CONFIG, 26) X(MKNOD, 27) X(LEASE, 28) X(AUDIT_WRITE, 29) X(AUDIT_CONTROL, 30)          \
  X(SETFCAP, 31) X(MAC_OVERRIDE, 32) X(MAC_ADMIN, 33) X(SYSLOG, 34) X(WAKE_ALARM, 35)              \
  X(BLOCK_SUSPEND, 36) X(AUDIT_READ, 37) X(PERFMON, 38) X(BPF, 39) X(CHECKPOINT_RESTORE, 40)

#define CTR_CAP_BIT_(name, number) CTR_CAP_##name = number,
enum ctr_cap { CTR_CAPABILITIES(CTR_CAP_BIT_) CTR_CAP_COUNT };
#define CTR_CAP(name) (UINT64_C(1) << CTR_CAP_##name)

typedef struct ctr_capabilities {
  uint64_t bounding, effective, inheritable, permitted, ambient;
} ctr_capabilities;

typedef enum ctr_rlimit_type { /* the kernel's RLIMIT_* number plus one; 0 is unset */
  CTR_RLIMIT_CPU = 1,
  CTR_RLIMIT_FSIZE,
  CTR_RLIMIT_DATA,
  CTR_RLIMIT_STACK,
  CTR_RLIMIT_CORE,
  CTR_RLIMIT_RSS,
  CTR_RLIMIT_NPROC,
  CTR_RLIMIT_NOFILE,
  CTR_RLIMIT_MEMLOCK,
  CTR_RLIMIT_AS,
  CTR_RLIMIT_LOCKS,
  CTR_RLIMIT_SIGPENDING,
  CTR_RLIMIT_MSGQUEUE,
  CTR_RLIMIT_NICE,
  CTR_RLIMIT_RTPRIO,
  CTR_RLIMIT_RTTIME,
} ctr_rlimit_type;

typedef struct ctr_rlimit {
  ctr_rlimit_type type;
  uint64_t soft, hard; /* UINT64_MAX: no limit; getrlimit(2) gives each type's unit */
} ctr_rlimit;

typedef struct ctr_rlimits {
  const ctr_rlimit *items;
  size_t count;
} ctr_rlimits;

typedef enum ctr_ioprio_class { /* ioprio_set(2) */
  CTR_IOPRIO_CLASS_RT = 1,
  CTR_IOPRIO_CLASS_BE,
  CTR_IOPRIO_CLASS_IDLE,
} ctr_ioprio_class;

typedef struct ctr_io_priority {
  ctr_ioprio_class class_; /* 0: not asked for   */
  int32_t priority;        /* 0 highest, 7 lowest */
} ctr_io_priority;

typedef enum ctr_sched_policy { /* the kernel's SCHED_* number plus one (sched(7)) */
  CTR_SCHED_OTHER = 1,
  CTR_SCHED_FIFO = 2,
  CTR_SCHED_RR = 3,
  CTR_SCHED_BATCH = 4,
  CTR_SCHED_ISO = 5,
  CTR_SCHED_IDLE = 6,
  CTR_SCHED_DEADLINE = 7,
} ctr_sched_policy;

typedef struct ctr_scheduler {
  ctr_sched_policy policy; /* 0: not asked for                                             */
  int32_t nice, priority;
  uint64_t flags;                     /* the kernel's SCHED_FLAG_* bits (sched_setattr(2)) */
  uint64_t runtime, deadline, period; /* nanoseconds, SCHED_DEADLINE only                  */
} ctr_scheduler;

typedef struct ctr_cpu_affinity {
  const char *initial, *final; /* CPU lists, "0-3,7" */
} ctr_cpu_affinity;

typedef struct ctr_process_config {
  bool terminal;
  ctr_console_size consoleSize; /* ignored when terminal is false, as the specification says */
  const char *cwd;              /* absolute; required                                        */
  ctr_strs args;                /* required, at least one                                    */
  ctr_strs env;                 /* "NAME=value"                                              */
  ctr_user user;
  ctr_capabilities capabilities; /* all zero: no capability in any set                       */
  ctr_rlimits rlimits;
  bool noNewPrivileges;
  const char *apparmorProfile; /* one that is loaded; "" as NULL: not asked for. Taken by execve, so
                                  by hooks inside (startContainer) as well; what may be changed to
                                  with noNewPrivileges: apparmor.d(5), "change_profile"          */
  ctr_int oomScoreAdj; /* -1000 to 1000 */
  const char *selinuxLabel;    /* likewise, and of its session keyring */
  ctr_io_priority ioPriority;
  ctr_scheduler scheduler;
  ctr_cpu_affinity execCPUAffinity; /* not for a container's first process: not used by init */
} ctr_process_config;

/* -- hooks -- */

typedef struct ctr_hook {
  const char *path; /* absolute; required */
  ctr_strs args, env;
  ctr_uint timeout; /* seconds, at least 1 */
} ctr_hook;

typedef struct ctr_hook_list {
  const ctr_hook *items;
  size_t count;
} ctr_hook_list;

typedef struct ctr_hooks {
  ctr_hook_list prestart, createRuntime, createContainer, startContainer, poststart, poststop;
} ctr_hooks;

/* -- linux -- */

typedef enum ctr_namespace_type { /* the kernel's CLONE_NEW* bits (namespaces(7)) */
  CTR_NS_TIME = 0x00000080,
  CTR_NS_MOUNT = 0x00020000,
  CTR_NS_CGROUP = 0x02000000,
  CTR_NS_UTS = 0x04000000,
  CTR_NS_IPC = 0x08000000,
  CTR_NS_USER = 0x10000000,
  CTR_NS_PID = 0x20000000,
  CTR_NS_NETWORK = 0x40000000,
} ctr_namespace_type;

typedef struct ctr_namespace {
  ctr_namespace_type type;
  const char *path; /* join this one (absolute); NULL: a new one */
} ctr_namespace;

typedef struct ctr_namespaces {
  const ctr_namespace *items;
  size_t count;
} ctr_namespaces;

typedef struct ctr_time_offset {
  ctr_int secs;
  ctr_uint nanosecs;
} ctr_time_offset;

typedef struct ctr_time_offsets {
  ctr_time_offset monotonic, boottime;
} ctr_time_offsets;

typedef struct ctr_device {
  const char *type; /* "c", "b", "u" (unbuffered: as "c") or "p" (fifo) */
  const char *path;
  ctr_int major_, minor_;
  ctr_uint fileMode; /* permission bits; not set: 0666 */
  ctr_uint uid, gid; /* inside the container; not set: 0 */
} ctr_device;

typedef struct ctr_devices {
  const ctr_device *items;
  size_t count;
} ctr_devices;

typedef struct ctr_net_device {
  const char *key;  /* name on the host           */
  const char *name; /* name inside; NULL: the same */
} ctr_net_device;

typedef struct ctr_net_devices {
  const ctr_net_device *items;
  size_t count;
} ctr_net_devices;

typedef struct ctr_device_rule {
  bool allow;
  const char *type; /* "a", "b" or "c"; NULL: all */
  ctr_int major_, minor_; /* not set: all */
  const char *access; /* of "rwm" */
} ctr_device_rule;

typedef struct ctr_device_rules {
  const ctr_device_rule *items;
  size_t count;
} ctr_device_rules;

typedef struct ctr_memory {
  ctr_int limit, reservation, swap, kernel, kernelTCP; /* bytes, -1: no limit */
  ctr_uint swappiness;
  bool disableOOMKiller, useHierarchy, checkBeforeUpdate;
} ctr_memory;

typedef struct ctr_cpu {
  ctr_uint shares;
  ctr_int quota; /* microseconds per period */
  ctr_uint burst, period;
  ctr_int realtimeRuntime;
  ctr_uint realtimePeriod;
  const char *cpus, *mems; /* lists, "0-3,7" */
  ctr_int idle;
} ctr_cpu;

typedef struct ctr_pids {
  ctr_int limit; /* tasks */
} ctr_pids;

typedef struct ctr_weight_device {
  int64_t major_, minor_;
  ctr_uint weight, leafWeight;
} ctr_weight_device;

typedef struct ctr_weight_devices {
  const ctr_weight_device *items;
  size_t count;
} ctr_weight_devices;

typedef struct ctr_throttle_device {
  int64_t major_, minor_;
  uint64_t rate; /* bytes or operations per second */
} ctr_throttle_device;

typedef struct ctr_throttle_devices {
  const ctr_throttle_device *items;
  size_t count;
} ctr_throttle_devices;

typedef struct ctr_block_io {
  ctr_uint weight, leafWeight;
  ctr_weight_devices weightDevice;
  ctr_throttle_devices throttleReadBpsDevice, throttleWriteBpsDevice;
  ctr_throttle_devices throttleReadIOPSDevice, throttleWriteIOPSDevice;
} ctr_block_io;

typedef struct ctr_hugepage_limit {
  const char *pageSize; /* "2MB" */
  uint64_t limit;       /* bytes */
} ctr_hugepage_limit;

typedef struct ctr_hugepage_limits {
  const ctr_hugepage_limit *items;
  size_t count;
} ctr_hugepage_limits;

typedef struct ctr_if_priority {
  const char *name;
  uint32_t priority;
} ctr_if_priority;

typedef struct ctr_if_priorities {
  const ctr_if_priority *items;
  size_t count;
} ctr_if_priorities;

typedef struct ctr_network {
  ctr_uint classID;
  ctr_if_priorities priorities;
} ctr_network;

typedef struct ctr_rdma {
  const char *key; /* name of the device */
  ctr_uint hcaHandles, hcaObjects;
} ctr_rdma;

typedef struct ctr_rdmas {
  const ctr_rdma *items;
  size_t count;
} ctr_rdmas;

typedef struct ctr_resources {
  ctr_device_rules devices;
  ctr_memory memory;
  ctr_cpu cpu;
  ctr_pids pids;
  ctr_block_io blockIO;
  ctr_hugepage_limits hugepageLimits;
  ctr_network network;
  ctr_rdmas rdma;
  ctr_pairs unified;
} ctr_resources;

/* Seccomp: which system calls the program may make (config-linux.md "Seccomp", seccomp(2)). The
   filter is loaded as the last thing before the program is executed, in each process that joins a
   container as well; nothing but execve(2) needs to be allowed for the start's sake. Without
   noNewPrivileges loading takes CAP_SYS_ADMIN of the caller, or a user namespace; it is not left to
   the program.

   Of the entries for one call the first without args counts, and alone; else the first whose args
   match; else the default. Entries with the default's action say nothing. All args of an entry must
   match, but where one names an argument twice each is an entry of its own. That is as libseccomp
   and runc have it, who do not say which of several that match counts. When the default action is
   SCMP_ACT_ERRNO, calls with numbers above all that are named fail with ENOSYS: libc tries newer
   calls first and takes an older one only then.

   Names of other architectures mean nothing. One that nobody knows is left out with a warning,
   unless its action is stricter than the default's. Filters are for the architecture this is
   compiled for: calls of others, and of x32, kill the process, as a 32-bit program on a machine of
   64 bits is by its first one, whether or not architectures names them (a CTR_LOG_INFO says so);
   with CTR_WITH_LIBSECCOMP those of a profile are filtered as well.

   A preset in the place of the default action decides of all calls that entries do not:
     CTR_SECCOMP_DEFAULT  what ordinary programs need. Refused are those that lead out, that reach
                          parts of the machine that no namespace parts, or that are large and seldom
                          used parts of the kernel: mounts, namespaces (also as flags of clone(2)),
                          keys, bpf(2), io_uring, other processes' memory, typing into a terminal,
                          all sockets but AF_UNIX, of AF_INET and AF_INET6 TCP, UDP and ICMP, and
                          reading interfaces.
                          With a capability in permitted or bounding come the calls that take it:
                          mount(2) with CAP_SYS_ADMIN, ptrace(2) with CAP_SYS_PTRACE.
     CTR_SECCOMP_STRICT   computing with what is open and with files: no new processes but threads,
                          no new sockets, no changes of owners, modes, links or identity, whatever
                          its capabilities (it may give those up); no signals but to a thread by its
                          number (raise(3), abort(3), pthread_kill(3)). A filter cannot tell whose
                          thread it is: in a pid namespace with others of the same user let Landlock
                          scope signals as well. For decoders and judges.
   Refused calls fail with EPERM; with ENOSYS where libc has an older call to take (clone3(2), calls
   of long ago, and those not known here); socket(2) and socketpair(2) with EAFNOSUPPORT; under
   `strict` ioctl(2) with ENOTTY and prctl(2) with EINVAL. ctr_seccomp_explain prints each group of
   calls with its reason. In a config.json a preset is the defaultAction "ctr.default" or
   "ctr.strict"; or, since other runtimes do not know these, the annotation CTR_SECCOMP_ANNOTATION,
   "default" or "strict", where linux.seccomp is absent.

   With SCMP_ACT_NOTIFY, who listens at listenerPath (relative to the bundle) gets the descriptor of
   seccomp_unotify(2) and the container process state before the program runs; only containers with
   a name have that. The caller itself can be who listens: ctr_plan_desc.keep_listener. sendmsg(2)
   and read(2) must be allowed then. */
typedef enum ctr_seccomp_action {
  CTR_SCMP_ACT_KILL = 1,     /* as KILL_THREAD                                          */
  CTR_SCMP_ACT_KILL_PROCESS, /* ends it with SIGSYS                                     */
  CTR_SCMP_ACT_KILL_THREAD,
  CTR_SCMP_ACT_TRAP,         /* sends SIGSYS                                            */
  CTR_SCMP_ACT_ERRNO,        /* fails with errnoRet, 0 to 4095 (not set: EPERM)         */
  CTR_SCMP_ACT_TRACE,        /* asks a tracer, telling it errnoRet; without one: ENOSYS */
  CTR_SCMP_ACT_ALLOW,
  CTR_SCMP_ACT_LOG,          /* allows and logs                                         */
  CTR_SCMP_ACT_NOTIFY,       /* asks who listens                                        */
  CTR_SECCOMP_DEFAULT,       /* presets, as a defaultAction alone: "ctr.default",       */
  CTR_SECCOMP_STRICT,        /* "ctr.strict"                                            */
} ctr_seccomp_action;

#define CTR_SECCOMP_ANNOTATION "ctr.seccomp"

typedef enum ctr_seccomp_op {
  CTR_SCMP_CMP_NE = 1,
  CTR_SCMP_CMP_LT,
  CTR_SCMP_CMP_LE,
  CTR_SCMP_CMP_EQ,
  CTR_SCMP_CMP_GE,
  CTR_SCMP_CMP_GT,
  CTR_SCMP_CMP_MASKED_EQ,
} ctr_seccomp_op;

typedef struct ctr_syscall_arg {
  uint32_t index; /* 0 to 5 */
  uint64_t value, valueTwo; /* for MASKED_EQ the mask, and what is left under it; else valueTwo
                               means nothing. Of 32 bits where a long has no more */
  ctr_seccomp_op op;
} ctr_syscall_arg;

typedef struct ctr_syscall_args {
  const ctr_syscall_arg *items;
  size_t count;
} ctr_syscall_args;

typedef struct ctr_syscall {
  ctr_strs names;
  ctr_seccomp_action action;
  ctr_uint errnoRet;
  ctr_syscall_args args;
} ctr_syscall;

typedef struct ctr_syscalls {
  const ctr_syscall *items;
  size_t count;
} ctr_syscalls;

typedef struct ctr_seccomp {
  ctr_seccomp_action defaultAction; /* 0: no filter asked for; may be a preset */
  ctr_uint defaultErrnoRet;
  ctr_strs architectures; /* "SCMP_ARCH_X86_64" …; the own one need not be named */
  ctr_strs flags;         /* "SECCOMP_FILTER_FLAG_LOG" …                         */
  const char *listenerPath, *listenerMetadata;
  ctr_syscalls syscalls;
} ctr_seccomp;

typedef enum ctr_propagation { /* mount_namespaces(7) */
  CTR_PROPAGATION_PRIVATE = 1,
  CTR_PROPAGATION_SHARED,
  CTR_PROPAGATION_SLAVE,
  CTR_PROPAGATION_UNBINDABLE,
  CTR_PROPAGATION_RPRIVATE, /* the same for all mounts below: not in the specification, but used */
  CTR_PROPAGATION_RSHARED,
  CTR_PROPAGATION_RSLAVE,
  CTR_PROPAGATION_RUNBINDABLE,
} ctr_propagation;

typedef enum ctr_personality_domain { /* personality(2) */
  CTR_PER_LINUX = 1,
  CTR_PER_LINUX32,
} ctr_personality_domain;

typedef struct ctr_personality {
  ctr_personality_domain domain; /* 0: not asked for                  */
  ctr_strs flags;                /* none is defined by OCI 1.3: refused */
} ctr_personality;

typedef struct ctr_intel_rdt {
  const char *closID;
  ctr_strs schemata;
  const char *l3CacheSchema, *memBwSchema;
  bool enableMonitoring;
} ctr_intel_rdt;

typedef enum ctr_mempolicy_mode { /* the kernel's MPOL_* number plus one (set_mempolicy(2)) */
  CTR_MPOL_DEFAULT = 1,
  CTR_MPOL_PREFERRED,
  CTR_MPOL_BIND,
  CTR_MPOL_INTERLEAVE,
  CTR_MPOL_LOCAL,
  CTR_MPOL_PREFERRED_MANY,
  CTR_MPOL_WEIGHTED_INTERLEAVE,
} ctr_mempolicy_mode;

typedef struct ctr_memory_policy {
  ctr_mempolicy_mode mode; /* 0: not asked for               */
  const char *nodes;       /* list, "0-3,7"                  */
  uint64_t flags;          /* the kernel's MPOL_F_* bits      */
} ctr_memory_policy;

typedef struct ctr_linux {
  ctr_namespaces namespaces;
  ctr_id_mappings uidMappings, gidMappings;
  ctr_time_offsets timeOffsets;
  ctr_devices devices;
  ctr_net_devices netDevices;
  const char *cgroupsPath;
  ctr_resources resources;
  ctr_propagation rootfsPropagation;
  ctr_seccomp seccomp;
  ctr_pairs sysctl;
  ctr_strs maskedPaths, readonlyPaths;
  const char *mountLabel; /* of new file systems that take one (the option "context" of mount(8)),
                             not of proc, sysfs, mqueue, cgroups and binds; "": not asked for  */
  const ctr_intel_rdt *intelRdt; /* an empty object means something: hence a pointer */
  ctr_memory_policy memoryPolicy;
  ctr_personality personality;
} ctr_linux;

/* -- landlock(7): an extension -- */

typedef struct ctr_landlock_path {
  ctr_strs paths;         /* absolute, inside; they must be there when the program is started */
  ctr_strs allowedAccess; /* there and below                                                  */
} ctr_landlock_path;

typedef struct ctr_landlock_paths {
  const ctr_landlock_path *items;
  size_t count;
} ctr_landlock_paths;

typedef struct ctr_landlock_port {
  ctr_ids ports; /* of TCP, 0 to 65535; 0 to bind: any that is free */
  ctr_strs allowedAccess;
} ctr_landlock_port;

typedef struct ctr_landlock_ports {
  const ctr_landlock_port *items;
  size_t count;
} ctr_landlock_ports;

/* What the program gives up, whoever it is: what is handled is denied but for what a rule allows;
   what is scoped stays within the program and what it starts. In a config.json this is the
   annotation CTR_LANDLOCK_ANNOTATION, whose value is the text of a JSON object of these members.
     of files:   execute write_file read_file read_dir remove_dir remove_file make_char make_dir
                 make_reg make_sock make_fifo make_block make_sym refer truncate ioctl_dev; or
                 "read", "write" (with all that makes, removes, renames and truncates), and "all"
                 (with execute and ioctl_dev), in a rule those of them that are handled
     of TCP:     bind_tcp connect_tcp; or "all"
     as scopes:  abstract_unix_socket signal; or "all"
   Paths are those of the container when its program starts, without links on the way: whoever can
   make a link would say what is allowed.
   It holds from after the startContainer hooks, for the program or function and for each that joins
   the container (ctr_container_exec), which cannot signal one another when signals are scoped. It
   needs process.noNewPrivileges, or CAP_SYS_ADMIN of the caller, or a user namespace.
   Source: landlock(7), the kernel's userspace-api/landlock.rst. */
typedef struct ctr_landlock {
  ctr_strs handledAccessFs, handledAccessNet, scoped;
  ctr_landlock_paths pathBeneath;
  ctr_landlock_ports netPort;
  bool bestEffort; /* what this kernel does not have is left out, with a warning: not refused */
} ctr_landlock;

#define CTR_LANDLOCK_ANNOTATION "ctr.landlock"

typedef struct ctr_config {
  const char *ociVersion; /* required in a text; CTR_OCI_VERSION is what this version writes */
  ctr_root root;
  ctr_mounts mounts;
  ctr_process_config process;
  const char *hostname, *domainname;
  ctr_hooks hooks;
  ctr_pairs annotations;
  ctr_linux linux_;
  const ctr_landlock *landlock; /* read from, and written as, an annotation; NULL: not asked for */
} ctr_config;

#define CTR_OCI_VERSION "1.3.0"

/* Reads a config.json text.
   arena:   the config and all it points to live here.
   text:    len bytes, borrowed for the call.
   Returns: CTR_OK; CTR_E_JSON; CTR_E_CONFIG naming the field (wrong type, out of range, unknown
            name of a capability, namespace, …, required member missing); CTR_E_NOMEM.
            Unknown members are ignored (config.md "Extensibility"), null counts as absent. */
CTR_API ctr_code ctr_config_parse(ctr_arena *arena, const char *text, size_t len,
                                  ctr_config **ret_config, ctr_err *err);

/* The same from a value already read, whose strings are copied; ret_unknown, when not NULL,
   receives the path of every member that was ignored ("linux.frobnicate"), in the arena. */
CTR_API ctr_code ctr_config_from_json(ctr_arena *arena, const ctr_json *value,
                                      ctr_config **ret_config, ctr_strs *ret_unknown, ctr_err *err);

/* Reads the text of a process alone, as engines hand it to exec: config.json's `process`.
   Returns: as ctr_config_parse. *ret_process is in the arena. */
CTR_API ctr_code ctr_process_config_parse(ctr_arena *arena, const char *text, size_t len,
                                          ctr_process_config **ret_process, ctr_err *err);

/* Reads the text of config.json's `linux.resources` alone, as engines hand it to update.
   Returns: as ctr_config_parse. *ret_resources is in the arena. */
CTR_API ctr_code ctr_resources_parse(ctr_arena *arena, const char *text, size_t len,
                                     ctr_resources **ret_resources, ctr_err *err);

/* Turns a config back into JSON, members in the order of the structs, absent ones left out; without
   an ociVersion it gets CTR_OCI_VERSION. Strings are copied.
   Returns: CTR_OK; CTR_E_CONFIG naming the field when something required is missing or out of
            range; CTR_E_NOMEM. */
CTR_API ctr_code ctr_config_to_json(ctr_arena *arena, const ctr_config *config,
                                    ctr_json **ret_value, ctr_err *err);

typedef enum ctr_default_kind {
  CTR_DEFAULT_AUTO = 0,  /* as root of the machine: CTR_DEFAULT_ROOT, else CTR_DEFAULT_ROOTLESS */
  CTR_DEFAULT_ROOT,
  CTR_DEFAULT_ROOTLESS,  /* with a user namespace that maps the caller to root inside, and as many
                            more ids as the caller can have: those of subuid(5) and subgid(5), which
                            newuidmap(1) maps (two programs more are run for each start: some
                            milliseconds), or all of a user namespace that the caller is root of  */
  CTR_DEFAULT_SINGLE_ID, /* the same with the caller's id alone: no other program is needed       */
} ctr_default_kind;

/* Makes the default container: the machine's own root file system, read-only, with /proc, /sys,
   /dev, /tmp and /run of its own, in new mount, pid, network, ipc, uts and cgroup namespaces;
   three harmless capabilities as root, no new privileges, the usual masked and read-only paths,
   the seccomp preset CTR_SECCOMP_DEFAULT; running "sh". Change what you like; the lists are
   constants, so that to change one is to point it at another.
   Returns: CTR_OK, CTR_E_NOMEM or CTR_E_ARG.
   Source:  user_namespaces(7), subuid(5). */
CTR_API ctr_code ctr_config_default(ctr_arena *arena, ctr_default_kind kind,
                                    ctr_config **ret_config, ctr_err *err);

/* ==== [SECTION] api/plan.h ==================================================================== */
/* ---- plan: what will be done, decided before anything is done -------------------------------- */

/* A config compiled to an ordered list of steps in one flat block without pointers. Making one
   changes nothing on the machine and needs no privilege; it reads what decides: files below
   /proc/self and /proc/sys, cgroup hierarchies, whether devices are there that are to be bound, and
   for ids of others passwd(5), subuid(5), subgid(5), nsswitch.conf(5) and where newuidmap(1) is in
   PATH. A plan can be started any number of times. */
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
  ctr_log log;          /* receives what is worth a warning                                     */

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
                              not for a container that is created and started by another call   */
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

/* ==== [SECTION] api/process.h ================================================================= */
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
  int fds[3]; /* for CTR_STDIO_FDS: borrowed for the start, stay the caller's                    */

  /* More descriptors for the program, which become its 3, 4, 5…: borrowed for the start, 256 at
     most; -1: that number stays closed. A directory among them is a way out of the container. */
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
     memory is a copy of the caller's, less what that has mapped MAP_SHARED (share_memory in
     ctr_plan_desc); the caller's threads are not there: if there are any, it may call
     async-signal-safe functions only (signal-safety(7)). getenv(3) tells process.env; what it
     leaves in the buffers of stdio is lost. Filters (ctr_plan_desc) are loaded before: they are to
     allow close(2), munmap(2) and exit_group(2), and without process.noNewPrivileges capset(2). */
  int (*function)(void *function_data);
  void *function_data;
} ctr_process_desc;

/* Makes the handle of a process that is to be started.
   plan:    borrowed until ctr_process_start has returned.
   desc:    copied; NULL: all defaults.
   Returns: CTR_OK; CTR_E_ARG for what makes no sense in desc, such as an on_moment that a plan
            without moments would never call; CTR_E_NOMEM. *ret_process is the caller's:
            ctr_process_free. */
CTR_API ctr_code ctr_process_new(const ctr_plan *plan, const ctr_process_desc *desc,
                                 ctr_process **ret_process, ctr_err *err);

/* Starts it: clones, walks the plan on both sides, returns when the program of process.args has
   been executed.
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

/* Sends a signal through the pidfd: never to a process that took over the pid.
   Returns: CTR_OK; CTR_E_STATE when it is not running; CTR_E_SYS. */
CTR_API ctr_code ctr_process_signal(ctr_process *process, int signal, ctr_err *err);

/* Waits until it has ended and reaps it; waiting again gives the same answer.
   Returns: CTR_OK; CTR_E_STATE when it was not started; CTR_E_SYS, with ECHILD when somebody else
            reaped it, or the caller ignores SIGCHLD: then its status is lost. */
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
   Returns: as those calls do; *ret_exit is written on CTR_OK only. */
CTR_API ctr_code ctr_run(const ctr_config *config, const ctr_plan_desc *plan_desc,
                         const ctr_process_desc *process_desc, ctr_exit *ret_exit, ctr_err *err);

/* ==== [SECTION] api/container.h =============================================================== */
/* ---- container: the lifecycle of OCI runtime.md, kept on disk -------------------------------- */

/* A container: a process with a name, whose state is kept in a directory so that any process of the
   same user can find it again. A handle is one caller's view of it; freeing it changes nothing. */
typedef struct ctr_container ctr_container;

typedef enum ctr_status { /* runtime.md "State"; paused is what every runtime adds */
  CTR_STATUS_CREATING = 1,
  CTR_STATUS_CREATED, /* everything is there, the program waits to be started */
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
                       of the machine, else $XDG_RUNTIME_DIR/ctr                                  */
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

/* The same, and its program is executed without a stop in between: when this returns, the container
   is running and the poststart hooks have run. */
CTR_API ctr_code ctr_container_run(const ctr_config *config, const char *id,
                                   const ctr_container_desc *desc, ctr_container **ret_container,
                                   ctr_err *err);

/* Finds a container again.
   root:    as in ctr_container_desc; NULL: the default.
   Returns: CTR_OK; CTR_E_NOT_FOUND; CTR_E_CORRUPT when its state cannot be read: such a container
            can only be deleted, by ctr_container_delete_id; CTR_E_ARG for a bad id; CTR_E_SYS. */
CTR_API ctr_code ctr_container_open(const char *root, const char *id,
                                    ctr_container **ret_container, ctr_err *err);

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
   Returns: CTR_OK when it is executed; CTR_E_STATE when it is not in the state created; else the
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
  bool no_new_session;  /* as in ctr_plan_desc */
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

/* ==== [SECTION] api/stats.h =================================================================== */
/* ---- statistics and events: what the kernel counts of a container, and what it tells --------- */
/* The structs are what `runc events --stats` prints, with dots instead of braces, whatever version
   of cgroups it comes from: values of v2 are brought to that form. A ctr_uint that is not set is
   one that this kernel, or this container's cgroups, do not have; UINT64_MAX as a limit is none.
   Values of different files are not from the same moment. */

/* Values by the names the kernel gives them, in its order. */
typedef struct ctr_counter {
  const char *name;
  uint64_t value;
} ctr_counter;

typedef struct ctr_counters {
  const ctr_counter *items;
  size_t count;
} ctr_counters;

typedef struct ctr_numbers {
  const uint64_t *items;
  size_t count;
} ctr_numbers;

/* How much of the time tasks stood still for want of something (kernel doc accounting/psi.rst). */
typedef struct ctr_stall {
  bool set;
  double avg10, avg60, avg300; /* percent of the last 10, 60, 300 seconds */
  uint64_t total;              /* microseconds                            */
} ctr_stall;

typedef struct ctr_pressure {
  ctr_stall some, full; /* some tasks, or all that had something to do; from cgroup v2 only */
} ctr_pressure;

/* -- cpu: times in nanoseconds -- */

typedef struct ctr_cpu_usage {
  ctr_uint total, kernel, user;
  ctr_numbers percpu, percpu_kernel, percpu_user; /* by number of the CPU; of v1 only */
} ctr_cpu_usage;

typedef struct ctr_cpu_throttling { /* by its quota (kernel doc scheduler/sched-bwc.rst) */
  ctr_uint periods, throttledPeriods, throttledTime;
  ctr_uint burstPeriods, burstTime; /* in which it used up what was left of earlier ones */
} ctr_cpu_throttling;

typedef struct ctr_cpu_stats {
  ctr_cpu_usage usage;
  ctr_cpu_throttling throttling;
  ctr_pressure psi;
} ctr_cpu_stats;

/* Where it may run (cpusets(7)); of v2: cpus and mems, as they take effect. */
typedef struct ctr_cpuset_stats {
  ctr_ids cpus, mems;
  ctr_uint cpu_exclusive, mem_hardwall, mem_exclusive, memory_migrate, memory_spread_page,
      memory_spread_slab, memory_pressure, sched_load_balance;
  ctr_int sched_relax_domain_level;
} ctr_cpuset_stats;

/* -- memory: bytes (kernel doc cgroup-v1/memory.rst, cgroup-v2.rst "Memory") -- */

typedef struct ctr_memory_entry {
  ctr_uint limit, usage, max; /* max: the most that usage has ever been */
  ctr_uint failcnt;           /* how often the limit was hit            */
} ctr_memory_entry;

typedef struct ctr_memory_events { /* how often; of v1: oom_kill alone, of the cgroup itself */
  ctr_uint low, high, max, oom;
  ctr_uint oom_kill, oom_group_kill; /* processes that were killed, and whole groups of them */
} ctr_memory_events;

typedef struct ctr_memory_stats {
  ctr_uint cache; /* of files */
  ctr_memory_entry usage;
  ctr_memory_entry swap;              /* and memory: v1's memsw; of v2 the sums, without max */
  ctr_memory_entry swapOnly;          /* of v2 only                                          */
  ctr_memory_entry kernel, kernelTCP; /* of v1 only                                          */
  ctr_memory_events events;
  ctr_counters raw; /* all of memory.stat */
  ctr_pressure psi;
} ctr_memory_stats;

/* -- the others -- */

typedef struct ctr_pids_stats {
  ctr_uint current, limit; /* processes and threads */
} ctr_pids_stats;

typedef struct ctr_io_entry {
  uint32_t major_, minor_; /* of a block device                                             */
  const char *op;          /* "Read", "Write", "Sync", "Async", "Discard", "Total", or NULL */
  uint64_t value;
} ctr_io_entry;

typedef struct ctr_io_entries {
  const ctr_io_entry *items;
  size_t count;
} ctr_io_entries;

/* Bytes, numbers of operations, nanoseconds, 512-byte sectors; with all cgroups below. The first
   two are what every kernel has. */
typedef struct ctr_io_stats {
  ctr_io_entries ioServiceBytesRecursive, ioServicedRecursive, ioQueueRecursive,
      ioServiceTimeRecursive, ioWaitTimeRecursive, ioMergedRecursive, ioTimeRecursive,
      sectorsRecursive;
  ctr_pressure psi;
} ctr_io_stats;

typedef struct ctr_hugetlb_stats {
  const char *key;                     /* page size as the kernel writes it: "2MB" */
  ctr_uint limit, usage, max, failcnt; /* as in ctr_memory_entry; max is of v1 only */
} ctr_hugetlb_stats;

typedef struct ctr_hugetlb_list {
  const ctr_hugetlb_stats *items;
  size_t count;
} ctr_hugetlb_list;

typedef struct ctr_rdma_entry {
  const char *device;
  ctr_uint hca_handles, hca_objects;
} ctr_rdma_entry;

typedef struct ctr_rdma_entries {
  const ctr_rdma_entry *items;
  size_t count;
} ctr_rdma_entries;

typedef struct ctr_rdma_stats {
  ctr_rdma_entries limit, current;
} ctr_rdma_stats;

typedef struct ctr_interface_stats {
  const char *name; /* any bytes but NUL, '/', ':' and blanks: the container chooses it */
  uint64_t rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped;
} ctr_interface_stats;

typedef struct ctr_interfaces {
  const ctr_interface_stats *items;
  size_t count;
} ctr_interfaces;

typedef struct ctr_stats {
  ctr_cpu_stats cpu;
  ctr_cpuset_stats cpuset;
  ctr_memory_stats memory;
  ctr_pids_stats pids;
  ctr_io_stats blkio;
  ctr_hugetlb_list hugetlb;
  ctr_rdma_stats rdma;
  ctr_interfaces network_interfaces;
} ctr_stats;

/* Reads what there is to know of a container now, from those cgroups that are its own; of its
   network interfaces, at most 1024, only while it runs, and if its network namespace is known to
   be another than the caller's. After its end the rest can be read until it is deleted.
   arena:     receives lists and strings.
   ret_stats: written on CTR_OK only.
   Returns:   CTR_OK; CTR_E_STATE when it is stopped and its cgroups are gone; CTR_E_SYS with the
              file that could not be read, EPROTO when it is not of the form that the kernel's
              documentation says; CTR_E_NOMEM; CTR_E_ARG.
   Source:    kernel doc cgroup-v2.rst, cgroup-v1/, accounting/psi.rst; proc_pid_net(5). */
CTR_API ctr_code ctr_container_stats(ctr_container *container, ctr_arena *arena,
                                     ctr_stats *ret_stats, ctr_err *err);

/* Turns statistics into JSON as engines read it (the data of `runc events --stats`), with what we
   know besides under names of our own: limits of huge pages, memory.events, memory.swapOnly, rdma.
   Strings are copied; bytes of names that are not UTF-8 become '?'.
   Returns: CTR_OK, CTR_E_NOMEM or CTR_E_ARG. */
CTR_API ctr_code ctr_stats_to_json(ctr_arena *arena, const ctr_stats *stats, ctr_json **ret_value,
                                   ctr_err *err);

/* Returns the value of that name, not set when there is none: of memory.raw, "total_rss" (v1),
   "anon" (v2). */
CTR_API ctr_uint ctr_counters_get(const ctr_counters *counters, const char *name);

/* -- events -- */

typedef enum ctr_watch_kind {
  CTR_WATCH_EMPTY = 1, /* that no process is left in it                                 */
  CTR_WATCH_OOM,       /* that it ran out of the memory it may use; needs one of its cgroups
                          to have the memory controller                                 */
  CTR_WATCH_PRESSURE,  /* that its tasks stood still for long; needs a cgroup of v2     */
} ctr_watch_kind;

typedef enum ctr_resource {
  CTR_RESOURCE_CPU = 1,
  CTR_RESOURCE_MEMORY,
  CTR_RESOURCE_IO
} ctr_resource;

typedef struct ctr_watch_desc {
  ctr_watch_kind kind;
  /* Of CTR_WATCH_PRESSURE: tell when some tasks, or with full all of them, have stood still for so
     long within such a window. */
  ctr_resource resource;
  bool full;
  uint32_t stall_us;  /* microseconds, at most window_us                                       */
  uint32_t window_us; /* microseconds, at most 10 seconds, before Linux 6.4 at least 500000;
                         without CAP_SYS_RESOURCE a multiple of 2 seconds                      */
} ctr_watch_desc;

/* One thing that is watched for, with a descriptor for an event loop. */
typedef struct ctr_watch ctr_watch;

/* What has happened since it was asked last, or since the watch was made. */
typedef struct ctr_watch_report {
  uint64_t ooms;       /* of OOM: processes killed for it (v2); how often the limit was met with
                          nothing left to reclaim, just before one is killed (v1)               */
  uint64_t stalled_us; /* of PRESSURE: how long they have stood still, microseconds             */
  bool over;           /* no process is left, or the cgroup is gone: nothing more will happen   */
} ctr_watch_report;

/* Begins to watch a running container. The watch lives on without the handle.
   desc:    borrowed for the call.
   Returns: CTR_OK, and *ret_watch is the caller's: ctr_watch_free. CTR_E_STATE when the container
            is stopped; CTR_E_UNSUPPORTED when it has no cgroup to ask, or none with what is needed,
            or the kernel has no PSI; CTR_E_ARG for a desc that makes no sense, also to the kernel;
            CTR_E_SYS; CTR_E_NOMEM.
   Source:  cgroup-v2.rst "memory.events"; cgroup-v1/memory.rst "OOM Control";
            accounting/psi.rst. Neither v1 (cgroups(7), release_agent) nor v2 (cgroup.events, which
            may come too late) tells surely when a cgroup becomes empty: the end of one process in
            it after the other is waited for. */
CTR_API ctr_code ctr_container_watch(ctr_container *container, const ctr_watch_desc *desc,
                                     ctr_watch **ret_watch, ctr_err *err);

/* A descriptor that is readable (POLLIN) when something may have happened: ctr_watch_read then
   says what, which may be nothing, and makes it quiet until the next time. Stays the watch's. Not
   to be read. */
CTR_API int ctr_watch_fd(const ctr_watch *watch);

/* Says what has happened, without waiting. After a report that is over the descriptor stays quiet
   for ever; all that comes then is the same report without numbers.
   Returns: CTR_OK; CTR_E_SYS, or CTR_E_UNSUPPORTED when only processes are left that the caller's
            pid namespace does not show: then the report is untouched, and the watch of no use. */
CTR_API ctr_code ctr_watch_read(ctr_watch *watch, ctr_watch_report *ret_report, ctr_err *err);

/* Ends the watch, closes its descriptor. NULL is fine. */
CTR_API void ctr_watch_free(ctr_watch *watch);

/* ==== [SECTION] api/program.h ================================================================= */
/* ---- program: the caller's own, kept from what it contains ----------------------------------- */

/* Where code inside a container could write to the caller's program by /proc/PID/exe
   (CVE-2019-5736), a child lets go of that file before it can be seen. A kernel without
   CONFIG_CHECKPOINT_RESTORE cannot do that, and plans that need it are refused; a program that is
   to run there calls this first in main(). It executes a copy of the running program in memory,
   sealed against writing, in the place of it: the process, its descriptors and its environment
   stay, and main() begins again. The memory is that of the whole file, and what looks for it by
   /proc/self/exe, such as $ORIGIN of ld.so(8), finds the copy.
   argv:    that of main().
   always:  also where the kernel can do without: then nothing is done for any container.
   Returns: CTR_OK, when there is nothing to do: nobody can write to it, as when it is the copy
            already, or the kernel can do without and always is not set. CTR_E_SYS; CTR_E_ARG.
   Source:  memfd_create(2), F_ADD_SEALS(2const). */
CTR_API ctr_code ctr_seal_program(char **argv, bool always, ctr_err *err);

#ifdef __cplusplus
}
#endif
#endif /* CTR_H_INCLUDED */

#if defined CTR_IMPLEMENTATION && !defined CTR_IMPLEMENTATION_INCLUDED
#define CTR_IMPLEMENTATION_INCLUDED
#ifdef __cplusplus
#error "ctr.h: the implementation is C; put CTR_IMPLEMENTATION into a .c file"
#endif

#if __STDC_VERSION__ < 201112L
#error "ctr.h: the implementation needs C11 or newer (-std=gnu11)"
#endif

/* ==== [SECTION] base/libc.c =================================================================== */
/* libc only: kernel headers and libc headers redefine each other's names on one libc or another,
   so what the kernel adds is declared by ourselves, under our own names (base/sys.c). */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <net/if.h>
#include <time.h>
#include <unistd.h>

#ifdef CTR_WITH_LIBSECCOMP
#include <seccomp.h>
#endif

#if !defined CLONE_NEWNS || !defined O_PATH
#error "ctr.h: define _GNU_SOURCE (or CTR_IMPLEMENTATION) before the first #include of this file"
#endif

#if defined CTR_MALLOC != defined CTR_FREE
#error "ctr.h: define both of CTR_MALLOC and CTR_FREE, or none"
#endif
#ifndef CTR_MALLOC
#define CTR_MALLOC(size) malloc(size)
#define CTR_FREE(ptr)    free(ptr)
#endif

/* ==== [SECTION] base/arena.c ================================================================== */
/* The arena: blocks of doubling size up to a limit: small uses stay small; freed together. */

struct ctr_block_ {
  struct ctr_block_ *next;
  size_t size, used; /* of data, bytes */
  _Alignas(max_align_t) unsigned char data[];
};

enum { CTR__BLOCK_MIN = 4096 - (int)sizeof(struct ctr_block_), CTR__BLOCK_MAX = 1 << 15 };

static struct ctr_block_ *ctr__block_new(ctr_arena *arena, size_t size) {
  if (size > SIZE_MAX - sizeof(struct ctr_block_)) return NULL;
  struct ctr_block_ *block = CTR_MALLOC(sizeof *block + size);
  if (!block) return NULL;
  block->next = arena->blocks_;
  block->size = size;
  block->used = 0;
  arena->blocks_ = block;
  arena->bytes += sizeof *block + size;
  return block;
}

void *ctr_arena_alloc(ctr_arena *arena, size_t size) {
  const size_t align = _Alignof(max_align_t);
  if (size > SIZE_MAX - align) return NULL;
  size = (size + align - 1) & ~(align - 1);
  struct ctr_block_ *block = arena->blocks_;
  if (!block || block->size - block->used < size) {
    size_t want = block ? block->size * 2 : (size_t)CTR__BLOCK_MIN;
    if (want > CTR__BLOCK_MAX) want = CTR__BLOCK_MAX;
    if (want < size) want = size;
    block = ctr__block_new(arena, want);
    if (!block) return NULL;
  }
  void *ptr = block->data + block->used;
  block->used += size;
  return memset(ptr, 0, size);
}

void ctr_arena_free(ctr_arena *arena) {
  if (!arena) return;
  for (struct ctr_block_ *block = arena->blocks_, *next; block; block = next) {
    next = block->next;
    CTR_FREE(block);
  }
  *arena = (ctr_arena){0};
}

/* size of one times count, zeroed, or NULL: also when the product overflows. */
static void *ctr__arena_array(ctr_arena *arena, size_t count, size_t size) {
  return size && count > SIZE_MAX / size ? NULL : ctr_arena_alloc(arena, count * size);
}

static char *ctr__arena_strndup(ctr_arena *arena, const char *text, size_t len) {
  char *copy = len == SIZE_MAX ? NULL : ctr_arena_alloc(arena, len + 1);
  return copy ? memcpy(copy, text, len) : NULL;
}

static char *ctr__arena_strdup(ctr_arena *arena, const char *text) {
  return ctr__arena_strndup(arena, text, strlen(text));
}

/* Text that grows, NUL-terminated; a ctr_sink. */
typedef struct ctr__string {
  ctr_arena *arena;
  char *text;
  size_t len, room;
  bool nomem;
} ctr__string;

static int ctr__string_sink(void *userdata, const char *text, size_t len) {
  ctr__string *s = userdata;
  if (len >= s->room - s->len || !s->room) {
    size_t room = (s->len + len + 64) * 2;
    char *bigger = ctr_arena_alloc(s->arena, room);
    s->nomem |= !bigger;
    if (!bigger) return 1;
    if (s->len) memcpy(bigger, s->text, s->len);
    s->text = bigger;
    s->room = room;
  }
  memcpy(s->text + s->len, text, len);
  s->len += len;
  s->text[s->len] = '\0';
  return 0;
}

/* vsnprintf(3) into the arena; NULL without memory. */
__attribute__((format(printf, 2, 0))) static char *
ctr__arena_vprintf(ctr_arena *arena, const char *format, va_list args) {
  char buf[128]; /* mostly it fits, and is formatted once */
  va_list again;
  va_copy(again, args);
  int len = vsnprintf(buf, sizeof buf, format, args);
  char *text = len < 0 ? NULL : ctr_arena_alloc(arena, (size_t)len + 1);
  if (text && (size_t)len < sizeof buf) memcpy(text, buf, (size_t)len + 1);
  if (text && (size_t)len >= sizeof buf) vsnprintf(text, (size_t)len + 1, format, again);
  va_end(again);
  return text;
}

/* ==== [SECTION] base/error.c ================================================================== */
/* Errors are for people: one line that names the field, what was tried, what the kernel said. */

static const char *const ctr__code_names[] = {
    [CTR_OK] = "CTR_OK",
    [CTR_E_ARG] = "CTR_E_ARG",
    [CTR_E_NOMEM] = "CTR_E_NOMEM",
    [CTR_E_JSON] = "CTR_E_JSON",
    [CTR_E_CONFIG] = "CTR_E_CONFIG",
    [CTR_E_UNSUPPORTED] = "CTR_E_UNSUPPORTED",
    [CTR_E_SYS] = "CTR_E_SYS",
    [CTR_E_STATE] = "CTR_E_STATE",
    [CTR_E_PROTOCOL] = "CTR_E_PROTOCOL",
    [CTR_E_EXISTS] = "CTR_E_EXISTS",
    [CTR_E_NOT_FOUND] = "CTR_E_NOT_FOUND",
    [CTR_E_CORRUPT] = "CTR_E_CORRUPT",
};

const char *ctr_code_name(ctr_code code) {
  size_t i = (size_t)code;
  return i < sizeof ctr__code_names / sizeof *ctr__code_names ? ctr__code_names[i] : "unknown";
}

/* glibc under _GNU_SOURCE returns the text, POSIX (musl) fills the buffer and returns 0. */
static const char *ctr__strerror_gnu(const char *text, const char *buf) {
  (void)buf;
  return text;
}
static const char *ctr__strerror_posix(int failed, const char *buf) {
  return failed ? "unknown error" : buf;
}
#define CTR__STRERROR(number, buf)                                                                 \
  _Generic(strerror_r(number, buf, sizeof buf),                                                    \
      int: ctr__strerror_posix,                                                                    \
      char *: ctr__strerror_gnu)(strerror_r(number, buf, sizeof buf), buf)

/* Fails that were found, as opposed to caused by, a control character stay one line. */
static void ctr__one_line(char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = '?';
}

/* Appends to err->msg, cutting what does not fit. */
__attribute__((format(printf, 2, 0))) static void ctr__err_vadd(ctr_err *err, const char *format,
                                                                va_list args) {
  size_t used = strlen(err->msg);
  vsnprintf(err->msg + used, sizeof err->msg - used, format, args);
  ctr__one_line(err->msg + used);
}

__attribute__((format(printf, 2, 3))) static void ctr__err_add(ctr_err *err, const char *format,
                                                               ...) {
  va_list args;
  va_start(args, format);
  ctr__err_vadd(err, format, args);
  va_end(args);
}

static void ctr__err_clear(ctr_err *err) {
  if (err) *err = (ctr_err){0};
}

/* Fills err with "FIELD: TEXT: what errno means" and returns code, so that a failing site is one
   return. field may be NULL, sys 0. err may be NULL. */
__attribute__((format(printf, 5, 6))) static ctr_code
ctr__fail(ctr_err *err, ctr_code code, int sys, const char *field, const char *format, ...) {
  if (!err) return code;
  ctr__err_clear(err);
  err->code = code;
  err->sys = sys;
  if (field && *field) {
    snprintf(err->field, sizeof err->field, "%s", field);
    ctr__one_line(err->field);
    ctr__err_add(err, "%s: ", field);
  }
  va_list args;
  va_start(args, format);
  ctr__err_vadd(err, format, args);
  va_end(args);
  char buf[128];
  if (sys) ctr__err_add(err, ": %s", CTR__STRERROR(sys, buf));
  return code;
}

/* What err says without its field: where the two are shown apart. */
static const char *ctr__err_text(const ctr_err *err) {
  size_t field = strlen(err->field);
  bool leads =
      field && !strncmp(err->msg, err->field, field) && !strncmp(err->msg + field, ": ", 2);
  return err->msg + (leads ? field + 2 : 0);
}

static ctr_code ctr__nomem(ctr_err *err) {
  return ctr__fail(err, CTR_E_NOMEM, 0, NULL, "out of memory");
}

__attribute__((format(printf, 4, 5))) static void
ctr__log(const ctr_log *log, ctr_level level, const char *field, const char *format, ...) {
  if (!log || !log->fn) return;
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  ctr__one_line(text);
  log->fn(log->userdata, level, field, text);
}

/* ==== [SECTION] base/sys.c ==================================================================== */
/* System calls as bare as they come: each returns its result or -errno. What libc may lack is
   declared here; what libc would do more than asked (setuid(2) signals every thread of the caller)
   is called by number. Everything in this file may be used between clone and execve. */

#ifdef __alpha__
#define CTR__NR(number) ((number) + 110)
#elif defined __mips__ && _MIPS_SIM == _MIPS_SIM_ABI32
#define CTR__NR(number) ((number) + 4000)
#elif defined __mips__ && _MIPS_SIM == _MIPS_SIM_ABI64
#define CTR__NR(number) ((number) + 5000)
#elif defined __mips__
#define CTR__NR(number) ((number) + 6000)
#else
#define CTR__NR(number) (number)
#endif

/* One number on every architecture, from 424 on (syscalls(2)). */
enum {
  CTR__SYS_pidfd_send_signal = CTR__NR(424),
  CTR__SYS_open_tree = CTR__NR(428),
  CTR__SYS_move_mount = CTR__NR(429),
  CTR__SYS_fsopen = CTR__NR(430),
  CTR__SYS_fsconfig = CTR__NR(431),
  CTR__SYS_fsmount = CTR__NR(432),
  CTR__SYS_fspick = CTR__NR(433),
  CTR__SYS_pidfd_open = CTR__NR(434),
  CTR__SYS_clone3 = CTR__NR(435),
  CTR__SYS_close_range = CTR__NR(436),
  CTR__SYS_openat2 = CTR__NR(437),
  CTR__SYS_mount_setattr = CTR__NR(442),
  CTR__SYS_landlock_create_ruleset = CTR__NR(444),
  CTR__SYS_landlock_add_rule = CTR__NR(445),
  CTR__SYS_landlock_restrict_self = CTR__NR(446),
};

/* 32-bit i386 and arm have a 16-bit call under the plain name. */
#ifdef SYS_setresuid32
enum {
  CTR__SYS_setresuid = SYS_setresuid32,
  CTR__SYS_setresgid = SYS_setresgid32,
  CTR__SYS_setgroups = SYS_setgroups32
};
#else
enum {
  CTR__SYS_setresuid = SYS_setresuid,
  CTR__SYS_setresgid = SYS_setresgid,
  CTR__SYS_setgroups = SYS_setgroups
};
#endif

static long ctr__ret(long result) {
  return result < 0 ? -errno : result;
}
#define CTR__CALL(...) ctr__ret(syscall(__VA_ARGS__))

/* -- descriptors -- */

static void ctr__close(int *fd) {
  int saved = errno;
  if (*fd >= 0) close(*fd);
  *fd = -1;
  errno = saved;
}
#define CTR__AUTO_CLOSE __attribute__((cleanup(ctr__close))) int

static int ctr__steal_fd(int *fd) {
  int stolen = *fd;
  *fd = -1;
  return stolen;
}

/* Moves a new descriptor out of the way of the standard streams: a caller may have closed those.
   Passes -errno through; closes fd on failure. */
static int ctr__fd_high(int fd) {
  if (fd < 0 || fd > 2) return fd;
  int high = (int)ctr__ret(fcntl(fd, F_DUPFD_CLOEXEC, 3));
  close(fd);
  return high;
}

/* Both ends close-on-exec and out of the way of the standard streams. */
static int ctr__pipe(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  for (int i = 0; i < 2; i++) ends[i] = ctr__fd_high(ends[i]);
  if (ends[0] >= 0 && ends[1] >= 0) return 0;
  int r = ends[0] < 0 ? ends[0] : ends[1];
  ctr__close(&ends[0]);
  ctr__close(&ends[1]);
  return r;
}

struct ctr__open_how {
  uint64_t flags, mode, resolve;
};

/* openat2(2) */
enum {
  CTR__RESOLVE_NO_XDEV = 0x01,
  CTR__RESOLVE_NO_MAGICLINKS = 0x02,
  CTR__RESOLVE_NO_SYMLINKS = 0x04,
  CTR__RESOLVE_BENEATH = 0x08,
  CTR__RESOLVE_IN_ROOT = 0x10,
};

/* Linux 5.6. The only way paths inside a container are opened: no fallback is as safe. Retried on
   EAGAIN: the kernel saw a rename while it walked and could not tell whether ".." stayed inside. */
static int ctr__openat2(int dir, const char *path, uint64_t flags, uint64_t mode,
                        uint64_t resolve) {
  struct ctr__open_how how = {flags | O_CLOEXEC, mode, resolve};
  long fd;
  int tries = 0;
  do fd = CTR__CALL(CTR__SYS_openat2, dir, path, &how, sizeof how);
  while (fd == -EAGAIN && tries++ < 128);
  return ctr__fd_high((int)fd);
}

static int ctr__open(int dir, const char *path, int flags, mode_t mode) {
  return ctr__fd_high((int)ctr__ret(openat(dir, path, flags | O_CLOEXEC, mode)));
}

/* What poll(2) says at once. Also with a timeout of 0 a signal that comes makes it EINTR. */
static int ctr__poll_now(struct pollfd *fds, nfds_t count) {
  int n;
  do n = poll(fds, count, 0);
  while (n < 0 && errno == EINTR);
  return n;
}

static int ctr__write_all(int fd, const char *data, size_t len) {
  while (len) {
    ssize_t n = write(fd, data, len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    data += n;
    len -= (size_t)n;
  }
  return 0;
}

/* A descriptor (unix(7), SCM_RIGHTS) with a packet, or the beginning of a text: how much of it. */
static ssize_t ctr__send_with_fd(int sock, const void *data, size_t len, int fd) {
  union {
    struct cmsghdr head;
    char buf[CMSG_SPACE(sizeof(int))];
  } control = {0};
  control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd),
                                  .cmsg_level = SOL_SOCKET,
                                  .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
  struct iovec iov = {(void *)(uintptr_t)data, len};
  struct msghdr packet = {.msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof control.buf};
  ssize_t n;
  do n = sendmsg(sock, &packet, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : n;
}

/* -- mounts: the descriptor-based calls of Linux 5.2, mount_setattr(2) of 5.12 -- */

enum {
  CTR__OPEN_TREE_CLONE = 1,
  CTR__AT_RECURSIVE = 0x8000,
  CTR__MOVE_MOUNT_F_EMPTY_PATH = 0x04,
  CTR__MOVE_MOUNT_T_EMPTY_PATH = 0x40,
  CTR__FSCONFIG_SET_FLAG = 0,
  CTR__FSCONFIG_SET_STRING = 1,
  CTR__FSCONFIG_CMD_CREATE = 6,
  CTR__FSCONFIG_CMD_RECONFIGURE = 7,
  CTR__FSPICK_EMPTY_PATH = 0x08,
  CTR__FSCONFIG_STRING_MAX = 255, /* a longer value is refused with EINVAL */
};

enum {
  CTR__ATTR_RDONLY = 0x01,
  CTR__ATTR_NOSUID = 0x02,
  CTR__ATTR_NODEV = 0x04,
  CTR__ATTR_NOEXEC = 0x08,
  CTR__ATTR_ATIME = 0x70, /* a field of three values, relatime being 0 */
  CTR__ATTR_NOATIME = 0x10,
  CTR__ATTR_STRICTATIME = 0x20,
  CTR__ATTR_NODIRATIME = 0x80,
  CTR__ATTR_IDMAP = 0x100000,
  CTR__ATTR_NOSYMFOLLOW = 0x200000,
};

/* The same for mount(2), and as statfs(2) reports it. */
static const struct ctr__attr_flag {
  uint64_t attr;
  unsigned long ms, st;
} ctr__attr_flags[] = {
    {CTR__ATTR_RDONLY, MS_RDONLY, ST_RDONLY},
    {CTR__ATTR_NOSUID, MS_NOSUID, ST_NOSUID},
    {CTR__ATTR_NODEV, MS_NODEV, ST_NODEV},
    {CTR__ATTR_NOEXEC, MS_NOEXEC, ST_NOEXEC},
    {CTR__ATTR_NOATIME, MS_NOATIME, ST_NOATIME},
    {CTR__ATTR_STRICTATIME, MS_STRICTATIME, 0},
    {CTR__ATTR_NODIRATIME, MS_NODIRATIME, ST_NODIRATIME},
    {CTR__ATTR_NOSYMFOLLOW, 256 /* MS_NOSYMFOLLOW */, 0x2000 /* ST_NOSYMFOLLOW */},
};

/* Attributes as mount(2) takes them; none of the three kinds of access times is relatime. */
static uint64_t ctr__ms_flags(uint64_t attr) {
  uint64_t flags = 0;
  for (size_t i = 0; i < sizeof ctr__attr_flags / sizeof *ctr__attr_flags; i++)
    if (attr & ctr__attr_flags[i].attr) flags |= ctr__attr_flags[i].ms;
  return flags;
}

struct ctr__mount_attr {
  uint64_t attr_set, attr_clr, propagation, userns_fd;
};

/* Which mount a descriptor of its top is of. No two mounts have the same as long as both are there;
   before Linux 5.8, which has no id to ask for, no two of different directories. */
typedef struct ctr__mount_id {
  uint64_t id, dev, ino; /* all 0: it is not the top of a mount */
} ctr__mount_id;

static int ctr__mount_id_of(int fd, ctr__mount_id *ret) {
  enum { INO = 0x100, MNT_ID = 0x1000, MOUNT_ROOT = 0x2000, DONT_SYNC = 0x4000 }; /* statx(2) */
  struct {
    uint32_t mask, blksize;
    uint64_t attributes, ids[2], ino, more[3], times[8];
    uint32_t rdev[2], dev[2];
    uint64_t mnt_id, rest[13];
  } st = {.mask = 0};
  int r = (int)CTR__CALL(SYS_statx, fd, "", AT_EMPTY_PATH | DONT_SYNC, INO | MNT_ID, &st);
  if (r < 0) return r;
  if (!(st.mask & MNT_ID))
    *ret = (ctr__mount_id){0, (uint64_t)st.dev[0] << 32 | st.dev[1], st.ino};
  else
    *ret = (ctr__mount_id){.id = st.attributes & MOUNT_ROOT ? st.mnt_id : 0};
  return 0;
}

static bool ctr__is_same_mount(const ctr__mount_id *a, const ctr__mount_id *b) {
  return (a->id || a->ino) && a->id == b->id && a->dev == b->dev && a->ino == b->ino;
}

/* A detached copy of the mount (or mounts) at dir/path. */
static int ctr__open_tree(int dir, const char *path, unsigned flags) {
  return ctr__fd_high(
      (int)CTR__CALL(CTR__SYS_open_tree, dir, path, flags | CTR__OPEN_TREE_CLONE | O_CLOEXEC));
}

static int ctr__move_mount(int tree, int target) {
  return (int)CTR__CALL(CTR__SYS_move_mount, tree, "", target, "",
                        CTR__MOVE_MOUNT_F_EMPTY_PATH | CTR__MOVE_MOUNT_T_EMPTY_PATH);
}

static int ctr__mount_setattr(int fd, unsigned flags, uint64_t set, uint64_t clr,
                              uint64_t propagation) {
  struct ctr__mount_attr attr = {set, clr, propagation, 0};
  return (int)CTR__CALL(CTR__SYS_mount_setattr, fd, "", (unsigned)AT_EMPTY_PATH | flags, &attr,
                        sizeof attr);
}

/* Shows the ids of a detached mount, and with CTR__AT_RECURSIVE of those below, as the maps of a
   user namespace say. */
static int ctr__mount_idmap(int fd, unsigned flags, int userns) {
  struct ctr__mount_attr attr = {CTR__ATTR_IDMAP, 0, 0, (uint64_t)userns};
  return (int)CTR__CALL(CTR__SYS_mount_setattr, fd, "", (unsigned)AT_EMPTY_PATH | flags, &attr,
                        sizeof attr);
}

static int ctr__fsopen(const char *type) {
  return ctr__fd_high((int)CTR__CALL(CTR__SYS_fsopen, type, 1 /* FSOPEN_CLOEXEC */));
}

static int ctr__fsconfig(int fs, unsigned command, const char *key, const char *value) {
  return (int)CTR__CALL(CTR__SYS_fsconfig, fs, command, key, value, 0);
}

static int ctr__fsmount(int fs, uint64_t attr) {
  return ctr__fd_high(
      (int)CTR__CALL(CTR__SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, (unsigned)attr));
}

static int ctr__mount(const char *source, const char *target, const char *type, uint64_t flags,
                      const char *data) {
  return (int)ctr__ret(mount(source, target, type, (unsigned long)flags, data));
}

/* -- processes -- */

struct ctr__clone_args {
  _Alignas(8) uint64_t flags;
  uint64_t pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
      cgroup;
};

enum { CTR__CLONE_PIDFD = 0x1000 };
#define CTR__CLONE_INTO_CGROUP UINT64_C(0x200000000)

/* Linux 5.7: before that the struct was shorter, and more than it is E2BIG. Here no kernel takes
   the signal. */
static bool ctr__has_clone_into_cgroup(void) {
  struct ctr__clone_args args = {.exit_signal = UINT64_MAX, .cgroup = 1};
  return CTR__CALL(CTR__SYS_clone3, &args, sizeof args) == -EINVAL;
}

/* fork(2) with flags and a pidfd, without what libc's fork does: its locks and handlers are not
   ours to run. ret_pid, when not NULL, is set by the kernel before the child runs. cgroup is a
   directory of v2, or -1. Older kernels, and seccomp filters that cannot look into clone3's struct,
   get clone(2), which cannot do that beside a pidfd, nor into a cgroup; the order of its arguments
   is the architecture's. */
static pid_t ctr__clone(uint64_t flags, bool have_clone3, int cgroup, int *ret_pidfd,
                        volatile int32_t *ret_pid) {
  int pidfd = -1;
  if (have_clone3) {
    uint64_t set_pid = ret_pid ? (uint64_t)CLONE_PARENT_SETTID : 0;
    struct ctr__clone_args args = {.flags = flags | CTR__CLONE_PIDFD | set_pid,
                                   .parent_tid = (uint64_t)(uintptr_t)ret_pid,
                                   .pidfd = (uint64_t)(uintptr_t)&pidfd,
                                   .exit_signal = (flags & CLONE_PARENT) ? 0 : SIGCHLD};
    if (cgroup >= 0) {
      args.flags |= CTR__CLONE_INTO_CGROUP;
      args.cgroup = (uint64_t)cgroup;
    }
    long pid = CTR__CALL(CTR__SYS_clone3, &args, sizeof args);
    if (pid >= 0) *ret_pidfd = pidfd;
    if ((pid != -ENOSYS && pid != -EPERM) || cgroup >= 0) return (pid_t)pid;
  }
  unsigned long old = (unsigned long)flags | CTR__CLONE_PIDFD | SIGCHLD;
#if defined __s390__ || defined __cris__
  long pid = CTR__CALL(SYS_clone, 0L, old, &pidfd, 0L, 0L);
#else
  long pid = CTR__CALL(SYS_clone, old, 0L, &pidfd, 0L, 0L);
#endif
  if (pid >= 0) *ret_pidfd = pidfd;
  if (pid > 0 && ret_pid) *ret_pid = (int32_t)pid;
  return (pid_t)pid;
}

/* The kernel's struct rlimit64: musl has none, glibc hides it. */
struct ctr__rlimit {
  uint64_t soft, hard;
};

#ifdef __mips__
enum { CTR__SIGSET_SIZE = 16 };
#else
enum { CTR__SIGSET_SIZE = 8 }; /* of the kernel's sigset_t, bytes */
#endif

/* pid 0: ourselves. */
static int ctr__sched_setattr(pid_t pid, const void *attr) {
  return (int)CTR__CALL(SYS_sched_setattr, pid, attr, 0);
}

static int ctr__ioprio_set(pid_t pid, uint64_t class_, uint64_t level) {
  return (int)CTR__CALL(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, pid,
                        (int)(class_ << 13 /* IOPRIO_CLASS_SHIFT */ | level));
}

/* Of the calling thread. By number: libc would leave out the signals it keeps to itself. */
static int ctr__sigmask(const uint64_t set[2], uint64_t ret_before[2]) {
  return (int)CTR__CALL(SYS_rt_sigprocmask, SIG_SETMASK, set, ret_before, (size_t)CTR__SIGSET_SIZE);
}

/* Clones with every signal blocked, and leaves them so in the child: no handler of the caller's is
   to run there. */
static pid_t ctr__clone_blocked(uint64_t flags, bool have_clone3, int cgroup, int *ret_pidfd) {
  const uint64_t all[2] = {UINT64_MAX, UINT64_MAX};
  uint64_t before[2];
  int r = ctr__sigmask(all, before);
  if (r < 0) return r;
  pid_t pid = ctr__clone(flags, have_clone3, cgroup, ret_pidfd, NULL);
  if (pid != 0) ctr__sigmask(before, NULL);
  return pid;
}

/* Linux 5.4. */
static int ctr__waitid(int pidfd, siginfo_t *info, int options) {
  int r;
  do r = waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, info, WEXITED | options);
  while (r < 0 && errno == EINTR);
  return r < 0 ? -errno : 0;
}

static int ctr__reap(int pidfd, ctr_exit *ret_exit) {
  siginfo_t info = {0};
  int r = ctr__waitid(pidfd, &info, 0);
  if (r < 0) return r;
  if (info.si_code == CLD_EXITED)
    *ret_exit = (ctr_exit){.code = info.si_status};
  else
    *ret_exit = (ctr_exit){.signal = info.si_status, .core_dumped = info.si_code == CLD_DUMPED};
  return 0;
}

static int ctr__pidfd_signal(int pidfd, int signal) {
  return (int)CTR__CALL(CTR__SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

/* Closes every descriptor from first on but two, which may be -1. Linux 5.9. */
static int ctr__close_all_but(int first, const int kept[2]) {
  const int low = kept[0] < kept[1] ? kept[0] : kept[1],
            high = kept[0] < kept[1] ? kept[1] : kept[0];
  const int ends[2] = {low, high};
  for (int i = 0; i < 2; i++) {
    if (ends[i] < first) continue;
    long r = ends[i] > first
                 ? CTR__CALL(CTR__SYS_close_range, (unsigned)first, (unsigned)ends[i] - 1, 0U)
                 : 0;
    if (r < 0) return (int)r;
    first = ends[i] + 1;
  }
  return (int)CTR__CALL(CTR__SYS_close_range, (unsigned)first, ~0U, 0U);
}

/* One directory entry as getdents64(2) gives it. */
struct ctr__dirent {
  uint64_t ino;
  int64_t offset;
  uint16_t len;
  uint8_t type;
  char name[];
};

/* The same before that: the kernel lists them (no opendir: it allocates). proc: /proc. */
static int ctr__close_listed_but(int proc, int first, const int kept[2]) {
  CTR__AUTO_CLOSE dir =
      ctr__openat2(proc, "self/fd", O_RDONLY | O_DIRECTORY, 0, CTR__RESOLVE_NO_XDEV);
  if (dir < 0) return dir;
  _Alignas(8) char buf[2048];
  for (;;) {
    long n = CTR__CALL(SYS_getdents64, dir, buf, sizeof buf);
    if (n <= 0) return (int)n;
    for (long used = 0; used < n;) {
      const struct ctr__dirent *entry = (const void *)(buf + used);
      used += entry->len;
      int fd = 0;
      for (const char *p = entry->name; *p >= '0' && *p <= '9'; p++) fd = fd * 10 + (*p - '0');
      if (fd >= first && fd != kept[0] && fd != kept[1] && fd != dir) close(fd);
    }
  }
}

/* capget(2) */
static void ctr__own_caps(uint64_t *ret_effective, uint64_t *ret_permitted) {
  struct {
    uint32_t version;
    int32_t pid;
  } head = {0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */, 0};
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2] = {{0}};
  syscall(SYS_capget, &head, data); /* cannot fail for oneself; else: no capability */
  *ret_effective = data[0].effective | (uint64_t)data[1].effective << 32;
  *ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
}

/* memfd_create(2), F_GET_SEALS(2const); MFD_EXEC: Linux 6.3 */
enum {
  CTR__MFD_CLOEXEC = 1,
  CTR__MFD_ALLOW_SEALING = 2,
  CTR__MFD_EXEC = 0x10,
  CTR__F_ADD_SEALS = 1033,
  CTR__F_GET_SEALS = 1034,
  CTR__SEALS = 15, /* nobody seals more, nor shrinks, grows or writes to it */
};

/* PR_SET_MM(2const): the kernel's struct prctl_mm_map. Its tail is a pointer, the size of what that
   points to, and the descriptor of the file: in the sizes of the kernel, whatever ours are. */
enum { CTR__PR_SET_MM = 35, CTR__PR_SET_MM_MAP = 14, CTR__PR_SET_MM_MAP_SIZE = 15 };
typedef struct ctr__mm_map {
  uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack, arg_start,
      arg_end, env_start, env_end;
  uint32_t tail[4];
} ctr__mm_map;

/* How much of that the kernel takes; 0: it has no CONFIG_CHECKPOINT_RESTORE. */
static unsigned ctr__mm_map_size(void) {
  unsigned size = 0;
  const bool known = prctl(CTR__PR_SET_MM, CTR__PR_SET_MM_MAP_SIZE, &size, 0UL, 0UL) == 0;
  return known && size >= offsetof(ctr__mm_map, tail[3]) && size <= sizeof(ctr__mm_map) ? size : 0;
}

/* Whether a process can have another file as its /proc/PID/exe. */
static bool ctr__can_hide_program(void) {
  return ctr__mm_map_size() != 0;
}

/* To a kernel of 64 bits the short tail is a size without a pointer: EINVAL. */
static int ctr__set_exe(ctr__mm_map *map, int fd) {
  const unsigned long size = ctr__mm_map_size();
  int r = -EINVAL;
  for (int i = sizeof(void *) == 4 ? 2 : 3; i < 4 && r == -EINVAL; i++) {
    memset(map->tail, 0, sizeof map->tail);
    map->tail[i] = (uint32_t)fd;
    r = (int)ctr__ret(prctl(CTR__PR_SET_MM, CTR__PR_SET_MM_MAP, map, size, 0UL));
  }
  return r;
}

/* The machine's first user namespace has had the same inode number since Linux 3.8
   (PROC_USER_INIT_INO). */
static bool ctr__in_initial_userns(void) {
  struct stat userns;
  return stat("/proc/self/ns/user", &userns) == 0 && userns.st_ino == 0xEFFFFFFD;
}

/* seccomp(2) */
enum {
  CTR__SECCOMP_SET_MODE_FILTER = 1,
  CTR__SECCOMP_TSYNC = 1,
  CTR__SECCOMP_NEW_LISTENER = 8,
  CTR__SECCOMP_TSYNC_ESRCH = 16,
  CTR__SECCOMP_WAIT_KILLABLE_RECV = 32,
};

/* -- landlock(7), Linux 5.13 -- */

/* A kernel that knows only the first members takes the rest when it is 0. */
struct ctr__landlock_ruleset {
  uint64_t handled_access_fs, handled_access_net, scoped;
};

struct ctr__landlock_path_beneath {
  uint64_t allowed_access;
  int32_t parent_fd;
} __attribute__((packed));

struct ctr__landlock_net_port {
  uint64_t allowed_access, port;
};

static int ctr__landlock_create(const struct ctr__landlock_ruleset *attr) {
  return ctr__fd_high((int)CTR__CALL(CTR__SYS_landlock_create_ruleset, attr, sizeof *attr, 0U));
}

/* Which version of its interface the kernel has; 0: none, or it is not enabled. */
static int ctr__landlock_abi(void) {
  long abi = CTR__CALL(CTR__SYS_landlock_create_ruleset, NULL, (size_t)0,
                       1U /* LANDLOCK_CREATE_RULESET_VERSION */);
  return abi < 0 ? 0 : (int)abi;
}

/* -- numbers as text, without stdio -- */

static char *ctr__put_uint(char *at, uint64_t value) {
  char digits[20];
  int n = 0;
  do digits[n++] = (char)('0' + value % 10);
  while (value /= 10);
  while (n) *at++ = digits[--n];
  return at;
}

static char *ctr__put_int(char *at, int64_t value) {
  if (value < 0) *at++ = '-';
  return ctr__put_uint(at, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

static char *ctr__put_str(char *at, const char *text) {
  size_t len = strlen(text);
  memcpy(at, text, len + 1);
  return at + len;
}

/* ==== [SECTION] base/path.c =================================================================== */
/* Paths inside a container's root, by descriptor: what a hostile image or a neighbour swaps for a
   link while we look can make us fail, never lead us out (CVE-2021-30465, CVE-2024-45310,
   CVE-2026-41579). Everything in this file may be used between clone and execve. */

enum { CTR__IN_ROOT = CTR__RESOLVE_IN_ROOT | CTR__RESOLVE_NO_MAGICLINKS };

static int ctr__path_in_root(int root, const char *path) {
  return ctr__openat2(root, path, O_PATH, 0, CTR__IN_ROOT);
}

/* The next component of path from *at on: its start in *name, its length returned; 0 at the end. */
static size_t ctr__component(const char **at, const char **name) {
  while (**at == '/') ++*at;
  *name = *at;
  while (**at && **at != '/') ++*at;
  return (size_t)(*at - *name);
}

/* The components that a path comes to when no link is in it: how many, and where the last one
   is. */
static size_t ctr__depth(const char *path, const char **ret_last, size_t *ret_len) {
  const char *at = path, *name;
  size_t depth = 0, len;
  while ((len = ctr__component(&at, &name)) != 0) {
    bool up = len == 2 && !memcmp(name, "..", 2);
    if (up) depth -= depth > 0;
    if (up || (len == 1 && *name == '.')) continue;
    depth++;
    *ret_last = name;
    *ret_len = len;
  }
  return depth;
}

static bool ctr__is_root_path(const char *path) {
  const char *last = NULL;
  size_t len = 0;
  return ctr__depth(path, &last, &len) == 0;
}

/* What is made where something is missing: a type and a mode, as stat(2) has them. */
enum { CTR__MAKE_DIR = S_IFDIR | 0755, CTR__MAKE_FILE = S_IFREG | 0644 };

static int ctr__make_one(int dir, const char *name, mode_t what) {
  if (S_ISDIR(what)) return (int)ctr__ret(mkdirat(dir, name, what & 07777));
  int fd = ctr__open(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, what & 07777);
  if (fd >= 0) close(fd);
  return fd < 0 ? fd : 0;
}

/* Something is at the component [start, end) of path (PATH_MAX bytes) and yet could not be opened:
   a link that leads nowhere (/etc/resolv.conf -> /run/... in an image without /run) is replaced by
   what it says, so that the walk goes on there, still inside the root; anything else was made by
   somebody else just now. Either way the walk is to be made again. */
static int ctr__splice_link(int parent, char *path, size_t start, size_t end) {
  char name[NAME_MAX + 1], target[PATH_MAX], rest[PATH_MAX];
  if (end - start >= sizeof name) return -ENAMETOOLONG;
  memcpy(name, path + start, end - start);
  name[end - start] = '\0';
  ssize_t len = readlinkat(parent, name, target, sizeof target);
  if (len < 0) return errno == EINVAL ? 0 : -errno;
  size_t keep = target[0] == '/' ? 0 : start, rest_len = strlen(path + end);
  if (keep + (size_t)len + rest_len >= PATH_MAX) return -ENAMETOOLONG;
  memcpy(rest, path + end, rest_len + 1);
  memcpy(path + keep, target, (size_t)len);
  memcpy(path + keep + (size_t)len, rest, rest_len + 1);
  return 0;
}

/* Makes the component that ends path (cut there) and opens it. What was just made is opened by its
   own name: a link put there since is refused. */
static int ctr__make_and_open(int parent, const char *name, mode_t what) {
  int made = ctr__make_one(parent, name, what);
  if (made < 0) return made;
  return ctr__openat2(parent, name, O_PATH | O_NOFOLLOW, 0,
                      CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_SYMLINKS);
}

/* One walk over path: opens each prefix in the root and makes the first that is missing, and all
   after it; *made is where that first one ends, 0 when nothing was made. Returns a descriptor of
   the whole or -errno; with *again, path is to be walked again. */
static int ctr__walk_making(int root, char *path, mode_t what, bool *again, size_t *made) {
  CTR__AUTO_CLOSE parent = ctr__openat2(root, ".", O_PATH | O_DIRECTORY, 0, CTR__IN_ROOT);
  const char *at = path, *name;
  while (parent >= 0 && ctr__component(&at, &name)) {
    size_t start = (size_t)(name - path), end = (size_t)(at - path);
    bool last = at[strspn(at, "/")] == '\0';
    char saved = path[end];
    path[end] = '\0';
    int fd = ctr__path_in_root(root, path);
    if (fd == -ENOENT) {
      fd = ctr__make_and_open(parent, name, last ? what : CTR__MAKE_DIR);
      if (fd >= 0 && !*made) *made = end;
    }
    path[end] = saved;
    if (fd == -EEXIST) {
      fd = ctr__splice_link(parent, path, start, end);
      *again = fd == 0;
      return *again ? -EEXIST : fd;
    }
    ctr__close(&parent);
    parent = fd;
  }
  return ctr__steal_fd(&parent);
}

/* The length of path without slashes at its end. */
static size_t ctr__trimmed(const char *path) {
  size_t len = strlen(path);
  while (len && path[len - 1] == '/') len--;
  return len;
}

/* Cuts path before its last component: directory (PATH_MAX bytes) and name (NAME_MAX + 1). */
static int ctr__split(const char *path, char *dir, char *name) {
  size_t len = ctr__trimmed(path), slash = len;
  while (slash && path[slash - 1] != '/') slash--;
  if (len == slash) return -EISDIR;
  if (len - slash > NAME_MAX || slash >= PATH_MAX - 1) return -ENAMETOOLONG;
  memcpy(name, path + slash, len - slash);
  name[len - slash] = '\0';
  memcpy(dir, path, slash);
  dir[slash] = '\0';
  if (!slash) ctr__put_str(dir, ".");
  return 0;
}

/* Opens path (O_PATH) inside root; what is missing of it is made: directories 0755, and the last
   component as what says. Returns a descriptor or -errno; in *made, where the first component ends
   that had to be made: 0 when none had, or it lies where a link led. */
static int ctr__make_in_root(int root, const char *path, mode_t what, size_t *made) {
  char walked[PATH_MAX], name[NAME_MAX + 1];
  *made = 0;
  int fd = ctr__path_in_root(root, path);
  if (fd != -ENOENT) return fd;
  /* Mostly only the last component is missing. */
  int r = ctr__split(path, walked, name);
  if (r < 0) return r;
  CTR__AUTO_CLOSE parent = ctr__path_in_root(root, walked);
  fd = parent < 0 ? parent : ctr__make_and_open(parent, name, what);
  size_t len = strlen(path);
  if (fd >= 0) *made = ctr__trimmed(path);
  if (fd != -ENOENT && fd != -EEXIST) return fd;
  if (len >= sizeof walked) return -ENAMETOOLONG;
  memcpy(walked, path, len + 1);
  for (int links = 0; links < 40; links++) { /* as many as the kernel follows: path_resolution(7) */
    bool again = false;
    fd = ctr__walk_making(root, walked, what, &again, made);
    if (links > 0) *made = 0;
    if (!again) return fd;
  }
  return -ELOOP;
}

/* Opens the directory that holds path's last component, made when missing, and copies the
   component's name (NAME_MAX + 1 bytes). */
static int ctr__parent_in_root(int root, const char *path, char *name, size_t *made) {
  char dir[PATH_MAX];
  int r = ctr__split(path, dir, name);
  return r < 0 ? r : ctr__make_in_root(root, dir, CTR__MAKE_DIR, made);
}

enum { CTR__PROC_SUPER_MAGIC = 0x9fa0, CTR__SYSFS_MAGIC = 0x62656572, CTR__PROC_ROOT_INO = 1 };

/* Opens /proc of the process's own root and makes sure that it is the root of a procfs. */
static int ctr__open_proc(void) {
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
  if (fd < 0) return fd;
  struct statfs fs;
  struct stat st;
  if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0) return -errno;
  if (fs.f_type != CTR__PROC_SUPER_MAGIC || st.st_ino != CTR__PROC_ROOT_INO) return -ENOTSUP;
  return ctr__steal_fd(&fd);
}

/* Writes to a file of that procfs, in one write(2), never through a mount on top of it and never
   through a link but proc's own "self" (CVE-2019-16884 and its kin). */
static int ctr__write_proc(int proc, const char *path, const char *text, size_t len) {
  CTR__AUTO_CLOSE fd =
      ctr__openat2(proc, path, O_WRONLY, 0,
                   CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_XDEV | CTR__RESOLVE_NO_MAGICLINKS);
  if (fd < 0) return fd;
  struct statfs fs;
  if (fstatfs(fd, &fs) < 0) return -errno;
  if (fs.f_type != CTR__PROC_SUPER_MAGIC) return -ENOTSUP;
  ssize_t n = write(fd, text, len);
  if (n < 0) return -errno;
  return (size_t)n == len ? 0 : -EIO;
}

/* /proc/PID and what is below it. Returns the end, for more. */
static char *ctr__proc_path(char path[64], int64_t pid, const char *below) {
  return ctr__put_str(ctr__put_int(ctr__put_str(path, "/proc/"), pid), below);
}

/* The user namespace that owns another; EPERM: none of ours or below (ioctl_nsfs(2)). */
static int ctr__owner_of(const char *path) {
  enum { CTR__NS_GET_USERNS = 0xb701 };
  CTR__AUTO_CLOSE ns = ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  return ns < 0 ? ns : ctr__fd_high((int)ctr__ret(ioctl(ns, CTR__NS_GET_USERNS)));
}

static int ctr__owner_of_mounts(pid_t pid) {
  char path[64];
  ctr__proc_path(path, pid, "/ns/mnt");
  return ctr__owner_of(path);
}

typedef struct ctr__proc_stat {
  char state; /* 'Z': it has ended, and nobody has waited for it */
  uint64_t flags, start_time;
  uint64_t args[2], env[2]; /* where its command line and its environment begin and end in its
                               memory; 0: that is not ours to know */
} ctr__proc_stat;

/* proc_pid_stat(5): the name in parentheses may hold anything, so that fields count from the last
   closing one. fields: where the numbers of fields go, NULL: nowhere. */
static int ctr__read_stat_fields(int dir, const char *path, uint64_t *const *fields, size_t count,
                                 char *ret_state) {
  char text[1536];
  CTR__AUTO_CLOSE fd = ctr__open(dir, path, O_RDONLY, 0);
  ssize_t len = fd < 0 ? fd : ctr__ret(read(fd, text, sizeof text - 1));
  if (len < 0) return (int)len;
  text[len] = '\0';
  const char *at = strrchr(text, ')');
  if (!at || at[1] != ' ') return -EPROTO;
  *ret_state = at[2];
  at += 2;
  for (size_t field = 4; field < count; field++) {
    at = strchr(at, ' ');
    if (!at) return -EPROTO;
    at++;
    if (!fields[field]) continue;
    *fields[field] = 0;
    for (; *at >= '0' && *at <= '9'; at++)
      *fields[field] = *fields[field] * 10 + (uint64_t)(*at - '0');
  }
  return 0;
}

/* pid 0: our own. */
static int ctr__read_proc_stat(pid_t pid, ctr__proc_stat *ret_stat) {
  char path[64];
  if (pid)
    ctr__proc_path(path, pid, "/stat");
  else
    ctr__put_str(path, "/proc/self/stat");
  uint64_t *const fields[] = {
      [9] = &ret_stat->flags,    [22] = &ret_stat->start_time, [48] = &ret_stat->args[0],
      [49] = &ret_stat->args[1], [50] = &ret_stat->env[0],     [51] = &ret_stat->env[1]};
  int r = ctr__read_stat_fields(AT_FDCWD, path, fields, sizeof fields / sizeof *fields,
                                &ret_stat->state);
  return r == -ENOENT ? -ESRCH : r;
}

/* What the descriptor itself is called below /proc: the way to hand it to a call that knows only
   paths. */
static void ctr__fd_path(char path[32], int fd) {
  *ctr__put_int(ctr__put_str(path, "/proc/self/fd/"), fd) = '\0';
}

static bool ctr__is_device(int fd, dev_t device) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == device;
}

static bool ctr__is_null_device(int fd) {
  return ctr__is_device(fd, makedev(1, 3));
}

/* A character device of a container's. Looked at before it is opened, which can act, and again: who
   is inside may put anything there. Nor can that make us wait, for a lease (fcntl(2)) or a carrier
   (open(2), O_NONBLOCK). */
static int ctr__open_device(int dir, const char *path, uint64_t more, uint64_t resolve,
                            dev_t device) {
  const uint64_t flags[] = {O_PATH, O_RDWR | O_NOCTTY | O_NONBLOCK};
  CTR__AUTO_CLOSE fd = -1;
  for (int i = 0; i < 2; i++) {
    ctr__close(&fd);
    fd = ctr__openat2(dir, path, flags[i] | more, 0, resolve);
    if (fd < 0) return fd;
    if (!ctr__is_device(fd, device)) return -ENODEV;
  }
  return fcntl(fd, F_SETFL, 0) < 0 ? -errno : ctr__steal_fd(&fd);
}

enum { CTR__PF_FORKNOEXEC = 0x40 }; /* the kernel's sched.h */

/* Whether it is seen that a process has executed nothing; also when it has ended, as long as it is
   not reaped. start_time: tells it from another that has its pid since then; 0: none can. */
static bool ctr__never_executed(pid_t pid, uint64_t start_time) {
  ctr__proc_stat stat;
  return ctr__read_proc_stat(pid, &stat) == 0 && (stat.flags & CTR__PF_FORKNOEXEC) &&
         (!start_time || stat.start_time == start_time);
}

/* ==== [SECTION] base/file.c =================================================================== */
/* Small files of the system, whole. */

/* Into the arena, NUL-terminated, which no member of the system's text files contains. Returns 0 or
   -errno. */
static int ctr__read_text(ctr_arena *arena, const char *path, char **ret_text) {
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  size_t room = 8192, len = 0;
  char *text = ctr_arena_alloc(arena, room);
  ssize_t n = fd;
  while (text && n >= 0 && (n = ctr__ret(read(fd, text + len, room - len - 1))) > 0) {
    len += (size_t)n;
    if (len + 1 < room) continue;
    char *bigger = ctr__arena_array(arena, 2, room);
    if (bigger) memcpy(bigger, text, len);
    text = bigger;
    room *= 2;
  }
  if (!text) return -ENOMEM;
  if (n < 0) return (int)n;
  text[len] = '\0';
  *ret_text = text;
  return 0;
}

/* Cuts the next of the words of a line, which are parted by one blank each and may be empty. */
static char *ctr__next_word(char **at) {
  /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): there are as many lines as counted */
  char *word = *at, *end = word + strcspn(word, " ");
  *at = end + (*end == ' ');
  *end = '\0';
  return word;
}

/* -- proc_pid_mountinfo(5) -- */

#define CTR__MOUNTINFO "/proc/self/mountinfo"

/* id parent major:minor root mount-point options fields... - type source super-options */
typedef struct ctr__mount_line {
  const char *id, *parent, *root, *point, *options, *type, *super;
} ctr__mount_line;

/* Blanks and backslashes are written as \ooo there. */
static void ctr__unescape_octal(char *text) {
  char *to = text;
  for (const char *from = text; *from; from++) {
    if (from[0] == '\\' && from[1] && from[2] && from[3]) {
      *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 3;
    } else {
      *to++ = *from;
    }
  }
  *to = '\0';
}

static bool ctr__mount_line_read(char *line, ctr__mount_line *ret) {
  char *tail = strstr(line, " - "), *fields[6];
  if (!tail) return false;
  *tail = '\0';
  tail += 3;
  for (int i = 0; i < 6; i++) fields[i] = ctr__next_word(&line);
  ctr__unescape_octal(fields[3]);
  ctr__unescape_octal(fields[4]);
  *ret = (ctr__mount_line){.id = fields[0],
                           .parent = fields[1],
                           .root = fields[3],
                           .point = fields[4],
                           .options = fields[5],
                           .type = ctr__next_word(&tail)};
  ctr__next_word(&tail); /* the source */
  ret->super = ctr__next_word(&tail);
  return true;
}

/* Every line of the text, which is cut up for that; NULL without memory. */
static ctr__mount_line *ctr__mount_lines(ctr_arena *arena, char *text, size_t *ret_count) {
  size_t count = 0;
  for (const char *at = text; *at; at++) count += *at == '\n';
  char *save = NULL;
  ctr__mount_line *lines = ctr__arena_array(arena, count + 1, sizeof *lines);
  *ret_count = 0;
  for (char *line = strtok_r(text, "\n", &save); line && lines; line = strtok_r(NULL, "\n", &save))
    *ret_count += ctr__mount_line_read(line, &lines[*ret_count]);
  return lines;
}

/* ==== [SECTION] config/json_read.c ============================================================ */
/* The JSON reader: RFC 8259 to the letter, one pass, no recursion. */

enum {
  CTR__JSON_DEPTH = 64,
  CTR__JSON_BYTES = 16 << 20,
  CTR__JSON_NUMBER_MAX = 1024, /* characters: 767 digits decide any double, the rest is mischief */
  CTR__JSON_FEW = 16,          /* members that are compared pair by pair */
};

typedef struct ctr__json_reader {
  ctr_arena *arena;
  const char *at, *end, *line_start;
  uint32_t line;
  ctr_json **open; /* the arrays and objects around us, outermost first */
  size_t depth, depth_max;
  ctr_err *err;
} ctr__json_reader;

static ctr_code ctr__json_fail(ctr__json_reader *r, const char *at, const char *what) {
  uint32_t column = (uint32_t)(at - r->line_start) + 1;
  ctr__fail(r->err, CTR_E_JSON, 0, NULL, "line %u, column %u: %s", r->line, column, what);
  if (r->err) {
    r->err->line = r->line;
    r->err->column = column;
  }
  return CTR_E_JSON;
}

static void ctr__json_skip_space(ctr__json_reader *r) {
  for (; r->at < r->end; r->at++) {
    if (*r->at == '\n') {
      r->line++;
      r->line_start = r->at + 1;
    } else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r') {
      return;
    }
  }
}

/* -- strings -- */

/* The length of the UTF-8 sequence at text, or 0 when it is none: too long a form, a surrogate,
   past U+10FFFF (RFC 3629). */
static size_t ctr__utf8_len(const char *text, const char *end) {
  const unsigned char *s = (const unsigned char *)text;
  size_t left = (size_t)(end - text);
  if (s[0] < 0x80) return 1;
  size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4 || left < len) return 0;
  for (size_t i = 1; i < len; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
      (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
    return 0;
  return len;
}

static char *ctr__utf8_put(char *to, uint32_t c) {
  if (c < 0x80) {
    *to++ = (char)c;
  } else if (c < 0x800) {
    *to++ = (char)(0xc0 | c >> 6);
    *to++ = (char)(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    *to++ = (char)(0xe0 | c >> 12);
    *to++ = (char)(0x80 | (c >> 6 & 0x3f));
    *to++ = (char)(0x80 | (c & 0x3f));
  } else {
    *to++ = (char)(0xf0 | c >> 18);
    *to++ = (char)(0x80 | (c >> 12 & 0x3f));
    *to++ = (char)(0x80 | (c >> 6 & 0x3f));
    *to++ = (char)(0x80 | (c & 0x3f));
  }
  return to;
}

/* Four hexadecimal digits, or -1. */
static int32_t ctr__json_hex4(const char *at, const char *end) {
  int32_t value = 0;
  if (end - at < 4) return -1;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* What follows "\u", with the second half of a surrogate pair. */
static ctr_code ctr__json_unicode(ctr__json_reader *r, const char **from, const char *end,
                                  char **to) {
  const char *at = *from;
  int32_t c = ctr__json_hex4(at, end);
  if (c < 0) return ctr__json_fail(r, at, "\\u wants four hexadecimal digits");
  if (c == 0) return ctr__json_fail(r, at, "a string cannot hold NUL");
  *from += 4;
  if (c >= 0xdc00 && c <= 0xdfff) return ctr__json_fail(r, at, "a lone low surrogate");
  if (c >= 0xd800 && c <= 0xdbff) {
    int32_t low = end - *from >= 6 && (*from)[0] == '\\' && (*from)[1] == 'u'
                      ? ctr__json_hex4(*from + 2, end)
                      : -1;
    if (low < 0xdc00 || low > 0xdfff) return ctr__json_fail(r, at, "a lone high surrogate");
    *from += 6;
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
  }
  *to = ctr__utf8_put(*to, (uint32_t)c);
  return CTR_OK;
}

static ctr_code ctr__json_escape(ctr__json_reader *r, const char **from, const char *end,
                                 char **to) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  char c = *(*from)++;
  if (c == 'u') return ctr__json_unicode(r, from, end, to);
  const char *found = c ? strchr(names, c) : NULL;
  if (!found) return ctr__json_fail(r, *from - 2, "an escape that JSON does not have");
  *(*to)++ = values[found - names];
  return CTR_OK;
}

/* The closing quote of a string whose content starts at at, or end. */
static const char *ctr__json_string_end(const char *at, const char *end) {
  while (at < end && *at != '"') at += *at == '\\' && end - at > 1 ? 2 : 1;
  return at;
}

/* Reads a string, the opening quote being next. What is decoded is never longer than its text. */
static ctr_code ctr__json_string(ctr__json_reader *r, const char **ret_text, size_t *ret_len) {
  const char *from = r->at + 1, *end = ctr__json_string_end(from, r->end);
  if (end == r->end) return ctr__json_fail(r, r->at, "a string that does not end");
  char *text = ctr_arena_alloc(r->arena, (size_t)(end - from) + 1), *to = text;
  if (!text) return ctr__nomem(r->err);
  while (from < end) {
    unsigned char c = (unsigned char)*from;
    if (c < 0x20)
      return ctr__json_fail(r, from,
                            c ? "a control character in a string must be escaped"
                              : "a string cannot hold NUL");
    if (c == '\\') {
      from++;
      ctr_code code = ctr__json_escape(r, &from, end, &to);
      if (code) return code;
      continue;
    }
    size_t len = ctr__utf8_len(from, end);
    if (!len) return ctr__json_fail(r, from, "bytes that are not UTF-8");
    while (len--) *to++ = *from++;
  }
  r->at = end + 1;
  *ret_text = text;
  *ret_len = (size_t)(to - text);
  return CTR_OK;
}

/* -- numbers -- */

static const char *ctr__json_digits(const char *at, const char *end) {
  while (at < end && *at >= '0' && *at <= '9') at++;
  return at;
}

/* The end of the number at r->at and whether it has a fraction or an exponent; NULL when the
   grammar does not allow it. */
static const char *ctr__json_number_end(const ctr__json_reader *r, bool *ret_real) {
  const char *at = r->at + (*r->at == '-'), *digits = at;
  at = ctr__json_digits(at, r->end);
  if (at == digits || (*digits == '0' && at - digits > 1)) return NULL;
  *ret_real = false;
  if (at < r->end && *at == '.') {
    *ret_real = true;
    digits = ++at;
    at = ctr__json_digits(at, r->end);
    if (at == digits) return NULL;
  }
  if (at < r->end && (*at == 'e' || *at == 'E')) {
    *ret_real = true;
    at++;
    if (at < r->end && (*at == '+' || *at == '-')) at++;
    digits = at;
    at = ctr__json_digits(at, r->end);
    if (at == digits) return NULL;
  }
  return at;
}

/* An integer that fits 64 bits, exactly; false when it does not. */
static bool ctr__json_integer(const char *at, const char *end, ctr_json *node) {
  bool negative = *at == '-';
  uint64_t value = 0;
  for (at += negative; at < end; at++) {
    uint64_t digit = (uint64_t)(*at - '0');
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  if (negative && value > (uint64_t)INT64_MAX + 1) return false;
  if (!negative && value > INT64_MAX) {
    node->type = CTR_JSON_UINT;
    node->as.u64 = value;
  } else {
    node->type = CTR_JSON_INT;
    node->as.i64 = negative ? (int64_t)(0 - value) : (int64_t)value;
  }
  return true;
}

/* strtod(3) in the "C" locale, whatever the caller's says about decimal points. */
static ctr_code ctr__json_real(ctr__json_reader *r, const char *end, ctr_json *node) {
  char text[CTR__JSON_NUMBER_MAX + 1];
  memcpy(text, r->at, (size_t)(end - r->at));
  text[end - r->at] = '\0';
  locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c_locale) return ctr__nomem(r->err);
  node->type = CTR_JSON_DOUBLE;
  node->as.number = strtod_l(text, NULL, c_locale);
  freelocale(c_locale);
  if (node->as.number > DBL_MAX || node->as.number < -DBL_MAX)
    return ctr__json_fail(r, r->at, "a number too large for a double");
  return CTR_OK;
}

static ctr_code ctr__json_number(ctr__json_reader *r, ctr_json *node) {
  bool real;
  const char *end = ctr__json_number_end(r, &real);
  if (!end) return ctr__json_fail(r, r->at, "not a number as JSON writes it");
  if (end - r->at > CTR__JSON_NUMBER_MAX)
    return ctr__json_fail(r, r->at, "a number of more than 1024 characters");
  if (real || !ctr__json_integer(r->at, end, node)) {
    ctr_code code = ctr__json_real(r, end, node);
    if (code) return code;
  }
  r->at = end;
  return CTR_OK;
}

/* -- names that occur twice -- */

/* SipHash-1-3 keyed by the kernel's random bytes for this process (getauxval(3), AT_RANDOM): nobody
   can choose names that collide. */
static uint64_t ctr__siphash(const uint64_t key[2], const char *data, size_t len) {
#define CTR__ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))
#define CTR__SIPROUND                                                                              \
  (v[0] += v[1], v[1] = CTR__ROTL(v[1], 13) ^ v[0], v[0] = CTR__ROTL(v[0], 32), v[2] += v[3],      \
   v[3] = CTR__ROTL(v[3], 16) ^ v[2], v[0] += v[3], v[3] = CTR__ROTL(v[3], 21) ^ v[0],             \
   v[2] += v[1], v[1] = CTR__ROTL(v[1], 17) ^ v[2], v[2] = CTR__ROTL(v[2], 32))
  uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                   key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
  for (size_t at = 0; at <= len; at += 8) {
    size_t n = len - at < 8 ? len - at : 8;
    uint64_t word = n < 8 ? (uint64_t)len << 56 : 0;
    for (size_t i = 0; i < n; i++) word |= (uint64_t)(unsigned char)data[at + i] << 8 * i;
    v[3] ^= word;
    CTR__SIPROUND;
    v[0] ^= word;
  }
  v[2] ^= 0xff;
  for (int i = 0; i < 3; i++) CTR__SIPROUND;
  return v[0] ^ v[1] ^ v[2] ^ v[3];
#undef CTR__SIPROUND
#undef CTR__ROTL
}

static const ctr_json *ctr__json_twice_few(const ctr_json *object) {
  for (const ctr_json *a = object->as.list.first; a; a = a->next)
    for (const ctr_json *b = object->as.list.first; b != a; b = b->next)
      if (!strcmp(a->key, b->key)) return a;
  return NULL;
}

/* table: a power of two, at least twice as many places as there are members. */
static const ctr_json *ctr__json_twice_many(const ctr_json *object, const ctr_json **table,
                                            size_t places) {
  uint64_t key[2] = {0};
  const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);
  if (random) memcpy(key, random, sizeof key);
  for (const ctr_json *m = object->as.list.first; m; m = m->next) {
    size_t place = (size_t)ctr__siphash(key, m->key, strlen(m->key)) & (places - 1);
    for (; table[place]; place = (place + 1) & (places - 1))
      if (!strcmp(table[place]->key, m->key)) return m;
    table[place] = m;
  }
  return NULL;
}

static ctr_code ctr__json_check_names(ctr__json_reader *r, const ctr_json *object) {
  const ctr_json *twice;
  if (object->as.list.count <= CTR__JSON_FEW) {
    twice = ctr__json_twice_few(object);
  } else {
    size_t places = 4 * CTR__JSON_FEW;
    while (places < 2 * object->as.list.count) places *= 2;
    const ctr_json **table = CTR_MALLOC(places * sizeof *table);
    if (!table) return ctr__nomem(r->err);
    memset(table, 0, places * sizeof *table);
    twice = ctr__json_twice_many(object, table, places);
    CTR_FREE(table);
  }
  if (!twice) return CTR_OK;
  ctr__fail(r->err, CTR_E_JSON, 0, NULL, "line %u, column %u: the name \"%.100s\" a second time",
            twice->line, twice->column, twice->key);
  if (r->err) {
    r->err->line = twice->line;
    r->err->column = twice->column;
  }
  return CTR_E_JSON;
}

/* -- values -- */

static ctr_code ctr__json_literal(ctr__json_reader *r, ctr_json *node) {
  static const struct {
    const char *text;
    size_t len;
    ctr_json_type type;
    bool value;
  } literals[] = {{"null", 4, CTR_JSON_NULL, false},
                  {"true", 4, CTR_JSON_BOOL, true},
                  {"false", 5, CTR_JSON_BOOL, false}};
  for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
    if ((size_t)(r->end - r->at) < literals[i].len ||
        memcmp(r->at, literals[i].text, literals[i].len) != 0)
      continue;
    node->type = literals[i].type;
    node->as.boolean = literals[i].value;
    r->at += literals[i].len;
    return CTR_OK;
  }
  return ctr__json_fail(r, r->at, "expected a value");
}

static ctr_code ctr__json_open(ctr__json_reader *r, ctr_json *node) {
  if (r->depth == r->depth_max)
    return ctr__json_fail(r, r->at, "arrays and objects are nested too deeply");
  node->type = *r->at++ == '{' ? CTR_JSON_OBJECT : CTR_JSON_ARRAY;
  r->open[r->depth++] = node;
  return CTR_OK;
}

/* One value; of an array or an object only its start. */
static ctr_code ctr__json_value(ctr__json_reader *r, ctr_json *node) {
  if (r->at == r->end) return ctr__json_fail(r, r->at, "expected a value, found the end");
  switch (*r->at) {
  case '{':
  case '[': return ctr__json_open(r, node);
  case '"':
    node->type = CTR_JSON_STRING;
    return ctr__json_string(r, &node->as.string.text, &node->as.string.len);
  case 'n':
  case 't':
  case 'f': return ctr__json_literal(r, node);
  default: break;
  }
  if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9')) return ctr__json_number(r, node);
  return ctr__json_fail(r, r->at, "expected a value");
}

static ctr_code ctr__json_key(ctr__json_reader *r, ctr_json *node) {
  size_t len;
  if (r->at == r->end || *r->at != '"')
    return ctr__json_fail(r, r->at, "expected a name in quotes");
  ctr_code code = ctr__json_string(r, &node->key, &len);
  if (code) return code;
  ctr__json_skip_space(r);
  if (r->at == r->end || *r->at != ':')
    return ctr__json_fail(r, r->at, "expected ':' after a name");
  r->at++;
  ctr__json_skip_space(r);
  return CTR_OK;
}

static void ctr__json_link(ctr_json *list, ctr_json *node) {
  if (list->as.list.last)
    list->as.list.last->next = node;
  else
    list->as.list.first = node;
  list->as.list.last = node;
  list->as.list.count++;
}

/* Whether the innermost array or object ends here; if it does, it is closed. */
static bool ctr__json_close(ctr__json_reader *r, ctr_code *code) {
  const ctr_json *list = r->open[r->depth - 1];
  if (r->at == r->end || *r->at != (list->type == CTR_JSON_OBJECT ? '}' : ']')) return false;
  r->at++;
  r->depth--;
  if (list->type == CTR_JSON_OBJECT) *code = ctr__json_check_names(r, list);
  return true;
}

/* After a value: closes what ends here, up to the comma that announces the next one. */
static ctr_code ctr__json_after_value(ctr__json_reader *r) {
  ctr_code code = CTR_OK;
  while (r->depth && !code) {
    ctr__json_skip_space(r);
    if (ctr__json_close(r, &code)) continue;
    if (r->at == r->end || *r->at != ',')
      return ctr__json_fail(r, r->at,
                            r->open[r->depth - 1]->type == CTR_JSON_OBJECT
                                ? "expected ',' or '}' after a member"
                                : "expected ',' or ']' after an element");
    r->at++;
    return CTR_OK;
  }
  return code;
}

static ctr_code ctr__json_document(ctr__json_reader *r, ctr_json **ret_root) {
  ctr_json *root = NULL;
  do {
    ctr_json *parent = r->depth ? r->open[r->depth - 1] : NULL;
    ctr_json *node = ctr_arena_alloc(r->arena, sizeof *node);
    if (!node) return ctr__nomem(r->err);
    ctr__json_skip_space(r);
    node->line = r->line;
    node->column = (uint32_t)(r->at - r->line_start) + 1;
    ctr_code code = parent && parent->type == CTR_JSON_OBJECT ? ctr__json_key(r, node) : CTR_OK;
    size_t depth = r->depth;
    if (!code) code = ctr__json_value(r, node);
    if (code) return code;
    if (parent)
      ctr__json_link(parent, node);
    else
      root = node;
    if (r->depth > depth) { /* opened: goes on inside unless it is empty */
      ctr__json_skip_space(r);
      if (!ctr__json_close(r, &code)) continue;
    }
    code = ctr__json_after_value(r);
    if (code) return code;
  } while (r->depth);
  ctr__json_skip_space(r);
  if (r->at != r->end) return ctr__json_fail(r, r->at, "text after the value");
  *ret_root = root;
  return CTR_OK;
}

ctr_code ctr_json_parse(ctr_arena *arena, const char *text, size_t len,
                        const ctr_json_limits *limits, ctr_json **ret_root, ctr_err *err) {
  ctr__err_clear(err);
  if (!arena || !text || !ret_root)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, text and ret_root are needed");
  size_t bytes_max = limits && limits->bytes ? limits->bytes : (size_t)CTR__JSON_BYTES;
  ctr__json_reader r = {.arena = arena,
                        .at = text,
                        .end = text + len,
                        .line_start = text,
                        .line = 1,
                        .depth_max = limits && limits->depth ? limits->depth : CTR__JSON_DEPTH,
                        .err = err};
  if (len > bytes_max || len > UINT32_MAX)
    return ctr__fail(err, CTR_E_JSON, 0, NULL, "a text of %zu bytes, where %zu are allowed", len,
                     bytes_max);
  r.open = ctr__arena_array(arena, r.depth_max, sizeof *r.open);
  return r.open ? ctr__json_document(&r, ret_root) : ctr__nomem(err);
}

const ctr_json *ctr_json_get(const ctr_json *value, const char *key) {
  if (!value || value->type != CTR_JSON_OBJECT) return NULL;
  for (const ctr_json *m = value->as.list.first; m; m = m->next)
    if (!strcmp(m->key, key)) return m;
  return NULL;
}

/* ==== [SECTION] config/json_write.c =========================================================== */
/* The JSON writer, and builders for what it writes. */

typedef struct ctr__json_writer {
  ctr_sink sink;
  void *userdata;
  ctr_json_style style;
  ctr_err *err;
  ctr_code code; /* the first failure: nothing is written after it */
} ctr__json_writer;

static void ctr__json_put(ctr__json_writer *w, const char *text, size_t len) {
  if (w->code || !len) return;
  if (w->sink(w->userdata, text, len))
    w->code = ctr__fail(w->err, CTR_E_SYS, ECANCELED, NULL, "the sink stopped");
}

static void ctr__json_puts(ctr__json_writer *w, const char *text) {
  ctr__json_put(w, text, strlen(text));
}

static void ctr__json_put_string(ctr__json_writer *w, const char *text, size_t len) {
  static const char names[] = "\"\\bfnrt", values[] = "\"\\\b\f\n\r\t";
  const char *end = text + len, *plain = text;
  ctr__json_puts(w, "\"");
  while (text < end) {
    size_t n = ctr__utf8_len(text, end);
    if (!n) w->code = ctr__fail(w->err, CTR_E_ARG, 0, NULL, "a string that is not UTF-8");
    if (!n) return;
    unsigned char c = (unsigned char)*text;
    if (c >= 0x20 && c != '"' && c != '\\') {
      text += n;
      continue;
    }
    ctr__json_put(w, plain, (size_t)(text - plain));
    const char *found = c ? strchr(values, c) : NULL;
    char escape[8];
    if (found)
      snprintf(escape, sizeof escape, "\\%c", names[found - values]);
    else
      snprintf(escape, sizeof escape, "\\u%04x", c);
    ctr__json_puts(w, escape);
    plain = ++text;
  }
  ctr__json_put(w, plain, (size_t)(text - plain));
  ctr__json_puts(w, "\"");
}

/* The fewest digits that read back the same; 17 always do. The caller's locale may have put
   anything where the point should be. */
static void ctr__json_put_double(ctr__json_writer *w, double value) {
  if (!(value >= -DBL_MAX && value <= DBL_MAX)) {
    w->code = ctr__fail(w->err, CTR_E_ARG, 0, NULL, "a number that is not finite");
    return;
  }
  char text[48], out[48];
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  char *to = out;
  bool real = false;
  for (const char *at = text; *at; at++) {
    bool known = strchr("0123456789+-e", *at);
    real |= !known || *at == 'e';
    if (known) *to++ = *at;
    if (!known && to[-1] != '.') *to++ = '.';
  }
  if (!real) *to++ = '.';
  if (!real) *to++ = '0'; /* a double stays one when it is read again */
  ctr__json_put(w, out, (size_t)(to - out));
}

static void ctr__json_newline(ctr__json_writer *w, size_t depth) {
  if (w->style != CTR_JSON_INDENT) return;
  ctr__json_puts(w, "\n");
  while (depth--) ctr__json_puts(w, "  ");
}

static void ctr__json_put_scalar(ctr__json_writer *w, const ctr_json *value) {
  char text[32];
  switch (value->type) {
  case CTR_JSON_BOOL: ctr__json_puts(w, value->as.boolean ? "true" : "false"); break;
  case CTR_JSON_STRING: ctr__json_put_string(w, value->as.string.text, value->as.string.len); break;
  case CTR_JSON_DOUBLE: ctr__json_put_double(w, value->as.number); break;
  case CTR_JSON_INT:
    ctr__json_put(w, text, (size_t)(ctr__put_int(text, value->as.i64) - text));
    break;
  case CTR_JSON_UINT:
    ctr__json_put(w, text, (size_t)(ctr__put_uint(text, value->as.u64) - text));
    break;
  default: ctr__json_puts(w, "null"); break;
  }
}

/* An array or object that is being written. */
typedef struct ctr__json_frame {
  const ctr_json *list, *next;
  struct ctr__json_frame *up;
} ctr__json_frame;

static bool ctr__json_is_list(const ctr_json *value) {
  return value->type == CTR_JSON_ARRAY || value->type == CTR_JSON_OBJECT;
}

/* Writes a scalar, or opens a list and makes it the innermost frame. */
static void ctr__json_put_value(ctr__json_writer *w, ctr_arena *frames, const ctr_json *value,
                                ctr__json_frame **top) {
  if (!ctr__json_is_list(value)) {
    ctr__json_put_scalar(w, value);
    return;
  }
  ctr__json_frame *frame = ctr_arena_alloc(frames, sizeof *frame);
  if (!frame) {
    w->code = ctr__nomem(w->err);
    return;
  }
  *frame = (ctr__json_frame){value, value->as.list.first, *top};
  *top = frame;
  ctr__json_puts(w, value->type == CTR_JSON_OBJECT ? "{" : "[");
}

ctr_code ctr_json_write(const ctr_json *value, ctr_json_style style, ctr_sink sink, void *userdata,
                        ctr_err *err) {
  ctr__err_clear(err);
  if (!value || !sink) return ctr__fail(err, CTR_E_ARG, 0, NULL, "value and sink are needed");
  ctr__json_writer w = {sink, userdata, style, err, CTR_OK};
  ctr_arena frames = {0};
  ctr__json_frame *top = NULL;
  size_t depth = 0;
  ctr__json_put_value(&w, &frames, value, &top);
  while (top && !w.code) {
    const ctr_json *item = top->next;
    bool empty = !top->list->as.list.first, is_object = top->list->type == CTR_JSON_OBJECT;
    if (!item) {
      if (!empty) ctr__json_newline(&w, depth);
      ctr__json_puts(&w, is_object ? "}" : "]");
      top = top->up;
      depth -= depth > 0;
      continue;
    }
    if (item != top->list->as.list.first) ctr__json_puts(&w, ",");
    ctr__json_newline(&w, depth + 1);
    if (is_object) {
      ctr__json_put_string(&w, item->key, strlen(item->key));
      ctr__json_puts(&w, style == CTR_JSON_INDENT ? ": " : ":");
    }
    top->next = item->next;
    depth += ctr__json_is_list(item);
    ctr__json_put_value(&w, &frames, item, &top);
  }
  if (style == CTR_JSON_INDENT) ctr__json_puts(&w, "\n");
  ctr_arena_free(&frames);
  return w.code;
}

/* -- builders -- */

ctr_json *ctr_json_new(ctr_arena *arena, ctr_json_type type) {
  ctr_json *value = ctr_arena_alloc(arena, sizeof *value);
  if (value) value->type = type;
  return value;
}

ctr_json *ctr_json_new_string(ctr_arena *arena, const char *text) {
  ctr_json *value = ctr_json_new(arena, CTR_JSON_STRING);
  if (!value) return NULL;
  value->as.string.len = strlen(text);
  value->as.string.text = ctr__arena_strdup(arena, text);
  return value->as.string.text ? value : NULL;
}

ctr_json *ctr_json_new_int(ctr_arena *arena, int64_t number) {
  ctr_json *value = ctr_json_new(arena, CTR_JSON_INT);
  if (value) value->as.i64 = number;
  return value;
}

ctr_json *ctr_json_new_uint(ctr_arena *arena, uint64_t number) {
  if (number <= INT64_MAX) return ctr_json_new_int(arena, (int64_t)number);
  ctr_json *value = ctr_json_new(arena, CTR_JSON_UINT);
  if (value) value->as.u64 = number;
  return value;
}

ctr_json *ctr_json_new_bool(ctr_arena *arena, bool boolean) {
  ctr_json *value = ctr_json_new(arena, CTR_JSON_BOOL);
  if (value) value->as.boolean = boolean;
  return value;
}

ctr_json *ctr_json_add(ctr_arena *arena, ctr_json *list, const char *key, ctr_json *value) {
  if (!list || !value) return NULL;
  if (key) {
    value->key = ctr__arena_strdup(arena, key);
    if (!value->key) return NULL;
  }
  ctr__json_link(list, value);
  return value;
}

/* ==== [SECTION] config/names.c ================================================================ */
/* The names config.json uses for numbers: a set each, for reading, writing, errors and explain. */

typedef struct ctr__name {
  const char *name;
  int64_t value;
} ctr__name;

typedef struct ctr__names {
  const char *what; /* what such a name is called in an error */
  const ctr__name *items;
  size_t count;
} ctr__names;

#define CTR__NAMES(table, what, ...)                                                               \
  static const ctr__name table##_items[] = {__VA_ARGS__};                                          \
  static const ctr__names table = {what, table##_items,                                            \
                                   sizeof table##_items / sizeof *table##_items}
#define CTR__NAME(name) {#name, CTR_##name}

CTR__NAMES(ctr__namespace_names, "namespace type", {"pid", CTR_NS_PID},
           {"network", CTR_NS_NETWORK}, {"mount", CTR_NS_MOUNT}, {"ipc", CTR_NS_IPC},
           {"uts", CTR_NS_UTS}, {"user", CTR_NS_USER}, {"cgroup", CTR_NS_CGROUP},
           {"time", CTR_NS_TIME});

#define CTR__CAP_NAME(name, number) {"CAP_" #name, number},
static const ctr__name ctr__capability_names_items[] = {CTR_CAPABILITIES(CTR__CAP_NAME)};
#undef CTR__CAP_NAME
static const ctr__names ctr__capability_names = {"capability", ctr__capability_names_items,
                                                 CTR_CAP_COUNT};

CTR__NAMES(ctr__rlimit_names, "resource", CTR__NAME(RLIMIT_CPU), CTR__NAME(RLIMIT_FSIZE),
           CTR__NAME(RLIMIT_DATA), CTR__NAME(RLIMIT_STACK), CTR__NAME(RLIMIT_CORE),
           CTR__NAME(RLIMIT_RSS), CTR__NAME(RLIMIT_NPROC), CTR__NAME(RLIMIT_NOFILE),
           CTR__NAME(RLIMIT_MEMLOCK), CTR__NAME(RLIMIT_AS), CTR__NAME(RLIMIT_LOCKS),
           CTR__NAME(RLIMIT_SIGPENDING), CTR__NAME(RLIMIT_MSGQUEUE), CTR__NAME(RLIMIT_NICE),
           CTR__NAME(RLIMIT_RTPRIO), CTR__NAME(RLIMIT_RTTIME));

CTR__NAMES(ctr__ioprio_classes, "I/O priority class", CTR__NAME(IOPRIO_CLASS_RT),
           CTR__NAME(IOPRIO_CLASS_BE), CTR__NAME(IOPRIO_CLASS_IDLE));

CTR__NAMES(ctr__sched_policies, "scheduling policy", CTR__NAME(SCHED_OTHER),
           CTR__NAME(SCHED_FIFO), CTR__NAME(SCHED_RR), CTR__NAME(SCHED_BATCH),
           CTR__NAME(SCHED_ISO), CTR__NAME(SCHED_IDLE), CTR__NAME(SCHED_DEADLINE));

/* include/uapi/linux/sched.h: bits by number, for the list is of flags */
CTR__NAMES(ctr__sched_flags, "scheduling flag", {"SCHED_FLAG_RESET_ON_FORK", 0},
           {"SCHED_FLAG_RECLAIM", 1}, {"SCHED_FLAG_DL_OVERRUN", 2}, {"SCHED_FLAG_KEEP_POLICY", 3},
           {"SCHED_FLAG_KEEP_PARAMS", 4}, {"SCHED_FLAG_UTIL_CLAMP_MIN", 5},
           {"SCHED_FLAG_UTIL_CLAMP_MAX", 6});

CTR__NAMES(ctr__mempolicy_modes, "memory policy mode", CTR__NAME(MPOL_DEFAULT),
           CTR__NAME(MPOL_PREFERRED), CTR__NAME(MPOL_BIND), CTR__NAME(MPOL_INTERLEAVE),
           CTR__NAME(MPOL_LOCAL), CTR__NAME(MPOL_PREFERRED_MANY),
           CTR__NAME(MPOL_WEIGHTED_INTERLEAVE));

/* include/uapi/linux/mempolicy.h */
CTR__NAMES(ctr__mempolicy_flags, "memory policy flag", {"MPOL_F_NUMA_BALANCING", 13},
           {"MPOL_F_RELATIVE_NODES", 14}, {"MPOL_F_STATIC_NODES", 15});

CTR__NAMES(ctr__propagation_names, "propagation type", {"private", CTR_PROPAGATION_PRIVATE},
           {"shared", CTR_PROPAGATION_SHARED}, {"slave", CTR_PROPAGATION_SLAVE},
           {"unbindable", CTR_PROPAGATION_UNBINDABLE}, {"rprivate", CTR_PROPAGATION_RPRIVATE},
           {"rshared", CTR_PROPAGATION_RSHARED}, {"rslave", CTR_PROPAGATION_RSLAVE},
           {"runbindable", CTR_PROPAGATION_RUNBINDABLE});

CTR__NAMES(ctr__personality_names, "personality", {"LINUX", CTR_PER_LINUX},
           {"LINUX32", CTR_PER_LINUX32});

/* Of an entry; and of all that no entry names, where a preset can stand as well. */
#define CTR__SECCOMP_ACTIONS                                                                       \
  CTR__NAME(SCMP_ACT_KILL), CTR__NAME(SCMP_ACT_KILL_PROCESS), CTR__NAME(SCMP_ACT_KILL_THREAD),     \
      CTR__NAME(SCMP_ACT_TRAP), CTR__NAME(SCMP_ACT_ERRNO), CTR__NAME(SCMP_ACT_TRACE),              \
      CTR__NAME(SCMP_ACT_ALLOW), CTR__NAME(SCMP_ACT_LOG), CTR__NAME(SCMP_ACT_NOTIFY)
CTR__NAMES(ctr__seccomp_actions, "seccomp action", CTR__SECCOMP_ACTIONS);
CTR__NAMES(ctr__seccomp_defaults, "seccomp action", CTR__SECCOMP_ACTIONS,
           {"ctr.default", CTR_SECCOMP_DEFAULT}, {"ctr.strict", CTR_SECCOMP_STRICT});
#undef CTR__SECCOMP_ACTIONS

/* As the annotation ctr.seccomp and people call them. */
CTR__NAMES(ctr__seccomp_presets, "seccomp preset", {"default", CTR_SECCOMP_DEFAULT},
           {"strict", CTR_SECCOMP_STRICT});

/* As AUDIT_ARCH_* tells them apart (include/uapi/linux/audit.h); x32 shares its number with x86_64,
   and differs in one bit of the system call's (__X32_SYSCALL_BIT, here moved up). */
CTR__NAMES(ctr__seccomp_architectures, "seccomp architecture", {"SCMP_ARCH_X86", 0x40000003},
           {"SCMP_ARCH_X86_64", 0xC000003E}, {"SCMP_ARCH_X32", 0x1C000003E},
           {"SCMP_ARCH_ARM", 0x40000028}, {"SCMP_ARCH_AARCH64", 0xC00000B7},
           {"SCMP_ARCH_MIPS", 0x8}, {"SCMP_ARCH_MIPS64", 0x80000008},
           {"SCMP_ARCH_MIPS64N32", 0xA0000008}, {"SCMP_ARCH_MIPSEL", 0x40000008},
           {"SCMP_ARCH_MIPSEL64", 0xC0000008}, {"SCMP_ARCH_MIPSEL64N32", 0xE0000008},
           {"SCMP_ARCH_PPC", 0x14}, {"SCMP_ARCH_PPC64", 0x80000015},
           {"SCMP_ARCH_PPC64LE", 0xC0000015}, {"SCMP_ARCH_S390", 0x16},
           {"SCMP_ARCH_S390X", 0x80000016}, {"SCMP_ARCH_PARISC", 0xF},
           {"SCMP_ARCH_PARISC64", 0x8000000F}, {"SCMP_ARCH_RISCV64", 0xC00000F3},
           {"SCMP_ARCH_LOONGARCH64", 0xC0000102}, {"SCMP_ARCH_M68K", 0x4},
           {"SCMP_ARCH_SH", 0x4000002A}, {"SCMP_ARCH_SHEB", 0x2A});

/* include/uapi/linux/seccomp.h */
CTR__NAMES(ctr__seccomp_flags, "seccomp flag", {"SECCOMP_FILTER_FLAG_TSYNC", CTR__SECCOMP_TSYNC},
           {"SECCOMP_FILTER_FLAG_LOG", 2}, {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", 4},
           {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", CTR__SECCOMP_WAIT_KILLABLE_RECV});

CTR__NAMES(ctr__seccomp_ops, "seccomp operator", CTR__NAME(SCMP_CMP_NE), CTR__NAME(SCMP_CMP_LT),
           CTR__NAME(SCMP_CMP_LE), CTR__NAME(SCMP_CMP_EQ), CTR__NAME(SCMP_CMP_GE),
           CTR__NAME(SCMP_CMP_GT), CTR__NAME(SCMP_CMP_MASKED_EQ));

/* What calls fail with that a seccomp preset refuses. */
CTR__NAMES(ctr__refusal_names, "error", {"EPERM", EPERM}, {"ENOSYS", ENOSYS},
           {"EAFNOSUPPORT", EAFNOSUPPORT}, {"ENOTTY", ENOTTY}, {"EINVAL", EINVAL});
#undef CTR__NAMES
#undef CTR__NAME

static const ctr__name *ctr__name_find(const ctr__names *names, const char *name) {
  for (size_t i = 0; i < names->count; i++)
    if (!strcmp(names->items[i].name, name)) return &names->items[i];
  return NULL;
}

static const char *ctr__name_of(const ctr__names *names, int64_t value) {
  for (size_t i = 0; i < names->count; i++)
    if (names->items[i].value == value) return names->items[i].name;
  return "?";
}

/* All of them into text, which is cut when they do not fit. */
static const char *ctr__names_text(const ctr__names *names, const char *separator,
                                   char text[256]) {
  size_t len = 0;
  for (size_t i = 0; i < names->count && len < 256; i++)
    len += (size_t)snprintf(text + len, 256 - len, "%s%s", i ? separator : "",
                            names->items[i].name);
  return text;
}

/* ==== [SECTION] config/table.c ================================================================ */
/* The one table of config.json: what a member is called, where it lives in the structs, what it may
   be. Reading, writing back, validation and errors are walks over it. */

typedef enum ctr__kind_of_field {
  CTR__F_STR,     /* const char *                                  */
  CTR__F_BOOL,    /* bool                                          */
  CTR__F_INT,     /* ctr_int                                       */
  CTR__F_UINT,    /* ctr_uint                                      */
  CTR__F_I32,     /* int32_t                                       */
  CTR__F_I64,     /* int64_t                                       */
  CTR__F_U32,     /* uint32_t                                      */
  CTR__F_U64,     /* uint64_t                                      */
  CTR__F_ENUM,    /* an enum, by name                              */
  CTR__F_BITS,    /* uint64_t, a list of names of bits             */
  CTR__F_STRS,    /* ctr_strs                                      */
  CTR__F_IDS,     /* ctr_ids                                       */
  CTR__F_PAIRS,   /* ctr_pairs, an object of strings               */
  CTR__F_OBJECT,  /* a struct                                      */
  CTR__F_POINTER, /* a pointer to a struct                         */
  CTR__F_LIST,    /* {const T *items; size_t count}                */
  CTR__F_MAP,     /* the same, an object of objects: T has a `key` */
} ctr__kind_of_field;

enum {
  CTR__REQUIRED = 1,      /* must be there; is always written                       */
  CTR__ALWAYS = 2,        /* is always written: 0 says something                    */
  CTR__NOT_EXECUTED = 4,  /* parsed, and refused when a plan is built: fail closed  */
  CTR__IN_TEXT = 8,       /* required in a text only: by hand there is a default     */
};

typedef struct ctr__field {
  const char *name;
  uint8_t kind, flags;
  uint16_t offset;
  const struct ctr__type *type; /* of OBJECT, POINTER, LIST, MAP */
  const ctr__names *names;      /* of ENUM, BITS */
  int64_t min;                  /* of numbers; min and max 0: all that fit */
  uint64_t max;
} ctr__field;

typedef struct ctr__type {
  size_t size;
  const ctr__field *fields;
  size_t count;
} ctr__type;

/* How all list structs of the API look in memory. */
typedef struct ctr__any_list {
  const void *items;
  size_t count;
} ctr__any_list;

#define CTR__TYPE(type, ...)                                                                       \
  static const ctr__field ctr__fields_of_##type[] = {__VA_ARGS__};                                 \
  static const ctr__type ctr__type_of_##type = {                                                   \
      sizeof(type), ctr__fields_of_##type,                                                         \
      sizeof ctr__fields_of_##type / sizeof *ctr__fields_of_##type}
/* A field under its own name, or under another where C or a macro is in the way. */
#define CTR__FIELD_AS(struct_, member_, name_, kind_, ...)                                         \
  {.name = name_, .offset = offsetof(struct_, member_), .kind = CTR__F_##kind_, __VA_ARGS__}
#define CTR__FIELD(struct_, member_, kind_, ...)                                                   \
  CTR__FIELD_AS(struct_, member_, #member_, kind_, __VA_ARGS__)
#define CTR__OF(struct_) .type = &ctr__type_of_##struct_
#define CTR__PLAIN .flags = 0
#define CTR__MUST .flags = CTR__REQUIRED
#define CTR__LATER .flags = CTR__NOT_EXECUTED

CTR__TYPE(ctr_root, CTR__FIELD(ctr_root, path, STR, CTR__PLAIN),
          CTR__FIELD(ctr_root, readonly, BOOL, CTR__PLAIN));

CTR__TYPE(ctr_id_mapping, CTR__FIELD(ctr_id_mapping, containerID, U32, CTR__MUST),
          CTR__FIELD(ctr_id_mapping, hostID, U32, CTR__MUST),
          CTR__FIELD(ctr_id_mapping, size, U32, CTR__MUST));

CTR__TYPE(ctr_mount, CTR__FIELD(ctr_mount, destination, STR, CTR__MUST),
          CTR__FIELD(ctr_mount, type, STR, CTR__PLAIN),
          CTR__FIELD(ctr_mount, source, STR, CTR__PLAIN),
          CTR__FIELD(ctr_mount, options, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_mount, uidMappings, LIST, CTR__OF(ctr_id_mapping)),
          CTR__FIELD(ctr_mount, gidMappings, LIST, CTR__OF(ctr_id_mapping)));

CTR__TYPE(ctr_console_size, CTR__FIELD(ctr_console_size, height, UINT, CTR__MUST),
          CTR__FIELD(ctr_console_size, width, UINT, CTR__MUST));

/* The last number is no id: system calls take it for "as it is" (setresuid(2), chown(2)). */
#define CTR__ID_MAX .max = UINT32_MAX - 1
CTR__TYPE(ctr_user, CTR__FIELD(ctr_user, uid, U32, CTR__ID_MAX, .flags = CTR__ALWAYS),
          CTR__FIELD(ctr_user, gid, U32, CTR__ID_MAX, .flags = CTR__ALWAYS),
          CTR__FIELD(ctr_user, umask, UINT, .max = 0777),
          CTR__FIELD(ctr_user, additionalGids, IDS, CTR__ID_MAX));

#define CTR__CAPS .names = &ctr__capability_names
CTR__TYPE(ctr_capabilities, CTR__FIELD(ctr_capabilities, bounding, BITS, CTR__CAPS),
          CTR__FIELD(ctr_capabilities, effective, BITS, CTR__CAPS),
          CTR__FIELD(ctr_capabilities, inheritable, BITS, CTR__CAPS),
          CTR__FIELD(ctr_capabilities, permitted, BITS, CTR__CAPS),
          CTR__FIELD(ctr_capabilities, ambient, BITS, CTR__CAPS));
#undef CTR__CAPS

CTR__TYPE(ctr_rlimit,
          CTR__FIELD(ctr_rlimit, type, ENUM, .names = &ctr__rlimit_names, CTR__MUST),
          CTR__FIELD(ctr_rlimit, soft, U64, CTR__MUST),
          CTR__FIELD(ctr_rlimit, hard, U64, CTR__MUST));

CTR__TYPE(ctr_io_priority,
          CTR__FIELD_AS(ctr_io_priority, class_, "class", ENUM, .names = &ctr__ioprio_classes,
                        CTR__MUST),
          CTR__FIELD(ctr_io_priority, priority, I32, .min = 0, .max = 7, .flags = CTR__ALWAYS));

CTR__TYPE(ctr_scheduler,
          CTR__FIELD(ctr_scheduler, policy, ENUM, .names = &ctr__sched_policies, CTR__MUST),
          CTR__FIELD(ctr_scheduler, nice, I32, .min = -20, .max = 19),
          CTR__FIELD(ctr_scheduler, priority, I32, .min = 0, .max = 99),
          CTR__FIELD(ctr_scheduler, flags, BITS, .names = &ctr__sched_flags),
          CTR__FIELD(ctr_scheduler, runtime, U64, CTR__PLAIN),
          CTR__FIELD(ctr_scheduler, deadline, U64, CTR__PLAIN),
          CTR__FIELD(ctr_scheduler, period, U64, CTR__PLAIN));

CTR__TYPE(ctr_cpu_affinity, CTR__FIELD(ctr_cpu_affinity, initial, STR, CTR__PLAIN),
          CTR__FIELD(ctr_cpu_affinity, final, STR, CTR__PLAIN));

CTR__TYPE(ctr_process_config, CTR__FIELD(ctr_process_config, terminal, BOOL, CTR__PLAIN),
          CTR__FIELD(ctr_process_config, consoleSize, OBJECT, CTR__OF(ctr_console_size)),
          CTR__FIELD(ctr_process_config, cwd, STR, CTR__MUST),
          CTR__FIELD(ctr_process_config, args, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_process_config, env, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_process_config, user, OBJECT, CTR__OF(ctr_user), .flags = CTR__ALWAYS),
          CTR__FIELD(ctr_process_config, capabilities, OBJECT, CTR__OF(ctr_capabilities)),
          CTR__FIELD(ctr_process_config, rlimits, LIST, CTR__OF(ctr_rlimit)),
          CTR__FIELD(ctr_process_config, noNewPrivileges, BOOL, CTR__PLAIN),
          CTR__FIELD(ctr_process_config, apparmorProfile, STR, CTR__PLAIN),
          CTR__FIELD(ctr_process_config, oomScoreAdj, INT, .min = -1000, .max = 1000),
          CTR__FIELD(ctr_process_config, selinuxLabel, STR, CTR__PLAIN),
          CTR__FIELD(ctr_process_config, ioPriority, OBJECT, CTR__OF(ctr_io_priority)),
          CTR__FIELD(ctr_process_config, scheduler, OBJECT, CTR__OF(ctr_scheduler)),
          CTR__FIELD(ctr_process_config, execCPUAffinity, OBJECT, CTR__OF(ctr_cpu_affinity)));

CTR__TYPE(ctr_hook, CTR__FIELD(ctr_hook, path, STR, CTR__MUST),
          CTR__FIELD(ctr_hook, args, STRS, CTR__PLAIN), CTR__FIELD(ctr_hook, env, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_hook, timeout, UINT, .min = 1, .max = INT32_MAX));

CTR__TYPE(ctr_hooks, CTR__FIELD(ctr_hooks, prestart, LIST, CTR__OF(ctr_hook)),
          CTR__FIELD(ctr_hooks, createRuntime, LIST, CTR__OF(ctr_hook)),
          CTR__FIELD(ctr_hooks, createContainer, LIST, CTR__OF(ctr_hook)),
          CTR__FIELD(ctr_hooks, startContainer, LIST, CTR__OF(ctr_hook)),
          CTR__FIELD(ctr_hooks, poststart, LIST, CTR__OF(ctr_hook)),
          CTR__FIELD(ctr_hooks, poststop, LIST, CTR__OF(ctr_hook)));

CTR__TYPE(ctr_namespace,
          CTR__FIELD(ctr_namespace, type, ENUM, .names = &ctr__namespace_names, CTR__MUST),
          CTR__FIELD(ctr_namespace, path, STR, CTR__PLAIN));

CTR__TYPE(ctr_time_offset, CTR__FIELD(ctr_time_offset, secs, INT, CTR__PLAIN),
          CTR__FIELD(ctr_time_offset, nanosecs, UINT, .max = 999999999));

CTR__TYPE(ctr_time_offsets,
          CTR__FIELD(ctr_time_offsets, monotonic, OBJECT, CTR__OF(ctr_time_offset)),
          CTR__FIELD(ctr_time_offsets, boottime, OBJECT, CTR__OF(ctr_time_offset)));

CTR__TYPE(ctr_device, CTR__FIELD(ctr_device, type, STR, CTR__MUST),
          CTR__FIELD(ctr_device, path, STR, CTR__MUST),
          CTR__FIELD_AS(ctr_device, major_, "major", INT, .min = 0, .max = 4095),
          CTR__FIELD_AS(ctr_device, minor_, "minor", INT, .min = 0, .max = 1048575),
          CTR__FIELD(ctr_device, fileMode, UINT, .max = UINT32_MAX),
          CTR__FIELD(ctr_device, uid, UINT, CTR__ID_MAX),
          CTR__FIELD(ctr_device, gid, UINT, CTR__ID_MAX));
#undef CTR__ID_MAX

CTR__TYPE(ctr_net_device, CTR__FIELD(ctr_net_device, name, STR, CTR__PLAIN));

CTR__TYPE(ctr_device_rule, CTR__FIELD(ctr_device_rule, allow, BOOL, CTR__MUST),
          CTR__FIELD(ctr_device_rule, type, STR, CTR__PLAIN),
          CTR__FIELD_AS(ctr_device_rule, major_, "major", INT, CTR__PLAIN),
          CTR__FIELD_AS(ctr_device_rule, minor_, "minor", INT, CTR__PLAIN),
          CTR__FIELD(ctr_device_rule, access, STR, CTR__PLAIN));

CTR__TYPE(ctr_memory, CTR__FIELD(ctr_memory, limit, INT, CTR__PLAIN),
          CTR__FIELD(ctr_memory, reservation, INT, CTR__PLAIN),
          CTR__FIELD(ctr_memory, swap, INT, CTR__PLAIN),
          CTR__FIELD(ctr_memory, kernel, INT, CTR__PLAIN),
          CTR__FIELD(ctr_memory, kernelTCP, INT, CTR__PLAIN),
          CTR__FIELD(ctr_memory, swappiness, UINT, .max = 100),
          CTR__FIELD(ctr_memory, disableOOMKiller, BOOL, CTR__PLAIN),
          CTR__FIELD(ctr_memory, useHierarchy, BOOL, CTR__PLAIN),
          CTR__FIELD(ctr_memory, checkBeforeUpdate, BOOL, CTR__PLAIN));

CTR__TYPE(ctr_cpu, CTR__FIELD(ctr_cpu, shares, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu, quota, INT, CTR__PLAIN), CTR__FIELD(ctr_cpu, burst, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu, period, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu, realtimeRuntime, INT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu, realtimePeriod, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu, cpus, STR, CTR__PLAIN), CTR__FIELD(ctr_cpu, mems, STR, CTR__PLAIN),
          CTR__FIELD(ctr_cpu, idle, INT, CTR__PLAIN));

CTR__TYPE(ctr_pids, CTR__FIELD(ctr_pids, limit, INT, CTR__MUST));

CTR__TYPE(ctr_weight_device,
          CTR__FIELD_AS(ctr_weight_device, major_, "major", I64, CTR__MUST),
          CTR__FIELD_AS(ctr_weight_device, minor_, "minor", I64, CTR__MUST),
          CTR__FIELD(ctr_weight_device, weight, UINT, .max = UINT16_MAX),
          CTR__FIELD(ctr_weight_device, leafWeight, UINT, .max = UINT16_MAX));

CTR__TYPE(ctr_throttle_device,
          CTR__FIELD_AS(ctr_throttle_device, major_, "major", I64, CTR__MUST),
          CTR__FIELD_AS(ctr_throttle_device, minor_, "minor", I64, CTR__MUST),
          CTR__FIELD(ctr_throttle_device, rate, U64, .flags = CTR__ALWAYS));

#define CTR__THROTTLES CTR__OF(ctr_throttle_device)
CTR__TYPE(ctr_block_io, CTR__FIELD(ctr_block_io, weight, UINT, .max = UINT16_MAX),
          CTR__FIELD(ctr_block_io, leafWeight, UINT, .max = UINT16_MAX),
          CTR__FIELD(ctr_block_io, weightDevice, LIST, CTR__OF(ctr_weight_device)),
          CTR__FIELD(ctr_block_io, throttleReadBpsDevice, LIST, CTR__THROTTLES),
          CTR__FIELD(ctr_block_io, throttleWriteBpsDevice, LIST, CTR__THROTTLES),
          CTR__FIELD(ctr_block_io, throttleReadIOPSDevice, LIST, CTR__THROTTLES),
          CTR__FIELD(ctr_block_io, throttleWriteIOPSDevice, LIST, CTR__THROTTLES));
#undef CTR__THROTTLES

CTR__TYPE(ctr_hugepage_limit, CTR__FIELD(ctr_hugepage_limit, pageSize, STR, CTR__MUST),
          CTR__FIELD(ctr_hugepage_limit, limit, U64, CTR__MUST));

CTR__TYPE(ctr_if_priority, CTR__FIELD(ctr_if_priority, name, STR, CTR__MUST),
          CTR__FIELD(ctr_if_priority, priority, U32, CTR__MUST));

CTR__TYPE(ctr_network, CTR__FIELD(ctr_network, classID, UINT, .max = UINT32_MAX),
          CTR__FIELD(ctr_network, priorities, LIST, CTR__OF(ctr_if_priority)));

CTR__TYPE(ctr_rdma, CTR__FIELD(ctr_rdma, hcaHandles, UINT, .max = UINT32_MAX),
          CTR__FIELD(ctr_rdma, hcaObjects, UINT, .max = UINT32_MAX));

CTR__TYPE(ctr_resources, CTR__FIELD(ctr_resources, devices, LIST, CTR__OF(ctr_device_rule)),
          CTR__FIELD(ctr_resources, memory, OBJECT, CTR__OF(ctr_memory)),
          CTR__FIELD(ctr_resources, cpu, OBJECT, CTR__OF(ctr_cpu)),
          CTR__FIELD(ctr_resources, pids, OBJECT, CTR__OF(ctr_pids)),
          CTR__FIELD(ctr_resources, blockIO, OBJECT, CTR__OF(ctr_block_io)),
          CTR__FIELD(ctr_resources, hugepageLimits, LIST, CTR__OF(ctr_hugepage_limit)),
          CTR__FIELD(ctr_resources, network, OBJECT, CTR__OF(ctr_network)),
          CTR__FIELD(ctr_resources, rdma, MAP, CTR__OF(ctr_rdma)),
          CTR__FIELD(ctr_resources, unified, PAIRS, CTR__PLAIN));

CTR__TYPE(ctr_syscall_arg, CTR__FIELD(ctr_syscall_arg, index, U32, CTR__MUST),
          CTR__FIELD(ctr_syscall_arg, value, U64, CTR__MUST),
          CTR__FIELD(ctr_syscall_arg, valueTwo, U64, CTR__PLAIN),
          CTR__FIELD(ctr_syscall_arg, op, ENUM, .names = &ctr__seccomp_ops, CTR__MUST));

CTR__TYPE(ctr_syscall, CTR__FIELD(ctr_syscall, names, STRS, CTR__MUST),
          CTR__FIELD(ctr_syscall, action, ENUM, .names = &ctr__seccomp_actions, CTR__MUST),
          CTR__FIELD(ctr_syscall, errnoRet, UINT, .max = UINT32_MAX),
          CTR__FIELD(ctr_syscall, args, LIST, CTR__OF(ctr_syscall_arg)));

CTR__TYPE(ctr_seccomp,
          CTR__FIELD(ctr_seccomp, defaultAction, ENUM, .names = &ctr__seccomp_defaults, CTR__MUST),
          CTR__FIELD(ctr_seccomp, defaultErrnoRet, UINT, .max = UINT32_MAX),
          CTR__FIELD(ctr_seccomp, architectures, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_seccomp, flags, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_seccomp, listenerPath, STR, CTR__PLAIN),
          CTR__FIELD(ctr_seccomp, listenerMetadata, STR, CTR__PLAIN),
          CTR__FIELD(ctr_seccomp, syscalls, LIST, CTR__OF(ctr_syscall)));

CTR__TYPE(ctr_intel_rdt, CTR__FIELD(ctr_intel_rdt, closID, STR, CTR__PLAIN),
          CTR__FIELD(ctr_intel_rdt, schemata, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_intel_rdt, l3CacheSchema, STR, CTR__PLAIN),
          CTR__FIELD(ctr_intel_rdt, memBwSchema, STR, CTR__PLAIN),
          CTR__FIELD(ctr_intel_rdt, enableMonitoring, BOOL, CTR__PLAIN));

CTR__TYPE(ctr_memory_policy,
          CTR__FIELD(ctr_memory_policy, mode, ENUM, .names = &ctr__mempolicy_modes, CTR__MUST),
          CTR__FIELD(ctr_memory_policy, nodes, STR, CTR__PLAIN),
          CTR__FIELD(ctr_memory_policy, flags, BITS, .names = &ctr__mempolicy_flags));

CTR__TYPE(ctr_personality,
          CTR__FIELD(ctr_personality, domain, ENUM, .names = &ctr__personality_names, CTR__MUST),
          CTR__FIELD(ctr_personality, flags, STRS, CTR__PLAIN));

CTR__TYPE(ctr_linux, CTR__FIELD(ctr_linux, namespaces, LIST, CTR__OF(ctr_namespace)),
          CTR__FIELD(ctr_linux, uidMappings, LIST, CTR__OF(ctr_id_mapping)),
          CTR__FIELD(ctr_linux, gidMappings, LIST, CTR__OF(ctr_id_mapping)),
          CTR__FIELD(ctr_linux, timeOffsets, OBJECT, CTR__OF(ctr_time_offsets)),
          CTR__FIELD(ctr_linux, devices, LIST, CTR__OF(ctr_device)),
          CTR__FIELD(ctr_linux, netDevices, MAP, CTR__OF(ctr_net_device), CTR__LATER),
          CTR__FIELD(ctr_linux, cgroupsPath, STR, CTR__PLAIN),
          CTR__FIELD(ctr_linux, resources, OBJECT, CTR__OF(ctr_resources)),
          CTR__FIELD(ctr_linux, rootfsPropagation, ENUM, .names = &ctr__propagation_names),
          CTR__FIELD(ctr_linux, seccomp, OBJECT, CTR__OF(ctr_seccomp)),
          CTR__FIELD(ctr_linux, sysctl, PAIRS, CTR__PLAIN),
          CTR__FIELD(ctr_linux, maskedPaths, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_linux, readonlyPaths, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_linux, mountLabel, STR, CTR__PLAIN),
          CTR__FIELD(ctr_linux, intelRdt, POINTER, CTR__OF(ctr_intel_rdt), CTR__LATER),
          CTR__FIELD(ctr_linux, memoryPolicy, OBJECT, CTR__OF(ctr_memory_policy)),
          CTR__FIELD(ctr_linux, personality, OBJECT, CTR__OF(ctr_personality)));

CTR__TYPE(ctr_landlock_path, CTR__FIELD(ctr_landlock_path, paths, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_landlock_path, allowedAccess, STRS, CTR__PLAIN));

CTR__TYPE(ctr_landlock_port, CTR__FIELD(ctr_landlock_port, ports, IDS, .max = UINT16_MAX),
          CTR__FIELD(ctr_landlock_port, allowedAccess, STRS, CTR__PLAIN));

CTR__TYPE(ctr_landlock, CTR__FIELD(ctr_landlock, handledAccessFs, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_landlock, handledAccessNet, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_landlock, scoped, STRS, CTR__PLAIN),
          CTR__FIELD(ctr_landlock, pathBeneath, LIST, CTR__OF(ctr_landlock_path)),
          CTR__FIELD(ctr_landlock, netPort, LIST, CTR__OF(ctr_landlock_port)),
          CTR__FIELD(ctr_landlock, bestEffort, BOOL, CTR__PLAIN));

/* landlock is no member of the text: it is carried by an annotation, so that engines pass it on. */
CTR__TYPE(ctr_config,
          CTR__FIELD(ctr_config, ociVersion, STR, .flags = CTR__REQUIRED | CTR__IN_TEXT),
          CTR__FIELD(ctr_config, root, OBJECT, CTR__OF(ctr_root)),
          CTR__FIELD(ctr_config, mounts, LIST, CTR__OF(ctr_mount)),
          CTR__FIELD(ctr_config, process, OBJECT, CTR__OF(ctr_process_config)),
          CTR__FIELD(ctr_config, hostname, STR, CTR__PLAIN),
          CTR__FIELD(ctr_config, domainname, STR, CTR__PLAIN),
          CTR__FIELD(ctr_config, hooks, OBJECT, CTR__OF(ctr_hooks)),
          CTR__FIELD(ctr_config, annotations, PAIRS, CTR__PLAIN),
          CTR__FIELD_AS(ctr_config, linux_, "linux", OBJECT, CTR__OF(ctr_linux)));

/* -- what all walks share -- */

static const ctr__field *ctr__field_find(const ctr__type *type, const char *name) {
  for (size_t i = 0; i < type->count; i++)
    if (!strcmp(type->fields[i].name, name)) return &type->fields[i];
  return NULL;
}

static ctr__any_list ctr__list_at(const void *member) {
  ctr__any_list list;
  memcpy(&list, member, sizeof list);
  return list;
}

static const void *ctr__pointer_at(const void *member) {
  const void *pointer;
  memcpy(&pointer, member, sizeof pointer);
  return pointer;
}

/* How much memory a member takes. */
static size_t ctr__field_size(const ctr__field *field) {
  static const size_t sizes[] = {
      [CTR__F_STR] = sizeof(char *),     [CTR__F_BOOL] = sizeof(bool),
      [CTR__F_INT] = sizeof(ctr_int),    [CTR__F_UINT] = sizeof(ctr_uint),
      [CTR__F_I32] = sizeof(int32_t),    [CTR__F_I64] = sizeof(int64_t),
      [CTR__F_U32] = sizeof(uint32_t),   [CTR__F_U64] = sizeof(uint64_t),
      [CTR__F_ENUM] = sizeof(int32_t),   [CTR__F_BITS] = sizeof(uint64_t),
      [CTR__F_STRS] = sizeof(ctr_strs),  [CTR__F_IDS] = sizeof(ctr_ids),
      [CTR__F_PAIRS] = sizeof(ctr_pairs), [CTR__F_POINTER] = sizeof(void *),
      [CTR__F_LIST] = sizeof(ctr__any_list), [CTR__F_MAP] = sizeof(ctr__any_list)};
  return field->kind == CTR__F_OBJECT ? field->type->size : sizes[field->kind];
}

/* The `key` of an element of a MAP: every such struct starts with it. */
static const char *ctr__key_at(const void *element) {
  return ctr__pointer_at(element);
}

/* Whether a member says anything; of an object, any of its members. */
static bool ctr__field_is_set(const ctr__field *field, const void *base) {
  const char *at = (const char *)base + field->offset;
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_STR:
  case CTR__F_POINTER: return ctr__pointer_at(at) != NULL;
  case CTR__F_BOOL: return *(const bool *)at;
  case CTR__F_INT: return ((const ctr_int *)(const void *)at)->set;
  case CTR__F_UINT: return ((const ctr_uint *)(const void *)at)->set;
  case CTR__F_I32:
  case CTR__F_U32:
  case CTR__F_ENUM: return *(const uint32_t *)(const void *)at != 0;
  case CTR__F_I64:
  case CTR__F_U64:
  case CTR__F_BITS: return *(const uint64_t *)(const void *)at != 0;
  case CTR__F_STRS:
  case CTR__F_IDS:
  case CTR__F_PAIRS:
  case CTR__F_LIST:
  case CTR__F_MAP: return ctr__list_at(at).count > 0;
  case CTR__F_OBJECT:
    for (size_t i = 0; i < field->type->count; i++)
      if (ctr__field_is_set(&field->type->fields[i], at)) return true;
  }
  return false;
}

/* What an integer field can hold, the bounds of the table narrowing those of the C type. */
static void ctr__bounds(const ctr__field *field, int64_t *min, uint64_t *max) {
  static const struct {
    int64_t min;
    uint64_t max;
  } types[] = {[CTR__F_INT] = {INT64_MIN, INT64_MAX}, [CTR__F_UINT] = {0, UINT64_MAX},
               [CTR__F_I32] = {INT32_MIN, INT32_MAX}, [CTR__F_I64] = {INT64_MIN, INT64_MAX},
               [CTR__F_U32] = {0, UINT32_MAX},        [CTR__F_U64] = {0, UINT64_MAX},
               [CTR__F_IDS] = {0, UINT32_MAX}};
  bool narrowed = field->min || field->max;
  *min = narrowed ? field->min : types[field->kind].min;
  *max = narrowed ? field->max : types[field->kind].max;
}

/* Where in the config something is, as a chain of members and indices from the inside out. */
typedef struct ctr__where {
  const struct ctr__where *up;
  const char *name; /* of a member; NULL: an index */
  size_t index;
} ctr__where;

/* Room for the text of it, with the NUL. */
static size_t ctr__where_size(const ctr__where *where) {
  size_t size = 1;
  for (; where; where = where->up) size += where->name ? strlen(where->name) + 1 : 22;
  return size;
}

/* "linux.namespaces[2].type" into text, cut when it does not fit. */
static void ctr__where_text(const ctr__where *where, char *text, size_t size) {
  const ctr__where *chain[16];
  size_t n = 0, len = 0;
  for (; where && n < 16; where = where->up) chain[n++] = where;
  text[0] = '\0';
  while (n-- && len < size) {
    int added = chain[n]->name
                    ? snprintf(text + len, size - len, "%s%s", len ? "." : "", chain[n]->name)
                    : snprintf(text + len, size - len, "[%zu]", chain[n]->index);
    if (added > 0) len += (size_t)added;
  }
}

/* The value of an annotation, or NULL. */
static const char *ctr__annotation(const ctr_config *config, const char *key) {
  for (size_t i = 0; i < config->annotations.count; i++)
    if (!strcmp(config->annotations.items[i].key, key)) return config->annotations.items[i].value;
  return NULL;
}

/* ==== [SECTION] config/landlock.c ============================================================= */
/* Rights as landlock(7) has them: bits of the kernel's include/uapi/linux/landlock.h, and the
   version of its interface that each came with. */

enum ctr__landlock_kind {
  CTR__LANDLOCK_FS,
  CTR__LANDLOCK_NET,
  CTR__LANDLOCK_SCOPE,
  CTR__LANDLOCK_KINDS,
};

/* Where rights of each kind are given up. */
static const char *const ctr__landlock_fields[CTR__LANDLOCK_KINDS] = {
    [CTR__LANDLOCK_FS] = "landlock.handledAccessFs",
    [CTR__LANDLOCK_NET] = "landlock.handledAccessNet",
    [CTR__LANDLOCK_SCOPE] = "landlock.scoped",
};

static ctr_strs ctr__landlock_names(const ctr_landlock *asked, enum ctr__landlock_kind kind) {
  return kind == CTR__LANDLOCK_FS    ? asked->handledAccessFs
         : kind == CTR__LANDLOCK_NET ? asked->handledAccessNet
                                     : asked->scoped;
}

enum {
  CTR__LANDLOCK_FILE = 0xc007,  /* what can be said of something that is no directory */
  CTR__LANDLOCK_READ = 0x000c,  /* read_file, read_dir                                */
  CTR__LANDLOCK_WRITE = 0x7ff2, /* write_file, and remove_dir to truncate             */
};

/* In the order of their bits; then groups of them, which came with no version. */
static const struct ctr__landlock_right {
  const char *name;
  uint8_t kind, abi;
  uint16_t bits;
} ctr__landlock_rights[] = {
    {"execute", CTR__LANDLOCK_FS, 1, 1 << 0},
    {"write_file", CTR__LANDLOCK_FS, 1, 1 << 1},
    {"read_file", CTR__LANDLOCK_FS, 1, 1 << 2},
    {"read_dir", CTR__LANDLOCK_FS, 1, 1 << 3},
    {"remove_dir", CTR__LANDLOCK_FS, 1, 1 << 4},
    {"remove_file", CTR__LANDLOCK_FS, 1, 1 << 5},
    {"make_char", CTR__LANDLOCK_FS, 1, 1 << 6},
    {"make_dir", CTR__LANDLOCK_FS, 1, 1 << 7},
    {"make_reg", CTR__LANDLOCK_FS, 1, 1 << 8},
    {"make_sock", CTR__LANDLOCK_FS, 1, 1 << 9},
    {"make_fifo", CTR__LANDLOCK_FS, 1, 1 << 10},
    {"make_block", CTR__LANDLOCK_FS, 1, 1 << 11},
    {"make_sym", CTR__LANDLOCK_FS, 1, 1 << 12},
    {"refer", CTR__LANDLOCK_FS, 2, 1 << 13},
    {"truncate", CTR__LANDLOCK_FS, 3, 1 << 14},
    {"ioctl_dev", CTR__LANDLOCK_FS, 5, 1 << 15},
    {"bind_tcp", CTR__LANDLOCK_NET, 4, 1 << 0},
    {"connect_tcp", CTR__LANDLOCK_NET, 4, 1 << 1},
    {"abstract_unix_socket", CTR__LANDLOCK_SCOPE, 6, 1 << 0},
    {"signal", CTR__LANDLOCK_SCOPE, 6, 1 << 1},
    {"read", CTR__LANDLOCK_FS, 0, CTR__LANDLOCK_READ},
    {"write", CTR__LANDLOCK_FS, 0, CTR__LANDLOCK_WRITE},
    {"all", CTR__LANDLOCK_FS, 0, 0xffff},
    {"all", CTR__LANDLOCK_NET, 0, 3},
    {"all", CTR__LANDLOCK_SCOPE, 0, 3},
};
enum { CTR__LANDLOCK_ROWS = sizeof ctr__landlock_rights / sizeof *ctr__landlock_rights };

static const struct ctr__landlock_right *ctr__landlock_find(enum ctr__landlock_kind kind,
                                                            const char *name) {
  for (size_t i = 0; i < CTR__LANDLOCK_ROWS; i++)
    if (ctr__landlock_rights[i].kind == kind && !strcmp(ctr__landlock_rights[i].name, name))
      return &ctr__landlock_rights[i];
  return NULL;
}

/* The bits of names that are known. */
static uint64_t ctr__landlock_bits(enum ctr__landlock_kind kind, ctr_strs names) {
  uint64_t bits = 0;
  for (size_t i = 0; i < names.count; i++) bits |= ctr__landlock_find(kind, names.items[i])->bits;
  return bits;
}

/* ==== [SECTION] config/read.c ================================================================= */
/* JSON to config, by the table. */

typedef struct ctr__config_reader {
  ctr_arena *arena;
  ctr_err *err;
  bool want_unknown;
  bool copies;          /* the JSON may be gone before the config is */
  const char **unknown; /* paths of members that were ignored */
  size_t unknown_count, unknown_room;
} ctr__config_reader;

static const char *ctr__json_type_name(const ctr_json *value) {
  static const char *const names[] = {[CTR_JSON_NULL] = "null",
                                      [CTR_JSON_BOOL] = "true or false",
                                      [CTR_JSON_INT] = "an integer",
                                      [CTR_JSON_UINT] = "an integer",
                                      [CTR_JSON_DOUBLE] = "no such integer",
                                      [CTR_JSON_STRING] = "a string",
                                      [CTR_JSON_ARRAY] = "an array",
                                      [CTR_JSON_OBJECT] = "an object"};
  return names[value->type];
}

__attribute__((format(printf, 4, 5))) static ctr_code ctr__misread(ctr__config_reader *r,
                                                                   const ctr__where *where,
                                                                   const ctr_json *value,
                                                                   const char *format, ...) {
  if (!r->err) return CTR_E_CONFIG;
  char field[256];
  ctr__where_text(where, field, sizeof field);
  ctr__fail(r->err, CTR_E_CONFIG, 0, field, "%s", "");
  va_list args;
  va_start(args, format);
  ctr__err_vadd(r->err, format, args);
  va_end(args);
  if (value && value->line) {
    r->err->line = value->line;
    r->err->column = value->column;
    ctr__err_add(r->err, " (line %u, column %u)", value->line, value->column);
  }
  return CTR_E_CONFIG;
}

static ctr_code ctr__mistyped(ctr__config_reader *r, const ctr__where *where, const ctr_json *value,
                              const char *expected) {
  ctr__misread(r, where, value, "expected %s, found %s", expected, ctr__json_type_name(value));
  return CTR_E_CONFIG; /* said here: clang's analyser does not see it there, and goes on */
}

/* -- scalars -- */

static const char *ctr__keep(ctr__config_reader *r, const char *text) {
  return r->copies ? ctr__arena_strdup(r->arena, text) : text;
}

static ctr_code ctr__read_str(ctr__config_reader *r, const ctr__where *where, const ctr_json *value,
                              const char **ret) {
  if (value->type != CTR_JSON_STRING) return ctr__mistyped(r, where, value, "a string");
  *ret = ctr__keep(r, value->as.string.text);
  return *ret ? CTR_OK : ctr__nomem(r->err);
}

static ctr_code ctr__read_integer(ctr__config_reader *r, const ctr__where *where,
                                  const ctr_json *value, const ctr__field *field,
                                  uint64_t *ret_bits) {
  int64_t min;
  uint64_t max;
  ctr__bounds(field, &min, &max);
  bool fits = value->type == CTR_JSON_INT
                  ? value->as.i64 >= min && (value->as.i64 < 0 || (uint64_t)value->as.i64 <= max)
                  : value->type == CTR_JSON_UINT && value->as.u64 <= max;
  if (!fits) {
    char found[32];
    if (value->type == CTR_JSON_INT)
      *ctr__put_int(found, value->as.i64) = '\0';
    else if (value->type == CTR_JSON_UINT)
      *ctr__put_uint(found, value->as.u64) = '\0';
    else
      snprintf(found, sizeof found, "%s", ctr__json_type_name(value));
    return ctr__misread(r, where, value, "expected an integer from %lld to %llu, found %s",
                        (long long)min, (unsigned long long)max, found);
  }
  *ret_bits = value->type == CTR_JSON_INT ? (uint64_t)value->as.i64 : value->as.u64;
  return CTR_OK;
}

static void ctr__store_integer(const ctr__field *field, void *at, uint64_t bits) {
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_INT: *(ctr_int *)at = (ctr_int){true, (int64_t)bits}; break;
  case CTR__F_UINT: *(ctr_uint *)at = (ctr_uint){true, bits}; break;
  case CTR__F_I32: *(int32_t *)at = (int32_t)(int64_t)bits; break;
  case CTR__F_U32: *(uint32_t *)at = (uint32_t)bits; break;
  default: *(uint64_t *)at = bits; break;
  }
}

static ctr_code ctr__read_name(ctr__config_reader *r, const ctr__where *where,
                               const ctr_json *value, const ctr__names *names, int64_t *ret) {
  const char *text = NULL;
  ctr_code code = ctr__read_str(r, where, value, &text);
  if (code) return code;
  const ctr__name *name = ctr__name_find(names, text);
  if (name) return *ret = name->value, CTR_OK;
  char known[256];
  const bool few = names->count <= 10;
  return ctr__misread(r, where, value, "\"%.64s\" is not a %s%s%s", text, names->what,
                      few ? "; known are " : "", few ? ctr__names_text(names, ", ", known) : "");
}

/* -- lists -- */

/* Makes room for a list's elements. */
static ctr_code ctr__new_list(ctr__config_reader *r, const ctr__where *where, const ctr_json *value,
                              ctr_json_type type, size_t size, ctr__any_list *list,
                              void **ret_items) {
  if (value->type != type)
    return ctr__mistyped(r, where, value, type == CTR_JSON_ARRAY ? "an array" : "an object");
  size_t count = value->as.list.count;
  *ret_items = ctr__arena_array(r->arena, count ? count : 1, size);
  if (!*ret_items) return ctr__nomem(r->err);
  *list = (ctr__any_list){*ret_items, count};
  return CTR_OK;
}

static ctr_code ctr__read_strs(ctr__config_reader *r, const ctr__where *where,
                               const ctr_json *value, ctr__any_list *list) {
  void *items;
  ctr_code code = ctr__new_list(r, where, value, CTR_JSON_ARRAY, sizeof(char *), list, &items);
  ctr__where at = {.up = where};
  if (code) return code;
  const char **strings = items;
  for (const ctr_json *v = value->as.list.first; v && !code; v = v->next, at.index++)
    code = ctr__read_str(r, &at, v, &strings[at.index]);
  return code;
}

static ctr_code ctr__read_ids(ctr__config_reader *r, const ctr__where *where, const ctr_json *value,
                              const ctr__field *field, ctr__any_list *list) {
  void *items;
  ctr_code code = ctr__new_list(r, where, value, CTR_JSON_ARRAY, sizeof(uint32_t), list, &items);
  ctr__where at = {.up = where};
  if (code) return code;
  uint32_t *ids = items;
  for (const ctr_json *v = value->as.list.first; v && !code; v = v->next, at.index++) {
    uint64_t bits = 0;
    code = ctr__read_integer(r, &at, v, field, &bits);
    ids[at.index] = (uint32_t)bits;
  }
  return code;
}

/* null counts as absent where names are free, too. */
static ctr_code ctr__read_pairs(ctr__config_reader *r, const ctr__where *where,
                                const ctr_json *value, ctr__any_list *list) {
  void *items;
  ctr_code code = ctr__new_list(r, where, value, CTR_JSON_OBJECT, sizeof(ctr_pair), list, &items);
  if (code) return code;
  ctr_pair *pair = items;
  for (const ctr_json *v = value->as.list.first; v && !code; v = v->next) {
    if (v->type == CTR_JSON_NULL) continue;
    ctr__where at = {where, v->key, 0};
    pair->key = ctr__keep(r, v->key);
    if (!pair->key) return ctr__nomem(r->err);
    code = ctr__read_str(r, &at, v, &pair->value);
    pair++;
  }
  list->count = (size_t)(pair - (ctr_pair *)items);
  return code;
}

static ctr_code ctr__read_bits(ctr__config_reader *r, const ctr__where *where,
                               const ctr_json *value, const ctr__names *names, uint64_t *bits) {
  if (value->type != CTR_JSON_ARRAY) return ctr__mistyped(r, where, value, "an array");
  ctr__where at = {.up = where};
  ctr_code code = CTR_OK;
  for (const ctr_json *v = value->as.list.first; v && !code; v = v->next, at.index++) {
    int64_t bit = 0;
    code = ctr__read_name(r, &at, v, names, &bit);
    *bits |= UINT64_C(1) << bit;
  }
  return code;
}

/* -- objects -- */

/* The table's types refer to each other five deep at most: this recursion is bounded by the table,
   not by the text. */
static ctr_code ctr__read_object(ctr__config_reader *r, const ctr__where *where,
                                 const ctr_json *value, const ctr__type *type, void *base);

static ctr_code ctr__read_objects(ctr__config_reader *r, const ctr__where *where,
                                  const ctr_json *value, const ctr__field *field,
                                  ctr__any_list *list) {
  bool map = field->kind == CTR__F_MAP;
  void *items;
  ctr_code code = ctr__new_list(r, where, value, map ? CTR_JSON_OBJECT : CTR_JSON_ARRAY,
                                field->type->size, list, &items);
  if (code) return code;
  size_t i = 0;
  for (const ctr_json *v = value->as.list.first; v && !code; v = v->next) {
    if (map && v->type == CTR_JSON_NULL) continue;
    ctr__where at = {where, map ? v->key : NULL, i};
    char *element = (char *)items + i++ * field->type->size;
    const char *key = map ? ctr__keep(r, v->key) : NULL;
    if (map && !key) return ctr__nomem(r->err);
    if (map) memcpy(element, &key, sizeof key);
    code = ctr__read_object(r, &at, v, field->type, element);
  }
  list->count = i;
  return code;
}

static ctr_code ctr__read_pointer(ctr__config_reader *r, const ctr__where *where,
                                  const ctr_json *value, const ctr__type *type, void *at) {
  void *object = ctr_arena_alloc(r->arena, type->size);
  if (!object) return ctr__nomem(r->err);
  memcpy(at, &object, sizeof object);
  return ctr__read_object(r, where, value, type, object);
}

static ctr_code ctr__read_field(ctr__config_reader *r, const ctr__where *where,
                                const ctr_json *value, const ctr__field *field, void *at) {
  uint64_t bits = 0;
  int64_t number = 0;
  ctr_code code;
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_STR: return ctr__read_str(r, where, value, at);
  case CTR__F_BOOL:
    if (value->type != CTR_JSON_BOOL) return ctr__mistyped(r, where, value, "true or false");
    *(bool *)at = value->as.boolean;
    return CTR_OK;
  case CTR__F_ENUM:
    code = ctr__read_name(r, where, value, field->names, &number);
    *(uint32_t *)at = (uint32_t)number;
    return code;
  case CTR__F_BITS: return ctr__read_bits(r, where, value, field->names, at);
  case CTR__F_STRS: return ctr__read_strs(r, where, value, at);
  case CTR__F_IDS: return ctr__read_ids(r, where, value, field, at);
  case CTR__F_PAIRS: return ctr__read_pairs(r, where, value, at);
  case CTR__F_LIST:
  case CTR__F_MAP: return ctr__read_objects(r, where, value, field, at);
  case CTR__F_OBJECT: return ctr__read_object(r, where, value, field->type, at);
  case CTR__F_POINTER: return ctr__read_pointer(r, where, value, field->type, at);
  default:
    code = ctr__read_integer(r, where, value, field, &bits);
    if (!code) ctr__store_integer(field, at, bits);
    return code;
  }
}

static ctr_code ctr__note_unknown(ctr__config_reader *r, const ctr__where *where) {
  if (!r->want_unknown) return CTR_OK;
  if (r->unknown_count == r->unknown_room) {
    size_t room = r->unknown_room * 2 + 8;
    const char **bigger = ctr__arena_array(r->arena, room, sizeof *bigger);
    if (!bigger) return ctr__nomem(r->err);
    if (r->unknown_count) memcpy(bigger, r->unknown, r->unknown_count * sizeof *bigger);
    r->unknown = bigger;
    r->unknown_room = room;
  }
  size_t size = ctr__where_size(where);
  char *path = ctr_arena_alloc(r->arena, size);
  if (!path) return ctr__nomem(r->err);
  ctr__where_text(where, path, size);
  r->unknown[r->unknown_count++] = path;
  return CTR_OK;
}

/* Unlike in config.json, an unknown member is an error: the text is ours alone, and what a misspelt
   member was to forbid would be allowed. */
static ctr_code ctr__read_landlock(ctr__config_reader *r, const ctr__where *top,
                                   ctr_config *config) {
  const char *text = ctr__annotation(config, CTR_LANDLOCK_ANNOTATION);
  const ctr__where all = {top, "annotations", 0}, where = {&all, CTR_LANDLOCK_ANNOTATION, 0};
  ctr__config_reader own = {.arena = r->arena, .err = r->err, .want_unknown = true};
  ctr_json *value = NULL;
  ctr_err why = {0};
  if (!text) return CTR_OK;
  ctr_landlock *landlock = ctr_arena_alloc(r->arena, sizeof *landlock);
  ctr_code code =
      landlock ? ctr_json_parse(r->arena, text, strlen(text), NULL, &value, &why) : CTR_E_NOMEM;
  if (code == CTR_E_NOMEM) return ctr__nomem(r->err);
  if (code) return ctr__misread(r, &where, NULL, "its value is no JSON text: %s", why.msg);
  code = ctr__read_object(&own, &where, value, &ctr__type_of_ctr_landlock, landlock);
  if (!code && own.unknown_count)
    return ctr__misread(r, &where, NULL, "%s: there is no such member", own.unknown[0]);
  if (!code) config->landlock = landlock;
  return code;
}

static ctr_code ctr__read_object(ctr__config_reader *r, const ctr__where *where,
                                 const ctr_json *value, const ctr__type *type, void *base) {
  if (value->type != CTR_JSON_OBJECT) return ctr__mistyped(r, where, value, "an object");
  uint64_t seen = 0; /* no type has more than 64 members */
  for (const ctr_json *v = value->as.list.first; v; v = v->next) {
    if (v->type == CTR_JSON_NULL) continue;
    const ctr__field *field = ctr__field_find(type, v->key);
    ctr__where at = {where, v->key, 0};
    ctr_code code = field ? ctr__read_field(r, &at, v, field, (char *)base + field->offset)
                          : ctr__note_unknown(r, &at);
    if (code) return code;
    if (field) seen |= UINT64_C(1) << (field - type->fields);
  }
  for (size_t i = 0; i < type->count; i++) {
    ctr__where at = {where, type->fields[i].name, 0};
    if ((type->fields[i].flags & CTR__REQUIRED) && !(seen >> i & 1))
      return ctr__misread(r, &at, value, "required, and missing from the object here");
  }
  return type == &ctr__type_of_ctr_config ? ctr__read_landlock(r, where, base) : CTR_OK;
}

/* -- the whole -- */

/* semver.org, as far as it matters: MAJOR.MINOR.PATCH, and what compatibility hangs on. */
static ctr_code ctr__read_version(ctr__config_reader *r, const ctr_json *value) {
  ctr__where where = {NULL, "ociVersion", 0};
  const char *version = value->as.string.text, *at = version;
  for (int part = 0; part < 3; part++) {
    const char *digits = at;
    at = ctr__json_digits(at, at + strlen(at));
    bool leading_zero = *digits == '0' && at - digits > 1;
    if (at == digits || leading_zero || (part < 2 && *at++ != '.'))
      return ctr__misread(r, &where, value, "\"%.64s\" is not a version like 1.3.0", version);
  }
  if (*at && ((*at != '-' && *at != '+') || !at[1]))
    return ctr__misread(r, &where, value, "\"%.64s\" is not a version like 1.3.0", version);
  if (version[1] != '.' || version[0] > '1')
    return ctr__misread(r, &where, value, "\"%.64s\": this version knows those below 2, up to %s",
                        version, CTR_OCI_VERSION);
  return CTR_OK;
}

/* An engine can pass on an annotation where it cannot say what it does not know. */
static void ctr__read_preset(ctr_config *config) {
  const char *asked = ctr__annotation(config, CTR_SECCOMP_ANNOTATION);
  const ctr__name *preset = asked ? ctr__name_find(&ctr__seccomp_presets, asked) : NULL;
  ctr_seccomp *profile = &config->linux_.seccomp;
  if (preset && !profile->defaultAction) profile->defaultAction = (ctr_seccomp_action)preset->value;
}

static ctr_code ctr__read_config(ctr__config_reader *r, const ctr_json *value,
                                 ctr_config **ret_config) {
  ctr_config *config = ctr_arena_alloc(r->arena, sizeof *config);
  if (!config) return ctr__nomem(r->err);
  ctr_code code = ctr__read_object(r, NULL, value, &ctr__type_of_ctr_config, config);
  if (!code) code = ctr__read_version(r, ctr_json_get(value, "ociVersion"));
  if (code) return code;
  ctr__read_preset(config);
  *ret_config = config;
  return CTR_OK;
}

ctr_code ctr_config_from_json(ctr_arena *arena, const ctr_json *value, ctr_config **ret_config,
                              ctr_strs *ret_unknown, ctr_err *err) {
  ctr__err_clear(err);
  if (!arena || !value || !ret_config)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, value and ret_config are needed");
  ctr__config_reader r = {.arena = arena, .err = err, .want_unknown = ret_unknown, .copies = true};
  ctr_code code = ctr__read_config(&r, value, ret_config);
  if (!code && ret_unknown) *ret_unknown = (ctr_strs){r.unknown, r.unknown_count};
  return code;
}

/* The text of a part of a config, into memory of the arena. */
static ctr_code ctr__parse_part(ctr_arena *arena, const char *text, size_t len,
                                const ctr__where *where, const ctr__type *type, void **ret,
                                ctr_err *err) {
  ctr_json *value = NULL;
  ctr__config_reader r = {.arena = arena, .err = err};
  void *part = ctr_arena_alloc(arena, type->size);
  if (!part) return ctr__nomem(err);
  ctr_code code = ctr_json_parse(arena, text, len, NULL, &value, err);
  if (!code) code = ctr__read_object(&r, where, value, type, part);
  if (!code) *ret = part;
  return code;
}

ctr_code ctr_process_config_parse(ctr_arena *arena, const char *text, size_t len,
                                  ctr_process_config **ret_process, ctr_err *err) {
  const ctr__where where = {NULL, "process", 0};
  void *part = NULL;
  ctr__err_clear(err);
  if (!arena || !text || !ret_process)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, text and ret_process are needed");
  ctr_code code =
      ctr__parse_part(arena, text, len, &where, &ctr__type_of_ctr_process_config, &part, err);
  if (!code) *ret_process = part;
  return code;
}

ctr_code ctr_resources_parse(ctr_arena *arena, const char *text, size_t len,
                             ctr_resources **ret_resources, ctr_err *err) {
  const ctr__where top = {NULL, "linux", 0}, where = {&top, "resources", 0};
  void *part = NULL;
  ctr__err_clear(err);
  if (!arena || !text || !ret_resources)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, text and ret_resources are needed");
  ctr_code code =
      ctr__parse_part(arena, text, len, &where, &ctr__type_of_ctr_resources, &part, err);
  if (!code) *ret_resources = part;
  return code;
}

ctr_code ctr_config_parse(ctr_arena *arena, const char *text, size_t len, ctr_config **ret_config,
                          ctr_err *err) {
  ctr_json *value = NULL;
  ctr__config_reader r = {.arena = arena, .err = err};
  ctr__err_clear(err);
  if (!arena || !text || !ret_config)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, text and ret_config are needed");
  ctr_code code = ctr_json_parse(arena, text, len, NULL, &value, err);
  return code ? code : ctr__read_config(&r, value, ret_config);
}

/* ==== [SECTION] config/check.c ================================================================ */
/* What can be said of a config without looking at the machine: nothing in it is passed over in
   silence, and nothing in it contradicts itself. */

typedef struct ctr__checker {
  const ctr_config *config;
  const ctr_log *log;
  ctr_err *err;
} ctr__checker;

__attribute__((format(printf, 3, 4))) static ctr_code ctr__wrong(ctr__checker *c, const char *field,
                                                                 const char *format, ...) {
  if (!c->err) return CTR_E_CONFIG;
  ctr__fail(c->err, CTR_E_CONFIG, 0, field, "%s", "");
  va_list args;
  va_start(args, format);
  ctr__err_vadd(c->err, format, args);
  va_end(args);
  return CTR_E_CONFIG;
}

/* "mounts[3].source": a name for an element's member; the buffer is the caller's. */
__attribute__((format(printf, 2, 3))) static const char *ctr__name_it(char name[128],
                                                                      const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(name, 128, format, args);
  va_end(args);
  return name;
}

/* -- the shape: what a reader has seen to, and a caller who fills the structs may have missed -- */

__attribute__((format(printf, 3, 4))) static ctr_code
ctr__misshaped(ctr__checker *c, const ctr__where *where, const char *format, ...) {
  char field[128];
  if (!c->err) return CTR_E_CONFIG;
  ctr__where_text(where, field, sizeof field);
  ctr__fail(c->err, CTR_E_CONFIG, 0, field, "%s", "");
  va_list args;
  va_start(args, format);
  ctr__err_vadd(c->err, format, args);
  va_end(args);
  return CTR_E_CONFIG;
}

static ctr_code ctr__check_integer(ctr__checker *c, const ctr__where *where,
                                   const ctr__field *field, bool is_signed, uint64_t bits) {
  int64_t min;
  uint64_t max;
  ctr__bounds(field, &min, &max);
  bool negative = is_signed && (int64_t)bits < 0;
  bool above = negative ? (int64_t)bits >= min : min <= 0 || bits >= (uint64_t)min;
  if (above && (negative || bits <= max)) return CTR_OK;
  return ctr__misshaped(c, where, "must be from %lld to %llu", (long long)min,
                        (unsigned long long)max);
}

static ctr_code ctr__check_number(ctr__checker *c, const ctr__where *where, const ctr__field *field,
                                  const void *at) {
  const ctr_int *i = at;
  const ctr_uint *u = at;
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_INT:
    return i->set ? ctr__check_integer(c, where, field, true, (uint64_t)i->value) : CTR_OK;
  case CTR__F_UINT: return u->set ? ctr__check_integer(c, where, field, false, u->value) : CTR_OK;
  case CTR__F_I32:
    return ctr__check_integer(c, where, field, true, (uint64_t)(int64_t)(*(const int32_t *)at));
  case CTR__F_I64: return ctr__check_integer(c, where, field, true, *(const uint64_t *)at);
  case CTR__F_U32: return ctr__check_integer(c, where, field, false, *(const uint32_t *)at);
  default: return ctr__check_integer(c, where, field, false, *(const uint64_t *)at);
  }
}

static ctr_code ctr__check_name(ctr__checker *c, const ctr__where *where, const ctr__field *field,
                                const void *at) {
  uint64_t known = 0, bits = 0;
  if (field->kind == CTR__F_ENUM) {
    uint32_t value = *(const uint32_t *)at;
    if (!value && (field->flags & CTR__REQUIRED))
      return ctr__misshaped(c, where, "required, and missing");
    if (!value || *ctr__name_of(field->names, value) != '?') return CTR_OK;
    return ctr__misshaped(c, where, "%#x is not a %s", value, field->names->what);
  }
  bits = *(const uint64_t *)at;
  for (size_t i = 0; i < field->names->count; i++)
    known |= UINT64_C(1) << field->names->items[i].value;
  if (!(bits & ~known)) return CTR_OK;
  return ctr__misshaped(c, where, "%#llx has bits that stand for no %s", (unsigned long long)bits,
                        field->names->what);
}

static ctr_code ctr__check_shape(ctr__checker *c, const ctr__where *where, const ctr__type *type,
                                 const void *base);

/* The elements of a list of any kind. */
static ctr_code ctr__check_elements(ctr__checker *c, const ctr__where *where,
                                    const ctr__field *field, ctr__any_list list) {
  if (list.count && !list.items)
    return ctr__misshaped(c, where, "a list of %zu without items", list.count);
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < list.count && !code; i++) {
    ctr__where at = {where, NULL, i};
    const ctr_pair *pair = (const ctr_pair *)list.items + i;
    const char *element = list.items;
    if (field->kind == CTR__F_STRS && !((const char *const *)list.items)[i])
      code = ctr__misshaped(c, &at, "missing");
    if (field->kind == CTR__F_IDS)
      code = ctr__check_integer(c, &at, field, false, ((const uint32_t *)list.items)[i]);
    if (field->kind == CTR__F_PAIRS && (!pair->key || !pair->value))
      code = ctr__misshaped(c, where, "element %zu has no %s", i, pair->key ? "value" : "key");
    if (field->kind != CTR__F_LIST && field->kind != CTR__F_MAP) continue;
    element += i * field->type->size;
    if (field->kind == CTR__F_MAP && !ctr__key_at(element))
      return ctr__misshaped(c, where, "element %zu has no key", i);
    if (field->kind == CTR__F_MAP) at.name = ctr__key_at(element);
    code = ctr__check_shape(c, &at, field->type, element);
  }
  return code;
}

static ctr_code ctr__check_member(ctr__checker *c, const ctr__where *where, const ctr__field *field,
                                  const void *base) {
  const void *at = (const char *)base + field->offset;
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_BOOL: return CTR_OK;
  case CTR__F_STR:
    return (field->flags & CTR__REQUIRED) && !(field->flags & CTR__IN_TEXT) && !ctr__pointer_at(at)
               ? ctr__misshaped(c, where, "required, and missing")
               : CTR_OK;
  case CTR__F_ENUM:
  case CTR__F_BITS: return ctr__check_name(c, where, field, at);
  case CTR__F_STRS:
  case CTR__F_IDS:
  case CTR__F_PAIRS:
  case CTR__F_LIST:
  case CTR__F_MAP: return ctr__check_elements(c, where, field, ctr__list_at(at));
  case CTR__F_OBJECT:
    return ctr__field_is_set(field, base) ? ctr__check_shape(c, where, field->type, at) : CTR_OK;
  case CTR__F_POINTER:
    return ctr__pointer_at(at) ? ctr__check_shape(c, where, field->type, ctr__pointer_at(at))
                               : CTR_OK;
  default: return ctr__check_number(c, where, field, at);
  }
}

/* Recursion is bounded by the table. */
static ctr_code ctr__check_shape(ctr__checker *c, const ctr__where *where, const ctr__type *type,
                                 const void *base) {
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < type->count && !code; i++) {
    ctr__where here = {where, type->fields[i].name, 0};
    code = ctr__check_member(c, &here, &type->fields[i], base);
  }
  return code;
}

/* Of a config and what it carries besides. */
static ctr_code ctr__check_shapes(ctr__checker *c) {
  const ctr__where landlock = {NULL, "landlock", 0};
  ctr_code code = ctr__check_shape(c, NULL, &ctr__type_of_ctr_config, c->config);
  return code || !c->config->landlock
             ? code
             : ctr__check_shape(c, &landlock, &ctr__type_of_ctr_landlock, c->config->landlock);
}

/* -- what is not executed -- */

static ctr_code ctr__refuse_unexecuted(ctr__checker *c, const ctr__where *where,
                                       const ctr__type *type, const void *base) {
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < type->count && !code; i++) {
    const ctr__field *field = &type->fields[i];
    const char *at = (const char *)base + field->offset;
    ctr__where here = {where, field->name, 0};
    if (!ctr__field_is_set(field, base)) continue;
    if (field->flags & CTR__NOT_EXECUTED) {
      char name[128];
      ctr__where_text(&here, name, sizeof name);
      return ctr__fail(c->err, CTR_E_UNSUPPORTED, 0, name,
                       "this version of ctr.h does not execute it; take it out, or use a version "
                       "that does");
    }
    if (field->kind == CTR__F_OBJECT) code = ctr__refuse_unexecuted(c, &here, field->type, at);
    if (field->kind != CTR__F_LIST) continue;
    ctr__any_list list = ctr__list_at(at);
    for (size_t n = 0; n < list.count && !code; n++) {
      ctr__where element = {&here, NULL, n};
      code = ctr__refuse_unexecuted(c, &element, field->type,
                                    (const char *)list.items + n * field->type->size);
    }
  }
  return code;
}

/* -- process -- */

/* execve(2), "Limits on size of arguments and environment": 32 pages for one string. */
static ctr_code ctr__check_lengths(ctr__checker *c, const char *field, ctr_strs strings) {
  enum { LONGEST = 131072 };
  char name[128];
  for (size_t i = 0; i < strings.count; i++)
    if (strlen(strings.items[i]) >= LONGEST)
      return ctr__wrong(c, ctr__name_it(name, "%s[%zu]", field, i),
                        "longer than the kernel takes, %d bytes", LONGEST - 1);
  return CTR_OK;
}

static ctr_code ctr__check_process(ctr__checker *c) {
  const ctr_process_config *p = &c->config->process;
  char name[128];
  if (!p->args.count || !*p->args.items[0])
    return ctr__wrong(c, "process.args", "the program to run is missing");
  if (!p->cwd || *p->cwd != '/') return ctr__wrong(c, "process.cwd", "must be an absolute path");
  ctr_code code = ctr__check_lengths(c, "process.args", p->args);
  if (!code) code = ctr__check_lengths(c, "process.env", p->env);
  if (code) return code;
  if (!strchr(p->args.items[0], '/') && strlen(p->args.items[0]) > NAME_MAX)
    return ctr__wrong(c, "process.args[0]", "longer than a file name can be, %d bytes", NAME_MAX);
  for (size_t i = 0; i < p->env.count; i++) {
    const char *equals = strchr(p->env.items[i], '=');
    if (!equals || equals == p->env.items[i])
      return ctr__wrong(c, ctr__name_it(name, "process.env[%zu]", i),
                        "\"%.64s\" is not of the form NAME=value", p->env.items[i]);
  }
  for (size_t i = 0; i < p->rlimits.count; i++) {
    const ctr_rlimit *limit = &p->rlimits.items[i];
    if (limit->soft > limit->hard)
      return ctr__wrong(c, ctr__name_it(name, "process.rlimits[%zu]", i),
                        "the soft limit is above the hard one");
    for (size_t j = 0; j < i; j++)
      if (p->rlimits.items[j].type == limit->type)
        return ctr__wrong(c, ctr__name_it(name, "process.rlimits[%zu].type", i), "%s a second time",
                          ctr__name_of(&ctr__rlimit_names, limit->type));
  }
  return CTR_OK;
}

static ctr_code ctr__check_priorities(ctr__checker *c) {
  const ctr_process_config *p = &c->config->process;
  const ctr_scheduler *s = &p->scheduler;
  bool realtime = s->policy == CTR_SCHED_FIFO || s->policy == CTR_SCHED_RR;
  if (realtime ? s->priority < 1 : s->priority != 0)
    return ctr__wrong(c, "process.scheduler.priority",
                      "must be from 1 to 99 for SCHED_FIFO and SCHED_RR, and 0 for the others");
  if (s->policy != CTR_SCHED_DEADLINE && (s->runtime | s->deadline | s->period))
    return ctr__wrong(c, "process.scheduler",
                      "runtime, deadline and period are for SCHED_DEADLINE only");
  return CTR_OK;
}

/* What execve would leave of the ambient set: capabilities(7) keeps in it only what is permitted
   and inheritable. */
static uint64_t ctr__ambient_effective(const ctr_capabilities *caps) {
  return caps->ambient & caps->inheritable & caps->permitted;
}

static ctr_code ctr__check_capabilities(ctr__checker *c) {
  const ctr_capabilities *caps = &c->config->process.capabilities;
  if (caps->effective & ~caps->permitted)
    return ctr__wrong(c, "process.capabilities.effective",
                      "has capabilities that process.capabilities.permitted lacks");
  if (caps->inheritable & ~(caps->permitted | caps->bounding))
    ctr__log(c->log, CTR_LOG_WARNING, "process.capabilities.inheritable",
             "capabilities that are neither permitted nor in the bounding set cannot be "
             "inheritable: they are left out");
  if (caps->ambient != ctr__ambient_effective(caps))
    ctr__log(c->log, CTR_LOG_WARNING, "process.capabilities.ambient",
             "capabilities that are not both permitted and inheritable cannot be ambient: they "
             "are left out");
  return CTR_OK;
}

/* -- namespaces and ids -- */

static const ctr_namespace *ctr__namespace_of(const ctr_config *config, uint32_t type) {
  const ctr_namespaces *all = &config->linux_.namespaces;
  for (size_t i = 0; i < all->count; i++)
    if ((uint32_t)all->items[i].type == type) return &all->items[i];
  return NULL;
}

static ctr_code ctr__check_namespaces(ctr__checker *c) {
  const ctr_namespaces *all = &c->config->linux_.namespaces;
  char name[128];
  for (size_t i = 0; i < all->count; i++) {
    if (ctr__namespace_of(c->config, (uint32_t)all->items[i].type) != &all->items[i])
      return ctr__wrong(c, ctr__name_it(name, "linux.namespaces[%zu].type", i),
                        "\"%s\" a second time",
                        ctr__name_of(&ctr__namespace_names, all->items[i].type));
    if (all->items[i].path && *all->items[i].path != '/')
      return ctr__wrong(c, ctr__name_it(name, "linux.namespaces[%zu].path", i),
                        "must be an absolute path");
  }
  return CTR_OK;
}

/* What changes a namespace needs one that is not the host's. */
static ctr_code ctr__check_owners(ctr__checker *c) {
  const ctr_config *config = c->config;
  const ctr_time_offsets *offsets = &config->linux_.timeOffsets;
  const struct {
    bool asked;
    uint32_t type;
    bool new_one; /* a joined one cannot be changed any more */
    const char *field;
  } needs[] = {{config->hostname != NULL, CTR_NS_UTS, false, "hostname"},
               {config->domainname != NULL, CTR_NS_UTS, false, "domainname"},
               {offsets->monotonic.secs.set || offsets->monotonic.nanosecs.set, CTR_NS_TIME, true,
                "linux.timeOffsets.monotonic"},
               {offsets->boottime.secs.set || offsets->boottime.nanosecs.set, CTR_NS_TIME, true,
                "linux.timeOffsets.boottime"},
               {config->linux_.uidMappings.count > 0, CTR_NS_USER, true, "linux.uidMappings"},
               {config->linux_.gidMappings.count > 0, CTR_NS_USER, true, "linux.gidMappings"}};
  for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
    const ctr_namespace *ns = ctr__namespace_of(config, needs[i].type);
    if (needs[i].asked && (!ns || (needs[i].new_one && ns->path)))
      return ctr__wrong(c, needs[i].field, "needs a %s%s namespace in linux.namespaces",
                        needs[i].new_one ? "new " : "",
                        ctr__name_of(&ctr__namespace_names, needs[i].type));
  }
  return CTR_OK;
}

/* sethostname(2): 64 bytes at most. */
static ctr_code ctr__check_names(ctr__checker *c) {
  const struct {
    const char *value, *field;
  } names[] = {{c->config->hostname, "hostname"}, {c->config->domainname, "domainname"}};
  for (size_t i = 0; i < 2; i++)
    if (names[i].value && strlen(names[i].value) > 64)
      return ctr__wrong(c, names[i].field, "longer than 64 bytes");
  return CTR_OK;
}

static bool ctr__ranges_meet(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size) {
  return (uint64_t)a < (uint64_t)b + b_size && (uint64_t)b < (uint64_t)a + a_size;
}

/* user_namespaces(7): at most 340 lines, none empty, none overlapping, none past the last id. */
static ctr_code ctr__check_map_ranges(ctr__checker *c, const char *field, ctr_id_mappings map) {
  char name[128];
  if (map.count > 340) return ctr__wrong(c, field, "more than 340 ranges");
  for (size_t i = 0; i < map.count; i++) {
    const ctr_id_mapping *m = &map.items[i];
    ctr__name_it(name, "%s[%zu]", field, i);
    if (!m->size) return ctr__wrong(c, name, "a range of size 0");
    if ((uint64_t)m->containerID + m->size > UINT32_MAX ||
        (uint64_t)m->hostID + m->size > UINT32_MAX)
      return ctr__wrong(c, name, "the range goes past the last id, 4294967294");
    for (size_t j = 0; j < i; j++) {
      const ctr_id_mapping *n = &map.items[j];
      if (ctr__ranges_meet(m->containerID, m->size, n->containerID, n->size) ||
          ctr__ranges_meet(m->hostID, m->size, n->hostID, n->size))
        return ctr__wrong(c, name, "overlaps %s[%zu]", field, j);
    }
  }
  return CTR_OK;
}

/* The two maps of owner: both or none of them. */
static ctr_code ctr__check_map_pair(ctr__checker *c, const char *owner, ctr_id_mappings uids,
                                    ctr_id_mappings gids) {
  char name[2][128];
  ctr__name_it(name[0], "%s.uidMappings", owner);
  ctr__name_it(name[1], "%s.gidMappings", owner);
  if (!uids.count != !gids.count)
    return ctr__wrong(c, name[uids.count != 0], "missing: the other map is given");
  ctr_code code = ctr__check_map_ranges(c, name[0], uids);
  return code ? code : ctr__check_map_ranges(c, name[1], gids);
}

/* config-linux.md "User namespace mappings", config.md "Mounts" */
static ctr_code ctr__check_maps(ctr__checker *c) {
  const ctr_linux *lin = &c->config->linux_;
  char name[128];
  ctr_code code = ctr__check_map_pair(c, "linux", lin->uidMappings, lin->gidMappings);
  for (size_t i = 0; i < c->config->mounts.count && !code; i++) {
    const ctr_mount *mount = &c->config->mounts.items[i];
    code = ctr__check_map_pair(c, ctr__name_it(name, "mounts[%zu]", i), mount->uidMappings,
                               mount->gidMappings);
  }
  return code;
}

/* -- paths, devices, settings -- */

static ctr_code ctr__check_absolute(ctr__checker *c, const char *field, ctr_strs paths) {
  char name[128];
  for (size_t i = 0; i < paths.count; i++)
    if (*paths.items[i] != '/')
      return ctr__wrong(c, ctr__name_it(name, "%s[%zu]", field, i), "must be an absolute path");
  return CTR_OK;
}

static bool ctr__same_path(const char *a, const char *b) {
  const char *name_a, *name_b;
  for (;;) {
    size_t len_a, len_b;
    while ((len_a = ctr__component(&a, &name_a)) == 1 && *name_a == '.') continue;
    while ((len_b = ctr__component(&b, &name_b)) == 1 && *name_b == '.') continue;
    if (len_a != len_b || memcmp(name_a, name_b, len_a) != 0) return false;
    if (!len_a) return true;
  }
}

/* Types of ours: what is made, not mounted. */
#define CTR__TYPE_OURS    "ctr."
#define CTR__TYPE_DIR     CTR__TYPE_OURS "dir"
#define CTR__TYPE_FILE    CTR__TYPE_OURS "file"
#define CTR__TYPE_SYMLINK CTR__TYPE_OURS "symlink"
#define CTR__TYPE_MODE    CTR__TYPE_OURS "mode"

static bool ctr__is_made(const ctr_mount *mount) {
  return mount->type && !strncmp(mount->type, CTR__TYPE_OURS, sizeof CTR__TYPE_OURS - 1);
}

static bool ctr__is_remount(const ctr_mount *mount) {
  for (size_t i = 0; i < mount->options.count; i++)
    if (!strcmp(mount->options.items[i], "remount")) return true;
  return false;
}

/* The mount that is the container's root, where it has one of its own. */
static const ctr_mount *ctr__root_mount(const ctr_config *config) {
  const ctr_mounts *all = &config->mounts;
  const ctr_mount *first = all->count ? &all->items[0] : NULL;
  const bool is_root = first && ctr__is_root_path(first->destination) && !ctr__is_made(first) &&
                       !ctr__is_remount(first);
  return is_root ? first : NULL;
}

static ctr_code ctr__check_data(ctr__checker *c, size_t index) {
  const ctr_mount *mount = &c->config->mounts.items[index];
  const char *wrong = !mount->data.items ? "bytes are promised that are not there"
                      : !mount->type || strcmp(mount->type, CTR__TYPE_FILE) != 0
                          ? "only the type " CTR__TYPE_FILE " has any"
                      : mount->source ? "the file has a source already"
                                      : NULL;
  char name[128];
  if (!mount->data.count || !wrong) return CTR_OK;
  return ctr__wrong(c, ctr__name_it(name, "mounts[%zu].data", index), "%s", wrong);
}

static ctr_code ctr__check_mounts(ctr__checker *c) {
  char name[128];
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < c->config->mounts.count && !code; i++)
    code = *c->config->mounts.items[i].destination
               ? ctr__check_data(c, i)
               : ctr__wrong(c, ctr__name_it(name, "mounts[%zu].destination", i), "empty");
  return code;
}

static ctr_code ctr__check_paths(ctr__checker *c) {
  const char *root = c->config->root.path;
  if (!ctr__root_mount(c->config) && (!root || !*root))
    return ctr__wrong(c, "root.path", "required, and missing");
  ctr_code code = ctr__check_absolute(c, "linux.maskedPaths", c->config->linux_.maskedPaths);
  if (!code) code = ctr__check_absolute(c, "linux.readonlyPaths", c->config->linux_.readonlyPaths);
  return code;
}

static ctr_code ctr__check_devices(ctr__checker *c) {
  const ctr_devices *all = &c->config->linux_.devices;
  char name[128];
  for (size_t i = 0; i < all->count; i++) {
    const ctr_device *d = &all->items[i];
    if (!*d->type || d->type[1] || !strchr("cbup", *d->type))
      return ctr__wrong(c, ctr__name_it(name, "linux.devices[%zu].type", i),
                        "\"%.64s\" is not c, b, u or p", d->type);
    if (*d->path != '/')
      return ctr__wrong(c, ctr__name_it(name, "linux.devices[%zu].path", i),
                        "must be an absolute path");
    if (*d->type != 'p' && (!d->major_.set || !d->minor_.set))
      return ctr__wrong(c, ctr__name_it(name, "linux.devices[%zu]", i),
                        "major and minor are required for type %s", d->type);
  }
  return CTR_OK;
}

static ctr_code ctr__check_sysctls(ctr__checker *c) {
  const ctr_pairs *all = &c->config->linux_.sysctl;
  char name[128];
  for (size_t i = 0; i < all->count; i++) {
    const char *key = all->items[i].key;
    ctr__name_it(name, "linux.sysctl.%s", key);
    if (!*key || strchr("./", *key) || strchr("./", key[strlen(key) - 1]) || strstr(key, "..") ||
        strstr(key, "//") || strstr(key, "./") || strstr(key, "/."))
      return ctr__wrong(c, name, "not the name of a setting");
    if (strchr(all->items[i].value, '\n')) return ctr__wrong(c, name, "a value of several lines");
  }
  return CTR_OK;
}

/* The preset that the annotation names is the one in force, or it is an error. */
static ctr_code ctr__check_preset(ctr__checker *c) {
  const char *field = "annotations." CTR_SECCOMP_ANNOTATION;
  const ctr_seccomp_action action = c->config->linux_.seccomp.defaultAction;
  const char *asked = ctr__annotation(c->config, CTR_SECCOMP_ANNOTATION);
  const ctr__name *preset = asked ? ctr__name_find(&ctr__seccomp_presets, asked) : NULL;
  char known[256];
  if (asked && !preset)
    return ctr__wrong(c, field, "\"%.64s\" is not a %s; known are %s", asked,
                      ctr__seccomp_presets.what,
                      ctr__names_text(&ctr__seccomp_presets, ", ", known));
  if (preset && !action)
    return ctr__wrong(c, field,
                      "it is read with the text of a config: in a struct it is "
                      "linux_.seccomp.defaultAction");
  if (preset && preset->value != (int64_t)action)
    return ctr__wrong(c, field,
                      "linux.seccomp says something else: take one of them out (podman run "
                      "--security-opt seccomp=unconfined)");
  return CTR_OK;
}

/* config.md "Annotations": a key has at least one character. */
static ctr_code ctr__check_annotations(ctr__checker *c) {
  const ctr_pairs *all = &c->config->annotations;
  for (size_t i = 0; i < all->count; i++)
    if (!*all->items[i].key) return ctr__wrong(c, "annotations", "a key is empty");
  if (!c->config->landlock && ctr__annotation(c->config, CTR_LANDLOCK_ANNOTATION))
    return ctr__wrong(c, "annotations." CTR_LANDLOCK_ANNOTATION,
                      "it is read with the text of a config: in a struct it is landlock");
  return ctr__check_preset(c);
}

/* -- landlock -- */

static ctr_code ctr__check_landlock_names(ctr__checker *c, enum ctr__landlock_kind kind,
                                          const char *field, ctr_strs names) {
  static const char *const kinds[] = {"access right of files", "access right of TCP", "scope"};
  char name[128];
  for (size_t i = 0; i < names.count; i++)
    if (!ctr__landlock_find(kind, names.items[i]))
      return ctr__wrong(c, ctr__name_it(name, "%s[%zu]", field, i), "Landlock has no %s \"%.64s\"",
                        kinds[kind], names.items[i]);
  return CTR_OK;
}

/* What a rule allows was denied before, or it says nothing; of a group, what was. */
static ctr_code ctr__check_landlock_rule(ctr__checker *c, enum ctr__landlock_kind kind,
                                         const char *rule, ctr_strs allowed, uint64_t handled) {
  char field[128], name[128];
  ctr__name_it(field, "%s.allowedAccess", rule);
  if (!allowed.count) return ctr__wrong(c, field, "at least one is needed");
  ctr_code code = ctr__check_landlock_names(c, kind, field, allowed);
  for (size_t i = 0; i < allowed.count && !code; i++)
    if (!(ctr__landlock_find(kind, allowed.items[i])->bits & handled))
      code = ctr__wrong(c, ctr__name_it(name, "%s[%zu]", field, i),
                        "\"%.64s\" is not among %s: it is allowed anyway", allowed.items[i],
                        ctr__landlock_fields[kind]);
  return code;
}

static ctr_code ctr__check_landlock_paths(ctr__checker *c, size_t index, uint64_t handled) {
  const ctr_landlock_path *rule = &c->config->landlock->pathBeneath.items[index];
  char field[128], name[128];
  ctr__name_it(field, "landlock.pathBeneath[%zu]", index);
  for (size_t i = 0; i < rule->paths.count; i++)
    if (*rule->paths.items[i] != '/')
      return ctr__wrong(c, ctr__name_it(name, "%s.paths[%zu]", field, i),
                        "must be an absolute path");
  return ctr__check_landlock_rule(c, CTR__LANDLOCK_FS, field, rule->allowedAccess, handled);
}

static ctr_code ctr__check_landlock(ctr__checker *c) {
  const ctr_landlock *l = c->config->landlock;
  char field[128];
  if (!l) return CTR_OK;
  ctr_code code = CTR_OK;
  uint64_t handled[CTR__LANDLOCK_KINDS] = {0};
  for (int kind = 0; kind < CTR__LANDLOCK_KINDS && !code; kind++) {
    const enum ctr__landlock_kind k = (enum ctr__landlock_kind)kind;
    const ctr_strs names = ctr__landlock_names(l, k);
    code = ctr__check_landlock_names(c, k, ctr__landlock_fields[kind], names);
    if (!code) handled[kind] = ctr__landlock_bits(k, names);
  }
  if (!code && !(handled[0] | handled[1] | handled[2]))
    return ctr__wrong(c, "landlock", "nothing is handled and nothing scoped: it denies nothing");
  for (size_t i = 0; i < l->pathBeneath.count && !code; i++)
    code = ctr__check_landlock_paths(c, i, handled[CTR__LANDLOCK_FS]);
  for (size_t i = 0; i < l->netPort.count && !code; i++)
    code = ctr__check_landlock_rule(c, CTR__LANDLOCK_NET,
                                    ctr__name_it(field, "landlock.netPort[%zu]", i),
                                    l->netPort.items[i].allowedAccess, handled[CTR__LANDLOCK_NET]);
  return code;
}

/* set_mempolicy(2): which modes go with nodes. */
static ctr_code ctr__check_modes(ctr__checker *c) {
  const ctr_memory_policy *policy = &c->config->linux_.memoryPolicy;
  const char *nodes = policy->nodes ? policy->nodes : "";
  bool none = policy->mode == CTR_MPOL_DEFAULT || policy->mode == CTR_MPOL_LOCAL;
  if (none && *nodes) return ctr__wrong(c, "linux.memoryPolicy.nodes", "this mode takes no nodes");
  if (policy->mode && !none && policy->mode != CTR_MPOL_PREFERRED && !*nodes)
    return ctr__wrong(c, "linux.memoryPolicy.nodes", "this mode needs nodes");
  if (c->config->linux_.personality.flags.count)
    return ctr__wrong(c, "linux.personality.flags", "no flag is defined by the specification");
  return CTR_OK;
}

/* config.md "POSIX-platform Hooks": paths are absolute. */
static ctr_code ctr__check_hooks(ctr__checker *c) {
  char name[128];
  for (size_t kind = 0; kind < ctr__type_of_ctr_hooks.count; kind++) {
    const ctr__field *field = &ctr__type_of_ctr_hooks.fields[kind];
    ctr__any_list list = ctr__list_at((const char *)&c->config->hooks + field->offset);
    for (size_t i = 0; i < list.count; i++)
      if (*((const ctr_hook *)list.items)[i].path != '/')
        return ctr__wrong(c, ctr__name_it(name, "hooks.%s[%zu].path", field->name, i),
                          "must be an absolute path");
  }
  return CTR_OK;
}

/* ioctl_tty(2): the kernel's struct winsize has 16 bits for each. */
static ctr_code ctr__check_console(ctr__checker *c) {
  const ctr_console_size *size = &c->config->process.consoleSize;
  bool fits = size->height.value <= UINT16_MAX && size->width.value <= UINT16_MAX;
  return fits || !c->config->process.terminal
             ? CTR_OK
             : ctr__wrong(c, "process.consoleSize", "more than 65535 rows or columns");
}

/* -- seccomp -- */

/* config-linux.md "Seccomp": an errno is for actions that take one. The kernel gives errnos up to
   4095 (seccomp(2)) and tracers 16 bits. */
static ctr_code ctr__check_errno(ctr__checker *c, const char *field, ctr_seccomp_action action,
                                 ctr_uint number) {
  const bool is_errno = action == CTR_SCMP_ACT_ERRNO;
  if (!number.set) return CTR_OK;
  if (!is_errno && action != CTR_SCMP_ACT_TRACE)
    return ctr__wrong(c, field, "the action %s takes none",
                      ctr__name_of(&ctr__seccomp_defaults, action));
  const uint64_t most = is_errno ? 4095 : UINT16_MAX;
  return number.value <= most ? CTR_OK
                              : ctr__wrong(c, field, "above %llu", (unsigned long long)most);
}

static ctr_code ctr__check_known(ctr__checker *c, const char *field, ctr_strs strings,
                                 const ctr__names *names) {
  char name[128];
  for (size_t i = 0; i < strings.count; i++)
    if (!ctr__name_find(names, strings.items[i]))
      return ctr__wrong(c, ctr__name_it(name, "%s[%zu]", field, i), "\"%.64s\" is not a %s",
                        strings.items[i], names->what);
  return CTR_OK;
}

static ctr_code ctr__check_syscall(ctr__checker *c, size_t index) {
  const ctr_syscall *call = &c->config->linux_.seccomp.syscalls.items[index];
  char name[128];
  if (!call->names.count)
    return ctr__wrong(c, ctr__name_it(name, "linux.seccomp.syscalls[%zu].names", index),
                      "at least one is needed");
  for (size_t i = 0; i < call->args.count; i++)
    if (call->args.items[i].index > 5)
      return ctr__wrong(c,
                        ctr__name_it(name, "linux.seccomp.syscalls[%zu].args[%zu].index", index, i),
                        "system calls have six arguments, 0 to 5");
  for (size_t i = 0; i < call->names.count && call->action == CTR_SCMP_ACT_NOTIFY; i++)
    if (!strcmp(call->names.items[i], "sendmsg") || !strcmp(call->names.items[i], "socketcall"))
      return ctr__wrong(
          c, ctr__name_it(name, "linux.seccomp.syscalls[%zu].names[%zu]", index, i),
          "SCMP_ACT_NOTIFY cannot be for the call that brings the listener its descriptor");
  return ctr__check_errno(c, ctr__name_it(name, "linux.seccomp.syscalls[%zu].errnoRet", index),
                          call->action, call->errnoRet);
}

/* Whether somebody is to answer for the kernel. */
static bool ctr__seccomp_notifies(const ctr_seccomp *s) {
  for (size_t i = 0; i < s->syscalls.count; i++)
    if (s->syscalls.items[i].action == CTR_SCMP_ACT_NOTIFY) return true;
  return false;
}

static ctr_code ctr__check_listener(ctr__checker *c) {
  const ctr_seccomp *s = &c->config->linux_.seccomp;
  char name[128];
  if (s->listenerMetadata && !s->listenerPath)
    return ctr__wrong(c, "linux.seccomp.listenerMetadata",
                      "there is no listenerPath to send it to");
  if (s->defaultAction == CTR_SCMP_ACT_NOTIFY)
    return ctr__wrong(c, "linux.seccomp.defaultAction",
                      "SCMP_ACT_NOTIFY for all calls would be for those too that bring the "
                      "listener its descriptor");
  if (ctr__seccomp_notifies(s)) return CTR_OK;
  for (size_t i = 0; i < s->flags.count; i++)
    if (ctr__name_find(&ctr__seccomp_flags, s->flags.items[i])->value ==
        CTR__SECCOMP_WAIT_KILLABLE_RECV)
      return ctr__wrong(c, ctr__name_it(name, "linux.seccomp.flags[%zu]", i),
                        "is about notifications, and no action is SCMP_ACT_NOTIFY");
  return CTR_OK;
}

static ctr_code ctr__check_seccomp(ctr__checker *c) {
  const ctr_seccomp *s = &c->config->linux_.seccomp;
  ctr_code code =
      ctr__check_errno(c, "linux.seccomp.defaultErrnoRet", s->defaultAction, s->defaultErrnoRet);
  if (!code)
    code = ctr__check_known(c, "linux.seccomp.architectures", s->architectures,
                            &ctr__seccomp_architectures);
  if (!code) code = ctr__check_known(c, "linux.seccomp.flags", s->flags, &ctr__seccomp_flags);
  for (size_t i = 0; i < s->syscalls.count && !code; i++) code = ctr__check_syscall(c, i);
  return code ? code : ctr__check_listener(c);
}

static ctr_code ctr__config_check(const ctr_config *config, const ctr_log *log, ctr_err *err) {
  static ctr_code (*const checks[])(
      ctr__checker *) = {ctr__check_process,     ctr__check_priorities, ctr__check_capabilities,
                         ctr__check_namespaces,  ctr__check_owners,     ctr__check_names,
                         ctr__check_maps,        ctr__check_mounts,     ctr__check_paths,
                         ctr__check_devices,     ctr__check_sysctls,    ctr__check_modes,
                         ctr__check_annotations, ctr__check_hooks,      ctr__check_console,
                         ctr__check_seccomp,     ctr__check_landlock};
  ctr__checker c = {config, log, err};
  ctr_code code = ctr__check_shapes(&c);
  if (!code) code = ctr__refuse_unexecuted(&c, NULL, &ctr__type_of_ctr_config, config);
  for (size_t i = 0; i < sizeof checks / sizeof *checks && !code; i++) code = checks[i](&c);
  return code;
}

/* ==== [SECTION] config/write.c ================================================================ */
/* Config to JSON, by the same table: members in its order, absent ones left out. */

static ctr_json *ctr__write_object(ctr_arena *arena, const ctr__type *type, const void *base);

static ctr_json *ctr__write_strs(ctr_arena *arena, ctr__any_list list) {
  ctr_json *array = ctr_json_new(arena, CTR_JSON_ARRAY);
  const char *const *items = list.items;
  for (size_t i = 0; i < list.count && array; i++)
    if (!ctr_json_add(arena, array, NULL, ctr_json_new_string(arena, items[i]))) return NULL;
  return array;
}

static ctr_json *ctr__write_ids(ctr_arena *arena, ctr__any_list list) {
  ctr_json *array = ctr_json_new(arena, CTR_JSON_ARRAY);
  const uint32_t *items = list.items;
  for (size_t i = 0; i < list.count && array; i++)
    if (!ctr_json_add(arena, array, NULL, ctr_json_new_uint(arena, items[i]))) return NULL;
  return array;
}

static ctr_json *ctr__write_pairs(ctr_arena *arena, ctr__any_list list) {
  ctr_json *object = ctr_json_new(arena, CTR_JSON_OBJECT);
  const ctr_pair *items = list.items;
  for (size_t i = 0; i < list.count && object; i++)
    if (!ctr_json_add(arena, object, items[i].key, ctr_json_new_string(arena, items[i].value)))
      return NULL;
  return object;
}

static ctr_json *ctr__write_bits(ctr_arena *arena, const ctr__names *names, uint64_t bits) {
  ctr_json *array = ctr_json_new(arena, CTR_JSON_ARRAY);
  for (size_t i = 0; i < names->count && array; i++)
    if ((bits >> names->items[i].value & 1) &&
        !ctr_json_add(arena, array, NULL, ctr_json_new_string(arena, names->items[i].name)))
      return NULL;
  return array;
}

static ctr_json *ctr__write_objects(ctr_arena *arena, const ctr__field *field, ctr__any_list list) {
  bool map = field->kind == CTR__F_MAP;
  ctr_json *value = ctr_json_new(arena, map ? CTR_JSON_OBJECT : CTR_JSON_ARRAY);
  const char *element = list.items;
  for (size_t i = 0; i < list.count && value; i++, element += field->type->size)
    if (!ctr_json_add(arena, value, map ? ctr__key_at(element) : NULL,
                      ctr__write_object(arena, field->type, element)))
      return NULL;
  return value;
}

static ctr_json *ctr__write_field(ctr_arena *arena, const ctr__field *field, const void *at) {
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_STR: return ctr_json_new_string(arena, ctr__pointer_at(at));
  case CTR__F_BOOL: return ctr_json_new_bool(arena, *(const bool *)at);
  case CTR__F_INT: return ctr_json_new_int(arena, ((const ctr_int *)at)->value);
  case CTR__F_UINT: return ctr_json_new_uint(arena, ((const ctr_uint *)at)->value);
  case CTR__F_I32: return ctr_json_new_int(arena, *(const int32_t *)at);
  case CTR__F_I64: return ctr_json_new_int(arena, *(const int64_t *)at);
  case CTR__F_U32: return ctr_json_new_uint(arena, *(const uint32_t *)at);
  case CTR__F_U64: return ctr_json_new_uint(arena, *(const uint64_t *)at);
  case CTR__F_ENUM:
    return ctr_json_new_string(arena, ctr__name_of(field->names, *(const int32_t *)at));
  case CTR__F_BITS: return ctr__write_bits(arena, field->names, *(const uint64_t *)at);
  case CTR__F_STRS: return ctr__write_strs(arena, ctr__list_at(at));
  case CTR__F_IDS: return ctr__write_ids(arena, ctr__list_at(at));
  case CTR__F_PAIRS: return ctr__write_pairs(arena, ctr__list_at(at));
  case CTR__F_LIST:
  case CTR__F_MAP: return ctr__write_objects(arena, field, ctr__list_at(at));
  case CTR__F_OBJECT: return ctr__write_object(arena, field->type, at);
  case CTR__F_POINTER: return ctr__write_object(arena, field->type, ctr__pointer_at(at));
  }
  return NULL;
}

/* A config whose annotations have landlock among them: what stood there is what it was read from.
   NULL without memory. */
static const ctr_config *ctr__annotated(ctr_arena *arena, const ctr_config *config) {
  const ctr_pairs before = config->annotations;
  if (!config->landlock) return config;
  ctr_config *copy = ctr_arena_alloc(arena, sizeof *copy);
  ctr_pair *all = ctr__arena_array(arena, before.count + 1, sizeof *all);
  ctr_json *value = ctr__write_object(arena, &ctr__type_of_ctr_landlock, config->landlock);
  ctr__string text = {.arena = arena};
  size_t n = 0;
  if (!copy || !all || !value ||
      ctr_json_write(value, CTR_JSON_COMPACT, ctr__string_sink, &text, NULL))
    return NULL;
  for (size_t i = 0; i < before.count; i++)
    if (strcmp(before.items[i].key, CTR_LANDLOCK_ANNOTATION) != 0) all[n++] = before.items[i];
  all[n++] = (ctr_pair){CTR_LANDLOCK_ANNOTATION, text.text};
  *copy = *config;
  copy->annotations = (ctr_pairs){all, n};
  return copy;
}

static ctr_json *ctr__write_object(ctr_arena *arena, const ctr__type *type, const void *base) {
  if (type == &ctr__type_of_ctr_config) base = ctr__annotated(arena, base);
  if (!base) return NULL;
  ctr_json *object = ctr_json_new(arena, CTR_JSON_OBJECT);
  for (size_t i = 0; i < type->count && object; i++) {
    const ctr__field *field = &type->fields[i];
    bool always = field->flags & (CTR__ALWAYS | CTR__REQUIRED) && field->kind != CTR__F_STR;
    if (!always && !ctr__field_is_set(field, base)) continue;
    const void *at = (const char *)base + field->offset;
    if (!ctr_json_add(arena, object, field->name, ctr__write_field(arena, field, at))) return NULL;
  }
  return object;
}

ctr_code ctr_config_to_json(ctr_arena *arena, const ctr_config *config, ctr_json **ret_value,
                            ctr_err *err) {
  ctr__err_clear(err);
  if (!arena || !config || !ret_value)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, config and ret_value are needed");
  ctr__checker c = {.config = config, .err = err};
  ctr_code code = ctr__check_shapes(&c);
  for (size_t i = 0; i < config->mounts.count && !code; i++) {
    char name[128];
    if (config->mounts.items[i].data.count)
      code = ctr__wrong(&c, ctr__name_it(name, "mounts[%zu].data", i),
                        "bytes have no JSON form: text can be the source instead");
  }
  if (code) return code;
  ctr_config whole = *config;
  if (!whole.ociVersion) whole.ociVersion = CTR_OCI_VERSION;
  ctr_json *value = ctr__write_object(arena, &ctr__type_of_ctr_config, &whole);
  if (!value) return ctr__nomem(err);
  *ret_value = value;
  return CTR_OK;
}

/* ==== [SECTION] config/subids.c =============================================================== */
/* Which ids a caller may put into the map of a user namespace (user_namespaces(7)): besides their
   own, those that the machine gives them (subuid(5), subgid(5)) and that a program with the right
   to do so writes for them (newuidmap(1), newgidmap(1)). */

enum ctr__id_kind { CTR__UIDS, CTR__GIDS, CTR__ID_KINDS };

static const struct ctr__id_source {
  const char *helper, *given, *map;
} ctr__id_sources[CTR__ID_KINDS] = {
    [CTR__UIDS] = {"newuidmap", "/etc/subuid", "/proc/self/uid_map"},
    [CTR__GIDS] = {"newgidmap", "/etc/subgid", "/proc/self/gid_map"},
};

typedef struct ctr__id_range {
  uint32_t first, count;
} ctr__id_range;

enum { CTR__ID_RANGES = 32, CTR__HELPER_PATH = 256 };

typedef struct ctr__id_ranges {
  ctr__id_range items[CTR__ID_RANGES];
  size_t count;
  bool known; /* else they cannot be found out, and who writes the map is the judge */
} ctr__id_ranges;

static bool ctr__ids_have(const ctr__id_ranges *ids, uint32_t first, uint32_t count) {
  for (size_t i = 0; i < ids->count; i++) {
    const ctr__id_range *range = &ids->items[i];
    if (first >= range->first && first - range->first < range->count &&
        count <= range->count - (first - range->first))
      return true;
  }
  return false;
}

/* Likewise, by ranges that meet: newuidmap(1) takes these for one, the kernel those of a map does
   not. */
static bool ctr__ids_have_together(const ctr__id_ranges *ids, uint32_t first, uint32_t count) {
  for (size_t i = 0; i < ids->count; i++) {
    const ctr__id_range *range = &ids->items[i];
    if (first < range->first || first - range->first >= range->count) continue;
    const uint32_t here = range->count - (first - range->first);
    if (count <= here || ctr__ids_have_together(ids, first + here, count - here)) return true;
  }
  return false;
}

static void ctr__ids_add(ctr__id_ranges *ids, uint64_t first, uint64_t count) {
  if (!count || first >= UINT32_MAX || count > UINT32_MAX - first) return;
  if (ids->count == CTR__ID_RANGES)
    ids->known = false;
  else
    ids->items[ids->count++] = (ctr__id_range){(uint32_t)first, (uint32_t)count};
}

/* -- maps -- */

static bool ctr__id_mapped(ctr_id_mappings map, uint32_t id, uint32_t *ret_host) {
  for (size_t i = 0; i < map.count; i++) {
    const ctr_id_mapping *m = &map.items[i];
    if (id - m->containerID < m->size && id >= m->containerID) {
      *ret_host = m->hostID + (id - m->containerID);
      return true;
    }
  }
  return false;
}

/* proc_pid_uid_map(5): lines "inside outside count". */
static int ctr__read_map(ctr_arena *arena, const char *path, ctr_id_mappings *ret) {
  char *text = NULL;
  size_t count = 0;
  int r = ctr__read_text(arena, path, &text);
  if (r < 0) return r;
  for (const char *at = text; *at; at++) count += *at == '\n';
  ctr_id_mapping *map = ctr__arena_array(arena, count + 1, sizeof *map);
  if (!map) return -ENOMEM;
  for (size_t i = 0; i < count; i++) {
    map[i].containerID = (uint32_t)strtoull(text, &text, 10);
    map[i].hostID = (uint32_t)strtoull(text, &text, 10);
    map[i].size = (uint32_t)strtoull(text, &text, 10);
  }
  *ret = (ctr_id_mappings){map, count};
  return 0;
}

/* -- those of the caller's own user namespace -- */

static int ctr__ids_of_namespace(ctr_arena *arena, enum ctr__id_kind kind, ctr__id_ranges *ret) {
  ctr_id_mappings map;
  *ret = (ctr__id_ranges){.known = true};
  int r = ctr__read_map(arena, ctr__id_sources[kind].map, &map);
  for (size_t i = 0; r == 0 && i < map.count; i++)
    ctr__ids_add(ret, map.items[i].containerID, map.items[i].size);
  return r;
}

/* -- those that are given to the caller -- */

/* A file that need not be there, or may be for others only, is an empty one. */
static int ctr__read_if_there(ctr_arena *arena, const char *path, char **ret_text) {
  int r = ctr__read_text(arena, path, ret_text);
  if (r != -ENOENT && r != -EACCES) return r;
  *ret_text = ctr__arena_strdup(arena, "");
  return *ret_text ? 0 : -ENOMEM;
}

/* A line of passwd(5). */
typedef struct ctr__user_entry {
  const char *name; /* NULL: not listed there, such as a user of a directory service */
  uint32_t gid;
} ctr__user_entry;

/* Read by ourselves: getpwuid(3) loads modules, which a static program does not have. */
static int ctr__user_entry_read(ctr_arena *arena, uint32_t uid, ctr__user_entry *ret) {
  char *text = NULL, *save = NULL;
  *ret = (ctr__user_entry){.name = NULL};
  int r = ctr__read_if_there(arena, "/etc/passwd", &text);
  if (r < 0) return r;
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    char *password = strchr(line, ':'), *id = password ? strchr(password + 1, ':') : NULL, *end;
    if (!id || !isdigit((unsigned char)id[1]) || strtoull(id + 1, &end, 10) != uid || *end != ':')
      continue;
    *password = '\0';
    *ret = (ctr__user_entry){line, (uint32_t)strtoul(end + 1, NULL, 10)};
    break;
  }
  return 0;
}

/* nsswitch.conf(5), "subid": then the files need not be the truth. */
static int ctr__ids_are_given_elsewhere(ctr_arena *arena) {
  char *text = NULL, *save = NULL;
  int r = ctr__read_if_there(arena, "/etc/nsswitch.conf", &text);
  if (r < 0) return r;
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
    if (!strncmp(line + strspn(line, " \t"), "subid:", 6)) return 1;
  return 0;
}

/* A number that ends with the character; *at moves behind that. */
static bool ctr__take_number(char **at, char end, uint64_t *ret) {
  if (!isdigit((unsigned char)**at)) return false;
  *ret = strtoull(*at, at, 10);
  if (**at != end) return false;
  *at += end != '\0';
  return true;
}

/* Lines "NAME-or-UID:first:count", of which those of others are skipped, and what is none. The text
   is cut up; name: NULL when it is not known. */
static void ctr__ids_parse_given(char *text, const char *name, uint32_t uid, ctr__id_ranges *ids) {
  char *save = NULL, number[16];
  *ctr__put_uint(number, uid) = '\0';
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    char *at = strchr(line, ':');
    uint64_t first, count;
    if (!at) continue;
    *at++ = '\0';
    if (strcmp(line, number) != 0 && (!name || strcmp(line, name) != 0)) continue;
    if (ctr__take_number(&at, ':', &first) && ctr__take_number(&at, '\0', &count))
      ctr__ids_add(ids, first, count);
  }
}

/* newuidmap(1) serves nobody whose group is another than passwd(5) says. */
static int ctr__ids_given(ctr_arena *arena, enum ctr__id_kind kind, ctr__id_ranges *ret) {
  const uint32_t uid = getuid();
  ctr__user_entry user;
  char *text = NULL;
  int r = ctr__user_entry_read(arena, uid, &user);
  int elsewhere = r < 0 ? r : ctr__ids_are_given_elsewhere(arena);
  *ret = (ctr__id_ranges){.known = user.name && !elsewhere};
  r = elsewhere < 0 ? elsewhere : ctr__read_if_there(arena, ctr__id_sources[kind].given, &text);
  if (r == 0 && (!user.name || user.gid == getgid()))
    ctr__ids_parse_given(text, user.name, uid, ret);
  return r;
}

/* -- who writes them -- */

/* Its right comes with the file: set-user-ID or file capabilities (capabilities(7)), which count
   for nothing on a nosuid mount and for who has given up gaining privileges. */
static bool ctr__is_privileged_program(const char *path) {
  struct stat st;
  struct statvfs fs;
  if (access(path, X_OK) < 0 || stat(path, &st) < 0 || !S_ISREG(st.st_mode)) return false;
  if (statvfs(path, &fs) < 0 || (fs.f_flag & ST_NOSUID)) return false;
  bool has_caps = syscall(SYS_getxattr, path, "security.capability", NULL, (size_t)0) > 0;
  return ((st.st_mode & S_ISUID) && !st.st_uid) || has_caps;
}

/* Nothing is gained by execve(2) of such a program that the bounding set does not have
   (capabilities(7)), nor by who has given up gaining. */
static bool ctr__can_gain_rights(void) {
  static const unsigned long needed[] = {CTR_CAP_SYS_ADMIN, CTR_CAP_SETUID, CTR_CAP_SETGID};
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
    if (prctl(PR_CAPBSET_READ, needed[i], 0, 0, 0) != 1) return false;
  return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 &&
         !(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) & 1 /* SECBIT_NOROOT */);
}

/* Where the program of that name is, found as execvp(3) would; "" without one that works. */
static void ctr__find_id_helper(const char *name, char ret_path[CTR__HELPER_PATH]) {
  const char *path = secure_getenv("PATH");
  *ret_path = '\0';
  if (!ctr__can_gain_rights()) return;
  for (path = path ? path : "/usr/bin:/bin"; *path; path += strspn(path, ":")) {
    size_t len = strcspn(path, ":");
    int n = snprintf(ret_path, CTR__HELPER_PATH, "%.*s/%s", (int)len, path, name);
    if (*path == '/' && n < CTR__HELPER_PATH && ctr__is_privileged_program(ret_path)) return;
    path += len;
  }
  *ret_path = '\0';
}

/* ==== [SECTION] config/defaults.c ============================================================= */
/* The default container: little of the host to be seen, less to be changed. */

#define CTR__LIST(array) {array, sizeof(array) / sizeof *(array)}
#define CTR__WORDS(...)                                                                            \
  {                                                                                                \
    (const char *const[]){__VA_ARGS__},                                                            \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                                \
  }

static const ctr_mount ctr__default_mounts[] = {
    {.destination = "/proc", .type = "proc", .source = "proc",
     .options = CTR__WORDS("nosuid", "noexec", "nodev")},
    {.destination = "/dev", .type = "tmpfs", .source = "tmpfs",
     .options = CTR__WORDS("nosuid", "noexec", "strictatime", "mode=755", "size=65536k")},
    {.destination = "/dev/pts", .type = "devpts", .source = "devpts",
     .options = CTR__WORDS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620")},
    {.destination = "/dev/shm", .type = "tmpfs", .source = "shm",
     .options = CTR__WORDS("nosuid", "noexec", "nodev", "mode=1777", "size=65536k")},
    {.destination = "/dev/mqueue", .type = "mqueue", .source = "mqueue",
     .options = CTR__WORDS("nosuid", "noexec", "nodev")},
    {.destination = "/sys", .type = "sysfs", .source = "sysfs",
     .options = CTR__WORDS("nosuid", "noexec", "nodev", "ro")},
    {.destination = "/sys/fs/cgroup", .type = "cgroup", .source = "cgroup",
     .options = CTR__WORDS("nosuid", "noexec", "nodev", "relatime", "ro")},
    {.destination = "/tmp", .type = "tmpfs", .source = "tmpfs",
     .options = CTR__WORDS("nosuid", "nodev", "mode=1777")},
    {.destination = "/run", .type = "tmpfs", .source = "tmpfs",
     .options = CTR__WORDS("nosuid", "nodev", "mode=755")},
};

/* The group `tty` has number 5 everywhere; a single-id user namespace does not have it. */
static const char *const ctr__devpts_options_tty[] = {"nosuid",        "noexec",    "newinstance",
                                                       "ptmxmode=0666", "mode=0620", "gid=5"};

static const ctr_namespace ctr__default_namespaces[] = {
    {CTR_NS_PID, NULL}, {CTR_NS_NETWORK, NULL}, {CTR_NS_IPC, NULL},  {CTR_NS_UTS, NULL},
    {CTR_NS_MOUNT, NULL}, {CTR_NS_CGROUP, NULL}, {CTR_NS_USER, NULL}, /* the last: rootless only */
};

/* What root of the machine may read of the whole machine without a capability: which pages are in
   use by whom (pagemap.rst), what the kernel's allocators hold (slabinfo(5), proc_vmallocinfo(5)),
   how much power is drawn (CVE-2020-8694). */
static const char *const ctr__default_masked[] = {
    "/proc/acpi",        "/proc/asound",      "/proc/kcore",        "/proc/keys",
    "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
    "/proc/scsi",        "/proc/kpagecgroup", "/proc/kpagecount",   "/proc/kpageflags",
    "/proc/pagetypeinfo", "/proc/slabinfo",   "/proc/vmallocinfo",  "/proc/allocinfo",
    "/sys/class/zram-control", /* a read there makes a device: zram.rst */
    "/sys/firmware",     "/sys/devices/virtual/powercap",           "/sys/kernel/slab"};

/* What root of the machine may write to without a capability. */
static const char *const ctr__default_readonly[] = {
    "/proc/bus", "/proc/dynamic_debug", "/proc/fs",
    "/proc/irq", "/proc/sys",           "/proc/sysrq-trigger"};

static const char *const ctr__default_env[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"};

static const char *const ctr__default_args[] = {"sh"};

static const ctr_rlimit ctr__default_rlimits[] = {{CTR_RLIMIT_NOFILE, 1024, 1024}};

enum {
  CTR__DEFAULT_CAPS = CTR_CAP(AUDIT_WRITE) | CTR_CAP(KILL) | CTR_CAP(NET_BIND_SERVICE)
};

static const ctr_config ctr__default_config = {
    .ociVersion = CTR_OCI_VERSION,
    .root = {"/", true},
    .mounts = CTR__LIST(ctr__default_mounts),
    .process = {.cwd = "/",
                .args = CTR__LIST(ctr__default_args),
                .env = CTR__LIST(ctr__default_env),
                .capabilities = {.bounding = CTR__DEFAULT_CAPS,
                                 .effective = CTR__DEFAULT_CAPS,
                                 .permitted = CTR__DEFAULT_CAPS},
                .rlimits = CTR__LIST(ctr__default_rlimits),
                .noNewPrivileges = true},
    .hostname = "ctr",
    .linux_ = {.namespaces = CTR__LIST(ctr__default_namespaces),
               .seccomp = {.defaultAction = CTR_SECCOMP_DEFAULT},
               .maskedPaths = CTR__LIST(ctr__default_masked),
               .readonlyPaths = CTR__LIST(ctr__default_readonly)},
};
#undef CTR__WORDS
#undef CTR__LIST

/* user_namespaces(7): no id is mapped twice, but the same may be given twice. */
static bool ctr__is_mapped_already(const ctr_id_mapping *map, size_t count,
                                   const ctr__id_range *range) {
  for (size_t i = 0; i < count; i++)
    if (range->first < map[i].hostID + map[i].size && map[i].hostID < range->first + range->count)
      return true;
  return false;
}

/* The caller's own id as root, then one after the other what is given to the caller. */
static ctr_code ctr__map_given(ctr_arena *arena, uint32_t own, const ctr__id_ranges *given,
                               ctr_id_mappings *ret) {
  ctr_id_mapping *map = ctr__arena_array(arena, given->count + 1, sizeof *map);
  if (!map) return CTR_E_NOMEM;
  size_t n = 0;
  map[n++] = (ctr_id_mapping){.containerID = 0, .hostID = own, .size = 1};
  for (uint32_t i = 0, next = 1; i < given->count; i++) {
    const ctr__id_range *range = &given->items[i];
    if (ctr__is_mapped_already(map, n, range) || range->count > UINT32_MAX - 1 - next) continue;
    map[n++] = (ctr_id_mapping){next, range->first, range->count};
    next += range->count;
  }
  *ret = (ctr_id_mappings){map, n};
  return CTR_OK;
}

/* Every id of the caller's own user namespace, under the same number. */
static ctr_code ctr__map_all(ctr_arena *arena, const ctr__id_ranges *there, ctr_id_mappings *ret) {
  ctr_id_mapping *map = ctr__arena_array(arena, there->count + 1, sizeof *map);
  if (!map) return CTR_E_NOMEM;
  for (size_t i = 0; i < there->count; i++)
    map[i] = (ctr_id_mapping){there->items[i].first, there->items[i].first, there->items[i].count};
  *ret = (ctr_id_mappings){map, there->count};
  return CTR_OK;
}

/* Several ids, or none: all that the caller's own user namespace has; or those that a helper maps,
   which it must have as well. Returns 0 or -errno. */
static int ctr__ids_to_map(ctr_arena *arena, enum ctr__id_kind kind, bool all,
                           ctr__id_ranges *ret) {
  char helper[CTR__HELPER_PATH];
  ctr__id_ranges there;
  *ret = (ctr__id_ranges){.count = 0};
  if (all) return ctr__ids_of_namespace(arena, kind, ret);
  ctr__find_id_helper(ctr__id_sources[kind].helper, helper);
  int r = *helper ? ctr__ids_given(arena, kind, ret) : 0;
  if (r < 0 || !ret->count || ctr__in_initial_userns()) return r;
  r = ctr__ids_of_namespace(arena, kind, &there);
  for (size_t i = 0; r == 0 && i < ret->count; i++)
    if (!ctr__ids_have(&there, ret->items[i].first, ret->items[i].count)) ret->count = 0;
  return r;
}

/* Several ids both of users and of groups, or one of each. All that are there are for root of a
   user namespace to map (CAP_SETFCAP: for id 0, user_namespaces(7)). */
static ctr_code ctr__default_maps(ctr_arena *arena, ctr_default_kind kind, ctr_config *config) {
  const uint64_t needed = CTR_CAP(SETUID) | CTR_CAP(SETGID) | CTR_CAP(SETFCAP);
  const uint32_t own[CTR__ID_KINDS] = {geteuid(), getegid()};
  ctr_id_mappings *maps[CTR__ID_KINDS] = {&config->linux_.uidMappings,
                                          &config->linux_.gidMappings};
  ctr__id_ranges ids[CTR__ID_KINDS] = {{.count = 0}};
  uint64_t caps, permitted;
  ctr__own_caps(&caps, &permitted);
  const bool all = (caps & needed) == needed && !ctr__in_initial_userns();
  bool several = kind != CTR_DEFAULT_SINGLE_ID;
  for (int i = 0; i < CTR__ID_KINDS && several; i++) {
    int r = ctr__ids_to_map(arena, (enum ctr__id_kind)i, all, &ids[i]);
    if (r == -ENOMEM) return CTR_E_NOMEM;
    several = r == 0 && ids[i].known && ids[i].count;
  }
  ctr_code code = CTR_OK;
  for (int i = 0; i < CTR__ID_KINDS && !code; i++) {
    if (!several) ids[i].count = 0;
    code = several && all ? ctr__map_all(arena, &ids[i], maps[i])
                          : ctr__map_given(arena, own[i], &ids[i], maps[i]);
  }
  return code;
}

/* Terminals belong to the group tty where it is there. */
static ctr_code ctr__default_tty_group(ctr_arena *arena, ctr_config *config) {
  ctr_mount *mounts = ctr_arena_alloc(arena, sizeof ctr__default_mounts);
  if (!mounts) return CTR_E_NOMEM;
  memcpy(mounts, ctr__default_mounts, sizeof ctr__default_mounts);
  for (size_t i = 0; i < config->mounts.count; i++)
    if (!strcmp(mounts[i].type, "devpts"))
      mounts[i].options = (ctr_strs){ctr__devpts_options_tty, sizeof ctr__devpts_options_tty /
                                                                  sizeof *ctr__devpts_options_tty};
  config->mounts.items = mounts;
  return CTR_OK;
}

/* A hard limit that is lower already cannot be raised by whoever starts it. */
static ctr_code ctr__default_limits(ctr_arena *arena, ctr_config *config) {
  struct rlimit own;
  ctr_rlimit *limits = ctr_arena_alloc(arena, sizeof ctr__default_rlimits);
  if (!limits) return CTR_E_NOMEM;
  memcpy(limits, ctr__default_rlimits, sizeof ctr__default_rlimits);
  if (getrlimit(RLIMIT_NOFILE, &own) == 0 && own.rlim_max < limits[0].hard)
    limits[0].hard = limits[0].soft = own.rlim_max;
  config->process.rlimits.items = limits;
  return CTR_OK;
}

ctr_code ctr_config_default(ctr_arena *arena, ctr_default_kind kind, ctr_config **ret_config,
                            ctr_err *err) {
  ctr__err_clear(err);
  if (!arena || !ret_config)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena and ret_config are needed");
  if (kind < CTR_DEFAULT_AUTO || kind > CTR_DEFAULT_SINGLE_ID)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "kind %d is none of ctr_default_kind", (int)kind);
  uint64_t caps, permitted;
  ctr__own_caps(&caps, &permitted);
  if (kind == CTR_DEFAULT_AUTO)
    kind = ctr__in_initial_userns() && (caps & CTR_CAP(SYS_ADMIN)) ? CTR_DEFAULT_ROOT
                                                                   : CTR_DEFAULT_ROOTLESS;
  ctr_config *config = ctr_arena_alloc(arena, sizeof *config);
  if (!config) return ctr__nomem(err);
  *config = ctr__default_config;
  ctr_code code = CTR_OK;
  uint32_t host;
  if (kind == CTR_DEFAULT_ROOT)
    config->linux_.namespaces.count--;
  else
    code = ctr__default_maps(arena, kind, config);
  if (!code && (kind == CTR_DEFAULT_ROOT || ctr__id_mapped(config->linux_.gidMappings, 5, &host)))
    code = ctr__default_tty_group(arena, config);
  if (!code) code = ctr__default_limits(arena, config);
  if (code) return ctr__nomem(err);
  *ret_config = config;
  return CTR_OK;
}

/* ==== [SECTION] plan/format.c ================================================================= */
/* The plan's format: one flat block that parent, child and explain walk. It holds no pointer, only
   offsets into itself, so that it can be copied, handed on or written down as it stands. */

typedef uint32_t ctr__ref; /* offset of a string or a list in the block's data; 0: none */

enum ctr__lane {
  CTR__LANE_PARENT, /* the caller's side                                         */
  CTR__LANE_STAGE,  /* the intermediate process that joins namespaces            */
  CTR__LANE_CHILD,  /* the container's side                                      */
  CTR__LANE_BOTH,   /* a sync point: the child stops until the parent has come by */
};

enum { CTR__STEP_STRS = 4, CTR__STEP_NUMS = 10 };

/* Numbers that mean the same in every step that has them: whose ids a mount shows (1 + which map;
   0: those of the file system), and what else is to be known of what it is made from. */
enum { CTR__NUM_IDMAP = 7, CTR__NUM_SOURCE = 8 };

/* Of what changes attributes: those set, those cleared, whether mount_setattr(2) is there. */
enum { CTR__NUM_SET, CTR__NUM_CLR, CTR__NUM_SETATTR };

/* And which mount that is meant for: whatever is there; none that another step has made; or that of
   the step so many after it. Somebody who has a part of the root together with the container can
   swap a directory, so that the path leads elsewhere by then. */
enum { CTR__NUM_MEANT = 3 };
enum { CTR__MEANT_ANY, CTR__MEANT_NONE, CTR__MEANT_FIRST };

/* Of a bind mount, besides these: its propagation, whether what is mounted below comes along, and
   attributes for all of that. */
enum { CTR__NUM_PROPAGATION = 3, CTR__NUM_BELOW, CTR__NUM_BELOW_SET, CTR__NUM_BELOW_CLR };

enum ctr__source {
  CTR__SOURCE_ASK = 1,   /* where the child may not, the parent opens it            */
  CTR__IDMAP_BELOW = 2,  /* the map is also for all mounts below                    */
  CTR__IDMAP_JOINED = 4, /* it is that of the user namespace that OPEN_NAMESPACE has */
  CTR__IDMAP_LOCKED = 8, /* what the host has forbidden there is not to be allowed    */
};

typedef struct ctr__step {
  uint16_t kind, lane;
  ctr__ref field; /* the config field that asked for it */
  ctr__ref str[CTR__STEP_STRS];
  uint64_t num[CTR__STEP_NUMS];
} ctr__step;

struct ctr_plan {
  uint32_t size; /* of the whole block, bytes */
  uint32_t step_count;
  uint32_t steps, data; /* where they start in the block */
  ctr__ref argv, envp;
  ctr__ref bundle;         /* where hooks are run; 0: where the caller is              */
  ctr__ref state;          /* what hooks are told of the container, up to its status    */
  ctr__ref mount_label;    /* of file systems that the library makes; 0: none             */
  ctr__ref root_dir;       /* of the host, where lies what is made in the root; 0: nowhere */
  uint32_t io_uid, io_gid; /* who new pipes are to belong to, as the caller sees it    */
};

enum {
  CTR__PLAN_MAX_NAMESPACES = 8,
  CTR__PLAN_MAX_HOOKS = 64,
  CTR__PLAN_MAX_PROGRAMS = CTR__PLAN_MAX_HOOKS + 2, /* newuidmap and newgidmap */
};

/* Every kind of step: name, what it does, where that is documented. Those that mount something
   stand together, MOUNT_FS to MOUNT_BIND, and those that change a mount, SET_ATTR to RECONFIGURE.
   In the text, %s0 is string 0, %l a list of strings, %u %o numbers; %N namespaces, %C
   capabilities, %A mount attributes, %L those taken away, %F flags of a file system, %P
   propagation, %p if it is not the usual, %r attributes for all below (two numbers), %b "bind" or
   "rbind", %T and %D a device's type and number, %O an owner (two numbers) if it is not root, %m a
   mode if it is not the usual, %U where changes go if that is new, %q what becomes of mounts below
   if anything does, %R a resource, %B a limit, %M a moment, %Z a size of a terminal (two numbers)
   if there is one, %K where else it is to be found, %W a limit of time, %G controllers if there are
   any, %V "all but" or "none but", %E when, if not always, %I a cgroup to start in if there is one,
   %Y whose ids a mount shows if not its own (two numbers), %X capabilities that stay until it is
   restricted, if any do, %H a seccomp preset, if it is one, and the capabilities that it allows
   more for, %a %n %c Landlock's rights of files, of TCP, and scopes, if there are any. Text and
   errors of a step come from here alone. */
#define CTR__STEPS(X)                                                                              \
  X(OPEN_NAMESPACE, "open the %N0 namespace at %s0", "namespaces(7)")                              \
  X(OPEN_INIT, "open the container's first process: pid %u0, started at tick %u1",                 \
    "pidfd_open(2)")                                                                               \
  X(OPEN_OWNER, "open the user namespace that owns the mount namespace of pid %u0",                \
    "ioctl_nsfs(2)")                                                                               \
  X(STAGE, "clone an intermediate process that joins namespaces", "clone(2)")                      \
  X(UNDUMPABLE, "be out of reach of ptrace until execve", "prctl(2)")                              \
  X(CONCEAL, "show nothing of the caller's name, command line and environment",                    \
    "proc_pid_cmdline(5)")                                                                         \
  X(CLOSE_OTHERS, "close what the process is not to have", "close_range(2)")                       \
  X(DROP_GROUPS, "let go of the caller's groups", "setgroups(2)")                                  \
  X(SETNS, "join the %N0 namespace at %s0", "setns(2)")                                            \
  X(SETNS_AGAIN, "join those that refused before the user namespace gave the right", "setns(2)")   \
  X(JOIN_INIT, "join the first process's namespaces: %N0", "setns(2)")                             \
  X(SEAL_PROGRAM, "run the caller's program from %s0 of it", "mmap(2)")                            \
  X(HIDE_PROGRAM, "have an empty file as /proc/PID/exe instead", "prctl(2)")                       \
  X(OWN_MEMORY, "let go of memory that the caller shares with others", "munmap(2)")                \
  X(AFFINITY, "run on the CPUs %s0", "sched_setaffinity(2)")                                       \
  X(CLONE, "clone into new namespaces: %N0%I0", "clone(2)")                                        \
  X(ADOPT, "learn the pid and reap the intermediate process", "waitid(2)")                         \
  X(RECORD_CGROUPS, "write the state down, before there is anything to be found by it",            \
    "OCI runtime.md")                                                                              \
  X(RECORD, "write the state down, with the process in it", "OCI runtime.md")                      \
  X(MAKE_CGROUP, "make the cgroup %s0%G2", "cgroups(7)")                                           \
  X(DEVICE_LIST, "in the cgroup %s0 use devices: %V0 %s1", "cgroups(7)")                           \
  X(DEVICE_PROGRAM, "attach a device filter of %u0 instructions to the cgroup %s0", "bpf(2)")      \
  X(LIMIT, "write '%s2' to %s1 of the cgroup %s0%E0", "cgroups(7)")                                \
  X(ENTER_CGROUP, "move the process into the cgroup %s0", "cgroups(7)")                            \
  X(SETGROUPS_FILE, "write '%s0' to /proc/PID/setgroups", "user_namespaces(7)")                    \
  X(UID_MAP, "write '%s0' to /proc/PID/uid_map", "user_namespaces(7)")                             \
  X(GID_MAP, "write '%s0' to /proc/PID/gid_map", "user_namespaces(7)")                             \
  X(MAP_HELPER, "let %s0 map '%s3'", "newuidmap(1)")                                               \
  X(OWN_PIPES, "give the pipes of its streams to its uid %u0 and gid %u1", "fchown(2)")            \
  X(RAISE_RLIMIT, "raise the hard limit %R0 to %B2", "prlimit(2)")                                 \
  X(SYNC, "sync: %M0", "unix(7)")                                                                  \
  X(VIEW_NULL, "have a read-only view of /dev/null for standard streams that are one",             \
    "mount_setattr(2)")                                                                            \
  X(STDIO, "take the standard streams", "dup2(2)")                                                 \
  X(CLOSE_FDS, "close every other descriptor", "close_range(2)")                                   \
  X(SIGNALS, "default signal handlers, none blocked", "signal(7)")                                 \
  X(DIE_WITH_CALLER, "be killed when the caller ends", "prctl(2)")                                 \
  X(BECOME_ROOT, "become uid 0 and gid 0 of the user namespace", "user_namespaces(7)")             \
  X(SETSID, "start a new session", "setsid(2)")                                                    \
  X(LABEL, "write '%s1' to /proc/self/attr/%s0", "proc_pid_attr(5)")                               \
  X(KEYRING, "join a new session keyring", "keyrings(7)")                                          \
  X(HOLD_PROC, "open the procfs that settings are written to", "proc(5)")                          \
  X(TIME_NAMESPACE, "enter a new time namespace, offsets '%s0'", "time_namespaces(7)")             \
  X(CGROUP_NAMESPACE, "enter a new cgroup namespace", "cgroup_namespaces(7)")                      \
  X(LOOPBACK, "bring up the loopback interface", "netdevice(7)")                                   \
  X(PROPAGATION, "make every mount %P0", "mount_namespaces(7)")                                    \
  X(MAKE_IDMAP, "make the id map %u0 for mounts: uids '%s0', gids '%s1'", "user_namespaces(7)")    \
  X(BASE, "set up a tmpfs for the root, the host's tree beside it", "pivot_root(2)")               \
  X(ROOT_BIND, "bind the root file system %s0 (%A2)", "open_tree(2)")                              \
  X(ROOT_OPEN, "open the root directory %s0", "open(2)")                                           \
  X(MOUNT_FS, "mount %s1 on %s0 (%l2; %A0%U2%Y7)", "fsopen(2)")                                    \
  X(MOUNT_COPY_UP, "mount %s1 on %s0 with a copy of what is there (%l2; %A0%Y7)", "fsopen(2)")     \
  X(MOUNT_OLD, "mount %s1 on %s0 (%s2; %A0; %F1%U2)", "mount(2)")                                  \
  X(MOUNT_FILE, "mount a file of %u1 bytes on %s0, mode %o0 (%A2)", "open_tree(2)")                \
  X(MOUNT_BIND, "%b4 %s1 on %s0 (%A0%L1%p3%r5%q9%Y7)", "open_tree(2)")                             \
  X(SET_ATTR, "on %s0 set %A0, clear %A1", "mount_setattr(2)")                                     \
  X(SET_ATTR_ALL, "on %s0 and all mounts below set %A0, clear %A1", "mount_setattr(2)")            \
  X(SET_PROPAGATION, "make %s0 %P0", "mount_namespaces(7)")                                        \
  X(RECONFIGURE, "remount %s0 (%l2)", "fspick(2)")                                                 \
  X(DEVICE_NODE, "make the device %s0: %T0 %D1, mode %o0%O2", "mknod(2)")                          \
  X(DEVICE_BIND, "bind the host's device %s1, %T0 %D1, on %s0%s2", "open_tree(2)")                 \
  X(SYMLINK, "link %s0 -> %s1", "symlink(2)")                                                      \
  X(MAKE_DIR, "make the directory %s0 if it is missing%m0", "mkdir(2)")                            \
  X(MAKE_CWD, "make the directory %s0 if it is missing", "mkdir(2)")                               \
  X(SET_MODE, "give %s0 the mode %o0", "chmod(2)")                                                 \
  X(MAKE_FILE, "make the file %s0 of %u1 bytes, mode %o0", "open(2)")                              \
  X(CONSOLE, "make a terminal%Z0%K3", "pts(4)")                                                    \
  X(TAKE_CONSOLE, "take the other end of the terminal", "unix(7)")                                 \
  X(HOOK, "run the hook %s0%W0", "OCI config.md")                                                  \
  X(MASK, "mask %s0", "OCI config-linux.md")                                                       \
  X(READONLY, "make %s0 and all below read-only", "OCI config-linux.md")                           \
  X(PIVOT_ROOT, "make it the root and let go of the old one", "pivot_root(2)")                     \
  X(MOVE_ROOT, "move it over the root, then chroot", "mount(2)")                                   \
  X(CHROOT, "chroot into it", "chroot(2)")                                                         \
  X(OWN_NULL, "take the container's own /dev/null for standard streams that are one", "null(4)")   \
  X(HOSTNAME, "set the host name to %s0", "sethostname(2)")                                        \
  X(DOMAINNAME, "set the domain name to %s0", "setdomainname(2)")                                  \
  X(SYSCTL, "write '%s1' to /proc/sys/%s0", "sysctl(2)")                                           \
  X(OOM_SCORE_ADJ, "write %s0 to oom_score_adj", "proc_pid_oom_score_adj(5)")                      \
  X(SCHEDULER, "set the scheduler: %s0", "sched_setattr(2)")                                       \
  X(IO_PRIORITY, "set the I/O priority: class %u0, level %u1", "ioprio_set(2)")                    \
  X(PERSONALITY, "set the personality to %o0", "personality(2)")                                   \
  X(MEMORY_POLICY, "set the memory policy: %s0", "set_mempolicy(2)")                               \
  X(UMASK, "set the umask to %o0", "umask(2)")                                                     \
  X(KEEP_UMASK, "go back to the caller's umask", "umask(2)")                                       \
  X(RLIMIT, "limit %R0 to %B1, hard %B2", "prlimit(2)")                                            \
  X(INNER_USERNS, "enter one more user namespace, in which root is uid %u0 and gid %u1",           \
    "user_namespaces(7)")                                                                          \
  X(LET_GO, "close the host's procfs and what the root was made with", "close(2)")                 \
  X(CHDIR_EARLY, "enter %s0 while still root, if root may", "chdir(2)")                            \
  X(NO_NEW_PRIVS, "give up gaining privileges", "prctl(2)")                                        \
  X(BOUNDING, "bound capabilities to %C0", "capabilities(7)")                                      \
  X(OWN_STREAMS, "give pipes among its streams to uid %u0, where it may", "fchown(2)")             \
  X(USER, "become uid %u0, gid %u1, groups [%l0]", "setresuid(2)")                                 \
  X(CAPABILITIES, "keep capabilities %C0; permitted %C1; inheritable %C2%X3", "capset(2)")         \
  X(AMBIENT, "ambient capabilities %C0", "capabilities(7)")                                        \
  X(CHDIR, "enter %s0 and see that it lies inside", "getcwd(2)")                                   \
  X(LOOK_UP, "find the program %s0", "execvp(3)")                                                  \
  X(WAIT_START, "wait to be started", "OCI runtime.md")                                            \
  X(LANDLOCK, "make a Landlock ruleset%a0%n1%c2", "landlock_create_ruleset(2)")                    \
  X(LANDLOCK_PATH, "by Landlock allow %s0 and below%a0", "landlock_add_rule(2)")                   \
  X(LANDLOCK_PORT, "by Landlock allow the port %u1%n0", "landlock_add_rule(2)")                    \
  X(LANDLOCK_RESTRICT, "give up what Landlock does not allow", "landlock_restrict_self(2)")        \
  X(TELL_STARTED, "tell who starts it that nothing is left to do", "unix(7)")                      \
  X(FILTER, "load a seccomp filter of %s0 instructions%H3%f2", "seccomp(2)")                       \
  X(TAKE_LISTENER, "give who listens at %s0 what its calls are notified by", "seccomp_unotify(2)") \
  X(KEEP_LISTENER, "keep for the caller what its calls are notified by", "seccomp_unotify(2)")     \
  X(CALL, "call the caller's function", "fork(2)")                                                 \
  X(EXEC, "execute %s0", "execve(2)")

enum ctr__kind {
#define CTR__STEP_ENUM(kind, text, man) CTR__STEP_##kind,
  CTR__STEPS(CTR__STEP_ENUM)
#undef CTR__STEP_ENUM
      CTR__STEP_COUNT
};

/* Whether a mount is the container's root: a number of every step that mounts something. */
enum ctr__as_root {
  CTR__AS_ROOT_NOT,
  CTR__AS_ROOT,
  CTR__AS_ROOT_BELOW_READ_ONLY, /* and what came with it below becomes read-only */
};
enum { CTR__NUM_ROOT = 9 };

/* Of a new file system, which may be an overlay: whether its changes go to a new tmpfs. */
enum { CTR__NUM_UPPER = 2 };

/* ",upperdir=/proc/self/fd/N/upper,workdir=/proc/self/fd/N/work" */
enum { CTR__UPPER_OPTIONS_MAX = 96 };

/* When a limit is written. */
enum ctr__limit_rule {
  CTR__LIMIT_ALWAYS,
  CTR__LIMIT_IF_THERE, /* a kernel need not have the file                   */
  CTR__LIMIT_ELSE,     /* only when the file of the one before is not there */
  CTR__LIMIT_IF_FREE,  /* of memory: only when not more than that is in use */
};

/* What a sync point is about. */
enum ctr__sync_point {
  CTR__SYNC_MAPPED,  /* the parent has done what only it may      */
  CTR__SYNC_HOOKS,   /* the child has made mounts and namespaces  */
  CTR__SYNC_RESUME,  /* the parent has run its hooks              */
  CTR__SYNC_READY,   /* the child has done all but execve         */
  CTR__SYNC_CREATED, /* the same, and it waits to be started next */
};

/* How a step treats the list of groups. */
enum ctr__groups {
  CTR__GROUPS_LEAVE, /* as it is                                                           */
  CTR__GROUPS_SET,
  CTR__GROUPS_TRY, /* set, unless the user namespace forbids it: then they cannot be let go of
                      (user_namespaces(7), "setgroups") */
};

/* Mounts that masked and read-only paths lie on: held by the child from the mount to the mask, so
   that nobody who swaps the directory meanwhile can have a procfs without its masks
   (CVE-2019-19921). */
enum ctr__held { CTR__HELD_NONE, CTR__HELD_PROC, CTR__HELD_SYS, CTR__HELD_COUNT };

/* What errno cannot say. Sent along with it by the child; made into words by the parent. */
#define CTR__REASONS(X)                                                                            \
  X(NONE, NULL)                                                                                    \
  X(LINK, "a link is in the way: procfs and sysfs are mounted on real directories only")           \
  X(NOT_COPIED, "procfs and sysfs are nothing to copy, nor what is mounted below")                 \
  X(NOT_PROCFS, "/proc is not a procfs, or something is mounted over it")                          \
  X(NOT_THAT_DEVICE, "what is there is not that device")                                           \
  X(NOT_THAT_MODE, "that device is there with another mode or owner")                              \
  X(SOMETHING_ELSE, "something else is there")                                                     \
  X(OF_THE_KERNEL, "it is on procfs or sysfs: that would be the mode on the whole machine")        \
  X(BY_A_LINK, "a link leads there: name what it leads to")                                        \
  X(IN_THE_WAY, "something is there already: the option bind puts the file over it")               \
  X(SOURCE, "the source cannot be opened")                                                         \
  X(OUT_OF_REACH, "the way there is not the same in the container's mount namespace")              \
  X(NO_IDMAP, "this file system, or one below it, takes no id-mapped mounts on this kernel")       \
  X(IDMAP_RIGHT, "its ids are mapped already, or not the caller's to map: that takes "             \
                 "CAP_SYS_ADMIN in the user namespace that the file system was mounted in")        \
  X(TARGET, "the mount point cannot be opened or made")                                            \
  X(ANOTHER_MOUNT, "the way there leads to another mount now")                                     \
  X(NULL_DEVICE, "the host's /dev/null is not the null device")                                    \
  X(OUTSIDE, "it lies outside the container's root")                                               \
  X(PARENT_GONE, "the caller ended meanwhile")                                                     \
  X(BAD_ANSWER, "the parent's answer was not the one that is due")                                 \
  X(NOT_FOUND, "executable file not found in $PATH")                                               \
  X(TOO_DEEP, "directories are nested too deeply to be copied")                                    \
  X(OPTION, "the kernel refuses the option ")                                                      \
  X(FILE_SYSTEM, "the kernel does not know this file system type")                                 \
  X(SETGROUPS, "groups may not be set: in a user namespace its setgroups file may say 'deny'")     \
  X(NO_DEVPTS, "the container has no devpts of its own at /dev/pts")                               \
  X(NOT_THAT_PROCESS, "that process has ended")                                                    \
  X(PROGRAM_FILE, "it cannot be executed")                                                         \
  X(PROGRAM_EXIT, "it ended with exit code ")                                                      \
  X(PROGRAM_SIGNAL, "it was ended by signal ")                                                     \
  X(PROGRAM_TIMEOUT, "it was killed: its time was up")

enum ctr__reason {
#define CTR__REASON_ENUM(reason, text) CTR__WHY_##reason,
  CTR__REASONS(CTR__REASON_ENUM)
#undef CTR__REASON_ENUM
      CTR__WHY_COUNT
};

/* One message, one packet of a SOCK_SEQPACKET pair: boundaries are the kernel's. */
enum ctr__message_type {
  CTR__MSG_ERROR = 1, /* child: step failed with error and reason                 */
  CTR__MSG_PID,       /* stage: value is the child's pid; carries its pidfd        */
  CTR__MSG_HOOKS,     /* child: mounts and namespaces are made                     */
  CTR__MSG_READY,     /* child: only execve is left                                */
  CTR__MSG_MAPPED,    /* parent: go on, the maps are written                       */
  CTR__MSG_RESUME,    /* parent: go on after the hooks                             */
  CTR__MSG_RUN,       /* parent, or who starts it: go on and execute               */
  CTR__MSG_CONSOLE,   /* child: carries its terminal's other end                   */
  CTR__MSG_CREATED,   /* child: only being started is left                         */
  CTR__MSG_WAIT,      /* parent: go on and wait for who starts it                  */
  CTR__MSG_START,     /* who starts it: go on                                      */
  CTR__MSG_STARTED,   /* child: the next thing it does is execve                   */
  CTR__MSG_OPEN,      /* child: may not open, or cannot make, what its step names  */
  CTR__MSG_SOURCE,    /* parent: carries that                                      */
  CTR__MSG_LISTENER,  /* child: carries what its filter's notifications come from  */
};

/* runtime.md "State": how statuses are called, to callers and to hooks. */
static const char *const ctr__status_names[] = {
    [CTR_STATUS_CREATING] = "creating", [CTR_STATUS_CREATED] = "created",
    [CTR_STATUS_RUNNING] = "running",   [CTR_STATUS_PAUSED] = "paused",
    [CTR_STATUS_STOPPED] = "stopped",
};

typedef struct ctr__message {
  uint32_t type, step;
  int32_t error; /* errno */
  uint32_t reason;
  int64_t value; /* of PID: the pid; of ERROR: what goes with the reason; of STARTED: whether a
                    filter is still to be loaded, which may keep it from executing       */
} ctr__message;

/* A sync point from both sides: what the child says (0: it only listens) and is answered (0: it
   does not wait). */
static const struct ctr__exchange {
  uint32_t request, answer;
  const char *name;
} ctr__exchanges[] = {
    [CTR__SYNC_MAPPED] = {0, CTR__MSG_MAPPED, "the parent has set up what only it may"},
    [CTR__SYNC_HOOKS] = {CTR__MSG_HOOKS, 0, "namespaces and mounts are made"},
    [CTR__SYNC_RESUME] = {0, CTR__MSG_RESUME, "resume"},
    [CTR__SYNC_READY] = {CTR__MSG_READY, CTR__MSG_RUN, "ready, then run"},
    [CTR__SYNC_CREATED] = {CTR__MSG_CREATED, CTR__MSG_WAIT, "created, then left alone"},
};

/* What hooks and who listens are told of a container, from its status to the end: what its state
   begins with is known when the plan is made. pid: of its first process. */
static char *ctr__put_state_tail(char *at, uint64_t status, int64_t pid) {
  at = ctr__put_str(ctr__put_str(at, ctr__status_names[status]), "\",\"pid\":");
  return ctr__put_str(ctr__put_int(at, pid), "}");
}

/* Steps that change a mount which is there already. */
static bool ctr__changes_mount(uint32_t kind) {
  return kind >= CTR__STEP_SET_ATTR && kind <= CTR__STEP_RECONFIGURE;
}

/* -- reading the block -- */

static const void *ctr__plan_data(const ctr_plan *plan, ctr__ref ref) {
  return ref ? (const char *)plan + plan->data + ref : NULL;
}

static const char *ctr__plan_str(const ctr_plan *plan, ctr__ref ref) {
  return ctr__plan_data(plan, ref);
}

static const ctr__step *ctr__plan_step(const ctr_plan *plan, uint32_t index) {
  return (const ctr__step *)(const void *)((const char *)plan + plan->steps) + index;
}

/* A list: its length, then so many numbers or refs. No list is an empty one. */
static uint32_t ctr__list_count(const ctr_plan *plan, ctr__ref list) {
  const uint32_t *data = ctr__plan_data(plan, list);
  return data ? data[0] : 0;
}

static const uint32_t *ctr__list_items(const ctr_plan *plan, ctr__ref list) {
  return (const uint32_t *)ctr__plan_data(plan, list) + 1;
}

static const char *ctr__list_str(const ctr_plan *plan, ctr__ref list, uint32_t index) {
  return ctr__plan_str(plan, ctr__list_items(plan, list)[index]);
}

/* ==== [SECTION] plan/facts.c ================================================================== */
/* What the plan depends on besides the config: the caller's own namespaces, rights and limits, and
   what the kernel has. Gathered once, here; everything after is a function of config and facts. */

enum { CTR__RLIMITS = 16 };

/* Who can write to the program that the caller is. */
enum ctr__program {
  CTR__PROGRAM_SAFE,     /* nobody, by the file that /proc/PID/exe is */
  CTR__PROGRAM_OWNED,    /* its owner                                 */
  CTR__PROGRAM_WRITABLE, /* others as well, or it is not known        */
};

/* Who owns a file and has no id in the caller's user namespace shows there as the overflow id
   (user_namespaces(7)). */
#define CTR__OVERFLOW_ID 65534U
#define CTR__NOBODY      UINT32_MAX

typedef struct ctr__facts {
  uint32_t euid, egid;
  bool initial_userns;               /* the caller is in the machine's first user namespace */
  bool groups_denied;                /* by its setgroups file; those made in it inherit that */
  uint64_t caps;                     /* the caller's effective capabilities                  */
  uint64_t permitted;                /* what it can give a process                           */
  uint64_t bounding;                 /* and let it get back by execve: of those asked for    */
  unsigned features;                 /* CTR_FEATURE_*                                        */
  bool can_filter;                   /* there is seccomp(2), if the config asks for it       */
  uint32_t filter_flags;             /* and those of its flags that the kernel knows         */
  enum ctr__program program;         /* the caller's own                                     */
  uint32_t program_uid;              /* its owner                                            */
  uint32_t node_uid;                 /* that of /dev/null, or CTR__NOBODY                    */
  bool owns_mounts;                  /* its user namespace, or one below, the mount namespace */
  bool apparmor, selinux;            /* are in force, if the config has labels               */
  bool apparmor_dir;                 /* its attributes have a directory of their own         */
  bool profile_missing;              /* as far as it can be seen: the one that is asked for  */
  int landlock_abi;                  /* if the config asks for it                            */
  uint64_t hard_limit[CTR__RLIMITS]; /* of the resources that are asked for       */

  /* What is looked at only when a config asks for more than everybody has. */
  ctr__id_ranges own_ids[CTR__ID_KINDS];   /* in a user namespace: those that are there    */
  ctr__id_ranges given_ids[CTR__ID_KINDS]; /* else: what subuid(5) and subgid(5) give       */
  char id_helpers[CTR__ID_KINDS][CTR__HELPER_PATH]; /* who writes those into a map; "": nobody   */
  int64_t oom_score_adj;
  int nice;
  uint64_t nice_limit, priority_limit; /* RLIMIT_NICE, RLIMIT_RTPRIO */
  char block_file_systems[512];        /* types that lie on a block device: "ext4,xfs" */
  size_t missing_device;               /* 1 + which of linux.devices cannot be bound; 0: none */
} ctr__facts;

/* Whether it has one of the capabilities that count in the machine's first user namespace only. */
static bool ctr__has_of_machine(const ctr__facts *f, uint64_t caps) {
  return f->initial_userns && (f->caps & caps);
}

/* A feature is there when a call that cannot succeed fails as the kernel would have it: not with
   ENOSYS, nor with the EPERM of a seccomp filter that does not know it. */
static unsigned ctr__probe_features(unsigned without) {
  unsigned features = CTR_FEATURE_CLONE3; /* found out by the call itself, at no cost */
  if (ctr__mount_setattr(-1, ~0U, 0, 0, 0) == -EINVAL) features |= CTR_FEATURE_MOUNT_SETATTR;
  /* Of setns(2) no failure tells; close_range(2) is one release younger. */
  if (CTR__CALL(CTR__SYS_close_range, ~0U, 0U, 0U) == -EINVAL) features |= CTR_FEATURE_SETNS_PIDFD;
  if (ctr__can_hide_program()) features |= CTR_FEATURE_HIDE_PROGRAM;
  if (ctr__has_clone_into_cgroup()) features |= CTR_FEATURE_CLONE_INTO_CGROUP;
  if (without & CTR_FEATURE_CLONE3) without |= CTR_FEATURE_CLONE_INTO_CGROUP;
  return features & ~without;
}

/* user_namespaces(7), "/proc/pid/setgroups". */
static bool ctr__setgroups_denied(void) {
  char text[8] = "";
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, "/proc/self/setgroups", O_RDONLY, 0);
  return fd >= 0 && read(fd, text, sizeof text) > 0 && !strncmp(text, "deny", 4);
}

/* Those of a set that are in the caller's bounding set. */
static uint64_t ctr__bounded_caps(uint64_t asked) {
  uint64_t set = 0;
  for (unsigned long i = 0; i < CTR_CAP_COUNT; i++)
    if ((asked >> i & 1) && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1) set |= UINT64_C(1) << i;
  return set;
}

/* One id, one's own, may be mapped by everybody. */
static bool ctr__maps_own_alone(ctr_id_mappings map, uint32_t own) {
  return map.count == 1 && map.items[0].size == 1 && map.items[0].hostID == own;
}

/* Those of one kind that somebody would map for the caller. */
static int ctr__gather_given(ctr_arena *arena, enum ctr__id_kind kind, ctr__facts *facts) {
  ctr__find_id_helper(ctr__id_sources[kind].helper, facts->id_helpers[kind]);
  return *facts->id_helpers[kind] ? ctr__ids_given(arena, kind, &facts->given_ids[kind]) : 0;
}

static ctr_code ctr__ids_failed(int error, ctr_err *err) {
  return error == -ENOMEM ? ctr__nomem(err)
                          : ctr__fail(err, CTR_E_SYS, -error, NULL,
                                      "find out which ids are the caller's to map");
}

static ctr_code ctr__gather_all_ids(ctr__facts *facts, ctr_err *err) {
  ctr_arena arena = {0};
  int r = ctr__gather_given(&arena, CTR__UIDS, facts);
  if (r == 0) r = ctr__gather_given(&arena, CTR__GIDS, facts);
  ctr_arena_free(&arena);
  return r < 0 ? ctr__ids_failed(r, err) : CTR_OK;
}

static ctr_code ctr__gather_ids(const ctr_linux *lin, ctr__facts *facts, ctr_err *err) {
  const ctr_id_mappings maps[CTR__ID_KINDS] = {lin->uidMappings, lin->gidMappings};
  const uint32_t own[CTR__ID_KINDS] = {facts->euid, facts->egid};
  const uint64_t caps[CTR__ID_KINDS] = {CTR_CAP(SETUID), CTR_CAP(SETGID)};
  ctr_arena arena = {0};
  int r = 0, kind = 0;
  for (; kind < CTR__ID_KINDS && r == 0; kind++) {
    if (!maps[kind].count || ctr__maps_own_alone(maps[kind], own[kind])) continue;
    if (!facts->initial_userns)
      r = ctr__ids_of_namespace(&arena, (enum ctr__id_kind)kind, &facts->own_ids[kind]);
    if (r == 0 && !(facts->caps & caps[kind]))
      r = ctr__gather_given(&arena, (enum ctr__id_kind)kind, facts);
  }
  ctr_arena_free(&arena);
  return r < 0 ? ctr__ids_failed(r, err) : CTR_OK;
}

static struct ctr__rlimit ctr__limit_of(int resource) {
  struct ctr__rlimit now = {0};
  syscall(SYS_prlimit64, 0, resource, NULL, &now);
  return now;
}

/* What a process may be given without a right depends on what the caller has. */
static void ctr__gather_priorities(const ctr_process_config *process, ctr__facts *facts) {
  char text[16] = "";
  facts->oom_score_adj = -1000;
  if (process->oomScoreAdj.set) {
    CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, "/proc/self/oom_score_adj", O_RDONLY, 0);
    if (fd >= 0 && read(fd, text, sizeof text - 1) > 0)
      facts->oom_score_adj = strtoll(text, NULL, 10);
  }
  if (!process->scheduler.policy) return;
  facts->nice = 20 - (int)syscall(SYS_getpriority, PRIO_PROCESS, 0);
  facts->nice_limit = ctr__limit_of(RLIMIT_NICE).soft;
  facts->priority_limit = ctr__limit_of(RLIMIT_RTPRIO).soft;
}

/* filesystems(5): types that are not marked "nodev", of which no kernel lets a user namespace mount
   any. Looked for only when there is a type that is not in everybody's config. */
static void ctr__gather_file_systems(const ctr_mounts *mounts, ctr__facts *facts) {
  static const char *const usual[] = {"proc",   "sysfs", "tmpfs",   "devpts", "mqueue",
                                      "cgroup", "bind",  "cgroup2", "none",   "overlay"};
  ctr_arena arena = {0};
  char *text = NULL, *save = NULL;
  size_t unusual = 0, len = 0;
  for (size_t i = 0; i < mounts->count; i++) {
    bool known = !mounts->items[i].type || ctr__is_made(&mounts->items[i]);
    for (size_t u = 0; u < sizeof usual / sizeof *usual && !known; u++)
      known = !strcmp(mounts->items[i].type, usual[u]);
    unusual += !known;
  }
  if (unusual && ctr__read_text(&arena, "/proc/filesystems", &text) == 0)
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
      if (*line == '\t' && len + strlen(line) + 1 < sizeof facts->block_file_systems)
        len += (size_t)snprintf(facts->block_file_systems + len,
                                sizeof facts->block_file_systems - len, "%s%s", len ? "," : "",
                                line + 1);
  ctr_arena_free(&arena);
}

/* Where no node can be made, the caller's own of the same path is bound: it must be that device. */
static void ctr__gather_devices(const ctr_devices *devices, ctr__facts *facts) {
  for (size_t i = 0; i < devices->count && !facts->missing_device; i++) {
    const ctr_device *d = &devices->items[i];
    const dev_t number = makedev((unsigned)d->major_.value, (unsigned)d->minor_.value);
    struct stat st;
    if (*d->type == 'p') continue;
    bool there = stat(d->path, &st) == 0 && st.st_rdev == number &&
                 (*d->type == 'b' ? S_ISBLK(st.st_mode) : S_ISCHR(st.st_mode));
    if (!there) facts->missing_device = i + 1;
  }
}

/* A kernel that knows the flags fails for want of a program, one that does not with EINVAL. */
static bool ctr__knows_filter_flags(uint32_t flags) {
  return CTR__CALL(SYS_seccomp, CTR__SECCOMP_SET_MODE_FILTER, flags, NULL) == -EFAULT;
}

static void ctr__gather_filters(const ctr_seccomp *profile, ctr__facts *facts) {
  if (!profile->defaultAction) return;
  facts->can_filter = ctr__knows_filter_flags(0);
  for (size_t i = 0; i < ctr__seccomp_flags.count && profile->flags.count; i++) {
    const uint32_t flag = (uint32_t)ctr__seccomp_flags.items[i].value;
    const bool listens = flag == CTR__SECCOMP_WAIT_KILLABLE_RECV; /* goes with it only */
    if (ctr__knows_filter_flags(flag | (listens ? CTR__SECCOMP_NEW_LISTENER : 0U)))
      facts->filter_flags |= flag;
  }
}

/* statfs(2) tells of the mount as well as of the file system. */
static void ctr__gather_program(ctr__facts *facts) {
  static const char path[] = "/proc/self/exe";
  struct stat st;
  struct statfs fs;
  facts->program = CTR__PROGRAM_WRITABLE;
  if (stat(path, &st) < 0 || statfs(path, &fs) < 0) return;
  facts->program_uid = st.st_uid;
  CTR__AUTO_CLOSE file = st.st_nlink ? -1 : ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  const int seals = file < 0 ? 0 : fcntl(file, CTR__F_GET_SEALS);
  if (((unsigned long)fs.f_flags & ST_RDONLY) || (seals > 0 && (seals & CTR__SEALS) == CTR__SEALS))
    facts->program = CTR__PROGRAM_SAFE;
  else if (!(st.st_mode & (S_IWGRP | S_IWOTH)))
    facts->program = CTR__PROGRAM_OWNED;
}

/* The list of profiles is for root to read: "NAME (MODE)" each, without those of other namespaces,
   nor of stacks ("A//&B"). */
static bool ctr__profile_is_missing(ctr_arena *arena, const char *name) {
  const size_t len = strlen(name);
  char *text = NULL, *save = NULL;
  if (!strcmp(name, "unconfined") || *name == ':' || strstr(name, "//&")) return false;
  if (ctr__read_text(arena, "/sys/kernel/security/apparmor/profiles", &text) < 0) return false;
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
    if (!strncmp(line, name, len) && !strncmp(line + len, " (", 2)) return false;
  return true;
}

/* Before SELinux has a policy, it takes any label for the kernel's. */
static bool ctr__has_selinux(ctr_arena *arena) {
  char *types = NULL, *own = NULL;
  return ctr__read_text(arena, "/proc/filesystems", &types) == 0 &&
         strstr(types, "\tselinuxfs\n") &&
         ctr__read_text(arena, "/proc/self/attr/current", &own) == 0 && strcmp(own, "kernel") != 0;
}

static void ctr__gather_labels(const ctr_config *config, ctr__facts *facts) {
  const char *profile = config->process.apparmorProfile;
  ctr_arena arena = {0};
  char *enabled = NULL;
  if (profile && *profile) {
    facts->apparmor =
        ctr__read_text(&arena, "/sys/module/apparmor/parameters/enabled", &enabled) == 0 &&
        *enabled == 'Y';
    facts->apparmor_dir = access("/proc/self/attr/apparmor/exec", F_OK) == 0;
    facts->profile_missing = facts->apparmor && ctr__profile_is_missing(&arena, profile);
  }
  if (config->process.selinuxLabel || config->linux_.mountLabel)
    facts->selinux = ctr__has_selinux(&arena);
  ctr_arena_free(&arena);
}

static uint32_t ctr__node_owner(const ctr__facts *facts) {
  struct stat st;
  if (stat("/dev/null", &st) < 0) return CTR__NOBODY;
  return !facts->initial_userns && st.st_uid == CTR__OVERFLOW_ID ? CTR__NOBODY : st.st_uid;
}

static bool ctr__owns_mounts(const ctr__facts *facts) {
  CTR__AUTO_CLOSE owner = facts->initial_userns ? -1 : ctr__owner_of("/proc/self/ns/mnt");
  return facts->initial_userns || owner >= 0;
}

static ctr_code ctr__gather_facts(const ctr_config *config, unsigned without, ctr__facts *facts,
                                  ctr_err *err) {
  const ctr_process_config *process = &config->process;
  *facts = (ctr__facts){.euid = geteuid(), .egid = getegid()};
  facts->initial_userns = ctr__in_initial_userns();
  facts->groups_denied = !facts->initial_userns && ctr__setgroups_denied();
  ctr__own_caps(&facts->caps, &facts->permitted);
  facts->bounding = ctr__bounded_caps(process->capabilities.bounding);
  facts->features = ctr__probe_features(without);
  for (size_t i = 0; i < process->rlimits.count; i++) {
    int resource = (int)process->rlimits.items[i].type - 1;
    facts->hard_limit[resource] = ctr__limit_of(resource).hard;
  }
  ctr__gather_program(facts);
  facts->node_uid = ctr__node_owner(facts);
  facts->owns_mounts = ctr__owns_mounts(facts);
  ctr__gather_priorities(process, facts);
  ctr__gather_filters(&config->linux_.seccomp, facts);
  ctr__gather_labels(config, facts);
  if (config->landlock) facts->landlock_abi = ctr__landlock_abi();
  if (ctr__namespace_of(config, CTR_NS_USER) || !ctr__has_of_machine(facts, CTR_CAP(MKNOD))) {
    ctr__gather_file_systems(&config->mounts, facts);
    ctr__gather_devices(&config->linux_.devices, facts);
  }
  return ctr__gather_ids(&config->linux_, facts, err);
}

/* ==== [SECTION] plan/builder.c ================================================================ */
/* The mechanics of building a block: steps and data grow apart and are joined at the end. A failure
   to get memory is remembered, so that callers can add step after step and ask once. */

/* What a plan is for. */
enum ctr__goal {
  CTR__GOAL_PROGRAM, /* a process of its own                 */
  CTR__GOAL_RUN,     /* a container, running                 */
  CTR__GOAL_CREATE,  /* a container that waits to be started */
  CTR__GOAL_EXEC,    /* one more process in a container      */
  CTR__GOAL_HOOK,    /* nothing but one hook                 */
  CTR__GOAL_UPDATE,  /* nothing but limits of a container    */
};

typedef struct ctr__purpose {
  enum ctr__goal goal;
  uint64_t init_pid, init_start; /* of EXEC: the container's first process            */
  ctr_strs cgroups;              /* of EXEC: the container's, directories on the host */
  const ctr_resources *changed;  /* of UPDATE: what is not to stay as it is           */
  uint32_t hook_kind;            /* of HOOK                                           */
  size_t hook_index;
} ctr__purpose;

typedef struct ctr__builder {
  ctr_arena *arena;
  const ctr_config *config;
  const ctr_plan_desc *desc;
  const struct ctr__facts *facts;
  const ctr__purpose *purpose;
  ctr_err *err;

  ctr__step *steps;
  uint32_t step_count, step_room;
  char *data; /* what refs point into; starts with bytes that no ref means */
  uint32_t data_len, data_room;
  bool nomem;

  uint32_t new_namespaces, joined_namespaces; /* CLONE_NEW* */
  bool own_mounts;                            /* a new mount namespace: mounts can be made */
  const char *root_field;                     /* what says what the root is                */
  ctr__ref root_dir, mount_label;             /* as in ctr_plan                            */
  bool *late_read_only;                       /* for each mount: it becomes so when it is filled */
  size_t late_count;                          /* how many do                                     */
  const char *held_at[CTR__HELD_COUNT];       /* where the mounts are that the child holds       */
  struct ctr__idmap *idmaps;                  /* those made for mounts                           */
  size_t idmap_count;
  bool hides_program;                         /* the caller's own, from the container            */
  bool dev_is_bound;                          /* /dev comes from elsewhere: not ours to fill     */
  ctr_id_mappings uid_map, gid_map;           /* of a new user namespace              */
  bool groups_denied;                         /* setgroups(2) is not to be had there   */
  uint64_t effective, permitted, inheritable; /* capabilities that the program starts with */
  bool is_unseen;                             /* from when it has its ids until execve */
  uint32_t filter_count;                      /* of those that are loaded             */
  struct ctr__hierarchies *hierarchies;       /* the machine's, once they were read    */
  struct ctr__limit *limits;                  /* what is written to its cgroups        */
  size_t limit_count;
  struct ctr__hierarchy *device_hierarchy; /* where its devices are restricted; NULL: nowhere */
  const char *born_in; /* the cgroup that the first of its processes is cloned into; NULL: none */
  uint32_t program_count;  /* of the caller's side that are run meanwhile: hooks and helpers */
  uint32_t io_uid, io_gid; /* who new pipes are to belong to, as the caller sees it */
  ctr__ref bundle, state;  /* for hooks */
} ctr__builder;

static bool ctr__makes_container(const ctr__builder *b) {
  return b->purpose->goal == CTR__GOAL_RUN || b->purpose->goal == CTR__GOAL_CREATE;
}

static bool ctr__in_userns(const ctr__builder *b) {
  return (b->new_namespaces | b->joined_namespaces) & CTR_NS_USER;
}

/* Zeroed memory for the time of building, or NULL. */
static void *ctr__take(ctr__builder *b, size_t count, size_t size) {
  void *taken = ctr__arena_array(b->arena, count, size);
  b->nomem |= !taken;
  return taken;
}

/* Text for the time of building, or NULL: the name of a config field ("mounts[3]"), a path. */
__attribute__((format(printf, 2, 3))) static char *ctr__print(ctr__builder *b, const char *format,
                                                              ...) {
  va_list args;
  va_start(args, format);
  char *text = ctr__arena_vprintf(b->arena, format, args);
  va_end(args);
  b->nomem |= !text;
  return text;
}

static void *ctr__grow(ctr__builder *b, void *old, uint32_t used, uint32_t *room, size_t item,
                       uint32_t need) {
  if (b->nomem || need <= *room - used) return old;
  uint64_t want = (uint64_t)*room * 2 + need + 64;
  void *bigger =
      want * item > UINT32_MAX / 2 ? NULL : ctr_arena_alloc(b->arena, (size_t)(want * item));
  b->nomem = !bigger;
  if (!bigger) return old;
  if (used) memcpy(bigger, old, used * item);
  *room = (uint32_t)want;
  return bigger;
}

/* Adds len bytes aligned to align and returns their ref; never 0, which means none. */
static ctr__ref ctr__add_bytes(ctr__builder *b, const void *bytes, size_t len, uint32_t align) {
  if (len > UINT32_MAX / 4) b->nomem = true;
  b->data = ctr__grow(b, b->data, b->data_len, &b->data_room, 1, (uint32_t)len + 2 * align);
  if (b->nomem) return 0;
  if (!b->data_len) b->data_len = 1;
  b->data_len = (b->data_len + align - 1) / align * align;
  ctr__ref ref = b->data_len;
  memcpy(b->data + ref, bytes, len);
  b->data_len += (uint32_t)len;
  return ref;
}

static ctr__ref ctr__add_str(ctr__builder *b, const char *text) {
  return text ? ctr__add_bytes(b, text, strlen(text) + 1, 1) : 0;
}

static ctr__ref ctr__add_u32s(ctr__builder *b, const uint32_t *items, size_t count) {
  uint32_t *list = ctr__take(b, count + 1, sizeof *list);
  b->nomem |= count > UINT32_MAX / 16;
  if (b->nomem) return 0;
  list[0] = (uint32_t)count;
  if (count) memcpy(list + 1, items, count * sizeof *items);
  return ctr__add_bytes(b, list, (count + 1) * sizeof *list, 8);
}

static ctr__ref ctr__add_strs(ctr__builder *b, ctr_strs strs) {
  uint32_t *refs = ctr__take(b, strs.count + 1, sizeof *refs);
  for (size_t i = 0; i < strs.count && !b->nomem; i++) refs[i] = ctr__add_str(b, strs.items[i]);
  return b->nomem ? 0 : ctr__add_u32s(b, refs, strs.count);
}

/* What a step is made from; strings and lists are copied into the block. */
typedef struct ctr__new_step {
  const char *field;
  const char *str[CTR__STEP_STRS];
  ctr__ref ref[CTR__STEP_STRS]; /* instead of a string: a list or bytes added before */
  uint64_t num[CTR__STEP_NUMS];
} ctr__new_step;

static void ctr__add_step(ctr__builder *b, enum ctr__lane lane, enum ctr__kind kind,
                          const ctr__new_step *from) {
  ctr__step step = {.kind = (uint16_t)kind, .lane = (uint16_t)lane};
  step.field = ctr__add_str(b, from->field);
  for (int i = 0; i < CTR__STEP_STRS; i++)
    step.str[i] = from->ref[i] ? from->ref[i] : ctr__add_str(b, from->str[i]);
  memcpy(step.num, from->num, sizeof step.num);
  b->steps = ctr__grow(b, b->steps, b->step_count, &b->step_room, sizeof step, 1);
  if (!b->nomem) b->steps[b->step_count++] = step;
}
#define ctr__child_step(b, kind, ...)                                                              \
  ctr__add_step(b, CTR__LANE_CHILD, CTR__STEP_##kind, &(ctr__new_step){__VA_ARGS__})
#define ctr__parent_step(b, kind, ...)                                                             \
  ctr__add_step(b, CTR__LANE_PARENT, CTR__STEP_##kind, &(ctr__new_step){__VA_ARGS__})

/* The moment: the CTR_MOMENT_* at which the caller may want to be called; or 0. */
static void ctr__sync_step(ctr__builder *b, enum ctr__sync_point point, unsigned moment) {
  ctr__add_step(b, CTR__LANE_BOTH, CTR__STEP_SYNC,
                &(ctr__new_step){.num = {point, b->desc->moments & moment}});
}

static ctr_code ctr__refuse(ctr__builder *b, ctr_code code, const char *field, const char *text) {
  return ctr__fail(b->err, code, 0, field, "%s", text);
}

/* Whether the comma-separated list has the word. */
static bool ctr__list_has(const char *list, const char *word, size_t len) {
  for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
    if (strcspn(at, ",") == len && !memcmp(at, word, len)) return true;
  return false;
}

/* Joins head, steps and data into the block that leaves the builder, one allocation. */
static ctr_plan *ctr__builder_finish(ctr__builder *b, ctr__ref argv, ctr__ref envp) {
  const size_t head = (sizeof(ctr_plan) + 7) / 8 * 8;
  size_t steps_len = b->step_count * sizeof *b->steps;
  size_t size = head + steps_len + b->data_len;
  ctr_plan *plan = b->nomem || size > UINT32_MAX ? NULL : CTR_MALLOC(size);
  if (!plan) return NULL;
  memset(plan, 0, head); /* what fills it up belongs to the block as well */
  *plan = (ctr_plan){.size = (uint32_t)size,
                     .step_count = b->step_count,
                     .steps = (uint32_t)head,
                     .data = (uint32_t)(head + steps_len), /* a multiple of 8: alignment stays */
                     .argv = argv,
                     .envp = envp,
                     .bundle = b->bundle,
                     .state = b->state,
                     .root_dir = b->root_dir,
                     .mount_label = b->mount_label,
                     .io_uid = b->io_uid,
                     .io_gid = b->io_gid};
  if (steps_len) memcpy((char *)plan + head, b->steps, steps_len);
  if (b->data_len) memcpy((char *)plan + plan->data, b->data, b->data_len);
  return plan;
}

/* ==== [SECTION] plan/rights.c ================================================================= */
/* What a config may ask for that not every caller can have: what it needs, and what to do instead.
   It is looked up here when the plan is made, so that nothing ends half way; the texts of errors
   are these. */

static bool ctr__can_unshare(const ctr__facts *f) {
  return f->caps & CTR_CAP(SYS_ADMIN);
}

static bool ctr__can_map(const ctr__facts *f, uint64_t cap, enum ctr__id_kind kind) {
  const ctr__id_ranges *given = &f->given_ids[kind];
  return (f->caps & cap) || (*f->id_helpers[kind] && (given->count || !given->known));
}

static bool ctr__can_map_uids(const ctr__facts *f) {
  return ctr__can_map(f, CTR_CAP(SETUID), CTR__UIDS);
}

static bool ctr__can_map_gids(const ctr__facts *f) {
  return ctr__can_map(f, CTR_CAP(SETGID), CTR__GIDS);
}

static bool ctr__can_map_root(const ctr__facts *f) {
  return f->caps & CTR_CAP(SETFCAP);
}

static bool ctr__can_set_groups(const ctr__facts *f) {
  return !f->groups_denied && ctr__can_map_gids(f);
}

static bool ctr__can_set_resources(const ctr__facts *f) {
  return ctr__has_of_machine(f, CTR_CAP(SYS_RESOURCE));
}

static bool ctr__can_set_priorities(const ctr__facts *f) {
  return ctr__has_of_machine(f, CTR_CAP(SYS_NICE));
}

static bool ctr__can_set_io_priorities(const ctr__facts *f) {
  return ctr__has_of_machine(f, CTR_CAP(SYS_NICE) | CTR_CAP(SYS_ADMIN));
}

static bool ctr__can_mknod(const ctr__facts *f) {
  return ctr__has_of_machine(f, CTR_CAP(MKNOD));
}

static bool ctr__can_mount_all(const ctr__facts *f) {
  return ctr__has_of_machine(f, CTR_CAP(SYS_ADMIN));
}

static bool ctr__can_filter(const ctr__facts *f) {
  return f->permitted & CTR_CAP(SYS_ADMIN);
}

#define CTR__OF_THE_MACHINE " in the machine's first user namespace"

/* Name, who has it (NULL: that depends on more than the caller), what is asked for, what that
   takes, what to do instead. */
#define CTR__RIGHTS(X)                                                                             \
  X(NAMESPACES, ctr__can_unshare, "namespaces or another root without a user namespace",           \
    "CAP_SYS_ADMIN",                                                                               \
    "add one of type user, and one of type mount, to linux.namespaces, as CTR_DEFAULT_ROOTLESS "   \
    "and 'spec --rootless' do")                                                                    \
  X(UID_RANGES, ctr__can_map_uids, "user ids of others in a user namespace",                       \
    "CAP_SETUID, or newuidmap(1) and ids that subuid(5) gives to the caller",                      \
    "map one id, the caller's own")                                                                \
  X(GID_RANGES, ctr__can_map_gids, "group ids of others in a user namespace",                      \
    "CAP_SETGID, or newgidmap(1) and ids that subgid(5) gives to the caller",                      \
    "map one id, the caller's own")                                                                \
  X(MAP_ROOT, ctr__can_map_root, "user id 0 outside as an id inside a user namespace",             \
    "CAP_SETFCAP", "map another id, or give the caller, if that is a container, CAP_SETFCAP")      \
  X(GROUPS, ctr__can_set_groups, "additional groups in a user namespace",                          \
    "CAP_SETGID, or groups that newgidmap(1) maps", "leave them out")                              \
  X(HARD_LIMITS, ctr__can_set_resources, "a hard limit above the caller's",                        \
    "CAP_SYS_RESOURCE" CTR__OF_THE_MACHINE, "ask for the caller's at most")                        \
  X(OOM_SCORE, ctr__can_set_resources, "an OOM score below 0 and the caller's",                    \
    "CAP_SYS_RESOURCE" CTR__OF_THE_MACHINE, "ask for the caller's or a higher one")                \
  X(REAL_TIME, ctr__can_set_priorities, "a real-time or deadline scheduling policy",               \
    "CAP_SYS_NICE" CTR__OF_THE_MACHINE ", or the caller's RLIMIT_RTPRIO", "use another policy")    \
  X(NICE, ctr__can_set_priorities, "a nice value below the caller's",                              \
    "CAP_SYS_NICE" CTR__OF_THE_MACHINE ", or the caller's RLIMIT_NICE",                            \
    "ask for the caller's or a higher one")                                                        \
  X(IO_REAL_TIME, ctr__can_set_io_priorities, "the real-time class of I/O",                        \
    "CAP_SYS_NICE or CAP_SYS_ADMIN" CTR__OF_THE_MACHINE, "use another class")                      \
  X(DOMAIN_SETTING, NULL, "the setting kernel.domainname",                                         \
    "root of the machine and a container without a user namespace", "use the field domainname")    \
  X(DEVICES, ctr__can_mknod, "a device that the caller does not have at the same path",            \
    "CAP_MKNOD" CTR__OF_THE_MACHINE " and a container without one of its own",                     \
    "name one that is there: it is bound")                                                         \
  X(FILE_SYSTEMS, ctr__can_mount_all, "a file system that lies on a block device",                 \
    "CAP_SYS_ADMIN" CTR__OF_THE_MACHINE " and a container without one of its own",                 \
    "let root mount it, then bind it; or use FUSE")                                                \
  X(IDMAP, ctr__can_unshare, "ids of a mount other than those of its files",                       \
    "CAP_SYS_ADMIN in the user namespace that the file system was mounted in",                     \
    "let root start the container, or change the owners of the files (chown(1))")                  \
  X(PROC, NULL, "a procfs of its own in a user namespace",                                         \
    "a new pid namespace beside the user namespace",                                               \
    "add one to linux.namespaces, or bind the caller's /proc")                                     \
  X(SYSFS, NULL, "a sysfs of its own in a user namespace",                                         \
    "a new network namespace beside the user namespace",                                           \
    "add one to linux.namespaces, or bind the caller's /sys (rbind, ro)")                          \
  X(MQUEUE, NULL, "a mqueue file system of its own in a user namespace",                           \
    "a new ipc namespace beside the user namespace",                                               \
    "add one to linux.namespaces, or bind the caller's /dev/mqueue")                               \
  X(LIMITS, NULL, "limits of linux.resources",                                                     \
    "a cgroup that was given to the caller (cgroup-v2.rst, \"Delegation\"; systemd: "              \
    "Delegate=yes)",                                                                               \
    "leave them out; process.rlimits need nothing")                                                \
  X(FILTERS, ctr__can_filter,                                                                      \
    "a seccomp filter, or Landlock, without noNewPrivileges or a user namespace", "CAP_SYS_ADMIN", \
    "set process.noNewPrivileges")                                                                 \
  X(TIME_OFFSETS, ctr__can_unshare, "time offsets in a user namespace that is joined",             \
    "CAP_SYS_ADMIN", "make a new user namespace")

enum ctr__right {
#define CTR__RIGHT_ENUM(name, has, asked, needs, instead) CTR__RIGHT_##name,
  CTR__RIGHTS(CTR__RIGHT_ENUM)
#undef CTR__RIGHT_ENUM
      CTR__RIGHT_COUNT
};

static const struct ctr__right_row {
  bool (*has)(const ctr__facts *facts);
  const char *asked, *needs, *instead;
} ctr__rights[CTR__RIGHT_COUNT] = {
#define CTR__RIGHT_ROW(name, has, asked, needs, instead)                                           \
  [CTR__RIGHT_##name] = {has, asked, needs, instead},
    CTR__RIGHTS(CTR__RIGHT_ROW)
#undef CTR__RIGHT_ROW
};

/* What the config says there is more than the caller may ask for; detail is NULL or says of what.
 */
static ctr_code ctr__lacks(ctr__builder *b, enum ctr__right right, const char *field,
                           const char *detail) {
  const struct ctr__right_row *row = &ctr__rights[right];
  return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field, "%s%s%s: that takes %s; instead %s",
                   detail ? detail : "", detail ? ": " : "", row->asked, row->needs, row->instead);
}

/* ==== [SECTION] plan/own_program.c ============================================================ */
/* Whether the caller's own program has to be kept from the container, and by which steps. */

static bool ctr__has_setattr(const ctr__builder *b) {
  return b->facts->features & CTR_FEATURE_MOUNT_SETATTR;
}

static bool ctr__has_uid(const ctr__builder *b, uint32_t uid) {
  for (size_t i = 0; i < b->uid_map.count; i++)
    if (uid >= b->uid_map.items[i].hostID &&
        uid - b->uid_map.items[i].hostID < b->uid_map.items[i].size)
      return true;
  return false;
}

/* Its owner can always give themselves the right; what the group may, an access control list may
   hide (acl(5)). Without a user namespace somebody is the host's root. */
static bool ctr__program_is_in_reach(const ctr__builder *b) {
  const ctr__facts *f = b->facts;
  if (f->program == CTR__PROGRAM_SAFE) return false;
  /* Without a root of its own the host's files are there as they are. */
  if (!b->own_mounts && !(b->joined_namespaces & CTR_NS_MOUNT)) return false;
  if (f->program == CTR__PROGRAM_WRITABLE || !ctr__in_userns(b) || !b->uid_map.count) return true;
  return ctr__has_uid(b, f->program_uid);
}

/* by_mount: whoever does it has rights over the mount namespace that it is in. */
static void ctr__seal_step(ctr__builder *b, enum ctr__lane lane, bool by_mount) {
  by_mount &= ctr__has_setattr(b);
  b->hides_program = true;
  ctr__add_step(b, lane, CTR__STEP_SEAL_PROGRAM,
                &(ctr__new_step){.str = {by_mount ? "a read-only view" : "a sealed copy"},
                                 .num = {by_mount, (uint64_t)sysconf(_SC_PAGESIZE)}});
}

static void ctr__hide_step(ctr__builder *b, enum ctr__lane lane) {
  ctr__add_step(b, lane, CTR__STEP_HIDE_PROGRAM, &(ctr__new_step){.field = NULL});
}

/* Of a process in namespaces of its own: nobody is there yet who could see it. */
static void ctr__plan_own_program(ctr__builder *b) {
  if (b->joined_namespaces || !ctr__program_is_in_reach(b)) return;
  ctr__seal_step(b, CTR__LANE_CHILD, true);
  ctr__hide_step(b, CTR__LANE_CHILD);
}

/* One that joins some is to have let go of it before it can be seen from there: the intermediate
   process, whose memory the real one has a copy of. Who has no rights gets them with the user
   namespace that is joined; from there no mount of the host's can be copied. */
static void ctr__plan_stage_program(ctr__builder *b, bool is_joined) {
  const bool may = ctr__can_unshare(b->facts);
  if (!ctr__program_is_in_reach(b)) return;
  if (!is_joined) ctr__seal_step(b, CTR__LANE_STAGE, may);
  if (is_joined != may) ctr__hide_step(b, CTR__LANE_STAGE);
}

static ctr_code ctr__check_program(ctr__builder *b) {
  return !b->hides_program || (b->facts->features & CTR_FEATURE_HIDE_PROGRAM)
             ? CTR_OK
             : ctr__refuse(b, CTR_E_UNSUPPORTED, NULL,
                           "code inside could write to the caller's program (CVE-2019-5736), which "
                           "this kernel cannot hide (CONFIG_CHECKPOINT_RESTORE): call "
                           "ctr_seal_program first in main(), or let the program be on a "
                           "read-only mount or belong to an id that the container does not map");
}

/* ==== [SECTION] plan/namespaces.c ============================================================= */
/* Which namespaces are made, which are joined, and who maps the ids. */

static ctr_code ctr__sort_namespaces(ctr__builder *b) {
  const ctr_namespaces *all = &b->config->linux_.namespaces;
  for (size_t i = 0; i < all->count; i++) {
    uint32_t *kind = all->items[i].path ? &b->joined_namespaces : &b->new_namespaces;
    *kind |= (uint32_t)all->items[i].type;
  }
  b->own_mounts = b->new_namespaces & CTR_NS_MOUNT;
  if (!ctr__can_unshare(b->facts) && !ctr__in_userns(b))
    return ctr__lacks(b, CTR__RIGHT_NAMESPACES, "linux.namespaces", NULL);
  return CTR_OK;
}

/* -- id maps -- */

static ctr__ref ctr__map_text(ctr__builder *b, ctr_id_mappings map) {
  char *text = ctr__take(b, map.count + 1, 3 * 11);
  char *at = text;
  if (!text) return 0;
  for (size_t i = 0; i < map.count; i++) {
    at = ctr__put_uint(at, map.items[i].containerID);
    *at++ = ' ';
    at = ctr__put_uint(at, map.items[i].hostID);
    *at++ = ' ';
    at = ctr__put_uint(at, map.items[i].size);
    *at++ = '\n';
  }
  return ctr__add_bytes(b, text, (size_t)(at - text) + 1, 1);
}

/* One of the two maps, and how it is to be written. */
typedef struct ctr__map_plan {
  const char *field;
  ctr_id_mappings map;
  enum ctr__id_kind kind;
  enum ctr__kind step;
  enum ctr__right right;
  uint32_t own;
  uint64_t cap;
  bool by_helper;
} ctr__map_plan;

/* Whether each range is the caller's to map: ids of the caller's own user namespace, and what the
   machine gives them besides their own. */
static ctr_code ctr__check_ranges(ctr__builder *b, const ctr__map_plan *p) {
  const ctr__id_ranges *given = &b->facts->given_ids[p->kind], *there = &b->facts->own_ids[p->kind];
  for (size_t i = 0; i < p->map.count; i++) {
    const ctr_id_mapping *m = &p->map.items[i];
    const bool own = m->hostID == p->own && m->size == 1;
    const char *field = ctr__print(b, "%s[%zu]", p->field, i);
    if (!field) return ctr__nomem(b->err);
    if (there->known && !own && !ctr__ids_have(there, m->hostID, m->size))
      return ctr__fail(b->err, CTR_E_CONFIG, 0, field,
                       "hostID %u and the %u after it are not all ids of the caller's own user "
                       "namespace (%s)",
                       m->hostID, m->size - 1, ctr__id_sources[p->kind].map);
    if (p->by_helper && given->known && !own && !ctr__ids_have_together(given, m->hostID, m->size))
      return ctr__lacks(b, p->right, field,
                        ctr__print(b, "hostID %u, size %u", m->hostID, m->size));
  }
  return CTR_OK;
}

/* user_namespaces(7): without CAP_SETUID (CAP_SETGID) over the parent namespace one may map one id,
   one's own; nobody maps 0 without CAP_SETFCAP, which came with the same Linux 5.12 as
   mount_setattr(2). */
static ctr_code ctr__check_map(ctr__builder *b, ctr__map_plan *p) {
  const bool by_caller = (b->facts->caps & p->cap) || ctr__maps_own_alone(p->map, p->own);
  p->by_helper = !by_caller && *b->facts->id_helpers[p->kind];
  if (!by_caller && !p->by_helper) return ctr__lacks(b, p->right, p->field, NULL);
  ctr_code code = ctr__check_ranges(b, p);
  bool maps_root = false;
  for (size_t i = 0; i < p->map.count; i++) maps_root |= p->map.items[i].hostID == 0;
  if (!code && maps_root && by_caller && p->kind == CTR__UIDS && ctr__has_setattr(b) &&
      !ctr__can_map_root(b->facts))
    return ctr__lacks(b, CTR__RIGHT_MAP_ROOT, p->field, NULL);
  return code;
}

/* The maps in force: those of the config, or the caller's own ids as root inside. */
static void ctr__choose_maps(ctr__builder *b) {
  const ctr_linux *lin = &b->config->linux_;
  b->uid_map = lin->uidMappings;
  b->gid_map = lin->gidMappings;
  if (lin->uidMappings.count || lin->gidMappings.count) return;
  ctr_id_mapping *own = ctr__take(b, 2, sizeof *own);
  if (!own) return;
  own[0] = (ctr_id_mapping){0, b->facts->euid, 1};
  own[1] = (ctr_id_mapping){0, b->facts->egid, 1};
  b->uid_map = (ctr_id_mappings){&own[0], 1};
  b->gid_map = (ctr_id_mappings){&own[1], 1};
}

/* user_namespaces(7): a map is written in one go, of less than a page. */
static ctr_code ctr__check_map_text(ctr__builder *b, const char *field, ctr__ref text) {
  if (b->nomem) return ctr__nomem(b->err);
  return strlen(b->data + text) < 4096
             ? CTR_OK
             : ctr__refuse(b, CTR_E_CONFIG, field,
                           "as text the map is longer than the kernel takes: 4095 bytes");
}

/* newuidmap(1): its own name, the pid, which is put in when it is known, then the map. */
static void ctr__plan_map_helper(ctr__builder *b, const ctr__map_plan *p, ctr__ref text) {
  const char **args = ctr__take(b, 3 * p->map.count + 2, sizeof *args);
  if (!args) return;
  size_t n = 0;
  args[n++] = ctr__id_sources[p->kind].helper;
  args[n++] = "PID";
  for (size_t i = 0; i < p->map.count; i++) {
    args[n++] = ctr__print(b, "%u", p->map.items[i].containerID);
    args[n++] = ctr__print(b, "%u", p->map.items[i].hostID);
    args[n++] = ctr__print(b, "%u", p->map.items[i].size);
  }
  if (b->nomem) return;
  ctr__parent_step(b, MAP_HELPER, .field = p->field, .str = {b->facts->id_helpers[p->kind]},
                   .ref = {0, ctr__add_strs(b, (ctr_strs){args, n}),
                           ctr__add_strs(b, (ctr_strs){NULL, 0}), text},
                   .num = {p->kind, 0, b->program_count++});
}

static ctr_code ctr__plan_map(ctr__builder *b, const ctr__map_plan *p) {
  ctr__ref text = ctr__map_text(b, p->map);
  if (p->by_helper)
    ctr__plan_map_helper(b, p, text);
  else
    ctr__add_step(b, CTR__LANE_PARENT, p->step, &(ctr__new_step){.field = p->field, .ref = {text}});
  return ctr__check_map_text(b, p->field, text);
}

static ctr_code ctr__plan_maps(ctr__builder *b) {
  ctr__map_plan maps[CTR__ID_KINDS] = {{.field = "linux.uidMappings",
                                        .map = b->uid_map,
                                        .kind = CTR__UIDS,
                                        .step = CTR__STEP_UID_MAP,
                                        .right = CTR__RIGHT_UID_RANGES,
                                        .own = b->facts->euid,
                                        .cap = CTR_CAP(SETUID)},
                                       {.field = "linux.gidMappings",
                                        .map = b->gid_map,
                                        .kind = CTR__GIDS,
                                        .step = CTR__STEP_GID_MAP,
                                        .right = CTR__RIGHT_GID_RANGES,
                                        .own = b->facts->egid,
                                        .cap = CTR_CAP(SETGID)}};
  ctr_code code = CTR_OK;
  for (int kind = 0; kind < CTR__ID_KINDS && !code; kind++) code = ctr__check_map(b, &maps[kind]);
  if (code) return code;
  b->groups_denied =
      b->facts->groups_denied || !((b->facts->caps & CTR_CAP(SETGID)) || maps[CTR__GIDS].by_helper);
  if (b->groups_denied)
    ctr__parent_step(b, SETGROUPS_FILE, .field = "linux.gidMappings", .str = {"deny"});
  for (int kind = 0; kind < CTR__ID_KINDS && !code; kind++) code = ctr__plan_map(b, &maps[kind]);
  return code;
}

/* Who the process is in the container's user namespace: in one of its own below that, root. */
static ctr_user ctr__outer_user(const ctr__builder *b) {
  const ctr_user root = {.uid = 0};
  return b->desc->inner_userns ? root : b->config->process.user;
}

/* Everything that runs as a user of the container must exist in its user namespace. */
static ctr_code ctr__check_user_mapped(ctr__builder *b) {
  const ctr_user outer = ctr__outer_user(b), *user = &outer;
  uint32_t host;
  if (!ctr__id_mapped(b->uid_map, user->uid, &host))
    return ctr__fail(b->err, CTR_E_CONFIG, 0, "process.user.uid",
                     "%u is not mapped by linux.uidMappings", user->uid);
  if (!ctr__id_mapped(b->gid_map, user->gid, &host))
    return ctr__fail(b->err, CTR_E_CONFIG, 0, "process.user.gid",
                     "%u is not mapped by linux.gidMappings", user->gid);
  for (size_t i = 0; i < user->additionalGids.count; i++)
    if (!ctr__id_mapped(b->gid_map, user->additionalGids.items[i], &host))
      return ctr__fail(b->err, CTR_E_CONFIG, 0,
                       ctr__print(b, "process.user.additionalGids[%zu]", i),
                       "%u is not mapped by linux.gidMappings", user->additionalGids.items[i]);
  if (b->groups_denied && user->additionalGids.count)
    return ctr__lacks(b, CTR__RIGHT_GROUPS, "process.user.additionalGids", NULL);
  return CTR_OK;
}

/* -- steps -- */

/* The kernel joins in any order but that of rights: what belongs to the caller's user namespace
   needs the caller's rights, what belongs to the joined one needs that joined first. So the user
   namespace comes last, and what refused before it is tried again after it. */
static const uint32_t ctr__join_order[] = {CTR_NS_CGROUP, CTR_NS_IPC,  CTR_NS_UTS,   CTR_NS_NETWORK,
                                           CTR_NS_PID,    CTR_NS_TIME, CTR_NS_MOUNT, CTR_NS_USER};

/* Where the caller's own namespace is to be seen, if the config changes something in this kind of
   namespace: then the one that is joined must be another. */
static const char *ctr__own_path(const ctr__builder *b, ctr_namespace_type type) {
  const ctr_config *config = b->config;
  bool names = config->hostname || config->domainname, settings = config->linux_.sysctl.count;
  if (type == CTR_NS_UTS && (names || settings)) return "/proc/self/ns/uts";
  if (type == CTR_NS_IPC && settings) return "/proc/self/ns/ipc";
  if (type == CTR_NS_NETWORK && settings) return "/proc/self/ns/net";
  if (type == CTR_NS_USER && settings) return "/proc/self/ns/user";
  return NULL;
}

/* namespaces(7), "The /proc/pid/ns/ directory" */
static const char *ctr__namespace_file(uint32_t type) {
  return type == CTR_NS_MOUNT     ? "mnt"
         : type == CTR_NS_NETWORK ? "net"
                                  : ctr__name_of(&ctr__namespace_names, type);
}

/* Which of the launch's namespaces the one of that type is. */
static uint64_t ctr__join_slot(const ctr__builder *b, uint32_t type) {
  uint64_t slot = 0;
  for (size_t i = 0; ctr__join_order[i] != type; i++) {
    const ctr_namespace *ns = ctr__namespace_of(b->config, ctr__join_order[i]);
    slot += ns && ns->path;
  }
  return slot;
}

static void ctr__plan_joins(ctr__builder *b, bool opening) {
  uint64_t slot = 0;
  for (size_t i = 0; i < sizeof ctr__join_order / sizeof *ctr__join_order; i++) {
    const ctr_namespace *ns = ctr__namespace_of(b->config, ctr__join_order[i]);
    if (!ns || !ns->path) continue;
    ctr__add_step(
        b, opening ? CTR__LANE_PARENT : CTR__LANE_STAGE,
        opening ? CTR__STEP_OPEN_NAMESPACE : CTR__STEP_SETNS,
        &(ctr__new_step){.field = ctr__print(b, "linux.namespaces[%zu]",
                                             (size_t)(ns - b->config->linux_.namespaces.items)),
                         .str = {ns->path, opening ? ctr__own_path(b, ns->type) : NULL},
                         .num = {(uint64_t)ns->type, slot++}});
  }
}

/* Who is in a namespace that is joined is not to learn anything of the caller, of whom the process
   is a copy. A function may use the caller's arguments. */
static void ctr__plan_unseen(ctr__builder *b, const char *field) {
  const ctr__new_step step = {.field = field};
  ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_UNDUMPABLE, &step);
  if (!b->desc->call_function) ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_CONCEAL, &step);
}

/* The caller's groups would go along into a joined user namespace, which may forbid letting go of
   them (setgroups "deny"): they are dropped before, by who may. */
static void ctr__plan_stage(ctr__builder *b) {
  ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_CLOSE_OTHERS,
                &(ctr__new_step){.field = "linux.namespaces"});
  if (b->joined_namespaces & (CTR_NS_USER | CTR_NS_PID)) ctr__plan_unseen(b, "linux.namespaces");
  if ((b->joined_namespaces & CTR_NS_USER) && (b->facts->caps & CTR_CAP(SETGID)))
    ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_DROP_GROUPS,
                  &(ctr__new_step){.field = "linux.namespaces"});
  ctr__plan_stage_program(b, false);
  ctr__plan_joins(b, false);
  if (b->joined_namespaces & CTR_NS_USER)
    ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_SETNS_AGAIN,
                  &(ctr__new_step){.field = "linux.namespaces"});
  ctr__plan_stage_program(b, true);
}

/* Whether a cgroup namespace is made by the child, when it is in the container's cgroup. */
static bool ctr__enters_cgroup_first(const ctr__builder *b) {
  return (b->new_namespaces & CTR_NS_CGROUP) && ctr__makes_container(b) && !b->desc->no_cgroup;
}

/* Whose ids on the host those of a joined user namespace are can be seen when the process is in
   it. */
static void ctr__plan_own_pipes(ctr__builder *b) {
  const ctr_namespace *users = ctr__namespace_of(b->config, CTR_NS_USER);
  const ctr_user *user = &b->config->process.user;
  if (users && users->path && (b->facts->caps & CTR_CAP(CHOWN)))
    ctr__parent_step(b, OWN_PIPES, .field = "process.user", .num = {user->uid, user->gid});
}

/* A namespace that exists is joined by a process that then clones the real one: a pid namespace is
   entered by children only (pid_namespaces(7)), and a user namespace once joined takes away the
   rights that joining others needs. */
static void ctr__plan_clone(ctr__builder *b) {
  /* A cgroup namespace shows the cgroup that its maker is in: the container's, once it is in it. */
  uint32_t later = CTR_NS_TIME | (ctr__enters_cgroup_first(b) ? (uint32_t)CTR_NS_CGROUP : 0);
  uint64_t flags = b->new_namespaces & ~later;
  uint64_t clone3 = b->facts->features & CTR_FEATURE_CLONE3;
  bool joins = b->joined_namespaces;
  if (joins) {
    b->born_in = NULL; /* the intermediate process would take one more of its pids */
    ctr__plan_joins(b, true);
    ctr__parent_step(b, STAGE, .field = "linux.namespaces", .num = {0, clone3});
    ctr__plan_stage(b);
  }
  ctr__add_step(b, joins ? CTR__LANE_STAGE : CTR__LANE_PARENT, CTR__STEP_CLONE,
                &(ctr__new_step){.field = "linux.namespaces",
                                 .str = {b->born_in},
                                 .num = {flags, clone3}});
  if (joins) ctr__parent_step(b, ADOPT, .field = "linux.namespaces");
  ctr__plan_own_pipes(b);
}

/* What to do about groups, count of them being asked for. */
static enum ctr__groups ctr__groups_of(const ctr__builder *b, size_t count) {
  if (b->groups_denied) return CTR__GROUPS_LEAVE;
  return (b->joined_namespaces & CTR_NS_USER) && !count ? CTR__GROUPS_TRY : CTR__GROUPS_SET;
}

static void ctr__plan_become_root(ctr__builder *b) {
  uint32_t host_uid, host_gid;
  if (b->uid_map.count &&
      !(ctr__id_mapped(b->uid_map, 0, &host_uid) && ctr__id_mapped(b->gid_map, 0, &host_gid)))
    return; /* it has all rights over its namespaces all the same */
  /* Sources of mounts that an ordinary user reaches by one of their groups are still to be opened:
     these groups go when the program's own come. */
  bool still_needed = (b->new_namespaces & CTR_NS_USER) && !(b->facts->caps & CTR_CAP(SETGID));
  ctr__child_step(b, BECOME_ROOT, .field = "linux.namespaces",
                  .num = {still_needed ? CTR__GROUPS_LEAVE : ctr__groups_of(b, 0),
                          !b->uid_map.count});
}

/* user_namespaces(7): who makes one may map their own id in it, and give up groups for that. */
static void ctr__plan_inner_userns(ctr__builder *b) {
  const ctr_user *user = &b->config->process.user;
  ctr__child_step(b, INNER_USERNS, .field = "linux.namespaces",
                  .num = {user->uid, user->gid, ctr__groups_of(b, 0)});
  b->groups_denied = true;
}

static const char *ctr__offsets_text(ctr__builder *b) {
  const struct {
    const char *name;
    const ctr_time_offset *offset;
  } clocks[] = {{"monotonic", &b->config->linux_.timeOffsets.monotonic},
                {"boottime", &b->config->linux_.timeOffsets.boottime}};
  const char *text = "";
  for (size_t i = 0; i < 2; i++)
    if (clocks[i].offset->secs.set || clocks[i].offset->nanosecs.set)
      text = ctr__print(b, "%s%s %lld %llu\n", text ? text : "", clocks[i].name,
                        (long long)clocks[i].offset->secs.value,
                        (unsigned long long)clocks[i].offset->nanosecs.value);
  return text ? text : "";
}

/* The process reopens its streams as the user it is to be (/dev/stdout). Which ids on the host are
   those of a joined user namespace is not known here: OWN_PIPES is for these. And what an ordinary
   user has mapped by a helper, they cannot give a file to (chown(2)). */
static void ctr__choose_io_owner(ctr__builder *b) {
  const ctr_user outer = ctr__outer_user(b), *user = &outer;
  b->io_uid = ctr__in_userns(b) ? b->facts->euid : user->uid;
  b->io_gid = ctr__in_userns(b) ? b->facts->egid : user->gid;
  if (!(b->facts->caps & CTR_CAP(CHOWN))) return;
  ctr__id_mapped(b->uid_map, user->uid, &b->io_uid);
  ctr__id_mapped(b->gid_map, user->gid, &b->io_gid);
}

/* Who becomes somebody else does not own /proc/self any more. */
static bool ctr__root_is_caller(const ctr__builder *b) {
  uint32_t uid, gid;
  if (b->joined_namespaces & CTR_NS_USER) return false;
  if (!(b->new_namespaces & CTR_NS_USER)) return true;
  return ctr__id_mapped(b->uid_map, 0, &uid) && uid == b->facts->euid &&
         ctr__id_mapped(b->gid_map, 0, &gid) && gid == b->facts->egid;
}

static ctr_code ctr__check_inner_userns(ctr__builder *b) {
  if (!b->desc->inner_userns) return CTR_OK;
  if (!ctr__root_is_caller(b))
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.uidMappings",
                       "inner_userns takes a new user namespace in which 0 is the caller's own id, "
                       "or none: others cannot write the maps of the inner one (proc_pid(5))");
  if (b->config->process.user.additionalGids.count)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "process.user.additionalGids",
                       "with inner_userns there are no additional groups: who makes a user "
                       "namespace for one id gives up setgroups(2) there (user_namespaces(7))");
  return CTR_OK;
}

static ctr_code ctr__plan_namespaces(ctr__builder *b) {
  ctr_code code = ctr__sort_namespaces(b);
  if (code) return code;
  bool offsets = *ctr__offsets_text(b), joins_users = b->joined_namespaces & CTR_NS_USER;
  /* /proc/self belongs to root then (proc_pid(5)). */
  if (offsets && joins_users && !ctr__can_unshare(b->facts))
    return ctr__lacks(b, CTR__RIGHT_TIME_OFFSETS, "linux.timeOffsets", NULL);
  const bool makes_users = b->new_namespaces & CTR_NS_USER;
  ctr__plan_clone(b);
  if (makes_users) ctr__choose_maps(b);
  if (b->nomem) return ctr__nomem(b->err);
  code = ctr__check_inner_userns(b);
  if (!code && makes_users) code = ctr__plan_maps(b);
  if (!code && makes_users) code = ctr__check_user_mapped(b);
  if (code) return code;
  ctr__choose_io_owner(b);
  return CTR_OK;
}

/* ==== [SECTION] plan/labels.c ================================================================= */
/* Labels of security modules: process.apparmorProfile, process.selinuxLabel, linux.mountLabel. That
   of a process is asked for by a write to /proc/self/attr and taken by execve(2)
   (proc_pid_attr(5)); what clone(2) makes in between inherits the wish.

   It is written before no_new_privs is set, which makes no difference to who may change to what:
   both modules look at that when the program is executed. AppArmor then lets a task that is
   unconfined take any profile, and one that is confined only what is as narrow as its own
   (security/apparmor/domain.c, apparmor_bprm_creds_for_exec); SELinux asks its policy for
   nnp_transition, or that the new type be bounded by the old one (security/selinux/hooks.c,
   check_nnp_nosuid). What is refused is an error of execve. */

/* No label is "", as engines write where there is no module. */
static bool ctr__is_label(const char *label) {
  return label && *label;
}

/* Without AppArmor everything is. */
static bool ctr__is_unconfined(const ctr__builder *b, const char *profile) {
  return !b->facts->apparmor && !strcmp(profile, "unconfined");
}

static ctr_code ctr__check_apparmor(ctr__builder *b) {
  const char *profile = b->config->process.apparmorProfile;
  if (!ctr__is_label(profile) || ctr__is_unconfined(b, profile)) return CTR_OK;
  if (!b->facts->apparmor)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "process.apparmorProfile",
                       "this kernel has no AppArmor, or it was not enabled when it was booted");
  if (b->facts->profile_missing)
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, "process.apparmorProfile",
                     "no profile \"%.128s\" is loaded: apparmor_parser(8) does that", profile);
  return CTR_OK;
}

/* A label is text of one line; quotes would end it where mount(2) is to take it. */
static ctr_code ctr__check_selinux(ctr__builder *b, const char *field, const char *label) {
  if (!ctr__is_label(label)) return CTR_OK;
  if (!b->facts->selinux)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, field,
                       "this kernel has no SELinux, or it was not enabled, or has no policy");
  return strpbrk(label, "\"\n")
             ? ctr__refuse(b, CTR_E_CONFIG, field, "a label has no quote and no second line")
             : CTR_OK;
}

static ctr_code ctr__check_labels(ctr__builder *b) {
  const ctr_process_config *process = &b->config->process;
  ctr_code code = ctr__check_apparmor(b);
  if (!code) code = ctr__check_selinux(b, "process.selinuxLabel", process->selinuxLabel);
  if (!code) code = ctr__check_selinux(b, "linux.mountLabel", b->config->linux_.mountLabel);
  const bool by_exec = (ctr__is_label(process->apparmorProfile) && b->facts->apparmor) ||
                       ctr__is_label(process->selinuxLabel);
  if (code || !by_exec || !b->desc->call_function) return code;
  return ctr__refuse(b, CTR_E_CONFIG,
                     ctr__is_label(process->selinuxLabel) ? "process.selinuxLabel"
                                                          : "process.apparmorProfile",
                     "a label is taken by execve(2), and a function is not executed");
}

static void ctr__label_step(ctr__builder *b, enum ctr__lane lane, const char *field,
                            const char *file, const char *text) {
  ctr__add_step(b, lane, CTR__STEP_LABEL, &(ctr__new_step){.field = field, .str = {file, text}});
}

/* Before a keyring is made, which belongs to who can use it later. Over with execve. */
static void ctr__plan_key_label(ctr__builder *b, enum ctr__lane lane) {
  const char *label = b->config->process.selinuxLabel;
  if (ctr__is_label(label) && !b->desc->no_new_keyring)
    ctr__label_step(b, lane, "process.selinuxLabel", "keycreate", label);
}

/* In the child while it holds the host's procfs, which no image can stand in for (CVE-2019-16884).
   Who joins a container has none there: the intermediate process writes it before it joins. */
static void ctr__plan_process_labels(ctr__builder *b, enum ctr__lane lane) {
  const ctr_process_config *process = &b->config->process;
  const char *profile = process->apparmorProfile;
  if (ctr__is_label(profile) && !ctr__is_unconfined(b, profile))
    ctr__label_step(b, lane, "process.apparmorProfile",
                    b->facts->apparmor_dir ? "apparmor/exec" : "exec",
                    ctr__print(b, "exec %s", profile));
  if (ctr__is_label(process->selinuxLabel))
    ctr__label_step(b, lane, "process.selinuxLabel", "exec", process->selinuxLabel);
}

/* -- mounts -- */

static bool ctr__is_one_of(const char *type, const char *const *types) {
  while (*types && strcmp(type, *types) != 0) types++;
  return *types;
}

/* Whether a new file system takes a label for all that is in it. Those that the kernel fills take
   none, nor does mqueue, which is there before it is mounted; in a user namespace only the second
   list does (security/selinux/hooks.c, selinux_set_mnt_opts), and the rest is labelled by the
   policy. */
static bool ctr__takes_label(const ctr__builder *b, const char *type) {
  static const char *const never[] = {"proc", "sysfs", "cgroup", "cgroup2", "mqueue", NULL};
  static const char *const anywhere[] = {"tmpfs", "ramfs", "devpts", "overlay", NULL};
  const bool in_userns = !b->facts->initial_userns || ctr__in_userns(b);
  return in_userns ? ctr__is_one_of(type, anywhere) : !ctr__is_one_of(type, never);
}

/* linux.mountLabel where it goes; NULL where it does not, or the mount has one of its own. */
static const char *ctr__label_for(const ctr__builder *b, const char *type, ctr_strs options) {
  const char *label = b->config->linux_.mountLabel;
  if (!ctr__is_label(label) || !ctr__takes_label(b, type)) return NULL;
  for (size_t i = 0; i < options.count; i++)
    if (!strncmp(options.items[i], "context=", 8)) return NULL;
  return label;
}

/* ==== [SECTION] plan/options.c ================================================================ */
/* Mount options: one table for what a name sets and clears, on which layer, and how far down. */

enum ctr__option_kind {
  CTR__OPT_ATTR,        /* attributes of the mount: set, clr                                    */
  CTR__OPT_ATTR_REC,    /* the same for it and all mounts below                                 */
  CTR__OPT_SUPER,       /* a flag of the file system, given to the kernel by its name           */
  CTR__OPT_SUPER_OLD,   /* one that only mount(2) can set                                       */
  CTR__OPT_PROPAGATION, /* set: the MS_* type                                                   */
  CTR__OPT_BIND,
  CTR__OPT_REMOUNT,
  CTR__OPT_COPY_UP,
  CTR__OPT_TMP_UPPER,
  CTR__OPT_NOTHING, /* says what is so anyway                                               */
  CTR__OPT_IDMAP,
};

static const struct ctr__mount_option {
  const char *name;
  uint8_t kind;
  bool recursive;    /* of bind and propagation                                     */
  uint32_t set, clr; /* MOUNT_ATTR_*; of SUPER and PROPAGATION MS_*, for mount(2)    */
} ctr__mount_options[] = {
#define CTR__ATTR(name, set, clr)                                                                  \
  {name, CTR__OPT_ATTR, false, set, clr}, {                                                        \
    "r" name, CTR__OPT_ATTR_REC, true, set, clr                                                    \
  }
    CTR__ATTR("ro", CTR__ATTR_RDONLY, 0),
    CTR__ATTR("rw", 0, CTR__ATTR_RDONLY),
    CTR__ATTR("nosuid", CTR__ATTR_NOSUID, 0),
    CTR__ATTR("suid", 0, CTR__ATTR_NOSUID),
    CTR__ATTR("nodev", CTR__ATTR_NODEV, 0),
    CTR__ATTR("dev", 0, CTR__ATTR_NODEV),
    CTR__ATTR("noexec", CTR__ATTR_NOEXEC, 0),
    CTR__ATTR("exec", 0, CTR__ATTR_NOEXEC),
    CTR__ATTR("nodiratime", CTR__ATTR_NODIRATIME, 0),
    CTR__ATTR("diratime", 0, CTR__ATTR_NODIRATIME),
    CTR__ATTR("nosymfollow", CTR__ATTR_NOSYMFOLLOW, 0),
    CTR__ATTR("symfollow", 0, CTR__ATTR_NOSYMFOLLOW),
    /* Of the three ways to keep access times one is on; naming one clears the field first. */
    CTR__ATTR("noatime", CTR__ATTR_NOATIME, CTR__ATTR_ATIME),
    CTR__ATTR("atime", 0, CTR__ATTR_ATIME),
    CTR__ATTR("relatime", 0, CTR__ATTR_ATIME),
    CTR__ATTR("norelatime", 0, CTR__ATTR_ATIME),
    CTR__ATTR("strictatime", CTR__ATTR_STRICTATIME, CTR__ATTR_ATIME),
    CTR__ATTR("nostrictatime", 0, CTR__ATTR_ATIME),
#undef CTR__ATTR
    {"async", CTR__OPT_SUPER, false, 0, MS_SYNCHRONOUS},
    {"sync", CTR__OPT_SUPER, false, MS_SYNCHRONOUS, 0},
    {"dirsync", CTR__OPT_SUPER, false, MS_DIRSYNC, 0},
    {"lazytime", CTR__OPT_SUPER, false, MS_LAZYTIME, 0},
    {"nolazytime", CTR__OPT_SUPER, false, 0, MS_LAZYTIME},
    {"mand", CTR__OPT_SUPER, false, MS_MANDLOCK, 0},
    {"nomand", CTR__OPT_SUPER, false, 0, MS_MANDLOCK},
    {"iversion", CTR__OPT_SUPER_OLD, false, MS_I_VERSION, 0},
    {"noiversion", CTR__OPT_NOTHING, false, 0, 0},
    {"silent", CTR__OPT_NOTHING, false, 0, 0},
    {"loud", CTR__OPT_NOTHING, false, 0, 0},
    {"defaults", CTR__OPT_NOTHING, false, 0, 0},
    {"private", CTR__OPT_PROPAGATION, false, MS_PRIVATE, 0},
    {"rprivate", CTR__OPT_PROPAGATION, true, MS_PRIVATE, 0},
    {"shared", CTR__OPT_PROPAGATION, false, MS_SHARED, 0},
    {"rshared", CTR__OPT_PROPAGATION, true, MS_SHARED, 0},
    {"slave", CTR__OPT_PROPAGATION, false, MS_SLAVE, 0},
    {"rslave", CTR__OPT_PROPAGATION, true, MS_SLAVE, 0},
    {"unbindable", CTR__OPT_PROPAGATION, false, MS_UNBINDABLE, 0},
    {"runbindable", CTR__OPT_PROPAGATION, true, MS_UNBINDABLE, 0},
    {"bind", CTR__OPT_BIND, false, 0, 0},
    {"rbind", CTR__OPT_BIND, true, 0, 0},
    {"remount", CTR__OPT_REMOUNT, false, 0, 0},
    {"tmpcopyup", CTR__OPT_COPY_UP, false, 0, 0},
    {"tmpupper", CTR__OPT_TMP_UPPER, false, 0, 0},
    {"idmap", CTR__OPT_IDMAP, false, 0, 0},
    {"ridmap", CTR__OPT_IDMAP, true, 0, 0},
};

static const struct ctr__mount_option *ctr__mount_option(const char *name) {
  for (size_t i = 0; i < sizeof ctr__mount_options / sizeof *ctr__mount_options; i++) {
    const char *known = ctr__mount_options[i].name;
    if (*known == *name && !strcmp(known, name)) return &ctr__mount_options[i];
  }
  return NULL;
}

/* A mount's options, sorted out. */
typedef struct ctr__mount_spec {
  uint64_t set, clr, rec_set, rec_clr; /* MOUNT_ATTR_* */
  uint64_t super;                      /* flags of the file system, as mount(2) takes them */
  uint64_t propagation[4];             /* MS_*, with MS_REC; 0: no more */
  bool bind, recursive, remount, copy_up, tmp_upper, old_api, idmapped, idmap_below;
  enum ctr__as_root as_root;
  bool late_read_only;    /* found out while planning: read-only when it is filled */
  uint64_t idmap, source; /* likewise: the steps' CTR__NUM_IDMAP and CTR__NUM_SOURCE */
  const char **data;      /* for the file system: flags and name=value, in their order */
  size_t data_count;
} ctr__mount_spec;

static void ctr__attr_apply(uint64_t *set, uint64_t *clr, const struct ctr__mount_option *option) {
  *set = (*set & ~(uint64_t)option->clr) | option->set;
  *clr = (*clr & ~(uint64_t)option->set) | option->clr;
}

static bool ctr__propagation_apply(ctr__mount_spec *spec, const struct ctr__mount_option *option) {
  for (size_t i = 0; i < sizeof spec->propagation / sizeof *spec->propagation; i++)
    if (!spec->propagation[i]) {
      spec->propagation[i] = option->set | (option->recursive ? (uint64_t)MS_REC : 0);
      return true;
    }
  return false;
}

/* Takes one option into spec. Returns what is wrong with it, or NULL. */
static const char *ctr__option_apply(ctr__mount_spec *spec, const char *name,
                                     const struct ctr__mount_option *option) {
  switch (option ? option->kind : CTR__OPT_SUPER) {
  case CTR__OPT_ATTR: ctr__attr_apply(&spec->set, &spec->clr, option); break;
  case CTR__OPT_ATTR_REC: ctr__attr_apply(&spec->rec_set, &spec->rec_clr, option); break;
  case CTR__OPT_BIND:
    spec->bind = true;
    spec->recursive |= option->recursive;
    break;
  case CTR__OPT_REMOUNT: spec->remount = true; break;
  case CTR__OPT_COPY_UP: spec->copy_up = true; break;
  case CTR__OPT_TMP_UPPER: spec->tmp_upper = true; break;
  case CTR__OPT_SUPER_OLD: spec->old_api = true; break;
  case CTR__OPT_PROPAGATION:
    if (!ctr__propagation_apply(spec, option)) return "more propagation types than there are";
    break;
  case CTR__OPT_IDMAP:
    spec->idmapped = true;
    spec->idmap_below |= option->recursive;
    break;
  case CTR__OPT_SUPER: spec->data[spec->data_count++] = name; break;
  default: break;
  }
  if (option && (option->kind == CTR__OPT_SUPER || option->kind == CTR__OPT_SUPER_OLD))
    spec->super = (spec->super & ~(uint64_t)option->clr) | option->set;
  return NULL;
}

/* Only a file system that is being made can take this option. */
static bool ctr__option_needs_new_fs(const struct ctr__mount_option *option) {
  return option && (option->kind == CTR__OPT_COPY_UP || option->kind == CTR__OPT_TMP_UPPER ||
                    option->kind == CTR__OPT_SUPER_OLD);
}

/* A bind mount has no file system of its own that could take this option. */
static bool ctr__option_needs_fs(const struct ctr__mount_option *option) {
  return !option || ctr__option_needs_new_fs(option) ||
         (option->kind == CTR__OPT_SUPER && option->set);
}

static ctr_code ctr__bad_option(ctr__builder *b, size_t mount, size_t option, const char *name,
                                const char *wrong) {
  return ctr__fail(b->err, CTR_E_CONFIG, 0,
                   ctr__print(b, "mounts[%zu].options[%zu]", mount, option), "\"%s\": %s", name,
                   wrong);
}

static const char ctr__idmap_too_late[] = "ids are mapped when a mount is made, not later";

/* config.md "Linux mount options": what is wrong with idmap or ridmap there, or NULL. */
static const char *ctr__idmap_misplaced(const ctr__builder *b, const ctr_mount *mount,
                                        const ctr__mount_spec *spec) {
  if (spec->remount) return ctr__idmap_too_late;
  if (mount->uidMappings.count || ctr__in_userns(b)) return NULL;
  return "by which map? The mount has no uidMappings and gidMappings, and the container no user "
         "namespace";
}

/* uid= and gid= are ids of the new user namespace, which the kernel refuses without saying why when
   it does not map them. */
static bool ctr__option_id_mapped(const ctr__builder *b, const char *option) {
  bool uid = !strncmp(option, "uid=", 4), gid = !strncmp(option, "gid=", 4);
  if (!(b->new_namespaces & CTR_NS_USER) || !(uid || gid) || !isdigit((unsigned char)option[4]))
    return true;
  uint32_t host;
  unsigned long long id = strtoull(option + 4, NULL, 10);
  return id < UINT32_MAX && ctr__id_mapped(uid ? b->uid_map : b->gid_map, (uint32_t)id, &host);
}

static bool ctr__is_type(const ctr_mount *mount, const char *type) {
  return mount->type && !strcmp(mount->type, type);
}

static bool ctr__is_bind(const ctr_mount *mount) {
  for (size_t i = 0; i < mount->options.count; i++) {
    const struct ctr__mount_option *option = ctr__mount_option(mount->options.items[i]);
    if (option && option->kind == CTR__OPT_BIND) return true;
  }
  return ctr__is_type(mount, "bind");
}

static bool ctr__names_upper(const char *option) {
  return !strncmp(option, "upperdir=", 9) || !strncmp(option, "workdir=", 8);
}

/* What is wrong with an option in the mount it stands in, or NULL. */
static const char *ctr__option_misplaced(const ctr__builder *b, const ctr_mount *mount,
                                         const ctr__mount_spec *spec, const char *name) {
  const struct ctr__mount_option *option = ctr__mount_option(name);
  const int kind = option ? option->kind : CTR__OPT_SUPER;
  if (spec->bind && !spec->remount && ctr__option_needs_fs(option))
    return "a bind mount has no file system of its own that could take it";
  if (spec->remount && ctr__option_needs_new_fs(option)) return "a remount cannot change that";
  if (kind == CTR__OPT_COPY_UP && !ctr__is_type(mount, "tmpfs"))
    return "only a tmpfs can take a copy";
  if (kind == CTR__OPT_TMP_UPPER && !ctr__is_type(mount, "overlay"))
    return "only an overlay keeps its changes apart";
  if (kind == CTR__OPT_TMP_UPPER && spec->idmapped) return "it does not go with idmap";
  if (spec->tmp_upper && ctr__names_upper(name))
    return "with tmpupper the library makes the directory for the changes";
  if (kind == CTR__OPT_IDMAP) return ctr__idmap_misplaced(b, mount, spec);
  if (!spec->idmapped && !ctr__option_id_mapped(b, name))
    return "an id that linux.uidMappings or linux.gidMappings does not map";
  return NULL;
}

static ctr_code ctr__mount_spec_read(ctr__builder *b, const ctr_mount *mount, size_t index,
                                     ctr__mount_spec *spec) {
  *spec = (ctr__mount_spec){.bind = ctr__is_type(mount, "bind"),
                            .idmapped = mount->uidMappings.count > 0};
  spec->data = ctr__take(b, mount->options.count + 3, sizeof *spec->data);
  if (!spec->data) return ctr__nomem(b->err);
  const ctr_strs *options = &mount->options;
  for (size_t i = 0; i < options->count; i++) {
    const char *name = options->items[i];
    const char *wrong = *name ? ctr__option_apply(spec, name, ctr__mount_option(name)) : "empty";
    if (wrong) return ctr__bad_option(b, index, i, name, wrong);
  }
  for (size_t i = 0; i < options->count; i++) {
    const char *wrong = ctr__option_misplaced(b, mount, spec, options->items[i]);
    if (wrong) return ctr__bad_option(b, index, i, options->items[i], wrong);
  }
  return CTR_OK;
}

/* ==== [SECTION] plan/idmap.c ================================================================== */
/* Sources from outside: who opens them, and whose ids their mounts show (config.md "Mounts",
   uidMappings). Ids are mapped before anything is mounted, on the parent's side: only who has
   rights over the file system may, and the child has none over those of the host. */

/* In a user namespace the child is not who the caller is any more: a way through directories that
   are the caller's alone is open to the parent only. */
static uint64_t ctr__may_ask(const ctr__builder *b) {
  return ctr__in_userns(b) && ctr__can_unshare(b->facts) ? CTR__SOURCE_ASK : 0;
}

struct ctr__idmap {
  ctr_id_mappings uids, gids;
};

static bool ctr__same_map(ctr_id_mappings a, ctr_id_mappings b) {
  return a.count == b.count && !memcmp(a.items, b.items, a.count * sizeof *a.items);
}

/* Which map: 1 and on. Equal ones are made once. */
static ctr_code ctr__plan_make_idmap(ctr__builder *b, const char *field,
                                     const struct ctr__idmap *map, uint64_t *ret_number) {
  for (size_t i = 0; i < b->idmap_count; i++)
    if (ctr__same_map(map->uids, b->idmaps[i].uids) && ctr__same_map(map->gids, b->idmaps[i].gids))
      return *ret_number = i + 1, CTR_OK;
  if (!b->idmaps) b->idmaps = ctr__take(b, b->config->mounts.count, sizeof *b->idmaps);
  if (!b->idmaps) return ctr__nomem(b->err);
  b->idmaps[b->idmap_count++] = *map;
  *ret_number = b->idmap_count;
  const ctr__ref uids = ctr__map_text(b, map->uids), gids = ctr__map_text(b, map->gids);
  ctr__parent_step(b, MAKE_IDMAP, .field = field, .ref = {uids, gids},
                   .num = {*ret_number, b->facts->features & CTR_FEATURE_CLONE3});
  ctr_code code = ctr__check_map_text(b, ctr__print(b, "%s.uidMappings", field), uids);
  return code ? code : ctr__check_map_text(b, ctr__print(b, "%s.gidMappings", field), gids);
}

static ctr_code ctr__plan_idmap(ctr__builder *b, const ctr_mount *mount, const char *field,
                                ctr__mount_spec *spec) {
  if (!spec->idmapped) return CTR_OK;
  if (spec->remount)
    return ctr__refuse(b, CTR_E_CONFIG, ctr__print(b, "%s.uidMappings", field),
                       ctr__idmap_too_late);
  if (!ctr__has_setattr(b))
    return ctr__refuse(b, CTR_E_UNSUPPORTED, field,
                       "to map ids needs mount_setattr(2), which came with Linux 5.12");
  if (!ctr__can_unshare(b->facts)) return ctr__lacks(b, CTR__RIGHT_IDMAP, field, NULL);
  spec->source = (spec->idmap_below ? CTR__IDMAP_BELOW : 0) |
                 (ctr__in_userns(b) ? (uint64_t)CTR__IDMAP_LOCKED : 0);
  if (!mount->uidMappings.count && (b->joined_namespaces & CTR_NS_USER)) {
    spec->idmap = 1 + ctr__join_slot(b, CTR_NS_USER);
    spec->source |= CTR__IDMAP_JOINED;
    return CTR_OK;
  }
  const struct ctr__idmap map = {mount->uidMappings.count ? mount->uidMappings : b->uid_map,
                                 mount->uidMappings.count ? mount->gidMappings : b->gid_map};
  return ctr__plan_make_idmap(b, field, &map, &spec->idmap);
}

/* ==== [SECTION] plan/mount.c ================================================================== */
/* One entry of mounts: a bind mount, a new file system or a remount, made into steps. */

/* path as seen by the caller: relative ones start from the bundle. */
static const char *ctr__host_path(ctr__builder *b, const char *path) {
  if (*path == '/' || !b->desc->bundle) return path;
  return ctr__print(b, "%s/%s", b->desc->bundle, path);
}

/* The rest of path when all of over's components begin it and there is more; else NULL. */
static const char *ctr__path_below(const char *path, const char *over) {
  const char *name, *name_over;
  for (;;) {
    size_t len_over = ctr__component(&over, &name_over);
    if (!len_over) return *(path += strspn(path, "/")) ? path : NULL;
    if (ctr__component(&path, &name) != len_over || memcmp(name, name_over, len_over) != 0)
      return NULL;
  }
}

/* Whether a mount at over hides what is mounted at path. */
static bool ctr__is_covered(const char *path, const char *over) {
  return ctr__same_path(path, over) || ctr__path_below(path, over);
}

/* Which mount is meant by a later change at path: the last that was made there. Of what is mounted
   over it nothing is known. */
static uint64_t ctr__meant(const ctr__builder *b, const char *path) {
  if (!path[strspn(path, "/")]) return CTR__MEANT_ANY; /* the root's descriptor: nothing to swap */
  for (uint32_t i = b->nomem ? 0 : b->step_count; i-- > 0;) {
    const ctr__step *step = &b->steps[i];
    const bool is_root = step->kind == CTR__STEP_ROOT_BIND;
    if (is_root && ctr__is_root_path(path)) return CTR__MEANT_FIRST + i;
    if (is_root || step->kind < CTR__STEP_MOUNT_FS || step->kind > CTR__STEP_MOUNT_BIND) continue;
    const char *over = b->data + step->str[0];
    if (ctr__same_path(path, over)) return CTR__MEANT_FIRST + i;
    if (ctr__is_covered(path, over)) break;
  }
  return CTR__MEANT_NONE;
}

static void ctr__plan_propagation(ctr__builder *b, const char *field, const char *path,
                                  const uint64_t *types, size_t count) {
  for (size_t i = 0; i < count && types[i]; i++)
    ctr__child_step(b, SET_PROPAGATION, .field = field, .str = {path},
                    .num = {types[i], ctr__has_setattr(b), [CTR__NUM_MEANT] = ctr__meant(b, path)});
}

static void ctr__plan_set_attr(ctr__builder *b, const char *field, const char *path, uint64_t set,
                               uint64_t clr) {
  if (set | clr)
    ctr__child_step(b, SET_ATTR, .field = field, .str = {path},
                    .num = {set, clr, ctr__has_setattr(b), [CTR__NUM_MEANT] = ctr__meant(b, path)});
}

static void ctr__plan_set_attr_all(ctr__builder *b, const char *field, const char *path,
                                   uint64_t set, uint64_t clr) {
  if (set | clr)
    ctr__child_step(b, SET_ATTR_ALL, .field = field, .str = {path},
                    .num = {set, clr, [CTR__NUM_MEANT] = ctr__meant(b, path)});
}

static ctr_code ctr__plan_bind(ctr__builder *b, const ctr_mount *mount, const char *field,
                               const ctr__mount_spec *spec) {
  if (!mount->source)
    return ctr__fail(b->err, CTR_E_CONFIG, 0, field, "a bind mount needs a source");
  /* Nothing said, nothing shared: mounts made later on the host do not show up inside. */
  uint64_t first = spec->propagation[0] ? spec->propagation[0] : MS_PRIVATE | MS_REC;
  ctr__child_step(b, MOUNT_BIND, .field = field,
                  .str = {mount->destination, ctr__host_path(b, mount->source)},
                  .num = {[CTR__NUM_SET] = spec->set,
                          [CTR__NUM_CLR] = spec->clr,
                          [CTR__NUM_SETATTR] = ctr__has_setattr(b),
                          [CTR__NUM_PROPAGATION] = first,
                          [CTR__NUM_BELOW] = spec->recursive,
                          [CTR__NUM_BELOW_SET] = spec->rec_set,
                          [CTR__NUM_BELOW_CLR] = spec->rec_clr,
                          [CTR__NUM_IDMAP] = spec->idmap,
                          [CTR__NUM_SOURCE] = spec->source | ctr__may_ask(b),
                          [CTR__NUM_ROOT] = spec->as_root});
  ctr__plan_propagation(b, field, mount->destination, spec->propagation + 1, 3);
  return CTR_OK;
}

/* The options as the kernel takes them one by one: the source, flags, name=value. */
static ctr__ref ctr__fs_options(ctr__builder *b, const ctr_mount *mount,
                                const ctr__mount_spec *spec, bool read_only) {
  const char **list = ctr__take(b, spec->data_count + 2, sizeof *list);
  if (!list) return 0;
  size_t n = 0;
  if (mount->source) list[n++] = ctr__print(b, "source=%s", mount->source);
  if (read_only) list[n++] = "ro";
  for (size_t i = 0; i < spec->data_count; i++) list[n++] = spec->data[i];
  return b->nomem ? 0 : ctr__add_strs(b, (ctr_strs){list, n});
}

/* An ordinary user can store neither whiteouts nor what else overlayfs notes in attributes of the
   kind "trusted" (overlayfs.rst, "User xattr"; Linux 5.11). */
static void ctr__add_userxattr(ctr__builder *b, ctr__mount_spec *spec) {
  for (size_t i = 0; i < spec->data_count; i++)
    if (!strcmp(spec->data[i], "userxattr")) return;
  if (!b->facts->initial_userns || ctr__in_userns(b)) spec->data[spec->data_count++] = "userxattr";
}

/* mount(2) takes them as one string of at most a page, of which some is kept for the directories
   that only the child can name. */
static ctr_code ctr__plan_mount_old(ctr__builder *b, const ctr_mount *mount, const char *field,
                                    const ctr__mount_spec *spec, uint64_t attr) {
  char data[4096], *at = data;
  const size_t room = sizeof data - (spec->tmp_upper ? CTR__UPPER_OPTIONS_MAX : 0);
  *at = '\0';
  for (size_t i = 0; i < spec->data_count; i++) {
    size_t len = strlen(spec->data[i]);
    if (ctr__mount_option(spec->data[i])) continue; /* a flag */
    if (len + 2 > room - (size_t)(at - data))
      return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                       "the options together are longer than the page that mount(2) takes");
    if (at != data) *at++ = ',';
    at = ctr__put_str(at, spec->data[i]);
  }
  ctr__child_step(b, MOUNT_OLD, .field = field,
                  .str = {mount->destination, mount->type, data, mount->source},
                  .num = {[0] = attr,
                          [1] = spec->super,
                          [CTR__NUM_UPPER] = spec->tmp_upper,
                          [CTR__NUM_ROOT] = spec->as_root});
  return CTR_OK;
}

/* The last mount of each kind that is held is the one that counts. */
static enum ctr__held ctr__hold(ctr__builder *b, const ctr_mount *mount) {
  static const char *const types[] = {[CTR__HELD_PROC] = "proc", [CTR__HELD_SYS] = "sysfs"};
  for (int i = 1; i < CTR__HELD_COUNT; i++) {
    if (strcmp(mount->type, types[i]) != 0) continue;
    b->held_at[i] = mount->destination;
    return (enum ctr__held)i;
  }
  return CTR__HELD_NONE;
}

static void ctr__plan_mount_fs(ctr__builder *b, const ctr_mount *mount, const char *field,
                               const ctr__mount_spec *spec, uint64_t attr, bool read_only) {
  const enum ctr__kind kind = spec->copy_up ? CTR__STEP_MOUNT_COPY_UP : CTR__STEP_MOUNT_FS;
  const ctr__ref options = ctr__fs_options(b, mount, spec, read_only);
  ctr__add_step(b, CTR__LANE_CHILD, kind,
                &(ctr__new_step){.field = field,
                                 .str = {mount->destination, mount->type},
                                 .ref = {0, 0, options},
                                 .num = {[0] = attr,
                                         [1] = spec->as_root ? CTR__HELD_NONE : ctr__hold(b, mount),
                                         [CTR__NUM_UPPER] = spec->tmp_upper,
                                         [CTR__NUM_IDMAP] = spec->idmap,
                                         [CTR__NUM_SOURCE] = spec->source,
                                         [CTR__NUM_ROOT] = spec->as_root}});
}

/* fsconfig(2) takes no value over 255 bytes, and overlay's lower directories are often longer. */
static bool ctr__needs_old_api(const ctr_mount *mount, const ctr__mount_spec *spec) {
  bool too_long = mount->source && strlen(mount->source) > CTR__FSCONFIG_STRING_MAX;
  for (size_t i = 0; i < spec->data_count; i++) {
    const char *value = strchr(spec->data[i], '=');
    too_long |= value && strlen(value + 1) > CTR__FSCONFIG_STRING_MAX;
  }
  return too_long || spec->old_api;
}

/* mount(2) takes all options as one string, in which a label's commas are to be quoted. */
static void ctr__add_label(ctr__builder *b, const ctr_mount *mount, ctr__mount_spec *spec) {
  const char *label = ctr__label_for(b, mount->type, mount->options);
  if (!label) return;
  spec->old_api |= strlen(label) > CTR__FSCONFIG_STRING_MAX;
  spec->data[spec->data_count++] =
      ctr__print(b, ctr__needs_old_api(mount, spec) ? "context=\"%s\"" : "context=%s", label);
}

/* A file system that shows a namespace is its owner's to mount (mount_namespaces(7)); others lie on
   devices, which are nobody's but the machine's. */
static ctr_code ctr__check_may_mount(ctr__builder *b, const ctr_mount *mount, const char *field) {
  static const struct {
    const char *type;
    uint32_t namespace_type;
    enum ctr__right right;
  } shown[] = {{"proc", CTR_NS_PID, CTR__RIGHT_PROC},
               {"sysfs", CTR_NS_NETWORK, CTR__RIGHT_SYSFS},
               {"mqueue", CTR_NS_IPC, CTR__RIGHT_MQUEUE}};
  if (!ctr__in_userns(b)) return CTR_OK;
  /* Who owns a namespace that is joined together with its user namespace is seen when mounting. */
  uint32_t own = b->new_namespaces;
  if (b->joined_namespaces & CTR_NS_USER) own |= b->joined_namespaces;
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
    if (!strcmp(mount->type, shown[i].type) && !(own & shown[i].namespace_type))
      return ctr__lacks(b, shown[i].right, field, NULL);
  if (ctr__list_has(b->facts->block_file_systems, mount->type, strlen(mount->type)))
    return ctr__lacks(b, CTR__RIGHT_FILE_SYSTEMS, field, mount->type);
  return CTR_OK;
}

static ctr_code ctr__plan_new_fs(ctr__builder *b, const ctr_mount *mount, const char *field,
                                 ctr__mount_spec *spec) {
  if (!mount->type || !strcmp(mount->type, "none"))
    return ctr__fail(b->err, CTR_E_CONFIG, 0, field,
                     "a type is required unless the options have bind or rbind");
  /* What is id-mapped is made by the parent, with the caller's rights. */
  ctr_code allowed = spec->idmap ? CTR_OK : ctr__check_may_mount(b, mount, field);
  if (allowed) return allowed;
  /* A new mount has nothing below: what is asked for everything below is asked for it. */
  spec->set = (spec->set & ~spec->rec_clr) | spec->rec_set;
  if (ctr__is_type(mount, "overlay")) ctr__add_userxattr(b, spec);
  ctr__add_label(b, mount, spec);
  if (b->nomem) return ctr__nomem(b->err);
  /* What is still to be filled with mount points and devices becomes read-only last. */
  bool late = ctr__is_type(mount, "tmpfs") || spec->tmp_upper || spec->as_root;
  bool read_only = spec->set & CTR__ATTR_RDONLY;
  uint64_t attr = late ? spec->set & ~(uint64_t)CTR__ATTR_RDONLY : spec->set;
  spec->late_read_only = late && read_only;
  if (ctr__needs_old_api(mount, spec)) {
    if (spec->copy_up || spec->idmap)
      return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                       "%s does not go with iversion or with values over 255 bytes",
                       spec->copy_up ? "tmpcopyup" : "a map of ids");
    ctr_code code = ctr__plan_mount_old(b, mount, field, spec, attr);
    if (code) return code;
  } else {
    ctr__plan_mount_fs(b, mount, field, spec, attr, read_only && !late);
  }
  /* Being new, it is private already. */
  size_t said = (spec->propagation[0] & ~(uint64_t)MS_REC) == MS_PRIVATE;
  ctr__plan_propagation(b, field, mount->destination, spec->propagation + said, 4 - said);
  return CTR_OK;
}

/* Whether what was mounted last at that place is a file system of the host's. */
static bool ctr__shows_the_hosts(const ctr__builder *b, const ctr_mount *mount) {
  const ctr_mount *all = b->config->mounts.items;
  for (size_t i = (size_t)(mount - all); i-- > 0;)
    if (ctr__same_path(all[i].destination, mount->destination) && !ctr__is_remount(&all[i]) &&
        !ctr__is_made(&all[i]))
      return ctr__is_bind(&all[i]);
  return ctr__is_root_path(mount->destination); /* root.path is bound */
}

static ctr_code ctr__plan_remount(ctr__builder *b, const ctr_mount *mount, const char *field,
                                  const ctr__mount_spec *spec) {
  ctr__plan_set_attr(b, field, mount->destination, spec->set, spec->clr);
  ctr__plan_set_attr_all(b, field, mount->destination, spec->rec_set, spec->rec_clr);
  if (spec->data_count && ctr__shows_the_hosts(b, mount))
    return ctr__fail(b->err, CTR_E_CONFIG, 0, field,
                     "\"%s\" would change the host's file system: it was bound, not mounted here",
                     spec->data[0]);
  if (spec->data_count) {
    ctr_mount without_source = *mount;
    without_source.source = NULL;
    ctr__child_step(b, RECONFIGURE, .field = field, .str = {mount->destination},
                    .ref = {0, 0, ctr__fs_options(b, &without_source, spec, false)},
                    .num = {[CTR__NUM_MEANT] = ctr__meant(b, mount->destination)});
  }
  ctr__plan_propagation(b, field, mount->destination, spec->propagation, 4);
  return CTR_OK;
}

static ctr_code ctr__plan_mount(ctr__builder *b, const ctr_mount *mount, const char *field,
                                ctr__mount_spec *spec) {
  if ((spec->rec_set || spec->rec_clr) && !ctr__has_setattr(b))
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                     "recursive options need mount_setattr(2), which came with Linux 5.12");
  if (spec->remount) return ctr__plan_remount(b, mount, field, spec);
  if (spec->bind) return ctr__plan_bind(b, mount, field, spec);
  return ctr__plan_new_fs(b, mount, field, spec);
}

/* ==== [SECTION] plan/hierarchies.c ============================================================ */
/* The cgroup hierarchies of the machine (cgroups(7)): each v1 one with its controllers, and v2.
   They are read once, here. */

enum { CTR__CGROUP_MAGIC = 0x27e0eb, CTR__CGROUP2_MAGIC = 0x63677270 };

typedef struct ctr__hierarchy {
  const char *container;   /* the container's own cgroup there, on the host; NULL: none  */
  const char *mount_point; /* on the host                                            */
  const char *name;        /* of that directory, and of the one inside the container */
  const char *root;        /* the cgroup that is mounted there                       */
  const char *options;     /* of a v1 hierarchy: its controllers, or its name=       */
  const char *controllers; /* of v2: those that can be enabled there, "cpu,memory"   */
  bool v2, read_only;
  bool has_limits; /* some that are asked for are set there */
} ctr__hierarchy;

typedef struct ctr__hierarchies {
  ctr__hierarchy items[32];
  size_t count, v1_count;
  const char *membership; /* /proc/self/cgroup: which cgroup of each the caller is in */
} ctr__hierarchies;

/* A whole file of /proc as a string, for the time of building. */
static ctr_code ctr__read_proc_file(ctr__builder *b, const char *path, char **ret_text) {
  int r = ctr__read_text(b->arena, path, ret_text);
  if (r == -ENOMEM) return ctr__nomem(b->err);
  return r < 0 ? ctr__fail(b->err, CTR_E_SYS, -r, NULL, "read %s", path) : CTR_OK;
}

static const char *ctr__base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static void ctr__hierarchy_add(ctr__hierarchies *all, const ctr__mount_line *mount) {
  const bool v2 = !strcmp(mount->type, "cgroup2");
  if (all->count == sizeof all->items / sizeof *all->items) return;
  if (*mount->point != '/' || !*mount->super || (!v2 && strcmp(mount->type, "cgroup") != 0)) return;
  all->items[all->count++] = (ctr__hierarchy){.mount_point = mount->point,
                                              .name = ctr__base_name(mount->point),
                                              .root = mount->root,
                                              .options = mount->super,
                                              .v2 = v2,
                                              .read_only = ctr__list_has(mount->options, "ro", 2)};
  all->v1_count += !v2;
}

/* cgroup-v2.rst, "cgroup.controllers": the names with blanks between them. */
static ctr_code ctr__controllers_read(ctr__builder *b, const char *dir, const char **ret) {
  char *text = NULL;
  const char *path = ctr__print(b, "%s/cgroup.controllers", dir);
  ctr_code code = path ? ctr__read_proc_file(b, path, &text) : ctr__nomem(b->err);
  if (code) return code;
  text[strcspn(text, "\n")] = '\0';
  for (char *at = text; *at; at++)
    if (*at == ' ') *at = ',';
  *ret = text;
  return CTR_OK;
}

/* Something else can be mounted over it: then it is none for us. */
static bool ctr__hierarchy_is_covered(const ctr__hierarchy *h) {
  const uint32_t magic = h->v2 ? CTR__CGROUP2_MAGIC : CTR__CGROUP_MAGIC;
  struct statfs fs;
  return statfs(h->mount_point, &fs) < 0 || (uint32_t)fs.f_type != magic;
}

static ctr_code ctr__hierarchies_read(ctr__builder *b) {
  if (b->hierarchies) return CTR_OK;
  ctr__hierarchies *all = ctr__take(b, 1, sizeof *all);
  if (!all) return ctr__nomem(b->err);
  char *text = NULL;
  ctr__mount_line *mounts = NULL;
  size_t mount_count = 0;
  ctr_code code = ctr__read_proc_file(b, "/proc/self/cgroup", &text);
  all->membership = text;
  if (!code) code = ctr__read_proc_file(b, CTR__MOUNTINFO, &text);
  if (!code && !(mounts = ctr__mount_lines(b->arena, text, &mount_count)))
    code = ctr__nomem(b->err);
  if (code) return code;
  for (size_t i = 0; i < mount_count; i++) ctr__hierarchy_add(all, &mounts[i]);
  size_t seen = all->count;
  all->count = all->v1_count = 0;
  for (size_t i = 0; i < seen && !code; i++) {
    ctr__hierarchy *h = &all->items[i];
    if (ctr__hierarchy_is_covered(h)) continue;
    if (h->v2) code = ctr__controllers_read(b, h->mount_point, &h->controllers);
    all->v1_count += !h->v2;
    all->items[all->count++] = *h;
  }
  if (!code) b->hierarchies = all;
  return code;
}

/* Mounted at two places: the last one is on top. */
static bool ctr__hierarchy_is_hidden(const ctr__hierarchies *all, size_t index) {
  for (size_t later = index + 1; later < all->count; later++)
    if (!strcmp(all->items[index].name, all->items[later].name)) return true;
  return false;
}

/* The one that has a controller, for v1 or for v2; NULL without any. */
static ctr__hierarchy *ctr__hierarchy_with(ctr__hierarchies *all, const char *controller,
                                           size_t len, bool v2) {
  for (size_t i = 0; i < all->count; i++) {
    ctr__hierarchy *h = &all->items[i];
    const char *list = h->v2 ? h->controllers : h->options;
    if (h->v2 == v2 && list && !ctr__hierarchy_is_hidden(all, i) &&
        ctr__list_has(list, controller, len))
      return h;
  }
  return NULL;
}

/* The caller's own cgroup in a hierarchy, its length in *ret_len (cgroups(7), /proc/self/cgroup:
   lines "id:controllers:path"); NULL when the text does not say. */
static const char *ctr__own_cgroup(const char *membership, const ctr__hierarchy *hierarchy,
                                   size_t *ret_len) {
  for (const char *line = membership; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    const char *controllers = line + strcspn(line, ":\n");
    if (*controllers++ != ':') continue;
    const char *path = controllers + strcspn(controllers, ":\n");
    if (*path++ != ':') continue;
    size_t len = strcspn(controllers, ",:");
    *ret_len = strcspn(path, "\n");
    if (hierarchy->v2 ? !len : len && ctr__list_has(hierarchy->options, controllers, len))
      return path;
  }
  return NULL;
}

/* Where the cgroup to be shown is on the host: the container's, or the caller's below the mount
   point, less the part that is mounted there. Not known, or not below: then there is nothing of the
   caller's own to show. */
static ctr_code ctr__own_cgroup_path(ctr__builder *b, const char *field,
                                     const ctr__hierarchies *all, const ctr__hierarchy *hierarchy,
                                     const char **ret_path) {
  if (hierarchy->container) return *ret_path = hierarchy->container, CTR_OK;
  size_t len = 0, root_len = strcmp(hierarchy->root, "/") ? strlen(hierarchy->root) : 0;
  const char *own = ctr__own_cgroup(all->membership, hierarchy, &len);
  bool below = own && len >= root_len && !memcmp(own, hierarchy->root, root_len) &&
               (len == root_len || own[root_len] == '/');
  if (!below)
    return ctr__fail(
        b->err, CTR_E_UNSUPPORTED, 0, field,
        "type cgroup: the caller's own cgroup does not lie below what is mounted at %s",
        hierarchy->mount_point);
  own += root_len;
  len -= root_len;
  if (len == 1) len = 0; /* "/" */
  *ret_path = ctr__print(b, "%s%.*s", hierarchy->mount_point, (int)len, own);
  return *ret_path ? CTR_OK : ctr__nomem(b->err);
}

/* ==== [SECTION] plan/cgroup_mount.c =========================================================== */
/* A mount of type cgroup: what default configs put on /sys/fs/cgroup. It becomes plain mount and
   bind steps. */

/* Co-mounted controllers are also known by each one's name: cpu -> cpu,cpuacct. */
static void ctr__plan_controller_links(ctr__builder *b, const char *field, const char *destination,
                                       const char *name) {
  if (!strchr(name, ',')) return;
  for (size_t at = 0, len; name[at]; at += len + (name[at + len] == ',')) {
    len = strcspn(name + at, ",");
    const char *link = ctr__print(b, "%s/%.*s", destination, (int)len, &name[at]);
    ctr__child_step(b, SYMLINK, .field = field, .str = {link, name});
  }
}

static ctr_code ctr__plan_bound_hierarchy(ctr__builder *b, const ctr_mount *mount,
                                          const char *field, const ctr__mount_spec *spec,
                                          const ctr__hierarchies *all,
                                          const ctr__hierarchy *hierarchy) {
  const char *name = hierarchy->name;
  ctr_mount bind = {.destination = ctr__print(b, "%s/%s", mount->destination, name)};
  if (!bind.destination) return ctr__nomem(b->err);
  ctr_code code = ctr__own_cgroup_path(b, field, all, hierarchy, &bind.source);
  if (!code) code = ctr__plan_bind(b, &bind, field, spec);
  if (!code) ctr__plan_controller_links(b, field, mount->destination, name);
  return code;
}

/* v1 and hybrid: a tmpfs with the cgroup of each hierarchy bound in. */
static ctr_code ctr__plan_cgroup_v1(ctr__builder *b, const ctr_mount *mount, const char *field,
                                    const ctr__mount_spec *spec, const ctr__hierarchies *all) {
  const uint64_t set = (spec->set & ~spec->rec_clr) | spec->rec_set;
  const char *label = ctr__label_for(b, "tmpfs", mount->options);
  const char *options[] = {"source=cgroup", "mode=755",
                           label ? ctr__print(b, "context=%s", label) : NULL};
  ctr__child_step(b, MOUNT_FS, .field = field, .str = {mount->destination, "tmpfs"},
                  .ref = {0, 0, ctr__add_strs(b, (ctr_strs){options, label ? 3 : 2})},
                  .num = {set & ~(uint64_t)CTR__ATTR_RDONLY});
  for (size_t i = 0; i < all->count; i++) {
    if (ctr__hierarchy_is_hidden(all, i)) continue;
    ctr_code code = ctr__plan_bound_hierarchy(b, mount, field, spec, all, &all->items[i]);
    if (code) return code;
  }
  ctr__plan_set_attr(b, field, mount->destination, set & CTR__ATTR_RDONLY, 0);
  return CTR_OK;
}

/* v2: one file system. The kernel lets a user namespace mount it only together with a cgroup
   namespace of its own (cgroup_namespaces(7)); else the caller's cgroup is bound. */
static ctr_code ctr__plan_cgroup_v2(ctr__builder *b, const ctr_mount *mount, const char *field,
                                    ctr__mount_spec *spec, const ctr__hierarchies *all) {
  bool in_userns = !b->facts->initial_userns || ctr__in_userns(b);
  ctr_mount made = *mount;
  if (in_userns && !(b->new_namespaces & CTR_NS_CGROUP)) {
    ctr_code code = ctr__own_cgroup_path(b, field, all, &all->items[all->count - 1], &made.source);
    return code ? code : ctr__plan_bind(b, &made, field, spec);
  }
  made.type = "cgroup2";
  made.source = "cgroup";
  return ctr__plan_new_fs(b, &made, field, spec);
}

static ctr_code ctr__plan_cgroup_mount(ctr__builder *b, const ctr_mount *mount, const char *field,
                                       ctr__mount_spec *spec) {
  if (spec->data_count)
    return ctr__fail(
        b->err, CTR_E_CONFIG, 0, field,
        "\"%.64s\": the hierarchies are there already and take no options of their own",
        spec->data[0]);
  if (spec->idmapped)
    return ctr__refuse(b, CTR_E_CONFIG, field,
                       "type cgroup: the kernel maps no ids of cgroup hierarchies");
  ctr_code code = ctr__hierarchies_read(b);
  if (code) return code;
  const ctr__hierarchies *all = b->hierarchies;
  if (!all->count)
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                     "type cgroup: this machine has no cgroup hierarchy mounted");
  if (all->v1_count) return ctr__plan_cgroup_v1(b, mount, field, spec, all);
  return ctr__plan_cgroup_v2(b, mount, field, spec, all);
}

/* ==== [SECTION] plan/made.c =================================================================== */
/* What stands in the list of mounts and is made, not mounted. */

static const struct ctr__made_type {
  const char *name;
  enum ctr__kind kind;
  uint64_t mode, max; /* unless the options say another; at most; 0: it has none */
} ctr__made_types[] = {
    {CTR__TYPE_DIR, CTR__STEP_MAKE_DIR, 0755, 01777}, /* mkdir(2) takes no more */
    {CTR__TYPE_FILE, CTR__STEP_MAKE_FILE, 0644, 07777},
    {CTR__TYPE_SYMLINK, CTR__STEP_SYMLINK, 0, 0},
    /* of what is there: one must be named */
    {CTR__TYPE_MODE, CTR__STEP_SET_MODE, UINT64_MAX, 07777},
};

static const struct ctr__made_type *ctr__made_type_of(const char *name) {
  for (size_t i = 0; i < sizeof ctr__made_types / sizeof *ctr__made_types; i++)
    if (!strcmp(ctr__made_types[i].name, name)) return &ctr__made_types[i];
  return NULL;
}

typedef struct ctr__made_spec {
  uint64_t mode;
  bool bind, read_only;
} ctr__made_spec;

/* Takes one option into spec. Returns what is wrong with it, or NULL. */
static const char *ctr__made_option(const struct ctr__made_type *type, const char *name,
                                    ctr__made_spec *spec) {
  const bool is_file = type->kind == CTR__STEP_MAKE_FILE;
  if (!strcmp(name, "bind") && is_file) return spec->bind = true, NULL;
  if (!strcmp(name, "ro") && is_file) return spec->read_only = true, NULL;
  if (strncmp(name, "mode=", 5) != 0 || !type->max) return "this type does not take it";
  const char *digits = name + 5;
  size_t len = strlen(digits);
  spec->mode = strtoull(digits, NULL, 8);
  return len && len < 8 && strspn(digits, "01234567") == len && spec->mode <= type->max ? NULL
         : type->max > 01777 ? "not an octal number up to 7777"
                             : "not an octal number up to 1777";
}

static ctr_code ctr__made_spec_read(ctr__builder *b, const struct ctr__made_type *type, size_t i,
                                    ctr__made_spec *spec) {
  const ctr_strs *options = &b->config->mounts.items[i].options;
  *spec = (ctr__made_spec){.mode = type->mode};
  for (size_t n = 0; n < options->count; n++) {
    const char *wrong = ctr__made_option(type, options->items[n], spec);
    if (wrong) return ctr__bad_option(b, i, n, options->items[n], wrong);
  }
  for (size_t n = 0; n < options->count && spec->read_only && !spec->bind; n++)
    if (!strcmp(options->items[n], "ro"))
      return ctr__bad_option(b, i, n, "ro", "only with bind is there a mount that could be");
  return CTR_OK;
}

static void ctr__plan_file(ctr__builder *b, const ctr_mount *mount, const char *field,
                           const ctr__made_spec *spec) {
  const char *text = mount->source ? mount->source : "";
  const ctr_bytes bytes = mount->data.count ? mount->data : (ctr_bytes){text, strlen(text)};
  const ctr__ref content = bytes.count ? ctr__add_bytes(b, bytes.items, bytes.count, 1) : 0;
  if (spec->bind)
    ctr__child_step(b, MOUNT_FILE, .field = field, .str = {mount->destination}, .ref = {0, content},
                    .num = {spec->mode, bytes.count, spec->read_only ? CTR__ATTR_RDONLY : 0, 0,
                            ctr__has_setattr(b)});
  else
    ctr__child_step(b, MAKE_FILE, .field = field, .str = {mount->destination}, .ref = {0, content},
                    .num = {spec->mode, bytes.count});
}

static ctr_code ctr__wrong_member(ctr__builder *b, size_t i, const char *member, const char *text) {
  return ctr__refuse(b, CTR_E_CONFIG, ctr__print(b, "mounts[%zu].%s", i, member), text);
}

static ctr_code ctr__plan_made(ctr__builder *b, size_t i, const char *field) {
  const ctr_mount *mount = &b->config->mounts.items[i];
  const struct ctr__made_type *type = ctr__made_type_of(mount->type);
  ctr__made_spec spec;
  if (!type)
    return ctr__wrong_member(b, i, "type",
                             "known are " CTR__TYPE_DIR ", " CTR__TYPE_SYMLINK ", " CTR__TYPE_FILE
                             " and " CTR__TYPE_MODE);
  if (ctr__is_root_path(mount->destination) && type->kind != CTR__STEP_SET_MODE)
    return ctr__wrong_member(b, i, "destination", "the root is there, or mounted: not made");
  if (mount->uidMappings.count || mount->gidMappings.count)
    return ctr__wrong_member(b, i, mount->uidMappings.count ? "uidMappings" : "gidMappings",
                             "what is made is no mount that could show other ids");
  ctr_code code = ctr__made_spec_read(b, type, i, &spec);
  if (code) return code;
  if (type->kind == CTR__STEP_MAKE_FILE) return ctr__plan_file(b, mount, field, &spec), CTR_OK;
  const bool is_link = type->kind == CTR__STEP_SYMLINK;
  const bool has_source = mount->source && *mount->source;
  if (is_link != has_source)
    return ctr__wrong_member(b, i, "source",
                             is_link ? "missing: what the link says" : "this type has none");
  if (spec.mode == UINT64_MAX)
    return ctr__wrong_member(b, i, "options", "missing: which mode, as in mode=0755");
  if (is_link)
    ctr__child_step(b, SYMLINK, .field = field, .str = {mount->destination, mount->source});
  else
    ctr__add_step(b, CTR__LANE_CHILD, type->kind,
                  &(ctr__new_step){.field = field,
                                   .str = {mount->destination},
                                   .num = {spec.mode}});
  return CTR_OK;
}

/* ==== [SECTION] plan/hooks.c ================================================================== */
/* Hooks: programs of the host that take part in a container's life (config.md "POSIX-platform
   Hooks"). Which they are, where they run and what they are told stands in one table. */

enum ctr__hook_kind {
  CTR__HOOK_PRESTART,
  CTR__HOOK_CREATE_RUNTIME,
  CTR__HOOK_CREATE_CONTAINER,
  CTR__HOOK_START_CONTAINER,
  CTR__HOOK_POSTSTART,
  CTR__HOOK_POSTSTOP,
  CTR__HOOK_KINDS,
};

static const struct ctr__hook_row {
  const char *name;
  size_t offset; /* of the list in ctr_hooks */
  enum ctr__lane lane;
  bool is_of_host;   /* its path is the host's: run in the bundle, with the caller's umask */
  ctr_status status; /* that it is told                                                    */
} ctr__hook_rows[CTR__HOOK_KINDS] = {
#define CTR__HOOK_ROW(kind, list, lane, is_of_host, status)                                        \
  [CTR__HOOK_##kind] = {#list, offsetof(ctr_hooks, list), CTR__LANE_##lane, is_of_host,            \
                        CTR_STATUS_##status}
    CTR__HOOK_ROW(PRESTART, prestart, PARENT, true, CREATING),
    CTR__HOOK_ROW(CREATE_RUNTIME, createRuntime, PARENT, true, CREATING),
    CTR__HOOK_ROW(CREATE_CONTAINER, createContainer, CHILD, true, CREATING),
    CTR__HOOK_ROW(START_CONTAINER, startContainer, CHILD, false, CREATED),
    CTR__HOOK_ROW(POSTSTART, poststart, PARENT, true, RUNNING),
    CTR__HOOK_ROW(POSTSTOP, poststop, PARENT, true, STOPPED),
#undef CTR__HOOK_ROW
};

static const ctr_hook_list *ctr__hooks_of(const ctr_config *config, enum ctr__hook_kind kind) {
  const char *hooks = (const char *)&config->hooks;
  return (const ctr_hook_list *)(const void *)(hooks + ctr__hook_rows[kind].offset);
}

/* One hook as a step. Without arguments it is called by its path. */
static void ctr__plan_hook(ctr__builder *b, enum ctr__hook_kind kind, size_t index) {
  const struct ctr__hook_row *row = &ctr__hook_rows[kind];
  const ctr_hook *hook = &ctr__hooks_of(b->config, kind)->items[index];
  ctr_strs args = hook->args.count ? hook->args : (ctr_strs){&hook->path, 1};
  ctr__add_step(b, row->lane, CTR__STEP_HOOK,
                &(ctr__new_step){.field = ctr__print(b, "hooks.%s[%zu]", row->name, index),
                                 .str = {hook->path},
                                 .ref = {0, ctr__add_strs(b, args), ctr__add_strs(b, hook->env)},
                                 .num = {hook->timeout.set ? hook->timeout.value : 0, row->status,
                                         b->program_count++, row->is_of_host}});
}

static void ctr__plan_hooks(ctr__builder *b, enum ctr__hook_kind kind) {
  for (size_t i = 0; i < ctr__hooks_of(b->config, kind)->count; i++) ctr__plan_hook(b, kind, i);
}

/* JSON without its closing brace, for more members to follow; NULL without memory. */
static char *ctr__open_object(ctr_arena *arena, const ctr_json *object) {
  ctr__string text = {.arena = arena};
  if (ctr_json_write(object, CTR_JSON_COMPACT, ctr__string_sink, &text, NULL) || text.nomem ||
      !text.text)
    return NULL;
  text.text[text.len - 1] = '\0';
  return text.text;
}

static char *ctr__joined(ctr_arena *arena, const char *one, const char *two, const char *three) {
  char *text = ctr_arena_alloc(arena, strlen(one) + strlen(two) + strlen(three) + 1);
  if (text) ctr__put_str(ctr__put_str(ctr__put_str(text, one), two), three);
  return text;
}

/* The state of a container (runtime.md "State"), up to its status and pid, which come last because
   only who tells it knows them. NULL without memory. */
static const char *ctr__state_head(ctr_arena *arena, const ctr_config *config, const char *id,
                                   const char *bundle) {
  ctr_json *state = ctr_json_new(arena, CTR_JSON_OBJECT);
  const char *version = config->ociVersion ? config->ociVersion : CTR_OCI_VERSION;
  ctr__any_list annotations = {config->annotations.items, config->annotations.count};
  if (!ctr_json_add(arena, state, "ociVersion", ctr_json_new_string(arena, version)) ||
      !ctr_json_add(arena, state, "id", ctr_json_new_string(arena, id)) ||
      !ctr_json_add(arena, state, "bundle", ctr_json_new_string(arena, bundle ? bundle : ".")) ||
      !ctr_json_add(arena, state, "annotations", ctr__write_pairs(arena, annotations)))
    return NULL;
  const char *text = ctr__open_object(arena, state);
  return text ? ctr__joined(arena, text, ",\"status\":\"", "") : NULL;
}

static ctr__ref ctr__hook_state(ctr__builder *b) {
  const char *head = ctr__state_head(b->arena, b->config, b->desc->id, b->desc->bundle);
  b->nomem |= !head;
  return ctr__add_str(b, head);
}

/* A program without a container has nobody who would be there for the late ones. */
static ctr_code ctr__check_hooks_are_run(ctr__builder *b) {
  size_t count = 0;
  for (int kind = 0; kind < CTR__HOOK_KINDS; kind++) {
    size_t more = ctr__hooks_of(b->config, (enum ctr__hook_kind)kind)->count;
    const bool late = kind >= CTR__HOOK_POSTSTART && b->purpose->goal == CTR__GOAL_PROGRAM;
    if (more && (late || !b->desc->id))
      return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0,
                       ctr__print(b, "hooks.%s", ctr__hook_rows[kind].name),
                       "hooks belong to the life of a container with a name: use "
                       "ctr_container_run, or take them out");
    count += more;
  }
  if (count > CTR__PLAN_MAX_HOOKS)
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, "hooks", "more than %d of them",
                     CTR__PLAN_MAX_HOOKS);
  return CTR_OK;
}

/* ==== [SECTION] plan/console.c ================================================================ */
/* The terminal: made inside the container, from its own devpts, its other end handed out. */

static void ctr__plan_console(ctr__builder *b, bool as_dev_console) {
  const ctr_process_config *process = &b->config->process;
  if (!process->terminal) return;
  ctr__child_step(b, CONSOLE, .field = "process.terminal", .str = {"/dev/console"},
                  .num = {process->consoleSize.height.value, process->consoleSize.width.value,
                          process->user.uid, as_dev_console});
  ctr__parent_step(b, TAKE_CONSOLE, .field = "process.terminal");
}

/* ==== [SECTION] plan/rootfs.c ================================================================= */
/* The root file system: what is mounted where, in the order of the specification. All of it happens
   before the root is entered, while the host's files can still be reached. */

/* "/dev", however it is written. */
static bool ctr__is_dev(const char *path) {
  const char *last = NULL;
  size_t len = 0;
  return ctr__depth(path, &last, &len) == 1 && len == 3 && !memcmp(last, "dev", 3);
}

/* Of the first count mounts those that wait to become read-only: all, or those that the next mount,
   at a destination, would hide. Or they do not any more: a remount has the last word. */
static void ctr__plan_late_read_only(ctr__builder *b, size_t count, const char *destination,
                                     bool forget) {
  for (size_t i = 0; i < count; i++) {
    const char *own = b->config->mounts.items[i].destination;
    const bool concerned = !destination || (forget ? ctr__same_path(own, destination)
                                                   : ctr__is_covered(own, destination));
    if (!b->late_read_only[i] || !concerned) continue;
    if (!forget) ctr__plan_set_attr(b, ctr__print(b, "mounts[%zu]", i), own, CTR__ATTR_RDONLY, 0);
    b->late_read_only[i] = false;
    b->late_count--;
  }
}

/* -- the root -- */

static void ctr__warn_of_writable_below(ctr__builder *b) {
  ctr__log(&b->desc->log, CTR_LOG_WARNING, "root.readonly",
           "what the host has mounted below the root stays as it is: making it read-only needs "
           "Linux 5.12");
}

static const uint64_t ctr__propagation_flags[] = {
    [CTR_PROPAGATION_PRIVATE] = MS_PRIVATE,
    [CTR_PROPAGATION_SHARED] = MS_SHARED,
    [CTR_PROPAGATION_SLAVE] = MS_SLAVE,
    [CTR_PROPAGATION_UNBINDABLE] = MS_UNBINDABLE,
    [CTR_PROPAGATION_RPRIVATE] = MS_PRIVATE | MS_REC,
    [CTR_PROPAGATION_RSHARED] = MS_SHARED | MS_REC,
    [CTR_PROPAGATION_RSLAVE] = MS_SLAVE | MS_REC,
    [CTR_PROPAGATION_RUNBINDABLE] = MS_UNBINDABLE | MS_REC,
};

/* Where /dev is a mount of its own, nodes that lie about in the image are none. */
static uint64_t ctr__root_attr(const ctr__builder *b) {
  const ctr_mounts *mounts = &b->config->mounts;
  for (size_t i = 0; i < mounts->count; i++)
    if (ctr__is_dev(mounts->items[i].destination) && !ctr__is_made(&mounts->items[i]))
      return CTR__ATTR_NODEV;
  return 0;
}

/* What the root needs beside what its options say; the same as a root by path gets. */
static void ctr__spec_bound_root(ctr__builder *b, const ctr_mount *mount, ctr__mount_spec *spec) {
  const uint64_t asked = ctr__propagation_flags[b->config->linux_.rootfsPropagation];
  if (!spec->propagation[0] && (asked & (MS_SLAVE | MS_SHARED)))
    spec->propagation[0] = MS_SLAVE | MS_REC;
  if (mount->source) b->root_dir = ctr__add_str(b, ctr__host_path(b, mount->source));
  /* The host's own /dev came along. */
  b->dev_is_bound = spec->recursive && mount->source && ctr__is_root_path(mount->source);
  if (!b->config->root.readonly || !spec->recursive) return;
  if (ctr__has_setattr(b))
    spec->as_root = CTR__AS_ROOT_BELOW_READ_ONLY;
  else
    ctr__warn_of_writable_below(b);
}

static ctr_code ctr__spec_root(ctr__builder *b, const ctr_mount *mount, ctr__mount_spec *spec) {
  const char *wrong = spec->remount   ? "a remount is of something that is mounted before"
                      : spec->copy_up ? "tmpcopyup: the root covers nothing that could be copied"
                      : ctr__is_type(mount, "cgroup") ? "the root cannot be of type cgroup"
                      : b->desc->no_pivot
                          ? "as a root it needs pivot_root(2): no_pivot goes with root.path only"
                          : NULL;
  if (wrong) return ctr__refuse(b, CTR_E_CONFIG, "mounts[0]", wrong);
  spec->as_root = CTR__AS_ROOT;
  uint64_t attr = ctr__root_attr(b) & ~(spec->clr | spec->rec_clr);
  if (spec->bind && spec->recursive && ctr__has_setattr(b))
    spec->rec_set |= attr;
  else
    spec->set |= attr;
  if (spec->bind) ctr__spec_bound_root(b, mount, spec);
  return CTR_OK;
}

/* -- mounts -- */

static ctr_code ctr__plan_one_mount(ctr__builder *b, size_t i, const char *field) {
  const ctr_mount *mount = &b->config->mounts.items[i];
  const bool is_root = !i && ctr__root_mount(b->config);
  ctr__mount_spec spec;
  ctr_code code = ctr__mount_spec_read(b, mount, i, &spec);
  if (!code && is_root) code = ctr__spec_root(b, mount, &spec);
  if (!code) code = ctr__plan_idmap(b, mount, field, &spec);
  if (code) return code;
  const bool writable = spec.remount && ((spec.clr | spec.rec_clr) & CTR__ATTR_RDONLY);
  if (b->late_count && (writable || !spec.remount))
    ctr__plan_late_read_only(b, i, mount->destination, writable);
  for (int held = 1; held < CTR__HELD_COUNT && !spec.remount; held++)
    if (b->held_at[held] && ctr__is_covered(b->held_at[held], mount->destination))
      b->held_at[held] = NULL; /* masks belong on what covers it */
  bool cgroup = ctr__is_type(mount, "cgroup") && !spec.bind && !spec.remount;
  code = cgroup ? ctr__plan_cgroup_mount(b, mount, field, &spec)
                : ctr__plan_mount(b, mount, field, &spec);
  if (code) return code;
  b->late_read_only[i] = spec.late_read_only;
  b->late_count += spec.late_read_only;
  if (ctr__is_dev(mount->destination) && !spec.remount) b->dev_is_bound = spec.bind;
  return CTR_OK;
}

static ctr_code ctr__plan_mounts(ctr__builder *b) {
  const ctr_mounts *mounts = &b->config->mounts;
  b->late_read_only = ctr__take(b, mounts->count + 1, sizeof *b->late_read_only);
  if (!b->late_read_only) return ctr__nomem(b->err);
  for (size_t i = 0; i < mounts->count; i++) {
    const ctr_mount *mount = &mounts->items[i];
    const char *field = ctr__print(b, "mounts[%zu]", i);
    if (!field) return ctr__nomem(b->err);
    if (i && ctr__is_root_path(mount->destination) && !ctr__is_remount(mount) &&
        !ctr__is_made(mount))
      return ctr__fail(b->err, CTR_E_CONFIG, 0, ctr__print(b, "mounts[%zu].destination", i),
                       "the root itself: that is root.path, or the first of mounts");
    ctr_code code =
        ctr__is_made(mount) ? ctr__plan_made(b, i, field) : ctr__plan_one_mount(b, i, field);
    if (code) return code;
  }
  return CTR_OK;
}

/* -- devices -- */

static const struct ctr__default_device {
  const char *path;
  uint32_t major_, minor_;
} ctr__default_devices[] = {
    /* config-linux.md "Default Devices" */
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

static const struct ctr__dev_link {
  const char *path, *target;
} ctr__dev_links[] = {
    /* runtime-linux.md "Dev symbolic links"; and pts(4): ptmx is the container's own */
    {"/dev/fd", "/proc/self/fd"},       {"/dev/stdin", "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"}, {"/dev/stderr", "/proc/self/fd/2"},
    {"/dev/ptmx", "pts/ptmx"},
};

/* In a user namespace nobody may make device nodes, so that the host's are bound instead. */
static bool ctr__makes_nodes(const ctr__builder *b) {
  return ctr__can_mknod(b->facts) && !ctr__in_userns(b);
}

/* Whether somebody inside owns the host's device nodes, and could change their mode and owner for
   all; who is in a user namespace that is joined by its path is not known here. */
static bool ctr__has_node_owner(const ctr__builder *b) {
  const ctr__facts *f = b->facts;
  if (f->node_uid == CTR__NOBODY) return false;
  return ctr__in_userns(b) ? ctr__has_uid(b, f->node_uid)
                           : f->node_uid == f->euid || (f->caps & CTR_CAP(SETUID));
}

/* Who has rights over the mount namespace that it is in does it. */
static void ctr__view_null_step(ctr__builder *b, enum ctr__lane lane) {
  if (ctr__has_setattr(b) && ctr__has_node_owner(b))
    ctr__add_step(b, lane, CTR__STEP_VIEW_NULL, &(ctr__new_step){.field = NULL});
}

static void ctr__plan_device(ctr__builder *b, const char *field, const char *path, mode_t mode,
                             uint64_t number, const ctr_device *asked) {
  uint64_t uid = asked ? asked->uid.value : 0, gid = asked ? asked->gid.value : 0;
  const bool in_reach = ctr__has_node_owner(b);
  bool exact = asked && (asked->fileMode.set || asked->uid.set || asked->gid.set);
  if (S_ISFIFO(mode) || ctr__makes_nodes(b))
    ctr__child_step(b, DEVICE_NODE, .field = field, .str = {path},
                    .num = {mode, number, uid, gid, exact});
  else
    ctr__child_step(b, DEVICE_BIND, .field = field,
                    .str = {path, path, in_reach ? ", read-only" : ""},
                    .num = {[0] = mode,
                            [1] = number,
                            [2] = in_reach ? CTR__ATTR_RDONLY : 0,
                            [4] = ctr__has_setattr(b),
                            [CTR__NUM_SOURCE] = ctr__may_ask(b)});
}

static bool ctr__device_is_listed(const ctr_devices *devices, const char *path) {
  for (size_t i = 0; i < devices->count; i++)
    if (!strcmp(devices->items[i].path, path)) return true;
  return false;
}

/* A node that the caller has not got cannot be bound, and none can be made. */
static ctr_code ctr__check_devices_are_there(ctr__builder *b) {
  size_t missing = b->facts->missing_device;
  if (!missing || ctr__makes_nodes(b)) return CTR_OK;
  const char *field = ctr__print(b, "linux.devices[%zu]", missing - 1);
  if (!field) return ctr__nomem(b->err);
  return ctr__lacks(b, CTR__RIGHT_DEVICES, field,
                    b->config->linux_.devices.items[missing - 1].path);
}

static void ctr__plan_devices(ctr__builder *b) {
  const ctr_devices *devices = &b->config->linux_.devices;
  /* A /dev that is bound from elsewhere is used as it is: it is not ours to fill. */
  if (!b->dev_is_bound && !b->desc->no_default_devices) {
    for (size_t i = 0; i < sizeof ctr__default_devices / sizeof *ctr__default_devices; i++) {
      const struct ctr__default_device *d = &ctr__default_devices[i];
      if (!ctr__device_is_listed(devices, d->path))
        ctr__plan_device(b, "default devices", d->path, S_IFCHR | 0666,
                         makedev(d->major_, d->minor_), NULL);
    }
    for (size_t i = 0; i < sizeof ctr__dev_links / sizeof *ctr__dev_links; i++)
      ctr__child_step(b, SYMLINK, .field = "default devices",
                      .str = {ctr__dev_links[i].path, ctr__dev_links[i].target});
  }
  for (size_t i = 0; i < devices->count; i++) {
    const ctr_device *d = &devices->items[i];
    mode_t type = *d->type == 'b' ? S_IFBLK : *d->type == 'p' ? S_IFIFO : S_IFCHR;
    mode_t mode = (mode_t)(d->fileMode.set ? d->fileMode.value & 07777 : 0666);
    const char *field = ctr__print(b, "linux.devices[%zu]", i);
    ctr__plan_device(b, field, d->path, type | mode,
                     makedev((unsigned)d->major_.value, (unsigned)d->minor_.value), d);
    if (b->steps && b->steps[b->step_count - 1].kind == CTR__STEP_DEVICE_BIND &&
        (d->fileMode.set || d->uid.set || d->gid.set))
      ctr__log(&b->desc->log, CTR_LOG_WARNING, field,
               "%s is the host's own node: its mode and owner stay as they are there", d->path);
  }
}

/* -- around it -- */

/* First of all nothing done here may reach the host; then the root becomes a mount of its own. */
static void ctr__plan_root(ctr__builder *b) {
  const ctr_root *root = &b->config->root;
  uint64_t asked = ctr__propagation_flags[b->config->linux_.rootfsPropagation];
  bool listens = asked & (MS_SLAVE | MS_SHARED);
  bool read_only_below = root->readonly && ctr__has_setattr(b);
  ctr__child_step(b, PROPAGATION, .field = "linux.rootfsPropagation", .num = {MS_REC | MS_SLAVE});
  if (ctr__root_mount(b->config)) {
    b->root_field = "mounts[0]";
    ctr__child_step(b, BASE, .field = b->root_field);
    return;
  }
  b->root_field = "root.path";
  if (root->readonly && !read_only_below) ctr__warn_of_writable_below(b);
  const char *path = ctr__host_path(b, root->path);
  b->root_dir = ctr__add_str(b, path);
  ctr__child_step(b, ROOT_BIND, .field = "root.path", .str = {path},
                  .num = {[0] = listens ? 0 : MS_REC | MS_PRIVATE,
                          [1] = read_only_below,
                          [2] = ctr__root_attr(b),
                          [3] = ctr__has_setattr(b),
                          [CTR__NUM_SOURCE] = ctr__may_ask(b)});
}

/* Which held mount path lies on, and its path there. */
static enum ctr__held ctr__held_above(const ctr__builder *b, const char *path,
                                      const char **ret_below) {
  for (int i = 1; i < CTR__HELD_COUNT; i++) {
    *ret_below = b->held_at[i] ? ctr__path_below(path, b->held_at[i]) : NULL;
    if (*ret_below) return (enum ctr__held)i;
  }
  return CTR__HELD_NONE;
}

static void ctr__plan_paths(ctr__builder *b, enum ctr__kind kind, const char *name,
                            ctr_strs paths) {
  for (size_t i = 0; i < paths.count; i++) {
    const char *path = paths.items[i], *below = NULL;
    enum ctr__held held = ctr__held_above(b, path, &below);
    if (b->late_count) ctr__plan_late_read_only(b, b->config->mounts.count, path, false);
    ctr__add_step(b, CTR__LANE_CHILD, kind,
                  &(ctr__new_step){.field = ctr__print(b, "linux.%s[%zu]", name, i),
                                   .str = {path, below},
                                   .num = {ctr__has_setattr(b), held}});
  }
}

static void ctr__plan_enter_root(ctr__builder *b) {
  if (b->desc->no_pivot)
    ctr__child_step(b, MOVE_ROOT, .field = b->root_field);
  else
    ctr__child_step(b, PIVOT_ROOT, .field = b->root_field);
  /* pivot_root(2) wants an unshared root, so that sharing it comes after. */
  ctr_propagation asked = b->config->linux_.rootfsPropagation;
  if (asked && asked != CTR_PROPAGATION_PRIVATE)
    ctr__child_step(b, SET_PROPAGATION, .field = "linux.rootfsPropagation", .str = {"/"},
                    .num = {ctr__propagation_flags[asked], ctr__has_setattr(b)});
  ctr__child_step(b, OWN_NULL, .field = NULL);
}

/* config.md "POSIX-platform Hooks": when everything is made and the root not yet entered; first
   those of the host's side, then those inside. */
static void ctr__plan_create_hooks(ctr__builder *b) {
  bool stops = (b->desc->moments & CTR_MOMENT_HOOKS) ||
               ctr__hooks_of(b->config, CTR__HOOK_PRESTART)->count ||
               ctr__hooks_of(b->config, CTR__HOOK_CREATE_RUNTIME)->count;
  if (stops) ctr__sync_step(b, CTR__SYNC_HOOKS, CTR_MOMENT_HOOKS);
  ctr__plan_hooks(b, CTR__HOOK_PRESTART);
  ctr__plan_hooks(b, CTR__HOOK_CREATE_RUNTIME);
  if (stops) ctr__sync_step(b, CTR__SYNC_RESUME, 0);
  ctr__plan_hooks(b, CTR__HOOK_CREATE_CONTAINER);
}

/* Without a mount namespace of its own every mount would be one of the host. */
static ctr_code ctr__plan_no_mounts(ctr__builder *b) {
  const ctr_linux *lin = &b->config->linux_;
  const struct {
    bool asked;
    const char *field;
  } needs[] = {{b->config->mounts.count > 0, "mounts"},
               {b->config->root.readonly, "root.readonly"},
               {lin->devices.count > 0, "linux.devices"},
               {lin->maskedPaths.count > 0, "linux.maskedPaths"},
               {lin->readonlyPaths.count > 0, "linux.readonlyPaths"},
               {lin->rootfsPropagation != 0, "linux.rootfsPropagation"}};
  for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
    if (needs[i].asked)
      return ctr__refuse(b, CTR_E_CONFIG, needs[i].field,
                         "needs a new mount namespace in linux.namespaces: without one it would "
                         "change the host's mounts");
  ctr__child_step(b, ROOT_OPEN, .field = "root.path",
                  .str = {ctr__host_path(b, b->config->root.path)});
  ctr__plan_console(b, false);
  ctr__plan_create_hooks(b);
  ctr__child_step(b, CHROOT, .field = "root.path");
  return CTR_OK;
}

static ctr_code ctr__plan_rootfs(ctr__builder *b) {
  if (!b->own_mounts) return ctr__plan_no_mounts(b);
  const ctr_linux *lin = &b->config->linux_;
  b->mount_label = ctr__add_str(b, ctr__label_for(b, "tmpfs", (ctr_strs){0}));
  ctr__plan_root(b);
  ctr_code code = ctr__check_devices_are_there(b);
  if (!code) code = ctr__plan_mounts(b);
  if (code) return code;
  ctr__plan_devices(b);
  ctr__plan_console(b, true);
  ctr__plan_create_hooks(b);
  ctr__plan_paths(b, CTR__STEP_MASK, "maskedPaths", lin->maskedPaths);
  ctr__plan_paths(b, CTR__STEP_READONLY, "readonlyPaths", lin->readonlyPaths);
  if (lin->readonlyPaths.count && !ctr__has_setattr(b))
    ctr__log(&b->desc->log, CTR_LOG_WARNING, "linux.readonlyPaths",
             "what is mounted below them stays as it is: making it read-only needs Linux 5.12");
  if (b->config->root.readonly) ctr__plan_set_attr(b, "root.readonly", "/", CTR__ATTR_RDONLY, 0);
  /* On a read-only root there is none to be made: that would change what was to stay as it is. */
  if (!ctr__is_root_path(b->config->process.cwd) && !b->desc->no_new_cwd)
    ctr__child_step(b, MAKE_CWD, .field = "process.cwd", .str = {b->config->process.cwd});
  ctr__plan_late_read_only(b, b->config->mounts.count, NULL, false);
  ctr__plan_enter_root(b);
  return CTR_OK;
}

/* ==== [SECTION] plan/devices.c ================================================================ */
/* Which devices a container may use (config-linux.md "Allowed Device list"). Rules apply in their
   order, the last one that speaks of a device and an access decides. Here they become a table in
   which order means nothing any more: of the entries that match a device the most special one says
   all that is allowed. From the table come a list for cgroup v1 and a program for v2. */

/* The numbers are those of the kernel's enum for programs (linux/bpf.h, BPF_DEVCG_*). */
enum { CTR__DEV_BLOCK = 1, CTR__DEV_CHAR = 2, CTR__DEV_BOTH = 3 };
enum { CTR__DEV_MKNOD = 1, CTR__DEV_READ = 2, CTR__DEV_WRITE = 4, CTR__DEV_RWM = 7 };
enum {
  CTR__DEV_ANY = INT32_MAX,  /* for major and minor: whatever is not named; comes last in order */
  CTR__DEV_MAJOR_MAX = 4095, /* the kernel's own dev_t: 12 and 20 bits */
  CTR__DEV_MINOR_MAX = 1048575,
};

typedef struct ctr__dev_rule {
  uint8_t types, access; /* CTR__DEV_*, both sets of bits */
  bool allow;
  int32_t major_, minor_;
} ctr__dev_rule;

typedef struct ctr__dev_rules {
  const ctr__dev_rule *items; /* those of linux.resources.devices first: same index */
  size_t count;
} ctr__dev_rules;

enum { CTR__DEV_KEY_TYPE, CTR__DEV_KEY_MAJOR, CTR__DEV_KEY_MINOR, CTR__DEV_KEYS };

typedef struct ctr__dev_entry {
  int32_t key[CTR__DEV_KEYS]; /* one type; both types have an entry for any:any */
  uint8_t access;             /* what is allowed; the rest is denied            */
} ctr__dev_entry;

typedef struct ctr__dev_table {
  ctr__dev_entry *items; /* ascending: what is special comes before what is general; of a major */
  size_t count;          /* that has entries of its own, MAJOR:any is always one                */
} ctr__dev_table;

/* -- the rules -- */

static const struct ctr__dev_letter {
  char letter;
  uint8_t access;
} ctr__dev_letters[] = {{'r', CTR__DEV_READ}, {'w', CTR__DEV_WRITE}, {'m', CTR__DEV_MKNOD}};

/* 0 for what is no letter of an access. */
static uint8_t ctr__dev_access_of(char letter) {
  for (size_t i = 0; i < 3; i++)
    if (ctr__dev_letters[i].letter == letter) return ctr__dev_letters[i].access;
  return 0;
}

/* Returns the end of what it puts; the text is not terminated. */
static char *ctr__dev_put_access(char *at, unsigned access) {
  for (size_t i = 0; i < 3; i++)
    if (ctr__dev_letters[i].access & access) *at++ = ctr__dev_letters[i].letter;
  return at;
}

/* What every container may do besides, as libcontainer (specconv, AllowedDevices) and crun have it;
   with the default devices: "Default Devices" makes them to be used. */
static const ctr__dev_rule ctr__dev_always[] = {
    {CTR__DEV_BOTH, CTR__DEV_MKNOD, true, CTR__DEV_ANY, CTR__DEV_ANY}, /* a node alone opens none */
    {CTR__DEV_CHAR, CTR__DEV_RWM, true, 5, 1},                         /* console                 */
    {CTR__DEV_CHAR, CTR__DEV_RWM, true, 5, 2},                         /* ptmx                    */
    {CTR__DEV_CHAR, CTR__DEV_RWM, true, 136, CTR__DEV_ANY},            /* pts                     */
};

/* Not set, or -1 as libcontainer writes it: any. */
static ctr_code ctr__dev_number(ctr__builder *b, size_t i, const char *name, ctr_int from,
                                int32_t max, int32_t *ret) {
  *ret = CTR__DEV_ANY;
  if (!from.set || from.value == -1) return CTR_OK;
  *ret = (int32_t)from.value;
  if (from.value >= 0 && from.value <= max) return CTR_OK;
  return ctr__fail(b->err, CTR_E_CONFIG, 0,
                   ctr__print(b, "linux.resources.devices[%zu].%s", i, name),
                   "no device has the number %lld: it is from 0 to %d, or -1 for all",
                   (long long)from.value, (int)max);
}

/* An access that is left out could mean all or nothing, and one of the two would open what was to
   be closed. */
static ctr_code ctr__dev_rule_read(ctr__builder *b, size_t i, ctr__dev_rule *rule) {
  const ctr_device_rule *from = &b->config->linux_.resources.devices.items[i];
  const char *type = from->type ? from->type : "a", *access = from->access ? from->access : "";
  rule->allow = from->allow;
  rule->types = !strcmp(type, "a")   ? CTR__DEV_BOTH
                : !strcmp(type, "b") ? CTR__DEV_BLOCK
                : !strcmp(type, "c") ? CTR__DEV_CHAR
                                     : 0;
  if (!rule->types)
    return ctr__fail(b->err, CTR_E_CONFIG, 0, ctr__print(b, "linux.resources.devices[%zu].type", i),
                     "\"%.64s\" is not a, b or c", type);
  bool known = *access;
  for (const char *at = access; *at; at++) {
    uint8_t bit = ctr__dev_access_of(*at);
    rule->access |= bit;
    known &= bit != 0;
  }
  if (!known)
    return ctr__fail(b->err, CTR_E_CONFIG, 0,
                     ctr__print(b, "linux.resources.devices[%zu].access", i),
                     "\"%.64s\" does not say which: letters of \"rwm\"", access);
  ctr_code code = ctr__dev_number(b, i, "major", from->major_, CTR__DEV_MAJOR_MAX, &rule->major_);
  return code ? code
              : ctr__dev_number(b, i, "minor", from->minor_, CTR__DEV_MINOR_MAX, &rule->minor_);
}

/* The nodes that the config has made are made to be used. */
static size_t ctr__dev_rules_of_nodes(const ctr_devices *devices, ctr__dev_rule *rules) {
  size_t n = 0;
  for (size_t i = 0; i < devices->count; i++) {
    const ctr_device *d = &devices->items[i];
    if (*d->type == 'p') continue;
    rules[n++] = (ctr__dev_rule){*d->type == 'b' ? CTR__DEV_BLOCK : CTR__DEV_CHAR, CTR__DEV_RWM,
                                 true, (int32_t)d->major_.value, (int32_t)d->minor_.value};
  }
  return n;
}

static ctr_code ctr__dev_rules_read(ctr__builder *b, ctr__dev_rules *ret) {
  enum { ALWAYS = sizeof ctr__dev_always / sizeof *ctr__dev_always };
  enum { NODES = sizeof ctr__default_devices / sizeof *ctr__default_devices };
  const ctr_device_rules *own = &b->config->linux_.resources.devices;
  const ctr_devices *devices = &b->config->linux_.devices;
  size_t n = own->count;
  *ret = (ctr__dev_rules){NULL, 0};
  ctr__dev_rule *rules = ctr__take(b, n + ALWAYS + NODES + devices->count, sizeof *rules);
  if (!rules) return ctr__nomem(b->err);
  for (size_t i = 0; i < n; i++) {
    ctr_code code = ctr__dev_rule_read(b, i, &rules[i]);
    if (code) return code;
  }
  for (size_t i = 0; i < ALWAYS; i++) rules[n++] = ctr__dev_always[i];
  for (size_t i = 0; i < NODES; i++)
    rules[n++] =
        (ctr__dev_rule){CTR__DEV_CHAR, CTR__DEV_RWM, true, (int32_t)ctr__default_devices[i].major_,
                        (int32_t)ctr__default_devices[i].minor_};
  n += ctr__dev_rules_of_nodes(devices, rules + n);
  *ret = (ctr__dev_rules){rules, n};
  return CTR_OK;
}

/* -- the table -- */

/* The most that a table may have: its program is shorter than the kernel's limit of a million
   instructions (BPF_COMPLEXITY_LIMIT_INSNS), at five for an entry. */
enum { CTR__DEV_ENTRIES_MAX = 1 << 17 };

static int ctr__dev_order(const void *a, const void *b) {
  const int32_t *x = ((const ctr__dev_entry *)a)->key, *y = ((const ctr__dev_entry *)b)->key;
  int i = 0;
  while (i < CTR__DEV_KEYS - 1 && x[i] == y[i]) i++;
  return (x[i] > y[i]) - (x[i] < y[i]);
}

static void ctr__dev_sort(ctr__dev_table *t) {
  size_t kept = 0;
  qsort(t->items, t->count, sizeof *t->items, ctr__dev_order);
  for (size_t i = 0; i < t->count; i++)
    if (!kept || ctr__dev_order(&t->items[kept - 1], &t->items[i])) t->items[kept++] = t->items[i];
  t->count = kept;
}

static void ctr__dev_add(ctr__dev_table *t, int32_t type, int32_t major_, int32_t minor_) {
  t->items[t->count++] = (ctr__dev_entry){{type, major_, minor_}, 0};
}

/* The first entry that does not come before that one. */
static size_t ctr__dev_first(const ctr__dev_table *t, int32_t type, int32_t major_,
                             int32_t minor_) {
  const ctr__dev_entry sought = {{type, major_, minor_}, 0};
  size_t low = 0, high = t->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (ctr__dev_order(&t->items[middle], &sought) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static const ctr__dev_entry *ctr__dev_find(const ctr__dev_table *t, int32_t type, int32_t major_,
                                           int32_t minor_) {
  const ctr__dev_entry sought = {{type, major_, minor_}, 0};
  size_t i = ctr__dev_first(t, type, major_, minor_);
  return i < t->count && !ctr__dev_order(&t->items[i], &sought) ? &t->items[i] : NULL;
}

/* What the rules name, of both types, and any:any. */
static ctr_code ctr__dev_named(ctr__builder *b, const ctr__dev_rules *rules, ctr__dev_table *t) {
  *t = (ctr__dev_table){ctr__take(b, 2 * rules->count + 2, sizeof *t->items), 0};
  if (!t->items) return ctr__nomem(b->err);
  for (int32_t type = CTR__DEV_BLOCK; type <= CTR__DEV_CHAR; type++) {
    ctr__dev_add(t, type, CTR__DEV_ANY, CTR__DEV_ANY);
    for (size_t i = 0; i < rules->count; i++)
      if (rules->items[i].types & type)
        ctr__dev_add(t, type, rules->items[i].major_, rules->items[i].minor_);
  }
  ctr__dev_sort(t);
  return CTR_OK;
}

/* Whether the entry after it is of another major. */
static bool ctr__dev_ends_major(const ctr__dev_table *t, size_t i) {
  const int32_t *key = t->items[i].key;
  return key[CTR__DEV_KEY_MAJOR] != CTR__DEV_ANY &&
         key[CTR__DEV_KEY_MAJOR] != t->items[i + 1].key[CTR__DEV_KEY_MAJOR];
}

/* Where a rule for any:MINOR meets a major that is named, neither is more special than the other:
   MAJOR:MINOR gets an entry too, as does MAJOR:any. */
static ctr_code ctr__dev_close(ctr__builder *b, ctr__dev_table *t) {
  const ctr__dev_table named = *t;
  size_t room = named.count, any[CTR__DEV_BOTH], end[CTR__DEV_BOTH];
  for (int32_t type = CTR__DEV_BLOCK; type <= CTR__DEV_CHAR; type++) {
    any[type] = ctr__dev_first(&named, type, CTR__DEV_ANY, 0);
    end[type] = ctr__dev_first(&named, type, CTR__DEV_ANY, CTR__DEV_ANY) + 1;
  }
  for (size_t i = 0; i < named.count && room <= CTR__DEV_ENTRIES_MAX; i++) {
    int32_t type = named.items[i].key[CTR__DEV_KEY_TYPE];
    if (ctr__dev_ends_major(&named, i)) room += end[type] - any[type];
  }
  if (room > CTR__DEV_ENTRIES_MAX)
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, "linux.resources.devices",
                     "more rules than the kernel takes: over %d devices are named",
                     CTR__DEV_ENTRIES_MAX);
  t->items = ctr__take(b, room, sizeof *t->items);
  if (!t->items) return ctr__nomem(b->err);
  if (named.count) memcpy(t->items, named.items, named.count * sizeof *t->items);
  for (size_t i = 0; i < named.count; i++) {
    const int32_t *key = named.items[i].key, type = key[CTR__DEV_KEY_TYPE];
    for (size_t n = any[type]; n < end[type] && ctr__dev_ends_major(&named, i); n++)
      ctr__dev_add(t, type, key[CTR__DEV_KEY_MAJOR], named.items[n].key[CTR__DEV_KEY_MINOR]);
  }
  ctr__dev_sort(t);
  return CTR_OK;
}

/* Whether a rule speaks of all that an entry stands for. */
static bool ctr__dev_covers(const ctr__dev_rule *rule, const ctr__dev_entry *e) {
  return (rule->types & e->key[CTR__DEV_KEY_TYPE]) &&
         (rule->major_ == CTR__DEV_ANY || rule->major_ == e->key[CTR__DEV_KEY_MAJOR]) &&
         (rule->minor_ == CTR__DEV_ANY || rule->minor_ == e->key[CTR__DEV_KEY_MINOR]);
}

static void ctr__dev_apply(ctr__dev_table *t, const ctr__dev_rule *rule) {
  bool any_major = rule->major_ == CTR__DEV_ANY, any_minor = rule->minor_ == CTR__DEV_ANY;
  for (int32_t type = CTR__DEV_BLOCK; type <= CTR__DEV_CHAR; type++) {
    if (!(rule->types & type)) continue;
    size_t i = ctr__dev_first(t, type, any_major ? 0 : rule->major_,
                              any_major || any_minor ? 0 : rule->minor_);
    for (; i < t->count && t->items[i].key[CTR__DEV_KEY_TYPE] == type; i++) {
      ctr__dev_entry *e = &t->items[i];
      if (!any_major && e->key[CTR__DEV_KEY_MAJOR] != rule->major_) break;
      if (ctr__dev_covers(rule, e))
        e->access = (uint8_t)(rule->allow ? e->access | rule->access : e->access & ~rule->access);
      else if (!any_major)
        break; /* the one that was looked for is behind */
    }
  }
}

/* Leaves out what says no more than what would match without it. From the end, where all that is
   more general has been decided on before; what is kept gathers there. */
static void ctr__dev_prune(ctr__dev_table *t) {
  ctr__dev_table kept = {t->items + t->count, 0};
  /* any:any, which comes first; MAJOR:any of what is looked at, or base where there is none */
  const ctr__dev_entry *base = kept.items, *line = base;
  for (size_t i = t->count; i-- > 0;) {
    const ctr__dev_entry e = t->items[i];
    int32_t type = e.key[CTR__DEV_KEY_TYPE], minor_ = e.key[CTR__DEV_KEY_MINOR];
    const ctr__dev_entry *other = NULL; /* any:MINOR */
    bool any_major = e.key[CTR__DEV_KEY_MAJOR] == CTR__DEV_ANY, keep = true;
    if (minor_ == CTR__DEV_ANY) {
      /* The last major had nothing of its own: its line went in before its minors. */
      if (line != base && line == kept.items && line->access == base->access)
        kept.items++, kept.count--;
    } else if (any_major) {
      keep = e.access != base->access;
    } else {
      other = ctr__dev_find(&kept, type, CTR__DEV_ANY, minor_);
      keep = e.access != line->access || (other && other->access != e.access);
    }
    if (!keep) continue;
    *--kept.items = e;
    kept.count++;
    if (minor_ == CTR__DEV_ANY) line = kept.items;
    if (minor_ == CTR__DEV_ANY && any_major) base = line;
  }
  if (line != base && line == kept.items && line->access == base->access)
    kept.items++, kept.count--;
  *t = kept;
}

/* What comes before a rule for everything has no effect. */
static size_t ctr__dev_first_rule(const ctr__dev_rules *rules) {
  size_t i = rules->count;
  while (i-- > 0) {
    const ctr__dev_rule *r = &rules->items[i];
    if (r->types == CTR__DEV_BOTH && r->access == CTR__DEV_RWM && r->major_ == CTR__DEV_ANY &&
        r->minor_ == CTR__DEV_ANY)
      return i;
  }
  return 0;
}

/* Nothing is allowed that no rule allows (runc's GMS-2021-177). */
static ctr_code ctr__dev_table_make(ctr__builder *b, const ctr__dev_rules *rules,
                                    ctr__dev_table *ret) {
  size_t first = ctr__dev_first_rule(rules);
  const ctr__dev_rules used = {rules->items + first, rules->count - first};
  ctr_code code = ctr__dev_named(b, &used, ret);
  if (!code) code = ctr__dev_close(b, ret);
  if (code) return code;
  for (size_t i = 0; i < used.count; i++) ctr__dev_apply(ret, &used.items[i]);
  ctr__dev_prune(ret);
  return CTR_OK;
}

/* -- for cgroup v1: a default and a list of exceptions (admin-guide/cgroup-v1/devices.rst) -- */

typedef struct ctr__dev_list {
  bool allow;       /* the default: what "a" is written to, devices.allow or devices.deny */
  const char *text; /* the exceptions, "c 1:3 rwm\n" each, for the other file             */
} ctr__dev_list;

/* The entries that match all that e does and more. */
static int ctr__dev_above(const ctr__dev_table *t, const ctr__dev_entry *e,
                          const ctr__dev_entry *above[3]) {
  int n = 0;
  int32_t type = e->key[CTR__DEV_KEY_TYPE];
  const ctr__dev_entry *all[] = {ctr__dev_find(t, type, e->key[CTR__DEV_KEY_MAJOR], CTR__DEV_ANY),
                                 ctr__dev_find(t, type, CTR__DEV_ANY, e->key[CTR__DEV_KEY_MINOR]),
                                 ctr__dev_find(t, type, CTR__DEV_ANY, CTR__DEV_ANY)};
  for (int i = 0; i < 3; i++)
    if (all[i] && all[i] != e) above[n++] = all[i];
  return n;
}

/* An exception holds for all that it matches, and none takes back a part of another: an entry may
   only add to those above it. Where the default is to allow, what is added is denied. Returns the
   first that would take something back, or NULL, and what it would. */
static const ctr__dev_entry *ctr__dev_misfit(const ctr__dev_table *t, bool allow,
                                             unsigned *ret_access) {
  for (size_t i = 0; i < t->count; i++) {
    const ctr__dev_entry *e = &t->items[i], *above[3];
    for (int n = ctr__dev_above(t, e, above); n-- > 0;) {
      *ret_access = allow ? e->access & ~above[n]->access : above[n]->access & ~e->access;
      if (*ret_access) return e;
    }
  }
  return NULL;
}

static bool ctr__dev_is_said_above(const ctr__dev_table *t, const ctr__dev_entry *e) {
  const ctr__dev_entry *above[3];
  for (int n = ctr__dev_above(t, e, above); n-- > 0;)
    if (above[n]->access == e->access) return true;
  return false;
}

static char *ctr__dev_put_number(char *at, int32_t number) {
  if (number != CTR__DEV_ANY) return ctr__put_int(at, number);
  *at++ = '*';
  return at;
}

/* "c 1:3 rwm\n"; not terminated. */
static size_t ctr__dev_put_line(char line[32], const ctr__dev_entry *e, unsigned access) {
  char *at = line;
  *at++ = e->key[CTR__DEV_KEY_TYPE] == CTR__DEV_BLOCK ? 'b' : 'c';
  *at++ = ' ';
  at = ctr__dev_put_number(at, e->key[CTR__DEV_KEY_MAJOR]);
  *at++ = ':';
  at = ctr__dev_put_number(at, e->key[CTR__DEV_KEY_MINOR]);
  *at++ = ' ';
  at = ctr__dev_put_access(at, access);
  *at++ = '\n';
  return (size_t)(at - line);
}

/* The rule that takes back what the kernel cannot where the default is to deny; it is one of the
   config's own, as those that follow deny nothing. */
static ctr_code ctr__dev_not_on_v1(ctr__builder *b, const ctr__dev_rules *rules,
                                   const ctr__dev_entry *e, unsigned access) {
  size_t i = rules->count;
  while (i > 1 &&
         !(ctr__dev_covers(&rules->items[i - 1], e) && (rules->items[i - 1].access & access)))
    i--;
  return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0,
                   ctr__print(b, "linux.resources.devices[%zu]", i - 1),
                   "it denies a part of what other rules allow, and elsewhere a part of what is "
                   "denied is allowed: cgroup v1 takes one or the other");
}

static bool ctr__dev_allows_all(const ctr__dev_table *t) {
  bool all = true;
  for (int32_t type = CTR__DEV_BLOCK; type <= CTR__DEV_CHAR; type++)
    all &= ctr__dev_find(t, type, CTR__DEV_ANY, CTR__DEV_ANY)->access == CTR__DEV_RWM;
  return all;
}

/* Either default can be the one that fits. Where both do, and all is allowed that is not named, it
   is to allow: else no cgroup below could be given everything by whoever is inside. */
static ctr_code ctr__dev_list_make(ctr__builder *b, const ctr__dev_rules *rules,
                                   const ctr__dev_table *t, ctr__dev_list *ret) {
  unsigned access = 0, ignored = 0;
  *ret = (ctr__dev_list){false, NULL};
  const ctr__dev_entry *misfit = ctr__dev_misfit(t, false, &access);
  bool can_allow = (misfit || ctr__dev_allows_all(t)) && !ctr__dev_misfit(t, true, &ignored);
  if (misfit && !can_allow) return ctr__dev_not_on_v1(b, rules, misfit, access);
  ctr__string text = {.arena = b->arena};
  ctr__string_sink(&text, "", 0);
  for (size_t i = 0; i < t->count && !text.nomem; i++) {
    const ctr__dev_entry *e = &t->items[i];
    unsigned exception = can_allow ? CTR__DEV_RWM & ~(unsigned)e->access : e->access;
    char line[32];
    if (exception && !ctr__dev_is_said_above(t, e))
      ctr__string_sink(&text, line, ctr__dev_put_line(line, e, exception));
  }
  *ret = (ctr__dev_list){can_allow, text.text};
  return text.nomem ? ctr__nomem(b->err) : CTR_OK;
}

/* -- for cgroup v2: a program (cgroup-v2.rst "Device controller"; instructions: RFC 9669) -- */

/* The kernel's struct bpf_insn, whose two registers are bit-fields of one byte. */
typedef struct ctr__bpf_insn {
  uint8_t code, registers;
  int16_t off;
  int32_t imm;
} ctr__bpf_insn;

typedef struct ctr__dev_program {
  ctr__bpf_insn *items;
  uint32_t count;
} ctr__dev_program;

enum ctr__bpf_code {
  CTR__BPF_LOAD = 0x61,  /* dst = *(u32 *)(src + off) */
  CTR__BPF_COPY = 0xbf,  /* dst = src                 */
  CTR__BPF_SET = 0xb7,   /* dst = imm                 */
  CTR__BPF_AND = 0x57,   /* dst &= imm                */
  CTR__BPF_SHIFT = 0x77, /* dst >>= imm               */
  CTR__BPF_JNE = 0x55,   /* if (dst != imm) pc += off */
  CTR__BPF_JSET = 0x45,  /* if (dst & imm) pc += off  */
  CTR__BPF_EXIT = 0x95,  /* return r0                 */
};

enum { CTR__R_RESULT = 0, CTR__R_REQUEST = 1, CTR__R_ACCESS = 6 };
static const uint8_t ctr__dev_registers[CTR__DEV_KEYS] = {2, 3, 4};

static uint32_t ctr__bpf_add(ctr__dev_program *p, enum ctr__bpf_code code, unsigned dst,
                             unsigned src, int16_t off, int32_t imm) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  unsigned registers = dst << 4 | src;
#else
  unsigned registers = src << 4 | dst;
#endif
  p->items[p->count] = (ctr__bpf_insn){(uint8_t)code, (uint8_t)registers, off, imm};
  return p->count++;
}

/* Takes struct bpf_cgroup_dev_ctx apart: access and type in one word, major, minor. */
static void ctr__dev_program_start(ctr__dev_program *p) {
  const uint8_t *r = ctr__dev_registers;
  ctr__bpf_add(p, CTR__BPF_LOAD, r[CTR__DEV_KEY_TYPE], CTR__R_REQUEST, 0, 0);
  ctr__bpf_add(p, CTR__BPF_COPY, CTR__R_ACCESS, r[CTR__DEV_KEY_TYPE], 0, 0);
  ctr__bpf_add(p, CTR__BPF_AND, r[CTR__DEV_KEY_TYPE], 0, 0, 0xffff);
  ctr__bpf_add(p, CTR__BPF_SHIFT, CTR__R_ACCESS, 0, 0, 16);
  ctr__bpf_add(p, CTR__BPF_LOAD, r[CTR__DEV_KEY_MAJOR], CTR__R_REQUEST, 4, 0);
  ctr__bpf_add(p, CTR__BPF_LOAD, r[CTR__DEV_KEY_MINOR], CTR__R_REQUEST, 8, 0);
  ctr__bpf_add(p, CTR__BPF_SET, CTR__R_RESULT, 0, 0, 1);
}

/* The result is 1 already. Any bit that is not allowed denies, also one we do not know. */
static void ctr__dev_program_answer(ctr__dev_program *p, uint8_t access) {
  if (access && access != CTR__DEV_RWM)
    ctr__bpf_add(p, CTR__BPF_JSET, CTR__R_ACCESS, 0, 1, ~(int32_t)access);
  if (access) ctr__bpf_add(p, CTR__BPF_EXIT, 0, 0, 0, 0);
  if (access == CTR__DEV_RWM) return;
  ctr__bpf_add(p, CTR__BPF_SET, CTR__R_RESULT, 0, 0, 0);
  ctr__bpf_add(p, CTR__BPF_EXIT, 0, 0, 0, 0);
}

/* One comparison for all neighbours with the same value: the type, then the major, then the minor.
   Not for too many, as a jump reaches no further than 16 bits: then the value is compared again.
   The most general ones come last and are not compared, so that every major leads to an answer. */
static void ctr__dev_program_branch(ctr__dev_program *p, const ctr__dev_entry *e, size_t count,
                                    int key) {
  enum { MOST = 4096 }; /* times 7 instructions */
  if (key == CTR__DEV_KEYS) {
    ctr__dev_program_answer(p, e->access);
    return;
  }
  for (size_t i = 0, n; i < count; i += n) {
    int32_t value = e[i].key[key];
    for (n = 1; i + n < count && n < MOST && e[i + n].key[key] == value;) n++;
    bool any = value == CTR__DEV_ANY;
    uint32_t jump = any ? 0 : ctr__bpf_add(p, CTR__BPF_JNE, ctr__dev_registers[key], 0, 0, value);
    ctr__dev_program_branch(p, e + i, n, key + 1);
    if (!any) p->items[jump].off = (int16_t)(p->count - jump - 1);
  }
}

/* What is neither a block nor a character device does not exist; if it did, it would be denied. */
static ctr_code ctr__dev_program_make(ctr__builder *b, const ctr__dev_table *t,
                                      ctr__dev_program *ret) {
  *ret = (ctr__dev_program){ctr__take(b, t->count * 7 + 16, sizeof *ret->items), 0};
  if (!ret->items) return ctr__nomem(b->err);
  ctr__dev_program_start(ret);
  ctr__dev_program_branch(ret, t->items, t->count, 0);
  ctr__dev_program_answer(ret, 0);
  return CTR_OK;
}

/* ==== [SECTION] plan/limits.c ================================================================= */
/* linux.resources, as what is written to which file of which cgroup (config-linux.md "Control
   groups"). Values are those of v1; what v2 has of its own becomes text of its own. What the
   machine cannot limit is refused by the name of its field. */

typedef struct ctr__limit {
  const char *field, *file, *value;
  const ctr__hierarchy *hierarchy;
  enum ctr__limit_rule rule;
} ctr__limit;

/* While they are being collected. For an update `asked` is what is to be changed, `all` that and
   what holds already. */
typedef struct ctr__limits {
  ctr__builder *b;
  const ctr_resources *asked, *all;
  enum ctr__limit_rule rule; /* of the one at hand: its text may change it, */
  ctr_code refused;          /* or find that it cannot be                    */
  ctr__limit *items;
  size_t count, room;
} ctr__limits;

static ctr_code ctr__add_limit(ctr__limits *limits, ctr__hierarchy *hierarchy, const char *field,
                               const char *file, const char *value) {
  if (limits->count == limits->room) {
    size_t room = limits->room * 2 + 16;
    ctr__limit *items = ctr__take(limits->b, room, sizeof *items);
    if (!items) return ctr__nomem(limits->b->err);
    if (limits->count) memcpy(items, limits->items, limits->count * sizeof *items);
    limits->items = items;
    limits->room = room;
  }
  hierarchy->has_limits = true;
  limits->items[limits->count++] = (ctr__limit){field, file, value, hierarchy, limits->rule};
  return CTR_OK;
}

/* -- where -- */

/* cgroups(7): the name of a file starts with that of its controller. */
static size_t ctr__controller_len(const char *file) {
  return strcspn(file, ".");
}

static ctr__hierarchy *ctr__hierarchy_of_file(ctr__hierarchies *all, const char *file, bool v2) {
  return all && file ? ctr__hierarchy_with(all, file, ctr__controller_len(file), v2) : NULL;
}

/* The hierarchy that a limit is set in: v1 where it has the controller, else v2. */
static ctr_code ctr__find_controller(ctr__builder *b, const char *field, const char *v1_file,
                                     const char *v2_file, ctr__hierarchy **ret) {
  ctr__hierarchies *all = b->hierarchies;
  if (!all)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, field,
                       "limits are a cgroup's: only a container that is made with one has them");
  *ret = ctr__hierarchy_of_file(all, v1_file, false);
  if (!*ret) *ret = ctr__hierarchy_of_file(all, v2_file, true);
  if (*ret) return CTR_OK;
  const char *file = v1_file ? v1_file : v2_file;
  if (ctr__hierarchy_of_file(all, file, v1_file != NULL))
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field, "cgroup v%d has no such limit",
                     v1_file ? 2 : 1);
  return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                   "no cgroup hierarchy that is mounted has the controller %.*s",
                   (int)ctr__controller_len(file), file);
}

/* -- values -- */

/* The text of a value for one version; NULL: nothing is to be written, or it is refused. */
typedef const char *ctr__limit_text(ctr__limits *limits, const char *field);

/* cgroup-v2.rst, "Conventions": no limit is "max". */
static const char *ctr__number_or_max(const ctr__limits *limits, int64_t value) {
  return value < 0 ? "max" : ctr__print(limits->b, "%lld", (long long)value);
}

/* v1 refuses to go below what is in use; v2 would kill instead. */
static const char *ctr__v2_memory(ctr__limits *limits, const char *field) {
  const ctr_memory *m = &limits->all->memory;
  (void)field;
  if (m->checkBeforeUpdate && m->limit.value >= 0) limits->rule = CTR__LIMIT_IF_FREE;
  return ctr__number_or_max(limits, m->limit.value);
}

static const char *ctr__v2_reservation(ctr__limits *limits, const char *field) {
  (void)field;
  return ctr__number_or_max(limits, limits->all->memory.reservation.value);
}

static const char *ctr__any_pids(ctr__limits *limits, const char *field) {
  (void)field;
  return ctr__number_or_max(limits, limits->all->pids.limit.value);
}

/* In v1, and in OCI, swap is memory and swap together; v2 counts swap alone. A machine without swap
   need not have the file, and gives none. */
static const char *ctr__v2_swap(ctr__limits *limits, const char *field) {
  const ctr_memory *m = &limits->all->memory;
  if (m->swap.value < 0) return "max";
  if (!m->limit.set || m->limit.value < 0 || m->swap.value < m->limit.value) {
    limits->refused = ctr__refuse(
        limits->b, CTR_E_CONFIG, field,
        "it limits memory and swap together: it goes with a linux.resources.memory.limit that is "
        "not higher");
    return NULL;
  }
  if (m->swap.value == m->limit.value) limits->rule = CTR__LIMIT_IF_THERE;
  return ctr__number_or_max(limits, m->swap.value - m->limit.value);
}

/* cgroup-v2.rst: it always is. */
static const char *ctr__v2_hierarchical(ctr__limits *limits, const char *field) {
  (void)limits;
  (void)field;
  return NULL;
}

/* Without libm, which a program would have to be linked with. value is at least 1. */
static double ctr__log2(double value) {
  double log = 0;
  while (value >= 2) {
    value /= 2;
    log++;
  }
  double bit = 1;
  for (int i = 0; i < DBL_MANT_DIG; i++) {
    value *= value;
    bit /= 2;
    if (value < 2) continue;
    value /= 2;
    log += bit;
  }
  return log;
}

static double ctr__exp10(double exponent) {
  const double ln10 = 2.302585092994045684;
  double sum = 1, term = 1;
  for (int i = 1; i < 60; i++) sum += term *= exponent * ln10 / i;
  return sum;
}

/* cpu.shares 2 to 262144, 1024 being usual, to cpu.weight 1 to 10000, 100 being usual: a curve
   through the three, 10^((l^2 + 125 l) / 612 - 7/34) with l = log2(shares), rounded up, which runc
   and crun have too. */
static const char *ctr__v2_weight(ctr__limits *limits, const char *field) {
  const uint64_t shares = limits->all->cpu.shares.value;
  (void)field;
  if (shares <= 2) return "1";
  if (shares >= 262144) return "10000";
  const double l = ctr__log2((double)shares);
  const double weight = ctr__exp10((l * l + 125 * l) / 612 - 7.0 / 34);
  return ctr__print(limits->b, "%d", (int)(weight + 1 - 1e-9));
}

/* "quota period" in one file. A period that is not known stays what it is. */
static const char *ctr__v2_period(ctr__limits *limits, const char *field) {
  const ctr_cpu *cpu = &limits->all->cpu;
  (void)field;
  const char *quota = ctr__number_or_max(limits, cpu->quota.set ? cpu->quota.value : -1);
  if (!quota || !cpu->period.set) return quota;
  return ctr__print(limits->b, "%s %llu", quota, (unsigned long long)cpu->period.value);
}

static const char *ctr__v2_quota(ctr__limits *limits, const char *field) {
  return limits->asked->cpu.period.set ? NULL : ctr__v2_period(limits, field); /* it has both */
}

/* -- one field, one file -- */

/* Without a text of its own a value is written as it is; without a file, there is no such limit. */
static const struct ctr__limit_row {
  const char *path; /* below linux.resources */
  const char *v1, *v2;
  ctr__limit_text *v1_text, *v2_text;
} ctr__limit_rows[] = {
    {"memory.limit", "memory.limit_in_bytes", "memory.max", NULL, ctr__v2_memory},
    {"memory.swap", "memory.memsw.limit_in_bytes", "memory.swap.max", NULL, ctr__v2_swap},
    {"memory.reservation", "memory.soft_limit_in_bytes", "memory.low", NULL, ctr__v2_reservation},
    {"memory.kernel", "memory.kmem.limit_in_bytes", NULL, NULL, NULL},
    {"memory.kernelTCP", "memory.kmem.tcp.limit_in_bytes", NULL, NULL, NULL},
    {"memory.swappiness", "memory.swappiness", NULL, NULL, NULL},
    {"memory.disableOOMKiller", "memory.oom_control", NULL, NULL, NULL},
    {"memory.useHierarchy", "memory.use_hierarchy", "memory.max", NULL, ctr__v2_hierarchical},
    {"cpu.shares", "cpu.shares", "cpu.weight", NULL, ctr__v2_weight},
    {"cpu.period", "cpu.cfs_period_us", "cpu.max", NULL, ctr__v2_period},
    {"cpu.quota", "cpu.cfs_quota_us", "cpu.max", NULL, ctr__v2_quota},
    {"cpu.burst", "cpu.cfs_burst_us", "cpu.max.burst", NULL, NULL},
    {"cpu.realtimePeriod", "cpu.rt_period_us", NULL, NULL, NULL},
    {"cpu.realtimeRuntime", "cpu.rt_runtime_us", NULL, NULL, NULL},
    {"cpu.idle", "cpu.idle", "cpu.idle", NULL, NULL},
    {"cpu.cpus", "cpuset.cpus", "cpuset.cpus", NULL, NULL},
    {"cpu.mems", "cpuset.mems", "cpuset.mems", NULL, NULL},
    {"pids.limit", "pids.max", "pids.max", ctr__any_pids, ctr__any_pids},
    {"blockIO.leafWeight", "blkio.leaf_weight", NULL, NULL, NULL},
    {"network.classID", "net_cls.classid", NULL, NULL, NULL},
};

/* The field of a path such as "memory.limit"; *base becomes what it is a member of. */
static const ctr__field *ctr__find_field(const ctr__type *type, const char *path,
                                         const void **base) {
  for (size_t i = 0; i < type->count; i++) {
    const ctr__field *field = &type->fields[i];
    size_t len = strlen(field->name);
    if (strncmp(field->name, path, len) != 0) continue;
    if (!path[len]) return field;
    if (path[len] != '.' || field->kind != CTR__F_OBJECT) continue;
    *base = (const char *)*base + field->offset;
    return ctr__find_field(field->type, path + len + 1, base);
  }
  return NULL;
}

static const char *ctr__plain_text(const ctr__limits *limits, const ctr__field *field,
                                   const void *at) {
  if (field->kind == CTR__F_BOOL) return "1";
  if (field->kind == CTR__F_STR) return ctr__pointer_at(at);
  if (field->kind == CTR__F_INT)
    return ctr__print(limits->b, "%lld", (long long)((const ctr_int *)at)->value);
  return ctr__print(limits->b, "%llu", (unsigned long long)((const ctr_uint *)at)->value);
}

/* -1 lifts a limit: nothing is asked for where there is none. */
static ctr_code ctr__collect_row(ctr__limits *limits, const struct ctr__limit_row *row) {
  const void *base = limits->asked;
  const ctr__field *member = ctr__find_field(&ctr__type_of_ctr_resources, row->path, &base);
  if (!ctr__field_is_set(member, base)) return CTR_OK;
  const void *at = (const char *)base + member->offset;
  const char *field = ctr__print(limits->b, "linux.resources.%s", row->path);
  if (!field) return ctr__nomem(limits->b->err);
  const bool lifts = member->kind == CTR__F_INT && ((const ctr_int *)at)->value < 0;
  ctr__hierarchy *h = NULL;
  ctr_code code = ctr__find_controller(limits->b, field, row->v1, row->v2, &h);
  if (code && lifts) ctr__err_clear(limits->b->err);
  if (code) return lifts ? CTR_OK : code;
  limits->rule = lifts ? CTR__LIMIT_IF_THERE : CTR__LIMIT_ALWAYS;
  ctr__limit_text *text = h->v2 ? row->v2_text : row->v1_text;
  const char *value = text ? text(limits, field) : ctr__plain_text(limits, member, at);
  if (limits->b->nomem) return ctr__nomem(limits->b->err);
  if (!value) return limits->refused;
  return ctr__add_limit(limits, h, field, h->v2 ? row->v2 : row->v1, value);
}

/* -- lists -- */

static ctr_code ctr__collect_list_item(ctr__limits *limits, const char *field, const char *v1_file,
                                       const char *v1_value, const char *v2_file,
                                       const char *v2_value) {
  ctr__hierarchy *h = NULL;
  if (limits->b->nomem) return ctr__nomem(limits->b->err);
  ctr_code code = ctr__find_controller(limits->b, field, v1_file, v2_file, &h);
  if (code) return code;
  limits->rule = CTR__LIMIT_ALWAYS;
  return ctr__add_limit(limits, h, field, h->v2 ? v2_file : v1_file, h->v2 ? v2_value : v1_value);
}

/* Weights are for a scheduler that the machine need not use: bfq has files of its own. io.weight is
   on another scale: 1 to 10000 for 10 to 1000. device: "8:16 ", or "" for all. */
static ctr_code ctr__collect_weight(ctr__limits *limits, const char *field, const char *device,
                                    uint64_t weight) {
  const bool all = !*device;
  if (weight < 10 || weight > 1000)
    return ctr__refuse(limits->b, CTR_E_CONFIG, field, "a weight is from 10 to 1000");
  const uint64_t io = 1 + (weight - 10) * 9999 / 990;
  const char *plain = ctr__print(limits->b, "%s%llu", device, (unsigned long long)weight);
  const char *scaled = ctr__print(limits->b, "%s%llu", device, (unsigned long long)io);
  ctr__hierarchy *h = NULL;
  if (limits->b->nomem) return ctr__nomem(limits->b->err);
  const char *bfq = all ? "blkio.bfq.weight" : "blkio.bfq.weight_device";
  ctr_code code = ctr__find_controller(limits->b, field, bfq, "io.weight", &h);
  if (code) return code;
  limits->rule = CTR__LIMIT_IF_THERE;
  code = ctr__add_limit(limits, h, field, h->v2 ? "io.bfq.weight" : bfq, plain);
  if (code) return code;
  limits->rule = CTR__LIMIT_ELSE;
  const char *v1 = all ? "blkio.weight" : "blkio.weight_device";
  return ctr__add_limit(limits, h, field, h->v2 ? "io.weight" : v1, h->v2 ? scaled : plain);
}

static ctr_code ctr__collect_weights(ctr__limits *limits) {
  const ctr_block_io *io = &limits->asked->blockIO;
  ctr_code code = CTR_OK;
  if (io->weight.set)
    code = ctr__collect_weight(limits, "linux.resources.blockIO.weight", "", io->weight.value);
  for (size_t i = 0; i < io->weightDevice.count && !code; i++) {
    const ctr_weight_device *d = &io->weightDevice.items[i];
    const char *field = ctr__print(limits->b, "linux.resources.blockIO.weightDevice[%zu]", i);
    const char *device =
        ctr__print(limits->b, "%lld:%lld ", (long long)d->major_, (long long)d->minor_);
    if (!field || !device) return ctr__nomem(limits->b->err);
    if (d->weight.set) code = ctr__collect_weight(limits, field, device, d->weight.value);
    if (d->leafWeight.set && !code)
      code = ctr__collect_list_item(limits, field, "blkio.leaf_weight_device",
                                    ctr__print(limits->b, "%s%llu", device,
                                               (unsigned long long)d->leafWeight.value),
                                    NULL, NULL);
  }
  return code;
}

/* One file for each in v1, one for all in v2; a rate of 0 is none at all (blkio-controller.rst). */
static ctr_code ctr__collect_throttles(ctr__limits *limits) {
  const ctr_block_io *io = &limits->asked->blockIO;
  const struct {
    const ctr_throttle_devices *devices;
    const char *name, *v1, *v2;
  } kinds[] = {{&io->throttleReadBpsDevice, "throttleReadBpsDevice", "read_bps", "rbps"},
               {&io->throttleWriteBpsDevice, "throttleWriteBpsDevice", "write_bps", "wbps"},
               {&io->throttleReadIOPSDevice, "throttleReadIOPSDevice", "read_iops", "riops"},
               {&io->throttleWriteIOPSDevice, "throttleWriteIOPSDevice", "write_iops", "wiops"}};
  ctr__builder *b = limits->b;
  ctr_code code = CTR_OK;
  for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
    for (size_t i = 0; i < kinds[kind].devices->count && !code; i++) {
      const ctr_throttle_device *d = &kinds[kind].devices->items[i];
      const char *device = ctr__print(b, "%lld:%lld", (long long)d->major_, (long long)d->minor_);
      const char *rate = ctr__print(b, "%llu", (unsigned long long)d->rate);
      if (!device || !rate) return ctr__nomem(b->err);
      code = ctr__collect_list_item(
          limits, ctr__print(b, "linux.resources.blockIO.%s[%zu]", kinds[kind].name, i),
          ctr__print(b, "blkio.throttle.%s_device", kinds[kind].v1),
          ctr__print(b, "%s %s", device, rate), "io.max",
          ctr__print(b, "%s %s=%s", device, kinds[kind].v2, d->rate ? rate : "max"));
    }
  }
  return code;
}

/* config-linux.md "Huge page limits": of reservations where the kernel counts them, and of use. */
static ctr_code ctr__collect_hugepages(ctr__limits *limits) {
  const ctr_hugepage_limits *pages = &limits->asked->hugepageLimits;
  ctr__builder *b = limits->b;
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < pages->count && !code; i++) {
    const char *size = pages->items[i].pageSize;
    const char *field = ctr__print(b, "linux.resources.hugepageLimits[%zu]", i);
    const char *value = ctr__print(b, "%llu", (unsigned long long)pages->items[i].limit);
    if (!field || !value) return ctr__nomem(b->err);
    if (!*size || strchr(size, '/'))
      return ctr__fail(b->err, CTR_E_CONFIG, 0, field, "\"%.32s\" is no size of pages", size);
    code =
        ctr__collect_list_item(limits, field, ctr__print(b, "hugetlb.%s.rsvd.limit_in_bytes", size),
                               value, ctr__print(b, "hugetlb.%s.rsvd.max", size), value);
    if (code) return code;
    limits->items[limits->count - 1].rule = CTR__LIMIT_IF_THERE;
    code = ctr__collect_list_item(limits, field, ctr__print(b, "hugetlb.%s.limit_in_bytes", size),
                                  value, ctr__print(b, "hugetlb.%s.max", size), value);
  }
  return code;
}

static ctr_code ctr__collect_network(ctr__limits *limits) {
  const ctr_if_priorities *priorities = &limits->asked->network.priorities;
  ctr__builder *b = limits->b;
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < priorities->count && !code; i++)
    code =
        ctr__collect_list_item(limits, ctr__print(b, "linux.resources.network.priorities[%zu]", i),
                               "net_prio.ifpriomap",
                               ctr__print(b, "%s %u", priorities->items[i].name,
                                          priorities->items[i].priority),
                               NULL, NULL);
  return code;
}

/* The same for both (cgroup-v2.rst, "RDMA"). */
static ctr_code ctr__collect_rdma(ctr__limits *limits) {
  const ctr_rdmas *rdma = &limits->asked->rdma;
  ctr__builder *b = limits->b;
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < rdma->count && !code; i++) {
    const ctr_rdma *device = &rdma->items[i];
    const char *field = ctr__print(b, "linux.resources.rdma.%s", device->key), *value = device->key;
    if (!device->hcaHandles.set && !device->hcaObjects.set)
      return ctr__refuse(b, CTR_E_CONFIG, field, "hcaHandles or hcaObjects is needed");
    if (device->hcaHandles.set && value)
      value =
          ctr__print(b, "%s hca_handle=%llu", value, (unsigned long long)device->hcaHandles.value);
    if (device->hcaObjects.set && value)
      value =
          ctr__print(b, "%s hca_object=%llu", value, (unsigned long long)device->hcaObjects.value);
    code = ctr__collect_list_item(limits, field, "rdma.max", value, "rdma.max", value);
  }
  return code;
}

/* -- unified -- */

/* What says who is in the cgroup, and what they may do, is the runtime's. */
static bool ctr__is_file_of_runtime(const char *file) {
  static const char *const own[] = {"cgroup.procs",  "cgroup.threads", "cgroup.kill",
                                    "cgroup.freeze", "cgroup.type",    "cgroup.subtree_control"};
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (!strcmp(file, own[i])) return true;
  return false;
}

static ctr__hierarchy *ctr__any_v2(ctr__hierarchies *all) {
  for (size_t i = 0; all && i < all->count; i++)
    if (all->items[i].v2 && !ctr__hierarchy_is_hidden(all, i)) return &all->items[i];
  return NULL;
}

/* cgroup files take one line at a time. */
static ctr_code ctr__collect_lines(ctr__limits *limits, ctr__hierarchy *h, const char *field,
                                   const char *file, const char *text) {
  ctr_code code = CTR_OK;
  limits->rule = CTR__LIMIT_ALWAYS;
  if (!*text) return ctr__add_limit(limits, h, field, file, "");
  for (const char *line = text; *line && !code;
       line += strcspn(line, "\n"), line += *line == '\n') {
    const char *value = ctr__print(limits->b, "%.*s", (int)strcspn(line, "\n"), line);
    if (!value) return ctr__nomem(limits->b->err);
    if (*value) code = ctr__add_limit(limits, h, field, file, value);
  }
  return code;
}

static ctr_code ctr__collect_unified(ctr__limits *limits) {
  const ctr_pairs *unified = &limits->asked->unified;
  ctr__builder *b = limits->b;
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < unified->count && !code; i++) {
    const char *file = unified->items[i].key;
    const char *field = ctr__print(b, "linux.resources.unified.%s", file);
    if (!field) return ctr__nomem(b->err);
    if (strchr(file, '/') || !strchr(file, '.') || ctr__is_file_of_runtime(file))
      return ctr__refuse(b, CTR_E_CONFIG, field, "is no file that takes a limit");
    ctr__hierarchy *h = b->hierarchies && !strncmp(file, "cgroup.", 7)
                            ? ctr__any_v2(b->hierarchies)
                            : ctr__hierarchy_of_file(b->hierarchies, file, true);
    if (!h) code = ctr__find_controller(b, field, NULL, file, &h);
    if (!code) code = ctr__collect_lines(limits, h, field, file, unified->items[i].value);
  }
  return code;
}

/* -- all -- */

static ctr_code ctr__collect_limits(ctr__builder *b) {
  static ctr_code (*const lists[])(ctr__limits *) = {ctr__collect_weights,   ctr__collect_throttles,
                                                     ctr__collect_hugepages, ctr__collect_network,
                                                     ctr__collect_rdma,      ctr__collect_unified};
  ctr__limits limits = {.b = b, .all = &b->config->linux_.resources};
  ctr_resources asked = b->purpose->changed ? *b->purpose->changed : *limits.all;
  /* v2's limit of swap follows from both. */
  if (asked.memory.limit.set) asked.memory.swap = limits.all->memory.swap;
  limits.asked = &asked;
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < sizeof ctr__limit_rows / sizeof *ctr__limit_rows && !code; i++)
    code = ctr__collect_row(&limits, &ctr__limit_rows[i]);
  for (size_t i = 0; i < sizeof lists / sizeof *lists && !code; i++) code = lists[i](&limits);
  b->limits = limits.items;
  b->limit_count = limits.count;
  return code;
}

/* ==== [SECTION] plan/cgroups.c ================================================================ */
/* The container's own cgroups: which there are, with which limits. */

/* What pausing, listing and killing need is in one hierarchy: v2, which a process can be cloned
   into, or else that of the v1 freezer, or else v2 all the same (cgroups(7)). */
static const ctr__hierarchy *ctr__hierarchy_to_freeze_in(const ctr__builder *b) {
  const ctr__hierarchy *v2 = ctr__any_v2(b->hierarchies);
  const ctr__hierarchy *v1 = ctr__hierarchy_with(b->hierarchies, "freezer", 7, false);
  return v2 && (!v1 || (b->facts->features & CTR_FEATURE_CLONE_INTO_CGROUP)) ? v2 : v1;
}

/* Whether the caller may make path: the nearest directory above it that is there can be written
   to. */
static bool ctr__can_make(const char *path) {
  char above[PATH_MAX];
  size_t len = strlen(path);
  if (len >= sizeof above) return false;
  memcpy(above, path, len + 1);
  while (len > 1 && faccessat(AT_FDCWD, above, F_OK, AT_EACCESS) < 0 && errno == ENOENT) {
    while (len > 1 && above[len - 1] != '/') len--;
    while (len > 1 && above[len - 1] == '/') len--;
    above[len] = '\0';
  }
  return faccessat(AT_FDCWD, above, W_OK, AT_EACCESS) == 0;
}

/* Below a v2 cgroup that has processes, as the caller's own has, no controller can be enabled
   (cgroup-v2.rst, "No Internal Process Constraint"): beside it they can. */
static const char *ctr__beside(ctr__builder *b, const ctr__hierarchy *hierarchy, const char *own) {
  if (!hierarchy->v2 || strlen(own) <= strlen(hierarchy->mount_point)) return own;
  const char *parent = ctr__print(b, "%.*s", (int)(strrchr(own, '/') - own), own);
  const char *there = parent ? ctr__print(b, "%s/ctr", parent) : NULL;
  return there && ctr__can_make(there) ? parent : own;
}

static bool ctr__is_machine_root(const ctr__builder *b) {
  return b->facts->initial_userns && !b->facts->euid;
}

/* config-linux.md "Cgroups Path": an absolute path starts from the hierarchy's mount point, a
   relative one where the runtime likes: below the caller's own cgroup, or beside it. */
static ctr_code ctr__container_cgroup(ctr__builder *b, const ctr__hierarchy *hierarchy,
                                      const char **ret_path) {
  const char *asked = b->config->linux_.cgroupsPath, *base = hierarchy->mount_point;
  if (asked ? *asked != '/' : !ctr__is_machine_root(b)) {
    ctr_code code = ctr__own_cgroup_path(b, "linux.cgroupsPath", b->hierarchies, hierarchy, &base);
    if (code) return code;
    base = ctr__beside(b, hierarchy, base);
  }
  if (asked) asked += strspn(asked, "/");
  *ret_path =
      asked ? ctr__print(b, "%s/%s", base, asked) : ctr__print(b, "%s/ctr-%s", base, b->desc->id);
  return *ret_path ? CTR_OK : ctr__nomem(b->err);
}

/* As root one that is asked for and cannot be made is an error when it comes to it; an ordinary
   user, and root where the hierarchies are read-only as in a container, has one where that can
   be. */
static ctr_code ctr__choose_cgroup(ctr__builder *b, ctr__hierarchy *hierarchy) {
  const char *path = NULL;
  ctr_code code = ctr__container_cgroup(b, hierarchy, &path);
  if (code) return code;
  const bool asked = b->config->linux_.cgroupsPath, is_root = ctr__is_machine_root(b);
  if (is_root ? !asked && hierarchy->read_only : !ctr__can_make(path)) return CTR_OK;
  hierarchy->container = path;
  return CTR_OK;
}

static bool ctr__has_own_cgroups(const ctr__builder *b) {
  for (size_t i = 0; b->hierarchies && i < b->hierarchies->count; i++)
    if (b->hierarchies->items[i].container) return true;
  return false;
}

/* Engines name one for every container, also where none can be had; limits in it are an error. */
static void ctr__warn_if_not_made(const ctr__builder *b) {
  size_t missing = 0;
  for (size_t i = 0; i < b->hierarchies->count; i++) missing += !b->hierarchies->items[i].container;
  if (b->config->linux_.cgroupsPath && missing)
    ctr__log(&b->desc->log, CTR_LOG_WARNING, "linux.cgroupsPath",
             "not made in %zu of %zu hierarchies: the caller may not write there", missing,
             b->hierarchies->count);
}

/* Who deletes the container ends all that are in its cgroup, or in the pid namespace of its own. */
static void ctr__warn_if_unbounded(const ctr__builder *b) {
  const ctr_namespace *pids = ctr__namespace_of(b->config, CTR_NS_PID);
  if ((pids && !pids->path) || ctr__has_own_cgroups(b)) return;
  ctr__log(
      &b->desc->log, CTR_LOG_WARNING, "linux.namespaces",
      "without a cgroup and a pid namespace of its own, what the program leaves running in the "
      "background goes on when the container is deleted");
}

/* "a/../b" would lead where nobody looks for it, "." is the cgroup of somebody else: who deletes
   the container kills all that are in it. */
static bool ctr__has_dots(const char *path) {
  const char *name;
  for (size_t len; (len = ctr__component(&path, &name)) != 0;)
    if (len <= 2 && !memcmp(name, "..", len)) return true;
  return false;
}

/* -- devices -- */

/* Only who may do so on the machine restricts devices: v1 by a list, v2 by a program (bpf(2)). */
static ctr__hierarchy *ctr__hierarchy_for_devices(const ctr__builder *b) {
  const uint64_t bpf = CTR_CAP(BPF) | CTR_CAP(NET_ADMIN), caps = b->facts->caps;
  if (!b->facts->initial_userns || !b->config->linux_.resources.devices.count) return NULL;
  ctr__hierarchy *v1 = ctr__hierarchy_with(b->hierarchies, "devices", 7, false);
  if (v1) return (caps & CTR_CAP(SYS_ADMIN)) ? v1 : NULL;
  return (caps & CTR_CAP(SYS_ADMIN)) || (caps & bpf) == bpf ? ctr__any_v2(b->hierarchies) : NULL;
}

/* Every config that a tool writes restricts devices. Where that cannot be had it is worth a
   warning, provided nothing in the container can make a device: not in a user namespace (mknod(2)),
   nor without the capability. */
static ctr_code ctr__leave_devices(ctr__builder *b) {
  const ctr_capabilities *c = &b->config->process.capabilities;
  const uint64_t any = c->bounding | c->effective | c->inheritable | c->permitted | c->ambient;
  if (!b->config->linux_.resources.devices.count) return CTR_OK;
  const ctr_namespace *users = ctr__namespace_of(b->config, CTR_NS_USER);
  const bool in_userns = !b->facts->initial_userns || (users && !users->path);
  if ((any & CTR_CAP(MKNOD)) && !in_userns)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.resources.devices",
                       "there is no cgroup that the caller could enforce it with, and "
                       "process.capabilities grants CAP_MKNOD: take one of them out");
  ctr__log(&b->desc->log, CTR_LOG_WARNING, "linux.resources.devices",
           "not applied: there is no cgroup that the caller could enforce it with");
  return CTR_OK;
}

static ctr_code ctr__plan_device_filter(ctr__builder *b) {
  const ctr__hierarchy *h = b->device_hierarchy;
  ctr__dev_rules rules;
  ctr__dev_table table;
  ctr__dev_list list = {false, NULL};
  ctr__dev_program program = {NULL, 0};
  const bool is_update = b->purpose->goal == CTR__GOAL_UPDATE;
  if ((!h || !h->container) && is_update)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.resources.devices",
                       "the container was made without a cgroup that the caller could enforce it "
                       "with");
  if (!h || !h->container) return ctr__leave_devices(b);
  ctr_code code = ctr__dev_rules_read(b, &rules);
  if (!code) code = ctr__dev_table_make(b, &rules, &table);
  if (!code)
    code = h->v2 ? ctr__dev_program_make(b, &table, &program)
                 : ctr__dev_list_make(b, &rules, &table, &list);
  if (code) return code;
  if (list.allow && is_update)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.resources.devices",
                       "in a running container cgroup v1 can only change lists of what is allowed");
  if (h->v2)
    ctr__parent_step(b, DEVICE_PROGRAM, .field = "linux.resources.devices", .str = {h->container},
                     .ref = {0, ctr__add_bytes(b, program.items,
                                               program.count * sizeof *program.items, 8)},
                     .num = {program.count});
  else
    ctr__parent_step(b, DEVICE_LIST, .field = "linux.resources.devices",
                     .str = {h->container, list.text}, .num = {list.allow});
  return CTR_OK;
}

/* -- which -- */

/* What asks for nothing needs no cgroup. */
static ctr_code ctr__check_limits_hold(ctr__builder *b) {
  for (size_t i = 0; i < b->limit_count; i++)
    if (!b->limits[i].hierarchy->container && b->limits[i].rule != CTR__LIMIT_IF_THERE)
      return ctr__lacks(b, CTR__RIGHT_LIMITS, b->limits[i].field, NULL);
  return CTR_OK;
}

/* Asked for by name it has one in every hierarchy; else where there is a use for it. */
static ctr_code ctr__choose_cgroups(ctr__builder *b) {
  const char *asked = b->config->linux_.cgroupsPath;
  if (asked && (ctr__has_dots(asked) || !asked[strspn(asked, "/")]))
    return ctr__refuse(b, CTR_E_CONFIG, "linux.cgroupsPath", "is no path of a cgroup of its own");
  ctr_code code = ctr__hierarchies_read(b);
  if (!code && asked && !b->hierarchies->count)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.cgroupsPath",
                       "this machine has no cgroup hierarchy mounted: use no_cgroup");
  if (!code) code = ctr__collect_limits(b);
  if (code) return code;
  b->device_hierarchy = ctr__hierarchy_for_devices(b);
  const ctr__hierarchy *freezer = ctr__hierarchy_to_freeze_in(b);
  for (size_t i = 0; !code && i < b->hierarchies->count; i++) {
    ctr__hierarchy *hierarchy = &b->hierarchies->items[i];
    if (ctr__hierarchy_is_hidden(b->hierarchies, i)) continue;
    if (asked || hierarchy->has_limits || hierarchy == freezer || hierarchy == b->device_hierarchy)
      code = ctr__choose_cgroup(b, hierarchy);
  }
  return code ? code : ctr__check_limits_hold(b);
}

/* Which controllers of v2 are to be there: all for a cgroup with a name, to be measured by; else
   those that limits are set with. */
static const char *ctr__controllers_for(ctr__builder *b, const ctr__hierarchy *hierarchy) {
  const char *list = "";
  if (!hierarchy->v2 || !hierarchy->controllers) return "";
  if (b->config->linux_.cgroupsPath) return hierarchy->controllers;
  for (size_t i = 0; i < b->limit_count && list; i++) {
    const ctr__limit *limit = &b->limits[i];
    const size_t len = ctr__controller_len(limit->file);
    if (limit->hierarchy == hierarchy && !ctr__list_has(list, limit->file, len) &&
        ctr__list_has(hierarchy->controllers, limit->file, len))
      list = ctr__print(b, "%s%s%.*s", list, *list ? "," : "", (int)len, limit->file);
  }
  return list;
}

static void ctr__plan_limits(ctr__builder *b) {
  for (size_t i = 0; i < b->limit_count; i++) {
    const ctr__limit *limit = &b->limits[i];
    if (!limit->hierarchy->container) continue;
    ctr__parent_step(b, LIMIT, .field = limit->field,
                     .str = {limit->hierarchy->container, limit->file, limit->value},
                     .num = {limit->rule});
  }
}

static void ctr__plan_make_cgroup(ctr__builder *b, const ctr__hierarchy *h) {
  ctr__parent_step(b, MAKE_CGROUP, .field = "linux.cgroupsPath",
                   .str = {h->container, h->v2 ? "" : h->options, ctr__controllers_for(b, h)},
                   .num = {h->v2, strlen(h->mount_point)});
}

/* Limits hold before anything is in the cgroup, and whatever outlives a kill is written down
   first. */
static ctr_code ctr__plan_cgroups(ctr__builder *b) {
  if (ctr__has_own_cgroups(b)) ctr__parent_step(b, RECORD_CGROUPS, .field = NULL);
  for (size_t i = 0; b->hierarchies && i < b->hierarchies->count; i++)
    if (b->hierarchies->items[i].container) ctr__plan_make_cgroup(b, &b->hierarchies->items[i]);
  ctr__plan_limits(b);
  return ctr__plan_device_filter(b);
}

/* The cgroup that a process is cloned into: only v2 can (clone(2), CLONE_INTO_CGROUP). */
static const char *ctr__cgroup_to_clone_into(const ctr__builder *b) {
  const ctr__hierarchy *v2 = ctr__any_v2(b->hierarchies);
  return v2 && (b->facts->features & CTR_FEATURE_CLONE_INTO_CGROUP) ? v2->container : NULL;
}

static void ctr__plan_enter_cgroups(ctr__builder *b) {
  for (size_t i = 0; b->hierarchies && i < b->hierarchies->count; i++) {
    const char *path = b->hierarchies->items[i].container;
    if (path && path != b->born_in)
      ctr__parent_step(b, ENTER_CGROUP, .field = "linux.cgroupsPath", .str = {path});
  }
}

/* A process of its own, or a container that is to have none. */
static ctr_code ctr__do_without_cgroups(ctr__builder *b) {
  struct ctr__hierarchies *all = b->hierarchies;
  b->hierarchies = NULL;
  ctr_code code = ctr__collect_limits(b);
  b->hierarchies = all;
  if (!code) code = ctr__leave_devices(b);
  if (!code && b->config->linux_.cgroupsPath)
    ctr__log(&b->desc->log, CTR_LOG_WARNING, "linux.cgroupsPath", "not made");
  return code;
}

static ctr_code ctr__plan_own_cgroups(ctr__builder *b) {
  const bool wanted = ctr__makes_container(b) && !b->desc->no_cgroup;
  ctr_code code = wanted ? ctr__choose_cgroups(b) : ctr__do_without_cgroups(b);
  if (!code && wanted) ctr__warn_if_not_made(b);
  if (!code && ctr__makes_container(b)) ctr__warn_if_unbounded(b);
  if (code || !wanted) return code;
  b->born_in = ctr__cgroup_to_clone_into(b);
  return ctr__plan_cgroups(b);
}

/* ==== [SECTION] plan/cbpf.c =================================================================== */
/* An assembler for classic BPF (filter.txt), for programs that decide: loads, comparisons, returns.
   It writes backwards, from the last instruction to the first, so that where a jump leads is there
   before the jump: places are indices into the code. */

/* The kernel's struct sock_filter, and as many as it takes (BPF_MAXINSNS). */
typedef struct ctr__cbpf_insn {
  uint16_t code;
  uint8_t yes, no; /* of a jump: how many to skip */
  uint32_t k;
} ctr__cbpf_insn;

enum { CTR__FILTER_INSN = sizeof(ctr__cbpf_insn), CTR__FILTER_INSNS_MAX = 4096 };

/* include/uapi/linux/bpf_common.h, filter.h */
enum {
  CTR__CBPF_LOAD = 0x20,        /* BPF_LD | BPF_W | BPF_ABS   */
  CTR__CBPF_AND = 0x54,         /* BPF_ALU | BPF_AND | BPF_K  */
  CTR__CBPF_JUMP = 0x05,        /* BPF_JMP | BPF_JA           */
  CTR__CBPF_IF_EQUAL = 0x15,    /* BPF_JMP | BPF_JEQ | BPF_K  */
  CTR__CBPF_IF_GREATER = 0x25,  /* BPF_JMP | BPF_JGT | BPF_K  */
  CTR__CBPF_IF_AT_LEAST = 0x35, /* BPF_JMP | BPF_JGE | BPF_K */
  CTR__CBPF_RETURN = 0x06,      /* BPF_RET | BPF_K            */
};

/* How far a comparison may jump, less the jump that may still come in between; how many returns are
   kept in mind. */
enum { CTR__CBPF_NEAR = 254, CTR__CBPF_RETURNS = 16 };

typedef struct ctr__cbpf {
  ctr__cbpf_insn *code; /* CTR__FILTER_INSNS_MAX of them        */
  uint32_t first;       /* the first that is written            */
  bool is_full;         /* and the program no good              */
  struct {
    uint32_t value, at;
  } returns[CTR__CBPF_RETURNS]; /* where the last ones are: they can be used again */
  uint32_t return_count;
} ctr__cbpf;

static uint32_t ctr__cbpf_put(ctr__cbpf *p, uint16_t code, uint32_t k, uint32_t yes, uint32_t no) {
  p->is_full |= !p->first;
  if (!p->is_full) p->code[--p->first] = (ctr__cbpf_insn){code, (uint8_t)yes, (uint8_t)no, k};
  return p->first;
}

/* A place that leads to target and that a comparison can jump to. */
static uint32_t ctr__cbpf_near(ctr__cbpf *p, uint32_t target) {
  const uint32_t distance = target - p->first;
  return distance <= CTR__CBPF_NEAR ? target : ctr__cbpf_put(p, CTR__CBPF_JUMP, distance, 0, 0);
}

static uint32_t ctr__cbpf_if(ctr__cbpf *p, uint16_t comparison, uint32_t k, uint32_t yes,
                             uint32_t no) {
  yes = ctr__cbpf_near(p, yes);
  no = ctr__cbpf_near(p, no);
  return ctr__cbpf_put(p, comparison, k, yes - p->first, no - p->first);
}

static uint32_t ctr__cbpf_load(ctr__cbpf *p, uint32_t offset) {
  return ctr__cbpf_put(p, CTR__CBPF_LOAD, offset, 0, 0);
}

/* One that is near enough for a comparison to jump to, or a new one. */
static uint32_t ctr__cbpf_return(ctr__cbpf *p, uint32_t value) {
  uint32_t i = 0;
  while (i < p->return_count && p->returns[i].value != value) i++;
  if (i < p->return_count && p->returns[i].at - p->first <= CTR__CBPF_NEAR) return p->returns[i].at;
  if (i == p->return_count && i < CTR__CBPF_RETURNS) p->return_count++;
  if (i == CTR__CBPF_RETURNS) i = value % CTR__CBPF_RETURNS;
  p->returns[i].value = value;
  return p->returns[i].at = ctr__cbpf_put(p, CTR__CBPF_RETURN, value, 0, 0);
}

/* ==== [SECTION] plan/seccomp.c ================================================================ */
/* linux.seccomp as a program for the kernel (seccomp(2)): what all ways to make one have in common.
 */

#if defined __x86_64__ && !defined __ILP32__
#define CTR__SCMP_NATIVE "SCMP_ARCH_X86_64"
#elif defined __i386__
#define CTR__SCMP_NATIVE "SCMP_ARCH_X86"
#elif defined __aarch64__ && !defined __ILP32__
#define CTR__SCMP_NATIVE "SCMP_ARCH_AARCH64"
#elif defined __arm__ && defined __ARM_EABI__ && !defined __ARMEB__
#define CTR__SCMP_NATIVE "SCMP_ARCH_ARM"
#elif defined __riscv && __riscv_xlen == 64
#define CTR__SCMP_NATIVE "SCMP_ARCH_RISCV64"
#elif defined __powerpc64__ && defined __LITTLE_ENDIAN__
#define CTR__SCMP_NATIVE "SCMP_ARCH_PPC64LE"
#elif defined __s390x__
#define CTR__SCMP_NATIVE "SCMP_ARCH_S390X"
#elif defined __loongarch64
#define CTR__SCMP_NATIVE "SCMP_ARCH_LOONGARCH64"
#else
#define CTR__SCMP_NATIVE ""
#endif

/* SECCOMP_RET_*: the smaller as a signed number, the stricter (the kernel's seccomp.c). */
enum {
  CTR__SECCOMP_KILL_THREAD = 0,
  CTR__SECCOMP_TRAP = 0x30000,
  CTR__SECCOMP_ERRNO = 0x50000,
  CTR__SECCOMP_NOTIFY = 0x7fc00000,
  CTR__SECCOMP_TRACE = 0x7ff00000,
  CTR__SECCOMP_LOG = 0x7ffc0000,
  CTR__SECCOMP_ALLOW = 0x7fff0000,
  CTR__SECCOMP_DENIED = CTR__SECCOMP_ERRNO | EPERM,
  CTR__SECCOMP_ABSENT = CTR__SECCOMP_ERRNO | ENOSYS,
};
#define CTR__SECCOMP_KILL_PROCESS UINT32_C(0x80000000)
#define CTR__SECCOMP_ACTION       UINT32_C(0xffff0000)

/* struct seccomp_data. */
enum { CTR__SECCOMP_NR = 0, CTR__SECCOMP_ARCH = 4, CTR__SECCOMP_ARGS = 16 };

/* A profile on its way. */
typedef struct ctr__profile {
  ctr__builder *b;
  const ctr_seccomp *config;
  uint32_t preset; /* CTR__IN_*, of the library's own compiler; 0: none */
  uint32_t default_answer;
  size_t unknown, unknown_at[2]; /* names of no architecture's calls, and where the first is */
  ctr__cbpf program;
} ctr__profile;

static uint32_t ctr__seccomp_answer(ctr_seccomp_action action, ctr_uint number) {
  static const uint32_t answers[] = {
      [CTR_SCMP_ACT_KILL] = CTR__SECCOMP_KILL_THREAD,
      [CTR_SCMP_ACT_KILL_PROCESS] = CTR__SECCOMP_KILL_PROCESS,
      [CTR_SCMP_ACT_KILL_THREAD] = CTR__SECCOMP_KILL_THREAD,
      [CTR_SCMP_ACT_TRAP] = CTR__SECCOMP_TRAP,
      [CTR_SCMP_ACT_ERRNO] = CTR__SECCOMP_ERRNO,
      [CTR_SCMP_ACT_TRACE] = CTR__SECCOMP_TRACE,
      [CTR_SCMP_ACT_ALLOW] = CTR__SECCOMP_ALLOW,
      [CTR_SCMP_ACT_LOG] = CTR__SECCOMP_LOG,
      [CTR_SCMP_ACT_NOTIFY] = CTR__SECCOMP_NOTIFY,
      [CTR_SECCOMP_DEFAULT] = CTR__SECCOMP_ABSENT,
      [CTR_SECCOMP_STRICT] = CTR__SECCOMP_ABSENT,
  };
  const bool has_number = action == CTR_SCMP_ACT_ERRNO || action == CTR_SCMP_ACT_TRACE;
  if (!has_number) return answers[action];
  return answers[action] | (number.set ? (uint32_t)number.value : (uint32_t)EPERM);
}

static bool ctr__seccomp_is_stricter(uint32_t answer, uint32_t than) {
  return (int32_t)(answer & CTR__SECCOMP_ACTION) < (int32_t)(than & CTR__SECCOMP_ACTION);
}

/* Whether one is named twice: then each is a rule of its own, as in runc. Of seven one is, for they
   are checked to be 0 to 5. */
static bool ctr__args_repeat(const ctr_syscall_args *args) {
  unsigned seen = 0;
  for (size_t i = 0; i < args->count; i++) {
    if (seen >> args->items[i].index & 1) return true;
    seen |= 1U << args->items[i].index;
  }
  return false;
}

/* With a mask of nothing nothing is looked at. */
static bool ctr__args_look(const ctr_syscall_arg *args, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (args[i].op != CTR_SCMP_CMP_MASKED_EQ || (unsigned long)args[i].value) return true;
  return false;
}

static const char *ctr__seccomp_name_field(ctr__profile *p, size_t i, size_t j) {
  return ctr__print(p->b, "linux.seccomp.syscalls[%zu].names[%zu]", i, j);
}

/* A name that nobody knows: without its rule a call gets the default answer, which is safe if that
   is as strict. */
static ctr_code ctr__seccomp_skip(ctr__profile *p, uint32_t answer, size_t i, size_t j) {
  const char *name = p->config->syscalls.items[i].names.items[j];
  if (ctr__seccomp_is_stricter(answer, p->default_answer))
    return ctr__fail(p->b->err, CTR_E_UNSUPPORTED, 0, ctr__seccomp_name_field(p, i, j),
                     "no system call \"%.64s\" is known here, and the default action would let it "
                     "through",
                     name);
  if (!p->unknown++) p->unknown_at[0] = i, p->unknown_at[1] = j;
  return CTR_OK;
}

static void ctr__seccomp_warn_unknown(ctr__profile *p) {
  const size_t *at = p->unknown_at;
  if (p->unknown)
    ctr__log(&p->b->desc->log, CTR_LOG_WARNING, ctr__seccomp_name_field(p, at[0], at[1]),
             "no system call \"%.64s\" is known here, nor %zu others that are named: they are left "
             "to the default action",
             p->config->syscalls.items[at[0]].names.items[at[1]], p->unknown - 1);
}

/* Whether calls that are newer than all that the profile names do not exist, instead of being
   denied: libc, which tries newer calls first, then takes an older one. */
static bool ctr__seccomp_hides_newer(const ctr__profile *p) {
  return (p->default_answer & CTR__SECCOMP_ACTION) == CTR__SECCOMP_ERRNO;
}

static ctr_code ctr__profile_begin(ctr__profile *p, ctr__builder *b) {
  const ctr_seccomp *config = &b->config->linux_.seccomp;
  *p = (ctr__profile){.b = b,
                      .config = config,
                      .default_answer =
                          ctr__seccomp_answer(config->defaultAction, config->defaultErrnoRet),
                      .program = {.first = CTR__FILTER_INSNS_MAX}};
  p->program.code = ctr__take(b, CTR__FILTER_INSNS_MAX, sizeof *p->program.code);
  return p->program.code ? CTR_OK : ctr__nomem(b->err);
}

static ctr_code ctr__profile_end(ctr__profile *p, ctr__ref *ret_code, uint32_t *ret_count) {
  const ctr__cbpf *program = &p->program;
  if (program->is_full)
    return ctr__fail(p->b->err, CTR_E_UNSUPPORTED, 0, "linux.seccomp.syscalls",
                     "as a program it has more than the %d instructions that the kernel takes",
                     CTR__FILTER_INSNS_MAX);
  ctr__seccomp_warn_unknown(p);
  *ret_count = CTR__FILTER_INSNS_MAX - program->first;
  *ret_code =
      ctr__add_bytes(p->b, program->code + program->first, *ret_count * sizeof *program->code, 8);
  return CTR_OK;
}

/* ==== [SECTION] plan/presets.c ================================================================ */
/* The presets of linux.seccomp: each system call is in one group, and a group says who is let have
   it and why. A call of no group does not exist (ENOSYS): libc tries newer calls first and takes an
   older one then. What is written here comes from the manual pages of section 2 and from what the
   kernel's documentation says of each call's reach. */

enum {
  CTR__IN_NONE = 0,
  CTR__IN_DEFAULT = 1,
  CTR__IN_STRICT = 2,
  CTR__IN_BOTH = CTR__IN_DEFAULT | CTR__IN_STRICT,
};

/* Name, as explained, which presets allow it, what a call gets where it is not allowed,
   capabilities with any of which `default` allows it (the kernel asks for them too), and why. Which
   calls are in a group says the table of system calls. */
/* clang-format off */
#define CTR__CALL_GROUPS(X)                                                                        \
  X(BEGIN, "begin and end", BOTH, DENIED, 0,                                                       \
    "what libc does before and after main")                                                        \
  X(CPU, "processor", BOTH, DENIED, 0,                                                             \
    "what a program does by a call only because of its processor; the kernel makes "               \
    "uprobe and uretprobe itself")                                                                 \
  X(MEMORY, "memory", BOTH, DENIED, 0,                                                             \
    "its own memory alone")                                                                        \
  X(FDS, "descriptors", BOTH, DENIED, 0,                                                           \
    "what is open already")                                                                        \
  X(GIVEN, "sockets given", BOTH, DENIED, 0,                                                       \
    "what is done with a socket that the program was given")                                       \
  X(FILES, "files", BOTH, DENIED, 0,                                                               \
    "opening, finding, making and removing files: the mounts decide which can be "                 \
    "reached and changed")                                                                         \
  X(WAITING, "waiting", BOTH, DENIED, 0,                                                           \
    "waiting for what is open, and for time to pass")                                              \
  X(TIME, "time", BOTH, DENIED, 0,                                                                 \
    "reading clocks, and timers of one's own")                                                     \
  X(THREADS, "threads", BOTH, DENIED, 0,                                                           \
    "threads of one's own and how they wait for each other")                                       \
  X(SIGNALS, "signals", BOTH, DENIED, 0,                                                           \
    "handling signals, and sending them to a thread by its number, as raise(3), abort(3) and "     \
    "pthread_kill(3) do: no filter sees whose it is, so that they reach whom the pid namespace "   \
    "and the user id let them; scope signals by Landlock against that")                            \
  X(SELF, "who and where", BOTH, DENIED, 0,                                                        \
    "reading what one is and has")                                                                 \
  X(PROCESSES, "processes", DEFAULT, DENIED, 0,                                                    \
    "making processes, ordering them and sending them signals: the pid namespace "                 \
    "decides which there are")                                                                     \
  X(SOCKETS, "sockets", DEFAULT, DENIED, 0,                                                        \
    "talking to others: the network namespace decides to whom")                                    \
  X(ATTRS, "attributes", DEFAULT, DENIED, 0,                                                       \
    "links, nodes, owners, modes, times and other attributes of files")                            \
  X(IO, "more files", DEFAULT, DENIED, 0,                                                          \
    "watching files, moving bytes without copying, waiting for the disk")                          \
  X(IDENTITY, "identity", DEFAULT, DENIED, 0,                                                      \
    "giving up rights, and getting those that the capabilities allow")                             \
  X(PRIORITY, "priorities", DEFAULT, DENIED, 0,                                                    \
    "where and how urgently one's own is run and kept")                                            \
  X(IPC, "messages", DEFAULT, DENIED, 0,                                                           \
    "queues, semaphores and shared memory: the ipc namespace decides with whom")                   \
  X(SANDBOX, "less for itself", DEFAULT, DENIED, 0,                                                \
    "sandboxes inside, and memory that the kernel itself does not see")                            \
  X(MOUNTS, "mounts", NONE, DENIED, CTR_CAP(SYS_ADMIN),                                            \
    "would undo what is read-only or masked")                                                      \
  X(SPACES, "namespaces", NONE, DENIED, CTR_CAP(SYS_ADMIN),                                        \
    "lead out, or to capabilities over new parts of the kernel")                                   \
  X(CLONE3, "clone3", NONE, ABSENT, CTR_CAP(SYS_ADMIN),                                            \
    "its flags lie in memory, where no filter sees them: libc takes clone(2) then")                \
  X(ROOT, "root", NONE, DENIED, CTR_CAP(SYS_CHROOT),                                               \
    "another root")                                                                                \
  X(OTHERS, "other processes", NONE, DENIED, CTR_CAP(SYS_PTRACE),                                  \
    "reading and changing other processes, and taking what they have open")                        \
  X(HANDLES, "handles", NONE, DENIED, CTR_CAP(DAC_READ_SEARCH),                                    \
    "opens a file by its number, past the mounts")                                                 \
  X(CLOCKS, "clocks", NONE, DENIED, CTR_CAP(SYS_TIME),                                             \
    "the machine's clocks")                                                                        \
  X(MODULES, "modules", NONE, DENIED, CTR_CAP(SYS_MODULE),                                         \
    "code for the kernel")                                                                         \
  X(BOOT, "boot", NONE, DENIED, CTR_CAP(SYS_BOOT),                                                 \
    "ending or replacing the kernel")                                                              \
  X(LOG, "log", NONE, DENIED, CTR_CAP(SYSLOG),                                                     \
    "the kernel's log, which has its addresses")                                                   \
  X(ACCOUNT, "accounting", NONE, DENIED, CTR_CAP(SYS_PACCT),                                       \
    "a file of all that ends on the machine")                                                      \
  X(MACHINE, "machine", NONE, DENIED, CTR_CAP(SYS_ADMIN),                                          \
    "names, swap and quotas of the machine, and events of whole file systems")                     \
  X(BPF, "programs for the kernel", NONE, DENIED, CTR_CAP(BPF) | CTR_CAP(SYS_ADMIN),               \
    "bpf(2): a compiler in the kernel")                                                            \
  X(COUNTERS, "counters", NONE, DENIED, CTR_CAP(PERFMON) | CTR_CAP(SYS_ADMIN),                     \
    "perf_event_open(2) tells what others and the kernel do")                                      \
  X(PLACES, "placement", NONE, DENIED, CTR_CAP(SYS_NICE),                                          \
    "where the memory of processes lies, others' too")                                             \
  X(PORTS, "ports", NONE, DENIED, CTR_CAP(SYS_RAWIO),                                              \
    "the machine's ports and buses")                                                               \
  X(TERMINAL, "terminals", NONE, DENIED, CTR_CAP(SYS_TTY_CONFIG),                                  \
    "hangs up a terminal that others have")                                                        \
  X(KEYS, "keys", NONE, DENIED, 0,                                                                 \
    "keys belong to users of the machine: no namespace parts them (keyrings(7))")                  \
  X(URING, "io_uring", NONE, DENIED, 0,                                                            \
    "does what other calls do, out of the filter's sight")                                         \
  X(FAULTS, "faults", NONE, DENIED, 0,                                                             \
    "lets a program stop the kernel where it likes")                                               \
  X(SEGMENTS, "segments", NONE, DENIED, 0,                                                         \
    "segments and modes of old processors, seldom used and seldom looked at")                      \
  X(NEW, "new", NONE, ABSENT, 0,                                                                   \
    "for what older calls and procfs do as well")                                                  \
  X(OLD, "old", NONE, ABSENT, 0,                                                                   \
    "of kernels and libraries of long ago; socketcall(2) hides which call it is")
/* clang-format on */

enum ctr__call_group_number {
#define CTR__GROUP_ENUM(tag, name, presets, refusal, caps, why) CTR__CALLS_##tag,
  CTR__CALL_GROUPS(CTR__GROUP_ENUM)
#undef CTR__GROUP_ENUM
      CTR__CALL_GROUP_COUNT
};

typedef struct ctr__call_group {
  const char *name, *why;
  uint32_t presets, refusal;
  uint64_t caps;
} ctr__call_group;

static const ctr__call_group ctr__call_groups[] = {
#define CTR__GROUP_ROW(tag, name, presets, refusal, caps, why)                                     \
  {name, why, CTR__IN_##presets, CTR__SECCOMP_##refusal, caps},
    CTR__CALL_GROUPS(CTR__GROUP_ROW)
#undef CTR__GROUP_ROW
};

/* -- arguments -- */

/* The kernel takes the lower half of most arguments: the rest is not looked at either
   (CVE-2019-10063). */
#define CTR__INT(position, number)                                                                 \
  { .index = position, .value = 0xffffffff, .valueTwo = number, .op = CTR_SCMP_CMP_MASKED_EQ }
#define CTR__BITS(position, bits, number)                                                          \
  { .index = position, .value = bits, .valueTwo = number, .op = CTR_SCMP_CMP_MASKED_EQ }

#ifdef __s390__ /* clone(2), "C library/kernel differences" */
enum { CTR__CLONE_FLAGS = 1 };
#else
enum { CTR__CLONE_FLAGS = 0 };
#endif
enum {
  CTR__ANY_NAMESPACE = CTR_NS_MOUNT | CTR_NS_CGROUP | CTR_NS_UTS | CTR_NS_IPC | CTR_NS_USER |
                       CTR_NS_PID | CTR_NS_NETWORK, /* CLONE_NEWTIME is for unshare(2) alone */
  /* All that makes none, whatever flags there will be. */
  CTR__NO_NAMESPACE =
      CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | CLONE_THREAD | CLONE_VM,
};

/* ioctl_tty(2); termios2 is what newer libraries ask with. */
#ifdef __powerpc__
enum { CTR__TCGETS = 0x402c7413, CTR__TCGETS2 = CTR__TCGETS };
#else
enum { CTR__TCGETS = 0x5401 };
#define CTR__TCGETS2 0x802c542aU
#endif

/* fcntl(2), "Managing signals": whom what is open signals when it is ready, and by what; the kernel
   does it then, in nobody's call. A terminal signals its foreground whoever asks for it. */
/* clang-format off */
#define CTR__NO_SIGNALS                                                                            \
  { CTR__DENY(CTR__INT(1, F_SETOWN)), CTR__DENY(CTR__INT(1, F_SETOWN_EX)),                         \
    CTR__DENY(CTR__INT(1, F_SETSIG)),                                                              \
    CTR__DENY(CTR__INT(1, F_SETFL), CTR__BITS(2, O_ASYNC, O_ASYNC)) }
/* clang-format on */
#define CTR__NO_SIGNALS_WHY "no signals by what is open (F_SETOWN, F_SETOWN_EX, F_SETSIG, O_ASYNC)"

/* Both of the internet's families, which one bit tells apart. Of its types those with one of these
   bits are others than SOCK_STREAM, SOCK_DGRAM and SOCK_RAW, and are not had with protocol 0
   either. Protocols without any of these bits are 0 to 31: all that is usual but those named. */
#define CTR__INET CTR__BITS(0, 0xffffffff ^ AF_INET ^ AF_INET6, AF_INET & AF_INET6)
enum { CTR__SELDOM_TYPES = 0xc };
#define CTR__SELDOM_PROTOCOLS 0xffffffe0

/* A call that is allowed, but for these arguments; or for these alone. */
typedef struct ctr__call_rule {
  ctr_syscall_arg args[3]; /* all of which must match, up to the first that is none */
  uint32_t answer;
  uint64_t caps; /* not 0: only with one of these */
} ctr__call_rule;

typedef struct ctr__call_guard {
  const char *call, *why;
  uint32_t presets;
  uint64_t caps;            /* with one of these `default` does not look at it */
  uint32_t otherwise;       /* when none of the rules matches                  */
  ctr__call_rule rules[12]; /* up to the first without an answer         */
} ctr__call_guard;

static size_t ctr__guard_args(const ctr__call_rule *rule) {
  size_t count = 0;
  while (count < sizeof rule->args / sizeof *rule->args && rule->args[count].op) count++;
  return count;
}

#define CTR__LET(...)                                                                              \
  { .args = {__VA_ARGS__}, .answer = CTR__SECCOMP_ALLOW }
#define CTR__DENY(...)                                                                             \
  { .args = {__VA_ARGS__}, .answer = CTR__SECCOMP_DENIED }

static const ctr__call_guard ctr__call_guards[] = {
    {"clone",
     "no new namespaces",
     CTR__IN_DEFAULT,
     CTR_CAP(SYS_ADMIN),
     CTR__SECCOMP_DENIED,
     {CTR__LET(CTR__BITS(CTR__CLONE_FLAGS, CTR__ANY_NAMESPACE, 0))}},
    {"clone",
     "threads alone",
     CTR__IN_STRICT,
     0,
     CTR__SECCOMP_DENIED,
     {CTR__LET(CTR__BITS(CTR__CLONE_FLAGS, CTR__ANY_NAMESPACE | CLONE_THREAD, CLONE_THREAD))}},
    {"unshare",
     "no new namespaces",
     CTR__IN_DEFAULT,
     CTR_CAP(SYS_ADMIN),
     CTR__SECCOMP_DENIED,
     {CTR__LET(CTR__BITS(0, ~(uint32_t)CTR__NO_NAMESPACE, 0))}},
    {"ioctl",
     "no typing into a terminal (TIOCSTI, TIOCLINUX), no other line discipline (TIOCSETD)",
     CTR__IN_DEFAULT,
     0,
     CTR__SECCOMP_ALLOW,
     {CTR__DENY(CTR__INT(1, TIOCSTI)), CTR__DENY(CTR__INT(1, TIOCLINUX)),
      CTR__DENY(CTR__INT(1, TIOCSETD))}},
    {"ioctl",
     "whether it is a terminal and how large, how much can be read, and what fcntl(2) does",
     CTR__IN_STRICT,
     0,
     CTR__SECCOMP_ERRNO | ENOTTY,
     {CTR__LET(CTR__INT(1, CTR__TCGETS)), CTR__LET(CTR__INT(1, CTR__TCGETS2)),
      CTR__LET(CTR__INT(1, TIOCGWINSZ)), CTR__LET(CTR__INT(1, FIONREAD)),
      CTR__LET(CTR__INT(1, FIONBIO)), CTR__LET(CTR__INT(1, FIOCLEX)),
      CTR__LET(CTR__INT(1, FIONCLEX))}},
    {"fcntl", CTR__NO_SIGNALS_WHY, CTR__IN_STRICT, 0, CTR__SECCOMP_ALLOW, CTR__NO_SIGNALS},
    {"fcntl64", CTR__NO_SIGNALS_WHY, CTR__IN_STRICT, 0, CTR__SECCOMP_ALLOW, CTR__NO_SIGNALS},
    {"personality",
     "asking, and the two that differ in the name of the machine",
     CTR__IN_BOTH,
     0,
     CTR__SECCOMP_DENIED,
     {CTR__LET(CTR__INT(0, 0xffffffff)), CTR__LET(CTR__INT(0, 0 /* PER_LINUX */)),
      CTR__LET(CTR__INT(0, 8 /* PER_LINUX32 */))}},
    {"socket",
     "AF_UNIX, of AF_INET and AF_INET6 TCP, UDP and ICMP, of AF_NETLINK what interfaces there are; "
     "others are seldom used parts of the kernel (SCTP, DCCP, SMC), or know no namespaces "
     "(AF_VSOCK)",
     CTR__IN_DEFAULT,
     0,
     CTR__SECCOMP_ERRNO | EAFNOSUPPORT,
     {CTR__LET(CTR__INT(0, AF_UNIX)),
      CTR__LET(CTR__INET, CTR__BITS(1, CTR__SELDOM_TYPES, 0),
               CTR__BITS(2, CTR__SELDOM_PROTOCOLS, 0)),
      CTR__LET(CTR__INET, CTR__INT(2, 58 /* IPPROTO_ICMPV6 */)),
      CTR__LET(CTR__INET, CTR__INT(2, 136 /* IPPROTO_UDPLITE */)),
      CTR__LET(CTR__INET, CTR__INT(2, 262 /* IPPROTO_MPTCP */)),
      {.args = {CTR__INET, CTR__BITS(1, 0xf, SOCK_RAW)},
       .answer = CTR__SECCOMP_ALLOW,
       .caps = CTR_CAP(NET_RAW)},
      CTR__LET(CTR__INT(0, AF_NETLINK), CTR__INT(2, 0 /* NETLINK_ROUTE */)),
      {.args = {CTR__INT(0, AF_NETLINK), CTR__INT(2, 9 /* NETLINK_AUDIT */)},
       .answer = CTR__SECCOMP_ALLOW,
       .caps = CTR_CAP(AUDIT_WRITE) | CTR_CAP(AUDIT_CONTROL) | CTR_CAP(AUDIT_READ)},
      {.args = {CTR__INT(0, AF_NETLINK)}, .answer = CTR__SECCOMP_ALLOW, .caps = CTR_CAP(NET_ADMIN)},
      {.args = {CTR__INT(0, AF_PACKET)}, .answer = CTR__SECCOMP_ALLOW, .caps = CTR_CAP(NET_RAW)}}},
    {"socketpair",
     "AF_UNIX",
     CTR__IN_DEFAULT,
     0,
     CTR__SECCOMP_ERRNO | EAFNOSUPPORT,
     {CTR__LET(CTR__INT(0, AF_UNIX))}},
    {"prlimit64",
     "its own limits",
     CTR__IN_STRICT,
     0,
     CTR__SECCOMP_DENIED,
     {CTR__LET(CTR__INT(0, 0))}},
    {"prctl",
     "names of threads and of memory, and giving up privileges",
     CTR__IN_STRICT,
     0,
     CTR__SECCOMP_ERRNO | EINVAL,
     {CTR__LET(CTR__INT(0, PR_SET_NAME)), CTR__LET(CTR__INT(0, PR_GET_NAME)),
      CTR__LET(CTR__INT(0, 0x53564d41 /* PR_SET_VMA */)), CTR__LET(CTR__INT(0, PR_GET_DUMPABLE)),
      CTR__LET(CTR__INT(0, PR_GET_SECCOMP)), CTR__LET(CTR__INT(0, PR_CAPBSET_READ)),
      CTR__LET(CTR__INT(0, PR_SET_NO_NEW_PRIVS)), CTR__LET(CTR__INT(0, PR_GET_NO_NEW_PRIVS))}},
};
#undef CTR__LET
#undef CTR__DENY
#undef CTR__INT
#undef CTR__BITS
#undef CTR__SELDOM_PROTOCOLS
#undef CTR__NO_SIGNALS
#undef CTR__NO_SIGNALS_WHY
enum { CTR__CALL_GUARDS = sizeof ctr__call_guards / sizeof *ctr__call_guards };

/* -- looking into it -- */

/* Which preset it is: CTR__IN_*; 0: none. */
static uint32_t ctr__preset_of(const ctr_seccomp *profile) {
  return profile->defaultAction == CTR_SECCOMP_DEFAULT  ? CTR__IN_DEFAULT
         : profile->defaultAction == CTR_SECCOMP_STRICT ? CTR__IN_STRICT
                                                        : 0;
}

/* Capabilities that the program has or can get by execve(2). */
static uint64_t ctr__caps_of(const ctr_process_config *process) {
  return process->capabilities.permitted | process->capabilities.bounding;
}

/* Those of them for which the preset allows more. */
static uint64_t ctr__preset_caps(uint32_t preset, uint64_t caps) {
  uint64_t more = 0;
  if (preset != CTR__IN_DEFAULT) return 0;
  for (size_t i = 0; i < CTR__CALL_GROUP_COUNT; i++) more |= ctr__call_groups[i].caps;
  for (size_t i = 0; i < CTR__CALL_GUARDS; i++) {
    more |= ctr__call_guards[i].caps;
    for (const ctr__call_rule *r = ctr__call_guards[i].rules; r->answer; r++) more |= r->caps;
  }
  return more & caps;
}

static uint32_t ctr__group_answer(const ctr__call_group *group, uint32_t preset, uint64_t caps) {
  const bool widened = preset == CTR__IN_DEFAULT && (group->caps & caps);
  return (group->presets & preset) || widened ? CTR__SECCOMP_ALLOW : group->refusal;
}

/* Whether a call is decided by the guard's rules. */
static bool ctr__guard_applies(const ctr__call_guard *guard, uint32_t preset, uint64_t caps) {
  return (guard->presets & preset) && !(preset == CTR__IN_DEFAULT && (guard->caps & caps));
}

/* ==== [SECTION] plan/syscalls.c =============================================================== */
/* System calls by name. The numbers are the architecture's, and those of the kernel headers that
   this is compiled with; from 424 on there is one for all (syscalls(2)), known here whatever the
   headers. What a header defines is made text, because what it does not define is text in any case.
 */

#define CTR__TEXT_OF(token)   #token
#define CTR__TEXT(number)     CTR__TEXT_OF(number)
#define CTR__EITHER(one, two) CTR__TEXT(one) "|" CTR__TEXT(two)

#if defined __x86_64__ && !defined __ILP32__
#define CTR__IF_X86_64(number) number
#else
#define CTR__IF_X86_64(number) none
#endif
#ifdef __riscv
#define CTR__IF_RISCV(number) number
#else
#define CTR__IF_RISCV(number) none
#endif
#if ULONG_MAX == UINT32_MAX /* where time_t had 32 bits: a second call for 64 */
#define CTR__IF_32_BIT(number) number
#else
#define CTR__IF_32_BIT(number) none
#endif

/* All that any architecture has, in the order of strcmp(3), each with its group of the presets
   (presets.c). X: by the headers; N: by a number that is known; A: or as one of ARM's own; M: or as
   musl calls it where time_t has 64 bits; S and I: or as that call of socketcall(2) and ipc(2). */
/* clang-format off */
#define CTR__SYSCALLS(X, N, A, M, S, I)                                                            \
  X(_llseek, FDS) X(_newselect, WAITING) X(_sysctl, OLD) S(accept, SOCKETS, 5)                     \
  S(accept4, SOCKETS, 18) X(access, FILES) X(acct, ACCOUNT) X(add_key, KEYS) X(adjtimex, CLOCKS)   \
  X(afs_syscall, OLD) X(alarm, TIME) X(arch_prctl, BEGIN) X(arm_fadvise64_64, FDS)                 \
  X(arm_sync_file_range, FDS) X(bdflush, OLD) S(bind, SOCKETS, 2) X(bpf, BPF) X(break, OLD)        \
  A(breakpoint, CPU) X(brk, MEMORY) X(cachectl, CPU) A(cacheflush, CPU) N(cachestat, FDS, 451)     \
  X(capget, SELF) X(capset, SELF) X(chdir, FILES) X(chmod, ATTRS) X(chown, ATTRS)              \
  X(chown32, ATTRS) X(chroot, ROOT) X(clock_adjtime, CLOCKS)                                       \
  N(clock_adjtime64, CLOCKS, CTR__IF_32_BIT(405)) M(clock_getres, TIME, clock_getres_time32)       \
  N(clock_getres_time64, TIME, CTR__IF_32_BIT(406)) M(clock_gettime, TIME, clock_gettime32)        \
  N(clock_gettime64, TIME, CTR__IF_32_BIT(403))                                                    \
  M(clock_nanosleep, WAITING, clock_nanosleep_time32)                                              \
  N(clock_nanosleep_time64, WAITING, CTR__IF_32_BIT(407))                                          \
  M(clock_settime, CLOCKS, clock_settime32) N(clock_settime64, CLOCKS, CTR__IF_32_BIT(404))        \
  X(clone, THREADS) N(clone3, CLONE3, 435) X(close, FDS) N(close_range, FDS, 436)                  \
  S(connect, SOCKETS, 3) X(copy_file_range, FDS) X(creat, FILES) X(create_module, OLD)             \
  X(delete_module, MODULES) X(dup, FDS) X(dup2, FDS) X(dup3, FDS) X(epoll_create, WAITING)         \
  X(epoll_create1, WAITING) X(epoll_ctl, WAITING) X(epoll_ctl_old, OLD) X(epoll_pwait, WAITING)    \
  N(epoll_pwait2, WAITING, 441) X(epoll_wait, WAITING) X(epoll_wait_old, OLD) X(eventfd, WAITING)  \
  X(eventfd2, WAITING) X(execve, BEGIN) X(execveat, PROCESSES) X(exit, BEGIN)                      \
  X(exit_group, BEGIN) X(faccessat, FILES) N(faccessat2, FILES, 439) X(fadvise64, FDS)             \
  X(fadvise64_64, FDS) X(fallocate, FDS) X(fanotify_init, MACHINE) X(fanotify_mark, MACHINE)       \
  X(fchdir, FILES) X(fchmod, ATTRS) X(fchmodat, ATTRS) N(fchmodat2, ATTRS, 452) X(fchown, ATTRS)   \
  X(fchown32, ATTRS) X(fchownat, ATTRS) X(fcntl, FDS) X(fcntl64, FDS) X(fdatasync, FDS)            \
  X(fgetxattr, ATTRS) N(file_getattr, ATTRS, 468) N(file_setattr, ATTRS, 469)                      \
  X(finit_module, MODULES) X(flistxattr, ATTRS) X(flock, FDS) X(fork, PROCESSES)                   \
  X(fremovexattr, ATTRS) N(fsconfig, MOUNTS, 431) X(fsetxattr, ATTRS) N(fsmount, MOUNTS, 432)      \
  N(fsopen, MOUNTS, 430) N(fspick, MOUNTS, 433) X(fstat, FDS) X(fstat64, FDS) X(fstatat64, FILES)  \
  X(fstatfs, FDS) X(fstatfs64, FDS) X(fsync, FDS) X(ftime, OLD) X(ftruncate, FDS)                  \
  X(ftruncate64, FDS) X(futex, THREADS) N(futex_requeue, THREADS, 456)                             \
  N(futex_time64, THREADS, CTR__IF_32_BIT(422)) N(futex_wait, THREADS, 455)                        \
  N(futex_waitv, THREADS, 449) N(futex_wake, THREADS, 454) X(futimesat, ATTRS)                     \
  X(get_kernel_syms, OLD) X(get_mempolicy, PRIORITY) X(get_robust_list, BEGIN)                     \
  X(get_thread_area, BEGIN) A(get_tls, BEGIN) X(getcpu, THREADS) X(getcwd, FILES)                  \
  X(getdents, FDS) X(getdents64, FDS) X(getegid, SELF) X(getegid32, SELF) X(geteuid, SELF)         \
  X(geteuid32, SELF) X(getgid, SELF) X(getgid32, SELF) X(getgroups, SELF) X(getgroups32, SELF)     \
  X(getitimer, TIME) S(getpeername, GIVEN, 7) X(getpgid, SELF) X(getpgrp, SELF) X(getpid, SELF)    \
  X(getpmsg, OLD) X(getppid, SELF) X(getpriority, SELF) X(getrandom, SELF) X(getresgid, SELF)      \
  X(getresgid32, SELF) X(getresuid, SELF) X(getresuid32, SELF) X(getrlimit, SELF)                  \
  X(getrusage, SELF) X(getsid, SELF) S(getsockname, GIVEN, 6) S(getsockopt, GIVEN, 15)             \
  X(gettid, SELF) M(gettimeofday, TIME, gettimeofday_time32) X(getuid, SELF) X(getuid32, SELF)     \
  X(getxattr, ATTRS) N(getxattrat, ATTRS, 464) X(gtty, OLD) X(idle, OLD) X(init_module, MODULES)   \
  X(inotify_add_watch, IO) X(inotify_init, IO) X(inotify_init1, IO) X(inotify_rm_watch, IO)        \
  X(io_cancel, IO) X(io_destroy, IO) X(io_getevents, IO) X(io_pgetevents, IO)                      \
  N(io_pgetevents_time64, IO, CTR__IF_32_BIT(416)) X(io_setup, IO) X(io_submit, IO)                \
  N(io_uring_enter, URING, 426) N(io_uring_register, URING, 427) N(io_uring_setup, URING, 425)     \
  X(ioctl, FDS) X(ioperm, PORTS) X(iopl, PORTS) X(ioprio_get, PRIORITY) X(ioprio_set, PRIORITY)    \
  X(ipc, IPC) X(kcmp, OTHERS) X(kexec_file_load, BOOT) X(kexec_load, BOOT) X(keyctl, KEYS)         \
  X(kill, PROCESSES) N(landlock_add_rule, SANDBOX, 445) N(landlock_create_ruleset, SANDBOX, 444)   \
  N(landlock_restrict_self, SANDBOX, 446) X(lchown, ATTRS) X(lchown32, ATTRS) X(lgetxattr, ATTRS)  \
  X(link, ATTRS) X(linkat, ATTRS) S(listen, SOCKETS, 4) N(listmount, NEW, 458)                     \
  N(listns, NEW, 470) X(listxattr, ATTRS) N(listxattrat, ATTRS, 465) X(llistxattr, ATTRS)          \
  X(llseek, FDS) X(lock, OLD) X(lookup_dcookie, OLD) X(lremovexattr, ATTRS) X(lseek, FDS)          \
  X(lsetxattr, ATTRS) N(lsm_get_self_attr, NEW, 459) N(lsm_list_modules, NEW, 461)                 \
  N(lsm_set_self_attr, NEW, 460) X(lstat, FILES) X(lstat64, FILES) X(madvise, MEMORY)              \
  N(map_shadow_stack, MEMORY, 453) X(mbind, PRIORITY) X(membarrier, MEMORY)                        \
  X(memfd_create, MEMORY) N(memfd_secret, SANDBOX, 447) X(migrate_pages, PLACES)                   \
  X(mincore, MEMORY) X(mkdir, FILES) X(mkdirat, FILES) X(mknod, ATTRS) X(mknodat, ATTRS)           \
  X(mlock, MEMORY) X(mlock2, MEMORY) X(mlockall, MEMORY) X(mmap, MEMORY) X(mmap2, MEMORY)          \
  X(modify_ldt, SEGMENTS) X(mount, MOUNTS) N(mount_setattr, MOUNTS, 442)                           \
  N(move_mount, MOUNTS, 429) X(move_pages, PLACES) X(mprotect, MEMORY) X(mpx, OLD)                 \
  X(mq_getsetattr, IPC) X(mq_notify, IPC) X(mq_open, IPC) X(mq_timedreceive, IPC)                  \
  N(mq_timedreceive_time64, IPC, CTR__IF_32_BIT(419)) X(mq_timedsend, IPC)                         \
  N(mq_timedsend_time64, IPC, CTR__IF_32_BIT(418)) X(mq_unlink, IPC) X(mremap, MEMORY)             \
  N(mseal, MEMORY, 462) I(msgctl, IPC, 14) I(msgget, IPC, 13) I(msgrcv, IPC, 12)                   \
  I(msgsnd, IPC, 11) X(msync, MEMORY) X(multiplexer, OLD) X(munlock, MEMORY)                       \
  X(munlockall, MEMORY) X(munmap, MEMORY) X(name_to_handle_at, ATTRS) X(nanosleep, WAITING)        \
  X(newfstatat, FILES) X(nfsservctl, OLD) X(nice, PRIORITY) X(oldfstat, FDS) X(oldlstat, FILES)    \
  X(oldolduname, SELF) X(oldstat, FILES) X(olduname, SELF) X(open, FILES)                          \
  X(open_by_handle_at, HANDLES) N(open_tree, MOUNTS, 428) N(open_tree_attr, MOUNTS, 467)           \
  X(openat, FILES) N(openat2, FILES, 437) X(pause, WAITING) X(pciconfig_iobase, PORTS)             \
  X(pciconfig_read, PORTS) X(pciconfig_write, PORTS) X(perf_event_open, COUNTERS)                  \
  X(personality, SELF) N(pidfd_getfd, OTHERS, 438) N(pidfd_open, PROCESSES, 434)                   \
  N(pidfd_send_signal, PROCESSES, 424) X(pipe, FDS) X(pipe2, FDS) X(pivot_root, MOUNTS)            \
  X(pkey_alloc, MEMORY) X(pkey_free, MEMORY) X(pkey_mprotect, MEMORY) X(poll, WAITING)             \
  X(ppoll, WAITING) N(ppoll_time64, WAITING, CTR__IF_32_BIT(414)) X(prctl, BEGIN) X(pread64, FDS)  \
  X(preadv, FDS) X(preadv2, FDS) X(prlimit64, SELF) N(process_madvise, OTHERS, 440)                \
  N(process_mrelease, OTHERS, 448) X(process_vm_readv, OTHERS) X(process_vm_writev, OTHERS)        \
  X(prof, OLD) X(profil, OLD) X(pselect6, WAITING)                                                 \
  N(pselect6_time64, WAITING, CTR__IF_32_BIT(413)) X(ptrace, OTHERS) X(putpmsg, OLD)               \
  X(pwrite64, FDS) X(pwritev, FDS) X(pwritev2, FDS) X(query_module, OLD) X(quotactl, MACHINE)      \
  N(quotactl_fd, MACHINE, 443) X(read, FDS) X(readahead, FDS) X(readdir, FDS) X(readlink, FILES)   \
  X(readlinkat, FILES) X(readv, FDS) X(reboot, BOOT) S(recv, GIVEN, 10) S(recvfrom, GIVEN, 12)     \
  S(recvmmsg, GIVEN, 19) N(recvmmsg_time64, GIVEN, CTR__IF_32_BIT(417)) S(recvmsg, GIVEN, 17)      \
  X(remap_file_pages, OLD) X(removexattr, ATTRS) N(removexattrat, ATTRS, 466) X(rename, FILES)     \
  X(renameat, FILES) X(renameat2, FILES) X(request_key, KEYS) X(restart_syscall, BEGIN)            \
  X(riscv_flush_icache, CPU) N(riscv_hwprobe, CPU, CTR__IF_RISCV(258)) X(rmdir, FILES)             \
  X(rseq, BEGIN) N(rseq_slice_yield, BEGIN, 471) X(rt_sigaction, SIGNALS)                          \
  X(rt_sigpending, SIGNALS) X(rt_sigprocmask, SIGNALS) X(rt_sigqueueinfo, PROCESSES)               \
  X(rt_sigreturn, BEGIN) X(rt_sigsuspend, SIGNALS) X(rt_sigtimedwait, SIGNALS)                     \
  N(rt_sigtimedwait_time64, SIGNALS, CTR__IF_32_BIT(421)) X(rt_tgsigqueueinfo, PROCESSES)          \
  X(rtas, MACHINE) X(s390_guarded_storage, CPU) X(s390_pci_mmio_read, PORTS)                       \
  X(s390_pci_mmio_write, PORTS) X(s390_runtime_instr, CPU) X(s390_sthyi, CPU)                      \
  X(sched_get_priority_max, THREADS) X(sched_get_priority_min, THREADS)                            \
  X(sched_getaffinity, THREADS) X(sched_getattr, PRIORITY) X(sched_getparam, THREADS)              \
  X(sched_getscheduler, THREADS) X(sched_rr_get_interval, THREADS)                                 \
  N(sched_rr_get_interval_time64, THREADS, CTR__IF_32_BIT(423)) X(sched_setaffinity, PRIORITY)     \
  X(sched_setattr, PRIORITY) X(sched_setparam, PRIORITY) X(sched_setscheduler, PRIORITY)           \
  X(sched_yield, THREADS) X(seccomp, SANDBOX) X(security, OLD) X(select, WAITING)                  \
  I(semctl, IPC, 3) I(semget, IPC, 2) I(semop, IPC, 1) I(semtimedop, IPC, 4)                       \
  N(semtimedop_time64, IPC, CTR__IF_32_BIT(420)) S(send, GIVEN, 9) X(sendfile, FDS)                \
  X(sendfile64, FDS) S(sendmmsg, GIVEN, 20) S(sendmsg, GIVEN, 16) S(sendto, GIVEN, 11)             \
  X(set_mempolicy, PRIORITY) N(set_mempolicy_home_node, PLACES, 450) X(set_robust_list, BEGIN)     \
  X(set_thread_area, BEGIN) X(set_tid_address, BEGIN) A(set_tls, BEGIN) X(setdomainname, MACHINE)  \
  X(setfsgid, IDENTITY) X(setfsgid32, IDENTITY) X(setfsuid, IDENTITY) X(setfsuid32, IDENTITY)      \
  X(setgid, IDENTITY) X(setgid32, IDENTITY) X(setgroups, IDENTITY) X(setgroups32, IDENTITY)        \
  X(sethostname, MACHINE) X(setitimer, TIME) X(setns, SPACES) X(setpgid, PROCESSES)                \
  X(setpriority, PRIORITY) X(setregid, IDENTITY) X(setregid32, IDENTITY) X(setresgid, IDENTITY)    \
  X(setresgid32, IDENTITY) X(setresuid, IDENTITY) X(setresuid32, IDENTITY) X(setreuid, IDENTITY)   \
  X(setreuid32, IDENTITY) X(setrlimit, PROCESSES) X(setsid, PROCESSES) S(setsockopt, SOCKETS, 14)  \
  M(settimeofday, CLOCKS, settimeofday_time32) X(setuid, IDENTITY) X(setuid32, IDENTITY)           \
  X(setxattr, ATTRS) N(setxattrat, ATTRS, 463) X(sgetmask, SIGNALS) I(shmat, IPC, 21)              \
  I(shmctl, IPC, 24) I(shmdt, IPC, 22) I(shmget, IPC, 23) S(shutdown, GIVEN, 13)                   \
  X(sigaction, SIGNALS) X(sigaltstack, SIGNALS) X(signal, SIGNALS) X(signalfd, WAITING)            \
  X(signalfd4, WAITING) X(sigpending, SIGNALS) X(sigprocmask, SIGNALS) X(sigreturn, BEGIN)         \
  X(sigsuspend, SIGNALS) S(socket, SOCKETS, 1) X(socketcall, OLD) S(socketpair, SOCKETS, 8)        \
  X(splice, IO) X(spu_create, OLD) X(spu_run, OLD) X(ssetmask, SIGNALS) X(stat, FILES)             \
  X(stat64, FILES) X(statfs, FILES) X(statfs64, FILES) N(statmount, NEW, 457) X(statx, FILES)      \
  X(stime, CLOCKS) X(stty, OLD) X(subpage_prot, SEGMENTS) X(swapcontext, CPU) X(swapoff, MACHINE)  \
  X(swapon, MACHINE) X(switch_endian, SEGMENTS) X(symlink, ATTRS) X(symlinkat, ATTRS) X(sync, IO)  \
  X(sync_file_range, FDS) X(sync_file_range2, FDS) X(syncfs, IO)                                   \
  X(sys_debug_setcontext, SEGMENTS) X(syscall, OLD) X(sysfs, OLD) X(sysinfo, SELF) X(syslog, LOG)  \
  X(sysmips, OLD) X(tee, IO) X(tgkill, SIGNALS) X(time, TIME) X(timer_create, TIME)                \
  X(timer_delete, TIME) X(timer_getoverrun, TIME) M(timer_gettime, TIME, timer_gettime32)          \
  N(timer_gettime64, TIME, CTR__IF_32_BIT(408)) M(timer_settime, TIME, timer_settime32)            \
  N(timer_settime64, TIME, CTR__IF_32_BIT(409)) X(timerfd, WAITING) X(timerfd_create, WAITING)     \
  M(timerfd_gettime, WAITING, timerfd_gettime32)                                                   \
  N(timerfd_gettime64, WAITING, CTR__IF_32_BIT(410))                                               \
  M(timerfd_settime, WAITING, timerfd_settime32)                                                   \
  N(timerfd_settime64, WAITING, CTR__IF_32_BIT(411)) X(times, TIME) X(tkill, SIGNALS)              \
  X(truncate, FILES) X(truncate64, FILES) X(tuxcall, OLD) X(ugetrlimit, SELF) X(ulimit, OLD)       \
  X(umask, FILES) X(umount, MOUNTS) X(umount2, MOUNTS) X(uname, SELF) X(unlink, FILES)             \
  X(unlinkat, FILES) X(unshare, PROCESSES) N(uprobe, CPU, CTR__IF_X86_64(336))                     \
  N(uretprobe, CPU, CTR__IF_X86_64(335)) X(uselib, OLD) X(userfaultfd, FAULTS) A(usr26, OLD)       \
  A(usr32, OLD) X(ustat, OLD) X(utime, ATTRS) X(utimensat, ATTRS)                                  \
  N(utimensat_time64, ATTRS, CTR__IF_32_BIT(412)) X(utimes, ATTRS) X(vfork, PROCESSES)             \
  X(vhangup, TERMINAL) X(vm86, SEGMENTS) X(vm86old, SEGMENTS) X(vmsplice, IO) X(vserver, OLD)      \
  X(wait4, SELF) X(waitid, SELF) X(waitpid, SELF) X(write, FDS) X(writev, FDS)
/* clang-format on */

enum ctr__multiplexer { CTR__MUX_NONE, CTR__MUX_SOCKETCALL, CTR__MUX_IPC, CTR__MUX_COUNT };

typedef struct ctr__syscall_row {
  const char *name, *number; /* sums such as "(4000 + 57)"; after a '|' the next to be tried */
  uint8_t group;             /* CTR__CALLS_*: what the presets do with it                     */
  uint8_t multiplexer, call; /* by which it can be called too, and as which of its calls      */
} ctr__syscall_row;

static const ctr__syscall_row ctr__syscall_rows[] = {
#define CTR__ROW_X(name, group)        {#name, CTR__TEXT(__NR_##name), CTR__CALLS_##group, 0, 0},
#define CTR__ROW_N(name, group, known) {#name, CTR__TEXT(CTR__NR(known)), CTR__CALLS_##group, 0, 0},
#define CTR__ROW_A(name, group)                                                                    \
  {#name, CTR__EITHER(__NR_##name, __ARM_NR_##name), CTR__CALLS_##group, 0, 0},
#define CTR__ROW_M(name, group, musl)                                                              \
  {#name, CTR__EITHER(__NR_##name, __NR_##musl), CTR__CALLS_##group, 0, 0},
#define CTR__ROW_S(name, group, call)                                                              \
  {#name, CTR__TEXT(__NR_##name), CTR__CALLS_##group, CTR__MUX_SOCKETCALL, call},
#define CTR__ROW_I(name, group, call)                                                              \
  {#name, CTR__TEXT(__NR_##name), CTR__CALLS_##group, CTR__MUX_IPC, call},
    CTR__SYSCALLS(CTR__ROW_X, CTR__ROW_N, CTR__ROW_A, CTR__ROW_M, CTR__ROW_S, CTR__ROW_I)
#undef CTR__ROW_X
#undef CTR__ROW_N
#undef CTR__ROW_A
#undef CTR__ROW_M
#undef CTR__ROW_S
#undef CTR__ROW_I
};
enum { CTR__SYSCALL_ROWS = sizeof ctr__syscall_rows / sizeof *ctr__syscall_rows };

/* Which row, or -1 for a name of no architecture's. */
static int ctr__syscall_find(const char *name) {
  int low = 0, high = CTR__SYSCALL_ROWS;
  while (low < high) {
    const int middle = (low + high) / 2, order = strcmp(name, ctr__syscall_rows[middle].name);
    if (order == 0) return middle;
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return -1;
}

/* The sum up to a '|' or the end; -1 if that is no sum of numbers. */
static int64_t ctr__syscall_sum(const char *text) {
  int64_t sum = 0;
  while (*text && *text != '|') {
    if (isdigit((unsigned char)*text)) {
      char *end;
      sum += strtol(text, &end, 0);
      text = end;
    } else if (!strchr("()+ ", *text++)) {
      return -1;
    }
  }
  return sum;
}

/* Its number, or -1: this architecture does not have it. */
static int64_t ctr__syscall_number(int row) {
  const char *text = ctr__syscall_rows[row].number;
  int64_t number = ctr__syscall_sum(text);
  for (; number < 0 && (text = strchr(text, '|')); number = ctr__syscall_sum(text)) text++;
  return number;
}

/* ==== [SECTION] plan/seccomp_own.c ============================================================ */
/* The library's own compiler, for the architecture that this is compiled for: calls of any other
   kill the process. It is used where there is no libseccomp, and for presets in any case.

   What a profile means is what libseccomp and runc make of it:
   - a rule whose action is the default one says nothing;
   - of the rules for a call that look at no argument the first counts, and alone;
   - else the first that matches does (libseccomp: which one is its own choice), then the default;
   - a rule matches when all of its arguments do; one that names an argument twice is several rules.

   The program is a balanced search over ranges of numbers that have the same answer. */
#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
enum { CTR__SECCOMP_LOW = 4, CTR__SECCOMP_HIGH = 0 }; /* the words of an argument */
#else
enum { CTR__SECCOMP_LOW = 0, CTR__SECCOMP_HIGH = 4 };
#endif

/* One rule for one call. */
typedef struct ctr__seccomp_rule {
  const struct ctr__seccomp_rule *next; /* the one before it in the profile */
  uint32_t answer;
  const ctr_syscall_arg *args; /* all of which must match */
  size_t count;
} ctr__seccomp_rule;

/* What a profile says of one call. */
typedef struct ctr__seccomp_call {
  uint32_t answer; /* when no rule matches, if that is not the default */
  bool is_fixed;   /* it is always that answer, whatever the rules     */
  bool is_preset;  /* it is what the preset says                       */
  const ctr__seccomp_rule *rules;
} ctr__seccomp_call;

/* Numbers from one on, up to the start of the next range. */
typedef struct ctr__seccomp_range {
  uint32_t start, answer;
  const ctr__seccomp_rule *rules; /* if none matches, it is the answer */
} ctr__seccomp_range;

/* Each number has a slot, in the same order: those of all architectures, then ARM's own. */
enum {
  CTR__SECCOMP_COMMON = 512,
  CTR__SECCOMP_ARM = 0xf0000, /* __ARM_NR_BASE */
  CTR__SECCOMP_SLOTS = CTR__SECCOMP_COMMON + 16,
};

typedef struct ctr__seccomp {
  ctr__profile profile;
  int64_t newest; /* the highest number that the profile names, less ARM's; -1: none */
  ctr__seccomp_call calls[CTR__SECCOMP_SLOTS];
  ctr__seccomp_range ranges[2 * CTR__SECCOMP_SLOTS + 8];
  size_t range_count;
  int mux_slots[CTR__MUX_COUNT]; /* -1: not on this architecture                       */
  size_t blind[CTR__MUX_COUNT];  /* 1 + which entry cannot be held against it; 0: none */
} ctr__seccomp;

/* -- from names to rules -- */

/* -1: not on this architecture. */
static int ctr__seccomp_slot(int row) {
  const int64_t number = ctr__syscall_number(row), own = number - CTR__SECCOMP_ARM;
  if (number < CTR__SECCOMP_COMMON) return (int)number;
  return own >= 0 && own < CTR__SECCOMP_SLOTS - CTR__SECCOMP_COMMON ? CTR__SECCOMP_COMMON + (int)own
                                                                    : -1;
}

static uint32_t ctr__seccomp_number(int slot) {
  const int own = slot - CTR__SECCOMP_COMMON;
  return (uint32_t)(own < 0 ? slot : CTR__SECCOMP_ARM + own);
}

static void ctr__seccomp_add_rule(ctr__seccomp *s, int slot, uint32_t answer,
                                  const ctr_syscall_arg *args, size_t count) {
  ctr__seccomp_call *call = &s->calls[slot];
  const bool says_nothing = answer == s->profile.default_answer && !s->profile.preset;
  if (call->is_fixed || says_nothing) return;
  if (!ctr__args_look(args, count)) {
    call->is_fixed = true;
    call->answer = answer;
    return;
  }
  ctr__seccomp_rule *rule = ctr__take(s->profile.b, 1, sizeof *rule);
  if (!rule) return;
  *rule = (ctr__seccomp_rule){call->rules, answer, args, count};
  call->rules = rule;
}

static void ctr__seccomp_add(ctr__seccomp *s, int slot, uint32_t answer,
                             const ctr_syscall_args *args) {
  const bool repeat = ctr__args_repeat(args);
  if (!repeat) ctr__seccomp_add_rule(s, slot, answer, args->items, args->count);
  for (size_t i = 0; repeat && i < args->count; i++)
    ctr__seccomp_add_rule(s, slot, answer, &args->items[i], 1);
}

/* The same call by socketcall(2) or ipc(2). The kernel looks at 32 bits of which call the first is
   to be, and at 16 of the second, whose others are a version (ipc(2)). The arguments lie in memory,
   where a filter does not see them. */
static void ctr__seccomp_add_multiplexed(ctr__seccomp *s, const ctr__syscall_row *row,
                                         uint32_t answer, const ctr_syscall *call, size_t index) {
  const int slot = s->mux_slots[row->multiplexer];
  if (slot < 0) return;
  if (ctr__args_look(call->args.items, call->args.count)) {
    size_t *blind = &s->blind[row->multiplexer];
    if (!*blind && ctr__seccomp_is_stricter(answer, s->profile.default_answer)) *blind = index + 1;
    return;
  }
  ctr_syscall_arg *arg = ctr__take(s->profile.b, 1, sizeof *arg);
  if (!arg) return;
  *arg = (ctr_syscall_arg){.value = row->multiplexer == CTR__MUX_IPC ? 0xffff : 0xffffffff,
                           .valueTwo = row->call,
                           .op = CTR_SCMP_CMP_MASKED_EQ};
  ctr__seccomp_add_rule(s, slot, answer, arg, 1);
}

static ctr_code ctr__seccomp_collect_name(ctr__seccomp *s, size_t i, size_t j) {
  const ctr_syscall *call = &s->profile.config->syscalls.items[i];
  const uint32_t answer = ctr__seccomp_answer(call->action, call->errnoRet);
  const int found = ctr__syscall_find(call->names.items[j]);
  if (found < 0) return ctr__seccomp_skip(&s->profile, answer, i, j);
  const ctr__syscall_row *row = &ctr__syscall_rows[found];
  const int slot = ctr__seccomp_slot(found);
  if (slot >= 0) ctr__seccomp_add(s, slot, answer, &call->args);
  if (slot < CTR__SECCOMP_COMMON && slot > s->newest) s->newest = slot;
  if (row->multiplexer) ctr__seccomp_add_multiplexed(s, row, answer, call, i);
  return CTR_OK;
}

static ctr_code ctr__seccomp_check_blind(ctr__seccomp *s, enum ctr__multiplexer mux) {
  if (!s->blind[mux] || s->calls[s->mux_slots[mux]].is_fixed) return CTR_OK;
  const char *field =
      ctr__print(s->profile.b, "linux.seccomp.syscalls[%zu].args", s->blind[mux] - 1);
  return ctr__fail(s->profile.b->err, CTR_E_UNSUPPORTED, 0, field,
                   "on this architecture it can be called by %s(2) too, whose arguments no filter "
                   "sees: a rule for that is needed",
                   mux == CTR__MUX_IPC ? "ipc" : "socketcall");
}

/* -- what a preset says of calls that no entry decides alone -- */

static uint64_t ctr__seccomp_caps(const ctr__seccomp *s) {
  return ctr__caps_of(&s->profile.b->config->process);
}

static void ctr__seccomp_add_guard(ctr__seccomp *s, const ctr__call_guard *guard) {
  const uint64_t caps = ctr__seccomp_caps(s);
  const int slot = ctr__seccomp_slot(ctr__syscall_find(guard->call));
  if (slot < 0 || !ctr__guard_applies(guard, s->profile.preset, caps)) return;
  for (const ctr__call_rule *rule = guard->rules; rule->answer; rule++)
    if (!rule->caps || (rule->caps & caps))
      ctr__seccomp_add_rule(s, slot, rule->answer, rule->args, ctr__guard_args(rule));
  s->calls[slot].is_preset = true;
  if (!s->calls[slot].is_fixed) s->calls[slot].answer = guard->otherwise;
}

static void ctr__seccomp_add_row(ctr__seccomp *s, int row) {
  const ctr__call_group *group = &ctr__call_groups[ctr__syscall_rows[row].group];
  const int slot = ctr__seccomp_slot(row);
  ctr__seccomp_call *call = slot < 0 ? NULL : &s->calls[slot];
  if (!call || call->is_fixed || call->is_preset) return;
  call->answer = ctr__group_answer(group, s->profile.preset, ctr__seccomp_caps(s));
  call->is_preset = true;
}

static void ctr__seccomp_add_preset(ctr__seccomp *s) {
  for (size_t i = 0; i < CTR__CALL_GUARDS && s->profile.preset; i++)
    ctr__seccomp_add_guard(s, &ctr__call_guards[i]);
  for (int row = 0; row < CTR__SYSCALL_ROWS && s->profile.preset; row++)
    ctr__seccomp_add_row(s, row);
}

/* What every engine names is no news, and stricter than what is asked for. */
static void ctr__seccomp_tell_of_foreign(const ctr__profile *p) {
  const ctr_strs *all = &p->config->architectures;
  size_t foreign = 0, first = 0;
  for (size_t i = all->count; i-- > 0;)
    if (strcmp(all->items[i], CTR__SCMP_NATIVE) != 0) foreign++, first = i;
  if (foreign)
    ctr__log(&p->b->desc->log, CTR_LOG_INFO, "linux.seccomp.architectures",
             "programs for %s%s are killed: presets, and filters without libseccomp "
             "(CTR_WITH_LIBSECCOMP), are for " CTR__SCMP_NATIVE " alone",
             all->items[first], foreign > 1 ? " and others that are named" : "");
}

static ctr_code ctr__seccomp_collect(ctr__seccomp *s) {
  const ctr_syscalls *all = &s->profile.config->syscalls;
  ctr_code code = CTR_OK;
  s->mux_slots[CTR__MUX_SOCKETCALL] = ctr__seccomp_slot(ctr__syscall_find("socketcall"));
  s->mux_slots[CTR__MUX_IPC] = ctr__seccomp_slot(ctr__syscall_find("ipc"));
  for (size_t i = 0; i < all->count; i++)
    for (size_t j = 0; j < all->items[i].names.count && !code; j++)
      code = ctr__seccomp_collect_name(s, i, j);
  if (!code) code = ctr__seccomp_check_blind(s, CTR__MUX_SOCKETCALL);
  if (!code) code = ctr__seccomp_check_blind(s, CTR__MUX_IPC);
  if (!code) ctr__seccomp_tell_of_foreign(&s->profile);
  if (!code) ctr__seccomp_add_preset(s);
  return s->profile.b->nomem ? ctr__nomem(s->profile.b->err) : code;
}

/* -- from rules to ranges of numbers -- */

static void ctr__seccomp_add_range(ctr__seccomp *s, uint64_t start, uint32_t answer,
                                   const ctr__seccomp_rule *rules) {
  const ctr__seccomp_range *last = s->range_count ? &s->ranges[s->range_count - 1] : NULL;
  if (last && !last->rules && !rules && last->answer == answer) return;
  s->ranges[s->range_count++] = (ctr__seccomp_range){(uint32_t)start, answer, rules};
}

/* Numbers without a rule. */
static void ctr__seccomp_fill(ctr__seccomp *s, uint64_t from, uint64_t to) {
  const bool hides = ctr__seccomp_hides_newer(&s->profile) && s->newest >= 0;
  const uint64_t first_absent = hides ? (uint64_t)s->newest + 1 : UINT64_MAX;
#ifdef __s390__
  if (hides && from == 0 && to > 0) { /* what a number above all known ones becomes (entry.S) */
    ctr__seccomp_add_range(s, 0, CTR__SECCOMP_ABSENT, NULL);
    from = 1;
  }
#endif
  if (from < to && from < first_absent)
    ctr__seccomp_add_range(s, from, s->profile.default_answer, NULL);
  if (from < first_absent) from = first_absent;
  if (from < to) ctr__seccomp_add_range(s, from, CTR__SECCOMP_ABSENT, NULL);
}

static void ctr__seccomp_divide(ctr__seccomp *s) {
  uint64_t next = 0, end = UINT64_C(1) << 32;
  for (int slot = 0; slot < CTR__SECCOMP_SLOTS; slot++) {
    const ctr__seccomp_call *call = &s->calls[slot];
    const uint64_t number = ctr__seccomp_number(slot);
    if (!call->is_fixed && !call->is_preset && !call->rules) continue;
    ctr__seccomp_fill(s, next, number);
    const bool has_answer = call->is_fixed || call->is_preset;
    ctr__seccomp_add_range(s, number, has_answer ? call->answer : s->profile.default_answer,
                           call->is_fixed ? NULL : call->rules);
    next = number + 1;
  }
#ifdef __x86_64__
  /* The same calls for x32 programs, and -1, which is what is left of a call that a tracer has
     skipped (seccomp(2)). */
  ctr__seccomp_fill(s, next, 0x40000000);
  ctr__seccomp_add_range(s, 0x40000000, CTR__SECCOMP_KILL_PROCESS, NULL);
  next = UINT32_MAX;
#endif
  ctr__seccomp_fill(s, next, end);
}

/* -- from ranges to a program -- */

/* How two numbers of 64 bits are compared as two words: whether the lower ones, when the upper ones
   are equal, are so too, or greater, or not less; or the opposite. */
static const struct ctr__seccomp_comparison {
  uint16_t low;
  bool is_ordered, is_opposite;
} ctr__seccomp_comparisons[] = {
    [CTR_SCMP_CMP_NE] = {CTR__CBPF_IF_EQUAL, false, true},
    [CTR_SCMP_CMP_LT] = {CTR__CBPF_IF_AT_LEAST, true, true},
    [CTR_SCMP_CMP_LE] = {CTR__CBPF_IF_GREATER, true, true},
    [CTR_SCMP_CMP_EQ] = {CTR__CBPF_IF_EQUAL, false, false},
    [CTR_SCMP_CMP_GE] = {CTR__CBPF_IF_AT_LEAST, true, false},
    [CTR_SCMP_CMP_GT] = {CTR__CBPF_IF_GREATER, true, false},
    [CTR_SCMP_CMP_MASKED_EQ] = {CTR__CBPF_IF_EQUAL, false, false},
};

static uint32_t ctr__seccomp_compare_word(ctr__cbpf *p, uint32_t offset, uint32_t mask,
                                          uint16_t comparison, uint32_t value, uint32_t yes,
                                          uint32_t no) {
  if (!mask) return yes;
  ctr__cbpf_if(p, comparison, value & mask, yes, no);
  if (mask != UINT32_MAX) ctr__cbpf_put(p, CTR__CBPF_AND, mask, 0, 0);
  return ctr__cbpf_load(p, offset);
}

/* Of a program of 32 bits the kernel's upper words are 0, and those of a profile mean nothing. */
static uint32_t ctr__seccomp_compare(ctr__cbpf *p, const ctr_syscall_arg *arg, uint32_t yes,
                                     uint32_t no) {
  const struct ctr__seccomp_comparison *how = &ctr__seccomp_comparisons[arg->op];
  const bool is_masked = arg->op == CTR_SCMP_CMP_MASKED_EQ;
  const uint64_t mask = is_masked ? arg->value : UINT64_MAX;
  const uint64_t value = is_masked ? arg->valueTwo : arg->value;
  const uint32_t offset = CTR__SECCOMP_ARGS + 8 * arg->index, high = (uint32_t)(value >> 32);
  const uint32_t match = how->is_opposite ? no : yes, miss = how->is_opposite ? yes : no;
  uint32_t next = ctr__seccomp_compare_word(p, offset + CTR__SECCOMP_LOW, (uint32_t)mask, how->low,
                                            (uint32_t)value, match, miss);
  if (ULONG_MAX == UINT32_MAX) return next;
  if (!how->is_ordered)
    return ctr__seccomp_compare_word(p, offset + CTR__SECCOMP_HIGH, (uint32_t)(mask >> 32),
                                     CTR__CBPF_IF_EQUAL, high, next, miss);
  next = ctr__cbpf_if(p, CTR__CBPF_IF_EQUAL, high, next, miss);
  ctr__cbpf_if(p, CTR__CBPF_IF_GREATER, high, match, next);
  return ctr__cbpf_load(p, offset + CTR__SECCOMP_HIGH);
}

/* The rules from the last to the first. */
static uint32_t ctr__seccomp_decide(ctr__cbpf *p, const ctr__seccomp_range *range) {
  uint32_t next = ctr__cbpf_return(p, range->answer);
  for (const ctr__seccomp_rule *rule = range->rules; rule; rule = rule->next) {
    uint32_t match = ctr__cbpf_return(p, rule->answer);
    for (size_t i = rule->count; i-- > 0;)
      match = ctr__seccomp_compare(p, &rule->args[i], match, next);
    next = match;
  }
  return next;
}

static uint32_t ctr__seccomp_search(ctr__cbpf *p, const ctr__seccomp_range *ranges, size_t count) {
  if (count == 1) return ctr__seccomp_decide(p, ranges);
  const size_t half = count / 2;
  const uint32_t above = ctr__seccomp_search(p, ranges + half, count - half);
  const uint32_t below = ctr__seccomp_search(p, ranges, half);
  return ctr__cbpf_if(p, CTR__CBPF_IF_AT_LEAST, ranges[half].start, above, below);
}

static void ctr__seccomp_assemble(ctr__seccomp *s, uint32_t architecture) {
  ctr__cbpf *p = &s->profile.program;
  ctr__seccomp_search(p, s->ranges, s->range_count);
  const uint32_t own = ctr__cbpf_load(p, CTR__SECCOMP_NR);
  const uint32_t foreign = ctr__cbpf_return(p, CTR__SECCOMP_KILL_PROCESS);
  ctr__cbpf_if(p, CTR__CBPF_IF_EQUAL, architecture, own, foreign);
  ctr__cbpf_load(p, CTR__SECCOMP_ARCH);
}

/* The program's bytes are in the block. */
static ctr_code ctr__seccomp_compile_own(ctr__builder *b, ctr__ref *ret_code, uint32_t *ret_count) {
  const ctr__name *native = ctr__name_find(&ctr__seccomp_architectures, CTR__SCMP_NATIVE);
  if (!native)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.seccomp",
                       "for this architecture libseccomp is needed (CTR_WITH_LIBSECCOMP)");
  ctr__seccomp *s = ctr__take(b, 1, sizeof *s);
  if (!s) return ctr__nomem(b->err);
  s->newest = -1;
  ctr_code code = ctr__profile_begin(&s->profile, b);
  s->profile.preset = ctr__preset_of(s->profile.config);
  if (!code) code = ctr__seccomp_collect(s);
  if (code) return code;
  ctr__seccomp_divide(s);
  ctr__seccomp_assemble(s, (uint32_t)native->value);
  return ctr__profile_end(&s->profile, ret_code, ret_count);
}

/* ==== [SECTION] plan/seccomp_lib.c ============================================================ */
/* The same by libseccomp, for all architectures that it knows: made here, exported, and loaded by
   the child like any other. */
#ifdef CTR_WITH_LIBSECCOMP

/* "SCMP_ARCH_X86_64" as libseccomp calls it: "x86_64"; 0: it does not know it. */
static uint32_t ctr__libseccomp_arch(const char *name) {
  char lower[32] = "";
  size_t skip = sizeof "SCMP_ARCH_" - 1;
  for (size_t i = 0; i < sizeof lower - 1 && strlen(name) > skip + i; i++)
    lower[i] = (char)tolower((unsigned char)name[skip + i]);
  return seccomp_arch_resolve_name(lower);
}

static ctr_code ctr__libseccomp_failed(ctr__profile *p, int r, const char *field,
                                       const char *what) {
  if (r == -ENOMEM) return ctr__nomem(p->b->err);
  return ctr__fail(p->b->err, CTR_E_UNSUPPORTED, -r, field, "libseccomp: %s", what);
}

static ctr_code ctr__libseccomp_begin(ctr__profile *p, scmp_filter_ctx filter) {
  const ctr_strs *all = &p->config->architectures;
  int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (r < 0) return ctr__libseccomp_failed(p, r, "linux.seccomp", "kill programs of others");
  /* A search instead of a list, from 2.5 on; what it does with no rule is wrong up to 2.5.4. */
  if (p->config->syscalls.count > 32) seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (size_t i = 0; i < all->count; i++) {
    const uint32_t arch = ctr__libseccomp_arch(all->items[i]);
    r = arch ? seccomp_arch_add(filter, arch) : -EINVAL;
    if (r < 0 && r != -EEXIST)
      return ctr__libseccomp_failed(p, r, ctr__print(p->b, "linux.seccomp.architectures[%zu]", i),
                                    "add the architecture");
  }
  return CTR_OK;
}

/* One entry for one call. */
static int ctr__libseccomp_add(scmp_filter_ctx filter, int number, uint32_t answer,
                               const ctr_syscall_args *args) {
  static const enum scmp_compare ops[] = {[CTR_SCMP_CMP_NE] = SCMP_CMP_NE,
                                          [CTR_SCMP_CMP_LT] = SCMP_CMP_LT,
                                          [CTR_SCMP_CMP_LE] = SCMP_CMP_LE,
                                          [CTR_SCMP_CMP_EQ] = SCMP_CMP_EQ,
                                          [CTR_SCMP_CMP_GE] = SCMP_CMP_GE,
                                          [CTR_SCMP_CMP_GT] = SCMP_CMP_GT,
                                          [CTR_SCMP_CMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ};
  struct scmp_arg_cmp all[6];
  unsigned count = 0;
  int r = 0;
  const bool repeat = ctr__args_repeat(args);
  for (size_t i = 0; i < args->count && r == 0; i++) {
    const ctr_syscall_arg *arg = &args->items[i];
    all[count++] = (struct scmp_arg_cmp){arg->index, ops[arg->op], arg->value, arg->valueTwo};
    if (!repeat) continue;
    r = seccomp_rule_add_array(filter, answer, number, 1, all);
    count = 0;
  }
  return repeat || r < 0 ? r : seccomp_rule_add_array(filter, answer, number, count, all);
}

static ctr_code ctr__libseccomp_add_name(ctr__profile *p, scmp_filter_ctx filter, size_t i,
                                         size_t j) {
  const ctr_syscall *call = &p->config->syscalls.items[i];
  const uint32_t answer = ctr__seccomp_answer(call->action, call->errnoRet);
  const int number = seccomp_syscall_resolve_name(call->names.items[j]);
  if (number == __NR_SCMP_ERROR) return ctr__seccomp_skip(p, answer, i, j);
  if (answer == p->default_answer) return CTR_OK;
  int r = ctr__libseccomp_add(filter, number, answer, &call->args);
  return r < 0 ? ctr__libseccomp_failed(p, r, ctr__seccomp_name_field(p, i, j), "add a rule")
               : CTR_OK;
}

/* The highest number that the profile names, less ARM's own; -1: none. */
static int64_t ctr__libseccomp_newest(const ctr__profile *p, uint32_t arch) {
  const ctr_syscalls *all = &p->config->syscalls;
  int64_t newest = -1;
  for (size_t i = 0; i < all->count; i++)
    for (size_t j = 0; j < all->items[i].names.count; j++) {
      const int number = seccomp_syscall_resolve_name_arch(arch, all->items[i].names.items[j]);
      if (number > newest && number >> 16 != 0xf) newest = number;
    }
  return newest;
}

/* Before the filter: what is newer than all that is named for an architecture does not exist. Of
   x32 that is told by a bit of the number; -1 is what is left of a call that a tracer has skipped,
   on either. */
static uint32_t ctr__libseccomp_hide(ctr__profile *p, uint32_t filter, uint32_t arch,
                                     bool has_x32) {
  ctr__cbpf *code = &p->program;
  const int64_t newest = ctr__libseccomp_newest(p, arch);
  if (newest < 0) return filter;
  const uint32_t absent = ctr__cbpf_return(code, CTR__SECCOMP_ABSENT);
  uint32_t next = ctr__cbpf_if(code, CTR__CBPF_IF_GREATER, (uint32_t)newest, absent, filter);
  if (arch == SCMP_ARCH_X86_64) {
    const int64_t newest_x32 = has_x32 ? ctr__libseccomp_newest(p, SCMP_ARCH_X32) : -1;
    uint32_t x32 = filter;
    if (newest_x32 >= 0)
      x32 = ctr__cbpf_if(code, CTR__CBPF_IF_GREATER, (uint32_t)newest_x32, absent, filter);
    next = ctr__cbpf_if(code, CTR__CBPF_IF_AT_LEAST, 0x40000000, x32, next);
    next = ctr__cbpf_if(code, CTR__CBPF_IF_EQUAL, UINT32_MAX, absent, next);
  }
  if (arch == SCMP_ARCH_S390 || arch == SCMP_ARCH_S390X) /* what an unknown number becomes */
    next = ctr__cbpf_if(code, CTR__CBPF_IF_EQUAL, 0, absent, next);
  return ctr__cbpf_load(code, CTR__SECCOMP_NR);
}

static void ctr__libseccomp_hide_newer(ctr__profile *p, scmp_filter_ctx filter) {
  ctr__cbpf *code = &p->program;
  const uint32_t begin = code->first;
  uint32_t sections[64], archs[64], count = 0;
  const bool has_x32 = seccomp_arch_exist(filter, SCMP_ARCH_X32) == 0;
  for (size_t i = 0; i < ctr__seccomp_architectures.count && count < 64; i++) {
    const uint32_t arch = ctr__libseccomp_arch(ctr__seccomp_architectures.items[i].name);
    if (!arch || arch == SCMP_ARCH_X32 || seccomp_arch_exist(filter, arch) != 0) continue;
    archs[count] = (uint32_t)ctr__seccomp_architectures.items[i].value;
    sections[count++] = ctr__libseccomp_hide(p, begin, arch, has_x32);
  }
  uint32_t next = begin;
  for (uint32_t i = 0; i < count; i++)
    next = ctr__cbpf_if(code, CTR__CBPF_IF_EQUAL, archs[i], sections[i], next);
  if (count) ctr__cbpf_load(code, CTR__SECCOMP_ARCH);
}

/* By way of a file in memory: versions before 2.6 export to a descriptor only. */
static ctr_code ctr__libseccomp_export(ctr__profile *p, scmp_filter_ctx filter) {
  ctr__cbpf *code = &p->program;
  CTR__AUTO_CLOSE fd = ctr__fd_high((int)CTR__CALL(SYS_memfd_create, "filter", CTR__MFD_CLOEXEC));
  if (fd < 0) return ctr__fail(p->b->err, CTR_E_SYS, -fd, "linux.seccomp", "make a file in memory");
  int r = seccomp_export_bpf(filter, fd);
  if (r < 0) return ctr__libseccomp_failed(p, r, "linux.seccomp", "make the filter");
  struct stat st;
  if (fstat(fd, &st) < 0)
    return ctr__fail(p->b->err, CTR_E_SYS, errno, "linux.seccomp", "read the filter");
  const size_t len = (size_t)st.st_size, count = len / sizeof *code->code;
  code->is_full = count >= CTR__FILTER_INSNS_MAX;
  if (code->is_full) return CTR_OK;
  code->first -= (uint32_t)count;
  return pread(fd, code->code + code->first, len, 0) == (ssize_t)len
             ? CTR_OK
             : ctr__fail(p->b->err, CTR_E_SYS, EIO, "linux.seccomp", "read the filter");
}

static ctr_code ctr__libseccomp_make(ctr__profile *p, scmp_filter_ctx filter) {
  const ctr_syscalls *all = &p->config->syscalls;
  ctr_code code = ctr__libseccomp_begin(p, filter);
  for (size_t i = 0; i < all->count; i++)
    for (size_t j = 0; j < all->items[i].names.count && !code; j++)
      code = ctr__libseccomp_add_name(p, filter, i, j);
  if (!code) code = ctr__libseccomp_export(p, filter);
  if (!code && ctr__seccomp_hides_newer(p)) ctr__libseccomp_hide_newer(p, filter);
  return code;
}

static ctr_code ctr__libseccomp_compile(ctr__builder *b, ctr__ref *ret_code, uint32_t *ret_count) {
  ctr__profile p;
  ctr_code code = ctr__profile_begin(&p, b);
  if (code) return code;
  scmp_filter_ctx filter = seccomp_init(p.default_answer);
  if (!filter)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.seccomp.defaultAction",
                       "libseccomp does not take it");
  code = ctr__libseccomp_make(&p, filter);
  seccomp_release(filter);
  return code ? code : ctr__profile_end(&p, ret_code, ret_count);
}

#endif /* CTR_WITH_LIBSECCOMP */

/* Compiles the profile of the config: the program's bytes are in the block. libseccomp does not say
   which of several rules of a call counts that look at the same argument, as those of presets do.
 */
static ctr_code ctr__seccomp_compile(ctr__builder *b, ctr__ref *ret_code, uint32_t *ret_count) {
#ifdef CTR_WITH_LIBSECCOMP
  if (!ctr__preset_of(&b->config->linux_.seccomp))
    return ctr__libseccomp_compile(b, ret_code, ret_count);
#endif
  return ctr__seccomp_compile_own(b, ret_code, ret_count);
}

/* ==== [SECTION] plan/listener.c =============================================================== */
/* Who is asked about calls with the action SCMP_ACT_NOTIFY: the agent that listens at
   linux.seccomp.listenerPath gets the descriptor that the questions come from, and is told of whom
   (config-linux.md "The Container Process State"). */

/* What it is told, up to what is told of the container's status; NULL without memory. */
static const char *ctr__listener_head(ctr_arena *arena, const ctr_config *config, const char *id,
                                      const char *bundle) {
  const ctr_seccomp *profile = &config->linux_.seccomp;
  ctr_json *about = ctr_json_new(arena, CTR_JSON_OBJECT);
  ctr_json *fds = ctr_json_new(arena, CTR_JSON_ARRAY);
  const char *version = config->ociVersion ? config->ociVersion : CTR_OCI_VERSION;
  if (!ctr_json_add(arena, about, "ociVersion", ctr_json_new_string(arena, version)) ||
      !ctr_json_add(arena, fds, NULL, ctr_json_new_string(arena, "seccompFd")) ||
      !ctr_json_add(arena, about, "fds", fds))
    return NULL;
  if (profile->listenerMetadata &&
      !ctr_json_add(arena, about, "metadata",
                    ctr_json_new_string(arena, profile->listenerMetadata)))
    return NULL;
  const char *text = ctr__open_object(arena, about);
  const char *state = ctr__state_head(arena, config, id, bundle);
  return text && state ? ctr__joined(arena, text, ",\"state\":", state) : NULL;
}

/* The whole. first: pid of the container's first process; pid: of the one that is asked about. */
static const char *ctr__listener_text(ctr_arena *arena, const char *head, ctr_status status,
                                      int64_t first, int64_t pid) {
  char tail[96];
  char *end = ctr__put_str(ctr__put_state_tail(tail, status, first), ",\"pid\":");
  ctr__put_str(ctr__put_int(end, pid), "}");
  return ctr__joined(arena, head, tail, "");
}

/* What the container is while the filter of a process is loaded. */
static ctr_status ctr__status_when_filtered(enum ctr__goal goal) {
  return goal == CTR__GOAL_EXEC     ? CTR_STATUS_RUNNING
         : goal == CTR__GOAL_CREATE ? CTR_STATUS_CREATED
                                    : CTR_STATUS_CREATING;
}

/* The caller itself answers: it is the one that starts the process. */
static ctr_code ctr__plan_kept_listener(ctr__builder *b) {
  static const char field[] = "linux.seccomp.listenerPath";
  if (b->config->linux_.seccomp.listenerPath)
    return ctr__refuse(b, CTR_E_CONFIG, field,
                       "keep_listener is set: what questions come by goes to one of them");
  if (b->purpose->goal == CTR__GOAL_CREATE)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, field,
                       "who starts a created container cannot keep what questions come by: use "
                       "ctr_container_run, or a listenerPath");
  ctr__parent_step(b, KEEP_LISTENER, .field = "linux.seccomp.syscalls");
  return CTR_OK;
}

static ctr_code ctr__plan_listener(ctr__builder *b) {
  const ctr_seccomp *profile = &b->config->linux_.seccomp;
  if (b->desc->keep_listener) return ctr__plan_kept_listener(b);
  if (!profile->listenerPath)
    return ctr__refuse(b, CTR_E_CONFIG, "linux.seccomp.listenerPath",
                       "missing: nobody would answer for SCMP_ACT_NOTIFY");
  if (!b->desc->id)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.seccomp.listenerPath",
                       "who listens is told of a container with a name: use ctr_container_run, or "
                       "take SCMP_ACT_NOTIFY out");
  const char *head = ctr__listener_head(b->arena, b->config, b->desc->id, b->desc->bundle);
  b->nomem |= !head;
  ctr__parent_step(b, TAKE_LISTENER, .field = "linux.seccomp.listenerPath",
                   .str = {ctr__host_path(b, profile->listenerPath), head},
                   .num = {ctr__status_when_filtered(b->purpose->goal), b->purpose->init_pid});
  return CTR_OK;
}

/* ==== [SECTION] plan/landlock.c =============================================================== */
/* config.landlock: rulesets as steps (landlock(7)). */

/* The release that each version of the interface came with. */
static const char *const ctr__landlock_releases[] = {"",    "5.13", "5.19", "6.2",
                                                     "6.7", "6.10", "6.12"};

/* Of what is asked for, by a name each, what this kernel has; the rest is refused, or warned of. */
static ctr_code ctr__landlock_supported(ctr__builder *b, enum ctr__landlock_kind kind,
                                        uint64_t *ret) {
  const ctr_strs names = ctr__landlock_names(b->config->landlock, kind);
  const int abi = b->facts->landlock_abi;
  *ret = ctr__landlock_bits(kind, names);
  for (size_t i = 0; i < CTR__LANDLOCK_ROWS; i++) {
    const struct ctr__landlock_right *right = &ctr__landlock_rights[i];
    if (right->kind != kind || !(*ret & right->bits) || right->abi <= abi) continue;
    size_t at = 0;
    while (!(ctr__landlock_find(kind, names.items[at])->bits & right->bits)) at++;
    const char *field = ctr__print(b, "%s[%zu]", ctr__landlock_fields[kind], at);
    const char *text = ctr__print(b, "%s takes version %d of Landlock, which came with Linux %s",
                                  right->name, right->abi, ctr__landlock_releases[right->abi]);
    if (b->nomem) return ctr__nomem(b->err);
    if (!b->config->landlock->bestEffort)
      return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                       "%s: this kernel has %d (0: none, or none that is enabled); with bestEffort "
                       "it is left out",
                       text, abi);
    ctr__log(&b->desc->log, CTR_LOG_WARNING, field, "left out: %s; this kernel has %d", text, abi);
    *ret &= ~(uint64_t)right->bits;
  }
  return CTR_OK;
}

/* A rule without rights is none (landlock_add_rule(2), ENOMSG). */
static void ctr__plan_landlock_rules(ctr__builder *b, const uint64_t handled[CTR__LANDLOCK_KINDS]) {
  const ctr_landlock *asked = b->config->landlock;
  for (size_t i = 0; i < asked->pathBeneath.count; i++) {
    const ctr_landlock_path *rule = &asked->pathBeneath.items[i];
    const uint64_t allowed =
        ctr__landlock_bits(CTR__LANDLOCK_FS, rule->allowedAccess) & handled[CTR__LANDLOCK_FS];
    for (size_t p = 0; p < rule->paths.count && allowed; p++)
      ctr__child_step(b, LANDLOCK_PATH,
                      .field = ctr__print(b, "landlock.pathBeneath[%zu].paths[%zu]", i, p),
                      .str = {rule->paths.items[p]},
                      .num = {allowed, allowed & CTR__LANDLOCK_FILE});
  }
  for (size_t i = 0; i < asked->netPort.count; i++) {
    const ctr_landlock_port *rule = &asked->netPort.items[i];
    const uint64_t allowed =
        ctr__landlock_bits(CTR__LANDLOCK_NET, rule->allowedAccess) & handled[CTR__LANDLOCK_NET];
    for (size_t p = 0; p < rule->ports.count && allowed; p++)
      ctr__child_step(b, LANDLOCK_PORT,
                      .field = ctr__print(b, "landlock.netPort[%zu].ports[%zu]", i, p),
                      .num = {allowed, rule->ports.items[p]});
  }
}

static ctr_code ctr__plan_landlock(ctr__builder *b) {
  uint64_t handled[CTR__LANDLOCK_KINDS] = {0}, any = 0;
  ctr_code code = CTR_OK;
  if (!b->config->landlock) return CTR_OK;
  for (int kind = 0; kind < CTR__LANDLOCK_KINDS && !code; kind++) {
    code = ctr__landlock_supported(b, (enum ctr__landlock_kind)kind, &handled[kind]);
    any |= handled[kind];
  }
  if (code || !any) return code;
  ctr__child_step(b, LANDLOCK, .field = "landlock",
                  .num = {handled[CTR__LANDLOCK_FS], handled[CTR__LANDLOCK_NET],
                          handled[CTR__LANDLOCK_SCOPE]});
  ctr__plan_landlock_rules(b, handled);
  ctr__child_step(b, LANDLOCK_RESTRICT, .field = "landlock");
  return CTR_OK;
}

/* ==== [SECTION] plan/identity.c =============================================================== */
/* Who the process is and what it may: names, settings, limits, ids, capabilities, program. */

/* -- settings of the namespaces -- */

static void ctr__plan_names(ctr__builder *b) {
  if (b->config->hostname)
    ctr__child_step(b, HOSTNAME, .field = "hostname", .str = {b->config->hostname});
  if (b->config->domainname)
    ctr__child_step(b, DOMAINNAME, .field = "domainname", .str = {b->config->domainname});
}

/* Kernel settings that belong to a namespace; every other one is the whole machine's. */
static const struct ctr__sysctl_rule {
  const char *prefix; /* ends in '/': all below; else: this one */
  uint32_t namespace_type;
} ctr__sysctl_rules[] = {
    {"kernel/msgmax", CTR_NS_IPC},     {"kernel/msgmnb", CTR_NS_IPC},
    {"kernel/msgmni", CTR_NS_IPC},     {"kernel/sem", CTR_NS_IPC},
    {"kernel/shmall", CTR_NS_IPC},     {"kernel/shmmax", CTR_NS_IPC},
    {"kernel/shmmni", CTR_NS_IPC},     {"kernel/shm_rmid_forced", CTR_NS_IPC},
    {"fs/mqueue/", CTR_NS_IPC},        {"net/", CTR_NS_NETWORK},
    {"kernel/domainname", CTR_NS_UTS}, {"user/", CTR_NS_USER},
};

/* sysctl(8): "net.ipv4.ip_forward" is net/ipv4/ip_forward; in the part after the first separator
   the two change places, for interfaces with a dot in their name. */
static char *ctr__sysctl_path(ctr__builder *b, const char *key) {
  char *path = ctr__arena_strdup(b->arena, key);
  b->nomem |= !path;
  if (!path || path[strcspn(path, "./")] != '.') return path;
  for (char *at = path; *at; at++) *at = *at == '.' ? '/' : *at == '/' ? '.' : *at;
  return path;
}

static ctr_code ctr__plan_sysctls(ctr__builder *b) {
  const ctr_pairs *all = &b->config->linux_.sysctl;
  for (size_t i = 0; i < all->count; i++) {
    const char *field = ctr__print(b, "linux.sysctl.%s", all->items[i].key);
    const char *path = ctr__sysctl_path(b, all->items[i].key);
    if (b->nomem) return ctr__nomem(b->err);
    uint32_t owner = 0;
    for (size_t r = 0; r < sizeof ctr__sysctl_rules / sizeof *ctr__sysctl_rules; r++) {
      const char *prefix = ctr__sysctl_rules[r].prefix;
      size_t len = strlen(prefix);
      if (!strncmp(path, prefix, len) && (prefix[len - 1] == '/' || !path[len]))
        owner = ctr__sysctl_rules[r].namespace_type;
    }
    if (!strcmp(path, "kernel/domainname") && ctr__in_userns(b))
      return ctr__lacks(b, CTR__RIGHT_DOMAIN_SETTING, field, NULL);
    if (!owner || !((b->new_namespaces | b->joined_namespaces) & owner))
      return ctr__refuse(b, CTR_E_CONFIG, field,
                         owner ? "the namespace it belongs to is the host's: add it to "
                                 "linux.namespaces"
                               : "it belongs to no namespace: it would change the whole machine");
    ctr__child_step(b, SYSCTL, .field = field, .str = {path, all->items[i].value});
  }
  return CTR_OK;
}

/* -- limits and priorities -- */

static ctr_code ctr__plan_rlimits(ctr__builder *b, enum ctr__lane lane) {
  const ctr_rlimits *all = &b->config->process.rlimits;
  for (size_t i = 0; i < all->count; i++) {
    const ctr_rlimit *limit = &all->items[i];
    uint64_t type = (uint64_t)limit->type - 1, current = b->facts->hard_limit[type];
    bool raises = limit->hard > current;
    const char *field = ctr__print(b, "process.rlimits[%zu]", i);
    if (raises && !ctr__can_set_resources(b->facts))
      return ctr__lacks(b, CTR__RIGHT_HARD_LIMITS, field,
                        ctr__print(b, "%llu, the caller has %llu", (unsigned long long)limit->hard,
                                   (unsigned long long)current));
    const ctr__new_step step = {.field = field, .num = {type, limit->soft, limit->hard}};
    /* In a user namespace the child has lost the right to raise: the parent makes room for it. */
    if (lane == CTR__LANE_CHILD)
      ctr__add_step(b, lane, CTR__STEP_RLIMIT, &step);
    else if (raises && ctr__in_userns(b))
      ctr__add_step(b, lane, CTR__STEP_RAISE_RLIMIT, &step);
  }
  return CTR_OK;
}

/* In a user namespace the child has lost the right to what only root may: its parent sets it. In a
   running container it has no procfs that can be trusted. */
static bool ctr__is_set_by(const ctr__builder *b, enum ctr__lane lane) {
  bool by_parent = ctr__in_userns(b) || b->purpose->goal == CTR__GOAL_EXEC;
  return (lane == CTR__LANE_PARENT) == by_parent;
}

/* A process that is to join a container writes it before it is out of reach: then its /proc/PID is
   root's (proc_pid(5)). */
static void ctr__plan_oom_score(ctr__builder *b, enum ctr__lane lane) {
  bool here =
      b->purpose->goal == CTR__GOAL_EXEC ? lane == CTR__LANE_STAGE : ctr__is_set_by(b, lane);
  if (!b->config->process.oomScoreAdj.set || !here) return;
  const char *text = ctr__print(b, "%lld", (long long)b->config->process.oomScoreAdj.value);
  ctr__add_step(b, lane, CTR__STEP_OOM_SCORE_ADJ,
                &(ctr__new_step){.field = "process.oomScoreAdj", .str = {text}});
}

/* The kernel's struct sched_attr (sched_setattr(2)), its first version. */
struct ctr__sched_attr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

/* " SCHED_FLAG_X SCHED_FLAG_Y": the names of bits, for the text of a step. */
static const char *ctr__flag_names(ctr__builder *b, const ctr__names *names, uint64_t bits) {
  const char *text = "";
  for (size_t i = 0; i < names->count && text; i++)
    if (bits >> names->items[i].value & 1)
      text = ctr__print(b, "%s %s", text, names->items[i].name);
  return text ? text : "";
}

static void ctr__plan_scheduler(ctr__builder *b, enum ctr__lane lane) {
  const ctr_scheduler *s = &b->config->process.scheduler;
  if (!s->policy || !ctr__is_set_by(b, lane)) return;
  struct ctr__sched_attr attr = {.size = sizeof attr,
                                 .policy = (uint32_t)s->policy - 1,
                                 .flags = s->flags,
                                 .nice = s->nice,
                                 .priority = (uint32_t)s->priority,
                                 .runtime = s->runtime,
                                 .deadline = s->deadline,
                                 .period = s->period};
  const char *text =
      ctr__print(b, "%s%s, nice %d, priority %d",
                 ctr__name_of(&ctr__sched_policies, (int64_t)s->policy),
                 ctr__flag_names(b, &ctr__sched_flags, s->flags), s->nice, s->priority);
  if (s->policy == CTR_SCHED_DEADLINE)
    text = ctr__print(b, "%s, runtime %llu, deadline %llu, period %llu", text ? text : "",
                      (unsigned long long)s->runtime, (unsigned long long)s->deadline,
                      (unsigned long long)s->period);
  ctr__add_step(b, lane, CTR__STEP_SCHEDULER,
                &(ctr__new_step){.field = "process.scheduler",
                                 .str = {text},
                                 .ref = {0, ctr__add_bytes(b, &attr, sizeof attr, 8)}});
}

static void ctr__plan_io_priority(ctr__builder *b, enum ctr__lane lane) {
  const ctr_io_priority *io = &b->config->process.ioPriority;
  if (!io->class_ || !ctr__is_set_by(b, lane)) return;
  ctr__add_step(b, lane, CTR__STEP_IO_PRIORITY,
                &(ctr__new_step){.field = "process.ioPriority",
                                 .num = {io->class_, (uint64_t)io->priority}});
}

/* sched(7), ioprio_set(2), proc_pid_oom_score_adj(5): what needs a right. */
static ctr_code ctr__check_priority_rights(ctr__builder *b) {
  const ctr_process_config *process = &b->config->process;
  const ctr_scheduler *s = &process->scheduler;
  const ctr__facts *f = b->facts;
  const ctr_int score = process->oomScoreAdj;
  /* How far down is the lowest that somebody with the right has ever set, which nobody can read:
     0, as it comes. */
  if (score.set && score.value < 0 && score.value < f->oom_score_adj && !ctr__can_set_resources(f))
    return ctr__lacks(b, CTR__RIGHT_OOM_SCORE, "process.oomScoreAdj",
                      ctr__print(b, "%lld, the caller has %lld", (long long)score.value,
                                 (long long)f->oom_score_adj));
  if (process->ioPriority.class_ == CTR_IOPRIO_CLASS_RT && !ctr__can_set_io_priorities(f))
    return ctr__lacks(b, CTR__RIGHT_IO_REAL_TIME, "process.ioPriority.class", NULL);
  if (!s->policy || ctr__can_set_priorities(f)) return CTR_OK;
  bool real_time = s->policy == CTR_SCHED_FIFO || s->policy == CTR_SCHED_RR;
  if (s->policy == CTR_SCHED_DEADLINE || (real_time && (uint64_t)s->priority > f->priority_limit))
    return ctr__lacks(b, CTR__RIGHT_REAL_TIME, "process.scheduler.policy", NULL);
  if (!real_time && s->nice < f->nice && (uint64_t)(20 - s->nice) > f->nice_limit)
    return ctr__lacks(b, CTR__RIGHT_NICE, "process.scheduler.nice",
                      ctr__print(b, "%d, the caller has %d", s->nice, f->nice));
  return CTR_OK;
}

/* What is set from outside or from inside, as rights go. */
static void ctr__plan_priorities(ctr__builder *b, enum ctr__lane lane) {
  ctr__plan_oom_score(b, lane);
  ctr__plan_scheduler(b, lane);
  ctr__plan_io_priority(b, lane);
}

enum { CTR__NODES = 1024 };

/* "0-3,7" as a bit mask of CTR__NODES bits. */
static bool ctr__parse_list(const char *text, unsigned long *mask) {
  const unsigned bits = 8 * sizeof *mask;
  while (*text) {
    char *end;
    if (!isdigit((unsigned char)*text)) return false;
    unsigned long first = strtoul(text, &end, 10), last = first;
    if (*end == '-') {
      text = end + 1;
      if (!isdigit((unsigned char)*text)) return false;
      last = strtoul(text, &end, 10);
    }
    if (last < first || last >= CTR__NODES || (*end && *end != ',')) return false;
    for (unsigned long i = first; i <= last; i++) mask[i / bits] |= 1UL << (i % bits);
    text = end + (*end == ',');
  }
  return true;
}

static ctr_code ctr__plan_memory_policy(ctr__builder *b) {
  const ctr_memory_policy *policy = &b->config->linux_.memoryPolicy;
  if (!policy->mode) return CTR_OK;
  unsigned long mask[CTR__NODES / (8 * sizeof(unsigned long))] = {0};
  const char *nodes = policy->nodes ? policy->nodes : "";
  if (!ctr__parse_list(nodes, mask))
    return ctr__fail(b->err, CTR_E_CONFIG, 0, "linux.memoryPolicy.nodes",
                     "\"%s\" is not a list of nodes like 0-3,7 below %d", nodes, CTR__NODES);
  const char *text =
      ctr__print(b, "%s%s nodes [%s]", ctr__name_of(&ctr__mempolicy_modes, (int64_t)policy->mode),
                 ctr__flag_names(b, &ctr__mempolicy_flags, policy->flags), nodes);
  ctr__child_step(b, MEMORY_POLICY, .field = "linux.memoryPolicy", .str = {text},
                  .ref = {0, ctr__add_bytes(b, mask, sizeof mask, 8)},
                  .num = {(uint64_t)policy->mode - 1, policy->flags, *nodes ? CTR__NODES + 1 : 0});
  return CTR_OK;
}

/* personality(2) */
static const uint64_t ctr__personalities[] = {[CTR_PER_LINUX] = 0, [CTR_PER_LINUX32] = 8};

static ctr_code ctr__plan_settings(ctr__builder *b) {
  const ctr_process_config *process = &b->config->process;
  ctr__plan_priorities(b, CTR__LANE_CHILD);
  ctr_personality_domain domain = b->config->linux_.personality.domain;
  if (domain)
    ctr__child_step(b, PERSONALITY, .field = "linux.personality",
                    .num = {ctr__personalities[domain]});
  ctr_code code = ctr__plan_memory_policy(b);
  if (code) return code;
  if (process->user.umask.set)
    ctr__child_step(b, UMASK, .field = "process.user.umask", .num = {process->user.umask.value});
  else
    ctr__child_step(b, KEEP_UMASK, .field = NULL);
  return ctr__plan_rlimits(b, CTR__LANE_CHILD);
}

/* -- ids and capabilities -- */

/* config.md: capabilities that cannot be granted are worth a warning, not a failure. A user
   namespace grants them all, over itself. */
static uint64_t ctr__grantable(ctr__builder *b, const char *name, uint64_t asked, uint64_t had) {
  uint64_t missing = ctr__in_userns(b) || b->desc->inner_userns ? 0 : asked & ~had;
  for (int i = 0; i < CTR_CAP_COUNT; i++)
    if (missing >> i & 1)
      ctr__log(&b->desc->log, CTR_LOG_WARNING, ctr__print(b, "process.capabilities.%s", name),
               "the caller does not have %s to give", ctr__name_of(&ctr__capability_names, i));
  return asked & ~missing;
}

static bool ctr__loads_filters(const ctr__builder *b) {
  return b->desc->filter_count || b->config->linux_.seccomp.defaultAction;
}

/* What loading filters and entering a Landlock domain takes besides (seccomp(2),
   landlock_restrict_self(2)). It is kept until then, so that they can come last whatever
   capabilities the config leaves; execve(2) gives new ones. */
static uint64_t ctr__caps_to_restrict(const ctr__builder *b) {
  bool needed =
      (ctr__loads_filters(b) || b->config->landlock) && !b->config->process.noNewPrivileges;
  return needed ? CTR_CAP(SYS_ADMIN) : 0;
}

static void ctr__plan_capabilities(ctr__builder *b, uint64_t besides) {
  ctr__child_step(b, CAPABILITIES, .field = "process.capabilities",
                  .num = {b->effective, b->permitted, b->inheritable, besides});
}

static void ctr__plan_ids(ctr__builder *b) {
  const ctr_process_config *process = &b->config->process;
  ctr_capabilities caps = process->capabilities;
  uint64_t ambient = ctr__ambient_effective(&caps);
  caps.bounding = ctr__grantable(b, "bounding", caps.bounding, b->facts->bounding);
  b->permitted = ctr__grantable(b, "permitted", caps.permitted, b->facts->permitted);
  b->effective = caps.effective & b->permitted;
  b->inheritable = caps.inheritable & (b->permitted | caps.bounding);
  ctr__child_step(b, OWN_STREAMS, .field = "process.user", .num = {process->user.uid});
  if (process->noNewPrivileges)
    ctr__child_step(b, NO_NEW_PRIVS, .field = "process.noNewPrivileges");
  ctr__child_step(b, BOUNDING, .field = "process.capabilities.bounding", .num = {caps.bounding});
  const ctr_ids *groups = &process->user.additionalGids;
  ctr__child_step(b, USER, .field = "process.user",
                  .ref = {ctr__add_u32s(b, groups->items, groups->count)},
                  .num = {process->user.uid, process->user.gid, ctr__groups_of(b, groups->count)});
  ctr__plan_capabilities(b, ctr__caps_to_restrict(b));
  ctr__child_step(b, AMBIENT, .field = "process.capabilities.ambient",
                  .num = {ambient & b->permitted});
}

/* -- the program -- */

/* execvp(3): a name without a slash is looked for in PATH, here that of the container. */
static ctr__ref ctr__candidates(ctr__builder *b) {
  const char *program = b->config->process.args.items[0], *path = "/bin:/usr/bin";
  if (strchr(program, '/')) return ctr__add_strs(b, (ctr_strs){&program, 1});
  for (size_t i = 0; i < b->config->process.env.count; i++)
    if (!strncmp(b->config->process.env.items[i], "PATH=", 5))
      path = b->config->process.env.items[i] + 5;
  size_t count = 1;
  for (const char *at = path; *at; at++) count += *at == ':';
  const char **list = ctr__take(b, count, sizeof *list);
  if (!list) return 0;
  for (size_t i = 0; i < count; i++) {
    int len = (int)strcspn(path, ":");
    list[i] = ctr__print(b, "%.*s%s%s", len, path, len ? "/" : "", program);
    path += len + 1;
  }
  return b->nomem ? 0 : ctr__add_strs(b, (ctr_strs){list, count});
}

/* -- filters -- */

static ctr_code ctr__check_filter(ctr__builder *b, const char *field, const ctr_filter *filter) {
  const size_t max = CTR__FILTER_INSN * CTR__FILTER_INSNS_MAX;
  if (filter->code && filter->len && filter->len <= max && filter->len % CTR__FILTER_INSN == 0)
    return CTR_OK;
  return ctr__fail(b->err, CTR_E_ARG, 0, field,
                   "%zu bytes%s are no seccomp filter: 1 to %d instructions of %d bytes",
                   filter->len, filter->code ? "" : " at NULL", (int)CTR__FILTER_INSNS_MAX,
                   (int)CTR__FILTER_INSN);
}

static void ctr__filter_step(ctr__builder *b, const char *field, ctr__ref code, size_t count,
                             uint32_t flags, uint32_t preset) {
  const uint64_t caps = ctr__preset_caps(preset, ctr__caps_of(&b->config->process));
  const char *name =
      preset ? ctr__name_of(&ctr__seccomp_presets, b->config->linux_.seccomp.defaultAction) : NULL;
  ctr__child_step(b, FILTER, .field = field, .ref = {0, code},
                  .str = {ctr__print(b, "%zu", count), NULL, NULL, name},
                  .num = {count, !b->filter_count++, flags, caps});
}

static ctr_code ctr__plan_given_filters(ctr__builder *b) {
  const ctr_plan_desc *desc = b->desc;
  if (desc->filter_count && !desc->filters)
    return ctr__fail(b->err, CTR_E_ARG, 0, "filters", "a list of %zu without items",
                     desc->filter_count);
  for (size_t i = 0; i < desc->filter_count; i++) {
    const ctr_filter *filter = &desc->filters[i];
    const char *field = ctr__print(b, "filters[%zu]", i);
    ctr_code code = ctr__check_filter(b, field, filter);
    if (code) return code;
    ctr__filter_step(b, field, ctr__add_bytes(b, filter->code, filter->len, 8),
                     filter->len / CTR__FILTER_INSN, 0, 0);
  }
  return CTR_OK;
}

static ctr_code ctr__check_filter_flags(ctr__builder *b, uint32_t *ret_flags) {
  const ctr_seccomp *profile = &b->config->linux_.seccomp;
  const bool listens = ctr__seccomp_notifies(profile);
  uint32_t flags = listens ? CTR__SECCOMP_NEW_LISTENER : 0;
  for (size_t i = 0; i < profile->flags.count; i++) {
    const uint32_t flag =
        (uint32_t)ctr__name_find(&ctr__seccomp_flags, profile->flags.items[i])->value;
    if (!(b->facts->filter_flags & flag))
      return ctr__refuse(b, CTR_E_UNSUPPORTED, ctr__print(b, "linux.seccomp.flags[%zu]", i),
                         "this kernel does not know it");
    flags |= flag;
  }
  /* Both return a number: with this one the thread that cannot follow is an error. */
  if (listens && (flags & CTR__SECCOMP_TSYNC)) flags |= CTR__SECCOMP_TSYNC_ESRCH;
  *ret_flags = flags;
  return CTR_OK;
}

/* After the others: they need not allow what bringing a listener its descriptor takes. */
static ctr_code ctr__plan_seccomp(ctr__builder *b) {
  ctr__ref program = 0;
  uint32_t flags = 0, count = 0;
  if (!b->config->linux_.seccomp.defaultAction) return CTR_OK;
  if (!b->facts->can_filter)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.seccomp",
                       "this kernel has no filters, or a filter of the caller's own forbids "
                       "seccomp(2)");
  ctr_code code = ctr__check_filter_flags(b, &flags);
  if (!code) code = ctr__seccomp_compile(b, &program, &count);
  if (code) return code;
  ctr__filter_step(b, "linux.seccomp", program, count, flags,
                   ctr__preset_of(&b->config->linux_.seccomp));
  return flags & CTR__SECCOMP_NEW_LISTENER ? ctr__plan_listener(b) : CTR_OK;
}

static ctr_code ctr__check_can_restrict(ctr__builder *b) {
  if (!ctr__caps_to_restrict(b) || ctr__in_userns(b) || b->desc->inner_userns ||
      ctr__can_filter(b->facts))
    return CTR_OK;
  return ctr__lacks(b, CTR__RIGHT_FILTERS,
                    b->desc->filter_count   ? "filters"
                    : ctr__loads_filters(b) ? "linux.seccomp"
                                            : "landlock",
                    NULL);
}

static ctr_code ctr__plan_filters(ctr__builder *b) {
  ctr_code code = ctr__plan_given_filters(b);
  if (!code) code = ctr__plan_seccomp(b);
  /* Without execve(2) nothing takes away what was kept for them. */
  if (b->desc->call_function && ctr__caps_to_restrict(b)) ctr__plan_capabilities(b, 0);
  return code;
}

/* -- the last steps -- */

/* Changing ids takes away the parent-death signal (prctl(2)) and may bring back what UNDUMPABLE
   took (proc_sys_fs(5), suid_dumpable). */
static void ctr__plan_last_guards(ctr__builder *b) {
  const bool waits = b->purpose->goal == CTR__GOAL_CREATE;
  const bool enters =
      b->purpose->goal == CTR__GOAL_EXEC || (b->joined_namespaces & (CTR_NS_USER | CTR_NS_PID));
  const bool hooks = b->purpose->goal != CTR__GOAL_EXEC && b->config->hooks.startContainer.count;
  /* One that waits to be started may get company by exec, one that shares the host's pids has it;
     only who may trace it can join it. */
  const bool has_company = waits || !(b->new_namespaces & CTR_NS_PID);
  b->is_unseen = enters || (has_company && (b->facts->caps & CTR_CAP(SYS_PTRACE)));
  if (b->desc->die_with_caller) ctr__child_step(b, DIE_WITH_CALLER, .field = NULL);
  if (b->is_unseen) ctr__child_step(b, UNDUMPABLE, .field = NULL);
  if (!enters && (waits || hooks) && !b->desc->call_function)
    ctr__child_step(b, CONCEAL, .field = NULL);
}

/* These hooks are the container's programs, but the process that runs them is still a copy of the
   caller. */
static void ctr__plan_start_hooks(ctr__builder *b) {
  if (b->purpose->goal == CTR__GOAL_EXEC || !b->config->hooks.startContainer.count) return;
  if (!b->is_unseen) ctr__child_step(b, UNDUMPABLE, .field = "hooks.startContainer");
  ctr__plan_hooks(b, CTR__HOOK_START_CONTAINER);
}

static ctr_code ctr__plan_program(ctr__builder *b) {
  const ctr_process_config *process = &b->config->process;
  ctr_code code = ctr__check_program(b);
  if (code) return code;
  ctr__child_step(b, CHDIR, .field = "process.cwd", .str = {process->cwd});
  const char *program = process->args.items[0];
  const ctr__ref candidates = b->desc->call_function ? 0 : ctr__candidates(b);
  if (!b->desc->call_function)
    ctr__child_step(b, LOOK_UP, .field = "process.args[0]", .str = {program},
                    .ref = {0, candidates});
  if (b->desc->moments & CTR_MOMENT_READY) ctr__sync_step(b, CTR__SYNC_READY, CTR_MOMENT_READY);
  if (b->purpose->goal == CTR__GOAL_CREATE) {
    ctr__sync_step(b, CTR__SYNC_CREATED, 0);
    ctr__child_step(b, WAIT_START, .field = NULL);
  }
  ctr__plan_start_hooks(b);
  /* Landlock first: a filter may forbid its calls, and nothing that it takes away is needed to
     start the program. */
  code = ctr__check_can_restrict(b);
  if (!code) code = ctr__plan_landlock(b);
  if (code) return code;
  if (b->purpose->goal == CTR__GOAL_CREATE)
    ctr__child_step(b, TELL_STARTED, .field = NULL,
                    .num = {ctr__loads_filters(b) && !b->desc->call_function});
  code = ctr__plan_filters(b);
  if (b->desc->call_function)
    ctr__child_step(b, CALL, .field = NULL, .num = {b->filter_count > 0});
  else
    ctr__child_step(b, EXEC, .field = "process.args[0]", .str = {program}, .ref = {0, candidates},
                    .num = {b->filter_count > 0});
  return code;
}

/* ==== [SECTION] plan/exec.c =================================================================== */
/* A process that joins a running container: libcontainer's setnsProcess. The config is that of the
   container, with another process in it. */

/* Everything the container has of its own is joined. */
static ctr_code ctr__sort_joined(ctr__builder *b) {
  ctr_code code = ctr__sort_namespaces(b);
  b->joined_namespaces |= b->new_namespaces;
  b->new_namespaces = 0;
  return code;
}

/* Who the ids of the container are on the host: known when its user namespace was made for it. */
static ctr_code ctr__check_exec_ids(ctr__builder *b) {
  const ctr_namespace *users = ctr__namespace_of(b->config, CTR_NS_USER);
  if (!users || users->path) return CTR_OK;
  ctr__choose_maps(b);
  return b->nomem ? ctr__nomem(b->err) : ctr__check_user_mapped(b);
}

static ctr_code ctr__affinity_step(ctr__builder *b, enum ctr__lane lane, const char *field,
                                   const char *cpus) {
  unsigned long mask[CTR__NODES / (8 * sizeof(unsigned long))] = {0};
  if (!cpus || !*cpus) return CTR_OK;
  if (!ctr__parse_list(cpus, mask))
    return ctr__fail(b->err, CTR_E_CONFIG, 0, field,
                     "\"%.64s\" is not a list of CPUs like 0-3,7 below %d", cpus, CTR__NODES);
  ctr__add_step(b, lane, CTR__STEP_AFFINITY,
                &(ctr__new_step){.field = field,
                                 .str = {cpus},
                                 .ref = {0, ctr__add_bytes(b, mask, sizeof mask, 8)},
                                 .num = {sizeof mask}});
  return CTR_OK;
}

/* Before Linux 5.8 namespaces are joined one by one, the user namespace first: it gives the rights
   over the others. */
static void ctr__plan_join_one_by_one(ctr__builder *b, bool opening) {
  uint64_t slot = 0;
  for (size_t i = sizeof ctr__join_order / sizeof *ctr__join_order; i-- > 0;) {
    const uint32_t type = ctr__join_order[i];
    if (!(b->joined_namespaces & type)) continue;
    ctr__add_step(b, opening ? CTR__LANE_PARENT : CTR__LANE_STAGE,
                  opening ? CTR__STEP_OPEN_NAMESPACE : CTR__STEP_SETNS,
                  &(ctr__new_step){.field = "linux.namespaces",
                                   .str = {ctr__print(b, "/proc/%llu/ns/%s",
                                                      (unsigned long long)b->purpose->init_pid,
                                                      ctr__namespace_file(type))},
                                   .num = {type, slot++}});
  }
}

static void ctr__join_init_step(ctr__builder *b, uint32_t types) {
  if (types)
    ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_JOIN_INIT,
                  &(ctr__new_step){.field = "linux.namespaces", .num = {types}});
}

/* The first process is in a user namespace below that of its mounts: rights over these are to be
   had in the upper one only, which is joined first, and left last. */
static void ctr__plan_join_inner(ctr__builder *b) {
  if (b->joined_namespaces & CTR_NS_USER)
    ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_SETNS,
                  &(ctr__new_step){.field = "linux.namespaces",
                                   .str = {"the owner of its mounts"},
                                   .num = {CTR_NS_USER, 0}});
  ctr__join_init_step(b, b->joined_namespaces & ~(uint32_t)CTR_NS_USER);
  ctr__join_init_step(b, CTR_NS_USER);
}

/* What is opened by the pid is opened before it is seen that the pid is still that process's. */
static ctr_code ctr__plan_join(ctr__builder *b) {
  const ctr__purpose *purpose = b->purpose;
  const uint64_t clone3 = b->facts->features & CTR_FEATURE_CLONE3;
  const bool at_once = b->facts->features & CTR_FEATURE_SETNS_PIDFD;
  if (b->desc->inner_userns && !at_once)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.namespaces",
                       "to join a container with inner_userns takes Linux 5.8");
  if (!at_once) ctr__plan_join_one_by_one(b, true);
  if (b->desc->inner_userns)
    ctr__parent_step(b, OPEN_OWNER, .field = "linux.namespaces", .num = {purpose->init_pid});
  ctr__parent_step(b, OPEN_INIT, .field = NULL, .num = {purpose->init_pid, purpose->init_start});
  ctr__parent_step(b, STAGE, .field = NULL, .num = {0, clone3});
  ctr__plan_oom_score(b, CTR__LANE_STAGE);
  ctr__plan_key_label(b, CTR__LANE_STAGE);
  ctr__plan_process_labels(b, CTR__LANE_STAGE);
  ctr__plan_unseen(b, NULL);
  /* Who cannot copy a mount where they are hands in what they have: it is a stream of theirs. */
  if (ctr__can_unshare(b->facts) && b->facts->owns_mounts) ctr__view_null_step(b, CTR__LANE_STAGE);
  ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_CLOSE_OTHERS,
                &(ctr__new_step){.field = "linux.namespaces"});
  if ((b->joined_namespaces & CTR_NS_USER) && (b->facts->caps & CTR_CAP(SETGID)) &&
      !b->facts->groups_denied)
    ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_DROP_GROUPS, &(ctr__new_step){.field = NULL});
  ctr__plan_stage_program(b, false);
  if (!at_once)
    ctr__plan_join_one_by_one(b, false);
  else if (b->desc->inner_userns)
    ctr__plan_join_inner(b);
  else
    ctr__join_init_step(b, b->joined_namespaces);
  ctr__plan_stage_program(b, true);
  ctr_code code = ctr__affinity_step(b, CTR__LANE_STAGE, "process.execCPUAffinity.initial",
                                     b->config->process.execCPUAffinity.initial);
  ctr__add_step(b, CTR__LANE_STAGE, CTR__STEP_CLONE,
                &(ctr__new_step){.field = NULL, .num = {0, clone3}});
  ctr__parent_step(b, ADOPT, .field = NULL);
  ctr__plan_own_pipes(b);
  return code;
}

static ctr_code ctr__plan_exec_parent(ctr__builder *b) {
  ctr_code code = ctr__sort_joined(b);
  if (!code) code = ctr__check_exec_ids(b);
  if (!code) code = ctr__check_priority_rights(b);
  if (!code) code = ctr__plan_join(b);
  if (code) return code;
  ctr__choose_io_owner(b);
  for (size_t i = 0; i < b->purpose->cgroups.count; i++)
    ctr__parent_step(b, ENTER_CGROUP, .field = "linux.cgroupsPath",
                     .str = {b->purpose->cgroups.items[i]});
  code = ctr__plan_rlimits(b, CTR__LANE_PARENT);
  ctr__plan_priorities(b, CTR__LANE_PARENT);
  ctr__sync_step(b, CTR__SYNC_MAPPED, 0);
  return code;
}

/* A container without mounts of its own has changed its root only; that goes with no namespace. */
static ctr_code ctr__plan_exec_root(ctr__builder *b) {
  if (b->own_mounts) return CTR_OK;
  if (!b->config->root.path) /* of none that we made: its state says what a plan would not take */
    return ctr__refuse(b, CTR_E_CONFIG, "root.path",
                       "required, and missing: without a mount namespace no mount is the root");
  ctr__child_step(b, ROOT_OPEN, .field = "root.path",
                  .str = {ctr__host_path(b, b->config->root.path)});
  ctr__child_step(b, CHROOT, .field = "root.path");
  return CTR_OK;
}

static ctr_code ctr__plan_exec(ctr__builder *b) {
  ctr_code code = ctr__plan_exec_parent(b);
  if (code) return code;
  ctr__child_step(b, STDIO, .field = NULL);
  ctr__child_step(b, CLOSE_FDS, .field = NULL);
  ctr__child_step(b, SIGNALS, .field = NULL);
  if (b->desc->die_with_caller) ctr__child_step(b, DIE_WITH_CALLER, .field = NULL);
  code = ctr__affinity_step(b, CTR__LANE_CHILD, "process.execCPUAffinity.final",
                            b->config->process.execCPUAffinity.final);
  b->groups_denied |= b->desc->inner_userns;
  if (ctr__in_userns(b) && !b->desc->inner_userns) ctr__plan_become_root(b);
  if (!b->desc->no_new_session) ctr__child_step(b, SETSID, .field = NULL);
  if (!b->desc->no_new_keyring) ctr__child_step(b, KEYRING, .field = NULL);
  if (!code) code = ctr__plan_exec_root(b);
  ctr__plan_console(b, false);
  ctr__child_step(b, OWN_NULL, .field = NULL);
  if (!code) code = ctr__plan_settings(b);
  if (code) return code;
  ctr__child_step(b, LET_GO, .field = NULL);
  ctr__child_step(b, CHDIR_EARLY, .field = "process.cwd", .str = {b->config->process.cwd});
  ctr__plan_ids(b);
  ctr__plan_last_guards(b);
  code = ctr__plan_program(b);
  return b->nomem ? ctr__nomem(b->err) : code;
}

/* ==== [SECTION] plan/update.c ================================================================= */
/* New limits for a container that is there. The config has them beside what stays as it is; which
   are new, the purpose says. */

/* Which hierarchy a path lies in: below its mount point. */
static ctr__hierarchy *ctr__hierarchy_of_path(ctr__hierarchies *all, const char *path) {
  for (size_t i = 0; i < all->count; i++) {
    const size_t len = strlen(all->items[i].mount_point);
    if (!strncmp(path, all->items[i].mount_point, len) && path[len] == '/' &&
        !ctr__hierarchy_is_hidden(all, i))
      return &all->items[i];
  }
  return NULL;
}

static ctr_code ctr__check_updatable(ctr__builder *b) {
  for (size_t i = 0; i < b->limit_count; i++)
    if (!b->limits[i].hierarchy->container && b->limits[i].rule != CTR__LIMIT_IF_THERE)
      return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, b->limits[i].field,
                       "the container was made without a cgroup that has the controller %.*s: "
                       "linux.cgroupsPath asks for all",
                       (int)ctr__controller_len(b->limits[i].file), b->limits[i].file);
  return CTR_OK;
}

static ctr_code ctr__plan_update(ctr__builder *b) {
  ctr_code code = ctr__hierarchies_read(b);
  for (size_t i = 0; !code && i < b->purpose->cgroups.count; i++) {
    const char *path = b->purpose->cgroups.items[i];
    ctr__hierarchy *hierarchy = ctr__hierarchy_of_path(b->hierarchies, path);
    if (hierarchy) hierarchy->container = path;
  }
  if (!code) code = ctr__collect_limits(b);
  if (!code) code = ctr__check_updatable(b);
  if (code) return code;
  const ctr__hierarchy *v2 = ctr__any_v2(b->hierarchies);
  if (v2 && v2->container && v2->has_limits)
    ctr__plan_make_cgroup(b, v2); /* it is there: its controllers need not be */
  ctr__plan_limits(b);
  if (b->purpose->changed->devices.count) {
    b->device_hierarchy = ctr__hierarchy_for_devices(b);
    code = ctr__plan_device_filter(b);
  }
  return b->nomem ? ctr__nomem(b->err) : code;
}

/* ==== [SECTION] plan/build.c ================================================================== */
/* From config to plan: the one place that says what happens in which order. */

/* What only the caller's side may do, before the child goes on. */
static ctr_code ctr__plan_parent(ctr__builder *b) {
  ctr_code code = ctr__check_priority_rights(b);
  if (!code) code = ctr__plan_own_cgroups(b);
  uint32_t before = b->step_count;
  if (!code) code = ctr__plan_namespaces(b);
  if (code) return code;
  uint32_t cloned = before;
  while (cloned < b->step_count && b->steps[cloned].kind != CTR__STEP_CLONE) cloned++;
  if (ctr__makes_container(b)) ctr__parent_step(b, RECORD, .field = NULL);
  ctr__plan_enter_cgroups(b);
  code = ctr__plan_rlimits(b, CTR__LANE_PARENT);
  if (code) return code;
  ctr__plan_priorities(b, CTR__LANE_PARENT);
  /* The child waits only if the parent has something to do first: to learn of it, for one. */
  if (cloned + 1 < b->step_count) ctr__sync_step(b, CTR__SYNC_MAPPED, 0);
  return b->nomem ? ctr__nomem(b->err) : CTR_OK;
}

static void ctr__plan_child_start(ctr__builder *b) {
  if (b->own_mounts && b->desc->no_default_devices) ctr__view_null_step(b, CTR__LANE_CHILD);
  ctr__child_step(b, STDIO, .field = NULL);
  /* Nothing of the caller's is held inside (CVE-2016-9962, CVE-2024-21626), and the caller's other
     starts do not wait for this one to let go of theirs. */
  ctr__child_step(b, CLOSE_FDS, .field = NULL);
  ctr__child_step(b, SIGNALS, .field = NULL);
  if (b->desc->die_with_caller) ctr__child_step(b, DIE_WITH_CALLER, .field = NULL);
  ctr__child_step(b, HOLD_PROC, .field = NULL);
  ctr__plan_own_program(b);
  if (b->desc->call_function && !b->desc->share_memory)
    ctr__child_step(b, OWN_MEMORY, .field = NULL);
  ctr__plan_key_label(b, CTR__LANE_CHILD);
  /* Whoever has changed ids may not write to /proc/self any more (proc_pid(5), dumpable). */
  if (ctr__enters_cgroup_first(b))
    ctr__child_step(b, CGROUP_NAMESPACE, .field = "linux.namespaces");
  if (b->new_namespaces & CTR_NS_TIME)
    ctr__child_step(b, TIME_NAMESPACE, .field = "linux.timeOffsets", .str = {ctr__offsets_text(b)});
  if (ctr__in_userns(b)) ctr__plan_become_root(b);
  if (!b->desc->no_new_session) ctr__child_step(b, SETSID, .field = NULL);
  if (!b->desc->no_new_keyring) ctr__child_step(b, KEYRING, .field = NULL);
  if (b->new_namespaces & CTR_NS_NETWORK) ctr__child_step(b, LOOPBACK, .field = "linux.namespaces");
}

static ctr_code ctr__plan_build(ctr__builder *b) {
  ctr_code code = ctr__plan_parent(b);
  if (code) return code;
  ctr__plan_child_start(b);
  code = ctr__plan_rootfs(b);
  if (code) return code;
  ctr__plan_names(b);
  code = ctr__plan_sysctls(b);
  if (code) return code;
  code = ctr__plan_settings(b);
  if (code) return code;
  if (b->desc->inner_userns) ctr__plan_inner_userns(b);
  ctr__plan_process_labels(b, CTR__LANE_CHILD);
  /* No way back to the host is open when paths of the image are followed (CVE-2024-21626). */
  ctr__child_step(b, LET_GO, .field = NULL);
  ctr__child_step(b, CHDIR_EARLY, .field = "process.cwd", .str = {b->config->process.cwd});
  ctr__plan_ids(b);
  ctr__plan_last_guards(b);
  code = ctr__plan_program(b);
  return b->nomem ? ctr__nomem(b->err) : code;
}

/* Hooks that come when the container is there, or was: each is a plan of one step. */
static ctr_code ctr__plan_one_hook(ctr__builder *b) {
  ctr__plan_hook(b, (enum ctr__hook_kind)b->purpose->hook_kind, b->purpose->hook_index);
  return b->nomem ? ctr__nomem(b->err) : CTR_OK;
}

/* ioctl_tty(2), TIOCSCTTY: for the leader of a session. */
static ctr_code ctr__check_session(ctr__builder *b) {
  return b->desc->no_new_session && b->config->process.terminal
             ? ctr__refuse(b, CTR_E_CONFIG, "process.terminal",
                           "a terminal of its own needs a session of its own: no_new_session is "
                           "set")
             : CTR_OK;
}

static ctr_code ctr__plan_for_goal(ctr__builder *b) {
  ctr_code code = ctr__check_session(b);
  if (code) return code;
  if (b->purpose->goal != CTR__GOAL_UPDATE && b->purpose->goal != CTR__GOAL_HOOK)
    code = ctr__check_labels(b);
  if (code) return code;
  if (b->purpose->goal == CTR__GOAL_EXEC) return ctr__plan_exec(b);
  if (b->purpose->goal == CTR__GOAL_UPDATE) return ctr__plan_update(b);
  code = ctr__check_hooks_are_run(b);
  if (code) return code;
  if (b->desc->bundle) b->bundle = ctr__add_str(b, b->desc->bundle);
  if (b->desc->id) b->state = ctr__hook_state(b);
  return b->purpose->goal == CTR__GOAL_HOOK ? ctr__plan_one_hook(b) : ctr__plan_build(b);
}

static ctr_code ctr__plan_compile(const ctr_config *config, const ctr_plan_desc *desc,
                                  const ctr__purpose *purpose, const ctr__facts *facts,
                                  ctr_plan **ret_plan, ctr_err *err) {
  ctr_arena arena = {0};
  ctr__builder b = {.arena = &arena,
                    .config = config,
                    .desc = desc,
                    .purpose = purpose,
                    .facts = facts,
                    .err = err};
  ctr_code code = ctr__plan_for_goal(&b);
  if (!code) {
    ctr__ref argv = ctr__add_strs(&b, config->process.args);
    ctr__ref envp = ctr__add_strs(&b, config->process.env);
    ctr_plan *plan = ctr__builder_finish(&b, argv, envp);
    if (plan)
      *ret_plan = plan;
    else
      code = ctr__nomem(err);
  }
  ctr_arena_free(&arena);
  return code;
}

static const ctr__purpose ctr__for_program = {.goal = CTR__GOAL_PROGRAM};

static ctr_code ctr__plan_for(const ctr_config *config, const ctr_plan_desc *desc,
                              const ctr__purpose *purpose, ctr_plan **ret_plan, ctr_err *err) {
  const unsigned moments = CTR_MOMENT_HOOKS | CTR_MOMENT_READY;
  const unsigned features = CTR_FEATURE_CLONE3 | CTR_FEATURE_MOUNT_SETATTR |
                            CTR_FEATURE_SETNS_PIDFD | CTR_FEATURE_CLONE_INTO_CGROUP |
                            CTR_FEATURE_HIDE_PROGRAM;
  if (desc->moments & ~moments || desc->without & ~features)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "moments or without has an unknown bit");
  ctr_code code = ctr__config_check(config, &desc->log, err);
  if (code) return code;
  ctr__facts facts;
  code = ctr__gather_facts(config, desc->without, &facts, err);
  if (code) return code;
  return ctr__plan_compile(config, desc, purpose, &facts, ret_plan, err);
}

ctr_code ctr_plan_new(const ctr_config *config, const ctr_plan_desc *desc, ctr_plan **ret_plan,
                      ctr_err *err) {
  static const ctr_plan_desc defaults = {0};
  ctr__err_clear(err);
  if (!config || !ret_plan)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "config and ret_plan are needed");
  return ctr__plan_for(config, desc ? desc : &defaults, &ctr__for_program, ret_plan, err);
}

void ctr_plan_free(ctr_plan *plan) {
  CTR_FREE(plan);
}

/* ==== [SECTION] plan/explain.c ================================================================ */
/* A plan, or one step of it, as text. */

static const struct ctr__step_info {
  const char *text, *man;
} ctr__step_infos[] = {
#define CTR__STEP_INFO(kind, text, man) [CTR__STEP_##kind] = {text, man},
    CTR__STEPS(CTR__STEP_INFO)
#undef CTR__STEP_INFO
};

static const char *const ctr__lane_names[] = {[CTR__LANE_PARENT] = "parent",
                                              [CTR__LANE_STAGE] = "stage",
                                              [CTR__LANE_CHILD] = "child",
                                              [CTR__LANE_BOTH] = "both"};

/* Text of bounded length; what does not fit is cut. */
typedef struct ctr__text {
  char buf[1024];
  size_t len;
} ctr__text;

__attribute__((format(printf, 2, 3))) static void ctr__text_add(ctr__text *t, const char *format,
                                                                ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(t->buf + t->len, sizeof t->buf - t->len, format, args);
  va_end(args);
  size_t left = sizeof t->buf - 1 - t->len;
  t->len += n < 0 ? 0 : (size_t)n > left ? left : (size_t)n;
}

/* The names of the bits of value, "none" without any. A name stands for a mask or a bit's
   number. */
static void ctr__text_bits(ctr__text *t, const ctr__names *names, bool numbers, uint64_t value) {
  const char *separator = "";
  for (size_t i = 0; i < names->count; i++) {
    uint64_t mask = (uint64_t)names->items[i].value;
    if (!((numbers ? UINT64_C(1) << mask : mask) & value)) continue;
    ctr__text_add(t, "%s%s", separator, names->items[i].name);
    separator = ",";
  }
  if (!*separator) ctr__text_add(t, "none");
}

/* Attributes, or flags of a file system, by the names of the mount options that set them. */
static void ctr__text_options(ctr__text *t, bool attributes, uint64_t bits) {
  const char *separator = "";
  for (size_t i = 0; i < sizeof ctr__mount_options / sizeof *ctr__mount_options; i++) {
    const struct ctr__mount_option *option = &ctr__mount_options[i];
    bool meant = attributes ? option->kind == CTR__OPT_ATTR
                            : option->kind == CTR__OPT_SUPER || option->kind == CTR__OPT_SUPER_OLD;
    if (!meant || !option->set || (bits & option->set) != option->set) continue;
    ctr__text_add(t, "%s%s", separator, option->name);
    separator = ",";
  }
  if (!*separator) ctr__text_add(t, "none");
}

/* What is taken away, if anything, by the names of the options that set it. The field of access
   times is always cleared before it is set. */
static void ctr__text_lifted(ctr__text *t, uint64_t set, uint64_t clr) {
  if ((clr & CTR__ATTR_ATIME) && !(set & CTR__ATTR_ATIME)) ctr__text_add(t, ", relatime");
  clr &= ~(set | CTR__ATTR_ATIME);
  if (!clr) return;
  ctr__text_add(t, " without ");
  ctr__text_options(t, true, clr);
}

static void ctr__text_propagation(ctr__text *t, uint64_t type) {
  for (size_t i = 0; i < sizeof ctr__mount_options / sizeof *ctr__mount_options; i++) {
    const struct ctr__mount_option *option = &ctr__mount_options[i];
    if (option->kind == CTR__OPT_PROPAGATION &&
        type == (option->set | (option->recursive ? (uint64_t)MS_REC : 0)))
      ctr__text_add(t, "%s", option->name);
  }
}

/* The propagation of a bind mount, unless it is what nobody asked for. */
static void ctr__text_unusual_propagation(ctr__text *t, uint64_t type) {
  if (type == (MS_PRIVATE | MS_REC)) return;
  ctr__text_add(t, "; ");
  ctr__text_propagation(t, type);
}

static void ctr__text_below(ctr__text *t, uint64_t set, uint64_t clr) {
  if (!set && !clr) return;
  ctr__text_add(t, "; all below: set ");
  ctr__text_options(t, true, set);
  ctr__text_add(t, ", clear ");
  ctr__text_options(t, true, clr);
}

static void ctr__text_ids(ctr__text *t, uint64_t map, uint64_t source) {
  if (map && (source & CTR__IDMAP_JOINED))
    ctr__text_add(t, "; ids as in the joined user namespace");
  else if (map)
    ctr__text_add(t, "; ids by map %llu", (unsigned long long)map);
  if (map && (source & CTR__IDMAP_BELOW)) ctr__text_add(t, ", also below");
}

static void ctr__text_owner(ctr__text *t, uint64_t uid, uint64_t gid) {
  if (uid || gid)
    ctr__text_add(t, ", owner %llu:%llu", (unsigned long long)uid, (unsigned long long)gid);
}

/* Where the library's directories have another mode than usual. */
static void ctr__text_unusual_mode(ctr__text *t, uint64_t mode) {
  if (mode != 0755) ctr__text_add(t, ", mode %04llo", (unsigned long long)mode);
}

static void ctr__text_until_restricted(ctr__text *t, uint64_t caps) {
  if (!caps) return;
  ctr__text_add(t, "; until it is restricted also ");
  ctr__text_bits(t, &ctr__capability_names, true, caps);
}

static void ctr__text_filter_flags(ctr__text *t, uint64_t flags) {
  const uint64_t told = flags & ~(uint64_t)(CTR__SECCOMP_NEW_LISTENER | CTR__SECCOMP_TSYNC_ESRCH);
  if (!told) return;
  ctr__text_add(t, " (");
  ctr__text_bits(t, &ctr__seccomp_flags, false, told);
  ctr__text_add(t, ")");
}

static void ctr__text_preset(ctr__text *t, const char *preset, uint64_t caps) {
  if (!preset) return;
  ctr__text_add(t, ", the preset %s", preset);
  if (!caps) return;
  ctr__text_add(t, " with what is for ");
  ctr__text_bits(t, &ctr__capability_names, true, caps);
}

static void ctr__text_landlock(ctr__text *t, enum ctr__landlock_kind kind, uint64_t bits) {
  static const char *const kinds[] = {"files", "TCP", "scopes"};
  const char *separator = "";
  if (bits) ctr__text_add(t, "; %s ", kinds[kind]);
  for (size_t i = 0; i < CTR__LANDLOCK_ROWS; i++) {
    const struct ctr__landlock_right *right = &ctr__landlock_rights[i];
    if (right->kind != kind || !right->abi || !(bits & right->bits)) continue;
    ctr__text_add(t, "%s%s", separator, right->name);
    separator = ",";
  }
}

static void ctr__text_limit(ctr__text *t, uint64_t value) {
  if (value == UINT64_MAX)
    ctr__text_add(t, "unlimited");
  else
    ctr__text_add(t, "%llu", (unsigned long long)value);
}

static const char *const ctr__limit_rules[] = {
    [CTR__LIMIT_ALWAYS] = "",
    [CTR__LIMIT_IF_THERE] = ", if it is there",
    [CTR__LIMIT_ELSE] = ", if the one before is not there",
    [CTR__LIMIT_IF_FREE] = ", unless more is in use",
};

static void ctr__text_size(ctr__text *t, uint64_t rows, uint64_t columns) {
  if (rows || columns)
    ctr__text_add(t, " of %llu rows and %llu columns", (unsigned long long)rows,
                  (unsigned long long)columns);
}

static void ctr__text_if_any(ctr__text *t, const char *before, const char *text) {
  if (text && *text) ctr__text_add(t, "%s%s", before, text);
}

static void ctr__text_timeout(ctr__text *t, uint64_t seconds) {
  if (seconds) ctr__text_add(t, ", %llu seconds at most", (unsigned long long)seconds);
}

/* A list of strings; of numbers, where the step is about groups. */
static void ctr__text_list(ctr__text *t, const ctr_plan *plan, const ctr__step *step, int i) {
  for (uint32_t n = 0; n < ctr__list_count(plan, step->str[i]); n++) {
    ctr__text_add(t, "%s", n ? "," : "");
    if (step->kind == CTR__STEP_USER)
      ctr__text_add(t, "%u", ctr__list_items(plan, step->str[i])[n]);
    else
      ctr__text_add(t, "%s", ctr__list_str(plan, step->str[i], n));
  }
}

/* One placeholder of a step's text: its letter says how, its digit which string or number. */
static void ctr__text_placeholder(ctr__text *t, const ctr_plan *plan, const ctr__step *step,
                                  char letter, int i) {
  unsigned long long num = step->num[i];
  const char *str = i < CTR__STEP_STRS ? ctr__plan_str(plan, step->str[i]) : NULL;
  switch (letter) {
  case 's': ctr__text_add(t, "%s", str ? str : ""); break;
  case 'l': ctr__text_list(t, plan, step, i); break;
  case 'u': ctr__text_add(t, "%llu", num); break;
  case 'o': ctr__text_add(t, "%04llo", num & 07777); break;
  case 'N': ctr__text_bits(t, &ctr__namespace_names, false, num); break;
  case 'f': ctr__text_filter_flags(t, num); break;
  case 'H': ctr__text_preset(t, str, num); break;
  case 'a': ctr__text_landlock(t, CTR__LANDLOCK_FS, num); break;
  case 'n': ctr__text_landlock(t, CTR__LANDLOCK_NET, num); break;
  case 'c': ctr__text_landlock(t, CTR__LANDLOCK_SCOPE, num); break;
  case 'X': ctr__text_until_restricted(t, num); break;
  case 'C': ctr__text_bits(t, &ctr__capability_names, true, num); break;
  case 'A': ctr__text_options(t, true, num); break;
  case 'F': ctr__text_options(t, false, num); break;
  case 'L': ctr__text_lifted(t, step->num[i - 1], num); break;
  case 'b': ctr__text_add(t, num ? "rbind" : "bind"); break;
  case 'P': ctr__text_propagation(t, num); break;
  case 'p': ctr__text_unusual_propagation(t, num); break;
  case 'r': ctr__text_below(t, num, step->num[i + 1]); break;
  case 'Y': ctr__text_ids(t, num, step->num[i + 1]); break;
  case 'O': ctr__text_owner(t, num, step->num[i + 1]); break;
  case 'm': ctr__text_unusual_mode(t, num); break;
  case 'U': ctr__text_add(t, "%s", num ? "; changes go to a new tmpfs" : ""); break;
  case 'q':
    ctr__text_add(t, "%s", num == CTR__AS_ROOT_BELOW_READ_ONLY ? "; all below: read-only" : "");
    break;
  case 'T': ctr__text_add(t, "%c", S_ISBLK(num) ? 'b' : S_ISFIFO(num) ? 'p' : 'c'); break;
  case 'D': ctr__text_add(t, "%u:%u", major((dev_t)num), minor((dev_t)num)); break;
  case 'R': ctr__text_add(t, "%s", ctr__name_of(&ctr__rlimit_names, (int64_t)num + 1)); break;
  case 'B': ctr__text_limit(t, num); break;
  case 'M': ctr__text_add(t, "%s", ctr__exchanges[num].name); break;
  case 'Z': ctr__text_size(t, num, step->num[i + 1]); break;
  case 'K': ctr__text_add(t, "%s", num ? ", also as /dev/console" : ""); break;
  case 'W': ctr__text_timeout(t, num); break;
  case 'V': ctr__text_add(t, num ? "all but" : "none but"); break;
  case 'E': ctr__text_add(t, "%s", ctr__limit_rules[num]); break;
  case 'G': ctr__text_if_any(t, ", with ", str); break;
  case 'I': ctr__text_if_any(t, ", in the cgroup ", str); break;
  default: break;
  }
}

/* What a step does, with its arguments: "mount tmpfs on /dev (mode=755; nosuid)". */
static void ctr__text_step(ctr__text *t, const ctr_plan *plan, const ctr__step *step) {
  for (const char *at = ctr__step_infos[step->kind].text; *at; at++) {
    if (*at != '%') {
      ctr__text_add(t, "%c", *at);
      continue;
    }
    ctr__text_placeholder(t, plan, step, at[1], at[2] - '0');
    at += 2;
  }
  for (char *c = t->buf; *c; c++)
    if ((unsigned char)*c < ' ') *c = ' '; /* such as the ends of lines in a map */
}

/* One line, whatever strings of the config are in it, and cut where it is too long. */
static void ctr__text_end_line(ctr__text *t) {
  ctr__one_line(t->buf);
  t->len -= t->len == sizeof t->buf - 1;
  t->buf[t->len++] = '\n';
}

ctr_code ctr_plan_explain(const ctr_plan *plan, ctr_sink sink, void *userdata, ctr_err *err) {
  ctr__err_clear(err);
  if (!plan || !sink) return ctr__fail(err, CTR_E_ARG, 0, NULL, "plan and sink are needed");
  for (uint32_t i = 0; i < plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    const char *field = ctr__plan_str(plan, step->field);
    ctr__text line = {.len = 0}, what = {.len = 0};
    ctr__text_step(&what, plan, step);
    ctr__text_add(&line, "%3u  %-6s  %s", i, ctr__lane_names[step->lane], what.buf);
    if (field) ctr__text_add(&line, "  <- %s", field);
    ctr__text_add(&line, "  [%s]", ctr__step_infos[step->kind].man);
    ctr__text_end_line(&line);
    if (sink(userdata, line.buf, line.len))
      return ctr__fail(err, CTR_E_SYS, ECANCELED, NULL, "the sink stopped");
  }
  return CTR_OK;
}

ctr_code ctr_rights_explain(ctr_sink sink, void *userdata, ctr_err *err) {
  ctr_config nothing = {0};
  ctr__facts facts;
  ctr__err_clear(err);
  if (!sink) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a sink is needed");
  ctr_code code = ctr__gather_facts(&nothing, 0, &facts, err);
  if (code) return code;
  code = ctr__gather_all_ids(&facts, err);
  if (code) return code;
  for (size_t i = 0; i < CTR__RIGHT_COUNT; i++) {
    const struct ctr__right_row *row = &ctr__rights[i];
    ctr__text line = {.len = 0};
    ctr__text_add(&line, "%-7s %s: takes %s; instead %s",
                  !row->has          ? "depends"
                  : row->has(&facts) ? "yes"
                                     : "no",
                  row->asked, row->needs, row->instead);
    ctr__text_end_line(&line);
    if (sink(userdata, line.buf, line.len))
      return ctr__fail(err, CTR_E_SYS, ECANCELED, NULL, "the sink stopped");
  }
  return CTR_OK;
}

/* -- presets -- */

static const char *const ctr__preset_words[] = {[CTR__IN_NONE] = "no",
                                                [CTR__IN_DEFAULT] = "default",
                                                [CTR__IN_STRICT] = "strict",
                                                [CTR__IN_BOTH] = "both"};

static void ctr__text_refusal(ctr__text *t, uint32_t answer) {
  ctr__text_add(t, "; else %s", ctr__name_of(&ctr__refusal_names, answer & ~CTR__SECCOMP_ACTION));
}

/* Where rules name what is refused, and not what is allowed, they say how. */
static uint32_t ctr__guard_refusal(const ctr__call_guard *guard) {
  return guard->otherwise == CTR__SECCOMP_ALLOW ? guard->rules[0].answer : guard->otherwise;
}

static int ctr__explain_group(size_t index, ctr_sink sink, void *userdata) {
  const ctr__call_group *group = &ctr__call_groups[index];
  ctr__text line = {.len = 0};
  ctr__text_add(&line, "%-7s  %s: %s", ctr__preset_words[group->presets], group->name, group->why);
  if (group->caps) ctr__text_add(&line, "; default with ");
  if (group->caps) ctr__text_bits(&line, &ctr__capability_names, true, group->caps);
  if (group->presets != CTR__IN_BOTH) ctr__text_refusal(&line, group->refusal);
  ctr__text_add(&line, ":");
  for (int row = 0; row < CTR__SYSCALL_ROWS; row++)
    if (ctr__syscall_rows[row].group == index)
      ctr__text_add(&line, " %s", ctr__syscall_rows[row].name);
  ctr__text_end_line(&line);
  return sink(userdata, line.buf, line.len);
}

static int ctr__explain_guard(const ctr__call_guard *guard, ctr_sink sink, void *userdata) {
  ctr__text line = {.len = 0};
  ctr__text_add(&line, "%-7s  of %s(2): %s", ctr__preset_words[guard->presets], guard->call,
                guard->why);
  if (guard->caps) ctr__text_add(&line, "; all with ");
  if (guard->caps) ctr__text_bits(&line, &ctr__capability_names, true, guard->caps);
  ctr__text_refusal(&line, ctr__guard_refusal(guard));
  ctr__text_end_line(&line);
  return sink(userdata, line.buf, line.len);
}

ctr_code ctr_seccomp_explain(ctr_sink sink, void *userdata, ctr_err *err) {
  int stopped = 0;
  ctr__err_clear(err);
  if (!sink) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a sink is needed");
  for (size_t i = 0; i < CTR__CALL_GROUP_COUNT && !stopped; i++)
    stopped = ctr__explain_group(i, sink, userdata);
  for (size_t i = 0; i < CTR__CALL_GUARDS && !stopped; i++)
    stopped = ctr__explain_guard(&ctr__call_guards[i], sink, userdata);
  return stopped ? ctr__fail(err, CTR_E_SYS, ECANCELED, NULL, "the sink stopped") : CTR_OK;
}

/* ==== [SECTION] child/state.c ================================================================= */
/* What runs between clone and execve. The caller may have threads, one of which may have held any
   lock when we were cloned; so nothing here allocates, locks, prints or reads the environment:
   system calls, this state on the stack, and the plan. */

/* Directories of the base. */
#define CTR__BASE_NEW "new"
#define CTR__BASE_OLD "old"

enum { CTR__MADE_MAX = 256, CTR__EXTRA_MAX = 256, CTR__NOTE_MAX = 512 };

/* A page that parent and child share: a child that somebody hostile has got hold of may write
   anything to it, at any time. */
typedef struct ctr__shared {
  volatile uint32_t step; /* the step under way, so that a death can be told from a successful
                             execve, which both close the channel                               */
  volatile int32_t pid;   /* of a child that an intermediate process has cloned, by the kernel: also
                             when that dies before it can report it                             */
  char note[CTR__NOTE_MAX]; /* what a program that failed has said */
  ctr__message failure;     /* the last word of a child that cannot send it any more: a seccomp
                               filter of the caller's may forbid that                             */
  dev_t root_dev;           /* the directory in which what follows was made */
  ino_t root_ino;
  volatile uint32_t made_count;
  volatile struct {
    uint32_t step;       /* its path */
    uint32_t end;        /* where the first component of it ends that had to be made */
    uint64_t ino;        /* of what is no directory: that it is still that, when it is taken away */
  } made[CTR__MADE_MAX]; /* what a failed start takes away again */
} ctr__shared;

/* The mount that a step has made. */
typedef struct ctr__mounted {
  bool is_meant; /* and is to be known again */
  ctr__mount_id id;
} ctr__mounted;

/* What the parent gets ready for the child before it clones. */
typedef struct ctr__launch {
  const ctr_plan *plan;
  int sock;                                 /* the child's end of the sync channel             */
  int parent_sock;                          /* the parent's, which a child closes at once      */
  int stdio[3];                             /* descriptors to become 0, 1, 2                    */
  const int *extra;                         /* those to become 3 and on                       */
  int extra_count;                          /* at most CTR__EXTRA_MAX                         */
  int start_sock;                           /* where who starts the container comes by; or -1 */
  int init_pidfd;                           /* opened by OPEN_INIT                            */
  int namespaces[CTR__PLAN_MAX_NAMESPACES]; /* opened by OPEN_NAMESPACE                       */
  char **argv, **envp;                      /* the plan's lists as execve wants them           */
  char ***program_argv, ***program_envp;    /* the same for each hook and helper              */
  int (*function)(void *function_data);     /* what CALL calls                                 */
  void *function_data;
  char ***environment; /* where getenv(3) looks                           */
  struct {
    char *start;
    size_t size;
  } concealed[2];        /* the caller's command line and environment, where CONCEAL is */
  ctr__mounted *mounted; /* by each step, where one is meant by another; or NULL */
  ctr__shared *shared;
} ctr__launch;

/* The report of a step that failed after the container was started. */
typedef struct ctr__start_report {
  ctr__message message;
  uint32_t kind;
  char field[128], arg[256], note[CTR__NOTE_MAX];
} ctr__start_report;

typedef struct ctr__child {
  const ctr__launch *launch;
  const ctr_plan *plan;
  uint32_t at;               /* the step under way, which an error names                   */
  enum ctr__reason reason;   /* set by a step that fails where errno does not say enough   */
  int64_t detail;            /* goes with the reason                                       */
  uint64_t postponed;        /* namespaces that refused to be joined before the user one   */
  int sock, start_sock;      /* as in launch, moved out of the way                         */
  bool is_started;           /* sock is that of who started the container                  */
  int proc;                  /* a verified procfs, the host's                              */
  int base;                  /* where that and the host's tree are, if it is a mount's own */
  int root;                  /* the container's root                                       */
  dev_t root_dev;            /* and its file system                                        */
  int held[CTR__HELD_COUNT]; /* the container's procfs and sysfs, until something covers it */
  struct stat held_stat[CTR__HELD_COUNT];
  int null_device; /* the host's /dev/null, what files are masked with           */
  int mask_dir;    /* an empty read-only tmpfs, what directories are masked with */
  mode_t umask;    /* the caller's                                               */
  int listener;    /* what notifications of the filter come from          */
  int view_tree;   /* a detached mount of the caller's program            */
  int view_place;  /* and that program, in the host's tree                */
  int exe;         /* what is to be its /proc/PID/exe                     */
  ctr__mm_map mm;  /* goes with that                                      */
  int ruleset;     /* of Landlock, until it is in force                   */
  bool entered_cwd;
  uint32_t found; /* which candidate LOOK_UP found */
} ctr__child;

static const char *ctr__arg(const ctr__child *c, const ctr__step *s, int i) {
  return ctr__plan_str(c->plan, s->str[i]);
}

static int ctr__because(ctr__child *c, enum ctr__reason reason, int error) {
  c->reason = reason;
  return error;
}

/* Something is to be mounted on target: when that is the root of a mount that is held, what is to
   be masked there is on the new one, whatever links led here. */
static void ctr__let_covered_go(ctr__child *c, int target) {
  struct stat st;
  if (fstat(target, &st) < 0) return;
  for (int i = 1; i < CTR__HELD_COUNT; i++)
    if (c->held[i] >= 0 && st.st_dev == c->held_stat[i].st_dev &&
        st.st_ino == c->held_stat[i].st_ino)
      ctr__close(&c->held[i]);
}

/* Something was made at the path of the step under way; name in dir is the last of it ("": dir
   itself), or dir is an error. On another file system than the root's it goes with its mount. */
static void ctr__note_made(const ctr__child *c, int dir, const char *name, size_t end) {
  ctr__shared *shared = c->launch->shared;
  struct stat st = {.st_ino = 0};
  if (!end || shared->made_count >= CTR__MADE_MAX) return;
  if (dir >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0 &&
      st.st_dev != c->root_dev)
    return;
  shared->made[shared->made_count].ino = st.st_ino;
  shared->made[shared->made_count].step = c->at;
  shared->made[shared->made_count].end = (uint32_t)end;
  shared->made_count++;
}

/* One packet. */
static int ctr__send_bytes(int sock, const void *data, size_t len) {
  ssize_t n;
  do n = send(sock, data, len, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : 0;
}

static int ctr__send(int sock, const ctr__message *message) {
  return ctr__send_bytes(sock, message, sizeof *message);
}

static int ctr__send_fd(int sock, const ctr__message *message, int fd) {
  const ssize_t n = ctr__send_with_fd(sock, message, sizeof *message, fd);
  return n < 0 ? (int)n : 0;
}

/* The next packet: 0, -EPROTO for anything but a whole message, -EPIPE when nobody is there. */
static int ctr__receive(int sock, ctr__message *message) {
  ssize_t n;
  do n = recv(sock, message, sizeof *message, MSG_TRUNC);
  while (n < 0 && errno == EINTR);
  if (n < 0) return errno == ECONNRESET ? -EPIPE : -errno;
  if (n == 0) return -EPIPE;
  return (size_t)n == sizeof *message ? 0 : -EPROTO;
}

static bool ctr__hung_up(int sock) {
  struct pollfd end = {.fd = sock};
  return ctr__poll_now(&end, 1) > 0 && (end.revents & POLLHUP);
}

static bool ctr__brings_fd(uint32_t type) {
  return type == CTR__MSG_PID || type == CTR__MSG_CONSOLE || type == CTR__MSG_SOURCE ||
         type == CTR__MSG_LISTENER;
}

/* The next packet: its length, more than there is room for if it was cut; or -errno. In *ret_fd is
   the descriptor that came with it; -1: none did, -2: more than one, which are closed. */
static ssize_t ctr__receive_packet(int sock, void *data, size_t room, int *ret_fd) {
  union {
    struct cmsghdr head;
    char buf[CMSG_SPACE(8 * sizeof(int))];
  } control;
  struct iovec iov = {data, room};
  struct msghdr packet = {.msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = &control,
                          .msg_controllen = sizeof control.buf};
  ssize_t n;
  *ret_fd = -1;
  /* ECONNRESET is told once, before what the other side has sent: then that is read. */
  do n = recvmsg(sock, &packet, MSG_CMSG_CLOEXEC | MSG_TRUNC);
  while (n < 0 && (errno == EINTR || errno == ECONNRESET));
  if (n < 0) return -errno;
  size_t fds = 0;
  if (packet.msg_controllen >= CMSG_LEN(0) && control.head.cmsg_type == SCM_RIGHTS &&
      control.head.cmsg_level == SOL_SOCKET)
    fds = (control.head.cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < fds; i++) {
    memcpy(ret_fd, CMSG_DATA(&control.head) + i * sizeof *ret_fd, sizeof *ret_fd);
    if (fds > 1) close(*ret_fd);
  }
  if (fds > 1 || (packet.msg_flags & MSG_CTRUNC)) {
    if (fds == 1) close(*ret_fd);
    *ret_fd = -2;
  } else if (fds) {
    *ret_fd = ctr__fd_high(*ret_fd);
    if (*ret_fd < 0) return *ret_fd;
  }
  return n;
}

/* The next packet and, in *ret_fd when that is asked for, the descriptor that came with it. Any
   other descriptor is closed by us and any other size refused. */
static int ctr__receive_fd(int sock, ctr__message *message, int *ret_fd) {
  int fd;
  const ssize_t n = ctr__receive_packet(sock, message, sizeof *message, &fd);
  if (n < 0) return (int)n;
  const bool brings = n == (ssize_t)sizeof *message && ret_fd && ctr__brings_fd(message->type);
  const bool whole = n == (ssize_t)sizeof *message && (brings ? fd >= 0 : fd == -1);
  if (!whole && fd >= 0) close(fd);
  if (n == 0) return ctr__hung_up(sock) ? -EPIPE : -EPROTO; /* an empty packet is no end */
  if (!whole) return -EPROTO;
  if (brings) *ret_fd = fd;
  return 0;
}

/* Without a parent, nobody would know of the program or wait for it: until it is left alone. */
static int ctr__see_parent(ctr__child *c) {
  return !c->is_started && ctr__hung_up(c->sock) ? ctr__because(c, CTR__WHY_PARENT_GONE, -EPIPE)
                                                 : 0;
}

static int ctr__child_sync(ctr__child *c, const ctr__step *s) {
  const struct ctr__exchange *exchange = &ctr__exchanges[s->num[0]];
  ctr__message message = {.type = exchange->request};
  int r = exchange->request ? ctr__send(c->sock, &message) : 0;
  if (r == 0 && !exchange->answer) return 0;
  if (r == 0) r = ctr__receive(c->sock, &message);
  if (r == -EPIPE || r == -ECONNRESET) return ctr__because(c, CTR__WHY_PARENT_GONE, r);
  if (r < 0) return r;
  return message.type == exchange->answer ? 0 : ctr__because(c, CTR__WHY_BAD_ANSWER, -EPROTO);
}

/* What the step under way is made from: the parent looks it up in the plan and sends it. */
static int ctr__ask_parent(ctr__child *c) {
  ctr__message message = {.type = CTR__MSG_OPEN, .step = c->at};
  CTR__AUTO_CLOSE fd = -1;
  int r = ctr__send(c->sock, &message);
  if (r == 0) r = ctr__receive_fd(c->sock, &message, &fd);
  if (r == -EPIPE || r == -ECONNRESET) return ctr__because(c, CTR__WHY_PARENT_GONE, r);
  if (r == -EPROTO || (r == 0 && message.type != CTR__MSG_SOURCE))
    return ctr__because(c, CTR__WHY_BAD_ANSWER, -EPROTO);
  return r < 0 ? r : ctr__steal_fd(&fd);
}

/* Whether what the child could not open is the parent's to open. */
static bool ctr__is_askable(const ctr__step *s, int error) {
  return error == -EACCES && (s->num[CTR__NUM_SOURCE] & CTR__SOURCE_ASK);
}

/* ==== [SECTION] child/namespaces.c ============================================================ */
/* Namespaces: joining them, and settling into new ones. */

/* Nobody in a namespace that is joined may look into us (CVE-2016-9962); the child that is cloned
   inherits it, execve ends it (PR_SET_DUMPABLE(2const)). */
static int ctr__child_undumpable(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return (int)ctr__ret(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

/* Name and command line of who is in a pid namespace can be read by everybody in it
   (proc_pid_comm(5), proc_pid_cmdline(5)), and the rest by who may trace it: ours are the caller's
   until execve. */
static int ctr__child_conceal(ctr__child *c, const ctr__step *s) {
  const ctr__launch *l = c->launch;
  (void)s;
  for (int i = 0; i < 2; i++)
    if (l->concealed[i].size) memset(l->concealed[i].start, 0, l->concealed[i].size);
  return (int)ctr__ret(prctl(PR_SET_NAME, "ctr", 0, 0, 0));
}

/* Who is in a namespace that is joined and may trace us could take the caller's descriptors: only
   what the start needs, and what the program is to have, comes along. */
static int ctr__stage_close_others(ctr__child *c, const ctr__step *s) {
  const ctr__launch *l = c->launch;
  int kept[3 + CTR__PLAN_MAX_NAMESPACES + 3 + CTR__EXTRA_MAX] = {c->sock, c->start_sock,
                                                                 l->init_pidfd};
  int count = 3;
  (void)s;
  for (int i = 0; i < CTR__PLAN_MAX_NAMESPACES; i++) kept[count++] = l->namespaces[i];
  for (int i = 0; i < 3; i++) kept[count++] = l->stdio[i];
  for (int i = 0; i < l->extra_count; i++) kept[count++] = l->extra[i];
  for (int first = 3;;) {
    int next = INT_MAX;
    for (int i = 0; i < count; i++)
      if (kept[i] >= first && kept[i] < next) next = kept[i];
    const unsigned last = next == INT_MAX ? ~0U : (unsigned)next - 1;
    long r = next == first ? 0 : CTR__CALL(CTR__SYS_close_range, (unsigned)first, last, 0U);
    if (r == -ENOSYS || r == -EPERM) return 0; /* before Linux 5.9: CLOSE_FDS does it, later */
    if (r < 0 || next == INT_MAX) return (int)r;
    first = next + 1;
  }
}

static int ctr__stage_drop_groups(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return (int)CTR__CALL(CTR__SYS_setgroups, 0, NULL);
}

static int ctr__join(const ctr__child *c, const ctr__step *s) {
  return (int)ctr__ret(setns(c->launch->namespaces[s->num[1]], (int)s->num[0]));
}

/* A namespace that belongs to the user namespace that is still to be joined refuses until then. */
static int ctr__stage_setns(ctr__child *c, const ctr__step *s) {
  int r = ctr__join(c, s);
  if (r != -EPERM || s->num[0] == CTR_NS_USER) return r;
  c->postponed |= UINT64_C(1) << s->num[1];
  return 0;
}

static int ctr__stage_setns_again(ctr__child *c, const ctr__step *s) {
  int r = 0;
  for (uint32_t i = 0; i < c->plan->step_count && r == 0; i++) {
    const ctr__step *join = ctr__plan_step(c->plan, i);
    if (join->kind != CTR__STEP_SETNS || !(c->postponed >> join->num[1] & 1)) continue;
    c->at = i;
    r = ctr__join(c, join);
  }
  (void)s;
  return r;
}

/* All at once, by the pidfd: the kernel does it or does nothing (setns(2), Linux 5.8). A user
   namespace that the caller is in cannot be joined again. */
static int ctr__stage_join_init(ctr__child *c, const ctr__step *s) {
  (void)s;
  return (int)ctr__ret(setns(c->launch->init_pidfd, (int)s->num[0]));
}

static int ctr__set_groups(ctr__child *c, uint64_t how, ctr__ref groups) {
  if (how == CTR__GROUPS_LEAVE) return 0;
  uint32_t count = ctr__list_count(c->plan, groups);
  int r =
      (int)CTR__CALL(CTR__SYS_setgroups, count, count ? ctr__list_items(c->plan, groups) : NULL);
  if (r == -EPERM && how == CTR__GROUPS_TRY) return 0;
  return r == -EPERM ? ctr__because(c, CTR__WHY_SETGROUPS, r) : r;
}

/* Copies a descriptor that is below first to above; the place it had is to be another's. */
static int ctr__move_above(int *fd, int first) {
  if (*fd < 0 || *fd >= first) return 0;
  *fd = (int)ctr__ret(fcntl(*fd, F_DUPFD_CLOEXEC, first));
  return *fd < 0 ? *fd : 0;
}

static int ctr__child_stdio(ctr__child *c, const ctr__step *s) {
  (void)s;
  const ctr__launch *launch = c->launch;
  const int count = 3 + launch->extra_count;
  int high[3 + CTR__EXTRA_MAX];
  for (int i = 0; i < count; i++) { /* out of each other's way first: {2, 0, 1} is a fair wish */
    int fd = i < 3 ? launch->stdio[i] : launch->extra[i - 3];
    high[i] = fd < 0 ? -1 : (int)ctr__ret(fcntl(fd, F_DUPFD_CLOEXEC, count));
    if (fd >= 0 && high[i] < 0) return high[i];
  }
  int r = ctr__move_above(&c->sock, count);
  if (r == 0) r = ctr__move_above(&c->start_sock, count);
  for (int i = 0; i < count && r == 0; i++) {
    if (high[i] < 0) close(i);
    if (high[i] >= 0) r = dup2(high[i], i) < 0 ? -errno : 0;
    ctr__close(&high[i]);
  }
  return r;
}

static int ctr__close_rest(int first, const int kept[2]) {
  int r = ctr__close_all_but(first, kept);
  if (r != -ENOSYS && r != -EPERM) return r;
  CTR__AUTO_CLOSE proc = ctr__open_proc();
  return proc < 0 ? proc : ctr__close_listed_but(proc, first, kept);
}

static int ctr__child_close_fds(ctr__child *c, const ctr__step *s) {
  const int kept[2] = {c->sock, c->start_sock};
  (void)s;
  return ctr__close_rest(3 + c->launch->extra_count, kept);
}

/* execve keeps ignored signals ignored and blocked ones blocked; a container's first process starts
   as after boot. The caller's handlers cannot run meanwhile: everything is blocked since before the
   clone. By number: libc keeps the first real-time signals to itself, and a caller may have been
   started with those ignored. */
static int ctr__default_signals(void) {
  static const uint64_t zeros[8]; /* the kernel's struct sigaction, its SIG_DFL, its empty set */
  for (int i = 1; i <= 8 * CTR__SIGSET_SIZE; i++) /* SIGKILL and SIGSTOP refuse */
    syscall(SYS_rt_sigaction, i, zeros, NULL, (size_t)CTR__SIGSET_SIZE);
  return ctr__sigmask(zeros, NULL);
}

static int ctr__child_signals(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return ctr__default_signals();
}

/* The caller may have ended before the kernel was told to watch it: then its end of the channel is
   closed. */
static int ctr__child_die_with_caller(ctr__child *c, const ctr__step *s) {
  (void)s;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return -errno;
  return ctr__see_parent(c);
}

/* Files made in the user namespace are to belong to its root, and the caller's groups are not to
   be had inside. */
static int ctr__child_become_root(ctr__child *c, const ctr__step *s) {
  int r = ctr__set_groups(c, s->num[0], 0);
  if (r == 0) r = (int)CTR__CALL(CTR__SYS_setresgid, 0, 0, 0);
  if (r == 0) r = (int)CTR__CALL(CTR__SYS_setresuid, 0, 0, 0);
  return r == -EINVAL && s->num[1] ? 0 : r; /* a joined one need not have a root */
}

static int ctr__write_own_map(ctr__child *c, const char *file, uint64_t inside, uint64_t outside) {
  char text[64];
  char *end = ctr__put_uint(ctr__put_str(ctr__put_uint(text, inside), " "), outside);
  end = ctr__put_str(end, " 1");
  return ctr__write_proc(c->proc, file, text, (size_t)(end - text));
}

static int ctr__child_inner_userns(ctr__child *c, const ctr__step *s) {
  const uid_t uid = geteuid();
  const gid_t gid = getegid();
  int r = ctr__set_groups(c, s->num[2], 0);
  if (r == 0) r = (int)ctr__ret(unshare(CTR_NS_USER));
  if (r == 0) r = ctr__write_proc(c->proc, "self/setgroups", "deny", 4);
  if (r == 0) r = ctr__write_own_map(c, "self/uid_map", s->num[0], uid);
  return r < 0 ? r : ctr__write_own_map(c, "self/gid_map", s->num[1], gid);
}

static int ctr__child_setsid(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return setsid() < 0 ? -errno : 0;
}

/* A session keyring that does not contain the caller's keys. Kernels without keyrings have no keys
   to leak. */
static int ctr__child_keyring(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  long r = CTR__CALL(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL);
  return r < 0 && r != -ENOSYS ? (int)r : 0;
}

static int ctr__child_hold_proc(ctr__child *c, const ctr__step *s) {
  (void)s;
  c->proc = ctr__open_proc();
  if (c->proc == -ENOTSUP) c->reason = CTR__WHY_NOT_PROCFS;
  return c->proc < 0 ? c->proc : 0;
}

static int ctr__child_cgroup_namespace(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return (int)ctr__ret(unshare(CTR_NS_CGROUP));
}

/* time_namespaces(7): offsets can be set until the first process enters; unshare makes the
   namespace for children only, setns then moves ourselves in. */
static int ctr__child_time_namespace(ctr__child *c, const ctr__step *s) {
  if (unshare(CTR_NS_TIME) < 0) return -errno;
  const char *offsets = ctr__arg(c, s, 0);
  int r = *offsets ? ctr__write_proc(c->proc, "self/timens_offsets", offsets, strlen(offsets)) : 0;
  if (r < 0) return r;
  CTR__AUTO_CLOSE ns = ctr__openat2(c->proc, "self/ns/time_for_children", O_RDONLY, 0, 0);
  return ns < 0 ? ns : (int)ctr__ret(setns(ns, CTR_NS_TIME));
}

static int ctr__child_loopback(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  CTR__AUTO_CLOSE sock = ctr__fd_high((int)ctr__ret(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  if (sock < 0) return sock;
  struct ifreq lo = {.ifr_name = "lo"};
  lo.ifr_flags = IFF_UP | IFF_RUNNING;
  return (int)ctr__ret(ioctl(sock, SIOCSIFFLAGS, &lo));
}

/* ==== [SECTION] child/own_program.c =========================================================== */
/* The caller's own program stays out of the container's reach (CVE-2019-5736). A process shows the
   file that it runs as /proc/PID/exe, and who may look into it can open that file: for writing as
   soon as nobody runs it any more. So the child lets go of it before anybody of the container can
   see it. It maps the same pages by a mount that cannot be written to and is in no mount namespace,
   or from a sealed copy, over those it has; when nothing of the file itself is mapped any more, the
   kernel lets it have another one in the place of it. Nothing is executed, and the pages of the
   program are the page cache's as before. */

enum { CTR__MAPS_ROOM = 2 * PATH_MAX };

/* -- the view: a descriptor of the file by which it cannot be written to -- */

static int ctr__reopen(int proc, int fd) {
  char path[32];
  *ctr__put_int(ctr__put_str(path, "self/fd/"), fd) = '\0';
  return ctr__open(proc, path, O_RDONLY, 0);
}

/* By a detached mount. When that is let go of, it is in no namespace, so that nobody can make it
   writable again (mount_setattr(2)), and yet there for who has a file of it open. */
static int ctr__view_by_mount(int proc, const char *path, int *ret_tree) {
  struct stat own, seen;
  struct statfs fs;
  CTR__AUTO_CLOSE tree = ctr__open_tree(AT_FDCWD, path, 0);
  if (tree < 0) return tree;
  int r = ctr__mount_setattr(tree, 0, CTR__ATTR_RDONLY, 0, 0);
  CTR__AUTO_CLOSE view = r < 0 ? r : ctr__reopen(proc, tree);
  if (view < 0) return view;
  if (fstatat(proc, "self/exe", &own, 0) < 0 || fstat(view, &seen) < 0 || fstatfs(view, &fs) < 0)
    return -errno;
  const bool same = own.st_dev == seen.st_dev && own.st_ino == seen.st_ino;
  if (!same || !((unsigned long)fs.f_flags & ST_RDONLY)) return -ESTALE;
  *ret_tree = ctr__steal_fd(&tree);
  return ctr__steal_fd(&view);
}

/* Letting go of a mount makes the kernel wait for all CPUs (synchronize_rcu), for the host's tree
   anyway: mounted there it goes along. */
static void ctr__let_go_with_host(ctr__child *c) {
  if (c->view_tree >= 0 && c->view_place >= 0) ctr__move_mount(c->view_tree, c->view_place);
  ctr__close(&c->view_place);
  ctr__close(&c->view_tree);
}

/* A file in memory that is never to change, and whose only descriptor cannot write: the kernel lets
   nobody execute what somebody may write to (ETXTBSY). from: what is in it; -1: nothing. */
static int ctr__sealed_file(int proc, int from) {
  const unsigned flags = CTR__MFD_CLOEXEC | CTR__MFD_ALLOW_SEALING;
  long n = CTR__CALL(SYS_memfd_create, "ctr", flags | CTR__MFD_EXEC);
  if (n == -EINVAL) n = CTR__CALL(SYS_memfd_create, "ctr", flags); /* before Linux 6.3 */
  CTR__AUTO_CLOSE file = ctr__fd_high((int)n);
  if (file < 0) return file;
  n = from < 0 ? 0 : 1;
  while (n > 0) n = CTR__CALL(SYS_sendfile, file, from, NULL, (size_t)1 << 30);
  if (n == 0) n = ctr__ret(fcntl(file, CTR__F_ADD_SEALS, CTR__SEALS));
  return n < 0 ? (int)n : ctr__reopen(proc, file);
}

static int ctr__view_by_copy(int proc) {
  CTR__AUTO_CLOSE own = ctr__open(proc, "self/exe", O_RDONLY, 0);
  return own < 0 ? own : ctr__sealed_file(proc, own);
}

/* Whether the file is to be had by /proc/self/exe alone: its name leads elsewhere or nowhere, now
   or for us; or its mount is not to be copied, being unbindable (EINVAL) or in a mount namespace
   that our user namespace does not own (EPERM). */
static bool ctr__is_out_of_view(int error) {
  static const int errors[] = {ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EACCES, ESTALE, EINVAL, EPERM};
  for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
    if (error == -errors[i]) return true;
  return false;
}

/* -- what is mapped of it -- */

/* A line of proc_pid_maps(5). */
typedef struct ctr__mapping {
  uintptr_t start, end;
  uint64_t offset;
  int prot, flags;
  const char *path;
} ctr__mapping;

typedef struct ctr__own_program {
  const char *path;
  int view;
  int pages;      /* proc_pid_pagemap(5); < 0: not to be had */
  uintptr_t page; /* its size                                */
} ctr__own_program;

static uint64_t ctr__take_hex(const char **at) {
  uint64_t value = 0;
  for (;; ++*at) {
    const char digit = **at;
    if (digit >= '0' && digit <= '9')
      value = value * 16 + (uint64_t)(digit - '0');
    else if (digit >= 'a' && digit <= 'f')
      value = value * 16 + (uint64_t)(digit - 'a' + 10);
    else
      return value;
  }
}

/* 55d0c0a00000-55d0c0a02000 r-xp 00001000 fe:00 1234   /usr/bin/program */
static ctr__mapping ctr__read_mapping(const char *line) {
  static const int bits[UCHAR_MAX + 1] = {['r'] = PROT_READ, ['w'] = PROT_WRITE, ['x'] = PROT_EXEC};
  ctr__mapping m = {.start = (uintptr_t)ctr__take_hex(&line)};
  line++;
  m.end = (uintptr_t)ctr__take_hex(&line);
  line++;
  for (int i = 0; i < 4 && *line; i++, line++) {
    if (i < 3) m.prot |= bits[(unsigned char)*line];
    if (i == 3) m.flags = *line == 's' ? MAP_SHARED : MAP_PRIVATE;
  }
  line++;
  m.offset = ctr__take_hex(&line);
  for (int blanks = 0; *line && blanks < 2; line++) blanks += *line == ' ';
  while (*line && *line != ' ') line++; /* the device and the inode */
  m.path = line + strspn(line, " ");
  return m;
}

/* Whether what is there is another thing than the file says: a page of it is there, or swapped out,
   and no page of a file (proc_pid_pagemap(5)). The loader has written to it, and who patches code.
   Where that is not to be had, any may have been. */
static bool ctr__is_written_to(const ctr__own_program *p, const ctr__mapping *m) {
  enum { FEW = 128 };
  uint64_t pages[FEW] = {0};
  for (uintptr_t at = m->start; at < m->end; at += FEW * p->page) {
    const uintptr_t left = (m->end - at) / p->page, count = left < FEW ? left : FEW;
    const size_t bytes = count * sizeof *pages;
    const ssize_t n =
        p->pages < 0 ? -1 : pread(p->pages, pages, bytes, (off_t)(at / p->page * sizeof *pages));
    if (n != (ssize_t)bytes) return true;
    for (size_t i = 0; i < count; i++)
      if ((pages[i] >> 62 & 3) && !(pages[i] >> 61 & 1)) return true;
  }
  return false;
}

/* -- mapping it again: by numbers, since libc may wait for other threads here -- */

/* *at: where, and where it is. */
static int ctr__mmap(uintptr_t *at, size_t len, int prot, int flags, int fd, uint64_t offset) {
#if defined __s390x__ /* more arguments than registers */
  unsigned long args[] = {*at,
                          len,
                          (unsigned long)prot,
                          (unsigned long)flags,
                          (unsigned long)fd,
                          (unsigned long)offset};
  const long r = syscall(SYS_mmap, args);
#elif defined SYS_mmap2
  const long r = syscall(SYS_mmap2, *at, len, prot, flags, fd, (unsigned long)(offset / 4096));
#else
  const long r = syscall(SYS_mmap, *at, len, prot, flags, fd, offset);
#endif
  if (r == -1) return -errno;
  *at = (uintptr_t)r;
  return 0;
}

/* What lies between variables may be out of bounds to a sanitizer. */
__attribute__((no_sanitize("address"))) static void ctr__copy_words(uintptr_t to, uintptr_t from,
                                                                    size_t len) {
  volatile uintptr_t *out = (volatile uintptr_t *)to; /* not to become a call of memcpy(3) */
  const volatile uintptr_t *in = (const volatile uintptr_t *)from;
  /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): who calls has mapped it */
  for (size_t i = 0; i < len / sizeof *out; i++) out[i] = in[i];
}

static int ctr__map_copy(const ctr__mapping *m) {
  const size_t len = m->end - m->start;
  uintptr_t copy = 0;
  int r = ctr__mmap(&copy, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (r < 0) return r;
  if (!(m->prot & PROT_READ)) r = (int)CTR__CALL(SYS_mprotect, m->start, len, PROT_READ);
  if (r < 0) return r;
  ctr__copy_words(copy, m->start, len);
  r = (int)CTR__CALL(SYS_mprotect, copy, len, m->prot);
  if (r < 0) return r;
  r = syscall(SYS_mremap, copy, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, m->start) == -1 ? -errno
                                                                                         : 0;
  return r;
}

static int ctr__map_view(const ctr__mapping *m, int view) {
  uintptr_t at = m->start;
  return ctr__mmap(&at, m->end - m->start, m->prot, m->flags | MAP_FIXED, view, m->offset);
}

/* Wherever it is mapped, which may be more than once. */
static int ctr__map_again(void *data, const ctr__mapping *m) {
  const ctr__own_program *p = data;
  if (strcmp(m->path, p->path) != 0) return 0;
  return ctr__is_written_to(p, m) ? ctr__map_copy(m) : ctr__map_view(m, p->view);
}

/* All that is mapped, as the kernel lists it, whose place in the list is an address: it does not
   matter what is mapped, or not any more, meanwhile. */
static int ctr__each_mapping(int proc, int (*visit)(void *data, const ctr__mapping *m),
                             void *data) {
  char text[CTR__MAPS_ROOM];
  size_t used = 0;
  CTR__AUTO_CLOSE maps = ctr__open(proc, "self/maps", O_RDONLY, 0);
  if (maps < 0) return maps;
  for (;;) {
    const ssize_t n = read(maps, text + used, sizeof text - used);
    if (n <= 0) return (int)ctr__ret(n);
    used += (size_t)n;
    char *line = text;
    for (size_t i = 0; i < used; i++) {
      if (text[i] != '\n') continue;
      text[i] = '\0';
      const ctr__mapping m = ctr__read_mapping(line);
      const int r = visit(data, &m);
      if (r < 0) return r;
      line = text + i + 1;
    }
    used = (size_t)(text + used - line);
    if (used == sizeof text) return -ENAMETOOLONG;
    memmove(text, line, used);
  }
}

/* -- the steps -- */

/* What the kernel says of the process's memory, as it wants to be told: all at once
   (proc_pid_stat(5), PR_SET_MM_MAP(2const)). */
static int ctr__read_mm(int proc, ctr__mm_map *mm) {
  uint64_t *const fields[] = {[26] = &mm->start_code, [27] = &mm->end_code, [28] = &mm->start_stack,
                              [45] = &mm->start_data, [46] = &mm->end_data, [47] = &mm->start_brk,
                              [48] = &mm->arg_start,  [49] = &mm->arg_end,  [50] = &mm->env_start,
                              [51] = &mm->env_end};
  char state;
  int r = ctr__read_stat_fields(proc, "self/stat", fields, sizeof fields / sizeof *fields, &state);
  return r < 0 || mm->env_end ? r : -EPROTO;
}

/* The first half, while the host's procfs is there. */
static int ctr__child_seal_program(ctr__child *c, const ctr__step *s) {
  const int proc = c->proc;
  char path[PATH_MAX];
  const ssize_t len = ctr__ret(readlinkat(proc, "self/exe", path, sizeof path));
  if (len < 0) return (int)len;
  if (len == (ssize_t)sizeof path) return -ENAMETOOLONG;
  path[len] = '\0';
  CTR__AUTO_CLOSE view = s->num[0] ? ctr__view_by_mount(proc, path, &c->view_tree) : -ENOENT;
  if (ctr__is_out_of_view(view)) view = ctr__view_by_copy(proc);
  if (view < 0) return view;
  if (c->view_tree >= 0) c->view_place = ctr__open(AT_FDCWD, path, O_PATH, 0);
  CTR__AUTO_CLOSE pages = ctr__open(proc, "self/pagemap", O_RDONLY, 0);
  ctr__own_program program = {.path = path,
                              .view = view,
                              .pages = pages,
                              .page = (uintptr_t)s->num[1]};
  int r = ctr__each_mapping(proc, ctr__map_again, &program);
  if (r == 0) r = ctr__read_mm(proc, &c->mm);
  if (r < 0) return r;
  c->exe = ctr__sealed_file(proc, -1);
  /* Where what is in memory may not be executed (vm.memfd_noexec): the view is as safe. */
  if (c->exe < 0) c->exe = ctr__steal_fd(&view);
  return 0;
}

/* The other one, with rights in the user namespace that the process is in by then. */
static int ctr__child_hide_program(ctr__child *c, const ctr__step *s) {
  (void)s;
  c->mm.brk = (uint64_t)(unsigned long)syscall(SYS_brk, 0L);
  int r = ctr__set_exe(&c->mm, c->exe);
  ctr__close(&c->exe);
  return r;
}

/* What the caller shares with others, a ring of io_uring(7) for instance, by which the kernel would
   act for it: a function of the caller's gets none of it. Only who reports on the start is there
   until then. */
static int ctr__unmap_shared(void *data, const ctr__mapping *m) {
  const ctr__child *c = data;
  const bool is_ours = (uintptr_t)c->launch->shared - m->start < m->end - m->start;
  if (m->flags == MAP_PRIVATE || is_ours) return 0;
  return (int)CTR__CALL(SYS_munmap, m->start, m->end - m->start);
}

static int ctr__child_own_memory(ctr__child *c, const ctr__step *s) {
  (void)s;
  return ctr__each_mapping(c->proc, ctr__unmap_shared, c);
}

/* ==== [SECTION] child/mounts.c ================================================================ */
/* Mounts: made detached and moved to a descriptor of the mount point. What is left to be said about
   them is said to their own descriptor, not to a path, which may lead elsewhere by then. */

static int ctr__make_target(ctr__child *c, const char *path, mode_t what) {
  size_t made;
  int fd = ctr__make_in_root(c->root, path, what, &made);
  ctr__note_made(c, fd, "", made);
  if (fd < 0) return ctr__because(c, CTR__WHY_TARGET, fd);
  ctr__let_covered_go(c, fd);
  return fd;
}

/* Where a mount goes: into the container's root, or to the place for that. */
static int ctr__mount_target(ctr__child *c, const ctr__step *s, mode_t what) {
  return s->num[CTR__NUM_ROOT] ? ctr__open(c->base, CTR__BASE_NEW, O_PATH | O_DIRECTORY, 0)
                               : ctr__make_target(c, ctr__arg(c, s, 0), what);
}

/* -- which mount it is -- */

/* The step under way has made it. */
static int ctr__note_mount(const ctr__child *c, int mount) {
  ctr__mounted *all = c->launch->mounted;
  return all && all[c->at].is_meant ? ctr__mount_id_of(mount, &all[c->at].id) : 0;
}

static bool ctr__is_noted(const ctr__child *c, const ctr__mount_id *id) {
  for (uint32_t i = 0; i < c->at; i++)
    if (ctr__is_same_mount(id, &c->launch->mounted[i].id)) return true;
  return false;
}

/* A mount that the step means and its path has led to. */
static int ctr__see_meant(ctr__child *c, const ctr__step *s, int mount) {
  ctr__mount_id id;
  const uint64_t meant = s->num[CTR__NUM_MEANT];
  if (meant == CTR__MEANT_ANY) return 0;
  int r = ctr__mount_id_of(mount, &id);
  if (r < 0) return r;
  const bool good = meant == CTR__MEANT_NONE
                        ? !ctr__is_noted(c, &id)
                        : ctr__is_same_mount(&id, &c->launch->mounted[meant - CTR__MEANT_FIRST].id);
  return good ? 0 : ctr__because(c, CTR__WHY_ANOTHER_MOUNT, -EXDEV);
}

/* What mount(2) has mounted at path: it hands out no descriptor of it. Unless that is to be known
   again, nobody asks. */
static int ctr__note_old_mount(ctr__child *c, const char *path) {
  ctr__mounted *all = c->launch->mounted;
  if (!all || !all[c->at].is_meant) return 0;
  CTR__AUTO_CLOSE mount = ctr__path_in_root(c->root, path);
  if (mount < 0) return ctr__because(c, CTR__WHY_TARGET, mount);
  ctr__mount_id id;
  int r = ctr__mount_id_of(mount, &id);
  if (r < 0) return r;
  if ((!id.id && !id.ino) || ctr__is_noted(c, &id))
    return ctr__because(c, CTR__WHY_ANOTHER_MOUNT, -EXDEV);
  all[c->at].id = id;
  return 0;
}

/* What was mounted as the root is where all that follows is looked up. */
static int ctr__take_root(ctr__child *c, int mount) {
  struct stat st;
  if (fstat(mount, &st) < 0) return -errno;
  c->launch->shared->root_dev = c->root_dev = st.st_dev;
  c->launch->shared->root_ino = st.st_ino;
  c->root = (int)ctr__ret(fcntl(mount, F_DUPFD_CLOEXEC, 3));
  return c->root < 0 ? c->root : ctr__note_mount(c, mount);
}

static int ctr__attach(ctr__child *c, const ctr__step *s, int mount, int target) {
  int r = ctr__move_mount(mount, target);
  if (r < 0) return r;
  return s->num[CTR__NUM_ROOT] ? ctr__take_root(c, mount) : ctr__note_mount(c, mount);
}

/* The mount that a step changes. */
static int ctr__open_target(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE fd = ctr__path_in_root(c->root, ctr__arg(c, s, 0));
  if (fd < 0) return ctr__because(c, CTR__WHY_TARGET, fd);
  int r = ctr__see_meant(c, s, fd);
  return r < 0 ? r : ctr__steal_fd(&fd);
}

/* A tmpfs of the library's own, detached. */
static int ctr__new_tmpfs(const ctr__child *c, const char *source, const char *mode,
                          uint64_t attr) {
  const char *label = ctr__plan_str(c->plan, c->plan->mount_label);
  CTR__AUTO_CLOSE fs = ctr__fsopen("tmpfs");
  if (fs < 0) return fs;
  int r = ctr__fsconfig(fs, CTR__FSCONFIG_SET_STRING, "source", source);
  if (r == 0) r = ctr__fsconfig(fs, CTR__FSCONFIG_SET_STRING, "mode", mode);
  if (r == 0 && label) r = ctr__fsconfig(fs, CTR__FSCONFIG_SET_STRING, "context", label);
  if (r == 0) r = ctr__fsconfig(fs, CTR__FSCONFIG_CMD_CREATE, NULL, NULL);
  return r < 0 ? r : ctr__fsmount(fs, attr);
}

/* -- attributes -- */

/* Before Linux 5.12: a remount, which replaces all flags, so those not spoken of are read first. */
static int ctr__remount_attr(int mount, uint64_t set, uint64_t clr) {
  struct statfs fs;
  if (fstatfs(mount, &fs) < 0) return -errno;
  bool strict = !((unsigned long)fs.f_flags & (ST_NOATIME | ST_RELATIME));
  uint64_t attr = strict ? CTR__ATTR_STRICTATIME : 0;
  for (size_t i = 0; i < sizeof ctr__attr_flags / sizeof *ctr__attr_flags; i++)
    if ((unsigned long)fs.f_flags & ctr__attr_flags[i].st) attr |= ctr__attr_flags[i].attr;
  attr = (attr & ~clr) | set;
  uint64_t flags = ctr__ms_flags(attr);
  if (!(attr & CTR__ATTR_ATIME)) flags |= MS_RELATIME; /* told nothing, it keeps what there is */
  char path[32];
  ctr__fd_path(path, mount);
  return ctr__mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | flags, NULL);
}

/* Sets and clears attributes of a mounted mount; num begins with CTR__NUM_SET. */
static int ctr__apply_attr(int mount, const uint64_t *num) {
  const uint64_t set = num[CTR__NUM_SET], clr = num[CTR__NUM_CLR];
  if (!set && !clr) return 0;
  return num[CTR__NUM_SETATTR] ? ctr__mount_setattr(mount, 0, set, clr, 0)
                               : ctr__remount_attr(mount, set, clr);
}

static int ctr__apply_propagation(int mount, uint64_t type, bool have_setattr) {
  char path[32];
  if (have_setattr)
    return ctr__mount_setattr(mount, (type & MS_REC) ? CTR__AT_RECURSIVE : 0, 0, 0,
                              type & ~(uint64_t)MS_REC);
  ctr__fd_path(path, mount);
  return ctr__mount(NULL, path, NULL, type, NULL);
}

static int ctr__child_set_attr(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_target(c, s);
  return target < 0 ? target : ctr__apply_attr(target, s->num);
}

static int ctr__child_set_attr_all(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_target(c, s);
  if (target < 0) return target;
  return ctr__mount_setattr(target, CTR__AT_RECURSIVE, s->num[0], s->num[1], 0);
}

static int ctr__child_set_propagation(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_target(c, s);
  return target < 0 ? target : ctr__apply_propagation(target, s->num[0], s->num[1]);
}

static int ctr__child_propagation(ctr__child *c, const ctr__step *s) {
  (void)c;
  return ctr__mount(NULL, "/", NULL, s->num[0], NULL);
}

/* -- binds -- */

/* Propagation and attributes: with mount_setattr(2) in one call, but for a tree, of which the
   attributes are those of its top only. */
static int ctr__settle_bind(int tree, const ctr__step *s) {
  const uint64_t type = s->num[CTR__NUM_PROPAGATION];
  const bool have_setattr = s->num[CTR__NUM_SETATTR];
  if (have_setattr && !(s->num[CTR__NUM_BELOW] && (type & MS_REC)))
    return ctr__mount_setattr(tree, 0, s->num[CTR__NUM_SET], s->num[CTR__NUM_CLR],
                              type & ~(uint64_t)MS_REC);
  int r = ctr__apply_propagation(tree, type, have_setattr);
  return r < 0 ? r : ctr__apply_attr(tree, s->num);
}

static int ctr__settle_below(int tree, const ctr__step *s) {
  const uint64_t set = s->num[CTR__NUM_BELOW_SET], clr = s->num[CTR__NUM_BELOW_CLR];
  return set || clr ? ctr__mount_setattr(tree, CTR__AT_RECURSIVE, set, clr, 0) : 0;
}

/* A detached copy of the mount at path. What the parent opens for us is a mount of our own mount
   namespace as well, so that what the host's flags forbid stays forbidden (mount_namespaces(7)). */
static int ctr__copy_source(ctr__child *c, const ctr__step *s, const char *path, unsigned flags) {
  int tree = ctr__open_tree(AT_FDCWD, path, flags);
  if (!ctr__is_askable(s, tree)) return tree;
  CTR__AUTO_CLOSE place = ctr__ask_parent(c);
  return place < 0 ? place : ctr__open_tree(place, "", AT_EMPTY_PATH | flags);
}

/* What is wrong with the channel is said already; that something is there and may not be copied,
   the error itself says. */
static int ctr__source_failed(ctr__child *c, int error) {
  return c->reason || error == -EINVAL ? error : ctr__because(c, CTR__WHY_SOURCE, error);
}

/* All that is mounted below, and the tree's own root not yet: it is still to be filled. What the
   host has made read-only is not ours to lift. */
static int ctr__read_only_below(int tree) {
  struct statfs fs;
  if (fstatfs(tree, &fs) < 0) return -errno;
  int r = ctr__mount_setattr(tree, CTR__AT_RECURSIVE, CTR__ATTR_RDONLY, 0, 0);
  return r < 0 || ((unsigned long)fs.f_flags & ST_RDONLY)
             ? r
             : ctr__mount_setattr(tree, 0, 0, CTR__ATTR_RDONLY, 0);
}

static int ctr__child_mount_bind(ctr__child *c, const ctr__step *s) {
  unsigned recursive = s->num[CTR__NUM_BELOW] ? CTR__AT_RECURSIVE : 0;
  CTR__AUTO_CLOSE tree = s->num[CTR__NUM_IDMAP]
                             ? ctr__ask_parent(c)
                             : ctr__copy_source(c, s, ctr__arg(c, s, 1), recursive);
  if (tree < 0) return ctr__source_failed(c, tree);
  struct stat st;
  if (fstat(tree, &st) < 0) return -errno;
  if (s->num[CTR__NUM_ROOT] && !S_ISDIR(st.st_mode)) return -ENOTDIR;
  CTR__AUTO_CLOSE target =
      ctr__mount_target(c, s, S_ISDIR(st.st_mode) ? CTR__MAKE_DIR : CTR__MAKE_FILE);
  if (target < 0) return target;
  int r = ctr__attach(c, s, tree, target);
  if (r == 0) r = ctr__settle_bind(tree, s);
  if (r == 0) r = ctr__settle_below(tree, s);
  return r == 0 && s->num[CTR__NUM_ROOT] == CTR__AS_ROOT_BELOW_READ_ONLY
             ? ctr__read_only_below(tree)
             : r;
}

/* -- file systems -- */

/* Gives the options of a list to a file system context: "name=value" or the flag "name". */
static int ctr__configure(ctr__child *c, int fs, ctr__ref options) {
  char key[64];
  for (uint32_t i = 0, n = ctr__list_count(c->plan, options); i < n; i++) {
    c->detail = i;
    const char *option = ctr__list_str(c->plan, options, i), *value = strchr(option, '=');
    size_t len = value ? (size_t)(value - option) : 0;
    if (len >= sizeof key) return ctr__because(c, CTR__WHY_OPTION, -ENAMETOOLONG);
    memcpy(key, option, len);
    key[len] = '\0';
    int r = value ? ctr__fsconfig(fs, CTR__FSCONFIG_SET_STRING, key, value + 1)
                  : ctr__fsconfig(fs, CTR__FSCONFIG_SET_FLAG, option, NULL);
    if (r < 0) return ctr__because(c, CTR__WHY_OPTION, r);
  }
  return 0;
}

/* -- an overlay whose changes go to a new tmpfs -- */

enum { CTR__UPPER_PATH_MAX = 40 };

/* What is called name on the tmpfs, for a call that knows only paths. */
static void ctr__upper_path(char path[CTR__UPPER_PATH_MAX], int upper, const char *name) {
  ctr__fd_path(path, upper);
  ctr__put_str(ctr__put_str(path + strlen(path), "/"), name);
}

/* The tmpfs. It is attached where the overlay will cover it: the kernel takes no directory of a
   mount that is nowhere (overlayfs needs one of the caller's namespace). */
static int ctr__mount_upper(const ctr__child *c, int target) {
  CTR__AUTO_CLOSE mount = ctr__new_tmpfs(c, "changes", "0755", CTR__ATTR_NOSUID | CTR__ATTR_NODEV);
  int r = mount < 0 ? mount : ctr__move_mount(mount, target);
  if (r == 0) r = (int)ctr__ret(mkdirat(mount, "upper", 0755));
  if (r == 0) r = (int)ctr__ret(mkdirat(mount, "work", 0755));
  return r < 0 ? r : ctr__steal_fd(&mount);
}

static int ctr__configure_upper(int fs, int upper) {
  char path[CTR__UPPER_PATH_MAX];
  ctr__upper_path(path, upper, "upper");
  int r = ctr__fsconfig(fs, CTR__FSCONFIG_SET_STRING, "upperdir", path);
  ctr__upper_path(path, upper, "work");
  return r < 0 ? r : ctr__fsconfig(fs, CTR__FSCONFIG_SET_STRING, "workdir", path);
}

/* The same at the end of a string for mount(2), where the plan has left room for it. */
static void ctr__put_upper(char *at, int upper) {
  char path[CTR__UPPER_PATH_MAX];
  ctr__upper_path(path, upper, "upper");
  at = ctr__put_str(ctr__put_str(at, ",upperdir="), path);
  ctr__upper_path(path, upper, "work");
  ctr__put_str(ctr__put_str(at, ",workdir="), path);
}

/* -- file systems as they are asked for -- */

/* A new file system of s's type and options as a detached mount; upper is for its changes, or
   -1. */
static int ctr__new_fs(ctr__child *c, const ctr__step *s, int upper) {
  CTR__AUTO_CLOSE fs = ctr__fsopen(ctr__arg(c, s, 1));
  if (fs == -ENODEV) return ctr__because(c, CTR__WHY_FILE_SYSTEM, fs);
  if (fs < 0) return fs;
  int r = ctr__configure(c, fs, s->str[2]);
  if (r == 0 && upper >= 0) r = ctr__configure_upper(fs, upper);
  if (r == 0) r = ctr__fsconfig(fs, CTR__FSCONFIG_CMD_CREATE, NULL, NULL);
  return r < 0 ? r : ctr__fsmount(fs, s->num[0]);
}

/* The same, or made and id-mapped by the parent. */
static int ctr__take_fs(ctr__child *c, const ctr__step *s, int upper) {
  return s->num[CTR__NUM_IDMAP] ? ctr__ask_parent(c) : ctr__new_fs(c, s, upper);
}

/* Where a file system that is held is mounted: no link leads there. */
static int ctr__make_plain_target(ctr__child *c, const char *path) {
  CTR__AUTO_CLOSE made = ctr__make_target(c, path, CTR__MAKE_DIR);
  if (made < 0) return made;
  int plain =
      ctr__openat2(c->root, path, O_PATH | O_DIRECTORY, 0, CTR__IN_ROOT | CTR__RESOLVE_NO_SYMLINKS);
  return plain == -ELOOP ? ctr__because(c, CTR__WHY_LINK, plain) : plain;
}

/* Where a file system goes. With *ret_upper that is where its tmpfs is mounted now. */
static int ctr__fs_target(ctr__child *c, const ctr__step *s, int *ret_upper) {
  CTR__AUTO_CLOSE target = ctr__mount_target(c, s, CTR__MAKE_DIR);
  if (target < 0 || !s->num[CTR__NUM_UPPER]) return ctr__steal_fd(&target);
  *ret_upper = ctr__mount_upper(c, target);
  return *ret_upper < 0 ? *ret_upper : (int)ctr__ret(fcntl(*ret_upper, F_DUPFD_CLOEXEC, 3));
}

static int ctr__child_mount_fs(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE upper = -1;
  CTR__AUTO_CLOSE target =
      s->num[1] ? ctr__make_plain_target(c, ctr__arg(c, s, 0)) : ctr__fs_target(c, s, &upper);
  if (target < 0) return target;
  CTR__AUTO_CLOSE mount = ctr__take_fs(c, s, upper);
  int r = mount < 0 ? mount : ctr__attach(c, s, mount, target);
  if (r < 0 || !s->num[1]) return r;
  if (fstat(mount, &c->held_stat[s->num[1]]) < 0) return -errno;
  ctr__close(&c->held[s->num[1]]);
  c->held[s->num[1]] = ctr__steal_fd(&mount);
  return 0;
}

static int ctr__child_mount_old(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE upper = -1;
  CTR__AUTO_CLOSE target = ctr__fs_target(c, s, &upper);
  if (target < 0) return target;
  char path[32], data[4096];
  ctr__fd_path(path, target);
  char *end = ctr__put_str(data, ctr__arg(c, s, 2));
  if (upper >= 0) ctr__put_upper(end, upper);
  const char *source = ctr__arg(c, s, 3);
  int r = ctr__mount(source ? source : "none", path, ctr__arg(c, s, 1),
                     ctr__ms_flags(s->num[0]) | s->num[1], data);
  if (r < 0) return r;
  if (!s->num[CTR__NUM_ROOT]) return ctr__note_old_mount(c, ctr__arg(c, s, 0));
  CTR__AUTO_CLOSE root = ctr__mount_target(c, s, CTR__MAKE_DIR); /* what is mounted there now */
  return root < 0 ? root : ctr__take_root(c, root);
}

/* -- a file of its own -- */

/* A new file with the step's bytes and mode. */
static int ctr__fill_file(ctr__child *c, const ctr__step *s, int fd) {
  int r = ctr__write_all(fd, ctr__arg(c, s, 1), (size_t)s->num[1]);
  return r < 0 ? r : (int)ctr__ret(fchmod(fd, (mode_t)s->num[0]));
}

/* The one file of a new tmpfs as a mount. Only of what is mounted somewhere can a part be cloned
   (open_tree(2)): for that moment it lies over the root. */
static int ctr__lone_file(ctr__child *c, const ctr__step *s) {
  char path[32];
  CTR__AUTO_CLOSE fs = ctr__new_tmpfs(c, "file", "0700", CTR__ATTR_NOSUID | CTR__ATTR_NODEV);
  if (fs < 0) return fs;
  CTR__AUTO_CLOSE fd = ctr__open(fs, "file", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  int r = fd < 0 ? fd : ctr__fill_file(c, s, fd);
  if (r == 0) r = ctr__move_mount(fs, c->root);
  if (r < 0) return r;
  CTR__AUTO_CLOSE file = ctr__open_tree(fs, "file", 0);
  ctr__fd_path(path, fs);
  if (umount2(path, MNT_DETACH) < 0) return -errno;
  return ctr__steal_fd(&file);
}

static int ctr__child_mount_file(ctr__child *c, const ctr__step *s) {
  struct stat st;
  CTR__AUTO_CLOSE target = ctr__make_target(c, ctr__arg(c, s, 0), CTR__MAKE_FILE);
  if (target < 0) return target;
  if (fstat(target, &st) < 0) return -errno;
  if (S_ISDIR(st.st_mode)) return ctr__because(c, CTR__WHY_SOMETHING_ELSE, -EISDIR);
  CTR__AUTO_CLOSE file = ctr__lone_file(c, s);
  int r = file < 0 ? file : ctr__move_mount(file, target);
  if (r == 0) r = ctr__note_mount(c, file);
  return r < 0 ? r : ctr__apply_attr(file, &s->num[2]);
}

static int ctr__child_reconfigure(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_target(c, s);
  if (target < 0) return target;
  CTR__AUTO_CLOSE fs = ctr__fd_high(
      (int)CTR__CALL(CTR__SYS_fspick, target, "", 1 /* FSPICK_CLOEXEC */ | CTR__FSPICK_EMPTY_PATH));
  if (fs < 0) return fs;
  int r = ctr__configure(c, fs, s->str[2]);
  return r < 0 ? r : ctr__fsconfig(fs, CTR__FSCONFIG_CMD_RECONFIGURE, NULL, NULL);
}

/* ==== [SECTION] child/copy.c ================================================================== */
/* tmpcopyup: a tmpfs that starts with a copy of what it covers. Walked without recursion and with
   one buffer: the caller's stack may be a small thread's. */

enum { CTR__COPY_DEPTH = 64 };

typedef struct ctr__copy_level {
  int from, to;
  int64_t offset; /* where to go on reading in from     */
  bool nodev;     /* device nodes in from are none      */
} ctr__copy_level;

static int ctr__copy_file(int from_dir, int to_dir, const char *name, const struct stat *st) {
  CTR__AUTO_CLOSE from = ctr__open(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
  if (from < 0) return from;
  struct stat opened; /* what is there by now may be a fifo that nobody writes to */
  if (fstat(from, &opened) < 0) return -errno;
  if (!S_ISREG(opened.st_mode) || opened.st_ino != st->st_ino || opened.st_dev != st->st_dev)
    return -ESTALE;
  CTR__AUTO_CLOSE to = ctr__open(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (to < 0) return to;
  char buf[4096];
  for (ssize_t n; (n = read(from, buf, sizeof buf)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    int r = ctr__write_all(to, buf, (size_t)n);
    if (r < 0) return r;
  }
  if (fchown(to, st->st_uid, st->st_gid) < 0) return -errno;
  return (int)ctr__ret(fchmod(to, st->st_mode & 07777)); /* after chown, which clears set-id bits */
}

static int ctr__copy_link(int from_dir, int to_dir, const char *name, const struct stat *st) {
  char target[PATH_MAX];
  ssize_t len = readlinkat(from_dir, name, target, sizeof target - 1);
  if (len < 0) return -errno;
  target[len] = '\0';
  if (symlinkat(target, to_dir, name) < 0) return -errno;
  return (int)ctr__ret(fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW));
}

static int ctr__copy_special(int to_dir, const char *name, const struct stat *st) {
  if (mknodat(to_dir, name, st->st_mode, st->st_rdev) < 0) return -errno;
  return (int)ctr__ret(fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW));
}

/* Opens both sides of a directory one level down. */
static int ctr__copy_enter(ctr__child *c, const ctr__copy_level *at, const char *name,
                           const struct stat *st, ctr__copy_level *down) {
  if (mkdirat(at->to, name, 0700) < 0) return -errno;
  *down =
      (ctr__copy_level){.from = ctr__openat2(at->from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                                             CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_XDEV),
                        .to = -1,
                        .nodev = at->nodev};
  if (down->from == -EXDEV) return ctr__because(c, CTR__WHY_NOT_COPIED, -EXDEV);
  if (down->from < 0) return down->from;
  down->to = ctr__open(at->to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (down->to < 0) return down->to;
  if (fchown(down->to, st->st_uid, st->st_gid) < 0) return -errno;
  return (int)ctr__ret(fchmod(down->to, st->st_mode & 07777));
}

/* Copies one entry; a directory is entered: *depth grows. */
static int ctr__copy_entry(ctr__child *c, ctr__copy_level *levels, int *depth, const char *name) {
  const ctr__copy_level *at = &levels[*depth];
  struct stat st;
  if (fstatat(at->from, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  if (S_ISREG(st.st_mode)) return ctr__copy_file(at->from, at->to, name, &st);
  if (S_ISLNK(st.st_mode)) return ctr__copy_link(at->from, at->to, name, &st);
  /* What was no device there is not to become one here. */
  if (at->nodev && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))) return 0;
  if (!S_ISDIR(st.st_mode)) return ctr__copy_special(at->to, name, &st);
  if (*depth + 1 == CTR__COPY_DEPTH) return ctr__because(c, CTR__WHY_TOO_DEEP, -ENAMETOOLONG);
  ++*depth;
  return ctr__copy_enter(c, at, name, &st, &levels[*depth]);
}

/* Reads on in the deepest directory until it ends or one below is entered. */
static int ctr__copy_some(ctr__child *c, ctr__copy_level *levels, int *depth, bool *ended) {
  _Alignas(8) char buf[2048];
  ctr__copy_level *at = &levels[*depth];
  if (lseek(at->from, (off_t)at->offset, SEEK_SET) < 0) return -errno;
  long n = CTR__CALL(SYS_getdents64, at->from, buf, sizeof buf);
  *ended = n == 0;
  for (long used = 0; used < n;) {
    const struct ctr__dirent *entry = (const void *)(buf + used);
    used += entry->len;
    at->offset = entry->offset;
    if (!strcmp(entry->name, ".") || !strcmp(entry->name, "..")) continue;
    int before = *depth, r = ctr__copy_entry(c, levels, depth, entry->name);
    if (r < 0 || *depth != before) return r;
  }
  return n < 0 ? (int)n : 0;
}

static int ctr__copy_tree(ctr__child *c, int from, int to, bool nodev) {
  ctr__copy_level levels[CTR__COPY_DEPTH] = {{.from = from, .to = to, .nodev = nodev}};
  int depth = 0, r = 0;
  while (r == 0 && depth >= 0) {
    bool ended = false;
    r = ctr__copy_some(c, levels, &depth, &ended);
    if (!ended) continue;
    if (depth > 0) {
      ctr__close(&levels[depth].from);
      ctr__close(&levels[depth].to);
    }
    depth--;
  }
  for (; depth > 0; depth--) {
    ctr__close(&levels[depth].from);
    ctr__close(&levels[depth].to);
  }
  return r;
}

static int ctr__child_mount_copy_up(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__make_target(c, ctr__arg(c, s, 0), CTR__MAKE_DIR);
  if (target < 0) return target;
  CTR__AUTO_CLOSE from = ctr__open(target, ".", O_RDONLY | O_DIRECTORY, 0);
  if (from < 0) return from;
  struct statfs fs;
  if (fstatfs(from, &fs) < 0) return -errno;
  if (fs.f_type == CTR__PROC_SUPER_MAGIC || fs.f_type == CTR__SYSFS_MAGIC)
    return ctr__because(c, CTR__WHY_NOT_COPIED, -EXDEV);
  CTR__AUTO_CLOSE mount = ctr__take_fs(c, s, -1);
  if (mount < 0) return mount;
  CTR__AUTO_CLOSE to = ctr__open(mount, ".", O_RDONLY | O_DIRECTORY, 0);
  int r = to < 0 ? to : ctr__copy_tree(c, from, to, (unsigned long)fs.f_flags & ST_NODEV);
  return r < 0 ? r : ctr__attach(c, s, mount, target);
}

/* ==== [SECTION] child/devices.c =============================================================== */
/* Devices, links, masks: small things put into the root by descriptor. */

/* config-linux.md "Devices": what is there already must be what was asked for. An empty name: what
   dir itself is. */
static int ctr__accept_existing(ctr__child *c, int dir, const char *name, const ctr__step *s) {
  struct stat st;
  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0) return -errno;
  bool same = (st.st_mode & S_IFMT) == ((mode_t)s->num[0] & S_IFMT) &&
              (S_ISFIFO(st.st_mode) || st.st_rdev == (dev_t)s->num[1]);
  if (!same) return ctr__because(c, CTR__WHY_NOT_THAT_DEVICE, -EEXIST);
  bool exact = s->kind == CTR__STEP_DEVICE_NODE && s->num[4];
  bool alike = (st.st_mode & 07777) == ((mode_t)s->num[0] & 07777) &&
               st.st_uid == (uid_t)s->num[2] && st.st_gid == (gid_t)s->num[3];
  return exact && !alike ? ctr__because(c, CTR__WHY_NOT_THAT_MODE, -EEXIST) : 0;
}

/* Opens the directory that a step's path lies in and copies the last component's name. */
static int ctr__open_parent(ctr__child *c, const char *path, char *name, size_t *made) {
  int dir = ctr__parent_in_root(c->root, path, name, made);
  if (dir < 0) c->reason = CTR__WHY_TARGET;
  return dir;
}

static int ctr__child_device_node(ctr__child *c, const ctr__step *s) {
  char name[NAME_MAX + 1];
  const char *path = ctr__arg(c, s, 0);
  size_t made;
  CTR__AUTO_CLOSE dir = ctr__open_parent(c, path, name, &made);
  if (dir < 0) return dir;
  int r = (int)ctr__ret(mknodat(dir, name, (mode_t)s->num[0], (dev_t)s->num[1]));
  ctr__note_made(c, dir, r < 0 ? "" : name, made || r < 0 ? made : ctr__trimmed(path));
  if (r < 0) return r == -EEXIST ? ctr__accept_existing(c, dir, name, s) : r;
  if (!s->num[2] && !s->num[3]) return 0;
  return (int)ctr__ret(
      fchownat(dir, name, (uid_t)s->num[2], (gid_t)s->num[3], AT_SYMLINK_NOFOLLOW));
}

/* A mount of a node of the host's. */
static int ctr__settle_node(int mount, uint64_t attr, bool have_setattr) {
  if (have_setattr) return ctr__mount_setattr(mount, 0, attr, 0, MS_PRIVATE);
  int r = ctr__apply_propagation(mount, MS_PRIVATE, false);
  return r < 0 || !attr ? r : ctr__remount_attr(mount, attr, 0);
}

/* The host's node, copied as a mount and looked at before it is used: its path may lie. What the
   host does with its own mount is nothing to it (mount_namespaces(7)). */
static int ctr__child_device_bind(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE tree = ctr__copy_source(c, s, ctr__arg(c, s, 1), 0);
  if (tree < 0) return ctr__source_failed(c, tree);
  int r = ctr__accept_existing(c, tree, "", s);
  if (r < 0) return r;
  CTR__AUTO_CLOSE target = ctr__make_target(c, ctr__arg(c, s, 0), CTR__MAKE_FILE);
  r = target < 0 ? target : ctr__move_mount(tree, target);
  return r < 0 ? r : ctr__settle_node(tree, s->num[2], s->num[4]);
}

static int ctr__child_symlink(ctr__child *c, const ctr__step *s) {
  char name[NAME_MAX + 1], there[PATH_MAX];
  const char *path = ctr__arg(c, s, 0), *target = ctr__arg(c, s, 1);
  size_t made;
  CTR__AUTO_CLOSE dir = ctr__open_parent(c, path, name, &made);
  if (dir < 0) return dir;
  int r = (int)ctr__ret(symlinkat(target, dir, name));
  ctr__note_made(c, dir, r < 0 ? "" : name, made || r < 0 ? made : ctr__trimmed(path));
  if (r != -EEXIST) return r;
  ssize_t len = readlinkat(dir, name, there, sizeof there - 1);
  if (len >= 0) there[len] = '\0';
  return len >= 0 && !strcmp(there, target) ? 0 : ctr__because(c, CTR__WHY_SOMETHING_ELSE, -EEXIST);
}

/* A root that cannot be written to, or that the user may enter and root may not: chdir tells. */
static int ctr__child_make_cwd(ctr__child *c, const ctr__step *s) {
  size_t made;
  CTR__AUTO_CLOSE fd = ctr__make_in_root(c->root, ctr__arg(c, s, 0), CTR__MAKE_DIR, &made);
  ctr__note_made(c, fd, "", made);
  return fd >= 0 || fd == -EROFS || fd == -EACCES ? 0 : ctr__because(c, CTR__WHY_TARGET, fd);
}

static int ctr__child_make_dir(ctr__child *c, const ctr__step *s) {
  size_t made;
  struct stat st;
  const mode_t what = S_IFDIR | (mode_t)s->num[0];
  CTR__AUTO_CLOSE fd = ctr__make_in_root(c->root, ctr__arg(c, s, 0), what, &made);
  ctr__note_made(c, fd, "", made);
  if (fd < 0) return ctr__because(c, CTR__WHY_TARGET, fd);
  if (fstat(fd, &st) < 0) return -errno;
  return S_ISDIR(st.st_mode) ? 0 : ctr__because(c, CTR__WHY_SOMETHING_ELSE, -ENOTDIR);
}

/* Before fchmodat2(2) only the name of a descriptor leads to what O_PATH has opened. A mode that is
   set on what procfs shows is that of the whole machine, and a link of the image may lead there. */
static int ctr__child_set_mode(ctr__child *c, const ctr__step *s) {
  char path[32];
  struct statfs fs;
  CTR__AUTO_CLOSE fd = ctr__path_in_root(c->root, ctr__arg(c, s, 0));
  if (fd < 0) return fd;
  if (fstatfs(fd, &fs) < 0) return -errno;
  if (fs.f_type == CTR__PROC_SUPER_MAGIC || fs.f_type == CTR__SYSFS_MAGIC)
    return ctr__because(c, CTR__WHY_OF_THE_KERNEL, -EPERM);
  ctr__fd_path(path, fd);
  return (int)ctr__ret(chmod(path, (mode_t)s->num[0]));
}

static int ctr__child_make_file(ctr__child *c, const ctr__step *s) {
  char name[NAME_MAX + 1];
  const char *path = ctr__arg(c, s, 0);
  size_t made;
  CTR__AUTO_CLOSE dir = ctr__open_parent(c, path, name, &made);
  if (dir < 0) return dir;
  CTR__AUTO_CLOSE fd = ctr__open(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  ctr__note_made(c, dir, fd < 0 ? "" : name, made || fd < 0 ? made : ctr__trimmed(path));
  if (fd == -EEXIST) return ctr__because(c, CTR__WHY_IN_THE_WAY, fd);
  return fd < 0 ? fd : ctr__fill_file(c, s, fd);
}

/* -- masks -- */

/* Files are covered with the null device, verified to be it: an image's /dev/null can be a link to
   anything (CVE-2025-31133). */
static int ctr__null_device(ctr__child *c) {
  if (c->null_device >= 0) return c->null_device;
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW, 0);
  if (fd < 0) return ctr__because(c, CTR__WHY_NULL_DEVICE, fd);
  if (!ctr__is_null_device(fd)) return ctr__because(c, CTR__WHY_NULL_DEVICE, -ENODEV);
  return c->null_device = ctr__steal_fd(&fd);
}

/* A descriptor of the host's /dev/null is one of the host's file systems: the container's own does
   as well. One that has something else there keeps what it was given. */
static int ctr__child_own_null(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  if (!ctr__is_null_device(0) && !ctr__is_null_device(1) && !ctr__is_null_device(2)) return 0;
  CTR__AUTO_CLOSE own = ctr__open_device(AT_FDCWD, "/dev/null", O_NOFOLLOW,
                                         CTR__RESOLVE_NO_MAGICLINKS, makedev(1, 3));
  for (int i = 0; i < 3 && own >= 0; i++)
    if (ctr__is_null_device(i) && dup2(own, i) < 0) return -errno;
  return 0;
}

static int ctr__null_by_mount(void) {
  char path[32];
  CTR__AUTO_CLOSE proc = ctr__open_proc();
  CTR__AUTO_CLOSE tree = proc < 0 ? proc : ctr__open_tree(AT_FDCWD, "/dev/null", 0);
  if (tree < 0) return tree;
  if (!ctr__is_null_device(tree)) return -ENODEV;
  int r = ctr__mount_setattr(tree, 0, CTR__ATTR_RDONLY, 0, 0);
  ctr__fd_path(path, tree);
  return r < 0 ? r : ctr__open(proc, path + sizeof "/proc", O_RDWR, 0);
}

/* Where its owner is inside: what comes by a read-only mount can be written to (open(2), EROFS),
   but nobody can change its mode and owner for the whole host (fchmod(2)). */
static int ctr__child_view_null(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE view = -1;
  (void)s;
  for (int i = 0; i < 3; i++) {
    const int fd = c->launch->stdio[i];
    if (!ctr__is_null_device(fd)) continue;
    if (view < 0) view = ctr__null_by_mount();
    if (view < 0) return view;
    if (dup3(view, fd, O_CLOEXEC) < 0) return -errno;
  }
  return 0;
}

/* Directories are covered with one empty tmpfs: made once, then copied from where it lies. */
static int ctr__mask_directory(ctr__child *c) {
  if (c->mask_dir >= 0) return ctr__open_tree(c->mask_dir, "", AT_EMPTY_PATH);
  int mount =
      ctr__new_tmpfs(c, "mask", "555",
                     CTR__ATTR_RDONLY | CTR__ATTR_NOSUID | CTR__ATTR_NODEV | CTR__ATTR_NOEXEC);
  if (mount >= 0) c->mask_dir = (int)ctr__ret(fcntl(mount, F_DUPFD_CLOEXEC, 3));
  return mount;
}

/* What is to be masked or made read-only: on the mount that is held, or by its path in the root. */
static int ctr__open_guarded(ctr__child *c, const ctr__step *s) {
  if (c->held[s->num[1]] < 0) return ctr__path_in_root(c->root, ctr__arg(c, s, 0));
  return ctr__openat2(c->held[s->num[1]], ctr__arg(c, s, 1), O_PATH, 0,
                      CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_MAGICLINKS);
}

/* Its owner may be inside, and could change its mode and owner for all. A device can be written to
   on a read-only mount all the same (open(2), EROFS). */
enum { CTR__MASK_ATTR = CTR__ATTR_RDONLY | CTR__ATTR_NOSUID | CTR__ATTR_NOEXEC };

static int ctr__child_mask(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_guarded(c, s);
  if (target == -ENOENT || target == -ENOTDIR) return 0; /* nothing there, nothing to see */
  if (target < 0) return ctr__because(c, CTR__WHY_TARGET, target);
  struct stat st;
  if (fstat(target, &st) < 0) return -errno;
  int null = S_ISDIR(st.st_mode) ? 0 : ctr__null_device(c);
  if (null < 0) return null;
  CTR__AUTO_CLOSE mask =
      S_ISDIR(st.st_mode) ? ctr__mask_directory(c) : ctr__open_tree(null, "", AT_EMPTY_PATH);
  int r = mask < 0 ? mask : ctr__move_mount(mask, target);
  return r < 0 || S_ISDIR(st.st_mode) ? r : ctr__settle_node(mask, CTR__MASK_ATTR, s->num[0]);
}

static int ctr__child_readonly(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open_guarded(c, s);
  if (target == -ENOENT || target == -ENOTDIR) return 0; /* nothing there, nothing to write to */
  if (target < 0) return ctr__because(c, CTR__WHY_TARGET, target);
  CTR__AUTO_CLOSE tree = ctr__open_tree(target, "", AT_EMPTY_PATH | CTR__AT_RECURSIVE);
  if (tree < 0) return tree;
  int r = ctr__move_mount(tree, target);
  if (r < 0) return r;
  return s->num[0] ? ctr__mount_setattr(tree, CTR__AT_RECURSIVE, CTR__ATTR_RDONLY, 0, 0)
                   : ctr__remount_attr(tree, CTR__ATTR_RDONLY, 0);
}

/* ==== [SECTION] child/console.c =============================================================== */
/* The process's terminal. */

enum { CTR__DEVPTS_SUPER_MAGIC = 0x1cd1 };

static int ctr__check_devpts(ctr__child *c, int fd) {
  struct statfs fs;
  if (fstatfs(fd, &fs) < 0) return -errno;
  return fs.f_type == CTR__DEVPTS_SUPER_MAGIC ? 0 : ctr__because(c, CTR__WHY_NO_DEVPTS, -ENODEV);
}

/* The other end is opened through the first, not by a path that somebody could have changed
   (ioctl_tty(2), TIOCGPTPEER; CVE-2025-52565). */
static int ctr__open_peer(ctr__child *c, int master) {
  int unlocked = 0;
  if (ioctl(master, TIOCSPTLCK, &unlocked) < 0) return -errno;
  CTR__AUTO_CLOSE slave = ctr__fd_high(
      (int)ctr__ret(ioctl(master, TIOCGPTPEER, (unsigned long)(O_RDWR | O_NOCTTY | O_CLOEXEC))));
  if (slave < 0) return slave;
  int r = ctr__check_devpts(c, slave);
  return r < 0 ? r : ctr__steal_fd(&slave);
}

/* The container's multiplexer, in its devpts: who is inside can mount over that, or over a file of
   it, but put nothing else into it, as into /dev. One that is not for us to open, as the host's
   mostly is not, may be for us beside it (devpts.rst). */
static int ctr__open_ptmx(ctr__child *c) {
  int root = c->root >= 0 ? c->root : AT_FDCWD; /* in a container already: we stand in its root */
  CTR__AUTO_CLOSE pts = ctr__openat2(root, "dev/pts", O_PATH | O_DIRECTORY, 0, CTR__IN_ROOT);
  if (pts == -ENOENT || pts == -ENOTDIR) return ctr__because(c, CTR__WHY_NO_DEVPTS, pts);
  int r = pts < 0 ? pts : ctr__check_devpts(c, pts);
  if (r < 0) return r;
  const int master = ctr__openat2(pts, "ptmx", O_RDWR | O_NOCTTY, 0,
                                  CTR__RESOLVE_NO_XDEV | CTR__RESOLVE_NO_SYMLINKS);
  return master == -EACCES ? ctr__open_device(root, "dev/ptmx", 0, CTR__IN_ROOT, makedev(5, 2))
                           : master;
}

/* config-linux.md "Default Devices": /dev/console is the terminal. */
static int ctr__bind_console(ctr__child *c, const ctr__step *s, int slave) {
  CTR__AUTO_CLOSE tree = ctr__open_tree(slave, "", AT_EMPTY_PATH);
  if (tree < 0) return tree;
  CTR__AUTO_CLOSE target = ctr__make_target(c, ctr__arg(c, s, 0), CTR__MAKE_FILE);
  return target < 0 ? target : ctr__move_mount(tree, target);
}

static int ctr__child_console(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE master = ctr__open_ptmx(c);
  if (master < 0) return master;
  CTR__AUTO_CLOSE slave = ctr__open_peer(c, master);
  if (slave < 0) return slave;
  struct winsize size = {.ws_row = (unsigned short)s->num[0], .ws_col = (unsigned short)s->num[1]};
  if ((s->num[0] || s->num[1]) && ioctl(slave, TIOCSWINSZ, &size) < 0) return -errno;
  if (fchown(slave, (uid_t)s->num[2], (gid_t)-1) < 0) return -errno;
  int r = s->num[3] ? ctr__bind_console(c, s, slave) : 0;
  const ctr__message message = {.type = CTR__MSG_CONSOLE};
  if (r == 0) r = ctr__send_fd(c->sock, &message, master);
  for (int i = 0; i < 3 && r == 0; i++) r = dup2(slave, i) < 0 ? -errno : 0;
  return r < 0 ? r : (int)ctr__ret(ioctl(0, TIOCSCTTY, 0));
}

/* ==== [SECTION] child/root.c ================================================================== */
/* The root: bound, and in the end entered. */

/* The host's tree goes to one side of a tmpfs, which has a place for the container's root on the
   other; the host's stays the root of the process, so that its paths mean what they did. Mounted
   over "/" the container's root would be in their way: what leads up to "/", as links often do,
   leads on to what is mounted there (path_resolution(7)). */
static int ctr__child_base(ctr__child *c, const ctr__step *s) {
  const uint64_t attr = CTR__ATTR_NOSUID | CTR__ATTR_NODEV | CTR__ATTR_NOEXEC;
  (void)s;
  CTR__AUTO_CLOSE host = ctr__open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
  /* Who may not enter it can do nothing from there, and is to be no better off at the end. */
  CTR__AUTO_CLOSE cwd = ctr__open(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
  CTR__AUTO_CLOSE base = ctr__new_tmpfs(c, "base", "0755", attr);
  if (host < 0 || base < 0) return host < 0 ? host : base;
  int r = ctr__move_mount(base, host);
  if (r == 0) r = (int)ctr__ret(mkdirat(base, CTR__BASE_NEW, 0755));
  if (r == 0) r = (int)ctr__ret(mkdirat(base, CTR__BASE_OLD, 0755));
  if (r < 0) return r;
  if (fchdir(base) < 0 || syscall(SYS_pivot_root, ".", CTR__BASE_OLD) < 0) return -errno;
  if (chroot(CTR__BASE_OLD) < 0 || (cwd >= 0 && fchdir(cwd) < 0)) return -errno;
  c->base = ctr__steal_fd(&base);
  return 0;
}

/* The whole tree, so that what the host has mounted below is there too (a user namespace could not
   take it away anyway: mount_namespaces(7)); with root.readonly what is mounted below is made
   read-only now, and the root itself when everything is in place. */
static int ctr__child_root_bind(ctr__child *c, const ctr__step *s) {
  CTR__AUTO_CLOSE target = ctr__open(AT_FDCWD, ctr__arg(c, s, 0), O_PATH | O_DIRECTORY, 0);
  if (ctr__is_askable(s, target)) target = ctr__ask_parent(c);
  if (target < 0) return target;
  CTR__AUTO_CLOSE tree = ctr__open_tree(target, "", AT_EMPTY_PATH | CTR__AT_RECURSIVE);
  if (tree < 0) return tree;
  int r = ctr__move_mount(tree, target);
  if (r == 0 && s->num[0]) r = ctr__apply_propagation(tree, s->num[0], s->num[3]);
  if (r == 0 && s->num[1]) r = ctr__read_only_below(tree);
  if (r == 0 && s->num[2])
    r = s->num[3] ? ctr__mount_setattr(tree, CTR__AT_RECURSIVE, s->num[2], 0, 0)
                  : ctr__remount_attr(tree, s->num[2], 0);
  return r < 0 ? r : ctr__take_root(c, tree);
}

static int ctr__child_root_open(ctr__child *c, const ctr__step *s) {
  c->root = ctr__open(AT_FDCWD, ctr__arg(c, s, 0), O_PATH | O_DIRECTORY, 0);
  return c->root < 0 ? c->root : 0;
}

/* pivot_root(2), NOTES: with the same directory twice the old root ends up on top of the new one,
   and no directory has to be made for it. */
static int ctr__child_pivot_root(ctr__child *c, const ctr__step *s) {
  (void)s;
  /* From the host's tree the new root is not to be reached. */
  if (c->base >= 0 && (fchdir(c->base) < 0 || chroot(".") < 0)) return -errno;
  if (fchdir(c->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0) return -errno;
  ctr__let_go_with_host(c);
  if (umount2(".", MNT_DETACH) < 0) return -errno;
  return (int)ctr__ret(chdir("/"));
}

static int ctr__child_chroot(ctr__child *c, const ctr__step *s) {
  (void)s;
  if (fchdir(c->root) < 0 || chroot(".") < 0) return -errno;
  return (int)ctr__ret(chdir("/"));
}

static int ctr__child_move_root(ctr__child *c, const ctr__step *s) {
  if (fchdir(c->root) < 0) return -errno;
  int r = ctr__mount(".", "/", NULL, MS_MOVE, NULL);
  return r < 0 ? r : ctr__child_chroot(c, s);
}

/* ==== [SECTION] child/identity.c ============================================================== */
/* Names, settings, limits, ids, capabilities. */

static int ctr__child_hostname(ctr__child *c, const ctr__step *s) {
  const char *name = ctr__arg(c, s, 0);
  return (int)ctr__ret(sethostname(name, strlen(name)));
}

static int ctr__child_domainname(ctr__child *c, const ctr__step *s) {
  const char *name = ctr__arg(c, s, 0);
  return (int)ctr__ret(setdomainname(name, strlen(name)));
}

static int ctr__write_proc_arg(ctr__child *c, const char *path, const char *text) {
  int r = ctr__write_proc(c->proc, path, text, strlen(text));
  if (r == -ENOTSUP || r == -EXDEV) c->reason = CTR__WHY_NOT_PROCFS;
  return r;
}

static int ctr__child_sysctl(ctr__child *c, const ctr__step *s) {
  char path[PATH_MAX];
  const char *key = ctr__arg(c, s, 0);
  if (strlen(key) + sizeof "sys/" > sizeof path) return -ENAMETOOLONG;
  ctr__put_str(ctr__put_str(path, "sys/"), key);
  return ctr__write_proc_arg(c, path, ctr__arg(c, s, 1));
}

static int ctr__child_oom_score_adj(ctr__child *c, const ctr__step *s) {
  return ctr__write_proc_arg(c, "self/oom_score_adj", ctr__arg(c, s, 0));
}

static int ctr__child_scheduler(ctr__child *c, const ctr__step *s) {
  return ctr__sched_setattr(0, ctr__plan_data(c->plan, s->str[1]));
}

/* config.md "execCPUAffinity": CPUs that the machine does not have are no part of the mask. */
static int ctr__child_affinity(ctr__child *c, const ctr__step *s) {
  const void *mask = ctr__plan_data(c->plan, s->str[1]);
  return (int)CTR__CALL(SYS_sched_setaffinity, 0, (size_t)s->num[0], mask);
}

static int ctr__child_io_priority(ctr__child *c, const ctr__step *s) {
  (void)c;
  return ctr__ioprio_set(0, s->num[0], s->num[1]);
}

static int ctr__child_personality(ctr__child *c, const ctr__step *s) {
  (void)c;
  return CTR__CALL(SYS_personality, s->num[0]) < 0 ? -errno : 0;
}

static int ctr__child_memory_policy(ctr__child *c, const ctr__step *s) {
  const void *mask = s->num[2] ? ctr__plan_data(c->plan, s->str[1]) : NULL;
  return (int)CTR__CALL(SYS_set_mempolicy, (int)(s->num[0] | s->num[1]), mask, s->num[2]);
}

static int ctr__child_umask(ctr__child *c, const ctr__step *s) {
  (void)c;
  umask((mode_t)s->num[0]);
  return 0;
}

static int ctr__child_keep_umask(ctr__child *c, const ctr__step *s) {
  (void)s;
  umask(c->umask);
  return 0;
}

static int ctr__child_rlimit(ctr__child *c, const ctr__step *s) {
  (void)c;
  struct ctr__rlimit limit = {s->num[1], s->num[2]};
  return (int)CTR__CALL(SYS_prlimit64, 0, (int)s->num[0], &limit, NULL);
}

static int ctr__child_no_new_privs(ctr__child *c, const ctr__step *s) {
  (void)c;
  (void)s;
  return (int)ctr__ret(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* EINVAL: past the last capability that this kernel knows. */
static int ctr__child_bounding(ctr__child *c, const ctr__step *s) {
  (void)c;
  for (unsigned long i = 0; i < 64; i++) {
    if (s->num[0] >> i & 1) continue;
    if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) return errno == EINVAL ? 0 : -errno;
  }
  return 0;
}

/* The program opens its streams again by name (/dev/stdout), and a new pipe is for its owner alone;
   a fifo with a name is somebody's file. One whose owner is not mapped in the user namespace cannot
   be given away there (user_namespaces(7)): then it is what it was. */
static int ctr__child_own_streams(ctr__child *c, const ctr__step *s) {
  enum { CTR__PIPEFS_MAGIC = 0x50495045 };
  const uid_t uid = (uid_t)s->num[0];
  struct statfs fs;
  struct stat st;
  (void)c;
  for (int i = 0; i < 3; i++) {
    if (fstat(i, &st) < 0 || fstatfs(i, &fs) < 0) return -errno;
    if (fs.f_type != CTR__PIPEFS_MAGIC || st.st_uid == uid || fchown(i, uid, (gid_t)-1) == 0)
      continue;
    if (errno != EPERM && errno != EINVAL && errno != EROFS) return -errno;
  }
  return 0;
}

/* By number: libc's calls would signal the caller's other threads, which are not in this process.
   The capabilities are kept over the change of ids for the next step to choose from. */
static int ctr__child_user(ctr__child *c, const ctr__step *s) {
  long uid = (long)s->num[0], gid = (long)s->num[1];
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -errno;
  long r = ctr__set_groups(c, s->num[2], s->str[0]);
  if (r == 0) r = CTR__CALL(CTR__SYS_setresgid, gid, gid, gid);
  if (r == 0) r = CTR__CALL(CTR__SYS_setresuid, uid, uid, uid);
  if (r == 0) r = ctr__ret(prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0));
  return (int)r;
}

static int ctr__child_capabilities(ctr__child *c, const ctr__step *s) {
  (void)c;
  struct {
    uint32_t version;
    int32_t pid;
  } head = {0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */, 0};
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2];
  for (int i = 0; i < 2; i++) {
    data[i].effective = (uint32_t)((s->num[0] | s->num[3]) >> 32 * i);
    data[i].permitted = (uint32_t)((s->num[1] | s->num[3]) >> 32 * i);
    data[i].inheritable = (uint32_t)(s->num[2] >> 32 * i);
  }
  return (int)CTR__CALL(SYS_capset, &head, data);
}

static int ctr__child_ambient(ctr__child *c, const ctr__step *s) {
  (void)c;
  int r = (int)ctr__ret(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  for (unsigned long i = 0; i < 64 && r == 0; i++)
    if (s->num[0] >> i & 1) r = (int)ctr__ret(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0));
  return r;
}

/* ==== [SECTION] child/labels.c ================================================================ */
/* Labels are asked for in /proc/self/attr, of a procfs that is one: who could have the write go
   elsewhere would run without (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881). */

static int ctr__child_label(ctr__child *c, const ctr__step *s) {
  static const char attributes[] = "self/attr/";
  const char *file = ctr__arg(c, s, 0);
  char path[64];
  if (strlen(file) + sizeof attributes > sizeof path) return -ENAMETOOLONG;
  ctr__put_str(ctr__put_str(path, attributes), file);
  return ctr__write_proc_arg(c, path, ctr__arg(c, s, 1));
}

/* ==== [SECTION] child/exec.c ================================================================== */
/* The last steps: a working directory that lies inside, a program that exists, execve. */

static int ctr__child_let_go(ctr__child *c, const ctr__step *s) {
  (void)s;
  ctr__close(&c->proc);
  ctr__close(&c->base);
  ctr__close(&c->root);
  for (int i = 0; i < CTR__HELD_COUNT; i++) ctr__close(&c->held[i]);
  ctr__close(&c->null_device);
  ctr__close(&c->mask_dir);
  ctr__close(&c->view_place);
  ctr__close(&c->view_tree);
  return 0;
}

static int ctr__child_chdir_early(ctr__child *c, const ctr__step *s) {
  c->entered_cwd = chdir(ctr__arg(c, s, 0)) == 0;
  return 0; /* the container's user gets to try as well: CHDIR */
}

/* A working directory outside the root would be a way out (CVE-2024-21626): the kernel names it
   "(unreachable)…" then. */
static int ctr__child_chdir(ctr__child *c, const ctr__step *s) {
  if (!c->entered_cwd && chdir(ctr__arg(c, s, 0)) < 0) return -errno;
  char cwd[PATH_MAX];
  long len = CTR__CALL(SYS_getcwd, cwd, sizeof cwd);
  if (len < 0) return len == -ENOENT ? ctr__because(c, CTR__WHY_OUTSIDE, -ENOENT) : (int)len;
  return cwd[0] == '/' ? 0 : ctr__because(c, CTR__WHY_OUTSIDE, -EXDEV);
}

/* Finds the program as execvp(3) would, but before the caller is told that all is ready. */
static int ctr__child_look_up(ctr__child *c, const ctr__step *s) {
  uint32_t count = ctr__list_count(c->plan, s->str[1]);
  int worst = -ENOENT;
  for (uint32_t i = 0; i < count; i++) {
    const char *path = ctr__list_str(c->plan, s->str[1], i);
    struct stat st;
    int r = faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
    if (r == 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) r = -EACCES;
    c->found = i;
    if (r == 0) return 0;
    if (r == -EACCES) worst = r; /* there, but not for this user */
  }
  if (worst == -ENOENT && !strchr(ctr__arg(c, s, 0), '/')) c->reason = CTR__WHY_NOT_FOUND;
  return worst;
}

/* ==== [SECTION] child/program.c =============================================================== */
/* Runs a program of the host, a hook or a helper, and sees it through to its end: used on both
   sides, so it is bound by the child's rules. */

/* What is run and with what. */
typedef struct ctr__program_run {
  const char *path;
  char *const *argv, *const *envp;
  const char *directory;   /* where; NULL: where we are                               */
  int64_t seconds;         /* it may take; 0: as long as it likes                     */
  int umask;               /* that it gets; -1: as it is                              */
  int input;               /* its standard input                                      */
  char *note;              /* CTR__NOTE_MAX: the beginning of what it says            */
  size_t noted;            /* how much of it: others may write to the note meanwhile  */
  int output;              /* its standard output and error                           */
  int report;              /* gets errno when it cannot be executed; closed by execve */
  enum ctr__reason reason; /* why it failed                                           */
  int64_t detail;
} ctr__program_run;

/* A session of its own, so that it can be ended with all it has started. */
static _Noreturn void ctr__program_main(const ctr__program_run *p) {
  int kept[2] = {p->report, -1};
  int r = setsid() < 0 ? -errno : 0;
  if (r == 0) r = (int)ctr__ret(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  if (r == 0) r = ctr__default_signals();
  if (r == 0 && p->directory) r = (int)ctr__ret(chdir(p->directory));
  if (r == 0 && (dup2(p->input, 0) < 0 || dup2(p->output, 1) < 0 || dup2(p->output, 2) < 0))
    r = -errno;
  if (r == 0) r = ctr__close_rest(3, kept);
  if (r == 0 && p->umask >= 0) umask((mode_t)p->umask);
  if (r == 0) {
    execve(p->path, p->argv, p->envp);
    r = -errno;
  }
  ctr__write_all(p->report, (const char *)&r, sizeof r);
  _exit(127);
}

/* Keeps the beginning of what it says, for an error message, and lets go of the rest. */
static void ctr__program_listen(ctr__program_run *p, struct pollfd *output) {
  char buf[1024];
  ssize_t n = read(output->fd, buf, sizeof buf);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) output->fd = -1;
  const size_t room = CTR__NOTE_MAX - 1 - p->noted, more = n > 0 ? (size_t)n : 0;
  memcpy(p->note + p->noted, buf, more < room ? more : room);
  p->noted += more < room ? more : room;
}

static int64_t ctr__now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until it has ended or its time is up. */
static int ctr__program_await(ctr__program_run *p, int pidfd, int output) {
  const int64_t seconds = p->seconds, end = ctr__now_ms() + seconds * 1000;
  struct pollfd both[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = output, .events = POLLIN}};
  for (;;) {
    int64_t left = seconds ? end - ctr__now_ms() : -1;
    if (seconds && left <= 0) return -ETIMEDOUT;
    int n = poll(both, 2, left > INT_MAX ? INT_MAX : (int)left);
    if (n < 0 && errno != EINTR) return -errno;
    if (n <= 0) continue;
    if (both[1].revents) ctr__program_listen(p, &both[1]);
    if (both[0].revents) break;
  }
  /* What a pipe holds (pipe(7)), and no more: what it left running may go on writing for ever. */
  for (int i = 0; i < 64 && both[1].fd >= 0 && ctr__poll_now(&both[1], 1) > 0; i++)
    ctr__program_listen(p, &both[1]);
  return 0;
}

/* It has been started: sees it through to its end and says how it went. */
static int ctr__program_finish(ctr__program_run *p, pid_t pid, int pidfd, int output, int report) {
  ctr_exit status = {0};
  int error = 0, r = ctr__program_await(p, pidfd, output);
  if (r < 0) {
    kill(-pid, SIGKILL);
    ctr__pidfd_signal(pidfd, SIGKILL);
  }
  int reaped = ctr__reap(pidfd, &status);
  if (r == -ETIMEDOUT) return p->reason = CTR__WHY_PROGRAM_TIMEOUT, r;
  if (r == 0) r = reaped;
  if (r < 0) return r;
  if (read(report, &error, sizeof error) == (ssize_t)sizeof error) {
    p->reason = CTR__WHY_PROGRAM_FILE;
    return error;
  }
  if (!status.signal && !status.code) return 0; /* no reason, or a later step would be given it */
  p->reason = status.signal ? CTR__WHY_PROGRAM_SIGNAL : CTR__WHY_PROGRAM_EXIT;
  p->detail = status.signal ? status.signal : status.code;
  return -ECANCELED;
}

/* Runs it and waits for it. */
static int ctr__program_execute(ctr__program_run *p) {
  int output[2] = {-1, -1}, report[2] = {-1, -1}, pidfd = -1;
  memset(p->note, 0, CTR__NOTE_MAX);
  p->noted = 0;
  int r = ctr__pipe(output);
  CTR__AUTO_CLOSE output_read = output[0], output_write = output[1];
  if (r == 0) r = ctr__pipe(report);
  CTR__AUTO_CLOSE report_read = report[0], report_write = report[1];
  if (r == 0) r = (int)ctr__ret(fcntl(output_read, F_SETFL, O_NONBLOCK));
  if (r < 0) return r;
  p->output = output_write;
  p->report = report_write;
  pid_t pid = ctr__clone_blocked(0, true, -1, &pidfd);
  if (pid == 0) ctr__program_main(p);
  CTR__AUTO_CLOSE ended = pid < 0 ? -1 : ctr__fd_high(pidfd);
  ctr__close(&output_write);
  ctr__close(&report_write);
  return pid < 0 ? pid : ctr__program_finish(p, pid, ended, output_read, report_read);
}

/* ==== [SECTION] child/hooks.c ================================================================= */
/* Hooks, on either side. */

/* The state in memory: a hook may read it or not, and nobody waits for that. */
static int ctr__hook_input(const ctr__launch *launch, const ctr__step *s, pid_t pid) {
  const ctr_plan *plan = launch->plan;
  const char *state = ctr__plan_str(plan, plan->state);
  char tail[64];
  const char *end = ctr__put_state_tail(tail, s->num[1], pid);
  CTR__AUTO_CLOSE fd = ctr__fd_high((int)CTR__CALL(SYS_memfd_create, "state", CTR__MFD_CLOEXEC));
  int r = fd < 0 ? fd : ctr__write_all(fd, state, strlen(state));
  if (r == 0) r = ctr__write_all(fd, tail, (size_t)(end - tail));
  if (r == 0) r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
  return r < 0 ? r : ctr__steal_fd(&fd);
}

/* num: seconds, the status that it is told, which of the launch's programs, whether it is the
   host's. pid: of the container's first process, as it is seen here. */
static int ctr__run_hook(const ctr__launch *launch, const ctr__step *s, pid_t pid, int umask_,
                         enum ctr__reason *ret_reason, int64_t *ret_detail) {
  const ctr_plan *plan = launch->plan;
  CTR__AUTO_CLOSE input = ctr__hook_input(launch, s, pid);
  if (input < 0) return input;
  ctr__program_run hook = {.path = ctr__plan_str(plan, s->str[0]),
                           .argv = launch->program_argv[s->num[2]],
                           .envp = launch->program_envp[s->num[2]],
                           .directory = s->num[3] ? ctr__plan_str(plan, plan->bundle) : NULL,
                           .seconds = (int64_t)s->num[0],
                           .umask = umask_,
                           .input = input,
                           .note = launch->shared->note};
  int r = ctr__program_execute(&hook);
  *ret_reason = hook.reason;
  *ret_detail = hook.detail;
  return r;
}

static int ctr__child_hook(ctr__child *c, const ctr__step *s) {
  return ctr__run_hook(c->launch, s, getpid(), s->num[3] ? (int)c->umask : -1, &c->reason,
                       &c->detail);
}

/* ==== [SECTION] child/landlock.c ============================================================== */
/* landlock(7), in the root as the program will see it: rules are of what is there by now. */

static int ctr__child_landlock(ctr__child *c, const ctr__step *s) {
  const struct ctr__landlock_ruleset attr = {s->num[0], s->num[1], s->num[2]};
  c->ruleset = ctr__landlock_create(&attr);
  return c->ruleset < 0 ? c->ruleset : 0;
}

/* A link of the image, or of who runs in the container already, would widen what is allowed. Of a
   file the kernel takes no rights that only a directory can give. */
static int ctr__child_landlock_path(ctr__child *c, const ctr__step *s) {
  struct stat st;
  CTR__AUTO_CLOSE fd =
      ctr__openat2(AT_FDCWD, ctr__arg(c, s, 0), O_PATH, 0, CTR__RESOLVE_NO_SYMLINKS);
  if (fd == -ELOOP) return ctr__because(c, CTR__WHY_BY_A_LINK, fd);
  if (fd < 0) return fd;
  if (fstat(fd, &st) < 0) return -errno;
  const struct ctr__landlock_path_beneath rule = {s->num[S_ISDIR(st.st_mode) ? 0 : 1], fd};
  return rule.allowed_access ? (int)CTR__CALL(CTR__SYS_landlock_add_rule, c->ruleset,
                                              1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0U)
                             : 0;
}

static int ctr__child_landlock_port(ctr__child *c, const ctr__step *s) {
  const struct ctr__landlock_net_port rule = {s->num[0], s->num[1]};
  return (int)CTR__CALL(CTR__SYS_landlock_add_rule, c->ruleset, 2 /* LANDLOCK_RULE_NET_PORT */,
                        &rule, 0U);
}

static int ctr__child_landlock_restrict(ctr__child *c, const ctr__step *s) {
  (void)s;
  int r = (int)CTR__CALL(CTR__SYS_landlock_restrict_self, c->ruleset, 0U);
  ctr__close(&c->ruleset);
  return r;
}

/* ==== [SECTION] child/started.c =============================================================== */
/* A container that was created waits until somebody comes by its socket and says start. Who made it
   may be gone by then: from here on errors go to who starts it. */

static int ctr__accept_start(int sock) {
  CTR__AUTO_CLOSE peer = ctr__fd_high((int)ctr__ret(accept4(sock, NULL, NULL, SOCK_CLOEXEC)));
  ctr__message message;
  if (peer < 0) return peer == -ECONNABORTED || peer == -EINTR ? -EAGAIN : peer;
  if (ctr__receive(peer, &message) < 0 || message.type != CTR__MSG_START) return -EAGAIN;
  return ctr__steal_fd(&peer);
}

static int ctr__child_wait_start(ctr__child *c, const ctr__step *s) {
  (void)s;
  ctr__close(&c->sock);
  int peer;
  do peer = ctr__accept_start(c->start_sock); /* whoever says something else did not start it */
  while (peer == -EAGAIN);
  ctr__close(&c->start_sock);
  if (peer < 0) return peer;
  c->sock = peer;
  c->is_started = true;
  return 0;
}

static int ctr__child_tell_started(ctr__child *c, const ctr__step *s) {
  const ctr__message message = {.type = CTR__MSG_STARTED, .value = (int64_t)s->num[0]};
  int r = ctr__send(c->sock, &message);
  return r == -EPIPE || r == -ECONNRESET ? 0 : r; /* it has been started all the same */
}

/* Bounded copy; the room is zeroed. */
static void ctr__copy_text(char *to, size_t room, const char *from) {
  size_t len = from ? strlen(from) : 0;
  if (len) memcpy(to, from, len < room ? len : room - 1);
}

/* Who starts a container does not have its plan: the step goes along in words. */
static void ctr__report_start(const ctr__child *c, const ctr__message *message) {
  const ctr__step *step = ctr__plan_step(c->plan, c->at);
  ctr__start_report report = {.message = *message, .kind = step->kind};
  ctr__copy_text(report.field, sizeof report.field, ctr__plan_str(c->plan, step->field));
  ctr__copy_text(report.arg, sizeof report.arg, ctr__plan_str(c->plan, step->str[0]));
  ctr__copy_text(report.note, sizeof report.note, c->launch->shared->note);
  ctr__send_bytes(c->sock, &report, sizeof report);
}

/* ==== [SECTION] child/run.c =================================================================== */
/* The child walks its lane of the plan. */

/* Who listens is to have it before the program runs. With calls that a filter can hardly do
   without: what it says of sendmsg(2) is looked at when the plan is made. */
static int ctr__bring_listener(ctr__child *c, int fd) {
  const ctr__message listener = {.type = CTR__MSG_LISTENER};
  ctr__message answer;
  ssize_t n = ctr__send_fd(c->sock, &listener, fd);
  if (n < 0) return (int)n;
  do n = ctr__ret(read(c->sock, &answer, sizeof answer));
  while (n == -EINTR);
  if (n == 0 || n == -EPIPE || n == -ECONNRESET)
    return ctr__because(c, CTR__WHY_PARENT_GONE, -EPIPE);
  if (n < 0) return (int)n;
  return n == (ssize_t)sizeof answer && answer.type == CTR__MSG_RUN
             ? 0
             : ctr__because(c, CTR__WHY_BAD_ANSWER, -EPROTO);
}

/* With the first the parent is looked at: after that the filter says which calls there are. */
static int ctr__child_filter(ctr__child *c, const ctr__step *s) {
  const struct {
    uint16_t count;
    const void *code;
  } program = {(uint16_t)s->num[0], ctr__plan_data(c->plan, s->str[1])}; /* struct sock_fprog */
  const uint32_t flags = (uint32_t)s->num[2];
  int r = s->num[1] ? ctr__see_parent(c) : 0;
  if (r == 0) r = (int)CTR__CALL(SYS_seccomp, CTR__SECCOMP_SET_MODE_FILTER, flags, &program);
  if (r < 0 || !(flags & CTR__SECCOMP_NEW_LISTENER)) return r;
  c->listener = r; /* close-on-exec, and the standard streams are there: not among those */
  return ctr__bring_listener(c, r);
}

static int ctr__child_exec(ctr__child *c, const ctr__step *s) {
  const char *path = ctr__list_str(c->plan, s->str[1], c->found);
  int r = s->num[0] ? 0 : ctr__see_parent(c);
  if (r < 0) return r;
  execve(path, c->launch->argv, c->launch->envp);
  return -errno;
}

/* Before a function that does not return the address sanitizer makes system calls of its own, and
   waits for ever where the container's filter forbids them. */
#define CTR__UNSANITIZED __attribute__((no_sanitize_address))

/* By number: where a filter forbids it, libc would try for ever (musl), or run what others have put
   there (a sanitizer). What remains then is to be killed. */
static _Noreturn void ctr__end(int status) {
  syscall(SYS_exit_group, status);
  __builtin_trap();
}

/* The end of the channel tells the parent, as execve would; which also takes away the page that the
   parent still reads: what the function meets may take it over. */
CTR__UNSANITIZED static int ctr__child_call(ctr__child *c, const ctr__step *s) {
  const ctr__launch *launch = c->launch;
  int r = s->num[0] ? 0 : ctr__see_parent(c);
  if (r == 0) r = (int)CTR__CALL(SYS_munmap, launch->shared, sizeof *launch->shared);
  if (r < 0) return r;
  ctr__close(&c->sock);
  ctr__close(&c->start_sock);
  ctr__close(&c->listener);
  *launch->environment = launch->envp;
  ctr__end(launch->function(launch->function_data));
}

typedef int ctr__step_fn(ctr__child *c, const ctr__step *s);

static ctr__step_fn *const ctr__child_steps[CTR__STEP_COUNT] = {
    [CTR__STEP_SYNC] = ctr__child_sync,
    [CTR__STEP_SEAL_PROGRAM] = ctr__child_seal_program,
    [CTR__STEP_HIDE_PROGRAM] = ctr__child_hide_program,
    [CTR__STEP_OWN_MEMORY] = ctr__child_own_memory,
    [CTR__STEP_STDIO] = ctr__child_stdio,
    [CTR__STEP_SIGNALS] = ctr__child_signals,
    [CTR__STEP_DIE_WITH_CALLER] = ctr__child_die_with_caller,
    [CTR__STEP_BECOME_ROOT] = ctr__child_become_root,
    [CTR__STEP_INNER_USERNS] = ctr__child_inner_userns,
    [CTR__STEP_SETSID] = ctr__child_setsid,
    [CTR__STEP_KEYRING] = ctr__child_keyring,
    [CTR__STEP_LABEL] = ctr__child_label,
    [CTR__STEP_HOLD_PROC] = ctr__child_hold_proc,
    [CTR__STEP_CGROUP_NAMESPACE] = ctr__child_cgroup_namespace,
    [CTR__STEP_TIME_NAMESPACE] = ctr__child_time_namespace,
    [CTR__STEP_LOOPBACK] = ctr__child_loopback,
    [CTR__STEP_PROPAGATION] = ctr__child_propagation,
    [CTR__STEP_BASE] = ctr__child_base,
    [CTR__STEP_ROOT_BIND] = ctr__child_root_bind,
    [CTR__STEP_ROOT_OPEN] = ctr__child_root_open,
    [CTR__STEP_MOUNT_FS] = ctr__child_mount_fs,
    [CTR__STEP_MOUNT_COPY_UP] = ctr__child_mount_copy_up,
    [CTR__STEP_MOUNT_OLD] = ctr__child_mount_old,
    [CTR__STEP_MOUNT_FILE] = ctr__child_mount_file,
    [CTR__STEP_MOUNT_BIND] = ctr__child_mount_bind,
    [CTR__STEP_SET_ATTR] = ctr__child_set_attr,
    [CTR__STEP_SET_ATTR_ALL] = ctr__child_set_attr_all,
    [CTR__STEP_SET_PROPAGATION] = ctr__child_set_propagation,
    [CTR__STEP_RECONFIGURE] = ctr__child_reconfigure,
    [CTR__STEP_DEVICE_NODE] = ctr__child_device_node,
    [CTR__STEP_DEVICE_BIND] = ctr__child_device_bind,
    [CTR__STEP_SYMLINK] = ctr__child_symlink,
    [CTR__STEP_MAKE_DIR] = ctr__child_make_dir,
    [CTR__STEP_MAKE_CWD] = ctr__child_make_cwd,
    [CTR__STEP_SET_MODE] = ctr__child_set_mode,
    [CTR__STEP_MAKE_FILE] = ctr__child_make_file,
    [CTR__STEP_CONSOLE] = ctr__child_console,
    [CTR__STEP_HOOK] = ctr__child_hook,
    [CTR__STEP_MASK] = ctr__child_mask,
    [CTR__STEP_READONLY] = ctr__child_readonly,
    [CTR__STEP_PIVOT_ROOT] = ctr__child_pivot_root,
    [CTR__STEP_MOVE_ROOT] = ctr__child_move_root,
    [CTR__STEP_CHROOT] = ctr__child_chroot,
    [CTR__STEP_OWN_NULL] = ctr__child_own_null,
    [CTR__STEP_VIEW_NULL] = ctr__child_view_null,
    [CTR__STEP_HOSTNAME] = ctr__child_hostname,
    [CTR__STEP_DOMAINNAME] = ctr__child_domainname,
    [CTR__STEP_SYSCTL] = ctr__child_sysctl,
    [CTR__STEP_OOM_SCORE_ADJ] = ctr__child_oom_score_adj,
    [CTR__STEP_SCHEDULER] = ctr__child_scheduler,
    [CTR__STEP_IO_PRIORITY] = ctr__child_io_priority,
    [CTR__STEP_PERSONALITY] = ctr__child_personality,
    [CTR__STEP_MEMORY_POLICY] = ctr__child_memory_policy,
    [CTR__STEP_UMASK] = ctr__child_umask,
    [CTR__STEP_KEEP_UMASK] = ctr__child_keep_umask,
    [CTR__STEP_RLIMIT] = ctr__child_rlimit,
    [CTR__STEP_LET_GO] = ctr__child_let_go,
    [CTR__STEP_CHDIR_EARLY] = ctr__child_chdir_early,
    [CTR__STEP_NO_NEW_PRIVS] = ctr__child_no_new_privs,
    [CTR__STEP_BOUNDING] = ctr__child_bounding,
    [CTR__STEP_OWN_STREAMS] = ctr__child_own_streams,
    [CTR__STEP_USER] = ctr__child_user,
    [CTR__STEP_CAPABILITIES] = ctr__child_capabilities,
    [CTR__STEP_AMBIENT] = ctr__child_ambient,
    [CTR__STEP_UNDUMPABLE] = ctr__child_undumpable,
    [CTR__STEP_CONCEAL] = ctr__child_conceal,
    [CTR__STEP_AFFINITY] = ctr__child_affinity,
    [CTR__STEP_WAIT_START] = ctr__child_wait_start,
    [CTR__STEP_LANDLOCK] = ctr__child_landlock,
    [CTR__STEP_LANDLOCK_PATH] = ctr__child_landlock_path,
    [CTR__STEP_LANDLOCK_PORT] = ctr__child_landlock_port,
    [CTR__STEP_LANDLOCK_RESTRICT] = ctr__child_landlock_restrict,
    [CTR__STEP_TELL_STARTED] = ctr__child_tell_started,
    [CTR__STEP_CHDIR] = ctr__child_chdir,
    [CTR__STEP_LOOK_UP] = ctr__child_look_up,
    [CTR__STEP_CLOSE_FDS] = ctr__child_close_fds,
    [CTR__STEP_CALL] = ctr__child_call,
    [CTR__STEP_FILTER] = ctr__child_filter,
    [CTR__STEP_EXEC] = ctr__child_exec,
};

static ctr__child ctr__child_state(const ctr__launch *launch) {
  return (ctr__child){.launch = launch,
                      .plan = launch->plan,
                      .sock = launch->sock,
                      .start_sock = launch->start_sock,
                      .proc = -1,
                      .base = -1,
                      .root = -1,
                      .held = {-1, -1, -1},
                      .listener = -1,
                      .view_tree = -1,
                      .view_place = -1,
                      .exe = -1,
                      .ruleset = -1,
                      .null_device = -1,
                      .mask_dir = -1};
}

CTR__UNSANITIZED static _Noreturn void ctr__child_fail(const ctr__child *c, int error) {
  ctr__message message = {.type = CTR__MSG_ERROR,
                          .step = c->at,
                          .error = -error,
                          .reason = (uint32_t)c->reason,
                          .value = c->detail};
  c->launch->shared->failure = message;
  if (c->is_started)
    ctr__report_start(c, &message);
  else
    ctr__send(c->sock, &message);
  ctr__end(127);
}

/* Runs the steps of the plan that table has a function for, up to the first that fails. */
CTR__UNSANITIZED static void ctr__walk(ctr__child *c, ctr__step_fn *const *table, uint32_t lanes) {
  for (uint32_t i = 0; i < c->plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(c->plan, i);
    if (!(lanes >> step->lane & 1)) continue;
    c->launch->shared->step = c->at = i;
    int r = table[step->kind] ? table[step->kind](c, step) : -ENOSYS;
    if (r < 0) ctr__child_fail(c, r);
  }
}

/* Never returns: into the program, or with a report to the parent. */
CTR__UNSANITIZED static _Noreturn void ctr__child_main(const ctr__launch *launch) {
  close(launch->parent_sock);
  ctr__child c = ctr__child_state(launch);
  c.umask = umask(0); /* modes are to be those of the plan */
  ctr__walk(&c, ctr__child_steps, 1U << CTR__LANE_CHILD | 1U << CTR__LANE_BOTH);
  ctr__child_fail(&c, -ENOEXEC);
}

/* -- the intermediate process -- */

static int ctr__stage_clone(ctr__child *c, const ctr__step *s) {
  int pidfd = -1;
  pid_t pid = ctr__clone(s->num[0] | CLONE_PARENT, s->num[1], -1, &pidfd, &c->launch->shared->pid);
  if (pid == 0) ctr__child_main(c->launch);
  /* The pid is as this process sees it, which is in the caller's pid namespace. */
  const ctr__message message = {.type = CTR__MSG_PID, .value = pid};
  return pid < 0 ? pid : ctr__send_fd(c->sock, &message, pidfd);
}

/* What needs the caller's procfs, before anything is joined. */
static int ctr__stage_with_proc(ctr__child *c, const ctr__step *s, ctr__step_fn *work) {
  int r = ctr__child_hold_proc(c, s);
  if (r == 0) r = work(c, s);
  ctr__close(&c->proc);
  return r;
}

static int ctr__stage_oom_score_adj(ctr__child *c, const ctr__step *s) {
  return ctr__stage_with_proc(c, s, ctr__child_oom_score_adj);
}

static int ctr__stage_label(ctr__child *c, const ctr__step *s) {
  return ctr__stage_with_proc(c, s, ctr__child_label);
}

static int ctr__stage_seal_program(ctr__child *c, const ctr__step *s) {
  return ctr__stage_with_proc(c, s, ctr__child_seal_program);
}

static ctr__step_fn *const ctr__stage_steps[CTR__STEP_COUNT] = {
    [CTR__STEP_OOM_SCORE_ADJ] = ctr__stage_oom_score_adj,
    [CTR__STEP_LABEL] = ctr__stage_label,
    [CTR__STEP_UNDUMPABLE] = ctr__child_undumpable,
    [CTR__STEP_SEAL_PROGRAM] = ctr__stage_seal_program,
    [CTR__STEP_HIDE_PROGRAM] = ctr__child_hide_program,
    [CTR__STEP_CONCEAL] = ctr__child_conceal,
    [CTR__STEP_VIEW_NULL] = ctr__child_view_null,
    [CTR__STEP_CLOSE_OTHERS] = ctr__stage_close_others,
    [CTR__STEP_DROP_GROUPS] = ctr__stage_drop_groups,
    [CTR__STEP_SETNS] = ctr__stage_setns,
    [CTR__STEP_SETNS_AGAIN] = ctr__stage_setns_again,
    [CTR__STEP_JOIN_INIT] = ctr__stage_join_init,
    [CTR__STEP_AFFINITY] = ctr__child_affinity,
    [CTR__STEP_CLONE] = ctr__stage_clone,
};

static _Noreturn void ctr__stage_main(const ctr__launch *launch) {
  close(launch->parent_sock);
  ctr__child c = ctr__child_state(launch);
  ctr__walk(&c, ctr__stage_steps, 1U << CTR__LANE_STAGE);
  _exit(0);
}

/* ==== [SECTION] cgroup/directory.c ============================================================ */
/* Cgroups as directories: making them and entering them. Who is inside one may be hostile and may
   have been given its files: nothing here leaves the hierarchy or follows a link. */

typedef struct ctr__cgroup {
  const char *path;        /* absolute, on the host: mount point and cgroup                 */
  const char *controllers; /* of v1: "freezer", "cpu,cpuacct", "name=systemd"; "" for v2    */
  bool v2;
} ctr__cgroup;

/* The cgroups of one container: one in each hierarchy. */
typedef struct ctr__cgroups {
  const ctr__cgroup *items;
  size_t count;
} ctr__cgroups;

enum {
  CTR__IN_CGROUP = CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_SYMLINKS | CTR__RESOLVE_NO_XDEV,
};

/* Whether it is of the v1 hierarchy with that controller. */
static bool ctr__cgroup_has(const ctr__cgroup *g, const char *controller) {
  return !g->v2 && ctr__list_has(g->controllers, controller, strlen(controller));
}

/* Removed, before or after its file was opened: cgroupfs says ENODEV then. */
static bool ctr__is_gone(int r) {
  return r == -ENOENT || r == -ENODEV;
}

/* Opens a directory that must be a cgroup. ".." could lead into somebody else's. */
static int ctr__cgroup_open_path(const char *path) {
  const char *at = path, *name;
  if (*path != '/') return -EINVAL;
  for (size_t len; (len = ctr__component(&at, &name));)
    if (len == 2 && !memcmp(name, "..", 2)) return -EINVAL;
  CTR__AUTO_CLOSE dir =
      ctr__openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, CTR__RESOLVE_NO_SYMLINKS);
  if (dir < 0) return dir;
  struct statfs fs;
  if (fstatfs(dir, &fs) < 0) return -errno;
  bool is_cgroup = fs.f_type == CTR__CGROUP_MAGIC || fs.f_type == CTR__CGROUP2_MAGIC;
  return is_cgroup ? ctr__steal_fd(&dir) : -ENOTSUP;
}

static int ctr__cgroup_open(const ctr__cgroup *g) {
  return ctr__cgroup_open_path(g->path);
}

/* The cgroup that holds it. The root of a hierarchy has none: -EXDEV. */
static int ctr__cgroup_parent(int dir) {
  return ctr__openat2(dir, "..", O_PATH | O_DIRECTORY, 0,
                      CTR__RESOLVE_NO_SYMLINKS | CTR__RESOLVE_NO_XDEV);
}

/* A whole file as a string. Returns its length; -EFBIG rather than a part of it. */
static int ctr__cgroup_read(int dir, const char *file, char *buf, size_t size) {
  CTR__AUTO_CLOSE fd = ctr__openat2(dir, file, O_RDONLY, 0, CTR__IN_CGROUP);
  if (fd < 0) return fd;
  size_t len = 0;
  for (;;) {
    ssize_t n = read(fd, buf + len, size - len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    len += (size_t)n;
    if (len == size) return -EFBIG;
    if (n == 0) break;
  }
  buf[len] = '\0';
  return (int)len;
}

static int ctr__cgroup_write(int dir, const char *file, const char *text, size_t len) {
  CTR__AUTO_CLOSE fd = ctr__openat2(dir, file, O_WRONLY, 0, CTR__IN_CGROUP);
  return fd < 0 ? fd : ctr__write_all(fd, text, len);
}

/* What nobody can enter as long as it is empty (cpusets(7)). */
static const char *const ctr__cpuset_files[] = {"cpuset.cpus", "cpuset.mems"};
enum { CTR__CPU_LIST_MAX = 32768 }; /* 8192 CPUs, every second one, are 20 KB */

/* Whether a cgroup is there to be entered, as far as its making goes. */
static int ctr__cgroup_open_made(const ctr__cgroup *g, const char *path) {
  CTR__AUTO_CLOSE dir = ctr__cgroup_open_path(path);
  if (dir < 0 || !ctr__cgroup_has(g, "cpuset")) return ctr__steal_fd(&dir);
  for (int i = 0; i < 2; i++) {
    char list[CTR__CPU_LIST_MAX];
    int len = ctr__cgroup_read(dir, ctr__cpuset_files[i], list, sizeof list);
    if (len < 0) return len;
    if (len <= 1) return -ENOENT;
  }
  return ctr__steal_fd(&dir);
}

/* Empty ones get what the parent has: those just made, and those that somebody else is making at
   the same time. */
static int ctr__cpuset_fill(int parent, int dir) {
  for (int i = 0; i < 2; i++) {
    char list[CTR__CPU_LIST_MAX];
    int len = ctr__cgroup_read(dir, ctr__cpuset_files[i], list, sizeof list);
    if (len > 1) continue;
    if (len >= 0) len = ctr__cgroup_read(parent, ctr__cpuset_files[i], list, sizeof list);
    if (len >= 0) len = ctr__cgroup_write(dir, ctr__cpuset_files[i], list, (size_t)len);
    if (len < 0) return len;
  }
  return 0;
}

/* Makes one directory and opens it. Its mode is not the caller's umask's to decide: whoever is
   inside, under whatever ids, may read its own cgroup. */
static int ctr__cgroup_make_in(const ctr__cgroup *g, int parent, const char *name) {
  int r = ctr__make_one(parent, name, CTR__MAKE_DIR);
  if (!r) r = (int)ctr__ret(fchmodat(parent, name, 0755, 0));
  if (r < 0 && r != -EEXIST) return r;
  CTR__AUTO_CLOSE dir = ctr__openat2(parent, name, O_PATH | O_DIRECTORY, 0, CTR__IN_CGROUP);
  if (dir < 0) return dir;
  r = ctr__cgroup_has(g, "cpuset") ? ctr__cpuset_fill(parent, dir) : 0;
  return r < 0 ? r : ctr__steal_fd(&dir);
}

/* Makes the cgroup with its missing parents; being there already is no error. Back to the nearest
   one that is there, then forward: mostly that is the parent. */
static int ctr__cgroup_make(const ctr__cgroup *g) {
  char path[PATH_MAX], name[NAME_MAX + 1];
  size_t len = ctr__trimmed(g->path);
  if (len >= sizeof path) return -ENAMETOOLONG;
  memcpy(path, g->path, len);
  path[len] = '\0';
  CTR__AUTO_CLOSE dir = ctr__cgroup_open_made(g, path);
  while (dir == -ENOENT && len) {
    while (len && path[len - 1] != '/') len--;
    while (len && path[len - 1] == '/') len--;
    path[len] = '\0';
    dir = len ? ctr__cgroup_open_made(g, path) : -ENOENT;
  }
  const char *at = g->path + len, *from;
  for (size_t n; dir >= 0 && (n = ctr__component(&at, &from));) {
    if (n >= sizeof name) return -ENAMETOOLONG;
    memcpy(name, from, n);
    name[n] = '\0';
    int made = ctr__cgroup_make_in(g, dir, name);
    ctr__close(&dir);
    dir = made;
  }
  return dir < 0 ? dir : 0;
}

/* Adds to the controllers that those below dir have, one by one where not all can be had: what is
   missed shows where it is needed. */
static void ctr__cgroup_enable_in(int dir, const char *controllers) {
  char enabled[1024], text[1024 + 2], *end = text;
  if (ctr__cgroup_read(dir, "cgroup.subtree_control", enabled, sizeof enabled) < 0) return;
  for (char *c = enabled; *c; c++)
    if (*c == ' ' || *c == '\n') *c = ',';
  for (const char *at = controllers; *at; at += strcspn(at, ","), at += *at == ',') {
    size_t len = strcspn(at, ",");
    if (ctr__list_has(enabled, at, len) || (size_t)(end - text) + len + 3 > sizeof text) continue;
    *end++ = '+';
    memcpy(end, at, len);
    end += len;
    *end++ = ' ';
  }
  if (end == text ||
      ctr__cgroup_write(dir, "cgroup.subtree_control", text, (size_t)(end - text)) >= 0)
    return;
  for (const char *word = text, *after; word < end; word = after) {
    after = word + strcspn(word, " ") + 1;
    ctr__cgroup_write(dir, "cgroup.subtree_control", word, (size_t)(after - word));
  }
}

/* Enables controllers for a v2 cgroup: in every one above it, from the mount point on, which is the
   first len bytes of its path (cgroup-v2.rst, "Top-down Constraint"). */
static int ctr__cgroup_enable(const char *path, size_t len, const char *controllers) {
  char above[PATH_MAX], name[NAME_MAX + 1];
  if (len >= sizeof above) return -ENAMETOOLONG;
  memcpy(above, path, len);
  above[len] = '\0';
  CTR__AUTO_CLOSE dir = ctr__cgroup_open_path(above);
  const char *at = path + len, *from;
  for (size_t n = ctr__component(&at, &from); dir >= 0 && n;) {
    if (n >= sizeof name) return -ENAMETOOLONG;
    memcpy(name, from, n);
    name[n] = '\0';
    ctr__cgroup_enable_in(dir, controllers);
    if (!(n = ctr__component(&at, &from))) break;
    int next = ctr__openat2(dir, name, O_RDONLY | O_DIRECTORY, 0, CTR__IN_CGROUP);
    ctr__close(&dir);
    dir = next;
  }
  return dir < 0 ? dir : 0;
}

/* Moves a process, with all its threads, into the cgroup. */
static int ctr__cgroup_enter(const ctr__cgroup *g, pid_t pid) {
  char text[24];
  size_t len = (size_t)(ctr__put_int(text, pid) - text);
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  return dir < 0 ? dir : ctr__cgroup_write(dir, "cgroup.procs", text, len);
}

/* How long something is waited for: pauses that grow, up to a total, in milliseconds. */
typedef struct ctr__patience {
  int left, pause;
} ctr__patience;

/* Waits a little, for event (may be NULL) at most that long; false when the time is used up. The
   caller's signals wait too, or they would make the total shorter than it says. */
static bool ctr__wait_more(ctr__patience *patience, struct pollfd *event) {
  if (patience->left <= 0) return false;
  struct timespec pause = {0, patience->pause * 1000000L};
  sigset_t all;
  sigfillset(&all);
  ppoll(event, event ? 1 : 0, &pause, &all);
  patience->left -= patience->pause;
  patience->pause = patience->pause < 32 ? patience->pause * 2 : 50;
  return true;
}

/* ==== [SECTION] cgroup/limits.c =============================================================== */
/* Writing limits: the LIMIT steps of a plan. */

/* How many stand together from there on. */
static uint32_t ctr__limits_at(const ctr_plan *plan, uint32_t first) {
  uint32_t count = 0;
  while (first + count < plan->step_count &&
         ctr__plan_step(plan, first + count)->kind == CTR__STEP_LIMIT)
    count++;
  return count;
}

/* One of them, and the file of the one before it. */
typedef struct ctr__setting {
  const char *path, *file, *value, *before;
  enum ctr__limit_rule rule;
} ctr__setting;

/* Those of a plan, in the arena; NULL when there is no memory. */
static ctr__setting *ctr__settings_of(const ctr_plan *plan, uint32_t first, uint32_t count,
                                      ctr_arena *mem) {
  ctr__setting *all = ctr__arena_array(mem, (size_t)count + 1, sizeof *all);
  for (uint32_t i = 0; all && i < count; i++) {
    const ctr__step *step = ctr__plan_step(plan, first + i);
    all[i] = (ctr__setting){.path = ctr__plan_str(plan, step->str[0]),
                            .file = ctr__plan_str(plan, step->str[1]),
                            .value = ctr__plan_str(plan, step->str[2]),
                            .before = i ? all[i - 1].file : NULL,
                            .rule = (enum ctr__limit_rule)step->num[0]};
  }
  return all;
}

/* -EBUSY when more memory is in use than a limit would leave (cgroup-v2.rst, memory.current); what
   cannot be read is no reason to go on. */
static int ctr__check_unused(int dir, const char *limit) {
  char used[32];
  int r = ctr__cgroup_read(dir, "memory.current", used, sizeof used);
  if (r < 0) return r;
  return strtoull(used, NULL, 10) > strtoull(limit, NULL, 10) ? -EBUSY : 0;
}

static int ctr__setting_write(const ctr__setting *setting) {
  CTR__AUTO_CLOSE dir = ctr__cgroup_open_path(setting->path);
  if (dir < 0) return dir;
  if (setting->rule == CTR__LIMIT_ELSE && faccessat(dir, setting->before, F_OK, 0) == 0) return 0;
  int r = setting->rule == CTR__LIMIT_IF_FREE ? ctr__check_unused(dir, setting->value) : 0;
  if (r < 0) return r;
  /* An empty value is a line all the same: a write of nothing is none. */
  const char *text = *setting->value ? setting->value : "\n";
  r = ctr__cgroup_write(dir, setting->file, text, strlen(text));
  return r == -ENOENT && setting->rule == CTR__LIMIT_IF_THERE ? 0 : r;
}

/* Writes count of them. One may be in the way of another (memory and swap, quota and period; raised
   in one order, lowered in the other): what is refused is tried again when others are there, as
   long as that helps. */
static int ctr__settings_write(const ctr__setting *all, uint32_t count, ctr_arena *mem,
                               uint32_t *ret_failed) {
  bool *done = ctr__arena_array(mem, (size_t)count + 1, sizeof *done);
  uint32_t left = count, before;
  int failure;
  if (!done) return -ENOMEM;
  do {
    failure = 0;
    before = left;
    for (uint32_t i = 0; i < count; i++) {
      if (done[i]) continue;
      int r = ctr__setting_write(&all[i]);
      done[i] = r == 0;
      left -= done[i];
      if (r == 0 || failure) continue;
      failure = r;
      *ret_failed = i;
      if (r != -EINVAL && r != -EBUSY) return r;
    }
  } while (left && left < before);
  return failure;
}

/* -- as it was -- */

/* Files with a line for each device or interface, and what makes a line go away. */
static const struct ctr__keyed_file {
  const char *start, *none;
} ctr__keyed_files[] = {
    {"io.max", "rbps=max wbps=max riops=max wiops=max"},
    {"io.weight", "default"},
    {"io.bfq.weight", "default"},
    {"io.latency", "target=0"},
    {"misc.max", "max"},
    {"dmem.", "max"},
    {"rdma.max", "hca_handle=max hca_object=max"},
    {"net_prio.ifpriomap", "0"},
    {"blkio.bfq.", "default"},
    {"blkio.", "0"},
};

static const struct ctr__keyed_file *ctr__keyed_file_of(const ctr__setting *setting) {
  for (size_t i = 0; i < sizeof ctr__keyed_files / sizeof *ctr__keyed_files; i++)
    if (!strncmp(setting->file, ctr__keyed_files[i].start, strlen(ctr__keyed_files[i].start)) &&
        strchr(setting->value, ' '))
      return &ctr__keyed_files[i];
  return NULL;
}

/* The line of a text that starts with the same word as value, as a string; NULL without one. */
static char *ctr__line_with_key(char *text, const char *value) {
  const size_t len = strcspn(value, " ");
  for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    if (strncmp(line, value, len) != 0 || line[len] != ' ') continue;
    line[strcspn(line, "\n")] = '\0';
    return line;
  }
  return NULL;
}

/* What a file had where a setting would change it, as a value to be written to it. */
static const char *ctr__value_before(const ctr__setting *setting, char *text, ctr_arena *mem) {
  const struct ctr__keyed_file *keyed = ctr__keyed_file_of(setting);
  char *found = keyed ? ctr__line_with_key(text, setting->value) : NULL;
  if (found) return found;
  if (keyed) {
    const size_t len = strcspn(setting->value, " ");
    char *none = ctr_arena_alloc(mem, len + strlen(keyed->none) + 2);
    if (!none) return NULL;
    memcpy(none, setting->value, len);
    ctr__put_str(ctr__put_str(none + len, " "), keyed->none);
    return none;
  }
  text[strcspn(text, "\n")] = '\0';
  return strncmp(text, "oom_kill_disable ", 17) ? text : text + 17;
}

/* The value that would undo a setting, in the arena; NULL where there is no such file. Returns 0 or
   -errno. */
static int ctr__setting_now(const ctr__setting *setting, ctr_arena *mem, const char **ret) {
  char *text = ctr_arena_alloc(mem, CTR__CPU_LIST_MAX);
  CTR__AUTO_CLOSE dir = ctr__cgroup_open_path(setting->path);
  *ret = NULL;
  if (!text || dir < 0) return text ? dir : -ENOMEM;
  int r = ctr__cgroup_read(dir, setting->file, text, CTR__CPU_LIST_MAX);
  if (r == -ENOENT) return 0;
  if (r >= 0) *ret = ctr__value_before(setting, text, mem);
  return r < 0 ? r : *ret ? 0 : -ENOMEM;
}

/* Those of a list, with what the files have now: put back they would undo it. */
static int ctr__settings_now(const ctr__setting *all, uint32_t count, ctr_arena *mem,
                             ctr__setting **ret) {
  int r = 0;
  *ret = ctr__arena_array(mem, (size_t)count + 1, sizeof **ret);
  if (!*ret) return -ENOMEM;
  for (uint32_t i = 0; i < count && r == 0; i++) {
    (*ret)[i] = (ctr__setting){.path = all[i].path, .file = all[i].file};
    r = ctr__setting_now(&all[i], mem, &(*ret)[i].value);
  }
  return r;
}

/* Puts back what differs, as often as that helps. false when something still differs: all says what
   was tried, before what there was. */
static bool ctr__settings_restore(const ctr__setting *all, const ctr__setting *before,
                                  uint32_t count, ctr_arena *mem) {
  uint32_t left = count, last;
  do {
    last = left;
    left = 0;
    for (uint32_t i = 0; i < count; i++) {
      const char *now = NULL;
      if (!before[i].value) continue;
      bool same = ctr__setting_now(&all[i], mem, &now) == 0 && now && !strcmp(now, before[i].value);
      left += !same && ctr__setting_write(&before[i]) < 0;
    }
  } while (left && left < last);
  return !left;
}

/* ==== [SECTION] cgroup/devices.c ============================================================== */
/* The device filter of a cgroup: the list of the v1 controller, or a program attached to it, which
   is all there is on v2 and needs no controller (cgroup-v2.rst "Device controller"). */

/* -- v1 -- */

/* One write to devices.allow or devices.deny. Returns 0 or -errno. */
typedef int (*ctr__devices_write)(void *userdata, bool allow, const char *text, size_t len);

/* A line of such a list: "c 1:3 rwm". */
typedef struct ctr__devices_line {
  const char *device; /* "c 1:3" */
  size_t device_len;
  unsigned access; /* CTR__DEV_* */
} ctr__devices_line;

/* false at the end of the list. */
static bool ctr__devices_next(const char **at, ctr__devices_line *ret) {
  size_t len = strcspn(*at, "\n"), device_len = len;
  if (!len) return false;
  while (device_len && (*at)[device_len] != ' ') device_len--;
  *ret = (ctr__devices_line){*at, device_len, 0};
  for (size_t i = device_len; i < len; i++) ret->access |= ctr__dev_access_of((*at)[i]);
  *at += len + ((*at)[len] == '\n');
  return true;
}

/* What a list says of a device. */
static unsigned ctr__devices_access(const char *list, const ctr__devices_line *line) {
  ctr__devices_line other;
  while (ctr__devices_next(&list, &other))
    if (other.device_len == line->device_len &&
        !memcmp(other.device, line->device, line->device_len))
      return other.access;
  return 0;
}

/* Writes, of each line, the access that other does not have for that device. */
static int ctr__devices_write_rest(const char *list, const char *other, bool allow,
                                   ctr__devices_write write, void *userdata) {
  ctr__devices_line line;
  int r = 0;
  while (r >= 0 && ctr__devices_next(&list, &line)) {
    char text[64];
    unsigned access = line.access & ~ctr__devices_access(other, &line);
    if (!access) continue;
    if (line.device_len + 8 > sizeof text) return -EINVAL;
    memcpy(text, line.device, line.device_len);
    text[line.device_len] = ' ';
    char *end = ctr__dev_put_access(text + line.device_len + 1, access);
    r = write(userdata, allow, text, (size_t)(end - text));
  }
  return r;
}

/* Makes the list that a cgroup has, as its devices.list shows it, into the one that is wanted. From
   one list of what is allowed to another there is no moment in which more is allowed than by one of
   the two: first what is too much goes, then what is missing comes; and no "a" is needed, which the
   kernel refuses where there are cgroups below. A list of what is denied is not shown: it can only
   be written anew, and until that is done more is allowed. */
static int ctr__devices_change(const char *now, const ctr__dev_list *want, ctr__devices_write write,
                               void *userdata) {
  int r;
  if (want->allow || *now == 'a') {
    r = write(userdata, want->allow, "a", 1);
    now = "";
  } else {
    r = ctr__devices_write_rest(now, want->text, false, write, userdata);
  }
  if (r < 0) return r;
  return ctr__devices_write_rest(want->text, now, !want->allow, write, userdata);
}

static const char *ctr__devices_file(bool allow) {
  return allow ? "devices.allow" : "devices.deny";
}

typedef struct ctr__devices_writer {
  int dir;
  bool allow; /* what was written last, and to which file */
  char text[64];
} ctr__devices_writer;

static int ctr__devices_write_file(void *userdata, bool allow, const char *text, size_t len) {
  ctr__devices_writer *w = userdata;
  w->allow = allow;
  memcpy(w->text, text, len);
  w->text[len] = '\0';
  return ctr__cgroup_write(w->dir, ctr__devices_file(allow), text, len);
}

/* devices.list, however long. */
static int ctr__devices_read_list(int dir, ctr_arena *mem, const char **ret) {
  for (size_t size = 4096;; size *= 4) {
    char *text = ctr_arena_alloc(mem, size);
    if (!text) return -ENOMEM;
    int r = ctr__cgroup_read(dir, "devices.list", text, size);
    *ret = text;
    if (r != -EFBIG) return r;
  }
}

/* After a change that failed half way: as far as can be, what was there before. */
static void ctr__devices_put_back(int dir, const char *before, ctr_arena *mem) {
  const ctr__dev_list old = {*before == 'a', *before == 'a' ? "" : before};
  ctr__devices_writer w = {.dir = dir};
  const char *now = NULL;
  if (ctr__devices_read_list(dir, mem, &now) >= 0)
    ctr__devices_change(now, &old, ctr__devices_write_file, &w);
}

/* Where the default is to allow, the cgroup is to have no processes yet (see
   ctr__devices_change). */
static ctr_code ctr__devices_set_list(const ctr__cgroup *g, const ctr__dev_list *want,
                                      const char *field, ctr_err *err) {
  ctr_arena mem = {0};
  const char *now = "";
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  ctr__devices_writer w = {.dir = dir};
  int r = dir < 0 ? dir : ctr__devices_read_list(dir, &mem, &now);
  if (r >= 0) r = ctr__devices_change(now, want, ctr__devices_write_file, &w);
  if (r < 0 && *w.text) ctr__devices_put_back(dir, now, &mem);
  ctr_arena_free(&mem);
  if (r >= 0) return CTR_OK;
  if (!*w.text) return ctr__fail(err, CTR_E_SYS, -r, field, "read %.300s/devices.list", g->path);
  ctr__fail(err, CTR_E_SYS, -r, field, "write '%s' to %.300s/%s", w.text, g->path,
            ctr__devices_file(w.allow));
  if (err && r == -EPERM)
    ctr__err_add(err, ": a cgroup has no more than the one above it, and CAP_SYS_ADMIN is needed");
  if (err && r == -EINVAL && !strcmp(w.text, "a"))
    ctr__err_add(err, ": there are cgroups below it");
  return CTR_E_SYS;
}

/* -- programs: bpf(2), with what it takes of its union for each command -- */

enum {
  CTR__BPF_PROG_LOAD = 5,
  CTR__BPF_PROG_ATTACH = 8,
  CTR__BPF_PROG_DETACH = 9,
  CTR__BPF_PROG_GET_FD_BY_ID = 13,
  CTR__BPF_OBJ_GET_INFO_BY_FD = 15,
  CTR__BPF_PROG_QUERY = 16,
};
enum {
  CTR__BPF_PROG_TYPE_CGROUP_DEVICE = 15,
  CTR__BPF_CGROUP_DEVICE = 6, /* where it is attached */
  CTR__BPF_F_ALLOW_MULTI = 2,
  CTR__BPF_F_REPLACE = 4, /* Linux 5.6 */
};

/* The kernel refuses bytes behind these that are not 0: there is no padding. */
struct ctr__bpf_load {
  _Alignas(8) uint32_t type;
  uint32_t count;
  uint64_t insns, license;
  uint32_t log_level, log_size;
  uint64_t log;
  uint32_t kernel_version, flags;
  char name[16];
};

struct ctr__bpf_attach {
  uint32_t dir, program, where, flags, replaced;
};

struct ctr__bpf_query {
  _Alignas(8) uint32_t dir;
  uint32_t where, query_flags, attach_flags;
  uint64_t ids;
  uint32_t count, unused;
};

struct ctr__bpf_by_id {
  uint32_t id, next, flags;
};

struct ctr__bpf_info_of {
  _Alignas(8) uint32_t program;
  uint32_t size;
  uint64_t info;
};

/* The beginning of struct bpf_prog_info, as far as its name (Linux 4.15). */
struct ctr__bpf_info {
  _Alignas(8) uint8_t unused[64];
  char name[16];
};

static int ctr__bpf(int command, void *attr, size_t size) {
  return (int)CTR__CALL(SYS_bpf, command, attr, (unsigned)size);
}

static uint64_t ctr__bpf_pointer(const void *pointer) {
  return (uint64_t)(uintptr_t)pointer;
}

/* How our programs are called. By it, and because the cgroup is the container's, they are told from
   those of others (systemd's is sd_devices): the name lives and dies with the program, while an id
   written down could be lost, and then nothing could be replaced any more. */
static const char ctr__devices_name[16] = "ctr_devices";

/* Returns a descriptor. The verifier gives up when a signal comes: EAGAIN. */
static int ctr__devices_load_once(const ctr__dev_program *program, char *log, size_t log_size) {
  struct ctr__bpf_load attr = {.type = CTR__BPF_PROG_TYPE_CGROUP_DEVICE,
                               .count = program->count,
                               .insns = ctr__bpf_pointer(program->items),
                               .license = ctr__bpf_pointer("MIT"),
                               .log_level = log != NULL,
                               .log_size = (uint32_t)log_size,
                               .log = ctr__bpf_pointer(log)};
  memcpy(attr.name, ctr__devices_name, sizeof attr.name);
  int fd, tries = 0;
  do fd = ctr__bpf(CTR__BPF_PROG_LOAD, &attr, sizeof attr);
  while (fd == -EAGAIN && tries++ < 128);
  return ctr__fd_high(fd);
}

/* The last line but the verifier's figures says what is wrong. */
static const char *ctr__devices_complaint(char *log) {
  char *last = log;
  for (char *line = log; *line;) {
    size_t len = strcspn(line, "\n");
    if (len && strncmp(line, "processed ", 10) != 0) last = line;
    line += len;
    if (*line) *line++ = '\0';
  }
  return last;
}

static const char *ctr__devices_load_hint(int error) {
  const uint64_t needed = CTR_CAP(BPF) | CTR_CAP(NET_ADMIN);
  uint64_t effective, permitted;
  if (error == -ENOSYS) return "the kernel has no bpf(2)";
  if (error != -EPERM) return NULL;
  ctr__own_caps(&effective, &permitted);
  if (!ctr__in_initial_userns()) return "only from the machine's first user namespace";
  if (!(effective & CTR_CAP(SYS_ADMIN)) && (effective & needed) != needed)
    return "CAP_BPF and CAP_NET_ADMIN are needed, or CAP_SYS_ADMIN";
  return "before Linux 5.11 it counts as locked memory, RLIMIT_MEMLOCK may be too low";
}

/* Loads it once more to hear why not: what the verifier says of a program that is fine is long. */
static ctr_code ctr__devices_load(const ctr__dev_program *program, const char *field, int *ret,
                                  ctr_err *err) {
  enum { LOG = 1 << 16 };
  *ret = ctr__devices_load_once(program, NULL, 0);
  if (*ret >= 0) return CTR_OK;
  int r = *ret;
  ctr_arena mem = {0};
  const char *hint = ctr__devices_load_hint(r);
  char *log = hint ? NULL : ctr_arena_alloc(&mem, LOG);
  if (log) {
    int again = ctr__devices_load_once(program, log, LOG - 1);
    ctr__close(&again);
    hint = ctr__devices_complaint(log);
  }
  ctr__fail(err, CTR_E_SYS, -r, field, "load a device filter of %u instructions", program->count);
  if (err && hint && *hint) ctr__err_add(err, ": %s", hint);
  ctr_arena_free(&mem);
  return CTR_E_SYS;
}

/* What is attached to a cgroup itself. */
typedef struct ctr__devices_attached {
  uint32_t ids[64]; /* BPF_CGROUP_MAX_PROGS */
  uint32_t count, flags;
} ctr__devices_attached;

static int ctr__devices_query(int dir, ctr__devices_attached *ret) {
  struct ctr__bpf_query attr = {.dir = (uint32_t)dir,
                                .where = CTR__BPF_CGROUP_DEVICE,
                                .ids = ctr__bpf_pointer(ret->ids),
                                .count = sizeof ret->ids / sizeof *ret->ids};
  int r = ctr__bpf(CTR__BPF_PROG_QUERY, &attr, sizeof attr);
  ret->count = attr.count;
  ret->flags = attr.attach_flags;
  return r;
}

/* Opens a program if it is one of ours: a descriptor, or -ENOENT as for one that is gone. */
static int ctr__devices_open_own(uint32_t id) {
  struct ctr__bpf_by_id by_id = {.id = id};
  CTR__AUTO_CLOSE fd = ctr__fd_high(ctr__bpf(CTR__BPF_PROG_GET_FD_BY_ID, &by_id, sizeof by_id));
  if (fd < 0) return fd;
  struct ctr__bpf_info info = {.name = ""};
  struct ctr__bpf_info_of attr = {.program = (uint32_t)fd,
                                  .size = sizeof info,
                                  .info = ctr__bpf_pointer(&info)};
  int r = ctr__bpf(CTR__BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof attr);
  if (r < 0) return r;
  return memcmp(info.name, ctr__devices_name, sizeof info.name) ? -ENOENT : ctr__steal_fd(&fd);
}

/* replaced: -1 for none. */
static int ctr__devices_attach(int dir, int program, int replaced) {
  struct ctr__bpf_attach attr = {.dir = (uint32_t)dir,
                                 .program = (uint32_t)program,
                                 .where = CTR__BPF_CGROUP_DEVICE,
                                 .flags = CTR__BPF_F_ALLOW_MULTI};
  if (replaced >= 0) {
    attr.flags |= CTR__BPF_F_REPLACE;
    attr.replaced = (uint32_t)replaced;
  }
  return ctr__bpf(CTR__BPF_PROG_ATTACH, &attr, sizeof attr);
}

static int ctr__devices_detach(int dir, int program) {
  struct ctr__bpf_attach attr = {.dir = (uint32_t)dir,
                                 .program = (uint32_t)program,
                                 .where = CTR__BPF_CGROUP_DEVICE};
  return ctr__bpf(CTR__BPF_PROG_DETACH, &attr, sizeof attr);
}

/* Puts a program in the place of those of ours that are attached; of several, which a kernel
   without the flag can be left with, all go. All that are attached must allow: as long as two are,
   nothing is allowed that one of them denies. can_replace: whether to try BPF_F_REPLACE; a kernel
   that does not know it says EINVAL. */
static int ctr__devices_put(int dir, int program, const ctr__devices_attached *attached,
                            bool can_replace) {
  bool is_in = false;
  for (uint32_t i = 0; i < attached->count; i++) {
    CTR__AUTO_CLOSE old = ctr__devices_open_own(attached->ids[i]);
    if (old == -ENOENT) continue;
    int r = old < 0 ? old : 0;
    bool replaces = r == 0 && !is_in && can_replace;
    if (replaces) r = ctr__devices_attach(dir, program, old);
    if (replaces && r == -EINVAL) r = 0, replaces = false;
    if (r == 0 && !replaces && !is_in) r = ctr__devices_attach(dir, program, -1);
    if (r == 0 && !replaces) r = ctr__devices_detach(dir, old);
    if (r < 0) return r;
    is_in = true;
  }
  return is_in ? 0 : ctr__devices_attach(dir, program, -1);
}

/* Why a program may not be attached (bpf(2) BPF_PROG_ATTACH, kernel/bpf/cgroup.c). */
static const char *ctr__devices_attach_hint(int error, const ctr__devices_attached *attached) {
  uint64_t effective, permitted;
  if (error == -E2BIG) return "as many filters as the kernel takes are attached to it";
  if (error != -EPERM) return NULL;
  ctr__own_caps(&effective, &permitted);
  if (attached->count && !(effective & CTR_CAP(SYS_ADMIN)))
    return "CAP_SYS_ADMIN is needed to see whose the filter is that is attached already";
  return attached->count && !(attached->flags & CTR__BPF_F_ALLOW_MULTI)
             ? "somebody else's filter is attached to it, one that suffers no other beside it"
             : "a filter that suffers no other is attached to a cgroup above it";
}

/* Attaches the filter, or puts it in place of the one that was attached before, in one step. */
static ctr_code ctr__devices_set_program(const ctr__cgroup *g, const ctr__dev_program *program,
                                         const char *field, ctr_err *err) {
  ctr__devices_attached attached = {.count = 0};
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  if (dir < 0) return ctr__fail(err, CTR_E_SYS, -dir, field, "open the cgroup %.300s", g->path);
  int opened;
  ctr_code code = ctr__devices_load(program, field, &opened, err);
  if (code) return code;
  CTR__AUTO_CLOSE fd = opened;
  int r = ctr__devices_query(dir, &attached);
  if (r >= 0) r = ctr__devices_put(dir, fd, &attached, true);
  if (r >= 0) return CTR_OK;
  const char *hint = ctr__devices_attach_hint(r, &attached);
  return ctr__fail(err, CTR_E_SYS, -r, field, "attach the device filter to %.300s%s%s", g->path,
                   hint ? ": " : "", hint ? hint : "");
}

/* ==== [SECTION] cgroup/tree.c ================================================================= */
/* A cgroup and those below it. Who is inside may have made them: many, deep (a path longer than
   PATH_MAX can be made step by step), and goes on while we look. So they are a list on the heap,
   parents before children, and each costs the same however deep it is. */

typedef struct ctr__cgroup_node {
  struct ctr__cgroup_node *parent, *prev, *next;
  size_t end; /* bytes of its path below the top, with the '/' or '\0' after it */
  char name[];
} ctr__cgroup_node;

typedef struct ctr__cgroup_tree {
  ctr_arena mem;
  ctr__cgroup_node *top, *last;
  int top_dir;
  int dir; /* of the node that was opened last; -1: top */
  const ctr__cgroup_node *at;
} ctr__cgroup_tree;

/* Replaces *dir. */
static void ctr__cgroup_step(int *dir, const char *path, uint64_t resolve) {
  int next = ctr__openat2(*dir, path, O_RDONLY | O_DIRECTORY, 0, resolve);
  ctr__close(dir);
  *dir = next;
}

/* Opens a node from the one that was opened last: up to the nearest ancestor of both (a cgroup
   cannot be moved to another parent), then down, in as few steps as PATH_MAX allows. The descriptor
   stays the tree's. */
static int ctr__cgroup_go(ctr__cgroup_tree *tree, const ctr__cgroup_node *node) {
  char path[PATH_MAX];
  const ctr__cgroup_node *from = node;
  while (tree->at != from) {
    size_t here = tree->at->end, there = from->end;
    if (there >= here) from = from->parent;
    if (here < there) continue;
    tree->at = tree->at->parent;
    if (tree->dir >= 0) ctr__cgroup_step(&tree->dir, "..", CTR__RESOLVE_NO_XDEV);
  }
  if (tree->dir < 0) {
    from = tree->top;
    tree->dir = ctr__openat2(tree->top_dir, ".", O_RDONLY | O_DIRECTORY, 0, CTR__IN_CGROUP);
  }
  for (size_t start = from->end; tree->dir >= 0 && start < node->end;) {
    const ctr__cgroup_node *to = node;
    while (to->end - start > sizeof path) to = to->parent;
    for (const ctr__cgroup_node *n = to; n->end > start; n = n->parent) {
      size_t at = n->parent->end - start, len = n->end - n->parent->end - 1;
      memcpy(path + at, n->name, len);
      path[at + len] = n == to ? '\0' : '/';
    }
    ctr__cgroup_step(&tree->dir, path, CTR__IN_CGROUP);
    start = to->end;
  }
  tree->at = tree->dir < 0 ? tree->top : node;
  return tree->dir;
}

/* Puts a child right after its parent: neighbours in the list are near each other in the tree. */
static int ctr__cgroup_add_node(ctr__cgroup_tree *tree, ctr__cgroup_node *parent,
                                const char *name) {
  size_t len = strlen(name);
  if (!strcmp(name, ".") || !strcmp(name, "..")) return 0;
  if (len > NAME_MAX) return -ENAMETOOLONG;
  ctr__cgroup_node *node = ctr_arena_alloc(&tree->mem, sizeof *node + len + 1);
  if (!node) return -ENOMEM;
  memcpy(node->name, name, len + 1);
  node->parent = node->prev = parent;
  node->next = parent->next;
  node->end = parent->end + len + 1;
  if (node->next) node->next->prev = node;
  parent->next = node;
  return 0;
}

static int ctr__cgroup_add_children(ctr__cgroup_tree *tree, ctr__cgroup_node *node, int dir) {
  _Alignas(8) char buf[4096];
  for (;;) {
    long n = CTR__CALL(SYS_getdents64, dir, buf, sizeof buf);
    if (n <= 0) return (int)n;
    for (long used = 0; used < n;) {
      const struct ctr__dirent *entry = (const void *)(buf + used);
      used += entry->len;
      int r = entry->type == 4 /* DT_DIR */ ? ctr__cgroup_add_node(tree, node, entry->name) : 0;
      if (r < 0) return r;
    }
  }
}

static void ctr__cgroup_tree_free(ctr__cgroup_tree *tree) {
  ctr_arena_free(&tree->mem);
  ctr__close(&tree->dir);
}

/* What is done with each; dir is its descriptor, borrowed. */
typedef int (*ctr__cgroup_visit)(void *userdata, int dir, bool top);

/* Lists all of them and visits each (visit may be NULL) before its children are looked for: in one
   go, so that they cannot grow between two. top stays the caller's and open. One that is gone by
   the time it is looked at is passed over. */
static int ctr__cgroup_tree_read(ctr__cgroup_tree *tree, int top, ctr__cgroup_visit visit,
                                 void *userdata) {
  *tree = (ctr__cgroup_tree){.top_dir = top, .dir = -1};
  tree->at = tree->top = ctr_arena_alloc(&tree->mem, sizeof *tree->top + 1);
  int r = tree->top ? 0 : -ENOMEM;
  for (ctr__cgroup_node *node = tree->top; r >= 0 && node; node = node->next) {
    tree->last = node;
    int dir = ctr__cgroup_go(tree, node);
    r = dir < 0 ? dir : 0;
    if (r >= 0 && visit) r = visit(userdata, dir, node == tree->top);
    if (r >= 0) r = ctr__cgroup_add_children(tree, node, dir);
    if (ctr__is_gone(r)) r = 0;
  }
  if (r < 0) ctr__cgroup_tree_free(tree);
  return r;
}

static int ctr__cgroup_walk(const ctr__cgroup *g, ctr__cgroup_visit visit, void *userdata) {
  CTR__AUTO_CLOSE top = ctr__cgroup_open(g);
  if (top < 0) return ctr__is_gone(top) ? 0 : top;
  ctr__cgroup_tree tree;
  int r = ctr__cgroup_tree_read(&tree, top, visit, userdata);
  if (r >= 0) ctr__cgroup_tree_free(&tree);
  return r;
}

/* -- processes -- */

typedef struct ctr__pids {
  pid_t *items; /* ascending; 0 is one that the caller's pid namespace does not show */
  size_t count, room;
  size_t cgroups; /* that were read for it */
  ctr_arena *mem;
} ctr__pids;

/* Making one takes as long as looking at it: who goes on making them would be looked for without
   an end. */
enum { CTR__CGROUPS_LISTED_MAX = 1 << 16 };

static int ctr__pids_add(ctr__pids *pids, pid_t pid) {
  if (pids->count == pids->room) {
    size_t room = pids->room ? pids->room * 2 : 32;
    pid_t *items = ctr__arena_array(pids->mem, room, sizeof *items);
    if (!items) return -ENOMEM;
    if (pids->count) memcpy(items, pids->items, pids->count * sizeof *items);
    pids->items = items;
    pids->room = room;
  }
  pids->items[pids->count++] = pid;
  return 0;
}

/* cgroup.procs: a number and a newline each, in no order, some twice (cgroups(7)). */
static int ctr__pids_read(ctr__pids *pids, int dir) {
  CTR__AUTO_CLOSE fd = ctr__openat2(dir, "cgroup.procs", O_RDONLY, 0, CTR__IN_CGROUP);
  if (fd < 0) return fd;
  char buf[4096];
  pid_t pid = 0;
  for (;;) {
    ssize_t n = read(fd, buf, sizeof buf);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? -errno : 0;
    for (const char *at = buf; at < buf + n; at++) {
      if (*at != '\n') {
        pid = pid * 10 + (*at - '0');
        continue;
      }
      int r = ctr__pids_add(pids, pid);
      if (r < 0) return r;
      pid = 0;
    }
  }
}

static int ctr__pid_order(const void *a, const void *b) {
  pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;
  return (x > y) - (x < y);
}

static bool ctr__pids_have(const ctr__pids *pids, pid_t pid) {
  return pids->count && bsearch(&pid, pids->items, pids->count, sizeof pid, ctr__pid_order);
}

static void ctr__pids_sort(ctr__pids *pids) {
  size_t kept = 0;
  if (pids->count) qsort(pids->items, pids->count, sizeof *pids->items, ctr__pid_order);
  for (size_t i = 0; i < pids->count; i++)
    if (!kept || pids->items[kept - 1] != pids->items[i]) pids->items[kept++] = pids->items[i];
  pids->count = kept;
}

/* The file of a threaded cgroup cannot be read: its processes are listed further up (cgroups(7),
   "Thread mode"). */
static int ctr__visit_pids(void *userdata, int dir, bool top) {
  ctr__pids *pids = userdata;
  if (pids->cgroups++ == CTR__CGROUPS_LISTED_MAX) return -E2BIG;
  int r = ctr__pids_read(pids, dir);
  return r == -EOPNOTSUPP && !top ? 0 : r;
}

/* All processes of a cgroup and of those below, into mem; -E2BIG and some of them when there are
   too many cgroups. */
static int ctr__cgroup_pids(const ctr__cgroup *g, ctr_arena *mem, ctr__pids *pids) {
  *pids = (ctr__pids){.mem = mem};
  int r = ctr__cgroup_walk(g, ctr__visit_pids, pids);
  ctr__pids_sort(pids);
  return r;
}

/* The one with that v1 controller, or NULL. */
static const ctr__cgroup *ctr__cgroups_with(const ctr__cgroups *all, const char *controller) {
  for (size_t i = 0; i < all->count; i++)
    if (ctr__cgroup_has(&all->items[i], controller)) return &all->items[i];
  return NULL;
}

static const ctr__cgroup *ctr__cgroups_v2(const ctr__cgroups *all) {
  for (size_t i = 0; i < all->count; i++)
    if (all->items[i].v2) return &all->items[i];
  return NULL;
}

/* The one that knows best which processes there are; NULL when there is none. */
static const ctr__cgroup *ctr__cgroups_best(const ctr__cgroups *all) {
  const ctr__cgroup *best = ctr__cgroups_v2(all);
  if (!best) best = ctr__cgroups_with(all, "freezer");
  if (!best) best = ctr__cgroups_with(all, "pids");
  return best || !all->count ? best : all->items;
}

/* The processes, each once, ascending, in the arena; those that our pid namespace does not show
   have no number to name them by. None when the cgroup is gone; -ENOTSUP without any;
   -E2BIG when too many cgroups are below. */
static int ctr__cgroups_pids(const ctr__cgroups *all, ctr_arena *arena, pid_t **ret,
                             size_t *ret_count) {
  const ctr__cgroup *best = ctr__cgroups_best(all);
  ctr__pids pids;
  int r = best ? ctr__cgroup_pids(best, arena, &pids) : -ENOTSUP;
  if (r < 0) return r;
  bool hidden = ctr__pids_have(&pids, 0);
  *ret = hidden ? pids.items + 1 : pids.items;
  *ret_count = pids.count - hidden;
  return 0;
}

/* ==== [SECTION] cgroup/freezer.c ============================================================== */
/* Stopping the clock of a container: the v1 freezer (freezer-subsystem.rst), or cgroup.freeze of v2
   (cgroup-v2.rst). Where both are, v1: it also stops what does not follow signals. */

enum { CTR__FREEZE_MS = 10000 };

/* FREEZING stays as long as one task cannot be caught: writing again, and letting go of all from
   time to time, gets it out of where it is (libcontainer's cgroups/fs/freezer.go). */
static int ctr__freezer_v1(int dir, bool frozen, int max_ms) {
  char state[64];
  ctr__patience patience = {max_ms, 1};
  for (int tries = 1;; tries++) {
    int r = ctr__cgroup_write(dir, "freezer.state", frozen ? "FROZEN" : "THAWED", 6);
    if (r >= 0) r = ctr__cgroup_read(dir, "freezer.state", state, sizeof state);
    if (r < 0) return r;
    if (!strcmp(state, frozen ? "FROZEN\n" : "THAWED\n")) return 0;
    if (!frozen) return -EBUSY; /* thawing is done at once, unless an ancestor is frozen */
    bool more = ctr__wait_more(&patience, NULL);
    if (!more || tries % 16 == 0) ctr__cgroup_write(dir, "freezer.state", "THAWED", 6);
    if (!more) return -EBUSY;
  }
}

/* cgroup.events says when all have stopped, or one runs again; it polls as soon as it differs from
   what was read last. */
static int ctr__freezer_v2(int dir, bool frozen, int max_ms) {
  char events[4096];
  ctr__patience patience = {max_ms, 1};
  CTR__AUTO_CLOSE fd = ctr__openat2(dir, "cgroup.events", O_RDONLY, 0, CTR__IN_CGROUP);
  int r = fd < 0 ? fd : ctr__cgroup_write(dir, "cgroup.freeze", frozen ? "1" : "0", 1);
  if (r < 0) return r;
  do {
    ssize_t n = pread(fd, events, sizeof events - 1, 0);
    if (n < 0 && errno != EINTR) return -errno;
    events[n < 0 ? 0 : n] = '\0';
    if (strstr(events, frozen ? "frozen 1" : "frozen 0")) return 0;
  } while (ctr__wait_more(&patience, &(struct pollfd){fd, POLLPRI, 0}));
  if (frozen) ctr__cgroup_write(dir, "cgroup.freeze", "0", 1);
  return -EBUSY;
}

static const ctr__cgroup *ctr__cgroups_freezer(const ctr__cgroups *all) {
  const ctr__cgroup *g = ctr__cgroups_with(all, "freezer");
  return g ? g : ctr__cgroups_v2(all);
}

/* 1 or 0. Where too many cgroups are below, it is a hostile tree, not one that the caller sits deep
   in. */
static int ctr__cgroup_has_caller(const ctr__cgroup *g) {
  ctr_arena mem = {0};
  ctr__pids pids;
  int r = ctr__cgroup_pids(g, &mem, &pids);
  if (r >= 0 || r == -E2BIG) r = ctr__pids_have(&pids, getpid());
  ctr_arena_free(&mem);
  return r;
}

static int ctr__freezer_set(const ctr__cgroup *g, bool frozen, int max_ms) {
  if (!g) return -ENOTSUP;
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  if (dir < 0) return dir;
  if (faccessat(dir, g->v2 ? "cgroup.freeze" : "freezer.state", F_OK, 0) < 0) return -ENOTSUP;
  return g->v2 ? ctr__freezer_v2(dir, frozen, max_ms) : ctr__freezer_v1(dir, frozen, max_ms);
}

/* Freezes all processes, or lets them go on, and waits until they do. -EBUSY when one would not be
   frozen (then none is) or an ancestor keeps them so; -ENOTSUP without a freezer; -EDEADLK when the
   caller itself is among them. */
static int ctr__cgroups_freeze(const ctr__cgroups *all, bool frozen) {
  const ctr__cgroup *g = ctr__cgroups_freezer(all);
  int inside = g && frozen ? ctr__cgroup_has_caller(g) : 0;
  if (inside) return inside < 0 ? inside : -EDEADLK;
  return ctr__freezer_set(g, frozen, CTR__FREEZE_MS);
}

static int ctr__cgroup_is_frozen(const ctr__cgroup *g, bool *ret) {
  char text[4096];
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  int r = dir;
  if (r >= 0)
    r = ctr__cgroup_read(dir, g->v2 ? "cgroup.events" : "freezer.state", text, sizeof text);
  if (r < 0) return ctr__is_gone(r) ? 0 : r;
  *ret |= strstr(text, g->v2 ? "frozen 1" : "FR") != NULL; /* FREEZING, FROZEN */
  if (!g->v2) return 0;
  r = ctr__cgroup_read(dir, "cgroup.freeze", text, sizeof text);
  if (r < 0) return ctr__is_gone(r) ? 0 : r;
  *ret |= text[0] == '1';
  return 0;
}

/* Whether it is frozen or about to be, by itself or by an ancestor; what is gone is not. */
static int ctr__cgroups_is_frozen(const ctr__cgroups *all, bool *ret) {
  *ret = false;
  for (size_t i = 0; i < all->count; i++) {
    const ctr__cgroup *g = &all->items[i];
    int r = g->v2 || ctr__cgroup_has(g, "freezer") ? ctr__cgroup_is_frozen(g, ret) : 0;
    if (r < 0) return r;
  }
  return 0;
}

/* Asked before it is told: each write of freezer.state goes through all below. */
static int ctr__visit_thaw(void *userdata, int dir, bool top) {
  const bool *v2 = userdata;
  char frozen[16];
  (void)top;
  int r =
      ctr__cgroup_read(dir, *v2 ? "cgroup.freeze" : "freezer.self_freezing", frozen, sizeof frozen);
  if (r < 0 || frozen[0] == '0') return r;
  return *v2 ? ctr__cgroup_write(dir, "cgroup.freeze", "0", 1)
             : ctr__cgroup_write(dir, "freezer.state", "THAWED", 6);
}

/* Thaws it and all below, which whoever is inside may have frozen: a task that the v1 freezer holds
   does not even die. */
static int ctr__cgroups_thaw_tree(const ctr__cgroups *all) {
  const ctr__cgroup *g = ctr__cgroups_freezer(all);
  bool v2 = g && g->v2;
  return g ? ctr__cgroup_walk(g, ctr__visit_thaw, &v2) : 0;
}

/* ==== [SECTION] cgroup/kill.c ================================================================= */
/* Signals for every process of a container. A pid says who is meant only as long as that process
   lives; so each is held by a pidfd, and the pid must be listed still once that is open. */

enum { CTR__KILL_MS = 10000, CTR__SIGNAL_FREEZE_MS = 1000 };
enum { CTR__SIGNAL_BATCH = 256 };

/* One signal for all. */
typedef struct ctr__signalling {
  int signal;
  size_t found; /* processes but the caller itself */
  int error;    /* the first; the others are tried all the same */
} ctr__signalling;

typedef struct ctr__targets {
  int fds[CTR__SIGNAL_BATCH];
  size_t at[CTR__SIGNAL_BATCH]; /* which of pids->items */
  size_t count;
} ctr__targets;

/* Opens as many as fit, from pids->items[*at] on; never ourselves. When the caller's descriptors
   run out, one is given back to look once more with. */
static int ctr__targets_open(ctr__targets *targets, const ctr__pids *pids, size_t *at) {
  for (targets->count = 0; *at < pids->count && targets->count < CTR__SIGNAL_BATCH; ++*at) {
    pid_t pid = pids->items[*at];
    if (pid == 0 || pid == getpid()) continue;
    int fd = ctr__fd_high((int)CTR__CALL(CTR__SYS_pidfd_open, pid, 0));
    if (fd == -ESRCH) continue;
    if (fd == -EMFILE && targets->count > 1) {
      ctr__close(&targets->fds[--targets->count]);
      *at = targets->at[targets->count];
      return 0;
    }
    if (fd < 0) return fd;
    targets->fds[targets->count] = fd;
    targets->at[targets->count++] = *at;
  }
  return 0;
}

static int ctr__targets_signal(ctr__targets *targets, const ctr__pids *pids, int dir, int signal) {
  int first = 0;
  ctr_arena mem = {0};
  ctr__pids listed = {.mem = &mem};
  int r = targets->count ? ctr__pids_read(&listed, dir) : 0;
  ctr__pids_sort(&listed);
  for (size_t i = 0; i < targets->count; i++) {
    if (r >= 0 && ctr__pids_have(&listed, pids->items[targets->at[i]])) {
      int sent = ctr__pidfd_signal(targets->fds[i], signal);
      if (sent < 0 && sent != -ESRCH && !first) first = sent;
    }
    ctr__close(&targets->fds[i]);
  }
  ctr_arena_free(&mem);
  return r < 0 ? r : first;
}

/* The processes of one cgroup, each if it is in there still. */
static int ctr__visit_signal(void *userdata, int dir, bool top) {
  ctr__signalling *s = userdata;
  ctr_arena mem = {0};
  ctr__pids pids = {.mem = &mem};
  int r = ctr__visit_pids(&pids, dir, top);
  ctr__pids_sort(&pids);
  s->found += pids.count - ctr__pids_have(&pids, getpid());
  for (size_t at = 0; r >= 0 && at < pids.count;) {
    ctr__targets targets;
    r = ctr__targets_open(&targets, &pids, &at);
    int sent = ctr__targets_signal(&targets, &pids, dir, s->signal);
    if (sent < 0 && !ctr__is_gone(sent) && !s->error) s->error = sent;
  }
  ctr_arena_free(&mem);
  return r;
}

static int ctr__cgroup_signal(const ctr__cgroup *g, int signal, size_t *ret_found) {
  ctr__signalling s = {.signal = signal};
  int r = ctr__cgroup_walk(g, ctr__visit_signal, &s);
  *ret_found = s.found;
  return r < 0 ? r : s.error;
}

/* v2, Linux 5.14. -ENOENT where there is no such file. */
static int ctr__cgroups_kill_v2(const ctr__cgroups *all, bool *ret_left) {
  char events[4096];
  const ctr__cgroup *g = ctr__cgroups_v2(all);
  CTR__AUTO_CLOSE dir = g ? ctr__cgroup_open(g) : -ENOENT;
  int r = dir < 0 ? dir : ctr__cgroup_write(dir, "cgroup.kill", "1", 1);
  if (r >= 0) r = ctr__cgroup_read(dir, "cgroup.events", events, sizeof events);
  *ret_left = r < 0 || strstr(events, "populated 1");
  return r;
}

/* One SIGKILL for all that are there now; *ret_left: whether any were. Frozen ones cannot fork, nor
   hide in another cgroup; where freezing fails, the next round gets those that did. From the second
   round on each is also meant by its pidfd: cgroup.kill passes over a process whose first thread
   has ended. */
static int ctr__cgroups_kill_round(const ctr__cgroups *all, const ctr__cgroup *best, bool inside,
                                   bool again, bool *ret_left) {
  int r = inside ? -EDEADLK : ctr__cgroups_kill_v2(all, ret_left);
  if (r < 0 || (again && *ret_left)) {
    size_t found;
    if (!inside) ctr__freezer_set(ctr__cgroups_freezer(all), true, CTR__SIGNAL_FREEZE_MS);
    r = ctr__cgroup_signal(best, SIGKILL, &found);
    *ret_left = found > 0;
  }
  int thawed = ctr__cgroups_thaw_tree(all);
  return r < 0 ? r : thawed;
}

static int ctr__cgroups_kill_all(const ctr__cgroups *all, const ctr__cgroup *best) {
  const ctr__cgroup *freezer = ctr__cgroups_freezer(all);
  int inside = freezer ? ctr__cgroup_has_caller(best) : 0;
  if (freezer && freezer != best && !inside) inside = ctr__cgroup_has_caller(freezer);
  if (inside < 0) return inside;
  ctr__patience patience = {CTR__KILL_MS, 1};
  bool left = true, again = false;
  do {
    int r = ctr__cgroups_kill_round(all, best, inside, again, &left);
    if (r < 0 || !left) return r;
    again = true;
  } while (ctr__wait_more(&patience, NULL));
  return -EBUSY;
}

static int ctr__cgroups_signal(const ctr__cgroups *all, const ctr__cgroup *best, int signal) {
  const ctr__cgroup *freezer = ctr__cgroups_freezer(all);
  bool frozen = false;
  size_t found;
  int r = ctr__cgroups_is_frozen(all, &frozen);
  if (r >= 0 && freezer && !frozen) r = ctr__cgroup_has_caller(freezer);
  if (r < 0) return r;
  bool freeze = !frozen && !r && ctr__freezer_set(freezer, true, CTR__SIGNAL_FREEZE_MS) >= 0;
  r = ctr__cgroup_signal(best, signal, &found);
  int thawed = freeze ? ctr__freezer_set(freezer, false, CTR__FREEZE_MS) : 0;
  return r < 0 ? r : thawed;
}

/* Sends a signal to every process but the caller. SIGKILL: until none is left; -EBUSY when the
   kernel does not let one die. Others: once; to frozen ones, which see it when they are thawed. */
static int ctr__cgroups_kill(const ctr__cgroups *all, int signal) {
  const ctr__cgroup *best = ctr__cgroups_best(all);
  if (!best) return -ENOTSUP;
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(best);
  if (dir < 0) return ctr__is_gone(dir) ? 0 : dir;
  CTR__AUTO_CLOSE parent = ctr__cgroup_parent(dir);
  if (parent < 0) return parent; /* the root of a hierarchy: everybody's */
  return signal == SIGKILL ? ctr__cgroups_kill_all(all, best)
                           : ctr__cgroups_signal(all, best, signal);
}

/* ==== [SECTION] cgroup/remove.c =============================================================== */
/* Taking cgroups away. */

enum { CTR__REMOVE_MS = 2000 };

static int ctr__rmdir(int parent, const char *name) {
  int r = (int)ctr__ret(unlinkat(parent, name, AT_REMOVEDIR));
  return ctr__is_gone(r) ? 0 : r;
}

/* All below, children before parents. The first error, after all were tried. */
static int ctr__cgroup_remove_below(int top) {
  int first = 0;
  ctr__cgroup_tree tree;
  int r = ctr__cgroup_tree_read(&tree, top, NULL, NULL);
  if (r < 0) return r;
  for (const ctr__cgroup_node *node = tree.last; node != tree.top; node = node->prev) {
    int parent = ctr__cgroup_go(&tree, node->parent);
    int removed = parent < 0 ? parent : ctr__rmdir(parent, node->name);
    if (removed < 0 && !ctr__is_gone(removed) && !first) first = removed;
  }
  ctr__cgroup_tree_free(&tree);
  return first;
}

static int ctr__cgroup_remove_once(const ctr__cgroup *g) {
  char before[PATH_MAX], name[NAME_MAX + 1];
  CTR__AUTO_CLOSE top = ctr__cgroup_open(g);
  if (top < 0) return ctr__is_gone(top) ? 0 : top;
  CTR__AUTO_CLOSE parent = ctr__cgroup_parent(top);
  int r = parent < 0 ? parent : ctr__split(g->path, before, name);
  if (r >= 0) r = ctr__rmdir(parent, name);
  if (r != -EBUSY) return r;
  r = ctr__cgroup_remove_below(top);
  return r < 0 ? r : ctr__rmdir(parent, name);
}

/* Removes all, with what was made below by whoever was inside. The kernel lets go of dead processes
   late: busy ones are tried again for a while. The first error, after all were tried. */
static int ctr__cgroups_remove(const ctr__cgroups *all) {
  ctr__patience patience = {CTR__REMOVE_MS, 1};
  int first;
  bool busy;
  do {
    first = 0;
    busy = false;
    for (size_t i = 0; i < all->count; i++) {
      int r = ctr__cgroup_remove_once(&all->items[i]);
      busy |= r == -EBUSY;
      if (r < 0 && !first) first = r;
    }
  } while (busy && ctr__wait_more(&patience, NULL));
  return first;
}

/* ==== [SECTION] cgroup/stats.c ================================================================ */
/* Reading statistics. Each form of file has one table: which file, or which name in it, goes into
   which field. The numbers are the kernel's, but whoever is inside makes cgroups of its own next to
   the files, under any name that is free: a directory in the place of a file is no file. */

typedef struct ctr__stats_reader {
  ctr_stats *stats;
  ctr_arena *arena;  /* for what stats refers to                                       */
  int dir;           /* the cgroup                                                     */
  const char *of;    /* v1 controllers of its hierarchy; NULL: v2                      */
  const char *where; /* that directory, for errors                                     */
  ctr_arena scratch; /* for text                                                       */
  char *text;        /* of the file that was read last                                 */
  size_t room;
  ctr_code code; /* the first failure: nothing is read after it */
  ctr_err *err;
} ctr__stats_reader;

enum { CTR__STATS_FILE_MAX = 1 << 22 }; /* cpuacct.usage_all of 8192 CPUs is 400 KB */

static void ctr__stats_fail(ctr__stats_reader *r, const char *file, int error) {
  if (r->code) return;
  r->code = error == ENOMEM
                ? ctr__nomem(r->err)
                : ctr__fail(r->err, CTR_E_SYS, error, NULL, "read %s/%s", r->where, file);
}

static void *ctr__stats_take(ctr__stats_reader *r, size_t count, size_t size) {
  void *memory = ctr__arena_array(r->arena, count, size);
  if (!memory && !r->code) r->code = ctr__nomem(r->err);
  return memory;
}

/* Of what the kernel does not have, or not any more; PSI that is switched off cannot be read. */
static bool ctr__stats_is_absent(int r) {
  return ctr__is_gone(r) || r == -EISDIR || r == -EOPNOTSUPP;
}

/* Names from a file become JSON, which is UTF-8. */
static bool ctr__stats_is_text(const char *text, size_t len) {
  const char *at = text, *end = text + len;
  for (size_t n = 1; at < end && n; at += n) n = ctr__utf8_len(at, end);
  return at == end && !memchr(text, '\0', len);
}

/* The whole file, until the next one is read; NULL when there is none. A v1 file is named after its
   controller: those of others are not looked for. */
static char *ctr__stats_text(ctr__stats_reader *r, const char *file) {
  if (r->code || (r->of && !ctr__list_has(r->of, file, strcspn(file, ".")))) return NULL;
  int len = r->text ? ctr__cgroup_read(r->dir, file, r->text, r->room) : -EFBIG;
  while (len == -EFBIG && r->room < CTR__STATS_FILE_MAX) {
    r->room = r->room ? r->room * 4 : 16384;
    r->text = ctr_arena_alloc(&r->scratch, r->room);
    len = r->text ? ctr__cgroup_read(r->dir, file, r->text, r->room) : -ENOMEM;
  }
  if (len >= 0 && ctr__stats_is_text(r->text, (size_t)len)) return r->text;
  if (len >= 0) len = -EPROTO;
  if (!ctr__stats_is_absent(len)) ctr__stats_fail(r, file, -len);
  return NULL;
}

/* Cuts the next line off; NULL after the last. */
static char *ctr__stats_line(char **at) {
  char *line = *at, *end = line + strcspn(line, "\n");
  if (!*line) return NULL;
  *at = end + (*end == '\n');
  *end = '\0';
  return line;
}

static size_t ctr__stats_lines(const char *text) {
  size_t n = 0;
  for (; *text; text += strcspn(text, "\n"), text += *text == '\n') n++;
  return n;
}

/* A number, or "max" for none, and nothing else. */
static bool ctr__stats_number(const char *text, uint64_t *ret) {
  uint64_t value = 0;
  if (!strcmp(text, "max")) return *ret = UINT64_MAX, true;
  if (!*text) return false;
  for (; *text; text++) {
    unsigned digit = (unsigned)(*text - '0');
    if (digit > 9 || value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *ret = value;
  return true;
}

/* "key=number" */
static bool ctr__stats_pair(char *word, uint64_t *ret) {
  char *value = strchr(word, '=');
  if (!value) return false;
  *value++ = '\0';
  return ctr__stats_number(value, ret);
}

static uint64_t ctr__stats_times(uint64_t value, uint64_t factor) {
  return value > UINT64_MAX / factor ? UINT64_MAX : value * factor;
}

static uint64_t ctr__stats_plus(uint64_t a, uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static ctr_uint *ctr__stats_field(const ctr__stats_reader *r, size_t offset) {
  return (ctr_uint *)(void *)((char *)r->stats + offset);
}

/* -- one number a file -- */

#define CTR__AT(member) offsetof(ctr_stats, member)

static const struct ctr__stats_value {
  const char *v1, *v2; /* file names; NULL: there is none */
  size_t offset;
} ctr__stats_values[] = {
    {"cpuacct.usage", NULL, CTR__AT(cpu.usage.total)},
    {"pids.current", "pids.current", CTR__AT(pids.current)},
    {"pids.max", "pids.max", CTR__AT(pids.limit)},
    {"memory.limit_in_bytes", "memory.max", CTR__AT(memory.usage.limit)},
    {"memory.usage_in_bytes", "memory.current", CTR__AT(memory.usage.usage)},
    {"memory.max_usage_in_bytes", "memory.peak", CTR__AT(memory.usage.max)},
    {"memory.failcnt", NULL, CTR__AT(memory.usage.failcnt)},
    {"memory.memsw.limit_in_bytes", NULL, CTR__AT(memory.swap.limit)},
    {"memory.memsw.usage_in_bytes", NULL, CTR__AT(memory.swap.usage)},
    {"memory.memsw.max_usage_in_bytes", NULL, CTR__AT(memory.swap.max)},
    {"memory.memsw.failcnt", NULL, CTR__AT(memory.swap.failcnt)},
    {NULL, "memory.swap.max", CTR__AT(memory.swapOnly.limit)},
    {NULL, "memory.swap.current", CTR__AT(memory.swapOnly.usage)},
    {NULL, "memory.swap.peak", CTR__AT(memory.swapOnly.max)},
    {"memory.kmem.limit_in_bytes", NULL, CTR__AT(memory.kernel.limit)},
    {"memory.kmem.usage_in_bytes", NULL, CTR__AT(memory.kernel.usage)},
    {"memory.kmem.max_usage_in_bytes", NULL, CTR__AT(memory.kernel.max)},
    {"memory.kmem.failcnt", NULL, CTR__AT(memory.kernel.failcnt)},
    {"memory.kmem.tcp.limit_in_bytes", NULL, CTR__AT(memory.kernelTCP.limit)},
    {"memory.kmem.tcp.usage_in_bytes", NULL, CTR__AT(memory.kernelTCP.usage)},
    {"memory.kmem.tcp.max_usage_in_bytes", NULL, CTR__AT(memory.kernelTCP.max)},
    {"memory.kmem.tcp.failcnt", NULL, CTR__AT(memory.kernelTCP.failcnt)},
    {"cpuset.cpu_exclusive", NULL, CTR__AT(cpuset.cpu_exclusive)},
    {"cpuset.mem_hardwall", NULL, CTR__AT(cpuset.mem_hardwall)},
    {"cpuset.mem_exclusive", NULL, CTR__AT(cpuset.mem_exclusive)},
    {"cpuset.memory_migrate", NULL, CTR__AT(cpuset.memory_migrate)},
    {"cpuset.memory_spread_page", NULL, CTR__AT(cpuset.memory_spread_page)},
    {"cpuset.memory_spread_slab", NULL, CTR__AT(cpuset.memory_spread_slab)},
    {"cpuset.memory_pressure", NULL, CTR__AT(cpuset.memory_pressure)},
    {"cpuset.sched_load_balance", NULL, CTR__AT(cpuset.sched_load_balance)},
};

/* On a hybrid machine two hierarchies may know the same: the first that is read counts. */
static void ctr__stats_value(ctr__stats_reader *r, const char *file, ctr_uint *value) {
  char *text = value->set ? NULL : ctr__stats_text(r, file);
  if (!text) return;
  const char *line = ctr__stats_line(&text);
  value->set = line && !*text && ctr__stats_number(line, &value->value);
  if (!value->set) ctr__stats_fail(r, file, EPROTO);
}

static void ctr__stats_read_values(ctr__stats_reader *r) {
  for (size_t i = 0; i < sizeof ctr__stats_values / sizeof *ctr__stats_values; i++) {
    const struct ctr__stats_value *row = &ctr__stats_values[i];
    const char *file = r->of ? row->v1 : row->v2;
    if (file) ctr__stats_value(r, file, ctr__stats_field(r, row->offset));
  }
}

/* The one that is negative by default. */
static void ctr__stats_read_domain_level(ctr__stats_reader *r) {
  static const char file[] = "cpuset.sched_relax_domain_level";
  char *text = r->of ? ctr__stats_text(r, file) : NULL;
  if (!text) return;
  uint64_t value = 0;
  const char *line = ctr__stats_line(&text);
  const bool negative = line && *line == '-';
  if (!line || !ctr__stats_number(line + negative, &value) || value > INT32_MAX)
    ctr__stats_fail(r, file, EPROTO);
  r->stats->cpuset.sched_relax_domain_level =
      (ctr_int){true, negative ? -(int64_t)value : (int64_t)value};
}

/* -- a name and a number a line: cgroup-v2.rst "Format", flat keyed -- */

enum ctr__stats_unit { CTR__AS_IT_IS, CTR__MICROSECONDS, CTR__TICKS };

static const struct ctr__stats_key {
  const char *file, *key;
  size_t offset;
  enum ctr__stats_unit unit; /* what is not as it is becomes nanoseconds */
} ctr__stats_keys[] = {
    {"cpu.stat", "usage_usec", CTR__AT(cpu.usage.total), CTR__MICROSECONDS},
    {"cpu.stat", "user_usec", CTR__AT(cpu.usage.user), CTR__MICROSECONDS},
    {"cpu.stat", "system_usec", CTR__AT(cpu.usage.kernel), CTR__MICROSECONDS},
    {"cpu.stat", "nr_periods", CTR__AT(cpu.throttling.periods), CTR__AS_IT_IS},
    {"cpu.stat", "nr_throttled", CTR__AT(cpu.throttling.throttledPeriods), CTR__AS_IT_IS},
    {"cpu.stat", "throttled_usec", CTR__AT(cpu.throttling.throttledTime), CTR__MICROSECONDS},
    {"cpu.stat", "throttled_time", CTR__AT(cpu.throttling.throttledTime), CTR__AS_IT_IS},
    {"cpu.stat", "nr_bursts", CTR__AT(cpu.throttling.burstPeriods), CTR__AS_IT_IS},
    {"cpu.stat", "burst_usec", CTR__AT(cpu.throttling.burstTime), CTR__MICROSECONDS},
    {"cpu.stat", "burst_time", CTR__AT(cpu.throttling.burstTime), CTR__AS_IT_IS},
    {"cpuacct.stat", "user", CTR__AT(cpu.usage.user), CTR__TICKS},
    {"cpuacct.stat", "system", CTR__AT(cpu.usage.kernel), CTR__TICKS},
    {"memory.oom_control", "oom_kill", CTR__AT(memory.events.oom_kill), CTR__AS_IT_IS},
    {"memory.events", "low", CTR__AT(memory.events.low), CTR__AS_IT_IS},
    {"memory.events", "high", CTR__AT(memory.events.high), CTR__AS_IT_IS},
    {"memory.events", "max", CTR__AT(memory.events.max), CTR__AS_IT_IS},
    {"memory.events", "max", CTR__AT(memory.usage.failcnt), CTR__AS_IT_IS},
    {"memory.events", "oom", CTR__AT(memory.events.oom), CTR__AS_IT_IS},
    {"memory.events", "oom_kill", CTR__AT(memory.events.oom_kill), CTR__AS_IT_IS},
    {"memory.events", "oom_group_kill", CTR__AT(memory.events.oom_group_kill), CTR__AS_IT_IS},
    {"memory.swap.events", "max", CTR__AT(memory.swapOnly.failcnt), CTR__AS_IT_IS},
};

static uint64_t ctr__stats_unit(enum ctr__stats_unit unit, uint64_t value) {
  if (unit == CTR__MICROSECONDS) return ctr__stats_times(value, 1000);
  long ticks = unit == CTR__TICKS ? sysconf(_SC_CLK_TCK) : 0; /* USER_HZ: 100 but on old Alphas */
  return ticks > 0 ? ctr__stats_times(value, 1000000000 / (uint64_t)ticks) : value;
}

/* Cuts "name number". */
static bool ctr__stats_split(char *line, uint64_t *ret_value) {
  char *blank = strchr(line, ' ');
  if (!blank || blank == line) return false;
  *blank = '\0';
  return ctr__stats_number(blank + 1, ret_value);
}

/* Goes over the lines of a file of which the rows begin at row; names without a row are newer than
   this table, or of no use. */
static void ctr__stats_keyed(ctr__stats_reader *r, const struct ctr__stats_key *row, size_t rows) {
  char *at = ctr__stats_text(r, row->file);
  bool was_set[sizeof ctr__stats_keys / sizeof *ctr__stats_keys];
  for (size_t i = 0; i < rows; i++) was_set[i] = ctr__stats_field(r, row[i].offset)->set;
  for (char *line; at && (line = ctr__stats_line(&at));) {
    uint64_t value = 0;
    if (!ctr__stats_split(line, &value)) {
      ctr__stats_fail(r, row->file, EPROTO);
      return;
    }
    for (size_t i = 0; i < rows; i++)
      if (!strcmp(row[i].key, line) && !was_set[i])
        *ctr__stats_field(r, row[i].offset) = (ctr_uint){true, ctr__stats_unit(row[i].unit, value)};
  }
}

static void ctr__stats_read_keys(ctr__stats_reader *r) {
  const size_t count = sizeof ctr__stats_keys / sizeof *ctr__stats_keys;
  for (size_t i = 0, end; i < count; i = end) {
    for (end = i + 1; end < count; end++)
      if (strcmp(ctr__stats_keys[i].file, ctr__stats_keys[end].file) != 0) break;
    ctr__stats_keyed(r, &ctr__stats_keys[i], end - i);
  }
}

/* memory.stat: its names differ from kernel to kernel, and engines know some of each. */
static void ctr__stats_read_raw(ctr__stats_reader *r) {
  static const char file[] = "memory.stat";
  ctr_memory_stats *memory = &r->stats->memory;
  char *text = memory->raw.count ? NULL : ctr__stats_text(r, file);
  size_t count = text ? ctr__stats_lines(text) : 0;
  ctr_counter *items = count ? ctr__stats_take(r, count, sizeof *items) : NULL;
  char *at = items ? ctr__stats_take(r, strlen(text) + 1, 1) : NULL;
  if (!at) return;
  ctr__put_str(at, text);
  for (size_t i = 0; i < count; i++) {
    items[i].name = ctr__stats_line(&at);
    if (!ctr__stats_split((char *)(uintptr_t)items[i].name, &items[i].value)) {
      ctr__stats_fail(r, file, EPROTO);
      return;
    }
  }
  memory->raw = (ctr_counters){items, count};
  memory->cache = ctr_counters_get(&memory->raw, r->of ? "cache" : "file");
}

/* v2 counts swap alone, v1 with memory, which is what engines expect (libcontainer's
   cgroups/fs2/memory.go). */
static void ctr__stats_add_swap(ctr_memory_stats *memory) {
  const ctr_memory_entry *swap = &memory->swapOnly, *usage = &memory->usage;
  if (memory->swap.usage.set || !swap->usage.set || !usage->usage.set) return;
  memory->swap.usage = (ctr_uint){true, ctr__stats_plus(swap->usage.value, usage->usage.value)};
  if (swap->limit.set && usage->limit.set)
    memory->swap.limit = (ctr_uint){true, ctr__stats_plus(swap->limit.value, usage->limit.value)};
  memory->swap.failcnt = swap->failcnt;
}

/* -- cpus -- */

/* One number a CPU, in one line. */
static void ctr__stats_read_percpu(ctr__stats_reader *r) {
  static const char file[] = "cpuacct.usage_percpu";
  char *text = r->of ? ctr__stats_text(r, file) : NULL;
  char *line = text ? ctr__stats_line(&text) : NULL;
  size_t count = 0;
  for (const char *c = line; c && *c; c++) count += *c == ' ';
  uint64_t *items = line ? ctr__stats_take(r, count + 1, sizeof *items) : NULL;
  if (!items) return;
  for (count = 0; *line; count++)
    if (!ctr__stats_number(ctr__next_word(&line), &items[count])) {
      ctr__stats_fail(r, file, EPROTO);
      return;
    }
  r->stats->cpu.usage.percpu = (ctr_numbers){items, count};
}

/* A line "cpu user system" and one of numbers for each CPU. */
static void ctr__stats_read_percpu_modes(ctr__stats_reader *r) {
  static const char file[] = "cpuacct.usage_all";
  char *at = r->of ? ctr__stats_text(r, file) : NULL;
  size_t lines = at ? ctr__stats_lines(at) : 0;
  if (!lines) return;
  uint64_t *user = ctr__stats_take(r, lines, sizeof *user), cpu;
  uint64_t *kernel = ctr__stats_take(r, lines, sizeof *kernel);
  if (!user || !kernel) return;
  ctr__stats_line(&at);
  for (size_t i = 0; i + 1 < lines; i++) {
    char *line = ctr__stats_line(&at);
    if (!ctr__stats_number(ctr__next_word(&line), &cpu) ||
        !ctr__stats_number(ctr__next_word(&line), &user[i]) ||
        !ctr__stats_number(ctr__next_word(&line), &kernel[i]) || *line) {
      ctr__stats_fail(r, file, EPROTO);
      return;
    }
  }
  r->stats->cpu.usage.percpu_user = (ctr_numbers){user, lines - 1};
  r->stats->cpu.usage.percpu_kernel = (ctr_numbers){kernel, lines - 1};
}

enum { CTR__CPUS_LISTED_MAX = 1 << 16 };

/* Reads "0-3", or "5". */
static bool ctr__stats_range(char *text, uint64_t *first, uint64_t *last) {
  char *dash = strchr(text, '-');
  if (dash) *dash++ = '\0';
  return ctr__stats_number(text, first) && ctr__stats_number(dash ? dash : text, last) &&
         *first <= *last && *last < CTR__CPUS_LISTED_MAX;
}

/* Cuts at the next comma; NULL after the last. */
static char *ctr__stats_next_range(char **at) {
  char *range = *at, *end = range + strcspn(range, ",\n");
  if (end == range) return NULL;
  *at = end + (*end == ',');
  *end = '\0';
  return range;
}

/* "0-3,5": cpusets(7), "List format". */
static void ctr__stats_set(ctr__stats_reader *r, const char *file, ctr_ids *ids) {
  const char *text = ids->count ? NULL : ctr__stats_text(r, file);
  size_t size = text ? strlen(text) + 1 : 0, count = 0;
  char *copy = size ? ctr_arena_alloc(&r->scratch, size) : NULL;
  uint32_t *items = NULL;
  if (!text) return;
  for (int pass = 0; pass < 2 && copy; pass++) {
    char *at = memcpy(copy, text, size);
    count = 0;
    for (char *range; (range = ctr__stats_next_range(&at));) {
      uint64_t first, last;
      if (!ctr__stats_range(range, &first, &last) || count + last - first >= CTR__CPUS_LISTED_MAX) {
        ctr__stats_fail(r, file, EPROTO);
        return;
      }
      for (; first <= last; first++, count++)
        if (items) items[count] = (uint32_t)first;
    }
    if (!pass && count && !(items = ctr__stats_take(r, count, sizeof *items))) return;
  }
  if (!copy) ctr__stats_fail(r, file, ENOMEM);
  *ids = (ctr_ids){items, count};
}

static void ctr__stats_read_cpuset(ctr__stats_reader *r) {
  ctr__stats_set(r, r->of ? "cpuset.cpus" : "cpuset.cpus.effective", &r->stats->cpuset.cpus);
  ctr__stats_set(r, r->of ? "cpuset.mems" : "cpuset.mems.effective", &r->stats->cpuset.mems);
  ctr__stats_read_domain_level(r);
}

/* -- block devices -- */

static ctr_io_entries *ctr__stats_entries(const ctr__stats_reader *r, size_t offset) {
  return (ctr_io_entries *)(void *)((char *)r->stats + offset);
}

/* Makes room for more entries than there are. */
static ctr_io_entry *ctr__stats_more(ctr__stats_reader *r, ctr_io_entries *list, size_t more) {
  ctr_io_entry *items = ctr__stats_take(r, list->count + more, sizeof *items);
  if (items && list->count) memcpy(items, list->items, list->count * sizeof *items);
  return items;
}

/* "8:16" */
static bool ctr__stats_device(char *word, ctr_io_entry *entry) {
  char *colon = strchr(word, ':');
  uint64_t major_number, minor_number;
  if (!colon) return false;
  *colon++ = '\0';
  if (!ctr__stats_number(word, &major_number) || !ctr__stats_number(colon, &minor_number) ||
      major_number > UINT32_MAX || minor_number > UINT32_MAX)
    return false;
  entry->major_ = (uint32_t)major_number;
  entry->minor_ = (uint32_t)minor_number;
  return true;
}

static bool ctr__stats_has_device(const ctr_io_entries *list, const ctr_io_entry *entry) {
  for (size_t i = 0; i < list->count; i++)
    if (list->items[i].major_ == entry->major_ && list->items[i].minor_ == entry->minor_)
      return true;
  return false;
}

/* Of v1, in each of the three the same names: BFQ and CFQ count what they schedule, throttling what
   it throttles. The first that knows a device counts for it (libcontainer's cgroups/fs/blkio.go
   takes the first file that has any). */
static const char *const ctr__stats_io_prefixes[] = {"blkio.bfq.", "blkio.", "blkio.throttle."};

static const struct ctr__stats_io {
  const char *v1;
  size_t offset;
} ctr__stats_io[] = {
    {"io_service_bytes_recursive", CTR__AT(blkio.ioServiceBytesRecursive)},
    {"io_serviced_recursive", CTR__AT(blkio.ioServicedRecursive)},
    {"io_queued_recursive", CTR__AT(blkio.ioQueueRecursive)},
    {"io_service_time_recursive", CTR__AT(blkio.ioServiceTimeRecursive)},
    {"io_wait_time_recursive", CTR__AT(blkio.ioWaitTimeRecursive)},
    {"io_merged_recursive", CTR__AT(blkio.ioMergedRecursive)},
    {"time_recursive", CTR__AT(blkio.ioTimeRecursive)},
    {"sectors_recursive", CTR__AT(blkio.sectorsRecursive)},
};

/* "8:0 Read 4096", "8:0 12"; the sum of all devices, "Total 4096", can be had from the others. */
static bool ctr__stats_io_line(ctr__stats_reader *r, char *line, ctr_io_entry *entry) {
  *entry = (ctr_io_entry){.op = NULL};
  if (!ctr__stats_device(ctr__next_word(&line), entry)) return false;
  char *word = ctr__next_word(&line);
  if (*line) {
    char *op = ctr__stats_take(r, strlen(word) + 1, 1);
    if (op) ctr__put_str(op, word);
    entry->op = op;
    word = ctr__next_word(&line);
  }
  return !*line && ctr__stats_number(word, &entry->value);
}

static void ctr__stats_io_file(ctr__stats_reader *r, const char *file, ctr_io_entries *list) {
  char *at = ctr__stats_text(r, file);
  if (!at) return;
  ctr_io_entry *items = ctr__stats_more(r, list, ctr__stats_lines(at)), entry;
  size_t count = list->count;
  for (char *line; items && (line = ctr__stats_line(&at));) {
    if (!strncmp(line, "Total ", 6)) continue;
    if (!ctr__stats_io_line(r, line, &entry)) {
      ctr__stats_fail(r, file, EPROTO);
      return;
    }
    if (!ctr__stats_has_device(list, &entry)) items[count++] = entry;
  }
  if (count > list->count) *list = (ctr_io_entries){items, count};
}

static void ctr__stats_read_blkio(ctr__stats_reader *r) {
  char file[64];
  for (size_t i = 0; i < sizeof ctr__stats_io / sizeof *ctr__stats_io; i++)
    for (size_t k = 0; k < sizeof ctr__stats_io_prefixes / sizeof *ctr__stats_io_prefixes; k++) {
      ctr__put_str(ctr__put_str(file, ctr__stats_io_prefixes[k]), ctr__stats_io[i].v1);
      ctr__stats_io_file(r, file, ctr__stats_entries(r, ctr__stats_io[i].offset));
    }
}

/* io.stat: "8:0 rbytes=1 wbytes=2 rios=3 ...". Some kernels do not end the line of a device without
   any (Linux 5.10 to 5.16): the last device before the numbers is theirs. */
static const struct ctr__stats_io_key {
  const char *key, *op;
  size_t offset;
} ctr__stats_io_keys[] = {
    {"rbytes", "Read", CTR__AT(blkio.ioServiceBytesRecursive)},
    {"wbytes", "Write", CTR__AT(blkio.ioServiceBytesRecursive)},
    {"dbytes", "Discard", CTR__AT(blkio.ioServiceBytesRecursive)},
    {"rios", "Read", CTR__AT(blkio.ioServicedRecursive)},
    {"wios", "Write", CTR__AT(blkio.ioServicedRecursive)},
    {"dios", "Discard", CTR__AT(blkio.ioServicedRecursive)},
};
enum { CTR__STATS_IO_KEYS = sizeof ctr__stats_io_keys / sizeof *ctr__stats_io_keys };

static bool ctr__stats_io_stat_line(ctr__stats_reader *r, char *line) {
  ctr_io_entry entry = {.op = NULL};
  if (!ctr__stats_device(ctr__next_word(&line), &entry)) return false;
  while (*line) {
    char *word = ctr__next_word(&line);
    if (strchr(word, ':') && !ctr__stats_device(word, &entry)) return false;
    const bool pair = ctr__stats_pair(word, &entry.value);
    for (size_t i = 0; i < CTR__STATS_IO_KEYS; i++) {
      const struct ctr__stats_io_key *key = &ctr__stats_io_keys[i];
      ctr_io_entries *list = ctr__stats_entries(r, key->offset);
      if (strcmp(key->key, word) != 0) continue;
      if (!pair) return false;
      entry.op = key->op;
      ((ctr_io_entry *)(uintptr_t)list->items)[list->count++] = entry;
    }
  }
  return true;
}

/* What else is in a line, of io.cost and io.latency, is passed over. */
static void ctr__stats_read_io_stat(ctr__stats_reader *r) {
  static const char file[] = "io.stat";
  ctr_io_stats *io = &r->stats->blkio;
  ctr_io_entries *lists[] = {&io->ioServiceBytesRecursive, &io->ioServicedRecursive};
  char *at = lists[0]->count || lists[1]->count ? NULL : ctr__stats_text(r, file);
  if (!at || !*at) return;
  for (int i = 0; i < 2; i++) {
    lists[i]->items = ctr__stats_more(r, lists[i], CTR__STATS_IO_KEYS * ctr__stats_lines(at));
    if (!lists[i]->items) return;
  }
  for (char *line; (line = ctr__stats_line(&at));)
    if (!ctr__stats_io_stat_line(r, line)) {
      ctr__stats_fail(r, file, EPROTO);
      return;
    }
}

/* -- huge pages, RDMA -- */

static const struct ctr__stats_hugetlb {
  const char *v1, *v2; /* after "hugetlb.2MB." */
  size_t offset;       /* in ctr_hugetlb_stats */
} ctr__stats_hugetlb[] = {
    {"usage_in_bytes", "current", offsetof(ctr_hugetlb_stats, usage)},
    {"limit_in_bytes", "max", offsetof(ctr_hugetlb_stats, limit)},
    {"max_usage_in_bytes", NULL, offsetof(ctr_hugetlb_stats, max)},
    {"failcnt", NULL, offsetof(ctr_hugetlb_stats, failcnt)},
};

/* hugetlb.2MB.events has nothing but "max N". */
static void ctr__stats_hugetlb_events(ctr__stats_reader *r, const char *file, ctr_uint *failcnt) {
  char *at = ctr__stats_text(r, file);
  for (char *line; at && (line = ctr__stats_line(&at));) {
    uint64_t value = 0;
    if (!ctr__stats_split(line, &value))
      ctr__stats_fail(r, file, EPROTO);
    else if (!strcmp(line, "max"))
      *failcnt = (ctr_uint){true, value};
  }
}

static void ctr__stats_hugetlb_size(ctr__stats_reader *r, ctr_hugetlb_stats *size) {
  char file[64], *end = ctr__put_str(file, "hugetlb.");
  end = ctr__put_str(ctr__put_str(end, size->key), ".");
  for (size_t i = 0; i < sizeof ctr__stats_hugetlb / sizeof *ctr__stats_hugetlb; i++) {
    const struct ctr__stats_hugetlb *row = &ctr__stats_hugetlb[i];
    const char *name = r->of ? row->v1 : row->v2;
    if (!name) continue;
    ctr__put_str(end, name);
    ctr__stats_value(r, file, (ctr_uint *)(void *)((char *)size + row->offset));
    if (!size->usage.set) return; /* the machine has no such pages */
  }
  ctr__put_str(end, "events");
  if (!r->of) ctr__stats_hugetlb_events(r, file, &size->failcnt);
}

/* Page sizes are powers of two, named as mm/hugetlb_cgroup.c does. All are tried: the directory is
   full of what whoever is inside makes there, and /sys need not be mounted. */
static void ctr__stats_read_hugetlb(ctr__stats_reader *r) {
  enum { SMALLEST = 14, SIZES = 24 }; /* 16 KB to 128 GB */
  static const char *const units[] = {"KB", "MB", "GB"};
  ctr_hugetlb_stats *found = NULL;
  size_t count = 0;
  if (r->stats->hugetlb.count || (r->of && !ctr__list_has(r->of, "hugetlb", 7))) return;
  for (unsigned i = 0; i < SIZES && !r->code; i++) {
    char key[16];
    const unsigned shift = SMALLEST + i, unit = (shift - 10) / 10;
    ctr__put_str(ctr__put_uint(key, UINT64_C(1) << (shift - 10 * (unit + 1))), units[unit]);
    ctr_hugetlb_stats size = {.key = key};
    ctr__stats_hugetlb_size(r, &size);
    if (!size.usage.set) continue;
    if (!found) found = ctr__stats_take(r, SIZES, sizeof *found);
    char *name = ctr__stats_take(r, sizeof key, 1);
    if (!found || !name) return;
    size.key = memcpy(name, key, sizeof key);
    found[count++] = size;
  }
  r->stats->hugetlb = (ctr_hugetlb_list){found, count};
}

/* "mlx4_0 hca_handle=2 hca_object=max" */
static bool ctr__stats_rdma_line(ctr__stats_reader *r, char *line, ctr_rdma_entry *entry) {
  const char *word = ctr__next_word(&line);
  char *device = ctr__stats_take(r, strlen(word) + 1, 1);
  if (device) ctr__put_str(device, word);
  entry->device = device ? device : "";
  while (*line) {
    ctr_uint value = {true, 0};
    char *pair = ctr__next_word(&line);
    if (!*pair) continue;
    if (!ctr__stats_pair(pair, &value.value)) return false;
    if (!strcmp(pair, "hca_handle")) entry->hca_handles = value;
    if (!strcmp(pair, "hca_object")) entry->hca_objects = value;
  }
  return true;
}

static void ctr__stats_rdma(ctr__stats_reader *r, const char *file, ctr_rdma_entries *list) {
  char *at = list->count ? NULL : ctr__stats_text(r, file);
  size_t count = at ? ctr__stats_lines(at) : 0;
  ctr_rdma_entry *items = count ? ctr__stats_take(r, count, sizeof *items) : NULL;
  if (!items) return;
  for (size_t i = 0; i < count; i++) {
    char *line = ctr__stats_line(&at);
    if (line && ctr__stats_rdma_line(r, line, &items[i])) continue;
    ctr__stats_fail(r, file, EPROTO);
    return;
  }
  *list = (ctr_rdma_entries){items, count};
}

/* -- pressure -- */

/* "12.34", without a locale's opinion on the point. */
static bool ctr__stats_percent(char *text, double *ret) {
  uint64_t whole, hundredths;
  char *point = strchr(text, '.');
  if (!point || strlen(point) != 3) return false;
  *point++ = '\0';
  if (!ctr__stats_number(text, &whole) || !ctr__stats_number(point, &hundredths)) return false;
  if (whole > 100 || hundredths > 99) return false;
  *ret = (double)(whole * 100 + hundredths) / 100;
  return true;
}

/* "avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static bool ctr__stats_stall(char *line, ctr_stall *stall) {
  const struct {
    const char *name;
    double *value;
  } shares[] = {{"avg10=", &stall->avg10}, {"avg60=", &stall->avg60}, {"avg300=", &stall->avg300}};
  for (int i = 0; i < 3; i++) {
    char *word = ctr__next_word(&line);
    size_t len = strlen(shares[i].name);
    if (strncmp(word, shares[i].name, len) != 0) return false;
    if (!ctr__stats_percent(word + len, shares[i].value)) return false;
  }
  char *word = ctr__next_word(&line);
  stall->set = !strncmp(word, "total=", 6) && ctr__stats_number(word + 6, &stall->total);
  return stall->set;
}

/* Of a text that is overwritten. */
static bool ctr__stats_pressure(char *text, ctr_pressure *pressure) {
  for (char *line; (line = ctr__stats_line(&text));) {
    const char *kind = ctr__next_word(&line);
    ctr_stall *stall = !strcmp(kind, "some")   ? &pressure->some
                       : !strcmp(kind, "full") ? &pressure->full
                                               : NULL;
    if (!stall || !ctr__stats_stall(line, stall)) return false;
  }
  return true;
}

static const struct ctr__stats_psi {
  const char *file;
  size_t offset;
} ctr__stats_psi[] = {{"cpu.pressure", CTR__AT(cpu.psi)},
                      {"memory.pressure", CTR__AT(memory.psi)},
                      {"io.pressure", CTR__AT(blkio.psi)}};

static void ctr__stats_read_pressure(ctr__stats_reader *r) {
  for (size_t i = 0; i < sizeof ctr__stats_psi / sizeof *ctr__stats_psi; i++) {
    const struct ctr__stats_psi *row = &ctr__stats_psi[i];
    char *text = ctr__stats_text(r, row->file);
    void *at = (char *)r->stats + row->offset;
    if (text && !ctr__stats_pressure(text, at)) ctr__stats_fail(r, row->file, EPROTO);
  }
}
#undef CTR__AT

/* -- all of it -- */

ctr_uint ctr_counters_get(const ctr_counters *counters, const char *name) {
  for (size_t i = 0; i < counters->count; i++)
    if (!strcmp(counters->items[i].name, name)) return (ctr_uint){true, counters->items[i].value};
  return (ctr_uint){false, 0};
}

/* What one cgroup says goes to what others have said of the container. of: the v1 controllers of
   its hierarchy; NULL: it is of v2. where: its name for errors. */
static ctr_code ctr__stats_read(int dir, const char *of, const char *where, ctr_arena *arena,
                                ctr_stats *stats, ctr_err *err) {
  ctr__stats_reader r = {
      .stats = stats, .arena = arena, .dir = dir, .of = of, .where = where, .err = err};
  ctr__stats_read_values(&r);
  ctr__stats_read_keys(&r);
  ctr__stats_read_raw(&r);
  ctr__stats_read_percpu(&r);
  ctr__stats_read_percpu_modes(&r);
  ctr__stats_read_cpuset(&r);
  ctr__stats_read_hugetlb(&r);
  ctr__stats_rdma(&r, "rdma.max", &stats->rdma.limit);
  ctr__stats_rdma(&r, "rdma.current", &stats->rdma.current);
  if (of)
    ctr__stats_read_blkio(&r);
  else
    ctr__stats_read_io_stat(&r);
  if (!of) ctr__stats_read_pressure(&r);
  if (!of) ctr__stats_add_swap(&stats->memory);
  ctr_arena_free(&r.scratch);
  return r.code;
}

/* ==== [SECTION] cgroup/events.c =============================================================== */
/* What a cgroup tells: that it is empty, that it ran out of memory, that its tasks stand still.
   Each is another kind of descriptor, to be polled for something else: pidfds, a v1 eventfd, files
   of v2 that are always readable and say POLLPRI. So all are in an epoll(7) of the watch's own,
   which is readable when one of them has something to say.

   The end is seen from processes. v1 has nothing to wait for; cgroup.events of v2 is not to be
   waited for alone: the kernel tells of a change at most every 10 ms, later where it must, and
   never when the cgroup is removed before that (kernel/cgroup/cgroup.c, cgroup_file_notify). */

struct ctr_watch {
  ctr_watch_desc desc;
  int epoll;
  int dir;       /* the cgroup whose becoming empty is the end                                   */
  int end;       /* a pidfd of one that is in it                                                 */
  int source;    /* an eventfd of v1, memory.events, or a file of pressure; -1: of EMPTY         */
  int control;   /* v1: memory.oom_control, which the eventfd is about; -1: source is none       */
  uint64_t seen; /* how far the counter in source had got                                        */
  bool over;
};

/* Of source in v2. */
static const char *const ctr__pressure_files[] = {[CTR_RESOURCE_CPU] = "cpu.pressure",
                                                  [CTR_RESOURCE_MEMORY] = "memory.pressure",
                                                  [CTR_RESOURCE_IO] = "io.pressure"};

static int ctr__watch_add(const ctr_watch *w, int fd, uint32_t events) {
  struct epoll_event event = {.events = events};
  return (int)ctr__ret(epoll_ctl(w->epoll, EPOLL_CTL_ADD, fd, &event));
}

/* What is not polled any more keeps quiet. */
static void ctr__watch_end(ctr_watch *w) {
  w->over = true;
  ctr__close(&w->end);
  ctr__close(&w->source);
  ctr__close(&w->control);
  ctr__close(&w->dir);
}

void ctr_watch_free(ctr_watch *watch) {
  if (!watch) return;
  ctr__watch_end(watch);
  ctr__close(&watch->epoll);
  CTR_FREE(watch);
}

int ctr_watch_fd(const ctr_watch *watch) {
  return watch->epoll;
}

/* Reads an open file of cgroupfs once more, which is also what makes poll(2) wait for the next
   change. Returns 0. */
static int ctr__watch_reread(int fd, char *text, size_t size) {
  ssize_t n;
  do n = pread(fd, text, size - 1, 0);
  while (n < 0 && errno == EINTR);
  if (n < 0) return -errno;
  text[n] = '\0';
  return 0;
}

/* The number of a line "key number". */
static int ctr__watch_value(char *text, const char *key, uint64_t *ret) {
  for (char *line; (line = ctr__stats_line(&text));) {
    uint64_t value;
    if (!ctr__stats_split(line, &value)) return -EPROTO;
    if (!strcmp(line, key)) return *ret = value, 0;
  }
  return -EPROTO;
}

/* -- the end -- */

/* All processes of a cgroup and those below; sorted. */
static int ctr__watch_pids(int dir, ctr_arena *mem, ctr__pids *pids) {
  ctr__cgroup_tree tree;
  *pids = (ctr__pids){.mem = mem};
  int r = ctr__cgroup_tree_read(&tree, dir, ctr__visit_pids, pids);
  if (r >= 0) ctr__cgroup_tree_free(&tree);
  ctr__pids_sort(pids);
  return r == -E2BIG && pids->count ? 0 : r;
}

/* The first that can be held; -ESRCH when all have ended since they were listed. */
static int ctr__watch_open_one(const ctr__pids *pids, pid_t *ret_pid) {
  int fd = -ESRCH;
  for (size_t i = 0; i < pids->count && fd < 0; i++) {
    if (!pids->items[i]) continue;
    fd = ctr__fd_high((int)CTR__CALL(CTR__SYS_pidfd_open, pids->items[i], 0));
    *ret_pid = pids->items[i];
    if (fd < 0 && fd != -ESRCH && fd != -EINVAL && fd != -ENOENT) return fd;
  }
  return fd < 0 ? -ESRCH : fd;
}

/* Holds one process of the cgroup, which is not empty as long as that lives. It must be listed
   still once it is held: the pid may have become somebody else's. That is tried a few times; where
   processes come and go so fast, the one that is held has ended soon, and this is done again. */
static int ctr__watch_hold(ctr_watch *w) {
  enum { TRIES = 4 };
  pid_t pid = 0;
  CTR__AUTO_CLOSE held = -1;
  for (int i = 0; i < TRIES; i++) {
    ctr_arena mem = {0};
    ctr__pids pids;
    int r = ctr__watch_pids(w->dir, &mem, &pids);
    const bool none = r >= 0 && !pids.count, listed = held >= 0 && ctr__pids_have(&pids, pid);
    const bool hidden = r >= 0 && pids.count == 1 && !pids.items[0];
    int fd = r < 0 || none || listed || hidden ? -ESRCH : ctr__watch_open_one(&pids, &pid);
    ctr_arena_free(&mem);
    if (r < 0) return r;
    if (none) return w->over = true, 0;
    if (hidden) return -ENOTSUP;
    if (listed) break;
    if (fd < 0 && fd != -ESRCH) return fd;
    ctr__close(&held);
    if (fd >= 0) held = fd;
  }
  if (held < 0) return -EAGAIN;
  ctr__close(&w->end);
  w->end = ctr__steal_fd(&held);
  return ctr__watch_add(w, w->end, EPOLLIN);
}

static int ctr__watch_look_for_end(ctr_watch *w) {
  struct pollfd end = {.fd = w->end, .events = POLLIN};
  int r = ctr__poll_now(&end, 1) == 0 ? 0 : ctr__watch_hold(w);
  if (ctr__is_gone(r)) return w->over = true, 0;
  return r == -EAGAIN ? 0 : r; /* the one that has ended goes on to say so */
}

static int ctr__watch_begin_end(ctr_watch *w, const ctr__cgroups *all) {
  const ctr__cgroup *g = ctr__cgroups_best(all);
  if (!g) return -ENOTSUP;
  w->dir = ctr__cgroup_open(g);
  return w->dir < 0 ? w->dir : ctr__watch_hold(w);
}

/* What is not there in a cgroup that is, the kernel does not have. */
static int ctr__watch_open(int dir, const char *file, int flags) {
  int fd = ctr__openat2(dir, file, (uint64_t)flags, 0, CTR__IN_CGROUP);
  return ctr__is_gone(fd) ? -ENOTSUP : fd;
}

/* -- memory -- */

/* cgroup-v1/memory.rst "OOM Control": "EVENTFD CONTROLFD" into cgroup.event_control. */
static int ctr__watch_begin_oom_v1(ctr_watch *w, const ctr__cgroup *g) {
  char text[64];
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  if (dir < 0) return dir;
  w->control = ctr__watch_open(dir, "memory.oom_control", O_RDONLY);
  w->source = ctr__fd_high((int)CTR__CALL(SYS_eventfd2, 0, O_CLOEXEC | O_NONBLOCK));
  if (w->control < 0) return w->control;
  if (w->source < 0) return w->source;
  char *end = ctr__put_int(ctr__put_str(ctr__put_int(text, w->source), " "), w->control);
  int r = ctr__cgroup_write(dir, "cgroup.event_control", text, (size_t)(end - text));
  return r < 0 ? r : ctr__watch_add(w, w->source, EPOLLIN);
}

/* The removal of the cgroup counts as one, too (cgroup-v1/cgroups.rst); it comes a little later
   than the cgroup is gone, so that one that is not told here is not told at all. */
static int ctr__watch_read_oom_v1(ctr_watch *w, uint64_t *ret_ooms) {
  char text[4096];
  uint64_t ooms = 0;
  ssize_t n = read(w->source, &ooms, sizeof ooms);
  if (n < 0 && errno != EAGAIN && errno != EINTR) return -errno;
  int r = ctr__watch_reread(w->control, text, sizeof text);
  if (r < 0 && !ctr__is_gone(r)) return r;
  w->over |= r < 0;
  *ret_ooms = ooms - (r < 0 && ooms);
  return 0;
}

/* -- counters of v2 -- */

/* Where source has got to: memory.events tells of more than kills, and pressure is told of at most
   once a window. */
static int ctr__watch_counter(ctr_watch *w, uint64_t *ret) {
  char text[4096];
  ctr_pressure pressure = {.some = {.set = false}};
  int r = ctr__watch_reread(w->source, text, sizeof text);
  if (r < 0) return r;
  if (w->desc.kind == CTR_WATCH_OOM) return ctr__watch_value(text, "oom_kill", ret);
  if (!ctr__stats_pressure(text, &pressure)) return -EPROTO;
  *ret = w->desc.full ? pressure.full.total : pressure.some.total;
  return 0;
}

static int ctr__watch_read_counter(ctr_watch *w, uint64_t *ret_more) {
  uint64_t now = w->seen;
  int r = ctr__watch_counter(w, &now);
  if (r < 0 && !ctr__stats_is_absent(r)) return r;
  w->over |= r < 0;
  *ret_more = now > w->seen ? now - w->seen : 0;
  w->seen = now;
  return 0;
}

/* A trigger lasts as long as its descriptor: accounting/psi.rst. */
static int ctr__watch_set_trigger(const ctr_watch *w) {
  char text[64], *end = ctr__put_str(text, w->desc.full ? "full " : "some ");
  end = ctr__put_str(ctr__put_uint(end, w->desc.stall_us), " ");
  end = ctr__put_uint(end, w->desc.window_us);
  *end++ = '\0'; /* the kernel overwrites the last byte with it */
  return ctr__write_all(w->source, text, (size_t)(end - text));
}

static int ctr__watch_begin_counter(ctr_watch *w, const ctr__cgroup *g) {
  const bool pressure = w->desc.kind == CTR_WATCH_PRESSURE;
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  if (dir < 0) return dir;
  const char *file = pressure ? ctr__pressure_files[w->desc.resource] : "memory.events";
  w->source = ctr__watch_open(dir, file, pressure ? O_RDWR | O_NONBLOCK : O_RDONLY);
  int r = w->source < 0 ? w->source : ctr__watch_counter(w, &w->seen);
  if (r == 0 && pressure) r = ctr__watch_set_trigger(w);
  return r < 0 ? r : ctr__watch_add(w, w->source, EPOLLPRI);
}

static int ctr__watch_begin_source(ctr_watch *w, const ctr__cgroups *all) {
  const ctr__cgroup *v2 = ctr__cgroups_v2(all);
  const ctr__cgroup *v1 = w->desc.kind == CTR_WATCH_OOM ? ctr__cgroups_with(all, "memory") : NULL;
  if (w->desc.kind == CTR_WATCH_EMPTY) return 0;
  return v1 ? ctr__watch_begin_oom_v1(w, v1) : v2 ? ctr__watch_begin_counter(w, v2) : -ENOTSUP;
}

/* -- watches -- */

/* -ENOENT or -ENODEV when the cgroup is gone or empty; -ENOTSUP when there is nothing that would
   tell; -EINVAL also when the kernel refuses a trigger. */
static int ctr__watch_new(const ctr__cgroups *all, const ctr_watch_desc *desc, ctr_watch **ret) {
  ctr_watch *w = CTR_MALLOC(sizeof *w);
  if (!w) return -ENOMEM;
  *w = (ctr_watch){.desc = *desc, .dir = -1, .end = -1, .source = -1, .control = -1};
  w->epoll = ctr__fd_high((int)ctr__ret(epoll_create1(EPOLL_CLOEXEC)));
  int r = w->epoll < 0 ? w->epoll : ctr__watch_begin_end(w, all);
  if (r >= 0 && w->over) r = -ENOENT;
  if (r >= 0) r = ctr__watch_begin_source(w, all);
  if (r >= 0) return *ret = w, 0;
  ctr_watch_free(w);
  return r;
}

/* The end is looked for first: what happened before it is in the numbers then. */
static int ctr__watch_look(ctr_watch *w, ctr_watch_report *report) {
  int r = ctr__watch_look_for_end(w);
  if (r < 0) return r;
  if (w->control >= 0) return ctr__watch_read_oom_v1(w, &report->ooms);
  if (w->source < 0) return 0;
  return ctr__watch_read_counter(w, w->desc.kind == CTR_WATCH_OOM ? &report->ooms
                                                                  : &report->stalled_us);
}

ctr_code ctr_watch_read(ctr_watch *watch, ctr_watch_report *ret_report, ctr_err *err) {
  ctr_watch *w = watch;
  ctr_watch_report report = {0};
  ctr__err_clear(err);
  if (!w || !ret_report)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "watch and ret_report are needed");
  int r = w->over ? 0 : ctr__watch_look(w, &report);
  if (r == -ENOTSUP)
    return ctr__fail(err, CTR_E_UNSUPPORTED, 0, NULL,
                     "the processes left in the cgroup are of another pid namespace");
  if (r < 0) return ctr__fail(err, CTR_E_SYS, -r, NULL, "look at what is watched");
  if (w->over) ctr__watch_end(w);
  report.over = w->over;
  *ret_report = report;
  return CTR_OK;
}

/* ==== [SECTION] parent/io.c =================================================================== */
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

/* ==== [SECTION] parent/undo.c ================================================================= */
/* What a failed start has made in the container's root is taken away again: mount points, nodes and
   links, where they lie on the root's own file system. What is not empty or not of ours stays. */

/* Removes what path[0, end) names in the root: an empty directory; a file, node or link only when
   it is the one that was made, and not somebody else's by now. Numbers are given again: who has put
   more into it than we did is somebody else. */
static void ctr__remove_made(int root, const char *path, size_t end, uint64_t ino, uint64_t size) {
  char prefix[PATH_MAX], dir[PATH_MAX], name[NAME_MAX + 1];
  if (end >= sizeof prefix) return;
  memcpy(prefix, path, end);
  prefix[end] = '\0';
  if (ctr__split(prefix, dir, name) < 0) return;
  CTR__AUTO_CLOSE parent = ctr__path_in_root(root, dir);
  if (parent < 0 || unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno != ENOTDIR) return;
  struct stat st;
  if (ino && fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == ino &&
      (!S_ISREG(st.st_mode) || (uint64_t)st.st_size <= size))
    unlinkat(parent, name, 0);
}

/* Whether a mount of an earlier step, but the root, covers path[0, end): then what was made lay on
   that. */
static bool ctr__lay_on_mount(const ctr_plan *plan, uint32_t index, const char *path, size_t end) {
  for (uint32_t i = 0; i < index; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    if (step->kind < CTR__STEP_MOUNT_FS || step->kind > CTR__STEP_MOUNT_BIND ||
        step->num[CTR__NUM_ROOT])
      continue;
    const char *over = ctr__plan_str(plan, step->str[0]);
    size_t len = ctr__trimmed(over);
    if (len < end && !memcmp(over, path, len) && path[len] == '/') return true;
  }
  return false;
}

/* The path of a record, or NULL when it is none that a step of the plan can have made. */
static const char *ctr__made_path(const ctr_plan *plan, uint32_t index, size_t end) {
  const ctr__step *step = index < plan->step_count ? ctr__plan_step(plan, index) : NULL;
  const char *path =
      step && step->lane == CTR__LANE_CHILD ? ctr__plan_str(plan, step->str[0]) : NULL;
  return path && end && end <= strlen(path) && !ctr__lay_on_mount(plan, index, path, end) ? path
                                                                                          : NULL;
}

/* What a file that the step has made is filled with; another is a mount point, and empty. */
static uint64_t ctr__file_size(const ctr__step *step) {
  return step->kind == CTR__STEP_MAKE_FILE ? step->num[1] : 0;
}

/* The root as the child had it: another directory may have that name by now. */
static int ctr__open_made_root(const char *dir, const ctr__shared *shared) {
  struct stat st;
  CTR__AUTO_CLOSE root = ctr__open(AT_FDCWD, dir, O_PATH | O_DIRECTORY, 0);
  if (root < 0 || fstat(root, &st) < 0) return -1;
  return st.st_dev == shared->root_dev && st.st_ino == shared->root_ino ? ctr__steal_fd(&root) : -1;
}

static void ctr__undo(const ctr_plan *plan, const ctr__shared *shared) {
  const char *dir = ctr__plan_str(plan, plan->root_dir);
  const uint32_t said = shared->made_count; /* read once: who writes there may go on */
  uint32_t count = said < CTR__MADE_MAX ? said : CTR__MADE_MAX;
  CTR__AUTO_CLOSE root = dir && count ? ctr__open_made_root(dir, shared) : -1;
  while (count-- && root >= 0) {
    const uint32_t index = shared->made[count].step;
    const size_t first = shared->made[count].end;
    const char *path = ctr__made_path(plan, index, first);
    const uint64_t size = path ? ctr__file_size(ctr__plan_step(plan, index)) : 0;
    uint64_t ino = shared->made[count].ino;
    for (size_t end = path ? ctr__trimmed(path) : 0; end >= first && end; ino = 0) {
      ctr__remove_made(root, path, end, ino, size);
      while (end && path[end - 1] != '/') end--;
      while (end && path[end - 1] == '/') end--;
    }
  }
}

/* ==== [SECTION] parent/visible.c ============================================================== */
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

/* ==== [SECTION] parent/report.c =============================================================== */
/* From a step that failed to one line for a person. */

static const char *const ctr__reason_texts[] = {
#define CTR__REASON_TEXT(reason, text) [CTR__WHY_##reason] = text,
    CTR__REASONS(CTR__REASON_TEXT)
#undef CTR__REASON_TEXT
};

/* mount_namespaces(7), "Restrictions on mount namespaces" */
#define CTR__LOCKED "in a user namespace restrictions that the host set cannot be lifted"
#define CTR__NO_RIGHTS                                                                             \
  "this machine gives no rights in a user namespace: AppArmor may forbid it "                      \
  "(kernel.apparmor_restrict_unprivileged_userns)"

/* What an errno of a step usually means, and what to do about it. */
static const struct ctr__hint {
  uint16_t kind;
  int error;
  const char *text;
} ctr__hints[] = {
    {CTR__STEP_CLONE, EPERM,
     "this machine does not let the caller make these namespaces; a sysctl such as "
     "kernel.unprivileged_userns_clone or user.max_user_namespaces may forbid it, or a seccomp "
     "filter of the caller's own"},
    {CTR__STEP_CLONE, ENOSPC, "a limit below /proc/sys/user, or 32 levels of nesting, is reached"},
    {CTR__STEP_CLONE, EUSERS, "a limit below /proc/sys/user, or 32 levels of nesting, is reached"},
    {CTR__STEP_CLONE, EAGAIN, "a limit on processes is reached (RLIMIT_NPROC or a pids cgroup)"},
    {CTR__STEP_CLONE, EINVAL, "this kernel does not have one of these namespaces"},
    {CTR__STEP_SEAL_PROGRAM, EACCES,
     "the caller may not read the file of its own program, or not execute a copy of it in memory "
     "(the sysctl vm.memfd_noexec)"},
    {CTR__STEP_SEAL_PROGRAM, EFBIG, "RLIMIT_FSIZE is less than the size of the caller's program"},
    {CTR__STEP_SEAL_PROGRAM, EPERM, "the caller has sealed its memory (mseal(2))"},
    {CTR__STEP_HIDE_PROGRAM, EBUSY,
     "something of its file is still mapped: call ctr_seal_program, with always, first in main()"},
    {CTR__STEP_HIDE_PROGRAM, EPERM,
     "this kernel takes other rights for it: call ctr_seal_program, with always, first in main()"},
    {CTR__STEP_MAKE_IDMAP, EPERM,
     "the hostIDs are not all the caller's to map (user_namespaces(7)): that takes CAP_SETUID and "
     "CAP_SETGID, and CAP_SETFCAP for id 0"},
    {CTR__STEP_MAKE_IDMAP, ENOSPC,
     "a limit below /proc/sys/user, or 32 levels of nesting, is reached"},
    {CTR__STEP_UID_MAP, EPERM, "the ids on the host are not the caller's to map"},
    {CTR__STEP_GID_MAP, EPERM, "the ids on the host are not the caller's to map"},
    {CTR__STEP_MOUNT_FS, EPERM,
     "in a user namespace that is for proc, sysfs, tmpfs, devpts, mqueue, cgroup, fuse and, since "
     "Linux 5.11, overlay; not for proc and sysfs where the caller sees none wholly"},
    {CTR__STEP_MOUNT_FS, EINVAL,
     "an option has a value the file system does not take, such as an "
     "id that the user namespace does not map"},
    {CTR__STEP_MOUNT_BIND, EINVAL,
     "in a user namespace a directory with mounts below it can only "
     "be bound with rbind"},
    {CTR__STEP_SET_ATTR, EPERM, CTR__LOCKED},
    {CTR__STEP_SET_ATTR_ALL, EPERM, CTR__LOCKED},
    {CTR__STEP_MOUNT_BIND, EPERM, CTR__LOCKED},
    {CTR__STEP_ROOT_BIND, EPERM, CTR__LOCKED},
    {CTR__STEP_PROPAGATION, EPERM, CTR__NO_RIGHTS},
    {CTR__STEP_PROPAGATION, EACCES, CTR__NO_RIGHTS},
    {CTR__STEP_BASE, EINVAL,
     "the caller's own root may be a ramfs, which cannot be left this way: use root.path and "
     "no_pivot"},
    {CTR__STEP_PIVOT_ROOT, EINVAL,
     "the caller's own root may be a ramfs, which cannot be left this way: use no_pivot"},
    {CTR__STEP_OOM_SCORE_ADJ, EACCES, "going below the caller's own needs CAP_SYS_RESOURCE"},
    {CTR__STEP_RLIMIT, EPERM, "raising a hard limit needs CAP_SYS_RESOURCE"},
    {CTR__STEP_KEYRING, EPERM, "a seccomp filter may forbid keyctl(2): use no_new_keyring"},
    {CTR__STEP_KEYRING, EDQUOT,
     "the user has used up their keys (keyrings(7)): use no_new_keyring"},
    {CTR__STEP_AMBIENT, EPERM, "an ambient capability must be permitted and inheritable"},
    {CTR__STEP_LOOK_UP, EACCES, "it is there, but this user may not execute it"},
    {CTR__STEP_CONSOLE, EPERM, "in a user namespace the terminal's owner must be mapped"},
    {CTR__STEP_CONSOLE, EACCES,
     "its devpts must let the container's root open /dev/pts/ptmx: ptmxmode=0666, and no nodev"},
    {CTR__STEP_JOIN_INIT, EPERM, "only who may act as root in the container can join it"},
    {CTR__STEP_MAKE_CGROUP, EROFS,
     "the hierarchy is read-only, as in a container: without linux.cgroupsPath none is made"},
    {CTR__STEP_LIMIT, ENOENT,
     "the kernel does not have this file, or the controller is not enabled here: not given to the "
     "caller, or a cgroup above has processes of its own (cgroup-v2.rst)"},
    {CTR__STEP_LIMIT, EBUSY, "more than that is in use, or a cgroup below it has more"},
    {CTR__STEP_LIMIT, EINVAL, "the kernel does not take it, alone or beside the other limits"},
    {CTR__STEP_JOIN_INIT, ESRCH,
     "its first thread has ended, and with it the namespaces that could be joined"},
    {CTR__STEP_ENTER_CGROUP, ENOSPC,
     "a cpuset without CPUs or memory nodes cannot be entered (cpusets(7))"},
    {CTR__STEP_HOOK, ECHILD, "the caller ignores SIGCHLD, which takes away how the hook ended"},
    {CTR__STEP_OPEN_INIT, ESRCH, "container not running"},
    {CTR__STEP_MAKE_FILE, EROFS, "the option bind can put the file over one that is there"},
    {CTR__STEP_FILTER, EINVAL, "the kernel does not take it for a filter"},
    {CTR__STEP_FILTER, ENOMEM, "together the filters are longer than the kernel takes"},
    {CTR__STEP_LABEL, ENOENT, "the kernel knows no such profile: apparmor_parser(8) loads it"},
    {CTR__STEP_LABEL, EINVAL, "the kernel, or its policy, does not know such a label"},
    {CTR__STEP_LABEL, EACCES, "the caller has a label itself, which does not allow that one"},
    {CTR__STEP_EXEC, EPERM,
     "a seccomp filter forbids it, or, with noNewPrivileges, a label that is no narrower than the "
     "caller's"},
    {CTR__STEP_EXEC, EACCES,
     "its interpreter or loader may not be executed, or Landlock or a label forbids it"},
    {CTR__STEP_EXEC, ENOEXEC, "it is neither a program for this machine nor a script with #!"},
    {CTR__STEP_EXEC, ENOENT, "the program is there: its interpreter or loader is not"},
    {CTR__STEP_OPEN_NAMESPACE, EINVAL, "it is a namespace of another kind, or none"},
    {CTR__STEP_OPEN_NAMESPACE, EXDEV,
     "it is the caller's own, and hostname, domainname or linux.sysctl would change the host's"},
    {CTR__STEP_SETNS, EINVAL, "a process cannot join a namespace it is in already, or of threads"},
};

static const char *ctr__hint_for(uint32_t kind, int error) {
  for (size_t i = 0; i < sizeof ctr__hints / sizeof *ctr__hints; i++)
    if (ctr__hints[i].kind == kind && ctr__hints[i].error == error) return ctr__hints[i].text;
  return NULL;
}

/* Which option of a file system the kernel refuses. */
static const char *ctr__refused_option(const ctr_plan *plan, const ctr__step *step,
                                       const ctr__message *report) {
  bool has_options = step->kind == CTR__STEP_MOUNT_FS || step->kind == CTR__STEP_MOUNT_COPY_UP ||
                     step->kind == CTR__STEP_RECONFIGURE;
  bool known = has_options && report->reason == CTR__WHY_OPTION && report->value >= 0 &&
               report->value < ctr__list_count(plan, step->str[2]);
  return known ? ctr__list_str(plan, step->str[2], (uint32_t)report->value) : "";
}

/* The first line of what a program has said; the rest is for its own log. A note in the page that
   is shared with the child need not have an end. */
static size_t ctr__note_len(const char *note) {
  size_t len = 0;
  while (note && len < CTR__NOTE_MAX && note[len] && note[len] != '\n') len++;
  return len;
}

/* A step failed, on whichever side; report is of type ERROR, its step a step of the plan. */
static ctr_code ctr__step_failed(const ctr_plan *plan, const ctr__message *report, const char *note,
                                 ctr_err *err) {
  const ctr__step *step = ctr__plan_step(plan, report->step);
  ctr__text what = {.len = 0};
  ctr__text_step(&what, plan, step);
  const char *why = report->reason < CTR__WHY_COUNT ? ctr__reason_texts[report->reason] : NULL;
  const char *hint = why ? NULL : ctr__hint_for(step->kind, report->error);
  const bool by_program = report->reason >= CTR__WHY_PROGRAM_EXIT && why; /* errno has no part */
  ctr_code code =
      ctr__fail(err, CTR_E_SYS, by_program ? 0 : report->error, ctr__plan_str(plan, step->field),
                "%.200s%s%s%s", what.buf, why ? ": " : "", why ? why : "",
                ctr__refused_option(plan, step, report));
  if (!err) return code;
  if (report->reason == CTR__WHY_PROGRAM_EXIT || report->reason == CTR__WHY_PROGRAM_SIGNAL)
    ctr__err_add(err, "%lld", (long long)report->value);
  if (hint) ctr__err_add(err, ": %s", hint);
  if (hint && step->kind == CTR__STEP_MOUNT_FS && report->error == EPERM)
    ctr__explain_invisible(ctr__plan_str(plan, step->str[1]), err);
  const size_t said = ctr__note_len(note);
  if (by_program && said) ctr__err_add(err, ": it said: %.*s", (int)said, note);
  return code;
}

/* ==== [SECTION] parent/sockets.c ============================================================== */
/* Unix sockets with a name: where terminals and pidfds go, and where containers wait. */

/* The address of a path, however long: what unix(7) takes is 107 bytes, so that a longer one is
   reached through a descriptor of its directory, which is to be kept open for the call. */
static int ctr__socket_address(int dir, const char *path, struct sockaddr_un *address,
                               int *ret_dir) {
  char parent[PATH_MAX], name[NAME_MAX + 1];
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  *ret_dir = -1;
  if (dir == AT_FDCWD && strlen(path) < sizeof address->sun_path) {
    ctr__put_str(address->sun_path, path);
    return 0;
  }
  int r = ctr__split(path, parent, name);
  if (r < 0) return r;
  CTR__AUTO_CLOSE fd = ctr__open(dir, parent, O_PATH | O_DIRECTORY, 0);
  if (fd < 0) return fd;
  if (strlen(name) + 32 >= sizeof address->sun_path) return -ENAMETOOLONG;
  ctr__fd_path(address->sun_path, fd);
  ctr__put_str(ctr__put_str(address->sun_path + strlen(address->sun_path), "/"), name);
  *ret_dir = ctr__steal_fd(&fd);
  return 0;
}

static int ctr__socket(int type) {
  return ctr__fd_high((int)ctr__ret(socket(AF_UNIX, type | SOCK_CLOEXEC, 0)));
}

/* dir: what a relative path starts from. */
static int ctr__connect(int dir, const char *path, int type) {
  struct sockaddr_un address;
  CTR__AUTO_CLOSE parent = -1;
  int r = ctr__socket_address(dir, path, &address, &parent);
  CTR__AUTO_CLOSE sock = r < 0 ? r : ctr__socket(type);
  if (sock < 0) return sock;
  do r = (int)ctr__ret(connect(sock, (const struct sockaddr *)&address, sizeof address));
  while (r == -EINTR);
  return r < 0 ? r : ctr__steal_fd(&sock);
}

/* unix(7), "abstract": a name without a file. */
static int ctr__connect_abstract(const char *name, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t len = strlen(name);
  if (len >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path + 1, name, len);
  CTR__AUTO_CLOSE sock = ctr__socket(type);
  if (sock < 0) return sock;
  const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
  int r = (int)ctr__ret(connect(sock, (const struct sockaddr *)&address, size));
  return r < 0 ? r : ctr__steal_fd(&sock);
}

static int ctr__bind(int dir, const char *path, int type) {
  struct sockaddr_un address;
  CTR__AUTO_CLOSE parent = -1;
  int r = ctr__socket_address(dir, path, &address, &parent);
  CTR__AUTO_CLOSE sock = r < 0 ? r : ctr__socket(type);
  if (sock < 0) return sock;
  r = (int)ctr__ret(bind(sock, (const struct sockaddr *)&address, sizeof address));
  return r < 0 ? r : ctr__steal_fd(&sock);
}

static int ctr__listen(int dir, const char *path, int type) {
  CTR__AUTO_CLOSE sock = ctr__bind(dir, path, type);
  int r = sock < 0 ? sock : (int)ctr__ret(listen(sock, 16));
  return r < 0 ? r : ctr__steal_fd(&sock);
}

/* One descriptor with a text, in one call as far as the socket takes it: engines want a payload,
   and agents read once. */
static int ctr__hand_over(int sock, int fd, const char *text) {
  size_t left = strlen(text);
  ssize_t n = ctr__send_with_fd(sock, text, left, fd);
  while (n >= 0 && (size_t)n < left) {
    text += n;
    left -= (size_t)n;
    do n = ctr__ret(send(sock, text, left, MSG_NOSIGNAL));
    while (n == -EINTR);
  }
  return n < 0 ? (int)n : 0;
}

/* ==== [SECTION] parent/channel.c ============================================================== */
/* The caller's side of a start: what it needs, and talking to the child. */

/* What a container adds to the start of its first process. */
typedef struct ctr__attachment {
  ctr_code (*record)(void *userdata, const ctr_plan *plan, const ctr_process *process,
                     ctr_err *err); /* RECORD */
  void *userdata;
  int start_sock; /* what the process listens at until it is started; -1: it is not */
} ctr__attachment;

struct ctr_process {
  const ctr_plan *plan; /* until the start has returned */
  ctr_process_desc desc;
  enum { CTR__NEW, CTR__RUNNING, CTR__ENDED } state;
  pid_t pid;
  int pidfd;
  int console;  /* the caller's end of its terminal */
  int listener; /* what questions about its calls come by */
  ctr_io io;
  ctr_exit status;
  const char *external[3];
  ctr__attachment attachment;
  ctr_arena arena;
};

/* What a start needs and is gone after it. */
typedef struct ctr__start {
  ctr_process *process;
  const ctr_plan *plan;
  ctr__launch launch;
  ctr_arena arena;
  int sock;        /* the parent's end              */
  pid_t stage_pid; /* the intermediate process, or 0 */
  int stage_pidfd;
  int console_sock, pidfd_sock, listener_sock; /* connected before anything is started */
  int null;                                    /* for streams that are not given       */
  int *idmaps;                                 /* user namespaces made by MAKE_IDMAP, or -1 */
  uint32_t idmap_count;
  uint32_t next_source; /* the first step whose source may still be asked for */
  ctr_err *err;
} ctr__start;

static ctr_code ctr__child_died(ctr__start *s) {
  uint32_t at = s->launch.shared->step;
  ctr__text what = {.len = 0};
  siginfo_t info = {0};
  int pidfd = s->process->pidfd >= 0 ? s->process->pidfd : s->stage_pidfd;
  if (at < s->plan->step_count) ctr__text_step(&what, s->plan, ctr__plan_step(s->plan, at));
  /* It lets go of the channel a moment before how it ends can be seen. */
  struct pollfd end = {.fd = pidfd, .events = POLLIN};
  if (pidfd >= 0 && poll(&end, 1, 1000) > 0) ctr__waitid(pidfd, &info, WNOHANG | WNOWAIT);
  ctr__fail(s->err, CTR_E_PROTOCOL, 0, NULL,
            "the process ended while being started, at step %u (%.200s)", at, what.buf);
  bool killed = info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED;
  if (s->err && killed)
    ctr__err_add(s->err, ": killed by signal %d%s", info.si_status,
                 info.si_status == SIGKILL ? ", for want of memory perhaps" : "");
  return CTR_E_PROTOCOL;
}

enum { CTR__STOPPED_MS = 500 }; /* from one look to the next */

/* Of a child of ours the kernel tells without a procfs, which may hide it (proc(5), hidepid). */
static bool ctr__is_stopped(int pidfd, pid_t pid) {
  siginfo_t info = {0};
  ctr__proc_stat stat;
  if (ctr__waitid(pidfd, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0)
    return info.si_code == CLD_STOPPED;
  return ctr__read_proc_stat(pid, &stat) == 0 && stat.state == 'T';
}

/* Until there is something to read: 0; or the process has ended and there never will be: -EPIPE, as
   others may hold its end of the channel; or it is stopped: -ECANCELED. Who may signal it from
   inside can do that: we would wait for ever. Seen twice: a shell that stops us all lets us go on
   one after the other. */
static int ctr__await_packet(int sock, int pidfd, pid_t pid) {
  struct pollfd both[2] = {{.fd = sock, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
  int n, stopped = 0;
  do {
    n = (int)ctr__ret(poll(both, 2, CTR__STOPPED_MS));
    if (n == 0) stopped = ctr__is_stopped(pidfd, pid) ? stopped + 1 : 0;
  } while (n == -EINTR || (n == 0 && stopped < 2));
  if (n == 0) return -ECANCELED;
  if (n < 0) return n;
  if (both[0].revents) return 0;
  /* What it sent before it ended was sent before that was told. */
  return ctr__poll_now(both, 1) > 0 ? 0 : -EPIPE;
}

static ctr_code ctr__was_stopped(ctr_err *err) {
  return ctr__fail(err, CTR_E_PROTOCOL, 0, NULL,
                   "the process was stopped by a signal while being started");
}

static ctr_code ctr__serve_source(ctr__start *s, uint32_t index);

/* The next packet that is not about what the child asks for on the way. */
static int ctr__next_message(ctr__start *s, ctr__message *message, int *ret_fd,
                             ctr_code *ret_failed) {
  const bool adopted = s->process->pidfd >= 0;
  int r = 0;
  *ret_failed = CTR_OK;
  while (r == 0 && !*ret_failed) {
    r = ctr__await_packet(s->sock, adopted ? s->process->pidfd : s->stage_pidfd,
                          adopted ? s->process->pid : s->stage_pid);
    if (r == 0) r = ctr__receive_fd(s->sock, message, ret_fd);
    if (r || message->type != CTR__MSG_OPEN) return r;
    *ret_failed = ctr__serve_source(s, message->step);
  }
  return r;
}

/* The end of the channel. Of a process that a filter keeps from executing it is no success. */
static ctr_code ctr__channel_ended(ctr__start *s, bool is_due) {
  const ctr__step *last = ctr__plan_step(s->plan, s->plan->step_count - 1);
  const bool is_filtered = last->kind == CTR__STEP_EXEC && last->num[0];
  if (!is_due || s->launch.shared->step != s->plan->step_count - 1) return ctr__child_died(s);
  return is_filtered && ctr__never_executed(s->process->pid, 0) ? ctr__child_died(s) : CTR_OK;
}

/* Waits for the one message that is due (0: the end of the channel, which execve brings). An error
   report can come instead at any time; everything else is refused. */
static ctr_code ctr__expect(ctr__start *s, uint32_t type, ctr__message *message, int *ret_fd) {
  ctr_code failed;
  int r = ctr__next_message(s, message, ret_fd, &failed);
  if (failed) return failed;
  if (r == -EPIPE && s->launch.shared->failure.type == CTR__MSG_ERROR) {
    *message = s->launch.shared->failure;
    message->type = CTR__MSG_ERROR; /* whatever it is by now */
    r = 0;
  }
  if (r == -EPIPE) return ctr__channel_ended(s, type == 0);
  if (r == 0 && message->type == CTR__MSG_ERROR && message->step < s->plan->step_count &&
      message->error > 0 && message->error < 4096)
    return ctr__step_failed(s->plan, message, s->launch.shared->note, s->err);
  if (r == 0 && type && message->type == type) return CTR_OK;
  if (ret_fd) ctr__close(ret_fd);
  if (r == -ECANCELED) return ctr__was_stopped(s->err);
  if (r < 0 && r != -EPROTO)
    return ctr__fail(s->err, CTR_E_SYS, -r, NULL, "read from the process being started");
  return ctr__fail(s->err, CTR_E_PROTOCOL, 0, NULL,
                   "the process being started sent %s where message %u is due",
                   r < 0 ? "something that is no message" : "another message", type);
}

static ctr_code ctr__answer(ctr__start *s, uint32_t type) {
  ctr__message message = {.type = type};
  /* When the child is gone already, its report is waiting to be read. */
  int r = ctr__send(s->sock, &message);
  if (r == -EPIPE || r == -ECONNRESET) {
    ctr_code code = ctr__expect(s, 0, &message, NULL);
    return code ? code : ctr__child_died(s);
  }
  return r < 0 ? ctr__fail(s->err, CTR_E_SYS, -r, NULL, "answer the process being started")
               : CTR_OK;
}

static ctr_code ctr__parent_sync(ctr__start *s, const ctr__step *step) {
  static const enum ctr_moment moments[] = {
      [CTR__SYNC_HOOKS] = CTR_MOMENT_HOOKS, [CTR__SYNC_READY] = CTR_MOMENT_READY};
  const struct ctr__exchange *exchange = &ctr__exchanges[step->num[0]];
  const ctr_process_desc *desc = &s->process->desc;
  ctr__message message;
  if (exchange->request) {
    ctr_code code = ctr__expect(s, exchange->request, &message, NULL);
    if (!code && desc->on_moment && step->num[1])
      code = desc->on_moment(desc->userdata, moments[step->num[0]], s->process, s->err);
    if (code && s->err && !s->err->code)
      ctr__fail(s->err, code, 0, NULL, "the caller's on_moment failed");
    if (code || !exchange->answer) return code;
  }
  return ctr__answer(s, exchange->answer);
}

/* ==== [SECTION] parent/sources.c ============================================================== */
/* What the child asks for because it may not open or make it: looked up in the plan by the number
   of the step, which is all that is believed of what it says. */

/* The user namespace whose maps a step's mount gets; -1: it has not been made yet. */
static int ctr__idmap_of(const ctr__start *s, const ctr__step *step) {
  const uint64_t i = step->num[CTR__NUM_IDMAP] - 1;
  if (step->num[CTR__NUM_SOURCE] & CTR__IDMAP_JOINED) return s->launch.namespaces[i];
  return i < s->idmap_count ? s->idmaps[i] : -1;
}

/* In a user namespace restrictions of the host's mounts are locked (mount_namespaces(7)). This one
   is the caller's, so that we have to see to that. What those below forbid is not looked at, so
   that nothing may be lifted there. */
static int ctr__check_lifted(int mount, const ctr__step *step) {
  const uint64_t set = step->num[CTR__NUM_SET], lifted = step->num[CTR__NUM_CLR] & ~set;
  struct statfs fs;
  if (!(step->num[CTR__NUM_SOURCE] & CTR__IDMAP_LOCKED)) return 0;
  if (step->num[CTR__NUM_BELOW_CLR] & ~step->num[CTR__NUM_BELOW_SET]) return -EPERM;
  if (fstatfs(mount, &fs) < 0) return -errno;
  for (size_t i = 0; i < sizeof ctr__attr_flags / sizeof *ctr__attr_flags; i++)
    if ((lifted & ctr__attr_flags[i].attr) && ((unsigned long)fs.f_flags & ctr__attr_flags[i].st))
      return -EPERM;
  return 0;
}

/* A mount that only the caller's rights can make: a copy of the host's or a new file system. It
   hears of what is mounted on the host as a copy of the child's own would, and no more. */
static int ctr__make_mapped(ctr__child *c, const ctr__step *step, int idmap) {
  const bool bind = step->kind == CTR__STEP_MOUNT_BIND;
  const unsigned tree = bind && step->num[CTR__NUM_BELOW] ? CTR__AT_RECURSIVE : 0;
  const unsigned below = step->num[CTR__NUM_SOURCE] & CTR__IDMAP_BELOW ? CTR__AT_RECURSIVE : 0;
  CTR__AUTO_CLOSE mount =
      bind ? ctr__open_tree(AT_FDCWD, ctr__arg(c, step, 1), tree) : ctr__new_fs(c, step, -1);
  if (mount < 0) return bind ? ctr__because(c, CTR__WHY_SOURCE, mount) : mount;
  int r = ctr__mount_setattr(mount, tree, 0, 0, MS_SLAVE);
  if (r == 0 && bind) r = ctr__check_lifted(mount, step);
  if (r < 0) return r;
  r = ctr__mount_idmap(mount, below, idmap);
  if (r == -EINVAL) return ctr__because(c, CTR__WHY_NO_IDMAP, r);
  if (r == -EPERM) return ctr__because(c, CTR__WHY_IDMAP_RIGHT, r);
  return r < 0 ? r : ctr__steal_fd(&mount);
}

/* What path means to the caller, as a place in the child's mount namespace. The child may have
   mounted something on the way, so that the file itself must be the same. */
static int ctr__open_for_child(ctr__child *c, const ctr__start *s, const ctr__step *step) {
  const bool is_root = step->kind == CTR__STEP_ROOT_BIND;
  const char *path = ctr__arg(c, step, is_root ? 0 : 1);
  char link[64], name[PATH_MAX];
  struct stat wanted, found;
  CTR__AUTO_CLOSE own = ctr__open(AT_FDCWD, path, O_PATH | (is_root ? O_DIRECTORY : 0), 0);
  if (own < 0) return ctr__because(c, CTR__WHY_SOURCE, own);
  ctr__fd_path(link, own);
  ssize_t len = readlink(link, name, sizeof name - 1);
  if (len < 0 || fstat(own, &wanted) < 0) return -errno;
  name[len] = '\0';
  ctr__proc_path(link, s->process->pid, "/root");
  CTR__AUTO_CLOSE root = ctr__open(AT_FDCWD, link, O_PATH | O_DIRECTORY, 0);
  if (root < 0) return root;
  CTR__AUTO_CLOSE place =
      ctr__openat2(root, name, O_PATH, 0, CTR__IN_ROOT | CTR__RESOLVE_NO_SYMLINKS);
  if (place < 0) return ctr__because(c, CTR__WHY_OUT_OF_REACH, place);
  if (fstat(place, &found) < 0) return -errno;
  if (found.st_dev != wanted.st_dev || found.st_ino != wanted.st_ino)
    return ctr__because(c, CTR__WHY_OUT_OF_REACH, -EXDEV);
  return ctr__steal_fd(&place);
}

/* What a step may ask for; NULL: nothing. */
static const ctr__step *ctr__may_ask_for(const ctr__start *s, uint32_t index) {
  if (index < s->next_source || index >= s->plan->step_count) return NULL;
  const ctr__step *step = ctr__plan_step(s->plan, index);
  if (step->lane != CTR__LANE_CHILD) return NULL;
  const bool ask = step->num[CTR__NUM_SOURCE] & CTR__SOURCE_ASK;
  switch (step->kind) {
  case CTR__STEP_ROOT_BIND:
  case CTR__STEP_DEVICE_BIND: return ask ? step : NULL;
  case CTR__STEP_MOUNT_BIND: return ask || step->num[CTR__NUM_IDMAP] ? step : NULL;
  case CTR__STEP_MOUNT_FS:
  case CTR__STEP_MOUNT_COPY_UP: return step->num[CTR__NUM_IDMAP] ? step : NULL;
  default: return NULL;
  }
}

/* Answers once for each step, in their order. */
static ctr_code ctr__serve_source(ctr__start *s, uint32_t index) {
  const ctr__step *step = ctr__may_ask_for(s, index);
  const bool mapped = step && step->num[CTR__NUM_IDMAP];
  const int idmap = mapped ? ctr__idmap_of(s, step) : -1;
  if (!step || (mapped && idmap < 0))
    return ctr__fail(s->err, CTR_E_PROTOCOL, 0, NULL,
                     "the process being started asked for what its plan does not let it have");
  s->next_source = index + 1;
  ctr__child c = ctr__child_state(&s->launch);
  CTR__AUTO_CLOSE fd =
      mapped ? ctr__make_mapped(&c, step, idmap) : ctr__open_for_child(&c, s, step);
  const ctr__message report = {.type = CTR__MSG_ERROR,
                               .step = index,
                               .error = -fd,
                               .reason = (uint32_t)c.reason,
                               .value = c.detail};
  if (fd < 0) return ctr__step_failed(s->plan, &report, NULL, s->err);
  const ctr__message answer = {.type = CTR__MSG_SOURCE};
  int r = ctr__send_fd(s->sock, &answer, fd);
  /* When the child is gone already, its report is waiting to be read. */
  return r == 0 || r == -EPIPE || r == -ECONNRESET
             ? CTR_OK
             : ctr__fail(s->err, CTR_E_SYS, -r, NULL, "answer the process being started");
}

/* ==== [SECTION] parent/idmap.c ================================================================ */
/* Maps of ids for mounts: the kernel takes them from a user namespace (mount_setattr(2)), which
   must have been made by a process. */

static void ctr__kill_and_reap(int *pidfd) {
  ctr_exit status;
  if (*pidfd < 0) return;
  ctr__pidfd_signal(*pidfd, SIGKILL);
  ctr__reap(*pidfd, &status);
  ctr__close(pidfd);
}

/* Holds the namespace until it is killed, and ends by itself when the caller is gone. */
static _Noreturn void ctr__hold_namespace(pid_t caller) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) _exit(127);
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

static int ctr__parent_make_idmap(ctr__start *s, const ctr__step *step) {
  const pid_t caller = getpid();
  int pidfd = -1;
  pid_t pid = ctr__clone_blocked(CTR_NS_USER, step->num[1], -1, &pidfd);
  if (pid == 0) ctr__hold_namespace(caller);
  if (pid < 0) return pid;
  int userns = ctr__map_and_open(s, step, pid, pidfd);
  ctr__kill_and_reap(&pidfd);
  if (userns < 0) return userns;
  s->idmaps[step->num[0] - 1] = userns;
  return 0;
}

/* ==== [SECTION] parent/steps.c ================================================================ */
/* The parent's steps: each returns 0 or -errno, or speaks for itself. */

/* ioctl_ns(2): the kind is looked at before anything is started. */
static int ctr__parent_open_namespace(ctr__start *s, const ctr__step *step) {
  enum { CTR__NS_GET_NSTYPE = 0xb703 };
  int fd = ctr__open(AT_FDCWD, ctr__plan_str(s->plan, step->str[0]),
                     O_RDONLY | O_NONBLOCK | O_NOCTTY, 0); /* a fifo or a terminal: not for us */
  if (fd < 0) return fd;
  s->launch.namespaces[step->num[1]] = fd;
  int type = ioctl(fd, CTR__NS_GET_NSTYPE);
  if (type < 0 || (uint64_t)type != step->num[0]) return -EINVAL;
  struct stat joined, own;
  const char *own_path = ctr__plan_str(s->plan, step->str[1]);
  if (!own_path) return 0;
  if (fstat(fd, &joined) < 0 || stat(own_path, &own) < 0) return -errno;
  return joined.st_ino == own.st_ino && joined.st_dev == own.st_dev ? -EXDEV : 0;
}

/* The sync channel is made at the last moment: a thread of the caller that forks meanwhile keeps
   the child's end open until it ends or executes, and so long an execve of ours is not to be
   seen. */
static int ctr__open_channel(ctr__start *s) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
  s->launch.parent_sock = s->sock = ctr__fd_high(pair[0]);
  s->launch.sock = ctr__fd_high(pair[1]);
  return s->sock < 0 ? s->sock : s->launch.sock < 0 ? s->launch.sock : 0;
}

/* run is what the child does. */
static int ctr__clone_into(ctr__start *s, const ctr__step *step,
                           void (*run)(const ctr__launch *launch), pid_t *ret_pid, int *ret_pidfd) {
  const char *born_in = ctr__plan_str(s->plan, step->str[0]);
  CTR__AUTO_CLOSE cgroup = born_in ? ctr__cgroup_open_path(born_in) : -1;
  if (born_in && cgroup < 0) return cgroup;
  int pidfd = -1, r = ctr__open_channel(s);
  if (r < 0) return r;
  pid_t pid = ctr__clone_blocked(step->num[0], step->num[1], cgroup, &pidfd);
  if (pid == 0) run(&s->launch);
  /* Only the child holds its end from now on: when it ends, we are told. */
  ctr__close(&s->launch.sock);
  if (pid < 0) return pid;
  *ret_pid = pid;
  *ret_pidfd = pidfd; /* in any case: a failure from here on ends the child by it */
  int high = pidfd > 2 ? pidfd : (int)ctr__ret(fcntl(pidfd, F_DUPFD_CLOEXEC, 3));
  if (high < 0) return high;
  if (high != pidfd) close(pidfd);
  *ret_pidfd = high;
  return 0;
}

static int ctr__parent_clone(ctr__start *s, const ctr__step *step) {
  return ctr__clone_into(s, step, ctr__child_main, &s->process->pid, &s->process->pidfd);
}

static int ctr__parent_stage(ctr__start *s, const ctr__step *step) {
  return ctr__clone_into(s, step, ctr__stage_main, &s->stage_pid, &s->stage_pidfd);
}

static bool ctr__is_child(int pidfd) {
  siginfo_t info = {0};
  return ctr__waitid(pidfd, &info, WNOHANG | WNOWAIT) == 0;
}

/* As the kernel says it: proc_pid_fdinfo(5), "Pid:"; or -errno. */
static int64_t ctr__pid_of(int pidfd) {
  char path[64], text[512];
  *ctr__put_int(ctr__put_str(path, "/proc/self/fdinfo/"), pidfd) = '\0';
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  ssize_t len = fd < 0 ? fd : ctr__ret(read(fd, text, sizeof text - 1));
  if (len < 0) return len;
  text[len] = '\0';
  const char *at = strstr(text, "\nPid:");
  return at ? strtoll(at + 5, NULL, 10) : -ESRCH;
}

/* libcontainer's execSetns: the real process is a child of ours, the one that made it is done. */
static ctr_code ctr__parent_adopt(ctr__start *s, const ctr__step *step) {
  ctr__message message;
  int pidfd = -1;
  ctr_code code = ctr__expect(s, CTR__MSG_PID, &message, &pidfd);
  (void)step;
  if (code) return code;
  const int64_t pid = ctr__pid_of(pidfd);
  if (!ctr__is_child(pidfd) || pid != message.value) {
    ctr__close(&pidfd);
    if (pid < 0 && pid != -ESRCH)
      return ctr__fail(s->err, CTR_E_SYS, (int)-pid, NULL, "look at the process");
    return ctr__fail(s->err, CTR_E_PROTOCOL, 0, NULL, "what is to be adopted is no child");
  }
  s->process->pid = (pid_t)message.value;
  s->process->pidfd = pidfd;
  ctr__kill_and_reap(&s->stage_pidfd); /* it has said what it is there for */
  s->stage_pid = 0;
  return CTR_OK;
}

/* The caller's end of the terminal goes to who was named for it, or stays with the handle. */
static ctr_code ctr__parent_take_console(ctr__start *s, const ctr__step *step) {
  ctr__message message;
  int console = -1;
  ctr_code code = ctr__expect(s, CTR__MSG_CONSOLE, &message, &console);
  (void)step;
  if (code) return code;
  s->process->console = console;
  if (s->console_sock < 0) return CTR_OK;
  int r = ctr__hand_over(s->console_sock, console, "/dev/ptmx");
  ctr__close(&s->process->console);
  return r < 0
             ? ctr__fail(s->err, CTR_E_SYS, -r, "process.terminal",
                         "send the terminal to the socket %.200s", s->process->desc.console_socket)
             : CTR_OK;
}

/* Tells who listens what the process is and gives it the descriptor; the connection is for that
   alone. */
static ctr_code ctr__tell_listener(int sock, int fd, const char *path, const char *text,
                                   ctr_err *err) {
  int r = text ? ctr__hand_over(sock, fd, text) : -ENOMEM;
  if (r == -ENOMEM) return ctr__nomem(err);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, "linux.seccomp.listenerPath",
                           "send what calls are notified by to the socket %.200s", path)
               : CTR_OK;
}

static ctr_code ctr__parent_take_listener(ctr__start *s, const ctr__step *step) {
  ctr__message message;
  CTR__AUTO_CLOSE listener = -1;
  ctr_code code = ctr__expect(s, CTR__MSG_LISTENER, &message, &listener);
  if (code) return code;
  const int64_t pid = s->process->pid, first = step->num[1] ? (int64_t)step->num[1] : pid;
  const char *text = ctr__listener_text(&s->arena, ctr__plan_str(s->plan, step->str[1]),
                                        (ctr_status)step->num[0], first, pid);
  code = ctr__tell_listener(s->listener_sock, listener, ctr__plan_str(s->plan, step->str[0]), text,
                            s->err);
  ctr__close(&s->listener_sock);
  return code ? code : ctr__answer(s, CTR__MSG_RUN);
}

static ctr_code ctr__parent_keep_listener(ctr__start *s, const ctr__step *step) {
  ctr__message message;
  ctr_code code = ctr__expect(s, CTR__MSG_LISTENER, &message, &s->process->listener);
  (void)step;
  return code ? code : ctr__answer(s, CTR__MSG_RUN);
}

static ctr_code ctr__parent_record(ctr__start *s, const ctr__step *step) {
  const ctr__attachment *attachment = &s->process->attachment;
  (void)step;
  return attachment->record(attachment->userdata, s->plan, s->process, s->err);
}

/* That its start time is that of the container's first process shows that the pid has not been
   given to another since; it is what the pidfd then stands for. */
static int ctr__parent_open_init(ctr__start *s, const ctr__step *step) {
  pid_t pid = (pid_t)step->num[0];
  ctr__proc_stat stat;
  s->launch.init_pidfd = ctr__fd_high((int)CTR__CALL(CTR__SYS_pidfd_open, pid, 0));
  if (s->launch.init_pidfd < 0) return s->launch.init_pidfd;
  int r = ctr__read_proc_stat(pid, &stat);
  if (r < 0) return r;
  struct pollfd end = {.fd = s->launch.init_pidfd, .events = POLLIN};
  return stat.start_time == step->num[1] && ctr__poll_now(&end, 1) == 0 ? 0 : -ESRCH;
}

/* Opened by the pid, of which OPEN_INIT then sees that it is still that process's. */
static int ctr__parent_open_owner(ctr__start *s, const ctr__step *step) {
  int fd = ctr__owner_of_mounts((pid_t)step->num[0]);
  if (fd >= 0) s->launch.namespaces[0] = fd;
  return fd < 0 ? fd : 0;
}

static int ctr__parent_make_cgroup(ctr__start *s, const ctr__step *step) {
  const ctr__cgroup cgroup = {ctr__plan_str(s->plan, step->str[0]),
                              ctr__plan_str(s->plan, step->str[1]), step->num[0]};
  int r = ctr__cgroup_make(&cgroup);
  const char *controllers = ctr__plan_str(s->plan, step->str[2]);
  return r < 0 || !*controllers
             ? r
             : ctr__cgroup_enable(cgroup.path, (size_t)step->num[1], controllers);
}

static ctr_code ctr__parent_device_list(ctr__start *s, const ctr__step *step) {
  const ctr__cgroup cgroup = {.path = ctr__plan_str(s->plan, step->str[0])};
  const ctr__dev_list list = {step->num[0], ctr__plan_str(s->plan, step->str[1])};
  return ctr__devices_set_list(&cgroup, &list, ctr__plan_str(s->plan, step->field), s->err);
}

static ctr_code ctr__parent_device_program(ctr__start *s, const ctr__step *step) {
  const ctr__cgroup cgroup = {.path = ctr__plan_str(s->plan, step->str[0])};
  const union {
    const void *plan;
    ctr__bpf_insn *items;
  } code = {ctr__plan_data(s->plan, step->str[1])};
  const ctr__dev_program program = {code.items, (uint32_t)step->num[0]};
  return ctr__devices_set_program(&cgroup, &program, ctr__plan_str(s->plan, step->field), s->err);
}

static int ctr__parent_enter_cgroup(ctr__start *s, const ctr__step *step) {
  const ctr__cgroup cgroup = {.path = ctr__plan_str(s->plan, step->str[0])};
  return ctr__cgroup_enter(&cgroup, s->process->pid);
}

/* Writes to /proc/PID/name of the child, which is still ours alone. */
static int ctr__write_child_proc(ctr__start *s, const char *name, const ctr__step *step) {
  char path[64];
  *ctr__put_str(ctr__put_str(ctr__put_int(path, s->process->pid), "/"), name) = '\0';
  CTR__AUTO_CLOSE proc = ctr__open_proc();
  const char *text = ctr__plan_str(s->plan, step->str[0]);
  return proc < 0 ? proc : ctr__write_proc(proc, path, text, strlen(text));
}

static int ctr__parent_setgroups(ctr__start *s, const ctr__step *step) {
  return ctr__write_child_proc(s, "setgroups", step);
}

static int ctr__parent_uid_map(ctr__start *s, const ctr__step *step) {
  return ctr__write_child_proc(s, "uid_map", step);
}

static int ctr__parent_gid_map(ctr__start *s, const ctr__step *step) {
  return ctr__write_child_proc(s, "gid_map", step);
}

static bool ctr__map_is_written(const ctr__start *s, enum ctr__id_kind kind) {
  char path[64], byte;
  ctr__proc_path(path, s->process->pid, strrchr(ctr__id_sources[kind].map, '/'));
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  return fd >= 0 && read(fd, &byte, 1) == 1;
}

/* newuidmap(1) knows the process by its pid: not yet reaped, that is the child's own. How it ended
   is lost on a caller that ignores SIGCHLD: then the map tells. */
static int ctr__run_map_helper(ctr__start *s, const ctr__step *step, enum ctr__reason *ret_reason,
                               int64_t *ret_detail) {
  char pid[24];
  CTR__AUTO_CLOSE null = ctr__open(AT_FDCWD, "/dev/null", O_RDONLY, 0);
  if (null < 0) return null;
  *ctr__put_int(pid, s->process->pid) = '\0';
  s->launch.program_argv[step->num[2]][1] = pid;
  ctr__program_run helper = {.path = ctr__plan_str(s->plan, step->str[0]),
                             .argv = s->launch.program_argv[step->num[2]],
                             .envp = s->launch.program_envp[step->num[2]],
                             .umask = -1,
                             .input = null,
                             .note = s->launch.shared->note};
  int r = ctr__program_execute(&helper);
  *ret_reason = helper.reason;
  *ret_detail = helper.detail;
  return r == -ECHILD && ctr__map_is_written(s, (enum ctr__id_kind)step->num[0]) ? 0 : r;
}

/* What an id inside is outside, as the map of the process says it to us; or -errno. */
static int64_t ctr__id_outside(ctr__start *s, const char *file, uint64_t id) {
  char path[64];
  ctr_id_mappings map;
  uint32_t outside;
  ctr__proc_path(path, s->process->pid, file);
  int r = ctr__read_map(&s->arena, path, &map);
  if (r < 0) return r;
  /* As chown(2) says it of ids that are not mapped. */
  return ctr__id_mapped(map, (uint32_t)id, &outside) ? (int64_t)outside : -EINVAL;
}

static int ctr__parent_own_pipes(ctr__start *s, const ctr__step *step) {
  const ctr_io *io = &s->process->io;
  if (s->process->desc.stdio != CTR_STDIO_PIPES) return 0;
  int64_t uid = ctr__id_outside(s, "/uid_map", step->num[0]);
  int64_t gid = ctr__id_outside(s, "/gid_map", step->num[1]);
  if (uid < 0 || gid < 0) return (int)(uid < 0 ? uid : gid);
  for (int i = 0; i < 3; i++)
    if (fchown(io->child[i], (uid_t)uid, (gid_t)gid) < 0) return -errno;
  return 0;
}

static int ctr__parent_oom_score_adj(ctr__start *s, const ctr__step *step) {
  return ctr__write_child_proc(s, "oom_score_adj", step);
}

static int ctr__parent_scheduler(ctr__start *s, const ctr__step *step) {
  return ctr__sched_setattr(s->process->pid, ctr__plan_data(s->plan, step->str[1]));
}

static int ctr__parent_io_priority(ctr__start *s, const ctr__step *step) {
  return ctr__ioprio_set(s->process->pid, step->num[0], step->num[1]);
}

/* The soft limit stays for the child's own step: a low one would get in its way until then. */
static int ctr__parent_raise_rlimit(ctr__start *s, const ctr__step *step) {
  struct ctr__rlimit limit;
  int type = (int)step->num[0];
  int r = (int)CTR__CALL(SYS_prlimit64, s->process->pid, type, NULL, &limit);
  limit.hard = step->num[2];
  return r < 0 ? r : (int)CTR__CALL(SYS_prlimit64, s->process->pid, type, &limit, NULL);
}

/* Programs of the host: what they say when they fail is part of the error. */
static ctr_code ctr__parent_program(ctr__start *s, uint32_t index) {
  const ctr__step *step = ctr__plan_step(s->plan, index);
  enum ctr__reason reason = CTR__WHY_NONE;
  int64_t detail = 0;
  int r = step->kind == CTR__STEP_HOOK
              ? ctr__run_hook(&s->launch, step, s->process->pid, -1, &reason, &detail)
              : ctr__run_map_helper(s, step, &reason, &detail);
  const ctr__message report = {.type = CTR__MSG_ERROR,
                               .step = index,
                               .error = -r,
                               .reason = (uint32_t)reason,
                               .value = detail};
  return r < 0 ? ctr__step_failed(s->plan, &report, s->launch.shared->note, s->err) : CTR_OK;
}

typedef int ctr__parent_fn(ctr__start *s, const ctr__step *step);

static ctr__parent_fn *const ctr__parent_steps[CTR__STEP_COUNT] = {
    [CTR__STEP_OPEN_NAMESPACE] = ctr__parent_open_namespace,
    [CTR__STEP_OPEN_INIT] = ctr__parent_open_init,
    [CTR__STEP_OPEN_OWNER] = ctr__parent_open_owner,
    [CTR__STEP_STAGE] = ctr__parent_stage,
    [CTR__STEP_MAKE_CGROUP] = ctr__parent_make_cgroup,
    [CTR__STEP_ENTER_CGROUP] = ctr__parent_enter_cgroup,
    [CTR__STEP_CLONE] = ctr__parent_clone,
    [CTR__STEP_SETGROUPS_FILE] = ctr__parent_setgroups,
    [CTR__STEP_UID_MAP] = ctr__parent_uid_map,
    [CTR__STEP_GID_MAP] = ctr__parent_gid_map,
    [CTR__STEP_OOM_SCORE_ADJ] = ctr__parent_oom_score_adj,
    [CTR__STEP_SCHEDULER] = ctr__parent_scheduler,
    [CTR__STEP_IO_PRIORITY] = ctr__parent_io_priority,
    [CTR__STEP_RAISE_RLIMIT] = ctr__parent_raise_rlimit,
    [CTR__STEP_OWN_PIPES] = ctr__parent_own_pipes,
    [CTR__STEP_MAKE_IDMAP] = ctr__parent_make_idmap,
};

/* Steps that wait for a message or call somebody, and know their error best. */
typedef ctr_code ctr__parent_talk(ctr__start *s, const ctr__step *step);

static ctr__parent_talk *const ctr__parent_talks[CTR__STEP_COUNT] = {
    [CTR__STEP_ADOPT] = ctr__parent_adopt,
    [CTR__STEP_TAKE_CONSOLE] = ctr__parent_take_console,
    [CTR__STEP_TAKE_LISTENER] = ctr__parent_take_listener,
    [CTR__STEP_KEEP_LISTENER] = ctr__parent_keep_listener,
    [CTR__STEP_DEVICE_LIST] = ctr__parent_device_list,
    [CTR__STEP_DEVICE_PROGRAM] = ctr__parent_device_program,
    [CTR__STEP_RECORD_CGROUPS] = ctr__parent_record,
    [CTR__STEP_RECORD] = ctr__parent_record,
};

/* All that stand together: which goes before which is the kernel's to say. */
static ctr_code ctr__parent_limits(ctr__start *s, uint32_t *index) {
  uint32_t first = *index, failed = 0, count = ctr__limits_at(s->plan, first);
  *index += count - 1;
  const ctr__setting *all = ctr__settings_of(s->plan, first, count, &s->arena);
  int r = all ? ctr__settings_write(all, count, &s->arena, &failed) : -ENOMEM;
  if (r == -ENOMEM) return ctr__nomem(s->err);
  const ctr__message report = {.type = CTR__MSG_ERROR, .step = first + failed, .error = -r};
  return r < 0 ? ctr__step_failed(s->plan, &report, NULL, s->err) : CTR_OK;
}

/* Moves *index to the last step that it has done. */
static ctr_code ctr__parent_do(ctr__start *s, uint32_t *at) {
  const uint32_t index = *at;
  const ctr__step *step = ctr__plan_step(s->plan, index);
  if (step->kind == CTR__STEP_LIMIT) return ctr__parent_limits(s, at);
  if (step->kind == CTR__STEP_HOOK || step->kind == CTR__STEP_MAP_HELPER)
    return ctr__parent_program(s, index);
  if (ctr__parent_talks[step->kind]) return ctr__parent_talks[step->kind](s, step);
  ctr__parent_fn *run = ctr__parent_steps[step->kind];
  int r = run ? run(s, step) : -ENOSYS;
  const ctr__message report = {.type = CTR__MSG_ERROR, .step = index, .error = -r};
  return r < 0 ? ctr__step_failed(s->plan, &report, NULL, s->err) : CTR_OK;
}

/* Who asked for a pidfd gets it as soon as there is one. */
static ctr_code ctr__hand_out_pidfd(ctr__start *s) {
  if (s->pidfd_sock < 0 || s->process->pidfd < 0) return CTR_OK;
  const char *name = s->launch.init_pidfd < 0 ? "standard" : "setns"; /* libcontainer's two kinds */
  int r = ctr__hand_over(s->pidfd_sock, s->process->pidfd, name);
  ctr__close(&s->pidfd_sock);
  return r < 0 ? ctr__fail(s->err, CTR_E_SYS, -r, NULL, "send a pidfd to the socket %.200s",
                           s->process->desc.pidfd_socket)
               : CTR_OK;
}

/* Ends when the program has been executed, or with a process that waits to be started. */
static ctr_code ctr__parent_walk(ctr__start *s) {
  for (uint32_t i = 0; i < s->plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(s->plan, i);
    ctr_code code = CTR_OK;
    if (step->kind == CTR__STEP_WAIT_START) return CTR_OK;
    if (step->lane == CTR__LANE_BOTH) code = ctr__parent_sync(s, step);
    if (step->lane == CTR__LANE_PARENT) code = ctr__parent_do(s, &i);
    if (!code) code = ctr__hand_out_pidfd(s);
    if (code) return code;
  }
  ctr__message message;
  return ctr__expect(s, 0, &message, NULL);
}

/* ==== [SECTION] parent/start.c ================================================================ */
/* A start from the caller's side: walks its lane of the plan beside the child. */

/* -- before and after -- */

/* A list of the plan as execve wants it: pointers into the plan, NULL at the end. */
static char **ctr__pointers(ctr__start *s, ctr__ref list) {
  uint32_t count = ctr__list_count(s->plan, list);
  const char **items = ctr__arena_array(&s->arena, (size_t)count + 1, sizeof *items);
  for (uint32_t i = 0; items && i < count; i++) items[i] = ctr__list_str(s->plan, list, i);
  return (char **)(void *)items;
}

/* The step that is done by this start, if there is one: who starts a created container later does
   what follows then. */
static const ctr__step *ctr__step_of(const ctr_plan *plan, enum ctr__kind kind) {
  for (uint32_t i = 0; i < plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    if (step->kind == kind) return step;
    if (step->kind == CTR__STEP_WAIT_START) return NULL;
  }
  return NULL;
}

static bool ctr__has_terminal(const ctr_plan *plan) {
  return ctr__step_of(plan, CTR__STEP_CONSOLE);
}

static ctr_code ctr__prepare_extra(ctr__start *s) {
  const ctr_process_desc *desc = &s->process->desc;
  s->launch.extra = desc->extra_fds;
  s->launch.extra_count = (int)desc->extra_fd_count;
  s->launch.function = desc->function;
  s->launch.function_data = desc->function_data;
  s->launch.environment = &environ;
  for (size_t i = 0; i < desc->extra_fd_count; i++)
    if (desc->extra_fds[i] != -1 && fcntl(desc->extra_fds[i], F_GETFD) < 0)
      return ctr__fail(s->err, CTR_E_ARG, errno, NULL,
                       "descriptor %d, which is to be %zu inside, cannot be passed on",
                       desc->extra_fds[i], 3 + i);
  return CTR_OK;
}

/* Connected first of all: a socket that is not there is no reason to start anything. */
static ctr_code ctr__prepare_sockets(ctr__start *s) {
  const ctr_process_desc *desc = &s->process->desc;
  const ctr__step *listener = ctr__step_of(s->plan, CTR__STEP_TAKE_LISTENER);
  const struct {
    const char *path, *name, *field;
    int *sock;
  } all[] = {{desc->console_socket, "console", NULL, &s->console_sock},
             {desc->pidfd_socket, "pidfd", NULL, &s->pidfd_sock},
             {listener ? ctr__plan_str(s->plan, listener->str[0]) : NULL, "listener's",
              "linux.seccomp.listenerPath", &s->listener_sock}};
  for (size_t i = 0; i < 3; i++) {
    if (!all[i].path) continue;
    *all[i].sock = ctr__connect(AT_FDCWD, all[i].path, SOCK_STREAM);
    if (*all[i].sock < 0)
      return ctr__fail(s->err, CTR_E_SYS, -*all[i].sock, all[i].field,
                       "connect to the %s socket %.300s", all[i].name, all[i].path);
  }
  return CTR_OK;
}

/* Here: in a namespace that the process joins, somebody may have put something else there. */
static int ctr__prepare_null(ctr__start *s) {
  if (s->null >= 0) return 0;
  CTR__AUTO_CLOSE null = ctr__open(AT_FDCWD, "/dev/null", O_RDWR, 0);
  if (null < 0) return null;
  if (!ctr__is_null_device(null)) return -ENODEV;
  s->null = ctr__steal_fd(&null);
  return 0;
}

static ctr_code ctr__prepare_stdio(ctr__start *s) {
  ctr_process *p = s->process;
  const bool terminal = ctr__has_terminal(s->plan);
  if (p->desc.stdio == CTR_STDIO_PIPES) {
    ctr_code code = ctr_io_init(s->plan->io_uid, s->plan->io_gid, &p->io, s->err);
    if (code) return code;
  }
  for (int i = 0; i < 3; i++) {
    int fd = p->desc.stdio == CTR_STDIO_PIPES ? p->io.child[i]
             : p->desc.stdio == CTR_STDIO_FDS ? p->desc.fds[i]
             : terminal                       ? -1
             : fcntl(i, F_GETFD) >= 0         ? i
                                              : -1;
    char path[32];
    struct stat st;
    /* A directory, or a mere place (O_PATH), would be a way into the host's files. */
    if (fd >= 0 && (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode) || (fcntl(fd, F_GETFL) & O_PATH)))
      return ctr__fail(s->err, CTR_E_ARG, 0, NULL,
                       "descriptor %d is no stream: it is closed, a directory or O_PATH", fd);
    int r = fd < 0 ? ctr__prepare_null(s) : 0;
    if (r < 0 && !terminal) /* which takes their place */
      return ctr__fail(s->err, CTR_E_SYS, -r, NULL,
                       "open /dev/null for a stream that is not given");
    ctr__fd_path(path, fd);
    s->launch.stdio[i] = fd < 0 ? s->null : fd;
    p->external[i] = terminal ? "/dev/console"
                     : fd < 0 ? "/dev/null"
                              : ctr__fd_name(&p->arena, path);
    if (!p->external[i]) return ctr__nomem(s->err);
  }
  return CTR_OK;
}

/* Where CONCEAL finds what it is for; who shows none has none to conceal. */
static ctr_code ctr__prepare_concealed(ctr__start *s) {
  ctr__proc_stat stat;
  if (!ctr__step_of(s->plan, CTR__STEP_CONCEAL)) return CTR_OK;
  int r = ctr__read_proc_stat(0, &stat);
  if (r < 0) return ctr__fail(s->err, CTR_E_SYS, -r, NULL, "read /proc/self/stat");
  const uint64_t *const ranges[2] = {stat.args, stat.env};
  for (int i = 0; i < 2; i++) {
    if (!ranges[i][0] || ranges[i][1] <= ranges[i][0]) continue;
    s->launch.concealed[i].start = (char *)(uintptr_t)ranges[i][0];
    s->launch.concealed[i].size = (size_t)(ranges[i][1] - ranges[i][0]);
  }
  return CTR_OK;
}

/* Of every hook and helper: execve wants pointers, which a plan does not have. */
static ctr_code ctr__prepare_programs(ctr__start *s) {
  char ***argv = ctr__arena_array(&s->arena, CTR__PLAN_MAX_PROGRAMS, 2 * sizeof *argv);
  if (!argv) return ctr__nomem(s->err);
  s->launch.program_argv = argv;
  s->launch.program_envp = argv + CTR__PLAN_MAX_PROGRAMS;
  for (uint32_t i = 0; i < s->plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(s->plan, i);
    if (step->kind != CTR__STEP_HOOK && step->kind != CTR__STEP_MAP_HELPER) continue;
    char **args = ctr__pointers(s, step->str[1]), **env = ctr__pointers(s, step->str[2]);
    if (!args || !env) return ctr__nomem(s->err);
    s->launch.program_argv[step->num[2]] = args;
    s->launch.program_envp[step->num[2]] = env;
  }
  return CTR_OK;
}

/* Mounts that later steps mean, or do not mean, are to be known again. */
static ctr_code ctr__prepare_mounted(ctr__start *s) {
  const uint32_t count = s->plan->step_count;
  for (uint32_t i = 0; i < count; i++) {
    const ctr__step *step = ctr__plan_step(s->plan, i);
    const uint64_t meant = step->num[CTR__NUM_MEANT];
    if (!ctr__changes_mount(step->kind) || meant == CTR__MEANT_ANY) continue;
    if (!s->launch.mounted)
      s->launch.mounted = ctr__arena_array(&s->arena, count, sizeof *s->launch.mounted);
    if (!s->launch.mounted) return ctr__nomem(s->err);
    if (meant != CTR__MEANT_NONE) s->launch.mounted[meant - CTR__MEANT_FIRST].is_meant = true;
    for (uint32_t k = 0; k < count && meant == CTR__MEANT_NONE; k++)
      s->launch.mounted[k].is_meant = true;
  }
  return CTR_OK;
}

static ctr_code ctr__prepare_idmaps(ctr__start *s) {
  for (uint32_t i = 0; i < s->plan->step_count; i++)
    s->idmap_count += ctr__plan_step(s->plan, i)->kind == CTR__STEP_MAKE_IDMAP;
  s->idmaps = ctr__arena_array(&s->arena, s->idmap_count, sizeof *s->idmaps);
  if (!s->idmaps) return s->idmap_count = 0, ctr__nomem(s->err);
  for (uint32_t i = 0; i < s->idmap_count; i++) s->idmaps[i] = -1;
  return CTR_OK;
}

static ctr_code ctr__prepare_shared(ctr__start *s) {
  void *shared =
      mmap(NULL, sizeof(ctr__shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED)
    return ctr__fail(s->err, CTR_E_SYS, errno, NULL, "share a page with the process");
  s->launch.shared = shared;
  return CTR_OK;
}

static ctr_code ctr__prepare(ctr__start *s) {
  s->launch.argv = ctr__pointers(s, s->plan->argv);
  s->launch.envp = ctr__pointers(s, s->plan->envp);
  if (!s->launch.argv || !s->launch.envp) return ctr__nomem(s->err);
  ctr_code code = ctr__prepare_programs(s);
  if (!code) code = ctr__prepare_concealed(s);
  if (!code) code = ctr__prepare_mounted(s);
  if (!code) code = ctr__prepare_idmaps(s);
  if (!code) code = ctr__prepare_shared(s);
  if (!code) code = ctr__prepare_sockets(s);
  if (!code) code = ctr__prepare_extra(s);
  return code ? code : ctr__prepare_stdio(s);
}

/* The intermediate process ended between cloning the real one and telling us. That is our child and
   not reaped: its pid is still its own. Others can write to the page where it is named: it is a
   child of ours that has executed nothing and is not older than what has cloned it, or nobody. */
static int ctr__unreported_child(const ctr__start *s, uint64_t since) {
  ctr__proc_stat stat;
  const pid_t pid = s->launch.shared ? s->launch.shared->pid : 0;
  CTR__AUTO_CLOSE pidfd = pid > 0 ? ctr__fd_high((int)CTR__CALL(CTR__SYS_pidfd_open, pid, 0)) : -1;
  if (pidfd < 0 || !ctr__is_child(pidfd)) return -1;
  /* Where procfs hides it (proc(5), hidepid) that it is a child of ours is all there is to know. */
  if (ctr__read_proc_stat(pid, &stat) < 0) return ctr__steal_fd(&pidfd);
  const bool is_young = (stat.flags & CTR__PF_FORKNOEXEC) && stat.start_time >= since;
  return is_young ? ctr__steal_fd(&pidfd) : -1;
}

/* When the intermediate process began, in ticks; 0 if it is not known. */
static uint64_t ctr__stage_start(const ctr__start *s) {
  ctr__proc_stat stat;
  return s->stage_pidfd >= 0 && ctr__read_proc_stat(s->stage_pid, &stat) == 0 ? stat.start_time : 0;
}

/* Lets go of what only the start needed; after a failure, of everything. */
static void ctr__start_finish(ctr__start *s, bool failed) {
  ctr_process *p = s->process;
  ctr__close(&s->sock);
  ctr__close(&s->launch.sock);
  ctr__close(&s->launch.init_pidfd);
  ctr__close(&s->console_sock);
  ctr__close(&s->null);
  ctr__close(&s->pidfd_sock);
  ctr__close(&s->listener_sock);
  for (int i = 0; i < CTR__PLAN_MAX_NAMESPACES; i++) ctr__close(&s->launch.namespaces[i]);
  for (uint32_t i = 0; i < s->idmap_count; i++) ctr__close(&s->idmaps[i]);
  for (int i = 0; i < 3; i++) ctr__close(&p->io.child[i]);
  const uint64_t since = failed ? ctr__stage_start(s) : 0;
  ctr__kill_and_reap(&s->stage_pidfd);
  if (failed) {
    if (p->pidfd < 0) p->pidfd = ctr__unreported_child(s, since);
    ctr__kill_and_reap(&p->pidfd);
    if (s->launch.shared) ctr__undo(s->plan, s->launch.shared);
    ctr_io_close(&p->io);
    ctr__close(&p->console);
    ctr__close(&p->listener);
    p->pid = -1;
  }
  if (s->launch.shared) munmap(s->launch.shared, sizeof *s->launch.shared);
  ctr_arena_free(&s->arena);
}

static ctr__start ctr__start_of(ctr_process *process, ctr_err *err) {
  ctr__start s = {.process = process,
                  .plan = process->plan,
                  .sock = -1,
                  .stage_pidfd = -1,
                  .console_sock = -1,
                  .null = -1,
                  .pidfd_sock = -1,
                  .listener_sock = -1,
                  .launch = {.plan = process->plan,
                             .sock = -1,
                             .start_sock = process->attachment.start_sock,
                             .init_pidfd = -1},
                  .err = err};
  for (int i = 0; i < CTR__PLAN_MAX_NAMESPACES; i++) s.launch.namespaces[i] = -1;
  return s;
}

/* Runs a plan that has nothing but hooks, about the process of a handle. */
static ctr_code ctr__run_hook_plan(const ctr_plan *plan, pid_t pid, ctr_err *err) {
  ctr_process about = {.plan = plan, .pid = pid, .pidfd = -1, .attachment = {.start_sock = -1}};
  ctr__start s = ctr__start_of(&about, err);
  ctr_code code = ctr__prepare_programs(&s);
  if (!code) code = ctr__prepare_shared(&s);
  for (uint32_t i = 0; i < plan->step_count && !code; i++) code = ctr__parent_program(&s, i);
  if (s.launch.shared) munmap(s.launch.shared, sizeof *s.launch.shared);
  ctr_arena_free(&s.arena);
  return code;
}

ctr_code ctr_process_start(ctr_process *process, ctr_err *err) {
  ctr__err_clear(err);
  if (!process) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a process is needed");
  if (process->state != CTR__NEW || !process->plan)
    return ctr__fail(err, CTR_E_STATE, 0, NULL, "a process can be started once");
  ctr__start s = ctr__start_of(process, err);
  process->plan = NULL;
  ctr_code code = ctr__prepare(&s);
  if (!code) code = ctr__parent_walk(&s);
  ctr__start_finish(&s, code != CTR_OK);
  process->state = code ? CTR__ENDED : CTR__RUNNING;
  return code;
}

/* ==== [SECTION] parent/process.c ============================================================== */
/* The handle: the eight things libcontainer's parentProcess can do, and running it all at once. */

/* What a caller can get wrong in a description. */
static const char *ctr__wrong_desc(const ctr_plan *plan, const ctr_process_desc *desc) {
  bool moments = false, calls = false;
  for (uint32_t i = 0; i < plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    moments |= step->kind == CTR__STEP_SYNC && step->num[1];
    calls |= step->kind == CTR__STEP_CALL;
  }
  const bool terminal = ctr__has_terminal(plan);
  if (terminal && desc->stdio != CTR_STDIO_INHERIT)
    return "process.terminal and stdio exclude each other";
  if (!terminal && desc->console_socket)
    return "console_socket would never get a terminal: process.terminal is not set";
  if (desc->extra_fd_count > CTR__EXTRA_MAX || (desc->extra_fd_count && !desc->extra_fds))
    return "extra_fds has more than 256 descriptors, or a number of them and no list";
  if (desc->on_moment && !moments)
    return "on_moment would never be called: the plan has no moments";
  if (calls != (desc->function != NULL)) return "function and the plan's call_function go together";
  if ((unsigned)desc->stdio > CTR_STDIO_FDS) return "stdio is none of ctr_stdio";
  for (int i = 0; i < 3 && desc->stdio == CTR_STDIO_FDS; i++)
    if (desc->fds[i] < -1) return "fds has a negative number other than -1";
  return NULL;
}

/* The handle of no process yet. */
static ctr_process *ctr__process_blank(ctr_err *err) {
  ctr_process *p = CTR_MALLOC(sizeof *p);
  if (!p) return ctr__nomem(err), NULL;
  *p = (ctr_process){.pid = -1,
                     .pidfd = -1,
                     .console = -1,
                     .listener = -1,
                     .attachment = {.start_sock = -1},
                     .io = {{-1, -1, -1}, {-1, -1, -1}},
                     .external = {"", "", ""}};
  return p;
}

ctr_code ctr_process_new(const ctr_plan *plan, const ctr_process_desc *desc,
                         ctr_process **ret_process, ctr_err *err) {
  ctr__err_clear(err);
  if (!plan || !ret_process)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "plan and ret_process are needed");
  static const ctr_process_desc defaults = {0};
  const char *wrong = ctr__wrong_desc(plan, desc ? desc : &defaults);
  if (wrong) return ctr__fail(err, CTR_E_ARG, 0, NULL, "%s", wrong);
  ctr_process *p = ctr__process_blank(err);
  if (!p) return CTR_E_NOMEM;
  p->plan = plan;
  p->desc = desc ? *desc : defaults;
  *ret_process = p;
  return CTR_OK;
}

pid_t ctr_process_pid(const ctr_process *process) {
  return process->state == CTR__ENDED ? -1 : process->pid;
}

int ctr_process_pidfd(const ctr_process *process) {
  return process->pidfd;
}

int ctr_process_console(const ctr_process *process) {
  return process->console;
}

int ctr_process_listener(const ctr_process *process) {
  return process->listener;
}

ctr_io *ctr_process_io(ctr_process *process) {
  return &process->io;
}

ctr_code ctr_process_start_time(const ctr_process *process, uint64_t *ret_ticks, ctr_err *err) {
  ctr__err_clear(err);
  if (process->state == CTR__ENDED || process->pid < 0)
    return ctr__fail(err, CTR_E_STATE, 0, NULL, "the process is not running");
  ctr__proc_stat stat;
  int r = ctr__read_proc_stat(process->pid, &stat);
  if (r < 0) return ctr__fail(err, CTR_E_SYS, -r, NULL, "read /proc/%d/stat", (int)process->pid);
  *ret_ticks = stat.start_time;
  return CTR_OK;
}

ctr_code ctr_process_signal(ctr_process *process, int signal, ctr_err *err) {
  ctr__err_clear(err);
  int r = process->state == CTR__ENDED || process->pidfd < 0
              ? -ESRCH
              : ctr__pidfd_signal(process->pidfd, signal);
  if (r == -ESRCH) return ctr__fail(err, CTR_E_STATE, ESRCH, NULL, "the process is not running");
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "send signal %d", signal) : CTR_OK;
}

ctr_code ctr_process_wait(ctr_process *process, ctr_exit *ret_exit, ctr_err *err) {
  ctr__err_clear(err);
  if (process->pidfd < 0) return ctr__fail(err, CTR_E_STATE, 0, NULL, "the process is not started");
  if (process->state == CTR__RUNNING) {
    struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
    while (poll(&end, 1, -1) < 0 && errno == EINTR) continue; /* it may be nobody's child here */
    int r = ctr__reap(process->pidfd, &process->status);
    if (r < 0)
      return ctr__fail(err, CTR_E_SYS, -r, NULL, "wait for process %d%s", (int)process->pid,
                       r == -ECHILD ? ", which is not the caller's child or was waited for before"
                                    : "");
    process->state = CTR__ENDED;
  }
  if (ret_exit) *ret_exit = process->status;
  return CTR_OK;
}

ctr_code ctr_process_terminate(ctr_process *process, ctr_err *err) {
  ctr_code code = ctr_process_signal(process, SIGKILL, err);
  if (code && code != CTR_E_STATE) return code;
  return ctr_process_wait(process, NULL, err);
}

void ctr_process_external_fds(const ctr_process *process, const char *ret_names[3]) {
  memcpy(ret_names, process->external, sizeof process->external);
}

ctr_code ctr_process_set_external_fds(ctr_process *process, const char *const names[3],
                                      ctr_err *err) {
  ctr__err_clear(err);
  const char *copies[3];
  for (int i = 0; i < 3; i++) {
    copies[i] = ctr__arena_strdup(&process->arena, names[i]);
    if (!copies[i]) return ctr__nomem(err);
  }
  memcpy(process->external, copies, sizeof copies);
  return CTR_OK;
}

void ctr_process_free(ctr_process *process) {
  if (!process) return;
  ctr__close(&process->pidfd);
  ctr__close(&process->console);
  ctr__close(&process->listener);
  ctr_io_close(&process->io);
  ctr_arena_free(&process->arena);
  CTR_FREE(process);
}

int ctr_exit_status(const ctr_exit *status) {
  return status->signal ? 128 + status->signal : status->code;
}

ctr_code ctr_run(const ctr_config *config, const ctr_plan_desc *plan_desc,
                 const ctr_process_desc *process_desc, ctr_exit *ret_exit, ctr_err *err) {
  ctr_plan *plan = NULL;
  ctr_process *process = NULL;
  if (process_desc && process_desc->stdio == CTR_STDIO_PIPES)
    return ctr__fail(err, CTR_E_ARG, 0, NULL,
                     "nobody could feed and drain the pipes: use ctr_process_start");
  ctr_code code = ctr_plan_new(config, plan_desc, &plan, err);
  if (!code && ctr__has_terminal(plan) && !(process_desc && process_desc->console_socket))
    code = ctr__fail(err, CTR_E_ARG, 0, "process.terminal",
                     "nobody could serve the terminal: use ctr_process_start, or a console_socket");
  if (!code && ctr__step_of(plan, CTR__STEP_KEEP_LISTENER))
    code = ctr__fail(err, CTR_E_ARG, 0, "linux.seccomp.syscalls",
                     "nobody could answer for SCMP_ACT_NOTIFY: use ctr_process_start");
  if (!code) code = ctr_process_new(plan, process_desc, &process, err);
  if (!code) code = ctr_process_start(process, err);
  if (!code) code = ctr_process_wait(process, ret_exit, err);
  ctr_process_free(process);
  ctr_plan_free(plan);
  return code;
}

/* ==== [SECTION] parent/update.c =============================================================== */
/* Changing the limits of a container that is there: all of them, or none. */

/* The first of the plan's limits; they stand together. */
static uint32_t ctr__first_limit(const ctr_plan *plan) {
  uint32_t first = 0;
  while (first < plan->step_count && ctr__plan_step(plan, first)->kind != CTR__STEP_LIMIT) first++;
  return first;
}

static ctr_code ctr__run_steps(ctr__start *s, uint32_t from, uint32_t to) {
  ctr_code code = CTR_OK;
  for (uint32_t i = from; i < to && !code; i++) code = ctr__parent_do(s, &i);
  return code;
}

/* What the files have is read before any of them is written, and when all controllers are there. */
static ctr_code ctr__run_update_plan(const ctr_plan *plan, ctr_err *err) {
  ctr_process about = {.plan = plan, .pid = -1, .pidfd = -1, .attachment = {.start_sock = -1}};
  ctr__start s = ctr__start_of(&about, err);
  const uint32_t first = ctr__first_limit(plan), count = ctr__limits_at(plan, first);
  const ctr__setting *all = ctr__settings_of(plan, first, count, &s.arena);
  ctr__setting *before = NULL;
  ctr_code code = all ? ctr__run_steps(&s, 0, first) : ctr__nomem(err);
  int r = code ? 0 : ctr__settings_now(all, count, &s.arena, &before);
  if (r < 0) code = ctr__fail(err, CTR_E_SYS, -r, "linux.resources", "read what holds now");
  if (!code) {
    code = ctr__run_steps(&s, first, plan->step_count);
    if (code && !ctr__settings_restore(all, before, count, &s.arena) && err)
      ctr__err_add(err, "; and what was changed before could not be put back");
  }
  ctr_arena_free(&s.arena);
  return code;
}

/* ==== [SECTION] parent/seal.c ================================================================= */
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

ctr_code ctr_seal_program(char **argv, bool always, ctr_err *err) {
  ctr__facts facts = {.program = CTR__PROGRAM_WRITABLE};
  ctr__err_clear(err);
  if (!argv || !argv[0]) return ctr__fail(err, CTR_E_ARG, 0, NULL, "argv is needed");
  if (!always && ctr__can_hide_program()) return CTR_OK;
  ctr__gather_program(&facts);
  return facts.program == CTR__PROGRAM_SAFE ? CTR_OK : ctr__execute_copy(argv, err);
}

/* ==== [SECTION] container/store.c ============================================================= */
/* What is kept of a container: a directory below the state root that only its owner can enter, with
     state.json   written to another name and renamed, so that it is whole or not there
     creating     as long as it is being made: the socket its first process will wait at, or a file
     start        that socket, once there is somebody who waits
     starting     the same while it is being started
     notify/      what the container sees of sd_notify(3): our socket
   The directory is locked (flock(2)) around every change; looking needs no lock. */

typedef struct ctr__stored {
  const char *id, *bundle, *rootfs, *created;
  uint32_t owner;
  int64_t pid;        /* of its first process, as its maker saw it; 0: there is none yet */
  uint64_t startTime; /* of that, clock ticks since boot            */
  const ctr__cgroup *cgroups;
  size_t cgroup_count;
  ctr_pairs namespacePaths;
  ctr_strs externalDescriptors;
  const char *notifySocket; /* the service manager's; NULL: none */
  ctr_config config;
} ctr__stored;

CTR__TYPE(ctr__cgroup, CTR__FIELD(ctr__cgroup, path, STR, CTR__MUST),
          CTR__FIELD(ctr__cgroup, controllers, STR, CTR__MUST),
          CTR__FIELD(ctr__cgroup, v2, BOOL, CTR__PLAIN));

CTR__TYPE(ctr__stored, CTR__FIELD(ctr__stored, id, STR, CTR__MUST),
          CTR__FIELD(ctr__stored, bundle, STR, CTR__MUST),
          CTR__FIELD(ctr__stored, rootfs, STR, CTR__PLAIN),
          CTR__FIELD(ctr__stored, created, STR, CTR__MUST),
          CTR__FIELD(ctr__stored, owner, U32, CTR__MUST),
          CTR__FIELD(ctr__stored, pid, I64, .min = 0, .max = INT32_MAX, CTR__MUST),
          CTR__FIELD(ctr__stored, startTime, U64, CTR__MUST),
          CTR__FIELD(ctr__stored, cgroups, LIST, CTR__OF(ctr__cgroup)),
          CTR__FIELD(ctr__stored, namespacePaths, PAIRS, CTR__PLAIN),
          CTR__FIELD(ctr__stored, externalDescriptors, STRS, CTR__PLAIN),
          CTR__FIELD(ctr__stored, notifySocket, STR, CTR__PLAIN),
          CTR__FIELD(ctr__stored, config, OBJECT, CTR__OF(ctr_config), CTR__MUST));

#define CTR__STATE_FILE     "state.json"
#define CTR__STATE_FILE_NEW "state.json.new"
#define CTR__CREATING       "creating"
#define CTR__START          "start"
#define CTR__STARTING       "starting"

/* -- ids -- */

static ctr_code ctr__check_id(const char *id, ctr_err *err) {
  static const char allowed[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-";
  if (!id) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a container id is needed");
  size_t len = strlen(id);
  if (len && len <= 1024 && strspn(id, allowed) == len && strcmp(id, ".") != 0 &&
      strcmp(id, "..") != 0)
    return CTR_OK;
  return ctr__fail(err, CTR_E_ARG, 0, NULL,
                   "\"%.64s\" is no container id: 1 to 1024 characters of A-Z a-z 0-9 _ + . -, and "
                   "not \".\" or \"..\"",
                   id);
}

/* -- the state root -- */

static ctr_code ctr__root_path(const char *root, char path[PATH_MAX], ctr_err *err) {
  const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
  bool of_machine = geteuid() == 0 && ctr__in_initial_userns();
  const char *base = of_machine ? "/run" : runtime_dir && *runtime_dir ? runtime_dir : NULL;
  if (!root && !base)
    return ctr__fail(err, CTR_E_ARG, 0, NULL,
                     "no directory for the state of containers: XDG_RUNTIME_DIR is not set, and no "
                     "root is given");
  int len = snprintf(path, PATH_MAX, "%s%s", root ? root : base, root ? "" : "/ctr");
  if (len <= 0 || len >= PATH_MAX)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "the root directory is no usable path");
  while (len > 1 && path[len - 1] == '/') path[--len] = '\0';
  return CTR_OK;
}

/* mkdir -p, for its owner alone. */
static int ctr__make_path(char *path) {
  for (char *at = path + 1; *at; at++) {
    if (*at != '/') continue;
    *at = '\0';
    int r = (int)ctr__ret(mkdir(path, 0700));
    *at = '/';
    if (r < 0 && r != -EEXIST && access(path, F_OK) < 0) return r;
  }
  int r = (int)ctr__ret(mkdir(path, 0700));
  return r == -EEXIST ? 0 : r;
}

/* Opens it; what others could have put there is not to be believed. */
static ctr_code ctr__open_root(const char *root, bool make, int *ret_fd, ctr_err *err) {
  char path[PATH_MAX];
  struct stat st;
  ctr_code code = ctr__root_path(root, path, err);
  if (code) return code;
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (fd == -ENOENT && make) {
    int r = ctr__make_path(path);
    fd = r < 0 ? r : ctr__open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  }
  if (fd >= 0 && fstat(fd, &st) < 0) return ctr__fail(err, CTR_E_SYS, errno, NULL, "%s", path);
  if (fd >= 0 && (st.st_uid != geteuid() || (st.st_mode & 022)))
    return ctr__fail(err, CTR_E_SYS, EPERM, NULL,
                     "%.300s cannot hold the state of containers: it is not the caller's own, or "
                     "others may write to it",
                     path);
  if (fd == -ENOENT)
    return ctr__fail(err, CTR_E_NOT_FOUND, 0, NULL, "there is no container: %.300s is not there",
                     path);
  if (fd < 0)
    return ctr__fail(err, CTR_E_SYS, -fd, NULL, "open the root directory %.300s%s", path,
                     fd == -ENOTDIR || fd == -ELOOP ? " (a link is not followed)" : "");
  *ret_fd = ctr__steal_fd(&fd);
  return CTR_OK;
}

/* -- reading and writing -- */

/* A foreign file is not to make us touch a directory that is no cgroup of a container. */
static bool ctr__stored_is_sane(const ctr__stored *stored, const char *id) {
  bool sane = !strcmp(stored->id, id) && *stored->bundle == '/' && stored->config.process.cwd;
  for (size_t i = 0; i < stored->cgroup_count; i++) {
    const char *path = stored->cgroups[i].path;
    sane &= *path == '/' && !ctr__has_dots(path);
  }
  return sane;
}

/* A whole file of at most 16 MiB. */
static int ctr__read_file(ctr_arena *arena, int dir, const char *name, char **ret_text,
                          size_t *ret_len) {
  CTR__AUTO_CLOSE fd = ctr__open(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
  struct stat st;
  if (fd < 0) return fd;
  if (fstat(fd, &st) < 0) return -errno;
  if (!S_ISREG(st.st_mode) || st.st_size > 1 << 24) return -EINVAL;
  char *text = ctr_arena_alloc(arena, (size_t)st.st_size + 1);
  if (!text) return -ENOMEM;
  ssize_t n = 0;
  for (size_t len = 0; len < (size_t)st.st_size; len += (size_t)n) {
    n = read(fd, text + len, (size_t)st.st_size - len);
    if (n < 0) return -errno;
    if (n == 0) return -EIO;
  }
  *ret_text = text;
  *ret_len = (size_t)st.st_size;
  return 0;
}

static ctr_code ctr__never_finished(const char *id, ctr_err *err) {
  return ctr__fail(err, CTR_E_CORRUPT, 0, NULL,
                   "container \"%.128s\" was never finished being made: delete it with force", id);
}

/* Reads state.json. */
static ctr_code ctr__load(ctr_arena *arena, int dir, const char *id, ctr__stored **ret_stored,
                          ctr_err *err) {
  char *text = NULL;
  size_t len = 0;
  ctr_json *value = NULL;
  ctr_err why = {0};
  ctr__stored *stored = ctr_arena_alloc(arena, sizeof *stored);
  if (!stored) return ctr__nomem(err);
  int r = ctr__read_file(arena, dir, CTR__STATE_FILE, &text, &len);
  if (r == -ENOMEM) return ctr__nomem(err);
  if (r == -ENOENT) return ctr__never_finished(id, err);
  if (r == -EMFILE || r == -ENFILE) /* says nothing about it */
    return ctr__fail(err, CTR_E_SYS, -r, NULL, "read the state of container \"%.128s\"", id);
  if (r < 0)
    return ctr__fail(err, CTR_E_CORRUPT, -r, NULL,
                     "the state of container \"%.128s\" cannot be read: delete it with force", id);
  ctr__config_reader reader = {.arena = arena, .err = &why};
  ctr_code code = ctr_json_parse(arena, text, len, NULL, &value, &why);
  if (!code) code = ctr__read_object(&reader, NULL, value, &ctr__type_of_ctr__stored, stored);
  if (code == CTR_E_NOMEM) return ctr__nomem(err);
  if (code || !ctr__stored_is_sane(stored, id))
    return ctr__fail(
        err, CTR_E_CORRUPT, 0, NULL,
        "the state of container \"%.128s\" cannot be read: delete it with force: %.200s", id,
        code ? why.msg : "it is not that container's");
  *ret_stored = stored;
  return CTR_OK;
}

/* Writes it beside the one that is there. */
static ctr_code ctr__write_state(ctr_arena *arena, int dir, const ctr__stored *stored,
                                 ctr_err *err) {
  ctr__string text = {.arena = arena};
  ctr_json *value = ctr__write_object(arena, &ctr__type_of_ctr__stored, stored);
  if (!value) return ctr__nomem(err);
  ctr_code code = ctr_json_write(value, CTR_JSON_COMPACT, ctr__string_sink, &text, err);
  if (code) return text.nomem ? ctr__nomem(err) : code;
  CTR__AUTO_CLOSE fd =
      ctr__open(dir, CTR__STATE_FILE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  int r = fd < 0 ? fd : ctr__write_all(fd, text.text, text.len);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "write down the state of container \"%.128s\"",
                           stored->id)
               : CTR_OK;
}

/* And in its place. */
static ctr_code ctr__put_state(int dir, const char *id, ctr_err *err) {
  if (renameat(dir, CTR__STATE_FILE_NEW, dir, CTR__STATE_FILE) == 0) return CTR_OK;
  return ctr__fail(err, CTR_E_SYS, errno, NULL, "write down the state of container \"%.128s\"", id);
}

static ctr_code ctr__save(ctr_arena *arena, int dir, const ctr__stored *stored, ctr_err *err) {
  ctr_code code = ctr__write_state(arena, dir, stored, err);
  return code ? code : ctr__put_state(dir, stored->id, err);
}

/* ==== [SECTION] container/handle.c ============================================================ */
/* The handle: a container's directory, what is written there, its first process. */

struct ctr_container {
  ctr_arena arena;
  const char *id;
  int root, dir;             /* the state root and the container's directory in it */
  const ctr__stored *stored; /* as far as it is known                              */
  ctr_process *process;
  const char *notify_socket; /* while it is being made: the service manager's */
  int notify_sock;           /* where the program says that it is ready; -1: it does not */
  bool locked;               /* by this handle                                     */
  ctr_plan_desc plan_desc;   /* what hooks need of it: bundle, id, log             */
  const ctr_config *config;
};

static ctr_container *ctr__container_new(const char *id, ctr_err *err) {
  ctr_container *c = CTR_MALLOC(sizeof *c);
  if (!c) return ctr__nomem(err), NULL;
  *c = (ctr_container){.root = -1, .dir = -1, .notify_sock = -1};
  c->id = ctr__arena_strdup(&c->arena, id);
  if (c->id) return c;
  ctr_container_free(c);
  return ctr__nomem(err), NULL;
}

void ctr_container_free(ctr_container *container) {
  if (!container) return;
  ctr_process_free(container->process);
  ctr__close(&container->notify_sock);
  ctr__close(&container->dir);
  ctr__close(&container->root);
  ctr_arena_free(&container->arena);
  CTR_FREE(container);
}

void ctr_container_set_log(ctr_container *container, const ctr_log *log) {
  container->plan_desc.log = log ? *log : (ctr_log){NULL, NULL};
}

const ctr_config *ctr_container_config(const ctr_container *container) {
  return container->config;
}

ctr_process *ctr_container_process(ctr_container *container) {
  return container->process;
}

static ctr__cgroups ctr__cgroups_of(const ctr_container *c) {
  return (ctr__cgroups){c->stored ? c->stored->cgroups : NULL,
                        c->stored ? c->stored->cgroup_count : 0};
}

/* -- the lock -- */

enum { CTR__LOCK_MS = 10000 };

/* Nobody holds it for long but a hook that hangs: waiting for that has an end. */
static ctr_code ctr__lock(ctr_container *c, ctr_err *err) {
  ctr__patience patience = {CTR__LOCK_MS, 1};
  struct stat st;
  while (flock(c->dir, LOCK_EX | LOCK_NB) < 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK)
      return ctr__fail(err, CTR_E_SYS, errno, NULL, "lock container \"%.128s\"", c->id);
    if (!ctr__wait_more(&patience, NULL))
      return ctr__fail(err, CTR_E_STATE, 0, NULL,
                       "container \"%.128s\" is busy: something else is being done to it", c->id);
  }
  /* It may have been deleted meanwhile, and a new one made in its place. */
  const int error = fstat(c->dir, &st) < 0 ? errno : 0;
  if (!error && st.st_nlink) return c->locked = true, CTR_OK;
  flock(c->dir, LOCK_UN);
  if (error) return ctr__fail(err, CTR_E_SYS, error, NULL, "lock container \"%.128s\"", c->id);
  return ctr__fail(err, CTR_E_NOT_FOUND, 0, NULL, "container \"%.128s\" does not exist any more",
                   c->id);
}

static void ctr__unlock(ctr_container *c) {
  flock(c->dir, LOCK_UN);
  c->locked = false;
}

/* A lock that another holds shows that whoever makes or changes it is alive. */
static bool ctr__is_locked(const ctr_container *c) {
  if (c->locked) return false;
  CTR__AUTO_CLOSE dir = ctr__open(c->dir, ".", O_RDONLY | O_DIRECTORY, 0);
  return dir >= 0 && flock(dir, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

/* -- finding one -- */

/* A process that has ended and was not waited for has ended. */
static bool ctr__is_running(const ctr_process *process) {
  struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
  return process->state == CTR__RUNNING && process->pidfd >= 0 && ctr__poll_now(&end, 1) == 0;
}

/* A handle on a process that need not be a child of ours: libcontainer's nonChildProcess. A pid
   that is another process's by now, or nobody's, gives one that has ended. */
static ctr_code ctr__process_of(pid_t pid, uint64_t start_time, ctr_process **ret, ctr_err *err) {
  ctr_process *p = ctr__process_blank(err);
  if (!p) return CTR_E_NOMEM;
  p->state = CTR__RUNNING;
  p->pid = pid;
  ctr__proc_stat stat;
  p->pidfd = ctr__fd_high((int)CTR__CALL(CTR__SYS_pidfd_open, pid, 0));
  int r = p->pidfd < 0 ? p->pidfd : ctr__read_proc_stat(pid, &stat);
  /* EINVAL, ENOENT: it is a thread's by now (pidfd_open(2)). What else fails says nothing of it:
     a process may live without a procfs that shows it. */
  const bool ended = p->pidfd < 0 ? r == -ESRCH || r == -EINVAL || r == -ENOENT
                     : r < 0      ? !ctr__is_running(p)
                                  : stat.start_time != start_time;
  if (r < 0 && !ended) {
    ctr_process_free(p);
    return ctr__fail(err, CTR_E_SYS, -r, NULL, "look at process %d", (int)pid);
  }
  if (ended) {
    ctr__close(&p->pidfd);
    p->pidfd = -1;
    p->state = CTR__ENDED;
  }
  *ret = p;
  return CTR_OK;
}

static ctr_code ctr__find(const char *root, const char *id, ctr_container **ret_container,
                          ctr_err *err) {
  ctr_code code = ctr__check_id(id, err);
  if (code) return code;
  ctr_container *c = ctr__container_new(id, err);
  if (!c) return CTR_E_NOMEM;
  code = ctr__open_root(root, false, &c->root, err);
  c->dir = code ? -1 : ctr__open(c->root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (code == CTR_E_NOT_FOUND || c->dir == -ENOENT)
    code = ctr__fail(err, CTR_E_NOT_FOUND, 0, NULL, "container \"%.128s\" does not exist", id);
  else if (!code && c->dir < 0)
    code = ctr__fail(err, CTR_E_SYS, -c->dir, NULL, "open the state of container \"%.128s\"", id);
  if (!code) return *ret_container = c, CTR_OK;
  ctr_container_free(c);
  return code;
}

/* What is written down of it becomes the handle's. */
static ctr_code ctr__know(ctr_container *c, ctr_err *err) {
  ctr__stored *stored = NULL;
  ctr_code code = ctr__load(&c->arena, c->dir, c->id, &stored, err);
  if (code) return code;
  c->stored = stored;
  c->config = &stored->config;
  c->plan_desc.bundle = stored->bundle;
  c->plan_desc.id = c->id;
  if (!stored->pid) return ctr__never_finished(c->id, err);
  return ctr__process_of((pid_t)stored->pid, stored->startTime, &c->process, err);
}

ctr_code ctr_container_open(const char *root, const char *id, ctr_container **ret_container,
                            ctr_err *err) {
  ctr__err_clear(err);
  if (!ret_container) return ctr__fail(err, CTR_E_ARG, 0, NULL, "ret_container is needed");
  ctr_container *c = NULL;
  ctr_code code = ctr__find(root, id, &c, err);
  if (code) return code;
  code = ctr__know(c, err);
  if (!code) return *ret_container = c, CTR_OK;
  ctr_container_free(c);
  return code;
}

/* ==== [SECTION] container/state.c ============================================================= */
/* What state a container is in: seen from its process, its directory, its cgroup; nothing about it
   is written down that could be out of date. */

const char *ctr_status_name(ctr_status status) {
  size_t i = (size_t)status;
  bool known = i && i < sizeof ctr__status_names / sizeof *ctr__status_names;
  return known ? ctr__status_names[i] : "unknown";
}

/* Its maker may have been killed at any point: until execve it is not yet in its root. */
static bool ctr__has_executed(const ctr_process *process) {
  ctr__proc_stat stat;
  return ctr__read_proc_stat(process->pid, &stat) == 0 && !(stat.flags & CTR__PF_FORKNOEXEC);
}

static bool ctr__has_file(const ctr_container *c, const char *name, mode_t *ret_type) {
  struct stat st;
  if (fstatat(c->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return false;
  *ret_type = st.st_mode & S_IFMT;
  return true;
}

/* Who was at starting it is gone: whether the process got to know shows in whether it still
   listens. One that is looked at so goes on waiting. EAGAIN: it listens, and others were here. */
static bool ctr__still_waits(const ctr_container *c) {
  CTR__AUTO_CLOSE sock = ctr__connect(c->dir, CTR__STARTING, SOCK_SEQPACKET | SOCK_NONBLOCK);
  return sock >= 0 || sock == -EAGAIN;
}

/* Of one that is running, as far as its processes go. Returns 0 or -errno when the caller lacks
   what it takes to look; a cgroup that cannot be read for other reasons freezes nobody. */
static int ctr__look_closer(const ctr_container *c, ctr_status *ret_status) {
  bool frozen = false;
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  int r = ctr__cgroups_is_frozen(&cgroups, &frozen);
  *ret_status = frozen ? CTR_STATUS_PAUSED : CTR_STATUS_RUNNING;
  return r == -EMFILE || r == -ENFILE || r == -ENOMEM ? r : 0;
}

static ctr_status ctr__look_into_directory(const ctr_container *c) {
  mode_t type = 0;
  if (!c->process || !ctr__is_running(c->process)) return CTR_STATUS_STOPPED;
  if (ctr__has_file(c, CTR__CREATING, &type))
    return S_ISSOCK(type) || ctr__is_locked(c) || !ctr__has_executed(c->process)
               ? CTR_STATUS_CREATING
               : CTR_STATUS_RUNNING;
  if (ctr__has_file(c, CTR__START, &type)) return CTR_STATUS_CREATED;
  if (ctr__has_file(c, CTR__STARTING, &type) && (ctr__is_locked(c) || ctr__still_waits(c)))
    return CTR_STATUS_CREATED;
  return CTR_STATUS_RUNNING;
}

/* CTR_E_SYS when it cannot be seen, as for want of descriptors. */
static ctr_code ctr__look(const ctr_container *c, ctr_status *ret_status, ctr_err *err) {
  *ret_status = ctr__look_into_directory(c);
  int r = *ret_status == CTR_STATUS_RUNNING ? ctr__look_closer(c, ret_status) : 0;
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "look at container \"%.128s\"", c->id)
               : CTR_OK;
}

ctr_code ctr_container_state(ctr_container *container, ctr_state *ret_state, ctr_err *err) {
  const ctr_container *c = container;
  struct stat st;
  ctr__err_clear(err);
  if (!c || !ret_state)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "container and ret_state are needed");
  if (fstat(c->dir, &st) < 0 || !st.st_nlink)
    return ctr__fail(err, CTR_E_NOT_FOUND, 0, NULL, "container \"%.128s\" does not exist any more",
                     c->id);
  const ctr_config *config = &c->stored->config;
  *ret_state = (ctr_state){.ociVersion = config->ociVersion,
                           .id = c->id,
                           .bundle = c->stored->bundle,
                           .rootfs = c->stored->rootfs,
                           .created = c->stored->created,
                           .owner = c->stored->owner,
                           .annotations = config->annotations};
  ctr_code code = ctr__look(c, &ret_state->status, err);
  if (code) return code;
  if (ret_state->status != CTR_STATUS_STOPPED) ret_state->pid = (pid_t)c->stored->pid;
  return CTR_OK;
}

ctr_code ctr_state_to_json(ctr_arena *arena, const ctr_state *state, ctr_json **ret_value,
                           ctr_err *err) {
  ctr__err_clear(err);
  if (!arena || !state || !ret_value)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, state and ret_value are needed");
  const struct {
    const char *key, *value;
  } texts[] = {{"bundle", state->bundle}, {"rootfs", state->rootfs}, {"created", state->created}};
  ctr_json *object = ctr_json_new(arena, CTR_JSON_OBJECT);
  const char *version = state->ociVersion ? state->ociVersion : CTR_OCI_VERSION;
  const char *status = ctr_status_name(state->status);
  ctr__any_list annotations = {state->annotations.items, state->annotations.count};
  bool ok = ctr_json_add(arena, object, "ociVersion", ctr_json_new_string(arena, version)) &&
            ctr_json_add(arena, object, "id", ctr_json_new_string(arena, state->id)) &&
            ctr_json_add(arena, object, "pid", ctr_json_new_int(arena, state->pid)) &&
            ctr_json_add(arena, object, "status", ctr_json_new_string(arena, status));
  for (size_t i = 0; i < 3 && ok; i++)
    ok = !texts[i].value ||
         ctr_json_add(arena, object, texts[i].key, ctr_json_new_string(arena, texts[i].value));
  if (ok && annotations.count)
    ok = ctr_json_add(arena, object, "annotations", ctr__write_pairs(arena, annotations));
  if (ok) ok = ctr_json_add(arena, object, "owner", ctr_json_new_uint(arena, state->owner));
  if (!ok) return ctr__nomem(err);
  *ret_value = object;
  return CTR_OK;
}

/* ==== [SECTION] container/hooks.c ============================================================= */
/* Hooks that come when the container runs, or is gone (runtime.md "Lifecycle"). */

static ctr_code ctr__run_late_hook(const ctr_container *c, enum ctr__hook_kind kind, size_t index,
                                   ctr_err *err) {
  const ctr__purpose purpose = {.goal = CTR__GOAL_HOOK,
                                .hook_kind = (uint32_t)kind,
                                .hook_index = index};
  static const ctr__facts no_facts;
  ctr_plan *plan = NULL;
  ctr_code code = ctr__plan_compile(c->config, &c->plan_desc, &purpose, &no_facts, &plan, err);
  pid_t pid = kind == CTR__HOOK_POSTSTOP || !c->stored ? 0 : (pid_t)c->stored->pid;
  if (!code) code = ctr__run_hook_plan(plan, pid, err);
  ctr_plan_free(plan);
  return code;
}

/* Step 9, from version 1.3 on: one that fails is the end of the container. */
static ctr_code ctr__run_poststart_hooks(const ctr_container *c, ctr_err *err) {
  ctr_code code = CTR_OK;
  for (size_t i = 0; !code && i < c->config->hooks.poststart.count; i++)
    code = ctr__run_late_hook(c, CTR__HOOK_POSTSTART, i, err);
  return code;
}

/* Step 13: what they do wrong is worth a warning, and the next one has its turn. */
static void ctr__run_poststop_hooks(const ctr_container *c) {
  ctr_err err;
  for (size_t i = 0; i < c->config->hooks.poststop.count; i++)
    if (ctr__run_late_hook(c, CTR__HOOK_POSTSTOP, i, &err))
      ctr__log(&c->plan_desc.log, CTR_LOG_WARNING, err.field, "%s", ctr__err_text(&err));
}

/* ==== [SECTION] container/notify.c ============================================================ */
/* sd_notify(3) for a service that is a container: a socket of ours is shown inside, and that the
   program is ready, and nothing else, is passed on to the service manager. */

#define CTR__NOTIFY_DIR    "notify"
#define CTR__NOTIFY_SOCK   "notify.sock"
#define CTR__NOTIFY_INSIDE "/run/notify"

/* The environment with NOTIFY_SOCKET as it is inside. */
static ctr_strs ctr__notify_env(ctr_arena *arena, ctr_strs env) {
  static const char own[] = "NOTIFY_SOCKET=" CTR__NOTIFY_INSIDE "/" CTR__NOTIFY_SOCK;
  const char **items = ctr__arena_array(arena, env.count + 1, sizeof *items);
  size_t count = 0;
  for (size_t i = 0; items && i < env.count; i++)
    if (strncmp(env.items[i], own, sizeof "NOTIFY_SOCKET=" - 1) != 0) items[count++] = env.items[i];
  if (items) items[count++] = own;
  return (ctr_strs){items, count};
}

/* The config with the directory of the socket mounted, and the program told of it. */
static ctr_code ctr__add_notify(ctr_container *c, const char *root, ctr_err *err) {
  static const char *const options[] = {"bind", "ro", "nosuid", "nodev", "noexec"};
  char path[PATH_MAX], here[PATH_MAX] = ""; /* sources of mounts start from the bundle, root not */
  ctr_code code = ctr__root_path(root, path, err);
  if (code) return code;
  if (*path != '/' && !getcwd(here, sizeof here))
    return ctr__fail(err, CTR_E_SYS, errno, NULL, "find the working directory");
  ctr_config *config = ctr_arena_alloc(&c->arena, sizeof *config);
  ctr_mount *mounts = ctr__arena_array(&c->arena, c->config->mounts.count + 1, sizeof *mounts);
  ctr__string source = {.arena = &c->arena};
  const char *const parts[] = {here, *here ? "/" : "", path, "/", c->id, "/" CTR__NOTIFY_DIR};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    ctr__string_sink(&source, parts[i], strlen(parts[i]));
  if (!config || !mounts || source.nomem) return ctr__nomem(err);
  *config = *c->config;
  if (config->mounts.count)
    memcpy(mounts, config->mounts.items, config->mounts.count * sizeof *mounts);
  mounts[config->mounts.count++] =
      (ctr_mount){.destination = CTR__NOTIFY_INSIDE,
                  .type = "bind",
                  .source = source.text,
                  .options = {options, sizeof options / sizeof *options}};
  config->mounts.items = mounts;
  config->process.env = ctr__notify_env(&c->arena, config->process.env);
  c->config = config;
  return config->process.env.items ? CTR_OK : ctr__nomem(err);
}

static ctr_code ctr__make_notify_dir(const ctr_container *c, ctr_err *err) {
  if (mkdirat(c->dir, CTR__NOTIFY_DIR, 0700) < 0 || fchmodat(c->dir, CTR__NOTIFY_DIR, 0755, 0) < 0)
    return ctr__fail(err, CTR_E_SYS, errno, NULL, "make the directory of the notify socket");
  return CTR_OK;
}

/* The socket belongs to who starts the container, for that is who waits. Whoever the program runs
   as may write to it; only who has the directory can reach it. */
static ctr_code ctr__listen_notify(ctr_container *c, ctr_err *err) {
  CTR__AUTO_CLOSE dir = ctr__open(c->dir, CTR__NOTIFY_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (dir >= 0) unlinkat(dir, CTR__NOTIFY_SOCK, 0); /* of a start that failed */
  CTR__AUTO_CLOSE sock = dir < 0 ? dir : ctr__bind(dir, CTR__NOTIFY_SOCK, SOCK_DGRAM);
  int r = sock < 0 ? sock : (int)ctr__ret(fchmodat(dir, CTR__NOTIFY_SOCK, 0666, 0));
  if (r < 0) return ctr__fail(err, CTR_E_SYS, -r, NULL, "make the notify socket");
  c->notify_sock = ctr__steal_fd(&sock);
  return CTR_OK;
}

int ctr_container_notify_fd(const ctr_container *container) {
  return container->notify_sock;
}

/* Whether a message has the line. */
static bool ctr__has_line(const char *text, const char *line) {
  size_t len = strlen(line);
  for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n')
    if (strcspn(at, "\n") == len && !memcmp(at, line, len)) return true;
  return false;
}

/* An abstract address starts with '@' (unix(7)). */
static ctr_code ctr__pass_ready_on(const ctr_container *c, ctr_err *err) {
  char text[64];
  const char *path = c->stored->notifySocket;
  *ctr__put_str(ctr__put_int(ctr__put_str(text, "MAINPID="), c->stored->pid), "\nREADY=1") = '\0';
  CTR__AUTO_CLOSE sock = *path == '@' ? ctr__connect_abstract(path + 1, SOCK_DGRAM)
                                      : ctr__connect(AT_FDCWD, path, SOCK_DGRAM);
  int r = sock < 0 ? sock : ctr__send_bytes(sock, text, strlen(text));
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "tell %.200s that \"%.128s\" is ready", path,
                           c->id)
               : CTR_OK;
}

ctr_code ctr_container_notify(ctr_container *container, bool *ret_ready, ctr_err *err) {
  char text[4096 + 1];
  ctr__err_clear(err);
  if (!container || !ret_ready)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "container and ret_ready are needed");
  if (container->notify_sock < 0)
    return ctr__fail(err, CTR_E_STATE, 0, NULL, "container \"%.128s\" is not waited for",
                     container->id);
  *ret_ready = false;
  for (;;) {
    ssize_t n = recv(container->notify_sock, text, sizeof text - 1, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return CTR_OK;
    if (n < 0) return ctr__fail(err, CTR_E_SYS, errno, NULL, "read from the notify socket");
    text[n] = '\0';
    if (!ctr__has_line(text, "READY=1")) continue;
    ctr__close(&container->notify_sock);
    *ret_ready = true;
    return ctr__pass_ready_on(container, err);
  }
}

/* ==== [SECTION] container/signal.c ============================================================ */
/* Signals, and standing still. */

static ctr_code ctr__not_running(const ctr_container *c, ctr_err *err) {
  ctr_status status;
  ctr_code code = ctr__look(c, &status, err);
  if (code) return code;
  return ctr__fail(err, CTR_E_STATE, 0, NULL, "container not running: \"%.128s\" is %s", c->id,
                   ctr_status_name(status));
}

static ctr_code ctr__nobody_knows(const ctr_container *c, ctr_err *err) {
  return ctr__fail(err, CTR_E_UNSUPPORTED, 0, NULL,
                   "container \"%.128s\" has no cgroup that would say which processes are its own: "
                   "linux.cgroupsPath asks for one",
                   c->id);
}

/* libcontainer's sharePidns: its first process is not the init of a pid namespace, whose end would
   be the end of all. */
static bool ctr__shares_pids(const ctr_container *c) {
  const ctr_namespace *pids = ctr__namespace_of(c->config, CTR_NS_PID);
  return !pids || pids->path;
}

static ctr_code ctr__signal_all(ctr_container *c, int signal, ctr_err *err) {
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  ctr_arena arena = {0};
  pid_t *pids = NULL;
  size_t count = 0;
  int r = ctr__cgroups_pids(&cgroups, &arena, &pids, &count);
  ctr_arena_free(&arena);
  if (r == -ENOTSUP && signal == SIGKILL && !ctr__shares_pids(c))
    return ctr_process_signal(c->process, signal, err); /* the kernel ends the rest */
  if (r == -ENOTSUP) return ctr__nobody_knows(c, err);
  if (r == 0 && !count) return ctr__not_running(c, err);
  if (r == 0 || r == -E2BIG) r = ctr__cgroups_kill(&cgroups, signal);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL,
                           "send signal %d to all processes of \"%.128s\"", signal, c->id)
               : CTR_OK;
}

ctr_code ctr_container_signal(ctr_container *container, int signal, bool all, ctr_err *err) {
  ctr_container *c = container;
  ctr__err_clear(err);
  if (!c) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a container is needed");
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  if (all || (signal == SIGKILL && ctr__shares_pids(c) && cgroups.count))
    return ctr__signal_all(c, signal, err);
  if (!ctr__is_running(c->process)) return ctr__not_running(c, err);
  /* What the v1 freezer holds does not even die (cgroup-v1 freezer-subsystem). */
  bool frozen = false;
  int r = signal == SIGKILL ? ctr__cgroups_is_frozen(&cgroups, &frozen) : 0;
  if (r < 0) return ctr__fail(err, CTR_E_SYS, -r, NULL, "look at container \"%.128s\"", c->id);
  ctr_code code = ctr_process_signal(c->process, signal, err);
  if (code == CTR_E_STATE) return ctr__not_running(c, err);
  if (!code && frozen) r = ctr__cgroups_thaw_tree(&cgroups);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL,
                           "thaw container \"%.128s\" so that it can end", c->id)
               : code;
}

static ctr_code ctr__set_frozen(ctr_container *c, bool frozen, ctr_err *err) {
  const ctr_status needed = frozen ? CTR_STATUS_RUNNING : CTR_STATUS_PAUSED;
  ctr__err_clear(err);
  if (!c) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a container is needed");
  ctr_code code = ctr__lock(c, err);
  if (code) return code;
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  ctr_status status;
  code = ctr__look(c, &status, err);
  int r = !code && status == needed ? ctr__cgroups_freeze(&cgroups, frozen) : 0;
  ctr__unlock(c);
  if (code) return code;
  if (status != needed)
    return ctr__fail(err, CTR_E_STATE, 0, NULL, "container \"%.128s\" is not %s but %s", c->id,
                     ctr_status_name(needed), ctr_status_name(status));
  if (r == -ENOTSUP)
    return ctr__fail(
        err, CTR_E_UNSUPPORTED, 0, NULL,
        "container \"%.128s\" has no cgroup that can be frozen: linux.cgroupsPath asks for "
        "one",
        c->id);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "%s container \"%.128s\"",
                           frozen ? "freeze" : "thaw", c->id)
               : CTR_OK;
}

ctr_code ctr_container_pause(ctr_container *container, ctr_err *err) {
  return ctr__set_frozen(container, true, err);
}

ctr_code ctr_container_resume(ctr_container *container, ctr_err *err) {
  return ctr__set_frozen(container, false, err);
}

ctr_code ctr_container_pids(ctr_container *container, ctr_arena *arena, pid_t **ret_pids,
                            size_t *ret_count, ctr_err *err) {
  ctr__err_clear(err);
  if (!container || !arena || !ret_pids || !ret_count)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "all parameters are needed");
  const ctr__cgroups cgroups = ctr__cgroups_of(container);
  int r = ctr__cgroups_pids(&cgroups, arena, ret_pids, ret_count);
  if (r == -ENOTSUP) return ctr__nobody_knows(container, err);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "list the processes of \"%.128s\"",
                           container->id)
               : CTR_OK;
}

/* ==== [SECTION] container/delete.c ============================================================ */
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

/* ==== [SECTION] container/create.c ============================================================ */
/* Making a container. The order is that of a kill at any moment: the directory first, then the
   process, which is written down before anything else is made that would outlive it; a process that
   has not got to its end ends by itself when its maker does. */

/* RFC 3339 with nanoseconds, in UTC. */
static const char *ctr__time_text(ctr_arena *arena) {
  struct timespec now;
  struct tm utc;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  char *text = ctr_arena_alloc(arena, 64);
  if (text)
    snprintf(text, 64, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", utc.tm_year + 1900, utc.tm_mon + 1,
             utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, now.tv_nsec);
  return text;
}

/* A path as it is called from anywhere. */
static ctr_code ctr__absolute(ctr_arena *arena, const char *base, const char *path,
                              const char *what, const char **ret, ctr_err *err) {
  char joined[PATH_MAX], real[PATH_MAX];
  bool below = *path != '/' && base;
  int len = snprintf(joined, sizeof joined, "%s%s%s", below ? base : "", below ? "/" : "", path);
  if (len < 0 || len >= (int)sizeof joined)
    return ctr__fail(err, CTR_E_ARG, ENAMETOOLONG, what, "%.200s", path);
  if (!realpath(joined, real)) return ctr__fail(err, CTR_E_SYS, errno, what, "open %.300s", joined);
  *ret = ctr__arena_strdup(arena, real);
  return *ret ? CTR_OK : ctr__nomem(err);
}

/* The cgroups that the plan makes. */
static bool ctr__list_cgroups(ctr_arena *arena, const ctr_plan *plan, ctr__stored *stored) {
  ctr__cgroup *items = ctr__arena_array(arena, plan->step_count, sizeof *items);
  for (uint32_t i = 0; items && i < plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    if (step->kind != CTR__STEP_MAKE_CGROUP) continue;
    const char *path = ctr__arena_strdup(arena, ctr__plan_str(plan, step->str[0]));
    const char *controllers = ctr__arena_strdup(arena, ctr__plan_str(plan, step->str[1]));
    if (!path || !controllers) return false;
    items[stored->cgroup_count++] = (ctr__cgroup){path, controllers, step->num[0]};
  }
  stored->cgroups = items;
  return items;
}

/* Whoever is in a cgroup of ours is killed with the container, and what is frozen never starts: one
   that is there already is to be empty. */
static ctr_code ctr__check_cgroups_unused(const ctr__stored *stored, ctr_err *err) {
  for (size_t i = 0; i < stored->cgroup_count; i++) {
    const ctr__cgroup *g = &stored->cgroups[i];
    const ctr__cgroups one = {g, 1};
    ctr_arena mem = {0};
    ctr__pids pids;
    bool frozen = false;
    int r = ctr__cgroup_pids(g, &mem, &pids);
    ctr_arena_free(&mem);
    if (r >= 0 && !pids.count) r = ctr__cgroups_is_frozen(&one, &frozen);
    if (r < 0) return ctr__fail(err, CTR_E_SYS, -r, "linux.cgroupsPath", "look into %s", g->path);
    if (pids.count || frozen)
      return ctr__fail(err, CTR_E_STATE, 0, "linux.cgroupsPath", "%s is %s", g->path,
                       frozen ? "frozen already"
                              : "not empty: what is in it would end with the container");
  }
  return CTR_OK;
}

/* "pid": "/proc/4711/ns/pid": for those who want to join, as libcontainer writes it. */
static bool ctr__list_namespaces(ctr_arena *arena, ctr__stored *stored) {
  const size_t count = ctr__namespace_names.count;
  ctr_pair *pairs = ctr__arena_array(arena, count, sizeof *pairs);
  for (size_t i = 0; pairs && i < count; i++) {
    const ctr__name *name = &ctr__namespace_names.items[i];
    char *path = ctr_arena_alloc(arena, 64);
    if (!path) return false;
    ctr__put_str(ctr__proc_path(path, stored->pid, "/ns/"),
                 ctr__namespace_file((uint32_t)name->value));
    pairs[i] = (ctr_pair){name->name, path};
  }
  stored->namespacePaths = (ctr_pairs){pairs, pairs ? count : 0};
  return pairs;
}

/* The directory of the host that is the root, if it is one. */
static ctr_code ctr__describe_root(ctr_container *c, const ctr_plan *plan, ctr__stored *stored,
                                   ctr_err *err) {
  const bool is_mount = ctr__root_mount(c->config);
  const char *path = is_mount ? ctr__plan_str(plan, plan->root_dir) : c->config->root.path;
  if (!path) return CTR_OK;
  return ctr__absolute(&c->arena, c->plan_desc.bundle, path, is_mount ? "mounts[0]" : "root.path",
                       &stored->rootfs, err);
}

/* What is known before there is a process. The mounts' data goes unsaid: the table does not know
   it, and no process that comes later makes a mount. */
static ctr_code ctr__describe(ctr_container *c, const ctr_plan *plan, const ctr_process *process,
                              ctr__stored *stored, ctr_err *err) {
  *stored = (ctr__stored){.id = c->id,
                          .bundle = c->plan_desc.bundle,
                          .created = ctr__time_text(&c->arena),
                          .owner = geteuid(),
                          .externalDescriptors = {process->external, 3},
                          .notifySocket = c->notify_socket,
                          .config = *c->config};
  if (!stored->config.ociVersion) stored->config.ociVersion = CTR_OCI_VERSION;
  ctr_code code = ctr__describe_root(c, plan, stored, err);
  if (code) return code;
  if (!stored->created || !ctr__list_cgroups(&c->arena, plan, stored)) return ctr__nomem(err);
  return ctr__check_cgroups_unused(stored, err);
}

/* A process that waits, if there is one already. */
static ctr_code ctr__describe_process(ctr_container *c, const ctr_process *process,
                                      ctr__stored *stored, ctr_err *err) {
  if (process->pid <= 0) return CTR_OK;
  stored->pid = process->pid;
  ctr_code code = ctr_process_start_time(process, &stored->startTime, err);
  if (code) return code;
  return ctr__list_namespaces(&c->arena, stored) ? CTR_OK : ctr__nomem(err);
}

/* Writes down what is known so far. */
static ctr_code ctr__record(void *userdata, const ctr_plan *plan, const ctr_process *process,
                            ctr_err *err) {
  ctr_container *c = userdata;
  ctr__stored *stored = ctr_arena_alloc(&c->arena, sizeof *stored);
  if (!stored) return ctr__nomem(err);
  ctr_code code = CTR_OK;
  if (c->stored)
    *stored = *c->stored;
  else
    code = ctr__describe(c, plan, process, stored, err);
  if (!code) code = ctr__describe_process(c, process, stored, err);
  if (!code) code = ctr__save(&c->arena, c->dir, stored, err);
  /* The caller's config was borrowed: from now on the handle has the copy that is kept. One that
     cannot be read again would be a container that nobody can end. */
  if (!code) code = ctr__load(&c->arena, c->dir, c->id, &stored, err);
  if (code) return code;
  c->stored = stored;
  c->config = &stored->config;
  return CTR_OK;
}

static ctr_code ctr__make_directory(ctr_container *c, const char *root, ctr_err *err) {
  ctr_code code = ctr__open_root(root, true, &c->root, err);
  if (code) return code;
  if (mkdirat(c->root, c->id, 0700) < 0)
    return errno == EEXIST ? ctr__fail(err, CTR_E_EXISTS, 0, NULL,
                                       "a container with the id \"%.128s\" already exists", c->id)
                           : ctr__fail(err, CTR_E_SYS, errno, NULL,
                                       "make the state directory of \"%.128s\"", c->id);
  c->dir = ctr__open(c->root, c->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (c->dir < 0) {
    unlinkat(c->root, c->id, AT_REMOVEDIR);
    return ctr__fail(err, CTR_E_SYS, -c->dir, NULL, "open the state directory");
  }
  code = ctr__lock(c, err);
  mode_t type;
  const bool fresh = !ctr__has_file(c, CTR__STATE_FILE, &type) &&
                     !ctr__has_file(c, CTR__CREATING, &type) &&
                     !ctr__has_file(c, CTR__START, &type);
  if (code || fresh) return code;
  /* Ours was deleted, and who made this one came first to lock it. */
  ctr__unlock(c);
  return ctr__fail(err, CTR_E_EXISTS, 0, NULL, "a container with the id \"%.128s\" already exists",
                   c->id);
}

/* What shows that it is not finished: the socket to wait at, or a file that says so. */
static ctr_code ctr__mark_creating(ctr_container *c, bool waits, int *ret_sock, ctr_err *err) {
  CTR__AUTO_CLOSE fd = waits ? ctr__listen(c->dir, CTR__CREATING, SOCK_SEQPACKET)
                             : ctr__open(c->dir, CTR__CREATING, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0)
    return ctr__fail(err, CTR_E_SYS, -fd, NULL, "make a file in the state directory of \"%.128s\"",
                     c->id);
  *ret_sock = waits ? ctr__steal_fd(&fd) : -1;
  return CTR_OK;
}

static int ctr__mark_created(const ctr_container *c, bool waits) {
  return waits ? (int)ctr__ret(renameat(c->dir, CTR__CREATING, c->dir, CTR__START))
               : (int)ctr__ret(unlinkat(c->dir, CTR__CREATING, 0));
}

/* Brings its first process up, and takes it down again when the last touch fails. */
static ctr_code ctr__start_first(ctr_container *c, const ctr_plan *plan,
                                 const ctr_container_desc *desc, bool waits, ctr_err *err) {
  CTR__AUTO_CLOSE sock = -1;
  ctr_code code = ctr__mark_creating(c, waits, &sock, err);
  if (!code) code = ctr_process_new(plan, &desc->process, &c->process, err);
  if (code) return code;
  c->process->attachment =
      (ctr__attachment){.record = ctr__record, .userdata = c, .start_sock = sock};
  if (c->notify_socket) code = ctr__make_notify_dir(c, err);
  if (!code && c->notify_socket && !waits) code = ctr__listen_notify(c, err);
  if (!code) code = ctr_process_start(c->process, err);
  int r = code ? 0 : ctr__mark_created(c, waits);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "finish making container \"%.128s\"", c->id)
               : code;
}

/* Descriptors that are only there to be closed: taking away what was made needs some, and whoever
   has none left is to find out before anything is made. */
enum { CTR__SPARE_FDS = 8 };

static int ctr__open_spares(const ctr_container *c, int spares[CTR__SPARE_FDS]) {
  int r = 0;
  for (int i = 0; i < CTR__SPARE_FDS; i++) {
    spares[i] = r < 0 ? -1 : (int)ctr__ret(fcntl(c->dir, F_DUPFD_CLOEXEC, 3));
    if (spares[i] < 0 && r == 0) r = spares[i];
  }
  return r;
}

static void ctr__close_spares(int spares[CTR__SPARE_FDS]) {
  for (int i = 0; i < CTR__SPARE_FDS; i++) ctr__close(&spares[i]);
}

/* The directory comes first: of two who want the same id one is told so, whatever else is wrong. */
static ctr_code ctr__make(ctr_container *c, const ctr_container_desc *desc, enum ctr__goal goal,
                          ctr_err *err) {
  const ctr__purpose purpose = {.goal = goal};
  ctr_plan *plan = NULL;
  int spares[CTR__SPARE_FDS];
  ctr_code code = ctr__make_directory(c, desc->root, err);
  int r = code ? (memset(spares, -1, sizeof spares), 0) : ctr__open_spares(c, spares);
  if (r < 0) code = ctr__fail(err, CTR_E_SYS, -r, NULL, "make container \"%.128s\"", c->id);
  if (!code) code = ctr__plan_for(c->config, &c->plan_desc, &purpose, &plan, err);
  if (!code) code = ctr__start_first(c, plan, desc, goal == CTR__GOAL_CREATE, err);
  if (!code && goal == CTR__GOAL_RUN) code = ctr__run_poststart_hooks(c, err);
  ctr__close_spares(spares);
  if (code && c->locked) /* else it is not there, or not ours */
    ctr__destroy(c, c->stored && c->stored->pid, NULL);
  if (c->locked) ctr__unlock(c);
  ctr_plan_free(plan);
  return code;
}

/* A handle of what is still to be made. */
static ctr_code ctr__container_plan(const ctr_config *config, const char *id,
                                    const ctr_container_desc *desc, ctr_container **ret,
                                    ctr_err *err) {
  if (desc->plan.id) return ctr__fail(err, CTR_E_ARG, 0, NULL, "plan.id is to be left NULL");
  ctr_code code = ctr__check_id(id, err);
  ctr_container *c = code ? NULL : ctr__container_new(id, err);
  if (!c) return code ? code : CTR_E_NOMEM;
  c->config = config;
  c->plan_desc = desc->plan;
  c->plan_desc.id = c->id;
  c->notify_socket = desc->notify_socket;
  code = ctr__absolute(&c->arena, NULL, desc->plan.bundle ? desc->plan.bundle : ".", NULL,
                       &c->plan_desc.bundle, err);
  if (!code && c->notify_socket) code = ctr__add_notify(c, desc->root, err);
  if (!code) return *ret = c, CTR_OK;
  ctr_container_free(c);
  return code;
}

static const ctr_container_desc ctr__container_defaults;

static ctr_code ctr__container_make(const ctr_config *config, const char *id,
                                    const ctr_container_desc *desc, enum ctr__goal goal,
                                    ctr_container **ret_container, ctr_err *err) {
  ctr_container *c = NULL;
  ctr__err_clear(err);
  if (!config || !ret_container)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "config and ret_container are needed");
  if (!desc) desc = &ctr__container_defaults;
  ctr_code code = ctr__container_plan(config, id, desc, &c, err);
  if (code) return code;
  code = ctr__make(c, desc, goal, err);
  if (!code) return *ret_container = c, CTR_OK;
  ctr_container_free(c);
  return code;
}

ctr_code ctr_container_explain(const ctr_config *config, const char *id,
                               const ctr_container_desc *desc, ctr_sink sink, void *userdata,
                               ctr_err *err) {
  const ctr__purpose purpose = {.goal = CTR__GOAL_CREATE};
  ctr_container *c = NULL;
  ctr_plan *plan = NULL;
  ctr__err_clear(err);
  if (!config || !sink) return ctr__fail(err, CTR_E_ARG, 0, NULL, "config and sink are needed");
  if (!desc) desc = &ctr__container_defaults;
  ctr_code code = ctr__container_plan(config, id, desc, &c, err);
  if (!code) code = ctr__plan_for(c->config, &c->plan_desc, &purpose, &plan, err);
  if (!code) code = ctr_plan_explain(plan, sink, userdata, err);
  ctr_plan_free(plan);
  ctr_container_free(c);
  return code;
}

ctr_code ctr_container_create(const ctr_config *config, const char *id,
                              const ctr_container_desc *desc, ctr_container **ret_container,
                              ctr_err *err) {
  return ctr__container_make(config, id, desc, CTR__GOAL_CREATE, ret_container, err);
}

ctr_code ctr_container_run(const ctr_config *config, const char *id, const ctr_container_desc *desc,
                           ctr_container **ret_container, ctr_err *err) {
  return ctr__container_make(config, id, desc, CTR__GOAL_RUN, ret_container, err);
}

/* ==== [SECTION] container/start.c ============================================================= */
/* Letting a created container go. */

/* Words of a step that failed inside, whose plan is not at hand: as a plan of that one step. */
static ctr_code ctr__start_failed(const ctr__start_report *report, ctr_err *err) {
  ctr_arena arena = {0};
  ctr__builder b = {.arena = &arena};
  const ctr__new_step from = {.field = report->field, .str = {report->arg}};
  ctr__add_step(&b, CTR__LANE_CHILD, (enum ctr__kind)report->kind, &from);
  ctr_plan *plan = ctr__builder_finish(&b, 0, 0);
  ctr__message message = report->message;
  message.step = 0;
  ctr_code code = plan ? ctr__step_failed(plan, &message, report->note, err) : ctr__nomem(err);
  ctr_plan_free(plan);
  ctr_arena_free(&arena);
  return code;
}

/* The next packet from the process that is started: its size, 0 at the end, or -errno. *ret_fd: as
   with ctr__receive_packet. */
static ssize_t ctr__hear_started(const ctr_container *c, int sock, ctr__start_report *report,
                                 int *ret_fd) {
  *ret_fd = -1;
  const int r = ctr__await_packet(sock, c->process->pidfd, (pid_t)c->stored->pid);
  if (r < 0) return r == -EPIPE ? 0 : r;
  *report = (ctr__start_report){.kind = 0};
  const ssize_t len = ctr__receive_packet(sock, report, sizeof *report, ret_fd);
  return len == 0 && !ctr__hung_up(sock) ? -EPROTO : len; /* an empty packet is no end */
}

/* Steps that are left to be done when it is started: texts of others need more than a report has.
 */
static const bool ctr__left_to_start[CTR__STEP_COUNT] = {
    [CTR__STEP_HOOK] = true,          [CTR__STEP_LANDLOCK] = true,
    [CTR__STEP_LANDLOCK_PATH] = true, [CTR__STEP_LANDLOCK_PORT] = true,
    [CTR__STEP_FILTER] = true,        [CTR__STEP_LANDLOCK_RESTRICT] = true,
    [CTR__STEP_EXEC] = true,          [CTR__STEP_TELL_STARTED] = true,
};

static bool ctr__is_start_report(const ctr__start_report *report, ssize_t len) {
  return len == (ssize_t)sizeof *report && report->kind < CTR__STEP_COUNT &&
         ctr__left_to_start[report->kind] && report->message.error > 0 &&
         report->message.error < 4096;
}

/* What one start is about. */
typedef struct ctr__starting {
  const ctr_container *c;
  int sock, listener_sock;
  const char *listener_path;     /* NULL: nobody is to be notified */
  bool has_started, is_filtered; /* as it has said itself       */
} ctr__starting;

/* Connected before anything is changed: as long as nobody listens, it is not started. */
static ctr_code ctr__connect_listener(ctr__starting *s, ctr_arena *arena, ctr_err *err) {
  static const char field[] = "linux.seccomp.listenerPath";
  const ctr__stored *stored = s->c->stored;
  const ctr_seccomp *profile = &stored->config.linux_.seccomp;
  if (!ctr__seccomp_notifies(profile)) return CTR_OK;
  ctr_code code =
      ctr__absolute(arena, stored->bundle, profile->listenerPath, field, &s->listener_path, err);
  if (code) return code;
  s->listener_sock = ctr__connect(AT_FDCWD, s->listener_path, SOCK_STREAM);
  return s->listener_sock < 0
             ? ctr__fail(err, CTR_E_SYS, -s->listener_sock, field,
                         "connect to the listener's socket %.300s", s->listener_path)
             : CTR_OK;
}

static ctr_code ctr__pass_listener(ctr__starting *s, int fd, ctr_err *err) {
  const ctr__stored *stored = s->c->stored;
  const ctr__message run = {.type = CTR__MSG_RUN};
  ctr_arena arena = {0};
  const char *head = ctr__listener_head(&arena, &stored->config, s->c->id, stored->bundle);
  const char *text =
      head ? ctr__listener_text(&arena, head, CTR_STATUS_CREATED, stored->pid, stored->pid) : NULL;
  ctr_code code = ctr__tell_listener(s->listener_sock, fd, s->listener_path, text, err);
  ctr_arena_free(&arena);
  ctr__close(&s->listener_sock);
  if (!code) ctr__send(s->sock, &run); /* if it has ended meanwhile, that is heard next */
  return code;
}

static ctr_code ctr__serve_starting(ctr__starting *s, const ctr__start_report *report, ssize_t len,
                                    int fd, ctr_err *err) {
  const bool is_message = len == (ssize_t)sizeof report->message;
  const uint32_t type = report->message.type;
  if (is_message && type == CTR__MSG_LISTENER && fd >= 0 && s->listener_sock >= 0)
    return ctr__pass_listener(s, fd, err);
  if (is_message && type == CTR__MSG_STARTED && fd == -1) {
    s->has_started = true;
    s->is_filtered = report->message.value;
    return CTR_OK;
  }
  if (ctr__is_start_report(report, len) && fd == -1) return ctr__start_failed(report, err);
  return ctr__fail(err, CTR_E_PROTOCOL, 0, NULL, "container \"%.128s\" sent what it must not",
                   s->c->id);
}

/* The end of the channel. Of a process that its filter keeps from executing it is no success. */
static ctr_code ctr__starting_ended(const ctr__starting *s, ctr_err *err) {
  const ctr__stored *stored = s->c->stored;
  const bool failed = s->is_filtered && ctr__never_executed((pid_t)stored->pid, stored->startTime);
  return s->has_started && !failed
             ? CTR_OK
             : ctr__fail(err, CTR_E_PROTOCOL, 0, NULL,
                         "container \"%.128s\" ended while it was being started", s->c->id);
}

static ctr_code ctr__await_started(ctr__starting *s, ctr_err *err) {
  ctr__start_report report = {.kind = 0};
  for (;;) {
    CTR__AUTO_CLOSE fd = -1;
    ssize_t len = ctr__hear_started(s->c, s->sock, &report, &fd);
    if (len == -ECANCELED) return ctr__was_stopped(err);
    if (len < 0 && len != -EPROTO)
      return ctr__fail(err, CTR_E_SYS, (int)-len, NULL, "listen to container \"%.128s\"", s->c->id);
    if (len == 0) return ctr__starting_ended(s, err);
    report.field[sizeof report.field - 1] = report.arg[sizeof report.arg - 1] = '\0';
    report.note[sizeof report.note - 1] = '\0';
    ctr_code code = ctr__serve_starting(s, &report, len, fd, err);
    if (code) return code;
  }
}

/* The socket changes its name first: then it shows that somebody was at it, whatever happens to
   us. */
static ctr_code ctr__let_go(ctr__starting *s, ctr_err *err) {
  const ctr_container *c = s->c;
  mode_t type;
  if (!ctr__has_file(c, CTR__STARTING, &type) &&
      renameat(c->dir, CTR__START, c->dir, CTR__STARTING) < 0)
    return ctr__fail(err, CTR_E_SYS, errno, NULL, "start container \"%.128s\"", c->id);
  CTR__AUTO_CLOSE sock = ctr__connect(c->dir, CTR__STARTING, SOCK_SEQPACKET);
  const ctr__message start = {.type = CTR__MSG_START};
  int r = sock < 0 ? sock : ctr__send(sock, &start);
  if (r < 0)
    return ctr__fail(err, CTR_E_STATE, -r, NULL,
                     "container \"%.128s\" does not wait to be started any more", c->id);
  s->sock = sock;
  ctr_code code = ctr__await_started(s, err);
  unlinkat(c->dir, CTR__STARTING, 0);
  return code;
}

/* runtime.md "Lifecycle", steps 7 and 9: a hook that fails is the end of the container. */
static void ctr__end_failed_start(ctr_container *c, const ctr_err *err) {
  ctr__end_processes(c);
  if (!strncmp(err->field, "hooks.", 6)) ctr__destroy(c, true, NULL);
}

static ctr_code ctr__check_created(const ctr_container *c, ctr_err *err) {
  ctr_status status;
  ctr_code code = ctr__look(c, &status, err);
  return code || status == CTR_STATUS_CREATED
             ? code
             : ctr__fail(err, CTR_E_STATE, 0, NULL,
                         "cannot start container \"%.128s\": it is not created but %s", c->id,
                         ctr_status_name(status));
}

static ctr_code ctr__start_created(ctr_container *c, ctr__starting *s, ctr_err *err) {
  ctr_err own = {0};
  ctr_code code = c->stored->notifySocket ? ctr__listen_notify(c, &own) : CTR_OK;
  if (!code) code = ctr__let_go(s, &own);
  if (!code) code = ctr__run_poststart_hooks(c, &own);
  if (code && code != CTR_E_STATE) ctr__end_failed_start(c, &own);
  if (code && err) *err = own;
  return code;
}

ctr_code ctr_container_start(ctr_container *container, ctr_err *err) {
  ctr_container *c = container;
  ctr__err_clear(err);
  if (!c) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a container is needed");
  ctr_code code = ctr__lock(c, err);
  if (code) return code;
  ctr_arena arena = {0};
  ctr__starting s = {.c = c, .sock = -1, .listener_sock = -1};
  code = ctr__check_created(c, err);
  if (!code) code = ctr__connect_listener(&s, &arena, err);
  if (!code) code = ctr__start_created(c, &s, err);
  ctr__close(&s.listener_sock);
  ctr_arena_free(&arena);
  ctr__unlock(c);
  return code;
}

/* ==== [SECTION] container/exec.c ============================================================== */
/* One more process in a container. */

/* Whether processes can be in it: not beside cgroups below it that have controllers (cgroup-v2.rst,
   "No Internal Process Constraint"). */
static bool ctr__takes_processes(const ctr__cgroup *g) {
  char enabled[1024];
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  return dir < 0 || ctr__cgroup_read(dir, "cgroup.subtree_control", enabled, sizeof enabled) <= 1;
}

/* What of the path of a cgroup, as /proc/PID/cgroup has it, is below one that is mounted somewhere:
   after the longest start of it that the other ends with. */
static const char *ctr__below_cgroup(const char *path, const char *mounted) {
  const char *below = NULL;
  const size_t whole = ctr__trimmed(mounted);
  for (size_t len = 1; len <= strlen(path); len++) {
    if (path[len] != '/' && path[len]) continue;
    if (len <= whole && !memcmp(mounted + whole - len, path, len)) below = path + len;
  }
  return below;
}

/* Where below its v2 cgroup the container's first process is: an init such as systemd moves itself
   down, to enable controllers. What it is below of is the container's own, whatever the rest. */
static ctr_code ctr__cgroup_of_init(const ctr_container *c, ctr_arena *arena, const ctr__cgroup *g,
                                    const char **ret, ctr_err *err) {
  char file[64], text[PATH_MAX + 64];
  ctr__proc_path(file, c->stored->pid, "/cgroup");
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, file, O_RDONLY, 0);
  ssize_t n = fd < 0 ? fd : ctr__ret(read(fd, text, sizeof text - 1));
  if (n < 0) return ctr__fail(err, CTR_E_SYS, (int)-n, "linux.cgroupsPath", "read %s", file);
  text[n] = '\0';
  char *line = strstr(text, "0::");
  if (line) line[strcspn(line, "\n")] = '\0';
  const char *below = line ? ctr__below_cgroup(line + 3, g->path) : NULL;
  if (!below) return *ret = g->path, CTR_OK;
  size_t len = ctr__trimmed(g->path);
  char *path = ctr_arena_alloc(arena, len + strlen(below) + 1);
  if (!path) return ctr__nomem(err);
  memcpy(path, g->path, len);
  memcpy(path + len, below, strlen(below) + 1);
  return *ret = path, CTR_OK;
}

/* Where its cgroups are, which a process joins; an ordinary user's container may have none. */
static ctr_code ctr__cgroup_paths(const ctr_container *c, ctr_arena *arena, ctr__purpose *purpose,
                                  ctr_err *err) {
  const ctr__cgroups all = ctr__cgroups_of(c);
  const char **paths = ctr__arena_array(arena, all.count + 1, sizeof *paths);
  if (!paths) return ctr__nomem(err);
  for (size_t i = 0; i < all.count; i++) {
    const ctr__cgroup *g = &all.items[i];
    paths[i] = g->path;
    ctr_code code = g->v2 && !ctr__takes_processes(g)
                        ? ctr__cgroup_of_init(c, arena, g, &paths[i], err)
                        : CTR_OK;
    if (code) return code;
  }
  purpose->cgroups = (ctr_strs){paths, all.count};
  return CTR_OK;
}

static ctr_code ctr__check_can_join(const ctr_container *c, bool ignore_paused, ctr_err *err) {
  ctr_status status;
  ctr_code code = ctr__look(c, &status, err);
  if (code) return code;
  if (status == CTR_STATUS_CREATED || status == CTR_STATUS_RUNNING) return CTR_OK;
  if (status == CTR_STATUS_PAUSED && ignore_paused) return CTR_OK;
  return status == CTR_STATUS_PAUSED
             ? ctr__fail(err, CTR_E_STATE, 0, NULL,
                         "container \"%.128s\" is paused: nothing can be executed in it", c->id)
             : ctr__not_running(c, err);
}

/* Whether the first process is in a user namespace below the one that its mounts belong to: of a
   container with mounts of its own that is the one it was made with. */
static bool ctr__has_inner_userns(const ctr_container *c) {
  const ctr_namespace *mounts = ctr__namespace_of(c->config, CTR_NS_MOUNT);
  char path[64];
  struct stat owner, own;
  if (!mounts || mounts->path) return false;
  CTR__AUTO_CLOSE fd = ctr__owner_of_mounts((pid_t)c->stored->pid);
  ctr__proc_path(path, c->stored->pid, "/ns/user");
  return fd >= 0 && fstat(fd, &owner) == 0 && stat(path, &own) == 0 && owner.st_ino != own.st_ino;
}

static ctr_code ctr__exec_plan(const ctr_container *c, const ctr_process_config *process,
                               const ctr_exec_desc *desc, ctr_plan **ret_plan, ctr_err *err) {
  ctr_arena arena = {0};
  ctr_config config = *c->config;
  config.process = *process;
  ctr__purpose purpose = {.goal = CTR__GOAL_EXEC,
                          .init_pid = (uint64_t)c->stored->pid,
                          .init_start = c->stored->startTime};
  const ctr_plan_desc plan_desc = {.bundle = c->stored->bundle,
                                   .id = c->id,
                                   .no_new_keyring = desc->no_new_keyring,
                                   .die_with_caller = desc->die_with_caller,
                                   .no_new_session = desc->no_new_session,
                                   .inner_userns = ctr__has_inner_userns(c),
                                   .without = desc->without,
                                   .filters = desc->filters,
                                   .filter_count = desc->filter_count,
                                   .log = desc->log};
  ctr_code code = ctr__cgroup_paths(c, &arena, &purpose, err);
  if (!code) code = ctr__plan_for(&config, &plan_desc, &purpose, ret_plan, err);
  ctr_arena_free(&arena);
  return code;
}

ctr_code ctr_container_exec(ctr_container *container, const ctr_process_config *process,
                            const ctr_exec_desc *desc, ctr_process **ret_process, ctr_err *err) {
  static const ctr_exec_desc defaults = {0};
  const ctr_container *c = container;
  ctr_plan *plan = NULL;
  ctr_process *made = NULL;
  ctr__err_clear(err);
  if (!c || !process || !ret_process)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "container, process and ret_process are needed");
  if (!desc) desc = &defaults;
  ctr_code code = ctr__check_can_join(c, desc->ignore_paused, err);
  if (!code) code = ctr__exec_plan(c, process, desc, &plan, err);
  if (!code) code = ctr_process_new(plan, &desc->process, &made, err);
  if (!code) code = ctr_process_start(made, err);
  ctr_plan_free(plan);
  if (code)
    ctr_process_free(made);
  else
    *ret_process = made;
  return code;
}

/* ==== [SECTION] container/update.c ============================================================ */
/* New limits for a container that is there. */

/* What is set in from takes the place of what into has. */
static void ctr__overlay(const ctr__type *type, void *into, const void *from) {
  for (size_t i = 0; i < type->count; i++) {
    const ctr__field *field = &type->fields[i];
    char *to = (char *)into + field->offset;
    const char *at = (const char *)from + field->offset;
    if (!ctr__field_is_set(field, from)) continue;
    if (field->kind == CTR__F_OBJECT)
      ctr__overlay(field->type, to, at);
    else
      memcpy(to, at, ctr__field_size(field));
  }
}

static ctr_code ctr__update_plan(const ctr_container *c, const ctr_config *config,
                                 const ctr_resources *changed, ctr_plan **ret, ctr_err *err) {
  ctr_arena arena = {0};
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  const char **paths = ctr__arena_array(&arena, cgroups.count + 1, sizeof *paths);
  for (size_t i = 0; paths && i < cgroups.count; i++) paths[i] = cgroups.items[i].path;
  const ctr__purpose purpose = {.goal = CTR__GOAL_UPDATE,
                                .cgroups = {paths, cgroups.count},
                                .changed = changed};
  ctr_code code =
      paths ? ctr__plan_for(config, &c->plan_desc, &purpose, ret, err) : ctr__nomem(err);
  ctr_arena_free(&arena);
  return code;
}

/* The state as it will be, beside the one that is, in mem; and the plan that gets there. */
static ctr_code ctr__prepare_update(const ctr_container *c, const ctr_resources *changed,
                                    ctr_arena *mem, ctr_plan **ret_plan, ctr_err *err) {
  ctr__stored *stored = NULL;
  ctr_code code = ctr__load(mem, c->dir, c->id, &stored, err); /* as others left it */
  if (code) return code;
  ctr__overlay(&ctr__type_of_ctr_resources, &stored->config.linux_.resources, changed);
  code = ctr__update_plan(c, &stored->config, changed, ret_plan, err);
  return code ? code : ctr__write_state(mem, c->dir, stored, err);
}

/* Under the lock. When the limits hold, only a rename is left to be done. */
static ctr_code ctr__update(const ctr_container *c, const ctr_resources *changed, ctr_err *err) {
  ctr_status status;
  ctr_arena mem = {0};
  ctr_plan *plan = NULL;
  ctr_code code = ctr__look(c, &status, err);
  if (code) return code;
  if (status == CTR_STATUS_STOPPED) return ctr__not_running(c, err);
  code = ctr__prepare_update(c, changed, &mem, &plan, err);
  if (!code) code = ctr__run_update_plan(plan, err);
  if (!code) code = ctr__put_state(c->dir, c->id, err);
  if (code) unlinkat(c->dir, CTR__STATE_FILE_NEW, 0);
  ctr_plan_free(plan);
  ctr_arena_free(&mem);
  return code;
}

ctr_code ctr_container_update(ctr_container *container, const ctr_resources *resources,
                              ctr_err *err) {
  ctr__err_clear(err);
  if (!container || !resources)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "container and resources are needed");
  ctr_code code = ctr__lock(container, err);
  if (code) return code;
  code = ctr__update(container, resources, err);
  ctr__unlock(container);
  return code;
}

/* ==== [SECTION] container/list.c ============================================================== */
/* All containers of a state root. */

typedef struct ctr__names_found {
  ctr_arena *arena;
  const char **items;
  size_t count, room;
} ctr__names_found;

static int ctr__by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool ctr__add_name(ctr__names_found *names, const char *name) {
  if (names->count == names->room) {
    size_t room = names->room * 2 + 32;
    const char **bigger = ctr__arena_array(names->arena, room, sizeof *bigger);
    if (!bigger) return false;
    if (names->count) memcpy(bigger, names->items, names->count * sizeof *bigger);
    names->items = bigger;
    names->room = room;
  }
  const char *copy = ctr__arena_strdup(names->arena, name);
  if (copy) names->items[names->count++] = copy;
  return copy;
}

/* What is no id is no container. */
static int ctr__read_names(int root, ctr__names_found *names) {
  _Alignas(8) char buf[4096];
  for (;;) {
    long n = CTR__CALL(SYS_getdents64, root, buf, sizeof buf);
    if (n <= 0) return (int)n;
    for (long used = 0; used < n;) {
      const struct ctr__dirent *entry = (const void *)(buf + used);
      used += entry->len;
      if (ctr__check_id(entry->name, NULL)) continue;
      if (!ctr__add_name(names, entry->name)) return -ENOMEM;
    }
  }
}

static int ctr__list_one(const char *root, const char *id,
                         int (*fn)(void *, const ctr_state *, const ctr_err *), void *userdata) {
  ctr_container *c = NULL;
  ctr_state state = {.id = id};
  ctr_err why;
  int r = 0;
  ctr_code code = ctr_container_open(root, id, &c, &why);
  if (!code) code = ctr_container_state(c, &state, &why);
  if (code != CTR_E_NOT_FOUND) r = fn(userdata, &state, code ? &why : NULL);
  ctr_container_free(c);
  return r;
}

ctr_code ctr_container_list(const char *root,
                            int (*fn)(void *userdata, const ctr_state *state, const ctr_err *error),
                            void *userdata, ctr_err *err) {
  ctr_arena arena = {0};
  ctr__names_found names = {.arena = &arena};
  CTR__AUTO_CLOSE dir = -1;
  ctr__err_clear(err);
  if (!fn) return ctr__fail(err, CTR_E_ARG, 0, NULL, "fn is needed");
  ctr_code code = ctr__open_root(root, false, &dir, err);
  if (code == CTR_E_NOT_FOUND) return ctr__err_clear(err), CTR_OK;
  int r = code ? 0 : ctr__read_names(dir, &names);
  if (r < 0) code = ctr__fail(err, CTR_E_SYS, -r, NULL, "list the containers");
  if (!code && names.count) qsort(names.items, names.count, sizeof *names.items, ctr__by_name);
  for (size_t i = 0; i < names.count && !code; i++)
    if (ctr__list_one(root, names.items[i], fn, userdata))
      code = ctr__fail(err, CTR_E_SYS, ECANCELED, NULL, "fn stopped");
  ctr_arena_free(&arena);
  return code;
}

/* ==== [SECTION] container/stats.c ============================================================= */
/* Statistics of a container, as structs and as JSON; and watching it. */

/* -- network interfaces -- */

enum { CTR__INTERFACES_MAX = 1024, CTR__NET_DEV_MAX = 1 << 18 };

/* The columns of proc_pid_net(5), "net/dev", after the name. */
static const struct ctr__net_column {
  unsigned column;
  size_t offset;
} ctr__net_columns[] = {
    {0, offsetof(ctr_interface_stats, rxBytes)},   {1, offsetof(ctr_interface_stats, rxPackets)},
    {2, offsetof(ctr_interface_stats, rxErrors)},  {3, offsetof(ctr_interface_stats, rxDropped)},
    {8, offsetof(ctr_interface_stats, txBytes)},   {9, offsetof(ctr_interface_stats, txPackets)},
    {10, offsetof(ctr_interface_stats, txErrors)}, {11, offsetof(ctr_interface_stats, txDropped)},
};

/* "  eth0: 1 2 3 ...": numbers in columns that may be wide apart. */
static bool ctr__net_dev_line(char *line, ctr_interface_stats *interface) {
  char *colon = strchr(line, ':'), *at = colon ? colon + 1 : line;
  const size_t columns = sizeof ctr__net_columns / sizeof *ctr__net_columns;
  if (!colon) return false;
  *colon = '\0';
  interface->name = line + strspn(line, " ");
  for (unsigned column = 0, next = 0; next < columns; column++) {
    uint64_t value = 0;
    at += strspn(at, " ");
    if (!ctr__stats_number(ctr__next_word(&at), &value)) return false;
    if (column != ctr__net_columns[next].column) continue;
    *(uint64_t *)(void *)((char *)interface + ctr__net_columns[next++].offset) = value;
  }
  return true;
}

/* Of a text in the arena, whose first two lines are a head. */
static ctr_code ctr__net_dev_read(char *text, ctr_arena *arena, ctr_interfaces *interfaces,
                                  ctr_err *err) {
  ctr__stats_line(&text);
  ctr__stats_line(&text);
  size_t count = ctr__stats_lines(text);
  if (count > CTR__INTERFACES_MAX) count = CTR__INTERFACES_MAX;
  ctr_interface_stats *items = ctr__arena_array(arena, count, sizeof *items);
  if (!items) return ctr__nomem(err);
  for (size_t i = 0; i < count; i++)
    if (!ctr__net_dev_line(ctr__stats_line(&text), &items[i]))
      return ctr__fail(err, CTR_E_SYS, EPROTO, NULL, "read the net/dev of the container");
  *interfaces = (ctr_interfaces){items, count};
  return CTR_OK;
}

/* A namespace that is joined by path may be the caller's: which it is the kernel tells those who
   might trace the process (proc_pid_ns(5)); where it does not tell, nothing is claimed. */
static bool ctr__has_own_network(const ctr_container *c) {
  const ctr_namespace *ns = ctr__namespace_of(c->config, CTR_NS_NETWORK);
  char path[64];
  struct stat own, its;
  if (!ns || !ns->path) return ns != NULL;
  ctr__proc_path(path, c->process->pid, "/ns/net");
  return stat(path, &its) == 0 && stat("/proc/self/ns/net", &own) == 0 &&
         (its.st_dev != own.st_dev || its.st_ino != own.st_ino);
}

/* As much as fits, in whole lines: whoever is inside may make any number of interfaces, which is
   not to cost the caller the rest. */
static int ctr__read_net_dev(pid_t pid, char *text, size_t size) {
  char path[64];
  CTR__AUTO_CLOSE proc = ctr__open_proc();
  if (proc < 0) return proc;
  ctr__put_str(ctr__put_int(path, pid), "/net/dev");
  CTR__AUTO_CLOSE fd =
      ctr__openat2(proc, path, O_RDONLY, 0,
                   CTR__RESOLVE_BENEATH | CTR__RESOLVE_NO_XDEV | CTR__RESOLVE_NO_SYMLINKS);
  if (fd < 0) return fd;
  size_t len = 0;
  ssize_t n;
  do {
    n = read(fd, text + len, size - 1 - len);
    if (n > 0) len += (size_t)n;
  } while (n > 0 || (n < 0 && errno == EINTR));
  if (n < 0) return -errno;
  while (len && text[len - 1] != '\n') len--;
  text[len] = '\0';
  return 0;
}

/* The pid is the container's as long as its process has not ended: that is asked afterwards. */
static ctr_code ctr__stats_of_network(const ctr_container *c, ctr_arena *arena,
                                      ctr_interfaces *interfaces, ctr_err *err) {
  if (!ctr__is_running(c->process) || !ctr__has_own_network(c)) return CTR_OK;
  ctr_arena scratch = {0};
  char *read_into = ctr_arena_alloc(&scratch, CTR__NET_DEV_MAX);
  int r = read_into ? ctr__read_net_dev(c->process->pid, read_into, CTR__NET_DEV_MAX) : -ENOMEM;
  char *text = r < 0 ? NULL : ctr__arena_strdup(arena, read_into);
  ctr_arena_free(&scratch);
  /* One that is ending has let go of its namespaces before that can be seen. */
  if (!ctr__is_running(c->process) || r == -ENOENT || r == -ESRCH || r == -EINVAL) return CTR_OK;
  if (text) return ctr__net_dev_read(text, arena, interfaces, err);
  if (r == 0 || r == -ENOMEM) return ctr__nomem(err);
  return ctr__fail(err, CTR_E_SYS, -r, NULL, "read /proc/%d/net/dev", (int)c->process->pid);
}

/* -- all of it -- */

static ctr_code ctr__stats_of_cgroup(const ctr_container *c, const ctr__cgroup *g, ctr_arena *arena,
                                     ctr_stats *stats, ctr_err *err) {
  CTR__AUTO_CLOSE dir = ctr__cgroup_open(g);
  if (dir >= 0)
    return ctr__stats_read(dir, g->v2 ? NULL : g->controllers, g->path, arena, stats, err);
  if (ctr__is_gone(dir) && !ctr__is_running(c->process)) return ctr__not_running(c, err);
  return ctr__fail(err, CTR_E_SYS, -dir, NULL, "open the cgroup %s", g->path);
}

ctr_code ctr_container_stats(ctr_container *container, ctr_arena *arena, ctr_stats *ret_stats,
                             ctr_err *err) {
  const ctr_container *c = container;
  ctr__err_clear(err);
  if (!c || !arena || !ret_stats)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "container, arena and ret_stats are needed");
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  if (!cgroups.count && !ctr__is_running(c->process)) return ctr__not_running(c, err);
  ctr_stats stats = {0};
  ctr_code code = CTR_OK;
  for (size_t i = 0; i < cgroups.count && !code; i++)
    code = ctr__stats_of_cgroup(c, &cgroups.items[i], arena, &stats, err);
  if (!code) code = ctr__stats_of_network(c, arena, &stats.network_interfaces, err);
  if (!code) *ret_stats = stats;
  return code;
}

/* -- watching -- */

static ctr_code ctr__watch_failed(const ctr_container *c, const ctr_watch_desc *desc, int r,
                                  ctr_err *err) {
  static const char *const kinds[] = {[CTR_WATCH_EMPTY] = "for its end",
                                      [CTR_WATCH_OOM] = "for its running out of memory",
                                      [CTR_WATCH_PRESSURE] = "for pressure"};
  static const char *const needs[] = {
      [CTR_WATCH_EMPTY] = "it has no cgroup, or one with processes of other pid namespaces",
      [CTR_WATCH_OOM] = "none of its cgroups has the memory controller",
      [CTR_WATCH_PRESSURE] = "it has no cgroup of v2, or the kernel has no PSI, or switched off"};
  if (ctr__is_gone(r))
    return ctr__fail(err, CTR_E_STATE, 0, NULL,
                     "container not running: \"%.128s\" has no process left in its cgroup", c->id);
  if (r == -ENOMEM) return ctr__nomem(err);
  if (r == -ENOTSUP)
    return ctr__fail(err, CTR_E_UNSUPPORTED, 0, NULL, "cannot watch container \"%.128s\" %s: %s",
                     c->id, kinds[desc->kind], needs[desc->kind]);
  if (r == -EINVAL && desc->kind == CTR_WATCH_PRESSURE)
    return ctr__fail(err, CTR_E_ARG, EINVAL, NULL,
                     "the kernel refuses to tell of a stall of %u us within %u us%s",
                     (unsigned)desc->stall_us, (unsigned)desc->window_us,
                     desc->window_us % 2000000 ? " (not a multiple of 2 seconds)" : "");
  return ctr__fail(err, CTR_E_SYS, -r, NULL, "watch container \"%.128s\" %s", c->id,
                   kinds[desc->kind]);
}

static bool ctr__watch_desc_is_sane(const ctr_watch_desc *desc) {
  if (desc->kind == CTR_WATCH_EMPTY || desc->kind == CTR_WATCH_OOM) return true;
  return desc->kind == CTR_WATCH_PRESSURE && desc->resource >= CTR_RESOURCE_CPU &&
         desc->resource <= CTR_RESOURCE_IO && desc->stall_us && desc->stall_us <= desc->window_us;
}

ctr_code ctr_container_watch(ctr_container *container, const ctr_watch_desc *desc,
                             ctr_watch **ret_watch, ctr_err *err) {
  const ctr_container *c = container;
  ctr__err_clear(err);
  if (!c || !desc || !ret_watch)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "container, desc and ret_watch are needed");
  if (!ctr__watch_desc_is_sane(desc))
    return ctr__fail(err, CTR_E_ARG, 0, NULL,
                     "desc: no such kind or resource, or stall_us is 0 or above window_us");
  if (!ctr__is_running(c->process)) return ctr__not_running(c, err);
  const ctr__cgroups cgroups = ctr__cgroups_of(c);
  int r = ctr__watch_new(&cgroups, desc, ret_watch);
  return r < 0 ? ctr__watch_failed(c, desc, r, err) : CTR_OK;
}

/* -- JSON: opencontainers/runc types/events.go -- */

#define CTR__OR_0 .flags = CTR__ALWAYS

CTR__TYPE(ctr_cpu_usage, CTR__FIELD(ctr_cpu_usage, total, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu_usage, kernel, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpu_usage, user, UINT, CTR__OR_0));

CTR__TYPE(ctr_cpu_throttling, CTR__FIELD(ctr_cpu_throttling, periods, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu_throttling, throttledPeriods, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu_throttling, throttledTime, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu_throttling, burstPeriods, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_cpu_throttling, burstTime, UINT, CTR__PLAIN));

CTR__TYPE(ctr_cpuset_stats, CTR__FIELD(ctr_cpuset_stats, cpus, IDS, CTR__PLAIN),
          CTR__FIELD(ctr_cpuset_stats, cpu_exclusive, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, mems, IDS, CTR__PLAIN),
          CTR__FIELD(ctr_cpuset_stats, mem_hardwall, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, mem_exclusive, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, memory_migrate, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, memory_spread_page, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, memory_spread_slab, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, memory_pressure, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, sched_load_balance, UINT, CTR__OR_0),
          CTR__FIELD(ctr_cpuset_stats, sched_relax_domain_level, INT, CTR__OR_0));

CTR__TYPE(ctr_memory_entry, CTR__FIELD(ctr_memory_entry, limit, UINT, CTR__OR_0),
          CTR__FIELD(ctr_memory_entry, usage, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_entry, max, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_entry, failcnt, UINT, CTR__OR_0));

CTR__TYPE(ctr_memory_events, CTR__FIELD(ctr_memory_events, low, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_events, high, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_events, max, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_events, oom, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_events, oom_kill, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_events, oom_group_kill, UINT, CTR__PLAIN));

CTR__TYPE(ctr_memory_stats, CTR__FIELD(ctr_memory_stats, cache, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_memory_stats, usage, OBJECT, CTR__OF(ctr_memory_entry), CTR__OR_0),
          CTR__FIELD(ctr_memory_stats, swap, OBJECT, CTR__OF(ctr_memory_entry), CTR__OR_0),
          CTR__FIELD(ctr_memory_stats, swapOnly, OBJECT, CTR__OF(ctr_memory_entry)),
          CTR__FIELD(ctr_memory_stats, kernel, OBJECT, CTR__OF(ctr_memory_entry), CTR__OR_0),
          CTR__FIELD(ctr_memory_stats, kernelTCP, OBJECT, CTR__OF(ctr_memory_entry), CTR__OR_0),
          CTR__FIELD(ctr_memory_stats, events, OBJECT, CTR__OF(ctr_memory_events)));

CTR__TYPE(ctr_pids_stats, CTR__FIELD(ctr_pids_stats, current, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_pids_stats, limit, UINT, CTR__PLAIN));

CTR__TYPE(ctr_io_entry, CTR__FIELD_AS(ctr_io_entry, major_, "major", U32, CTR__OR_0),
          CTR__FIELD_AS(ctr_io_entry, minor_, "minor", U32, CTR__OR_0),
          CTR__FIELD(ctr_io_entry, op, STR, CTR__PLAIN),
          CTR__FIELD(ctr_io_entry, value, U64, CTR__OR_0));

#define CTR__IO_LIST(name) CTR__FIELD(ctr_io_stats, name, LIST, CTR__OF(ctr_io_entry))
CTR__TYPE(ctr_io_stats, CTR__IO_LIST(ioServiceBytesRecursive), CTR__IO_LIST(ioServicedRecursive),
          CTR__IO_LIST(ioQueueRecursive), CTR__IO_LIST(ioServiceTimeRecursive),
          CTR__IO_LIST(ioWaitTimeRecursive), CTR__IO_LIST(ioMergedRecursive),
          CTR__IO_LIST(ioTimeRecursive), CTR__IO_LIST(sectorsRecursive));
#undef CTR__IO_LIST

CTR__TYPE(ctr_hugetlb_stats, CTR__FIELD(ctr_hugetlb_stats, usage, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_hugetlb_stats, max, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_hugetlb_stats, failcnt, UINT, CTR__OR_0),
          CTR__FIELD(ctr_hugetlb_stats, limit, UINT, CTR__PLAIN));

CTR__TYPE(ctr_rdma_entry, CTR__FIELD(ctr_rdma_entry, device, STR, CTR__PLAIN),
          CTR__FIELD(ctr_rdma_entry, hca_handles, UINT, CTR__PLAIN),
          CTR__FIELD(ctr_rdma_entry, hca_objects, UINT, CTR__PLAIN));

CTR__TYPE(ctr_rdma_stats, CTR__FIELD(ctr_rdma_stats, limit, LIST, CTR__OF(ctr_rdma_entry)),
          CTR__FIELD(ctr_rdma_stats, current, LIST, CTR__OF(ctr_rdma_entry)));

CTR__TYPE(ctr_interface_stats,
          CTR__FIELD_AS(ctr_interface_stats, rxBytes, "RxBytes", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, rxPackets, "RxPackets", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, rxErrors, "RxErrors", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, rxDropped, "RxDropped", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, txBytes, "TxBytes", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, txPackets, "TxPackets", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, txErrors, "TxErrors", U64, CTR__OR_0),
          CTR__FIELD_AS(ctr_interface_stats, txDropped, "TxDropped", U64, CTR__OR_0));

/* All that follows returns false without memory. */
static bool ctr__stats_add_numbers(ctr_arena *arena, ctr_json *object, const char *key,
                                   const ctr_numbers *numbers) {
  ctr_json *array = ctr_json_new(arena, CTR_JSON_ARRAY);
  if (!numbers->count) return true;
  for (size_t i = 0; i < numbers->count; i++)
    if (!ctr_json_add(arena, array, NULL, ctr_json_new_uint(arena, numbers->items[i])))
      return false;
  return ctr_json_add(arena, object, key, array);
}

static bool ctr__stats_add_double(ctr_arena *arena, ctr_json *object, const char *key,
                                  double value) {
  ctr_json *number = ctr_json_new(arena, CTR_JSON_DOUBLE);
  if (number) number->as.number = value;
  return ctr_json_add(arena, object, key, number);
}

static bool ctr__stats_add_stall(ctr_arena *arena, ctr_json *object, const char *key,
                                 const ctr_stall *stall) {
  ctr_json *value = ctr_json_new(arena, CTR_JSON_OBJECT);
  return !stall->set ||
         (ctr__stats_add_double(arena, value, "avg10", stall->avg10) &&
          ctr__stats_add_double(arena, value, "avg60", stall->avg60) &&
          ctr__stats_add_double(arena, value, "avg300", stall->avg300) &&
          ctr_json_add(arena, value, "total", ctr_json_new_uint(arena, stall->total)) &&
          ctr_json_add(arena, object, key, value));
}

static bool ctr__stats_add_psi(ctr_arena *arena, ctr_json *object, const ctr_pressure *psi) {
  ctr_json *value = ctr_json_new(arena, CTR_JSON_OBJECT);
  if (!psi->some.set && !psi->full.set) return object != NULL;
  return ctr__stats_add_stall(arena, value, "some", &psi->some) &&
         ctr__stats_add_stall(arena, value, "full", &psi->full) &&
         ctr_json_add(arena, object, "psi", value);
}

static ctr_json *ctr__stats_cpu_json(ctr_arena *arena, const ctr_cpu_stats *cpu) {
  ctr_json *object = ctr_json_new(arena, CTR_JSON_OBJECT);
  ctr_json *usage = ctr__write_object(arena, &ctr__type_of_ctr_cpu_usage, &cpu->usage);
  const bool ok =
      ctr__stats_add_numbers(arena, usage, "percpu", &cpu->usage.percpu) &&
      ctr__stats_add_numbers(arena, usage, "percpu_kernel", &cpu->usage.percpu_kernel) &&
      ctr__stats_add_numbers(arena, usage, "percpu_user", &cpu->usage.percpu_user) &&
      ctr_json_add(arena, object, "usage", usage) &&
      ctr_json_add(arena, object, "throttling",
                   ctr__write_object(arena, &ctr__type_of_ctr_cpu_throttling, &cpu->throttling)) &&
      ctr__stats_add_psi(arena, object, &cpu->psi);
  return ok ? object : NULL;
}

static ctr_json *ctr__stats_memory_json(ctr_arena *arena, const ctr_memory_stats *memory) {
  ctr_json *object = ctr__write_object(arena, &ctr__type_of_ctr_memory_stats, memory);
  ctr_json *raw = ctr_json_new(arena, CTR_JSON_OBJECT);
  for (size_t i = 0; i < memory->raw.count; i++)
    if (!ctr_json_add(arena, raw, memory->raw.items[i].name,
                      ctr_json_new_uint(arena, memory->raw.items[i].value)))
      return NULL;
  if (raw && raw->as.list.count && !ctr_json_add(arena, object, "raw", raw)) return NULL;
  return ctr__stats_add_psi(arena, object, &memory->psi) ? object : NULL;
}

/* Engines take 0 and absence for no limit, other than of memory. */
static ctr_json *ctr__stats_pids_json(ctr_arena *arena, const ctr_pids_stats *pids) {
  ctr_pids_stats known = *pids;
  known.limit.set &= known.limit.value != UINT64_MAX;
  return ctr__write_object(arena, &ctr__type_of_ctr_pids_stats, &known);
}

static ctr_json *ctr__stats_blkio_json(ctr_arena *arena, const ctr_io_stats *io) {
  ctr_json *object = ctr__write_object(arena, &ctr__type_of_ctr_io_stats, io);
  return ctr__stats_add_psi(arena, object, &io->psi) ? object : NULL;
}

static ctr_json *ctr__stats_hugetlb_json(ctr_arena *arena, const ctr_hugetlb_list *sizes) {
  ctr_json *object = ctr_json_new(arena, CTR_JSON_OBJECT);
  for (size_t i = 0; i < sizes->count; i++)
    if (!ctr_json_add(arena, object, sizes->items[i].key,
                      ctr__write_object(arena, &ctr__type_of_ctr_hugetlb_stats, &sizes->items[i])))
      return NULL;
  return object;
}

/* An interface may be called anything; JSON is UTF-8. */
static ctr_json *ctr__stats_name_json(ctr_arena *arena, const char *name) {
  char *text = ctr__arena_strdup(arena, name);
  if (!text) return NULL;
  for (char *at = text, *end = text + strlen(text); at < end;) {
    size_t len = ctr__utf8_len(at, end);
    if (!len) *at = '?';
    at += len ? len : 1;
  }
  return ctr_json_new_string(arena, text);
}

static ctr_json *ctr__stats_network_json(ctr_arena *arena, const ctr_interfaces *interfaces) {
  ctr_json *array = ctr_json_new(arena, CTR_JSON_ARRAY);
  for (size_t i = 0; i < interfaces->count; i++) {
    const ctr_interface_stats *item = &interfaces->items[i];
    ctr_json *one = ctr__write_object(arena, &ctr__type_of_ctr_interface_stats, item);
    if (!ctr_json_add(arena, one, "Name", ctr__stats_name_json(arena, item->name)) ||
        !ctr_json_add(arena, array, NULL, one))
      return NULL;
  }
  return array;
}

ctr_code ctr_stats_to_json(ctr_arena *arena, const ctr_stats *stats, ctr_json **ret_value,
                           ctr_err *err) {
  ctr__err_clear(err);
  if (!arena || !stats || !ret_value)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, stats and ret_value are needed");
  ctr_json *object = ctr_json_new(arena, CTR_JSON_OBJECT);
  const struct {
    const char *key;
    ctr_json *value;
  } members[] = {
      {"cpu", ctr__stats_cpu_json(arena, &stats->cpu)},
      {"cpuset", ctr__write_object(arena, &ctr__type_of_ctr_cpuset_stats, &stats->cpuset)},
      {"memory", ctr__stats_memory_json(arena, &stats->memory)},
      {"pids", ctr__stats_pids_json(arena, &stats->pids)},
      {"blkio", ctr__stats_blkio_json(arena, &stats->blkio)},
      {"hugetlb", ctr__stats_hugetlb_json(arena, &stats->hugetlb)},
      {"rdma", ctr__write_object(arena, &ctr__type_of_ctr_rdma_stats, &stats->rdma)},
      {"intel_rdt", ctr_json_new(arena, CTR_JSON_OBJECT)},
      {"network_interfaces", ctr__stats_network_json(arena, &stats->network_interfaces)},
  };
  for (size_t i = 0; i < sizeof members / sizeof *members; i++)
    if (!ctr_json_add(arena, object, members[i].key, members[i].value)) return ctr__nomem(err);
  *ret_value = object;
  return CTR_OK;
}
#endif /* CTR_IMPLEMENTATION */

/* ctr.h is available under either of two licences; choose the one you prefer.

------------------------------------------------------------------------------
ALTERNATIVE A - MIT License

Copyright (c) 2026 the ctr.h authors

Permission is hereby granted, free of charge, to any person obtaining a copy of
this software and associated documentation files (the "Software"), to deal in
the Software without restriction, including without limitation the rights to
use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of
the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS
FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

------------------------------------------------------------------------------
ALTERNATIVE B - Public Domain (www.unlicense.org)

This is free and unencumbered software released into the public domain.

Anyone is free to copy, modify, publish, use, compile, sell, or distribute this
software, either in source code form or as a compiled binary, for any purpose,
commercial or non-commercial, and by any means.

In jurisdictions that recognize copyright laws, the author or authors of this
software dedicate any and all copyright interest in the software to the public
domain. We make this dedication for the benefit of the public at large and to
the detriment of our heirs and successors. We intend this dedication to be an
overt act of relinquishment in perpetuity of all present and future rights to
this software under copyright law.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS
FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS BE
LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE. */
