/* The public face of tokenizers, and the pipeline of encoding (see tokenizer.h). */
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

bora_tokenizer *tokenizer_new(bora_error *err)
{
    bora_tokenizer *t = calloc(1, sizeof *t);
    if (!t) {
        bora_fail_memory(err, "a tokenizer");
        return NULL;
    }
    t->model.unknown = -1;
    memset(t->model.bytes, 0xff, sizeof t->model.bytes); /* all -1 */
    return t;
}

void bora_tokenizer_free(bora_tokenizer *t)
{
    if (!t)
        return;
    string_map_free(&t->model.ids);
    string_map_free(&t->added_ids);
    pair_map_free(&t->model.merges);
    trie_free(&t->model.pieces);
    trie_free(&t->added.raw);
    trie_free(&t->added.normalized);
    trie_free(&t->verbatim);
    regex_free(t->added.word);
    normalizer_free(&t->normalizers);
    pretokenizer_free(&t->pretokenizers);
    decoder_free(&t->decoder);
    arena_free(&t->mem);
    free(t);
}

bool model_encode(encoder *e, const char *text, size_t len, bora_error *err)
{
    switch (e->t->model.kind) {
    case MODEL_BPE:
    case MODEL_SENTENCEPIECE:
        return bpe_encode(e, text, len, err);
    case MODEL_UNIGRAM:
        return unigram_encode(e, text, len, err);
    case MODEL_WORDPIECE:
    case MODEL_WORDLEVEL:
        return wordpiece_encode(e, text, len, err);
    }
    return bora_fail(err, BORA_INTERNAL, "model of kind %d", (int)e->t->model.kind);
}

/* Normalizes each text of `in` and cuts it at the added tokens that match normalized text. */
static bool normalize_pieces(encoder *e, const pieces *in, pieces *out, bool parse_special, bora_error *err)
{
    const bora_tokenizer *t = e->t;
    buf text = { 0 };
    bool ok = true;
    for (size_t i = 0; ok && i < in->n; i++) {
        const piece *p = &in->items[i];
        bool cut;
        if (p->token >= 0) {
            ok = pieces_add(out, 0, 0, p->token, false) || bora_fail_memory(err, "text");
            continue;
        }
        buf_clear(&text);
        ok = normalize(&t->normalizers, &e->regex, in->text.data + p->start, p->len, &text, &cut, err) &&
             added_tokens_split(&t->added, &t->added.normalized, &e->regex, buf_text(&text), text.len,
                                p->from_start && !cut, parse_special, out, err);
    }
    buf_free(&text);
    return ok;
}

/* The ids of the text alone, into e->out. */
static bool encode_text(encoder *e, const char *text, size_t len, bool parse_special, bora_error *err)
{
    const bora_tokenizer *t = e->t;
    buf clean = { 0 };
    pieces now = { 0 }, spare = { 0 };
    bool ok = false;
    utf8_repair(&clean, text, len, false);
    if (clean.failed) {
        bora_fail_memory(err, "text");
        goto done;
    }
    if (!added_tokens_split(&t->added, &t->added.raw, &e->regex, buf_text(&clean), clean.len, true, parse_special,
                            &spare, err) ||
        !normalize_pieces(e, &spare, &now, parse_special, err) ||
        !pretokenize(&t->pretokenizers, &e->regex, &now, &spare, err))
        goto done;
    for (size_t i = 0; i < now.n; i++) {
        const piece *p = &now.items[i];
        if (p->token >= 0)
            id_list_push(&e->out, p->token);
        else if (!model_encode(e, now.text.data + p->start, p->len, err))
            goto done;
        if (e->out.failed)
            break;
    }
    ok = !e->out.failed || bora_fail_memory(err, "tokens");
done:
    if (!ok)
        bora_fail_memory(err, "tokens"); /* unless there is a reason already */
    buf_free(&clean);
    pieces_free(&now);
    pieces_free(&spare);
    return ok;
}

/* Puts the template around the ids of a text. */
static bool apply_template(const bora_tokenizer *t, id_list *ids, bora_error *err)
{
    id_list out = { 0 };
    for (size_t i = 0; i < t->n_template; i++) {
        if (t->template_items[i] != TEMPLATE_SEQUENCE)
            id_list_push(&out, t->template_items[i]);
        else
            for (size_t k = 0; k < ids->n; k++)
                id_list_push(&out, ids->data[k]);
    }
    free(ids->data);
    *ids = out;
    return !out.failed || bora_fail_memory(err, "tokens");
}

/* Without the special tokens a template may still repeat or drop the text. */
static bool apply_bare_template(const bora_tokenizer *t, id_list *ids, bora_error *err)
{
    size_t n = ids->n, times = 0;
    for (size_t i = 0; i < t->n_template; i++)
        times += t->template_items[i] == TEMPLATE_SEQUENCE;
    if (times == 0)
        ids->n = 0;
    for (size_t k = 1; k < times; k++)
        for (size_t i = 0; i < n; i++)
            id_list_push(ids, ids->data[i]);
    return !ids->failed || bora_fail_memory(err, "tokens");
}

bool bora_tokenizer_encode(const bora_tokenizer *t, const char *text, size_t len, unsigned flags, int32_t **ids,
                           size_t *n, bora_error *err)
{
    encoder e = { .t = t };
    *ids = NULL;
    *n = 0;
    bool ok = encode_text(&e, text, len, flags & BORA_ENCODE_PARSE_SPECIAL, err);
    if (ok && t->template_items)
        ok = flags & BORA_ENCODE_ADD_SPECIAL ? apply_template(t, &e.out, err) : apply_bare_template(t, &e.out, err);
    regex_scratch_free(&e.regex);
    free(e.symbols);
    free(e.heap);
    free(e.paths);
    buf_free(&e.text);
    buf_free(&e.word);
    if (!ok || e.out.n == 0) {
        free(e.out.data);
        return ok;
    }
    *ids = e.out.data;
    *n = e.out.n;
    return true;
}

int32_t bora_tokenizer_n_tokens(const bora_tokenizer *t)
{
    return t->n_tokens;
}

const char *bora_tokenizer_piece(const bora_tokenizer *t, int32_t id)
{
    return id >= 0 && id < t->n_tokens ? t->tokens[id].text : NULL;
}

int32_t bora_tokenizer_find(const bora_tokenizer *t, const char *spelling)
{
    size_t len = strlen(spelling);
    int32_t id = string_map_get(&t->added_ids, spelling, len);
    if (id < 0)
        id = string_map_get(&t->model.ids, spelling, len);
    return id < t->n_tokens ? id : -1;
}

bool bora_tokenizer_is_special(const bora_tokenizer *t, int32_t id)
{
    return id >= 0 && id < t->n_tokens && (t->tokens[id].flags & TOKEN_SPECIAL);
}

bool bora_tokenizer_is_end(const bora_tokenizer *t, int32_t id)
{
    return id >= 0 && id < t->n_tokens && (t->tokens[id].flags & TOKEN_ENDS);
}

int32_t bora_tokenizer_role(const bora_tokenizer *t, const char *name)
{
    for (size_t i = 0; i < t->n_roles; i++)
        if (strcmp(t->roles[i].name, name) == 0)
            return t->roles[i].id;
    return -1;
}
