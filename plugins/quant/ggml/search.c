/* The searches for scales that go through one group: see search.h. */
#include "search.h"

#include <math.h>

float sum_of_squares(const float *x, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum;
}

float weigh(const float *x, const float *importance, float mean_square, size_t n, float *weights)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++) {
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
