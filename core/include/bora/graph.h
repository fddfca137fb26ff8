/* Graphs: how an architecture says what is computed.
 *
 * Building looks like computing, and computes nothing. Functions take nodes and give nodes; the first mistake (a weight
 * that is not there, shapes that do not fit, a parameter that is missing) is remembered with the name of its node,
 * everything after it gives NULL, and the model is refused with that one line. So an architecture checks nothing.
 *
 * Weights go by the checkpoint's own names in Hugging Face layout, without ".weight"; bora_scope() sets what stands in
 * front of them. Where a weight lives, in which format, with which adapter, is not the architecture's affair. */
#ifndef BORA_GRAPH_H
#define BORA_GRAPH_H

#include <bora/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bora_graph bora_graph;
typedef struct bora_node bora_node;

/* ---- parameters: config.json, or the metadata of a GGUF file under the same names ---- */

/* Keys may reach into objects: "rope_scaling.factor". A key that is absent or null gives the fallback; one without a
 * fallback must be there. Wrong types and absurd values (counts outside 1 … 2^24) fail the graph. */
BORA_API int32_t bora_param_count(bora_graph *g, const char *key);
BORA_API int32_t bora_param_count_or(bora_graph *g, const char *key, int32_t fallback);
BORA_API float bora_param_float(bora_graph *g, const char *key);
BORA_API float bora_param_float_or(bora_graph *g, const char *key, float fallback);
BORA_API bool bora_param_flag_or(bora_graph *g, const char *key, bool fallback);
/* A string that lives as long as the graph, or `fallback` itself. */
BORA_API const char *bora_param_string_or(bora_graph *g, const char *key, const char *fallback);
/* The activation that a config names ("silu", "gelu_pytorch_tanh", …). */
BORA_API bora_activation_kind bora_param_activation(bora_graph *g, const char *key, const char *fallback);
/* True when the key is there and not null. */
BORA_API bool bora_has_param(bora_graph *g, const char *key);

/* ---- building ---- */

/* What stands in front of the names of weights from here on: bora_scope(g, "model.layers.%d", i). */
BORA_API void bora_scope(bora_graph *g, const char *fmt, ...) BORA_PRINTF(2, 3);
/* Nothing stands in front of them from here on. */
BORA_API void bora_scope_end(bora_graph *g);
/* True when the checkpoint has a weight of that name in the present scope. */
BORA_API bool bora_has_weight(bora_graph *g, const char *name);
/* What the checkpoint has in another form than the architecture names it. These declare a weight NAME, to be used like
 * any other; they do nothing when the checkpoint has NAME itself, or has nothing to make it of. Nothing is read before
 * the model is loaded, and then row by row. */

/* NAME [n, …] is n tensors of one shape and format, one behind another: PARTS is their name with %d for 0 … n - 1.
 * NAME.bias likewise, where the parts have one. At most 65536. */
BORA_API void bora_stacked_weight(bora_graph *g, const char *name, const char *parts, int32_t n);

/* Which rows (outputs) of each matrix [n_out, n_in]: `count` of them, from `from` on, each `step`-th. */
typedef struct bora_taken {
    int32_t from, step, count; /* 0: from the first; each; as many as there are */
    bool transposed;           /* the source holds [n_in, n_out]: its columns are the rows */
} bora_taken;

/* NAME is some rows of SOURCE [.., n_out, n_in]; NAME.bias is the same numbers of SOURCE.bias or SOURCE_bias [..,
 * n_out], where there is one. With NAME and SOURCE the same, it is what the checkpoint calls so that is taken from.
 * A source in blocks (a quantized one) cannot be transposed. */
BORA_API void bora_taken_weight(bora_graph *g, const char *name, const char *source, const bora_taken *taken);

/* Fails the graph with a message of the architecture's own; returns NULL. For what it cannot do: "experts are not …".
 */
BORA_API bora_node *bora_reject(bora_graph *g, const char *fmt, ...) BORA_PRINTF(2, 3);

/* [n_tokens, width]: the embedding of the batch's tokens. */
BORA_API bora_node *bora_embed(bora_graph *g, const char *name);
/* [T, n_in] -> [T, n_out]. Adds NAME.bias when the checkpoint has one. */
BORA_API bora_node *bora_linear(bora_graph *g, bora_node *x, const char *name);
/* Norms over each run of as many numbers as the weight has: a weight [head_dim] norms each head by itself. */
BORA_API bora_node *bora_rms_norm(bora_graph *g, bora_node *x, const char *name, float eps);
/* With attrs->weight_bias: 1 where a checkpoint stores w - 1. */
BORA_API bora_node *bora_rms_norm_of(bora_graph *g, bora_node *x, const char *name, const bora_norm_attrs *attrs);
BORA_API bora_node *bora_layer_norm(bora_graph *g, bora_node *x, const char *name, float eps);
BORA_API bora_node *bora_add(bora_graph *g, bora_node *a, bora_node *b);
BORA_API bora_node *bora_mul(bora_graph *g, bora_node *a, bora_node *b);
BORA_API bora_node *bora_scale(bora_graph *g, bora_node *x, float factor);
BORA_API bora_node *bora_softcap(bora_graph *g, bora_node *x, float cap);
BORA_API bora_node *bora_activation(bora_graph *g, bora_node *x, bora_activation_kind kind);
/* activation(gate) * up. */
BORA_API bora_node *bora_gate(bora_graph *g, bora_node *gate, bora_node *up, bora_activation_kind kind);
/* (up' + 1) gate' sigmoid(alpha gate'), gate' being at most `limit` and up' between -limit and limit. */
BORA_API bora_node *bora_clamped_gate(bora_graph *g, bora_node *gate, bora_node *up, float limit, float alpha);
BORA_API bora_node *bora_rope(bora_graph *g, bora_node *x, const bora_rope_attrs *rope);
/* `v` may be NULL: the values are then the first value_dim numbers of the keys. */
BORA_API bora_node *bora_attention(bora_graph *g, bora_node *q, bora_node *k, bora_node *v,
                                   const bora_attention_attrs *attrs);
/* Along each sequence, with NAME.bias when the checkpoint has one. */
BORA_API bora_node *bora_causal_conv1d(bora_graph *g, bora_node *x, const char *name, bora_activation_kind kind);
/* xbc [T, n_heads head_dim + 2 n_groups state_dim], dt [T, n_heads] -> [T, n_heads head_dim], with NAME.A_log, NAME.D
 * and NAME.dt_bias. */
BORA_API bora_node *bora_mamba2(bora_graph *g, bora_node *xbc, bora_node *dt, const char *name,
                                const bora_mamba2_attrs *attrs);
/* `width` numbers from `from` on, of each run of `each` numbers (0: of the whole row). */
BORA_API bora_node *bora_slice(bora_graph *g, bora_node *x, int32_t from, int32_t width, int32_t each);
/* Run by run, a's numbers and then b's: [T, runs wa], [T, runs wb] -> [T, runs (wa + wb)]. */
BORA_API bora_node *bora_join(bora_graph *g, bora_node *a, bora_node *b, int32_t runs);
/* A matrix for each head, [T, heads n_in] -> [T, heads n_out]. The weight holds the heads one after the other. */
BORA_API bora_node *bora_head_linear(bora_graph *g, bora_node *x, const char *name,
                                     const bora_head_linear_attrs *attrs);
/* The same with sinks, a weight [n_heads]: a score that each head has beside those of the positions, without a value
 * (arXiv:2309.17453). A name that begins with '?' is optional. */
BORA_API bora_node *bora_attention_with_sinks(bora_graph *g, bora_node *q, bora_node *k, bora_node *v,
                                              const bora_attention_attrs *attrs, const char *sinks);
/* Mixtures of experts: the experts of each row and their weights, [T, n_experts] -> [T, 2 n_used]. `bias` is the name
 * of a weight (with its suffix) that is added for the choice alone, or NULL. */
BORA_API bora_node *bora_route(bora_graph *g, bora_node *logits, const char *bias, const bora_route_attrs *attrs);
/* [T, n_in], the same for each slot, or [T, n_used n_in] -> [T, n_used n_out]: each slot by its expert's matrix of NAME
 * [n_experts, n_out, n_in]. Adds NAME.bias [n_experts, n_out] when the checkpoint has one. */
BORA_API bora_node *bora_expert_linear(bora_graph *g, bora_node *x, bora_node *routes, const char *name);
/* [T, n_used width] -> [T, width]: the slots' sum by their weights. */
BORA_API bora_node *bora_expert_sum(bora_graph *g, bora_node *x, bora_node *routes);
/* Only the rows whose logits are asked for. Put it before the last norm: a prompt then costs one row of the head. */
BORA_API bora_node *bora_outputs(bora_graph *g, bora_node *x);

/* A node of any operation, by name: a plugin's own. `attrs` is copied. Weights are names in the present scope; a name
 * that begins with '?' is optional. Lists end with NULL and may be NULL. */
BORA_API bora_node *bora_op_node(bora_graph *g, const char *op, bora_node *const *inputs, const char *const *weights,
                                 const void *attrs, size_t attrs_bytes);

/* The result's width, for building; 0 for NULL. */
BORA_API int64_t bora_width(const bora_node *node);

/* ---- blocks that many architectures share, made of the above ---- */

/* What an architecture knows of its rope beside the config. */
typedef struct bora_rope_section {
    const char *kind; /* of layers, where kinds differ: "full_attention", "sliding_attention"; NULL: one rope */
    float theta;      /* where the config has none for this kind; 0: its rope_theta, else 10000 */
    float partial_rotary_factor; /* where the config has none; 0: 1 */
    bool no_truncate; /* yarn's ramp may begin and end between two dimensions, where the config has no "truncate" */
} bora_rope_section;

/* Reads rope_theta, rope_scaling or rope_parameters, partial_rotary_factor and the checkpoint's pair layout, and works
 * out the frequencies: default, linear, dynamic, yarn (arXiv:2309.00071), longrope (arXiv:2402.13753; its factors in
 * the config, or the tensors rope_factors_short and rope_factors_long), and bands of frequencies (low_freq_factor,
 * high_freq_factor). Other kinds fail the graph.
 *
 * A kind of layers has what rope_parameters says under its name. Where nothing is said there, what the config says of
 * rope as a whole is said of "full_attention", and other kinds turn by the plain frequencies of their theta. */
BORA_API bora_rope_attrs bora_rope_params_of(bora_graph *g, int32_t head_dim, const bora_rope_section *section);
BORA_API bora_rope_attrs bora_rope_params(bora_graph *g, int32_t head_dim);

/* What rope scaling asks of attention's scale, to be multiplied with it: the square of 1 + 0.1 mscale_all_dim
 * ln(factor) where the config has an mscale_all_dim (arXiv:2309.00071, section 3.4); else 1. */
BORA_API float bora_rope_attention_factor(bora_graph *g);

/* down(activation(gate(x)) * up(x)) with NAME.gate_proj, NAME.up_proj, NAME.down_proj. */
BORA_API bora_node *bora_gated_mlp(bora_graph *g, bora_node *x, const char *name, bora_activation_kind kind);

/* The same by each row's experts, summed by their weights: NAME.gate_proj, up_proj [n_experts, n_ff, n_in] and
 * NAME.down_proj [n_experts, n_in, n_ff]. `routes` is what bora_route() gives. */
BORA_API bora_node *bora_expert_mlp(bora_graph *g, bora_node *x, bora_node *routes, const char *name,
                                    bora_activation_kind kind);

/* Grouped-query attention with rope: NAME.q_proj, k_proj, v_proj, o_proj. `rope` may be NULL. */
BORA_API bora_node *bora_self_attention(bora_graph *g, bora_node *x, const char *name, const bora_rope_attrs *rope,
                                        const bora_attention_attrs *attrs);

/* The output head: NAME, or with `tied` (or without that weight) the embedding EMBED. */
BORA_API bora_node *bora_head(bora_graph *g, bora_node *x, const char *name, const char *embed, bool tied);

#ifdef __cplusplus
}
#endif
#endif
