/* What the parts of attention share: attention.c makes tiles of a batch, attention_span.c computes one span of a tile.
 */
#ifndef CPU_ATTENTION_H
#define CPU_ATTENTION_H

#include "attention_loops.h"
#include "cache.h"
#include "cpu.h"

enum {
    ATTENTION_VALUE_UNITS = 4, /* whose values are weighed at once for many queries */
    ATTENTION_TOGETHER = 32,   /* tiles of a task at most */
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
    int32_t together;      /* tiles of a task, of neighbouring key-value heads; 1 where queries are many */
    int32_t spans_split;   /* tasks of the same tiles; 1: it folds their spans itself */
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

/* What a thread works in for a tile. */
typedef struct workspace {
    float *queries; /* interleaved and scaled: [groups][head_dim][ATTENTION_QUERIES] */
    float *scores;  /* [queries][ATTENTION_ROW] */
    float *sums, *max, *total;
    float *part; /* of a span: its sums, [queries][value_width], then largest scores, then totals */
    float *keep, *add;
    float *unpacked[ATTENTION_VALUE_UNITS];
} workspace;

static inline int32_t min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline int32_t max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* Positions that a row of a tile sees: from … through its own. */
static inline int32_t position_of(const tile *t, int32_t row)
{
    return t->first_position + row;
}

static inline int32_t first_seen(const attention *m, const tile *t, int32_t row)
{
    int32_t window = m->attrs->window;
    return window > 0 ? max(0, position_of(t, row) - window + 1) : 0;
}

static inline float *highest_of(const attention *m, const tile *t, float *part)
{
    return part + (size_t)t->n_queries * m->cache.value_width;
}

static inline float *totals_of(const attention *m, const tile *t, float *part)
{
    return highest_of(m, t, part) + t->n_queries;
}

/* The parts of one span for n tiles of one run, n = 1 where queries are many: sums of values, largest scores and sums
 * of weights; of a query that sees nothing there the last is 0, and the first anything. */
void cpu_attend_span(const attention *m, const tile *tiles, const workspace *w, int32_t n, int32_t span);

#endif
