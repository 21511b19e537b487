/* Plans: of any config, on a made-up machine, for any purpose, with memory that may run out. The
   block that comes out is whole: every reference leads into it, to what it is there for.

   No plan is ever read from outside the process: the child is a clone and has the parent's. What is
   kept of a container is its config and state, from which a plan is made again (state.c). */
#include "../unit/plan.h"
#include "fuzz.h"

/* -- the block -- */

static void must_be_string(const ctr_plan *plan, ctr__ref ref) {
  const size_t room = plan->size - plan->data;
  if (!ref) return;
  MUST(ref < room && memchr(ctr__plan_str(plan, ref), '\0', room - ref));
}

static bool is_list(const ctr_plan *plan, ctr__ref ref) {
  const size_t room = plan->size - plan->data;
  return !ref ||
         (ref % 4 == 0 && ref + 4 <= room && ctr__list_count(plan, ref) <= (room - ref - 4) / 4);
}

static void must_be_strings(const ctr_plan *plan, ctr__ref list) {
  MUST(is_list(plan, list));
  for (uint32_t i = 0; i < ctr__list_count(plan, list); i++) {
    MUST(ctr__list_items(plan, list)[i]);
    must_be_string(plan, ctr__list_items(plan, list)[i]);
  }
}

static void must_be_whole(const ctr_plan *plan) {
  MUST(plan->steps >= sizeof *plan && plan->steps % 8 == 0 && plan->data % 8 == 0);
  MUST(plan->data == plan->steps + plan->step_count * sizeof(ctr__step));
  MUST(plan->data <= plan->size);
  must_be_strings(plan, plan->argv);
  must_be_strings(plan, plan->envp);
  const ctr__ref strings[] = {plan->bundle, plan->state, plan->root_dir};
  for (size_t i = 0; i < 3; i++) must_be_string(plan, strings[i]);
  for (uint32_t i = 0; i < plan->step_count; i++) {
    const ctr__step *step = ctr__plan_step(plan, i);
    MUST(step->kind < CTR__STEP_COUNT && step->lane <= CTR__LANE_BOTH);
    must_be_string(plan, step->field);
    for (int k = 0; k < CTR__STEP_STRS; k++)
      MUST(step->str[k] < plan->size - plan->data || !step->str[k]);
    if (step->kind == CTR__STEP_HOOK) must_be_strings(plan, step->str[1]);
    if (step->kind == CTR__STEP_MOUNT_FS) must_be_strings(plan, step->str[2]);
    if (step->kind == CTR__STEP_FILTER)
      MUST(step->num[0] && step->num[0] <= CTR__FILTER_INSNS_MAX &&
           step->str[1] + step->num[0] * CTR__FILTER_INSN <= plan->size - plan->data);
  }
}

/* -- what it is made of -- */

static const ctr__facts *const machines[] = {&root_facts, &user_facts, &nested_facts,
                                             &old_kernel_facts};

/* What an ordinary user may have on a machine that gives out ids. */
static ctr__facts facts_of(uint8_t byte) {
  ctr__facts facts = *machines[byte % 4];
  if (byte & 4) {
    strcpy(facts.id_helpers[CTR__UIDS], "/h/u");
    strcpy(facts.id_helpers[CTR__GIDS], "/h/g");
    for (int i = 0; i < CTR__ID_KINDS; i++)
      facts.given_ids[i] = facts.own_ids[i] =
          (ctr__id_ranges){.items = {{0, 1}, {100000, 65536}, {165536, 10}},
                           .count = 3,
                           .known = true};
  }
  if (byte & 8) strcpy(facts.block_file_systems, "ext4,xfs");
  if (byte & 16) facts.groups_denied = true;
  if (byte & 32) facts.features |= CTR_FEATURE_CLONE_INTO_CGROUP;
  return facts;
}

static ctr_plan_desc desc_of(uint16_t bits) {
  return (ctr_plan_desc){.id = bits & 1 ? "box" : NULL,
                         .bundle = bits & 2 ? "/bundle" : NULL,
                         .moments = bits >> 2 & 3,
                         .no_pivot = bits & 16,
                         .no_cgroup = bits & 32,
                         .no_new_keyring = bits & 64,
                         .die_with_caller = bits & 128,
                         .call_function = bits & 256,
                         .inner_userns = bits & 512,
                         .no_default_devices = bits & 1024,
                         .no_new_session = bits & 2048,
                         .no_new_cwd = bits & 4096,
                         .log = {keep_warning, &now}};
}

static ctr__purpose purpose_of(uint8_t byte, const ctr_config *config) {
  static const char *const cgroups[] = {"/dev/null/v2/box"};
  return (ctr__purpose){.goal = (enum ctr__goal)(byte % 6),
                        .init_pid = 4711,
                        .init_start = 815,
                        .cgroups = {cgroups, byte >> 3 & 1},
                        .changed = &config->linux_.resources,
                        .hook_kind = CTR__HOOK_POSTSTOP,
                        .hook_index = 0};
}

/* A hook is asked for only where there is one. */
static bool is_possible(const ctr__purpose *purpose, const ctr_plan_desc *desc,
                        const ctr_config *config) {
  const bool container = purpose->goal == CTR__GOAL_RUN || purpose->goal == CTR__GOAL_CREATE;
  if (purpose->goal == CTR__GOAL_HOOK) return desc->id && config->hooks.poststop.count;
  return desc->id || !container;
}

static void plan_it(const ctr_config *config, uint8_t machine, uint8_t goal, uint16_t bits,
                    long allocations) {
  const ctr__facts facts = facts_of(machine);
  const ctr_plan_desc desc = desc_of(bits);
  const ctr__purpose purpose = purpose_of(goal, config);
  ctr_err err = {.code = CTR_OK};
  ctr_plan *plan = NULL;
  size_t chars = 0;
  if (!is_possible(&purpose, &desc, config)) return;
  now.warnings[0] = '\0';
  ctr_code code = ctr__config_check(config, &desc.log, &err);
  must_be_told(code, &err);
  if (code) return;
  ctr__builder b = {
      .config = config, .desc = &desc, .purpose = &purpose, .facts = &facts, .err = &err};
  allocations_until_one_fails = allocations;
  code = compile_on(&made_up_hierarchies, &b, &plan);
  const bool was_short = allocations >= 0 && allocations_until_one_fails < 0;
  allocations_until_one_fails = -1;
  must_be_told(code, &err);
  MUST(!code == (plan != NULL));
  MUST(!was_short || code); /* what is refused besides may be said first */
  if (!plan) return;
  must_be_whole(plan);
  MUST(!ctr_plan_explain(plan, sink_nothing, &chars, &err));
  MUST(!chars == !plan->step_count); /* an update that changes nothing has none */
  ctr_plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size};
  const uint8_t machine = take_byte(&in), goal = take_byte(&in), shortage = take_byte(&in);
  const uint16_t bits = (uint16_t)(take_byte(&in) | take_byte(&in) << 8);
  ctr_arena mem = {0};
  ctr_config *config = NULL;
  const size_t len = in.left;
  char *text = take_rest(&in);
  if (!ctr_config_parse(&mem, text, len, &config, NULL))
    plan_it(config, machine, goal, bits, shortage & 1 ? shortage >> 1 : -1);
  free(text);
  ctr_arena_free(&mem);
  return 0;
}
