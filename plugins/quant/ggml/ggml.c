/* The number formats of GGUF files, and the plain ones of every checkpoint.
 *
 * Blocks are laid out as in ggml (layout.h), numbers read from them equal its reference to the last bit, and without
 * importance what is quantized here equals its reference byte for byte: files go both ways. This is the reference that
 * kernels are held against, so it has loops and no intrinsics. Each format's table stands at the foot of its file. */
#include "cpu/kernels.h"
#include "layout.h"

static const bora_quant *const quants[] = {
    &quant_f32,  &quant_f16,  &quant_bf16, &quant_f64,  &quant_i8,    &quant_i16,  &quant_i32,
    &quant_i64,  &quant_u8,   &quant_u16,  &quant_u32,  &quant_u64,   &quant_bool, &quant_q4_0,
    &quant_q4_1, &quant_q5_0, &quant_q5_1, &quant_q8_0, &quant_q8_1,  &quant_q2_k, &quant_q3_k,
    &quant_q4_k, &quant_q5_k, &quant_q6_k, &quant_q8_k, &quant_mxfp4, NULL,
};

static const bora_layout *const layouts[] = { &layout_mxfp4, NULL };

static const bora_plugin plugin = {
    .abi = BORA_PLUGIN_ABI,
    .name = "ggml",
    .version = "1.0",
    .quants = quants,
    .layouts = layouts,
    .kernels = cpu_kernels,
};

BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void)
{
    return &plugin;
}
