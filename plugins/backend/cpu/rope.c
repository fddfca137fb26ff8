/* rope (arXiv:2104.09864): pairs of numbers turned by an angle that grows with the position. */
#include "cpu.h"

#include <math.h>
#include <string.h>

enum { ROWS_EACH = 16 };

typedef struct rope {
    bora_device *device;
    const bora_rope_attrs *attrs;
    const cpu_run *runs;
    const float *x, *factors;
    float *out;
    int64_t width;
} rope;

static void turn_head(const bora_rope_attrs *a, const float *cosines, const float *sines, const float *x, float *out)
{
    int32_t half = a->n_dims / 2, step = a->interleaved ? 2 : 1, other = a->interleaved ? 1 : half;
    int32_t end = a->offset + a->n_dims;
    memcpy(out, x, (size_t)a->offset * sizeof *out);
    memcpy(out + end, x + end, (size_t)(a->head_dim - end) * sizeof *out);
    x += a->offset;
    out += a->offset;
    for (int32_t i = 0; i < half; i++) {
        float first = x[i * step], second = x[i * step + other];
        out[i * step] = first * cosines[i] - second * sines[i];
        out[i * step + other] = second * cosines[i] + first * sines[i];
    }
}

static void turn_row(const rope *m, const bora_sequence *sequence, int32_t row, float *scratch)
{
    const bora_rope_attrs *a = m->attrs;
    int32_t half = a->n_dims / 2, position = sequence->n_past + row;
    float *cosines = scratch, *sines = scratch + half;
    const float *freqs = bora_rope_row_freqs(a, sequence, position, scratch + a->n_dims);
    for (int32_t i = 0; i < half; i++) {
        float angle = (float)position * (m->factors ? freqs[i] / m->factors[i] : freqs[i]);
        cosines[i] = cosf(angle) * a->scale;
        sines[i] = sinf(angle) * a->scale;
    }
    int64_t at = (sequence->first_row + row) * m->width;
    for (int64_t head = 0; head < m->width; head += a->head_dim)
        turn_head(a, cosines, sines, m->x + at + head, m->out + at + head);
}

static void turn_runs(void *ctx, int64_t begin, int64_t end, int thread)
{
    const rope *m = ctx;
    for (const cpu_run *run = m->runs + begin; run < m->runs + end; run++)
        for (int32_t r = 0; r < run->n; r++)
            turn_row(m, run->sequence, run->first + r, cpu_scratch(m->device, thread));
}

bool cpu_rope(bora_device *device, const bora_call *call, bora_error *err)
{
    rope m = {
        .device = device,
        .attrs = call->attrs,
        .x = call->inputs[0].data,
        .out = call->output.data,
        .width = call->output.width,
    };
    int64_t n_runs = cpu_runs(device, call->batch, ROWS_EACH, &m.runs, err);
    if (n_runs < 0 || !cpu_vector(device, call, 0, &m.factors, err) ||
        !cpu_reserve_scratch(device, (size_t)m.attrs->n_dims * 2 * sizeof(float), err))
        return false;
    cpu_parallel(device, n_runs, ROWS_EACH * (m.width * 2 + m.attrs->n_dims * 16), turn_runs, &m);
    return true;
}
