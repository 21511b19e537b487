/* An assembler for classic BPF (filter.txt), for programs that decide: loads, comparisons, returns.
   It writes backwards, from the last instruction to the first, so that where a jump leads is there
   before the jump: places are indices into the code. */

/* The kernel's struct sock_filter, and as many as it takes (BPF_MAXINSNS). */
typedef struct ctr__cbpf_insn {
  uint16_t code;
  uint8_t yes, no; /* of a jump: how many to skip */
  uint32_t k;
} ctr__cbpf_insn;

enum { CTR__FILTER_INSN = sizeof(ctr__cbpf_insn), CTR__FILTER_INSNS_MAX = 4096 };

/* include/uapi/linux/bpf_common.h, filter.h */
enum {
  CTR__CBPF_LOAD = 0x20,        /* BPF_LD | BPF_W | BPF_ABS   */
  CTR__CBPF_AND = 0x54,         /* BPF_ALU | BPF_AND | BPF_K  */
  CTR__CBPF_JUMP = 0x05,        /* BPF_JMP | BPF_JA           */
  CTR__CBPF_IF_EQUAL = 0x15,    /* BPF_JMP | BPF_JEQ | BPF_K  */
  CTR__CBPF_IF_GREATER = 0x25,  /* BPF_JMP | BPF_JGT | BPF_K  */
  CTR__CBPF_IF_AT_LEAST = 0x35, /* BPF_JMP | BPF_JGE | BPF_K */
  CTR__CBPF_RETURN = 0x06,      /* BPF_RET | BPF_K            */
};

/* How far a comparison may jump, less the jump that may still come in between; how many returns are
   kept in mind. */
enum { CTR__CBPF_NEAR = 254, CTR__CBPF_RETURNS = 16 };

typedef struct ctr__cbpf {
  ctr__cbpf_insn *code; /* CTR__FILTER_INSNS_MAX of them        */
  uint32_t first;       /* the first that is written            */
  bool is_full;         /* and the program no good              */
  struct {
    uint32_t value, at;
  } returns[CTR__CBPF_RETURNS]; /* where the last ones are: they can be used again */
  uint32_t return_count;
} ctr__cbpf;

static uint32_t ctr__cbpf_put(ctr__cbpf *p, uint16_t code, uint32_t k, uint32_t yes, uint32_t no) {
  p->is_full |= !p->first;
  if (!p->is_full) p->code[--p->first] = (ctr__cbpf_insn){code, (uint8_t)yes, (uint8_t)no, k};
  return p->first;
}

/* A place that leads to target and that a comparison can jump to. */
static uint32_t ctr__cbpf_near(ctr__cbpf *p, uint32_t target) {
  const uint32_t distance = target - p->first;
  return distance <= CTR__CBPF_NEAR ? target : ctr__cbpf_put(p, CTR__CBPF_JUMP, distance, 0, 0);
}

static uint32_t ctr__cbpf_if(ctr__cbpf *p, uint16_t comparison, uint32_t k, uint32_t yes,
                             uint32_t no) {
  yes = ctr__cbpf_near(p, yes);
  no = ctr__cbpf_near(p, no);
  return ctr__cbpf_put(p, comparison, k, yes - p->first, no - p->first);
}

static uint32_t ctr__cbpf_load(ctr__cbpf *p, uint32_t offset) {
  return ctr__cbpf_put(p, CTR__CBPF_LOAD, offset, 0, 0);
}

/* One that is near enough for a comparison to jump to, or a new one. */
static uint32_t ctr__cbpf_return(ctr__cbpf *p, uint32_t value) {
  uint32_t i = 0;
  while (i < p->return_count && p->returns[i].value != value) i++;
  if (i < p->return_count && p->returns[i].at - p->first <= CTR__CBPF_NEAR) return p->returns[i].at;
  if (i == p->return_count && i < CTR__CBPF_RETURNS) p->return_count++;
  if (i == CTR__CBPF_RETURNS) i = value % CTR__CBPF_RETURNS;
  p->returns[i].value = value;
  return p->returns[i].at = ctr__cbpf_put(p, CTR__CBPF_RETURN, value, 0, 0);
}
