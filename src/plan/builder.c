/* The mechanics of building a block: steps and data grow apart and are joined at the end. A failure
   to get memory is remembered, so that callers can add step after step and ask once. */

/* What a plan is for. */
enum ctr__goal {
  CTR__GOAL_PROGRAM, /* a process of its own                 */
  CTR__GOAL_RUN,     /* a container, running                 */
  CTR__GOAL_CREATE,  /* a container that waits to be started */
  CTR__GOAL_EXEC,    /* one more process in a container      */
  CTR__GOAL_HOOK,    /* nothing but one hook                 */
  CTR__GOAL_UPDATE,  /* nothing but limits of a container    */
};

typedef struct ctr__purpose {
  enum ctr__goal goal;
  uint64_t init_pid, init_start; /* of EXEC: the container's first process            */
  ctr_strs cgroups;              /* of EXEC: the container's, directories on the host */
  const ctr_resources *changed;  /* of UPDATE: what is not to stay as it is           */
  uint32_t hook_kind;            /* of HOOK                                           */
  size_t hook_index;
} ctr__purpose;

typedef struct ctr__builder {
  ctr_arena *arena;
  const ctr_config *config;
  const ctr_plan_desc *desc;
  const struct ctr__facts *facts;
  const ctr__purpose *purpose;
  ctr_err *err;

  ctr__step *steps;
  uint32_t step_count, step_room;
  char *data; /* what refs point into; starts with bytes that no ref means */
  uint32_t data_len, data_room;
  bool nomem;

  uint32_t new_namespaces, joined_namespaces; /* CLONE_NEW* */
  bool own_mounts;                            /* a new mount namespace: mounts can be made */
  const char *root_field;                     /* what says what the root is                */
  ctr__ref root_dir, mount_label;             /* as in ctr_plan                            */
  bool *late_read_only;                       /* for each mount: it becomes so when it is filled */
  size_t late_count;                          /* how many do                                     */
  struct ctr__idmap *idmaps;                  /* those made for mounts                           */
  size_t idmap_count;
  bool hides_program;                         /* the caller's own, from the container            */
  bool dev_is_bound;                          /* /dev comes from elsewhere: not ours to fill     */
  ctr_id_mappings uid_map, gid_map;           /* of a new user namespace              */
  bool groups_denied;                         /* setgroups(2) is not to be had there   */
  uint64_t effective, permitted, inheritable; /* capabilities that the program starts with */
  bool is_unseen;                             /* from when it has its ids until execve */
  uint32_t filter_count;                      /* of those that are loaded             */
  struct ctr__hierarchies *hierarchies;       /* the machine's, once they were read    */
  struct ctr__limit *limits;                  /* what is written to its cgroups        */
  size_t limit_count;
  struct ctr__hierarchy *device_hierarchy; /* where its devices are restricted; NULL: nowhere */
  const char *born_in; /* the cgroup that the first of its processes is cloned into; NULL: none */
  uint32_t program_count;  /* of the caller's side that are run meanwhile: hooks and helpers */
  uint32_t io_uid, io_gid; /* who new pipes are to belong to, as the caller sees it */
  ctr__ref bundle, state;  /* for hooks */
} ctr__builder;

static bool ctr__makes_container(const ctr__builder *b) {
  return b->purpose->goal == CTR__GOAL_RUN || b->purpose->goal == CTR__GOAL_CREATE;
}

static bool ctr__in_userns(const ctr__builder *b) {
  return (b->new_namespaces | b->joined_namespaces) & CTR_NS_USER;
}

static bool ctr__loads_filters(const ctr__builder *b) {
  return b->desc->filter_count || b->config->linux_.seccomp.defaultAction;
}

/* Zeroed memory for the time of building, or NULL. */
static void *ctr__take(ctr__builder *b, size_t count, size_t size) {
  void *taken = ctr__arena_array(b->arena, count, size);
  b->nomem |= !taken;
  return taken;
}

/* Text for the time of building, or NULL: the name of a config field ("mounts[3]"), a path. */
__attribute__((format(printf, 2, 3))) static char *ctr__print(ctr__builder *b, const char *format,
                                                              ...) {
  va_list args;
  va_start(args, format);
  char *text = ctr__arena_vprintf(b->arena, format, args);
  va_end(args);
  b->nomem |= !text;
  return text;
}

static void *ctr__grow(ctr__builder *b, void *old, uint32_t used, uint32_t *room, size_t item,
                       uint32_t need) {
  if (b->nomem || need <= *room - used) return old;
  uint64_t want = (uint64_t)*room * 2 + need + 64;
  void *bigger =
      want * item > UINT32_MAX / 2 ? NULL : ctr_arena_alloc(b->arena, (size_t)(want * item));
  b->nomem = !bigger;
  if (!bigger) return old;
  if (used) memcpy(bigger, old, used * item);
  *room = (uint32_t)want;
  return bigger;
}

/* Adds len bytes aligned to align and returns their ref; never 0, which means none. */
static ctr__ref ctr__add_bytes(ctr__builder *b, const void *bytes, size_t len, uint32_t align) {
  if (len > UINT32_MAX / 4) b->nomem = true;
  b->data = ctr__grow(b, b->data, b->data_len, &b->data_room, 1, (uint32_t)len + 2 * align);
  if (b->nomem) return 0;
  if (!b->data_len) b->data_len = 1;
  b->data_len = (b->data_len + align - 1) / align * align;
  ctr__ref ref = b->data_len;
  memcpy(b->data + ref, bytes, len);
  b->data_len += (uint32_t)len;
  return ref;
}

static ctr__ref ctr__add_str(ctr__builder *b, const char *text) {
  return text ? ctr__add_bytes(b, text, strlen(text) + 1, 1) : 0;
}

static ctr__ref ctr__add_u32s(ctr__builder *b, const uint32_t *items, size_t count) {
  uint32_t *list = ctr__take(b, count + 1, sizeof *list);
  b->nomem |= count > UINT32_MAX / 16;
  if (b->nomem) return 0;
  list[0] = (uint32_t)count;
  if (count) memcpy(list + 1, items, count * sizeof *items);
  return ctr__add_bytes(b, list, (count + 1) * sizeof *list, 8);
}

static ctr__ref ctr__add_strs(ctr__builder *b, ctr_strs strs) {
  uint32_t *refs = ctr__take(b, strs.count + 1, sizeof *refs);
  for (size_t i = 0; i < strs.count && !b->nomem; i++) refs[i] = ctr__add_str(b, strs.items[i]);
  return b->nomem ? 0 : ctr__add_u32s(b, refs, strs.count);
}

/* What a step is made from; strings and lists are copied into the block. */
typedef struct ctr__new_step {
  const char *field;
  const char *str[CTR__STEP_STRS];
  ctr__ref ref[CTR__STEP_STRS]; /* instead of a string: a list or bytes added before */
  uint64_t num[CTR__STEP_NUMS];
} ctr__new_step;

static void ctr__add_step(ctr__builder *b, enum ctr__lane lane, enum ctr__kind kind,
                          const ctr__new_step *from) {
  ctr__step step = {.kind = (uint16_t)kind, .lane = (uint16_t)lane};
  step.field = ctr__add_str(b, from->field);
  for (int i = 0; i < CTR__STEP_STRS; i++)
    step.str[i] = from->ref[i] ? from->ref[i] : ctr__add_str(b, from->str[i]);
  memcpy(step.num, from->num, sizeof step.num);
  b->steps = ctr__grow(b, b->steps, b->step_count, &b->step_room, sizeof step, 1);
  if (!b->nomem) b->steps[b->step_count++] = step;
}
#define ctr__child_step(b, kind, ...)                                                              \
  ctr__add_step(b, CTR__LANE_CHILD, CTR__STEP_##kind, &(ctr__new_step){__VA_ARGS__})
#define ctr__parent_step(b, kind, ...)                                                             \
  ctr__add_step(b, CTR__LANE_PARENT, CTR__STEP_##kind, &(ctr__new_step){__VA_ARGS__})

/* The moment: the CTR_MOMENT_* at which the caller may want to be called; or 0. */
static void ctr__sync_step(ctr__builder *b, enum ctr__sync_point point, unsigned moment) {
  ctr__add_step(b, CTR__LANE_BOTH, CTR__STEP_SYNC,
                &(ctr__new_step){.num = {point, b->desc->moments & moment}});
}

static ctr_code ctr__refuse(ctr__builder *b, ctr_code code, const char *field, const char *text) {
  return ctr__fail(b->err, code, 0, field, "%s", text);
}

/* Whether the comma-separated list has the word. */
static bool ctr__list_has(const char *list, const char *word, size_t len) {
  for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
    if (strcspn(at, ",") == len && !memcmp(at, word, len)) return true;
  return false;
}

/* Joins head, steps and data into the block that leaves the builder, one allocation. */
static ctr_plan *ctr__builder_finish(ctr__builder *b, ctr__ref argv, ctr__ref envp) {
  const size_t head = (sizeof(ctr_plan) + 7) / 8 * 8;
  size_t steps_len = b->step_count * sizeof *b->steps;
  size_t size = head + steps_len + b->data_len;
  ctr_plan *plan = b->nomem || size > UINT32_MAX ? NULL : CTR_MALLOC(size);
  if (!plan) return NULL;
  memset(plan, 0, head); /* what fills it up belongs to the block as well */
  *plan = (ctr_plan){.size = (uint32_t)size,
                     .step_count = b->step_count,
                     .steps = (uint32_t)head,
                     .data = (uint32_t)(head + steps_len), /* a multiple of 8: alignment stays */
                     .argv = argv,
                     .envp = envp,
                     .bundle = b->bundle,
                     .state = b->state,
                     .root_dir = b->root_dir,
                     .mount_label = b->mount_label,
                     .io_uid = b->io_uid,
                     .io_gid = b->io_gid};
  if (steps_len) memcpy((char *)plan + head, b->steps, steps_len);
  if (b->data_len) memcpy((char *)plan + plan->data, b->data, b->data_len);
  return plan;
}
