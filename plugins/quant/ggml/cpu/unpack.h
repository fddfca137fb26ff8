/* From blocks to codes and scales of 16 rows side by side: what each format has to say.
 *
 * Blocks are read as they lie in a file, and transposed on the way; or from a panel, where that has been done once: the
 * field that begins at byte n of a block begins at byte 16 n of the panel's, and holds the words of row 0, 1, ... 15,
 * so that a panel is as large as its rows. A chunk of columns is unpacked into memory that stays in the nearest cache;
 * what is done with it there does not know the format. */
#ifndef GGML_CPU_UNPACK_H
#define GGML_CPU_UNPACK_H

#include "../layout.h"
#include "activation.h"
#include "vectors.h"

enum { AHEAD_BYTES = 4096 };
enum { CHUNK_BLOCKS = 16, WORDS_PER_BLOCK = BLOCK / 4 };

/* Up to 512 columns of 16 rows. Number k of block b is scale * code + offset, with the scale and the offset of the
 * block or of the half of it that k lies in. */
typedef struct chunk {
    words codes[CHUNK_BLOCKS][WORDS_PER_BLOCK]; /* plus a bias */
    floats scales[2 * CHUNK_BLOCKS];            /* [n_blocks], or [2 n_blocks] for formats with groups of 16 */
    floats minus[CHUNK_BLOCKS];                 /* -1.5 * 2^23 times the first scale of each block: see product.c */
    floats offsets[2 * CHUNK_BLOCKS];           /* likewise, for formats that have any */
} chunk;

/* What the codes of a format are like; each kind has its own inner loops. */
typedef enum code_kind {
    SIGNED_32, /* codes around zero; a scale for each block */
    OFFSET_32, /* codes from zero on; a scale and an offset for each block */
    SIGNED_16, /* likewise for each half of a block */
    OFFSET_16,
} code_kind;

/* `n_blocks` blocks of 32 columns from p on, where those of the first row begin, or the panel's. Codes around zero get
 * `bias` added. */
typedef void (*unpack_function)(const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out);

typedef struct unpacker {
    code_kind kind;
    int zero; /* of codes around zero: what is stored for zero, a power of two; 128 where they are stored with a sign */
    int block_elems;
    size_t block_bytes;
    unpack_function rows, panel;
} unpacker;

/* Fields of the blocks of 16 rows at p: of one or four bytes, a half, or of 16 as four words. */

INLINE words field_1(bool packed, const uint8_t *p, size_t offset, size_t stride)
{
    return packed ? widen_bytes(p + PANEL_ROWS * offset) : and_words(load_4(p + offset, stride), 0xff);
}

/* A half. At the end of a block no more than it may be read: it comes with the two bytes before it. */
INLINE floats field_half(bool packed, const uint8_t *p, size_t offset, size_t stride)
{
    return packed ? load_halves(p + PANEL_ROWS * offset) : float_halves(load_4(p + offset, stride));
}

INLINE floats last_field_half(bool packed, const uint8_t *p, size_t offset, size_t stride)
{
    return packed ? load_halves(p + PANEL_ROWS * offset)
                  : float_halves(shift_right(load_4(p + offset - 2, stride), 16));
}

INLINE words field_4(bool packed, const uint8_t *p, size_t offset, size_t stride)
{
    return packed ? load_words(p + PANEL_ROWS * offset) : load_4(p + offset, stride);
}

INLINE void field_16(bool packed, const uint8_t *p, size_t offset, size_t stride, words out[4])
{
    if (!packed)
        load_16(p + offset, stride, out);
    for (int j = 0; packed && j < 4; j++)
        out[j] = load_words(p + PANEL_ROWS * offset + sizeof(words) * (size_t)j);
}

/* Two of them. */
INLINE void field_32(bool packed, const uint8_t *p, size_t offset, size_t stride, words out[8])
{
    field_16(packed, p, offset, stride, out);
    field_16(packed, p, offset + 16, stride, out + 4);
}

#define NEXT(type) (packed ? PANEL_ROWS * sizeof(type) : sizeof(type))

/* Memory is asked for what comes later while this is unpacked: it should never wait for arithmetic. */
INLINE void fetch_ahead(bool packed, const uint8_t *p, size_t bytes)
{
    for (size_t at = 0; packed && at < bytes; at += 64)
        __builtin_prefetch(p + AHEAD_BYTES + at, 0, 3);
}

#define LOW_NIBBLES(w) and_words(w, 0x0f0f0f0f)
#define HIGH_NIBBLES(w) and_words(shift_right(w, 4), 0x0f0f0f0f)

/* ---- blocks of 32 ---- */

/* 16 bytes, low half first. */
INLINE void unpack_nibbles(bool packed, const uint8_t *p, size_t offset, size_t stride, words codes[8])
{
    words w[4];
    field_16(packed, p, offset, stride, w);
    for (int j = 0; j < 4; j++) {
        codes[j] = LOW_NIBBLES(w[j]);
        codes[4 + j] = HIGH_NIBBLES(w[j]);
    }
}

INLINE void add_fifth_bits(words bits, words codes[8])
{
    for (int j = 0; j < 8; j++)
        codes[j] = or_words(codes[j], shift_left(spread_4(shift_right(bits, 4 * j)), 4));
}

INLINE void shift_codes(words codes[8], uint8_t by)
{
    if (by == 0)
        return;
    for (int j = 0; j < 8; j++)
        codes[j] = add_bytes(codes[j], by);
}

INLINE void unpack_q4_0(bool packed, const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)
{
    for (int b = 0; b < n_blocks; b++, p += NEXT(q4_0_block)) {
        fetch_ahead(packed, p, NEXT(q4_0_block));
        out->scales[b] = field_half(packed, p, 0, stride);
        unpack_nibbles(packed, p, 2, stride, out->codes[b]);
        shift_codes(out->codes[b], (uint8_t)(bias - 8));
    }
}

INLINE void unpack_q4_1(bool packed, const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)
{
    (void)bias;
    for (int b = 0; b < n_blocks; b++, p += NEXT(q4_1_block)) {
        fetch_ahead(packed, p, NEXT(q4_1_block));
        const words head = field_4(packed, p, 0, stride);
        out->scales[b] = float_halves(head);
        out->offsets[b] = float_halves(shift_right(head, 16));
        unpack_nibbles(packed, p, 4, stride, out->codes[b]);
    }
}

INLINE void unpack_q5_0(bool packed, const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)
{
    for (int b = 0; b < n_blocks; b++, p += NEXT(q5_0_block)) {
        fetch_ahead(packed, p, NEXT(q5_0_block));
        out->scales[b] = field_half(packed, p, 0, stride);
        unpack_nibbles(packed, p, 6, stride, out->codes[b]);
        add_fifth_bits(field_4(packed, p, 2, stride), out->codes[b]);
        shift_codes(out->codes[b], (uint8_t)(bias - 16));
    }
}

INLINE void unpack_q5_1(bool packed, const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)
{
    (void)bias;
    for (int b = 0; b < n_blocks; b++, p += NEXT(q5_1_block)) {
        fetch_ahead(packed, p, NEXT(q5_1_block));
        const words head = field_4(packed, p, 0, stride);
        out->scales[b] = float_halves(head);
        out->offsets[b] = float_halves(shift_right(head, 16));
        unpack_nibbles(packed, p, 8, stride, out->codes[b]);
        add_fifth_bits(field_4(packed, p, 4, stride), out->codes[b]);
    }
}

INLINE void unpack_q8_0(bool packed, const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)
{
    for (int b = 0; b < n_blocks; b++, p += NEXT(q8_0_block)) {
        fetch_ahead(packed, p, NEXT(q8_0_block));
        out->scales[b] = field_half(packed, p, 0, stride);
        field_32(packed, p, 2, stride, out->codes[b]);
        shift_codes(out->codes[b], bias);
    }
}

INLINE void unpack_mxfp4(bool packed, const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)
{
    static const int8_t doubled[16] = { 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12 };
    for (int b = 0; b < n_blocks; b++, p += NEXT(mxfp4_block)) {
        fetch_ahead(packed, p, NEXT(mxfp4_block));
        const words e = field_1(packed, p, 0, stride);
        EACH_REGISTER(q) /* 2^(e - 128), for codes are doubled; subnormal for the lowest two */
        {
            const word_register subnormal = (word_register)(e.r[q] < 2);
            const word_register bits =
                (subnormal & (0x00200000u << (e.r[q] & 1))) | (~subnormal & ((e.r[q] - 1) << 23));
            out->scales[b].r[q] = (float_register)bits;
        }
        unpack_nibbles(packed, p, 1, stride, out->codes[b]);
        for (int j = 0; j < 8; j++)
            out->codes[b][j] = look_up(out->codes[b][j], doubled);
        shift_codes(out->codes[b], bias);
    }
}

/* ---- super-blocks of 256 ---- */

enum { SUPER_BLOCKS = SUPER_BLOCK / BLOCK };

INLINE void unpack_q2_k(bool packed, const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)
{
    (void)bias;
    for (int b = 0; b < n_blocks; b += SUPER_BLOCKS, p += NEXT(q2_k_block)) {
        fetch_ahead(packed, p, NEXT(q2_k_block));
        const words head = field_4(packed, p, offsetof(q2_k_block, d), stride);
        const floats d = float_halves(head), dmin = negate(float_halves(shift_right(head, 16)));
        words s[4], w[8];
        field_16(packed, p, offsetof(q2_k_block, scales), stride, s);
        for (int g = 0; g < 16; g++) {
            out->scales[2 * b + g] = multiply(d, float_byte(LOW_NIBBLES(s[g / 4]), g % 4));
            out->offsets[2 * b + g] = multiply(dmin, float_byte(HIGH_NIBBLES(s[g / 4]), g % 4));
        }
        for (int half = 0; half < 2; half++) {
            field_32(packed, p, offsetof(q2_k_block, qs) + 32 * (size_t)half, stride, w);
            for (int quarter = 0; quarter < 4; quarter++)
                for (int j = 0; j < 8; j++)
                    out->codes[b + 4 * half + quarter][j] = and_words(shift_right(w[j], 2 * quarter), 0x03030303);
        }
    }
}

INLINE void unpack_q3_k(bool packed, const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)
{
    for (int b = 0; b < n_blocks; b += SUPER_BLOCKS, p += NEXT(q3_k_block)) {
        fetch_ahead(packed, p, NEXT(q3_k_block));
        const floats d = last_field_half(packed, p, offsetof(q3_k_block, d), stride);
        words low[2], high[8], w[8];
        for (size_t i = 0; i < 2; i++)
            low[i] = field_4(packed, p, offsetof(q3_k_block, scales) + 4 * i, stride);
        const words top = field_4(packed, p, offsetof(q3_k_block, scales) + 8, stride);
        field_32(packed, p, offsetof(q3_k_block, hmask), stride, high);
        for (int g = 0; g < 16; g++) {
            const words nibbles = and_words(shift_right(low[g / 4 % 2], g < 8 ? 0 : 4), 0x0f0f0f0f);
            const words bits = and_words(shift_right(top, g / 4 * 2), 0x03030303);
            const words sc = add_bytes(or_words(nibbles, shift_left(bits, 4)), (uint8_t)-32);
            out->scales[2 * b + g] = multiply(d, float_signed_byte(sc, g % 4));
        }
        for (int half = 0; half < 2; half++) {
            field_32(packed, p, offsetof(q3_k_block, qs) + 32 * (size_t)half, stride, w);
            for (int quarter = 0; quarter < 4; quarter++) {
                words *codes = out->codes[b + 4 * half + quarter];
                for (int j = 0; j < 8; j++)
                    codes[j] = or_words(and_words(shift_right(w[j], 2 * quarter), 0x03030303),
                                        shift_left(and_words(shift_right(high[j], 4 * half + quarter), 0x01010101), 2));
                shift_codes(codes, (uint8_t)(bias - 4));
            }
        }
    }
}

/* The header that q4_k and q5_k begin with: d, dmin, and eight scales and minima of 6 bits. */
INLINE void unpack_6bit_scales(bool packed, const uint8_t *p, size_t stride, floats *scales, floats *offsets)
{
    words head[4], sc[2], m[2];
    field_16(packed, p, 0, stride, head);
    const floats d = float_halves(head[0]), dmin = negate(float_halves(shift_right(head[0], 16)));
    sc[0] = and_words(head[1], 0x3f3f3f3f);
    m[0] = and_words(head[2], 0x3f3f3f3f);
    sc[1] = or_words(LOW_NIBBLES(head[3]), and_words(shift_right(head[1], 2), 0x30303030));
    m[1] = or_words(HIGH_NIBBLES(head[3]), and_words(shift_right(head[2], 2), 0x30303030));
    for (int g = 0; g < SUPER_BLOCKS; g++) {
        scales[g] = multiply(d, float_byte(sc[g / 4], g % 4));
        offsets[g] = multiply(dmin, float_byte(m[g / 4], g % 4));
    }
}

INLINE void unpack_q4_k(bool packed, const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)
{
    (void)bias;
    for (int b = 0; b < n_blocks; b += SUPER_BLOCKS, p += NEXT(q4_k_block)) {
        fetch_ahead(packed, p, NEXT(q4_k_block));
        unpack_6bit_scales(packed, p, stride, out->scales + b, out->offsets + b);
        for (int pair = 0; pair < 4; pair++) {
            words w[8];
            field_32(packed, p, offsetof(q4_k_block, qs) + 32 * (size_t)pair, stride, w);
            for (int j = 0; j < 8; j++) {
                out->codes[b + 2 * pair][j] = LOW_NIBBLES(w[j]);
                out->codes[b + 2 * pair + 1][j] = HIGH_NIBBLES(w[j]);
            }
        }
    }
}

INLINE void unpack_q5_k(bool packed, const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)
{
    (void)bias;
    for (int b = 0; b < n_blocks; b += SUPER_BLOCKS, p += NEXT(q5_k_block)) {
        fetch_ahead(packed, p, NEXT(q5_k_block));
        unpack_6bit_scales(packed, p, stride, out->scales + b, out->offsets + b);
        words high[8];
        field_32(packed, p, offsetof(q5_k_block, qh), stride, high);
        for (int pair = 0; pair < 4; pair++) {
            words w[8];
            field_32(packed, p, offsetof(q5_k_block, qs) + 32 * (size_t)pair, stride, w);
            for (int j = 0; j < 8; j++) {
                const words bits = shift_right(high[j], 2 * pair);
                out->codes[b + 2 * pair][j] = or_words(LOW_NIBBLES(w[j]), shift_left(and_words(bits, 0x01010101), 4));
                out->codes[b + 2 * pair + 1][j] =
                    or_words(HIGH_NIBBLES(w[j]), shift_left(and_words(bits, 0x02020202), 3));
            }
        }
    }
}

INLINE void unpack_q6_k(bool packed, const uint8_t *p, size_t stride, int n_blocks, uint8_t bias, chunk *out)
{
    for (int b = 0; b < n_blocks; b += SUPER_BLOCKS, p += NEXT(q6_k_block)) {
        fetch_ahead(packed, p, NEXT(q6_k_block));
        const floats d = last_field_half(packed, p, offsetof(q6_k_block, d), stride);
        words s[4], high[8], w[8];
        field_16(packed, p, offsetof(q6_k_block, scales), stride, s);
        for (int g = 0; g < 16; g++)
            out->scales[2 * b + g] = multiply(d, float_signed_byte(s[g / 4], g % 4));
        for (int half = 0; half < 2; half++) {
            field_32(packed, p, offsetof(q6_k_block, qh) + 32 * (size_t)half, stride, high);
            for (int part = 0; part < 2; part++) { /* blocks `part` and `part` + 2 of this half share their bytes */
                field_32(packed, p, offsetof(q6_k_block, ql) + 64 * (size_t)half + 32 * (size_t)part, stride, w);
                words *first = out->codes[b + 4 * half + part], *second = out->codes[b + 4 * half + part + 2];
                for (int j = 0; j < 8; j++) {
                    const words bits = shift_right(high[j], 2 * part);
                    first[j] = or_words(LOW_NIBBLES(w[j]), shift_left(and_words(bits, 0x03030303), 4));
                    second[j] = or_words(HIGH_NIBBLES(w[j]), and_words(bits, 0x30303030));
                }
                shift_codes(first, (uint8_t)(bias - 32));
                shift_codes(second, (uint8_t)(bias - 32));
            }
        }
    }
}

#endif
