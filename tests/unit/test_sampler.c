/* The choice of tokens: what each control leaves, and how often what is left comes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/sampler.h"

enum { N = 6, DRAWS = 20000 };

/* Draws many times from the same logits and counts. */
static void count_draws(bora_sampling sampling, const float logits[N], const int32_t *tokens, int32_t n_tokens,
                        int counts[N])
{
    bora_error err = { .code = BORA_OK };
    sampler *s = sampler_new(&sampling, N, &err);
    if (!s)
        fail_msg("%s", err.message);
    memset(counts, 0, N * sizeof *counts);
    for (int i = 0; i < DRAWS; i++) {
        float copy[N], logprob;
        int32_t token;
        memcpy(copy, logits, sizeof copy);
        assert_true(sampler_choose(s, copy, tokens, n_tokens, 0, &token, i % 2 ? &logprob : NULL, &err));
        counts[token]++;
    }
    sampler_free(s);
}

/* Probabilities 0.4, 0.3, 0.15, 0.1, 0.04, 0.01, shuffled. */
static const double probabilities[N] = { 0.1, 0.4, 0.01, 0.3, 0.04, 0.15 };

static void make_logits(float logits[N])
{
    for (int i = 0; i < N; i++)
        logits[i] = (float)log(probabilities[i]) + 3;
}

/* Within five standard deviations of the expected frequency. */
static void expect_frequencies(const int counts[N], const double expected[N])
{
    for (int i = 0; i < N; i++) {
        double deviation = sqrt(DRAWS * expected[i] * (1 - expected[i]));
        if (fabs(counts[i] - DRAWS * expected[i]) > 5 * deviation)
            fail_msg("token %d came %d times, expected %.0f", i, counts[i], DRAWS * expected[i]);
    }
}

static void plain_sampling_follows_the_distribution(void **state)
{
    (void)state;
    float logits[N];
    int counts[N];
    make_logits(logits);
    bora_sampling s = bora_sampling_defaults();
    s.temperature = 1;
    s.seed = 5;
    count_draws(s, logits, NULL, 0, counts);
    expect_frequencies(counts, probabilities);

    s.temperature = 0.5F; /* squares, normalized */
    double squares[N], total = 0;
    for (int i = 0; i < N; i++)
        total += squares[i] = probabilities[i] * probabilities[i];
    for (int i = 0; i < N; i++)
        squares[i] /= total;
    count_draws(s, logits, NULL, 0, counts);
    expect_frequencies(counts, squares);
}

static void cuts_leave_what_they_must(void **state)
{
    (void)state;
    float logits[N];
    int counts[N];
    make_logits(logits);
    bora_sampling s = bora_sampling_defaults();
    s.temperature = 1;
    s.top_k = 2;
    count_draws(s, logits, NULL, 0, counts);
    expect_frequencies(counts, (const double[N]){ 0, 0.4 / 0.7, 0, 0.3 / 0.7, 0, 0 });
    s.top_k = 0;
    s.top_p = 0.8F; /* 0.4 + 0.3 + 0.15 is the first sum of at least 0.8 */
    count_draws(s, logits, NULL, 0, counts);
    expect_frequencies(counts, (const double[N]){ 0, 0.4 / 0.85, 0, 0.3 / 0.85, 0, 0.15 / 0.85 });
    s.top_p = 0; /* the likeliest alone */
    count_draws(s, logits, NULL, 0, counts);
    assert_int_equal(counts[1], DRAWS);
    s.top_p = 1;
    s.min_p = 0.3F; /* at least 0.12 */
    count_draws(s, logits, NULL, 0, counts);
    expect_frequencies(counts, (const double[N]){ 0, 0.4 / 0.85, 0, 0.3 / 0.85, 0, 0.15 / 0.85 });
    s.min_p = 0;
    s.temperature = 0;
    count_draws(s, logits, NULL, 0, counts);
    assert_int_equal(counts[1], DRAWS);
}

static void penalties_change_what_was_said(void **state)
{
    (void)state;
    float logits[N] = { 2, 4, -1, 3.5F, 0, 0 };
    int counts[N];
    bora_sampling s = bora_sampling_defaults();
    s.temperature = 0;
    const int32_t said[] = { 1, 1, 1, 1, 2 };
    s.repetition_penalty = 2; /* 4 -> 2 */
    count_draws(s, logits, said, 5, counts);
    assert_int_equal(counts[3], DRAWS);
    s.repeat_last_n = 1; /* only token 2 is looked back on */
    count_draws(s, logits, said, 5, counts);
    assert_int_equal(counts[1], DRAWS);
    s = bora_sampling_defaults();
    s.temperature = 0;
    s.presence_penalty = 0.4F; /* once, however often it was said: 3.6 */
    count_draws(s, logits, said, 5, counts);
    assert_int_equal(counts[1], DRAWS);
    s.presence_penalty = 0;
    s.frequency_penalty = 0.4F; /* for each time: 2.4 */
    count_draws(s, logits, said, 5, counts);
    assert_int_equal(counts[3], DRAWS);
}

static void ties_and_nonsense(void **state)
{
    (void)state;
    int counts[N];
    bora_sampling s = bora_sampling_defaults();
    s.temperature = 0;
    count_draws(s, (const float[N]){ 1, 2, 2, NAN, -INFINITY, 2 }, NULL, 0, counts);
    assert_int_equal(counts[1], DRAWS); /* of equals the first */
    s.temperature = 1;
    count_draws(s, (const float[N]){ NAN, 2, NAN, NAN, -INFINITY, 2 }, NULL, 0, counts);
    assert_int_equal(counts[1] + counts[5], DRAWS);
    s.top_k = 3;
    s.top_p = 0.5F;
    count_draws(s, (const float[N]){ -INFINITY, INFINITY, 0, 0, 0, 0 }, NULL, 0, counts);
    assert_int_equal(counts[1], DRAWS);

    bora_error err = { .code = BORA_OK };
    sampler *chooser = sampler_new(&s, N, &err);
    float nothing[N] = { NAN, NAN, NAN, NAN, NAN, NAN };
    int32_t token;
    assert_false(sampler_choose(chooser, nothing, NULL, 0, 0, &token, NULL, &err));
    sampler_free(chooser);
}

static void logprobs_are_those_of_the_model(void **state)
{
    (void)state;
    float logits[N];
    bora_sampling s = bora_sampling_defaults();
    s.temperature = 0.3F;
    s.presence_penalty = 1;
    sampler *chooser = sampler_new(&s, N, NULL);
    const int32_t said[] = { 1 };
    for (int i = 0; i < 100; i++) {
        int32_t token;
        float logprob;
        make_logits(logits);
        assert_true(sampler_choose(chooser, logits, said, 1, 0, &token, &logprob, NULL));
        assert_float_equal(logprob, log(probabilities[token]), 1e-5);
    }
    sampler_free(chooser);
}

static void ranges_are_checked(void **state)
{
    (void)state;
    bora_sampling s = bora_sampling_defaults();
    assert_true(bora_sampling_check(&s, NULL));
    bora_error err = { .code = BORA_OK };
    s.top_p = 1.5F;
    assert_false(bora_sampling_check(&s, &err));
    assert_int_equal(err.code, BORA_USAGE);
    assert_non_null(strstr(err.message, "top_p"));
    s = bora_sampling_defaults();
    s.temperature = NAN;
    assert_false(bora_sampling_check(&s, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_sampling_follows_the_distribution), cmocka_unit_test(cuts_leave_what_they_must),
        cmocka_unit_test(penalties_change_what_was_said),          cmocka_unit_test(ties_and_nonsense),
        cmocka_unit_test(logprobs_are_those_of_the_model),         cmocka_unit_test(ranges_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
