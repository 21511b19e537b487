/* Who the process is and what it may: names, settings, limits, ids, capabilities, program. */

/* -- settings of the namespaces -- */

static void ctr__plan_names(ctr__builder *b) {
  if (b->config->hostname)
    ctr__child_step(b, HOSTNAME, .field = "hostname", .str = {b->config->hostname});
  if (b->config->domainname)
    ctr__child_step(b, DOMAINNAME, .field = "domainname", .str = {b->config->domainname});
}

/* Kernel settings that belong to a namespace; every other one is the whole machine's. */
static const struct ctr__sysctl_rule {
  const char *prefix; /* ends in '/': all below; else: this one */
  uint32_t namespace_type;
} ctr__sysctl_rules[] = {
    {"kernel/msgmax", CTR_NS_IPC},     {"kernel/msgmnb", CTR_NS_IPC},
    {"kernel/msgmni", CTR_NS_IPC},     {"kernel/sem", CTR_NS_IPC},
    {"kernel/shmall", CTR_NS_IPC},     {"kernel/shmmax", CTR_NS_IPC},
    {"kernel/shmmni", CTR_NS_IPC},     {"kernel/shm_rmid_forced", CTR_NS_IPC},
    {"fs/mqueue/", CTR_NS_IPC},        {"net/", CTR_NS_NETWORK},
    {"kernel/domainname", CTR_NS_UTS}, {"user/", CTR_NS_USER},
};

/* sysctl(8): "net.ipv4.ip_forward" is net/ipv4/ip_forward; in the part after the first separator
   the two change places, for interfaces with a dot in their name. */
static char *ctr__sysctl_path(ctr__builder *b, const char *key) {
  char *path = ctr__arena_strdup(b->arena, key);
  b->nomem |= !path;
  if (!path || path[strcspn(path, "./")] != '.') return path;
  for (char *at = path; *at; at++) *at = *at == '.' ? '/' : *at == '/' ? '.' : *at;
  return path;
}

static ctr_code ctr__plan_sysctls(ctr__builder *b) {
  const ctr_pairs *all = &b->config->linux_.sysctl;
  for (size_t i = 0; i < all->count; i++) {
    const char *field = ctr__print(b, "linux.sysctl.%s", all->items[i].key);
    const char *path = ctr__sysctl_path(b, all->items[i].key);
    if (b->nomem) return ctr__nomem(b->err);
    uint32_t owner = 0;
    for (size_t r = 0; r < sizeof ctr__sysctl_rules / sizeof *ctr__sysctl_rules; r++) {
      const char *prefix = ctr__sysctl_rules[r].prefix;
      size_t len = strlen(prefix);
      if (!strncmp(path, prefix, len) && (prefix[len - 1] == '/' || !path[len]))
        owner = ctr__sysctl_rules[r].namespace_type;
    }
    if (!strcmp(path, "kernel/domainname") && ctr__in_userns(b))
      return ctr__lacks(b, CTR__RIGHT_DOMAIN_SETTING, field, NULL);
    if (!owner || !((b->new_namespaces | b->joined_namespaces) & owner))
      return ctr__refuse(b, CTR_E_CONFIG, field,
                         owner ? "the namespace it belongs to is the host's: add it to "
                                 "linux.namespaces"
                               : "it belongs to no namespace: it would change the whole machine");
    ctr__child_step(b, SYSCTL, .field = field, .str = {path, all->items[i].value});
  }
  return CTR_OK;
}

/* -- limits and priorities -- */

static ctr_code ctr__plan_rlimits(ctr__builder *b, enum ctr__lane lane) {
  const ctr_rlimits *all = &b->config->process.rlimits;
  for (size_t i = 0; i < all->count; i++) {
    const ctr_rlimit *limit = &all->items[i];
    uint64_t type = (uint64_t)limit->type - 1, current = b->facts->hard_limit[type];
    bool raises = limit->hard > current;
    const char *field = ctr__print(b, "process.rlimits[%zu]", i);
    if (raises && !ctr__can_set_resources(b->facts))
      return ctr__lacks(b, CTR__RIGHT_HARD_LIMITS, field,
                        ctr__print(b, "%llu, the caller has %llu", (unsigned long long)limit->hard,
                                   (unsigned long long)current));
    const ctr__new_step step = {.field = field, .num = {type, limit->soft, limit->hard}};
    /* In a user namespace the child has lost the right to raise: the parent makes room for it. */
    if (lane == CTR__LANE_CHILD)
      ctr__add_step(b, lane, CTR__STEP_RLIMIT, &step);
    else if (raises && ctr__in_userns(b))
      ctr__add_step(b, lane, CTR__STEP_RAISE_RLIMIT, &step);
  }
  return CTR_OK;
}

/* In a user namespace the child has lost the right to what only root may: its parent sets it. In a
   running container it has no procfs that can be trusted. */
static bool ctr__is_set_by(const ctr__builder *b, enum ctr__lane lane) {
  bool by_parent = ctr__in_userns(b) || b->purpose->goal == CTR__GOAL_EXEC;
  return (lane == CTR__LANE_PARENT) == by_parent;
}

/* A process that is to join a container writes it before it is out of reach: then its /proc/PID is
   root's (proc_pid(5)). */
static void ctr__plan_oom_score(ctr__builder *b, enum ctr__lane lane) {
  bool here =
      b->purpose->goal == CTR__GOAL_EXEC ? lane == CTR__LANE_STAGE : ctr__is_set_by(b, lane);
  if (!b->config->process.oomScoreAdj.set || !here) return;
  const char *text = ctr__print(b, "%lld", (long long)b->config->process.oomScoreAdj.value);
  ctr__add_step(b, lane, CTR__STEP_OOM_SCORE_ADJ,
                &(ctr__new_step){.field = "process.oomScoreAdj", .str = {text}});
}

/* The kernel's struct sched_attr (sched_setattr(2)), its first version. */
struct ctr__sched_attr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

/* " SCHED_FLAG_X SCHED_FLAG_Y": the names of bits, for the text of a step. */
static const char *ctr__flag_names(ctr__builder *b, const ctr__names *names, uint64_t bits) {
  const char *text = "";
  for (size_t i = 0; i < names->count && text; i++)
    if (bits >> names->items[i].value & 1)
      text = ctr__print(b, "%s %s", text, names->items[i].name);
  return text ? text : "";
}

static void ctr__plan_scheduler(ctr__builder *b, enum ctr__lane lane) {
  const ctr_scheduler *s = &b->config->process.scheduler;
  if (!s->policy || !ctr__is_set_by(b, lane)) return;
  struct ctr__sched_attr attr = {.size = sizeof attr,
                                 .policy = (uint32_t)s->policy - 1,
                                 .flags = s->flags,
                                 .nice = s->nice,
                                 .priority = (uint32_t)s->priority,
                                 .runtime = s->runtime,
                                 .deadline = s->deadline,
                                 .period = s->period};
  const char *text =
      ctr__print(b, "%s%s, nice %d, priority %d",
                 ctr__name_of(&ctr__sched_policies, (int64_t)s->policy),
                 ctr__flag_names(b, &ctr__sched_flags, s->flags), s->nice, s->priority);
  if (s->policy == CTR_SCHED_DEADLINE)
    text = ctr__print(b, "%s, runtime %llu, deadline %llu, period %llu", text ? text : "",
                      (unsigned long long)s->runtime, (unsigned long long)s->deadline,
                      (unsigned long long)s->period);
  ctr__add_step(b, lane, CTR__STEP_SCHEDULER,
                &(ctr__new_step){.field = "process.scheduler",
                                 .str = {text},
                                 .ref = {0, ctr__add_bytes(b, &attr, sizeof attr, 8)}});
}

static void ctr__plan_io_priority(ctr__builder *b, enum ctr__lane lane) {
  const ctr_io_priority *io = &b->config->process.ioPriority;
  if (!io->class_ || !ctr__is_set_by(b, lane)) return;
  ctr__add_step(b, lane, CTR__STEP_IO_PRIORITY,
                &(ctr__new_step){.field = "process.ioPriority",
                                 .num = {io->class_, (uint64_t)io->priority}});
}

/* sched(7), ioprio_set(2), proc_pid_oom_score_adj(5): what needs a right. */
static ctr_code ctr__check_priority_rights(ctr__builder *b) {
  const ctr_process_config *process = &b->config->process;
  const ctr_scheduler *s = &process->scheduler;
  const ctr__facts *f = b->facts;
  const ctr_int score = process->oomScoreAdj;
  /* How far down is the lowest that somebody with the right has ever set, which nobody can read:
     0, as it comes. */
  if (score.set && score.value < 0 && score.value < f->oom_score_adj && !ctr__can_set_resources(f))
    return ctr__lacks(b, CTR__RIGHT_OOM_SCORE, "process.oomScoreAdj",
                      ctr__print(b, "%lld, the caller has %lld", (long long)score.value,
                                 (long long)f->oom_score_adj));
  if (process->ioPriority.class_ == CTR_IOPRIO_CLASS_RT && !ctr__can_set_io_priorities(f))
    return ctr__lacks(b, CTR__RIGHT_IO_REAL_TIME, "process.ioPriority.class", NULL);
  if (!s->policy || ctr__can_set_priorities(f)) return CTR_OK;
  bool real_time = s->policy == CTR_SCHED_FIFO || s->policy == CTR_SCHED_RR;
  if (s->policy == CTR_SCHED_DEADLINE || (real_time && (uint64_t)s->priority > f->priority_limit))
    return ctr__lacks(b, CTR__RIGHT_REAL_TIME, "process.scheduler.policy", NULL);
  if (!real_time && s->nice < f->nice && (uint64_t)(20 - s->nice) > f->nice_limit)
    return ctr__lacks(b, CTR__RIGHT_NICE, "process.scheduler.nice",
                      ctr__print(b, "%d, the caller has %d", s->nice, f->nice));
  return CTR_OK;
}

/* What is set from outside or from inside, as rights go. */
static void ctr__plan_priorities(ctr__builder *b, enum ctr__lane lane) {
  ctr__plan_oom_score(b, lane);
  ctr__plan_scheduler(b, lane);
  ctr__plan_io_priority(b, lane);
}

enum { CTR__NODES = 1024 };

/* "0-3,7" as a bit mask of CTR__NODES bits. */
static bool ctr__parse_list(const char *text, unsigned long *mask) {
  const unsigned bits = 8 * sizeof *mask;
  while (*text) {
    char *end;
    if (!isdigit((unsigned char)*text)) return false;
    unsigned long first = strtoul(text, &end, 10), last = first;
    if (*end == '-') {
      text = end + 1;
      if (!isdigit((unsigned char)*text)) return false;
      last = strtoul(text, &end, 10);
    }
    if (last < first || last >= CTR__NODES || (*end && *end != ',')) return false;
    for (unsigned long i = first; i <= last; i++) mask[i / bits] |= 1UL << (i % bits);
    text = end + (*end == ',');
  }
  return true;
}

static ctr_code ctr__plan_memory_policy(ctr__builder *b) {
  const ctr_memory_policy *policy = &b->config->linux_.memoryPolicy;
  if (!policy->mode) return CTR_OK;
  unsigned long mask[CTR__NODES / (8 * sizeof(unsigned long))] = {0};
  const char *nodes = policy->nodes ? policy->nodes : "";
  if (!ctr__parse_list(nodes, mask))
    return ctr__fail(b->err, CTR_E_CONFIG, 0, "linux.memoryPolicy.nodes",
                     "\"%s\" is not a list of nodes like 0-3,7 below %d", nodes, CTR__NODES);
  const char *text =
      ctr__print(b, "%s%s nodes [%s]", ctr__name_of(&ctr__mempolicy_modes, (int64_t)policy->mode),
                 ctr__flag_names(b, &ctr__mempolicy_flags, policy->flags), nodes);
  ctr__child_step(b, MEMORY_POLICY, .field = "linux.memoryPolicy", .str = {text},
                  .ref = {0, ctr__add_bytes(b, mask, sizeof mask, 8)},
                  .num = {(uint64_t)policy->mode - 1, policy->flags, *nodes ? CTR__NODES + 1 : 0});
  return CTR_OK;
}

/* personality(2) */
static const uint64_t ctr__personalities[] = {[CTR_PER_LINUX] = 0, [CTR_PER_LINUX32] = 8};

static ctr_code ctr__plan_settings(ctr__builder *b) {
  const ctr_process_config *process = &b->config->process;
  ctr__plan_priorities(b, CTR__LANE_CHILD);
  ctr_personality_domain domain = b->config->linux_.personality.domain;
  if (domain)
    ctr__child_step(b, PERSONALITY, .field = "linux.personality",
                    .num = {ctr__personalities[domain]});
  ctr_code code = ctr__plan_memory_policy(b);
  if (code) return code;
  if (process->user.umask.set)
    ctr__child_step(b, UMASK, .field = "process.user.umask", .num = {process->user.umask.value});
  else
    ctr__child_step(b, KEEP_UMASK, .field = NULL);
  return ctr__plan_rlimits(b, CTR__LANE_CHILD);
}

/* -- ids and capabilities -- */

/* config.md: capabilities that cannot be granted are worth a warning, not a failure. A user
   namespace grants them all, over itself. */
static uint64_t ctr__grantable(ctr__builder *b, const char *name, uint64_t asked, uint64_t had) {
  uint64_t missing = ctr__in_userns(b) || b->desc->inner_userns ? 0 : asked & ~had;
  for (int i = 0; i < CTR_CAP_COUNT; i++)
    if (missing >> i & 1)
      ctr__log(&b->desc->log, CTR_LOG_WARNING, ctr__print(b, "process.capabilities.%s", name),
               "the caller does not have %s to give", ctr__name_of(&ctr__capability_names, i));
  return asked & ~missing;
}

/* What loading filters and entering a Landlock domain takes besides (seccomp(2),
   landlock_restrict_self(2)). It is kept until then, so that they can come last whatever
   capabilities the config leaves; execve(2) gives new ones. */
static uint64_t ctr__caps_to_restrict(const ctr__builder *b) {
  bool needed =
      (ctr__loads_filters(b) || b->config->landlock) && !b->config->process.noNewPrivileges;
  return needed ? CTR_CAP(SYS_ADMIN) : 0;
}

static void ctr__plan_capabilities(ctr__builder *b, uint64_t besides) {
  ctr__child_step(b, CAPABILITIES, .field = "process.capabilities",
                  .num = {b->effective, b->permitted, b->inheritable, besides});
}

static void ctr__plan_ids(ctr__builder *b) {
  const ctr_process_config *process = &b->config->process;
  ctr_capabilities caps = process->capabilities;
  uint64_t ambient = ctr__ambient_effective(&caps);
  caps.bounding = ctr__grantable(b, "bounding", caps.bounding, b->facts->bounding);
  b->permitted = ctr__grantable(b, "permitted", caps.permitted, b->facts->permitted);
  b->effective = caps.effective & b->permitted;
  b->inheritable = caps.inheritable & (b->permitted | caps.bounding);
  ctr__child_step(b, OWN_STREAMS, .field = "process.user", .num = {process->user.uid});
  if (process->noNewPrivileges)
    ctr__child_step(b, NO_NEW_PRIVS, .field = "process.noNewPrivileges");
  ctr__child_step(b, BOUNDING, .field = "process.capabilities.bounding", .num = {caps.bounding});
  const ctr_ids *groups = &process->user.additionalGids;
  ctr__child_step(b, USER, .field = "process.user",
                  .ref = {ctr__add_u32s(b, groups->items, groups->count)},
                  .num = {process->user.uid, process->user.gid, ctr__groups_of(b, groups->count)});
  ctr__plan_capabilities(b, ctr__caps_to_restrict(b));
  ctr__child_step(b, AMBIENT, .field = "process.capabilities.ambient",
                  .num = {ambient & b->permitted});
}

/* -- the program -- */

/* execvp(3): a name without a slash is looked for in PATH, here that of the container. */
static ctr__ref ctr__candidates(ctr__builder *b) {
  const char *program = b->config->process.args.items[0], *path = "/bin:/usr/bin";
  if (strchr(program, '/')) return ctr__add_strs(b, (ctr_strs){&program, 1});
  for (size_t i = 0; i < b->config->process.env.count; i++)
    if (!strncmp(b->config->process.env.items[i], "PATH=", 5))
      path = b->config->process.env.items[i] + 5;
  size_t count = 1;
  for (const char *at = path; *at; at++) count += *at == ':';
  const char **list = ctr__take(b, count, sizeof *list);
  if (!list) return 0;
  for (size_t i = 0; i < count; i++) {
    int len = (int)strcspn(path, ":");
    list[i] = ctr__print(b, "%.*s%s%s", len, path, len ? "/" : "", program);
    path += len + 1;
  }
  return b->nomem ? 0 : ctr__add_strs(b, (ctr_strs){list, count});
}

/* -- filters -- */

static ctr_code ctr__check_filter(ctr__builder *b, const char *field, const ctr_filter *filter) {
  const size_t max = CTR__FILTER_INSN * CTR__FILTER_INSNS_MAX;
  if (filter->code && filter->len && filter->len <= max && filter->len % CTR__FILTER_INSN == 0)
    return CTR_OK;
  return ctr__fail(b->err, CTR_E_ARG, 0, field,
                   "%zu bytes%s are no seccomp filter: 1 to %d instructions of %d bytes",
                   filter->len, filter->code ? "" : " at NULL", (int)CTR__FILTER_INSNS_MAX,
                   (int)CTR__FILTER_INSN);
}

static void ctr__filter_step(ctr__builder *b, const char *field, ctr__ref code, size_t count,
                             uint32_t flags, uint32_t preset) {
  const uint64_t caps = ctr__preset_caps(preset, ctr__caps_of(&b->config->process));
  const char *name =
      preset ? ctr__name_of(&ctr__seccomp_presets, b->config->linux_.seccomp.defaultAction) : NULL;
  ctr__child_step(b, FILTER, .field = field, .ref = {0, code},
                  .str = {ctr__print(b, "%zu", count), NULL, NULL, name},
                  .num = {count, !b->filter_count++, flags, caps});
}

static ctr_code ctr__plan_given_filters(ctr__builder *b) {
  const ctr_plan_desc *desc = b->desc;
  if (desc->filter_count && !desc->filters)
    return ctr__fail(b->err, CTR_E_ARG, 0, "filters", "a list of %zu without items",
                     desc->filter_count);
  for (size_t i = 0; i < desc->filter_count; i++) {
    const ctr_filter *filter = &desc->filters[i];
    const char *field = ctr__print(b, "filters[%zu]", i);
    ctr_code code = ctr__check_filter(b, field, filter);
    if (code) return code;
    ctr__filter_step(b, field, ctr__add_bytes(b, filter->code, filter->len, 8),
                     filter->len / CTR__FILTER_INSN, 0, 0);
  }
  return CTR_OK;
}

static ctr_code ctr__check_filter_flags(ctr__builder *b, uint32_t *ret_flags) {
  const ctr_seccomp *profile = &b->config->linux_.seccomp;
  const bool listens = ctr__seccomp_notifies(profile);
  uint32_t flags = listens ? CTR__SECCOMP_NEW_LISTENER : 0;
  for (size_t i = 0; i < profile->flags.count; i++) {
    const uint32_t flag =
        (uint32_t)ctr__name_find(&ctr__seccomp_flags, profile->flags.items[i])->value;
    if (!(b->facts->filter_flags & flag))
      return ctr__refuse(b, CTR_E_UNSUPPORTED, ctr__print(b, "linux.seccomp.flags[%zu]", i),
                         "this kernel does not know it");
    flags |= flag;
  }
  /* Both return a number: with this one the thread that cannot follow is an error. */
  if (listens && (flags & CTR__SECCOMP_TSYNC)) flags |= CTR__SECCOMP_TSYNC_ESRCH;
  *ret_flags = flags;
  return CTR_OK;
}

/* After the others: they need not allow what bringing a listener its descriptor takes. */
static ctr_code ctr__plan_seccomp(ctr__builder *b) {
  ctr__ref program = 0;
  uint32_t flags = 0, count = 0;
  if (!b->config->linux_.seccomp.defaultAction) return CTR_OK;
  if (!b->facts->can_filter)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.seccomp",
                       "this kernel has no filters, or a filter of the caller's own forbids "
                       "seccomp(2)");
  ctr_code code = ctr__check_filter_flags(b, &flags);
  if (!code) code = ctr__seccomp_compile(b, &program, &count);
  if (code) return code;
  ctr__filter_step(b, "linux.seccomp", program, count, flags,
                   ctr__preset_of(&b->config->linux_.seccomp));
  return flags & CTR__SECCOMP_NEW_LISTENER ? ctr__plan_listener(b) : CTR_OK;
}

static ctr_code ctr__check_can_restrict(ctr__builder *b) {
  if (!ctr__caps_to_restrict(b) || ctr__in_userns(b) || b->desc->inner_userns ||
      ctr__can_filter(b->facts))
    return CTR_OK;
  return ctr__lacks(b, CTR__RIGHT_FILTERS,
                    b->desc->filter_count   ? "filters"
                    : ctr__loads_filters(b) ? "linux.seccomp"
                                            : "landlock",
                    NULL);
}

static ctr_code ctr__plan_filters(ctr__builder *b) {
  ctr_code code = ctr__plan_given_filters(b);
  if (!code) code = ctr__plan_seccomp(b);
  /* Without execve(2) nothing takes away what was kept for them. */
  if (b->desc->call_function && ctr__caps_to_restrict(b)) ctr__plan_capabilities(b, 0);
  return code;
}

/* -- the last steps -- */

/* Changing ids takes away the parent-death signal (prctl(2)) and may bring back what UNDUMPABLE
   took (proc_sys_fs(5), suid_dumpable). */
static void ctr__plan_last_guards(ctr__builder *b) {
  const bool waits = b->purpose->goal == CTR__GOAL_CREATE;
  const bool enters =
      b->purpose->goal == CTR__GOAL_EXEC || (b->joined_namespaces & (CTR_NS_USER | CTR_NS_PID));
  const bool hooks = b->purpose->goal != CTR__GOAL_EXEC && b->config->hooks.startContainer.count;
  /* One that waits to be started may get company by exec, one that shares the host's pids has it;
     only who may trace it can join it. */
  const bool has_company = waits || !(b->new_namespaces & CTR_NS_PID);
  b->is_unseen = enters || (has_company && (b->facts->caps & CTR_CAP(SYS_PTRACE))) ||
                 (ctr__guards_start(b) && !b->desc->call_function);
  if (b->desc->die_with_caller) ctr__child_step(b, DIE_WITH_CALLER, .field = NULL);
  if (b->is_unseen) ctr__child_step(b, UNDUMPABLE, .field = NULL);
  if (!enters && (waits || hooks) && !b->desc->call_function)
    ctr__child_step(b, CONCEAL, .field = NULL);
}

/* These hooks are the container's programs, but the process that runs them is still a copy of the
   caller. */
static void ctr__plan_start_hooks(ctr__builder *b) {
  if (b->purpose->goal == CTR__GOAL_EXEC || !b->config->hooks.startContainer.count) return;
  if (!b->is_unseen) ctr__child_step(b, UNDUMPABLE, .field = "hooks.startContainer");
  ctr__plan_hooks(b, CTR__HOOK_START_CONTAINER);
}

/* Whether the process has the caller's ids on the host all the time. */
static bool ctr__keeps_ids(const ctr__builder *b) {
  const ctr_user user = ctr__outer_user(b);
  uint32_t uid = user.uid, gid = user.gid, root;
  if (b->new_namespaces & CTR_NS_USER) {
    const bool becomes_root =
        ctr__id_mapped(b->uid_map, 0, &root) && ctr__id_mapped(b->gid_map, 0, &root);
    if (becomes_root && !ctr__root_is_caller(b)) return false;
    if (!ctr__id_mapped(b->uid_map, user.uid, &uid) || !ctr__id_mapped(b->gid_map, user.gid, &gid))
      return false;
  }
  return uid == b->facts->euid && gid == b->facts->egid;
}

/* The caller's function keeps what execve would give back: that its process can be looked into, and
   owns its /proc/self; unless it has company, or has become somebody else (proc_sys_fs(5)). */
static void ctr__plan_dumpable_again(ctr__builder *b) {
  if (b->desc->call_function && ctr__guards_start(b) && !b->is_unseen &&
      !b->config->hooks.startContainer.count && ctr__keeps_ids(b))
    ctr__child_step(b, DUMPABLE, .field = NULL);
}

static ctr_code ctr__plan_program(ctr__builder *b) {
  const ctr_process_config *process = &b->config->process;
  ctr_code code = ctr__check_program(b);
  if (code) return code;
  ctr__child_step(b, CHDIR, .field = "process.cwd", .str = {process->cwd});
  const char *program = process->args.items[0];
  const ctr__ref candidates = b->desc->call_function ? 0 : ctr__candidates(b);
  if (!b->desc->call_function)
    ctr__child_step(b, LOOK_UP, .field = "process.args[0]", .str = {program},
                    .ref = {0, candidates});
  if (b->desc->moments & CTR_MOMENT_READY) ctr__sync_step(b, CTR__SYNC_READY, CTR_MOMENT_READY);
  if (b->purpose->goal == CTR__GOAL_CREATE) {
    ctr__sync_step(b, CTR__SYNC_CREATED, 0);
    ctr__child_step(b, WAIT_START, .field = NULL);
  }
  ctr__plan_start_hooks(b);
  ctr__plan_dumpable_again(b);
  /* Landlock first: a filter may forbid its calls, and nothing that it takes away is needed to
     start the program. */
  code = ctr__check_can_restrict(b);
  if (!code) code = ctr__plan_landlock(b);
  if (code) return code;
  if (b->purpose->goal == CTR__GOAL_CREATE)
    ctr__child_step(b, TELL_STARTED, .field = NULL,
                    .num = {ctr__loads_filters(b) && !b->desc->call_function});
  code = ctr__plan_filters(b);
  if (b->desc->call_function)
    ctr__child_step(b, CALL, .field = NULL, .num = {b->filter_count > 0});
  else
    ctr__child_step(b, EXEC, .field = "process.args[0]", .str = {program}, .ref = {0, candidates},
                    .num = {b->filter_count > 0});
  return code;
}
