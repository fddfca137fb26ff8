/* What the tests of the cpu backend share: a small format, and running a call cut in every way. */
#ifndef TESTS_UNIT_CPU_CUT_H
#define TESTS_UNIT_CPU_CUT_H

#include "backend.h"

#include <math.h>

static const bora_plugin *cpu;
static const int thread_counts[] = { 1, 2, 3, 5 };
enum { N_THREAD_COUNTS = 4 };

/* One sequence whose rows are 0 … n-1 after n_past tokens. */
static inline bora_sequence rows_of_one(int32_t n, int32_t n_past)
{
    return (bora_sequence){ .n_rows = n, .n_past = n_past, .prompt_tokens = n_past + n };
}

/* Runs `call` whole and in pieces of `step` rows, for every number of threads, and demands the bits of `expected`.
 * Inputs and output all have a row for each token. */
static inline void assert_same_bits_however_cut(const bora_kernel *kernel, bora_call call, int32_t n_past,
                                                const float *expected)
{
    int64_t n = call.output.rows, width = call.output.width;
    float *out = blank_floats((size_t)(n * width));
    for (int c = 0; c < N_THREAD_COUNTS; c++) {
        bora_device *device = open_device(cpu, thread_counts[c]);
        const int64_t steps[] = { n, 1, 3, 50 };
        for (int s = 0; s < 4; s++) {
            memset(out, 0xff, (size_t)(n * width) * sizeof *out);
            for (int64_t first = 0; first < n; first += steps[s]) {
                int64_t rows = n - first < steps[s] ? n - first : steps[s];
                bora_sequence sequence = rows_of_one((int32_t)rows, n_past + (int32_t)first);
                bora_batch batch = { .n_tokens = (int32_t)rows, .n_sequences = 1, .sequences = &sequence };
                bora_call piece = call;
                piece.batch = &batch;
                for (int i = 0; i < call.n_inputs; i++)
                    piece.inputs[i] =
                        (bora_view){ call.inputs[i].data + first * call.inputs[i].width, rows, call.inputs[i].width };
                piece.output = (bora_view){ out + first * width, rows, width };
                run_call(cpu, device, kernel, &piece);
            }
            assert_same_bits(out, expected, (size_t)(n * width), call.node);
        }
        cpu->backends[0]->close(device);
    }
    free(out);
}

/* Runs `call` whole on one thread into call.output and checks how it may be cut. */
static inline void run_and_cut(const bora_kernel *kernel, const bora_call *call, int32_t n_past)
{
    bora_device *device = open_device(cpu, 1);
    bora_sequence sequence = rows_of_one((int32_t)call->output.rows, n_past);
    bora_batch batch = { .n_tokens = sequence.n_rows, .n_sequences = 1, .sequences = &sequence };
    bora_call whole = *call;
    whole.batch = &batch;
    run_call(cpu, device, kernel, &whole);
    cpu->backends[0]->close(device);
    assert_same_bits_however_cut(kernel, *call, n_past, call->output.data);
}

/* A format: a number in one byte, in units of 1/64. */
static inline void small_dequantize(const void *blocks, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)((const int8_t *)blocks)[i] / 64;
}

static inline void small_quantize(const float *in, const float *importance, void *blocks, size_t n)
{
    (void)importance;
    for (size_t i = 0; i < n; i++)
        ((int8_t *)blocks)[i] = (int8_t)lrintf(fmaxf(-127, fminf(127, in[i] * 64)));
}

static const bora_quant small = {
    .name = "small", .block_elems = 1, .block_bytes = 1, .dequantize = small_dequantize, .quantize = small_quantize
};

/* The small format in panels of three rows, interleaved. */
enum { SMALL_PANEL = 3 };

static inline size_t small_panel_bytes(int64_t k)
{
    return SMALL_PANEL * (size_t)k;
}

static inline void small_pack(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k,
                              void *panel)
{
    assert_ptr_equal(quant, &small);
    memset(panel, 0, small_panel_bytes(k));
    for (int r = 0; r < n_rows; r++)
        for (int64_t i = 0; i < k; i++)
            ((int8_t *)panel)[i * SMALL_PANEL + r] = ((const int8_t *)rows)[(size_t)r * row_bytes + (size_t)i];
}

/* All integers: exact. */
static inline void small_dot(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k,
                             const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride,
                             float *scratch)
{
    (void)row_bytes;
    assert_ptr_equal(quant, &small);
    assert_int_equal(act_bytes, k);
    for (int64_t i = 0; i < SMALL_PANEL * k; i++)
        scratch[i] = NAN; /* it is ours */
    for (int t = 0; t < n_tokens; t++)
        for (int r = 0; r < n_rows; r++) {
            int64_t sum = 0;
            for (int64_t i = 0; i < k; i++)
                sum += ((const int8_t *)panel)[i * SMALL_PANEL + r] *
                       ((const int8_t *)acts)[(size_t)t * act_bytes + (size_t)i];
            out[(size_t)t * out_stride + (size_t)r] = (float)sum / (64 * 64);
        }
}

static const bora_tile small_tile = { .panel_rows = SMALL_PANEL,
                                      .max_tokens = 5,
                                      .activation = &small,
                                      .panel_bytes = small_panel_bytes,
                                      .pack = small_pack,
                                      .dot = small_dot };

/* Rows as the core packs them, in memory of exactly that size. */
static inline void *packed(const bora_tile *tile, const bora_quant *quant, const char *rows, int64_t n_out, int64_t k)
{
    const size_t row_bytes = bora_row_bytes(quant, k), n = (size_t)((n_out + tile->panel_rows - 1) / tile->panel_rows);
    char *panels = malloc(n * tile->panel_bytes(k));
    for (size_t p = 0; p < n; p++) {
        const int64_t first = (int64_t)p * tile->panel_rows, left = n_out - first;
        tile->pack(quant, rows + (size_t)first * row_bytes, row_bytes,
                   left < tile->panel_rows ? (int)left : tile->panel_rows, k, panels + p * tile->panel_bytes(k));
    }
    return panels;
}

static inline int load_cpu(void **state)
{
    (void)state;
    cpu = load_plugin("cpu");
    return cpu ? 0 : -1;
}

#endif
