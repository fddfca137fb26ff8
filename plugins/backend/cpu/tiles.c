/* The tiles that come with the backend: floats of 32 and 16 bits, as they lie or packed, and any format by way of
 * floats.
 *
 * A packed panel is read from its first byte to its last: the rows of a block, as the loops of this processor take them
 * together, lie side by side, sixteen numbers of each in turn.
 *
 * Rows that are not floats are turned into floats while they are read when there are few tokens, and once for all of
 * them, in scratch, when there are many. The order of summation is the same. */
#include "cpu.h"
#include "dot.h"

#include <string.h>

enum { PANEL_ROWS = 12, MOST_TOKENS = 256 };

static void dot_any(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k,
                    const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride, float *scratch)
{
    if (quant) {
        for (int r = 0; r < n_rows; r++)
            quant->dequantize((const char *)panel + (size_t)r * row_bytes, scratch + r * k, (size_t)k);
        panel = scratch;
        row_bytes = (size_t)k * sizeof(float);
    }
    cpu_dot(panel, row_bytes, n_rows, k, acts, act_bytes, n_tokens, out, out_stride);
}

bool cpu_reads_half(void)
{
    return cpu_best_dots()->f16;
}

static size_t bytes_of(size_t number_bytes, int64_t k)
{
    return number_bytes * (size_t)k;
}

/* A step of a row, of sixteen words. */
static size_t step_bytes(size_t word_bytes)
{
    return CPU_DOT_STEP * word_bytes;
}

/* A packed row is whole steps. */
static size_t packed_row_bytes(size_t step, size_t bytes)
{
    return (size_t)cpu_div_up((int64_t)bytes, (int64_t)step) * step;
}

/* step is a constant where this is inlined, so that one is copied by a few instructions. Rows hold so many bytes. */
static inline __attribute__((always_inline)) void pack(size_t step, const char *rows, size_t row_bytes, int n_rows,
                                                       size_t bytes, char *panel)
{
    const int together = cpu_best_loops()->block_rows;
    const size_t whole = bytes / step * step;
    if (n_rows < PANEL_ROWS || whole < bytes)
        memset(panel, 0, PANEL_ROWS * packed_row_bytes(step, bytes));
    for (int first = 0; first < n_rows; first += together) {
        const int n = (int)cpu_min(together, n_rows - first);
        const char *from = rows + (size_t)first * row_bytes;
        char *to = panel + (size_t)first * packed_row_bytes(step, bytes);
        for (size_t at = 0; at < whole; at += step)
            for (int r = 0; r < n; r++)
                memcpy(to + at * (size_t)together + (size_t)r * step, from + (size_t)r * row_bytes + at, step);
        for (int r = 0; r < n; r++)
            memcpy(to + whole * (size_t)together + (size_t)r * step, from + (size_t)r * row_bytes + whole,
                   bytes - whole);
    }
}

static void dot_packed(cpu_dot_loop *dot, size_t step, size_t bytes, const char *panel, int n_rows, int64_t k,
                       const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride)
{
    const int together = cpu_best_loops()->block_rows;
    for (int r = 0; r < n_rows; r += together)
        dot(panel + (size_t)r * packed_row_bytes(step, bytes), step, (size_t)together * step,
            (int)cpu_min(together, n_rows - r), k, acts, act_bytes, n_tokens, out + r, out_stride);
}

/* A pair of tiles, of rows as they lie and of packed ones, by one loop over steps of sixteen words. */
#define TILES(name, loop, number_bytes, word_bytes, its_activation)                                                    \
    static void dot_##name(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k,         \
                           const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride,            \
                           float *scratch)                                                                             \
    {                                                                                                                  \
        (void)quant, (void)scratch;                                                                                    \
        (loop)(rows, row_bytes, step_bytes(word_bytes), n_rows, k, acts, act_bytes, n_tokens, out, out_stride);        \
    }                                                                                                                  \
    static void dot_##name##_packed(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows,          \
                                    int64_t k, const void *acts, size_t act_bytes, int n_tokens, float *out,           \
                                    size_t out_stride, float *scratch)                                                 \
    {                                                                                                                  \
        (void)quant, (void)row_bytes, (void)scratch;                                                                   \
        dot_packed(loop, step_bytes(word_bytes), bytes_of(number_bytes, k), panel, n_rows, k, acts, act_bytes,         \
                   n_tokens, out, out_stride);                                                                         \
    }                                                                                                                  \
    static size_t panel_bytes_##name(int64_t k)                                                                        \
    {                                                                                                                  \
        return PANEL_ROWS * packed_row_bytes(step_bytes(word_bytes), bytes_of(number_bytes, k));                       \
    }                                                                                                                  \
    static void pack_##name(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k,        \
                            void *panel)                                                                               \
    {                                                                                                                  \
        (void)quant;                                                                                                   \
        pack(step_bytes(word_bytes), rows, row_bytes, n_rows, bytes_of(number_bytes, k), panel);                       \
    }                                                                                                                  \
    const bora_tile cpu_tile_##name = {                                                                                \
        .panel_rows = PANEL_ROWS, .max_tokens = MOST_TOKENS, .activation = (its_activation), .dot = dot_##name         \
    };                                                                                                                 \
    const bora_tile cpu_tile_##name##_packed = { .panel_rows = PANEL_ROWS,                                             \
                                                 .max_tokens = MOST_TOKENS,                                            \
                                                 .activation = (its_activation),                                       \
                                                 .panel_bytes = panel_bytes_##name,                                    \
                                                 .pack = pack_##name,                                                  \
                                                 .dot = dot_##name##_packed };

TILES(f32, cpu_best_dots()->f32, 4, 4, NULL)
TILES(f16, cpu_best_dots()->f16, 2, 2, NULL)
TILES(bf16, cpu_best_dots()->bf16, 2, 2, NULL)
#ifdef CPU_BF16_PAIRS
TILES(bf16_rounded, cpu_best_pairs(), 2, 4, &cpu_rounded_bf16)
#endif
const bora_tile cpu_tile_any = { .panel_rows = PANEL_ROWS, .max_tokens = MOST_TOKENS, .dot = dot_any };
