/* From placed nodes to a program: kernels run where they belong, and a result that is needed in another memory is
 * copied there once. Nodes come in the order in which they were built, but that siblings (the queries, keys and values
 * of a layer) stand together. */
#include "graph/program.h"

#include <stdlib.h>
#include <string.h>

exec_choice exec_choose(const bora_runtime *rt, const bora_op *op, exec_device *device, exec_device *host,
                        const char *quant, unsigned avoid)
{
    for (exec_device *d = device; d && d->backend; d = d->base) {
        const bora_kernel *kernel = registry_kernel(rt, op->name, d->backend->name, quant, avoid);
        if (kernel)
            return (exec_choice){ kernel, d };
    }
    return (exec_choice){ NULL, host };
}

static int space_of(exec_program *p, exec_device *device)
{
    if (!exec_has_own_memory(device))
        return 0;
    for (int i = 1; i < p->n_spaces; i++)
        if (p->spaces[i].device == device)
            return i;
    p->spaces[p->n_spaces].device = device;
    return p->n_spaces++;
}

static int new_value(exec_program *p, int64_t rows, int64_t width, int space)
{
    p->values[p->n_values] =
        (exec_value){ .rows = rows, .width = width, .space = space, .first = p->n_items, .last = p->n_items };
    return p->n_values++;
}

/* The value of node `input` in `space`: its own, or its copy, which is made here when it is new. `copies` is
 * [n_nodes][n_spaces of now or later], 0 for none, else value + 1. */
static int value_in(exec_program *p, int input, int space, int *copies, int max_spaces)
{
    int own = p->slots[input].output;
    if (p->values[own].space == space)
        return own;
    int *copy = &copies[(size_t)input * (size_t)max_spaces + (size_t)space];
    if (*copy == 0) {
        int to = new_value(p, p->values[own].rows, p->values[own].width, space);
        p->values[own].last = p->n_items;
        p->items[p->n_items++] = (exec_item){ .node = -1, .from = own, .to = to };
        *copy = to + 1;
    }
    return *copy - 1;
}

static void add_node(exec_program *p, const bora_node *node, const exec_node *placed, int *copies, int max_spaces)
{
    exec_slot *slot = &p->slots[node->index];
    slot->choice = placed->choice;
    slot->call = node->call;
    slot->call.state = placed->state;
    for (int i = 0; i < node->call.n_weights; i++)
        slot->call.weights[i] = placed->weights[i];
    int space = space_of(p, slot->choice.owner);
    for (int i = 0; i < node->call.n_inputs; i++)
        slot->inputs[i] = value_in(p, node->inputs[i]->index, space, copies, max_spaces);
    for (int i = 0; i < node->call.n_inputs; i++)
        p->values[slot->inputs[i]].last = p->n_items;
    slot->output = new_value(p, node->call.output.rows, node->call.output.width, space);
    p->items[p->n_items++] = (exec_item){ .node = node->index };
}

/* Siblings that stand together: the results of more would wait long for who reads them, each in its own memory. */
enum { LARGEST_FAMILY = 8 };

/* Two nodes that do the same with the same: a device may read what they share once. */
static bool siblings(const bora_graph *g, const exec_node *nodes, int a, int b)
{
    const bora_node *x = g->nodes[a], *y = g->nodes[b];
    if (x->call.op != y->call.op || x->layer != y->layer || x->has_state || y->has_state ||
        x->call.n_inputs != y->call.n_inputs || nodes[a].choice.owner != nodes[b].choice.owner)
        return false;
    for (int i = 0; i < x->call.n_inputs; i++)
        if (x->inputs[i] != y->inputs[i])
            return false;
    return x->call.n_inputs > 0;
}

static int count_devices(const bora_graph *g, const exec_node *nodes)
{
    int n = 1;
    for (int i = 0; i < g->n_nodes; i++) {
        bool is_new = exec_has_own_memory(nodes[i].choice.owner);
        for (int k = 0; is_new && k < i; k++)
            is_new = nodes[k].choice.owner != nodes[i].choice.owner;
        n += is_new;
    }
    return n;
}

/* Marks the nodes that `output` needs. Inputs come before who reads them. */
static void mark_needed(const bora_graph *g, const bora_node *output, bool *needed)
{
    needed[output->index] = true;
    for (int i = output->index; i >= 0; i--)
        for (int k = 0; needed[i] && k < g->nodes[i]->call.n_inputs; k++)
            needed[g->nodes[i]->inputs[k]->index] = true;
}

exec_program *exec_program_new(const bora_graph *g, const exec_node *nodes, const bora_node *output, bora_error *err)
{
    exec_program *p = calloc(1, sizeof *p);
    if (!p) {
        bora_fail_memory(err, "a program");
        return NULL;
    }
    int max_spaces = count_devices(g, nodes);
    size_t n = (size_t)g->n_nodes, most = n * (size_t)(1 + max_spaces);
    p->n_nodes = g->n_nodes;
    p->slots = arena_array(&p->arena, n, sizeof *p->slots);
    p->values = arena_array(&p->arena, most, sizeof *p->values);
    p->items = arena_array(&p->arena, most, sizeof *p->items);
    p->spaces = arena_array(&p->arena, (size_t)max_spaces, sizeof *p->spaces);
    p->steps = arena_array(&p->arena, n, sizeof *p->steps);
    int *copies = arena_array(&p->arena, n * (size_t)max_spaces, sizeof *copies);
    bool *needed = arena_array(&p->arena, n, sizeof *needed);
    if (!p->slots || !p->values || !p->items || !p->spaces || !p->steps || !copies || !needed) {
        bora_fail_memory(err, "a program");
        exec_program_free(p);
        return NULL;
    }
    p->n_spaces = 1;
    mark_needed(g, output, needed);
    for (int i = 0; i < g->n_nodes; i++) {
        if (!needed[i] || p->slots[i].call.op)
            continue;
        add_node(p, g->nodes[i], &nodes[i], copies, max_spaces);
        int family = 1;
        for (int k = i + 1; k < g->n_nodes && g->nodes[k]->layer == g->nodes[i]->layer && family < LARGEST_FAMILY; k++)
            if (needed[k] && !p->slots[k].call.op && siblings(g, nodes, i, k)) {
                add_node(p, g->nodes[k], &nodes[k], copies, max_spaces);
                family++;
            }
    }
    p->output = p->slots[output->index].output;
    p->values[p->output].last = p->n_items;
    return p;
}

void exec_program_free(exec_program *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->n_spaces; i++) {
        exec_space *space = &p->spaces[i];
        if (space->memory && space->device)
            space->device->backend->release(space->device->handle, space->memory);
        else
            free(space->memory);
    }
    free(p->staging);
    arena_free(&p->arena);
    free(p);
}

size_t exec_memory_bytes(const exec_program *p)
{
    size_t total = p->staging_bytes;
    for (int i = 0; i < p->n_spaces; i++)
        total += p->spaces[i].size;
    return total;
}
