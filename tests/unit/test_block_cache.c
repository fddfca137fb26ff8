/* Blocks of the cache: every answer against a naive model with the same rules, over random histories; and single cases
 * by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/block_cache.h"
#include "sanitized.h"

/* Sanitized programs are slow. */
#ifdef SANITIZED
enum { N_OPERATIONS = 20000 };
#else
enum { N_OPERATIONS = 200000 };
#endif

/* ---- memory that is sometimes not there ---- */

static bool no_memory;

void *reallocarray(void *old, size_t n, size_t size)
{
    return no_memory ? NULL : realloc(old, n * size);
}

static uint64_t random_state;

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % below);
}

/* ---- single cases ---- */

static block_cache *new_cache(int32_t block_tokens, int32_t max_blocks, int32_t max_kept)
{
    bora_error err = { .code = BORA_OK };
    block_cache *c = block_cache_new(block_tokens, max_blocks, max_kept, &err);
    assert_non_null(c);
    return c;
}

static void numbers_are_the_lowest(void **state)
{
    (void)state;
    block_cache *c = new_cache(2, 5, 0);
    for (int32_t i = 0; i < 5; i++)
        assert_int_equal(block_cache_take(c), i);
    assert_int_equal(block_cache_take(c), -1);
    assert_int_equal(block_cache_available(c), 0);
    block_cache_give(c, 3);
    block_cache_give(c, 1);
    block_cache_give(c, 4);
    assert_int_equal(block_cache_available(c), 3);
    assert_int_equal(block_cache_take(c), 1);
    assert_int_equal(block_cache_take(c), 3);
    assert_int_equal(block_cache_take(c), 4);
    block_cache_free(c);
}

static void beginnings_are_found_by_all_their_tokens(void **state)
{
    (void)state;
    block_cache *c = new_cache(2, 8, INT32_MAX);
    const int32_t ab[] = { 1, 2 }, cd[] = { 3, 4 };
    assert_int_equal(block_cache_find(c, -1, ab), -1);
    int32_t a = block_cache_take(c), b = block_cache_take(c);
    assert_int_equal(block_cache_publish(c, a, -1, ab), a);
    assert_int_equal(block_cache_publish(c, b, a, cd), b);
    assert_int_equal(block_cache_find(c, -1, cd), -1);
    assert_int_equal(block_cache_find(c, a, ab), -1);
    assert_int_equal(block_cache_find(c, b, cd), -1);
    assert_int_equal(block_cache_find(c, a, cd), b);
    assert_int_equal(block_cache_users(c, b), 2);
    block_cache_give(c, b);
    /* The same content, computed again: the first one stays. */
    int32_t again = block_cache_take(c);
    assert_int_equal(block_cache_publish(c, again, a, cd), b);
    assert_int_equal(block_cache_users(c, b), 2);
    assert_int_equal(block_cache_take(c), again);
    block_cache_free(c);
}

/* A chain of blocks with the tokens `first`, `first` + 1, … of one token each. */
static void make_chain(block_cache *c, int32_t *blocks, int32_t n, int32_t first)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t token = first + i;
        blocks[i] = block_cache_take(c);
        assert_true(blocks[i] >= 0);
        blocks[i] = block_cache_publish(c, blocks[i], i ? blocks[i - 1] : -1, &token);
    }
}

static void give_chain(block_cache *c, const int32_t *blocks, int32_t n)
{
    while (n-- > 0)
        block_cache_give(c, blocks[n]);
}

static int32_t find_chain(block_cache *c, int32_t *blocks, int32_t n, int32_t first)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t token = first + i;
        blocks[i] = block_cache_find(c, i ? blocks[i - 1] : -1, &token);
        if (blocks[i] < 0)
            return i;
    }
    return n;
}

static void ends_go_before_beginnings(void **state)
{
    (void)state;
    block_cache *c = new_cache(1, 6, INT32_MAX);
    int32_t old[3], young[3], found[3];
    make_chain(c, old, 3, 10);
    make_chain(c, young, 3, 20);
    give_chain(c, old, 3);
    give_chain(c, young, 3);
    assert_int_equal(block_cache_stats_get(c).n_kept, 6);
    /* Used again, the old one is the young one. */
    assert_int_equal(find_chain(c, found, 3, 10), 3);
    give_chain(c, found, 3);
    int32_t taken[4];
    for (int32_t i = 0; i < 4; i++)
        taken[i] = block_cache_take(c);
    assert_int_equal(taken[0], young[2]);
    assert_int_equal(taken[1], young[1]);
    assert_int_equal(taken[2], young[0]);
    assert_int_equal(taken[3], old[2]);
    assert_int_equal(find_chain(c, found, 3, 20), 0);
    assert_int_equal(find_chain(c, found, 3, 10), 2);
    block_cache_free(c);
}

static void so_many_prompts_are_kept(void **state)
{
    (void)state;
    block_cache *c = new_cache(1, 100, 2);
    int32_t chains[3][4], found[4];
    for (int32_t i = 0; i < 3; i++)
        make_chain(c, chains[i], 4, 10 * i);
    for (int32_t i = 0; i < 3; i++)
        give_chain(c, chains[i], 4);
    assert_int_equal(block_cache_stats_get(c).n_kept, 8);
    assert_int_equal(find_chain(c, found, 4, 0), 0);
    assert_int_equal(find_chain(c, found, 4, 10), 4);
    block_cache_free(c);

    c = new_cache(1, 100, 0);
    make_chain(c, chains[0], 4, 10);
    assert_int_equal(find_chain(c, found, 4, 10), 4); /* of those who are there, all share */
    give_chain(c, found, 4);
    give_chain(c, chains[0], 4);
    assert_int_equal(block_cache_stats_get(c).n_kept, 0);
    assert_int_equal(block_cache_stats_get(c).n_used, 0);
    block_cache_free(c);
}

static void without_memory_nothing_is_lost(void **state)
{
    (void)state;
    block_cache *c = new_cache(1, 1000, INT32_MAX);
    const int32_t token = 7;
    no_memory = true;
    assert_int_equal(block_cache_take(c), -1);
    assert_false(block_cache_reserve(c, 1));
    no_memory = false;
    assert_true(block_cache_reserve(c, 100));
    no_memory = true;
    for (int32_t i = 0; i < 100; i++)
        assert_int_equal(block_cache_take(c), i);
    assert_int_equal(block_cache_publish(c, 5, -1, &token), -1);
    assert_int_equal(block_cache_users(c, 5), 1);
    no_memory = false;
    assert_int_equal(block_cache_publish(c, 5, -1, &token), 5);
    assert_int_equal(block_cache_find(c, -1, &token), 5);
    block_cache_free(c);
}

static void snapshots_go_with_their_blocks(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    block_cache *c = new_cache(1, 6, INT32_MAX);
    int32_t a[3], b[3];
    make_chain(c, a, 3, 10);
    assert_false(block_cache_has_snapshot(c, a[2]));
    assert_int_equal(block_cache_add_snapshot(c, a[2]), -1); /* there are none */
    assert_true(block_cache_allow_snapshots(c, 2, &err));
    int32_t first = block_cache_add_snapshot(c, a[0]), second = block_cache_add_snapshot(c, a[2]);
    assert_true(first >= 0 && second >= 0 && first != second);
    assert_true(block_cache_has_snapshot(c, a[0]) && block_cache_has_snapshot(c, a[2]));
    make_chain(c, b, 3, 20);
    assert_int_equal(block_cache_add_snapshot(c, b[0]), first); /* the one that was used longest ago */
    assert_false(block_cache_has_snapshot(c, a[0]));
    assert_int_equal(block_cache_pin_snapshot(c, a[2]), second);
    assert_int_equal(block_cache_pin_snapshot(c, b[0]), first);
    assert_int_equal(block_cache_add_snapshot(c, b[1]), -1);
    block_cache_unpin_snapshot(c, first);
    assert_int_equal(block_cache_add_snapshot(c, b[1]), first);
    block_cache_unpin_snapshot(c, second);
    block_cache_drop_snapshot(c, first);
    assert_false(block_cache_has_snapshot(c, b[1]));
    assert_int_equal(block_cache_add_snapshot(c, b[1]), first);
    /* With the content of a block its snapshot is gone, and free before others are taken away. */
    block_cache_unpin_snapshot(c, block_cache_pin_snapshot(c, a[2]));
    give_chain(c, a, 3);
    assert_int_equal(block_cache_take(c), a[2]);
    assert_false(block_cache_has_snapshot(c, a[2]));
    assert_int_equal(block_cache_add_snapshot(c, b[2]), second);
    block_cache_free(c);
}

/* ---- the naive model ---- */

enum { MAX_BLOCKS = 60, MAX_CHAINS = 12, MAX_LENGTH = 9, BLOCK_TOKENS = 2 };

typedef struct naive_block {
    int32_t n_users;
    bool made, published;
    int32_t parent, tokens[BLOCK_TOKENS];
    int64_t given; /* when its last user went */
} naive_block;

typedef struct naive_cache {
    int32_t max_blocks, max_kept;
    naive_block blocks[MAX_BLOCKS];
    int64_t time;
} naive_cache;

static bool is_kept(const naive_block *b)
{
    return b->published && b->n_users == 0;
}

static bool has_children(const naive_cache *n, int32_t block)
{
    for (int32_t i = 0; i < n->max_blocks; i++)
        if (n->blocks[i].published && n->blocks[i].parent == block)
            return true;
    return false;
}

/* Of those that are kept and have no children. */
static int32_t naive_oldest(const naive_cache *n)
{
    int32_t oldest = -1;
    for (int32_t i = 0; i < n->max_blocks; i++)
        if (is_kept(&n->blocks[i]) && !has_children(n, i) &&
            (oldest < 0 || n->blocks[i].given < n->blocks[oldest].given))
            oldest = i;
    return oldest;
}

static int32_t naive_take(naive_cache *n)
{
    int32_t block = 0;
    while (block < n->max_blocks && (n->blocks[block].n_users > 0 || n->blocks[block].published))
        block++;
    if (block == n->max_blocks)
        block = naive_oldest(n);
    if (block >= 0)
        n->blocks[block] = (naive_block){ .n_users = 1, .made = true };
    return block;
}

static void naive_give(naive_cache *n, int32_t block)
{
    if (--n->blocks[block].n_users > 0 || !n->blocks[block].published)
        return;
    n->blocks[block].given = n->time++;
    for (;;) {
        int32_t n_leaves = 0;
        for (int32_t i = 0; i < n->max_blocks; i++)
            n_leaves += is_kept(&n->blocks[i]) && !has_children(n, i);
        if (n_leaves <= n->max_kept)
            return;
        n->blocks[naive_oldest(n)].published = false;
    }
}

static int32_t naive_find(naive_cache *n, int32_t parent, const int32_t *tokens)
{
    for (int32_t i = 0; i < n->max_blocks; i++) {
        naive_block *b = &n->blocks[i];
        if (b->published && b->parent == parent && memcmp(b->tokens, tokens, sizeof b->tokens) == 0) {
            b->n_users++;
            return i;
        }
    }
    return -1;
}

static int32_t naive_publish(naive_cache *n, int32_t block, int32_t parent, const int32_t *tokens)
{
    int32_t other = naive_find(n, parent, tokens);
    if (other >= 0) {
        naive_give(n, block);
        return other;
    }
    n->blocks[block].published = true;
    n->blocks[block].parent = parent;
    memcpy(n->blocks[block].tokens, tokens, sizeof n->blocks[block].tokens);
    return block;
}

static void compare(const block_cache *c, const naive_cache *n)
{
    int32_t n_made = 0, n_used = 0, n_kept = 0;
    for (int32_t i = 0; i < n->max_blocks; i++) {
        n_made += n->blocks[i].made;
        n_used += n->blocks[i].n_users > 0;
        n_kept += is_kept(&n->blocks[i]);
    }
    block_cache_stats stats = block_cache_stats_get(c);
    assert_int_equal(stats.n_blocks, n->max_blocks);
    assert_int_equal(stats.n_made, n_made);
    assert_int_equal(stats.n_used, n_used);
    assert_int_equal(stats.n_kept, n_kept);
    assert_int_equal(block_cache_available(c), n->max_blocks - n_used);
    for (int32_t i = 0; i < n_made; i++)
        assert_int_equal(block_cache_users(c, i), n->blocks[i].n_users);
}

/* A sequence: it finds blocks, and adds to them. */
typedef struct chain {
    int32_t blocks[MAX_LENGTH], n, n_published;
} chain;

static void drop_one(block_cache *c, naive_cache *n, chain *ch)
{
    int32_t block = ch->blocks[--ch->n];
    ch->n_published = ch->n < ch->n_published ? ch->n : ch->n_published;
    block_cache_give(c, block);
    naive_give(n, block);
    compare(c, n);
}

static void change(block_cache *c, naive_cache *n, chain *ch)
{
    const int32_t tokens[BLOCK_TOKENS] = { (int32_t)next_random(2), (int32_t)next_random(2) };
    int32_t parent = ch->n_published ? ch->blocks[ch->n_published - 1] : -1, block;
    switch (next_random(16)) {
    case 0:
        while (ch->n > 0)
            drop_one(c, n, ch);
        return;
    case 1:
        if (ch->n > 0)
            drop_one(c, n, ch);
        return;
    case 2:
    case 3:
    case 4:
    case 5:
        if (ch->n != ch->n_published || ch->n == MAX_LENGTH)
            return;
        block = block_cache_find(c, parent, tokens);
        assert_int_equal(block, naive_find(n, parent, tokens));
        if (block >= 0)
            ch->blocks[ch->n++] = block;
        ch->n_published = ch->n;
        return;
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
        if (ch->n == MAX_LENGTH)
            return;
        block = block_cache_take(c);
        assert_int_equal(block, naive_take(n));
        if (block >= 0)
            ch->blocks[ch->n++] = block;
        return;
    default:
        if (ch->n == ch->n_published)
            return;
        block = block_cache_publish(c, ch->blocks[ch->n_published], parent, tokens);
        assert_int_equal(block, naive_publish(n, ch->blocks[ch->n_published], parent, tokens));
        ch->blocks[ch->n_published++] = block;
    }
}

static void histories_are_those_of_the_naive_model(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 40; seed++) {
        random_state = seed;
        naive_cache n = { .max_blocks = 1 + (int32_t)next_random(MAX_BLOCKS),
                          .max_kept = seed % 4 == 0 ? INT32_MAX : (int32_t)next_random(6) };
        block_cache *c = new_cache(BLOCK_TOKENS, n.max_blocks, n.max_kept);
        chain chains[MAX_CHAINS] = { 0 };
        int32_t n_chains = 1 + (int32_t)next_random(MAX_CHAINS);
        for (int32_t i = 0; i < N_OPERATIONS / 40; i++) {
            change(c, &n, &chains[next_random((uint32_t)n_chains)]);
            compare(c, &n);
        }
        for (int32_t i = 0; i < n_chains; i++)
            while (chains[i].n > 0)
                drop_one(c, &n, &chains[i]);
        assert_int_equal(block_cache_available(c), n.max_blocks);
        block_cache_free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_the_lowest),
        cmocka_unit_test(beginnings_are_found_by_all_their_tokens),
        cmocka_unit_test(ends_go_before_beginnings),
        cmocka_unit_test(so_many_prompts_are_kept),
        cmocka_unit_test(without_memory_nothing_is_lost),
        cmocka_unit_test(snapshots_go_with_their_blocks),
        cmocka_unit_test(histories_are_those_of_the_naive_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
