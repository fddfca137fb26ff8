/* head_linear: a matrix for each head, each product summed in double in order. */
#include <stdlib.h>
#include <string.h>

#include "graph/ops/ops.h"

static bool head_linear_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 1, 1, err))
        return false;
    const bora_head_linear_attrs *a = call->attrs;
    const bora_weight *w = call->weights[0];
    bool flat = w->n_dims == 2;
    if (a->heads < 1 || (!flat && w->n_dims != 3) || (flat ? w->shape[0] % a->heads != 0 : w->shape[0] != a->heads))
        return bora_fail(err, BORA_FORMAT, "the weight must be [%d rows, n] or [%d, rows, n]", a->heads, a->heads);
    int64_t of_head = bora_head_rows(w, a), n = w->shape[w->n_dims - 1];
    if (a->from < 0 || a->rows < 0 || a->from >= of_head || (int64_t)a->from + a->rows > of_head)
        return bora_fail(err, BORA_FORMAT, "%d rows from %d on are not in a head's %lld", a->rows, a->from,
                         (long long)of_head);
    int64_t rows = a->rows ? a->rows : of_head - a->from, n_in = a->transposed ? rows : n;
    if (call->inputs[0].width % a->heads != 0 || call->inputs[0].width / a->heads != n_in)
        return bora_fail(err, BORA_FORMAT, "each of %d heads takes %lld numbers, the input is %lld wide", a->heads,
                         (long long)n_in, (long long)call->inputs[0].width);
    call->output.rows = call->inputs[0].rows;
    if (__builtin_mul_overflow((int64_t)a->heads, a->transposed ? n : rows, &call->output.width))
        return bora_fail(err, BORA_FORMAT, "the weight is too large");
    return true;
}

/* One head for all tokens; its rows begin at `first` of the weight's. */
static void multiply(const bora_call *call, const bora_weight *w, int64_t head, int64_t first, float *scratch,
                     double *sums)
{
    const bora_head_linear_attrs *a = call->attrs;
    int64_t n = w->shape[1], n_in = call->inputs[0].width / a->heads, n_out = call->output.width / a->heads;
    for (int64_t t = 0; t < call->output.rows; t++) {
        const float *x = call->inputs[0].data + (t * a->heads + head) * n_in;
        float *out = call->output.data + (t * a->heads + head) * n_out;
        memset(sums, 0, (size_t)n_out * sizeof *sums);
        for (int64_t r = 0; r < (a->transposed ? n_in : n_out); r++) {
            const float *row = bora_weight_row(w, first + r, scratch);
            for (int64_t i = 0; i < n; i++)
                sums[a->transposed ? i : r] += (double)row[i] * x[a->transposed ? r : i];
        }
        for (int64_t o = 0; o < n_out; o++)
            out[o] = (float)sums[o];
    }
}

static bool head_linear_reference(const bora_call *call, bora_error *err)
{
    const bora_head_linear_attrs *a = call->attrs;
    const bora_weight *w = call->weights[0];
    int64_t of_head = bora_head_rows(w, a);
    bora_weight rows = *w; /* of all heads, one after the other */
    rows.n_dims = 2;
    rows.shape[0] = a->heads * of_head;
    rows.shape[1] = w->shape[w->n_dims - 1];
    double *sums = malloc((size_t)(call->output.width / a->heads) * sizeof *sums);
    float *scratch = op_row_scratch(&rows, err);
    bool ok = sums && scratch;
    for (int64_t head = 0; ok && head < a->heads; head++)
        multiply(call, &rows, head, head * of_head + a->from, scratch, sums);
    free(scratch);
    free(sums);
    return ok ? true : bora_fail_memory(err, "a product");
}

static void head_linear_cost(const bora_call *call, const bora_workload *load, bora_cost *cost)
{
    const bora_head_linear_attrs *a = call->attrs;
    int64_t of_head = bora_head_rows(call->weights[0], a), rows = a->rows ? a->rows : of_head - a->from;
    bora_cost_default(call, load, cost);
    cost->weight_bytes *= (double)rows / (double)of_head;
    cost->products *= (double)rows / (double)of_head;
}

static const bora_arg head_linear_args[] = {
    { .name = "x", .kind = BORA_ARG_INPUT },
    { .name = "weight", .kind = BORA_ARG_WEIGHT },
    { .name = "heads", .kind = BORA_ARG_INT, .offset = offsetof(bora_head_linear_attrs, heads) },
    { .name = "from", .kind = BORA_ARG_INT, .optional = true, .offset = offsetof(bora_head_linear_attrs, from) },
    { .name = "rows", .kind = BORA_ARG_INT, .optional = true, .offset = offsetof(bora_head_linear_attrs, rows) },
    { .name = "transposed",
      .kind = BORA_ARG_FLAG,
      .optional = true,
      .offset = offsetof(bora_head_linear_attrs, transposed) },
    { .name = NULL },
};

const bora_op op_head_linear = { .name = "head_linear",
                                 .args = head_linear_args,
                                 .attrs_bytes = sizeof(bora_head_linear_attrs),
                                 .shape = head_linear_shape,
                                 .reference = head_linear_reference,
                                 .cost = head_linear_cost };
