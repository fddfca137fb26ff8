/* Backend "cpu": slice, join and head_linear, each against the definition, against its reference, and cut in every
 * way; and which shapes the operations refuse. */
#include "cpu_cut.h"

#include "graph/ops/ops.h"

/* The kernel's result and the reference's for `call`, whose output.data has room for it. */
static void run_both(const bora_op *op, const char *quant, bora_call *call, float *by_reference)
{
    bora_error err = { .code = BORA_OK };
    bora_call shaped = *call, reference = *call;
    if (!op->shape(&shaped, &err))
        fail_msg("%s", err.message);
    assert_int_equal(shaped.output.rows, call->output.rows);
    assert_int_equal(shaped.output.width, call->output.width);
    reference.output.data = by_reference;
    assert_true(op->reference(&reference, &err));
    run_and_cut(find_kernel(cpu, op->name, quant), call, 0);
}

/* ---- slice and join ---- */

static void check_slice(int64_t rows, int64_t runs, bora_slice_attrs attrs)
{
    int64_t each = attrs.each ? attrs.each : 23, width = runs * each;
    float *x = random_floats((size_t)(rows * width), 1), *out = blank_floats((size_t)(rows * runs * attrs.width));
    float *reference = blank_floats((size_t)(rows * runs * attrs.width));
    bora_call call = { .node = "slice",
                       .attrs = &attrs,
                       .n_inputs = 1,
                       .inputs = { { x, rows, width } },
                       .output = { out, rows, runs * attrs.width } };
    run_both(&op_slice, NULL, &call, reference);
    for (int64_t r = 0; r < rows * runs; r++)
        assert_same_bits(out + r * attrs.width, x + r * each + attrs.from, (size_t)attrs.width, "slice");
    assert_same_bits(out, reference, (size_t)(rows * runs * attrs.width), "slice");
    free(reference);
    free(out);
    free(x);
}

static void slices_are_of_each_run(void **state)
{
    (void)state;
    check_slice(1, 1, (bora_slice_attrs){ 0, 1, 1 });
    check_slice(7, 1, (bora_slice_attrs){ 3, 20, 0 }); /* the whole row is one run */
    check_slice(61, 5, (bora_slice_attrs){ 0, 24, 40 });
    check_slice(61, 5, (bora_slice_attrs){ 24, 16, 40 });
    check_slice(400, 16, (bora_slice_attrs){ 7, 3, 11 });
}

static void check_join(int64_t rows, int64_t wa, int64_t wb, bora_join_attrs attrs)
{
    int64_t runs = attrs.runs, b_runs = attrs.shared ? 1 : runs, width = runs * (wa + wb);
    float *a = random_floats((size_t)(rows * runs * wa), 2), *b = random_floats((size_t)(rows * b_runs * wb), 3);
    float *out = blank_floats((size_t)(rows * width)), *reference = blank_floats((size_t)(rows * width));
    bora_call call = { .node = "join",
                       .attrs = &attrs,
                       .n_inputs = 2,
                       .inputs = { { a, rows, runs * wa }, { b, rows, b_runs * wb } },
                       .output = { out, rows, width } };
    run_both(&op_join, NULL, &call, reference);
    for (int64_t t = 0; t < rows; t++)
        for (int64_t r = 0; r < runs; r++) {
            float *run = out + (t * runs + r) * (wa + wb);
            assert_same_bits(run, a + (t * runs + r) * wa, (size_t)wa, "join, a");
            assert_same_bits(run + wa, b + (t * b_runs + (attrs.shared ? 0 : r)) * wb, (size_t)wb, "join, b");
        }
    assert_same_bits(out, reference, (size_t)(rows * width), "join");
    free(reference);
    free(out);
    free(b);
    free(a);
}

static void rows_are_joined_run_by_run(void **state)
{
    (void)state;
    check_join(1, 1, 1, (bora_join_attrs){ .runs = 1 });
    check_join(61, 33, 7, (bora_join_attrs){ .runs = 1 });
    check_join(61, 33, 7, (bora_join_attrs){ .runs = 6 });
    check_join(61, 5, 12, (bora_join_attrs){ .runs = 6, .shared = true });
}

static void parts_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    const bora_slice_attrs slices[] = { { 0, 0, 0 }, { -1, 2, 0 }, { 11, 2, 0 },         { 0, 2, 5 },
                                        { 3, 2, 4 }, { 0, 2, -4 }, { INT32_MAX, 2, 12 }, { 2, INT32_MAX, 12 } };
    for (size_t i = 0; i < sizeof slices / sizeof *slices; i++) {
        bora_error err = { .code = BORA_OK };
        bora_call call = { .attrs = &slices[i], .n_inputs = 1, .inputs = { { NULL, BORA_ROWS_TOKENS, 12 } } };
        assert_false(op_slice.shape(&call, &err));
        assert_int_equal(err.code, BORA_FORMAT);
    }
    const bora_join_attrs joins[] = { { 0, false }, { -1, false }, { 5, false }, { 4, false }, { 5, true } };
    for (size_t i = 0; i < sizeof joins / sizeof *joins; i++) {
        bora_error err = { .code = BORA_OK };
        bora_call call = { .attrs = &joins[i],
                           .n_inputs = 2,
                           .inputs = { { NULL, BORA_ROWS_TOKENS, 12 }, { NULL, BORA_ROWS_TOKENS, 3 } } };
        assert_false(op_join.shape(&call, &err));
    }
}

/* ---- head_linear ---- */

/* A format whose blocks of eight numbers have one scale: a byte of scale in 1/64, then eight bytes in 1/64. */
static void eights_dequantize(const void *blocks, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const int8_t *block = (const int8_t *)blocks + i / 8 * 9;
        out[i] = (float)block[0] / 64 * (float)block[1 + i % 8] / 64;
    }
}

static const bora_quant eights = {
    .name = "eights", .block_elems = 8, .block_bytes = 9, .dequantize = eights_dequantize
};

typedef struct shape {
    int64_t rows, heads, of_head, n;
    int32_t from, take; /* take 0: all */
    bool three;         /* dimensions of the weight */
} shape;

/* y against the definition in double, whatever the format: `w` is the weight as floats. */
static void check_products(const shape *s, bool transposed, const float *w, const float *x, const float *y)
{
    int64_t used = s->take ? s->take : s->of_head - s->from, n_in = transposed ? used : s->n;
    int64_t n_out = transposed ? s->n : used;
    for (int64_t t = 0; t < s->rows; t++)
        for (int64_t h = 0; h < s->heads; h++)
            for (int64_t o = 0; o < n_out; o++) {
                double sum = 0, size = 0;
                for (int64_t i = 0; i < n_in; i++) {
                    int64_t row = h * s->of_head + s->from + (transposed ? i : o);
                    double product =
                        (double)w[row * s->n + (transposed ? o : i)] * (double)x[(t * s->heads + h) * n_in + i];
                    sum += product;
                    size += fabs(product);
                }
                assert_near((double)y[(t * s->heads + h) * n_out + o], sum, 1e-6 * (1 + size), "head_linear");
            }
}

static void check_head_linear(shape s, const bora_quant *quant, bool transposed)
{
    int64_t total = s.heads * s.of_head * s.n, used = s.take ? s.take : s.of_head - s.from;
    int64_t x_width = s.heads * (transposed ? used : s.n), y_width = s.heads * (transposed ? s.n : used);
    float *w = random_floats((size_t)total, 4), *x = random_floats((size_t)(s.rows * x_width), 5);
    float *y = blank_floats((size_t)(s.rows * y_width)), *reference = blank_floats((size_t)(s.rows * y_width));
    int8_t *blocks = malloc((size_t)total * 2 + 9);
    assert_non_null(blocks);
    for (int64_t i = 0; i < total * 2 + 9; i++)
        blocks[i] = (int8_t)(i * 37 % 251 - 125);
    bora_weight weight = { "w", quant, 2, { s.heads * s.of_head, s.n, 1, 1 }, quant ? (void *)blocks : w };
    if (s.three)
        weight = (bora_weight){ "w", quant, 3, { s.heads, s.of_head, s.n, 1 }, weight.data };
    if (quant)
        quant->dequantize(blocks, w, (size_t)total);
    bora_head_linear_attrs attrs = {
        .heads = (int32_t)s.heads, .from = s.from, .rows = s.take, .transposed = transposed
    };
    bora_call call = { .node = "head_linear",
                       .attrs = &attrs,
                       .n_inputs = 1,
                       .n_weights = 1,
                       .inputs = { { x, s.rows, x_width } },
                       .weights = { &weight },
                       .output = { y, s.rows, y_width } };
    run_both(&op_head_linear, BORA_ANY_QUANT, &call, reference);
    check_products(&s, transposed, w, x, y);
    check_products(&s, transposed, w, x, reference);
    free(blocks);
    free(reference);
    free(y);
    free(x);
    free(w);
}

static void a_matrix_for_each_head(void **state)
{
    (void)state;
    const shape shapes[] = {
        { 1, 1, 1, 1, 0, 0, false },    { 3, 1, 1, 1, 0, 1, true },      { 41, 3, 40, 33, 0, 24, false },
        { 41, 3, 40, 33, 24, 0, true }, { 70, 2, 37, 19, 5, 17, false }, { 2, 9, 16, 65, 0, 0, true },
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int transposed = 0; transposed < 2; transposed++) {
            check_head_linear(shapes[i], NULL, transposed);
            check_head_linear(shapes[i], &small, transposed);
        }
}

static void weights_in_blocks(void **state)
{
    (void)state;
    const shape shapes[] = {
        { 70, 3, 40, 24, 24, 16, false },
        { 5, 3, 40, 24, 0, 24, true },
        { 67, 4, 8, 16, 3, 5, true },
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int transposed = 0; transposed < 2; transposed++)
            check_head_linear(shapes[i], &eights, transposed);
}

/* W = [[1, 2], [3, 4], [5, 6]] for head 0, ten times that for head 1. */
static void products_by_hand(void **state)
{
    (void)state;
    float w[] = { 1, 2, 3, 4, 5, 6, 10, 20, 30, 40, 50, 60 }, x[] = { 1, -1, 2, 3 }, y[4];
    bora_weight weight = { "w", NULL, 2, { 6, 2, 1, 1 }, w };
    bora_head_linear_attrs attrs = { .heads = 2, .from = 1 };
    bora_call call = { .node = "head_linear",
                       .attrs = &attrs,
                       .n_inputs = 1,
                       .n_weights = 1,
                       .inputs = { { x, 1, 4 } },
                       .weights = { &weight },
                       .output = { y, 1, 4 } };
    bora_device *device = open_device(cpu, 1);
    run_call(cpu, device, find_kernel(cpu, "head_linear", BORA_ANY_QUANT), &call);
    const float rows[] = { 3 - 4, 5 - 6, 60 + 120, 100 + 180 };
    assert_same_bits(y, rows, 4, "rows 1 and 2");
    attrs.transposed = true;
    run_call(cpu, device, find_kernel(cpu, "head_linear", BORA_ANY_QUANT), &call);
    const float columns[] = { 3 - 5, 4 - 6, 60 + 150, 80 + 180 };
    assert_same_bits(y, columns, 4, "rows 1 and 2, transposed");
    cpu->backends[0]->close(device);
}

static void weights_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    const bora_weight weights[] = {
        { .name = "w", .n_dims = 2, .shape = { 12, 5, 1, 1 } },
        { .name = "w", .n_dims = 3, .shape = { 3, 4, 5, 1 } },
        { .name = "w", .n_dims = 1, .shape = { 60, 1, 1, 1 } },
    };
    static const struct {
        bora_head_linear_attrs attrs;
        int64_t width;
    } cases[] = {
        { { .heads = 0 }, 15 },
        { { .heads = -3 }, 15 },
        { { .heads = 5 }, 25 },
        { { .heads = 3, .from = 4 }, 15 },
        { { .heads = 3, .from = -1 }, 15 },
        { { .heads = 3, .from = 1, .rows = 4 }, 15 },
        { { .heads = 3, .from = 1, .rows = INT32_MAX }, 15 },
        { { .heads = 3, .rows = -1 }, 15 },
        { { .heads = 3 }, 14 },
        { { .heads = 3, .transposed = true }, 15 },
    };
    for (int w = 0; w < 3; w++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            bora_error err = { .code = BORA_OK };
            bora_call call = { .attrs = &cases[i].attrs,
                               .n_inputs = 1,
                               .n_weights = 1,
                               .inputs = { { NULL, BORA_ROWS_TOKENS, cases[i].width } },
                               .weights = { &weights[w] } };
            if (op_head_linear.shape(&call, &err))
                fail_msg("case %zu of weight %d is accepted", i, w);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_of_each_run),
        cmocka_unit_test(rows_are_joined_run_by_run),
        cmocka_unit_test(parts_that_do_not_fit_are_refused),
        cmocka_unit_test(a_matrix_for_each_head),
        cmocka_unit_test(weights_in_blocks),
        cmocka_unit_test(products_by_hand),
        cmocka_unit_test(weights_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, load_cpu, NULL);
}
