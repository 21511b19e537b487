/* What each field of linux.resources becomes: which value is written to which file, on a machine
   with cgroup v1, with v2, and with both (plan.h). */
#include "plan.h"

#define DEVICES ",'resources':{'devices':[{'allow':false,'access':'rwm'}]}"

/* Under no circumstances is anything made below /dev/null. */
#define V1(controllers)                                                                            \
  {                                                                                                \
    .mount_point = "/dev/null/" controllers, .name = controllers, .root = "/",                     \
    .options = "rw," controllers                                                                   \
  }
#define V2(list)                                                                                   \
  {                                                                                                \
    .mount_point = "/dev/null/v2", .name = "v2", .root = "/", .options = "rw",                     \
    .controllers = list, .v2 = true                                                                \
  }

static const ctr__hierarchies v1 = {.items = {V1("cpu,cpuacct"), V1("cpuset"), V1("memory"),
                                              V1("pids"), V1("blkio"), V1("hugetlb"),
                                              V1("net_cls,net_prio"), V1("rdma"), V1("freezer")},
                                    .count = 9,
                                    .v1_count = 9,
                                    .membership = "1:cpu,cpuacct:/\n"};
static const ctr__hierarchies v2 = {.items = {V2("cpuset,cpu,io,memory,hugetlb,pids,rdma")},
                                    .count = 1,
                                    .membership = "0::/\n"};
static const ctr__hierarchies hybrid = {.items = {V1("memory"), V1("freezer"), V2("cpu,pids")},
                                        .count = 3,
                                        .v1_count = 2,
                                        .membership = "1:memory:/\n2:freezer:/\n0::/\n"};
static const ctr__hierarchies nothing = {.items = {V1("freezer")},
                                         .count = 1,
                                         .v1_count = 1,
                                         .membership = "2:freezer:/\n"};

/* "file=value|file=value|" of what is written, with '?', ':' and '<' before what is not always; or
   "!field" of what was refused. */
static const char *written(const ctr__hierarchies *machine, const char *resources) {
  static char text[4096];
  static char linux_[4096];
  snprintf(linux_, sizeof linux_, ",'resources':{%s}", resources);
  PLAN(CREATE, .linux_ = linux_, .hierarchies = machine);
  text[0] = '\0';
  if (now.code) {
    CHECK_MSG(now.code == CTR_E_UNSUPPORTED || now.code == CTR_E_CONFIG, "%s", now.err.msg);
    snprintf(text, sizeof text, "!%s", now.err.field);
    return text;
  }
  for (uint32_t i = 0; i < now.plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(now.plan, i);
    if (step->kind != CTR__STEP_LIMIT) continue;
    snprintf(text + strlen(text), sizeof text - strlen(text), "%.1s%s=%s|", &"\0?:<"[step->num[0]],
             ctr__plan_str(now.plan, step->str[1]), ctr__plan_str(now.plan, step->str[2]));
  }
  return text;
}

/* The fields that a row is about; resources; what is written on v1, and on v2. */
static const struct {
  const char *fields, *resources, *on_v1, *on_v2;
} rows[] = {
    {"memory.limit", "'memory':{'limit':4096}", "memory.limit_in_bytes=4096|", "memory.max=4096|"},
    {"memory.limit", "'memory':{'limit':-1}", "?memory.limit_in_bytes=-1|", "?memory.max=max|"},
    {"memory.limit", "'memory':{'limit':0}", "memory.limit_in_bytes=0|", "memory.max=0|"},
    {"memory.limit", "'memory':{'limit':9223372036854775807}",
     "memory.limit_in_bytes=9223372036854775807|", "memory.max=9223372036854775807|"},
    {"memory.reservation", "'memory':{'reservation':5}", "memory.soft_limit_in_bytes=5|",
     "memory.low=5|"},
    {"memory.reservation", "'memory':{'reservation':-1}", "?memory.soft_limit_in_bytes=-1|",
     "?memory.low=max|"},
    {"memory.swap", "'memory':{'limit':4096,'swap':8192}",
     "memory.limit_in_bytes=4096|memory.memsw.limit_in_bytes=8192|",
     "memory.max=4096|memory.swap.max=4096|"},
    {"memory.swap", "'memory':{'limit':4096,'swap':4096}",
     "memory.limit_in_bytes=4096|memory.memsw.limit_in_bytes=4096|",
     "memory.max=4096|?memory.swap.max=0|"},
    {"memory.swap", "'memory':{'limit':4096,'swap':-1}",
     "memory.limit_in_bytes=4096|?memory.memsw.limit_in_bytes=-1|",
     "memory.max=4096|?memory.swap.max=max|"},
    {"memory.swap", "'memory':{'swap':8192}", "memory.memsw.limit_in_bytes=8192|",
     "!linux.resources.memory.swap"},
    {"memory.swap", "'memory':{'limit':-1,'swap':8192}",
     "?memory.limit_in_bytes=-1|memory.memsw.limit_in_bytes=8192|", "!linux.resources.memory.swap"},
    {"memory.swap", "'memory':{'limit':8192,'swap':4096}",
     "memory.limit_in_bytes=8192|memory.memsw.limit_in_bytes=4096|",
     "!linux.resources.memory.swap"},
    {"memory.kernel", "'memory':{'kernel':7}", "memory.kmem.limit_in_bytes=7|",
     "!linux.resources.memory.kernel"},
    {"memory.kernel", "'memory':{'kernel':-1}", "?memory.kmem.limit_in_bytes=-1|", ""},
    {"memory.kernelTCP", "'memory':{'kernelTCP':7}", "memory.kmem.tcp.limit_in_bytes=7|",
     "!linux.resources.memory.kernelTCP"},
    {"memory.swappiness", "'memory':{'swappiness':60}", "memory.swappiness=60|",
     "!linux.resources.memory.swappiness"},
    {"memory.disableOOMKiller", "'memory':{'disableOOMKiller':true}", "memory.oom_control=1|",
     "!linux.resources.memory.disableOOMKiller"},
    {"memory.disableOOMKiller", "'memory':{'disableOOMKiller':false}", "", ""},
    {"memory.useHierarchy", "'memory':{'useHierarchy':true}", "memory.use_hierarchy=1|", ""},
    {"memory.checkBeforeUpdate", "'memory':{'limit':4096,'checkBeforeUpdate':true}",
     "memory.limit_in_bytes=4096|", "<memory.max=4096|"},
    {"cpu.shares", "'cpu':{'shares':1024}", "cpu.shares=1024|", "cpu.weight=100|"},
    {"cpu.shares", "'cpu':{'shares':2}", "cpu.shares=2|", "cpu.weight=1|"},
    {"cpu.shares", "'cpu':{'shares':262144}", "cpu.shares=262144|", "cpu.weight=10000|"},
    {"cpu.shares", "'cpu':{'shares':512}", "cpu.shares=512|", "cpu.weight=59|"},
    {"cpu.quota", "'cpu':{'quota':5000}", "cpu.cfs_quota_us=5000|", "cpu.max=5000|"},
    {"cpu.quota", "'cpu':{'quota':0}", "cpu.cfs_quota_us=0|",
     "cpu.max=0|"}, /* the kernel refuses */
    {"cpu.quota", "'cpu':{'quota':-1}", "?cpu.cfs_quota_us=-1|", "?cpu.max=max|"},
    {"cpu.period", "'cpu':{'period':70000}", "cpu.cfs_period_us=70000|", "cpu.max=max 70000|"},
    {"cpu.period cpu.quota", "'cpu':{'quota':5000,'period':70000}",
     "cpu.cfs_period_us=70000|cpu.cfs_quota_us=5000|", "cpu.max=5000 70000|"},
    {"cpu.burst", "'cpu':{'quota':5000,'burst':300}", "cpu.cfs_quota_us=5000|cpu.cfs_burst_us=300|",
     "cpu.max=5000|cpu.max.burst=300|"},
    {"cpu.realtimePeriod cpu.realtimeRuntime", "'cpu':{'realtimePeriod':9,'realtimeRuntime':8}",
     "cpu.rt_period_us=9|cpu.rt_runtime_us=8|", "!linux.resources.cpu.realtimePeriod"},
    {"cpu.realtimeRuntime", "'cpu':{'realtimeRuntime':8}", "cpu.rt_runtime_us=8|",
     "!linux.resources.cpu.realtimeRuntime"},
    {"cpu.idle", "'cpu':{'idle':1}", "cpu.idle=1|", "cpu.idle=1|"},
    {"cpu.cpus cpu.mems", "'cpu':{'cpus':'0-1','mems':'0'}", "cpuset.cpus=0-1|cpuset.mems=0|",
     "cpuset.cpus=0-1|cpuset.mems=0|"},
    {"pids.limit", "'pids':{'limit':5}", "pids.max=5|", "pids.max=5|"},
    {"pids.limit", "'pids':{'limit':0}", "pids.max=0|", "pids.max=0|"},
    {"pids.limit", "'pids':{'limit':-1}", "?pids.max=max|", "?pids.max=max|"},
    {"blockIO.weight", "'blockIO':{'weight':100}", "?blkio.bfq.weight=100|:blkio.weight=100|",
     "?io.bfq.weight=100|:io.weight=910|"},
    {"blockIO.weight", "'blockIO':{'weight':10}", "?blkio.bfq.weight=10|:blkio.weight=10|",
     "?io.bfq.weight=10|:io.weight=1|"},
    {"blockIO.weight", "'blockIO':{'weight':1000}", "?blkio.bfq.weight=1000|:blkio.weight=1000|",
     "?io.bfq.weight=1000|:io.weight=10000|"},
    {"blockIO.weight", "'blockIO':{'weight':9}", "!linux.resources.blockIO.weight",
     "!linux.resources.blockIO.weight"},
    {"blockIO.leafWeight", "'blockIO':{'leafWeight':100}", "blkio.leaf_weight=100|",
     "!linux.resources.blockIO.leafWeight"},
    {"blockIO.weightDevice[].major blockIO.weightDevice[].minor blockIO.weightDevice[].weight",
     "'blockIO':{'weightDevice':[{'major':8,'minor':16,'weight':100}]}",
     "?blkio.bfq.weight_device=8:16 100|:blkio.weight_device=8:16 100|",
     "?io.bfq.weight=8:16 100|:io.weight=8:16 910|"},
    {"blockIO.weightDevice[].leafWeight",
     "'blockIO':{'weightDevice':[{'major':8,'minor':16,'leafWeight':100}]}",
     "blkio.leaf_weight_device=8:16 100|", "!linux.resources.blockIO.weightDevice[0]"},
    {"blockIO.throttleReadBpsDevice[].major blockIO.throttleReadBpsDevice[].minor "
     "blockIO.throttleReadBpsDevice[].rate",
     "'blockIO':{'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':600},"
     "{'major':8,'minor':1,'rate':0}]}",
     "blkio.throttle.read_bps_device=8:0 600|blkio.throttle.read_bps_device=8:1 0|",
     "io.max=8:0 rbps=600|io.max=8:1 rbps=max|"},
    {"blockIO.throttleWriteBpsDevice[].major blockIO.throttleWriteBpsDevice[].minor "
     "blockIO.throttleWriteBpsDevice[].rate",
     "'blockIO':{'throttleWriteBpsDevice':[{'major':8,'minor':0,'rate':600}]}",
     "blkio.throttle.write_bps_device=8:0 600|", "io.max=8:0 wbps=600|"},
    {"blockIO.throttleReadIOPSDevice[].major blockIO.throttleReadIOPSDevice[].minor "
     "blockIO.throttleReadIOPSDevice[].rate",
     "'blockIO':{'throttleReadIOPSDevice':[{'major':8,'minor':0,'rate':600}]}",
     "blkio.throttle.read_iops_device=8:0 600|", "io.max=8:0 riops=600|"},
    {"blockIO.throttleWriteIOPSDevice[].major blockIO.throttleWriteIOPSDevice[].minor "
     "blockIO.throttleWriteIOPSDevice[].rate",
     "'blockIO':{'throttleWriteIOPSDevice':[{'major':8,'minor':0,'rate':600}]}",
     "blkio.throttle.write_iops_device=8:0 600|", "io.max=8:0 wiops=600|"},
    {"hugepageLimits[].pageSize hugepageLimits[].limit",
     "'hugepageLimits':[{'pageSize':'2MB','limit':4194304}]",
     "?hugetlb.2MB.rsvd.limit_in_bytes=4194304|hugetlb.2MB.limit_in_bytes=4194304|",
     "?hugetlb.2MB.rsvd.max=4194304|hugetlb.2MB.max=4194304|"},
    {"hugepageLimits[].pageSize", "'hugepageLimits':[{'pageSize':'../2MB','limit':1}]",
     "!linux.resources.hugepageLimits[0]", "!linux.resources.hugepageLimits[0]"},
    {"network.classID", "'network':{'classID':1048577}", "net_cls.classid=1048577|",
     "!linux.resources.network.classID"},
    {"network.priorities[].name network.priorities[].priority",
     "'network':{'priorities':[{'name':'eth0','priority':5},{'name':'lo','priority':1}]}",
     "net_prio.ifpriomap=eth0 5|net_prio.ifpriomap=lo 1|",
     "!linux.resources.network.priorities[0]"},
    {"rdma.hcaHandles rdma.hcaObjects",
     "'rdma':{'mlx5_1':{'hcaHandles':3,'hcaObjects':10},'rxe3':{'hcaObjects':9}}",
     "rdma.max=mlx5_1 hca_handle=3 hca_object=10|rdma.max=rxe3 hca_object=9|",
     "rdma.max=mlx5_1 hca_handle=3 hca_object=10|rdma.max=rxe3 hca_object=9|"},
    {"rdma.hcaHandles", "'rdma':{'mlx5_1':{}}", "!linux.resources.rdma.mlx5_1",
     "!linux.resources.rdma.mlx5_1"},
    {"unified",
     "'unified':{'memory.high':'5','io.max':'8:0 rbps=1\\n8:1 wbps=2','cgroup.max.depth':'3'}",
     "!linux.resources.unified.memory.high",
     "memory.high=5|io.max=8:0 rbps=1|io.max=8:1 wbps=2|cgroup.max.depth=3|"},
    {"unified", "'unified':{'cpuset.cpus':''}", "!linux.resources.unified.cpuset.cpus",
     "cpuset.cpus=|"},
    {"unified", "'unified':{'misc.max':'5'}", "!linux.resources.unified.misc.max",
     "!linux.resources.unified.misc.max"},
    {"unified", "'unified':{'cgroup.procs':'1'}", "!linux.resources.unified.cgroup.procs",
     "!linux.resources.unified.cgroup.procs"},
    {"unified", "'unified':{'memory.high/../x':'1'}", "!linux.resources.unified.memory.high/../x",
     "!linux.resources.unified.memory.high/../x"},
};
#define ROWS (sizeof rows / sizeof *rows)

TEST(every_field_becomes_its_files_and_values) {
  for (size_t i = 0; i < ROWS; i++) {
    const char *on_v1 = written(&v1, rows[i].resources);
    CHECK_MSG(!strcmp(on_v1, rows[i].on_v1), "v1: %s is \"%s\", should be \"%s\"",
              rows[i].resources, on_v1, rows[i].on_v1);
    const char *on_v2 = written(&v2, rows[i].resources);
    CHECK_MSG(!strcmp(on_v2, rows[i].on_v2), "v2: %s is \"%s\", should be \"%s\"",
              rows[i].resources, on_v2, rows[i].on_v2);
  }
}

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
    if (!strcmp(path, "devices[]")) continue; /* test_devices.c */
    if (field->type) {
      check_covered(field->type, path);
      continue;
    }
    bool covered = false;
    for (size_t r = 0; r < ROWS; r++) covered |= has_word(rows[r].fields, path);
    CHECK_MSG(covered, "no row is about %s", path);
  }
}

TEST(no_field_lacks_a_row) {
  check_covered(&ctr__type_of_ctr_resources, "");
}

/* config-linux.md: what cannot be limited is an error. */
TEST(what_the_machine_cannot_limit_is_refused) {
  for (size_t i = 0; i < ROWS; i++) {
    const char *with_nothing = written(&nothing, rows[i].resources);
    bool asks = strpbrk(rows[i].on_v1, "!") ||
                (*rows[i].on_v1 && (*rows[i].on_v1 != '?' || strchr(rows[i].on_v1, ':')));
    CHECK_MSG(!asks || *with_nothing == '!' || strstr(rows[i].on_v1, "=-1|"), "%s: \"%s\"",
              rows[i].resources, with_nothing);
  }
  CHECK_STR(written(&nothing, "'memory':{'limit':5}"), "!linux.resources.memory.limit");
  CHECK_STR(written(&nothing, "'pids':{'limit':-1}"), ""); /* that it already is */
  CHECK_STR(written(&nothing, "'unified':{'pids.max':'5'}"), "!linux.resources.unified.pids.max");
}

TEST(without_a_cgroup_there_are_no_limits) {
  static const char limits[] = ",'resources':{'pids':{'limit':5}}";
  PLAN(.linux_ = limits);
  CHECK_REFUSED("a process of its own", CTR_E_UNSUPPORTED, "linux.resources.pids.limit");
  PLAN(CREATE, .linux_ = limits, .desc.no_cgroup = true);
  CHECK_REFUSED("no_cgroup", CTR_E_UNSUPPORTED, "linux.resources.pids.limit");
  PLAN(CREATE, .linux_ = limits, .hierarchies = &v2, .facts = &user_facts);
  CHECK_REFUSED("nothing delegated", CTR_E_UNSUPPORTED, "linux.resources.pids.limit");
  PLAN(CREATE, .linux_ = ",'resources':{'pids':{'limit':-1}}", .hierarchies = &v2,
       .facts = &user_facts, SPACES(USER_NS ",{'type':'pid'}"));
  CHECK_NUM(now.code, CTR_OK);
}

/* The cgroups are those that limits need, and one to freeze in. */
TEST(v1_goes_before_v2_where_it_has_the_controller) {
  CHECK_STR(written(&hybrid, "'memory':{'limit':5},'pids':{'limit':7},'cpu':{'shares':1024}"),
            "memory.limit_in_bytes=5|cpu.weight=100|pids.max=7|");
  check_lines("hybrid", now.text,
              "make the cgroup /dev/null/memory/ctr-box  <-\n"
              "make the cgroup /dev/null/freezer/ctr-box  <-\n"
              "make the cgroup /dev/null/v2/ctr-box, with cpu,pids  <-\n"
              "write '5' to memory.limit_in_bytes of the cgroup /dev/null/memory/ctr-box"
              "  <- linux.resources.memory.limit  [cgroups(7)]\n"
              "write '7' to pids.max of the cgroup /dev/null/v2/ctr-box\n"
              "clone into new namespaces");
}

TEST(controllers_are_enabled_where_they_are_used) {
  PLAN(CREATE, .hierarchies = &v2);
  check_lines("none", now.text, "make the cgroup /dev/null/v2/ctr-box  <-");
  written(&v2, "'cpu':{'shares':5,'quota':5,'cpus':'0'},'memory':{'limit':5,'reservation':3}");
  check_lines("some", now.text, "/dev/null/v2/ctr-box, with memory,cpu,cpuset  <-");
  PLAN(CREATE, .hierarchies = &v2, .linux_ = ",'cgroupsPath':'/a'");
  check_lines("all", now.text, "/dev/null/v2/a, with cpuset,cpu,io,memory,hugetlb,pids,rdma  <-");
}

/* cgroup-v2.rst, "No Internal Process Constraint": the caller's own cgroup has a process. */
TEST(on_v2_a_relative_path_is_beside_the_callers_own) {
  char mine[] = "/tmp/ctr-plan.XXXXXX", should[128];
  CHECK(mkdtemp(mine));
  const ctr__hierarchies granted = {.items = {{.mount_point = mine,
                                               .name = "v2",
                                               .root = "/",
                                               .options = "rw",
                                               .controllers = "pids",
                                               .v2 = true}},
                                    .count = 1,
                                    .membership = "0::/shell\n"};
  PLAN(CREATE, .hierarchies = &granted, .facts = &user_facts, SPACES(USER_NS),
       .linux_ = ",'resources':{'pids':{'limit':5}}");
  snprintf(should, sizeof should, "write '5' to pids.max of the cgroup %s/ctr-box", mine);
  check_lines("named by us", now.text, should);
  PLAN(CREATE, .hierarchies = &granted, .linux_ = ",'cgroupsPath':'a/b'");
  snprintf(should, sizeof should, "make the cgroup %s/a/b, with pids", mine);
  check_lines("named by the config", now.text, should);
  rmdir(mine);
}

/* -- devices: what the rules become is tested in test_devices.c -- */

static const ctr__hierarchies with_devices = {.items = {V1("devices"), V1("freezer"), V2("pids")},
                                              .count = 3,
                                              .v1_count = 2,
                                              .membership = "1:devices:/\n2:freezer:/\n0::/\n"};

TEST(devices_are_restricted_by_a_list_or_a_program) {
  PLAN(CREATE, .hierarchies = &with_devices, .linux_ = DEVICES);
  check_lines("v1", now.text,
              "make the cgroup /dev/null/devices/ctr-box  <-\n"
              "in the cgroup /dev/null/devices/ctr-box use devices: none but b *:* m c 1:3 rwm");
  CHECK(step_of(CTR__STEP_DEVICE_LIST) && !step_of(CTR__STEP_DEVICE_PROGRAM));
  PLAN(CREATE, .hierarchies = &v2, .linux_ = DEVICES);
  check_lines("v2", now.text,
              "instructions to the cgroup /dev/null/v2/ctr-box"
              "  <- linux.resources.devices  [bpf(2)]\nclone into");
  CHECK(!step_of(CTR__STEP_DEVICE_LIST) && step_of(CTR__STEP_DEVICE_PROGRAM));
  CHECK_STR(now.warnings, "");
  PLAN(CREATE, .hierarchies = &v2);
  CHECK(!step_of(CTR__STEP_DEVICE_PROGRAM));
}

/* config-linux.md does not say what then: nothing is opened that would have been closed. */
TEST(device_rules_that_nobody_enforces_are_warned_of_or_refused) {
  static const char *const sets[] = {"bounding", "permitted", "inheritable", "ambient",
                                     "effective','permitted"};
  PLAN(.linux_ = DEVICES);
  CHECK_STR(now.warnings, "linux.resources.devices;");
  PLAN(CREATE, .linux_ = DEVICES, .desc.no_cgroup = true, SPACES("{'type':'pid'}"));
  CHECK_STR(now.warnings, "linux.resources.devices;");
  PLAN(CREATE, .linux_ = DEVICES, .hierarchies = &nothing);
  CHECK_STR(now.warnings, "linux.resources.devices;");
  PLAN(CREATE, .linux_ = DEVICES, .hierarchies = &v2, .facts = &user_facts,
       SPACES(USER_NS ",{'type':'pid'}"));
  CHECK_STR(now.warnings, "linux.resources.devices;");
  for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
    char process[160];
    snprintf(process, sizeof process, ",'capabilities':{'%s':['CAP_MKNOD']}", sets[i]);
    if (strchr(sets[i], ','))
      snprintf(process, sizeof process,
               ",'capabilities':{'effective':['CAP_MKNOD'],'permitted':['CAP_MKNOD']}");
    PLAN(.process = process, .linux_ = DEVICES);
    if (now.code == CTR_E_CONFIG) continue; /* alone it makes no sense */
    CHECK_REFUSED(sets[i], CTR_E_UNSUPPORTED, "linux.resources.devices");
    PLAN(CREATE, .process = process, .linux_ = DEVICES, .hierarchies = &with_devices);
    CHECK_MSG(!now.code && !strstr(now.warnings, "devices"), "%s: %s", sets[i], now.err.msg);
    PLAN(.process = process, .linux_ = DEVICES, SPACES(USER_NS)); /* where it gives no device */
    CHECK_HAS(now.warnings, "linux.resources.devices;");
  }
}

/* -- new limits for a container that is there -- */

static void update(const ctr__hierarchies *machine, const char *path, const char *linux_) {
  static const ctr_device_rule deny[] = {{.allow = false, .access = "rwm"}};
  static ctr_resources changed;
  static const char *paths[1];
  changed = (ctr_resources){.pids.limit = {true, 5}};
  if (strstr(linux_, "devices")) changed = (ctr_resources){.devices = {deny, 1}};
  paths[0] = path;
  PLAN(.hierarchies = machine, .linux_ = linux_,
       .purpose = {.goal = CTR__GOAL_UPDATE, .cgroups = {paths, 1}, .changed = &changed});
}

TEST(an_update_is_written_to_the_cgroups_that_there_are) {
  update(&v1, "/dev/null/pids/box", ",'resources':{'pids':{'limit':5}}");
  check_lines("v1", now.text, "write '5' to pids.max of the cgroup /dev/null/pids/box");
  CHECK(now.plan && now.plan->step_count == 1);
  update(&v2, "/dev/null/v2/box", ",'resources':{'pids':{'limit':5},'memory':{'limit':9}}");
  check_lines("v2", now.text,
              "make the cgroup /dev/null/v2/box, with pids\n"
              "write '5' to pids.max of the cgroup /dev/null/v2/box");
  CHECK(now.plan && now.plan->step_count == 2);
  update(&v1, "/dev/null/freezer/box", ",'resources':{'pids':{'limit':5}}");
  CHECK_REFUSED("made without", CTR_E_UNSUPPORTED, "linux.resources.pids.limit");
}

/* Somebody asks for just that: there is nothing to be passed over with a warning. */
TEST(an_update_of_devices_holds_or_is_refused) {
  update(&v2, "/dev/null/v2/box", DEVICES);
  CHECK(step_of(CTR__STEP_DEVICE_PROGRAM) != NULL);
  update(&with_devices, "/dev/null/devices/box", DEVICES);
  CHECK(step_of(CTR__STEP_DEVICE_LIST) != NULL);
  update(&with_devices, "/dev/null/freezer/box", DEVICES);
  CHECK_REFUSED("made without", CTR_E_UNSUPPORTED, "linux.resources.devices");
  update(&nothing, "/dev/null/freezer/box", DEVICES);
  CHECK_REFUSED("no controller", CTR_E_UNSUPPORTED, "linux.resources.devices");
}

TEST(weights_rise_with_shares) {
  int before = 0;
  for (unsigned shares = 0; shares < 300000; shares += shares / 64 + 1) {
    char resources[64];
    snprintf(resources, sizeof resources, "'cpu':{'shares':%u}", shares);
    int weight = atoi(written(&v2, resources) + strlen("cpu.weight="));
    CHECK_MSG(weight >= before && weight >= 1 && weight <= 10000, "%u: %d after %d", shares, weight,
              before);
    before = weight;
  }
  CHECK_NUM(before, 10000);
}

TEST_MAIN
