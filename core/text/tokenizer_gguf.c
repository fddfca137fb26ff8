/* `tokenizer.ggml.*` metadata of a GGUF -> the tables of a tokenizer.
 *
 * The file says less than a tokenizer.json: a kind of model, a family name that stands for expressions, a spelling,
 * score and type for each id. The rest is what llama.cpp does, which is the reference. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/gguf_families.h"
#include "text/tokenizer.h"

#define KEY(name) "tokenizer.ggml." name
#define MARK "\xe2\x96\x81"

enum { TOKEN_LIMIT = 1 << 24, MAX_ROLES = 16 };

/* The file's types of tokens. */
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER_DEFINED, TYPE_UNUSED, TYPE_BYTE };

typedef struct loader {
    const bora_checkpoint *file;
    bora_tokenizer *t;
    bora_error *err;
    role *roles;
    size_t n_roles;
    bool add_bos, add_eos, add_space, merge_spaces;
    const gguf_family *family; /* BPE */
} loader;

static bool read_bool(loader *l, const char *key, bool *out)
{
    const bora_meta *meta = bora_checkpoint_meta(l->file, key);
    if (!meta)
        return true;
    if (meta->type != BORA_META_BOOL)
        return bora_fail(l->err, BORA_FORMAT, "%s is not true or false", key);
    *out = meta->b;
    return true;
}

/* An array, or NULL with *ok saying whether that is fine. */
static const bora_meta *read_array(loader *l, const char *key, bora_meta_type type, bool required, bool *ok)
{
    const bora_meta *meta = bora_checkpoint_meta(l->file, key);
    *ok = true;
    if (!meta && !required)
        return NULL;
    if (meta && meta->type == BORA_META_ARRAY && (meta->elem_type == type || meta->n_elems == 0))
        return meta;
    *ok = bora_fail(l->err, meta ? BORA_FORMAT : BORA_NOT_FOUND, "%s is %s", key,
                    meta ? "not an array of the right type" : "missing: the file has no vocabulary");
    return NULL;
}

static const char *read_string(loader *l, const char *key, bool *ok)
{
    const bora_meta *meta = bora_checkpoint_meta(l->file, key);
    *ok = !meta || meta->type == BORA_META_STRING || bora_fail(l->err, BORA_FORMAT, "%s is not a string", key);
    return meta && *ok ? meta->text.data : NULL;
}

static void set_role(loader *l, const char *name, int32_t id)
{
    for (size_t i = 0; i < l->n_roles; i++) {
        if (strcmp(l->roles[i].name, name) == 0) {
            l->roles[i].id = id;
            return;
        }
    }
    if (l->n_roles < MAX_ROLES)
        l->roles[l->n_roles++] = (role){ name, id };
}

static int32_t get_role(const loader *l, const char *name)
{
    for (size_t i = 0; i < l->n_roles; i++)
        if (strcmp(l->roles[i].name, name) == 0)
            return l->roles[i].id;
    return -1;
}

/* --- Tokens ------------------------------------------------------------------------------------------------------ */

static unsigned type_flags(int64_t type)
{
    switch (type) {
    case TYPE_NORMAL:
        return TOKEN_NORMAL;
    case TYPE_UNKNOWN:
    case TYPE_CONTROL:
        return TOKEN_SPECIAL;
    case TYPE_USER_DEFINED:
        return TOKEN_VERBATIM;
    case TYPE_BYTE:
        return TOKEN_BYTE;
    default:
        return TOKEN_UNUSED;
    }
}

static bool read_tokens(loader *l)
{
    bora_tokenizer *t = l->t;
    bool ok;
    const bora_meta *texts = read_array(l, KEY("tokens"), BORA_META_STRING, true, &ok);
    if (!ok)
        return false;
    size_t n = texts->n_elems;
    if (n == 0 || n > TOKEN_LIMIT)
        return bora_fail(l->err, BORA_FORMAT, KEY("tokens") " has %zu tokens", n);
    const bora_meta *scores = bora_checkpoint_meta(l->file, KEY("scores"));
    if (scores && (scores->type != BORA_META_ARRAY || scores->n_elems < n ||
                   (scores->elem_type != BORA_META_FLOAT && scores->elem_type != BORA_META_INT)))
        return bora_fail(l->err, BORA_FORMAT, KEY("scores") " is not an array of %zu numbers", n);
    const bora_meta *types = read_array(l, KEY("token_type"), BORA_META_INT, false, &ok);
    if (!ok)
        return false;
    if (types && types->n_elems < n)
        return bora_fail(l->err, BORA_FORMAT, KEY("token_type") " has %zu entries for %zu tokens", types->n_elems, n);
    t->tokens = arena_array(&t->mem, n, sizeof *t->tokens);
    if (!t->tokens || !string_map_reserve(&t->model.ids, n))
        return bora_fail_memory(l->err, "a vocabulary");
    t->n_tokens = (int32_t)n;
    for (size_t i = 0; i < n; i++) {
        bora_text text = texts->texts[i];
        vocab_token *token = &t->tokens[i];
        if (memchr(text.data, 0, text.len) || !utf8_valid(text.data, text.len))
            return bora_fail(l->err, BORA_FORMAT, KEY("tokens") ": token %zu is not text", i);
        token->text = text.len ? text_copy(&t->mem, text).data : arena_printf(&t->mem, "[EMPTY_%zu]", i);
        if (!token->text)
            return bora_fail_memory(l->err, "a vocabulary");
        token->len = (uint32_t)strlen(token->text);
        token->flags = type_flags(types ? types->ints[i] : TYPE_NORMAL) | TOKEN_IN_MODEL;
        token->score = !scores ? 0 : scores->elem_type == BORA_META_FLOAT ? scores->floats[i] : (double)scores->ints[i];
        if (!isfinite(token->score))
            return bora_fail(l->err, BORA_FORMAT, KEY("scores") ": the score of token %zu is not a finite number", i);
        if (string_map_get(&t->model.ids, token->text, token->len) >= 0)
            return bora_fail(l->err, BORA_FORMAT, KEY("tokens") ": \"%.60s\" is there twice (the second is %zu)",
                             token->text, i);
        if (!string_map_put(&t->model.ids, token->text, token->len, (int32_t)i))
            return bora_fail_memory(l->err, "a vocabulary");
        if (token->len > t->model.max_token_len)
            t->model.max_token_len = token->len;
    }
    return true;
}

static bool read_roles(loader *l)
{
    static const struct {
        const char *role, *key;
    } keys[] = {
        { "bos", KEY("bos_token_id") },         { "eos", KEY("eos_token_id") },
        { "eot", KEY("eot_token_id") },         { "eom", KEY("eom_token_id") },
        { "unk", KEY("unknown_token_id") },     { "sep", KEY("seperator_token_id") },
        { "pad", KEY("padding_token_id") },     { "mask", KEY("mask_token_id") },
        { "cls", KEY("cls_token_id") },         { "fim_pre", KEY("prefix_token_id") },
        { "fim_suf", KEY("suffix_token_id") },  { "fim_mid", KEY("middle_token_id") },
        { "fim_pre", KEY("fim_pre_token_id") }, { "fim_suf", KEY("fim_suf_token_id") },
        { "fim_mid", KEY("fim_mid_token_id") }, { "fim_pad", KEY("fim_pad_token_id") },
        { "fim_rep", KEY("fim_rep_token_id") }, { "fim_sep", KEY("fim_sep_token_id") },
    };
    for (size_t i = 0; i < l->n_roles; i++)
        if (l->roles[i].id >= l->t->n_tokens)
            l->roles[i].id = -1;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const bora_meta *meta = bora_checkpoint_meta(l->file, keys[i].key);
        if (!meta)
            continue;
        if (meta->type != BORA_META_INT)
            return bora_fail(l->err, BORA_FORMAT, "%s is not a whole number", keys[i].key);
        if (meta->i >= 0 && meta->i < l->t->n_tokens) /* others stand for "none" in many files */
            set_role(l, keys[i].role, (int32_t)meta->i);
    }
    return true;
}

/* Tokens that files describe wrongly, known by their spelling. */
static void mark_known_tokens(loader *l)
{
    bora_tokenizer *t = l->t;
    for (const gguf_known_token *known = gguf_known_tokens; known->text; known++) {
        int32_t id = string_map_get(&t->model.ids, known->text, strlen(known->text));
        if (id < 0)
            continue;
        unsigned *flags = &t->tokens[id].flags;
        if (known->role && get_role(l, known->role) < 0)
            set_role(l, known->role, id);
        if (known->flags & KNOWN_TEXT)
            *flags = TOKEN_IN_MODEL | TOKEN_VERBATIM;
        else
            *flags |= TOKEN_SPECIAL | (known->flags & KNOWN_END ? TOKEN_ENDS : 0);
    }
    static const char *const ending_roles[] = { "eos", "eot", "eom", "fim_pad", "fim_rep", "fim_sep" };
    for (size_t i = 0; i < sizeof ending_roles / sizeof *ending_roles; i++)
        if (get_role(l, ending_roles[i]) >= 0)
            t->tokens[get_role(l, ending_roles[i])].flags |= TOKEN_ENDS;

            /* Where other tokens end an answer, <|end|> only ends a part of it; and so on. */
#define HAS(text) (string_map_get(&t->model.ids, text, sizeof text - 1) >= 0)
    int32_t part_end = string_map_get(&t->model.ids, "<|end|>", 7), slash_s = string_map_get(&t->model.ids, "</s>", 4);
    bool calls = HAS("<|call|>") || HAS("<|calls|>");
    if (part_end >= 0 && calls && (HAS("<|return|>") || HAS("<|flush|>")))
        t->tokens[part_end].flags = TOKEN_IN_MODEL | TOKEN_VERBATIM;
    if (slash_s >= 0 && HAS("<|tool_response>"))
        t->tokens[slash_s].flags = TOKEN_IN_MODEL | TOKEN_NORMAL;
#undef HAS
}

/* --- Added tokens: control, unknown and user-defined ones --------------------------------------------------------- */

static int by_length_down(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x < y) - (x > y);
}

/* Whether special tokens take the white space on their right: the file cannot say, its model's name does. */
static bool strips_right(loader *l)
{
    bool ok;
    const char *name = read_string(l, "general.name", &ok);
    for (size_t i = 0; name && gguf_rstrip_models[i]; i++)
        if (strcasestr(name, gguf_rstrip_models[i]))
            return true;
    return false;
}

static bool find_added(loader *l)
{
    bora_tokenizer *t = l->t;
    added_tokens *added = &t->added;
    bool rstrip = strips_right(l), mask_lstrip = l->family && (l->family->flags & FAMILY_MASK_LSTRIP);
    size_t n = 0;
    for (int32_t id = 0; id < t->n_tokens; id++)
        n += (t->tokens[id].flags & (TOKEN_SPECIAL | TOKEN_VERBATIM)) != 0;
    added->items = arena_array(&t->mem, n, sizeof *added->items);
    added->lengths = arena_array(&t->mem, n, sizeof *added->lengths);
    added->longest_first = true;
    if (!added->items || !added->lengths)
        return bora_fail_memory(l->err, "special tokens");
    for (int32_t id = 0; id < t->n_tokens; id++) {
        const vocab_token *token = &t->tokens[id];
        if (!(token->flags & (TOKEN_SPECIAL | TOKEN_VERBATIM)))
            continue;
        added_token *item = &added->items[added->n];
        *item = (added_token){ .id = id, .special = token->flags & TOKEN_SPECIAL };
        item->rstrip = rstrip && strcmp(token->text, "<unk>") != 0 && strcmp(token->text, "<s>") != 0 &&
                       strcmp(token->text, "<|endoftext|>") != 0;
        item->lstrip = mask_lstrip && strcmp(token->text, "<mask>") == 0;
        added->lengths[added->n] = token->len;
        if (!trie_put(&added->raw, token->text, token->len, (int32_t)added->n))
            return bora_fail_memory(l->err, "special tokens");
        added->n++;
    }
    qsort(added->lengths, n, sizeof *added->lengths, by_length_down);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || added->lengths[i] != added->lengths[added->n_lengths - 1])
            added->lengths[added->n_lengths++] = added->lengths[i];
    return true;
}

/* --- Pipeline ----------------------------------------------------------------------------------------------------- */

static normalizer *add_normalizer(loader *l, normalizer_kind kind)
{
    normalizer_list *list = &l->t->normalizers;
    normalizer *items = realloc(list->items, (list->n + 1) * sizeof *items);
    if (!items) {
        bora_fail_memory(l->err, "normalizers");
        return NULL;
    }
    list->items = items;
    items[list->n] = (normalizer){ .kind = kind };
    return &items[list->n++];
}

/* Spaces become marks; `prefix`: one more in front. */
static bool add_marks(loader *l, bool prefix)
{
    normalizer *n;
    if (prefix) {
        n = add_normalizer(l, NORM_PREPEND);
        if (!n)
            return false;
        n->content = (bora_text){ MARK, 3 };
    }
    n = add_normalizer(l, NORM_REPLACE);
    if (!n)
        return false;
    n->find.literal = (bora_text){ " ", 1 };
    n->content = (bora_text){ MARK, 3 };
    return true;
}

static bool read_merges(loader *l)
{
    model *m = &l->t->model;
    bool ok, optional = l->family->flags & FAMILY_NO_MERGES;
    const bora_meta *merges = read_array(l, KEY("merges"), BORA_META_STRING, !optional, &ok);
    int32_t next = l->t->n_tokens; /* ids of spellings that merges use and that are no tokens */
    if (!ok || !merges)
        return ok;
    if (merges->n_elems > TOKEN_LIMIT)
        return bora_fail(l->err, BORA_LIMIT, KEY("merges") " has %zu merges", merges->n_elems);
    buf whole = { 0 };
    for (size_t i = 0; ok && i < merges->n_elems; i++) {
        bora_text merge = merges->texts[i];
        const char *space = merge.len > 1 ? memchr(merge.data + 1, ' ', merge.len - 1) : NULL;
        if (!space || (size_t)(space - merge.data) + 1 == merge.len) {
            ok = bora_fail(l->err, BORA_FORMAT, KEY("merges") ": merge %zu (\"%.60s\") is not two pieces", i,
                           merge.data);
            break;
        }
        bora_text sides[3] = { { merge.data, (size_t)(space - merge.data) } };
        sides[1] = (bora_text){ space + 1, merge.len - sides[0].len - 1 };
        buf_clear(&whole);
        buf_append(&whole, sides[0].data, sides[0].len);
        buf_append(&whole, sides[1].data, sides[1].len);
        sides[2] = (bora_text){ buf_text(&whole), whole.len };
        int32_t ids[3];
        for (size_t k = 0; ok && k < 3; k++) {
            ids[k] = string_map_get(&m->ids, sides[k].data, sides[k].len);
            if (ids[k] >= 0)
                continue;
            bora_text copy = text_copy(&l->t->mem, sides[k]);
            ids[k] = next++;
            ok = copy.data && string_map_put(&m->ids, copy.data, copy.len, ids[k]);
        }
        ok = ok && !whole.failed && pair_map_put(&m->merges, ids[0], ids[1], (int32_t)i, ids[2], true);
        if (!ok)
            bora_fail_memory(l->err, "merges");
    }
    buf_free(&whole);
    return ok;
}

static bool add_expressions(loader *l)
{
    pretokenizer_list *list = &l->t->pretokenizers;
    for (const char *const *e = l->family->expressions; *e; e++) {
        if (*e == gguf_digit_groups || *e == gguf_ascii_digit_groups) {
            pretokenizer *p = pretokenizer_add(list, PRE_DIGIT_GROUPS, l->err);
            if (!p)
                return false;
            p->ascii_digits = *e == gguf_ascii_digit_groups;
        } else if (!pretokenizer_add_split(list, *e, SPLIT_ISOLATED, l->err)) {
            return false;
        }
    }
    return true;
}

static bool load_bpe(loader *l, const char *pre)
{
    bora_tokenizer *t = l->t;
    l->family = gguf_family_find(pre);
    if (!l->family)
        return bora_fail(
            l->err, BORA_UNSUPPORTED,
            KEY("pre") " is \"%.60s\", a family that is not known here; if it cuts words as a known one does, "
                       "set that name in the file (\"llama-bpe\", \"qwen2\", \"gpt-2\", …)",
            pre);
    unsigned flags = l->family->flags;
    t->model.kind = MODEL_BPE;
    t->model.drop_unknown = true;
    t->model.ignore_merges = flags & FAMILY_IGNORE_MERGES;
    t->model.whole_newlines = flags & FAMILY_NEWLINES;
    t->byte_level = !(flags & FAMILY_RAW);
    l->add_bos = flags & FAMILY_ADD_BOS;
    if (!(flags & FAMILY_NO_BOS))
        set_role(l, "bos", 11);
    set_role(l, "eos", 11);
    if (!read_tokens(l) || !read_merges(l) || ((flags & FAMILY_RAW) && !add_marks(l, false)) || !add_expressions(l))
        return false;
    if (flags & FAMILY_RAW)
        model_find_bytes(&t->model);
    else
        for (int b = 0; b < 0x80; b++) {
            char c = (char)b;
            int32_t id = string_map_get(&t->model.ids, &c, 1);
            t->model.bytes[b] = id < t->n_tokens ? id : -1;
        }
    return (flags & FAMILY_RAW) || pretokenizer_add(&t->pretokenizers, PRE_BYTE_LEVEL, l->err);
}

static bool load_sentencepiece(loader *l)
{
    bora_tokenizer *t = l->t;
    model *m = &t->model;
    m->kind = MODEL_SENTENCEPIECE;
    l->add_bos = l->add_space = true;
    set_role(l, "bos", 1);
    set_role(l, "eos", 2);
    set_role(l, "unk", 0);
    if (!read_bool(l, KEY("add_space_prefix"), &l->add_space) || !read_tokens(l) || !add_marks(l, l->add_space))
        return false;
    m->ranks = arena_array(&t->mem, (size_t)t->n_tokens, sizeof *m->ranks);
    if (!m->ranks)
        return bora_fail_memory(l->err, "a vocabulary");
    for (int32_t id = 0; id < t->n_tokens; id++)
        m->ranks[id] = score_rank((float)t->tokens[id].score);
    model_find_bytes(m);
    for (int b = 0; b < 0x80; b++) {
        char c = (char)b;
        if (m->bytes[b] < 0)
            m->bytes[b] = string_map_get(&m->ids, &c, 1);
    }
    return true;
}

static bool load_wordpiece(loader *l)
{
    model *m = &l->t->model;
    m->kind = MODEL_WORDPIECE;
    m->word_prefix = (bora_text){ MARK, 3 };
    m->continuing_prefix = (bora_text){ "", 0 };
    m->max_word_chars = SIZE_MAX;
    set_role(l, "bos", 101);
    set_role(l, "unk", 100);
    set_role(l, "sep", 102);
    set_role(l, "pad", 0);
    set_role(l, "mask", 103);
    normalizer *n = add_normalizer(l, NORM_GGUF_BERT);
    if (!n)
        return false;
    n->lowercase = true;
    if (!read_bool(l, KEY("normalizer.lowercase"), &n->lowercase))
        return false;
    n->strip_accents = n->lowercase;
    if (!read_bool(l, KEY("normalizer.strip_accents"), &n->strip_accents))
        return false;
    pretokenizer *p = pretokenizer_add(&l->t->pretokenizers, PRE_CHARS, l->err);
    if (!p)
        return false;
    p->is_class = char_is_space;
    p->behavior = SPLIT_REMOVED;
    return read_tokens(l);
}

static bool load_unigram(loader *l)
{
    bora_tokenizer *t = l->t;
    model *m = &t->model;
    bool ok;
    m->kind = MODEL_UNIGRAM;
    l->add_eos = true;
    set_role(l, "eos", 1);
    set_role(l, "unk", 2);
    set_role(l, "pad", 0);
    normalizer *n = add_normalizer(l, NORM_GGUF_T5);
    if (!n)
        return false;
    n->verbatim = &t->verbatim;
    if (!read_bool(l, KEY("add_space_prefix"), &n->add_space) ||
        !read_bool(l, KEY("remove_extra_whitespaces"), &n->merge_spaces))
        return false;
    l->add_space = n->add_space;
    const bora_meta *map = read_array(l, KEY("precompiled_charsmap"), BORA_META_INT, false, &ok);
    if (!ok)
        return false;
    if (map && map->n_elems > 0) {
        unsigned char *blob = arena_alloc(&t->mem, map->n_elems);
        if (!blob)
            return bora_fail_memory(l->err, "a character map");
        for (size_t i = 0; i < map->n_elems; i++)
            blob[i] = (unsigned char)map->ints[i];
        if (!charsmap_parse(&t->mem, blob, map->n_elems, &n->map, l->err))
            return false;
    }
    if (!read_tokens(l))
        return false;
    double lowest = HUGE_VAL;
    for (int32_t id = 0; id < t->n_tokens; id++) {
        vocab_token *token = &t->tokens[id];
        if (token->flags & TOKEN_NORMAL)
            lowest = token->score < lowest ? token->score : lowest;
        if (token->flags & TOKEN_VERBATIM)
            token->score = 0;
        if (((token->flags & (TOKEN_NORMAL | TOKEN_VERBATIM | TOKEN_UNUSED)) &&
             !trie_put(&m->pieces, token->text, token->len, id)) ||
            ((token->flags & TOKEN_VERBATIM) && !trie_put(&t->verbatim, token->text, token->len, id)))
            return bora_fail_memory(l->err, "a vocabulary");
    }
    m->unknown_score = (float)((float)lowest - 10.0f);
    return true;
}

/* Ids around the text. */
static bool add_template(loader *l)
{
    bora_tokenizer *t = l->t;
    bool words = t->model.kind == MODEL_WORDPIECE;
    if (!read_bool(l, KEY("add_bos_token"), &l->add_bos) || !read_bool(l, KEY("add_eos_token"), &l->add_eos))
        return false;
    if (words || (l->family && (l->family->flags & FAMILY_FORCE_BOS)))
        l->add_bos = true;
    int32_t before = l->add_bos ? get_role(l, "bos") : -1;
    int32_t after = words ? get_role(l, "sep") : l->add_eos ? get_role(l, "eos") : -1;
    if ((l->add_bos && before < 0) || ((words || l->add_eos) && after < 0))
        return bora_fail(l->err, BORA_FORMAT, "the tokenizer adds a token to every text (%s), but the file names none",
                         l->add_bos && before < 0 ? "BOS"
                         : words                  ? "SEP"
                                                  : "EOS");
    t->template_items = arena_array(&t->mem, 3, sizeof *t->template_items);
    if (!t->template_items)
        return bora_fail_memory(l->err, "a tokenizer");
    if (before >= 0)
        t->template_items[t->n_template++] = before;
    t->template_items[t->n_template++] = TEMPLATE_SEQUENCE;
    if (after >= 0)
        t->template_items[t->n_template++] = after;
    return true;
}

static bool load(loader *l)
{
    bora_tokenizer *t = l->t;
    bool ok;
    const char *kind = read_string(l, KEY("model"), &ok), *pre = ok ? read_string(l, KEY("pre"), &ok) : NULL;
    if (!ok)
        return false;
    if (!kind || strcmp(kind, "no_vocab") == 0 || strcmp(kind, "none") == 0)
        return bora_fail(l->err, BORA_NOT_FOUND, "there is no " KEY("model") ": the file has no tokenizer");
    if (strcmp(kind, "llama") == 0)
        ok = load_sentencepiece(l);
    else if (strcmp(kind, "gpt2") == 0)
        ok = load_bpe(l, pre && pre[0] ? pre : "default");
    else if (strcmp(kind, "gemma4") == 0)
        ok = load_bpe(l, "gemma4");
    else if (strcmp(kind, "bert") == 0)
        ok = load_wordpiece(l);
    else if (strcmp(kind, "t5") == 0)
        ok = load_unigram(l);
    else
        return bora_fail(l->err, BORA_UNSUPPORTED,
                         KEY("model") " is \"%.60s\"; known here are llama, gpt2, gemma4, bert and t5", kind);
    if (!ok || !read_roles(l))
        return false;
    t->model.unknown = get_role(l, "unk");
    t->model.has_unknown = t->model.unknown >= 0;
    mark_known_tokens(l);
    if (!find_added(l) || !add_template(l))
        return false;
    bool first_space = l->add_space || t->model.kind == MODEL_WORDPIECE;
    t->roles = l->roles;
    t->n_roles = l->n_roles;
    return (!first_space || decoder_add(&t->decoder, STAGE_FIRST_SPACE, l->err)) &&
           decoder_add(&t->decoder, STAGE_UTF8, l->err);
}

bora_tokenizer *bora_tokenizer_from_checkpoint(const bora_checkpoint *checkpoint, bora_error *err)
{
    loader l = { .file = checkpoint, .t = tokenizer_new(err), .err = err };
    if (!l.t)
        return NULL;
    l.t->from_gguf = true;
    l.t->model.name = "the file's tokenizer";
    l.roles = arena_array(&l.t->mem, MAX_ROLES, sizeof *l.roles);
    if (l.roles && load(&l))
        return l.t;
    bora_fail_memory(err, "a tokenizer"); /* unless there is a reason already */
    bora_tokenizer_free(l.t);
    return NULL;
}
