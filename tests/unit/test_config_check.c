/* What is refused, and under which name: texts that are no config, configs that ask for what is not
   executed or that contradict themselves. With holes in them: test_config_holes.c. */
#include "check.h"

/* -- texts -- */

/* The text has an @ in front of what the error must point to. */
static void check_text_refused(const char *marked, const char *field, const char *message) {
  static char text[4096];
  const char *mark = strchr(marked, '@');
  uint32_t line = 1, column = 1;
  for (const char *at = marked; at < mark; at++) {
    column = *at == '\n' ? 1 : column + 1;
    line += *at == '\n';
  }
  snprintf(text, sizeof text, "%.*s%s", (int)(mark - marked), marked, mark + 1);
  ctr_arena mem = {0};
  ctr_config untouched, *config = &untouched;
  ctr_strs unknown = {NULL, 99};
  ctr_err err;
  ctr_code code = parse(&mem, text, &config, &unknown, &err);
  CHECK_MSG(code == CTR_E_CONFIG && err.code == code, "%s: %s, %s", marked, ctr_code_name(code),
            err.msg);
  if (code == CTR_E_CONFIG) {
    CHECK_MSG(!strcmp(err.field, field), "%s: the field is %s, not %s", marked, err.field, field);
    CHECK_MSG(err.line == line && err.column == column, "%s: at %u:%u, should be %u:%u", marked,
              err.line, err.column, line, column);
    CHECK_MSG(strstr(err.msg, message) && !strncmp(err.msg, field, strlen(field)),
              "%s: \"%s\", should have \"%s\"", marked, err.msg, message);
    CHECK_MSG(!strchr(err.msg, '\n') && err.sys == 0, "%s: %s", marked, err.msg);
  }
  CHECK_MSG(parse(&mem, text, &config, NULL, NULL) == code, "%s: without an err", marked);
  CHECK_MSG(config == &untouched && unknown.count == 99, "%s: the outputs were touched", marked);
  ctr_arena_free(&mem);
}

/* A whole config, or one member of it; the field; what the message must have. */
typedef struct wrong_text {
  const char *text, *field, *message;
} wrong_text;

typedef struct member_text {
  const char *path, *inside;
} member_text;

static const wrong_text wrong_texts[] = {
    {"@[]", "", "expected an object, found an array"},
    {"\n\n @'text'", "", "expected an object, found a string"},
    {"@null", "", "expected an object, found null"},
    {"@{}", "ociVersion", "required, and missing"},
    {"\n  @{'ociVersion':null}", "ociVersion", "required, and missing"},
    {"'process':{'user':{'additionalGids':[0,@4294967296]}}", "process.user.additionalGids[1]",
     "found 4294967296"},
    {"{@'ociVersion':1}", "ociVersion", "expected a string, found an integer"},
    {"{'ociVersion':'1.0.0',\r\n\t'\xc3\xbc':'\xc3\xbc',@'root':7}", "root", "expected an object"},
    {"'process':{'user':{@'uid':-1}}", "process.user.uid",
     "expected an integer from 0 to 429496729"},
    {"'process':{@'oomScoreAdj':1001}", "process.oomScoreAdj", "from -1000 to 1000, found 1001"},
    {"'process':{'rlimits':[{@'soft':-1}]}", "process.rlimits[0].soft",
     "from 0 to 18446744073709551615, found -1"},
    {"'linux':{'timeOffsets':{'boottime':{@'secs':9223372036854775808}}}",
     "linux.timeOffsets.boottime.secs",
     "from -9223372036854775808 to 9223372036854775807, found 9223372036854775808"},
    {"'process':{'capabilities':{'bounding':['CAP_KILL',@'KILL']}}",
     "process.capabilities.bounding[1]", "\"KILL\" is not a capability"},
    {"'process':{'capabilities':{'ambient':[@'cap_kill']}}", "process.capabilities.ambient[0]",
     "\"cap_kill\" is not a capability"},
    {"'linux':{'namespaces':[{@'type':'net'}]}", "linux.namespaces[0].type",
     "known are pid, network, mount, ipc, uts, user, cgroup, time"},
    {"'linux':{'namespaces':[{@'type':''}]}", "linux.namespaces[0].type",
     "\"\" is not a namespace type"},
    {"'linux':{@'rootfsPropagation':'sideways'}", "linux.rootfsPropagation",
     "known are private, shared, slave, unbindable"},
    {"'process':{'rlimits':[{@'type':'NOFILE'}]}", "process.rlimits[0].type", "not a resource"},
    {"'linux':{'seccomp':{@'defaultAction':''}}", "linux.seccomp.defaultAction",
     "\"\" is not a seccomp action"},
    {"'process':{'args':['sh',@null]}", "process.args[1]", "expected a string, found null"},
    {"'mounts':[@null]", "mounts[0]", "expected an object, found null"},
};

/* A required member, and what else is in the object that lacks it. */
static const member_text incomplete_texts[] = {
    {"process.cwd", "'args':['sh']"},
    {"mounts[0].destination", "'type':'tmpfs'"},
    {"mounts[0].uidMappings[0].containerID", "'hostID':0,'size':1"},
    {"mounts[0].uidMappings[0].hostID", "'containerID':0,'size':1"},
    {"mounts[0].uidMappings[0].size", "'containerID':0,'hostID':1"},
    {"process.consoleSize.height", "'width':1"}, {"process.consoleSize.width", "'height':1"},
    {"process.rlimits[0].type", "'soft':1,'hard':1"},
    {"process.rlimits[0].soft", "'type':'RLIMIT_AS','hard':1"},
    {"process.rlimits[0].hard", "'type':'RLIMIT_AS','soft':1"},
    {"process.ioPriority.class", "'priority':1"}, {"process.scheduler.policy", "'nice':1"},
    {"hooks.poststop[0].path", "'timeout':1"}, {"linux.namespaces[0].type", "'path':'/'"},
    {"linux.devices[0].type", "'path':'/dev/a'"}, {"linux.devices[0].path", "'type':'c'"},
    {"linux.resources.devices[0].allow", "'type':'c'"}, {"linux.resources.pids.limit", ""},
    {"linux.resources.blockIO.weightDevice[0].major", "'minor':1"},
    {"linux.resources.blockIO.weightDevice[0].minor", "'major':1"},
    {"linux.resources.blockIO.throttleReadBpsDevice[0].major", "'minor':1"},
    {"linux.resources.blockIO.throttleReadBpsDevice[0].minor", "'major':1"},
    {"linux.resources.hugepageLimits[0].pageSize", "'limit':1"},
    {"linux.resources.hugepageLimits[0].limit", "'pageSize':'2MB'"},
    {"linux.resources.network.priorities[0].name", "'priority':1"},
    {"linux.resources.network.priorities[0].priority", "'name':'a'"},
    {"linux.seccomp.defaultAction", ""},
    {"linux.seccomp.syscalls[0].names", "'action':'SCMP_ACT_LOG'"},
    {"linux.seccomp.syscalls[0].action", "'names':['a']"},
    {"linux.seccomp.syscalls[0].args[0].index", "'value':1,'op':'SCMP_CMP_EQ'"},
    {"linux.seccomp.syscalls[0].args[0].value", "'index':1,'op':'SCMP_CMP_EQ'"},
    {"linux.seccomp.syscalls[0].args[0].op", "'index':1,'value':1"},
    {"linux.memoryPolicy.mode", ""}, {"linux.personality.domain", "'flags':[]"},
};

/* One past the bound, or no integer at all. */
static const member_text number_texts[] = {
    {"process.user.uid", "4294967296"}, {"process.user.umask", "512"},
    {"process.oomScoreAdj", "-1001"}, {"process.oomScoreAdj", "1e2"},
    {"process.scheduler.nice", "20"}, {"process.scheduler.nice", "-21"},
    {"process.scheduler.priority", "100"}, {"process.ioPriority.priority", "8"},
    {"process.rlimits[0].soft", "1.0"}, {"hooks.poststart[0].timeout", "0"},
    {"linux.devices[0].major", "-1"}, {"linux.devices[0].minor", "1048576"},
    {"linux.timeOffsets.boottime.nanosecs", "1000000000"},
    {"linux.resources.memory.swappiness", "101"}, {"linux.resources.blockIO.weight", "65536"},
    {"hooks.prestart[0].timeout", "2147483648"}, {"linux.resources.blockIO.leafWeight", "65536"},
    {"linux.resources.blockIO.weightDevice[0].weight", "65536"},
    {"linux.resources.blockIO.weightDevice[0].leafWeight", "65536"},
    {"linux.resources.network.classID", "4294967296"},
    {"linux.resources.rdma.k.hcaHandles", "4294967296"},
    {"linux.resources.rdma.k.hcaObjects", "4294967296"},
    {"linux.seccomp.defaultErrnoRet", "4294967296"},
    {"linux.seccomp.syscalls[0].errnoRet", "4294967296"},
    {"linux.devices[0].fileMode", "4294967296"}, {"linux.devices[0].major", "4096"},
    {"process.user.gid", "4294967296"},
};

/* Spells the objects around a member of that path: "linux.devices[0].uid" is {'linux':{'devices':
   [{…}]}}. The @ is in front of the innermost, or at the member itself. */
static void spell(char *text, size_t size, const char *path, const char *inside, bool at_member) {
  char closing[64] = "}";
  size_t len = (size_t)snprintf(text, size, "{\n ");
  for (const char *next; (next = strchr(path, '.')); path = next + 1) {
    size_t name = strcspn(path, ".[");
    bool list = path[name] == '[', mark = !at_member && !strchr(next + 1, '.');
    len += (size_t)snprintf(text + len, size - len, "%s'%.*s':%s{", mark && !list ? "@" : "",
                            (int)name, path, !list ? "" : mark ? "[@" : "[");
    memmove(closing + 1 + list, closing, strlen(closing) + 1);
    memcpy(closing, list ? "}]" : "}", 1 + (size_t)list);
  }
  if (at_member)
    snprintf(text + len, size - len, "@'%s':%s%s", path, inside, closing);
  else
    snprintf(text + len, size - len, "%s%s", inside, closing);
}

TEST(a_wrong_text_is_refused_where_it_is_wrong) {
  char text[512];
  for (size_t i = 0; i < COUNT(wrong_texts); i++) {
    const char *start = wrong_texts[i].text + (wrong_texts[i].text[0] == '@');
    snprintf(text, sizeof text, *start == '\'' ? "{'ociVersion':'1.3.0',\n  %s\n}" : "%s",
             wrong_texts[i].text);
    check_text_refused(text, wrong_texts[i].field, wrong_texts[i].message);
  }
}

TEST(a_missing_member_is_named_and_the_object_pointed_at) {
  char text[512];
  for (size_t i = 0; i < COUNT(incomplete_texts); i++) {
    spell(text, sizeof text, incomplete_texts[i].path, incomplete_texts[i].inside, false);
    check_text_refused(text, incomplete_texts[i].path, "required, and missing");
  }
}

TEST(a_number_past_its_bounds_is_refused) {
  char text[512];
  for (size_t i = 0; i < COUNT(number_texts); i++) {
    spell(text, sizeof text, number_texts[i].path, number_texts[i].inside, true);
    check_text_refused(text, number_texts[i].path, "expected an integer from ");
  }
}

/* Walks all members of the table, "linux.devices[0].uid", "linux.netDevices.k.name". */
static void each_member(const ctr__type *type, const char *path,
                        void (*fn)(const ctr__field *, const char *)) {
  for (size_t i = 0; i < type->count; i++) {
    const ctr__field *f = &type->fields[i];
    char name[160];
    snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "", f->name);
    fn(f, name);
    strcat(name, f->kind == CTR__F_LIST ? "[0]" : f->kind == CTR__F_MAP ? ".k" : "");
    if (f->type) each_member(f->type, name, fn);
  }
}

static void try_wrong_types(const ctr__field *f, const char *path) {
  static const struct {
    const char *value;
    unsigned fits; /* bits of kinds */
  } samples[] = {
      {"true", 1u << CTR__F_BOOL},
      {"1", 1u << CTR__F_INT | 1u << CTR__F_UINT | 1u << CTR__F_I32 | 1u << CTR__F_I64 |
                1u << CTR__F_U32 | 1u << CTR__F_U64},
      {"18446744073709551616", 0},
      {"-9223372036854775809", 0},
      {"1.5", 0},
      {"'nonsense'", 1u << CTR__F_STR},
      {"[]", 1u << CTR__F_STRS | 1u << CTR__F_IDS | 1u << CTR__F_BITS | 1u << CTR__F_LIST},
      {"{}", 1u << CTR__F_PAIRS | 1u << CTR__F_OBJECT | 1u << CTR__F_POINTER | 1u << CTR__F_MAP}};
  static const char *const elements[] = {[CTR__F_STRS] = "[@1]",       [CTR__F_IDS] = "[@-1]",
                                         [CTR__F_LIST] = "[@[]]",      [CTR__F_MAP] = "{@'k':1}",
                                         [CTR__F_PAIRS] = "{@'k':[]}", [CTR__F_BITS] = "[@'CAP']"};
  char text[512], element[192];
  for (size_t i = 0; i < COUNT(samples); i++) {
    spell(text, sizeof text, path, samples[i].value, true);
    if (!(samples[i].fits >> f->kind & 1)) check_text_refused(text, path, "");
  }
  if (f->kind >= COUNT(elements) || !elements[f->kind]) return;
  spell(text, sizeof text, path, elements[f->kind], true);
  char *outer = strchr(text, '@'); /* the element has its own */
  memmove(outer, outer + 1, strlen(outer));
  snprintf(element, sizeof element, "%s%s", path, *elements[f->kind] == '[' ? "[0]" : ".k");
  check_text_refused(text, element, "");
}

TEST(every_member_of_a_wrong_type_is_refused) {
  each_member(&ctr__type_of_ctr_config, "", try_wrong_types);
}

/* Of members that several structs share one is enough. */
static void find_missing_row(const ctr__field *f, const char *path) {
  static const char *const twins[] = {"gidMappings", "linux.uidMappings", "createRuntime",
                                      "prestart", "createContainer", "startContainer", "poststart",
                                      "WriteBps", "IOPS"};
  bool found = !(f->flags & CTR__REQUIRED) || !strcmp(path, "ociVersion");
  for (size_t i = 0; i < COUNT(twins); i++) found |= strstr(path, twins[i]) != NULL;
  for (size_t i = 0; i < COUNT(incomplete_texts); i++)
    found |= !strcmp(incomplete_texts[i].path, path);
  CHECK_MSG(found, "no text above lacks %s", path);
}

TEST(every_required_member_is_missed_once_above) {
  each_member(&ctr__type_of_ctr_config, "", find_missing_row);
}

/* -- what is not executed -- */

/* Makes a member say something; quiet: with a value that is 0 and yet set. */
static bool fill(ctr_arena *mem, const ctr__field *f, void *at, bool quiet);

static void *fill_object(ctr_arena *mem, const ctr__type *type) {
  char *object = ctr_arena_alloc(mem, type->size);
  for (size_t i = 0; i < type->count; i++)
    if (type->fields[i].flags & CTR__REQUIRED)
      fill(mem, &type->fields[i], object + type->fields[i].offset, false);
  return object;
}

static bool fill(ctr_arena *mem, const ctr__field *f, void *at, bool quiet) {
  static const char *const text = "/x";
  static const uint32_t id = 1;
  static const ctr_pair pair = {"x", "1"};
  const void *items = f->kind == CTR__F_STRS    ? (const void *)&text
                      : f->kind == CTR__F_IDS   ? (const void *)&id
                      : f->kind == CTR__F_PAIRS ? (const void *)&pair
                                                : NULL;
  switch ((ctr__kind_of_field)f->kind) {
  case CTR__F_STR: memcpy(at, &text, sizeof text); return !quiet;
  case CTR__F_BOOL: *(bool *)at = true; return !quiet;
  case CTR__F_INT: *(ctr_int *)at = (ctr_int){true, quiet ? 0 : 1}; return true;
  case CTR__F_UINT: *(ctr_uint *)at = (ctr_uint){true, quiet ? 0 : 1}; return true;
  case CTR__F_I32:
  case CTR__F_U32: *(uint32_t *)at = 1; return !quiet;
  case CTR__F_I64:
  case CTR__F_U64:
  case CTR__F_BITS: *(uint64_t *)at = 1; return !quiet;
  case CTR__F_ENUM: *(uint32_t *)at = (uint32_t)f->names->items[0].value; return !quiet;
  case CTR__F_OBJECT: memcpy(at, fill_object(mem, f->type), f->type->size); return !quiet;
  case CTR__F_POINTER: items = ctr_arena_alloc(mem, f->type->size); break;
  case CTR__F_LIST: items = fill_object(mem, f->type); break;
  case CTR__F_MAP: items = memcpy(fill_object(mem, f->type), &text, sizeof text); break; /* key */
  default: break;
  }
  ctr__any_list list = {items, 1};
  memcpy(at, &list, f->kind == CTR__F_POINTER ? sizeof items : sizeof list);
  return !quiet;
}

static size_t marked;
static void count_marked(const ctr__field *f, const char *path) {
  (void)path;
  marked += (f->flags & CTR__NOT_EXECUTED) != 0;
}

/* Refuses each member of the table that is marked, set alone; returns how many there were. */
static size_t check_unexecuted(ctr_arena *mem, const ctr_config *config, const ctr__type *type,
                               void *base, const char *path) {
  size_t count = 0;
  void *saved = ctr_arena_alloc(mem, type->size);
  memcpy(saved, base, type->size);
  for (size_t i = 0; i < type->count; i++) {
    const ctr__field *f = &type->fields[i];
    char *at = (char *)base + f->offset, name[160];
    snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "", f->name);
    if (f->flags & CTR__NOT_EXECUTED) {
      count++;
      if (fill(mem, f, at, true)) check_refused(config, CTR_E_UNSUPPORTED, name, true, "set to 0");
      fill(mem, f, at, false);
      check_refused(config, CTR_E_UNSUPPORTED, name, true, "set");
    } else if (f->kind == CTR__F_OBJECT) {
      count += check_unexecuted(mem, config, f->type, at, name);
    } else if (f->kind == CTR__F_LIST) {
      void *element = fill_object(mem, f->type);
      ctr__any_list list = {element, 1};
      memcpy(at, &list, sizeof list);
      strcat(name, "[0]");
      count += check_unexecuted(mem, config, f->type, element, name);
    } else if (f->kind == CTR__F_MAP || f->kind == CTR__F_POINTER) {
      size_t before = marked;
      each_member(f->type, name, count_marked);
      CHECK_MSG(marked == before, "not looked into: %s", name);
    }
    memcpy(base, saved, type->size);
  }
  return count;
}

TEST(every_member_that_is_not_executed_is_refused_by_name) {
  ctr_arena mem = {0};
  ctr_config *config = fresh();
  each_member(&ctr__type_of_ctr_config, "", count_marked);
  CHECK_NUM(check_unexecuted(&mem, config, &ctr__type_of_ctr_config, config, ""), marked);
  CHECK(marked > 0);
  ctr_arena_free(&mem);
}

/* -- what is executed -- */

#define HOOK(kind) "'" kind "':[{'path':'/h','args':['h'],'env':['A=1'],'timeout':2}]"

/* Everything that is executed and can be asked for together, without and with a user namespace. */
static const char *const rich[] = {
    "{'ociVersion':'1.3.0','root':{'path':'/','readonly':true},'mounts':[{'destination':'/m',"
    "'type':'tmpfs','source':'src','options':['ro','mode=700'],"
    "'uidMappings':[{'containerID':8,'hostID':8,'size':8}],"
    "'gidMappings':[{'containerID':8,'hostID':8,'size':8}]}],'process':{'cwd':'/work',"
    "'args':['sh','-c'],'env':['A=1'],'terminal':true,'consoleSize':{'height':24,'width':80},"
    "'user':{'uid':2,'gid':2,'umask':18,'additionalGids':[4]},"
    "'capabilities':{'bounding':['CAP_KILL'],'effective':['CAP_KILL'],'inheritable':['CAP_KILL'],"
    "'permitted':['CAP_KILL'],'ambient':['CAP_KILL']},'rlimits':[{'type':'RLIMIT_NOFILE','soft':16,"
    "'hard':32}],'noNewPrivileges':true,'apparmorProfile':'p','selinuxLabel':'s',"
    "'oomScoreAdj':4,'ioPriority':{'class':'IOPRIO_CLASS_BE',"
    "'priority':2},'scheduler':{'policy':'SCHED_DEADLINE','nice':2,'flags':['SCHED_FLAG_RECLAIM'],"
    "'runtime':10,'deadline':20,'period':30}},'hostname':'h','domainname':'d','linux':{"
    "'namespaces':[{'type':'mount'},{'type':'uts'},{'type':'network'},{'type':'time'}],"
    "'timeOffsets':{'monotonic':{'secs':4,'nanosecs':8},'boottime':{'secs':4,'nanosecs':8}},"
    "'devices':[{'type':'c','path':'/dev/x','major':8,'minor':8,'fileMode':384,'uid':2,'gid':2}],"
    "'mountLabel':'m','rootfsPropagation':'slave','sysctl':{'net.a':'1'},'maskedPaths':['/a'],"
    "'readonlyPaths':['/b'],"
    "'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0','flags':['MPOL_F_STATIC_NODES']},"
    "'personality':{'domain':'LINUX32'},'seccomp':{'defaultAction':'SCMP_ACT_ERRNO',"
    "'defaultErrnoRet':81,'architectures':['SCMP_ARCH_SHEB'],'flags':['SECCOMP_FILTER_FLAG_LOG'],"
    "'listenerPath':'/s','listenerMetadata':'m','syscalls':[{'names':['dup'],"
    "'action':'SCMP_ACT_ERRNO','errnoRet':8,'args':[{'index':4,'value':13,'valueTwo':8,"
    "'op':'SCMP_CMP_MASKED_EQ'}]},{'names':['dup3'],'action':'SCMP_ACT_NOTIFY'}]}},"
    "'hooks':{" HOOK("prestart") "," HOOK("createRuntime") "," HOOK("createContainer") ","
    HOOK("startContainer") "}}",
    "{'ociVersion':'1.3.0','root':{'path':'/'},'process':{'cwd':'/','args':['sh'],"
    "'scheduler':{'policy':'SCHED_FIFO','priority':4}},'linux':{"
    "'namespaces':[{'type':'user'},{'type':'mount'},{'type':'ipc','path':'/proc/1/ns/ipc'}],"
    "'uidMappings':[{'containerID':0,'hostID':8,'size':8},{'containerID':8,'hostID':20,'size':8}],"
    "'gidMappings':[{'containerID':0,'hostID':8,'size':8},{'containerID':8,'hostID':20,'size':8}]"
    "}}"};

/* What says nothing to the plan of a process: what is informative; what is for another process than
   the first, or for a container (test_plan.c, test_plan_limits.c); and what is warned of as a whole
   (tested below). */
static const char *const without_effect[] = {
    "ociVersion", "annotations", "process.execCPUAffinity.", "hooks.poststart", "hooks.poststop",
    "linux.cgroupsPath", "linux.resources.", "linux.personality.flags"};

static bool has_effect(const char *path) {
  for (size_t i = 0; i < COUNT(without_effect); i++)
    if (!strncmp(path, without_effect[i], strlen(without_effect[i]))) return false;
  return true;
}

typedef struct result {
  ctr_code code;
  ctr_plan *plan;
  outcome notes;
} result;

/* Of what is no warning, too. */
static void note_all(void *userdata, ctr_level level, const char *field, const char *text) {
  (void)level;
  note_warning(userdata, CTR_LOG_WARNING, field, text);
}

/* Plans for a root that has everything, on whatever machine this is. */
static result plan_for_root(const ctr_config *config) {
  result r = {0};
  ctr_plan_desc desc = {.id = "box", .log = {note_all, &r.notes}};
  ctr__facts facts = {.initial_userns = true, .caps = UINT64_MAX, .bounding = UINT64_MAX,
                      .features = CTR_FEATURE_CLONE3 | CTR_FEATURE_MOUNT_SETATTR,
                      .can_filter = true, .filter_flags = UINT32_MAX,
                      .apparmor = true, .selinux = true};
  ctr_err err;
  r.code = ctr__config_check(config, &desc.log, &err);
  if (!r.code) r.code = ctr__plan_compile(config, &desc, &ctr__for_program, &facts, &r.plan, &err);
  if (r.code) snprintf(r.notes.msg, sizeof r.notes.msg, "%s", err.msg);
  return r;
}

static bool same_result(const result *a, const result *b) {
  if (a->code != b->code || strcmp(a->notes.warned, b->notes.warned) != 0) return false;
  return a->code || (a->plan->size == b->plan->size && !memcmp(a->plan, b->plan, a->plan->size));
}

/* Another value, of the same type and as likely. */
static void change(const ctr__field *f, void *at) {
  static const char *const text = "/other";
  switch ((ctr__kind_of_field)f->kind) {
  case CTR__F_STR: memcpy(at, &text, sizeof text); break;
  case CTR__F_BOOL: *(bool *)at ^= true; break;
  case CTR__F_INT:
  case CTR__F_UINT: ((ctr_uint *)at)->value ^= 1; break;
  case CTR__F_I32:
  case CTR__F_U32: *(uint32_t *)at ^= 1; break;
  case CTR__F_I64:
  case CTR__F_U64: *(uint64_t *)at ^= 1; break;
  case CTR__F_BITS: *(uint64_t *)at ^= UINT64_C(1) << f->names->items[0].value; break;
  case CTR__F_ENUM:
    for (size_t i = 0; i < f->names->count; i++)
      if (f->names->items[i].value == (int64_t) * (uint32_t *)at) {
        *(uint32_t *)at = (uint32_t)f->names->items[(i + 1) % f->names->count].value;
        break;
      }
    break;
  default: {
    ctr__any_list list = ctr__list_at(at);
    list.count--;
    memcpy(at, &list, sizeof list);
  }
  }
}

static char told[8192]; /* the paths of all that mattered, "|root.path|root.readonly|" */

/* Changes what is set, one member after the other, and demands that each change is seen. */
static void check_changes(const ctr_config *config, const result *plain, const ctr__type *type,
                          void *base, const char *path) {
  char saved[sizeof(ctr_config)];
  for (size_t i = 0; i < type->count; i++) {
    const ctr__field *f = &type->fields[i];
    char *at = (char *)base + f->offset, name[160];
    snprintf(name, sizeof name, "%s%s%s", path, *path ? "." : "", f->name);
    if (!ctr__field_is_set(f, base)) continue;
    if (f->kind == CTR__F_OBJECT) {
      check_changes(config, plain, f->type, at, name);
      continue;
    }
    memcpy(saved, base, type->size);
    change(f, at);
    result changed = plan_for_root(config);
    CHECK_MSG(!has_effect(name) || !same_result(plain, &changed), "%s says nothing", name);
    ctr_plan_free(changed.plan);
    memcpy(base, saved, type->size);
    snprintf(told + strlen(told), sizeof told - strlen(told), "%s|", name);
    ctr__any_list list = f->kind == CTR__F_LIST ? ctr__list_at(at) : (ctr__any_list){0};
    strcat(name, "[0]");
    union {
      const void *in;
      char *out;
    } element = {list.items};
    for (size_t n = 0; n < list.count; n++)
      check_changes(config, plain, f->type, element.out + n * f->type->size, name);
  }
}

/* Whether the member at path, or one that it is part of, is refused as not executed. */
static bool is_unexecuted(const char *path) {
  const ctr__type *type = &ctr__type_of_ctr_config;
  while (type) {
    char name[64];
    size_t len = strcspn(path, ".[");
    snprintf(name, sizeof name, "%.*s", (int)len, path);
    const ctr__field *f = ctr__field_find(type, name);
    if (f->flags & CTR__NOT_EXECUTED) return true;
    path += len;
    path += *path == '[' ? 4 : *path == '.'; /* "[0]." */
    type = *path ? f->type : NULL;
  }
  return false;
}

static void check_told(const ctr__field *f, const char *path) {
  char word[192];
  snprintf(word, sizeof word, "|%s|", path);
  CHECK_MSG(f->kind == CTR__F_OBJECT || !has_effect(path) || is_unexecuted(path) ||
                strstr(told, word),
            "not tried: %s", path);
}

TEST(every_member_that_is_not_refused_changes_the_plan) {
  strcpy(told, "|");
  for (size_t i = 0; i < 2; i++) {
    ctr_arena mem = {0};
    ctr_config *config = NULL;
    ctr_err err;
    CHECK_MSG(!parse(&mem, rich[i], &config, NULL, &err), "%s", err.msg);
    result plain = plan_for_root(config);
    CHECK_MSG(!plain.code, "%s", plain.notes.msg);
    if (!plain.code) check_changes(config, &plain, &ctr__type_of_ctr_config, config, "");
    ctr_plan_free(plain.plan);
    ctr_arena_free(&mem);
  }
  each_member(&ctr__type_of_ctr_config, "", check_told);
}

/* -- the checks -- */

TEST(the_program_and_its_surroundings_are_checked) {
  BAD("process.args", c->process.args = (ctr_strs){0});
  BAD("process.args", c->process.args = CTR_STRS(""));
  GOOD(c->process.args = CTR_STRS("sh", ""));
  BAD("process.cwd", c->process.cwd = NULL);
  BAD("process.cwd", c->process.cwd = "");
  BAD("process.cwd", c->process.cwd = "tmp");
  GOOD(c->process.cwd = "/tmp/../tmp");
  BAD("process.env[1]", c->process.env = CTR_STRS("A=1", "B"));
  BAD("process.env[0]", c->process.env = CTR_STRS("=1"));
  BAD("process.env[0]", c->process.env = CTR_STRS(""));
  GOOD(c->process.env = CTR_STRS("A=", "B==", "A=2"));
  GOOD(c->process.env = (ctr_strs){0});
  BAD("root.path", c->root.path = NULL);
  BAD("root.path", c->root.path = "");
  GOOD(c->root.path = "rootfs");
  BAD("root.path", c->root = (ctr_root){.readonly = true}; c->mounts.items++; c->mounts.count--);
  GOOD(c->root = (ctr_root){0}; c->mounts = (ctr_mounts)LIST(ctr_mount, {"/", .type = "tmpfs"}));
  GOOD(c->ociVersion = NULL);
}

TEST(hooks_are_checked) {
  BAD("hooks.prestart[0].path", HOOKS(prestart, {.path = "bin/x"}));
  BAD("hooks.createRuntime[1].path", HOOKS(createRuntime, {.path = "/x"}, {.path = ""}));
  BAD("hooks.createContainer[0].path", HOOKS(createContainer, {.path = "x"}));
  BAD("hooks.startContainer[0].path", HOOKS(startContainer, {.path = "./x"}));
  BAD("hooks.poststart[2].path", HOOKS(poststart, {.path = "/"}, {.path = "/"}, {.path = "x"}));
  BAD("hooks.poststop[0].path", HOOKS(poststop, {.path = "x"}));
  BAD("hooks.poststop[0].timeout", HOOKS(poststop, {.path = "/x", .timeout = {true, 0}}));
  BAD("hooks.poststop[0].timeout",
      HOOKS(poststop, {.path = "/x", .timeout = {true, (uint64_t)INT32_MAX + 1}}));
  GOOD(HOOKS(prestart, {.path = "/x", .timeout = {true, INT32_MAX}}));
  GOOD(HOOKS(poststop, {.path = "/x", .args = CTR_STRS("", "x"), .env = CTR_STRS("A")}));
}

/* What nobody runs belongs to a container: a process of its own is refused (test_plan_container.c
   has the other side). */
TEST(hooks_of_a_process_of_its_own_are_refused) {
#define REFUSED(kind)                                                                              \
  do {                                                                                             \
    ctr_config *c = fresh();                                                                       \
    HOOKS(kind, {.path = "/x"});                                                                   \
    check_refused(c, CTR_E_UNSUPPORTED, "hooks." #kind, true, #kind);                              \
  } while (0)
  REFUSED(prestart);
  REFUSED(createRuntime);
  REFUSED(createContainer);
  REFUSED(startContainer);
  REFUSED(poststart);
  REFUSED(poststop);
#undef REFUSED
}

/* ioctl_tty(2), TIOCSWINSZ: 16 bits. */
TEST(the_size_of_a_terminal_is_checked) {
#define SIZE(height_, width_)                                                                      \
  c->process.terminal = true;                                                                      \
  c->process.consoleSize = (ctr_console_size){.height = {true, height_}, .width = {true, width_}}
  GOOD(SIZE(65535, 65535));
  GOOD(SIZE(0, 0));
  BAD("process.consoleSize", SIZE(65536, 80));
  BAD("process.consoleSize", SIZE(25, 65536));
  BAD("process.consoleSize", SIZE(UINT64_MAX, 1));
  GOOD(SIZE(65536, 80); c->process.terminal = false); /* config.md: ignored without a terminal */
#undef SIZE
}

TEST(limits_and_priorities_are_checked) {
  BAD("process.rlimits[0].type", c->process.rlimits = (ctr_rlimits)LIST(ctr_rlimit, {0}));
  BAD("process.rlimits[1].type",
      c->process.rlimits = (ctr_rlimits)LIST(ctr_rlimit, {16, 1, 1}, {17, 1, 1}));
  BAD("process.rlimits[0]", c->process.rlimits = (ctr_rlimits)LIST(ctr_rlimit, {1, 2, 1}));
  BAD("process.rlimits[2].type",
      c->process.rlimits = (ctr_rlimits)LIST(ctr_rlimit, {1, 1, 1}, {2, 1, 1}, {1, 1, 1}));
  GOOD(c->process.rlimits = (ctr_rlimits)LIST(ctr_rlimit, {1, 0, 0}, {16, 1, UINT64_MAX}));
  BAD("process.oomScoreAdj", c->process.oomScoreAdj = (ctr_int){true, 1001});
  BAD("process.oomScoreAdj", c->process.oomScoreAdj = (ctr_int){true, -1001});
  GOOD(c->process.oomScoreAdj = (ctr_int){true, 1000});
  GOOD(c->process.oomScoreAdj = (ctr_int){true, -1000});
  GOOD(c->process.oomScoreAdj = (ctr_int){false, 5000});
  BAD("process.user.umask", c->process.user.umask = (ctr_uint){true, 01000});
  GOOD(c->process.user.umask = (ctr_uint){true, 0777});
  BAD("process.ioPriority.priority", c->process.ioPriority = (ctr_io_priority){1, 8});
  BAD("process.ioPriority.priority", c->process.ioPriority = (ctr_io_priority){1, -1});
  GOOD(c->process.ioPriority = (ctr_io_priority){3, 7});
  BAD("process.scheduler.priority", c->process.scheduler.policy = CTR_SCHED_FIFO);
  BAD("process.scheduler.priority", c->process.scheduler.policy = CTR_SCHED_RR;
      c->process.scheduler.priority = 100);
  GOOD(c->process.scheduler.policy = CTR_SCHED_RR; c->process.scheduler.priority = 99);
  GOOD(c->process.scheduler.policy = CTR_SCHED_FIFO; c->process.scheduler.priority = 1);
  BAD("process.scheduler.priority", c->process.scheduler.policy = CTR_SCHED_BATCH;
      c->process.scheduler.priority = 1);
  BAD("process.scheduler", c->process.scheduler.policy = CTR_SCHED_OTHER;
      c->process.scheduler.period = 1);
  GOOD(c->process.scheduler.policy = CTR_SCHED_DEADLINE; c->process.scheduler.runtime = 1);
  GOOD(c->process.scheduler.policy = CTR_SCHED_OTHER; c->process.scheduler.nice = -20);
}

TEST(capabilities_are_checked) {
  BAD("process.capabilities.effective", c->process.capabilities.effective |= CTR_CAP(CHOWN));
  GOOD(c->process.capabilities.effective = 0);
  GOOD(c->process.capabilities = (ctr_capabilities){0});
  GOOD(c->process.capabilities.permitted = c->process.capabilities.effective = CTR_CAP(KILL);
       c->process.capabilities.inheritable = c->process.capabilities.ambient = CTR_CAP(KILL));
  ctr_config *config = fresh();
  config->process.capabilities.ambient = CTR_CAP(KILL); /* permitted, but not inheritable */
  outcome o = apart(config, plan_it);
  CHECK_HAS(o.warned, "process.capabilities.ambient: ");
  CHECK_NUM(o.check, CTR_OK);
}

TEST(namespaces_are_checked) {
  BAD("linux.namespaces[2].type",
      SPACES({CTR_NS_UTS, NULL}, {CTR_NS_PID, NULL}, {CTR_NS_UTS, NULL}));
  BAD("linux.namespaces[1].type", SPACES({CTR_NS_UTS, NULL}, {CTR_NS_UTS, "/proc/1/ns/uts"}));
  BAD("linux.namespaces[0].path", SPACES({CTR_NS_UTS, "ns/uts"}));
  BAD("linux.namespaces[0].path", SPACES({CTR_NS_UTS, ""}));
  GOOD(SPACES({CTR_NS_UTS, "/proc/1/ns/uts"}, {CTR_NS_IPC, NULL}));
}

TEST(what_belongs_to_a_namespace_needs_one) {
  const ctr_time_offset hour = {.secs = {true, 3600}}, nothing = {.nanosecs = {true, 0}};
  ctr_id_mapping map[] = {{0, 0, 1}};
  BAD("hostname", SPACES({CTR_NS_MOUNT, NULL}));
  GOOD(SPACES({CTR_NS_UTS, "/proc/1/ns/uts"}));
  GOOD(SPACES({CTR_NS_MOUNT, NULL}); c->hostname = NULL);
  BAD("domainname", SPACES({CTR_NS_MOUNT, NULL}); c->hostname = NULL; c->domainname = "d");
  GOOD(SPACES({CTR_NS_UTS, NULL}); c->domainname = "d");
  BAD("linux.timeOffsets.monotonic", c->linux_.timeOffsets.monotonic = hour);
  BAD("linux.timeOffsets.boottime", c->linux_.timeOffsets.boottime = nothing);
  BAD("linux.timeOffsets.boottime", SPACES({CTR_NS_UTS, NULL}, {CTR_NS_TIME, "/proc/1/ns/time"});
      c->linux_.timeOffsets.boottime = hour);
  GOOD(SPACES({CTR_NS_UTS, NULL}, {CTR_NS_TIME, NULL});
       c->linux_.timeOffsets = (ctr_time_offsets){hour, nothing});
  GOOD(SPACES({CTR_NS_UTS, NULL}, {CTR_NS_TIME, "/proc/1/ns/time"}));
  BAD("linux.uidMappings", SPACES({CTR_NS_UTS, NULL}); UIDS({0, 0, 1}); GIDS({0, 0, 1}));
  BAD("linux.uidMappings", SPACES({CTR_NS_UTS, NULL}, {CTR_NS_USER, "/proc/1/ns/user"});
      UIDS({0, 0, 1}); GIDS({0, 0, 1}));
  BAD("linux.gidMappings", SPACES({CTR_NS_UTS, NULL}); c->linux_.uidMappings.count = 0;
      c->linux_.gidMappings = (ctr_id_mappings){map, 1});
  GOOD(WITH_USER; UIDS({0, 0, 1}); GIDS({0, 0, 1}));
}

TEST(names_longer_than_the_kernel_takes_are_refused) {
  static const char name[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  char longer[66];
  snprintf(longer, sizeof longer, "%sg", name);
  GOOD(c->hostname = name; c->domainname = name);
  BAD("hostname", c->hostname = longer);
  BAD("domainname", c->domainname = longer);
}

TEST(id_maps_are_checked) {
  ctr_id_mapping many[341];
  for (uint32_t i = 0; i < 341; i++) many[i] = (ctr_id_mapping){i * 2, i * 2, 1};
  BAD("linux.gidMappings", WITH_USER; UIDS({0, 0, 1}); c->linux_.gidMappings.count = 0);
  BAD("linux.uidMappings", WITH_USER; GIDS({0, 0, 1}); c->linux_.uidMappings.count = 0);
  GOOD(WITH_USER; c->linux_.uidMappings = c->linux_.gidMappings = (ctr_id_mappings){many, 340});
  BAD("linux.uidMappings", WITH_USER;
      c->linux_.uidMappings = c->linux_.gidMappings = (ctr_id_mappings){many, 341});
  BAD("linux.uidMappings[0]", WITH_USER; UIDS({0, 0, 0}); GIDS({0, 0, 1}));
  BAD("linux.gidMappings[1]", WITH_USER; UIDS({0, 0, 1}); GIDS({0, 0, 1}, {1, 1, 0}));
  GOOD(WITH_USER; UIDS({0, 0, UINT32_MAX}); GIDS({0, 4294967294, 1}));
  BAD("linux.uidMappings[0]", WITH_USER; UIDS({1, 0, UINT32_MAX}); GIDS({0, 0, 1}));
  BAD("linux.uidMappings[0]", WITH_USER; UIDS({0, UINT32_MAX, 1}); GIDS({0, 0, 1}));
  BAD("linux.uidMappings[0]", WITH_USER; UIDS({UINT32_MAX, 0, 1}); GIDS({0, 0, 1}));
  GOOD(WITH_USER; UIDS({10, 10, 5}, {15, 20, 5}, {0, 15, 5}); GIDS({0, 0, 1}));
  BAD("linux.uidMappings[1]", WITH_USER; UIDS({10, 10, 5}, {14, 20, 5}); GIDS({0, 0, 1}));
  BAD("linux.uidMappings[1]", WITH_USER; UIDS({10, 10, 5}, {20, 6, 5}); GIDS({0, 0, 1}));
  BAD("linux.uidMappings[2]", WITH_USER; UIDS({0, 0, 1}, {10, 10, 5}, {12, 50, 1});
      GIDS({0, 0, 1}));
  BAD("linux.gidMappings[1]", WITH_USER; UIDS({0, 0, 1}); GIDS({1, 1, UINT32_MAX - 1}, {0, 1, 1}));
}

#define MOUNT_MAPS(uids, gids)                                                                     \
  c->mounts = (ctr_mounts)LIST(ctr_mount, {.destination = "/a", .type = "tmpfs"},                  \
                               {.destination = "/b", .type = "tmpfs", .uidMappings = uids,         \
                                .gidMappings = gids})
#define MAP(...) ((ctr_id_mappings)LIST(ctr_id_mapping, __VA_ARGS__))

TEST(id_maps_of_mounts_are_checked_as_well) {
  const ctr_id_mappings none = {0};
  GOOD(MOUNT_MAPS(MAP({0, 1000, 10}), MAP({0, 1000, 10}, {10, 0, 1})));
  BAD("mounts[1].gidMappings", MOUNT_MAPS(MAP({0, 0, 1}), none));
  BAD("mounts[1].uidMappings", MOUNT_MAPS(none, MAP({0, 0, 1})));
  BAD("mounts[1].uidMappings[0]", MOUNT_MAPS(MAP({0, 0, 0}), MAP({0, 0, 1})));
  BAD("mounts[1].gidMappings[0]", MOUNT_MAPS(MAP({0, 0, 1}), MAP({0, UINT32_MAX, 1})));
  BAD("mounts[1].gidMappings[1]", MOUNT_MAPS(MAP({0, 0, 1}), MAP({0, 0, 5}, {7, 4, 1})));
}

TEST(paths_are_checked) {
  BAD("mounts[1].destination",
      c->mounts = (ctr_mounts)LIST(ctr_mount, {.destination = "/a", .type = "tmpfs"},
                                   {.destination = "", .type = "tmpfs"}));
  GOOD(c->mounts = (ctr_mounts)LIST(ctr_mount, {.destination = "a", .type = "tmpfs"}));
  BAD("linux.maskedPaths[1]", c->linux_.maskedPaths = CTR_STRS("/a", "b"));
  BAD("linux.maskedPaths[0]", c->linux_.maskedPaths = CTR_STRS(""));
  BAD("linux.readonlyPaths[1]", c->linux_.readonlyPaths = CTR_STRS("/a", "b"));
  GOOD(c->linux_.readonlyPaths = c->linux_.maskedPaths = CTR_STRS("/a", "/"));
}

TEST(devices_are_checked) {
  static const char *const types[] = {"c", "b", "u"};
  for (size_t i = 0; i < 3; i++) {
    GOOD(DEVICES({.type = types[i], .path = "/dev/x", NUMBER}));
    BAD("linux.devices[0]", DEVICES({.type = types[i], .path = "/a", .major_ = {true, 1}}));
    BAD("linux.devices[0]", DEVICES({.type = types[i], .path = "/a", .minor_ = {true, 1}}));
  }
  GOOD(DEVICES({.type = "p", .path = "/dev/x"}));
  BAD("linux.devices[1].type", DEVICES({.type = "p", .path = "/a"}, {.type = "", .path = "/b"}));
  BAD("linux.devices[0].type", DEVICES({.type = "a", .path = "/dev/x", NUMBER}));
  BAD("linux.devices[0].type", DEVICES({.type = "cc", .path = "/dev/x", NUMBER}));
  BAD("linux.devices[0].path", DEVICES({.type = "c", .path = "dev/x", NUMBER}));
  BAD("linux.devices[0].path", DEVICES({.type = "c", .path = "", NUMBER}));
}

TEST(sysctls_are_checked) {
  static const char *const none[] = {"", ".", "/", ".net.a", "/net/a", "net.a.", "net/a/", "net..a",
                                     "net//a", "net./a", "net/.a", "net/../kernel/a", "net/./a"};
  for (size_t i = 0; i < COUNT(none); i++) {
    char field[64];
    snprintf(field, sizeof field, "linux.sysctl.%s", none[i]);
    BAD(field, SYSCTL(none[i], "1"));
  }
  BAD("linux.sysctl.net.a", SYSCTL("net.a", "1\n2"));
  GOOD(SYSCTL("net.a", ""));
  GOOD(SYSCTL("net.ipv4.conf.eth0/1.forwarding", "1 2\t3"));
  GOOD(SYSCTL("net/ipv4/conf/eth0.1/forwarding", "1"));
}

TEST(memory_policy_and_personality_are_checked) {
  BAD("linux.memoryPolicy.nodes", POLICY(CTR_MPOL_DEFAULT, "0", 0));
  BAD("linux.memoryPolicy.nodes", POLICY(CTR_MPOL_LOCAL, "0", 0));
  BAD("linux.memoryPolicy.nodes", POLICY(CTR_MPOL_BIND, NULL, 0));
  BAD("linux.memoryPolicy.nodes", POLICY(CTR_MPOL_INTERLEAVE, "", 0));
  BAD("linux.memoryPolicy.nodes", POLICY(CTR_MPOL_WEIGHTED_INTERLEAVE, NULL, 0));
  BAD("linux.memoryPolicy.nodes", POLICY(CTR_MPOL_PREFERRED_MANY, NULL, 0));
  GOOD(POLICY(CTR_MPOL_PREFERRED, NULL, 0));
  GOOD(POLICY(CTR_MPOL_PREFERRED, "1", 0));
  GOOD(POLICY(CTR_MPOL_DEFAULT, "", 0));
  GOOD(POLICY(CTR_MPOL_BIND, "0-3,7", 0));
  BAD("linux.personality.flags", c->linux_.personality.flags = CTR_STRS("ADDR_NO_RANDOMIZE");
      c->linux_.personality.domain = CTR_PER_LINUX);
  GOOD(c->linux_.personality.domain = CTR_PER_LINUX);
}

TEST_MAIN
