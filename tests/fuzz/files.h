/* Files of the system that are not there: what the library opens by name is what the fuzzer says.
   A name is the last component of a path; others do not exist. Before fuzz.h. */
#ifndef FILES_H
#define FILES_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILES_MAX = 64 };

static struct files_entry {
  char name[64];
  const void *bytes;
  size_t len;
} files[FILES_MAX];
static size_t files_count;

static inline void files_clear(void) {
  files_count = 0;
}

/* The bytes are borrowed. */
static inline void files_put(const char *name, const void *bytes, size_t len) {
  size_t i = 0;
  while (i < files_count && strcmp(files[i].name, name) != 0) i++;
  if (i == FILES_MAX || strlen(name) >= sizeof files[i].name) return;
  files_count += i == files_count;
  strcpy(files[i].name, name);
  files[i].bytes = bytes;
  files[i].len = len;
}

static inline int files_open(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  for (size_t i = 0; i < files_count; i++) {
    if (strcmp(files[i].name, name) != 0) continue;
    int fd = memfd_create("file", MFD_CLOEXEC);
    if (fd < 0 || write(fd, files[i].bytes, files[i].len) != (ssize_t)files[i].len) return -1;
    lseek(fd, 0, SEEK_SET);
    return fd;
  }
  errno = ENOENT;
  return -1;
}

static inline int files_openat(int dir, const char *path, int flags, ...) {
  (void)dir;
  (void)flags;
  return files_open(path);
}

static inline long files_syscall(long number, ...) {
  va_list args;
  long a[6];
  va_start(args, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(args, long);
  va_end(args);
  if (number == 437 /* openat2 */) return files_open((const char *)a[1]);
  return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#define openat  files_openat
#define syscall files_syscall

#endif
