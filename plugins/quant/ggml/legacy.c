/* Formats of 32 numbers to a block: q4_0, q4_1, q5_0, q5_1, q8_0, q8_1.
 *
 * _0 has a scale and codes around zero, _1 a scale and the block's minimum (q8_1: the sum of its codes). q4 and q5
 * differ by the fifth bit of each code alone, so they share everything but their packing. */
#include <float.h>
#include <math.h>

#include "layout.h"
#include "packing.h"
#include "search.h"

/* Where a number lies between codes, to a code. What is no number in reach (an overflow, a NaN) gets code 0. */
static uint8_t code_of(float position, int max_code)
{
    const int code = position >= 0 && position < 128 ? (int)position : 0;
    return (uint8_t)(code < max_code ? code : max_code);
}

static float inverse_or_zero(float scale)
{
    return scale != 0 ? 1.0f / scale : 0.0f;
}

/* Under an importance, of all n numbers of the call: the results are those of ggml when n is a row. */
static float mean_square_of(const float *x, const float *importance, size_t n)
{
    return importance != NULL ? sum_of_squares(x, n) / (float)n : 0;
}

/* Up to four blocks before they are packed. */
typedef struct batch {
    size_t n_blocks;
    uint8_t codes[LANES * SMALL_BLOCK];
    float scales[LANES], offsets[LANES];
} batch;

static float fit_plainly_signed(const float *x, int half_range, uint8_t *codes)
{
    const float scale = signed_peak(x, SMALL_BLOCK) / (float)-half_range;
    const float inverse = inverse_or_zero(scale);
    for (int i = 0; i < SMALL_BLOCK; i++)
        codes[i] = code_of(x[i] * inverse + ((float)half_range + 0.5f), 2 * half_range - 1);
    return scale;
}

static float fit_plainly_offset(const float *x, int max_code, uint8_t *codes, float *offset)
{
    float lowest = FLT_MAX, highest = -FLT_MAX;
    for (int i = 0; i < SMALL_BLOCK; i++) {
        lowest = x[i] < lowest ? x[i] : lowest;
        highest = x[i] > highest ? x[i] : highest;
    }
    const float scale = (highest - lowest) / (float)max_code;
    const float inverse = inverse_or_zero(scale);
    for (int i = 0; i < SMALL_BLOCK; i++)
        codes[i] = code_of((x[i] - lowest) * inverse + 0.5f, max_code);
    *offset = lowest;
    return scale;
}

/* The next blocks of n numbers: x ~ scale * (code - half_range). */
static void fit_signed(const float *in, const float *importance, float mean_square, size_t n, int half_range, batch *b)
{
    b->n_blocks = n / SMALL_BLOCK < LANES ? n / SMALL_BLOCK : LANES;
    if (importance == NULL) {
        for (size_t k = 0; k < b->n_blocks; k++)
            b->scales[k] = fit_plainly_signed(in + k * SMALL_BLOCK, half_range, b->codes + k * SMALL_BLOCK);
        return;
    }
    float x[LANES * SMALL_BLOCK] = { 0 }, weights[LANES * SMALL_BLOCK] = { 0 };
    memcpy(x, in, b->n_blocks * SMALL_BLOCK * sizeof *x);
    weigh(x, importance, mean_square, b->n_blocks * SMALL_BLOCK, weights);
    search_signed(x, weights, SMALL_BLOCK, half_range, b->codes, b->scales);
}

/* The next blocks of n numbers: x ~ scale * code + offset. */
static void fit_offset(const float *in, const float *importance, float mean_square, size_t n, int max_code, batch *b)
{
    b->n_blocks = n / SMALL_BLOCK < LANES ? n / SMALL_BLOCK : LANES;
    if (importance == NULL) {
        for (size_t k = 0; k < b->n_blocks; k++)
            b->scales[k] =
                fit_plainly_offset(in + k * SMALL_BLOCK, max_code, b->codes + k * SMALL_BLOCK, &b->offsets[k]);
        return;
    }
    float x[LANES * SMALL_BLOCK] = { 0 }, weights[LANES * SMALL_BLOCK] = { 0 };
    memcpy(x, in, b->n_blocks * SMALL_BLOCK * sizeof *x);
    weigh(x, importance, mean_square, b->n_blocks * SMALL_BLOCK, weights);
    search_offset(x, weights, SMALL_BLOCK, max_code, &weighted_trials, b->codes, b->scales, b->offsets);
}

static void pack_5bit(const uint8_t codes[32], uint8_t qs[16], uint8_t qh[4])
{
    uint32_t high = 0;
    for (int j = 0; j < 32; j++)
        high |= (uint32_t)(codes[j] >> 4) << j;
    memcpy(qh, &high, sizeof high);
    pack_4bit(codes, 32, 16, qs);
}

static void unpack_5bit(const uint8_t qs[16], const uint8_t qh[4], uint8_t codes[32])
{
    uint32_t high;
    memcpy(&high, qh, sizeof high);
    unpack_4bit(qs, 32, 16, codes);
    for (int j = 0; j < 32; j++)
        codes[j] |= (uint8_t)((high >> j & 1u) << 4);
}

static void quantize_q4_0(const float *in, const float *importance, void *blocks, size_t n)
{
    const float mean_square = mean_square_of(in, importance, n);
    q4_0_block *block = blocks;
    batch b;
    for (size_t i = 0; i < n; i += b.n_blocks * SMALL_BLOCK) {
        fit_signed(in + i, at(importance, i), mean_square, n - i, 8, &b);
        for (size_t k = 0; k < b.n_blocks; k++, block++) {
            store_half(block->d, b.scales[k]);
            pack_4bit(b.codes + k * SMALL_BLOCK, 32, 16, block->qs);
        }
    }
}

static void quantize_q5_0(const float *in, const float *importance, void *blocks, size_t n)
{
    const float mean_square = mean_square_of(in, importance, n);
    q5_0_block *block = blocks;
    batch b;
    for (size_t i = 0; i < n; i += b.n_blocks * SMALL_BLOCK) {
        fit_signed(in + i, at(importance, i), mean_square, n - i, 16, &b);
        for (size_t k = 0; k < b.n_blocks; k++, block++) {
            store_half(block->d, b.scales[k]);
            pack_5bit(b.codes + k * SMALL_BLOCK, block->qs, block->qh);
        }
    }
}

static void quantize_q4_1(const float *in, const float *importance, void *blocks, size_t n)
{
    const float mean_square = mean_square_of(in, importance, n);
    q4_1_block *block = blocks;
    batch b;
    for (size_t i = 0; i < n; i += b.n_blocks * SMALL_BLOCK) {
        fit_offset(in + i, at(importance, i), mean_square, n - i, 15, &b);
        for (size_t k = 0; k < b.n_blocks; k++, block++) {
            store_half(block->d, b.scales[k]);
            store_half(block->m, b.offsets[k]);
            pack_4bit(b.codes + k * SMALL_BLOCK, 32, 16, block->qs);
        }
    }
}

static void quantize_q5_1(const float *in, const float *importance, void *blocks, size_t n)
{
    const float mean_square = mean_square_of(in, importance, n);
    q5_1_block *block = blocks;
    batch b;
    for (size_t i = 0; i < n; i += b.n_blocks * SMALL_BLOCK) {
        fit_offset(in + i, at(importance, i), mean_square, n - i, 31, &b);
        for (size_t k = 0; k < b.n_blocks; k++, block++) {
            store_half(block->d, b.scales[k]);
            store_half(block->m, b.offsets[k]);
            pack_5bit(b.codes + k * SMALL_BLOCK, block->qs, block->qh);
        }
    }
}

static void dequantize_q4_0(const void *blocks, float *out, size_t n)
{
    const q4_0_block *block = blocks;
    for (; n > 0; n -= SMALL_BLOCK, block++, out += SMALL_BLOCK) {
        uint8_t codes[SMALL_BLOCK];
        unpack_4bit(block->qs, 32, 16, codes);
        const float d = load_half(block->d);
        for (int j = 0; j < SMALL_BLOCK; j++)
            out[j] = (float)(codes[j] - 8) * d;
    }
}

static void dequantize_q5_0(const void *blocks, float *out, size_t n)
{
    const q5_0_block *block = blocks;
    for (; n > 0; n -= SMALL_BLOCK, block++, out += SMALL_BLOCK) {
        uint8_t codes[SMALL_BLOCK];
        unpack_5bit(block->qs, block->qh, codes);
        const float d = load_half(block->d);
        for (int j = 0; j < SMALL_BLOCK; j++)
            out[j] = (float)(codes[j] - 16) * d;
    }
}

static void dequantize_q4_1(const void *blocks, float *out, size_t n)
{
    const q4_1_block *block = blocks;
    for (; n > 0; n -= SMALL_BLOCK, block++, out += SMALL_BLOCK) {
        uint8_t codes[SMALL_BLOCK];
        unpack_4bit(block->qs, 32, 16, codes);
        const float d = load_half(block->d), m = load_half(block->m);
        for (int j = 0; j < SMALL_BLOCK; j++)
            out[j] = (float)codes[j] * d + m;
    }
}

static void dequantize_q5_1(const void *blocks, float *out, size_t n)
{
    const q5_1_block *block = blocks;
    for (; n > 0; n -= SMALL_BLOCK, block++, out += SMALL_BLOCK) {
        uint8_t codes[SMALL_BLOCK];
        unpack_5bit(block->qs, block->qh, codes);
        const float d = load_half(block->d), m = load_half(block->m);
        for (int j = 0; j < SMALL_BLOCK; j++)
            out[j] = (float)codes[j] * d + m;
    }
}

/* To the nearest integer, ties away from zero, as q8 codes are; 0 for what no byte holds. */
static int8_t round_to_byte(float v)
{
    if (!(v > -128 && v < 128))
        return 0;
    const int whole = (int)v;
    const float rest = v - (float)whole; /* exact */
    return (int8_t)(whole + (rest >= 0.5f) - (rest <= -0.5f));
}

/* 32 codes in [-127, 127]; returns the scale. */
static float fit_bytes(const float *x, int8_t *codes)
{
    const float scale = fabsf(signed_peak(x, SMALL_BLOCK)) / 127;
    const float inverse = inverse_or_zero(scale);
    for (int j = 0; j < SMALL_BLOCK; j++)
        codes[j] = round_to_byte(x[j] * inverse);
    return scale;
}

static void quantize_q8_0(const float *in, const float *importance, void *blocks, size_t n)
{
    (void)importance; /* every number is within half a code already */
    q8_0_block *block = blocks;
    for (size_t i = 0; i < n; i += SMALL_BLOCK, block++)
        store_half(block->d, fit_bytes(in + i, block->qs));
}

static void quantize_q8_1(const float *in, const float *importance, void *blocks, size_t n)
{
    (void)importance;
    q8_1_block *block = blocks;
    for (size_t i = 0; i < n; i += SMALL_BLOCK, block++) {
        const float scale = fit_bytes(in + i, block->qs);
        int sum = 0;
        for (int j = 0; j < SMALL_BLOCK; j++)
            sum += block->qs[j];
        store_half(block->d, scale);
        store_half(block->s, (float)sum * scale);
    }
}

static void dequantize_q8_0(const void *blocks, float *out, size_t n)
{
    const q8_0_block *block = blocks;
    for (; n > 0; n -= SMALL_BLOCK, block++, out += SMALL_BLOCK) {
        const float d = load_half(block->d);
        for (int j = 0; j < SMALL_BLOCK; j++)
            out[j] = (float)block->qs[j] * d;
    }
}

static void dequantize_q8_1(const void *blocks, float *out, size_t n)
{
    const q8_1_block *block = blocks;
    for (; n > 0; n -= SMALL_BLOCK, block++, out += SMALL_BLOCK) {
        const float d = load_half(block->d);
        for (int j = 0; j < SMALL_BLOCK; j++)
            out[j] = (float)block->qs[j] * d;
    }
}

const bora_quant quant_q4_0 = {
    .name = "q4_0",
    .stored_as = NAMES("gguf:2"),
    .block_elems = SMALL_BLOCK,
    .block_bytes = sizeof(q4_0_block),
    .sensitive = "q6_k",
    .dequantize = dequantize_q4_0,
    .quantize = quantize_q4_0,
};
const bora_quant quant_q4_1 = {
    .name = "q4_1",
    .stored_as = NAMES("gguf:3"),
    .block_elems = SMALL_BLOCK,
    .block_bytes = sizeof(q4_1_block),
    .sensitive = "q6_k",
    .dequantize = dequantize_q4_1,
    .quantize = quantize_q4_1,
};
const bora_quant quant_q5_0 = {
    .name = "q5_0",
    .stored_as = NAMES("gguf:6"),
    .block_elems = SMALL_BLOCK,
    .block_bytes = sizeof(q5_0_block),
    .sensitive = "q8_0",
    .dequantize = dequantize_q5_0,
    .quantize = quantize_q5_0,
};
const bora_quant quant_q5_1 = {
    .name = "q5_1",
    .stored_as = NAMES("gguf:7"),
    .block_elems = SMALL_BLOCK,
    .block_bytes = sizeof(q5_1_block),
    .sensitive = "q8_0",
    .dequantize = dequantize_q5_1,
    .quantize = quantize_q5_1,
};
const bora_quant quant_q8_0 = {
    .name = "q8_0",
    .aliases = NAMES("8", "q8"),
    .stored_as = NAMES("gguf:8"),
    .block_elems = SMALL_BLOCK,
    .block_bytes = sizeof(q8_0_block),
    .dequantize = dequantize_q8_0,
    .quantize = quantize_q8_0,
};
const bora_quant quant_q8_1 = {
    .name = "q8_1",
    .stored_as = NAMES("gguf:9"),
    .block_elems = SMALL_BLOCK,
    .block_bytes = sizeof(q8_1_block),
    .sensitive = "q8_0",
    .dequantize = dequantize_q8_1,
    .quantize = quantize_q8_1,
};
