/* expert_linear and expert_sum: each row by the experts that `route` chose for it. A row of routes is k ids, then k
 * weights; what belongs to slot s of a row stands at s in runs of one width. */
#include <math.h>
#include <stdlib.h>

#include "graph/ops/ops.h"

/* The slots of a row of routes, or 0 with an error. */
static int64_t slots_of(const bora_call *call, bora_error *err)
{
    const bora_view *x = &call->inputs[0], *routes = &call->inputs[1];
    if (routes->width < 2 || routes->width % 2 != 0)
        bora_fail(err, BORA_FORMAT, "routes are ids and as many weights, not %lld numbers", (long long)routes->width);
    else if (x->rows != routes->rows)
        bora_fail(err, BORA_USAGE, "its input and the routes must have the same rows");
    else
        return routes->width / 2;
    return 0;
}

/* ---- expert_linear ---- */

static bool expert_linear_shape(bora_call *call, bora_error *err)
{
    int64_t n_used = op_expect(call, 2, 1, err) ? slots_of(call, err) : 0;
    if (n_used == 0)
        return false;
    const bora_weight *w = call->weights[0], *bias = call->n_weights > 1 ? call->weights[1] : NULL;
    if (w->n_dims != 3 || w->shape[0] < 1)
        return bora_fail(err, BORA_FORMAT, "the weight must be [n_experts, n_out, n_in]");
    int64_t n_out = w->shape[1], n_in = w->shape[2], width = call->inputs[0].width;
    if (n_in < 1 || (width != n_in && (width % n_used != 0 || width / n_used != n_in)))
        return bora_fail(err, BORA_FORMAT,
                         "the weight takes %lld numbers for each of %lld slots, the input is %lld wide",
                         (long long)n_in, (long long)n_used, (long long)width);
    if (bias && (bias->n_dims != 2 || bias->shape[0] != w->shape[0] || bias->shape[1] != n_out))
        return bora_fail(err, BORA_FORMAT, "the bias must be [%lld, %lld]", (long long)w->shape[0], (long long)n_out);
    call->output.rows = call->inputs[0].rows;
    if (__builtin_mul_overflow(n_used, n_out, &call->output.width))
        return bora_fail(err, BORA_FORMAT, "%lld slots of %lld numbers are too many", (long long)n_used,
                         (long long)n_out);
    return true;
}

static bool expert_linear_reference(const bora_call *call, bora_error *err)
{
    const bora_weight *w = call->weights[0], *bias = call->n_weights > 1 ? call->weights[1] : NULL;
    int64_t n_experts = w->shape[0], n_out = w->shape[1], n_in = w->shape[2], n_used = call->inputs[1].width / 2;
    bool shared = call->inputs[0].width == n_in;
    float *scratch = op_row_scratch(w, err), *bias_scratch = bias ? op_row_scratch(bias, err) : NULL;
    bool ok = scratch && (!bias || bias_scratch);
    for (int64_t i = 0; ok && i < call->output.rows * n_used; i++) {
        int64_t t = i / n_used,
                expert = bora_route_expert(call->inputs[1].data + t * 2 * n_used, i % n_used, n_experts);
        if (expert < 0) {
            ok = bora_fail(err, BORA_USAGE, "a route to an expert that is not among the %lld", (long long)n_experts);
            break;
        }
        const float *x = call->inputs[0].data + (shared ? t : i) * n_in;
        const float *b = bias ? bora_weight_row(bias, expert, bias_scratch) : NULL;
        for (int64_t r = 0; r < n_out; r++) {
            const float *row = bora_weight_row(w, expert * n_out + r, scratch);
            double sum = b ? b[r] : 0;
            for (int64_t k = 0; k < n_in; k++)
                sum += (double)row[k] * x[k];
            call->output.data[i * n_out + r] = (float)sum;
        }
    }
    free(scratch);
    free(bias_scratch);
    return ok;
}

/* A row chooses k experts, so one of E is left out by n rows with probability (1 - k/E)^n if they choose evenly. */
static void expert_linear_cost(const bora_call *call, const bora_workload *load, bora_cost *cost)
{
    double part = (double)(call->inputs[1].width / 2) / (double)call->weights[0]->shape[0];
    bora_cost_default(call, load, cost);
    cost->weight_bytes *= part < 1 ? 1 - pow(1 - part, (double)call->output.rows) : 1;
    cost->products *= part;
}

static const bora_arg expert_linear_args[] = { { .name = "x", .kind = BORA_ARG_INPUT },
                                               { .name = "routes", .kind = BORA_ARG_INPUT },
                                               { .name = "weight", .kind = BORA_ARG_WEIGHT },
                                               { .name = "bias", .kind = BORA_ARG_BIAS },
                                               { .name = NULL } };

const bora_op op_expert_linear = { .name = "expert_linear",
                                   .args = expert_linear_args,
                                   .shape = expert_linear_shape,
                                   .reference = expert_linear_reference,
                                   .cost = expert_linear_cost };

/* ---- expert_sum ---- */

static bool expert_sum_shape(bora_call *call, bora_error *err)
{
    int64_t n_used = op_expect(call, 2, 0, err) ? slots_of(call, err) : 0;
    if (n_used == 0)
        return false;
    if (call->inputs[0].width % n_used != 0)
        return bora_fail(err, BORA_FORMAT, "%lld numbers are not %lld slots of one width",
                         (long long)call->inputs[0].width, (long long)n_used);
    call->output.rows = call->inputs[0].rows;
    call->output.width = call->inputs[0].width / n_used;
    return true;
}

static bool expert_sum_reference(const bora_call *call, bora_error *err)
{
    (void)err;
    int64_t width = call->output.width, n_used = call->inputs[1].width / 2;
    for (int64_t t = 0; t < call->output.rows; t++) {
        const float *x = call->inputs[0].data + t * n_used * width;
        const float *weights = call->inputs[1].data + (2 * t + 1) * n_used;
        for (int64_t i = 0; i < width; i++) {
            double sum = 0;
            for (int64_t slot = 0; slot < n_used; slot++)
                sum += (double)weights[slot] * x[slot * width + i];
            call->output.data[t * width + i] = (float)sum;
        }
    }
    return true;
}

static const bora_arg expert_sum_args[] = { { .name = "x", .kind = BORA_ARG_INPUT },
                                            { .name = "routes", .kind = BORA_ARG_INPUT },
                                            { .name = NULL } };

const bora_op op_expert_sum = {
    .name = "expert_sum", .args = expert_sum_args, .shape = expert_sum_shape, .reference = expert_sum_reference
};
