/* What strings can do, shared by their methods and the filters. Positions and widths count characters. */
#include <string.h>

#include "text/jinja/eval.h"
#include "text/jinja/unicode.h"

bool jinja_arg_int(job *j, value v, int64_t fallback, int64_t *out)
{
    *out = fallback;
    if (v.type == V_MISSING || jinja_is_int(v, out))
        return true;
    if (v.type == V_UNDEFINED)
        return jinja_use_undefined(j, v);
    return jinja_error(j, "'%s' object cannot be interpreted as an integer", jinja_type_name(v));
}

bool jinja_put_escaped(job *j, const str *s)
{
    static const struct {
        char c;
        const char *entity;
    } entities[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&#34;" }, { '\'', "&#39;" } };
    const char *plain = s->data, *end = s->data + s->len;
    for (const char *p = s->data; p < end; p++)
        for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
            if (*p == entities[i].c) {
                if (!jinja_put(j, plain, (size_t)(p - plain)) || !jinja_puts(j, entities[i].entity))
                    return false;
                plain = p + 1;
            }
    return jinja_put(j, plain, (size_t)(end - plain));
}

/* A capital sigma that ends a word has a lower case of its own. */
static bool is_final_sigma(const str *s, const char *at)
{
    const char *begin = s->data, *end = s->data + s->len, *p = at;
    unsigned c = 0;
    while (p > begin && jinja_char_is_case_ignorable(c = jinja_utf8_prev(&p)))
        c = 0;
    if (!c || jinja_char_is_case_ignorable(c) ||
        !(jinja_char_is_upper(c) || jinja_char_is_lower(c) || jinja_char_is_title(c)))
        return false;
    p = at;
    jinja_utf8_next(&p);
    while (p < end) {
        c = jinja_utf8_next(&p);
        if (!jinja_char_is_case_ignorable(c))
            return !(jinja_char_is_upper(c) || jinja_char_is_lower(c) || jinja_char_is_title(c));
    }
    return true;
}

static bool put_case(job *j, const str *s, const char *at, char_case to)
{
    const char *p = at;
    unsigned c = jinja_utf8_next(&p), out[3];
    if (c == 0x3a3 && to == CASE_LOWER)
        return jinja_put_char(j, is_final_sigma(s, at) ? 0x3c2 : 0x3c3);
    size_t n = jinja_char_to_case(c, to, out);
    for (size_t i = 0; i < n; i++)
        if (!jinja_put_char(j, out[i]))
            return false;
    return true;
}

bool jinja_change_case(job *j, const str *s, char_case to, value *out)
{
    size_t mark = jinja_begin(j);
    if (!jinja_charge(j, s->len / 8))
        return false;
    for (const char *p = s->data, *end = p + s->len; p < end; jinja_utf8_next(&p))
        if (!put_case(j, s, p, to))
            return false;
    return jinja_end(j, mark, out);
}

bool jinja_capitalize(job *j, const str *s, value *out)
{
    size_t mark = jinja_begin(j);
    if (!jinja_charge(j, s->len / 8))
        return false;
    for (const char *p = s->data, *end = p + s->len; p < end; jinja_utf8_next(&p))
        if (!put_case(j, s, p, p == s->data ? CASE_TITLE : CASE_LOWER))
            return false;
    return jinja_end(j, mark, out);
}

static bool stripped(const str *chars, unsigned c)
{
    if (!chars)
        return jinja_char_is_space(c);
    for (const char *p = chars->data, *end = p + chars->len; p < end;)
        if (jinja_utf8_next(&p) == c)
            return true;
    return false;
}

bool jinja_strip(job *j, const str *s, const str *chars, bool left, bool right, value *out)
{
    const char *p = s->data, *end = p + s->len;
    if (!jinja_charge(j, s->len / 64 * (1 + (chars ? chars->len : 0))))
        return false;
    for (const char *next = p; left && p < end && stripped(chars, jinja_utf8_next(&next)); next = p)
        p = next;
    for (const char *before = end; right && end > p && stripped(chars, jinja_utf8_prev(&before)); before = end)
        end = before;
    return jinja_substring(j, p, (size_t)(end - p), out);
}

bool jinja_replace(job *j, const str *s, const str *from, const str *to, int64_t count, value *out)
{
    size_t mark = jinja_begin(j);
    const char *p = s->data, *end = p + s->len;
    uint64_t left = count < 0 ? UINT64_MAX : (uint64_t)count;
    for (; left > 0; left--) {
        const char *hit;
        if (from->len > 0) {
            hit = memmem(p, (size_t)(end - p), from->data, from->len);
            if (!hit || !jinja_put(j, p, (size_t)(hit - p)) || !jinja_put_str(j, to))
                break;
            p = hit + from->len;
        } else { /* before every character and at the end */
            hit = p;
            if (!jinja_put_str(j, to) || p == end)
                break;
            jinja_utf8_next(&p);
            if (!jinja_put(j, hit, (size_t)(p - hit)))
                break;
        }
        if (!jinja_charge(j, 1))
            return false;
    }
    return (!j->err || j->err->code == BORA_OK) && jinja_put(j, p, (size_t)(end - p)) && jinja_end(j, mark, out);
}

static bool add_part(job *j, list *l, const char *from, const char *to)
{
    value v;
    return jinja_substring(j, from, (size_t)(to - from), &v) && jinja_list_add(j, l, v);
}

static void reverse(list *l)
{
    for (size_t i = 0; i < l->n / 2; i++) {
        value v = l->items[i];
        l->items[i] = l->items[l->n - 1 - i];
        l->items[l->n - 1 - i] = v;
    }
}

static bool split_words(job *j, const str *s, uint64_t limit, list *l)
{
    const char *p = s->data, *end = p + s->len;
    for (;;) {
        for (const char *next = p; p < end && jinja_char_is_space(jinja_utf8_next(&next)); next = p)
            p = next;
        if (p == end)
            return true;
        const char *word = p;
        if (limit-- == 0)
            return add_part(j, l, word, end);
        for (const char *next = p; p < end && !jinja_char_is_space(jinja_utf8_next(&next)); next = p)
            p = next;
        if (!add_part(j, l, word, p))
            return false;
    }
}

static bool split_words_right(job *j, const str *s, uint64_t limit, list *l)
{
    const char *begin = s->data, *end = begin + s->len;
    for (;;) {
        for (const char *before = end; end > begin && jinja_char_is_space(jinja_utf8_prev(&before)); before = end)
            end = before;
        if (end == begin)
            break;
        const char *word = end;
        if (limit-- == 0) {
            word = begin;
        } else {
            for (const char *before = word; word > begin && !jinja_char_is_space(jinja_utf8_prev(&before));
                 before = word)
                word = before;
        }
        if (!add_part(j, l, word, end))
            return false;
        if (word == begin)
            break;
        end = word;
    }
    reverse(l);
    return true;
}

bool jinja_find_last(job *j, const char *begin, const char *end, const str *what, const char **hit)
{
    *hit = what->len ? NULL : end;
    if (!what->len || (size_t)(end - begin) < what->len)
        return true;
    size_t places = (size_t)(end - begin) - what->len + 1;
    /* A place may be compared almost to its end before it is none, so each comparison is paid for. */
    for (size_t i = places; i-- > 0;) {
        const char *p = begin + i;
        if (*p != what->data[0])
            continue;
        if (!jinja_charge(j, 1 + what->len / 64))
            return false;
        if (memcmp(p, what->data, what->len) == 0) {
            *hit = p;
            break;
        }
    }
    return jinja_charge(j, (size_t)(end - (*hit ? *hit : begin)) / 64);
}

bool jinja_split(job *j, const str *s, const str *separator, int64_t limit, bool from_right, list **out)
{
    list *l = *out = jinja_list_new(j, 0);
    uint64_t left = limit < 0 ? UINT64_MAX : (uint64_t)limit;
    if (!l || !jinja_charge(j, s->len / (separator ? 64 : 8)))
        return false;
    if (!separator)
        return from_right ? split_words_right(j, s, left, l) : split_words(j, s, left, l);
    if (separator->len == 0)
        return jinja_error(j, "empty separator");
    const char *begin = s->data, *end = begin + s->len;
    for (; left > 0; left--) {
        const char *hit = memmem(begin, (size_t)(end - begin), separator->data, separator->len);
        if (hit && from_right && !jinja_find_last(j, begin, end, separator, &hit))
            return false;
        if (!hit)
            break;
        if (!(from_right ? add_part(j, l, hit + separator->len, end) : add_part(j, l, begin, hit)))
            return false;
        if (from_right)
            end = hit;
        else
            begin = hit + separator->len;
    }
    if (!add_part(j, l, begin, end))
        return false;
    if (from_right)
        reverse(l);
    return true;
}

bool jinja_split_lines(job *j, const str *s, bool keep_ends, list **out)
{
    list *l = *out = jinja_list_new(j, 0);
    if (!l || !jinja_charge(j, s->len / 8))
        return false;
    const char *p = s->data, *end = p + s->len, *line = p;
    while (p < end) {
        const char *at = p;
        unsigned c = jinja_utf8_next(&p);
        if (!jinja_char_is_line_end(c))
            continue;
        if (c == '\r' && p < end && *p == '\n')
            p++;
        if (!add_part(j, l, line, keep_ends ? p : at))
            return false;
        line = p;
    }
    return line == end || add_part(j, l, line, end);
}

bool jinja_join(job *j, const str *separator, value items, bool as_str, value *out)
{
    list *l;
    if (!jinja_to_list(j, items, &l))
        return false;
    size_t mark = jinja_begin(j);
    for (size_t i = 0; i < l->n; i++) {
        if (!as_str && l->items[i].type != V_STRING)
            return jinja_error(j, "join() expected strings, found '%s'", jinja_type_name(l->items[i]));
        if ((i > 0 && !jinja_put_str(j, separator)) || !jinja_put_value(j, l->items[i]))
            return false;
    }
    return jinja_end(j, mark, out);
}

bool jinja_pad(job *j, const str *s, int64_t width, unsigned fill, char align, value *out)
{
    size_t missing = width > 0 && (uint64_t)width > s->n_chars ? (size_t)width - s->n_chars : 0;
    size_t left = align == '>' ? missing : align == '<' ? 0 : missing / 2 + (missing & (size_t)width & 1);
    char utf8[4];
    size_t n = jinja_utf8_encode(fill, utf8), mark = jinja_begin(j);
    return jinja_put_repeat(j, utf8, n, left) && jinja_put_str(j, s) && jinja_put_repeat(j, utf8, n, missing - left) &&
           jinja_end(j, mark, out);
}
