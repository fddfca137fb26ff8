/* Steps of several sessions at once, and what a model says that a step costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bora/engine.h>

#include "model_fixtures.h"

static bora_runtime *runtime;

static int open_runtime(void **state)
{
    (void)state;
    runtime = fixture_runtime((bora_listener){ 0 });
    return runtime ? 0 : -1;
}

static int close_runtime(void **state)
{
    (void)state;
    bora_runtime_free(runtime);
    return 0;
}

static bora_model *must_load_with(const char *name, const char *cache)
{
    bora_error err = { .code = BORA_OK };
    bora_settings *s = bora_settings_new();
    assert_true(bora_settings_set(s, "model-id", fixture(name), NULL, NULL));
    assert_true(bora_settings_set(s, "pa-cache-type", cache, NULL, NULL));
    bora_model *m = bora_model_load(runtime, s, &err);
    if (!m)
        fail_msg("%s: %s", name, err.message);
    bora_settings_free(s);
    return m;
}

static bora_model *must_load(const char *name)
{
    return must_load_with(name, "auto");
}

enum { N = 3, STEPS = 4 };

/* Three sequences of different lengths step together: their logits are those that each has alone, to the bit. */
static void a_sequence_does_not_see_the_others(const char *name)
{
    static const int32_t tokens[N][STEPS] = { { 5, 6, 7, 8 }, { 9, 5, 9, 5 }, { 20, 30, 40, 50 } };
    bora_error err = { .code = BORA_OK };
    bora_model *m = must_load(name);
    size_t n_vocab = (size_t)bora_model_n_vocab(m);
    static float alone[MAX_VOCAB], together[(N + 1) * MAX_VOCAB];
    assert_true(n_vocab <= MAX_VOCAB);
    bora_session *one[N], *all[N];
    bora_turn turns[N];
    for (int i = 0; i < N; i++) {
        one[i] = bora_session_new(m, &err);
        all[i] = bora_session_new(m, &err);
        assert_true(bora_session_eval(one[i], tokens[i], i + 1, 0, false, NULL, &err));
        turns[i] = (bora_turn){ .session = all[i], .tokens = tokens[i], .n_tokens = i + 1 };
    }
    turns[2].n_outputs = 2; /* of the last two of its three tokens */
    assert_true(bora_sessions_step(turns, N, together, &err));
    bora_session *again = bora_session_new(m, &err);
    for (int t = 0; t < 3; t++) {
        assert_true(bora_session_eval(again, &tokens[2][t], 1, 0, false, alone, &err));
        if (t > 0)
            assert_memory_equal(alone, together + (size_t)(t - 1) * n_vocab, n_vocab * sizeof *alone);
    }
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < N; i++)
            turns[i] = (bora_turn){ .session = all[i], .tokens = &tokens[i][step], .n_tokens = 1, .n_outputs = 1 };
        if (!bora_sessions_step(turns, N, together, &err))
            fail_msg("%s", err.message);
        for (int i = 0; i < N; i++) {
            assert_int_equal(bora_session_length(all[i]), i + 2 + step);
            assert_true(bora_session_eval(one[i], &tokens[i][step], 1, 0, false, alone, &err));
            assert_memory_equal(alone, together + (size_t)i * n_vocab, n_vocab * sizeof *alone);
        }
    }
    bora_session_free(again);
    for (int i = 0; i < N; i++) {
        bora_session_free(one[i]);
        bora_session_free(all[i]);
    }
    bora_model_free(m);
}

static void sequences_do_not_see_each_other(void **state)
{
    (void)state;
    static const char *const names[] = { "tiny-llama", "mixtral", "granitehybrid" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        a_sequence_does_not_see_the_others(names[i]);
}

static void wrong_steps_are_refused(void **state)
{
    (void)state;
    static const int32_t tokens[] = { 1, 2, 1 << 20 };
    static int32_t many[300];
    bora_model *m = must_load("tiny-llama"), *other = must_load("plain");
    bora_session *a = bora_session_new(m, NULL), *b = bora_session_new(m, NULL), *c = bora_session_new(other, NULL);
    const struct {
        bora_turn turns[2];
        int32_t n;
        const char *expected;
    } cases[] = {
        { { { 0 } }, 0, "no sessions" },
        { { { a, tokens, 1, 1, 0 }, { a, tokens, 1, 1, 0 } }, 2, "twice" },
        { { { a, tokens, 1, 1, 0 }, { c, tokens, 1, 1, 0 } }, 2, "different models" },
        { { { a, tokens, 1, 1, 0 }, { b, tokens, 0, 0, 0 } }, 2, "0 tokens" },
        { { { a, tokens, 1, 1, 0 }, { b, tokens, 2, 3, 0 } }, 2, "the logits of 3" },
        { { { a, tokens, 1, 1, 0 }, { b, tokens, 3, 1, 0 } }, 2, "token 1048576" },
        { { { a, tokens, 1, 1, 0 }, { b, many, 300, 1, 0 } }, 2, "256" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bora_error err = { .code = BORA_OK };
        assert_false(bora_sessions_step(cases[i].turns, cases[i].n, NULL, &err));
        if (!strstr(err.message, cases[i].expected))
            fail_msg("%zu: %s", i, err.message);
        assert_int_equal(bora_session_length(a), 0);
        assert_int_equal(bora_session_length(b), 0);
    }
    bora_turn right[] = { { a, tokens, 1, 0, 0 }, { b, tokens, 2, 0, 0 } }; /* and they go on */
    assert_true(bora_sessions_step(right, 2, NULL, NULL));
    assert_int_equal(bora_session_length(b), 2);
    bora_session_free(a);
    bora_session_free(b);
    bora_session_free(c);
    bora_model_free(m);
    bora_model_free(other);
}

/* tiny-llama by hand: 2 layers, 64 wide, 96 feed-forward, 4 heads and 2 key-value heads of 16, 288 tokens; matrices in
 * two bytes a number, norms and the cache in floats. */
static void costs_are_those_of_the_shape(void **state)
{
    (void)state;
    bora_model *m = must_load_with("tiny-llama", "f32");
    double matrices = 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 96), head = 288 * 64, norms = 2 * 2 * 64, blocks = 1;
    bora_cost cost = bora_model_cost(m, &(bora_workload){ .n_sequences = 1, .n_tokens = 1, .n_past = 10 }, &blocks);
    assert_true(cost.products == matrices + norms + 64 + head);
    assert_true(cost.weight_bytes == 2 * (matrices + head) + 4 * (norms + 64) + 2 * 64);
    assert_true(cost.state_bytes == 2 * 11 * 2 * (16 + 16) * 4);
    assert_true(cost.state_products == 2 * 11 * 4 * (16 + 16));
    assert_true(blocks == 0);
    cost = bora_model_cost(m, &(bora_workload){ .n_sequences = 3, .n_tokens = 4, .n_past = 0 }, NULL);
    assert_true(cost.products == 12 * (matrices + norms) + 3 * (64 + head));
    assert_true(cost.weight_bytes == 2 * (matrices + head) + 4 * (norms + 64) + 12 * 2 * 64);
    assert_true(cost.state_products == 3.0 * 2 * (1 + 2 + 3 + 4) * 4 * (16 + 16));
    bora_model_info info = bora_model_describe(m);
    assert_int_equal(info.n_parameters, (int64_t)(matrices + 2 * head + norms) + 64);
    assert_true(info.weight_bytes == 2 * (matrices + 2 * head) + 4 * (norms + 64));
    assert_string_equal(info.format, "bf16");
    assert_true(info.on_host);
    bora_model_free(m);
}

/* A token reads the experts that it chooses, many tokens read all of them. */
static void experts_are_counted_as_they_are_chosen(void **state)
{
    (void)state;
    bora_model *m = must_load("mixtral");
    bora_model_info info = bora_model_describe(m);
    double one = bora_model_cost(m, &(bora_workload){ 1, 1, 0 }, NULL).weight_bytes,
           many = bora_model_cost(m, &(bora_workload){ 1, 200, 0 }, NULL).weight_bytes;
    assert_true(one < 0.8 * info.weight_bytes);
    assert_true(many > 0.9 * info.weight_bytes);
    bora_model_free(m);
}

/* A window bounds what of the cache is read. */
static void windows_bound_what_is_read(void **state)
{
    (void)state;
    bora_model *m = must_load("window");
    double near = bora_model_cost(m, &(bora_workload){ 1, 1, 30 }, NULL).state_bytes,
           far = bora_model_cost(m, &(bora_workload){ 1, 1, 60 }, NULL).state_bytes;
    assert_true(near > 0);
    assert_true(far == near);
    bora_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_do_not_see_each_other), cmocka_unit_test(wrong_steps_are_refused),
        cmocka_unit_test(costs_are_those_of_the_shape),    cmocka_unit_test(experts_are_counted_as_they_are_chosen),
        cmocka_unit_test(windows_bound_what_is_read),
    };
    return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
