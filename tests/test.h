/* A test program: TESTs that speak TAP. Needs nothing but libc.

     TEST(name_of_what_must_hold) { CHECK(1 + 1 == 2); CHECK_STR(text, "hello"); }
     TEST_MAIN

   SKIP(reason) leaves a test that cannot be made here. Before it is begun, TEST_EXCUSE may say why
   it is not for this tester. With CTR_NO_EXCUSES in the environment it is run all the same: to see
   whether the excuse is needed. */
#ifndef TEST_H
#define TEST_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct test_case {
  const char *name;
  void (*run)(void);
  struct test_case *next;
} test_case;

#ifndef TEST_EXCUSE
#define TEST_EXCUSE(name) NULL /* none */
#endif

static test_case *test_first, **test_last = &test_first;
static int test_failures; /* of the test that runs */
static char test_skipped[512];

#define TEST(name_)                                                                                \
  static void name_(void);                                                                         \
  static test_case test_case_##name_ = {#name_, name_, NULL};                                      \
  __attribute__((constructor)) static void test_add_##name_(void) {                                \
    *test_last = &test_case_##name_;                                                               \
    test_last = &test_case_##name_.next;                                                           \
  }                                                                                                \
  static void name_(void)

__attribute__((format(printf, 3, 4))) static void test_fail(const char *file, int line,
                                                            const char *format, ...) {
  char text[4096];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  for (char *at = text; *at; at++)
    if (*at == '\n') *at = '|';
  printf("# %s:%d: %s\n", file, line, text);
  test_failures++;
}

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) test_fail(__FILE__, __LINE__, "not so: %s", #condition);                     \
  } while (0)

/* The same with a message, in which the case of a table can be named. */
#define CHECK_MSG(condition, ...)                                                                  \
  do {                                                                                             \
    if (!(condition)) test_fail(__FILE__, __LINE__, __VA_ARGS__);                                  \
  } while (0)

#define CHECK_STR(is, should)                                                                      \
  do {                                                                                             \
    const char *is_ = (is), *should_ = (should);                                                   \
    if (strcmp(is_, should_) != 0)                                                                 \
      test_fail(__FILE__, __LINE__, "%s is \"%s\", should be \"%s\"", #is, is_, should_);          \
  } while (0)

#define CHECK_HAS(text, part)                                                                      \
  do {                                                                                             \
    const char *text_ = (text), *part_ = (part);                                                   \
    if (!strstr(text_, part_))                                                                     \
      test_fail(__FILE__, __LINE__, "%s is \"%s\", should have \"%s\"", #text, text_, part_);      \
  } while (0)

#define CHECK_NUM(is, should)                                                                      \
  do {                                                                                             \
    long long is_ = (long long)(is), should_ = (long long)(should);                                \
    if (is_ != should_)                                                                            \
      test_fail(__FILE__, __LINE__, "%s is %lld, should be %lld", #is, is_, should_);              \
  } while (0)

#define SKIP(...)                                                                                  \
  do {                                                                                             \
    snprintf(test_skipped, sizeof test_skipped, __VA_ARGS__);                                      \
    return;                                                                                        \
  } while (0)

/* Runs all tests, or those whose name contains an argument. */
static int test_main(int argc, char **argv) {
  int number = 0, failed = 0;
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (test_case *test = test_first; test; test = test->next) {
    bool chosen = argc < 2;
    for (int i = 1; i < argc; i++) chosen |= strstr(test->name, argv[i]) != NULL;
    if (!chosen) continue;
    test_failures = 0;
    test_skipped[0] = '\0';
    const char *excuse = TEST_EXCUSE(test->name);
    const bool forced = excuse && getenv("CTR_NO_EXCUSES");
    if (excuse && !forced) snprintf(test_skipped, sizeof test_skipped, "%s", excuse);
    if (!excuse || forced) test->run();
    if (forced && !test_failures && !test_skipped[0])
      printf("# %s passes, though it is %s\n", test->name, excuse);
    number++;
    failed += test_failures != 0;
    printf("%s %d - %s%s%s\n", test_failures ? "not ok" : "ok", number, test->name,
           test_skipped[0] ? " # SKIP " : "", test_skipped);
  }
  printf("1..%d\n", number);
  return failed ? 1 : 0;
}

#define TEST_MAIN                                                                                  \
  int main(int argc, char **argv) {                                                                \
    return test_main(argc, argv);                                                                  \
  }

#endif
