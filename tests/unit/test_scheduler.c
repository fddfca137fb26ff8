/* The scheduler's rules, each by hand: who takes part in a step with how many tokens, who waits, who is set back. */
#include "scheduler_world.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
