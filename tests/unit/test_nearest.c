/* core/base/nearest: suggestions for misspelt names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/nearest.h"

static const char *const keys[] = { "isq", "device", "topology", "temperature", "top_k", "top_p", "max_seq_len" };

static const char *nearest(const char *word)
{
    return nearest_name(word, keys, sizeof keys / sizeof *keys);
}

static void every_kind_of_slip_is_one_edit(void **state)
{
    (void)state;
    assert_string_equal(nearest("devices"), "device"); /* one too many */
    assert_string_equal(nearest("devce"), "device");   /* one missing */
    assert_string_equal(nearest("devise"), "device");  /* another */
    assert_string_equal(nearest("dveice"), "device");  /* two swapped */
    assert_string_equal(nearest("iqs"), "isq");        /* a swap is one edit, so the bound of one holds it */
    assert_string_equal(nearest("DEVICE"), "device");  /* case is no edit */
    assert_string_equal(nearest("isq"), "isq");        /* and the word itself is the nearest */
    assert_string_equal(nearest("tempreture"), "temperature");
    assert_string_equal(nearest("max-seq-len"), "max_seq_len");
}

static void the_nearest_wins_and_the_first_of_equals(void **state)
{
    (void)state;
    assert_string_equal(nearest("top_kk"), "top_k");
    assert_string_equal(nearest("top_x"), "top_k");
    assert_string_equal(nearest("top_p"), "top_p");
    const char *const late[] = { "abcdefgxy", "abcdefgh" };
    assert_string_equal(nearest_name("abcdefghi", late, 2), "abcdefgh");
}

static void what_is_far_has_no_suggestion(void **state)
{
    (void)state;
    assert_null(nearest("banana"));
    assert_null(nearest("ixx"));                      /* two edits of three letters */
    assert_null(nearest("dxvxcx"));                   /* three of six */
    assert_string_equal(nearest("dxvxce"), "device"); /* two of six */
    assert_null(nearest(""));
    const char *const letters[] = { "y", "" };
    assert_null(nearest_name("x", letters, 2)); /* one edit, and nothing in common */
    assert_null(nearest_name("x", NULL, 0));
}

static void long_words_are_refused_without_reading_past_anything(void **state)
{
    (void)state;
    char word[200], name[64];
    memset(word, 'a', sizeof word);
    word[sizeof word - 1] = '\0';
    assert_null(nearest(word));
    memset(name, 'a', sizeof name);
    name[63] = '\0';
    const char *const names[] = { word, name };
    assert_string_equal(nearest_name(name, names, 2), name);
    word[63] = '\0';
    word[40] = 'b';
    assert_string_equal(nearest_name(word, names + 1, 1), name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_slip_is_one_edit),
        cmocka_unit_test(the_nearest_wins_and_the_first_of_equals),
        cmocka_unit_test(what_is_far_has_no_suggestion),
        cmocka_unit_test(long_words_are_refused_without_reading_past_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
