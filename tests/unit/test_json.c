/* The JSON reader and writer: RFC 8259, exact numbers, bounds, positions of errors. */
#define CTR_IMPLEMENTATION
#include "ctr.h"

#include "../test.h"

static ctr_code parse(ctr_arena *mem, const char *text, ctr_json **root, ctr_err *err) {
  return ctr_json_parse(mem, text, strlen(text), NULL, root, err);
}

/* Collects what a writer writes. */
typedef struct collected {
  char text[8192];
  size_t len;
  size_t stop_after; /* 0: never */
} collected;

static int collect(void *userdata, const char *text, size_t len) {
  collected *c = userdata;
  if (c->stop_after && c->len + len > c->stop_after) return 1;
  if (c->len + len >= sizeof c->text) return 1;
  memcpy(c->text + c->len, text, len);
  c->len += len;
  c->text[c->len] = '\0';
  return 0;
}

static const char *written(const ctr_json *value, ctr_json_style style) {
  static collected c;
  c = (collected){{0}, 0, 0};
  static ctr_err err;
  return ctr_json_write(value, style, collect, &c, &err) ? err.msg : c.text;
}

/* Text in, compact text out. */
static const char *round_trip(const char *text) {
  ctr_arena mem = {0};
  ctr_json *root = NULL;
  static ctr_err err;
  const char *result = parse(&mem, text, &root, &err) ? err.msg : written(root, CTR_JSON_COMPACT);
  ctr_arena_free(&mem);
  return result;
}

TEST(values_are_read_and_written_back) {
  static const struct {
    const char *in, *out; /* out NULL: as in */
  } rows[] = {
      {"null", NULL},
      {"true", NULL},
      {"false", NULL},
      {"\"\"", NULL},
      {"[]", NULL},
      {"{}", NULL},
      {"0", NULL},
      {"-0", "0"},
      {"-1", NULL},
      {"9223372036854775807", NULL},
      {"9223372036854775808", NULL},
      {"18446744073709551615", NULL},
      {"-9223372036854775808", NULL},
      {"18446744073709551616", "1.8446744073709552e+19"},
      {"-9223372036854775809", "-9.223372036854776e+18"},
      {"1.5", NULL},
      {"1e3", "1e+03"},
      {"1E-2", "0.01"},
      {"0.1", NULL},
      {"-0.0", NULL},
      {"5e-324", NULL},
      {"1.7976931348623157e308", "1.7976931348623157e+308"},
      {"1e-400", "0.0"},
      {" \t\r\n[ 1 , 2 ] \n", "[1,2]"},
      {"{\"a\":{\"b\":[{},[],null]},\"c\":1}", NULL},
      {"[[[[1],2],3],4]", NULL},
      {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
      {"\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
      {"\"\\u001f\\u007f\"", "\"\\u001f\x7f\""},
      {"\"\xf4\x8f\xbf\xbf\"", NULL},
      {"\"\\uD800\\uDC00\"", "\"\xf0\x90\x80\x80\""},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const char *should = rows[i].out ? rows[i].out : rows[i].in, *is = round_trip(rows[i].in);
    CHECK_MSG(!strcmp(is, should), "%s became %s, should be %s", rows[i].in, is, should);
  }
}

TEST(malformed_text_is_refused_where_it_is_wrong) {
  static const struct {
    const char *in;
    unsigned line, column;
    const char *message;
  } rows[] = {
      {"", 1, 1, "found the end"},
      {"  ", 1, 3, "found the end"},
      {"nul", 1, 1, "expected a value"},
      {"True", 1, 1, "expected a value"},
      {"truex", 1, 5, "text after the value"},
      {"1 2", 1, 3, "text after the value"},
      {"{} {}", 1, 4, "text after the value"},
      {"01", 1, 1, "not a number"},
      {"-", 1, 1, "not a number"},
      {"+1", 1, 1, "expected a value"},
      {"1.", 1, 1, "not a number"},
      {".5", 1, 1, "expected a value"},
      {"1e", 1, 1, "not a number"},
      {"1e+", 1, 1, "not a number"},
      {"0x10", 1, 2, "text after the value"},
      {"NaN", 1, 1, "expected a value"},
      {"Infinity", 1, 1, "expected a value"},
      {"1e999", 1, 1, "too large for a double"},
      {"[1,]", 1, 4, "expected a value"},
      {"[,1]", 1, 2, "expected a value"},
      {"[1 2]", 1, 4, "expected ',' or ']'"},
      {"[1", 1, 3, "expected ',' or ']'"},
      {"[", 1, 2, "found the end"},
      {"]", 1, 1, "expected a value"},
      {"[1}", 1, 3, "expected ',' or ']'"},
      {"{\"a\":1]", 1, 7, "expected ',' or '}'"},
      {"{\"a\":1,}", 1, 8, "name in quotes"},
      {"{a:1}", 1, 2, "name in quotes"},
      {"{1:1}", 1, 2, "name in quotes"},
      {"{\"a\" 1}", 1, 6, "expected ':'"},
      {"{\"a\":}", 1, 6, "expected a value"},
      {"{\"a\"", 1, 5, "expected ':'"},
      {"\"abc", 1, 1, "does not end"},
      {"\"abc\\\"", 1, 1, "does not end"},
      {"\"\\x\"", 1, 2, "escape"},
      {"\"\\u12g4\"", 1, 4, "hexadecimal"},
      {"\"\\u12\"", 1, 4, "hexadecimal"},
      {"\"\\u0000\"", 1, 4, "NUL"},
      {"\"\\ud800\"", 1, 4, "lone high surrogate"},
      {"\"\\ud800x\"", 1, 4, "lone high surrogate"},
      {"\"\\ud800\\u0041\"", 1, 4, "lone high surrogate"},
      {"\"\\udc00\"", 1, 4, "lone low surrogate"},
      {"\"a\tb\"", 1, 3, "control character"},
      {"\"a\nb\"", 1, 3, "control character"},
      {"\"\xff\"", 1, 2, "not UTF-8"},
      {"\"\xc0\x80\"", 1, 2, "not UTF-8"},
      {"\"\xe0\x80\x80\"", 1, 2, "not UTF-8"},
      {"\"\xed\xa0\x80\"", 1, 2, "not UTF-8"},
      {"\"\xf4\x90\x80\x80\"", 1, 2, "not UTF-8"},
      {"\"\xe2\x82\"", 1, 2, "not UTF-8"},
      {"\xef\xbb\xbf{}", 1, 1, "expected a value"},
      {"{\"a\":1,\n \"b\":2,\n  \"a\":3}", 3, 3, "a second time"},
      {"{\"a\":1,\"\\u0061\":2}", 1, 8, "a second time"},
      {"[\n1,\n  x]", 3, 3, "expected a value"},
      {"// no\n1", 1, 1, "expected a value"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    ctr_arena mem = {0};
    ctr_json *root = (ctr_json *)&mem;
    ctr_err err;
    ctr_code code = parse(&mem, rows[i].in, &root, &err);
    CHECK_MSG(code == CTR_E_JSON, "%s: %s", rows[i].in, ctr_code_name(code));
    CHECK_MSG(err.line == rows[i].line && err.column == rows[i].column &&
                  strstr(err.msg, rows[i].message),
              "%s: %u:%u %s, should be %u:%u %s", rows[i].in, err.line, err.column, err.msg,
              rows[i].line, rows[i].column, rows[i].message);
    CHECK(root == (ctr_json *)&mem);
    ctr_arena_free(&mem);
  }
}

TEST(a_raw_nul_is_refused_wherever_it_is) {
  static const char *const texts[] = {"\0", "[\0]", "\"a\0b\"", "1\0"};
  static const size_t lengths[] = {1, 3, 5, 2};
  for (size_t i = 0; i < 4; i++) {
    ctr_arena mem = {0};
    ctr_json *root;
    CHECK_NUM(ctr_json_parse(&mem, texts[i], lengths[i], NULL, &root, NULL), CTR_E_JSON);
    ctr_arena_free(&mem);
  }
}

TEST(text_ends_where_its_length_says) {
  ctr_arena mem = {0};
  ctr_json *root = NULL;
  CHECK_NUM(ctr_json_parse(&mem, "123456", 3, NULL, &root, NULL), CTR_OK);
  CHECK_NUM(root->as.i64, 123);
  CHECK_NUM(ctr_json_parse(&mem, "truefalse", 4, NULL, &root, NULL), CTR_OK);
  CHECK_NUM(ctr_json_parse(&mem, "\"ab\"cd", 3, NULL, &root, NULL), CTR_E_JSON);
  CHECK_NUM(ctr_json_parse(&mem, "", 0, NULL, &root, NULL), CTR_E_JSON);
  ctr_arena_free(&mem);
}

/* Every cut of a valid text is a text that is not valid, and reading it touches nothing behind. */
TEST(every_prefix_is_refused_without_reading_past_it) {
  static const char text[] =
      "{\"a\":[1,2.5e3,-0],\"\\ud83d\\ude00\":{\"b\":\"c\\n\"},\"t\":true,\"n\":null}";
  for (size_t len = 0; len < sizeof text - 1; len++) {
    ctr_arena mem = {0};
    ctr_json *root;
    char *exact = malloc(len + !len);
    memcpy(exact, text, len);
    CHECK_MSG(ctr_json_parse(&mem, exact, len, NULL, &root, NULL) == CTR_E_JSON, "%zu", len);
    free(exact);
    ctr_arena_free(&mem);
  }
}

TEST(depth_is_bounded_as_stated) {
  char text[2048];
  for (int wanted = 63; wanted <= 65; wanted++) {
    ctr_arena mem = {0};
    ctr_json *root;
    size_t n = (size_t)wanted;
    memset(text, '[', n);
    memset(text + n, ']', n);
    ctr_err err;
    ctr_code code = ctr_json_parse(&mem, text, 2 * n, NULL, &root, &err);
    CHECK_NUM(code, wanted > 64 ? CTR_E_JSON : CTR_OK);
    if (code) CHECK_HAS(err.msg, "nested too deeply");
    if (code) CHECK_NUM(err.column, 65);
    ctr_arena_free(&mem);
  }
}

TEST(deep_texts_need_no_stack) {
  enum { DEEP = 1000000 };
  ctr_arena mem = {0};
  ctr_json *root;
  char *text = malloc(2 * DEEP);
  memset(text, '[', DEEP);
  memset(text + DEEP, ']', DEEP);
  ctr_json_limits limits = {.depth = DEEP};
  CHECK_NUM(ctr_json_parse(&mem, text, 2 * DEEP, &limits, &root, NULL), CTR_OK);
  collected c = {.stop_after = 100};
  CHECK_NUM(ctr_json_write(root, CTR_JSON_COMPACT, collect, &c, NULL), CTR_E_SYS);
  free(text);
  ctr_arena_free(&mem);
}

TEST(size_is_bounded_as_stated) {
  ctr_arena mem = {0};
  ctr_json *root;
  ctr_err err;
  ctr_json_limits limits = {.bytes = 4};
  CHECK_NUM(ctr_json_parse(&mem, "1234", 4, &limits, &root, &err), CTR_OK);
  CHECK_NUM(ctr_json_parse(&mem, "12345", 5, &limits, &root, &err), CTR_E_JSON);
  CHECK_HAS(err.msg, "5 bytes");
  char *big = calloc(1, (16u << 20) + 1);
  CHECK_NUM(ctr_json_parse(&mem, big, (16u << 20) + 1, NULL, &root, &err), CTR_E_JSON);
  CHECK_HAS(err.msg, "16777216 are allowed");
  free(big);
  ctr_arena_free(&mem);
}

TEST(numbers_longer_than_any_double_needs_are_refused) {
  char text[1200];
  memset(text, '1', sizeof text);
  ctr_arena mem = {0};
  ctr_json *root;
  ctr_err err;
  CHECK_NUM(ctr_json_parse(&mem, text, 1025, NULL, &root, &err), CTR_E_JSON);
  CHECK_HAS(err.msg, "1024 characters");
  ctr_arena_free(&mem);
}

/* 100,000 names, alike in front, are compared in linear time; so are as many in an array. Doubling
   the text doubles the memory. */
TEST(many_members_cost_linear_memory) {
  size_t bytes[2];
  for (int doubling = 0; doubling < 2; doubling++) {
    size_t count = 50000u << doubling, len = 0;
    char *text = malloc(count * 40);
    text[len++] = '{';
    for (size_t i = 0; i < count; i++)
      len += (size_t)sprintf(text + len, "%s\"a-common-beginning-%08zu\":1", i ? "," : "", i);
    text[len++] = '}';
    ctr_arena mem = {0};
    ctr_json *root = NULL;
    CHECK_NUM(ctr_json_parse(&mem, text, len, NULL, &root, NULL), CTR_OK);
    CHECK_NUM(root->as.list.count, count);
    bytes[doubling] = mem.bytes;
    memcpy(text + len - strlen("00000000\":1}"), "00000000\":1}", 12);
    CHECK_NUM(ctr_json_parse(&mem, text, len, NULL, &root, NULL), CTR_E_JSON);
    free(text);
    ctr_arena_free(&mem);
  }
  CHECK_MSG(bytes[1] < bytes[0] * 5 / 2, "%zu bytes, then %zu", bytes[0], bytes[1]);
}

TEST(every_value_knows_its_place) {
  ctr_arena mem = {0};
  ctr_json *root;
  CHECK_NUM(parse(&mem, "{\n  \"a\": [1,\n 22]}", &root, NULL), CTR_OK);
  const ctr_json *a = ctr_json_get(root, "a");
  CHECK(a && a->line == 2 && a->column == 3); /* a member is where its name starts */
  CHECK_NUM(a->as.list.first->line, 2);
  CHECK_NUM(a->as.list.last->line, 3);
  CHECK_NUM(a->as.list.last->column, 2);
  CHECK(!ctr_json_get(root, "b") && !ctr_json_get(a, "a") && !ctr_json_get(NULL, "a"));
  ctr_arena_free(&mem);
}

TEST(indented_text_is_stable) {
  ctr_arena mem = {0};
  ctr_json *root;
  CHECK_NUM(parse(&mem, "{\"a\":[1,{\"b\":[]}],\"c\":{}}", &root, NULL), CTR_OK);
  CHECK_STR(written(root, CTR_JSON_INDENT), "{\n  \"a\": [\n    1,\n    {\n      \"b\": []\n    }\n"
                                            "  ],\n  \"c\": {}\n}\n");
  ctr_arena_free(&mem);
}

TEST(builders_make_what_the_writer_writes) {
  ctr_arena mem = {0};
  ctr_json *root = ctr_json_new(&mem, CTR_JSON_OBJECT);
  ctr_json *list = ctr_json_add(&mem, root, "list", ctr_json_new(&mem, CTR_JSON_ARRAY));
  ctr_json_add(&mem, list, NULL, ctr_json_new_int(&mem, INT64_MIN));
  ctr_json_add(&mem, list, NULL, ctr_json_new_uint(&mem, UINT64_MAX));
  ctr_json_add(&mem, list, NULL, ctr_json_new_bool(&mem, true));
  ctr_json_add(&mem, list, NULL, ctr_json_new_string(&mem, "a\x01\"\\"));
  CHECK(!ctr_json_add(&mem, list, NULL, NULL) && !ctr_json_add(&mem, NULL, NULL, list));
  CHECK_STR(written(root, CTR_JSON_COMPACT), "{\"list\":[-9223372036854775808,18446744073709551615,"
                                             "true,\"a\\u0001\\\"\\\\\"]}");
  ctr_arena_free(&mem);
}

TEST(what_cannot_be_json_is_not_written) {
  ctr_arena mem = {0};
  ctr_json *number = ctr_json_new(&mem, CTR_JSON_DOUBLE);
  number->as.number = 1e308 * 10;
  CHECK_STR(written(number, CTR_JSON_COMPACT), "a number that is not finite");
  CHECK_STR(written(ctr_json_new_string(&mem, "a\xff"), CTR_JSON_COMPACT),
            "a string that is not UTF-8");
  ctr_arena_free(&mem);
}

TEST(a_sink_that_stops_is_an_error) {
  ctr_arena mem = {0};
  ctr_err err;
  collected c = {.stop_after = 3};
  CHECK_NUM(ctr_json_write(ctr_json_new_string(&mem, "abcdef"), CTR_JSON_COMPACT, collect, &c,
                           &err),
            CTR_E_SYS);
  CHECK_NUM(err.sys, ECANCELED);
  ctr_arena_free(&mem);
}

TEST(missing_arguments_are_named) {
  ctr_err err;
  ctr_json *root;
  CHECK_NUM(ctr_json_parse(NULL, "1", 1, NULL, &root, &err), CTR_E_ARG);
  CHECK_HAS(err.msg, "arena");
}

/* In a locale with a decimal comma nothing changes. */
TEST(the_locale_does_not_matter) {
  if (!setlocale(LC_NUMERIC, "de_DE.UTF-8") && !setlocale(LC_NUMERIC, "de_DE"))
    SKIP("no locale with a decimal comma is installed");
  CHECK_STR(round_trip("[1.5,1e-7]"), "[1.5,1e-07]");
  setlocale(LC_NUMERIC, "C");
}

/* An arena gives aligned, zeroed, separate memory whatever the order of sizes. */
TEST(arenas_give_zeroed_aligned_memory) {
  ctr_arena mem = {0};
  char *previous = NULL;
  for (size_t size = 1; size < 9000; size = size * 2 + 1) {
    char *at = ctr_arena_alloc(&mem, size);
    CHECK(at && (uintptr_t)at % _Alignof(max_align_t) == 0 && at != previous);
    for (size_t i = 0; i < size; i++) CHECK(!at[i]);
    memset(at, 0xaa, size);
    previous = at;
  }
  CHECK(!ctr_arena_alloc(&mem, SIZE_MAX));
  ctr_arena_free(&mem);
  CHECK(mem.bytes == 0);
  ctr_arena_free(&mem);
  ctr_arena_free(NULL);
}

TEST_MAIN
