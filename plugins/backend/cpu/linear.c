/* linear: one product. */
#include "cpu.h"

size_t cpu_act_bytes(const bora_tile *tile, int64_t k)
{
    return tile->activation ? bora_row_bytes(tile->activation, k) : (size_t)k * sizeof(float);
}

bool cpu_add_linear(bora_device *device, const bora_tile *tile, const bora_call *call, const char *acts,
                    cpu_buffer *bias, bora_error *err)
{
    const bora_weight *w = call->weights[0];
    cpu_product p = {
        .tile = tile,
        .quant = w->quant,
        .weight = w->data,
        .acts = acts,
        .out = call->output.data,
        .act_bytes = cpu_act_bytes(tile, call->inputs[0].width),
        .k = call->inputs[0].width,
        .n_out = call->output.width,
        .n_tokens = call->output.rows,
    };
    if (!cpu_vector_in(bias, call, 1, &p.bias, err))
        return false;
    cpu_add_product(device, &p);
    return true;
}
