/* Generation: read the prompt, then choose, say and read one token after the other. */
#include <stdlib.h>
#include <time.h>

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

static bool generate(bora_session *s, const bora_request *r, bora_answer *answer, outlet *out, sampler *chooser,
                     sampler_scratch *scratch, float *logits, bora_error *err)
{
    int32_t context = bora_model_context_length(s->model);
    for (;;) {
        bora_token chosen;
        if (s->length < r->n_prompt || is_cancelled(r)) {
            answer->finish = BORA_FINISH_CANCELLED;
            return true;
        }
        sampler_place place = { logits, s->tokens, s->length, r->n_prompt, s->length - r->n_prompt };
        if (!sampler_choose(chooser, scratch, &place, r->logprobs ? r->n_top : -1, &chosen, err))
            return false;
        if (!r->ignore_stop_tokens && bora_model_is_stop(s->model, chosen.id)) {
            answer->finish = BORA_FINISH_STOP;
            return true;
        }
        answer->n_generated++;
        if (r->on_token && !r->on_token(r->ctx, &chosen))
            out->cancelled = true;
        if (!outlet_token(out, chosen.id, err))
            return false;
        if (out->stopped || out->cancelled) {
            answer->finish = out->cancelled ? BORA_FINISH_CANCELLED : BORA_FINISH_STOP;
            return true;
        }
        if (r->max_tokens > 0 && answer->n_generated >= r->max_tokens) {
            answer->finish = BORA_FINISH_LENGTH;
            return true;
        }
        if (s->length >= context) {
            answer->finish = BORA_FINISH_CONTEXT;
            return true;
        }
        if (!session_eval(s, &chosen.id, 1, 1, r->n_prompt, false, logits, err))
            return false;
    }
}

bool bora_generate(bora_session *s, const bora_request *r, bora_answer *answer, bora_error *err)
{
    *answer = (bora_answer){ .finish = BORA_FINISH_STOP };
    int32_t n_vocab = bora_model_n_vocab(s->model);
    outlet out = { 0 };
    sampler *chooser = sampler_new(&r->sampling, n_vocab, s->model->tokenizer, err);
    sampler_scratch *scratch = chooser ? sampler_scratch_new(n_vocab, err) : NULL;
    float *logits = scratch ? malloc((size_t)n_vocab * sizeof *logits) : NULL;
    bool ok = logits != NULL;
    if (scratch && !logits)
        bora_fail_memory(err, "logits");
    ok = ok && outlet_open(&out, s->model, r, err);
    double start = seconds();
    ok = ok && read_prompt(s, r, answer, logits, err);
    double read = seconds();
    answer->prompt_s = read - start;
    ok = ok && generate(s, r, answer, &out, chooser, scratch, logits, err) && outlet_finish(&out, err);
    answer->generate_s = seconds() - read;
    outlet_close(&out);
    sampler_free(chooser);
    sampler_scratch_free(scratch);
    free(logits);
    return ok;
}
