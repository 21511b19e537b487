/* What the fuzzers share. Each is one file, NAME.c: a function that libFuzzer (or afl-clang-fast
   with the same option) calls again and again with bytes, and that stops when something is not as
   it must be.

     int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
       input in = {data, size};
       MUST(parse(take_rest(&in)) != WRONG);
       return 0;
     } */
#ifndef FUZZ_H
#define FUZZ_H

#ifndef CTR_IMPLEMENTATION
#define CTR_IMPLEMENTATION
#include "ctr.h"
#endif

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition, ...)                                                                       \
  do {                                                                                             \
    if (!(condition)) fuzz_stop(__FILE__, __LINE__, #condition, "" __VA_ARGS__);                   \
  } while (0)

__attribute__((format(printf, 4, 5))) static _Noreturn void
fuzz_stop(const char *file, int line, const char *what, const char *format, ...) {
  va_list args;
  va_start(args, format);
  dprintf(STDERR_FILENO, "%s:%d: not so: %s ", file, line, what);
  vdprintf(STDERR_FILENO, format, args);
  dprintf(STDERR_FILENO, "\n");
  va_end(args);
  abort();
}

/* -- bytes, taken from the front -- */

typedef struct input {
  const uint8_t *at;
  size_t left;
} input;

/* 0 when there are no more. */
static inline uint8_t take_byte(input *in) {
  if (!in->left) return 0;
  in->left--;
  return *in->at++;
}

/* As many as there are, of a size. */
static inline size_t take_bytes(input *in, void *to, size_t size) {
  const size_t n = in->left < size ? in->left : size;
  if (n) memcpy(to, in->at, n);
  in->at += n;
  in->left -= n;
  return n;
}

static inline uint32_t take_u32(input *in) {
  uint32_t value = 0;
  take_bytes(in, &value, sizeof value);
  return value;
}

static inline uint64_t take_u64(input *in) {
  uint64_t value = 0;
  take_bytes(in, &value, sizeof value);
  return value;
}

/* What is before the next of a byte, or all there is; in memory of just that size, so that who
   reads on is caught. */
static inline char *take_until(input *in, char end, ctr_arena *mem) {
  const uint8_t *found = in->left ? memchr(in->at, end, in->left) : NULL;
  const size_t len = found ? (size_t)(found - in->at) : in->left;
  char *text = ctr_arena_alloc(mem, len + 1);
  MUST(text);
  take_bytes(in, text, len);
  text[len] = '\0';
  if (found) take_byte(in);
  return text;
}

/* The rest as a text: the caller frees it. */
static inline char *take_rest(input *in) {
  char *text = malloc(in->left + 1);
  MUST(text);
  text[take_bytes(in, text, in->left)] = '\0';
  return text;
}

/* -- what comes out -- */

static inline int sink_nothing(void *userdata, const char *text, size_t len) {
  *(size_t *)userdata += len + (len && text[0] > text[len - 1]); /* reads both ends */
  return 0;
}

/* An error is one line, about the code that was returned; success leaves none. */
static inline void must_be_told(ctr_code code, const ctr_err *err) {
  MUST(err->code == code, "%d is not %d", (int)err->code, (int)code);
  MUST(!code == !*err->msg);
  MUST(memchr(err->msg, '\0', sizeof err->msg) && memchr(err->field, '\0', sizeof err->field));
  MUST(!strchr(err->msg, '\n'));
}

/* Written down, in the arena. */
static inline ctr__string written(ctr_arena *mem, const ctr_json *value, ctr_json_style style) {
  ctr__string text = {.arena = mem};
  ctr_err err;
  ctr_code code = ctr_json_write(value, style, ctr__string_sink, &text, &err);
  MUST(!code, "%s", err.msg);
  return text;
}

#endif
