/* Configs that were filled by hand with something missing or out of range: what no text can say. */
#include "check.h"

TEST(a_pointer_that_is_missing_is_named) {
  HOLE("root.path", c->root.path = NULL);
  HOLE("process.cwd", c->process.cwd = NULL);
  HOLE("mounts[1].destination",
       c->mounts = (ctr_mounts)LIST(ctr_mount, {.destination = "/a", .type = "tmpfs"}, {0}));
  HOLE("mounts[0].options[1]",
       c->mounts = (ctr_mounts)LIST(ctr_mount, {.destination = "/a", .type = "tmpfs",
                                                .options = CTR_STRS("ro", NULL)}));
  HOLE("process.args[0]", c->process.args = CTR_STRS(NULL, "a"));
  HOLE("process.args[1]", c->process.args = CTR_STRS("sh", NULL));
  HOLE("process.env[1]", c->process.env = CTR_STRS("A=1", NULL));
  HOLE("linux.devices[0].path", DEVICES({.type = "c", NUMBER}));
  HOLE("linux.devices[0].type", DEVICES({.path = "/dev/x", NUMBER}));
  HOLE("linux.devices[1]", DEVICES({.type = "p", .path = "/a"}, {0}));
  HOLE("linux.sysctl", SYSCTL(NULL, "1"));
  HOLE("linux.sysctl", SYSCTL("net.a", NULL));
  HOLE("annotations", c->annotations = (ctr_pairs)LIST(ctr_pair, {NULL, "1"}));
  HOLE("annotations", c->annotations = (ctr_pairs)LIST(ctr_pair, {"a", NULL}));
  HOLE("linux.maskedPaths[0]", c->linux_.maskedPaths = CTR_STRS(NULL, "/a"));
  HOLE("linux.readonlyPaths[1]", c->linux_.readonlyPaths = CTR_STRS("/a", NULL));
  HOLE("hooks.prestart[1].path", HOOKS(prestart, {.path = "/x"}, {0}));
  HOLE("hooks.poststop[0].args[0]", HOOKS(poststop, {.path = "/x", .args = CTR_STRS(NULL, "a")}));
  HOLE("hooks.poststart[0].env[1]", HOOKS(poststart, {.path = "/x", .env = CTR_STRS("a", NULL)}));
}

TEST(a_list_without_items_is_named) {
  HOLE("mounts", c->mounts = (ctr_mounts){NULL, 1});
  HOLE("mounts[0].options", c->mounts = (ctr_mounts)LIST(ctr_mount, {.destination = "/a",
       .type = "tmpfs", .options = {NULL, 1}}));
  HOLE("process.args", c->process.args = (ctr_strs){NULL, 1});
  HOLE("process.env", c->process.env = (ctr_strs){NULL, 1});
  HOLE("process.rlimits", c->process.rlimits = (ctr_rlimits){NULL, 1});
  HOLE("process.user.additionalGids", c->process.user.additionalGids = (ctr_ids){NULL, 1});
  HOLE("linux.namespaces", c->linux_.namespaces = (ctr_namespaces){NULL, 1});
  HOLE("linux.uidMappings", WITH_USER; c->linux_.uidMappings = (ctr_id_mappings){NULL, 1});
  HOLE("linux.devices", c->linux_.devices = (ctr_devices){NULL, 1});
  HOLE("linux.sysctl", c->linux_.sysctl = (ctr_pairs){NULL, 1});
  HOLE("linux.maskedPaths", c->linux_.maskedPaths = (ctr_strs){NULL, 1});
  HOLE("hooks.createRuntime", c->hooks.createRuntime = (ctr_hook_list){NULL, 1});
  HOLE("hooks.startContainer[0].args", HOOKS(startContainer, {.path = "/x", .args = {NULL, 1}}));
}

TEST(lists_of_nothing_need_no_items) {
  GOOD(c->mounts = (ctr_mounts){0}; c->process.env = (ctr_strs){0}; c->annotations = (ctr_pairs){0};
       c->process.rlimits = (ctr_rlimits){0}; c->process.user.additionalGids = (ctr_ids){0};
       c->linux_.devices = (ctr_devices){0}; c->linux_.sysctl = (ctr_pairs){0};
       c->linux_.maskedPaths = c->linux_.readonlyPaths = (ctr_strs){0});
  outcome o = apart(&(ctr_config){0}, plan_it);
  CHECK(!o.died && o.plan == CTR_E_CONFIG && *o.field);
  o = apart(&(ctr_config){.process.args = CTR_STRS("sh"), .process.cwd = "/"}, plan_it);
  CHECK(!o.died && o.plan == CTR_E_CONFIG);
  CHECK_STR(o.field, "root.path");
}

TEST(a_value_that_no_name_stands_for_is_refused) {
  static const int64_t types[] = {0, 3, 1, CTR_NS_PID | CTR_NS_UTS, CTR_NS_MOUNT | 17, 0x100};
  for (size_t i = 0; i < COUNT(types); i++) {
    const ctr_namespace made = {(ctr_namespace_type)types[i], NULL}, joined = {made.type, "/ns"};
    HOLE("linux.namespaces[2].type", SPACES({CTR_NS_UTS, NULL}, {CTR_NS_MOUNT, NULL}, made));
    HOLE("linux.namespaces[2].type", SPACES({CTR_NS_UTS, NULL}, {CTR_NS_MOUNT, NULL}, joined));
  }
  HOLE("process.rlimits[0].type", c->process.rlimits = (ctr_rlimits)LIST(ctr_rlimit, {0, 1, 1}));
  HOLE("process.rlimits[0].type", c->process.rlimits = (ctr_rlimits)LIST(ctr_rlimit, {99, 1, 1}));
  HOLE("process.ioPriority.class", c->process.ioPriority.class_ = (ctr_ioprio_class)4);
  HOLE("process.scheduler.policy", c->process.scheduler.policy = (ctr_sched_policy)8);
  HOLE("linux.rootfsPropagation", c->linux_.rootfsPropagation = (ctr_propagation)9);
  HOLE("linux.rootfsPropagation", c->linux_.rootfsPropagation = (ctr_propagation)1000000);
  HOLE("linux.personality.domain", c->linux_.personality.domain = (ctr_personality_domain)3);
  HOLE("linux.personality.domain", c->linux_.personality.domain = (ctr_personality_domain)9999);
  HOLE("linux.memoryPolicy.mode", POLICY((ctr_mempolicy_mode)8, "0", 0));
  HOLE("linux.memoryPolicy.flags", POLICY(CTR_MPOL_BIND, "0", 1));
  HOLE("process.scheduler.flags", c->process.scheduler.policy = CTR_SCHED_OTHER;
       c->process.scheduler.flags = 1 << 7);
  HOLE("process.capabilities.bounding", c->process.capabilities.bounding |= UINT64_C(1) << 41);
  HOLE("process.capabilities.permitted", c->process.capabilities.permitted |= UINT64_C(1) << 63);
  HOLE("process.capabilities.ambient", c->process.capabilities.ambient |= UINT64_C(1) << 50);
}

/* What the reader refuses in a text is no better when it comes from C. */
TEST(a_number_out_of_range_is_refused) {
  HOLE("process.scheduler.nice", c->process.scheduler.policy = CTR_SCHED_OTHER;
       c->process.scheduler.nice = 20);
  HOLE("process.scheduler.nice", c->process.scheduler.policy = CTR_SCHED_OTHER;
       c->process.scheduler.nice = -21);
  HOLE("linux.timeOffsets.boottime",
       SPACES({CTR_NS_UTS, NULL}, {CTR_NS_MOUNT, NULL}, {CTR_NS_TIME, NULL});
       c->linux_.timeOffsets.boottime.nanosecs = (ctr_uint){true, 1000000000});
  HOLE("linux.devices[0].major", DEVICE(.major_ = {true, -1}, .minor_ = {true, 0}));
  HOLE("linux.devices[0].major", DEVICE(.major_ = {true, 4096}, .minor_ = {true, 0}));
  HOLE("linux.devices[0].minor", DEVICE(.major_ = {true, 1}, .minor_ = {true, 1 << 20}));
  HOLE("linux.devices[0].uid", DEVICE(NUMBER, .uid = {true, UINT64_C(1) << 32}));
  HOLE("linux.devices[0].fileMode", DEVICE(NUMBER, .fileMode = {true, UINT64_C(1) << 32}));
}

/* To setresuid(2) and chown(2) the last id is -1, "leave it as it is": root would stay root. */
TEST(the_id_that_means_no_change_is_no_id) {
  BAD("process.user.uid", c->process.user.uid = UINT32_MAX);
  BAD("process.user.gid", c->process.user.gid = UINT32_MAX);
  BAD("process.user.additionalGids[1]",
      c->process.user.additionalGids = (ctr_ids){(const uint32_t[]){0, UINT32_MAX}, 2});
  BAD("linux.devices[0].uid", DEVICE(NUMBER, .uid = {true, UINT32_MAX}, .gid = {true, 1}));
  BAD("linux.devices[0].gid", DEVICE(NUMBER, .gid = {true, UINT32_MAX}));
}

/* Half of an object says something, and nothing must be passed over in silence. */
TEST(settings_without_what_they_belong_to_are_refused) {
  HOLE("process.scheduler", c->process.scheduler.nice = 5);
  HOLE("process.scheduler", c->process.scheduler.flags = 1);
  HOLE("process.ioPriority", c->process.ioPriority.priority = 3);
  HOLE("linux.memoryPolicy", POLICY(.nodes = "0"));
  HOLE("linux.memoryPolicy", POLICY(.flags = 1 << 14));
}

/* What is refused when planned must be written so that it can be read, or not at all. */
TEST(writing_a_config_with_holes_does_no_harm) {
  static const ctr_hook hook[] = {{0}};
  static const ctr_net_device net[] = {{0}};
  static const ctr_rdma rdma[] = {{.hcaHandles = {true, 1}}};
  static const ctr_syscall syscalls[] = {{.names = {NULL, 0}}};
#define WRITE(...)                                                                                 \
  do {                                                                                             \
    ctr_config *c = fresh();                                                                       \
    __VA_ARGS__;                                                                                   \
    outcome o_ = apart(c, write_it);                                                               \
    CHECK_MSG(!o_.died, "died of %d: %s", o_.died, #__VA_ARGS__);                                  \
    CHECK_MSG(!o_.unreadable, "what was written cannot be read: %s", #__VA_ARGS__);                \
  } while (0)
  WRITE(c->hooks.prestart = (ctr_hook_list){hook, 1});
  WRITE(c->hooks.prestart = (ctr_hook_list){NULL, 1});
  WRITE(c->linux_.netDevices = (ctr_net_devices){net, 1});
  WRITE(c->linux_.resources.rdma = (ctr_rdmas){rdma, 1});
  WRITE(c->linux_.resources.unified = (ctr_pairs)LIST(ctr_pair, {"a", NULL}));
  WRITE(c->linux_.seccomp.syscalls = (ctr_syscalls){syscalls, 1});
  WRITE(c->linux_.seccomp.defaultAction = (ctr_seccomp_action)99);
  WRITE(c->linux_.resources.memory.swappiness = (ctr_uint){true, 101});
  WRITE(c->process.consoleSize.height = (ctr_uint){true, 25});
  WRITE(*c = (ctr_config){.linux_.mountLabel = "a"});
#undef WRITE
}

TEST_MAIN
