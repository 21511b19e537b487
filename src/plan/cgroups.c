/* A mount of type cgroup: what default configs put on /sys/fs/cgroup. Which hierarchies there are
   is the machine's; they are read once, here, and become plain mount and bind steps. */

typedef struct ctr__hierarchy {
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
      (ctr__hierarchy){fields[4], ctr__base_name(fields[4]), fields[3], super, v2};
  all->v1_count += !v2;
}

static ctr_code ctr__hierarchies_read(ctr__builder *b, ctr__hierarchies *all) {
  *all = (ctr__hierarchies){0};
  char *text = NULL, *save = NULL;
  ctr_code code = ctr__read_proc_file(b, "/proc/self/cgroup", &text);
  all->membership = text;
  if (!code) code = ctr__read_proc_file(b, "/proc/self/mountinfo", &text);
  if (code) return code;
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
    ctr__hierarchy_read(all, line);
  return CTR_OK;
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

/* Where that cgroup is on the host: below the mount point, less the part that is mounted there. Not
   known, or not below: then there is nothing of the caller's own to show. */
static ctr_code ctr__own_cgroup_path(ctr__builder *b, const char *field,
                                     const ctr__hierarchies *all, const ctr__hierarchy *hierarchy,
                                     const char **ret_path) {
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

/* v1 and hybrid: a tmpfs with the caller's cgroup of each hierarchy bound in. */
static ctr_code ctr__plan_cgroup_v1(ctr__builder *b, const ctr_mount *mount, const char *field,
                                    const ctr__mount_spec *spec, const ctr__hierarchies *all) {
  const uint64_t set = (spec->set & ~spec->rec_clr) | spec->rec_set;
  ctr__child_step(b, MOUNT_FS, .field = field, .str = {mount->destination, "tmpfs"},
                  .ref = {0, 0, ctr__add_strs(b, CTR_STRS("source=cgroup", "mode=755"))},
                  .num = {set & ~(uint64_t)CTR__ATTR_RDONLY});
  for (size_t i = 0; i < all->count; i++) {
    bool seen = false; /* mounted at two places: the last one is on top */
    for (size_t later = i + 1; later < all->count; later++)
      seen |= !strcmp(all->items[i].name, all->items[later].name);
    if (seen) continue;
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
  ctr__hierarchies all;
  if (spec->data_count)
    return ctr__fail(
        b->err, CTR_E_CONFIG, 0, field,
        "\"%.64s\": the hierarchies are there already and take no options of their own",
        spec->data[0]);
  ctr_code code = ctr__hierarchies_read(b, &all);
  if (code) return code;
  if (!all.count)
    return ctr__fail(b->err, CTR_E_UNSUPPORTED, 0, field,
                     "type cgroup: this machine has no cgroup hierarchy mounted");
  if (all.v1_count) return ctr__plan_cgroup_v1(b, mount, field, spec, &all);
  return ctr__plan_cgroup_v2(b, mount, field, spec, &all);
}
