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

static void quantize_q3_k(const float *in, const float *importance, void *blocks, size_t n)
{
    q3_k_block *block = blocks;
    for (size_t i = 0; i < n; i += SUPER_BLOCK, block++) {
        const float *x = in + i;
        float scales[N_GROUPS], d;
        uint8_t codes[SUPER_BLOCK];
        int8_t scale_codes[N_GROUPS];
        if (importance != NULL) {
            const float mean_square = 2 * sum_of_squares(x, SUPER_BLOCK) / SUPER_BLOCK;
            float weights[GROUP], group_weights[N_GROUPS];
            uint8_t shifted[N_GROUPS];
            for (int g = 0; g < N_GROUPS; g++) {
                group_weights[g] = weigh(x + g * GROUP, importance + i + g * GROUP, mean_square, GROUP, weights);
                scales[g] = search_signed(x + g * GROUP, weights, GROUP, 4, codes + g * GROUP);
            }
            d = search_signed(scales, group_weights, N_GROUPS, 32, shifted);
            for (int g = 0; g < N_GROUPS; g++)
                scale_codes[g] = (int8_t)(shifted[g] - 32);
        } else {
            for (int g = 0; g < N_GROUPS; g++)
                scales[g] = descend_signed(x + g * GROUP, GROUP, 4, codes + g * GROUP);
            const float peak = signed_peak(scales, N_GROUPS);
            const float inverse = peak != 0 ? -32 / peak : 0;
            for (int g = 0; g < N_GROUPS; g++)
                scale_codes[g] = (int8_t)(peak != 0 ? clamp_int(nearest_int(inverse * scales[g]), -32, 31) : -32);
            d = peak != 0 ? 1 / inverse : 0;
        }
        pack_scales(scale_codes, block->scales);
        round_to_scales(x, store_half(block->d, d), scale_codes, 4, codes);
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
        float scales[N_GROUPS];
        uint8_t codes[SUPER_BLOCK];
        for (int g = 0; g < N_GROUPS; g++) {
            float squares[GROUP];
            const float *weights = squares;
            if (importance != NULL)
                weights = importance + i + g * GROUP;
            else
                for (int l = 0; l < GROUP; l++)
                    squares[l] = x[g * GROUP + l] * x[g * GROUP + l];
            scales[g] = search_signed(x + g * GROUP, weights, GROUP, 32, codes + g * GROUP);
        }
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
