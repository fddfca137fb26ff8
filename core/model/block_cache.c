/* Numbers of cache blocks: see block_cache.h.
 *
 * A block is free, used, or kept. Free numbers lie in a heap, lowest first. Kept ones hang in a list in the order in
 * which they were given back: because a sequence gives back from its last block to its first, a block stands behind all
 * that continue it, and the first of the list has no children. So one block goes at a time, and no beginning before its
 * end. */
#include "model/block_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { NONE = -1 };

typedef struct cached_block {
    int32_t n_users;
    bool published;
    /* Of a published one. */
    int32_t parent;
    int32_t n_children;   /* published ones behind it, used or kept */
    int32_t older, newer; /* of those that are kept */
    uint32_t hash;
    int32_t snapshot; /* or NONE */
} cached_block;

typedef struct cached_snapshot {
    int32_t block; /* whose it is, or NONE */
    int32_t n_pins;
    int32_t older, newer;
} cached_snapshot;

struct block_cache {
    int32_t block_tokens, max_blocks, max_kept;
    int32_t cap; /* of these: */
    cached_block *blocks;
    int32_t *free;      /* [n_free], a heap */
    int32_t cap_tokens; /* of this: */
    int32_t *tokens;    /* [cap_tokens, block_tokens], of those that are published */
    int32_t *table;     /* [n_places], open addressing: the published ones, or NONE */
    uint32_t n_places;  /* a power of two, or 0 */
    uint64_t seed;      /* unknown outside, so that nobody can look for tokens that collide */
    int32_t n_made, n_free, n_published, n_kept, n_leaves;
    int32_t oldest, newest; /* of those that are kept */
    int32_t n_snapshots;
    cached_snapshot *snapshots; /* [n_snapshots], all in a list; those without a block are the oldest */
    int32_t oldest_snapshot, newest_snapshot;
};

block_cache *block_cache_new(int32_t block_tokens, int32_t max_blocks, int32_t max_kept, bora_error *err)
{
    block_cache *c = calloc(1, sizeof *c);
    if (!c) {
        bora_fail_memory(err, "the cache");
        return NULL;
    }
    *c = (block_cache){ .block_tokens = block_tokens,
                        .max_blocks = max_blocks,
                        .max_kept = max_kept,
                        .oldest = NONE,
                        .newest = NONE,
                        .oldest_snapshot = NONE,
                        .newest_snapshot = NONE };
    if (getrandom(&c->seed, sizeof c->seed, GRND_NONBLOCK) != (ssize_t)sizeof c->seed)
        c->seed = (uint64_t)(uintptr_t)c;
    return c;
}

void block_cache_free(block_cache *c)
{
    if (!c)
        return;
    free(c->blocks);
    free(c->free);
    free(c->tokens);
    free(c->table);
    free(c->snapshots);
    free(c);
}

/* ---- free numbers ---- */

static void push_free(block_cache *c, int32_t block)
{
    int32_t i = c->n_free++;
    for (; i > 0 && c->free[(i - 1) / 2] > block; i = (i - 1) / 2)
        c->free[i] = c->free[(i - 1) / 2];
    c->free[i] = block;
}

static int32_t pop_free(block_cache *c)
{
    int32_t lowest = c->free[0], last = c->free[--c->n_free], i = 0;
    for (int32_t child = 1; child < c->n_free; child = 2 * i + 1) {
        if (child + 1 < c->n_free && c->free[child + 1] < c->free[child])
            child++;
        if (c->free[child] >= last)
            break;
        c->free[i] = c->free[child];
        i = child;
    }
    c->free[i] = last;
    return lowest;
}

/* ---- contents ---- */

static const int32_t *tokens_of(const block_cache *c, int32_t block)
{
    return c->tokens + (size_t)block * (size_t)c->block_tokens;
}

static uint32_t hash_of(const block_cache *c, int32_t parent, const int32_t *tokens)
{
    uint64_t h = c->seed ^ (uint32_t)parent;
    for (int32_t i = -1; i < c->block_tokens; i++) {
        h ^= i < 0 ? 0 : (uint32_t)tokens[i];
        h *= 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return (uint32_t)(h ^ h >> 32);
}

/* The place of this content, or the empty one where it belongs; there is at least one. */
static uint32_t place_of(const block_cache *c, int32_t parent, const int32_t *tokens, uint32_t hash)
{
    uint32_t mask = c->n_places - 1, at = hash & mask;
    size_t bytes = (size_t)c->block_tokens * sizeof *tokens;
    for (; c->table[at] != NONE; at = (at + 1) & mask) {
        const cached_block *b = &c->blocks[c->table[at]];
        if (b->hash == hash && b->parent == parent && memcmp(tokens_of(c, c->table[at]), tokens, bytes) == 0)
            break;
    }
    return at;
}

/* Those behind it that could stand in its place move up, so that nobody is looked for in vain. */
static void empty_place(block_cache *c, uint32_t at)
{
    uint32_t mask = c->n_places - 1;
    for (uint32_t next = (at + 1) & mask; c->table[next] != NONE; next = (next + 1) & mask) {
        uint32_t home = c->blocks[c->table[next]].hash & mask;
        if (((next - home) & mask) >= ((next - at) & mask)) {
            c->table[at] = c->table[next];
            at = next;
        }
    }
    c->table[at] = NONE;
}

static bool grow_table(block_cache *c)
{
    uint32_t n_places = c->n_places ? c->n_places * 2 : 64;
    int32_t *table = reallocarray(NULL, n_places, sizeof *table);
    if (!table)
        return false;
    for (uint32_t i = 0; i < n_places; i++)
        table[i] = NONE;
    for (uint32_t i = 0; i < c->n_places; i++) {
        if (c->table[i] == NONE)
            continue;
        uint32_t at = c->blocks[c->table[i]].hash & (n_places - 1);
        while (table[at] != NONE)
            at = (at + 1) & (n_places - 1);
        table[at] = c->table[i];
    }
    free(c->table);
    c->table = table;
    c->n_places = n_places;
    return true;
}

/* ---- snapshots ---- */

static void unlink_snapshot(block_cache *c, int32_t snapshot)
{
    const cached_snapshot *s = &c->snapshots[snapshot];
    *(s->older == NONE ? &c->oldest_snapshot : &c->snapshots[s->older].newer) = s->newer;
    *(s->newer == NONE ? &c->newest_snapshot : &c->snapshots[s->newer].older) = s->older;
}

static void link_newest(block_cache *c, int32_t snapshot)
{
    cached_snapshot *s = &c->snapshots[snapshot];
    s->older = c->newest_snapshot;
    s->newer = NONE;
    *(s->older == NONE ? &c->oldest_snapshot : &c->snapshots[s->older].newer) = snapshot;
    c->newest_snapshot = snapshot;
}

static void link_oldest(block_cache *c, int32_t snapshot)
{
    cached_snapshot *s = &c->snapshots[snapshot];
    s->older = NONE;
    s->newer = c->oldest_snapshot;
    *(s->newer == NONE ? &c->newest_snapshot : &c->snapshots[s->newer].older) = snapshot;
    c->oldest_snapshot = snapshot;
}

bool block_cache_allow_snapshots(block_cache *c, int32_t n, bora_error *err)
{
    c->snapshots = n > 0 ? calloc((size_t)n, sizeof *c->snapshots) : NULL;
    if (n > 0 && !c->snapshots)
        return bora_fail_memory(err, "the cache");
    c->n_snapshots = n;
    for (int32_t i = 0; i < n; i++) {
        c->snapshots[i].block = NONE;
        link_newest(c, i);
    }
    return true;
}

bool block_cache_has_snapshot(const block_cache *c, int32_t block)
{
    return c->blocks[block].snapshot != NONE;
}

int32_t block_cache_pin_snapshot(block_cache *c, int32_t block)
{
    int32_t snapshot = c->blocks[block].snapshot;
    c->snapshots[snapshot].n_pins++;
    unlink_snapshot(c, snapshot);
    link_newest(c, snapshot);
    return snapshot;
}

void block_cache_unpin_snapshot(block_cache *c, int32_t snapshot)
{
    c->snapshots[snapshot].n_pins--;
}

void block_cache_drop_snapshot(block_cache *c, int32_t snapshot)
{
    cached_snapshot *s = &c->snapshots[snapshot];
    c->blocks[s->block].snapshot = NONE;
    s->block = NONE;
    unlink_snapshot(c, snapshot);
    link_oldest(c, snapshot);
}

int32_t block_cache_add_snapshot(block_cache *c, int32_t block)
{
    int32_t snapshot = c->n_snapshots > 0 ? c->oldest_snapshot : NONE;
    while (snapshot != NONE && c->snapshots[snapshot].n_pins > 0)
        snapshot = c->snapshots[snapshot].newer;
    if (snapshot == NONE)
        return NONE;
    if (c->snapshots[snapshot].block != NONE)
        c->blocks[c->snapshots[snapshot].block].snapshot = NONE;
    c->snapshots[snapshot].block = block;
    c->blocks[block].snapshot = snapshot;
    unlink_snapshot(c, snapshot);
    link_newest(c, snapshot);
    return snapshot;
}

/* ---- what is kept ---- */

static bool is_leaf(const cached_block *b)
{
    return b->n_children == 0;
}

static void keep(block_cache *c, int32_t block)
{
    cached_block *b = &c->blocks[block];
    b->older = c->newest;
    b->newer = NONE;
    *(c->newest == NONE ? &c->oldest : &c->blocks[c->newest].newer) = block;
    c->newest = block;
    c->n_kept++;
    c->n_leaves += is_leaf(b);
}

static void unkeep(block_cache *c, int32_t block)
{
    const cached_block *b = &c->blocks[block];
    *(b->older == NONE ? &c->oldest : &c->blocks[b->older].newer) = b->newer;
    *(b->newer == NONE ? &c->newest : &c->blocks[b->newer].older) = b->older;
    c->n_kept--;
    c->n_leaves -= is_leaf(b);
}

/* Of a block that is kept, and has no children. */
static void forget(block_cache *c, int32_t block)
{
    cached_block *b = &c->blocks[block];
    unkeep(c, block);
    if (b->snapshot != NONE)
        block_cache_drop_snapshot(c, b->snapshot);
    empty_place(c, place_of(c, b->parent, tokens_of(c, block), b->hash));
    b->published = false;
    c->n_published--;
    if (b->parent == NONE)
        return;
    cached_block *parent = &c->blocks[b->parent];
    parent->n_children--;
    c->n_leaves += parent->n_users == 0 && is_leaf(parent);
}

/* The block that was used longest ago, of those without children. */
static int32_t forget_oldest(block_cache *c)
{
    int32_t block = c->oldest;
    while (!is_leaf(&c->blocks[block])) /* only if somebody gave blocks back in another order */
        block = c->blocks[block].newer;
    forget(c, block);
    return block;
}

/* ---- users ---- */

bool block_cache_reserve(block_cache *c, int32_t n)
{
    int32_t most = c->max_blocks - c->n_made, need = c->n_made + (n < most ? n : most);
    if (need <= c->cap)
        return true;
    int32_t cap = c->cap > INT32_MAX / 2 ? INT32_MAX : c->cap * 2;
    cap = cap < 64 ? 64 : cap;
    cap = cap < need ? need : cap;
    cap = cap > c->max_blocks ? c->max_blocks : cap;
    cached_block *blocks = reallocarray(c->blocks, (size_t)cap, sizeof *blocks);
    if (!blocks)
        return false;
    c->blocks = blocks;
    int32_t *list = reallocarray(c->free, (size_t)cap, sizeof *list);
    if (!list)
        return false;
    c->free = list;
    c->cap = cap;
    return true;
}

int32_t block_cache_take(block_cache *c)
{
    int32_t block = NONE;
    if (c->n_free > 0)
        block = pop_free(c);
    else if (c->n_made < c->max_blocks && block_cache_reserve(c, 1))
        block = c->n_made++;
    else if (c->n_kept > 0)
        block = forget_oldest(c);
    if (block != NONE)
        c->blocks[block] = (cached_block){ .n_users = 1, .snapshot = NONE };
    return block;
}

void block_cache_give(block_cache *c, int32_t block)
{
    cached_block *b = &c->blocks[block];
    if (--b->n_users > 0)
        return;
    if (!b->published) {
        push_free(c, block);
        return;
    }
    keep(c, block);
    while (c->n_leaves > c->max_kept)
        push_free(c, forget_oldest(c));
}

int32_t block_cache_available(const block_cache *c)
{
    return c->max_blocks - c->n_made + c->n_free + c->n_kept;
}

int32_t block_cache_users(const block_cache *c, int32_t block)
{
    return c->blocks[block].n_users;
}

static int32_t use(block_cache *c, int32_t block)
{
    if (c->blocks[block].n_users == 0)
        unkeep(c, block);
    c->blocks[block].n_users++;
    return block;
}

int32_t block_cache_find(block_cache *c, int32_t parent, const int32_t *tokens)
{
    if (c->n_published == 0)
        return NONE;
    uint32_t at = place_of(c, parent, tokens, hash_of(c, parent, tokens));
    return c->table[at] == NONE ? NONE : use(c, c->table[at]);
}

/* Room for the tokens of a block, and for one more in the table, which stays half empty. */
static bool reserve_content(block_cache *c, int32_t block)
{
    if (block >= c->cap_tokens) {
        int32_t *tokens = reallocarray(c->tokens, (size_t)c->cap * (size_t)c->block_tokens, sizeof *tokens);
        if (!tokens)
            return false;
        c->tokens = tokens;
        c->cap_tokens = c->cap;
    }
    return (uint32_t)c->n_published < c->n_places / 2 || grow_table(c);
}

int32_t block_cache_publish(block_cache *c, int32_t block, int32_t parent, const int32_t *tokens)
{
    if (!reserve_content(c, block))
        return NONE;
    uint32_t hash = hash_of(c, parent, tokens), at = place_of(c, parent, tokens, hash);
    if (c->table[at] != NONE) {
        int32_t other = use(c, c->table[at]);
        block_cache_give(c, block);
        return other;
    }
    cached_block *b = &c->blocks[block];
    b->published = true;
    b->parent = parent;
    b->n_children = 0;
    b->hash = hash;
    memcpy(c->tokens + (size_t)block * (size_t)c->block_tokens, tokens, (size_t)c->block_tokens * sizeof *tokens);
    c->table[at] = block;
    c->n_published++;
    if (parent != NONE) {
        cached_block *p = &c->blocks[parent];
        c->n_leaves -= p->n_users == 0 && is_leaf(p);
        p->n_children++;
    }
    return block;
}

block_cache_stats block_cache_stats_get(const block_cache *c)
{
    return (block_cache_stats){
        .n_blocks = c->max_blocks, .n_made = c->n_made, .n_used = c->n_made - c->n_free - c->n_kept, .n_kept = c->n_kept
    };
}
