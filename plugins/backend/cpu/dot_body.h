/* Products of rows, sixteen floats at a time, for the dot_NAME.c that includes this after saying what they are.
 *
 * A dot product is 16 sums: sum l takes the numbers l, l + 16, l + 32, … in order, each by one fused multiply-add, and
 * at the end the sums are added in pairs (l and l + 8, then l and l + 4, …). That order is the same for every width of
 * vectors and however rows, activations and the numbers of a row are cut into blocks: a sum is alone in its lane, and
 * is stored and loaded again between blocks as it is.
 *
 * Memory is asked for what comes next in one of two orders (bora/read_ahead.h). Numbers of 16 bits become floats once
 * for many activations, where that would take the place of multiply-adds otherwise. Processors that are asked in order
 * do it beside them, if each number is then used often enough. With one activation these take a register of rows in two
 * halves, where that is an instruction more: otherwise they come to the rows before what was asked for is there.
 *
 * Defined before: TARGET (the attribute of every function here); the type `part`, a register of PART floats, with
 * splat, load_f32, store, multiply, fused (a * b + c) and add_parts; BLOCK_ROWS and BLOCK_ACTS, a block whose sums fill
 * the registers; EACH_ACTS(M, ...), M(..., n) for n = 1 … BLOCK_ACTS; and where there are instructions for it, HAS_HALF
 * with load_f16 and load_bf16, HAS_HALVES with load_halves, HAS_ADD_BLOCK with add_block. What `fused` takes for a and
 * b may be any 32 bits. */
#include <bora/read_ahead.h>

#include "dot.h"

#include <string.h>

#define INLINE TARGET static inline __attribute__((always_inline))

enum {
    LANES = CPU_DOT_STEP,
    PARTS = LANES / PART,  /* registers for them */
    PIECE_BYTES = 4096,    /* of a row in one go, so that a block's rows stay in the first cache */
    GROUP = 128,           /* activations that go through all rows together, if they fit the second cache, */
    GROUP_BYTES = 1 << 20, /* in which they may take so much */
    WIDEN_BLOCKS = 3,      /* so many blocks of activations and more share rows that were widened once */
    AHEAD_STEPS = 8        /* between reading ahead by pages */
};

typedef struct lanes {
    part parts[PARTS];
} lanes;

/* A loop of few turns, a constant where it is inlined, that is unrolled whole. */
#ifdef __clang__
#define EACH(i, n) _Pragma("unroll") for (int i = 0; i < (n); i++)
#else
#define EACH(i, n) _Pragma("GCC unroll 8") for (int i = 0; i < (n); i++)
#endif

INLINE float add_lanes(lanes x)
{
    return add_parts(x.parts);
}

typedef enum number { F32, F16, BF16 } number;

INLINE size_t bytes_of(number type)
{
    return type == F32 ? 4 : 2;
}

INLINE part load(number type, const char *at)
{
#ifdef HAS_HALF
    if (type == F16)
        return load_f16(at);
    if (type == BF16)
        return load_bf16(at);
#endif
    (void)type;
    return load_f32(at);
}

#ifndef HAS_HALVES
INLINE part load_halves(const char *at)
{
    return load_f32(at);
}
#endif

INLINE lanes load_lanes(number type, const char *at)
{
    lanes x;
    EACH(p, PARTS) x.parts[p] = load(type, at + (size_t)(p * PART) * bytes_of(type));
    return x;
}

/* The first n of sixteen numbers, and zeros. */
INLINE lanes load_some(number type, const char *at, size_t n)
{
    char numbers[LANES * sizeof(float)] = { 0 };
    memcpy(numbers, at, n * bytes_of(type));
    return load_lanes(type, numbers);
}

INLINE lanes fused_lanes(lanes a, lanes b, lanes c)
{
    EACH(p, PARTS) c.parts[p] = fused(a.parts[p], b.parts[p], c.parts[p]);
    return c;
}

/* Some steps of a block of rows and of blocks of activations one after the other. */
typedef struct stretch {
    const char *rows, *acts;
    size_t row_bytes, step_bytes, act_bytes;
    int64_t n_steps;
    lanes *sums;         /* [blocks][rows][acts] kept between stretches */
    bool first, last;    /* no sums before; no numbers behind */
    char *wide;          /* [steps][rows][LANES] where the rows are written as floats */
    uintptr_t ahead_at;  /* what memory is asked for next, ... */
    size_t ahead_bytes;  /* ... in order, so many a step; 0: by pages, ... */
    uintptr_t ahead_end; /* ... up to here, ... */
    int ahead_columns;   /* ... so many columns before each AHEAD_STEPS steps */
    float *out;
    size_t out_stride;
} stretch;

/* Addresses are numbers here: checks of pointers in what is unrolled take compilers minutes. */
INLINE void dot_step(number type, bool halves, bool widen, int n_rows, int n_acts, uintptr_t rows, size_t row_bytes,
                     uintptr_t acts, size_t act_bytes, uintptr_t wide, lanes sum[BLOCK_ROWS][BLOCK_ACTS])
{
    EACH(p, PARTS)
    {
        part x[BLOCK_ACTS];
        EACH(t, n_acts)
        x[t] = load_f32((const char *)(acts + (size_t)t * act_bytes + (size_t)(p * PART) * sizeof(float)));
        EACH(r, n_rows)
        {
            const char *at = (const char *)(rows + (size_t)r * row_bytes + (size_t)(p * PART) * bytes_of(type));
            const part w = halves && type == F32 ? load_halves(at) : load(type, at);
            if (widen)
                store((float *)(wide + (size_t)(r * LANES + p * PART) * sizeof(float)), w);
            EACH(t, n_acts) sum[r][t].parts[p] = fused(w, x[t], sum[r][t].parts[p]);
        }
    }
}

INLINE void finish(int n_rows, int n_acts, lanes sum[BLOCK_ROWS][BLOCK_ACTS], float *out, size_t out_stride)
{
#ifdef HAS_ADD_BLOCK
    if (n_rows == BLOCK_ROWS && n_acts == BLOCK_ACTS) {
        part all[BLOCK_ROWS][BLOCK_ACTS];
        EACH(r, n_rows) EACH(t, n_acts) all[r][t] = sum[r][t].parts[0];
        add_block(all, out, out_stride);
        return;
    }
#endif
    EACH(r, n_rows) EACH(t, n_acts) out[(size_t)t * out_stride + (size_t)r] = add_lanes(sum[r][t]);
}

/* n_rows and n_acts are constants where this is inlined, so that the sums live in registers. */
INLINE void dot_block(number type, bool widen, int n_rows, int n_acts, stretch *s, int n_blocks)
{
    const size_t row_bytes = s->row_bytes, step_bytes = s->step_bytes, act_bytes = s->act_bytes;
    for (int b = 0; b < n_blocks; b++) {
        lanes sum[BLOCK_ROWS][BLOCK_ACTS], *kept = s->sums + b * n_rows * n_acts;
        uintptr_t rows = (uintptr_t)s->rows, acts = (uintptr_t)s->acts + (size_t)(b * n_acts) * act_bytes;
        uintptr_t wide = (uintptr_t)s->wide;
        if (s->first)
            EACH(r, n_rows) EACH(t, n_acts) EACH(p, PARTS) sum[r][t].parts[p] = splat(0);
        else
            EACH(r, n_rows) EACH(t, n_acts) EACH(p, PARTS) sum[r][t].parts[p] = kept[r * n_acts + t].parts[p];
        if (s->ahead_bytes) {
            const int lines = (n_rows * LANES * (int)bytes_of(type) + BORA_READ_AHEAD_LINE - 1) / BORA_READ_AHEAD_LINE;
            const size_t each = (s->ahead_bytes + (size_t)lines - 1) / (size_t)lines;
            uintptr_t ahead = s->ahead_at;
            for (int64_t i = s->n_steps; i > 0; i--) {
                EACH(l, lines) bora_read_lines_ahead(ahead + BORA_READ_AHEAD_DISTANCE + (size_t)l * each, 1);
                dot_step(type, n_acts == 1, widen, n_rows, n_acts, rows, row_bytes, acts, act_bytes, wide, sum);
                ahead += s->ahead_bytes;
                rows += step_bytes;
                acts += LANES * sizeof(float);
                wide += (size_t)n_rows * LANES * sizeof(float);
            }
            s->ahead_at = ahead;
        } else {
            const int ahead_columns = s->ahead_at < s->ahead_end ? s->ahead_columns : 0;
            const int64_t most = ahead_columns ? AHEAD_STEPS : s->n_steps;
            for (int64_t left = s->n_steps; left > 0; left -= most) {
                for (int c = ahead_columns; c > 0; c--, s->ahead_at += BORA_READ_AHEAD_COLUMN)
                    bora_read_ahead(s->ahead_at);
                for (int64_t i = left < most ? left : most; i > 0; i--) {
                    dot_step(type, false, widen, n_rows, n_acts, rows, row_bytes, acts, act_bytes, wide, sum);
                    rows += step_bytes;
                    acts += LANES * sizeof(float);
                    wide += (size_t)n_rows * LANES * sizeof(float);
                }
            }
        }
        if (s->last)
            finish(n_rows, n_acts, sum, s->out + (size_t)(b * n_acts) * s->out_stride, s->out_stride);
        else
            EACH(r, n_rows) EACH(t, n_acts) EACH(p, PARTS) kept[r * n_acts + t].parts[p] = sum[r][t].parts[p];
    }
}

/* For BLOCK_ROWS, 2 and 1 rows; for 1 … BLOCK_ACTS activations. And what writes BLOCK_ROWS rows as floats, while it
 * multiplies them with BLOCK_ACTS activations. */
typedef void block(stretch *s, int n_blocks);
typedef struct blocks {
    block *of[3][BLOCK_ACTS], *widening;
} blocks;

/* Functions NAME_HEIGHT_1 … NAME_HEIGHT_n for blocks of so many rows, and a table of all for one type of rows. */
#define BLOCK(type, name, height, n_rows, n_acts)                                                                      \
    TARGET static void name##_##height##_##n_acts(stretch *s, int n_blocks)                                            \
    {                                                                                                                  \
        dot_block(type, false, n_rows, n_acts, s, n_blocks);                                                           \
    }
#define IN_TABLE(type, name, height, n_rows, n_acts) name##_##height##_##n_acts,
#define BLOCKS(type, name, its_widening)                                                                               \
    EACH_ACTS(BLOCK, type, name, high, BLOCK_ROWS)                                                                     \
    EACH_ACTS(BLOCK, type, name, two, 2)                                                                               \
    EACH_ACTS(BLOCK, type, name, one, 1)                                                                               \
    static const blocks name = { .of = { { EACH_ACTS(IN_TABLE, type, name, high, BLOCK_ROWS) },                        \
                                         { EACH_ACTS(IN_TABLE, type, name, two, 2) },                                  \
                                         { EACH_ACTS(IN_TABLE, type, name, one, 1) } },                                \
                                 .widening = (its_widening) };
#define BLOCKS_16(type, name)                                                                                          \
    TARGET static void name##_widening(stretch *s, int n_blocks)                                                       \
    {                                                                                                                  \
        dot_block(type, true, BLOCK_ROWS, BLOCK_ACTS, s, n_blocks);                                                    \
    }                                                                                                                  \
    BLOCKS(type, name, name##_widening)

BLOCKS(F32, dot_blocks, NULL)

/* The last numbers of rows, fewer than LANES. */
TARGET static void dot_rest(number type, int n_rows, const stretch *s, size_t n, int n_acts)
{
    for (int t = 0; t < n_acts; t++) {
        const lanes x = load_some(F32, s->acts + (size_t)t * s->act_bytes, n);
        const int first = t / BLOCK_ACTS * BLOCK_ACTS;
        const int in_block = n_acts - first < BLOCK_ACTS ? n_acts - first : BLOCK_ACTS;
        for (int r = 0; r < n_rows; r++) {
            const lanes w = load_some(type, s->rows + (size_t)r * s->row_bytes, n);
            const lanes sum = s->sums[first * n_rows + r * in_block + t - first];
            s->out[(size_t)t * s->out_stride + (size_t)r] = add_lanes(fused_lanes(w, x, sum));
        }
    }
}

INLINE void next_blocks(stretch *s, int n_rows, int n)
{
    s->acts += (size_t)(n * BLOCK_ACTS) * s->act_bytes;
    s->out += (size_t)(n * BLOCK_ACTS) * s->out_stride;
    s->sums += n * BLOCK_ACTS * n_rows;
}

/* Spreads asking memory over all steps of a block of rows, which so many blocks of activations take. In order it is
 * asked for what lies behind the numbers that are read together: a piece of packed rows, all of others. */
INLINE void plan_ahead(stretch *s, bool in_order, number type, int n_rows, int64_t n_steps, int64_t piece, int n_blocks)
{
    const size_t bytes = (size_t)n_rows * LANES * bytes_of(type);
    const bool packed = s->row_bytes < s->step_bytes;
    const size_t all = packed ? (size_t)n_steps * s->step_bytes : (size_t)n_rows * s->row_bytes;
    const uintptr_t begin = (uintptr_t)s->rows;
    if (in_order) {
        const int64_t together = n_blocks == 1 ? 0 : piece < n_steps ? piece : n_steps;
        s->ahead_bytes = (bytes + (size_t)n_blocks - 1) / (size_t)n_blocks;
        s->ahead_at = begin + (packed ? (size_t)together * s->step_bytes : all);
    } else {
        const int columns = AHEAD_STEPS * (int)bytes / BORA_READ_AHEAD_COLUMN;
        s->ahead_at = begin / BORA_READ_AHEAD_COLUMN * BORA_READ_AHEAD_COLUMN;
        s->ahead_end = begin + all;
        s->ahead_columns = (columns + n_blocks - 1) / n_blocks;
    }
}

/* All of some rows with some activations, at most GROUP. */
TARGET static void dot_rows(const blocks *table, bool in_order, number type, int height, int n_rows, int64_t k,
                            const stretch *all, int n_acts)
{
    lanes sums[GROUP * BLOCK_ROWS];
    _Alignas(64) char wide[BLOCK_ROWS * PIECE_BYTES];
    const int n_blocks = n_acts / BLOCK_ACTS, n_others = n_acts % BLOCK_ACTS, asking = n_blocks + (n_others > 0);
    const bool beside = in_order && BLOCK_ACTS >= 4;
    const bool widen = !beside && table->widening && height == 0 && n_blocks >= WIDEN_BLOCKS;
    const int64_t piece = PIECE_BYTES / LANES / (int64_t)bytes_of(widen ? F32 : type);
    const int64_t n_steps = k / LANES, most = asking > 1 ? piece : n_steps;
    const size_t rest = (size_t)(k % LANES);
    stretch s = *all;
    s.wide = wide;
    plan_ahead(&s, in_order, type, n_rows, n_steps, piece, asking);
    int64_t step = 0;
    do {
        const blocks *now = table;
        int left = n_blocks;
        s.rows = all->rows + (size_t)step * all->step_bytes;
        s.row_bytes = all->row_bytes;
        s.step_bytes = all->step_bytes;
        s.acts = all->acts + (size_t)(step * LANES) * sizeof(float);
        s.out = all->out;
        s.sums = sums;
        s.n_steps = n_steps - step < most ? n_steps - step : most;
        s.first = step == 0;
        s.last = step + s.n_steps == n_steps && rest == 0;
        if (widen) {
            table->widening(&s, 1);
            next_blocks(&s, n_rows, 1);
            s.rows = wide;
            s.row_bytes = LANES * sizeof(float);
            s.step_bytes = (size_t)n_rows * s.row_bytes;
            now = &dot_blocks;
            left--;
        }
        now->of[height][BLOCK_ACTS - 1](&s, left);
        next_blocks(&s, n_rows, left);
        if (n_others)
            now->of[height][n_others - 1](&s, 1);
        step += most;
    } while (step < n_steps);
    if (rest) {
        s = *all;
        s.rows += (size_t)n_steps * s.step_bytes;
        s.acts += (size_t)(n_steps * LANES) * sizeof(float);
        s.sums = sums;
        dot_rest(type, n_rows, &s, rest, n_acts);
    }
}

INLINE void dot_all(const blocks *table, bool in_order, number type, const char *rows, size_t row_bytes,
                    size_t step_bytes, int n_rows, int64_t k, const char *acts, size_t act_bytes, int n_acts,
                    float *out, size_t out_stride)
{
    int group =
        k > 0 && GROUP_BYTES / k / (int)sizeof(float) < GROUP ? (int)(GROUP_BYTES / k / (int)sizeof(float)) : GROUP;
    group = group < 4 * BLOCK_ACTS ? 4 * BLOCK_ACTS : group / BLOCK_ACTS * BLOCK_ACTS;
    for (int t = 0; t < n_acts; t += group)
        for (int r = 0, n; r < n_rows; r += n) {
            const int height = n_rows - r >= BLOCK_ROWS ? 0 : n_rows - r >= 2 ? 1 : 2;
            n = height == 0 ? BLOCK_ROWS : height == 1 ? 2 : 1;
            const stretch all = { .rows = rows + (size_t)r * row_bytes,
                                  .acts = acts + (size_t)t * act_bytes,
                                  .row_bytes = row_bytes,
                                  .step_bytes = step_bytes,
                                  .act_bytes = act_bytes,
                                  .out = out + (size_t)t * out_stride + r,
                                  .out_stride = out_stride };
            dot_rows(table, in_order, type, height, n, k, &all, n_acts - t < group ? n_acts - t : group);
        }
}

#define DOT(name, table, in_order, type)                                                                               \
    TARGET static void name(const char *rows, size_t row_bytes, size_t step_bytes, int n_rows, int64_t k,              \
                            const char *acts, size_t act_bytes, int n_acts, float *out, size_t out_stride)             \
    {                                                                                                                  \
        dot_all(&(table), in_order, type, rows, row_bytes, step_bytes, n_rows, k, acts, act_bytes, n_acts, out,        \
                out_stride);                                                                                           \
    }

DOT(f32_by_pages, dot_blocks, false, F32)
DOT(f32_in_order, dot_blocks, true, F32)
#ifdef HAS_HALF
BLOCKS_16(F16, dot_f16_blocks)
BLOCKS_16(BF16, dot_bf16_blocks)
DOT(f16_by_pages, dot_f16_blocks, false, F16)
DOT(f16_in_order, dot_f16_blocks, true, F16)
DOT(bf16_by_pages, dot_bf16_blocks, false, BF16)
DOT(bf16_in_order, dot_bf16_blocks, true, BF16)
#define DOTS(how)                                                                                                      \
    {                                                                                                                  \
        f32_##how, f16_##how, bf16_##how                                                                               \
    }
#else
#define DOTS(how)                                                                                                      \
    {                                                                                                                  \
        f32_##how, NULL, NULL                                                                                          \
    }
#endif
