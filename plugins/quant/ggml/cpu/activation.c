#include "activation.h"

#include <stdbool.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "../half.h"

/* What a block adds to the lists of its row. */
typedef struct block_sums {
    float d;
    int32_t halves[2];
} block_sums;

enum { LANES = 8, PARTS = BLOCK / LANES };

typedef int32_t int_lanes __attribute__((vector_size(4 * LANES)));
typedef float float_lanes __attribute__((vector_size(4 * LANES)));
typedef int8_t byte_lanes __attribute__((vector_size(4 * LANES)));

#define INLINE static inline __attribute__((always_inline))
#define SMALLEST_PEAK 0x1p-100f /* below it a block counts as zero: 127 / peak stays a float */

#define LARGER(a, b) (((a) & ((a) > (b))) | ((b) & ~((a) > (b))))
#define SUM(a, b) ((a) + (b))
/* What all lanes give together, in lane 0. */
#define FOLD(v, with)                                                                                                  \
    do {                                                                                                               \
        v = with(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3));                                            \
        v = with(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5));                                            \
        v = with(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6));                                            \
    } while (0)

INLINE float peak_of(const float_lanes x[PARTS])
{
    int_lanes top = { 0 };
    for (int p = 0; p < PARTS; p++) { /* magnitudes compare as integers do, and NaNs are the largest of them */
        const int_lanes bits = (int_lanes)x[p] & 0x7fffffff;
        top = LARGER(top, bits);
    }
    FOLD(top, LARGER);
    return float_of_bits((uint32_t)top[0]);
}

/* Of two parts. */
INLINE int32_t sum_of(const int_lanes q[2])
{
    int_lanes sum = q[0] + q[1];
    FOLD(sum, SUM);
    return sum[0];
}

/* Each number becomes the nearest multiple of a 127th of the largest magnitude, ties to even. A block with an infinity
 * or a NaN has no scale that is a number, and so has no product with it. */
static block_sums quantize_without_scale(float peak, int8_t *codes)
{
    memset(codes, 0, BLOCK);
    return (block_sums){ .d = peak < SMALLEST_PEAK ? 0 : peak - peak };
}

INLINE bool has_scale(float peak)
{
    return peak >= SMALLEST_PEAK && peak <= 0x1.fffffep127f;
}

static block_sums quantize_block(const float *in, int8_t *codes)
{
    float_lanes x[PARTS];
    memcpy(x, in, sizeof x);
    const float peak = peak_of(x);
    if (!has_scale(peak))
        return quantize_without_scale(peak, codes);
    const float inverse = 127.0f / peak;
    int_lanes q[PARTS], packed = { 0 };
    for (int p = 0; p < PARTS; p++) {
        q[p] = (int_lanes)(x[p] * inverse + 0x1.8p23f) - WHOLE_FLOAT; /* the last bit of such a sum is worth 1 */
        packed |= (q[p] & 0xff) << 8 * p;
    }
    const byte_lanes mixed = (byte_lanes)packed; /* byte p of lane l is code 8 p + l */
    const byte_lanes bytes = __builtin_shufflevector(mixed, mixed, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25,
                                                     29, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
    memcpy(codes, &bytes, sizeof bytes);
    return (block_sums){ .d = peak / 127.0f, .halves = { sum_of(q), sum_of(q + 2) } };
}

#ifdef __x86_64__
/* The same by the instructions that there are for it. */
__attribute__((target("avx2"))) INLINE block_sums quantize_block_avx2(const float *in, int8_t *codes)
{
    __m256 x[PARTS];
    for (int p = 0; p < PARTS; p++)
        x[p] = _mm256_loadu_ps(in + LANES * p);
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    __m256i bits[PARTS];
    for (int p = 0; p < PARTS; p++)
        bits[p] = _mm256_and_si256(_mm256_castps_si256(x[p]), magnitude);
    const __m256i most = _mm256_max_epi32(_mm256_max_epi32(bits[0], bits[1]), _mm256_max_epi32(bits[2], bits[3]));
    __m128i top = _mm_max_epi32(_mm256_castsi256_si128(most), _mm256_extracti128_si256(most, 1));
    top = _mm_max_epi32(top, _mm_shuffle_epi32(top, 0x4e));
    top = _mm_max_epi32(top, _mm_shuffle_epi32(top, 0xb1));
    const float peak = _mm_cvtss_f32(_mm_castsi128_ps(top));
    if (!has_scale(peak))
        return quantize_without_scale(peak, codes);
    const __m256 inverse = _mm256_set1_ps(127.0f / peak);
    __m256i q[PARTS];
    for (int p = 0; p < PARTS; p++)
        q[p] = _mm256_cvtps_epi32(_mm256_mul_ps(x[p], inverse));
    const __m256i mixed = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
    const __m256i bytes = _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256((void *)codes, bytes);
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), bytes);
    __m256i sums = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)); /* of four codes each */
    sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32(sums, 0x4e));
    sums = _mm256_add_epi32(sums, _mm256_shuffle_epi32(sums, 0xb1));
    return (block_sums){ .d = peak / 127.0f,
                         .halves = { _mm256_extract_epi32(sums, 0), _mm256_extract_epi32(sums, 4) } };
}
#endif

#define QUANTIZE_ROW(name, target, quantize_block)                                                                     \
    target static void name(const float *in, void *row, size_t n)                                                      \
    {                                                                                                                  \
        int8_t *codes = row;                                                                                           \
        const size_t n_blocks = n / BLOCK;                                                                             \
        const list_places at = list_places_of((int64_t)n);                                                             \
        float *d = (float *)(void *)(codes + at.d), *sum = (float *)(void *)(codes + at.sum);                          \
        float *half_sum = (float *)(void *)(codes + at.half_sum);                                                      \
        int32_t *bias = (int32_t *)(void *)(codes + at.bias), *half_bias = (int32_t *)(void *)(codes + at.half_bias);  \
        for (size_t b = 0; b < n_blocks; b++) {                                                                        \
            const block_sums s = quantize_block(in + b * BLOCK, codes + b * BLOCK);                                    \
            d[b] = s.d;                                                                                                \
            sum[b] = s.d * (float)(s.halves[0] + s.halves[1]);                                                         \
            bias[b] = WHOLE_FLOAT - 128 * (s.halves[0] + s.halves[1]);                                                 \
            for (size_t h = 0; h < 2; h++) {                                                                           \
                half_sum[2 * b + h] = s.d * (float)s.halves[h];                                                        \
                half_bias[2 * b + h] = WHOLE_FLOAT - 128 * s.halves[h];                                                \
            }                                                                                                          \
        }                                                                                                              \
    }

QUANTIZE_ROW(quantize_baseline, , quantize_block)
#ifdef __x86_64__
QUANTIZE_ROW(quantize_avx2, __attribute__((target("avx2"))), quantize_block_avx2)
#endif

static void quantize(const float *in, const float *importance, void *row, size_t n)
{
    (void)importance;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        quantize_avx2(in, row, n);
        return;
    }
#endif
    quantize_baseline(in, row, n);
}

static void dequantize(const void *row, float *out, size_t n)
{
    const int8_t *codes = row;
    const float *d = lists_of(codes, (int64_t)n).d;
    for (size_t i = 0; i < n; i++)
        out[i] = d[i / BLOCK] * (float)codes[i];
}

const bora_quant quant_activation = {
    .name = "8-bit activations",
    .block_elems = BLOCK,
    .block_bytes = BLOCK + LISTS_BYTES,
    .dequantize = dequantize,
    .quantize = quantize,
};
