/* The arena: blocks of doubling size up to a limit: small uses stay small; freed together. */

struct ctr_block_ {
  struct ctr_block_ *next;
  size_t size, used; /* of data, bytes */
  _Alignas(max_align_t) unsigned char data[];
};

enum { CTR__BLOCK_MIN = 4096 - (int)sizeof(struct ctr_block_), CTR__BLOCK_MAX = 1 << 15 };

static struct ctr_block_ *ctr__block_new(ctr_arena *arena, size_t size) {
  if (size > SIZE_MAX - sizeof(struct ctr_block_)) return NULL;
  struct ctr_block_ *block = CTR_MALLOC(sizeof *block + size);
  if (!block) return NULL;
  block->next = arena->blocks_;
  block->size = size;
  block->used = 0;
  arena->blocks_ = block;
  arena->bytes += sizeof *block + size;
  return block;
}

void *ctr_arena_alloc(ctr_arena *arena, size_t size) {
  const size_t align = _Alignof(max_align_t);
  if (size > SIZE_MAX - align) return NULL;
  size = (size + align - 1) & ~(align - 1);
  struct ctr_block_ *block = arena->blocks_;
  if (!block || block->size - block->used < size) {
    size_t want = block ? block->size * 2 : (size_t)CTR__BLOCK_MIN;
    if (want > CTR__BLOCK_MAX) want = CTR__BLOCK_MAX;
    if (want < size) want = size;
    block = ctr__block_new(arena, want);
    if (!block) return NULL;
  }
  void *ptr = block->data + block->used;
  block->used += size;
  return memset(ptr, 0, size);
}

void ctr_arena_free(ctr_arena *arena) {
  if (!arena) return;
  for (struct ctr_block_ *block = arena->blocks_, *next; block; block = next) {
    next = block->next;
    CTR_FREE(block);
  }
  *arena = (ctr_arena){0};
}

/* size of one times count, zeroed, or NULL: also when the product overflows. */
static void *ctr__arena_array(ctr_arena *arena, size_t count, size_t size) {
  return size && count > SIZE_MAX / size ? NULL : ctr_arena_alloc(arena, count * size);
}

static char *ctr__arena_strndup(ctr_arena *arena, const char *text, size_t len) {
  char *copy = len == SIZE_MAX ? NULL : ctr_arena_alloc(arena, len + 1);
  return copy ? memcpy(copy, text, len) : NULL;
}

static char *ctr__arena_strdup(ctr_arena *arena, const char *text) {
  return ctr__arena_strndup(arena, text, strlen(text));
}

/* Text that grows, NUL-terminated; a ctr_sink. */
typedef struct ctr__string {
  ctr_arena *arena;
  char *text;
  size_t len, room;
  bool nomem;
} ctr__string;

static int ctr__string_sink(void *userdata, const char *text, size_t len) {
  ctr__string *s = userdata;
  if (len >= s->room - s->len || !s->room) {
    size_t room = (s->len + len + 64) * 2;
    char *bigger = ctr_arena_alloc(s->arena, room);
    s->nomem |= !bigger;
    if (!bigger) return 1;
    if (s->len) memcpy(bigger, s->text, s->len);
    s->text = bigger;
    s->room = room;
  }
  memcpy(s->text + s->len, text, len);
  s->len += len;
  s->text[s->len] = '\0';
  return 0;
}

/* vsnprintf(3) into the arena; NULL without memory. */
__attribute__((format(printf, 2, 0))) static char *
ctr__arena_vprintf(ctr_arena *arena, const char *format, va_list args) {
  char buf[128]; /* mostly it fits, and is formatted once */
  va_list again;
  va_copy(again, args);
  int len = vsnprintf(buf, sizeof buf, format, args);
  char *text = len < 0 ? NULL : ctr_arena_alloc(arena, (size_t)len + 1);
  if (text && (size_t)len < sizeof buf) memcpy(text, buf, (size_t)len + 1);
  if (text && (size_t)len >= sizeof buf) vsnprintf(text, (size_t)len + 1, format, again);
  va_end(again);
  return text;
}
