/* The filter of a profile: written to a file, or compared with one that another build has written.

     seccomp make PROFILE NUMBER       a made-up profile, the same for the same number
     seccomp write PROFILE FILTER
     seccomp compare PROFILE FILTER    exit code 1 when an answer differs, with what and how

   PROFILE: a file with the value of linux.seccomp. */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include "filters.h"

static const ctr_seccomp *profile_of(ctr_arena *mem, const char *name) {
  static char profile[1 << 16], text[1 << 17];
  FILE *file = fopen(name, "re");
  size_t len = file ? fread(profile, 1, sizeof profile - 1, file) : 0;
  ctr_config *config = NULL;
  ctr_err err = {.msg = ""};
  profile[len] = '\0';
  snprintf(text, sizeof text,
           "{\"ociVersion\":\"1.3.0\",\"process\":{\"cwd\":\"/\"},\"linux\":{\"seccomp\":%s}}",
           profile);
  if (ctr_config_parse(mem, text, strlen(text), &config, &err)) {
    fprintf(stderr, "%s: %s\n", name, err.msg);
    exit(2);
  }
  return &config->linux_.seccomp;
}

/* The program for it, by whichever compiler this is built with. */
static const insn *compile(ctr_arena *mem, const ctr_seccomp *profile, size_t *ret_count) {
  const ctr_config config = {.linux_.seccomp = *profile};
  const ctr_plan_desc desc = {.moments = 0};
  ctr_err err = {.msg = ""};
  ctr__builder b = {.arena = mem, .config = &config, .desc = &desc, .err = &err};
  ctr__ref code = 0;
  uint32_t count = 0;
  if (ctr__seccomp_compile(&b, &code, &count)) {
    fprintf(stderr, "%s\n", err.msg);
    exit(2);
  }
  *ret_count = count;
  return (const insn *)(const void *)(b.data + code);
}

static int print(void *file, const char *text, size_t len) {
  return fwrite(text, 1, len, file) != len;
}

static bool share_a_call(const made_profile *m, size_t a, size_t b) {
  for (size_t i = 0; i < m->entries[a].names.count; i++)
    for (size_t j = 0; j < m->entries[b].names.count; j++)
      if (!strcmp(m->names[a][i], m->names[b][j])) return true;
  return false;
}

/* Whether any other comparison is of the same argument of the same call. */
static bool is_compared_again(const made_profile *m, size_t entry, size_t arg) {
  for (size_t i = 0; i < m->profile.syscalls.count; i++)
    for (size_t j = 0; j < m->entries[i].args.count; j++)
      if ((i != entry || j != arg) && m->args[i][j].index == m->args[entry][arg].index &&
          share_a_call(m, i, entry))
        return true;
  return false;
}

/* Made of what libseccomp can say as well: names that it knows, and no two rules of a call that are
   at odds. Before 2.6 it gets several comparisons of one argument by < and <= wrong. */
static int make(const char *path, const char *number) {
  static made_profile m;
  ctr_arena mem = {0};
  ctr_json *value = NULL;
  FILE *file = fopen(path, "we");
  for (int i = atoi(number); i >= 0; i--) make_profile(&m, true);
  for (size_t i = 0; i < m.profile.syscalls.count; i++) {
    for (size_t j = 0; j < m.entries[i].names.count; j++) {
      const int64_t known = number_of(m.names[i][j]);
      if (known < 0 || known > 450 || known == 335 || known == 336) m.names[i][j] = "read";
    }
    for (size_t j = 0; j < m.entries[i].args.count; j++)
      if ((m.args[i][j].op == CTR_SCMP_CMP_LT || m.args[i][j].op == CTR_SCMP_CMP_LE) &&
          is_compared_again(&m, i, j))
        m.args[i][j].op = CTR_SCMP_CMP_GT;
  }
  const ctr_config config = {.ociVersion = "1.3.0", .linux_.seccomp = m.profile};
  ctr_code code = ctr_config_to_json(&mem, &config, &value, NULL);
  if (!code) value = ctr_json_get(ctr_json_get(value, "linux"), "seccomp");
  if (!code) code = ctr_json_write(value, CTR_JSON_INDENT, print, file, NULL);
  ctr_arena_free(&mem);
  return fclose(file) || code;
}

typedef struct comparison {
  const insn *own, *other;
  bool is_own_alone; /* of other architectures, one knows more than the other */
  unsigned long calls, differences;
} comparison;

static void compare(void *userdata, const call *about) {
  comparison *c = userdata;
  const uint32_t own = answer_of(c->own, about, NULL), other = answer_of(c->other, about, NULL);
  bool is_own = about->arch == OWN_ARCH;
#ifdef __x86_64__
  is_own &= about->number < X32_BIT || about->number == UINT32_MAX;
#endif
  if (!is_own && c->is_own_alone) return;
  c->calls++;
  if (own == other || c->differences++ > 4) return;
  printf("call %u of %#x (", about->number, about->arch);
  for (int i = 0; i < 6; i++) printf(" %#llx", (unsigned long long)about->args[i]);
  printf(" ): %#x, the other says %#x\n", own, other);
}

int main(int argc, char **argv) {
  static insn other[4096];
  static meaning meaning;
  ctr_arena mem = {0};
  size_t count = 0;
  if (argc != 4) return 2;
  if (!strcmp(argv[1], "make")) return make(argv[2], argv[3]);
  const ctr_seccomp *profile = profile_of(&mem, argv[2]);
  comparison c = {.own = compile(&mem, profile, &count), .other = other, .is_own_alone = profile->architectures.count};
  const bool writes = !strcmp(argv[1], "write");
  FILE *file = fopen(argv[3], writes ? "we" : "re");
  if (!file) return 2;
  if (writes) return fwrite(c.own, sizeof *c.own, count, file) != count || fclose(file);
  const size_t others = fread(other, sizeof *other, 4096, file);
  const char *wrong = why_no_filter(other, others);
  if (wrong) return printf("what was written is no filter: %s\n", wrong), 2;
  understand(&meaning, profile);
  try_calls(&meaning, compare, &c);
  printf("%lu calls, %lu answers differ; %zu instructions, the other has %zu\n", c.calls,
         c.differences, count, others);
  fclose(file);
  ctr_arena_free(&mem);
  return c.differences || c.calls < 600;
}
