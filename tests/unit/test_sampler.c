/* The choice of tokens: what each control leaves, how often what is left comes, and that it is what a plain program in
 * double precision chooses. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/candidates.h"
#include "engine/sampler.h"

enum { N = 6, DRAWS = 20000 };

/* ---- a sampler with its scratch */

typedef struct chooser {
    sampler *s;
    sampler_scratch *scratch;
} chooser;

static chooser open_chooser(const bora_sampling *sampling, int32_t n_vocab, const bora_tokenizer *tokenizer)
{
    bora_error err = { .code = BORA_OK };
    chooser c = { sampler_new(sampling, n_vocab, tokenizer, &err), sampler_scratch_new(n_vocab, &err) };
    if (!c.s || !c.scratch)
        fail_msg("%s", err.message);
    return c;
}

static void close_chooser(chooser *c)
{
    sampler_free(c->s);
    sampler_scratch_free(c->scratch);
}

/* Chooses, and sees that the logits are as before. */
static bora_token choose_token(const chooser *c, float *logits, int32_t n_vocab, const int32_t *tokens,
                               int32_t n_tokens, int32_t n_prompt, int32_t position, int32_t n_top)
{
    bora_error err = { .code = BORA_OK };
    size_t bytes = (size_t)n_vocab * sizeof *logits;
    float *before = malloc(bytes);
    memcpy(before, logits, bytes);
    bora_token token;
    sampler_place place = { logits, tokens, n_tokens, n_prompt, position };
    if (!sampler_choose(c->s, c->scratch, &place, n_top, &token, &err))
        fail_msg("%s", err.message);
    assert_memory_equal(before, logits, bytes);
    free(before);
    return token;
}

/* Draws at many positions from the same logits and counts. */
static void count_draws(bora_sampling sampling, const float logits[N], const int32_t *tokens, int32_t n_tokens,
                        int counts[N])
{
    chooser c = open_chooser(&sampling, N, NULL);
    memset(counts, 0, N * sizeof *counts);
    float copy[N];
    memcpy(copy, logits, sizeof copy);
    for (int i = 0; i < DRAWS; i++)
        counts[choose_token(&c, copy, N, tokens, n_tokens, 0, i, i % 3 - 1).id]++;
    close_chooser(&c);
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

    count_draws(s, (const float[N]){ -INFINITY, -INFINITY, NAN, -INFINITY, -INFINITY, -INFINITY }, NULL, 0, counts);
    assert_int_equal(counts[0], DRAWS);

    bora_error err = { .code = BORA_OK };
    chooser c = open_chooser(&s, N, NULL);
    float nothing[N] = { NAN, NAN, NAN, NAN, NAN, NAN };
    bora_token token;
    assert_false(sampler_choose(c.s, c.scratch, &(sampler_place){ .logits = nothing }, 0, &token, &err));
    assert_int_equal(err.code, BORA_INTERNAL);
    close_chooser(&c);
}

static void logprobs_are_those_of_the_model(void **state)
{
    (void)state;
    float logits[N];
    bora_sampling s = bora_sampling_defaults();
    s.temperature = 0.3F;
    s.presence_penalty = 1;
    chooser c = open_chooser(&s, N, NULL);
    const int32_t said[] = { 1 };
    make_logits(logits);
    for (int i = 0; i < 100; i++) {
        bora_token token = choose_token(&c, logits, N, said, 1, 0, i, 3);
        assert_float_equal(token.logprob, log(probabilities[token.id]), 1e-5);
        const int32_t likeliest[] = { 1, 3, 5 };
        assert_int_equal(token.n_top, 3);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(token.top[k].token, likeliest[k]);
            assert_float_equal(token.top[k].logprob, log(probabilities[likeliest[k]]), 1e-5);
        }
        bora_token given;
        assert_true(sampler_given(c.scratch, logits, token.id, 0, &given, NULL));
        assert_float_equal(given.logprob, token.logprob, 0);
    }
    /* More than there are; of equals the lower id comes first. */
    float equals[N] = { 1, 2, 1, -INFINITY, NAN, 2 };
    bora_token token = choose_token(&c, equals, N, NULL, 0, 0, 0, BORA_TOP_LOGPROBS_MAX);
    const int32_t order[] = { 1, 5, 0, 2, 3 };
    assert_int_equal(token.n_top, 5);
    for (int k = 0; k < 5; k++)
        assert_int_equal(token.top[k].token, order[k]);
    assert_true(isinf(token.top[4].logprob));
    close_chooser(&c);
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

/* ---- against a plain program */

typedef struct weighted {
    double logit, weight;
    int32_t id;
} weighted;

static int by_probability(const void *a, const void *b)
{
    const weighted *x = a, *y = b;
    return x->logit != y->logit ? (x->logit > y->logit ? -1 : 1) : x->id - y->id;
}

static double uniform(uint64_t seed, int32_t position)
{
    uint64_t z = seed + (uint64_t)(position + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

/* The token for a random number, and how near the number is to where another one would be chosen. */
static int32_t plain_choice(const bora_sampling *a, const float *logits, int32_t n, double random, double *nearest)
{
    weighted *w = malloc((size_t)n * sizeof *w);
    for (int32_t i = 0; i < n; i++)
        w[i] = (weighted){ .logit = (double)logits[i], .id = i };
    qsort(w, (size_t)n, sizeof *w, by_probability);
    int32_t kept = a->top_k > 0 && a->top_k < n ? a->top_k : n;
    double total = 0, sum = 0;
    for (int32_t i = 0; i < kept; i++)
        total += w[i].weight = exp((w[i].logit - w[0].logit) / (double)a->temperature);
    *nearest = 1;
    for (int32_t i = 0; i < kept; i++) {
        sum += w[i].weight;
        bool last = a->top_p < 1 && sum >= (double)a->top_p * total;
        *nearest = fmin(*nearest, a->top_p < 1 ? fabs(sum / total - (double)a->top_p) : 1);
        *nearest = fmin(*nearest, i > 0 && a->min_p > 0 ? fabs(w[i].weight - (double)a->min_p) : 1);
        if (i > 0 && w[i].weight < (double)a->min_p) {
            sum -= w[i].weight;
            kept = i;
        }
        if (last && kept > i)
            kept = i + 1;
    }
    double at = random * sum;
    sum = 0;
    int32_t i = 0;
    for (; i < kept - 1 && sum + w[i].weight <= at; i++)
        sum += w[i].weight;
    *nearest = fmin(*nearest, fabs(sum - at) / total);
    *nearest = fmin(*nearest, fabs(sum + w[i].weight - at) / total);
    int32_t id = w[i].id;
    free(w);
    return id;
}

static float random_normal(uint64_t *seed)
{
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += uniform(++*seed, 0);
    return (float)sum;
}

/* Vocabularies that end inside a tile, distributions from one token to nearly flat. */
static void chooses_what_a_plain_program_chooses(void **state)
{
    (void)state;
    const int32_t sizes[] = { 1, 2, 15, 255, 257, 1000, 5003, 9001 };
    const float spreads[] = { 0, 0.01F, 1, 4, 20 };
    const bora_sampling settings[] = {
        { .temperature = 1, .top_p = 1 },
        { .temperature = 0.7F, .top_p = 0.9F },
        { .temperature = 1, .top_p = 1, .top_k = 40 },
        { .temperature = 1.3F, .top_p = 0.95F, .top_k = 64, .min_p = 0.05F },
        { .temperature = 1, .top_p = 1, .min_p = 0.1F },
        { .temperature = 2, .top_p = 0.999F, .top_k = 700 },
        { .temperature = 5, .top_p = 0.5F, .min_p = 1e-6F },
        { .temperature = 1, .top_p = 1, .top_k = 3000, .min_p = 0.001F },
        { .temperature = 0.01F, .top_p = 0.3F },
        { .temperature = 100, .top_p = 0.9F },
    };
    uint64_t seed = 1;
    int n_compared = 0;
    for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++)
        for (size_t spread = 0; spread < sizeof spreads / sizeof *spreads; spread++) {
            int32_t n = sizes[size];
            float *logits = malloc((size_t)n * sizeof *logits);
            for (int32_t i = 0; i < n; i++)
                logits[i] = random_normal(&seed) * spreads[spread];
            for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) {
                bora_sampling s = settings[k];
                s.repetition_penalty = s.dry_base = 1;
                s.seed = ++seed;
                chooser c = open_chooser(&s, n, NULL);
                for (int32_t position = 0; position < 6; position++) {
                    double nearest;
                    int32_t expected = plain_choice(&s, logits, n, uniform(s.seed, position), &nearest);
                    /* Weights are floats, sums of them right to some units of 1e-7: where a bound is as near as that,
                     * the neighbour may be chosen as well. */
                    int32_t id = choose_token(&c, logits, n, NULL, 0, 0, position, position % 2 ? 5 : -1).id;
                    if (nearest < 1e-6)
                        continue;
                    n_compared++;
                    if (id != expected)
                        fail_msg("%d tokens, spread %g, setting %zu, position %d: %d, expected %d", n,
                                 (double)spreads[spread], k, position, id, expected);
                }
                close_chooser(&c);
            }
            free(logits);
        }
    if (n_compared < 1500)
        fail_msg("only %d choices were compared", n_compared);
}

/* Chi-square with 99 degrees of freedom: above 160 once in 10,000. */
static void draws_follow_a_long_tail(void **state)
{
    (void)state;
    enum { TOKENS = 100 };
    float logits[TOKENS];
    double expected[TOKENS], total = 0, square = 0;
    int counts[TOKENS] = { 0 };
    for (int i = 0; i < TOKENS; i++) {
        logits[i] = -(float)((i * 37) % TOKENS) * 0.05F;
        total += expected[i] = exp((double)logits[i] / 1.5);
    }
    bora_sampling s = bora_sampling_defaults();
    s.temperature = 1.5F;
    s.seed = 7;
    chooser c = open_chooser(&s, TOKENS, NULL);
    for (int i = 0; i < 4 * DRAWS; i++)
        counts[choose_token(&c, logits, TOKENS, NULL, 0, 0, i, -1).id]++;
    for (int i = 0; i < TOKENS; i++) {
        double want = expected[i] / total * 4 * DRAWS;
        square += (counts[i] - want) * (counts[i] - want) / want;
    }
    if (square > 160)
        fail_msg("chi-square is %g", square);
    close_chooser(&c);
}

static void a_position_has_its_own_number(void **state)
{
    (void)state;
    enum { TOKENS = 400, POSITIONS = 64 };
    float logits[TOKENS];
    uint64_t seed = 99;
    for (int i = 0; i < TOKENS; i++)
        logits[i] = random_normal(&seed);
    bora_sampling s = bora_sampling_defaults();
    s.seed = 3;
    s.top_p = 0.9F;
    s.frequency_penalty = 0.5F;
    s.repetition_penalty = 1.1F;
    s.repeat_last_n = 20;
    s.dry_multiplier = 0.8F;
    chooser c = open_chooser(&s, TOKENS, NULL);
    int32_t tokens[POSITIONS] = { 5, 6 };
    float logprobs[POSITIONS];
    for (int32_t i = 2; i < POSITIONS; i++) {
        bora_token t = choose_token(&c, logits, TOKENS, tokens, i, 2, i - 2, 0);
        tokens[i] = t.id;
        logprobs[i] = t.logprob;
    }
    /* Backwards, with jumps, behind other tokens that are then taken back, and by another sampler. */
    chooser other = open_chooser(&s, TOKENS, NULL);
    for (int32_t i = POSITIONS - 1; i >= 2; i--) {
        int32_t wrong[POSITIONS];
        memcpy(wrong, tokens, sizeof wrong);
        int32_t at = (i * 29) % (POSITIONS - 2) + 2;
        for (int32_t k = at - 1 - i % 4; k < POSITIONS; k++)
            if (k >= 0)
                wrong[k] = (k * 7) % TOKENS;
        choose_token(&c, logits, TOKENS, wrong, POSITIONS - i % 5, 2, 100, -1);
        bora_token t = choose_token(&c, logits, TOKENS, tokens, at, 2, at - 2, 3);
        assert_int_equal(t.id, tokens[at]);
        assert_float_equal(t.logprob, logprobs[at], 0);
        t = choose_token(&other, logits, TOKENS, tokens, at, 2, at - 2, 0);
        assert_int_equal(t.id, tokens[at]);
    }
    close_chooser(&other);
    close_chooser(&c);
}

/* ---- controls that change logits */

/* The likeliest token after the controls. */
static int32_t greedy(bora_sampling s, float logits[N], const int32_t *tokens, int32_t n_tokens)
{
    s.temperature = 0;
    chooser c = open_chooser(&s, N, NULL);
    int32_t id = choose_token(&c, logits, N, tokens, n_tokens, 0, 0, -1).id;
    close_chooser(&c);
    return id;
}

static void biases_add_forbid_and_force(void **state)
{
    (void)state;
    float logits[N] = { 5, 4, 3, 2, 1, 0 };
    bora_sampling s = bora_sampling_defaults();
    s.n_logit_bias = 1;
    s.logit_bias = &(bora_logit_bias){ 1, 1.5F };
    assert_int_equal(greedy(s, logits, NULL, 0), 1);
    s.logit_bias = &(bora_logit_bias){ 1, 0.5F };
    assert_int_equal(greedy(s, logits, NULL, 0), 0);
    s.logit_bias = &(bora_logit_bias){ 0, -100 };
    assert_int_equal(greedy(s, logits, NULL, 0), 1);
    logits[0] = 1e4F; /* far more than a bias */
    assert_int_equal(greedy(s, logits, NULL, 0), 1);
    s.n_logit_bias = 2;
    s.logit_bias = (const bora_logit_bias[]){ { 4, 100 }, { 2, 100 } };
    assert_int_equal(greedy(s, logits, NULL, 0), 2);
    int counts[N];
    logits[4] = 3;
    s.temperature = 1;
    count_draws(s, logits, NULL, 0, counts);
    expect_frequencies(counts, (const double[N]){ 0, 0, 0.5, 0, 0.5, 0 });

    bora_error err = { .code = BORA_OK };
    s.logit_bias = (const bora_logit_bias[]){ { 4, 100 }, { N, 1 } };
    assert_null(sampler_new(&s, N, NULL, &err));
    assert_int_equal(err.code, BORA_USAGE);
    s.logit_bias = (const bora_logit_bias[]){ { 4, 100 }, { 1, 101 } };
    assert_false(bora_sampling_check(&s, NULL));
    s.logit_bias = (const bora_logit_bias[]){ { 4, 100 }, { -1, 1 } };
    assert_false(bora_sampling_check(&s, NULL));
}

static void dry_counts_what_is_repeated(void **state)
{
    (void)state;
    bora_sampling s = bora_sampling_defaults();
    s.dry_multiplier = 1;
    s.dry_base = 2;
    s.dry_allowed_length = 2;
    /* 1 2 3 was said, and 1 2 now: 3 loses 1 * 2^(2 - 2) = 1. */
    const int32_t once[] = { 1, 2, 3, 0, 1, 2 };
    assert_int_equal(greedy(s, (float[N]){ 0, 0, 0, 2, 0, 0.9F }, once, 6), 3);
    assert_int_equal(greedy(s, (float[N]){ 0, 0, 0, 2, 0, 1.1F }, once, 6), 5);
    /* The longest repetition counts: 4 1 2 before 3, so it loses 2. */
    const int32_t longer[] = { 4, 1, 2, 3, 0, 1, 2, 3, 4, 1, 2 };
    assert_int_equal(greedy(s, (float[N]){ 0, 0, 0, 3, 0, 0.9F }, longer, 11), 3);
    assert_int_equal(greedy(s, (float[N]){ 0, 0, 0, 3, 0, 1.1F }, longer, 11), 5);
    s.dry_allowed_length = 4;
    assert_int_equal(greedy(s, (float[N]){ 0, 0, 0, 3, 0, 2.9F }, longer, 11), 3);
    s.dry_allowed_length = 2;
    /* A token again and again, far beyond what a power in floats holds. */
    int32_t *same = malloc(5000 * sizeof *same);
    for (int i = 0; i < 5000; i++)
        same[i] = 3;
    assert_int_equal(greedy(s, (float[N]){ 0, 0, 0, 1e30F, 0, 1 }, same, 5000), 5);
    free(same);
}

/* Lengths of repetitions, found by comparing all with all. */
static void dry_finds_matches_as_comparing_does(void **state)
{
    (void)state;
    uint64_t seed = 4;
    for (int round = 0; round < 300; round++) {
        enum { MOST = 60 };
        int32_t tokens[MOST];
        int32_t n = 2 + (int32_t)(uniform(++seed, 0) * (MOST - 2)), letters = 1 + round % 4;
        for (int32_t i = 0; i < n; i++)
            tokens[i] = (int32_t)(uniform(++seed, 0) * letters);
        int32_t longest[N] = { 0 };
        for (int32_t i = 0; i + 1 < n; i++) {
            int32_t len = 0;
            while (len <= i && tokens[i - len] == tokens[n - 1 - len])
                len++;
            if (len > longest[tokens[i + 1]])
                longest[tokens[i + 1]] = len;
        }
        /* All logits are equal but for the penalties: the order of the tokens tells them. */
        bora_sampling s = bora_sampling_defaults();
        s.temperature = 0;
        s.dry_multiplier = 1;
        s.dry_base = 1.01F;
        s.dry_allowed_length = 1;
        float logits[N] = { 0 };
        for (int32_t i = 0; i < N; i++)
            logits[i] = longest[i] > 0 ? powf(1.01F, (float)(longest[i] - 1)) : 0;
        for (int32_t i = 0; i < N; i++) { /* with its penalty returned and a little more, each is the likeliest */
            logits[i] += 0.005F;
            assert_int_equal(greedy(s, logits, tokens, n), i);
            logits[i] -= 0.01F;
            assert_int_not_equal(greedy(s, logits, tokens, n), i);
            logits[i] += 0.005F;
        }
    }
}

/* A breaker ends what may be repeated, also when it is spread over tokens; and is never kept from being said. */
static void dry_stops_at_breakers(void **state)
{
    (void)state;
    char path[1024];
    bora_error err = { .code = BORA_OK };
    snprintf(path, sizeof path, "%s/tokenizers/gpt2.json", getenv("BORA_FIXTURES"));
    bora_tokenizer *t = bora_tokenizer_load(path, &err);
    if (!t)
        fail_msg("%s", err.message);
    int32_t n_vocab = bora_tokenizer_n_tokens(t);
    float *logits = calloc((size_t)n_vocab, sizeof *logits);
    bora_sampling s = bora_sampling_defaults();
    s.temperature = 0;
    s.dry_multiplier = 1;
    s.dry_allowed_length = 1;
    static const struct {
        const char *text, *next;
        const char *breakers[3];
        bool penalized;
    } cases[] = {
        { "abcab", "c", { NULL }, true },
        { "ab:cab:", "c", { ":", NULL }, false },
        { "ab:cab:", "c", { "b", ":", NULL }, false },
        { "ab:cab", ":", { ":", NULL }, false },
        { "ab:cab", ":", { "x", NULL }, true },
        { "ab:cab:", "c", { "b:", NULL }, false },
        { "abcabcab", "c", { "cab", NULL }, false },
        { "abcabcab", "c", { "cba", "", NULL }, true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t *ids = NULL, *next = NULL;
        size_t n = 0, n_next = 0;
        int32_t tokens[16];
        int32_t n_tokens = 0;
        for (const char *at = cases[i].text; *at; at++) { /* a token for each letter */
            assert_true(bora_tokenizer_encode(t, at, 1, 0, &ids, &n, &err));
            tokens[n_tokens++] = ids[n - 1];
            free(ids);
        }
        assert_true(bora_tokenizer_encode(t, cases[i].next, 1, 0, &next, &n_next, &err));
        s.dry_sequence_breakers = cases[i].breakers;
        chooser c = open_chooser(&s, n_vocab, t);
        logits[next[n_next - 1]] = 0.5F;
        bool chosen = choose_token(&c, logits, n_vocab, tokens, n_tokens, 0, 0, -1).id == next[n_next - 1];
        if (chosen == cases[i].penalized)
            fail_msg("case %zu", i);
        logits[next[n_next - 1]] = 0;
        close_chooser(&c);
        free(next);
    }
    free(logits);
    bora_tokenizer_free(t);
}

/* ---- the loops */

static void loops_have_the_same_bits(void **state)
{
    (void)state;
    const int32_t sizes[] = { 1, 17, 255, 256, 300, 4099 };
    uint64_t seed = 12;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        int32_t n = sizes[k], n_groups = logit_groups(n);
        float *x = malloc((size_t)n * sizeof *x), *maxima = malloc((size_t)n_groups * sizeof *maxima);
        float max = -INFINITY, least = INFINITY;
        for (int32_t i = 0; i < n; i++) {
            x[i] = i % 97 == 5 ? NAN : i % 89 == 7 ? -INFINITY : random_normal(&seed) * 10;
            max = x[i] > max ? x[i] : max;
            least = x[i] < least && x[i] > -INFINITY ? x[i] : least;
        }
        float per_power = logit_per_power(least, max, 0.7F);
        double expected = 0, first = 0;
        for (int32_t i = 0; i < n; i++) {
            double weight = isnan(x[i]) ? 0 : exp(((double)x[i] - (double)max) * 0.7);
            expected += weight;
            assert_float_equal(logit_weight(x[i], max, 0.7F), weight, 1e-6);
        }
        for (int set = 0; set < logit_sets(); set++) {
            assert_float_equal(logit_maxima(set, x, n, maxima), max, 0);
            assert_float_equal(logit_least(set, x, n), least, 0);
            float *again = malloc((size_t)n_groups * sizeof *again);
            for (int32_t g = 0; g < n_groups; g++)
                again[g] = -INFINITY;
            int32_t n_groups_above = 0;
            for (int32_t i = 0; i < n; i++)
                again[logit_group(i)] = x[i] > again[logit_group(i)] ? x[i] : again[logit_group(i)];
            assert_memory_equal(again, maxima, (size_t)n_groups * sizeof *again);
            for (int32_t g = 0; g < n_groups; g++)
                n_groups_above += maxima[g] >= 1;
            assert_int_equal(logit_count(set, maxima, n_groups, 1), n_groups_above);
            free(again);
            double total = logit_total(set, x, n, max, 0.7F);
            assert_true(fabs(total - expected) <= 1e-6 * expected);
            first = set == 0 ? total : first;
            assert_memory_equal(&total, &first, sizeof total);
            for (int32_t i = 0; i < n; i += LOGIT_TILE) {
                float weights[LOGIT_TILE];
                int32_t numbers[LOGIT_TILE], here = n - i < LOGIT_TILE ? n - i : LOGIT_TILE;
                logit_buckets(set, x + i, here, max, 0.7F, per_power, weights, numbers);
                for (int32_t l = 0; l < here; l++) {
                    assert_float_equal(weights[l], logit_weight(x[i + l], max, 0.7F), 0);
                    assert_int_equal(numbers[l], logit_bucket(x[i + l], max, 0.7F, per_power));
                    assert_int_equal(numbers[l] < 0, weights[l] == 0);
                    assert_true(numbers[l] < LOGIT_BUCKETS);
                }
            }
        }
        free(maxima);
        free(x);
    }
    assert_float_equal(logit_weight(3, 3, 1e30F), 1, 0);
    /* The range is used up, whether it is wide or narrow. */
    static const float leasts[] = { -1e30F, -85.9F, -20, -1e-3F };
    for (size_t i = 0; i < sizeof leasts / sizeof *leasts; i++) {
        float per_power = logit_per_power(leasts[i], 0, 1), lowest = leasts[i] > -85.9F ? leasts[i] : -85.9F;
        assert_int_equal(logit_bucket(0, 0, 1, per_power), 0);
        int32_t last = logit_bucket(lowest, 0, 1, per_power);
        assert_true(last < LOGIT_BUCKETS && last > LOGIT_BUCKETS - 10);
    }
    assert_int_equal(logit_bucket(5, 5, 1, logit_per_power(5, 5, 1)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_sampling_follows_the_distribution),
        cmocka_unit_test(cuts_leave_what_they_must),
        cmocka_unit_test(penalties_change_what_was_said),
        cmocka_unit_test(ties_and_nonsense),
        cmocka_unit_test(logprobs_are_those_of_the_model),
        cmocka_unit_test(ranges_are_checked),
        cmocka_unit_test(chooses_what_a_plain_program_chooses),
        cmocka_unit_test(draws_follow_a_long_tail),
        cmocka_unit_test(a_position_has_its_own_number),
        cmocka_unit_test(biases_add_forbid_and_force),
        cmocka_unit_test(dry_counts_what_is_repeated),
        cmocka_unit_test(dry_finds_matches_as_comparing_does),
        cmocka_unit_test(dry_stops_at_breakers),
        cmocka_unit_test(loops_have_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
