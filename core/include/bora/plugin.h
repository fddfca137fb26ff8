/* Plugins: what a shared object offers to bora.
 *
 * A plugin exports one function, bora_plugin_entry(), that returns a constant table. It does nothing when it is loaded
 * and nothing when it is asked for its table: the core reads what is there and calls it when it is needed. Every list
 * ends with NULL, every list may be NULL. bora's own plugins come through this same door. */
#ifndef BORA_PLUGIN_H
#define BORA_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bora/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Grows by one whenever a table in these headers changes. A plugin of another ABI is refused. */
#define BORA_PLUGIN_ABI 6u

typedef struct bora_arch bora_arch;       /* bora/arch.h: a model architecture */
typedef struct bora_quant bora_quant;     /* bora/quant.h: a number format */
typedef struct bora_backend bora_backend; /* bora/backend.h: a compute device */
typedef struct bora_op bora_op;           /* bora/op.h: an operation, that is a kind of graph node */
typedef struct bora_kernel bora_kernel;   /* bora/kernel.h: one operation, fast, on one backend */
typedef struct bora_layout bora_layout;   /* bora/layout.h: how a method of quantization stores a weight */

typedef struct bora_plugin {
    uint32_t abi;        /* BORA_PLUGIN_ABI, first in every version of this table */
    const char *name;    /* unique among the loaded plugins */
    const char *version; /* for people */
    const bora_arch *const *archs;
    const bora_quant *const *quants;
    const bora_backend *const *backends;
    const bora_op *const *ops;
    const bora_kernel *const *kernels;
    const bora_layout *const *layouts;
} bora_plugin;

#define BORA_PLUGIN_EXPORT __attribute__((visibility("default")))

/* What a plugin defines:
 *     BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void) { return &plugin; } */
BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void);

#ifdef __cplusplus
}
#endif
#endif
