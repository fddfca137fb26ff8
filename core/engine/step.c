/* A step of an engine: see step.h. */
#include "engine/step.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "model/model.h"

static bool wants_prompt(const sched_turn *turn)
{
    const bora_job *j = job_of(turn->seq);
    return j->request.on_prompt_token && turn->seq->n_read < j->request.n_prompt;
}

/* The rows of the logits that a turn asks for, its last ones. */
static int32_t n_outputs(const sched_turn *turn)
{
    return wants_prompt(turn) ? turn->n_tokens : turn->complete ? 1 + turn->n_guesses : 0;
}

static bool reserve_scratches(step_lists *l, int32_t n_vocab, bora_error *err)
{
    int32_t n = l->threads ? bora_threads_count(l->threads) : 1;
    if (!l->scratches && !(l->scratches = calloc((size_t)n, sizeof(sampler_scratch *))))
        return bora_fail_memory(err, "a step");
    for (; l->n_scratches < n; l->n_scratches++)
        if (!(l->scratches[l->n_scratches] = sampler_scratch_new(n_vocab, err)))
            return false;
    return true;
}

static bool reserve(step_lists *l, const bora_model *model, const sched_step *plan, bora_error *err)
{
    int32_t outputs = 0;
    for (int32_t i = 0; i < plan->n_turns; i++)
        outputs += n_outputs(&plan->turns[i]);
    size_t row = (size_t)bora_model_n_vocab(model) * sizeof *l->logits;
    if (!reserve_scratches(l, bora_model_n_vocab(model), err))
        return false;
    if (list_reserve(&l->tokens, &l->cap_tokens, plan->n_tokens, sizeof *l->tokens) &&
        list_reserve(&l->first_logits, &l->cap_first_logits, plan->n_turns, sizeof *l->first_logits) &&
        list_reserve(&l->sequences, &l->cap_sequences, plan->n_turns, sizeof *l->sequences) &&
        list_reserve(&l->output_rows, &l->cap_outputs, outputs, sizeof *l->output_rows) &&
        list_reserve(&l->logits, &l->cap_logits, outputs, row))
        return true;
    return bora_fail_memory(err, "a step");
}

static bora_batch put_together(const step_lists *l, const sched_step *plan)
{
    bora_batch batch = {
        .tokens = l->tokens, .sequences = l->sequences, .output_rows = l->output_rows, .n_sequences = plan->n_turns
    };
    for (int32_t i = 0; i < plan->n_turns; i++) {
        const sched_turn *turn = &plan->turns[i];
        const sched_seq *seq = turn->seq;
        const bora_job *j = job_of(turn->seq);
        l->sequences[i] = (bora_sequence){ .first_row = batch.n_tokens,
                                           .n_rows = turn->n_tokens,
                                           .n_past = seq->n_read,
                                           .prompt_tokens = j->request.n_prompt,
                                           .blocks = seq->blocks,
                                           .slot = j->slot };
        memcpy(l->tokens + batch.n_tokens, seq->tokens + seq->n_read, (size_t)turn->n_tokens * sizeof *l->tokens);
        batch.n_tokens += turn->n_tokens;
        l->first_logits[i] = batch.n_outputs;
        for (int32_t k = n_outputs(turn); k > 0; k--)
            l->output_rows[batch.n_outputs++] = batch.n_tokens - k;
    }
    return batch;
}

/* A slot for whoever begins, with the recurrent state of the beginning that was found. */
static bool take_slots(bora_model *model, const sched_step *plan, bora_error *err)
{
    bool ok = true;
    pthread_mutex_lock(&model->mutex);
    for (int32_t i = 0; ok && i < plan->n_turns; i++) {
        bora_job *j = job_of(plan->turns[i].seq);
        if (j->slot < 0)
            j->slot = state_pool_take_slot(model, err);
        ok = j->slot >= 0;
        if (ok && plan->turns[i].restore >= 0)
            ok = state_pool_restore(model, plan->turns[i].restore, j->slot, err);
    }
    pthread_mutex_unlock(&model->mutex);
    return ok;
}

static void commit(bora_model *model, scheduler *s, const sched_step *plan, int32_t i, int32_t n_kept)
{
    pthread_mutex_lock(&model->mutex);
    int32_t slot = job_of(plan->turns[i].seq)->slot, snapshot = scheduler_commit(s, i, n_kept);
    if (snapshot >= 0 && !state_pool_save(model, slot, snapshot, NULL))
        block_cache_drop_snapshot(model->states.blocks, snapshot);
    pthread_mutex_unlock(&model->mutex);
}

/* What came out of a turn. Returns how many of its tokens are right. */
static int32_t take_turn(const sched_turn *turn, const bora_model *model, sampler_scratch *scratch, float *logits,
                         double now)
{
    bora_job *j = job_of(turn->seq);
    size_t n_vocab = (size_t)bora_model_n_vocab(model);
    int32_t outputs = n_outputs(turn), sure = turn->n_tokens - turn->n_guesses;
    if (wants_prompt(turn)) {
        job_tell_prompt(j, model, scratch, logits, turn->seq->n_read, turn->n_tokens);
        logits += (size_t)(outputs - 1) * n_vocab;
    }
    if (!turn->complete || j->ended)
        return sure;
    return sure + job_choose(j, model, scratch, logits, turn->seq->n_read + sure, turn->n_guesses, now);
}

/* Fewer logits than these are looked through by one thread before others are awake. */
enum { LOGITS_FOR_THREADS = 1 << 15 };

typedef struct choices {
    const step_lists *lists;
    const sched_step *plan;
    size_t n_vocab;
} choices;

static float *logits_of(const step_lists *l, size_t n_vocab, int32_t turn)
{
    return l->logits + (size_t)l->first_logits[turn] * n_vocab;
}

/* What job_choose() will say first in turn i, where it asks for one row of logits. */
static void choose_in_turn(void *ctx, size_t i, int thread)
{
    const choices *c = ctx;
    const sched_turn *turn = &c->plan->turns[i];
    if (turn->complete && n_outputs(turn) == 1)
        job_choose_ahead(job_of(turn->seq), c->lists->scratches[thread], logits_of(c->lists, c->n_vocab, (int32_t)i),
                         turn->seq->n_read + turn->n_tokens);
}

static void choose_ahead(const step_lists *l, const bora_model *model, const sched_step *plan)
{
    choices c = { l, plan, (size_t)bora_model_n_vocab(model) };
    if (l->threads && plan->n_turns > 1 && (size_t)plan->n_turns * c.n_vocab >= LOGITS_FOR_THREADS)
        bora_threads_run(l->threads, (size_t)plan->n_turns, choose_in_turn, &c);
}

void step_run(step_lists *l, bora_model *model, scheduler *s, const sched_step *plan, double (*clock)(void))
{
    bora_error err = { .code = BORA_OK };
    double begun = clock();
    for (int32_t i = 0; i < plan->n_turns; i++)
        if (job_of(plan->turns[i].seq)->begun_s == 0)
            job_of(plan->turns[i].seq)->begun_s = begun;
    bool ok = reserve(l, model, plan, &err) && take_slots(model, plan, &err);
    if (ok) {
        bora_batch batch = put_together(l, plan);
        ok = model_run(model, &batch, l->logits, &err);
    }
    if (ok)
        choose_ahead(l, model, plan);
    size_t n_vocab = (size_t)bora_model_n_vocab(model);
    double now = clock();
    for (int32_t i = 0; i < plan->n_turns; i++) {
        const sched_turn *turn = &plan->turns[i];
        int32_t kept = 0;
        if (ok)
            kept = take_turn(turn, model, l->scratches[0], logits_of(l, n_vocab, i), now);
        else
            job_fail(job_of(turn->seq), &err);
        commit(model, s, plan, i, kept);
    }
}

void step_free(step_lists *l)
{
    free(l->tokens);
    free(l->output_rows);
    free(l->first_logits);
    free(l->sequences);
    free(l->logits);
    for (int32_t i = 0; i < l->n_scratches; i++)
        sampler_scratch_free(l->scratches[i]);
    free(l->scratches);
    bora_threads_free(l->threads);
}
