/* The state pool: blocks of MODEL_BLOCK_TOKENS tokens, and slots for what is kept of a sequence as a whole, that
 * sessions take and give back. It grows as it is used: nothing is reserved for a worst case. A block or a slot has the
 * same number in every operation's state. */
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

bool state_pool_init(bora_model *m, const bora_quant *cache_format, bora_error *err)
{
    state_pool *pool = &m->states;
    size_t n = (size_t)m->graph->n_nodes;
    pool->states = arena_array(&m->arena, n, sizeof *pool->states);
    pool->devices = arena_array(&m->arena, n, sizeof *pool->devices);
    if (!pool->states || !pool->devices)
        return bora_fail_memory(err, "the cache");
    pool->n_nodes = m->graph->n_nodes;
    for (int i = 0; i < pool->n_nodes; i++) {
        const bora_node *node = m->graph->nodes[i];
        if (!node->has_state)
            continue;
        exec_device *owner = m->nodes[i].choice.owner;
        bora_state_spec spec = { .format = cache_format };
        node->call.op->state(&node->call, &spec);
        pool->states[i] = (bora_state){ .block_tokens = MODEL_BLOCK_TOKENS, .spec = spec };
        pool->devices[i] = exec_has_own_memory(owner) ? owner : NULL;
        m->nodes[i].state = &pool->states[i];
        pool->recurrent |= spec.sequence_bytes > 0;
    }
    return true;
}

static void release(const state_pool *pool, int i, void *memory)
{
    const exec_device *d = pool->devices[i];
    if (d && memory)
        d->backend->release(d->handle, memory);
    else
        free(memory);
}

void state_pool_free(bora_model *m)
{
    state_pool *pool = &m->states;
    for (int i = 0; i < pool->n_nodes; i++) {
        release(pool, i, pool->states[i].blocks);
        release(pool, i, pool->states[i].sequences);
    }
    free(pool->blocks.free);
    free(pool->slots.free);
    *pool = (state_pool){ 0 };
}

/* Moves a device's memory into new memory, by way of the host a piece at a time. */
static bool move_on_device(const exec_device *d, void *to, const void *from, size_t used, size_t piece, bora_error *err)
{
    char *staging = malloc(piece);
    bool ok = staging ? true : bora_fail_memory(err, "the cache");
    for (size_t at = 0; ok && at < used; at += piece)
        ok = d->backend->download(d->handle, staging, (const char *)from + at, piece, err) &&
             d->backend->upload(d->handle, (char *)to + at, staging, piece, err);
    free(staging);
    return ok;
}

/* Room for `cap` pieces in the memory of node i, of which n are used. */
static bool grow_memory(const state_pool *pool, int i, void **memory, size_t piece, int32_t n, int32_t cap,
                        bora_error *err)
{
    const exec_device *d = pool->devices[i];
    size_t bytes, used = (size_t)n * piece;
    if (__builtin_mul_overflow(piece, (size_t)cap, &bytes) || bytes > SIZE_MAX - 63)
        return bora_fail_memory(err, "the cache");
    void *grown = d ? d->backend->alloc(d->handle, bytes, err) : aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!grown)
        return bora_fail(err, BORA_MEMORY, "out of memory for %zu bytes of the cache", bytes);
    bool ok = true;
    if (d && used)
        ok = move_on_device(d, grown, *memory, used, piece, err);
    else if (used)
        memcpy(grown, *memory, used);
    if (!ok) {
        release(pool, i, grown);
        return false;
    }
    release(pool, i, *memory);
    *memory = grown;
    return true;
}

static bool grow_blocks(state_pool *pool, int i, int32_t cap, bora_error *err)
{
    bora_state *state = &pool->states[i];
    size_t piece = (size_t)state->block_tokens * state->spec.token_bytes;
    return piece == 0 || grow_memory(pool, i, &state->blocks, piece, pool->blocks.n, cap, err);
}

static bool grow_slots(state_pool *pool, int i, int32_t cap, bora_error *err)
{
    bora_state *state = &pool->states[i];
    size_t piece = state->spec.sequence_bytes;
    return piece == 0 || grow_memory(pool, i, &state->sequences, piece, pool->slots.n, cap, err);
}

static bool grow(state_pool *pool, state_numbers *numbers, int32_t first_cap,
                 bool (*grow_node)(state_pool *pool, int i, int32_t cap, bora_error *err), bora_error *err)
{
    if (numbers->cap > INT32_MAX / 4 / MODEL_BLOCK_TOKENS)
        return bora_fail(err, BORA_LIMIT, "the cache cannot hold more tokens");
    int32_t cap = numbers->cap ? numbers->cap * 2 : first_cap;
    int32_t *list = realloc(numbers->free, (size_t)cap * sizeof *list);
    if (!list)
        return bora_fail_memory(err, "the cache");
    numbers->free = list;
    for (int i = 0; i < pool->n_nodes; i++)
        if (!grow_node(pool, i, cap, err))
            return false;
    numbers->cap = cap;
    return true;
}

int32_t state_pool_take(bora_model *m, bora_error *err)
{
    state_numbers *blocks = &m->states.blocks;
    if (blocks->n_free > 0)
        return blocks->free[--blocks->n_free];
    if (blocks->n == blocks->cap && !grow(&m->states, blocks, 8, grow_blocks, err))
        return -1;
    return blocks->n++;
}

void state_pool_give(bora_model *m, int32_t block)
{
    state_numbers *blocks = &m->states.blocks;
    blocks->free[blocks->n_free++] = block;
}

int32_t state_pool_take_slot(bora_model *m, bora_error *err)
{
    state_numbers *slots = &m->states.slots;
    if (slots->n_free > 0)
        return slots->free[--slots->n_free];
    if (slots->n == slots->cap && !grow(&m->states, slots, 1, grow_slots, err))
        return -1;
    return slots->n++;
}

void state_pool_give_slot(bora_model *m, int32_t slot)
{
    state_numbers *slots = &m->states.slots;
    slots->free[slots->n_free++] = slot;
}

static bool clear_on_device(const exec_device *d, void *memory, size_t bytes, bora_error *err)
{
    void *zeros = calloc(1, bytes);
    bool ok = zeros ? d->backend->upload(d->handle, memory, zeros, bytes, err) : bora_fail_memory(err, "the cache");
    free(zeros);
    return ok;
}

bool state_pool_clear_slot(bora_model *m, int32_t slot, bora_error *err)
{
    const state_pool *pool = &m->states;
    for (int i = 0; i < pool->n_nodes; i++) {
        size_t bytes = pool->states[i].spec.sequence_bytes;
        if (bytes == 0)
            continue;
        char *own = (char *)pool->states[i].sequences + (size_t)slot * bytes;
        if (!pool->devices[i])
            memset(own, 0, bytes);
        else if (!clear_on_device(pool->devices[i], own, bytes, err))
            return false;
    }
    return true;
}
