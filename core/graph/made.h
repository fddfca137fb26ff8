/* Weights that the checkpoint does not have as one tensor: made of others by what an architecture declares
 * (bora_stacked_weight(), bora_taken_weight()), or of several by a layout. Nothing is read before loading: what is here
 * says what the weight will be, and where its rows come from. */
#ifndef BORA_GRAPH_MADE_H
#define BORA_GRAPH_MADE_H

#include <bora/graph.h>
#include <bora/layout.h>

typedef struct graph_made graph_made;

/* Where numbers come from: a tensor of the checkpoint, or what is made of some. */
typedef struct graph_origin {
    const bora_tensor_info *tensor; /* shape and format; data NULL with `made` */
    const graph_made *made;         /* NULL: the tensor as it lies */
    const char *suffix;             /* behind the name that it was found by: ".weight" or "" */
} graph_origin;

typedef enum graph_making {
    MADE_STACKED,    /* the parts, one behind another */
    MADE_ROWS,       /* some rows of each matrix of the part */
    MADE_TRANSPOSED, /* some columns of each matrix of the part, as rows; the part is dense */
    MADE_NUMBERS,    /* some numbers of each row of the part, which is dense */
    MADE_BY_LAYOUT,
} graph_making;

struct graph_made {
    bora_tensor_info info; /* as if it were a tensor, without data */
    const char *name;      /* what it is found by: "model.layers.0.mlp.experts.up_proj", or with ".bias" */
    graph_making making;
    const graph_origin *parts; /* [n_parts]; of a layout none: `stored` has them */
    int32_t n_parts;
    int64_t from, step; /* which rows, columns or numbers */
    const bora_layout *layout;
    bora_stored stored;
    const graph_made *next; /* the one that was made before */
};

/* Rows of the last dimension, and numbers in one. */
static inline int64_t graph_width(const bora_tensor_info *t)
{
    return t->n_dims ? t->shape[t->n_dims - 1] : 1;
}

static inline int64_t graph_rows(const bora_tensor_info *t)
{
    int64_t rows = 1;
    for (int d = 0; d < t->n_dims - 1; d++)
        rows *= t->shape[d];
    return rows;
}

/* What stands for a weight of that full name: what was made, else what a layout makes of several tensors, else the
 * tensor NAME.weight or NAME. False: nothing (or an error in the graph). */
bool graph_find(bora_graph *g, const char *name, graph_origin *out);

/* Calls `visit` for every tensor of the checkpoint that it is read from. */
void graph_each_tensor(const graph_origin *origin, void (*visit)(void *ctx, const bora_tensor_info *tensor), void *ctx);

/* " (…)" for the message about a weight that is not there when the checkpoint is quantized by a method that no plugin
 * has a layout for; else "". */
const char *graph_unknown_method(const bora_graph *g, char out[160]);

#endif
