/* causal_conv1d: each column of a sequence with its own few taps, summed in double. */
#include <stdlib.h>
#include <string.h>

#include "graph/ops/ops.h"

static bool conv_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 1, 1, err) || !op_expect_tokens(call, err))
        return false;
    const bora_weight *w = call->weights[0], *bias = call->n_weights > 1 ? call->weights[1] : NULL;
    if ((w->n_dims != 2 && (w->n_dims != 3 || w->shape[1] != 1)) || bora_weight_width(w) < 1)
        return bora_fail(err, BORA_FORMAT, "the weight must be [columns, taps] or [columns, 1, taps]");
    if (w->shape[0] != call->inputs[0].width)
        return bora_fail(err, BORA_FORMAT, "the weight has taps for %lld columns, the input is %lld wide",
                         (long long)w->shape[0], (long long)call->inputs[0].width);
    if (bias && bora_weight_numbers(bias) != w->shape[0])
        return bora_fail(err, BORA_FORMAT, "the bias must be [%lld]", (long long)w->shape[0]);
    return op_same_shape(call);
}

static void conv_state(const bora_call *call, bora_state_spec *spec)
{
    size_t past = (size_t)bora_weight_width(call->weights[0]) - 1;
    *spec = (bora_state_spec){ .sequence_bytes = past * (size_t)call->inputs[0].width * sizeof(float) };
}

/* The past of a sequence and then its rows, as one: row i of that. */
static const float *source(const bora_call *call, const bora_sequence *seq, const float *past, int64_t n_past,
                           int64_t i)
{
    int64_t width = call->inputs[0].width;
    return i < n_past ? past + i * width : call->inputs[0].data + (seq->first_row + i - n_past) * width;
}

static bool conv_reference(const bora_call *call, bora_error *err)
{
    bora_activation_kind kind = ((const bora_causal_conv1d_attrs *)call->attrs)->kind;
    const bora_weight *bias = call->n_weights > 1 ? call->weights[1] : NULL;
    float *w = op_numbers(call->weights[0], err), *b = bias ? op_numbers(bias, err) : NULL;
    bool ok = w && (!bias || b);
    int64_t width = call->output.width, taps = bora_weight_width(call->weights[0]), n_past = taps - 1;
    for (int32_t s = 0; ok && s < call->batch->n_sequences; s++) {
        const bora_sequence *seq = &call->batch->sequences[s];
        char *states = call->state->sequences;
        float *past = n_past ? (float *)(void *)(states + (size_t)seq->slot * call->state->spec.sequence_bytes) : NULL;
        for (int32_t r = 0; r < seq->n_rows; r++)
            for (int64_t c = 0; c < width; c++) {
                double sum = b ? b[c] : 0;
                for (int64_t k = 0; k < taps; k++)
                    sum += (double)w[c * taps + k] * source(call, seq, past, n_past, r + k)[c];
                call->output.data[(seq->first_row + r) * width + c] = op_activate(kind, (float)sum);
            }
        for (int64_t j = 0; seq->n_rows > 0 && j < n_past; j++)
            memcpy(past + j * width, source(call, seq, past, n_past, seq->n_rows + j), (size_t)width * sizeof *past);
    }
    free(w);
    free(b);
    return ok;
}

static const bora_arg conv_args[] = {
    { .name = "x", .kind = BORA_ARG_INPUT },
    { .name = "weight", .kind = BORA_ARG_WEIGHT },
    { .name = "bias", .kind = BORA_ARG_BIAS },
    { .name = "kind",
      .kind = BORA_ARG_ACTIVATION,
      .optional = true,
      .offset = offsetof(bora_causal_conv1d_attrs, kind),
      .fallback = BORA_IDENTITY },
    { .name = NULL },
};

const bora_op op_causal_conv1d = { .name = "causal_conv1d",
                                   .args = conv_args,
                                   .attrs_bytes = sizeof(bora_causal_conv1d_attrs),
                                   .shape = conv_shape,
                                   .reference = conv_reference,
                                   .state = conv_state,
                                   .small_weights = true };
