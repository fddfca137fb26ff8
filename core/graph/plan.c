/* The memory plan: results whose lifetimes overlap get places that do not. Values come in the order of their first use;
 * each takes the lowest place that is free for its whole life. */
#include <stdlib.h>
#include <string.h>

#include "graph/program.h"

enum { ALIGN = 64 };

static bool value_bytes(const exec_value *v, int32_t n_tokens, int32_t n_outputs, size_t *out)
{
    size_t rows = (size_t)exec_rows(v->rows, n_tokens, n_outputs), bytes;
    if (__builtin_mul_overflow(rows, (size_t)v->width, &bytes) ||
        __builtin_mul_overflow(bytes, sizeof(float), &bytes) || bytes > SIZE_MAX / 4)
        return false;
    *out = (bytes + ALIGN - 1) / ALIGN * ALIGN;
    return true;
}

/* The values that lie in a space at the moment, by offset: an insertion-sorted list of indices. */
typedef struct live_list {
    int *values;
    int n;
} live_list;

static void drop_dead(live_list *live, const exec_value *values, int now)
{
    int n = 0;
    for (int i = 0; i < live->n; i++)
        if (values[live->values[i]].last >= now)
            live->values[n++] = live->values[i];
    live->n = n;
}

static void place(live_list *live, exec_value *values, const size_t *bytes, int v)
{
    size_t at = 0;
    int i = 0;
    for (; i < live->n; i++) {
        int other = live->values[i];
        if (values[other].offset >= at + bytes[v])
            break;
        at = values[other].offset + bytes[other];
    }
    memmove(live->values + i + 1, live->values + i, (size_t)(live->n - i) * sizeof *live->values);
    live->values[i] = v;
    live->n++;
    values[v].offset = at;
}

static bool grow_space(exec_space *space, size_t size, bora_error *err)
{
    if (size <= space->size)
        return true;
    if (space->device) {
        const bora_backend *b = space->device->backend;
        if (space->memory)
            b->release(space->device->handle, space->memory);
        space->memory = b->alloc(space->device->handle, size, err);
    } else {
        free(space->memory);
        space->memory = aligned_alloc(ALIGN, size);
    }
    space->size = space->memory ? size : 0;
    return space->memory ? true : bora_fail(err, BORA_MEMORY, "out of memory for %zu bytes of activations", size);
}

bool exec_reserve(exec_program *p, int32_t n_tokens, int32_t n_outputs, bora_error *err)
{
    if (n_tokens <= p->cap_tokens && n_outputs <= p->cap_outputs)
        return true;
    n_tokens = n_tokens > p->cap_tokens ? n_tokens : p->cap_tokens;
    n_outputs = n_outputs > p->cap_outputs ? n_outputs : p->cap_outputs;
    size_t *bytes = malloc((size_t)p->n_values * sizeof *bytes);
    int *lists = malloc((size_t)p->n_values * sizeof *lists);
    bool ok = bytes && lists ? true : bora_fail_memory(err, "a memory plan");
    size_t staging = 0;
    for (int v = 0; ok && v < p->n_values; v++)
        if (!value_bytes(&p->values[v], n_tokens, n_outputs, &bytes[v]))
            ok = bora_fail(err, BORA_MEMORY, "activations of %d tokens do not fit any memory", n_tokens);
    for (int i = 0; ok && i < p->n_items; i++)
        if (p->items[i].node < 0 && bytes[p->items[i].from] > staging)
            staging = bytes[p->items[i].from];

    p->cap_tokens = p->cap_outputs = 0; /* until the new plan stands */
    for (int s = 0; ok && s < p->n_spaces; s++) {
        live_list live = { lists, 0 };
        size_t top = ALIGN;
        for (int v = 0; v < p->n_values; v++) {
            if (p->values[v].space != s)
                continue;
            drop_dead(&live, p->values, p->values[v].first);
            place(&live, p->values, bytes, v);
            size_t end = p->values[v].offset + bytes[v];
            top = end > top ? end : top;
        }
        ok = grow_space(&p->spaces[s], top, err);
    }
    if (ok && staging > p->staging_bytes) {
        free(p->staging);
        p->staging = malloc(staging);
        p->staging_bytes = p->staging ? staging : 0;
        ok = p->staging ? true : bora_fail_memory(err, "copies between devices");
    }
    free(bytes);
    free(lists);
    if (ok) {
        p->cap_tokens = n_tokens;
        p->cap_outputs = n_outputs;
    }
    return ok;
}
