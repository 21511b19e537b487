/* Text of procfs, a line at a time: nothing here can make room for all of it. */

/* Moves *at behind the digits, of a base up to 16, with small letters. */
static uint64_t ctr__take_digits(const char **at, unsigned base) {
  uint64_t value = 0;
  for (;; ++*at) {
    const char digit = **at;
    unsigned is = base;
    if (digit >= '0' && digit <= '9') is = (unsigned)(digit - '0');
    if (digit >= 'a' && digit <= 'f') is = (unsigned)(digit - 'a') + 10;
    if (is >= base) return value;
    value = value * base + is;
  }
}

/* Of a file that is too large to be had at once, which the kernel goes on with where it was: it
   does not matter what comes into it or goes meanwhile. A line that is longer than two paths is an
   error. visit: may change the line; anything but 0 ends it. */
static int ctr__each_line(int dir, const char *path, int (*visit)(void *data, char *line),
                          void *data) {
  char text[2 * PATH_MAX];
  size_t used = 0;
  CTR__AUTO_CLOSE file = ctr__open(dir, path, O_RDONLY, 0);
  if (file < 0) return file;
  for (;;) {
    const ssize_t n = read(file, text + used, sizeof text - used);
    if (n <= 0) return (int)ctr__ret(n);
    used += (size_t)n;
    char *line = text;
    for (size_t i = 0; i < used; i++) {
      if (text[i] != '\n') continue;
      text[i] = '\0';
      const int r = visit(data, line);
      if (r) return r;
      line = text + i + 1;
    }
    used = (size_t)(text + used - line);
    if (used == sizeof text) return -ENAMETOOLONG;
    memmove(text, line, used);
  }
}
