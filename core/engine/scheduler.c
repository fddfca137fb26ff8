/* The scheduler: see scheduler.h.
 *
 * A plan is made in four passes. The token that each answer needs comes first, then guesses, then those are let in that
 * wait, and what is left of the budget goes to prompts. Only the first and the last pass preempt, always the one that
 * came last. All memory for a plan is taken before anything is changed. */
#include "engine/scheduler.h"

#include <stdlib.h>
#include <string.h>

enum { END_BORDER, KNOWN_BORDER, WISHED_BORDER, N_BORDERS };
/* A snapshot costs a step of its own: so many blocks at least should be spared by it. */
enum { SNAPSHOT_BLOCKS = 2 };

typedef struct seq_list {
    sched_seq *first, *last; /* in the order in which they came */
    int32_t n;
} seq_list;

struct scheduler {
    scheduler_limits limits;
    block_cache *blocks;
    seq_list waiting, running;
    int64_t n_arrived, n_preempted;
    sched_seq **prompts; /* [limits.max_seqs], scratch */
    sched_step step;     /* turns [limits.max_seqs] */
};

static int32_t lesser(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t greater(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

void scheduler_set_budget(scheduler *s, int32_t max_tokens, int32_t max_behind)
{
    s->limits.max_tokens = greater(max_tokens, 1);
    s->limits.max_behind = lesser(greater(max_behind, 1), s->limits.max_tokens);
}

scheduler *scheduler_new(const scheduler_limits *limits, block_cache *blocks, bora_error *err)
{
    scheduler *s = calloc(1, sizeof *s);
    size_t n = (size_t)greater(limits->max_seqs, 1);
    sched_turn *turns = calloc(n, sizeof *turns);
    sched_seq **prompts = calloc(n, sizeof *prompts);
    if (!s || !turns || !prompts) {
        free(s);
        free(turns);
        free(prompts);
        bora_fail_memory(err, "a scheduler");
        return NULL;
    }
    *s = (scheduler){ .limits = *limits, .blocks = blocks, .prompts = prompts, .step.turns = turns };
    s->limits.max_seqs = (int32_t)n;
    scheduler_set_budget(s, limits->max_tokens, limits->max_behind);
    return s;
}

void scheduler_free(scheduler *s)
{
    if (!s)
        return;
    free(s->prompts);
    free(s->step.turns);
    free(s);
}

int32_t scheduler_n_waiting(const scheduler *s)
{
    return s->waiting.n;
}

int32_t scheduler_n_running(const scheduler *s)
{
    return s->running.n;
}

int64_t scheduler_n_preempted(const scheduler *s)
{
    return s->n_preempted;
}

/* ---- the lists ---- */

static void list_insert(seq_list *list, sched_seq *seq)
{
    sched_seq *before = list->last, *behind = NULL;
    for (; before && before->arrival > seq->arrival; before = before->prev)
        behind = before;
    seq->prev = before;
    seq->next = behind;
    *(before ? &before->next : &list->first) = seq;
    *(behind ? &behind->prev : &list->last) = seq;
    list->n++;
}

static void list_remove(seq_list *list, sched_seq *seq)
{
    *(seq->prev ? &seq->prev->next : &list->first) = seq->next;
    *(seq->next ? &seq->next->prev : &list->last) = seq->prev;
    list->n--;
}

/* One that is set back belongs to the front of the queue, where few come before it. */
static void list_insert_front(seq_list *list, sched_seq *seq)
{
    sched_seq *behind = list->first;
    while (behind && behind->arrival < seq->arrival)
        behind = behind->next;
    seq->next = behind;
    seq->prev = behind ? behind->prev : list->last;
    *(seq->prev ? &seq->prev->next : &list->first) = seq;
    *(behind ? &behind->prev : &list->last) = seq;
    list->n++;
}

static void stop_following(sched_seq *seq)
{
    if (seq->ahead)
        seq->ahead->n_followers--;
    seq->ahead = NULL;
}

static void lose_followers(scheduler *s, sched_seq *seq)
{
    for (sched_seq *w = s->waiting.first; w && seq->n_followers > 0; w = w->next)
        if (w->ahead == seq)
            stop_following(w);
}

/* ---- tokens and blocks ---- */

/* Without guesses. */
static int32_t n_own(const sched_seq *seq)
{
    return seq->n_tokens - seq->n_guesses;
}

static int32_t n_left(const sched_seq *seq)
{
    return n_own(seq) - seq->n_read;
}

/* It waits for the next token of its answer. */
static bool is_answering(const sched_seq *seq)
{
    return n_left(seq) == 1;
}

static bool is_reading(const sched_seq *seq)
{
    return n_left(seq) > 1;
}

static int32_t blocks_for(const scheduler *s, int32_t n_tokens)
{
    return n_tokens / s->limits.block_tokens + (n_tokens % s->limits.block_tokens > 0);
}

static int32_t border_of(const scheduler *s, int32_t n_tokens)
{
    return n_tokens / s->limits.block_tokens * s->limits.block_tokens;
}

/* How much of what is left a turn may take: up to the next border where a snapshot is worth it. */
static int32_t most_in_turn(const sched_seq *seq)
{
    int32_t most = n_left(seq);
    for (int i = 0; i < N_BORDERS; i++)
        if (seq->borders[i] > seq->n_read)
            most = lesser(most, seq->borders[i] - seq->n_read);
    return most;
}

static bool is_at_border(const sched_seq *seq)
{
    for (int i = 0; i < N_BORDERS; i++)
        if (seq->borders[i] == seq->n_read)
            return seq->n_read > 0;
    return false;
}

static bool reserve_blocks(const scheduler *s, sched_seq *seq, int32_t n_tokens)
{
    int32_t need = blocks_for(s, n_tokens);
    if (need <= seq->cap_blocks)
        return true;
    int32_t cap = greater(need, seq->cap_blocks > INT32_MAX / 2 ? INT32_MAX : greater(8, seq->cap_blocks * 2));
    int32_t *grown = reallocarray(seq->blocks, (size_t)cap, sizeof *grown);
    if (!grown)
        return false;
    seq->blocks = grown;
    seq->cap_blocks = cap;
    return true;
}

static void give_blocks(scheduler *s, sched_seq *seq, int32_t keep)
{
    while (seq->n_blocks > keep)
        block_cache_give(s->blocks, seq->blocks[--seq->n_blocks]);
}

static void unpin(scheduler *s, sched_seq *seq)
{
    if (seq->restores)
        block_cache_unpin_snapshot(s->blocks, seq->snapshot);
    seq->restores = false;
}

static void preempt(scheduler *s, sched_seq *seq)
{
    unpin(s, seq);
    give_blocks(s, seq, 0);
    lose_followers(s, seq);
    memset(seq->borders, 0, sizeof seq->borders);
    seq->n_read = seq->n_published = seq->n_planned = 0;
    seq->n_preempted++;
    s->n_preempted++;
    list_remove(&s->running, seq);
    seq->state = SCHED_WAITING;
    list_insert_front(&s->waiting, seq);
}

/* Blocks for its first n_tokens, at the cost of those that came later. Whether there are as many. */
static bool take_blocks(scheduler *s, sched_seq *seq, int32_t n_tokens)
{
    int32_t need = blocks_for(s, n_tokens);
    while (seq->n_blocks < need) {
        int32_t block = block_cache_take(s->blocks);
        if (block >= 0)
            seq->blocks[seq->n_blocks++] = block;
        else if (s->running.last != seq)
            preempt(s, s->running.last);
        else
            return false;
    }
    return true;
}

/* Blocks that those who are still reading will need. */
static int32_t n_promised(const scheduler *s)
{
    int32_t n = 0;
    for (const sched_seq *seq = s->running.first; seq; seq = seq->next)
        if (is_reading(seq))
            n += blocks_for(s, n_own(seq)) - seq->n_blocks;
    return n;
}

/* ---- who comes and goes ---- */

void scheduler_add(scheduler *s, sched_seq *seq)
{
    seq->arrival = s->n_arrived++;
    seq->state = SCHED_WAITING;
    list_insert(&s->waiting, seq);
}

void scheduler_remove(scheduler *s, sched_seq *seq)
{
    if (seq->state == SCHED_OUT)
        return;
    unpin(s, seq);
    give_blocks(s, seq, 0);
    stop_following(seq);
    lose_followers(s, seq);
    list_remove(seq->state == SCHED_RUNNING ? &s->running : &s->waiting, seq);
    free(seq->blocks);
    *seq = (sched_seq){
        .tokens = seq->tokens, .n_tokens = seq->n_tokens, .n_guesses = seq->n_guesses, .read_whole = seq->read_whole
    };
}

/* Beginnings are shared by whole blocks; the last token is always read, for its logits. */
static int32_t most_cached(const scheduler *s, const sched_seq *seq)
{
    return s->limits.share && !seq->read_whole ? (n_own(seq) - 1) / s->limits.block_tokens : 0;
}

static const int32_t *block_of_tokens(const scheduler *s, const sched_seq *seq, int32_t i)
{
    return seq->tokens + (size_t)i * (size_t)s->limits.block_tokens;
}

static void find_beginning(scheduler *s, sched_seq *seq)
{
    int32_t most = most_cached(s, seq);
    while (seq->n_blocks < most) {
        int32_t i = seq->n_blocks;
        int32_t block = block_cache_find(s->blocks, i ? seq->blocks[i - 1] : -1, block_of_tokens(s, seq, i));
        if (block < 0)
            return;
        seq->blocks[seq->n_blocks++] = block;
    }
}

/* What was found is of use as far as there is a snapshot; behind it everything is read again. */
static void find_snapshot(scheduler *s, sched_seq *seq)
{
    int32_t n = seq->n_blocks, end = border_of(s, n_own(seq) - 1);
    while (n > 0 && !block_cache_has_snapshot(s->blocks, seq->blocks[n - 1]))
        n--;
    int32_t read = n * s->limits.block_tokens, worth = read + SNAPSHOT_BLOCKS * s->limits.block_tokens;
    seq->borders[END_BORDER] = end >= worth ? end : 0;
    seq->borders[KNOWN_BORDER] = seq->n_blocks > n ? seq->n_blocks * s->limits.block_tokens : 0;
    seq->borders[WISHED_BORDER] = 0;
    give_blocks(s, seq, n);
    if (n > 0)
        seq->snapshot = block_cache_pin_snapshot(s->blocks, seq->blocks[n - 1]);
    seq->restores = n > 0;
}

/* Whether `other` will publish the block i of `seq`, and all before it. */
static bool will_publish(const scheduler *s, const sched_seq *other, const sched_seq *seq, int32_t i)
{
    size_t block = (size_t)s->limits.block_tokens;
    if (other->n_published > i || n_own(other) / s->limits.block_tokens <= i)
        return false;
    return memcmp(block_of_tokens(s, other, i), block_of_tokens(s, seq, i), block * sizeof *seq->tokens) == 0 &&
           memcmp(other->tokens, seq->tokens, (size_t)i * block * sizeof *seq->tokens) == 0;
}

/* Blocks that the two have in common and `other` still reads, as part of its prompt. */
static int32_t n_common(const scheduler *s, const sched_seq *other, const sched_seq *seq)
{
    int32_t most = lesser(most_cached(s, seq), (n_own(other) - 1) / s->limits.block_tokens), n = 0;
    size_t bytes = (size_t)s->limits.block_tokens * sizeof *seq->tokens;
    while (n < most && memcmp(block_of_tokens(s, other, n), block_of_tokens(s, seq, n), bytes) == 0)
        n++;
    return is_reading(other) && other->n_read < n * s->limits.block_tokens ? n : 0;
}

static void wish(const scheduler *s, sched_seq *other, int32_t n_blocks)
{
    int32_t *border = &other->borders[WISHED_BORDER], wanted = n_blocks * s->limits.block_tokens;
    if (*border <= other->n_read || wanted < *border)
        *border = wanted;
}

/* Whether somebody is reading what would be the next to find for `seq`. */
static bool follow(scheduler *s, sched_seq *seq)
{
    sched_seq *ahead = NULL;
    int32_t awaited = 0, found = seq->n_blocks;
    for (sched_seq *other = s->running.first; other && found < most_cached(s, seq); other = other->next) {
        if (s->limits.recurrent) {
            int32_t n = n_common(s, other, seq);
            if (n >= found + SNAPSHOT_BLOCKS && n > awaited) {
                ahead = other;
                awaited = n;
            }
        } else if (will_publish(s, other, seq, found)) {
            ahead = other;
            awaited = found + 1;
            break;
        }
    }
    if (!ahead)
        return false;
    seq->ahead = ahead;
    seq->awaited = awaited;
    ahead->n_followers++;
    if (s->limits.recurrent)
        wish(s, ahead, awaited);
    return true;
}

static bool is_following(const scheduler *s, sched_seq *seq)
{
    if (!seq->ahead)
        return false;
    if (s->limits.recurrent ? seq->ahead->n_read >= seq->awaited * s->limits.block_tokens
                            : seq->ahead->n_published >= seq->awaited)
        stop_following(seq);
    else if (s->limits.recurrent)
        wish(s, seq->ahead, seq->awaited);
    return seq->ahead != NULL;
}

typedef enum admission { ADMITTED, FOLLOWS, NO_BLOCKS, NO_MEMORY } admission;

static admission admit(scheduler *s, sched_seq *seq, int32_t *promised)
{
    if (is_following(s, seq))
        return FOLLOWS;
    if (!reserve_blocks(s, seq, n_own(seq)))
        return NO_MEMORY;
    find_beginning(s, seq);
    if (s->limits.recurrent && s->limits.share)
        find_snapshot(s, seq);
    int32_t need = blocks_for(s, n_own(seq)) - seq->n_blocks;
    bool follows = follow(s, seq);
    /* A block for each of the others, so that it is not set back at once. */
    if (follows || need > block_cache_available(s->blocks) - *promised - s->running.n) {
        unpin(s, seq);
        give_blocks(s, seq, 0);
        return follows ? FOLLOWS : NO_BLOCKS;
    }
    *promised += need;
    seq->n_read = seq->n_blocks * s->limits.block_tokens;
    seq->n_published = seq->n_blocks;
    if (seq->n_preempted == 0)
        seq->n_cached = seq->n_read;
    list_remove(&s->waiting, seq);
    seq->state = SCHED_RUNNING;
    list_insert(&s->running, seq);
    return ADMITTED;
}

/* False: for want of memory, somebody was not let in who could be. */
static bool admit_waiting(scheduler *s)
{
    int32_t promised = n_promised(s);
    for (sched_seq *seq = s->waiting.first, *next; seq && s->running.n < s->limits.max_seqs; seq = next) {
        next = seq->next;
        admission a = admit(s, seq, &promised);
        if (a == NO_BLOCKS || a == NO_MEMORY)
            return a == NO_BLOCKS;
    }
    return true;
}

/* ---- the plan ---- */

static bool reserve_plan(const scheduler *s)
{
    int64_t n_tokens = greater(s->limits.max_tokens, s->limits.max_behind);
    for (sched_seq *seq = s->running.first; seq; seq = seq->next) {
        if (!reserve_blocks(s, seq, seq->n_tokens))
            return false;
        n_tokens += is_answering(seq) ? 1 + seq->n_guesses : 0;
    }
    /* A turn ends in the middle of a block, and may begin at a border. */
    int64_t n = n_tokens / s->limits.block_tokens + s->limits.max_seqs;
    return block_cache_reserve(s->blocks, n < INT32_MAX ? (int32_t)n : INT32_MAX);
}

/* The token that each answer needs. */
static void plan_answers(scheduler *s)
{
    for (sched_seq *seq = s->running.first, *next; seq; seq = next) {
        if (is_answering(seq) && take_blocks(s, seq, seq->n_read + 1))
            seq->n_planned = 1;
        next = seq->next;
        if (is_answering(seq) && seq->n_planned == 0)
            preempt(s, seq); /* it is the last one */
    }
}

/* Guesses, as far as nobody else has to do without blocks for them. Returns the tokens of all answers. */
static int32_t plan_guesses(scheduler *s)
{
    int32_t n_tokens = 0;
    for (const sched_seq *seq = s->running.first; seq; seq = seq->next)
        n_tokens += seq->n_planned;
    int32_t spare = block_cache_available(s->blocks) - n_promised(s), budget = s->limits.max_tokens - n_tokens;
    for (sched_seq *seq = s->running.first; seq; seq = seq->next) {
        if (seq->n_planned == 0)
            continue;
        int32_t n = lesser(seq->n_guesses, greater(budget, 0)), need = blocks_for(s, seq->n_read + 1 + n);
        for (; seq->n_blocks < need && spare > 0; spare--)
            seq->blocks[seq->n_blocks++] = block_cache_take(s->blocks);
        n = lesser(n, seq->n_blocks * s->limits.block_tokens - seq->n_read - 1);
        seq->n_planned += n;
        n_tokens += n;
        budget -= n;
    }
    return n_tokens;
}

/* The one of them that could be ended with the fewest tokens. */
static sched_seq *nearest_end(const scheduler *s, int32_t n_prompts)
{
    sched_seq *nearest = NULL;
    for (int32_t i = 0; i < n_prompts; i++) {
        sched_seq *seq = s->prompts[i];
        int32_t left = most_in_turn(seq) - seq->n_planned;
        if (left > 0 && (!nearest || left < most_in_turn(nearest) - nearest->n_planned))
            nearest = seq;
    }
    return nearest;
}

/* A step that ends prompts is no more than twice as long as it must be. */
/* What the oldest gets at least. */
static int32_t quarter_block(const scheduler *s)
{
    return greater(s->limits.block_tokens / 4, 1);
}

static void keep_short(scheduler *s, int32_t n_prompts, int32_t n_answers)
{
    int32_t n_ending = 0;
    for (int32_t i = 0; i < n_prompts; i++)
        if (s->prompts[i]->n_planned == most_in_turn(s->prompts[i]))
            n_ending += s->prompts[i]->n_planned;
    if (n_ending == 0)
        return;
    int32_t most = n_ending + n_answers;
    for (int32_t i = 0; i < n_prompts; i++) {
        sched_seq *seq = s->prompts[i];
        if (seq->n_planned == most_in_turn(seq))
            continue;
        seq->n_planned = lesser(seq->n_planned, i == 0 ? greater(most, quarter_block(s)) : most);
        most = greater(most - seq->n_planned, 0);
    }
}

/* How many tokens of each prompt: the first, half of the budget at least; the rest to those that end soonest. */
static int32_t share_budget(scheduler *s, int32_t n_answers)
{
    int32_t n_prompts = 0, budget = n_answers ? s->limits.max_behind : s->limits.max_tokens;
    for (sched_seq *seq = s->running.first; seq; seq = seq->next)
        if (is_reading(seq))
            s->prompts[n_prompts++] = seq;
    if (n_prompts == 0)
        return 0;
    s->prompts[0]->n_planned = lesser(most_in_turn(s->prompts[0]), budget - budget / 2);
    budget -= s->prompts[0]->n_planned;
    for (sched_seq *seq; budget > 0 && (seq = nearest_end(s, n_prompts));) {
        int32_t n = lesser(budget, most_in_turn(seq) - seq->n_planned);
        seq->n_planned += n;
        budget -= n;
    }
    keep_short(s, n_prompts, n_answers);
    return n_prompts;
}

/* Tokens of a prompt in a step whose logits are all wanted: each is as long as the vocabulary. */
enum { WITH_LOGITS = 64 };

static void plan_prompts(scheduler *s, int32_t n_answers)
{
    int32_t n_prompts = share_budget(s, n_answers);
    for (int32_t i = 0; i < n_prompts; i++) {
        sched_seq *seq = s->prompts[i];
        if (seq->read_whole)
            seq->n_planned = lesser(seq->n_planned, WITH_LOGITS);
        if (seq->state == SCHED_RUNNING && seq->n_planned > 0 && !take_blocks(s, seq, seq->n_read + seq->n_planned))
            seq->n_planned = seq->n_blocks * s->limits.block_tokens - seq->n_read;
    }
}

static void add_turn(scheduler *s, sched_seq *seq)
{
    int32_t n_guesses = greater(seq->n_read + seq->n_planned - n_own(seq), 0);
    s->step.turns[s->step.n_turns++] = (sched_turn){
        .seq = seq,
        .n_tokens = seq->n_planned,
        .n_guesses = n_guesses,
        .complete = seq->n_read + seq->n_planned >= n_own(seq),
        .restore = seq->restores ? seq->snapshot : -1,
    };
    s->step.n_tokens += seq->n_planned;
}

const sched_step *scheduler_plan(scheduler *s, bora_error *err)
{
    s->step.n_turns = s->step.n_tokens = 0;
    if (!reserve_plan(s)) {
        bora_fail_memory(err, "the plan of a step");
        return &s->step;
    }
    for (sched_seq *seq = s->running.first; seq; seq = seq->next) {
        seq->n_planned = 0;
        give_blocks(s, seq, blocks_for(s, seq->n_read)); /* those of a step that was not computed */
    }
    int64_t n_preempted = s->n_preempted;
    plan_answers(s);
    plan_guesses(s);
    bool ok = n_preempted < s->n_preempted || admit_waiting(s);
    int32_t n_answers = 0;
    for (sched_seq *seq = s->running.first; seq; seq = seq->next) {
        /* One whose prompt was found but for its last token comes to this here. */
        if (is_answering(seq) && seq->n_planned == 0 && take_blocks(s, seq, seq->n_read + 1))
            seq->n_planned = 1;
        n_answers += seq->n_planned;
    }
    plan_prompts(s, n_answers);
    for (sched_seq *seq = s->running.first; seq; seq = seq->next)
        if (seq->n_planned > 0)
            add_turn(s, seq);
    if (!ok && s->step.n_turns == 0)
        bora_fail_memory(err, "the plan of a step");
    return &s->step;
}

static void publish(scheduler *s, sched_seq *seq)
{
    while (s->limits.share && seq->n_published < seq->n_read / s->limits.block_tokens) {
        int32_t i = seq->n_published;
        int32_t block =
            block_cache_publish(s->blocks, seq->blocks[i], i ? seq->blocks[i - 1] : -1, block_of_tokens(s, seq, i));
        if (block < 0)
            return; /* without memory it is tried again after the next step */
        seq->blocks[i] = block;
        seq->n_published++;
    }
}

/* Where a snapshot is worth it, if all before is published and there is none. */
static int32_t add_snapshot(scheduler *s, const sched_seq *seq)
{
    if (!s->limits.recurrent || !is_at_border(seq) || seq->n_published * s->limits.block_tokens != seq->n_read)
        return -1;
    int32_t block = seq->blocks[seq->n_published - 1];
    return block_cache_has_snapshot(s->blocks, block) ? -1 : block_cache_add_snapshot(s->blocks, block);
}

int32_t scheduler_commit(scheduler *s, int32_t i, int32_t n_kept)
{
    sched_seq *seq = s->step.turns[i].seq;
    seq->n_planned = 0;
    seq->n_read += n_kept;
    give_blocks(s, seq, blocks_for(s, seq->n_read));
    if (n_kept == 0) /* its own state may be spoiled, and what it was to be restored from is still needed */
        return -1;
    unpin(s, seq);
    publish(s, seq);
    return add_snapshot(s, seq);
}

void scheduler_set_back(scheduler *s, sched_seq *seq)
{
    if (seq->state == SCHED_RUNNING)
        preempt(s, seq);
}
