/* Seccomp: a profile of any bytes becomes a program that the kernel takes, which answers every call
   as the profile read as it stands does. */
#include "fuzz.h"
#include "../filters.h"

static uint64_t take_value(input *in) {
  static const uint64_t values[] = {0,          1,           0x7fffffff,     0x80000000,
                                    0xffffffff, 0x100000000, UINT64_MAX - 1, UINT64_MAX};
  const uint8_t which = take_byte(in);
  return which & 8 ? take_u64(in) : values[which & 7];
}

static const char *take_name(input *in) {
  const unsigned row = take_byte(in) | (unsigned)take_byte(in) << 8;
  return ctr__syscall_rows[row % CTR__SYSCALL_ROWS].name;
}

static void take_entry(input *in, made_profile *m, size_t i) {
  const uint8_t shape = take_byte(in);
  ctr_syscall *entry = &m->entries[i];
  const size_t names = 1 + (shape & 3), args = shape >> 2 & 3;
  for (size_t j = 0; j < names; j++) m->names[i][j] = take_name(in);
  for (size_t j = 0; j < args; j++) {
    const uint8_t what = take_byte(in);
    m->args[i][j] = (ctr_syscall_arg){.index = what % 6,
                                      .op = (ctr_seccomp_op)(1 + (what >> 3) % 7),
                                      .value = take_value(in),
                                      .valueTwo = take_value(in)};
  }
  *entry = (ctr_syscall){.names = {m->names[i], names},
                         .action = (ctr_seccomp_action)(1 + (shape >> 4) % 8),
                         .args = {m->args[i], args}};
  if (entry->action == CTR_SCMP_ACT_ERRNO) entry->errnoRet = (ctr_uint){true, take_byte(in)};
}

static void take_profile(input *in, made_profile *m) {
  *m = (made_profile){.profile = {.defaultAction = (ctr_seccomp_action)(1 + take_byte(in) % 8)}};
  const size_t count = take_byte(in) % 32;
  for (size_t i = 0; i < count && in->left; i++) {
    take_entry(in, m, i);
    m->profile.syscalls = (ctr_syscalls){m->entries, i + 1};
  }
}

typedef struct compared {
  const meaning *m;
  const insn *code;
} compared;

static void compare(void *userdata, const call *about) {
  const compared *c = userdata;
  const uint32_t is = answer_of(c->code, about, NULL), should = meant_answer(c->m, about);
  MUST(is == should, "call %u (%#llx, %#llx): %#x, should be %#x", about->number,
       (unsigned long long)about->args[0], (unsigned long long)about->args[1], is, should);
}

/* Around what the profile names, and a few others. */
static void compare_calls(const meaning *m, const insn *code, input *in) {
  compared c = {m, code};
  size_t at = 0;
  for (size_t i = 0; i < m->profile->syscalls.count; i++)
    for (size_t j = 0; j < m->profile->syscalls.items[i].names.count; j++, at++) {
      if (m->names[at].number < 0) continue;
      const uint32_t number = (uint32_t)m->names[at].number;
      call about = {.number = number, .arch = OWN_ARCH};
      for (uint32_t k = 0; k < 6; k++) about.args[k] = take_value(in);
      compare(&c, &about);
      for (size_t a = 0; a < m->profile->syscalls.items[i].args.count; a++) {
        const ctr_syscall_arg *arg = &m->profile->syscalls.items[i].args.items[a];
        for (int near = -1; near <= 1; near++) {
          about.args[arg->index] =
              (arg->op == CTR_SCMP_CMP_MASKED_EQ ? arg->valueTwo : arg->value) + (uint64_t)near;
          compare(&c, &about);
        }
      }
      about.number = number + 1;
      compare(&c, &about);
    }
  for (int i = 0; i < 8; i++) compare(&c, &(call){.number = take_u32(in), .arch = OWN_ARCH});
  compare(&c, &(call){.number = 1, .arch = take_u32(in)});
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static made_profile made;
  static meaning m;
  static ctr_config config;
  static const ctr_plan_desc desc = {.id = NULL};
  input in = {data, size};
  ctr_arena mem = {0};
  ctr_err err = {.code = CTR_OK};
  ctr__ref ref = 0;
  uint32_t count = 0;
  take_profile(&in, &made);
  config.linux_.seccomp = made.profile;
  ctr__builder b = {.arena = &mem, .config = &config, .desc = &desc, .err = &err};
  ctr_code code = ctr__seccomp_compile(&b, &ref, &count);
  must_be_told(code, &err);
  MUST(!code || code == CTR_E_UNSUPPORTED);
  if (!code) {
    const insn *program = (const insn *)(const void *)(b.data + ref);
    const char *flaw = why_no_filter(program, count);
    MUST(!flaw, "%s", flaw);
    understand(&m, &made.profile);
    compare_calls(&m, program, &in);
  }
  ctr_arena_free(&mem);
  return 0;
}
