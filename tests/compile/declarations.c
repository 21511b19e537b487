/* What a C99 file can do with the declarations alone. Linked with implementation.c it says ok. */
#include "ctr.h"
#include <stdio.h>
#include <string.h>

static int collect(void *userdata, const char *text, size_t len) {
  char *into = (char *)userdata;
  strncat(into, text, len);
  return 0;
}

static int strings_work(const char *middle) {
  ctr_strs strs = CTR_STRS("one", middle, "three");
  ctr_strs single = CTR_STRS("alone");
  return strs.count == 3 && single.count == 1 && !strcmp(strs.items[1], middle) &&
         !strcmp(strs.items[2], "three") && !strcmp(single.items[0], "alone");
}

static int constants_work(void) {
  return CTR_CAP(CHECKPOINT_RESTORE) == UINT64_C(1) << 40 && CTR_CAP_COUNT == 41 &&
         CTR_NS_NETWORK > 0 && CTR_OK == 0 && strlen(CTR_VERSION) >= 5 &&
         !strcmp(CTR_OCI_VERSION, "1.3.0");
}

static int calls_work(void) {
  const char text[] = "{\"a\": [1, 2.5, null]}";
  char back[64] = "";
  ctr_arena mem = {0};
  ctr_json *root = NULL;
  ctr_err err;
  int ok = !ctr_json_parse(&mem, text, sizeof text - 1, NULL, &root, &err) &&
           !ctr_json_write(root, CTR_JSON_COMPACT, collect, back, &err) &&
           !strcmp(back, "{\"a\":[1,2.5,null]}");
  ctr_arena_free(&mem);
  return ok;
}

static int refusal_works(void) {
  ctr_config config;
  ctr_plan_desc desc = {0};
  ctr_plan *plan = NULL;
  ctr_err err;
  memset(&config, 0, sizeof config);
  config.process.args = CTR_STRS("true");
  return ctr_plan_new(&config, &desc, &plan, &err) == CTR_E_CONFIG && err.msg[0] && !plan;
}

static int containers_work(void) {
  ctr_container_desc desc = {0};
  ctr_container *container = NULL;
  ctr_err err;
  desc.root = "/";
  return ctr_container_open(desc.root, "no/id", &container, &err) == CTR_E_ARG && !container &&
         !strcmp(ctr_status_name(CTR_STATUS_PAUSED), "paused");
}

int main(void) {
  int ok = strings_work("two") && constants_work() && calls_work() && refusal_works() &&
           containers_work();
  puts(ok ? "ok" : "wrong");
  return !ok;
}
