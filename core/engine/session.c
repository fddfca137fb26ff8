/* Sessions: tokens go through the model in chunks, and their state stays in blocks and a slot of the model's pool. */
#include "engine/session.h"

#include <stdlib.h>
#include <string.h>

#include "model/model.h"

bora_session *bora_session_new(bora_model *model, bora_error *err)
{
    bora_session *s = calloc(1, sizeof *s);
    if (s) {
        s->model = model;
        s->slot = -1;
        s->output_rows = malloc(SESSION_CHUNK * sizeof *s->output_rows);
    }
    if (s && s->output_rows)
        return s;
    bora_session_free(s);
    bora_fail_memory(err, "a session");
    return NULL;
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
    free(s->output_rows);
    free(s);
}

int32_t bora_session_length(const bora_session *s)
{
    return s->length;
}

static int32_t blocks_for(int32_t n_tokens)
{
    return (n_tokens + MODEL_BLOCK_TOKENS - 1) / MODEL_BLOCK_TOKENS;
}

bool bora_session_truncate(bora_session *s, int32_t length, bora_error *err)
{
    if (length < 0 || length > s->length)
        return bora_fail(err, BORA_USAGE, "a session of %d tokens cannot be cut to %d", s->length, length);
    if (length < s->length && s->model->states.recurrent)
        length = 0; /* what a recurrent state has taken in cannot be taken out of it */
    s->length = length;
    give_blocks(s, blocks_for(length));
    return true;
}

static bool grow(int32_t **list, int32_t *cap, int32_t need)
{
    if (need <= *cap)
        return true;
    int32_t new_cap = *cap ? *cap : 64;
    while (new_cap < need)
        new_cap = new_cap > INT32_MAX / 2 ? need : new_cap * 2;
    int32_t *grown = realloc(*list, (size_t)new_cap * sizeof *grown);
    if (!grown)
        return false;
    *list = grown;
    *cap = new_cap;
    return true;
}

static bool take_state(bora_session *s, int32_t n_tokens, bora_error *err)
{
    int32_t need = blocks_for(n_tokens);
    if (!grow(&s->blocks, &s->cap_blocks, need))
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

static bool run_chunk(bora_session *s, const int32_t *tokens, int32_t n, int32_t prompt_tokens, int32_t n_outputs,
                      float *logits, bora_error *err)
{
    if (!grow(&s->tokens, &s->cap_tokens, s->length + n))
        return bora_fail_memory(err, "a session");
    if (!take_state(s, s->length + n, err))
        return false;
    for (int32_t i = 0; i < n_outputs; i++)
        s->output_rows[i] = n - n_outputs + i;
    bora_sequence sequence = {
        .n_rows = n, .n_past = s->length, .prompt_tokens = prompt_tokens, .blocks = s->blocks, .slot = s->slot
    };
    bora_batch batch = {
        .n_tokens = n,
        .tokens = tokens,
        .n_sequences = 1,
        .sequences = &sequence,
        .n_outputs = n_outputs,
        .output_rows = s->output_rows,
    };
    if (!model_run(s->model, &batch, logits, err)) {
        /* Some operations may have taken the tokens into a recurrent state, others not: it is good for nothing. */
        if (s->model->states.recurrent)
            bora_session_truncate(s, 0, NULL);
        return false;
    }
    memcpy(s->tokens + s->length, tokens, (size_t)n * sizeof *tokens);
    s->length += n;
    return true;
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
        if (!run_chunk(s, tokens + done, take, prompt_tokens, n_outputs, n_outputs ? to : NULL, err)) {
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
