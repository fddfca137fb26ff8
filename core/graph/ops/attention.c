/* attention: causal, grouped heads, over the cache of each sequence. The reference forms all scores of a row, takes
 * their softmax and sums the values, in double. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/ops/ops.h"

static bool attention_shape(bora_call *call, bora_error *err)
{
    bool has_v = call->n_inputs != 2;
    if (!op_expect(call, has_v ? 3 : 2, 0, err))
        return false;
    const bora_attention_attrs *a = call->attrs;
    int64_t value_dim = bora_attention_value_dim(a);
    if (a->n_heads < 1 || a->n_kv_heads < 1 || a->head_dim < 1 || value_dim < 1)
        return bora_fail(err, BORA_FORMAT, "%d heads, %d key-value heads, head_dim %d", a->n_heads, a->n_kv_heads,
                         a->head_dim);
    if (a->n_heads % a->n_kv_heads != 0)
        return bora_fail(err, BORA_FORMAT, "%d heads cannot share %d key-value heads", a->n_heads, a->n_kv_heads);
    int64_t q = (int64_t)a->n_heads * a->head_dim, k = (int64_t)a->n_kv_heads * a->head_dim;
    int64_t v = a->n_kv_heads * value_dim;
    if (call->inputs[0].width != q || call->inputs[1].width != k || (has_v && call->inputs[2].width != v))
        return bora_fail(err, BORA_FORMAT, "q, k and v must be %lld, %lld and %lld wide", (long long)q, (long long)k,
                         (long long)v);
    if (!has_v && value_dim > a->head_dim)
        return bora_fail(err, BORA_FORMAT, "values of %lld numbers cannot be part of keys of %d", (long long)value_dim,
                         a->head_dim);
    if (call->n_weights > 0 && call->weights[0] &&
        (call->weights[0]->n_dims != 1 || call->weights[0]->shape[0] != a->n_heads))
        return bora_fail(err, BORA_FORMAT, "the sinks must be [%d]", a->n_heads);
    call->output.rows = call->inputs[0].rows;
    call->output.width = a->n_heads * value_dim;
    return true;
}

static void attention_state(const bora_call *call, bora_state_spec *spec)
{
    const bora_attention_attrs *a = call->attrs;
    size_t of_values = call->n_inputs > 2 ? (size_t)bora_attention_value_dim(a) : 0;
    size_t numbers = (size_t)a->n_kv_heads * ((size_t)a->head_dim + of_values);
    *spec = (bora_state_spec){ .token_bytes = numbers * sizeof(float) };
}

/* Where k (or v) of a position lies. */
static float *cached(const bora_call *call, const bora_sequence *seq, int32_t position, int32_t kv_head, bool value)
{
    const bora_attention_attrs *a = call->attrs;
    const bora_state *state = call->state;
    size_t per_block = (size_t)state->block_tokens, k_dim = (size_t)a->head_dim,
           v_dim = (size_t)bora_attention_value_dim(a);
    size_t block = (size_t)seq->blocks[position / state->block_tokens],
           in_block = (size_t)(position % state->block_tokens);
    float *base = (float *)((char *)state->blocks + block * per_block * state->spec.token_bytes);
    size_t head = (size_t)kv_head;
    return value && call->n_inputs > 2
               ? base + (size_t)a->n_kv_heads * per_block * k_dim + (head * per_block + in_block) * v_dim
               : base + (head * per_block + in_block) * k_dim;
}

static void write_cache(const bora_call *call, const bora_sequence *seq)
{
    const bora_attention_attrs *a = call->attrs;
    size_t k_dim = (size_t)a->head_dim, v_dim = (size_t)bora_attention_value_dim(a), n_kv = (size_t)a->n_kv_heads;
    for (int32_t r = 0; r < seq->n_rows; r++) {
        size_t row = (size_t)(seq->first_row + r);
        for (size_t h = 0; h < n_kv; h++) {
            memcpy(cached(call, seq, seq->n_past + r, (int32_t)h, false),
                   call->inputs[1].data + (row * n_kv + h) * k_dim, k_dim * sizeof(float));
            if (call->n_inputs > 2)
                memcpy(cached(call, seq, seq->n_past + r, (int32_t)h, true),
                       call->inputs[2].data + (row * n_kv + h) * v_dim, v_dim * sizeof(float));
        }
    }
}

static void attend(const bora_call *call, const bora_sequence *seq, int32_t r, int32_t head, const float *sinks,
                   double *scores)
{
    const bora_attention_attrs *a = call->attrs;
    int32_t value_dim = bora_attention_value_dim(a), position = seq->n_past + r;
    int32_t first = a->window > 0 && position >= a->window ? position - a->window + 1 : 0;
    int32_t kv_head = head / (a->n_heads / a->n_kv_heads);
    int64_t row = seq->first_row + r;
    const float *q = call->inputs[0].data + (row * a->n_heads + head) * a->head_dim;
    double scale = a->scale != 0 ? a->scale : 1 / sqrt(a->head_dim), max = sinks ? sinks[head] : -INFINITY;
    for (int32_t p = first; p <= position; p++) {
        const float *k = cached(call, seq, p, kv_head, false);
        double score = 0;
        for (int32_t i = 0; i < a->head_dim; i++)
            score += (double)q[i] * k[i];
        score *= scale;
        if (a->softcap > 0)
            score = a->softcap * tanh(score / a->softcap);
        scores[p - first] = score;
        max = score > max ? score : max;
    }
    double total = sinks ? exp(sinks[head] - max) : 0;
    for (int32_t p = first; p <= position; p++)
        total += scores[p - first] = exp(scores[p - first] - max);
    float *out = call->output.data + (row * a->n_heads + head) * value_dim;
    for (int32_t i = 0; i < value_dim; i++) {
        double sum = 0;
        for (int32_t p = first; p <= position; p++)
            sum += scores[p - first] * cached(call, seq, p, kv_head, true)[i];
        out[i] = (float)(sum / total);
    }
}

static bool attention_reference(const bora_call *call, bora_error *err)
{
    const bora_attention_attrs *a = call->attrs;
    const bora_weight *sink_weight = call->n_weights > 0 ? call->weights[0] : NULL;
    float *sink_scratch = sink_weight ? op_row_scratch(sink_weight, err) : NULL;
    if (sink_weight && !sink_scratch)
        return false;
    const float *sinks = sink_weight ? bora_weight_row(sink_weight, 0, sink_scratch) : NULL;
    bool ok = true;
    for (int32_t s = 0; ok && s < call->batch->n_sequences; s++) {
        const bora_sequence *seq = &call->batch->sequences[s];
        double *scores = malloc((size_t)(seq->n_past + seq->n_rows + 1) * sizeof *scores);
        if (!scores) {
            ok = bora_fail_memory(err, "attention scores");
            break;
        }
        write_cache(call, seq);
        for (int32_t r = 0; r < seq->n_rows; r++)
            for (int32_t h = 0; h < a->n_heads; h++)
                attend(call, seq, r, h, sinks, scores);
        free(scores);
    }
    free(sink_scratch);
    return ok;
}

/* Of the cache, what the first of the new tokens sees and all behind it; products for each position that each sees. */
static void attention_cost(const bora_call *call, const bora_workload *load, bora_cost *cost)
{
    const bora_attention_attrs *a = call->attrs;
    double window = a->window > 0 ? (double)a->window : INFINITY, seen = 0;
    double positions = fmin(window - 1, load->n_past) + load->n_tokens;
    for (int32_t i = 1; i <= load->n_tokens; i++)
        seen += fmin(window, (double)load->n_past + i);
    bora_cost_default(call, load, cost);
    cost->state_bytes = load->n_sequences * positions * (double)call->state->spec.token_bytes;
    cost->state_products = load->n_sequences * seen * a->n_heads * ((double)a->head_dim + bora_attention_value_dim(a));
}

static const bora_arg attention_args[] = {
    { .name = "q", .kind = BORA_ARG_INPUT },
    { .name = "k", .kind = BORA_ARG_INPUT },
    { .name = "v", .kind = BORA_ARG_INPUT, .optional = true },
    { .name = "heads", .kind = BORA_ARG_INT, .offset = offsetof(bora_attention_attrs, n_heads) },
    { .name = "kv_heads", .kind = BORA_ARG_INT, .offset = offsetof(bora_attention_attrs, n_kv_heads) },
    { .name = "head_dim", .kind = BORA_ARG_INT, .offset = offsetof(bora_attention_attrs, head_dim) },
    { .name = "value_dim",
      .kind = BORA_ARG_INT,
      .optional = true,
      .offset = offsetof(bora_attention_attrs, value_dim) },
    { .name = "scale", .kind = BORA_ARG_FLOAT, .optional = true, .offset = offsetof(bora_attention_attrs, scale) },
    { .name = "softcap", .kind = BORA_ARG_FLOAT, .optional = true, .offset = offsetof(bora_attention_attrs, softcap) },
    { .name = "window", .kind = BORA_ARG_INT, .optional = true, .offset = offsetof(bora_attention_attrs, window) },
    { .name = "sinks", .kind = BORA_ARG_WEIGHT, .optional = true },
    { .name = NULL },
};

const bora_op op_attention = { .name = "attention",
                               .args = attention_args,
                               .attrs_bytes = sizeof(bora_attention_attrs),
                               .shape = attention_shape,
                               .reference = attention_reference,
                               .state = attention_state,
                               .cost = attention_cost };
