/* ---- errors, log, memory: what every other call speaks --------------------------------------- */

/* What kind of failure. 0 is success, so `if (ctr_x(...))` reads as "if it failed". */
typedef enum ctr_code {
  CTR_OK = 0,
  CTR_E_ARG,         /* a parameter of the call itself makes no sense                       */
  CTR_E_NOMEM,       /* memory ran out                                                      */
  CTR_E_JSON,        /* the text is not JSON; err.line and err.column say where             */
  CTR_E_CONFIG,      /* a field is missing, of the wrong type, out of range or impossible   */
  CTR_E_UNSUPPORTED, /* the config asks for what this version or this kernel cannot do      */
  CTR_E_SYS,         /* a system call failed; err.sys is its errno                          */
  CTR_E_STATE,       /* the call does not fit the state of the handle                       */
  CTR_E_PROTOCOL,    /* the process being started sent what it must not, or died meanwhile  */
  CTR_E_EXISTS,      /* a container of that id is there already                             */
  CTR_E_NOT_FOUND,   /* no container of that id is there                                    */
  CTR_E_CORRUPT,     /* the state kept for a container cannot be read                       */
} ctr_code;

/* A failure, as a plain value: nothing to free. Calls that succeed leave it cleared.
   Every function takes it last, and NULL when the caller does not want to know. */
typedef struct ctr_err {
  ctr_code code;
  int sys;         /* errno of the call that failed, else 0                                 */
  uint32_t line;   /* where in the JSON text, from 1; 0: not about a text                   */
  uint32_t column; /* in bytes, from 1                                                      */
  char field[128]; /* the config field that asked for it, "mounts[3].options"; "" if none   */
  char msg[512];   /* the whole message in one line, without a newline                      */
} ctr_err;

/* Returns the name of a code ("CTR_E_CONFIG"); a static string, never NULL. */
CTR_API const char *ctr_code_name(ctr_code code);

typedef enum ctr_level { CTR_LOG_WARNING = 1, CTR_LOG_INFO, CTR_LOG_DEBUG } ctr_level;

/* Where remarks go that are not errors. All zero: nowhere; the library itself never prints.
   fn is called in the caller's process and thread only. field may be "", text is one line. */
typedef struct ctr_log {
  void (*fn)(void *userdata, ctr_level level, const char *field, const char *text);
  void *userdata;
} ctr_log;

/* Memory that is freed all at once. `ctr_arena mem = {0};` is an empty one. What a function puts
   into an arena lives until ctr_arena_free. Not for use by two threads at a time. */
typedef struct ctr_arena {
  struct ctr_block_ *blocks_;
  size_t bytes; /* taken from CTR_MALLOC so far */
} ctr_arena;

/* Returns size zeroed bytes, aligned for any type, or NULL when memory ran out. */
CTR_API void *ctr_arena_alloc(ctr_arena *arena, size_t size);

/* Frees all that came from the arena and leaves it empty, ready to be used again. NULL is fine. */
CTR_API void ctr_arena_free(ctr_arena *arena);

/* A list of strings. CTR_STRS("sh", "-c", "id") makes one in C, which lives until the end of the
   block that it stands in. */
typedef struct ctr_strs {
  const char *const *items;
  size_t count;
} ctr_strs;
#ifndef __cplusplus
#define CTR_STRS(...)                                                                              \
  (ctr_strs) {                                                                                     \
    (const char *const[]){__VA_ARGS__},                                                            \
        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)                                \
  }
#endif

/* Any bytes: borrowed, and no text that ends with a NUL. */
typedef struct ctr_bytes {
  const void *items;
  size_t count;
} ctr_bytes;

/* Where text goes: called with pieces, in order. Returns 0, or not 0 to stop the writer. */
typedef int (*ctr_sink)(void *userdata, const char *text, size_t len);
