/* Backend "openblas": products with plain floats by OpenBLAS, everything else as the cpu backend does it.
 *
 * OpenBLAS keeps one pool of threads for the whole process, so `n_threads` set here holds for every device and every
 * other user of the library in it; 0 leaves the library's own choice (OPENBLAS_NUM_THREADS) alone. Its order of
 * summation depends on the shape of the product: the promise of the same bits in every batch is the cpu backend's
 * alone. */
#include <bora/backend.h>
#include <bora/ops.h>

#include <cblas.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct bora_device {
    int index;
};

static bora_device *device_open(int index, const bora_device_options *options, bora_error *err)
{
    bora_device *device = calloc(1, sizeof *device);
    if (!device) {
        bora_fail_memory(err, "the openblas device");
        return NULL;
    }
    device->index = index;
    if (options && options->n_threads > 0)
        openblas_set_num_threads(options->n_threads);
    return device;
}

static void device_close(bora_device *device)
{
    free(device);
}

static bool linear(bora_device *device, const bora_call *call, bora_error *err)
{
    (void)device;
    int64_t n_tokens = call->output.rows, n_in = call->inputs[0].width, n_out = call->output.width;
    if (n_tokens > INT_MAX || n_in > INT_MAX || n_out > INT_MAX)
        return bora_fail(err, BORA_LIMIT, "[%lld, %lld] x [%lld, %lld] is more than OpenBLAS can count",
                         (long long)n_tokens, (long long)n_in, (long long)n_out, (long long)n_in);
    if (n_tokens < 1 || n_out < 1)
        return true;
    int t = (int)n_tokens, k = (int)n_in, n = (int)n_out;
    const float *x = call->inputs[0].data, *w = call->weights[0]->data;
    const bora_weight *bias = call->n_weights > 1 ? call->weights[1] : NULL;
    float *y = call->output.data, keep = bias ? 1 : 0; /* the bias is what the products are added to */
    for (int64_t row = 0; bias && row < n_tokens; row++)
        memcpy(y + row * n_out, bias->data, (size_t)n_out * sizeof *y);
    if (t == 1)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, n, k, 1, w, k, x, 1, keep, y, 1);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, t, n, k, 1, x, k, w, k, keep, y, n);
    return true;
}

static const bora_backend openblas = {
    .name = "openblas", .base = "cpu", .priority = 5, .open = device_open, .close = device_close
};
static const bora_backend *const backends[] = { &openblas, NULL };
static const bora_kernel linear_plain = { "linear", "openblas", NULL, .run = linear };
static const bora_kernel *const kernels[] = { &linear_plain, NULL };
static const bora_plugin plugin = { BORA_PLUGIN_ABI, .name = "openblas", .version = "0.1.0", .backends = backends,
                                    .kernels = kernels };

BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void)
{
    return &plugin;
}
