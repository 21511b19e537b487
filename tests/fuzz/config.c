/* config.json, and the parts of it that commands read alone: what is read is written back and reads
   as the same. The first byte: which. */
#include "fuzz.h"

static ctr__string config_text(ctr_arena *mem, const ctr_config *config) {
  ctr_json *value = NULL;
  ctr_err err;
  ctr_code code = ctr_config_to_json(mem, config, &value, &err);
  MUST(!code, "what was read cannot be written: %s", err.msg);
  return written(mem, value, CTR_JSON_INDENT);
}

static void must_read_back(const ctr_config *config) {
  ctr_arena mem = {0};
  ctr_config *again = NULL;
  ctr_err err;
  const ctr__string text = config_text(&mem, config);
  ctr_code code = ctr_config_parse(&mem, text.text, text.len, &again, &err);
  MUST(!code, "what was written cannot be read: %s: %s", err.msg, text.text);
  const ctr__string second = config_text(&mem, again);
  MUST(!strcmp(text.text, second.text), "%s is not %s", text.text, second.text);
  ctr_arena_free(&mem);
}

static ctr_code read_whole(ctr_arena *mem, const char *text, size_t len, ctr_err *err) {
  ctr_config *config = NULL;
  ctr_code code = ctr_config_parse(mem, text, len, &config, err);
  if (!code) must_read_back(config);
  if (!code) ctr__config_check(config, NULL, &(ctr_err){.code = CTR_OK});
  return code;
}

/* With the names that are not known. */
static ctr_code read_tree(ctr_arena *mem, const char *text, size_t len, ctr_err *err) {
  ctr_json *value = NULL;
  ctr_config *config = NULL;
  ctr_strs unknown = {NULL, 0};
  size_t chars = 0;
  ctr_arena tree = {0};
  ctr_code code = ctr_json_parse(&tree, text, len, NULL, &value, err);
  if (!code) code = ctr_config_from_json(mem, value, &config, &unknown, err);
  ctr_arena_free(&tree); /* nothing of it is referred to */
  for (size_t i = 0; i < unknown.count; i++) chars += strlen(unknown.items[i]);
  MUST(chars >= unknown.count);
  if (!code) must_read_back(config);
  return code;
}

static ctr_code read_process(ctr_arena *mem, const char *text, size_t len, ctr_err *err) {
  ctr_process_config *process = NULL;
  ctr_code code = ctr_process_config_parse(mem, text, len, &process, err);
  if (code) return code;
  must_read_back(&(ctr_config){.process = *process});
  return CTR_OK;
}

static ctr_code read_resources(ctr_arena *mem, const char *text, size_t len, ctr_err *err) {
  ctr_resources *resources = NULL;
  ctr_code code = ctr_resources_parse(mem, text, len, &resources, err);
  if (code) return code;
  must_read_back(&(ctr_config){.linux_ = {.resources = *resources}});
  return CTR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static ctr_code (*const readers[])(ctr_arena *, const char *, size_t,
                                     ctr_err *) = {read_whole, read_tree, read_process,
                                                   read_resources};
  input in = {data, size};
  const uint8_t which = take_byte(&in);
  ctr_arena mem = {0};
  ctr_err err = {.code = CTR_OK};
  const size_t len = in.left;
  char *text = take_rest(&in);
  ctr_code code = readers[which % 4](&mem, text, len, &err);
  must_be_told(code, &err);
  free(text);
  ctr_arena_free(&mem);
  return 0;
}
