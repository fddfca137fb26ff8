/* WordPiece: the longest token that begins a word, then the longest that continues it; one miss and the whole word is
 * unknown. WordLevel: the word is a token or it is not. */
#include "text/tokenizer.h"

static bool push_unknown(encoder *e, bora_error *err)
{
    if (e->t->model.unknown < 0)
        return unknown_text(e, err);
    return id_list_push(&e->out, e->t->model.unknown);
}

bool wordpiece_encode(encoder *e, const char *text, size_t len, bora_error *err)
{
    const model *m = &e->t->model;
    size_t n_chars = 0, first = e->out.n;
    if (m->kind == MODEL_WORDLEVEL) {
        int32_t id = string_map_get(&m->ids, text, len);
        return id >= 0 ? id_list_push(&e->out, id) : push_unknown(e, err);
    }
    for (size_t i = 0; i < len; i++)
        n_chars += ((unsigned char)text[i] & 0xc0) != 0x80;
    if (n_chars > m->max_word_chars)
        return push_unknown(e, err);
    if (m->word_prefix.len) {
        buf_clear(&e->text);
        buf_append(&e->text, m->word_prefix.data, m->word_prefix.len);
        if (!buf_append(&e->text, text, len))
            return bora_fail_memory(err, "a word");
        text = e->text.data;
        len = e->text.len;
    }
    for (size_t start = 0, end; start < len; start = end) {
        const bora_text prefix = start > 0 ? m->continuing_prefix : (bora_text){ "", 0 };
        int32_t id = -1;
        end = len - start > m->max_token_len ? start + m->max_token_len : len;
        while (end < len && end > start && ((unsigned char)text[end] & 0xc0) == 0x80)
            end--;
        buf_clear(&e->word);
        buf_append(&e->word, prefix.data, prefix.len);
        if (!buf_append(&e->word, text + start, end - start))
            return bora_fail_memory(err, "a word");
        while (end > start) {
            id = string_map_get(&m->ids, e->word.data, prefix.len + end - start);
            if (id >= 0)
                break;
            do
                end--;
            while (end > start && ((unsigned char)text[end] & 0xc0) == 0x80);
        }
        if (id < 0) {
            e->out.n = first;
            return push_unknown(e, err);
        }
        id_list_push(&e->out, id);
    }
    return true;
}
