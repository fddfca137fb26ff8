/* 64-bit Arm: as add_tokens() of product.c, four rows at a time, so that a
 * block's codes and the sums of several tokens stay in registers.
 *
 * Products of bytes are summed by the instructions that the processor has: 16
 * in one (dotprod), 32 of two rows with two tokens (i8mm), or in pairs in 16
 * bits. All give the same whole numbers. */
#ifndef GGML_CPU_ARM_H
#define GGML_CPU_ARM_H

#include "sink.h"

enum { TOKENS_BY_DOTS = 8, TOKENS_BY_PAIRS = 4 }; /* at once */

/* The sum of each lane's four codes times the four numbers at x, over n_words
 * (4 or 8) of both. */
INLINE int32x4_t dot_columns(const word_register *codes, int n_words, const int8_t *x)
{
#if defined(__ARM_FEATURE_DOTPROD)
    int32x4_t sum = vdupq_n_s32(0);
    for (int j = 0; j < n_words; j += 4) {
        const int8x16_t y = vld1q_s8(x + 4 * j);
        sum = vdotq_laneq_s32(sum, (int8x16_t)codes[j], y, 0);
        sum = vdotq_laneq_s32(sum, (int8x16_t)codes[j + 1], y, 1);
        sum = vdotq_laneq_s32(sum, (int8x16_t)codes[j + 2], y, 2);
        sum = vdotq_laneq_s32(sum, (int8x16_t)codes[j + 3], y, 3);
    }
    return sum;
#else
    int32x4_t first = vdupq_n_s32(0), last = first; /* of two rows each, halves of a sum side by side */
    for (int j = 0; j < n_words; j += 2) {
        int32_t four[2];
        memcpy(four, x + 4 * j, sizeof four);
        const int8x16_t a = (int8x16_t)codes[j], b = (int8x16_t)codes[j + 1],
                        y = vreinterpretq_s8_s32(vdupq_n_s32(four[0])), z = vreinterpretq_s8_s32(vdupq_n_s32(four[1]));
        /* Two products fit 16 bits, for no activation is -128. */
        first = vpadalq_s16(first, vmlal_s8(vmull_s8(vget_low_s8(a), vget_low_s8(y)), vget_low_s8(b), vget_low_s8(z)));
        last = vpadalq_s16(last, vmlal_high_s8(vmull_high_s8(a, y), b, z));
    }
    return vpaddq_s32(first, last);
#endif
}

/* The sums of four rows (register q of the chunk's) and what the halves of
 * block b add to them; formats with one scale for a block have all of it in
 * `low`. */
INLINE float_register join_four_rows(code_kind kind, float_register sum, const chunk *c, int b, int q, int32x4_t low,
                                     int32x4_t high, block_lists lists, int64_t at)
{
    float32x4_t dot = vcvtq_f32_s32(low);
    if (kind == SIGNED_32 || kind == OFFSET_32) {
        dot = vmulq_f32(dot, (float32x4_t)c->factors[b].scale.r[q]);
        sum = (float_register)vfmaq_n_f32((float32x4_t)sum, dot, lists.d[at]);
        if (kind == OFFSET_32)
            sum = (float_register)vfmaq_n_f32((float32x4_t)sum, (float32x4_t)c->factors[b].offset.r[q], lists.sum[at]);
        return sum;
    }
    dot = vmulq_f32(dot, (float32x4_t)c->factors[2 * b].scale.r[q]);
    dot = vfmaq_f32(dot, vcvtq_f32_s32(high), (float32x4_t)c->factors[2 * b + 1].scale.r[q]);
    sum = (float_register)vfmaq_n_f32((float32x4_t)sum, dot, lists.d[at]);
    if (kind == OFFSET_16) {
        sum = (float_register)vfmaq_n_f32((float32x4_t)sum, (float32x4_t)c->factors[2 * b].offset.r[q],
                                          lists.half_sum[2 * at]);
        sum = (float_register)vfmaq_n_f32((float32x4_t)sum, (float32x4_t)c->factors[2 * b + 1].offset.r[q],
                                          lists.half_sum[2 * at + 1]);
    }
    return sum;
}

/* kind and n_tokens are constants where this is inlined. */
INLINE void add_by_dots(code_kind kind, int n_tokens, const chunk *c, int n_blocks, const int8_t *acts,
                        size_t act_bytes, int64_t first, int64_t k, floats *results)
{
    EACH_REGISTER(q)
    {
        float_register sums[TOKENS_BY_DOTS];
        for (int t = 0; t < n_tokens; t++)
            sums[t] = results[t].r[q];
        for (int b = 0; b < n_blocks; b++) {
            word_register codes[WORDS_PER_BLOCK];
            for (int j = 0; j < WORDS_PER_BLOCK; j++)
                codes[j] = c->codes[b][j].r[q];
            for (int t = 0; t < n_tokens; t++) {
                const int8_t *row = acts + (size_t)t * act_bytes, *x = row + first + b * BLOCK;
                const bool halves = kind == SIGNED_16 || kind == OFFSET_16;
                const int32x4_t low = dot_columns(codes, halves ? 4 : 8, x),
                                high = halves ? dot_columns(codes + 4, 4, x + BLOCK / 2) : low;
                sums[t] = join_four_rows(kind, sums[t], c, b, q, low, high, lists_of(row, k), first / BLOCK + b);
            }
        }
        for (int t = 0; t < n_tokens; t++)
            results[t].r[q] = sums[t];
    }
}

#ifdef __ARM_FEATURE_MATMUL_INT8
/* Eight columns of two rows in each register: those of rows 0 and 1 of four
 * where words 2 j were, 2 and 3 where 2 j + 1 were. */
INLINE void pair_rows(const chunk *c, int n_blocks, words pairs[CHUNK_BLOCKS][WORDS_PER_BLOCK])
{
    for (int b = 0; b < n_blocks; b++)
        for (int j = 0; j < WORDS_PER_BLOCK; j += 2)
            EACH_REGISTER(q)
            {
                const uint32x4_t even = (uint32x4_t)c->codes[b][j].r[q], odd = (uint32x4_t)c->codes[b][j + 1].r[q];
                pairs[b][j].r[q] = (word_register)vzip1q_u32(even, odd);
                pairs[b][j + 1].r[q] = (word_register)vzip2q_u32(even, odd);
            }
}

/* Block b of two tokens, eight columns of both in each register. */
INLINE void pair_tokens(const int8_t *x, size_t act_bytes, int8x16_t pairs[4])
{
    for (int i = 0; i < 2; i++) {
        const int64x2_t a = vreinterpretq_s64_s8(vld1q_s8(x + 16 * i)),
                        b = vreinterpretq_s64_s8(vld1q_s8(x + act_bytes + 16 * i));
        pairs[2 * i] = vreinterpretq_s8_s64(vzip1q_s64(a, b));
        pairs[2 * i + 1] = vreinterpretq_s8_s64(vzip2q_s64(a, b));
    }
}

/* Products of four rows with two tokens, over n_words words. */
INLINE int32x4x2_t multiply_pairs(const words *rows, int q, int n_words, const int8x16_t *tokens)
{
    int32x4_t first = vdupq_n_s32(0), last = first;
    for (int j = 0; j < n_words; j += 2) {
        first = vmmlaq_s32(first, (int8x16_t)rows[j].r[q], tokens[j / 2]);
        last = vmmlaq_s32(last, (int8x16_t)rows[j + 1].r[q], tokens[j / 2]);
    }
    return vuzpq_s32(first, last);
}

INLINE void add_by_pairs(code_kind kind, const chunk *c, const words pairs[CHUNK_BLOCKS][WORDS_PER_BLOCK], int n_blocks,
                         const int8_t *acts, size_t act_bytes, int64_t first, int64_t k, floats *results)
{
    for (int b = 0; b < n_blocks; b++) {
        int8x16_t x[TOKENS_BY_PAIRS / 2][4];
        for (int t = 0; t < TOKENS_BY_PAIRS; t += 2)
            pair_tokens(acts + (size_t)t * act_bytes + first + b * BLOCK, act_bytes, x[t / 2]);
        EACH_REGISTER(q)
        for (int t = 0; t < TOKENS_BY_PAIRS; t += 2) {
            const bool halves = kind == SIGNED_16 || kind == OFFSET_16;
            const int32x4x2_t low = multiply_pairs(pairs[b], q, halves ? 4 : 8, x[t / 2]),
                              high = halves ? multiply_pairs(pairs[b] + 4, q, 4, x[t / 2] + 2) : low;
            for (int i = 0; i < 2; i++)
                results[t + i].r[q] =
                    join_four_rows(kind, results[t + i].r[q], c, b, q, low.val[i], high.val[i],
                                   lists_of(acts + (size_t)(t + i) * act_bytes, k), first / BLOCK + b);
        }
    }
}
#endif

/* As in product.c; no bias is wanted here. */
INLINE void add_tokens(code_kind kind, bool flip, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes,
                       int n_tokens, int64_t first, int64_t k, floats *results)
{
    (void)flip;
    fetch_ahead(c->from, (size_t)n_blocks * c->block_bytes);
    int t = 0;
#ifdef __ARM_FEATURE_MATMUL_INT8
    if (n_tokens >= TOKENS_BY_PAIRS) {
        words pairs[CHUNK_BLOCKS][WORDS_PER_BLOCK];
        pair_rows(c, n_blocks, pairs);
        for (; t + TOKENS_BY_PAIRS <= n_tokens; t += TOKENS_BY_PAIRS)
            add_by_pairs(kind, c, pairs, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k, results + t);
    }
#else
    for (; t + TOKENS_BY_DOTS <= n_tokens; t += TOKENS_BY_DOTS)
        add_by_dots(kind, TOKENS_BY_DOTS, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k, results + t);
    for (; t + 4 <= n_tokens; t += 4)
        add_by_dots(kind, 4, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k, results + t);
#endif
    for (; t + 2 <= n_tokens; t += 2)
        add_by_dots(kind, 2, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k, results + t);
    for (; t < n_tokens; t++)
        add_by_dots(kind, 1, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k, results + t);
}

#endif
