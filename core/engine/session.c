/* Sessions: tokens go through the model in chunks, and their state stays in blocks and a slot of the model's pool. */
#include "engine/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "model/model.h"

bora_session *bora_session_new(bora_model *model, bora_error *err)
{
    bora_session *s = calloc(1, sizeof *s);
    if (!s) {
        bora_fail_memory(err, "a session");
        return NULL;
    }
    s->model = model;
    s->slot = -1;
    return s;
}

static void give_blocks(bora_session *s, int32_t keep)
{
    pthread_mutex_lock(&s->model->mutex);
    while (s->n_blocks > keep)
        state_pool_give(s->model, s->blocks[--s->n_blocks]);
    pthread_mutex_unlock(&s->model->mutex);
}

void bora_session_free(bora_session *s)
{
    if (!s)
        return;
    give_blocks(s, 0);
    pthread_mutex_lock(&s->model->mutex);
    if (s->slot >= 0)
        state_pool_give_slot(s->model, s->slot);
    pthread_mutex_unlock(&s->model->mutex);
    free(s->tokens);
    free(s->blocks);
    free(s->step_tokens);
    free(s->output_rows);
    free(s->sequences);
    free(s);
}

void bora_session_set_drafter(bora_session *s, bora_drafter *drafter)
{
    s->drafter = drafter;
}

int32_t bora_session_length(const bora_session *s)
{
    return s->length;
}

static int32_t blocks_for(const bora_session *s, int32_t n_tokens)
{
    int32_t block_tokens = s->model->states.block_tokens;
    return n_tokens / block_tokens + (n_tokens % block_tokens > 0);
}

bool bora_session_truncate(bora_session *s, int32_t length, bora_error *err)
{
    if (length < 0 || length > s->length)
        return bora_fail(err, BORA_USAGE, "a session of %d tokens cannot be cut to %d", s->length, length);
    if (length < s->length && s->model->states.recurrent)
        length = 0; /* what a recurrent state has taken in cannot be taken out of it */
    s->length = length;
    give_blocks(s, blocks_for(s, length));
    return true;
}

bool session_peek(bora_session *s, int32_t token, bora_error *err)
{
    if (!list_reserve(&s->tokens, &s->cap_tokens, s->length + 1, sizeof *s->tokens))
        return bora_fail_memory(err, "a session");
    s->tokens[s->length] = token;
    return true;
}

static bool take_state(bora_session *s, int32_t n_tokens, bora_error *err)
{
    int32_t need = blocks_for(s, n_tokens);
    if (!list_reserve(&s->blocks, &s->cap_blocks, need, sizeof *s->blocks))
        return bora_fail_memory(err, "a session");
    bool ok;
    pthread_mutex_lock(&s->model->mutex);
    if (s->slot < 0)
        s->slot = state_pool_take_slot(s->model, err);
    ok = s->slot >= 0;
    while (ok && s->n_blocks < need) {
        int32_t block = state_pool_take(s->model, err);
        ok = block >= 0;
        if (ok)
            s->blocks[s->n_blocks++] = block;
    }
    pthread_mutex_unlock(&s->model->mutex);
    return ok;
}

/* What can be known before anything is read. */
static bool check_turn(const bora_turn *turn, const bora_session *first, bora_error *err)
{
    const bora_session *s = turn->session;
    int32_t n = turn->n_tokens, n_vocab = bora_model_n_vocab(s->model), context = bora_model_context_length(s->model);
    if (s->model != first->model)
        return bora_fail(err, BORA_USAGE, "the sessions of a step have different models");
    if (s->in_step)
        return bora_fail(err, BORA_USAGE, "a session takes part in a step twice");
    if (n < 1 || turn->n_outputs < 0 || turn->n_outputs > n)
        return bora_fail(err, BORA_USAGE, "a session's part in a step is %d tokens, with the logits of %d", n,
                         turn->n_outputs);
    if (n > context - s->length)
        return bora_fail(err, BORA_LIMIT, "%d tokens do not fit: the context holds %d, %d of them are taken", n,
                         context, s->length);
    for (int32_t i = 0; i < n; i++)
        if (turn->tokens[i] < 0 || turn->tokens[i] >= n_vocab)
            return bora_fail(err, BORA_USAGE, "token %d is outside the vocabulary of %d", turn->tokens[i], n_vocab);
    return true;
}

static bool check_turns(const bora_turn *turns, int32_t n_turns, bora_error *err)
{
    bool ok = n_turns > 0 || bora_fail(err, BORA_USAGE, "a step of no sessions");
    int32_t n_marked = 0, n_tokens = 0;
    while (ok && n_marked < n_turns) {
        ok = check_turn(&turns[n_marked], turns[0].session, err);
        if (ok && __builtin_add_overflow(n_tokens, turns[n_marked].n_tokens, &n_tokens))
            ok = bora_fail(err, BORA_LIMIT, "too many tokens in one step");
        if (ok)
            turns[n_marked++].session->in_step = true;
    }
    for (int32_t i = 0; i < n_marked; i++)
        turns[i].session->in_step = false;
    return ok;
}

/* Room in the lists of every session for its tokens and their state, and in those of the first for the batch. */
static bool reserve_step(const bora_turn *turns, int32_t n_turns, bora_error *err)
{
    bora_session *lists = turns[0].session;
    int32_t n_tokens = 0, n_outputs = 0;
    for (int32_t i = 0; i < n_turns; i++) {
        bora_session *s = turns[i].session;
        n_tokens += turns[i].n_tokens;
        n_outputs += turns[i].n_outputs;
        if (!list_reserve(&s->tokens, &s->cap_tokens, s->length + turns[i].n_tokens, sizeof *s->tokens))
            return bora_fail_memory(err, "a session");
        if (!take_state(s, s->length + turns[i].n_tokens, err))
            return false;
    }
    bool ok = list_reserve(&lists->output_rows, &lists->cap_output_rows, n_outputs, sizeof *lists->output_rows) &&
              list_reserve(&lists->sequences, &lists->cap_sequences, n_turns, sizeof *lists->sequences) &&
              (n_turns == 1 ||
               list_reserve(&lists->step_tokens, &lists->cap_step_tokens, n_tokens, sizeof *lists->step_tokens));
    return ok ? true : bora_fail_memory(err, "a step");
}

/* The turns one after the other as one batch, in the lists of the first session. */
static bora_batch put_together(const bora_turn *turns, int32_t n_turns)
{
    bora_session *lists = turns[0].session;
    bora_batch batch = { .tokens = n_turns == 1 ? turns[0].tokens : lists->step_tokens,
                         .n_sequences = n_turns,
                         .sequences = lists->sequences,
                         .output_rows = lists->output_rows };
    for (int32_t i = 0; i < n_turns; i++) {
        const bora_turn *turn = &turns[i];
        const bora_session *s = turn->session;
        lists->sequences[i] = (bora_sequence){
            .first_row = batch.n_tokens,
            .n_rows = turn->n_tokens,
            .n_past = s->length,
            .prompt_tokens = turn->prompt_tokens ? turn->prompt_tokens : s->length + turn->n_tokens,
            .blocks = s->blocks,
            .slot = s->slot,
        };
        if (n_turns > 1)
            memcpy(lists->step_tokens + batch.n_tokens, turn->tokens, (size_t)turn->n_tokens * sizeof *turn->tokens);
        batch.n_tokens += turn->n_tokens;
        for (int32_t k = turn->n_outputs; k > 0; k--)
            lists->output_rows[batch.n_outputs++] = batch.n_tokens - k;
    }
    return batch;
}

/* A step whose turns have been checked, as far as `run` computes it. */
static bool run_step(const bora_turn *turns, int32_t n_turns,
                     bool (*run)(bora_model *m, const bora_batch *batch, float *result, bora_error *err), float *result,
                     bora_error *err)
{
    bora_model *model = turns[0].session->model;
    bool reserved = reserve_step(turns, n_turns, err), ok = false;
    if (reserved) {
        bora_batch batch = put_together(turns, n_turns);
        ok = run(model, &batch, result, err);
    }
    for (int32_t i = 0; i < n_turns; i++) {
        bora_session *s = turns[i].session;
        if (ok) {
            memcpy(s->tokens + s->length, turns[i].tokens, (size_t)turns[i].n_tokens * sizeof *s->tokens);
            s->length += turns[i].n_tokens;
        } else {
            /* Some operations may have taken the tokens into a recurrent state, others not: it is good for nothing. */
            bora_session_truncate(s, reserved && model->states.recurrent ? 0 : s->length, NULL);
        }
    }
    return ok;
}

bool bora_sessions_step(const bora_turn *turns, int32_t n_turns, float *logits, bora_error *err)
{
    return check_turns(turns, n_turns, err) && run_step(turns, n_turns, model_run, logits, err);
}

bool session_eval(bora_session *s, const int32_t *tokens, int32_t n, int32_t chunk, int32_t prompt_tokens, bool all,
                  float *logits, bora_error *err)
{
    int32_t n_vocab = bora_model_n_vocab(s->model), context = bora_model_context_length(s->model), start = s->length;
    if (n < 0 || n > context - s->length)
        return bora_fail(err, BORA_LIMIT, "%d tokens do not fit: the context holds %d, %d of them are taken", n,
                         context, s->length);
    for (int32_t i = 0; i < n; i++)
        if (tokens[i] < 0 || tokens[i] >= n_vocab)
            return bora_fail(err, BORA_USAGE, "token %d is outside the vocabulary of %d", tokens[i], n_vocab);
    if (chunk < 1 || chunk > SESSION_CHUNK)
        chunk = SESSION_CHUNK;
    for (int32_t done = 0; done < n;) {
        int32_t take = n - done < chunk ? n - done : chunk;
        bool last = done + take == n;
        int32_t n_outputs = !logits ? 0 : all ? take : last;
        float *to = logits && all ? logits + (size_t)done * (size_t)n_vocab : logits;
        bora_turn turn = { s, tokens + done, take, n_outputs, prompt_tokens };
        if (!run_step(&turn, 1, model_run, n_outputs ? to : NULL, err)) {
            bora_session_truncate(s, start < s->length ? start : s->length, NULL);
            return false;
        }
        done += take;
    }
    return true;
}

bool bora_session_eval(bora_session *s, const int32_t *tokens, int32_t n, int32_t chunk, bool all, float *logits,
                       bora_error *err)
{
    return session_eval(s, tokens, n, chunk, s->length + n, all, logits, err);
}

bool session_hidden(bora_session *s, const int32_t *tokens, int32_t n, int32_t prompt_tokens, float *hidden,
                    bora_error *err)
{
    bora_turn turn = { s, tokens, n, n, prompt_tokens };
    return check_turns(&turn, 1, err) && run_step(&turn, 1, model_run_hidden, hidden, err);
}
