/* A stranger's architecture: each token is embedded, mixed twice, and compared with the embeddings. It uses an
 * operation that another plugin brings. */
#include <bora/arch.h>

#include "leaky.h"

static bora_node *layer(bora_graph *g, int i, bora_node *x, float eps, const leaky_attrs *leaky)
{
    bora_scope(g, "layers.%d", i);
    bora_node *h = bora_linear(g, bora_rms_norm(g, x, "norm", eps), "mix");
    h = bora_op_node(g, "leaky_relu", (bora_node *const[]){ h, NULL }, NULL, leaky, sizeof *leaky);
    return bora_add(g, x, h);
}

static bora_node *build(const bora_arch *self, bora_graph *g)
{
    (void)self;
    int n_layers = bora_param_count(g, "n_layers");
    float eps = bora_param_float_or(g, "eps", 1e-5F);
    leaky_attrs leaky = { .slope = bora_param_float(g, "slope") };
    bora_node *x = bora_embed(g, "embed");
    for (int i = 0; i < n_layers; i++)
        x = layer(g, i, x, eps, &leaky);
    bora_scope_end(g);
    return bora_linear(g, bora_outputs(g, x), "embed");
}

static const char *const architectures[] = { "EchoForCausalLM", NULL };
static const bora_arch echo = { .name = "echo", .architectures = architectures, .build = build };
static const bora_arch *const archs[] = { &echo, NULL };
static const bora_plugin plugin = { BORA_PLUGIN_ABI, .name = "echo", .version = "1.0", .archs = archs };

BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void)
{
    return &plugin;
}
