/* The recurrent operations, causal_conv1d and mamba2: references and kernels of backend "cpu" against what torch and
 * transformers computed, and the same bits however sequences are cut, mixed, threaded, and wherever their state lies.
 * Also rms_norm over groups, which follows them in a layer. */
#include "backend.h"

#include <math.h>

#include "../fixtures/recurrent/numbers.h"
#include "graph/ops/ops.h"

static const bora_plugin *cpu;

/* As in generate.py. */
static float *numbers(double seed, size_t n)
{
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sin((double)i * 0.7 + seed);
    return x;
}

static void free_inputs(bora_call *call)
{
    for (int i = 0; i < call->n_inputs; i++)
        free(call->inputs[i].data);
    for (int i = 0; i < call->n_weights; i++) {
        free((void *)(uintptr_t)call->weights[i]->data);
        free((void *)(uintptr_t)call->weights[i]);
    }
}

static const bora_weight *weight(float *data, int n_dims, int64_t a, int64_t b, int64_t c)
{
    bora_weight *w = calloc(1, sizeof *w);
    assert_non_null(w);
    *w = (bora_weight){ .name = "w", .n_dims = n_dims, .shape = { a, b, c }, .data = data };
    for (int d = 0; d < BORA_MAX_DIMS; d++)
        w->shape[d] = w->shape[d] ? w->shape[d] : 1;
    return w;
}

/* What the graph does with a call before it runs. */
static bora_state_spec shape(bora_call *call)
{
    bora_error err = { .code = BORA_OK };
    bora_state_spec spec = { 0 };
    bora_call symbolic = *call;
    for (int i = 0; i < call->n_inputs; i++)
        symbolic.inputs[i].rows = BORA_ROWS_TOKENS;
    if (!call->op->shape(&symbolic, &err))
        fail_msg("%s", err.message);
    call->output.width = symbolic.output.width;
    if (call->op->state)
        call->op->state(call, &spec);
    assert_int_equal(spec.token_bytes, 0);
    return spec;
}

enum { N_SEQUENCES = 3 };

/* Runs a call whose input rows are those of some sequences, one after the other, taking at most `step` rows of each
 * into a batch; by the kernel, or (device NULL) by the reference. The state of sequence s is in slot N_SEQUENCES - 1 -
 * s. Returns the output rows in the order of the input's. */
static float *run_sequences(const bora_call *whole, bora_device *device, const int32_t *lengths, int n_sequences,
                            int32_t step)
{
    bora_call call = *whole;
    bora_state state = { .spec = shape(&call) };
    state.sequences = calloc(N_SEQUENCES, state.spec.sequence_bytes ? state.spec.sequence_bytes : 1);
    call.state = &state;
    int32_t total = 0, done[N_SEQUENCES] = { 0 }, first[N_SEQUENCES];
    for (int s = 0; s < n_sequences; s++) {
        first[s] = total;
        total += lengths[s];
    }
    size_t width = (size_t)call.output.width;
    float *out = blank_floats((size_t)total * width);
    for (;;) {
        bora_sequence sequences[N_SEQUENCES];
        bora_batch batch = { .sequences = sequences };
        int32_t from[N_SEQUENCES];
        for (int s = 0; s < n_sequences; s++) {
            int32_t left = lengths[s] - done[s], n = left < step ? left : step;
            if (n == 0)
                continue;
            from[batch.n_sequences] = first[s] + done[s];
            sequences[batch.n_sequences++] = (bora_sequence){
                .first_row = batch.n_tokens, .n_rows = n, .n_past = done[s], .slot = N_SEQUENCES - 1 - s
            };
            batch.n_tokens += n;
            done[s] += n;
        }
        if (batch.n_tokens == 0)
            break;
        call.batch = &batch;
        for (int i = 0; i < call.n_inputs; i++) {
            size_t w = (size_t)call.inputs[i].width;
            call.inputs[i] = (bora_view){ blank_floats((size_t)batch.n_tokens * w), batch.n_tokens, (int64_t)w };
            for (int32_t s = 0; s < batch.n_sequences; s++)
                memcpy(call.inputs[i].data + (size_t)sequences[s].first_row * w,
                       whole->inputs[i].data + (size_t)from[s] * w, (size_t)sequences[s].n_rows * w * sizeof(float));
        }
        call.output = (bora_view){ blank_floats((size_t)batch.n_tokens * width), batch.n_tokens, (int64_t)width };
        bora_error err = { .code = BORA_OK };
        if (device)
            run_call(cpu, device, find_kernel(cpu, call.op->name, NULL), &call);
        else if (!call.op->reference(&call, &err))
            fail_msg("%s", err.message);
        for (int32_t s = 0; s < batch.n_sequences; s++)
            memcpy(out + (size_t)from[s] * width, call.output.data + (size_t)sequences[s].first_row * width,
                   (size_t)sequences[s].n_rows * width * sizeof(float));
        for (int i = 0; i < call.n_inputs; i++)
            free(call.inputs[i].data);
        free(call.output.data);
    }
    free(state.sequences);
    return out;
}

static void check(const float *got, const float *expected, size_t n, double tolerance, const char *what)
{
    for (size_t i = 0; i < n; i++)
        assert_near((double)got[i], (double)expected[i], tolerance, what);
}

/* The reference and the kernel against given numbers, whole and by single tokens. */
static void check_both(const bora_call *call, const float *expected, double tolerance)
{
    const int32_t length = TOKENS;
    bora_device *device = open_device(cpu, 2);
    for (int32_t step = 1; step <= length; step += length - 1) {
        float *by_reference = run_sequences(call, NULL, &length, 1, step);
        float *by_kernel = run_sequences(call, device, &length, 1, step);
        bora_call shaped = *call;
        shape(&shaped);
        check(by_reference, expected, (size_t)(length * shaped.output.width), tolerance, "reference");
        check(by_kernel, expected, (size_t)(length * shaped.output.width), tolerance, "kernel");
        free(by_reference);
        free(by_kernel);
    }
    cpu->backends[0]->close(device);
}

/* A few roundings to float of numbers around 1; transformers computes in float, too. */
static const double tolerance = 3e-6;

static void a_convolution_is_that_of_torch(void **state)
{
    (void)state;
    for (int n_dims = 2; n_dims <= 3; n_dims++) {
        bora_causal_conv1d_attrs attrs = { .kind = BORA_SILU };
        bora_call call = { .op = &op_causal_conv1d, .attrs = &attrs, .node = "conv1d", .n_inputs = 1, .n_weights = 2 };
        call.inputs[0] = (bora_view){ numbers(1, TOKENS * WIDTH), TOKENS, WIDTH };
        call.weights[0] = weight(numbers(2, WIDTH * TAPS), n_dims, WIDTH, n_dims == 2 ? TAPS : 1, TAPS);
        call.weights[1] = weight(numbers(3, WIDTH), 1, WIDTH, 1, 1);
        if (n_dims == 2)
            ((bora_weight *)(uintptr_t)call.weights[0])->shape[2] = 1;
        check_both(&call, conv_expected, tolerance);
        free_inputs(&call);
    }
}

static bora_call scan_call(const bora_mamba2_attrs *attrs, int64_t n_tokens, bool column)
{
    bora_call call = { .op = &op_mamba2, .attrs = attrs, .node = "mamba2", .n_inputs = 2, .n_weights = 3 };
    int64_t heads = attrs->n_heads, width = heads * attrs->head_dim + 2 * attrs->n_groups * attrs->state_dim;
    call.inputs[0] = (bora_view){ numbers(4, (size_t)(n_tokens * width)), n_tokens, width };
    call.inputs[1] = (bora_view){ numbers(5, (size_t)(n_tokens * heads)), n_tokens, heads };
    for (int i = 0; i < 3; i++)
        call.weights[i] = weight(numbers(6 + i, (size_t)heads), column ? 2 : 1, heads, 1, 1);
    return call;
}

static void a_scan_is_that_of_transformers(void **state)
{
    (void)state;
    bora_mamba2_attrs attrs = {
        .n_heads = HEADS, .head_dim = HEAD_DIM, .n_groups = GROUPS, .state_dim = STATE_DIM, .a_is_log = true
    };
    bora_call call = scan_call(&attrs, TOKENS, false);
    check_both(&call, scan_expected, tolerance);
    attrs.dt_min = 0.5F;
    attrs.dt_max = 0.9F;
    check_both(&call, clamped_expected, tolerance);
    free_inputs(&call);

    /* The other way to store it: columns, and a itself. */
    attrs = (bora_mamba2_attrs){ .n_heads = HEADS, .head_dim = HEAD_DIM, .n_groups = GROUPS, .state_dim = STATE_DIM };
    call = scan_call(&attrs, TOKENS, true);
    float *a = (float *)(uintptr_t)call.weights[0]->data;
    for (int i = 0; i < HEADS; i++)
        a[i] = -expf(a[i]);
    check_both(&call, scan_expected, tolerance);
    free_inputs(&call);
}

static const int32_t lengths[N_SEQUENCES] = { 37, 1, 20 };
enum { ALL_ROWS = 58 };

static void check_cuts(const bora_call *call, double near_reference)
{
    static const int32_t steps[] = { 37, 1, 2, 3, 16 };
    float *reference = run_sequences(call, NULL, lengths, N_SEQUENCES, 5), *first = NULL;
    bora_call shaped = *call;
    shape(&shaped);
    size_t n = (size_t)(ALL_ROWS * shaped.output.width);
    for (int threads = 1; threads <= 5; threads += 2) {
        bora_device *device = open_device(cpu, threads);
        for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
            float *out = run_sequences(call, device, lengths, N_SEQUENCES, steps[s]);
            if (first)
                assert_same_bits(out, first, n, call->node);
            else
                check(out, reference, n, near_reference, call->node);
            if (first)
                free(out);
            else
                first = out;
        }
        cpu->backends[0]->close(device);
    }
    free(first);
    free(reference);
}

static void bits_do_not_depend_on_cuts_or_threads(void **state)
{
    (void)state;
    static const int64_t widths[] = { 1, 5, 64, 131 }, taps[] = { 1, 2, 4, 7 };
    for (int w = 0; w < 4; w++)
        for (int k = 0; k < 4; k++) {
            bora_causal_conv1d_attrs attrs = { .kind = k % 2 ? BORA_IDENTITY : BORA_GELU };
            bora_call call = { .op = &op_causal_conv1d, .attrs = &attrs, .node = "conv1d", .n_inputs = 1 };
            call.n_weights = 1;
            call.inputs[0] = (bora_view){ numbers(w, (size_t)(ALL_ROWS * widths[w])), ALL_ROWS, widths[w] };
            call.weights[0] = weight(numbers(k, (size_t)(widths[w] * taps[k])), 2, widths[w], taps[k], 1);
            check_cuts(&call, tolerance);
            free_inputs(&call);
        }
    static const bora_mamba2_attrs scans[] = {
        { .n_heads = 1, .head_dim = 1, .n_groups = 1, .state_dim = 1, .a_is_log = true },
        { .n_heads = 6, .head_dim = 5, .n_groups = 3, .state_dim = 16, .a_is_log = true },
        { .n_heads = 3, .head_dim = 9, .n_groups = 1, .state_dim = 37, .a_is_log = true },
        { .n_heads = 4, .head_dim = 64, .n_groups = 4, .state_dim = 64, .a_is_log = true, .dt_max = 1 },
    };
    for (int i = 0; i < 4; i++) {
        bora_call call = scan_call(&scans[i], ALL_ROWS, i % 2);
        check_cuts(&call, 1e-4); /* of sums of some hundred products of numbers around 1 */
        free_inputs(&call);
    }
}

/* Two steps by hand: one head, a state of two numbers. */
static void a_scan_is_its_formula(void **state)
{
    (void)state;
    bora_mamba2_attrs attrs = { .n_heads = 1, .head_dim = 1, .n_groups = 1, .state_dim = 2 };
    static const float xbc[] = { 2, 1, 0.5F, 3, -1, 1, 0, 2, 1, 1 }, dt[] = { 0, 30 };
    bora_call call = { .op = &op_mamba2, .attrs = &attrs, .node = "mamba2", .n_inputs = 2, .n_weights = 3 };
    call.inputs[0] = (bora_view){ malloc(sizeof xbc), 2, 5 };
    call.inputs[1] = (bora_view){ malloc(sizeof dt), 2, 1 };
    memcpy(call.inputs[0].data, xbc, sizeof xbc);
    memcpy(call.inputs[1].data, dt, sizeof dt);
    static const float values[] = { -0.01F, 0.25F, 0 };
    for (int i = 0; i < 3; i++) {
        float *value = malloc(sizeof *value);
        *value = values[i];
        call.weights[i] = weight(value, 1, 1, 1, 1);
    }
    double dt0 = log(2), s[2] = { dt0 * 2 * 1, dt0 * 2 * 0.5 }, expected[2];
    expected[0] = s[0] * 3 - s[1] + 0.25 * 2;
    double keep = exp(30 * -0.01);
    expected[1] = s[0] * keep + (s[1] * keep + 30 * 1 * 2) + 0.25;
    const int32_t length = 2;
    bora_device *device = open_device(cpu, 1);
    float *out = run_sequences(&call, device, &length, 1, 2), *reference = run_sequences(&call, NULL, &length, 1, 2);
    for (int i = 0; i < 2; i++) {
        assert_near((double)out[i], expected[i], 1e-5, "kernel");
        assert_near((double)reference[i], expected[i], 1e-5, "reference");
    }
    free(out);
    free(reference);
    free_inputs(&call);
    cpu->backends[0]->close(device);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct {
        bora_mamba2_attrs attrs;
        const char *says;
    } cases[] = {
        { { 4, 3, 2, 0, 0, 0, true }, "state_dim 0" },
        { { 4, 3, 3, 5, 0, 0, true }, "4 heads cannot share 3 groups" },
        { { 4, 4, 2, 5, 0, 0, true }, "must be 16 and 2 x 10 wide" },
        { { INT32_MAX, INT32_MAX, 1, 5, 0, 0, true }, "wide" },
        { { 1, 1, 1, INT32_MAX, 0, 0, true }, "wide" },
    };
    bora_mamba2_attrs good = { HEADS, HEAD_DIM, GROUPS, STATE_DIM, 0, 0, true };
    bora_call call = scan_call(&good, TOKENS, false);
    call.inputs[0].rows = call.inputs[1].rows = BORA_ROWS_TOKENS;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bora_error err = { .code = BORA_OK };
        call.attrs = &cases[i].attrs;
        assert_false(op_mamba2.shape(&call, &err));
        if (!strstr(err.message, cases[i].says))
            fail_msg("\"%s\" is not in: %s", cases[i].says, err.message);
    }
    bora_error err = { .code = BORA_OK };
    call.attrs = &good;
    ((bora_weight *)(uintptr_t)call.weights[1])->shape[0] = 3;
    assert_false(op_mamba2.shape(&call, &err));
    assert_non_null(strstr(err.message, "4 numbers each"));
    free_inputs(&call);

    bora_causal_conv1d_attrs attrs = { .kind = BORA_SILU };
    call = (bora_call){ .op = &op_causal_conv1d, .attrs = &attrs, .n_inputs = 1, .n_weights = 1 };
    call.inputs[0] = (bora_view){ NULL, BORA_ROWS_TOKENS, 6 };
    static const int64_t shapes[][4] = { { 1, 6, 1, 1 }, { 2, 5, 4, 1 }, { 3, 6, 2, 4 }, { 2, 6, 0, 1 } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        bora_weight w = { .n_dims = (int)shapes[i][0], .shape = { shapes[i][1], shapes[i][2], shapes[i][3], 1 } };
        call.weights[0] = &w;
        assert_false(op_causal_conv1d.shape(&call, NULL));
    }
    bora_weight w = { .n_dims = 2, .shape = { 6, 4, 1, 1 } };
    call.weights[0] = &w;
    assert_true(op_causal_conv1d.shape(&call, NULL));
    call.inputs[0].rows = BORA_ROWS_OUTPUTS;
    assert_false(op_causal_conv1d.shape(&call, NULL));
}

/* A weight of several runs, as [groups n] and as [groups, n]. */
static void a_norm_goes_over_groups(void **state)
{
    (void)state;
    enum { ROWS = 5, N = 7, RUNS = 3 };
    bora_norm_attrs attrs = { .eps = 1e-5F, .groups = RUNS };
    bora_device *device = open_device(cpu, 2);
    for (int n_dims = 1; n_dims <= 2; n_dims++) {
        bora_call call = { .op = &op_rms_norm, .attrs = &attrs, .node = "norm", .n_inputs = 1, .n_weights = 1 };
        call.inputs[0] = (bora_view){ numbers(1, ROWS * RUNS * N), ROWS, RUNS * N };
        call.weights[0] = weight(numbers(2, RUNS * N), n_dims, n_dims == 1 ? RUNS * N : RUNS, n_dims == 1 ? 1 : N, 1);
        const int32_t length = ROWS;
        float *by_kernel = run_sequences(&call, device, &length, 1, 2);
        float *by_reference = run_sequences(&call, NULL, &length, 1, ROWS);
        for (int run = 0; run < ROWS * RUNS; run++) {
            const float *x = call.inputs[0].data + run * N;
            double sum = 0;
            for (int i = 0; i < N; i++)
                sum += (double)x[i] * (double)x[i];
            for (int i = 0; i < N; i++) {
                double w = sin((run % RUNS * N + i) * 0.7 + 2), y = (double)x[i] / sqrt(sum / N + 1e-5) * w;
                assert_near((double)by_kernel[run * N + i], y, tolerance, "kernel");
                assert_near((double)by_reference[run * N + i], y, tolerance, "reference");
            }
        }
        free(by_kernel);
        free(by_reference);
        free_inputs(&call);
    }
    cpu->backends[0]->close(device);

    bora_call call = { .op = &op_rms_norm, .attrs = &attrs, .n_inputs = 1, .n_weights = 1 };
    call.inputs[0] = (bora_view){ NULL, BORA_ROWS_TOKENS, RUNS * N };
    static const int64_t shapes[][3] = { { 1, N, 1 }, { 2, N, RUNS }, { 1, RUNS * N - 1, 1 }, { 2, RUNS, N + 1 } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        bora_weight w = { .n_dims = (int)shapes[i][0], .shape = { shapes[i][1], shapes[i][2], 1, 1 } };
        call.weights[0] = &w;
        assert_false(op_rms_norm.shape(&call, NULL));
    }
}

static int load_cpu(void **state)
{
    (void)state;
    cpu = load_plugin("cpu");
    return cpu ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_convolution_is_that_of_torch), cmocka_unit_test(a_scan_is_that_of_transformers),
        cmocka_unit_test(a_scan_is_its_formula),          cmocka_unit_test(bits_do_not_depend_on_cuts_or_threads),
        cmocka_unit_test(what_does_not_fit_is_refused),   cmocka_unit_test(a_norm_goes_over_groups),
    };
    return cmocka_run_group_tests(tests, load_cpu, NULL);
}
