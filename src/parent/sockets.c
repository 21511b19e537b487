/* Unix sockets with a name: where terminals and pidfds go, and where containers wait. */

/* The address of a path, however long: what unix(7) takes is 107 bytes, so that a longer one is
   reached through a descriptor of its directory, which is to be kept open for the call. */
static int ctr__socket_address(int dir, const char *path, struct sockaddr_un *address,
                               int *ret_dir) {
  char parent[PATH_MAX], name[NAME_MAX + 1];
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  *ret_dir = -1;
  if (dir == AT_FDCWD && strlen(path) < sizeof address->sun_path) {
    ctr__put_str(address->sun_path, path);
    return 0;
  }
  int r = ctr__split(path, parent, name);
  if (r < 0) return r;
  CTR__AUTO_CLOSE fd = ctr__open(dir, parent, O_PATH | O_DIRECTORY, 0);
  if (fd < 0) return fd;
  if (strlen(name) + 32 >= sizeof address->sun_path) return -ENAMETOOLONG;
  ctr__fd_path(address->sun_path, fd);
  ctr__put_str(ctr__put_str(address->sun_path + strlen(address->sun_path), "/"), name);
  *ret_dir = ctr__steal_fd(&fd);
  return 0;
}

static int ctr__socket(int type) {
  return ctr__fd_high((int)ctr__ret(socket(AF_UNIX, type | SOCK_CLOEXEC, 0)));
}

/* dir: what a relative path starts from. */
static int ctr__connect(int dir, const char *path, int type) {
  struct sockaddr_un address;
  CTR__AUTO_CLOSE parent = -1;
  int r = ctr__socket_address(dir, path, &address, &parent);
  CTR__AUTO_CLOSE sock = r < 0 ? r : ctr__socket(type);
  if (sock < 0) return sock;
  do r = (int)ctr__ret(connect(sock, (const struct sockaddr *)&address, sizeof address));
  while (r == -EINTR);
  return r < 0 ? r : ctr__steal_fd(&sock);
}

/* unix(7), "abstract": a name without a file. */
static int ctr__connect_abstract(const char *name, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t len = strlen(name);
  if (len >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path + 1, name, len);
  CTR__AUTO_CLOSE sock = ctr__socket(type);
  if (sock < 0) return sock;
  const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
  int r = (int)ctr__ret(connect(sock, (const struct sockaddr *)&address, size));
  return r < 0 ? r : ctr__steal_fd(&sock);
}

static int ctr__bind(int dir, const char *path, int type) {
  struct sockaddr_un address;
  CTR__AUTO_CLOSE parent = -1;
  int r = ctr__socket_address(dir, path, &address, &parent);
  CTR__AUTO_CLOSE sock = r < 0 ? r : ctr__socket(type);
  if (sock < 0) return sock;
  r = (int)ctr__ret(bind(sock, (const struct sockaddr *)&address, sizeof address));
  return r < 0 ? r : ctr__steal_fd(&sock);
}

static int ctr__listen(int dir, const char *path, int type) {
  CTR__AUTO_CLOSE sock = ctr__bind(dir, path, type);
  int r = sock < 0 ? sock : (int)ctr__ret(listen(sock, 16));
  return r < 0 ? r : ctr__steal_fd(&sock);
}

/* One descriptor with a text, in one call as far as the socket takes it: engines want a payload,
   and agents read once. */
static int ctr__hand_over(int sock, int fd, const char *text) {
  size_t left = strlen(text);
  ssize_t n = ctr__send_with_fd(sock, text, left, fd);
  while (n >= 0 && (size_t)n < left) {
    text += n;
    left -= (size_t)n;
    do n = ctr__ret(send(sock, text, left, MSG_NOSIGNAL));
    while (n == -EINTR);
  }
  return n < 0 ? (int)n : 0;
}
