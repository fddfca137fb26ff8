#include "engine/candidates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUN = 8 };

candidate candidate_make(float logit, int32_t token)
{
    uint32_t bits;
    logit += 0.0F; /* -0 is 0 */
    memcpy(&bits, &logit, sizeof bits);
    bits = bits >> 31 ? ~bits : bits | 0x80000000U; /* ordered like the numbers */
    return (candidate)~bits << 32 | (uint32_t)token;
}

float candidate_logit(candidate c)
{
    uint32_t bits = ~(uint32_t)(c >> 32);
    bits = bits >> 31 ? bits & 0x7fffffffU : ~bits;
    float logit;
    memcpy(&logit, &bits, sizeof logit);
    return logit;
}

bool candidates_init(candidates *c, int32_t n_vocab, bora_error *err)
{
    size_t n = (size_t)n_vocab;
    *c = (candidates){ .set = logit_sets() - 1, .n_vocab = n_vocab, .n_groups = logit_groups(n_vocab) };
    c->maxima = malloc((size_t)c->n_groups * sizeof *c->maxima);
    c->head = malloc(n * sizeof *c->head);
    c->spare = malloc(n * sizeof *c->spare);
    c->mass = malloc(LOGIT_BUCKETS * sizeof *c->mass);
    c->counts = malloc(LOGIT_BUCKETS * sizeof *c->counts);
    c->buckets = malloc(n * sizeof *c->buckets);
    if (c->maxima && c->head && c->spare && c->mass && c->counts && c->buckets)
        return true;
    candidates_free(c);
    return bora_fail_memory(err, "candidates for the next token");
}

void candidates_free(candidates *c)
{
    free(c->maxima);
    free(c->head);
    free(c->spare);
    free(c->mass);
    free(c->counts);
    free(c->buckets);
    *c = (candidates){ 0 };
}

static void forget_order(candidates *c)
{
    c->n_head = 0;
    c->head_floor = NAN;
    c->counted = false;
    c->total = 0;
}

bool candidates_start(candidates *c, const float *logits)
{
    c->logits = logits;
    c->scale = 1;
    c->max_gone = false;
    c->max = logit_maxima(c->set, logits, c->n_vocab, c->maxima);
    forget_order(c);
    for (int32_t i = 0; isinf(c->max) && c->max < 0; i++) {
        if (i == c->n_vocab)
            return false;
        if (!isnan(logits[i]))
            break;
    }
    return true;
}

/* For each `token` of a group. */
#define EACH_OF_GROUP(c, group, token)                                                                                 \
    for (int32_t token = logit_group_start(group), token##_end = token - token % LOGIT_LANES + LOGIT_TILE;             \
         token < token##_end && token < (c)->n_vocab; token += LOGIT_LANES)

void candidates_changed(candidates *c, int32_t changed, float before)
{
    int32_t group = logit_group(changed);
    float most = c->maxima[group], now = c->logits[changed];
    forget_order(c);
    if (now >= most) {
        c->maxima[group] = now;
        c->max = now > c->max ? now : c->max;
    } else if (before == most) {
        c->maxima[group] = -INFINITY;
        EACH_OF_GROUP(c, group, token)
        c->maxima[group] = c->logits[token] > c->maxima[group] ? c->logits[token] : c->maxima[group];
        c->max_gone = c->max_gone || most == c->max;
    }
}

void candidates_find_max(candidates *c)
{
    if (!c->max_gone)
        return;
    c->max_gone = false;
    c->max = -INFINITY;
    for (int32_t g = 0; g < c->n_groups; g++)
        c->max = c->maxima[g] > c->max ? c->maxima[g] : c->max;
}

int32_t candidates_likeliest(const candidates *c)
{
    int32_t best = INT32_MAX;
    for (int32_t g = 0; g < c->n_groups; g++)
        if (c->maxima[g] == c->max)
            EACH_OF_GROUP(c, g, token)
    if (c->logits[token] == c->max) {
        best = token < best ? token : best;
        break;
    }
    return best;
}

/* ---- sorting */

static void merge(const candidate *a, int32_t n_a, const candidate *b, int32_t n_b, candidate *out)
{
    while (n_a > 0 && n_b > 0) {
        bool first = *a < *b;
        *out++ = first ? *a : *b;
        a += first;
        n_a -= first;
        b += !first;
        n_b -= !first;
    }
    memcpy(out, n_a > 0 ? a : b, (size_t)(n_a > 0 ? n_a : n_b) * sizeof *out);
}

/* Runs of eight by insertion, then merged from one list to the other and back. */
static void sort_head(candidates *c)
{
    int32_t n = c->n_head;
    for (int32_t run = 0; run < n; run += RUN)
        for (int32_t i = run + 1; i < n && i < run + RUN; i++) {
            candidate x = c->head[i];
            int32_t k = i;
            for (; k > run && x < c->head[k - 1]; k--)
                c->head[k] = c->head[k - 1];
            c->head[k] = x;
        }
    for (int32_t width = RUN; width < n; width *= 2) {
        for (int32_t i = 0; i < n; i += 2 * width) {
            int32_t n_a = n - i < width ? n - i : width, n_b = n - i - n_a < width ? n - i - n_a : width;
            merge(c->head + i, n_a, c->head + i + n_a, n_b, c->spare + i);
        }
        candidate *sorted = c->spare;
        c->spare = c->head;
        c->head = sorted;
    }
}

/* ---- the head */

/* The highest bound (nearly: twice as many will do) that as many groups reach as are wanted. */
static float find_bound(const candidates *c, int32_t n)
{
    if (n >= c->n_groups)
        return -INFINITY;
    uint32_t low = (uint32_t)(candidate_make(c->max, 0) >> 32), high = (uint32_t)(candidate_make(-INFINITY, 0) >> 32);
    for (;;) { /* `high` is low enough a bound; keys grow as logits fall */
        float bound = candidate_logit((candidate)high << 32);
        if (high - low <= 1)
            return bound;
        uint32_t middle = low + (high - low) / 2;
        bound = candidate_logit((candidate)middle << 32);
        int32_t hits = logit_count(c->set, c->maxima, c->n_groups, bound);
        if (hits >= n && hits <= 2 * n)
            return bound;
        if (hits >= n)
            high = middle;
        else
            low = middle;
    }
}

void candidates_collect(candidates *c, int32_t n, float floor)
{
    float bound = find_bound(c, n);
    c->head_floor = bound > floor ? bound : floor;
    c->n_head = 0;
    for (int32_t g = 0; g < c->n_groups; g++)
        if (c->maxima[g] >= c->head_floor)
            EACH_OF_GROUP(c, g, token)
    if (c->logits[token] >= c->head_floor)
        c->head[c->n_head++] = candidate_make(c->logits[token], token);
    sort_head(c);
}

void candidates_restrict(candidates *c, const int32_t *tokens, int32_t n)
{
    c->n_head = 0;
    for (int32_t i = 0; i < n; i++)
        if (!isnan(c->logits[tokens[i]]))
            c->head[c->n_head++] = candidate_make(c->logits[tokens[i]], tokens[i]);
    c->head_floor = -INFINITY;
    sort_head(c);
    c->max = c->n_head > 0 ? candidate_logit(c->head[0]) : NAN;
}

/* ---- prefixes */

static bool has_all(const candidates *c)
{
    return isinf(c->head_floor) && c->head_floor < 0;
}

/* Goes on along the head until one of the three ends it; false when the head ends first. */
static bool walk(const candidates *c, double mass, int64_t count, float floor, prefix *p)
{
    for (int32_t i = 0; i < c->n_head; i++) {
        float logit = candidate_logit(c->head[i]);
        if (logit < floor)
            return true;
        p->n++;
        p->last = candidate_token(c->head[i]);
        p->mass += (double)logit_weight(logit, c->max, c->scale);
        if (p->mass >= mass || p->n >= count)
            return true;
    }
    return false;
}

static void count_buckets(candidates *c)
{
    c->least = logit_least(c->set, c->logits, c->n_vocab);
    c->per_power = logit_per_power(c->least, c->max, c->scale);
    memset(c->mass, 0, LOGIT_BUCKETS * sizeof *c->mass);
    memset(c->counts, 0, LOGIT_BUCKETS * sizeof *c->counts);
    for (int32_t i = 0; i < c->n_vocab; i += LOGIT_TILE) {
        float weights[LOGIT_TILE];
        int32_t n = c->n_vocab - i < LOGIT_TILE ? c->n_vocab - i : LOGIT_TILE, numbers[LOGIT_TILE];
        logit_buckets(c->set, c->logits + i, n, c->max, c->scale, c->per_power, weights, numbers);
        for (int32_t k = 0; k < n; k++) {
            c->buckets[i + k] = (int16_t)numbers[k];
            if (numbers[k] < 0)
                continue;
            c->mass[numbers[k]] += (double)weights[k];
            c->counts[numbers[k]]++;
        }
    }
    c->counted = true;
}

static void collect_bucket(candidates *c, int32_t bucket)
{
    c->n_head = 0;
    c->head_floor = NAN;
    for (int32_t i = 0; i < c->n_vocab; i += LOGIT_TILE) {
        int32_t n = c->n_vocab - i < LOGIT_TILE ? c->n_vocab - i : LOGIT_TILE;
        int16_t any = 0;
        for (int32_t k = 0; k < n; k++)
            any |= c->buckets[i + k] == bucket;
        for (int32_t k = 0; any && k < n; k++)
            if (c->buckets[i + k] == bucket)
                c->head[c->n_head++] = candidate_make(c->logits[i + k], i + k);
    }
    sort_head(c);
}

prefix candidates_prefix(candidates *c, double mass, int64_t count, float floor)
{
    prefix p = { .last = -1 };
    bool head = c->n_head > 0 && !isnan(c->head_floor);
    if (head && (walk(c, mass, count, floor, &p) || c->head_floor <= floor || has_all(c)))
        return p;
    if (!c->counted)
        count_buckets(c);
    p = (prefix){ .last = -1 };
    /* The last with logits from `floor` on; a floor below all logits is in none. */
    int32_t last_bucket = floor >= c->least ? logit_bucket(floor, c->max, c->scale, c->per_power) : -1;
    if (last_bucket < 0)
        last_bucket = LOGIT_BUCKETS - 1;
    for (int32_t b = 0; b <= last_bucket; b++) {
        if (c->counts[b] == 0)
            continue;
        if (b < last_bucket && p.mass + c->mass[b] < mass && p.n + c->counts[b] < count) {
            p.mass += c->mass[b];
            p.n += c->counts[b];
            continue;
        }
        collect_bucket(c, b);
        if (walk(c, mass, count, floor, &p))
            return p;
    }
    /* Sums in another order may be less by a rounding than what was asked for: then it is the last one. */
    for (int32_t b = last_bucket; p.last < 0 && b >= 0; b--)
        if (c->counts[b] > 0) {
            collect_bucket(c, b);
            p.last = candidate_token(c->head[c->n_head - 1]);
        }
    return p;
}

double candidates_total(candidates *c)
{
    if (has_all(c))
        return candidates_prefix(c, INFINITY, INT64_MAX, -INFINITY).mass;
    if (c->total == 0 || c->total_scale != c->scale)
        c->total = logit_total(c->set, c->logits, c->n_vocab, c->max, c->scale);
    c->total_scale = c->scale;
    return c->total;
}
