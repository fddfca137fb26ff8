/* The loops of dot_body.h for AVX2 with FMA and F16C: sixteen floats in two registers. */
#ifdef __x86_64__
#include "avx2.h"

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma,f16c")))
#define HAS_HALF
enum { PART = 8, BLOCK_ROWS = 3, BLOCK_ACTS = 2 };
#define EACH_ACTS(M, ...) M(__VA_ARGS__, 1) M(__VA_ARGS__, 2)

typedef __m256 part;
#define PART_FUNCTION TARGET static inline __attribute__((always_inline))

PART_FUNCTION part splat(float x)
{
    return _mm256_set1_ps(x);
}

PART_FUNCTION part load_f32(const char *at)
{
    part x = _mm256_loadu_ps((const float *)(const void *)at);
    __asm__("" : "+x"(x)); /* keeps it in a register: compilers read it again for each use */
    return x;
}

PART_FUNCTION part load_f16(const char *at)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)at));
}

PART_FUNCTION part load_bf16(const char *at)
{
    const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)at);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
}

PART_FUNCTION void store(float *to, part x)
{
    _mm256_storeu_ps(to, x);
}

PART_FUNCTION part multiply(part a, part b)
{
    return _mm256_mul_ps(a, b);
}

PART_FUNCTION part fused(part a, part b, part c)
{
    return _mm256_fmadd_ps(a, b, c);
}

PART_FUNCTION float add_parts(const part *x)
{
    const part h = _mm256_add_ps(x[0], x[1]);
    const __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}

#include "dot_body.h"
#include "sum_body.h"

const cpu_loops cpu_loops_avx2 = {
    .name = "AVX2",
    .usable = has_avx2,
    .block_rows = BLOCK_ROWS,
    .by_pages = DOTS(by_pages),
    .in_order = DOTS(in_order),
    .weighted_sum = weighted_sum,
    .state_step = state_step,
};
#endif
