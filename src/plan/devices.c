/* Which devices a container may use (config-linux.md "Allowed Device list"). Rules apply in their
   order, the last one that speaks of a device and an access decides. Here they become a table in
   which order means nothing any more: of the entries that match a device the most special one says
   all that is allowed. From the table come a list for cgroup v1 and a program for v2. */

/* The numbers are those of the kernel's enum for programs (linux/bpf.h, BPF_DEVCG_*). */
enum { CTR__DEV_BLOCK = 1, CTR__DEV_CHAR = 2, CTR__DEV_BOTH = 3 };
enum { CTR__DEV_MKNOD = 1, CTR__DEV_READ = 2, CTR__DEV_WRITE = 4, CTR__DEV_RWM = 7 };
enum {
  CTR__DEV_ANY = INT32_MAX,  /* for major and minor: whatever is not named; comes last in order */
  CTR__DEV_MAJOR_MAX = 4095, /* the kernel's own dev_t: 12 and 20 bits */
  CTR__DEV_MINOR_MAX = 1048575,
};

typedef struct ctr__dev_rule {
  uint8_t types, access; /* CTR__DEV_*, both sets of bits */
  bool allow;
  int32_t major_, minor_;
} ctr__dev_rule;

typedef struct ctr__dev_rules {
  const ctr__dev_rule *items; /* those of linux.resources.devices first: same index */
  size_t count;
} ctr__dev_rules;

enum { CTR__DEV_KEY_TYPE, CTR__DEV_KEY_MAJOR, CTR__DEV_KEY_MINOR, CTR__DEV_KEYS };

typedef struct ctr__dev_entry {
  int32_t key[CTR__DEV_KEYS]; /* one type; both types have an entry for any:any */
  uint8_t access;             /* what is allowed; the rest is denied            */
} ctr__dev_entry;

typedef struct ctr__dev_table {
  ctr__dev_entry *items; /* ascending: what is special comes before what is general; of a major */
  size_t count;          /* that has entries of its own, MAJOR:any is always one                */
} ctr__dev_table;

/* -- the rules -- */

static const struct ctr__dev_letter {
  char letter;
  uint8_t access;
} ctr__dev_letters[] = {{'r', CTR__DEV_READ}, {'w', CTR__DEV_WRITE}, {'m', CTR__DEV_MKNOD}};

/* 0 for what is no letter of an access. */
static uint8_t ctr__dev_access_of(char letter) {
  for (size_t i = 0; i < 3; i++)
    if (ctr__dev_letters[i].letter == letter) return ctr__dev_letters[i].access;
  return 0;
}

/* Returns the end of what it puts; the text is not terminated. */
static char *ctr__dev_put_access(char *at, unsigned access) {
  for (size_t i = 0; i < 3; i++)
    if (ctr__dev_letters[i].access & access) *at++ = ctr__dev_letters[i].letter;
  return at;
}

/* What every container may do besides, as libcontainer (specconv, AllowedDevices) and crun have it;
   with the default devices: "Default Devices" makes them to be used. */
static const ctr__dev_rule ctr__dev_always[] = {
    {CTR__DEV_BOTH, CTR__DEV_MKNOD, true, CTR__DEV_ANY, CTR__DEV_ANY}, /* a node alone opens none */
    {CTR__DEV_CHAR, CTR__DEV_RWM, true, 5, 1},                         /* console                 */
    {CTR__DEV_CHAR, CTR__DEV_RWM, true, 5, 2},                         /* ptmx                    */
    {CTR__DEV_CHAR, CTR__DEV_RWM, true, 136, CTR__DEV_ANY},            /* pts                     */
};

/* Not set, or -1 as libcontainer writes it: any. */
static ctr_code ctr__dev_number(ctr__builder *b, size_t i, const char *name, ctr_int from,
                                int32_t max, int32_t *ret) {
  *ret = CTR__DEV_ANY;
  if (!from.set || from.value == -1) return CTR_OK;
  *ret = (int32_t)from.value;
  if (from.value >= 0 && from.value <= max) return CTR_OK;
  return ctr__fail(b->err, CTR_E_CONFIG, 0,
                   ctr__print(b, "linux.resources.devices[%zu].%s", i, name),
                   "no device has the number %lld: it is from 0 to %d, or -1 for all",
                   (long long)from.value, (int)max);
}

/* An access that is left out could mean all or nothing, and one of the two would open what was to
   be closed. */
static ctr_code ctr__dev_rule_read(ctr__builder *b, size_t i, ctr__dev_rule *rule) {
  const ctr_device_rule *from = &b->config->linux_.resources.devices.items[i];
  const char *type = from->type ? from->type : "a", *access = from->access ? from->access : "";
  rule->allow = from->allow;
  rule->types = !strcmp(type, "a")   ? CTR__DEV_BOTH
                : !strcmp(type, "b") ? CTR__DEV_BLOCK
                : !strcmp(type, "c") ? CTR__DEV_CHAR
                                     : 0;
  if (!rule->types)
    return ctr__fail(b->err, CTR_E_CONFIG, 0, ctr__print(b, "linux.resources.devices[%zu].type", i),
                     "\"%.64s\" is not a, b or c", type);
  bool known = *access;
  for (const char *at = access; *at; at++) {
    uint8_t bit = ctr__dev_access_of(*at);
    rule->access |= bit;
    known &= bit != 0;
  }
  if (!known)
    return ctr__fail(b->err, CTR_E_CONFIG, 0,
                     ctr__print(b, "linux.resources.devices[%zu].access", i),
                     "\"%.64s\" does not say which: letters of \"rwm\"", access);
  ctr_code code = ctr__dev_number(b, i, "major", from->major_, CTR__DEV_MAJOR_MAX, &rule->major_);
  return code ? code
              : ctr__dev_number(b, i, "minor", from->minor_, CTR__DEV_MINOR_MAX, &rule->minor_);
}

/* The nodes that the config has made are made to be used. */
static size_t ctr__dev_rules_of_nodes(const ctr_devices *devices, ctr__dev_rule *rules) {
  size_t n = 0;
  for (size_t i = 0; i < devices->count; i++) {
    const ctr_device *d = &devices->items[i];
    if (*d->type == 'p') continue;
    rules[n++] = (ctr__dev_rule){*d->type == 'b' ? CTR__DEV_BLOCK : CTR__DEV_CHAR, CTR__DEV_RWM,
                                 true, (int32_t)d->major_.value, (int32_t)d->minor_.value};
  }
  return n;
}

static ctr_code ctr__dev_rules_read(ctr__builder *b, ctr__dev_rules *ret) {
  enum { ALWAYS = sizeof ctr__dev_always / sizeof *ctr__dev_always };
  enum { NODES = sizeof ctr__default_devices / sizeof *ctr__default_devices };
  const ctr_device_rules *own = &b->config->linux_.resources.devices;
  const ctr_devices *devices = &b->config->linux_.devices;
  size_t n = own->count;
  *ret = (ctr__dev_rules){NULL, 0};
  ctr__dev_rule *rules = ctr__take(b, n + ALWAYS + NODES + devices->count, sizeof *rules);
  if (!rules) return ctr__nomem(b->err);
  for (size_t i = 0; i < n; i++) {
    ctr_code code = ctr__dev_rule_read(b, i, &rules[i]);
    if (code) return code;
  }
  for (size_t i = 0; i < ALWAYS; i++) rules[n++] = ctr__dev_always[i];
  for (size_t i = 0; i < NODES; i++)
    rules[n++] =
        (ctr__dev_rule){CTR__DEV_CHAR, CTR__DEV_RWM, true, (int32_t)ctr__default_devices[i].major_,
                        (int32_t)ctr__default_devices[i].minor_};
  n += ctr__dev_rules_of_nodes(devices, rules + n);
  *ret = (ctr__dev_rules){rules, n};
  return CTR_OK;
}

/* -- the table -- */

/* The most that a table may have: its program is shorter than the kernel's limit of a million
   instructions (BPF_COMPLEXITY_LIMIT_INSNS), at five for an entry. */
enum { CTR__DEV_ENTRIES_MAX = 1 << 17 };

static int ctr__dev_order(const void *a, const void *b) {
  const int32_t *x = ((const ctr__dev_entry *)a)->key, *y = ((const ctr__dev_entry *)b)->key;
  int i = 0;
  while (i < CTR__DEV_KEYS - 1 && x[i] == y[i]) i++;
  return (x[i] > y[i]) - (x[i] < y[i]);
}

static void ctr__dev_sort(ctr__dev_table *t) {
  size_t kept = 0;
  qsort(t->items, t->count, sizeof *t->items, ctr__dev_order);
  for (size_t i = 0; i < t->count; i++)
    if (!kept || ctr__dev_order(&t->items[kept - 1], &t->items[i])) t->items[kept++] = t->items[i];
  t->count = kept;
}

static void ctr__dev_add(ctr__dev_table *t, int32_t type, int32_t major_, int32_t minor_) {
  t->items[t->count++] = (ctr__dev_entry){{type, major_, minor_}, 0};
}

/* The first entry that does not come before that one. */
static size_t ctr__dev_first(const ctr__dev_table *t, int32_t type, int32_t major_,
                             int32_t minor_) {
  const ctr__dev_entry sought = {{type, major_, minor_}, 0};
  size_t low = 0, high = t->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (ctr__dev_order(&t->items[middle], &sought) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static const ctr__dev_entry *ctr__dev_find(const ctr__dev_table *t, int32_t type, int32_t major_,
                                           int32_t minor_) {
  const ctr__dev_entry sought = {{type, major_, minor_}, 0};
  size_t i = ctr__dev_first(t, type, major_, minor_);
  return i < t->count && !ctr__dev_order(&t->items[i], &sought) ? &t->items[i] : NULL;
}

/* What the rules name, of both types, and any:any. */
static ctr_code ctr__dev_named(ctr__builder *b, const ctr__dev_rules *rules, ctr__dev_table *t) {
  *t = (ctr__dev_table){ctr__take(b, 2 * rules->count + 2, sizeof *t->items), 0};
  if (!t->items) return ctr__nomem(b->err);
  for (int32_t type = CTR__DEV_BLOCK; type <= CTR__DEV_CHAR; type++) {
    ctr__dev_add(t, type, CTR__DEV_ANY, CTR__DEV_ANY);
    for (size_t i = 0; i < rules->count; i++)
      if (rules->items[i].types & type)
        ctr__dev_add(t, type, rules->items[i].major_, rules->items[i].minor_);
  }
  ctr__dev_sort(t);
  return CTR_OK;
}

/* Whether the entry after it is of another major. */
static bool ctr__dev_ends_major(const ctr__dev_table *t, size_t i) {
  const int32_t *key = t->items[i].key;
  return key[CTR__DEV_KEY_MAJOR] != CTR__DEV_ANY &&
         key[CTR__DEV_KEY_MAJOR] != t->items[i + 1].key[CTR__DEV_KEY_MAJOR];
}

/* Where a rule for any:MINOR meets a major that is named, neither is more special than the other:
   MAJOR:MINOR gets an entry too, as does MAJOR:any. */
static ctr_code ctr__dev_close(ctr__builder *b, ctr__dev_table *t) {
  const ctr__dev_table named = *t;
  size_t room = named.count, any[CTR__DEV_BOTH], end[CTR__DEV_BOTH];
  for (int32_t type = CTR__DEV_BLOCK; type <= CTR__DEV_CHAR; type++) {
    any[type] = ctr__dev_first(&named, type, CTR__DEV_ANY, 0);
    end[type] = ctr__dev_first(&named, type, CTR__DEV_ANY, CTR__DEV_ANY) + 1;
  }
  for (size_t i = 0; i < named.count && room <= CTR__DEV_ENTRIES_MAX; i++) {
    int32_t type = named.items[i].key[CTR__DEV_KEY_TYPE];
    if (ctr__dev_ends_major(&named, i)) room += end[type] - any[type];
  }
  if (room > CTR__DEV_ENTRIES_MAX)
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, "linux.resources.devices",
                     "more rules than the kernel takes: over %d devices are named",
                     CTR__DEV_ENTRIES_MAX);
  t->items = ctr__take(b, room, sizeof *t->items);
  if (!t->items) return ctr__nomem(b->err);
  if (named.count) memcpy(t->items, named.items, named.count * sizeof *t->items);
  for (size_t i = 0; i < named.count; i++) {
    const int32_t *key = named.items[i].key, type = key[CTR__DEV_KEY_TYPE];
    for (size_t n = any[type]; n < end[type] && ctr__dev_ends_major(&named, i); n++)
      ctr__dev_add(t, type, key[CTR__DEV_KEY_MAJOR], named.items[n].key[CTR__DEV_KEY_MINOR]);
  }
  ctr__dev_sort(t);
  return CTR_OK;
}

/* Whether a rule speaks of all that an entry stands for. */
static bool ctr__dev_covers(const ctr__dev_rule *rule, const ctr__dev_entry *e) {
  return (rule->types & e->key[CTR__DEV_KEY_TYPE]) &&
         (rule->major_ == CTR__DEV_ANY || rule->major_ == e->key[CTR__DEV_KEY_MAJOR]) &&
         (rule->minor_ == CTR__DEV_ANY || rule->minor_ == e->key[CTR__DEV_KEY_MINOR]);
}

static void ctr__dev_apply(ctr__dev_table *t, const ctr__dev_rule *rule) {
  bool any_major = rule->major_ == CTR__DEV_ANY, any_minor = rule->minor_ == CTR__DEV_ANY;
  for (int32_t type = CTR__DEV_BLOCK; type <= CTR__DEV_CHAR; type++) {
    if (!(rule->types & type)) continue;
    size_t i = ctr__dev_first(t, type, any_major ? 0 : rule->major_,
                              any_major || any_minor ? 0 : rule->minor_);
    for (; i < t->count && t->items[i].key[CTR__DEV_KEY_TYPE] == type; i++) {
      ctr__dev_entry *e = &t->items[i];
      if (!any_major && e->key[CTR__DEV_KEY_MAJOR] != rule->major_) break;
      if (ctr__dev_covers(rule, e))
        e->access = (uint8_t)(rule->allow ? e->access | rule->access : e->access & ~rule->access);
      else if (!any_major)
        break; /* the one that was looked for is behind */
    }
  }
}

/* Leaves out what says no more than what would match without it. From the end, where all that is
   more general has been decided on before; what is kept gathers there. */
static void ctr__dev_prune(ctr__dev_table *t) {
  ctr__dev_table kept = {t->items + t->count, 0};
  /* any:any, which comes first; MAJOR:any of what is looked at, or base where there is none */
  const ctr__dev_entry *base = kept.items, *line = base;
  for (size_t i = t->count; i-- > 0;) {
    const ctr__dev_entry e = t->items[i];
    int32_t type = e.key[CTR__DEV_KEY_TYPE], minor_ = e.key[CTR__DEV_KEY_MINOR];
    const ctr__dev_entry *other = NULL; /* any:MINOR */
    bool any_major = e.key[CTR__DEV_KEY_MAJOR] == CTR__DEV_ANY, keep = true;
    if (minor_ == CTR__DEV_ANY) {
      /* The last major had nothing of its own: its line went in before its minors. */
      if (line != base && line == kept.items && line->access == base->access)
        kept.items++, kept.count--;
    } else if (any_major) {
      keep = e.access != base->access;
    } else {
      other = ctr__dev_find(&kept, type, CTR__DEV_ANY, minor_);
      keep = e.access != line->access || (other && other->access != e.access);
    }
    if (!keep) continue;
    *--kept.items = e;
    kept.count++;
    if (minor_ == CTR__DEV_ANY) line = kept.items;
    if (minor_ == CTR__DEV_ANY && any_major) base = line;
  }
  if (line != base && line == kept.items && line->access == base->access)
    kept.items++, kept.count--;
  *t = kept;
}

/* What comes before a rule for everything has no effect. */
static size_t ctr__dev_first_rule(const ctr__dev_rules *rules) {
  size_t i = rules->count;
  while (i-- > 0) {
    const ctr__dev_rule *r = &rules->items[i];
    if (r->types == CTR__DEV_BOTH && r->access == CTR__DEV_RWM && r->major_ == CTR__DEV_ANY &&
        r->minor_ == CTR__DEV_ANY)
      return i;
  }
  return 0;
}

/* Nothing is allowed that no rule allows (runc's GMS-2021-177). */
static ctr_code ctr__dev_table_make(ctr__builder *b, const ctr__dev_rules *rules,
                                    ctr__dev_table *ret) {
  size_t first = ctr__dev_first_rule(rules);
  const ctr__dev_rules used = {rules->items + first, rules->count - first};
  ctr_code code = ctr__dev_named(b, &used, ret);
  if (!code) code = ctr__dev_close(b, ret);
  if (code) return code;
  for (size_t i = 0; i < used.count; i++) ctr__dev_apply(ret, &used.items[i]);
  ctr__dev_prune(ret);
  return CTR_OK;
}

/* -- for cgroup v1: a default and a list of exceptions (admin-guide/cgroup-v1/devices.rst) -- */

typedef struct ctr__dev_list {
  bool allow;       /* the default: what "a" is written to, devices.allow or devices.deny */
  const char *text; /* the exceptions, "c 1:3 rwm\n" each, for the other file             */
} ctr__dev_list;

/* The entries that match all that e does and more. */
static int ctr__dev_above(const ctr__dev_table *t, const ctr__dev_entry *e,
                          const ctr__dev_entry *above[3]) {
  int n = 0;
  int32_t type = e->key[CTR__DEV_KEY_TYPE];
  const ctr__dev_entry *all[] = {ctr__dev_find(t, type, e->key[CTR__DEV_KEY_MAJOR], CTR__DEV_ANY),
                                 ctr__dev_find(t, type, CTR__DEV_ANY, e->key[CTR__DEV_KEY_MINOR]),
                                 ctr__dev_find(t, type, CTR__DEV_ANY, CTR__DEV_ANY)};
  for (int i = 0; i < 3; i++)
    if (all[i] && all[i] != e) above[n++] = all[i];
  return n;
}

/* An exception holds for all that it matches, and none takes back a part of another: an entry may
   only add to those above it. Where the default is to allow, what is added is denied. Returns the
   first that would take something back, or NULL, and what it would. */
static const ctr__dev_entry *ctr__dev_misfit(const ctr__dev_table *t, bool allow,
                                             unsigned *ret_access) {
  for (size_t i = 0; i < t->count; i++) {
    const ctr__dev_entry *e = &t->items[i], *above[3];
    for (int n = ctr__dev_above(t, e, above); n-- > 0;) {
      *ret_access = allow ? e->access & ~above[n]->access : above[n]->access & ~e->access;
      if (*ret_access) return e;
    }
  }
  return NULL;
}

static bool ctr__dev_is_said_above(const ctr__dev_table *t, const ctr__dev_entry *e) {
  const ctr__dev_entry *above[3];
  for (int n = ctr__dev_above(t, e, above); n-- > 0;)
    if (above[n]->access == e->access) return true;
  return false;
}

static char *ctr__dev_put_number(char *at, int32_t number) {
  if (number != CTR__DEV_ANY) return ctr__put_int(at, number);
  *at++ = '*';
  return at;
}

/* "c 1:3 rwm\n"; not terminated. */
static size_t ctr__dev_put_line(char line[32], const ctr__dev_entry *e, unsigned access) {
  char *at = line;
  *at++ = e->key[CTR__DEV_KEY_TYPE] == CTR__DEV_BLOCK ? 'b' : 'c';
  *at++ = ' ';
  at = ctr__dev_put_number(at, e->key[CTR__DEV_KEY_MAJOR]);
  *at++ = ':';
  at = ctr__dev_put_number(at, e->key[CTR__DEV_KEY_MINOR]);
  *at++ = ' ';
  at = ctr__dev_put_access(at, access);
  *at++ = '\n';
  return (size_t)(at - line);
}

/* The rule that takes back what the kernel cannot where the default is to deny; it is one of the
   config's own, as those that follow deny nothing. */
static ctr_code ctr__dev_not_on_v1(ctr__builder *b, const ctr__dev_rules *rules,
                                   const ctr__dev_entry *e, unsigned access) {
  size_t i = rules->count;
  while (i > 1 &&
         !(ctr__dev_covers(&rules->items[i - 1], e) && (rules->items[i - 1].access & access)))
    i--;
  return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0,
                   ctr__print(b, "linux.resources.devices[%zu]", i - 1),
                   "it denies a part of what other rules allow, and elsewhere a part of what is "
                   "denied is allowed: cgroup v1 takes one or the other");
}

static bool ctr__dev_allows_all(const ctr__dev_table *t) {
  bool all = true;
  for (int32_t type = CTR__DEV_BLOCK; type <= CTR__DEV_CHAR; type++)
    all &= ctr__dev_find(t, type, CTR__DEV_ANY, CTR__DEV_ANY)->access == CTR__DEV_RWM;
  return all;
}

/* Either default can be the one that fits. Where both do, and all is allowed that is not named, it
   is to allow: else no cgroup below could be given everything by whoever is inside. */
static ctr_code ctr__dev_list_make(ctr__builder *b, const ctr__dev_rules *rules,
                                   const ctr__dev_table *t, ctr__dev_list *ret) {
  unsigned access = 0, ignored = 0;
  *ret = (ctr__dev_list){false, NULL};
  const ctr__dev_entry *misfit = ctr__dev_misfit(t, false, &access);
  bool can_allow = (misfit || ctr__dev_allows_all(t)) && !ctr__dev_misfit(t, true, &ignored);
  if (misfit && !can_allow) return ctr__dev_not_on_v1(b, rules, misfit, access);
  ctr__string text = {.arena = b->arena};
  ctr__string_sink(&text, "", 0);
  for (size_t i = 0; i < t->count && !text.nomem; i++) {
    const ctr__dev_entry *e = &t->items[i];
    unsigned exception = can_allow ? CTR__DEV_RWM & ~(unsigned)e->access : e->access;
    char line[32];
    if (exception && !ctr__dev_is_said_above(t, e))
      ctr__string_sink(&text, line, ctr__dev_put_line(line, e, exception));
  }
  *ret = (ctr__dev_list){can_allow, text.text};
  return text.nomem ? ctr__nomem(b->err) : CTR_OK;
}

/* -- for cgroup v2: a program (cgroup-v2.rst "Device controller"; instructions: RFC 9669) -- */

/* The kernel's struct bpf_insn, whose two registers are bit-fields of one byte. */
typedef struct ctr__bpf_insn {
  uint8_t code, registers;
  int16_t off;
  int32_t imm;
} ctr__bpf_insn;

typedef struct ctr__dev_program {
  ctr__bpf_insn *items;
  uint32_t count;
} ctr__dev_program;

enum ctr__bpf_code {
  CTR__BPF_LOAD = 0x61,  /* dst = *(u32 *)(src + off) */
  CTR__BPF_COPY = 0xbf,  /* dst = src                 */
  CTR__BPF_SET = 0xb7,   /* dst = imm                 */
  CTR__BPF_AND = 0x57,   /* dst &= imm                */
  CTR__BPF_SHIFT = 0x77, /* dst >>= imm               */
  CTR__BPF_JNE = 0x55,   /* if (dst != imm) pc += off */
  CTR__BPF_JSET = 0x45,  /* if (dst & imm) pc += off  */
  CTR__BPF_EXIT = 0x95,  /* return r0                 */
};

enum { CTR__R_RESULT = 0, CTR__R_REQUEST = 1, CTR__R_ACCESS = 6 };
static const uint8_t ctr__dev_registers[CTR__DEV_KEYS] = {2, 3, 4};

static uint32_t ctr__bpf_add(ctr__dev_program *p, enum ctr__bpf_code code, unsigned dst,
                             unsigned src, int16_t off, int32_t imm) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  unsigned registers = dst << 4 | src;
#else
  unsigned registers = src << 4 | dst;
#endif
  p->items[p->count] = (ctr__bpf_insn){(uint8_t)code, (uint8_t)registers, off, imm};
  return p->count++;
}

/* Takes struct bpf_cgroup_dev_ctx apart: access and type in one word, major, minor. */
static void ctr__dev_program_start(ctr__dev_program *p) {
  const uint8_t *r = ctr__dev_registers;
  ctr__bpf_add(p, CTR__BPF_LOAD, r[CTR__DEV_KEY_TYPE], CTR__R_REQUEST, 0, 0);
  ctr__bpf_add(p, CTR__BPF_COPY, CTR__R_ACCESS, r[CTR__DEV_KEY_TYPE], 0, 0);
  ctr__bpf_add(p, CTR__BPF_AND, r[CTR__DEV_KEY_TYPE], 0, 0, 0xffff);
  ctr__bpf_add(p, CTR__BPF_SHIFT, CTR__R_ACCESS, 0, 0, 16);
  ctr__bpf_add(p, CTR__BPF_LOAD, r[CTR__DEV_KEY_MAJOR], CTR__R_REQUEST, 4, 0);
  ctr__bpf_add(p, CTR__BPF_LOAD, r[CTR__DEV_KEY_MINOR], CTR__R_REQUEST, 8, 0);
  ctr__bpf_add(p, CTR__BPF_SET, CTR__R_RESULT, 0, 0, 1);
}

/* The result is 1 already. Any bit that is not allowed denies, also one we do not know. */
static void ctr__dev_program_answer(ctr__dev_program *p, uint8_t access) {
  if (access && access != CTR__DEV_RWM)
    ctr__bpf_add(p, CTR__BPF_JSET, CTR__R_ACCESS, 0, 1, ~(int32_t)access);
  if (access) ctr__bpf_add(p, CTR__BPF_EXIT, 0, 0, 0, 0);
  if (access == CTR__DEV_RWM) return;
  ctr__bpf_add(p, CTR__BPF_SET, CTR__R_RESULT, 0, 0, 0);
  ctr__bpf_add(p, CTR__BPF_EXIT, 0, 0, 0, 0);
}

/* One comparison for all neighbours with the same value: the type, then the major, then the minor.
   Not for too many, as a jump reaches no further than 16 bits: then the value is compared again.
   The most general ones come last and are not compared, so that every major leads to an answer. */
static void ctr__dev_program_branch(ctr__dev_program *p, const ctr__dev_entry *e, size_t count,
                                    int key) {
  enum { MOST = 4096 }; /* times 7 instructions */
  if (key == CTR__DEV_KEYS) {
    ctr__dev_program_answer(p, e->access);
    return;
  }
  for (size_t i = 0, n; i < count; i += n) {
    int32_t value = e[i].key[key];
    for (n = 1; i + n < count && n < MOST && e[i + n].key[key] == value;) n++;
    bool any = value == CTR__DEV_ANY;
    uint32_t jump = any ? 0 : ctr__bpf_add(p, CTR__BPF_JNE, ctr__dev_registers[key], 0, 0, value);
    ctr__dev_program_branch(p, e + i, n, key + 1);
    if (!any) p->items[jump].off = (int16_t)(p->count - jump - 1);
  }
}

/* What is neither a block nor a character device does not exist; if it did, it would be denied. */
static ctr_code ctr__dev_program_make(ctr__builder *b, const ctr__dev_table *t,
                                      ctr__dev_program *ret) {
  *ret = (ctr__dev_program){ctr__take(b, t->count * 7 + 16, sizeof *ret->items), 0};
  if (!ret->items) return ctr__nomem(b->err);
  ctr__dev_program_start(ret);
  ctr__dev_program_branch(ret, t->items, t->count, 0);
  ctr__dev_program_answer(ret, 0);
  return CTR_OK;
}
