/* Errors are for people: one line that names the field, what was tried, what the kernel said. */

static const char *const ctr__code_names[] = {
    [CTR_OK] = "CTR_OK",
    [CTR_E_ARG] = "CTR_E_ARG",
    [CTR_E_NOMEM] = "CTR_E_NOMEM",
    [CTR_E_JSON] = "CTR_E_JSON",
    [CTR_E_CONFIG] = "CTR_E_CONFIG",
    [CTR_E_UNSUPPORTED] = "CTR_E_UNSUPPORTED",
    [CTR_E_SYS] = "CTR_E_SYS",
    [CTR_E_STATE] = "CTR_E_STATE",
    [CTR_E_PROTOCOL] = "CTR_E_PROTOCOL",
    [CTR_E_EXISTS] = "CTR_E_EXISTS",
    [CTR_E_NOT_FOUND] = "CTR_E_NOT_FOUND",
    [CTR_E_CORRUPT] = "CTR_E_CORRUPT",
};

const char *ctr_code_name(ctr_code code) {
  size_t i = (size_t)code;
  return i < sizeof ctr__code_names / sizeof *ctr__code_names ? ctr__code_names[i] : "unknown";
}

/* glibc under _GNU_SOURCE returns the text, POSIX (musl) fills the buffer and returns 0. */
static const char *ctr__strerror_gnu(const char *text, const char *buf) {
  (void)buf;
  return text;
}
static const char *ctr__strerror_posix(int failed, const char *buf) {
  return failed ? "unknown error" : buf;
}
#define CTR__STRERROR(number, buf)                                                                 \
  _Generic(strerror_r(number, buf, sizeof buf),                                                    \
      int: ctr__strerror_posix,                                                                    \
      char *: ctr__strerror_gnu)(strerror_r(number, buf, sizeof buf), buf)

/* Fails that were found, as opposed to caused by, a control character stay one line. */
static void ctr__one_line(char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = '?';
}

/* Appends to err->msg, cutting what does not fit. */
__attribute__((format(printf, 2, 0))) static void ctr__err_vadd(ctr_err *err, const char *format,
                                                                va_list args) {
  size_t used = strlen(err->msg);
  vsnprintf(err->msg + used, sizeof err->msg - used, format, args);
  ctr__one_line(err->msg + used);
}

__attribute__((format(printf, 2, 3))) static void ctr__err_add(ctr_err *err, const char *format,
                                                               ...) {
  va_list args;
  va_start(args, format);
  ctr__err_vadd(err, format, args);
  va_end(args);
}

static void ctr__err_clear(ctr_err *err) {
  if (err) *err = (ctr_err){0};
}

/* Fills err with "FIELD: TEXT: what errno means" and returns code, so that a failing site is one
   return. field may be NULL, sys 0. err may be NULL. */
__attribute__((format(printf, 5, 6))) static ctr_code
ctr__fail(ctr_err *err, ctr_code code, int sys, const char *field, const char *format, ...) {
  if (!err) return code;
  ctr__err_clear(err);
  err->code = code;
  err->sys = sys;
  if (field && *field) {
    snprintf(err->field, sizeof err->field, "%s", field);
    ctr__one_line(err->field);
    ctr__err_add(err, "%s: ", field);
  }
  va_list args;
  va_start(args, format);
  ctr__err_vadd(err, format, args);
  va_end(args);
  char buf[128];
  if (sys) ctr__err_add(err, ": %s", CTR__STRERROR(sys, buf));
  return code;
}

/* What err says without its field: where the two are shown apart. */
static const char *ctr__err_text(const ctr_err *err) {
  size_t field = strlen(err->field);
  bool leads =
      field && !strncmp(err->msg, err->field, field) && !strncmp(err->msg + field, ": ", 2);
  return err->msg + (leads ? field + 2 : 0);
}

static ctr_code ctr__nomem(ctr_err *err) {
  return ctr__fail(err, CTR_E_NOMEM, 0, NULL, "out of memory");
}

__attribute__((format(printf, 4, 5))) static void
ctr__log(const ctr_log *log, ctr_level level, const char *field, const char *format, ...) {
  if (!log || !log->fn) return;
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  ctr__one_line(text);
  log->fn(log->userdata, level, field, text);
}
