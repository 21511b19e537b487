/* What is kept of a container: a directory below the state root that only its owner can enter, with
     state.json   written to another name and renamed, so that it is whole or not there
     creating     as long as it is being made: the socket its first process will wait at, or a file
     start        that socket, once there is somebody who waits
     starting     the same while it is being started
     notify/      what the container sees of sd_notify(3): our socket
   The directory is locked (flock(2)) around every change; looking needs no lock. */

typedef struct ctr__stored {
  const char *id, *bundle, *rootfs, *created;
  uint32_t owner;
  int64_t pid;        /* of its first process, as its maker saw it; 0: there is none yet */
  uint64_t startTime; /* of that, clock ticks since boot            */
  const ctr__cgroup *cgroups;
  size_t cgroup_count;
  ctr_pairs namespacePaths;
  ctr_strs externalDescriptors;
  const char *notifySocket; /* the service manager's; NULL: none */
  ctr_uint innerUserns;     /* whether it was made with one, which its first process cannot change;
                               not set: by a library that did not write it down */
  ctr_config config;
} ctr__stored;

CTR__TYPE(ctr__cgroup, CTR__FIELD(ctr__cgroup, path, STR, CTR__MUST),
          CTR__FIELD(ctr__cgroup, controllers, STR, CTR__MUST),
          CTR__FIELD(ctr__cgroup, v2, BOOL, CTR__PLAIN));

CTR__TYPE(ctr__stored, CTR__FIELD(ctr__stored, id, STR, CTR__MUST),
          CTR__FIELD(ctr__stored, bundle, STR, CTR__MUST),
          CTR__FIELD(ctr__stored, rootfs, STR, CTR__PLAIN),
          CTR__FIELD(ctr__stored, created, STR, CTR__MUST),
          CTR__FIELD(ctr__stored, owner, U32, CTR__MUST),
          CTR__FIELD(ctr__stored, pid, I64, .min = 0, .max = INT32_MAX, CTR__MUST),
          CTR__FIELD(ctr__stored, startTime, U64, CTR__MUST),
          CTR__FIELD(ctr__stored, cgroups, LIST, CTR__OF(ctr__cgroup)),
          CTR__FIELD(ctr__stored, namespacePaths, PAIRS, CTR__PLAIN),
          CTR__FIELD(ctr__stored, externalDescriptors, STRS, CTR__PLAIN),
          CTR__FIELD(ctr__stored, notifySocket, STR, CTR__PLAIN),
          CTR__FIELD(ctr__stored, innerUserns, UINT, .max = 1, CTR__PLAIN),
          CTR__FIELD(ctr__stored, config, OBJECT, CTR__OF(ctr_config), CTR__MUST));

#define CTR__STATE_FILE     "state.json"
#define CTR__STATE_FILE_NEW "state.json.new"
#define CTR__CREATING       "creating"
#define CTR__START          "start"
#define CTR__STARTING       "starting"

/* -- ids -- */

static ctr_code ctr__check_id(const char *id, ctr_err *err) {
  static const char allowed[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-";
  if (!id) return ctr__fail(err, CTR_E_ARG, 0, NULL, "a container id is needed");
  size_t len = strlen(id);
  if (len && len <= 1024 && strspn(id, allowed) == len && strcmp(id, ".") != 0 &&
      strcmp(id, "..") != 0)
    return CTR_OK;
  return ctr__fail(err, CTR_E_ARG, 0, NULL,
                   "\"%.64s\" is no container id: 1 to 1024 characters of A-Z a-z 0-9 _ + . -, and "
                   "not \".\" or \"..\"",
                   id);
}

/* -- the state root -- */

static ctr_code ctr__root_path(const char *root, char path[PATH_MAX], ctr_err *err) {
  const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
  bool of_machine = geteuid() == 0 && ctr__in_initial_userns();
  const char *base = of_machine ? "/run" : runtime_dir && *runtime_dir ? runtime_dir : NULL;
  if (!root && !base)
    return ctr__fail(err, CTR_E_ARG, 0, NULL,
                     "no directory for the state of containers: XDG_RUNTIME_DIR is not set, and no "
                     "root is given");
  int len = snprintf(path, PATH_MAX, "%s%s", root ? root : base, root ? "" : "/ctr");
  if (len <= 0 || len >= PATH_MAX)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "the root directory is no usable path");
  while (len > 1 && path[len - 1] == '/') path[--len] = '\0';
  return CTR_OK;
}

/* mkdir -p, for its owner alone. */
static int ctr__make_path(char *path) {
  for (char *at = path + 1; *at; at++) {
    if (*at != '/') continue;
    *at = '\0';
    int r = (int)ctr__ret(mkdir(path, 0700));
    *at = '/';
    if (r < 0 && r != -EEXIST && access(path, F_OK) < 0) return r;
  }
  int r = (int)ctr__ret(mkdir(path, 0700));
  return r == -EEXIST ? 0 : r;
}

/* Opens it; what others could have put there is not to be believed. */
static ctr_code ctr__open_root(const char *root, bool make, int *ret_fd, ctr_err *err) {
  char path[PATH_MAX];
  struct stat st;
  ctr_code code = ctr__root_path(root, path, err);
  if (code) return code;
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (fd == -ENOENT && make) {
    int r = ctr__make_path(path);
    fd = r < 0 ? r : ctr__open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  }
  if (fd >= 0 && fstat(fd, &st) < 0) return ctr__fail(err, CTR_E_SYS, errno, NULL, "%s", path);
  if (fd >= 0 && (st.st_uid != geteuid() || (st.st_mode & 022)))
    return ctr__fail(err, CTR_E_SYS, EPERM, NULL,
                     "%.300s cannot hold the state of containers: it is not the caller's own, or "
                     "others may write to it",
                     path);
  if (fd == -ENOENT)
    return ctr__fail(err, CTR_E_NOT_FOUND, 0, NULL, "there is no container: %.300s is not there",
                     path);
  if (fd < 0)
    return ctr__fail(err, CTR_E_SYS, -fd, NULL, "open the root directory %.300s%s", path,
                     fd == -ENOTDIR || fd == -ELOOP ? " (a link is not followed)" : "");
  *ret_fd = ctr__steal_fd(&fd);
  return CTR_OK;
}

/* -- reading and writing -- */

/* A foreign file is not to make us touch a directory that is no cgroup of a container. */
static bool ctr__stored_is_sane(const ctr__stored *stored, const char *id) {
  bool sane = !strcmp(stored->id, id) && *stored->bundle == '/' && stored->config.process.cwd;
  for (size_t i = 0; i < stored->cgroup_count; i++) {
    const char *path = stored->cgroups[i].path;
    sane &= *path == '/' && !ctr__has_dots(path);
  }
  return sane;
}

/* A whole file of at most 16 MiB. */
static int ctr__read_file(ctr_arena *arena, int dir, const char *name, char **ret_text,
                          size_t *ret_len) {
  CTR__AUTO_CLOSE fd = ctr__open(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
  struct stat st;
  if (fd < 0) return fd;
  if (fstat(fd, &st) < 0) return -errno;
  if (!S_ISREG(st.st_mode) || st.st_size > 1 << 24) return -EINVAL;
  char *text = ctr_arena_alloc(arena, (size_t)st.st_size + 1);
  if (!text) return -ENOMEM;
  ssize_t n = 0;
  for (size_t len = 0; len < (size_t)st.st_size; len += (size_t)n) {
    n = read(fd, text + len, (size_t)st.st_size - len);
    if (n < 0) return -errno;
    if (n == 0) return -EIO;
  }
  *ret_text = text;
  *ret_len = (size_t)st.st_size;
  return 0;
}

static ctr_code ctr__never_finished(const char *id, ctr_err *err) {
  return ctr__fail(err, CTR_E_CORRUPT, 0, NULL,
                   "container \"%.128s\" was never finished being made: delete it with force", id);
}

/* Reads state.json. */
static ctr_code ctr__load(ctr_arena *arena, int dir, const char *id, ctr__stored **ret_stored,
                          ctr_err *err) {
  char *text = NULL;
  size_t len = 0;
  ctr_json *value = NULL;
  ctr_err why = {0};
  ctr__stored *stored = ctr_arena_alloc(arena, sizeof *stored);
  if (!stored) return ctr__nomem(err);
  int r = ctr__read_file(arena, dir, CTR__STATE_FILE, &text, &len);
  if (r == -ENOMEM) return ctr__nomem(err);
  if (r == -ENOENT) return ctr__never_finished(id, err);
  if (r == -EMFILE || r == -ENFILE) /* says nothing about it */
    return ctr__fail(err, CTR_E_SYS, -r, NULL, "read the state of container \"%.128s\"", id);
  if (r < 0)
    return ctr__fail(err, CTR_E_CORRUPT, -r, NULL,
                     "the state of container \"%.128s\" cannot be read: delete it with force", id);
  ctr__config_reader reader = {.arena = arena, .err = &why};
  ctr_code code = ctr_json_parse(arena, text, len, NULL, &value, &why);
  if (!code) code = ctr__read_object(&reader, NULL, value, &ctr__type_of_ctr__stored, stored);
  if (code == CTR_E_NOMEM) return ctr__nomem(err);
  if (code || !ctr__stored_is_sane(stored, id))
    return ctr__fail(
        err, CTR_E_CORRUPT, 0, NULL,
        "the state of container \"%.128s\" cannot be read: delete it with force: %.200s", id,
        code ? why.msg : "it is not that container's");
  *ret_stored = stored;
  return CTR_OK;
}

/* Writes it beside the one that is there. */
static ctr_code ctr__write_state(ctr_arena *arena, int dir, const ctr__stored *stored,
                                 ctr_err *err) {
  ctr__string text = {.arena = arena};
  ctr_json *value = ctr__write_object(arena, &ctr__type_of_ctr__stored, stored);
  if (!value) return ctr__nomem(err);
  ctr_code code = ctr_json_write(value, CTR_JSON_COMPACT, ctr__string_sink, &text, err);
  if (code) return text.nomem ? ctr__nomem(err) : code;
  CTR__AUTO_CLOSE fd =
      ctr__open(dir, CTR__STATE_FILE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
  int r = fd < 0 ? fd : ctr__write_all(fd, text.text, text.len);
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "write down the state of container \"%.128s\"",
                           stored->id)
               : CTR_OK;
}

/* And in its place. */
static ctr_code ctr__put_state(int dir, const char *id, ctr_err *err) {
  if (renameat(dir, CTR__STATE_FILE_NEW, dir, CTR__STATE_FILE) == 0) return CTR_OK;
  return ctr__fail(err, CTR_E_SYS, errno, NULL, "write down the state of container \"%.128s\"", id);
}

static ctr_code ctr__save(ctr_arena *arena, int dir, const ctr__stored *stored, ctr_err *err) {
  ctr_code code = ctr__write_state(arena, dir, stored, err);
  return code ? code : ctr__put_state(dir, stored->id, err);
}
