/* The tiles that come with the backend: plain floats as they lie, and any format by way of floats. */
#include "cpu.h"

enum { PANEL_ROWS = 8 };

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

const bora_tile cpu_tile_plain = { .panel_rows = PANEL_ROWS, .max_tokens = 32, .dot = dot_plain };
/* Many tokens at once: each call dequantizes the panel anew. */
const bora_tile cpu_tile_any = { .panel_rows = PANEL_ROWS, .max_tokens = 256, .dot = dot_any };
