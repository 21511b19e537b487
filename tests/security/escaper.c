/* Code in a container that is after cgroups: mounts each hierarchy that its process is in, and says
   what in there opens for writing, of what limits, holds and runs processes: "DEVICE:INODE NAME",
   the cgroup's, a line each; then "tried". Nothing is written.

   escaper [unshare]    from user, mount and cgroup namespaces of its own */
#define _GNU_SOURCE
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const char at[] = "/tmp";
static const char *const files[] = {"release_agent", "cgroup.procs",     "tasks",
                                    "*.max",         "*.limit_in_bytes", "freezer.state",
                                    "cgroup.freeze", "cgroup.kill"};

static int is_of_interest(const char *name) {
  for (size_t i = 0; i < sizeof files / sizeof *files; i++)
    if (fnmatch(files[i], name, 0) == 0) return 1;
  return 0;
}

static int try_file(const char *path, const struct stat *st, int type, struct FTW *where) {
  char folder[4096];
  struct stat cgroup;
  (void)st;
  if (type != FTW_F || !is_of_interest(path + where->base)) return 0;
  const int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return 0;
  close(fd);
  snprintf(folder, sizeof folder, "%.*s", where->base, path);
  if (stat(folder, &cgroup) == 0)
    printf("%llu:%llu %s\n", (unsigned long long)cgroup.st_dev, (unsigned long long)cgroup.st_ino,
           path + where->base);
  return 0;
}

static void try_hierarchy(const char *type, const char *options) {
  if (mount("none", at, type, MS_NOSUID | MS_NODEV | MS_NOEXEC, options) < 0) return;
  nftw(at, try_file, 16, FTW_PHYS);
  umount2(at, MNT_DETACH);
}

/* "4:memory:/x": those that are there; none is made. */
static void try_all(void) {
  char line[4096], options[4096];
  FILE *own = fopen("/proc/self/cgroup", "r");
  while (own && fgets(line, sizeof line, own)) {
    char *name = strchr(line, ':') + 1;
    *strchr(name, ':') = '\0';
    snprintf(options, sizeof options, "%s%s", strncmp(name, "name=", 5) ? "" : "none,", name);
    try_hierarchy(*name ? "cgroup" : "cgroup2", *name ? options : NULL);
  }
  if (own) fclose(own);
}

int main(int argc, char **argv) {
  const int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP;
  if (argc > 1 && !strcmp(argv[1], "unshare") && unshare(flags) < 0) perror("unshare");
  try_all();
  puts("tried");
  return 0;
}
