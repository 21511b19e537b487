/* The library's own compiler, for the architecture that this is compiled for: calls of any other
   kill the process. It is used where there is no libseccomp, and for presets in any case.

   What a profile means is what libseccomp and runc make of it:
   - a rule whose action is the default one says nothing;
   - of the rules for a call that look at no argument the first counts, and alone;
   - else the first that matches does (libseccomp: which one is its own choice), then the default;
   - a rule matches when all of its arguments do; one that names an argument twice is several rules.

   The program is a balanced search over ranges of numbers that have the same answer. */
#if defined __BYTE_ORDER__ && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
enum { CTR__SECCOMP_LOW = 4, CTR__SECCOMP_HIGH = 0 }; /* the words of an argument */
#else
enum { CTR__SECCOMP_LOW = 0, CTR__SECCOMP_HIGH = 4 };
#endif

/* One rule for one call. */
typedef struct ctr__seccomp_rule {
  const struct ctr__seccomp_rule *next; /* the one before it in the profile */
  uint32_t answer;
  const ctr_syscall_arg *args; /* all of which must match */
  size_t count;
} ctr__seccomp_rule;

/* What a profile says of one call. */
typedef struct ctr__seccomp_call {
  uint32_t answer; /* when no rule matches, if that is not the default */
  bool is_fixed;   /* it is always that answer, whatever the rules     */
  bool is_preset;  /* it is what the preset says                       */
  const ctr__seccomp_rule *rules;
} ctr__seccomp_call;

/* Numbers from one on, up to the start of the next range. */
typedef struct ctr__seccomp_range {
  uint32_t start, answer;
  const ctr__seccomp_rule *rules; /* if none matches, it is the answer */
} ctr__seccomp_range;

/* Each number has a slot, in the same order: those of all architectures, then ARM's own. */
enum {
  CTR__SECCOMP_COMMON = 512,
  CTR__SECCOMP_ARM = 0xf0000, /* __ARM_NR_BASE */
  CTR__SECCOMP_SLOTS = CTR__SECCOMP_COMMON + 16,
};

typedef struct ctr__seccomp {
  ctr__profile profile;
  int64_t newest; /* the highest number that the profile names, less ARM's; -1: none */
  ctr__seccomp_call calls[CTR__SECCOMP_SLOTS];
  ctr__seccomp_range ranges[2 * CTR__SECCOMP_SLOTS + 8];
  size_t range_count;
  int mux_slots[CTR__MUX_COUNT]; /* -1: not on this architecture                       */
  size_t blind[CTR__MUX_COUNT];  /* 1 + which entry cannot be held against it; 0: none */
} ctr__seccomp;

/* -- from names to rules -- */

/* -1: not on this architecture. */
static int ctr__seccomp_slot(int row) {
  const int64_t number = ctr__syscall_number(row), own = number - CTR__SECCOMP_ARM;
  if (number < CTR__SECCOMP_COMMON) return (int)number;
  return own >= 0 && own < CTR__SECCOMP_SLOTS - CTR__SECCOMP_COMMON ? CTR__SECCOMP_COMMON + (int)own
                                                                    : -1;
}

static uint32_t ctr__seccomp_number(int slot) {
  const int own = slot - CTR__SECCOMP_COMMON;
  return (uint32_t)(own < 0 ? slot : CTR__SECCOMP_ARM + own);
}

static void ctr__seccomp_add_rule(ctr__seccomp *s, int slot, uint32_t answer,
                                  const ctr_syscall_arg *args, size_t count) {
  ctr__seccomp_call *call = &s->calls[slot];
  const bool says_nothing = answer == s->profile.default_answer && !s->profile.preset;
  if (call->is_fixed || says_nothing) return;
  if (!ctr__args_look(args, count)) {
    call->is_fixed = true;
    call->answer = answer;
    return;
  }
  ctr__seccomp_rule *rule = ctr__take(s->profile.b, 1, sizeof *rule);
  if (!rule) return;
  *rule = (ctr__seccomp_rule){call->rules, answer, args, count};
  call->rules = rule;
}

static void ctr__seccomp_add(ctr__seccomp *s, int slot, uint32_t answer,
                             const ctr_syscall_args *args) {
  const bool repeat = ctr__args_repeat(args);
  if (!repeat) ctr__seccomp_add_rule(s, slot, answer, args->items, args->count);
  for (size_t i = 0; repeat && i < args->count; i++)
    ctr__seccomp_add_rule(s, slot, answer, &args->items[i], 1);
}

/* The same call by socketcall(2) or ipc(2). The kernel looks at 32 bits of which call the first is
   to be, and at 16 of the second, whose others are a version (ipc(2)). The arguments lie in memory,
   where a filter does not see them. */
static void ctr__seccomp_add_multiplexed(ctr__seccomp *s, const ctr__syscall_row *row,
                                         uint32_t answer, const ctr_syscall *call, size_t index) {
  const int slot = s->mux_slots[row->multiplexer];
  if (slot < 0) return;
  if (ctr__args_look(call->args.items, call->args.count)) {
    size_t *blind = &s->blind[row->multiplexer];
    if (!*blind && ctr__seccomp_is_stricter(answer, s->profile.default_answer)) *blind = index + 1;
    return;
  }
  ctr_syscall_arg *arg = ctr__take(s->profile.b, 1, sizeof *arg);
  if (!arg) return;
  *arg = (ctr_syscall_arg){.value = row->multiplexer == CTR__MUX_IPC ? 0xffff : 0xffffffff,
                           .valueTwo = row->call,
                           .op = CTR_SCMP_CMP_MASKED_EQ};
  ctr__seccomp_add_rule(s, slot, answer, arg, 1);
}

static ctr_code ctr__seccomp_collect_name(ctr__seccomp *s, size_t i, size_t j) {
  const ctr_syscall *call = &s->profile.config->syscalls.items[i];
  const uint32_t answer = ctr__seccomp_answer(call->action, call->errnoRet);
  const int found = ctr__syscall_find(call->names.items[j]);
  if (found < 0) return ctr__seccomp_skip(&s->profile, answer, i, j);
  const ctr__syscall_row *row = &ctr__syscall_rows[found];
  const int slot = ctr__seccomp_slot(found);
  if (slot >= 0) ctr__seccomp_add(s, slot, answer, &call->args);
  if (slot < CTR__SECCOMP_COMMON && slot > s->newest) s->newest = slot;
  if (row->multiplexer) ctr__seccomp_add_multiplexed(s, row, answer, call, i);
  return CTR_OK;
}

static ctr_code ctr__seccomp_check_blind(ctr__seccomp *s, enum ctr__multiplexer mux) {
  if (!s->blind[mux] || s->calls[s->mux_slots[mux]].is_fixed) return CTR_OK;
  const char *field =
      ctr__print(s->profile.b, "linux.seccomp.syscalls[%zu].args", s->blind[mux] - 1);
  return ctr__fail(s->profile.b->err, CTR_E_UNSUPPORTED, 0, field,
                   "on this architecture it can be called by %s(2) too, whose arguments no filter "
                   "sees: a rule for that is needed",
                   mux == CTR__MUX_IPC ? "ipc" : "socketcall");
}

/* -- what a preset says of calls that no entry decides alone -- */

static uint64_t ctr__seccomp_caps(const ctr__seccomp *s) {
  return ctr__caps_of(&s->profile.b->config->process);
}

static void ctr__seccomp_add_guard(ctr__seccomp *s, const ctr__call_guard *guard) {
  const uint64_t caps = ctr__seccomp_caps(s);
  const int slot = ctr__seccomp_slot(ctr__syscall_find(guard->call));
  if (slot < 0 || !ctr__guard_applies(guard, s->profile.preset, caps)) return;
  for (const ctr__call_rule *rule = guard->rules; rule->answer; rule++)
    if (!rule->caps || (rule->caps & caps))
      ctr__seccomp_add_rule(s, slot, rule->answer, rule->args, ctr__guard_args(rule));
  s->calls[slot].is_preset = true;
  if (!s->calls[slot].is_fixed) s->calls[slot].answer = guard->otherwise;
}

static void ctr__seccomp_add_row(ctr__seccomp *s, int row) {
  const ctr__call_group *group = &ctr__call_groups[ctr__syscall_rows[row].group];
  const int slot = ctr__seccomp_slot(row);
  ctr__seccomp_call *call = slot < 0 ? NULL : &s->calls[slot];
  if (!call || call->is_fixed || call->is_preset) return;
  call->answer = ctr__group_answer(group, s->profile.preset, ctr__seccomp_caps(s));
  call->is_preset = true;
}

static void ctr__seccomp_add_preset(ctr__seccomp *s) {
  for (size_t i = 0; i < CTR__CALL_GUARDS && s->profile.preset; i++)
    ctr__seccomp_add_guard(s, &ctr__call_guards[i]);
  for (int row = 0; row < CTR__SYSCALL_ROWS && s->profile.preset; row++)
    ctr__seccomp_add_row(s, row);
}

/* What every engine names is no news, and stricter than what is asked for. */
static void ctr__seccomp_tell_of_foreign(const ctr__profile *p) {
  const ctr_strs *all = &p->config->architectures;
  size_t foreign = 0, first = 0;
  for (size_t i = all->count; i-- > 0;)
    if (strcmp(all->items[i], CTR__SCMP_NATIVE) != 0) foreign++, first = i;
  if (foreign)
    ctr__log(&p->b->desc->log, CTR_LOG_INFO, "linux.seccomp.architectures",
             "programs for %s%s are killed: presets, and filters without libseccomp "
             "(CTR_WITH_LIBSECCOMP), are for " CTR__SCMP_NATIVE " alone",
             all->items[first], foreign > 1 ? " and others that are named" : "");
}

static ctr_code ctr__seccomp_collect(ctr__seccomp *s) {
  const ctr_syscalls *all = &s->profile.config->syscalls;
  ctr_code code = CTR_OK;
  s->mux_slots[CTR__MUX_SOCKETCALL] = ctr__seccomp_slot(ctr__syscall_find("socketcall"));
  s->mux_slots[CTR__MUX_IPC] = ctr__seccomp_slot(ctr__syscall_find("ipc"));
  for (size_t i = 0; i < all->count; i++)
    for (size_t j = 0; j < all->items[i].names.count && !code; j++)
      code = ctr__seccomp_collect_name(s, i, j);
  if (!code) code = ctr__seccomp_check_blind(s, CTR__MUX_SOCKETCALL);
  if (!code) code = ctr__seccomp_check_blind(s, CTR__MUX_IPC);
  if (!code) ctr__seccomp_tell_of_foreign(&s->profile);
  if (!code) ctr__seccomp_add_preset(s);
  return s->profile.b->nomem ? ctr__nomem(s->profile.b->err) : code;
}

/* -- from rules to ranges of numbers -- */

static void ctr__seccomp_add_range(ctr__seccomp *s, uint64_t start, uint32_t answer,
                                   const ctr__seccomp_rule *rules) {
  const ctr__seccomp_range *last = s->range_count ? &s->ranges[s->range_count - 1] : NULL;
  if (last && !last->rules && !rules && last->answer == answer) return;
  s->ranges[s->range_count++] = (ctr__seccomp_range){(uint32_t)start, answer, rules};
}

/* Numbers without a rule. */
static void ctr__seccomp_fill(ctr__seccomp *s, uint64_t from, uint64_t to) {
  const bool hides = ctr__seccomp_hides_newer(&s->profile) && s->newest >= 0;
  const uint64_t first_absent = hides ? (uint64_t)s->newest + 1 : UINT64_MAX;
#ifdef __s390__
  if (hides && from == 0 && to > 0) { /* what a number above all known ones becomes (entry.S) */
    ctr__seccomp_add_range(s, 0, CTR__SECCOMP_ABSENT, NULL);
    from = 1;
  }
#endif
  if (from < to && from < first_absent)
    ctr__seccomp_add_range(s, from, s->profile.default_answer, NULL);
  if (from < first_absent) from = first_absent;
  if (from < to) ctr__seccomp_add_range(s, from, CTR__SECCOMP_ABSENT, NULL);
}

static void ctr__seccomp_divide(ctr__seccomp *s) {
  uint64_t next = 0, end = UINT64_C(1) << 32;
  for (int slot = 0; slot < CTR__SECCOMP_SLOTS; slot++) {
    const ctr__seccomp_call *call = &s->calls[slot];
    const uint64_t number = ctr__seccomp_number(slot);
    if (!call->is_fixed && !call->is_preset && !call->rules) continue;
    ctr__seccomp_fill(s, next, number);
    const bool has_answer = call->is_fixed || call->is_preset;
    ctr__seccomp_add_range(s, number, has_answer ? call->answer : s->profile.default_answer,
                           call->is_fixed ? NULL : call->rules);
    next = number + 1;
  }
#ifdef __x86_64__
  /* The same calls for x32 programs, and -1, which is what is left of a call that a tracer has
     skipped (seccomp(2)). */
  ctr__seccomp_fill(s, next, 0x40000000);
  ctr__seccomp_add_range(s, 0x40000000, CTR__SECCOMP_KILL_PROCESS, NULL);
  next = UINT32_MAX;
#endif
  ctr__seccomp_fill(s, next, end);
}

/* -- from ranges to a program -- */

/* How two numbers of 64 bits are compared as two words: whether the lower ones, when the upper ones
   are equal, are so too, or greater, or not less; or the opposite. */
static const struct ctr__seccomp_comparison {
  uint16_t low;
  bool is_ordered, is_opposite;
} ctr__seccomp_comparisons[] = {
    [CTR_SCMP_CMP_NE] = {CTR__CBPF_IF_EQUAL, false, true},
    [CTR_SCMP_CMP_LT] = {CTR__CBPF_IF_AT_LEAST, true, true},
    [CTR_SCMP_CMP_LE] = {CTR__CBPF_IF_GREATER, true, true},
    [CTR_SCMP_CMP_EQ] = {CTR__CBPF_IF_EQUAL, false, false},
    [CTR_SCMP_CMP_GE] = {CTR__CBPF_IF_AT_LEAST, true, false},
    [CTR_SCMP_CMP_GT] = {CTR__CBPF_IF_GREATER, true, false},
    [CTR_SCMP_CMP_MASKED_EQ] = {CTR__CBPF_IF_EQUAL, false, false},
};

static uint32_t ctr__seccomp_compare_word(ctr__cbpf *p, uint32_t offset, uint32_t mask,
                                          uint16_t comparison, uint32_t value, uint32_t yes,
                                          uint32_t no) {
  if (!mask) return yes;
  ctr__cbpf_if(p, comparison, value & mask, yes, no);
  if (mask != UINT32_MAX) ctr__cbpf_put(p, CTR__CBPF_AND, mask, 0, 0);
  return ctr__cbpf_load(p, offset);
}

/* Of a program of 32 bits the kernel's upper words are 0, and those of a profile mean nothing. */
static uint32_t ctr__seccomp_compare(ctr__cbpf *p, const ctr_syscall_arg *arg, uint32_t yes,
                                     uint32_t no) {
  const struct ctr__seccomp_comparison *how = &ctr__seccomp_comparisons[arg->op];
  const bool is_masked = arg->op == CTR_SCMP_CMP_MASKED_EQ;
  const uint64_t mask = is_masked ? arg->value : UINT64_MAX;
  const uint64_t value = is_masked ? arg->valueTwo : arg->value;
  const uint32_t offset = CTR__SECCOMP_ARGS + 8 * arg->index, high = (uint32_t)(value >> 32);
  const uint32_t match = how->is_opposite ? no : yes, miss = how->is_opposite ? yes : no;
  uint32_t next = ctr__seccomp_compare_word(p, offset + CTR__SECCOMP_LOW, (uint32_t)mask, how->low,
                                            (uint32_t)value, match, miss);
  if (ULONG_MAX == UINT32_MAX) return next;
  if (!how->is_ordered)
    return ctr__seccomp_compare_word(p, offset + CTR__SECCOMP_HIGH, (uint32_t)(mask >> 32),
                                     CTR__CBPF_IF_EQUAL, high, next, miss);
  next = ctr__cbpf_if(p, CTR__CBPF_IF_EQUAL, high, next, miss);
  ctr__cbpf_if(p, CTR__CBPF_IF_GREATER, high, match, next);
  return ctr__cbpf_load(p, offset + CTR__SECCOMP_HIGH);
}

/* The rules from the last to the first. */
static uint32_t ctr__seccomp_decide(ctr__cbpf *p, const ctr__seccomp_range *range) {
  uint32_t next = ctr__cbpf_return(p, range->answer);
  for (const ctr__seccomp_rule *rule = range->rules; rule; rule = rule->next) {
    uint32_t match = ctr__cbpf_return(p, rule->answer);
    for (size_t i = rule->count; i-- > 0;)
      match = ctr__seccomp_compare(p, &rule->args[i], match, next);
    next = match;
  }
  return next;
}

static uint32_t ctr__seccomp_search(ctr__cbpf *p, const ctr__seccomp_range *ranges, size_t count) {
  if (count == 1) return ctr__seccomp_decide(p, ranges);
  const size_t half = count / 2;
  const uint32_t above = ctr__seccomp_search(p, ranges + half, count - half);
  const uint32_t below = ctr__seccomp_search(p, ranges, half);
  return ctr__cbpf_if(p, CTR__CBPF_IF_AT_LEAST, ranges[half].start, above, below);
}

static void ctr__seccomp_assemble(ctr__seccomp *s, uint32_t architecture) {
  ctr__cbpf *p = &s->profile.program;
  ctr__seccomp_search(p, s->ranges, s->range_count);
  const uint32_t own = ctr__cbpf_load(p, CTR__SECCOMP_NR);
  const uint32_t foreign = ctr__cbpf_return(p, CTR__SECCOMP_KILL_PROCESS);
  ctr__cbpf_if(p, CTR__CBPF_IF_EQUAL, architecture, own, foreign);
  ctr__cbpf_load(p, CTR__SECCOMP_ARCH);
}

/* The program's bytes are in the block. */
static ctr_code ctr__seccomp_compile_own(ctr__builder *b, ctr__ref *ret_code, uint32_t *ret_count) {
  const ctr__name *native = ctr__name_find(&ctr__seccomp_architectures, CTR__SCMP_NATIVE);
  if (!native)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.seccomp",
                       "for this architecture libseccomp is needed (CTR_WITH_LIBSECCOMP)");
  ctr__seccomp *s = ctr__take(b, 1, sizeof *s);
  if (!s) return ctr__nomem(b->err);
  s->newest = -1;
  ctr_code code = ctr__profile_begin(&s->profile, b);
  s->profile.preset = ctr__preset_of(s->profile.config);
  if (!code) code = ctr__seccomp_collect(s);
  if (code) return code;
  ctr__seccomp_divide(s);
  ctr__seccomp_assemble(s, (uint32_t)native->value);
  return ctr__profile_end(&s->profile, ret_code, ret_count);
}
