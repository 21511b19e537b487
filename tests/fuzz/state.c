/* What is kept of a container: state.json of any bytes, as another process than its maker reads it,
   and the plan of one more process in it. */
#include "files.h"
#include "fuzz.h"

static void must_write_back(const ctr__stored *stored) {
  ctr_arena mem = {0};
  ctr_err err = {.code = CTR_OK};
  ctr__stored *again = NULL;
  const ctr_json *value = ctr__write_object(&mem, &ctr__type_of_ctr__stored, stored);
  const ctr__string text = written(&mem, value, CTR_JSON_COMPACT);
  files_put("state.json", text.text, text.len);
  MUST(!ctr__load(&mem, 3, stored->id, &again, &err), "%s: %s", err.msg, text.text);
  value = ctr__write_object(&mem, &ctr__type_of_ctr__stored, again);
  const ctr__string second = written(&mem, value, CTR_JSON_COMPACT);
  MUST(!strcmp(text.text, second.text), "%s is not %s", text.text, second.text);
  ctr_arena_free(&mem);
}

static void tell_of(const ctr__stored *stored) {
  ctr_arena mem = {0};
  ctr_json *value = NULL;
  ctr_err err;
  const ctr_state state = {.ociVersion = stored->config.ociVersion,
                           .id = stored->id,
                           .bundle = stored->bundle,
                           .rootfs = stored->rootfs,
                           .created = stored->created,
                           .owner = stored->owner,
                           .status = CTR_STATUS_RUNNING,
                           .pid = (pid_t)stored->pid,
                           .annotations = stored->config.annotations};
  MUST(!ctr_state_to_json(&mem, &state, &value, &err));
  written(&mem, value, CTR_JSON_INDENT);
  const char *head = ctr__listener_head(&mem, &stored->config, stored->id, stored->bundle);
  MUST(head && ctr__listener_text(&mem, head, CTR_STATUS_CREATED, stored->pid, stored->pid));
  ctr_arena_free(&mem);
}

/* As ctr__exec_plan does, on a made-up machine. */
static void plan_exec(const ctr__stored *stored) {
  static const ctr__facts facts = {.initial_userns = true, .caps = ~UINT64_C(0), .features = 7};
  const ctr_plan_desc desc = {.bundle = stored->bundle, .id = stored->id};
  const char *paths[32];
  ctr__purpose purpose = {.goal = CTR__GOAL_EXEC,
                          .init_pid = (uint64_t)stored->pid,
                          .init_start = stored->startTime,
                          .cgroups = {paths, 0}};
  ctr_plan *plan = NULL;
  ctr_err err = {.code = CTR_OK};
  size_t chars = 0;
  for (size_t i = 0; i < stored->cgroup_count && i < 32; i++)
    paths[purpose.cgroups.count++] = stored->cgroups[i].path;
  ctr_code code = ctr__config_check(&stored->config, NULL, &err);
  if (!code) code = ctr__plan_compile(&stored->config, &desc, &purpose, &facts, &plan, &err);
  must_be_told(code, &err);
  if (!code) MUST(!ctr_plan_explain(plan, sink_nothing, &chars, &err) && chars);
  ctr_plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  ctr_arena mem = {0};
  ctr_err err = {.code = CTR_OK};
  ctr__stored *stored = NULL;
  files_clear();
  files_put("state.json", data, size);
  ctr_code code = ctr__load(&mem, 3, "box", &stored, &err);
  must_be_told(code, &err);
  MUST(!code == (stored != NULL) && (!code || code == CTR_E_CORRUPT));
  if (stored) {
    must_write_back(stored);
    tell_of(stored);
    plan_exec(stored);
  }
  ctr_arena_free(&mem);
  return 0;
}
