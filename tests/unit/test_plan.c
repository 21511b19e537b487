/* The plan as text and as a block: what each field of a config becomes, and in which order. Mount
   options, maps and other texts inside a step: test_plan_parts.c. */
#include "plan.h"

/* -- the whole text -- */

#define DEFAULT_MOUNTS(gid)                                                                        \
  "child   make every mount rslave  <- linux.rootfsPropagation  [mount_namespaces(7)]\n"           \
  "child   bind the root file system / (nodev)  <- root.path  [open_tree(2)]\n"                    \
  "child   mount proc on /proc (source=proc; nosuid,nodev,noexec)  <- mounts[0]  [fsopen(2)]\n"    \
  "child   mount tmpfs on /dev (source=tmpfs,mode=755,size=65536k; nosuid,noexec,strictatime)"     \
  "  <- mounts[1]  [fsopen(2)]\n"                                                                  \
  "child   mount devpts on /dev/pts (source=devpts,newinstance,ptmxmode=0666,mode=0620" gid        \
  "; nosuid,noexec)  <- mounts[2]  [fsopen(2)]\n"                                                  \
  "child   mount tmpfs on /dev/shm (source=shm,mode=1777,size=65536k; nosuid,nodev,noexec)"        \
  "  <- mounts[3]  [fsopen(2)]\n"                                                                  \
  "child   mount mqueue on /dev/mqueue (source=mqueue; nosuid,nodev,noexec)"                       \
  "  <- mounts[4]  [fsopen(2)]\n"                                                                  \
  "child   mount sysfs on /sys (source=sysfs,ro; ro,nosuid,nodev,noexec)"                          \
  "  <- mounts[5]  [fsopen(2)]\n"                                                                  \
  "child   mount tmpfs on /tmp (source=tmpfs,mode=1777; nosuid,nodev)  <- mounts[6]"               \
  "  [fsopen(2)]\n"                                                                                \
  "child   mount tmpfs on /run (source=tmpfs,mode=755; nosuid,nodev)  <- mounts[7]"                \
  "  [fsopen(2)]\n"

#define MADE(path, number)                                                                         \
  "child   make the device " path ": c " number ", mode 0666  <- default devices  [mknod(2)]\n"
#define BOUND(path, number)                                                                        \
  "child   bind the host's device " path ", c " number ", on " path                                \
  "  <- default devices  [open_tree(2)]\n"
#define DEFAULT_DEVICES(X)                                                                         \
  X("/dev/null", "1:3")                                                                            \
  X("/dev/zero", "1:5")                                                                            \
  X("/dev/full", "1:7")                                                                            \
  X("/dev/random", "1:8") X("/dev/urandom", "1:9") X("/dev/tty", "5:0")

#define LINK(path, target) "child   link " path " -> " target "  <- default devices  [symlink(2)]\n"
#define MASKED(n, path)                                                                            \
  "child   mask " path "  <- linux.maskedPaths[" #n "]  [OCI config-linux.md]\n"
#define READONLY(n, path)                                                                          \
  "child   make " path " and all below read-only  <- linux.readonlyPaths[" #n                      \
  "]  [OCI config-linux.md]\n"
#define DEFAULT_CAPS "CAP_KILL,CAP_NET_BIND_SERVICE,CAP_AUDIT_WRITE"

#define DEFAULT_PATHS                                                                              \
  LINK("/dev/fd", "/proc/self/fd")                                                                 \
  LINK("/dev/stdin", "/proc/self/fd/0")                                                            \
  LINK("/dev/stdout", "/proc/self/fd/1")                                                           \
  LINK("/dev/stderr", "/proc/self/fd/2")                                                           \
  LINK("/dev/ptmx", "pts/ptmx")                                                                    \
  MASKED(0, "/proc/acpi")                                                                          \
  MASKED(1, "/proc/asound")                                                                        \
  MASKED(2, "/proc/kcore")                                                                         \
  MASKED(3, "/proc/keys")                                                                          \
  MASKED(4, "/proc/latency_stats")                                                                 \
  MASKED(5, "/proc/timer_list")                                                                    \
  MASKED(6, "/proc/timer_stats")                                                                   \
  MASKED(7, "/proc/sched_debug")                                                                   \
  MASKED(8, "/proc/scsi")                                                                          \
  MASKED(9, "/proc/kpagecgroup")                                                                   \
  MASKED(10, "/proc/kpagecount")                                                                   \
  MASKED(11, "/proc/kpageflags")                                                                   \
  MASKED(12, "/proc/pagetypeinfo")                                                                 \
  MASKED(13, "/proc/slabinfo")                                                                     \
  MASKED(14, "/proc/vmallocinfo")                                                                  \
  MASKED(15, "/proc/allocinfo")                                                                    \
  MASKED(16, "/sys/class/zram-control")                                                            \
  MASKED(17, "/sys/firmware")                                                                      \
  MASKED(18, "/sys/devices/virtual/powercap")                                                      \
  MASKED(19, "/sys/kernel/slab")                                                                   \
  READONLY(0, "/proc/bus")                                                                         \
  READONLY(1, "/proc/dynamic_debug")                                                               \
  READONLY(2, "/proc/fs")                                                                          \
  READONLY(3, "/proc/irq")                                                                         \
  READONLY(4, "/proc/sys")                                                                         \
  READONLY(5, "/proc/sysrq-trigger")

#define DEFAULT_TAIL                                                                               \
  "child   on / set ro, clear none  <- root.readonly  [mount_setattr(2)]\n"                        \
  "child   make it the root and let go of the old one  <- root.path  [pivot_root(2)]\n"            \
  "child   take the container's own /dev/null for standard streams that are one"                   \
  "  [null(4)]\n"                                                                                  \
  "child   set the host name to ctr  <- hostname  [sethostname(2)]\n"                              \
  "child   go back to the caller's umask  [umask(2)]\n"                                            \
  "child   limit RLIMIT_NOFILE to 1024, hard 1024  <- process.rlimits[0]  [prlimit(2)]\n"          \
  "child   close the host's procfs and what the root was made with  [close(2)]\n"                  \
  "child   enter / while still root, if root may  <- process.cwd  [chdir(2)]\n"                    \
  "child   give pipes among its streams to uid 0, where it may  <- process.user  [fchown(2)]\n"    \
  "child   give up gaining privileges  <- process.noNewPrivileges  [prctl(2)]\n"                   \
  "child   bound capabilities to " DEFAULT_CAPS                                                    \
  "  <- process.capabilities.bounding  [capabilities(7)]\n"                                        \
  "child   become uid 0, gid 0, groups []  <- process.user  [setresuid(2)]\n"                      \
  "child   keep capabilities " DEFAULT_CAPS "; permitted " DEFAULT_CAPS "; inheritable none"       \
  "  <- process.capabilities  [capset(2)]\n"                                                       \
  "child   ambient capabilities none  <- process.capabilities.ambient  [capabilities(7)]\n"        \
  "child   enter / and see that it lies inside  <- process.cwd  [getcwd(2)]\n"                     \
  "child   find the program sh  <- process.args[0]  [execvp(3)]\n"                                 \
  "child   load a seccomp filter of N instructions, the preset default with what is for "          \
  "CAP_AUDIT_WRITE  <- linux.seccomp  [seccomp(2)]\n"                                              \
  "child   execute sh  <- process.args[0]  [execve(2)]\n"

#define SETTLED                                                                                    \
  "child   start a new session  [setsid(2)]\n"                                                     \
  "child   join a new session keyring  [keyrings(7)]\n"                                            \
  "child   bring up the loopback interface  <- linux.namespaces  [netdevice(7)]\n"

static const char default_root_start[] =
    "parent  clone into new namespaces: pid,network,mount,ipc,uts,cgroup  <- linux.namespaces"
    "  [clone(2)]\n"
    "child   take the standard streams  [dup2(2)]\n"
    "child   close every other descriptor  [close_range(2)]\n"
    "child   default signal handlers, none blocked  [signal(7)]\n"
    "child   open the procfs that settings are written to  [proc(5)]\n" SETTLED;

static const char default_rootless_start[] =
    "parent  clone into new namespaces: pid,network,mount,ipc,uts,user,cgroup"
    "  <- linux.namespaces  [clone(2)]\n"
    "parent  write 'deny' to /proc/PID/setgroups  <- linux.gidMappings  [user_namespaces(7)]\n"
    "parent  write '0 1000 1 ' to /proc/PID/uid_map  <- linux.uidMappings  [user_namespaces(7)]\n"
    "parent  write '0 1001 1 ' to /proc/PID/gid_map  <- linux.gidMappings  [user_namespaces(7)]\n"
    "both    sync: the parent has set up what only it may  [unix(7)]\n"
    "child   take the standard streams  [dup2(2)]\n"
    "child   close every other descriptor  [close_range(2)]\n"
    "child   default signal handlers, none blocked  [signal(7)]\n"
    "child   open the procfs that settings are written to  [proc(5)]\n"
    "child   become uid 0 and gid 0 of the user namespace  <- linux.namespaces"
    "  [user_namespaces(7)]\n" SETTLED;

/* The default config less what is the machine's: its cgroup hierarchies and the caller's ids. */
static const char *default_plan(ctr_default_kind kind, const ctr__facts *facts) {
  static const ctr_id_mapping uids = {0, 1000, 1}, gids = {0, 1001, 1};
  static ctr_mount mounts[32];
  forget();
  ctr_config *config = NULL;
  if (ctr_config_default(&now.mem, kind, &config, &now.err)) return "!";
  size_t count = 0;
  for (size_t i = 0; i < config->mounts.count; i++)
    if (strcmp(config->mounts.items[i].type, "cgroup") != 0)
      mounts[count++] = config->mounts.items[i];
  config->mounts = (ctr_mounts){mounts, count};
  if (kind == CTR_DEFAULT_ROOTLESS) {
    config->linux_.uidMappings = (ctr_id_mappings){&uids, 1};
    config->linux_.gidMappings = (ctr_id_mappings){&gids, 1};
  }
  compile_config(config, &(setup){.facts = facts});
  /* How many there are depends on the machine's numbers. */
  char *number = strstr(now.text, "seccomp filter of ");
  if (number) {
    number += strlen("seccomp filter of ");
    *number = 'N';
    char *rest = number + 1;
    memmove(rest, rest + strspn(rest, "0123456789"), strlen(rest + strspn(rest, "0123456789")) + 1);
  }
  return now.text;
}

/* The text is the parts one after the other; the first line that differs says more than all. */
static void check_text(const char *is, const char *const parts[5]) {
  for (int i = 0; i < 5; i++) {
    size_t same = 0, line = 0, len = strlen(parts[i]);
    while (same < len && is[same] == parts[i][same]) line = is[same++] == '\n' ? same : line;
    CHECK_MSG(same == len, "is \"%.*s\", should be \"%.*s\"", (int)strcspn(is + line, "\n"),
              is + line, (int)strcspn(parts[i] + line, "\n"), parts[i] + line);
    if (same < len) return;
    is += len;
  }
  CHECK_STR(is, "");
}

static const char *const default_root_text[] = {default_root_start, DEFAULT_MOUNTS(",gid=5"),
                                                DEFAULT_DEVICES(MADE), DEFAULT_PATHS, DEFAULT_TAIL};
static const char *const default_rootless_text[] = {default_rootless_start, DEFAULT_MOUNTS(""),
                                                    DEFAULT_DEVICES(BOUND), DEFAULT_PATHS,
                                                    DEFAULT_TAIL};

TEST(the_default_container_of_root_reads_like_this) {
  check_text(default_plan(CTR_DEFAULT_ROOT, &root_facts), default_root_text);
  CHECK_STR(now.warnings, "");
}

TEST(the_default_container_of_an_ordinary_user_reads_like_this) {
  check_text(default_plan(CTR_DEFAULT_ROOTLESS, &user_facts), default_rootless_text);
  CHECK_STR(now.warnings, "");
}

TEST(root_in_a_user_namespace_cannot_make_devices_and_binds_them) {
  const char *text = default_plan(CTR_DEFAULT_ROOT, &nested_facts);
  check_lines("nested", text, DEFAULT_DEVICES(BOUND));
  CHECK(!strstr(text, "mknod(2)"));
}

TEST(a_kernel_without_newer_calls_gets_the_same_plan_by_older_ones) {
  check_text(default_plan(CTR_DEFAULT_ROOT, &old_kernel_facts), default_root_text);
  CHECK_STR(now.warnings, "");
  check_num("clone(2) instead of clone3(2)", CTR__STEP_CLONE, 1, 0);
  check_num("remount instead of mount_setattr(2)", CTR__STEP_SET_ATTR, 2, 0);
  check_num("one after the other", CTR__STEP_ROOT_BIND, 3, 0);
  default_plan(CTR_DEFAULT_ROOT, &root_facts);
  CHECK(step_of(CTR__STEP_CLONE)->num[1] && step_of(CTR__STEP_SET_ATTR)->num[2] &&
        step_of(CTR__STEP_ROOT_BIND)->num[3]);
}

/* -- one row per field: the lines it causes -- */

#define IO_NS ",{'type':'uts'},{'type':'ipc'},{'type':'network'}"

static const struct row {
  const char *fields; /* paths of the config that the row is about */
  setup setup;
  const char *lines; /* in their order */
} rows[] = {
    {"root.path",
     {.root = "'path':'/srv/x'"},
     "make every mount rslave  <- linux.rootfsPropagation\n"
     "bind the root file system /srv/x (none)  <- root.path\n"
     "make it the root and let go of the old one  <- root.path"},
    {"root.path",
     {.root = "'path':'rootfs'", .desc = {.bundle = "/b"}},
     "bind the root file system /b/rootfs (none)  <- root.path"},
    {"root.path",
     {.root = "'path':'rootfs'"},
     "bind the root file system rootfs (none)  <- root.path"},
    {"root.path",
     {.desc = {.no_pivot = true}},
     "bind the root file system /r (none)\nmove it over the root, then chroot  <- root.path  "
     "[mount(2)]"},
    {"root.path",
     {SPACES("")},
     "open the root directory /r  <- root.path\nchroot into it  <- root.path"},
    {"root.readonly",
     {.root = "'path':'/r','readonly':true", .linux_ = ",'readonlyPaths':['/x']"},
     "link /dev/ptmx\nmake /x and all\n"
     "on / set ro, clear none  <- root.readonly  [mount_setattr(2)]\npivot_root(2)"},
    {"mounts[].destination mounts[].type mounts[].source mounts[].options",
     {.mounts = "{'destination':'/m','type':'ext4','source':'/dev/sda1','options':['nosuid','x']},"
                "{'destination':'/n','source':'sub/dir','options':['bind','nodev']}",
      .desc = {.bundle = "/b"}},
     "mount ext4 on /m (source=/dev/sda1,x; nosuid)  <- mounts[0]  [fsopen(2)]\n"
     "bind /b/sub/dir on /n (nodev)  <- mounts[1]  [open_tree(2)]\nmake the device /dev/null"},
    {"mounts[].options",
     {.mounts = "{'destination':'/m','type':'tmpfs','options':['ro']}"},
     "mount tmpfs on /m (; none)  <- mounts[0]\nmake the device\nlink /dev/ptmx\n"
     "on /m set ro, clear none  <- mounts[0]\npivot_root(2)"},
    {"mounts[].destination mounts[].type mounts[].source mounts[].options", /* test_plan_roots.c */
     {.root = "",
      .mounts = "{'destination':'/','type':'tmpfs'},"
                "{'destination':'/a','type':'ctr.dir','options':['mode=0700']},"
                "{'destination':'/b','type':'ctr.file','source':'text'},"
                "{'destination':'/c','type':'ctr.file','options':['bind']}"},
     "set up a tmpfs for the root\nmount tmpfs on / (; none)  <- mounts[0]\n"
     "make the directory /a if it is missing, mode 0700  <- mounts[1]\n"
     "make the file /b of 4 bytes, mode 0644  <- mounts[2]\n"
     "mount a file of 0 bytes on /c, mode 0644 (none)  <- mounts[3]\npivot_root(2)"},
    {"process.noNewPrivileges",
     {.process = ",'noNewPrivileges':true",
      .desc = {.filters = &(const ctr_filter){"12345678", 8}, .filter_count = 1}},
     "give up gaining privileges\nload a seccomp filter of 1 instructions  <- filters[0]"},
    {"linux.seccomp.defaultAction linux.seccomp.flags",
     {.linux_ = ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','flags':['SECCOMP_FILTER_FLAG_LOG',"
                "'SECCOMP_FILTER_FLAG_SPEC_ALLOW']}"},
     "until it is restricted also CAP_SYS_ADMIN  <- process.capabilities\nload a seccomp filter "
     "of\n"
     "instructions (SECCOMP_FILTER_FLAG_LOG,SECCOMP_FILTER_FLAG_SPEC_ALLOW)  <- linux.seccomp\n"
     "execute /p"},
    {"linux.seccomp.listenerPath",
     {RUN, .linux_ = ",'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'s','syscalls':"
                     "[{'names':['dup'],'action':'SCMP_ACT_NOTIFY'}]}"},
     "child   load a seccomp filter of\nparent  give who listens at s what its calls are notified "
     "by"
     "  <- linux.seccomp.listenerPath\nexecute /p"},
    {"process.cwd",
     {.program = "'cwd':'/w','args':['/p']"},
     "make the directory /w if it is missing  <- process.cwd\npivot_root(2)\n"
     "enter /w while still root, if root may  <- process.cwd\nbecome uid 0\n"
     "enter /w and see that it lies inside  <- process.cwd\nfind the program"},
    {"process.args",
     {.program = "'cwd':'/','args':['prog','x']"},
     "find the program prog  <- process.args[0]\nexecute prog  <- process.args[0]"},
    {"process.user.uid process.user.gid process.user.additionalGids",
     {.process = ",'user':{'uid':5,'gid':6,'additionalGids':[7,4000000000]}"},
     "become uid 5, gid 6, groups [7,4000000000]  <- process.user"},
    {"process.user.umask",
     {.process = ",'user':{'umask':23}"},
     "set the umask to 0027  <- process.user.umask"},
    {"process.user.umask",
     {.process = ",'user':{'umask':0}"},
     "set the umask to 0000  <- process.user.umask"},
    {"process.capabilities.bounding",
     {.process = ",'capabilities':{'bounding':['CAP_CHOWN']}"},
     "bound capabilities to CAP_CHOWN  <- process.capabilities.bounding\nbecome uid"},
    {"process.capabilities.effective process.capabilities.permitted",
     {.process = ",'capabilities':{'effective':['CAP_KILL'],'permitted':['CAP_KILL','CAP_BPF']}"},
     "become uid 0\n"
     "keep capabilities CAP_KILL; permitted CAP_KILL,CAP_BPF; inheritable none"
     "  <- process.capabilities"},
    {"process.capabilities.inheritable process.capabilities.ambient",
     {.process = ",'capabilities':{'bounding':['CAP_KILL'],'permitted':['CAP_KILL'],"
                 "'inheritable':['CAP_KILL'],'ambient':['CAP_KILL']}"},
     "keep capabilities none; permitted CAP_KILL; inheritable CAP_KILL\n"
     "ambient capabilities CAP_KILL  <- process.capabilities.ambient"},
    {"process.rlimits[].type process.rlimits[].soft process.rlimits[].hard",
     {.process = ",'rlimits':[{'type':'RLIMIT_NOFILE','soft':10,'hard':20},"
                 "{'type':'RLIMIT_CORE','soft':0,'hard':18446744073709551615}]"},
     "limit RLIMIT_NOFILE to 10, hard 20  <- process.rlimits[0]\n"
     "limit RLIMIT_CORE to 0, hard unlimited  <- process.rlimits[1]\nbecome uid"},
    {"process.rlimits[].hard",
     {.process = ",'rlimits':[{'type':'RLIMIT_NOFILE','soft':10,'hard':5000}]", SPACES(USER_NS)},
     "parent  raise the hard limit RLIMIT_NOFILE to 5000  <- process.rlimits[0]\nboth    sync\n"
     "child   limit RLIMIT_NOFILE to 10, hard 5000  <- process.rlimits[0]"},
    {"process.noNewPrivileges",
     {.process = ",'noNewPrivileges':true"},
     "give up gaining privileges  <- process.noNewPrivileges\nexecute"},
    {"process.oomScoreAdj",
     {.process = ",'oomScoreAdj':-7"},
     "child   write -7 to oom_score_adj  <- process.oomScoreAdj\nbecome uid"},
    {"process.oomScoreAdj",
     {.process = ",'oomScoreAdj':0", SPACES(USER_NS)},
     "parent  write 0 to oom_score_adj  <- process.oomScoreAdj\nboth    sync"},
    {"process.ioPriority.class process.ioPriority.priority",
     {.process = ",'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':3}"},
     "set the I/O priority: class 2, level 3  <- process.ioPriority\nbecome uid"},
    {"process.scheduler.policy process.scheduler.priority process.scheduler.nice",
     {.process = ",'scheduler':{'policy':'SCHED_RR','priority':9,'nice':-4}"},
     "set the scheduler: SCHED_RR, nice -4, priority 9  <- process.scheduler\nbecome uid"},
    {"hostname domainname",
     {.top = ",'hostname':'h','domainname':'d'", SPACES(MOUNT_NS IO_NS)},
     "set the host name to h  <- hostname  [sethostname(2)]\n"
     "set the domain name to d  <- domainname  [setdomainname(2)]\nbecome uid"},
    {"linux.namespaces[].type",
     {SPACES(MOUNT_NS IO_NS ",{'type':'pid'},{'type':'cgroup'}")},
     "parent  clone into new namespaces: pid,network,mount,ipc,uts,cgroup  <- linux.namespaces\n"
     "bring up the loopback interface  <- linux.namespaces"},
    {"linux.namespaces[].type linux.namespaces[].path",
     {SPACES(MOUNT_NS ",{'type':'user','path':'/u'},{'type':'pid','path':'/p'}")},
     "parent  open the pid namespace at /p  <- linux.namespaces[2]\n"
     "parent  open the user namespace at /u  <- linux.namespaces[1]\n"
     "parent  clone an intermediate process that joins namespaces  <- linux.namespaces\n"
     "stage   let go of the caller's groups  <- linux.namespaces\n"
     "stage   join the pid namespace at /p  <- linux.namespaces[2]\n"
     "stage   join the user namespace at /u  <- linux.namespaces[1]\n"
     "stage   join those that refused before the user namespace gave the right\n"
     "stage   clone into new namespaces: mount  <- linux.namespaces\n"
     "parent  learn the pid and reap the intermediate process  <- linux.namespaces\n"
     "child   become uid 0 and gid 0 of the user namespace"},
    {"linux.uidMappings[].containerID linux.uidMappings[].hostID linux.uidMappings[].size "
     "linux.gidMappings[].containerID linux.gidMappings[].hostID linux.gidMappings[].size",
     {.linux_ = ",'uidMappings':[{'containerID':0,'hostID':10,'size':2},"
                "{'containerID':2,'hostID':4294967290,'size':5}],"
                "'gidMappings':[{'containerID':0,'hostID':30,'size':40}]",
      SPACES(USER_NS)},
     "write '0 10 2 2 4294967290 5 ' to /proc/PID/uid_map  <- linux.uidMappings\n"
     "write '0 30 40 ' to /proc/PID/gid_map  <- linux.gidMappings\nboth    sync\n"
     "become uid 0 and gid 0 of the user namespace"},
    {"mounts[].uidMappings[].containerID mounts[].uidMappings[].hostID mounts[].uidMappings[].size "
     "mounts[].gidMappings[].containerID mounts[].gidMappings[].hostID mounts[].gidMappings[].size",
     {.mounts = "{'destination':'/m','type':'bind','source':'/s','options':['ridmap'],"
                "'uidMappings':[{'containerID':1,'hostID':10,'size':2},"
                "{'containerID':3,'hostID':20,'size':4}],"
                "'gidMappings':[{'containerID':0,'hostID':30,'size':40}]}"},
     "make the id map 1 for mounts: uids '1 10 2 3 20 4 ', gids '0 30 40 '  <- mounts[0]  "
     "[user_namespaces(7)]\n"
     "child   bind /s on /m (none; ids by map 1, also below)  <- mounts[0]  [open_tree(2)]"},
    {"linux.timeOffsets.monotonic.secs linux.timeOffsets.monotonic.nanosecs "
     "linux.timeOffsets.boottime.secs linux.timeOffsets.boottime.nanosecs",
     {.linux_ = ",'timeOffsets':{'monotonic':{'secs':-5,'nanosecs':7},"
                "'boottime':{'nanosecs':999999999}}",
      SPACES(MOUNT_NS ",{'type':'time'}")},
     "clone into new namespaces: mount  <-\nopen the procfs\n"
     "enter a new time namespace, offsets 'monotonic -5 7 boottime 0 999999999 '"
     "  <- linux.timeOffsets"},
    {"linux.devices[].type linux.devices[].path linux.devices[].major linux.devices[].minor "
     "linux.devices[].fileMode",
     {.linux_ = ",'devices':[{'type':'c','path':'/dev/x','major':10,'minor':200,'fileMode':384},"
                "{'type':'b','path':'/dev/y','major':4095,'minor':1048575},"
                "{'type':'u','path':'/dev/z','major':0,'minor':0},{'type':'p','path':'/q'}]"},
     "make the device /dev/tty\n"
     "make the device /dev/x: c 10:200, mode 0600  <- linux.devices[0]\n"
     "make the device /dev/y: b 4095:1048575, mode 0666  <- linux.devices[1]\n"
     "make the device /dev/z: c 0:0, mode 0666  <- linux.devices[2]\n"
     "make the device /q: p 0:0, mode 0666  <- linux.devices[3]\npivot_root(2)"},
    {"linux.devices[].type",
     {.linux_ = ",'devices':[{'type':'c','path':'/dev/x','major':1,'minor':2},"
                "{'type':'p','path':'/q'}]",
      SPACES(USER_NS)},
     "bind the host's device /dev/x, c 1:2, on /dev/x, read-only  <- linux.devices[0]\n"
     "make the device /q: p 0:0, mode 0666  <- linux.devices[1]"},
    {"linux.rootfsPropagation",
     {.linux_ = ",'rootfsPropagation':'shared'"},
     "make every mount rslave\npivot_root(2)\nmake / shared  <- linux.rootfsPropagation"},
    {"linux.rootfsPropagation",
     {.linux_ = ",'rootfsPropagation':'slave'"},
     "pivot_root(2)\nmake / slave  <- linux.rootfsPropagation"},
    {"linux.rootfsPropagation",
     {.linux_ = ",'rootfsPropagation':'unbindable'"},
     "pivot_root(2)\nmake / unbindable  <- linux.rootfsPropagation"},
    {"linux.rootfsPropagation", {.linux_ = ",'rootfsPropagation':'private'"}, "pivot_root(2)"},
    {"linux.sysctl",
     {.linux_ = ",'sysctl':{'net.core.somaxconn':'256'}", SPACES(MOUNT_NS IO_NS)},
     "pivot_root(2)\nwrite '256' to /proc/sys/net/core/somaxconn"
     "  <- linux.sysctl.net.core.somaxconn  [sysctl(2)]\nbecome uid"},
    {"linux.maskedPaths linux.readonlyPaths",
     {.linux_ = ",'maskedPaths':['/a','/b'],'readonlyPaths':['/c','/d']"},
     "link /dev/ptmx\nmask /a  <- linux.maskedPaths[0]\nmask /b  <- linux.maskedPaths[1]\n"
     "make /c and all below read-only  <- linux.readonlyPaths[0]\n"
     "make /d and all below read-only  <- linux.readonlyPaths[1]\npivot_root(2)"},
    {"linux.memoryPolicy.mode linux.memoryPolicy.nodes",
     {.linux_ = ",'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0-1,3'}"},
     "set the memory policy: MPOL_BIND nodes [0-1,3]  <- linux.memoryPolicy\nbecome uid"},
    {"linux.personality.domain",
     {.linux_ = ",'personality':{'domain':'LINUX32'}"},
     "set the personality to 0010  <- linux.personality\nbecome uid"},
    {"linux.personality.domain",
     {.linux_ = ",'personality':{'domain':'LINUX'}"},
     "set the personality to 0000  <- linux.personality\nbecome uid"},
    {"process.terminal",
     {.process = ",'terminal':true", .linux_ = ",'maskedPaths':['/a']"},
     "link /dev/ptmx\n"
     "child   make a terminal, also as /dev/console  <- process.terminal  [pts(4)]\n"
     "parent  take the other end of the terminal  <- process.terminal  [unix(7)]\nmask /a\n"
     "pivot_root(2)"},
    {"process.terminal process.consoleSize.height process.consoleSize.width",
     {.process = ",'terminal':true,'consoleSize':{'height':25,'width':80}", SPACES("")},
     "open the root directory\n"
     "make a terminal of 25 rows and 80 columns  <- process.terminal  [pts(4)]\nchroot into it"},
    {"hooks.prestart[].path hooks.prestart[].timeout hooks.createRuntime[].path "
     "hooks.createRuntime[].timeout hooks.createContainer[].path hooks.createContainer[].timeout "
     "hooks.startContainer[].path hooks.startContainer[].timeout",
     {.top = ",'hooks':{'startContainer':[{'path':'/s'}],'createContainer':[{'path':'/c'},"
             "{'path':'/d','timeout':7}],'createRuntime':[{'path':'/r'}],"
             "'poststop':[{'path':'/z'}],'prestart':[{'path':'/p','timeout':1}],"
             "'poststart':[{'path':'/y'}]}",
      .linux_ = ",'maskedPaths':['/a']",
      CREATE},
     "link /dev/ptmx\nboth    sync: namespaces and mounts are made\n"
     "parent  run the hook /p, 1 seconds at most  <- hooks.prestart[0]  [OCI config.md]\n"
     "parent  run the hook /r  <- hooks.createRuntime[0]\nboth    sync: resume\n"
     "child   run the hook /c  <- hooks.createContainer[0]\n"
     "child   run the hook /d, 7 seconds at most  <- hooks.createContainer[1]\n"
     "mask /a\npivot_root(2)\nbecome uid\nfind the program\nwait to be started\n"
     "child   run the hook /s  <- hooks.startContainer[0]\ntell who starts it\nexecute"},
    {"hooks.poststart[].path hooks.poststart[].timeout",
     {.top = ",'hooks':{'poststart':[{'path':'/x'},{'path':'/y','timeout':9}]}",
      ONE_HOOK(POSTSTART, 1)},
     "parent  run the hook /y, 9 seconds at most  <- hooks.poststart[1]"},
    {"hooks.poststop[].path hooks.poststop[].timeout",
     {.top = ",'hooks':{'poststop':[{'path':'/x'}]}", ONE_HOOK(POSTSTOP, 0)},
     "parent  run the hook /x  <- hooks.poststop[0]"},
    {"process.execCPUAffinity.initial process.execCPUAffinity.final",
     {.process = ",'execCPUAffinity':{'initial':'0-3,7','final':'1'}", EXEC},
     "stage   run on the CPUs 0-3,7  <- process.execCPUAffinity.initial  [sched_setaffinity(2)]\n"
     "stage   clone\nchild   run on the CPUs 1  <- process.execCPUAffinity.final"},
    {"linux.cgroupsPath",
     {.linux_ = ",'cgroupsPath':'/a/b'", CREATE, SPACES(MOUNT_NS ",{'type':'cgroup'}")},
     "parent  write the state down, before there is anything to be found by it  [OCI runtime.md]\n"
     "parent  make the cgroup /dev/null/v1/pids/a/b  <- linux.cgroupsPath  [cgroups(7)]\n"
     "parent  make the cgroup /dev/null/v1/freezer/a/b  <- linux.cgroupsPath\n"
     "parent  make the cgroup /dev/null/v2/a/b  <- linux.cgroupsPath\n"
     "parent  clone into new namespaces: mount  <- linux.namespaces\n"
     "parent  move the process into the cgroup /dev/null/v1/pids/a/b  <- linux.cgroupsPath\n"
     "parent  move the process into the cgroup /dev/null/v1/freezer/a/b  <- linux.cgroupsPath\n"
     "parent  move the process into the cgroup /dev/null/v2/a/b  <- linux.cgroupsPath\n"
     "both    sync: the parent has set up\n"
     "child   enter a new cgroup namespace  <- linux.namespaces  [cgroup_namespaces(7)]"},
    {"annotations",
     {.top = ",'annotations':{'ctr.landlock':'{\\'handledAccessFs\\':[\\'read\\'],\\'netPort\\':[{"
             "\\'ports\\':[80],\\'allowedAccess\\':[\\'bind_tcp\\']}],\\'handledAccessNet\\':["
             "\\'bind_tcp\\'],\\'pathBeneath\\':[{\\'paths\\':[\\'/a\\'],\\'allowedAccess\\':["
             "\\'read_dir\\']}]}'}"},
     "until it is restricted also CAP_SYS_ADMIN\nmake a Landlock ruleset; files "
     "read_file,read_dir; TCP bind_tcp  <- landlock  [landlock_create_ruleset(2)]\n"
     "by Landlock allow /a and below; files read_dir  <- landlock.pathBeneath[0].paths[0]\n"
     "by Landlock allow the port 80; TCP bind_tcp  <- landlock.netPort[0].ports[0]\n"
     "give up what Landlock does not allow  <- landlock\nexecute /p"},
    {"process.apparmorProfile process.selinuxLabel linux.mountLabel",
     {.process = ",'apparmorProfile':'p','selinuxLabel':'u:r:t:s0:c1,c2'",
      .linux_ = ",'mountLabel':'u:o:t:s0:c1,c2'",
      .mounts = "{'destination':'/m','type':'tmpfs'}"},
     "open the procfs\n"
     "write 'u:r:t:s0:c1,c2' to /proc/self/attr/keycreate  <- process.selinuxLabel\n"
     "join a new session keyring\nmount tmpfs on /m (context=u:o:t:s0:c1,c2; none)\n"
     "write 'exec p' to /proc/self/attr/apparmor/exec  <- process.apparmorProfile\n"
     "write 'u:r:t:s0:c1,c2' to /proc/self/attr/exec  <- process.selinuxLabel\n"
     "close the host's procfs"},
    /* not of the config, but with steps of their own */
    {"",
     {.desc = {.call_function = true, .inner_userns = true},
      .process = ",'user':{'uid':5,'gid':6}"},
     "enter one more user namespace, in which root is uid 5 and gid 6  <- linux.namespaces\n"
     "close the host's procfs\nbecome uid 5, gid 6, groups []\ncall the caller's function"},
    {"",
     {.desc = {.die_with_caller = true}},
     "be killed when the caller ends\nstart a new session\nbecome uid 0\n"
     "be killed when the caller ends\nexecute"},
    {"",
     {.desc = {.moments = CTR_MOMENT_HOOKS | CTR_MOMENT_READY}, .linux_ = ",'maskedPaths':['/a']"},
     "link /dev/ptmx\nboth    sync: namespaces and mounts are made\nboth    sync: resume\nmask /a\n"
     "pivot_root(2)\nfind the program\nboth    sync: ready, then run\nchild   execute"},
    {"",
     {CREATE},
     "parent  clone into new namespaces: mount\n"
     "parent  write the state down, with the process in it  [OCI runtime.md]\n"
     "both    sync: the parent has set up what only it may\ntake the standard streams\n"
     "find the program\nboth    sync: created, then left alone\n"
     "child   wait to be started  [OCI runtime.md]\n"
     "child   tell who starts it that nothing is left to do  [unix(7)]\nchild   execute"},
    {"",
     {EXEC, SPACES(USER_NS ",{'type':'uts'}"), .desc = {.inner_userns = true},
      .process = ",'user':{'uid':7,'gid':8}"},
     "parent  open the user namespace that owns the mount namespace of pid 4711\n"
     "parent  open the container's first process: pid 4711\n"
     "stage   join the user namespace at the owner of its mounts\n"
     "stage   join the first process's namespaces: mount,uts  <- linux.namespaces\n"
     "stage   join the first process's namespaces: user  <- linux.namespaces\n"
     "stage   clone into new namespaces: none\nbecome uid 7, gid 8"},
    {"",
     {EXEC, SPACES(MOUNT_NS ",{'type':'uts'}")},
     "parent  open the container's first process: pid 4711, started at tick 815  [pidfd_open(2)]\n"
     "parent  clone an intermediate process\nstage   be out of reach of ptrace until execve\n"
     "stage   join the first process's namespaces: mount,uts  <- linux.namespaces  [setns(2)]\n"
     "stage   clone into new namespaces: none\nparent  learn the pid\n"
     "both    sync: the parent has set up\nbe out of reach of ptrace until execve\nexecute"},
    {"",
     {.mounts = "{'destination':'/m','type':'tmpfs','options':['remount','size=1m']},"
                "{'destination':'/n','type':'tmpfs','options':['tmpcopyup']},"
                "{'destination':'/o','type':'ext4','options':['iversion','x=1']},"
                "{'destination':'/p','type':'bind','source':'/s','options':['rro']},"
                "{'destination':'/p','options':['remount','rnosuid']}"},
     "remount /m (size=1m)  <- mounts[0]  [fspick(2)]\n"
     "mount tmpfs on /n with a copy of what is there (; none)  <- mounts[1]\n"
     "mount ext4 on /o (x=1\n"
     "bind /s on /p (none; all below: set ro, clear none)  <- mounts[3]\n"
     "on /p and all mounts below set nosuid, clear none  <- mounts[4]"},
};
enum { ROWS = sizeof rows / sizeof *rows };

TEST(every_field_causes_the_lines_it_should) {
  for (size_t i = 0; i < ROWS; i++) {
    check_lines(rows[i].fields, compile(&rows[i].setup), rows[i].lines);
    CHECK_MSG(!now.warnings[0], "%s: warned of %s", rows[i].fields, now.warnings);
  }
}

/* Fields that cause no line of their own: tested below by what the step says to the kernel, or, of
   the second list, without any effect by the specification or with a warning. */
static const char fields_without_lines[] =
    " process.env hooks.prestart[].args hooks.prestart[].env hooks.createRuntime[].args"
    " hooks.createRuntime[].env hooks.createContainer[].args hooks.createContainer[].env"
    " hooks.startContainer[].args hooks.startContainer[].env hooks.poststart[].args"
    " hooks.poststart[].env hooks.poststop[].args hooks.poststop[].env process.scheduler.flags"
    " process.scheduler.runtime process.scheduler.deadline process.scheduler.period"
    " linux.memoryPolicy.flags linux.devices[].uid linux.devices[].gid"
    " linux.seccomp.defaultErrnoRet linux.seccomp.architectures linux.seccomp.listenerMetadata"
    " linux.seccomp.syscalls[].names linux.seccomp.syscalls[].action"
    " linux.seccomp.syscalls[].errnoRet linux.seccomp.syscalls[].args[].index"
    " linux.seccomp.syscalls[].args[].value linux.seccomp.syscalls[].args[].valueTwo"
    " linux.seccomp.syscalls[].args[].op" /* test_seccomp.c */
    " linux.personality.flags "
    " ociVersion ";

static bool has_word(const char *words, const char *word) {
  size_t len = strlen(word);
  for (const char *at = words; (at = strstr(at, word)); at += len)
    if ((at == words || at[-1] == ' ') && (at[len] == ' ' || !at[len])) return true;
  return false;
}

static void check_covered(const ctr__type *type, const char *prefix) {
  for (size_t i = 0; i < type->count; i++) {
    const ctr__field *field = &type->fields[i];
    char path[160];
    snprintf(path, sizeof path, "%s%s%s%s", prefix, *prefix ? "." : "", field->name,
             field->kind == CTR__F_LIST ? "[]" : "");
    if (field->flags & CTR__NOT_EXECUTED) continue;
    if (!strcmp(path, "linux.resources")) continue; /* test_plan_limits.c has a row for each */
    if (field->type) {
      check_covered(field->type, path);
      continue;
    }
    bool covered = has_word(fields_without_lines, path);
    for (size_t r = 0; r < ROWS; r++) covered |= has_word(rows[r].fields, path);
    CHECK_MSG(covered, "no row is about %s", path);
  }
}

TEST(no_field_that_is_executed_lacks_a_row) {
  check_covered(&ctr__type_of_ctr_config, "");
}

TEST(what_is_not_applied_is_warned_of) {
  PLAN(.linux_ = ",'cgroupsPath':'/x','resources':{'devices':[{'allow':false}]}");
  CHECK_STR(now.warnings, "linux.resources.devices;linux.cgroupsPath;");
  PLAN(.linux_ = ",'devices':[{'type':'c','path':'/d','major':1,'minor':2,'uid':5}]",
       SPACES(USER_NS));
  CHECK_STR(now.warnings, "linux.devices[0];");
}

TEST(capabilities_that_cannot_be_had_are_left_out_with_a_warning) {
  ctr__facts facts = root_facts;
  facts.bounding = facts.permitted = CTR_CAP(KILL);
  PLAN(.facts = &facts, .process = ",'capabilities':{'bounding':['CAP_KILL','CAP_BPF'],"
                                   "'permitted':['CAP_BPF'],'effective':['CAP_BPF']}");
  check_lines("poor caller", now.text,
              "bound capabilities to CAP_KILL  <-\nkeep capabilities none; permitted none");
  CHECK_STR(now.warnings, "process.capabilities.bounding;process.capabilities.permitted;");
  PLAN(.process = ",'capabilities':{'inheritable':['CAP_KILL']}");
  CHECK_MSG(strstr(now.text, "inheritable CAP_KILL") || now.warnings[0] || now.code,
            "an inheritable capability was left out in silence");
  PLAN(.process = ",'capabilities':{'ambient':['CAP_KILL'],'permitted':['CAP_KILL']}");
  check_lines("ambient", now.text, "ambient capabilities none");
  CHECK_STR(now.warnings, "process.capabilities.ambient;");
}

TEST(numbers_that_the_text_leaves_out_reach_the_kernel) {
  PLAN(.linux_ =
           ",'devices':[{'type':'c','path':'/dev/null','major':1,'minor':3,'uid':5,'gid':6}]");
  check_num("device uid", CTR__STEP_DEVICE_NODE, 0, S_IFCHR | 0666);
  const ctr__step *last = NULL; /* the listed one replaces the default one and comes last */
  for (uint32_t i = 0; i < now.plan->step_count; i++)
    if (ctr__plan_step(now.plan, i)->kind == CTR__STEP_DEVICE_NODE)
      last = ctr__plan_step(now.plan, i);
  CHECK(last && last->num[2] == 5 && last->num[3] == 6);
  PLAN(.process = ",'scheduler':{'policy':'SCHED_DEADLINE','flags':['SCHED_FLAG_RESET_ON_FORK',"
                  "'SCHED_FLAG_DL_OVERRUN'],'runtime':11,'deadline':22,'period':33}");
  const ctr__step *step = step_of(CTR__STEP_SCHEDULER);
  const struct ctr__sched_attr *attr = step ? ctr__plan_data(now.plan, step->str[1]) : NULL;
  CHECK(attr && (uintptr_t)attr % 8 == 0);
  CHECK(attr && attr->size == 48 && attr->policy == 6 && attr->flags == 5 && attr->runtime == 11 &&
        attr->deadline == 22 && attr->period == 33);
  PLAN(.linux_ = ",'memoryPolicy':{'mode':'MPOL_PREFERRED','flags':['MPOL_F_STATIC_NODES']}");
  check_num("set_mempolicy mode", CTR__STEP_MEMORY_POLICY, 0, 1);
  check_num("set_mempolicy flags", CTR__STEP_MEMORY_POLICY, 1, 1 << 15);
  check_num("no mask without nodes", CTR__STEP_MEMORY_POLICY, 2, 0);
  PLAN(.linux_ = ",'personality':{'domain':'LINUX','flags':['X']}");
  CHECK_REFUSED("personality flags", CTR_E_CONFIG, "linux.personality.flags");
}

/* Explain is how a plan is looked at: two plans that do different things must not look the same. */
TEST(plans_that_differ_read_differently) {
  static const struct {
    const char *what;
    setup one, other;
  } pairs[] = {
#define BIND(options)                                                                              \
  {.mounts = "{'destination':'/m','type':'bind','source':'/s','options':[" options "]}"}
#define OLD(options)                                                                               \
  { .mounts = "{'destination':'/m','type':'ext4','options':['iversion'" options "]}" }
#define DEVICE(owner)                                                                              \
  { .linux_ = ",'devices':[{'type':'c','path':'/d','major':1,'minor':2" owner "}]" }
#define DEADLINE(runtime)                                                                          \
  {                                                                                                \
    .process =                                                                                     \
        ",'scheduler':{'policy':'SCHED_DEADLINE','runtime':" runtime ",'deadline':9,'period':9}"   \
  }
#define POLICY(flags)                                                                              \
  { .linux_ = ",'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0','flags':[" flags "]}" }
      {"rbind is not bind", BIND("'bind'"), BIND("'rbind'")},
      {"a shared bind is not a private one", BIND("'private'"), BIND("'shared'")},
      {"a bind that clears nosuid", BIND("'suid'"), BIND("")},
      {"the flags of mount(2)", OLD(""), OLD(",'nosuid'")},
      {"the owner of a device", DEVICE(""), DEVICE(",'uid':5")},
      {"SCHED_DEADLINE's runtime", DEADLINE("1"), DEADLINE("2")},
      {"flags of a memory policy", POLICY(""), POLICY("'MPOL_F_STATIC_NODES'")},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    char *one = strdup(compile(&pairs[i].one));
    compile(&pairs[i].other);
    CHECK_MSG(*one != '!' && *now.text != '!', "%s: %s", pairs[i].what, now.text);
    CHECK_MSG(strcmp(one, now.text) != 0, "%s: both read the same", pairs[i].what);
    free(one);
  }
}

/* -- the table of steps -- */

static void check_placeholders(size_t kind, const char *text) {
  for (const char *at = text; *at; at++) {
    if (*at != '%') continue;
    int digit = at[1] && at[2] ? at[2] - '0' : -1;
    bool known = at[1] && strchr("slouNCALFPprbTDORBMZKWSGEIVYmUqXfHanc", at[1]);
    int room = at[1] && strchr("slGIH", at[1]) ? CTR__STEP_STRS : CTR__STEP_NUMS;
    if (at[1] && strchr("rOZY", at[1])) room--; /* these are of two numbers */
    CHECK_MSG(known && digit >= 0 && digit < room, "step kind %zu: \"%s\": bad placeholder at %s",
              kind, text, at);
    if (!known || digit < 0) return;
    at += 2;
  }
}

/* By one of two tables, or with the index of the step, or with all that stand beside it. */
static bool parent_runs(uint16_t kind) {
  return ctr__parent_steps[kind] || ctr__parent_talks[kind] || kind == CTR__STEP_HOOK ||
         kind == CTR__STEP_MAP_HELPER || kind == CTR__STEP_LIMIT;
}

TEST(every_kind_of_step_has_a_text_a_manual_page_and_somebody_who_does_it) {
  for (size_t kind = 0; kind < CTR__STEP_COUNT; kind++) {
    const struct ctr__step_info *info = &ctr__step_infos[kind];
    CHECK_MSG(info->text && *info->text && info->man, "step kind %zu has no text", kind);
    if (!info->text || !info->man) continue;
    check_placeholders(kind, info->text);
    size_t len = strlen(info->man);
    bool page = len > 3 && info->man[len - 1] == ')' && isdigit((unsigned char)info->man[len - 2]);
    CHECK_MSG(page || !strncmp(info->man, "OCI ", 4), "%s: [%s]", info->text, info->man);
    CHECK_MSG(ctr__child_steps[kind] || ctr__stage_steps[kind] || parent_runs((uint16_t)kind),
              "nobody does: %s", info->text);
  }
}

static bool somebody_runs(const ctr__step *step) {
  switch (step->lane) {
  case CTR__LANE_PARENT: return parent_runs(step->kind);
  case CTR__LANE_STAGE: return ctr__stage_steps[step->kind];
  case CTR__LANE_CHILD: return ctr__child_steps[step->kind] && step->kind != CTR__STEP_SYNC;
  case CTR__LANE_BOTH: return step->kind == CTR__STEP_SYNC;
  default: return false;
  }
}

/* What is done whatever a config says; in a container that runs nothing but its process is asked
   for. */
static bool needs_no_field(const setup *s, uint16_t kind) {
  static const enum ctr__kind kinds[] = {CTR__STEP_SYNC,         CTR__STEP_STDIO,
                                         CTR__STEP_SIGNALS,      CTR__STEP_DIE_WITH_CALLER,
                                         CTR__STEP_SETSID,       CTR__STEP_KEYRING,
                                         CTR__STEP_HOLD_PROC,    CTR__STEP_KEEP_UMASK,
                                         CTR__STEP_CLOSE_FDS,    CTR__STEP_LET_GO,
                                         CTR__STEP_RECORD,       CTR__STEP_WAIT_START,
                                         CTR__STEP_OPEN_INIT,    CTR__STEP_UNDUMPABLE,
                                         CTR__STEP_TELL_STARTED, CTR__STEP_RECORD_CGROUPS,
                                         CTR__STEP_CALL,         CTR__STEP_SEAL_PROGRAM,
                                         CTR__STEP_HIDE_PROGRAM, CTR__STEP_CONCEAL,
                                         CTR__STEP_OWN_MEMORY,   CTR__STEP_OWN_NULL,
                                         CTR__STEP_VIEW_NULL,    CTR__STEP_DUMPABLE};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i] == kind) return true;
  return s->purpose.goal == CTR__GOAL_EXEC &&
         (kind == CTR__STEP_STAGE || kind == CTR__STEP_CLONE || kind == CTR__STEP_ADOPT ||
          kind == CTR__STEP_DROP_GROUPS);
}

TEST(every_step_is_in_a_lane_that_runs_it_and_names_its_field) {
  bool made[CTR__STEP_COUNT] = {false};
  for (size_t r = 0; r < ROWS; r++) {
    compile(&rows[r].setup);
    for (uint32_t i = 0; now.plan && i < now.plan->step_count; i++) {
      const ctr__step *step = ctr__plan_step(now.plan, i);
      const char *field = ctr__plan_str(now.plan, step->field);
      const char *text = ctr__step_infos[step->kind].text;
      made[step->kind] = true;
      CHECK_MSG(somebody_runs(step), "row %zu, step %u: lane %d: %s", r, i, step->lane, text);
      CHECK_MSG((field && *field) || needs_no_field(&rows[r].setup, step->kind), "no field: %s",
                text);
    }
  }
  PLAN(SPACES(USER_NS), .facts = &user_facts); /* the only one to write to setgroups */
  made[CTR__STEP_SETGROUPS_FILE] = step_of(CTR__STEP_SETGROUPS_FILE) != NULL;
  PLAN(CREATE, .linux_ = ",'resources':{'pids':{'limit':5}}"); /* the rest: test_plan_limits.c */
  made[CTR__STEP_LIMIT] = step_of(CTR__STEP_LIMIT) != NULL;
  made[CTR__STEP_DEVICE_LIST] = made[CTR__STEP_DEVICE_PROGRAM] = true; /* likewise */
  made[CTR__STEP_DUMPABLE] = true;                                     /* test_plan_program.c */
  made[CTR__STEP_MAP_HELPER] = true;                                   /* test_plan_rights.c */
  made[CTR__STEP_KEEP_LISTENER] = true;                                /* test_seccomp.c     */
  made[CTR__STEP_SET_MODE] = true;                                     /* test_plan_roots.c  */
  made[CTR__STEP_SEAL_PROGRAM] = made[CTR__STEP_HIDE_PROGRAM] = true;  /* test_plan_program.c */
  for (size_t kind = 0; kind < CTR__STEP_COUNT; kind++)
    CHECK_MSG(made[kind], "no plan has a step: %s", ctr__step_infos[kind].text);
}

/* -- the block -- */

enum ref_kind { TEXT, NUMBERS, TEXTS, BYTES };

static enum ref_kind ref_kind(uint16_t kind, int i) {
  if (kind == CTR__STEP_USER && i == 0) return NUMBERS;
  if ((kind == CTR__STEP_HOOK || kind == CTR__STEP_MAP_HELPER) && (i == 1 || i == 2)) return TEXTS;
  if (i == 1 && (kind == CTR__STEP_LOOK_UP || kind == CTR__STEP_EXEC)) return TEXTS;
  if (i == 2 && (kind == CTR__STEP_MOUNT_FS || kind == CTR__STEP_MOUNT_COPY_UP ||
                 kind == CTR__STEP_RECONFIGURE))
    return TEXTS;
  bool bytes = i == 1 && (kind == CTR__STEP_SCHEDULER || kind == CTR__STEP_MEMORY_POLICY ||
                          kind == CTR__STEP_AFFINITY || kind == CTR__STEP_MAKE_FILE ||
                          kind == CTR__STEP_MOUNT_FILE || kind == CTR__STEP_FILTER);
  return bytes ? BYTES : TEXT;
}

/* Where what a ref means ends, counted from the start of the data; SIZE_MAX: outside the block. */
static size_t end_of_ref(const ctr_plan *plan, ctr__ref ref, enum ref_kind kind, size_t bytes) {
  size_t room = plan->size - plan->data;
  if (!ref) return 0;
  if (ref >= room) return SIZE_MAX;
  const char *at = ctr__plan_data(plan, ref);
  if (kind == TEXT) return memchr(at, '\0', room - ref) ? ref + strlen(at) + 1 : SIZE_MAX;
  if (kind == BYTES) return ref + bytes <= room ? ref + bytes : SIZE_MAX;
  if ((uintptr_t)at % sizeof(uint32_t) || room - ref < sizeof(uint32_t)) return SIZE_MAX;
  uint32_t count = ctr__list_count(plan, ref);
  size_t end = ref + ((size_t)count + 1) * sizeof(uint32_t);
  for (uint32_t i = 0; kind == TEXTS && end <= room && i < count; i++) {
    size_t item = end_of_ref(plan, ctr__list_items(plan, ref)[i], TEXT, 0);
    if (item == SIZE_MAX || item == 0) return SIZE_MAX;
    end = item > end ? item : end;
  }
  return end <= room ? end : SIZE_MAX;
}

static void check_block(const char *label, const ctr_plan *plan) {
  size_t last = 0, ends[6 + CTR__STEP_STRS];
  CHECK(plan->steps >= sizeof *plan &&
        plan->data == plan->steps + plan->step_count * sizeof(ctr__step));
  for (uint32_t s = 0; s < plan->step_count; s++) {
    const ctr__step *step = ctr__plan_step(plan, s);
    bool is_file = step->kind == CTR__STEP_MAKE_FILE || step->kind == CTR__STEP_MOUNT_FILE;
    size_t bytes = step->kind == CTR__STEP_SCHEDULER  ? 48
                   : step->kind == CTR__STEP_AFFINITY ? (size_t)step->num[0]
                   : step->kind == CTR__STEP_FILTER   ? (size_t)step->num[0] * 8
                   : is_file                          ? (size_t)step->num[1]
                                                      : (size_t)step->num[2] / 8;
    ends[0] = end_of_ref(plan, step->field, TEXT, 0);
    ends[1] = end_of_ref(plan, plan->argv, TEXTS, 0);
    ends[2] = end_of_ref(plan, plan->envp, TEXTS, 0);
    ends[3] = end_of_ref(plan, plan->bundle, TEXT, 0);
    ends[4] = end_of_ref(plan, plan->state, TEXT, 0);
    ends[5] = end_of_ref(plan, plan->root_dir, TEXT, 0);
    for (int i = 0; i < CTR__STEP_STRS; i++)
      ends[6 + i] = end_of_ref(plan, step->str[i], ref_kind(step->kind, i), bytes);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
      CHECK_MSG(ends[i] != SIZE_MAX, "%s: step %u: ref %zu leads outside", label, s, i);
      if (ends[i] != SIZE_MAX && ends[i] > last) last = ends[i];
    }
  }
  CHECK_MSG(plan->data + last == plan->size, "%s: the last ref ends at %zu of %u", label,
            plan->data + last, plan->size);
}

TEST(all_that_a_plan_refers_to_lies_in_its_block) {
  for (size_t r = 0; r < ROWS; r++) {
    compile(&rows[r].setup);
    if (now.plan) check_block(rows[r].fields, now.plan);
  }
  default_plan(CTR_DEFAULT_ROOTLESS, &user_facts);
  check_block("default", now.plan);
}

TEST(a_copy_of_the_block_is_the_plan) {
  for (size_t r = 0; r < ROWS; r++) {
    char *before = strdup(compile(&rows[r].setup));
    uint32_t size = now.plan ? now.plan->size : 0;
    char *copy = malloc(size + 8u);
    if (now.plan) memcpy(copy + 8, now.plan, size); /* elsewhere, and aligned no better than 8 */
    if (now.plan) memset(now.plan, 0xa5, size);
    ctr_plan_free(now.plan);
    now.plan = NULL;
    now.len = 0;
    if (size) ctr_plan_explain((ctr_plan *)(void *)(copy + 8), keep_line, &now, NULL);
    CHECK_STR(now.text, before);
    free(copy);
    free(before);
  }
}

static setup everything(void) {
  return (setup){.mounts = "{'destination':'/m','type':'tmpfs','options':['ro','size=1m']},"
                           "{'destination':'/n','type':'bind','source':'s','options':['rro']},"
                           "{'destination':'/o','type':'x','options':['iversion','a=b','c=d']}",
                 .process =
                     ",'env':['PATH=/a:/b:/c'],'oomScoreAdj':5,'user':{'additionalGids':[0]},"
                     "'rlimits':[{'type':'RLIMIT_CPU','soft':1,'hard':2}],"
                     "'scheduler':{'policy':'SCHED_OTHER'}",
                 .program = "'cwd':'/w','args':['prog']",
                 .namespaces = USER_NS IO_NS ",{'type':'time'},{'type':'pid','path':'/p'}",
                 .linux_ = ",'sysctl':{'net.x.y':'1'},'maskedPaths':['/a'],"
                           "'devices':[{'type':'c','path':'/d','major':1,'minor':2}],"
                           "'timeOffsets':{'boottime':{'secs':1}},"
                           "'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0'}",
                 .desc = {.bundle = "/bundle"}};
}

/* Compiles it with the nth allocation failing. Returns whether there were so many; a plan that
   comes out all the same is counted, and one thing that it lacks named. */
static bool one_fails(const ctr_config *config, const setup *s, long nth, int *missed,
                      char *lacks) {
  ctr_plan *plan = NULL;
  ctr_err err;
  allocations_until_one_fails = nth;
  ctr_code code = plan_of(config, s, &plan, &err);
  bool failed = allocations_until_one_fails < 0;
  allocations_until_one_fails = -1;
  CHECK_MSG(!plan == (code != CTR_OK), "a plan and %s", ctr_code_name(code));
  if (failed && code != CTR_E_NOMEM && ++*missed)
    for (uint32_t i = 0; plan && i < plan->step_count; i++)
      if (!ctr__plan_step(plan, i)->field && !needs_no_field(s, ctr__plan_step(plan, i)->kind))
        snprintf(lacks, 128, "a field for: %s",
                 ctr__step_infos[ctr__plan_step(plan, i)->kind].text);
  ctr_plan_free(plan);
  return failed;
}

/* The same in a container: with hooks, a terminal and cgroups, or as one more process in it. */
static setup everything_contained(enum ctr__goal goal) {
  static const char *const cgroups[] = {"/dev/null/a", "/dev/null/b"};
  setup s = everything();
  s.process = ",'env':['PATH=/a:/b:/c'],'terminal':true,'oomScoreAdj':5,"
              "'execCPUAffinity':{'initial':'0','final':'1-3'}";
  s.top = ",'annotations':{'a':'b'},'hooks':{'prestart':[{'path':'/1','args':['1','2']}],"
          "'createRuntime':[{'path':'/2'}],'createContainer':[{'path':'/3','env':['A=1']}],"
          "'startContainer':[{'path':'/4'}],'poststop':[{'path':'/5'}]}";
  s.linux_ = ",'cgroupsPath':'a/b'";
  s.purpose = (ctr__purpose){.goal = goal, .init_pid = 1, .cgroups = {cgroups, 2}};
  s.desc.id = "box";
  return s;
}

/* The same with a root that is a mount, things that are made, and a filter. */
static setup everything_made(void) {
  static const ctr_filter filter = {"12345678", 8};
  setup s = everything();
  s.mounts = "{'destination':'/','type':'bind','source':'r'},"
             "{'destination':'/d','type':'ctr.dir','options':['mode=700']},"
             "{'destination':'/f','type':'ctr.file','source':'x'},"
             "{'destination':'/g','type':'ctr.file','source':'x','options':['bind']},"
             "{'destination':'/l','type':'ctr.symlink','source':'x'},"
             "{'destination':'/o','type':'overlay','options':['lowerdir=/l','tmpupper']}";
  s.process = ",'noNewPrivileges':true";
  s.linux_ = ",'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','listenerPath':'s',"
             "'listenerMetadata':'m','architectures':['SCMP_ARCH_SHEB'],'syscalls':["
             "{'names':['dup','not_yet'],'action':'SCMP_ACT_ALLOW'},{'names':['dup2','dup3'],"
             "'action':'SCMP_ACT_NOTIFY','args':[{'index':1,'value':1,'op':'SCMP_CMP_EQ'}]}]}";
  s.desc.filters = &filter;
  s.desc.filter_count = 1;
  s.desc.id = "box";
  return s;
}

/* An allocation that fails is told, never taken for an absent value. What is allocated comes out of
   blocks; padding moves each place of the code to the start of one. */
TEST(any_allocation_may_fail_and_is_told) {
  static char padding[5000], lacks[128];
  setup setups[] = {everything(), everything_made(), everything_contained(CTR__GOAL_CREATE),
                    everything_contained(CTR__GOAL_EXEC)};
  for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
    setup *s = &setups[i];
    int missed = 0;
    forget();
    ctr_config *config = config_of(&now.mem, s, &now.err);
    ctr_plan *plan = NULL;
    CHECK_MSG(config && !plan_of(config, s, &plan, &now.err), "setup %zu: %s", i, now.err.msg);
    ctr_plan_free(plan);
    for (size_t pad = 0; config && pad < sizeof padding - 16; pad += 16) {
      memset(padding, '/', pad);
      s->desc.bundle = padding;
      for (long nth = 0; one_fails(config, s, nth, &missed, lacks); nth++) continue;
    }
    CHECK_MSG(!missed, "setup %zu: %d times a plan was made without something, such as %s", i,
              missed, lacks);
    memset(padding, '\0', sizeof padding);
  }
}

TEST_MAIN
