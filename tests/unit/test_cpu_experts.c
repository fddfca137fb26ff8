/* Mixtures of experts: routes against what transformers' own routers chose, products against `linear` by the same tile
 * and against the reference, and how all of it may be cut. */
#include "cpu_cut.h"

#include "graph/exec.h"
#include "model/model.h"

static bora_runtime *runtime;

static int open_all(void **state)
{
    static char plugins[512];
    const char *build = getenv("BORA_BUILD");
    snprintf(plugins, sizeof plugins, "%s/lib/bora/plugins", build ? build : "build");
    const char *const paths[] = { plugins, NULL };
    runtime = bora_runtime_new(&(bora_runtime_options){ .plugin_paths = paths, .no_default_plugins = true }, NULL);
    return runtime ? load_cpu(state) : -1;
}

static int close_all(void **state)
{
    (void)state;
    bora_runtime_free(runtime);
    return 0;
}

static const bora_op *op(const char *name)
{
    const bora_op *o = bora_runtime_op(runtime, name);
    assert_non_null(o);
    return o;
}

/* ---- route ---- */

enum { EXPERTS = 12, USED = 4 };

static void routers_choose_as_in_transformers(void **state)
{
    (void)state;
    float logits[EXPERTS], b[EXPERTS];
    for (int i = 0; i < EXPERTS; i++) {
        logits[i] = (float)((i * 37 + 11) % 25 - 12) / 4;
        b[i] = (float)((i * 5 + 3) % 7 - 3) / 8;
    }
    const struct {
        bora_route_attrs attrs;
        bool with_bias;
        float expected[2 * USED];
    } cases[] = {
        /* qwen3_moe without norm_topk_prob */
        { { .n_used = USED }, false, { 1, 3, 5, 7, 0.271227747F, 0.211232379F, 0.16450794F, 0.128118917F } },
        /* mixtral */
        { { .n_used = USED, .normalize = true },
          false,
          { 1, 3, 5, 7, 0.349932015F, 0.272527307F, 0.212244481F, 0.165296182F } },
        /* gpt_oss, granitemoe */
        { { .n_used = USED, .scoring = BORA_ROUTE_SOFTMAX_USED },
          false,
          { 1, 3, 5, 7, 0.349932015F, 0.272527337F, 0.212244496F, 0.165296182F } },
        /* deepseek_v2, greedy and group_limited_greedy */
        { { .n_used = USED, .scale = 2.5F },
          false,
          { 1, 3, 5, 7, 0.678069353F, 0.52808094F, 0.411269844F, 0.320297301F } },
        { { .n_used = USED, .scale = 16, .n_groups = 4, .n_groups_used = 2 },
          false,
          { 1, 3, 5, 0, 4.339643955F, 3.379718065F, 2.632127047F, 0.21605815F } },
        /* deepseek_v3, with groups and without */
        { { .n_used = USED,
            .scoring = BORA_ROUTE_SIGMOID,
            .normalize = true,
            .eps = 1e-20F,
            .scale = 2.5F,
            .n_groups = 4,
            .n_groups_used = 2,
            .group_score = BORA_ROUTE_GROUP_TOP2 },
          true,
          { 9, 3, 11, 5, 0.608829975F, 0.660418391F, 0.584262252F, 0.646489322F } },
        { { .n_used = USED, .scoring = BORA_ROUTE_SIGMOID, .n_groups = 1, .n_groups_used = 1 },
          true,
          { 9, 3, 7, 2, 0.851952732F, 0.924141824F, 0.880797029F, 0.377540678F } },
    };
    bora_device *device = open_device(cpu, 1);
    bora_weight bias = { "bias", NULL, 1, { EXPERTS, 1, 1, 1 }, b };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int by_kernel = 0; by_kernel < 2; by_kernel++) {
            float out[2 * USED];
            bora_error err = { .code = BORA_OK };
            bora_call call = { .op = op("route"),
                               .node = "route",
                               .attrs = &cases[c].attrs,
                               .n_inputs = 1,
                               .n_weights = 1,
                               .inputs = { { logits, 1, EXPERTS } },
                               .weights = { cases[c].with_bias ? &bias : NULL } };
            assert_true(call.op->shape(&call, &err));
            assert_int_equal(call.output.rows, 1);
            assert_int_equal(call.output.width, 2 * USED);
            call.output.data = out;
            if (by_kernel)
                run_call(cpu, device, find_kernel(cpu, "route", NULL), &call);
            else
                assert_true(call.op->reference(&call, &err));
            for (int i = 0; i < 2 * USED; i++) /* theirs are computed in floats */
                assert_near((double)out[i], (double)cases[c].expected[i], 3e-7 * (double)cases[c].expected[i], "route");
        }
    cpu->backends[0]->close(device);
}

static void equal_experts_come_in_their_order(void **state)
{
    (void)state;
    const float logits[] = { 1, 3, 3, -2, 3, 1 };
    float scratch[18], out[8];
    bora_route_attrs attrs = { .n_used = 4, .scoring = BORA_ROUTE_SIGMOID };
    bora_route_row(&attrs, logits, NULL, 6, scratch, out);
    const float expected[] = { 1, 2, 4, 0 };
    assert_same_bits(out, expected, 4, "ids");
    attrs = (bora_route_attrs){ .n_used = 4, .n_groups = 3, .n_groups_used = 2 }; /* each group has a 3 */
    bora_route_row(&attrs, logits, NULL, 6, scratch, out);
    const float of_groups[] = { 1, 2, 0, 3 };
    assert_same_bits(out, of_groups, 4, "ids");
}

/* Whatever a broken model's router says, ids are experts and none comes twice. */
static void no_logits_lead_outside(void **state)
{
    (void)state;
    static const float odd[] = { NAN, INFINITY, -INFINITY, 3e38F, -3e38F, 0, -0.0F, 1 };
    float logits[8], bias[8], scratch[24], out[8];
    uint32_t seed = 5;
    for (int i = 0; i < 4000; i++) {
        for (int e = 0; e < 8; e++) {
            logits[e] = odd[(next_random(&seed) >> 16) % 8];
            bias[e] = odd[(next_random(&seed) >> 16) % 8];
        }
        bora_route_attrs attrs = { .n_used = 1 + i % 4,
                                   .scoring = (bora_route_scoring)(i / 4 % 3),
                                   .normalize = i / 12 % 2,
                                   .n_groups = i / 24 % 2 * 4,
                                   .n_groups_used = 2,
                                   .group_score = (bora_route_group_score)(i / 48 % 2) };
        bora_route_row(&attrs, logits, i / 96 % 2 ? bias : NULL, 8, scratch, out);
        unsigned seen = 0;
        for (int slot = 0; slot < attrs.n_used; slot++) {
            int64_t expert = bora_route_expert(out, slot, 8);
            assert_true(expert >= 0 && expert < 8);
            assert_false(seen & 1u << expert);
            seen |= 1u << expert;
        }
    }
    const float bad[] = { -1, 8, 2.5F, NAN, INFINITY, -INFINITY, 3e38F };
    for (int i = 0; i < 7; i++)
        assert_int_equal(bora_route_expert(bad, i, 8), -1);
}

static void routes_may_be_cut(void **state)
{
    (void)state;
    enum { ROWS = 67, MANY = 61 };
    float *x = random_floats(ROWS * MANY, 3), *out = blank_floats(ROWS * 14);
    bora_route_attrs attrs = { .n_used = 7, .normalize = true };
    bora_call call = { .op = op("route"),
                       .node = "route",
                       .attrs = &attrs,
                       .n_inputs = 1,
                       .inputs = { { x, ROWS, MANY } },
                       .output = { out, ROWS, 14 } };
    run_and_cut(find_kernel(cpu, "route", NULL), &call, 0);
    for (int t = 0; t < ROWS; t++) { /* best first, and nothing that was left out is better */
        float last = out[t * 14 + 7], sum = 0;
        for (int s = 0; s < 7; s++) {
            assert_true(out[t * 14 + 7 + s] <= last);
            last = out[t * 14 + 7 + s];
            sum += last;
        }
        assert_near((double)sum, 1, 1e-6, "weights");
        int better = 0;
        for (int e = 0; e < MANY; e++)
            better += x[t * MANY + e] > x[t * MANY + (int)out[t * 14 + 6]];
        assert_int_equal(better, 6);
    }
    free(out);
    free(x);
}

/* ---- expert_linear ---- */

static const bora_quant floats = { .name = "f32", .plain = true, .block_elems = 1, .block_bytes = sizeof(float) };

/* A weight of floats as the model's loader puts it into a format and into panels. */
typedef struct loaded {
    bora_tensor_info tensor;
    graph_weight from;
    placed_weight placed;
    page_pool pages;
} loaded;

static void load_weight(loaded *l, const float *data, int n_dims, const int64_t *shape, const bora_quant *quant,
                        const bora_tile *tile, bora_threads *threads)
{
    bora_error err = { .code = BORA_OK };
    *l = (loaded){ .tensor = { .name = "w", .quant = &floats, .n_dims = n_dims, .data = data } };
    l->from = (graph_weight){ .name = "w", .tensor = &l->tensor };
    l->placed = (placed_weight){ .weight = { .name = "w", .n_dims = n_dims }, .from = &l->from, .tile = tile };
    for (int d = 0; d < BORA_MAX_DIMS; d++)
        l->tensor.shape[d] = l->placed.weight.shape[d] = d < n_dims ? shape[d] : 1;
    if (!weight_load(&l->placed, quant, &l->pages, threads, &err))
        fail_msg("%s", err.message);
}

/* [rows, 2 n_used]: ids that are unevenly liked, and weights. */
static float *random_routes(int64_t rows, int64_t n_used, int64_t n_experts, uint32_t seed)
{
    float *routes = random_floats((size_t)(rows * 2 * n_used), seed);
    for (int64_t t = 0; t < rows; t++)
        for (int64_t s = 0; s < n_used; s++) {
            int64_t a = next_random(&seed) >> 16, b = next_random(&seed) >> 16;
            routes[t * 2 * n_used + s] = (float)(a % n_experts * (b % 2)); /* half of them to expert 0 */
        }
    return routes;
}

typedef struct shape {
    int64_t rows, n_used, n_experts, n_out, n_in;
    bool shared, with_bias;
} shape;

/* expert_linear has the bits of `linear` with the matrix of the expert alone, by the same tile. */
static void check_experts(const shape *s, const bora_kernel *kernel, const bora_quant *quant)
{
    int64_t x_width = (s->shared ? 1 : s->n_used) * s->n_in, width = s->n_used * s->n_out;
    float *w = random_floats((size_t)(s->n_experts * s->n_out * s->n_in), 61);
    float *b = random_floats((size_t)(s->n_experts * s->n_out), 62),
          *x = random_floats((size_t)(s->rows * x_width), 63);
    float *routes = random_routes(s->rows, s->n_used, s->n_experts, 64);
    float *out = blank_floats((size_t)(s->rows * width)), *one = blank_floats((size_t)s->n_out);
    const bora_tile *tile = kernel->tile->pack ? kernel->tile : NULL;
    bora_threads *threads = bora_threads_new(2, NULL);
    bora_device *device = open_device(cpu, 1);
    loaded stack;
    load_weight(&stack, w, 3, (const int64_t[]){ s->n_experts, s->n_out, s->n_in }, quant, tile, threads);
    bora_weight bias = { "b", NULL, 2, { s->n_experts, s->n_out, 1, 1 }, b };
    bora_call call = { .op = op("expert_linear"),
                       .node = "experts",
                       .n_inputs = 2,
                       .n_weights = 2,
                       .inputs = { { x, s->rows, x_width }, { routes, s->rows, 2 * s->n_used } },
                       .weights = { &stack.placed.weight, s->with_bias ? &bias : NULL } };
    bora_error err = { .code = BORA_OK };
    if (!call.op->shape(&call, &err))
        fail_msg("%s", err.message);
    assert_int_equal(call.output.width, width);
    call.output.data = out;
    run_and_cut(kernel, &call, 0);

    loaded *alone = calloc((size_t)s->n_experts, sizeof *alone);
    assert_non_null(alone);
    for (int64_t e = 0; e < s->n_experts; e++)
        load_weight(&alone[e], w + e * s->n_out * s->n_in, 2, (const int64_t[]){ s->n_out, s->n_in }, quant, tile,
                    threads);
    for (int64_t i = 0; i < s->rows * s->n_used; i++) {
        int64_t t = i / s->n_used, e = (int64_t)routes[t * 2 * s->n_used + i % s->n_used];
        bora_weight own_bias = { "b", NULL, 1, { s->n_out, 1, 1, 1 }, b + e * s->n_out };
        bora_call single = { .op = op("linear"),
                             .node = "linear",
                             .n_inputs = 1,
                             .n_weights = 2,
                             .inputs = { { x + (s->shared ? t : i) * s->n_in, 1, s->n_in } },
                             .weights = { &alone[e].placed.weight, s->with_bias ? &own_bias : NULL },
                             .output = { one, 1, s->n_out } };
        run_call(cpu, device, kernel, &single);
        assert_same_bits(out + i * s->n_out, one, (size_t)s->n_out, kernel->quant ? kernel->quant : "floats");
    }
    if (!tile && !kernel->tile->activation) { /* the reference reads rows as they lie */
        float *reference = blank_floats((size_t)(s->rows * width));
        call.output.data = reference;
        assert_true(call.op->reference(&call, &err));
        for (int64_t i = 0; i < s->rows * width; i++) /* k products of at most 4 in 16 sums: half a unit of each */
            assert_near((double)out[i], (double)reference[i],
                        0x1p-24 * ((double)s->n_in / 16 + 6) * 4 * (double)(s->n_in + 1), "experts");
        free(reference);
    }
    for (int64_t e = 0; e < s->n_experts; e++)
        pages_free(&alone[e].pages);
    pages_free(&stack.pages);
    cpu->backends[0]->close(device);
    bora_threads_free(threads);
    free(alone);
    free(one);
    free(out);
    free(routes);
    free(x);
    free(b);
    free(w);
}

static void experts_are_linear_layers(void **state)
{
    (void)state;
    static const shape shapes[] = {
        { 1, 1, 1, 1, 1, true, false },   { 1, 2, 5, 3, 7, true, true },     { 5, 3, 4, 9, 33, false, true },
        { 70, 2, 3, 21, 17, true, true }, { 37, 4, 130, 8, 16, true, true }, { 300, 1, 2, 31, 5, false, false },
    };
    static const bora_kernel packed = { "linear", "cpu", "small", .tile = &small_tile };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check_experts(&shapes[i], find_kernel(cpu, "linear", NULL), NULL);
        check_experts(&shapes[i], find_kernel(cpu, "linear", "*"), &small);
        check_experts(&shapes[i], &packed, &small);
    }
}

/* No kernel is registered for experts in any format: what is there for `linear` serves. */
static void every_format_of_linear_serves_experts(void **state)
{
    (void)state;
    const shape s = { 37, 2, 3, 21, 256, true, true };
    int n = 0;
    REGISTRY_EACH(runtime, quants, bora_quant, q)
    {
        if (!q->quantize || q->plain)
            continue;
        const bora_kernel *kernel = registry_kernel(runtime, "expert_linear", "cpu", q->name, 0);
        assert_non_null(kernel);
        check_experts(&s, kernel, q);
        n++;
    }
    assert_true(n > 5);
}

static void the_registry_lends_tiles_alone(void **state)
{
    (void)state;
    REGISTRY_EACH(runtime, quants, bora_quant, q)
    assert_ptr_equal(registry_kernel(runtime, "expert_linear", "cpu", q->plain ? NULL : q->name, 0),
                     registry_kernel(runtime, "linear", "cpu", q->plain ? NULL : q->name, 0));
    assert_non_null(registry_kernel(runtime, "expert_linear", "cpu", NULL, 0)->tile);
    assert_null(registry_kernel(runtime, "unheard-of", "cpu", NULL, 0));
    assert_null(registry_kernel(runtime, "expert_linear", "abacus", NULL, 0));
    const bora_backend *openblas = bora_runtime_backend(runtime, "openblas");
    if (!openblas)
        return;
    assert_non_null(registry_kernel(runtime, "linear", "openblas", NULL, 0));
    assert_null(registry_kernel(runtime, "expert_linear", "openblas", NULL, 0));
    exec_device host = { 0 }, base = { .backend = bora_runtime_backend(runtime, "cpu") };
    exec_device device = { .backend = openblas, .base = &base };
    exec_choice choice = exec_choose(runtime, op("expert_linear"), &device, &host, NULL, 0);
    assert_ptr_equal(choice.owner, &base);
    assert_non_null(choice.kernel->tile);
}

static void routes_to_nobody_are_an_error(void **state)
{
    (void)state;
    const float bad[] = { -1, 3, 0.5F, NAN, INFINITY };
    float w[3] = { 1, 2, 3 }, x = 1, out[2];
    bora_weight weight = { "w", NULL, 3, { 3, 1, 1, 1 }, w };
    bora_device *device = open_device(cpu, 2);
    for (int i = 0; i < 5; i++)
        for (int by_kernel = 0; by_kernel < 2; by_kernel++) {
            float routes[4] = { 2, bad[i], 1, 1 };
            bora_call call = { .op = op("expert_linear"),
                               .node = "layer.7",
                               .n_inputs = 2,
                               .n_weights = 1,
                               .inputs = { { &x, 1, 1 }, { routes, 1, 4 } },
                               .weights = { &weight },
                               .output = { out, 1, 2 } };
            bora_error err = { .code = BORA_OK };
            assert_false(by_kernel ? try_call(cpu, device, find_kernel(cpu, "linear", NULL), &call, &err)
                                   : call.op->reference(&call, &err));
            assert_int_equal(err.code, BORA_USAGE);
            assert_non_null(strstr(err.message, "expert"));
        }
    cpu->backends[0]->close(device);
}

static void a_batch_of_no_rows_is_nothing(void **state)
{
    (void)state;
    float w[3] = { 1, 2, 3 };
    bora_weight weight = { "w", NULL, 3, { 3, 1, 1, 1 }, w };
    bora_call call = { .op = op("expert_linear"),
                       .node = "none",
                       .n_inputs = 2,
                       .n_weights = 1,
                       .inputs = { { NULL, 0, 1 }, { NULL, 0, 4 } },
                       .weights = { &weight },
                       .output = { NULL, 0, 2 } };
    bora_device *device = open_device(cpu, 2);
    run_call(cpu, device, find_kernel(cpu, "linear", NULL), &call);
    cpu->backends[0]->close(device);
}

/* ---- expert_sum ---- */

static void sums_are_by_weight(void **state)
{
    (void)state;
    enum { ROWS = 41, MOST = 4 * 333 };
    for (int64_t n_used = 1; n_used <= 4; n_used += 3)
        for (int64_t width = 1; width <= 333; width += 332) {
            float *x = random_floats(ROWS * MOST, 71), *routes = random_routes(ROWS, n_used, 9, 72);
            float *out = blank_floats((size_t)(ROWS * width)), *reference = blank_floats((size_t)(ROWS * width));
            bora_error err = { .code = BORA_OK };
            bora_call call = { .op = op("expert_sum"),
                               .node = "expert_sum",
                               .n_inputs = 2,
                               .inputs = { { x, ROWS, n_used * width }, { routes, ROWS, 2 * n_used } } };
            assert_true(call.op->shape(&call, &err));
            assert_int_equal(call.output.width, width);
            call.output.data = out;
            run_and_cut(find_kernel(cpu, "expert_sum", NULL), &call, 0);
            call.output.data = reference;
            assert_true(call.op->reference(&call, &err));
            for (int64_t t = 0; t < ROWS; t++)
                for (int64_t i = 0; i < width; i++) {
                    double sum = 0;
                    for (int64_t s = 0; s < n_used; s++)
                        sum += (double)routes[(2 * t + 1) * n_used + s] * (double)x[(t * n_used + s) * width + i];
                    /* four products below 4, each rounded twice */
                    assert_near((double)reference[t * width + i], sum, 16 * 0x1p-24, "reference");
                    assert_near((double)out[t * width + i], sum, 8 * 16 * 0x1p-24, "expert_sum");
                }
            free(reference);
            free(out);
            free(routes);
            free(x);
        }
}

/* ---- shapes ---- */

static void expect_refusal(const bora_call *call, const char *part)
{
    bora_call own = *call;
    bora_error err = { .code = BORA_OK };
    assert_false(own.op->shape(&own, &err));
    if (!strstr(err.message, part))
        fail_msg("\"%s\" is not in: %s", part, err.message);
}

static void shapes_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    const bora_route_attrs attrs[] = {
        { .n_used = 0 },
        { .n_used = 13 },
        { .n_used = -3 },
        { .n_used = 2, .n_groups = 5, .n_groups_used = 2 },
        { .n_used = 2, .n_groups = 4, .n_groups_used = 5 },
        { .n_used = 2, .n_groups = 4 },
        { .n_used = 7, .n_groups = 4, .n_groups_used = 2 },
        { .n_used = 2, .n_groups = 12, .n_groups_used = 2, .group_score = BORA_ROUTE_GROUP_TOP2 },
        { .n_used = 2, .scoring = (bora_route_scoring)9 },
    };
    const char *const says[] = { "uses 0 of 12",  "13 of 12",    "-3 of 12", "12 experts are not 5", "5 of 4 groups",
                                 "0 of 4 groups", "uses 7 of 6", "best two", "scoring number 9" };
    for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++)
        expect_refusal(
            &(bora_call){ .op = op("route"), .attrs = &attrs[i], .n_inputs = 1, .inputs = { { NULL, 1, 12 } } },
            says[i]);
    bora_weight short_bias = { "b", NULL, 1, { 11, 1, 1, 1 }, NULL };
    expect_refusal(&(bora_call){ .op = op("route"),
                                 .attrs = &(bora_route_attrs){ .n_used = 2 },
                                 .n_inputs = 1,
                                 .n_weights = 1,
                                 .inputs = { { NULL, 1, 12 } },
                                 .weights = { &short_bias } },
                   "bias must be [12]");

    bora_weight w = { "w", NULL, 3, { 3, 5, 8, 1 }, NULL }, flat = { "w", NULL, 2, { 5, 8, 1, 1 }, NULL };
    bora_weight none = { "w", NULL, 3, { 0, 5, 8, 1 }, NULL }, bias = { "b", NULL, 2, { 3, 4, 1, 1 }, NULL };
    bora_call good = { .op = op("expert_linear"),
                       .n_inputs = 2,
                       .n_weights = 2,
                       .inputs = { { NULL, 7, 8 }, { NULL, 7, 4 } },
                       .weights = { &w } };
    bora_call call = good;
    bora_error err = { .code = BORA_OK };
    assert_true(call.op->shape(&call, &err));
    assert_int_equal(call.output.width, 10);
    call = good, call.inputs[0].width = 24;
    expect_refusal(&call, "takes 8 numbers for each of 2 slots");
    call = good, call.inputs[1].width = 3;
    expect_refusal(&call, "not 3 numbers");
    call = good, call.inputs[1].rows = 6;
    expect_refusal(&call, "same rows");
    call = good, call.weights[0] = &flat;
    expect_refusal(&call, "[n_experts, n_out, n_in]");
    call = good, call.weights[0] = &none;
    expect_refusal(&call, "[n_experts, n_out, n_in]");
    call = good, call.weights[1] = &bias;
    expect_refusal(&call, "bias must be [3, 5]");
    call = good, call.n_inputs = 1;
    expect_refusal(&call, "takes 2 inputs");
    call = good, call.op = op("expert_sum"), call.inputs[0].width = 9;
    expect_refusal(&call, "9 numbers are not 2 slots");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routers_choose_as_in_transformers),
        cmocka_unit_test(equal_experts_come_in_their_order),
        cmocka_unit_test(no_logits_lead_outside),
        cmocka_unit_test(routes_may_be_cut),
        cmocka_unit_test(experts_are_linear_layers),
        cmocka_unit_test(every_format_of_linear_serves_experts),
        cmocka_unit_test(the_registry_lends_tiles_alone),
        cmocka_unit_test(routes_to_nobody_are_an_error),
        cmocka_unit_test(a_batch_of_no_rows_is_nothing),
        cmocka_unit_test(sums_are_by_weight),
        cmocka_unit_test(shapes_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
