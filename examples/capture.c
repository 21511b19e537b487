/* Runs a program in a container, feeds it our stdin, collects all it prints, says how it ended.

     cc -I.. -o capture capture.c
     echo 6 7 | ./capture awk '{ print $1 * $2 }'

   The point is the loop in `exchange`: whoever writes all of the input before reading any output,
   or reads stdout to its end before stderr, stands still as soon as one pipe is full (64 KiB). */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct buffer {
  char *data;
  size_t len, room;
} buffer;

/* One read into the buffer. 1: there may be more; 0: the end; -1: an error, EAGAIN and EINTR being
   "not now". */
static int read_some(int fd, buffer *b) {
  if (b->room - b->len < 65536) {
    char *bigger = realloc(b->data, b->room * 2 + 65536);
    if (!bigger) return -1;
    b->data = bigger;
    b->room = b->room * 2 + 65536;
  }
  ssize_t n = read(fd, b->data + b->len, 65536);
  if (n > 0) b->len += (size_t)n;
  return n > 0 ? 1 : n == 0 ? 0 : errno == EAGAIN || errno == EINTR ? 1 : -1;
}

static void close_end(int *fd) {
  close(*fd);
  *fd = -1; /* poll(2) skips negative descriptors, and the handle will not close it again */
}

/* One write of what is left of the input; the end is closed when it is all fed, or not wanted. */
static int feed(int *fd, const buffer *input, size_t *fed) {
  ssize_t n = *fed < input->len ? write(*fd, input->data + *fed, input->len - *fed) : 0;
  if (n > 0) *fed += (size_t)n;
  if (n < 0 && errno != EAGAIN && errno != EINTR && errno != EPIPE) return -1;
  if (*fed == input->len || (n < 0 && errno == EPIPE)) close_end(fd);
  return 0;
}

/* Feeds and drains all three pipes as each is ready, until the last one is closed. */
static int exchange(ctr_io *io, const buffer *input, buffer output[2]) {
  size_t fed = 0;
  for (int i = 0; i < 3; i++) fcntl(io->parent[i], F_SETFL, O_NONBLOCK);
  while (io->parent[0] >= 0 || io->parent[1] >= 0 || io->parent[2] >= 0) {
    struct pollfd fds[3] = {{io->parent[0], POLLOUT, 0},
                            {io->parent[1], POLLIN, 0},
                            {io->parent[2], POLLIN, 0}};
    if (poll(fds, 3, -1) < 0 && errno != EINTR) return -1;
    if (fds[0].revents && feed(&io->parent[0], input, &fed) < 0) return -1;
    for (int i = 1; i < 3; i++) {
      int more = fds[i].revents ? read_some(io->parent[i], &output[i - 1]) : 1;
      if (more < 0) return -1;
      if (more == 0) close_end(&io->parent[i]);
    }
  }
  return 0;
}

static ctr_code capture(const ctr_config *config, const buffer *input, buffer output[2],
                        ctr_exit *status, ctr_err *err) {
  ctr_process_desc desc = {.stdio = CTR_STDIO_PIPES};
  ctr_plan_desc plan_desc = {.die_with_caller = true};
  ctr_plan *plan = NULL;
  ctr_process *process = NULL;
  ctr_code code = ctr_plan_new(config, &plan_desc, &plan, err);
  if (!code) code = ctr_process_new(plan, &desc, &process, err);
  if (!code) code = ctr_process_start(process, err);
  if (!code) {
    int failed = exchange(ctr_process_io(process), input, output) < 0 ? errno : 0;
    code = failed ? ctr_process_terminate(process, err) : ctr_process_wait(process, status, err);
    if (failed && !code) {
      code = CTR_E_SYS;
      snprintf(err->msg, sizeof err->msg, "exchange with the program: %s", strerror(failed));
    }
  }
  ctr_process_free(process);
  ctr_plan_free(plan);
  return code;
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: capture COMMAND [ARG...]\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN); /* a program that does not read its input is no reason to die */
  ctr_arena mem = {0};
  ctr_config *config = NULL;
  ctr_exit status = {0};
  ctr_err err;
  buffer input = {0}, output[2] = {{0}, {0}};
  while (!isatty(0) && read_some(0, &input) > 0) continue;

  ctr_code code = ctr_config_default(&mem, CTR_DEFAULT_AUTO, &config, &err);
  if (!code) {
    config->process.args = (ctr_strs){(const char *const *)argv + 1, (size_t)argc - 1};
    code = capture(config, &input, output, &status, &err);
  }
  if (code) {
    fprintf(stderr, "capture: %s\n", err.msg);
  } else {
    if (output[0].len) fwrite(output[0].data, 1, output[0].len, stdout);
    if (output[1].len) fwrite(output[1].data, 1, output[1].len, stderr);
    fprintf(stderr, "capture: %zu bytes of stdout, %zu bytes of stderr, ", output[0].len,
            output[1].len);
    if (status.signal)
      fprintf(stderr, "killed by signal %d (%s)\n", status.signal, strsignal(status.signal));
    else
      fprintf(stderr, "exit code %d\n", status.code);
  }
  free(input.data);
  free(output[0].data);
  free(output[1].data);
  ctr_arena_free(&mem);
  return code ? 1 : ctr_exit_status(&status);
}
