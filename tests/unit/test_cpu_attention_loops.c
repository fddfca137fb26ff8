/* The inner loops of attention: their functions are near to those of the C library, and all of it is the same bits for
 * every instruction set that this processor has. */
#include "backend.h"

#include "../../plugins/backend/cpu/attention_loops.h"

#include <float.h>
#include <math.h>

/* How far y is from the exact value, in units of the last place of a float of its size. */
static double ulps(float y, double exact)
{
    int exponent;
    frexp(exact, &exponent);
    double unit = ldexp(1, (exponent < FLT_MIN_EXP ? FLT_MIN_EXP : exponent) - FLT_MANT_DIG);
    return fabs((double)y - exact) / unit;
}

/* The functions that the loops are made of, of n numbers, a multiple of ATTENTION_LANES. */
typedef enum function_name { EXP, EXP_BELOW, TANH, N_FUNCTIONS } function_name;

static void run_function(const cpu_attention_loops *l, function_name f, float *x, size_t n)
{
    float max, total, first = x[0];
    switch (f) {
    case EXP:
        l->exps(x, n);
        break;
    case EXP_BELOW: /* softmax subtracts the largest: the first becomes that, 0, and is not tested */
        x[0] = 0;
        l->soften(x, n, 1, n, &max, &total);
        assert_true(max == 0 && x[0] == 1);
        x[0] = (float)exp((double)first);
        break;
    case TANH:
        l->softcap(x, n, 1);
        break;
    case N_FUNCTIONS:
        break;
    }
}

typedef struct function {
    const char *name;
    function_name f;
    double (*exact)(double);
    float from, to;
    double most; /* units in the last place */
} function;

enum { N_POINTS = 1 << 16 };

static void check_function(const cpu_attention_loops *l, const function *f)
{
    float *x = blank_floats(N_POINTS), *y = blank_floats(N_POINTS);
    double worst = 0;
    for (int i = 0; i < N_POINTS; i++)
        y[i] = x[i] = f->from + (f->to - f->from) * ((float)i / (N_POINTS - 1));
    run_function(l, f->f, y, N_POINTS);
    for (int i = 0; i < N_POINTS; i++) {
        double error = ulps(y[i], f->exact((double)x[i]));
        if (!(error <= f->most))
            fail_msg("%s(%.9g) is %.9g, %.2f units from %.9g", f->name, (double)x[i], (double)y[i], error,
                     f->exact((double)x[i]));
        worst = error > worst ? error : worst;
    }
    print_message("%s from %g to %g: %.2f units in the last place\n", f->name, (double)f->from, (double)f->to, worst);
    free(x);
    free(y);
}

static void functions_are_near_the_exact_ones(void **state)
{
    (void)state;
    static const function all[] = {
        { "exp", EXP, exp, -87, 88.7F, 1 },
        { "exp", EXP, exp, -1, 1, 1 },
        { "exp of softmax", EXP_BELOW, exp, -87, 0, 1 },
        { "exp of softmax", EXP_BELOW, exp, -1, 0, 1 },
        { "tanh", TANH, tanh, -10, 10, 2 },
        { "tanh", TANH, tanh, -0.7F, 0.7F, 2 },
    };
    for (const cpu_attention_loops *const *l = cpu_all_attention_loops; *l; l++)
        for (size_t i = 0; i < sizeof all / sizeof *all && (*l)->usable(); i++)
            check_function(*l, &all[i]);
}

static void functions_at_the_ends(void **state)
{
    (void)state;
    enum { N = ATTENTION_LANES };
    const float x[N] = { -INFINITY, -1000, -87.5F, 88.8F, 1000, INFINITY, 0, NAN };
    const float exps[] = { 0, 0, 0, INFINITY, INFINITY, INFINITY, 1 }, tanhs[] = { -1, -1, -1, 1, 1, 1, 0 };
    for (const cpu_attention_loops *const *l = cpu_all_attention_loops; *l; l++) {
        if (!(*l)->usable())
            continue;
        float y[N];
        memcpy(y, x, sizeof y);
        run_function(*l, EXP, y, N);
        assert_same_bits(y, exps, 7, "exp");
        assert_true(isnan(y[7]));
        memcpy(y, x, sizeof y);
        run_function(*l, TANH, y, N);
        assert_same_bits(y, tanhs, 7, "tanh");
        assert_true(isnan(y[7]));
        float max, total;
        for (int i = 0; i < N; i++)
            y[i] = i < 3 ? x[i] : 5;
        y[1] = y[2] = 5 - 87.5F;
        (*l)->soften(y, N, 1, N, &max, &total);
        assert_true(y[0] == 0 && y[1] == 0 && y[2] == 0 && y[3] == 1 && max == 5 && total == N - 3);
    }
}

static void function_bits_are_the_same_everywhere(void **state)
{
    (void)state;
    enum { N = 4096 };
    float *x = random_floats(N, 6), *a = blank_floats(N), *b = blank_floats(N);
    for (int i = 0; i < N; i++)
        x[i] *= 40;
    x[7] = INFINITY;
    x[8] = -INFINITY;
    const cpu_attention_loops *const *last = cpu_all_attention_loops;
    while (last[1])
        last++;
    for (const cpu_attention_loops *const *l = cpu_all_attention_loops; l < last; l++)
        for (function_name f = EXP; f < N_FUNCTIONS && (*l)->usable(); f++) {
            for (int i = 0; i < N; i++)
                a[i] = b[i] = f == EXP_BELOW ? -fabsf(x[i]) : x[i];
            run_function(*l, f, a, N);
            run_function(*last, f, b, N);
            assert_same_bits(a, b, N, "a function");
        }
    free(x);
    free(a);
    free(b);
}

/* ---- all loops ---- */

enum { DIMS = 37, BLOCKS = 3, WIDTH = BLOCKS * 32 - 16, KEYS = ATTENTION_UNIT, QUERIES = 8, KINDS = CPU_OTHER };
enum { ROW = ATTENTION_ROW };

/* All that the loops make of the same numbers. */
typedef struct results {
    float scores[KINDS][QUERIES][ROW], weights[QUERIES][ROW], max[QUERIES], total[QUERIES], capped[KEYS];
    float sums[KINDS][QUERIES][WIDTH], folded[WIDTH], exps[KEYS];
    uint16_t narrow[KEYS];
    float f16[KEYS], bf16[KEYS], rows[2 * 32], columns[3][KEYS], turned[DIMS][KEYS], woven[DIMS][QUERIES];
} results;

/* Numbers of every kind, at least n, that are none of the special ones. */
static unsigned char *numbers_of(cpu_number_kind kind, size_t n, uint32_t seed)
{
    if (kind == CPU_F32)
        return (unsigned char *)random_floats(n, seed);
    size_t size = n * 2 + n / 32 * 2;
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(next_random(&seed) >> 24);
    for (size_t i = 1; i < size && kind != CPU_Q8; i += 2)
        bytes[i] = (unsigned char)((bytes[i] & 0x83) | 0x3c);
    for (size_t i = 0; i + 1 < size && kind == CPU_Q8; i += 34)
        bytes[i + 1] = 0x2c;
    return bytes;
}

/* [n][ROW] */
static float *some_weights(int n)
{
    float *weights = blank_floats((size_t)n * ROW);
    for (int i = 0; i < n * ROW; i++)
        weights[i] = (float)(i / ROW + 1) / (float)(i % ROW + 1);
    return weights;
}

static void run_kinds(const cpu_attention_loops *l, int n_queries, results *out)
{
    static const size_t sizes[KINDS] = { 4, 2, 2, 1 }, row_bytes[KINDS] = { 400, 200, 200, 34 * BLOCKS };
    float *queries = random_floats(DIMS * ATTENTION_QUERIES, 1), *weights = some_weights(QUERIES);
    for (cpu_number_kind kind = CPU_F32; kind < CPU_OTHER; kind++) {
        unsigned char *columns = numbers_of(kind, DIMS * (KEYS + 5), 2), *rows = numbers_of(kind, KEYS * 100, 3);
        unsigned char *scales = numbers_of(CPU_F16, 2 * (KEYS + 5), 4);
        const cpu_numbers keys = { kind, (char *)columns, KEYS, (KEYS + 5) * sizes[kind], (char *)scales };
        l->score(queries, n_queries, DIMS, &keys, out->scores[kind][0], columns, 4096);
        const cpu_numbers values = { kind, (char *)rows, KEYS - 1, row_bytes[kind], NULL };
        for (int q = 0; q < n_queries; q++)
            for (int j = 0; j < WIDTH; j++)
                out->sums[kind][q][j] = (float)(q + j);
        l->weigh(&values, weights, n_queries, out->sums[kind][0], WIDTH, rows, 1024);
        free(columns);
        free(rows);
        free(scales);
    }
    free(queries);
    free(weights);
}

static void run_all(const cpu_attention_loops *l, int n_queries, results *out)
{
    float *values = random_floats(2 * WIDTH, 3), *numbers = random_floats(KEYS, 4);
    float *rows = random_floats(KEYS * (DIMS + 2), 7);
    memset(out, 0, sizeof *out);
    run_kinds(l, n_queries, out);
    memcpy(out->weights, out->scores[CPU_F32], sizeof out->weights);
    for (int q = 0; q < n_queries; q++)
        out->weights[q][KEYS - 1 - q] = -INFINITY;
    l->soften(out->weights[0], ROW, n_queries, KEYS, out->max, out->total);
    memcpy(out->capped, out->scores[CPU_F32][0], sizeof out->capped);
    l->softcap(out->capped, KEYS, 1.5F);
    memcpy(out->folded, values, sizeof out->folded);
    l->fold(out->folded, 0.3F, values + WIDTH, 0.7F, WIDTH);
    memcpy(out->exps, numbers, sizeof out->exps);
    l->exps(out->exps, KEYS);
    uint16_t halves[KEYS];
    uint8_t blocks[2 * 34];
    uint32_t seed = 9;
    for (int i = 0; i < KEYS; i++)
        halves[i] = (uint16_t)(next_random(&seed) >> 16);
    for (size_t i = 0; i < sizeof blocks; i++)
        blocks[i] = (uint8_t)(next_random(&seed) >> 24);
    halves[0] = 0x7c00;
    halves[1] = 0x8001;
    halves[2] = 0xfbff;
    blocks[1] = blocks[35] = 0x2c;
    for (int i = 0; i < KEYS; i++) /* no NaNs: theirs are any */
        halves[i] = (halves[i] & 0x7c00) == 0x7c00 ? 0x7c00 : halves[i];
    l->widen_f16(halves, out->f16, KEYS);
    l->narrow_f16(out->f16, out->narrow, KEYS); /* and back */
    assert_memory_equal(out->narrow, halves, sizeof halves);
    l->widen_bf16(halves, out->bf16, KEYS);
    l->widen_q8_rows(blocks, out->rows, 2);
    l->widen_q8_columns((const int8_t *)blocks, 13, halves, 3, out->columns[0]);
    l->transpose(rows, DIMS + 2, DIMS, out->turned[0]);
    for (int d = 0; d < DIMS; d++)
        for (int j = 0; j < KEYS; j++)
            assert_true(out->turned[d][j] == rows[j * (DIMS + 2) + d]);
    const float *eight[ATTENTION_QUERIES];
    for (int q = 0; q < QUERIES; q++)
        eight[q] = rows + (q < n_queries ? q : 0) * 41;
    l->interleave(eight, 0.3F, DIMS, out->woven[0]);
    for (int d = 0; d < DIMS; d++)
        for (int q = 0; q < QUERIES; q++)
            assert_true(out->woven[d][q] == eight[q][d] * 0.3F);
    free(values);
    free(numbers);
    free(rows);
}

static void attention_bits_are_the_same_everywhere(void **state)
{
    (void)state;
    const cpu_attention_loops *const *last = cpu_all_attention_loops;
    while (last[1])
        last++;
    static results expected, got;
    for (int n = 1; n <= QUERIES; n++) {
        run_all(*last, n, &expected);
        for (const cpu_attention_loops *const *l = cpu_all_attention_loops; l < last; l++) {
            if (!(*l)->usable())
                continue;
            run_all(*l, n, &got);
            for (size_t at = 0; at < sizeof got; at += sizeof(float)) {
                float a, b;
                memcpy(&a, (const char *)&got + at, sizeof a);
                memcpy(&b, (const char *)&expected + at, sizeof b);
                if (memcmp(&a, &b, sizeof a) != 0 && !(isnan(a) && isnan(b)))
                    fail_msg("%s, %d queries: %.9g at %zu, %.9g by %s", (*l)->name, n, (double)a, at, (double)b,
                             (*last)->name);
            }
        }
    }
}

/* The rounding of halves, beside what the conversion there and back leaves alone. */
static void halves_are_the_nearest(void **state)
{
    (void)state;
    enum { N = ATTENTION_LANES };
    const float x[N] = { 1 + 0x1p-11F, 1 + 0x3p-11F, 1 + 0x1.01p-11F, 65519.99F,  65520,      INFINITY,     -1e30F,
                         -0.0F,        0x1p-24F,     0x1p-25F,        0x1.8p-24F, -0x1p-149F, 0x1.ffep-15F, NAN,
                         -NAN,         0x1.0001p-25F };
    const uint16_t halves[N] = { 0x3c00, 0x3c02, 0x3c01, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x8000,
                                 1,      0,      2,      0x8000, 0x0400, 0x7e00, 0xfe00, 1 };
    for (const cpu_attention_loops *const *l = cpu_all_attention_loops; *l; l++) {
        uint16_t got[N];
        if (!(*l)->usable())
            continue;
        (*l)->narrow_f16(x, got, N);
        for (int i = 0; i < N; i++)
            if (got[i] != halves[i])
                fail_msg("%s: %.9g becomes %04x, not %04x", (*l)->name, (double)x[i], (unsigned)got[i],
                         (unsigned)halves[i]);
    }
}

/* ---- many queries ---- */

enum { MANY = 3 * ATTENTION_MANY, PARTS = 3 };

/* Query q as one of few, and as one of many: the bits are the same, in whatever company. */
static void check_scores(const cpu_attention_loops *l, int n_queries, const int n_keys[], int n_units)
{
    enum { GROUPS = MANY / ATTENTION_MANY, N = DIMS * ATTENTION_QUERIES };
    float *many = random_floats(GROUPS * N, 1), *few = blank_floats(N), *columns = random_floats(2 * DIMS * KEYS, 2);
    float *got = blank_floats(MANY * ROW), *expected = blank_floats(ATTENTION_QUERIES * ROW);
    cpu_numbers keys[ATTENTION_UNITS];
    for (int u = 0; u < n_units; u++)
        keys[u] = (cpu_numbers){ CPU_F32, (char *)(columns + u * DIMS * KEYS), n_keys[u], KEYS * sizeof(float), NULL };
    cpu_ahead ahead = { { (char *)columns, (char *)many }, { 1000, 64 }, 0, 2 };
    l->score_many(many, n_queries, DIMS, keys, n_units, got, &ahead);
    for (int q = 0; q < n_queries; q++) {
        for (int d = 0; d < DIMS; d++)
            few[d * ATTENTION_QUERIES] = many[q / ATTENTION_MANY * N + d * ATTENTION_QUERIES + q % ATTENTION_MANY];
        for (int u = 0, at = 0; u < n_units; at += n_keys[u++]) {
            l->score(few, 1, DIMS, &keys[u], expected, NULL, 0);
            assert_same_bits(got + q * ROW + at, expected, (size_t)n_keys[u], l->name);
        }
    }
    free(many);
    free(few);
    free(columns);
    free(got);
    free(expected);
}

static void check_sums(const cpu_attention_loops *l, int n_queries, const int n_values[], int n_parts, size_t width,
                       bool fresh)
{
    float *rows = random_floats(PARTS * KEYS * width, 3), *weights = some_weights(MANY);
    float *got = random_floats(MANY * width, 4), *expected = random_floats(MANY * width, 4);
    cpu_numbers values[PARTS];
    for (int p = 0; p < n_parts; p++)
        values[p] = (cpu_numbers){ CPU_F32, (char *)(rows + (size_t)(p * KEYS) * width), n_values[p],
                                   width * sizeof(float), NULL };
    cpu_ahead ahead = { { (char *)rows }, { 500 }, 0, 1 };
    l->weigh_many(values, n_parts, weights, n_queries, got, width, fresh, &ahead);
    for (int q = 0; q < n_queries; q++) {
        float *sum = expected + (size_t)q * width;
        if (fresh)
            memset(sum, 0, width * sizeof *sum);
        for (int p = 0, at = 0; p < n_parts; at += n_values[p++])
            l->weigh(&values[p], weights + q * ROW + at, 1, sum, width, NULL, 0);
    }
    assert_same_bits(got, expected, MANY * width, l->name);
    free(rows);
    free(weights);
    free(got);
    free(expected);
}

static void many_queries_are_like_few(void **state)
{
    (void)state;
    static const int n[][PARTS] = { { KEYS, KEYS, KEYS }, { 3, KEYS, 1 }, { KEYS, 5, KEYS }, { 1, 1, 1 } };
    for (const cpu_attention_loops *const *l = cpu_all_attention_loops; *l; l++)
        for (int n_queries = 1; n_queries <= MANY && (*l)->usable(); n_queries += n_queries < 8 ? 1 : 5)
            for (size_t i = 0; i < sizeof n / sizeof *n; i++) {
                check_scores(*l, n_queries, n[i], 1);
                check_scores(*l, n_queries, n[i], ATTENTION_UNITS);
                for (size_t width = ATTENTION_LANES; width <= 9 * ATTENTION_LANES; width += 2 * ATTENTION_LANES)
                    check_sums(*l, n_queries, n[i], 1 + n_queries % PARTS, width, i % 2);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_near_the_exact_ones),
        cmocka_unit_test(functions_at_the_ends),
        cmocka_unit_test(function_bits_are_the_same_everywhere),
        cmocka_unit_test(attention_bits_are_the_same_everywhere),
        cmocka_unit_test(halves_are_the_nearest),
        cmocka_unit_test(many_queries_are_like_few),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
