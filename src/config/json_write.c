/* The JSON writer, and builders for what it writes. */

typedef struct ctr__json_writer {
  ctr_sink sink;
  void *userdata;
  ctr_json_style style;
  ctr_err *err;
  ctr_code code; /* the first failure: nothing is written after it */
} ctr__json_writer;

static void ctr__json_put(ctr__json_writer *w, const char *text, size_t len) {
  if (w->code || !len) return;
  if (w->sink(w->userdata, text, len))
    w->code = ctr__fail(w->err, CTR_E_SYS, ECANCELED, NULL, "the sink stopped");
}

static void ctr__json_puts(ctr__json_writer *w, const char *text) {
  ctr__json_put(w, text, strlen(text));
}

static void ctr__json_put_string(ctr__json_writer *w, const char *text, size_t len) {
  static const char names[] = "\"\\bfnrt", values[] = "\"\\\b\f\n\r\t";
  const char *end = text + len, *plain = text;
  ctr__json_puts(w, "\"");
  while (text < end) {
    size_t n = ctr__utf8_len(text, end);
    if (!n) w->code = ctr__fail(w->err, CTR_E_ARG, 0, NULL, "a string that is not UTF-8");
    if (!n) return;
    unsigned char c = (unsigned char)*text;
    if (c >= 0x20 && c != '"' && c != '\\') {
      text += n;
      continue;
    }
    ctr__json_put(w, plain, (size_t)(text - plain));
    const char *found = c ? strchr(values, c) : NULL;
    char escape[8];
    if (found)
      snprintf(escape, sizeof escape, "\\%c", names[found - values]);
    else
      snprintf(escape, sizeof escape, "\\u%04x", c);
    ctr__json_puts(w, escape);
    plain = ++text;
  }
  ctr__json_put(w, plain, (size_t)(text - plain));
  ctr__json_puts(w, "\"");
}

/* The fewest digits that read back the same; 17 always do. The caller's locale may have put
   anything where the point should be. */
static void ctr__json_put_double(ctr__json_writer *w, double value) {
  if (!(value >= -DBL_MAX && value <= DBL_MAX)) {
    w->code = ctr__fail(w->err, CTR_E_ARG, 0, NULL, "a number that is not finite");
    return;
  }
  char text[48], out[48];
  for (int digits = 1; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  char *to = out;
  bool real = false;
  for (const char *at = text; *at; at++) {
    bool known = strchr("0123456789+-e", *at);
    real |= !known || *at == 'e';
    if (known) *to++ = *at;
    if (!known && to[-1] != '.') *to++ = '.';
  }
  if (!real) *to++ = '.';
  if (!real) *to++ = '0'; /* a double stays one when it is read again */
  ctr__json_put(w, out, (size_t)(to - out));
}

static void ctr__json_newline(ctr__json_writer *w, size_t depth) {
  if (w->style != CTR_JSON_INDENT) return;
  ctr__json_puts(w, "\n");
  while (depth--) ctr__json_puts(w, "  ");
}

static void ctr__json_put_scalar(ctr__json_writer *w, const ctr_json *value) {
  char text[32];
  switch (value->type) {
  case CTR_JSON_BOOL: ctr__json_puts(w, value->as.boolean ? "true" : "false"); break;
  case CTR_JSON_STRING: ctr__json_put_string(w, value->as.string.text, value->as.string.len); break;
  case CTR_JSON_DOUBLE: ctr__json_put_double(w, value->as.number); break;
  case CTR_JSON_INT:
    ctr__json_put(w, text, (size_t)(ctr__put_int(text, value->as.i64) - text));
    break;
  case CTR_JSON_UINT:
    ctr__json_put(w, text, (size_t)(ctr__put_uint(text, value->as.u64) - text));
    break;
  default: ctr__json_puts(w, "null"); break;
  }
}

/* An array or object that is being written. */
typedef struct ctr__json_frame {
  const ctr_json *list, *next;
  struct ctr__json_frame *up;
} ctr__json_frame;

static bool ctr__json_is_list(const ctr_json *value) {
  return value->type == CTR_JSON_ARRAY || value->type == CTR_JSON_OBJECT;
}

/* Writes a scalar, or opens a list and makes it the innermost frame. */
static void ctr__json_put_value(ctr__json_writer *w, ctr_arena *frames, const ctr_json *value,
                                ctr__json_frame **top) {
  if (!ctr__json_is_list(value)) {
    ctr__json_put_scalar(w, value);
    return;
  }
  ctr__json_frame *frame = ctr_arena_alloc(frames, sizeof *frame);
  if (!frame) {
    w->code = ctr__nomem(w->err);
    return;
  }
  *frame = (ctr__json_frame){value, value->as.list.first, *top};
  *top = frame;
  ctr__json_puts(w, value->type == CTR_JSON_OBJECT ? "{" : "[");
}

ctr_code ctr_json_write(const ctr_json *value, ctr_json_style style, ctr_sink sink, void *userdata,
                        ctr_err *err) {
  ctr__err_clear(err);
  if (!value || !sink) return ctr__fail(err, CTR_E_ARG, 0, NULL, "value and sink are needed");
  ctr__json_writer w = {sink, userdata, style, err, CTR_OK};
  ctr_arena frames = {0};
  ctr__json_frame *top = NULL;
  size_t depth = 0;
  ctr__json_put_value(&w, &frames, value, &top);
  while (top && !w.code) {
    const ctr_json *item = top->next;
    bool empty = !top->list->as.list.first, is_object = top->list->type == CTR_JSON_OBJECT;
    if (!item) {
      if (!empty) ctr__json_newline(&w, depth);
      ctr__json_puts(&w, is_object ? "}" : "]");
      top = top->up;
      depth -= depth > 0;
      continue;
    }
    if (item != top->list->as.list.first) ctr__json_puts(&w, ",");
    ctr__json_newline(&w, depth + 1);
    if (is_object) {
      ctr__json_put_string(&w, item->key, strlen(item->key));
      ctr__json_puts(&w, style == CTR_JSON_INDENT ? ": " : ":");
    }
    top->next = item->next;
    depth += ctr__json_is_list(item);
    ctr__json_put_value(&w, &frames, item, &top);
  }
  if (style == CTR_JSON_INDENT) ctr__json_puts(&w, "\n");
  ctr_arena_free(&frames);
  return w.code;
}

/* -- builders -- */

ctr_json *ctr_json_new(ctr_arena *arena, ctr_json_type type) {
  ctr_json *value = ctr_arena_alloc(arena, sizeof *value);
  if (value) value->type = type;
  return value;
}

ctr_json *ctr_json_new_string(ctr_arena *arena, const char *text) {
  ctr_json *value = ctr_json_new(arena, CTR_JSON_STRING);
  if (!value) return NULL;
  value->as.string.len = strlen(text);
  value->as.string.text = ctr__arena_strdup(arena, text);
  return value->as.string.text ? value : NULL;
}

ctr_json *ctr_json_new_int(ctr_arena *arena, int64_t number) {
  ctr_json *value = ctr_json_new(arena, CTR_JSON_INT);
  if (value) value->as.i64 = number;
  return value;
}

ctr_json *ctr_json_new_uint(ctr_arena *arena, uint64_t number) {
  if (number <= INT64_MAX) return ctr_json_new_int(arena, (int64_t)number);
  ctr_json *value = ctr_json_new(arena, CTR_JSON_UINT);
  if (value) value->as.u64 = number;
  return value;
}

ctr_json *ctr_json_new_bool(ctr_arena *arena, bool boolean) {
  ctr_json *value = ctr_json_new(arena, CTR_JSON_BOOL);
  if (value) value->as.boolean = boolean;
  return value;
}

ctr_json *ctr_json_add(ctr_arena *arena, ctr_json *list, const char *key, ctr_json *value) {
  if (!list || !value) return NULL;
  if (key) {
    value->key = ctr__arena_strdup(arena, key);
    if (!value->key) return NULL;
  }
  ctr__json_link(list, value);
  return value;
}
