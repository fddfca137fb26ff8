/* Parts of rows: slice takes some numbers of each run, join puts two rows together run by run. */
#include "cpu.h"

#include <string.h>

typedef struct parts {
    const float *a, *b; /* b: NULL for slice */
    float *out;
    int64_t runs, wa, wb; /* of a row; numbers of a run of a and of b */
    int64_t from, width;  /* of slice */
    bool shared;
} parts;

static void slice(void *ctx, int64_t begin, int64_t end, int thread)
{
    const parts *m = ctx;
    (void)thread;
    for (int64_t r = begin * m->runs; r < end * m->runs; r++)
        memcpy(m->out + r * m->width, m->a + r * m->wa + m->from, (size_t)m->width * sizeof *m->out);
}

static void join(void *ctx, int64_t begin, int64_t end, int thread)
{
    const parts *m = ctx;
    (void)thread;
    for (int64_t r = begin * m->runs; r < end * m->runs; r++) {
        float *out = m->out + r * (m->wa + m->wb);
        memcpy(out, m->a + r * m->wa, (size_t)m->wa * sizeof *out);
        memcpy(out + m->wa, m->b + (m->shared ? r / m->runs : r) * m->wb, (size_t)m->wb * sizeof *out);
    }
}

bool cpu_slice(bora_device *device, const bora_call *call, bora_error *err)
{
    (void)err;
    const bora_slice_attrs *a = call->attrs;
    parts m = { .a = call->inputs[0].data,
                .out = call->output.data,
                .runs = call->output.width / a->width,
                .from = a->from,
                .width = a->width };
    m.wa = call->inputs[0].width / m.runs;
    cpu_parallel(device, call->output.rows, call->output.width, slice, &m);
    return true;
}

bool cpu_join(bora_device *device, const bora_call *call, bora_error *err)
{
    (void)err;
    const bora_join_attrs *a = call->attrs;
    parts m = { .a = call->inputs[0].data,
                .b = call->inputs[1].data,
                .out = call->output.data,
                .runs = a->runs,
                .wa = call->inputs[0].width / a->runs,
                .shared = a->shared };
    m.wb = call->output.width / m.runs - m.wa;
    cpu_parallel(device, call->output.rows, call->output.width, join, &m);
    return true;
}
