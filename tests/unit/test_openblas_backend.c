/* Backend "openblas": its one kernel against a loop in double. Skipped where it was not built. */
#include "backend.h"

#include <math.h>

static const bora_plugin *openblas;

static void check_linear(bora_device *device, int64_t n_tokens, int64_t k, int64_t n_out, bool with_bias)
{
    float *w = random_floats((size_t)(n_out * k), 1), *x = random_floats((size_t)(n_tokens * k), 2);
    float *b = random_floats((size_t)n_out, 3), *out = blank_floats((size_t)(n_tokens * n_out));
    bora_weight weight = { "w", NULL, 2, { n_out, k, 1, 1 }, w }, bias = { "b", NULL, 1, { n_out, 1, 1, 1 }, b };
    bora_call call = { .node = "linear",
                       .n_inputs = 1,
                       .n_weights = 2,
                       .inputs = { { x, n_tokens, k } },
                       .weights = { &weight, with_bias ? &bias : NULL },
                       .output = { out, n_tokens, n_out } };
    run_call(openblas, device, find_kernel(openblas, "linear", NULL), &call);
    for (int64_t t = 0; t < n_tokens; t++)
        for (int64_t r = 0; r < n_out; r++) {
            double sum = with_bias ? (double)b[r] : 0, size = fabs(sum);
            for (int64_t i = 0; i < k; i++) {
                double product = (double)w[r * k + i] * (double)x[t * k + i];
                sum += product;
                size += fabs(product);
            }
            assert_near((double)out[t * n_out + r], sum, size * 0x1p-24 * (double)(k + 2), "linear");
        }
    free(out);
    free(b);
    free(x);
    free(w);
}

static void linear_is_a_matrix_product(void **state)
{
    (void)state;
    if (!openblas)
        skip();
    static const int64_t shapes[][3] = { { 1, 1, 1 }, { 1, 7, 1 },   { 1, 100, 31 },
                                         { 2, 7, 3 }, { 37, 64, 7 }, { 70, 257, 31 } };
    for (int n_threads = 0; n_threads <= 2; n_threads++) {
        bora_device *device = open_device(openblas, n_threads);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (int bias = 0; bias < 2; bias++)
                check_linear(device, shapes[s][0], shapes[s][1], shapes[s][2], bias);
        openblas->backends[0]->close(device);
    }
}

static void it_stands_on_the_cpu_backend(void **state)
{
    (void)state;
    if (!openblas)
        skip();
    assert_string_equal(openblas->backends[0]->base, "cpu");
    assert_null(openblas->backends[0]->alloc);
}

static int load(void **state)
{
    (void)state;
    openblas = load_plugin("openblas");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_is_a_matrix_product),
        cmocka_unit_test(it_stands_on_the_cpu_backend),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
