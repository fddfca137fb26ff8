/* Backend "cpu": ordinary memory and a pool of threads. Every operation of bora/ops.h has a kernel here; products come
 * down to tiles, which any plugin may offer for a format of its own. */
#include "cpu.h"

#include <stdlib.h>

static void device_close(bora_device *device)
{
    if (!device)
        return;
    bora_threads_free(device->threads);
    free(device->scratch.data);
    for (int i = 0; i < CPU_CONVERSIONS; i++)
        free(device->conversions[i].blocks.data);
    free(device->products.data);
    free(device->spans.data);
    free(device->slots.data);
    free(device->sorted.data);
    free(device->runs.data);
    free(device->partials.data);
    free(device->rope_key.data);
    for (int i = 0; i < CPU_ROPE_TABLES; i++) {
        free(device->rope_tables[i].key.data);
        free(device->rope_tables[i].turns.data);
    }
    for (int i = 0; i < BORA_MAX_WEIGHTS; i++)
        free(device->vectors[i].data);
    for (int i = 0; i < CPU_MAX_TOGETHER * 2; i++)
        free(device->step_vectors[i / 2][i % 2].data);
    pthread_mutex_destroy(&device->busy);
    free(device);
}

static bora_device *device_open(int index, const bora_device_options *options, bora_error *err)
{
    (void)index;
    bora_device *device = calloc(1, sizeof *device);
    if (!device) {
        bora_fail_memory(err, "the cpu device");
        return NULL;
    }
    pthread_mutex_init(&device->busy, NULL);
    device->threads = bora_threads_new(options ? options->n_threads : 0, err);
    if (!device->threads) {
        device_close(device);
        return NULL;
    }
    device->n_threads = bora_threads_count(device->threads);
    device->acts_bytes = cpu_cache_bytes() / 2;
    return device;
}

static bool device_run(bora_device *device, const bora_step *steps, size_t n_steps, bora_error *err)
{
    pthread_mutex_lock(&device->busy);
    bool ok = cpu_run_steps(device, steps, n_steps, err);
    pthread_mutex_unlock(&device->busy);
    return ok;
}

static const bora_backend cpu = {
    .name = "cpu", .priority = 10, .open = device_open, .close = device_close, .run = device_run
};
static const bora_backend *const backends[] = { &cpu, NULL };

#define BY_ROWS(name) static const cpu_row_kernel name = { { #name, "cpu", NULL, .run = cpu_run_by_rows }, cpu_##name }

static const bora_kernel embed = { "embed", "cpu", BORA_ANY_QUANT, .run = cpu_embed };
/* Where weights may be packed, the second of each pair is the better one. What rounds activations is better still, and
 * chosen only where a user allows it. */
static const bora_kernel linear = { "linear", "cpu", NULL, .tile = &cpu_tile_f32 };
static const bora_kernel linear_packed = { "linear", "cpu", NULL, .priority = 1, .tile = &cpu_tile_f32_packed };
static const bora_kernel linear_f16 = { "linear", "cpu", "f16", .usable = cpu_reads_half, .tile = &cpu_tile_f16 };
static const bora_kernel linear_f16_packed = {
    "linear", "cpu", "f16", .priority = 1, .usable = cpu_reads_half, .tile = &cpu_tile_f16_packed
};
static const bora_kernel linear_bf16 = { "linear", "cpu", "bf16", .usable = cpu_reads_half, .tile = &cpu_tile_bf16 };
static const bora_kernel linear_bf16_packed = {
    "linear", "cpu", "bf16", .priority = 1, .usable = cpu_reads_half, .tile = &cpu_tile_bf16_packed
};
#ifdef CPU_BF16_PAIRS
static const bora_kernel linear_bf16_rounded = {
    "linear", "cpu", "bf16", .priority = 2, .usable = cpu_has_bf16_pairs, .tile = &cpu_tile_bf16_rounded
};
static const bora_kernel linear_bf16_rounded_packed = {
    "linear", "cpu", "bf16", .priority = 3, .usable = cpu_has_bf16_pairs, .tile = &cpu_tile_bf16_rounded_packed
};
#endif
#ifdef CPU_MATRIX_UNIT
static const bora_kernel linear_bf16_amx = {
    "linear", "cpu", "bf16", .priority = 10, .usable = cpu_has_matrix_unit, .tile = &cpu_tile_bf16_amx
};
static const bora_kernel linear_bf16_amx_packed = {
    "linear", "cpu", "bf16", .priority = 11, .usable = cpu_has_matrix_unit, .tile = &cpu_tile_bf16_amx_packed
};
#endif
static const bora_kernel linear_any = { "linear", "cpu", BORA_ANY_QUANT, .tile = &cpu_tile_any };
BY_ROWS(rms_norm);
BY_ROWS(layer_norm);
BY_ROWS(add);
BY_ROWS(mul);
BY_ROWS(scale);
BY_ROWS(softcap);
BY_ROWS(activation);
BY_ROWS(gate);
BY_ROWS(clamped_gate);
static const bora_kernel rope = { "rope", "cpu", NULL, .run = cpu_rope };
static const bora_kernel attention = { "attention", "cpu", NULL, .run = cpu_attention };
static const bora_kernel slice = { "slice", "cpu", NULL, .run = cpu_slice };
static const bora_kernel join = { "join", "cpu", NULL, .run = cpu_join };
static const bora_kernel head_linear = { "head_linear", "cpu", BORA_ANY_QUANT, .run = cpu_head_linear };
static const bora_kernel outputs = { "outputs", "cpu", NULL, .run = cpu_outputs };
static const bora_kernel causal_conv1d = { "causal_conv1d", "cpu", NULL, .run = cpu_causal_conv1d };
static const bora_kernel mamba2 = { "mamba2", "cpu", NULL, .run = cpu_mamba2 };
static const bora_kernel route = { "route", "cpu", NULL, .run = cpu_route };
static const bora_kernel expert_linear = { "expert_linear", "cpu", BORA_ANY_QUANT, .tiles_of = "linear" };
BY_ROWS(expert_sum);
static const bora_kernel *const kernels[] = {
    &embed,
    &linear,
    &linear_packed,
    &linear_any,
    &linear_f16,
    &linear_f16_packed,
    &linear_bf16,
    &linear_bf16_packed,
#ifdef CPU_BF16_PAIRS
    &linear_bf16_rounded,
    &linear_bf16_rounded_packed,
#endif
#ifdef CPU_MATRIX_UNIT
    &linear_bf16_amx,
    &linear_bf16_amx_packed,
#endif
    &rms_norm.kernel,
    &layer_norm.kernel,
    &add.kernel,
    &mul.kernel,
    &scale.kernel,
    &softcap.kernel,
    &activation.kernel,
    &gate.kernel,
    &rope,
    &attention,
    &outputs,
    &slice,
    &join,
    &head_linear,
    &clamped_gate.kernel,
    &route,
    &expert_linear,
    &expert_sum.kernel,
    &causal_conv1d,
    &mamba2,
    NULL,
};

static const bora_plugin plugin = { BORA_PLUGIN_ABI, .name = "cpu", .version = "0.1.0", .backends = backends,
                                    .kernels = kernels };

BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void)
{
    return &plugin;
}
