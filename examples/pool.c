/* Runs many jobs, each in a container of its own, some hundred at a time, from one event loop.

     cc -I.. -o pool pool.c
     ./pool                                        1,000 jobs, 200 at a time
     ./pool -j 50 -n 200 -- sh -c 'exit $((JOB % 10 == 0))'

   A running container is three descriptors: its pidfd, readable when it has ended (pidfd_open(2)),
   and what it writes to stdout and stderr. epoll(7) watches all of them, and a signalfd(2) for
   Ctrl-C: no thread, no signal handler. All jobs run the same command, told apart by $JOB. */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum {
  KEEP = 16384, /* bytes of each stream of each job; what comes after is only counted */
  FDS_A_JOB = 3,
  FDS_BESIDE = 32 /* our own, and what a start has open until it returns */
};

/* A place in the pool, for one job after the other. */
typedef struct job {
  ctr_process *process; /* NULL: the place is free */
  int number;
  struct {
    char data[KEEP];
    size_t len;
  } out[2]; /* stdout, stderr */
} job;

typedef struct pool {
  ctr_config *config;
  char variable[32]; /* "JOB=17", the last string of the config's process.env */
  job *places;
  int epoll, signals;
  int jobs, parallel;                /* how many, and how many at a time */
  int begun, running, peak;          /* of the jobs, which are numbered from 1 */
  int ok, failed, unstarted, killed; /* what became of them */
  int stop;                          /* the signal that ended it all, or 0 */
  int64_t starting, said_at;         /* nanoseconds spent in starts; when progress was shown */
  int say_next;                      /* the number of jobs done to show it again */
  unsigned long long bytes;          /* read from all of them */
} pool;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What an event is about is a number: the place times 3, plus 0 for the end of the process, 1 and 2
   for its stdout and stderr. The place behind the last one stands for the signals. */
static bool watch(const pool *p, int fd, int place, int what) {
  struct epoll_event event = {.events = EPOLLIN,
                              .data = {.u64 = (uint64_t)place * 3 + (uint64_t)what}};
  return (what == 0 || fcntl(fd, F_SETFL, O_NONBLOCK) == 0) &&
         epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static ctr_code watch_job(const pool *p, const job *j, ctr_err *err) {
  const int place = (int)(j - p->places);
  ctr_io *io = ctr_process_io(j->process);
  close(io->parent[0]); /* there is nothing to tell it */
  io->parent[0] = -1;   /* the handle will not close it again */
  if (watch(p, ctr_process_pidfd(j->process), place, 0) && watch(p, io->parent[1], place, 1) &&
      watch(p, io->parent[2], place, 2))
    return CTR_OK;
  snprintf(err->msg, sizeof err->msg, "watch its descriptors: %s", strerror(errno));
  ctr_process_terminate(j->process, NULL);
  return CTR_E_SYS;
}

/* A plan is needed until ctr_process_start returns. Each job has its own here, as the environment
   is part of it. Jobs that differ in nothing, or in what they read from stdin, can share one. */
static void start(pool *p, job *j) {
  const ctr_plan_desc desc = {.die_with_caller = true}; /* whatever ends us, nothing stays */
  const ctr_process_desc pipes = {.stdio = CTR_STDIO_PIPES};
  const int64_t before = now();
  ctr_plan *plan = NULL;
  ctr_err err;
  j->number = ++p->begun;
  j->out[0].len = j->out[1].len = 0;
  snprintf(p->variable, sizeof p->variable, "JOB=%d", j->number);
  ctr_code code = ctr_plan_new(p->config, &desc, &plan, &err);
  if (!code) code = ctr_process_new(plan, &pipes, &j->process, &err);
  if (!code) code = ctr_process_start(j->process, &err);
  if (!code) code = watch_job(p, j, &err);
  ctr_plan_free(plan);
  p->starting += now() - before;
  if (!code) {
    if (++p->running > p->peak) p->peak = p->running;
    return;
  }
  ctr_process_free(j->process);
  j->process = NULL;
  if (p->unstarted++ == 0)
    fprintf(stderr, "pool: job %d, the first that did not start: %s\n", j->number, err.msg);
}

/* One read of a stream (1: stdout, 2: stderr). Returns whether there may be more by now. */
static bool drain(pool *p, job *j, int stream) {
  static char data[65536];
  int *fd = &ctr_process_io(j->process)->parent[stream];
  ssize_t n = *fd < 0 ? 0 : read(*fd, data, sizeof data);
  if (n > 0) {
    size_t room = KEEP - j->out[stream - 1].len, kept = (size_t)n < room ? (size_t)n : room;
    memcpy(j->out[stream - 1].data + j->out[stream - 1].len, data, kept);
    j->out[stream - 1].len += kept;
    p->bytes += (unsigned long long)n;
  } else if (n == 0 && *fd >= 0) { /* left open, its end would be an event for ever */
    close(*fd);
    *fd = -1;
  }
  return n > 0;
}

/* The first process of a pid namespace ends last (pid_namespaces(7)): when its pidfd is readable
   nobody can write any more, and all that was written is in the pipes. */
static void finish(pool *p, job *j) {
  ctr_exit status = {0};
  ctr_err err;
  while (drain(p, j, 1) || drain(p, j, 2)) continue;
  ctr_code code = ctr_process_wait(j->process, &status, &err);
  if (!code && p->stop && status.signal == SIGKILL) {
    p->killed++;
  } else if (!code && ctr_exit_status(&status) == 0) {
    p->ok++; /* this is where a real program would use j->out */
  } else if (p->failed++ == 0) {
    if (!code) snprintf(err.msg, sizeof err.msg, "exit status %d", ctr_exit_status(&status));
    fprintf(stderr, "pool: job %d, the first that failed: %s\n", j->number, err.msg);
    fwrite(j->out[1].data, 1, j->out[1].len, stderr);
  }
  ctr_process_free(j->process); /* closes its descriptors, which takes them out of the epoll */
  j->process = NULL;
  p->running--;
}

static void progress(pool *p) {
  const int done = p->begun - p->running;
  const bool terminal = isatty(2);
  if (terminal ? now() - p->said_at < 100000000 : done < p->say_next && done < p->jobs) return;
  p->said_at = now();
  p->say_next = done + (p->jobs + 3) / 4;
  fprintf(stderr, "%d of %d done, %d running, %d failed%s", done, p->jobs, p->running,
          p->failed + p->unstarted, terminal ? "\033[K\r" : "\n");
}

/* Each will be an event, as if it had ended by itself. */
static void kill_all(pool *p) {
  struct signalfd_siginfo info;
  if (read(p->signals, &info, sizeof info) != (ssize_t)sizeof info) return;
  p->stop = (int)info.ssi_signo;
  for (int i = 0; i < p->parallel; i++)
    if (p->places[i].process) ctr_process_signal(p->places[i].process, SIGKILL, NULL);
}

/* A start takes a few milliseconds, in which nobody empties the pipes: there is one in each turn,
   and none among the events, of which a later one may be about a job that an earlier one has ended
   and must not be taken for the next job in its place. */
static int run(pool *p) {
  struct epoll_event events[64];
  for (;;) {
    const bool more = !p->stop && p->begun < p->jobs && p->running < p->parallel;
    job *j = p->places;
    while (more && j->process) j++; /* fewer are running than there are places */
    if (more) start(p, j);
    if (!more && p->running == 0) return 0;
    int count = epoll_wait(p->epoll, events, 64, more ? 0 : -1);
    if (count < 0 && errno != EINTR) return -1;
    for (int i = 0; i < count; i++) {
      const int what = (int)(events[i].data.u64 % 3);
      j = &p->places[events[i].data.u64 / 3];
      if (j == &p->places[p->parallel])
        kill_all(p);
      else if (j->process && what)
        drain(p, j, what);
      else if (j->process)
        finish(p, j);
    }
    progress(p);
  }
}

static int summary(const pool *p, double seconds) {
  if (isatty(2)) fprintf(stderr, "\033[K");
  printf("jobs         %d\nok           %d\nfailed       %d\nnot started  %d\n", p->jobs, p->ok,
         p->failed, p->unstarted);
  printf("killed       %d\nnot begun    %d\n", p->killed, p->jobs - p->begun);
  printf("peak         %d at a time\n", p->peak);
  printf("starts       %.0f per second, %.2f ms each\n", p->begun / seconds,
         (double)p->starting / 1e6 / (p->begun ? p->begun : 1));
  printf("wall time    %.2f s\noutput       %llu bytes\n", seconds, p->bytes);
  return p->stop ? 128 + p->stop : p->ok < p->jobs;
}

/* How many at a time, of those asked for, the limit of descriptors allows, once raised as far as
   any process may. The jobs get the limit as it was before. */
static int fitting(int parallel, ctr_rlimit *before) {
  const rlim_t needed = (rlim_t)parallel * FDS_A_JOB + FDS_BESIDE;
  struct rlimit limit = {0, 0};
  getrlimit(RLIMIT_NOFILE, &limit);
  *before = (ctr_rlimit){CTR_RLIMIT_NOFILE, limit.rlim_cur, limit.rlim_max};
  if (limit.rlim_cur >= needed) return parallel;
  limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur == needed) return parallel;
  const int room = (int)limit.rlim_cur - FDS_BESIDE, fits = room < FDS_A_JOB ? 1 : room / FDS_A_JOB;
  fprintf(stderr, "pool: RLIMIT_NOFILE is %d: %d at a time instead of %d\n", (int)limit.rlim_cur,
          fits, parallel);
  return fits;
}

static int run_all(pool *p) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL); /* ours alone: programs are started with an empty mask */
  p->places = calloc((size_t)p->parallel, sizeof *p->places);
  p->epoll = epoll_create1(EPOLL_CLOEXEC);
  p->signals = signalfd(-1, &set, SFD_CLOEXEC);
  int64_t before = now();
  if (!p->places || !watch(p, p->signals, p->parallel, 0) || run(p) < 0) perror("pool");
  close(p->epoll);
  close(p->signals);
  free(p->places);
  return summary(p, (double)(now() - before) / 1e9);
}

int main(int argc, char **argv) {
  pool p = {.jobs = 1000, .parallel = 200};
  int option;
  while ((option = getopt(argc, argv, "+j:n:")) != -1) {
    char *end = NULL;
    const long value = option == '?' ? 0 : strtol(optarg, &end, 10);
    *(option == 'j' ? &p.parallel : &p.jobs) = (int)value;
    if (value > 0 && value <= 1000000 && !*end) continue;
    fprintf(stderr, "usage: pool [-j PARALLEL] [-n JOBS] [--] [COMMAND...]\n");
    return 2;
  }
  ctr_arena mem = {0};
  ctr_err err;
  ctr_rlimit files;
  p.parallel = fitting(p.parallel < p.jobs ? p.parallel : p.jobs, &files);
  if (ctr_config_default(&mem, CTR_DEFAULT_AUTO, &p.config, &err)) {
    fprintf(stderr, "pool: %s\n", err.msg);
    return 1;
  }
  ctr_process_config *process = &p.config->process;
  process->env = CTR_STRS("PATH=/usr/local/bin:/usr/bin:/bin", p.variable);
  process->rlimits = (ctr_rlimits){&files, 1};
  process->args = CTR_STRS("sh", "-c", "echo job $JOB is pid $$; sleep 3");
  if (optind < argc)
    process->args = (ctr_strs){(const char *const *)argv + optind, (size_t)(argc - optind)};
  int status = run_all(&p);
  ctr_arena_free(&mem);
  return status;
}
