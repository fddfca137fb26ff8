/* Generation: read the prompt, then choose, say and read one token after the other. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/drafter.h"
#include "engine/outlet.h"
#include "engine/sampler.h"
#include "engine/session.h"
#include "model/model.h"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool is_cancelled(const bora_request *r)
{
    return r->keep_going && !r->keep_going(r->ctx);
}

/* Reads what of the prompt the cache does not hold; at least its last token, whose logits are needed. */
static bool read_prompt(bora_session *s, const bora_request *r, bora_answer *answer, float *logits, bora_error *err)
{
    int32_t context = bora_model_context_length(s->model);
    if (r->n_prompt < 1)
        return bora_fail(err, BORA_USAGE, "the prompt has no tokens, and the model adds none at the beginning");
    if (r->n_prompt > context)
        return bora_fail(err, BORA_LIMIT, "the prompt has %d tokens, the context holds %d", r->n_prompt, context);
    int32_t same = 0;
    while (same < s->length && same < r->n_prompt - 1 && s->tokens[same] == r->prompt[same])
        same++;
    if (!bora_session_truncate(s, same, err))
        return false;
    same = s->length; /* which is 0 when a recurrent model would have to go back */
    answer->n_prompt = r->n_prompt;
    answer->n_cached = same;
    for (int32_t at = same; at < r->n_prompt && !is_cancelled(r);) {
        int32_t n = r->n_prompt - at < SESSION_CHUNK ? r->n_prompt - at : SESSION_CHUNK;
        float *last = at + n == r->n_prompt ? logits : NULL;
        if (!session_eval(s, r->prompt + at, n, 0, r->n_prompt, false, last, err))
            return false;
        at += n;
    }
    return true;
}

/* An answer on its way. */
typedef struct generation {
    bora_session *session;
    const bora_request *request;
    bora_answer *answer;
    outlet out;
    sampler *chooser;
    sampler_scratch *scratch;
    float *logits; /* [1 + guesses, n_vocab] */
    int32_t max_guesses;
    draft_seq *draft; /* NULL: nothing is guessed */
    draft_turn turn;
} generation;

/* Chooses and says a token by a row of the logits, that behind the first `length` tokens. True with *ended when it is
 * the last one. */
static bool choose(generation *g, float *logits, int32_t length, bora_token *chosen, bool *ended, bora_error *err)
{
    const bora_request *r = g->request;
    sampler_place place = { logits, g->session->tokens, length, r->n_prompt, length - r->n_prompt };
    *ended = true;
    if (!sampler_choose(g->chooser, g->scratch, &place, r->logprobs ? r->n_top : -1, chosen, err))
        return false;
    g->answer->finish = BORA_FINISH_STOP;
    if (!r->ignore_stop_tokens && bora_model_is_stop(g->session->model, chosen->id))
        return true;
    g->answer->n_generated++;
    if (r->on_token && !r->on_token(r->ctx, chosen))
        g->out.cancelled = true;
    if (!outlet_token(&g->out, chosen->id, err))
        return false;
    if (g->out.stopped || g->out.cancelled)
        g->answer->finish = g->out.cancelled ? BORA_FINISH_CANCELLED : BORA_FINISH_STOP;
    else if (r->max_tokens > 0 && g->answer->n_generated >= r->max_tokens)
        g->answer->finish = BORA_FINISH_LENGTH;
    else if (length >= bora_model_context_length(g->session->model))
        g->answer->finish = BORA_FINISH_CONTEXT;
    else
        *ended = false;
    return true;
}

/* Guesses what follows the session's tokens and the one that was chosen; these are read together. */
static bool read_on(generation *g, int32_t chosen, bora_error *err)
{
    bora_session *s = g->session;
    const bora_request *r = g->request;
    draft_turn *t = &g->turn;
    int32_t tokens[1 + DRAFT_MAX] = { chosen };
    t->n_guesses = 0;
    if (g->draft) {
        /* The session's list has room for it: there was one token of the context left. */
        int32_t room = bora_model_context_length(s->model) - s->length - 1;
        int32_t wanted = r->max_tokens > 0 ? r->max_tokens - g->answer->n_generated - 1 : room;
        t->max_guesses = wanted < room ? wanted : room;
        t->max_guesses = t->max_guesses < g->max_guesses ? t->max_guesses : g->max_guesses;
        if (!session_peek(s, chosen, err))
            return false;
        t->tokens = s->tokens;
        t->n_tokens = s->length + 1;
        drafter_guess(s->drafter, t, 1);
        memcpy(tokens + 1, t->guesses, (size_t)t->n_guesses * sizeof *tokens);
    }
    return session_eval(s, tokens, 1 + t->n_guesses, 0, r->n_prompt, true, g->logits, err);
}

static bool generate(generation *g, bora_error *err)
{
    bora_session *s = g->session;
    size_t n_vocab = (size_t)bora_model_n_vocab(s->model);
    for (;;) {
        int32_t n_guesses = g->turn.n_guesses, length = s->length - n_guesses, right = 0;
        if (length < g->request->n_prompt || is_cancelled(g->request)) {
            g->answer->finish = BORA_FINISH_CANCELLED;
            return bora_session_truncate(s, length, err);
        }
        bora_token chosen;
        bool ended = false, ok;
        while ((ok = choose(g, g->logits + (size_t)right * n_vocab, length + right, &chosen, &ended, err)) && !ended &&
               right < n_guesses && g->turn.guesses[right] == chosen.id)
            right++;
        g->answer->n_drafted += n_guesses;
        g->answer->n_accepted += right;
        if (g->draft)
            drafter_learn(g->draft, n_guesses, right);
        if (!bora_session_truncate(s, length + right, ok ? err : NULL) || !ok)
            return false;
        if (ended)
            return true;
        if (!read_on(g, chosen.id, err))
            return false;
    }
}

static bool open_generation(generation *g, bora_error *err)
{
    bora_session *s = g->session;
    int32_t n_vocab = bora_model_n_vocab(s->model);
    g->max_guesses = s->drafter ? drafter_most(s->drafter) : 0;
    g->chooser = sampler_new(&g->request->sampling, n_vocab, s->model->tokenizer, err);
    g->scratch = g->chooser ? sampler_scratch_new(n_vocab, err) : NULL;
    if (!g->scratch)
        return false;
    g->logits = calloc((size_t)(1 + g->max_guesses) * (size_t)n_vocab, sizeof *g->logits);
    if (!g->logits)
        return bora_fail_memory(err, "logits");
    if (g->max_guesses > 0 && !(g->draft = drafter_begin(s->drafter, &g->request->sampling, err)))
        return false;
    g->turn = (draft_turn){ .seq = g->draft, .n_prompt = g->request->n_prompt };
    return outlet_open(&g->out, s->model, g->request, err);
}

bool bora_generate(bora_session *s, const bora_request *r, bora_answer *answer, bora_error *err)
{
    *answer = (bora_answer){ .finish = BORA_FINISH_STOP };
    generation g = { .session = s, .request = r, .answer = answer };
    double start = seconds();
    bool ok = open_generation(&g, err) && read_prompt(s, r, answer, g.logits, err);
    double read = seconds();
    answer->prompt_s = read - start;
    ok = ok && generate(&g, err) && outlet_finish(&g.out, err);
    answer->generate_s = seconds() - read;
    if (g.draft)
        drafter_end(s->drafter, g.draft);
    outlet_close(&g.out);
    sampler_free(g.chooser);
    sampler_scratch_free(g.scratch);
    free(g.logits);
    return ok;
}
