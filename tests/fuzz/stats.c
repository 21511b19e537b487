/* Files of a cgroup, which whoever is inside may have put something in the place of. The first
   byte: of which version; then files: a name, a line's end, what it has, 0xff. */
#include "files.h"
#include "fuzz.h"

static void watch(const char *text) {
  ctr_arena mem = {0};
  ctr_pressure pressure = {.some = {.set = false}};
  uint64_t value;
  ctr__stats_pressure(ctr__arena_strdup(&mem, text), &pressure);
  ctr__watch_value(ctr__arena_strdup(&mem, text), "oom_kill", &value);
  ctr_arena_free(&mem);
}

static void read_all(const char *of) {
  ctr_arena mem = {0};
  ctr_stats stats = {.cpu.usage.total.set = false};
  ctr_json *value = NULL;
  ctr_err err = {.code = CTR_OK};
  for (int twice = 0; twice < 2; twice++) { /* two hierarchies may know the same */
    ctr_code code = ctr__stats_read(3, of, "/cgroup", &mem, &stats, &err);
    must_be_told(code, &err);
    MUST(!code || code == CTR_E_SYS);
    MUST(!ctr_stats_to_json(&mem, &stats, &value, &err)); /* what was read before is whole */
    written(&mem, value, CTR_JSON_COMPACT);
  }
  ctr_arena_free(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char all[] = "cpu,cpuacct,cpuset,memory,pids,blkio,hugetlb,rdma";
  input in = {data, size};
  const bool v2 = take_byte(&in) & 1;
  ctr_arena mem = {0};
  files_clear();
  while (in.left) {
    const char *name = take_until(&in, '\n', &mem), *text = take_until(&in, '\xff', &mem);
    files_put(name, text, strlen(text));
    watch(text);
  }
  read_all(v2 ? NULL : all);
  ctr_arena_free(&mem);
  return 0;
}
