/* The state pool: blocks of tokens, and slots for what is kept of a sequence as a whole, that sessions and engines take
 * and give back. A block or a slot has the same number in every operation's state.
 *
 * In ordinary memory, an operation's blocks are one range of addresses, for as many as there may be, and memory is
 * there where it was touched: nothing is copied when there are more, and nothing is taken for a worst case. A device's
 * own memory, and that of slots, grows by copying. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model/model.h"

static size_t block_bytes(const bora_state *state)
{
    return (size_t)state->block_tokens * state->spec.token_bytes;
}

static void find_states(bora_model *m, const bora_quant *cache_format)
{
    state_pool *pool = &m->states;
    for (int i = 0; i < pool->n_nodes; i++) {
        const bora_node *node = m->graph->nodes[i];
        if (!node->has_state)
            continue;
        exec_device *owner = m->nodes[i].choice.owner;
        bora_state_spec spec = { .format = cache_format };
        node->call.op->state(&node->call, &spec);
        pool->states[i] = (bora_state){ .block_tokens = pool->block_tokens, .spec = spec };
        pool->devices[i] = exec_has_own_memory(owner) ? owner : NULL;
        m->nodes[i].state = &pool->states[i];
        pool->recurrent |= spec.sequence_bytes > 0;
    }
}

static bool in_ordinary_memory(const state_pool *pool, int i)
{
    return !pool->devices[i] && pool->states[i].spec.token_bytes > 0;
}

static void give_back_addresses(state_pool *pool)
{
    for (int i = 0; i < pool->n_nodes; i++)
        if (in_ordinary_memory(pool, i) && pool->states[i].blocks) {
            munmap(pool->states[i].blocks, (size_t)pool->max_blocks * block_bytes(&pool->states[i]));
            pool->states[i].blocks = NULL;
        }
}

/* Addresses for all blocks of the operations in ordinary memory. */
static bool reserve_addresses(state_pool *pool)
{
    for (int i = 0; i < pool->n_nodes; i++) {
        size_t bytes;
        if (!in_ordinary_memory(pool, i))
            continue;
        void *memory = MAP_FAILED;
        if (!__builtin_mul_overflow(block_bytes(&pool->states[i]), (size_t)pool->max_blocks, &bytes))
            memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            give_back_addresses(pool);
            return false;
        }
        pool->states[i].blocks = memory;
        pool->states[i].n_blocks = pool->max_blocks;
    }
    return true;
}

static bool all_in_ordinary_memory(const state_pool *pool)
{
    for (int i = 0; i < pool->n_nodes; i++)
        if (pool->devices[i] && pool->states[i].spec.token_bytes > 0)
            return false;
    return true;
}

/* Where the system gives no more addresses than it has memory, fewer blocks must do. */
static bool find_room(bora_model *m, const bora_settings *settings, bora_error *err)
{
    state_pool *pool = &m->states;
    size_t bytes = 0;
    for (int i = 0; i < pool->n_nodes; i++)
        bytes += block_bytes(&pool->states[i]);
    pool->max_blocks = model_cache_blocks(m, settings, bytes, err);
    if (pool->max_blocks < 0)
        return false;
    while (!reserve_addresses(pool)) {
        if (pool->max_blocks == 1)
            return bora_fail(err, BORA_MEMORY, "out of memory for %zu bytes of the cache", bytes);
        pool->max_blocks /= 2;
    }
    pool->n_covered = all_in_ordinary_memory(pool) ? pool->max_blocks : 0;
    int32_t n_tokens = pool->max_blocks * pool->block_tokens;
    if (m->context_length > n_tokens) {
        runtime_log(m->runtime, BORA_LOG_WARN, "the cache has room for %d tokens: the context of %d is cut to that",
                    n_tokens, m->context_length);
        m->context_length = n_tokens;
    }
    return true;
}

static bool allow_snapshots(bora_model *m, const bora_settings *settings, bora_error *err)
{
    state_pool *pool = &m->states;
    size_t bytes = 0;
    for (int i = 0; i < pool->n_nodes; i++)
        bytes += pool->states[i].spec.sequence_bytes;
    pool->n_snapshots = model_cache_snapshots(m, settings, bytes);
    pool->snapshot_slots = arena_array(&m->arena, (size_t)pool->n_snapshots, sizeof *pool->snapshot_slots);
    if (pool->n_snapshots > 0 && !pool->snapshot_slots)
        return bora_fail_memory(err, "the cache");
    for (int32_t i = 0; i < pool->n_snapshots; i++)
        pool->snapshot_slots[i] = -1;
    return block_cache_allow_snapshots(pool->blocks, pool->n_snapshots, err);
}

bool state_pool_init(bora_model *m, const bora_quant *cache_format, const bora_settings *settings, bora_error *err)
{
    state_pool *pool = &m->states;
    size_t n = (size_t)m->graph->n_nodes;
    pool->states = arena_array(&m->arena, n, sizeof *pool->states);
    pool->devices = arena_array(&m->arena, n, sizeof *pool->devices);
    if (!pool->states || !pool->devices)
        return bora_fail_memory(err, "the cache");
    pool->n_nodes = m->graph->n_nodes;
    if (!model_block_tokens(settings, &pool->block_tokens, err))
        return false;
    find_states(m, cache_format);
    if (!find_room(m, settings, err))
        return false;
    bool limited = bora_settings_is_set(settings, "prefix-cache-n");
    int64_t max_kept = limited ? bora_settings_int(settings, "prefix-cache-n") : INT32_MAX;
    const char *mode = bora_settings_string(settings, "paged-attn");
    pool->share = max_kept > 0 && !(mode && strcmp(mode, "off") == 0);
    pool->blocks = block_cache_new(pool->block_tokens, pool->max_blocks,
                                   max_kept < INT32_MAX ? (int32_t)max_kept : INT32_MAX, err);
    return pool->blocks && allow_snapshots(m, settings, err);
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
        release(pool, i, pool->states[i].sequences);
        if (pool->devices[i])
            release(pool, i, pool->states[i].blocks);
    }
    give_back_addresses(pool);
    block_cache_free(pool->blocks);
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

/* ---- blocks ---- */

bool state_pool_cover(bora_model *m, bora_error *err)
{
    enum { FIRST_BLOCKS = 8 };
    state_pool *pool = &m->states;
    int32_t need = block_cache_stats_get(pool->blocks).n_made, cap = pool->n_covered ? pool->n_covered : FIRST_BLOCKS;
    if (need <= pool->n_covered)
        return true;
    while (cap < need)
        cap *= 2;
    cap = cap < pool->max_blocks ? cap : pool->max_blocks;
    for (int i = 0; i < pool->n_nodes; i++) {
        bora_state *state = &pool->states[i];
        if (pool->devices[i] && state->spec.token_bytes > 0 &&
            !grow_memory(pool, i, &state->blocks, block_bytes(state), pool->n_covered, cap, err))
            return false;
        if (pool->devices[i])
            state->n_blocks = cap;
    }
    pool->n_covered = cap;
    return true;
}

int32_t state_pool_take(bora_model *m, bora_error *err)
{
    state_pool *pool = &m->states;
    int32_t block = block_cache_take(pool->blocks);
    if (block < 0) {
        if (block_cache_available(pool->blocks) == 0)
            bora_fail(err, BORA_LIMIT, "the cache is full: all its %d blocks of %d tokens are in use", pool->max_blocks,
                      pool->block_tokens);
        else
            bora_fail_memory(err, "the cache");
    } else if (!state_pool_cover(m, err)) {
        block_cache_give(pool->blocks, block);
        block = -1;
    }
    return block;
}

void state_pool_give(bora_model *m, int32_t block)
{
    block_cache_give(m->states.blocks, block);
}

/* ---- slots ---- */

static bool grow_slots(state_pool *pool, bora_error *err)
{
    state_numbers *slots = &pool->slots;
    if (slots->cap > INT32_MAX / 4)
        return bora_fail(err, BORA_LIMIT, "there cannot be more sequences");
    int32_t cap = slots->cap ? slots->cap * 2 : 1;
    int32_t *list = reallocarray(slots->free, (size_t)cap, sizeof *list);
    if (!list)
        return bora_fail_memory(err, "the cache");
    slots->free = list;
    for (int i = 0; i < pool->n_nodes; i++) {
        bora_state *state = &pool->states[i];
        if (state->spec.sequence_bytes > 0 &&
            !grow_memory(pool, i, &state->sequences, state->spec.sequence_bytes, slots->n, cap, err))
            return false;
    }
    slots->cap = cap;
    return true;
}

int32_t state_pool_take_slot(bora_model *m, bora_error *err)
{
    state_numbers *slots = &m->states.slots;
    if (slots->n_free > 0)
        return slots->free[--slots->n_free];
    if (slots->n == slots->cap && !grow_slots(&m->states, err))
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

bool state_pool_copy_slot(bora_model *m, int32_t from, int32_t to, bora_error *err)
{
    const state_pool *pool = &m->states;
    for (int i = 0; i < pool->n_nodes; i++) {
        size_t bytes = pool->states[i].spec.sequence_bytes;
        if (bytes == 0)
            continue;
        char *slots = pool->states[i].sequences;
        const char *source = slots + (size_t)from * bytes;
        char *target = slots + (size_t)to * bytes;
        if (!pool->devices[i])
            memcpy(target, source, bytes);
        else if (!move_on_device(pool->devices[i], target, source, bytes, bytes, err))
            return false;
    }
    return true;
}

bool state_pool_save(bora_model *m, int32_t slot, int32_t snapshot, bora_error *err)
{
    int32_t *own = &m->states.snapshot_slots[snapshot];
    if (*own < 0)
        *own = state_pool_take_slot(m, err);
    return *own >= 0 && state_pool_copy_slot(m, slot, *own, err);
}

bool state_pool_restore(bora_model *m, int32_t snapshot, int32_t slot, bora_error *err)
{
    return state_pool_copy_slot(m, m->states.snapshot_slots[snapshot], slot, err);
}
