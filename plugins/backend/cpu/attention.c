/* Causal attention over the paged cache.
 *
 * The rows of the batch are written to the cache first; then every query reads from the cache alone, so it does not
 * matter which rows came in the same batch. The cache is cut into spans at absolute positions. For each span that a
 * query sees come the scores of all its positions there, their softmax, and the sum of the values; then the spans are
 * folded together in order, each by its largest score and its sum of weights (arXiv:1805.02867). That order does not
 * depend on who computes a span: one query's spans may be different tasks.
 *
 * A task is a tile of queries, a few neighbouring rows in the query heads of one key-value head, so that each key and
 * value is read, and turned into floats, once for all of them. */
#include "attention.h"

#include <math.h>
#include <string.h>

enum {
    TILE_QUERIES = 144,
    WRITE_ROWS = 128,     /* of a task that writes to the cache */
    TASKS_PER_THREAD = 4, /* fewer, and the spans become tasks */
    MAX_PARTIAL_BYTES = 64 << 20,
};

static tile tile_at(const attention *m, int64_t index)
{
    int32_t part = (int32_t)(index % m->n_parts), kv_head = (int32_t)(index / m->n_parts % m->attrs->n_kv_heads);
    const cpu_run *run = &m->runs[index / m->n_parts / m->attrs->n_kv_heads];
    tile t = {
        .sequence = run->sequence,
        .first_position = run->sequence->n_past + run->first,
        .first_row = (int64_t)run->sequence->first_row + run->first,
        .head = kv_head * m->group + part * m->heads_each,
        .kv_head = kv_head,
        .n_heads = min(m->heads_each, m->group - part * m->heads_each),
        .n_rows = run->n,
    };
    t.n_queries = t.n_heads * t.n_rows;
    t.interleaved = t.n_queries > ATTENTION_QUERIES ? ATTENTION_MANY : ATTENTION_QUERIES;
    t.first_span = first_seen(m, &t, 0) / ATTENTION_SPAN;
    t.last_span = position_of(&t, t.n_rows - 1) / ATTENTION_SPAN;
    return t;
}

/* ---- the cache ---- */

static void write_runs(void *ctx, int64_t begin, int64_t end, int thread)
{
    const attention *m = ctx;
    const bora_view *k = &m->call->inputs[1], *v = m->cache.has_v ? &m->call->inputs[2] : NULL;
    for (const cpu_run *run = m->runs + begin; run < m->runs + end; run++) {
        int64_t row = (int64_t)run->sequence->first_row + run->first;
        cpu_cache_write(&m->cache, run->sequence, run->sequence->n_past + run->first, run->n, k->data + row * k->width,
                        v ? v->data + row * v->width : NULL, cpu_scratch(m->device, thread));
    }
}

/* ---- one tile ---- */

/* Where query i is in rows of `width` numbers for each head. */
static size_t place_of(const attention *m, const tile *t, int32_t i, int32_t width)
{
    return (size_t)((t->first_row + i / t->n_heads) * m->attrs->n_heads + t->head + i % t->n_heads) * (size_t)width;
}

static void interleave_queries(const attention *m, const tile *t, float *to)
{
    int32_t each = t->interleaved, dims = m->attrs->head_dim;
    for (int32_t i = 0; i < t->n_queries; i += each, to += ATTENTION_QUERIES * dims) {
        const float *rows[ATTENTION_QUERIES];
        for (int32_t j = 0; j < ATTENTION_QUERIES; j++) /* there may be fewer: then the last one again */
            rows[j] = m->call->inputs[0].data + place_of(m, t, min(i + min(j, each - 1), t->n_queries - 1), dims);
        m->loops->interleave(rows, m->scale, (size_t)dims, to);
    }
}

static void begin_sums(const attention *m, const tile *t, const workspace *w)
{
    for (int32_t i = 0; i < t->n_queries; i++) {
        w->max[i] = m->sinks ? m->sinks[t->head + i % t->n_heads] : -INFINITY;
        w->total[i] = m->sinks ? 1 : 0;
    }
    memset(w->sums, 0, (size_t)t->n_queries * m->cache.value_width * sizeof *w->sums);
}

/* Takes a span into the sums so far. */
static void fold_span(const attention *m, const tile *t, const workspace *w, const float *part, const float *highest,
                      const float *totals)
{
    size_t width = m->cache.value_width, n = (size_t)t->n_queries;
    size_t padded = (n + ATTENTION_LANES - 1) / ATTENTION_LANES * ATTENTION_LANES;
    float *keep = w->keep, *add = w->add;
    for (size_t i = 0; i < n; i++) {
        float new_max = highest[i] > w->max[i] ? highest[i] : w->max[i];
        keep[i] = w->max[i] - new_max;
        add[i] = highest[i] - new_max;
        w->max[i] = new_max;
    }
    m->loops->exps(keep, padded);
    m->loops->exps(add, padded);
    for (size_t i = 0; i < n; i++) {
        if (totals[i] == 0) /* it sees nothing there */
            continue;
        m->loops->fold(w->sums + i * width, keep[i], part + i * width, add[i], width);
        w->total[i] = w->total[i] * keep[i] + totals[i] * add[i];
    }
}

static void end_sums(const attention *m, const tile *t, const workspace *w)
{
    for (int32_t i = 0; i < t->n_queries; i++) {
        float *out = m->call->output.data + place_of(m, t, i, m->cache.value_dim);
        const float *sum = w->sums + (size_t)i * m->cache.value_width;
        for (int32_t d = 0; d < m->cache.value_dim; d++)
            out[d] = sum[d] / w->total[i];
    }
}

/* The parts of a thread's scratch, each a multiple of 16 floats. */
static size_t lay_out(const attention *m, float *base, workspace *w)
{
    size_t n = (size_t)(m->rows_each * m->heads_each), dims = (size_t)m->attrs->head_dim, at = 0;
    size_t groups = (n + ATTENTION_MANY - 1) / ATTENTION_MANY;
    size_t few = (n + ATTENTION_LANES - 1) / ATTENTION_LANES * ATTENTION_LANES;
#define PART(name, size)                                                                                               \
    do {                                                                                                               \
        w->name = base ? base + at : NULL;                                                                             \
        at += (size);                                                                                                  \
    } while (0)
    PART(queries, (groups * dims * ATTENTION_QUERIES + ATTENTION_LANES - 1) / ATTENTION_LANES * ATTENTION_LANES);
    PART(scores, n * ATTENTION_ROW);
    PART(sums, n * m->cache.value_width);
    PART(part, n * m->cache.value_width + 2 * few);
    PART(max, few);
    PART(total, few);
    PART(keep, few);
    PART(add, few);
    for (int i = 0; i < ATTENTION_VALUE_UNITS; i++)
        PART(unpacked[i], (cpu_cache_scratch(&m->cache) + ATTENTION_LANES - 1) / ATTENTION_LANES * ATTENTION_LANES);
#undef PART
    return at;
}

static float *partial_of(const attention *m, int64_t tile_index, const tile *t, int32_t span)
{
    return m->partials +
           ((size_t)tile_index * (size_t)m->most_spans + (size_t)(span - t->first_span)) * m->partial_floats;
}

/* Tasks are tiles, or the spans of tiles in a few parts. */
static void attend_tiles(void *ctx, int64_t begin, int64_t end, int thread)
{
    const attention *m = ctx;
    workspace w;
    lay_out(m, cpu_scratch(m->device, thread), &w);
    for (int64_t i = begin; i < end; i++) {
        tile t = tile_at(m, i / m->spans_split);
        int32_t n_spans = t.last_span - t.first_span + 1, part = (int32_t)(i % m->spans_split);
        int32_t first = t.first_span + (int32_t)((int64_t)n_spans * part / m->spans_split);
        int32_t last = t.first_span + (int32_t)((int64_t)n_spans * (part + 1) / m->spans_split);
        if (first == last)
            continue;
        interleave_queries(m, &t, w.queries);
        if (!m->partials)
            begin_sums(m, &t, &w);
        for (int32_t span = first; span < last; span++) {
            float *sums = m->partials ? partial_of(m, i / m->spans_split, &t, span) : w.part;
            float *highest = sums + (size_t)t.n_queries * m->cache.value_width;
            cpu_attend_span(m, &t, &w, span, sums, highest, highest + t.n_queries);
            if (!m->partials)
                fold_span(m, &t, &w, sums, highest, highest + t.n_queries);
        }
        if (!m->partials)
            end_sums(m, &t, &w);
    }
}

static void fold_tiles(void *ctx, int64_t begin, int64_t end, int thread)
{
    const attention *m = ctx;
    workspace w;
    lay_out(m, cpu_scratch(m->device, thread), &w);
    for (int64_t i = begin; i < end; i++) {
        tile t = tile_at(m, i);
        begin_sums(m, &t, &w);
        for (int32_t span = t.first_span; span <= t.last_span; span++) {
            const float *sums = partial_of(m, i, &t, span);
            const float *highest = sums + (size_t)t.n_queries * m->cache.value_width;
            fold_span(m, &t, &w, sums, highest, highest + t.n_queries);
        }
        end_sums(m, &t, &w);
    }
}

/* ---- the whole ---- */

/* Few tiles with many spans: threads share the spans. */
static bool split_spans(attention *m, int64_t n_tiles, bora_error *err)
{
    m->spans_split = 1;
    int64_t wanted = (int64_t)m->device->n_threads * TASKS_PER_THREAD;
    if (m->device->n_threads == 1 || n_tiles == 0 || n_tiles >= wanted)
        return true;
    for (int64_t i = 0; i < m->n_runs; i++) {
        tile t = tile_at(m, i * m->attrs->n_kv_heads * m->n_parts);
        m->most_spans = max(m->most_spans, t.last_span - t.first_span + 1);
    }
    size_t queries = (size_t)(m->rows_each * m->heads_each);
    m->partial_floats = queries * (m->cache.value_width + 2);
    size_t size = (size_t)n_tiles * (size_t)m->most_spans * m->partial_floats * sizeof(float);
    int64_t split = cpu_min(m->most_spans, cpu_div_up(wanted, n_tiles));
    if (split == 1 || size > MAX_PARTIAL_BYTES)
        return true;
    if (!cpu_reserve(&m->device->partials, size, err))
        return false;
    m->partials = m->device->partials.data;
    m->spans_split = (int32_t)split;
    return true;
}

static const cpu_attention_loops *best_loops(void)
{
    const cpu_attention_loops *const *loops = cpu_all_attention_loops;
    while (!(*loops)->usable())
        loops++;
    return *loops;
}

/* Positions that all rows see together. */
static int64_t positions_seen(const bora_batch *batch, int32_t window)
{
    int64_t seen = 0;
    for (int32_t s = 0; s < batch->n_sequences; s++) {
        const bora_sequence *sequence = &batch->sequences[s];
        int64_t depth = (int64_t)sequence->n_past + sequence->n_rows;
        seen += sequence->n_rows * (window > 0 ? cpu_min(depth, window) : depth);
    }
    return seen;
}

bool cpu_attention(bora_device *device, const bora_call *call, bora_error *err)
{
    const bora_attention_attrs *a = call->attrs;
    const cpu_attention_loops *loops = best_loops();
    attention m = {
        .device = device,
        .call = call,
        .attrs = a,
        .loops = loops,
        .cache = cpu_cache_of(call, loops),
        .scale = a->scale != 0 ? a->scale : 1 / sqrtf((float)a->head_dim),
        .group = a->n_heads / a->n_kv_heads,
    };
    m.n_parts = (m.group + TILE_QUERIES - 1) / TILE_QUERIES;
    m.heads_each = (m.group + m.n_parts - 1) / m.n_parts;
    m.n_parts = (m.group + m.heads_each - 1) / m.heads_each;
    m.rows_each = max(1, TILE_QUERIES / m.heads_each);
    workspace w;
    size_t scratch_bytes = lay_out(&m, NULL, &w) * sizeof(float);
    if (!cpu_vector(device, call, 0, &m.sinks, err) || !cpu_reserve_scratch(device, scratch_bytes, err))
        return false;
    int64_t dims = a->head_dim + m.cache.value_dim;
    m.n_runs = cpu_runs(device, call->batch, WRITE_ROWS, &m.runs, err);
    if (m.n_runs <= 0)
        return m.n_runs == 0;
    cpu_parallel(device, m.n_runs, (call->batch->n_tokens / m.n_runs + 1) * a->n_kv_heads * dims, write_runs, &m);
    m.n_runs = cpu_runs(device, call->batch, m.rows_each, &m.runs, err);
    int64_t n_tiles = m.n_runs * a->n_kv_heads * m.n_parts, n_tasks;
    if (m.n_runs < 0 || !split_spans(&m, n_tiles, err))
        return false;
    n_tasks = n_tiles * m.spans_split;
    int64_t cost = positions_seen(call->batch, a->window) * a->n_heads * dims / 8;
    cpu_parallel(device, n_tasks, cost / n_tasks + 1, attend_tiles, &m);
    if (m.partials)
        cpu_parallel(device, n_tiles, (int64_t)m.most_spans * (int64_t)m.partial_floats, fold_tiles, &m);
    return true;
}
