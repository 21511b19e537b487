/* The same by libseccomp, for all architectures that it knows: made here, exported, and loaded by
   the child like any other. */
#ifdef CTR_WITH_LIBSECCOMP

/* "SCMP_ARCH_X86_64" as libseccomp calls it: "x86_64"; 0: it does not know it. */
static uint32_t ctr__libseccomp_arch(const char *name) {
  char lower[32] = "";
  size_t skip = sizeof "SCMP_ARCH_" - 1;
  for (size_t i = 0; i < sizeof lower - 1 && strlen(name) > skip + i; i++)
    lower[i] = (char)tolower((unsigned char)name[skip + i]);
  return seccomp_arch_resolve_name(lower);
}

static ctr_code ctr__libseccomp_failed(ctr__profile *p, int r, const char *field,
                                       const char *what) {
  if (r == -ENOMEM) return ctr__nomem(p->b->err);
  return ctr__fail(p->b->err, CTR_E_UNSUPPORTED, -r, field, "libseccomp: %s", what);
}

static ctr_code ctr__libseccomp_begin(ctr__profile *p, scmp_filter_ctx filter) {
  const ctr_strs *all = &p->config->architectures;
  int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  if (r < 0) return ctr__libseccomp_failed(p, r, "linux.seccomp", "kill programs of others");
  /* A search instead of a list, from 2.5 on; what it does with no rule is wrong up to 2.5.4. */
  if (p->config->syscalls.count > 32) seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (size_t i = 0; i < all->count; i++) {
    const uint32_t arch = ctr__libseccomp_arch(all->items[i]);
    r = arch ? seccomp_arch_add(filter, arch) : -EINVAL;
    if (r < 0 && r != -EEXIST)
      return ctr__libseccomp_failed(p, r, ctr__print(p->b, "linux.seccomp.architectures[%zu]", i),
                                    "add the architecture");
  }
  return CTR_OK;
}

/* One entry for one call. */
static int ctr__libseccomp_add(scmp_filter_ctx filter, int number, uint32_t answer,
                               const ctr_syscall_args *args) {
  static const enum scmp_compare ops[] = {[CTR_SCMP_CMP_NE] = SCMP_CMP_NE,
                                          [CTR_SCMP_CMP_LT] = SCMP_CMP_LT,
                                          [CTR_SCMP_CMP_LE] = SCMP_CMP_LE,
                                          [CTR_SCMP_CMP_EQ] = SCMP_CMP_EQ,
                                          [CTR_SCMP_CMP_GE] = SCMP_CMP_GE,
                                          [CTR_SCMP_CMP_GT] = SCMP_CMP_GT,
                                          [CTR_SCMP_CMP_MASKED_EQ] = SCMP_CMP_MASKED_EQ};
  struct scmp_arg_cmp all[6];
  unsigned count = 0;
  int r = 0;
  const bool repeat = ctr__args_repeat(args);
  for (size_t i = 0; i < args->count && r == 0; i++) {
    const ctr_syscall_arg *arg = &args->items[i];
    all[count++] = (struct scmp_arg_cmp){arg->index, ops[arg->op], arg->value, arg->valueTwo};
    if (!repeat) continue;
    r = seccomp_rule_add_array(filter, answer, number, 1, all);
    count = 0;
  }
  return repeat || r < 0 ? r : seccomp_rule_add_array(filter, answer, number, count, all);
}

static ctr_code ctr__libseccomp_add_name(ctr__profile *p, scmp_filter_ctx filter, size_t i,
                                         size_t j) {
  const ctr_syscall *call = &p->config->syscalls.items[i];
  const uint32_t answer = ctr__seccomp_answer(call->action, call->errnoRet);
  const int number = seccomp_syscall_resolve_name(call->names.items[j]);
  if (number == __NR_SCMP_ERROR) return ctr__seccomp_skip(p, answer, i, j);
  if (answer == p->default_answer) return CTR_OK;
  int r = ctr__libseccomp_add(filter, number, answer, &call->args);
  return r < 0 ? ctr__libseccomp_failed(p, r, ctr__seccomp_name_field(p, i, j), "add a rule")
               : CTR_OK;
}

/* The highest number that the profile names, less ARM's own; -1: none. */
static int64_t ctr__libseccomp_newest(const ctr__profile *p, uint32_t arch) {
  const ctr_syscalls *all = &p->config->syscalls;
  int64_t newest = -1;
  for (size_t i = 0; i < all->count; i++)
    for (size_t j = 0; j < all->items[i].names.count; j++) {
      const int number = seccomp_syscall_resolve_name_arch(arch, all->items[i].names.items[j]);
      if (number > newest && number >> 16 != 0xf) newest = number;
    }
  return newest;
}

/* Before the filter: what is newer than all that is named for an architecture does not exist. Of
   x32 that is told by a bit of the number; -1 is what is left of a call that a tracer has skipped,
   on either. */
static uint32_t ctr__libseccomp_hide(ctr__profile *p, uint32_t filter, uint32_t arch,
                                     bool has_x32) {
  ctr__cbpf *code = &p->program;
  const int64_t newest = ctr__libseccomp_newest(p, arch);
  if (newest < 0) return filter;
  const uint32_t absent = ctr__cbpf_return(code, CTR__SECCOMP_ABSENT);
  uint32_t next = ctr__cbpf_if(code, CTR__CBPF_IF_GREATER, (uint32_t)newest, absent, filter);
  if (arch == SCMP_ARCH_X86_64) {
    const int64_t newest_x32 = has_x32 ? ctr__libseccomp_newest(p, SCMP_ARCH_X32) : -1;
    uint32_t x32 = filter;
    if (newest_x32 >= 0)
      x32 = ctr__cbpf_if(code, CTR__CBPF_IF_GREATER, (uint32_t)newest_x32, absent, filter);
    next = ctr__cbpf_if(code, CTR__CBPF_IF_AT_LEAST, 0x40000000, x32, next);
    next = ctr__cbpf_if(code, CTR__CBPF_IF_EQUAL, UINT32_MAX, absent, next);
  }
  if (arch == SCMP_ARCH_S390 || arch == SCMP_ARCH_S390X) /* what an unknown number becomes */
    next = ctr__cbpf_if(code, CTR__CBPF_IF_EQUAL, 0, absent, next);
  return ctr__cbpf_load(code, CTR__SECCOMP_NR);
}

static void ctr__libseccomp_hide_newer(ctr__profile *p, scmp_filter_ctx filter) {
  ctr__cbpf *code = &p->program;
  const uint32_t begin = code->first;
  uint32_t sections[64], archs[64], count = 0;
  const bool has_x32 = seccomp_arch_exist(filter, SCMP_ARCH_X32) == 0;
  for (size_t i = 0; i < ctr__seccomp_architectures.count && count < 64; i++) {
    const uint32_t arch = ctr__libseccomp_arch(ctr__seccomp_architectures.items[i].name);
    if (!arch || arch == SCMP_ARCH_X32 || seccomp_arch_exist(filter, arch) != 0) continue;
    archs[count] = (uint32_t)ctr__seccomp_architectures.items[i].value;
    sections[count++] = ctr__libseccomp_hide(p, begin, arch, has_x32);
  }
  uint32_t next = begin;
  for (uint32_t i = 0; i < count; i++)
    next = ctr__cbpf_if(code, CTR__CBPF_IF_EQUAL, archs[i], sections[i], next);
  if (count) ctr__cbpf_load(code, CTR__SECCOMP_ARCH);
}

/* By way of a file in memory: versions before 2.6 export to a descriptor only. */
static ctr_code ctr__libseccomp_export(ctr__profile *p, scmp_filter_ctx filter) {
  ctr__cbpf *code = &p->program;
  CTR__AUTO_CLOSE fd = ctr__fd_high((int)CTR__CALL(SYS_memfd_create, "filter", CTR__MFD_CLOEXEC));
  if (fd < 0) return ctr__fail(p->b->err, CTR_E_SYS, -fd, "linux.seccomp", "make a file in memory");
  int r = seccomp_export_bpf(filter, fd);
  if (r < 0) return ctr__libseccomp_failed(p, r, "linux.seccomp", "make the filter");
  struct stat st;
  if (fstat(fd, &st) < 0)
    return ctr__fail(p->b->err, CTR_E_SYS, errno, "linux.seccomp", "read the filter");
  const size_t len = (size_t)st.st_size, count = len / sizeof *code->code;
  code->is_full = count >= CTR__FILTER_INSNS_MAX;
  if (code->is_full) return CTR_OK;
  code->first -= (uint32_t)count;
  return pread(fd, code->code + code->first, len, 0) == (ssize_t)len
             ? CTR_OK
             : ctr__fail(p->b->err, CTR_E_SYS, EIO, "linux.seccomp", "read the filter");
}

static ctr_code ctr__libseccomp_make(ctr__profile *p, scmp_filter_ctx filter) {
  const ctr_syscalls *all = &p->config->syscalls;
  ctr_code code = ctr__libseccomp_begin(p, filter);
  for (size_t i = 0; i < all->count; i++)
    for (size_t j = 0; j < all->items[i].names.count && !code; j++)
      code = ctr__libseccomp_add_name(p, filter, i, j);
  if (!code) code = ctr__libseccomp_export(p, filter);
  if (!code && ctr__seccomp_hides_newer(p)) ctr__libseccomp_hide_newer(p, filter);
  return code;
}

static ctr_code ctr__libseccomp_compile(ctr__builder *b, ctr__ref *ret_code, uint32_t *ret_count) {
  ctr__profile p;
  ctr_code code = ctr__profile_begin(&p, b);
  if (code) return code;
  scmp_filter_ctx filter = seccomp_init(p.default_answer);
  if (!filter)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.seccomp.defaultAction",
                       "libseccomp does not take it");
  code = ctr__libseccomp_make(&p, filter);
  seccomp_release(filter);
  return code ? code : ctr__profile_end(&p, ret_code, ret_count);
}

#endif /* CTR_WITH_LIBSECCOMP */

/* Compiles the profile of the config: the program's bytes are in the block. libseccomp does not say
   which of several rules of a call counts that look at the same argument, as those of presets do.
 */
static ctr_code ctr__seccomp_compile(ctr__builder *b, ctr__ref *ret_code, uint32_t *ret_count) {
#ifdef CTR_WITH_LIBSECCOMP
  if (!ctr__preset_of(&b->config->linux_.seccomp))
    return ctr__libseccomp_compile(b, ret_code, ret_count);
#endif
  return ctr__seccomp_compile_own(b, ret_code, ret_count);
}
