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

/* Tiles 0 to 2 take sums, 4 and 5 activations, 6 and 7 codes. */
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

/* Adds a block's products with the tokens of a group, eight in each half of it. While the matrix unit is in use only
 * one port does arithmetic of floats, but two do that of whole numbers: so what converts a sum to a float is an
 * addition, not the instruction for it. */
INLINE void add_scaled(code_kind kind, const factors *f, const dot_products dots, const row_pointers x[2],
                       row_strides rows, floats *sums)
{
    UNROLL(int t = 0; t < TILE_TOKENS; t++)
    {
        const __m512i whole = _mm512_add_epi32(_mm512_load_epi32(dots[t]), _mm512_set1_epi32(WHOLE_FLOAT));
        const floats scaled = scale_sum((ints){ { (int_register)whole } }, f);
        sums[t] =
            join_block(kind, sums[t], scaled, f, in_row(x[t / 8].d, rows, t % 8), in_row(x[t / 8].sum, rows, t % 8));
    }
}

/* Tiles are named by literals. */
#define LOAD_BLOCK(act, code, x, codes)                                                                                \
    do {                                                                                                               \
        _tile_loadd(act, x, act_bytes);                                                                                \
        _tile_loadd(code, codes, 64);                                                                                  \
    } while (0)

#define MULTIPLY_BLOCK(sum, act, code)                                                                                 \
    do {                                                                                                               \
        _tile_zero(sum);                                                                                               \
        _tile_dpbssd(sum, act, code);                                                                                  \
    } while (0)

/* A block is scaled, whose products are `dots`. Before that the products of the next one leave their tile, and the one
 * after that (i blocks from `then`) is multiplied: the matrix unit works on while the vector unit scales. */
#define SCALE_BLOCK(i, dots, next_dots, next_sum, sum, act, code)                                                      \
    do {                                                                                                               \
        LOAD_BLOCK(act, code, then_x + (i)*BLOCK, then_codes[i]);                                                      \
        _tile_stored(next_sum, next_dots, 64);                                                                         \
        MULTIPLY_BLOCK(sum, act, code);                                                                                \
        add_scaled(kind, &c->factors[b + (i)], dots, lists, rows, sums);                                               \
        lists[0] = next_block(kind, lists[0], 1);                                                                      \
        lists[1] = next_block(kind, lists[1], 1);                                                                      \
    } while (0)

/* As add_tokens() of product.c, for a multiple of 16 tokens. Blocks go two by two, and those of one group of tokens
 * follow those of another without a stop: with the last of one the first ones of the next are multiplied (with the
 * last of all, once more its own first ones). */
INLINE void add_tiles(code_kind kind, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes, int n_tokens,
                      int64_t first, int64_t k, floats *results)
{
    const int n_even = n_blocks / 2 * 2;
    const row_places at = places_of(kind, first / BLOCK, k);
    row_strides rows = strides_of(act_bytes);
    _Alignas(64) dot_products even, odd;
    __asm__ volatile("" : : : "memory"); /* gcc does not know that loading a tile reads memory */
    if (n_even > 0) {
        LOAD_BLOCK(4, 6, acts + at.codes, c->codes[0]);
        MULTIPLY_BLOCK(0, 4, 6);
        _tile_stored(0, even, 64);
        LOAD_BLOCK(5, 7, acts + at.codes + BLOCK, c->codes[1]);
        MULTIPLY_BLOCK(2, 5, 7);
    }
    for (int t = 0; t < n_tokens; t += TILE_TOKENS) {
        const size_t fetched = t == 0 ? c->block_bytes : 0; /* with each block */
        const size_t group = (size_t)t * act_bytes, next = t + TILE_TOKENS < n_tokens ? TILE_TOKENS * act_bytes : 0;
        row_pointers lists[2] = { pointers_to(acts + group, at), pointers_to(acts + group + 8 * act_bytes, at) };
        floats sums[TILE_TOKENS];
        UNROLL(int i = 0; i < TILE_TOKENS; i++)
        sums[i] = results[t + i];
        for (int b = 0; b < n_even; b += 2) {
            const bool last = b + 2 == n_even;
            const int8_t *then_x = last ? acts + group + next + at.codes : lists[0].codes + 2 * BLOCK;
            const words(*then_codes)[WORDS_PER_BLOCK] = last ? c->codes : c->codes + b + 2;
            fetch_ahead(c->from + (size_t)b * fetched, 2 * fetched);
            rows = keep_strides(rows);
            SCALE_BLOCK(0, even, odd, 2, 0, 4, 6);
            SCALE_BLOCK(1, odd, even, 0, 2, 5, 7);
        }
        if (n_blocks > n_even) {
            const int8_t *codes = acts + group + at.codes + (size_t)n_even * BLOCK;
            _Alignas(64) dot_products dots;
            LOAD_BLOCK(4, 6, codes, c->codes[n_even]);
            MULTIPLY_BLOCK(1, 4, 6);
            _tile_stored(1, dots, 64);
            add_scaled(kind, &c->factors[n_even], dots, lists, rows, sums);
        }
        UNROLL(int i = 0; i < TILE_TOKENS; i++)
        results[t + i] = sums[i];
    }
}

INLINE void tiles_add(code_kind kind, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes, int n_tokens,
                      int64_t first, int64_t k, floats *results)
{
    if (kind == SIGNED_32)
        add_tiles(SIGNED_32, c, n_blocks, acts, act_bytes, n_tokens, first, k, results);
    else
        add_tiles(OFFSET_32, c, n_blocks, acts, act_bytes, n_tokens, first, k, results);
}

#endif
