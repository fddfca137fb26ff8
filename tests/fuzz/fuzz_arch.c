/* Declared architectures: any bytes are one, or an error that says where; and one builds a graph on a config and on
 * weights that know nothing of it, or says why not. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/declared.h"
#include "base/json.h"
#include "graph/graph.h"

static const char config[] =
    "{\"num_hidden_layers\": 2, \"hidden_size\": 8, \"num_attention_heads\": 2, \"n\": 3, "
    "\"rms_norm_eps\": 1e-6, \"hidden_act\": \"silu\", \"sliding_window\": null, \"flag\": true, "
    "\"layer_types\": [\"full\", \"sliding\"], \"rope_scaling\": {\"rope_type\": \"linear\", "
    "\"factor\": 2}, \"big\": 1e999, \"lists\": [[1]]}";
static const bora_quant floats = { .name = "floats", .plain = true, .block_elems = 1, .block_bytes = 4 };
static const bora_tensor_info square = { .name = "square", .quant = &floats, .n_dims = 2, .shape = { 8, 8 } },
                              vector = { .name = "vector", .quant = &floats, .n_dims = 1, .shape = { 8 } };

static const bora_tensor_info *weight(void *ctx, const char *name)
{
    (void)ctx;
    if (strstr(name, "absent") || strstr(name, "bias") || strstr(name, "rope_freqs"))
        return NULL;
    return strstr(name, "norm") ? &vector : &square;
}

static void build(const declared_arch *d, bora_runtime *rt, const cJSON *params, const char *container)
{
    graph_source source = { .weight = weight, .params = params, .params_name = "config.json", .container = container };
    bora_error err = { .code = BORA_OK };
    bora_graph *g = graph_build(rt, &d->arch, &source, &err);
    if ((g != NULL) != (err.code == BORA_OK))
        abort();
    if (!g && !strstr(err.message, "fuzz") && !strstr(err.message, "outputs()"))
        abort();
    graph_free(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bora_runtime *rt;
    static cJSON *params;
    if (!rt) {
        rt = bora_runtime_new(&(bora_runtime_options){ .no_default_plugins = true }, NULL);
        params = json_parse(config, sizeof config - 1, "config.json", NULL);
        if (!rt || !params)
            abort();
    }
    bora_error err = { .code = BORA_OK };
    declared_arch *d = declared_parse((const char *)data, size, "fuzz", &err);
    if (d) {
        build(d, rt, params, "safetensors");
        build(d, rt, params, "gguf");
    } else if ((err.code != BORA_FORMAT && err.code != BORA_LIMIT) || strncmp(err.message, "fuzz:", 5) != 0) {
        abort();
    }
    declared_close(d);
    return 0;
}
