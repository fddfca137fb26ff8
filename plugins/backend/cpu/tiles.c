/* The tiles that come with the backend: plain floats as they lie, 16-bit floats, and any format by way of floats.
 *
 * Rows that are not floats are turned into floats while they are read when there are few tokens, and once for all of
 * them, in scratch, when there are many. The order of summation is the same. */
#include "cpu.h"
#include "dot.h"

#include <string.h>

enum { PANEL_ROWS = 12, MOST_TOKENS = 256 };

static void dot_plain(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k,
                      const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride, float *scratch)
{
    (void)quant, (void)scratch;
    cpu_dot(panel, row_bytes, n_rows, k, acts, act_bytes, n_tokens, out, out_stride);
}

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

static void dot_f16(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k,
                    const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride, float *scratch)
{
    (void)quant, (void)scratch;
    cpu_best_loops()->dot_f16(panel, row_bytes, n_rows, k, acts, act_bytes, n_tokens, out, out_stride);
}

static void dot_bf16(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k,
                     const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride, float *scratch)
{
    (void)quant, (void)scratch;
    cpu_best_loops()->dot_bf16(panel, row_bytes, n_rows, k, acts, act_bytes, n_tokens, out, out_stride);
}

bool cpu_reads_half(void)
{
    return cpu_best_loops()->dot_f16;
}

/* Rows in large pages are read faster than those of a file: so packing is copying, and `dot` is the same. */
static size_t panel_bytes_32(int64_t k)
{
    return (size_t)k * sizeof(float) * PANEL_ROWS;
}

static size_t panel_bytes_16(int64_t k)
{
    return (size_t)k * 2 * PANEL_ROWS;
}

static void copy_rows(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k, void *panel)
{
    (void)quant, (void)k;
    memcpy(panel, rows, (size_t)n_rows * row_bytes);
    memset((char *)panel + (size_t)n_rows * row_bytes, 0, (size_t)(PANEL_ROWS - n_rows) * row_bytes);
}

/* A pair of tiles: of rows as they lie, and of copied rows. */
#define IN_PLACE_AND_COPIED(name, its_dot, its_panel_bytes)                                                            \
    const bora_tile name = { .panel_rows = PANEL_ROWS, .max_tokens = MOST_TOKENS, .dot = (its_dot) };                  \
    const bora_tile name##_copied = { .panel_rows = PANEL_ROWS,                                                        \
                                      .max_tokens = MOST_TOKENS,                                                       \
                                      .panel_bytes = (its_panel_bytes),                                                \
                                      .pack = copy_rows,                                                               \
                                      .dot = (its_dot) };

IN_PLACE_AND_COPIED(cpu_tile_plain, dot_plain, panel_bytes_32)
IN_PLACE_AND_COPIED(cpu_tile_f16, dot_f16, panel_bytes_16)
IN_PLACE_AND_COPIED(cpu_tile_bf16, dot_bf16, panel_bytes_16)
const bora_tile cpu_tile_any = { .panel_rows = PANEL_ROWS, .max_tokens = MOST_TOKENS, .dot = dot_any };
