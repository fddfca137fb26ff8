/* core/base: errors, arena, buffer, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"

static void first_error_wins(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    assert_false(bora_fail(&err, BORA_IO, "first %d", 1));
    assert_false(bora_fail(&err, BORA_MEMORY, "second"));
    assert_int_equal(err.code, BORA_IO);
    assert_string_equal(err.message, "first 1");
    bora_error_prefix(&err, "while %s", "testing");
    assert_string_equal(err.message, "while testing: first 1");
    assert_false(bora_fail(NULL, BORA_IO, "nobody listens"));
}

static void errors_stay_on_one_line(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    bora_fail(&err, BORA_FORMAT, "name \"a\nb\x1b[31m\"");
    assert_null(strchr(err.message, '\n'));
    assert_null(strchr(err.message, '\x1b'));
    bora_error_clear(&err);
    bora_fail(&err, BORA_FORMAT,
              "\xc2\x9b"
              "2J \xff é %.1s",
              "é");
    assert_string_equal(err.message, "  2J ? é ?");
}

static void arena_gives_zeroed_memory_and_refuses_overflow(void **state)
{
    (void)state;
    arena a = { 0 };
    for (size_t i = 0; i < 1000; i++) {
        unsigned char *p = arena_alloc(&a, i * 7);
        assert_non_null(p);
        for (size_t k = 0; k < i * 7; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xff, i * 7);
    }
    assert_null(arena_array(&a, SIZE_MAX / 2, 4));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 3), "x-3");
    assert_string_equal(arena_strndup(&a, "abcdef", 3), "abc");
    arena_free(&a);
}

static void buffer_grows_and_survives_refusal(void **state)
{
    (void)state;
    buf b = { 0 };
    assert_string_equal(buf_text(&b), "");
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    assert_int_equal(b.len, 10 + 90 * 2 + 900 * 3 + 1000);
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_true(b.failed);
    buf_clear(&b);
    buf_put_utf8(&b, 0x20ac);
    buf_put_utf8(&b, 0x1f600);
    assert_string_equal(buf_text(&b), "€😀");
    char *text = buf_take(&b);
    assert_string_equal(text, "€😀");
    free(text);
}

static void files_say_what_is_wrong(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    mapped_file map;
    assert_false(file_map("/nonexistent/file", &map, &err));
    assert_int_equal(err.code, BORA_NOT_FOUND);
    bora_error_clear(&err);
    assert_false(file_map("/tmp", &map, &err));
    assert_int_equal(err.code, BORA_FORMAT);
    bora_error_clear(&err);
    assert_false(file_map("/dev/null", &map, &err));
    assert_int_equal(err.code, BORA_FORMAT);
}

static void json_errors_have_a_position(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    const char *bad = "{\n  \"a\": 1,\n  \"b\": ?\n}";
    assert_null(json_parse(bad, strlen(bad), "x.json", &err));
    assert_string_equal(err.message, "x.json:3:8: not valid JSON");
    bora_error_clear(&err);
    assert_null(json_parse("{} x", 4, "x.json", &err));
    assert_int_equal(err.code, BORA_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_wins),
        cmocka_unit_test(errors_stay_on_one_line),
        cmocka_unit_test(arena_gives_zeroed_memory_and_refuses_overflow),
        cmocka_unit_test(buffer_grows_and_survives_refusal),
        cmocka_unit_test(files_say_what_is_wrong),
        cmocka_unit_test(json_errors_have_a_position),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
