/* A block at a time: as add_tokens() of product.c, for 16 registers of 32 bytes.
 *
 * Those hold the sums of four tokens by one block of 16 rows and the codes of a word; halves of a block come one after
 * the other. */
#ifndef GGML_CPU_NARROW_H
#define GGML_CPU_NARROW_H

#include "sink.h"

/* sums[t] += a block of a chunk times that of token t. x: the first token's. The first three arguments are constants
 * where this is inlined. */
INLINE void add_block(code_kind kind, int bits, int n_tokens, const words *codes, const factors *f, row_pointers x,
                      row_strides rows, floats *sums)
{
    const int n_dots = HAS_HALVES(kind) ? 2 : 1, n_words = WORDS_PER_BLOCK / n_dots;
    floats scaled[PRODUCTS_TOKENS];
    UNROLL(int i = 0; i < n_dots; i++)
    {
        const int8_t *acts[PRODUCTS_TOKENS];
        ints dots[PRODUCTS_TOKENS];
        UNROLL(int t = 0; t < n_tokens; t++)
        {
            acts[t] = in_row(x.codes, rows, t) + 4 * n_words * i;
            dots[t] = begin_sum(kind, bits, in_row(x.bias, rows, t) + 4 * i);
        }
        add_products(bits, n_tokens, n_words, codes + n_words * i, acts, dots);
        UNROLL(int t = 0; t < n_tokens; t++)
        scaled[t] = i == 0 ? scale_sum(dots[t], f) : fma_floats(float_sum(dots[t]), f[1].scale, scaled[t]);
    }
    UNROLL(int t = 0; t < n_tokens; t++)
    sums[t] = join_block(kind, sums[t], scaled[t], f, in_row(x.d, rows, t), in_row(x.sum, rows, t));
}

INLINE void add_chunk(code_kind kind, int bits, int n_tokens, bool ahead, const chunk *c, int n_blocks,
                      const int8_t *acts, size_t act_bytes, int64_t first, int64_t k, floats *results)
{
    const size_t fetched = ahead ? c->block_bytes : 0; /* with each block */
    row_pointers x = pointers_to(acts, places_of(kind, first / BLOCK, k));
    row_strides rows = strides_of(act_bytes);
    for (int b = 0; b < n_blocks; b++) {
        fetch_ahead(c->from + (size_t)b * fetched, fetched);
        rows = keep_strides(rows);
        add_block(kind, bits, n_tokens, c->codes[b], c->factors + (HAS_HALVES(kind) ? 2 : 1) * b, x, rows, results);
        x = next_block(kind, x, 1);
    }
}

INLINE void add_tokens(code_kind kind, int bits, const chunk *c, int n_blocks, const int8_t *acts, size_t act_bytes,
                       int n_tokens, int64_t first, int64_t k, floats *results)
{
    int t = 0;
#define TOKENS(n)                                                                                                      \
    add_chunk(kind, bits, n, t == 0, c, n_blocks, acts + (size_t)t * act_bytes, act_bytes, first, k, results + t)
    for (; t + PRODUCTS_TOKENS <= n_tokens; t += PRODUCTS_TOKENS)
        TOKENS(PRODUCTS_TOKENS);
    switch (n_tokens - t) {
    case 3:
        TOKENS(3);
        break;
    case 2:
        TOKENS(2);
        break;
    case 1:
        TOKENS(1);
    }
#undef TOKENS
}

#endif
