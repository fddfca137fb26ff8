/* Products and weighted sums of rows: every instruction set gives the bits that one scalar definition gives. */
#include "backend.h"

#include "../../plugins/backend/cpu/cpu.h"
#include "../../plugins/backend/cpu/dot.h"

#include <math.h>

/* The definition of the order, from the head of dot_body.h. */
static float dot_by_definition(const float *a, const float *b, int64_t k)
{
    float s[16] = { 0 };
    for (int64_t i = 0; i < k; i++)
        s[i % 16] = fmaf(a[i], b[i], s[i % 16]);
    for (int width = 8; width > 0; width /= 2)
        for (int l = 0; l < width; l++)
            s[l] += s[l + width];
    return s[0];
}

static float sum_by_definition(float sum, float keep, const float *weights, const float *column, int n, int64_t stride)
{
    volatile float s = sum * keep; /* no compiler may fuse it with an addition */
    for (int j = 0; j < n; j++)
        s = fmaf(column[j * stride], weights[j], s);
    return s;
}

/* Of a row of cpu_state_step: `row` becomes the next state. */
static float step_by_definition(float *row, int64_t n, float keep, float add, const float *in, const float *read)
{
    for (int64_t i = 0; i < n; i++) {
        volatile float kept = row[i] * keep;
        row[i] = fmaf(in[i], add, kept);
    }
    return dot_by_definition(row, read, n);
}

/* Numbers of 16 bits, and the floats that they are. */
static void random_half(bool bf16, uint16_t *half, float *number, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = next_random(&seed) >> 16;
        if (bf16) { /* 2^-63 … 2^64 */
            half[i] = (uint16_t)((bits & 0xbfff) ^ 0x2000);
            const uint32_t wide = (uint32_t)half[i] << 16;
            memcpy(&number[i], &wide, sizeof wide);
        } else { /* every finite one, subnormals too */
            half[i] = (uint16_t)((bits & 0x7c00) == 0x7c00 ? bits ^ 0x4000 : bits);
            const int exponent = half[i] >> 10 & 31, mantissa = half[i] & 0x3ff;
            number[i] = ldexpf((float)(exponent ? mantissa | 0x400 : mantissa), (exponent ? exponent : 1) - 25);
            number[i] = half[i] & 0x8000 ? -number[i] : number[i];
        }
    }
}

/* And from that of dot_avx512_bf16.c. */
static float pairs_by_definition(const float *a, const float *b, int64_t k)
{
    float s[16] = { 0 };
    for (int64_t i = 0; i + 1 < k; i += 2) {
        float *sum = &s[i / 2 % 16];
        *sum = fmaf(a[i], b[i], fmaf(a[i + 1], b[i + 1], *sum));
    }
    for (int width = 8; width > 0; width /= 2)
        for (int l = 0; l < width; l++)
            s[l] += s[l + width];
    return k % 2 ? fmaf(a[k - 1], b[k - 1], s[0]) : s[0];
}

typedef struct variant {
    const char *what;
    size_t number_bytes;
    cpu_dot_loop *dot;
    bool pairs; /* of numbers of 16 bits: activations are such numbers, too */
} variant;

/* Rows as they lie, and in blocks of `together` rows whose steps lie side by side; what is behind the numbers is never
 * used. */
static void check_dot(const variant *v, const char *name, int together, int n_rows, int n_acts, int64_t k,
                      const char *rows, const float *numbers, const char *acts, const float *act_numbers)
{
    const size_t row_bytes = (size_t)k * v->number_bytes, act_bytes = (size_t)k * (v->pairs ? 2 : sizeof(float));
    const size_t step_bytes = CPU_DOT_STEP * v->number_bytes * (v->pairs ? 2 : 1);
    const size_t n_steps = (row_bytes + step_bytes - 1) / step_bytes, block_bytes = (size_t)together * step_bytes;
    char *block = malloc(n_steps * block_bytes);
    float *out = blank_floats((size_t)(n_rows * n_acts)), *packed_out = blank_floats((size_t)(n_rows * n_acts));
    v->dot(rows, row_bytes, step_bytes, n_rows, k, acts, act_bytes, n_acts, out, (size_t)n_rows);
    for (int first = 0; first < n_rows; first += together) {
        const int n = n_rows - first < together ? n_rows - first : together;
        memset(block, 0xff, n_steps * block_bytes);
        for (int r = 0; r < n; r++)
            for (size_t i = 0; i < row_bytes; i++)
                block[i / step_bytes * block_bytes + (size_t)r * step_bytes + i % step_bytes] =
                    rows[(size_t)(first + r) * row_bytes + i];
        v->dot(block, step_bytes, block_bytes, n, k, acts, act_bytes, n_acts, packed_out + first, (size_t)n_rows);
    }
    for (int t = 0; t < n_acts; t++)
        for (int r = 0; r < n_rows; r++) {
            const float expected =
                (v->pairs ? pairs_by_definition : dot_by_definition)(numbers + r * k, act_numbers + t * k, k);
            assert_same_bits(&out[t * n_rows + r], &expected, 1, name);
            assert_same_bits(&packed_out[t * n_rows + r], &expected, 1, name);
        }
    free(packed_out);
    free(out);
    free(block);
}

enum { MOST_ROWS = 33, MOST_ACTS = 140 };

static void check_type(const variant *v, const char *name, int together)
{
    const int64_t lengths[] = { 1, 7, 15, 16, 17, 31, 33, 64, 100, 1040, 2500 };
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        const int64_t k = lengths[l];
        const size_t n = (size_t)(MOST_ROWS * k);
        float *numbers = random_floats(n, 1), *act_numbers = random_floats((size_t)(MOST_ACTS * k), 2);
        uint16_t *half = malloc(n * sizeof *half), *act_half = malloc((size_t)(MOST_ACTS * k) * sizeof *act_half);
        if (v->number_bytes == 2)
            random_half(strcmp(v->what, "bf16") == 0, half, numbers, n, 3);
        for (size_t i = 0; v->pairs && i < (size_t)(MOST_ACTS * k); i++) {
            uint32_t bits;
            memcpy(&bits, &act_numbers[i], sizeof bits);
            act_half[i] = (uint16_t)(bits >> 16);
            bits &= 0xffff0000;
            memcpy(&act_numbers[i], &bits, sizeof bits);
        }
        const char *rows = v->number_bytes == 2 ? (const char *)half : (const char *)numbers;
        const char *acts = v->pairs ? (const char *)act_half : (const char *)act_numbers;
        for (int n_acts = 1; n_acts <= 70; n_acts += k > 1000 && n_acts > 1 ? 23 : n_acts > 9 ? 12 : 1)
            check_dot(v, name, together, 13, n_acts, k, rows, numbers, acts, act_numbers);
        check_dot(v, name, together, 13, MOST_ACTS - 1, k, rows, numbers, acts,
                  act_numbers); /* more than go through all rows together */
        for (int n_rows = 1; n_rows <= (k > 100 ? 7 : MOST_ROWS); n_rows++)
            check_dot(v, name, together, n_rows, 5, k, rows, numbers, acts, act_numbers);
        free(act_half);
        free(half);
        free(act_numbers);
        free(numbers);
    }
}

static void check_dots(const cpu_loops *loops, const cpu_dots *dots)
{
    check_type(&(variant){ "f32", 4, dots->f32, false }, loops->name, loops->block_rows);
    if (dots->f16)
        check_type(&(variant){ "f16", 2, dots->f16, false }, loops->name, loops->block_rows);
    if (dots->bf16)
        check_type(&(variant){ "bf16", 2, dots->bf16, false }, loops->name, loops->block_rows);
}

static void dot_products_have_one_order(void **state)
{
    (void)state;
    for (const cpu_loops *const *l = cpu_all_loops; *l; l++) {
        if (!(*l)->usable())
            continue;
        check_dots(*l, &(*l)->by_pages);
        check_dots(*l, &(*l)->in_order);
    }
}

static void pairs_have_one_order(void **state)
{
    (void)state;
#ifdef CPU_BF16_PAIRS
    if (!cpu_has_bf16_pairs())
        skip();
    check_type(&(variant){ "bf16", 2, cpu_pairs_by_pages, true }, "pairs by pages", cpu_best_loops()->block_rows);
    check_type(&(variant){ "bf16", 2, cpu_pairs_in_order, true }, "pairs in order", cpu_best_loops()->block_rows);
#else
    skip();
#endif
}

/* To the nearest of 16 bits, of two the even one, but for what NaNs become. Those too small for an exponent are zero.
 */
static void activations_are_rounded_to_the_nearest(void **state)
{
    (void)state;
#ifdef CPU_BF16_PAIRS
    enum { N = 5000 };
    if (!cpu_has_bf16_pairs())
        skip();
    float numbers[N];
    uint16_t rounded[N + 1];
    uint32_t seed = 6;
    for (int i = 0; i < N; i++) {
        uint32_t bits = next_random(&seed);
        if (i % 3 == 0)
            bits = (bits & 0xffff0000) | 0x8000; /* half way */
        memcpy(&numbers[i], &bits, sizeof bits);
    }
    for (size_t n = 0; n <= N; n += n < 40 ? 1 : 620) {
        memset(rounded, 0xee, sizeof rounded);
        cpu_rounded_bf16.quantize(numbers + N - n, NULL, rounded, n);
        assert_int_equal(rounded[n], 0xeeee);
        for (size_t i = 0; i < n; i++) {
            uint32_t bits;
            memcpy(&bits, &numbers[N - n + i], sizeof bits);
            if (isnan(numbers[N - n + i])) {
                assert_true((rounded[i] & 0x7f80) == 0x7f80 && (rounded[i] & 0x7f));
                continue;
            }
            const bool is_small = (bits & 0x7f800000) == 0;
            const uint32_t nearest = is_small ? bits & 0x80000000 : bits + 0x7fff + (bits >> 16 & 1);
            assert_int_equal(rounded[i], nearest >> 16);
        }
    }
#else
    skip();
#endif
}

/* Rows of one number, times one: all 65536 of them, but for which NaN a NaN becomes, and for the sign of zero. */
static void numbers_of_16_bits_are_widened_exactly(void **state)
{
    (void)state;
    enum { ALL = 1 << 16 };
    char *bytes = malloc(ALL * 2 + 1);
    for (int i = 0; i < ALL; i++)
        memcpy(bytes + 1 + 2 * i, &(uint16_t){ (uint16_t)i }, 2);
    const float one = 1;
    float *wide = blank_floats(ALL);
    for (const cpu_loops *const *l = cpu_all_loops; *l; l++) {
        if (!(*l)->usable() || !(*l)->in_order.f16)
            continue;
        (*l)->in_order.bf16(bytes + 1, 2, 0, ALL, 1, (const char *)&one, sizeof one, 1, wide, ALL);
        for (int i = 0; i < ALL; i++) {
            const uint32_t bits = (uint32_t)i << 16;
            float expected;
            memcpy(&expected, &bits, sizeof expected);
            assert_true(isnan(expected) ? isnan(wide[i]) : wide[i] == expected);
        }
        (*l)->in_order.f16(bytes + 1, 2, 0, ALL, 1, (const char *)&one, sizeof one, 1, wide, ALL);
        for (int i = 0; i < ALL; i++) {
            const int exponent = i >> 10 & 31, mantissa = i & 0x3ff;
            float expected = exponent == 31 ? (mantissa ? NAN : INFINITY)
                                            : ldexpf((float)(exponent ? mantissa | 0x400 : mantissa),
                                                     (exponent ? exponent : 1) - 25);
            expected = i & 0x8000 ? -expected : expected;
            assert_true(isnan(expected) ? isnan(wide[i]) : wide[i] == expected);
        }
    }
    free(wide);
    free(bytes);
}

/* Sums near what is half way between two floats, in sizes where doubles alone would round twice. */
static void fused_is_rounded_once(void **state)
{
    (void)state;
    uint32_t seed = 5;
    for (int i = 0; i < 50000; i++) {
        float a[17] = { 0 }, b[17] = { 0 }, numbers[4];
        for (int j = 0; j < 4; j++) { /* few bits set, at far ends */
            const uint32_t bits = next_random(&seed), more = next_random(&seed);
            const uint32_t mantissa = (bits >> 9 & 3) | (bits >> 12 & 1) << 11 | (bits >> 13 & 3) << 21;
            const uint32_t exponent = i % 8 ? 127 - 30 + (more >> 8) % 60 : 1 + (more >> 8) % 126;
            const uint32_t whole = (bits & 0x80000000) | exponent << 23 | mantissa;
            memcpy(&numbers[j], &whole, sizeof whole);
        }
        a[0] = numbers[0], b[0] = numbers[1], a[16] = numbers[2], b[16] = numbers[3];
        const float expected = dot_by_definition(a, b, 17);
        for (const cpu_loops *const *l = cpu_all_loops; *l; l++) {
            float got;
            if (!(*l)->usable())
                continue;
            (*l)->in_order.f32((const char *)a, 0, 16 * sizeof(float), 1, 17, (const char *)b, 0, 1, &got, 1);
            assert_same_bits(&got, &expected, 1, (*l)->name);
        }
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
    for (size_t l = 0; l < sizeof widths / sizeof *widths; l++) {
        int64_t width = widths[l], stride = width + (int64_t)(l % 2) * 7;
        float *rows = random_floats((size_t)((N - 1) * stride + width), 5), *weights = random_floats(N, 6);
        float *start = random_floats((size_t)width, 7), *sum = blank_floats((size_t)width);
        for (const cpu_loops *const *v = cpu_all_loops; *v; v++) {
            if (!(*v)->usable())
                continue;
            memcpy(sum, start, (size_t)width * sizeof *sum);
            (*v)->weighted_sum(sum, 0.75F, weights, rows, stride, N, width);
            for (int64_t i = 0; i < width; i++) {
                float expected = sum_by_definition(start[i], 0.75F, weights, rows + i, N, stride);
                assert_same_bits(&sum[i], &expected, 1, (*v)->name);
            }
        }
        free(rows);
        free(weights);
        free(start);
        free(sum);
    }
}

static void steps_have_one_order(void **state)
{
    (void)state;
    enum { ROWS = 11 };
    const int64_t widths[] = { 1, 15, 16, 17, 64, 130 };
    for (size_t l = 0; l < sizeof widths / sizeof *widths; l++) {
        const int64_t n = widths[l];
        float *start = random_floats((size_t)(ROWS * n), 8), *add = random_floats(ROWS, 9), out[ROWS];
        float *in = random_floats((size_t)n, 10), *read = random_floats((size_t)n, 11);
        float *rows = blank_floats((size_t)(ROWS * n)), *row = blank_floats((size_t)n);
        for (const cpu_loops *const *v = cpu_all_loops; *v; v++) {
            if (!(*v)->usable())
                continue;
            memcpy(rows, start, (size_t)(ROWS * n) * sizeof *rows);
            (*v)->state_step(rows, ROWS, n, 0.9F, add, in, read, out);
            for (int r = 0; r < ROWS; r++) {
                memcpy(row, start + r * n, (size_t)n * sizeof *row);
                const float expected = step_by_definition(row, n, 0.9F, add[r], in, read);
                assert_same_bits(rows + r * n, row, (size_t)n, (*v)->name);
                assert_same_bits(&out[r], &expected, 1, (*v)->name);
            }
        }
        free(row);
        free(rows);
        free(read);
        free(in);
        free(add);
        free(start);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dot_products_have_one_order),
        cmocka_unit_test(pairs_have_one_order),
        cmocka_unit_test(activations_are_rounded_to_the_nearest),
        cmocka_unit_test(numbers_of_16_bits_are_widened_exactly),
        cmocka_unit_test(fused_is_rounded_once),
        cmocka_unit_test(rows_may_lie_anywhere),
        cmocka_unit_test(weighted_sums_have_one_order),
        cmocka_unit_test(steps_have_one_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
