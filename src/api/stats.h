/* ---- statistics and events: what the kernel counts of a container, and what it tells --------- */
/* The structs are what `runc events --stats` prints, with dots instead of braces, whatever version
   of cgroups it comes from: values of v2 are brought to that form. A ctr_uint that is not set is
   one that this kernel, or this container's cgroups, do not have; UINT64_MAX as a limit is none.
   Values of different files are not from the same moment. */

/* Values by the names the kernel gives them, in its order. */
typedef struct ctr_counter {
  const char *name;
  uint64_t value;
} ctr_counter;

typedef struct ctr_counters {
  const ctr_counter *items;
  size_t count;
} ctr_counters;

typedef struct ctr_numbers {
  const uint64_t *items;
  size_t count;
} ctr_numbers;

/* How much of the time tasks stood still for want of something (kernel doc accounting/psi.rst). */
typedef struct ctr_stall {
  bool set;
  double avg10, avg60, avg300; /* percent of the last 10, 60, 300 seconds */
  uint64_t total;              /* microseconds                            */
} ctr_stall;

typedef struct ctr_pressure {
  ctr_stall some, full; /* some tasks, or all that had something to do; from cgroup v2 only */
} ctr_pressure;

/* -- cpu: times in nanoseconds -- */

typedef struct ctr_cpu_usage {
  ctr_uint total, kernel, user;
  ctr_numbers percpu, percpu_kernel, percpu_user; /* by number of the CPU; of v1 only */
} ctr_cpu_usage;

typedef struct ctr_cpu_throttling { /* by its quota (kernel doc scheduler/sched-bwc.rst) */
  ctr_uint periods, throttledPeriods, throttledTime;
  ctr_uint burstPeriods, burstTime; /* in which it used up what was left of earlier ones */
} ctr_cpu_throttling;

typedef struct ctr_cpu_stats {
  ctr_cpu_usage usage;
  ctr_cpu_throttling throttling;
  ctr_pressure psi;
} ctr_cpu_stats;

/* Where it may run (cpusets(7)); of v2: cpus and mems, as they take effect. */
typedef struct ctr_cpuset_stats {
  ctr_ids cpus, mems;
  ctr_uint cpu_exclusive, mem_hardwall, mem_exclusive, memory_migrate, memory_spread_page,
      memory_spread_slab, memory_pressure, sched_load_balance;
  ctr_int sched_relax_domain_level;
} ctr_cpuset_stats;

/* -- memory: bytes (kernel doc cgroup-v1/memory.rst, cgroup-v2.rst "Memory") -- */

typedef struct ctr_memory_entry {
  ctr_uint limit, usage, max; /* max: the most that usage has ever been */
  ctr_uint failcnt;           /* how often the limit was hit            */
} ctr_memory_entry;

typedef struct ctr_memory_events { /* how often; of v1: oom_kill alone, of the cgroup itself */
  ctr_uint low, high, max, oom;
  ctr_uint oom_kill, oom_group_kill; /* processes that were killed, and whole groups of them */
} ctr_memory_events;

typedef struct ctr_memory_stats {
  ctr_uint cache; /* of files */
  ctr_memory_entry usage;
  ctr_memory_entry swap;              /* and memory: v1's memsw; of v2 the sums, without max */
  ctr_memory_entry swapOnly;          /* of v2 only                                          */
  ctr_memory_entry kernel, kernelTCP; /* of v1 only                                          */
  ctr_memory_events events;
  ctr_counters raw; /* all of memory.stat */
  ctr_pressure psi;
} ctr_memory_stats;

/* -- the others -- */

typedef struct ctr_pids_stats {
  ctr_uint current, limit; /* processes and threads */
} ctr_pids_stats;

typedef struct ctr_io_entry {
  uint32_t major_, minor_; /* of a block device                                             */
  const char *op;          /* "Read", "Write", "Sync", "Async", "Discard", "Total", or NULL */
  uint64_t value;
} ctr_io_entry;

typedef struct ctr_io_entries {
  const ctr_io_entry *items;
  size_t count;
} ctr_io_entries;

/* Bytes, numbers of operations, nanoseconds, 512-byte sectors; with all cgroups below. The first
   two are what every kernel has. */
typedef struct ctr_io_stats {
  ctr_io_entries ioServiceBytesRecursive, ioServicedRecursive, ioQueueRecursive,
      ioServiceTimeRecursive, ioWaitTimeRecursive, ioMergedRecursive, ioTimeRecursive,
      sectorsRecursive;
  ctr_pressure psi;
} ctr_io_stats;

typedef struct ctr_hugetlb_stats {
  const char *key;                     /* page size as the kernel writes it: "2MB" */
  ctr_uint limit, usage, max, failcnt; /* as in ctr_memory_entry; max is of v1 only */
} ctr_hugetlb_stats;

typedef struct ctr_hugetlb_list {
  const ctr_hugetlb_stats *items;
  size_t count;
} ctr_hugetlb_list;

typedef struct ctr_rdma_entry {
  const char *device;
  ctr_uint hca_handles, hca_objects;
} ctr_rdma_entry;

typedef struct ctr_rdma_entries {
  const ctr_rdma_entry *items;
  size_t count;
} ctr_rdma_entries;

typedef struct ctr_rdma_stats {
  ctr_rdma_entries limit, current;
} ctr_rdma_stats;

typedef struct ctr_interface_stats {
  const char *name; /* any bytes but NUL, '/', ':' and blanks: the container chooses it */
  uint64_t rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped;
} ctr_interface_stats;

typedef struct ctr_interfaces {
  const ctr_interface_stats *items;
  size_t count;
} ctr_interfaces;

typedef struct ctr_stats {
  ctr_cpu_stats cpu;
  ctr_cpuset_stats cpuset;
  ctr_memory_stats memory;
  ctr_pids_stats pids;
  ctr_io_stats blkio;
  ctr_hugetlb_list hugetlb;
  ctr_rdma_stats rdma;
  ctr_interfaces network_interfaces;
} ctr_stats;

/* Reads what there is to know of a container now, from those cgroups that are its own; of its
   network interfaces, at most 1024, only while it runs, and if its network namespace is known to
   be another than the caller's. After its end the rest can be read until it is deleted.
   arena:     receives lists and strings.
   ret_stats: written on CTR_OK only.
   Returns:   CTR_OK; CTR_E_STATE when it is stopped and its cgroups are gone; CTR_E_SYS with the
              file that could not be read, EPROTO when it is not of the form that the kernel's
              documentation says; CTR_E_NOMEM; CTR_E_ARG.
   Source:    kernel doc cgroup-v2.rst, cgroup-v1/, accounting/psi.rst; proc_pid_net(5). */
CTR_API ctr_code ctr_container_stats(ctr_container *container, ctr_arena *arena,
                                     ctr_stats *ret_stats, ctr_err *err);

/* Turns statistics into JSON as engines read it (the data of `runc events --stats`), with what we
   know besides under names of our own: limits of huge pages, memory.events, memory.swapOnly, rdma.
   Strings are copied; bytes of names that are not UTF-8 become '?'.
   Returns: CTR_OK, CTR_E_NOMEM or CTR_E_ARG. */
CTR_API ctr_code ctr_stats_to_json(ctr_arena *arena, const ctr_stats *stats, ctr_json **ret_value,
                                   ctr_err *err);

/* Returns the value of that name, not set when there is none: of memory.raw, "total_rss" (v1),
   "anon" (v2). */
CTR_API ctr_uint ctr_counters_get(const ctr_counters *counters, const char *name);

/* -- events -- */

typedef enum ctr_watch_kind {
  CTR_WATCH_EMPTY = 1, /* that no process is left in it                                 */
  CTR_WATCH_OOM,       /* that it ran out of the memory it may use; needs one of its cgroups
                          to have the memory controller                                 */
  CTR_WATCH_PRESSURE,  /* that its tasks stood still for long; needs a cgroup of v2     */
} ctr_watch_kind;

typedef enum ctr_resource {
  CTR_RESOURCE_CPU = 1,
  CTR_RESOURCE_MEMORY,
  CTR_RESOURCE_IO
} ctr_resource;

typedef struct ctr_watch_desc {
  ctr_watch_kind kind;
  /* Of CTR_WATCH_PRESSURE: tell when some tasks, or with full all of them, have stood still for so
     long within such a window. */
  ctr_resource resource;
  bool full;
  uint32_t stall_us;  /* microseconds, at most window_us                                       */
  uint32_t window_us; /* microseconds, at most 10 seconds, before Linux 6.4 at least 500000;
                         without CAP_SYS_RESOURCE a multiple of 2 seconds                      */
} ctr_watch_desc;

/* One thing that is watched for, with a descriptor for an event loop. */
typedef struct ctr_watch ctr_watch;

/* What has happened since it was asked last, or since the watch was made. */
typedef struct ctr_watch_report {
  uint64_t ooms;       /* of OOM: processes killed for it (v2); how often the limit was met with
                          nothing left to reclaim, just before one is killed (v1)               */
  uint64_t stalled_us; /* of PRESSURE: how long they have stood still, microseconds             */
  bool over;           /* no process is left, or the cgroup is gone: nothing more will happen   */
} ctr_watch_report;

/* Begins to watch a running container. The watch lives on without the handle.
   desc:    borrowed for the call.
   Returns: CTR_OK, and *ret_watch is the caller's: ctr_watch_free. CTR_E_STATE when the container
            is stopped; CTR_E_UNSUPPORTED when it has no cgroup to ask, or none with what is needed,
            or the kernel has no PSI; CTR_E_ARG for a desc that makes no sense, also to the kernel;
            CTR_E_SYS; CTR_E_NOMEM.
   Source:  cgroup-v2.rst "memory.events"; cgroup-v1/memory.rst "OOM Control";
            accounting/psi.rst. Neither v1 (cgroups(7), release_agent) nor v2 (cgroup.events, which
            may come too late) tells surely when a cgroup becomes empty: the end of one process in
            it after the other is waited for. */
CTR_API ctr_code ctr_container_watch(ctr_container *container, const ctr_watch_desc *desc,
                                     ctr_watch **ret_watch, ctr_err *err);

/* A descriptor that is readable (POLLIN) when something may have happened: ctr_watch_read then
   says what, which may be nothing, and makes it quiet until the next time. Stays the watch's. Not
   to be read. */
CTR_API int ctr_watch_fd(const ctr_watch *watch);

/* Says what has happened, without waiting. After a report that is over the descriptor stays quiet
   for ever; all that comes then is the same report without numbers.
   Returns: CTR_OK; CTR_E_SYS, or CTR_E_UNSUPPORTED when only processes are left that the caller's
            pid namespace does not show: then the report is untouched, and the watch of no use. */
CTR_API ctr_code ctr_watch_read(ctr_watch *watch, ctr_watch_report *ret_report, ctr_err *err);

/* Ends the watch, closes its descriptor. NULL is fine. */
CTR_API void ctr_watch_free(ctr_watch *watch);
