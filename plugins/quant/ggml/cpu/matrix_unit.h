/* AMX: products of 16 tokens with 16 rows in one instruction, whose sums are the same whole numbers.
 *
 * A tile of activations is these tokens by the columns of a block, as they lie; a tile of codes is what unpacking
 * leaves: words of four columns, one for each row. */
#ifndef GGML_CPU_MATRIX_UNIT_H
#define GGML_CPU_MATRIX_UNIT_H

#include "sink.h"

enum { TILE_TOKENS = 16 };

typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t columns[16]; /* bytes of a row */
    uint8_t rows[16];
} tile_config;

/* How many of n_tokens it multiplies. Formats whose groups are half as long have twice the sums to scale: the vector
 * unit is faster at them. */
static int tiles_tokens(code_kind kind, int n_tokens)
{
    return HAS_HALVES(kind) ? 0 : n_tokens / TILE_TOKENS * TILE_TOKENS;
}

/* Tiles 0 and 2 take sums, 4 and 5 activations, 6 and 7 codes. */
static void tiles_begin(void)
{
    tile_config config = { .palette = 1 };
    for (int i = 0; i < 8; i++) {
        config.columns[i] = (uint16_t)(i == 4 || i == 5 ? BLOCK : 64);
        config.rows[i] = (uint8_t)(i < 6 ? TILE_TOKENS : WORDS_PER_BLOCK);
    }
    /* gcc 12 believes that only the first bytes are read, and would not store the rest. */
    __asm__ volatile("" : : "r"(&config) : "memory");
    _tile_loadconfig(&config);
}

static void tiles_end(void)
{
    _tile_release();
}

/* A block's products with the tokens of a group wait in memory until they are scaled. */
typedef int32_t dot_products[TILE_TOKENS][PANEL_ROWS];

/* Adds a block's products with the tokens of a group, eight in each half of it: see scale_sum() of product.c. While the
 * matrix unit is in use only one port does arithmetic of floats, but two do that of whole numbers: so what converts a
 * sum to a float is an addition, not the instruction for it. */
INLINE void add_scaled(code_kind kind, const factors *f, const dot_products dots, const row_pointers x[2],
                       row_strides rows, floats *sums)
{
    UNROLL(int t = 0; t < TILE_TOKENS; t++)
    {
        const __m512i whole = _mm512_add_epi32(_mm512_load_epi32(dots[t]), _mm512_set1_epi32(WHOLE_FLOAT));
        const floats scaled = fma_floats((floats){ { (float_register)whole } }, f->scale, f->minus);
        sums[t] =
            join_block(kind, sums[t], scaled, f, in_row(x[t / 8].d, rows, t % 8), in_row(x[t / 8].sum, rows, t % 8));
    }
}

/* Tiles are named by literals. */
#define LOAD_BLOCK(act, code, b)                                                                                       \
    do {                                                                                                               \
        _tile_loadd(act, codes + (size_t)(b)*BLOCK, act_bytes);                                                        \
        _tile_loadd(code, c->codes[b], 64);                                                                            \
    } while (0)

#define MULTIPLY_BLOCK(sum, act, code)                                                                                 \
    do {                                                                                                               \
        _tile_zero(sum);                                                                                               \
        _tile_dpbssd(sum, act, code);                                                                                  \
    } while (0)

/* Block b is scaled. Before that the products of the next one leave their tile, and the one after that is multiplied:
 * the matrix unit works on while the vector unit scales. */
#define SCALE_BLOCK(b, dots, next_dots, next_sum, sum, act, code)                                                      \
    do {                                                                                                               \
        if ((b) + 2 < n_blocks)                                                                                        \
            LOAD_BLOCK(act, code, (b) + 2);                                                                            \
        if ((b) + 1 < n_blocks)                                                                                        \
            _tile_stored(next_sum, next_dots, 64);                                                                     \
        if ((b) + 2 < n_blocks)                                                                                        \
            MULTIPLY_BLOCK(sum, act, code);                                                                            \
        add_scaled(kind, &c->factors[b], dots, x, rows, sums);                                                         \
        x[0] = next_block(kind, x[0], 1);                                                                              \
        x[1] = next_block(kind, x[1], 1);                                                                              \
    } while (0)

/* As add_chunk() of product.c, for 16 tokens. */
INLINE void add_tile(code_kind kind, bool ahead, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes,
                     int64_t first, int64_t k, floats *results)
{
    const size_t fetched = ahead ? c->block_bytes : 0; /* with each block */
    const row_places at = places_of(kind, first / BLOCK, k);
    const int8_t *codes = acts + at.codes;
    row_pointers x[2] = { pointers_to(acts, at), pointers_to(acts + 8 * act_bytes, at) };
    row_strides rows = strides_of(act_bytes);
    _Alignas(64) dot_products even, odd;
    floats sums[TILE_TOKENS];
    __asm__ volatile("" : : : "memory"); /* gcc does not know that loading a tile reads memory */
    UNROLL(int t = 0; t < TILE_TOKENS; t++)
    sums[t] = results[t];
    LOAD_BLOCK(4, 6, 0);
    MULTIPLY_BLOCK(0, 4, 6);
    _tile_stored(0, even, 64);
    if (n_blocks > 1) {
        LOAD_BLOCK(5, 7, 1);
        MULTIPLY_BLOCK(2, 5, 7);
    }
    for (int b = 0; b < n_blocks; b += 2) {
        fetch_ahead(c->from + (size_t)b * fetched, 2 * fetched);
        rows = keep_strides(rows);
        SCALE_BLOCK(b, even, odd, 2, 0, 4, 6);
        if (b + 1 < n_blocks)
            SCALE_BLOCK(b + 1, odd, even, 0, 2, 5, 7);
    }
    UNROLL(int t = 0; t < TILE_TOKENS; t++)
    results[t] = sums[t];
}

/* For a multiple of 16 tokens. */
INLINE void tiles_add(code_kind kind, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes, int n_tokens,
                      int64_t first, int64_t k, floats *results)
{
    for (int t = 0; t < n_tokens; t += TILE_TOKENS)
        if (kind == SIGNED_32)
            add_tile(SIGNED_32, t == 0, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k, results + t);
        else
            add_tile(OFFSET_32, t == 0, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k, results + t);
}

#endif
