/* bora's own operations: their tables, and what their references share. */
#ifndef BORA_GRAPH_OPS_H
#define BORA_GRAPH_OPS_H

#include <bora/ops.h>

extern const bora_op op_embed, op_linear, op_rms_norm, op_layer_norm, op_add, op_mul, op_scale, op_activation, op_gate,
    op_softcap, op_rope, op_attention, op_outputs, op_slice, op_join, op_head_linear, op_clamped_gate, op_route,
    op_expert_linear, op_expert_sum, op_causal_conv1d, op_mamba2;

/* The call has so many inputs and, at least, its required weights; else an error that says so. */
bool op_expect(const bora_call *call, int n_inputs, int n_weights, bora_error *err);
/* The output has the shape of input 0. */
bool op_same_shape(bora_call *call);
/* The call's first input has a row for each token: what a state along the sequence needs. */
bool op_expect_tokens(const bora_call *call, bora_error *err);
/* All numbers of a weight as floats, malloc'd; NULL with an error. */
float *op_numbers(const bora_weight *weight, bora_error *err);
float op_activate(bora_activation_kind kind, float x);
/* malloc'd room for one row of a weight as floats, or NULL with an error. */
float *op_row_scratch(const bora_weight *weight, bora_error *err);

#endif
