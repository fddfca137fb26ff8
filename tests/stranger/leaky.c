/* A stranger's operation: leaky_relu, x for x > 0 and slope x below. */
#include <bora/op.h>

#include "leaky.h"

static bool shape(bora_call *call, bora_error *err)
{
    if (call->n_inputs != 1)
        return bora_fail(err, BORA_USAGE, "takes one input");
    call->output.rows = call->inputs[0].rows;
    call->output.width = call->inputs[0].width;
    return true;
}

static bool reference(const bora_call *call, bora_error *err)
{
    (void)err;
    float slope = ((const leaky_attrs *)call->attrs)->slope;
    for (int64_t i = 0; i < call->output.rows * call->output.width; i++) {
        float x = call->inputs[0].data[i];
        call->output.data[i] = x > 0 ? x : slope * x;
    }
    return true;
}

/* How declared architectures call it: leaky_relu(x, slope). */
static const bora_arg args[] = {
    { .name = "x", .kind = BORA_ARG_INPUT },
    { .name = "slope", .kind = BORA_ARG_FLOAT, .offset = offsetof(leaky_attrs, slope) },
    { .name = NULL },
};

static const bora_op leaky_relu = {
    .name = "leaky_relu", .args = args, .attrs_bytes = sizeof(leaky_attrs), .shape = shape, .reference = reference
};
static const bora_op *const ops[] = { &leaky_relu, NULL };
static const bora_plugin plugin = { BORA_PLUGIN_ABI, .name = "leaky", .version = "1.0", .ops = ops };

BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void)
{
    return &plugin;
}
