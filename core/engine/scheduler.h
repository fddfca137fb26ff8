/* The scheduler: which tokens of which sequences make up the next step. It knows tokens and blocks, and nothing of
 * models, text or time: it is tested by simulation.
 *
 * Every sequence that has been read up to its last token takes part in each step, with that token and the guesses
 * behind it. What the budget leaves goes to prompts (also those that are read again after a preemption): half of it at
 * least to the one that came first, so that nobody starves, and then to the one that has the least left. A step that
 * ends somebody's prompt is kept short: longer prompts take no more than as many tokens again (but a quarter of a
 * block, for the one that came first), so that a short question waits for no long one.
 *
 * A sequence is let in when there are blocks for all its tokens beside what those before it still need, and nobody
 * overtakes one that waits for blocks. When they run out nevertheless, guesses are left out first; then the sequence
 * that came last is set back to the queue (to its place there) and will be read again: the one that came first always
 * goes on. A sequence waits at the door while another one is just reading the same beginning; then it finds it in the
 * cache.
 *
 * A recurrent state is not in the blocks: where sequences have one, a beginning can be shared up to a block of which
 * the cache has a snapshot. Turns of prompts then stop where a snapshot is worth it: at the last block before the end,
 * where another sequence is known to part, and where one that waits at the door does. */
#ifndef BORA_ENGINE_SCHEDULER_H
#define BORA_ENGINE_SCHEDULER_H

#include "model/block_cache.h"

typedef struct scheduler scheduler;

typedef struct scheduler_limits {
    int32_t max_seqs;   /* in a step */
    int32_t max_tokens; /* of prompts in a step when nobody waits for the next token of an answer; answers with their
                           guesses take no more either, but the one token for each that needs no guess */
    int32_t max_behind; /* tokens of prompts in a step that others wait for */
    int32_t block_tokens;
    bool share;     /* find beginnings in the cache, and publish full blocks */
    bool recurrent; /* sequences have a state beside their blocks, in a place that is the owner's; no guesses then */
} scheduler_limits;

/* One sequence, part of its owner's structure. */
typedef struct sched_seq {
    /* The owner's; tokens and n_tokens may change between scheduler_commit() and the next scheduler_plan(). */
    const int32_t *tokens; /* [n_tokens] */
    int32_t n_tokens;      /* prompt, answer and guesses; the state of n_read of them is in the cache */
    int32_t n_guesses;     /* the last of them are guesses; no more than follow a token that none is */
    bool read_whole;       /* take nothing from the cache: the logits of all tokens are wanted */
    /* The scheduler's. */
    int32_t n_read;
    int32_t n_cached;    /* tokens that were in the cache when it was first let in */
    int32_t n_preempted; /* how often it was set back */
    int32_t *blocks;     /* [n_blocks], those of tokens 0 … n_read - 1 and of the turn that is planned */
    int32_t n_blocks, cap_blocks;
    int32_t n_published; /* of these blocks, from the first on */
    int64_t arrival;     /* its place in the order of those who came */
    enum { SCHED_OUT, SCHED_WAITING, SCHED_RUNNING } state;
    int32_t n_planned;       /* tokens of the turn that is planned */
    struct sched_seq *ahead; /* the one that reads what this one waits for, */
    int32_t awaited;         /* so many blocks of it; */
    int32_t n_followers;     /* and how many wait for this one */
    bool restores;           /* its next turn begins with … */
    int32_t snapshot;        /* … this one, which is pinned */
    int32_t borders[3];      /* tokens after which a snapshot is worth it: before its end, where others part, where one
                                parts that waits for it; those that are behind it mean nothing */
    struct sched_seq *prev, *next;
} sched_seq;

/* A sequence's part of a step: its tokens n_read … n_read + n_tokens - 1. */
typedef struct sched_turn {
    sched_seq *seq;
    int32_t n_tokens;
    int32_t n_guesses; /* the last of them are guesses: perhaps not all that the sequence has */
    bool complete;   /* they are its last (but for guesses that are left out): logits are wanted after the last that is
                        no guess, and after each guess */
    int32_t restore; /* not -1: before this turn, the sequence's own state is to be that of this snapshot. If it is -1
                        and n_read 0, it is to be that of an empty sequence */
} sched_turn;

typedef struct sched_step {
    sched_turn *turns; /* [n_turns] */
    int32_t n_turns, n_tokens;
} sched_step;

/* `blocks` outlives it. */
scheduler *scheduler_new(const scheduler_limits *limits, block_cache *blocks, bora_error *err);
void scheduler_free(scheduler *s);
/* Other budgets, from the next plan on. */
void scheduler_set_budget(scheduler *s, int32_t max_tokens, int32_t max_behind);
/* To the end of the queue. The sequence is zero but for what is its owner's; all its tokens (and those that may be
 * added) fit the cache when nothing else is in it: that is the caller's affair. */
void scheduler_add(scheduler *s, sched_seq *seq);
/* It has ended, or is not wanted any more: wherever it is, its blocks are given back. Not between plan and commit. What
 * is not its owner's is zero again. */
void scheduler_remove(scheduler *s, sched_seq *seq);
/* The next step; it belongs to the scheduler and lives until the next plan. Blocks for the tokens are in the sequences.
 * n_turns 0: nobody has anything to read; or blocks are waited for that others hold than the scheduler's sequences; or,
 * with an error, there is no memory, and everybody is where he was. A step that was not computed is not committed, and
 * planned again; if it may have spoiled recurrent states, its sequences are first set back. */
const sched_step *scheduler_plan(scheduler *s, bora_error *err);
/* The turn `i` was computed, and the first n_kept of its tokens are right (all, but for guesses that turned out wrong;
 * none if it failed): their state is in the cache from now on. The owner then takes the other guesses out of its
 * tokens, also those that were not in the turn. Returns a snapshot that the owner fills with the sequence's own state
 * as it is now (or drops), or -1. */
int32_t scheduler_commit(scheduler *s, int32_t i, int32_t n_kept);
/* A running sequence goes back to the queue, to be read again; as when blocks run out. Not between plan and commit. */
void scheduler_set_back(scheduler *s, sched_seq *seq);
int32_t scheduler_n_waiting(const scheduler *s);
int32_t scheduler_n_running(const scheduler *s);
int64_t scheduler_n_preempted(const scheduler *s);

#endif
