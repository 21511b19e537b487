/* Mount options: one to a line, of a mount whose kind the first byte says. What is found of them
   contradicts itself nowhere. */
#include "../unit/plan.h"
#include "fuzz.h"

enum { OPTIONS_MAX = 64 };

static void must_make_sense(const ctr__mount_spec *spec, size_t count) {
  const uint64_t all = CTR__ATTR_RDONLY | CTR__ATTR_NOSUID | CTR__ATTR_NODEV | CTR__ATTR_NOEXEC |
                       CTR__ATTR_ATIME | CTR__ATTR_NODIRATIME | CTR__ATTR_NOSYMFOLLOW;
  MUST(!((spec->set | spec->clr | spec->rec_set | spec->rec_clr) & ~all));
  MUST(!(spec->set & spec->clr & ~(uint64_t)CTR__ATTR_ATIME));
  MUST(!(spec->rec_set & spec->rec_clr & ~(uint64_t)CTR__ATTR_ATIME));
  MUST((spec->set & CTR__ATTR_ATIME) != CTR__ATTR_ATIME);
  MUST(spec->data_count <= count);
  for (size_t i = 0; i < spec->data_count; i++) MUST(*spec->data[i]);
  if (spec->bind && !spec->remount) MUST(!spec->copy_up && !spec->tmp_upper && !spec->old_api);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const types[] = {NULL, "bind", "tmpfs", "overlay", "proc", "cgroup", "x", ""};
  static const ctr_id_mapping map[] = {{0, 1000, 10}};
  input in = {data, size};
  const uint8_t kind = take_byte(&in);
  const char *options[OPTIONS_MAX];
  size_t count = 0;
  ctr_arena mem = {0};
  ctr_err err = {.code = CTR_OK};
  ctr_mount mount = {.destination = "/d", .source = "/s", .type = types[kind % 8]};
  if (kind & 8) mount.uidMappings = mount.gidMappings = (ctr_id_mappings){map, 1};
  while (in.left && count < OPTIONS_MAX) options[count++] = take_until(&in, '\n', &mem);
  mount.options = (ctr_strs){options, count};
  const ctr_config config = {.mounts = {&mount, 1}};
  const ctr_plan_desc desc = {.id = NULL};
  ctr__builder b = {.arena = &mem,
                    .config = &config,
                    .desc = &desc,
                    .facts = kind & 32 ? &root_facts : &user_facts,
                    .new_namespaces = kind & 16 ? CTR_NS_USER | CTR_NS_MOUNT : CTR_NS_MOUNT,
                    .uid_map = {map, 1},
                    .gid_map = {map, 1},
                    .err = &err};
  ctr__mount_spec spec;
  ctr_code code = ctr__mount_spec_read(&b, &mount, 0, &spec);
  must_be_told(code, &err);
  if (code)
    MUST(!strncmp(err.field, "mounts[0].options[", 18));
  else
    must_make_sense(&spec, count);
  ctr_arena_free(&mem);
  return 0;
}
