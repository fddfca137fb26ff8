/* rms_norm (arXiv:1910.07467) and layer_norm (arXiv:1607.06450). Sums are in double, in order. */
#include "cpu.h"

#include <math.h>

typedef struct norm {
    const float *x, *weight, *bias; /* weight, bias: [n] or NULL */
    float *out;
    int64_t n, n_weights; /* of a run; of the weight, which may be that of several runs */
    double eps;
    float weight_bias;
} norm;

/* Four sums side by side, because one would wait for each addition. */
static double sum(const float *x, int64_t n)
{
    double s[4] = { 0 };
    for (int64_t i = 0; i < n; i++)
        s[i & 3] += (double)x[i];
    return (s[0] + s[2]) + (s[1] + s[3]);
}

static double sum_squares(const float *x, double mean, int64_t n)
{
    double s[4] = { 0 };
    for (int64_t i = 0; i < n; i++)
        s[i & 3] += ((double)x[i] - mean) * ((double)x[i] - mean);
    return (s[0] + s[2]) + (s[1] + s[3]);
}

static void rms_norm(void *ctx, int64_t begin, int64_t end, int thread)
{
    const norm *m = ctx;
    (void)thread;
    for (int64_t run = begin; run < end; run++) {
        const float *x = m->x + run * m->n;
        const float *weight = m->weight + run * m->n % m->n_weights;
        float *out = m->out + run * m->n;
        float inverse = (float)(1 / sqrt(sum_squares(x, 0, m->n) / (double)m->n + m->eps));
        for (int64_t i = 0; i < m->n; i++)
            out[i] = x[i] * inverse * (weight[i] + m->weight_bias);
    }
}

static void layer_norm(void *ctx, int64_t begin, int64_t end, int thread)
{
    const norm *m = ctx;
    (void)thread;
    for (int64_t run = begin; run < end; run++) {
        const float *x = m->x + run * m->n;
        float *out = m->out + run * m->n;
        double mean = sum(x, m->n) / (double)m->n;
        double inverse = 1 / sqrt(sum_squares(x, mean, m->n) / (double)m->n + m->eps);
        for (int64_t i = 0; i < m->n; i++)
            out[i] = (float)(((double)x[i] - mean) * inverse) * (m->weight ? m->weight[i] + m->weight_bias : 1) +
                     (m->bias ? m->bias[i] : 0);
    }
}

static bool run(bora_device *device, const bora_call *call, void (*range)(void *, int64_t, int64_t, int),
                bora_error *err)
{
    const bora_norm_attrs *a = call->attrs;
    norm m = {
        .x = call->inputs[0].data,
        .out = call->output.data,
        .n = call->output.width,
        .eps = (double)a->eps,
        .weight_bias = a->weight_bias,
    };
    for (int i = call->n_weights - 1; i >= 0; i--)
        if (call->weights[i])
            m.n = m.n_weights = bora_weight_numbers(call->weights[i]);
    if (a->groups > 1)
        m.n /= a->groups;
    if (!cpu_vector(device, call, 0, &m.weight, err) || !cpu_vector(device, call, 1, &m.bias, err))
        return false;
    cpu_parallel(device, call->output.rows * (call->output.width / m.n), m.n * 2, range, &m);
    return true;
}

bool cpu_rms_norm(bora_device *device, const bora_call *call, bora_error *err)
{
    return run(device, call, rms_norm, err);
}

bool cpu_layer_norm(bora_device *device, const bora_call *call, bora_error *err)
{
    return run(device, call, layer_norm, err);
}
