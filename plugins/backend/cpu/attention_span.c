/* One span of a tile: scores of its positions, their softmax, and the sums of the values.
 *
 * For a few queries, as in decoding, numbers are read as they lie, a unit of positions after the other. For many they
 * are made floats once for all, and more positions are worked on at once, so that sums stay in registers for longer. */
#include "attention.h"

#include <bora/read_ahead.h>
#include <math.h>
#include <string.h>

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
    cpu_numbers units[ATTENTION_VALUE_UNITS];
} stretch;

typedef cpu_numbers numbers_of(const cpu_cache *cache, int32_t block, int32_t kv_head, int32_t in_block, int32_t n,
                               bool often, float *scratch);

/* The next `most` units, keys or values, before `to`; the first one may begin before `from`. */
static stretch stretch_from(const attention *m, const tile *t, const workspace *w, numbers_of *of, int most,
                            int32_t from, int32_t to)
{
    stretch s = { .start = from };
    for (s.end = from; s.n_units < most && s.end < to; s.n_units++) {
        unit u = unit_at(m, t, s.end);
        s.start = min(s.start, u.start);
        s.end = u.start + u.n;
        s.units[s.n_units] = of(&m->cache, u.block, t->kv_head, u.in_block, u.n, true, w->unpacked[s.n_units]);
    }
    return s;
}

typedef const void *bytes_of(const cpu_cache *cache, int32_t block, int32_t kv_head, int32_t in_block, int32_t n,
                             size_t *size_bytes);

/* Keys or values of n positions of a block. */
static ahead units_ahead(const attention *m, const tile *t, int32_t position, int32_t n, bytes_of *of)
{
    int32_t tokens = m->cache.block_tokens;
    ahead next;
    next.at = of(&m->cache, t->sequence->blocks[position / tokens], t->kv_head, position % tokens, n, &next.size_bytes);
    return next;
}

/* The next blocks from a position on where one begins. */
static cpu_ahead blocks_ahead(const attention *m, const tile *t, int32_t position, int32_t to, bytes_of *of)
{
    cpu_ahead next = { .n_places = 0 };
    while (next.n_places < ATTENTION_PLACES && position < to && position % m->cache.block_tokens == 0) {
        ahead a = units_ahead(m, t, position, m->cache.block_tokens, of);
        next.at[next.n_places] = a.at;
        next.left_bytes[next.n_places++] = a.size_bytes;
        position += m->cache.block_tokens;
    }
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

static void soften_span(const attention *m, const tile *t, const workspace *w, int32_t start)
{
    float *highest = highest_of(m, t, w->part), *totals = totals_of(m, t, w->part);
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

static void weigh_unit(const attention *m, const tile *t, const workspace *w, unit u, int32_t span_start, ahead next)
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
                        w->part + (size_t)(r * t->n_heads) * width, width, next.at, next.size_bytes);
        next.size_bytes = 0;
    }
}

/* Positions from..to of a stretch, for the queries of some rows that see them. */
static void weigh_part(const attention *m, const tile *t, const workspace *w, const stretch *s, int32_t span_start,
                       int32_t from, int32_t to, int32_t row, int32_t n_rows, bool fresh, cpu_ahead *next)
{
    cpu_numbers parts[ATTENTION_VALUE_UNITS];
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
                             n_rows * t->n_heads, w->part + (size_t)first * (size_t)width, (size_t)width, fresh, next);
}

/* Rows that do not see all of a stretch: what they see together, and before and after it each what it sees alone. */
static void weigh_edge(const attention *m, const tile *t, const workspace *w, const stretch *s, int32_t span_start,
                       int32_t row, int32_t n_rows, bool fresh, cpu_ahead *next)
{
    int32_t from = max(first_seen(m, t, row + n_rows - 1), s->start), to = min(position_of(t, row) + 1, s->end);
    if (from > to)
        from = to = s->start;
    for (int32_t r = row; r < row + n_rows; r++)
        weigh_part(m, t, w, s, span_start, max(first_seen(m, t, r), s->start), from, r, 1, false, next);
    weigh_part(m, t, w, s, span_start, from, to, row, n_rows, fresh, next);
    for (int32_t r = row; r < row + n_rows; r++)
        weigh_part(m, t, w, s, span_start, max(first_seen(m, t, r), to), min(position_of(t, r) + 1, s->end), r, 1,
                   false, next);
}

static void weigh_stretch(const attention *m, const tile *t, const workspace *w, const stretch *s, int32_t span_start,
                          bool fresh, cpu_ahead next)
{
    seeing_rows rows = rows_that_see(m, t, s->start, s->end);
    for (int32_t r = rows.begin, n; r < rows.end; r += n) {
        if (r == rows.whole_begin && rows.whole_end > r) {
            n = rows.whole_end - r;
            weigh_part(m, t, w, s, span_start, s->start, s->end, r, n, fresh, &next);
            continue;
        }
        n = min((r < rows.whole_begin ? rows.whole_begin : rows.end) - r, max(1, ATTENTION_MANY / t->n_heads));
        weigh_edge(m, t, w, s, span_start, r, n, fresh, &next);
    }
}

/* How a span is read for few queries: the keys of its positions block by block, in a block tile by tile, as they lie,
 * then the values so. Steps are a unit of a tile. */
typedef struct walk {
    const attention *m;
    const tile *tiles;
    int32_t n_tiles, n_blocks, n_units, from, to, steps_ahead;
    int32_t tokens; /* of a block; of a longer one than a span, those of a span are taken for it */
} walk;

static walk walk_of(const attention *m, const tile *tiles, int32_t n_tiles, int32_t span)
{
    const tile *t = tiles; /* all see the same positions */
    walk k = { .m = m, .tiles = tiles, .n_tiles = n_tiles, .tokens = min(m->cache.block_tokens, ATTENTION_SPAN) };
    k.from = max(span * ATTENTION_SPAN, first_seen(m, t, 0));
    k.to = min((span + 1) * ATTENTION_SPAN, position_of(t, t->n_rows - 1) + 1);
    k.n_blocks = (k.to - 1) / k.tokens - k.from / k.tokens + 1;
    k.n_units = (k.tokens + ATTENTION_UNIT - 1) / ATTENTION_UNIT;
    size_t step_bytes = m->cache.key_bytes * (size_t)min(k.tokens, ATTENTION_UNIT);
    k.steps_ahead = (int32_t)((BORA_READ_AHEAD_DISTANCE + step_bytes - 1) / step_bytes);
    return k;
}

/* The first position in the span's block number `i`, or in one behind the span. */
static int32_t block_position(const walk *k, int32_t i)
{
    return (k->from / k->tokens + i) * k->tokens;
}

/* What comes some steps after this one, which may be keys of the next span. */
static ahead walk_ahead(const walk *k, int32_t step)
{
    step += k->steps_ahead;
    int32_t steps = k->n_blocks * k->n_tiles * k->n_units, in_pass = step < 2 * steps ? step % steps : step - steps;
    const tile *t = &k->tiles[in_pass / k->n_units % k->n_tiles];
    int32_t in_block = in_pass % k->n_units * ATTENTION_UNIT;
    int32_t position = block_position(k, in_pass / k->n_units / k->n_tiles) + in_block;
    if (position > position_of(t, t->n_rows - 1))
        return (ahead){ NULL, 0 };
    return units_ahead(k->m, t, position, min(ATTENTION_UNIT, k->tokens - in_block),
                       step < steps || step >= 2 * steps ? cpu_cache_key_bytes : cpu_cache_value_bytes);
}

/* Scores, or weighs, all that is seen of a span, which is the pass that begins with this step. */
static void walk_span(const walk *k, const workspace *spaces, int32_t span_start, int32_t step,
                      void work(const attention *m, const tile *t, const workspace *w, unit u, int32_t span_start,
                                ahead next))
{
    for (int32_t b = 0; b < k->n_blocks; b++)
        for (int32_t i = 0; i < k->n_tiles; i++, step += k->n_units) {
            const int32_t begin = block_position(k, b), to = min(begin + k->tokens, k->to);
            for (int32_t p = max(begin, k->from); p < to;) {
                unit u = unit_at(k->m, &k->tiles[i], p);
                work(k->m, &k->tiles[i], &spaces[i], u, span_start, walk_ahead(k, step + (p - begin) / ATTENTION_UNIT));
                p = u.start + u.n;
            }
        }
}

static void attend_span_few(const attention *m, const tile *tiles, const workspace *spaces, int32_t n, int32_t span)
{
    const walk k = walk_of(m, tiles, n, span);
    int32_t start = span * ATTENTION_SPAN;
    walk_span(&k, spaces, start, 0, score_unit);
    for (int32_t i = 0; i < n; i++) {
        soften_span(m, &tiles[i], &spaces[i], start);
        memset(spaces[i].part, 0, (size_t)tiles[i].n_queries * m->cache.value_width * sizeof(float));
    }
    walk_span(&k, spaces, start, k.n_blocks * k.n_tiles * k.n_units, weigh_unit);
}

static void attend_span_many(const attention *m, const tile *t, const workspace *w, int32_t span)
{
    int32_t start = span * ATTENTION_SPAN, end = position_of(t, t->n_rows - 1) + 1;
    int32_t from = max(start, first_seen(m, t, 0)), to = min(start + ATTENTION_SPAN, end);
    for (int32_t p = from; p < to;) {
        stretch s = stretch_from(m, t, w, cpu_cache_keys, ATTENTION_UNITS, p, to);
        p = s.end;
        score_stretch(m, t, w, &s, start,
                      p < to ? blocks_ahead(m, t, p, to, cpu_cache_key_bytes)
                             : blocks_ahead(m, t, from, to, cpu_cache_value_bytes));
    }
    soften_span(m, t, w, start);
    bool fresh = false;
    for (int32_t p = from; p < to;) {
        stretch s = stretch_from(m, t, w, cpu_cache_values, ATTENTION_VALUE_UNITS, p, to);
        if (p == from) {
            fresh = first_seen(m, t, t->n_rows - 1) <= s.start; /* all begin here, if they see anything */
            if (!fresh)
                memset(w->part, 0, (size_t)t->n_queries * m->cache.value_width * sizeof *w->part);
        }
        p = s.end;
        weigh_stretch(m, t, w, &s, start, fresh,
                      p < to ? blocks_ahead(m, t, p, to, cpu_cache_value_bytes)
                             : blocks_ahead(m, t, p, end, cpu_cache_key_bytes));
        fresh = false;
    }
}

void cpu_attend_span(const attention *m, const tile *tiles, const workspace *w, int32_t n, int32_t span)
{
    if (tiles->n_queries > ATTENTION_QUERIES)
        attend_span_many(m, tiles, w, span);
    else
        attend_span_few(m, tiles, w, n, span);
}
