/* The searches behind quantize: given a group of numbers x and the weight w of each one's squared error, which scale
 * (and which offset) leaves the least error once every number is rounded to an integer code?
 *
 * A closed form gives the best scale for known codes, and rounding gives the codes for a known scale; each search tries
 * a few scales around the obvious one and keeps what fits best. The order of every sum and product here is ggml's,
 * because the codes, and with them the bytes of a file, depend on the last bit of each.
 *
 * Infinities and NaNs are legal everywhere: codes stay in range, the scale may become infinite or NaN. */
#ifndef GGML_SEARCH_H
#define GGML_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "half.h"
#include "lanes.h"

enum { MAX_GROUP = 32 }; /* the longest group that a search takes */

/* A group whose largest magnitude is below this is stored as zeros. */
#define NEGLIGIBLE 1e-15f

/* The integer nearest to f, ties to even, for |f| <= 2^22. Defined for every f: what is larger, infinite or NaN gives
 * some integer of at most 23 bits. */
static inline int nearest_int(float f)
{
    return (int)(float_bits(f + 0x1.8p23f) & 0x7fffffu) - 0x400000;
}

static inline int clamp_int(int v, int lowest, int highest)
{
    return v < lowest ? lowest : v > highest ? highest : v;
}

float sum_of_squares(const float *x, size_t n);

/* weights[i] = importance[i] * sqrt(mean_square + x[i]^2), the weights that go with an importance; returns their sum.
 */
float weigh(const float *x, const float *importance, float mean_square, size_t n, float *weights);

/* The number in x with the largest magnitude, with its sign; 0 for zeros and NaNs alone. */
float signed_peak(const float *x, size_t n);

/* Two searches take LANES groups of n numbers at once, one after the other in x, weights and codes. */

/* x ~ scale * (code - half_range), codes in [0, 2 half_range). Tries 19 scales. */
void search_signed(const float *x, const float *weights, int n, int half_range, uint8_t *codes, float scales[LANES]);

/* Inverse scales tried by search_offset(): (max_code + first + step * i) / range for i in [0, n_steps]. */
typedef struct offset_trials {
    float first, step;
    int n_steps;
    bool absolute; /* the error is |miss|, not its square */
} offset_trials;

extern const offset_trials weighted_trials; /* those that go with an importance */

/* x ~ scale * code + offset with offset <= 0, codes in [0, max_code]. */
void search_offset(const float *x, const float *weights, int n, int max_code, const offset_trials *trials,
                   uint8_t *codes, float scales[LANES], float offsets[LANES]);

/* Two take one group. */

/* As search_signed(), weighing by x^2. Returns the scale: starts from one scale and then moves one code at a time. */
float descend_signed(const float *x, int n, int half_range, uint8_t *codes);

/* x ~ scale * code for x >= 0, codes in [0, max_code]. Returns the scale. */
float search_unsigned(const float *x, const float *weights, int n, int max_code, uint8_t *codes);

#endif
