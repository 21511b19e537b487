/* Statistics: what is read from files of the forms that the kernel's documentation says, from files
   of no form at all, and what becomes of it as JSON. A cgroup is a directory of the test's own. */
#include <stddef.h>

static void *allocate(size_t size);
static void release(void *ptr);

#define CTR_MALLOC(size) allocate(size)
#define CTR_FREE(ptr)    release(ptr)
#include "containers.h"

static unsigned long allocations, fail_at; /* the number of the one that fails; 0: none */

static void *allocate(size_t size) {
  return ++allocations == fail_at ? NULL : malloc(size);
}

static void release(void *ptr) {
  free(ptr);
}

typedef struct file {
  const char *name, *text;
} file;

#define ALL_V1 "cpu,cpuacct,cpuset,memory,pids,blkio,hugetlb,rdma"

static const file v1_files[] = {
    {"cpu.stat", "nr_periods 40\nnr_throttled 5\nthrottled_time 123456789\nnr_bursts 2\n"
                 "burst_time 77\nwait_sum 5\n"},
    {"cpuacct.usage", "9000000001\n"},
    {"cpuacct.stat", "user 600\nsystem 300\n"},
    {"cpuacct.usage_percpu", "4000000000 5000000001 \n"},
    {"cpuacct.usage_all", "cpu user system\n0 3000000000 1000000000\n1 3000000001 2000000000\n"},
    {"cpuset.cpus", "0-2,5\n"},
    {"cpuset.mems", "0\n"},
    {"cpuset.cpu_exclusive", "1\n"},
    {"cpuset.mem_hardwall", "2\n"},
    {"cpuset.mem_exclusive", "3\n"},
    {"cpuset.memory_migrate", "4\n"},
    {"cpuset.memory_spread_page", "5\n"},
    {"cpuset.memory_spread_slab", "6\n"},
    {"cpuset.memory_pressure", "7\n"},
    {"cpuset.sched_load_balance", "8\n"},
    {"cpuset.sched_relax_domain_level", "-1\n"},
    {"memory.limit_in_bytes", "9223372036854771712\n"},
    {"memory.usage_in_bytes", "12\n"},
    {"memory.max_usage_in_bytes", "13\n"},
    {"memory.failcnt", "14\n"},
    {"memory.memsw.limit_in_bytes", "21\n"},
    {"memory.memsw.usage_in_bytes", "22\n"},
    {"memory.memsw.max_usage_in_bytes", "23\n"},
    {"memory.memsw.failcnt", "24\n"},
    {"memory.kmem.limit_in_bytes", "31\n"},
    {"memory.kmem.usage_in_bytes", "32\n"},
    {"memory.kmem.max_usage_in_bytes", "33\n"},
    {"memory.kmem.failcnt", "34\n"},
    {"memory.kmem.tcp.limit_in_bytes", "41\n"},
    {"memory.kmem.tcp.usage_in_bytes", "42\n"},
    {"memory.kmem.tcp.max_usage_in_bytes", "43\n"},
    {"memory.kmem.tcp.failcnt", "44\n"},
    {"memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill 3\n"},
    {"memory.stat", "cache 4096\nrss 8192\ntotal_inactive_file 1024\n"},
    {"pids.current", "7\n"},
    {"pids.max", "100\n"},
    {"blkio.bfq.io_service_bytes_recursive",
     "8:0 Read 4096\n8:0 Write 512\n8:0 Total 4608\nTotal 4608\n"},
    {"blkio.throttle.io_service_bytes_recursive", "8:0 Read 1\n253:1 Read 2\nTotal 3\n"},
    {"blkio.throttle.io_serviced_recursive", "8:0 Discard 6\n8:0 Total 6\nTotal 6\n"},
    {"blkio.io_queued_recursive", "8:0 Sync 1\nTotal 1\n"},
    {"blkio.io_service_time_recursive", "8:0 Sync 2\nTotal 2\n"},
    {"blkio.io_wait_time_recursive", "8:0 Sync 3\nTotal 3\n"},
    {"blkio.bfq.io_merged_recursive", "8:0 Async 4\nTotal 4\n"},
    {"blkio.time_recursive", "8:0 5\n"},
    {"blkio.sectors_recursive", "8:0 6\n8:16 7\n"},
    {"hugetlb.2MB.limit_in_bytes", "9223372036852678656\n"},
    {"hugetlb.2MB.usage_in_bytes", "4194304\n"},
    {"hugetlb.2MB.max_usage_in_bytes", "6291456\n"},
    {"hugetlb.2MB.failcnt", "9\n"},
    {"hugetlb.2MB.rsvd.usage_in_bytes", "1\n"},
    {"hugetlb.1GB.usage_in_bytes", "0\n"},
    {"hugetlb.64KB.usage_in_bytes", "65536\n"},
    {"rdma.current", "mlx4_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=1 hca_object=23\n"},
    {"rdma.max", "mlx4_0 hca_handle=3 hca_object=max\nocrdma1 hca_handle=max hca_object=max\n"},
    {NULL, NULL},
};

static const char v1_json[] =
    "{\"cpu\":{\"usage\":{\"total\":9000000001,\"kernel\":3000000000,\"user\":6000000000,"
    "\"percpu\":[4000000000,5000000001],\"percpu_kernel\":[1000000000,2000000000],"
    "\"percpu_user\":[3000000000,3000000001]},"
    "\"throttling\":{\"periods\":40,\"throttledPeriods\":5,\"throttledTime\":123456789,"
    "\"burstPeriods\":2,\"burstTime\":77}},"
    "\"cpuset\":{\"cpus\":[0,1,2,5],\"cpu_exclusive\":1,\"mems\":[0],\"mem_hardwall\":2,"
    "\"mem_exclusive\":3,\"memory_migrate\":4,\"memory_spread_page\":5,\"memory_spread_slab\":6,"
    "\"memory_pressure\":7,\"sched_load_balance\":8,\"sched_relax_domain_level\":-1},"
    "\"memory\":{\"cache\":4096,"
    "\"usage\":{\"limit\":9223372036854771712,\"usage\":12,\"max\":13,\"failcnt\":14},"
    "\"swap\":{\"limit\":21,\"usage\":22,\"max\":23,\"failcnt\":24},"
    "\"kernel\":{\"limit\":31,\"usage\":32,\"max\":33,\"failcnt\":34},"
    "\"kernelTCP\":{\"limit\":41,\"usage\":42,\"max\":43,\"failcnt\":44},"
    "\"events\":{\"oom_kill\":3},"
    "\"raw\":{\"cache\":4096,\"rss\":8192,\"total_inactive_file\":1024}},"
    "\"pids\":{\"current\":7,\"limit\":100},"
    "\"blkio\":{\"ioServiceBytesRecursive\":["
    "{\"major\":8,\"minor\":0,\"op\":\"Read\",\"value\":4096},"
    "{\"major\":8,\"minor\":0,\"op\":\"Write\",\"value\":512},"
    "{\"major\":8,\"minor\":0,\"op\":\"Total\",\"value\":4608},"
    "{\"major\":253,\"minor\":1,\"op\":\"Read\",\"value\":2}],"
    "\"ioServicedRecursive\":[{\"major\":8,\"minor\":0,\"op\":\"Discard\",\"value\":6},"
    "{\"major\":8,\"minor\":0,\"op\":\"Total\",\"value\":6}],"
    "\"ioQueueRecursive\":[{\"major\":8,\"minor\":0,\"op\":\"Sync\",\"value\":1}],"
    "\"ioServiceTimeRecursive\":[{\"major\":8,\"minor\":0,\"op\":\"Sync\",\"value\":2}],"
    "\"ioWaitTimeRecursive\":[{\"major\":8,\"minor\":0,\"op\":\"Sync\",\"value\":3}],"
    "\"ioMergedRecursive\":[{\"major\":8,\"minor\":0,\"op\":\"Async\",\"value\":4}],"
    "\"ioTimeRecursive\":[{\"major\":8,\"minor\":0,\"value\":5}],"
    "\"sectorsRecursive\":[{\"major\":8,\"minor\":0,\"value\":6},"
    "{\"major\":8,\"minor\":16,\"value\":7}]},"
    "\"hugetlb\":{\"64KB\":{\"usage\":65536,\"failcnt\":0},"
    "\"2MB\":{\"usage\":4194304,\"max\":6291456,\"failcnt\":9,\"limit\":9223372036852678656},"
    "\"1GB\":{\"usage\":0,\"failcnt\":0}},"
    "\"rdma\":{\"limit\":[{\"device\":\"mlx4_0\",\"hca_handles\":3,"
    "\"hca_objects\":18446744073709551615},{\"device\":\"ocrdma1\","
    "\"hca_handles\":18446744073709551615,\"hca_objects\":18446744073709551615}],"
    "\"current\":[{\"device\":\"mlx4_0\",\"hca_handles\":2,\"hca_objects\":2000},"
    "{\"device\":\"ocrdma1\",\"hca_handles\":1,\"hca_objects\":23}]},"
    "\"intel_rdt\":{},\"network_interfaces\":[]}";

static const file v2_files[] = {
    {"cpu.stat", "usage_usec 9000\nuser_usec 5000\nsystem_usec 4000\nnice_usec 1\n"
                 "core_sched.force_idle_usec 0\nnr_periods 40\nnr_throttled 5\n"
                 "throttled_usec 1234\nnr_bursts 2\nburst_usec 77\n"},
    {"cpu.pressure", "some avg10=1.50 avg60=0.07 avg300=0.00 total=123\n"
                     "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"},
    {"cpuset.cpus.effective", "0-1\n"},
    {"cpuset.mems.effective", "0,2\n"},
    {"memory.max", "1000000\n"},
    {"memory.current", "4000\n"},
    {"memory.peak", "5000\n"},
    {"memory.swap.max", "2000000\n"},
    {"memory.swap.current", "600\n"},
    {"memory.swap.peak", "700\n"},
    {"memory.events", "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n"
                      "sock_throttled 0\n"},
    {"memory.swap.events", "high 0\nmax 8\nfail 9\n"},
    {"memory.stat", "anon 100\nfile 200\nkernel 18446744073709551615\n"},
    {"memory.pressure", "some avg10=100.00 avg60=12.34 avg300=5.60 total=18446744073709551615\n"
                        "full avg10=3.00 avg60=2.00 avg300=1.00 total=9\n"},
    {"pids.current", "3\n"},
    {"pids.max", "max\n"},
    {"io.stat", "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=7 dios=8 "
                "cost.usage=12.5 cost.vrate=100.00\n"
                "8:0 rbytes=90430464 wbytes=299008000 rios=8950 wios=1252 dbytes=50331648 "
                "dios=3021\n8:32 \n"},
    {"io.pressure", "some avg10=0.01 avg60=0.00 avg300=0.00 total=1\n"},
    {"hugetlb.2MB.current", "2097152\n"},
    {"hugetlb.2MB.max", "max\n"},
    {"hugetlb.2MB.events", "max 4\n"},
    {"hugetlb.2MB.rsvd.current", "1\n"},
    {"hugetlb.16GB.current", "0\n"},
    {"rdma.current", "mlx5_0 hca_handle=1 hca_object=2\n"},
    {"rdma.max", "mlx5_0 hca_handle=max hca_object=1 \n"},
    {NULL, NULL},
};

static const char v2_json[] =
    "{\"cpu\":{\"usage\":{\"total\":9000000,\"kernel\":4000000,\"user\":5000000},"
    "\"throttling\":{\"periods\":40,\"throttledPeriods\":5,\"throttledTime\":1234000,"
    "\"burstPeriods\":2,\"burstTime\":77000},"
    "\"psi\":{\"some\":{\"avg10\":1.5,\"avg60\":0.07,\"avg300\":0.0,\"total\":123},"
    "\"full\":{\"avg10\":0.0,\"avg60\":0.0,\"avg300\":0.0,\"total\":0}}},"
    "\"cpuset\":{\"cpus\":[0,1],\"cpu_exclusive\":0,\"mems\":[0,2],\"mem_hardwall\":0,"
    "\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0,\"memory_spread_slab\":0,"
    "\"memory_pressure\":0,\"sched_load_balance\":0,\"sched_relax_domain_level\":0},"
    "\"memory\":{\"cache\":200,"
    "\"usage\":{\"limit\":1000000,\"usage\":4000,\"max\":5000,\"failcnt\":3},"
    "\"swap\":{\"limit\":3000000,\"usage\":4600,\"failcnt\":8},"
    "\"swapOnly\":{\"limit\":2000000,\"usage\":600,\"max\":700,\"failcnt\":8},"
    "\"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0},"
    "\"events\":{\"low\":1,\"high\":2,\"max\":3,\"oom\":4,\"oom_kill\":5,\"oom_group_kill\":6},"
    "\"raw\":{\"anon\":100,\"file\":200,\"kernel\":18446744073709551615},"
    "\"psi\":{\"some\":{\"avg10\":1e+02,\"avg60\":12.34,\"avg300\":5.6,"
    "\"total\":18446744073709551615},"
    "\"full\":{\"avg10\":3.0,\"avg60\":2.0,\"avg300\":1.0,\"total\":9}}},"
    "\"pids\":{\"current\":3},"
    "\"blkio\":{\"ioServiceBytesRecursive\":["
    "{\"major\":8,\"minor\":16,\"op\":\"Read\",\"value\":1459200},"
    "{\"major\":8,\"minor\":16,\"op\":\"Write\",\"value\":314773504},"
    "{\"major\":8,\"minor\":16,\"op\":\"Discard\",\"value\":7},"
    "{\"major\":8,\"minor\":0,\"op\":\"Read\",\"value\":90430464},"
    "{\"major\":8,\"minor\":0,\"op\":\"Write\",\"value\":299008000},"
    "{\"major\":8,\"minor\":0,\"op\":\"Discard\",\"value\":50331648}],"
    "\"ioServicedRecursive\":["
    "{\"major\":8,\"minor\":16,\"op\":\"Read\",\"value\":192},"
    "{\"major\":8,\"minor\":16,\"op\":\"Write\",\"value\":353},"
    "{\"major\":8,\"minor\":16,\"op\":\"Discard\",\"value\":8},"
    "{\"major\":8,\"minor\":0,\"op\":\"Read\",\"value\":8950},"
    "{\"major\":8,\"minor\":0,\"op\":\"Write\",\"value\":1252},"
    "{\"major\":8,\"minor\":0,\"op\":\"Discard\",\"value\":3021}],"
    "\"psi\":{\"some\":{\"avg10\":0.01,\"avg60\":0.0,\"avg300\":0.0,\"total\":1}}},"
    "\"hugetlb\":{\"2MB\":{\"usage\":2097152,\"failcnt\":4,\"limit\":18446744073709551615},"
    "\"16GB\":{\"usage\":0,\"failcnt\":0}},"
    "\"rdma\":{\"limit\":[{\"device\":\"mlx5_0\",\"hca_handles\":18446744073709551615,"
    "\"hca_objects\":1}],"
    "\"current\":[{\"device\":\"mlx5_0\",\"hca_handles\":1,\"hca_objects\":2}]},"
    "\"intel_rdt\":{},\"network_interfaces\":[]}";

/* Of nothing at all. */
static const char no_json[] =
    "{\"cpu\":{\"usage\":{\"kernel\":0,\"user\":0},\"throttling\":{}},"
    "\"cpuset\":{\"cpu_exclusive\":0,\"mem_hardwall\":0,\"mem_exclusive\":0,\"memory_migrate\":0,"
    "\"memory_spread_page\":0,\"memory_spread_slab\":0,\"memory_pressure\":0,"
    "\"sched_load_balance\":0,\"sched_relax_domain_level\":0},"
    "\"memory\":{\"usage\":{\"limit\":0,\"failcnt\":0},\"swap\":{\"limit\":0,\"failcnt\":0},"
    "\"kernel\":{\"limit\":0,\"failcnt\":0},\"kernelTCP\":{\"limit\":0,\"failcnt\":0}},"
    "\"pids\":{},\"blkio\":{},\"hugetlb\":{},\"rdma\":{},\"intel_rdt\":{},"
    "\"network_interfaces\":[]}";

/* -- reading -- */

static ctr_arena mem; /* of the test that runs */
static ctr_stats stats;
static ctr_err err;

static void begin(void) {
  new_root();
  stats = (ctr_stats){.pids.current.set = false};
}

static void finish(void) {
  ctr_arena_free(&mem);
  drop_root();
}

static void put_files(const char *cgroup, const file *files) {
  for (; files->name; files++) put_file(cgroup, files->name, files->text, strlen(files->text));
}

/* controllers: NULL for v2. */
static ctr_code read_cgroup(const char *cgroup, const char *controllers) {
  int before = open_descriptors(), dir = directory(cgroup);
  ctr_code code = ctr__stats_read(dir, controllers, "/cgroup", &mem, &stats, &err);
  close(dir);
  CHECK_NUM(open_descriptors(), before);
  return code;
}

static void check_read(const char *cgroup, const char *controllers) {
  err = (ctr_err){.code = CTR_OK};
  ctr_code code = read_cgroup(cgroup, controllers);
  CHECK_MSG(!code, "%s: %s", cgroup, err.msg);
}

static const char *json(void) {
  static ctr__string text;
  ctr_json *value = NULL;
  text = (ctr__string){.arena = &mem};
  CHECK(!ctr_stats_to_json(&mem, &stats, &value, &err));
  if (!value || ctr_json_write(value, CTR_JSON_COMPACT, ctr__string_sink, &text, &err))
    test_fail(__FILE__, __LINE__, "no JSON: %s", err.msg);
  return text.text ? text.text : "";
}

TEST(all_of_v1_is_read_and_written) {
  begin();
  if (sysconf(_SC_CLK_TCK) != 100) SKIP("the clock ticks another number of times a second");
  put_files("v1", v1_files);
  check_read("v1", ALL_V1);
  CHECK_STR(json(), v1_json);
  finish();
}

TEST(all_of_v2_is_read_and_written) {
  begin();
  put_files("v2", v2_files);
  check_read("v2", NULL);
  CHECK_STR(json(), v2_json);
  CHECK(stats.pids.limit.set && stats.pids.limit.value == UINT64_MAX);
  finish();
}

TEST(what_is_not_there_is_not_set) {
  begin();
  check_read("v1", ALL_V1);
  CHECK_STR(json(), no_json);
  check_read("v2", NULL);
  CHECK_STR(json(), no_json);
  static const ctr_stats none = {.pids.current.set = false};
  CHECK(!memcmp(&stats, &none, sizeof none));
  finish();
}

/* Each file alone is read as it is among the others, and nothing goes missing without it. */
static void check_alone(const char *controllers, const file *files) {
  char name[16];
  unsigned n = 0, seen = 0;
  for (const file *f = files; f->name; f++) {
    snprintf(name, sizeof name, "%u", n++);
    put_file(name, f->name, f->text, strlen(f->text));
    stats = (ctr_stats){.pids.current.set = false};
    check_read(name, controllers);
    seen += strcmp(json(), no_json) != 0;
  }
  /* Of huge pages the limit and such count with the usage only; pids.max may be none. */
  CHECK_NUM(n - seen, 4);
}

TEST(a_file_alone_is_enough) {
  begin();
  check_alone(ALL_V1, v1_files);
  check_alone(NULL, v2_files);
  finish();
}

TEST(files_of_other_controllers_are_not_looked_at) {
  begin();
  put_files("v1", v1_files);
  check_read("v1", "freezer");
  check_read("v1", "name=systemd");
  check_read("v1", "");
  CHECK_STR(json(), no_json);
  check_read("v1", "pids");
  CHECK(stats.pids.current.set && !stats.memory.usage.usage.set && !stats.cpu.usage.total.set);
  check_read("v1", "cpu,cpuacct");
  CHECK(stats.cpu.usage.total.set && stats.cpu.throttling.periods.set);
  CHECK(!stats.cpuset.cpus.count && !stats.hugetlb.count && !stats.blkio.sectorsRecursive.count);
  finish();
}

TEST(of_two_hierarchies_the_first_counts) {
  begin();
  put_files("v1", v1_files);
  put_files("v2", v2_files);
  check_read("v1", ALL_V1);
  check_read("v2", NULL);
  CHECK_NUM(stats.memory.usage.usage.value, 12);
  CHECK_NUM(stats.memory.swap.usage.value, 22);
  CHECK_NUM(stats.cpu.usage.total.value, 9000000001);
  CHECK_NUM(stats.cpu.usage.user.value, 6000000000);
  CHECK_NUM(stats.memory.events.oom_kill.value, 3);
  CHECK_NUM(stats.memory.cache.value, 4096);
  CHECK_NUM(stats.cpuset.cpus.count, 4);
  CHECK_NUM(stats.blkio.ioServiceBytesRecursive.count, 4);
  CHECK_NUM(stats.hugetlb.count, 3);
  CHECK_NUM(stats.rdma.current.count, 2);
  CHECK_NUM(stats.cpu.psi.some.total, 123); /* what v1 does not have */
  CHECK_NUM(stats.memory.events.low.value, 1);
  finish();
}

TEST(a_counter_is_found_by_its_name) {
  begin();
  put_files("v2", v2_files);
  check_read("v2", NULL);
  ctr_uint found = ctr_counters_get(&stats.memory.raw, "anon");
  CHECK(found.set && found.value == 100);
  CHECK(!ctr_counters_get(&stats.memory.raw, "ano").set);
  CHECK(!ctr_counters_get(&stats.memory.raw, "").set);
  CHECK(!ctr_counters_get(&(ctr_counters){NULL, 0}, "anon").set);
  finish();
}

/* -- files that are not as they should be -- */

typedef struct bad {
  const char *name, *text;
  bool v1;
} bad;

static const bad malformed[] = {
    {"memory.current", "", false},
    {"memory.current", "\n", false},
    {"memory.current", "-1\n", false},
    {"memory.current", " 1\n", false},
    {"memory.current", "1 \n", false},
    {"memory.current", "1\n2\n", false},
    {"memory.current", "0x10\n", false},
    {"memory.current", "12a\n", false},
    {"memory.current", "18446744073709551616\n", false},
    {"memory.current", "99999999999999999999999999\n", false},
    {"memory.current", "maximum\n", false},
    {"memory.current", "\xff\n", false},
    {"pids.max", "MAX\n", false},
    {"cpu.stat", "usage_usec\n", false},
    {"cpu.stat", "usage_usec x\n", false},
    {"cpu.stat", "usage_usec 1 2\n", false},
    {"cpu.stat", "usage_usec  1\n", false},
    {"cpu.stat", " 1\n", false},
    {"cpu.stat", "usage_usec 1\n\nuser_usec 2\n", false},
    {"memory.stat", "anon 1\nfile\n", false},
    {"memory.stat", "anon -1\n", false},
    {"memory.events", "oom_kill 1,2\n", false},
    {"cpu.pressure", "some\n", false},
    {"cpu.pressure", "many avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", false},
    {"cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00\n", false},
    {"cpu.pressure", "some avg10=0.0 avg60=0.00 avg300=0.00 total=0\n", false},
    {"cpu.pressure", "some avg10=100.01.1 avg60=0.00 avg300=0.00 total=0\n", false},
    {"cpu.pressure", "some avg10=101.00 avg60=0.00 avg300=0.00 total=0\n", false},
    {"cpu.pressure", "some avg10=max.00 avg60=0.00 avg300=0.00 total=0\n", false},
    {"cpu.pressure", "some avg10=0.max avg60=0.00 avg300=0.00 total=0\n", false},
    {"cpu.pressure", "some avg60=0.00 avg10=0.00 avg300=0.00 total=0\n", false},
    {"memory.pressure", "full avg10=0.00 avg60=0.00 avg300=0.00 total=-1\n", false},
    {"io.pressure", "full avg10=,00 avg60=0.00 avg300=0.00 total=1\n", false},
    {"io.stat", "rbytes=1\n", false},
    {"io.stat", "8 rbytes=1\n", false},
    {"io.stat", "8:x rbytes=1\n", false},
    {"io.stat", "8:4294967296 rbytes=1\n", false},
    {"io.stat", "max:0 rbytes=1\n", false},
    {"io.stat", "8:0 rbytes=\n", false},
    {"io.stat", "8:0 rbytes\n", false},
    {"io.stat", "8:0 wios=1=2\n", false},
    {"hugetlb.2MB.current", "x\n", false},
    {"rdma.current", "mlx4_0 hca_handle\n", false},
    {"rdma.max", "mlx4_0 hca_handle=-1\n", false},
    {"cpuset.cpus.effective", "0-\n", false},
    {"cpuset.cpus.effective", "3-1\n", false},
    {"cpuset.cpus.effective", "a\n", false},
    {"cpuset.cpus.effective", "0-1-2\n", false},
    {"cpuset.cpus.effective", "0-65536\n", false},
    {"cpuset.cpus.effective", "0-max\n", false},
    {"cpuset.cpus.effective", "0-65535,0-65535\n", false},
    {"cpuset.cpus.effective", "18446744073709551615\n", false},
    {"cpuset.mems", "1-\n", true},
    {"cpuset.sched_relax_domain_level", "--1\n", true},
    {"cpuset.sched_relax_domain_level", "2147483648\n", true},
    {"cpuset.sched_relax_domain_level", "", true},
    {"cpuacct.usage", "1 2\n", true},
    {"cpuacct.usage_percpu", "1 x\n", true},
    {"cpuacct.usage_all", "cpu user system\n0 1\n", true},
    {"cpuacct.usage_all", "cpu user system\n0 1 2 3\n", true},
    {"cpuacct.usage_all", "cpu user system\n0 1 x\n", true},
    {"cpuacct.stat", "user -1\n", true},
    {"blkio.throttle.io_serviced_recursive", "8:0\n", true},
    {"blkio.throttle.io_serviced_recursive", "8:0 Read\n", true},
    {"blkio.throttle.io_serviced_recursive", "8:0 Read 1 2\n", true},
    {"blkio.throttle.io_serviced_recursive", "8:0 Read x\n", true},
    {"blkio.sectors_recursive", "80 1\n", true},
    {"hugetlb.2MB.usage_in_bytes", "\n", true},
    {"memory.stat", "cache\xff 4096\n", true}, /* JSON could not say it */
    {"rdma.max", "mlx5\xc3 hca_handle=1 hca_object=1\n", false},
};

TEST(what_is_malformed_is_an_error_that_names_the_file) {
  char name[16];
  begin();
  for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
    const bad *b = &malformed[i];
    snprintf(name, sizeof name, "%zu", i);
    put_file(name, b->name, b->text, strlen(b->text));
    ctr_code code = read_cgroup(name, b->v1 ? ALL_V1 : NULL);
    CHECK_MSG(code == CTR_E_SYS && err.sys == EPROTO, "%s \"%s\": %s", b->name, b->text, err.msg);
    CHECK_HAS(err.msg, b->name);
    CHECK_HAS(err.msg, "/cgroup/");
    stats = (ctr_stats){.pids.current.set = false};
  }
  finish();
}

/* Linux 5.10 to 5.16 do not end the lines of devices that have no numbers. */
TEST(devices_without_numbers_are_passed_over) {
  static const char text[] = "7:7 7:6 8:0 rbytes=5 wbytes=6\n7:1 \n253:0 rios=1\n";
  begin();
  put_file("v2", "io.stat", text, sizeof text - 1);
  check_read("v2", NULL);
  const ctr_io_entries *bytes = &stats.blkio.ioServiceBytesRecursive;
  CHECK(bytes->count == 2 && bytes->items[0].major_ == 8 && bytes->items[0].minor_ == 0);
  CHECK(bytes->count == 2 && bytes->items[1].value == 6);
  CHECK_NUM(stats.blkio.ioServicedRecursive.count, 1);
  finish();
}

TEST(a_last_line_need_not_end) {
  begin();
  put_file("v2", "memory.current", "5", 1);
  put_file("v2", "memory.stat", "anon 1\nfile 2", 13);
  check_read("v2", NULL);
  CHECK_NUM(stats.memory.usage.usage.value, 5);
  CHECK_NUM(stats.memory.cache.value, 2);
  finish();
}

TEST(numbers_that_would_not_fit_stay_at_the_highest) {
  static const file files[] = {{"cpu.stat", "usage_usec 18446744073709551615\n"},
                               {"memory.current", "4\n"},
                               {"memory.max", "max\n"},
                               {"memory.swap.current", "18446744073709551614\n"},
                               {"memory.swap.max", "100\n"},
                               {NULL, NULL}};
  begin();
  put_files("v2", files);
  check_read("v2", NULL);
  CHECK(stats.cpu.usage.total.value == UINT64_MAX);
  CHECK(stats.memory.swap.usage.value == UINT64_MAX);
  CHECK(stats.memory.swap.limit.value == UINT64_MAX);
  finish();
}

TEST(files_of_big_machines_are_read_whole) {
  enum { CPUS = 8192 };
  begin();
  char *all = malloc(CPUS * 64), *at = all + sprintf(all, "cpu user system\n");
  for (int i = 0; i < CPUS; i++)
    at += sprintf(at, "%d %lld %lld\n", i, 1000000000000000000LL + i, 2000000000000000000LL + i);
  put_file("v1", "cpuacct.usage_all", all, (size_t)(at - all));
  CHECK(at - all > 300000);
  check_read("v1", ALL_V1);
  CHECK_NUM(stats.cpu.usage.percpu_user.count, CPUS);
  if (stats.cpu.usage.percpu_kernel.count == CPUS)
    CHECK_NUM(stats.cpu.usage.percpu_kernel.items[CPUS - 1], 2000000000000000000LL + CPUS - 1);
  free(all);
  finish();
}

TEST(what_no_kernel_writes_is_not_read_for_ever) {
  begin();
  put_file("v2", "memory.stat", "anon 1\n", 7);
  CHECK(!truncate(below_root("v2", "memory.stat"), 64 << 20));
  CHECK(read_cgroup("v2", NULL) == CTR_E_SYS && err.sys == EFBIG);
  CHECK_HAS(err.msg, "memory.stat");
  finish();
}

/* Whoever is inside can make cgroups under any name that the kernel does not use itself. */
TEST(directories_in_the_place_of_files_are_none) {
  begin();
  for (int v1 = 0; v1 < 2; v1++)
    for (const file *f = v1 ? v1_files : v2_files; f->name; f++) {
      close(directory(v1 ? "v1" : "v2"));
      CHECK(!mkdir(below_root(v1 ? "v1" : "v2", f->name), 0755));
    }
  check_read("v1", ALL_V1);
  check_read("v2", NULL);
  CHECK_STR(json(), no_json);
  finish();
}

TEST(a_directory_that_is_gone_has_nothing) {
  begin();
  int dir = directory("v2");
  CHECK(!rmdir(below_root("v2", NULL)));
  CHECK(!ctr__stats_read(dir, NULL, "/cgroup", &mem, &stats, &err));
  CHECK_STR(json(), no_json);
  close(dir);
  finish();
}

/* -- pressure that is watched -- */

TEST(the_counter_of_a_watch_is_the_one_it_is_about) {
  char events[] = "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\n", short_one[] = "low 0\n";
  char broken[] = "low\noom_kill 4\n";
  uint64_t value = 7;
  CHECK_NUM(ctr__watch_value(events, "oom_kill", &value), 0);
  CHECK_NUM(value, 4);
  CHECK_NUM(ctr__watch_value(short_one, "oom_kill", &value), -EPROTO);
  CHECK_NUM(ctr__watch_value(broken, "oom_kill", &value), -EPROTO);
  CHECK_NUM(value, 4);
}

/* What a watch of v2 says of a file that says first, then then; -errno when it fails. */
static int64_t told(ctr_watch_desc desc, const char *first, const char *then) {
  ctr_watch w = {.desc = desc, .epoll = -1, .dir = -1, .end = -1, .control = -1};
  uint64_t more = 0, again = 0;
  put_file("v2", "file", first, strlen(first));
  w.source = open(below_root("v2", "file"), O_RDONLY | O_CLOEXEC);
  int r = ctr__watch_counter(&w, &w.seen);
  put_file("v2", "file", then, strlen(then));
  if (r == 0) r = ctr__watch_read_counter(&w, &more);
  if (r == 0) CHECK(ctr__watch_read_counter(&w, &again) == 0 && again == 0);
  CHECK(!w.over);
  close(w.source);
  return r < 0 ? r : (int64_t)more;
}

TEST(a_watch_tells_what_came_since) {
  static const char some[] = "some avg10=0.00 avg60=0.00 avg300=0.00 total=100\n"
                             "full avg10=0.00 avg60=0.00 avg300=0.00 total=10\n",
                    more[] = "some avg10=0.00 avg60=0.00 avg300=0.00 total=150\n"
                             "full avg10=0.00 avg60=0.00 avg300=0.00 total=11\n";
  const ctr_watch_desc oom = {.kind = CTR_WATCH_OOM},
                       io = {CTR_WATCH_PRESSURE, CTR_RESOURCE_IO, false, 1, 2},
                       io_full = {CTR_WATCH_PRESSURE, CTR_RESOURCE_IO, true, 1, 2};
  begin();
  CHECK_NUM(told(oom, "low 0\noom 0\noom_kill 3\n", "low 0\noom 9\noom_kill 5\n"), 2);
  CHECK_NUM(told(oom, "low 0\noom 0\noom_kill 3\n", "low 7\noom 9\noom_kill 3\n"), 0);
  CHECK_NUM(told(oom, "oom_kill 3\n", "oom_kill 1\n"), 0);
  CHECK_NUM(told(oom, "oom_kill 3\n", "oom 3\n"), -EPROTO);
  CHECK_NUM(told(io, some, more), 50);
  CHECK_NUM(told(io_full, some, more), 1);
  CHECK_NUM(told(io_full, some, some), 0);
  CHECK_NUM(told(io_full, some, "some\n"), -EPROTO);
  finish();
}

/* -- network interfaces -- */

static const char head[] =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
    "fifo colls carrier compressed\n";

static ctr_code read_interfaces(const char *lines) {
  char *text = ctr_arena_alloc(&mem, strlen(head) + strlen(lines) + 1);
  sprintf(text, "%s%s", head, lines);
  return ctr__net_dev_read(text, &mem, &stats.network_interfaces, &err);
}

TEST(interfaces_are_read_and_written) {
  static const char members[] =
      "{\"RxBytes\":1,\"RxPackets\":2,\"RxErrors\":3,\"RxDropped\":4,\"TxBytes\":9,"
      "\"TxPackets\":10,\"TxErrors\":11,\"TxDropped\":12,\"Name\":\"eth0\"}";
  begin();
  CHECK(!read_interfaces("    lo:    0       0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
                         "  eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"));
  CHECK_NUM(stats.network_interfaces.count, 2);
  CHECK_HAS(json(), members);
  CHECK_HAS(json(), "\"Name\":\"lo\"");
  stats = (ctr_stats){.pids.current.set = false};
  CHECK(!read_interfaces(""));
  CHECK_NUM(stats.network_interfaces.count, 0);
  finish();
}

/* The kernel refuses '/', ':' and blanks in it, nothing else. */
TEST(a_name_may_be_anything_and_json_stays_text) {
  ctr_json *value = NULL;
  begin();
  CHECK(!read_interfaces(" \xff\"\x01\xc3\xbc\\\xe2\x82: "
                         "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"));
  CHECK_NUM(stats.network_interfaces.count, 1);
  CHECK_STR(stats.network_interfaces.items[0].name, "\xff\"\x01\xc3\xbc\\\xe2\x82");
  const char *text = json();
  CHECK_HAS(text, "\"Name\":\"?\\\"\\u0001\xc3\xbc\\\\??\"");
  CHECK(!ctr_json_parse(&mem, text, strlen(text), NULL, &value, &err));
  finish();
}

TEST(of_many_interfaces_some_are_enough) {
  begin();
  char *lines = malloc(2000 * 64), *at = lines;
  for (int i = 0; i < 2000; i++)
    at += sprintf(at, "dummy%d: %d 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", i, i);
  CHECK(!read_interfaces(lines));
  CHECK_NUM(stats.network_interfaces.count, 1024);
  CHECK_NUM(stats.network_interfaces.items[1023].rxBytes, 1023);
  free(lines);
  finish();
}

TEST(malformed_interfaces_are_an_error) {
  static const char *const lines[] = {"eth0 1 2 3 4 5 6 7 8 9 10 11 12\n", "eth0: 1 2 3\n", "\n",
                                      "eth0: 1 2 3 4 5 6 7 8 9 10 11 x\n", "eth0: -1 2 3 4\n"};
  begin();
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    CHECK_MSG(read_interfaces(lines[i]) == CTR_E_SYS && err.sys == EPROTO, "\"%s\"", lines[i]);
  CHECK_NUM(stats.network_interfaces.count, 0);
  finish();
}

TEST(net_dev_is_read_as_far_as_there_is_room) {
  static char all[1 << 16], part[1 << 16];
  CHECK_NUM(ctr__read_net_dev(getpid(), all, sizeof all), 0);
  CHECK(!strncmp(all, "Inter-|", 7));
  size_t len = strlen(all);
  CHECK(len && all[len - 1] == '\n');
  CHECK_NUM(ctr__read_net_dev(getpid(), part, len - 3), 0);
  CHECK(strlen(part) < len && part[strlen(part) - 1] == '\n');
  CHECK_NUM(ctr__read_net_dev(INT32_MAX, all, sizeof all), -ENOENT);
}

/* -- of containers -- */

static const ctr_namespace new_network = {CTR_NS_NETWORK, NULL},
                           joined_network = {CTR_NS_NETWORK, "/proc/self/ns/net"},
                           new_pid = {CTR_NS_PID, NULL};

static ctr_container *container_of(pid_t pid, const ctr_namespace *ns) {
  ctr_container *c = NULL;
  ctr__stored stored = stored_of("box", pid);
  if (ns) stored.config.linux_.namespaces = (ctr_namespaces){ns, 1};
  put("box", &stored);
  CHECK_MSG(!ctr_container_open(root, "box", &c, &err), "%s", err.msg);
  return c;
}

static size_t interfaces_of(pid_t pid, const ctr_namespace *ns) {
  ctr_container *c = container_of(pid, ns);
  CHECK_MSG(!ctr_container_stats(c, &mem, &stats, &err), "%s", err.msg);
  ctr_container_free(c);
  return stats.network_interfaces.count;
}

/* The sleeper is in the tester's network namespace: what the config says is what differs. */
TEST(only_interfaces_of_its_own_are_the_containers) {
  begin();
  pid_t pid = sleeper();
  CHECK_NUM(interfaces_of(pid, NULL), 0);
  CHECK_NUM(interfaces_of(pid, &new_pid), 0);
  CHECK_NUM(interfaces_of(pid, &joined_network), 0);
  CHECK(interfaces_of(pid, &new_network) > 0);
  end(pid);
  finish();
}

TEST(a_stopped_container_has_a_state_for_an_error) {
  ctr_watch *watch = NULL;
  begin();
  stats.pids.current.value = 42;
  ctr_container *c = container_of(0, NULL);
  CHECK(ctr_container_stats(c, &mem, &stats, &err) == CTR_E_STATE);
  CHECK_HAS(err.msg, "container not running");
  CHECK_NUM(stats.pids.current.value, 42);
  for (int kind = CTR_WATCH_EMPTY; kind <= CTR_WATCH_PRESSURE; kind++) {
    const ctr_watch_desc desc = {(ctr_watch_kind)kind, CTR_RESOURCE_IO, false, 1, 2};
    CHECK(ctr_container_watch(c, &desc, &watch, &err) == CTR_E_STATE && !watch);
  }
  ctr_container_free(c);
  finish();
}

/* A cgroup that is gone from under a container that runs is no empty one; one that is no cgroup is
   not read. */
TEST(cgroups_that_cannot_be_opened_are_errors) {
  static ctr__cgroup cgroup = {"/sys/fs/cgroup/ctr-test-none/x", "memory", false};
  ctr_container *c = NULL;
  begin();
  pid_t pid = sleeper();
  ctr__stored stored = stored_of("box", pid);
  stored.cgroups = &cgroup;
  stored.cgroup_count = 1;
  for (int i = 0; i < 2; i++) {
    put("box", &stored);
    CHECK(!ctr_container_open(root, "box", &c, &err));
    CHECK(ctr_container_stats(c, &mem, &stats, &err) == CTR_E_SYS);
    CHECK_HAS(err.msg, cgroup.path);
    CHECK_NUM(err.sys, i ? ENOTSUP : ENOENT);
    ctr_container_free(c);
    cgroup.path = root;
  }
  end(pid);
  finish();
}

TEST(without_a_cgroup_nothing_can_be_watched) {
  static const ctr_watch_desc descs[] = {{.kind = CTR_WATCH_EMPTY},
                                         {.kind = CTR_WATCH_OOM},
                                         {CTR_WATCH_PRESSURE, CTR_RESOURCE_CPU, true, 5, 10}};
  begin();
  pid_t pid = sleeper();
  ctr_container *c = container_of(pid, NULL);
  int before = open_descriptors();
  for (size_t i = 0; i < 3; i++) {
    ctr_watch *watch = NULL;
    CHECK(ctr_container_watch(c, &descs[i], &watch, &err) == CTR_E_UNSUPPORTED && !watch);
    CHECK_HAS(err.msg, "\"box\"");
  }
  CHECK_NUM(open_descriptors(), before);
  ctr_container_free(c);
  end(pid);
  finish();
}

TEST(arguments_that_make_no_sense_are_refused) {
  static const ctr_watch_desc descs[] = {{.kind = (ctr_watch_kind)0},
                                         {.kind = (ctr_watch_kind)4},
                                         {.kind = CTR_WATCH_PRESSURE},
                                         {CTR_WATCH_PRESSURE, CTR_RESOURCE_CPU, false, 0, 1000000},
                                         {CTR_WATCH_PRESSURE, CTR_RESOURCE_CPU, false, 2, 1},
                                         {CTR_WATCH_PRESSURE, (ctr_resource)0, false, 1, 2},
                                         {CTR_WATCH_PRESSURE, (ctr_resource)4, false, 1, 2}};
  ctr_watch *watch = NULL;
  ctr_watch_report report;
  ctr_json *value;
  begin();
  ctr_container *c = container_of(0, NULL);
  for (size_t i = 0; i < sizeof descs / sizeof *descs; i++)
    CHECK_MSG(ctr_container_watch(c, &descs[i], &watch, &err) == CTR_E_ARG, "desc %zu", i);
  CHECK(ctr_container_watch(NULL, descs, &watch, &err) == CTR_E_ARG);
  CHECK(ctr_container_watch(c, NULL, &watch, &err) == CTR_E_ARG);
  CHECK(ctr_container_watch(c, descs, NULL, &err) == CTR_E_ARG);
  CHECK(ctr_watch_read(NULL, &report, &err) == CTR_E_ARG);
  CHECK(ctr_container_stats(NULL, &mem, &stats, &err) == CTR_E_ARG);
  CHECK(ctr_container_stats(c, NULL, &stats, &err) == CTR_E_ARG);
  CHECK(ctr_container_stats(c, &mem, NULL, &err) == CTR_E_ARG);
  CHECK(ctr_stats_to_json(NULL, &stats, &value, &err) == CTR_E_ARG);
  CHECK(ctr_stats_to_json(&mem, NULL, &value, &err) == CTR_E_ARG);
  CHECK(ctr_stats_to_json(&mem, &stats, NULL, &err) == CTR_E_ARG);
  ctr_watch_free(NULL);
  ctr_container_free(c);
  finish();
}

/* -- without memory -- */

static ctr_code read_and_write(const char *cgroup, const char *controllers, ctr_err *e) {
  ctr_json *value = NULL;
  stats = (ctr_stats){.pids.current.set = false};
  int dir = directory(cgroup);
  ctr_code code = ctr__stats_read(dir, controllers, "/cgroup", &mem, &stats, e);
  close(dir);
  if (!code) code = ctr_stats_to_json(&mem, &stats, &value, e);
  CHECK(!code == !!value);
  ctr_arena_free(&mem);
  return code;
}

TEST(memory_that_runs_out_is_an_error) {
  begin();
  put_files("v1", v1_files);
  put_files("v2", v2_files);
  for (int v1 = 0; v1 < 2; v1++) {
    unsigned long at = 0;
    ctr_code code = CTR_E_NOMEM;
    for (; code == CTR_E_NOMEM && at < 1000; at++) {
      allocations = 0;
      fail_at = at + 1;
      code = read_and_write(v1 ? "v1" : "v2", v1 ? ALL_V1 : NULL, &err);
      CHECK(code == err.code);
    }
    fail_at = 0;
    CHECK_MSG(!code && at > 5, "%s after %lu allocations", err.msg, at);
  }
  finish();
}

TEST_MAIN
