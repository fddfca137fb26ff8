/* AMX: products of 16 tokens with 16 rows in one instruction, whose sums are the same whole numbers.
 *
 * A tile of activations is 16 tokens by the columns that share a scale, as they lie; a tile of codes is what unpacking
 * leaves: words of four columns, one for each row. */
#ifndef GGML_CPU_MATRIX_UNIT_H
#define GGML_CPU_MATRIX_UNIT_H

#include "unpack.h"

enum { TILE_TOKENS = 16 };

typedef struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t columns[16]; /* bytes of a row */
    uint8_t rows[16];
} tile_config;

/* Tiles 0 to 3 take sums, 4 and 5 activations, 6 and 7 codes. */
static void tiles_begin(code_kind kind)
{
    const int k = kind == SIGNED_32 || kind == OFFSET_32 ? BLOCK : BLOCK / 2;
    tile_config config = { .palette = 1 };
    for (int i = 0; i < 8; i++) {
        config.columns[i] = (uint16_t)(i == 4 || i == 5 ? k : 64);
        config.rows[i] = (uint8_t)(i < 6 ? TILE_TOKENS : k / 4);
    }
    _tile_loadconfig(&config);
}

static void tiles_end(void)
{
    _tile_release();
}

INLINE void add_scaled(code_kind kind, const chunk *c, int b, const int32_t low[TILE_TOKENS][PANEL_ROWS],
                       const int32_t high[TILE_TOKENS][PANEL_ROWS], const int8_t *acts, size_t act_bytes, int64_t block,
                       int64_t k, __m512 *sums)
{
    for (int t = 0; t < TILE_TOKENS; t++) {
        const block_lists lists = lists_of(acts + (size_t)t * act_bytes, k);
        const __m512 first = _mm512_cvtepi32_ps(_mm512_load_si512(low[t]));
        if (kind == SIGNED_32 || kind == OFFSET_32) {
            const __m512 scaled = _mm512_mul_ps(first, _mm512_set1_ps(lists.d[block]));
            sums[t] = _mm512_fmadd_ps(scaled, (__m512)c->scales[b].r[0], sums[t]);
            if (kind == OFFSET_32)
                sums[t] = _mm512_fmadd_ps((__m512)c->offsets[b].r[0], _mm512_set1_ps(lists.sum[block]), sums[t]);
        } else {
            const __m512 second = _mm512_cvtepi32_ps(_mm512_load_si512(high[t]));
            const __m512 both = _mm512_fmadd_ps(second, (__m512)c->scales[2 * b + 1].r[0],
                                                _mm512_mul_ps(first, (__m512)c->scales[2 * b].r[0]));
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

/* Sums of some blocks in a row, of all 16 tokens, wait in memory until they are scaled. */
enum { MAX_STAGE = 4 };
typedef int32_t dot_products[MAX_STAGE][TILE_TOKENS][PANEL_ROWS];

#define MULTIPLY(sum, act, code, x, codes, to)                                                                         \
    do {                                                                                                               \
        _tile_zero(sum);                                                                                               \
        _tile_loadd(act, x, act_bytes);                                                                                \
        _tile_loadd(code, codes, 64);                                                                                  \
        _tile_dpbssd(sum, act, code);                                                                                  \
        _tile_stored(sum, to, 64);                                                                                     \
    } while (0)

INLINE void multiply_blocks(code_kind kind, const chunk *c, int b, int n, const int8_t *x, size_t act_bytes,
                            dot_products dots)
{
    if (kind == SIGNED_32 || kind == OFFSET_32) {
        MULTIPLY(0, 4, 6, x, c->codes[b], dots[0]);
        if (n > 1)
            MULTIPLY(1, 5, 7, x + BLOCK, c->codes[b + 1], dots[1]);
        if (n > 2)
            MULTIPLY(2, 4, 6, x + 2 * BLOCK, c->codes[b + 2], dots[2]);
        if (n > 3)
            MULTIPLY(3, 5, 7, x + 3 * BLOCK, c->codes[b + 3], dots[3]);
    } else {
        MULTIPLY(0, 4, 6, x, c->codes[b], dots[0]);
        MULTIPLY(1, 5, 7, x + BLOCK / 2, c->codes[b] + WORDS_PER_BLOCK / 2, dots[1]);
        if (n > 1) {
            MULTIPLY(2, 4, 6, x + BLOCK, c->codes[b + 1], dots[2]);
            MULTIPLY(3, 5, 7, x + BLOCK + BLOCK / 2, c->codes[b + 1] + WORDS_PER_BLOCK / 2, dots[3]);
        }
    }
}

/* As add_chunk() of product.c, for 16 tokens. A stage of blocks is multiplied while the one before is scaled. */
INLINE void tiles_add_16(code_kind kind, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes,
                         int64_t first, int64_t k, floats *results)
{
    const bool halves = kind == SIGNED_16 || kind == OFFSET_16;
    const int stage = halves ? MAX_STAGE / 2 : MAX_STAGE;
    _Alignas(64) dot_products dots[2];
    __m512 sums[TILE_TOKENS];
    for (int t = 0; t < TILE_TOKENS; t++)
        sums[t] = (__m512)results[t].r[0];
    multiply_blocks(kind, c, 0, n_blocks < stage ? n_blocks : stage, acts + first, act_bytes, dots[0]);
    for (int b = 0, turn = 0; b < n_blocks; b += stage, turn = !turn) {
        const int next = b + stage, left = n_blocks - next, n = left > -1 ? stage : n_blocks - b;
        if (left > 0)
            multiply_blocks(kind, c, next, left < stage ? left : stage, acts + first + next * BLOCK, act_bytes,
                            dots[!turn]);
        for (int i = 0; i < n; i++)
            add_scaled(kind, c, b + i, dots[turn][halves ? 2 * i : i], dots[turn][halves ? 2 * i + 1 : i], acts,
                       act_bytes, first / BLOCK + b + i, k, sums);
    }
    for (int t = 0; t < TILE_TOKENS; t++)
        results[t].r[0] = (float_register)sums[t];
}

#define TILES_ADD(KIND)                                                                                                \
    static void tiles_add_##KIND(const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes, int n_tokens,     \
                                 int64_t first, int64_t k, floats *results)                                            \
    {                                                                                                                  \
        for (int t = 0; t < n_tokens; t += TILE_TOKENS)                                                                \
            tiles_add_16(KIND, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k, results + t);           \
    }

TILES_ADD(SIGNED_32)
TILES_ADD(OFFSET_32)
TILES_ADD(SIGNED_16)
TILES_ADD(OFFSET_16)

static void tiles_add(code_kind kind, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes, int n_tokens,
                      int64_t first, int64_t k, floats *results)
{
    switch (kind) {
    case SIGNED_32:
        tiles_add_SIGNED_32(c, n_blocks, acts, act_bytes, n_tokens, first, k, results);
        break;
    case OFFSET_32:
        tiles_add_OFFSET_32(c, n_blocks, acts, act_bytes, n_tokens, first, k, results);
        break;
    case SIGNED_16:
        tiles_add_SIGNED_16(c, n_blocks, acts, act_bytes, n_tokens, first, k, results);
        break;
    case OFFSET_16:
        tiles_add_OFFSET_16(c, n_blocks, acts, act_bytes, n_tokens, first, k, results);
        break;
    }
}

#endif
