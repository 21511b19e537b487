/* Which ids are whose: passwd(5), subuid(5), nsswitch.conf(5), maps of the kernel's; parted by
   bytes 0xff, in this order. Then maps of a config, and what may be asked of them. */
#include "files.h"
#include "fuzz.h"

static const char *const names[] = {"passwd", "subuid", "nsswitch.conf", "uid_map"};

/* Bounds in 64 bits: no range goes round. */
static void must_be_ranges(const ctr__id_ranges *ids) {
  MUST(ids->count <= CTR__ID_RANGES);
  for (size_t i = 0; i < ids->count; i++)
    MUST(ids->items[i].count && (uint64_t)ids->items[i].first + ids->items[i].count <= UINT32_MAX);
}

static bool reference_has(const ctr__id_ranges *ids, uint32_t first, uint32_t count) {
  for (size_t i = 0; i < ids->count; i++)
    if (first >= ids->items[i].first &&
        (uint64_t)first + count <= (uint64_t)ids->items[i].first + ids->items[i].count)
      return true;
  return false;
}

static void ask(const ctr__id_ranges *ids, uint32_t first, uint32_t count) {
  const bool has = count && ctr__ids_have(ids, first, count);
  if (!count) return;
  MUST(has == reference_has(ids, first, count), "%u + %u", first, count);
  MUST(!has || ctr__ids_have_together(ids, first, count));
}

static void must_map_rightly(ctr_id_mappings map, uint32_t id) {
  uint32_t host = 0;
  const bool mapped = ctr__id_mapped(map, id, &host);
  size_t i = 0;
  while (i < map.count && !(id >= map.items[i].containerID &&
                            id < (uint64_t)map.items[i].containerID + map.items[i].size))
    i++;
  MUST(mapped == (i < map.count));
  if (mapped) MUST(host == (uint32_t)(map.items[i].hostID + (id - map.items[i].containerID)));
}

static void read_files(ctr_arena *mem, input *rest) {
  ctr__id_ranges ids;
  ctr_id_mappings map;
  ctr__user_entry user;
  const uint32_t first = take_u32(rest), count = take_u32(rest);
  MUST(ctr__user_entry_read(mem, getuid(), &user) == 0);
  MUST(!user.name || (!strchr(user.name, ':') && !strchr(user.name, '\n')));
  MUST(ctr__ids_given(mem, CTR__UIDS, &ids) == 0);
  must_be_ranges(&ids);
  ask(&ids, first, count);
  MUST(ctr__ids_of_namespace(mem, CTR__UIDS, &ids) == 0);
  must_be_ranges(&ids);
  ask(&ids, first, count);
  MUST(ctr__read_map(mem, "uid_map", &map) == 0);
  must_map_rightly(map, first);
}

/* As a config has them: checked, compiled, and never what the kernel would not take. */
static void plan_maps(input *rest) {
  static const ctr__facts facts = {.initial_userns = true, .caps = ~UINT64_C(0), .features = 7};
  static const ctr_namespace spaces[] = {{CTR_NS_MOUNT, NULL}, {CTR_NS_USER, NULL}};
  ctr_id_mapping maps[2][24];
  size_t counts[2];
  ctr_plan *plan = NULL;
  ctr_err err = {.code = CTR_OK};
  for (int k = 0; k < 2; k++) {
    counts[k] = take_byte(rest) % 24;
    for (size_t i = 0; i < counts[k]; i++)
      maps[k][i] = (ctr_id_mapping){take_u32(rest) % 8, take_u32(rest) % 8, take_u32(rest)};
  }
  const ctr_config config = {.root = {"/r", false},
                             .process = {.cwd = "/", .args = CTR_STRS("/p")},
                             .linux_ = {.namespaces = {spaces, 2},
                                        .uidMappings = {maps[0], counts[0]},
                                        .gidMappings = {maps[1], counts[1]}}};
  const ctr_plan_desc desc = {.id = NULL};
  ctr_code code = ctr__config_check(&config, NULL, &err);
  for (int k = 0; k < 2 && !code; k++)
    for (size_t i = 0; i < counts[k]; i++)
      for (size_t j = 0; j <= i; j++) {
        const ctr_id_mapping *a = &maps[k][i], *b = &maps[k][j];
        MUST((uint64_t)a->containerID + a->size <= UINT32_MAX + UINT64_C(1) && a->size);
        MUST(i == j || a->containerID >= (uint64_t)b->containerID + b->size ||
             b->containerID >= (uint64_t)a->containerID + a->size);
      }
  if (!code) code = ctr__plan_compile(&config, &desc, &ctr__for_program, &facts, &plan, &err);
  must_be_told(code, &err);
  ctr_plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size};
  ctr_arena mem = {0};
  files_clear();
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *text = take_until(&in, '\xff', &mem);
    files_put(names[i], text, strlen(text));
  }
  read_files(&mem, &in);
  plan_maps(&in);
  ctr_arena_free(&mem);
  return 0;
}
