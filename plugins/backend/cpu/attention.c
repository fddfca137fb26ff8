/* Causal attention over the paged cache.
 *
 * The rows of the batch are written to the cache first; then every query reads from the cache alone, so it does not
 * matter which rows came in the same batch. A query walks the cache block by block, at absolute positions and in
 * order, and keeps three things: the largest score so far, and the sum of the weights and of the weighted values
 * relative to it (arXiv:1805.02867). A task is a few neighbouring rows and the query heads of one key-value head (or,
 * when there are few tasks, some of them): they read the same blocks. */
#include "cpu.h"

#include <math.h>
#include <string.h>

enum { ROWS_EACH = 8, FEWEST_HEADS = 4 };

typedef struct attention {
    bora_device *device;
    const bora_call *call;
    const bora_attention_attrs *attrs;
    const cpu_run *runs;
    const float *sinks; /* [n_heads] or NULL */
    float scale;
    int32_t group;               /* query heads that share a key-value head */
    int32_t heads_each, n_parts; /* of a task; the tasks of a group */
    int32_t value_dim, block_tokens;
    bool has_v; /* else values are the beginnings of keys */
    int64_t value_stride;
} attention;

/* The keys of a block for one key-value head, [block_tokens, head_dim]; the values, [block_tokens, value_dim]. */
static float *block_keys(const attention *m, int32_t block, int32_t kv_head)
{
    const bora_state *state = m->call->state;
    char *at = (char *)state->blocks + (size_t)block * (size_t)m->block_tokens * state->spec.token_bytes;
    return (float *)(void *)at + (int64_t)kv_head * m->block_tokens * m->attrs->head_dim;
}

static float *block_values(const attention *m, int32_t block, int32_t kv_head)
{
    if (!m->has_v)
        return block_keys(m, block, kv_head);
    int64_t n_keys = (int64_t)m->attrs->n_kv_heads * m->block_tokens * m->attrs->head_dim;
    return block_keys(m, block, 0) + n_keys + (int64_t)kv_head * m->block_tokens * m->value_dim;
}

static void write_row(const attention *m, const bora_sequence *sequence, int32_t row)
{
    int32_t position = sequence->n_past + row, n_kv = m->attrs->n_kv_heads;
    int32_t block = sequence->blocks[position / m->block_tokens];
    int64_t in_block = position % m->block_tokens, k_dim = m->attrs->head_dim, v_dim = m->value_dim;
    const float *k = m->call->inputs[1].data + (sequence->first_row + row) * n_kv * k_dim;
    const float *v = m->has_v ? m->call->inputs[2].data + (sequence->first_row + row) * n_kv * v_dim : NULL;
    for (int32_t h = 0; h < n_kv; h++) {
        memcpy(block_keys(m, block, h) + in_block * k_dim, k + h * k_dim, (size_t)k_dim * sizeof *k);
        if (v)
            memcpy(block_values(m, block, h) + in_block * v_dim, v + h * v_dim, (size_t)v_dim * sizeof *v);
    }
}

static void write_runs(void *ctx, int64_t begin, int64_t end, int thread)
{
    const attention *m = ctx;
    (void)thread;
    for (const cpu_run *run = m->runs + begin; run < m->runs + end; run++)
        for (int32_t r = 0; r < run->n; r++)
            write_row(m, run->sequence, run->first + r);
}

/* One query: what it has seen so far. */
typedef struct query {
    int32_t first, last; /* positions that it sees */
    float max, total;
    float *sum; /* [value_dim], in the output */
} query;

/* Takes in n more positions, whose raw scores become their weights. */
static void take(const attention *m, query *q, float *scores, int32_t n, const float *values)
{
    float cap = m->attrs->softcap, max = q->max;
    for (int32_t j = 0; j < n; j++) {
        scores[j] *= m->scale;
        if (cap > 0)
            scores[j] = cap * tanhf(scores[j] / cap);
        max = scores[j] > max ? scores[j] : max;
    }
    float total = 0, keep = max > q->max ? expf(q->max - max) : 1;
    for (int32_t j = 0; j < n; j++) {
        scores[j] = expf(scores[j] - max);
        total += scores[j];
    }
    cpu_weighted_sum(q->sum, keep, scores, values, m->value_stride, n, m->value_dim);
    q->max = max;
    q->total = q->total * keep + total;
}

/* Raw scores [n_heads][n_rows][block_tokens] of a run's queries against n keys. */
static void score(const attention *m, const float *q, int32_t n_heads, int32_t n_rows, const float *keys, int32_t n,
                  float *scores)
{
    size_t head_bytes = (size_t)m->attrs->head_dim * sizeof(float), key_bytes = head_bytes;
    size_t row_bytes = (size_t)m->attrs->n_heads * head_bytes, stride = (size_t)m->block_tokens;
    if (n_rows == 1) {
        cpu_dot(keys, key_bytes, n, m->attrs->head_dim, q, head_bytes, n_heads, scores, stride);
        return;
    }
    for (int32_t g = 0; g < n_heads; g++)
        cpu_dot(keys, key_bytes, n, m->attrs->head_dim, q + (int64_t)g * m->attrs->head_dim, row_bytes, n_rows,
                scores + (size_t)(g * n_rows) * stride, stride);
}

static int32_t min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* The queries of a run's rows in n_heads heads from `head` on, which share a key-value head. */
static void attend(const attention *m, const cpu_run *run, int32_t head, int32_t n_heads, query *queries, float *scores)
{
    const bora_attention_attrs *a = m->attrs;
    int32_t n_queries = n_heads * run->n, kv_head = head / m->group;
    int32_t first_row = run->sequence->first_row + run->first;
    for (int32_t i = 0; i < n_queries; i++) {
        int32_t row = i % run->n, h = head + i / run->n, position = run->sequence->n_past + run->first + row;
        queries[i] = (query){
            .first = a->window > 0 ? max(0, position - a->window + 1) : 0,
            .last = position,
            .max = m->sinks ? m->sinks[h] : -INFINITY,
            .total = m->sinks ? 1 : 0,
            .sum = m->call->output.data + ((int64_t)(first_row + row) * a->n_heads + h) * m->value_dim,
        };
        memset(queries[i].sum, 0, (size_t)m->value_dim * sizeof(float));
    }
    const float *q = m->call->inputs[0].data + ((int64_t)first_row * a->n_heads + head) * a->head_dim;
    int32_t first = queries[0].first, last = queries[run->n - 1].last; /* of all queries of the run */
    for (int32_t b = first / m->block_tokens; b <= last / m->block_tokens; b++) {
        int32_t block = run->sequence->blocks[b], start = b * m->block_tokens;
        int32_t from = max(first - start, 0), to = min(last - start + 1, m->block_tokens);
        score(m, q, n_heads, run->n, block_keys(m, block, kv_head) + (int64_t)from * a->head_dim, to - from,
              scores + from);
        const float *values = block_values(m, block, kv_head);
        for (int32_t i = 0; i < n_queries; i++) {
            int32_t begin = max(queries[i].first - start, 0), end = min(queries[i].last - start + 1, m->block_tokens);
            if (begin < end)
                take(m, &queries[i], scores + (int64_t)i * m->block_tokens + begin, end - begin,
                     values + (int64_t)begin * m->value_stride);
        }
    }
    for (int32_t i = 0; i < n_queries; i++)
        for (int32_t d = 0; d < m->value_dim; d++)
            queries[i].sum[d] /= queries[i].total;
}

static void attend_runs(void *ctx, int64_t begin, int64_t end, int thread)
{
    const attention *m = ctx;
    query *queries = cpu_scratch(m->device, thread);
    float *scores = (float *)(void *)(queries + (size_t)m->heads_each * ROWS_EACH);
    int64_t tasks_of_run = (int64_t)m->attrs->n_kv_heads * m->n_parts;
    for (int64_t i = begin; i < end; i++) {
        int32_t task = (int32_t)(i % tasks_of_run), first = task % m->n_parts * m->heads_each;
        attend(m, &m->runs[i / tasks_of_run], task / m->n_parts * m->group + first,
               min(m->heads_each, m->group - first), queries, scores);
    }
}

/* Cuts the heads of a group into tasks until there is one for each thread, or few heads are left for one. */
static void cut(attention *m, int64_t n_runs)
{
    m->heads_each = m->group;
    m->n_parts = 1;
    while (m->heads_each > FEWEST_HEADS && n_runs * m->attrs->n_kv_heads * m->n_parts < m->device->n_threads) {
        m->heads_each = (m->heads_each + 1) / 2;
        m->n_parts = (m->group + m->heads_each - 1) / m->heads_each;
    }
}

bool cpu_attention(bora_device *device, const bora_call *call, bora_error *err)
{
    const bora_attention_attrs *a = call->attrs;
    const bora_batch *batch = call->batch;
    attention m = {
        .device = device,
        .call = call,
        .attrs = a,
        .scale = a->scale != 0 ? a->scale : 1 / sqrtf((float)a->head_dim),
        .group = a->n_heads / a->n_kv_heads,
        .value_dim = bora_attention_value_dim(a),
        .block_tokens = call->state->block_tokens,
        .has_v = call->n_inputs > 2,
    };
    m.value_stride = m.has_v ? m.value_dim : a->head_dim;
    int64_t n_runs = cpu_runs(device, batch, ROWS_EACH, &m.runs, err);
    size_t each = sizeof(query) + (size_t)m.block_tokens * sizeof(float);
    cut(&m, n_runs);
    if (n_runs < 0 || !cpu_vector(device, call, 0, &m.sinks, err) ||
        !cpu_reserve_scratch(device, (size_t)m.heads_each * ROWS_EACH * each, err))
        return false;
    int64_t seen = 0; /* by all rows together */
    for (int32_t s = 0; s < batch->n_sequences; s++) {
        const bora_sequence *sequence = &batch->sequences[s];
        seen += (int64_t)sequence->n_rows * (sequence->n_past + sequence->n_rows);
    }
    cpu_parallel(device, n_runs, (int64_t)ROWS_EACH * a->n_kv_heads * (a->head_dim + m.value_dim), write_runs, &m);
    if (n_runs > 0)
        cpu_parallel(device, n_runs * a->n_kv_heads * m.n_parts, seen / n_runs * m.heads_each * a->head_dim / 4 + 1,
                     attend_runs, &m);
    return true;
}
