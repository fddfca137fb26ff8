/* route: which experts a row goes to, and with which weights. */
#include <math.h>
#include <stdlib.h>

#include "graph/ops/ops.h"

/* Ids are floats. */
enum { MOST_EXPERTS = 1 << 24 };

static int64_t n_groups(const bora_route_attrs *a)
{
    return a->n_groups > 1 ? a->n_groups : 1;
}

static bool groups_fit(const bora_route_attrs *a, int64_t n_experts, bora_error *err)
{
    int64_t n = n_groups(a), used = n > 1 ? a->n_groups_used : 1, size = n_experts / n;
    if (n_experts % n != 0)
        return bora_fail(err, BORA_FORMAT, "%lld experts are not %lld groups of one size", (long long)n_experts,
                         (long long)n);
    if (used < 1 || used > n)
        return bora_fail(err, BORA_FORMAT, "it uses %lld of %lld groups", (long long)used, (long long)n);
    if (n > 1 && a->group_score == BORA_ROUTE_GROUP_TOP2 && size < 2)
        return bora_fail(err, BORA_FORMAT, "a group of one expert has no best two");
    if (a->n_used < 1 || a->n_used > used * size)
        return bora_fail(err, BORA_FORMAT, "it uses %d of %lld experts", a->n_used, (long long)(used * size));
    return true;
}

static bool route_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 1, 0, err))
        return false;
    const bora_route_attrs *a = call->attrs;
    const bora_weight *bias = call->n_weights > 0 ? call->weights[0] : NULL;
    int64_t n_experts = call->inputs[0].width;
    if (n_experts > MOST_EXPERTS)
        return bora_fail(err, BORA_LIMIT, "more than %d experts", MOST_EXPERTS);
    if ((unsigned)a->scoring > BORA_ROUTE_SOFTMAX_USED || (unsigned)a->group_score > BORA_ROUTE_GROUP_TOP2)
        return bora_fail(err, BORA_UNSUPPORTED, "scoring number %u, group score number %u", (unsigned)a->scoring,
                         (unsigned)a->group_score);
    if (bias && (bias->n_dims != 1 || bias->shape[0] != n_experts))
        return bora_fail(err, BORA_FORMAT, "the bias must be [%lld]", (long long)n_experts);
    if (!groups_fit(a, n_experts, err))
        return false;
    call->output.rows = call->inputs[0].rows;
    call->output.width = 2 * (int64_t)a->n_used;
    return true;
}

/* ---- scores ---- */

static double highest(const float *x, int64_t n)
{
    double max = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        max = x[i] > max ? x[i] : max;
    return max;
}

/* In place too. */
static void softmax(const float *x, int64_t n, float *out)
{
    double max = highest(x, n), total = 0;
    for (int64_t i = 0; i < n; i++)
        total += exp(x[i] - max);
    for (int64_t i = 0; i < n; i++)
        out[i] = (float)(exp(x[i] - max) / total);
}

static void score(bora_route_scoring scoring, const float *logits, int64_t n, float *scores)
{
    if (scoring == BORA_ROUTE_SOFTMAX)
        softmax(logits, n, scores);
    for (int64_t i = 0; scoring == BORA_ROUTE_SIGMOID && i < n; i++)
        scores[i] = (float)(1 / (1 + exp(-(double)logits[i])));
    for (int64_t i = 0; scoring == BORA_ROUTE_SOFTMAX_USED && i < n; i++)
        scores[i] = logits[i];
}

/* ---- choosing ---- */

static float group_score(bora_route_group_score kind, const float *keys, int64_t n)
{
    float first = -INFINITY, second = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        if (keys[i] > first) {
            second = first;
            first = keys[i];
        } else if (keys[i] > second) {
            second = keys[i];
        }
    }
    return kind == BORA_ROUTE_GROUP_TOP2 ? first + second : first;
}

/* Opens the experts of the best groups. */
static void open_groups(const bora_route_attrs *a, const float *keys, int64_t n_experts, float *closed)
{
    int64_t n = n_groups(a), size = n_experts / n, used = n > 1 ? a->n_groups_used : 1;
    for (int64_t i = 0; i < n_experts; i++)
        closed[i] = 1;
    for (int64_t u = 0; u < used; u++) {
        int64_t best = -1;
        float best_score = 0;
        for (int64_t g = 0; g < n; g++) {
            if (closed[g * size] == 0)
                continue;
            float s = group_score(a->group_score, keys + g * size, size);
            if (best < 0 || s > best_score) {
                best = g;
                best_score = s;
            }
        }
        for (int64_t i = 0; i < size; i++)
            closed[best * size + i] = 0;
    }
}

/* The open expert of the highest key. There is always one, by route_shape; a NaN is no higher than anything. */
static int64_t best_open(const float *keys, const float *closed, int64_t n)
{
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++)
        if (closed[i] == 0 && (best < 0 || keys[i] > keys[best]))
            best = i;
    return best;
}

void bora_route_row(const bora_route_attrs *a, const float *logits, const float *bias, int64_t n_experts,
                    float *scratch, float *out)
{
    float *scores = scratch, *biased = scratch + n_experts, *closed = scratch + 2 * n_experts;
    float *weights = out + a->n_used;
    score(a->scoring, logits, n_experts, scores);
    /* Scores grow with their logits and are told apart less finely: they decide only where they must. */
    const float *keys = logits;
    if (bias || (n_groups(a) > 1 && a->group_score == BORA_ROUTE_GROUP_TOP2)) {
        for (int64_t i = 0; i < n_experts; i++)
            biased[i] = scores[i] + (bias ? bias[i] : 0);
        keys = biased;
    }
    open_groups(a, keys, n_experts, closed);
    for (int32_t slot = 0; slot < a->n_used; slot++) {
        int64_t expert = best_open(keys, closed, n_experts);
        closed[expert] = 1;
        out[slot] = (float)expert;
        weights[slot] = scores[expert];
    }
    if (a->scoring == BORA_ROUTE_SOFTMAX_USED)
        softmax(weights, a->n_used, weights);
    double factor = a->scale != 0 ? a->scale : 1;
    if (a->normalize) {
        double sum = 0;
        for (int32_t slot = 0; slot < a->n_used; slot++)
            sum += weights[slot];
        factor /= sum + a->eps;
    }
    for (int32_t slot = 0; slot < a->n_used; slot++)
        weights[slot] = (float)(weights[slot] * factor);
}

static bool route_reference(const bora_call *call, bora_error *err)
{
    const bora_weight *weight = call->n_weights > 0 ? call->weights[0] : NULL;
    int64_t n_experts = call->inputs[0].width;
    float *scratch = malloc((size_t)n_experts * 4 * sizeof *scratch);
    if (!scratch)
        return bora_fail_memory(err, "a row of experts");
    const float *bias = weight ? bora_weight_row(weight, 0, scratch + 3 * n_experts) : NULL;
    for (int64_t t = 0; t < call->output.rows; t++)
        bora_route_row(call->attrs, call->inputs[0].data + t * n_experts, bias, n_experts, scratch,
                       call->output.data + t * call->output.width);
    free(scratch);
    return true;
}

static const char *const scorings[] = { "softmax", "sigmoid", "softmax_used", NULL };
static const char *const group_scores[] = { "max", "top2", NULL };

static const bora_arg route_args[] = {
    { .name = "logits", .kind = BORA_ARG_INPUT },
    { .name = "used", .kind = BORA_ARG_INT, .offset = offsetof(bora_route_attrs, n_used) },
    { .name = "scoring",
      .kind = BORA_ARG_CHOICE,
      .optional = true,
      .offset = offsetof(bora_route_attrs, scoring),
      .choices = scorings },
    { .name = "normalize", .kind = BORA_ARG_FLAG, .optional = true, .offset = offsetof(bora_route_attrs, normalize) },
    { .name = "eps", .kind = BORA_ARG_FLOAT, .optional = true, .offset = offsetof(bora_route_attrs, eps) },
    { .name = "scale",
      .kind = BORA_ARG_FLOAT,
      .optional = true,
      .offset = offsetof(bora_route_attrs, scale),
      .fallback = 1 },
    { .name = "groups", .kind = BORA_ARG_INT, .optional = true, .offset = offsetof(bora_route_attrs, n_groups) },
    { .name = "groups_used",
      .kind = BORA_ARG_INT,
      .optional = true,
      .offset = offsetof(bora_route_attrs, n_groups_used) },
    { .name = "group_score",
      .kind = BORA_ARG_CHOICE,
      .optional = true,
      .offset = offsetof(bora_route_attrs, group_score),
      .choices = group_scores },
    { .name = "bias", .kind = BORA_ARG_WEIGHT, .optional = true },
    { .name = NULL },
};

const bora_op op_route = { .name = "route",
                           .args = route_args,
                           .attrs_bytes = sizeof(bora_route_attrs),
                           .chooses = true,
                           .shape = route_shape,
                           .reference = route_reference };
