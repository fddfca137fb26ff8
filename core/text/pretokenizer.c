/* Pre-tokenizers: stretches of text to smaller stretches, within which the model works.
 *
 * A split is made of cuts: the text falls into matches and gaps, and a behaviour says which of them are dropped and
 * which are joined. Most steps leave the text as it is and only cut it; ByteLevel and Metaspace rewrite it. */
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

/* What collects the matches and gaps of one stretch under a behaviour. */
typedef struct splitter {
    pieces *out;
    size_t base; /* of the stretch in out->text */
    split_behavior behavior;
    bool invert, from_start;
    bool previous_match; /* the part before was one */
    size_t start, end;   /* the piece that may still grow */
    bool any;            /* there is one */
} splitter;

static void finish(splitter *s)
{
    if (s->any)
        pieces_add(s->out, s->base + s->start, s->end - s->start, -1, s->from_start && s->start == 0);
    s->any = false;
}

/* Starts a piece. */
static void begin(splitter *s, size_t start, size_t end)
{
    finish(s);
    s->start = start;
    s->end = end;
    s->any = true;
}

/* Grows the last piece, or starts the first. */
static void extend(splitter *s, size_t start, size_t end)
{
    if (s->any)
        s->end = end;
    else
        begin(s, start, end);
}

/* One part, in order. Empty matches are parts too: they cut, and they count as matches for the joining. */
static void part(splitter *s, size_t start, size_t end, bool match)
{
    match = match != s->invert;
    bool joins = false;
    switch (s->behavior) {
    case SPLIT_REMOVED:
        if (match)
            return;
        break;
    case SPLIT_ISOLATED:
        break;
    case SPLIT_CONTIGUOUS:
        joins = match == s->previous_match;
        break;
    case SPLIT_MERGED_WITH_PREVIOUS: /* a match behind a match stays alone */
        joins = match && !s->previous_match;
        break;
    case SPLIT_MERGED_WITH_NEXT: /* a match before a match stays alone */
        joins = !match && s->previous_match;
        break;
    }
    if (joins)
        extend(s, start, end);
    else
        begin(s, start, end);
    s->previous_match = match;
}

static splitter splitter_start(pieces *out, const piece *in, split_behavior behavior, bool invert)
{
    return (splitter){
        .out = out, .base = in->start, .behavior = behavior, .invert = invert, .from_start = in->from_start
    };
}

static bool split_by_pattern(const pretokenizer *p, regex_scratch *scratch, const char *text, const piece *in,
                             pieces *out, bora_error *err)
{
    splitter s = splitter_start(out, in, p->behavior, p->invert);
    match_cursor at = { 0 };
    size_t done = 0;
    regex_result found;
    while ((found = pattern_next(&p->find, scratch, text, in->len, &at, err)) == REGEX_FOUND) {
        if (at.start > done)
            part(&s, done, at.start, false);
        part(&s, at.start, at.end, true);
        done = at.end;
    }
    if (in->len > done)
        part(&s, done, in->len, false);
    finish(&s);
    return found == REGEX_NONE;
}

static void split_by_class(const pretokenizer *p, const char *text, const piece *in, pieces *out)
{
    splitter s = splitter_start(out, in, p->behavior, false);
    size_t done = 0;
    for (size_t i = 0, w; i < in->len; i += w) {
        uint32_t c = 0;
        w = utf8_next(text + i, in->len - i, &c);
        if (w == 0)
            break;
        if (!p->is_class(c))
            continue;
        if (i > done)
            part(&s, done, i, false);
        part(&s, i, i + w, true);
        done = i + w;
    }
    if (in->len > done)
        part(&s, done, in->len, false);
    finish(&s);
}

static void split_fixed(size_t length, const char *text, const piece *in, pieces *out)
{
    splitter s = splitter_start(out, in, SPLIT_ISOLATED, false);
    for (size_t i = 0; i < in->len;) {
        size_t start = i;
        for (size_t k = 0; k < length && i < in->len; k++)
            i += utf8_width(text[i]);
        part(&s, start, i, false);
    }
    finish(&s);
}

/* 1234567 -> 1 234 567. With `ascii` the cuts are where a multiple of three digits remains, the run's beginning
 * included; otherwise they are behind each group, so that what precedes a run stays with its first group. */
static void split_digit_groups(bool ascii, const char *text, const piece *in, pieces *out)
{
    splitter s = splitter_start(out, in, SPLIT_ISOLATED, false);
    size_t done = 0;
    for (size_t i = 0; i < in->len;) {
        size_t n = 0, end = i, run = i;
        while (end < in->len) {
            uint32_t c = 0;
            size_t w = utf8_next(text + end, in->len - end, &c);
            if (w == 0 || !(ascii ? c >= '0' && c <= '9' : char_is_number(c)))
                break;
            end += w;
            n++;
        }
        if (n == 0) {
            i += utf8_width(text[i]);
            continue;
        }
        for (; n > 0; n--, i += utf8_width(text[i])) {
            if (n % 3 == 0 && (ascii || i > run)) {
                part(&s, done, i, false);
                done = i;
            }
        }
        if (!ascii) {
            part(&s, done, end, false);
            done = end;
        }
    }
    part(&s, done, in->len, false);
    finish(&s);
}

/* Spaces become the mark, maybe one more in front; then a cut before every mark. */
static void metaspace(const pretokenizer *p, const char *text, const piece *in, pieces *out)
{
    const bora_text mark = p->replacement;
    size_t start = out->text.len;
    bool marked = in->len > 0 && (text[0] == ' ' || (in->len >= mark.len && memcmp(text, mark.data, mark.len) == 0));
    if (!marked && (p->prepend == PREPEND_ALWAYS || (p->prepend == PREPEND_FIRST && in->from_start)))
        buf_append(&out->text, mark.data, mark.len);
    for (size_t i = 0, next; i < in->len; i = next) {
        const char *space = memchr(text + i, ' ', in->len - i);
        next = space ? (size_t)(space - text) : in->len;
        buf_append(&out->text, text + i, next - i);
        if (space) {
            buf_append(&out->text, mark.data, mark.len);
            next++;
        }
    }
    size_t len = out->text.len - start;
    if (!p->split) {
        pieces_add(out, start, len, -1, in->from_start);
        return;
    }
    const char *whole = out->text.data + start;
    for (size_t i = 0, next; i < len; i = next) {
        size_t from = i + (len - i >= mark.len && memcmp(whole + i, mark.data, mark.len) == 0 ? mark.len : 0);
        const char *at = text_find(whole + from, len - from, mark);
        next = at ? (size_t)(at - whole) : len;
        pieces_add(out, start + i, next - i, -1, in->from_start && i == 0);
    }
}

/* One step over one stretch of text; text that a step does not rewrite stays where it is. */
static bool step(const pretokenizer *p, regex_scratch *scratch, const pieces *in, const piece *piece_in, pieces *out,
                 bora_error *err)
{
    const char *text = in->text.data + piece_in->start;
    size_t len = piece_in->len, start = out->text.len;
    switch (p->kind) {
    case PRE_SPLIT:
        return split_by_pattern(p, scratch, text, piece_in, out, err);
    case PRE_CHARS:
        split_by_class(p, text, piece_in, out);
        return true;
    case PRE_FIXED_LENGTH:
        split_fixed(p->length, text, piece_in, out);
        return true;
    case PRE_DIGIT_GROUPS:
        split_digit_groups(p->ascii_digits, text, piece_in, out);
        return true;
    case PRE_PREFIX_SPACE:
        if (text[0] != ' ')
            buf_putc(&out->text, ' ');
        buf_append(&out->text, text, len);
        pieces_add(out, start, out->text.len - start, -1, piece_in->from_start);
        return true;
    case PRE_BYTE_LEVEL:
        byte_level_encode(&out->text, text, len);
        pieces_add(out, start, out->text.len - start, -1, piece_in->from_start);
        return true;
    case PRE_METASPACE:
        metaspace(p, text, piece_in, out);
        return true;
    }
    return bora_fail(err, BORA_INTERNAL, "pre-tokenizer of kind %d", (int)p->kind);
}

static bool rewrites(pretokenizer_kind kind)
{
    return kind == PRE_PREFIX_SPACE || kind == PRE_BYTE_LEVEL || kind == PRE_METASPACE;
}

bool pretokenize(const pretokenizer_list *list, regex_scratch *scratch, pieces *p, pieces *spare, bora_error *err)
{
    size_t whole = p->text.len;
    for (size_t i = 0; i < list->n; i++) {
        const pretokenizer *pre = &list->items[i];
        pieces_clear(spare);
        for (size_t k = 0; k < p->n; k++) {
            const piece *in = &p->items[k];
            if (in->token >= 0)
                pieces_add(spare, 0, 0, in->token, false);
            else if (!step(pre, scratch, p, in, spare, err))
                return false;
        }
        if (!rewrites(pre->kind)) { /* the new pieces lie in the old text */
            buf swap = spare->text;
            spare->text = p->text;
            p->text = swap;
        }
        if (spare->failed || spare->text.failed)
            return bora_fail_memory(err, "text that is split");
        if (!growth_allowed(whole, spare->text.len, err))
            return false;
        pieces swap = *p;
        *p = *spare;
        *spare = swap;
    }
    return true;
}

void pretokenizer_free(pretokenizer_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        regex_free(list->items[i].find.regex);
    free(list->items);
    *list = (pretokenizer_list){ 0 };
}

pretokenizer *pretokenizer_add(pretokenizer_list *list, pretokenizer_kind kind, bora_error *err)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 8;
        pretokenizer *items = realloc(list->items, cap * sizeof *items);
        if (!items) {
            bora_fail_memory(err, "pre-tokenizers");
            return NULL;
        }
        list->items = items;
        list->cap = cap;
    }
    pretokenizer *p = &list->items[list->n++];
    *p = (pretokenizer){ .kind = kind };
    return p;
}

bool pretokenizer_add_split(pretokenizer_list *list, const char *source, split_behavior behavior, bora_error *err)
{
    pretokenizer *p = pretokenizer_add(list, PRE_SPLIT, err);
    if (!p)
        return false;
    p->behavior = behavior;
    p->find.regex = regex_new(source, strlen(source), err);
    return p->find.regex != NULL;
}

/* --- From tokenizer.json ----------------------------------------------------------------------------------------- */

static bool parse_behavior(const cJSON *json, bool required, split_behavior *out, bora_error *err)
{
    static const char *const names[] = { "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous" };
    const char *name = json_string(json, "behavior", NULL);
    if (!name && json_absent(json_get(json, "behavior")) && !required)
        return true;
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (split_behavior)i;
            return true;
        }
    }
    return bora_fail(err, BORA_FORMAT, "no split behavior \"%.40s\"", name ? name : "(none)");
}

static bool parse_metaspace(arena *mem, const cJSON *json, pretokenizer *p, bora_error *err)
{
    bora_text scheme = { "always", 6 };
    bool add_prefix_space = true;
    uint32_t c;
    p->split = true;
    if (!member_string(json, "replacement", true, &p->replacement, err) ||
        !member_string(json, "prepend_scheme", false, &scheme, err) ||
        !member_bool(json, "split", false, &p->split, err) ||
        !member_bool(json, "add_prefix_space", false, &add_prefix_space, err))
        return false;
    if (p->replacement.len == 0 || utf8_next(p->replacement.data, p->replacement.len, &c) != p->replacement.len)
        return bora_fail(err, BORA_FORMAT, "\"replacement\" is not one character");
    p->replacement = text_copy(mem, p->replacement);
    if (!p->replacement.data)
        return bora_fail_memory(err, "a pre-tokenizer");
    if (strcmp(scheme.data, "never") == 0 || !add_prefix_space)
        p->prepend = PREPEND_NEVER;
    else if (strcmp(scheme.data, "first") == 0)
        p->prepend = PREPEND_FIRST;
    else if (strcmp(scheme.data, "always") == 0)
        p->prepend = PREPEND_ALWAYS;
    else
        return bora_fail(err, BORA_FORMAT, "no prepend_scheme \"%.40s\"", scheme.data);
    return true;
}

static bool add_chars(pretokenizer_list *out, bool (*is_class)(uint32_t c), split_behavior behavior, bora_error *err)
{
    pretokenizer *p = pretokenizer_add(out, PRE_CHARS, err);
    if (!p)
        return false;
    p->is_class = is_class;
    p->behavior = behavior;
    return true;
}

static bool parse_byte_level(const cJSON *json, pretokenizer_list *out, bora_error *err)
{
    static const char words[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    bool prefix = false, use_regex = true;
    return member_bool(json, "add_prefix_space", true, &prefix, err) &&
           member_bool(json, "use_regex", false, &use_regex, err) &&
           (!prefix || pretokenizer_add(out, PRE_PREFIX_SPACE, err)) &&
           (!use_regex || pretokenizer_add_split(out, words, SPLIT_ISOLATED, err)) &&
           pretokenizer_add(out, PRE_BYTE_LEVEL, err);
}

static bool parse_one(arena *mem, const cJSON *json, const char *type, pretokenizer_list *out, bora_error *err)
{
    pretokenizer *p;
    if (strcmp(type, "ByteLevel") == 0)
        return parse_byte_level(json, out, err);
    if (strcmp(type, "Split") == 0) {
        p = pretokenizer_add(out, PRE_SPLIT, err);
        return p && parse_behavior(json, true, &p->behavior, err) &&
               member_bool(json, "invert", false, &p->invert, err) &&
               pattern_parse(mem, json_get(json, "pattern"), &p->find, err);
    }
    if (strcmp(type, "Metaspace") == 0) {
        p = pretokenizer_add(out, PRE_METASPACE, err);
        return p && parse_metaspace(mem, json, p, err);
    }
    if (strcmp(type, "Whitespace") == 0) { /* here \w counts the two joiners too */
        static const char words[] = "[\\w\\x{200c}\\x{200d}]+|[^\\w\\x{200c}\\x{200d}\\s]+";
        if (!pretokenizer_add_split(out, words, SPLIT_REMOVED, err))
            return false;
        out->items[out->n - 1].invert = true;
        return true;
    }
    if (strcmp(type, "WhitespaceSplit") == 0)
        return add_chars(out, char_is_space, SPLIT_REMOVED, err);
    if (strcmp(type, "BertPreTokenizer") == 0)
        return add_chars(out, char_is_space, SPLIT_REMOVED, err) && add_chars(out, char_is_punct, SPLIT_ISOLATED, err);
    if (strcmp(type, "Punctuation") == 0) {
        split_behavior behavior = SPLIT_ISOLATED;
        return parse_behavior(json, false, &behavior, err) && add_chars(out, char_is_punct, behavior, err);
    }
    if (strcmp(type, "Digits") == 0) {
        bool individual = false;
        return member_bool(json, "individual_digits", true, &individual, err) &&
               add_chars(out, char_is_number, individual ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS, err);
    }
    if (strcmp(type, "CharDelimiterSplit") == 0) {
        p = pretokenizer_add(out, PRE_SPLIT, err);
        if (!p || !member_string(json, "delimiter", true, &p->find.literal, err))
            return false;
        if (p->find.literal.len == 0)
            return bora_fail(err, BORA_FORMAT, "\"delimiter\" is empty");
        p->find.literal = text_copy(mem, p->find.literal);
        p->behavior = SPLIT_REMOVED;
        return p->find.literal.data || bora_fail_memory(err, "a pre-tokenizer");
    }
    if (strcmp(type, "FixedLength") == 0) {
        p = pretokenizer_add(out, PRE_FIXED_LENGTH, err);
        if (!p)
            return false;
        p->length = 5;
        return member_size(json, "length", false, INT32_MAX, &p->length, err) &&
               (p->length > 0 || bora_fail(err, BORA_FORMAT, "\"length\" is 0"));
    }
    return bora_fail(err, BORA_UNSUPPORTED, "not supported");
}

static bool parse(arena *mem, const cJSON *json, int depth, pretokenizer_list *out, bora_error *err)
{
    const char *type = json_string(json, "type", NULL);
    if (json_absent(json))
        return true;
    if (!type)
        return bora_fail(err, BORA_FORMAT, "a pre-tokenizer has no \"type\"");
    if (depth > MAX_NESTING)
        return bora_fail(err, BORA_LIMIT, "pre-tokenizers nested deeper than %d", MAX_NESTING);
    if (strcmp(type, "Sequence") == 0) {
        const cJSON *list = json_get(json, "pretokenizers"), *item;
        if (!cJSON_IsArray(list))
            return bora_fail(err, BORA_FORMAT, "a Sequence without \"pretokenizers\"");
        cJSON_ArrayForEach(item, list)
            if (!parse(mem, item, depth + 1, out, err))
                return false;
        return true;
    }
    return parse_one(mem, json, type, out, err) || bora_error_prefix(err, "%.60s", type);
}

bool pretokenizer_parse(arena *mem, const cJSON *json, pretokenizer_list *out, bora_error *err)
{
    return parse(mem, json, 0, out, err) || bora_error_prefix(err, "pre_tokenizer");
}
