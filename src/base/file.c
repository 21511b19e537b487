/* Small files of the system, whole. */

/* Into the arena, NUL-terminated, which no member of the system's text files contains. Returns 0 or
   -errno. */
static int ctr__read_text(ctr_arena *arena, const char *path, char **ret_text) {
  CTR__AUTO_CLOSE fd = ctr__open(AT_FDCWD, path, O_RDONLY, 0);
  size_t room = 8192, len = 0;
  char *text = ctr_arena_alloc(arena, room);
  ssize_t n = fd;
  while (text && n >= 0 && (n = ctr__ret(read(fd, text + len, room - len - 1))) > 0) {
    len += (size_t)n;
    if (len + 1 < room) continue;
    char *bigger = ctr__arena_array(arena, 2, room);
    if (bigger) memcpy(bigger, text, len);
    text = bigger;
    room *= 2;
  }
  if (!text) return -ENOMEM;
  if (n < 0) return (int)n;
  text[len] = '\0';
  *ret_text = text;
  return 0;
}

/* Cuts the next of the words of a line, which are parted by one blank each and may be empty. */
static char *ctr__next_word(char **at) {
  /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): there are as many lines as counted */
  char *word = *at, *end = word + strcspn(word, " ");
  *at = end + (*end == ' ');
  *end = '\0';
  return word;
}

/* -- proc_pid_mountinfo(5) -- */

#define CTR__MOUNTINFO "/proc/self/mountinfo"

/* id parent major:minor root mount-point options fields... - type source super-options */
typedef struct ctr__mount_line {
  const char *id, *parent, *root, *point, *options, *type, *super;
} ctr__mount_line;

static bool ctr__mount_line_read(char *line, ctr__mount_line *ret) {
  char *tail = strstr(line, " - "), *fields[6];
  if (!tail) return false;
  *tail = '\0';
  tail += 3;
  for (int i = 0; i < 6; i++) fields[i] = ctr__next_word(&line);
  ctr__unescape_octal(fields[3]);
  ctr__unescape_octal(fields[4]);
  *ret = (ctr__mount_line){.id = fields[0],
                           .parent = fields[1],
                           .root = fields[3],
                           .point = fields[4],
                           .options = fields[5],
                           .type = ctr__next_word(&tail)};
  ctr__next_word(&tail); /* the source */
  ret->super = ctr__next_word(&tail);
  return true;
}

/* Every line of the text, which is cut up for that; NULL without memory. */
static ctr__mount_line *ctr__mount_lines(ctr_arena *arena, char *text, size_t *ret_count) {
  size_t count = 0;
  for (const char *at = text; *at; at++) count += *at == '\n';
  char *save = NULL;
  ctr__mount_line *lines = ctr__arena_array(arena, count + 1, sizeof *lines);
  *ret_count = 0;
  for (char *line = strtok_r(text, "\n", &save); line && lines; line = strtok_r(NULL, "\n", &save))
    *ret_count += ctr__mount_line_read(line, &lines[*ret_count]);
  return lines;
}
