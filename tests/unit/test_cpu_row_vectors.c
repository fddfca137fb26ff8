/* The vectors of the steps that work row by row: their functions against libm in double, and the same bits on every
 * instruction set. */
#include "cpu_cut.h"

#include "../../plugins/backend/cpu/row_vectors.h"

typedef void vector_function(const float *x, float *out);

/* Vectors pass between functions of one instruction set alone. */
INLINE void exp_at(const float *x, float *out)
{
    STORE(out, exp_lanes(LOAD(x)));
}

INLINE void tanh_at(const float *x, float *out)
{
    STORE(out, tanh_lanes(LOAD(x)));
}

#define VARIANT(name, set, attribute)                                                                                  \
    attribute static void name##_##set(const float *x, float *out)                                                     \
    {                                                                                                                  \
        name##_at(x, out);                                                                                             \
    }
VARIANT(exp, baseline, )
VARIANT(tanh, baseline, )
#ifdef __x86_64__
VARIANT(exp, avx2, __attribute__((target("avx2"))))
VARIANT(tanh, avx2, __attribute__((target("avx2"))))
VARIANT(exp, avx512, __attribute__((target("avx512f"))))
VARIANT(tanh, avx512, __attribute__((target("avx512f"))))
#endif

static void check_sets(const char *name, const float *x, const float *expected, vector_function *avx2,
                       vector_function *avx512)
{
    float out[LANES];
    (void)name, (void)x, (void)expected, (void)avx2, (void)avx512, (void)out;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        avx2(x, out);
        assert_same_bits(out, expected, LANES, name);
    }
    if (__builtin_cpu_supports("avx512f")) {
        avx512(x, out);
        assert_same_bits(out, expected, LANES, name);
    }
#endif
}

#ifndef __x86_64__
#define exp_avx2 exp_baseline
#define exp_avx512 exp_baseline
#define tanh_avx2 tanh_baseline
#define tanh_avx512 tanh_baseline
#endif

/* The distance of neighbouring floats near y, no less than that of the smallest ones. */
static double unit_at(double y)
{
    return fmax(nextafterf((float)fabs(y), INFINITY) - (float)fabs(y), 0x1p-149);
}

static void functions_are_near_those_of_libm(void **state)
{
    (void)state;
    float x[LANES], e[LANES], t[LANES];
    for (double at = -110; at < 110; at += LANES * 0.00037) {
        for (int l = 0; l < LANES; l++)
            x[l] = (float)(at + l * 0.00037);
        exp_baseline(x, e);
        tanh_baseline(x, t);
        check_sets("exp", x, e, exp_avx2, exp_avx512);
        check_sets("tanh", x, t, tanh_avx2, tanh_avx512);
        for (int l = 0; l < LANES; l++) {
            double exact = exp((double)x[l]);
            if ((float)exact < INFINITY)
                assert_near((double)e[l], exact, 2 * unit_at(exact), "exp");
            else
                assert_true(e[l] > 3e38F);
            assert_near((double)t[l], tanh((double)x[l]), 2 * unit_at(tanh((double)x[l])), "tanh");
        }
    }
}

static void odd_numbers_are_taken(void **state)
{
    (void)state;
    float x[LANES] = { INFINITY, -INFINITY, NAN, 0, -0.0F, 1e30F, -1e30F, 1e-30F, 88.7F, -87.5F, -103, 1e-45F };
    float e[LANES], t[LANES];
    exp_baseline(x, e);
    tanh_baseline(x, t);
    assert_true(isinf(e[0]) && e[1] == 0 && isnan(e[2]) && e[3] == 1 && e[4] == 1 && isinf(e[5]) && e[6] == 0);
    assert_true(e[8] > 3e38F && e[9] > 0 && e[10] > 0);
    assert_true(t[0] == 1 && t[1] == -1 && isnan(t[2]) && t[3] == 0 && t[5] == 1 && t[6] == -1);
    assert_true(t[7] == 1e-30F && signbit(t[4]));
    x[2] = 0; /* which NaN it is may differ */
    exp_baseline(x, e);
    tanh_baseline(x, t);
    check_sets("exp", x, e, exp_avx2, exp_avx512);
    check_sets("tanh", x, t, tanh_avx2, tanh_avx512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_near_those_of_libm),
        cmocka_unit_test(odd_numbers_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
