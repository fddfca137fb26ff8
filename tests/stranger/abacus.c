/* A stranger's device, with memory of its own: its pointers are moved far outside the address space, so whoever touches
 * its memory without asking it crashes. It multiplies matrices and knows nothing else; the rest runs elsewhere. */
#include <bora/backend.h>

#include <stdlib.h>
#include <string.h>

struct bora_device {
    size_t n_products;
};

static const uintptr_t far_away = (uintptr_t)1 << 62;

static void *here(const void *p)
{
    return (void *)((uintptr_t)p - far_away);
}

static bora_device *abacus_open(int index, const bora_device_options *options, bora_error *err)
{
    (void)index;
    (void)options;
    bora_device *d = calloc(1, sizeof *d);
    if (!d)
        bora_fail_memory(err, "an abacus");
    return d;
}

static void abacus_close(bora_device *d)
{
    free(d);
}

static void *abacus_alloc(bora_device *d, size_t size_bytes, bora_error *err)
{
    (void)d;
    void *p = aligned_alloc(64, (size_bytes + 63) / 64 * 64);
    if (!p)
        bora_fail_memory(err, "the abacus");
    return p ? (void *)((uintptr_t)p + far_away) : NULL;
}

static void abacus_release(bora_device *d, void *memory)
{
    (void)d;
    free(here(memory));
}

static bool abacus_upload(bora_device *d, void *to, const void *from, size_t size_bytes, bora_error *err)
{
    (void)d;
    (void)err;
    memcpy(here(to), from, size_bytes);
    return true;
}

static bool abacus_download(bora_device *d, void *to, const void *from, size_t size_bytes, bora_error *err)
{
    (void)d;
    (void)err;
    memcpy(to, here(from), size_bytes);
    return true;
}

static bool linear(bora_device *d, const bora_call *call, bora_error *err)
{
    (void)err;
    const bora_weight *bias = call->n_weights > 1 ? call->weights[1] : NULL;
    const float *w = here(call->weights[0]->data), *b = bias ? here(bias->data) : NULL;
    const float *x = here(call->inputs[0].data);
    float *y = here(call->output.data);
    int64_t n_in = call->inputs[0].width, n_out = call->output.width;
    for (int64_t t = 0; t < call->output.rows; t++)
        for (int64_t r = 0; r < n_out; r++) {
            double sum = b ? b[r] : 0;
            for (int64_t k = 0; k < n_in; k++)
                sum += (double)w[r * n_in + k] * x[t * n_in + k];
            y[t * n_out + r] = (float)sum;
            d->n_products++;
        }
    return true;
}

static const bora_backend abacus = {
    .name = "abacus",
    .open = abacus_open,
    .close = abacus_close,
    .alloc = abacus_alloc,
    .release = abacus_release,
    .upload = abacus_upload,
    .download = abacus_download,
};
static const bora_kernel linear_kernel = { .op = "linear", .backend = "abacus", .run = linear };

static const bora_backend *const backends[] = { &abacus, NULL };
static const bora_kernel *const kernels[] = { &linear_kernel, NULL };
static const bora_plugin plugin = { BORA_PLUGIN_ABI, .name = "abacus", .version = "1.0", .backends = backends,
                                    .kernels = kernels };

BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void)
{
    return &plugin;
}
