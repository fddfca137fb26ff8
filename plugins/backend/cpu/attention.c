/* Causal attention over the paged cache.
 *
 * The rows of the batch are written to the cache first; then every query reads from the cache alone, so it does not
 * matter which rows came in the same batch. The cache is cut into spans at absolute positions. For each span that a
 * query sees come the scores of all its positions there, their softmax, and the sum of the values; then the spans are
 * folded together in order, each by its largest score and its sum of weights (arXiv:1805.02867). That order does not
 * depend on who computes a span: one query's spans may be different tasks.
 *
 * A tile of queries is a few neighbouring rows in the query heads of one key-value head, so that each key and value is
 * read, and turned into floats, once for all of them. A task is a tile, or, of few queries, the tiles of neighbouring
 * key-value heads: a block of the cache has their keys one behind the other, and memory is read for longer in order. */
#include "attention.h"

#include <math.h>
#include <string.h>

enum {
    TILE_QUERIES = 144,
    WRITE_ROWS = 128,          /* of a task that writes to the cache */
    TASKS_PER_THREAD = 4,      /* fewer, and the spans become tasks */
    IN_ORDER_BYTES = 64 << 10, /* of keys, or values, that are read in order, about */
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
static void fold_span(const attention *m, const tile *t, const workspace *w, float *part)
{
    const float *highest = highest_of(m, t, part), *totals = totals_of(m, t, part);
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

/* The parts of a thread's scratch for `n` tiles, each a multiple of 16 floats; a workspace for each where there is a
 * base. */
static size_t lay_out(const attention *m, float *base, workspace *spaces, int32_t n)
{
    size_t queries = (size_t)(m->rows_each * m->heads_each), dims = (size_t)m->attrs->head_dim, at = 0;
    size_t groups = (queries + ATTENTION_MANY - 1) / ATTENTION_MANY;
    size_t few = (queries + ATTENTION_LANES - 1) / ATTENTION_LANES * ATTENTION_LANES;
    workspace shared = { 0 };
#define PART(name, size)                                                                                               \
    do {                                                                                                               \
        (name) = base ? base + at : NULL;                                                                              \
        at += (size);                                                                                                  \
    } while (0)
    PART(shared.keep, few);
    PART(shared.add, few);
    for (int i = 0; i < ATTENTION_VALUE_UNITS; i++)
        PART(shared.unpacked[i],
             (cpu_cache_scratch(&m->cache) + ATTENTION_LANES - 1) / ATTENTION_LANES * ATTENTION_LANES);
    for (workspace *w = spaces; w < spaces + n; w++) {
        *w = shared;
        PART(w->queries, (groups * dims * ATTENTION_QUERIES + ATTENTION_LANES - 1) / ATTENTION_LANES * ATTENTION_LANES);
        PART(w->scores, queries * ATTENTION_ROW);
        PART(w->sums, queries * m->cache.value_width);
        PART(w->part, queries * m->cache.value_width + 2 * few);
        PART(w->max, few);
        PART(w->total, few);
    }
#undef PART
    return at;
}

static float *partial_of(const attention *m, int64_t tile_index, const tile *t, int32_t span)
{
    return m->partials +
           ((size_t)tile_index * (size_t)m->most_spans + (size_t)(span - t->first_span)) * m->partial_floats;
}

static int32_t groups_of_run(const attention *m)
{
    return (m->attrs->n_kv_heads * m->n_parts + m->together - 1) / m->together;
}

/* One task's part of the spans of n tiles of a run. */
static void attend_spans(const attention *m, const tile *tiles, workspace *spaces, int32_t n, int64_t first_tile,
                         int32_t first, int32_t last)
{
    for (int32_t k = 0; k < n; k++) {
        interleave_queries(m, &tiles[k], spaces[k].queries);
        if (!m->partials)
            begin_sums(m, &tiles[k], &spaces[k]);
    }
    for (int32_t span = first; span < last; span++) {
        for (int32_t k = 0; k < n && m->partials; k++)
            spaces[k].part = partial_of(m, first_tile + k, &tiles[k], span);
        cpu_attend_span(m, tiles, spaces, n, span);
        for (int32_t k = 0; k < n && !m->partials; k++)
            fold_span(m, &tiles[k], &spaces[k], spaces[k].part);
    }
    for (int32_t k = 0; k < n && !m->partials; k++)
        end_sums(m, &tiles[k], &spaces[k]);
}

/* Tasks are the tiles of a run that are taken together, or the spans of those in a few parts. */
static void attend_tiles(void *ctx, int64_t begin, int64_t end, int thread)
{
    const attention *m = ctx;
    int32_t run_tiles = m->attrs->n_kv_heads * m->n_parts, run_groups = groups_of_run(m);
    tile tiles[ATTENTION_TOGETHER];
    workspace spaces[ATTENTION_TOGETHER];
    lay_out(m, cpu_scratch(m->device, thread), spaces, m->together);
    for (int64_t i = begin; i < end; i++) {
        int64_t group = i / m->spans_split, run = group / run_groups;
        int32_t in_run = (int32_t)(group % run_groups) * m->together, n = min(m->together, run_tiles - in_run);
        for (int32_t k = 0; k < n; k++)
            tiles[k] = tile_at(m, run * run_tiles + in_run + k);
        const tile *t = tiles; /* all have the same spans */
        int32_t n_spans = t->last_span - t->first_span + 1, part = (int32_t)(i % m->spans_split);
        int32_t first = t->first_span + (int32_t)((int64_t)n_spans * part / m->spans_split);
        int32_t last = t->first_span + (int32_t)((int64_t)n_spans * (part + 1) / m->spans_split);
        if (first < last)
            attend_spans(m, tiles, spaces, n, run * run_tiles + in_run, first, last);
    }
}

static void fold_tiles(void *ctx, int64_t begin, int64_t end, int thread)
{
    const attention *m = ctx;
    workspace w;
    lay_out(m, cpu_scratch(m->device, thread), &w, 1);
    for (int64_t i = begin; i < end; i++) {
        tile t = tile_at(m, i);
        begin_sums(m, &t, &w);
        for (int32_t span = t.first_span; span <= t.last_span; span++)
            fold_span(m, &t, &w, partial_of(m, i, &t, span));
        end_sums(m, &t, &w);
    }
}

/* ---- the whole ---- */

/* Tiles that a task takes together at most. */
static int32_t tiles_in_order(const attention *m)
{
    int64_t n = IN_ORDER_BYTES / ((int64_t)m->cache.key_bytes * m->cache.block_tokens);
    bool few = m->rows_each * m->group <= ATTENTION_QUERIES;
    return few ? max(1, (int32_t)cpu_min(n, min(m->attrs->n_kv_heads, ATTENTION_TOGETHER))) : 1;
}

/* Few tiles with many spans: threads share the spans. */
static bool share_work(attention *m, int64_t n_tiles, bora_error *err)
{
    int64_t wanted = (int64_t)m->device->n_threads * TASKS_PER_THREAD;
    int32_t in_order = tiles_in_order(m);
    m->spans_split = 1;
    m->together = in_order;
    if (m->device->n_threads == 1 || n_tiles == 0 || n_tiles / m->together >= wanted)
        return true;
    m->together = 1;
    for (int64_t i = 0; i < m->n_runs; i++) {
        tile t = tile_at(m, i * m->attrs->n_kv_heads * m->n_parts);
        m->most_spans = max(m->most_spans, t.last_span - t.first_span + 1);
    }
    size_t queries = (size_t)(m->rows_each * m->heads_each);
    m->partial_floats = queries * (m->cache.value_width + 2);
    size_t size = (size_t)n_tiles * (size_t)m->most_spans * m->partial_floats * sizeof(float);
    if (size > MAX_PARTIAL_BYTES)
        return true;
    m->together = max(1, (int32_t)cpu_min(in_order, n_tiles * m->most_spans / wanted));
    int64_t split = cpu_min(m->most_spans, cpu_div_up(wanted, m->n_runs * groups_of_run(m)));
    if (split == 1)
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

static int32_t most_rows(const bora_batch *batch)
{
    int32_t most = 1;
    for (int32_t s = 0; s < batch->n_sequences; s++)
        most = max(most, batch->sequences[s].n_rows);
    return most;
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
    m.rows_each = min(max(1, TILE_QUERIES / m.heads_each), most_rows(call->batch));
    workspace spaces[ATTENTION_TOGETHER];
    size_t scratch_bytes = lay_out(&m, NULL, spaces, tiles_in_order(&m)) * sizeof(float);
    if (!cpu_vector(device, call, 0, &m.sinks, err) || !cpu_reserve_scratch(device, scratch_bytes, err))
        return false;
    int64_t dims = a->head_dim + m.cache.value_dim;
    m.n_runs = cpu_runs(device, call->batch, WRITE_ROWS, &m.runs, err);
    if (m.n_runs <= 0)
        return m.n_runs == 0;
    cpu_parallel(device, m.n_runs, (call->batch->n_tokens / m.n_runs + 1) * a->n_kv_heads * dims, write_runs, &m);
    m.n_runs = cpu_runs(device, call->batch, m.rows_each, &m.runs, err);
    int64_t n_tiles = m.n_runs * a->n_kv_heads * m.n_parts;
    if (m.n_runs < 0 || !share_work(&m, n_tiles, err))
        return false;
    int64_t n_tasks = m.n_runs * groups_of_run(&m) * m.spans_split;
    int64_t cost = positions_seen(call->batch, a->window) * a->n_heads * dims / 8;
    cpu_parallel(device, n_tasks, cost / n_tasks + 1, attend_tiles, &m);
    if (m.partials)
        cpu_parallel(device, n_tiles, (int64_t)m.most_spans * (int64_t)m.partial_floats, fold_tiles, &m);
    return true;
}
