/* The state pool: blocks of MODEL_BLOCK_TOKENS tokens that sessions take and give back. It grows as it is used: nothing
 * is reserved for a worst case. A block has the same number in every operation's state. */
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

bool state_pool_init(bora_model *m, bora_error *err)
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
        if (node->state_spec.sequence_bytes)
            return bora_fail(err, BORA_UNSUPPORTED, "%s: state for each sequence is not kept in this version",
                             node->name);
        exec_device *owner = m->nodes[i].choice.owner;
        pool->states[i] = (bora_state){ .block_tokens = MODEL_BLOCK_TOKENS, .spec = node->state_spec };
        pool->devices[i] = exec_has_own_memory(owner) ? owner : NULL;
        m->nodes[i].state = &pool->states[i];
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
    for (int i = 0; i < pool->n_nodes; i++)
        release(pool, i, pool->states[i].blocks);
    free(pool->free_blocks);
    *pool = (state_pool){ 0 };
}

/* Moves a device's blocks into new memory, by way of the host a block at a time. */
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

static bool grow_state(state_pool *pool, int i, int32_t cap, bora_error *err)
{
    bora_state *state = &pool->states[i];
    const exec_device *d = pool->devices[i];
    size_t block = (size_t)state->block_tokens * state->spec.token_bytes, bytes, used = (size_t)pool->n_blocks * block;
    if (__builtin_mul_overflow(block, (size_t)cap, &bytes))
        return bora_fail_memory(err, "the cache");
    void *grown = d ? d->backend->alloc(d->handle, bytes, err) : aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!grown)
        return bora_fail(err, BORA_MEMORY, "out of memory for a cache of %d tokens", cap * state->block_tokens);
    bool ok = true;
    if (d && used)
        ok = move_on_device(d, grown, state->blocks, used, block, err);
    else if (used)
        memcpy(grown, state->blocks, used);
    if (!ok) {
        release(pool, i, grown);
        return false;
    }
    release(pool, i, state->blocks);
    state->blocks = grown;
    return true;
}

static bool grow(bora_model *m, bora_error *err)
{
    state_pool *pool = &m->states;
    if (pool->cap_blocks > INT32_MAX / 4 / MODEL_BLOCK_TOKENS)
        return bora_fail(err, BORA_LIMIT, "the cache cannot hold more tokens");
    int32_t cap = pool->cap_blocks ? pool->cap_blocks * 2 : 8;
    int32_t *free_blocks = realloc(pool->free_blocks, (size_t)cap * sizeof *free_blocks);
    if (!free_blocks)
        return bora_fail_memory(err, "the cache");
    pool->free_blocks = free_blocks;
    for (int i = 0; i < pool->n_nodes; i++)
        if (m->nodes[i].state && pool->states[i].spec.token_bytes && !grow_state(pool, i, cap, err))
            return false;
    pool->cap_blocks = cap;
    return true;
}

int32_t state_pool_take(bora_model *m, bora_error *err)
{
    state_pool *pool = &m->states;
    if (pool->n_free > 0)
        return pool->free_blocks[--pool->n_free];
    if (pool->n_blocks == pool->cap_blocks && !grow(m, err))
        return -1;
    return pool->n_blocks++;
}

void state_pool_give(bora_model *m, int32_t block)
{
    state_pool *pool = &m->states;
    pool->free_blocks[pool->n_free++] = block;
}
