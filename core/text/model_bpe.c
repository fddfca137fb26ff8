/* Byte-pair encoding, of tokenizer.json and of GGUF `gpt2`; and GGUF `llama`: sentencepiece's BPE, where any two
 * neighbours merge that spell a token together, the token with the best score first. */
#include <stdio.h>
#include <string.h>

#include "text/merge.h"

static bool rule_merges(const model *m, const char *word, const merge_symbol *left, const merge_symbol *right,
                        uint32_t *rank, int32_t *merged)
{
    (void)word;
    const pair_slot *pair = left->id >= 0 && right->id >= 0 ? pair_map_get(&m->merges, left->id, right->id) : NULL;
    if (!pair)
        return false;
    *rank = (uint32_t)pair->rank;
    *merged = pair->id;
    return true;
}

static bool rule_scores(const model *m, const char *word, const merge_symbol *left, const merge_symbol *right,
                        uint32_t *rank, int32_t *merged)
{
    size_t len = (size_t)left->len + right->len;
    int32_t id = len <= m->max_token_len ? string_map_get(&m->ids, word + left->start, len) : -1;
    if (id < 0)
        return false;
    *rank = m->ranks[id];
    *merged = id;
    return true;
}

uint32_t score_rank(float score)
{
    uint32_t bits;
    score += 0.0f; /* -0 is 0 */
    memcpy(&bits, &score, sizeof bits);
    return bits & 0x80000000u ? bits : 0x7fffffffu - bits;
}

void model_find_bytes(model *m)
{
    for (int b = 0; b < 256; b++) {
        char name[8];
        int n = snprintf(name, sizeof name, "<0x%02X>", (unsigned)b);
        m->bytes[b] = string_map_get(&m->ids, name, (size_t)n);
    }
}

bool unknown_text(const encoder *e, bora_error *err)
{
    return bora_fail(err, BORA_FORMAT,
                     "%s: the text has a character that the vocabulary cannot spell, and there is no unknown token",
                     e->t->model.name);
}

/* Adds the byte tokens of an unknown character, if all are there. */
static bool add_bytes(encoder *e, size_t *n, const char *text, size_t start, size_t len, bool *added, bora_error *err)
{
    const model *m = &e->t->model;
    *added = m->byte_fallback;
    for (size_t i = 0; i < len; i++)
        *added &= m->bytes[(unsigned char)text[start + i]] >= 0;
    for (size_t i = 0; *added && i < len; i++)
        if (!merge_add(e, n, m->bytes[(unsigned char)text[start + i]], start + i, 1, err))
            return false;
    return true;
}

/* The id of the character text[start..start+len) with the affixes that its place asks for. */
static int32_t char_id(encoder *e, const char *text, size_t start, size_t len, bool last)
{
    const model *m = &e->t->model;
    bool prefix = start > 0 && m->continuing_prefix.len > 0, suffix = last && m->end_suffix.len > 0;
    if (!prefix && !suffix)
        return string_map_get(&m->ids, text + start, len);
    buf_clear(&e->word);
    if (prefix)
        buf_append(&e->word, m->continuing_prefix.data, m->continuing_prefix.len);
    buf_append(&e->word, text + start, len);
    if (suffix)
        buf_append(&e->word, m->end_suffix.data, m->end_suffix.len);
    return string_map_get(&m->ids, buf_text(&e->word), e->word.len);
}

/* tokenizer.json: unknown characters become bytes, or the unknown token, or nothing at all. */
static bool add_chars(encoder *e, size_t *n, const char *text, size_t len, bora_error *err)
{
    const model *m = &e->t->model;
    size_t unknown_start = 0, unknown_len = 0; /* an unknown token that is not yet written */
    for (size_t i = 0, w; i < len; i += w) {
        w = utf8_width(text[i]);
        int32_t id = char_id(e, text, i, w, i + w == len);
        bool done = false;
        if (id < 0 && !add_bytes(e, n, text, i, w, &done, err))
            return false;
        if (done || (id < 0 && !m->has_unknown))
            continue;
        if (id < 0 && m->unknown < 0)
            return bora_fail(err, BORA_FORMAT, "BPE: the unknown token is not in the vocabulary");
        if (unknown_len > 0 && (id >= 0 || !m->fuse_unknown)) {
            if (!merge_add(e, n, m->unknown, unknown_start, unknown_len, err))
                return false;
            unknown_len = 0;
        }
        if (id < 0) {
            if (unknown_len == 0)
                unknown_start = i;
            unknown_len += w;
        } else if (!merge_add(e, n, id, i, w, err)) {
            return false;
        }
    }
    return unknown_len == 0 || merge_add(e, n, m->unknown, unknown_start, unknown_len, err);
}

/* GGUF: what is no token becomes the tokens of its bytes, where there are such. */
static bool push_symbol(encoder *e, const char *text, const merge_symbol *s, bora_error *err)
{
    const model *m = &e->t->model;
    if (s->id >= 0 && s->id < e->t->n_tokens)
        return id_list_push(&e->out, s->id);
    for (size_t i = 0; i < s->len; i++) {
        int32_t id = m->bytes[(unsigned char)text[s->start + i]];
        if (id < 0 && m->drop_unknown)
            continue;
        if (id < 0 && (id = m->unknown) < 0)
            return unknown_text(e, err);
        id_list_push(&e->out, id);
    }
    return true;
}

bool bpe_encode(encoder *e, const char *text, size_t len, bora_error *err)
{
    const model *m = &e->t->model;
    size_t n = 0;
    if (len > INT32_MAX)
        return bora_fail(err, BORA_LIMIT, "a text of %zu bytes without a break", len);
    bool newlines = m->whole_newlines;
    for (size_t i = 0; newlines && i < len; i++)
        newlines = text[i] == '\n';
    if (m->ignore_merges || newlines) {
        int32_t id = string_map_get(&m->ids, text, len);
        if (id >= 0 && id < e->t->n_tokens)
            return id_list_push(&e->out, id);
    }
    if (!e->t->from_gguf) {
        if (!add_chars(e, &n, text, len, err))
            return false;
    } else {
        for (size_t i = 0, w; i < len; i += w) {
            w = utf8_width(text[i]);
            if (!merge_add(e, &n, string_map_get(&m->ids, text + i, w), i, w, err))
                return false;
        }
    }
    if (n == 0)
        return true;
    if (!merge_all(e, n, text, m->kind == MODEL_SENTENCEPIECE ? rule_scores : rule_merges, err))
        return false;
    for (int32_t i = 0; i >= 0; i = e->symbols[i].next) {
        if (!e->t->from_gguf)
            id_list_push(&e->out, e->symbols[i].id);
        else if (!push_symbol(e, text, &e->symbols[i], err))
            return false;
    }
    return true;
}
