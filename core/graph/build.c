/* Building: a node is its operation, its inputs, and weights looked up by name; its shape is worked out at once, so
 * that what does not fit is found at the node that does not fit. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "graph/graph.h"

enum { MAX_NODES = 1 << 20 };

bool graph_ok(const bora_graph *g)
{
    return g->error.code == BORA_OK;
}

bora_node *graph_fail(bora_graph *g, bora_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    bora_fail_va(&g->error, code, fmt, args);
    va_end(args);
    return NULL;
}

bora_node *bora_reject(bora_graph *g, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    bora_fail_va(&g->error, BORA_UNSUPPORTED, fmt, args);
    va_end(args);
    return NULL;
}

void bora_scope(bora_graph *g, const char *fmt, ...)
{
    if (!graph_ok(g)) /* a config that lies about its layers must not cost more than the counting of them */
        return;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(g->scope, sizeof g->scope, fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof g->scope)
        graph_fail(g, BORA_USAGE, "a scope of more than %zu bytes", sizeof g->scope - 1);
}

void bora_scope_end(bora_graph *g)
{
    g->scope[0] = '\0';
}

int graph_layer_of(const char *name)
{
    for (const char *c = name; *c; c++) {
        if (c != name && c[-1] != '.')
            continue;
        size_t n = strspn(c, "0123456789");
        if (n > 0 && n < 7 && (c[n] == '.' || c[n] == '\0'))
            return atoi(c);
    }
    return -1;
}

bool graph_full_name(bora_graph *g, const char *name, const char *suffix, char out[GRAPH_MAX_NAME])
{
    int n = snprintf(out, GRAPH_MAX_NAME, "%s%s%s%s", g->scope, *g->scope && *name ? "." : "", name, suffix);
    if (n >= 0 && n < GRAPH_MAX_NAME)
        return true;
    graph_fail(g, BORA_USAGE, "a name of more than %d bytes", GRAPH_MAX_NAME - 1);
    return false;
}

bool bora_has_weight(bora_graph *g, const char *name)
{
    char full[GRAPH_MAX_NAME];
    graph_origin origin;
    return graph_full_name(g, name, "", full) && graph_find(g, full, &origin);
}

/* Room for one more pointer in a list that lives in the arena (old lists stay behind: they are small). */
static bool grow_list(bora_graph *g, void ***list, int n, int *cap)
{
    if (n < *cap)
        return true;
    int new_cap = *cap ? *cap * 2 : 64;
    void **grown = arena_array(&g->arena, (size_t)new_cap, sizeof *grown);
    if (!grown)
        return bora_fail_memory(&g->error, "a graph");
    if (n)
        memcpy(grown, *list, (size_t)n * sizeof *grown);
    *list = grown;
    *cap = new_cap;
    return true;
}

/* `name` is what it was found by, without suffix. */
static graph_weight *use_weight(bora_graph *g, const char *name, const graph_origin *origin)
{
    const bora_tensor_info *tensor = origin->tensor;
    /* A weight is used again soon after its first use, or (an embedding as the head) is among the very first. */
    for (int i = 0; i < g->n_weights; i++)
        if (g->weights[i]->tensor == tensor)
            return g->weights[i];
    if (!grow_list(g, (void ***)&g->weights, g->n_weights, &g->cap_weights))
        return NULL;
    graph_weight *w = arena_alloc(&g->arena, sizeof *w);
    char *copy = arena_printf(&g->arena, "%s%s", name, origin->suffix);
    if (!w || !copy) {
        bora_fail_memory(&g->error, "a graph");
        return NULL;
    }
    *w = (graph_weight){ .name = copy, .tensor = tensor, .made = origin->made, .layer = graph_layer_of(name) };
    return g->weights[g->n_weights++] = w;
}

static bool add_weight(bora_graph *g, bora_node *node, int i, const char *name)
{
    if (!name)
        return true;
    bool optional = name[0] == '?';
    char full[GRAPH_MAX_NAME], method[160];
    graph_origin origin;
    if (!graph_full_name(g, name + optional, "", full))
        return false;
    if (!graph_find(g, full, &origin)) {
        if (!optional && graph_ok(g))
            graph_fail(g, BORA_NOT_FOUND, "the checkpoint has no tensor \"%s.weight\"%s", full,
                       graph_unknown_method(g, method));
        return graph_ok(g);
    }
    if (origin.made && origin.made->stored.transposed) {
        graph_fail(g, BORA_UNSUPPORTED, "%s is stored transposed, which this architecture does not expect",
                   origin.tensor->name);
        return false;
    }
    const bora_tensor_info *tensor = origin.tensor;
    graph_weight *w = use_weight(g, full, &origin);
    bora_weight *shape = arena_alloc(&g->arena, sizeof *shape);
    if (!w || !shape)
        return bora_fail_memory(&g->error, "a graph");
    *shape = (bora_weight){ .name = w->name, .quant = tensor->quant, .n_dims = tensor->n_dims };
    memcpy(shape->shape, tensor->shape, sizeof shape->shape);
    node->weights[i] = w;
    node->call.weights[i] = shape;
    return true;
}

/* "[T, 64] x [32, 128]": what a node was given, for the message about a shape that does not fit. */
static void describe(const bora_node *node, buf *out)
{
    for (int i = 0; i < node->call.n_inputs; i++)
        buf_printf(out, "%sinput [T, %lld]", out->len ? ", " : "", (long long)node->call.inputs[i].width);
    for (int i = 0; i < node->call.n_weights; i++) {
        const bora_weight *w = node->call.weights[i];
        if (!w)
            continue;
        buf_printf(out, "%s%s [", out->len ? ", " : "", w->name);
        for (int d = 0; d < w->n_dims; d++)
            buf_printf(out, "%s%lld", d ? ", " : "", (long long)w->shape[d]);
        buf_puts(out, "]");
    }
}

static bool shape_node(bora_graph *g, bora_node *node)
{
    bora_error why = { .code = BORA_OK };
    if (node->call.op->shape(&node->call, &why)) {
        if (node->call.output.width >= 1 && node->call.output.width <= INT32_MAX)
            return true;
        bora_fail(&why, BORA_FORMAT, "its result would be %lld wide", (long long)node->call.output.width);
    }
    buf given = { 0 };
    describe(node, &given);
    graph_fail(g, why.code ? why.code : BORA_FORMAT, "%s (%s): %s; given %s", node->name, node->call.op->name,
               why.message, buf_text(&given));
    buf_free(&given);
    return false;
}

bora_node *graph_node(bora_graph *g, const char *op_name, const char *label, bora_node *const *inputs, int n_inputs,
                      const char *const *weights, int n_weights, const void *attrs, size_t attrs_bytes)
{
    if (!graph_ok(g))
        return NULL;
    for (int i = 0; i < n_inputs; i++)
        if (!inputs[i])
            return graph_fail(g, BORA_USAGE, "%s.%s: an input is missing", g->scope, op_name);
    const bora_op *op = bora_runtime_op(g->runtime, op_name);
    if (!op)
        return graph_fail(g, BORA_NOT_FOUND, "no plugin offers the operation \"%s\"", op_name);
    if (n_inputs > BORA_MAX_INPUTS || n_weights > BORA_MAX_WEIGHTS || g->n_nodes >= MAX_NODES)
        return graph_fail(g, BORA_LIMIT, "%s: too many inputs, weights or nodes", op_name);

    char name[GRAPH_MAX_NAME];
    bora_node *node = arena_alloc(&g->arena, sizeof *node);
    if (!node || !grow_list(g, (void ***)&g->nodes, g->n_nodes, &g->cap_nodes) ||
        !graph_full_name(g, label ? label : op_name, "", name))
        return bora_fail_memory(&g->error, "a graph") ? node : NULL;
    node->name = arena_strdup(&g->arena, name);
    node->call = (bora_call){ .op = op,
                              .node = node->name,
                              .attrs = attrs ? arena_copy(&g->arena, attrs, attrs_bytes) : NULL,
                              .n_inputs = n_inputs,
                              .n_weights = n_weights };
    if (!node->name || (attrs && !node->call.attrs))
        return bora_fail_memory(&g->error, "a graph") ? node : NULL;
    node->layer = graph_layer_of(g->scope);
    for (int i = 0; i < n_inputs; i++) {
        node->inputs[i] = inputs[i];
        node->call.inputs[i] = inputs[i]->call.output;
    }
    for (int i = 0; i < n_weights; i++)
        if (!add_weight(g, node, i, weights[i]))
            return NULL;
    if (!shape_node(g, node))
        return NULL;
    if (op->state) {
        op->state(&node->call, &node->state_spec);
        node->has_state = true;
    }
    node->index = g->n_nodes;
    return g->nodes[g->n_nodes++] = node;
}

bora_node *bora_op_node(bora_graph *g, const char *op, bora_node *const *inputs, const char *const *weights,
                        const void *attrs, size_t attrs_bytes)
{
    int n_inputs = 0, n_weights = 0;
    while (inputs && inputs[n_inputs] && n_inputs <= BORA_MAX_INPUTS)
        n_inputs++;
    while (weights && weights[n_weights] && n_weights <= BORA_MAX_WEIGHTS)
        n_weights++;
    return graph_node(g, op, n_weights ? weights[0] + (weights[0][0] == '?') : NULL, inputs, n_inputs, weights,
                      n_weights, attrs, attrs_bytes);
}

int64_t bora_width(const bora_node *node)
{
    return node ? node->call.output.width : 0;
}

bora_graph *graph_build(bora_runtime *rt, const bora_arch *arch, const graph_source *source, bora_error *err)
{
    bora_graph *g = calloc(1, sizeof *g);
    if (!g) {
        bora_fail_memory(err, "a graph");
        return NULL;
    }
    g->runtime = rt;
    g->source = *source;
    g->output = arch->build(arch, g);
    if (!g->output)
        graph_fail(g, BORA_INTERNAL, "it built no output");
    else if (g->output->call.output.rows != BORA_ROWS_OUTPUTS)
        graph_fail(g, BORA_INTERNAL, "its output has a row for each token: bora_outputs() is missing");
    if (graph_ok(g))
        return g;
    bora_error_prefix(&g->error, "architecture %s", arch->name);
    bora_fail(err, g->error.code, "%s", g->error.message);
    graph_free(g);
    return NULL;
}

void graph_free(bora_graph *g)
{
    if (!g)
        return;
    arena_free(&g->arena);
    free(g);
}
