/* The operations that bora itself brings, and their parameters: what a kernel for one of them must compute.
 *
 * Names and shapes (T rows; every activation is [T, width], every weight slowest first):
 *
 *   embed       weight [n_vocab, width]                             -> [T, width]       rows of the weight by token id
 *   linear      x [T, n_in], weight [n_out, n_in], bias [n_out]?    -> [T, n_out]       x W^T + b
 *   rms_norm    x [T, width], weight [n] or [groups n]              -> [T, width]       each run of n: w x / rms(x)
 *   layer_norm  x [T, width], weight [n]?, bias [n]?                -> [T, width]
 *   add, mul    a [T, width], b [T, width]                          -> [T, width]
 *   scale       x [T, width]                                        -> [T, width]       factor x
 *   activation  x [T, width]                                        -> [T, width]
 *   gate        g [T, width], u [T, width]                          -> [T, width]       activation(g) u
 *   clamped_gate g [T, width], u [T, width]                         -> [T, width]       (u' + 1) g' sigmoid(alpha g')
 *   softcap     x [T, width]                                        -> [T, width]       cap tanh(x / cap)
 *   rope        x [T, n_heads head_dim], freq_factors [n_dims/2]?   -> [T, same]
 *   attention   q [T, n_heads head_dim], k [T, n_kv_heads head_dim], v [T, n_kv_heads value_dim]?,
 *               sinks [n_heads]?                                    -> [T, n_heads value_dim]
 *   causal_conv1d x [T, C], weight [C, K] or [C, 1, K], bias [C]?   -> [T, C]           along each sequence
 *   mamba2      xbc [T, H P + 2 G N], dt [T, H], a, d, dt_bias [H]  -> [T, H P]         along each sequence
 *   slice       x [T, runs each]                                    -> [T, runs width]  numbers from … of each run
 *   join        a [T, runs wa], b [T, runs wb] (or [T, wb], shared) -> [T, runs (wa + wb)]
 *   head_linear x [T, heads n_in], weight [heads R, n] or [heads, R, n]
 *                                                                   -> [T, heads n_out] x_h W_h^T, or x_h W_h
 *   route       logits [T, n_experts], bias [n_experts]?            -> [T, 2 k]         k expert ids, then k weights
 *   expert_linear  x [T, n_in] or [T, k n_in], routes [T, 2 k], weight [n_experts, n_out, n_in],
 *               bias [n_experts, n_out]?                            -> [T, k n_out]     by each slot's expert
 *   expert_sum  x [T, k width], routes [T, 2 k]                     -> [T, width]       by each slot's weight
 *   outputs     x [T, width]                                        -> [n_outputs, width] the rows asked for
 */
#ifndef BORA_OPS_H
#define BORA_OPS_H

#include <bora/op.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bora_activation_kind {
    BORA_SILU,      /* x / (1 + e^-x) */
    BORA_GELU,      /* x Phi(x), by erf */
    BORA_GELU_TANH, /* its tanh approximation */
    BORA_RELU,
    BORA_RELU2, /* relu(x)^2 */
    BORA_SIGMOID,
    BORA_TANH,
    BORA_IDENTITY, /* x */
} bora_activation_kind;

typedef struct bora_norm_attrs {
    float eps;         /* added to the mean square (rms_norm) or the variance (layer_norm) */
    float weight_bias; /* added to the weight: 1 where a checkpoint stores w - 1 */
    int32_t groups;    /* of rms_norm: the weight is that of so many runs side by side, each normed by itself; 0: 1 */
} bora_norm_attrs;

typedef struct bora_scale_attrs {
    float factor; /* of `scale`; the cap of `softcap` */
} bora_scale_attrs;

typedef struct bora_activation_attrs {
    bora_activation_kind kind;
} bora_activation_attrs;

/* g' = min(g, limit), u' = u held between -limit and limit. arXiv:2508.10925. */
typedef struct bora_clamped_gate_attrs {
    float limit, alpha;
} bora_clamped_gate_attrs;

/* Rotary position embedding (arXiv:2104.09864). Pair i of the first n_dims numbers of each head is turned by the angle
 * position * inv_freq[i] and scaled by `scale`; the rest of the head passes through. */
typedef struct bora_rope_attrs {
    int32_t head_dim;
    int32_t n_dims;        /* even, at most head_dim */
    bool interleaved;      /* pairs are (2i, 2i+1); else (i, i + n_dims/2) */
    float scale;           /* of cos and sin; 1 but for yarn and longrope */
    const float *inv_freq; /* [n_dims/2] radians for each position; divided by freq_factors where there are any */
    /* "dynamic" scaling: once a sequence is longer than `dynamic_max`, theta grows with its length; 0: off. The length
     * is that of the prompt for its rows and position + 1 after it, so that it does not depend on how batches are cut.
     */
    int32_t dynamic_max;
    float theta, dynamic_factor;
    int32_t offset; /* the first number of each head that is turned; what is before and behind passes through */
    /* longrope (arXiv:2402.13753): once a sequence, its length counted as above, is longer than `long_after`, its rows
     * turn by long_inv_freq [n_dims/2]; NULL: off. transformers takes the length of what it is given at once, and
     * turns the whole sequence anew when generation crosses that length: from there on its logits differ from these,
     * where rows stay as they were turned. */
    int32_t long_after;
    const float *long_inv_freq;
} bora_rope_attrs;

/* The frequencies of a row under "dynamic" scaling and longrope, attrs->inv_freq where neither applies. `scratch` is
 * [n_dims/2]. */
BORA_API const float *bora_rope_row_freqs(const bora_rope_attrs *attrs, const bora_sequence *sequence, int32_t position,
                                          float *scratch);

/* Causal attention with a cache. First the k and v of each row are written to the cache at the row's position, then
 * query row r of a sequence at position p sees positions max(0, p - window + 1) … p of that sequence.
 *
 * A state block holds `block_tokens` positions: k as [n_kv_heads][block_tokens] rows of head_dim numbers, then v as
 * [n_kv_heads][block_tokens] rows of value_dim. Rows are in the format of the state, bora_cache_row_bytes() long: what
 * attention sees are its numbers. A kernel may order them otherwise within a block.
 *
 * Without v, the values are the first value_dim numbers of each key, and a block holds keys alone: a latent that all
 * heads share is kept once (arXiv:2405.04434). */
typedef struct bora_attention_attrs {
    int32_t n_heads, n_kv_heads, head_dim;
    int32_t value_dim; /* 0: head_dim; without v at most head_dim */
    float scale;       /* of q.k; 0: 1/sqrt(head_dim) */
    float softcap;     /* cap tanh(s / cap) on the scores; 0: none */
    int32_t window;    /* positions that a query sees, itself included; 0: all */
} bora_attention_attrs;

static inline int32_t bora_attention_value_dim(const bora_attention_attrs *a)
{
    return a->value_dim ? a->value_dim : a->head_dim;
}

/* A convolution along each sequence, each column by itself: y_t = f(bias + sum over k < K of w_k x_{t-K+1+k}), in this
 * order; before the first token there are zeros. The first tap is that of the oldest input.
 *
 * State of a sequence: its last K - 1 inputs, [K - 1][C] floats, the oldest first. */
typedef struct bora_causal_conv1d_attrs {
    bora_activation_kind kind; /* f */
} bora_causal_conv1d_attrs;

/* The recurrence of state space duality (arXiv:2405.21060). A row of `xbc` is x [n_heads, head_dim], then B and C, both
 * [n_groups, state_dim]; a head uses those of its group. For each token in turn and each head, with its state
 * S [head_dim, state_dim]:
 *
 *   dt = clamp(softplus(dt + dt_bias), dt_min, dt_max)
 *   S  = S exp(dt a) + dt x B^T
 *   y  = S C + d x
 *
 * State of a sequence: [n_heads][head_dim][state_dim] floats. Weights may have any shape of n_heads numbers. */
typedef struct bora_mamba2_attrs {
    int32_t n_heads, head_dim, n_groups, state_dim;
    float dt_min, dt_max; /* dt_max 0: no bound */
    bool a_is_log;        /* the weight is log(-a); else a itself */
} bora_mamba2_attrs;

/* The numbers from … from + width - 1 of each run of `each` numbers. */
typedef struct bora_slice_attrs {
    int32_t from, width;
    int32_t each; /* 0: the whole row is one run */
} bora_slice_attrs;

/* Each run of a, and the run of b behind it. */
typedef struct bora_join_attrs {
    int32_t runs;
    bool shared; /* b is one run, which stands behind every run of a */
} bora_join_attrs;

/* One matrix for each head: of the R rows that the weight has for a head, those from … from + rows - 1, all of n
 * numbers. y_r = sum_i W[r][i] x_i takes n numbers of a head and gives `rows`; transposed, y_i = sum_r x_r W[r][i]
 * takes `rows` and gives n. */
typedef struct bora_head_linear_attrs {
    int32_t heads;
    int32_t from, rows; /* rows 0: all from `from` on */
    bool transposed;
} bora_head_linear_attrs;

/* R: the rows that the weight has for each head. */
static inline int64_t bora_head_rows(const bora_weight *w, const bora_head_linear_attrs *a)
{
    return w->n_dims == 3 ? w->shape[1] : w->shape[0] / a->heads;
}

/* What the numbers of a router become before they weigh its experts. */
typedef enum bora_route_scoring {
    BORA_ROUTE_SOFTMAX,
    BORA_ROUTE_SIGMOID,
    BORA_ROUTE_SOFTMAX_USED, /* the softmax of the experts that are used alone */
} bora_route_scoring;

typedef enum bora_route_group_score {
    BORA_ROUTE_GROUP_MAX,  /* a group is as good as its best expert (arXiv:2405.04434) */
    BORA_ROUTE_GROUP_TOP2, /* as its best two together (arXiv:2412.19437) */
} bora_route_group_score;

/* The choice of experts (arXiv:2101.03961, arXiv:2401.04088): for each row the n_used experts of the highest score,
 * best first, the lower id first where scores are equal. An id is a float, as all activations are; it is 0 …
 * n_experts
 * - 1 whatever the logits are, NaNs too. The bias is added for the choice alone. */
typedef struct bora_route_attrs {
    int32_t n_used; /* k */
    bora_route_scoring scoring;
    bool normalize; /* weights are divided by their sum + eps */
    float eps;
    float scale;                     /* of the weights, last of all; 0: 1 */
    int32_t n_groups, n_groups_used; /* experts of n_groups_used of n_groups groups of neighbours only; 0: no groups */
    bora_route_group_score group_score;
} bora_route_attrs;

/* One row of `route`: out [2 n_used] from logits [n_experts], bias [n_experts] or NULL; `scratch` is [3 n_experts].
 * Sums are in double. What is chosen is no matter of tolerances: kernels on ordinary memory call this one. */
BORA_API void bora_route_row(const bora_route_attrs *attrs, const float *logits, const float *bias, int64_t n_experts,
                             float *scratch, float *out);

/* The expert of slot `slot` of a row of routes, or -1 where that is no expert. */
static inline int64_t bora_route_expert(const float *routes, int64_t slot, int64_t n_experts)
{
    float id = routes[slot];
    return id >= 0 && id < (float)n_experts && (float)(int64_t)id == id ? (int64_t)id : -1;
}

#ifdef __cplusplus
}
#endif
#endif
