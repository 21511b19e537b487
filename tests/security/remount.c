/* Tries to undo what is read-only or masked, by old and new calls; says what could be undone, a
   line each. Nothing is written to what opens. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { OPEN_TREE = 428, MOVE_MOUNT, FSOPEN, FSCONFIG, FSMOUNT, FSPICK, MOUNT_SETATTR = 442 };
enum { COPY_OF_TREE = 1, RECURSIVE = 0x8000, EMPTY_PATH = 4, CONFIG_CREATE = 6 };
static const char setting[] = "/proc/sys/kernel/core_pattern";

static int opens(const char *path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static int is_masked(void) { /* by /dev/null */
  struct stat st;
  return stat("/proc/kcore", &st) < 0 || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
}

static void new_procfs(void) {
  long fs = syscall(FSOPEN, "proc", 0);
  syscall(FSCONFIG, fs, CONFIG_CREATE, NULL, NULL, 0);
  long mount_ = syscall(FSMOUNT, fs, 0, 0);
  if (syscall(MOVE_MOUNT, mount_, "", AT_FDCWD, "/tmp", EMPTY_PATH) == 0)
    puts("a procfs is mounted");
  if (opens("/tmp/sys/kernel/core_pattern")) puts("its settings can be written to");
}

static void copy_of_procfs(void) {
  long tree = syscall(OPEN_TREE, AT_FDCWD, "/proc", COPY_OF_TREE);
  if (tree < 0) return;
  puts("the procfs below the masks is had");
  if (faccessat((int)tree, "sys/kernel/core_pattern", W_OK, 0) == 0) puts("and its settings");
}

static void clear_read_only(void) {
  struct {
    unsigned long long set, clear, propagation, userns;
  } attributes = {.clear = 1 /* MOUNT_ATTR_RDONLY */};
  syscall(MOUNT_SETATTR, AT_FDCWD, "/proc/sys", RECURSIVE, &attributes, sizeof attributes);
  if (opens(setting)) puts("read-only by mount_setattr");
  mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL);
  if (opens(setting)) puts("read-only by remount");
}

static void unmount(void) {
  umount2("/proc/kcore", MNT_DETACH);
  if (!is_masked()) puts("a mask by umount2");
  umount2("/proc/sys", MNT_DETACH);
  if (opens(setting)) puts("read-only by umount2");
}

int main(void) {
  if (opens(setting)) puts("it is open from the beginning");
  if (!is_masked()) puts("it is not masked");
  copy_of_procfs();
  new_procfs();
  clear_read_only();
  unmount();
  return 0;
}
