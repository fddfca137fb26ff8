/* linear: y = x W^T + b, each product summed in double over K in order. */
#include <stdlib.h>

#include "graph/ops/ops.h"

static bool linear_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 1, 1, err))
        return false;
    const bora_weight *w = call->weights[0], *bias = call->n_weights > 1 ? call->weights[1] : NULL;
    if (w->n_dims != 2)
        return bora_fail(err, BORA_FORMAT, "the weight must be [n_out, n_in]");
    if (w->shape[1] != call->inputs[0].width)
        return bora_fail(err, BORA_FORMAT, "the weight takes %lld numbers, the input is %lld wide",
                         (long long)w->shape[1], (long long)call->inputs[0].width);
    if (bias && (bias->n_dims != 1 || bias->shape[0] != w->shape[0]))
        return bora_fail(err, BORA_FORMAT, "the bias must be [%lld]", (long long)w->shape[0]);
    call->output.rows = call->inputs[0].rows;
    call->output.width = w->shape[0];
    return true;
}

static bool linear_reference(const bora_call *call, bora_error *err)
{
    const bora_weight *w = call->weights[0], *bias = call->n_weights > 1 ? call->weights[1] : NULL;
    int64_t n_in = call->inputs[0].width, n_out = call->output.width;
    float *scratch = op_row_scratch(w, err), *bias_scratch = bias ? op_row_scratch(bias, err) : NULL;
    if (!scratch || (bias && !bias_scratch)) {
        free(scratch);
        free(bias_scratch);
        return false;
    }
    const float *b = bias ? bora_weight_row(bias, 0, bias_scratch) : NULL;
    for (int64_t r = 0; r < n_out; r++) {
        const float *row = bora_weight_row(w, r, scratch);
        for (int64_t t = 0; t < call->output.rows; t++) {
            const float *x = call->inputs[0].data + t * n_in;
            double sum = b ? b[r] : 0;
            for (int64_t k = 0; k < n_in; k++)
                sum += (double)row[k] * x[k];
            call->output.data[t * n_out + r] = (float)sum;
        }
    }
    free(scratch);
    free(bias_scratch);
    return true;
}

static const bora_arg linear_args[] = { { .name = "x", .kind = BORA_ARG_INPUT },
                                        { .name = "weight", .kind = BORA_ARG_WEIGHT },
                                        { .name = "bias", .kind = BORA_ARG_BIAS },
                                        { .name = NULL } };

const bora_op op_linear = {
    .name = "linear", .args = linear_args, .shape = linear_shape, .reference = linear_reference
};
