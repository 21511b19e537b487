/* Code in a container that is after the host's programs.

   writer send SOCKET PID...   finds the files that these processes run, have mapped, or have open
                               and could execute, and hands them to who keeps them; says "sent N"
   writer keep SOCKET          writes to each that it is handed, as soon as nobody runs it any more
                               (ETXTBSY); says "ready", then of each "written" or why not
   writer write PATH...        writes to each in the same way, and says the same

   static, without anything else: it is put into images. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int address(const char *path, struct sockaddr_un *ret) {
  *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
  snprintf(ret->sun_path, sizeof ret->sun_path, "%s", path);
  return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
}

typedef struct packet {
  struct iovec iov;
  union {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr head;
  char byte;
} packet;

static void fill(packet *p) {
  *p = (packet){.byte = 'f'};
  p->iov = (struct iovec){&p->byte, 1};
  p->head = (struct msghdr){.msg_iov = &p->iov,
                            .msg_iovlen = 1,
                            .msg_control = &p->control,
                            .msg_controllen = sizeof p->control.room};
}

static int hand_over(int sock, int fd) {
  packet p;
  fill(&p);
  p.control.head.cmsg_len = CMSG_LEN(sizeof fd);
  p.control.head.cmsg_level = SOL_SOCKET;
  p.control.head.cmsg_type = SCM_RIGHTS;
  memcpy(CMSG_DATA(&p.control.head), &fd, sizeof fd);
  return sendmsg(sock, &p.head, 0) == 1;
}

static int take(int sock) {
  packet p;
  int fd = -1;
  fill(&p);
  if (recvmsg(sock, &p.head, 0) == 1 && p.head.msg_controllen)
    memcpy(&fd, CMSG_DATA(&p.control.head), sizeof fd);
  return fd;
}

static int send_file(int sock, const char *path) {
  int fd = open(path, O_PATH | O_CLOEXEC);
  int sent = fd >= 0 && hand_over(sock, fd);
  if (fd >= 0) close(fd);
  return sent;
}

/* What was printed to is no prey. */
static int is_program(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0111);
}

static int send_those_in(int sock, const char *pid, const char *name) {
  char path[512];
  int sent = 0;
  snprintf(path, sizeof path, "/proc/%s/%s", pid, name);
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    snprintf(path, sizeof path, "/proc/%s/%s/%s", pid, name, e->d_name);
    if (*e->d_name != '.' && (*name != 'f' || is_program(path))) sent += send_file(sock, path);
  }
  if (dir) closedir(dir);
  return sent;
}

static int send_all(int sock, const char *pid) {
  char path[512];
  snprintf(path, sizeof path, "/proc/%s/exe", pid);
  return send_file(sock, path) + send_those_in(sock, pid, "map_files") +
         send_those_in(sock, pid, "fd");
}

static int send_main(char **pids, const char *socket_path) {
  struct sockaddr_un at;
  int sock = address(socket_path, &at), sent = 0;
  if (connect(sock, (struct sockaddr *)&at, sizeof at) < 0) return perror("connect"), 1;
  for (; *pids; pids++) sent += send_all(sock, *pids);
  printf("sent %d\n", sent);
  return 0;
}

/* 0, or why not. */
static int write_to(const char *path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = pwrite(fd, "written", 7, 0) == 7 ? 0 : errno;
  close(fd);
  return error;
}

static void keep_at(const char *path) {
  int error;
  while ((error = write_to(path)) == ETXTBSY)
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
  printf("%s\n", error ? strerror(error) : "written");
  fflush(stdout);
}

static void keep(int file) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  keep_at(path);
}

static int write_main(char **paths) {
  for (; *paths; paths++) keep_at(*paths);
  return 0;
}

static int keep_main(const char *socket_path) {
  struct sockaddr_un at;
  int listener = address(socket_path, &at);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 64) < 0)
    return perror("bind"), 1;
  printf("ready\n");
  fflush(stdout);
  for (;;) {
    int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC), files[256], count = 0;
    while (count < 256 && (files[count] = take(sock)) >= 0) count++;
    close(sock);
    for (int i = 0; i < count; i++) keep(files[i]), close(files[i]);
    printf("kept %d\n", count);
    fflush(stdout);
  }
}

int main(int argc, char **argv) {
  if (argc > 2 && !strcmp(argv[1], "keep")) return keep_main(argv[2]);
  if (argc > 2 && !strcmp(argv[1], "write")) return write_main(argv + 2);
  if (argc > 3 && !strcmp(argv[1], "send")) return send_main(argv + 3, argv[2]);
  return 2;
}
