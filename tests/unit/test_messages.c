/* Messages as clients write them, made into what templates read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_read.h"
#include "messages.h"

static const message_style plain = { 0 };

static char *normalize(const char *json, message_style style, char place[MESSAGES_PLACE_BYTES], bora_error *err)
{
    cJSON *messages = cJSON_Parse(json);
    assert_non_null(messages);
    char *made = messages_normalize(messages, style, place, err);
    cJSON_Delete(messages);
    return made;
}

static void becomes(const char *json, message_style style, const char *expected)
{
    char place[MESSAGES_PLACE_BYTES];
    bora_error err = { .code = BORA_OK };
    char *made = normalize(json, style, place, &err);
    if (!made)
        fail_msg("%s: %s", json, err.message);
    assert_string_equal(made, expected);
    cJSON_free(made);
}

static void refuses(const char *json, bora_code code, const char *where)
{
    char place[MESSAGES_PLACE_BYTES];
    bora_error err = { .code = BORA_OK };
    assert_null(normalize(json, plain, place, &err));
    assert_int_equal(err.code, code);
    assert_string_equal(place, where);
    assert_memory_equal(err.message, where, strlen(where));
}

static void text_is_text(void **state)
{
    (void)state;
    becomes(
        "[{\"role\":\"developer\",\"content\":\"a\"},{\"role\":\"user\",\"name\":\"x\",\"content\":[{\"type\":\"text\","
        "\"text\":\"b\"},{\"type\":\"text\",\"text\":\"c\"}]}]",
        plain, "[{\"role\":\"system\",\"content\":\"a\"},{\"role\":\"user\",\"name\":\"x\",\"content\":\"b\\nc\"}]");
    becomes("[{\"role\":\"user\",\"content\":\"a\"}]", (message_style){ .content_as_parts = true },
            "[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}]");
    becomes("[{\"role\":\"assistant\"}]", plain, "[{\"role\":\"assistant\",\"content\":\"\"}]");
    becomes("[{\"role\":\"user\",\"content\":[]}]", plain, "[{\"role\":\"user\",\"content\":\"\"}]");
}

/* Numbers keep how they are written. */
static void calls_are_as_templates_want_them(void **state)
{
    (void)state;
    static const char message[] =
        "[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"function\":{"
        "\"name\":\"f\",\"arguments\":\"{\\\"a\\\": 12345678901234567890}\"}}]}]";
    becomes(message, plain,
            "[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":\"f\",\"arguments\":"
            "{\"a\": 12345678901234567890}}}],\"content\":null}]");
    becomes(message, (message_style){ .arguments_as_text = true, .no_null = true },
            "[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":\"f\",\"arguments\":"
            "\"{\\\"a\\\": 12345678901234567890}\"}}],\"content\":\"\"}]");
    becomes("[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{\"a\":1}}}]}]",
            (message_style){ .arguments_as_text = true },
            "[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}],"
            "\"content\":null}]");
    becomes("[{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":"
            "\"no\"}},"
            "{\"function\":{\"name\":\"g\",\"arguments\":\"\"}},{\"function\":{\"name\":\"h\"}}]}]",
            plain,
            "[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"no\"}},"
            "{\"function\":{\"name\":\"g\",\"arguments\":{}}},{\"function\":{\"name\":\"h\",\"arguments\":{}}}],"
            "\"content\":\"x\"}]");
    becomes("[{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":[]}]", plain,
            "[{\"role\":\"assistant\",\"content\":\"x\"}]");
}

static void what_is_wrong_has_its_place(void **state)
{
    (void)state;
    refuses("{}", BORA_FORMAT, "messages");
    refuses("[]", BORA_FORMAT, "messages");
    refuses("[1]", BORA_FORMAT, "messages[0]");
    refuses("[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"\"}]", BORA_FORMAT, "messages[1]");
    refuses("[{\"role\":\"user\"}]", BORA_FORMAT, "messages[0].content");
    refuses("[{\"role\":\"user\",\"content\":null}]", BORA_FORMAT, "messages[0].content");
    refuses("[{\"role\":\"assistant\",\"content\":{}}]", BORA_FORMAT, "messages[0].content");
    refuses("[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\"}]}]",
            BORA_UNSUPPORTED, "messages[0].content[1]");
    refuses("[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]", BORA_FORMAT, "messages[0].content[0]");
    refuses("[{\"role\":\"user\",\"content\":[1]}]", BORA_FORMAT, "messages[0].content[0]");
    refuses("[{\"role\":\"assistant\",\"tool_calls\":1}]", BORA_FORMAT, "messages[0].tool_calls");
    refuses("[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{}}]}]", BORA_FORMAT,
            "messages[0].tool_calls[0].function");
}

static void reads(const char *text, size_t len, bora_code code, const char *word)
{
    bora_error err = { .code = BORA_OK };
    cJSON *object = json_read_object(text, len, &err);
    assert_int_equal(err.code, code);
    assert_true((object != NULL) == (code == BORA_OK));
    if (!strstr(err.message, word))
        fail_msg("%s", err.message);
    cJSON_Delete(object);
}

static void hostile_json_is_refused(void **state)
{
    (void)state;
    reads(" {\"a\": \"\\\\u0000 \\\" [[\"} \n", 25, BORA_OK, "");
    reads("{\"a\":\"\\u0000\"}", 14, BORA_FORMAT, "byte 7 is a NUL");
    reads("{\"a\":\"\0\"}", 9, BORA_FORMAT, "byte 7 is a NUL");
    reads("{\"a\":\"\xc3\"}", 9, BORA_FORMAT, "byte 7 is not UTF-8");
    reads("{\"a\":\"\\ud800\"}", 14, BORA_FORMAT, "not valid JSON");
    reads("{\"a\":nan}", 9, BORA_FORMAT, "not valid JSON");
    reads("{\"a\":1}}", 8, BORA_FORMAT, "not valid JSON");
    reads("{\"a\":1", 6, BORA_FORMAT, "not valid JSON");
    reads("\"{\"", 3, BORA_FORMAT, "object");
    size_t n = 1000000;
    char *text = malloc(n + 1);
    assert_non_null(text);
    memset(text, '[', n);
    text[n] = '\0';
    reads(text, n, BORA_LIMIT, "inside one another");
    memset(text, ',', n);
    reads(text, n, BORA_LIMIT, "values");
    memset(text, '"', n);
    reads(text, n, BORA_FORMAT, "not valid JSON");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_text),
        cmocka_unit_test(calls_are_as_templates_want_them),
        cmocka_unit_test(what_is_wrong_has_its_place),
        cmocka_unit_test(hostile_json_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
