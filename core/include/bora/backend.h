/* Backends: a kind of device, its memory, and the driver of its kernels.
 *
 * The smallest backend is a name and one kernel: it works on ordinary memory, the core calls its kernels one after the
 * other, and runs what it has no kernel for by the operation's reference, copying around it where memory is not shared.
 */
#ifndef BORA_BACKEND_H
#define BORA_BACKEND_H

#include <bora/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bora_device_options {
    int n_threads; /* 0: one for each core that this process may use */
} bora_device_options;

/* One node of a piece. The kernel is one of the backend's own. */
typedef struct bora_step {
    const bora_kernel *kernel;
    const bora_call *call;
} bora_step;

struct bora_backend {
    const char *name;
    /* The name of a backend whose kernels are used where this one has none; both then share ordinary memory. NULL:
     * none. */
    const char *base;
    int priority; /* the usable backend with the highest one is where a model goes when nobody says otherwise */

    /* How many devices there are now; NULL: one. 0: the backend is not usable on this machine. */
    int (*n_devices)(void);
    /* Opens and closes device `index`; both NULL for a backend without state. */
    bora_device *(*open)(int index, const bora_device_options *options, bora_error *err);
    void (*close)(bora_device *device);

    /* Memory of its own: all four, or none of them for a backend that works on ordinary memory. Pointers are the
     * device's and aligned to 64 bytes. */
    void *(*alloc)(bora_device *device, size_t size_bytes, bora_error *err);
    void (*release)(bora_device *device, void *memory);
    bool (*upload)(bora_device *device, void *to, const void *from, size_t size_bytes, bora_error *err);
    bool (*download)(bora_device *device, void *to, const void *from, size_t size_bytes, bora_error *err);

    /* Runs the nodes of a piece in order. NULL: the core calls each kernel's `run`. A backend whose kernels are tiles
     * needs one. */
    bool (*run)(bora_device *device, const bora_step *steps, size_t n_steps, bora_error *err);
};

#ifdef __cplusplus
}
#endif
#endif
