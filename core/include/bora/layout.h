/* Layouts: weights that a method of quantization stores as several tensors.
 *
 * Where config.json names a method, a weight NAME may be there as NAME.qweight, NAME.scales and the like. A layout says
 * which tensors these are, what shape and format the weight has, and turns its rows into blocks of that format. So a
 * method needs no operation of its own: what comes out is a weight in some number format, as if a file had it so. */
#ifndef BORA_LAYOUT_H
#define BORA_LAYOUT_H

#include <bora/checkpoint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BORA_MAX_PARTS = 12, BORA_MAX_NOTES = 8 };

/* One weight as the checkpoint stores it. */
typedef struct bora_stored {
    const char *name; /* without suffixes: "model.layers.0.mlp.up_proj" */
    /* The tensors, in the order of `suffixes`; NULL: optional and absent. Their shapes and formats are whatever the
     * file says. */
    const bora_tensor_info *parts[BORA_MAX_PARTS];
    const void *config; /* for bora_stored_number() and bora_stored_string() */

    /* What `describe` says of the weight. */
    const char *quant;            /* the format (by name) of the blocks that `read` writes */
    int n_dims;                   /* at least 2 */
    int64_t shape[BORA_MAX_DIMS]; /* slowest first; the last is a multiple of the format's block_elems */
    /* The last two dimensions stand the other way round than in the same weight stored plainly: an architecture that
     * expects to transpose it has nothing left to do. */
    bool transposed;
    int64_t notes[BORA_MAX_NOTES]; /* what `read` wants to know again; 0 before */
} bora_stored;

struct bora_layout {
    const char *name; /* for messages; unique */
    /* quantization_config.quant_method of config.json (or that of "quantization"), NULL-terminated. "": an object that
     * names no method. */
    const char *const *methods;
    /* What stands behind NAME in the names of the tensors, NULL-terminated: ".qweight", ".scales". One that begins with
     * '?' may be absent. A weight has this layout when all the others are there; it then goes before a tensor NAME or
     * NAME.weight by itself. */
    const char *const *suffixes;
    /* Looks at parts and config and says what the weight is, or why it cannot be read. Must check every shape and
     * format that `read` relies on, and every number in a part that it uses as an index. */
    bool (*describe)(bora_stored *stored, bora_error *err);
    /* Rows first_row … first_row + n_rows - 1 of all rows of the last dimension, as blocks one behind another. Pure and
     * reentrant; called from several threads. */
    void (*read)(const bora_stored *stored, int64_t first_row, int64_t n_rows, void *blocks);
};

/* The number (true is 1) or string at a dotted path in the method's object of config.json: "group_size",
 * "config_groups.group_0.weights.num_bits". Where that object has one called like the weight, it is asked first. */
BORA_API double bora_stored_number(const bora_stored *stored, const char *path, double fallback);
BORA_API const char *bora_stored_string(const bora_stored *stored, const char *path, const char *fallback);

#ifdef __cplusplus
}
#endif
#endif
