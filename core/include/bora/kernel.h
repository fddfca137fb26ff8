/* Kernels: one operation, made fast for one backend and one weight format.
 *
 * A kernel is found by the names of the three, so it can live in any plugin: beside the backend, beside the format, or
 * in a stranger's folder. Among the usable ones the highest priority wins, then the more specific format. */
#ifndef BORA_KERNEL_H
#define BORA_KERNEL_H

#include <bora/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A backend's own state for one device. */
typedef struct bora_device bora_device;

/* For `bora_kernel.quant`: the kernel reads any format, through its dequantize. */
#define BORA_ANY_QUANT "*"

/* The inner loop of a matrix product for backends that work on ordinary memory: a panel of output rows by a few tokens.
 * Everything around it (threads, tiling, preparing the activations) is the backend's driver.
 *
 * out[t][r] must be the same bits for every n_tokens and n_rows: one accumulation over K for each pair, in one order.
 */
typedef struct bora_tile {
    int panel_rows; /* output rows that `pack` interleaves and `dot` computes together */
    int max_tokens; /* that one `dot` takes */
    /* The format that the driver turns activation rows into, by its quantize, a whole row of k numbers at a time; NULL:
     * plain floats. It may be the kernel's own, known to nobody else. Tiles that name the same one share what it makes
     * of a row. */
    const bora_quant *activation;
    bool activation_is_exact; /* that format holds every finite float as it is, so `--exact` may use this tile */
    /* Bytes of a panel of `panel_rows` rows of `k` numbers, and the packing of n_rows rows (the last panel may hold
     * fewer: the rest is zero) that lie `row_bytes` apart. Both NULL: rows are used as they lie. */
    size_t (*panel_bytes)(int64_t k);
    void (*pack)(const bora_quant *quant, const void *rows, size_t row_bytes, int n_rows, int64_t k, void *panel);
    /* out[t * out_stride + r] = row r of the panel . activation t, for t < n_tokens and r < n_rows. Activations lie
     * `act_bytes` apart. `scratch` is for the caller's thread alone, aligned to 64 bytes. */
    void (*dot)(const bora_quant *quant, const void *panel, size_t row_bytes, int n_rows, int64_t k, const void *acts,
                size_t act_bytes, int n_tokens, float *out, size_t out_stride, float *scratch);
    /* Bytes of scratch for a `dot` of at most n_tokens over k numbers; NULL: `panel_rows * k` floats. */
    size_t (*scratch_bytes)(int64_t k, int n_tokens);
} bora_tile;

struct bora_kernel {
    const char *op;      /* "linear" */
    const char *backend; /* the backend's name */
    /* The format of the first weight: its name, BORA_ANY_QUANT, or NULL for plain floats and for operations without
     * weights. Weights after the first are always plain floats. */
    const char *quant;
    int priority;         /* 0 is ordinary */
    bool (*usable)(void); /* asks the processor, once; NULL: always */
    /* Either: the whole node, in the memory of the device. */
    bool (*run)(bora_device *device, const bora_call *call, bora_error *err);
    /* Or, for "linear" on a backend that has a driver for it: the inner loop. Weights that are packed for it are packed
     * matrix by matrix: a panel never holds rows of two. */
    const bora_tile *tile;
    /* Or the name of another operation: the backend's driver runs this one by that one's inner loops. So every tile
     * for "linear", whoever brings it, serves "expert_linear" as well. `quant` means nothing then; a step holds the
     * kernel that the tile belongs to, and the operation is that of its call. */
    const char *tiles_of;
};

#ifdef __cplusplus
}
#endif
#endif
