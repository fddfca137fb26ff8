/* Weights that the checkpoint does not have as one tensor: what is declared of them, and the rows that are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "graph/graph.h"
#include "model/derived.h"
#include "plugin/runtime.h"

static void read_small(const void *blocks, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = ((const uint8_t *)blocks)[i];
}

static const bora_quant byte_format = { .name = "byte", .block_elems = 1, .block_bytes = 1, .dequantize = read_small };
static const bora_quant pair_format = { .name = "pair", .block_elems = 2, .block_bytes = 1, .dequantize = read_small };

/* Number i of every tensor is i, but parts of a stack begin at a hundred each. */
static uint8_t data[256];

#define TENSOR(NAME, QUANT, FROM, N, ...)                                                                              \
    {                                                                                                                  \
        .name = NAME, .quant = &QUANT, .n_dims = N, .shape = { __VA_ARGS__ }, .data = data + (FROM)                    \
    }

static const bora_tensor_info tensors[] = {
    TENSOR("embed.weight", byte_format, 0, 2, 6, 4, 1, 1, 1, 1),
    TENSOR("e.0.w.weight", byte_format, 0, 2, 3, 4, 1, 1, 1, 1),
    TENSOR("e.1.w.weight", byte_format, 100, 2, 3, 4, 1, 1, 1, 1),
    TENSOR("e.0.w.bias", byte_format, 0, 1, 3, 1, 1, 1, 1, 1),
    TENSOR("e.1.w.bias", byte_format, 100, 1, 3, 1, 1, 1, 1, 1),
    TENSOR("odd.0.weight", byte_format, 0, 2, 3, 4, 1, 1, 1, 1),
    TENSOR("odd.1.weight", byte_format, 0, 2, 4, 3, 1, 1, 1, 1),
    TENSOR("few.0.weight", byte_format, 0, 2, 3, 4, 1, 1, 1, 1),
    TENSOR("there.weight", byte_format, 0, 2, 4, 4, 1, 1, 1, 1),
    TENSOR("fused", byte_format, 0, 3, 2, 4, 6, 1, 1, 1), /* [experts, n_in, n_out] */
    TENSOR("fused_bias", byte_format, 0, 2, 2, 6, 1, 1, 1, 1),
    TENSOR("rows.weight", pair_format, 0, 3, 2, 6, 4, 1, 1, 1),
    TENSOR("coded.codes", byte_format, 0, 2, 3, 4, 1, 1, 1, 1),
    TENSOR("coded.scale", byte_format, 100, 1, 3, 1, 1, 1, 1, 1),
    TENSOR("turned.codes", byte_format, 0, 2, 6, 4, 1, 1, 1, 1),
    TENSOR("turned.scale", byte_format, 100, 1, 6, 1, 1, 1, 1, 1),
    TENSOR("turned.over", byte_format, 0, 1, 1, 1, 1, 1, 1, 1),
    TENSOR("wrong.codes", byte_format, 0, 2, 3, 4, 1, 1, 1, 1),
    TENSOR("wrong.scale", byte_format, 100, 1, 7, 1, 1, 1, 1, 1),
};

static const bora_tensor_info *find(void *ctx, const char *name)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        if (strcmp(tensors[i].name, name) == 0)
            return &tensors[i];
    return NULL;
}

/* ---- a layout: NAME.codes [rows, n] and NAME.scale [rows]; a number is code + scale + the config's "shift" ---- */

static bool describe(bora_stored *s, bora_error *err)
{
    if (s->parts[1]->shape[0] != s->parts[0]->shape[0])
        return bora_fail(err, BORA_FORMAT, "a scale for each row");
    s->quant = bora_stored_string(s, "format", "byte");
    s->n_dims = 2;
    memcpy(s->shape, s->parts[0]->shape, sizeof s->shape);
    s->transposed = s->parts[2] != NULL;
    s->notes[0] = (int64_t)bora_stored_number(s, "group.shift", 0);
    return true;
}

static void read_rows(const bora_stored *s, int64_t first, int64_t n, void *blocks)
{
    int64_t width = s->shape[1];
    const uint8_t *codes = s->parts[0]->data, *scales = s->parts[1]->data;
    for (int64_t i = 0; i < n * width; i++)
        ((uint8_t *)blocks)[i] = (uint8_t)(codes[first * width + i] + scales[first + i / width] + s->notes[0]);
}

static const bora_layout layout = {
    .name = "coded",
    .methods = (const char *const[]){ "coded", NULL },
    .suffixes = (const char *const[]){ ".codes", ".scale", "?.over", NULL },
    .describe = describe,
    .read = read_rows,
};
static const bora_layout *const layouts[] = { &layout, NULL };
static const bora_quant *const quants[] = { &byte_format, &pair_format, NULL };
static const bora_plugin plugin = { BORA_PLUGIN_ABI, .name = "test", .version = "1", .quants = quants,
                                    .layouts = layouts };

static bora_runtime *runtime;

static int open_runtime(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++)
        data[i] = (uint8_t)i;
    runtime = bora_runtime_new(&(bora_runtime_options){ .no_default_plugins = true }, NULL);
    bora_error err = { .code = BORA_OK };
    return runtime && registry_check(runtime, &plugin, &err) && registry_add(runtime, "test", NULL, NULL, &plugin, &err)
               ? 0
               : -1;
}

static int close_runtime(void **state)
{
    (void)state;
    bora_runtime_free(runtime);
    return 0;
}

/* A graph of which nothing but its weights matters: each test is what an architecture does. */
typedef struct test_arch {
    bora_arch arch;
    void (*declare)(bora_graph *g);
} test_arch;

static bora_node *build(const bora_arch *self, bora_graph *g)
{
    ((const test_arch *)self)->declare(g);
    return bora_outputs(g, bora_embed(g, "embed"));
}

static bool builds(void (*declare)(bora_graph *g), const char *config, bora_error *err)
{
    test_arch arch = { { .name = "test", .build = build }, declare };
    cJSON *params = json_parse(config, strlen(config), "config", NULL);
    assert_non_null(params);
    graph_source source = { .weight = find, .params = params, .params_name = "config.json" };
    *err = (bora_error){ .code = BORA_OK };
    bora_graph *g = graph_build(runtime, &arch.arch, &source, err);
    graph_free(g);
    cJSON_Delete(params);
    return g != NULL;
}

static void must_build(void (*declare)(bora_graph *g), const char *config)
{
    bora_error err;
    if (!builds(declare, config, &err))
        fail_msg("%s", err.message);
}

static void must_fail(void (*declare)(bora_graph *g), const char *config, const char *message)
{
    bora_error err;
    assert_false(builds(declare, config, &err));
    if (!strstr(err.message, message))
        fail_msg("\"%s\" is not in: %s", message, err.message);
}

/* The weight of that name has this many rows of this many bytes, and they are these, read all at once and by ones. */
static void expect_rows(bora_graph *g, const char *name, int n_rows, int row_bytes, const uint8_t *expected)
{
    graph_origin origin;
    if (!graph_find(g, name, &origin))
        fail_msg("there is no %s: %s", name, g->error.message);
    assert_int_equal(graph_rows(origin.tensor), n_rows);
    assert_int_equal(bora_row_bytes(origin.tensor->quant, graph_width(origin.tensor)), row_bytes);
    assert_int_equal(origin.tensor->size_bytes ? origin.tensor->size_bytes : (size_t)(n_rows * row_bytes),
                     n_rows * row_bytes);
    uint8_t *all = malloc((size_t)(n_rows * row_bytes));
    assert_non_null(all);
    for (int chunk = 1; chunk <= n_rows; chunk++) {
        memset(all, 0xee, (size_t)(n_rows * row_bytes));
        for (int r = 0; r < n_rows; r += chunk)
            derived_read(&origin, r, r + chunk < n_rows ? chunk : n_rows - r, all + r * row_bytes);
        assert_memory_equal(all, expected, (size_t)(n_rows * row_bytes));
    }
    free(all);
}
#define ROWS(...) ((const uint8_t[]){ __VA_ARGS__ })

static void count_tensor(void *ctx, const bora_tensor_info *tensor)
{
    (void)tensor;
    ++*(int *)ctx;
}

static void stack(bora_graph *g)
{
    bora_stacked_weight(g, "w", "e.%d.w", 2);
    assert_true(bora_has_weight(g, "w") && bora_has_weight(g, "w.bias"));
    expect_rows(g, "w", 6, 4,
                ROWS(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111));
    expect_rows(g, "w.bias", 2, 3, ROWS(0, 1, 2, 100, 101, 102));
    graph_origin origin;
    int n = 0;
    assert_true(graph_find(g, "w", &origin));
    assert_int_equal(origin.tensor->n_dims, 3);
    assert_string_equal(origin.tensor->name, "w.weight");
    graph_each_tensor(&origin, count_tensor, &n);
    assert_int_equal(n, 2);
    bora_stacked_weight(g, "there", "e.%d.w", 2); /* the checkpoint has it */
    assert_true(graph_find(g, "there", &origin) && !origin.made);
    bora_stacked_weight(g, "none", "nowhere.%d.w", 2); /* and here nothing to make it of */
    assert_false(bora_has_weight(g, "none"));
}

static void stack_of_odd(bora_graph *g)
{
    bora_stacked_weight(g, "w", "odd.%d", 2);
}

static void stack_of_few(bora_graph *g)
{
    bora_stacked_weight(g, "w", "few.%d", 3);
}

static void stack_of_too_many(bora_graph *g)
{
    bora_stacked_weight(g, "w", "few.%d", 1 << 20);
}

static void stack_without_number(bora_graph *g)
{
    bora_stacked_weight(g, "w", "few", 2);
}

static void stacks(void **state)
{
    (void)state;
    must_build(stack, "{}");
    must_fail(stack_of_odd, "{}", "odd.0.weight and odd.1.weight, which should be stacked, differ");
    must_fail(stack_of_few, "{}", "w is made of 3 tensors, and the checkpoint has no number 1");
    must_fail(stack_of_too_many, "{}", "a stack of 1048576 tensors");
    must_fail(stack_without_number, "{}", "must have a %d");
}

static void take(bora_graph *g)
{
    bora_taken_weight(g, "gate", "fused", &(bora_taken){ .step = 2, .transposed = true });
    bora_taken_weight(g, "up", "fused", &(bora_taken){ .from = 1, .step = 2, .transposed = true });
    bora_taken_weight(g, "half", "rows", &(bora_taken){ .from = 3, .count = 3 });
    bora_taken_weight(g, "even", "rows", &(bora_taken){ .step = 2 });
    expect_rows(g, "gate", 6, 4,
                ROWS(0, 6, 12, 18, 2, 8, 14, 20, 4, 10, 16, 22, 24, 30, 36, 42, 26, 32, 38, 44, 28, 34, 40, 46));
    expect_rows(g, "up", 6, 4,
                ROWS(1, 7, 13, 19, 3, 9, 15, 21, 5, 11, 17, 23, 25, 31, 37, 43, 27, 33, 39, 45, 29, 35, 41, 47));
    expect_rows(g, "gate.bias", 2, 3, ROWS(0, 2, 4, 6, 8, 10));
    expect_rows(g, "up.bias", 2, 3, ROWS(1, 3, 5, 7, 9, 11));
    expect_rows(g, "half", 6, 2, ROWS(6, 7, 8, 9, 10, 11, 18, 19, 20, 21, 22, 23));
    expect_rows(g, "even", 6, 2, ROWS(0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21));
    bora_taken_weight(g, "there", "fused", &(bora_taken){ .transposed = true });
    graph_origin origin;
    assert_true(graph_find(g, "there", &origin) && !origin.made);
    bora_taken_weight(g, "fused", "fused", &(bora_taken){ .count = 1, .transposed = true }); /* itself */
    expect_rows(g, "fused", 2, 4, ROWS(0, 6, 12, 18, 24, 30, 36, 42));
    expect_rows(g, "fused.bias", 2, 1, ROWS(0, 6));
}

static void take_from_stack(bora_graph *g)
{
    bora_stacked_weight(g, "w", "e.%d.w", 2);
    bora_taken_weight(g, "last", "w", &(bora_taken){ .from = 2 });
    expect_rows(g, "last", 2, 4, ROWS(8, 9, 10, 11, 108, 109, 110, 111));
    expect_rows(g, "last.bias", 2, 1, ROWS(2, 102));
    bora_taken_weight(g, "turned_over", "w", &(bora_taken){ .from = 1, .step = 2, .transposed = true });
    expect_rows(g, "turned_over", 4, 3, ROWS(1, 5, 9, 3, 7, 11, 101, 105, 109, 103, 107, 111));
}

static void take_too_many(bora_graph *g)
{
    bora_taken_weight(g, "w", "rows", &(bora_taken){ .from = 4, .count = 3 });
}

static void take_from_beyond(bora_graph *g)
{
    bora_taken_weight(g, "w", "rows", &(bora_taken){ .from = 6 });
}

static void transpose_blocks(bora_graph *g)
{
    bora_taken_weight(g, "w", "rows", &(bora_taken){ .transposed = true });
}

static void takes(void **state)
{
    (void)state;
    must_build(take, "{}");
    must_fail(take_too_many, "{}", "of 6");
    must_fail(take_from_beyond, "{}", "of 6");
    must_fail(transpose_blocks, "{}", "would have to be read number by number");
}

static void use_layout(bora_graph *g)
{
    expect_rows(g, "coded", 3, 4, ROWS(107, 108, 109, 110, 112, 113, 114, 115, 117, 118, 119, 120));
    bora_taken_weight(g, "odd", "turned", &(bora_taken){ .from = 1, .step = 2, .transposed = true });
    expect_rows(g, "odd", 3, 4, ROWS(112, 113, 114, 115, 122, 123, 124, 125, 132, 133, 134, 135));
    graph_origin origin;
    int n = 0;
    assert_true(graph_find(g, "odd", &origin));
    graph_each_tensor(&origin, count_tensor, &n);
    assert_int_equal(n, 3);
}

static void use_own_config(bora_graph *g)
{
    expect_rows(g, "coded", 3, 4, ROWS(101, 102, 103, 104, 106, 107, 108, 109, 111, 112, 113, 114));
}

static void use_turned(bora_graph *g)
{
    bora_linear(g, bora_embed(g, "embed"), "turned");
}

static void use_wrong(bora_graph *g)
{
    bora_linear(g, bora_embed(g, "embed"), "wrong");
}

static void use_coded(bora_graph *g)
{
    bora_linear(g, bora_embed(g, "embed"), "coded");
}

static void layouts_make_weights_of_several_tensors(void **state)
{
    (void)state;
    must_build(use_layout, "{\"quantization_config\": {\"quant_method\": \"coded\", \"group\": {\"shift\": 7}}}");
    must_build(use_own_config, "{\"quantization\": {\"quant_method\": \"coded\", \"group\": {\"shift\": 7}, "
                               "\"coded\": {\"group\": {\"shift\": 1}}}}");
    must_build(use_coded, "{\"quantization_config\": {\"quant_method\": \"coded\"}}");
    const char *config = "{\"quantization_config\": {\"quant_method\": \"coded\"}}";
    must_fail(use_turned, config, "turned.weight is stored transposed");
    must_fail(use_wrong, config, "wrong (coded): a scale for each row");
    must_fail(use_coded, "{\"quantization_config\": {\"quant_method\": \"coded\", \"format\": \"fog\"}}",
              "no plugin offers the format \"fog\"");
    must_fail(use_coded, "{\"quantization_config\": {\"quant_method\": \"fog\"}}",
              "no tensor \"coded.weight\" (it is quantized by \"fog\"");
    must_fail(use_coded, "{}", "no tensor \"coded.weight\"");
}

static void what_is_made_can_be_taken_from(void **state)
{
    (void)state;
    must_build(take_from_stack, "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stacks),
        cmocka_unit_test(takes),
        cmocka_unit_test(what_is_made_can_be_taken_from),
        cmocka_unit_test(layouts_make_weights_of_several_tensors),
    };
    return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
