/* Building graphs: shapes, names, parameters; and what the first mistake says. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "graph/exec.h"
#include "graph/graph.h"
#include "graph/program.h"

static const bora_quant floats = { .name = "floats", .plain = true, .block_elems = 1, .block_bytes = 4 };

/* A checkpoint of these tensors, all zero. */
static const bora_tensor_info tensors[] = {
    { .name = "embed.weight", .quant = &floats, .n_dims = 2, .shape = { 10, 8 } },
    { .name = "layers.0.up.weight", .quant = &floats, .n_dims = 2, .shape = { 16, 8 } },
    { .name = "layers.0.up.bias", .quant = &floats, .n_dims = 1, .shape = { 16 } },
    { .name = "layers.0.down.weight", .quant = &floats, .n_dims = 2, .shape = { 8, 16 } },
    { .name = "layers.0.norm.weight", .quant = &floats, .n_dims = 1, .shape = { 8 } },
    { .name = "layers.0.head_norm.weight", .quant = &floats, .n_dims = 1, .shape = { 4 } },
    { .name = "layers.0.odd.weight", .quant = &floats, .n_dims = 1, .shape = { 3 } },
    { .name = "layers.0.sinks", .quant = &floats, .n_dims = 1, .shape = { 2 } },
};

/* What some GGUF files have, for a head of 8. */
static const float short_data[] = { 1, 2, 4, 8 }, long_data[] = { 3, 5, 7, 9 };
static bool with_factors;
static const bora_tensor_info factors[] = {
    { .name = "rope_factors_short.weight", .quant = &floats, .n_dims = 1, .shape = { 4 }, .data = short_data },
    { .name = "rope_factors_long.weight", .quant = &floats, .n_dims = 1, .shape = { 4 }, .data = long_data },
};

static const bora_tensor_info *find(void *ctx, const char *name)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        if (strcmp(tensors[i].name, name) == 0)
            return &tensors[i];
    for (size_t i = 0; with_factors && i < 2; i++)
        if (strcmp(factors[i].name, name) == 0)
            return &factors[i];
    return NULL;
}

static bora_runtime *runtime;

static int open_runtime(void **state)
{
    (void)state;
    runtime = bora_runtime_new(&(bora_runtime_options){ .no_default_plugins = true }, NULL);
    return runtime ? 0 : -1;
}

static int close_runtime(void **state)
{
    (void)state;
    bora_runtime_free(runtime);
    return 0;
}

/* An architecture that is one function. */
typedef struct test_arch {
    bora_arch arch;
    bora_node *(*build)(bora_graph *g);
} test_arch;

static bora_node *build_test(const bora_arch *self, bora_graph *g)
{
    return ((const test_arch *)self)->build(g);
}

/* Builds with the given function and config; fills err, frees everything. */
static bool builds(bora_node *(*build)(bora_graph *g), const char *config, bora_error *err)
{
    test_arch arch = { { .name = "test", .build = build_test }, build };
    cJSON *params = json_parse(config, strlen(config), "config", NULL);
    assert_non_null(params);
    graph_source source = { .weight = find, .params = params, .params_name = "config.json" };
    *err = (bora_error){ .code = BORA_OK };
    bora_graph *g = graph_build(runtime, &arch.arch, &source, err);
    graph_free(g);
    cJSON_Delete(params);
    return g != NULL;
}

static void expect_failure(bora_node *(*build)(bora_graph *g), const char *config, const char *const *parts)
{
    bora_error err;
    assert_false(builds(build, config, &err));
    for (; *parts; parts++)
        if (!strstr(err.message, *parts))
            fail_msg("\"%s\" is not in: %s", *parts, err.message);
}

static bora_node *good(bora_graph *g)
{
    bora_node *x = bora_embed(g, "embed");
    bora_scope(g, "layers.%d", 0);
    assert_true(bora_has_weight(g, "up"));
    assert_false(bora_has_weight(g, "sideways"));
    bora_node *h = bora_rms_norm(g, bora_rms_norm(g, x, "norm", 1e-5F), "head_norm", 1e-5F);
    h = bora_linear(g, h, "up");
    assert_int_equal(bora_width(h), 16);
    assert_non_null(h->weights[1]); /* the bias that the checkpoint has */
    assert_int_equal(h->layer, 0);
    assert_string_equal(h->name, "layers.0.up");
    h = bora_linear(g, bora_activation(g, h, BORA_SILU), "down");
    assert_null(h->weights[1]);
    x = bora_add(g, x, h);
    bora_scope_end(g);
    return bora_linear(g, bora_outputs(g, x), "embed");
}

static bora_node *sinks(bora_graph *g)
{
    bora_node *x = bora_embed(g, "embed");
    bora_scope(g, "layers.%d", 0);
    bora_attention_attrs a = { .n_heads = 2, .n_kv_heads = 2, .head_dim = 4 };
    bora_node *without = bora_attention_with_sinks(g, x, x, x, &a, "?others");
    bora_node *with = bora_attention_with_sinks(g, without, x, x, &a, "sinks");
    assert_null(without->weights[0]);
    assert_string_equal(with->weights[0]->name, "layers.0.sinks");
    return bora_outputs(g, with);
}

static void a_graph_knows_its_shapes(void **state)
{
    (void)state;
    bora_error err;
    if (!builds(good, "{}", &err) || !builds(sinks, "{}", &err))
        fail_msg("%s", err.message);
}

static bora_node *missing_weight(bora_graph *g)
{
    bora_node *x = bora_embed(g, "embed");
    bora_scope(g, "layers.%d", 7);
    x = bora_linear(g, x, "up");
    x = bora_linear(g, x, "also_missing"); /* the first mistake wins */
    return bora_outputs(g, x);
}

static bora_node *wrong_width(bora_graph *g)
{
    bora_node *x = bora_embed(g, "embed");
    bora_scope(g, "layers.%d", 0);
    return bora_outputs(g, bora_linear(g, x, "down"));
}

static bora_node *wrong_norm(bora_graph *g)
{
    bora_node *x = bora_embed(g, "embed");
    bora_scope(g, "layers.%d", 0);
    return bora_outputs(g, bora_rms_norm(g, x, "odd", 1e-5F));
}

static bora_node *unequal_sum(bora_graph *g)
{
    bora_node *x = bora_embed(g, "embed");
    bora_scope(g, "layers.%d", 0);
    return bora_outputs(g, bora_add(g, x, bora_linear(g, x, "up")));
}

static bora_node *no_outputs(bora_graph *g)
{
    return bora_embed(g, "embed");
}

static bora_node *unknown_operation(bora_graph *g)
{
    return bora_op_node(g, "levitate", NULL, NULL, NULL, 0);
}

static bora_node *rejects(bora_graph *g)
{
    return bora_reject(g, "experts are not for this %s", "test");
}

static bora_node *bad_sinks(bora_graph *g)
{
    bora_node *x = bora_embed(g, "embed");
    bora_scope(g, "layers.%d", 0);
    bora_attention_attrs a = { .n_heads = 4, .n_kv_heads = 4, .head_dim = 2 };
    return bora_outputs(g, bora_attention_with_sinks(g, x, x, x, &a, "sinks"));
}

static bora_node *bad_heads(bora_graph *g)
{
    bora_node *x = bora_embed(g, "embed");
    bora_attention_attrs a = { .n_heads = 3, .n_kv_heads = 2, .head_dim = 4 };
    return bora_outputs(g, bora_attention(g, x, x, x, &a));
}

static void mistakes_name_node_weights_and_shapes(void **state)
{
    (void)state;
#define PARTS(...) ((const char *const[]){ __VA_ARGS__, NULL })
    expect_failure(missing_weight, "{}", PARTS("architecture test", "\"layers.7.up.weight\""));
    expect_failure(wrong_width, "{}",
                   PARTS("layers.0.down (linear)", "takes 16", "8 wide", "layers.0.down.weight [8, 16]", "[T, 8]"));
    expect_failure(wrong_norm, "{}", PARTS("layers.0.odd (rms_norm)", "layers.0.odd.weight [3]"));
    expect_failure(unequal_sum, "{}", PARTS("layers.0.add", "8 and 16 wide"));
    expect_failure(no_outputs, "{}", PARTS("bora_outputs"));
    expect_failure(unknown_operation, "{}", PARTS("no plugin offers the operation \"levitate\""));
    expect_failure(rejects, "{}", PARTS("experts are not for this test"));
    expect_failure(bad_sinks, "{}", PARTS("the sinks must be [4]", "layers.0.sinks [2]"));
    expect_failure(bad_heads, "{}", PARTS("3 heads cannot share 2"));
}

static bora_node *reads_params(bora_graph *g)
{
    bora_param_count(g, "n");
    bora_param_float(g, "nested.x");
    bora_param_flag_or(g, "flag", false);
    bora_param_string_or(g, "text", NULL);
    bora_param_activation(g, "act", "silu");
    return bora_outputs(g, bora_embed(g, "embed"));
}

static void parameters_are_checked(void **state)
{
    (void)state;
    bora_error err;
    if (!builds(reads_params, "{\"n\": 3, \"nested\": {\"x\": 1.5}, \"flag\": null, \"act\": \"gelu_new\"}", &err))
        fail_msg("%s", err.message);
    static const char *const cases[][2] = {
        { "{\"nested\": {\"x\": 1}}", "has no \"n\"" },
        { "{\"n\": 0, \"nested\": {\"x\": 1}}", "\"n\" must be a whole number" },
        { "{\"n\": 1e9, \"nested\": {\"x\": 1}}", "\"n\" must be a whole number" },
        { "{\"n\": 2.5, \"nested\": {\"x\": 1}}", "\"n\" must be a whole number" },
        { "{\"n\": \"3\", \"nested\": {\"x\": 1}}", "\"n\" must be a whole number" },
        { "{\"n\": 1, \"nested\": 5}", "has no \"nested.x\"" },
        { "{\"n\": 1, \"nested\": {\"x\": 1e60}}", "\"nested.x\" must be a number" },
        { "{\"n\": 1, \"nested\": {\"x\": 1}, \"flag\": 1}", "\"flag\" must be true or false" },
        { "{\"n\": 1, \"nested\": {\"x\": 1}, \"text\": []}", "\"text\" must be a string" },
        { "{\"n\": 1, \"nested\": {\"x\": 1}, \"act\": \"swoosh\"}", "\"swoosh\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_failure(reads_params, cases[i][0], PARTS(cases[i][1]));
}

static bora_node *ropes(bora_graph *g)
{
    bora_rope_attrs rope = bora_rope_params(g, 8);
    bora_node *x = bora_rope(g, bora_embed(g, "embed"), &rope);
    return bora_outputs(g, x);
}

static void rope_configs_are_checked(void **state)
{
    (void)state;
    static const char *const accepted[] = {
        "{}",
        "{\"rope_theta\": 500000}",
        "{\"rope_scaling\": null}",
        "{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}",
        "{\"partial_rotary_factor\": 0.5}",
        "{\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 1e6}}",
        "{\"rope_scaling\": {\"type\": \"su\", \"short_factor\": [1, 1, 1, 1], \"long_factor\": [1, 2, 3, 4]}}",
    };
    static const char *const refused[][2] = {
        { "{\"rope_scaling\": {\"type\": \"warp\", \"factor\": 2}}", "\"warp\" is not known" },
        { "{\"rope_scaling\": {\"type\": \"linear\"}}", "has no \"rope_scaling.factor\"" },
        { "{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}}", "factor must be above 0" },
        { "{\"rope_scaling\": {\"type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, \"high_freq_factor\": 1}}",
          "high_freq_factor > low_freq_factor" },
        { "{\"rope_theta\": -1}", "rope_theta must be above 0" },
        { "{\"partial_rotary_factor\": 0.4}", "turns 3 of the 8" },
        { "{\"rope_dimension_count\": 16}", "turns 16 of the 8" },
        { "{\"rope_scaling\": {\"type\": \"longrope\", \"long_factor\": [1, 1, 1, 1]}}",
          "rope_scaling.short_factor must be a list of 4" },
        { "{\"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1, 1, 1, 1], \"long_factor\": [1, 1, 1]}}",
          "rope_scaling.long_factor must be a list of 4" },
        { "{\"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1, 1, 0, 1], \"long_factor\": [1, 1, 1, 1]}}",
          "4 numbers above 0" },
    };
    bora_error err;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++)
        if (!builds(ropes, accepted[i], &err))
            fail_msg("%s: %s", accepted[i], err.message);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        expect_failure(ropes, refused[i][0], PARTS(refused[i][1]));
}

static bora_node *asks_for_the_attention_factor(bora_graph *g)
{
    /* The square of 1 + 0.1 * 0.707 * ln 40, and 1 without what it is made of. */
    bool scaled = bora_param_flag_or(g, "scaled", false);
    assert_float_equal(bora_rope_attention_factor(g), (scaled ? 1.5896262F : 1.0F), 1e-6F);
    return bora_outputs(g, bora_embed(g, "embed"));
}

static void rope_scaling_may_scale_attention(void **state)
{
    (void)state;
    static const char *const configs[] = {
        "{}",
        "{\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 40}}",
        "{\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 40, \"mscale_all_dim\": 0}}",
        "{\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 1, \"mscale_all_dim\": 0.707}}",
        "{\"rope_parameters\": {\"rope_type\": \"default\", \"mscale_all_dim\": 0.707}}",
        "{\"scaled\": true, \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 40, \"mscale_all_dim\": 0.707}}",
        "{\"scaled\": true, \"rope_parameters\": {\"rope_type\": \"yarn\", \"factor\": 40, \"mscale_all_dim\": 0.707}}",
    };
    bora_error err;
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++)
        if (!builds(asks_for_the_attention_factor, configs[i], &err))
            fail_msg("%s: %s", configs[i], err.message);
    expect_failure(asks_for_the_attention_factor,
                   "{\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 1, \"mscale_all_dim\": \"x\"}}",
                   PARTS("mscale_all_dim"));
}

static bora_node *ropes_past_the_head(bora_graph *g)
{
    bora_rope_attrs rope = bora_rope_params(g, 4);
    rope.head_dim = 8;
    rope.offset = 4;
    bora_node *x = bora_rope(g, bora_embed(g, "embed"), &rope);
    assert_int_equal(bora_width(x), 8);
    rope.offset = 5;
    return bora_outputs(g, bora_rope(g, x, &rope));
}

static bora_node *attends_to_latents(bora_graph *g)
{
    bora_node *x = bora_embed(g, "embed");
    bora_attention_attrs a = { .n_heads = 2, .n_kv_heads = 1, .head_dim = 4, .value_dim = 3 };
    bora_node *k = bora_slice(g, x, 4, 4, 0), *y = bora_attention(g, x, k, NULL, &a);
    assert_int_equal(bora_width(y), 6);
    assert_int_equal(y->state_spec.token_bytes, 4 * sizeof(float)); /* keys alone */
    a.value_dim = 0;
    assert_int_equal(bora_width(bora_attention(g, x, k, NULL, &a)), 8);
    assert_int_equal(bora_width(bora_join(g, bora_slice(g, x, 0, 1, 4), x, 2)), 10);
    a.value_dim = 5;
    return bora_outputs(g, bora_attention(g, x, k, NULL, &a));
}

static void parts_of_heads(void **state)
{
    (void)state;
    expect_failure(ropes_past_the_head, "{}", PARTS("turns 4 of 8 numbers, from 5 on"));
    expect_failure(attends_to_latents, "{}", PARTS("values of 5 numbers cannot be part of keys of 4"));
}

/* What bora_rope_params_of reads of a config, kept beyond the graph that it lived in. */
static bora_rope_section asked;
static bora_rope_attrs read_rope;
static float read_freqs[4], read_long_freqs[4];

static bora_node *reads_rope(bora_graph *g)
{
    read_rope = bora_rope_params_of(g, 8, &asked);
    if (read_rope.inv_freq && read_rope.n_dims == 8)
        memcpy(read_freqs, read_rope.inv_freq, sizeof read_freqs);
    if (read_rope.long_inv_freq)
        memcpy(read_long_freqs, read_rope.long_inv_freq, sizeof read_long_freqs);
    return bora_outputs(g, bora_embed(g, "embed"));
}

/* The second frequency of eight dimensions is theta^(-1/4) without scaling. */
static void expect_rope(const char *kind, float theta, const char *config, double second)
{
    bora_error err;
    asked = (bora_rope_section){ .kind = kind, .theta = theta };
    if (!builds(reads_rope, config, &err))
        fail_msg("%s: %s", config, err.message);
    if (fabs(read_freqs[1] - second) > 1e-6 * second) /* roundings of a float */
        fail_msg("%s, %s: %g instead of %g", config, kind ? kind : "all", (double)read_freqs[1], second);
}

static void kinds_of_layers_have_their_own_rope(void **state)
{
    (void)state;
    const char *full = "full_attention", *sliding = "sliding_attention";
    const char *nested = "{\"rope_parameters\": {\"full_attention\": {\"rope_type\": \"linear\", \"factor\": 8, "
                         "\"rope_theta\": 160000}, \"sliding_attention\": {\"rope_theta\": 10000}}}";
    expect_rope(full, 0, nested, 0.05 / 8);
    expect_rope(sliding, 81, nested, 0.1);
    expect_rope(NULL, 0, nested, 0.05 / 8);
    const char *flat = "{\"rope_theta\": 160000, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 8}}";
    expect_rope(full, 0, flat, 0.05 / 8);
    expect_rope(NULL, 0, flat, 0.05 / 8);
    expect_rope(sliding, 0, flat, 0.05);
    expect_rope(sliding, 81, flat, 1 / 3.0);
    const char *flat5 = "{\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 8, \"rope_theta\": 160000}}";
    expect_rope(full, 81, flat5, 0.05 / 8);
    expect_rope(sliding, 0, flat5, 0.05);
    expect_rope(sliding, 81, "{}", 1 / 3.0);
    expect_rope(full, 81, "{\"rope_parameters\": {\"full_attention\": null}}", 1 / 3.0);
    expect_rope(NULL, 0, "{}", 0.1);
    asked = (bora_rope_section){ .partial_rotary_factor = 0.5F };
    bora_error err;
    assert_true(builds(reads_rope, "{}", &err));
    assert_int_equal(read_rope.n_dims, 4);
    assert_true(builds(reads_rope, "{\"partial_rotary_factor\": 0.75}", &err));
    assert_int_equal(read_rope.n_dims, 6);
}

static const float *row_freqs(int32_t n_past, int32_t prompt_tokens, int32_t position)
{
    static float scratch[4];
    bora_sequence sequence = { .n_rows = 1, .n_past = n_past, .prompt_tokens = prompt_tokens };
    bora_rope_attrs rope = read_rope;
    rope.inv_freq = read_freqs;
    rope.long_inv_freq = read_long_freqs;
    return bora_rope_row_freqs(&rope, &sequence, position, scratch);
}

static void longrope_has_two_lists_of_factors(void **state)
{
    (void)state;
    const char *config =
        "{\"max_position_embeddings\": 64, \"original_max_position_embeddings\": 16, \"rope_scaling\": "
        "{\"type\": \"longrope\", \"short_factor\": [1, 2, 1, 1], \"long_factor\": [1, 5, 1, 1]}}";
    expect_rope(NULL, 0, config, 0.1 / 2);
    assert_float_equal(read_long_freqs[1], 0.1 / 5, 1e-8);
    assert_float_equal(read_rope.scale, sqrt(1.5), 1e-6); /* sqrt(1 + ln 4 / ln 16) */
    /* The length of the prompt counts for its rows, position + 1 after it: batches may be cut anywhere. */
    assert_ptr_equal(row_freqs(0, 16, 15), read_freqs);
    assert_ptr_equal(row_freqs(0, 17, 0), read_long_freqs);
    assert_ptr_equal(row_freqs(8, 17, 8), read_long_freqs);
    assert_ptr_equal(row_freqs(15, 3, 15), read_freqs);
    assert_ptr_equal(row_freqs(16, 3, 16), read_long_freqs);

    config = "{\"original_max_position_embeddings\": 16, \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 1, "
             "\"short_factor\": [1, 2, 1, 1], \"long_factor\": [1, 5, 1, 1]}}"; /* as it was called at first */
    expect_rope(NULL, 0, config, 0.1 / 2);
    assert_true(read_rope.scale == 1);
    with_factors = true;
    expect_rope(NULL, 0, "{\"rope_scaling\": {\"original_max_position_embeddings\": 9, \"attention_factor\": 1.25}}",
                0.05);
    with_factors = false;
    assert_float_equal(read_long_freqs[3], 1e-3 / 9, 1e-9);
    assert_true(read_rope.scale == 1.25F && read_rope.long_after == 9);
}

static void layers_are_read_from_names(void **state)
{
    (void)state;
    assert_int_equal(graph_layer_of("model.layers.12.mlp.up_proj.weight"), 12);
    assert_int_equal(graph_layer_of("blk.3"), 3);
    assert_int_equal(graph_layer_of("lm_head.weight"), -1);
    assert_int_equal(graph_layer_of("h2.weight"), -1);
    assert_int_equal(graph_layer_of("a.99999999999.b"), -1);
}

/* A program on the host alone: results that live at the same time lie apart, others share. */
static bora_node *chain(bora_graph *g)
{
    bora_node *x = bora_embed(g, "embed"), *first = x;
    for (int i = 0; i < 50; i++)
        x = bora_add(g, bora_scale(g, x, 0.5F), first);
    bora_scope(g, "layers.%d", 0);
    x = bora_linear(g, bora_outputs(g, x), "up");
    return bora_linear(g, x, "down");
}

/* A graph that runs on the host alone, by references, with made-up weights. */
typedef struct host_program {
    cJSON *params;
    bora_graph *graph;
    exec_device host;
    exec_node *nodes;
    exec_program *program;
    float data[6][256]; /* of each weight, in the order of their first use */
    bora_weight weights[6];
} host_program;

static void open_program(host_program *h, bora_node *(*build)(bora_graph *g))
{
    *h = (host_program){ .params = cJSON_CreateObject() };
    test_arch arch = { { .name = "test", .build = build_test }, build };
    graph_source source = { .weight = find, .params = h->params, .params_name = "config.json" };
    bora_graph *g = h->graph = graph_build(runtime, &arch.arch, &source, NULL);
    assert_non_null(g);
    h->nodes = calloc((size_t)g->n_nodes, sizeof *h->nodes);
    assert_non_null(h->nodes);
    for (int w = 0; w < g->n_weights; w++) {
        const bora_tensor_info *t = g->weights[w]->tensor;
        h->weights[w] = (bora_weight){ .name = t->name, .n_dims = t->n_dims, .data = h->data[w] };
        memcpy(h->weights[w].shape, t->shape, sizeof t->shape);
        for (int i = 0; i < 256; i++)
            h->data[w][i] = sinf((float)(i * (w + 1)));
    }
    for (int i = 0; i < g->n_nodes; i++) {
        h->nodes[i].choice = exec_choose(runtime, g->nodes[i]->call.op, &h->host, &h->host, NULL, 0);
        assert_null(h->nodes[i].choice.kernel);
        for (int k = 0; k < BORA_MAX_WEIGHTS; k++)
            for (int w = 0; w < g->n_weights; w++)
                if (g->nodes[i]->weights[k] == g->weights[w])
                    h->nodes[i].weights[k] = &h->weights[w];
    }
    h->program = exec_program_new(g, h->nodes, g->output, NULL);
    assert_non_null(h->program);
}

static void close_program(host_program *h)
{
    exec_program_free(h->program);
    free(h->nodes);
    graph_free(h->graph);
    cJSON_Delete(h->params);
}

static void memory_is_planned_by_lifetimes(void **state)
{
    (void)state;
    host_program h;
    open_program(&h, chain);
    int32_t tokens[] = { 1, 9, 4 }, rows[] = { 2 };
    bora_sequence sequence = { .n_rows = 3, .prompt_tokens = 3 };
    bora_batch batch = { 3, tokens, 1, &sequence, 1, rows };
    float logits[8], expected[8];
    assert_true(exec_run(h.program, &batch, logits, NULL));
    assert_true(exec_memory_bytes(h.program) <=
                6 * 3 * 8 * sizeof(float) + 1024); /* a hundred results in the room of a few */

    /* The same by hand: embedding e, then x = x/2 + e fifty times, then the two products. */
    float e[8], x[8], up[16];
    memcpy(e, h.data[0] + 4 * 8, sizeof e);
    memcpy(x, e, sizeof x);
    for (int i = 0; i < 50; i++)
        for (int k = 0; k < 8; k++)
            x[k] = x[k] * 0.5F + e[k];
    const float *w_up = h.data[1], *b_up = h.data[2], *w_down = h.data[3];
    assert_string_equal(h.weights[2].name, "layers.0.up.bias");
    for (int r = 0; r < 16; r++) {
        double sum = b_up[r];
        for (int k = 0; k < 8; k++)
            sum += (double)w_up[r * 8 + k] * x[k];
        up[r] = (float)sum;
    }
    for (int r = 0; r < 8; r++) {
        double sum = 0;
        for (int k = 0; k < 16; k++)
            sum += (double)w_down[r * 16 + k] * up[k];
        expected[r] = (float)sum;
    }
    assert_memory_equal(logits, expected, sizeof expected);

    tokens[1] = 10; /* outside the embedding */
    bora_error err = { .code = BORA_OK };
    assert_false(exec_run(h.program, &batch, logits, &err));
    assert_non_null(strstr(err.message, "token 10"));
    close_program(&h);
}

/* Each product with what follows it, as attention's are often written. */
static bora_node *family(bora_graph *g)
{
    bora_node *x = bora_outputs(g, bora_embed(g, "embed"));
    bora_scope(g, "layers.%d", 0);
    bora_node *sum = NULL;
    for (int i = 0; i < 10; i++) {
        bora_node *y = bora_activation(g, bora_linear(g, x, "up"), BORA_SILU);
        sum = sum ? bora_add(g, sum, y) : y;
    }
    return bora_linear(g, sum, "down");
}

static void siblings_stand_together(void **state)
{
    (void)state;
    host_program h;
    open_program(&h, family);
    const char *names[64] = { NULL };
    for (int i = 0; i < h.program->n_items; i++)
        names[i] = h.program->slots[h.program->items[i].node].call.op->name;
    for (int i = 2; i < 10; i++)
        assert_string_equal(names[i], "linear");
    assert_string_equal(names[10], "activation"); /* and no more than eight of them */
    assert_int_equal(h.program->n_items, h.graph->n_nodes);
    int32_t token = 3, row = 0;
    bora_sequence sequence = { .n_rows = 1, .prompt_tokens = 1 };
    bora_batch batch = { 1, &token, 1, &sequence, 1, &row };
    float logits[8], up[16];
    assert_true(exec_run(h.program, &batch, logits, NULL));
    for (int r = 0; r < 16; r++) {
        double y = (double)h.data[2][r];
        for (int k = 0; k < 8; k++)
            y += (double)h.data[1][r * 8 + k] * (double)h.data[0][3 * 8 + k];
        up[r] = (float)(10 * y / (1 + exp(-y)));
    }
    for (int r = 0; r < 8; r++) {
        double y = 0;
        for (int k = 0; k < 16; k++)
            y += (double)h.data[3][r * 16 + k] * (double)up[k];
        assert_true(fabs((double)logits[r] - y) < 1e-4); /* ten sums in floats */
    }
    close_program(&h);
}

static bora_node *elementwise(bora_graph *g)
{
    bora_node *x = bora_outputs(g, bora_embed(g, "embed"));
    bora_scope(g, "layers.%d", 0);
    bora_node *h = bora_activation(g, bora_layer_norm(g, x, "norm", 1e-3F), BORA_GELU_TANH);
    return bora_softcap(g, bora_mul(g, h, x), 0.5F);
}

/* Nodes that the first architectures do not use, against the formulas in double. */
static void the_other_nodes_compute_their_formulas(void **state)
{
    (void)state;
    host_program h;
    open_program(&h, elementwise);
    int32_t tokens[] = { 7 }, rows[] = { 0 };
    bora_sequence sequence = { .n_rows = 1, .prompt_tokens = 1 };
    bora_batch batch = { 1, tokens, 1, &sequence, 1, rows };
    float result[8];
    assert_true(exec_run(h.program, &batch, result, NULL));
    const float *x = h.data[0] + 7 * 8;
    double mean = 0, variance = 0;
    for (int i = 0; i < 8; i++)
        mean += x[i] / 8.0;
    for (int i = 0; i < 8; i++)
        variance += (x[i] - mean) * (x[i] - mean) / 8;
    for (int i = 0; i < 8; i++) {
        double n = (x[i] - mean) / sqrt(variance + 1e-3) * h.data[1][i];
        double gelu = 0.5 * n * (1 + tanh(sqrt(2 / M_PI) * (n + 0.044715 * n * n * n)));
        assert_float_equal(result[i], (float)(0.5 * tanh(gelu * x[i] / 0.5)),
                           1e-6); /* a few roundings of numbers below 1 */
    }
    close_program(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_graph_knows_its_shapes),
        cmocka_unit_test(mistakes_name_node_weights_and_shapes),
        cmocka_unit_test(parameters_are_checked),
        cmocka_unit_test(rope_configs_are_checked),
        cmocka_unit_test(rope_scaling_may_scale_attention),
        cmocka_unit_test(parts_of_heads),
        cmocka_unit_test(kinds_of_layers_have_their_own_rope),
        cmocka_unit_test(longrope_has_two_lists_of_factors),
        cmocka_unit_test(layers_are_read_from_names),
        cmocka_unit_test(memory_is_planned_by_lifetimes),
        cmocka_unit_test(siblings_stand_together),
        cmocka_unit_test(the_other_nodes_compute_their_formulas),
    };
    return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
