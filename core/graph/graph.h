/* The graph's inside: nodes in the order in which they were built, which is an order in which they can run. */
#ifndef BORA_GRAPH_GRAPH_H
#define BORA_GRAPH_GRAPH_H

#include <cjson/cJSON.h>

#include <bora/graph.h>

#include "graph/made.h"
#include "plugin/runtime.h"

enum { GRAPH_MAX_NAME = 512 };

/* A weight that nodes use: one for each name, however often it is used. */
typedef struct graph_weight {
    const char *name;               /* in Hugging Face layout, with its suffix: "model.norm.weight" */
    const bora_tensor_info *tensor; /* its shape and format */
    const graph_made *made;         /* NULL: the tensor as it lies; else where it comes from (the tensor has no data) */
    int layer;                      /* the first number in its name, or -1 */
} graph_weight;

struct bora_node {
    bora_call call; /* shapes; data and weights are filled in when it runs */
    const char *name;
    int index; /* in bora_graph.nodes */
    int layer; /* of the scope it was built in, or -1 */
    bora_node *inputs[BORA_MAX_INPUTS];
    graph_weight *weights[BORA_MAX_WEIGHTS]; /* NULL: optional and absent */
    bool has_state;
    bora_state_spec state_spec;
};

/* Where names come from: a checkpoint and its config, under the names of Hugging Face layout. */
typedef struct graph_source {
    void *ctx;
    const bora_tensor_info *(*weight)(void *ctx, const char *name);
    const cJSON *params;     /* an object: config.json or its equivalent */
    const char *params_name; /* the file it came from, for messages */
    const char *container;   /* "safetensors" or "gguf" */
    bool interleaved_rope;   /* rotary pairs are neighbours in this checkpoint */
} graph_source;

struct bora_graph {
    arena arena;
    bora_runtime *runtime;
    graph_source source;
    bora_error error; /* the first mistake */
    char scope[256];
    bora_node **nodes;
    int n_nodes, cap_nodes;
    graph_weight **weights;
    int n_weights, cap_weights;
    const graph_made *made;          /* the last one; they are a list */
    const bora_tensor_info *read[4]; /* tensors whose numbers building itself has read */
    int n_read;
    bora_node *output;
};

/* Builds the architecture's graph: NULL and an error that names node, weights and shapes when it does not fit. */
bora_graph *graph_build(bora_runtime *rt, const bora_arch *arch, const graph_source *source, bora_error *err);
void graph_free(bora_graph *g);

/* Remembers the first mistake; returns NULL. */
bora_node *graph_fail(bora_graph *g, bora_code code, const char *fmt, ...) BORA_PRINTF(3, 4);
bool graph_ok(const bora_graph *g);
/* "scope.name" and the suffix in `out`; false with an error when that is too long. */
bool graph_full_name(bora_graph *g, const char *name, const char *suffix, char out[GRAPH_MAX_NAME]);
/* The member at a dotted path, or NULL when it is absent or null. */
const cJSON *graph_param(const bora_graph *g, const char *key);
/* A node; `label` is what messages call it beside the scope (NULL: the operation's name). A weight that is NULL is
 * absent. */
bora_node *graph_node(bora_graph *g, const char *op, const char *label, bora_node *const *inputs, int n_inputs,
                      const char *const *weights, int n_weights, const void *attrs, size_t attrs_bytes);
/* The activation that configs call `name`; false for a name that is not known. */
bool graph_activation(const char *name, bora_activation_kind *out);
/* The first number between dots in a name, or -1: "model.layers.3.mlp" -> 3. */
int graph_layer_of(const char *name);

#endif
