/* The JSON reader and writer: what is read and written again is the same. The first byte: bounds.
 */
#include "fuzz.h"

static void must_be_well_formed(const ctr_json *root) {
  if (root->type == CTR_JSON_STRING) MUST(strlen(root->as.string.text) == root->as.string.len);
  if (root->type != CTR_JSON_ARRAY && root->type != CTR_JSON_OBJECT) return;
  size_t count = 0;
  for (const ctr_json *at = root->as.list.first; at; at = at->next) {
    MUST(!at->key == (root->type == CTR_JSON_ARRAY));
    MUST(at->next || at == root->as.list.last);
    MUST(at->line && at->column);
    if (at->key) MUST(ctr_json_get(root, at->key) == at); /* no name twice */
    must_be_well_formed(at);
    count++;
  }
  MUST(count == root->as.list.count);
}

static void must_stay_the_same(const ctr_json *root, ctr_json_style style) {
  ctr_arena mem = {0};
  ctr_json *again = NULL;
  ctr_err err;
  const ctr__string text = written(&mem, root, style);
  const ctr_json_limits wide = {.depth = 1 << 20, .bytes = 1 << 30};
  MUST(!ctr_json_parse(&mem, text.text, text.len, &wide, &again, &err), "%s: %s", err.msg,
       text.text);
  const ctr__string second = written(&mem, again, style);
  MUST(second.len == text.len && !memcmp(second.text, text.text, text.len), "%s | %s", text.text,
       second.text);
  ctr_arena_free(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static ctr_json *const untouched = (ctr_json *)&untouched;
  input in = {data, size};
  const uint8_t bounds = take_byte(&in);
  const ctr_json_limits limits = {.depth = bounds & 15, .bytes = (bounds >> 4) * 64u};
  ctr_arena mem = {0};
  ctr_json *root = untouched;
  ctr_err err;
  const size_t len = in.left;
  char *text = take_rest(&in);
  ctr_code code = ctr_json_parse(&mem, text, len, &limits, &root, &err);
  must_be_told(code, &err);
  MUST((code == CTR_OK) == (root != untouched));
  free(text); /* nothing of it is referred to */
  if (!code) {
    must_be_well_formed(root);
    must_stay_the_same(root, CTR_JSON_COMPACT);
    must_stay_the_same(root, CTR_JSON_INDENT);
  } else {
    MUST(code == CTR_E_JSON && !err.line == !err.column); /* one too long has no place */
  }
  ctr_arena_free(&mem);
  return 0;
}
