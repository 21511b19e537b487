/* What stands in for the kernel where device rules are tried out: an interpreter of eBPF with what
   the verifier demands, the v1 controller, and all that is made of a list of rules. After ctr.h. */
#ifndef DEVICE_MODELS_H
#define DEVICE_MODELS_H

#include "devices.h"

/* -- a small eBPF: RFC 9669, as far as a filter needs it -- */

typedef struct instruction {
  unsigned code, dst, src;
  int off, imm;
} instruction;

static inline instruction decode(const ctr__bpf_insn *from) {
  unsigned char bytes[8];
  int16_t off;
  int32_t imm;
  const uint16_t one = 1;
  bool little = *(const unsigned char *)&one;
  memcpy(bytes, from, 8);
  memcpy(&off, bytes + 2, 2);
  memcpy(&imm, bytes + 4, 4);
  unsigned low = bytes[1] & 15, high = bytes[1] >> 4;
  return (instruction){bytes[0], little ? low : high, little ? high : low, off, imm};
}

enum { EXIT = 0x95, JNE = 0x55, JSET = 0x45, LOAD = 0x61, COPY = 0xbf, SET = 0xb7 };
enum { AND = 0x57, SHIFT = 0x77 };

static inline bool is_jump(const instruction *i) {
  return i->code == JNE || i->code == JSET;
}

/* The registers that an instruction reads. */
static inline unsigned reads(const instruction *i) {
  unsigned dst = 1U << i->dst, src = 1U << i->src;
  if (i->code == EXIT) return 1;
  if (i->code == LOAD || i->code == COPY) return src;
  return i->code == SET ? 0 : dst;
}

/* What the kernel's verifier demands: known instructions, no jump back or out, nothing that is
   never reached, no register read that may not have been set, no end but by exit. */
static inline const char *flaw_of(const ctr__dev_program *p) {
  static unsigned known[1 << 20];
  if (!p->count || p->count >= sizeof known / sizeof *known) return "too long";
  memset(known, 0xff, p->count * sizeof *known);
  bool *reached = calloc(p->count + 1, 1);
  const char *flaw = NULL;
  known[0] = 1U << 1;
  reached[0] = true;
  for (uint32_t at = 0; at < p->count && !flaw; at++) {
    instruction i = decode(&p->items[at]);
    unsigned after =
        known[at] | (i.code == LOAD || i.code == COPY || i.code == SET ? 1U << i.dst : 0);
    if (!reached[at]) flaw = "an instruction is never reached";
    if (i.dst > 9 || i.src > 10) flaw = "no such register";
    if (!memchr("\x95\x55\x45\x61\xbf\xb7\x57\x77", (int)i.code, 8)) flaw = "unknown instruction";
    if (i.code == LOAD && (i.src != 1 || (i.off != 0 && i.off != 4 && i.off != 8)))
      flaw = "a load from elsewhere than the request";
    if (i.dst == 1 && i.code != EXIT) flaw = "the request is overwritten";
    if (reads(&i) & ~known[at]) flaw = "a register is read that was not set";
    if (i.code == EXIT) continue;
    uint32_t next[] = {at + 1, is_jump(&i) ? at + 1 + (uint32_t)i.off : at + 1};
    if (is_jump(&i) && i.off < 0) flaw = "a jump back";
    for (int n = 0; n < 2 && !flaw; n++) {
      if (next[n] >= p->count) flaw = "it leads out of the program";
      if (flaw) break;
      reached[next[n]] = true;
      known[next[n]] &= after;
    }
  }
  free(reached);
  return flaw;
}

static inline unsigned bits_of(const char *access) {
  unsigned bits = 0;
  for (; *access; access++) bits |= *access == 'm' ? 1U : *access == 'r' ? 2U : 4U;
  return bits;
}

static inline int run(const ctr__dev_program *p, const request *q) {
  const uint32_t request_words[] = {bits_of(q->access) << 16 | (q->type == 'b' ? 1 : 2),
                                    (uint32_t)q->major_, (uint32_t)q->minor_};
  uint64_t r[16] = {0};
  for (uint32_t at = 0; at < p->count; at++) {
    instruction i = decode(&p->items[at]);
    uint64_t imm = (uint64_t)(int64_t)i.imm;
    switch (i.code) {
    case LOAD: r[i.dst] = request_words[i.off / 4]; break;
    case COPY: r[i.dst] = r[i.src]; break;
    case SET: r[i.dst] = imm; break;
    case AND: r[i.dst] &= imm; break;
    case SHIFT: r[i.dst] >>= imm; break;
    case JNE: at += r[i.dst] != imm ? (uint32_t)i.off : 0; break;
    case JSET: at += r[i.dst] & imm ? (uint32_t)i.off : 0; break;
    case EXIT: return (int)r[0];
    default: return -1;
    }
  }
  return -1;
}

/* -- the v1 controller: security/device_cgroup.c, below a cgroup that may do everything -- */

enum { EXCEPTIONS = 4096, ANY = -1 };

typedef struct controller {
  bool allow; /* what holds where no exception matches */
  struct exception {
    char type;
    int major_, minor_;
    unsigned access;
  } items[EXCEPTIONS];
  size_t count;
} controller;

static inline bool read_number(const char **at, int *ret) {
  char *end;
  *ret = ANY;
  if (**at == '*') return ++*at;
  if (**at < '0' || **at > '9') return false;
  *ret = (int)strtoul(*at, &end, 10);
  *at = end;
  return true;
}

static inline struct exception *find_exception(controller *c, const struct exception *sought) {
  for (size_t i = 0; i < c->count; i++)
    if (c->items[i].type == sought->type && c->items[i].major_ == sought->major_ &&
        c->items[i].minor_ == sought->minor_)
      return &c->items[i];
  return NULL;
}

/* To the kernel it is no error to take away what is not in the list. */
static inline void change_exception(controller *c, const struct exception *e, bool add) {
  struct exception *found = find_exception(c, e);
  if (!found && add && c->count < EXCEPTIONS) c->items[c->count++] = *e;
  if (found && add) found->access |= e->access;
  if (found && !add) found->access &= ~e->access;
  if (found && !found->access) {
    memmove(found, found + 1, (size_t)(c->items + c->count - found - 1) * sizeof *found);
    c->count--;
  }
}

static inline int controller_write(void *userdata, bool allow, const char *text, size_t len) {
  controller *c = userdata;
  char copy[64];
  struct exception e = {.access = 0};
  if (len >= sizeof copy) return -EINVAL;
  memcpy(copy, text, len);
  copy[len] = '\0';
  if (*copy == 'a') {
    c->count = 0;
    c->allow = allow;
    return 0;
  }
  const char *at = copy;
  e.type = *at++;
  if ((e.type != 'b' && e.type != 'c') || *at++ != ' ') return -EINVAL;
  if (!read_number(&at, &e.major_) || *at++ != ':') return -EINVAL;
  if (!read_number(&at, &e.minor_) || *at++ != ' ') return -EINVAL;
  if (strlen(at) > 3 || strspn(at, "rwm") != strlen(at)) return -EINVAL;
  e.access = bits_of(at);
  change_exception(c, &e, c->allow != allow);
  return 0;
}

/* Where all is allowed by default an exception denies what it shares with the request; else a
   single one must have all of it. */
static inline bool controller_allows(const controller *c, const request *q) {
  unsigned access = bits_of(q->access);
  for (size_t i = 0; i < c->count; i++) {
    const struct exception *e = &c->items[i];
    if (e->type != q->type || (e->major_ != ANY && e->major_ != q->major_) ||
        (e->minor_ != ANY && e->minor_ != q->minor_))
      continue;
    if (c->allow ? access & e->access : !(access & ~e->access)) return !c->allow;
  }
  return c->allow;
}

/* devices.list: where all is allowed by default the exceptions are not shown. */
static inline const char *controller_list(const controller *c) {
  static char text[EXCEPTIONS * 24];
  size_t len = 0;
  text[0] = '\0';
  for (size_t i = 0; i < c->count && !c->allow; i++) {
    const struct exception *e = &c->items[i];
    char major_[16] = "*", minor_[16] = "*";
    if (e->major_ != ANY) snprintf(major_, sizeof major_, "%d", e->major_);
    if (e->minor_ != ANY) snprintf(minor_, sizeof minor_, "%d", e->minor_);
    len += (size_t)snprintf(text + len, sizeof text - len, "%c %s:%s %s%s%s\n", e->type, major_,
                            minor_, e->access & 2 ? "r" : "", e->access & 4 ? "w" : "",
                            e->access & 1 ? "m" : "");
  }
  return c->allow ? "a *:* rwm\n" : text;
}

/* -- a list of rules and all that is made of it -- */

typedef struct made {
  ctr_arena mem;
  ctr__builder b;
  ctr_config config;
  ctr_err err, v1_err;
  ctr__dev_rules rules;
  ctr__dev_table table;
  ctr__dev_program program;
  ctr__dev_list list;
  ctr_code code, v1_code; /* of all but v1; of v1 */
} made;

static inline void begin(made *m, ctr_device_rules rules) {
  *m = (made){.config.linux_.resources.devices = rules};
  m->b = (ctr__builder){.arena = &m->mem, .config = &m->config, .err = &m->err};
}

static inline void compile(made *m) {
  if (!m->code) m->code = ctr__dev_table_make(&m->b, &m->rules, &m->table);
  if (!m->code) m->code = ctr__dev_program_make(&m->b, &m->table, &m->program);
  if (m->code) return;
  m->b.err = &m->v1_err;
  m->v1_code = ctr__dev_list_make(&m->b, &m->rules, &m->table, &m->list);
  m->b.err = &m->err;
}

/* As for a container. */
static inline void make(made *m, ctr_device_rules rules) {
  begin(m, rules);
  m->code = ctr__dev_rules_read(&m->b, &m->rules);
  compile(m);
}

/* Without what every container may. */
static inline void make_bare(made *m, ctr_device_rules rules) {
  begin(m, rules);
  ctr__dev_rule *read = ctr__arena_array(&m->mem, rules.count + 1, sizeof *read);
  for (size_t i = 0; i < rules.count && !m->code; i++)
    m->code = ctr__dev_rule_read(&m->b, i, &read[i]);
  m->rules = (ctr__dev_rules){read, rules.count};
  compile(m);
}

#endif
