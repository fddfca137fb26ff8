/* The scheduler in a simulation of a million arrivals: in every step, what must be true of orders, budgets, blocks and
 * what sequences read. */
#include "sanitized.h"
#include "scheduler_world.h"

/* Sanitized programs are slow. */
#ifdef SANITIZED
enum { N_WORLDS = 400, N_ARRIVALS = 100 };
#else
enum { N_WORLDS = 400, N_ARRIVALS = 2500 };
#endif

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

/* ---- what must be true ---- */

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

/* ---- steps of a world ---- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_lost_or_starves_or_reads_what_is_not_his),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
