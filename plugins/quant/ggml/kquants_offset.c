/* K formats whose groups have a scale and a minimum: q2_k, q4_k, q5_k.
 *
 * A super-block of 256 numbers is cut into groups. A group's scale and minimum are themselves small codes under one
 * half-precision scale each. Quantizing: every group finds its best line (search_offset), the scales and minima of all
 * groups are rounded to codes, and then the numbers are rounded anew to the lines that are left. */
#include <math.h>

#include "layout.h"
#include "packing.h"
#include "search.h"

typedef struct offset_format {
    int group;          /* numbers in a group */
    int max_code;       /* of a number */
    int max_scale_code; /* of a group's scale and of its minimum */
    offset_trials trials;
} offset_format;

static const offset_format format_q2_k = { 16, 3, 15, { -0.5f, 0.1f, 15, true } };
static const offset_format format_q4_k = { 32, 15, 63, { -1.0f, 0.1f, 20, false } };
static const offset_format format_q5_k = { 32, 31, 63, { -0.5f, 0.1f, 15, false } };

/* A super-block before it is packed: number i of group g is d scales[g] codes[i] - dmin mins[g]. */
typedef struct offset_block {
    uint8_t codes[SUPER_BLOCK];
    uint8_t scales[16], mins[16];
} offset_block;

/* The weights of a group where no importance is given: larger numbers count more. */
static void weigh_plainly(const offset_format *f, const float *x, float *weights)
{
    const float rms = f->group == 32 ? sqrtf(sum_of_squares(x, 32) / 32) : 0;
    for (int i = 0; i < f->group; i++)
        weights[i] = rms + fabsf(x[i]);
}

/* Rounds values[n] to codes in proportion to the largest; returns what to multiply the codes by. A value just below
 * zero, which cancellation can leave in a regression, counts as zero. */
static float encode_by_largest(const float *values, int n, int max_code, uint8_t *codes)
{
    float largest = 0;
    for (int i = 0; i < n; i++)
        if (values[i] > largest)
            largest = values[i];
    const float inverse = largest > 0 ? (float)max_code / largest : 0;
    for (int i = 0; i < n; i++)
        codes[i] = (uint8_t)clamp_int(nearest_int(inverse * values[i]), 0, max_code);
    return largest / (float)max_code;
}

static void fit_super_block(const offset_format *f, const float *x, const float *importance, offset_block *b,
                            uint8_t d_bytes[2], uint8_t dmin_bytes[2])
{
    const int n_groups = SUPER_BLOCK / f->group;
    float scales[16], offsets[16], depths[16], group_weights[16], weights[LANES * MAX_GROUP];
    float mean_square = 0;
    if (importance != NULL)
        mean_square = (f->group == 32 ? 2.0f : 1.0f) * sum_of_squares(x, SUPER_BLOCK) / SUPER_BLOCK;
    for (int g = 0; g < n_groups; g += LANES) {
        const int first = g * f->group;
        for (int lane = 0; lane < LANES; lane++) {
            const int start = lane * f->group;
            if (importance != NULL)
                group_weights[g + lane] = weigh(x + first + start, importance + first + start, mean_square,
                                                (size_t)f->group, weights + start);
            else
                weigh_plainly(f, x + first + start, weights + start);
        }
        search_offset(x + first, weights, f->group, f->max_code, importance != NULL ? &weighted_trials : &f->trials,
                      b->codes + first, scales + g, offsets + g);
    }
    for (int g = 0; g < n_groups; g++)
        depths[g] = -offsets[g];

    float d, dmin;
    if (importance != NULL) {
        d = search_unsigned(scales, group_weights, n_groups, f->max_scale_code, b->scales);
        dmin = search_unsigned(depths, group_weights, n_groups, f->max_scale_code, b->mins);
    } else {
        d = encode_by_largest(scales, n_groups, f->max_scale_code, b->scales);
        dmin = encode_by_largest(depths, n_groups, f->max_scale_code, b->mins);
    }
    d = store_half(d_bytes, d);
    dmin = store_half(dmin_bytes, dmin);

    for (int g = 0; g < n_groups; g++) {
        const float scale = d * b->scales[g], depth = dmin * b->mins[g];
        if (scale == 0)
            continue; /* the codes mean nothing, and stay those of the search */
        for (int i = g * f->group; i < (g + 1) * f->group; i++)
            b->codes[i] = (uint8_t)clamp_int(nearest_int((x[i] + depth) / scale), 0, f->max_code);
    }
}

/* 8 scales s and 8 minima m of 6 bits in 12 bytes. Bytes 0-3: s of groups 0-3; bytes 4-7: m of groups 0-3; bytes 8-11:
 * low nibbles of s, then m, of groups 4-7, whose upper two bits are the upper two bits of the first eight bytes. */
static void pack_6bit(const uint8_t s[8], const uint8_t m[8], uint8_t packed[12])
{
    for (int j = 0; j < 4; j++) {
        packed[j] = (uint8_t)(s[j] | s[j + 4] >> 4 << 6);
        packed[j + 4] = (uint8_t)(m[j] | m[j + 4] >> 4 << 6);
        packed[j + 8] = (uint8_t)((s[j + 4] & 15) | (m[j + 4] & 15) << 4);
    }
}

static void unpack_6bit(const uint8_t packed[12], uint8_t s[8], uint8_t m[8])
{
    for (int j = 0; j < 4; j++) {
        s[j] = packed[j] & 63;
        m[j] = packed[j + 4] & 63;
        s[j + 4] = (uint8_t)((packed[j + 8] & 15) | packed[j] >> 6 << 4);
        m[j + 4] = (uint8_t)(packed[j + 8] >> 4 | packed[j + 4] >> 6 << 4);
    }
}

static void quantize_q2_k(const float *in, const float *importance, void *blocks, size_t n)
{
    q2_k_block *block = blocks;
    for (size_t i = 0; i < n; i += SUPER_BLOCK, block++) {
        offset_block b;
        fit_super_block(&format_q2_k, in + i, at(importance, i), &b, block->d, block->dmin);
        for (int g = 0; g < 16; g++)
            block->scales[g] = (uint8_t)(b.scales[g] | b.mins[g] << 4);
        pack_2bit(b.codes, 0, block->qs);
    }
}

static void dequantize_q2_k(const void *blocks, float *out, size_t n)
{
    const q2_k_block *block = blocks;
    for (; n > 0; n -= SUPER_BLOCK, block++, out += SUPER_BLOCK) {
        const float d = load_half(block->d), dmin = load_half(block->dmin);
        uint8_t codes[SUPER_BLOCK] = { 0 };
        unpack_2bit(block->qs, 0, codes);
        for (int g = 0; g < 16; g++) {
            const float scale = d * (float)(block->scales[g] & 15), depth = dmin * (float)(block->scales[g] >> 4);
            for (int i = 16 * g; i < 16 * g + 16; i++)
                out[i] = scale * codes[i] - depth;
        }
    }
}

static void quantize_q4_k(const float *in, const float *importance, void *blocks, size_t n)
{
    q4_k_block *block = blocks;
    for (size_t i = 0; i < n; i += SUPER_BLOCK, block++) {
        offset_block b;
        fit_super_block(&format_q4_k, in + i, at(importance, i), &b, block->d, block->dmin);
        pack_6bit(b.scales, b.mins, block->scales);
        pack_4bit(b.codes, 256, 32, block->qs);
    }
}

/* out[256] from the unpacked codes of a q4_k or q5_k block. */
static void write_lines(const uint8_t d_bytes[2], const uint8_t dmin_bytes[2], const uint8_t packed_scales[12],
                        const uint8_t codes[SUPER_BLOCK], float *out)
{
    const float d = load_half(d_bytes), dmin = load_half(dmin_bytes);
    uint8_t scales[8], mins[8];
    unpack_6bit(packed_scales, scales, mins);
    for (int g = 0; g < 8; g++) {
        const float scale = d * scales[g], depth = dmin * mins[g];
        for (int i = 32 * g; i < 32 * g + 32; i++)
            out[i] = scale * codes[i] - depth;
    }
}

static void dequantize_q4_k(const void *blocks, float *out, size_t n)
{
    const q4_k_block *block = blocks;
    for (; n > 0; n -= SUPER_BLOCK, block++, out += SUPER_BLOCK) {
        uint8_t codes[SUPER_BLOCK];
        unpack_4bit(block->qs, 256, 32, codes);
        write_lines(block->d, block->dmin, block->scales, codes, out);
    }
}

static void quantize_q5_k(const float *in, const float *importance, void *blocks, size_t n)
{
    q5_k_block *block = blocks;
    for (size_t i = 0; i < n; i += SUPER_BLOCK, block++) {
        offset_block b;
        fit_super_block(&format_q5_k, in + i, at(importance, i), &b, block->d, block->dmin);
        pack_6bit(b.scales, b.mins, block->scales);
        pack_4bit(b.codes, 256, 32, block->qs);
        pack_1bit(b.codes, 4, block->qh);
    }
}

static void dequantize_q5_k(const void *blocks, float *out, size_t n)
{
    const q5_k_block *block = blocks;
    for (; n > 0; n -= SUPER_BLOCK, block++, out += SUPER_BLOCK) {
        uint8_t codes[SUPER_BLOCK];
        unpack_4bit(block->qs, 256, 32, codes);
        unpack_1bit(block->qh, 4, codes);
        write_lines(block->d, block->dmin, block->scales, codes, out);
    }
}

const bora_quant quant_q2_k = {
    .name = "q2_k",
    .aliases = NAMES("q2k", "2"),
    .stored_as = NAMES("gguf:10"),
    .block_elems = SUPER_BLOCK,
    .block_bytes = sizeof(q2_k_block),
    .sensitive = "q6_k",
    .fallback = "q4_0",
    .dequantize = dequantize_q2_k,
    .quantize = quantize_q2_k,
};
const bora_quant quant_q4_k = {
    .name = "q4_k",
    .aliases = NAMES("q4k", "4"),
    .stored_as = NAMES("gguf:12"),
    .block_elems = SUPER_BLOCK,
    .block_bytes = sizeof(q4_k_block),
    .sensitive = "q6_k",
    .fallback = "q5_0",
    .dequantize = dequantize_q4_k,
    .quantize = quantize_q4_k,
};
const bora_quant quant_q5_k = {
    .name = "q5_k",
    .aliases = NAMES("q5k", "5"),
    .stored_as = NAMES("gguf:13"),
    .block_elems = SUPER_BLOCK,
    .block_bytes = sizeof(q5_k_block),
    .sensitive = "q8_0",
    .fallback = "q5_1",
    .dequantize = dequantize_q5_k,
    .quantize = quantize_q5_k,
};
