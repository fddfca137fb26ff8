/* The tokens of a vocabulary in order of probability, as far as somebody wants to know: nothing sorts 150,000 logits.
 *
 * A look at the largest logit of each group of sixteen gives a bound above which lie as many tokens as are wanted, and
 * hardly more: these are collected and sorted, and with most distributions that is all. Where it is not (a high
 * temperature, a large top-k), the rest of the vocabulary is counted into buckets by its distance from the largest
 * logit, and only the bucket is sorted in which the search ends. */
#ifndef BORA_ENGINE_CANDIDATES_H
#define BORA_ENGINE_CANDIDATES_H

#include <bora/error.h>

#include "engine/logit_loops.h"

/* A token that sorts by its logit, from the largest on; of equals the lower id comes first. */
typedef uint64_t candidate;

candidate candidate_make(float logit, int32_t token);
float candidate_logit(candidate c);
static inline int32_t candidate_token(candidate c)
{
    return (int32_t)(uint32_t)c;
}

/* The candidates of one row of logits, and the memory for it, which is used for one row after the other. */
typedef struct candidates {
    int set; /* of instructions: see logit_loops.h */
    int32_t n_vocab, n_groups;
    float *maxima; /* [n_groups] */
    float max;     /* the largest logit */
    bool max_gone; /* it was changed */
    /* The weight of a token is e^((logit - max) scale). */
    float scale;
    double total; /* of the weights, with this scale; 0: not known */
    float total_scale;
    const float *logits; /* [n_vocab] */
    candidate *head;     /* [n_head] of n_vocab: the likeliest tokens in order */
    candidate *spare;    /* [n_vocab], for sorting */
    int32_t n_head;
    float head_floor; /* all tokens with logits of this and above are in the head; NaN: there is no head */
    double *mass;     /* the weights in each bucket, and how many there are */
    int32_t *counts;
    int16_t *buckets; /* [n_vocab], -1 where the weight is 0 */
    float least;      /* the smallest logit above -infinity, and buckets for a power of 2 of the weight */
    float per_power;
    bool counted; /* the buckets are filled */
} candidates;

bool candidates_init(candidates *c, int32_t n_vocab, bora_error *err);
void candidates_free(candidates *c);

/* Begins with a row of logits. False when no logit is a number. */
bool candidates_start(candidates *c, const float *logits);
/* A logit has changed. After all of them: candidates_find_max(). */
void candidates_changed(candidates *c, int32_t token, float before);
void candidates_find_max(candidates *c);
/* The likeliest token, of equals the first. */
int32_t candidates_likeliest(const candidates *c);
/* Puts the `n` likeliest tokens in order into the head (and perhaps more), but for those with logits below `floor`. */
void candidates_collect(candidates *c, int32_t n, float floor);
/* Only these tokens count: they are the head. NaN is left out. */
void candidates_restrict(candidates *c, const int32_t *tokens, int32_t n);

/* A place in the order: how many tokens there are up to it (at least one), the last of them, their weights. */
typedef struct prefix {
    int64_t n;
    int32_t last;
    double mass;
} prefix;

/* The shortest prefix that has the mass or the count; at most that of the tokens with logits from `floor` on. */
prefix candidates_prefix(candidates *c, double mass, int64_t count, float floor);
/* The weights of all tokens. */
double candidates_total(candidates *c);

#endif
