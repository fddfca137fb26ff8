/* Blocks that many architectures share: made of nodes, as a plugin could make them. */
#include <stdio.h>

#include "graph/graph.h"

/* "name.part" in out. */
static const char *join(bora_graph *g, char out[256], const char *name, const char *part)
{
    int n = snprintf(out, 256, "%s.%s", name, part);
    if (n < 0 || n >= 256)
        graph_fail(g, BORA_USAGE, "a name of more than 255 bytes");
    return out;
}

bora_node *bora_gated_mlp(bora_graph *g, bora_node *x, const char *name, bora_activation_kind kind)
{
    char part[256];
    bora_node *gate = bora_linear(g, x, join(g, part, name, "gate_proj"));
    bora_node *up = bora_linear(g, x, join(g, part, name, "up_proj"));
    return bora_linear(g, bora_gate(g, gate, up, kind), join(g, part, name, "down_proj"));
}

bora_node *bora_expert_mlp(bora_graph *g, bora_node *x, bora_node *routes, const char *name, bora_activation_kind kind)
{
    char part[256];
    bora_node *gate = bora_expert_linear(g, x, routes, join(g, part, name, "gate_proj"));
    bora_node *up = bora_expert_linear(g, x, routes, join(g, part, name, "up_proj"));
    bora_node *down = bora_expert_linear(g, bora_gate(g, gate, up, kind), routes, join(g, part, name, "down_proj"));
    return bora_expert_sum(g, down, routes);
}

bora_node *bora_self_attention(bora_graph *g, bora_node *x, const char *name, const bora_rope_attrs *rope,
                               const bora_attention_attrs *attrs)
{
    char part[256];
    bora_node *q = bora_linear(g, x, join(g, part, name, "q_proj"));
    bora_node *k = bora_linear(g, x, join(g, part, name, "k_proj"));
    bora_node *v = bora_linear(g, x, join(g, part, name, "v_proj"));
    if (rope) {
        q = bora_rope(g, q, rope);
        k = bora_rope(g, k, rope);
    }
    return bora_linear(g, bora_attention(g, q, k, v, attrs), join(g, part, name, "o_proj"));
}

bora_node *bora_head(bora_graph *g, bora_node *x, const char *name, const char *embed, bool tied)
{
    char bias[256];
    const char *weight = !tied && bora_has_weight(g, name) ? name : embed;
    int n = snprintf(bias, sizeof bias, "?%s.bias", name); /* a bias is the head's own, whosever the weight is */
    if (n < 0 || (size_t)n >= sizeof bias)
        return graph_fail(g, BORA_USAGE, "a name of more than %zu bytes", sizeof bias - 7);
    return graph_node(g, "linear", weight, &x, 1, (const char *const[]){ weight, bias }, 2, NULL, 0);
}
