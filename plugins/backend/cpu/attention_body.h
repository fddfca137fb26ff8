/* The inner loops of attention, for the attention_NAME.c that includes this and defines TARGET (the attribute of every
 * function here), VEC (floats of a register), ATTENTION_LOOPS, NAME, USABLE and how many sums its registers hold: of
 * SCORE_QUERIES by SCORE_VECS, of WEIGH_QUERIES by WEIGH_VECS, where numbers are converted of CONVERT_QUERIES by
 * CONVERT_VECS, and for many queries of ATTENTION_MANY by MANY_VECS: as many as there is room for, because with each
 * sum there is less to load for a multiply-add. */
#include "attention_loops.h"
#include "attention_vectors.h"

enum { MAX_SUMS = 8 };

enum { CACHE_LINE = 64 };

/* Asks for a part of what comes next, so that memory and arithmetic work at the same time. */
INLINE const char *fetch(const char *ahead, size_t step)
{
    for (size_t at = 0; at < step; at += CACHE_LINE)
        __builtin_prefetch(ahead + at);
    return ahead + step;
}

/* What one of many innermost loops asks for: the next ones do not ask when it was all. */
typedef struct asked {
    const char *at;
    size_t step; /* 0: nothing */
} asked;

INLINE asked next_asked(cpu_ahead *ahead, const void *anywhere, size_t n_steps)
{
    if (ahead->place == ahead->n_places)
        return (asked){ anywhere, 0 };
    size_t *left = &ahead->left_bytes[ahead->place], step = (*left + n_steps - 1) / n_steps;
    asked a = { ahead->at[ahead->place], step < CACHE_LINE ? step : CACHE_LINE };
    ahead->at[ahead->place] += a.step * n_steps;
    if (*left <= a.step * n_steps)
        ahead->place++;
    else
        *left -= a.step * n_steps;
    return a;
}

enum { Q8_BLOCK = 32, SCALE_BYTES = 2 };

INLINE size_t size_of(cpu_number_kind kind)
{
    return kind == CPU_F32 ? sizeof(float) : kind == CPU_Q8 ? 1 : sizeof(uint16_t);
}

/* Codes come without their scale. */
INLINE vec load(cpu_number_kind kind, const char *at)
{
    const void *numbers = at;
    return kind == CPU_F32    ? vec_load(numbers)
           : kind == CPU_F16  ? vec_load_f16(numbers)
           : kind == CPU_BF16 ? vec_load_bf16(numbers)
                              : vec_load_i8(numbers);
}

/* kind, n_queries and n_vecs are constants where this is inlined, so that the sums live in registers. */
INLINE void score_block(cpu_number_kind kind, int n_queries, int n_vecs, const float *queries, int head_dim,
                        const cpu_numbers *keys, int column, float *out, const char *ahead, size_t step)
{
    const size_t size = size_of(kind), stride = keys->stride;
    const char *at = keys->at + (size_t)column * size, *scales = NULL;
    if (kind == CPU_Q8)
        scales = keys->scales + column * SCALE_BYTES;
    vec sum[MAX_SUMS][ATTENTION_UNIT / VEC], key[ATTENTION_UNIT / VEC], scale[ATTENTION_UNIT / VEC];
    for (int q = 0; q < n_queries; q++)
        for (int v = 0; v < n_vecs; v++)
            sum[q][v] = vec_all(0);
    for (int v = 0; v < n_vecs; v++)
        scale[v] = vec_all(1);
    for (int d = 0; d < head_dim; d++, at += stride, queries += ATTENTION_QUERIES) {
        if (kind == CPU_Q8 && d % Q8_BLOCK == 0) {
            for (int v = 0; v < n_vecs; v++)
                scale[v] = load(CPU_F16, scales + v * VEC * SCALE_BYTES);
            scales += stride * SCALE_BYTES;
        }
        for (int v = 0; v < n_vecs; v++) {
            key[v] = load(kind, at + (size_t)(v * VEC) * size);
            if (kind == CPU_Q8)
                key[v] *= scale[v];
        }
        for (int q = 0; q < n_queries; q++)
            for (int v = 0; v < n_vecs; v++)
                sum[q][v] = vec_fma(vec_all(queries[q]), key[v], sum[q][v]);
        ahead = fetch(ahead, step);
    }
    for (int q = 0; q < n_queries; q++)
        for (int v = 0; v < n_vecs; v++)
            vec_store(out + q * ATTENTION_ROW + v * VEC, sum[q][v]);
}

INLINE void score_kind(cpu_number_kind kind, const float *queries, int n_queries, int head_dim, const cpu_numbers *keys,
                       float *out, const char *ahead, size_t ahead_bytes)
{
    size_t step = (ahead_bytes + (size_t)head_dim - 1) / (size_t)head_dim;
#define SCORE(n)                                                                                                       \
    case n:                                                                                                            \
        score_block(kind, n <= SCORE_QUERIES ? n : 1, SCORE_VECS, queries + q, head_dim, keys, v,                      \
                    out + q * ATTENTION_ROW + v, ahead, step);                                                         \
        break
    for (int v = 0; v < ATTENTION_UNIT; v += SCORE_VECS * VEC)
        for (int q = 0; q < n_queries; q += SCORE_QUERIES, step = 0)
            switch (n_queries - q < SCORE_QUERIES ? n_queries - q : SCORE_QUERIES) {
                SCORE(1);
                SCORE(2);
                SCORE(3);
                SCORE(4);
                SCORE(5);
                SCORE(6);
                SCORE(7);
                SCORE(8);
            }
#undef SCORE
}

TARGET static void score(const float *queries, int n_queries, int head_dim, const cpu_numbers *keys, float *out,
                         const void *ahead, size_t ahead_bytes)
{
#define KIND(kind)                                                                                                     \
    case kind:                                                                                                         \
        score_kind(kind, queries, n_queries, head_dim, keys, out, ahead, ahead_bytes);                                 \
        break
    switch (keys->kind) {
        KIND(CPU_F32);
        KIND(CPU_F16);
        KIND(CPU_BF16);
        KIND(CPU_Q8);
    case CPU_OTHER:
        break;
    }
#undef KIND
}

/* n_queries and n_vecs are constants, as above: column by column of a unit, or of several. */
INLINE void score_many_block(int n_queries, int n_vecs, const float *queries, int head_dim, const cpu_numbers *keys,
                             int column, float *out, bool asks, asked ahead)
{
    const int n_units = (n_vecs * VEC + ATTENTION_UNIT - 1) / ATTENTION_UNIT;
    const char *at[ATTENTION_UNITS];
    vec sum[ATTENTION_MANY][MANY_VECS], key[MANY_VECS];
    for (int u = 0; u < n_units; u++)
        at[u] = keys[u].at + (size_t)column * sizeof(float);
    for (int q = 0; q < n_queries; q++)
        for (int v = 0; v < n_vecs; v++)
            sum[q][v] = vec_all(0);
    for (int d = 0; d < head_dim; d++, queries += ATTENTION_QUERIES) {
        for (int v = 0; v < n_vecs; v++)
            key[v] = load(CPU_F32, at[v * VEC / ATTENTION_UNIT] + (size_t)(v * VEC % ATTENTION_UNIT) * sizeof(float));
        for (int q = 0; q < n_queries; q++)
            for (int v = 0; v < n_vecs; v++)
                sum[q][v] = vec_fma(vec_all(queries[q]), key[v], sum[q][v]);
        for (int u = 0; u < n_units; u++)
            at[u] += keys[u].stride;
        if (asks)
            ahead.at = fetch(ahead.at, ahead.step);
    }
    for (int q = 0; q < n_queries; q++)
        for (int v = 0; v < n_vecs; v++) {
            float *to = out + q * ATTENTION_ROW + column + v * VEC % ATTENTION_UNIT;
            vec_store(to + (v * VEC < ATTENTION_UNIT ? 0 : keys[0].n), sum[q][v]);
        }
}

INLINE void score_many_vecs(int n_vecs, const float *queries, int n_queries, int head_dim, const cpu_numbers *keys,
                            int column, float *out, cpu_ahead *ahead)
{
#define SCORE(n)                                                                                                       \
    case n:                                                                                                            \
        score_many_block(n, n_vecs, queries, head_dim, keys, column, out, true, a);                                    \
        break
    for (; n_queries > 0; n_queries -= ATTENTION_MANY) {
        const asked a = next_asked(ahead, queries, (size_t)head_dim);
        switch (a.step == 0 && n_queries >= ATTENTION_MANY ? 0
                : n_queries < ATTENTION_MANY               ? n_queries
                                                           : ATTENTION_MANY) {
            SCORE(1);
            SCORE(2);
            SCORE(3);
            SCORE(4);
            SCORE(5);
            SCORE(6);
        case 0:
            score_many_block(ATTENTION_MANY, n_vecs, queries, head_dim, keys, column, out, false, a);
        }
        queries += (size_t)head_dim * ATTENTION_QUERIES;
        out += ATTENTION_MANY * ATTENTION_ROW;
    }
#undef SCORE
}

TARGET static void score_many(const float *queries, int n_queries, int head_dim, const cpu_numbers *keys, int n_units,
                              float *out, cpu_ahead *ahead)
{
    enum {
        BOTH = MANY_VECS * VEC == ATTENTION_UNITS * ATTENTION_UNIT,
        VECS = BOTH ? MANY_VECS / ATTENTION_UNITS : MANY_VECS
    };
    if (BOTH && n_units == ATTENTION_UNITS) {
        score_many_vecs(MANY_VECS, queries, n_queries, head_dim, keys, 0, out, ahead);
        return;
    }
    for (int u = 0; u < n_units; u++, out += keys++->n)
        for (int column = 0; column < ATTENTION_UNIT; column += VECS * VEC)
            score_many_vecs(VECS, queries, n_queries, head_dim, keys, column, out, ahead);
}

INLINE float largest(vec x)
{
#if VEC == 16
    return _mm512_reduce_max_ps((__m512)x);
#else
    float max = x[0];
    for (int i = 1; i < VEC; i++)
        max = x[i] > max ? x[i] : max;
    return max;
#endif
}

typedef float eight_lanes __attribute__((vector_size(32)));
typedef float four_lanes __attribute__((vector_size(16)));

/* Sixteen sums in pairs: l and l + 8, then l and l + 4, … */
INLINE float add_lanes(const vec *sums)
{
    eight_lanes e[2];
    memcpy(e, sums, sizeof e);
    e[0] += e[1];
    four_lanes f[2];
    memcpy(f, e, sizeof f);
    f[0] += f[1];
    return (f[0][0] + f[0][2]) + (f[0][1] + f[0][3]);
}

enum { LANE_VECS = ATTENTION_LANES / VEC, SOFTEN_QUERIES = 4 };

INLINE float max_of(const float *x, size_t n)
{
    vec highest[LANE_VECS];
    for (int v = 0; v < LANE_VECS; v++)
        highest[v] = vec_load(x + v * VEC);
    for (size_t i = ATTENTION_LANES; i < n; i += ATTENTION_LANES)
        for (int v = 0; v < LANE_VECS; v++)
            highest[v] = vec_max(vec_load(x + i + (size_t)v * VEC), highest[v]);
    for (int v = 1; v < LANE_VECS; v++)
        highest[0] = vec_max(highest[v], highest[0]);
    return largest(highest[0]);
}

INLINE float exps_below(float *x, size_t n, float max)
{
    vec total[LANE_VECS], all = vec_all(max);
    for (int v = 0; v < LANE_VECS; v++)
        total[v] = vec_all(0);
    for (size_t i = 0; i < n; i += ATTENTION_LANES)
        for (int v = 0; v < LANE_VECS; v++) {
            vec weight = vec_exp_below(vec_load(x + i + (size_t)v * VEC) - all);
            vec_store(x + i + (size_t)v * VEC, weight);
            total[v] += weight;
        }
    return add_lanes(total);
}

/* A few queries at a time, so that one does not wait for its largest score alone. */
TARGET static void soften(float *scores, size_t stride, int n_queries, size_t n, float *max, float *total)
{
    for (int q = 0; q < n_queries; q += SOFTEN_QUERIES) {
        int end = n_queries - q < SOFTEN_QUERIES ? n_queries : q + SOFTEN_QUERIES;
        for (int k = q; k < end; k++)
            max[k] = max_of(scores + (size_t)k * stride, n);
        for (int k = q; k < end; k++)
            total[k] = exps_below(scores + (size_t)k * stride, n, max[k]);
    }
}

TARGET static void softcap(float *x, size_t n, float cap)
{
    for (size_t i = 0; i < n; i += VEC)
        vec_store(x + i, cap * vec_tanh(vec_load(x + i) / cap));
}

INLINE vec scale_of(const char *block)
{
    uint16_t half;
    memcpy(&half, block, sizeof half);
    return vec_all_f16(half);
}

INLINE void weigh_block(cpu_number_kind kind, int n_queries, int n_vecs, const cpu_numbers *values, size_t column,
                        const float *weights, float *sum, size_t width, const char *ahead, size_t step)
{
    const size_t stride = values->stride;
    const char *at = values->at + column * size_of(kind);
    if (kind == CPU_Q8)
        at = values->at + column / Q8_BLOCK * (SCALE_BYTES + Q8_BLOCK);
    vec s[MAX_SUMS][MAX_SUMS], value[MAX_SUMS], scale = vec_all(1);
    for (int q = 0; q < n_queries; q++)
        for (int v = 0; v < n_vecs; v++)
            s[q][v] = vec_load(sum + (size_t)q * width + v * VEC);
    for (int j = 0; j < values->n; j++, at += stride) {
        for (int v = 0; v < n_vecs; v++) {
            if (kind == CPU_Q8) {
                const char *block = at + v * VEC / Q8_BLOCK * (SCALE_BYTES + Q8_BLOCK);
                if (v * VEC % Q8_BLOCK == 0)
                    scale = scale_of(block);
                value[v] = load(kind, block + SCALE_BYTES + (column + (size_t)(v * VEC)) % Q8_BLOCK) * scale;
            } else {
                value[v] = load(kind, at + (size_t)(v * VEC) * size_of(kind));
            }
        }
        for (int q = 0; q < n_queries; q++) {
            vec weight = vec_all(weights[q * ATTENTION_ROW + j]);
            for (int v = 0; v < n_vecs; v++)
                s[q][v] = vec_fma(weight, value[v], s[q][v]);
        }
        ahead = fetch(ahead, step);
    }
    for (int q = 0; q < n_queries; q++)
        for (int v = 0; v < n_vecs; v++)
            vec_store(sum + (size_t)q * width + v * VEC, s[q][v]);
}

INLINE void weigh_columns(cpu_number_kind kind, int most_queries, int n_vecs, const cpu_numbers *values, size_t column,
                          const float *weights, int n_queries, float *sum, size_t width, const char *ahead, size_t step)
{
#define WEIGH(k)                                                                                                       \
    case k:                                                                                                            \
        weigh_block(kind, k <= most_queries ? k : 1, n_vecs, values, column, weights + q * ATTENTION_ROW,              \
                    sum + (size_t)q * width, width, ahead, q == 0 ? step : 0);                                         \
        break
    for (int q = 0; q < n_queries; q += most_queries)
        switch (n_queries - q < most_queries ? n_queries - q : most_queries) {
            WEIGH(1);
            WEIGH(2);
            WEIGH(3);
            WEIGH(4);
            WEIGH(5);
            WEIGH(6);
            WEIGH(7);
            WEIGH(8);
        }
#undef WEIGH
}

/* Where numbers have to be converted, as many queries as possible share that. */
INLINE void weigh_kind(cpu_number_kind kind, const cpu_numbers *values, const float *weights, int n_queries, float *sum,
                       size_t width, const char *ahead, size_t ahead_bytes)
{
    const bool converts = kind != CPU_F32 && n_queries > WEIGH_QUERIES;
    const int n_vecs = converts ? CONVERT_VECS : WEIGH_VECS;
    size_t i = 0, n = (size_t)values->n, step = (ahead_bytes + n - 1) / n;
    for (; i + (size_t)(n_vecs * VEC) <= width; i += (size_t)(n_vecs * VEC), step = 0)
        if (converts)
            weigh_columns(kind, CONVERT_QUERIES, CONVERT_VECS, values, i, weights, n_queries, sum + i, width, ahead,
                          step);
        else
            weigh_columns(kind, WEIGH_QUERIES, WEIGH_VECS, values, i, weights, n_queries, sum + i, width, ahead, step);
    for (; i < width; i += VEC, step = 0)
        weigh_columns(kind, WEIGH_QUERIES, 1, values, i, weights, n_queries, sum + i, width, ahead, step);
}

TARGET static void weigh(const cpu_numbers *values, const float *weights, int n_queries, float *sum, size_t width,
                         const void *ahead, size_t ahead_bytes)
{
#define KIND(kind)                                                                                                     \
    case kind:                                                                                                         \
        weigh_kind(kind, values, weights, n_queries, sum, width, ahead, ahead_bytes);                                  \
        break
    switch (values->kind) {
        KIND(CPU_F32);
        KIND(CPU_F16);
        KIND(CPU_BF16);
        KIND(CPU_Q8);
    case CPU_OTHER:
        break;
    }
#undef KIND
}

INLINE void weigh_many_block(int n_queries, int n_vecs, const cpu_numbers *values, int n_parts, size_t column,
                             const float *weights, float *sum, size_t width, bool fresh, bool asks, asked ahead)
{
    vec s[ATTENTION_MANY][MANY_VECS], value[MANY_VECS];
    for (int q = 0; q < n_queries; q++)
        for (int v = 0; v < n_vecs; v++)
            s[q][v] = fresh ? vec_all(0) : vec_load(sum + (size_t)q * width + v * VEC);
    for (const cpu_numbers *part = values; part < values + n_parts; part++) {
        const char *at = part->at + column * sizeof(float);
        for (int j = 0; j < part->n; j++, at += part->stride, weights++) {
            for (int v = 0; v < n_vecs; v++)
                value[v] = load(CPU_F32, at + (size_t)(v * VEC) * sizeof(float));
            for (int q = 0; q < n_queries; q++)
                for (int v = 0; v < n_vecs; v++)
                    s[q][v] = vec_fma(vec_all(weights[q * ATTENTION_ROW]), value[v], s[q][v]);
            if (asks)
                ahead.at = fetch(ahead.at, ahead.step);
        }
    }
    for (int q = 0; q < n_queries; q++)
        for (int v = 0; v < n_vecs; v++)
            vec_store(sum + (size_t)q * width + v * VEC, s[q][v]);
}

INLINE void weigh_many_columns(int n_vecs, const cpu_numbers *values, int n_parts, size_t column, const float *weights,
                               int n_queries, float *sum, size_t width, bool fresh, cpu_ahead *ahead)
{
#define WEIGH(n)                                                                                                       \
    case n:                                                                                                            \
        weigh_many_block(n, n_vecs, values, n_parts, column, weights, sum, width, fresh, true, a);                     \
        break
    size_t n_values = 0;
    for (int p = 0; p < n_parts; p++)
        n_values += (size_t)values[p].n;
    for (; n_queries > 0; n_queries -= ATTENTION_MANY) {
        const asked a = next_asked(ahead, weights, n_values);
        switch (a.step == 0 && n_queries >= ATTENTION_MANY ? 0
                : n_queries < ATTENTION_MANY               ? n_queries
                                                           : ATTENTION_MANY) {
            WEIGH(1);
            WEIGH(2);
            WEIGH(3);
            WEIGH(4);
            WEIGH(5);
            WEIGH(6);
        case 0:
            weigh_many_block(ATTENTION_MANY, n_vecs, values, n_parts, column, weights, sum, width, fresh, false, a);
        }
        weights += ATTENTION_MANY * ATTENTION_ROW;
        sum += ATTENTION_MANY * width;
    }
#undef WEIGH
}

/* No column of vectors stays alone if it can be helped: it would leave few sums to work on at once. */
TARGET static void weigh_many(const cpu_numbers *values, int n_parts, const float *weights, int n_queries, float *sum,
                              size_t width, bool fresh, cpu_ahead *ahead)
{
    enum { N = MANY_VECS, N_3 = N < 3 ? N : 3 };
    for (size_t i = 0, n; i < width; i += n * VEC) {
        size_t left = (width - i) / VEC;
        n = left == N + 1 ? N - 1 : left < N ? left : N;
#define COLUMNS(n) weigh_many_columns(n, values, n_parts, i, weights, n_queries, sum + i, width, fresh, ahead)
        if (n == N)
            COLUMNS(N);
        else if (n == 3)
            COLUMNS(N_3);
        else if (n == 2)
            COLUMNS(2);
        else
            COLUMNS(1);
#undef COLUMNS
    }
}

TARGET static void fold(float *sum, float keep, const float *part, float add, size_t width)
{
    for (size_t i = 0; i < width; i += VEC)
        vec_store(sum + i, vec_fma(vec_load(part + i), vec_all(add), vec_load(sum + i) * keep));
}

TARGET static void exps(float *x, size_t n)
{
    for (size_t i = 0; i < n; i += VEC)
        vec_store(x + i, vec_exp(vec_load(x + i)));
}

TARGET static void widen_f16(const void *from, float *to, size_t n)
{
    const uint16_t *halves = from;
    for (size_t i = 0; i < n; i += VEC)
        vec_store(to + i, vec_load_f16(halves + i));
}

TARGET static void narrow_f16(const float *from, void *to, size_t n)
{
    uint16_t *halves = to;
    for (size_t i = 0; i < n; i += VEC)
        vec_store_f16(halves + i, vec_load(from + i));
}

TARGET static void widen_bf16(const void *from, float *to, size_t n)
{
    const uint16_t *halves = from;
    for (size_t i = 0; i < n; i += VEC)
        vec_store(to + i, vec_load_bf16(halves + i));
}

TARGET static void widen_q8_rows(const void *blocks, float *to, size_t n_blocks)
{
    const char *block = blocks;
    for (size_t b = 0; b < n_blocks; b++, block += SCALE_BYTES + Q8_BLOCK, to += Q8_BLOCK) {
        vec scale = scale_of(block);
        for (int i = 0; i < Q8_BLOCK; i += VEC)
            vec_store(to + i, vec_load_i8((const int8_t *)block + SCALE_BYTES + i) * scale);
    }
}

TARGET static void widen_q8_columns(const int8_t *codes, size_t stride, const void *scales, size_t n, float *to)
{
    vec scale[ATTENTION_UNIT / VEC];
    for (int v = 0; v < ATTENTION_UNIT / VEC; v++)
        scale[v] = vec_load_f16((const uint16_t *)scales + v * VEC);
    for (size_t d = 0; d < n; d++)
        for (int v = 0; v < ATTENTION_UNIT / VEC; v++)
            vec_store(to + d * ATTENTION_UNIT + v * VEC, vec_load_i8(codes + d * stride + v * VEC) * scale[v]);
}

enum { SQUARE = 4 };

typedef float square __attribute__((vector_size(16)));
typedef float square_at __attribute__((vector_size(16), aligned(4), may_alias));

/* to[d][j] = factor * rows[j][d] for four rows and four d, `stride` from one d to the next. */
INLINE void turn_square(const float *const rows[SQUARE], float factor, float *to, size_t stride)
{
    square row[SQUARE];
    for (int j = 0; j < SQUARE; j++)
        row[j] = *(const square_at *)(const void *)rows[j] * factor;
    square low_0 = __builtin_shufflevector(row[0], row[1], 0, 4, 1, 5);
    square low_2 = __builtin_shufflevector(row[2], row[3], 0, 4, 1, 5);
    square high_0 = __builtin_shufflevector(row[0], row[1], 2, 6, 3, 7);
    square high_2 = __builtin_shufflevector(row[2], row[3], 2, 6, 3, 7);
    *(square_at *)(void *)to = __builtin_shufflevector(low_0, low_2, 0, 1, 4, 5);
    *(square_at *)(void *)(to + stride) = __builtin_shufflevector(low_0, low_2, 2, 3, 6, 7);
    *(square_at *)(void *)(to + 2 * stride) = __builtin_shufflevector(high_0, high_2, 0, 1, 4, 5);
    *(square_at *)(void *)(to + 3 * stride) = __builtin_shufflevector(high_0, high_2, 2, 3, 6, 7);
}

TARGET static void transpose(const float *rows, size_t stride, size_t n, float *to)
{
    size_t d = 0;
    for (; d + SQUARE <= n; d += SQUARE)
        for (int j = 0; j < ATTENTION_UNIT; j += SQUARE) {
            const float *from = rows + (size_t)j * stride + d;
            const float *const four[] = { from, from + stride, from + 2 * stride, from + 3 * stride };
            turn_square(four, 1, to + d * ATTENTION_UNIT + j, ATTENTION_UNIT);
        }
    for (; d < n; d++)
        for (int j = 0; j < ATTENTION_UNIT; j++)
            to[d * ATTENTION_UNIT + (size_t)j] = rows[(size_t)j * stride + d];
}

/* In squares, because stores of one number each, far apart, make the loads behind them wait. */
TARGET static void interleave(const float *const rows[ATTENTION_QUERIES], float factor, size_t n, float *to)
{
    size_t d = 0;
    for (; d + SQUARE <= n; d += SQUARE)
        for (int j = 0; j < ATTENTION_QUERIES; j += SQUARE) {
            const float *const four[] = { rows[j] + d, rows[j + 1] + d, rows[j + 2] + d, rows[j + 3] + d };
            turn_square(four, factor, to + d * ATTENTION_QUERIES + j, ATTENTION_QUERIES);
        }
    for (; d < n; d++)
        for (int j = 0; j < ATTENTION_QUERIES; j++)
            to[d * ATTENTION_QUERIES + (size_t)j] = rows[j][d] * factor;
}

const cpu_attention_loops ATTENTION_LOOPS = {
    .name = NAME,
    .usable = USABLE,
    .score = score,
    .score_many = score_many,
    .soften = soften,
    .softcap = softcap,
    .weigh = weigh,
    .weigh_many = weigh_many,
    .fold = fold,
    .exps = exps,
    .widen_f16 = widen_f16,
    .narrow_f16 = narrow_f16,
    .widen_bf16 = widen_bf16,
    .widen_q8_rows = widen_q8_rows,
    .widen_q8_columns = widen_q8_columns,
    .transpose = transpose,
    .interleave = interleave,
};
