/* The scheduler: its rules by hand, and a simulation of a million arrivals, in which a naive memory stands behind the
 * blocks: what a sequence reads there must be what its own tokens left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/scheduler.h"

/* Sanitized programs are slow. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
enum { N_WORLDS = 400, N_ARRIVALS = 100 };
#else
enum { N_WORLDS = 400, N_ARRIVALS = 2500 };
#endif

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

static uint32_t next_random(uint32_t below)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % below);
}

static int32_t between(int32_t low, int32_t high)
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

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t h = (a ^ b) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32) * 0xd6e8feb86659fd93u;
    return h ^ h >> 29;
}

static void put_token(sim_seq *q, int32_t i, int32_t token)
{
    q->tokens[i] = token;
    q->states[i] = mix(i ? q->states[i - 1] : 1, (uint64_t)token + 7);
}

static int32_t choose(const world *w, const sim_seq *q, int32_t i)
{
    return (int32_t)(mix(q->states[i], q->salt) % (uint64_t)w->n_vocab);
}

static int32_t own_tokens(const sim_seq *q)
{
    return q->seq.n_tokens - q->seq.n_guesses;
}

static int32_t tokens_left(const sim_seq *q)
{
    return own_tokens(q) - q->seq.n_read;
}

/* ---- arrivals ---- */

static int32_t write_prompt(world *w, int32_t *prompt)
{
    int32_t longest = w->answer > 5 ? 1 + w->max_length / 4 : w->max_length - 1, n = 0; /* many grow, or few */
    switch (next_random(4)) {
    case 0: /* somebody goes on where another one is */
        if (w->n_alive > 0) {
            const sim_seq *other = w->alive[next_random((uint32_t)w->n_alive)];
            n = between(1, own_tokens(other));
            memcpy(prompt, other->tokens, (size_t)n * sizeof *prompt);
            break;
        }
        /* fall through */
    case 1:
    case 2: { /* a beginning that many have */
        uint32_t which = next_random(N_PREFIXES);
        n = w->n_prefix[which];
        memcpy(prompt, w->prefixes[which], (size_t)n * sizeof *prompt);
        break;
    }
    default:
        break;
    }
    n = n < longest ? n : longest;
    int32_t more = next_random(16) ? between(0, 12) : longest;
    for (; more > 0 && n < longest; more--)
        prompt[n++] = (int32_t)next_random((uint32_t)w->n_vocab);
    if (n == 0)
        prompt[n++] = 0;
    return n;
}

static void arrive(world *w, const int32_t *prompt, int32_t n_prompt, uint64_t salt)
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

static void arrivals(world *w)
{
    if (w->n_arrived >= N_ARRIVALS || next_random(100) >= w->bursts)
        return;
    int32_t prompt[MAX_TOKENS], n = next_random(3) ? 1 : between(1, 12), n_prompt = 0;
    bool choices = next_random(2);
    for (int32_t i = 0; i < n && w->n_alive < w->crowd; i++) {
        if (i == 0 || !choices)
            n_prompt = write_prompt(w, prompt);
        arrive(w, prompt, n_prompt, (uint64_t)next_random(1000));
    }
}

static void leave(world *w, int32_t i)
{
    sim_seq *q = w->alive[i];
    w->n_cached += q->seq.n_cached;
    scheduler_remove(w->s, &q->seq);
    assert_null(q->seq.blocks);
    assert_int_equal(q->seq.n_blocks, 0);
    free(q);
    memmove(&w->alive[i], &w->alive[i + 1], (size_t)(--w->n_alive - i) * sizeof *w->alive);
}

/* ---- what must be true ---- */

/* After each change: users are those who hold a block, and no block is lost. */
static void check_blocks(const world *w)
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

static void remember(world *w)
{
    for (int32_t i = 0; i < w->n_alive; i++) {
        sim_seq *q = w->alive[i];
        q->state = (int)q->seq.state;
        q->n_read = q->seq.n_read;
        q->n_preempted = q->seq.n_preempted;
        q->turn = NULL;
    }
}

static int32_t blocks_for(const world *w, int32_t n_tokens)
{
    return (n_tokens + w->limits.block_tokens - 1) / w->limits.block_tokens;
}

/* The one that came first, of those who were running, goes on; who is let in overtakes nobody but those who wait for a
 * beginning; and nobody waits too long. */
static void check_order(const world *w, const sched_step *step)
{
    int32_t n_running = 0, n_preempted = 0, n_waiting = 0, n_following = 0, n_followed = 0;
    const sim_seq *overtaken = NULL;
    bool first = true;
    for (int32_t i = 0; i < w->n_alive; i++) {
        const sim_seq *q = w->alive[i];
        bool was_running = q->state == SCHED_RUNNING, runs = q->seq.state == SCHED_RUNNING;
        n_running += runs;
        n_waiting += !runs;
        n_following += q->seq.ahead != NULL;
        n_followed += q->seq.n_followers;
        n_preempted += was_running && !runs;
        must(q->seq.n_preempted - q->n_preempted == (was_running && !runs));
        if (runs && first)
            must(q->turn);
        must(runs || !was_running || !first);
        first = first && !runs;
        if (runs && !was_running)
            must(!overtaken);
        if (was_running && runs) /* those that were set back are the last */
            must(n_preempted == 0);
        if (!runs && !was_running && !q->seq.ahead)
            overtaken = q;
        if (!runs) {
            must(q->seq.n_blocks == 0);
            must(q->seq.n_read == 0);
        }
        must(w->n_steps <= q->deadline);
    }
    must(n_following == n_followed);
    must(n_running == scheduler_n_running(w->s));
    must(n_waiting == scheduler_n_waiting(w->s));
    must(n_running <= w->limits.max_seqs);
    must(step->n_turns <= n_running);
    must(w->n_alive == 0 || step->n_turns > 0);
}

static bool stops_at_border(const world *w, const sched_turn *turn)
{
    return w->limits.recurrent && (turn->seq->n_read + turn->n_tokens) % w->limits.block_tokens == 0;
}

/* Budgets: all answers are in the step, and prompts with no more than they may have. */
static void check_budget(const world *w, const sched_step *step)
{
    int32_t n_answers = 0, n_guesses = 0, n_before = 0, n_prompts = 0, n_ending = 0, n_tokens = 0;
    bool preempted = false;       /* perhaps an answer for which the budget was small */
    const sim_seq *oldest = NULL; /* of those who read prompts */
    for (int32_t i = 0; i < w->n_alive; i++) {
        const sim_seq *q = w->alive[i];
        preempted |= q->seq.n_preempted > q->n_preempted;
        if (q->seq.state != SCHED_RUNNING)
            continue;
        const sched_turn *turn = q->turn;
        int32_t n = turn ? turn->n_tokens : 0;
        n_tokens += n;
        if (tokens_left(q) > 1) {
            oldest = oldest ? oldest : q;
            n_prompts += n;
            n_ending += n == tokens_left(q) ? n : 0;
            must(n <= tokens_left(q));
            must(!turn || (turn->n_guesses == 0 && turn->complete == (n == tokens_left(q))));
        } else {
            n_answers += n;
            n_guesses += n - 1;
            n_before += q->state == SCHED_RUNNING ? n : 0;
            must(turn && turn->complete && turn->n_guesses == n - 1 && n <= 1 + q->seq.n_guesses);
        }
    }
    must(n_tokens == step->n_tokens);
    int32_t budget = n_answers ? w->limits.max_behind : w->limits.max_tokens;
    must(n_prompts <= budget);
    must(n_guesses == 0 || n_before <= w->limits.max_tokens);
    int32_t quarter = w->limits.block_tokens / 4 > 1 ? w->limits.block_tokens / 4 : 1;
    if (n_ending > 0 && !w->limits.recurrent) {
        int32_t most = n_ending + n_answers;
        must(n_prompts - n_ending <= most || n_prompts - n_ending <= quarter);
    }
    if (oldest) {
        int32_t sure = preempted ? w->limits.max_behind : budget, half = sure - sure / 2, left = tokens_left(oldest);
        int32_t least = (n_ending || w->limits.recurrent) && quarter < half ? quarter : half;
        const sched_turn *turn = oldest->turn;
        if (oldest == w->alive[0]) /* for others there may be no blocks */
            must(turn && (turn->n_tokens >= (left < least ? left : least) || stops_at_border(w, turn)));
    }
}

static void run_state(sim_seq *q, int32_t from, int32_t to, const uint64_t *snapshot)
{
    q->own_state = from == 0 ? 1 : snapshot ? *snapshot : q->own_state;
    must(q->own_state == (from ? q->states[from - 1] : 1));
    for (int32_t i = from; i < to; i++)
        q->own_state = mix(q->own_state, (uint64_t)q->tokens[i] + 7);
}

/* A sequence reads what its own tokens left, and writes where nobody else reads. */
static void compute(world *w, const sched_turn *turn)
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

/* ---- steps of a world ---- */

static void drop_guesses(sim_seq *q)
{
    q->seq.n_tokens -= q->seq.n_guesses;
    q->seq.n_guesses = 0;
}

static void guess(world *w)
{
    for (int32_t i = 0; i < w->n_alive && w->max_guesses > 0; i++) {
        sim_seq *q = w->alive[i];
        if (q->seq.state != SCHED_RUNNING || tokens_left(q) != 1)
            continue;
        int32_t room = q->n_whole - own_tokens(q) - 1, n = between(0, w->max_guesses);
        for (n = n < room ? n : room; n > 0; n--) {
            int32_t at = q->seq.n_tokens, right = choose(w, q, at - 1);
            put_token(q, at, next_random(100) < w->guess_right ? right : (right + 1) % w->n_vocab);
            q->seq.n_tokens++;
            q->seq.n_guesses++;
        }
        w->n_guessed += q->seq.n_guesses;
    }
}

/* The tokens behind its last own one, as far as guesses were right, and one more. */
static void go_on(world *w, const sched_step *step, int32_t i)
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

static void end_some(world *w)
{
    for (int32_t i = w->n_alive; i-- > 0;) {
        bool ends = own_tokens(w->alive[i]) > w->alive[i]->n_whole, cancelled = next_random(1000) < w->cancel;
        w->n_ended += ends;
        w->n_cancelled += !ends && cancelled;
        if (ends || cancelled)
            leave(w, i);
    }
}

/* Without memory there is no step, or a smaller one: nobody is lost. */
static bool plan_without_memory(world *w)
{
    bora_error err = { .code = BORA_OK };
    memory_fails_after = (int)next_random(3);
    const sched_step *step = scheduler_plan(w->s, &err);
    memory_fails_after = -1;
    check_blocks(w);
    if (err.code == BORA_OK)
        return false;
    must(err.code == BORA_MEMORY);
    must(step->n_turns == 0);
    for (int32_t i = 0; i < w->n_alive; i++) {
        const sim_seq *q = w->alive[i];
        must((int)q->seq.state == q->state);
        must(q->seq.n_read == q->n_read);
        must(q->seq.n_preempted == q->n_preempted);
    }
    return true;
}

static void step_world(world *w)
{
    arrivals(w);
    guess(w);
    remember(w);
    if (next_random(1000) < w->memory) {
        if (!plan_without_memory(w))
            remember(w); /* a plan that is not used */
    }
    bora_error err = { .code = BORA_OK };
    const sched_step *step = scheduler_plan(w->s, &err);
    must(err.code == BORA_OK);
    for (int32_t i = 0; i < step->n_turns; i++)
        ((sim_seq *)step->turns[i].seq)->turn = &step->turns[i];
    check_order(w, step);
    check_budget(w, step);
    check_blocks(w);
    bool fails = next_random(1000) < w->memory; /* a step that cannot be computed */
    for (int32_t i = 0; i < step->n_turns; i++)
        compute(w, &step->turns[i]);
    memory_fails_after = next_random(1000) < w->memory ? (int)next_random(2) : -1;
    for (int32_t i = 0; i < step->n_turns && !fails; i++)
        go_on(w, step, i);
    memory_fails_after = -1;
    bool says_so = next_random(2);
    for (int32_t i = 0; i < step->n_turns && fails; i++) {
        if (says_so)
            must(scheduler_commit(w->s, i, 0) == -1);
        ((sim_seq *)step->turns[i].seq)->own_state = 0;
        if (w->limits.recurrent && step->turns[i].restore < 0) /* spoiled; the others are restored again */
            scheduler_set_back(w->s, step->turns[i].seq);
    }
    for (int32_t i = 0; i < w->n_alive; i++) {
        drop_guesses(w->alive[i]);
        w->alive[i]->deadline += fails ? MAX_TOKENS : 0; /* perhaps all is read again */
    }
    check_blocks(w);
    for (int32_t i = 0; i < w->n_alive && !fails; i++)
        must(w->alive[i]->seq.n_blocks == blocks_for(w, w->alive[i]->seq.n_read));
    end_some(w);
    w->n_steps++;
}

static void new_world(world *w, uint32_t seed)
{
    random_state = seed;
    memset(w, 0, sizeof *w);
    static const int32_t block_tokens[] = { 1, 2, 3, 4, 8, 8, 16, 32 };
    w->limits.block_tokens = block_tokens[next_random(8)];
    w->limits.max_seqs = next_random(2) ? between(1, 8) : between(1, 64);
    w->limits.max_tokens = next_random(3) ? between(1, 24) : between(16, 256);
    w->limits.max_behind = between(1, next_random(2) || w->limits.max_tokens < 8 ? w->limits.max_tokens : 8);
    w->limits.share = next_random(8) > 0;
    int32_t few = 1 + MAX_TOKENS / w->limits.block_tokens;
    w->max_blocks = next_random(4) ? between(few, 3 * few) : between(few, MAX_BLOCKS);
    w->max_length = between(MAX_TOKENS / 4, MAX_TOKENS);
    w->crowd = next_random(4) ? between(1, 24) : between(24, MAX_ALIVE);
    w->n_vocab = next_random(2) ? between(2, 4) : between(2, 1000);
    w->limits.recurrent = next_random(3) == 0;
    w->max_guesses = w->limits.recurrent || next_random(2) ? 0 : between(1, MAX_GUESSES);
    w->guess_right = next_random(101);
    w->answer = next_random(4) ? between(1, 5) : between(8, 50);
    w->cancel = next_random(3) ? 0 : next_random(60);
    w->bursts = 1 + next_random(100);
    w->memory = next_random(3) ? 0 : next_random(200);
    for (int32_t i = 0; i < N_PREFIXES; i++) {
        w->n_prefix[i] = between(1, w->max_length);
        for (int32_t k = 0; k < w->n_prefix[i]; k++)
            w->prefixes[i][k] = (int32_t)next_random((uint32_t)w->n_vocab);
    }
    bora_error err = { .code = BORA_OK };
    int32_t max_kept = next_random(3) ? INT32_MAX : between(0, 20);
    w->blocks = block_cache_new(w->limits.block_tokens, w->max_blocks, max_kept, &err);
    assert_non_null(w->blocks);
    if (w->limits.recurrent)
        assert_true(block_cache_allow_snapshots(w->blocks, between(0, MAX_SNAPSHOTS), &err));
    w->s = scheduler_new(&w->limits, w->blocks, &err);
    assert_non_null(w->s);
}

static void nobody_is_lost_or_starves_or_reads_what_is_not_his(void **state)
{
    (void)state;
    static world w;
    int64_t n_arrived = 0, n_steps = 0, n_cached = 0, n_restored = 0, n_preempted = 0, n_ended = 0, n_cancelled = 0,
            n_dropped = 0;
    for (uint32_t seed = 0; seed < N_WORLDS; seed++) {
        new_world(&w, seed);
        while (w.n_arrived < N_ARRIVALS || w.n_alive > 0)
            step_world(&w);
        assert_int_equal(w.n_ended + w.n_cancelled, w.n_arrived);
        assert_int_equal(block_cache_available(w.blocks), w.max_blocks);
        n_arrived += w.n_arrived;
        n_steps += w.n_steps;
        n_cached += w.n_cached;
        n_restored += w.n_restored;
        n_ended += w.n_ended;
        n_cancelled += w.n_cancelled;
        n_dropped += w.n_dropped;
        n_preempted += scheduler_n_preempted(w.s);
        scheduler_free(w.s);
        block_cache_free(w.blocks);
    }
    print_message("%lld arrivals in %lld steps: %lld ended, %lld cancelled; %lld tokens cached, %lld times set back, "
                  "%lld guesses left out, %lld snapshots used\n",
                  (long long)n_arrived, (long long)n_steps, (long long)n_ended, (long long)n_cancelled,
                  (long long)n_cached, (long long)n_preempted, (long long)n_dropped, (long long)n_restored);
    assert_true(n_cached > 0 && n_preempted > 0 && n_dropped > 0 && n_cancelled > 0 && n_restored > 0);
}

/* ---- rules, by hand ---- */

static world by_hand;

/* Blocks of 4 tokens. */
static void set_up(int32_t max_blocks, int32_t max_seqs, int32_t max_tokens, int32_t max_behind)
{
    world *w = &by_hand;
    memset(w, 0, sizeof *w);
    w->limits = (scheduler_limits){
        .max_seqs = max_seqs, .max_tokens = max_tokens, .max_behind = max_behind, .block_tokens = 4, .share = true
    };
    w->max_blocks = max_blocks;
    w->max_length = MAX_TOKENS;
    w->n_vocab = 10;
    w->answer = 1;
    bora_error err = { .code = BORA_OK };
    w->blocks = block_cache_new(4, max_blocks, INT32_MAX, &err);
    assert_non_null(w->blocks);
    w->s = scheduler_new(&w->limits, w->blocks, &err);
    assert_non_null(w->s);
}

static void tear_down(void)
{
    while (by_hand.n_alive > 0)
        leave(&by_hand, 0);
    assert_int_equal(block_cache_available(by_hand.blocks), by_hand.max_blocks);
    scheduler_free(by_hand.s);
    block_cache_free(by_hand.blocks);
}

/* A prompt of `shared` tokens of a kind, and others that nobody has. */
static sim_seq *ask(int32_t kind, int32_t shared, int32_t n_prompt)
{
    static int32_t own = 1000;
    int32_t prompt[MAX_TOKENS];
    for (int32_t i = 0; i < n_prompt; i++)
        prompt[i] = i < shared ? 100 * kind + i : own++;
    arrive(&by_hand, prompt, n_prompt, 0);
    by_hand.alive[by_hand.n_alive - 1]->seq.read_whole = false;
    return by_hand.alive[by_hand.n_alive - 1];
}

/* One step; the tokens of each that takes part are left in `took`. */
static int32_t took[MAX_ALIVE];

static void step_by_hand(void)
{
    bora_error err = { .code = BORA_OK };
    const sched_step *step = scheduler_plan(by_hand.s, &err);
    assert_int_equal(err.code, BORA_OK);
    for (int32_t i = 0; i < by_hand.n_alive; i++) {
        const sched_turn *turn = NULL;
        for (int32_t k = 0; k < step->n_turns; k++)
            if (step->turns[k].seq == &by_hand.alive[i]->seq)
                turn = &step->turns[k];
        took[i] = turn ? turn->n_tokens : 0;
    }
    for (int32_t i = 0; i < step->n_turns; i++)
        compute(&by_hand, &step->turns[i]);
    for (int32_t i = 0; i < step->n_turns; i++)
        go_on(&by_hand, step, i);
    check_blocks(&by_hand);
}

#define assert_took(...)                                                                                               \
    do {                                                                                                               \
        const int32_t expected[] = { __VA_ARGS__ };                                                                    \
        assert_int_equal(by_hand.n_alive, sizeof expected / sizeof *expected);                                         \
        for (int32_t i = 0; i < by_hand.n_alive; i++)                                                                  \
            assert_int_equal(took[i], expected[i]);                                                                    \
    } while (0)

static void a_long_prompt_is_read_beside_answers(void **state)
{
    (void)state;
    set_up(100, 8, 16, 6);
    ask(1, 0, 50);
    step_by_hand();
    assert_took(16); /* nobody waits */
    ask(2, 0, 5);
    step_by_hand();
    assert_took(5, 5); /* a step that ends a prompt is kept short */
    step_by_hand();
    assert_took(6, 1);
    ask(3, 0, 10);
    step_by_hand();
    assert_took(3, 1, 3); /* half for the first, the rest for the one that ends sooner */
    step_by_hand();
    step_by_hand();
    assert_took(3, 1, 3);
    step_by_hand();
    assert_took(6, 1, 1); /* its last token is as one of an answer */
    tear_down();

    set_up(100, 8, 100, 40);
    ask(1, 0, 60);
    ask(2, 0, 1);
    step_by_hand();
    assert_took(40, 1);
    step_by_hand();
    assert_took(20, 1);
    ask(3, 0, 60);
    ask(4, 0, 2);
    step_by_hand();
    assert_took(1, 1, 4, 2); /* to end the fourth, the third has to do with what it and the answers take, or a block */
    tear_down();
}

static void choices_of_one_question_read_it_once(void **state)
{
    (void)state;
    set_up(100, 8, 16, 8);
    ask(1, 30, 30);
    const sim_seq *same = ask(1, 30, 30), *begins_alike = ask(1, 18, 40);
    step_by_hand();
    assert_took(16, 0, 0); /* the others wait at the door */
    step_by_hand();
    assert_took(14, 0, 2);
    assert_int_equal(begins_alike->seq.n_cached, 16);
    step_by_hand();
    assert_took(1, 2, 3);
    assert_int_equal(same->seq.n_cached, 28);
    tear_down();
}

static void the_last_token_is_always_read(void **state)
{
    (void)state;
    set_up(100, 8, 100, 100);
    ask(1, 16, 16);
    step_by_hand();
    leave(&by_hand, 0);
    sim_seq *again = ask(1, 16, 16), *whole = ask(1, 16, 16);
    whole->seq.read_whole = true;
    step_by_hand();
    assert_int_equal(again->seq.n_cached, 12);
    assert_int_equal(whole->seq.n_cached, 0);
    assert_took(4, 16);
    assert_int_equal(again->seq.blocks[3], whole->seq.blocks[3]); /* what was computed twice is there once */
    tear_down();
}

static void add_guesses(sim_seq *q, int32_t n)
{
    for (int32_t i = 0; i < n; i++, q->seq.n_tokens++)
        put_token(q, q->seq.n_tokens, choose(&by_hand, q, q->seq.n_tokens - 1));
    q->seq.n_guesses = n;
}

static void guesses_go_before_anybody_is_set_back(void **state)
{
    (void)state;
    set_up(5, 8, 100, 100);
    sim_seq *first = ask(1, 0, 6), *second = ask(2, 0, 8);
    step_by_hand();
    add_guesses(first, 5);
    add_guesses(second, 5);
    step_by_hand();
    assert_took(2, 4); /* the last block is the second's, for its token: guesses fit as there is room */
    assert_int_equal(first->seq.n_tokens, 6 + 3);
    assert_int_equal(second->seq.n_tokens, 8 + 5);
    tear_down();
}

static void guesses_take_nothing_that_prompts_were_promised(void **state)
{
    (void)state;
    set_up(8, 8, 16, 4);
    sim_seq *first = ask(1, 0, 7);
    step_by_hand();
    ask(2, 0, 16);
    step_by_hand();
    assert_took(1, 4); /* two blocks for the first, one of four for the second */
    add_guesses(first, 6);
    step_by_hand();
    assert_took(7, 4); /* a block for its token, and the one that is nobody's for guesses */
    assert_int_equal(first->seq.n_read, 15);
    add_guesses(first, 6);
    step_by_hand();
    assert_took(1, 4); /* the two that are left are the second's */
    tear_down();
}

static void who_came_last_is_set_back_and_reads_little_again(void **state)
{
    (void)state;
    set_up(6, 8, 100, 100);
    sim_seq *first = ask(1, 0, 8), *second = ask(2, 0, 8);
    step_by_hand();
    assert_took(8, 8);
    step_by_hand(); /* each takes its third block */
    for (int32_t i = 0; i < 3; i++)
        step_by_hand();
    step_by_hand(); /* the first needs a fourth */
    assert_took(1, 0);
    assert_int_equal(second->seq.n_preempted, 1);
    assert_int_equal(scheduler_n_preempted(by_hand.s), 1);
    step_by_hand();
    assert_took(1, 0);
    assert_int_equal(first->seq.n_preempted, 0);
    leave(&by_hand, 0);
    step_by_hand();
    assert_took(13 - 8);
    assert_int_equal(second->seq.n_cached, 0); /* of its prompt, nothing was cached when it came */
    tear_down();
}

static void set_up_recurrent(void)
{
    set_up(100, 8, 100, 100);
    bora_error err = { .code = BORA_OK };
    assert_true(block_cache_allow_snapshots(by_hand.blocks, 10, &err));
    by_hand.limits.recurrent = true;
    scheduler_free(by_hand.s);
    by_hand.s = scheduler_new(&by_hand.limits, by_hand.blocks, &err);
    assert_non_null(by_hand.s);
    random_state = 1; /* of which no snapshot fails */
}

static void recurrent_states_are_shared_where_there_are_snapshots(void **state)
{
    (void)state;
    set_up_recurrent();
    ask(1, 30, 30);
    step_by_hand();
    assert_took(28); /* up to the last border, for a snapshot */
    step_by_hand();
    assert_took(2);
    const sim_seq *same = ask(1, 30, 30), *parts = ask(1, 18, 40), *parts_too;
    step_by_hand();
    assert_took(1, 2, 16); /* it is known that two have 16 tokens in common: the third will find a snapshot there */
    assert_int_equal(same->seq.n_cached, 28);
    assert_int_equal(parts->seq.n_cached, 0);
    parts_too = ask(1, 19, 30);
    step_by_hand();
    assert_took(1, 1, 20, 12);
    assert_int_equal(parts_too->seq.n_cached, 16);
    tear_down();

    set_up_recurrent();
    ask(1, 50, 50);
    const sim_seq *waits = ask(1, 30, 40), *short_one = ask(1, 6, 9);
    step_by_hand();
    assert_took(28, 0, 8); /* a snapshot for the one that waits; for one block it is not worth waiting */
    assert_int_equal(short_one->seq.n_cached, 0);
    step_by_hand();
    assert_took(20, 8, 1);
    assert_int_equal(waits->seq.n_cached, 28);
    tear_down();
}

static void nobody_overtakes_for_blocks(void **state)
{
    (void)state;
    set_up(10, 8, 100, 100);
    ask(1, 0, 20);
    step_by_hand();
    ask(2, 0, 24);
    ask(3, 0, 2);
    step_by_hand();
    assert_took(1, 0, 0);
    leave(&by_hand, 0);
    step_by_hand();
    assert_took(24, 2);
    tear_down();
}

static void without_memory_everybody_stays_where_he_was(void **state)
{
    (void)state;
    set_up(100, 8, 100, 100);
    sim_seq *q = ask(1, 0, 20);
    for (int i = 0; i < 3; i++) {
        bora_error err = { .code = BORA_OK };
        memory_fails_after = i;
        assert_int_equal(scheduler_plan(by_hand.s, &err)->n_turns, 0);
        memory_fails_after = -1;
        assert_int_equal(err.code, BORA_MEMORY);
        assert_int_equal(q->seq.state, SCHED_WAITING);
        assert_int_equal(block_cache_available(by_hand.blocks), 100);
    }
    step_by_hand();
    assert_took(20);
    tear_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_prompt_is_read_beside_answers),
        cmocka_unit_test(choices_of_one_question_read_it_once),
        cmocka_unit_test(the_last_token_is_always_read),
        cmocka_unit_test(guesses_go_before_anybody_is_set_back),
        cmocka_unit_test(guesses_take_nothing_that_prompts_were_promised),
        cmocka_unit_test(who_came_last_is_set_back_and_reads_little_again),
        cmocka_unit_test(recurrent_states_are_shared_where_there_are_snapshots),
        cmocka_unit_test(nobody_overtakes_for_blocks),
        cmocka_unit_test(without_memory_everybody_stays_where_he_was),
        cmocka_unit_test(nobody_is_lost_or_starves_or_reads_what_is_not_his),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
