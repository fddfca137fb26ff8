/* Backend "cpu": norms, numbers by themselves, rope and rows, each against a loop in double and cut in every way. */
#include "cpu_cut.h"

#include "graph/ops/ops.h"

/* ---- norms ---- */

static void check_norm(const char *op, int64_t rows, int64_t width, int64_t n, bool with_weight, bool with_bias)
{
    bool layer = strcmp(op, "layer_norm") == 0;
    float *x = random_floats((size_t)(rows * width), 21), *w = random_floats((size_t)n, 22);
    float *b = random_floats((size_t)n, 23), *out = blank_floats((size_t)(rows * width));
    bora_weight weight = { "w", NULL, 1, { n, 1, 1, 1 }, w }, bias = { "b", NULL, 1, { n, 1, 1, 1 }, b };
    bora_norm_attrs attrs = { .eps = 1e-5F, .weight_bias = 1 };
    bora_call call = { .node = op,
                       .attrs = &attrs,
                       .n_inputs = 1,
                       .n_weights = 2,
                       .inputs = { { x, rows, width } },
                       .weights = { with_weight ? &weight : NULL, with_bias ? &bias : NULL },
                       .output = { out, rows, width } };
    run_and_cut(find_kernel(cpu, op, NULL), &call, 0);
    for (int64_t at = 0; at < rows * width; at += n) {
        double mean = 0, square = 0;
        for (int64_t i = 0; layer && i < n; i++)
            mean += (double)x[at + i] / (double)n;
        for (int64_t i = 0; i < n; i++)
            square += pow((double)x[at + i] - mean, 2) / (double)n;
        for (int64_t i = 0; i < n; i++) {
            double y = ((double)x[at + i] - mean) / sqrt(square + 1e-5);
            y = y * (with_weight ? (double)w[i] + 1 : 1) + (with_bias ? (double)b[i] : 0);
            assert_near((double)out[at + i], y, 4e-7 * (1 + fabs(y)), op);
        }
    }
    free(out);
    free(b);
    free(w);
    free(x);
}

static void norms_are_over_runs_of_the_weight(void **state)
{
    (void)state;
    check_norm("rms_norm", 3, 1, 1, true, false);
    check_norm("rms_norm", 70, 513, 513, true, false);
    check_norm("rms_norm", 9, 4 * 24, 24, true, false); /* each head by itself */
    check_norm("layer_norm", 70, 513, 513, true, true);
    check_norm("layer_norm", 9, 4 * 24, 24, true, false);
    check_norm("layer_norm", 9, 30, 30, false, false);
    check_norm("layer_norm", 9, 30, 30, false, true);
}

/* ---- numbers by themselves ---- */

static double expected_activation(int kind, double x)
{
    switch (kind) {
    case BORA_SILU:
        return x / (1 + exp(-x));
    case BORA_GELU:
        return 0.5 * x * erfc(-x / sqrt(2));
    case BORA_GELU_TANH:
        return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case BORA_RELU:
        return fmax(x, 0);
    case BORA_RELU2:
        return fmax(x, 0) * fmax(x, 0);
    case BORA_SIGMOID:
        return 1 / (1 + exp(-x));
    default:
        return tanh(x);
    }
}

static double expected_number(const char *op, int kind, double factor, double a, double b)
{
    if (strcmp(op, "add") == 0)
        return a + b;
    if (strcmp(op, "mul") == 0)
        return a * b;
    if (strcmp(op, "scale") == 0)
        return a * factor;
    if (strcmp(op, "softcap") == 0)
        return factor * tanh(a / factor);
    return expected_activation(kind, a) * (strcmp(op, "gate") == 0 ? b : 1);
}

static void check_elementwise(const char *op, int kind, int64_t rows, int64_t width)
{
    float *a = random_floats((size_t)(rows * width), 31), *b = random_floats((size_t)(rows * width), 32);
    float *out = blank_floats((size_t)(rows * width));
    bora_scale_attrs factor = { 1.7F };
    bora_activation_attrs activation = { (bora_activation_kind)kind };
    bool two = strcmp(op, "add") == 0 || strcmp(op, "mul") == 0 || strcmp(op, "gate") == 0;
    a[0] = 90; /* where exponentials overflow */
    a[rows * width - 1] = -90;
    bora_call call = { .node = op,
                       .attrs = kind < 0 ? (const void *)&factor : &activation,
                       .n_inputs = two ? 2 : 1,
                       .inputs = { { a, rows, width }, { b, rows, width } },
                       .output = { out, rows, width } };
    run_and_cut(find_kernel(cpu, op, NULL), &call, 0);
    for (int64_t i = 0; i < rows * width; i++) {
        double y = expected_number(op, kind, (double)1.7F, (double)a[i], (double)b[i]);
        assert_near((double)out[i], y, 5e-7 * (1 + fabs(y)), op);
    }
    free(out);
    free(b);
    free(a);
}

static void numbers_by_themselves(void **state)
{
    (void)state;
    const char *const ops[] = { "add", "mul", "scale", "softcap" };
    for (int i = 0; i < 4; i++) {
        check_elementwise(ops[i], -1, 1, 1);
        check_elementwise(ops[i], -1, 61, 1031);
    }
    for (int kind = BORA_SILU; kind <= BORA_TANH; kind++) {
        check_elementwise("activation", kind, 7, 331);
        check_elementwise("gate", kind, 7, 331);
    }
}

static void clamped_gate_holds_both_inputs(void **state)
{
    (void)state;
    enum { ROWS = 7, WIDTH = 331, N = ROWS * WIDTH };
    const double limit = 1.5, alpha = (double)1.702F;
    float *g = random_floats(N, 33), *u = random_floats(N, 34), *out = blank_floats(N), *reference = blank_floats(N);
    g[0] = -90; /* where the exponential overflows */
    g[1] = 90;
    u[2] = -90;
    bora_clamped_gate_attrs attrs = { .limit = 1.5F, .alpha = 1.702F };
    bora_call call = { .node = "clamped_gate",
                       .attrs = &attrs,
                       .n_inputs = 2,
                       .inputs = { { g, ROWS, WIDTH }, { u, ROWS, WIDTH } },
                       .output = { out, ROWS, WIDTH } };
    run_and_cut(find_kernel(cpu, "clamped_gate", NULL), &call, 0);
    call.output.data = reference;
    assert_true(op_clamped_gate.shape(&call, NULL) && op_clamped_gate.reference(&call, NULL));
    assert_same_bits(out, reference, N, "clamped_gate");
    for (int i = 0; i < N; i++) {
        double a = fmin((double)g[i], limit), b = fmax(fmin((double)u[i], limit), -limit);
        double y = (b + 1) * a / (1 + exp(-alpha * a));
        assert_near((double)out[i], y, 5e-7 * (1 + fabs(y)), "clamped_gate");
    }
    attrs.limit = 0;
    bora_error err = { .code = BORA_OK };
    assert_false(op_clamped_gate.shape(&call, &err));
    assert_non_null(strstr(err.message, "limit"));
    free(reference);
    free(out);
    free(u);
    free(g);
}

static void an_unknown_activation_is_an_error(void **state)
{
    (void)state;
    float x = 1, y;
    bora_activation_attrs attrs = { (bora_activation_kind)77 };
    bora_call call = {
        .node = "layer.7", .attrs = &attrs, .n_inputs = 1, .inputs = { { &x, 1, 1 } }, .output = { &y, 1, 1 }
    };
    bora_device *device = open_device(cpu, 1);
    bora_error err = { .code = BORA_OK };
    assert_false(try_call(cpu, device, find_kernel(cpu, "activation", NULL), &call, &err));
    assert_int_equal(err.code, BORA_UNSUPPORTED);
    assert_non_null(strstr(err.message, "layer.7"));
    cpu->backends[0]->close(device);
}

/* ---- rope ---- */

static void check_rope(int32_t n_heads, int32_t head_dim, int32_t n_dims, int32_t offset, bool interleaved,
                       bool with_factors)
{
    enum { ROWS = 41, PAST = 1000 };
    int32_t half = n_dims / 2, width = n_heads * head_dim;
    float *x = random_floats((size_t)(ROWS * width), 41), *out = blank_floats((size_t)(ROWS * width));
    float *freqs = blank_floats((size_t)half), *factors = blank_floats((size_t)half);
    for (int32_t i = 0; i < half; i++) {
        freqs[i] = (float)pow(10000, -2.0 * i / n_dims);
        factors[i] = 1 + (float)i / 3;
    }
    bora_weight weight = { "rope_freqs", NULL, 1, { half, 1, 1, 1 }, factors };
    bora_rope_attrs attrs = {
        .head_dim = head_dim,
        .n_dims = n_dims,
        .interleaved = interleaved,
        .scale = 1.25F,
        .inv_freq = freqs,
        .offset = offset,
    };
    bora_call call = { .node = "rope",
                       .attrs = &attrs,
                       .n_inputs = 1,
                       .n_weights = 1,
                       .inputs = { { x, ROWS, width } },
                       .weights = { with_factors ? &weight : NULL },
                       .output = { out, ROWS, width } };
    run_and_cut(find_kernel(cpu, "rope", NULL), &call, PAST);
    for (int32_t row = 0; row < ROWS; row++)
        for (int32_t i = 0; i < width; i++) {
            int32_t d = i % head_dim - offset;
            double y = (double)x[row * width + i];
            if (d >= 0 && d < n_dims) {
                int32_t pair = interleaved ? d / 2 : d % half;
                bool second = interleaved ? d % 2 : d >= half;
                int32_t other = i + (second ? -1 : 1) * (interleaved ? 1 : half);
                /* The angle is a float by definition, as in the models' own code. */
                float angle = (float)(PAST + row) * (with_factors ? freqs[pair] / factors[pair] : freqs[pair]);
                y = 1.25 *
                    (y * cos((double)angle) + (second ? 1 : -1) * (double)x[row * width + other] * sin((double)angle));
            }
            assert_near((double)out[row * width + i], y, 1e-6, "rope");
        }
    free(factors);
    free(freqs);
    free(out);
    free(x);
}

static void rope_turns_pairs(void **state)
{
    (void)state;
    for (int interleaved = 0; interleaved < 2; interleaved++)
        for (int factors = 0; factors < 2; factors++) {
            check_rope(1, 2, 2, 0, interleaved, factors);
            check_rope(3, 64, 64, 0, interleaved, factors);
            check_rope(2, 10, 6, 0, interleaved, factors);
            check_rope(2, 10, 6, 4, interleaved, factors); /* the end of each head */
            check_rope(3, 11, 4, 3, interleaved, factors); /* amid it */
        }
}

/* ---- rows ---- */

static void embed_takes_rows_by_token(void **state)
{
    (void)state;
    enum { VOCAB = 19, WIDTH = 33, ROWS = 50 };
    float *w = random_floats(VOCAB * WIDTH, 51), *out = blank_floats(ROWS * WIDTH);
    int8_t *bytes = malloc(VOCAB * WIDTH);
    small_quantize(w, NULL, bytes, VOCAB * WIDTH);
    int32_t tokens[ROWS];
    for (int32_t t = 0; t < ROWS; t++)
        tokens[t] = t * 7 % VOCAB;
    bora_device *device = open_device(cpu, 2);
    const bora_kernel *kernel = find_kernel(cpu, "embed", "*");
    for (int small_format = 0; small_format < 2; small_format++) {
        bora_weight weight = { "w", small_format ? &small : NULL, 2, { VOCAB, WIDTH, 1, 1 }, w };
        if (small_format) {
            weight.data = bytes;
            small_dequantize(bytes, w, VOCAB * WIDTH);
        }
        bora_batch batch = { .n_tokens = ROWS, .tokens = tokens };
        bora_call call = {
            .node = "embed", .n_weights = 1, .weights = { &weight }, .output = { out, ROWS, WIDTH }, .batch = &batch
        };
        run_call(cpu, device, kernel, &call);
        for (int32_t t = 0; t < ROWS; t++)
            assert_same_bits(out + t * WIDTH, w + tokens[t] * WIDTH, WIDTH, "embed");
        const int32_t bad[] = { -1, VOCAB, INT32_MAX };
        for (int i = 0; i < 3; i++) {
            bora_error err = { .code = BORA_OK };
            batch = (bora_batch){ .n_tokens = 1, .tokens = &bad[i] };
            assert_false(try_call(cpu, device, kernel, &call, &err));
            assert_int_equal(err.code, BORA_USAGE);
        }
    }
    cpu->backends[0]->close(device);
    free(bytes);
    free(out);
    free(w);
}

static void outputs_takes_the_rows_asked_for(void **state)
{
    (void)state;
    float x[5][3], out[2][3];
    for (int i = 0; i < 15; i++)
        x[i / 3][i % 3] = (float)i;
    bora_batch batch = { .n_tokens = 5, .n_outputs = 2, .output_rows = (const int32_t[]){ 1, 4 } };
    bora_call call = { .node = "outputs",
                       .n_inputs = 1,
                       .inputs = { { &x[0][0], 5, 3 } },
                       .output = { &out[0][0], 2, 3 },
                       .batch = &batch };
    bora_device *device = open_device(cpu, 1);
    run_call(cpu, device, find_kernel(cpu, "outputs", NULL), &call);
    assert_same_bits(out[0], x[1], 3, "outputs");
    assert_same_bits(out[1], x[4], 3, "outputs");
    cpu->backends[0]->close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms_are_over_runs_of_the_weight),
        cmocka_unit_test(numbers_by_themselves),
        cmocka_unit_test(clamped_gate_holds_both_inputs),
        cmocka_unit_test(an_unknown_activation_is_an_error),
        cmocka_unit_test(rope_turns_pairs),
        cmocka_unit_test(embed_takes_rows_by_token),
        cmocka_unit_test(outputs_takes_the_rows_asked_for),
    };
    return cmocka_run_group_tests(tests, load_cpu, NULL);
}
