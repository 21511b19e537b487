/* Runs one untrusted program and says what became of it, as an online judge needs it: within limits
   of time, CPU time, memory, processes and output.

     cc -I.. -o judge judge.c
     ./judge --cpu 1 --memory 64 -- ./solution <input >output
     verdict: ok
     cpu: 0.004 s   wall: 0.012 s   memory: 1.1 MiB   output: 6 bytes

   The program sees this machine's root file system read-only, an empty /tmp, no network, no other
   process. What it writes is passed on; the verdict goes to stderr, as do our own errors. Exit code:
   0 for ok, 1 for any other verdict, 2 when nothing could be judged.

   Memory, processes and CPU time are a cgroup's business (cgroups(7)): of what the program starts
   too, whatever it does. They need root, or a user who was given a cgroup. */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { JUDGED_ALL = 0, NOT_OK = 1, NOT_JUDGED = 2, TICK_MS = 20 };

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
  ctr_watch *watch; /* of its memory; NULL: not to be had */
  int out[2][2];    /* pipes of its stdout and stderr: read, write end */
  double began, wall, cpu;
  uint64_t memory, written;
  const char *verdict; /* NULL: none yet */
  bool out_of_memory;
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

static ctr_config *configure(judge *j, char **program, ctr_err *err) {
  ctr_config *config = NULL;
  size_t count = 0;
  while (program[count]) count++;
  if (ctr_config_default(&j->mem, CTR_DEFAULT_AUTO, &config, err)) return NULL;
  char here[4096];
  config->process.args = (ctr_strs){(const char *const *)program, count};
  if (getcwd(here, sizeof here)) {
    char *cwd = ctr_arena_alloc(&j->mem, strlen(here) + 1);
    if (cwd) config->process.cwd = strcpy(cwd, here);
  }
  ctr_resources *resources = &config->linux_.resources;
  resources->memory.limit = (ctr_int){true, (int64_t)j->limits.memory << 20};
  resources->memory.swap = resources->memory.limit; /* with swap: none beside */
  resources->pids.limit = (ctr_int){true, j->limits.processes};
  resources->cpu.shares = (ctr_uint){true, 1024}; /* for the controller, which measures */
  return config;
}

static ctr_code start(judge *j, const ctr_config *config, const char *states, ctr_err *err) {
  ctr_container_desc desc = {.root = states, .plan = {.bundle = "/", .die_with_caller = true}};
  desc.process.stdio = CTR_STDIO_FDS;
  desc.process.fds[0] = STDIN_FILENO;
  for (int i = 0; i < 2; i++) {
    if (pipe2(j->out[i], O_CLOEXEC) < 0) {
      snprintf(err->msg, sizeof err->msg, "make a pipe: %s", strerror(errno));
      return CTR_E_SYS;
    }
    desc.process.fds[i + 1] = j->out[i][1];
  }
  j->began = now();
  ctr_code code = ctr_container_run(config, "judged", &desc, &j->container, err);
  for (int i = 0; i < 2; i++) close(j->out[i][1]);
  const ctr_watch_desc of_memory = {.kind = CTR_WATCH_OOM};
  if (!code && ctr_container_watch(j->container, &of_memory, &j->watch, err))
    j->watch = NULL; /* it has ended already */
  return code;
}

/* -- while it runs -- */

/* Passes on what it has written, as much as it may. false at the end. */
static bool pass_on(judge *j, int stream) {
  char data[65536];
  ssize_t n = read(j->out[stream][0], data, sizeof data);
  if (n <= 0) return false;
  const uint64_t most = (uint64_t)j->limits.output << 10;
  const uint64_t left = most - j->written, take = (uint64_t)n < left ? (uint64_t)n : left;
  j->written += take;
  for (size_t done = 0; done < take;) {
    ssize_t put = write(stream + 1, data + done, take - done);
    if (put <= 0) break;
    done += (size_t)put;
  }
  if (take < (uint64_t)n) end_it(j, "output limit");
  return true;
}

static void measure(judge *j) {
  ctr_arena mem = {0};
  ctr_stats stats;
  ctr_err err;
  if (!ctr_container_stats(j->container, &mem, &stats, &err)) {
    j->cpu = (double)stats.cpu.usage.total.value / 1e9;
    if (stats.memory.usage.max.set) j->memory = stats.memory.usage.max.value;
  }
  ctr_arena_free(&mem);
  j->wall = now() - j->began;
}

static void hear_of_memory(judge *j) {
  ctr_watch_report report;
  if (!j->watch || ctr_watch_read(j->watch, &report, NULL)) return;
  if (report.ooms) j->out_of_memory = true;
}

/* Until the program has ended and all that it wrote has been read. */
static void follow(judge *j) {
  struct pollfd fds[4] = {{.fd = j->out[0][0], .events = POLLIN},
                          {.fd = j->out[1][0], .events = POLLIN},
                          {.fd = ctr_process_pidfd(ctr_container_process(j->container)),
                           .events = POLLIN},
                          {.fd = j->watch ? ctr_watch_fd(j->watch) : -1, .events = POLLIN}};
  while (fds[0].fd >= 0 || fds[1].fd >= 0 || fds[2].fd >= 0) {
    if (poll(fds, 4, TICK_MS) < 0 && errno != EINTR) break;
    for (int i = 0; i < 2; i++)
      if (fds[i].fd >= 0 && fds[i].revents && !pass_on(j, i)) fds[i].fd = -1;
    if (fds[3].fd >= 0 && fds[3].revents) hear_of_memory(j);
    measure(j);
    if (j->limits.cpu < j->cpu || j->limits.wall < j->wall) end_it(j, "time limit");
    if (fds[2].fd >= 0 && fds[2].revents) {
      fds[2].fd = -1; /* what it started and left behind is no part of the answer */
      ctr_container_signal(j->container, SIGKILL, true, NULL);
    }
  }
  hear_of_memory(j);
}

/* -- the verdict -- */

static int say(judge *j, const ctr_exit *end) {
  char text[64];
  if (!j->verdict && j->out_of_memory) j->verdict = "memory limit";
  if (!j->verdict && end->signal) {
    snprintf(text, sizeof text, "signal %d", end->signal);
    j->verdict = text;
  } else if (!j->verdict && end->code) {
    snprintf(text, sizeof text, "exit code %d", end->code);
    j->verdict = text;
  }
  fprintf(stderr, "verdict: %s\n", j->verdict ? j->verdict : "ok");
  fprintf(stderr, "cpu: %.3f s   wall: %.3f s   memory: %.1f MiB   output: %llu bytes\n", j->cpu,
          j->wall, (double)j->memory / (1 << 20), (unsigned long long)j->written);
  return j->verdict ? NOT_OK : JUDGED_ALL;
}

static int run(judge *j, char **program, const char *states) {
  ctr_err err;
  ctr_exit end = {0};
  const ctr_config *config = configure(j, program, &err);
  if (!config || start(j, config, states, &err)) return give_up(&err);
  follow(j);
  ctr_code code = ctr_process_wait(ctr_container_process(j->container), &end, &err);
  int result = code ? give_up(&err) : say(j, &end);
  ctr_watch_free(j->watch);
  if (ctr_container_delete(j->container, true, &err)) result = give_up(&err);
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
    if (*end || end == argv[1] || !(value > 0) || value > 1e6) return NULL;
    if (!strcmp(*argv, "--wall")) l->wall = value;
    else if (!strcmp(*argv, "--cpu")) l->cpu = value;
    else if (!strcmp(*argv, "--memory")) l->memory = (long)value;
    else if (!strcmp(*argv, "--processes")) l->processes = (long)value;
    else if (!strcmp(*argv, "--output")) l->output = (long)value;
    else return NULL;
    argv += 2;
  }
  return *argv && argv[1] ? argv + 1 : NULL;
}

int main(int argc, char **argv) {
  judge j = {.limits = {.wall = 10, .cpu = 2, .memory = 256, .processes = 64, .output = 1024}};
  char states[] = "/tmp/judge.XXXXXX"; /* where the library keeps what it has to know */
  char **program = argc > 1 ? parse(argv + 1, &j.limits) : NULL;
  if (!program) return usage();
  if (!mkdtemp(states)) return perror("judge: make a directory below /tmp"), NOT_JUDGED;
  int result = run(&j, program, states);
  rmdir(states);
  ctr_arena_free(&j.mem);
  return result;
}
