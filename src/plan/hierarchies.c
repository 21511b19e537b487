/* The cgroup hierarchies of the machine (cgroups(7)): each v1 one with its controllers, and v2.
   They are read once, here. */

enum { CTR__CGROUP_MAGIC = 0x27e0eb, CTR__CGROUP2_MAGIC = 0x63677270 };

typedef struct ctr__hierarchy {
  const char *container;   /* the container's own cgroup there, on the host; NULL: none  */
  const char *mount_point; /* on the host                                            */
  const char *name;        /* of that directory, and of the one inside the container */
  const char *root;        /* the cgroup that is mounted there                       */
  const char *options;     /* of a v1 hierarchy: its controllers, or its name=       */
  const char *controllers; /* of v2: those that can be enabled there, "cpu,memory"   */
  bool v2, read_only;
  bool has_limits; /* some that are asked for are set there */
} ctr__hierarchy;

typedef struct ctr__hierarchies {
  ctr__hierarchy items[32];
  size_t count, v1_count;
  const char *membership; /* /proc/self/cgroup: which cgroup of each the caller is in */
} ctr__hierarchies;

/* A whole file of /proc as a string, for the time of building. */
static ctr_code ctr__read_proc_file(ctr__builder *b, const char *path, char **ret_text) {
  int r = ctr__read_text(b->arena, path, ret_text);
  if (r == -ENOMEM) return ctr__nomem(b->err);
  return r < 0 ? ctr__fail(b->err, CTR_E_SYS, -r, NULL, "read %s", path) : CTR_OK;
}

static const char *ctr__base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static void ctr__hierarchy_add(ctr__hierarchies *all, const ctr__mount_line *mount) {
  const bool v2 = !strcmp(mount->type, "cgroup2");
  if (all->count == sizeof all->items / sizeof *all->items) return;
  if (*mount->point != '/' || !*mount->super || (!v2 && strcmp(mount->type, "cgroup") != 0)) return;
  all->items[all->count++] = (ctr__hierarchy){.mount_point = mount->point,
                                              .name = ctr__base_name(mount->point),
                                              .root = mount->root,
                                              .options = mount->super,
                                              .v2 = v2,
                                              .read_only = ctr__list_has(mount->options, "ro", 2)};
  all->v1_count += !v2;
}

/* cgroup-v2.rst, "cgroup.controllers": the names with blanks between them. */
static ctr_code ctr__controllers_read(ctr__builder *b, const char *dir, const char **ret) {
  char *text = NULL;
  const char *path = ctr__print(b, "%s/cgroup.controllers", dir);
  ctr_code code = path ? ctr__read_proc_file(b, path, &text) : ctr__nomem(b->err);
  if (code) return code;
  text[strcspn(text, "\n")] = '\0';
  for (char *at = text; *at; at++)
    if (*at == ' ') *at = ',';
  *ret = text;
  return CTR_OK;
}

/* Something else can be mounted over it: then it is none for us. */
static bool ctr__hierarchy_is_covered(const ctr__hierarchy *h) {
  const uint32_t magic = h->v2 ? CTR__CGROUP2_MAGIC : CTR__CGROUP_MAGIC;
  struct statfs fs;
  return statfs(h->mount_point, &fs) < 0 || (uint32_t)fs.f_type != magic;
}

static ctr_code ctr__hierarchies_read(ctr__builder *b) {
  if (b->hierarchies) return CTR_OK;
  ctr__hierarchies *all = ctr__take(b, 1, sizeof *all);
  if (!all) return ctr__nomem(b->err);
  char *text = NULL;
  ctr__mount_line *mounts = NULL;
  size_t mount_count = 0;
  ctr_code code = ctr__read_proc_file(b, "/proc/self/cgroup", &text);
  all->membership = text;
  if (!code) code = ctr__read_proc_file(b, CTR__MOUNTINFO, &text);
  if (!code && !(mounts = ctr__mount_lines(b->arena, text, &mount_count)))
    code = ctr__nomem(b->err);
  if (code) return code;
  for (size_t i = 0; i < mount_count; i++) ctr__hierarchy_add(all, &mounts[i]);
  size_t seen = all->count;
  all->count = all->v1_count = 0;
  for (size_t i = 0; i < seen && !code; i++) {
    ctr__hierarchy *h = &all->items[i];
    if (ctr__hierarchy_is_covered(h)) continue;
    if (h->v2) code = ctr__controllers_read(b, h->mount_point, &h->controllers);
    all->v1_count += !h->v2;
    all->items[all->count++] = *h;
  }
  if (!code) b->hierarchies = all;
  return code;
}

/* Mounted at two places: the last one is on top. */
static bool ctr__hierarchy_is_hidden(const ctr__hierarchies *all, size_t index) {
  for (size_t later = index + 1; later < all->count; later++)
    if (!strcmp(all->items[index].name, all->items[later].name)) return true;
  return false;
}

/* The one that has a controller, for v1 or for v2; NULL without any. */
static ctr__hierarchy *ctr__hierarchy_with(ctr__hierarchies *all, const char *controller,
                                           size_t len, bool v2) {
  for (size_t i = 0; i < all->count; i++) {
    ctr__hierarchy *h = &all->items[i];
    const char *list = h->v2 ? h->controllers : h->options;
    if (h->v2 == v2 && list && !ctr__hierarchy_is_hidden(all, i) &&
        ctr__list_has(list, controller, len))
      return h;
  }
  return NULL;
}

/* The caller's own cgroup in a hierarchy, its length in *ret_len (cgroups(7), /proc/self/cgroup:
   lines "id:controllers:path"); NULL when the text does not say. */
static const char *ctr__own_cgroup(const char *membership, const ctr__hierarchy *hierarchy,
                                   size_t *ret_len) {
  for (const char *line = membership; *line; line += strcspn(line, "\n"), line += *line == '\n') {
    const char *controllers = line + strcspn(line, ":\n");
    if (*controllers++ != ':') continue;
    const char *path = controllers + strcspn(controllers, ":\n");
    if (*path++ != ':') continue;
    size_t len = strcspn(controllers, ",:");
    *ret_len = strcspn(path, "\n");
    if (hierarchy->v2 ? !len : len && ctr__list_has(hierarchy->options, controllers, len))
      return path;
  }
  return NULL;
}

/* Where the cgroup to be shown is on the host: the container's, or the caller's below the mount
   point, less the part that is mounted there. Not known, or not below: then there is nothing of the
   caller's own to show. */
static ctr_code ctr__own_cgroup_path(ctr__builder *b, const char *field,
                                     const ctr__hierarchies *all, const ctr__hierarchy *hierarchy,
                                     const char **ret_path) {
  if (hierarchy->container) return *ret_path = hierarchy->container, CTR_OK;
  size_t len = 0, root_len = strcmp(hierarchy->root, "/") ? strlen(hierarchy->root) : 0;
  const char *own = ctr__own_cgroup(all->membership, hierarchy, &len);
  bool below = own && len >= root_len && !memcmp(own, hierarchy->root, root_len) &&
               (len == root_len || own[root_len] == '/');
  if (!below)
    return ctr__fail(
        b->err, CTR_E_UNSUPPORTED, 0, field,
        "type cgroup: the caller's own cgroup does not lie below what is mounted at %s",
        hierarchy->mount_point);
  own += root_len;
  len -= root_len;
  if (len == 1) len = 0; /* "/" */
  *ret_path = ctr__print(b, "%s%.*s", hierarchy->mount_point, (int)len, own);
  return *ret_path ? CTR_OK : ctr__nomem(b->err);
}
