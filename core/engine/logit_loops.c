/* See logit_loops.h. Vectors are sixteen floats, one definition for each instruction set; nothing is contracted, every
 * number is alone in its lane, and lanes are added in one order. */
#include "engine/logit_loops.h"

#include <math.h>
#include <string.h>

typedef float lanes __attribute__((vector_size(64)));
typedef int32_t int_lanes __attribute__((vector_size(64)));
typedef uint32_t bit_lanes __attribute__((vector_size(64)));
typedef double double_lanes __attribute__((vector_size(128)));
typedef float lanes_at __attribute__((vector_size(64), aligned(1), may_alias));

#define INLINE static inline __attribute__((always_inline))
#define LOAD(p) (*(const lanes_at *)(const void *)(p))
#define STORE(p, x) (*(lanes_at *)(void *)(p) = (x))

enum { TILE_VECTORS = LOGIT_TILE / LOGIT_LANES };

/* e^x for x from -86 to 0, else 0, as 2^y = 2^n 2^r with |r| at most a half: `scale` has log2(e) in it. The polynomial
 * is the best of its degree for the relative error (2e-7 with its roundings), and 1 at 0. */
#define LEAST (-124.0F)  /* as a power of 2 */
#define ROUND 0x1.8p+23F /* added and taken away, it rounds */
#define POLYNOMIAL(r)                                                                                                  \
    (((((0x1.5bb9fcp-10F * (r) + 0x1.3cea9ep-7F) * (r) + 0x1.c6b754p-5F) * (r) + 0x1.ebf9bcp-3F) * (r) +               \
      0x1.62e42ap-1F) *                                                                                                \
         (r) +                                                                                                         \
     1)

static float in_powers_of_2(float scale)
{
    return scale * 0x1.715476p+0F;
}

/* The bits of 2^n e^r where y is in range, else 0; for a float and for lanes of them. */
INLINE lanes power_lanes(lanes y)
{
    lanes shifted = y + ROUND, r = y - (shifted - ROUND), p = POLYNOMIAL(r);
    bit_lanes power = (bit_lanes)p + ((bit_lanes)shifted << 23);
    return (lanes)(power & (bit_lanes)(y >= LEAST));
}

float logit_weight(float x, float max, float scale)
{
    float y = (x - max) * in_powers_of_2(scale);
    float shifted = y + ROUND, r = y - (shifted - ROUND), p = POLYNOMIAL(r), weight;
    uint32_t bits, exponent;
    memcpy(&bits, &p, sizeof bits);
    memcpy(&exponent, &shifted, sizeof exponent);
    bits += exponent << 23;
    memcpy(&weight, &bits, sizeof weight);
    return y >= LEAST ? weight : 0;
}

/* What there is of the last tile, filled up with what counts for nothing. */
__attribute__((noinline)) static void fill_tile(const float *x, int32_t n, float tile[LOGIT_TILE])
{
    for (int32_t i = 0; i < LOGIT_TILE; i++)
        tile[i] = i < n ? x[i] : -INFINITY;
}

/* The larger of two, the second where the first is NaN. */
INLINE lanes larger(lanes a, lanes b)
{
    int_lanes more = a > b;
    return (lanes)((more & (int_lanes)a) | (~more & (int_lanes)b));
}

/* Four maxima at a time, because each has to wait for the one before. */
INLINE lanes tile_maxima(const float *x)
{
    lanes m[4];
    for (int k = 0; k < 4; k++) {
        m[k] = (lanes){ 0 } - INFINITY;
        for (int v = k; v < TILE_VECTORS; v += 4)
            m[k] = larger(LOAD(x + v * LOGIT_LANES), m[k]);
    }
    return larger(larger(m[0], m[1]), larger(m[2], m[3]));
}

INLINE float maxima(const float *x, int32_t n, float *out)
{
    lanes most = (lanes){ 0 } - INFINITY;
    for (; n > 0; n -= LOGIT_TILE, x += LOGIT_TILE, out += LOGIT_LANES) {
        float rest[LOGIT_TILE];
        if (n < LOGIT_TILE)
            fill_tile(x, n, rest);
        lanes m = tile_maxima(n < LOGIT_TILE ? rest : x);
        STORE(out, m);
        most = larger(m, most);
    }
    float max = most[0];
    for (int l = 1; l < LOGIT_LANES; l++)
        max = most[l] > max ? most[l] : max;
    return max;
}

INLINE int32_t count(const float *x, int32_t n, float least)
{
    int_lanes hits = { 0 };
    for (int32_t i = 0; i < n; i += LOGIT_LANES)
        hits -= LOAD(x + i) >= least;
    int32_t sum = 0;
    for (int l = 0; l < LOGIT_LANES; l++)
        sum += hits[l];
    return sum;
}

INLINE double total(const float *x, int32_t n, float max, float scale)
{
    double_lanes sums = { 0 };
    for (; n > 0; n -= LOGIT_TILE, x += LOGIT_TILE) {
        float rest[LOGIT_TILE];
        if (n < LOGIT_TILE)
            fill_tile(x, n, rest);
        const float *tile = n < LOGIT_TILE ? rest : x;
        lanes sum[4] = { 0 };
        for (int v = 0; v < TILE_VECTORS; v += 4)
            for (int k = 0; k < 4; k++)
                sum[k] += power_lanes((LOAD(tile + (v + k) * LOGIT_LANES) - max) * scale);
        sums += __builtin_convertvector((sum[0] + sum[1]) + (sum[2] + sum[3]), double_lanes);
    }
    double sum = 0;
    for (int l = 0; l < LOGIT_LANES; l++)
        sum += sums[l];
    return sum;
}

INLINE void buckets(const float *x, float max, float scale, float per_power, float *weights, int32_t *numbers)
{
    for (int v = 0; v < TILE_VECTORS; v++) {
        lanes y = (LOAD(x + v * LOGIT_LANES) - max) * scale;
        int_lanes valid = y >= LEAST;
        lanes distance = (lanes)((int_lanes)(y * -per_power) & valid);
        int_lanes number = __builtin_convertvector(distance, int_lanes) | ~valid;
        STORE(weights + v * LOGIT_LANES, power_lanes(y));
        memcpy(numbers + v * LOGIT_LANES, &number, sizeof number);
    }
}

INLINE float least(const float *x, int32_t n)
{
    const lanes nothing = (lanes){ 0 } + INFINITY;
    lanes least = nothing;
    for (; n > 0; n -= LOGIT_TILE, x += LOGIT_TILE) {
        float rest[LOGIT_TILE];
        if (n < LOGIT_TILE)
            fill_tile(x, n, rest);
        const float *tile = n < LOGIT_TILE ? rest : x;
        for (int v = 0; v < TILE_VECTORS; v++) {
            lanes y = LOAD(tile + v * LOGIT_LANES);
            int_lanes less = (y < least) & (y > -nothing);
            least = (lanes)((less & (int_lanes)y) | (~less & (int_lanes)least));
        }
    }
    float all = least[0];
    for (int l = 1; l < LOGIT_LANES; l++)
        all = least[l] < all ? least[l] : all;
    return all;
}

typedef struct logit_loops {
    float (*maxima)(const float *x, int32_t n, float *out);
    int32_t (*count)(const float *x, int32_t n, float least);
    double (*total)(const float *x, int32_t n, float max, float scale);
    void (*buckets)(const float *x, float max, float scale, float per_power, float *weights, int32_t *numbers);
    float (*least)(const float *x, int32_t n);
} logit_loops;

#define LOOPS(set, attribute)                                                                                          \
    attribute static float maxima_##set(const float *x, int32_t n, float *out)                                         \
    {                                                                                                                  \
        return maxima(x, n, out);                                                                                      \
    }                                                                                                                  \
    attribute static int32_t count_##set(const float *x, int32_t n, float least)                                       \
    {                                                                                                                  \
        return count(x, n, least);                                                                                     \
    }                                                                                                                  \
    attribute static double total_##set(const float *x, int32_t n, float max, float scale)                             \
    {                                                                                                                  \
        return total(x, n, max, scale);                                                                                \
    }                                                                                                                  \
    attribute static void buckets_##set(const float *x, float max, float scale, float per_power, float *weights,       \
                                        int32_t *numbers)                                                              \
    {                                                                                                                  \
        buckets(x, max, scale, per_power, weights, numbers);                                                           \
    }                                                                                                                  \
    attribute static float least_##set(const float *x, int32_t n)                                                      \
    {                                                                                                                  \
        return least(x, n);                                                                                            \
    }

LOOPS(baseline, )
#ifdef __x86_64__
LOOPS(avx2, __attribute__((target("avx2"))))
LOOPS(avx512, __attribute__((target("avx512f"))))
#endif

#define LOOP_TABLE(set)                                                                                                \
    {                                                                                                                  \
        maxima_##set, count_##set, total_##set, buckets_##set, least_##set                                             \
    }

static const logit_loops tables[] = {
    LOOP_TABLE(baseline),
#ifdef __x86_64__
    LOOP_TABLE(avx2),
    LOOP_TABLE(avx512),
#endif
};

int logit_sets(void)
{
#ifdef __x86_64__
    return __builtin_cpu_supports("avx512f") ? 3 : __builtin_cpu_supports("avx2") ? 2 : 1;
#else
    return 1;
#endif
}

float logit_maxima(int set, const float *x, int32_t n, float *out)
{
    return tables[set].maxima(x, n, out);
}

int32_t logit_count(int set, const float *x, int32_t n_groups, float least)
{
    return tables[set].count(x, n_groups, least);
}

double logit_total(int set, const float *x, int32_t n, float max, float scale)
{
    return tables[set].total(x, n, max, in_powers_of_2(scale));
}

float logit_least(int set, const float *x, int32_t n)
{
    return tables[set].least(x, n);
}

float logit_per_power(float least, float max, float scale)
{
    float range = (max - least) * in_powers_of_2(scale);
    return (float)(LOGIT_BUCKETS - 1) / (range > 1e-30F ? range < -LEAST ? range : -LEAST : 1);
}

void logit_buckets(int set, const float *x, int32_t n, float max, float scale, float per_power, float *weights,
                   int32_t *numbers)
{
    float rest[LOGIT_TILE];
    if (n < LOGIT_TILE)
        fill_tile(x, n, rest);
    tables[set].buckets(n < LOGIT_TILE ? rest : x, max, in_powers_of_2(scale), per_power, weights, numbers);
}

int32_t logit_bucket(float x, float max, float scale, float per_power)
{
    float y = (x - max) * in_powers_of_2(scale);
    return y >= LEAST ? (int32_t)(y * -per_power) : -1;
}
