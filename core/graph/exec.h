/* Running a graph: who computes each node, where each result lies, and in which order.
 *
 * A placed graph becomes a program: a list of runs and copies. Memory is planned for a number of rows from the
 * lifetimes of the results, and kept for every batch that needs no more. One program serves one caller at a time. */
#ifndef BORA_GRAPH_EXEC_H
#define BORA_GRAPH_EXEC_H

#include "graph/graph.h"

/* An open device. All backends without memory of their own share ordinary memory. */
typedef struct exec_device {
    const bora_backend *backend; /* NULL: the host, which runs references */
    bora_device *handle;
    struct exec_device *base; /* the device that lends its kernels, or NULL */
    int index;
} exec_device;

static inline bool exec_has_own_memory(const exec_device *d)
{
    return d->backend && d->backend->alloc;
}

/* Who computes a node: a kernel and the device it belongs to, or (kernel NULL) the operation's reference on the host.
 */
typedef struct exec_choice {
    const bora_kernel *kernel;
    exec_device *owner;
} exec_choice;

/* The kernel for an operation with a first weight of format `quant` (NULL: plain floats, or no weight) on a device or
 * on what it is based on; without one, the reference on `host`. `avoid`: as for registry_kernel(). */
exec_choice exec_choose(const bora_runtime *rt, const bora_op *op, exec_device *device, exec_device *host,
                        const char *quant, unsigned avoid);

/* One node, placed: what the model decides before there is a program. */
typedef struct exec_node {
    exec_choice choice;
    const bora_weight *weights[BORA_MAX_WEIGHTS]; /* in the memory of choice.owner */
    const bora_state *state;                      /* likewise; NULL without one */
} exec_node;

typedef struct exec_program exec_program;

/* A program that computes `output` and what that needs. `nodes` is [g->n_nodes]; graph, devices and weights outlive the
 * program. */
exec_program *exec_program_new(const bora_graph *g, const exec_node *nodes, const bora_node *output, bora_error *err);
void exec_program_free(exec_program *p);
/* Plans and allocates memory for batches of so many tokens and outputs; does nothing when there is enough already. */
bool exec_reserve(exec_program *p, int32_t n_tokens, int32_t n_outputs, bora_error *err);
/* Runs a batch (exec_reserve is called for it). `result` is the rows of the output, or NULL when there are none. */
bool exec_run(exec_program *p, const bora_batch *batch, float *result, bora_error *err);
/* Bytes of activations that are allocated now, over all devices. */
size_t exec_memory_bytes(const exec_program *p);

#endif
