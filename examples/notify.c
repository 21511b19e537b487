/* Lets a program without a network talk to one address, by answering one system call for it.

     cc -I.. -o notify notify.c
     ./notify 127.0.0.1 8080 -- curl http://127.0.0.1:8080/

   The container has a network namespace with nothing in it. Its filter asks us about connect(2): an
   address that is allowed we connect to ourselves, outside, and put the connected socket in the
   place of the program's. A build may so reach one mirror, a test one database, and nothing else;
   without a bridge, a virtual interface or root.

   What such an agent must get right (seccomp_unotify(2)):
   - The process that asks may have ended, and another have its pid. So what is opened of it is
     opened first, and then asked for whether the question is still there.
   - The address lies in its memory, where other threads can change it at any time: between our look
     at it and the kernel's. So nothing that we have checked is left to the kernel to read again
     (SECCOMP_USER_NOTIF_FLAG_CONTINUE): we connect to our copy of it.
   - What is let go on needs another barrier. Here it is the namespace: what the kernel then
     connects to is the container's own.
   - The address does not say what the socket is: one of UDP is none that we can replace.
   - A later kernel may know longer questions: SECCOMP_GET_NOTIF_SIZES tells how long, which an
     agent asks that is not compiled where it runs. This one has the structs of its headers.

   Exit code: the program's, 128 + a signal; 1 when it could not be run. */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct agent {
  struct sockaddr_in allowed;
  int listener;
} agent;

static bool is_still_asked(const agent *a, uint64_t id) {
  return ioctl(a->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

/* A file of the process that asks, for as long as it does; -1: it is gone. */
static int open_of(const agent *a, const struct seccomp_notif *question, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%u/%s", question->pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 && is_still_asked(a, question->id)) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

/* The address that it wants to connect to, copied once. */
static bool read_address(const agent *a, const struct seccomp_notif *question,
                         struct sockaddr_in *ret) {
  int memory = open_of(a, question, "mem");
  if (memory < 0) return false;
  ssize_t n = pread(memory, ret, sizeof *ret, (off_t)question->data.args[1]);
  close(memory);
  return n == sizeof *ret && question->data.args[2] >= sizeof *ret &&
         is_still_asked(a, question->id);
}

/* The number after a word in such a file; 0: there is none. */
static int number_of(const agent *a, const struct seccomp_notif *question, const char *name,
                     const char *word, int base) {
  char text[512] = "", *at;
  int info = open_of(a, question, name);
  if (info < 0) return 0;
  if (read(info, text, sizeof text - 1) < 0) *text = '\0';
  close(info);
  at = strstr(text, word);
  return at ? (int)strtol(at + strlen(word), NULL, base) : 0;
}

/* O_NONBLOCK and O_CLOEXEC of its socket, which the new one is to have as well. */
static int flags_of(const agent *a, const struct seccomp_notif *question) {
  char name[32];
  snprintf(name, sizeof name, "fdinfo/%d", (int)question->data.args[0]);
  return number_of(a, question, name, "flags:", 8);
}

/* Whether its socket is one of TCP. A thread asks; pidfd_getfd(2) takes a process. */
static bool is_tcp(const agent *a, const struct seccomp_notif *question) {
  int protocol = 0, sock = -1;
  socklen_t size = sizeof protocol;
  int pidfd = (int)syscall(SYS_pidfd_open, number_of(a, question, "status", "\nTgid:", 10), 0);
  if (pidfd >= 0 && is_still_asked(a, question->id))
    sock = (int)syscall(SYS_pidfd_getfd, pidfd, (int)question->data.args[0], 0);
  if (sock >= 0) getsockopt(sock, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
  if (sock >= 0) close(sock);
  if (pidfd >= 0) close(pidfd);
  return protocol == IPPROTO_TCP;
}

/* Puts a socket of ours, connected, in the place of the program's. Returns 0 or an errno. */
static int connect_for(const agent *a, const struct seccomp_notif *question) {
  const int flags = flags_of(a, question);
  int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;
  if (sock < 0) return errno;
  if (connect(sock, (const struct sockaddr *)&a->allowed, sizeof a->allowed) < 0) error = errno;
  if (!error) fcntl(sock, F_SETFL, flags & O_NONBLOCK);
  struct seccomp_notif_addfd in_its_place = {.id = question->id,
                                             .flags = SECCOMP_ADDFD_FLAG_SETFD,
                                             .srcfd = (uint32_t)sock,
                                             .newfd = (uint32_t)question->data.args[0],
                                             .newfd_flags = (uint32_t)(flags & O_CLOEXEC)};
  if (!error && ioctl(a->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &in_its_place) < 0) error = errno;
  close(sock);
  return error;
}

static bool is_allowed(const agent *a, const struct sockaddr_in *wanted) {
  return wanted->sin_family == AF_INET && wanted->sin_port == a->allowed.sin_port &&
         wanted->sin_addr.s_addr == a->allowed.sin_addr.s_addr;
}

static void answer(const agent *a) {
  struct seccomp_notif question = {0}; /* the kernel takes no other */
  struct sockaddr_in wanted = {0};
  if (ioctl(a->listener, SECCOMP_IOCTL_NOTIF_RECV, &question) < 0) return; /* it has ended */
  struct seccomp_notif_resp said = {.id = question.id};
  if (read_address(a, &question, &wanted) && is_allowed(a, &wanted) && is_tcp(a, &question))
    said.error = -connect_for(a, &question);
  else
    said.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE; /* into a network with nothing in it */
  ioctl(a->listener, SECCOMP_IOCTL_NOTIF_SEND, &said);
}

/* Until the program has ended; descendants of it that live on are asked no more. */
static void serve(const agent *a, const ctr_process *process) {
  struct pollfd fds[] = {{.fd = a->listener, .events = POLLIN},
                         {.fd = ctr_process_pidfd(process), .events = POLLIN}};
  while (!fds[1].revents) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) return;
    if (fds[0].revents & POLLIN) answer(a);
    if (fds[0].revents & POLLHUP) fds[0].fd = -1; /* nobody has the filter any more */
  }
}

static ctr_code run(agent *a, ctr_config *config, ctr_exit *status, ctr_err *err) {
  const ctr_syscall asked = {.names = CTR_STRS("connect"), .action = CTR_SCMP_ACT_NOTIFY};
  const ctr_plan_desc desc = {.keep_listener = true, .die_with_caller = true};
  ctr_plan *plan = NULL;
  ctr_process *process = NULL;
  config->linux_.seccomp.syscalls = (ctr_syscalls){&asked, 1}; /* before the preset's */
  ctr_code code = ctr_plan_new(config, &desc, &plan, err);
  if (!code) code = ctr_process_new(plan, NULL, &process, err);
  if (!code) code = ctr_process_start(process, err);
  if (!code) {
    a->listener = ctr_process_listener(process);
    serve(a, process);
    code = ctr_process_wait(process, status, err);
  }
  ctr_process_free(process);
  ctr_plan_free(plan);
  return code;
}

/* 1 to 65535, in network order; 0: it is none. */
static in_port_t port_of(const char *text) {
  char *end;
  long number = *text >= '0' && *text <= '9' ? strtol(text, &end, 10) : 0;
  return number > 0 && number <= UINT16_MAX && !*end ? htons((uint16_t)number) : 0;
}

int main(int argc, char **argv) {
  agent a = {.allowed = {.sin_family = AF_INET}};
  ctr_arena mem = {0};
  ctr_config *config = NULL;
  ctr_exit status = {.code = 1};
  ctr_err err = {0};
  if (argc > 2) a.allowed.sin_port = port_of(argv[2]);
  if (argc < 5 || strcmp(argv[3], "--") != 0 || !a.allowed.sin_port ||
      inet_pton(AF_INET, argv[1], &a.allowed.sin_addr) != 1) {
    fputs("usage: notify ADDRESS PORT -- PROGRAM ARGUMENT...\n", stderr);
    return 1;
  }
  ctr_code code = ctr_config_default(&mem, CTR_DEFAULT_AUTO, &config, &err);
  if (!code) {
    config->process.args = (ctr_strs){(const char *const *)argv + 4, (size_t)argc - 4};
    code = run(&a, config, &status, &err);
  }
  if (code) fprintf(stderr, "notify: %s\n", err.msg);
  ctr_arena_free(&mem);
  return code ? 1 : ctr_exit_status(&status);
}
