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

/* A block's products with the tokens of a group: of all its columns, or of each half. They wait in memory until they
 * are scaled. */
typedef int32_t dot_products[2][TILE_TOKENS][PANEL_ROWS];

INLINE __m512 float_dots(const int32_t dots[PANEL_ROWS])
{
    return _mm512_cvtepi32_ps(_mm512_load_epi32(dots));
}

/* Adds the products of block b of the chunk, `block` of the activations, each with its scales: see scale_sum() of
 * product.c, which rounds as often. */
INLINE void add_scaled(code_kind kind, int n_tokens, const chunk *c, int b, const dot_products dots, const int8_t *acts,
                       size_t act_bytes, int64_t block, int64_t k, __m512 *sums)
{
    for (int t = 0; t < n_tokens; t++) {
        const block_lists lists = lists_of(acts + (size_t)t * act_bytes, k);
        const bool whole = kind == SIGNED_32 || kind == OFFSET_32;
        const __m512 scaled = _mm512_mul_ps(float_dots(dots[0][t]), (__m512)c->scales[whole ? b : 2 * b].r[0]);
        if (whole) {
            sums[t] = _mm512_fmadd_ps(scaled, _mm512_set1_ps(lists.d[block]), sums[t]);
            if (kind == OFFSET_32)
                sums[t] = _mm512_fmadd_ps((__m512)c->offsets[b].r[0], _mm512_set1_ps(lists.sum[block]), sums[t]);
        } else {
            const __m512 both = _mm512_fmadd_ps(float_dots(dots[1][t]), (__m512)c->scales[2 * b + 1].r[0], scaled);
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

/* Products of the codes in a tile with the tokens at x. Tiles are named by literals. */
#define MULTIPLY(sum, act, code, x)                                                                                    \
    do {                                                                                                               \
        _tile_zero(sum);                                                                                               \
        _tile_loadd(act, x, act_bytes);                                                                                \
        _tile_dpbssd(sum, act, code);                                                                                  \
    } while (0)

/* And all of it for one group of tokens. */
#define MULTIPLY_BLOCK(sum, act, code, codes, x, to)                                                                   \
    do {                                                                                                               \
        _tile_zero(sum);                                                                                               \
        _tile_loadd(act, x, act_bytes);                                                                                \
        _tile_loadd(code, codes, 64);                                                                                  \
        _tile_dpbssd(sum, act, code);                                                                                  \
        _tile_stored(sum, to, 64);                                                                                     \
    } while (0)

/* For one group or two. */
#define MULTIPLY_GROUPS(n_groups, sum, second, code, codes, x, y, to, to_second)                                       \
    do {                                                                                                               \
        _tile_loadd(code, codes, 64);                                                                                  \
        MULTIPLY(sum, 4, code, x);                                                                                     \
        if ((n_groups) == 2)                                                                                           \
            MULTIPLY(second, 5, code, y);                                                                              \
        _tile_stored(sum, to, 64);                                                                                     \
        if ((n_groups) == 2)                                                                                           \
            _tile_stored(second, to_second, 64);                                                                       \
    } while (0)

/* As add_chunk() of product.c, for as many tokens as tiles_begin() was told, a constant where this is inlined, and
 * blocks that have one scale. The next block is multiplied before one is scaled: the two units work side by side when
 * their instructions come in turns. */
INLINE void add_in_turns(code_kind kind, int n_tokens, const chunk *c, int n_blocks, const int8_t *acts,
                         size_t act_bytes, int64_t first, int64_t k, floats *results)
{
    const int8_t *x = acts + first;
    const int64_t at = first / BLOCK;
    _Alignas(64) dot_products even, odd;
    __m512 sums[TILE_TOKENS];
    __asm__ volatile("" : : : "memory"); /* gcc does not know that loading a tile reads memory */
    for (int t = 0; t < n_tokens; t++)
        sums[t] = (__m512)results[t].r[0];
    MULTIPLY_BLOCK(0, 4, 6, c->codes[0], x, even);
    for (int b = 0; b < n_blocks; b += 2) {
        if (b + 1 < n_blocks)
            MULTIPLY_BLOCK(2, 5, 7, c->codes[b + 1], x + (b + 1) * BLOCK, odd);
        add_scaled(kind, n_tokens, c, b, even, acts, act_bytes, at + b, k, sums);
        if (b + 2 < n_blocks)
            MULTIPLY_BLOCK(0, 4, 6, c->codes[b + 2], x + (b + 2) * BLOCK, even);
        if (b + 1 < n_blocks)
            add_scaled(kind, n_tokens, c, b + 1, odd, acts, act_bytes, at + b + 1, k, sums);
    }
    for (int t = 0; t < n_tokens; t++)
        results[t].r[0] = (float_register)sums[t];
}

/* The same for n_groups times as many tokens, which share each tile of codes. Where there is more to scale than two
 * numbers for a block, the units do better one after the other: this many blocks are multiplied, then scaled. */
enum { TILE_BLOCKS = 4 };

INLINE void add_in_batches(code_kind kind, int n_groups, int n_tokens, const chunk *c, int n_blocks, const int8_t *acts,
                           size_t act_bytes, int64_t first, int64_t k, floats *results)
{
    const bool halves = kind == SIGNED_16 || kind == OFFSET_16;
    const size_t group_bytes = (size_t)n_tokens * act_bytes;
    _Alignas(64) dot_products dots[TILE_BLOCKS][2];
    for (int from = 0; from < n_blocks; from += TILE_BLOCKS) {
        const int n = n_blocks - from < TILE_BLOCKS ? n_blocks - from : TILE_BLOCKS;
        __asm__ volatile("" : : : "memory"); /* gcc does not know that loading a tile reads memory */
        for (int i = 0; i < n; i++) {
            const int8_t *x = acts + first + (from + i) * BLOCK, *y = x + group_bytes;
            const int8_t *codes = (const int8_t *)c->codes[from + i];
            MULTIPLY_GROUPS(n_groups, 0, 1, 6, codes, x, y, dots[i][0][0], dots[i][1][0]);
            if (halves)
                MULTIPLY_GROUPS(n_groups, 2, 3, 7, codes + BLOCK / 2 * PANEL_ROWS, x + BLOCK / 2, y + BLOCK / 2,
                                dots[i][0][1], dots[i][1][1]);
        }
        for (int g = 0; g < n_groups; g++) {
            __m512 sums[TILE_TOKENS];
            for (int t = 0; t < n_tokens; t++)
                sums[t] = (__m512)results[g * n_tokens + t].r[0];
            for (int i = 0; i < n; i++)
                add_scaled(kind, n_tokens, c, from + i, dots[i][g], acts + (size_t)g * group_bytes, act_bytes,
                           first / BLOCK + from + i, k, sums);
            for (int t = 0; t < n_tokens; t++)
                results[g * n_tokens + t].r[0] = (float_register)sums[t];
        }
    }
}

/* For 8 tokens, or a multiple of 16. */
INLINE void tiles_add(code_kind kind, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes, int n_tokens,
                      int64_t first, int64_t k, floats *results)
{
    const bool in_turns = kind == SIGNED_32 || kind == OFFSET_32;
    if (n_tokens < TILE_TOKENS && in_turns)
        add_in_turns(kind, SMALL_TILE_TOKENS, c, n_blocks, acts, act_bytes, first, k, results);
    else if (n_tokens < TILE_TOKENS)
        add_in_batches(kind, 1, SMALL_TILE_TOKENS, c, n_blocks, acts, act_bytes, first, k, results);
    int t = 0;
    for (; kind != SIGNED_32 && t + 2 * TILE_TOKENS <= n_tokens; t += 2 * TILE_TOKENS)
        add_in_batches(kind, 2, TILE_TOKENS, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k,
                       results + t);
    for (; t + TILE_TOKENS <= n_tokens; t += TILE_TOKENS)
        if (in_turns)
            add_in_turns(kind, TILE_TOKENS, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k,
                         results + t);
        else
            add_in_batches(kind, 1, TILE_TOKENS, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k,
                           results + t);
}

#define TILES_ADD(KIND)                                                                                                \
    static void tiles_add_##KIND(const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes, int n_tokens,     \
                                 int64_t first, int64_t k, floats *results)                                            \
    {                                                                                                                  \
        tiles_add(KIND, c, n_blocks, acts, act_bytes, n_tokens, first, k, results);                                    \
    }

TILES_ADD(SIGNED_32)
TILES_ADD(OFFSET_32)
TILES_ADD(SIGNED_16)
TILES_ADD(OFFSET_16)

static const struct {
    void (*add)(const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes, int n_tokens, int64_t first,
                int64_t k, floats *results);
} tile_adders[] = {
    { tiles_add_SIGNED_32 }, { tiles_add_OFFSET_32 }, { tiles_add_SIGNED_16 }, { tiles_add_OFFSET_16 }
};

#endif
