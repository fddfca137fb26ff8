/* Operations: what a node of a graph computes.
 *
 * An operation is a name, a rule that gives the shape of its result, and a reference implementation in plain C on
 * ordinary memory. The reference defines what is right and is what runs wherever nobody wrote a kernel. Every
 * activation is a matrix of floats [rows, width]; rows are the tokens of a batch (of all its sequences, one after the
 * other). */
#ifndef BORA_OP_H
#define BORA_OP_H

#include <bora/checkpoint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers of rows that are known only when a batch runs. */
enum {
    BORA_ROWS_TOKENS = -1,  /* one row for each token of the batch */
    BORA_ROWS_OUTPUTS = -2, /* one row for each token whose logits are asked for */
};

/* An activation: floats [rows, width], contiguous. While a graph is built, data is NULL and rows may be BORA_ROWS_…. */
typedef struct bora_view {
    float *data;
    int64_t rows, width;
} bora_view;

/* A weight as it lies in the memory of the device that runs the node. */
typedef struct bora_weight {
    const char *name;        /* the checkpoint's own, "model.layers.0.mlp.up_proj.weight" */
    const bora_quant *quant; /* NULL: plain floats */
    int n_dims;
    int64_t shape[BORA_MAX_DIMS]; /* slowest first: [n_out, n_in] for a linear layer; 1 beyond n_dims */
    const void *data;             /* rows one after the other, or what the kernel's `pack` made of them */
} bora_weight;

/* The rows of one sequence in a batch. */
typedef struct bora_sequence {
    int32_t first_row, n_rows;
    int32_t n_past;        /* tokens before these; row first_row + i is at position n_past + i */
    int32_t prompt_tokens; /* length of the whole prompt, however it is cut into batches */
    const int32_t *blocks; /* block table: position p lives in state block blocks[p / block_tokens] */
    int32_t slot;          /* which per-sequence state is its own */
} bora_sequence;

typedef struct bora_batch {
    int32_t n_tokens;
    const int32_t *tokens; /* [n_tokens] ids */
    int32_t n_sequences;
    const bora_sequence *sequences;
    int32_t n_outputs;
    const int32_t *output_rows; /* [n_outputs] ascending */
} bora_batch;

/* What an operation remembers between batches, owned by the engine. */
typedef struct bora_state_spec {
    size_t token_bytes;    /* for each token of each sequence, kept in blocks of `block_tokens` tokens: a KV cache */
    size_t sequence_bytes; /* for each sequence: a recurrent state, zero before its first token */
    /* The format of the numbers that are kept for each token; NULL: floats. An operation is asked for its state with
     * the format that is wanted here, and leaves it only if that is what token_bytes counts. */
    const bora_quant *format;
} bora_state_spec;

typedef struct bora_state {
    int32_t block_tokens;
    /* How many there is room for, in n_blocks * block_tokens * token_bytes bytes. Where the parts of a block lie in
     * these is the kernel's own affair. In ordinary memory n_blocks never changes, and bytes take memory once they are
     * touched; in a device's own it grows between batches, and what was there keeps its distance from `blocks`. */
    int32_t n_blocks;
    void *blocks;
    void *sequences; /* [n_slots][sequence_bytes] */
    bora_state_spec spec;
} bora_state;

/* A batch of sequences that are all alike, to say what it costs. */
typedef struct bora_workload {
    int32_t n_sequences;
    int32_t n_tokens; /* of each: its new ones */
    int32_t n_past;   /* of each: those before them */
} bora_workload;

/* The least that a batch asks of whoever computes it: what has to be read, and multiplied and added. */
typedef struct bora_cost {
    double weight_bytes;   /* of weights, each read once for the whole batch */
    double state_bytes;    /* of what is kept between batches */
    double products;       /* multiply-adds with weights */
    double state_products; /* multiply-adds of activations with each other: attention's scores and sums */
} bora_cost;

enum { BORA_MAX_INPUTS = 4, BORA_MAX_WEIGHTS = 4 };

/* One node, ready to be shaped or to run. */
typedef struct bora_call {
    const bora_op *op;
    const char *node;  /* its name, for messages: "model.layers.0.self_attn.q_proj" */
    const void *attrs; /* the operation's own parameters */
    int n_inputs, n_weights;
    bora_view inputs[BORA_MAX_INPUTS];
    const bora_weight *weights[BORA_MAX_WEIGHTS]; /* NULL: an optional weight that the checkpoint does not have */
    bora_view output;                             /* never overlaps an input */
    const bora_batch *batch;
    const bora_state *state; /* NULL for operations without one */
} bora_call;

/* What somebody writes who calls an operation by its name, in this order: rms_norm(x, "model.norm", eps = 1e-6). */
typedef enum bora_arg_kind {
    BORA_ARG_INPUT,      /* a node */
    BORA_ARG_WEIGHT,     /* the name of a weight */
    BORA_ARG_BIAS,       /* not written: NAME.bias of the weight before it, where the checkpoint has one */
    BORA_ARG_INT,        /* an int32_t in the attributes */
    BORA_ARG_FLOAT,      /* a float */
    BORA_ARG_FLAG,       /* a bool */
    BORA_ARG_CHOICE,     /* an enum: the place of a word in `choices` */
    BORA_ARG_ACTIVATION, /* a bora_activation_kind, by the name that configs have for it */
    BORA_ARG_ROPE,       /* the attributes as a whole, a bora_rope_attrs: what bora_rope_params() gives */
} bora_arg_kind;

typedef struct bora_arg {
    const char *name;
    bora_arg_kind kind;
    bool optional;              /* may be left out: an input or a weight is absent, a number is `fallback` */
    size_t offset;              /* of a number in the attributes */
    double fallback;            /* of a number that is left out */
    const char *const *choices; /* of BORA_ARG_CHOICE, NULL-terminated */
} bora_arg;

struct bora_op {
    const char *name;
    /* How it is called by name; inputs come in the order of bora_call.inputs, weights likewise. The list ends with a
     * NULL name. NULL: declared architectures cannot call it. */
    const bora_arg *args;
    size_t attrs_bytes; /* of the struct that `offset` counts in */
    /* Sets call->output.rows and .width from inputs, weights and attrs, or says what does not fit together. No data. */
    bool (*shape)(bora_call *call, bora_error *err);
    /* Computes call->output. All memory is ordinary memory, weights are unpacked and in any format: read them with
     * bora_weight_row(). A row of the result depends on that row's inputs (and its sequence's state) alone. */
    bool (*reference)(const bora_call *call, bora_error *err);
    /* What it keeps between batches; NULL: nothing. `spec` comes in with a format, see there. */
    void (*state)(const bora_call *call, bora_state_spec *spec);
    /* Its weights are vectors or as good as that, however many dimensions a checkpoint gives them: they keep their
     * format, whatever format is asked for. */
    bool small_weights;
    /* Its inputs decide what others compute (a router's logits): the weights that make them are not quantized unless a
     * topology asks for it. They are small, and a rounding there is a wrong choice. */
    bool chooses;
    /* What the node costs for such a batch, for measuring; `call` has the rows of the batch, its weights their formats,
     * and no data. NULL: bora_cost_default(). */
    void (*cost)(const bora_call *call, const bora_workload *load, bora_cost *cost);
};

/* The numbers in a row of a weight: its last dimension (a vector is one row). */
static inline int64_t bora_weight_width(const bora_weight *w)
{
    return w->n_dims > 0 ? w->shape[w->n_dims - 1] : 1;
}

/* A weight of more than two dimensions is a stack of matrices, one after the other: [n_experts, n_out, n_in]. */
static inline int64_t bora_weight_matrices(const bora_weight *w)
{
    int64_t n = 1;
    for (int d = 0; d < w->n_dims - 2; d++)
        n *= w->shape[d];
    return n;
}

/* Rows of all its matrices. */
static inline int64_t bora_weight_rows(const bora_weight *w)
{
    return w->n_dims < 2 ? 1 : bora_weight_matrices(w) * w->shape[w->n_dims - 2];
}

/* All its numbers. */
static inline int64_t bora_weight_numbers(const bora_weight *w)
{
    return bora_weight_rows(w) * bora_weight_width(w);
}

static inline size_t bora_row_bytes(const bora_quant *quant, int64_t width)
{
    return quant ? (size_t)(width / quant->block_elems) * quant->block_bytes : (size_t)width * sizeof(float);
}

/* A row of n numbers in a cache: whole blocks, the last of which may be filled up with zeros. */
static inline size_t bora_cache_row_bytes(const bora_quant *quant, int64_t n)
{
    return quant ? bora_row_bytes(quant, (n + quant->block_elems - 1) / quant->block_elems * quant->block_elems)
                 : (size_t)n * sizeof(float);
}

/* The bytes of all its rows, before anybody packs them. */
static inline double bora_weight_bytes(const bora_weight *w)
{
    return (double)bora_weight_rows(w) * (double)bora_row_bytes(w->quant, bora_weight_width(w));
}

/* Every weight whole, a multiply-add for each of its numbers and each row of the result, and all of the state. */
BORA_API void bora_cost_default(const bora_call *call, const bora_workload *load, bora_cost *cost);

/* Row `row` of an unpacked weight as floats [width], in `scratch` (at least [width]) or, for plain floats, where it
 * lies. */
BORA_API const float *bora_weight_row(const bora_weight *weight, int64_t row, float *scratch);

#ifdef __cplusplus
}
#endif
#endif
