/* embed: rows of a weight by token id. outputs: the rows whose logits are asked for. */
#include <string.h>

#include "graph/ops/ops.h"

static bool embed_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 0, 1, err))
        return false;
    if (call->weights[0]->n_dims != 2)
        return bora_fail(err, BORA_FORMAT, "the weight must be [n_vocab, width]");
    call->output.rows = BORA_ROWS_TOKENS;
    call->output.width = bora_weight_width(call->weights[0]);
    return true;
}

static bool embed_reference(const bora_call *call, bora_error *err)
{
    const bora_weight *w = call->weights[0];
    int64_t width = call->output.width, n_vocab = bora_weight_rows(w);
    for (int32_t t = 0; t < call->batch->n_tokens; t++) {
        int32_t token = call->batch->tokens[t];
        if (token < 0 || token >= n_vocab)
            return bora_fail(err, BORA_USAGE, "token %d is outside the vocabulary of %lld", token, (long long)n_vocab);
        float *out = call->output.data + t * width;
        const float *row = bora_weight_row(w, token, out);
        if (row != out)
            memcpy(out, row, (size_t)width * sizeof *out);
    }
    return true;
}

/* A row for each token. */
static void embed_cost(const bora_call *call, const bora_workload *load, bora_cost *cost)
{
    (void)load;
    *cost = (bora_cost){ .weight_bytes = (double)call->output.rows *
                                         (double)bora_row_bytes(call->weights[0]->quant, call->output.width) };
}

static const bora_arg embed_args[] = { { .name = "weight", .kind = BORA_ARG_WEIGHT }, { .name = NULL } };

const bora_op op_embed = {
    .name = "embed", .args = embed_args, .shape = embed_shape, .reference = embed_reference, .cost = embed_cost
};

static bool outputs_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 1, 0, err))
        return false;
    if (call->inputs[0].rows != BORA_ROWS_TOKENS)
        return bora_fail(err, BORA_USAGE, "its input must have a row for each token");
    call->output.rows = BORA_ROWS_OUTPUTS;
    call->output.width = call->inputs[0].width;
    return true;
}

static bool outputs_reference(const bora_call *call, bora_error *err)
{
    (void)err;
    int64_t width = call->output.width;
    for (int32_t i = 0; i < call->batch->n_outputs; i++)
        memcpy(call->output.data + i * width, call->inputs[0].data + call->batch->output_rows[i] * width,
               (size_t)width * sizeof(float));
    return true;
}

static const bora_arg outputs_args[] = { { .name = "x", .kind = BORA_ARG_INPUT }, { .name = NULL } };

const bora_op op_outputs = {
    .name = "outputs", .args = outputs_args, .shape = outputs_shape, .reference = outputs_reference
};
