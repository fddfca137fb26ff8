/* The operations that bora itself brings, and their parameters: what a kernel for one of them must compute.
 *
 * Names and shapes (T rows; every activation is [T, width], every weight slowest first):
 *
 *   embed       weight [n_vocab, width]                             -> [T, width]       rows of the weight by token id
 *   linear      x [T, n_in], weight [n_out, n_in], bias [n_out]?    -> [T, n_out]       x W^T + b
 *   rms_norm    x [T, width], weight [n]                            -> [T, width]       each run of n: w x / rms(x)
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
 *   slice       x [T, runs each]                                    -> [T, runs width]  numbers from … of each run
 *   join        a [T, runs wa], b [T, runs wb] (or [T, wb], shared) -> [T, runs (wa + wb)]
 *   head_linear x [T, heads n_in], weight [heads R, n] or [heads, R, n]
 *                                                                   -> [T, heads n_out] x_h W_h^T, or x_h W_h
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
} bora_activation_kind;

typedef struct bora_norm_attrs {
    float eps;         /* added to the mean square (rms_norm) or the variance (layer_norm) */
    float weight_bias; /* added to the weight: 1 where a checkpoint stores w - 1 */
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
} bora_rope_attrs;

/* inv_freq for a row under "dynamic" scaling, or attrs->inv_freq when it does not apply. `scratch` is [n_dims/2]. */
BORA_API const float *bora_rope_row_freqs(const bora_rope_attrs *attrs, const bora_sequence *sequence, int32_t position,
                                          float *scratch);

/* Causal attention with a cache. First the k and v of each row are written to the cache at the row's position, then
 * query row r of a sequence at position p sees positions max(0, p - window + 1) … p of that sequence.
 *
 * A state block holds `block_tokens` positions: k as [n_kv_heads][block_tokens][head_dim] floats, then v as
 * [n_kv_heads][block_tokens][value_dim].
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

#ifdef __cplusplus
}
#endif
#endif
