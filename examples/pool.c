/* Runs many jobs, each in a container of its own, some hundred at a time, from one event loop.

     cc -I.. -o pool pool.c
     ./pool                                        1,000 jobs, 200 at a time
     ./pool -j 50 -n 200 -- sh -c 'exit $((JOB % 10 == 0))'

   A running container is three descriptors: its pidfd, readable when it has ended (pidfd_open(2)),
   and what it writes to stdout and stderr. epoll(7) watches all of them, and a signalfd(2): there
   is no thread and no signal handler. All jobs run the same command, told apart by $JOB. */
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
  KEEP = 16384,   /* of each stream of each job, bytes: what comes after is counted only */
  FDS_PER_JOB = 3,
  FDS_BESIDE = 32 /* ours, and what a start needs until it returns */
};

typedef struct stream {
  char data[KEEP];
  size_t len;
} stream;

/* A place in the pool. */
typedef struct job {
  ctr_process *process; /* NULL: the place is free */
  int number;
  stream out[2]; /* stdout, stderr */
} job;

typedef struct pool {
  ctr_config *config;
  char variable[32]; /* "JOB=17", the last string of the config's process.env */
  job *places;
  int epoll, signals;
  int jobs, parallel;                           /* how many, and how many at a time */
  int next, running, peak;                      /* jobs are numbered from 1 */
  int ok, failed, unstarted, stopped, stop;     /* stop: the signal that ended it all, or 0 */
  int64_t starting;                             /* time spent in starts, nanoseconds */
  unsigned long long bytes;
  char first_failed[200];
  ctr_err first_unstarted;
} pool;

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* -- one job -- */

/* What an event is about: the place in the pool times 3, plus 0 for the end of the process, 1 and 2
   for its stdout and stderr. */
static int watch(pool *p, const job *j, int what) {
  int fd = what ? ctr_process_io(j->process)->parent[what] : ctr_process_pidfd(j->process);
  if (what && fcntl(fd, F_SETFL, O_NONBLOCK) < 0) return -1;
  struct epoll_event event = {.events = EPOLLIN};
  event.data.u64 = (uint64_t)(j - p->places) * 3 + (uint64_t)what;
  return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &event);
}

static ctr_code watch_all(pool *p, job *j, ctr_err *err) {
  ctr_io *io = ctr_process_io(j->process);
  close(io->parent[0]); /* nothing to tell it: its stdin is at the end */
  io->parent[0] = -1;   /* the handle will not close it again */
  for (int what = 0; what < 3; what++) {
    if (watch(p, j, what) == 0) continue;
    int failed = errno;
    ctr_process_terminate(j->process, NULL);
    *err = (ctr_err){.code = CTR_E_SYS, .sys = failed};
    snprintf(err->msg, sizeof err->msg, "watch its descriptors: %s", strerror(failed));
  }
  return err->code;
}

/* A plan is needed until ctr_process_start returns. Here each job has its own, as the environment is
   part of it; jobs that differ in nothing, or in what they read from stdin, can share one plan. */
static ctr_code start(pool *p, job *j, ctr_err *err) {
  const ctr_plan_desc desc = {.die_with_caller = true}; /* whatever ends us: nothing stays */
  const ctr_process_desc pipes = {.stdio = CTR_STDIO_PIPES};
  ctr_plan *plan = NULL;
  snprintf(p->variable, sizeof p->variable, "JOB=%d", j->number);
  ctr_code code = ctr_plan_new(p->config, &desc, &plan, err);
  if (!code) code = ctr_process_new(plan, &pipes, &j->process, err);
  if (!code) code = ctr_process_start(j->process, err);
  if (!code) code = watch_all(p, j, err);
  ctr_plan_free(plan);
  return code;
}

static void start_next(pool *p) {
  job *j = p->places;
  ctr_err err;
  while (j->process) j++; /* fewer are running than there are places */
  j->number = p->next++;
  j->out[0].len = j->out[1].len = 0;
  int64_t before = now();
  ctr_code code = start(p, j, &err);
  p->starting += now() - before;
  if (code) {
    ctr_process_free(j->process);
    j->process = NULL;
    if (p->unstarted++ == 0) p->first_unstarted = err;
  } else if (++p->running > p->peak) {
    p->peak = p->running;
  }
}

/* One read from stdout or stderr. Returns whether there may be more now. */
static bool drain(pool *p, job *j, int what) {
  static char data[65536];
  int *fd = &ctr_process_io(j->process)->parent[what];
  stream *s = &j->out[what - 1];
  ssize_t n = *fd < 0 ? -1 : read(*fd, data, sizeof data);
  if (n < 0) return false;
  if (n == 0) { /* until it is closed, the end of a pipe is an event every time */
    close(*fd);
    *fd = -1;
    return false;
  }
  size_t kept = (size_t)n < KEEP - s->len ? (size_t)n : KEEP - s->len;
  memcpy(s->data + s->len, data, kept);
  s->len += kept;
  p->bytes += (unsigned long long)n;
  return true;
}

/* The last line of what a job wrote to stderr, or of what was kept of it; it may write anything. */
static void note_failure(pool *p, const job *j, const ctr_exit *status) {
  const stream *s = &j->out[1];
  size_t end = s->len, from;
  while (end > 0 && s->data[end - 1] == '\n') end--;
  for (from = end; from > 0 && s->data[from - 1] != '\n';) from--;
  int n = snprintf(p->first_failed, sizeof p->first_failed, "job %d: %s %d%s%.*s", j->number,
                   status->signal ? "killed by signal" : "exit code",
                   status->signal ? status->signal : status->code, end > from ? ": " : "",
                   end - from < 120 ? (int)(end - from) : 120, s->data + from);
  for (int i = 0; i < n && p->first_failed[i]; i++)
    if (p->first_failed[i] < ' ' || p->first_failed[i] == 127) p->first_failed[i] = '?';
}

/* The first process of a pid namespace ends last (pid_namespaces(7)): nobody is left to write, and
   what was written is in the pipes. This is where a real program would use j->out. */
static void finish(pool *p, job *j) {
  ctr_exit status = {0};
  ctr_err err;
  for (int what = 1; what < 3; what++)
    while (drain(p, j, what)) continue;
  if (ctr_process_wait(j->process, &status, &err)) {
    if (p->failed++ == 0) snprintf(p->first_failed, sizeof p->first_failed, "%.199s", err.msg);
  } else if (p->stop && status.signal == SIGKILL) {
    p->stopped++;
  } else if (ctr_exit_status(&status) == 0) {
    p->ok++;
  } else if (p->failed++ == 0) {
    note_failure(p, j, &status);
  }
  ctr_process_free(j->process); /* closes its descriptors, which takes them out of the epoll */
  j->process = NULL;
  p->running--;
}

/* -- all jobs -- */

static void progress(const pool *p) {
  static int64_t last;
  static int quarters;
  int done = p->ok + p->failed + p->unstarted + p->stopped;
  if (isatty(2) && now() - last >= 100000000) {
    last = now();
    fprintf(stderr, "\r%d of %d done, %d running, %d failed\033[K", done, p->jobs, p->running,
            p->failed + p->unstarted);
  } else if (!isatty(2) && (int64_t)done * 4 / p->jobs > quarters) {
    quarters = (int)((int64_t)done * 4 / p->jobs);
    fprintf(stderr, "%d of %d done, %d failed\n", done, p->jobs, p->failed + p->unstarted);
  }
}

static void stop(pool *p) {
  struct signalfd_siginfo info;
  if (read(p->signals, &info, sizeof info) != (ssize_t)sizeof info) return;
  p->stop = (int)info.ssi_signo;
  for (int i = 0; i < p->parallel; i++)
    if (p->places[i].process) ctr_process_signal(p->places[i].process, SIGKILL, NULL);
}

/* A start takes a few milliseconds in which nobody empties the pipes: so there is one in each turn.
   Nor does one happen among events: those of a job that has ended may come later in the same list,
   and must not be taken for those of the next one in its place. */
static int run(pool *p) {
  struct epoll_event events[64];
  for (;;) {
    bool room = !p->stop && p->next <= p->jobs && p->running < p->parallel;
    if (room) start_next(p);
    if (!room && p->running == 0) return 0;
    int count = epoll_wait(p->epoll, events, 64, room ? 0 : -1);
    if (count < 0 && errno != EINTR) return -1;
    for (int i = 0; i < count; i++) {
      uint64_t place = events[i].data.u64 / 3;
      int what = (int)(events[i].data.u64 % 3);
      job *j = place < (uint64_t)p->parallel ? &p->places[place] : NULL;
      if (!j)
        stop(p);
      else if (j->process && what == 0)
        finish(p, j);
      else if (j->process)
        drain(p, j, what);
    }
    progress(p);
  }
}

static int summary(const pool *p, double seconds) {
  int started = p->ok + p->failed + p->stopped;
  int begun = p->next - 1;
  if (isatty(2)) fprintf(stderr, "\r\033[K");
  if (p->first_failed[0]) fprintf(stderr, "pool: first failure: %s\n", p->first_failed);
  if (p->unstarted) fprintf(stderr, "pool: first that did not start: %s\n", p->first_unstarted.msg);
  if (p->stop) fprintf(stderr, "pool: ended by signal %d, %d killed, %d not begun\n", p->stop,
                       p->stopped, p->jobs - begun);
  printf("jobs         %d\nok           %d\nfailed       %d\nnot started  %d\n", p->jobs, p->ok,
         p->failed, p->unstarted);
  printf("wall time    %.2f s\n", seconds);
  printf("starts       %.0f per second, %.2f ms each\n", started / seconds,
         begun ? (double)p->starting / 1e6 / begun : 0);
  printf("peak         %d at a time\noutput       %llu bytes\n", p->peak, p->bytes);
  return p->stop ? 128 + p->stop : p->ok < p->jobs;
}
