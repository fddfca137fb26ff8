/* The tiles that come with the backend: floats of 32 and 16 bits, as they lie or packed, and any format by way of floats.
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
    return cpu_best_loops()->dot_f16;
}

static int64_t padded(int64_t k)
{
    return cpu_div_up(k, CPU_DOT_STEP) * CPU_DOT_STEP;
}

static void pack(size_t number_bytes, const char *rows, size_t row_bytes, int n_rows, int64_t k, char *panel)
{
    const int together = cpu_best_loops()->block_rows;
    const size_t step_bytes = CPU_DOT_STEP * number_bytes;
    memset(panel, 0, PANEL_ROWS * (size_t)padded(k) * number_bytes);
    for (int r = 0; r < n_rows; r++) {
        const char *from = rows + (size_t)r * row_bytes, *end = from + (size_t)k * number_bytes;
        const int in_block = r % together;
        char *to = panel + (size_t)(r - in_block) * (size_t)padded(k) * number_bytes + (size_t)in_block * step_bytes;
        for (; (size_t)(end - from) >= step_bytes; from += step_bytes, to += (size_t)together * step_bytes)
            memcpy(to, from, step_bytes);
        memcpy(to, from, (size_t)(end - from));
    }
}

static void dot_packed(cpu_dot_loop *dot, size_t number_bytes, const char *panel, int n_rows, int64_t k,
                       const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride)
{
    const int together = cpu_best_loops()->block_rows;
    const size_t step_bytes = CPU_DOT_STEP * number_bytes;
    for (int r = 0; r < n_rows; r += together)
        dot(panel + (size_t)r * (size_t)padded(k) * number_bytes, step_bytes, (size_t)together * step_bytes,
            (int)cpu_min(together, n_rows - r), k, acts, act_bytes, n_tokens, out + r, out_stride);
}

/* Functions of a pair of tiles, of rows as they lie and of packed ones, by one loop over numbers of so many bytes. */
#define TILES(name, loop, number_bytes)                                                                                \
    static void dot_##name(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k,         \
                           const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride,            \
                           float *scratch)                                                                             \
    {                                                                                                                  \
        (void)quant, (void)scratch;                                                                                    \
        cpu_best_loops()->loop(rows, row_bytes, (size_t)CPU_DOT_STEP * (number_bytes), n_rows, k, acts, act_bytes,     \
                               n_tokens, out, out_stride);                                                             \
    }                                                                                                                  \
    static void dot_##name##_packed(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows,          \
                                    int64_t k, const void *acts, size_t act_bytes, int n_tokens, float *out,           \
                                    size_t out_stride, float *scratch)                                                 \
    {                                                                                                                  \
        (void)quant, (void)row_bytes, (void)scratch;                                                                   \
        dot_packed(cpu_best_loops()->loop, (number_bytes), panel, n_rows, k, acts, act_bytes, n_tokens, out,           \
                   out_stride);                                                                                        \
    }                                                                                                                  \
    static size_t panel_bytes_##name(int64_t k)                                                                        \
    {                                                                                                                  \
        return PANEL_ROWS * (size_t)padded(k) * (number_bytes);                                                        \
    }                                                                                                                  \
    static void pack_##name(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k,        \
                            void *panel)                                                                               \
    {                                                                                                                  \
        (void)quant;                                                                                                   \
        pack((number_bytes), rows, row_bytes, n_rows, k, panel);                                                       \
    }                                                                                                                  \
    const bora_tile cpu_tile_##name = { .panel_rows = PANEL_ROWS, .max_tokens = MOST_TOKENS, .dot = dot_##name };      \
    const bora_tile cpu_tile_##name##_packed = { .panel_rows = PANEL_ROWS,                                             \
                                                 .max_tokens = MOST_TOKENS,                                            \
                                                 .panel_bytes = panel_bytes_##name,                                    \
                                                 .pack = pack_##name,                                                  \
                                                 .dot = dot_##name##_packed };

TILES(f32, dot, sizeof(float))
TILES(f16, dot_f16, sizeof(uint16_t))
TILES(bf16, dot_bf16, sizeof(uint16_t))
const bora_tile cpu_tile_any = { .panel_rows = PANEL_ROWS, .max_tokens = MOST_TOKENS, .dot = dot_any };
