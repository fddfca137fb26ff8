/* Number formats: how the numbers of a weight lie in memory.
 *
 * A format is a block of `block_elems` consecutive numbers in `block_bytes` bytes, and two functions between blocks and
 * floats. That is enough to run on every backend: the core turns weights into something the backend has a kernel for.
 * A kernel (bora/kernel.h) makes one pair of format and backend fast. */
#ifndef BORA_QUANT_H
#define BORA_QUANT_H

#include <bora/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bora_quant {
    const char *name; /* what a user calls it, lower case: "sq4" */

    /* Further names a user may say, NULL-terminated, or NULL. A bare number of bits ("4") is an alias too: the
     * format that a user gets who names no more than that. */
    const char *const *aliases;

    /* What files call it, NULL-terminated, or NULL: "gguf:99", "safetensors:SQ4". */
    const char *const *stored_as;

    bool plain;         /* a block is one C float: nothing has to be converted to compute with it */
    int block_elems;    /* numbers in a block; a row's length is a multiple of it */
    size_t block_bytes; /* bytes of a block */

    /* The format (by name) that embeddings and output heads get when a user asks for this one everywhere; NULL: the
     * same. An explicit topology entry overrides it. */
    const char *sensitive;
    /* Caches of keys and values are in this format unless a user says otherwise, but for models whose weights are plain
     * floats. The first format of which this is said is the one. */
    bool for_caches;
    /* The format (by name) for rows whose length is no multiple of block_elems; NULL: such rows stay as they are. */
    const char *fallback;

    /* n floats from n / block_elems blocks. Pure, reentrant; n is a multiple of block_elems. */
    void (*dequantize)(const void *blocks, float *out, size_t n);
    /* The reverse, or NULL for a format that can only be read. `importance` [n] weighs the error of each number, or is
     * NULL. Any input is legal, infinities and NaNs too; what they become is the format's affair. */
    void (*quantize)(const float *in, const float *importance, void *blocks, size_t n);
};

#ifdef __cplusplus
}
#endif
#endif
