/* Small files of the system, whole. */

/* Into the arena, NUL-terminated, which no member of the system's text files contains. Returns 0 or
   -errno. */
static int ctr__read_text(ctr_arena *arena, const char *path, char **ret_text) {
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  size_t room = 8192, len = 0;
  char *text = ctr_arena_alloc(arena, room);
  ssize_t n = fd;
  while (text && n >= 0 && (n = read(fd, text + len, room - len - 1)) > 0) {
    len += (size_t)n;
    if (len + 1 < room) continue;
    char *bigger = ctr__arena_array(arena, 2, room);
    if (bigger) memcpy(bigger, text, len);
    text = bigger;
    room *= 2;
  }
  if (!text) return -ENOMEM;
  if (n < 0) return fd < 0 ? fd : -errno;
  text[len] = '\0';
  *ret_text = text;
  return 0;
}
