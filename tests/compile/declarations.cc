// What a C++11 file can do with the declarations. Linked with implementation.c it says ok.
#include "ctr.h"
#include <cstdio>
#include <cstring>
#include <string>

namespace {

int collect(void *userdata, const char *text, size_t len) {
  static_cast<std::string *>(userdata)->append(text, len);
  return 0;
}

bool constants_work() {
  return CTR_CAP(CHECKPOINT_RESTORE) == UINT64_C(1) << 40 && CTR_NS_NETWORK > 0 &&
         std::strlen(CTR_VERSION) >= 5;
}

bool calls_work() {
  const std::string text = "{\"a\": [1, 2.5, null]}";
  std::string back;
  ctr_arena mem = {};
  ctr_json *root = nullptr;
  ctr_err err;
  bool ok = !ctr_json_parse(&mem, text.data(), text.size(), nullptr, &root, &err) &&
            !ctr_json_write(root, CTR_JSON_COMPACT, collect, &back, &err) &&
            back == "{\"a\":[1,2.5,null]}";
  ctr_arena_free(&mem);
  return ok;
}

bool refusal_works() {
  const char *const args[] = {"true"};
  ctr_config config = {};
  config.process.args.items = args;
  config.process.args.count = 1;
  ctr_plan_desc desc = {};
  ctr_plan *plan = nullptr;
  ctr_err err;
  return ctr_plan_new(&config, &desc, &plan, &err) == CTR_E_CONFIG && err.msg[0] && !plan;
}

bool containers_work() {
  ctr_container_desc desc = {};
  ctr_container *container = nullptr;
  ctr_err err;
  desc.root = "/";
  return ctr_container_open(desc.root, "no/id", &container, &err) == CTR_E_ARG && !container &&
         !std::strcmp(ctr_status_name(CTR_STATUS_PAUSED), "paused");
}

} // namespace

int main() {
  bool ok = constants_work() && calls_work() && refusal_works() && containers_work();
  std::puts(ok ? "ok" : "wrong");
  return !ok;
}
