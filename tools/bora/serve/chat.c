/* POST /v1/chat/completions. */
#include <stdlib.h>
#include <string.h>

#include "logprobs.h"
#include "reply.h"

/* ---- chunks */

static void put_item_begin(choice *c)
{
    writer *w = &c->reply->out;
    reply_chunk_begin(c->reply);
    put_open(w, NULL, '{');
    put_int(w, "index", c->index);
    put_open(w, "delta", '{');
}

static bool put_item_end(choice *c, const char *finish)
{
    writer *w = &c->reply->out;
    put_close(w, '}');
    logprobs_put_chat(w, "logprobs", &c->logprobs);
    put_string(w, "finish_reason", finish);
    put_close(w, '}');
    return reply_chunk_end(c->reply);
}

static void begin(choice *c)
{
    put_item_begin(c);
    put_string(&c->reply->out, "role", "assistant");
    put_string(&c->reply->out, "content", "");
    put_item_end(c, NULL);
}

static bool send_text(choice *c, const char *key, const char *text, size_t len)
{
    put_item_begin(c);
    put_text(&c->reply->out, key, text, len);
    return put_item_end(c, NULL);
}

static void put_call(writer *w, const bora_tool_call *call, int index)
{
    char id[32] = "call_";
    api_random_id(id + 5, 24);
    put_open(w, NULL, '{');
    if (index >= 0)
        put_int(w, "index", index);
    put_string(w, "id", id);
    put_string(w, "type", "function");
    put_open(w, "function", '{');
    put_string(w, "name", call->name);
    put_string(w, "arguments", call->arguments);
    put_close(w, '}');
    put_close(w, '}');
}

static void send_calls(choice *c)
{
    for (size_t i = 0; i < c->calls.n_calls; i++) {
        put_item_begin(c);
        put_open(&c->reply->out, "tool_calls", '[');
        put_call(&c->reply->out, &c->calls.calls[i], (int)i);
        put_close(&c->reply->out, ']');
        put_item_end(c, NULL);
    }
}

/* ---- what comes from the engine */

static void token(choice *c, const bora_token *t, bool of_prompt)
{
    (void)of_prompt;
    logprobs_add_chat(&c->logprobs, bora_model_tokenizer(c->reply->model->model, NULL), t);
}

/* What certainly is no call goes out at once. */
static bool text_with_tools(choice *c, const char *text, size_t len)
{
    const reply *r = c->reply;
    put_raw(&c->text, text, len);
    if (c->text.failed)
        return false;
    size_t sure = r->request.stream ? bora_tool_calls_before(r->tools, c->text.data, c->text.len) : 0, n = c->n_sent;
    if (sure <= n)
        return true;
    c->n_sent = sure;
    return send_text(c, "content", c->text.data + n, sure - n);
}

static bool text(choice *c, bool thinking, const char *piece, size_t len)
{
    const reply *r = c->reply;
    if (!thinking && r->tools)
        return text_with_tools(c, piece, len);
    if (reply_keeps_text(r))
        put_raw(thinking ? &c->thinking : &c->text, piece, len);
    if (c->text.failed || c->thinking.failed)
        return false;
    return !r->request.stream || send_text(c, thinking ? "reasoning_content" : "content", piece, len);
}

static size_t leading_space(const char *s, size_t len)
{
    size_t n = 0;
    while (n < len && strchr(" \t\r\n", s[n]) && s[n])
        n++;
    return n;
}

/* Of the text without calls, what was not given out yet. */
static void send_rest(choice *c)
{
    size_t sent = c->n_sent;
    if (c->calls.n_calls > 0 && sent > 0) /* there white space around it is left out */
        sent -= leading_space(c->text.data, sent);
    if (c->calls.text_len > sent)
        send_text(c, "content", c->calls.text + sent, c->calls.text_len - sent);
}

static void find_calls(choice *c)
{
    reply *r = c->reply;
    bora_error err = { .code = BORA_OK };
    if (!bora_tool_calls_parse(r->tools, c->text.data ? c->text.data : "", c->text.len, r->tools_json, &c->calls,
                               &err)) {
        api_fail_bora(&r->error, NULL, &err);
        return;
    }
    while (r->request.one_call && c->calls.n_calls > 1) {
        bora_tool_call *last = &c->calls.calls[--c->calls.n_calls];
        free(last->name);
        free(last->arguments);
    }
}

static void end(choice *c)
{
    const reply *r = c->reply;
    if (c->text.failed || c->thinking.failed)
        api_fail_bora(&c->reply->error, NULL, &(bora_error){ .code = BORA_MEMORY });
    if (r->tools && r->error.status == 0)
        find_calls(c);
    c->finish = reply_finish(c);
    if (!r->request.stream || r->error.status != 0)
        return;
    if (r->tools)
        send_rest(c);
    if (logprobs_any(&c->logprobs))
        send_text(c, "content", "", 0);
    send_calls(c);
    put_item_begin(c);
    put_item_end(c, c->finish);
}

/* ---- a whole answer */

static void put_choice(writer *w, choice *c, int index)
{
    const char *content = c->text.data ? c->text.data : "";
    size_t len = c->text.len;
    if (c->reply->tools) {
        content = c->calls.text ? c->calls.text : "";
        len = c->calls.text_len;
    }
    put_open(w, NULL, '{');
    put_int(w, "index", index);
    put_open(w, "message", '{');
    put_string(w, "role", "assistant");
    if (c->calls.n_calls > 0 && len == 0)
        put_null(w, "content");
    else
        put_text(w, "content", content, len);
    put_null(w, "refusal");
    if (c->thinking.len > 0)
        put_text(w, "reasoning_content", c->thinking.data, c->thinking.len);
    if (c->calls.n_calls > 0) {
        put_open(w, "tool_calls", '[');
        for (size_t i = 0; i < c->calls.n_calls; i++)
            put_call(w, &c->calls.calls[i], -1);
        put_close(w, ']');
    }
    put_close(w, '}');
    logprobs_put_chat(w, "logprobs", &c->logprobs);
    put_string(w, "finish_reason", c->finish);
    put_close(w, '}');
}

static const reply_form form = {
    .id_prefix = "chatcmpl-",
    .object = "chat.completion",
    .chunk_object = "chat.completion.chunk",
    .begin = begin,
    .token = token,
    .text = text,
    .end = end,
    .put_choice = put_choice,
};

/* ---- the request */

/* The calls that the model may make. */
static bool set_tools(reply *r, api_error *e)
{
    if (!r->request.tools || r->request.tool_choice == API_TOOLS_NONE)
        return true;
    r->tools = bora_model_tool_syntax(r->model->model);
    r->tools_json = cJSON_PrintUnformatted(r->request.tools);
    return r->tools_json || api_fail_bora(e, NULL, &(bora_error){ .code = BORA_MEMORY });
}

static void chat(api *a, http_exchange *x, const host_model *m, api_request *q)
{
    reply *r = reply_new(a, x, &form, m, q, 1);
    if (!r)
        return;
    api_error e = { 0 };
    reply_prompt *p = &r->prompts[0];
    char *prompt = set_tools(r, &e) ? api_render(m, &r->request, &e) : NULL;
    if (prompt)
        p->tokens = api_encode(m, prompt, true, &p->n, &e);
    free(prompt);
    if (p->tokens)
        reply_run(r, (size_t)r->request.n);
    else
        reply_fail(r, &e);
}

void handle_chat(http_exchange *x, void *ctx)
{
    api_request q;
    if (api_read(ctx, x, API_CHAT, &q))
        api_with_model(ctx, x, &q, chat);
}
