/* Operations on each number by itself: add, mul, scale, softcap, activation, gate, clamped_gate. */
#include <math.h>

#include "graph/ops/ops.h"

static bool unary_shape(bora_call *call, bora_error *err)
{
    return op_expect(call, 1, 0, err) && op_same_shape(call);
}

static bool binary_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 2, 0, err))
        return false;
    const bora_view *a = &call->inputs[0], *b = &call->inputs[1];
    if (a->width != b->width || a->rows != b->rows)
        return bora_fail(err, BORA_FORMAT, "its inputs are %lld and %lld wide", (long long)a->width,
                         (long long)b->width);
    return op_same_shape(call);
}

static int64_t size(const bora_call *call)
{
    return call->output.rows * call->output.width;
}

static bool add_reference(const bora_call *call, bora_error *err)
{
    (void)err;
    for (int64_t i = 0, n = size(call); i < n; i++)
        call->output.data[i] = call->inputs[0].data[i] + call->inputs[1].data[i];
    return true;
}

static bool mul_reference(const bora_call *call, bora_error *err)
{
    (void)err;
    for (int64_t i = 0, n = size(call); i < n; i++)
        call->output.data[i] = call->inputs[0].data[i] * call->inputs[1].data[i];
    return true;
}

static bool scale_reference(const bora_call *call, bora_error *err)
{
    (void)err;
    float factor = ((const bora_scale_attrs *)call->attrs)->factor;
    for (int64_t i = 0, n = size(call); i < n; i++)
        call->output.data[i] = call->inputs[0].data[i] * factor;
    return true;
}

static bool softcap_reference(const bora_call *call, bora_error *err)
{
    (void)err;
    float cap = ((const bora_scale_attrs *)call->attrs)->factor;
    for (int64_t i = 0, n = size(call); i < n; i++)
        call->output.data[i] = cap * tanhf(call->inputs[0].data[i] / cap);
    return true;
}

float op_activate(bora_activation_kind kind, float x)
{
    switch (kind) {
    case BORA_SILU:
        return x / (1 + expf(-x));
    case BORA_GELU:
        return 0.5F * x * (1 + erff(x * (float)M_SQRT1_2));
    case BORA_GELU_TANH:
        return 0.5F * x * (1 + tanhf((float)(M_2_SQRTPI * M_SQRT1_2) * (x + 0.044715F * x * x * x)));
    case BORA_RELU:
        return x > 0 ? x : 0;
    case BORA_RELU2:
        return x > 0 ? x * x : 0;
    case BORA_SIGMOID:
        return 1 / (1 + expf(-x));
    case BORA_TANH:
        return tanhf(x);
    case BORA_IDENTITY:
        return x;
    }
    return x;
}

static bool activation_reference(const bora_call *call, bora_error *err)
{
    (void)err;
    bora_activation_kind kind = ((const bora_activation_attrs *)call->attrs)->kind;
    for (int64_t i = 0, n = size(call); i < n; i++)
        call->output.data[i] = op_activate(kind, call->inputs[0].data[i]);
    return true;
}

static bool gate_reference(const bora_call *call, bora_error *err)
{
    (void)err;
    bora_activation_kind kind = ((const bora_activation_attrs *)call->attrs)->kind;
    for (int64_t i = 0, n = size(call); i < n; i++)
        call->output.data[i] = op_activate(kind, call->inputs[0].data[i]) * call->inputs[1].data[i];
    return true;
}

static bool clamped_gate_shape(bora_call *call, bora_error *err)
{
    const bora_clamped_gate_attrs *attrs = call->attrs;
    if (!(attrs->limit > 0))
        return bora_fail(err, BORA_FORMAT, "the limit must be above 0");
    return binary_shape(call, err);
}

static bool clamped_gate_reference(const bora_call *call, bora_error *err)
{
    (void)err;
    const bora_clamped_gate_attrs *attrs = call->attrs;
    const float limit = attrs->limit;
    for (int64_t i = 0, n = size(call); i < n; i++) {
        float g = call->inputs[0].data[i], u = call->inputs[1].data[i];
        g = g > limit ? limit : g;
        u = u > limit ? limit : u < -limit ? -limit : u;
        call->output.data[i] = (u + 1) * (g * op_activate(BORA_SIGMOID, attrs->alpha * g));
    }
    return true;
}

static const bora_arg binary_args[] = { { .name = "a", .kind = BORA_ARG_INPUT },
                                        { .name = "b", .kind = BORA_ARG_INPUT },
                                        { .name = NULL } };
static const bora_arg scale_args[] = {
    { .name = "x", .kind = BORA_ARG_INPUT },
    { .name = "factor", .kind = BORA_ARG_FLOAT, .offset = offsetof(bora_scale_attrs, factor) },
    { .name = NULL },
};
static const bora_arg softcap_args[] = {
    { .name = "x", .kind = BORA_ARG_INPUT },
    { .name = "cap", .kind = BORA_ARG_FLOAT, .offset = offsetof(bora_scale_attrs, factor) },
    { .name = NULL },
};
static const bora_arg activation_args[] = {
    { .name = "x", .kind = BORA_ARG_INPUT },
    { .name = "kind", .kind = BORA_ARG_ACTIVATION, .offset = offsetof(bora_activation_attrs, kind) },
    { .name = NULL },
};
static const bora_arg gate_args[] = {
    { .name = "gate", .kind = BORA_ARG_INPUT },
    { .name = "up", .kind = BORA_ARG_INPUT },
    { .name = "kind", .kind = BORA_ARG_ACTIVATION, .offset = offsetof(bora_activation_attrs, kind) },
    { .name = NULL },
};
static const bora_arg clamped_gate_args[] = {
    { .name = "gate", .kind = BORA_ARG_INPUT },
    { .name = "up", .kind = BORA_ARG_INPUT },
    { .name = "limit", .kind = BORA_ARG_FLOAT, .offset = offsetof(bora_clamped_gate_attrs, limit) },
    { .name = "alpha", .kind = BORA_ARG_FLOAT, .offset = offsetof(bora_clamped_gate_attrs, alpha) },
    { .name = NULL },
};

const bora_op op_add = { .name = "add", .args = binary_args, .shape = binary_shape, .reference = add_reference };
const bora_op op_mul = { .name = "mul", .args = binary_args, .shape = binary_shape, .reference = mul_reference };
const bora_op op_scale = { .name = "scale",
                           .args = scale_args,
                           .attrs_bytes = sizeof(bora_scale_attrs),
                           .shape = unary_shape,
                           .reference = scale_reference };
const bora_op op_softcap = { .name = "softcap",
                             .args = softcap_args,
                             .attrs_bytes = sizeof(bora_scale_attrs),
                             .shape = unary_shape,
                             .reference = softcap_reference };
const bora_op op_activation = { .name = "activation",
                                .args = activation_args,
                                .attrs_bytes = sizeof(bora_activation_attrs),
                                .shape = unary_shape,
                                .reference = activation_reference };
const bora_op op_gate = { .name = "gate",
                          .args = gate_args,
                          .attrs_bytes = sizeof(bora_activation_attrs),
                          .shape = binary_shape,
                          .reference = gate_reference };
const bora_op op_clamped_gate = { .name = "clamped_gate",
                                  .args = clamped_gate_args,
                                  .attrs_bytes = sizeof(bora_clamped_gate_attrs),
                                  .shape = clamped_gate_shape,
                                  .reference = clamped_gate_reference };
