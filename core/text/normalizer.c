/* Normalizers: text to text, before anything is split.
 *
 * They follow the `tokenizers` library to the character. One thing it tracks and we need too: whether the first
 * character of the result still comes from the beginning of the input (Metaspace asks, see pretokenizer.c). */
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "text/tokenizer.h"

typedef struct job {
    const normalizer *n;
    regex_scratch *scratch;
    const char *text;
    size_t len;
    size_t whole; /* bytes of the text before the first step */
    buf *out;
    bool cut;
    bora_error *err;
} job;

static bool is_ascii(const char *text, size_t len)
{
    unsigned char any = 0;
    for (size_t i = 0; i < len; i++)
        any |= (unsigned char)text[i];
    return any < 0x80;
}

static bool unicode_form(const char *text, size_t len, int options, buf *out, bora_error *err)
{
    if (len == 0 || is_ascii(text, len)) {
        buf_append(out, text, len);
        return true;
    }
    if (len > INT32_MAX / 16)
        return bora_fail(err, BORA_LIMIT, "a text of %zu bytes is too long to be normalized", len);
    utf8proc_uint8_t *result = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &result,
                                      (utf8proc_option_t)(options | UTF8PROC_STABLE));
    if (n < 0)
        return bora_fail(err, n == UTF8PROC_ERROR_NOMEM ? BORA_MEMORY : BORA_INTERNAL, "Unicode normalization: %s",
                         utf8proc_errmsg(n));
    buf_append(out, result, (size_t)n);
    free(result);
    return true;
}

typedef bool (*char_test)(const normalizer *n, uint32_t c);

/* Copies the characters that do not pass `drop`, notes when the first one went. */
static void filter(job *j, char_test drop, uint32_t (*map)(uint32_t c))
{
    for (size_t i = 0, w; i < j->len; i += w) {
        uint32_t c = 0;
        w = utf8_next(j->text + i, j->len - i, &c);
        if (w == 0)
            return;
        if (drop(j->n, c))
            j->cut |= i == 0;
        else
            buf_put_utf8(j->out, map ? map(c) : c);
    }
}

static bool drop_mark(const normalizer *n, uint32_t c)
{
    (void)n;
    return char_is_mark(c);
}

static bool drop_nonspacing(const normalizer *n, uint32_t c)
{
    (void)n;
    return char_is_nonspacing(c);
}

static bool drop_nmt(const normalizer *n, uint32_t c)
{
    (void)n;
    return (c >= 1 && c <= 8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f;
}

static uint32_t map_nmt(uint32_t c)
{
    return c == 9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 || (c >= 0x200b && c <= 0x200f) || c == 0x2028 ||
                   c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd
               ? ' '
               : c;
}

static bool drop_control(const normalizer *n, uint32_t c)
{
    (void)n;
    return c == 0 || c == 0xfffd || (c != '\t' && c != '\n' && c != '\r' && char_is_control(c));
}

static uint32_t map_space(uint32_t c)
{
    return char_is_space(c) ? ' ' : c;
}

static void lowercase(job *j)
{
    for (size_t i = 0, w; i < j->len; i += w) {
        uint32_t c = 0;
        w = utf8_next(j->text + i, j->len - i, &c);
        if (w == 0)
            return;
        char_put_lower(j->out, c);
    }
}

static void strip(job *j)
{
    size_t start = 0, end = j->len;
    uint32_t c;
    while (j->n->left && start < end && utf8_next(j->text + start, end - start, &c) && char_is_space(c))
        start += utf8_width(j->text[start]);
    while (j->n->right && end > start) {
        size_t at = end - 1;
        while (at > start && ((unsigned char)j->text[at] & 0xc0) == 0x80)
            at--;
        if (!utf8_next(j->text + at, end - at, &c) || !char_is_space(c))
            break;
        end = at;
    }
    j->cut |= start > 0;
    buf_append(j->out, j->text + start, end - start);
}

static bool replace(job *j)
{
    match_cursor at = { 0 };
    size_t done = 0;
    regex_result found;
    while ((found = pattern_next(&j->n->find, j->scratch, j->text, j->len, &at, j->err)) == REGEX_FOUND) {
        buf_append(j->out, j->text + done, at.start - done);
        buf_append(j->out, j->n->content.data, j->n->content.len);
        j->cut |= at.start == 0 && at.end > (j->n->content.len ? utf8_width(j->text[0]) : 0);
        done = at.end;
        if (!growth_allowed(j->whole, j->out->len, j->err))
            return false;
    }
    buf_append(j->out, j->text + done, j->len - done);
    return found == REGEX_NONE;
}

/* The steps of BERT's normalizer, each over the whole text. */
static bool bert(job *j)
{
    buf a = { 0 }, b = { 0 };
    bool ok = true;
    job step = *j;
    step.out = &a;
    if (j->n->clean)
        filter(&step, drop_control, map_space);
    else
        buf_append(&a, j->text, j->len);
    if (j->n->chinese) {
        for (size_t i = 0, w; i < a.len; i += w) {
            uint32_t c = 0;
            w = utf8_next(a.data + i, a.len - i, &c);
            bool alone = char_is_chinese(c);
            if (alone)
                buf_putc(&b, ' ');
            buf_append(&b, a.data + i, w);
            if (alone)
                buf_putc(&b, ' ');
        }
        buf swap = a;
        a = b;
        b = swap;
        buf_clear(&b);
    }
    if (j->n->strip_accents) {
        ok = unicode_form(buf_text(&a), a.len, UTF8PROC_DECOMPOSE, &b, j->err);
        bool failed = a.failed;
        buf_clear(&a);
        a.failed = failed;
        step = (job){ .n = j->n, .text = buf_text(&b), .len = b.len, .out = &a, .cut = step.cut };
        filter(&step, drop_nonspacing, NULL);
    }
    j->cut |= step.cut;
    if (j->n->lowercase) {
        step = (job){ .n = j->n, .text = buf_text(&a), .len = a.len, .out = j->out };
        lowercase(&step);
    } else {
        buf_append(j->out, buf_text(&a), a.len);
    }
    j->out->failed |= a.failed || b.failed;
    buf_free(&a);
    buf_free(&b);
    return ok;
}

/* The reference tries whole grapheme clusters of less than six bytes, then single characters; of what matches, the
 * shortest prefix counts, and it replaces all of what was looked up. */
static bool precompiled(job *j)
{
    bora_text with;
    for (size_t i = 0; i < j->len;) {
        if (!growth_allowed(j->whole, j->out->len, j->err))
            return false;
        uint32_t c = 0, next;
        utf8proc_int32_t state = 0;
        size_t first = utf8_next(j->text + i, j->len - i, &c), n = first, w;
        if (first == 0)
            return true;
        while (i + n < j->len && (w = utf8_next(j->text + i + n, j->len - i - n, &next)) > 0 &&
               !utf8proc_grapheme_break_stateful((utf8proc_int32_t)c, (utf8proc_int32_t)next, &state)) {
            n += w;
            c = next;
        }
        if (n < 6 && charsmap_prefix(&j->n->map, j->text + i, n, false, &with)) {
            buf_append(j->out, with.data, with.len);
            i += n;
            continue;
        }
        for (size_t end = i + n; i < end; i += w) {
            w = utf8_width(j->text[i]);
            if (charsmap_prefix(&j->n->map, j->text + i, w, false, &with))
                buf_append(j->out, with.data, with.len);
            else
                buf_append(j->out, j->text + i, w);
        }
    }
    return true;
}

/* llama.cpp's BERT: words, each led by a space; punctuation and Chinese characters are words of their own. */
static void gguf_bert(job *j)
{
    bool in_word = false;
    for (size_t i = 0, w; i < j->len; i += w) {
        uint32_t c = 0;
        w = utf8_next(j->text + i, j->len - i, &c);
        if (w == 0)
            return;
        if (j->n->strip_accents) { /* only the first character of a decomposition is kept */
            utf8proc_int32_t parts[32];
            int boundary = 0;
            utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, parts, 32, UTF8PROC_DECOMPOSE, &boundary);
            c = n > 0 ? (uint32_t)parts[0] : c;
        }
        if (char_is_space(c)) {
            in_word = false;
            continue;
        }
        if (c == 0 || c == 0xfffd || char_is_control(c) || (j->n->strip_accents && char_is_mark(c)))
            continue;
        bool alone = (c < 0x80 ? c != 0x7f && char_is_punct(c) : char_is_punct(c)) || char_is_chinese(c);
        if (alone || !in_word)
            buf_putc(j->out, ' ');
        if (j->n->lowercase)
            char_put_lower(j->out, c);
        else
            buf_put_utf8(j->out, c);
        in_word = !alone;
    }
}

/* How far `text` runs along any of the strings, in whole characters; the reference does not ask for all of one. */
static size_t verbatim_prefix(const trie *t, const char *text, size_t len)
{
    size_t n = 0;
    for (int32_t node = t->n_nodes ? 0 : -1; node >= 0 && n < len; n++)
        if ((node = trie_step(t, node, text[n])) < 0)
            break;
    while (n > 0 && n < len && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static bool gguf_t5(job *j)
{
    static const char mark[] = "\xe2\x96\x81";
    const normalizer *n = j->n;
    bool prepended = false, in_word = false;
    for (size_t i = 0; i < j->len;) {
        bora_text with = { j->text + i, 0 };
        size_t used = verbatim_prefix(n->verbatim, j->text + i, j->len - i);
        if (used) {
            with.len = used;
        } else if ((used = charsmap_prefix(&n->map, j->text + i, j->len - i, true, &with)) == 0) {
            with = (bora_text){ j->text + i, utf8_width(j->text[i]) };
            used = with.len;
        }
        for (size_t k = 0; k < with.len; k++) {
            if (with.data[k] == ' ') {
                in_word = false;
                if (!n->merge_spaces)
                    buf_puts(j->out, mark);
                continue;
            }
            if (!in_word && ((n->add_space && !prepended) || n->merge_spaces)) {
                buf_puts(j->out, mark);
                prepended = true;
            }
            in_word = true;
            buf_putc(j->out, with.data[k]);
        }
        i += used;
        if (!growth_allowed(j->whole, j->out->len, j->err))
            return false;
    }
    return true;
}

static bool run(job *j)
{
    switch (j->n->kind) {
    case NORM_NFC:
        return unicode_form(j->text, j->len, UTF8PROC_COMPOSE, j->out, j->err);
    case NORM_NFD:
        return unicode_form(j->text, j->len, UTF8PROC_DECOMPOSE, j->out, j->err);
    case NORM_NFKC:
        return unicode_form(j->text, j->len, UTF8PROC_COMPOSE | UTF8PROC_COMPAT, j->out, j->err);
    case NORM_NFKD:
        return unicode_form(j->text, j->len, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, j->out, j->err);
    case NORM_LOWERCASE:
        lowercase(j);
        return true;
    case NORM_STRIP:
        strip(j);
        return true;
    case NORM_STRIP_ACCENTS:
        filter(j, drop_mark, NULL);
        return true;
    case NORM_NMT:
        filter(j, drop_nmt, map_nmt);
        return true;
    case NORM_PREPEND:
        if (j->len > 0)
            buf_append(j->out, j->n->content.data, j->n->content.len);
        buf_append(j->out, j->text, j->len);
        return true;
    case NORM_REPLACE:
        return replace(j);
    case NORM_BERT:
        return bert(j);
    case NORM_BYTE_LEVEL:
        byte_level_encode(j->out, j->text, j->len);
        return true;
    case NORM_PRECOMPILED:
        return precompiled(j);
    case NORM_GGUF_BERT:
        gguf_bert(j);
        return true;
    case NORM_GGUF_T5:
        return gguf_t5(j);
    }
    return bora_fail(j->err, BORA_INTERNAL, "normalizer of kind %d", (int)j->n->kind);
}

bool normalize(const normalizer_list *list, regex_scratch *scratch, const char *text, size_t len, buf *out, bool *cut,
               bora_error *err)
{
    buf now = { 0 }, next = { 0 };
    size_t whole = len;
    bool ok = true;
    *cut = false;
    for (size_t i = 0; ok && i < list->n; i++) {
        bool last = i + 1 == list->n;
        job j = { .n = &list->items[i], .scratch = scratch, .text = text, .len = len, .whole = whole, .err = err };
        j.out = last ? out : &next;
        ok = run(&j) && (!j.out->failed || bora_fail_memory(err, "text that is normalized")) &&
             growth_allowed(whole, j.out->len, err);
        *cut |= j.cut;
        if (ok && !last) {
            buf swap = now;
            now = next;
            next = swap;
            buf_clear(&next);
            text = buf_text(&now);
            len = now.len;
        }
    }
    if (list->n == 0)
        ok = buf_append(out, text, len) || bora_fail_memory(err, "text that is normalized");
    buf_free(&now);
    buf_free(&next);
    return ok;
}

void normalizer_free(normalizer_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        regex_free(list->items[i].find.regex);
    free(list->items);
    *list = (normalizer_list){ 0 };
}

static normalizer *add(normalizer_list *list, normalizer_kind kind, bora_error *err)
{
    normalizer *items = realloc(list->items, (list->n + 1) * sizeof *items);
    if (!items) {
        bora_fail_memory(err, "normalizers");
        return NULL;
    }
    list->items = items;
    items[list->n] = (normalizer){ .kind = kind };
    return &items[list->n++];
}

static const struct {
    const char *type;
    normalizer_kind kind;
} kinds[] = {
    { "NFC", NORM_NFC },
    { "NFD", NORM_NFD },
    { "NFKC", NORM_NFKC },
    { "NFKD", NORM_NFKD },
    { "Lowercase", NORM_LOWERCASE },
    { "Strip", NORM_STRIP },
    { "StripAccents", NORM_STRIP_ACCENTS },
    { "Nmt", NORM_NMT },
    { "Prepend", NORM_PREPEND },
    { "Replace", NORM_REPLACE },
    { "BertNormalizer", NORM_BERT },
    { "ByteLevel", NORM_BYTE_LEVEL },
    { "Precompiled", NORM_PRECOMPILED },
};

static bool parse_members(arena *mem, const cJSON *json, normalizer *n, bora_error *err)
{
    switch (n->kind) {
    case NORM_STRIP:
        return member_bool(json, "strip_left", true, &n->left, err) &&
               member_bool(json, "strip_right", true, &n->right, err);
    case NORM_PREPEND:
    case NORM_REPLACE:
        if (!member_string(json, n->kind == NORM_PREPEND ? "prepend" : "content", true, &n->content, err))
            return false;
        n->content = text_copy(mem, n->content);
        if (!n->content.data)
            return bora_fail_memory(err, "a normalizer");
        return n->kind == NORM_PREPEND || pattern_parse(mem, json_get(json, "pattern"), &n->find, err);
    case NORM_BERT:
        n->clean = n->chinese = n->lowercase = true;
        if (!member_bool(json, "clean_text", false, &n->clean, err) ||
            !member_bool(json, "handle_chinese_chars", false, &n->chinese, err) ||
            !member_bool(json, "lowercase", false, &n->lowercase, err))
            return false;
        n->strip_accents = n->lowercase;
        return member_bool(json, "strip_accents", false, &n->strip_accents, err);
    case NORM_PRECOMPILED: {
        bora_text base64 = { 0 };
        size_t len = 0;
        if (!member_string(json, "precompiled_charsmap", true, &base64, err))
            return false;
        unsigned char *blob = base64_decode(mem, base64.data, &len, err);
        return blob && charsmap_parse(mem, blob, len, &n->map, err);
    }
    default:
        return true;
    }
}

static bool parse(arena *mem, const cJSON *json, int depth, normalizer_list *out, bora_error *err)
{
    const char *type = json_string(json, "type", NULL);
    if (json_absent(json))
        return true;
    if (!type)
        return bora_fail(err, BORA_FORMAT, "a normalizer has no \"type\"");
    if (depth > MAX_NESTING)
        return bora_fail(err, BORA_LIMIT, "normalizers nested deeper than %d", MAX_NESTING);
    if (strcmp(type, "Sequence") == 0) {
        const cJSON *list = json_get(json, "normalizers"), *item;
        if (!cJSON_IsArray(list))
            return bora_fail(err, BORA_FORMAT, "a Sequence without \"normalizers\"");
        cJSON_ArrayForEach(item, list)
            if (!parse(mem, item, depth + 1, out, err))
                return false;
        return true;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(type, kinds[i].type) != 0)
            continue;
        normalizer *n = add(out, kinds[i].kind, err);
        return n && (parse_members(mem, json, n, err) || bora_error_prefix(err, "%s", type));
    }
    return bora_fail(err, BORA_UNSUPPORTED, "a normalizer of type \"%.60s\"", type);
}

bool normalizer_parse(arena *mem, const cJSON *json, normalizer_list *out, bora_error *err)
{
    return parse(mem, json, 0, out, err) || bora_error_prefix(err, "normalizer");
}
