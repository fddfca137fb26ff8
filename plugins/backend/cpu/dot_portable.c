/* The loops of dot_body.h in plain C, for processors that no other file knows. */
#include <stdint.h>
#include <string.h>

/* Where gcc 12 vectorizes straight-line code it loses roundings of fused() below; a test shows it. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-slp-vectorize")
#endif

#define TARGET
enum { PART = 4, BLOCK_ROWS = 3, BLOCK_ACTS = 1 };
#define EACH_ACTS(M, ...) M(__VA_ARGS__, 1)

typedef float part __attribute__((vector_size(16)));
#define PART_FUNCTION static inline __attribute__((always_inline))

PART_FUNCTION part splat(float x)
{
    return (part){ x, x, x, x };
}

PART_FUNCTION part load_f32(const char *at)
{
    part x;
    memcpy(&x, at, sizeof x);
    return x;
}

PART_FUNCTION void store(float *to, part x)
{
    memcpy(to, &x, sizeof x);
}

PART_FUNCTION part multiply(part a, part b)
{
    return a * b;
}

#ifdef __FP_FAST_FMAF
PART_FUNCTION part fused(part a, part b, part c)
{
    for (int i = 0; i < PART; i++)
        c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
}
#else
/* Without an instruction for it the library's fmaf is slow. In double the product is exact. The sum is rounded to odd:
 * where it is inexact, to that neighbour of the exact one whose last bit is set. Rounding that again to the 24 bits of
 * a float gives what rounding the exact sum would (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums:
 * proved algorithms using rounding to odd", 2008). */
typedef double pair __attribute__((vector_size(16)));
typedef int64_t pair_bits __attribute__((vector_size(16)));
typedef uint64_t pair_unsigned __attribute__((vector_size(16)));

PART_FUNCTION pair fused_pair(pair a, pair b, pair c)
{
    const pair product = a * b, sum = product + c, part_of_c = sum - product;
    const pair error = (product - (sum - part_of_c)) + (c - part_of_c);
    const pair_bits inexact = (pair_bits)(error > 0) | (pair_bits)(error < 0);
    const pair_bits bits = (pair_bits)sum, even = ~bits & 1 & inexact;
    const pair_bits towards_zero = (pair_bits)((pair_unsigned)(bits ^ (pair_bits)error) >> 63) & even;
    return (pair)(bits + even - 2 * towards_zero);
}

PART_FUNCTION part fused(part a, part b, part c)
{
    const pair low = fused_pair((pair){ a[0], a[1] }, (pair){ b[0], b[1] }, (pair){ c[0], c[1] });
    const pair high = fused_pair((pair){ a[2], a[3] }, (pair){ b[2], b[3] }, (pair){ c[2], c[3] });
    return (part){ (float)low[0], (float)low[1], (float)high[0], (float)high[1] };
}
#endif

PART_FUNCTION float add_parts(const part *x)
{
    const part q = (x[0] + x[2]) + (x[1] + x[3]);
    return (q[0] + q[2]) + (q[1] + q[3]);
}

#include "dot_body.h"
#include "sum_body.h"

static bool usable(void)
{
    return true;
}

const cpu_loops cpu_loops_portable = {
    .name = "portable",
    .usable = usable,
    .block_rows = BLOCK_ROWS,
    .by_pages = DOTS(by_pages),
    .in_order = DOTS(in_order),
    .weighted_sum = weighted_sum,
    .state_step = state_step,
};
