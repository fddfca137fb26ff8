/* AMX: products of 16 or 8 tokens with 16 rows in one instruction, whose sums are the same whole numbers.
 *
 * A tile of activations is these tokens by the columns that share a scale, as they lie; a tile of codes is what
 * unpacking leaves: words of four columns, one for each row. */
#ifndef GGML_CPU_MATRIX_UNIT_H
#define GGML_CPU_MATRIX_UNIT_H

#include "unpack.h"

enum { TILE_TOKENS = 16, SMALL_TILE_TOKENS = 8 };

typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t columns[16]; /* bytes of a row */
    uint8_t rows[16];
} tile_config;

/* Tiles 0 to 3 take sums, 4 and 5 activations, 6 and 7 codes. */
static void tiles_begin(code_kind kind, int n_tokens)
{
    const int k = kind == SIGNED_32 || kind == OFFSET_32 ? BLOCK : BLOCK / 2;
    tile_config config = { .palette = 1 };
    for (int i = 0; i < 8; i++) {
        config.columns[i] = (uint16_t)(i == 4 || i == 5 ? k : 64);
        config.rows[i] = (uint8_t)(i < 6 ? n_tokens : k / 4);
    }
    /* gcc 12 believes that only the first bytes are read, and would not store the rest. */
    __asm__ volatile("" : : "r"(&config) : "memory");
    _tile_loadconfig(&config);
}

static void tiles_end(void)
{
    _tile_release();
}

INLINE void add_scaled(code_kind kind, int n_tokens, const chunk *c, int b, const int32_t low[TILE_TOKENS][PANEL_ROWS],
                       const int32_t high[TILE_TOKENS][PANEL_ROWS], const int8_t *acts, size_t act_bytes, int64_t block,
                       int64_t k, __m512 *sums)
{
    for (int t = 0; t < n_tokens; t++) {
        const block_lists lists = lists_of(acts + (size_t)t * act_bytes, k);
        /* The sums began at WHOLE_FLOAT: see scale_sum() of product.c. */
        const __m512 scaled = _mm512_fmadd_ps(
            _mm512_load_ps(low[t]), (__m512)c->scales[kind == SIGNED_32 || kind == OFFSET_32 ? b : 2 * b].r[0],
            (__m512)c->minus[b].r[0]);
        if (kind == SIGNED_32 || kind == OFFSET_32) {
            sums[t] = _mm512_fmadd_ps(scaled, _mm512_set1_ps(lists.d[block]), sums[t]);
            if (kind == OFFSET_32)
                sums[t] = _mm512_fmadd_ps((__m512)c->offsets[b].r[0], _mm512_set1_ps(lists.sum[block]), sums[t]);
        } else {
            const __m512 second = _mm512_sub_ps(_mm512_load_ps(high[t]), _mm512_set1_ps(0x1.8p23f));
            const __m512 both = _mm512_fmadd_ps(second, (__m512)c->scales[2 * b + 1].r[0], scaled);
            sums[t] = _mm512_fmadd_ps(both, _mm512_set1_ps(lists.d[block]), sums[t]);
            if (kind == OFFSET_16) {
                sums[t] =
                    _mm512_fmadd_ps((__m512)c->offsets[2 * b].r[0], _mm512_set1_ps(lists.half_sum[2 * block]), sums[t]);
                sums[t] = _mm512_fmadd_ps((__m512)c->offsets[2 * b + 1].r[0],
                                          _mm512_set1_ps(lists.half_sum[2 * block + 1]), sums[t]);
            }
        }
    }
}

/* Where the sums of a row of a tile begin. */
#define FOUR(x) x, x, x, x
_Alignas(64) static const int32_t beginning[PANEL_ROWS] = { FOUR(WHOLE_FLOAT), FOUR(WHOLE_FLOAT), FOUR(WHOLE_FLOAT),
                                                            FOUR(WHOLE_FLOAT) };

/* A block's products with all tokens wait in memory until they are scaled: of all its columns, or of each half. */
typedef int32_t dot_products[2][TILE_TOKENS][PANEL_ROWS];

#define MULTIPLY(sum, act, code, x, codes, to)                                                                         \
    do {                                                                                                               \
        _tile_loadd(sum, beginning, 0); /* the same for all rows */                                                    \
        _tile_loadd(act, x, act_bytes);                                                                                \
        _tile_loadd(code, codes, 64);                                                                                  \
        _tile_dpbssd(sum, act, code);                                                                                  \
        _tile_stored(sum, to, 64);                                                                                     \
    } while (0)

/* Block b of the chunk, whose columns begin at x in the first row; by tiles that the other function does not use. */
INLINE void multiply_even(bool halves, const chunk *c, int b, const int8_t *x, size_t act_bytes, dot_products dots)
{
    MULTIPLY(0, 4, 6, x, c->codes[b], dots[0]);
    if (halves)
        MULTIPLY(1, 5, 7, x + BLOCK / 2, c->codes[b] + WORDS_PER_BLOCK / 2, dots[1]);
}

INLINE void multiply_odd(bool halves, const chunk *c, int b, const int8_t *x, size_t act_bytes, dot_products dots)
{
    if (halves)
        MULTIPLY(2, 4, 6, x, c->codes[b], dots[0]);
    else
        MULTIPLY(2, 5, 7, x, c->codes[b], dots[0]);
    if (halves)
        MULTIPLY(3, 5, 7, x + BLOCK / 2, c->codes[b] + WORDS_PER_BLOCK / 2, dots[1]);
}

/* As add_chunk() of product.c, for as many tokens as tiles_begin() was told, a constant where this is inlined. The next
 * block is multiplied before one is scaled: the two units work side by side when their instructions come in turns. */
INLINE void tiles_add_group(code_kind kind, int n_tokens, const chunk *c, int n_blocks, const int8_t *acts,
                            size_t act_bytes, int64_t first, int64_t k, floats *results)
{
    const bool halves = kind == SIGNED_16 || kind == OFFSET_16;
    const int8_t *x = acts + first;
    const int64_t at = first / BLOCK;
    _Alignas(64) dot_products even, odd;
    __m512 sums[TILE_TOKENS];
    __asm__ volatile("" : : : "memory"); /* gcc does not know that loading a tile reads memory */
    for (int t = 0; t < n_tokens; t++)
        sums[t] = (__m512)results[t].r[0];
    multiply_even(halves, c, 0, x, act_bytes, even);
    for (int b = 0; b < n_blocks; b += 2) {
        if (b + 1 < n_blocks)
            multiply_odd(halves, c, b + 1, x + (b + 1) * BLOCK, act_bytes, odd);
        add_scaled(kind, n_tokens, c, b, even[0], even[1], acts, act_bytes, at + b, k, sums);
        if (b + 2 < n_blocks)
            multiply_even(halves, c, b + 2, x + (b + 2) * BLOCK, act_bytes, even);
        if (b + 1 < n_blocks)
            add_scaled(kind, n_tokens, c, b + 1, odd[0], odd[1], acts, act_bytes, at + b + 1, k, sums);
    }
    for (int t = 0; t < n_tokens; t++)
        results[t].r[0] = (float_register)sums[t];
}

#define TILES_ADD(KIND)                                                                                                \
    static void tiles_add_##KIND(const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes, int n_tokens,     \
                                 int64_t first, int64_t k, floats *results)                                            \
    {                                                                                                                  \
        if (n_tokens < TILE_TOKENS)                                                                                    \
            tiles_add_group(KIND, SMALL_TILE_TOKENS, c, n_blocks, acts, act_bytes, first, k, results);                 \
        for (int t = 0; t + TILE_TOKENS <= n_tokens; t += TILE_TOKENS)                                                 \
            tiles_add_group(KIND, TILE_TOKENS, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k,         \
                            results + t);                                                                              \
    }

TILES_ADD(SIGNED_32)
TILES_ADD(OFFSET_32)
TILES_ADD(SIGNED_16)
TILES_ADD(OFFSET_16)

/* For 8 tokens, or a multiple of 16. */
static const struct {
    void (*add)(const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes, int n_tokens, int64_t first,
                int64_t k, floats *results);
} tiles[] = { { tiles_add_SIGNED_32 }, { tiles_add_OFFSET_32 }, { tiles_add_SIGNED_16 }, { tiles_add_OFFSET_16 } };

#endif
