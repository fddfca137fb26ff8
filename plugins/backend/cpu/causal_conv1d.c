/* causal_conv1d: each column with its own few taps along each sequence. A task is a few neighbouring columns of one
 * sequence: their past is its own, so it may write the new one when it is done. */
#include "cpu.h"

#include <string.h>

enum { COLUMNS_EACH = 64, FUNCTION_COST = 16 };

typedef struct conv {
    bora_device *device;
    const bora_call *call;
    const float *weight, *bias; /* [width, taps]; [width] or NULL */
    bora_activation_kind kind;
    int64_t width, taps, n_blocks;
} conv;

/* Column `first` of row i of the past with the batch's rows behind it. */
static const float *source(const conv *m, const bora_sequence *sequence, const float *past, int64_t i, int64_t first)
{
    int64_t n_past = m->taps - 1;
    return i < n_past ? past + i * m->width
                      : m->call->inputs[0].data + (sequence->first_row + i - n_past) * m->width + first;
}

/* Columns first … first + n - 1; `past` is theirs, `taps` is room for [taps, n]. */
static void convolve(const conv *m, const bora_sequence *sequence, int64_t first, int64_t n, float *past, float *taps)
{
    for (int64_t k = 0; k < m->taps; k++)
        for (int64_t c = 0; c < n; c++)
            taps[k * n + c] = m->weight[(first + c) * m->taps + k];
    for (int64_t r = 0; r < sequence->n_rows; r++) {
        float *out = m->call->output.data + (sequence->first_row + r) * m->width + first;
        for (int64_t c = 0; c < n; c++)
            out[c] = m->bias ? m->bias[first + c] : 0;
        for (int64_t k = 0; k < m->taps; k++) {
            const float *x = source(m, sequence, past, r + k, first), *w = taps + k * n;
            for (int64_t c = 0; c < n; c++)
                out[c] += w[c] * x[c];
        }
        cpu_activate(m->kind, out, out, n);
    }
    for (int64_t j = 0; sequence->n_rows > 0 && j < m->taps - 1; j++)
        memcpy(past + j * m->width, source(m, sequence, past, sequence->n_rows + j, first), (size_t)n * sizeof *past);
}

static void convolve_blocks(void *ctx, int64_t begin, int64_t end, int thread)
{
    const conv *m = ctx;
    const bora_state *state = m->call->state;
    for (int64_t i = begin; i < end; i++) {
        const bora_sequence *sequence = &m->call->batch->sequences[i / m->n_blocks];
        int64_t first = i % m->n_blocks * COLUMNS_EACH, left = m->width - first;
        float *past = state->sequences;
        if (past)
            past += (size_t)sequence->slot * state->spec.sequence_bytes / sizeof *past + (size_t)first;
        convolve(m, sequence, first, left < COLUMNS_EACH ? left : COLUMNS_EACH, past, cpu_scratch(m->device, thread));
    }
}

bool cpu_causal_conv1d(bora_device *device, const bora_call *call, bora_error *err)
{
    conv m = {
        .device = device,
        .call = call,
        .kind = ((const bora_causal_conv1d_attrs *)call->attrs)->kind,
        .width = call->output.width,
        .taps = bora_weight_width(call->weights[0]),
        .n_blocks = (call->output.width + COLUMNS_EACH - 1) / COLUMNS_EACH,
    };
    if (!cpu_activation_known(m.kind, err) || !cpu_vector(device, call, 0, &m.weight, err) ||
        !cpu_vector(device, call, 1, &m.bias, err) ||
        !cpu_reserve_scratch(device, (size_t)m.taps * COLUMNS_EACH * sizeof(float), err))
        return false;
    const bora_batch *batch = call->batch;
    int64_t rows = batch->n_sequences > 0 ? batch->n_tokens / batch->n_sequences + 1 : 0; /* of one, on average */
    cpu_parallel(device, batch->n_sequences * m.n_blocks, rows * COLUMNS_EACH * (m.taps + FUNCTION_COST),
                 convolve_blocks, &m);
    return true;
}
