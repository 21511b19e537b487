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

static void *grow(buffer *b, size_t need) {
  if (b->room - b->len >= need) return b->data + b->len;
  size_t room = b->room * 2 + need;
  char *bigger = realloc(b->data, room);
  if (!bigger) return NULL;
  b->data = bigger;
  b->room = room;
  return b->data + b->len;
}

/* One read into the buffer. 1: there may be more; 0: the end, or nothing just now with *again. */
static int read_some(int fd, buffer *b, int *again) {
  char *at = grow(b, 65536);
  ssize_t n = at ? read(fd, at, 65536) : -1;
  *again = n < 0 && (errno == EAGAIN || errno == EINTR);
  if (n > 0) b->len += (size_t)n;
  return n > 0;
}

static void close_end(int *fd) {
  close(*fd);
  *fd = -1; /* poll(2) skips negative descriptors, and the handle will not close it again */
}

/* Feeds and drains all three pipes as each is ready, until the last one is closed. */
static int exchange(ctr_io *io, const buffer *input, buffer output[2]) {
  size_t fed = 0;
  for (int i = 0; i < 3; i++) fcntl(io->parent[i], F_SETFL, O_NONBLOCK);
  while (io->parent[1] >= 0 || io->parent[2] >= 0) {
    if (io->parent[0] >= 0 && fed == input->len) close_end(&io->parent[0]);
    struct pollfd fds[3] = {{io->parent[0], POLLOUT, 0},
                            {io->parent[1], POLLIN, 0},
                            {io->parent[2], POLLIN, 0}};
    if (poll(fds, 3, -1) < 0 && errno != EINTR) return -1;
    if (fds[0].revents) {
      ssize_t n = write(io->parent[0], input->data + fed, input->len - fed);
      if (n > 0) fed += (size_t)n;
      if (n < 0 && errno != EAGAIN && errno != EINTR) fed = input->len; /* it reads no more */
    }
    for (int i = 1; i < 3; i++) {
      int again;
      if (fds[i].revents && !read_some(io->parent[i], &output[i - 1], &again) && !again)
        close_end(&io->parent[i]);
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
    if (exchange(ctr_process_io(process), input, output) < 0)
      code = ctr_process_terminate(process, err);
    else
      code = ctr_process_wait(process, status, err);
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
  for (int again = 0; !isatty(0) && (read_some(0, &input, &again) || again);) continue;

  ctr_code code = ctr_config_default(&mem, CTR_DEFAULT_AUTO, &config, &err);
  if (!code) {
    config->process.args = (ctr_strs){(const char *const *)argv + 1, (size_t)argc - 1};
    code = capture(config, &input, output, &status, &err);
  }
  if (code) {
    fprintf(stderr, "capture: %s\n", err.msg);
  } else {
    fwrite(output[0].data, 1, output[0].len, stdout);
    fwrite(output[1].data, 1, output[1].len, stderr);
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
