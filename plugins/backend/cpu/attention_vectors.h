/* The vectors of attention: VEC floats, one register of the instruction set that the including file is for
 * (attention_NAME.c defines VEC and TARGET), and functions of them. e^x and tanh are made of fused multiply-adds, as
 * attention's sums are, and softmax, which takes e^x of every score, has one that leaves out what cannot come; those of
 * the steps that work row by row are in row_vectors.h, and do without.
 *
 * Every lane is computed alone, by fused multiply-adds, integer operations and roundings that all instruction sets
 * have: what is made of these is the same bits whatever the width. */
#ifndef CPU_ATTENTION_VECTORS_H
#define CPU_ATTENTION_VECTORS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE TARGET static inline __attribute__((always_inline))

#if VEC > 4
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#endif

typedef float vec __attribute__((vector_size(VEC * 4)));
typedef int32_t ivec __attribute__((vector_size(VEC * 4)));
typedef uint32_t uvec __attribute__((vector_size(VEC * 4)));
/* The same wherever they lie. */
typedef float vec_at __attribute__((vector_size(VEC * 4), aligned(4), may_alias));

INLINE vec vec_load(const float *from)
{
    return *(const vec_at *)(const void *)from;
}

INLINE void vec_store(float *to, vec x)
{
    *(vec_at *)(void *)to = x;
}

INLINE vec vec_all(float x)
{
#if VEC == 16
    return (vec)_mm512_set1_ps(x);
#elif VEC == 8
    return (vec)_mm256_set1_ps(x);
#else
    return (vec){ x, x, x, x };
#endif
}

/* a b + c, rounded once. */
INLINE vec vec_fma(vec a, vec b, vec c)
{
#if VEC == 16
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif VEC == 8
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined __aarch64__
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    for (int i = 0; i < VEC; i++)
        c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
#endif
}

/* In each lane `yes` where a < b, else (a NaN is in no order) `no`. */
INLINE vec vec_if_less(vec a, vec b, vec yes, vec no)
{
#if VEC == 16
    return (vec)_mm512_mask_blend_ps(_mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ), (__m512)no, (__m512)yes);
#elif VEC == 8
    return (vec)_mm256_blendv_ps((__m256)no, (__m256)yes, _mm256_cmp_ps((__m256)a, (__m256)b, _CMP_LT_OQ));
#else
    ivec mask = a < b;
    return (vec)((mask & (ivec)yes) | (~mask & (ivec)no));
#endif
}

/* The larger one, and b where there is none. */
INLINE vec vec_max(vec a, vec b)
{
#if VEC == 16
    return (vec)_mm512_max_ps((__m512)a, (__m512)b);
#elif VEC == 8
    return (vec)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return vec_if_less(b, a, a, b);
#endif
}

/* ---- numbers of fewer bits ---- */

INLINE vec vec_load_f16(const uint16_t *from)
{
#if VEC == 16
    return (vec)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)from));
#elif VEC == 8
    return (vec)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)from));
#elif defined __aarch64__
    return (vec)vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(from)));
#else
    /* The exponent counts from another number: a product sets that right, subnormals included. */
    uvec half;
    for (int i = 0; i < VEC; i++)
        half[i] = from[i];
    uvec magnitude = half & 0x7fff, special = (uvec)(magnitude >= 0x7c00),
         quiet = (uvec)(magnitude > 0x7c00) & 0x400000;
    uvec number = (uvec)((vec)(magnitude << 13) * 0x1p112F);
    number = (special & (magnitude << 13 | 0x7f800000 | quiet)) | (~special & number);
    return (vec)(number | (half & 0x8000) << 16);
#endif
}

/* Rounded to nearest, ties to even; a NaN keeps its sign only. */
INLINE void vec_store_f16(uint16_t *to, vec x)
{
    ivec number = x == x, quiet = ((ivec)x & INT32_MIN) | 0x7fc00000;
    x = (vec)((number & (ivec)x) | (~number & quiet));
#if VEC == 16
    _mm256_storeu_si256((__m256i *)(void *)to,
                        _mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
#elif VEC == 8
    _mm_storeu_si128((__m128i *)(void *)to, _mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT));
#else
    ivec magnitude = (ivec)x & 0x7fffffff;
    /* Below 2^-14: 0.5 has steps of 2^-24, so the sum rounds as a subnormal does. */
    ivec small = (ivec)((vec)magnitude + 0.5F) - 0x3f000000, is_small = magnitude < 0x38800000;
    ivec half = (magnitude - (112 << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
    ivec is_large = magnitude >= 0x477ff000; /* 65520, half a step above the largest: infinity */
    half = (is_small & small) | (~is_small & half);
    half = (is_large & 0x7c00) | (~is_large & half) | (~number & 0x200);
    half |= (ivec)((uvec)x >> 16 & 0x8000);
    for (int i = 0; i < VEC; i++)
        to[i] = (uint16_t)half[i];
#endif
}

INLINE vec vec_all_f16(uint16_t half)
{
#if VEC == 16
    return (vec)_mm512_cvtph_ps(_mm256_set1_epi16((short)half));
#elif VEC == 8
    return (vec)_mm256_cvtph_ps(_mm_set1_epi16((short)half));
#else
    uint16_t halves[VEC];
    for (int i = 0; i < VEC; i++)
        halves[i] = half;
    return vec_load_f16(halves);
#endif
}

INLINE vec vec_load_bf16(const uint16_t *from)
{
#if VEC == 16
    __m256i half = _mm256_loadu_si256((const __m256i *)(const void *)from);
    return (vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
#elif VEC == 8
    __m128i half = _mm_loadu_si128((const __m128i *)(const void *)from);
    return (vec)_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16);
#else
    uvec half;
    for (int i = 0; i < VEC; i++)
        half[i] = from[i];
    return (vec)(half << 16);
#endif
}

INLINE vec vec_load_i8(const int8_t *from)
{
#if VEC == 16
    return (vec)_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)from)));
#elif VEC == 8
    return (vec)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)from)));
#else
    vec x;
    for (int i = 0; i < VEC; i++)
        x[i] = (float)from[i];
    return x;
#endif
}

/* ---- functions ---- */

/* e^x = 2^n e^r with |r| <= ln 2 / 2: e^r by a polynomial of least relative error, and n twice: by a rounding that
 * leaves it in the low bits of a float. */
typedef struct vec_exp_parts {
    vec fraction, shifted, n;
} vec_exp_parts;

INLINE vec_exp_parts vec_exp_split(vec x)
{
    const float shift = 0x1.8p23F, ln2_high = 0x1.62e4p-1F, ln2_low = 0x1.7f7d1cp-20F;
    vec shifted = vec_fma(x, vec_all(0x1.715476p0F), vec_all(shift)), n = shifted - shift;
    vec r = vec_fma(n, vec_all(-ln2_high), x);
    r = vec_fma(n, vec_all(-ln2_low), r);
    vec p = vec_fma(vec_all(0x1.6a23d0p-10F), r, vec_all(0x1.123a20p-7F));
    p = vec_fma(p, r, vec_all(0x1.5558f2p-5F));
    p = vec_fma(p, r, vec_all(0x1.555492p-3F));
    p = vec_fma(p, r, vec_all(0x1.fffffcp-2F));
    p = vec_fma(p, r, vec_all(1));
    p = vec_fma(p, r, vec_all(1));
    return (vec_exp_parts){ p, shifted, n };
}

/* e^x for x <= 0, to less than one unit in the last place; 0 below -87, where it would be less than 2^-125. */
INLINE vec vec_exp_below(vec x)
{
    vec_exp_parts e = vec_exp_split(x);
#if VEC == 16
    __mmask16 keep = _mm512_cmp_ps_mask((__m512)x, _mm512_set1_ps(-87), _CMP_NLT_UQ);
    return (vec)_mm512_maskz_scalef_ps(keep, (__m512)e.fraction, (__m512)e.n);
#else
    vec power = (vec)(((uvec)e.shifted << 23) + 0x3f800000);
    return vec_if_less(x, vec_all(-87), vec_all(0), e.fraction * power);
#endif
}

/* The same for any x; infinity from 2^128 on. */
INLINE vec vec_exp(vec x)
{
    vec_exp_parts e = vec_exp_split(x);
    vec y = (vec)((uvec)e.fraction + ((uvec)e.shifted << 23));
    y = vec_if_less(vec_all(0x1.62e42ep6F), x, vec_all(INFINITY), y);
    y = vec_if_less(x, vec_all(-87), vec_all(0), y);
    return vec_if_less(x, vec_all(INFINITY), y, x); /* infinity and what is no number */
}

/* To two units in the last place: a polynomial where |x| is small, else 1 - 2 / (e^2x + 1). */
INLINE vec vec_tanh(vec x)
{
    vec size = (vec)((uvec)x & 0x7fffffff), z = x * x;
    vec p = vec_fma(vec_all(-0x1.73636ap-8F), z, vec_all(0x1.519c6cp-6F));
    p = vec_fma(p, z, vec_all(-0x1.b827f8p-5F));
    p = vec_fma(p, z, vec_all(0x1.110692p-3F));
    p = vec_fma(p, z, vec_all(-0x1.555530p-2F));
    vec small = vec_fma(x * z, p, x);
    vec large = 1 - 2 / (vec_exp(size + size) + 1);
    large = (vec)((uvec)large | ((uvec)x & 0x80000000));
    return vec_if_less(size, vec_all(0.625F), small, large);
}

#endif
