/* For the tests of the scheduler: a world with a scheduler, its sequences, and a naive memory behind the blocks: what a
 * sequence reads there must be what its own tokens left. */
#ifndef TESTS_SCHEDULER_WORLD_H
#define TESTS_SCHEDULER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/scheduler.h"

/* ---- memory that is sometimes not there ---- */

static int memory_fails_after = -1; /* so many allocations; -1: never */

void *reallocarray(void *old, size_t n, size_t size)
{
    if (memory_fails_after == 0)
        return NULL;
    memory_fails_after -= memory_fails_after > 0;
    return realloc(old, n * size);
}

/* Millions of times: without a call where it holds. */
#define must(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            assert_true(condition);                                                                                    \
    } while (0)

static uint64_t random_state;

static inline uint32_t next_random(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % below);
}

static inline int32_t between(int32_t low, int32_t high)
{
    return low + (int32_t)next_random((uint32_t)(high - low + 1));
}

/* ---- a world: a scheduler, its sequences, and the memory behind the blocks ---- */

enum {
    MAX_SNAPSHOTS = 40,
    MAX_TOKENS = 64,
    MAX_GUESSES = 6,
    MAX_ALIVE = 160,
    MAX_BLOCKS = 300,
    MAX_BLOCK_TOKENS = 32,
    N_PREFIXES = 4
};

typedef struct sim_seq {
    sched_seq seq;
    int32_t tokens[MAX_TOKENS + MAX_GUESSES];
    uint64_t states[MAX_TOKENS + MAX_GUESSES]; /* that of all tokens up to this one */
    uint64_t salt;                             /* answers to one question differ by it */
    int32_t n_prompt, n_whole;                 /* tokens; with the answer */
    uint64_t own_state;                        /* beside the blocks, if sequences have one */
    int64_t deadline;                          /* the step by which it must have ended */
    /* As it was before the plan. */
    int state, n_read, n_preempted;
    const sched_turn *turn; /* in this step, or NULL */
} sim_seq;

typedef struct world {
    scheduler_limits limits;
    int32_t crowd, max_blocks, max_length, n_vocab, max_guesses, answer;
    uint32_t guess_right, cancel, bursts, memory; /* of 100, 1000, 100, 1000 */
    int32_t prefixes[N_PREFIXES][MAX_TOKENS], n_prefix[N_PREFIXES];
    block_cache *blocks;
    scheduler *s;
    sim_seq *alive[MAX_ALIVE]; /* in the order in which they came */
    int32_t n_alive;
    int64_t n_steps, n_arrived, n_cached, n_ended, n_cancelled, n_guessed, n_dropped;
    int64_t n_restored;
    uint64_t memory_of[MAX_BLOCKS * MAX_BLOCK_TOKENS], snapshots[MAX_SNAPSHOTS];
} world;

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ b) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32) * 0xd6e8feb86659fd93u;
    return h ^ h >> 29;
}

static inline void put_token(sim_seq *q, int32_t i, int32_t token)
{
    q->tokens[i] = token;
    q->states[i] = mix(i ? q->states[i - 1] : 1, (uint64_t)token + 7);
}

static inline int32_t choose(const world *w, const sim_seq *q, int32_t i)
{
    return (int32_t)(mix(q->states[i], q->salt) % (uint64_t)w->n_vocab);
}

static inline int32_t own_tokens(const sim_seq *q)
{
    return q->seq.n_tokens - q->seq.n_guesses;
}

static inline void arrive(world *w, const int32_t *prompt, int32_t n_prompt, uint64_t salt)
{
    sim_seq *q = calloc(1, sizeof *q);
    assert_non_null(q);
    for (int32_t i = 0; i < n_prompt; i++)
        put_token(q, i, prompt[i]);
    int32_t room = w->max_length - n_prompt;
    q->n_prompt = n_prompt;
    q->n_whole = n_prompt + between(1, room < w->answer ? room : w->answer);
    q->salt = salt;
    q->seq.tokens = q->tokens;
    q->seq.n_tokens = n_prompt;
    q->seq.read_whole = next_random(30) == 0;
    /* Whoever is the first of those who run gets a token in each step. So nobody waits longer than for all who came
     * before, and for those who were let in while it waited for a beginning, and that only while these run. */
    int64_t work = q->n_whole + (int64_t)w->limits.max_seqs * w->max_length;
    for (int32_t i = 0; i < w->n_alive; i++)
        work += w->alive[i]->n_whole;
    q->deadline = w->n_steps + 2 * work;
    w->alive[w->n_alive++] = q;
    w->n_arrived++;
    scheduler_add(w->s, &q->seq);
}

static inline void leave(world *w, int32_t i)
{
    sim_seq *q = w->alive[i];
    w->n_cached += q->seq.n_cached;
    scheduler_remove(w->s, &q->seq);
    assert_null(q->seq.blocks);
    assert_int_equal(q->seq.n_blocks, 0);
    free(q);
    memmove(&w->alive[i], &w->alive[i + 1], (size_t)(--w->n_alive - i) * sizeof *w->alive);
}

/* After each change: users are those who hold a block, and no block is lost. */
static inline void check_blocks(const world *w)
{
    int32_t users[MAX_BLOCKS] = { 0 }, n_used = 0;
    for (int32_t i = 0; i < w->n_alive; i++)
        for (int32_t b = 0; b < w->alive[i]->seq.n_blocks; b++)
            n_used += users[w->alive[i]->seq.blocks[b]]++ == 0;
    block_cache_stats stats = block_cache_stats_get(w->blocks);
    must(stats.n_used == n_used);
    must(stats.n_kept >= 0 && stats.n_used + stats.n_kept <= stats.n_made && stats.n_made <= w->max_blocks);
    must(block_cache_available(w->blocks) == w->max_blocks - n_used);
    for (int32_t b = 0; b < stats.n_made; b++)
        must(block_cache_users(w->blocks, b) == users[b]);
}

static inline int32_t blocks_for(const world *w, int32_t n_tokens)
{
    return (n_tokens + w->limits.block_tokens - 1) / w->limits.block_tokens;
}

static inline void run_state(sim_seq *q, int32_t from, int32_t to, const uint64_t *snapshot)
{
    q->own_state = from == 0 ? 1 : snapshot ? *snapshot : q->own_state;
    must(q->own_state == (from ? q->states[from - 1] : 1));
    for (int32_t i = from; i < to; i++)
        q->own_state = mix(q->own_state, (uint64_t)q->tokens[i] + 7);
}

/* A sequence reads what its own tokens left, and writes where nobody else reads. */
static inline void compute(world *w, const sched_turn *turn)
{
    const sim_seq *q = (const sim_seq *)turn->seq;
    const sched_seq *seq = turn->seq;
    int32_t block = w->limits.block_tokens, end = seq->n_read + turn->n_tokens;
    must(turn->n_tokens > 0 && end <= seq->n_tokens);
    must(seq->n_blocks == blocks_for(w, end));
    must(turn->restore < 0 || (w->limits.recurrent && seq->n_read > 0));
    if (w->limits.recurrent)
        run_state((sim_seq *)turn->seq, seq->n_read, end, turn->restore < 0 ? NULL : &w->snapshots[turn->restore]);
    for (int32_t i = 0; i < seq->n_read; i += block) {
        int32_t n = seq->n_read - i < block ? seq->n_read - i : block;
        must(memcmp(&w->memory_of[seq->blocks[i / block] * block], &q->states[i], (size_t)n * sizeof *q->states) == 0);
    }
    for (int32_t i = seq->n_read; i < end; i++) {
        if (i == seq->n_read || i % block == 0) {
            must(i / block >= seq->n_published);
            must(block_cache_users(w->blocks, seq->blocks[i / block]) == 1);
        }
        if (i % block == 0)
            memset(&w->memory_of[seq->blocks[i / block] * block], 0, (size_t)block * sizeof *w->memory_of);
        w->memory_of[seq->blocks[i / block] * block + i % block] = q->states[i];
    }
}

static inline void drop_guesses(sim_seq *q)
{
    q->seq.n_tokens -= q->seq.n_guesses;
    q->seq.n_guesses = 0;
}

/* The tokens behind its last own one, as far as guesses were right, and one more. */
static inline void go_on(world *w, const sched_step *step, int32_t i)
{
    const sched_turn turn = step->turns[i];
    sim_seq *q = (sim_seq *)turn.seq;
    int32_t first = own_tokens(q), n_right = 0;
    while (n_right < turn.n_guesses && q->tokens[first + n_right] == choose(w, q, first + n_right - 1))
        n_right++;
    w->n_dropped += turn.complete ? q->seq.n_guesses - turn.n_guesses : 0;
    w->n_restored += turn.restore >= 0;
    int32_t snapshot = scheduler_commit(w->s, i, turn.n_tokens - turn.n_guesses + n_right);
    if (snapshot >= 0 && next_random(20) > 0)
        w->snapshots[snapshot] = q->own_state;
    else if (snapshot >= 0)
        block_cache_drop_snapshot(w->blocks, snapshot); /* it could not be copied */
    drop_guesses(q);
    q->seq.n_tokens += n_right;
    if (turn.complete) {
        must(q->seq.n_read == q->seq.n_tokens);
        put_token(q, q->seq.n_tokens, choose(w, q, q->seq.n_tokens - 1));
        q->seq.n_tokens++;
    }
}

#endif
