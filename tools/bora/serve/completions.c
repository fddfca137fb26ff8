/* POST /v1/completions. */
#include <stdlib.h>
#include <string.h>

#include "logprobs.h"
#include "reply.h"

static const bora_tokenizer *tokenizer_of(const choice *c)
{
    return bora_model_tokenizer(c->reply->model->model, NULL);
}

static int64_t count_characters(const char *text)
{
    int64_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* ---- chunks */

static bool send_text(choice *c, const char *text, size_t len, const char *finish)
{
    writer *w = &c->reply->out;
    reply_chunk_begin(c->reply);
    put_open(w, NULL, '{');
    put_text(w, "text", text, len);
    put_int(w, "index", c->index);
    logprobs_put_completion(w, "logprobs", &c->logprobs);
    put_string(w, "finish_reason", finish);
    put_close(w, '}');
    return reply_chunk_end(c->reply);
}

/* Offsets are into prompt and completion together. */
static void begin_offsets(choice *c)
{
    const reply *r = c->reply;
    const char *prompt = r->prompts[c->prompt].text;
    if (!r->request.echo && prompt && c->n_tokens <= 1)
        c->logprobs.offset = count_characters(prompt);
}

/* Nothing is given out before the first text: the prompt's probabilities come with it. */
static void begin(choice *c)
{
    (void)c;
}

/* The prompt, in front of the first text. */
static void echo(choice *c)
{
    const reply *r = c->reply;
    const char *prompt = r->prompts[c->prompt].text;
    if (!r->request.echo || !prompt || c->echoed)
        return;
    c->echoed = true;
    if (r->request.stream)
        send_text(c, prompt, strlen(prompt), NULL);
    if (reply_keeps_text(r))
        put_raw(&c->text, prompt, strlen(prompt));
}

/* ---- what comes from the engine */

/* Many tokenizers put a space before the first word, and markers in front, which are not in the text. */
static int64_t prompt_characters(choice *c, int32_t id)
{
    const bora_tokenizer *t = tokenizer_of(c);
    const char *prompt = c->reply->prompts[c->prompt].text;
    if (bora_tokenizer_is_special(t, id) && !c->reply->request.keep_special)
        return 0;
    const char *piece = bora_tokenizer_piece(t, id);
    bool drops = c->logprobs.offset == 0 && piece && strncmp(piece, "\xe2\x96\x81", 3) == 0 && prompt && *prompt != ' ';
    return logprobs_characters(t, id) - drops;
}

static void token(choice *c, const bora_token *t, bool of_prompt)
{
    bool first = of_prompt && c->logprobs.tokens.len == 0;
    if (!of_prompt)
        begin_offsets(c);
    int64_t n = of_prompt ? prompt_characters(c, t->id) : logprobs_characters(tokenizer_of(c), t->id);
    logprobs_add_completion(&c->logprobs, tokenizer_of(c), t, n, first);
}

static bool text(choice *c, bool thinking, const char *piece, size_t len)
{
    (void)thinking;
    echo(c);
    if (reply_keeps_text(c->reply))
        put_raw(&c->text, piece, len);
    return !c->text.failed && (!c->reply->request.stream || send_text(c, piece, len, NULL));
}

static void end(choice *c)
{
    const reply *r = c->reply;
    echo(c);
    if (c->text.failed)
        api_fail_bora(&c->reply->error, NULL, &(bora_error){ .code = BORA_MEMORY });
    c->finish = r->request.max_tokens < 0 ? "length" : reply_finish(c);
    if (r->request.stream && r->error.status == 0)
        send_text(c, "", 0, c->finish);
}

static void put_choice(writer *w, choice *c, int index)
{
    put_open(w, NULL, '{');
    put_text(w, "text", c->text.data ? c->text.data : "", c->text.len);
    put_int(w, "index", index);
    logprobs_put_completion(w, "logprobs", &c->logprobs);
    put_string(w, "finish_reason", c->finish);
    put_close(w, '}');
}

static const reply_form form = {
    .id_prefix = "cmpl-",
    .object = "text_completion",
    .chunk_object = "text_completion",
    .begin = begin,
    .token = token,
    .text = text,
    .end = end,
    .put_choice = put_choice,
};

/* ---- the request */

/* The text of ids, for those who ask for it back. malloc'd. */
static char *decode(const host_model *m, const reply_prompt *p, bool keep_special, api_error *e)
{
    bora_error err = { .code = BORA_OK };
    const bora_tokenizer *t = api_tokenizer(m, e);
    bora_detokenizer *d = t ? bora_detokenizer_new(t, !keep_special, &err) : NULL;
    writer w = { 0 };
    const char *piece;
    size_t len;
    bool ok = d != NULL;
    for (int32_t i = 0; ok && i < p->n; i++) {
        ok = bora_detokenizer_push(d, p->tokens[i], &piece, &len, &err);
        put_raw(&w, ok ? piece : "", ok ? len : 0);
    }
    if (ok && (ok = bora_detokenizer_finish(d, &piece, &len, &err)))
        put_raw(&w, piece, len);
    bora_detokenizer_free(d);
    if (ok && !w.failed)
        return w.data;
    writer_free(&w);
    api_fail_bora(e, "prompt", ok ? &(bora_error){ .code = BORA_MEMORY } : &err);
    return NULL;
}

static bool set_prompt(reply *r, size_t i, api_error *e)
{
    reply_prompt *p = &r->prompts[i];
    if (!api_tokenizer(r->model, e)) /* the answer is text, whatever the prompt is */
        return false;
    api_input in = api_input_at(r->request.prompt, i);
    if (in.text) {
        p->tokens = api_encode(r->model, in.text, false, &p->n, e);
        p->text = p->tokens ? strdup(in.text) : NULL;
    } else {
        size_t n = 0;
        p->tokens = api_ids(in.ids, bora_model_n_vocab(r->model->model), "prompt", &n, e);
        p->n = (int32_t)n;
        if (p->tokens && (r->request.echo || r->request.logprobs))
            p->text = decode(r->model, p, r->request.keep_special, e);
    }
    return p->tokens && e->status == 0;
}

static void complete(api *a, http_exchange *x, const host_model *m, api_request *q)
{
    reply *r = reply_new(a, x, &form, m, q, api_n_inputs(q->prompt));
    if (!r)
        return;
    api_error e = { 0 };
    bool ok = true;
    for (size_t i = 0; ok && i < r->n_prompts; i++)
        ok = set_prompt(r, i, &e);
    int32_t n = r->request.best_of > r->request.n ? r->request.best_of : r->request.n;
    if (ok)
        reply_run(r, (size_t)n);
    else
        reply_fail(r, &e);
}

void handle_completion(http_exchange *x, void *ctx)
{
    api_request q;
    if (api_read(ctx, x, API_COMPLETION, &q))
        api_with_model(ctx, x, &q, complete);
}
