/* Runs one untrusted program and says what became of it, as an online judge needs it: within limits
   of time, CPU time, memory, processes and output.

     cc -I.. -o judge judge.c
     ./judge --cpu 1 --memory 64 -- ./solution <input >output
     verdict: ok
     cpu: 0.004 s   wall: 0.012 s   memory: 1.1 MiB   output: 6 bytes

   The program sees this machine's root file system and the working directory read-only, an empty
   /tmp, no network, no other process. What it writes is passed on; the verdict goes to stderr, as
   do our own errors. Exit code: 0 for ok, 1 for any other verdict, 2 when nothing could be judged.

   The container is created and never started: its first process waits for nothing, and the program
   is executed beside it. So it is not the first process of its pid namespace, which no signal of
   its own can end (pid_namespaces(7)), and the container is there to be measured when it has ended.

   Memory, processes and CPU time are a cgroup's business (cgroups(7)): of what the program starts
   too, whatever it does. They need root, or a user who was given a cgroup. */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { JUDGED_ALL = 0, NOT_OK = 1, NOT_JUDGED = 2, TICK_MS = 20, PIECE = 4096 };

typedef struct limits {
  double wall, cpu; /* seconds */
  long memory;      /* MiB     */
  long processes;
  long output; /* KiB */
} limits;

typedef struct judge {
  limits limits;
  ctr_arena mem;
  ctr_container *container;
  ctr_process *process; /* the program */
  ctr_watch *watch;     /* of its memory */
  char cgroup[32];
  int out[2][2]; /* pipes of its stdout and stderr: read, write end */
  double began, wall, cpu;
  uint64_t memory, written;
  const char *verdict; /* NULL: none yet */
  bool out_of_memory, measured;
} judge;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int give_up(const ctr_err *err) {
  fprintf(stderr, "judge: %s\n", err->msg);
  return NOT_JUDGED;
}

/* Whatever it is at: nothing of it goes on. */
static void end_it(judge *j, const char *verdict) {
  if (j->verdict) return;
  j->verdict = verdict;
  ctr_container_signal(j->container, SIGKILL, true, NULL);
}

/* -- the container -- */

/* Where we are is to be seen inside, also below /tmp, and nothing there can be changed. */
static bool show_directory(judge *j, ctr_config *config, ctr_err *err) {
  static const char *const options[] = {"bind", "ro", "nosuid", "nodev"};
  char here[4096];
  ctr_mounts *mounts = &config->mounts;
  ctr_mount *more = ctr_arena_alloc(&j->mem, (mounts->count + 1) * sizeof *more);
  char *cwd = getcwd(here, sizeof here) ? ctr_arena_alloc(&j->mem, strlen(here) + 1) : NULL;
  if (!more || !cwd) {
    snprintf(err->msg, sizeof err->msg, "the working directory: %s", strerror(errno));
    return false;
  }
  config->process.cwd = memcpy(cwd, here, strlen(here) + 1);
  if (!strcmp(cwd, "/")) return true;
  memcpy(more, mounts->items, mounts->count * sizeof *more);
  more[mounts->count] =
      (ctr_mount){.destination = cwd, .type = "bind", .source = cwd, .options = {options, 4}};
  *mounts = (ctr_mounts){more, mounts->count + 1};
  return true;
}

static ctr_config *configure(judge *j, char **program, ctr_err *err) {
  ctr_config *config = NULL;
  size_t count = 0;
  while (program[count]) count++;
  if (ctr_config_default(&j->mem, CTR_DEFAULT_AUTO, &config, err)) return NULL;
  if (!show_directory(j, config, err)) return NULL;
  config->process.args = (ctr_strs){(const char *const *)program, count};
  ctr_resources *resources = &config->linux_.resources;
  resources->memory.limit = (ctr_int){true, (int64_t)j->limits.memory << 20};
  resources->memory.swap = resources->memory.limit;                 /* with swap: none beside */
  resources->pids.limit = (ctr_int){true, j->limits.processes + 1}; /* and the one that waits */
  snprintf(j->cgroup, sizeof j->cgroup, "ctr-judge-%d", (int)getpid());
  config->linux_.cgroupsPath = j->cgroup; /* with all there is to measure by */
  return config;
}

static ctr_code start(judge *j, const ctr_config *config, const char *states, ctr_err *err) {
  const ctr_container_desc desc = {.root = states,
                                   .plan = {.bundle = "/", .die_with_caller = true}};
  const ctr_watch_desc of_memory = {.kind = CTR_WATCH_OOM};
  ctr_exec_desc program = {.die_with_caller = true};
  program.process.stdio = CTR_STDIO_FDS;
  program.process.fds[0] = STDIN_FILENO;
  for (int i = 0; i < 2; i++) {
    if (pipe2(j->out[i], O_CLOEXEC) < 0) {
      snprintf(err->msg, sizeof err->msg, "make a pipe: %s", strerror(errno));
      return CTR_E_SYS;
    }
    program.process.fds[i + 1] = j->out[i][1];
  }
  ctr_code code = ctr_container_create(config, "judged", &desc, &j->container, err);
  if (!code) code = ctr_container_watch(j->container, &of_memory, &j->watch, err);
  j->began = now();
  if (!code) code = ctr_container_exec(j->container, &config->process, &program, &j->process, err);
  for (int i = 0; i < 2; i++) close(j->out[i][1]);
  return code;
}

/* -- while it runs -- */

static bool can_write(int fd) {
  struct pollfd out = {.fd = fd, .events = POLLOUT};
  return poll(&out, 1, 0) == 1;
}

/* Passes on what it has written, as much as it may, and no more than can be written without waiting
   (pipe(7), PIPE_BUF). false at the end. */
static bool pass_on(judge *j, int stream) {
  char data[PIECE];
  ssize_t n = read(j->out[stream][0], data, sizeof data);
  if (n <= 0) return false;
  const uint64_t most = (uint64_t)j->limits.output << 10;
  const uint64_t left = most - j->written, take = (uint64_t)n < left ? (uint64_t)n : left;
  j->written += take;
  for (size_t done = 0; done < take;) {
    ssize_t put = write(stream + 1, data + done, (size_t)take - done);
    if (put <= 0) break; /* nobody reads: it is judged all the same */
    done += (size_t)put;
  }
  if (take < (uint64_t)n) end_it(j, "output limit");
  return true;
}

/* A limit that cannot be measured does not hold. */
static void measure(judge *j) {
  ctr_arena mem = {0};
  ctr_stats stats;
  ctr_err err;
  if (!ctr_container_stats(j->container, &mem, &stats, &err)) {
    j->measured |= stats.cpu.usage.total.set;
    j->cpu = (double)stats.cpu.usage.total.value / 1e9;
    if (stats.memory.usage.max.set) j->memory = stats.memory.usage.max.value;
  }
  ctr_arena_free(&mem);
  j->wall = now() - j->began;
}

static void hear_of_memory(judge *j) {
  ctr_watch_report report;
  if (!ctr_watch_read(j->watch, &report, NULL) && report.ooms) j->out_of_memory = true;
}

/* Until the program has ended and all that it wrote has been read. */
static void follow(judge *j) {
  struct pollfd fds[4] = {{.events = POLLIN},
                          {.events = POLLIN},
                          {.fd = ctr_process_pidfd(j->process), .events = POLLIN},
                          {.fd = ctr_watch_fd(j->watch), .events = POLLIN}};
  bool open[2] = {true, true}, running = true;
  while (open[0] || open[1] || running) {
    for (int i = 0; i < 2; i++)
      fds[i].fd = open[i] && can_write(i + 1) ? j->out[i][0] : -1; /* else at the next tick */
    if (poll(fds, 4, TICK_MS) < 0 && errno != EINTR) break;
    for (int i = 0; i < 2; i++)
      if (fds[i].fd >= 0 && fds[i].revents && !pass_on(j, i)) open[i] = false;
    if (fds[3].revents) hear_of_memory(j);
    if (running) measure(j);
    if (j->limits.cpu < j->cpu || j->limits.wall < j->wall) end_it(j, "time limit");
    if (j->verdict) open[0] = open[1] = false;
    if (running && fds[2].revents) {
      running = false;
      fds[2].fd = -1; /* what it started and left behind is no part of the answer */
      ctr_container_signal(j->container, SIGKILL, true, NULL);
    }
  }
  hear_of_memory(j);
}

/* -- the verdict -- */

static int say(const judge *j, const ctr_exit *end) {
  char text[64] = "ok";
  const char *verdict = j->verdict ? j->verdict : j->out_of_memory ? "memory limit" : text;
  if (end->signal)
    snprintf(text, sizeof text, "signal %d", end->signal);
  else if (end->code)
    snprintf(text, sizeof text, "exit code %d", end->code);
  fprintf(stderr, "verdict: %s\n", verdict);
  fprintf(stderr, "cpu: %.3f s   wall: %.3f s   memory: %.1f MiB   output: %llu bytes\n", j->cpu,
          j->wall, (double)j->memory / (1 << 20), (unsigned long long)j->written);
  return strcmp(verdict, "ok") ? NOT_OK : JUDGED_ALL;
}

static int run(judge *j, char **program, const char *states) {
  ctr_err err;
  ctr_exit end = {0};
  const ctr_config *config = configure(j, program, &err);
  ctr_code code = config ? start(j, config, states, &err) : CTR_E_NOMEM;
  if (!code) follow(j);
  if (!code) code = ctr_process_wait(j->process, &end, &err);
  if (!code && !j->measured) {
    snprintf(err.msg, sizeof err.msg, "its CPU time cannot be measured here");
    code = CTR_E_UNSUPPORTED;
  }
  int result = code ? give_up(&err) : say(j, &end);
  ctr_watch_free(j->watch);
  ctr_process_free(j->process);
  if (j->container && ctr_container_delete(j->container, true, &err)) result = give_up(&err);
  ctr_container_free(j->container);
  return result;
}

/* -- the command line -- */

static int usage(void) {
  fputs("usage: judge [--wall SECONDS] [--cpu SECONDS] [--memory MIB] [--processes N]\n"
        "             [--output KIB] -- PROGRAM [ARG...]\n",
        stderr);
  return NOT_JUDGED;
}

/* The program, or NULL. */
static char **parse(char **argv, limits *l) {
  while (*argv && strcmp(*argv, "--") != 0) {
    if (!argv[1]) return NULL;
    char *end;
    const double value = strtod(argv[1], &end);
    const bool whole = strcmp(*argv, "--wall") != 0 && strcmp(*argv, "--cpu") != 0;
    if (*end || end == argv[1] || !(value > 0) || value > 1e6 || (whole && value < 1)) return NULL;
    if (!strcmp(*argv, "--wall"))
      l->wall = value;
    else if (!strcmp(*argv, "--cpu"))
      l->cpu = value;
    else if (!strcmp(*argv, "--memory"))
      l->memory = (long)value;
    else if (!strcmp(*argv, "--processes"))
      l->processes = (long)value;
    else if (!strcmp(*argv, "--output"))
      l->output = (long)value;
    else
      return NULL;
    argv += 2;
  }
  return *argv && argv[1] ? argv + 1 : NULL;
}

int main(int argc, char **argv) {
  judge j = {.limits = {.wall = 10, .cpu = 2, .memory = 256, .processes = 64, .output = 1024}};
  char states[] = "/tmp/judge.XXXXXX"; /* where the library keeps what it has to know */
  char **program = argc > 1 ? parse(argv + 1, &j.limits) : NULL;
  if (!program) return usage();
  signal(SIGPIPE, SIG_IGN);
  if (!mkdtemp(states)) return perror("judge: make a directory below /tmp"), NOT_JUDGED;
  int result = run(&j, program, states);
  rmdir(states);
  ctr_arena_free(&j.mem);
  return result;
}
