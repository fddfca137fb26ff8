/* Small things that the whole pipeline uses: lists, patterns, byte-level characters, typed JSON members. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/tokenizer.h"

bool growth_allowed(size_t from, size_t len, bora_error *err)
{
    return len / 128 <= from + 64 ||
           bora_fail(err, BORA_LIMIT, "the tokenizer's rules make %zu bytes or more of a text of %zu", len, from);
}

bool id_list_push(id_list *list, int32_t id)
{
    if (list->failed)
        return false;
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 64;
        int32_t *data = cap <= SIZE_MAX / sizeof *data / 2 ? realloc(list->data, cap * sizeof *data) : NULL;
        if (!data) {
            list->failed = true;
            return false;
        }
        list->data = data;
        list->cap = cap;
    }
    list->data[list->n++] = id;
    return true;
}

bool pieces_add(pieces *p, size_t start, size_t len, int32_t token, bool from_start)
{
    if (p->failed)
        return false;
    if (len == 0 && token < 0)
        return true;
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 64;
        piece *items = cap <= SIZE_MAX / sizeof *items / 2 ? realloc(p->items, cap * sizeof *items) : NULL;
        if (!items) {
            p->failed = true;
            return false;
        }
        p->items = items;
        p->cap = cap;
    }
    p->items[p->n++] = (piece){ .start = start, .len = len, .token = token, .from_start = from_start };
    return true;
}

bool pieces_add_text(pieces *p, const char *text, size_t len, bool from_start)
{
    size_t start = p->text.len;
    return buf_append(&p->text, text, len) && pieces_add(p, start, len, -1, from_start);
}

void pieces_clear(pieces *p)
{
    buf_clear(&p->text);
    p->n = 0;
    p->failed = false;
}

void pieces_free(pieces *p)
{
    buf_free(&p->text);
    free(p->items);
    *p = (pieces){ 0 };
}

/* Printable bytes stand for themselves; the others, in their order, for the characters from U+0100 on. */
unsigned byte_level_char(unsigned char b)
{
    if (b <= 0x20)
        return 0x100u + b;
    if (b < 0x7f)
        return b;
    if (b <= 0xa0)
        return 0x121u + (unsigned)(b - 0x7f);
    return b == 0xad ? 0x143 : b;
}

int byte_level_byte(uint32_t c)
{
    if (c >= 0x100 && c <= 0x120)
        return (int)(c - 0x100);
    if (c >= 0x121 && c <= 0x142)
        return (int)(c - 0x121 + 0x7f);
    if (c == 0x143)
        return 0xad;
    return c < 0x100 && byte_level_char((unsigned char)c) == c ? (int)c : -1;
}

void byte_level_encode(buf *out, const char *text, size_t len)
{
    if (!buf_reserve(out, len <= SIZE_MAX / 4 ? len * 2 : SIZE_MAX))
        return;
    for (size_t i = 0; i < len; i++) {
        unsigned c = byte_level_char((unsigned char)text[i]);
        if (c >= 0x80)
            out->data[out->len++] = (char)(0xc0 | c >> 6);
        out->data[out->len++] = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
    }
    out->data[out->len] = '\0';
}

const char *text_find(const char *text, size_t len, bora_text what)
{
    if (what.len > len)
        return NULL;
    return what.len == 1 ? memchr(text, what.data[0], len) : memmem(text, len, what.data, what.len);
}

regex_result pattern_next(const pattern *p, regex_scratch *scratch, const char *text, size_t len, match_cursor *cursor,
                          bora_error *err)
{
    while (len > 0 && cursor->from <= len) {
        if (!p->regex) {
            const char *at = text_find(text + cursor->from, len - cursor->from, p->literal);
            if (!at)
                return REGEX_NONE;
            cursor->start = (size_t)(at - text);
            cursor->end = cursor->from = cursor->start + p->literal.len;
            return REGEX_FOUND;
        }
        size_t start, end;
        regex_result found = regex_search(p->regex, scratch, text, len, cursor->from, &start, &end, err);
        if (found != REGEX_FOUND)
            return found;
        if (start == end && cursor->any && end == cursor->end) { /* an empty match right after a match is none */
            cursor->from += cursor->from < len ? utf8_width(text[cursor->from]) : 1;
            continue;
        }
        cursor->any = true;
        cursor->start = start;
        cursor->end = cursor->from = end;
        return REGEX_FOUND;
    }
    return REGEX_NONE;
}

bool pattern_parse(arena *mem, const cJSON *json, pattern *out, bora_error *err)
{
    *out = (pattern){ 0 };
    const char *literal = json_string(json, "String", NULL), *source = json_string(json, "Regex", NULL);
    if (!literal == !source)
        return bora_fail(err, BORA_FORMAT, "a pattern is neither {\"String\": …} nor {\"Regex\": …}");
    if (literal && literal[0]) {
        out->literal = text_copy(mem, (bora_text){ literal, strlen(literal) });
        return out->literal.data || bora_fail_memory(err, "a pattern");
    }
    source = source ? source : ""; /* the empty string matches everywhere, as an expression does */
    out->regex = regex_new(source, strlen(source), err);
    return out->regex != NULL;
}

bora_text text_copy(arena *mem, bora_text text)
{
    return (bora_text){ arena_strndup(mem, text.data, text.len), text.len };
}

bool member_string(const cJSON *object, const char *key, bool required, bora_text *out, bora_error *err)
{
    const cJSON *item = json_get(object, key);
    if (json_absent(item) && !required)
        return true;
    if (!cJSON_IsString(item))
        return bora_fail(err, BORA_FORMAT, "\"%s\" is %s", key, item ? "not a string" : "missing");
    *out = (bora_text){ item->valuestring, strlen(item->valuestring) };
    return true;
}

bool member_bool(const cJSON *object, const char *key, bool required, bool *out, bora_error *err)
{
    const cJSON *item = json_get(object, key);
    if (json_absent(item) && !required)
        return true;
    if (!cJSON_IsBool(item))
        return bora_fail(err, BORA_FORMAT, "\"%s\" is %s", key, item ? "not true or false" : "missing");
    *out = cJSON_IsTrue(item);
    return true;
}

bool member_size(const cJSON *object, const char *key, bool required, size_t limit, size_t *out, bora_error *err)
{
    const cJSON *item = json_get(object, key);
    if (json_absent(item) && !required)
        return true;
    if (!cJSON_IsNumber(item))
        return bora_fail(err, BORA_FORMAT, "\"%s\" is %s", key, item ? "not a number" : "missing");
    double value = item->valuedouble;
    if (!(value >= 0) || value > (double)limit || value != floor(value))
        return bora_fail(err, BORA_FORMAT, "\"%s\" is %g, a whole number from 0 to %zu was expected", key, value,
                         limit);
    *out = (size_t)value;
    return true;
}
