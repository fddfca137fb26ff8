/* The promise of the house: the bits of a sequence's logits do not depend on how its tokens are cut, on how many
 * threads compute, on what of it was computed before, on who else is in the batch, or on how the cache is paged. For
 * every kind of kernel and cache. */
#include <setjmp.h>
#include <stdarg.h>
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

/* How a model computes: settings in pairs. */
typedef struct way {
    const char *model;
    const char *settings[7];
} way;

static const way ways[] = {
    { "tiny-llama", { NULL } },
    { "tiny-llama", { "dtype", "f32", NULL } },
    { "tiny-llama", { "dtype", "bf16", "round-activations", "true", NULL } },
    { "tiny-llama", { "dtype", "f16", "pa-cache-type", "f16", NULL } },
    { "tiny-llama", { "isq", "q8_0", "pa-cache-type", "q8", NULL } },
    { "tiny-llama", { "isq", "q4_0", "no-pack", "true", NULL } },
    { "tiny-llama", { "isq", "q4_0", "exact", "true", NULL } },
    { "tiny-llama", { "isq", "q5_1", "pa-cache-type", "bf16", NULL } },
    { "mixtral", { "isq", "q4_1", NULL } },
    { "window", { "isq", "q5_0", NULL } },
};
enum { N_WAYS = sizeof ways / sizeof *ways, N_OTHERS = 3 };

/* `block` tokens in a block of the cache. */
static bora_model *must_load(const way *w, int threads, const char *block)
{
    bora_error err = { .code = BORA_OK };
    bora_settings *s = bora_settings_new();
    char count[16];
    snprintf(count, sizeof count, "%d", threads);
    assert_true(bora_settings_set(s, "model-id", fixture(w->model), NULL, NULL));
    assert_true(bora_settings_set(s, "device", "cpu", NULL, NULL));
    assert_true(bora_settings_set(s, "threads", count, NULL, NULL));
    assert_true(bora_settings_set(s, "pa-block-size", block, NULL, NULL));
    for (const char *const *pair = w->settings; *pair; pair += 2)
        if (!bora_settings_set(s, pair[0], pair[1], NULL, &err))
            fail_msg("%s", err.message);
    bora_model *m = bora_model_load(runtime, s, &err);
    if (!m)
        fail_msg("%s: %s", w->model, err.message);
    bora_settings_free(s);
    return m;
}

static void must_eval(bora_session *s, const int32_t *tokens, int32_t n, int32_t chunk, float *logits)
{
    bora_error err = { .code = BORA_OK };
    if (!bora_session_eval(s, tokens, n, chunk, true, logits, &err))
        fail_msg("%s", err.message);
}

static bora_session *must_begin(bora_model *m)
{
    bora_session *s = bora_session_new(m, NULL);
    assert_non_null(s);
    return s;
}

static void assert_same(const float *a, const float *b, size_t n, const way *w, int threads, const char *what)
{
    if (memcmp(a, b, n * sizeof *a) != 0)
        fail_msg("%s, %s %s, %d threads: other bits %s", w->model, w->settings[0] ? w->settings[0] : "as it is",
                 w->settings[0] ? w->settings[1] : "", threads, what);
}

/* Reads everything, forgets the second half, reads something else there, forgets that, and reads the second half. */
static void after_a_cached_prefix(bora_model *m, const int32_t *tokens, int32_t n, float *logits)
{
    const int32_t half = n / 2 + 1;
    const size_t n_vocab = (size_t)bora_model_n_vocab(m);
    bora_session *s = must_begin(m);
    must_eval(s, tokens, n, 0, logits);
    assert_true(bora_session_truncate(s, half, NULL));
    must_eval(s, tokens, 5, 2, logits + (size_t)half * n_vocab);
    assert_true(bora_session_truncate(s, half, NULL));
    must_eval(s, tokens + half, n - half, 4, logits + (size_t)half * n_vocab);
    bora_session_free(s);
}

/* In steps with others, who read as many tokens as they like. */
static void among_others(bora_model *m, const int32_t *tokens, int32_t n, float *logits)
{
    static const int32_t own[] = { 9, 1, 1, 2, 16, 1 },
                         theirs[N_OTHERS][6] = { { 1, 1, 1, 1, 1, 1 }, { 17, 2, 1, 5, 1, 3 }, { 3, 20, 1, 1, 2, 2 } };
    const size_t n_vocab = (size_t)bora_model_n_vocab(m);
    float *together = malloc((size_t)(n + N_OTHERS) * n_vocab * sizeof *together);
    bora_session *sessions[N_OTHERS + 1];
    for (int i = 0; i <= N_OTHERS; i++)
        sessions[i] = must_begin(m);
    for (int32_t at = 0, step = 0; at < n; step = (step + 1) % 6) {
        const int32_t mine = own[step] < n - at ? own[step] : n - at;
        bora_turn turns[N_OTHERS + 1];
        for (int i = 0; i < N_OTHERS; i++)
            turns[i < 2 ? i : 3] = (bora_turn){ sessions[i], tokens, theirs[i][step], 1, 0 };
        turns[2] = (bora_turn){ sessions[N_OTHERS], tokens + at, mine, mine, n }; /* in the midst of them */
        bora_error err = { .code = BORA_OK };
        if (!bora_sessions_step(turns, N_OTHERS + 1, together, &err))
            fail_msg("%s", err.message);
        memcpy(logits + (size_t)at * n_vocab, together + 2 * n_vocab, (size_t)mine * n_vocab * sizeof *logits);
        at += mine;
    }
    for (int i = 0; i <= N_OTHERS; i++)
        bora_session_free(sessions[i]);
    free(together);
}

static void a_sequence_has_one_answer(void **state)
{
    (void)state;
    static const int32_t chunks[] = { 0, 1, 3, 17 };
    for (int i = 0; i < N_WAYS; i++) {
        int32_t tokens[MAX_TOKENS], n = read_tokens(ways[i].model, tokens);
        float *expected = NULL, *logits = NULL;
        for (int threads = 1; threads <= 4; threads += threads) {
            bora_model *m = must_load(&ways[i], threads, "32");
            const size_t count = (size_t)n * (size_t)bora_model_n_vocab(m);
            logits = logits ? logits : malloc(count * sizeof *logits);
            for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++) {
                bora_session *s = must_begin(m);
                must_eval(s, tokens, n, chunks[c], logits);
                bora_session_free(s);
                if (!expected) {
                    expected = malloc(count * sizeof *expected);
                    memcpy(expected, logits, count * sizeof *expected);
                }
                assert_same(logits, expected, count, &ways[i], threads, "in other chunks");
            }
            after_a_cached_prefix(m, tokens, n, logits);
            assert_same(logits, expected, count, &ways[i], threads, "after a cached prefix");
            among_others(m, tokens, n, logits);
            assert_same(logits, expected, count, &ways[i], threads, "in a batch");
            bora_model_free(m);
        }
        static const char *const blocks[] = { "8", "24", "256" };
        for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
            bora_model *m = must_load(&ways[i], 2, blocks[b]);
            const size_t count = (size_t)n * (size_t)bora_model_n_vocab(m);
            after_a_cached_prefix(m, tokens, n, logits);
            assert_same(logits, expected, count, &ways[i], 2, "in other blocks of the cache");
            among_others(m, tokens, n, logits);
            assert_same(logits, expected, count, &ways[i], 2, "in other blocks of the cache and a batch");
            bora_model_free(m);
        }
        free(logits);
        free(expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_sequence_has_one_answer) };
    return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
