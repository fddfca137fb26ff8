/* Probabilities of tokens: see logprobs.h. */
#include "logprobs.h"

#include <stdlib.h>
#include <string.h>

#include "../text.h"

/* The least that JSON and its readers take for an impossible token. */
static float finite(float logprob)
{
    return logprob > -9999.0F ? logprob : -9999.0F;
}

static bool is_text(const char *bytes, size_t len)
{
    uint32_t c;
    for (size_t i = 0, n; i < len; i += n)
        if ((n = text_char(bytes + i, len - i, &c)) == 0)
            return false;
    return true;
}

/* The token as a text; a part of a character as its bytes, behind `mark`. */
static void put_spelling(writer *w, const char *key, const char *bytes, size_t len, const char *mark)
{
    if (is_text(bytes, len)) {
        put_text(w, key, bytes, len);
        return;
    }
    writer spelt = { 0 };
    put_raw(&spelt, mark, strlen(mark));
    for (size_t i = 0; i < len; i++)
        put_format(&spelt, "\\x%02x", (unsigned)(unsigned char)bytes[i]);
    put_text(w, key, spelt.data ? spelt.data : "", spelt.len);
    w->failed |= spelt.failed;
    writer_free(&spelt);
}

static char *bytes_of(const bora_tokenizer *t, int32_t token, size_t *len)
{
    char *bytes = NULL;
    *len = 0;
    return t && bora_tokenizer_bytes(t, token, &bytes, len, NULL) ? bytes : NULL;
}

static void put_chat_token(writer *w, const bora_tokenizer *t, int32_t token, float logprob)
{
    size_t len;
    char *bytes = bytes_of(t, token, &len);
    put_spelling(w, "token", bytes ? bytes : "", len, "");
    put_float(w, "logprob", finite(logprob));
    put_open(w, "bytes", '[');
    for (size_t i = 0; i < len; i++)
        put_int(w, NULL, (unsigned char)bytes[i]);
    put_close(w, ']');
    free(bytes);
}

void logprobs_add_chat(logprob_list *l, const bora_tokenizer *t, const bora_token *token)
{
    writer *w = &l->entries;
    put_open(w, NULL, '{');
    put_chat_token(w, t, token->id, token->logprob);
    put_open(w, "top_logprobs", '[');
    for (int32_t i = 0; i < token->n_top; i++) {
        put_open(w, NULL, '{');
        put_chat_token(w, t, token->top[i].token, token->top[i].logprob);
        put_close(w, '}');
    }
    put_close(w, ']');
    put_close(w, '}');
}

/* One more of the likeliest: its spelling is a key. */
static void put_top(writer *w, const bora_tokenizer *t, int32_t token, float logprob)
{
    size_t len;
    writer spelt = { 0 };
    char *bytes = bytes_of(t, token, &len);
    put_spelling(&spelt, NULL, bytes ? bytes : "", len, "bytes:");
    free(bytes);
    put_raw(w, w->filled ? "," : "", w->filled);
    put_raw(w, spelt.data ? spelt.data : "", spelt.len);
    put_format(w, ":%.9g", (double)finite(logprob));
    w->filled = true;
    w->failed |= spelt.failed;
    writer_free(&spelt);
}

void logprobs_add_completion(logprob_list *l, const bora_tokenizer *t, const bora_token *token, int64_t characters,
                             bool unknown)
{
    size_t len;
    char *bytes = bytes_of(t, token->id, &len);
    put_spelling(&l->tokens, NULL, bytes ? bytes : "", len, "bytes:");
    free(bytes);
    put_int(&l->text_offsets, NULL, l->offset);
    l->offset += characters;
    if (unknown) {
        put_null(&l->values, NULL);
        put_null(&l->tops, NULL);
        return;
    }
    put_float(&l->values, NULL, finite(token->logprob));
    put_open(&l->tops, NULL, '{');
    bool chosen = false;
    for (int32_t i = 0; i < token->n_top; i++) {
        put_top(&l->tops, t, token->top[i].token, token->top[i].logprob);
        chosen |= token->top[i].token == token->id;
    }
    if (!chosen) /* it is always there */
        put_top(&l->tops, t, token->id, token->logprob);
    put_close(&l->tops, '}');
}

int64_t logprobs_characters(const bora_tokenizer *t, int32_t token)
{
    size_t len;
    int64_t n = 0;
    char *bytes = bytes_of(t, token, &len);
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)bytes[i] & 0xc0) != 0x80;
    free(bytes);
    return n;
}

bool logprobs_any(const logprob_list *l)
{
    return l->entries.len > 0 || l->tokens.len > 0;
}

static void put_list(writer *w, const char *key, writer *items)
{
    put_open(w, key, '[');
    put_raw(w, items->data ? items->data : "", items->len);
    put_close(w, ']');
    w->failed |= items->failed;
    writer_clear(items);
}

void logprobs_put_chat(writer *w, const char *key, logprob_list *l)
{
    if (l->entries.len == 0) {
        put_null(w, key);
        return;
    }
    put_open(w, key, '{');
    put_list(w, "content", &l->entries);
    put_null(w, "refusal");
    put_close(w, '}');
}

void logprobs_put_completion(writer *w, const char *key, logprob_list *l)
{
    if (l->tokens.len == 0) {
        put_null(w, key);
        return;
    }
    put_open(w, key, '{');
    put_list(w, "tokens", &l->tokens);
    put_list(w, "token_logprobs", &l->values);
    put_list(w, "top_logprobs", &l->tops);
    put_list(w, "text_offset", &l->text_offsets);
    put_close(w, '}');
}
