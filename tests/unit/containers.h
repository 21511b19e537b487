/* Containers that nobody made: a state root of the test's own, with directories and files in it as
   a maker would have left them, and ordinary processes for their first ones.

     TEST(what_was_written_is_found) {
       ctr__stored stored = stored_of("box", 0);
       new_root();
       put("box", &stored);
       ...
       drop_root();
     } */
#ifndef CONTAINERS_H
#define CONTAINERS_H

#define CTR_IMPLEMENTATION
#include "ctr.h"

#include "../test.h"
#include "processes.h"

#include <ftw.h>

/* -- a state root -- */

static char root[256]; /* of the test that runs */

static inline void new_root(void) {
  const char *tmp = getenv("TMPDIR");
  snprintf(root, sizeof root, "%s/ctr-unit.XXXXXX", tmp && *tmp ? tmp : "/tmp");
  if (!mkdtemp(root)) abort();
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st;
  (void)type;
  (void)ftw;
  return remove(path);
}

static inline void drop_root(void) {
  CHECK(nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

/* A path below the root; of two at most at a time. */
static inline const char *below_root(const char *id, const char *file) {
  static char paths[2][1024];
  static int turn;
  turn ^= 1;
  snprintf(paths[turn], sizeof *paths, "%s/%s%s%s", root, id, file ? "/" : "", file ? file : "");
  return paths[turn];
}

static inline bool is_there(const char *id, const char *file) {
  struct stat st;
  return lstat(below_root(id, file), &st) == 0;
}

/* The directory of a container, made when it is missing. */
static inline int directory(const char *id) {
  mkdir(below_root(id, NULL), 0700);
  int dir = open(below_root(id, NULL), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) abort();
  return dir;
}

static inline void put_file(const char *id, const char *file, const char *text, size_t len) {
  int dir = directory(id);
  int fd = openat(dir, file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len);
  close(fd);
  close(dir);
}

/* A socket that somebody listens at: *ret's owner. */
static inline int put_socket(const char *id, const char *file) {
  int dir = directory(id), sock = ctr__listen(dir, file, SOCK_SEQPACKET);
  CHECK(sock >= 0);
  close(dir);
  return sock;
}

static inline void put(const char *id, const ctr__stored *stored) {
  ctr_arena mem = {0};
  ctr_err err = {.code = CTR_OK};
  int dir = directory(id);
  CHECK_MSG(!ctr__save(&mem, dir, stored, &err), "%s", err.msg);
  close(dir);
  ctr_arena_free(&mem);
}

/* -- processes -- */

/* A child of ours that is dead and reaped. */
static inline bool is_reaped(pid_t pid) {
  return waitpid(pid, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static inline uint64_t start_time_of(pid_t pid) {
  ctr__proc_stat stat = {0};
  CHECK_NUM(ctr__read_proc_stat(pid, &stat), 0);
  return stat.start_time;
}

/* What a maker writes down. pid 0: one that has ended long ago. */
static inline ctr__stored stored_of(const char *id, pid_t pid) {
  static const char *const args[] = {"sh"};
  return (ctr__stored){.id = id,
                       .bundle = "/bundle",
                       .rootfs = "/bundle/rootfs",
                       .created = "2026-01-02T03:04:05.000000006Z",
                       .owner = geteuid(),
                       .pid = pid ? pid : INT32_MAX,
                       .startTime = pid ? start_time_of(pid) : 1,
                       .config = {.ociVersion = "1.3.0",
                                  .root = {"/bundle/rootfs", false},
                                  .process = {.cwd = "/", .args = {args, 1}}}};
}

/* -- what becomes of them -- */

static inline ctr_status status_of(const char *id) {
  ctr_container *c = NULL;
  ctr_state state = {.id = ""};
  ctr_err err = {.code = CTR_OK};
  CHECK_MSG(!ctr_container_open(root, id, &c, &err), "%s", err.msg);
  if (!c) return (ctr_status)0;
  CHECK_MSG(!ctr_container_state(c, &state, &err), "%s", err.msg);
  CHECK(!strcmp(state.id, id) && (state.status == CTR_STATUS_STOPPED) == !state.pid);
  ctr_container_free(c);
  return state.status;
}

#define CHECK_STATUS(id, should)                                                                   \
  do {                                                                                             \
    ctr_status status_ = status_of(id);                                                            \
    CHECK_MSG(status_ == (should), "%s is %s, should be %s", id, ctr_status_name(status_),         \
              ctr_status_name(should));                                                            \
  } while (0)

#endif
