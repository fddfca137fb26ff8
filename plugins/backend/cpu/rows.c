/* Operations that choose rows: embed (of a weight, by token id) and outputs (of an activation). */
#include "cpu.h"

#include <string.h>

static void embed_rows(void *ctx, int64_t begin, int64_t end, int thread)
{
    const bora_call *call = ctx;
    (void)thread;
    int64_t width = call->output.width;
    for (int64_t t = begin; t < end; t++) {
        float *out = call->output.data + t * width;
        const float *row = bora_weight_row(call->weights[0], call->batch->tokens[t], out);
        if (row != out)
            memcpy(out, row, (size_t)width * sizeof *out);
    }
}

bool cpu_embed(bora_device *device, const bora_call *call, bora_error *err)
{
    int64_t n_vocab = bora_weight_rows(call->weights[0]);
    for (int32_t t = 0; t < call->batch->n_tokens; t++)
        if (call->batch->tokens[t] < 0 || call->batch->tokens[t] >= n_vocab)
            return bora_fail(err, BORA_USAGE, "token %d is outside the vocabulary of %lld", call->batch->tokens[t],
                             (long long)n_vocab);
    bora_call own = *call;
    cpu_parallel(device, call->output.rows, call->output.width, embed_rows, &own);
    return true;
}

bool cpu_outputs(bora_device *device, const bora_call *call, bora_error *err)
{
    (void)device, (void)err;
    int64_t width = call->output.width;
    for (int32_t i = 0; i < call->batch->n_outputs; i++)
        memcpy(call->output.data + i * width, call->inputs[0].data + call->batch->output_rows[i] * width,
               (size_t)width * sizeof(float));
    return true;
}
