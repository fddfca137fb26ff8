/* A request in an engine: see job.h. */
#include "engine/job.h"

#include <stdlib.h>
#include <string.h>

#include "model/model.h"

static void free_strings(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

static char **copy_strings(const char *const *list)
{
    size_t n = 0;
    while (list[n])
        n++;
    char **copy = calloc(n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++)
        if (!(copy[i] = strdup(list[i]))) {
            free_strings(copy);
            return NULL;
        }
    return copy;
}

static void free_job(bora_job *j)
{
    sampler_free(j->chooser);
    free(j->top);
    drafter_end(NULL, j->draft); /* one that was never begun with */
    free_strings((char **)j->request.stop);
    free((void *)j->request.prompt);
    free(j->tokens);
    free(j);
}

bora_job *job_new(const bora_request *r, const bora_model *model, bora_drafter *drafter, double now, bora_error *err)
{
    bora_job *j = calloc(1, sizeof *j);
    if (!j) {
        bora_fail_memory(err, "a request");
        return NULL;
    }
    size_t n = (size_t)r->n_prompt;
    int32_t *prompt = malloc(n * sizeof *prompt);
    j->cap_tokens = r->n_prompt + 64;
    j->tokens = malloc((size_t)j->cap_tokens * sizeof *j->tokens);
    j->request = *r;
    j->request.prompt = prompt;
    j->request.stop = r->stop ? (const char *const *)copy_strings(r->stop) : NULL;
    if (!prompt || !j->tokens || (r->stop && !j->request.stop)) {
        free_job(j);
        bora_fail_memory(err, "a request");
        return NULL;
    }
    if (!r->on_embedding) {
        j->top = r->n_top > 0 ? calloc((size_t)r->n_top, sizeof *j->top) : NULL;
        j->chooser = r->n_top > 0 && !j->top
                         ? NULL
                         : sampler_new(&r->sampling, bora_model_n_vocab(model), bora_model_tokenizer(model, NULL), err);
        if (j->chooser && drafter)
            j->draft = drafter_begin(drafter, &r->sampling, err);
        if (!j->chooser || (drafter && !j->draft)) {
            free_job(j);
            return NULL;
        }
    }
    j->request.sampling = bora_sampling_defaults(); /* the chooser has it, and all that it points to */
    memcpy(prompt, r->prompt, n * sizeof *prompt);
    memcpy(j->tokens, r->prompt, n * sizeof *prompt);
    j->seq = (sched_seq){ .tokens = j->tokens, .n_tokens = r->n_prompt, .read_whole = r->on_prompt_token != NULL };
    j->answer = (bora_answer){ .finish = BORA_FINISH_CANCELLED, .n_prompt = r->n_prompt };
    j->slot = -1;
    j->came_s = now;
    atomic_init(&j->references, 2);
    return j;
}

void job_drop(bora_job *j)
{
    if (atomic_fetch_sub(&j->references, 1) == 1)
        free_job(j);
}

void job_fail(bora_job *j, const bora_error *why)
{
    j->ended = true;
    j->answer.finish = BORA_FINISH_CANCELLED;
    if (why)
        j->error = *why;
}

bool job_open(bora_job *j, const bora_model *model)
{
    if (j->request.on_embedding)
        return true;
    bora_error err = { .code = BORA_OK };
    if (!outlet_open(&j->outlet, model, &j->request, &err))
        job_fail(j, &err);
    return !j->ended;
}

static bool push_token(bora_job *j, int32_t token, bora_error *err)
{
    if (j->seq.n_tokens == j->cap_tokens) {
        int32_t cap = j->cap_tokens + j->cap_tokens / 2;
        int32_t *grown = reallocarray(j->tokens, (size_t)cap, sizeof *grown);
        if (!grown)
            return bora_fail_memory(err, "an answer");
        j->tokens = grown;
        j->cap_tokens = cap;
        j->seq.tokens = grown;
    }
    j->tokens[j->seq.n_tokens++] = token;
    return true;
}

static int32_t wanted_top(const bora_request *r)
{
    return r->logprobs ? r->n_top : -1;
}

static bool choose(const bora_job *j, sampler_scratch *scratch, float *logits, int32_t length, bora_token *token,
                   bora_error *err)
{
    sampler_place place = { .logits = logits,
                            .tokens = j->tokens,
                            .n_tokens = length,
                            .n_prompt = j->request.n_prompt,
                            .position = j->answer.n_generated };
    return sampler_choose(j->chooser, scratch, &place, wanted_top(&j->request), token, err);
}

void job_choose_ahead(bora_job *j, sampler_scratch *scratch, float *logits, int32_t length)
{
    bora_token *token = &j->choice;
    j->has_choice = choose(j, scratch, logits, length, token, NULL); /* if not, its turn will tell why */
    if (j->has_choice && token->n_top > 0)
        token->top = memcpy(j->top, token->top, (size_t)token->n_top * sizeof *j->top);
}

/* One token, by the logits behind the `length` tokens before it. What can end an answer ends it here. */
static bool choose_one(bora_job *j, const bora_model *model, sampler_scratch *scratch, float *logits, int32_t length,
                       int32_t *chosen, bora_error *err)
{
    const bora_request *r = &j->request;
    bora_answer *answer = &j->answer;
    bora_token token = j->choice;
    bool has_choice = j->has_choice;
    j->has_choice = false;
    if (!has_choice && !choose(j, scratch, logits, length, &token, err))
        return false;
    *chosen = token.id;
    if (!r->ignore_stop_tokens && bora_model_is_stop(model, token.id)) {
        answer->finish = BORA_FINISH_STOP;
        return j->ended = true;
    }
    answer->n_generated++;
    if (r->on_token && !r->on_token(r->ctx, &token))
        j->outlet.cancelled = true;
    if (!outlet_token(&j->outlet, token.id, err))
        return false;
    j->ended = true;
    if (j->outlet.stopped || j->outlet.cancelled)
        answer->finish = j->outlet.cancelled ? BORA_FINISH_CANCELLED : BORA_FINISH_STOP;
    else if (r->max_tokens > 0 && answer->n_generated >= r->max_tokens)
        answer->finish = BORA_FINISH_LENGTH;
    else if (length >= j->length_limit)
        answer->finish = BORA_FINISH_CONTEXT;
    else
        j->ended = false;
    return true;
}

int32_t job_choose(bora_job *j, const bora_model *model, sampler_scratch *scratch, float *logits, int32_t length,
                   int32_t n_guesses, double now)
{
    bora_error err = { .code = BORA_OK };
    size_t n_vocab = (size_t)bora_model_n_vocab(model);
    int32_t right = 0;
    if (j->first_s == 0)
        j->first_s = now;
    j->answer.n_drafted += n_guesses;
    for (;; right++) {
        int32_t token = -1;
        if (!choose_one(j, model, scratch, logits + (size_t)right * n_vocab, length + right, &token, &err)) {
            job_fail(j, &err);
            break;
        }
        if (j->ended || right == n_guesses || j->tokens[length + right] != token) {
            j->seq.n_tokens = length + right;
            j->seq.n_guesses = 0;
            if (!j->ended && !push_token(j, token, &err))
                job_fail(j, &err);
            break;
        }
    }
    j->answer.n_accepted += right;
    if (j->draft)
        drafter_learn(j->draft, n_guesses, right);
    return right;
}

/* Whether its next token is chosen in the coming step (unless it is set back), and how many guesses it has room for. */
static bool is_generating(const bora_job *j, int32_t *room)
{
    const sched_seq *seq = &j->seq;
    int32_t left = j->request.max_tokens - j->answer.n_generated;
    *room = j->length_limit - seq->n_tokens;
    if (j->request.max_tokens > 0 && left - 1 < *room)
        *room = left - 1;
    return j->draft && !j->ended && seq->state == SCHED_RUNNING && seq->n_read == seq->n_tokens - 1 &&
           seq->n_read >= j->request.n_prompt;
}

void jobs_guess(bora_job *first, bora_drafter *drafter)
{
    draft_turn turns[DRAFT_SEQS_MAX];
    bora_job *who[DRAFT_SEQS_MAX];
    int32_t n = 0, room = 0;
    for (bora_job *j = first; j; j = j->next) {
        j->seq.n_tokens -= j->seq.n_guesses;
        j->seq.n_guesses = 0;
    }
    for (bora_job *j = first; j; j = j->next)
        if (is_generating(j, &room)) {
            if (n == DRAFT_SEQS_MAX)
                return; /* so many that guesses do not pay */
            who[n] = j;
            turns[n++] = (draft_turn){ .seq = j->draft,
                                       .tokens = j->tokens,
                                       .n_tokens = j->seq.n_tokens,
                                       .n_prompt = j->request.n_prompt,
                                       .max_guesses = room };
        }
    drafter_guess(drafter, turns, n);
    for (int32_t i = 0; i < n; i++)
        for (int32_t k = 0; k < turns[i].n_guesses && push_token(who[i], turns[i].guesses[k], NULL); k++)
            who[i]->seq.n_guesses++;
}

void job_tell_prompt(bora_job *j, const bora_model *model, sampler_scratch *scratch, const float *logits, int32_t first,
                     int32_t n)
{
    const bora_request *r = &j->request;
    bora_error err = { .code = BORA_OK };
    size_t n_vocab = (size_t)bora_model_n_vocab(model);
    if (first == 0 && j->n_told == 0) {
        j->n_told = 1;
        if (!r->on_prompt_token(r->ctx, &(bora_token){ .id = r->prompt[0] }))
            job_fail(j, NULL);
    }
    for (int32_t i = 0; i < n && !j->ended; i++) {
        int32_t at = first + i + 1; /* of the token that is told */
        bora_token token = { .id = 0 };
        if (at != j->n_told || at >= r->n_prompt)
            continue; /* told already, before a preemption */
        token.id = r->prompt[at];
        j->n_told++;
        if (r->logprobs && !sampler_given(scratch, logits + (size_t)i * n_vocab, token.id, wanted_top(r), &token, &err))
            job_fail(j, &err);
        else if (!r->on_prompt_token(r->ctx, &token))
            job_fail(j, NULL);
    }
}

void job_end(bora_job *j, double now)
{
    bora_answer *a = &j->answer;
    bora_error *err = &j->error;
    if (!j->request.on_embedding) {
        if (!err->code && !outlet_finish(&j->outlet, err))
            a->finish = BORA_FINISH_CANCELLED;
        outlet_close(&j->outlet);
    }
    bora_session_free(j->session);
    free(j->hidden_sums);
    double first = j->first_s > 0 ? j->first_s : now;
    a->queued_s = (j->begun_s > 0 ? j->begun_s : first) - j->came_s;
    a->prompt_s = first - j->came_s;
    a->generate_s = now - first;
    j->on_end(j->request.ctx, a, err->code ? err : NULL);
}
