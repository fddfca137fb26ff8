/* core/config/topology: what is accepted, which entry decides, and what the messages say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "config/topology.h"

/* From a copy with nothing behind it, so that a sanitizer sees what reads too far. */
static topology *parse_len(const char *text, size_t len, bora_error *err)
{
    char *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, text, len);
    topology *t = topology_parse(exact, len, "t.yml", err);
    free(exact);
    return t;
}

static topology *parse(const char *text)
{
    bora_error err = { .code = BORA_OK };
    topology *t = parse_len(text, strlen(text), &err);
    if (!t)
        fail_msg("%s", err.message);
    return t;
}

static void refuse(const char *text, const char *message)
{
    bora_error err = { .code = BORA_OK };
    assert_null(parse_len(text, strlen(text), &err));
    assert_int_equal(err.code, BORA_FORMAT);
    assert_string_equal(err.message, message);
}

static topology_choice match(const topology *t, int layer, const char *name)
{
    bora_error err = { .code = BORA_OK };
    topology_choice choice;
    if (!topology_match(t, layer, name, &choice, &err))
        fail_msg("%s", err.message);
    return choice;
}

static const char *or_default(const char *text)
{
    return text ? text : "default";
}

static const char *isq(const topology *t, int layer, const char *name)
{
    return or_default(match(t, layer, name).isq);
}

static const char *device(const topology *t, int layer, const char *name)
{
    return or_default(match(t, layer, name).device);
}

static void ranges_layers_and_regexes_are_read(void **state)
{
    (void)state;
    topology *t = parse("# comment\n"
                        "0-8:\n"
                        "  isq: Q3K\n"
                        "  device: cuda[12]\n"
                        "8:\n"
                        "  device: cpu\n"
                        "'/model\\.layers\\.(\\d+)\\.mlp\\..*$/':\n"
                        "  isq: 4\n"
                        "/lm_head\\..*/: { device: \"metal[0]\", isq: ~ }\n"
                        "\"9\": {}\n");
    assert_string_equal(topology_name(t), "t.yml");
    assert_int_equal(topology_n_entries(t), 5);
    const topology_entry *e = topology_entry_at(t, 0);
    assert_string_equal(e->selector, "0-8");
    assert_int_equal(e->first_layer, 0);
    assert_int_equal(e->end_layer, 8);
    assert_int_equal(e->line, 2);
    assert_int_equal(e->column, 1);
    assert_string_equal(e->isq, "Q3K");
    assert_string_equal(e->device, "cuda");
    assert_int_equal(e->device_index, 12);
    e = topology_entry_at(t, 1);
    assert_int_equal(e->index, 1);
    assert_int_equal(e->first_layer, 8);
    assert_int_equal(e->end_layer, 9);
    assert_null(e->isq);
    assert_string_equal(e->device, "cpu");
    assert_int_equal(e->device_index, 0);
    e = topology_entry_at(t, 2);
    assert_string_equal(e->selector, "/model\\.layers\\.(\\d+)\\.mlp\\..*$/");
    assert_int_equal(e->first_layer, -1);
    assert_int_equal(e->end_layer, -1);
    assert_int_equal(e->line, 7);
    assert_string_equal(e->isq, "4");
    e = topology_entry_at(t, 3);
    assert_null(e->isq);
    assert_string_equal(e->device, "metal");
    e = topology_entry_at(t, 4);
    assert_true(!e->isq && !e->device);
    assert_null(topology_entry_at(t, 5));
    topology_free(t);

    t = parse("{}");
    assert_int_equal(topology_n_entries(t), 0);
    assert_string_equal(isq(t, 0, "x"), "default");
    topology_free(t);
    topology_free(NULL);
}

static void the_end_of_a_range_is_not_in_it(void **state)
{
    (void)state;
    topology *t = parse("2-4: { isq: a }\n7: { isq: b }\n");
    const char *expected[] = { "default", "default", "a", "a", "default", "default", "default", "b", "default" };
    for (int layer = 0; layer < 9; layer++)
        assert_string_equal(isq(t, layer, "w"), expected[layer]);
    assert_string_equal(isq(t, -1, "w"), "default");
    topology_free(t);
}

static void of_ranges_the_greatest_end_decides_whole_then_the_last(void **state)
{
    (void)state;
    topology *t = parse("2-6: { isq: a }\n0-4: { isq: b, device: d }\n");
    assert_string_equal(isq(t, 1, "w"), "b");
    assert_string_equal(isq(t, 2, "w"), "a");
    assert_string_equal(device(t, 1, "w"), "d");
    assert_string_equal(device(t, 2, "w"), "default"); /* not the other's */
    assert_string_equal(isq(t, 5, "w"), "a");
    topology_free(t);
    t = parse("0-4: { isq: a }\n2-4: { isq: b }\n");
    assert_string_equal(isq(t, 1, "w"), "a");
    assert_string_equal(isq(t, 3, "w"), "b");
    topology_free(t);
    t = parse("2-4: { isq: b }\n0-4: { isq: a }\n");
    assert_string_equal(isq(t, 3, "w"), "a");
    topology_free(t);
    t = parse("0-4: { isq: a }\n3: {}\n"); /* takes the layer out */
    assert_string_equal(isq(t, 2, "w"), "a");
    topology_choice out = match(t, 3, "w");
    assert_null(out.isq);
    assert_ptr_equal(out.isq_from, topology_entry_at(t, 1));
    topology_free(t);
}

static void of_regexes_the_last_decides_and_goes_before_a_range(void **state)
{
    (void)state;
    topology *t = parse("'/ffn\\./': { isq: a }\n"
                        "'/ffn\\.weight$/': { isq: b }\n"
                        "'/ffn/': {}\n"
                        "'/norm/': { device: 'd[1]' }\n"
                        "0-4: { isq: c, device: e }\n");
    assert_string_equal(isq(t, 2, "layers.2.ffn.weight"), "b");
    assert_string_equal(isq(t, 2, "layers.2.ffn.bias"), "a");
    assert_string_equal(isq(t, 2, "layers.2.ffnx"), "c"); /* the third says nothing and is passed over */
    assert_string_equal(isq(t, 2, "layers.2.attn"), "c");
    assert_string_equal(isq(t, -1, "ffn.weight"), "b");
    assert_string_equal(isq(t, -1, "lm_head"), "default");
    topology_choice both = match(t, 2, "layers.2.ffn.weight");
    assert_string_equal(both.device, "e"); /* the layer's: the regex gives none */
    assert_int_equal(both.isq_from->index, 1);
    assert_int_equal(both.device_from->index, 4);
    topology_choice only_device = match(t, 2, "layers.2.norm");
    assert_null(only_device.isq); /* the default, not the layer's */
    assert_string_equal(only_device.device, "d");
    assert_int_equal(only_device.device_index, 1);
    assert_int_equal(only_device.isq_from->index, 3);
    topology_choice none = match(t, 9, "x");
    assert_true(!none.isq && !none.device && !none.isq_from && !none.device_from);
    topology_free(t);
}

static void regexes_take_any_name(void **state)
{
    (void)state;
    topology *t = parse("/^a.c$/: { isq: a }\n/é+/: { isq: b }\n");
    assert_string_equal(isq(t, 0, "aéc"), "b");
    assert_string_equal(isq(t, 0, "a\xc3\xb6\x63"), "a"); /* one character between */
    assert_string_equal(isq(t, 0, "abc\n"), "default");   /* $ is the very end */
    assert_string_equal(isq(t, 0, "\xff\xfe\x80"), "default");
    assert_string_equal(isq(t, 0, ""), "default");
    topology_free(t);
    t = parse("//: { isq: a }\n");
    assert_string_equal(isq(t, 0, "anything"), "a");
    topology_free(t);
}

static void hostile_regexes_end_in_an_error(void **state)
{
    (void)state;
    const char *patterns[] = {
        "^(a+)+$", "^(a|a)*$", "(a*)*b", "^(?:a?){40}a{40}$", "((((a+)+)+)+)+$", "^(a|(?1)a)*$"
    };
    char name[400];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 2] = '!';
    name[sizeof name - 1] = '\0';
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        char text[100];
        snprintf(text, sizeof text, "1: {}\n'/%s/': { isq: a }\n", patterns[i]);
        topology *t = parse(text);
        bora_error err = { .code = BORA_OK };
        topology_choice out;
        bool ok = topology_match(t, 0, name, &out, &err);
        if (i < 2) /* the others may be cut short by a better matcher */
            assert_false(ok);
        if (!ok) {
            bool loop = strstr(patterns[i], "(?1)");
            assert_int_equal(err.code, loop ? BORA_FORMAT : BORA_LIMIT);
            const char *start =
                loop ? "t.yml:2:1: this regex fails on `aaa" : "t.yml:2:1: this regex takes too many steps";
            assert_memory_equal(err.message, start, strlen(start));
        }
        topology_free(t);
    }
}

static void selectors_are_strict(void **state)
{
    (void)state;
    refuse("8-8: {}", "t.yml:1:1: the range 8-8 is empty: its end is not included and must be greater than its start");
    refuse("1: {}\n\n9-2: {}",
           "t.yml:3:1: the range 9-2 is empty: its end is not included and must be greater than its start");
    static const char *const wrong[] = {
        "8-", "-8", "a", "1-2-3", "1 - 2", "+1", "1.5", "2147483647", "99999999999999"
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[64], message[200];
        snprintf(text, sizeof text, "%s: {}", wrong[i]);
        snprintf(message, sizeof message,
                 "t.yml:1:1: `%s` selects nothing: a layer is written 8, the layers 8 to 15 are 8-16, weights by their "
                 "name /regex/",
                 wrong[i]);
        refuse(text, message);
    }
    refuse("0-8: {}\n1: {}\n0-8: {}", "t.yml:3:1: `0-8` is given already on line 1");
    refuse("/a/: {}\n'/a/': {}", "t.yml:2:1: `/a/` is given already on line 1");
    refuse("/a: {}", "t.yml:1:1: the regex `/a` has no slash at its end");
    refuse("/: {}", "t.yml:1:1: the regex `/` has no slash at its end");
    refuse("1: {}\n'/a(b/': {}", "t.yml:2:1: the regex is wrong behind `/a(b`: missing closing parenthesis");
    refuse("'/a\\Cb/': {}", "t.yml:1:1: the regex is wrong behind `/a\\C`: using \\C is disabled by the application");
    refuse("\"1\\0\": {}", "t.yml:1:1: a NUL character is not allowed here");
    refuse("[1, 2]: {}", "t.yml:1:1: a selector is one word: a layer, a range of layers or a /regex/");
}

static void entries_are_strict(void **state)
{
    (void)state;
    refuse("0-8:\n  isqq: a", "t.yml:2:3: unknown key `isqq`: did you mean `isq`?");
    refuse("0-8:\n  devcie: a", "t.yml:2:3: unknown key `devcie`: did you mean `device`?");
    refuse("0-8:\n  quant: a", "t.yml:2:3: unknown key `quant`: the keys of an entry are isq and device");
    refuse("0-8:\n  isq: a\n  isq: b", "t.yml:3:3: `isq` is given twice for `0-8`");
    refuse("0-8:\n  isq:\n  isq: b", "t.yml:3:3: `isq` is given twice for `0-8`");
    refuse("0-8:\n  isq: [a]", "t.yml:2:8: `isq` of `0-8` is one word, not a list");
    refuse("0-8:\n  device:\n    a: b", "t.yml:3:5: `device` of `0-8` is one word, not a mapping");
    refuse("0-8:\n  isq: ''", "t.yml:2:8: `isq` of `0-8` is empty");
    refuse("0-8:\n  [a]: b", "t.yml:2:3: the keys of an entry are isq and device");
    refuse("0-8: q", "t.yml:1:6: `0-8` needs isq, device or both, indented below it ({} for neither)");
    refuse("0-8:\n", "t.yml:1:5: `0-8` needs isq, device or both, indented below it ({} for neither)");
    static const char *const wrong[] = { "a[", "a[]", "a[x]", "a[1]b", "[1]", "a b", "a[-1]", "a[99999999999]", "a.b" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char text[64], message[200];
        snprintf(text, sizeof text, "1: { device: '%s' }", wrong[i]);
        snprintf(message, sizeof message, "t.yml:1:14: `%s` is not a device: it is written NAME or NAME[0]", wrong[i]);
        refuse(text, message);
    }
}

static void only_plain_yaml_of_one_mapping_is_accepted(void **state)
{
    (void)state;
    refuse("", "t.yml:1:1: there is nothing in this topology: write {} for an empty one");
    refuse("# nothing\n", "t.yml:2:1: there is nothing in this topology: write {} for an empty one");
    refuse("- 1", "t.yml:1:1: a topology is a mapping: selectors, each with isq and device indented below it");
    refuse("word", "t.yml:1:1: a topology is a mapping: selectors, each with isq and device indented below it");
    refuse("1: {}\n---\n2: {}\n", "t.yml:2:1: a topology is one YAML document: here begins a second");
    refuse("1: &x { isq: a }\n2: *x\n", "t.yml:1:4: anchors (&x) are not allowed in a topology: write the entry out");
    refuse("1: *x\n", "t.yml:1:4: aliases (*name) are not allowed in a topology: write the entry out");
    refuse("1: { <<: *x }\n", "t.yml:1:6: unknown key `<<`: the keys of an entry are isq and device");
    refuse("1: { isq: !!str a }\n", "t.yml:1:11: tags (tag:yaml.org,2002:str) are not allowed in a topology");
    bora_error err = { .code = BORA_OK };
    static const char *const broken[] = { "1: {",    "1: { isq: 'a }", "\t1: {}", "1:\n isq: a\n  x: b",
                                          "1: \xff", "%YAML 9" };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        bora_error_clear(&err);
        assert_null(parse_len(broken[i], strlen(broken[i]), &err));
        assert_int_equal(err.code, BORA_FORMAT);
        int line = 0, column = 0;
        assert_int_equal(sscanf(err.message, "t.yml:%d:%d: not ", &line, &column), 2);
        assert_true(line >= 1 && column >= 1);
    }
    bora_error_clear(&err);
    assert_null(topology_load("/nonexistent/t.yml", &err));
    assert_int_equal(err.code, BORA_NOT_FOUND);
}

static void large_topologies_are_bounded(void **state)
{
    (void)state;
    buf b = { 0 };
    for (int i = 0; i < 4096; i++)
        buf_printf(&b, "'/^layers\\.%d\\./': { isq: f%d }\n", i, i);
    topology *t = parse(buf_text(&b));
    assert_string_equal(isq(t, 0, "layers.4095.w"), "f4095");
    assert_string_equal(isq(t, 0, "layers.0.w"), "f0");
    topology_free(t);
    buf_puts(&b, "1: {}\n");
    bora_error err = { .code = BORA_OK };
    assert_null(parse_len(b.data, b.len, &err));
    assert_int_equal(err.code, BORA_LIMIT);
    assert_string_equal(err.message, "t.yml:4097:1: a topology has at most 4096 entries");
    /* Deep or endless nesting ends at the first thing that is not a topology. */
    static const char *const parts[] = {
        "[", "{", "- ", "? ", "a: ", "1: {", "{1: ", "'", "# \n", "--- ", "!x ", "&a "
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf_clear(&b);
        while (b.len < 500000)
            buf_puts(&b, parts[i]);
        bora_error_clear(&err);
        assert_null(parse_len(b.data, b.len, &err));
        assert_int_equal(err.code, BORA_FORMAT);
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_layers_and_regexes_are_read),
        cmocka_unit_test(the_end_of_a_range_is_not_in_it),
        cmocka_unit_test(of_ranges_the_greatest_end_decides_whole_then_the_last),
        cmocka_unit_test(of_regexes_the_last_decides_and_goes_before_a_range),
        cmocka_unit_test(regexes_take_any_name),
        cmocka_unit_test(hostile_regexes_end_in_an_error),
        cmocka_unit_test(selectors_are_strict),
        cmocka_unit_test(entries_are_strict),
        cmocka_unit_test(only_plain_yaml_of_one_mapping_is_accepted),
        cmocka_unit_test(large_topologies_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
