/* Weighted sums of rows, and steps of a recurrent state, for the dot_NAME.c that includes this after dot_body.h. */

enum { COLUMNS = 64 / LANES };

INLINE void store_lanes(float *to, lanes x)
{
    EACH(p, PARTS) store(to + p * PART, x.parts[p]);
}

INLINE lanes multiply_lanes(lanes a, float b)
{
    EACH(p, PARTS) a.parts[p] = multiply(a.parts[p], splat(b));
    return a;
}

INLINE lanes fused_number(lanes a, float b, lanes c)
{
    EACH(p, PARTS) c.parts[p] = fused(a.parts[p], splat(b), c.parts[p]);
    return c;
}

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
