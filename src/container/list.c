/* All containers of a state root. */

typedef struct ctr__names_found {
  ctr_arena *arena;
  const char **items;
  size_t count, room;
} ctr__names_found;

static int ctr__by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool ctr__add_name(ctr__names_found *names, const char *name) {
  if (names->count == names->room) {
    size_t room = names->room * 2 + 32;
    const char **bigger = ctr__arena_array(names->arena, room, sizeof *bigger);
    if (!bigger) return false;
    if (names->count) memcpy(bigger, names->items, names->count * sizeof *bigger);
    names->items = bigger;
    names->room = room;
  }
  const char *copy = ctr__arena_strdup(names->arena, name);
  if (copy) names->items[names->count++] = copy;
  return copy;
}

/* What is no id is no container. */
static int ctr__read_names(int root, ctr__names_found *names) {
  _Alignas(8) char buf[4096];
  for (;;) {
    long n = CTR__CALL(SYS_getdents64, root, buf, sizeof buf);
    if (n <= 0) return (int)n;
    for (long used = 0; used < n;) {
      const struct ctr__dirent *entry = (const void *)(buf + used);
      used += entry->len;
      if (ctr__check_id(entry->name, NULL)) continue;
      if (!ctr__add_name(names, entry->name)) return -ENOMEM;
    }
  }
}

static int ctr__list_one(const char *root, const char *id,
                         int (*fn)(void *, const ctr_state *, const ctr_err *), void *userdata) {
  ctr_container *c = NULL;
  ctr_state state = {.id = id};
  ctr_err why;
  int r = 0;
  ctr_code code = ctr_container_open(root, id, &c, &why);
  if (!code) code = ctr_container_state(c, &state, &why);
  if (code != CTR_E_NOT_FOUND) r = fn(userdata, &state, code ? &why : NULL);
  ctr_container_free(c);
  return r;
}

ctr_code ctr_container_list(const char *root,
                            int (*fn)(void *userdata, const ctr_state *state, const ctr_err *error),
                            void *userdata, ctr_err *err) {
  ctr_arena arena = {0};
  ctr__names_found names = {.arena = &arena};
  CTR__AUTO_CLOSE dir = -1;
  ctr__err_clear(err);
  if (!fn) return ctr__fail(err, CTR_E_ARG, 0, NULL, "fn is needed");
  ctr_code code = ctr__open_root(root, false, &dir, err);
  if (code == CTR_E_NOT_FOUND) return ctr__err_clear(err), CTR_OK;
  int r = code ? 0 : ctr__read_names(dir, &names);
  if (r < 0) code = ctr__fail(err, CTR_E_SYS, -r, NULL, "list the containers");
  if (!code && names.count) qsort(names.items, names.count, sizeof *names.items, ctr__by_name);
  for (size_t i = 0; i < names.count && !code; i++)
    if (ctr__list_one(root, names.items[i], fn, userdata))
      code = ctr__fail(err, CTR_E_SYS, ECANCELED, NULL, "fn stopped");
  ctr_arena_free(&arena);
  return code;
}
