"""What a program in a default container may find, and why: the audit (audit.c) finds nothing else.
A line of the audit is a kind and the rest; the rest is a whole match of an expression here. Where a
line says NAME and is the same for who starts the container, it may also be allowed as "NAME the
caller's". Rows of ALLOWED are for all; those after it are for some, and say for whom."""

KEPT = r"nosuid,nodev,noexec(,relatime)?"  # of every mount that has no program and no device
RW = r"rw(,seclabel)?"
CAPS = "0000000020000420"  # CAP_KILL, CAP_NET_BIND_SERVICE, CAP_AUDIT_WRITE
NODES = r"(null|zero|full|random|urandom|tty)"
MASKED_FILES = (r"/proc/(kcore|keys|latency_stats|timer_list|timer_stats|sched_debug|"
                r"kpage(cgroup|count|flags)|pagetypeinfo|slabinfo|vmallocinfo|allocinfo)")
MASKED_FOLDERS = (r"/(proc/(acpi|asound|scsi)|sys/(firmware|class/zram-control|kernel/slab|"
                  r"devices/virtual/powercap))")
# Files of /proc/PID, by what is to be had there; which there are depends on the kernel.
LSM = r"attr/((apparmor|smack|selinux)/)?(current|exec|prev|fscreate|keycreate|sockcreate)"
PROCESS_WRITE = (rf"(sched|autogroup|timens_offsets|comm|mem|clear_refs|{LSM}|oom_adj|"
                 r"oom_score_adj|loginuid|coredump_filter|[ugp](id|rojid)_map|setgroups|"
                 r"timerslack_ns|latency|make-it-fail|fail-nth)")
PROCESS_READ = (rf"({PROCESS_WRITE}|(fdinfo|net)/\S+|environ|auxv|status|personality|limits|"
                r"syscall|cmdline|stat|statm|maps|numa_maps|mounts|mountinfo|mountstats|smaps|"
                r"smaps_rollup|pagemap|wchan|stack|schedstat|cgroup|cpuset|cpu_resctrl_groups|"
                r"oom_score|sessionid|io|timers|patch_state|stack_depth|arch_status|seccomp_cache|"
                r"ksm_merging_pages|ksm_stat)")

ALLOWED = {
    "status": [
        (r"[UG]id: 0 0 0 0", "root inside, as the config says"),
        (r"Groups:", "none"),
        (r"Cap(Prm|Eff|Bnd): " + CAPS, "the three that config.md's example has"),
        (r"Cap(Inh|Amb): 0{16}", "nothing is inherited: CVE-2022-29162"),
        (r"(Sig(Blk|Ign|Pnd)|ShdPnd): 0{16}", "as after boot"),
        (r"NoNewPrivs: 1", "no set-user-ID program helps"),
        (r"Seccomp: 2", "under a filter: CTR_SECCOMP_DEFAULT"),
        (r"(PPid|TracerPid|Kthread|CoreDumping): 0", "nobody that it could see is above it"),
        (r"Umask: the caller's", "config.md, user.umask: unless given, it is not changed"),
        (r"Mems_allowed_list: the caller's", "cpuset(7): no default config has a part of its own"),
    ],
    "self": [
        (r"(session|group) own", "setsid(2): no terminal of the caller's is its own"),
        (r"secure 0|execfn /audit|exe /audit|(cwd|root) /", "getauxval(3), proc_pid_exe(5): the "
                                                            "program and where it is, as inside"),
        (r"map (/audit|\[(heap|stack|vvar|vvar_vclock|vdso|vsyscall)\])",
         "proc_pid_maps(5): its program, and what the kernel gives every one"),
        (r"host ctr", "the config's"),
        (r"domain the caller's", "a name for NIS, which no default config has: uts_namespaces(7)"),
        (r"timer none", "setitimer(2): nothing goes off"),
        (r"dumpable 1", "a program that it may read: execve(2)"),
        (r"(keepcaps|securebits|subreaper) 0", "as after boot: prctl(2)"),
        (r"(timerslack|no_thp|coredump_filter|oom_score_adj|personality|scheduler|nice|ioprio|"
         r"cpus) the caller's", "of how it runs, not of what it may: config.md sets each if asked"),
        (r"(loginuid|sessionid) the caller's", "whom it is accounted to: credentials(7), audit; "
                                               "to change that would be to hide"),
        (r"setgroups (allow|deny)", "user_namespaces(7)"),
        (r"[ug]id_map as the config says", "user_namespaces(7)"),
        (r"timens_offsets (monotonic|boottime) 0 0", "no clock of its own: no default config has"),
        (r"cgroup \d+:[^:]*:/", "the root of its cgroup namespace: it sees nothing above"),
        (r"attr/(apparmor/)?(current|prev) the caller's",
         "no default config has a label: that of the caller stays"),
    ],
    "limit": [
        (r"7 1024 1024", "RLIMIT_NOFILE, as in config.md's example"),
        (r"(?!7 )\d+ the caller's", "config.md, rlimits: others are not changed"),
    ],
    "fd": [(r"0 its own /dev/null", "what the test gave, as it is inside"),
           (r"[12] given", "the very file that the test gave")],
    "ns": [(r"(cgroup|ipc|mnt|net|pid|pid_for_children|user|uts) own", "a namespace of its own"),
           (r"time(_for_children)? the host's", "no default config asks for one: the clock is "
                                                "nobody's secret")],
    "env": [(r"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin|TERM=xterm",
             "the config's")],
    "process": [(r"self", "itself")],
    "interface": [(r"lo|(tunl|gre|gretap|erspan|ip_vti|ip6_vti|sit|ip6tnl|ip6gre)0",
                   "the kernel makes these in every network namespace")],
    "terminal": [(r"none", "no terminal that is not its own")],
    "socket": [
        (r"1 [1235]", "unix(7): by name in its own mounts, abstract in its own network namespace"),
        (r"(2|10) [12]", "ip(7): its network namespace has no interface but lo"),
        (r"16 [23]|netlink 0", "netlink(7): of its own network namespace"),
        (r"netlink 9", "audit, which only who has CAP_AUDIT_WRITE can tell anything: netlink(7)"),
    ],
    # No row has "shared:" or "master:": nothing is told to the host's mounts or heard from there.
    # mount_namespaces(7): what is copied into a mount namespace of another user is a slave, and the
    # library makes it one; but a new file system has no peers, and of what is bound (the root, a
    # device, a mask) it makes a copy that is private.
    "mount": [
        (r"IMAGE / rw,nodev(,(nosuid|noexec|relatime|noatime|nodiratime))* - \S+ \S+ \S+",
         "the image, and what the host has said of it"),
        (rf"/ /proc rw,{KEPT} - proc proc rw\S*", "its own procfs: of its own pid namespace"),
        (rf"/(bus|dynamic_debug|fs|irq|sys|sysrq-trigger) /proc/\1 ro,{KEPT} - proc proc rw\S*",
         "readonlyPaths: that part of its own procfs"),
        (rf"/ {MASKED_FOLDERS} ro,{KEPT} - tmpfs mask r[ow](,seclabel)?,mode=555\S*",
         "maskedPaths: an empty directory"),
        (rf"/null {MASKED_FILES} ro,nosuid(,nodev)?,noexec(,relatime)? - \S+ \S+ \S+",
         "maskedPaths: the null device"),
        (rf"/ /dev rw,nosuid,noexec - tmpfs tmpfs {RW},size=65536k,mode=755\S*", "its own /dev"),
        (rf"/ /dev/pts rw,nosuid,noexec(,relatime)? - devpts devpts {RW},(gid=\d+,)?mode=620,"
         r"ptmxmode=666", "its own terminals; the gid is 5 inside"),
        (rf"/ /dev/(shm|mqueue) rw,{KEPT} - (tmpfs shm {RW},size=65536k\S*|mqueue mqueue {RW})",
         "of its own ipc namespace"),
        (rf"/ /sys ro,{KEPT} - sysfs sysfs r[ow](,seclabel)?",
         "of its own network namespace, read-only"),
        (rf"/ /sys/fs/cgroup ro,{KEPT} - (tmpfs|cgroup2) \S+ rw\S*",
         "its own cgroup, read-only: or a directory for those of v1"),
        (rf"/ /sys/fs/cgroup/[\w,.=-]+ ro,{KEPT} - cgroup2? \S+ rw\S*", "the same, of v1"),
        (r"/ /(tmp|run) rw,nosuid,nodev(,relatime)? - tmpfs tmpfs rw\S*", "its own"),
    ],
    "writable": [
        (r"/dev|/dev/(mqueue|shm|pts)|/tmp|/run", "its own file systems"),
        (r"/proc/self/fd", "the mode says so; nothing can be made there"),
        (r"/", "an image that is writable, as the test's is"),
    ],
    "device": [
        (r"/dev/(null char 1:3|zero char 1:5|full char 1:7|random char 1:8|urandom char 1:9|"
         r"tty char 5:0)|its own /dev/pts/ptmx char 5:2", "config-linux.md, \"Default Devices\""),
        (MASKED_FILES + " char 1:3", "a mask"),
    ],
    "null": [(r"/dev/null|" + MASKED_FILES, "the device, and masks: both read as empty")],
    "write": [
        (r"/dev/(zero|full|random|urandom|pts/ptmx)",
         "devices that keep nothing; what is written to random counts as no entropy: random(4)"),
        (r"/probe|/audit", "the test's image"),
        (r"/proc/self/" + PROCESS_WRITE, "itself"),
        (r"/proc/pressure/(cpu|io|memory|irq)", "triggers to be told of its own waiting by; since "
                                                "Linux 6.5 without a right"),
    ],
    "read": [
        (r"/probe|/audit", "the test's image"),
        (r"/dev/(zero|full|random|urandom|pts/ptmx)", "devices that have nothing of anybody"),
        (r"/proc/self/" + PROCESS_READ, "itself, and its own network namespace"),
        (r"/proc/sys/(abi|crypto|debug|dev|fs(?!/binfmt_misc)|kernel|net|sunrpc|user|vm|xen)/\S+",
         "settings: its namespaces' own, the rest the host's, read-only"),
        (r"/proc/sysvipc/(msg|sem|shm)|/proc/pressure/(cpu|io|memory|irq)", "its namespaces' own; "
         "how much is waited for on the machine"),
        (r"/proc/(bus/(input|pci)|fs(?!/nfsd)|irq|tty|driver)/\S+",
         "facts of the machine's devices, read-only"),
        (r"/proc/dynamic_debug/control", "which messages the kernel logs, read-only"),
        (r"/proc/(buddyinfo|cgroups|cmdline|config.gz|consoles|cpuinfo|crypto|devices|diskstats|"
         r"dma|execdomains|fb|filesystems|interrupts|ioports|iomem|loadavg|locks|mdstat|meminfo|"
         r"misc|modules|mtrr|partitions|schedstat|softirqs|stat|swaps|uptime|version|"
         r"version_signature|vmstat|zoneinfo)",
         "facts of the machine and counts of its work: what every container has shown so far"),
        (r"/proc/kallsyms", "its addresses take CAP_SYSLOG, unless kernel.perf_event_paranoid is 1 "
                            "or less: the kernel's kallsyms_show_value"),
        (r"/proc/key-users", "how many keys each user of its user namespace has"),
        (r"/sys/fs/cgroup/\S+", "its own cgroup, and what it counts"),
        # What is left out is masked, or a mount point: those have nothing of a new sysfs.
        (r"/sys/(?!kernel/(slab|debug|tracing|security|config)/|class/zram-control/|"
         r"devices/virtual/powercap/|fs/(bpf|cgroup|pstore|resctrl|selinux|smackfs|"
         r"fuse/connections)/)(block|bus|class|dev|devices|fs|hypervisor|kernel|module|power)/\S+",
         "facts of the machine and of the kernel, read-only"),
    ],
    "key": [(r"session refused", "the filter has no keyctl(2)")],
    "unix": [], "ipc": [],  # none: nobody else is in its namespaces
}

# Root's default config: no user namespace.
OF_ROOT = {
    "ns": [(r"user the host's", "root's default config has none")],
    "self": [(r"[ugp](id|rojid)_map the caller's", "the same")],
}

# A config with one, for root or an ordinary user.
OF_A_USER_NAMESPACE = {
    "mount": [(rf"/{NODES} /dev/\1 rw\S* - \S+ \S+ \S+", "in a user namespace no device can be "
               "made: the host's is bound, and is not its own")],
}

# An ordinary user who has one id.
OF_ONE_ID = {
    "status": [(r"Groups:( 65534)+", "the caller's stay, not mapped: user_namespaces(7), "
                                     "setgroups")],
}

# With whom it ends: prctl(2), PR_SET_PDEATHSIG.
IN_THE_FOREGROUND = {"self": [(r"pdeathsig 9", "run and exec wait for it: it ends when they do")]}
DETACHED = {"self": [(r"pdeathsig 0", "create and start have done their part: it stays")]}

# process.terminal: the first process has the first of its own, and of exec another.
OF_A_TERMINAL = {
    "fd": [(r"[012] its own /dev/pts/[01]", "its terminal")],
    "terminal": [(r"/dev/tty", "the same")],
    "device": [(r"its own /dev/(console char 136:0|pts/([01]) char 136:\2)", "the same")],
    "mount": [(rf"/0 /dev/console rw,nosuid,noexec(,relatime)? - devpts devpts {RW},(gid=\d+,)?"
               r"mode=620,ptmxmode=666", "config-linux.md, \"Default Devices\"")],
    "read": [(r"/dev/(console|tty|pts/[01])", "the same")],
    "write": [(r"/dev/(console|tty|pts/[01])", "the same")],
}

# What exec brings in: it meets the first process, which is of the same container.
EXECUTED = {
    "process": [(r"1", "the first process")],
    "writable": [(r"/proc/1/fd", "the mode says so; nothing can be made there")],
    "write": [(r"/proc/1/" + PROCESS_WRITE, "the first process, which has no more rights")],
    "read": [(r"/proc/1/" + PROCESS_READ, "the same")],
}
