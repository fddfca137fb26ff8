/* For the tests of declared architectures: files in memory, built on a small checkpoint, and what is said of those that
 * are wrong. */
#ifndef TESTS_DECLARED_FILES_H
#define TESTS_DECLARED_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/declared.h"
#include "base/buf.h"
#include "base/json.h"
#include "graph/graph.h"
#include "plugin/runtime.h"

static const bora_quant floats = { .name = "floats", .plain = true, .block_elems = 1, .block_bytes = 4 };
static const bora_tensor_info tensors[] = {
    { .name = "embed.weight", .quant = &floats, .n_dims = 2, .shape = { 10, 8 } },
    { .name = "up.weight", .quant = &floats, .n_dims = 2, .shape = { 8, 8 } },
    { .name = "up.bias", .quant = &floats, .n_dims = 1, .shape = { 8 } },
    { .name = "layers.0.norm.weight", .quant = &floats, .n_dims = 1, .shape = { 8 } },
    { .name = "layers.1.norm.weight", .quant = &floats, .n_dims = 1, .shape = { 8 } },
};

static inline const bora_tensor_info *find(void *ctx, const char *name)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++)
        if (strcmp(tensors[i].name, name) == 0)
            return &tensors[i];
    return NULL;
}

static bora_runtime *runtime;

static inline int open_runtime(void **state)
{
    (void)state;
    runtime = bora_runtime_new(&(bora_runtime_options){ .no_default_plugins = true }, NULL);
    return runtime ? 0 : -1;
}

static inline int close_runtime(void **state)
{
    (void)state;
    bora_runtime_free(runtime);
    return 0;
}

static bora_error err;

static inline declared_arch *parse(const char *file)
{
    bora_error_clear(&err);
    return declared_parse(file, strlen(file), "t.toml", &err);
}

static inline void expect_message(const char *message)
{
    if (strcmp(err.message, message) != 0)
        fail_msg("expected: %s\nsaid:     %s", message, err.message);
}

static inline void expect_refused(const char *file, bora_code code, const char *message)
{
    assert_null(parse(file));
    expect_message(message);
    assert_int_equal(err.code, code);
}

/* The graph of a file on a config; NULL and `err`. */
static inline bora_graph *build(const char *file, const char *config, const char *container)
{
    declared_arch *d = parse(file);
    if (!d)
        return NULL;
    cJSON *params = json_parse(config, strlen(config), "config", NULL);
    assert_non_null(params);
    graph_source source = { .weight = find, .params = params, .params_name = "config.json", .container = container };
    bora_graph *g = graph_build(runtime, &d->arch, &source, &err);
    cJSON_Delete(params); /* a graph is built once, and keeps neither */
    declared_close(d);
    return g;
}

/* The file whose setup is `setup` (its equations begin on line 3), that has no layers and gives `x`. */
static inline char *with_setup(const char *setup)
{
    buf file = { 0 };
    buf_printf(&file,
               "name = \"t\"\n[graph]\nsetup = '''%s\n'''\nlayers = \"0\"\noutput = '''\n"
               "logits = linear(outputs(embed(\"embed\")), \"embed\")\n'''\n",
               setup);
    return buf_take(&file);
}

static inline void expect_built(const char *setup, const char *config)
{
    char *file = with_setup(setup);
    bora_graph *g = build(file, config, "safetensors");
    if (!g)
        fail_msg("%s\n%s", setup, err.message);
    graph_free(g);
    free(file);
}

/* `message` is what stands behind "architecture t: t.toml:". */
static inline void expect_failed(const char *setup, const char *config, const char *message)
{
    char *file = with_setup(setup), whole[600];
    bora_graph *g = build(file, config, "safetensors");
    if (g)
        fail_msg("was built: %s", setup);
    snprintf(whole, sizeof whole, "architecture t: t.toml:%s", message);
    expect_message(whole);
    free(file);
}

static inline int reset(void **state)
{
    (void)state;
    bora_error_clear(&err);
    return 0;
}

#endif
