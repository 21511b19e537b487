"""What a program in a default container may find, and why: the audit (audit.c) finds nothing else.
A line of the audit is a kind and the rest; the rest is a whole match of an expression here."""

CAPS = r"(?:0{16}|0000000020000420)"  # CAP_KILL, CAP_NET_BIND_SERVICE, CAP_AUDIT_WRITE
OPTIONS = r"(?:,\S+)?"
FIXED = rf"nosuid,nodev,noexec{OPTIONS} 0 0"

ALLOWED = {
    "status": [
        (r"[UG]id: 0 0 0 0", "root inside, as the config says"),
        (r"Groups: *(65534 ?)*", "none; an ordinary user's one id leaves the caller's, not mapped: "
                                 "user_namespaces(7)"),
        (r"Cap(Prm|Eff|Bnd): " + CAPS, "the three that config.md's example has"),
        (r"Cap(Inh|Amb): 0{16}", "nothing is inherited: CVE-2022-29162"),
        (r"Sig(Blk|Ign): 0{16}", "as after boot"),
        (r"NoNewPrivs: 1", "no set-user-ID program helps"),
        (r"Seccomp: 2", "under a filter: CTR_SECCOMP_DEFAULT"),
    ],
    "fd": [(r"[012] .*", "its streams, which the caller named")],
    "ns": [(r"\S+ own", "a namespace of its own"),
           (r"time(_for_children)? the host's", "no default config asks for one: the clock is "
                                                "nobody's secret"),
           (r"user the host's", "root's default config has none")],
    "env": [(r"(PATH|TERM)=.*", "the config's")],
    "process": [(r"1", "itself")],
    "interface": [(r"lo|(tunl|gre|gretap|erspan|ip_vti|ip6_vti|sit|ip6tnl|ip6gre)0",
                   "the kernel makes these in every network namespace")],
    "terminal": [(r"none", "no terminal that is not its own")],
    "socket": [
        (r"1 \d", "unix(7): by name in its own mounts, abstract in its own network namespace"),
        (r"(2|10) [12]", "ip(7): its network namespace has no interface but lo"),
        (r"16 [23]", "netlink(7): of its own network namespace"),
    ],
    "mount": [
        (r"\S+ / .*", "the image"),
        (r"proc /proc proc rw," + FIXED, "its own procfs: of its own pid namespace"),
        (r"proc /proc/(bus|dynamic_debug|fs|irq|sys|sysrq-trigger) proc ro," + FIXED,
         "readonlyPaths"),
        (r"mask /(proc/(acpi|asound|scsi)|sys/(firmware|class/zram-control|kernel/slab|"
         r"devices/virtual/powercap)) tmpfs ro," + FIXED, "maskedPaths: an empty directory"),
        (r"\S+ /proc/(kcore|keys|latency_stats|timer_list|timer_stats|sched_debug|"
         r"kpage(cgroup|count|flags)|pagetypeinfo|slabinfo|vmallocinfo|allocinfo) "
         r"\S+ ro,nosuid(,nodev)?,noexec" + OPTIONS + " 0 0", "maskedPaths: the null device"),
        (r"tmpfs /dev tmpfs rw,nosuid,noexec" + OPTIONS + " 0 0", "its own /dev"),
        (r"\S+ /dev/(null|zero|full|random|urandom|tty) \S+ rw\S* 0 0",
         "in a user namespace no device can be made: the host's is bound, and is not its own"),
        (r"devpts /dev/pts devpts rw,nosuid,noexec" + OPTIONS + " 0 0", "its own terminals"),
        (r"(shm|mqueue) /dev/(shm|mqueue) \S+ rw," + FIXED, "of its own ipc namespace"),
        (r"sysfs /sys sysfs ro," + FIXED, "of its own network namespace, read-only"),
        (r"\S+ /sys/fs/cgroup\S* (tmpfs|cgroup2?) ro," + FIXED, "its own cgroup, read-only"),
        (r"tmpfs /(tmp|run) tmpfs rw,nosuid,nodev" + OPTIONS + " 0 0", "its own"),
    ],
    "writable": [
        (r"/dev|/dev/(mqueue|shm|pts)|/tmp|/run", "its own file systems"),
        (r"/proc/1/fd", "the mode says so; nothing can be made there"),
        (r"/", "an image that is writable, as the test's is"),
    ],
    "device": [
        (r"/dev/(null char 1:3|zero char 1:5|full char 1:7|random char 1:8|urandom char 1:9|"
         r"tty char 5:0|pts/ptmx char 5:2)", "config-linux.md, \"Default Devices\""),
        (r"/(proc|sys)/\S+ char 1:3", "a mask"),
    ],
    "null": [(r".*", "reads as empty, whatever it covers")],
    "write": [
        (r"/dev/(zero|full|random|urandom|tty|pts/ptmx)",
         "devices that keep nothing; what is written to random counts as no entropy: random(4)"),
        (r"/probe|/audit|/dev/(shm|mqueue)/.*", "the test's image; its own"),
        (r"/proc/1/.*", "itself"),
        (r"/proc/pressure/(cpu|io|memory|irq)", "triggers to be told of its own waiting by; since "
                                                "Linux 6.5 without a right"),
    ],
    "read": [
        (r"/probe|/audit|/dev/.*", "its own"),
        (r"/proc/1/.*", "itself"),
        (r"/proc/sys/.*", "settings: its namespaces' own, the rest the host's, read-only"),
        (r"/proc/sysvipc/(msg|sem|shm)|/proc/pressure/(cpu|io|memory|irq)", "its namespaces' own; "
         "how much is waited for on the machine"),
        (r"/proc/(bus|fs|irq|tty|driver)/.*", "facts of the machine's devices, read-only"),
        (r"/proc/dynamic_debug/control", "which messages the kernel logs, read-only"),
        (r"/proc/(buddyinfo|cgroups|cmdline|config.gz|consoles|cpuinfo|crypto|devices|diskstats|"
         r"dma|execdomains|fb|filesystems|interrupts|ioports|iomem|loadavg|locks|mdstat|meminfo|"
         r"misc|modules|mtrr|partitions|schedstat|softirqs|stat|swaps|uptime|version|"
         r"version_signature|vmstat|zoneinfo)",
         "facts of the machine and counts of its work: what every container has shown so far"),
        (r"/proc/kallsyms", "its addresses take CAP_SYSLOG, unless kernel.perf_event_paranoid is 1 "
                            "or less: the kernel's kallsyms_show_value"),
        (r"/proc/key-users", "how many keys each user of its user namespace has"),
        (r"/sys/(?!kernel/slab/|class/zram-control/|devices/virtual/powercap/)"
         r"(block|bus|class|dev|devices|fs|hypervisor|kernel|module|power)/.*",
         "facts of the machine and of the kernel, read-only"),
    ],
    "unix": [], "ipc": [], "key": [],  # none: nobody else is in its namespaces
}
