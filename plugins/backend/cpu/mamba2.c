/* mamba2 (arXiv:2405.21060): the recurrence token by token, so that the bits do not depend on how a sequence is cut. A
 * task is one head of one sequence: its state stays in the nearest cache while the tokens pass. */
#include "cpu.h"

#include <math.h>

typedef struct mamba2 {
    bora_device *device;
    const bora_call *call;
    const bora_mamba2_attrs *attrs;
    const float *a, *d, *dt_bias; /* [n_heads] */
} mamba2;

/* Above 20 the sum is x to the last bit of a float. */
static float softplus(float x)
{
    return x > 20 ? x : log1pf(expf(x));
}

static float time_step(const mamba2 *m, int64_t row, int32_t head)
{
    const bora_mamba2_attrs *a = m->attrs;
    float dt = softplus(m->call->inputs[1].data[row * a->n_heads + head] + m->dt_bias[head]);
    dt = dt < a->dt_min ? a->dt_min : dt;
    return a->dt_max > 0 && dt > a->dt_max ? a->dt_max : dt;
}

static void scan(const mamba2 *m, const bora_sequence *sequence, int32_t head, float *state, float *add)
{
    const bora_mamba2_attrs *attrs = m->attrs;
    int64_t head_dim = attrs->head_dim, n_x = attrs->n_heads * head_dim, n = attrs->state_dim;
    int64_t group = head / (attrs->n_heads / attrs->n_groups);
    float a = attrs->a_is_log ? -expf(m->a[head]) : m->a[head], d = m->d[head];
    for (int32_t r = 0; r < sequence->n_rows; r++) {
        int64_t row = sequence->first_row + r;
        const float *xbc = m->call->inputs[0].data + row * m->call->inputs[0].width, *x = xbc + head * head_dim;
        const float *b = xbc + n_x + group * n, *c = b + attrs->n_groups * n;
        float *out = m->call->output.data + row * n_x + head * head_dim, dt = time_step(m, row, head);
        for (int64_t p = 0; p < head_dim; p++)
            add[p] = dt * x[p];
        cpu_state_step(state, head_dim, n, expf(dt * a), add, b, c, out);
        for (int64_t p = 0; p < head_dim; p++)
            out[p] += d * x[p];
    }
}

static void scan_heads(void *ctx, int64_t begin, int64_t end, int thread)
{
    const mamba2 *m = ctx;
    const bora_state *state = m->call->state;
    int64_t n_heads = m->attrs->n_heads, head_numbers = (int64_t)m->attrs->head_dim * m->attrs->state_dim;
    for (int64_t i = begin; i < end; i++) {
        const bora_sequence *sequence = &m->call->batch->sequences[i / n_heads];
        float *own = state->sequences;
        own += (size_t)sequence->slot * state->spec.sequence_bytes / sizeof *own;
        scan(m, sequence, (int32_t)(i % n_heads), own + i % n_heads * head_numbers, cpu_scratch(m->device, thread));
    }
}

bool cpu_mamba2(bora_device *device, const bora_call *call, bora_error *err)
{
    mamba2 m = { .device = device, .call = call, .attrs = call->attrs };
    if (!cpu_vector(device, call, 0, &m.a, err) || !cpu_vector(device, call, 1, &m.d, err) ||
        !cpu_vector(device, call, 2, &m.dt_bias, err) ||
        !cpu_reserve_scratch(device, (size_t)m.attrs->head_dim * sizeof(float), err))
        return false;
    const bora_batch *batch = call->batch;
    int64_t rows = batch->n_sequences > 0 ? batch->n_tokens / batch->n_sequences + 1 : 0; /* of one, on average */
    cpu_parallel(device, (int64_t)batch->n_sequences * m.attrs->n_heads, rows * m.attrs->head_dim * m.attrs->state_dim,
                 scan_heads, &m);
    return true;
}
