#include "activation.h"

#include <string.h>

#include "../half.h"

enum { LANES = 8, PARTS = BLOCK / LANES };

typedef int32_t int_lanes __attribute__((vector_size(4 * LANES)));
typedef float float_lanes __attribute__((vector_size(4 * LANES)));
typedef int8_t byte_lanes __attribute__((vector_size(LANES)));

#define INLINE static inline __attribute__((always_inline))
#define SMALLEST_PEAK 0x1p-100f /* below it a block counts as zero: 127 / peak stays a float */

INLINE float peak_of(const float_lanes x[PARTS])
{
    int_lanes top = { 0 };
    for (int p = 0; p < PARTS; p++) { /* magnitudes compare as integers do, and NaNs are the largest of them */
        const int_lanes bits = (int_lanes)x[p] & 0x7fffffff, more = bits > top;
        top = (bits & more) | (top & ~more);
    }
    int32_t peak = 0;
    for (int l = 0; l < LANES; l++)
        peak = top[l] > peak ? top[l] : peak;
    return float_of_bits((uint32_t)peak);
}

/* Of two parts. */
INLINE int32_t sum_of(const int_lanes q[2])
{
    int32_t sum = 0;
    for (int l = 0; l < LANES; l++)
        sum += q[0][l] + q[1][l];
    return sum;
}

/* Each number becomes the nearest multiple of a 127th of the largest magnitude, ties to even. A block with an infinity
 * or a NaN has no scale that is a number, and so has no product with it. */
INLINE void quantize_block(const float *in, int8_t *codes, block_scales *scales)
{
    float_lanes x[PARTS];
    memcpy(x, in, sizeof x);
    const float peak = peak_of(x);
    if (!(peak >= SMALLEST_PEAK && peak <= 0x1.fffffep127f)) {
        const float d = peak < SMALLEST_PEAK ? 0 : peak - peak;
        memset(codes, 0, BLOCK);
        *scales = (block_scales){ .d = d, .sum = d, .sums = { d, d } };
        return;
    }
    const float inverse = 127.0f / peak, d = peak / 127.0f;
    int_lanes q[PARTS];
    for (int p = 0; p < PARTS; p++) {
        q[p] = (int_lanes)(x[p] * inverse + 0x1.8p23f) - 0x4b400000; /* the last bit of such a sum is worth 1 */
        const byte_lanes bytes = __builtin_convertvector(q[p], byte_lanes);
        memcpy(codes + p * LANES, &bytes, sizeof bytes);
    }
    const int32_t first = sum_of(q), second = sum_of(q + 2);
    *scales = (block_scales){
        .d = d,
        .sum = d * (float)(first + second),
        .sums = { d * (float)first, d * (float)second },
        .bias = -128 * (first + second),
        .biases = { -128 * first, -128 * second },
    };
}

INLINE void quantize_all(const float *in, void *row, size_t n)
{
    int8_t *codes = row;
    block_scales *scales = (block_scales *)(void *)(codes + n);
    for (size_t i = 0; i < n; i += BLOCK)
        quantize_block(in + i, codes + i, scales++);
}

static void quantize_baseline(const float *in, void *row, size_t n)
{
    quantize_all(in, row, n);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void quantize_avx2(const float *in, void *row, size_t n)
{
    quantize_all(in, row, n);
}
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
    const block_scales *scales = scales_of(codes, (int64_t)n);
    for (size_t i = 0; i < n; i++)
        out[i] = scales[i / BLOCK].d * (float)codes[i];
}

const bora_quant quant_activation = {
    .name = "8-bit activations",
    .block_elems = BLOCK,
    .block_bytes = BLOCK + sizeof(block_scales),
    .dequantize = dequantize,
    .quantize = quantize,
};
