/* mamba2 (arXiv:2405.21060): the recurrence itself, token by token; the state is rounded to float after each. */
#include <math.h>
#include <stdlib.h>

#include "graph/ops/ops.h"

static bool mamba2_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 2, 3, err) || !op_expect_tokens(call, err))
        return false;
    const bora_mamba2_attrs *a = call->attrs;
    if (a->n_heads < 1 || a->head_dim < 1 || a->n_groups < 1 || a->state_dim < 1)
        return bora_fail(err, BORA_FORMAT, "%d heads, head_dim %d, %d groups, state_dim %d", a->n_heads, a->head_dim,
                         a->n_groups, a->state_dim);
    if (a->n_heads % a->n_groups != 0)
        return bora_fail(err, BORA_FORMAT, "%d heads cannot share %d groups", a->n_heads, a->n_groups);
    int64_t x = (int64_t)a->n_heads * a->head_dim, b = (int64_t)a->n_groups * a->state_dim;
    const bora_view *xbc = &call->inputs[0], *dt = &call->inputs[1];
    if (x > INT32_MAX || b > INT32_MAX || xbc->width != x + 2 * b || dt->width != a->n_heads || dt->rows != xbc->rows)
        return bora_fail(err, BORA_FORMAT, "x with B and C must be %lld and 2 x %lld wide, dt %d", (long long)x,
                         (long long)b, a->n_heads);
    if (x * a->state_dim > INT32_MAX)
        return bora_fail(err, BORA_FORMAT, "a state of %lld numbers is too large", (long long)(x * a->state_dim));
    for (int i = 0; i < 3; i++)
        if (bora_weight_numbers(call->weights[i]) != a->n_heads)
            return bora_fail(err, BORA_FORMAT, "its weights must have %d numbers each", a->n_heads);
    call->output.rows = xbc->rows;
    call->output.width = x;
    return true;
}

static void mamba2_state(const bora_call *call, bora_state_spec *spec)
{
    const bora_mamba2_attrs *a = call->attrs;
    size_t numbers = (size_t)a->n_heads * (size_t)a->head_dim * (size_t)a->state_dim;
    *spec = (bora_state_spec){ .sequence_bytes = numbers * sizeof(float) };
}

/* One token of one head. */
static void step(const bora_call *call, int64_t row, int32_t head, double log_keep, double skip, double dt,
                 float *state)
{
    const bora_mamba2_attrs *a = call->attrs;
    int64_t n_x = (int64_t)a->n_heads * a->head_dim, n = a->state_dim, group = head / (a->n_heads / a->n_groups);
    const float *xbc = call->inputs[0].data + row * call->inputs[0].width, *x = xbc + (int64_t)head * a->head_dim;
    const float *b = xbc + n_x + group * n, *c = b + a->n_groups * n;
    float *out = call->output.data + row * n_x + (int64_t)head * a->head_dim;
    double keep = exp(dt * log_keep);
    for (int32_t p = 0; p < a->head_dim; p++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) {
            float *s = &state[p * n + i];
            *s = (float)(*s * keep + dt * x[p] * b[i]);
            sum += (double)*s * c[i];
        }
        out[p] = (float)(sum + skip * x[p]);
    }
}

static bool mamba2_reference(const bora_call *call, bora_error *err)
{
    const bora_mamba2_attrs *a = call->attrs;
    float *w[3] = { NULL };
    bool ok = true;
    for (int i = 0; ok && i < 3; i++)
        ok = (w[i] = op_numbers(call->weights[i], err)) != NULL;
    for (int32_t s = 0; ok && s < call->batch->n_sequences; s++) {
        const bora_sequence *seq = &call->batch->sequences[s];
        float *state = call->state->sequences;
        state += (size_t)seq->slot * call->state->spec.sequence_bytes / sizeof *state;
        for (int32_t r = 0; r < seq->n_rows; r++)
            for (int32_t h = 0; h < a->n_heads; h++) {
                int64_t row = seq->first_row + r;
                double dt = log1p(exp((double)call->inputs[1].data[row * a->n_heads + h] + w[2][h]));
                dt = isinf(dt) ? (double)call->inputs[1].data[row * a->n_heads + h] + w[2][h] : dt;
                dt = dt < a->dt_min ? a->dt_min : dt;
                dt = a->dt_max > 0 && dt > a->dt_max ? a->dt_max : dt;
                step(call, row, h, a->a_is_log ? -exp(w[0][h]) : w[0][h], w[1][h], dt,
                     state + (int64_t)h * a->head_dim * a->state_dim);
            }
    }
    for (int i = 0; i < 3; i++)
        free(w[i]);
    return ok;
}

static const bora_arg mamba2_args[] = {
    { .name = "xbc", .kind = BORA_ARG_INPUT },
    { .name = "dt", .kind = BORA_ARG_INPUT },
    { .name = "a", .kind = BORA_ARG_WEIGHT },
    { .name = "d", .kind = BORA_ARG_WEIGHT },
    { .name = "dt_bias", .kind = BORA_ARG_WEIGHT },
    { .name = "heads", .kind = BORA_ARG_INT, .offset = offsetof(bora_mamba2_attrs, n_heads) },
    { .name = "head_dim", .kind = BORA_ARG_INT, .offset = offsetof(bora_mamba2_attrs, head_dim) },
    { .name = "groups", .kind = BORA_ARG_INT, .offset = offsetof(bora_mamba2_attrs, n_groups) },
    { .name = "state_dim", .kind = BORA_ARG_INT, .offset = offsetof(bora_mamba2_attrs, state_dim) },
    { .name = "dt_min", .kind = BORA_ARG_FLOAT, .optional = true, .offset = offsetof(bora_mamba2_attrs, dt_min) },
    { .name = "dt_max", .kind = BORA_ARG_FLOAT, .optional = true, .offset = offsetof(bora_mamba2_attrs, dt_max) },
    { .name = "a_is_log",
      .kind = BORA_ARG_FLAG,
      .optional = true,
      .offset = offsetof(bora_mamba2_attrs, a_is_log),
      .fallback = 1 },
    { .name = NULL },
};

const bora_op op_mamba2 = { .name = "mamba2",
                            .args = mamba2_args,
                            .attrs_bytes = sizeof(bora_mamba2_attrs),
                            .shape = mamba2_shape,
                            .reference = mamba2_reference,
                            .state = mamba2_state,
                            .small_weights = true };
