/* The container's own cgroups, and a mount of type cgroup: what default configs put on
   /sys/fs/cgroup. Which hierarchies there are is the machine's; they are read once, here, and
   become plain mount and bind steps. */

typedef struct ctr__hierarchy {
  const char *container;   /* the container's own cgroup there, on the host; NULL: none  */
  const char *mount_point; /* on the host                                            */
  const char *name;        /* of that directory, and of the one inside the container */
  const char *root;        /* the cgroup that is mounted there                       */
  const char *options;     /* of a v1 hierarchy: its controllers, or its name=       */
  bool v2;
} ctr__hierarchy;

typedef struct ctr__hierarchies {
  ctr__hierarchy items[32];
  size_t count, v1_count;
  const char *membership; /* /proc/self/cgroup: which cgroup of each the caller is in */
} ctr__hierarchies;

/* A whole file of /proc as a string, for the time of building. */
static ctr_code ctr__read_proc_file(ctr__builder *b, const char *path, char **ret_text) {
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  size_t room = 8192, len = 0;
  char *text = ctr__take(b, 1, room);
  ssize_t n = fd;
  while (text && n >= 0 && (n = read(fd, text + len, room - len - 1)) > 0) {
    len += (size_t)n;
    if (len + 1 < room) continue;
    char *bigger = ctr__take(b, 2, room);
    if (bigger) memcpy(bigger, text, len);
    text = bigger;
    room *= 2;
  }
  if (!text) return ctr__nomem(b->err);
  if (n < 0) return ctr__fail(b->err, CTR_E_SYS, fd < 0 ? -fd : errno, NULL, "read %s", path);
  *ret_text = text;
  return CTR_OK;
}

/* proc_pid_mountinfo(5) writes blanks and backslashes as \ooo. */
static void ctr__unescape_octal(char *text) {
  char *to = text;
  for (const char *from = text; *from; from++) {
    if (from[0] == '\\' && from[1] && from[2] && from[3]) {
      *to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 3;
    } else {
      *to++ = *from;
    }
  }
  *to = '\0';
}

/* Cuts the next of the words of a line, which are parted by one blank each and may be empty. */
static char *ctr__next_word(char **at) {
  char *word = *at, *end = word + strcspn(word, " ");
  *at = end + (*end == ' ');
  *end = '\0';
  return word;
}

static const char *ctr__base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* One line: id parent major:minor root mount-point options fields... - type source
   super-options. */
static void ctr__hierarchy_read(ctr__hierarchies *all, char *line) {
  char *tail = strstr(line, " - "), *fields[5];
  if (!tail || all->count == sizeof all->items / sizeof *all->items) return;
  *tail = '\0';
  tail += 3;
  for (int i = 0; i < 5; i++) fields[i] = ctr__next_word(&line);
  const char *type = ctr__next_word(&tail);
  ctr__next_word(&tail); /* the source */
  const char *super = ctr__next_word(&tail);
  bool v2 = !strcmp(type, "cgroup2");
  if (*fields[4] != '/' || !*super || (!v2 && strcmp(type, "cgroup") != 0)) return;
  ctr__unescape_octal(fields[3]);
  ctr__unescape_octal(fields[4]);
  all->items[all->count++] =
      (ctr__hierarchy){NULL, fields[4], ctr__base_name(fields[4]), fields[3], super, v2};
  all->v1_count += !v2;
}

static ctr_code ctr__hierarchies_read(ctr__builder *b) {
  if (b->hierarchies) return CTR_OK;
  ctr__hierarchies *all = ctr__take(b, 1, sizeof *all);
  if (!all) return ctr__nomem(b->err);
  char *text = NULL, *save = NULL;
  ctr_code code = ctr__read_proc_file(b, "/proc/self/cgroup", &text);
  all->membership = text;
  if (!code) code = ctr__read_proc_file(b, "/proc/self/mountinfo", &text);
  if (code) return code;
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
    ctr__hierarchy_read(all, line);
  b->hierarchies = all;
  return CTR_OK;
}

/* Mounted at two places: the last one is on top. */
static bool ctr__hierarchy_is_hidden(const ctr__hierarchies *all, size_t index) {
  for (size_t later = index + 1; later < all->count; later++)
    if (!strcmp(all->items[index].name, all->items[later].name)) return true;
  return false;
}

/* Whether the comma-separated list has the word. */
static bool ctr__list_has(const char *list, const char *word, size_t len) {
  for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
    if (strcspn(at, ",") == len && !memcmp(at, word, len)) return true;
  return false;
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

/* Co-mounted controllers are also known by each one's name: cpu -> cpu,cpuacct. */
static void ctr__plan_controller_links(ctr__builder *b, const char *field, const char *destination,
                                       const char *name) {
  if (!strchr(name, ',')) return;
  for (size_t at = 0, len; name[at]; at += len + (name[at + len] == ',')) {
    len = strcspn(name + at, ",");
    const char *link = ctr__print(b, "%s/%.*s", destination, (int)len, &name[at]);
    ctr__child_step(b, SYMLINK, .field = field, .str = {link, name});
  }
}

static ctr_code ctr__plan_bound_hierarchy(ctr__builder *b, const ctr_mount *mount,
                                          const char *field, const ctr__mount_spec *spec,
                                          const ctr__hierarchies *all,
                                          const ctr__hierarchy *hierarchy) {
  const char *name = hierarchy->name;
  ctr_mount bind = {.destination = ctr__print(b, "%s/%s", mount->destination, name)};
  if (!bind.destination) return ctr__nomem(b->err);
  ctr_code code = ctr__own_cgroup_path(b, field, all, hierarchy, &bind.source);
  if (!code) code = ctr__plan_bind(b, &bind, field, spec);
  if (!code) ctr__plan_controller_links(b, field, mount->destination, name);
  return code;
}

/* v1 and hybrid: a tmpfs with the cgroup of each hierarchy bound in. */
static ctr_code ctr__plan_cgroup_v1(ctr__builder *b, const ctr_mount *mount, const char *field,
                                    const ctr__mount_spec *spec, const ctr__hierarchies *all) {
  const uint64_t set = (spec->set & ~spec->rec_clr) | spec->rec_set;
  ctr__child_step(b, MOUNT_FS, .field = field, .str = {mount->destination, "tmpfs"},
                  .ref = {0, 0, ctr__add_strs(b, CTR_STRS("source=cgroup", "mode=755"))},
                  .num = {set & ~(uint64_t)CTR__ATTR_RDONLY});
  for (size_t i = 0; i < all->count; i++) {
    if (ctr__hierarchy_is_hidden(all, i)) continue;
    ctr_code code = ctr__plan_bound_hierarchy(b, mount, field, spec, all, &all->items[i]);
    if (code) return code;
  }
  ctr__plan_set_attr(b, field, mount->destination, set & CTR__ATTR_RDONLY, 0);
  return CTR_OK;
}

/* v2: one file system. The kernel lets a user namespace mount it only together with a cgroup
   namespace of its own (cgroup_namespaces(7)); else the caller's cgroup is bound. */
static ctr_code ctr__plan_cgroup_v2(ctr__builder *b, const ctr_mount *mount, const char *field,
                                    ctr__mount_spec *spec, const ctr__hierarchies *all) {
  bool in_userns = !b->facts->initial_userns || ctr__in_userns(b);
  ctr_mount made = *mount;
  if (in_userns && !(b->new_namespaces & CTR_NS_CGROUP)) {
    ctr_code code = ctr__own_cgroup_path(b, field, all, &all->items[all->count - 1], &made.source);
    return code ? code : ctr__plan_bind(b, &made, field, spec);
  }
  made.type = "cgroup2";
  made.source = "cgroup";
  return ctr__plan_new_fs(b, &made, field, spec);
}

static ctr_code ctr__plan_cgroup_mount(ctr__builder *b, const ctr_mount *mount, const char *field,
                                       ctr__mount_spec *spec) {
  if (spec->data_count)
    return ctr__fail(
        b->err, CTR_E_CONFIG, 0, field,
        "\"%.64s\": the hierarchies are there already and take no options of their own",
        spec->data[0]);
  ctr_code code = ctr__hierarchies_read(b);
  if (code) return code;
  const ctr__hierarchies *all = b->hierarchies;
  if (!all->count)
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                     "type cgroup: this machine has no cgroup hierarchy mounted");
  if (all->v1_count) return ctr__plan_cgroup_v1(b, mount, field, spec, all);
  return ctr__plan_cgroup_v2(b, mount, field, spec, all);
}

/* -- the container's own -- */

/* What pausing, listing and killing need: the v1 freezer, or else v2 (cgroups(7)). */
static bool ctr__can_freeze(const ctr__hierarchies *all, const ctr__hierarchy *hierarchy) {
  for (size_t i = 0; i < all->count && hierarchy->v2; i++)
    if (!all->items[i].v2 && ctr__list_has(all->items[i].options, "freezer", 7)) return false;
  return hierarchy->v2 || ctr__list_has(hierarchy->options, "freezer", 7);
}

/* config-linux.md "Cgroups Path": an absolute path starts from the hierarchy's mount point, a
   relative one where the runtime likes: below the caller's own cgroup. */
static ctr_code ctr__container_cgroup(ctr__builder *b, const ctr__hierarchy *hierarchy,
                                      const char **ret_path) {
  const char *asked = b->config->linux_.cgroupsPath, *base = hierarchy->mount_point;
  bool privileged = b->facts->initial_userns && !b->facts->euid;
  if (asked ? *asked != '/' : !privileged) {
    ctr_code code = ctr__own_cgroup_path(b, "linux.cgroupsPath", b->hierarchies, hierarchy, &base);
    if (code) return code;
  }
  if (asked) asked += strspn(asked, "/");
  *ret_path =
      asked ? ctr__print(b, "%s/%s", base, asked) : ctr__print(b, "%s/ctr-%s", base, b->desc->id);
  return *ret_path ? CTR_OK : ctr__nomem(b->err);
}

/* Whether the caller may make path: the nearest directory above it that is there can be written
   to. */
static bool ctr__can_make(const char *path) {
  char above[PATH_MAX];
  size_t len = strlen(path);
  if (len >= sizeof above) return false;
  memcpy(above, path, len + 1);
  while (len > 1 && faccessat(AT_FDCWD, above, F_OK, AT_EACCESS) < 0 && errno == ENOENT) {
    while (len > 1 && above[len - 1] != '/') len--;
    while (len > 1 && above[len - 1] == '/') len--;
    above[len] = '\0';
  }
  return faccessat(AT_FDCWD, above, W_OK, AT_EACCESS) == 0;
}

/* As root one that cannot be made is an error when it comes to it; an ordinary user has one where
   the machine grants it. */
static ctr_code ctr__plan_cgroup(ctr__builder *b, ctr__hierarchy *hierarchy) {
  const char *path = NULL;
  ctr_code code = ctr__container_cgroup(b, hierarchy, &path);
  if (code) return code;
  if ((b->facts->euid || !b->facts->initial_userns) && !ctr__can_make(path)) {
    if (b->config->linux_.cgroupsPath)
      ctr__log(&b->desc->log, CTR_LOG_WARNING, "linux.cgroupsPath",
               "not made: an ordinary user may not write to %s", hierarchy->mount_point);
    return CTR_OK;
  }
  ctr__parent_step(b, MAKE_CGROUP, .field = "linux.cgroupsPath",
                   .str = {path, hierarchy->v2 ? "" : hierarchy->options}, .num = {hierarchy->v2});
  hierarchy->container = path;
  return CTR_OK;
}

/* "a/../b" would lead where nobody looks for it, "." is the cgroup of somebody else: who deletes
   the container kills all that are in it. */
static bool ctr__has_dots(const char *path) {
  const char *name;
  for (size_t len; (len = ctr__component(&path, &name)) != 0;)
    if (len <= 2 && !memcmp(name, "..", len)) return true;
  return false;
}

/* Who deletes the container ends all that are in its cgroup, or in the pid namespace of its own. */
static void ctr__warn_if_unbounded(const ctr__builder *b) {
  const ctr_namespace *pids = ctr__namespace_of(b->config, CTR_NS_PID);
  if (pids && !pids->path) return;
  for (size_t i = 0; b->hierarchies && i < b->hierarchies->count; i++)
    if (b->hierarchies->items[i].container) return;
  ctr__log(&b->desc->log, CTR_LOG_WARNING, "linux.namespaces",
           "without a cgroup and a pid namespace of its own, what the program leaves running in the "
           "background goes on when the container is deleted");
}

static ctr_code ctr__plan_cgroups(ctr__builder *b) {
  const char *asked = b->config->linux_.cgroupsPath;
  if (b->desc->no_cgroup) return CTR_OK;
  if (asked && (ctr__has_dots(asked) || !asked[strspn(asked, "/")]))
    return ctr__refuse(b, CTR_E_CONFIG, "linux.cgroupsPath", "is no path of a cgroup of its own");
  ctr_code code = ctr__hierarchies_read(b);
  if (!code && asked && !b->hierarchies->count)
    return ctr__refuse(b, CTR_E_UNSUPPORTED, "linux.cgroupsPath",
                       "this machine has no cgroup hierarchy mounted: use no_cgroup");
  for (size_t i = 0; !code && i < b->hierarchies->count; i++) {
    ctr__hierarchy *hierarchy = &b->hierarchies->items[i];
    if (ctr__hierarchy_is_hidden(b->hierarchies, i)) continue;
    if (asked || ctr__can_freeze(b->hierarchies, hierarchy)) code = ctr__plan_cgroup(b, hierarchy);
  }
  for (size_t i = 0; !code && i < b->hierarchies->count; i++)
    if (b->hierarchies->items[i].container)
      ctr__parent_step(b, ENTER_CGROUP, .field = "linux.cgroupsPath",
                       .str = {b->hierarchies->items[i].container});
  return code;
}

static ctr_code ctr__plan_own_cgroups(ctr__builder *b) {
  if (!ctr__makes_container(b)) return CTR_OK;
  ctr_code code = ctr__plan_cgroups(b);
  if (!code) ctr__warn_if_unbounded(b);
  return code;
}
