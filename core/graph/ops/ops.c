/* What the references share, and the table by which bora's own operations enter the registry. */
#include "graph/ops/ops.h"

#include <stdlib.h>
#include <string.h>

#include "plugin/runtime.h"

bool op_expect(const bora_call *call, int n_inputs, int n_weights, bora_error *err)
{
    if (call->n_inputs != n_inputs)
        return bora_fail(err, BORA_USAGE, "takes %d inputs, was given %d", n_inputs, call->n_inputs);
    for (int i = 0; i < n_weights; i++)
        if (i >= call->n_weights || !call->weights[i])
            return bora_fail(err, BORA_USAGE, "takes %d weights, was given %d", n_weights, i);
    return true;
}

bool op_same_shape(bora_call *call)
{
    call->output.rows = call->inputs[0].rows;
    call->output.width = call->inputs[0].width;
    return true;
}

bool op_expect_tokens(const bora_call *call, bora_error *err)
{
    return call->inputs[0].rows == BORA_ROWS_TOKENS ||
           bora_fail(err, BORA_USAGE, "its input must have a row for each token");
}

float *op_numbers(const bora_weight *weight, bora_error *err)
{
    int64_t width = bora_weight_width(weight), rows = bora_weight_rows(weight);
    float *numbers = malloc((size_t)(rows * width) * sizeof *numbers);
    if (!numbers)
        bora_fail_memory(err, "a weight");
    for (int64_t r = 0; numbers && r < rows; r++) {
        float *to = numbers + r * width;
        const float *row = bora_weight_row(weight, r, to);
        if (row != to)
            memcpy(to, row, (size_t)width * sizeof *to);
    }
    return numbers;
}

float *op_row_scratch(const bora_weight *weight, bora_error *err)
{
    float *row = malloc((size_t)bora_weight_width(weight) * sizeof *row);
    if (!row)
        bora_fail_memory(err, "a row of a weight");
    return row;
}

const float *bora_weight_row(const bora_weight *w, int64_t row, float *scratch)
{
    int64_t width = bora_weight_width(w);
    const char *at = (const char *)w->data + (size_t)row * bora_row_bytes(w->quant, width);
    if (!w->quant && (uintptr_t)at % _Alignof(float) == 0)
        return (const float *)(const void *)at;
    if (!w->quant || w->quant->plain)
        memcpy(scratch, at, (size_t)width * sizeof *scratch);
    else
        w->quant->dequantize(at, scratch, (size_t)width);
    return scratch;
}

void bora_cost_default(const bora_call *call, const bora_workload *load, bora_cost *cost)
{
    *cost = (bora_cost){ 0 };
    for (int i = 0; i < call->n_weights; i++) {
        if (!call->weights[i])
            continue;
        cost->weight_bytes += bora_weight_bytes(call->weights[i]);
        cost->products += (double)call->output.rows * (double)bora_weight_numbers(call->weights[i]);
    }
    if (!call->state)
        return;
    double n_positions = (double)load->n_past + load->n_tokens;
    cost->state_bytes = load->n_sequences * ((double)call->state->spec.sequence_bytes +
                                             n_positions * (double)call->state->spec.token_bytes);
}

static const bora_op *const ops[] = {
    &op_embed,         &op_linear,       &op_rms_norm,   &op_layer_norm,    &op_add,
    &op_mul,           &op_scale,        &op_activation, &op_gate,          &op_softcap,
    &op_rope,          &op_attention,    &op_outputs,    &op_slice,         &op_join,
    &op_head_linear,   &op_clamped_gate, &op_route,      &op_expert_linear, &op_expert_sum,
    &op_causal_conv1d, &op_mamba2,       NULL,
};

const bora_plugin builtin_plugin = { BORA_PLUGIN_ABI, .name = "bora", .version = BORA_VERSION, .ops = ops };
