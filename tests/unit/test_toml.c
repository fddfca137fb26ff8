/* core/config/toml: the rules of TOML 1.0 at their edges, where messages point, and the public conformance suite (the
 * `toml-test` folder of BORA_TEST_DATA). */
#include <dirent.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "config/toml.h"

static arena memory;

static int free_memory(void **state)
{
    (void)state;
    arena_free(&memory);
    return 0;
}

/* From a copy with nothing behind it, so that a sanitizer sees what reads too far. */
static const toml_value *parse_exactly(const char *text, size_t len, bora_error *err)
{
    char *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    if (len)
        memcpy(exact, text, len);
    const toml_value *root = toml_parse(&memory, len ? exact : NULL, len, "f.toml", err);
    free(exact);
    return root;
}

static const toml_value *parse_len(const char *text, size_t len)
{
    bora_error err = { .code = BORA_OK };
    const toml_value *root = parse_exactly(text, len, &err);
    if (!root)
        fail_msg("%s", err.message);
    return root;
}

static const toml_value *parse(const char *text)
{
    return parse_len(text, strlen(text));
}

static void refuse_len(const char *text, size_t len, const char *message)
{
    bora_error err = { .code = BORA_OK };
    assert_null(parse_exactly(text, len, &err));
    assert_int_equal(err.code, BORA_FORMAT);
    assert_string_equal(err.message, message);
}

static void refuse(const char *text, const char *message)
{
    refuse_len(text, strlen(text), message);
}

static const char *string_of(const char *text)
{
    const toml_value *v = toml_get(parse(text), "s");
    assert_non_null(v);
    assert_true(v->type <= TOML_LOCAL_TIME && v->type != TOML_INT && v->type != TOML_FLOAT && v->type != TOML_BOOL);
    assert_int_equal(v->len, strlen(v->string));
    return v->string;
}

static int64_t integer_of(const char *text)
{
    const toml_value *v = toml_get(parse(text), "i");
    assert_non_null(v);
    assert_int_equal(v->type, TOML_INT);
    return v->integer;
}

static double float_of(const char *text)
{
    const toml_value *v = toml_get(parse(text), "f");
    assert_non_null(v);
    assert_int_equal(v->type, TOML_FLOAT);
    return v->number;
}

static void a_document_becomes_a_tree_that_knows_its_lines(void **state)
{
    (void)state;
    const toml_value *root = parse("# a server\n"
                                   "command = \"serve\"\n"
                                   "server.port = 1234\n"
                                   "[[models]]\n"
                                   "  id = 'a'\n"
                                   "  'größe' = 1\n"
                                   "  'ä' = [ 1, 'é', true ]\n"
                                   "[models.device]\n"
                                   "cpu = true\n"
                                   "[[models]]\n"
                                   "id = 'b'\n");
    assert_int_equal(root->type, TOML_TABLE);
    assert_int_equal(root->count, 3);
    assert_string_equal(root->first->key, "command");
    assert_int_equal(root->first->line, 2);
    assert_int_equal(root->first->column, 1);
    const toml_value *port = toml_get(toml_get(root, "server"), "port");
    assert_int_equal(port->integer, 1234);
    assert_int_equal(port->line, 3);
    assert_int_equal(port->column, 8);

    const toml_value *models = toml_get(root, "models");
    assert_int_equal(models->type, TOML_ARRAY);
    assert_int_equal(models->count, 2);
    const toml_value *a = models->first, *b = a->next;
    assert_null(b->next);
    assert_null(a->key);
    assert_int_equal(a->line, 4);
    assert_int_equal(b->line, 10);
    assert_string_equal(toml_get(b, "id")->string, "b");
    assert_true(toml_get(toml_get(a, "device"), "cpu")->boolean);
    assert_int_equal(toml_get(a, "device")->line, 8);
    assert_int_equal(toml_get(a, "device")->column, 9);

    const toml_value *list = toml_get(a, "ä");
    assert_int_equal(list->count, 3);
    assert_int_equal(list->first->next->column, 14);
    assert_int_equal(list->first->next->next->column, 19); /* characters, not bytes */
    assert_null(toml_get(root, "model"));
    assert_null(toml_get(port, "x"));
    assert_null(toml_get(NULL, "x"));
    assert_int_equal(parse("")->count, 0);
    assert_int_equal(parse("\xef\xbb\xbf"
                           "a = 1")
                         ->first->column,
                     1);
}

static void integers_reach_exactly_64_bits(void **state)
{
    (void)state;
    assert_true(integer_of("i = 9223372036854775807") == INT64_MAX);
    assert_true(integer_of("i = -9_223_372_036_854_775_808") == INT64_MIN);
    assert_true(integer_of("i = 0x7fff_FFFF_ffff_ffff") == INT64_MAX);
    assert_int_equal(integer_of("i = 0o755"), 0755);
    assert_int_equal(integer_of("i = 0b1101"), 13);
    assert_int_equal(integer_of("i = +0"), 0);
    assert_int_equal(integer_of("i = 0x00"), 0);
    refuse("i = 9223372036854775808", "f.toml:1:5: the integer `9223372036854775808` does not fit into 64 bits");
    refuse("i = -9223372036854775809", "f.toml:1:5: the integer `-9223372036854775809` does not fit into 64 bits");
    refuse("i = 0x8000000000000000", "f.toml:1:5: the integer `0x8000000000000000` does not fit into 64 bits");
    refuse("i = 01", "f.toml:1:5: `01` is not a number: it begins with a zero");
    refuse("i = 1__0", "f.toml:1:5: `1__0` is not a number: an underscore stands between two digits");
    refuse("i = 1_", "f.toml:1:5: `1_` is not a number: an underscore stands between two digits");
    refuse("i = 0x_1", "f.toml:1:5: `0x_1` is not a number: an underscore stands between two digits");
    refuse("i = 0b12", "f.toml:1:5: `0b12` is not a number: not a binary digit in it");
    refuse("i = -0x1", "f.toml:1:5: `-0x1` is not a number: hexadecimal, octal and binary integers take no sign");
    refuse("i = 127.0.0.1", "f.toml:1:5: `127.0.0.1` is not a number: something follows it; text stands in quotes");
    refuse("i = 8 GB", "f.toml:1:7: the line should end after the value: found `G`");
}

static void floats_are_read_in_any_locale(void **state)
{
    (void)state;
    assert_true(float_of("f = 6.02_2e+2_3") == 6.022e23);
    assert_true(float_of("f = 1e06") == 1e6);
    assert_true(float_of("f = 0.1") == 0.1);
    assert_true(float_of("f = -0.0") == 0 && signbit(float_of("f = -0.0")));
    assert_true(float_of("f = -inf") == -INFINITY);
    assert_true(isnan(float_of("f = +nan")));
    assert_true(float_of("f = 4.9406564584124654e-324") > 0);
    refuse("f = 1e309", "f.toml:1:5: the float `1e309` does not fit into 64 bits");
    refuse("f = 1.", "f.toml:1:5: `1.` is not a number: a digit is missing at its end");
    refuse("f = .5", "f.toml:1:5: `.5` is not a number: a digit stands before the point");
    refuse("f = 1.e5", "f.toml:1:5: `1.e5` is not a number: a digit is missing");
    refuse("f = -Inf", "f.toml:1:5: `-Inf` is not a number: a digit is missing");
    const char *commas[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE" };
    for (size_t i = 0; i < sizeof commas / sizeof *commas; i++)
        if (setlocale(LC_NUMERIC, commas[i]))
            assert_true(float_of("f = 2.5") == 2.5);
    setlocale(LC_NUMERIC, "C");
}

static void words_are_not_values_and_the_message_says_what_would_be(void **state)
{
    (void)state;
    refuse("a = True", "f.toml:1:5: `True` is not a value: write true");
    refuse("a = NaN", "f.toml:1:5: `NaN` is not a value: write nan");
    refuse("a = gpu", "f.toml:1:5: `gpu` is not a value: text stands in quotes");
    refuse("a =", "f.toml:1:4: a value is missing here: found the end of the file");
    refuse("a = # none\n", "f.toml:1:5: a value is missing here: found `#`");
    refuse("a\n", "f.toml:1:2: `=` is missing after the key `a`: found the end of the line");
    refuse("= 1", "f.toml:1:1: a key is missing here: found `=`");
    refuse("ä = 1", "f.toml:1:1: a key is missing here: found `ä` (keys of other than a-z, A-Z, 0-9, _ and - stand in "
                    "quotes)");
    refuse("a = 1 b = 2", "f.toml:1:7: the line should end after the value: found `b`");
    refuse("a: 1", "f.toml:1:2: `=` is missing after the key `a`: found `:`");
}

static void strings_are_decoded(void **state)
{
    (void)state;
    assert_string_equal(string_of("s = \"tab\\t quote\\\" \\u20ac \\U0001F600\""), "tab\t quote\" € 😀");
    assert_string_equal(string_of("s = 'C:\\new'"), "C:\\new");
    assert_string_equal(string_of("s = \"\"\"\r\n\r\na\\\n  \n  b\"\"\""), "\nab"); /* line ends become one \n */
    assert_string_equal(string_of("s = \"\"\"\"two\"\"\"\"\""), "\"two\"\"");
    assert_string_equal(string_of("s = '''''two''''"), "''two'");
    assert_string_equal(string_of("s = ''"), "");
    assert_string_equal(string_of("s = \"\"\"\"\"\""), "");
    const toml_value *nul = toml_get(parse("s = \"a\\u0000b\""), "s");
    assert_int_equal(nul->len, 3);
    assert_memory_equal(nul->string, "a\0b", 4);
    assert_non_null(toml_get(parse("\"a\\u0062\" = 1"), "ab"));
    assert_null(toml_get(parse("\"a\\u0000\" = 1"), "a"));
    refuse("s = \"C:\\dir\"",
           "f.toml:1:8: a backslash cannot stand before `d` here: double it, or write the string in single quotes");
    refuse("s = \"\\ud800\"", "f.toml:1:6: U+D800 is not a character");
    refuse("s = \"\\U00110000\"", "f.toml:1:6: U+110000 is not a character");
    refuse("s = \"\\u12g4\"", "f.toml:1:6: \\u needs 4 hexadecimal digits");
    refuse("a = 1\ns = \"abc\nb = 2\"",
           "f.toml:2:5: this string is not closed on its line: text of several lines stands in \"\"\"");
    refuse("\n\ns = '''abc\n\n", "f.toml:3:5: this string is never closed: `'''` is missing");
    refuse("s = \"\"\"\"\"\"\"\"\"", "f.toml:1:13: the line should end after the value: found `\"`");
    refuse("'''k''' = 1", "f.toml:1:1: a key is written on one line: in one pair of quotes");
}

static void dates_are_checked_and_normalised(void **state)
{
    (void)state;
    assert_string_equal(string_of("s = 1979-05-27t07:32:00.500z"), "1979-05-27T07:32:00.5Z");
    assert_string_equal(string_of("s = 1979-05-27 07:32:00-07:00"), "1979-05-27T07:32:00-07:00");
    assert_string_equal(string_of("s = 1979-05-27T07:32:00.000"), "1979-05-27T07:32:00");
    assert_string_equal(string_of("s = 1979-05-27 # a day"), "1979-05-27");
    assert_string_equal(string_of("s = 00:32:00.12345678999"), "00:32:00.123456789");
    assert_string_equal(string_of("s = 1990-12-31T23:59:60Z"), "1990-12-31T23:59:60Z");
    assert_string_equal(string_of("s = 2000-02-29"), "2000-02-29");
    assert_int_equal(parse("s = 1979-05-27T07:32:00Z")->first->type, TOML_OFFSET_DATETIME);
    assert_int_equal(parse("s = 1979-05-27T07:32:00")->first->type, TOML_LOCAL_DATETIME);
    assert_int_equal(parse("s = 1979-05-27")->first->type, TOML_LOCAL_DATE);
    assert_int_equal(parse("s = 07:32:00")->first->type, TOML_LOCAL_TIME);
    refuse("s = 1900-02-29", "f.toml:1:5: `1900-02-29` is not a date or time: the month has no such day");
    refuse("s = 2001-04-31", "f.toml:1:5: `2001-04-31` is not a date or time: the month has no such day");
    refuse("s = 2001-13-01", "f.toml:1:5: `2001-13-01` is not a date or time: the month is two digits, 01 to 12");
    refuse("s = 24:00:00", "f.toml:1:5: `24:00:00` is not a date or time: the hour is two digits, 00 to 23");
    refuse("s = 10:00", "f.toml:1:5: `10:00` is not a date or time: the seconds are missing");
    refuse("s = 10:00:00Z", "f.toml:1:5: `10:00:00Z` is not a date or time: something follows it");
    refuse("s = 10:00:00.", "f.toml:1:5: `10:00:00.` is not a date or time: digits are missing after the point");
    refuse("s = 2001-01-01T00:00:00+1", "f.toml:1:5: `2001-01-01T00:00:00+1` is not a date or time: an offset is "
                                        "written Z, +02:00 or -07:00");
}

static void nothing_is_defined_twice(void **state)
{
    (void)state;
    refuse("a = 1\nb = 2\n\"a\" = 3", "f.toml:3:1: `a` is already defined as an integer on line 1");
    refuse("[a]\n[b]\n[a]", "f.toml:3:2: `a` is already defined as a table on line 1");
    refuse("a.b = 1\na.b.c = 2", "f.toml:2:3: `b` is already defined as an integer on line 1");
    refuse("a.b.c = 1\na.b = 2", "f.toml:2:3: `b` is already defined as a table on line 1");
    refuse("a.b = 1\n[a]", "f.toml:2:2: `a` is already defined as a table on line 1");
    refuse("[a.b]\n[a]\nb.c = 1", "f.toml:3:1: `b` is already defined as a table on line 1");
    refuse("[a.b.c]\n[a]\nb.x = 1\n[a.b]", "f.toml:4:4: `b` is already defined as a table on line 1");
    refuse("[[a]]\n[a]", "f.toml:2:2: `a` is already defined as an array on line 1");
    refuse("[a]\n[[a]]", "f.toml:2:3: `a` is already defined as a table on line 1");
    refuse("[[a.b]]\n[[a]]", "f.toml:2:3: `a` is already defined as a table on line 1");
    refuse("a = [1]\n[[a]]", "f.toml:2:3: `a` is already defined as an array on line 1");
    refuse("[[a]]\n[b]\n[[b.a]]\n[a.c]\n[[a.c]]", "f.toml:5:5: `c` is already defined as a table on line 4");
    assert_int_equal(parse("[a.b]\n[a]\nc = 1\n[a.d]")->first->count, 3);
    assert_int_equal(parse("[a]\nb.c = 1\nb.d = 2\n[a.b.e]")->first->first->count, 3);
    assert_int_equal(parse("[a.b.c]\n[a]\nb.x = 1")->first->first->count, 2);
    assert_int_equal(parse("[[a]]\n[a.b]\n[[a]]\n[a.b]")->first->count, 2);
}

static void what_is_written_in_braces_and_brackets_is_closed(void **state)
{
    (void)state;
    refuse("a = { b = 1 }\na.c = 2", "f.toml:2:1: `a` is already defined as a table on line 1");
    refuse("a = { b = {} }\n[a.b]", "f.toml:2:2: `a` on line 1 is a table written out as a value: nothing can be added "
                                    "to it");
    refuse("a = [{}]\n[a.b]",
           "f.toml:2:2: `a` on line 1 is an array written out as a value: nothing can be added to it");
    refuse("a = 1\n[a.b]", "f.toml:2:2: `a` is already defined as an integer on line 1");
    refuse("a = { b = {}, b.c = 1 }", "f.toml:1:15: `b` is already defined as a table on line 1");
    refuse("a = { b = 1, }", "f.toml:1:14: no comma stands before the `}` of a table");
    refuse("a = {\n b = 1 }", "f.toml:1:6: a table in braces stands on one line: use a [header] for a longer one");
    refuse(
        "a = { b = 1\n}",
        "f.toml:1:12: `,` or `}` is missing in the table: found the end of the line (a table in braces stands on one "
        "line)");
    refuse("a = [1 2]", "f.toml:1:8: `,` or `]` is missing in the array: found `2`");
    refuse("x = 1\na = [1,\n2\n", "f.toml:2:5: this array is never closed: `]` is missing");
    refuse("a = [", "f.toml:1:5: this array is never closed: `]` is missing");
    refuse("a = [,]", "f.toml:1:6: a value is missing here: found `,`");
    refuse("[a", "f.toml:1:3: `]` is missing at the end of the header: found the end of the file");
    refuse("[[a]", "f.toml:1:4: `]]` is missing at the end of the header: found `]`");
    refuse("[]", "f.toml:1:2: a key is missing here: found `]`");
    refuse("[a.]", "f.toml:1:4: a key is missing here: found `]`");
    refuse("[a] b = 1", "f.toml:1:5: the line should end after the header: found `b`");
    assert_int_equal(parse("a = { b.c = 1, b.d = 2 }")->first->first->count, 2);
    assert_int_equal(parse("a = [ # one\n 1,\n\n 2, # two\n ]")->first->count, 2);
}

static void the_bytes_are_checked_everywhere(void **state)
{
    (void)state;
    refuse("a = 1\n# caf\xe9\n", "f.toml:2:6: the byte 0xe9 is not UTF-8: save the file as UTF-8");
    refuse("a = '\xed\xa0\x80'", "f.toml:1:6: the byte 0xed is not UTF-8: save the file as UTF-8");
    refuse("a = '\xc0\x80'", "f.toml:1:6: the byte 0xc0 is not UTF-8: save the file as UTF-8");
    refuse("a = '\xf4\x90\x80\x80'", "f.toml:1:6: the byte 0xf4 is not UTF-8: save the file as UTF-8");
    refuse("a = '\xe2\x82", "f.toml:1:6: the byte 0xe2 is not UTF-8: save the file as UTF-8");
    refuse("a = 1\rb = 2", "f.toml:1:6: a carriage return without a line feed: a line ends with \\n or \\r\\n");
    refuse("a = 'x\x7f'", "f.toml:1:7: the control character U+007F is not allowed: write \\u007F in a string");
    refuse_len("a = 1\0", 6, "f.toml:1:6: the control character U+0000 is not allowed: write \\u0000 in a string");
}

static void repeat(buf *b, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_puts(b, text);
}

static void depth_is_limited_however_it_is_reached(void **state)
{
    (void)state;
    const char *parts[] = { "[", "{a=", "a.", "[a." };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf b = { 0 };
        if (i < 2)
            buf_puts(&b, "x=");
        if (i == 3)
            buf_puts(&b, "[");
        repeat(&b, i == 3 ? "a." : parts[i], 100000);
        bora_error err = { .code = BORA_OK };
        assert_null(toml_parse(&memory, b.data, b.len, "f.toml", &err));
        assert_int_equal(err.code, BORA_LIMIT);
        assert_non_null(strstr(err.message, "nested more than 128 deep"));
        buf_free(&b);
    }
    buf b = { 0 };
    buf_puts(&b, "x=");
    repeat(&b, "[", TOML_MAX_DEPTH);
    repeat(&b, "]", TOML_MAX_DEPTH);
    const toml_value *v = parse(buf_text(&b))->first;
    for (int i = 1; i < TOML_MAX_DEPTH; i++)
        v = v->first;
    assert_int_equal(v->count, 0);
    buf_free(&b);
}

/* Work quadratic in these texts would take longer than a test may run. */
static void large_documents_are_read(void **state)
{
    (void)state;
    enum { N = 100000 };
    buf b = { 0 };
    for (int i = 0; i < N; i++)
        buf_printf(&b, "key_%d = %d\n", i, i);
    assert_int_equal(parse(buf_text(&b))->count, N);

    buf_clear(&b);
    buf_puts(&b, "t = {");
    for (int i = 0; i < N; i++)
        buf_printf(&b, "%s%d.%d='äöü'", i ? "," : "", i / 10, i);
    buf_puts(&b, "}\n");
    for (int i = 0; i < N; i++)
        buf_printf(&b, "[[a.b]]\n[a.b.%d]\n[s.%d]\n", i, i);
    assert_int_equal(parse(buf_text(&b))->count, 3);

    buf_clear(&b);
    buf_puts(&b, "f = 1.");
    repeat(&b, "0_1", N);
    buf_puts(&b, "\ns = \"");
    repeat(&b, "\\u00e4\\n", N);
    buf_puts(&b, "\"\nm = '''");
    repeat(&b, "''\n", N);
    buf_puts(&b, "'''\n");
    assert_int_equal(toml_get(parse(buf_text(&b)), "s")->len, 3 * N);
    buf_free(&b);
}

static void a_file_is_loaded_under_its_name(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    assert_null(toml_load(&memory, "/nonexistent/x.toml", &err));
    assert_int_equal(err.code, BORA_NOT_FOUND);
    char path[] = "/tmp/test_toml_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    fputs("a = 1\nb = oops\n", f);
    fclose(f);
    bora_error_clear(&err);
    assert_null(toml_load(&memory, path, &err));
    char expected[128];
    snprintf(expected, sizeof expected, "%s:2:5: `oops` is not a value: text stands in quotes", path);
    assert_string_equal(err.message, expected);
    remove(path);
}

/* The conformance suite. */

/* Without zeros at the end of a fraction of a second: the suite writes milliseconds in full. */
static void strip_fraction(const char *text, char out[64])
{
    size_t n = 0;
    assert_true(strlen(text) < 64);
    const char *point = strchr(text, '.');
    const char *end = point ? point + 1 + strspn(point + 1, "0123456789") : text + strlen(text);
    const char *kept = end;
    while (point && kept > point && (kept[-1] == '0' || kept[-1] == '.'))
        kept--;
    for (const char *s = text; s < kept; s++)
        out[n++] = *s;
    strcpy(out + n, end);
}

static bool same(const toml_value *v, const cJSON *expected);

static bool same_scalar(const toml_value *v, const char *type, const char *text)
{
    static const char *const types[] = {
        [TOML_STRING] = "string",
        [TOML_INT] = "integer",
        [TOML_FLOAT] = "float",
        [TOML_BOOL] = "bool",
        [TOML_OFFSET_DATETIME] = "datetime",
        [TOML_LOCAL_DATETIME] = "datetime-local",
        [TOML_LOCAL_DATE] = "date-local",
        [TOML_LOCAL_TIME] = "time-local",
    };
    if (v->type > TOML_LOCAL_TIME || strcmp(types[v->type], type) != 0)
        return false;
    char number[64];
    switch (v->type) {
    case TOML_STRING:
        return strcmp(v->string, text) == 0; /* what the suite has of NULs is cut in both */
    case TOML_INT:
        snprintf(number, sizeof number, "%lld", (long long)v->integer);
        return strcmp(number, text) == 0;
    case TOML_FLOAT: {
        double wanted = strtod(text, NULL);
        return (isnan(v->number) && isnan(wanted)) || v->number == wanted;
    }
    case TOML_BOOL:
        return strcmp(v->boolean ? "true" : "false", text) == 0;
    default: {
        char wanted[64];
        strip_fraction(text, wanted);
        return strcmp(v->string, wanted) == 0;
    }
    }
}

static bool same_children(const toml_value *v, const cJSON *expected)
{
    if ((int)v->count != cJSON_GetArraySize(expected))
        return false;
    const cJSON *element = expected->child;
    for (const toml_value *child = v->first; child; child = child->next) {
        if (v->type == TOML_TABLE)
            element = json_get(expected, child->key);
        if (!element || !same(child, element))
            return false;
        element = element->next;
    }
    return true;
}

/* A scalar is {"type": …, "value": …}, unless the values are not strings: then it is a table with such keys. */
static bool same(const toml_value *v, const cJSON *expected)
{
    const char *type = json_string(expected, "type", NULL), *text = json_string(expected, "value", NULL);
    if (type && text && cJSON_GetArraySize(expected) == 2)
        return same_scalar(v, type, text);
    return v->type == (cJSON_IsArray(expected) ? TOML_ARRAY : TOML_TABLE) && same_children(v, expected);
}

static bool check_valid(const char *path)
{
    bora_error err = { .code = BORA_OK };
    const toml_value *root = toml_load(&memory, path, &err);
    if (!root) {
        print_error("%s\n", err.message);
        return false;
    }
    char json_path[1024];
    snprintf(json_path, sizeof json_path, "%.*s.json", (int)(strlen(path) - strlen(".toml")), path);
    cJSON *expected = json_load(json_path, 1 << 20, &err);
    bool ok = expected && same(root, expected);
    if (!ok)
        print_error("%s: %s\n", path, expected ? "other values than in its JSON" : err.message);
    cJSON_Delete(expected);
    return ok;
}

static bool check_invalid(const char *path)
{
    bora_error err = { .code = BORA_OK };
    if (toml_load(&memory, path, &err)) {
        print_error("%s: was not refused\n", path);
        return false;
    }
    int line = 0, column = 0;
    size_t len = strlen(path);
    bool placed = strncmp(err.message, path, len) == 0 && sscanf(err.message + len, ":%d:%d: ", &line, &column) == 2;
    bool ok = err.code == BORA_FORMAT && placed && line >= 1 && column >= 1;
    if (!ok)
        print_error("%s: refused as \"%s\"\n", path, err.message);
    if (getenv("SHOW_MESSAGES"))
        print_message("%s\n", err.message);
    return ok;
}

static void walk(const char *folder, bool (*check)(const char *), int *n_files, int *n_wrong)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        char *path = path_join(folder, entry->d_name);
        size_t len = strlen(path);
        if (file_is_dir(path)) {
            walk(path, check, n_files, n_wrong);
        } else if (len > 5 && strcmp(path + len - 5, ".toml") == 0) {
            ++*n_files;
            *n_wrong += !check(path);
        }
        free(path);
    }
    closedir(dir);
}

static void conformance(const char *kind, bool (*check)(const char *))
{
    const char *data = getenv("BORA_TEST_DATA");
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/toml-test/%s", data ? data : "", kind);
    if (!data || !*data || !file_is_dir(folder)) {
        print_message("the TOML conformance suite needs BORA_TEST_DATA/toml-test: skipped\n");
        skip();
    }
    int n_files = 0, n_wrong = 0;
    walk(folder, check, &n_files, &n_wrong);
    print_message("%d %s files\n", n_files, kind);
    assert_true(n_files > 100);
    assert_int_equal(n_wrong, 0);
}

static void conformance_valid(void **state)
{
    (void)state;
    conformance("valid", check_valid);
}

static void conformance_invalid(void **state)
{
    (void)state;
    conformance("invalid", check_invalid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_document_becomes_a_tree_that_knows_its_lines, free_memory),
        cmocka_unit_test_teardown(integers_reach_exactly_64_bits, free_memory),
        cmocka_unit_test_teardown(floats_are_read_in_any_locale, free_memory),
        cmocka_unit_test_teardown(words_are_not_values_and_the_message_says_what_would_be, free_memory),
        cmocka_unit_test_teardown(strings_are_decoded, free_memory),
        cmocka_unit_test_teardown(dates_are_checked_and_normalised, free_memory),
        cmocka_unit_test_teardown(nothing_is_defined_twice, free_memory),
        cmocka_unit_test_teardown(what_is_written_in_braces_and_brackets_is_closed, free_memory),
        cmocka_unit_test_teardown(the_bytes_are_checked_everywhere, free_memory),
        cmocka_unit_test_teardown(depth_is_limited_however_it_is_reached, free_memory),
        cmocka_unit_test_teardown(large_documents_are_read, free_memory),
        cmocka_unit_test_teardown(a_file_is_loaded_under_its_name, free_memory),
        cmocka_unit_test_teardown(conformance_valid, free_memory),
        cmocka_unit_test_teardown(conformance_invalid, free_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
