/* Steps that work row by row, and the conversion of what they wrote: all of them on one row before the next, by one
 * thread, while the row is in its nearest memory. */
#include "cpu.h"

enum { CONVERSION_COST = 4 }; /* of a number, in additions */

static void run_rows(void *ctx, int64_t begin, int64_t end, int thread)
{
    const cpu_chain *chain = ctx;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        for (const cpu_row_step *s = chain->steps; s < chain->steps + chain->n_steps; s++)
            s->run(s, r * s->items, (r + 1) * s->items);
        for (int i = 0; i < chain->n_conversions; i++) {
            int64_t each = chain->conversions[i]->x.rows / chain->rows;
            cpu_convert(chain->conversions[i], r * each, (r + 1) * each);
        }
    }
}

static void run_items(void *ctx, int64_t begin, int64_t end, int thread)
{
    const cpu_row_step *step = ctx;
    (void)thread;
    step->run(step, begin, end);
}

void cpu_run_chain(bora_device *device, const cpu_chain *chain)
{
    if (chain->n_steps == 1 && chain->n_conversions == 0) { /* rows too may be cut */
        cpu_row_step step = chain->steps[0];
        cpu_parallel(device, chain->rows * step.items, step.cost, run_items, &step);
        return;
    }
    if (chain->rows < 1)
        return;
    int64_t cost = 0;
    for (int i = 0; i < chain->n_steps; i++)
        cost += chain->steps[i].items * chain->steps[i].cost;
    for (int i = 0; i < chain->n_conversions; i++)
        cost += chain->conversions[i]->x.rows / chain->rows * chain->conversions[i]->x.width * CONVERSION_COST;
    cpu_chain own = *chain;
    cpu_parallel(device, chain->rows, cost, run_rows, &own);
}

bool cpu_run_by_rows(bora_device *device, const bora_call *call, bora_error *err)
{
    (void)device;
    return bora_fail(err, BORA_INTERNAL, "%s: the cpu backend runs this kernel itself", call->node);
}
