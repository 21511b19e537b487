/* sd_notify(3) for a service that is a container: a socket of ours is shown inside, and that the
   program is ready, and nothing else, is passed on to the service manager. */

#define CTR__NOTIFY_DIR    "notify"
#define CTR__NOTIFY_SOCK   "notify.sock"
#define CTR__NOTIFY_INSIDE "/run/notify"

/* The environment with NOTIFY_SOCKET as it is inside. */
static ctr_strs ctr__notify_env(ctr_arena *arena, ctr_strs env) {
  static const char own[] = "NOTIFY_SOCKET=" CTR__NOTIFY_INSIDE "/" CTR__NOTIFY_SOCK;
  const char **items = ctr__arena_array(arena, env.count + 1, sizeof *items);
  size_t count = 0;
  for (size_t i = 0; items && i < env.count; i++)
    if (strncmp(env.items[i], own, sizeof "NOTIFY_SOCKET=" - 1) != 0) items[count++] = env.items[i];
  if (items) items[count++] = own;
  return (ctr_strs){items, count};
}

/* The config with the directory of the socket mounted, and the program told of it. */
static ctr_code ctr__add_notify(ctr_container *c, const char *root, ctr_err *err) {
  static const char *const options[] = {"bind", "ro", "nosuid", "nodev", "noexec"};
  char path[PATH_MAX], here[PATH_MAX] = ""; /* sources of mounts start from the bundle, root not */
  ctr_code code = ctr__root_path(root, path, err);
  if (code) return code;
  if (*path != '/' && !getcwd(here, sizeof here))
    return ctr__fail(err, CTR_E_SYS, errno, NULL, "find the working directory");
  ctr_config *config = ctr_arena_alloc(&c->arena, sizeof *config);
  ctr_mount *mounts = ctr__arena_array(&c->arena, c->config->mounts.count + 1, sizeof *mounts);
  ctr__string source = {.arena = &c->arena};
  const char *const parts[] = {here, *here ? "/" : "", path, "/", c->id, "/" CTR__NOTIFY_DIR};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    ctr__string_sink(&source, parts[i], strlen(parts[i]));
  if (!config || !mounts || source.nomem) return ctr__nomem(err);
  *config = *c->config;
  if (config->mounts.count)
    memcpy(mounts, config->mounts.items, config->mounts.count * sizeof *mounts);
  mounts[config->mounts.count++] =
      (ctr_mount){.destination = CTR__NOTIFY_INSIDE,
                  .type = "bind",
                  .source = source.text,
                  .options = {options, sizeof options / sizeof *options}};
  config->mounts.items = mounts;
  config->process.env = ctr__notify_env(&c->arena, config->process.env);
  c->config = config;
  return config->process.env.items ? CTR_OK : ctr__nomem(err);
}

static ctr_code ctr__make_notify_dir(const ctr_container *c, ctr_err *err) {
  if (mkdirat(c->dir, CTR__NOTIFY_DIR, 0700) < 0 || fchmodat(c->dir, CTR__NOTIFY_DIR, 0755, 0) < 0)
    return ctr__fail(err, CTR_E_SYS, errno, NULL, "make the directory of the notify socket");
  return CTR_OK;
}

/* The socket belongs to who starts the container, for that is who waits. Whoever the program runs
   as may write to it; only who has the directory can reach it. */
static ctr_code ctr__listen_notify(ctr_container *c, ctr_err *err) {
  CTR__AUTO_CLOSE dir = ctr__open(c->dir, CTR__NOTIFY_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
  if (dir >= 0) unlinkat(dir, CTR__NOTIFY_SOCK, 0); /* of a start that failed */
  CTR__AUTO_CLOSE sock = dir < 0 ? dir : ctr__bind(dir, CTR__NOTIFY_SOCK, SOCK_DGRAM);
  int r = sock < 0 ? sock : (int)ctr__ret(fchmodat(dir, CTR__NOTIFY_SOCK, 0666, 0));
  if (r < 0) return ctr__fail(err, CTR_E_SYS, -r, NULL, "make the notify socket");
  c->notify_sock = ctr__steal_fd(&sock);
  return CTR_OK;
}

int ctr_container_notify_fd(const ctr_container *container) {
  return container->notify_sock;
}

/* Whether a message has the line. */
static bool ctr__has_line(const char *text, const char *line) {
  size_t len = strlen(line);
  for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n')
    if (strcspn(at, "\n") == len && !memcmp(at, line, len)) return true;
  return false;
}

/* An abstract address starts with '@' (unix(7)). */
static ctr_code ctr__pass_ready_on(const ctr_container *c, ctr_err *err) {
  char text[64];
  const char *path = c->stored->notifySocket;
  *ctr__put_str(ctr__put_int(ctr__put_str(text, "MAINPID="), c->stored->pid), "\nREADY=1") = '\0';
  CTR__AUTO_CLOSE sock = *path == '@' ? ctr__connect_abstract(path + 1, SOCK_DGRAM)
                                      : ctr__connect(AT_FDCWD, path, SOCK_DGRAM);
  int r = sock < 0 ? sock : ctr__send_bytes(sock, text, strlen(text));
  return r < 0 ? ctr__fail(err, CTR_E_SYS, -r, NULL, "tell %.200s that \"%.128s\" is ready", path,
                           c->id)
               : CTR_OK;
}

ctr_code ctr_container_notify(ctr_container *container, bool *ret_ready, ctr_err *err) {
  char text[4096 + 1];
  ctr__err_clear(err);
  if (!container || !ret_ready)
    return ctr__fail(err, CTR_E_ARG, 0, NULL, "container and ret_ready are needed");
  if (container->notify_sock < 0)
    return ctr__fail(err, CTR_E_STATE, 0, NULL, "container \"%.128s\" is not waited for",
                     container->id);
  *ret_ready = false;
  for (;;) {
    ssize_t n = recv(container->notify_sock, text, sizeof text - 1, MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return CTR_OK;
    if (n < 0) return ctr__fail(err, CTR_E_SYS, errno, NULL, "read from the notify socket");
    text[n] = '\0';
    if (!ctr__has_line(text, "READY=1")) continue;
    ctr__close(&container->notify_sock);
    *ret_ready = true;
    return ctr__pass_ready_on(container, err);
  }
}
