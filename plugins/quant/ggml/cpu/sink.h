/* Where the codes and the scales of a block go when they are unpacked: into a chunk in the nearest cache, which many
 * tokens will read; or, for few tokens, straight into their products, so that codes never leave the registers. */
#ifndef GGML_CPU_SINK_H
#define GGML_CPU_SINK_H

#include <bora/read_ahead.h>
#include <stdbool.h>

#include "../layout.h"
#include "activation.h"
#include "vectors.h"

enum {
    CHUNK_BLOCKS = 16,
    WORDS_PER_BLOCK = BLOCK / 4,
    SUPER_BLOCKS = SUPER_BLOCK / BLOCK,
    MOST_FEW_TOKENS = 4, /* that a sink multiplies */
};

/* What the codes of a format are like; each kind has its own inner loops. */
typedef enum code_kind {
    SIGNED_32, /* codes around zero; a scale for each block */
    OFFSET_32, /* codes from zero on; a scale and an offset for each block */
    SIGNED_16, /* likewise for each half of a block */
    OFFSET_16,
} code_kind;

#define IS_SIGNED(kind) ((kind) == SIGNED_32 || (kind) == SIGNED_16)
#define HAS_HALVES(kind) ((kind) == SIGNED_16 || (kind) == OFFSET_16)

/* What is done with sums of products of a block, or of half of one: a number is scale * code + offset. */
typedef struct factors {
    floats scale;
    floats minus;  /* -1.5 * 2^23 * scale, for scale_sum(); not of second halves */
    floats offset; /* of formats that have any */
} factors;

/* Up to 512 columns of 16 rows. */
typedef struct chunk {
    words codes[CHUNK_BLOCKS][WORDS_PER_BLOCK]; /* plus a bias */
    factors factors[2 * CHUNK_BLOCKS];          /* [n_blocks], or [2 n_blocks] for formats with groups of 16 */
    const uint8_t *from;                        /* where it begins in a panel, and the bytes of a block there, for */
    size_t block_bytes;                         /* fetch_ahead(); 0: not in a panel */
} chunk;

/* Where in a token's row block `at` of n is: bytes from the row's beginning. */
typedef struct row_places {
    size_t codes, d, sum, bias;
} row_places;

/* The same as addresses, in a token's row. */
typedef struct row_pointers {
    const int8_t *codes, *d, *sum, *bias;
} row_pointers;

/* Multiples of the bytes of a token's row that make eight rows of addresses an instruction can read: of one register,
 * or of two, the second one times two or four. Eight addresses would not fit the registers beside what else there is.
 */
typedef struct row_strides {
    size_t one, three, five, seven;
} row_strides;

INLINE row_strides strides_of(size_t act_bytes)
{
    return (row_strides){ act_bytes, 3 * act_bytes, 5 * act_bytes, 7 * act_bytes };
}

/* The compiler shall not know that they never change, or it would keep each of the addresses. */
INLINE row_strides keep_strides(row_strides rows)
{
    KEEP(rows.one);
    KEEP(rows.three);
    KEEP(rows.five);
    KEEP(rows.seven);
    return rows;
}

/* That of row t, 0 to 7, if the first one's is p. */
INLINE const int8_t *in_row(const int8_t *p, row_strides rows, int t)
{
    const size_t offsets[] = { 0,         rows.one,       2 * rows.one, rows.three, 4 * rows.one,
                               rows.five, 2 * rows.three, rows.seven };
    return p + offsets[t];
}

/* What few tokens and 16 rows make of a file's block. */
typedef struct few_products {
    const int8_t *rows[MOST_FEW_TOKENS];
    row_places at; /* of the first block of what is unpacked */
    ints dots[SUPER_BLOCKS][2][MOST_FEW_TOKENS];
    factors factors[2 * SUPER_BLOCKS];
    floats sums[MOST_FEW_TOKENS];
} few_products;

typedef struct sink {
    code_kind kind;
    int n_tokens;      /* that codes are multiplied with; 0: they go to the chunk. Constant where this is inlined */
    int bits;          /* of a code */
    uint8_t zero_bias; /* added to codes around zero */
    chunk *chunk;
    int first; /* what is unpacked begins with this block of the chunk */
    few_products few;
} sink;

INLINE row_places places_of(code_kind kind, int64_t at, int64_t k)
{
    const list_places lists = list_places_of(k);
    const size_t b = (size_t)at, d = lists.d + 4 * b;
    return HAS_HALVES(kind) ? (row_places){ BLOCK * b, d, lists.half_sum + 8 * b, lists.half_bias + 8 * b }
                            : (row_places){ BLOCK * b, d, lists.sum + 4 * b, lists.bias + 4 * b };
}

INLINE row_pointers pointers_to(const int8_t *row, row_places at)
{
    return (row_pointers){ row + at.codes, row + at.d, row + at.sum, row + at.bias };
}

/* Of the block n blocks on. */
INLINE row_pointers next_block(code_kind kind, row_pointers p, int n)
{
    const int half = HAS_HALVES(kind) ? 8 : 4;
    p = (row_pointers){ p.codes + BLOCK * n, p.d + 4 * n, p.sum + half * n, p.bias + half * n };
    KEEP(p.codes);
    KEEP(p.d);
    KEEP(p.sum);
    KEEP(p.bias);
    return p;
}

/* Asks memory for what comes after the bytes at p, which are worked on meanwhile. */
INLINE void fetch_ahead(const uint8_t *p, size_t bytes)
{
    enum { COLUMN = BORA_READ_AHEAD_COLUMN };
    const uintptr_t end = (uintptr_t)p + bytes;
    for (uintptr_t at = ((uintptr_t)p + COLUMN - 1) / COLUMN * COLUMN; at < end; at += COLUMN)
        bora_read_ahead(at);
}

/* The same before a file's block is unpacked for few tokens. */
INLINE void fetch_after(const uint8_t *p, size_t bytes)
{
    enum { LINE = BORA_READ_AHEAD_LINE };
#ifndef READS_IN_ORDER /* else it is known */
    if (!bora_reads_in_order()) {
        fetch_ahead(p, bytes);
        return;
    }
#endif
    const uintptr_t begin = (uintptr_t)p / LINE * LINE, end = ((uintptr_t)p + bytes) / LINE * LINE;
    bora_read_lines_ahead(begin + BORA_READ_AHEAD_DISTANCE, (int)((end - begin) / LINE));
}

INLINE float float_at(const int8_t *p)
{
    float f;
    memcpy(&f, p, sizeof f);
    return f;
}

INLINE int32_t int_at(const int8_t *p)
{
    int32_t i;
    memcpy(&i, p, sizeof i);
    return i;
}

/* Where a sum of products begins when codes are as stored: at minus what their bias adds. */
INLINE ints begin_stored(code_kind kind, int bits, const int8_t *bias)
{
    if (!IS_SIGNED(kind) || code_bias(bits) == 0)
        return all_ints(0);
    return all_ints((int_at(bias) - WHOLE_FLOAT) >> (8 - bits));
}

/* The same in a chunk. With unsigned codes of 8 bits (CODE_BIAS) that is the bits of 1.5 * 2^23, less what the codes'
 * bias adds: then the sum's bits are a float already, and to convert it is to subtract. `bits` matters only where codes
 * are multiplied as stored. */
INLINE ints begin_sum(code_kind kind, int bits, const int8_t *bias)
{
    if (CODE_BIAS == 0)
        return begin_stored(kind, bits, bias);
    return all_ints(IS_SIGNED(kind) ? int_at(bias) : WHOLE_FLOAT);
}

INLINE floats float_sum(ints sum)
{
    return CODE_BIAS > 0 ? subtract(floats_of_bits(sum), 0x1.8p23f) : float_ints(sum);
}

/* sum * scale, rounded once; with unsigned codes by (1.5 * 2^23 + sum) * scale + minus: a scale has so few digits that
 * `minus` is exact, and so the rounding is the same. */
INLINE floats scale_sum(ints sum, const factors *f)
{
    return CODE_BIAS > 0 ? fma_floats(floats_of_bits(sum), f->scale, f->minus) : multiply(float_ints(sum), f->scale);
}

/* A token's sum and what a block adds to it: `scaled`, its products by the weights' scales, times d, and the offsets
 * times the sums of the activations; d and the sums are read there. */
INLINE floats join_block(code_kind kind, floats sum, floats scaled, const factors *f, const int8_t *d,
                         const int8_t *x_sum)
{
    sum = fma_all(scaled, float_at(d), sum);
    if (kind == OFFSET_32 || kind == OFFSET_16)
        sum = fma_all(f[0].offset, float_at(x_sum), sum);
    if (kind == OFFSET_16)
        sum = fma_all(f[1].offset, float_at(x_sum + 4), sum);
    return sum;
}

/* Those of block i, or of half i, of what is unpacked. */
INLINE factors *chunk_factors(sink *to, int i)
{
    return &to->chunk->factors[(HAS_HALVES(to->kind) ? 2 : 1) * to->first + i];
}

/* The scale of block i, or of half i. */
INLINE void put_scale(sink *to, int i, floats scale)
{
    if (to->n_tokens) {
        to->few.factors[i].scale = scale;
        return;
    }
    factors *f = chunk_factors(to, i);
    f->scale = scale;
    if (CODE_BIAS > 0 && !(HAS_HALVES(to->kind) && i % 2))
        f->minus = multiply(scale, all_floats(-0x1.8p23f));
}

INLINE void put_offset(sink *to, int i, floats offset)
{
    if (to->n_tokens)
        to->few.factors[i].offset = offset;
    else
        chunk_factors(to, i)->offset = offset;
}

/* Sums of products of a block: of each half, if it has a scale of its own, or if there would be too few to keep the
 * processor busy, for each product waits for the one before. */
INLINE int few_dots(const sink *to)
{
    return HAS_HALVES(to->kind) || (to->n_tokens <= 2 && !ADDS_PAIRS) ? 2 : 1;
}

#if ADDS_PAIRS
/* Those of n_words of a block, of its half i if there are such. */
INLINE void add_few_products(sink *to, int b, int i, int n_words, const words *codes, const int8_t *const *x)
{
    const int8_t *from[MOST_FEW_TOKENS];
    ints dots[MOST_FEW_TOKENS];
    UNROLL(int t = 0; t < to->n_tokens; t++)
    {
        from[t] = x[t] + BLOCK * b + 4 * n_words * i;
        dots[t] = to->few.dots[b][i][t];
    }
    add_products(to->bits, to->n_tokens, n_words, codes + n_words * i, from, dots);
    UNROLL(int t = 0; t < to->n_tokens; t++)
    to->few.dots[b][i][t] = dots[t];
}
#endif

INLINE void put_codes(sink *to, int b, const words codes[WORDS_PER_BLOCK])
{
    if (to->n_tokens == 0) {
        UNROLL(int j = 0; j < WORDS_PER_BLOCK; j++)
        EACH_REGISTER(q) /* gcc would copy both registers of a structure in pieces of eight bytes */
        to->chunk->codes[to->first + b][j].r[q] = codes[j].r[q];
        return;
    }
    few_products *few = &to->few;
    const int n_dots = few_dots(to);
    UNROLL(int t = 0; t < to->n_tokens; t++)
    {
        const int8_t *bias = few->rows[t] + few->at.bias;
        few->dots[b][0][t] = begin_stored(to->kind, to->bits, bias + (HAS_HALVES(to->kind) ? 8 : 4) * b);
        if (n_dots == 2)
            few->dots[b][1][t] =
                HAS_HALVES(to->kind) ? begin_stored(to->kind, to->bits, bias + 8 * b + 4) : all_ints(0);
    }
    const int8_t *x[MOST_FEW_TOKENS];
    UNROLL(int t = 0; t < to->n_tokens; t++)
    {
        x[t] = few->rows[t] + few->at.codes;
        KEEP(x[t]);
    }
#if ADDS_PAIRS
    if (HAS_HALVES(to->kind)) {
        add_few_products(to, b, 0, WORDS_PER_BLOCK / 2, codes, x);
        add_few_products(to, b, 1, WORDS_PER_BLOCK / 2, codes, x);
    } else {
        add_few_products(to, b, 0, WORDS_PER_BLOCK, codes, x);
    }
#else
    const int n_words = WORDS_PER_BLOCK / n_dots;
    UNROLL(int j = 0; j < n_words; j++)
    UNROLL(int i = 0; i < n_dots; i++)
    UNROLL(int t = 0; t < to->n_tokens; t++)
    {
        const int word = i * n_words + j;
        few->dots[b][i][t] = dot_words(few->dots[b][i][t], codes[word], x[t] + BLOCK * b + 4 * word);
    }
#endif
}

/* To be said of each block in order, when all of it was put. */
INLINE void end_block(sink *to, int b)
{
    few_products *few = &to->few;
    const int n = HAS_HALVES(to->kind) ? 2 : 1;
    UNROLL(int t = 0; t < to->n_tokens; t++)
    {
        const int8_t *row = few->rows[t];
        ints dot = few->dots[b][0][t];
        EACH_REGISTER(q)
        if (n == 1 && few_dots(to) == 2)
            dot.r[q] += few->dots[b][1][t].r[q];
        floats scaled = multiply(float_ints(dot), few->factors[n * b].scale);
        if (n == 2)
            scaled = fma_floats(float_ints(few->dots[b][1][t]), few->factors[2 * b + 1].scale, scaled);
        few->sums[t] = join_block(to->kind, few->sums[t], scaled, few->factors + n * b, row + few->at.d + 4 * b,
                                  row + few->at.sum + 4 * n * b);
    }
}

#endif
