/* Config to JSON, by the same table: members in its order, absent ones left out. */

static ctr_json *ctr__write_object(ctr_arena *arena, const ctr__type *type, const void *base);

static ctr_json *ctr__write_strs(ctr_arena *arena, ctr__any_list list) {
  ctr_json *array = ctr_json_new(arena, CTR_JSON_ARRAY);
  const char *const *items = list.items;
  for (size_t i = 0; i < list.count && array; i++)
    if (!ctr_json_add(arena, array, NULL, ctr_json_new_string(arena, items[i]))) return NULL;
  return array;
}

static ctr_json *ctr__write_ids(ctr_arena *arena, ctr__any_list list) {
  ctr_json *array = ctr_json_new(arena, CTR_JSON_ARRAY);
  const uint32_t *items = list.items;
  for (size_t i = 0; i < list.count && array; i++)
    if (!ctr_json_add(arena, array, NULL, ctr_json_new_uint(arena, items[i]))) return NULL;
  return array;
}

static ctr_json *ctr__write_pairs(ctr_arena *arena, ctr__any_list list) {
  ctr_json *object = ctr_json_new(arena, CTR_JSON_OBJECT);
  const ctr_pair *items = list.items;
  for (size_t i = 0; i < list.count && object; i++)
    if (!ctr_json_add(arena, object, items[i].key, ctr_json_new_string(arena, items[i].value)))
      return NULL;
  return object;
}

static ctr_json *ctr__write_bits(ctr_arena *arena, const ctr__names *names, uint64_t bits) {
  ctr_json *array = ctr_json_new(arena, CTR_JSON_ARRAY);
  for (size_t i = 0; i < names->count && array; i++)
    if ((bits >> names->items[i].value & 1) &&
        !ctr_json_add(arena, array, NULL, ctr_json_new_string(arena, names->items[i].name)))
      return NULL;
  return array;
}

static ctr_json *ctr__write_objects(ctr_arena *arena, const ctr__field *field, ctr__any_list list) {
  bool map = field->kind == CTR__F_MAP;
  ctr_json *value = ctr_json_new(arena, map ? CTR_JSON_OBJECT : CTR_JSON_ARRAY);
  const char *element = list.items;
  for (size_t i = 0; i < list.count && value; i++, element += field->type->size)
    if (!ctr_json_add(arena, value, map ? ctr__key_at(element) : NULL,
                      ctr__write_object(arena, field->type, element)))
      return NULL;
  return value;
}

static ctr_json *ctr__write_field(ctr_arena *arena, const ctr__field *field, const void *at) {
  switch ((ctr__kind_of_field)field->kind) {
  case CTR__F_STR: return ctr_json_new_string(arena, ctr__pointer_at(at));
  case CTR__F_BOOL: return ctr_json_new_bool(arena, *(const bool *)at);
  case CTR__F_INT: return ctr_json_new_int(arena, ((const ctr_int *)at)->value);
  case CTR__F_UINT: return ctr_json_new_uint(arena, ((const ctr_uint *)at)->value);
  case CTR__F_I32: return ctr_json_new_int(arena, *(const int32_t *)at);
  case CTR__F_I64: return ctr_json_new_int(arena, *(const int64_t *)at);
  case CTR__F_U32: return ctr_json_new_uint(arena, *(const uint32_t *)at);
  case CTR__F_U64: return ctr_json_new_uint(arena, *(const uint64_t *)at);
  case CTR__F_ENUM:
    return ctr_json_new_string(arena, ctr__name_of(field->names, *(const int32_t *)at));
  case CTR__F_BITS: return ctr__write_bits(arena, field->names, *(const uint64_t *)at);
  case CTR__F_STRS: return ctr__write_strs(arena, ctr__list_at(at));
  case CTR__F_IDS: return ctr__write_ids(arena, ctr__list_at(at));
  case CTR__F_PAIRS: return ctr__write_pairs(arena, ctr__list_at(at));
  case CTR__F_LIST:
  case CTR__F_MAP: return ctr__write_objects(arena, field, ctr__list_at(at));
  case CTR__F_OBJECT: return ctr__write_object(arena, field->type, at);
  case CTR__F_POINTER: return ctr__write_object(arena, field->type, ctr__pointer_at(at));
  }
  return NULL;
}

/* A config whose annotations have landlock among them: what stood there is what it was read from.
   NULL without memory. */
static const ctr_config *ctr__annotated(ctr_arena *arena, const ctr_config *config) {
  const ctr_pairs before = config->annotations;
  if (!config->landlock) return config;
  ctr_config *copy = ctr_arena_alloc(arena, sizeof *copy);
  ctr_pair *all = ctr__arena_array(arena, before.count + 1, sizeof *all);
  ctr_json *value = ctr__write_object(arena, &ctr__type_of_ctr_landlock, config->landlock);
  ctr__string text = {.arena = arena};
  size_t n = 0;
  if (!copy || !all || !value ||
      ctr_json_write(value, CTR_JSON_COMPACT, ctr__string_sink, &text, NULL))
    return NULL;
  for (size_t i = 0; i < before.count; i++)
    if (strcmp(before.items[i].key, CTR_LANDLOCK_ANNOTATION) != 0) all[n++] = before.items[i];
  all[n++] = (ctr_pair){CTR_LANDLOCK_ANNOTATION, text.text};
  *copy = *config;
  copy->annotations = (ctr_pairs){all, n};
  return copy;
}

static ctr_json *ctr__write_object(ctr_arena *arena, const ctr__type *type, const void *base) {
  if (type == &ctr__type_of_ctr_config) base = ctr__annotated(arena, base);
  if (!base) return NULL;
  ctr_json *object = ctr_json_new(arena, CTR_JSON_OBJECT);
  for (size_t i = 0; i < type->count && object; i++) {
    const ctr__field *field = &type->fields[i];
    bool always = field->flags & (CTR__ALWAYS | CTR__REQUIRED) && field->kind != CTR__F_STR;
    if (!always && !ctr__field_is_set(field, base)) continue;
    const void *at = (const char *)base + field->offset;
    if (!ctr_json_add(arena, object, field->name, ctr__write_field(arena, field, at))) return NULL;
  }
  return object;
}

ctr_code ctr_config_to_json(ctr_arena *arena, const ctr_config *config, ctr_json **ret_value,
                            ctr_err *err) {
  ctr__err_clear(err);
  if (!arena || !config || !ret_value)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "arena, config and ret_value are needed");
  ctr__checker c = {.config = config, .err = err};
  ctr_code code = ctr__check_shapes(&c);
  for (size_t i = 0; i < config->mounts.count && !code; i++) {
    char name[128];
    if (config->mounts.items[i].data.count)
      code = ctr__wrong(&c, ctr__name_it(name, "mounts[%zu].data", i),
                        "bytes have no JSON form: text can be the source instead");
  }
  if (code) return code;
  ctr_config whole = *config;
  if (!whole.ociVersion) whole.ociVersion = CTR_OCI_VERSION;
  ctr_json *value = ctr__write_object(arena, &ctr__type_of_ctr_config, &whole);
  if (!value) return ctr__nomem(err);
  *ret_value = value;
  return CTR_OK;
}
