/* rms_norm (arXiv:1910.07467) and layer_norm (arXiv:1607.06450), over each run of as many numbers as the weight has. */
#include <math.h>
#include <stdlib.h>

#include "graph/ops/ops.h"

static bool check_run(const bora_call *call, const bora_weight *w, bora_error *err)
{
    if (w->n_dims != 1)
        return bora_fail(err, BORA_FORMAT, "the weight must have one dimension");
    if (w->shape[0] < 1 || call->inputs[0].width % w->shape[0] != 0)
        return bora_fail(err, BORA_FORMAT, "the weight has %lld numbers, the input is %lld wide",
                         (long long)w->shape[0], (long long)call->inputs[0].width);
    return true;
}

static bool rms_norm_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 1, 1, err))
        return false;
    const bora_weight *w = call->weights[0];
    int32_t groups = ((const bora_norm_attrs *)call->attrs)->groups;
    groups = groups > 1 ? groups : 1;
    /* A weight of several runs may be [groups, n] as well as [groups n]. */
    bora_weight flat = { .n_dims = w->n_dims == 2 && w->shape[0] == groups ? 1 : w->n_dims,
                         .shape = { bora_weight_numbers(w) } };
    if (!check_run(call, &flat, err))
        return false;
    if (flat.shape[0] % groups != 0)
        return bora_fail(err, BORA_FORMAT, "the weight has %lld numbers, which are not those of %d groups",
                         (long long)flat.shape[0], groups);
    return op_same_shape(call);
}

static bool rms_norm_reference(const bora_call *call, bora_error *err)
{
    const bora_norm_attrs *a = call->attrs;
    float *weight = op_numbers(call->weights[0], err);
    if (!weight)
        return false;
    int64_t all = bora_weight_numbers(call->weights[0]), n = a->groups > 1 ? all / a->groups : all;
    for (int64_t at = 0, total = call->output.rows * call->output.width; at < total; at += n) {
        const float *x = call->inputs[0].data + at, *w = weight + at % all;
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += (double)x[i] * x[i];
        float inv = (float)(1 / sqrt(sum / (double)n + a->eps));
        for (int64_t i = 0; i < n; i++)
            call->output.data[at + i] = x[i] * inv * (w[i] + a->weight_bias);
    }
    free(weight);
    return true;
}

static const bora_arg rms_norm_args[] = {
    { .name = "x", .kind = BORA_ARG_INPUT },
    { .name = "weight", .kind = BORA_ARG_WEIGHT },
    { .name = "eps", .kind = BORA_ARG_FLOAT, .offset = offsetof(bora_norm_attrs, eps) },
    { .name = "weight_bias",
      .kind = BORA_ARG_FLOAT,
      .optional = true,
      .offset = offsetof(bora_norm_attrs, weight_bias) },
    { .name = "groups",
      .kind = BORA_ARG_INT,
      .optional = true,
      .offset = offsetof(bora_norm_attrs, groups),
      .fallback = 1 },
    { .name = NULL },
};

const bora_op op_rms_norm = { .name = "rms_norm",
                              .args = rms_norm_args,
                              .attrs_bytes = sizeof(bora_norm_attrs),
                              .shape = rms_norm_shape,
                              .reference = rms_norm_reference,
                              .small_weights = true };

static bool layer_norm_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 1, 0, err))
        return false;
    for (int i = 0; i < call->n_weights; i++)
        if (call->weights[i] && !check_run(call, call->weights[i], err))
            return false;
    if (call->n_weights > 1 && call->weights[0] && call->weights[1] &&
        call->weights[0]->shape[0] != call->weights[1]->shape[0])
        return bora_fail(err, BORA_FORMAT, "weight and bias differ in length");
    return op_same_shape(call);
}

static bool layer_norm_reference(const bora_call *call, bora_error *err)
{
    const bora_norm_attrs *a = call->attrs;
    const bora_weight *weight = call->n_weights > 0 ? call->weights[0] : NULL;
    const bora_weight *bias = call->n_weights > 1 ? call->weights[1] : NULL;
    float *weight_scratch = weight ? op_row_scratch(weight, err) : NULL,
          *bias_scratch = bias ? op_row_scratch(bias, err) : NULL;
    bool ok = (!weight || weight_scratch) && (!bias || bias_scratch);
    const float *w = ok && weight ? bora_weight_row(weight, 0, weight_scratch) : NULL;
    const float *b = ok && bias ? bora_weight_row(bias, 0, bias_scratch) : NULL;
    int64_t n = weight ? weight->shape[0] : bias ? bias->shape[0] : call->output.width;
    int64_t total = ok ? call->output.rows * call->output.width : 0;
    for (int64_t at = 0; at < total; at += n) {
        const float *x = call->inputs[0].data + at;
        double mean = 0, var = 0;
        for (int64_t i = 0; i < n; i++)
            mean += x[i];
        mean /= (double)n;
        for (int64_t i = 0; i < n; i++)
            var += (x[i] - mean) * (x[i] - mean);
        double inv = 1 / sqrt(var / (double)n + a->eps);
        for (int64_t i = 0; i < n; i++)
            call->output.data[at + i] = (float)((x[i] - mean) * inv) * (w ? w[i] + a->weight_bias : 1) + (b ? b[i] : 0);
    }
    free(weight_scratch);
    free(bias_scratch);
    return ok;
}

static const bora_arg layer_norm_args[] = {
    { .name = "x", .kind = BORA_ARG_INPUT },
    { .name = "weight", .kind = BORA_ARG_WEIGHT },
    { .name = "bias", .kind = BORA_ARG_BIAS },
    { .name = "eps", .kind = BORA_ARG_FLOAT, .offset = offsetof(bora_norm_attrs, eps) },
    { .name = NULL },
};

const bora_op op_layer_norm = { .name = "layer_norm",
                                .args = layer_norm_args,
                                .attrs_bytes = sizeof(bora_norm_attrs),
                                .shape = layer_norm_shape,
                                .reference = layer_norm_reference };
