/* ctr.h - v@VERSION@ - a complete container runtime core for Linux in one header

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

   THREADS, FORK AND SIGNALS
       - The library keeps no global; any thread may call. One arena, config or process is for one
         thread at a time, which is not to be cancelled (pthread_cancel(3)) meanwhile. A plan is
         only read once it is made: several threads may start it at once.
       - The child allocates nothing and takes no lock between clone and execve, so that callers
         with threads are safe. Handlers of pthread_atfork(3) do not run.
       - A thread that forks while another starts a container should call execve(2) or end soon:
         the start may return only then. Handles do not survive a fork of the caller.
       - Handles of one container in several threads or processes are fine: changes to it take a
         lock (flock(2)) that is held while its hooks run, and waited for, 10 seconds at most
         (CTR_E_STATE then).
       - SIGCHLD comes for hooks and helpers as well. A caller that ignores it, or reaps with
         waitpid(-1), loses how a process ended, and makes hooks fail.
       - Inside, all signals have their default action and none is blocked. The umask, the nice
         value, the CPU affinity and rlimits that the config does not name are the caller's.
       - Without die_with_caller a process outlives its caller; without a new pid namespace what it
         has started outlives it, and ctr_process_wait.
       - A start has no timeout: to end one, kill its child from outside. It takes 32 KiB of stack.
       - The child is a copy of the caller, page tables too (fork(2)): a start costs some 25 us per
         MiB that the caller has in use. Start from a small process.

   EVENT LOOPS
       ctr_process_pidfd is readable when the process has ended, ctr_process_io and
       ctr_process_console are pipes and a terminal to be polled, ctr_watch_fd tells of a container
       that it is out of memory, under pressure or empty; nothing else is to be watched.
       Calls that start something return when the program has begun to run (execve(2) has
       succeeded). What ctr_container_exec starts is to be waited for: until then the kernel does
       not let the container's first process end.

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
       messages. When their time is up, their process group is killed; without a timeout they may
       take for ever. Those of startContainer are the image's programs: they run under its seccomp
       filters, where SCMP_ACT_NOTIFY is ENOSYS.

   SECURITY
       Trusted are the caller, the kernel, and what a config asks for, which is done as asked. Not
       trusted are the image, what runs in a container, others that share files or pids with it, the
       bytes of configs and states, and a child from the moment it is cloned. Promised of these,
       each held by tests that see it fail where the defence is taken out (tests/security):
       - No path in an image leads outside the root: paths are resolved inside it by the
         kernel and used by descriptor; a mask is a verified device; what is written to procfs,
         labels among it, goes to a verified procfs; undoing a failed start looks at what it undoes.
       - Nothing leaks in: no descriptor, directory, environment, key, capability or terminal that
         was not given; a function, which is a copy of the caller (see below), gets no memory that
         the caller shares with others. A process that joins a container (ctr_container_exec), or
         waits to be started while others join it or hooks of the container run, cannot be looked
         into before it is the program, and shows nothing of the caller's command line (but one that
         is to call a function) and environment.
       - The caller's program cannot be written to from inside (CVE-2019-5736): where an id inside
         could, a child has an empty file as its /proc/self/exe before anything inside can see it,
         and so have hooks and a function that is contained, which crash handlers that look there
         should know. That takes a kernel with CONFIG_CHECKPOINT_RESTORE (else: ctr_seal_program),
         and is not done without a mount namespace. In a root that holds the program's file, as the
         host's "/" does, that can be written by its own path: only root.readonly helps.
       - A config, however hostile its bytes, is an error or a plan; a child, whatever it sends, can
         only make its own start fail.
       ctr_config_default has the seccomp preset CTR_SECCOMP_DEFAULT (some 0.2 ms a start),
       no-new-privileges, three capabilities, masked and read-only paths. With a user namespace and
       with linux.resources besides, code in there has, except through a bug of the kernel, no way
       to write to, signal or trace what the config did not name.
       For what is not trusted (the README has a program):
       - A root of its own, a tmpfs or an overlay at "/". The default's is the machine's: all that
         the caller can read can be read inside, as root also password hashes and root's keys.
       - A user namespace; as root with uidMappings and gidMappings to ids that nobody has:
         CTR_DEFAULT_ROOTLESS as root maps 0 to 0.
       - linux.resources. They are a cgroup's: only a container with a name has them, ctr_run
         refuses them. The default's /tmp and /run have no size: half of the memory each (tmpfs(5)).
       - A program, not a function, which is a copy of the caller: it can read all of the caller's
         private memory (keys, passwords) and environment (/proc/self/environ; getenv(3) has the
         config's). Else wipe secrets first, or keep them in memory with MADV_WIPEONFORK or
         MADV_DONTFORK (madvise(2)).
       - What can be written to and is shared is bound with nosuid and nodev: without a user
         namespace files that are made there are root's, and one that is set-user-ID is a root shell
         for all of the host.
       Not promised:
       - Without linux.seccomp code inside meets the whole system call interface of the kernel, and
         lifts its own limits from namespaces of its own, where their files belong to one of its ids
         (root's without a user namespace, an ordinary caller's) and no nsdelegate forbids it
         (cgroups(7)).
       - Without linux.resources it can use up memory and processes. It can always use up what the
         kernel counts by user or for the machine and no cgroup limits: inotify(7) instances,
         epoll(7) watches, aio (fs.aio-max-nr), pipe pages (pipe(7)), pending signals, terminals
         (pty(7)), disk space.
       - Without rules for devices and with CAP_MKNOD it can make any.
       - Who has CAP_SYS_ADMIN in a user namespace can lift read-only, nosuid and nodev of a bind
         whose ids are mapped, also where the host has set them: the kernel locks flags of what is
         copied in that namespace only (mount_namespaces(7)).
       - Without a user namespace root inside reads what procfs and sysfs show to root of the
         machine and no mask covers, such as the resources of PCI devices.
       - A namespace that is not listed is the host's. Network: abstract sockets, what listens on
         127.0.0.1; ipc: shared memory, queues; pid: signals to the same user.
       - Read-only is for files: unix sockets can be connected to, fifos and devices written to.
         Hide their directories. Masks are of paths that are there at the start: a kernel module
         that is loaded later adds some.
       - Core dumps go to the host's core_pattern, whose handler often runs as root; a function's
         has the caller's memory. An RLIMIT_CORE of 0 does not stop a handler (core(5)), 1 does.
       - Side channels (caches, Spectre, /proc/interrupts, /proc/stat), and facts of the machine in
         procfs and sysfs (tests/security/allowed.py): the kernel's command line, in mountinfo names
         of what is mounted.
       Shared with the caller, whatever the config says:
       - Files behind the standard streams and extra_fds. One that is opened for reading can be
         opened again for writing (/proc/self/fd/N) as the file's mode allows, whatever is read-only
         inside; O_NONBLOCK stays set. Give a pipe, or a sealed memfd.
       - A terminal behind them: what is written there may be escape sequences; one that is nobody's
         controlling one can be taken over and typed into (TIOCSTI, where no filter forbids it).
         process.terminal makes one inside.
       - The mode and owner of /dev/null, before Linux 5.12 and where the caller cannot copy mounts.
       - Without a user namespace the user's keyring (keyrings(7)); as an ordinary user with one id
         the caller's groups.
       Who can look into a process that enters:
       - Without a user namespace: who has CAP_SYS_PTRACE. CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE
         opens the libraries that the caller has mapped.
       - Where the caller is root without CAP_SYS_PTRACE: who is root beside it.
       - With fs.suid_dumpable set to 1 (proc_sys_fs(5)): who may trace its user's processes.
       - What an ordinary user executes in a container that is created and not started: it may trace
         the process that waits, a copy of the caller.
       - Others in a pid namespace that is shared: they see in its mountinfo what the host has
         mounted, until it has a root of its own, and with CAP_SYS_PTRACE in the user namespace that
         is joined as well, the host's tree by its createContainer hooks.
       Who may signal a process that enters can make its start fail. Who is in the host's pid
       namespace and has the caller's capabilities can do to the caller what these allow.

   MEMORY AND DESCRIPTORS
       Configs live in the arena they were made with. Plans and processes have their own _free.
       Every descriptor is close-on-exec from birth and not below 3. The library never prints,
       exits, installs signal handlers, or changes the working directory, umask or environment.

   CONTENTS  (search for the words in brackets)
@CONTENTS@

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

#include "api.h"

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

#include "base.h"

#include "config.h"

#include "plan.h"

#include "child.h"

#include "cgroup.h"

#include "parent.h"

#include "container.h"
#endif /* CTR_IMPLEMENTATION */

/* @LICENCE@ */
