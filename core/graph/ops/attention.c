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
    size_t of_head = bora_cache_row_bytes(spec->format, a->head_dim);
    if (call->n_inputs > 2)
        of_head += bora_cache_row_bytes(spec->format, bora_attention_value_dim(a));
    *spec = (bora_state_spec){ .token_bytes = (size_t)a->n_kv_heads * of_head, .format = spec->format };
}

/* What is needed beside the call. */
typedef struct scratch {
    double *scores; /* of one row, and behind them [value_dim] sums */
    float *row;     /* in whole blocks of the cache's format */
} scratch;

static int64_t whole_blocks(const bora_quant *quant, int64_t n)
{
    return quant ? (n + quant->block_elems - 1) / quant->block_elems * quant->block_elems : n;
}

/* Where k (or v) of a position lies. */
static void *cached(const bora_call *call, const bora_sequence *seq, int32_t position, int32_t kv_head, bool value)
{
    const bora_attention_attrs *a = call->attrs;
    const bora_state *state = call->state;
    size_t per_block = (size_t)state->block_tokens, head = (size_t)kv_head;
    size_t k_bytes = bora_cache_row_bytes(state->spec.format, a->head_dim);
    size_t v_bytes = bora_cache_row_bytes(state->spec.format, bora_attention_value_dim(a));
    size_t block = (size_t)seq->blocks[position / state->block_tokens],
           in_block = (size_t)(position % state->block_tokens);
    char *base = (char *)state->blocks + block * per_block * state->spec.token_bytes;
    return value && call->n_inputs > 2
               ? base + (size_t)a->n_kv_heads * per_block * k_bytes + (head * per_block + in_block) * v_bytes
               : base + (head * per_block + in_block) * k_bytes;
}

static void write_row(const bora_quant *format, const float *from, int64_t n, void *to, float *row)
{
    int64_t whole = whole_blocks(format, n);
    if (!format || format->plain) {
        memcpy(to, from, (size_t)n * sizeof *from);
        return;
    }
    memcpy(row, from, (size_t)n * sizeof *row);
    memset(row + n, 0, (size_t)(whole - n) * sizeof *row);
    format->quantize(row, NULL, to, (size_t)whole);
}

static const float *read_row(const bora_quant *format, const void *from, int64_t n, float *row)
{
    if (!format || format->plain)
        return from;
    format->dequantize(from, row, (size_t)whole_blocks(format, n));
    return row;
}

static void write_cache(const bora_call *call, const bora_sequence *seq, const scratch *s)
{
    const bora_attention_attrs *a = call->attrs;
    const bora_quant *format = call->state->spec.format;
    int64_t k_dim = a->head_dim, v_dim = bora_attention_value_dim(a), n_kv = a->n_kv_heads;
    for (int32_t r = 0; r < seq->n_rows; r++) {
        int64_t row = seq->first_row + r;
        for (int32_t h = 0; h < a->n_kv_heads; h++) {
            write_row(format, call->inputs[1].data + (row * n_kv + h) * k_dim, k_dim,
                      cached(call, seq, seq->n_past + r, h, false), s->row);
            if (call->n_inputs > 2)
                write_row(format, call->inputs[2].data + (row * n_kv + h) * v_dim, v_dim,
                          cached(call, seq, seq->n_past + r, h, true), s->row);
        }
    }
}

static void attend(const bora_call *call, const bora_sequence *seq, int32_t r, int32_t head, const float *sinks,
                   const scratch *s)
{
    const bora_attention_attrs *a = call->attrs;
    const bora_quant *format = call->state->spec.format;
    int32_t value_dim = bora_attention_value_dim(a), position = seq->n_past + r;
    int32_t v_row = call->n_inputs > 2 ? value_dim : a->head_dim;
    int32_t first = a->window > 0 && position >= a->window ? position - a->window + 1 : 0;
    int32_t kv_head = head / (a->n_heads / a->n_kv_heads);
    int64_t row = seq->first_row + r;
    const float *q = call->inputs[0].data + (row * a->n_heads + head) * a->head_dim;
    double scale = a->scale != 0 ? a->scale : 1 / sqrt(a->head_dim), max = sinks ? sinks[head] : -INFINITY;
    for (int32_t p = first; p <= position; p++) {
        const float *k = read_row(format, cached(call, seq, p, kv_head, false), a->head_dim, s->row);
        double score = 0;
        for (int32_t i = 0; i < a->head_dim; i++)
            score += (double)q[i] * k[i];
        score *= scale;
        if (a->softcap > 0)
            score = a->softcap * tanh(score / a->softcap);
        s->scores[p - first] = score;
        max = score > max ? score : max;
    }
    double total = sinks ? exp(sinks[head] - max) : 0, *sums = s->scores + (position - first + 1);
    for (int32_t i = 0; i < value_dim; i++)
        sums[i] = 0;
    for (int32_t p = first; p <= position; p++) {
        double weight = exp(s->scores[p - first] - max);
        const float *v = read_row(format, cached(call, seq, p, kv_head, true), v_row, s->row);
        total += weight;
        for (int32_t i = 0; i < value_dim; i++)
            sums[i] += weight * v[i];
    }
    float *out = call->output.data + (row * a->n_heads + head) * value_dim;
    for (int32_t i = 0; i < value_dim; i++)
        out[i] = (float)(sums[i] / total);
}

static bool attention_reference(const bora_call *call, bora_error *err)
{
    const bora_attention_attrs *a = call->attrs;
    const bora_weight *sink_weight = call->n_weights > 0 ? call->weights[0] : NULL;
    float *sink_scratch = sink_weight ? op_row_scratch(sink_weight, err) : NULL;
    if (sink_weight && !sink_scratch)
        return false;
    const float *sinks = sink_weight ? bora_weight_row(sink_weight, 0, sink_scratch) : NULL;
    int64_t value_dim = bora_attention_value_dim(a), row_dim = a->head_dim > value_dim ? a->head_dim : value_dim;
    float *row = malloc((size_t)whole_blocks(call->state->spec.format, row_dim) * sizeof *row);
    bool ok = row || bora_fail_memory(err, "a row of the cache");
    for (int32_t i = 0; ok && i < call->batch->n_sequences; i++) {
        const bora_sequence *seq = &call->batch->sequences[i];
        double *scores = malloc(((size_t)seq->n_past + (size_t)seq->n_rows + (size_t)value_dim) * sizeof *scores);
        if (!scores) {
            ok = bora_fail_memory(err, "attention scores");
            break;
        }
        const scratch s = { scores, row };
        write_cache(call, seq, &s);
        for (int32_t r = 0; r < seq->n_rows; r++)
            for (int32_t h = 0; h < a->n_heads; h++)
                attend(call, seq, r, h, sinks, &s);
        free(scores);
    }
    free(row);
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
