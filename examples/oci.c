/* ctr-oci: an OCI runtime's command line on top of ctr.h, that podman, containerd and CRI-O can be
   given as their runtime. Every command is a row of the table below and a few library calls; the
   parts are in oci/.

     cc -I.. -o ctr-oci oci.c
     ./ctr-oci run --default demo -- sh -c 'echo $$' */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "oci/options.h"
#include "oci/report.h"
#include "oci/help.h"
#include "oci/bundle.h"
#include "oci/launch.h"
#include "oci/attach.h"
#include "oci/signals.h"
#include "oci/lifecycle.h"
#include "oci/exec.h"
#include "oci/update.h"
#include "oci/list.h"
#include "oci/events.h"
#include "oci/features.h"

#ifndef CTR_OCI_COMMIT /* for packagers: -DCTR_OCI_COMMIT='"..."' */
#define CTR_OCI_COMMIT "unknown"
#endif

#define HELP FLAG("help", 'h', help, "show this")

static const option_row global_options[] = {
    TEXT("root", 0, "DIR", root,
         "where states are kept (default: /run/ctr or $XDG_RUNTIME_DIR/ctr)"),
    TEXT("log", 0, "FILE", log, "append errors and warnings to FILE"),
    TEXT("log-format", 0, "text|json", log_format, "how they are written there (default: text)"),
    FLAG("debug", 0, debug, "report more than errors and warnings"),
    TEXT("cgroup-manager", 0, "cgroupfs|disabled", cgroup_manager, "who makes cgroups: we do"),
    FLAG("systemd-cgroup", 0, systemd_cgroup, "not supported"),
    TEXT("rootless", 0, "true|false|auto", rootless_mode, "ignored: always auto"),
    FLAG("version", 'v', version, "show the version"),
    HELP,
    {0},
};

#define BUNDLE                                                                                     \
  TEXT("bundle", 'b', "DIR", bundle, "directory that holds config.json (default: here)")
#define DEFAULT                                                                                    \
  FLAG("default", 0, use_default,                                                                  \
       "no bundle: the default container on this machine's own root, read-only")
#define NO_PIVOT                                                                                   \
  FLAG("no-pivot", 0, no_pivot, "enter the root with MS_MOVE and chroot (for a root on a ramfs)")
#define DETACH FLAG("detach", 'd', detach, "return when it runs")
#define HANDED_OVER                                                                                \
  TEXT("console-socket", 0, "SOCKET", console_socket, "who gets our end of its terminal"),         \
      TEXT("pid-file", 0, "FILE", pid_file, "write its pid to FILE"),                              \
      TEXT("pidfd-socket", 0, "SOCKET", pidfd_socket, "who gets a pidfd of it"),                   \
      NUMBER("preserve-fds", 0, "N", preserve_fds, "pass it N more descriptors, from 3 on")
#define MAKING                                                                                     \
  BUNDLE, HANDED_OVER, NO_PIVOT,                                                                   \
      FLAG("no-new-keyring", 0, no_new_keyring, "keep the caller's session keyring")

static const option_row no_options[] = {HELP, {0}};
static const option_row create_options[] = {MAKING, HELP, {0}};
static const option_row run_options[] = {
    MAKING,
    DEFAULT,
    DETACH,
    FLAG("keep", 0, keep, "do not delete it when it has ended"),
    FLAG("no-subreaper", 0, no_subreaper, "accepted: there never is one"),
    HELP,
    {0},
};
static const option_row exec_options[] = {
    TEXT("process", 'p', "FILE", process, "what to run, as config.json's process"),
    TEXT("cwd", 0, "PATH", cwd, "working directory"),
    WORDS("env", 'e', "NAME=VALUE", env, "set a variable"),
    FLAG("tty", 't', tty, "give it a terminal"),
    TEXT("user", 'u', "UID[:GID]", user, "who it runs as"),
    WORDS("additional-gids", 'g', "GID", additional_gids, "one more group"),
    WORDS("cap", 'c', "NAME", caps, "one more capability"),
    FLAG("no-new-privs", 0, no_new_privs, "it cannot gain privileges by execve(2)"),
    DETACH,
    HANDED_OVER,
    FLAG("ignore-paused", 0, ignore_paused, "also in a paused container, where it waits"),
    TEXT("process-label", 0, "LABEL", process_label, "its SELinux label"),
    TEXT("apparmor", 0, "PROFILE", apparmor, "its AppArmor profile"),
    TEXT("cgroup", 0, "PATH", cgroup, "not supported"),
    HELP,
    {0},
};
static const option_row kill_options[] = {FLAG("all", 'a', all, "to every process in it"),
                                          HELP,
                                          {0}};
static const option_row delete_options[] = {
    FLAG("force", 'f', force, "end what runs in it first; a missing one is no error"), HELP, {0}};
static const option_row update_options[] = {
    TEXT("resources", 'r', "FILE", limits.resources,
         "read them from FILE, as config.json's linux.resources; -: from standard input"),
    TEXT("blkio-weight", 0, "N", limits.blkio_weight, "share of block I/O, 10 to 1000"),
    TEXT("cpu-burst", 0, "USECS", limits.cpu_burst, "CPU time saved up for bursts"),
    TEXT("cpu-idle", 0, "0|1", limits.cpu_idle, "1: runs only when nobody else does"),
    TEXT("cpu-period", 0, "USECS", limits.cpu_period, "what --cpu-quota is a part of"),
    TEXT("cpu-quota", 0, "USECS", limits.cpu_quota, "CPU time in a period; -1: no limit"),
    TEXT("cpu-rt-period", 0, "USECS", limits.cpu_rt_period, "the same for real-time processes"),
    TEXT("cpu-rt-runtime", 0, "USECS", limits.cpu_rt_runtime, "the same for real-time processes"),
    TEXT("cpu-share", 0, "N", limits.cpu_share, "share of CPU time, 2 to 262144, usually 1024"),
    TEXT("cpuset-cpus", 0, "LIST", limits.cpuset_cpus, "CPUs to run on: 0-3,7"),
    TEXT("cpuset-mems", 0, "LIST", limits.cpuset_mems, "memory nodes to use: 0-1"),
    TEXT("kernel-memory", 0, "BYTES", limits.kernel_memory, "of old kernels only"),
    TEXT("kernel-memory-tcp", 0, "BYTES", limits.kernel_memory_tcp, "of cgroup v1 only"),
    TEXT("memory", 0, "BYTES", limits.memory, "memory; 64M, 1G; -1: no limit"),
    TEXT("memory-reservation", 0, "BYTES", limits.memory_reservation, "memory it keeps longest"),
    TEXT("memory-swap", 0, "BYTES", limits.memory_swap, "memory and swap together"),
    TEXT("pids-limit", 0, "N", limits.pids_limit, "processes and threads; -1: no limit"),
    HELP,
    {0},
};
static const option_row events_options[] = {
    TEXT("interval", 0, "DURATION", interval, "between two lines of statistics (default: 5s)"),
    FLAG("stats", 0, stats, "one line of statistics, and no more"),
    HELP,
    {0},
};
#define FORMAT TEXT("format", 'f', "table|json", format, "how it is printed (default: table)")
static const option_row list_options[] = {FORMAT,
                                          FLAG("quiet", 'q', quiet, "names only"),
                                          HELP,
                                          {0}};
static const option_row ps_options[] = {FORMAT, HELP, {0}};
static const option_row spec_options[] = {BUNDLE,
                                          FLAG("rootless", 0, rootless,
                                               "for an ordinary user: with a user namespace"),
                                          HELP,
                                          {0}};
static const option_row explain_options[] = {
    BUNDLE,
    DEFAULT,
    NO_PIVOT,
    FLAG("rights", 0, rights, "print instead what not every caller may ask for, and who may"),
    FLAG("presets", 0, presets,
         "print instead which system calls the seccomp presets allow, and why"),
    HELP,
    {0},
};

static int completion_command(options *o);

static const command commands[] = {
    {"create", "ID", "make a container, whose program waits for start", create_command,
     create_options, 1, 1, REST_NONE},
    {"start", "ID", "let a created container's program go", start_command, no_options, 1, 1,
     REST_NONE},
    {"run", "ID [-- COMMAND [ARG...]]", "create and start, wait for it, exit as it does",
     run_command, run_options, 1, 1, REST_AFTER_DASHES},
    {"exec", "ID COMMAND [ARG...]", "run one more process in a container", exec_command,
     exec_options, 1, 1, REST_ANYTHING},
    {"state", "ID", "print a container's state as JSON", state_command, no_options, 1, 1,
     REST_NONE},
    {"kill", "ID [SIGNAL]", "send a signal (default: TERM)", kill_command, kill_options, 1, 2,
     REST_NONE},
    {"pause", "ID", "stop all its processes where they are", pause_command, no_options, 1, 1,
     REST_NONE},
    {"resume", "ID", "let them go on", resume_command, no_options, 1, 1, REST_NONE},
    {"update", "ID", "change a container's limits", update_command, update_options, 1, 1,
     REST_NONE},
    {"events", "ID", "print statistics and when it runs out of memory, as JSON", events_command,
     events_options, 1, 1, REST_NONE},
    {"delete", "ID", "take away a stopped container", delete_command, delete_options, 1, 1,
     REST_NONE},
    {"list", "", "print which containers there are", list_command, list_options, 0, 0, REST_NONE},
    {"ps", "ID [PS OPTION...]", "print a container's processes", ps_command, ps_options, 1, 1,
     REST_ANYTHING},
    {"spec", "", "write a config.json to start from", spec_command, spec_options, 0, 0, REST_NONE},
    {"explain", "[-- COMMAND [ARG...]]", "print the plan of a bundle, one line a step",
     explain_command, explain_options, 0, 0, REST_AFTER_DASHES},
    {"features", "", "print what this runtime does as JSON", features_command, no_options, 0, 0,
     REST_NONE},
    {"completion", "bash", "print a script that completes command lines", completion_command,
     no_options, 1, 1, REST_NONE},
    {0},
};

static int completion_command(options *o) {
  const char *shell = o->operands.items[0];
  if (strcmp(shell, "bash") != 0)
    return fail(o, "completion: '%s' is not supported: use bash", shell);
  return print_completion(commands, global_options);
}

static int print_version(void) {
  printf("ctr-oci version %s\ncommit: %s\nspec: %s\n", CTR_VERSION, CTR_OCI_COMMIT,
         CTR_OCI_VERSION);
  return 0;
}

/* An ordinary user without a session has no XDG_RUNTIME_DIR. The library believes nothing in a
   directory that is not the user's own. */
static void choose_root(options *o) {
  const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
  if (!o->root && geteuid() != 0 && !(runtime_dir && *runtime_dir))
    o->root = print(o, "/tmp/ctr-run-%u", geteuid());
}

enum { WRONG_USAGE = 2 };

static int run_command_line(options *o, char **argv) {
  argv = parse_options(o, global_options, false, argv);
  if (!argv) return WRONG_USAGE;
  if (o->help) return print_help(commands, global_options);
  if (o->version) return print_version();
  if (open_log(o)) return 1;
  choose_root(o);
  if (o->systemd_cgroup)
    return fail(o, "--systemd-cgroup: not supported: use the cgroupfs manager");
  if (!*argv) return fail(o, "usage: ctr-oci COMMAND ...; ctr-oci --help"), WRONG_USAGE;
  const command *c = commands;
  while (c->name && strcmp(c->name, *argv) != 0) c++;
  if (!c->name) return fail(o, "no command '%s'; ctr-oci --help lists them", *argv), WRONG_USAGE;
  o->dashed = false;
  argv = parse_options(o, c->options, c->rest != REST_ANYTHING, argv + 1);
  if (!argv) return WRONG_USAGE;
  if (o->help) return print_command_help(c);
  return parse_operands(o, c, argv) < 0 ? WRONG_USAGE : c->run(o);
}

/* What we open is not to become somebody's standard stream because ours was closed. */
static void fill_standard_streams(void) {
  int fd;
  do fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);
  if (fd >= 0) close(fd);
}

int main(int argc, char **argv) {
  options o = {.bundle = ".", .log_format = "text", .log_fd = -1};
  (void)argc;
  fill_standard_streams();
  if (argv[0]) ctr_seal_program(argv, false, NULL); /* else what needs it is refused */
  signal(SIGCHLD, SIG_DFL); /* ignored, it would take away the container's exit status */
  int result = argv[0] ? run_command_line(&o, argv + 1) : WRONG_USAGE;
  if (fflush(stdout) != 0 || ferror(stdout)) result = fail_errno(&o, "write to", "stdout");
  if (o.log_fd >= 0) close(o.log_fd);
  ctr_arena_free(&o.mem);
  return result;
}
