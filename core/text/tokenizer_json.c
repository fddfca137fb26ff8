/* tokenizer.json -> the tables of a tokenizer.
 *
 * The file is what the `tokenizers` library writes. Where that library is lax (unknown members, absent defaults) so is
 * this; where it would fail or do something absurd, this is an error that says what. cJSON's objects are lists, so the
 * large ones are walked and never searched. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "text/tokenizer.h"

enum { FILE_LIMIT_BYTES = 1 << 30, TOKEN_LIMIT = 1 << 24 };

/* Makes room for ids 0 … n-1. */
static bool reserve_tokens(bora_tokenizer *t, size_t n, bora_error *err)
{
    t->tokens = arena_array(&t->mem, n ? n : 1, sizeof *t->tokens);
    t->n_tokens = (int32_t)n;
    return (t->tokens && string_map_reserve(&t->model.ids, n)) || bora_fail_memory(err, "a vocabulary");
}

static bool add_token(bora_tokenizer *t, int32_t id, const char *text, double score, bora_error *err)
{
    vocab_token *token = &t->tokens[id];
    size_t len = strlen(text);
    if (token->text)
        return bora_fail(err, BORA_FORMAT, "two tokens have the id %d: \"%.60s\" and \"%.60s\"", id, token->text, text);
    token->text = arena_strndup(&t->mem, text, len);
    if (!token->text || len > INT32_MAX || !string_map_put(&t->model.ids, token->text, len, id))
        return bora_fail_memory(err, "a vocabulary");
    token->len = (uint32_t)len;
    token->flags = TOKEN_IN_MODEL;
    token->score = score;
    if (len > t->model.max_token_len)
        t->model.max_token_len = len;
    return true;
}

/* {"the": 5, …}. Ids may have gaps, but not such that a small file makes a huge table. */
static bool read_vocab_object(bora_tokenizer *t, const cJSON *vocab, size_t spare, bora_error *err)
{
    size_t n = 0, top = 0;
    const cJSON *item;
    if (!cJSON_IsObject(vocab))
        return bora_fail(err, BORA_FORMAT, "\"vocab\" is not an object");
    cJSON_ArrayForEach(item, vocab)
        n++;
    cJSON_ArrayForEach(item, vocab) {
        double id = cJSON_IsNumber(item) ? item->valuedouble : -1;
        if (!(id >= 0) || id != floor(id))
            return bora_fail(err, BORA_FORMAT, "the token \"%.60s\" has no whole number as its id", item->string);
        if (id >= (double)(n * 4 + 65536) || id >= TOKEN_LIMIT)
            return bora_fail(err, BORA_LIMIT, "the token \"%.60s\" has the id %.0f, in a vocabulary of %zu tokens",
                             item->string, id, n);
        top = (size_t)id + 1 > top ? (size_t)id + 1 : top;
    }
    size_t last = n + spare; /* added tokens count on from the number of tokens, not from the last id */
    if (!reserve_tokens(t, top > last ? top : last, err))
        return false;
    cJSON_ArrayForEach(item, vocab)
        if (!add_token(t, (int32_t)item->valuedouble, item->string, 0, err))
            return false;
    t->n_tokens = (int32_t)n; /* for now: what the reference calls the vocabulary's size */
    return true;
}

/* [["▁the", -3.2], …] */
static bool read_vocab_scores(bora_tokenizer *t, const cJSON *vocab, size_t spare, bora_error *err)
{
    size_t n = 0;
    const cJSON *item;
    if (!cJSON_IsArray(vocab))
        return bora_fail(err, BORA_FORMAT, "\"vocab\" is not a list");
    cJSON_ArrayForEach(item, vocab)
        n++;
    if (n > TOKEN_LIMIT)
        return bora_fail(err, BORA_LIMIT, "a vocabulary of %zu tokens", n);
    if (!reserve_tokens(t, n + spare, err))
        return false;
    t->n_tokens = 0;
    double lowest = INFINITY;
    cJSON_ArrayForEach(item, vocab) {
        const cJSON *text = cJSON_IsArray(item) ? item->child : NULL, *score = text ? text->next : NULL;
        if (!cJSON_IsString(text) || !cJSON_IsNumber(score) || score->next || !isfinite(score->valuedouble))
            return bora_fail(err, BORA_FORMAT, "item %d of \"vocab\" is not [token, score]", t->n_tokens);
        if (!add_token(t, t->n_tokens, text->valuestring, score->valuedouble, err))
            return false;
        lowest = score->valuedouble < lowest ? score->valuedouble : lowest;
        t->n_tokens++;
    }
    t->model.unknown_score = lowest - 10.0;
    return true;
}

/* Both sides of "a b" or ["a", "b"]. */
static bool merge_sides(const cJSON *item, bora_text *a, bora_text *b)
{
    if (cJSON_IsString(item)) {
        const char *text = item->valuestring, *space = strchr(text, ' ');
        if (!space || strchr(space + 1, ' '))
            return false;
        *a = (bora_text){ text, (size_t)(space - text) };
        *b = (bora_text){ space + 1, strlen(space + 1) };
        return true;
    }
    const cJSON *first = cJSON_IsArray(item) ? item->child : NULL, *second = first ? first->next : NULL;
    if (!cJSON_IsString(first) || !cJSON_IsString(second) || second->next)
        return false;
    *a = (bora_text){ first->valuestring, strlen(first->valuestring) };
    *b = (bora_text){ second->valuestring, strlen(second->valuestring) };
    return true;
}

static bool read_merges(bora_tokenizer *t, const cJSON *merges, bora_error *err)
{
    model *m = &t->model;
    size_t prefix = m->continuing_prefix.len;
    int32_t rank = 0;
    buf whole = { 0 };
    const cJSON *item;
    bool ok = false;
    if (!cJSON_IsArray(merges))
        return bora_fail(err, BORA_FORMAT, "\"merges\" is not a list");
    cJSON_ArrayForEach(item, merges) {
        bora_text a, b;
        if (cJSON_IsString(item) && strncmp(item->valuestring, "#version", 8) == 0)
            continue;
        if (!merge_sides(item, &a, &b)) {
            bora_fail(err, BORA_FORMAT, "merge %d is neither \"a b\" nor [\"a\", \"b\"]", rank);
            goto done;
        }
        buf_clear(&whole);
        buf_append(&whole, a.data, a.len);
        if (b.len >= prefix)
            buf_append(&whole, b.data + prefix, b.len - prefix);
        int32_t left = string_map_get(&m->ids, a.data, a.len), right = string_map_get(&m->ids, b.data, b.len);
        int32_t merged = b.len >= prefix ? string_map_get(&m->ids, buf_text(&whole), whole.len) : -1;
        if (left < 0 || right < 0 || merged < 0) {
            bora_fail(err, BORA_FORMAT, "merge %d (\"%.60s\" + \"%.60s\") names a token that is not in the vocabulary",
                      rank, a.data, b.data);
            goto done;
        }
        if (whole.failed || !pair_map_put(&m->merges, left, right, rank, merged, false)) {
            bora_fail_memory(err, "merges");
            goto done;
        }
        rank++;
    }
    ok = true;
done:
    buf_free(&whole);
    return ok;
}

static bool keep_string(bora_tokenizer *t, const cJSON *json, const char *key, bool required, bora_text *out,
                        bora_error *err)
{
    bora_text text = { 0 };
    if (!member_string(json, key, required, &text, err))
        return false;
    if (!text.data)
        return true;
    *out = text_copy(&t->mem, text);
    return out->data || bora_fail_memory(err, "a tokenizer");
}

static bool find_unknown(bora_tokenizer *t, const cJSON *json, bool required, bora_error *err)
{
    bora_text unknown = { 0 };
    if (!member_string(json, "unk_token", required, &unknown, err))
        return false;
    t->model.has_unknown = unknown.data != NULL;
    t->model.unknown = unknown.data ? string_map_get(&t->model.ids, unknown.data, unknown.len) : -1;
    return true;
}

static bool read_bpe(bora_tokenizer *t, const cJSON *json, size_t spare, bora_error *err)
{
    model *m = &t->model;
    const cJSON *dropout = json_get(json, "dropout");
    m->kind = MODEL_BPE;
    if (!json_absent(dropout) && !(cJSON_IsNumber(dropout) && dropout->valuedouble == 0))
        return bora_fail(err, BORA_UNSUPPORTED, "a dropout makes ids random; set it to null");
    if (!member_bool(json, "fuse_unk", false, &m->fuse_unknown, err) ||
        !member_bool(json, "byte_fallback", false, &m->byte_fallback, err) ||
        !member_bool(json, "ignore_merges", false, &m->ignore_merges, err) ||
        !keep_string(t, json, "continuing_subword_prefix", false, &m->continuing_prefix, err) ||
        !keep_string(t, json, "end_of_word_suffix", false, &m->end_suffix, err) ||
        !read_vocab_object(t, json_get(json, "vocab"), spare, err) || !find_unknown(t, json, false, err))
        return false;
    model_find_bytes(m);
    return read_merges(t, json_get(json, "merges"), err);
}

static bool read_unigram(bora_tokenizer *t, const cJSON *json, size_t spare, bora_error *err)
{
    model *m = &t->model;
    size_t unknown = SIZE_MAX;
    m->kind = MODEL_UNIGRAM;
    m->relookup = true;
    if (!member_bool(json, "byte_fallback", false, &m->byte_fallback, err) ||
        !read_vocab_scores(t, json_get(json, "vocab"), spare, err) ||
        !member_size(json, "unk_id", false, INT32_MAX, &unknown, err))
        return false;
    if (unknown != SIZE_MAX && unknown >= (size_t)t->n_tokens)
        return bora_fail(err, BORA_FORMAT, "\"unk_id\" is %zu, in a vocabulary of %d tokens", unknown, t->n_tokens);
    m->has_unknown = unknown != SIZE_MAX;
    m->unknown = m->has_unknown ? (int32_t)unknown : -1;
    model_find_bytes(m);
    for (int32_t id = 0; id < t->n_tokens; id++)
        if (!trie_put(&m->pieces, t->tokens[id].text, t->tokens[id].len, id))
            return bora_fail_memory(err, "a vocabulary");
    return true;
}

static bool read_wordpiece(bora_tokenizer *t, const cJSON *json, bool whole_words, size_t spare, bora_error *err)
{
    model *m = &t->model;
    m->kind = whole_words ? MODEL_WORDLEVEL : MODEL_WORDPIECE;
    m->max_word_chars = 100;
    if (!whole_words && (!keep_string(t, json, "continuing_subword_prefix", false, &m->continuing_prefix, err) ||
                         !member_size(json, "max_input_chars_per_word", false, UINT32_MAX, &m->max_word_chars, err)))
        return false;
    if (!whole_words && !m->continuing_prefix.data)
        m->continuing_prefix = (bora_text){ "##", 2 };
    return read_vocab_object(t, json_get(json, "vocab"), spare, err) && find_unknown(t, json, true, err);
}

/* Files of the first versions do not say what their model is; it shows. */
static const char *model_type(const cJSON *json)
{
    const char *type = json_string(json, "type", NULL);
    if (type || !json_absent(json_get(json, "type")))
        return type;
    if (json_get(json, "merges"))
        return "BPE";
    if (cJSON_IsArray(json_get(json, "vocab")))
        return "Unigram";
    return json_get(json, "continuing_subword_prefix") ? "WordPiece" : "WordLevel";
}

static bool read_model(bora_tokenizer *t, const cJSON *json, size_t spare, bora_error *err)
{
    const char *type = cJSON_IsObject(json) ? model_type(json) : NULL;
    bool ok;
    if (!type)
        return bora_fail(err, BORA_FORMAT, "there is no \"model\", or it has no \"type\"");
    if (strcmp(type, "BPE") == 0)
        ok = read_bpe(t, json, spare, err);
    else if (strcmp(type, "Unigram") == 0)
        ok = read_unigram(t, json, spare, err);
    else if (strcmp(type, "WordPiece") == 0 || strcmp(type, "WordLevel") == 0)
        ok = read_wordpiece(t, json, type[4] == 'L', spare, err);
    else
        return bora_fail(err, BORA_UNSUPPORTED, "a model of type \"%.60s\"", type);
    return ok || bora_error_prefix(err, "model");
}

/* What normalization makes of an added token: what is looked for, and what the decoder sees. */
static bool normalized_spelling(bora_tokenizer *t, vocab_token *token, bora_text *out, bora_error *err)
{
    buf text = { 0 };
    regex_scratch scratch = { 0 };
    bool cut, ok = normalize(&t->normalizers, &scratch, token->text, token->len, &text, &cut, err);
    *out = (bora_text){ token->text, token->len };
    if (ok && (text.len != token->len || memcmp(buf_text(&text), token->text, text.len) != 0)) {
        *out = token->decoded = text_copy(&t->mem, (bora_text){ buf_text(&text), text.len });
        ok = out->data || bora_fail_memory(err, "an added token");
    }
    buf_free(&text);
    regex_scratch_free(&scratch);
    return ok;
}

static bool read_added_token(bora_tokenizer *t, const cJSON *json, int32_t *next, bora_error *err)
{
    added_token added = { 0 };
    bora_text content = { 0 }, spelling;
    bool normalized = true;
    size_t id_in_file;
    if (!member_string(json, "content", true, &content, err) ||
        !member_bool(json, "special", true, &added.special, err) ||
        !member_bool(json, "single_word", true, &added.single_word, err) ||
        !member_bool(json, "lstrip", true, &added.lstrip, err) ||
        !member_bool(json, "rstrip", true, &added.rstrip, err) ||
        !member_bool(json, "normalized", true, &normalized, err) ||
        !member_size(json, "id", true, UINT32_MAX, &id_in_file, err))
        return bora_error_prefix(err, "added token \"%.60s\"", content.data ? content.data : "?");
    if (content.len == 0)
        return true;
    /* The reference goes by the spelling: the vocabulary's id, or the next that is free; the file's id is a comment. */
    added.id = string_map_get(&t->added_ids, content.data, content.len);
    if (added.id < 0)
        added.id = string_map_get(&t->model.ids, content.data, content.len);
    if (added.id < 0)
        added.id = (*next)++;
    vocab_token *token = &t->tokens[added.id];
    if (!token->text || !(token->flags & TOKEN_IN_MODEL) || strcmp(token->text, content.data) != 0) {
        token->text = arena_strndup(&t->mem, content.data, content.len);
        token->len = (uint32_t)content.len;
    }
    if (!token->text || !string_map_put(&t->added_ids, token->text, token->len, added.id))
        return bora_fail_memory(err, "an added token");
    token->flags |= added.special ? TOKEN_SPECIAL : 0;
    token->decoded = (bora_text){ 0 };
    spelling = (bora_text){ token->text, token->len };
    if (normalized && !normalized_spelling(t, token, &spelling, err))
        return false;
    if (added.single_word && !t->added.word) {
        static const char word[] = "[\\w\\x{200c}\\x{200d}]";
        t->added.word = regex_new(word, sizeof word - 1, err);
        if (!t->added.word)
            return false;
    }
    t->added.items[t->added.n] = added;
    trie *where = normalized ? &t->added.normalized : &t->added.raw;
    return trie_put(where, spelling.data, spelling.len, (int32_t)t->added.n++) ||
           bora_fail_memory(err, "an added token");
}

static bool read_added_tokens(bora_tokenizer *t, const cJSON *list, size_t n, bora_error *err)
{
    const cJSON *item;
    int32_t next = t->n_tokens;
    t->added.items = arena_array(&t->mem, n ? n : 1, sizeof *t->added.items);
    if (!t->added.items)
        return bora_fail_memory(err, "added tokens");
    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsObject(item))
            return bora_fail(err, BORA_FORMAT, "an item of \"added_tokens\" is not an object");
        if (!read_added_token(t, item, &next, err))
            return false;
    }
    return true;
}

/* The number of ids: one more than the last that has a spelling. */
static void count_tokens(bora_tokenizer *t, size_t n)
{
    while (n > 0 && !t->tokens[n - 1].text)
        n--;
    t->n_tokens = (int32_t)n;
}

static bool read_all(bora_tokenizer *t, const cJSON *json, bora_error *err)
{
    const cJSON *added = json_get(json, "added_tokens"), *item;
    size_t n_added = 0;
    if (!cJSON_IsObject(json))
        return bora_fail(err, BORA_FORMAT, "not a JSON object");
    if (!json_absent(added) && !cJSON_IsArray(added))
        return bora_fail(err, BORA_FORMAT, "\"added_tokens\" is not a list");
    if (!json_absent(added))
        cJSON_ArrayForEach(item, added)
            n_added++;
    if (n_added > TOKEN_LIMIT)
        return bora_fail(err, BORA_LIMIT, "%zu added tokens", n_added);
    if (!read_model(t, json_get(json, "model"), n_added, err) ||
        !normalizer_parse(&t->mem, json_get(json, "normalizer"), &t->normalizers, err) ||
        !pretokenizer_parse(&t->mem, json_get(json, "pre_tokenizer"), &t->pretokenizers, err) ||
        !template_parse(&t->mem, json_get(json, "post_processor"), &t->template_items, &t->n_template, err) ||
        !decoder_parse(&t->mem, json_get(json, "decoder"), &t->decoder, err))
        return false;
    size_t room = (size_t)t->n_tokens + n_added;
    for (size_t i = 0; i < t->model.ids.cap; i++)
        if (t->model.ids.slots[i].key && (size_t)t->model.ids.slots[i].value >= room)
            room = (size_t)t->model.ids.slots[i].value + 1;
    if (!read_added_tokens(t, added, n_added, err))
        return false;
    count_tokens(t, room);
    for (size_t i = 0; i < t->n_template; i++)
        if (t->template_items[i] >= t->n_tokens)
            return bora_fail(err, BORA_FORMAT, "post_processor: it adds the id %d, in a vocabulary of %d tokens",
                             t->template_items[i], t->n_tokens);
    return true;
}

bora_tokenizer *tokenizer_from_json(const char *text, size_t len, const char *name, bora_error *err)
{
    cJSON *json = NULL;
    bora_tokenizer *t = NULL;
    if (!utf8_valid(text, len)) {
        bora_fail(err, BORA_FORMAT, "%s: not UTF-8", name);
        return NULL;
    }
    json = json_parse(text, len, name, err);
    if (!json)
        return NULL;
    t = tokenizer_new(err);
    if (t)
        t->model.name = arena_strdup(&t->mem, name);
    if (!t || !t->model.name || !read_all(t, json, err)) {
        bora_fail_memory(err, "a tokenizer"); /* unless there is a reason already */
        bora_error_prefix(err, "%s", name);
        bora_tokenizer_free(t);
        t = NULL;
    }
    cJSON_Delete(json);
    return t;
}

bora_tokenizer *bora_tokenizer_load(const char *path, bora_error *err)
{
    size_t len;
    char *text = file_read(path, FILE_LIMIT_BYTES, &len, err);
    if (!text)
        return NULL;
    bora_tokenizer *t = tokenizer_from_json(text, len, path, err);
    free(text);
    return t;
}
