/* Operations on each number by itself: add, mul, scale, softcap, activation, gate, clamped_gate. */
#include "cpu.h"

#include "row_vectors.h"

#include <math.h>

/* What a function costs, in additions: by vectors, and by calls of libm. */
enum { FUNCTION_COST = 4, LIBM_COST = 16 };

INLINE lanes gelu(lanes x)
{
    for (int l = 0; l < LANES; l++)
        x[l] = 0.5F * x[l] * (1 + erff(x[l] * (float)M_SQRT1_2));
    return x;
}

/* x/2 (1 + tanh u) is x / (1 + e^-2u). */
INLINE lanes gelu_tanh(lanes x)
{
    const float sqrt_2_over_pi = (float)(M_2_SQRTPI * M_SQRT1_2);
    return x / (1 + exp_lanes(-2 * sqrt_2_over_pi * (x + 0.044715F * x * x * x)));
}

INLINE lanes relu(lanes x)
{
    return choose(x > 0, x, (lanes){ 0 });
}

INLINE lanes function(bora_activation_kind kind, lanes x)
{
    switch (kind) {
    case BORA_SILU:
        return x / (1 + exp_lanes(-x));
    case BORA_GELU:
        return gelu(x);
    case BORA_GELU_TANH:
        return gelu_tanh(x);
    case BORA_RELU:
        return relu(x);
    case BORA_RELU2:
        return relu(x) * relu(x);
    case BORA_SIGMOID:
        return 1 / (1 + exp_lanes(-x));
    case BORA_TANH:
        return tanh_lanes(x);
    case BORA_IDENTITY:
        break;
    }
    return x;
}

typedef enum number_op { ADD, MUL, SCALE, SOFTCAP, ACTIVATION, GATE } number_op;

INLINE lanes number(number_op op, bora_activation_kind kind, lanes a, lanes b, float factor)
{
    switch (op) {
    case ADD:
        return a + b;
    case MUL:
        return a * b;
    case SCALE:
        return a * factor;
    case SOFTCAP:
        return factor * tanh_lanes(a / factor);
    case ACTIVATION:
        return function(kind, a);
    case GATE:
        break;
    }
    return function(kind, a) * b;
}

/* `op` and `kind` are constants where this is inlined. */
INLINE void numbers(number_op op, bora_activation_kind kind, const cpu_row_step *s, int64_t begin, int64_t end)
{
    const float *a = s->a, *b = s->b ? s->b : s->a;
    int64_t i = begin;
    for (; i + LANES <= end; i += LANES)
        STORE(s->out + i, number(op, kind, LOAD(a + i), LOAD(b + i), s->factor));
    if (i < end) {
        lanes x = { 0 }, y = { 0 };
        size_t rest = (size_t)(end - i) * sizeof(float);
        memcpy(&x, a + i, rest);
        memcpy(&y, b + i, rest);
        x = number(op, kind, x, y, s->factor);
        memcpy(s->out + i, &x, rest);
    }
}

INLINE void functions(number_op op, const cpu_row_step *s, int64_t begin, int64_t end)
{
    switch (s->kind) {
    case BORA_SILU:
        numbers(op, BORA_SILU, s, begin, end);
        break;
    case BORA_GELU:
        numbers(op, BORA_GELU, s, begin, end);
        break;
    case BORA_GELU_TANH:
        numbers(op, BORA_GELU_TANH, s, begin, end);
        break;
    case BORA_RELU:
        numbers(op, BORA_RELU, s, begin, end);
        break;
    case BORA_RELU2:
        numbers(op, BORA_RELU2, s, begin, end);
        break;
    case BORA_SIGMOID:
        numbers(op, BORA_SIGMOID, s, begin, end);
        break;
    case BORA_TANH:
        numbers(op, BORA_TANH, s, begin, end);
        break;
    case BORA_IDENTITY:
        numbers(op, BORA_IDENTITY, s, begin, end);
        break;
    }
}

INLINE void add(const cpu_row_step *s, int64_t begin, int64_t end)
{
    numbers(ADD, BORA_IDENTITY, s, begin, end);
}

INLINE void mul(const cpu_row_step *s, int64_t begin, int64_t end)
{
    numbers(MUL, BORA_IDENTITY, s, begin, end);
}

INLINE void scale(const cpu_row_step *s, int64_t begin, int64_t end)
{
    numbers(SCALE, BORA_IDENTITY, s, begin, end);
}

INLINE void softcap(const cpu_row_step *s, int64_t begin, int64_t end)
{
    numbers(SOFTCAP, BORA_IDENTITY, s, begin, end);
}

INLINE void activate(const cpu_row_step *s, int64_t begin, int64_t end)
{
    functions(ACTIVATION, s, begin, end);
}

INLINE void gate(const cpu_row_step *s, int64_t begin, int64_t end)
{
    functions(GATE, s, begin, end);
}

CPU_VARIANTS(add)
CPU_VARIANTS(mul)
CPU_VARIANTS(scale)
CPU_VARIANTS(softcap)
CPU_VARIANTS(activate)
CPU_VARIANTS(gate)

/* `factor` is alpha. By libm, as the operation's reference: the same bits. */
static void clamped_gate(const cpu_row_step *s, int64_t begin, int64_t end)
{
    for (int64_t i = begin; i < end; i++) {
        float g = s->a[i] > s->limit ? s->limit : s->a[i];
        float u = s->b[i] > s->limit ? s->limit : s->b[i] < -s->limit ? -s->limit : s->b[i];
        s->out[i] = (u + 1) * (g * (1 / (1 + expf(-(s->factor * g)))));
    }
}

/* ---- the steps: `items` are numbers, as they come ---- */

bool cpu_add(cpu_buffer *vectors, const bora_call *call, cpu_row_step *step, bora_error *err)
{
    (void)vectors, (void)call, (void)err;
    step->run = CPU_CHOOSE(add);
    step->cost = 1;
    return true;
}

bool cpu_mul(cpu_buffer *vectors, const bora_call *call, cpu_row_step *step, bora_error *err)
{
    (void)vectors, (void)call, (void)err;
    step->run = CPU_CHOOSE(mul);
    step->cost = 1;
    return true;
}

bool cpu_scale(cpu_buffer *vectors, const bora_call *call, cpu_row_step *step, bora_error *err)
{
    (void)vectors, (void)err;
    step->run = CPU_CHOOSE(scale);
    step->cost = 1;
    step->factor = ((const bora_scale_attrs *)call->attrs)->factor;
    return true;
}

bool cpu_softcap(cpu_buffer *vectors, const bora_call *call, cpu_row_step *step, bora_error *err)
{
    (void)vectors, (void)err;
    step->run = CPU_CHOOSE(softcap);
    step->cost = FUNCTION_COST;
    step->factor = ((const bora_scale_attrs *)call->attrs)->factor;
    return true;
}

bool cpu_activation_known(bora_activation_kind kind, bora_error *err)
{
    if ((unsigned)kind <= BORA_IDENTITY)
        return true;
    return bora_fail(err, BORA_UNSUPPORTED, "the cpu backend has no activation number %u", (unsigned)kind);
}

static bool make_function(const bora_call *call, cpu_row_step *step, bora_error *err)
{
    step->kind = ((const bora_activation_attrs *)call->attrs)->kind;
    step->cost = step->kind == BORA_GELU ? LIBM_COST : FUNCTION_COST;
    return cpu_activation_known(step->kind, err);
}

bool cpu_activation(cpu_buffer *vectors, const bora_call *call, cpu_row_step *step, bora_error *err)
{
    (void)vectors;
    step->run = CPU_CHOOSE(activate);
    return make_function(call, step, err);
}

bool cpu_gate(cpu_buffer *vectors, const bora_call *call, cpu_row_step *step, bora_error *err)
{
    (void)vectors;
    step->run = CPU_CHOOSE(gate);
    return make_function(call, step, err);
}

bool cpu_clamped_gate(cpu_buffer *vectors, const bora_call *call, cpu_row_step *step, bora_error *err)
{
    (void)vectors, (void)err;
    const bora_clamped_gate_attrs *attrs = call->attrs;
    step->run = clamped_gate;
    step->cost = LIBM_COST;
    step->factor = attrs->alpha;
    step->limit = attrs->limit;
    return true;
}

void cpu_activate(bora_activation_kind kind, const float *x, float *out, int64_t n)
{
    cpu_row_step step = { .a = x, .out = out, .kind = kind };
    if (kind != BORA_IDENTITY || x != out)
        CPU_CHOOSE(activate)(&step, 0, n);
}
