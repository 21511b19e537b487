/* What the options say becomes a ctr_config: the same that a config.json would. */

/* An ordinary user gets nothing without a user namespace (user_namespaces(7)). */
static bool new_user_namespace(const sandbox *s) {
  return s->userns == NONE && (geteuid() != 0 || (s->unshared & CTR_NS_USER));
}

/* Those of a cgroup: a limit for each process needs none. */
static bool has_limits(const sandbox *s) {
  return s->memory || s->processes || s->cpus;
}

/* With a state on disk, and a cgroup. */
static bool is_container(const sandbox *s) {
  return s->name || has_limits(s);
}

/* -- ids -- */

/* The ids that the caller has in a user namespace that is there: who joins it sees them. */
static void ids_in(int userns, uint32_t *ret_uid, uint32_t *ret_gid) {
  uint32_t ids[2];
  int ends[2], status;
  if (pipe2(ends, O_CLOEXEC) < 0) fail("make a pipe: %s", strerror(errno));
  const pid_t child = fork();
  if (child == 0) {
    if (setns(userns, CLONE_NEWUSER) < 0) _exit(errno);
    ids[0] = getuid();
    ids[1] = getgid();
    write_all(ends[1], (const char *)ids, sizeof ids);
    _exit(0);
  }
  if (child < 0 || waitpid(child, &status, 0) < 0) fail("fork: %s", strerror(errno));
  if (WEXITSTATUS(status)) fail("--userns: %s", strerror(WEXITSTATUS(status)));
  if (read(ends[0], ids, sizeof ids) != sizeof ids) fail("--userns: no answer");
  close(ends[0]);
  close(ends[1]);
  *ret_uid = ids[0];
  *ret_gid = ids[1];
}

/* One id, the caller's. */
static ctr_id_mappings map_one(sandbox *s, uint32_t inside, uint32_t outside) {
  ctr_id_mapping *map = take(s, sizeof *map);
  *map = (ctr_id_mapping){.containerID = inside, .hostID = outside, .size = 1};
  return (ctr_id_mappings){map, 1};
}

/* The caller's id at `own`, and around it those that subuid(5) gives, from 0 on. None: there are no
   more than the caller's. */
static ctr_id_mappings map_many(sandbox *s, const ctr_id_mappings *given, uint32_t own,
                                uint32_t outside) {
  ctr_id_mapping *map = take(s, (given->count + 2) * sizeof *map);
  size_t n = 0;
  uint32_t next = 0;
  map[n++] = (ctr_id_mapping){own, outside, 1};
  for (size_t i = 0; i < given->count; i++) {
    ctr_id_mapping rest = given->items[i];
    if (rest.hostID == outside && rest.size == 1) continue;
    while (rest.size) {
      if (next == own) next++;
      const uint32_t room = next < own ? own - next : UINT32_MAX - next;
      const uint32_t size = rest.size < room ? rest.size : room;
      if (!size) break;
      map[n++] = (ctr_id_mapping){next, rest.hostID, size};
      next += size;
      rest.hostID += size;
      rest.size -= size;
    }
  }
  return (ctr_id_mappings){map, n > 1 ? n : 0};
}

static bool map_ranges(sandbox *s, ctr_linux *lin, const ctr_user *user) {
  ctr_config *whole;
  ctr_err err;
  if (ctr_config_default(&s->mem, CTR_DEFAULT_ROOTLESS, &whole, &err)) fail("%s", err.msg);
  lin->uidMappings = map_many(s, &whole->linux_.uidMappings, user->uid, geteuid());
  lin->gidMappings = map_many(s, &whole->linux_.gidMappings, user->gid, getegid());
  return lin->uidMappings.count && lin->gidMappings.count;
}

/* devpts(5) is refused where no id is 0. */
static bool makes_terminals(const sandbox *s) {
  for (size_t i = 0; i < s->operation_count; i++)
    if (s->operations[i].row->make == make_dev) return true;
  return false;
}

/* The ids that the program is to have may only come when all is mounted: in one more user
   namespace, from which the first one's limit on further ones cannot be lifted either. */
static bool needs_inner_namespace(const sandbox *s, const ctr_user *user) {
  if (s->disable_userns) return true;
  return !s->map_ids && (user->uid || user->gid) && makes_terminals(s);
}

static void disable_user_namespaces(ctr_config *config) {
  static const ctr_pair setting = {"user.max_user_namespaces", "1"}; /* the program's own */
  config->linux_.sysctl = (ctr_pairs){&setting, 1};
}

static void map_ids(sandbox *s, ctr_config *config, ctr_plan_desc *desc) {
  const ctr_user *user = &config->process.user;
  ctr_linux *lin = &config->linux_;
  if (s->map_ids) {
    if (map_ranges(s, lin, user)) return;
    fail("--map-ids: you have no ids here but your own (subuid(5), newuidmap(1))");
  }
  desc->inner_userns = needs_inner_namespace(s, user);
  lin->uidMappings = map_one(s, desc->inner_userns ? 0 : user->uid, geteuid());
  lin->gidMappings = map_one(s, desc->inner_userns ? 0 : user->gid, getegid());
}

static void choose_ids(sandbox *s, ctr_config *config, ctr_plan_desc *desc) {
  ctr_user *user = &config->process.user;
  uint32_t uid = geteuid(), gid = getegid();
  if (s->userns != NONE) ids_in(s->userns, &uid, &gid);
  user->uid = s->uid ? (uint32_t)number("uid", s->uid, 10, UINT32_MAX - 1) : uid;
  user->gid = s->gid ? (uint32_t)number("gid", s->gid, 10, UINT32_MAX - 1) : gid;
  const bool made = new_user_namespace(s);
  if ((s->uid || s->gid) && !made && s->userns == NONE)
    fail("--%s: needs --unshare-user or --userns", s->uid ? "uid" : "gid");
  if (s->map_ids && !made) fail("--map-ids: needs --unshare-user");
  if (made) map_ids(s, config, desc);
  if (s->disable_userns) disable_user_namespaces(config);
}

/* -- capabilities -- */

static uint64_t own_caps(void) {
  struct {
    uint32_t version;
    int pid;
  } head = {0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */, 0};
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2] = {{0, 0, 0}, {0, 0, 0}};
  if (syscall(SYS_capget, &head, data) < 0) fail("capget: %s", strerror(errno));
  return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static uint64_t own_bounding(void) {
  uint64_t set = 0;
  for (int i = 0; i < CTR_CAP_COUNT; i++)
    if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1) set |= UINT64_C(1) << i;
  return set;
}

/* What --cap-add and --cap-drop start from: all for root, nothing for others. */
static uint64_t initial_caps(void) {
  return geteuid() == 0 ? own_caps() : 0;
}

/* Named ones go along over execve(2) whoever the program runs as; root's own come back there. */
static ctr_capabilities choose_caps(const sandbox *s) {
  ctr_capabilities caps = {s->caps, s->caps, s->caps, s->caps, s->caps};
  if (geteuid() != 0) return caps;
  caps.bounding = own_bounding();
  if (!s->caps_named) caps.inheritable = caps.ambient = 0;
  return caps;
}

/* -- namespaces -- */

static void choose_namespaces(sandbox *s, ctr_config *config) {
  static const struct {
    ctr_namespace_type type;
    bool always;
  } kinds[] = {{CTR_NS_MOUNT, true}, {CTR_NS_PID, false}, {CTR_NS_NETWORK, false},
               {CTR_NS_IPC, false},  {CTR_NS_UTS, false}, {CTR_NS_CGROUP, false}};
  ctr_namespace *list = take(s, 8 * sizeof *list);
  size_t n = 0;
  if (s->userns != NONE)
    list[n++] = (ctr_namespace){CTR_NS_USER, print(s, "/proc/self/fd/%d", s->userns)};
  else if (new_user_namespace(s))
    list[n++] = (ctr_namespace){CTR_NS_USER, NULL};
  if (s->pidns != NONE)
    list[n++] = (ctr_namespace){CTR_NS_PID, print(s, "/proc/self/fd/%d", s->pidns)};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i].always || (s->unshared & (unsigned)kinds[i].type))
      list[n++] = (ctr_namespace){kinds[i].type, NULL};
  config->linux_.namespaces = (ctr_namespaces){list, n};
}

static void check_namespaces(const sandbox *s) {
  if (s->userns != NONE && (s->unshared & CTR_NS_USER))
    fail("--userns does not go with --unshare-user");
  if (s->userns2 != NONE) fail("--userns2: not supported");
  if (s->userns_block != NONE) fail("--userns-block-fd: not supported: --map-ids maps ids itself");
  if (s->disable_userns && !(s->unshared & CTR_NS_USER))
    fail("--disable-userns: needs --unshare-user");
  if (s->pidns != NONE && (s->unshared & CTR_NS_PID))
    fail("--pidns with --unshare-pid is not supported: one or the other");
  if (s->hostname && !(s->unshared & CTR_NS_UTS)) fail("--hostname: needs --unshare-uts");
  if (s->as_pid_1 && !(s->unshared & CTR_NS_PID)) fail("--as-pid-1: needs --unshare-pid");
  if (s->as_pid_1 && (s->locked.count || s->sync != NONE))
    fail("--as-pid-1: --lock-file and --sync-fd need a process of ours inside");
  if (s->map_ids && s->userns != NONE) fail("--map-ids does not go with --userns");
  if (s->map_ids && s->disable_userns) fail("--map-ids does not go with --disable-userns");
}

/* -- limits -- */

enum { PERIOD = 100000 /* microseconds, what the kernel has without being told */ };

static void choose_limits(sandbox *s, ctr_config *config) {
  ctr_resources *resources = &config->linux_.resources;
  if (s->memory) {
    resources->memory.limit = (ctr_int){true, (int64_t)bytes(s, "memory", s->memory)};
    resources->memory.swap = resources->memory.limit; /* with swap: none beside */
  }
  if (s->processes)
    resources->pids.limit = (ctr_int){true, (int64_t)number("pids", s->processes, 10, INT_MAX)};
  if (s->cpus) {
    char *end;
    const double cpus = strtod(s->cpus, &end);
    if (*end || end == s->cpus || !(cpus >= 0.01 && cpus <= 4096))
      fail("--cpus: '%s' is no number of CPUs, as 0.5 or 2", s->cpus);
    resources->cpu.quota = (ctr_int){true, (int64_t)(cpus * PERIOD)};
    resources->cpu.period = (ctr_uint){true, PERIOD};
  }
  config->process.rlimits = (ctr_rlimits){s->rlimits, s->rlimit_count};
}

/* -- all of it -- */

/* PWD is for whoever knows the directory to set. */
static void change_env(const sandbox *s) {
  for (size_t i = 0; i < s->env_change_count; i++) {
    const env_change *c = &s->env_changes[i];
    const int failed = !c->name    ? clearenv()
                       : !c->value ? unsetenv(c->name)
                                   : setenv(c->name, c->value, 1);
    if (failed) fail("the variable '%s': %s", c->name ? c->name : "", strerror(errno));
  }
  unsetenv("PWD");
}

/* Who joins later has to bring the filter, which cannot be had back from the kernel. */
#define FILTERED "ctr.sandbox.filters"

static void note_filters(const sandbox *s, ctr_config *config) {
  static const ctr_pair note = {FILTERED, "true"};
  if (s->filter_count) config->annotations = (ctr_pairs){&note, 1};
}

static ctr_strs list_of(const char *const *items) {
  size_t count = 0;
  while (items && items[count]) count++;
  return (ctr_strs){items, count};
}

static ctr_config *make_config(sandbox *s, ctr_plan_desc *desc) {
  ctr_config *config = take(s, sizeof *config);
  check_namespaces(s);
  make_all(s);
  *desc = (ctr_plan_desc){.call_function = true,
                          .no_default_devices = true,
                          .no_new_session = !s->new_session,
                          .die_with_caller = s->die_with_parent};
  config->ociVersion = CTR_OCI_VERSION;
  config->mounts = (ctr_mounts){s->mounts, s->mount_count};
  config->linux_.readonlyPaths = as_strs(s->read_only);
  config->hostname = s->hostname;
  config->linux_.mountLabel = s->file_label;
  config->process.cwd = "/";
  config->process.noNewPrivileges = true;
  config->process.capabilities = choose_caps(s);
  change_env(s);
  config->process.env = list_of((const char *const *)environ);
  config->process.args = list_of(s->command);
  choose_namespaces(s, config);
  choose_ids(s, config, desc);
  choose_limits(s, config);
  note_filters(s, config);
  return config;
}
