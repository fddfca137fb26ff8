/* The methods of strings. */
#include <string.h>

#include "text/jinja/eval.h"
#include "text/jinja/unicode.h"

static bool need_str(job *j, value v, const str **out)
{
    *out = v.type == V_STRING ? v.s : NULL;
    if (*out)
        return true;
    if (v.type == V_UNDEFINED)
        return jinja_error(j, "a string is needed, not an undefined value");
    return jinja_error(j, "a string is needed, not '%s'", jinja_type_name(v));
}

/* None and nothing are NULL. */
static bool optional_str(job *j, value v, const str **out)
{
    *out = NULL;
    return v.type == V_MISSING || v.type == V_NONE || need_str(j, v, out);
}

static bool upper(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return jinja_change_case(j, self.s, CASE_UPPER, out);
}

static bool lower(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return jinja_change_case(j, self.s, CASE_LOWER, out);
}

static bool casefold(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return jinja_change_case(j, self.s, CASE_FOLD, out);
}

static bool capitalize(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return jinja_capitalize(j, self.s, out);
}

static bool is_cased(unsigned c)
{
    return jinja_char_is_upper(c) || jinja_char_is_lower(c) || jinja_char_is_title(c);
}

static bool put_mapped(job *j, unsigned c, char_case to)
{
    unsigned mapped[3];
    size_t n = jinja_char_to_case(c, to, mapped);
    for (size_t i = 0; i < n; i++)
        if (!jinja_put_char(j, mapped[i]))
            return false;
    return true;
}

static bool title(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    size_t mark = jinja_begin(j);
    bool in_word = false;
    for (const char *p = self.s->data, *end = p + self.s->len; p < end;) {
        unsigned c = jinja_utf8_next(&p);
        if (!put_mapped(j, c, in_word ? CASE_LOWER : CASE_TITLE))
            return false;
        in_word = is_cased(c);
    }
    return jinja_charge(j, self.s->len / 8) && jinja_end(j, mark, out);
}

static bool swapcase(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    size_t mark = jinja_begin(j);
    for (const char *p = self.s->data, *end = p + self.s->len; p < end;) {
        unsigned c = jinja_utf8_next(&p);
        bool ok = jinja_char_is_upper(c)   ? put_mapped(j, c, CASE_LOWER)
                  : jinja_char_is_lower(c) ? put_mapped(j, c, CASE_UPPER)
                                           : jinja_put_char(j, c);
        if (!ok)
            return false;
    }
    return jinja_charge(j, self.s->len / 8) && jinja_end(j, mark, out);
}

static bool strip_sides(job *j, value self, const call_args *a, bool left, bool right, value *out)
{
    const str *chars;
    return optional_str(j, a->args[0], &chars) && jinja_strip(j, self.s, chars, left, right, out);
}

static bool strip(job *j, value self, const call_args *a, value *out)
{
    return strip_sides(j, self, a, true, true, out);
}

static bool lstrip(job *j, value self, const call_args *a, value *out)
{
    return strip_sides(j, self, a, true, false, out);
}

static bool rstrip(job *j, value self, const call_args *a, value *out)
{
    return strip_sides(j, self, a, false, true, out);
}

static bool split_side(job *j, value self, const call_args *a, bool from_right, value *out)
{
    const str *separator;
    int64_t limit;
    list *l;
    if (!optional_str(j, a->args[0], &separator) || !jinja_arg_int(j, a->args[1], -1, &limit) ||
        !jinja_split(j, self.s, separator, limit, from_right, &l))
        return false;
    *out = v_list(l);
    return true;
}

static bool split(job *j, value self, const call_args *a, value *out)
{
    return split_side(j, self, a, false, out);
}

static bool rsplit(job *j, value self, const call_args *a, value *out)
{
    return split_side(j, self, a, true, out);
}

static bool splitlines(job *j, value self, const call_args *a, value *out)
{
    list *l;
    if (!jinja_split_lines(j, self.s, jinja_truth(j, a->args[0]), &l))
        return false;
    *out = v_list(l);
    return true;
}

/* The bytes between the optional character positions `start` and `end`; false in *ok when start lies behind them. */
static bool window(job *j, const str *s, value start, value end, str *out, bool *ok)
{
    int64_t n = (int64_t)s->n_chars, from = 0, to = n;
    if ((start.type != V_NONE && !jinja_arg_int(j, start, 0, &from)) ||
        (end.type != V_NONE && !jinja_arg_int(j, end, n, &to)))
        return false;
    from = from < 0 ? (from + n < 0 ? 0 : from + n) : from;
    to = to < 0 ? (to + n < 0 ? 0 : to + n) : to > n ? n : to;
    *ok = from <= to;
    *out = (str){ s->data, 0, 0 };
    if (!*ok)
        return true;
    bool ascii = s->len == s->n_chars;
    size_t first = ascii ? (size_t)from : jinja_utf8_offset(s->data, s->len, (size_t)from);
    size_t last = ascii ? (size_t)to : jinja_utf8_offset(s->data, s->len, (size_t)to);
    *out = (str){ s->data + first, last - first, (size_t)(to - from) };
    return jinja_charge(j, s->len / 64);
}

/* The character position of the first or last `what`, or -1. */
static bool locate(job *j, value self, const call_args *a, bool last, int64_t *out)
{
    const str *what;
    str in;
    bool ok;
    *out = -1;
    if (!need_str(j, a->args[0], &what) || !window(j, self.s, a->args[1], a->args[2], &in, &ok))
        return false;
    if (!ok || what->len > in.len)
        return true;
    const char *hit = NULL;
    if (!last)
        hit = what->len ? memmem(in.data, in.len, what->data, what->len) : in.data;
    else if (!jinja_find_last(j, in.data, in.data + in.len, what, &hit))
        return false;
    if (hit)
        *out = (int64_t)jinja_utf8_count(self.s->data, (size_t)(hit - self.s->data));
    return true;
}

static bool find(job *j, value self, const call_args *a, value *out)
{
    int64_t at;
    bool ok = locate(j, self, a, false, &at);
    *out = v_int(at);
    return ok;
}

static bool rfind(job *j, value self, const call_args *a, value *out)
{
    int64_t at;
    bool ok = locate(j, self, a, true, &at);
    *out = v_int(at);
    return ok;
}

static bool index_of(job *j, value self, const call_args *a, value *out)
{
    return find(j, self, a, out) && (out->i >= 0 || jinja_error(j, "substring not found"));
}

static bool rindex_of(job *j, value self, const call_args *a, value *out)
{
    return rfind(j, self, a, out) && (out->i >= 0 || jinja_error(j, "substring not found"));
}

static bool count(job *j, value self, const call_args *a, value *out)
{
    const str *what;
    str in;
    bool ok;
    if (!need_str(j, a->args[0], &what) || !window(j, self.s, a->args[1], a->args[2], &in, &ok))
        return false;
    int64_t n = 0;
    if (ok && what->len == 0)
        n = (int64_t)in.n_chars + 1;
    const char *p = in.data, *end = p + in.len;
    while (what->len && (p = memmem(p, (size_t)(end - p), what->data, what->len)) != NULL) {
        n++;
        p += what->len;
    }
    *out = v_int(n);
    return true;
}

static bool has_affix(const str *s, const str *affix, bool at_end)
{
    return s->len >= affix->len &&
           memcmp(at_end ? s->data + s->len - affix->len : s->data, affix->data, affix->len) == 0;
}

static bool affix(job *j, value self, const call_args *a, bool at_end, value *out)
{
    str in;
    bool ok;
    const str *s;
    value what = a->args[0];
    *out = v_bool(false);
    if (!window(j, self.s, a->args[1], a->args[2], &in, &ok))
        return false;
    if (what.type != V_TUPLE) {
        if (!need_str(j, what, &s))
            return false;
        *out = v_bool(ok && has_affix(&in, s, at_end));
        return true;
    }
    for (size_t i = 0; i < what.list->n && !out->b; i++) {
        if (!need_str(j, what.list->items[i], &s))
            return false;
        *out = v_bool(ok && has_affix(&in, s, at_end));
    }
    return true;
}

static bool startswith(job *j, value self, const call_args *a, value *out)
{
    return affix(j, self, a, false, out);
}

static bool endswith(job *j, value self, const call_args *a, value *out)
{
    return affix(j, self, a, true, out);
}

static bool removeprefix(job *j, value self, const call_args *a, value *out)
{
    const str *s;
    if (!need_str(j, a->args[0], &s))
        return false;
    size_t cut = has_affix(self.s, s, false) ? s->len : 0;
    return jinja_substring(j, self.s->data + cut, self.s->len - cut, out);
}

static bool removesuffix(job *j, value self, const call_args *a, value *out)
{
    const str *s;
    if (!need_str(j, a->args[0], &s))
        return false;
    return jinja_substring(j, self.s->data, self.s->len - (has_affix(self.s, s, true) ? s->len : 0), out);
}

static bool replace(job *j, value self, const call_args *a, value *out)
{
    const str *from, *to;
    int64_t limit;
    return need_str(j, a->args[0], &from) && need_str(j, a->args[1], &to) && jinja_arg_int(j, a->args[2], -1, &limit) &&
           jinja_replace(j, self.s, from, to, limit, out);
}

static bool join(job *j, value self, const call_args *a, value *out)
{
    return jinja_join(j, self.s, a->args[0], false, out);
}

static bool parts(job *j, value self, const call_args *a, bool from_right, value *out)
{
    const str *s;
    list *found, *l = jinja_list_new(j, 3);
    value empty;
    if (!l || !need_str(j, a->args[0], &s) || !jinja_split(j, self.s, s, 1, from_right, &found) ||
        !jinja_cstring(j, "", &empty))
        return false;
    bool hit = found->n == 2;
    l->items[0] = hit || !from_right ? found->items[0] : empty;
    l->items[1] = hit ? v_str(s) : empty;
    l->items[2] = hit ? found->items[1] : from_right ? found->items[0] : empty;
    l->n = 3;
    *out = v_tuple(l);
    return true;
}

static bool partition(job *j, value self, const call_args *a, value *out)
{
    return parts(j, self, a, false, out);
}

static bool rpartition(job *j, value self, const call_args *a, value *out)
{
    return parts(j, self, a, true, out);
}

static bool pad(job *j, value self, const call_args *a, char align, value *out)
{
    const str *fill = NULL;
    int64_t width;
    if (!jinja_arg_int(j, a->args[0], 0, &width) || (a->args[1].type != V_MISSING && !need_str(j, a->args[1], &fill)))
        return false;
    if (fill && fill->n_chars != 1)
        return jinja_error(j, "the fill character must be exactly one character long");
    const char *p = fill ? fill->data : " ";
    return jinja_pad(j, self.s, width, jinja_utf8_next(&p), align, out);
}

static bool center(job *j, value self, const call_args *a, value *out)
{
    return pad(j, self, a, '^', out);
}

static bool ljust(job *j, value self, const call_args *a, value *out)
{
    return pad(j, self, a, '<', out);
}

static bool rjust(job *j, value self, const call_args *a, value *out)
{
    return pad(j, self, a, '>', out);
}

static bool zfill(job *j, value self, const call_args *a, value *out)
{
    int64_t width;
    if (!jinja_arg_int(j, a->args[0], 0, &width))
        return false;
    const str *s = self.s;
    size_t sign = s->len > 0 && (s->data[0] == '-' || s->data[0] == '+'), mark = jinja_begin(j);
    size_t zeros = width > 0 && (uint64_t)width > s->n_chars ? (size_t)width - s->n_chars : 0;
    return jinja_put(j, s->data, sign) && jinja_put_repeat(j, "0", 1, zeros) &&
           jinja_put(j, s->data + sign, s->len - sign) && jinja_end(j, mark, out);
}

static bool expandtabs(job *j, value self, const call_args *a, value *out)
{
    int64_t size, column = 0;
    if (!jinja_arg_int(j, a->args[0], 8, &size))
        return false;
    size_t mark = jinja_begin(j);
    for (const char *p = self.s->data, *end = p + self.s->len; p < end;) {
        const char *from = p;
        unsigned c = jinja_utf8_next(&p);
        bool ok = true;
        if (c == '\t') {
            int64_t n = size > 0 ? size - column % size : 0;
            ok = jinja_put_repeat(j, " ", 1, (size_t)n);
            column += n;
        } else {
            ok = jinja_put(j, from, (size_t)(p - from));
            column = c == '\n' || c == '\r' ? 0 : column + 1;
        }
        if (!ok)
            return false;
    }
    return jinja_end(j, mark, out);
}

static bool format(job *j, value self, const call_args *a, value *out)
{
    return jinja_str_format(j, self.s, a, NULL, out);
}

static bool format_map(job *j, value self, const call_args *a, value *out)
{
    call_args none = { 0 };
    if (a->args[0].type != V_DICT)
        return jinja_error(j, "format_map() needs a mapping");
    return jinja_str_format(j, self.s, &none, a->args[0].dict, out);
}

static bool all(job *j, const str *s, bool (*is)(unsigned c), bool if_empty, value *out)
{
    bool yes = s->len > 0 || if_empty;
    for (const char *p = s->data, *end = p + s->len; p < end && yes;)
        yes = is(jinja_utf8_next(&p));
    *out = v_bool(yes);
    return jinja_charge(j, s->len / 8);
}

static bool is_alnum(unsigned c)
{
    return jinja_char_is_alpha(c) || jinja_char_is_digit(c) || jinja_char_is_numeric(c);
}

static bool is_numeric(unsigned c)
{
    return jinja_char_is_digit(c) || jinja_char_is_numeric(c);
}

static bool is_ascii(unsigned c)
{
    return c < 0x80;
}

#define ALL(name, is, if_empty)                                                                                        \
    static bool name(job *j, value self, const call_args *a, value *out)                                               \
    {                                                                                                                  \
        (void)a;                                                                                                       \
        return all(j, self.s, is, if_empty, out);                                                                      \
    }
ALL(isalpha_all, jinja_char_is_alpha, false)
ALL(isalnum_all, is_alnum, false)
ALL(isdigit_all, jinja_char_is_digit, false)
ALL(isdecimal_all, jinja_char_is_decimal, false)
ALL(isnumeric_all, is_numeric, false)
ALL(isspace_all, jinja_char_is_space, false)
ALL(isascii_all, is_ascii, true)
ALL(isprintable_all, jinja_char_is_printable, true)

static bool isidentifier(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    const str *s = self.s;
    bool yes = s->len > 0;
    for (const char *p = s->data, *end = p + s->len; p < end && yes;) {
        bool first = p == s->data;
        unsigned c = jinja_utf8_next(&p);
        yes = c == '_' || jinja_char_is_alpha(c) || (!first && jinja_char_is_word(c));
    }
    *out = v_bool(yes);
    return jinja_charge(j, s->len / 8);
}

/* All cased characters are of one case, and there is one. */
static bool one_case(job *j, const str *s, bool (*is)(unsigned c), value *out)
{
    bool any = false, yes = true;
    for (const char *p = s->data, *end = p + s->len; p < end && yes;) {
        unsigned c = jinja_utf8_next(&p);
        any = any || is(c);
        yes = is(c) || !is_cased(c);
    }
    *out = v_bool(any && yes);
    return jinja_charge(j, s->len / 8);
}

static bool islower_all(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return one_case(j, self.s, jinja_char_is_lower, out);
}

static bool isupper_all(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return one_case(j, self.s, jinja_char_is_upper, out);
}

static bool istitle(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    bool any = false, yes = true, in_word = false;
    for (const char *p = self.s->data, *end = p + self.s->len; p < end && yes;) {
        unsigned c = jinja_utf8_next(&p);
        bool big = jinja_char_is_upper(c) || jinja_char_is_title(c), small = jinja_char_is_lower(c);
        yes = !(big && in_word) && !(small && !in_word);
        any = any || big || small;
        in_word = big || small;
    }
    *out = v_bool(any && yes);
    return jinja_charge(j, self.s->len / 8);
}

const builtin jinja_string_methods[] = {
    { "capitalize", "", 0, capitalize },
    { "casefold", "", 0, casefold },
    { "center", "/width fillchar", 1, center },
    { "count", "/sub start end", 1, count },
    { "endswith", "/suffix start end", 1, endswith },
    { "expandtabs", "tabsize", 0, expandtabs },
    { "find", "/sub start end", 1, find },
    { "format", NULL, 0, format },
    { "format_map", "/mapping", 1, format_map },
    { "index", "/sub start end", 1, index_of },
    { "isalnum", "", 0, isalnum_all },
    { "isalpha", "", 0, isalpha_all },
    { "isascii", "", 0, isascii_all },
    { "isdecimal", "", 0, isdecimal_all },
    { "isdigit", "", 0, isdigit_all },
    { "isidentifier", "", 0, isidentifier },
    { "islower", "", 0, islower_all },
    { "isnumeric", "", 0, isnumeric_all },
    { "isprintable", "", 0, isprintable_all },
    { "isspace", "", 0, isspace_all },
    { "istitle", "", 0, istitle },
    { "isupper", "", 0, isupper_all },
    { "join", "/iterable", 1, join },
    { "ljust", "/width fillchar", 1, ljust },
    { "lower", "", 0, lower },
    { "lstrip", "/chars", 0, lstrip },
    { "partition", "/sep", 1, partition },
    { "removeprefix", "/prefix", 1, removeprefix },
    { "removesuffix", "/suffix", 1, removesuffix },
    { "replace", "/old new count", 2, replace },
    { "rfind", "/sub start end", 1, rfind },
    { "rindex", "/sub start end", 1, rindex_of },
    { "rjust", "/width fillchar", 1, rjust },
    { "rpartition", "/sep", 1, rpartition },
    { "rsplit", "sep maxsplit", 0, rsplit },
    { "rstrip", "/chars", 0, rstrip },
    { "split", "sep maxsplit", 0, split },
    { "splitlines", "keepends", 0, splitlines },
    { "startswith", "/prefix start end", 1, startswith },
    { "strip", "/chars", 0, strip },
    { "swapcase", "", 0, swapcase },
    { "title", "", 0, title },
    { "upper", "", 0, upper },
    { "zfill", "/width", 1, zfill },
};
const size_t jinja_n_string_methods = sizeof jinja_string_methods / sizeof *jinja_string_methods;
