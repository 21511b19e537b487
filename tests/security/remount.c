/* Tries to undo what is read-only or masked, by old and new calls, each from a copy of the mounts
   where it may have one; says what could be undone, a line each. Nothing is written to what opens.

   remount [unshare]    as root of a user namespace of its own: of mounts that are locked there
                        (mount_namespaces(7), "Restrictions on mount namespaces") */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPEN_TREE = 428, MOVE_MOUNT, FSOPEN, FSCONFIG, FSMOUNT, FSPICK, MOUNT_SETATTR = 442 };
enum { COPY_OF_TREE = 1, RECURSIVE = 0x8000, EMPTY_PATH = 4 };       /* open_tree, move_mount */
enum { CONFIG_FLAG = 0, CONFIG_CREATE = 6, CONFIG_RECONFIGURE = 7 }; /* fsconfig              */
static const char settings[] = "/proc/sys", to[] = "/tmp", file_to[] = "/run/moved";
static const char *mask; /* a null device on a file */

static int opens(const char *path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

static int is_masked(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

static int is_read_only(const char *path) {
  struct statvfs fs;
  return statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY);
}

/* Which kernel has which of these files differs. */
static const char *a_mask(void) {
  static const char *const files[] = {"/proc/keys", "/proc/timer_list", "/proc/kcore"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (is_masked(files[i])) return files[i];
  puts("nothing is masked");
  return files[0];
}

/* -- new ones -- */

static int new_mount(const char *type) {
  const long fs = syscall(FSOPEN, type, 0);
  syscall(FSCONFIG, fs, CONFIG_CREATE, NULL, NULL, 0);
  const long tree = syscall(FSMOUNT, fs, 0, 0);
  return (int)syscall(MOVE_MOUNT, tree, "", AT_FDCWD, to, EMPTY_PATH);
}

/* A namespace of pids shows the children. */
static void new_procfs(void) {
  unshare(CLONE_NEWPID);
  const pid_t child = fork();
  if (child) {
    waitpid(child, NULL, 0);
    return;
  }
  if (new_mount("proc") == 0) puts("a procfs by fsmount");
  if (mount("proc", to, "proc", 0, NULL) == 0) puts("a procfs by mount");
  fflush(stdout);
  _exit(0);
}

static void new_sysfs(void) {
  unshare(CLONE_NEWNET);
  if (new_mount("sysfs") == 0) puts("a sysfs by fsmount");
  umount2(to, MNT_DETACH); /* the same one twice is busy */
  if (mount("sysfs", to, "sysfs", 0, NULL) == 0) puts("a sysfs by mount");
}

/* -- copies -- */

static void copy_without_masks(void) {
  if (syscall(OPEN_TREE, AT_FDCWD, "/proc", COPY_OF_TREE) >= 0) puts("below a mask by open_tree");
  if (mount("/proc", to, NULL, MS_BIND, NULL) == 0) puts("below a mask by bind");
}

static void copy_with_masks(void) {
  char path[64];
  const long tree = syscall(OPEN_TREE, AT_FDCWD, "/proc", COPY_OF_TREE | RECURSIVE);
  if (syscall(MOVE_MOUNT, tree, "", AT_FDCWD, to, EMPTY_PATH) < 0) return;
  snprintf(path, sizeof path, "%s%s", to, strrchr(mask, '/'));
  if (!is_masked(path)) puts("below a mask in a copy");
  if (umount2(path, MNT_DETACH) == 0) puts("a mask of a copy by umount2");
}

/* -- those that are there -- */

typedef struct {
  unsigned long long set, clear, propagation, userns;
} attributes;

static const attributes writable = {.clear = 1 /* MOUNT_ATTR_RDONLY */};

static void clear_by_setattr(void) {
  syscall(MOUNT_SETATTR, AT_FDCWD, settings, 0, &writable, sizeof writable);
  if (!is_read_only(settings)) puts("read-only by mount_setattr");
}

static void clear_all_by_setattr(void) {
  syscall(MOUNT_SETATTR, AT_FDCWD, "/proc", RECURSIVE, &writable, sizeof writable);
  if (!is_read_only(settings)) puts("read-only by mount_setattr of all");
}

static void clear_of_copy(void) {
  struct statvfs fs;
  const long tree = syscall(OPEN_TREE, AT_FDCWD, settings, COPY_OF_TREE | RECURSIVE);
  syscall(MOUNT_SETATTR, tree, "", AT_EMPTY_PATH | RECURSIVE, &writable, sizeof writable);
  if (tree >= 0 && fstatvfs((int)tree, &fs) == 0 && !(fs.f_flag & ST_RDONLY))
    puts("read-only of a copy by mount_setattr");
}

static void clear_by_remount(void) {
  mount(NULL, settings, NULL, MS_REMOUNT | MS_BIND, NULL);
  if (!is_read_only(settings)) puts("read-only by remount");
}

static void unmount_mask(void) {
  umount2(mask, MNT_DETACH);
  if (!is_masked(mask)) puts("a mask by umount2");
}

static void unmount_read_only(void) {
  umount2(settings, MNT_DETACH);
  if (!is_read_only(settings)) puts("read-only by umount2");
}

static void move_mask(void) {
  syscall(MOVE_MOUNT, AT_FDCWD, mask, AT_FDCWD, file_to, 0);
  if (!is_masked(mask)) puts("a mask by move_mount");
}

static void move_mask_by_old_call(void) {
  mount(mask, file_to, NULL, MS_MOVE, NULL);
  if (!is_masked(mask)) puts("a mask by MS_MOVE");
}

/* "93 87 0:54 / /sys ro,nosuid - sysfs sysfs ro": what the file system itself says, last. */
static int sysfs_is_read_only(void) {
  char line[4096];
  int found = 0;
  FILE *mounts = fopen("/proc/self/mountinfo", "r");
  while (mounts && fgets(line, sizeof line, mounts)) {
    const char *options = strstr(line, " - sysfs sysfs ro");
    found |= options && strstr(line, " /sys ");
  }
  if (mounts) fclose(mounts);
  return found;
}

static void reconfigure(void) {
  const int before = sysfs_is_read_only();
  const long fs = syscall(FSPICK, AT_FDCWD, "/sys", 0);
  syscall(FSCONFIG, fs, CONFIG_FLAG, "rw", NULL, 0);
  syscall(FSCONFIG, fs, CONFIG_RECONFIGURE, NULL, NULL, 0);
  if (before && !sysfs_is_read_only()) puts("a file system by fspick");
}

static void (*const tricks[])(void) = {new_procfs,        new_sysfs,        copy_without_masks,
                                       copy_with_masks,   clear_by_setattr, clear_all_by_setattr,
                                       clear_of_copy,     clear_by_remount, unmount_mask,
                                       unmount_read_only, move_mask,        move_mask_by_old_call,
                                       reconfigure};

static void try(void (*trick)(void)) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    /* Whoever runs this by hand is to find their mounts as they were. */
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
      perror("mount");
    trick();
    fflush(stdout);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

static void put(const char *path, const char *text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) perror(path);
  if (fd >= 0) close(fd);
}

/* unshare(1), -Urm */
static void be_root_of_a_namespace(void) {
  char users[64], groups[64];
  snprintf(users, sizeof users, "0 %u 1", geteuid());
  snprintf(groups, sizeof groups, "0 %u 1", getegid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) perror("unshare");
  put("/proc/self/setgroups", "deny");
  put("/proc/self/uid_map", users);
  put("/proc/self/gid_map", groups);
}

int main(int argc, char **argv) {
  mask = a_mask();
  if (!is_read_only(settings) || opens("/proc/sys/kernel/core_pattern"))
    puts("it is open from the beginning");
  close(open(file_to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (argc > 1 && !strcmp(argv[1], "unshare")) be_root_of_a_namespace();
  for (size_t i = 0; i < sizeof tricks / sizeof *tricks; i++) try(tricks[i]);
  return 0;
}
