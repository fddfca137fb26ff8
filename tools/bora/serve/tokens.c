/* POST /v1/tokenize and /v1/detokenize. */
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "writer.h"

/* The ids of what the request gives, malloc'd. */
static bool tokenize(const host_model *m, const api_request *q, int32_t **ids, size_t *n, api_error *e)
{
    bora_error err = { .code = BORA_OK };
    const bora_tokenizer *t = api_tokenizer(m, e);
    if (!t)
        return false;
    bool ok;
    if (q->messages) {
        char *prompt = api_render(m, q, e);
        if (!prompt)
            return false;
        ok = bora_model_encode(m->model, prompt, strlen(prompt), true, ids, n, &err);
        free(prompt);
    } else {
        unsigned flags = BORA_ENCODE_PARSE_SPECIAL | (q->add_special_tokens ? BORA_ENCODE_ADD_SPECIAL : 0U);
        ok = bora_tokenizer_encode(t, q->prompt->valuestring, strlen(q->prompt->valuestring), flags, ids, n, &err);
    }
    return ok || api_fail_bora(e, "prompt", &err);
}

static void reply_tokens(http_exchange *x, const host_model *m, const api_request *q, const int32_t *ids, size_t n)
{
    writer w = { 0 };
    put_open(&w, NULL, '{');
    put_int(&w, "count", (int64_t)n);
    put_int(&w, "max_model_len", bora_model_context_length(m->model));
    put_open(&w, "tokens", '[');
    for (size_t i = 0; i < n; i++)
        put_int(&w, NULL, ids[i]);
    put_close(&w, ']');
    if (q->return_token_strs) {
        put_open(&w, "token_strs", '[');
        for (size_t i = 0; i < n; i++)
            put_string(&w, NULL, bora_tokenizer_piece(bora_model_tokenizer(m->model, NULL), ids[i]));
        put_close(&w, ']');
    }
    put_close(&w, '}');
    api_reply_json(x, &w);
}

static void tokenize_and_reply(api *a, http_exchange *x, const host_model *m, api_request *q)
{
    api_error e = { 0 };
    int32_t *ids = NULL;
    size_t n = 0;
    if (tokenize(m, q, &ids, &n, &e))
        reply_tokens(x, m, q, ids, n);
    else
        api_reply_error(x, &e);
    free(ids);
    api_request_free(q);
    host_release(a->host, m);
}

void handle_tokenize(http_exchange *x, void *ctx)
{
    api_request q;
    if (api_read(ctx, x, API_TOKENIZE, &q))
        api_with_model(ctx, x, &q, tokenize_and_reply);
}

static bool detokenize(const host_model *m, const api_request *q, writer *text, api_error *e)
{
    bora_error err = { .code = BORA_OK };
    const bora_tokenizer *t = api_tokenizer(m, e);
    size_t n = 0, len;
    int32_t *ids = t ? api_ids(q->tokens, bora_model_n_vocab(m->model), "tokens", &n, e) : NULL;
    bora_detokenizer *d = ids ? bora_detokenizer_new(t, !q->keep_special, &err) : NULL;
    const char *piece;
    bool ok = d != NULL;
    for (size_t i = 0; ok && i < n; i++)
        if ((ok = bora_detokenizer_push(d, ids[i], &piece, &len, &err)))
            put_raw(text, piece, len);
    if (ok && (ok = bora_detokenizer_finish(d, &piece, &len, &err)))
        put_raw(text, piece, len);
    bora_detokenizer_free(d);
    free(ids);
    return ok || (e->status == 0 && api_fail_bora(e, "tokens", &err));
}

static void detokenize_and_reply(api *a, http_exchange *x, const host_model *m, api_request *q)
{
    api_error e = { 0 };
    writer text = { 0 };
    if (detokenize(m, q, &text, &e)) {
        writer w = { .failed = text.failed };
        put_open(&w, NULL, '{');
        put_text(&w, "prompt", text.data ? text.data : "", text.len);
        put_close(&w, '}');
        api_reply_json(x, &w);
    } else {
        api_reply_error(x, &e);
    }
    writer_free(&text);
    api_request_free(q);
    host_release(a->host, m);
}

void handle_detokenize(http_exchange *x, void *ctx)
{
    api_request q;
    if (api_read(ctx, x, API_DETOKENIZE, &q))
        api_with_model(ctx, x, &q, detokenize_and_reply);
}
