/* Running a program: neighbours of one device go to its backend together. */
#include <string.h>

#include "graph/program.h"

static float *value_data(const exec_program *p, int v)
{
    return (float *)(void *)((char *)p->spaces[p->values[v].space].memory + p->values[v].offset);
}

static void bind(exec_program *p, exec_slot *slot, const bora_batch *batch)
{
    bora_call *call = &slot->call;
    call->batch = batch;
    for (int i = 0; i < call->n_inputs; i++) {
        const exec_value *v = &p->values[slot->inputs[i]];
        call->inputs[i] = (bora_view){ value_data(p, slot->inputs[i]),
                                       exec_rows(v->rows, batch->n_tokens, batch->n_outputs), v->width };
    }
    const exec_value *out = &p->values[slot->output];
    call->output =
        (bora_view){ value_data(p, slot->output), exec_rows(out->rows, batch->n_tokens, batch->n_outputs), out->width };
}

static bool copy_to_host(const exec_program *p, int v, void *to, size_t bytes, bora_error *err)
{
    const exec_space *space = &p->spaces[p->values[v].space];
    if (space->device)
        return space->device->backend->download(space->device->handle, to, value_data(p, v), bytes, err);
    memcpy(to, value_data(p, v), bytes);
    return true;
}

static bool copy(exec_program *p, const exec_item *item, const bora_batch *batch, bora_error *err)
{
    const exec_value *from = &p->values[item->from];
    const exec_space *to = &p->spaces[p->values[item->to].space];
    size_t bytes = (size_t)(exec_rows(from->rows, batch->n_tokens, batch->n_outputs) * from->width) * sizeof(float);
    if (bytes == 0)
        return true;
    if (!to->device)
        return copy_to_host(p, item->from, value_data(p, item->to), bytes, err);
    const void *source = value_data(p, item->from);
    if (p->spaces[from->space].device) {
        if (!copy_to_host(p, item->from, p->staging, bytes, err))
            return false;
        source = p->staging;
    }
    return to->device->backend->upload(to->device->handle, value_data(p, item->to), source, bytes, err);
}

static bool run_steps(const exec_device *owner, const bora_step *steps, size_t n, bora_error *err)
{
    if (owner->backend && owner->backend->run)
        return owner->backend->run(owner->handle, steps, n, err);
    for (size_t i = 0; i < n; i++) {
        const bora_call *call = steps[i].call;
        if (steps[i].kernel && !steps[i].kernel->run)
            return bora_fail(err, BORA_INTERNAL, "backend %s has no driver for the kernel of %s", owner->backend->name,
                             call->node);
        bool ok = steps[i].kernel ? steps[i].kernel->run(owner->handle, call, err) : call->op->reference(call, err);
        if (!ok)
            return bora_error_prefix(err, "%s", call->node);
    }
    return true;
}

bool exec_run(exec_program *p, const bora_batch *batch, float *result, bora_error *err)
{
    if (!exec_reserve(p, batch->n_tokens, batch->n_outputs, err))
        return false;
    size_t n_steps = 0;
    const exec_device *owner = NULL;
    for (int i = 0; i < p->n_items; i++) {
        const exec_item *item = &p->items[i];
        exec_slot *slot = item->node >= 0 ? &p->slots[item->node] : NULL;
        if (n_steps > 0 && (!slot || slot->choice.owner != owner)) {
            if (!run_steps(owner, p->steps, n_steps, err))
                return false;
            n_steps = 0;
        }
        if (!slot) {
            if (!copy(p, item, batch, err))
                return false;
            continue;
        }
        bind(p, slot, batch);
        if (slot->call.output.rows == 0)
            continue;
        owner = slot->choice.owner;
        p->steps[n_steps++] = (bora_step){ slot->choice.kernel, &slot->call };
    }
    if (n_steps > 0 && !run_steps(owner, p->steps, n_steps, err))
        return false;
    const exec_value *out = &p->values[p->output];
    size_t rows = (size_t)exec_rows(out->rows, batch->n_tokens, batch->n_outputs);
    if (!result || rows == 0)
        return true;
    return copy_to_host(p, p->output, result, rows * (size_t)out->width * sizeof(float), err);
}
