/* The searches for scales that go through four groups side by side: see search.h. They are where quantizing spends its
 * time: every number is rounded some twenty times. */
#include "search.h"

#include <math.h>

const offset_trials weighted_trials = { .first = -0.9f, .step = 0.05f, .n_steps = 36 };

/* Four groups, number i of each side by side. */
static void gather(const float *x, int n, lanes *out)
{
    for (int i = 0; i < n; i++)
        out[i] = (lanes){ x[i], x[n + i], x[2 * n + i], x[3 * n + i] };
}

static void scatter_codes(const lanes *q, int n, uint8_t *codes)
{
    for (int i = 0; i < n; i++)
        for (int lane = 0; lane < LANES; lane++)
            codes[lane * n + i] = (uint8_t)q[i][lane];
}

void search_signed(const float *x, const float *weights, int n, int half_range, uint8_t *codes, float scales[LANES])
{
    lanes xs[MAX_GROUP], w[MAX_GROUP], wx[MAX_GROUP];
    gather(x, n, xs);
    gather(weights, n, w);
    lanes peak = all(0), largest = all(0);
    for (int i = 0; i < n; i++) {
        const lane_ints larger = magnitude(xs[i]) > largest;
        largest = pick(larger, magnitude(xs[i]), largest);
        peak = pick(larger, xs[i], peak);
        wx[i] = w[i] * xs[i];
    }

    /* For known codes q the best scale is xq / qq, and it explains xq^2 / qq of the sum of squares. */
    const lane_ints everywhere = { -1, -1, -1, -1 };
    lanes best_inverse = all(0), scale = all(0), explained = all(0);
    for (int trial = 0; trial < 19; trial++) {
        /* First the peak gets the code of the longer, negative side; then its neighbourhood is searched. */
        const int step = trial == 0 ? 0 : trial <= 9 ? trial - 10 : trial - 9;
        const lanes inverse = -((float)half_range + 0.1f * (float)step) / peak;
        lanes xq = all(0), qq = all(0);
        for (int i = 0; i < n; i++) {
            const lanes q = round_between(inverse * xs[i], -half_range, half_range - 1);
            xq += wx[i] * q;
            qq += w[i] * q * q;
        }
        const lane_ints better = trial == 0 ? everywhere : (qq > 0) & (xq * xq > explained * qq);
        const lanes trial_scale = pick(qq != 0, xq / qq, all(0));
        best_inverse = pick(better, inverse, best_inverse);
        scale = pick(better, trial_scale, scale);
        explained = pick(better, trial_scale * xq, explained);
    }

    const lane_ints nothing = largest < NEGLIGIBLE;
    for (int i = 0; i < n; i++) {
        const lanes q = round_between(best_inverse * xs[i], -half_range, half_range - 1) + (float)half_range;
        xs[i] = pick(nothing, all(0), q);
    }
    scatter_codes(xs, n, codes);
    scale = pick(nothing, all(0), scale);
    memcpy(scales, &scale, sizeof scale);
}

static lanes error_of_line(const lanes *x, const lanes *w, int n, const lanes *q, lanes scale, lanes offset,
                           bool absolute)
{
    lanes error = all(0);
    if (absolute) {
        for (int i = 0; i < n; i++)
            error += w[i] * magnitude(scale * q[i] + offset - x[i]);
    } else {
        for (int i = 0; i < n; i++) {
            const lanes miss = scale * q[i] + offset - x[i];
            error += w[i] * (miss * miss);
        }
    }
    return error;
}

void search_offset(const float *x, const float *weights, int n, int max_code, const offset_trials *trials,
                   uint8_t *codes, float scales[LANES], float offsets[LANES])
{
    lanes xs[MAX_GROUP], w[MAX_GROUP], q[MAX_GROUP], trial_q[MAX_GROUP];
    gather(x, n, xs);
    gather(weights, n, w);
    lanes lowest = all(INFINITY), highest = all(-INFINITY), sum_w = all(0), sum_x = all(0);
    for (int i = 0; i < n; i++) {
        lowest = pick(xs[i] < lowest, xs[i], lowest);
        highest = pick(xs[i] > highest, xs[i], highest);
        sum_w += w[i];
        sum_x += w[i] * xs[i];
    }
    lowest = pick(lowest > 0, all(0), lowest);

    lanes min = lowest, inverse = (float)max_code / (highest - min), scale = 1 / inverse;
    for (int i = 0; i < n; i++)
        q[i] = round_between(inverse * (xs[i] - min), 0, max_code);
    lanes least = error_of_line(xs, w, n, q, scale, min, trials->absolute);

    for (int trial = 0; trial <= trials->n_steps; trial++) {
        /* Each trial rounds from the best offset so far. */
        inverse = (trials->first + trials->step * (float)trial + (float)max_code) / (highest - min);
        lanes sum_q = all(0), sum_qq = all(0), sum_xq = all(0);
        for (int i = 0; i < n; i++) {
            trial_q[i] = round_between(inverse * (xs[i] - min), 0, max_code);
            const lanes wq = w[i] * trial_q[i];
            sum_q += wq;
            sum_qq += wq * trial_q[i];
            sum_xq += wq * xs[i];
        }
        /* Weighted linear regression of x on q; a line that would cross zero above it is pinned there. */
        const lanes determinant = sum_w * sum_qq - sum_q * sum_q;
        lanes trial_scale = (sum_w * sum_xq - sum_x * sum_q) / determinant;
        lanes trial_min = (sum_qq * sum_x - sum_q * sum_xq) / determinant;
        const lane_ints pinned = trial_min > 0;
        trial_scale = pick(pinned, sum_xq / sum_qq, trial_scale);
        trial_min = pick(pinned, all(0), trial_min);
        const lanes error = error_of_line(xs, w, n, trial_q, trial_scale, trial_min, trials->absolute);
        const lane_ints better = (determinant > 0) & (error < least);
        if (!anywhere(better))
            continue;
        least = pick(better, error, least);
        scale = pick(better, trial_scale, scale);
        min = pick(better, trial_min, min);
        for (int i = 0; i < n; i++)
            q[i] = pick(better, trial_q[i], q[i]);
    }

    /* A group of one number only, all of it offset. */
    const lane_ints flat = highest == lowest;
    for (int i = 0; i < n; i++)
        q[i] = pick(flat, all(0), q[i]);
    scatter_codes(q, n, codes);
    scale = pick(flat, all(0), scale);
    min = pick(flat, lowest, min);
    memcpy(scales, &scale, sizeof scale);
    memcpy(offsets, &min, sizeof min);
}
