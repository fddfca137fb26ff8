/* The nodes of bora's own operations, one function each. */
#include <stdio.h>

#include "graph/graph.h"

bora_node *bora_embed(bora_graph *g, const char *name)
{
    return graph_node(g, "embed", name, NULL, 0, &name, 1, NULL, 0);
}

/* Weight and optional bias of a layer: { "NAME", "?NAME.bias" }. */
static bora_node *with_bias(bora_graph *g, const char *op, bora_node *const *inputs, int n_inputs, const char *name,
                            const void *attrs, size_t attrs_bytes)
{
    char bias[256];
    int n = snprintf(bias, sizeof bias, "?%s.bias", name);
    if (n < 0 || (size_t)n >= sizeof bias)
        return graph_fail(g, BORA_USAGE, "a name of more than %zu bytes", sizeof bias - 7);
    return graph_node(g, op, name, inputs, n_inputs, (const char *const[]){ name, bias }, 2, attrs, attrs_bytes);
}

bora_node *bora_linear(bora_graph *g, bora_node *x, const char *name)
{
    return with_bias(g, "linear", &x, 1, name, NULL, 0);
}

bora_node *bora_rms_norm(bora_graph *g, bora_node *x, const char *name, float eps)
{
    return bora_rms_norm_of(g, x, name, &(bora_norm_attrs){ .eps = eps });
}

bora_node *bora_rms_norm_of(bora_graph *g, bora_node *x, const char *name, const bora_norm_attrs *attrs)
{
    return graph_node(g, "rms_norm", name, &x, 1, &name, 1, attrs, sizeof *attrs);
}

bora_node *bora_layer_norm(bora_graph *g, bora_node *x, const char *name, float eps)
{
    return with_bias(g, "layer_norm", &x, 1, name, &(bora_norm_attrs){ .eps = eps }, sizeof(bora_norm_attrs));
}

bora_node *bora_add(bora_graph *g, bora_node *a, bora_node *b)
{
    return graph_node(g, "add", NULL, (bora_node *const[]){ a, b }, 2, NULL, 0, NULL, 0);
}

bora_node *bora_mul(bora_graph *g, bora_node *a, bora_node *b)
{
    return graph_node(g, "mul", NULL, (bora_node *const[]){ a, b }, 2, NULL, 0, NULL, 0);
}

bora_node *bora_scale(bora_graph *g, bora_node *x, float factor)
{
    bora_scale_attrs attrs = { .factor = factor };
    return graph_node(g, "scale", NULL, &x, 1, NULL, 0, &attrs, sizeof attrs);
}

bora_node *bora_softcap(bora_graph *g, bora_node *x, float cap)
{
    bora_scale_attrs attrs = { .factor = cap };
    return graph_node(g, "softcap", NULL, &x, 1, NULL, 0, &attrs, sizeof attrs);
}

bora_node *bora_activation(bora_graph *g, bora_node *x, bora_activation_kind kind)
{
    bora_activation_attrs attrs = { .kind = kind };
    return graph_node(g, "activation", NULL, &x, 1, NULL, 0, &attrs, sizeof attrs);
}

bora_node *bora_gate(bora_graph *g, bora_node *gate, bora_node *up, bora_activation_kind kind)
{
    bora_activation_attrs attrs = { .kind = kind };
    return graph_node(g, "gate", NULL, (bora_node *const[]){ gate, up }, 2, NULL, 0, &attrs, sizeof attrs);
}

bora_node *bora_clamped_gate(bora_graph *g, bora_node *gate, bora_node *up, float limit, float alpha)
{
    bora_clamped_gate_attrs attrs = { .limit = limit, .alpha = alpha };
    return graph_node(g, "clamped_gate", NULL, (bora_node *const[]){ gate, up }, 2, NULL, 0, &attrs, sizeof attrs);
}

bora_node *bora_rope(bora_graph *g, bora_node *x, const bora_rope_attrs *rope)
{
    /* Frequency factors stand at the root of a checkpoint, whatever layer asks for them. */
    char scope[sizeof g->scope];
    snprintf(scope, sizeof scope, "%s", g->scope);
    bora_scope_end(g);
    bool has_factors = bora_has_weight(g, "rope_freqs");
    const char *factors = "rope_freqs";
    int layer = graph_layer_of(scope);
    bora_node *node = graph_node(g, "rope", NULL, &x, 1, &factors, has_factors, rope, sizeof *rope);
    if (node)
        node->layer = layer;
    snprintf(g->scope, sizeof g->scope, "%s", scope);
    return node;
}

bora_node *bora_attention(bora_graph *g, bora_node *q, bora_node *k, bora_node *v, const bora_attention_attrs *attrs)
{
    return graph_node(g, "attention", NULL, (bora_node *const[]){ q, k, v }, v ? 3 : 2, NULL, 0, attrs, sizeof *attrs);
}

bora_node *bora_slice(bora_graph *g, bora_node *x, int32_t from, int32_t width, int32_t each)
{
    bora_slice_attrs attrs = { .from = from, .width = width, .each = each };
    return graph_node(g, "slice", NULL, &x, 1, NULL, 0, &attrs, sizeof attrs);
}

bora_node *bora_join(bora_graph *g, bora_node *a, bora_node *b, int32_t runs)
{
    bora_join_attrs attrs = { .runs = runs };
    return graph_node(g, "join", NULL, (bora_node *const[]){ a, b }, 2, NULL, 0, &attrs, sizeof attrs);
}

bora_node *bora_head_linear(bora_graph *g, bora_node *x, const char *name, const bora_head_linear_attrs *attrs)
{
    return graph_node(g, "head_linear", name, &x, 1, &name, 1, attrs, sizeof *attrs);
}

bora_node *bora_attention_with_sinks(bora_graph *g, bora_node *q, bora_node *k, bora_node *v,
                                     const bora_attention_attrs *attrs, const char *sinks)
{
    return graph_node(g, "attention", NULL, (bora_node *const[]){ q, k, v }, v ? 3 : 2, &sinks, 1, attrs,
                      sizeof *attrs);
}

bora_node *bora_route(bora_graph *g, bora_node *logits, const char *bias, const bora_route_attrs *attrs)
{
    return graph_node(g, "route", NULL, &logits, 1, &bias, bias != NULL, attrs, sizeof *attrs);
}

bora_node *bora_expert_linear(bora_graph *g, bora_node *x, bora_node *routes, const char *name)
{
    return with_bias(g, "expert_linear", (bora_node *const[]){ x, routes }, 2, name, NULL, 0);
}

bora_node *bora_expert_sum(bora_graph *g, bora_node *x, bora_node *routes)
{
    return graph_node(g, "expert_sum", NULL, (bora_node *const[]){ x, routes }, 2, NULL, 0, NULL, 0);
}

bora_node *bora_causal_conv1d(bora_graph *g, bora_node *x, const char *name, bora_activation_kind kind)
{
    return with_bias(g, "causal_conv1d", &x, 1, name, &(bora_causal_conv1d_attrs){ .kind = kind },
                     sizeof(bora_causal_conv1d_attrs));
}

bora_node *bora_mamba2(bora_graph *g, bora_node *xbc, bora_node *dt, const char *name, const bora_mamba2_attrs *attrs)
{
    static const char *const parts[] = { "A_log", "D", "dt_bias" };
    char names[3][256];
    for (int i = 0; i < 3; i++) {
        int n = snprintf(names[i], sizeof names[i], "%s.%s", name, parts[i]);
        if (n < 0 || (size_t)n >= sizeof names[i])
            return graph_fail(g, BORA_USAGE, "a name of more than %zu bytes", sizeof names[i] - 9);
    }
    return graph_node(g, "mamba2", name, (bora_node *const[]){ xbc, dt }, 2,
                      (const char *const[]){ names[0], names[1], names[2] }, 3, attrs, sizeof *attrs);
}

bora_node *bora_outputs(bora_graph *g, bora_node *x)
{
    return graph_node(g, "outputs", NULL, &x, 1, NULL, 0, NULL, 0);
}
