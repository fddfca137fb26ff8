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
        const block_scales *s = scales_of(acts + (size_t)t * act_bytes, k) + block;
        const __m512 first = _mm512_cvtepi32_ps(_mm512_load_si512(low[t]));
        if (kind == SIGNED_32 || kind == OFFSET_32) {
            const __m512 scaled = _mm512_mul_ps(first, _mm512_set1_ps(s->d));
            sums[t] = _mm512_fmadd_ps(scaled, (__m512)c->scales[b].r[0], sums[t]);
            if (kind == OFFSET_32)
                sums[t] = _mm512_fmadd_ps((__m512)c->offsets[b].r[0], _mm512_set1_ps(s->sum), sums[t]);
        } else {
            const __m512 second = _mm512_cvtepi32_ps(_mm512_load_si512(high[t]));
            const __m512 both = _mm512_fmadd_ps(second, (__m512)c->scales[2 * b + 1].r[0],
                                                _mm512_mul_ps(first, (__m512)c->scales[2 * b].r[0]));
            sums[t] = _mm512_fmadd_ps(both, _mm512_set1_ps(s->d), sums[t]);
            if (kind == OFFSET_16) {
                sums[t] = _mm512_fmadd_ps((__m512)c->offsets[2 * b].r[0], _mm512_set1_ps(s->sums[0]), sums[t]);
                sums[t] = _mm512_fmadd_ps((__m512)c->offsets[2 * b + 1].r[0], _mm512_set1_ps(s->sums[1]), sums[t]);
            }
        }
    }
}

/* As add_chunk() of product.c, for 16 tokens. */
INLINE void tiles_add_16(code_kind kind, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes,
                         int64_t first, int64_t k, floats *results)
{
    _Alignas(64) int32_t dots[4][TILE_TOKENS][PANEL_ROWS];
    __m512 sums[TILE_TOKENS];
    for (int t = 0; t < TILE_TOKENS; t++)
        sums[t] = (__m512)results[t].r[0];
    for (int b = 0; b < n_blocks; b++) {
        const int8_t *x = acts + first + b * BLOCK;
        _tile_zero(0);
        _tile_loadd(4, x, act_bytes);
        _tile_loadd(6, c->codes[b], 64);
        _tile_dpbssd(0, 4, 6);
        if (kind == SIGNED_16 || kind == OFFSET_16) {
            _tile_zero(1);
            _tile_loadd(5, x + BLOCK / 2, act_bytes);
            _tile_loadd(7, c->codes[b] + WORDS_PER_BLOCK / 2, 64);
            _tile_dpbssd(1, 5, 7);
            _tile_stored(1, dots[1], 64);
        }
        _tile_stored(0, dots[0], 64);
        add_scaled(kind, c, b, dots[0], dots[1], acts, act_bytes, first / BLOCK + b, k, sums);
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
