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
#include "attention_loops.h"
#include "cache.h"
#include "cpu.h"

#include <math.h>
#include <string.h>

enum {
    TILE_QUERIES = 144,
    ASKED_QUERIES = 12,   /* whose numbers are asked for ahead */
    WRITE_ROWS = 128,     /* of a task that writes to the cache */
    VALUE_UNITS = 4,      /* whose values are weighed at once for many queries */
    TASKS_PER_THREAD = 4, /* fewer, and the spans become tasks */
    MAX_PARTIAL_BYTES = 64 << 20,
};

typedef struct attention {
    bora_device *device;
    const bora_call *call;
    const bora_attention_attrs *attrs;
    const cpu_attention_loops *loops;
    cpu_cache cache;
    const cpu_run *runs;
    int64_t n_runs;
    const float *sinks; /* [n_heads] or NULL */
    float scale;
    int32_t group;               /* query heads that share a key-value head */
    int32_t heads_each, n_parts; /* of a tile; the tiles of a group */
    int32_t rows_each;
    int32_t spans_split;   /* tasks of a tile; 1: it folds its spans itself */
    int32_t most_spans;    /* of a tile */
    float *partials;       /* [n_tiles][most_spans], of partial_floats each */
    size_t partial_floats; /* [queries][value_width] sums, then [queries] largest scores, then [queries] totals */
} attention;

/* The queries of one task. Query i is in row i / n_heads, head + i % n_heads. */
typedef struct tile {
    const bora_sequence *sequence;
    int32_t first_position; /* of the first row */
    int64_t first_row;      /* in the batch */
    int32_t head, kv_head, n_heads, n_rows, n_queries;
    int32_t interleaved; /* queries that lie so together: if not all, there are many */
    int32_t first_span, last_span;
} tile;

/* What a thread works in. */
typedef struct workspace {
    float *queries; /* interleaved and scaled: [groups][head_dim][ATTENTION_QUERIES] */
    float *scores;  /* [queries][ATTENTION_ROW] */
    float *sums, *part, *max, *total, *keep, *add;
    float *unpacked[VALUE_UNITS];
} workspace;

static int32_t min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* Positions that a row of a tile sees: from … through its own. */
static int32_t position_of(const tile *t, int32_t row)
{
    return t->first_position + row;
}

static int32_t first_seen(const attention *m, const tile *t, int32_t row)
{
    int32_t window = m->attrs->window;
    return window > 0 ? max(0, position_of(t, row) - window + 1) : 0;
}

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

/* ---- one span ---- */

/* Positions that are worked on at once: in one block and one span, at most a unit. */
typedef struct unit {
    int32_t start, n, block, in_block;
} unit;

/* What is read after a unit. */
typedef struct ahead {
    const void *at;
    size_t size_bytes;
} ahead;

static unit unit_at(const attention *m, const tile *t, int32_t position)
{
    int32_t tokens = m->cache.block_tokens, in_block = position % tokens / ATTENTION_UNIT * ATTENTION_UNIT;
    int32_t start = position / tokens * tokens + in_block, span_start = position / ATTENTION_SPAN * ATTENTION_SPAN;
    int32_t end = min(start + min(ATTENTION_UNIT, tokens - in_block), span_start + ATTENTION_SPAN);
    int32_t skipped = max(span_start - start, 0); /* they are the span's before */
    return (unit){ .start = start + skipped,
                   .n = end - start - skipped,
                   .block = t->sequence->blocks[position / tokens],
                   .in_block = in_block + skipped };
}

/* The rows that see some position of a unit, and those that see them all. */
static int32_t first_row_to_see(const tile *t, int32_t position)
{
    return min(max(position - t->first_position, 0), t->n_rows);
}

static int32_t end_of_rows_that_see(const attention *m, const tile *t, int32_t position)
{
    int64_t end = m->attrs->window > 0 ? (int64_t)position + m->attrs->window - t->first_position : t->n_rows;
    return end < 0 ? 0 : end < t->n_rows ? (int32_t)end : t->n_rows;
}

/* Positions that are worked on at once for many queries, in some units, as floats. */
typedef struct stretch {
    int32_t start, end;
    int n_units;
    cpu_numbers units[VALUE_UNITS];
} stretch;

static stretch keys_from(const attention *m, const tile *t, const workspace *w, int32_t from, int32_t to)
{
    stretch s = { .start = from };
    for (s.end = from; s.n_units < ATTENTION_UNITS && s.end < to; s.n_units++) {
        unit u = unit_at(m, t, s.end);
        s.start = min(s.start, u.start);
        s.end = u.start + u.n;
        s.units[s.n_units] =
            cpu_cache_keys(&m->cache, u.block, t->kv_head, u.in_block, u.n, true, w->unpacked[s.n_units]);
    }
    return s;
}

static stretch values_from(const attention *m, const tile *t, const workspace *w, int32_t from, int32_t to)
{
    stretch s = { .start = from };
    for (s.end = from; s.n_units < VALUE_UNITS && s.end < to; s.n_units++) {
        unit u = unit_at(m, t, s.end);
        s.start = min(s.start, u.start);
        s.end = u.start + u.n;
        s.units[s.n_units] =
            cpu_cache_values(&m->cache, u.block, t->kv_head, u.in_block, u.n, true, w->unpacked[s.n_units]);
    }
    return s;
}

static ahead keys_ahead(const attention *m, const tile *t, int32_t position)
{
    ahead next;
    next.at = cpu_cache_key_bytes(&m->cache, unit_at(m, t, position).block, t->kv_head, &next.size_bytes);
    return next;
}

static ahead values_ahead(const attention *m, const tile *t, int32_t position)
{
    ahead next;
    next.at = cpu_cache_value_bytes(&m->cache, unit_at(m, t, position).block, t->kv_head, &next.size_bytes);
    return next;
}

/* The next blocks from a position on where one begins, spread over what is done for the queries. */
static cpu_ahead blocks_ahead(const attention *m, const tile *t, int32_t position, int32_t to,
                              ahead next_of(const attention *m, const tile *t, int32_t position))
{
    cpu_ahead next = { .n_places = 0 };
    size_t all = 0;
    while (next.n_places < ATTENTION_PLACES && position < to && position % m->cache.block_tokens == 0) {
        ahead a = next_of(m, t, position);
        next.at[next.n_places] = a.at;
        next.left_bytes[next.n_places++] = a.size_bytes;
        all += a.size_bytes;
        position += m->cache.block_tokens;
    }
    next.step_bytes = all / (size_t)(t->n_queries / ATTENTION_MANY);
    return next;
}

static void score_unit(const attention *m, const tile *t, const workspace *w, unit u, int32_t span_start, ahead next)
{
    cpu_numbers keys = cpu_cache_keys(&m->cache, u.block, t->kv_head, u.in_block, u.n, false, w->unpacked[0]);
    m->loops->score(w->queries, t->n_queries, m->attrs->head_dim, &keys, w->scores + (u.start - span_start), next.at,
                    next.size_bytes);
}

static void score_stretch(const attention *m, const tile *t, const workspace *w, const stretch *s, int32_t span_start,
                          cpu_ahead next)
{
    int32_t begin = first_row_to_see(t, s->start) * t->n_heads / ATTENTION_MANY * ATTENTION_MANY;
    int32_t end = end_of_rows_that_see(m, t, s->end - 1) * t->n_heads;
    m->loops->score_many(w->queries + (size_t)(begin / ATTENTION_MANY * m->attrs->head_dim) * ATTENTION_QUERIES,
                         end - begin, m->attrs->head_dim, s->units, s->n_units,
                         w->scores + begin * ATTENTION_ROW + (s->start - span_start), &next);
}

static void forbid(float *scores, int32_t from, int32_t to)
{
    for (int32_t i = from; i < to; i++)
        scores[i] = -INFINITY;
}

/* Positions of a span that a row sees, counted from the span's first; none: from == to. */
static void seen_of_span(const attention *m, const tile *t, int32_t row, int32_t start, int32_t *from, int32_t *to)
{
    *from = max(first_seen(m, t, row), start) - start;
    *to = max(min(position_of(t, row) + 1, start + ATTENTION_SPAN) - start, *from);
}

/* The scores of a row's queries that become weights, begin..end in whole lanes: what the row does not see weighs
 * nothing. */
static void prepare_scores(const attention *m, const tile *t, const workspace *w, int32_t start, int32_t row,
                           int32_t begin, int32_t end)
{
    int32_t from, to;
    seen_of_span(m, t, row, start, &from, &to);
    for (int32_t i = row * t->n_heads; i < (row + 1) * t->n_heads; i++) {
        float *scores = w->scores + (size_t)i * ATTENTION_ROW;
        if (m->attrs->softcap > 0)
            m->loops->softcap(scores + begin, (size_t)(end - begin), m->attrs->softcap);
        forbid(scores, begin, from);
        forbid(scores, to, end);
    }
}

/* Positions of a span that a row sees, in whole lanes. */
static void lanes_of_span(const attention *m, const tile *t, int32_t row, int32_t start, int32_t *begin, int32_t *end)
{
    seen_of_span(m, t, row, start, begin, end);
    if (*begin == *end)
        return;
    *begin = *begin / ATTENTION_LANES * ATTENTION_LANES;
    *end = (*end + ATTENTION_LANES - 1) / ATTENTION_LANES * ATTENTION_LANES;
}

static void soften_span(const attention *m, const tile *t, const workspace *w, int32_t start, float *highest,
                        float *totals)
{
    for (int32_t row = 0, n; row < t->n_rows; row += n) {
        int32_t begin, end, other_begin, other_end;
        lanes_of_span(m, t, row, start, &begin, &end);
        for (n = 1; row + n < t->n_rows; n++) {
            lanes_of_span(m, t, row + n, start, &other_begin, &other_end);
            if (other_begin != begin || other_end != end)
                break;
        }
        int32_t first = row * t->n_heads, n_queries = n * t->n_heads;
        for (int32_t i = first; i < first + n_queries && begin == end; i++) {
            highest[i] = -INFINITY;
            totals[i] = 0;
        }
        if (begin == end)
            continue;
        for (int32_t r = row; r < row + n; r++)
            prepare_scores(m, t, w, start, r, begin, end);
        m->loops->soften(w->scores + (size_t)first * ATTENTION_ROW + begin, ATTENTION_ROW, n_queries,
                         (size_t)(end - begin), highest + first, totals + first);
    }
}

/* The rows of those that see some of the positions from..to, and among them those that see them all. */
typedef struct seeing_rows {
    int32_t begin, end, whole_begin, whole_end;
} seeing_rows;

static seeing_rows rows_that_see(const attention *m, const tile *t, int32_t from, int32_t to)
{
    seeing_rows r = { .begin = first_row_to_see(t, from), .end = end_of_rows_that_see(m, t, to - 1) };
    r.end = max(r.begin, r.end);
    r.whole_begin = min(max(r.begin, first_row_to_see(t, to - 1)), r.end);
    r.whole_end = max(r.whole_begin, min(r.end, end_of_rows_that_see(m, t, from)));
    return r;
}

static void weigh_unit(const attention *m, const tile *t, const workspace *w, unit u, int32_t span_start, float *sums,
                       ahead next)
{
    cpu_numbers values = cpu_cache_values(&m->cache, u.block, t->kv_head, u.in_block, u.n, false, w->unpacked[0]);
    seeing_rows rows = rows_that_see(m, t, u.start, u.start + u.n);
    size_t width = m->cache.value_width;
    /* Rows that see all of it, together; the others each from the first to the last that it sees. */
    for (int32_t r = rows.begin, n; r < rows.end; r += n) {
        n = r == rows.whole_begin ? max(1, rows.whole_end - r) : 1;
        int32_t from = max(first_seen(m, t, r), u.start), to = min(position_of(t, r) + 1, u.start + u.n);
        cpu_numbers seen = values;
        seen.at += (size_t)(from - u.start) * values.stride;
        seen.n = to - from;
        m->loops->weigh(&seen, w->scores + r * t->n_heads * ATTENTION_ROW + (from - span_start), n * t->n_heads,
                        sums + (size_t)(r * t->n_heads) * width, width, next.at, next.size_bytes);
        next.size_bytes = 0;
    }
}

/* Positions from..to of a stretch, for the queries of some rows that see them. */
static void weigh_part(const attention *m, const tile *t, const workspace *w, const stretch *s, int32_t span_start,
                       int32_t from, int32_t to, int32_t row, int32_t n_rows, float *sums, bool fresh, cpu_ahead *next)
{
    cpu_numbers parts[VALUE_UNITS];
    int n_parts = 0;
    int32_t start = s->start, width = (int32_t)m->cache.value_width, first = row * t->n_heads;
    for (const cpu_numbers *all = s->units; all < s->units + s->n_units; start += all++->n) {
        int32_t begin = max(from, start), end = min(to, start + all->n);
        if (begin >= end)
            continue;
        parts[n_parts] = *all;
        parts[n_parts].at += (size_t)(begin - start) * all->stride;
        parts[n_parts++].n = end - begin;
    }
    if (n_parts > 0)
        m->loops->weigh_many(parts, n_parts, w->scores + first * ATTENTION_ROW + (from - span_start),
                             n_rows * t->n_heads, sums + (size_t)first * (size_t)width, (size_t)width, fresh, next);
}

/* Rows that do not see all of a stretch: what they see together, and before and after it each what it sees alone. */
static void weigh_edge(const attention *m, const tile *t, const workspace *w, const stretch *s, int32_t span_start,
                       int32_t row, int32_t n_rows, float *sums, bool fresh, cpu_ahead *next)
{
    int32_t from = max(first_seen(m, t, row + n_rows - 1), s->start), to = min(position_of(t, row) + 1, s->end);
    if (from > to)
        from = to = s->start;
    for (int32_t r = row; r < row + n_rows; r++)
        weigh_part(m, t, w, s, span_start, max(first_seen(m, t, r), s->start), from, r, 1, sums, false, next);
    weigh_part(m, t, w, s, span_start, from, to, row, n_rows, sums, fresh, next);
    for (int32_t r = row; r < row + n_rows; r++)
        weigh_part(m, t, w, s, span_start, max(first_seen(m, t, r), to), min(position_of(t, r) + 1, s->end), r, 1, sums,
                   false, next);
}

static void weigh_stretch(const attention *m, const tile *t, const workspace *w, const stretch *s, int32_t span_start,
                          float *sums, bool fresh, cpu_ahead next)
{
    seeing_rows rows = rows_that_see(m, t, s->start, s->end);
    for (int32_t r = rows.begin, n; r < rows.end; r += n) {
        if (r == rows.whole_begin && rows.whole_end > r) {
            n = rows.whole_end - r;
            weigh_part(m, t, w, s, span_start, s->start, s->end, r, n, sums, fresh, &next);
            continue;
        }
        n = min((r < rows.whole_begin ? rows.whole_begin : rows.end) - r, max(1, ATTENTION_MANY / t->n_heads));
        weigh_edge(m, t, w, s, span_start, r, n, sums, fresh, &next);
    }
}

/* Sums of values, largest scores and sums of weights of a tile's queries in one span: of a few queries … */
static void attend_span_few(const attention *m, const tile *t, const workspace *w, int32_t span, float *sums,
                            float *highest, float *totals)
{
    int32_t start = span * ATTENTION_SPAN, tokens = m->cache.block_tokens;
    int32_t from = max(start, first_seen(m, t, 0));
    int32_t to = min(start + ATTENTION_SPAN, position_of(t, t->n_rows - 1) + 1);
    for (int32_t p = from; p < to;) {
        unit u = unit_at(m, t, p);
        ahead next = { NULL, 0 };
        p = u.start + u.n;
        if (p >= to)
            next = values_ahead(m, t, from);
        else if (u.in_block == 0 && u.start + tokens < to)
            next = keys_ahead(m, t, u.start + tokens);
        score_unit(m, t, w, u, start, next);
    }
    soften_span(m, t, w, start, highest, totals);
    memset(sums, 0, (size_t)t->n_queries * m->cache.value_width * sizeof *sums);
    for (int32_t p = from; p < to;) {
        unit u = unit_at(m, t, p);
        ahead next = { NULL, 0 };
        p = u.start + u.n;
        if (p >= to && span < t->last_span)
            next = keys_ahead(m, t, p);
        else if (u.in_block == 0 && u.start + tokens < to)
            next = values_ahead(m, t, u.start + tokens);
        weigh_unit(m, t, w, u, start, sums, next);
    }
}

/* … and of many. */
static void attend_span_many(const attention *m, const tile *t, const workspace *w, int32_t span, float *sums,
                             float *highest, float *totals)
{
    int32_t start = span * ATTENTION_SPAN, end = position_of(t, t->n_rows - 1) + 1;
    int32_t from = max(start, first_seen(m, t, 0)), to = min(start + ATTENTION_SPAN, end);
    for (int32_t p = from; p < to;) {
        stretch s = keys_from(m, t, w, p, to);
        p = s.end;
        score_stretch(m, t, w, &s, start,
                      p < to ? blocks_ahead(m, t, p, to, keys_ahead) : blocks_ahead(m, t, from, to, values_ahead));
    }
    soften_span(m, t, w, start, highest, totals);
    bool fresh = false;
    for (int32_t p = from; p < to;) {
        stretch s = values_from(m, t, w, p, to);
        if (p == from) {
            fresh = first_seen(m, t, t->n_rows - 1) <= s.start; /* all begin here, if they see anything */
            if (!fresh)
                memset(sums, 0, (size_t)t->n_queries * m->cache.value_width * sizeof *sums);
        }
        p = s.end;
        weigh_stretch(m, t, w, &s, start, sums, fresh,
                      p < to ? blocks_ahead(m, t, p, to, values_ahead) : blocks_ahead(m, t, p, end, keys_ahead));
        fresh = false;
    }
}

/* ---- one tile ---- */

/* Where query i is in rows of `width` numbers for each head. */
static size_t place_of(const attention *m, const tile *t, int32_t i, int32_t width)
{
    return (size_t)((t->first_row + i / t->n_heads) * m->attrs->n_heads + t->head + i % t->n_heads) * (size_t)width;
}

/* They lie too far apart for a processor to guess where the next ones are. */
static void ask_for_query(const attention *m, const tile *t, int32_t i, bool write)
{
    enum { FLOATS = 16 /* of a line */ };
    int32_t width = write ? m->cache.value_dim : m->attrs->head_dim;
    const float *at = (write ? m->call->output.data : m->call->inputs[0].data) + place_of(m, t, i, width);
    for (int32_t d = 0; d < width; d += FLOATS)
        if (write)
            __builtin_prefetch(at + d, 1);
        else
            __builtin_prefetch(at + d);
}

static void interleave_queries(const attention *m, const tile *t, float *to)
{
    int32_t each = t->interleaved, dims = m->attrs->head_dim;
    for (int32_t i = 0; i < t->n_queries; i++) {
        if (i + ASKED_QUERIES < t->n_queries)
            ask_for_query(m, t, i + ASKED_QUERIES, false);
        const float *q = m->call->inputs[0].data + place_of(m, t, i, dims);
        float *out = to + i / each * ATTENTION_QUERIES * dims + i % each;
        for (int32_t d = 0; d < dims; d++)
            out[d * ATTENTION_QUERIES] = q[d] * m->scale;
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
        if (i + ASKED_QUERIES < t->n_queries)
            ask_for_query(m, t, i + ASKED_QUERIES, true);
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
    for (int i = 0; i < VALUE_UNITS; i++)
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
            (t.n_queries > ATTENTION_QUERIES ? attend_span_many : attend_span_few)(m, &t, &w, span, sums, highest,
                                                                                   highest + t.n_queries);
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
