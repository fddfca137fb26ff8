/* What dot_body.h needs to know of AVX-512, for the dot_NAME.c that multiplies with it: sixteen floats in one register,
 * whose sums are added up crosswise. Defined before: TARGET. */
#ifndef CPU_DOT_AVX512_H
#define CPU_DOT_AVX512_H

#include <immintrin.h>

#define HAS_HALVES
#define HAS_ADD_BLOCK
enum { PART = 16, BLOCK_ROWS = 6, BLOCK_ACTS = 4 };
#define EACH_ACTS(M, ...) M(__VA_ARGS__, 1) M(__VA_ARGS__, 2) M(__VA_ARGS__, 3) M(__VA_ARGS__, 4)

typedef __m512 part;
#define PART_FUNCTION TARGET static inline __attribute__((always_inline))

PART_FUNCTION part splat(float x)
{
    return _mm512_set1_ps(x);
}

PART_FUNCTION part load_f32(const char *at)
{
    return _mm512_loadu_ps(at);
}

PART_FUNCTION part load_halves(const char *at)
{
    const __m256 low = _mm256_loadu_ps((const float *)(const void *)at);
    return _mm512_insertf32x8(_mm512_castps256_ps512(low), _mm256_loadu_ps((const float *)(const void *)(at + 32)), 1);
}

PART_FUNCTION void store(float *to, part x)
{
    _mm512_storeu_ps(to, x);
}

PART_FUNCTION part multiply(part a, part b)
{
    return _mm512_mul_ps(a, b);
}

PART_FUNCTION float add_parts(const part *all)
{
    const part x = all[0];
    const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}

/* The same additions for a block, two sums in one register: the halves of a's and b's, ... */
PART_FUNCTION part add_halves(part a, part b)
{
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x4e), _mm512_mask_blend_ps(0xff00, a, b));
}

PART_FUNCTION part add_quarters(part a, part b)
{
    const part crossed = _mm512_mask_blend_ps(0xf0f0, b, a);
    return _mm512_add_ps(_mm512_shuffle_f32x4(crossed, crossed, 0xb1), _mm512_mask_blend_ps(0xf0f0, a, b));
}

PART_FUNCTION part add_eighths(part a, part b)
{
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x4e), _mm512_mask_blend_ps(0xcccc, a, b));
}

PART_FUNCTION part add_last(part a, part b)
{
    return _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x88), _mm512_shuffle_ps(a, b, 0xdd));
}

/* Fourth t of a register is of activation t. */
PART_FUNCTION part add_row(const part row[BLOCK_ACTS])
{
    return add_quarters(add_halves(row[0], row[2]), add_halves(row[1], row[3]));
}

PART_FUNCTION void add_block(const part sums[BLOCK_ROWS][BLOCK_ACTS], float *out, size_t out_stride)
{
    const part r01 = add_eighths(add_row(sums[0]), add_row(sums[1]));
    const part r23 = add_eighths(add_row(sums[2]), add_row(sums[3]));
    const part r45 = add_eighths(add_row(sums[4]), add_row(sums[5]));
    const part four = add_last(r01, r23), two = add_last(r45, r45);
    _mm_storeu_ps(out, _mm512_extractf32x4_ps(four, 0));
    _mm_storeu_ps(out + out_stride, _mm512_extractf32x4_ps(four, 1));
    _mm_storeu_ps(out + 2 * out_stride, _mm512_extractf32x4_ps(four, 2));
    _mm_storeu_ps(out + 3 * out_stride, _mm512_extractf32x4_ps(four, 3));
    _mm_storel_pi((__m64 *)(void *)(out + 4), _mm512_extractf32x4_ps(two, 0));
    _mm_storel_pi((__m64 *)(void *)(out + 4 + out_stride), _mm512_extractf32x4_ps(two, 1));
    _mm_storel_pi((__m64 *)(void *)(out + 4 + 2 * out_stride), _mm512_extractf32x4_ps(two, 2));
    _mm_storel_pi((__m64 *)(void *)(out + 4 + 3 * out_stride), _mm512_extractf32x4_ps(two, 3));
}

#endif
