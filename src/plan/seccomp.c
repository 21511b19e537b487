/* linux.seccomp as a program for the kernel (seccomp(2)): what all ways to make one have in common.
 */

#if defined __x86_64__ && !defined __ILP32__
#define CTR__SCMP_NATIVE "SCMP_ARCH_X86_64"
#elif defined __i386__
#define CTR__SCMP_NATIVE "SCMP_ARCH_X86"
#elif defined __aarch64__ && !defined __ILP32__
#define CTR__SCMP_NATIVE "SCMP_ARCH_AARCH64"
#elif defined __arm__ && defined __ARM_EABI__ && !defined __ARMEB__
#define CTR__SCMP_NATIVE "SCMP_ARCH_ARM"
#elif defined __riscv && __riscv_xlen == 64
#define CTR__SCMP_NATIVE "SCMP_ARCH_RISCV64"
#elif defined __powerpc64__ && defined __LITTLE_ENDIAN__
#define CTR__SCMP_NATIVE "SCMP_ARCH_PPC64LE"
#elif defined __s390x__
#define CTR__SCMP_NATIVE "SCMP_ARCH_S390X"
#elif defined __loongarch64
#define CTR__SCMP_NATIVE "SCMP_ARCH_LOONGARCH64"
#else
#define CTR__SCMP_NATIVE ""
#endif

/* SECCOMP_RET_*: the smaller as a signed number, the stricter (the kernel's seccomp.c). */
enum {
  CTR__SECCOMP_KILL_THREAD = 0,
  CTR__SECCOMP_TRAP = 0x30000,
  CTR__SECCOMP_ERRNO = 0x50000,
  CTR__SECCOMP_NOTIFY = 0x7fc00000,
  CTR__SECCOMP_TRACE = 0x7ff00000,
  CTR__SECCOMP_LOG = 0x7ffc0000,
  CTR__SECCOMP_ALLOW = 0x7fff0000,
  CTR__SECCOMP_DENIED = CTR__SECCOMP_ERRNO | EPERM,
  CTR__SECCOMP_ABSENT = CTR__SECCOMP_ERRNO | ENOSYS,
};
#define CTR__SECCOMP_KILL_PROCESS UINT32_C(0x80000000)
#define CTR__SECCOMP_ACTION       UINT32_C(0xffff0000)

/* struct seccomp_data. */
enum { CTR__SECCOMP_NR = 0, CTR__SECCOMP_ARCH = 4, CTR__SECCOMP_ARGS = 16 };

/* A profile on its way. */
typedef struct ctr__profile {
  ctr__builder *b;
  const ctr_seccomp *config;
  uint32_t preset; /* CTR__IN_*, of the library's own compiler; 0: none */
  uint32_t default_answer;
  size_t unknown, unknown_at[2]; /* names of no architecture's calls, and where the first is */
  ctr__cbpf program;
} ctr__profile;

static uint32_t ctr__seccomp_answer(ctr_seccomp_action action, ctr_uint number) {
  static const uint32_t answers[] = {
      [CTR_SCMP_ACT_KILL] = CTR__SECCOMP_KILL_THREAD,
      [CTR_SCMP_ACT_KILL_PROCESS] = CTR__SECCOMP_KILL_PROCESS,
      [CTR_SCMP_ACT_KILL_THREAD] = CTR__SECCOMP_KILL_THREAD,
      [CTR_SCMP_ACT_TRAP] = CTR__SECCOMP_TRAP,
      [CTR_SCMP_ACT_ERRNO] = CTR__SECCOMP_ERRNO,
      [CTR_SCMP_ACT_TRACE] = CTR__SECCOMP_TRACE,
      [CTR_SCMP_ACT_ALLOW] = CTR__SECCOMP_ALLOW,
      [CTR_SCMP_ACT_LOG] = CTR__SECCOMP_LOG,
      [CTR_SCMP_ACT_NOTIFY] = CTR__SECCOMP_NOTIFY,
      [CTR_SECCOMP_DEFAULT] = CTR__SECCOMP_ABSENT,
      [CTR_SECCOMP_STRICT] = CTR__SECCOMP_ABSENT,
  };
  const bool has_number = action == CTR_SCMP_ACT_ERRNO || action == CTR_SCMP_ACT_TRACE;
  if (!has_number) return answers[action];
  return answers[action] | (number.set ? (uint32_t)number.value : (uint32_t)EPERM);
}

static bool ctr__seccomp_is_stricter(uint32_t answer, uint32_t than) {
  return (int32_t)(answer & CTR__SECCOMP_ACTION) < (int32_t)(than & CTR__SECCOMP_ACTION);
}

/* Whether one is named twice: then each is a rule of its own, as in runc. Of seven one is, for they
   are checked to be 0 to 5. */
static bool ctr__args_repeat(const ctr_syscall_args *args) {
  unsigned seen = 0;
  for (size_t i = 0; i < args->count; i++) {
    if (seen >> args->items[i].index & 1) return true;
    seen |= 1U << args->items[i].index;
  }
  return false;
}

/* With a mask of nothing nothing is looked at. */
static bool ctr__args_look(const ctr_syscall_arg *args, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (args[i].op != CTR_SCMP_CMP_MASKED_EQ || (unsigned long)args[i].value) return true;
  return false;
}

static const char *ctr__seccomp_name_field(ctr__profile *p, size_t i, size_t j) {
  return ctr__print(p->b, "linux.seccomp.syscalls[%zu].names[%zu]", i, j);
}

/* A name that nobody knows: without its rule a call gets the default answer, which is safe if that
   is as strict. */
static ctr_code ctr__seccomp_skip(ctr__profile *p, uint32_t answer, size_t i, size_t j) {
  const char *name = p->config->syscalls.items[i].names.items[j];
  if (ctr__seccomp_is_stricter(answer, p->default_answer))
    return ctr__fail(p->b->err, CTR_E_UNSUPPORTED, 0, ctr__seccomp_name_field(p, i, j),
                     "no system call \"%.64s\" is known here, and the default action would let it "
                     "through",
                     name);
  if (!p->unknown++) p->unknown_at[0] = i, p->unknown_at[1] = j;
  return CTR_OK;
}

static void ctr__seccomp_warn_unknown(ctr__profile *p) {
  const size_t *at = p->unknown_at;
  if (p->unknown)
    ctr__log(&p->b->desc->log, CTR_LOG_WARNING, ctr__seccomp_name_field(p, at[0], at[1]),
             "no system call \"%.64s\" is known here, nor %zu others that are named: they are left "
             "to the default action",
             p->config->syscalls.items[at[0]].names.items[at[1]], p->unknown - 1);
}

/* Whether calls that are newer than all that the profile names do not exist, instead of being
   denied: libc, which tries newer calls first, then takes an older one. */
static bool ctr__seccomp_hides_newer(const ctr__profile *p) {
  return (p->default_answer & CTR__SECCOMP_ACTION) == CTR__SECCOMP_ERRNO;
}

static ctr_code ctr__profile_begin(ctr__profile *p, ctr__builder *b) {
  const ctr_seccomp *config = &b->config->linux_.seccomp;
  *p = (ctr__profile){.b = b,
                      .config = config,
                      .default_answer =
                          ctr__seccomp_answer(config->defaultAction, config->defaultErrnoRet),
                      .program = {.first = CTR__FILTER_INSNS_MAX}};
  p->program.code = ctr__take(b, CTR__FILTER_INSNS_MAX, sizeof *p->program.code);
  return p->program.code ? CTR_OK : ctr__nomem(b->err);
}

static ctr_code ctr__profile_end(ctr__profile *p, ctr__ref *ret_code, uint32_t *ret_count) {
  const ctr__cbpf *program = &p->program;
  if (program->is_full)
    return ctr__fail(p->b->err, CTR_E_UNSUPPORTED, 0, "linux.seccomp.syscalls",
                     "as a program it has more than the %d instructions that the kernel takes",
                     CTR__FILTER_INSNS_MAX);
  ctr__seccomp_warn_unknown(p);
  *ret_count = CTR__FILTER_INSNS_MAX - program->first;
  *ret_code =
      ctr__add_bytes(p->b, program->code + program->first, *ret_count * sizeof *program->code, 8);
  return CTR_OK;
}
