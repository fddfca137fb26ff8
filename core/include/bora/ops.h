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
 *   softcap     x [T, width]                                        -> [T, width]       cap tanh(x / cap)
 *   rope        x [T, n_heads head_dim], freq_factors [n_dims/2]?   -> [T, same]
 *   attention   q [T, n_heads head_dim], k [T, n_kv_heads head_dim], v [T, n_kv_heads value_dim],
 *               sinks [n_heads]?                                    -> [T, n_heads value_dim]
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
 * A state block holds `block_tokens` positions: k as [n_kv_heads][block_tokens][head_dim] floats, then v as
 * [n_kv_heads][block_tokens][value_dim]. */
typedef struct bora_attention_attrs {
    int32_t n_heads, n_kv_heads, head_dim;
    int32_t value_dim; /* 0: head_dim */
    float scale;       /* of q.k; 0: 1/sqrt(head_dim) */
    float softcap;     /* cap tanh(s / cap) on the scores; 0: none */
    int32_t window;    /* positions that a query sees, itself included; 0: all */
} bora_attention_attrs;

static inline int32_t bora_attention_value_dim(const bora_attention_attrs *a)
{
    return a->value_dim ? a->value_dim : a->head_dim;
}

#ifdef __cplusplus
}
#endif
#endif
