/* The JSON reader: RFC 8259 to the letter, one pass, no recursion. */

enum {
  CTR__JSON_DEPTH = 64,
  CTR__JSON_BYTES = 16 << 20,
  CTR__JSON_NUMBER_MAX = 1024, /* characters: 767 digits decide any double, the rest is mischief */
  CTR__JSON_FEW = 16,          /* members that are compared pair by pair */
};

typedef struct ctr__json_reader {
  ctr_arena *arena;
  const char *at, *end, *line_start;
  uint32_t line;
  ctr_json **open; /* the arrays and objects around us, outermost first */
  size_t depth, depth_max;
  ctr_err *err;
} ctr__json_reader;

static ctr_code ctr__json_fail(ctr__json_reader *r, const char *at, const char *what) {
  uint32_t column = (uint32_t)(at - r->line_start) + 1;
  ctr__fail(r->err, CTR_E_JSON, 0, NULL, "line %u, column %u: %s", r->line, column, what);
  if (r->err) {
    r->err->line = r->line;
    r->err->column = column;
  }
  return CTR_E_JSON;
}

static void ctr__json_skip_space(ctr__json_reader *r) {
  for (; r->at < r->end; r->at++) {
    if (*r->at == '\n') {
      r->line++;
      r->line_start = r->at + 1;
    } else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r') {
      return;
    }
  }
}

/* -- strings -- */

/* The length of the UTF-8 sequence at text, or 0 when it is none: too long a form, a surrogate,
   past U+10FFFF (RFC 3629). */
static size_t ctr__utf8_len(const char *text, const char *end) {
  const unsigned char *s = (const unsigned char *)text;
  size_t left = (size_t)(end - text);
  if (s[0] < 0x80) return 1;
  size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
  if (s[0] < 0xc2 || s[0] > 0xf4 || left < len) return 0;
  for (size_t i = 1; i < len; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
      (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
    return 0;
  return len;
}

static char *ctr__utf8_put(char *to, uint32_t c) {
  if (c < 0x80) {
    *to++ = (char)c;
  } else if (c < 0x800) {
    *to++ = (char)(0xc0 | c >> 6);
    *to++ = (char)(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    *to++ = (char)(0xe0 | c >> 12);
    *to++ = (char)(0x80 | (c >> 6 & 0x3f));
    *to++ = (char)(0x80 | (c & 0x3f));
  } else {
    *to++ = (char)(0xf0 | c >> 18);
    *to++ = (char)(0x80 | (c >> 12 & 0x3f));
    *to++ = (char)(0x80 | (c >> 6 & 0x3f));
    *to++ = (char)(0x80 | (c & 0x3f));
  }
  return to;
}

/* Four hexadecimal digits, or -1. */
static int32_t ctr__json_hex4(const char *at, const char *end) {
  int32_t value = 0;
  if (end - at < 4) return -1;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* What follows "\u", with the second half of a surrogate pair. */
static ctr_code ctr__json_unicode(ctr__json_reader *r, const char **from, const char *end,
                                  char **to) {
  const char *at = *from;
  int32_t c = ctr__json_hex4(at, end);
  if (c < 0) return ctr__json_fail(r, at, "\\u wants four hexadecimal digits");
  if (c == 0) return ctr__json_fail(r, at, "a string cannot hold NUL");
  *from += 4;
  if (c >= 0xdc00 && c <= 0xdfff) return ctr__json_fail(r, at, "a lone low surrogate");
  if (c >= 0xd800 && c <= 0xdbff) {
    int32_t low = end - *from >= 6 && (*from)[0] == '\\' && (*from)[1] == 'u'
                      ? ctr__json_hex4(*from + 2, end)
                      : -1;
    if (low < 0xdc00 || low > 0xdfff) return ctr__json_fail(r, at, "a lone high surrogate");
    *from += 6;
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
  }
  *to = ctr__utf8_put(*to, (uint32_t)c);
  return CTR_OK;
}

static ctr_code ctr__json_escape(ctr__json_reader *r, const char **from, const char *end,
                                 char **to) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  char c = *(*from)++;
  if (c == 'u') return ctr__json_unicode(r, from, end, to);
  const char *found = c ? strchr(names, c) : NULL;
  if (!found) return ctr__json_fail(r, *from - 2, "an escape that JSON does not have");
  *(*to)++ = values[found - names];
  return CTR_OK;
}

/* The closing quote of a string whose content starts at at, or end. */
static const char *ctr__json_string_end(const char *at, const char *end) {
  while (at < end && *at != '"') at += *at == '\\' && end - at > 1 ? 2 : 1;
  return at;
}

/* Reads a string, the opening quote being next. What is decoded is never longer than its text. */
static ctr_code ctr__json_string(ctr__json_reader *r, const char **ret_text, size_t *ret_len) {
  const char *from = r->at + 1, *end = ctr__json_string_end(from, r->end);
  if (end == r->end) return ctr__json_fail(r, r->at, "a string that does not end");
  char *text = ctr_arena_alloc(r->arena, (size_t)(end - from) + 1), *to = text;
  if (!text) return ctr__nomem(r->err);
  while (from < end) {
    unsigned char c = (unsigned char)*from;
    if (c < 0x20)
      return ctr__json_fail(r, from,
                            c ? "a control character in a string must be escaped"
                              : "a string cannot hold NUL");
    if (c == '\\') {
      from++;
      ctr_code code = ctr__json_escape(r, &from, end, &to);
      if (code) return code;
      continue;
    }
    size_t len = ctr__utf8_len(from, end);
    if (!len) return ctr__json_fail(r, from, "bytes that are not UTF-8");
    while (len--) *to++ = *from++;
  }
  r->at = end + 1;
  *ret_text = text;
  *ret_len = (size_t)(to - text);
  return CTR_OK;
}

/* -- numbers -- */

static const char *ctr__json_digits(const char *at, const char *end) {
  while (at < end && *at >= '0' && *at <= '9') at++;
  return at;
}

/* The end of the number at r->at and whether it has a fraction or an exponent; NULL when the
   grammar does not allow it. */
static const char *ctr__json_number_end(const ctr__json_reader *r, bool *ret_real) {
  const char *at = r->at + (*r->at == '-'), *digits = at;
  at = ctr__json_digits(at, r->end);
  if (at == digits || (*digits == '0' && at - digits > 1)) return NULL;
  *ret_real = false;
  if (at < r->end && *at == '.') {
    *ret_real = true;
    digits = ++at;
    at = ctr__json_digits(at, r->end);
    if (at == digits) return NULL;
  }
  if (at < r->end && (*at == 'e' || *at == 'E')) {
    *ret_real = true;
    at++;
    if (at < r->end && (*at == '+' || *at == '-')) at++;
    digits = at;
    at = ctr__json_digits(at, r->end);
    if (at == digits) return NULL;
  }
  return at;
}

/* An integer that fits 64 bits, exactly; false when it does not. */
static bool ctr__json_integer(const char *at, const char *end, ctr_json *node) {
  bool negative = *at == '-';
  uint64_t value = 0;
  for (at += negative; at < end; at++) {
    uint64_t digit = (uint64_t)(*at - '0');
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  if (negative && value > (uint64_t)INT64_MAX + 1) return false;
  if (!negative && value > INT64_MAX) {
    node->type = CTR_JSON_UINT;
    node->as.u64 = value;
  } else {
    node->type = CTR_JSON_INT;
    node->as.i64 = negative ? (int64_t)(0 - value) : (int64_t)value;
  }
  return true;
}

/* strtod(3) in the "C" locale, whatever the caller's says about decimal points. */
static ctr_code ctr__json_real(ctr__json_reader *r, const char *end, ctr_json *node) {
  char text[CTR__JSON_NUMBER_MAX + 1];
  memcpy(text, r->at, (size_t)(end - r->at));
  text[end - r->at] = '\0';
  locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  if (!c_locale) return ctr__nomem(r->err);
  node->type = CTR_JSON_DOUBLE;
  node->as.number = strtod_l(text, NULL, c_locale);
  freelocale(c_locale);
  if (node->as.number > DBL_MAX || node->as.number < -DBL_MAX)
    return ctr__json_fail(r, r->at, "a number too large for a double");
  return CTR_OK;
}

static ctr_code ctr__json_number(ctr__json_reader *r, ctr_json *node) {
  bool real;
  const char *end = ctr__json_number_end(r, &real);
  if (!end) return ctr__json_fail(r, r->at, "not a number as JSON writes it");
  if (end - r->at > CTR__JSON_NUMBER_MAX)
    return ctr__json_fail(r, r->at, "a number of more than 1024 characters");
  if (real || !ctr__json_integer(r->at, end, node)) {
    ctr_code code = ctr__json_real(r, end, node);
    if (code) return code;
  }
  r->at = end;
  return CTR_OK;
}

/* -- names that occur twice -- */

/* SipHash-1-3 keyed by the kernel's random bytes for this process (getauxval(3), AT_RANDOM): nobody
   can choose names that collide. */
static uint64_t ctr__siphash(const uint64_t key[2], const char *data, size_t len) {
#define CTR__ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))
#define CTR__SIPROUND                                                                              \
  (v[0] += v[1], v[1] = CTR__ROTL(v[1], 13) ^ v[0], v[0] = CTR__ROTL(v[0], 32), v[2] += v[3],      \
   v[3] = CTR__ROTL(v[3], 16) ^ v[2], v[0] += v[3], v[3] = CTR__ROTL(v[3], 21) ^ v[0],             \
   v[2] += v[1], v[1] = CTR__ROTL(v[1], 17) ^ v[2], v[2] = CTR__ROTL(v[2], 32))
  uint64_t v[4] = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
                   key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573};
  for (size_t at = 0; at <= len; at += 8) {
    size_t n = len - at < 8 ? len - at : 8;
    uint64_t word = n < 8 ? (uint64_t)len << 56 : 0;
    for (size_t i = 0; i < n; i++) word |= (uint64_t)(unsigned char)data[at + i] << 8 * i;
    v[3] ^= word;
    CTR__SIPROUND;
    v[0] ^= word;
  }
  v[2] ^= 0xff;
  for (int i = 0; i < 3; i++) CTR__SIPROUND;
  return v[0] ^ v[1] ^ v[2] ^ v[3];
#undef CTR__SIPROUND
#undef CTR__ROTL
}

static const ctr_json *ctr__json_twice_few(const ctr_json *object) {
  for (const ctr_json *a = object->as.list.first; a; a = a->next)
    for (const ctr_json *b = object->as.list.first; b != a; b = b->next)
      if (!strcmp(a->key, b->key)) return a;
  return NULL;
}

/* table: a power of two, at least twice as many places as there are members. */
static const ctr_json *ctr__json_twice_many(const ctr_json *object, const ctr_json **table,
                                            size_t places) {
  uint64_t key[2] = {0};
  const void *random = (const void *)(uintptr_t)getauxval(AT_RANDOM);
  if (random) memcpy(key, random, sizeof key);
  for (const ctr_json *m = object->as.list.first; m; m = m->next) {
    size_t place = (size_t)ctr__siphash(key, m->key, strlen(m->key)) & (places - 1);
    for (; table[place]; place = (place + 1) & (places - 1))
      if (!strcmp(table[place]->key, m->key)) return m;
    table[place] = m;
  }
  return NULL;
}

static ctr_code ctr__json_check_names(ctr__json_reader *r, const ctr_json *object) {
  const ctr_json *twice;
  if (object->as.list.count <= CTR__JSON_FEW) {
    twice = ctr__json_twice_few(object);
  } else {
    size_t places = 4 * CTR__JSON_FEW;
    while (places < 2 * object->as.list.count) places *= 2;
    const ctr_json **table = CTR_MALLOC(places * sizeof *table);
    if (!table) return ctr__nomem(r->err);
    memset(table, 0, places * sizeof *table);
    twice = ctr__json_twice_many(object, table, places);
    CTR_FREE(table);
  }
  if (!twice) return CTR_OK;
  ctr__fail(r->err, CTR_E_JSON, 0, NULL, "line %u, column %u: the name \"%.100s\" a second time",
            twice->line, twice->column, twice->key);
  if (r->err) {
    r->err->line = twice->line;
    r->err->column = twice->column;
  }
  return CTR_E_JSON;
}

/* -- values -- */

static ctr_code ctr__json_literal(ctr__json_reader *r, ctr_json *node) {
  static const struct {
    const char *text;
    size_t len;
    ctr_json_type type;
    bool value;
  } literals[] = {{"null", 4, CTR_JSON_NULL, false},
                  {"true", 4, CTR_JSON_BOOL, true},
                  {"false", 5, CTR_JSON_BOOL, false}};
  for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
    if ((size_t)(r->end - r->at) < literals[i].len ||
        memcmp(r->at, literals[i].text, literals[i].len) != 0)
      continue;
    node->type = literals[i].type;
    node->as.boolean = literals[i].value;
    r->at += literals[i].len;
    return CTR_OK;
  }
  return ctr__json_fail(r, r->at, "expected a value");
}

static ctr_code ctr__json_open(ctr__json_reader *r, ctr_json *node) {
  if (r->depth == r->depth_max)
    return ctr__json_fail(r, r->at, "arrays and objects are nested too deeply");
  node->type = *r->at++ == '{' ? CTR_JSON_OBJECT : CTR_JSON_ARRAY;
  r->open[r->depth++] = node;
  return CTR_OK;
}

/* One value; of an array or an object only its start. */
static ctr_code ctr__json_value(ctr__json_reader *r, ctr_json *node) {
  if (r->at == r->end) return ctr__json_fail(r, r->at, "expected a value, found the end");
  switch (*r->at) {
  case '{':
  case '[': return ctr__json_open(r, node);
  case '"':
    node->type = CTR_JSON_STRING;
    return ctr__json_string(r, &node->as.string.text, &node->as.string.len);
  case 'n':
  case 't':
  case 'f': return ctr__json_literal(r, node);
  default: break;
  }
  if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9')) return ctr__json_number(r, node);
  return ctr__json_fail(r, r->at, "expected a value");
}

static ctr_code ctr__json_key(ctr__json_reader *r, ctr_json *node) {
  size_t len;
  if (r->at == r->end || *r->at != '"')
    return ctr__json_fail(r, r->at, "expected a name in quotes");
  ctr_code code = ctr__json_string(r, &node->key, &len);
  if (code) return code;
  ctr__json_skip_space(r);
  if (r->at == r->end || *r->at != ':')
    return ctr__json_fail(r, r->at, "expected ':' after a name");
  r->at++;
  ctr__json_skip_space(r);
  return CTR_OK;
}

static void ctr__json_link(ctr_json *list, ctr_json *node) {
  if (list->as.list.last)
    list->as.list.last->next = node;
  else
    list->as.list.first = node;
  list->as.list.last = node;
  list->as.list.count++;
}

/* Whether the innermost array or object ends here; if it does, it is closed. */
static bool ctr__json_close(ctr__json_reader *r, ctr_code *code) {
  const ctr_json *list = r->open[r->depth - 1];
  if (r->at == r->end || *r->at != (list->type == CTR_JSON_OBJECT ? '}' : ']')) return false;
  r->at++;
  r->depth--;
  if (list->type == CTR_JSON_OBJECT) *code = ctr__json_check_names(r, list);
  return true;
}

/* After a value: closes what ends here, up to the comma that announces the next one. */
static ctr_code ctr__json_after_value(ctr__json_reader *r) {
  ctr_code code = CTR_OK;
  while (r->depth && !code) {
    ctr__json_skip_space(r);
    if (ctr__json_close(r, &code)) continue;
    if (r->at == r->end || *r->at != ',')
      return ctr__json_fail(r, r->at,
                            r->open[r->depth - 1]->type == CTR_JSON_OBJECT
                                ? "expected ',' or '}' after a member"
                                : "expected ',' or ']' after an element");
    r->at++;
    return CTR_OK;
  }
  return code;
}

static ctr_code ctr__json_document(ctr__json_reader *r, ctr_json **ret_root) {
  ctr_json *root = NULL;
  do {
    ctr_json *parent = r->depth ? r->open[r->depth - 1] : NULL;
    ctr_json *node = ctr_arena_alloc(r->arena, sizeof *node);
    if (!node) return ctr__nomem(r->err);
    ctr__json_skip_space(r);
    node->line = r->line;
    node->column = (uint32_t)(r->at - r->line_start) + 1;
    ctr_code code = parent && parent->type == CTR_JSON_OBJECT ? ctr__json_key(r, node) : CTR_OK;
    size_t depth = r->depth;
    if (!code) code = ctr__json_value(r, node);
    if (code) return code;
    if (parent)
      ctr__json_link(parent, node);
    else
      root = node;
    if (r->depth > depth) { /* opened: goes on inside unless it is empty */
      ctr__json_skip_space(r);
      if (!ctr__json_close(r, &code)) continue;
    }
    code = ctr__json_after_value(r);
    if (code) return code;
  } while (r->depth);
  ctr__json_skip_space(r);
  if (r->at != r->end) return ctr__json_fail(r, r->at, "text after the value");
  *ret_root = root;
  return CTR_OK;
}

ctr_code ctr_json_parse(ctr_arena *arena, const char *text, size_t len,
                        const ctr_json_limits *limits, ctr_json **ret_root, ctr_err *err) {
  ctr__err_clear(err);
  if (!arena || !text || !ret_root)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, text and ret_root are needed");
  size_t bytes_max = limits && limits->bytes ? limits->bytes : (size_t)CTR__JSON_BYTES;
  ctr__json_reader r = {.arena = arena,
                        .at = text,
                        .end = text + len,
                        .line_start = text,
                        .line = 1,
                        .depth_max = limits && limits->depth ? limits->depth : CTR__JSON_DEPTH,
                        .err = err};
  if (len > bytes_max || len > UINT32_MAX)
    return ctr__fail(err, CTR_E_JSON, 0, NULL, "a text of %zu bytes, where %zu are allowed", len,
                     bytes_max);
  r.open = ctr__arena_array(arena, r.depth_max, sizeof *r.open);
  return r.open ? ctr__json_document(&r, ret_root) : ctr__nomem(err);
}

const ctr_json *ctr_json_get(const ctr_json *value, const char *key) {
  if (!value || value->type != CTR_JSON_OBJECT) return NULL;
  for (const ctr_json *m = value->as.list.first; m; m = m->next)
    if (!strcmp(m->key, key)) return m;
  return NULL;
}
