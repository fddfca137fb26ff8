/* Requests to the server: what their tables take, and what they say of the rest. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "serve/api_request.h"
#include "serve/writer.h"

static bool read_request(api_request *r, api_kind kind, const char *json, api_error *e)
{
    *e = (api_error){ 0 };
    return api_request_read(r, kind, json, strlen(json), e);
}

static void takes(api_request *r, api_kind kind, const char *json)
{
    api_error e;
    if (!read_request(r, kind, json, &e))
        fail_msg("%s: %s", json, e.message);
}

static void refuses(api_kind kind, const char *json, const char *param, const char *word)
{
    api_request r;
    api_error e;
    if (read_request(&r, kind, json, &e))
        fail_msg("%s is taken", json);
    assert_int_equal(e.status, 400);
    assert_string_equal(e.param, param);
    if (!strstr(e.message, word))
        fail_msg("%s: %s", json, e.message);
    api_request_free(&r);
}

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]"

static void values_go_where_they_belong(void **state)
{
    (void)state;
    api_request r;
    takes(&r, API_CHAT,
          "{" MESSAGES
          ",\"temperature\":0.5,\"top_k\":-1,\"seed\":-1,\"n\":3,\"stop\":[\"a\",\"\",\"b\"],\"stream\":true,"
          "\"stream_options\":{\"include_usage\":true},\"max_completion_tokens\":9,\"model\":\"m\",\"logprobs\":true,"
          "\"top_logprobs\":2,\"logit_bias\":{\"7\":-100,\"8\":1.5},\"dry_multiplier\":0.8,"
          "\"dry_sequence_breakers\":[\"x\"],\"enable_thinking\":true,\"chat_template_kwargs\":{\"a\":[1]},"
          "\"unheard_of\":{}}");
    assert_string_equal(r.model, "m");
    assert_string_equal(r.seen.unknown, "unheard_of");
    assert_true(r.stream && r.include_usage && r.logprobs && r.n == 3 && r.n_top == 2 && r.max_tokens == 9);
    assert_string_equal(r.stop[0], "a");
    assert_string_equal(r.stop[1], "b");
    assert_null(r.stop[2]);
    bora_sampling defaults = bora_sampling_defaults();
    defaults.top_p = 0.9F;
    defaults.temperature = 0.1F;
    bora_sampling s = api_request_sampling(&r, defaults);
    assert_float_equal(s.temperature, 0.5, 0);
    assert_float_equal(s.top_p, 0.9, 1e-7); /* not given: the default stays */
    assert_float_equal(s.dry_multiplier, 0.8, 1e-7);
    assert_int_equal(s.top_k, 0);
    assert_true(s.seed == UINT64_MAX);
    assert_int_equal(s.n_logit_bias, 2);
    assert_int_equal(s.logit_bias[0].token, 7);
    assert_float_equal(s.logit_bias[1].bias, 1.5, 0);
    assert_string_equal(s.dry_sequence_breakers[0], "x");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(r.variables, "enable_thinking")));
    assert_true(cJSON_IsArray(cJSON_GetObjectItem(r.variables, "a")));
    api_request_free(&r);
}

static void null_is_as_if_it_were_not_there(void **state)
{
    (void)state;
    api_request r;
    takes(&r, API_COMPLETION,
          "{\"prompt\":\"a\",\"temperature\":null,\"stop\":null,\"stream\":null,\"logprobs\":null,\"suffix\":null,"
          "\"grammar\":null,\"n\":null,\"max_tokens\":null}");
    assert_true(r.max_tokens == 16 && r.n == 1 && !r.stream && !r.logprobs);
    api_request_free(&r);
    refuses(API_COMPLETION, "{\"prompt\":null}", "prompt", "missing");
}

static void inputs_have_four_forms(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        size_t n;
    } forms[] = {
        { "\"a\"", 1 },       { "[\"a\",\"b\"]", 2 }, { "[1,2,3]", 1 },   { "[[1],[2,3]]", 2 }, { "[]", 0 },
        { "[[]]", 0 },        { "[\"a\",1]", 0 },     { "[1,[2]]", 0 },   { "{}", 0 },          { "1", 0 },
        { "[\"a\",[1]]", 0 }, { "[null]", 0 },        { "[[\"a\"]]", 0 },
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        cJSON *value = cJSON_Parse(forms[i].json);
        assert_int_equal(api_n_inputs(value), forms[i].n);
        cJSON_Delete(value);
    }
    cJSON *value = cJSON_Parse("[[1],[2,3]]");
    api_error e = { 0 };
    size_t n;
    int32_t *ids = api_ids(api_input_at(value, 1).ids, 4, "prompt", &n, &e);
    assert_true(n == 2 && ids[0] == 2 && ids[1] == 3);
    free(ids);
    assert_null(api_ids(api_input_at(value, 1).ids, 3, "prompt", &n, &e));
    assert_string_equal(e.param, "prompt");
    cJSON_Delete(value);
}

static void what_is_wrong_is_said_with_its_name(void **state)
{
    (void)state;
    refuses(API_CHAT, "", "", "JSON");
    refuses(API_CHAT, "[1]", "", "object");
    refuses(API_CHAT, "{}", "messages", "missing");
    refuses(API_CHAT, "{" MESSAGES ",\"n\":1,\"n\":1}", "n", "twice");
    refuses(API_CHAT, "{" MESSAGES ",\"n\":0}", "n", "1 to 128");
    refuses(API_CHAT, "{" MESSAGES ",\"n\":1.5}", "n", "integer");
    refuses(API_CHAT, "{" MESSAGES ",\"n\":1e400}", "n", "integer");
    refuses(API_CHAT, "{" MESSAGES ",\"temperature\":-1e400}", "temperature", "0 to 2");
    refuses(API_CHAT, "{" MESSAGES ",\"seed\":1e300}", "seed", "integer");
    refuses(API_CHAT, "{" MESSAGES ",\"stream\":1}", "stream", "found a number");
    refuses(API_CHAT, "{" MESSAGES ",\"model\":[]}", "model", "found an array");
    refuses(API_CHAT, "{" MESSAGES ",\"reasoning_effort\":\"much\"}", "reasoning_effort", "low");
    refuses(API_CHAT, "{" MESSAGES ",\"logit_bias\":{\"1x\":1}}", "logit_bias", "1x");
    refuses(API_CHAT, "{" MESSAGES ",\"logit_bias\":{\"99999999999999999999\":1}}", "logit_bias", "token");
    refuses(API_CHAT, "{" MESSAGES ",\"logit_bias\":{\"1\":\"1\"}}", "logit_bias", "numbers");
    refuses(API_CHAT, "{" MESSAGES ",\"tools\":[{\"type\":\"web\"}]}", "tools", "function");
    refuses(API_CHAT, "{" MESSAGES ",\"functions\":[]}", "functions", "not supported");
    refuses(API_CHAT, "{" MESSAGES ",\"response_format\":{\"type\":\"json_schema\"}}", "response_format",
            "json_schema");
    refuses(API_COMPLETION, "{\"prompt\":\"a\",\"best_of\":2,\"n\":3}", "best_of", "less");
    refuses(API_COMPLETION, "{\"prompt\":[\"a\",\"b\"],\"n\":65}", "prompt", "128");
    refuses(API_COMPLETION, "{\"prompt\":\"a\",\"logprobs\":-1}", "logprobs", "0 to");
    refuses(API_EMBEDDING, "{\"input\":\"a\",\"encoding_format\":\"hex\"}", "encoding_format", "base64");
    refuses(API_TOKENIZE, "{}", "prompt", "either");
    refuses(API_DETOKENIZE, "{\"tokens\":1}", "tokens", "array");
}

/* A table of kinds names no field twice, and fits the bits that say what was given. */
static void tables_are_sound(void **state)
{
    (void)state;
    for (int kind = 0; kind < API_N_KINDS; kind++) {
        const field_set *set = api_fields((api_kind)kind);
        const field *f, *g;
        for (size_t i = 0; (f = fields_at(set, i)); i++) {
            assert_in_range(i, 0, FIELDS_MAX - 1);
            assert_non_null(f->help);
            assert_true(f->type != FIELD_OTHER || f->take || f->status != FIELD_READY || f->offset > 0);
            assert_true((f->type == FIELD_CHOICE) == (f->choices != NULL));
            assert_true((f->type != FIELD_INT && f->type != FIELD_FLOAT) || f->min < f->max);
            for (size_t k = 0; k < i; k++) {
                g = fields_at(set, k);
                assert_string_not_equal(f->name, g->name);
            }
            writer w = { 0 };
            fields_put_schema(&w, f);
            cJSON *schema = cJSON_Parse(w.data);
            if (!schema)
                fail_msg("%s: its schema is no JSON: %s", f->name, w.data);
            cJSON_Delete(schema);
            writer_free(&w);
        }
    }
}

static void written_json_is_json(void **state)
{
    (void)state;
    writer w = { 0 };
    put_open(&w, NULL, '{');
    put_text(&w, "a\"b", "x\0y\n\xff\xc3\xa9\x7f", 8);
    put_open(&w, "list", '[');
    put_int(&w, NULL, INT64_MIN);
    put_float(&w, NULL, 0.1F);
    put_number(&w, NULL, (double)INFINITY);
    put_bool(&w, NULL, true);
    put_close(&w, ']');
    put_string(&w, "none", NULL);
    put_close(&w, '}');
    assert_string_equal(w.data, "{\"a\\\"b\":\"x\\u0000y\\n\xef\xbf\xbd\xc3\xa9\\u007f\","
                                "\"list\":[-9223372036854775808,0.100000001,null,true],\"none\":null}");
    writer_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_where_they_belong),
        cmocka_unit_test(null_is_as_if_it_were_not_there),
        cmocka_unit_test(inputs_have_four_forms),
        cmocka_unit_test(what_is_wrong_is_said_with_its_name),
        cmocka_unit_test(tables_are_sound),
        cmocka_unit_test(written_json_is_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
