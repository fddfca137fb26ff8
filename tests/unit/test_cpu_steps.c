/* Backend "cpu": steps that run together leave the same bits as steps that run alone, wherever inputs and results lie,
 * and what they share is made once. */
#include "cpu_cut.h"

#include <stdatomic.h>

/* ---- formats ---- */

static atomic_int n_converted; /* rows */

static void counting_quantize(const float *in, const float *importance, void *blocks, size_t n)
{
    atomic_fetch_add(&n_converted, 1);
    small_quantize(in, importance, blocks, n);
}

/* A second format of activations, of the same bytes. */
static const bora_quant counting = { .name = "counting",
                                     .block_elems = 1,
                                     .block_bytes = 1,
                                     .dequantize = small_dequantize,
                                     .quantize = counting_quantize };
static const bora_quant pairs = {
    .name = "pairs", .block_elems = 2, .block_bytes = 2, .dequantize = small_dequantize, .quantize = small_quantize
};

/* Rows as they lie, in the small format; scratch of its own size. */
enum { LYING_PANEL = 2, LYING_TOKENS = 40 };

static size_t lying_scratch(int64_t k, int n_tokens)
{
    return (size_t)k + (size_t)n_tokens;
}

static void lying_dot(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k,
                      const void *acts, size_t act_bytes, int n_tokens, float *out, size_t out_stride, float *scratch)
{
    (void)quant;
    memset(scratch, 0xff, lying_scratch(k, n_tokens)); /* it is ours */
    for (int t = 0; t < n_tokens; t++)
        for (int r = 0; r < n_rows; r++) {
            int64_t sum = 0;
            for (int64_t i = 0; i < k; i++)
                sum += ((const int8_t *)panel)[(size_t)r * row_bytes + (size_t)i] *
                       ((const int8_t *)acts)[(size_t)t * act_bytes + (size_t)i];
            out[(size_t)t * out_stride + (size_t)r] = (float)sum / (64 * 64);
        }
}

#define LYING(format)                                                                                                  \
    {                                                                                                                  \
        .panel_rows = LYING_PANEL, .max_tokens = LYING_TOKENS, .activation = &(format), .dot = lying_dot,              \
        .scratch_bytes = lying_scratch                                                                                 \
    }
static const bora_tile counting_tile = LYING(counting), pairs_tile = LYING(pairs);
static const bora_kernel packed_kernel = { "linear", "cpu", "small", .tile = &small_tile };
static const bora_kernel counting_kernel = { "linear", "cpu", "small", .tile = &counting_tile };
static const bora_kernel pairs_kernel = { "linear", "cpu", "small", .tile = &pairs_tile };

/* Operations by name alone: what the driver asks of them. */
static const bora_op op_linear = { .name = "linear" }, op_experts = { .name = "expert_linear" };

/* ---- random pieces ---- */

enum {
    MAX_ROWS = 9,
    MAX_WIDTH = 24,
    N_EXPERTS = 5,
    N_USED = 2,
    N_PLACES = 7,
    PLACE = MAX_ROWS * MAX_WIDTH * N_USED,
    ROUTES = N_PLACES * PLACE, /* behind them, written by nobody */
    POOL = ROUTES + MAX_ROWS * 2 * N_USED,
    N_STEPS = 24,
};

typedef struct piece {
    float *floats;  /* numbers of all weights, */
    int8_t *bytes;  /* the same in the small format, */
    int8_t *panels; /* and packed, for rows of each of the widths */
    int64_t rows;
    bora_call calls[N_STEPS];
    bora_step steps[N_STEPS];
    bora_weight weights[N_STEPS][2];
} piece;

enum { N_WIDTHS = 3, MATRIX = MAX_WIDTH * MAX_WIDTH };
static const int64_t widths[N_WIDTHS] = { 8, 12, MAX_WIDTH };

static int64_t draw(uint32_t *seed, int64_t n)
{
    return (int64_t)(next_random(seed) >> 8) % n;
}

static void open_piece(piece *p)
{
    p->floats = random_floats(N_EXPERTS * MATRIX, 71);
    for (int i = 0; i < N_EXPERTS * MATRIX; i++)
        p->floats[i] /= 4;
    p->bytes = malloc(N_EXPERTS * MATRIX);
    small_quantize(p->floats, NULL, p->bytes, N_EXPERTS * MATRIX);
    p->panels = malloc(N_WIDTHS * MATRIX);
    for (int w = 0; w < N_WIDTHS; w++)
        for (int64_t r = 0; r < MAX_WIDTH; r += SMALL_PANEL)
            small_pack(&small, p->bytes + r * widths[w], (size_t)widths[w], SMALL_PANEL, widths[w],
                       p->panels + w * MATRIX + r * widths[w]);
}

static void close_piece(piece *p)
{
    free(p->panels);
    free(p->bytes);
    free(p->floats);
}

static bool overlap(const bora_view *a, const bora_view *b)
{
    return a->data < b->data + b->rows * b->width && b->data < a->data + a->rows * a->width;
}

/* Somewhere: mostly at the beginning of a place, so that results replace each other row by row. */
static bora_view anywhere(float *pool, uint32_t *seed, int64_t rows, int64_t width)
{
    int64_t at = draw(seed, N_PLACES) * PLACE;
    if (draw(seed, 4) == 0)
        at = draw(seed, ROUTES - rows * width);
    return (bora_view){ pool + at, rows, width };
}

static const bora_norm_attrs norm_attrs = { .eps = 1e-5F };
static const bora_scale_attrs scale_attrs = { 0.75F };
static const bora_activation_attrs silu = { BORA_SILU }, gelu = { BORA_GELU_TANH };
static const bora_clamped_gate_attrs clamped = { .limit = 2, .alpha = 1.5F };

static const struct {
    const char *op;
    int n_inputs;
    const void *attrs;
} by_rows[] = {
    { "rms_norm", 1, &norm_attrs },
    { "layer_norm", 1, &norm_attrs },
    { "add", 2, NULL },
    { "add", 2, NULL },
    { "mul", 2, NULL },
    { "scale", 1, &scale_attrs },
    { "softcap", 1, &scale_attrs },
    { "activation", 1, &silu },
    { "gate", 2, &gelu },
    { "clamped_gate", 2, &clamped },
    { "rms_norm", 1, &norm_attrs },
    { "gate", 2, &silu },
};
enum { N_BY_ROWS = sizeof by_rows / sizeof *by_rows };

/* What a step may be, before it is known where it lies. Each returns the kernel. */
static const bora_kernel *draw_by_rows(const piece *p, bora_call *call, uint32_t *seed, bora_weight *weight)
{
    int64_t i = draw(seed, N_BY_ROWS), width = widths[draw(seed, N_WIDTHS)];
    call->attrs = by_rows[i].attrs;
    call->n_inputs = by_rows[i].n_inputs;
    call->inputs[0].width = call->inputs[1].width = call->output.width = width;
    if (strstr(by_rows[i].op, "norm")) {
        *weight = (bora_weight){ "n", NULL, 1, { draw(seed, 2) ? width : width / 2, 1, 1, 1 }, p->floats };
        call->n_weights = 1;
        call->weights[0] = weight;
    }
    return find_kernel(cpu, by_rows[i].op, NULL);
}

static const bora_kernel *draw_product(const piece *p, bora_call *call, uint32_t *seed, bora_weight weights[2])
{
    const bora_kernel *const kernels[] = { find_kernel(cpu, "linear", NULL), find_kernel(cpu, "linear", "*"),
                                           &counting_kernel, &pairs_kernel, &packed_kernel };
    enum { PLAIN, PACKED = 4, N_KERNELS };
    int64_t w = draw(seed, N_WIDTHS), k = widths[w], n = widths[draw(seed, N_WIDTHS)], i = draw(seed, N_KERNELS);
    const void *data = i == PLAIN ? (void *)p->floats : i == PACKED ? p->panels + w * MATRIX : p->bytes;
    bool experts = i != PACKED && draw(seed, 4) == 0;
    call->op = experts ? &op_experts : &op_linear;
    call->n_inputs = 1;
    call->inputs[0].width = k;
    call->output.width = n;
    weights[0] = (bora_weight){ "w", i == PLAIN ? NULL : &small, 2, { n, k, 1, 1 }, data };
    weights[1] = (bora_weight){ "b", NULL, 1, { n, 1, 1, 1 }, p->floats };
    if (experts) {
        call->n_inputs = 2;
        call->inputs[0].width = draw(seed, 2) ? k : N_USED * k;
        call->inputs[1].width = 2 * N_USED;
        call->output.width = N_USED * n;
        weights[0] = (bora_weight){ "w", weights[0].quant, 3, { N_EXPERTS, n, k, 1 }, data };
        weights[1] = (bora_weight){ "b", NULL, 2, { N_EXPERTS, n, 1, 1 }, p->floats };
    }
    call->n_weights = 2;
    call->weights[0] = &weights[0];
    call->weights[1] = draw(seed, 2) ? &weights[1] : NULL;
    return kernels[i];
}

/* Where an input of step `s` lies: often where an earlier step read or wrote, so that there is something to share. */
static bora_view draw_input(const piece *p, int s, int64_t width, float *pool, uint32_t *seed)
{
    const bora_call *other = s > 0 ? &p->calls[s - 1 - draw(seed, s < 4 ? s : 4)] : NULL;
    const bora_view *view = !other ? NULL : draw(seed, 2) ? &other->output : &other->inputs[0];
    if (view && view->width == width && draw(seed, 4) > 0)
        return *view;
    return anywhere(pool, seed, p->rows, width);
}

static void draw_step(piece *p, int s, float *pool, uint32_t *seed)
{
    bora_call *call = &p->calls[s];
    *call = (bora_call){ .node = "step" };
    const bora_kernel *kernel =
        draw(seed, 2) ? draw_by_rows(p, call, seed, p->weights[s]) : draw_product(p, call, seed, p->weights[s]);
    for (int i = 0; i < call->n_inputs; i++)
        call->inputs[i] = draw_input(p, s, call->inputs[i].width, pool, seed);
    if (call->op == &op_experts)
        call->inputs[1] = (bora_view){ pool + ROUTES, p->rows, 2 * N_USED };
    bool clash;
    do {
        call->output = anywhere(pool, seed, p->rows, call->output.width);
        clash = overlap(&call->output, &call->inputs[0]);
        clash = clash || (call->n_inputs > 1 && overlap(&call->output, &call->inputs[1]));
    } while (clash);
    p->steps[s] = (bora_step){ kernel, call };
}

/* Each row goes to two different experts. */
static void set_routes(float *routes, int64_t rows)
{
    for (int64_t t = 0; t < rows; t++, routes += 2 * N_USED)
        for (int i = 0; i < N_USED; i++) {
            routes[i] = (float)((t * 3 + i * 2) % N_EXPERTS);
            routes[N_USED + i] = 0.5F;
        }
}

static void run_piece(bora_device *device, const bora_step *steps, size_t n)
{
    bora_error err = { .code = BORA_OK };
    if (!cpu->backends[0]->run(device, steps, n, &err))
        fail_msg("%s", err.message);
}

static void steps_together_are_steps_alone(void **state)
{
    (void)state;
    static piece p;
    open_piece(&p);
    float *pool = malloc(POOL * sizeof *pool), *start = random_floats(POOL, 72), *alone = malloc(POOL * sizeof *alone);
    bora_device *devices[2] = { open_device(cpu, 1), open_device(cpu, 3) };
    for (uint32_t run = 0; run < 300; run++) {
        uint32_t seed = 1000 + run;
        const int64_t rows[] = { 1, 2, 5, MAX_ROWS };
        p.rows = rows[run % 4];
        set_routes(start + ROUTES, p.rows);
        for (int s = 0; s < N_STEPS; s++)
            draw_step(&p, s, pool, &seed);
        memcpy(pool, start, POOL * sizeof *pool);
        for (int s = 0; s < N_STEPS; s++)
            run_piece(devices[0], &p.steps[s], 1);
        memcpy(alone, pool, POOL * sizeof *pool);
        for (int d = 0; d < 2; d++) {
            memcpy(pool, start, POOL * sizeof *pool);
            run_piece(devices[d], p.steps, N_STEPS);
            assert_same_bits(pool, alone, POOL, "a piece");
        }
    }
    cpu->backends[0]->close(devices[0]);
    cpu->backends[0]->close(devices[1]);
    free(alone);
    free(start);
    free(pool);
    close_piece(&p);
}

/* ---- what is shared ---- */

static void an_input_is_converted_once(void **state)
{
    (void)state;
    enum { ROWS = 3, K = 8, N = 6 };
    float *x = random_floats(ROWS * K, 81), *y = random_floats(ROWS * K, 82), out[4][ROWS * N];
    int8_t w[N * K];
    float numbers[N * K];
    for (int i = 0; i < N * K; i++)
        numbers[i] = (float)(i % 5 - 2) / 8;
    small_quantize(numbers, NULL, w, N * K);
    bora_weight weight = { "w", &small, 2, { N, K, 1, 1 }, w }, ones = { "n", NULL, 1, { K, 1, 1, 1 }, numbers };
    bora_call linear[4], norm = { .node = "norm",
                                  .attrs = &norm_attrs,
                                  .n_inputs = 1,
                                  .n_weights = 1,
                                  .weights = { &ones },
                                  .inputs = { { y, ROWS, K } },
                                  .output = { x, ROWS, K } };
    for (int i = 0; i < 4; i++)
        linear[i] = (bora_call){ .op = &op_linear,
                                 .node = "linear",
                                 .n_inputs = 1,
                                 .n_weights = 1,
                                 .weights = { &weight },
                                 .inputs = { { x, ROWS, K } },
                                 .output = { out[i], ROWS, N } };
    bora_device *device = open_device(cpu, 2);
    const bora_kernel *by_rows_kernel = find_kernel(cpu, "rms_norm", NULL);
    const bora_step steps[] = {
        { &counting_kernel, &linear[0] }, { &counting_kernel, &linear[1] }, { by_rows_kernel, &norm },
        { &counting_kernel, &linear[2] }, { &counting_kernel, &linear[3] },
    };
    atomic_store(&n_converted, 0);
    run_piece(device, steps, 2);
    assert_int_equal(atomic_load(&n_converted), ROWS);
    run_piece(device, steps, 2); /* who knows what happened in between */
    assert_int_equal(atomic_load(&n_converted), 2 * ROWS);
    run_piece(device, steps, 5); /* the norm wrote where they read */
    assert_int_equal(atomic_load(&n_converted), 4 * ROWS);
    bora_call other = norm; /* writes the last number of x alone */
    other.inputs[0] = (bora_view){ y, 1, 1 };
    other.output = (bora_view){ x + ROWS * K - 1, 1, 1 };
    ones.shape[0] = 1;
    const bora_step touched[] = { steps[0], { by_rows_kernel, &other }, steps[3] };
    run_piece(device, touched, 3);
    assert_int_equal(atomic_load(&n_converted), 6 * ROWS);
    other.output.data = y + ROWS * K - 1; /* and nothing of x */
    run_piece(device, touched, 3);
    assert_int_equal(atomic_load(&n_converted), 7 * ROWS);
    cpu->backends[0]->close(device);
    free(y);
    free(x);
}

static void errors_name_the_step(void **state)
{
    (void)state;
    float x[2 * 3] = { 0 }, out[2][2 * 2];
    int8_t w[2 * 3] = { 0 };
    bora_weight weight = { "w", &small, 2, { 2, 3, 1, 1 }, w };
    bora_call calls[2];
    for (int i = 0; i < 2; i++)
        calls[i] = (bora_call){ .op = &op_linear,
                                .node = i ? "layer.1" : "layer.0",
                                .n_inputs = 1,
                                .n_weights = 1,
                                .weights = { &weight },
                                .inputs = { { x, 2, 3 } },
                                .output = { out[i], 2, 2 } };
    bora_device *device = open_device(cpu, 2);
    const bora_step steps[] = { { &counting_kernel, &calls[0] }, { &pairs_kernel, &calls[1] } };
    bora_error err = { .code = BORA_OK };
    assert_false(cpu->backends[0]->run(device, steps, 2, &err)); /* three numbers in blocks of two */
    assert_int_equal(err.code, BORA_UNSUPPORTED);
    assert_non_null(strstr(err.message, "layer.1"));
    assert_non_null(strstr(err.message, "pairs"));
    run_piece(device, steps, 1);
    cpu->backends[0]->close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_together_are_steps_alone),
        cmocka_unit_test(an_input_is_converted_once),
        cmocka_unit_test(errors_name_the_step),
    };
    return cmocka_run_group_tests(tests, load_cpu, NULL);
}
