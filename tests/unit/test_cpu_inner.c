/* The cpu backend's inner loops: every instruction set gives the bits that one scalar definition gives. */
#include "backend.h"

#include "../../plugins/backend/cpu/inner.c"

/* The definition of the order, from the head of inner.c. */
static float dot_by_definition(const float *a, const float *b, int64_t k)
{
    float s[16] = { 0 };
    for (int64_t i = 0; i < k; i++) {
        volatile float product = a[i] * b[i]; /* no compiler may fuse it with the addition */
        s[i % 16] += product;
    }
    for (int width = 8; width > 0; width /= 2)
        for (int l = 0; l < width; l++)
            s[l] += s[l + width];
    return s[0];
}

static float sum_by_definition(float sum, float keep, const float *weights, const float *column, int n, int64_t stride)
{
    volatile float s = sum * keep;
    for (int j = 0; j < n; j++) {
        volatile float product = column[j * stride] * weights[j];
        s = s + product;
    }
    return s;
}

typedef struct variant {
    const char *name;
    void (*dot)(const char *, size_t, int, int64_t, const char *, size_t, int, float *, size_t);
    void (*sum)(float *, float, const float *, const float *, int64_t, int, int64_t);
} variant;

static int variants(variant out[3])
{
    int n = 0;
    out[n++] = (variant){ "baseline", dot_baseline, sum_baseline };
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        out[n++] = (variant){ "avx2", dot_avx2, sum_avx2 };
    if (__builtin_cpu_supports("avx512f"))
        out[n++] = (variant){ "avx512", dot_avx512, sum_avx512 };
#endif
    return n;
}

static void dot_products_have_one_order(void **state)
{
    (void)state;
    enum { ROWS = 9, ACTS = 7 };
    const int64_t lengths[] = { 1, 7, 15, 16, 17, 31, 64, 100, 1000 };
    variant all[3];
    int n_variants = variants(all);
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        int64_t k = lengths[l];
        size_t bytes = (size_t)k * sizeof(float);
        float *rows = random_floats((size_t)(ROWS * k), 1), *acts = random_floats((size_t)(ACTS * k), 2);
        for (int v = 0; v < n_variants; v++) {
            float out[ACTS][ROWS];
            all[v].dot((const char *)rows, bytes, ROWS, k, (const char *)acts, bytes, ACTS, &out[0][0], ROWS);
            for (int t = 0; t < ACTS; t++)
                for (int r = 0; r < ROWS; r++) {
                    float expected = dot_by_definition(rows + r * k, acts + t * k, k);
                    assert_same_bits(&out[t][r], &expected, 1, all[v].name);
                }
        }
        free(rows);
        free(acts);
    }
}

static void rows_may_lie_anywhere(void **state)
{
    (void)state;
    enum { K = 35 };
    float *row = random_floats(K, 3), *act = random_floats(K, 4), expected, got;
    char *shifted = malloc(K * sizeof(float) + 1);
    memcpy(shifted + 1, row, K * sizeof(float));
    cpu_dot(row, 0, 1, K, act, 0, 1, &expected, 1);
    cpu_dot(shifted + 1, 0, 1, K, act, 0, 1, &got, 1);
    assert_same_bits(&got, &expected, 1, "unaligned");
    free(shifted);
    free(row);
    free(act);
}

static void weighted_sums_have_one_order(void **state)
{
    (void)state;
    enum { N = 11 };
    const int64_t widths[] = { 1, 15, 16, 63, 64, 65, 128, 200 };
    variant all[3];
    int n_variants = variants(all);
    for (size_t l = 0; l < sizeof widths / sizeof *widths; l++) {
        int64_t width = widths[l], stride = width + (int64_t)(l % 2) * 7;
        float *rows = random_floats((size_t)((N - 1) * stride + width), 5), *weights = random_floats(N, 6);
        float *start = random_floats((size_t)width, 7), *sum = blank_floats((size_t)width);
        for (int v = 0; v < n_variants; v++) {
            memcpy(sum, start, (size_t)width * sizeof *sum);
            all[v].sum(sum, 0.75F, weights, rows, stride, N, width);
            for (int64_t i = 0; i < width; i++) {
                float expected = sum_by_definition(start[i], 0.75F, weights, rows + i, N, stride);
                assert_same_bits(&sum[i], &expected, 1, all[v].name);
            }
        }
        free(rows);
        free(weights);
        free(start);
        free(sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dot_products_have_one_order),
        cmocka_unit_test(rows_may_lie_anywhere),
        cmocka_unit_test(weighted_sums_have_one_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
