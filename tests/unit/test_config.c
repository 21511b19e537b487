/* config.json to structs and back: every member of the specification, what is unknown, what is
   wrong and where, and the default container. */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include "../test.h"

#include <grp.h>

/* JSON in C is easier to read with ' for ". */
static const char *quoted(const char *text) {
  static char buffers[4][16384];
  static int turn;
  char *to = buffers[turn = (turn + 1) % 4];
  size_t len = strlen(text) + 1;
  if (len > sizeof buffers[0]) abort();
  memcpy(to, text, len);
  for (char *at = to; *at; at++)
    if (*at == '\'') *at = '"';
  return to;
}

static ctr_code parse(ctr_arena *mem, const char *text, ctr_config **config, ctr_err *err) {
  text = quoted(text);
  return ctr_config_parse(mem, text, strlen(text), config, err);
}

static ctr_code parse_noting_unknown(ctr_arena *mem, const char *text, ctr_config **config,
                                     ctr_strs *unknown, ctr_err *err) {
  ctr_json *value = NULL;
  text = quoted(text);
  ctr_code code = ctr_json_parse(mem, text, strlen(text), NULL, &value, err);
  return code ? code : ctr_config_from_json(mem, value, config, unknown, err);
}

typedef struct collected {
  char text[16384];
  size_t len;
} collected;

static int collect(void *userdata, const char *text, size_t len) {
  collected *c = userdata;
  if (c->len + len >= sizeof c->text) return 1;
  memcpy(c->text + c->len, text, len);
  c->text[c->len += len] = '\0';
  return 0;
}

/* A config as compact JSON with ' for ", or what went wrong. */
static const char *written(const ctr_config *config) {
  static collected c;
  static ctr_err err;
  ctr_arena mem = {0};
  ctr_json *value = NULL;
  c = (collected){{0}, 0};
  bool failed = ctr_config_to_json(&mem, config, &value, &err) ||
                ctr_json_write(value, CTR_JSON_COMPACT, collect, &c, &err);
  ctr_arena_free(&mem);
  for (char *at = c.text; *at; at++)
    if (*at == '"') *at = '\'';
  return failed ? err.msg : c.text;
}

static const char *joined(ctr_strs strs) {
  static char text[1024];
  size_t len = 0;
  text[0] = '\0';
  for (size_t i = 0; i < strs.count && len < sizeof text; i++)
    len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? " " : "", strs.items[i]);
  return text;
}

#define CHECK_SET(is, should)                                                                      \
  do {                                                                                             \
    CHECK((is).set);                                                                               \
    CHECK_NUM((is).value, should);                                                                 \
  } while (0)

#define CHECK_MAP(is, container_, host_, size_)                                                    \
  do {                                                                                             \
    CHECK_NUM((is).containerID, container_);                                                       \
    CHECK_NUM((is).hostID, host_);                                                                 \
    CHECK_NUM((is).size, size_);                                                                   \
  } while (0)

#define CHECK_PAIR(is, key_, value_)                                                               \
  do {                                                                                             \
    CHECK_STR((is).key, key_);                                                                     \
    CHECK_STR((is).value, value_);                                                                 \
  } while (0)

/* -- everything there is -- */

/* Every property that OCI 1.3 has for Linux, in the order of the structs; no two values alike where
   two members could be mistaken for each other. */
static const char everything[] =
    "{'ociVersion':'1.3.0-rc.1+x','root':{'path':'rootfs','readonly':true},"
    "'mounts':[{'destination':'/data','type':'ext4','source':'/dev/vdb','options':['ro','nodev'],"
    "'uidMappings':[{'containerID':1,'hostID':2,'size':3}],"
    "'gidMappings':[{'containerID':4,'hostID':5,'size':4294967295}]},{'destination':'/plain'}],"
    "'process':{'terminal':true,'consoleSize':{'height':25,'width':18446744073709551615},"
    "'cwd':'/work','args':['sh','-c','exit \\'\\u00fc\\''],'env':['A=1','B='],"
    "'user':{'uid':1000,'gid':1001,'umask':18,'additionalGids':[5,4294967294]},"
    "'capabilities':{'bounding':['CAP_CHOWN','CAP_CHECKPOINT_RESTORE'],'effective':['CAP_KILL'],"
    "'inheritable':['CAP_SETUID','CAP_BPF'],'permitted':['CAP_MKNOD'],'ambient':['CAP_SYSLOG']},"
    "'rlimits':[{'type':'RLIMIT_NOFILE','soft':1024,'hard':18446744073709551615},"
    "{'type':'RLIMIT_RTTIME','soft':0,'hard':1}],'noNewPrivileges':true,"
    "'apparmorProfile':'armour','oomScoreAdj':-1000,'selinuxLabel':'a:b:c',"
    "'ioPriority':{'class':'IOPRIO_CLASS_IDLE','priority':7},"
    "'scheduler':{'policy':'SCHED_DEADLINE','nice':-20,'priority':99,"
    "'flags':['SCHED_FLAG_RECLAIM','SCHED_FLAG_UTIL_CLAMP_MAX'],"
    "'runtime':11,'deadline':12,'period':13},"
    "'execCPUAffinity':{'initial':'0-3','final':'7'}},"
    "'hostname':'host','domainname':'domain',"
    "'hooks':{'prestart':[{'path':'/h1','args':['h1','a'],'env':['H=1'],'timeout':1}],"
    "'createRuntime':[{'path':'/h2','args':['h2'],'env':['H=2'],'timeout':2147483647},"
    "{'path':'/h2b'}],"
    "'createContainer':[{'path':'/h3','args':['h3'],'env':['H=3'],'timeout':3}],"
    "'startContainer':[{'path':'/h4','args':['h4'],'env':['H=4'],'timeout':4}],"
    "'poststart':[{'path':'/h5','args':['h5'],'env':['H=5'],'timeout':5}],"
    "'poststop':[{'path':'/h6','args':['h6'],'env':['H=6'],'timeout':6}]},"
    "'annotations':{'a':'b','':'empty name'},"
    "'linux':{'namespaces':[{'type':'pid','path':'/proc/1/ns/pid'},{'type':'user'}],"
    "'uidMappings':[{'containerID':6,'hostID':100000,'size':65536}],"
    "'gidMappings':[{'containerID':7,'hostID':8,'size':9}],"
    "'timeOffsets':{'monotonic':{'secs':-9223372036854775808,'nanosecs':999999999},"
    "'boottime':{'secs':9223372036854775807,'nanosecs':0}},"
    "'devices':[{'type':'b','path':'/dev/x','major':4095,'minor':1048575,'fileMode':438,"
    "'uid':21,'gid':22},{'type':'p','path':'/dev/fifo'}],"
    "'netDevices':{'eth0':{'name':'inside'},'eth1':{}},'cgroupsPath':'/a/b',"
    "'resources':{'devices':[{'allow':false},"
    "{'allow':true,'type':'c','major':1,'minor':-1,'access':'rwm'}],"
    "'memory':{'limit':-1,'reservation':32,'swap':33,'kernel':34,'kernelTCP':35,'swappiness':100,"
    "'disableOOMKiller':true,'useHierarchy':true,'checkBeforeUpdate':true},"
    "'cpu':{'shares':41,'quota':-42,'burst':43,'period':44,'realtimeRuntime':45,"
    "'realtimePeriod':46,'cpus':'0-1','mems':'2','idle':1},"
    "'pids':{'limit':0},"
    "'blockIO':{'weight':51,'leafWeight':65535,"
    "'weightDevice':[{'major':8,'minor':-9,'weight':52,'leafWeight':53}],"
    "'throttleReadBpsDevice':[{'major':8,'minor':1,'rate':61}],"
    "'throttleWriteBpsDevice':[{'major':8,'minor':2,'rate':62}],"
    "'throttleReadIOPSDevice':[{'major':8,'minor':3,'rate':63}],"
    "'throttleWriteIOPSDevice':[{'major':8,'minor':4,'rate':18446744073709551615}]},"
    "'hugepageLimits':[{'pageSize':'2MB','limit':71}],"
    "'network':{'classID':4294967295,'priorities':[{'name':'eth0','priority':72}]},"
    "'rdma':{'mlx5_1':{'hcaHandles':73,'hcaObjects':74}},"
    "'unified':{'memory.high':'75','io.max':'76'}},'rootfsPropagation':'unbindable',"
    "'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':81,"
    "'architectures':['SCMP_ARCH_X86','SCMP_ARCH_ARM'],"
    "'flags':['SECCOMP_FILTER_FLAG_LOG'],'listenerPath':'/sock','listenerMetadata':'meta',"
    "'syscalls':[{'names':['open','openat'],'action':'SCMP_ACT_NOTIFY','errnoRet':82,"
    "'args':[{'index':5,'value':18446744073709551615,'valueTwo':83,'op':'SCMP_CMP_MASKED_EQ'}]}]},"
    "'sysctl':{'net.a.b':'91'},'maskedPaths':['/m1','/m2'],"
    "'readonlyPaths':['/r1'],'mountLabel':'label',"
    "'intelRdt':{'closID':'clos','schemata':['L3:0=f','MB:0=10'],'l3CacheSchema':'L3:1',"
    "'memBwSchema':'MB:1','enableMonitoring':true},"
    "'memoryPolicy':{'mode':'MPOL_WEIGHTED_INTERLEAVE','nodes':'0-1',"
    "'flags':['MPOL_F_RELATIVE_NODES','MPOL_F_STATIC_NODES']},"
    "'personality':{'domain':'LINUX32','flags':['none']}}}";

static const ctr_config *read_everything(ctr_arena *mem) {
  static const ctr_config nothing;
  ctr_config *config = NULL;
  ctr_strs unknown = {NULL, 99};
  ctr_err err;
  if (parse_noting_unknown(mem, everything, &config, &unknown, &err)) {
    test_fail(__FILE__, __LINE__, "%s", err.msg);
    return &nothing;
  }
  CHECK_NUM(err.code, CTR_OK);
  CHECK_MSG(unknown.count == 0, "not known: %s", joined(unknown));
  return config;
}

TEST(root_mounts_and_hooks_land_in_their_members) {
  ctr_arena mem = {0};
  const ctr_config *c = read_everything(&mem);
  CHECK_STR(c->ociVersion, "1.3.0-rc.1+x");
  CHECK_STR(c->root.path, "rootfs");
  CHECK(c->root.readonly);
  CHECK_NUM(c->mounts.count, 2);
  const ctr_mount *m = c->mounts.items;
  CHECK_STR(m[0].destination, "/data");
  CHECK_STR(m[0].type, "ext4");
  CHECK_STR(m[0].source, "/dev/vdb");
  CHECK_STR(joined(m[0].options), "ro nodev");
  CHECK_NUM(m[0].uidMappings.count, 1);
  CHECK_MAP(m[0].uidMappings.items[0], 1, 2, 3);
  CHECK_NUM(m[0].gidMappings.count, 1);
  CHECK_MAP(m[0].gidMappings.items[0], 4, 5, 4294967295);
  CHECK_STR(m[1].destination, "/plain");
  CHECK(!m[1].type && !m[1].source && !m[1].options.count && !m[1].uidMappings.count);
  CHECK_STR(c->hostname, "host");
  CHECK_STR(c->domainname, "domain");
  CHECK_NUM(c->annotations.count, 2);
  CHECK_PAIR(c->annotations.items[0], "a", "b");
  CHECK_PAIR(c->annotations.items[1], "", "empty name");
  const ctr_hooks *h = &c->hooks;
  CHECK_NUM(h->prestart.count, 1);
  CHECK_STR(h->prestart.items[0].path, "/h1");
  CHECK_STR(joined(h->prestart.items[0].args), "h1 a");
  CHECK_STR(joined(h->prestart.items[0].env), "H=1");
  CHECK_SET(h->prestart.items[0].timeout, 1);
  CHECK_NUM(h->createRuntime.count, 2);
  CHECK_SET(h->createRuntime.items[0].timeout, INT32_MAX);
  CHECK_STR(h->createRuntime.items[1].path, "/h2b");
  CHECK(!h->createRuntime.items[1].timeout.set);
  CHECK_STR(h->createContainer.items[0].path, "/h3");
  CHECK_STR(h->startContainer.items[0].path, "/h4");
  CHECK_STR(h->poststart.items[0].path, "/h5");
  CHECK_STR(h->poststop.items[0].path, "/h6");
  ctr_arena_free(&mem);
}

TEST(the_process_lands_in_its_members) {
  ctr_arena mem = {0};
  const ctr_process_config *p = &read_everything(&mem)->process;
  CHECK(p->terminal);
  CHECK_SET(p->consoleSize.height, 25);
  CHECK_SET(p->consoleSize.width, -1); /* as signed: UINT64_MAX */
  CHECK_STR(p->cwd, "/work");
  CHECK_STR(joined(p->args), "sh -c exit \"\xc3\xbc\"");
  CHECK_STR(joined(p->env), "A=1 B=");
  CHECK_NUM(p->user.uid, 1000);
  CHECK_NUM(p->user.gid, 1001);
  CHECK_SET(p->user.umask, 18);
  CHECK_NUM(p->user.additionalGids.count, 2);
  CHECK_NUM(p->user.additionalGids.items[0], 5);
  CHECK_NUM(p->user.additionalGids.items[1], 4294967294);
  CHECK_NUM(p->capabilities.bounding, CTR_CAP(CHOWN) | CTR_CAP(CHECKPOINT_RESTORE));
  CHECK_NUM(p->capabilities.effective, CTR_CAP(KILL));
  CHECK_NUM(p->capabilities.inheritable, CTR_CAP(SETUID) | CTR_CAP(BPF));
  CHECK_NUM(p->capabilities.permitted, CTR_CAP(MKNOD));
  CHECK_NUM(p->capabilities.ambient, CTR_CAP(SYSLOG));
  CHECK_NUM(p->rlimits.count, 2);
  CHECK_NUM(p->rlimits.items[0].type, CTR_RLIMIT_NOFILE);
  CHECK_NUM(p->rlimits.items[0].soft, 1024);
  CHECK(p->rlimits.items[0].hard == UINT64_MAX);
  CHECK_NUM(p->rlimits.items[1].type, CTR_RLIMIT_RTTIME);
  CHECK(p->noNewPrivileges);
  CHECK_STR(p->apparmorProfile, "armour");
  CHECK_SET(p->oomScoreAdj, -1000);
  CHECK_STR(p->selinuxLabel, "a:b:c");
  CHECK_NUM(p->ioPriority.class_, CTR_IOPRIO_CLASS_IDLE);
  CHECK_NUM(p->ioPriority.priority, 7);
  CHECK_NUM(p->scheduler.policy, CTR_SCHED_DEADLINE);
  CHECK_NUM(p->scheduler.nice, -20);
  CHECK_NUM(p->scheduler.priority, 99);
  CHECK_NUM(p->scheduler.flags, 1 << 1 | 1 << 6);
  CHECK_NUM(p->scheduler.runtime, 11);
  CHECK_NUM(p->scheduler.deadline, 12);
  CHECK_NUM(p->scheduler.period, 13);
  CHECK_STR(p->execCPUAffinity.initial, "0-3");
  CHECK_STR(p->execCPUAffinity.final, "7");
  ctr_arena_free(&mem);
}

TEST(linux_lands_in_its_members) {
  ctr_arena mem = {0};
  const ctr_linux *l = &read_everything(&mem)->linux_;
  CHECK_NUM(l->namespaces.count, 2);
  CHECK_NUM(l->namespaces.items[0].type, CTR_NS_PID);
  CHECK_STR(l->namespaces.items[0].path, "/proc/1/ns/pid");
  CHECK_NUM(l->namespaces.items[1].type, CTR_NS_USER);
  CHECK(!l->namespaces.items[1].path);
  CHECK_MAP(l->uidMappings.items[0], 6, 100000, 65536);
  CHECK_MAP(l->gidMappings.items[0], 7, 8, 9);
  CHECK_SET(l->timeOffsets.monotonic.secs, INT64_MIN);
  CHECK_SET(l->timeOffsets.monotonic.nanosecs, 999999999);
  CHECK_SET(l->timeOffsets.boottime.secs, INT64_MAX);
  CHECK_SET(l->timeOffsets.boottime.nanosecs, 0);
  CHECK_NUM(l->devices.count, 2);
  CHECK_STR(l->devices.items[0].type, "b");
  CHECK_STR(l->devices.items[0].path, "/dev/x");
  CHECK_SET(l->devices.items[0].major_, 4095);
  CHECK_SET(l->devices.items[0].minor_, 1048575);
  CHECK_SET(l->devices.items[0].fileMode, 0666);
  CHECK_SET(l->devices.items[0].uid, 21);
  CHECK_SET(l->devices.items[0].gid, 22);
  CHECK(!l->devices.items[1].major_.set && !l->devices.items[1].fileMode.set);
  CHECK_NUM(l->netDevices.count, 2);
  CHECK_STR(l->netDevices.items[0].key, "eth0");
  CHECK_STR(l->netDevices.items[0].name, "inside");
  CHECK_STR(l->netDevices.items[1].key, "eth1");
  CHECK(!l->netDevices.items[1].name);
  CHECK_STR(l->cgroupsPath, "/a/b");
  CHECK_NUM(l->rootfsPropagation, CTR_PROPAGATION_UNBINDABLE);
  CHECK_NUM(l->sysctl.count, 1);
  CHECK_PAIR(l->sysctl.items[0], "net.a.b", "91");
  CHECK_STR(joined(l->maskedPaths), "/m1 /m2");
  CHECK_STR(joined(l->readonlyPaths), "/r1");
  CHECK_STR(l->mountLabel, "label");
  CHECK_NUM(l->memoryPolicy.mode, CTR_MPOL_WEIGHTED_INTERLEAVE);
  CHECK_STR(l->memoryPolicy.nodes, "0-1");
  CHECK_NUM(l->memoryPolicy.flags, 1 << 14 | 1 << 15);
  CHECK_NUM(l->personality.domain, CTR_PER_LINUX32);
  CHECK_STR(joined(l->personality.flags), "none");
  ctr_arena_free(&mem);
}

TEST(resources_land_in_their_members) {
  ctr_arena mem = {0};
  const ctr_resources *r = &read_everything(&mem)->linux_.resources;
  CHECK_NUM(r->devices.count, 2);
  CHECK(!r->devices.items[0].allow && !r->devices.items[0].type && !r->devices.items[0].major_.set);
  CHECK(r->devices.items[1].allow);
  CHECK_STR(r->devices.items[1].type, "c");
  CHECK_SET(r->devices.items[1].major_, 1);
  CHECK_SET(r->devices.items[1].minor_, -1);
  CHECK_STR(r->devices.items[1].access, "rwm");
  CHECK_SET(r->memory.limit, -1);
  CHECK_SET(r->memory.reservation, 32);
  CHECK_SET(r->memory.swap, 33);
  CHECK_SET(r->memory.kernel, 34);
  CHECK_SET(r->memory.kernelTCP, 35);
  CHECK_SET(r->memory.swappiness, 100);
  CHECK(r->memory.disableOOMKiller && r->memory.useHierarchy && r->memory.checkBeforeUpdate);
  CHECK_SET(r->cpu.shares, 41);
  CHECK_SET(r->cpu.quota, -42);
  CHECK_SET(r->cpu.burst, 43);
  CHECK_SET(r->cpu.period, 44);
  CHECK_SET(r->cpu.realtimeRuntime, 45);
  CHECK_SET(r->cpu.realtimePeriod, 46);
  CHECK_STR(r->cpu.cpus, "0-1");
  CHECK_STR(r->cpu.mems, "2");
  CHECK_SET(r->cpu.idle, 1);
  CHECK_SET(r->pids.limit, 0);
  CHECK_STR(r->hugepageLimits.items[0].pageSize, "2MB");
  CHECK_NUM(r->hugepageLimits.items[0].limit, 71);
  CHECK_SET(r->network.classID, 4294967295);
  CHECK_STR(r->network.priorities.items[0].name, "eth0");
  CHECK_NUM(r->network.priorities.items[0].priority, 72);
  CHECK_STR(r->rdma.items[0].key, "mlx5_1");
  CHECK_SET(r->rdma.items[0].hcaHandles, 73);
  CHECK_SET(r->rdma.items[0].hcaObjects, 74);
  CHECK_NUM(r->unified.count, 2);
  CHECK_PAIR(r->unified.items[1], "io.max", "76");
  ctr_arena_free(&mem);
}

TEST(block_io_seccomp_and_rdt_land_in_their_members) {
  ctr_arena mem = {0};
  const ctr_linux *l = &read_everything(&mem)->linux_;
  const ctr_block_io *b = &l->resources.blockIO;
  CHECK_SET(b->weight, 51);
  CHECK_SET(b->leafWeight, 65535);
  CHECK_NUM(b->weightDevice.items[0].major_, 8);
  CHECK_NUM(b->weightDevice.items[0].minor_, -9);
  CHECK_SET(b->weightDevice.items[0].weight, 52);
  CHECK_SET(b->weightDevice.items[0].leafWeight, 53);
  CHECK_NUM(b->throttleReadBpsDevice.items[0].minor_, 1);
  CHECK_NUM(b->throttleReadBpsDevice.items[0].rate, 61);
  CHECK_NUM(b->throttleWriteBpsDevice.items[0].rate, 62);
  CHECK_NUM(b->throttleReadIOPSDevice.items[0].rate, 63);
  CHECK(b->throttleWriteIOPSDevice.items[0].rate == UINT64_MAX);
  const ctr_seccomp *s = &l->seccomp;
  CHECK_NUM(s->defaultAction, CTR_SCMP_ACT_ERRNO);
  CHECK_SET(s->defaultErrnoRet, 81);
  CHECK_STR(joined(s->architectures), "SCMP_ARCH_X86 SCMP_ARCH_ARM");
  CHECK_STR(joined(s->flags), "SECCOMP_FILTER_FLAG_LOG");
  CHECK_STR(s->listenerPath, "/sock");
  CHECK_STR(s->listenerMetadata, "meta");
  CHECK_STR(joined(s->syscalls.items[0].names), "open openat");
  CHECK_NUM(s->syscalls.items[0].action, CTR_SCMP_ACT_NOTIFY);
  CHECK_SET(s->syscalls.items[0].errnoRet, 82);
  const ctr_syscall_arg *a = s->syscalls.items[0].args.items;
  CHECK_NUM(a->index, 5);
  CHECK(a->value == UINT64_MAX);
  CHECK_NUM(a->valueTwo, 83);
  CHECK_NUM(a->op, CTR_SCMP_CMP_MASKED_EQ);
  CHECK(l->intelRdt);
  CHECK_STR(l->intelRdt->closID, "clos");
  CHECK_STR(joined(l->intelRdt->schemata), "L3:0=f MB:0=10");
  CHECK_STR(l->intelRdt->l3CacheSchema, "L3:1");
  CHECK_STR(l->intelRdt->memBwSchema, "MB:1");
  CHECK(l->intelRdt->enableMonitoring);
  ctr_arena_free(&mem);
}

/* Whether any element of the config says something at path, "linux.devices[].uid". */
static bool says(const ctr__type *type, const void *base, const char *path) {
  size_t len = strcspn(path, ".[");
  for (size_t i = 0; i < type->count; i++) {
    const ctr__field *f = &type->fields[i];
    const char *at = (const char *)base + f->offset, *rest = path + len;
    if (strlen(f->name) != len || strncmp(f->name, path, len) != 0) continue;
    if (!*rest) return ctr__field_is_set(f, base);
    if (f->kind == CTR__F_OBJECT) return says(f->type, at, rest + 1);
    if (f->kind == CTR__F_POINTER) return says(f->type, ctr__pointer_at(at), rest + 1);
    ctr__any_list list = ctr__list_at(at);
    for (size_t n = 0; n < list.count; n++)
      if (says(f->type, (const char *)list.items + n * f->type->size, rest + 3)) return true;
  }
  return false;
}

static void check_all_said(const ctr_config *config, const ctr__type *type, const char *prefix) {
  for (size_t i = 0; i < type->count; i++) {
    const ctr__field *f = &type->fields[i];
    char path[256];
    snprintf(path, sizeof path, "%s%s", prefix, f->name);
    CHECK_MSG(says(&ctr__type_of_ctr_config, config, path), "the text has no %s", path);
    bool many = f->kind == CTR__F_LIST || f->kind == CTR__F_MAP;
    strcat(path, many ? "[]." : ".");
    if (f->type) check_all_said(config, f->type, path);
  }
}

TEST(the_text_above_has_every_member_of_the_table) {
  ctr_arena mem = {0};
  check_all_said(read_everything(&mem), &ctr__type_of_ctr_config, "");
  ctr_arena_free(&mem);
}

TEST(everything_is_written_as_it_was_read) {
  ctr_arena mem = {0};
  char text[sizeof everything];
  snprintf(text, sizeof text, "%s", everything);
  const char *escapes = strstr(text, "\\'\\u00fc\\'"); /* written as itself, the quotes escaped */
  char *rest = text + (escapes - text);
  memmove(rest + 6, rest + 10, strlen(rest + 10) + 1);
  memcpy(rest, "\\'\xc3\xbc\\'", 6);
  CHECK_STR(written(read_everything(&mem)), text);
  ctr_arena_free(&mem);
}

/* -- two configs that must be the same -- */

static bool same(const ctr__type *type, const void *a, const void *b);

static bool same_text(const char *a, const char *b) {
  return a && b ? !strcmp(a, b) : a == b;
}

static bool same_list(const ctr__field *field, ctr__any_list a, ctr__any_list b) {
  const ctr_pair *pa = a.items, *pb = b.items;
  const char *const *sa = a.items, *const *sb = b.items;
  bool equal = a.count == b.count;
  for (size_t i = 0; i < a.count && equal; i++) {
    if (field->kind == CTR__F_PAIRS)
      equal = same_text(pa[i].key, pb[i].key) && same_text(pa[i].value, pb[i].value);
    else if (field->kind == CTR__F_STRS)
      equal = same_text(sa[i], sb[i]);
    else if (field->kind == CTR__F_IDS)
      equal = ((const uint32_t *)a.items)[i] == ((const uint32_t *)b.items)[i];
    else
      equal = same(field->type, (const char *)a.items + i * field->type->size,
                   (const char *)b.items + i * field->type->size);
  }
  return equal;
}

static bool same_field(const ctr__field *field, const void *a, const void *b) {
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_STR: return same_text(ctr__pointer_at(a), ctr__pointer_at(b));
  case CTR__F_BOOL: return *(const bool *)a == *(const bool *)b;
  case CTR__F_INT:
  case CTR__F_UINT:
    return ((const ctr_uint *)a)->set == ((const ctr_uint *)b)->set &&
           ((const ctr_uint *)a)->value == ((const ctr_uint *)b)->value;
  case CTR__F_I32:
  case CTR__F_U32:
  case CTR__F_ENUM: return !memcmp(a, b, sizeof(uint32_t));
  case CTR__F_I64:
  case CTR__F_U64:
  case CTR__F_BITS: return !memcmp(a, b, sizeof(uint64_t));
  case CTR__F_OBJECT: return same(field->type, a, b);
  case CTR__F_POINTER: {
    const void *pa = ctr__pointer_at(a), *pb = ctr__pointer_at(b);
    return pa && pb ? same(field->type, pa, pb) : pa == pb;
  }
  default: return same_list(field, ctr__list_at(a), ctr__list_at(b));
  }
}

static bool same(const ctr__type *type, const void *a, const void *b) {
  for (size_t i = 0; i < type->count; i++) {
    const ctr__field *f = &type->fields[i];
    if (!same_field(f, (const char *)a + f->offset, (const char *)b + f->offset)) {
      printf("# they differ in %s\n", f->name);
      return false;
    }
  }
  return true;
}

/* Writes, reads, and compares the structs and the text. */
static void check_round_trip(const ctr_config *config, const char *what) {
  ctr_arena mem = {0};
  ctr_config *again = NULL;
  ctr_err err;
  const char *text = quoted(written(config));
  if (ctr_config_parse(&mem, text, strlen(text), &again, &err)) {
    test_fail(__FILE__, __LINE__, "%s cannot be read back: %s: %s", what, err.msg, text);
  } else {
    CHECK_MSG(same(&ctr__type_of_ctr_config, config, again), "%s changed on the way", what);
    CHECK_STR(quoted(written(again)), text);
  }
  ctr_arena_free(&mem);
}

TEST(what_was_written_reads_the_same) {
  static const char *const rows[] = {
      everything,
      "{'ociVersion':'1.0.0'}",
      "{'ociVersion':'1.0.0','process':{'cwd':'/','user':{'uid':0}}}",
      "{'ociVersion':'1.0.0','linux':{'intelRdt':{}}}",
      "{'ociVersion':'1.0.0','linux':{'resources':{'pids':{'limit':-1},'devices':[{'allow':false}],"
      "'cpu':{'shares':0},'memory':{'swappiness':0}}}}",
      "{'ociVersion':'1.0.0','linux':{'devices':[{'type':'c','path':'/dev/a','major':0,'minor':0,"
      "'fileMode':0,'uid':0,'gid':0}],'timeOffsets':{'boottime':{'secs':0}}}}",
      "{'ociVersion':'1.0.0','process':{'cwd':'','args':[''],'env':[''],'oomScoreAdj':0,"
      "'user':{'umask':0},'ioPriority':{'class':'IOPRIO_CLASS_RT','priority':0}}}"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ctr_arena mem = {0};
    ctr_config *config = NULL;
    ctr_err err;
    CHECK_MSG(!parse(&mem, rows[i], &config, &err), "%s: %s", rows[i], err.msg);
    if (config) check_round_trip(config, rows[i]);
    ctr_arena_free(&mem);
  }
}

/* What ociVersion says: "CTR_OCI_VERSION is what this version writes". */
TEST(a_config_made_by_hand_without_a_version_is_written_with_one) {
  ctr_config config = {.root = {"/", false}, .process = {.cwd = "/", .args = CTR_STRS("sh")}};
  CHECK_STR(written(&config), "{'ociVersion':'" CTR_OCI_VERSION
                              "','root':{'path':'/'},'process':{'cwd':'/','args':['sh'],"
                              "'user':{'uid':0,'gid':0}}}");
}

/* -- names and numbers -- */

TEST(names_mean_the_kernels_numbers) {
  static const struct {
    const char *text;
    int64_t number;
  } namespaces[] = {{"time", 0x80}, {"mount", CLONE_NEWNS}, {"cgroup", 0x02000000},
                    {"uts", CLONE_NEWUTS}, {"ipc", CLONE_NEWIPC}, {"user", CLONE_NEWUSER},
                    {"pid", CLONE_NEWPID}, {"network", CLONE_NEWNET}},
    limits[] = {{"CPU", RLIMIT_CPU}, {"FSIZE", RLIMIT_FSIZE}, {"DATA", RLIMIT_DATA},
                {"STACK", RLIMIT_STACK}, {"CORE", RLIMIT_CORE}, {"RSS", RLIMIT_RSS},
                {"NPROC", RLIMIT_NPROC}, {"NOFILE", RLIMIT_NOFILE}, {"MEMLOCK", RLIMIT_MEMLOCK},
                {"AS", RLIMIT_AS}, {"LOCKS", RLIMIT_LOCKS}, {"SIGPENDING", RLIMIT_SIGPENDING},
                {"MSGQUEUE", RLIMIT_MSGQUEUE}, {"NICE", RLIMIT_NICE}, {"RTPRIO", RLIMIT_RTPRIO},
                {"RTTIME", RLIMIT_RTTIME}},
    policies[] = {{"OTHER", SCHED_OTHER}, {"FIFO", SCHED_FIFO}, {"RR", SCHED_RR},
                  {"BATCH", SCHED_BATCH}, {"ISO", 4}, {"IDLE", SCHED_IDLE}, {"DEADLINE", 6}},
    modes[] = {{"DEFAULT", 0}, {"PREFERRED", 1}, {"BIND", 2}, {"INTERLEAVE", 3}, {"LOCAL", 4},
               {"PREFERRED_MANY", 5}, {"WEIGHTED_INTERLEAVE", 6}};
  char text[64];
  for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
    const ctr__name *name = ctr__name_find(&ctr__namespace_names, namespaces[i].text);
    CHECK_MSG(name && name->value == namespaces[i].number, "%s", namespaces[i].text);
  }
#define CHECK_NAMES(rows, names, prefix)                                                           \
  for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++) {                                     \
    snprintf(text, sizeof text, prefix "%s", (rows)[i].text);                                      \
    const ctr__name *name = ctr__name_find(names, text);                                           \
    CHECK_MSG(name && name->value == (rows)[i].number + 1, "%s", text);                            \
  }                                                                                                \
  CHECK_NUM((names)->count, sizeof(rows) / sizeof *(rows))
  CHECK_NAMES(limits, &ctr__rlimit_names, "RLIMIT_");
  CHECK_NAMES(policies, &ctr__sched_policies, "SCHED_");
  CHECK_NAMES(modes, &ctr__mempolicy_modes, "MPOL_");
#undef CHECK_NAMES
  CHECK_NUM(CTR_CAP_COUNT, 41);
  CHECK_NUM(CTR_CAP_SYS_ADMIN, 21); /* include/uapi/linux/capability.h */
}

TEST(versions_of_the_first_major_number_are_read) {
  static const struct {
    const char *version;
    bool good;
  } rows[] = {{"1.0.0", true},      {"1.0.2-dev", true}, {"1.3.0", true},   {"1.3.0+build", true},
              {"1.99.0", true},     {"2.0.0", false},    {"10.0.0", false}, {"11.0.0", false},
              {"", false},          {"1", false},        {"1.3", false},    {"1.3.", false},
              {"1.3.0.1", false},   {"v1.3.0", false},   {"1.03.0", false}, {"01.3.0", false},
              {"1.3.x", false},     {" 1.3.0", false},   {"1.3.0 ", false}, {"1..0", false},
              {"-1.0.0", false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ctr_arena mem = {0};
    char text[64];
    ctr_config *config = NULL;
    ctr_err err;
    snprintf(text, sizeof text, "{\n  'ociVersion':'%s'}", rows[i].version);
    ctr_code code = parse(&mem, text, &config, &err);
    CHECK_MSG(code == (rows[i].good ? CTR_OK : CTR_E_CONFIG), "%s: %s", rows[i].version, err.msg);
    if (!rows[i].good) {
      CHECK(!config);
      CHECK_STR(err.field, "ociVersion");
      CHECK_MSG(err.line == 2 && err.column == 3, "%s: at %u:%u", rows[i].version, err.line,
                err.column);
    }
    ctr_arena_free(&mem);
  }
}

/* -- what is ignored -- */

TEST(unknown_members_are_ignored_and_listed) {
  ctr_arena mem = {0};
  ctr_config *config = NULL;
  ctr_strs unknown = {0};
  ctr_err err;
  const char *text =
      "{'x':1,'ociVersion':'1.0.0','windows':{'layerFolders':['a']},"
      "'process':{'cwd':'/','user':{'username':'me'},'commandLine':'x','Args':['a'],"
      "'rlimits':[{'type':'RLIMIT_AS','soft':1,'hard':1},"
      "{'type':'RLIMIT_CPU','soft':1,'hard':1,'max':1}]},"
      "'hooks':{'poststop':[{'path':'/a','when':[]}]},"
      "'linux':{'frobnicate':null,'frob':{'type':1},'netDevices':{'eth0':{'mtu':1}},"
      "'resources':{'memory':{'limits':1},'rdma':{'a.b':{'c':2}}},"
      "'seccomp':{'defaultAction':'SCMP_ACT_LOG','syscalls':[{'names':['a'],"
      "'action':'SCMP_ACT_LOG','args':[{'index':0,'value':1,'op':'SCMP_CMP_EQ','z':0}]}]}},"
      "'annotations':{'anything':'goes'}}";
  CHECK_MSG(!parse_noting_unknown(&mem, text, &config, &unknown, &err), "%s", err.msg);
  CHECK_STR(joined(unknown),
            "x windows process.user.username process.commandLine process.Args "
            "process.rlimits[1].max hooks.poststop[0].when linux.frob linux.netDevices.eth0.mtu "
            "linux.resources.memory.limits linux.resources.rdma.a.b.c "
            "linux.seccomp.syscalls[0].args[0].z");
  CHECK(config && !config->process.args.count && config->process.rlimits.count == 2);
  config = NULL;
  CHECK(!parse(&mem, text, &config, NULL) && config); /* and unasked, without a word */
  ctr_arena_free(&mem);
}

TEST(the_path_of_an_unknown_member_is_whole_however_long) {
  ctr_arena mem = {0};
  ctr_config *config = NULL;
  ctr_strs unknown = {0};
  ctr_err err;
  char name[600], text[700], path[700];
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  snprintf(text, sizeof text, "{'ociVersion':'1.0.0','linux':{'%s':1}}", name);
  snprintf(path, sizeof path, "linux.%s", name);
  CHECK(!parse_noting_unknown(&mem, text, &config, &unknown, &err));
  CHECK_NUM(unknown.count, 1);
  if (unknown.count == 1) CHECK_STR(unknown.items[0], path);
  ctr_arena_free(&mem);
}

TEST(null_counts_as_absent) {
  ctr_arena mem = {0};
  ctr_config *config = NULL;
  ctr_err err;
  const char *text =
      "{'ociVersion':'1.0.0','hostname':null,'root':{'path':'/','readonly':null},'mounts':null,"
      "'hooks':null,'annotations':null,'process':{'cwd':'/','args':null,'user':{'uid':null,"
      "'umask':null},'capabilities':{'bounding':null},'scheduler':null,'oomScoreAdj':null},"
      "'linux':{'intelRdt':null,'rootfsPropagation':null,'resources':{'memory':{'limit':null}},"
      "'netDevices':null}}";
  CHECK_MSG(!parse(&mem, text, &config, &err), "%s", err.msg);
  if (config)
    CHECK_STR(written(config), "{'ociVersion':'1.0.0','root':{'path':'/'},"
                               "'process':{'cwd':'/','user':{'uid':0,'gid':0}}}");
  ctr_arena_free(&mem);
}

/* An object whose names are free has members like any other. */
TEST(null_counts_as_absent_where_names_are_free) {
  static const char *const rows[] = {
      "{'ociVersion':'1.0.0','annotations':{'a':'1','b':null}}",
      "{'ociVersion':'1.0.0','annotations':{'b':null,'a':'1'},'linux':{'sysctl':{'x':null},"
      "'netDevices':{'eth0':null},'resources':{'rdma':{'r':null},'unified':{'u':null}}}}"};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ctr_arena mem = {0};
    ctr_config *config = NULL;
    ctr_err err;
    CHECK_MSG(!parse(&mem, rows[i], &config, &err), "%s: %s", rows[i], err.msg);
    if (config) CHECK_STR(written(config), "{'ociVersion':'1.0.0','annotations':{'a':'1'}}");
    ctr_arena_free(&mem);
  }
}

/* -- who owns what -- */

static void scribble(const char *text) {
  union {
    const char *in;
    char *out;
  } both = {text};
  memset(both.out, '#', strlen(text));
}

static void scribble_over(const ctr_json *value) {
  if (value->key) scribble(value->key);
  if (value->type == CTR_JSON_STRING) scribble(value->as.string.text);
  if (value->type != CTR_JSON_ARRAY && value->type != CTR_JSON_OBJECT) return;
  for (const ctr_json *v = value->as.list.first; v; v = v->next) scribble_over(v);
}

/* "arena: the config and all it points to live here": the JSON may go. */
TEST(a_config_does_not_need_the_json_it_was_read_from) {
  ctr_arena json = {0}, mem = {0};
  ctr_json *value = NULL;
  ctr_config *config = NULL;
  const char *text = quoted(everything);
  CHECK(!ctr_json_parse(&json, text, strlen(text), NULL, &value, NULL));
  CHECK(!ctr_config_from_json(&mem, value, &config, NULL, NULL));
  char before[sizeof everything];
  snprintf(before, sizeof before, "%s", written(config));
  scribble_over(value);
  CHECK_STR(written(config), before);
  ctr_arena_free(&mem);
  ctr_arena_free(&json);
}

TEST(arguments_that_make_no_sense_are_refused) {
  ctr_arena mem = {0};
  ctr_config *config = NULL;
  ctr_json *value = NULL;
  ctr_err err;
  const char *text = "{\"ociVersion\":\"1.0.0\"}";
  CHECK_NUM(ctr_config_parse(NULL, text, strlen(text), &config, &err), CTR_E_ARG);
  CHECK_NUM(ctr_config_parse(&mem, NULL, 0, &config, &err), CTR_E_ARG);
  CHECK_NUM(ctr_config_parse(&mem, text, strlen(text), NULL, &err), CTR_E_ARG);
  CHECK_NUM(ctr_config_from_json(&mem, NULL, &config, NULL, NULL), CTR_E_ARG);
  CHECK_NUM(ctr_config_to_json(&mem, NULL, &value, NULL), CTR_E_ARG);
  CHECK_NUM(ctr_config_to_json(&mem, config, NULL, NULL), CTR_E_ARG);
  CHECK_NUM(ctr_config_default(NULL, CTR_DEFAULT_AUTO, &config, NULL), CTR_E_ARG);
  CHECK_NUM(ctr_config_default(&mem, CTR_DEFAULT_AUTO, NULL, NULL), CTR_E_ARG);
  CHECK_NUM(ctr_config_parse(&mem, "", 0, &config, &err), CTR_E_JSON);
  CHECK_NUM(ctr_config_parse(&mem, text, strlen(text) - 1, &config, &err), CTR_E_JSON);
  CHECK(!config && !value);
  CHECK(!ctr_config_parse(&mem, text, strlen(text), &config, &err));
  CHECK(err.code == CTR_OK && !err.msg[0] && !err.field[0]); /* of a success: cleared */
  ctr_arena_free(&mem);
}

/* -- the default container -- */

static const ctr_default_kind kinds[] = {CTR_DEFAULT_AUTO, CTR_DEFAULT_ROOT, CTR_DEFAULT_ROOTLESS};

TEST(the_default_is_written_and_read_back_the_same) {
  for (size_t i = 0; i < 3; i++) {
    ctr_arena mem = {0};
    ctr_config *config = NULL;
    char what[32];
    snprintf(what, sizeof what, "default %d", (int)kinds[i]);
    CHECK(!ctr_config_default(&mem, kinds[i], &config, NULL));
    check_round_trip(config, what);
    ctr_arena_free(&mem);
  }
}

/* Runs the default of a kind through the planner as another user; 0 when a plan came of it. */
static int plan_default_as(uid_t uid, ctr_default_kind kind) {
  pid_t pid = fork();
  if (pid == 0) {
    ctr_arena mem = {0};
    ctr_config *config = NULL;
    ctr_plan *plan = NULL;
    ctr_err err;
    if (uid != geteuid() && (setgroups(0, NULL) || setresgid(uid, uid, uid) ||
                             setresuid(uid, uid, uid)))
      _exit(99);
    ctr_code code = ctr_config_default(&mem, kind, &config, &err);
    if (!code) code = ctr_plan_new(config, NULL, &plan, &err);
    if (code == CTR_E_UNSUPPORTED && !strcmp(err.field, "linux.namespaces")) _exit(50);
    if (code) fprintf(stderr, "%s\n", err.msg);
    ctr_plan_free(plan);
    ctr_arena_free(&mem);
    _exit(code ? 1 : 0);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(the_default_can_be_planned_by_whom_it_is_for) {
  bool root = geteuid() == 0;
  uid_t ordinary = root ? 1000 : geteuid();
  CHECK_NUM(plan_default_as(ordinary, CTR_DEFAULT_AUTO), 0);
  CHECK_NUM(plan_default_as(ordinary, CTR_DEFAULT_ROOTLESS), 0);
  CHECK_NUM(plan_default_as(ordinary, CTR_DEFAULT_ROOT), 50); /* refused, with the reason */
  if (!root) return; /* nobody else can be root to try */
  CHECK_NUM(plan_default_as(0, CTR_DEFAULT_AUTO), 0);
  CHECK_NUM(plan_default_as(0, CTR_DEFAULT_ROOT), 0);
  CHECK_NUM(plan_default_as(0, CTR_DEFAULT_ROOTLESS), 0);
}

TEST(the_default_gives_little) {
  ctr_arena mem = {0};
  ctr_config *root = NULL, *rootless = NULL;
  const uint64_t three = CTR_CAP(AUDIT_WRITE) | CTR_CAP(KILL) | CTR_CAP(NET_BIND_SERVICE);
  CHECK(!ctr_config_default(&mem, CTR_DEFAULT_ROOT, &root, NULL));
  CHECK(!ctr_config_default(&mem, CTR_DEFAULT_ROOTLESS, &rootless, NULL));
  CHECK(root->root.readonly && root->process.noNewPrivileges);
  CHECK_NUM(root->process.capabilities.bounding, three);
  CHECK_NUM(root->process.capabilities.effective, three);
  CHECK_NUM(root->process.capabilities.ambient, 0);
  CHECK_NUM(root->linux_.namespaces.count, 6);
  CHECK_NUM(rootless->linux_.namespaces.count, 7);
  CHECK_NUM(rootless->linux_.namespaces.items[6].type, CTR_NS_USER);
  CHECK_NUM(root->linux_.uidMappings.count, 0);
  CHECK_MAP(rootless->linux_.uidMappings.items[0], 0, geteuid(), 1);
  CHECK_MAP(rootless->linux_.gidMappings.items[0], 0, getegid(), 1);
  CHECK_STR(joined(root->process.args), "sh");
  ctr_arena_free(&mem);
}

TEST_MAIN
