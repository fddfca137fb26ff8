/* Operations on each number by itself: add, mul, scale, softcap, activation, gate, clamped_gate. */
#include "cpu.h"
#include "function_loops.h"

#include <math.h>

static float silu(float x)
{
    return x / (1 + expf(-x));
}

static float gelu(float x)
{
    return 0.5F * x * (1 + erff(x * (float)M_SQRT1_2));
}

static float gelu_tanh(float x)
{
    const float sqrt_2_over_pi = (float)(M_2_SQRTPI * M_SQRT1_2);
    return 0.5F * x * (1 + tanhf(sqrt_2_over_pi * (x + 0.044715F * x * x * x)));
}

static float relu(float x)
{
    return x > 0 ? x : 0;
}

static float relu2(float x)
{
    return x > 0 ? x * x : 0;
}

static float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

static float identity(float x)
{
    return x;
}

typedef struct numbers {
    const float *a, *b; /* b: NULL for operations with one input */
    float *out;
    float factor, limit;
    cpu_function function;
    cpu_function_loop *loop; /* the same for many at once, or NULL */
} numbers;

static void add(void *ctx, int64_t begin, int64_t end, int thread)
{
    const numbers *m = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        m->out[i] = m->a[i] + m->b[i];
}

static void mul(void *ctx, int64_t begin, int64_t end, int thread)
{
    const numbers *m = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        m->out[i] = m->a[i] * m->b[i];
}

static void scale(void *ctx, int64_t begin, int64_t end, int thread)
{
    const numbers *m = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        m->out[i] = m->a[i] * m->factor;
}

static void softcap(void *ctx, int64_t begin, int64_t end, int thread)
{
    const numbers *m = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        m->out[i] = m->factor * tanhf(m->a[i] / m->factor);
}

static void activate(void *ctx, int64_t begin, int64_t end, int thread)
{
    const numbers *m = ctx;
    (void)thread;
    if (m->loop) {
        m->loop(m->a + begin, NULL, m->out + begin, (size_t)(end - begin));
        return;
    }
    for (int64_t i = begin; i < end; i++)
        m->out[i] = m->function(m->a[i]);
}

static void gate(void *ctx, int64_t begin, int64_t end, int thread)
{
    const numbers *m = ctx;
    (void)thread;
    if (m->loop) {
        m->loop(m->a + begin, m->b + begin, m->out + begin, (size_t)(end - begin));
        return;
    }
    for (int64_t i = begin; i < end; i++)
        m->out[i] = m->function(m->a[i]) * m->b[i];
}

/* `factor` is alpha. */
static void clamped_gate(void *ctx, int64_t begin, int64_t end, int thread)
{
    const numbers *m = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        float g = m->a[i] > m->limit ? m->limit : m->a[i];
        float u = m->b[i] > m->limit ? m->limit : m->b[i] < -m->limit ? -m->limit : m->b[i];
        m->out[i] = (u + 1) * (g * sigmoid(m->factor * g));
    }
}

/* What one call of a function of libm costs, in additions. */
enum { FUNCTION_COST = 16 };

static bool run(bora_device *device, const bora_call *call, int64_t cost, void (*range)(void *, int64_t, int64_t, int),
                numbers m)
{
    m.a = call->inputs[0].data;
    m.b = call->n_inputs > 1 ? call->inputs[1].data : NULL;
    m.out = call->output.data;
    cpu_parallel(device, call->output.rows * call->output.width, cost, range, &m);
    return true;
}

bool cpu_add(bora_device *device, const bora_call *call, bora_error *err)
{
    (void)err;
    return run(device, call, 1, add, (numbers){ 0 });
}

bool cpu_mul(bora_device *device, const bora_call *call, bora_error *err)
{
    (void)err;
    return run(device, call, 1, mul, (numbers){ 0 });
}

bool cpu_scale(bora_device *device, const bora_call *call, bora_error *err)
{
    (void)err;
    return run(device, call, 1, scale, (numbers){ .factor = ((const bora_scale_attrs *)call->attrs)->factor });
}

bool cpu_softcap(bora_device *device, const bora_call *call, bora_error *err)
{
    (void)err;
    return run(device, call, FUNCTION_COST, softcap,
               (numbers){ .factor = ((const bora_scale_attrs *)call->attrs)->factor });
}

cpu_function cpu_activation_function(bora_activation_kind kind, bora_error *err)
{
    static const cpu_function functions[] = {
        [BORA_SILU] = silu,   [BORA_GELU] = gelu,       [BORA_GELU_TANH] = gelu_tanh, [BORA_RELU] = relu,
        [BORA_RELU2] = relu2, [BORA_SIGMOID] = sigmoid, [BORA_TANH] = tanhf,          [BORA_IDENTITY] = identity,
    };
    if ((unsigned)kind < sizeof functions / sizeof *functions)
        return functions[kind];
    bora_fail(err, BORA_UNSUPPORTED, "the cpu backend has no activation number %u", (unsigned)kind);
    return NULL;
}

static cpu_function_loop *function_loop(bora_activation_kind kind)
{
    const cpu_function_loops *const *loops = cpu_all_function_loops;
    while (!(*loops)->usable())
        loops++;
    switch (kind) {
    case BORA_SILU:
        return (*loops)->silu;
    case BORA_SIGMOID:
        return (*loops)->sigmoid;
    case BORA_GELU_TANH:
        return (*loops)->gelu_tanh;
    case BORA_TANH:
        return (*loops)->tanh;
    default:
        return NULL;
    }
}

static bool run_function(bora_device *device, const bora_call *call, void (*range)(void *, int64_t, int64_t, int),
                         bora_error *err)
{
    bora_activation_kind kind = ((const bora_activation_attrs *)call->attrs)->kind;
    cpu_function function = cpu_activation_function(kind, err);
    return function &&
           run(device, call, FUNCTION_COST, range, (numbers){ .function = function, .loop = function_loop(kind) });
}

bool cpu_activation(bora_device *device, const bora_call *call, bora_error *err)
{
    return run_function(device, call, activate, err);
}

bool cpu_gate(bora_device *device, const bora_call *call, bora_error *err)
{
    return run_function(device, call, gate, err);
}

bool cpu_clamped_gate(bora_device *device, const bora_call *call, bora_error *err)
{
    (void)err;
    const bora_clamped_gate_attrs *attrs = call->attrs;
    return run(device, call, FUNCTION_COST, clamped_gate, (numbers){ .factor = attrs->alpha, .limit = attrs->limit });
}
