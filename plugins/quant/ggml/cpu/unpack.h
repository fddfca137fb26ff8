/* From blocks to codes and scales of 16 rows side by side: what each format has to say.
 *
 * Blocks are read as they lie in a file, and transposed on the way; or from a panel, where that has been done once: the
 * field that begins at byte n of a block begins at byte 16 n of the panel's, and holds the words of row 0, 1, ... 15,
 * so that a panel is as large as its rows. What is done with the codes (sink.h, product.c) does not know the format.
 *
 * Each function unpacks one block of the file: of 16 rows, for a sink. */
#ifndef GGML_CPU_UNPACK_H
#define GGML_CPU_UNPACK_H

#include "sink.h"

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
    UNROLL(int j = 0; packed && j < 4; j++)
    out[j] = load_words(p + PANEL_ROWS * offset + sizeof(words) * (size_t)j);
}

/* Two of them. */
INLINE void field_32(bool packed, const uint8_t *p, size_t offset, size_t stride, words out[8])
{
    field_16(packed, p, offset, stride, out);
    field_16(packed, p, offset + 16, stride, out + 4);
}

#define LOW_NIBBLES(w) and_words(w, 0x0f0f0f0f)
#define HIGH_NIBBLES(w) and_words(shift_right(w, 4), 0x0f0f0f0f)

/* Brings bit `from` of each word to bit `to`. */
INLINE words shift_to(words w, int from, int to)
{
    return from < to ? shift_left(w, to - from) : from > to ? shift_right(w, from - to) : w;
}

/* ---- blocks of 32 ---- */

/* 16 bytes, low half first. */
INLINE void unpack_nibbles(bool packed, const uint8_t *p, size_t offset, size_t stride, words codes[8])
{
    words w[4];
    field_16(packed, p, offset, stride, w);
    UNROLL(int j = 0; j < 4; j++)
    {
        codes[j] = LOW_NIBBLES(w[j]);
        codes[4 + j] = HIGH_NIBBLES(w[j]);
    }
}

INLINE void add_fifth_bits(words bits, words codes[8])
{
    UNROLL(int j = 0; j < 8; j++)
    codes[j] = or_words(codes[j], shift_left(spread_4(shift_right(bits, 4 * j)), 4));
}

INLINE void shift_codes(words codes[8], uint8_t by)
{
    if (by == 0)
        return;
    UNROLL(int j = 0; j < 8; j++)
    codes[j] = add_bytes(codes[j], by);
}

INLINE void unpack_q4_0(bool packed, const uint8_t *p, size_t stride, sink *to)
{
    words codes[8];
    put_scale(to, 0, field_half(packed, p, 0, stride));
    unpack_nibbles(packed, p, 2, stride, codes);
    shift_codes(codes, (uint8_t)(to->zero_bias - 8));
    put_codes(to, 0, codes);
    end_block(to, 0);
}

INLINE void unpack_q4_1(bool packed, const uint8_t *p, size_t stride, sink *to)
{
    words codes[8];
    const words head = field_4(packed, p, 0, stride);
    put_scale(to, 0, float_halves(head));
    put_offset(to, 0, float_halves(shift_right(head, 16)));
    unpack_nibbles(packed, p, 4, stride, codes);
    put_codes(to, 0, codes);
    end_block(to, 0);
}

INLINE void unpack_q5_0(bool packed, const uint8_t *p, size_t stride, sink *to)
{
    words codes[8];
    put_scale(to, 0, field_half(packed, p, 0, stride));
    unpack_nibbles(packed, p, 6, stride, codes);
    add_fifth_bits(field_4(packed, p, 2, stride), codes);
    shift_codes(codes, (uint8_t)(to->zero_bias - 16));
    put_codes(to, 0, codes);
    end_block(to, 0);
}

INLINE void unpack_q5_1(bool packed, const uint8_t *p, size_t stride, sink *to)
{
    words codes[8];
    const words head = field_4(packed, p, 0, stride);
    put_scale(to, 0, float_halves(head));
    put_offset(to, 0, float_halves(shift_right(head, 16)));
    unpack_nibbles(packed, p, 8, stride, codes);
    add_fifth_bits(field_4(packed, p, 4, stride), codes);
    put_codes(to, 0, codes);
    end_block(to, 0);
}

INLINE void unpack_q8_0(bool packed, const uint8_t *p, size_t stride, sink *to)
{
    words codes[8];
    put_scale(to, 0, field_half(packed, p, 0, stride));
    field_32(packed, p, 2, stride, codes);
    shift_codes(codes, to->zero_bias);
    put_codes(to, 0, codes);
    end_block(to, 0);
}

INLINE void unpack_mxfp4(bool packed, const uint8_t *p, size_t stride, sink *to)
{
    static const int8_t doubled[16] = { 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12 };
    words codes[8];
    floats scale;
    const words e = field_1(packed, p, 0, stride);
    EACH_REGISTER(q) /* 2^(e - 128), for codes are doubled; subnormal for the lowest two */
    {
        const word_register subnormal = (word_register)(e.r[q] < 2);
        const word_register bits = (subnormal & (0x00200000u << (e.r[q] & 1))) | (~subnormal & ((e.r[q] - 1) << 23));
        scale.r[q] = (float_register)bits;
    }
    put_scale(to, 0, scale);
    unpack_nibbles(packed, p, 1, stride, codes);
    UNROLL(int j = 0; j < 8; j++)
    codes[j] = look_up(codes[j], doubled);
    shift_codes(codes, to->zero_bias);
    put_codes(to, 0, codes);
    end_block(to, 0);
}

/* ---- super-blocks of 256 ---- */

INLINE void unpack_q2_k(bool packed, const uint8_t *p, size_t stride, sink *to)
{
    const words head = field_4(packed, p, offsetof(q2_k_block, d), stride);
    const floats d = float_halves(head), dmin = negate(float_halves(shift_right(head, 16)));
    words s[4], w[8], codes[8];
    field_16(packed, p, offsetof(q2_k_block, scales), stride, s);
    UNROLL(int half = 0; half < 2; half++)
    {
        field_32(packed, p, offsetof(q2_k_block, qs) + 32 * (size_t)half, stride, w);
        UNROLL(int quarter = 0; quarter < 4; quarter++)
        {
            const int b = 4 * half + quarter;
            UNROLL(int g = 2 * b; g < 2 * b + 2; g++)
            {
                put_scale(to, g, multiply(d, float_byte(LOW_NIBBLES(s[g / 4]), g % 4)));
                put_offset(to, g, multiply(dmin, float_byte(HIGH_NIBBLES(s[g / 4]), g % 4)));
            }
            UNROLL(int j = 0; j < 8; j++)
            codes[j] = and_words(shift_right(w[j], 2 * quarter), 0x03030303);
            put_codes(to, b, codes);
            end_block(to, b);
        }
    }
}

INLINE void unpack_q3_k(bool packed, const uint8_t *p, size_t stride, sink *to)
{
    const floats d = last_field_half(packed, p, offsetof(q3_k_block, d), stride);
    words low[2], high[8], w[8], codes[8];
    UNROLL(size_t i = 0; i < 2; i++)
    low[i] = field_4(packed, p, offsetof(q3_k_block, scales) + 4 * i, stride);
    const words top = field_4(packed, p, offsetof(q3_k_block, scales) + 8, stride);
    field_32(packed, p, offsetof(q3_k_block, hmask), stride, high);
    UNROLL(int half = 0; half < 2; half++)
    {
        field_32(packed, p, offsetof(q3_k_block, qs) + 32 * (size_t)half, stride, w);
        UNROLL(int quarter = 0; quarter < 4; quarter++)
        {
            const int b = 4 * half + quarter;
            UNROLL(int g = 2 * b; g < 2 * b + 2; g++)
            {
                const words nibbles = and_words(shift_right(low[g / 4 % 2], g < 8 ? 0 : 4), 0x0f0f0f0f);
                const words bits = and_words(shift_right(top, g / 4 * 2), 0x03030303);
                const words sc = add_bytes(or_words(nibbles, shift_left(bits, 4)), (uint8_t)-32);
                put_scale(to, g, multiply(d, float_signed_byte(sc, g % 4)));
            }
            UNROLL(int j = 0; j < 8; j++)
            codes[j] = or_words(and_words(shift_right(w[j], 2 * quarter), 0x03030303),
                                shift_left(and_words(shift_right(high[j], b), 0x01010101), 2));
            shift_codes(codes, (uint8_t)(to->zero_bias - 4));
            put_codes(to, b, codes);
            end_block(to, b);
        }
    }
}

/* The header that q4_k and q5_k begin with: d, dmin, and eight scales and minima of 6 bits. */
typedef struct header_6bit {
    floats d, dmin; /* dmin: less than zero */
    words scales[2], minima[2];
} header_6bit;

INLINE header_6bit unpack_header(bool packed, const uint8_t *p, size_t stride)
{
    words head[4];
    header_6bit h;
    field_16(packed, p, 0, stride, head);
    h.d = float_halves(head[0]);
    h.dmin = negate(float_halves(shift_right(head[0], 16)));
    h.scales[0] = and_words(head[1], 0x3f3f3f3f);
    h.minima[0] = and_words(head[2], 0x3f3f3f3f);
    h.scales[1] = or_words(LOW_NIBBLES(head[3]), and_words(shift_right(head[1], 2), 0x30303030));
    h.minima[1] = or_words(HIGH_NIBBLES(head[3]), and_words(shift_right(head[2], 2), 0x30303030));
    return h;
}

INLINE void put_6bit_scale(sink *to, int b, floats d, const header_6bit *h)
{
    put_scale(to, b, multiply(d, float_byte(h->scales[b / 4], b % 4)));
    put_offset(to, b, multiply(h->dmin, float_byte(h->minima[b / 4], b % 4)));
}

INLINE void unpack_q4_k(bool packed, const uint8_t *p, size_t stride, sink *to)
{
    const header_6bit head = unpack_header(packed, p, stride);
    const bool wide = to->n_tokens > 0 && CODE_BIAS > 0;
    const floats d[2] = { head.d, wide ? multiply(head.d, all_floats(0.0625f)) : head.d };
    UNROLL(int b = 0; b < SUPER_BLOCKS; b += 2)
    {
        words w[8], codes[8];
        field_32(packed, p, offsetof(q4_k_block, qs) + 16 * (size_t)b, stride, w);
        UNROLL(int i = 0; i < 2; i++)
        {
            UNROLL(int j = 0; j < 8; j++)
            codes[j] = i == 0 ? LOW_NIBBLES(w[j]) : wide ? and_words(w[j], 0xf0f0f0f0) : HIGH_NIBBLES(w[j]);
            put_6bit_scale(to, b + i, d[i], &head);
            put_codes(to, b + i, codes);
            end_block(to, b + i);
        }
    }
}

/* Where the fifth bits of block b are; in panels those of blocks that share bytes are four apart (pack.c). */
INLINE int place_of_fifth_bit(bool packed, int b)
{
    return !packed ? b : b % 2 == 0 ? 4 + b / 2 : b / 2;
}

INLINE void unpack_q5_k(bool packed, const uint8_t *p, size_t stride, sink *to)
{
    const header_6bit head = unpack_header(packed, p, stride);
    words high[8];
    field_32(packed, p, offsetof(q5_k_block, qh), stride, high);
    UNROLL(int b = 0; b < SUPER_BLOCKS; b += 2)
    {
        words w[8], codes[8];
        field_32(packed, p, offsetof(q5_k_block, qs) + 16 * (size_t)b, stride, w);
        UNROLL(int i = 0; i < 2; i++)
        {
            const int place = place_of_fifth_bit(packed, b + i);
            const uint32_t bits = packed ? 0x11111111u << b / 2 : 0x01010101u << place;
            UNROLL(int j = 0; j < 8; j++)
            codes[j] = join_nibbles(i == 0 ? w[j] : shift_right(w[j], 4), shift_to(only_bits(high[j], bits), place, 4),
                                    0x10101010);
            put_6bit_scale(to, b + i, head.d, &head);
            put_codes(to, b + i, codes);
            end_block(to, b + i);
        }
    }
}

INLINE void unpack_q6_k(bool packed, const uint8_t *p, size_t stride, sink *to)
{
    const floats d = last_field_half(packed, p, offsetof(q6_k_block, d), stride);
    words s[4], high[8], w[8], codes[8];
    if (!packed)
        field_16(packed, p, offsetof(q6_k_block, scales), stride, s);
    UNROLL(int half = 0; half < 2; half++)
    {
        field_32(packed, p, offsetof(q6_k_block, qh) + 32 * (size_t)half, stride, high);
        UNROLL(int part = 0; part < 2; part++) /* blocks `part` and `part` + 2 of this half share their bytes */
        {
            field_32(packed, p, offsetof(q6_k_block, ql) + 64 * (size_t)half + 32 * (size_t)part, stride, w);
            const uint32_t bits = 0x33333333u << 2 * part;
            UNROLL(int i = 0; i < 2; i++)
            {
                UNROLL(int j = 0; j < 8; j++)
                codes[j] = join_nibbles(i == 0 ? w[j] : shift_right(w[j], 4),
                                        shift_to(only_bits(high[j], bits), 2 * part + 4 * i, 4), 0x30303030);
                shift_codes(codes, (uint8_t)(to->zero_bias - 32));
                put_codes(to, 4 * half + part + 2 * i, codes);
            }
        }
        UNROLL(int b = 4 * half; b < 4 * half + 4; b++)
        {
            UNROLL(int g = 2 * b; g < 2 * b + 2; g++)
            {
                const size_t at = offsetof(q6_k_block, scales) + (size_t)g;
                const floats sc = packed ? float_signed_bytes(p + PANEL_ROWS * at) : float_signed_byte(s[g / 4], g % 4);
                put_scale(to, g, multiply(d, sc));
            }
            end_block(to, b);
        }
    }
}

#endif
