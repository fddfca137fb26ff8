/* Sampling: biases and penalties, then temperature, then the candidates that top-k, top-p and min-p leave, in that
 * order; of those, one by its probability. All three leave the first tokens in order of probability: they are lengths.
 */
#include "engine/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/candidates.h"
#include "engine/dry.h"
#include "engine/penalties.h"

/* Candidates that are sorted to begin with: nearly always enough. */
enum { HEAD = 128 };

/* Of a small vocabulary fewer, or all of it would be sorted. */
static int32_t head_of(const candidates *c)
{
    return c->n_groups < 4 * HEAD ? c->n_groups / 4 : HEAD;
}

struct sampler {
    bora_sampling sampling;
    int32_t n_vocab;
    bora_logit_bias *bias; /* [sampling.n_logit_bias] */
    int32_t *only;         /* [n_only]: those with a bias of 100 */
    int32_t n_only;
    penalties penalties;
    dry dry;
    int32_t *known; /* [n_known]: the sequence at the last call, if penalties look back on it */
    int32_t n_known, cap_known;
};

/* A logit as it was. */
typedef struct changed_logit {
    int32_t token;
    float logit;
} changed_logit;

struct sampler_scratch {
    candidates candidates;
    changed_logit *changed; /* [n_changed] */
    int32_t n_changed, cap_changed;
    int32_t *longest; /* [n_vocab], zero: see dry_find() */
    bora_logprob top[BORA_TOP_LOGPROBS_MAX];
};

/* ---- controls */

bora_sampling bora_sampling_defaults(void)
{
    return (bora_sampling){
        .temperature = 1, .top_p = 1, .repetition_penalty = 1, .dry_base = 1.75F, .dry_allowed_length = 2
    };
}

static bool in_range(bora_error *err, const char *name, double value, double min, double max)
{
    if (value >= min && value <= max)
        return true;
    return bora_fail(err, BORA_USAGE, "%s is %g; it must be from %g to %g", name, value, min, max);
}

bool bora_sampling_check(const bora_sampling *s, bora_error *err)
{
    for (int32_t i = 0; i < s->n_logit_bias; i++)
        if (!in_range(err, "token of logit_bias", s->logit_bias[i].token, 0, INT32_MAX) ||
            !in_range(err, "logit_bias", s->logit_bias[i].bias, -100, 100))
            return false;
    return in_range(err, "temperature", s->temperature, 0, 100) && in_range(err, "top_k", s->top_k, 0, INT32_MAX) &&
           in_range(err, "top_p", s->top_p, 0, 1) && in_range(err, "min_p", s->min_p, 0, 1) &&
           in_range(err, "repetition_penalty", s->repetition_penalty, 1e-3, 1000) &&
           in_range(err, "presence_penalty", s->presence_penalty, -1000, 1000) &&
           in_range(err, "frequency_penalty", s->frequency_penalty, -1000, 1000) &&
           in_range(err, "repeat_last_n", s->repeat_last_n, 0, INT32_MAX) &&
           in_range(err, "dry_multiplier", s->dry_multiplier, 0, 1000) &&
           in_range(err, "dry_base", s->dry_base, 1, 1000) &&
           in_range(err, "dry_allowed_length", s->dry_allowed_length, 0, INT32_MAX) &&
           in_range(err, "the number of logit_bias", s->n_logit_bias, 0, INT32_MAX);
}

static bool copy_biases(sampler *s, bora_error *err)
{
    int32_t n = s->sampling.n_logit_bias;
    if (n == 0)
        return true;
    s->bias = malloc((size_t)n * sizeof *s->bias);
    s->only = malloc((size_t)n * sizeof *s->only);
    if (!s->bias || !s->only)
        return bora_fail_memory(err, "logit_bias");
    memcpy(s->bias, s->sampling.logit_bias, (size_t)n * sizeof *s->bias);
    for (int32_t i = 0; i < n; i++) {
        if (s->bias[i].token >= s->n_vocab)
            return bora_fail(err, BORA_USAGE, "logit_bias has token %d; the vocabulary has %d tokens, from 0 on",
                             s->bias[i].token, s->n_vocab);
        if (s->bias[i].bias >= 100)
            s->only[s->n_only++] = s->bias[i].token;
    }
    return true;
}

sampler *sampler_new(const bora_sampling *sampling, int32_t n_vocab, const bora_tokenizer *tokenizer, bora_error *err)
{
    if (!bora_sampling_check(sampling, err))
        return NULL;
    sampler *s = calloc(1, sizeof *s);
    if (!s) {
        bora_fail_memory(err, "a sampler");
        return NULL;
    }
    s->sampling = *sampling;
    s->n_vocab = n_vocab;
    penalties_init(&s->penalties, sampling);
    if (copy_biases(s, err) && dry_init(&s->dry, sampling, tokenizer, err))
        return s;
    sampler_free(s);
    return NULL;
}

void sampler_free(sampler *s)
{
    if (!s)
        return;
    penalties_free(&s->penalties);
    dry_free(&s->dry);
    free(s->bias);
    free(s->only);
    free(s->known);
    free(s);
}

sampler_scratch *sampler_scratch_new(int32_t n_vocab, bora_error *err)
{
    sampler_scratch *scratch = calloc(1, sizeof *scratch);
    int32_t *longest = calloc((size_t)n_vocab, sizeof *longest);
    if (scratch && longest && candidates_init(&scratch->candidates, n_vocab, err)) {
        scratch->longest = longest;
        return scratch;
    }
    if (!scratch || !longest)
        bora_fail_memory(err, "room to choose tokens in");
    free(longest);
    free(scratch);
    return NULL;
}

void sampler_scratch_free(sampler_scratch *scratch)
{
    if (!scratch)
        return;
    candidates_free(&scratch->candidates);
    free(scratch->changed);
    free(scratch->longest);
    free(scratch);
}

/* ---- biases and penalties: few logits change, and they are put back afterwards */

typedef struct adjusting {
    sampler_scratch *scratch;
    float *logits;
    bora_error *err;
} adjusting;

static bool change(adjusting *a, int32_t token, float logit)
{
    sampler_scratch *s = a->scratch;
    if (s->n_changed == s->cap_changed) {
        int32_t cap = s->cap_changed * 2 + 256;
        changed_logit *list = realloc(s->changed, (size_t)cap * sizeof *list);
        if (!list)
            return bora_fail_memory(a->err, "penalties");
        s->changed = list;
        s->cap_changed = cap;
    }
    float before = a->logits[token];
    s->changed[s->n_changed++] = (changed_logit){ token, before };
    a->logits[token] = logit;
    candidates_changed(&s->candidates, token, before);
    return true;
}

static bool repeats(void *ctx, int32_t token, float penalty)
{
    adjusting *a = ctx;
    return change(a, token, a->logits[token] - penalty);
}

/* What was seen of the sequence goes on where it is another one than at the last call. */
static bool look_back(sampler *s, const sampler_place *at, bora_error *err)
{
    int32_t least = at->n_tokens < s->n_known ? at->n_tokens : s->n_known, same = 0;
    if (least > 0 && memcmp(s->known, at->tokens, (size_t)least * sizeof *s->known) == 0)
        same = least;
    while (same < least && s->known[same] == at->tokens[same])
        same++;
    if (at->n_tokens > s->cap_known) {
        int64_t cap = at->n_tokens + (int64_t)at->n_tokens / 2 + 64;
        int32_t *known = realloc(s->known, (size_t)cap * sizeof *known);
        if (!known)
            return bora_fail_memory(err, "the tokens of a sequence");
        s->known = known;
        s->cap_known = cap < INT32_MAX ? (int32_t)cap : INT32_MAX;
    }
    bool ok = !penalties_wanted(&s->penalties) ||
              penalties_follow(&s->penalties, s->known, same, at->tokens, at->n_tokens, at->n_prompt) ||
              bora_fail_memory(err, "penalties");
    ok = ok && (!dry_wanted(&s->dry) || dry_follow(&s->dry, at->tokens, same, at->n_tokens, err));
    s->n_known = ok ? at->n_tokens : 0;
    if (ok && at->n_tokens > same)
        memcpy(s->known + same, at->tokens + same, (size_t)(at->n_tokens - same) * sizeof *s->known);
    return ok;
}

static bool adjust(sampler *s, sampler_scratch *scratch, const sampler_place *at, bora_error *err)
{
    adjusting a = { .scratch = scratch, .logits = at->logits, .err = err };
    bool penalize = penalties_wanted(&s->penalties), ok = true;
    if ((penalize || dry_wanted(&s->dry)) && !look_back(s, at, err))
        return false;
    for (int32_t i = 0; ok && penalize && i < s->penalties.n_seen; i++) {
        const seen_token *t = &s->penalties.seen[i];
        if (t->n > 0 && t->id < s->n_vocab)
            ok = change(&a, t->id, penalties_apply(&s->penalties, t, at->logits[t->id]));
    }
    if (ok && dry_wanted(&s->dry))
        ok = dry_find(&s->dry, at->tokens, scratch->longest, s->n_vocab, repeats, &a, err);
    for (int32_t i = 0; ok && i < s->sampling.n_logit_bias; i++) {
        float bias = s->bias[i].bias, logit = at->logits[s->bias[i].token];
        ok = change(&a, s->bias[i].token, bias > -100 ? logit + bias : -INFINITY);
    }
    candidates_find_max(&scratch->candidates);
    return ok;
}

/* From the last change to the first: a token may have changed twice. */
static void put_back(sampler_scratch *scratch, float *logits)
{
    while (scratch->n_changed > 0) {
        const changed_logit *c = &scratch->changed[--scratch->n_changed];
        logits[c->token] = c->logit;
    }
}

/* ---- the model's own probabilities */

typedef struct own_distribution {
    float max;
    double log_total; /* log of the sum of e^(logit - max) */
} own_distribution;

static float logprob_of(const own_distribution *own, float logit)
{
    if (isinf(own->max)) /* all of it, or all there is */
        return logit == own->max ? 0 : -INFINITY;
    return (float)((double)logit - own->max - own->log_total);
}

/* Of logits that were not changed. */
static own_distribution look_at(sampler_scratch *scratch, int32_t n_top, bora_token *token)
{
    candidates *c = &scratch->candidates;
    own_distribution own = { .max = c->max, .log_total = log(candidates_total(c)) };
    token->top = scratch->top;
    n_top = n_top < BORA_TOP_LOGPROBS_MAX ? n_top : BORA_TOP_LOGPROBS_MAX;
    if (n_top > 0)
        candidates_collect(c, n_top > head_of(c) ? n_top : head_of(c), -INFINITY);
    for (; token->n_top < n_top && token->n_top < c->n_head; token->n_top++) {
        candidate next = c->head[token->n_top];
        scratch->top[token->n_top] = (bora_logprob){ candidate_token(next), logprob_of(&own, candidate_logit(next)) };
    }
    return own;
}

/* ---- choosing */

/* splitmix64 (Steele, Lea and Flood, 2014) at a position of its stream, as a number in [0, 1). */
static double random_at(uint64_t seed, int32_t position)
{
    uint64_t z = seed + ((uint64_t)position + 1) * 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static int32_t draw(const bora_sampling *a, candidates *c, double random)
{
    const double all = INFINITY;
    int64_t k = a->top_k > 0 && a->top_k < c->n_vocab ? a->top_k : INT64_MAX;
    float temperature = a->temperature > 1e-30F ? a->temperature : 1e-30F;
    float floor = a->min_p > 0 ? c->max + (float)(log((double)a->min_p) * temperature) : -INFINITY;
    if (c->n_head == 0)
        candidates_collect(c, k <= 4 * HEAD ? (int32_t)k : head_of(c), k < INT64_MAX ? -INFINITY : floor);
    c->scale = 1 / temperature;
    prefix kept = { .n = INT64_MAX };
    double nucleus = all;
    if (a->top_p < 1)
        nucleus = a->top_p * (k < INT64_MAX ? candidates_prefix(c, all, k, -INFINITY).mass : candidates_total(c));
    if (a->top_p < 1 || k < INT64_MAX || a->min_p > 0)
        kept = candidates_prefix(c, nucleus, k, floor);
    else
        kept.mass = candidates_total(c);
    return candidates_prefix(c, random * kept.mass, kept.n, -INFINITY).last;
}

static bool choose(sampler *s, candidates *c, int32_t position, int32_t *token, bora_error *err)
{
    if (s->n_only > 0) {
        candidates_restrict(c, s->only, s->n_only);
        if (c->n_head == 0)
            return bora_fail(err, BORA_INTERNAL, "the model computed no number for the tokens that logit_bias leaves");
    }
    if (s->sampling.temperature > 0 && !isinf(c->max))
        *token = draw(&s->sampling, c, random_at(s->sampling.seed, position));
    else
        *token = s->n_only > 0 ? candidate_token(c->head[0]) : candidates_likeliest(c);
    return true;
}

static bool start(sampler_scratch *scratch, const float *logits, bora_token *token, bora_error *err)
{
    *token = (bora_token){ 0 };
    if (candidates_start(&scratch->candidates, logits))
        return true;
    return bora_fail(err, BORA_INTERNAL, "the model computed no number for any token");
}

bool sampler_choose(sampler *s, sampler_scratch *scratch, const sampler_place *at, int32_t n_top, bora_token *token,
                    bora_error *err)
{
    own_distribution own;
    if (!start(scratch, at->logits, token, err))
        return false;
    if (n_top >= 0)
        own = look_at(scratch, n_top, token);
    int32_t chosen = 0;
    bool ok = adjust(s, scratch, at, err) && choose(s, &scratch->candidates, at->position, &chosen, err);
    put_back(scratch, at->logits);
    token->id = chosen;
    if (ok && n_top >= 0)
        token->logprob = logprob_of(&own, at->logits[chosen]);
    return ok;
}

bool sampler_given(sampler_scratch *scratch, const float *logits, int32_t id, int32_t n_top, bora_token *token,
                   bora_error *err)
{
    if (!start(scratch, logits, token, err))
        return false;
    own_distribution own = look_at(scratch, n_top, token);
    token->id = id;
    token->logprob = logprob_of(&own, logits[id]);
    return true;
}
