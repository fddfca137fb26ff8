/* rms_norm (arXiv:1910.07467) and layer_norm (arXiv:1607.06450). A sum is sixteen sums in double, of the numbers l,
 * l + 16, l + 32, …, that are added in pairs at the end: the same bits on all instruction sets. */
#include "cpu.h"

#include "row_vectors.h"

#include <math.h>

typedef double half_doubles __attribute__((vector_size(64)));
typedef double quarter_doubles __attribute__((vector_size(32)));

INLINE double add_doubles(const double_lanes *sums)
{
    half_doubles h[2];
    memcpy(h, sums, sizeof h);
    h[0] += h[1];
    quarter_doubles q[2];
    memcpy(q, h, sizeof q);
    q[0] += q[1];
    return (q[0][0] + q[0][2]) + (q[0][1] + q[0][3]);
}

/* The sum of (x - mean)^2, or of x with `plain`. */
INLINE double sum(const float *x, double mean, int64_t n, bool plain)
{
    double_lanes s = { 0 }, y;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        y = __builtin_convertvector(LOAD(x + i), double_lanes) - mean;
        s += plain ? y : y * y;
    }
    if (i < n) {
        y = (double_lanes){ 0 };
        for (int l = 0; i + l < n; l++)
            y[l] = (double)x[i + l] - mean;
        s += plain ? y : y * y;
    }
    return add_doubles(&s);
}

INLINE void rms_norm_runs(const cpu_row_step *s, int64_t begin, int64_t end)
{
    int64_t n = s->n;
    for (int64_t run = begin; run < end; run++) {
        const float *x = s->a + run * n, *weight = s->weight + run * n % s->n_weights;
        float *out = s->out + run * n;
        float inverse = (float)(1 / sqrt(sum(x, 0, n, false) / (double)n + s->eps));
        int64_t i = 0;
        for (; i + LANES <= n; i += LANES)
            STORE(out + i, LOAD(x + i) * inverse * (LOAD(weight + i) + s->weight_bias));
        for (; i < n; i++)
            out[i] = x[i] * inverse * (weight[i] + s->weight_bias);
    }
}

INLINE lanes layer_norm_lanes(const cpu_row_step *s, lanes x, lanes weight, lanes bias, double mean, double inverse)
{
    lanes y = __builtin_convertvector((__builtin_convertvector(x, double_lanes) - mean) * inverse, lanes);
    if (s->weight)
        y *= weight + s->weight_bias;
    return s->bias ? y + bias : y;
}

INLINE void layer_norm_runs(const cpu_row_step *s, int64_t begin, int64_t end)
{
    int64_t n = s->n;
    for (int64_t run = begin; run < end; run++) {
        const float *x = s->a + run * n;
        float *out = s->out + run * n;
        double mean = sum(x, 0, n, true) / (double)n;
        double inverse = 1 / sqrt(sum(x, mean, n, false) / (double)n + s->eps);
        for (int64_t i = 0; i < n; i += LANES) {
            lanes y = { 0 }, weight = { 0 }, bias = { 0 };
            size_t bytes = i + LANES <= n ? sizeof y : (size_t)(n - i) * sizeof(float);
            memcpy(&y, x + i, bytes);
            if (s->weight)
                memcpy(&weight, s->weight + i, bytes);
            if (s->bias)
                memcpy(&bias, s->bias + i, bytes);
            y = layer_norm_lanes(s, y, weight, bias, mean, inverse);
            memcpy(out + i, &y, bytes);
        }
    }
}

CPU_VARIANTS(rms_norm_runs)
CPU_VARIANTS(layer_norm_runs)

static bool make(cpu_buffer *vectors, const bora_call *call, cpu_row_step *step, bora_error *err)
{
    const bora_norm_attrs *a = call->attrs;
    step->n = call->output.width;
    for (int i = call->n_weights - 1; i >= 0; i--)
        if (call->weights[i])
            step->n = step->n_weights = bora_weight_numbers(call->weights[i]);
    if (a->groups > 1)
        step->n /= a->groups;
    step->eps = (double)a->eps;
    step->weight_bias = a->weight_bias;
    step->items = call->output.width / step->n;
    step->cost = step->n;
    return cpu_vector_in(&vectors[0], call, 0, &step->weight, err) &&
           cpu_vector_in(&vectors[1], call, 1, &step->bias, err);
}

bool cpu_rms_norm(cpu_buffer *vectors, const bora_call *call, cpu_row_step *step, bora_error *err)
{
    step->run = CPU_CHOOSE(rms_norm_runs);
    return make(vectors, call, step, err);
}

bool cpu_layer_norm(cpu_buffer *vectors, const bora_call *call, cpu_row_step *step, bora_error *err)
{
    step->run = CPU_CHOOSE(layer_norm_runs);
    return make(vectors, call, step, err);
}
