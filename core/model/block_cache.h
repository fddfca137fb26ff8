/* Numbers of cache blocks: who uses which, and what is in those that are kept for prompts to come.
 *
 * A block holds the state of `block_tokens` neighbouring tokens of a sequence. One that is full and will not change can
 * be published: its content is then known by its tokens and by the block before it, and so by all the tokens from the
 * beginning on, and sequences that begin alike share it. Contents are compared, not only their hashes: nobody gets
 * another's block by a collision. When the last user gives a published block back it is kept, until its place is
 * needed: the one that was used longest ago goes first. Bookkeeping alone: no memory of the model is touched here.
 *
 * Not for two threads at a time. */
#ifndef BORA_MODEL_BLOCK_CACHE_H
#define BORA_MODEL_BLOCK_CACHE_H

#include <bora/error.h>

#include <stdint.h>

typedef struct block_cache block_cache;

typedef struct block_cache_stats {
    int32_t n_blocks;       /* there may be */
    int32_t n_made;         /* numbers that were ever handed out: 0 … n_made - 1 */
    int32_t n_used, n_kept; /* with users; without users, but with content */
} block_cache_stats;

/* Most blocks that there may be, and most leaves of what is kept (prompts whose beginnings are kept): 0 keeps nothing,
 * INT32_MAX whatever there is room for. */
block_cache *block_cache_new(int32_t block_tokens, int32_t max_blocks, int32_t max_kept, bora_error *err);
void block_cache_free(block_cache *c);

/* Memory for counting so many more blocks than there are: as many block_cache_take() need none. */
bool block_cache_reserve(block_cache *c, int32_t n);
/* A block with one user and no content: the lowest number that is free, so that memory is touched as it is needed; when
 * all there may be were made, what is kept gives its place. -1: all are in use (or there is no memory for counting
 * them). */
int32_t block_cache_take(block_cache *c);
/* One user less. A sequence gives its blocks back from the last to the first. */
void block_cache_give(block_cache *c, int32_t block);
/* How many block_cache_take() could give now. */
int32_t block_cache_available(const block_cache *c);
/* Of a block that was made. One that has others, or was published, must not be written. */
int32_t block_cache_users(const block_cache *c, int32_t block);
/* The published block with these tokens [block_tokens] behind `parent` (-1: at the beginning), with one user more; or
 * -1. */
int32_t block_cache_find(block_cache *c, int32_t parent, const int32_t *tokens);
/* Makes the content of a block known: `parent` is published (or -1). Returns the block that its user goes on with: this
 * one, or another with the same content that was published before, in whose place this one was given back. Without
 * memory for it nothing is published, and -1 returned: the block stays what it is. */
int32_t block_cache_publish(block_cache *c, int32_t block, int32_t parent, const int32_t *tokens);
block_cache_stats block_cache_stats_get(const block_cache *c);

/* Snapshots: of what a sequence has taken in up to the end of a published block, where that is not in the blocks (a
 * recurrent state). They are numbers as well, 0 … n - 1; what they stand for is the owner's. A block has one or none,
 * and it ends with the block's content, or when its number is needed: the one that was used longest ago goes first. */
bool block_cache_allow_snapshots(block_cache *c, int32_t n, bora_error *err);
bool block_cache_has_snapshot(const block_cache *c, int32_t block);
/* The snapshot of a block that has one. It will not be given to another block until it is unpinned as often. */
int32_t block_cache_pin_snapshot(block_cache *c, int32_t block);
void block_cache_unpin_snapshot(block_cache *c, int32_t snapshot);
/* A snapshot for a published block that has none: its owner fills it. -1: there is none to be had. */
int32_t block_cache_add_snapshot(block_cache *c, int32_t block);
/* It could not be filled. */
void block_cache_drop_snapshot(block_cache *c, int32_t snapshot);

#endif
