/* ---- JSON-lite: a strict reader and a writer, usable on their own ---------------------------- */

typedef enum ctr_json_type {
  CTR_JSON_NULL = 0,
  CTR_JSON_BOOL,
  CTR_JSON_INT,    /* a number without fraction and exponent that fits int64_t           */
  CTR_JSON_UINT,   /* the same, above INT64_MAX, that fits uint64_t                      */
  CTR_JSON_DOUBLE, /* any other number that a double can hold                            */
  CTR_JSON_STRING,
  CTR_JSON_ARRAY,
  CTR_JSON_OBJECT,
} ctr_json_type;

/* A value. Members of an object and elements of an array are linked in the order of the text. */
typedef struct ctr_json {
  ctr_json_type type;
  uint32_t line, column; /* where its text starts, from 1; 0 when not read from a text   */
  const char *key;       /* name in the object that holds it (NUL-terminated), else NULL */
  struct ctr_json *next; /* the next member or element, or NULL                          */
  union {
    bool boolean;
    int64_t i64;
    uint64_t u64;
    double number;
    struct {
      const char *text; /* UTF-8, NUL-terminated, no NUL inside */
      size_t len;       /* bytes, without the NUL               */
    } string;
    struct {
      struct ctr_json *first, *last;
      size_t count;
    } list; /* of an array or an object */
  } as;
} ctr_json;

/* Bounds on what is read; a 0 means the default given here. */
typedef struct ctr_json_limits {
  size_t depth; /* arrays and objects inside each other: 64       */
  size_t bytes; /* length of the text: 16 MiB                     */
} ctr_json_limits;

/* Reads one JSON text (RFC 8259) into the arena.
   text:    len bytes, borrowed for the call; need not end in NUL.
   limits:  borrowed, or NULL for the defaults.
   Returns: CTR_OK, CTR_E_JSON with err.line and err.column, or CTR_E_NOMEM. Refused are: bytes that
            are not UTF-8, a byte order mark, lone surrogates, NUL (raw or \u0000), a name twice in
            one object, text after the value, numbers a double cannot hold, and anything over the
            limits. *ret_root is untouched on failure.
   Cost:    linear in len, in time and in memory; no recursion. */
CTR_API ctr_code ctr_json_parse(ctr_arena *arena, const char *text, size_t len,
                                const ctr_json_limits *limits, ctr_json **ret_root, ctr_err *err);

/* Returns the member of an object by name, or NULL when there is none or value is no object. */
CTR_API const ctr_json *ctr_json_get(const ctr_json *value, const char *key);

typedef enum ctr_json_style {
  CTR_JSON_COMPACT = 0,
  CTR_JSON_INDENT, /* two spaces a level, and a newline at the end */
} ctr_json_style;

/* Writes a value as JSON text: members in their order, what RFC 8259 says must be escaped is,
   doubles with the fewest digits that read back the same.
   Returns: CTR_OK; CTR_E_ARG for a double that is not finite or strings that are not UTF-8;
            CTR_E_SYS with errno ECANCELED when the sink stops. No recursion. */
CTR_API ctr_code ctr_json_write(const ctr_json *value, ctr_json_style style, ctr_sink sink,
                                void *userdata, ctr_err *err);

/* Builders for the writer: each returns a new value in the arena, or NULL without memory.
   Strings and keys are copied. ctr_json_add appends a value to an array (key NULL) or an object
   and returns it; NULL arguments are passed through as NULL, so calls can be nested unchecked. */
CTR_API ctr_json *ctr_json_new(ctr_arena *arena, ctr_json_type type);
CTR_API ctr_json *ctr_json_new_string(ctr_arena *arena, const char *text);
CTR_API ctr_json *ctr_json_new_int(ctr_arena *arena, int64_t value);
CTR_API ctr_json *ctr_json_new_uint(ctr_arena *arena, uint64_t value);
CTR_API ctr_json *ctr_json_new_bool(ctr_arena *arena, bool value);
CTR_API ctr_json *ctr_json_add(ctr_arena *arena, ctr_json *list, const char *key, ctr_json *value);
