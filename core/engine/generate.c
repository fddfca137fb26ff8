/* Generation: read the prompt, then choose, say and read one token after the other. Text is held back while it may be
 * the beginning of a stop string. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "engine/sampler.h"
#include "engine/session.h"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Text on its way to the caller. */
typedef struct outlet {
    const bora_request *request;
    bora_detokenizer *detokenizer;
    buf held;       /* not given out yet */
    bool stopped;   /* a stop string came */
    bool cancelled; /* the caller wants no more */
} outlet;

static void give(outlet *o, size_t n)
{
    if (n > 0 && o->request->on_text && !o->cancelled)
        o->cancelled = !o->request->on_text(o->request->ctx, o->held.data, n);
    if (n > 0) {
        memmove(o->held.data, o->held.data + n, o->held.len - n);
        o->held.len -= n;
        o->held.data[o->held.len] = '\0';
    }
}

/* Bytes at the end of the text that are the beginning of `stop`. */
static size_t overlap(const buf *text, const char *stop)
{
    size_t n = strlen(stop), most = text->len < n - 1 ? text->len : n - 1;
    for (; most > 0; most--)
        if (memcmp(text->data + text->len - most, stop, most) == 0)
            return most;
    return 0;
}

static bool say(outlet *o, const char *text, size_t len, bora_error *err)
{
    if (!buf_append(&o->held, text, len))
        return bora_fail_memory(err, "an answer");
    size_t hold = 0, first_stop = SIZE_MAX;
    for (const char *const *stop = o->request->stop; stop && *stop; stop++) {
        if (!**stop)
            continue;
        const char *at = o->held.len ? memmem(o->held.data, o->held.len, *stop, strlen(*stop)) : NULL;
        if (at && (size_t)(at - o->held.data) < first_stop)
            first_stop = (size_t)(at - o->held.data);
        size_t held = overlap(&o->held, *stop);
        hold = held > hold ? held : hold;
    }
    if (first_stop != SIZE_MAX) {
        give(o, first_stop);
        buf_clear(&o->held);
        o->stopped = true;
    } else {
        give(o, o->held.len - hold);
    }
    return true;
}

static bool say_token(outlet *o, int32_t token, bora_error *err)
{
    const char *text;
    size_t len;
    if (!o->detokenizer)
        return true;
    return bora_detokenizer_push(o->detokenizer, token, &text, &len, err) && say(o, text, len, err);
}

/* Lets the detokenizer read the prompt: what follows then is not the beginning of a text, where some tokenizers leave
 * out a space. */
static bool follow_prompt(outlet *o, bora_error *err)
{
    const char *text;
    size_t len;
    for (int32_t i = 0; i < o->request->n_prompt; i++)
        if (!bora_detokenizer_push(o->detokenizer, o->request->prompt[i], &text, &len, err))
            return false;
    return true;
}

static bool say_rest(outlet *o, bora_error *err)
{
    const char *text;
    size_t len;
    if (!o->stopped && o->detokenizer &&
        (!bora_detokenizer_finish(o->detokenizer, &text, &len, err) || !say(o, text, len, err)))
        return false;
    give(o, o->held.len);
    return true;
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
                     float *logits, bora_error *err)
{
    int32_t context = bora_model_context_length(s->model);
    for (;;) {
        int32_t token;
        float logprob;
        if (s->length < r->n_prompt || is_cancelled(r)) {
            answer->finish = BORA_FINISH_CANCELLED;
            return true;
        }
        if (r->max_tokens > 0 && answer->n_generated >= r->max_tokens) {
            answer->finish = BORA_FINISH_LENGTH;
            return true;
        }
        if (!sampler_choose(chooser, logits, s->tokens, s->length, r->n_prompt, &token, r->on_token ? &logprob : NULL,
                            err))
            return false;
        if (!r->ignore_stop_tokens && bora_model_is_stop(s->model, token)) {
            answer->finish = BORA_FINISH_STOP;
            return true;
        }
        answer->n_generated++;
        if (r->on_token && !r->on_token(r->ctx, token, logprob))
            out->cancelled = true;
        if (!say_token(out, token, err))
            return false;
        if (out->stopped || out->cancelled) {
            answer->finish = out->cancelled ? BORA_FINISH_CANCELLED : BORA_FINISH_STOP;
            return true;
        }
        if (s->length >= context) {
            answer->finish = BORA_FINISH_CONTEXT;
            return true;
        }
        if (!session_eval(s, &token, 1, 1, r->n_prompt, false, logits, err))
            return false;
    }
}

bool bora_generate(bora_session *s, const bora_request *r, bora_answer *answer, bora_error *err)
{
    *answer = (bora_answer){ .finish = BORA_FINISH_STOP };
    int32_t n_vocab = bora_model_n_vocab(s->model);
    outlet out = { .request = r };
    sampler *chooser = sampler_new(&r->sampling, n_vocab, err);
    float *logits = chooser ? malloc((size_t)n_vocab * sizeof *logits) : NULL;
    bool ok = logits != NULL;
    if (chooser && !logits)
        bora_fail_memory(err, "logits");
    if (ok && r->on_text) {
        const bora_tokenizer *t = bora_model_tokenizer(s->model, err);
        out.detokenizer = t ? bora_detokenizer_new(t, !r->keep_special, err) : NULL;
        ok = out.detokenizer != NULL;
    }
    double start = seconds();
    ok = ok && read_prompt(s, r, answer, logits, err);
    if (ok && out.detokenizer && r->continues)
        ok = follow_prompt(&out, err);
    double read = seconds();
    answer->prompt_s = read - start;
    ok = ok && generate(s, r, answer, &out, chooser, logits, err) && say_rest(&out, err);
    answer->generate_s = seconds() - read;
    bora_detokenizer_free(out.detokenizer);
    buf_free(&out.held);
    sampler_free(chooser);
    free(logits);
    return ok;
}
