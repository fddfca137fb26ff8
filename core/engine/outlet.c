/* Text on its way to the caller: see outlet.h. */
#include "engine/outlet.h"

#include <stdlib.h>
#include <string.h>

#include "model/model.h"

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

bool outlet_token(outlet *o, int32_t token, bora_error *err)
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

bool outlet_open(outlet *o, const bora_model *model, const bora_request *r, bora_error *err)
{
    *o = (outlet){ .request = r };
    if (!r->on_text && !r->on_part)
        return true;
    o->tokenizer = bora_model_tokenizer(model, err);
    o->detokenizer = o->tokenizer ? bora_detokenizer_new(o->tokenizer, !r->keep_special, err) : NULL;
    const bora_chat_conventions *chat = model->source.arch->chat;
    o->reasoning = (reasoning){ .give = r->on_part, .ctx = r->ctx, .own = chat ? chat->thinking : NULL };
    o->tool_syntax = model->tool_syntax;
    return o->detokenizer && (!r->on_part || follow_tags(o, err)) && (!r->continues || follow_prompt(o, err));
}

void outlet_close(outlet *o)
{
    bora_detokenizer_free(o->detokenizer);
    reasoning_free(&o->reasoning);
    buf_free(&o->held);
}

bool outlet_finish(outlet *o, bora_error *err)
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
