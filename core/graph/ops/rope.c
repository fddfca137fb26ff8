/* rope: pairs of numbers turned by an angle that grows with the position. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/ops/ops.h"

const float *bora_rope_row_freqs(const bora_rope_attrs *a, const bora_sequence *sequence, int32_t position,
                                 float *scratch)
{
    int32_t length = position < sequence->prompt_tokens ? sequence->prompt_tokens : position + 1;
    if (a->long_inv_freq && length > a->long_after)
        return a->long_inv_freq;
    if (a->dynamic_max == 0 || length <= a->dynamic_max)
        return a->inv_freq;
    /* theta grows with the length: "dynamic NTK" scaling, as transformers has it. */
    double n = a->n_dims, factor = a->dynamic_factor;
    double grown = factor * length / a->dynamic_max - (factor - 1);
    float theta = (float)(a->theta * pow(grown, n / (n - 2)));
    for (int32_t i = 0; i < a->n_dims / 2; i++)
        scratch[i] = 1.0F / powf(theta, (float)(2 * i) / (float)n);
    return scratch;
}

static bool rope_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 1, 0, err))
        return false;
    const bora_rope_attrs *a = call->attrs;
    if (a->head_dim < 1 || a->n_dims < 2 || a->n_dims % 2 != 0 || a->n_dims > a->head_dim || a->offset < 0 ||
        a->offset > a->head_dim - a->n_dims || !a->inv_freq)
        return bora_fail(err, BORA_USAGE, "turns %d of %d numbers, from %d on", a->n_dims, a->head_dim, a->offset);
    if (call->inputs[0].width % a->head_dim != 0)
        return bora_fail(err, BORA_FORMAT, "the input is %lld wide, no multiple of head_dim %d",
                         (long long)call->inputs[0].width, a->head_dim);
    if (call->n_weights > 0 && call->weights[0] &&
        (call->weights[0]->n_dims != 1 || call->weights[0]->shape[0] != a->n_dims / 2))
        return bora_fail(err, BORA_FORMAT, "the frequency factors must be [%d]", a->n_dims / 2);
    return op_same_shape(call);
}

static void turn(const bora_rope_attrs *a, const float *cos_sin, const float *x, float *out)
{
    int32_t half = a->n_dims / 2, end = a->offset + a->n_dims;
    memcpy(out, x, (size_t)a->offset * sizeof *out);
    memcpy(out + end, x + end, (size_t)(a->head_dim - end) * sizeof *out);
    x += a->offset;
    out += a->offset;
    for (int32_t i = 0; i < half; i++) {
        int32_t first = a->interleaved ? 2 * i : i, second = a->interleaved ? 2 * i + 1 : i + half;
        float c = cos_sin[2 * i], s = cos_sin[2 * i + 1];
        out[first] = x[first] * c - x[second] * s;
        out[second] = x[second] * c + x[first] * s;
    }
}

static bool rope_reference(const bora_call *call, bora_error *err)
{
    const bora_rope_attrs *a = call->attrs;
    const bora_weight *factor_weight = call->n_weights > 0 ? call->weights[0] : NULL;
    int32_t half = a->n_dims / 2;
    float *scratch = malloc((size_t)half * 4 * sizeof *scratch);
    if (!scratch)
        return bora_fail_memory(err, "rope");
    float *cos_sin = scratch + half, *factor_scratch = scratch + 3 * half;
    const float *factors = factor_weight ? bora_weight_row(factor_weight, 0, factor_scratch) : NULL;
    int64_t width = call->output.width;
    for (int32_t s = 0; s < call->batch->n_sequences; s++) {
        const bora_sequence *seq = &call->batch->sequences[s];
        for (int32_t r = 0; r < seq->n_rows; r++) {
            int32_t row = seq->first_row + r, position = seq->n_past + r;
            const float *freqs = bora_rope_row_freqs(a, seq, position, scratch);
            for (int32_t i = 0; i < half; i++) {
                float angle = (float)position * (factors ? freqs[i] / factors[i] : freqs[i]);
                cos_sin[2 * i] = cosf(angle) * a->scale;
                cos_sin[2 * i + 1] = sinf(angle) * a->scale;
            }
            for (int64_t h = 0; h < width; h += a->head_dim)
                turn(a, cos_sin, call->inputs[0].data + row * width + h, call->output.data + row * width + h);
        }
    }
    free(scratch);
    return true;
}

static const bora_arg rope_args[] = {
    { .name = "x", .kind = BORA_ARG_INPUT },
    { .name = "rope", .kind = BORA_ARG_ROPE },
    { .name = "freq_factors", .kind = BORA_ARG_WEIGHT, .optional = true },
    { .name = NULL },
};

const bora_op op_rope = { .name = "rope",
                          .args = rope_args,
                          .attrs_bytes = sizeof(bora_rope_attrs),
                          .shape = rope_shape,
                          .reference = rope_reference };
