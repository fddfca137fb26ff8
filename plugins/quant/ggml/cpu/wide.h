/* Two panels at once: as add_tokens() of product.c, for processors that multiply as often as they read.
 *
 * Each word of activations is read once for both panels, so that six tokens take eight reads for twelve products. Their
 * sums are twelve chains, enough for a processor that waits four cycles for each of two products. Halves of a block
 * come one after the other: more sums would not fit the registers. */
#ifndef GGML_CPU_WIDE_H
#define GGML_CPU_WIDE_H

#include "sink.h"

enum {
    WIDE_PANELS = 2,
    WIDE_TOKENS = 6, /* whose sums stay in registers */
};

#define EACH_PANEL(p) UNROLL(int p = 0; p < WIDE_PANELS; p++)

/* sums[p][t] += block b of panel p's chunk times that of token t. x: the first token's. The first two arguments are
 * constants where this is inlined. */
INLINE void add_wide_block(code_kind kind, int n_tokens, const chunk chunks[WIDE_PANELS], int b, row_pointers x,
                           row_strides rows, floats sums[WIDE_PANELS][WIDE_TOKENS])
{
    const int n_dots = HAS_HALVES(kind) ? 2 : 1, n_words = WORDS_PER_BLOCK / n_dots;
    const int8_t *acts[WIDE_TOKENS];
    ints dots[WIDE_PANELS][WIDE_TOKENS];
    floats scaled[WIDE_PANELS][WIDE_TOKENS];
    UNROLL(int t = 0; t < n_tokens; t++)
    {
        acts[t] = in_row(x.codes, rows, t);
        KEEP(acts[t]);
    }
    UNROLL(int i = 0; i < n_dots; i++)
    {
        UNROLL(int t = 0; t < n_tokens; t++)
        EACH_PANEL(p)
        dots[p][t] = begin_sum(kind, 8, in_row(x.bias, rows, t) + 4 * i);
        UNROLL(int word = i * n_words; word < (i + 1) * n_words; word++)
        UNROLL(int t = 0; t < n_tokens; t++)
        {
            const words four = all_words(acts[t] + 4 * word);
            EACH_PANEL(p)
            dots[p][t] = dot_all(dots[p][t], chunks[p].codes[b][word], four);
        }
        UNROLL(int t = 0; t < n_tokens; t++)
        EACH_PANEL(p)
        {
            const factors *f = &chunks[p].factors[n_dots * b + i];
            scaled[p][t] =
                i == 0 ? scale_sum(dots[p][t], f) : fma_floats(float_sum(dots[p][t]), f->scale, scaled[p][t]);
        }
    }
    UNROLL(int t = 0; t < n_tokens; t++)
    EACH_PANEL(p)
    sums[p][t] = join_block(kind, sums[p][t], scaled[p][t], &chunks[p].factors[n_dots * b], in_row(x.d, rows, t),
                            in_row(x.sum, rows, t));
}

/* What will be unpacked next, so many lines of each panel: memory is asked for it meanwhile. */
typedef struct next_chunks {
    const uint8_t *from[WIDE_PANELS];
    int n_lines;
} next_chunks;

INLINE void fetch_lines(const next_chunks *next, int first, int n)
{
    EACH_PANEL(p)
    bora_read_lines_ahead((uintptr_t)next->from[p] + (uintptr_t)(first * BORA_READ_AHEAD_LINE), n);
}

/* Memory is asked for n_lines with each block, from line `line` on. */
INLINE void add_wide_tokens(code_kind kind, int n_tokens, const chunk chunks[WIDE_PANELS], int n_blocks,
                            const next_chunks *next, int line, int n_lines, const int8_t *acts, size_t act_bytes,
                            int64_t first, int64_t k, floats *results, size_t result_stride)
{
    row_pointers x = pointers_to(acts, places_of(kind, first / BLOCK, k));
    row_strides rows = strides_of(act_bytes);
    floats sums[WIDE_PANELS][WIDE_TOKENS];
    UNROLL(int t = 0; t < n_tokens; t++)
    EACH_PANEL(p)
    sums[p][t] = results[(size_t)p * result_stride + (size_t)t];
    for (int b = 0; b < n_blocks; b++) {
        fetch_lines(next, line + b * n_lines, n_lines);
        rows = keep_strides(rows);
        add_wide_block(kind, n_tokens, chunks, b, x, rows, sums);
        x = next_block(kind, x, 1);
    }
    UNROLL(int t = 0; t < n_tokens; t++)
    EACH_PANEL(p)
    results[(size_t)p * result_stride + (size_t)t] = sums[p][t];
}

/* In groups of tokens that are as large as each other, or nearly: of three at the least, for n_tokens is more than
 * MOST_FEW_TOKENS. */
INLINE void add_wide(code_kind kind, const chunk chunks[WIDE_PANELS], int n_blocks, const next_chunks *next,
                     const int8_t *acts, size_t act_bytes, int n_tokens, int64_t first, int64_t k, floats *results,
                     size_t result_stride)
{
    const int n_groups = (n_tokens + WIDE_TOKENS - 1) / WIDE_TOKENS;
    const int n_parts = n_groups * n_blocks, n_lines = (next->n_lines + n_parts - 1) / n_parts;
    int t = 0;
    for (int group = 0, line = 0; group < n_groups; group++, line += n_blocks * n_lines) {
        const int n = (n_tokens - t + n_groups - group - 1) / (n_groups - group);
        switch (n) {
#define TOKENS(n)                                                                                                      \
    case n:                                                                                                            \
        add_wide_tokens(kind, n, chunks, n_blocks, next, line, line < next->n_lines ? n_lines : 0,                     \
                        acts + (size_t)t * act_bytes, act_bytes, first, k, results + t, result_stride);                \
        break
            TOKENS(3);
            TOKENS(4);
            TOKENS(5);
            TOKENS(6);
#undef TOKENS
        }
        t += n;
    }
}

#endif
