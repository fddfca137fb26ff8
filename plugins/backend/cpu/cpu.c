/* Backend "cpu": ordinary memory and a pool of threads. Every operation of bora/ops.h has a kernel here; products come
 * down to tiles, which any plugin may offer for a format of its own. */
#include "cpu.h"

#include <stdlib.h>
#include <string.h>

static void device_close(bora_device *device)
{
    if (!device)
        return;
    bora_threads_free(device->threads);
    free(device->scratch.data);
    free(device->activations.data);
    free(device->slots.data);
    free(device->sorted.data);
    free(device->runs.data);
    for (int i = 0; i < BORA_MAX_WEIGHTS; i++)
        free(device->vectors[i].data);
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
    return device;
}

static bool run_step(bora_device *device, const bora_step *step, bora_error *err)
{
    if (step->kernel->run)
        return step->kernel->run(device, step->call, err);
    const char *op = step->call->op ? step->call->op->name : step->kernel->op;
    if (step->kernel->tile && strcmp(op, "linear") == 0)
        return cpu_linear(device, step->kernel->tile, step->call, err);
    if (step->kernel->tile && strcmp(op, "expert_linear") == 0)
        return cpu_expert_linear(device, step->kernel->tile, step->call, err);
    return bora_fail(err, BORA_INTERNAL, "the cpu backend has no driver for this kernel of %s", op);
}

static bool device_run(bora_device *device, const bora_step *steps, size_t n_steps, bora_error *err)
{
    bool ok = true;
    pthread_mutex_lock(&device->busy);
    for (size_t i = 0; ok && i < n_steps; i++)
        ok = run_step(device, &steps[i], err) || bora_error_prefix(err, "%s", steps[i].call->node);
    pthread_mutex_unlock(&device->busy);
    return ok;
}

static const bora_backend cpu = {
    .name = "cpu", .priority = 10, .open = device_open, .close = device_close, .run = device_run
};
static const bora_backend *const backends[] = { &cpu, NULL };

static const bora_kernel embed = { "embed", "cpu", BORA_ANY_QUANT, .run = cpu_embed };
static const bora_kernel linear = { "linear", "cpu", NULL, .tile = &cpu_tile_plain };
static const bora_kernel linear_f16 = { "linear", "cpu", "f16", .usable = cpu_reads_half, .tile = &cpu_tile_f16 };
static const bora_kernel linear_bf16 = { "linear", "cpu", "bf16", .usable = cpu_reads_half, .tile = &cpu_tile_bf16 };
static const bora_kernel linear_bf16_amx = {
    "linear", "cpu", "bf16", .priority = 10, .usable = cpu_has_matrix_unit, .tile = &cpu_tile_bf16_amx
};
static const bora_kernel linear_any = { "linear", "cpu", BORA_ANY_QUANT, .tile = &cpu_tile_any };
static const bora_kernel rms_norm = { "rms_norm", "cpu", NULL, .run = cpu_rms_norm };
static const bora_kernel layer_norm = { "layer_norm", "cpu", NULL, .run = cpu_layer_norm };
static const bora_kernel add = { "add", "cpu", NULL, .run = cpu_add };
static const bora_kernel mul = { "mul", "cpu", NULL, .run = cpu_mul };
static const bora_kernel scale = { "scale", "cpu", NULL, .run = cpu_scale };
static const bora_kernel softcap = { "softcap", "cpu", NULL, .run = cpu_softcap };
static const bora_kernel activation = { "activation", "cpu", NULL, .run = cpu_activation };
static const bora_kernel gate = { "gate", "cpu", NULL, .run = cpu_gate };
static const bora_kernel clamped_gate = { "clamped_gate", "cpu", NULL, .run = cpu_clamped_gate };
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
static const bora_kernel expert_sum = { "expert_sum", "cpu", NULL, .run = cpu_expert_sum };
static const bora_kernel *const kernels[] = {
    &embed,         &linear,      &linear_any,   &linear_f16, &linear_bf16,   &linear_bf16_amx,
    &rms_norm,      &layer_norm,  &add,          &mul,        &scale,         &softcap,
    &activation,    &gate,        &rope,         &attention,  &outputs,       &slice,
    &join,          &head_linear, &clamped_gate, &route,      &expert_linear, &expert_sum,
    &causal_conv1d, &mamba2,      NULL,
};

static const bora_plugin plugin = { BORA_PLUGIN_ABI, .name = "cpu", .version = "0.1.0", .backends = backends,
                                    .kernels = kernels };

BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void)
{
    return &plugin;
}
