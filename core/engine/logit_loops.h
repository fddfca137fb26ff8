/* The loops over all logits of a vocabulary: compiled for each instruction set, chosen at run time, with the same bits
 * from all. */
#ifndef BORA_ENGINE_LOGIT_LOOPS_H
#define BORA_ENGINE_LOGIT_LOOPS_H

#include <stdint.h>

/* Logits in tiles of 256. A group is 16 of a tile: those at l, l + 16, l + 32, … of it; so the largest of a group is in
 * one lane of a vector, and is found without comparing neighbours. */
enum { LOGIT_TILE = 256, LOGIT_LANES = 16 };

static inline int32_t logit_groups(int32_t n)
{
    return (n - 1) / LOGIT_TILE * LOGIT_LANES + LOGIT_LANES;
}

static inline int32_t logit_group(int32_t i)
{
    return i / LOGIT_TILE * LOGIT_LANES + i % LOGIT_LANES;
}

/* The first of a group; the others follow at distances of LOGIT_LANES, to the end of the tile or of the logits. */
static inline int32_t logit_group_start(int32_t group)
{
    return group / LOGIT_LANES * LOGIT_TILE + group % LOGIT_LANES;
}

/* How many of the instruction sets that there are loops for this processor has: `set` is 0 … logit_sets() - 1, and the
 * last is the fastest. */
int logit_sets(void);
/* The largest of each group of x [n], maxima [logit_groups(n)], and of all; NaN is passed over, and of nothing the
 * largest is -infinity. */
float logit_maxima(int set, const float *x, int32_t n, float *maxima);
/* How many of maxima [n_groups] are at least `least`; n_groups is a multiple of LOGIT_LANES. */
int32_t logit_count(int set, const float *maxima, int32_t n_groups, float least);
/* e^((x - max) scale), where `max` is the largest x: in float, right to 2e-7 + 2e-7 |(x - max) scale|, which is all the
 * same for the sum. 0 for NaN, and where it is below e^-85, which no sum of floats would notice. */
float logit_weight(float x, float max, float scale);
/* The sum of the weights. */
double logit_total(int set, const float *x, int32_t n, float max, float scale);
/* The smallest x above -infinity; NaN is passed over, and of nothing it is infinity. */
float logit_least(int set, const float *x, int32_t n);
/* Weights from that of `max` down to that of `least` (no logit is between this and -infinity), or down to 0, are
 * divided into buckets evenly by their logarithms. This is how many there are for a power of 2. */
enum { LOGIT_BUCKETS = 4096 };
float logit_per_power(float least, float max, float scale);
/* The bucket of a weight, -1 for 0. */
int32_t logit_bucket(float x, float max, float scale, float per_power);
/* Weights and buckets of x [n], n <= LOGIT_TILE, both [LOGIT_TILE]. */
void logit_buckets(int set, const float *x, int32_t n, float max, float scale, float per_power, float *weights,
                   int32_t *numbers);

#endif
