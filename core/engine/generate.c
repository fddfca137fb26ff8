/* Generation: read the prompt, then choose, say and read one token after the other. Text is held back while it may be
 * the beginning of a stop string; what is given out goes to the caller as it is, and told apart by reasoning.h. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "engine/reasoning.h"
#include "engine/sampler.h"
#include "engine/session.h"
#include "model/model.h"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Text on its way to the caller. */
typedef struct outlet {
    const bora_request *request;
    const bora_tokenizer *tokenizer; /* NULL: nobody wants text */
    bora_detokenizer *detokenizer;
    reasoning reasoning;
    const bora_tool_syntax *tool_syntax; /* of the model, or NULL */
    buf held;                            /* not given out yet */
    bool stopped;                        /* a stop string came */
    bool cancelled;                      /* the caller wants no more */
} outlet;

static bool give(outlet *o, size_t n, bora_error *err)
{
    const bora_request *r = o->request;
    if (n == 0)
        return true;
    if (r->on_text && !o->cancelled)
        o->cancelled = !r->on_text(r->ctx, o->held.data, n);
    bool ok = !r->on_part || o->cancelled || reasoning_push(&o->reasoning, o->held.data, n, err);
    o->cancelled |= o->reasoning.stopped;
    memmove(o->held.data, o->held.data + n, o->held.len - n);
    o->held.len -= n;
    o->held.data[o->held.len] = '\0';
    return ok;
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
    if (first_stop == SIZE_MAX)
        return give(o, o->held.len - hold, err);
    o->stopped = true;
    bool ok = give(o, first_stop, err);
    buf_clear(&o->held);
    return ok;
}

/* Whether a special token is one of the marks of a call, or a part of one. */
static bool is_tool_mark(const bora_tool_syntax *s, const char *piece)
{
    if (!s)
        return false;
    const char *const marks[] = {
        s->begin, s->end, s->arguments_begin, s->parameter_begin, s->parameter_name_end, s->parameter_end,
    };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (marks[i] && strstr(marks[i], piece))
            return true;
    for (const char *const *mark = s->around; mark && *mark; mark++)
        if (strstr(*mark, piece))
            return true;
    return false;
}

/* The marks of thinking and of calls are text, whatever kind of token they are. */
static const char *special_mark(const outlet *o, int32_t token)
{
    const char *piece = o->request->on_part && bora_tokenizer_is_special(o->tokenizer, token)
                            ? bora_tokenizer_piece(o->tokenizer, token)
                            : NULL;
    if (!piece || !*piece)
        return NULL;
    return reasoning_is_tag(o->reasoning.own, piece) || is_tool_mark(o->tool_syntax, piece) ? piece : NULL;
}

static bool say_token(outlet *o, int32_t token, bora_error *err)
{
    const char *text;
    size_t len;
    if (!o->detokenizer)
        return true;
    const char *mark = special_mark(o, token);
    if (mark)
        return say(o, mark, strlen(mark), err);
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

/* Looks whether the prompt ends with an open tag. */
static bool follow_tags(outlet *o, bora_error *err)
{
    enum { LAST_TOKENS = 64 };
    const bora_request *r = o->request;
    bora_detokenizer *d = bora_detokenizer_new(o->tokenizer, false, err);
    bool ok = d != NULL;
    buf end = { 0 };
    for (int32_t i = r->n_prompt > LAST_TOKENS ? r->n_prompt - LAST_TOKENS : 0; ok && i < r->n_prompt; i++) {
        const char *text;
        size_t len;
        ok = bora_detokenizer_push(d, r->prompt[i], &text, &len, err) &&
             (buf_append(&end, text, len) || bora_fail_memory(err, "the end of a prompt"));
    }
    if (ok)
        reasoning_follow(&o->reasoning, buf_text(&end), end.len);
    buf_free(&end);
    bora_detokenizer_free(d);
    return ok;
}

static bool open_outlet(outlet *o, const bora_model *model, bora_error *err)
{
    const bora_request *r = o->request;
    if (!r->on_text && !r->on_part)
        return true;
    o->tokenizer = bora_model_tokenizer(model, err);
    o->detokenizer = o->tokenizer ? bora_detokenizer_new(o->tokenizer, !r->keep_special, err) : NULL;
    const bora_chat_conventions *chat = model->source.arch->chat;
    o->reasoning = (reasoning){ .give = r->on_part, .ctx = r->ctx, .own = chat ? chat->thinking : NULL };
    o->tool_syntax = model->tool_syntax;
    return o->detokenizer && (!r->on_part || follow_tags(o, err)) && (!r->continues || follow_prompt(o, err));
}

static void close_outlet(outlet *o)
{
    bora_detokenizer_free(o->detokenizer);
    reasoning_free(&o->reasoning);
    buf_free(&o->held);
}

static bool say_rest(outlet *o, bora_error *err)
{
    const char *text;
    size_t len;
    if (!o->stopped && o->detokenizer &&
        (!bora_detokenizer_finish(o->detokenizer, &text, &len, err) || !say(o, text, len, err)))
        return false;
    if (!give(o, o->held.len, err))
        return false;
    if (!o->cancelled)
        reasoning_finish(&o->reasoning);
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
        if (r->max_tokens > 0 && answer->n_generated >= r->max_tokens) {
            answer->finish = BORA_FINISH_LENGTH;
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
    ok = ok && open_outlet(&out, s->model, err);
    double start = seconds();
    ok = ok && read_prompt(s, r, answer, logits, err);
    double read = seconds();
    answer->prompt_s = read - start;
    ok = ok && generate(s, r, answer, &out, chooser, logits, err) && say_rest(&out, err);
    answer->generate_s = seconds() - read;
    close_outlet(&out);
    sampler_free(chooser);
    free(logits);
    return ok;
}
