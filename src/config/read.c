/* JSON to config, by the table. */

typedef struct ctr__config_reader {
  ctr_arena *arena;
  ctr_err *err;
  bool want_unknown;
  bool copies;          /* the JSON may be gone before the config is */
  const char **unknown; /* paths of members that were ignored */
  size_t unknown_count, unknown_room;
} ctr__config_reader;

static const char *ctr__json_type_name(const ctr_json *value) {
  static const char *const names[] = {[CTR_JSON_NULL] = "null",
                                      [CTR_JSON_BOOL] = "true or false",
                                      [CTR_JSON_INT] = "an integer",
                                      [CTR_JSON_UINT] = "an integer",
                                      [CTR_JSON_DOUBLE] = "no such integer",
                                      [CTR_JSON_STRING] = "a string",
                                      [CTR_JSON_ARRAY] = "an array",
                                      [CTR_JSON_OBJECT] = "an object"};
  return names[value->type];
}

__attribute__((format(printf, 4, 5))) static ctr_code ctr__misread(ctr__config_reader *r,
                                                                   const ctr__where *where,
                                                                   const ctr_json *value,
                                                                   const char *format, ...) {
  if (!r->err) return CTR_E_CONFIG;
  char field[256];
  ctr__where_text(where, field, sizeof field);
  ctr__fail(r->err, CTR_E_CONFIG, 0, field, "%s", "");
  va_list args;
  va_start(args, format);
  ctr__err_vadd(r->err, format, args);
  va_end(args);
  if (value && value->line) {
    r->err->line = value->line;
    r->err->column = value->column;
    ctr__err_add(r->err, " (line %u, column %u)", value->line, value->column);
  }
  return CTR_E_CONFIG;
}

static ctr_code ctr__mistyped(ctr__config_reader *r, const ctr__where *where, const ctr_json *value,
                              const char *expected) {
  ctr__misread(r, where, value, "expected %s, found %s", expected, ctr__json_type_name(value));
  return CTR_E_CONFIG; /* said here: clang's analyser does not see it there, and goes on */
}

/* -- scalars -- */

static const char *ctr__keep(ctr__config_reader *r, const char *text) {
  return r->copies ? ctr__arena_strdup(r->arena, text) : text;
}

static ctr_code ctr__read_str(ctr__config_reader *r, const ctr__where *where, const ctr_json *value,
                              const char **ret) {
  if (value->type != CTR_JSON_STRING) return ctr__mistyped(r, where, value, "a string");
  *ret = ctr__keep(r, value->as.string.text);
  return *ret ? CTR_OK : ctr__nomem(r->err);
}

static ctr_code ctr__read_integer(ctr__config_reader *r, const ctr__where *where,
                                  const ctr_json *value, const ctr__field *field,
                                  uint64_t *ret_bits) {
  int64_t min;
  uint64_t max;
  ctr__bounds(field, &min, &max);
  bool fits = value->type == CTR_JSON_INT
                  ? value->as.i64 >= min && (value->as.i64 < 0 || (uint64_t)value->as.i64 <= max)
                  : value->type == CTR_JSON_UINT && value->as.u64 <= max;
  if (!fits) {
    char found[32];
    if (value->type == CTR_JSON_INT)
      *ctr__put_int(found, value->as.i64) = '\0';
    else if (value->type == CTR_JSON_UINT)
      *ctr__put_uint(found, value->as.u64) = '\0';
    else
      snprintf(found, sizeof found, "%s", ctr__json_type_name(value));
    return ctr__misread(r, where, value, "expected an integer from %lld to %llu, found %s",
                        (long long)min, (unsigned long long)max, found);
  }
  *ret_bits = value->type == CTR_JSON_INT ? (uint64_t)value->as.i64 : value->as.u64;
  return CTR_OK;
}

static void ctr__store_integer(const ctr__field *field, void *at, uint64_t bits) {
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_INT: *(ctr_int *)at = (ctr_int){true, (int64_t)bits}; break;
  case CTR__F_UINT: *(ctr_uint *)at = (ctr_uint){true, bits}; break;
  case CTR__F_I32: *(int32_t *)at = (int32_t)(int64_t)bits; break;
  case CTR__F_U32: *(uint32_t *)at = (uint32_t)bits; break;
  default: *(uint64_t *)at = bits; break;
  }
}

static ctr_code ctr__read_name(ctr__config_reader *r, const ctr__where *where,
                               const ctr_json *value, const ctr__names *names, int64_t *ret) {
  const char *text = NULL;
  ctr_code code = ctr__read_str(r, where, value, &text);
  if (code) return code;
  const ctr__name *name = ctr__name_find(names, text);
  if (name) return *ret = name->value, CTR_OK;
  char known[256];
  const bool few = names->count <= 10;
  return ctr__misread(r, where, value, "\"%.64s\" is not a %s%s%s", text, names->what,
                      few ? "; known are " : "", few ? ctr__names_text(names, ", ", known) : "");
}

/* -- lists -- */

/* Makes room for a list's elements. */
static ctr_code ctr__new_list(ctr__config_reader *r, const ctr__where *where, const ctr_json *value,
                              ctr_json_type type, size_t size, ctr__any_list *list,
                              void **ret_items) {
  if (value->type != type)
    return ctr__mistyped(r, where, value, type == CTR_JSON_ARRAY ? "an array" : "an object");
  size_t count = value->as.list.count;
  *ret_items = ctr__arena_array(r->arena, count ? count : 1, size);
  if (!*ret_items) return ctr__nomem(r->err);
  *list = (ctr__any_list){*ret_items, count};
  return CTR_OK;
}

static ctr_code ctr__read_strs(ctr__config_reader *r, const ctr__where *where,
                               const ctr_json *value, ctr__any_list *list) {
  void *items;
  ctr_code code = ctr__new_list(r, where, value, CTR_JSON_ARRAY, sizeof(char *), list, &items);
  ctr__where at = {.up = where};
  if (code) return code;
  const char **strings = items;
  for (const ctr_json *v = value->as.list.first; v && !code; v = v->next, at.index++)
    code = ctr__read_str(r, &at, v, &strings[at.index]);
  return code;
}

static ctr_code ctr__read_ids(ctr__config_reader *r, const ctr__where *where, const ctr_json *value,
                              const ctr__field *field, ctr__any_list *list) {
  void *items;
  ctr_code code = ctr__new_list(r, where, value, CTR_JSON_ARRAY, sizeof(uint32_t), list, &items);
  ctr__where at = {.up = where};
  if (code) return code;
  uint32_t *ids = items;
  for (const ctr_json *v = value->as.list.first; v && !code; v = v->next, at.index++) {
    uint64_t bits = 0;
    code = ctr__read_integer(r, &at, v, field, &bits);
    ids[at.index] = (uint32_t)bits;
  }
  return code;
}

/* null counts as absent where names are free, too. */
static ctr_code ctr__read_pairs(ctr__config_reader *r, const ctr__where *where,
                                const ctr_json *value, ctr__any_list *list) {
  void *items;
  ctr_code code = ctr__new_list(r, where, value, CTR_JSON_OBJECT, sizeof(ctr_pair), list, &items);
  if (code) return code;
  ctr_pair *pair = items;
  for (const ctr_json *v = value->as.list.first; v && !code; v = v->next) {
    if (v->type == CTR_JSON_NULL) continue;
    ctr__where at = {where, v->key, 0};
    pair->key = ctr__keep(r, v->key);
    if (!pair->key) return ctr__nomem(r->err);
    code = ctr__read_str(r, &at, v, &pair->value);
    pair++;
  }
  list->count = (size_t)(pair - (ctr_pair *)items);
  return code;
}

static ctr_code ctr__read_bits(ctr__config_reader *r, const ctr__where *where,
                               const ctr_json *value, const ctr__names *names, uint64_t *bits) {
  if (value->type != CTR_JSON_ARRAY) return ctr__mistyped(r, where, value, "an array");
  ctr__where at = {.up = where};
  ctr_code code = CTR_OK;
  for (const ctr_json *v = value->as.list.first; v && !code; v = v->next, at.index++) {
    int64_t bit = 0;
    code = ctr__read_name(r, &at, v, names, &bit);
    *bits |= UINT64_C(1) << bit;
  }
  return code;
}

/* -- objects -- */

/* The table's types refer to each other five deep at most: this recursion is bounded by the table,
   not by the text. */
static ctr_code ctr__read_object(ctr__config_reader *r, const ctr__where *where,
                                 const ctr_json *value, const ctr__type *type, void *base);

static ctr_code ctr__read_objects(ctr__config_reader *r, const ctr__where *where,
                                  const ctr_json *value, const ctr__field *field,
                                  ctr__any_list *list) {
  bool map = field->kind == CTR__F_MAP;
  void *items;
  ctr_code code = ctr__new_list(r, where, value, map ? CTR_JSON_OBJECT : CTR_JSON_ARRAY,
                                field->type->size, list, &items);
  if (code) return code;
  size_t i = 0;
  for (const ctr_json *v = value->as.list.first; v && !code; v = v->next) {
    if (map && v->type == CTR_JSON_NULL) continue;
    ctr__where at = {where, map ? v->key : NULL, i};
    char *element = (char *)items + i++ * field->type->size;
    const char *key = map ? ctr__keep(r, v->key) : NULL;
    if (map && !key) return ctr__nomem(r->err);
    if (map) memcpy(element, &key, sizeof key);
    code = ctr__read_object(r, &at, v, field->type, element);
  }
  list->count = i;
  return code;
}

static ctr_code ctr__read_pointer(ctr__config_reader *r, const ctr__where *where,
                                  const ctr_json *value, const ctr__type *type, void *at) {
  void *object = ctr_arena_alloc(r->arena, type->size);
  if (!object) return ctr__nomem(r->err);
  memcpy(at, &object, sizeof object);
  return ctr__read_object(r, where, value, type, object);
}

static ctr_code ctr__read_field(ctr__config_reader *r, const ctr__where *where,
                                const ctr_json *value, const ctr__field *field, void *at) {
  uint64_t bits = 0;
  int64_t number = 0;
  ctr_code code;
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_STR: return ctr__read_str(r, where, value, at);
  case CTR__F_BOOL:
    if (value->type != CTR_JSON_BOOL) return ctr__mistyped(r, where, value, "true or false");
    *(bool *)at = value->as.boolean;
    return CTR_OK;
  case CTR__F_ENUM:
    code = ctr__read_name(r, where, value, field->names, &number);
    *(uint32_t *)at = (uint32_t)number;
    return code;
  case CTR__F_BITS: return ctr__read_bits(r, where, value, field->names, at);
  case CTR__F_STRS: return ctr__read_strs(r, where, value, at);
  case CTR__F_IDS: return ctr__read_ids(r, where, value, field, at);
  case CTR__F_PAIRS: return ctr__read_pairs(r, where, value, at);
  case CTR__F_LIST:
  case CTR__F_MAP: return ctr__read_objects(r, where, value, field, at);
  case CTR__F_OBJECT: return ctr__read_object(r, where, value, field->type, at);
  case CTR__F_POINTER: return ctr__read_pointer(r, where, value, field->type, at);
  default:
    code = ctr__read_integer(r, where, value, field, &bits);
    if (!code) ctr__store_integer(field, at, bits);
    return code;
  }
}

static ctr_code ctr__note_unknown(ctr__config_reader *r, const ctr__where *where) {
  if (!r->want_unknown) return CTR_OK;
  if (r->unknown_count == r->unknown_room) {
    size_t room = r->unknown_room * 2 + 8;
    const char **bigger = ctr__arena_array(r->arena, room, sizeof *bigger);
    if (!bigger) return ctr__nomem(r->err);
    if (r->unknown_count) memcpy(bigger, r->unknown, r->unknown_count * sizeof *bigger);
    r->unknown = bigger;
    r->unknown_room = room;
  }
  size_t size = ctr__where_size(where);
  char *path = ctr_arena_alloc(r->arena, size);
  if (!path) return ctr__nomem(r->err);
  ctr__where_text(where, path, size);
  r->unknown[r->unknown_count++] = path;
  return CTR_OK;
}

/* Unlike in config.json, an unknown member is an error: the text is ours alone, and what a misspelt
   member was to forbid would be allowed. */
static ctr_code ctr__read_landlock(ctr__config_reader *r, const ctr__where *top,
                                   ctr_config *config) {
  const char *text = ctr__annotation(config, CTR_LANDLOCK_ANNOTATION);
  const ctr__where all = {top, "annotations", 0}, where = {&all, CTR_LANDLOCK_ANNOTATION, 0};
  ctr__config_reader own = {.arena = r->arena, .err = r->err, .want_unknown = true};
  ctr_json *value = NULL;
  ctr_err why = {0};
  if (!text) return CTR_OK;
  ctr_landlock *landlock = ctr_arena_alloc(r->arena, sizeof *landlock);
  ctr_code code =
      landlock ? ctr_json_parse(r->arena, text, strlen(text), NULL, &value, &why) : CTR_E_NOMEM;
  if (code == CTR_E_NOMEM) return ctr__nomem(r->err);
  if (code) return ctr__misread(r, &where, NULL, "its value is no JSON text: %s", why.msg);
  code = ctr__read_object(&own, &where, value, &ctr__type_of_ctr_landlock, landlock);
  if (!code && own.unknown_count)
    return ctr__misread(r, &where, NULL, "%s: there is no such member", own.unknown[0]);
  if (!code) config->landlock = landlock;
  return code;
}

static ctr_code ctr__read_object(ctr__config_reader *r, const ctr__where *where,
                                 const ctr_json *value, const ctr__type *type, void *base) {
  if (value->type != CTR_JSON_OBJECT) return ctr__mistyped(r, where, value, "an object");
  uint64_t seen = 0; /* no type has more than 64 members */
  for (const ctr_json *v = value->as.list.first; v; v = v->next) {
    if (v->type == CTR_JSON_NULL) continue;
    const ctr__field *field = ctr__field_find(type, v->key);
    ctr__where at = {where, v->key, 0};
    ctr_code code = field ? ctr__read_field(r, &at, v, field, (char *)base + field->offset)
                          : ctr__note_unknown(r, &at);
    if (code) return code;
    if (field) seen |= UINT64_C(1) << (field - type->fields);
  }
  for (size_t i = 0; i < type->count; i++) {
    ctr__where at = {where, type->fields[i].name, 0};
    if ((type->fields[i].flags & CTR__REQUIRED) && !(seen >> i & 1))
      return ctr__misread(r, &at, value, "required, and missing from the object here");
  }
  return type == &ctr__type_of_ctr_config ? ctr__read_landlock(r, where, base) : CTR_OK;
}

/* -- the whole -- */

/* semver.org, as far as it matters: MAJOR.MINOR.PATCH, and what compatibility hangs on. */
static ctr_code ctr__read_version(ctr__config_reader *r, const ctr_json *value) {
  ctr__where where = {NULL, "ociVersion", 0};
  const char *version = value->as.string.text, *at = version;
  for (int part = 0; part < 3; part++) {
    const char *digits = at;
    at = ctr__json_digits(at, at + strlen(at));
    bool leading_zero = *digits == '0' && at - digits > 1;
    if (at == digits || leading_zero || (part < 2 && *at++ != '.'))
      return ctr__misread(r, &where, value, "\"%.64s\" is not a version like 1.3.0", version);
  }
  if (*at && ((*at != '-' && *at != '+') || !at[1]))
    return ctr__misread(r, &where, value, "\"%.64s\" is not a version like 1.3.0", version);
  if (version[1] != '.' || version[0] > '1')
    return ctr__misread(r, &where, value, "\"%.64s\": this version knows those below 2, up to %s",
                        version, CTR_OCI_VERSION);
  return CTR_OK;
}

/* An engine can pass on an annotation where it cannot say what it does not know. */
static void ctr__read_preset(ctr_config *config) {
  const char *asked = ctr__annotation(config, CTR_SECCOMP_ANNOTATION);
  const ctr__name *preset = asked ? ctr__name_find(&ctr__seccomp_presets, asked) : NULL;
  ctr_seccomp *profile = &config->linux_.seccomp;
  if (preset && !profile->defaultAction) profile->defaultAction = (ctr_seccomp_action)preset->value;
}

static ctr_code ctr__read_config(ctr__config_reader *r, const ctr_json *value,
                                 ctr_config **ret_config) {
  ctr_config *config = ctr_arena_alloc(r->arena, sizeof *config);
  if (!config) return ctr__nomem(r->err);
  ctr_code code = ctr__read_object(r, NULL, value, &ctr__type_of_ctr_config, config);
  if (!code) code = ctr__read_version(r, ctr_json_get(value, "ociVersion"));
  if (code) return code;
  ctr__read_preset(config);
  *ret_config = config;
  return CTR_OK;
}

ctr_code ctr_config_from_json(ctr_arena *arena, const ctr_json *value, ctr_config **ret_config,
                              ctr_strs *ret_unknown, ctr_err *err) {
  ctr__err_clear(err);
  if (!arena || !value || !ret_config)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, value and ret_config are needed");
  ctr__config_reader r = {.arena = arena, .err = err, .want_unknown = ret_unknown, .copies = true};
  ctr_code code = ctr__read_config(&r, value, ret_config);
  if (!code && ret_unknown) *ret_unknown = (ctr_strs){r.unknown, r.unknown_count};
  return code;
}

/* The text of a part of a config, into memory of the arena. */
static ctr_code ctr__parse_part(ctr_arena *arena, const char *text, size_t len,
                                const ctr__where *where, const ctr__type *type, void **ret,
                                ctr_err *err) {
  ctr_json *value = NULL;
  ctr__config_reader r = {.arena = arena, .err = err};
  void *part = ctr_arena_alloc(arena, type->size);
  if (!part) return ctr__nomem(err);
  ctr_code code = ctr_json_parse(arena, text, len, NULL, &value, err);
  if (!code) code = ctr__read_object(&r, where, value, type, part);
  if (!code) *ret = part;
  return code;
}

ctr_code ctr_process_config_parse(ctr_arena *arena, const char *text, size_t len,
                                  ctr_process_config **ret_process, ctr_err *err) {
  const ctr__where where = {NULL, "process", 0};
  void *part = NULL;
  ctr__err_clear(err);
  if (!arena || !text || !ret_process)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, text and ret_process are needed");
  ctr_code code =
      ctr__parse_part(arena, text, len, &where, &ctr__type_of_ctr_process_config, &part, err);
  if (!code) *ret_process = part;
  return code;
}

ctr_code ctr_resources_parse(ctr_arena *arena, const char *text, size_t len,
                             ctr_resources **ret_resources, ctr_err *err) {
  const ctr__where top = {NULL, "linux", 0}, where = {&top, "resources", 0};
  void *part = NULL;
  ctr__err_clear(err);
  if (!arena || !text || !ret_resources)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, text and ret_resources are needed");
  ctr_code code =
      ctr__parse_part(arena, text, len, &where, &ctr__type_of_ctr_resources, &part, err);
  if (!code) *ret_resources = part;
  return code;
}

ctr_code ctr_config_parse(ctr_arena *arena, const char *text, size_t len, ctr_config **ret_config,
                          ctr_err *err) {
  ctr_json *value = NULL;
  ctr__config_reader r = {.arena = arena, .err = err};
  ctr__err_clear(err);
  if (!arena || !text || !ret_config)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, text and ret_config are needed");
  ctr_code code = ctr_json_parse(arena, text, len, NULL, &value, err);
  return code ? code : ctr__read_config(&r, value, ret_config);
}
