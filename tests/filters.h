/* Seccomp filters in user space: what the kernel would answer, what a profile means read in the
   simplest way, and calls to try them with. After ctr.h. */
#ifndef FILTERS_H
#define FILTERS_H

/* -- the kernel's side: filter.txt, seccomp(2) -- */

typedef struct insn { /* struct sock_filter */
  uint16_t code;
  uint8_t yes, no;
  uint32_t k;
} insn;

typedef struct call { /* struct seccomp_data */
  uint32_t number, arch;
  uint64_t instruction, args[6];
} call;

enum { LOAD = 0x20, AND = 0x54, JUMP = 0x05, EQUAL = 0x15, GREATER = 0x25, AT_LEAST = 0x35 };
enum { ANY_BIT = 0x45, RETURN = 0x06 };

/* NULL, or what the kernel would not take (bpf_check_classic, seccomp_check_filter). */
static inline const char *why_no_filter(const insn *code, size_t count) {
  if (!count || count > 4096) return "its length";
  for (size_t i = 0; i < count; i++) {
    const insn *at = &code[i];
    bool compares = at->code == EQUAL || at->code == GREATER || at->code == AT_LEAST ||
                    at->code == ANY_BIT;
    if (!compares && at->code != JUMP && at->code != LOAD && at->code != AND && at->code != RETURN)
      return "an instruction that is none of these";
    if (at->code == LOAD && (at->k % 4 || at->k >= sizeof(call))) return "a load from outside";
    if (compares && (i + at->yes + 1 >= count || i + at->no + 1 >= count))
      return "a comparison that leads outside";
    if (at->code == JUMP && at->k >= count - i - 1) return "a jump that leads outside";
  }
  return code[count - 1].code == RETURN ? NULL : "its end";
}

/* The answer of a filter that is one. steps: NULL, or what is added how many instructions it took
   to. */
static inline uint32_t answer_of(const insn *code, const call *about, unsigned *steps) {
  uint32_t a = 0;
  for (const insn *at = code;; at++) {
    if (steps) ++*steps;
    switch (at->code) {
    case LOAD: memcpy(&a, (const char *)about + at->k, sizeof a); break;
    case AND: a &= at->k; break;
    case JUMP: at += at->k; break;
    case EQUAL: at += a == at->k ? at->yes : at->no; break;
    case GREATER: at += a > at->k ? at->yes : at->no; break;
    case AT_LEAST: at += a >= at->k ? at->yes : at->no; break;
    case ANY_BIT: at += a & at->k ? at->yes : at->no; break;
    default: return at->k;
    }
  }
}

/* -- the profile's side -- */

#if defined __x86_64__
enum { X32_BIT = 0x40000000 };
#define OWN_ARCH UINT32_C(0xC000003E)
#elif defined __i386__
#define OWN_ARCH UINT32_C(0x40000003)
#elif defined __aarch64__
#define OWN_ARCH UINT32_C(0xC00000B7)
#else
#define OWN_ARCH UINT32_C(0) /* these tests are not run there */
#endif

enum { ERRNO = 0x50000, KILL_THREAD = 0, TRAP = 0x30000, ALLOW = 0x7fff0000 };
#define KILL_PROCESS UINT32_C(0x80000000)

static inline uint32_t action_answer(ctr_seccomp_action action, ctr_uint number) {
  uint32_t n = number.set ? (uint32_t)number.value : 1;
  switch (action) {
  case CTR_SCMP_ACT_KILL_PROCESS: return KILL_PROCESS;
  case CTR_SCMP_ACT_TRAP: return TRAP;
  case CTR_SCMP_ACT_ERRNO: return ERRNO | n;
  case CTR_SCMP_ACT_TRACE: return 0x7ff00000 | n;
  case CTR_SCMP_ACT_ALLOW: return ALLOW;
  case CTR_SCMP_ACT_LOG: return 0x7ffc0000;
  case CTR_SCMP_ACT_NOTIFY: return 0x7fc00000;
  default: return KILL_THREAD;
  }
}

static inline int64_t number_of(const char *name) {
  int row = ctr__syscall_find(name);
  return row < 0 ? -1 : ctr__syscall_number(row);
}

static inline bool arg_matches(const ctr_syscall_arg *arg, const call *about) {
  uint64_t is = about->args[arg->index], value = arg->value, two = arg->valueTwo;
  if (sizeof(long) == 4) {
    is = (uint32_t)is;
    value = (uint32_t)value;
    two = (uint32_t)two;
  }
  switch (arg->op) {
  case CTR_SCMP_CMP_NE: return is != value;
  case CTR_SCMP_CMP_LT: return is < value;
  case CTR_SCMP_CMP_LE: return is <= value;
  case CTR_SCMP_CMP_EQ: return is == value;
  case CTR_SCMP_CMP_GE: return is >= value;
  case CTR_SCMP_CMP_GT: return is > value;
  default: return (is & value) == (two & value);
  }
}

static inline bool is_vacuous(const ctr_syscall_arg *arg) {
  return arg->op == CTR_SCMP_CMP_MASKED_EQ &&
         !(sizeof(long) == 4 ? (uint32_t)arg->value : arg->value);
}

/* Whether an entry's arguments match, and whether it looks at any. */
static inline bool entry_matches(const ctr_syscall *entry, const call *about, bool *looks) {
  bool all = true, any = false, twice = false, vacuous_alone = false;
  *looks = false;
  for (size_t i = 0; i < entry->args.count; i++) {
    const ctr_syscall_arg *arg = &entry->args.items[i];
    for (size_t j = 0; j < i; j++) twice |= entry->args.items[j].index == arg->index;
    bool matches = arg_matches(arg, about);
    all &= matches;
    any |= matches;
    *looks |= !is_vacuous(arg);
    vacuous_alone |= is_vacuous(arg);
  }
  if (twice && vacuous_alone) *looks = false; /* one of the rules that it is looks at none */
  return twice ? any : all;
}

/* A profile whose names have been looked up. */
enum { NAMES_MAX = 4096 };
typedef struct meaning {
  const ctr_seccomp *profile;
  int64_t newest; /* the highest number named, less ARM's own; -1: none */
  int64_t socketcall, ipc;
  struct {
    int64_t number;          /* -1: there is none                            */
    uint32_t socketcall, ipc; /* which call of those it is too; 0: of none    */
  } names[NAMES_MAX];        /* of all entries, one after the other          */
} meaning;

static inline uint32_t place_of(const char *name, const char *const *names, uint32_t count) {
  for (uint32_t i = 1; i < count; i++)
    if (names[i] && !strcmp(names[i], name)) return i;
  return 0;
}

static inline void understand(meaning *m, const ctr_seccomp *profile) {
  static const char *const sockets[] = {
      "",           "socket",     "bind",    "connect", "listen",  "accept",   "getsockname",
      "getpeername", "socketpair", "send",    "recv",    "sendto",  "recvfrom", "shutdown",
      "setsockopt", "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg"};
  static const char *const ipcs[] = {[1] = "semop",   [2] = "semget",  [3] = "semctl",
                                     [4] = "semtimedop", [11] = "msgsnd", [12] = "msgrcv",
                                     [13] = "msgget", [14] = "msgctl", [21] = "shmat",
                                     [22] = "shmdt",  [23] = "shmget", [24] = "shmctl"};
  size_t at = 0;
  m->profile = profile;
  m->newest = -1;
  m->socketcall = number_of("socketcall");
  m->ipc = number_of("ipc");
  for (size_t i = 0; i < profile->syscalls.count; i++)
    for (size_t j = 0; j < profile->syscalls.items[i].names.count && at < NAMES_MAX; j++, at++) {
      const char *name = profile->syscalls.items[i].names.items[j];
      m->names[at].number = number_of(name);
      m->names[at].socketcall = place_of(name, sockets, 21);
      m->names[at].ipc = place_of(name, ipcs, 25);
      if (m->names[at].number > m->newest && m->names[at].number < 0xf0000)
        m->newest = m->names[at].number;
    }
}

/* What a profile says of a call, looked up in it from beginning to end. */
static inline uint32_t meant_answer(const meaning *m, const call *about) {
  const ctr_seccomp *profile = m->profile;
  const uint32_t by_default = action_answer(profile->defaultAction, profile->defaultErrnoRet);
  uint32_t fixed = 0, first = 0;
  bool is_fixed = false, has_first = false;
  size_t at = 0;
  if (about->arch != OWN_ARCH) return KILL_PROCESS;
#ifdef __x86_64__
  if (about->number >= X32_BIT && about->number != UINT32_MAX) return KILL_PROCESS;
#endif
  for (size_t i = 0; i < profile->syscalls.count; i++) {
    const ctr_syscall *entry = &profile->syscalls.items[i];
    const uint32_t answer = action_answer(entry->action, entry->errnoRet);
    bool looks, matches = entry_matches(entry, about, &looks);
    for (size_t j = 0; j < entry->names.count; j++, at++) {
      const bool is_it = m->names[at].number == about->number;
      const bool is_part =
          (about->number == m->socketcall && m->names[at].socketcall &&
           (uint32_t)about->args[0] == m->names[at].socketcall) ||
          (about->number == m->ipc && m->names[at].ipc &&
           (about->args[0] & 0xffff) == m->names[at].ipc);
      if (answer == by_default) continue;
      if (is_it && !looks && !is_fixed) is_fixed = true, fixed = answer;
      if (((is_it && looks && matches) || (is_part && !looks)) && !has_first)
        has_first = true, first = answer;
    }
  }
  if (is_fixed) return fixed;
  if (has_first) return first;
  const bool hides = (by_default & 0xffff0000) == ERRNO && m->newest >= 0;
  return hides && about->number > m->newest ? ERRNO | ENOSYS : by_default;
}

/* -- calls to try -- */

static uint64_t filters_seed = 88172645463325252u;

static inline uint64_t any_number(void) { /* xorshift64 */
  filters_seed ^= filters_seed << 13;
  filters_seed ^= filters_seed >> 7;
  return filters_seed ^= filters_seed << 17;
}

enum { TRIED_MAX = 64 };

/* Around the values that a profile compares an argument of a call with. */
static inline size_t tried_values(const meaning *m, uint32_t number, uint32_t index,
                                  uint64_t values[TRIED_MAX]) {
  size_t count = 0, at = 0;
  for (size_t i = 0; i < m->profile->syscalls.count; i++) {
    const ctr_syscall *entry = &m->profile->syscalls.items[i];
    bool named = false;
    for (size_t j = 0; j < entry->names.count; j++) named |= m->names[at++].number == number;
    for (size_t a = 0; named && a < entry->args.count && count < TRIED_MAX - 10; a++) {
      const ctr_syscall_arg *arg = &entry->args.items[a];
      const uint64_t v = arg->op == CTR_SCMP_CMP_MASKED_EQ ? arg->valueTwo : arg->value;
      if (arg->index != index) continue;
      const uint64_t around[] = {v - 1, v, v + 1, v ^ UINT64_C(1) << 32, v | UINT64_C(7) << 61,
                                 (uint32_t)v, v | ~arg->value, v ^ (arg->value & -arg->value)};
      memcpy(values + count, around, sizeof around);
      count += sizeof around / sizeof *around;
    }
  }
  const bool looked_at = count;
  values[count++] = looked_at ? 0 : index;
  if (looked_at) values[count++] = UINT64_MAX;
  for (size_t i = 0; sizeof(long) == 4 && i < count; i++) values[i] = (uint32_t)values[i];
  return count;
}

typedef void try_fn(void *userdata, const call *about);

static inline void try_number(const meaning *m, uint32_t number, try_fn *fn, void *userdata) {
  uint64_t values[6][TRIED_MAX];
  size_t counts[6], product = 1;
  call about = {.number = number, .arch = OWN_ARCH};
  for (uint32_t i = 0; i < 6; i++) {
    counts[i] = tried_values(m, number, i, values[i]);
    if (number == m->socketcall || number == m->ipc)
      for (; i == 0 && counts[0] < 30; counts[0]++)
        values[0][counts[0]] = counts[0] | (any_number() & 1 ? 0x10000 : 0);
    product *= counts[i];
  }
  for (size_t n = 0; n < (product < 400 ? product : 400); n++) {
    size_t which = product < 400 ? n : (size_t)(any_number() % product);
    for (int i = 0; i < 6; i++) {
      about.args[i] = values[i][which % counts[i]];
      which /= counts[i];
    }
    fn(userdata, &about);
  }
}

/* Every number that there is or may be, with arguments around those that the profile looks at; and
   some of other architectures. */
static inline void try_calls(const meaning *m, try_fn *fn, void *userdata) {
  static const uint32_t far[] = {0x1000,     0xeffff,    0x3fffffff, 0x40000000, 0x40000001,
                                 0x4000003b, 0x40000208, 0x7fffffff, 0x80000000, 0xfffffffe,
                                 0xffffffff};
  static const uint32_t archs[] = {0, 0x40000003, 0xC000003E, 0xC00000B7, 0x40000028, UINT32_MAX};
  for (uint32_t number = 0; number <= 600; number++) try_number(m, number, fn, userdata);
  for (uint32_t number = 0xf0000; number < 0xf0012; number++)
    try_number(m, number, fn, userdata);
  for (size_t i = 0; i < sizeof far / sizeof *far; i++) try_number(m, far[i], fn, userdata);
  for (size_t i = 0; i < sizeof archs / sizeof *archs; i++)
    for (uint32_t number = 0; number < 500; number += 11)
      if (archs[i] != OWN_ARCH) fn(userdata, &(call){.number = number, .arch = archs[i]});
}

/* -- made-up profiles, the same in every run -- */

typedef struct made_profile {
  ctr_seccomp profile;
  ctr_syscall entries[64];
  ctr_syscall_arg args[64][4];
  const char *names[64][32];
} made_profile;

/* one_answer: entries with arguments all have the same, so that no two of them are at odds. */
static inline void make_profile(made_profile *m, bool one_answer) {
  static const ctr_seccomp_action actions[] = {
      CTR_SCMP_ACT_KILL,  CTR_SCMP_ACT_KILL_PROCESS, CTR_SCMP_ACT_TRAP, CTR_SCMP_ACT_ERRNO,
      CTR_SCMP_ACT_TRACE, CTR_SCMP_ACT_ALLOW,        CTR_SCMP_ACT_LOG,  CTR_SCMP_ACT_ALLOW};
  static const uint64_t values[] = {0, 1, 7, 8, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
                                    0x123456789abcdef0, UINT64_MAX - 1, UINT64_MAX};
  *m = (made_profile){.profile = {.defaultAction = actions[any_number() % 8]}};
  if (m->profile.defaultAction == CTR_SCMP_ACT_ERRNO && any_number() % 2)
    m->profile.defaultErrnoRet = (ctr_uint){true, any_number() % 60};
  const size_t count = any_number() % 64;
  const ctr_seccomp_action one = actions[any_number() % 8];
  for (size_t i = 0; i < count; i++) {
    ctr_syscall *entry = &m->entries[i];
    const size_t names = 1 + any_number() % 32, args = any_number() % 2 ? 0 : any_number() % 5;
    /* Few of them often, so that they are named again. */
    const uint64_t from = any_number() % 3 ? CTR__SYSCALL_ROWS : 20;
    for (size_t j = 0; j < names; j++)
      m->names[i][j] = ctr__syscall_rows[any_number() % from].name;
    for (size_t j = 0; j < args; j++)
      m->args[i][j] =
          (ctr_syscall_arg){.index = (uint32_t)(any_number() % 6),
                            .value = values[any_number() % 11] + any_number() % 2,
                            .valueTwo = any_number() % 2 ? values[any_number() % 11] : any_number(),
                            .op = (ctr_seccomp_op)(1 + any_number() % 7)};
    *entry = (ctr_syscall){.names = {m->names[i], names},
                           .action = one_answer && args ? one : actions[any_number() % 8],
                           .args = {m->args[i], args}};
    if (entry->action == CTR_SCMP_ACT_ERRNO && !(one_answer && args) && any_number() % 2)
      entry->errnoRet = (ctr_uint){true, any_number() % 4096};
  }
  m->profile.syscalls = (ctr_syscalls){m->entries, count};
}

#endif
