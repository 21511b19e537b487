/* Which ids a caller may put into the map of a user namespace (user_namespaces(7)): besides their
   own, those that the machine gives them (subuid(5), subgid(5)) and that a program with the right
   to do so writes for them (newuidmap(1), newgidmap(1)). */

enum ctr__id_kind { CTR__UIDS, CTR__GIDS, CTR__ID_KINDS };

static const struct ctr__id_source {
  const char *helper, *given, *map;
} ctr__id_sources[CTR__ID_KINDS] = {
    [CTR__UIDS] = {"newuidmap", "/etc/subuid", "/proc/self/uid_map"},
    [CTR__GIDS] = {"newgidmap", "/etc/subgid", "/proc/self/gid_map"},
};

typedef struct ctr__id_range {
  uint32_t first, count;
} ctr__id_range;

enum { CTR__ID_RANGES = 32, CTR__HELPER_PATH = 256 };

typedef struct ctr__id_ranges {
  ctr__id_range items[CTR__ID_RANGES];
  size_t count;
  bool known; /* else they cannot be found out, and who writes the map is the judge */
} ctr__id_ranges;

static bool ctr__ids_have(const ctr__id_ranges *ids, uint32_t first, uint32_t count) {
  for (size_t i = 0; i < ids->count; i++) {
    const ctr__id_range *range = &ids->items[i];
    if (first >= range->first && first - range->first < range->count &&
        count <= range->count - (first - range->first))
      return true;
  }
  return false;
}

/* Likewise, by ranges that meet: newuidmap(1) takes these for one, the kernel those of a map does
   not. */
static bool ctr__ids_have_together(const ctr__id_ranges *ids, uint32_t first, uint32_t count) {
  for (size_t i = 0; i < ids->count; i++) {
    const ctr__id_range *range = &ids->items[i];
    if (first < range->first || first - range->first >= range->count) continue;
    const uint32_t here = range->count - (first - range->first);
    if (count <= here || ctr__ids_have_together(ids, first + here, count - here)) return true;
  }
  return false;
}

static void ctr__ids_add(ctr__id_ranges *ids, uint64_t first, uint64_t count) {
  if (!count || first >= UINT32_MAX || count > UINT32_MAX - first) return;
  if (ids->count == CTR__ID_RANGES)
    ids->known = false;
  else
    ids->items[ids->count++] = (ctr__id_range){(uint32_t)first, (uint32_t)count};
}

/* -- maps -- */

static bool ctr__id_mapped(ctr_id_mappings map, uint32_t id, uint32_t *ret_host) {
  for (size_t i = 0; i < map.count; i++) {
    const ctr_id_mapping *m = &map.items[i];
    if (id - m->containerID < m->size && id >= m->containerID) {
      *ret_host = m->hostID + (id - m->containerID);
      return true;
    }
  }
  return false;
}

/* proc_pid_uid_map(5): lines "inside outside count". */
static int ctr__read_map(ctr_arena *arena, const char *path, ctr_id_mappings *ret) {
  char *text = NULL;
  size_t count = 0;
  int r = ctr__read_text(arena, path, &text);
  if (r < 0) return r;
  for (const char *at = text; *at; at++) count += *at == '\n';
  ctr_id_mapping *map = ctr__arena_array(arena, count + 1, sizeof *map);
  if (!map) return -ENOMEM;
  for (size_t i = 0; i < count; i++) {
    map[i].containerID = (uint32_t)strtoull(text, &text, 10);
    map[i].hostID = (uint32_t)strtoull(text, &text, 10);
    map[i].size = (uint32_t)strtoull(text, &text, 10);
  }
  *ret = (ctr_id_mappings){map, count};
  return 0;
}

/* -- those of the caller's own user namespace -- */

static int ctr__ids_of_namespace(ctr_arena *arena, enum ctr__id_kind kind, ctr__id_ranges *ret) {
  ctr_id_mappings map;
  *ret = (ctr__id_ranges){.known = true};
  int r = ctr__read_map(arena, ctr__id_sources[kind].map, &map);
  for (size_t i = 0; r == 0 && i < map.count; i++)
    ctr__ids_add(ret, map.items[i].containerID, map.items[i].size);
  return r;
}

/* -- those that are given to the caller -- */

/* A file that need not be there, or may be for others only, is an empty one. */
static int ctr__read_if_there(ctr_arena *arena, const char *path, char **ret_text) {
  int r = ctr__read_text(arena, path, ret_text);
  if (r != -ENOENT && r != -EACCES) return r;
  *ret_text = ctr__arena_strdup(arena, "");
  return *ret_text ? 0 : -ENOMEM;
}

/* A line of passwd(5). */
typedef struct ctr__user_entry {
  const char *name; /* NULL: not listed there, such as a user of a directory service */
  uint32_t gid;
} ctr__user_entry;

/* Read by ourselves: getpwuid(3) loads modules, which a static program does not have. */
static int ctr__user_entry_read(ctr_arena *arena, uint32_t uid, ctr__user_entry *ret) {
  char *text = NULL, *save = NULL;
  *ret = (ctr__user_entry){.name = NULL};
  int r = ctr__read_if_there(arena, "/etc/passwd", &text);
  if (r < 0) return r;
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    char *password = strchr(line, ':'), *id = password ? strchr(password + 1, ':') : NULL, *end;
    if (!id || !isdigit((unsigned char)id[1]) || strtoull(id + 1, &end, 10) != uid || *end != ':')
      continue;
    *password = '\0';
    *ret = (ctr__user_entry){line, (uint32_t)strtoul(end + 1, NULL, 10)};
    break;
  }
  return 0;
}

/* nsswitch.conf(5), "subid": then the files need not be the truth. */
static int ctr__ids_are_given_elsewhere(ctr_arena *arena) {
  char *text = NULL, *save = NULL;
  int r = ctr__read_if_there(arena, "/etc/nsswitch.conf", &text);
  if (r < 0) return r;
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
    if (!strncmp(line + strspn(line, " \t"), "subid:", 6)) return 1;
  return 0;
}

/* A number that ends with the character; *at moves behind that. */
static bool ctr__take_number(char **at, char end, uint64_t *ret) {
  if (!isdigit((unsigned char)**at)) return false;
  *ret = strtoull(*at, at, 10);
  if (**at != end) return false;
  *at += end != '\0';
  return true;
}

/* Lines "NAME-or-UID:first:count", of which those of others are skipped, and what is none. The text
   is cut up; name: NULL when it is not known. */
static void ctr__ids_parse_given(char *text, const char *name, uint32_t uid, ctr__id_ranges *ids) {
  char *save = NULL, number[16];
  *ctr__put_uint(number, uid) = '\0';
  for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
    char *at = strchr(line, ':');
    uint64_t first, count;
    if (!at) continue;
    *at++ = '\0';
    if (strcmp(line, number) != 0 && (!name || strcmp(line, name) != 0)) continue;
    if (ctr__take_number(&at, ':', &first) && ctr__take_number(&at, '\0', &count))
      ctr__ids_add(ids, first, count);
  }
}

/* newuidmap(1) serves nobody whose group is another than passwd(5) says. */
static int ctr__ids_given(ctr_arena *arena, enum ctr__id_kind kind, ctr__id_ranges *ret) {
  const uint32_t uid = getuid();
  ctr__user_entry user;
  char *text = NULL;
  int r = ctr__user_entry_read(arena, uid, &user);
  int elsewhere = r < 0 ? r : ctr__ids_are_given_elsewhere(arena);
  *ret = (ctr__id_ranges){.known = user.name && !elsewhere};
  r = elsewhere < 0 ? elsewhere : ctr__read_if_there(arena, ctr__id_sources[kind].given, &text);
  if (r == 0 && (!user.name || user.gid == getgid()))
    ctr__ids_parse_given(text, user.name, uid, ret);
  return r;
}

/* -- who writes them -- */

/* Its right comes with the file: set-user-ID or file capabilities (capabilities(7)), which count
   for nothing on a nosuid mount and for who has given up gaining privileges. */
static bool ctr__is_privileged_program(const char *path) {
  struct stat st;
  struct statvfs fs;
  if (access(path, X_OK) < 0 || stat(path, &st) < 0 || !S_ISREG(st.st_mode)) return false;
  if (statvfs(path, &fs) < 0 || (fs.f_flag & ST_NOSUID)) return false;
  bool has_caps = syscall(SYS_getxattr, path, "security.capability", NULL, (size_t)0) > 0;
  return ((st.st_mode & S_ISUID) && !st.st_uid) || has_caps;
}

/* Nothing is gained by execve(2) of such a program that the bounding set does not have
   (capabilities(7)), nor by who has given up gaining. */
static bool ctr__can_gain_rights(void) {
  static const unsigned long needed[] = {CTR_CAP_SYS_ADMIN, CTR_CAP_SETUID, CTR_CAP_SETGID};
  for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
    if (prctl(PR_CAPBSET_READ, needed[i], 0, 0, 0) != 1) return false;
  return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 &&
         !(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) & 1 /* SECBIT_NOROOT */);
}

/* Where the program of that name is, found as execvp(3) would; "" without one that works. */
static void ctr__find_id_helper(const char *name, char ret_path[CTR__HELPER_PATH]) {
  const char *path = secure_getenv("PATH");
  *ret_path = '\0';
  if (!ctr__can_gain_rights()) return;
  for (path = path ? path : "/usr/bin:/bin"; *path; path += strspn(path, ":")) {
    size_t len = strcspn(path, ":");
    int n = snprintf(ret_path, CTR__HELPER_PATH, "%.*s/%s", (int)len, path, name);
    if (*path == '/' && n < CTR__HELPER_PATH && ctr__is_privileged_program(ret_path)) return;
    path += len;
  }
  *ret_path = '\0';
}
