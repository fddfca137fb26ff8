/* Calls of tools are found in answers however a family writes them, and what is no call stays text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bora/chat.h>

static const bora_tool_syntax tagged = { .begin = "<tool_call>", .end = "</tool_call>" };
static const bora_tool_syntax listed = { .begin = "[TOOL_CALLS]" };
static const bora_tool_syntax named = { .begin = "[TOOL_CALLS]", .arguments_begin = "[ARGS]" };
static const bora_tool_syntax bare = { .begin = "<|python_tag|>", .bare = true };
static const bora_tool_syntax fenced = {
    .begin = "<call>function<sep>",
    .arguments_begin = "\n```json\n",
    .end = "```</call>",
    .around = (const char *const[]){ "<calls>", "</calls>", NULL },
};
static const bora_tool_syntax channels = {
    .begin = "to=functions.",
    .arguments_begin = "<|message|>",
    .end = "<|call|>",
    .around =
        (const char *const[]){ "<|start|>assistant", "<|channel|>commentary", "<|channel|>analysis", "<|end|>", NULL },
};
static const bora_tool_syntax values = {
    .begin = "<function=",
    .arguments_begin = ">",
    .parameter_begin = "<parameter=",
    .parameter_name_end = ">",
    .parameter_end = "</parameter>",
    .end = "</function>",
    .around = (const char *const[]){ "<tool_call>", "</tool_call>", NULL },
};

/* Calls as "name(arguments)", one after the other, then the text in brackets. */
static void check_with(const bora_tool_syntax *syntax, const char *tools, const char *answer, const char *expected)
{
    bora_error err = { .code = BORA_OK };
    bora_tool_calls found;
    char got[4096] = "";
    size_t len = strlen(answer);
    if (!bora_tool_calls_parse(syntax, answer, len, tools, &found, &err))
        fail_msg("%s: %s", answer, err.message);
    for (size_t i = 0; i < found.n_calls; i++) {
        size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s(%s) ", found.calls[i].name, found.calls[i].arguments);
    }
    size_t used = strlen(got);
    snprintf(got + used, sizeof got - used, "[%s]", found.text);
    assert_int_equal(strlen(found.text), found.text_len);
    if (strcmp(got, expected) != 0)
        fail_msg("\"%s\"\ngives    %s\nexpected %s", answer, got, expected);
    /* What was said to be text while the answer came is text. */
    size_t space = found.n_calls ? strspn(answer, " \n") : 0;
    for (size_t n = 0; n <= len; n++) {
        size_t sure = bora_tool_calls_before(syntax, answer, n), shown = sure > space ? sure - space : 0;
        if (shown > found.text_len || memcmp(answer + space, found.text, shown) != 0)
            fail_msg("\"%s\": %zu of the first %zu bytes are said to be text", answer, sure, n);
    }
    bora_tool_calls_free(&found);
}

static void check(const bora_tool_syntax *syntax, const char *answer, const char *expected)
{
    check_with(syntax, NULL, answer, expected);
}

static void calls_stand_between_tags(void **state)
{
    (void)state;
    check(&tagged, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>", "f({\"a\": 1}) []");
    check(&tagged,
          "Let me see.\n\n<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n"
          "<tool_call>{\"arguments\":{\"x\":[1,{\"y\":\"}\"}]},\"name\":\"g\"}</tool_call>\n",
          "f({}) g({\"x\":[1,{\"y\":\"}\"}]}) [Let me see.]");
    check(&tagged, "a <tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call> b", "f({}) [a  b]");
    check(&tagged, "<tool_call>{\"name\":\"f\"}", "f({}) []");
    check(&tagged, "<tool_call>{\"name\":\"f\",\"arguments\":null}", "f({}) []");
    check(&tagged, "<tool_call>{\"name\":\"f\",\"parameters\":{\"a\":2}}", "f({\"a\":2}) []");
    check(&tagged,
          "<tool_call>{\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":{\"a\":2}}}</tool_call>",
          "f({\"a\":2}) []");
}

static void arguments_are_given_on_as_written(void **state)
{
    (void)state;
    check(&tagged, "<tool_call>{\"name\":\"f\",\"arguments\":{\"n\": 12345678901234567890, \"x\": 1.0, \"e\":1E+2}}",
          "f({\"n\": 12345678901234567890, \"x\": 1.0, \"e\":1E+2}) []");
    check(&tagged, "<tool_call>{\"name\":\"f\",\"arguments\":\"{\\\"a\\\": \\\"b\\\"}\"}", "f({\"a\": \"b\"}) []");
    check(&tagged, "<tool_call>{\"name\":\"f\",\"arguments\":{\"s\":\"a\nb\\\"\t\\\\\",\n\"t\":\"ü\"}}",
          "f({\"s\":\"a\\u000ab\\\"\\u0009\\\\\", \"t\":\"ü\"}) []");
    check(&tagged, "<tool_call>{\"name\":\"f\\u00fc\",\"x\":\"\\\\\",\"arguments\":{\"name\":\"g\"}}</tool_call>",
          "fü({\"name\":\"g\"}) []");
}

static void what_is_no_call_stays_text(void **state)
{
    (void)state;
    check(&tagged, "", "[]");
    check(&tagged, " yes \n", "[ yes \n]");
    check(&tagged, "Write <tool_call> first.", "[Write <tool_call> first.]");
    check(&tagged, "<tool_call>{\"name\":\"f\",\"arg", "[<tool_call>{\"name\":\"f\",\"arg]");
    check(&tagged, "<tool_call>{\"name\":\"\"}</tool_call>", "[<tool_call>{\"name\":\"\"}</tool_call>]");
    check(&tagged, "<tool_call>{\"name\":1}</tool_call>", "[<tool_call>{\"name\":1}</tool_call>]");
    check(&tagged, "<tool_call>[]</tool_call>", "[<tool_call>[]</tool_call>]");
    check(&tagged, "<tool_call>\"f\"</tool_call>", "[<tool_call>\"f\"</tool_call>]");
    check(&tagged, "<tool_call>{\"name\":\"f\",\"arguments\":[1]}", "[<tool_call>{\"name\":\"f\",\"arguments\":[1]}]");
    check(&tagged, "<tool_call>{\"name\":\"f\",\"arguments\":\"1\"}",
          "[<tool_call>{\"name\":\"f\",\"arguments\":\"1\"}]");
    check(&listed, "[TOOL_CALLS][{\"name\":\"f\"},{\"names\":\"g\"}]",
          "[[TOOL_CALLS][{\"name\":\"f\"},{\"names\":\"g\"}]]");
    check(&tagged, "<tool_call> no <tool_call>{\"name\":\"f\"}</tool_call>", "f({}) [<tool_call> no]");
    check(&(bora_tool_syntax){ .begin = "" }, "{}", "[{}]");
}

static void calls_may_be_a_list(void **state)
{
    (void)state;
    check(&listed, "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"a\": 1}, \"id\": \"x\"}, {\"name\": \"g\"}]",
          "f({\"a\": 1}) g({}) []");
    check(&listed, "[TOOL_CALLS]{\"name\": \"f\"}; {\"name\": \"g\"}", "f({}) g({}) []");
    check(&listed, "I will.[TOOL_CALLS][{\"name\": \"f\"}]", "f({}) [I will.]");
}

static void answers_of_json_may_be_calls(void **state)
{
    (void)state;
    check(&bare, "{\"name\": \"f\", \"parameters\": {\"a\": \"b\"}}", "f({\"a\": \"b\"}) []");
    check(&bare, "<|python_tag|>{\"name\": \"f\", \"parameters\": {}}; {\"name\": \"g\", \"parameters\": {}}",
          "f({}) g({}) []");
    check(&bare, "\n[{\"name\": \"f\", \"parameters\": {}}]\n", "f({}) []");
    check(&bare, "{\"name\": \"Ada\"}", "[{\"name\": \"Ada\"}]");
    check(&bare, "{\"name\": \"f\", \"parameters\": {}} is how.", "[{\"name\": \"f\", \"parameters\": {}} is how.]");
    check(&tagged, "{\"name\": \"f\", \"arguments\": {}}", "[{\"name\": \"f\", \"arguments\": {}}]");
}

static void names_may_be_text(void **state)
{
    (void)state;
    check(&named, "[TOOL_CALLS]f[ARGS]{\"a\": 1}[TOOL_CALLS]g-1.x[CALL_ID]abc[ARGS]{}", "f({\"a\": 1}) g-1.x({}) []");
    check(&named, "[TOOL_CALLS]f[ARGS]1", "[[TOOL_CALLS]f[ARGS]1]");
    check(&named, "[TOOL_CALLS][ARGS]{}", "[[TOOL_CALLS][ARGS]{}]");
    check(&named, "[TOOL_CALLS]f{}", "[[TOOL_CALLS]f{}]");
    check(&fenced,
          "Well.\n<calls><call>function<sep>f\n```json\n{\"a\": 1}\n```</call>\n<call>function<sep>g\n```json\n{}\n```"
          "</call></calls>",
          "f({\"a\": 1}) g({}) [Well.]");
    check(&channels, "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"a\":1}<|call|>",
          "f({\"a\":1}) []");
    check(&channels, "I look.<|end|><|start|>assistant to=functions.f<|channel|>commentary json<|message|>{\"a\":1}",
          "f({\"a\":1}) [I look.]");
    check(&channels, "say to=functions.f", "[say to=functions.f]");
}

static void values_may_be_text(void **state)
{
    (void)state;
    static const char call[] = "<tool_call>\n<function=f>\n<parameter=a>\n5\n</parameter>\n<parameter=b>\nx \"y\"\n\n"
                               "</parameter>\n<parameter=c>[1.0]</parameter>\n</function>\n</tool_call>";
    check(&values, call, "f({\"a\": 5, \"b\": \"x \\\"y\\\"\\n\", \"c\": [1.0]}) []");
    check_with(&values,
               "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\","
               "\"properties\":{\"a\":{\"type\":\"string\"}}}}}]",
               call, "f({\"a\": \"5\", \"b\": \"x \\\"y\\\"\\n\", \"c\": [1.0]}) []");
    check(&values, "<function=f>\n</function>", "f({}) []");
    check(&values, "<function=f><parameter=a>1", "[<function=f><parameter=a>1]");
    bora_error err = { .code = BORA_OK };
    bora_tool_calls found;
    assert_false(bora_tool_calls_parse(&values, call, strlen(call), "[", &found, &err));
    assert_int_equal(err.code, BORA_FORMAT);
}

static size_t before(const bora_tool_syntax *syntax, const char *text)
{
    return bora_tool_calls_before(syntax, text, strlen(text));
}

static void text_is_known_while_it_comes(void **state)
{
    (void)state;
    assert_int_equal(before(&tagged, "yes"), 3);
    assert_int_equal(before(&tagged, "yes\n"), 3);
    assert_int_equal(before(&tagged, "yes <tool"), 3);
    assert_int_equal(before(&tagged, "yes <tools>"), 11);
    assert_int_equal(before(&tagged, "yes <tool_call>{\"name\""), 3);
    assert_int_equal(before(&tagged, "{\"a\": 1}"), 8);
    assert_int_equal(before(&bare, "{\"a\": 1}"), 0);
    assert_int_equal(before(&bare, " "), 0);
    assert_int_equal(before(&bare, "yes {"), 5);
    assert_int_equal(before(&fenced, "Well.\n<calls"), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_stand_between_tags),     cmocka_unit_test(arguments_are_given_on_as_written),
        cmocka_unit_test(what_is_no_call_stays_text),   cmocka_unit_test(calls_may_be_a_list),
        cmocka_unit_test(answers_of_json_may_be_calls), cmocka_unit_test(names_may_be_text),
        cmocka_unit_test(values_may_be_text),           cmocka_unit_test(text_is_known_while_it_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
