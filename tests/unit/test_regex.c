/* The regular expressions of tokenizers: where Oniguruma and PCRE2 differ, Oniguruma's way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text/regex.h"

/* All matches in brackets, the rest as it is. */
static void expect_matches(const char *pattern, const char *text, const char *expected)
{
    bora_error err = { .code = BORA_OK };
    regex *re = regex_new(pattern, strlen(pattern), &err);
    regex_scratch scratch = { 0 };
    buf out = { 0 };
    size_t len = strlen(text), from = 0, start, end;
    regex_result found;
    if (!re)
        fail_msg("%s: %s", pattern, err.message);
    while (from < len && (found = regex_search(re, &scratch, text, len, from, &start, &end, &err)) == REGEX_FOUND &&
           end > start) {
        buf_append(&out, text + from, start - from);
        buf_printf(&out, "[%.*s]", (int)(end - start), text + start);
        from = end;
    }
    assert_int_equal(err.code, BORA_OK);
    buf_append(&out, text + from, len - from);
    if (strcmp(buf_text(&out), expected) != 0)
        fail_msg("/%s/ on \"%s\": \"%s\", expected \"%s\"", pattern, text, buf_text(&out), expected);
    buf_free(&out);
    regex_scratch_free(&scratch);
    regex_free(re);
}

static void shorthand_classes(void **state)
{
    (void)state;
    expect_matches("\\s+",
                   "a\xc2\x85\xe3\x80\x80"
                   "b\xe1\xa0\x8e"
                   "c",
                   "a[\xc2\x85\xe3\x80\x80]b\xe1\xa0\x8e"
                   "c");
    expect_matches("\\w+", "née_e\xcc\x81t\xc3\xa9 ²", "[née_e\xcc\x81t\xc3\xa9] [²]");
    expect_matches("[\\w]+", "a²", "[a]²");
    expect_matches("[^\\w]+", "a² b", "a[² ]b");
    expect_matches("\\d+", "12٣x½", "[12٣]x½");
    expect_matches("\\h+", "xyz beef 12 G", "xyz [beef] [12] G");
    expect_matches("\\H", "af:", "af[:]");
    expect_matches("a\\vb",
                   "a\x0b"
                   "b a\nb",
                   "[a\x0b"
                   "b] a\nb");
    expect_matches("\\bé\\b", "é éa aé", "[é] éa aé");
    expect_matches("a\\B.", "ab a-", "[ab] a-");
}

static void properties(void **state)
{
    (void)state;
    expect_matches("\\p{Lu}+", "aÉB", "a[ÉB]");
    expect_matches("\\p{^Lu}+", "aÉb", "[a]É[b]");
    expect_matches("\\P{L}+", "a1é", "a[1]é");
    expect_matches("\\p{Letter}+", "aé1", "[aé]1");
    expect_matches("\\p{Han}+", "a漢字か。", "a[漢字]か。");
    expect_matches("\\p{Alnum}+", "a1-é", "[a1]-[é]");
    expect_matches("[[:alpha:]]+", "a1é", "[a]1[é]");
    expect_matches("[[:^alpha:]]+", "a1é", "a[1]é");
    expect_matches("[[:punct:]]+", "a+-!b", "a[+-!]b");
    expect_matches("\\p{Punct}+", "a+-!b", "a+[-!]b");
}

static void class_arithmetic(void **state)
{
    (void)state;
    expect_matches("[a-z&&[^aeiou]]+", "hello", "[h]e[ll]o");
    expect_matches("[^a-z&&[^aeiou]]+", "hello", "h[e]ll[o]");
    expect_matches("[a[bc]d]+", "xabcdx", "x[abcd]x");
    expect_matches("[\\W_]+", "a_-b", "a[_-]b");
    expect_matches("[^\\W_]+", "a_-b", "[a]_-[b]");
    expect_matches("[\\w\\-.]+", "a-b.c d", "[a-b.c] [d]");
    expect_matches("[-a]+", "b-a", "b[-a]");
    expect_matches("[]a]+", "]ab", "[]a]b");
    expect_matches("[a^]+", "b^a", "b[^a]");
    expect_matches("[\\]\\[]+", "a[]b", "a[[]]b");
}

static void quantifiers_anchors_and_flags(void **state)
{
    (void)state;
    expect_matches("a{2}+", "aaaaa", "[aaaa]a"); /* (aa)+, not possessive */
    expect_matches("(?:ab){1,2}+c", "abababc", "[abababc]");
    expect_matches("a++b", "aab", "[aab]");
    expect_matches("a{,2}b", "aaab", "a[aab]");
    expect_matches("a{b}", "a{b}", "[a{b}]");
    expect_matches("^a$", "a\nb\na", "[a]\nb\n[a]");
    expect_matches("\\Aa|b\\z", "a\nab", "[a]\na[b]");
    expect_matches("a.b", "a\nb acb", "a\nb [acb]");
    expect_matches("(?m:a.b)", "a\nb", "[a\nb]");
    expect_matches("(?i:'s|'ll)", "'S 'Ll 's", "['S] ['Ll] ['s]");
    expect_matches("(?i)k", "K\xe2\x84\xaa", "[K][\xe2\x84\xaa]");
    expect_matches("\\x{4e2d}\\u6587", "中文", "[中文]");
    expect_matches("(a|b)\\1", "abbaa", "a[bb][aa]");
    expect_matches("\\s+(?!\\S)|\\s+", "a   b ", "a[  ][ ]b[ ]");
}

static void broken_expressions_are_errors(void **state)
{
    (void)state;
    static const char *const patterns[] = { "(",     ")",     "[a",           "a**{", "\\p{NoSuchThing}",
                                            "\\p{",  "\\pL",  "[[:nosuch:]]", "(?<n", "\\x{110000}",
                                            "[z-a]", "(?~a)", "[a&&",         "\\",   "*a",
                                            "\\C" };
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        bora_error err = { .code = BORA_OK };
        regex *re = regex_new(patterns[i], strlen(patterns[i]), &err);
        if (re)
            fail_msg("/%s/ compiled", patterns[i]);
        assert_int_equal(err.code, BORA_FORMAT);
        assert_true(err.message[0]);
    }
    buf deep = { 0 };
    bora_error err = { .code = BORA_OK };
    for (int i = 0; i < 5000; i++)
        buf_putc(&deep, '[');
    assert_null(regex_new(deep.data, deep.len, &err));
    buf_clear(&deep);
    for (int i = 0; i < 5000; i++)
        buf_putc(&deep, '(');
    assert_null(regex_new(deep.data, deep.len, NULL));
    buf_free(&deep);
}

static void an_expensive_search_gives_up(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    regex *re = regex_new("(a|aa)+$", 8, &err);
    regex_scratch scratch = { 0 };
    size_t start, end;
    assert_non_null(re);
    assert_int_equal(
        regex_search(re, &scratch, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", 47, 0, &start, &end, &err),
        REGEX_ERROR);
    assert_int_equal(err.code, BORA_LIMIT);
    regex_scratch_free(&scratch);
    regex_free(re);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shorthand_classes),
        cmocka_unit_test(properties),
        cmocka_unit_test(class_arithmetic),
        cmocka_unit_test(quantifiers_anchors_and_flags),
        cmocka_unit_test(broken_expressions_are_errors),
        cmocka_unit_test(an_expensive_search_gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
