/* Filters on text. */
#include <string.h>

#include "text/jinja/eval.h"

static bool upper(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    value s;
    return jinja_to_str(j, self, &s) && jinja_change_case(j, s.s, CASE_UPPER, out);
}

static bool lower(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    value s;
    return jinja_to_str(j, self, &s) && jinja_change_case(j, s.s, CASE_LOWER, out);
}

static bool capitalize(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    value s;
    return jinja_to_str(j, self, &s) && jinja_capitalize(j, s.s, out);
}

static bool put_part(job *j, const char *data, size_t len, char_case to)
{
    value v;
    size_t mark = jinja_begin(j);
    return jinja_string(j, data, len, &v) && jinja_change_case(j, v.s, to, &v) && (jinja_cut(j, mark), true) &&
           jinja_put_str(j, v.s);
}

/* Words begin after white space, hyphens and opening brackets. */
static bool title(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    value s;
    if (!jinja_to_str(j, self, &s) || !jinja_charge(j, s.s->len))
        return false;
    size_t mark = jinja_begin(j);
    for (const char *p = s.s->data, *end = p + s.s->len; p < end;) {
        const char *word = p, *next = p;
        unsigned c = jinja_utf8_next(&next);
        bool gap = jinja_char_is_space(c) || (c < 0x80 && c && strchr("-({[<", (char)c));
        if (gap) {
            if (!jinja_put(j, p, (size_t)(next - p)))
                return false;
            p = next;
            continue;
        }
        const char *rest = next;
        for (p = next; p < end; p = next) {
            c = jinja_utf8_next(&next);
            if (jinja_char_is_space(c) || (c < 0x80 && c && strchr("-({[<", (char)c)))
                break;
        }
        if (!put_part(j, word, (size_t)(rest - word), CASE_UPPER) || !put_part(j, rest, (size_t)(p - rest), CASE_LOWER))
            return false;
    }
    return jinja_end(j, mark, out);
}

static bool string(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return jinja_to_str(j, self, out);
}

static bool safe(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    if (!jinja_to_str(j, self, out))
        return false;
    out->markup = true;
    return true;
}

static bool escape(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    value s;
    size_t mark = jinja_begin(j);
    *out = self;
    if (self.type == V_STRING && self.markup)
        return true;
    if (!jinja_to_str(j, self, &s) || !jinja_put_escaped(j, s.s) || !jinja_end(j, mark, out))
        return false;
    out->markup = true;
    return true;
}

static bool forceescape(job *j, value self, const call_args *a, value *out)
{
    self.markup = false;
    return escape(j, self, a, out);
}

static bool trim(job *j, value self, const call_args *a, value *out)
{
    value s, chars = a->args[0];
    if (chars.type != V_MISSING && chars.type != V_NONE && chars.type != V_STRING)
        return jinja_error(j, "the characters to trim must be a string");
    return jinja_to_str(j, self, &s) && jinja_strip(j, s.s, chars.type == V_STRING ? chars.s : NULL, true, true, out);
}

static bool replace(job *j, value self, const call_args *a, value *out)
{
    value s, from, to;
    int64_t count;
    return jinja_to_str(j, self, &s) && jinja_to_str(j, a->args[0], &from) && jinja_to_str(j, a->args[1], &to) &&
           (a->args[2].type == V_NONE ? (count = -1, true) : jinja_arg_int(j, a->args[2], -1, &count)) &&
           jinja_replace(j, s.s, from.s, to.s, count, out);
}

static bool center(job *j, value self, const call_args *a, value *out)
{
    value s;
    int64_t width;
    return jinja_to_str(j, self, &s) && jinja_arg_int(j, a->args[0], 80, &width) &&
           jinja_pad(j, s.s, width, ' ', '^', out);
}

static bool need_text(job *j, value self)
{
    if (self.type == V_STRING)
        return true;
    if (self.type == V_UNDEFINED)
        return jinja_use_undefined(j, self);
    return jinja_error(j, "a string is needed, not '%s'", jinja_type_name(self));
}

static bool indent(job *j, value self, const call_args *a, value *out)
{
    const str *by = NULL;
    int64_t width = 4;
    bool first = jinja_truth(j, a->args[1]), blank = jinja_truth(j, a->args[2]);
    list *lines;
    if (!need_text(j, self))
        return false;
    if (a->args[0].type == V_STRING)
        by = a->args[0].s;
    else if (!jinja_arg_int(j, a->args[0], 4, &width))
        return false;
    /* With a newline added, so that text which ends with one keeps it. */
    size_t mark = jinja_begin(j);
    value text;
    if (!jinja_put_str(j, self.s) || !jinja_put(j, "\n", 1) || !jinja_end(j, mark, &text) ||
        !jinja_split_lines(j, text.s, false, &lines))
        return false;
    for (size_t i = 0; i < lines->n; i++) {
        const str *line = lines->items[i].s;
        bool indented = i == 0 ? first : blank || line->len > 0;
        if ((i > 0 && !jinja_put(j, "\n", 1)) ||
            (indented && !(by ? jinja_put_str(j, by) : jinja_put_repeat(j, " ", 1, width > 0 ? (size_t)width : 0))) ||
            !jinja_put_str(j, line))
            return false;
    }
    return jinja_end(j, mark, out);
}

static bool truncate_text(job *j, value self, const call_args *a, value *out)
{
    int64_t length, leeway;
    value end = a->args[2];
    size_t n;
    if (!jinja_length(j, self, &n) || !jinja_arg_int(j, a->args[0], 255, &length) ||
        (end.type == V_MISSING && !jinja_cstring(j, "...", &end)) || !need_text(j, end) ||
        (a->args[3].type == V_NONE ? (leeway = 5, false) : !jinja_arg_int(j, a->args[3], 5, &leeway)))
        return false;
    if (length < (int64_t)end.s->n_chars || leeway < 0)
        return jinja_error(j, "truncate needs a length of at least %zu and a leeway of at least 0", end.s->n_chars);
    *out = self;
    if ((int64_t)n - leeway <= length)
        return true;
    if (!need_text(j, self))
        return false;
    const str *s = self.s;
    size_t keep = jinja_utf8_offset(s->data, s->len, (size_t)length - end.s->n_chars);
    if (!jinja_truth(j, a->args[1])) {
        const char *space = memrchr(s->data, ' ', keep);
        keep = space ? (size_t)(space - s->data) : keep;
    }
    size_t mark = jinja_begin(j);
    return jinja_put(j, s->data, keep) && jinja_put_str(j, end.s) && jinja_end(j, mark, out);
}

static bool wordcount(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    value s;
    if (!jinja_to_str(j, self, &s) || !jinja_charge(j, s.s->len / 8))
        return false;
    int64_t n = 0;
    bool in_word = false;
    for (const char *p = s.s->data, *end = p + s.s->len; p < end;) {
        bool word = jinja_char_is_word(jinja_utf8_next(&p));
        n += word && !in_word;
        in_word = word;
    }
    *out = v_int(n);
    return true;
}

static bool format(job *j, value self, const call_args *a, value *out)
{
    value s, args;
    if (a->n && a->n_kw)
        return jinja_error(j, "can't handle positional and keyword arguments at the same time");
    if (!jinja_to_str(j, self, &s))
        return false;
    if (a->n_kw) {
        dict *d = jinja_dict_new(j);
        if (!d)
            return false;
        for (size_t i = 0; i < a->n_kw; i++)
            if (!jinja_dict_set(j, d, v_str(a->kw_names[i]), a->kw_values[i]))
                return false;
        args = v_dict(d);
    } else {
        list *l = jinja_list_new(j, a->n);
        if (!l)
            return false;
        for (size_t i = 0; i < a->n; i++)
            l->items[l->n++] = a->args[i];
        args = v_tuple(l);
    }
    return jinja_percent(j, s.s, args, out);
}

static bool put_unescaped(job *j, const char *p, const char *end)
{
    static const struct {
        const char *name;
        unsigned c;
    } entities[] = { { "amp", '&' },      { "lt", '<' },      { "gt", '>' },        { "quot", '"' },
                     { "apos", '\'' },    { "nbsp", 0xa0 },   { "copy", 0xa9 },     { "reg", 0xae },
                     { "raquo", 0xbb },   { "laquo", 0xab },  { "hellip", 0x2026 }, { "ndash", 0x2013 },
                     { "mdash", 0x2014 }, { "euro", 0x20ac }, { "times", 0xd7 },    { "middot", 0xb7 } };
    while (p < end) {
        const char *amp = memchr(p, '&', (size_t)(end - p)), *stop = amp ? amp : end;
        if (!jinja_charge(j, 1) || !jinja_put(j, p, (size_t)(stop - p)))
            return false;
        if (!amp)
            break;
        const char *name = amp + 1, *q = name;
        while (q < end && q - name < 12 && *q != ';')
            q++;
        unsigned c = 0;
        size_t len = (size_t)(q - name);
        if (q < end && *q == ';' && len > 1 && *name == '#') {
            bool hex = (name[1] | 0x20) == 'x';
            value n;
            bool ok;
            if (!jinja_parse_int(j, name + 1 + hex, len - 1 - hex, hex ? 16 : 10, &n, &ok))
                return false;
            if (ok && n.type == V_INT && n.i > 0 && n.i <= 0x10ffff && !(n.i >= 0xd800 && n.i < 0xe000))
                c = (unsigned)n.i;
        } else if (q < end && *q == ';') {
            for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
                if (strlen(entities[i].name) == len && memcmp(entities[i].name, name, len) == 0)
                    c = entities[i].c;
        }
        if (!(c ? jinja_put_char(j, c) : jinja_put(j, "&", 1)))
            return false;
        p = c ? q + 1 : amp + 1;
    }
    return true;
}

/* Without tags and comments, white space collapsed, the common entities read. */
static bool striptags(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    value s;
    list *words;
    if (!jinja_to_str(j, self, &s))
        return false;
    size_t mark = jinja_begin(j);
    const char *p = s.s->data, *end = p + s.s->len, *open;
    while ((open = memchr(p, '<', (size_t)(end - p))) != NULL) {
        bool comment = end - open >= 4 && memcmp(open, "<!--", 4) == 0;
        const char *close =
            comment ? memmem(open + 4, (size_t)(end - open - 4), "-->", 3) : memchr(open, '>', (size_t)(end - open));
        if (!close)
            break;
        if (!jinja_charge(j, 1) || !jinja_put(j, p, (size_t)(open - p)))
            return false;
        p = close + (comment ? 3 : 1);
    }
    value text, space;
    if (!jinja_put(j, p, (size_t)(end - p)) || !jinja_end(j, mark, &text) ||
        !jinja_split(j, text.s, NULL, -1, false, &words) || !jinja_cstring(j, " ", &space) ||
        !jinja_join(j, space.s, v_list(words), false, &text))
        return false;
    return put_unescaped(j, text.s->data, text.s->data + text.s->len) && jinja_end(j, mark, out);
}

static bool put_quoted(job *j, value v, bool for_query)
{
    static const char safe_chars[] = "_.-~";
    value s;
    if (!jinja_to_str(j, v, &s))
        return false;
    for (size_t i = 0; i < s.s->len; i++) {
        unsigned char c = (unsigned char)s.s->data[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c && strchr(safe_chars, c)) || (c == '/' && !for_query);
        char code[3] = { '%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15] };
        if (!(plain                   ? jinja_put(j, s.s->data + i, 1)
              : for_query && c == ' ' ? jinja_put(j, "+", 1)
                                      : jinja_put(j, code, 3)))
            return false;
    }
    return jinja_charge(j, s.s->len / 8);
}

static bool urlencode(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    size_t mark = jinja_begin(j);
    bool iterable = self.type == V_UNDEFINED || (self.type > V_STRING && self.type <= V_ITER);
    if (!iterable)
        return put_quoted(j, self, false) && jinja_end(j, mark, out);
    list *pairs, *pair;
    if (self.type == V_DICT) {
        value items = { .type = V_VIEW, .view = &(view){ self.dict, VIEW_ITEMS } };
        if (!jinja_to_list(j, items, &pairs))
            return false;
    } else if (!jinja_to_list(j, self, &pairs)) {
        return false;
    }
    for (size_t i = 0; i < pairs->n; i++) {
        if (!jinja_to_list(j, pairs->items[i], &pair))
            return false;
        if (pair->n != 2)
            return jinja_error(j, "urlencode needs pairs");
        if ((i > 0 && !jinja_put(j, "&", 1)) || !put_quoted(j, pair->items[0], true) || !jinja_put(j, "=", 1) ||
            !put_quoted(j, pair->items[1], true))
            return false;
    }
    return jinja_end(j, mark, out);
}

static bool put_attribute(job *j, value v)
{
    value s;
    return jinja_to_str(j, v, &s) && (s.markup ? jinja_put_str(j, s.s) : jinja_put_escaped(j, s.s));
}

static bool xmlattr(job *j, value self, const call_args *a, value *out)
{
    if (self.type != V_DICT)
        return self.type == V_UNDEFINED ? jinja_use_undefined(j, self) : jinja_error(j, "xmlattr needs a mapping");
    bool spaced = a->args[0].type == V_MISSING || jinja_truth(j, a->args[0]), any = false;
    size_t mark = jinja_begin(j);
    for (size_t i = 0; i < self.dict->n; i++) {
        const dict_entry *e = &self.dict->entries[i];
        if (e->val.type == V_NONE || e->val.type == V_UNDEFINED)
            continue;
        if (e->key.type != V_STRING)
            return jinja_error(j, "the name of an attribute must be a string");
        for (size_t k = 0; k < e->key.s->len; k++)
            if (!e->key.s->data[k] ? false : strchr(" \t\n\r\f\v/>=", e->key.s->data[k]) != NULL)
                return jinja_error(j, "invalid character in the name of an attribute");
        if (((any || spaced) && !jinja_put(j, " ", 1)) || !put_attribute(j, e->key) || !jinja_puts(j, "=\"") ||
            !put_attribute(j, e->val) || !jinja_put(j, "\"", 1))
            return false;
        any = true;
    }
    return jinja_end(j, mark, out);
}

const builtin jinja_text_filters[] = {
    { "capitalize", "", 0, capitalize },
    { "center", "width", 0, center },
    { "e", "", 0, escape },
    { "escape", "", 0, escape },
    { "forceescape", "", 0, forceescape },
    { "format", NULL, 0, format },
    { "indent", "width first blank", 0, indent },
    { "lower", "", 0, lower },
    { "replace", "old new count", 2, replace },
    { "safe", "", 0, safe },
    { "string", "", 0, string },
    { "striptags", "", 0, striptags },
    { "title", "", 0, title },
    { "trim", "chars", 0, trim },
    { "truncate", "length killwords end leeway", 0, truncate_text },
    { "upper", "", 0, upper },
    { "urlencode", "", 0, urlencode },
    { "wordcount", "", 0, wordcount },
    { "wordwrap", "width break_long_words wrapstring break_on_hyphens", 0, jinja_wordwrap },
    { "xmlattr", "autospace", 0, xmlattr },
};
const size_t jinja_n_text_filters = sizeof jinja_text_filters / sizeof *jinja_text_filters;
