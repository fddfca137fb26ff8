/* K formats whose groups have a scale alone: q3_k, q6_k, and q8_k with one scale for all.
 *
 * Groups of 16 numbers with codes around zero. Quantizing: every group finds its best scale, these are rounded to
 * codes under the super-block's one scale, and then the numbers are rounded anew to the scales that are left. */
#include <math.h>

#include "layout.h"
#include "packing.h"
#include "search.h"

enum { GROUP = 16, N_GROUPS = SUPER_BLOCK / GROUP };

/* Number i of group g is d scales[g] (codes[i] - half_range). */
static void round_to_scales(const float *x, float d, const int8_t scales[N_GROUPS], int half_range, uint8_t *codes)
{
    for (int g = 0; g < N_GROUPS; g++) {
        const float scale = d * scales[g];
        if (scale == 0)
            continue; /* the codes mean nothing, and stay those of the search */
        for (int i = g * GROUP; i < (g + 1) * GROUP; i++)
            codes[i] = (uint8_t)(half_range + clamp_int(nearest_int(x[i] / scale), -half_range, half_range - 1));
    }
}

/* 16 scales in [-32, 31] as 6-bit codes: the low nibbles of scales 0-7 and 8-15 in the bytes 0-7, the upper two bits of
 * scale j in byte 8 + j % 4. */
static void pack_scales(const int8_t scales[N_GROUPS], uint8_t packed[12])
{
    memset(packed, 0, 12);
    for (int j = 0; j < N_GROUPS; j++) {
        const int code = scales[j] + 32;
        packed[j % 8] |= (uint8_t)((code & 15) << (j < 8 ? 0 : 4));
        packed[8 + j % 4] |= (uint8_t)(code >> 4 << 2 * (j / 4));
    }
}

static void unpack_scales(const uint8_t packed[12], int8_t scales[N_GROUPS])
{
    for (int j = 0; j < N_GROUPS; j++) {
        const int low = packed[j % 8] >> (j < 8 ? 0 : 4) & 15, high = packed[8 + j % 4] >> 2 * (j / 4) & 3;
        scales[j] = (int8_t)((low | high << 4) - 32);
    }
}

static float fit_plainly_q3_k(const float *x, int8_t scale_codes[N_GROUPS], uint8_t *codes)
{
    float scales[N_GROUPS];
    for (int g = 0; g < N_GROUPS; g++)
        scales[g] = descend_signed(x + g * GROUP, GROUP, 4, codes + g * GROUP);
    const float peak = signed_peak(scales, N_GROUPS);
    if (peak == 0) {
        memset(scale_codes, -32, N_GROUPS);
        return 0;
    }
    const float inverse = -32 / peak;
    for (int g = 0; g < N_GROUPS; g++)
        scale_codes[g] = (int8_t)clamp_int(nearest_int(inverse * scales[g]), -32, 31);
    return 1 / inverse;
}

static float fit_weighted_q3_k(const float *x, const float *importance, int8_t scale_codes[N_GROUPS], uint8_t *codes)
{
    const float mean_square = 2 * sum_of_squares(x, SUPER_BLOCK) / SUPER_BLOCK;
    /* The scales are searched like one more group of numbers; beside it the other lanes hold zeros. */
    float weights[SUPER_BLOCK], scales[LANES * N_GROUPS] = { 0 }, group_weights[LANES * N_GROUPS] = { 0 }, d[LANES];
    uint8_t shifted[LANES * N_GROUPS];
    for (int g = 0; g < N_GROUPS; g++)
        group_weights[g] = weigh(x + g * GROUP, importance + g * GROUP, mean_square, GROUP, weights + g * GROUP);
    for (int g = 0; g < N_GROUPS; g += LANES)
        search_signed(x + g * GROUP, weights + g * GROUP, GROUP, 4, codes + g * GROUP, scales + g);
    search_signed(scales, group_weights, N_GROUPS, 32, shifted, d);
    for (int g = 0; g < N_GROUPS; g++)
        scale_codes[g] = (int8_t)(shifted[g] - 32);
    return d[0];
}

static void quantize_q3_k(const float *in, const float *importance, void *blocks, size_t n)
{
    q3_k_block *block = blocks;
    for (size_t i = 0; i < n; i += SUPER_BLOCK, block++) {
        const float *x = in + i;
        uint8_t codes[SUPER_BLOCK];
        int8_t scales[N_GROUPS];
        const float d = importance != NULL ? fit_weighted_q3_k(x, importance + i, scales, codes)
                                           : fit_plainly_q3_k(x, scales, codes);
        pack_scales(scales, block->scales);
        round_to_scales(x, store_half(block->d, d), scales, 4, codes);
        pack_2bit(codes, 0, block->qs);
        pack_1bit(codes, 2, block->hmask);
    }
}

static void dequantize_q3_k(const void *blocks, float *out, size_t n)
{
    const q3_k_block *block = blocks;
    for (; n > 0; n -= SUPER_BLOCK, block++, out += SUPER_BLOCK) {
        const float d = load_half(block->d);
        uint8_t codes[SUPER_BLOCK] = { 0 };
        int8_t scales[N_GROUPS];
        unpack_scales(block->scales, scales);
        unpack_2bit(block->qs, 0, codes);
        unpack_1bit(block->hmask, 2, codes);
        for (int g = 0; g < N_GROUPS; g++) {
            const float scale = d * scales[g];
            for (int i = g * GROUP; i < (g + 1) * GROUP; i++)
                out[i] = scale * (float)(codes[i] - 4);
        }
    }
}

static void quantize_q6_k(const float *in, const float *importance, void *blocks, size_t n)
{
    q6_k_block *block = blocks;
    for (size_t i = 0; i < n; i += SUPER_BLOCK, block++) {
        const float *x = in + i;
        float scales[N_GROUPS], squares[SUPER_BLOCK];
        uint8_t codes[SUPER_BLOCK];
        for (int l = 0; l < SUPER_BLOCK; l++)
            squares[l] = x[l] * x[l];
        const float *weights = importance != NULL ? importance + i : squares;
        for (int first = 0; first < SUPER_BLOCK; first += LANES * GROUP)
            search_signed(x + first, weights + first, GROUP, 32, codes + first, scales + first / GROUP);
        const float peak = signed_peak(scales, N_GROUPS);
        if (fabsf(peak) < NEGLIGIBLE) {
            memset(block, 0, sizeof *block);
            continue;
        }
        const float inverse = -128 / peak;
        for (int g = 0; g < N_GROUPS; g++)
            block->scales[g] = (int8_t)clamp_int(nearest_int(inverse * scales[g]), -128, 127);
        round_to_scales(x, store_half(block->d, 1 / inverse), block->scales, 32, codes);
        pack_4bit(codes, 256, 64, block->ql);
        pack_2bit(codes, 4, block->qh);
    }
}

static void dequantize_q6_k(const void *blocks, float *out, size_t n)
{
    const q6_k_block *block = blocks;
    for (; n > 0; n -= SUPER_BLOCK, block++, out += SUPER_BLOCK) {
        const float d = load_half(block->d);
        uint8_t codes[SUPER_BLOCK];
        unpack_4bit(block->ql, 256, 64, codes);
        unpack_2bit(block->qh, 4, codes);
        for (int g = 0; g < N_GROUPS; g++) {
            const float scale = d * block->scales[g];
            for (int i = g * GROUP; i < (g + 1) * GROUP; i++)
                out[i] = scale * (float)(codes[i] - 32);
        }
    }
}

static void quantize_q8_k(const float *in, const float *importance, void *blocks, size_t n)
{
    (void)importance; /* every number is within half a code already */
    q8_k_block *block = blocks;
    for (size_t i = 0; i < n; i += SUPER_BLOCK, block++) {
        const float peak = signed_peak(in + i, SUPER_BLOCK);
        const float inverse = peak != 0 ? -127 / peak : 0, d = peak != 0 ? 1 / inverse : 0;
        memcpy(block->d, &d, sizeof d);
        for (int g = 0; g < N_GROUPS; g++) {
            int16_t sum = 0;
            for (int l = g * GROUP; l < (g + 1) * GROUP; l++) {
                const int code = nearest_int(inverse * in[i + (size_t)l]);
                block->qs[l] = (int8_t)(code < 127 ? code : 127);
                sum = (int16_t)(sum + block->qs[l]);
            }
            memcpy(block->sums[g], &sum, sizeof sum);
        }
    }
}

static void dequantize_q8_k(const void *blocks, float *out, size_t n)
{
    const q8_k_block *block = blocks;
    for (; n > 0; n -= SUPER_BLOCK, block++, out += SUPER_BLOCK) {
        float d;
        memcpy(&d, block->d, sizeof d);
        for (int i = 0; i < SUPER_BLOCK; i++)
            out[i] = d * block->qs[i];
    }
}

const bora_quant quant_q3_k = {
    .name = "q3_k",
    .aliases = NAMES("q3k", "3"),
    .stored_as = NAMES("gguf:11"),
    .block_elems = SUPER_BLOCK,
    .block_bytes = sizeof(q3_k_block),
    .sensitive = "q6_k",
    .fallback = "q4_0",
    .dequantize = dequantize_q3_k,
    .quantize = quantize_q3_k,
};
const bora_quant quant_q6_k = {
    .name = "q6_k",
    .aliases = NAMES("q6k", "6"),
    .stored_as = NAMES("gguf:14"),
    .block_elems = SUPER_BLOCK,
    .block_bytes = sizeof(q6_k_block),
    .sensitive = "q8_0",
    .fallback = "q8_0",
    .dequantize = dequantize_q6_k,
    .quantize = quantize_q6_k,
};
const bora_quant quant_q8_k = {
    .name = "q8_k",
    .aliases = NAMES("q8k"),
    .stored_as = NAMES("gguf:15"),
    .block_elems = SUPER_BLOCK,
    .block_bytes = sizeof(q8_k_block),
    .sensitive = "q8_0",
    .fallback = "q8_0",
    .dequantize = dequantize_q8_k,
    .quantize = quantize_q8_k,
};
