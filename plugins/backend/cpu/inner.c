/* The inner loops on plain floats.
 *
 * A dot product is 16 sums: sum l takes the numbers l, l + 16, l + 32, … in order, and at the end the sums are added in
 * pairs (l and l + 8, then l and l + 4, …). That order is the same for every width of vectors, because a product is
 * rounded before it is added: one definition, compiled for three instruction sets, gives the same bits on all. How many
 * rows and activations are worked on at once is chosen for the number of registers; each sum is alone in its lane. */
#include "cpu.h"

#include <string.h>

enum { LANES = 16, MAX_BLOCK = 4 };

typedef float lanes __attribute__((vector_size(64)));
typedef float half_lanes __attribute__((vector_size(32)));
typedef float quarter_lanes __attribute__((vector_size(16)));
/* Sixteen floats wherever they lie. */
typedef float lanes_at __attribute__((vector_size(64), aligned(1), may_alias));

#define INLINE static inline __attribute__((always_inline))
#define LOAD(p) (*(const lanes_at *)(const void *)(p))

INLINE float add_lanes(const lanes *sums)
{
    half_lanes h[2];
    memcpy(h, sums, sizeof h);
    h[0] += h[1];
    quarter_lanes q[2];
    memcpy(q, h, sizeof q);
    q[0] += q[1];
    return (q[0][0] + q[0][2]) + (q[0][1] + q[0][3]);
}

/* n_rows and n_acts are constants where this is inlined, so that the sums live in registers. */
INLINE void dot_block(int n_rows, int n_acts, const char *rows, size_t row_bytes, int64_t k, const char *acts,
                      size_t act_bytes, float *out, size_t out_stride)
{
    lanes sum[MAX_BLOCK][MAX_BLOCK], x[MAX_BLOCK], w;
    for (int r = 0; r < n_rows; r++)
        for (int t = 0; t < n_acts; t++)
            sum[r][t] = (lanes){ 0 };
    size_t full = (size_t)(k / LANES * LANES) * sizeof(float), rest = (size_t)(k % LANES) * sizeof(float);
    for (size_t at = 0; at < full; at += sizeof w) {
        for (int t = 0; t < n_acts; t++)
            x[t] = LOAD(acts + (size_t)t * act_bytes + at);
        for (int r = 0; r < n_rows; r++) {
            w = LOAD(rows + (size_t)r * row_bytes + at);
            for (int t = 0; t < n_acts; t++)
                sum[r][t] += w * x[t];
        }
    }
    if (rest) {
        for (int t = 0; t < n_acts; t++) {
            x[t] = (lanes){ 0 };
            memcpy(&x[t], acts + (size_t)t * act_bytes + full, rest);
        }
        for (int r = 0; r < n_rows; r++) {
            w = (lanes){ 0 };
            memcpy(&w, rows + (size_t)r * row_bytes + full, rest);
            for (int t = 0; t < n_acts; t++)
                sum[r][t] += w * x[t];
        }
    }
    for (int r = 0; r < n_rows; r++)
        for (int t = 0; t < n_acts; t++)
            out[(size_t)t * out_stride + (size_t)r] = add_lanes(&sum[r][t]);
}

INLINE void dot_all(int block_rows, int block_acts, const char *rows, size_t row_bytes, int n_rows, int64_t k,
                    const char *acts, size_t act_bytes, int n_acts, float *out, size_t out_stride)
{
    for (int r = 0, nr; r < n_rows; r += nr) {
        nr = n_rows - r < block_rows ? 1 : block_rows;
        for (int t = 0, nt; t < n_acts; t += nt) {
            nt = n_acts - t < block_acts ? 1 : block_acts;
            const char *w = rows + (size_t)r * row_bytes, *x = acts + (size_t)t * act_bytes;
            float *to = out + (size_t)t * out_stride + r;
            if (nr > 1 && nt > 1)
                dot_block(block_rows, block_acts, w, row_bytes, k, x, act_bytes, to, out_stride);
            else if (nr > 1)
                dot_block(block_rows, 1, w, row_bytes, k, x, act_bytes, to, out_stride);
            else if (nt > 1)
                dot_block(1, block_acts, w, row_bytes, k, x, act_bytes, to, out_stride);
            else
                dot_block(1, 1, w, row_bytes, k, x, act_bytes, to, out_stride);
        }
    }
}

/* n_lanes times 16 columns, n_lanes a constant where this is inlined. */
INLINE void sum_columns(int n_lanes, float *sum, float keep, const float *weights, const float *rows, int64_t stride,
                        int n)
{
    lanes s[MAX_BLOCK];
    for (int c = 0; c < n_lanes; c++)
        s[c] = LOAD(sum + c * LANES) * keep;
    for (int j = 0; j < n; j++)
        for (int c = 0; c < n_lanes; c++)
            s[c] += LOAD(rows + j * stride + c * LANES) * weights[j];
    memcpy(sum, s, (size_t)n_lanes * sizeof *s);
}

INLINE void sum_all(float *sum, float keep, const float *weights, const float *rows, int64_t stride, int n,
                    int64_t width)
{
    int64_t i = 0;
    for (; i + MAX_BLOCK * LANES <= width; i += MAX_BLOCK * LANES)
        sum_columns(MAX_BLOCK, sum + i, keep, weights, rows + i, stride, n);
    for (; i + LANES <= width; i += LANES)
        sum_columns(1, sum + i, keep, weights, rows + i, stride, n);
    for (; i < width; i++) {
        float s = sum[i] * keep;
        for (int j = 0; j < n; j++)
            s += rows[j * stride + i] * weights[j];
        sum[i] = s;
    }
}

/* n_rows is a constant where this is inlined: the rows' sums do not wait for each other. */
INLINE void step_block(int n_rows, float *state, int64_t n, float keep, const float *add, const float *in,
                       const float *read, float *out)
{
    lanes sum[MAX_BLOCK], row, x, y;
    for (int r = 0; r < n_rows; r++)
        sum[r] = (lanes){ 0 };
    int64_t full = n / LANES * LANES;
    size_t rest = (size_t)(n % LANES) * sizeof(float);
    for (int64_t at = 0; at < full; at += LANES) {
        x = LOAD(in + at);
        y = LOAD(read + at);
        for (int r = 0; r < n_rows; r++) {
            row = LOAD(state + r * n + at) * keep + x * add[r];
            memcpy(state + r * n + at, &row, sizeof row);
            sum[r] += row * y;
        }
    }
    if (rest) {
        x = y = (lanes){ 0 };
        memcpy(&x, in + full, rest);
        memcpy(&y, read + full, rest);
        for (int r = 0; r < n_rows; r++) {
            row = (lanes){ 0 };
            memcpy(&row, state + r * n + full, rest);
            row = row * keep + x * add[r];
            memcpy(state + r * n + full, &row, rest);
            sum[r] += row * y;
        }
    }
    for (int r = 0; r < n_rows; r++)
        out[r] = add_lanes(&sum[r]);
}

INLINE void step_all(int block_rows, float *state, int64_t n_rows, int64_t n, float keep, const float *add,
                     const float *in, const float *read, float *out)
{
    int64_t r = 0;
    for (; r + block_rows <= n_rows; r += block_rows)
        step_block(block_rows, state + r * n, n, keep, add + r, in, read, out + r);
    for (; r < n_rows; r++)
        step_block(1, state + r * n, n, keep, add + r, in, read, out + r);
}

/* dot_NAME, sum_NAME and step_NAME: the above for one instruction set, in blocks that fill its registers. */
#define VARIANT(name, attribute, block_rows, block_acts)                                                               \
    attribute static void dot_##name(const char *rows, size_t row_bytes, int n_rows, int64_t k, const char *acts,      \
                                     size_t act_bytes, int n_acts, float *out, size_t out_stride)                      \
    {                                                                                                                  \
        dot_all(block_rows, block_acts, rows, row_bytes, n_rows, k, acts, act_bytes, n_acts, out, out_stride);         \
    }                                                                                                                  \
    attribute static void sum_##name(float *sum, float keep, const float *weights, const float *rows, int64_t stride,  \
                                     int n, int64_t width)                                                             \
    {                                                                                                                  \
        sum_all(sum, keep, weights, rows, stride, n, width);                                                           \
    }                                                                                                                  \
    attribute static void step_##name(float *state, int64_t n_rows, int64_t n, float keep, const float *add,           \
                                      const float *in, const float *read, float *out)                                  \
    {                                                                                                                  \
        step_all(block_rows, state, n_rows, n, keep, add, in, read, out);                                              \
    }

VARIANT(baseline, , 2, 1)
#ifdef __x86_64__
VARIANT(avx2, __attribute__((target("avx2"))), 2, 2)
VARIANT(avx512, __attribute__((target("avx512f"))), 4, 4)
#define DISPATCH(call, ...)                                                                                            \
    (__builtin_cpu_supports("avx512f") ? call##_avx512(__VA_ARGS__)                                                    \
     : __builtin_cpu_supports("avx2")  ? call##_avx2(__VA_ARGS__)                                                      \
                                       : call##_baseline(__VA_ARGS__))
#else
#define DISPATCH(call, ...) call##_baseline(__VA_ARGS__)
#endif

void cpu_dot(const void *rows, size_t row_bytes, int n_rows, int64_t k, const void *acts, size_t act_bytes,
             int n_tokens, float *out, size_t out_stride)
{
    DISPATCH(dot, rows, row_bytes, n_rows, k, acts, act_bytes, n_tokens, out, out_stride);
}

void cpu_weighted_sum(float *sum, float keep, const float *weights, const float *rows, int64_t stride, int n,
                      int64_t width)
{
    DISPATCH(sum, sum, keep, weights, rows, stride, n, width);
}

void cpu_state_step(float *state, int64_t n_rows, int64_t n, float keep, const float *add, const float *in,
                    const float *read, float *out)
{
    DISPATCH(step, state, n_rows, n, keep, add, in, read, out);
}
