/* The searches for scales: see search.h. */
#include "search.h"

#include <math.h>

const offset_trials weighted_trials = { .first = -0.9f, .step = 0.05f, .n_steps = 36 };

float sum_of_squares(const float *x, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

float weigh(const float *x, const float *importance, float mean_square, int n, float *weights)
{
    float sum = 0;
    for (int i = 0; i < n; i++) {
        weights[i] = importance[i] * sqrtf(mean_square + x[i] * x[i]);
        sum += weights[i];
    }
    return sum;
}

float signed_peak(const float *x, size_t n)
{
    float peak = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        const float magnitude = fabsf(x[i]);
        if (magnitude > largest) {
            largest = magnitude;
            peak = x[i];
        }
    }
    return peak;
}

/* The weighted sums that decide about a scale s for x ~ s q: the best one is xq / qq, and it explains xq^2 / qq. */
typedef struct moments {
    float xq; /* sum w x q */
    float qq; /* sum w q^2 */
} moments;

static moments moments_of_rounding(const float *x, const float *w, int n, float inverse_scale, int lowest, int highest)
{
    moments m = { 0, 0 };
    for (int i = 0; i < n; i++) {
        const float q = (float)clamp_int(nearest_int(inverse_scale * x[i]), lowest, highest);
        m.xq += w[i] * x[i] * q;
        m.qq += w[i] * q * q;
    }
    return m;
}

float search_signed(const float *x, const float *weights, int n, int half_range, uint8_t *codes)
{
    const float peak = signed_peak(x, (size_t)n);
    if (fabsf(peak) < NEGLIGIBLE) {
        memset(codes, 0, (size_t)n);
        return 0;
    }
    /* The peak gets the code of the longer, negative side. */
    float inverse_scale = (float)-half_range / peak;
    moments m = moments_of_rounding(x, weights, n, inverse_scale, -half_range, half_range - 1);
    float scale = m.qq != 0 ? m.xq / m.qq : 0, explained = scale * m.xq;
    for (int trial = -9; trial <= 9; trial++) {
        if (trial == 0)
            continue;
        const float inverse = -((float)half_range + 0.1f * (float)trial) / peak;
        m = moments_of_rounding(x, weights, n, inverse, -half_range, half_range - 1);
        if (m.qq > 0 && m.xq * m.xq > explained * m.qq) {
            inverse_scale = inverse;
            scale = m.xq / m.qq;
            explained = scale * m.xq;
        }
    }
    for (int i = 0; i < n; i++)
        codes[i] = (uint8_t)(half_range + clamp_int(nearest_int(inverse_scale * x[i]), -half_range, half_range - 1));
    return scale;
}

/* Moves one code at a time to where the others would have it, while that explains more; returns the final scale. */
static float descend(const float *x, const float *w, int n, int lowest, int highest, int8_t *codes, moments m)
{
    for (int round = 0; round < 5; round++) {
        bool changed = false;
        for (int i = 0; i < n; i++) {
            const float q = codes[i];
            moments others = { m.xq - w[i] * x[i] * q, m.qq - w[i] * q * q };
            /* Rounding may leave an empty rest below zero; unsigned codes have no use for one. */
            if (!(others.xq > 0) || (lowest == 0 && !(others.qq > 0)))
                continue;
            const int code = clamp_int(nearest_int(x[i] * others.qq / others.xq), lowest, highest);
            if (code == codes[i])
                continue;
            others.xq += w[i] * x[i] * (float)code;
            others.qq += w[i] * (float)code * (float)code;
            if (others.qq > 0 && others.xq * others.xq * m.qq > m.xq * m.xq * others.qq) {
                codes[i] = (int8_t)code;
                m = others;
                changed = true;
            }
        }
        if (!changed)
            break;
    }
    return m.qq > 0 ? m.xq / m.qq : 0;
}

float descend_signed(const float *x, int n, int half_range, uint8_t *codes)
{
    const float peak = signed_peak(x, (size_t)n);
    if (fabsf(peak) < NEGLIGIBLE) {
        memset(codes, 0, (size_t)n);
        return 0;
    }
    const float inverse_scale = (float)-half_range / peak;
    float weights[MAX_GROUP];
    int8_t moving[MAX_GROUP];
    for (int i = 0; i < n; i++) {
        weights[i] = x[i] * x[i];
        moving[i] = (int8_t)clamp_int(nearest_int(inverse_scale * x[i]), -half_range, half_range - 1);
    }
    const moments m = moments_of_rounding(x, weights, n, inverse_scale, -half_range, half_range - 1);
    const float scale = descend(x, weights, n, -half_range, half_range - 1, moving, m);
    for (int i = 0; i < n; i++)
        codes[i] = (uint8_t)(moving[i] + half_range);
    return scale;
}

static float error_of_rounding(const float *x, const float *w, int n, float inverse_scale, int max_code)
{
    const float scale = 1 / inverse_scale;
    float error = 0;
    for (int i = 0; i < n; i++) {
        const float miss = x[i] - scale * (float)clamp_int(nearest_int(inverse_scale * x[i]), 0, max_code);
        error += w[i] * miss * miss;
    }
    return error;
}

float search_unsigned(const float *x, const float *weights, int n, int max_code, uint8_t *codes)
{
    float largest = 0;
    for (int i = 0; i < n; i++)
        if (x[i] > largest)
            largest = x[i];
    if (largest < NEGLIGIBLE) {
        memset(codes, 0, (size_t)n);
        return 0;
    }
    float inverse_scale = (float)max_code / largest;
    float least = error_of_rounding(x, weights, n, inverse_scale, max_code);
    for (int trial = -4; trial <= 4; trial++) {
        if (trial == 0)
            continue;
        const float inverse = (0.1f * (float)trial + (float)max_code) / largest;
        const float error = error_of_rounding(x, weights, n, inverse, max_code);
        if (error < least) {
            least = error;
            inverse_scale = inverse;
        }
    }
    int8_t moving[MAX_GROUP];
    for (int i = 0; i < n; i++)
        moving[i] = (int8_t)clamp_int(nearest_int(inverse_scale * x[i]), 0, max_code);
    const moments m = moments_of_rounding(x, weights, n, inverse_scale, 0, max_code);
    const float scale = descend(x, weights, n, 0, max_code, moving, m);
    for (int i = 0; i < n; i++)
        codes[i] = (uint8_t)moving[i];
    return scale;
}

static float error_of_line(const float *x, const float *w, int n, const uint8_t *codes, float scale, float offset,
                           bool absolute)
{
    float error = 0;
    if (absolute) {
        for (int i = 0; i < n; i++)
            error += w[i] * fabsf(scale * codes[i] + offset - x[i]);
    } else {
        for (int i = 0; i < n; i++) {
            const float miss = scale * codes[i] + offset - x[i];
            error += w[i] * (miss * miss);
        }
    }
    return error;
}

float search_offset(const float *x, const float *weights, int n, int max_code, const offset_trials *trials,
                    uint8_t *codes, float *offset)
{
    float lowest = x[0], highest = x[0], sum_w = weights[0], sum_x = weights[0] * x[0];
    for (int i = 1; i < n; i++) {
        if (x[i] < lowest)
            lowest = x[i];
        if (x[i] > highest)
            highest = x[i];
        sum_w += weights[i];
        sum_x += weights[i] * x[i];
    }
    float min = lowest > 0 ? 0 : lowest;
    if (highest == min) {
        memset(codes, 0, (size_t)n);
        *offset = min;
        return 0;
    }

    const float inverse = (float)max_code / (highest - min);
    float scale = 1 / inverse;
    for (int i = 0; i < n; i++)
        codes[i] = (uint8_t)clamp_int(nearest_int(inverse * (x[i] - min)), 0, max_code);
    float least = error_of_line(x, weights, n, codes, scale, min, trials->absolute);

    for (int trial = 0; trial <= trials->n_steps; trial++) {
        /* Each trial rounds from the best offset so far. */
        const float trial_inverse = (trials->first + trials->step * (float)trial + (float)max_code) / (highest - min);
        uint8_t trial_codes[MAX_GROUP];
        float sum_q = 0, sum_qq = 0, sum_xq = 0;
        for (int i = 0; i < n; i++) {
            const int code = clamp_int(nearest_int(trial_inverse * (x[i] - min)), 0, max_code);
            const float q = (float)code, wq = weights[i] * q;
            trial_codes[i] = (uint8_t)code;
            sum_q += wq;
            sum_qq += wq * q;
            sum_xq += wq * x[i];
        }
        /* Weighted linear regression of x on q; a line that would cross zero above it is pinned there. */
        const float determinant = sum_w * sum_qq - sum_q * sum_q;
        if (!(determinant > 0))
            continue;
        float trial_scale = (sum_w * sum_xq - sum_x * sum_q) / determinant;
        float trial_min = (sum_qq * sum_x - sum_q * sum_xq) / determinant;
        if (trial_min > 0) {
            trial_min = 0;
            trial_scale = sum_xq / sum_qq;
        }
        const float error = error_of_line(x, weights, n, trial_codes, trial_scale, trial_min, trials->absolute);
        if (error < least) {
            least = error;
            scale = trial_scale;
            min = trial_min;
            memcpy(codes, trial_codes, (size_t)n);
        }
    }
    *offset = min;
    return scale;
}
