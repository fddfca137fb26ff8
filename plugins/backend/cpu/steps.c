/* The nodes of a piece, in order, neighbours together where nobody could tell.
 *
 * Two kinds of steps may be done together: steps that work row by row, which run one after the other on each row
 * (chain.c), and products that do not read each other's results, which are one job of the threads (products.c). A chain
 * also turns its rows into the format of the products behind it. Everything is decided by where inputs and results lie:
 * the memory of a result that nobody needs any more holds others later, so equal places are not equal values, and a
 * step may only be moved past another where none of them writes what the other reads or writes. */
#include "cpu.h"

#include <string.h>

typedef enum step_kind { PLAIN, ROWS, LINEAR, EXPERTS } step_kind;

static const char *op_name(const bora_step *step)
{
    return step->call->op ? step->call->op->name : step->kernel->op;
}

static step_kind kind_of(const bora_step *step)
{
    if (cpu_row_maker_of(step->kernel))
        return ROWS;
    if (!step->kernel->tile)
        return PLAIN;
    const char *op = op_name(step);
    return strcmp(op, "linear") == 0 ? LINEAR : strcmp(op, "expert_linear") == 0 ? EXPERTS : PLAIN;
}

static bool fail_in(const bora_step *step, bora_error *err)
{
    return bora_error_prefix(err, "%s", step->call->node);
}

/* ---- what may run together ---- */

/* Row r of one is where row r of the other is, and nowhere else in it. */
static bool rows_agree(const bora_view *a, const bora_view *b)
{
    return !cpu_overlap(a, b) || (a->data == b->data && a->rows == b->rows && a->width == b->width);
}

static bool may_chain(const bora_step *chain, size_t n, const bora_call *next)
{
    if (next->output.rows != chain[0].call->output.rows)
        return false;
    for (int i = 0; i < next->n_inputs; i++)
        if (next->inputs[i].rows != next->output.rows)
            return false;
    for (const bora_step *s = chain; s < chain + n; s++) {
        if (!rows_agree(&s->call->output, &next->output))
            return false;
        for (int i = 0; i < s->call->n_inputs; i++)
            if (!rows_agree(&s->call->inputs[i], &next->output))
                return false;
        for (int i = 0; i < next->n_inputs; i++)
            if (!rows_agree(&next->inputs[i], &s->call->output))
                return false;
    }
    return true;
}

static size_t chain_length(const bora_step *steps, size_t n_steps)
{
    size_t n = 0;
    while (n < n_steps && n < CPU_MAX_TOGETHER && kind_of(&steps[n]) == ROWS &&
           (n == 0 || may_chain(steps, n, steps[n].call)))
        n++;
    return n;
}

static bool same_view(const bora_view *a, const bora_view *b)
{
    return a->data == b->data && a->rows == b->rows && a->width == b->width;
}

/* Experts in one job are sorted once. */
static bool same_slots(const bora_step *a, const bora_step *b)
{
    const bora_weight *wa = a->call->weights[0], *wb = b->call->weights[0];
    return same_view(&a->call->inputs[0], &b->call->inputs[0]) && same_view(&a->call->inputs[1], &b->call->inputs[1]) &&
           a->kernel->tile->activation == b->kernel->tile->activation && wa->shape[0] == wb->shape[0] &&
           wa->shape[2] == wb->shape[2];
}

static bool may_join(const bora_step *job, size_t n, const bora_step *next)
{
    for (const bora_step *s = job; s < job + n; s++) {
        if (cpu_overlap(&s->call->output, &next->call->output))
            return false;
        for (int i = 0; i < s->call->n_inputs; i++)
            if (cpu_overlap(&s->call->inputs[i], &next->call->output))
                return false;
        for (int i = 0; i < next->call->n_inputs; i++)
            if (cpu_overlap(&next->call->inputs[i], &s->call->output))
                return false;
        if (kind_of(s) == EXPERTS && kind_of(next) == EXPERTS && !same_slots(s, next))
            return false;
    }
    return true;
}

/* The rows of activations that a step's tile takes: of an expert for each slot, the slots of a row lie in it. */
static bora_view activations(const bora_step *step)
{
    bora_view x = step->call->inputs[0];
    if (kind_of(step) == EXPERTS) {
        int64_t k = step->call->weights[0]->shape[2];
        x.rows *= x.width / k;
        x.width = k;
    }
    return x;
}

/* Whether a step's activations and format are among those of the steps before it. */
static bool converted_before(const bora_step *job, size_t n)
{
    bora_view x = activations(&job[n]);
    for (size_t i = 0; i < n; i++) {
        bora_view other = activations(&job[i]);
        if (job[i].kernel->tile->activation == job[n].kernel->tile->activation && same_view(&x, &other))
            return true;
    }
    return false;
}

static size_t job_length(const bora_step *steps, size_t n_steps)
{
    int n_conversions = 0;
    size_t n = 0;
    for (; n < n_steps && n < CPU_MAX_TOGETHER && kind_of(&steps[n]) >= LINEAR; n++) {
        if (n > 0 && !may_join(steps, n, &steps[n]))
            break;
        if (steps[n].kernel->tile->activation && !converted_before(steps, n) && ++n_conversions > CPU_CONVERSIONS)
            break;
    }
    return n;
}

/* ---- running it ---- */

static bool make_chain(bora_device *device, const bora_step *steps, size_t n, cpu_chain *chain, bora_error *err)
{
    chain->rows = steps[0].call->output.rows;
    for (size_t i = 0; i < n; i++) {
        const bora_call *call = steps[i].call;
        cpu_row_step *s = &chain->steps[chain->n_steps++];
        *s = (cpu_row_step){ .call = call,
                             .a = call->inputs[0].data,
                             .b = call->n_inputs > 1 ? call->inputs[1].data : NULL,
                             .out = call->output.data,
                             .items = call->output.width };
        if (!cpu_row_maker_of(steps[i].kernel)(device->step_vectors[i], call, s, err))
            return fail_in(&steps[i], err);
        cpu_forget(device, &call->output);
    }
    return true;
}

/* Whether the chain leaves x behind: then each of its rows can be converted as soon as it is there. */
static bool chain_writes(const cpu_chain *chain, const bora_view *x)
{
    if (chain->rows < 1)
        return false;
    for (int i = 0; i < chain->n_steps; i++) {
        const bora_view *out = &chain->steps[i].call->output;
        if (out->data == x->data && out->rows * out->width == x->rows * x->width && x->rows % chain->rows == 0)
            return true;
    }
    return false;
}

/* The activations of each step of a job; what is new and not of the chain is converted at once, behind the chain. */
static bool convert_all(bora_device *device, const bora_step *job, size_t n, cpu_chain *chain, const char **acts,
                        bora_error *err)
{
    const cpu_conversion *alone[CPU_CONVERSIONS];
    int n_alone = 0;
    device->n_jobs++;
    for (size_t i = 0; i < n; i++) {
        bora_view x = activations(&job[i]);
        acts[i] = (const char *)x.data;
        if (!job[i].kernel->tile->activation)
            continue;
        bool fresh;
        const cpu_conversion *c = cpu_conversion_of(device, &x, job[i].kernel->tile->activation, &fresh, err);
        if (!c)
            return fail_in(&job[i], err);
        acts[i] = c->blocks.data;
        if (fresh && chain_writes(chain, &x))
            chain->conversions[chain->n_conversions++] = c;
        else if (fresh)
            alone[n_alone++] = c;
    }
    if (chain->n_steps > 0)
        cpu_run_chain(device, chain);
    for (int i = 0; i < n_alone; i++)
        cpu_run_chain(device,
                      &(cpu_chain){ .conversions = { alone[i] }, .n_conversions = 1, .rows = alone[i]->x.rows });
    return true;
}

static int64_t most_products(const bora_step *step)
{
    const bora_call *call = step->call;
    return kind_of(step) == LINEAR ? 1 : cpu_min(call->weights[0]->shape[0], call->output.rows * call->inputs[1].width);
}

static bool run_products(bora_device *device, const bora_step *job, size_t n, const char *const *acts, bora_error *err)
{
    int64_t most = 0;
    for (size_t i = 0; i < n; i++)
        most += most_products(&job[i]);
    if (!cpu_begin_products(device, most, err))
        return fail_in(job, err);
    cpu_experts experts;
    bool sorted = false;
    for (size_t i = 0; i < n; i++) {
        const bora_tile *tile = job[i].kernel->tile;
        const bora_call *call = job[i].call;
        cpu_buffer *bias = &device->step_vectors[i][1];
        bool ok;
        if (kind_of(&job[i]) == LINEAR) {
            ok = cpu_add_linear(device, tile, call, acts[i], bias, err);
        } else {
            size_t act_bytes = cpu_act_bytes(tile, call->weights[0]->shape[2]);
            ok = (sorted || cpu_sort_experts(device, call, acts[i], act_bytes, &experts, err)) &&
                 cpu_add_experts(device, tile, call, &experts, bias, err);
            sorted = true;
        }
        if (!ok)
            return fail_in(&job[i], err);
    }
    if (!cpu_run_products(device, err))
        return fail_in(job, err);
    for (size_t i = 0; i < n; i++)
        cpu_forget(device, &job[i].call->output);
    return true;
}

static bool run_plain(bora_device *device, const bora_step *step, bora_error *err)
{
    if (!step->kernel->run)
        return bora_fail(err, BORA_INTERNAL, "the cpu backend has no driver for this kernel of %s", op_name(step)) ||
               fail_in(step, err);
    cpu_forget(device, &step->call->output);
    return step->kernel->run(device, step->call, err) || fail_in(step, err);
}

bool cpu_run_steps(bora_device *device, const bora_step *steps, size_t n_steps, bora_error *err)
{
    cpu_forget_all(device);
    for (size_t i = 0; i < n_steps;) {
        size_t n_rows = chain_length(steps + i, n_steps - i);
        const bora_step *job = steps + i + n_rows;
        size_t n_products = job_length(job, n_steps - i - n_rows);
        cpu_chain chain = { .n_steps = 0 };
        const char *acts[CPU_MAX_TOGETHER];
        if (n_rows + n_products == 0) {
            if (!run_plain(device, &steps[i++], err))
                return false;
            continue;
        }
        if ((n_rows > 0 && !make_chain(device, steps + i, n_rows, &chain, err)) ||
            !convert_all(device, job, n_products, &chain, acts, err) ||
            (n_products > 0 && !run_products(device, job, n_products, acts, err)))
            return false;
        i += n_rows + n_products;
    }
    return true;
}
