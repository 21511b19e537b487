/* Runs a program in a sandbox of your making: which files it sees, which of them it may change,
   whether it has the network, whom it runs as. A command line that takes the options of
   bubblewrap's bwrap(1) and does the same with them, and some more; no root needed. The parts are
   in sandbox/.

     cc -I.. -o sandbox sandbox.c
     ./sandbox --ro-bind / / --tmpfs /tmp --unshare-net -- sh
     ./sandbox --preset strict --memory 256M --pids 50 -- python3 -c 'print(6 * 7)'

   It begins with an empty root. Each option adds something, in the order in which they are given;
   what was not added is not there.

   Options become a ctr_config as a config.json would, with two extensions of the library: mounts
   that begin with the root itself, and files, directories and links that are made between mounts.
   Then instead of a program a function of ours runs inside (sandbox/inside.h), for what bwrap does
   there: it looks after orphans, finds the working directory, and becomes the program.

   Exit code: the program's, or 128 + the signal that ended it; 1 after an error of ours, which is
   one line on stderr that starts with "sandbox:". */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/state.h"
#include "sandbox/options.h"
#include "sandbox/mounts.h"
#include "sandbox/presets.h"
#include "sandbox/inside.h"
#include "sandbox/config.h"
#include "sandbox/run.h"

enum { ALL = CTR_NS_USER | CTR_NS_IPC | CTR_NS_PID | CTR_NS_NETWORK | CTR_NS_UTS | CTR_NS_CGROUP };

static const option_row rows[] = {
    FLAG("help", help, "show this"),
    FLAG("version", version, "show the version"),
    CALL("args", "FD", take_args, 0, "more options, each ended by a NUL byte, are read from FD"),

    TITLE("What is not shared with this machine"),
    CALL("unshare-all", NULL, take_unshare_try, ALL, "all of these"),
    CALL("unshare-user", NULL, take_unshare, CTR_NS_USER, "user ids; always for ordinary users"),
    CALL("unshare-user-try", NULL, take_unshare_try, CTR_NS_USER, "the same where the kernel can"),
    CALL("unshare-ipc", NULL, take_unshare, CTR_NS_IPC, "shared memory and message queues"),
    CALL("unshare-pid", NULL, take_unshare, CTR_NS_PID, "processes"),
    CALL("unshare-net", NULL, take_unshare, CTR_NS_NETWORK, "the network: only loopback is left"),
    CALL("unshare-uts", NULL, take_unshare, CTR_NS_UTS, "the host name"),
    CALL("unshare-cgroup", NULL, take_unshare, CTR_NS_CGROUP, "the view of cgroups"),
    CALL("unshare-cgroup-try", NULL, take_unshare_try, CTR_NS_CGROUP,
         "the same where the kernel can"),
    CALL("share-net", NULL, take_share, CTR_NS_NETWORK, "the network after all"),
    FD("userns", userns, "join the user namespace that FD is"),
    FD("userns2", userns2, "not supported"),
    FD("pidns", pidns, "join the pid namespace that FD is"),
    FLAG("disable-userns", disable_userns, "no more user namespaces can be made inside"),
    FLAG("assert-userns-disabled", assert_userns_disabled, "fail when they can"),
    TEXT("uid", "UID", uid, "user id inside"),
    TEXT("gid", "GID", gid, "group id inside"),
    TEXT("hostname", "NAME", hostname, "host name inside"),

    TITLE("The program"),
    TEXT("chdir", "DIR", directory, "where it starts; else here, or in $HOME, or in /"),
    CALL("setenv", "VAR VALUE", take_env, 2, "set a variable"),
    CALL("unsetenv", "VAR", take_env, 1, "take a variable away"),
    CALL("clearenv", NULL, take_env, 0, "take all variables away"),
    TEXT("argv0", "NAME", argv0, "what it is told that it is called"),
    FLAG("new-session", new_session, "it cannot reach this terminal (setsid(2))"),
    FLAG("die-with-parent", die_with_parent, "it is killed when sandbox or its parent ends"),
    FLAG("as-pid-1", as_pid_1, "no process of ours is there to look after orphans"),
    CALL("lock-file", "DEST", take_lock, 0, "hold a read lock on a file inside meanwhile"),
    FD("sync-fd", sync, "hold FD open while there is a process inside"),

    TITLE("Files, in this order"),
    CALL("perms", "OCTAL", take_perms, 0, "permissions of what the next option makes"),
    CALL("size", "BYTES", take_size, 0, "size of what the next option makes: --tmpfs"),
    MAKE("bind", "SRC DEST", make_bind, 0, "show a file or directory of this machine"),
    MAKE("bind-try", "SRC DEST", make_bind, BIND_TRY, "the same if it is there"),
    MAKE("dev-bind", "SRC DEST", make_bind, BIND_DEVICES, "the same with its devices"),
    MAKE("dev-bind-try", "SRC DEST", make_bind, BIND_DEVICES | BIND_TRY, "that if it is there"),
    MAKE("ro-bind", "SRC DEST", make_bind, BIND_READ_ONLY, "show it read-only"),
    MAKE("ro-bind-try", "SRC DEST", make_bind, BIND_READ_ONLY | BIND_TRY, "that if it is there"),
    MAKE("bind-fd", "FD DEST", make_bind, BIND_FD,
         "show what FD is open on (O_PATH, or a directory)"),
    MAKE("ro-bind-fd", "FD DEST", make_bind, BIND_FD | BIND_READ_ONLY, "the same read-only"),
    MAKE("remount-ro", "DEST", make_read_only, 0, "make a mount read-only"),
    CALL("overlay-src", "SRC", take_layer, 0, "a layer for the next overlay, above those before"),
    MAKE("overlay", "RWSRC WORK DEST", make_overlay, OVERLAY_KEPT | TAKES_LAYERS,
         "the layers, and changes in RWSRC"),
    MAKE("tmp-overlay", "DEST", make_overlay, TAKES_LAYERS, "the layers, and changes that vanish"),
    MAKE("ro-overlay", "DEST", make_overlay, OVERLAY_READ_ONLY | TAKES_LAYERS, "the layers alone"),
    MAKE("proc", "DEST", make_proc, 0, "procfs"),
    MAKE("dev", "DEST", make_dev, 0, "a /dev with what every program may use"),
    MAKE("tmpfs", "DEST", make_tmpfs, TAKES_PERMS | TAKES_SIZE, "an empty tmpfs"),
    MAKE("mqueue", "DEST", make_mqueue, 0, "message queues"),
    MAKE("dir", "DEST", make_dir, TAKES_PERMS, "a directory"),
    MAKE("file", "FD DEST", make_file, TAKES_PERMS, "a new file with what can be read from FD"),
    MAKE("bind-data", "FD DEST", make_file, FILE_BOUND | TAKES_PERMS,
         "the same, over one that may be there"),
    MAKE("ro-bind-data", "FD DEST", make_file, FILE_BOUND | FILE_READ_ONLY | TAKES_PERMS,
         "that read-only"),
    MAKE("symlink", "TEXT DEST", make_symlink, 0, "a symbolic link"),
    MAKE("chmod", "OCTAL PATH", make_mode, 0, "set the permissions of something that is there"),

    TITLE("What it may do"),
    CALL("seccomp", "FD", take_filter, 0,
         "load the filter in FD, as seccomp_export_bpf(3) writes it"),
    CALL("add-seccomp-fd", "FD", take_filter, 1, "the same, and there may be more"),
    CALL("cap-add", "CAP", take_cap, 1, "a capability, or ALL"),
    CALL("cap-drop", "CAP", take_cap, 0, "take one away, or ALL"),
    CALL("exec-label", "LABEL", take_exec_label, 0,
         "not supported: ours is what is executed inside"),
    TEXT("file-label", "LABEL", file_label, "SELinux's label of what is made for it, as --tmpfs"),

    TITLE("For those who watch"),
    FD("block-fd", block, "the program waits until something can be read from FD"),
    FD("userns-block-fd", userns_block, "not supported: see --map-ids"),
    FD("info-fd", info, "tell of the sandbox as JSON"),
    FD("json-status-fd", json_status, "the same in a line, and how it ended in another"),

    TITLE("Beyond bubblewrap"),
    CALL("preset", "NAME", take_preset, 0, "options of: strict, build, desktop; help shows them"),
    TEXT("memory", "BYTES", memory, "most memory of all its processes; 64M, 1G"),
    TEXT("pids", "N", processes, "most processes and threads"),
    TEXT("cpus", "N", cpus, "most CPUs' worth of time: 0.5, 2"),
    CALL("rlimit", "NAME=VALUE", take_rlimit, 0, "a limit for each process, by prlimit(1)'s names"),
    FLAG("map-ids", map_ids, "all of the ids that are yours (subuid(5)) are there inside"),
    TEXT("name", "NAME", name, "a name by which it can be joined"),
    TEXT("join", "NAME", join, "run the program in the sandbox of that name"),
    FLAG("explain", explain, "do nothing, and print what would be done"),
};

#define ROWS (sizeof rows / sizeof *rows)

static const option_row *find_option(const char *name) {
  for (size_t i = 0; i < ROWS; i++)
    if (rows[i].name && !strcmp(rows[i].name, name)) return &rows[i];
  return NULL;
}

/* What is open beyond the standard streams was left open for the program, or for an option. */
static void note_descriptors(sandbox *s) {
  for (int i = 0; i < INHERITED; i++) {
    s->kept[i] = NONE;
    s->inherited[i] = fcntl(FIRST_FD + i, F_GETFD) < 0 ? NONE : FIRST_FD + i;
  }
}

/* What we open is not to take a number that an option speaks of, nor be a standard stream. */
static void fill_standard_streams(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

static void note_signals(sandbox *s) {
  for (int i = 1; i <= SIGNALS; i++)
    if (is_ignored(i)) s->ignored |= UINT64_C(1) << (i - 1);
  sigprocmask(SIG_SETMASK, NULL, &s->blocked);
  signal(SIGCHLD, SIG_DFL); /* ignored, it would take away the program's exit status */
  signal(SIGPIPE, SIG_IGN); /* who does not read --info-fd is no reason to die */
}

static void note_surroundings(sandbox *s) {
  char here[PATH_MAX];
  size_t count = 0;
  note_descriptors(s);
  note_signals(s);
  if (getcwd(here, sizeof here)) s->caller_dir = print(s, "%s", here);
  while (environ && environ[count]) count++;
  s->caller_env = take(s, (count + 1) * sizeof *s->caller_env);
  for (size_t i = 0; i < count; i++) s->caller_env[i] = environ[i];
}

static int help(void) {
  printf("usage: sandbox [OPTION...] [--] PROGRAM [ARG...]\n\n");
  print_help(rows, ROWS);
  return 0;
}

static int version(void) {
  printf("sandbox (ctr.h %s)\n", CTR_VERSION);
  return 0;
}

static int run(sandbox *s, pid_t parent) {
  ctr_plan_desc desc;
  if (s->help) return help();
  if (s->version) return version();
  if (s->perms || s->size || s->layers.count)
    fail("--%s: nothing comes after it that it could be about", s->perms  ? "perms"
                                                                : s->size ? "size"
                                                                          : "overlay-src");
  if (!*s->command) fail("no program: sandbox [OPTION...] [--] PROGRAM [ARG...]");
  if (s->die_with_parent) die_with(parent);
  if (s->join) return join(s);
  const ctr_config *config = make_config(s, &desc);
  if (s->explain) return explain(s, config, &desc);
  return is_container(s) ? run_container(s, config, &desc) : run_once(s, config, &desc);
}

int main(int argc, char **argv) {
  const pid_t parent = getppid();
  sandbox s = {.userns = NONE,
               .userns2 = NONE,
               .pidns = NONE,
               .sync = NONE,
               .block = NONE,
               .userns_block = NONE,
               .info = NONE,
               .json_status = NONE,
               .ended = {NONE, NONE}};
  fill_standard_streams();
  if (argv[0]) ctr_seal_program(argv, false, NULL); /* else what needs it is refused */
  note_surroundings(&s);
  s.caps = initial_caps();
  s.command = read_options(&s, (const char **)(void *)(argv + (argc > 0)));
  const int status = run(&s, parent);
  ctr_arena_free(&s.mem);
  return fflush(stdout) == 0 ? status : 1;
}
