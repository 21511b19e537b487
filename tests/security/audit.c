/* What a program in a container is and can get at, a line "KIND WHAT" each; files are opened, and
   nothing is read from or written to them but the few that say what else there is. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Lines of a file, from one on, that begin with one of the words; none: all. */
static void say_lines(const char *kind, const char *path, int from, const char *const *words) {
  char line[4096];
  FILE *file = fopen(path, "re");
  for (int n = 0; file && fgets(line, sizeof line, file); n++) {
    bool wanted = n >= from && !words;
    for (int i = 0; words && words[i]; i++) wanted |= !strncmp(line, words[i], strlen(words[i]));
    for (char *at = line; *at; at++)
      if (*at == '\t') *at = ' ';
    if (wanted) printf("%s %s", kind, line);
  }
  if (file) fclose(file);
}

static void say_links(const char *kind, const char *path) {
  char target[4096];
  DIR *dir = opendir(path);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof target - 1);
    if (n < 0 || atoi(e->d_name) == dirfd(dir)) continue;
    target[n] = '\0';
    printf("%s %s %s\n", kind, e->d_name, target);
  }
  if (dir) closedir(dir);
}

static bool opens(int dir, const char *name, int flags, bool *ret_null) {
  struct stat st;
  int fd = openat(dir, name, flags | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  *ret_null = fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
  close(fd);
  return true;
}

static void say_file(int dir, const char *name, const char *path, const struct stat *st) {
  bool null = false;
  if (S_ISLNK(st->st_mode) || S_ISSOCK(st->st_mode)) return;
  if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
    printf("device %s %s %u:%u\n", path, S_ISCHR(st->st_mode) ? "char" : "block",
           major(st->st_rdev), minor(st->st_rdev));
  if (opens(dir, name, O_RDONLY, &null)) printf("%s %s\n", null ? "null" : "read", path);
  if (opens(dir, name, O_WRONLY, &null) && !null) printf("write %s\n", path);
}

/* Our own threads and other processes' files are no more than our own. */
static bool is_left_out(const char *path) {
  return !strcmp(path, "/proc/1/task") || !strcmp(path, "/proc/1/map_files");
}

static void walk(const char *path, int depth) {
  char below[4096];
  struct stat st;
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  if (fd >= 0 && access(path, W_OK) == 0) printf("writable %s\n", path);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
    snprintf(below, sizeof below, "%s/%s", strcmp(path, "/") ? path : "", e->d_name);
    if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || is_left_out(below)) continue;
    if (!S_ISDIR(st.st_mode)) say_file(fd, e->d_name, below, &st);
    if (S_ISDIR(st.st_mode) && depth < 32) walk(below, depth + 1);
  }
  if (dir) closedir(dir);
}

static void say_sockets(void) {
  static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET};
  for (int family = 1; family < 64; family++)
    for (int i = 0; i < 4; i++) {
      int sock = socket(family, types[i] | SOCK_CLOEXEC, 0);
      if (sock >= 0) printf("socket %d %d\n", family, types[i]);
      if (sock >= 0) close(sock);
    }
}

static void say_processes(void) {
  DIR *dir = opendir("/proc");
  for (struct dirent *e; dir && (e = readdir(dir));)
    if (atoi(e->d_name) > 0) printf("process %s\n", e->d_name);
  if (dir) closedir(dir);
}

int main(void) {
  static const char *const status[] = {"Uid:",        "Gid:",     "Groups:", "CapInh:", "CapPrm:",
                                       "CapEff:",     "CapBnd:",  "CapAmb:", "SigBlk:", "SigIgn:",
                                       "NoNewPrivs:", "Seccomp:", NULL};
  say_lines("status", "/proc/self/status", 0, status);
  say_links("fd", "/proc/self/fd");
  say_links("ns", "/proc/self/ns");
  say_lines("mount", "/proc/self/mounts", 0, NULL);
  for (char **e = environ; *e; e++) printf("env %s\n", *e);
  say_processes();
  say_sockets();
  struct if_nameindex *names = if_nameindex();
  for (struct if_nameindex *at = names; at && at->if_index; at++)
    printf("interface %s\n", at->if_name);
  say_lines("unix", "/proc/net/unix", 1, NULL);
  say_lines("ipc", "/proc/sysvipc/msg", 1, NULL);
  say_lines("ipc", "/proc/sysvipc/sem", 1, NULL);
  say_lines("ipc", "/proc/sysvipc/shm", 1, NULL);
  say_lines("key", "/proc/keys", 0, NULL);
  char tty[64];
  printf("terminal %s\n", open("/dev/tty", O_RDWR | O_CLOEXEC) < 0 ? "none" : ctermid(tty));
  walk("/", 0);
  return 0;
}
