/* Parts of rows: slice takes some numbers of each run, join puts two rows together run by run. */
#include <string.h>

#include "graph/ops/ops.h"

static bool slice_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 1, 0, err))
        return false;
    const bora_slice_attrs *a = call->attrs;
    int64_t width = call->inputs[0].width, each = a->each ? a->each : width;
    if (each < 1 || width % each != 0)
        return bora_fail(err, BORA_FORMAT, "the input is %lld wide, no multiple of %lld", (long long)width,
                         (long long)each);
    if (a->from < 0 || a->width < 1 || (int64_t)a->from + a->width > each)
        return bora_fail(err, BORA_FORMAT, "%d numbers from %d on are not in a run of %lld", a->width, a->from,
                         (long long)each);
    call->output.rows = call->inputs[0].rows;
    call->output.width = width / each * a->width;
    return true;
}

static bool slice_reference(const bora_call *call, bora_error *err)
{
    (void)err;
    const bora_slice_attrs *a = call->attrs;
    int64_t each = a->each ? a->each : call->inputs[0].width;
    int64_t n_runs = call->output.rows * (call->output.width / a->width);
    for (int64_t r = 0; r < n_runs; r++)
        memcpy(call->output.data + r * a->width, call->inputs[0].data + r * each + a->from,
               (size_t)a->width * sizeof(float));
    return true;
}

static const bora_arg slice_args[] = {
    { .name = "x", .kind = BORA_ARG_INPUT },
    { .name = "from", .kind = BORA_ARG_INT, .offset = offsetof(bora_slice_attrs, from) },
    { .name = "width", .kind = BORA_ARG_INT, .offset = offsetof(bora_slice_attrs, width) },
    { .name = "each", .kind = BORA_ARG_INT, .optional = true, .offset = offsetof(bora_slice_attrs, each) },
    { .name = NULL },
};

const bora_op op_slice = { .name = "slice",
                           .args = slice_args,
                           .attrs_bytes = sizeof(bora_slice_attrs),
                           .shape = slice_shape,
                           .reference = slice_reference };

static bool join_shape(bora_call *call, bora_error *err)
{
    if (!op_expect(call, 2, 0, err))
        return false;
    const bora_join_attrs *attrs = call->attrs;
    const bora_view *a = &call->inputs[0], *b = &call->inputs[1];
    int32_t b_runs = attrs->shared ? 1 : attrs->runs;
    if (attrs->runs < 1 || a->width % attrs->runs != 0 || b->width % b_runs != 0)
        return bora_fail(err, BORA_FORMAT, "rows of %lld and %lld numbers do not make %d runs", (long long)a->width,
                         (long long)b->width, attrs->runs);
    if (a->rows != b->rows)
        return bora_fail(err, BORA_FORMAT, "its inputs differ in rows");
    call->output.rows = a->rows;
    call->output.width = a->width + b->width / b_runs * attrs->runs;
    return true;
}

static bool join_reference(const bora_call *call, bora_error *err)
{
    (void)err;
    const bora_join_attrs *attrs = call->attrs;
    int64_t runs = attrs->runs, wa = call->inputs[0].width / runs, wb = call->output.width / runs - wa;
    for (int64_t r = 0; r < call->output.rows * runs; r++) {
        float *out = call->output.data + r * (wa + wb);
        memcpy(out, call->inputs[0].data + r * wa, (size_t)wa * sizeof *out);
        memcpy(out + wa, call->inputs[1].data + (attrs->shared ? r / runs : r) * wb, (size_t)wb * sizeof *out);
    }
    return true;
}

static const bora_arg join_args[] = {
    { .name = "a", .kind = BORA_ARG_INPUT },
    { .name = "b", .kind = BORA_ARG_INPUT },
    { .name = "runs",
      .kind = BORA_ARG_INT,
      .optional = true,
      .offset = offsetof(bora_join_attrs, runs),
      .fallback = 1 },
    { .name = "shared", .kind = BORA_ARG_FLAG, .optional = true, .offset = offsetof(bora_join_attrs, shared) },
    { .name = NULL },
};

const bora_op op_join = { .name = "join",
                          .args = join_args,
                          .attrs_bytes = sizeof(bora_join_attrs),
                          .shape = join_shape,
                          .reference = join_reference };
