/* Products and weighted sums of rows, sixteen floats at a time, for the dot_NAME.c that includes this after saying what
 * they are.
 *
 * A dot product is 16 sums: sum l takes the numbers l, l + 16, l + 32, … in order, each by one fused multiply-add, and
 * at the end the sums are added in pairs (l and l + 8, then l and l + 4, …). That order is the same for every width of
 * vectors and however rows, activations and the numbers of a row are cut into blocks: a sum is alone in its lane, and
 * is stored and loaded again between blocks as it is.
 *
 * Defined before: TARGET (the attribute of every function here); the type `part`, a register of PART floats, with
 * splat, load_f32, store, multiply, fused (a * b + c) and add_parts; BLOCK_ROWS and BLOCK_ACTS, a block whose sums fill
 * the registers; EACH_ACTS(M, ...), M(..., n) for n = 1 … BLOCK_ACTS; and where there are instructions for it, HAS_HALF
 * with load_f16 and load_bf16, HAS_ADD_PARTS_OF_4 with add_parts_of_4. */
#include "dot.h"

#include <string.h>

#define INLINE TARGET static inline __attribute__((always_inline))

enum {
    LANES = 16,
    PARTS = LANES / PART, /* registers for them */
    COLUMNS = 64 / LANES,
    PIECE = 1024,          /* numbers of a row in one go, so that a block's rows stay in the first cache */
    GROUP = 64,            /* activations that go through all rows together, if they fit the second cache, */
    GROUP_BYTES = 1 << 19, /* in which they may take so much */
    FETCH_ACTS = 32        /* at most: more wait for arithmetic, and rows may come from the second cache */
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

INLINE void store_lanes(float *to, lanes x)
{
    EACH(p, PARTS) store(to + p * PART, x.parts[p]);
}

INLINE lanes multiply_lanes(lanes a, float b)
{
    EACH(p, PARTS) a.parts[p] = multiply(a.parts[p], splat(b));
    return a;
}

INLINE lanes fused_lanes(lanes a, lanes b, lanes c)
{
    EACH(p, PARTS) c.parts[p] = fused(a.parts[p], b.parts[p], c.parts[p]);
    return c;
}

INLINE lanes fused_number(lanes a, float b, lanes c)
{
    EACH(p, PARTS) c.parts[p] = fused(a.parts[p], splat(b), c.parts[p]);
    return c;
}

/* One stretch of k of a block of rows and activations. */
typedef struct stretch {
    const char *rows, *acts;
    size_t row_bytes, act_bytes;
    int64_t n;
    lanes *sums; /* [rows][acts] kept between stretches */
    bool first, last;
    bool fetch; /* memory is asked for the block behind this one: what reads ahead by itself starts anew in each row */
    float *out;
    size_t out_stride;
} stretch;

/* n_rows and n_acts are constants where this is inlined, so that the sums live in registers. */
INLINE void dot_block(number type, int n_rows, int n_acts, const stretch *s)
{
    lanes sum[BLOCK_ROWS][BLOCK_ACTS];
    part x[BLOCK_ACTS];
    const char *rows = s->rows, *acts = s->acts;
    const size_t row_bytes = s->row_bytes, act_bytes = s->act_bytes;
    const bool fetch = s->fetch;
    if (s->first) {
        EACH(r, n_rows) EACH(t, n_acts) EACH(p, PARTS) sum[r][t].parts[p] = splat(0);
    } else {
        EACH(r, n_rows) EACH(t, n_acts) EACH(p, PARTS) sum[r][t].parts[p] = s->sums[r * n_acts + t].parts[p];
    }
    for (int64_t i = s->n / LANES; i > 0; i--) {
        const uintptr_t ahead = (uintptr_t)rows + (size_t)n_rows * row_bytes; /* a number: it may be behind the end */
        if (fetch)
            EACH(r, n_rows) __builtin_prefetch((const void *)(ahead + (uintptr_t)r * row_bytes), 0, 3);
        EACH(p, PARTS)
        {
            EACH(t, n_acts) x[t] = load_f32(acts + (size_t)t * act_bytes + p * PART * (int)sizeof(float));
            EACH(r, n_rows)
            {
                const part w = load(type, rows + (size_t)r * row_bytes + (size_t)(p * PART) * bytes_of(type));
                EACH(t, n_acts) sum[r][t].parts[p] = fused(w, x[t], sum[r][t].parts[p]);
            }
        }
        rows += LANES * bytes_of(type);
        acts += LANES * sizeof(float);
    }
    const size_t rest = (size_t)(s->n % LANES);
    if (rest) {
        EACH(t, n_acts)
        {
            const lanes y = load_some(F32, acts + (size_t)t * act_bytes, rest);
            EACH(r, n_rows)
            {
                const lanes w = load_some(type, rows + (size_t)r * row_bytes, rest);
                EACH(p, PARTS) sum[r][t].parts[p] = fused(w.parts[p], y.parts[p], sum[r][t].parts[p]);
            }
        }
    }
    if (!s->last) {
        EACH(r, n_rows) EACH(t, n_acts) EACH(p, PARTS) s->sums[r * n_acts + t].parts[p] = sum[r][t].parts[p];
        return;
    }
    EACH(r, n_rows)
    {
#ifdef HAS_ADD_PARTS_OF_4
        if (n_acts == 4) {
            float four[4];
            add_parts_of_4(sum[r][0].parts[0], sum[r][1].parts[0], sum[r][2].parts[0], sum[r][3].parts[0], four);
            EACH(t, n_acts) s->out[(size_t)t * s->out_stride + (size_t)r] = four[t];
            continue;
        }
#endif
        EACH(t, n_acts) s->out[(size_t)t * s->out_stride + (size_t)r] = add_lanes(sum[r][t]);
    }
}

/* For BLOCK_ROWS, 2 and 1 rows; for 1 … BLOCK_ACTS activations. */
typedef struct blocks {
    void (*of[3][BLOCK_ACTS])(const stretch *s);
} blocks;

/* Functions NAME_HEIGHT_1 … NAME_HEIGHT_n for blocks of so many rows, and a table of all for one type of rows. */
#define BLOCK(type, name, height, n_rows, n_acts)                                                                      \
    TARGET static void name##_##height##_##n_acts(const stretch *s)                                                    \
    {                                                                                                                  \
        dot_block(type, n_rows, n_acts, s);                                                                            \
    }
#define IN_TABLE(type, name, height, n_rows, n_acts) name##_##height##_##n_acts,
#define BLOCKS(type, name)                                                                                             \
    EACH_ACTS(BLOCK, type, name, high, BLOCK_ROWS)                                                                     \
    EACH_ACTS(BLOCK, type, name, two, 2)                                                                               \
    EACH_ACTS(BLOCK, type, name, one, 1)                                                                               \
    static const blocks name = { .of = { { EACH_ACTS(IN_TABLE, type, name, high, BLOCK_ROWS) },                        \
                                         { EACH_ACTS(IN_TABLE, type, name, two, 2) },                                  \
                                         { EACH_ACTS(IN_TABLE, type, name, one, 1) } } };

/* Some rows with some activations, at most GROUP of them. */
TARGET static void dot_rows(const blocks *table, number type, int height, stretch whole, int n_acts)
{
    lanes sums[GROUP / BLOCK_ACTS][BLOCK_ROWS * BLOCK_ACTS];
    const int64_t piece = n_acts > BLOCK_ACTS ? PIECE : whole.n;
    for (int64_t at = 0; at < whole.n || at == 0; at += piece) {
        stretch s = whole;
        s.n = whole.n - at < piece ? whole.n - at : piece;
        s.first = at == 0;
        s.last = at + s.n >= whole.n;
        s.rows += (size_t)at * bytes_of(type);
        for (int t = 0; t < n_acts; t += BLOCK_ACTS) {
            const int n = n_acts - t < BLOCK_ACTS ? n_acts - t : BLOCK_ACTS;
            s.acts = whole.acts + (size_t)t * s.act_bytes + (size_t)at * sizeof(float);
            s.sums = sums[t / BLOCK_ACTS];
            s.fetch = t == 0 && n_acts <= FETCH_ACTS;
            s.out = whole.out + (size_t)t * s.out_stride;
            table->of[height][n - 1](&s);
        }
    }
}

INLINE void dot_all(const blocks *table, number type, const char *rows, size_t row_bytes, int n_rows, int64_t k,
                    const char *acts, size_t act_bytes, int n_acts, float *out, size_t out_stride)
{
    int group =
        k > 0 && GROUP_BYTES / k / (int)sizeof(float) < GROUP ? (int)(GROUP_BYTES / k / (int)sizeof(float)) : GROUP;
    group = group < 4 * BLOCK_ACTS ? 4 * BLOCK_ACTS : group / BLOCK_ACTS * BLOCK_ACTS;
    for (int t = 0; t < n_acts; t += group)
        for (int r = 0, n; r < n_rows; r += n) {
            const int height = n_rows - r >= BLOCK_ROWS ? 0 : n_rows - r >= 2 ? 1 : 2;
            n = height == 0 ? BLOCK_ROWS : height == 1 ? 2 : 1;
            const stretch whole = { .rows = rows + (size_t)r * row_bytes,
                                    .acts = acts + (size_t)t * act_bytes,
                                    .row_bytes = row_bytes,
                                    .act_bytes = act_bytes,
                                    .n = k,
                                    .out = out + (size_t)t * out_stride + r,
                                    .out_stride = out_stride };
            dot_rows(table, type, height, whole, n_acts - t < group ? n_acts - t : group);
        }
}

#define DOT(type, name)                                                                                                \
    BLOCKS(type, name##_blocks)                                                                                        \
    TARGET static void name(const char *rows, size_t row_bytes, int n_rows, int64_t k, const char *acts,               \
                            size_t act_bytes, int n_acts, float *out, size_t out_stride)                               \
    {                                                                                                                  \
        dot_all(&name##_blocks, type, rows, row_bytes, n_rows, k, acts, act_bytes, n_acts, out, out_stride);           \
    }

DOT(F32, dot)

#ifdef HAS_HALF
DOT(F16, dot_f16)
DOT(BF16, dot_bf16)

INLINE void widen(number type, const char *from, float *to, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store_lanes(to + i, load_lanes(type, from + i * 2));
    if (i < n) {
        float last[LANES];
        store_lanes(last, load_some(type, from + i * 2, (size_t)(n - i)));
        memcpy(to + i, last, (size_t)(n - i) * sizeof *to);
    }
}

TARGET static void widen_f16(const char *from, float *to, int64_t n)
{
    widen(F16, from, to, n);
}

TARGET static void widen_bf16(const char *from, float *to, int64_t n)
{
    widen(BF16, from, to, n);
}
#endif

/* n_lanes times 16 columns, n_lanes a constant where this is inlined. */
INLINE void sum_columns(int n_lanes, float *sum, float keep, const float *weights, const float *rows, int64_t stride,
                        int n)
{
    lanes s[COLUMNS];
    EACH(c, n_lanes) s[c] = multiply_lanes(load_lanes(F32, (const char *)(sum + c * LANES)), keep);
    for (int j = 0; j < n; j++) {
        const char *row = (const char *)(rows + j * stride);
        EACH(c, n_lanes)
        s[c] = fused_number(load_lanes(F32, row + c * LANES * (int)sizeof(float)), weights[j], s[c]);
    }
    EACH(c, n_lanes) store_lanes(sum + c * LANES, s[c]);
}

TARGET static void weighted_sum(float *sum, float keep, const float *weights, const float *rows, int64_t stride, int n,
                                int64_t width)
{
    int64_t i = 0;
    for (; i + COLUMNS * LANES <= width; i += COLUMNS * LANES)
        sum_columns(COLUMNS, sum + i, keep, weights, rows + i, stride, n);
    for (; i + LANES <= width; i += LANES)
        sum_columns(1, sum + i, keep, weights, rows + i, stride, n);
    const size_t rest = (size_t)(width - i);
    if (!rest)
        return;
    lanes s = multiply_lanes(load_some(F32, (const char *)(sum + i), rest), keep);
    for (int j = 0; j < n; j++)
        s = fused_number(load_some(F32, (const char *)(rows + j * stride + i), rest), weights[j], s);
    float last[LANES];
    store_lanes(last, s);
    memcpy(sum + i, last, rest * sizeof *sum);
}

/* n_rows is a constant where this is inlined: the rows' sums do not wait for each other. */
INLINE void step_block(int n_rows, float *state, int64_t n, float keep, const float *add, const float *in,
                       const float *read, float *out)
{
    lanes sum[BLOCK_ACTS];
    EACH(r, n_rows) EACH(p, PARTS) sum[r].parts[p] = splat(0);
    for (int64_t at = 0; at < n; at += LANES) {
        const size_t some = n - at < LANES ? (size_t)(n - at) : LANES;
        const bool all = some == LANES;
        const char *from = (const char *)(in + at), *by = (const char *)(read + at);
        const lanes x = all ? load_lanes(F32, from) : load_some(F32, from, some);
        const lanes y = all ? load_lanes(F32, by) : load_some(F32, by, some);
        EACH(r, n_rows)
        {
            char *in_row = (char *)(state + r * n + at);
            lanes row = all ? load_lanes(F32, in_row) : load_some(F32, in_row, some);
            row = fused_number(x, add[r], multiply_lanes(row, keep));
            float stored[LANES];
            store_lanes(stored, row);
            memcpy(in_row, stored, some * sizeof *stored);
            sum[r] = fused_lanes(row, y, sum[r]);
        }
    }
    EACH(r, n_rows) out[r] = add_lanes(sum[r]);
}

TARGET static void state_step(float *state, int64_t n_rows, int64_t n, float keep, const float *add, const float *in,
                              const float *read, float *out)
{
    int64_t r = 0;
    for (; r + BLOCK_ACTS <= n_rows; r += BLOCK_ACTS)
        step_block(BLOCK_ACTS, state + r * n, n, keep, add + r, in, read, out + r);
    for (; r < n_rows; r++)
        step_block(1, state + r * n, n, keep, add + r, in, read, out + r);
}
