/* Sampling: penalties, then temperature, then the candidates that top-k, top-p and min-p leave, in that order; of
 * those, one by its probability. The same seed and logits give the same tokens. */
#include "engine/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct candidate {
    float logit;
    int32_t id;
    double p;
} candidate;

struct sampler {
    bora_sampling sampling;
    int32_t n_vocab;
    uint64_t state;
    candidate *candidates; /* [n_vocab] */
    int32_t *counts;       /* [n_vocab], zero between calls */
    float *own_logits;     /* [n_vocab] */
};

bora_sampling bora_sampling_defaults(void)
{
    return (bora_sampling){ .temperature = 1, .top_p = 1, .repetition_penalty = 1 };
}

static bool in_range(bora_error *err, const char *name, double value, double min, double max)
{
    if (value >= min && value <= max)
        return true;
    return bora_fail(err, BORA_USAGE, "%s is %g; it must be from %g to %g", name, value, min, max);
}

bool bora_sampling_check(const bora_sampling *s, bora_error *err)
{
    return in_range(err, "temperature", s->temperature, 0, 100) && in_range(err, "top_k", s->top_k, 0, INT32_MAX) &&
           in_range(err, "top_p", s->top_p, 0, 1) && in_range(err, "min_p", s->min_p, 0, 1) &&
           in_range(err, "repetition_penalty", s->repetition_penalty, 1e-3, 1000) &&
           in_range(err, "presence_penalty", s->presence_penalty, -1000, 1000) &&
           in_range(err, "frequency_penalty", s->frequency_penalty, -1000, 1000) &&
           in_range(err, "repeat_last_n", s->repeat_last_n, 0, INT32_MAX);
}

sampler *sampler_new(const bora_sampling *sampling, int32_t n_vocab, bora_error *err)
{
    if (!bora_sampling_check(sampling, err))
        return NULL;
    sampler *s = calloc(1, sizeof *s);
    if (s) {
        *s = (sampler){ .sampling = *sampling, .n_vocab = n_vocab, .state = sampling->seed };
        s->candidates = malloc((size_t)n_vocab * sizeof *s->candidates);
        s->counts = calloc((size_t)n_vocab, sizeof *s->counts);
        s->own_logits = malloc((size_t)n_vocab * sizeof *s->own_logits);
    }
    if (s && s->candidates && s->counts && s->own_logits)
        return s;
    sampler_free(s);
    bora_fail_memory(err, "a sampler");
    return NULL;
}

void sampler_free(sampler *s)
{
    if (!s)
        return;
    free(s->candidates);
    free(s->counts);
    free(s->own_logits);
    free(s);
}

/* splitmix64, as a number in [0, 1). */
static double next_random(sampler *s)
{
    uint64_t z = s->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static void penalize(sampler *s, float *logits, const int32_t *tokens, int32_t n_tokens, int32_t n_prompt)
{
    const bora_sampling *a = &s->sampling;
    int32_t first = a->repeat_last_n > 0 && n_tokens > a->repeat_last_n ? n_tokens - a->repeat_last_n : 0;
    for (int32_t i = first; i < n_tokens; i++) {
        int32_t id = tokens[i];
        if (id < s->n_vocab && s->counts[id]++ == 0)
            logits[id] = logits[id] > 0 ? logits[id] / a->repetition_penalty : logits[id] * a->repetition_penalty;
    }
    for (int32_t i = first; i < n_tokens; i++)
        if (tokens[i] < s->n_vocab)
            s->counts[tokens[i]] = 0;
    first = first > n_prompt ? first : n_prompt;
    for (int32_t i = first; i < n_tokens; i++) {
        int32_t id = tokens[i];
        if (id >= s->n_vocab)
            continue;
        if (s->counts[id]++ == 0)
            logits[id] -= a->presence_penalty;
        logits[id] -= a->frequency_penalty;
    }
    for (int32_t i = first; i < n_tokens; i++)
        if (tokens[i] < s->n_vocab)
            s->counts[tokens[i]] = 0;
}

/* The likeliest token, of equals the first; -1 when no logit is a number. */
static int32_t argmax(const float *logits, int32_t n)
{
    int32_t best = -1;
    for (int32_t i = 0; i < n; i++)
        if (!isnan(logits[i]) && (best < 0 || logits[i] > logits[best]))
            best = i;
    return best;
}

static int by_logit(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit > y->logit ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* Keeps the k largest of n in front, in any order: quickselect with the middle as pivot. */
static void select_top(candidate *c, int32_t n, int32_t k)
{
    int32_t low = 0, high = n - 1;
    while (low < high) {
        candidate pivot = c[low + (high - low) / 2];
        int32_t i = low, j = high;
        while (i <= j) {
            while (by_logit(&c[i], &pivot) < 0)
                i++;
            while (by_logit(&c[j], &pivot) > 0)
                j--;
            if (i <= j) {
                candidate t = c[i];
                c[i++] = c[j];
                c[j--] = t;
            }
        }
        if (k <= j)
            high = j;
        else if (k > i)
            low = i;
        else
            return;
    }
}

static void set_probabilities(candidate *c, int32_t n, float max, float temperature)
{
    double total = 0;
    for (int32_t i = 0; i < n; i++)
        total += c[i].p = exp((double)(c[i].logit - max) / temperature);
    for (int32_t i = 0; i < n; i++)
        c[i].p /= total;
}

/* Cuts the candidates down; returns how many are left, likeliest first. */
static int32_t narrow(const sampler *s, candidate *c, int32_t n, float max)
{
    const bora_sampling *a = &s->sampling;
    if (a->top_k > 0 && a->top_k < n) {
        select_top(c, n, a->top_k);
        n = a->top_k;
    }
    set_probabilities(c, n, max, a->temperature);
    double likeliest = 0;
    for (int32_t i = 0; i < n; i++)
        likeliest = c[i].p > likeliest ? c[i].p : likeliest;
    /* Whatever is below (1 - top_p) / n cannot be part of the nucleus unless all of it is: no need to sort it. */
    double floor = a->top_p < 1 && n > 1 ? (1.0 - a->top_p) / (n - 1) : 0;
    double least = a->min_p * likeliest > floor ? a->min_p * likeliest : floor;
    int32_t kept = 0;
    for (int32_t i = 0; i < n; i++)
        if (c[i].p >= least || c[i].p == likeliest)
            c[kept++] = c[i];
    qsort(c, (size_t)kept, sizeof *c, by_logit);
    double sum = 0;
    for (int32_t i = 0; i < kept; i++) {
        sum += c[i].p;
        if (sum >= a->top_p && a->top_p < 1)
            return i + 1;
    }
    return kept;
}

/* log of the sum of exp(logits), what turns a logit into a logprob. */
static double log_total(const float *logits, int32_t n, float max)
{
    double total = 0;
    for (int32_t i = 0; i < n; i++)
        total += isnan(logits[i]) ? 0 : exp((double)logits[i] - max);
    return max + log(total);
}

static int32_t draw(sampler *s, const float *logits, float max)
{
    candidate *c = s->candidates;
    int32_t n = 0;
    for (int32_t i = 0; i < s->n_vocab; i++)
        if (!isnan(logits[i]))
            c[n++] = (candidate){ .logit = logits[i], .id = i };
    n = narrow(s, c, n, max);
    double total = 0;
    for (int32_t i = 0; i < n; i++)
        total += c[i].p;
    double at = next_random(s) * total;
    for (int32_t i = 0; i < n; i++)
        if ((at -= c[i].p) < 0)
            return c[i].id;
    return c[n - 1].id;
}

bool sampler_choose(sampler *s, float *logits, const int32_t *tokens, int32_t n_tokens, int32_t n_prompt,
                    int32_t *token, float *logprob, bora_error *err)
{
    const bora_sampling *a = &s->sampling;
    int32_t best = argmax(logits, s->n_vocab);
    if (best < 0)
        return bora_fail(err, BORA_INTERNAL, "the model computed no number for any token");
    bool penalties = a->repetition_penalty != 1 || a->presence_penalty != 0 || a->frequency_penalty != 0;
    double own_total = logprob ? log_total(logits, s->n_vocab, logits[best]) : 0;
    if (logprob && (penalties || a->temperature > 0)) /* the token is not known yet, and the logits will change */
        memcpy(s->own_logits, logits, (size_t)s->n_vocab * sizeof *logits);
    const float *own = logprob && (penalties || a->temperature > 0) ? s->own_logits : logits;
    if (penalties) {
        penalize(s, logits, tokens, n_tokens, n_prompt);
        best = argmax(logits, s->n_vocab);
        if (best < 0)
            return bora_fail(err, BORA_INTERNAL, "the penalties left no token");
    }
    bool greedy = a->temperature == 0 || isinf(logits[best]);
    *token = greedy ? best : draw(s, logits, logits[best]);
    if (logprob)
        *logprob = (float)(own[*token] - own_total);
    return true;
}
