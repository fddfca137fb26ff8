/* Formatting: `"…" % values`, `"…".format(…)`, and the format specifications that both come down to. */
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja/eval.h"
#include "text/jinja/unicode.h"

enum { MAX_PRECISION = 1000, MAX_WIDTH = 1 << 26 };

typedef struct spec {
    unsigned fill;
    char align; /* '<' '>' '^' '=', or 0 */
    char sign;  /* '-' '+' ' ' */
    bool alternate, percent_style;
    char group;           /* ',' '_', or 0 */
    int width, precision; /* -1: none */
    char type;            /* or 0 */
} spec;

/* --- numbers to digits --- */

static bool put_grouped(job *j, const char *digits, size_t n, char group, size_t every)
{
    for (size_t i = 0; i < n; i++)
        if ((i > 0 && group && (n - i) % every == 0 && !jinja_put(j, &group, 1)) || !jinja_put(j, digits + i, 1))
            return false;
    return true;
}

/* Sign, prefix, number, suffix, filled up to the width. Zeros go between the sign and the number. */
static bool put_number(job *j, const spec *s, bool negative, const char *prefix, const char *number, size_t n_int,
                       const char *rest)
{
    char sign[2] = { negative ? '-' : s->sign == '-' ? '\0' : s->sign, '\0' };
    size_t every = s->type == 'x' || s->type == 'X' || s->type == 'o' || s->type == 'b' ? 4 : 3;
    size_t separators = s->group && n_int > 0 ? (n_int - 1) / every : 0;
    size_t len = strlen(sign) + strlen(prefix) + n_int + separators + strlen(rest);
    size_t missing = s->width > 0 && (size_t)s->width > len ? (size_t)s->width - len : 0;
    char align = s->align ? s->align : '>', fill[4];
    size_t fill_len = jinja_utf8_encode(s->fill, fill);
    size_t before = align == '>' ? missing : align == '^' ? missing / 2 : 0;
    size_t inside = align == '=' ? missing : 0;
    return jinja_put_repeat(j, fill, fill_len, before) && jinja_puts(j, sign) && jinja_puts(j, prefix) &&
           jinja_put_repeat(j, fill, fill_len, inside) && put_grouped(j, number, n_int, s->group, every) &&
           jinja_puts(j, rest) && jinja_put_repeat(j, fill, fill_len, missing - before - inside);
}

static bool put_text(job *j, const spec *s, const str *text)
{
    size_t n = s->precision >= 0 && (size_t)s->precision < text->n_chars ? (size_t)s->precision : text->n_chars;
    size_t bytes = n == text->n_chars ? text->len : jinja_utf8_offset(text->data, text->len, n);
    size_t missing = s->width > 0 && (size_t)s->width > n ? (size_t)s->width - n : 0;
    char align = s->align ? s->align : s->percent_style ? '>' : '<', fill[4];
    size_t fill_len = jinja_utf8_encode(s->fill, fill);
    size_t before = align == '>' ? missing : align == '^' ? missing / 2 : 0;
    return jinja_put_repeat(j, fill, fill_len, before) && jinja_put(j, text->data, bytes) &&
           jinja_put_repeat(j, fill, fill_len, missing - before);
}

static bool format_int(job *j, int64_t i, const spec *s)
{
    char digits[72];
    size_t n = sizeof digits;
    uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    unsigned base = s->type == 'x' || s->type == 'X' ? 16 : s->type == 'o' ? 8 : s->type == 'b' ? 2 : 10;
    const char *set = s->type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    do
        digits[--n] = set[u % base];
    while ((u /= base) > 0);
    const char *prefix = !s->alternate ? ""
                         : base == 16  ? (s->type == 'X' ? "0X" : "0x")
                         : base == 8   ? "0o"
                         : base == 2   ? "0b"
                                       : "";
    size_t len = sizeof digits - n;
    if (s->precision < 0 || (size_t)s->precision <= len)
        return put_number(j, s, i < 0, prefix, digits + n, len, "");
    char padded[MAX_PRECISION + 1]; /* "%.5d" */
    size_t zeros = (size_t)s->precision - len;
    memset(padded, '0', zeros);
    memcpy(padded + zeros, digits + n, len);
    return put_number(j, s, i < 0, prefix, padded, zeros + len, "");
}

/* repr() with a precision: like %g, but never without a point. */
static void general(double f, int precision, char *text, size_t size)
{
    snprintf(text, size, "%.*g", precision, f);
    char *e = strchr(text, 'e');
    if (!e && !strpbrk(text, ".,")) {
        int exponent = f == 0 ? 0 : (int)floor(log10(f));
        if (exponent >= precision - 1 && precision > 0 && exponent > 0) {
            snprintf(text, size, "%.*e", precision - 1, f); /* 1e+02, as Python has it */
            return;
        }
        strcat(text, ".0");
    }
}

static bool format_float(job *j, double f, const spec *s)
{
    char text[MAX_PRECISION + 400];
    bool negative = signbit(f) && !isnan(f);
    double magnitude = fabs(f);
    char type = s->type ? s->type : 'r', lower = (char)(type | 0x20);
    int precision = s->precision < 0 ? 6 : s->precision;
    if (isnan(f) || isinf(f)) {
        strcpy(text, isnan(f) ? "nan" : "inf");
    } else if (type == 'r' && s->precision < 0) {
        jinja_format_double(magnitude, text);
    } else if (type == 'r') {
        general(magnitude, precision ? precision : 1, text, sizeof text);
    } else {
        char pattern[8];
        snprintf(pattern, sizeof pattern, s->alternate ? "%%#.*%c" : "%%.*%c",
                 type == '%'    ? 'f'
                 : lower == 'n' ? 'g'
                                : type);
        snprintf(text, sizeof text, pattern, precision, type == '%' ? magnitude * 100 : magnitude);
    }
    const char *point = localeconv()->decimal_point;
    char *at = point[0] != '.' ? strstr(text, point) : NULL;
    if (at)
        *at = '.';
    if (type == 'F' || type == 'E' || type == 'G')
        for (char *p = text; *p; p++)
            *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
    size_t n_int = strspn(text, "0123456789");
    if (n_int == 0) { /* inf, nan */
        spec plain = *s;
        plain.group = 0;
        return put_number(j, &plain, negative, "", text, strlen(text), type == '%' ? "%" : "");
    }
    char rest[sizeof text + 1];
    snprintf(rest, sizeof rest, "%s%s", text + n_int, type == '%' ? "%" : "");
    return put_number(j, s, negative, "", text, n_int, rest);
}

/* --- specifications --- */

static bool read_count(job *j, const char **p, const char *end, int *out, int limit)
{
    long n = 0;
    *out = -1;
    for (; *p < end && **p >= '0' && **p <= '9'; ++*p) {
        n = n * 10 + (**p - '0');
        if (n > limit)
            return jinja_fail(j, BORA_LIMIT, "a width or precision is too large");
        *out = (int)n;
    }
    return true;
}

/* [[fill]align][sign][#][0][width][,][.precision][type] */
static bool read_spec(job *j, const str *text, spec *s)
{
    const char *p = text->data, *end = p + text->len;
    *s = (spec){ .fill = ' ', .sign = '-', .width = -1, .precision = -1 };
    const char *after = p;
    unsigned first = p < end ? jinja_utf8_next(&after) : 0;
    if (first && after < end && strchr("<>^=", *after)) {
        s->fill = first;
        s->align = *after;
        p = after + 1;
    } else if (p < end && strchr("<>^=", *p)) {
        s->align = *p++;
    }
    if (p < end && strchr("+- ", *p))
        s->sign = *p++;
    if (p < end && *p == '#') {
        s->alternate = true;
        p++;
    }
    if (p < end && *p == '0') {
        if (!s->align) {
            s->fill = '0';
            s->align = '=';
        }
        p++;
    }
    if (!read_count(j, &p, end, &s->width, MAX_WIDTH))
        return false;
    if (p < end && (*p == ',' || *p == '_'))
        s->group = *p++;
    if (p < end && *p == '.') {
        p++;
        if (!read_count(j, &p, end, &s->precision, MAX_PRECISION))
            return false;
        if (s->precision < 0)
            return jinja_error(j, "a format specification lacks its precision");
    }
    if (p < end)
        s->type = *p++;
    return p == end || jinja_error(j, "invalid format specification");
}

static bool bad_type(job *j, char type, value v)
{
    return jinja_error(j, "unknown format code '%c' for object of type '%s'", type, jinja_type_name(v));
}

static bool format_value(job *j, value v, const str *spec_text)
{
    spec s;
    int64_t i;
    if (spec_text->len == 0)
        return jinja_put_value(j, v);
    if (!read_spec(j, spec_text, &s))
        return false;
    if (v.type == V_STRING) {
        if (s.type && s.type != 's')
            return bad_type(j, s.type, v);
        if (s.align == '=' && s.fill == '0')
            s.align = '<';
        if (s.align == '=' || s.sign != '-' || s.alternate || s.group)
            return jinja_error(j, "this format specification is not for strings");
        return put_text(j, &s, v.s);
    }
    if (jinja_is_int(v, &i)) {
        if (s.type && strchr("eEfFgG%", s.type))
            return format_float(j, (double)i, &s);
        if (s.type == 'n')
            s.type = 'd';
        if (s.type && !strchr("dxXobc", s.type))
            return bad_type(j, s.type, v);
        if (s.precision >= 0)
            return jinja_error(j, "precision not allowed in integer format specifier");
        if (s.type != 'c')
            return format_int(j, i, &s);
        char utf8[4];
        if (i < 0 || i > 0x10ffff || (i >= 0xd800 && i < 0xe000))
            return jinja_error(j, "%%c needs a character");
        str c = { utf8, jinja_utf8_encode((unsigned)i, utf8), 1 };
        return put_text(j, &s, &c);
    }
    if (v.type == V_FLOAT) {
        if (s.type && !strchr("eEfFgGn%", s.type))
            return bad_type(j, s.type, v);
        return format_float(j, v.f, &s);
    }
    if (v.type == V_BIGINT)
        return jinja_fail(j, BORA_UNSUPPORTED, "an integer is larger than 64 bits");
    return jinja_error(j, "unsupported format string for an object of type '%s'", jinja_type_name(v));
}

/* --- % --- */

typedef struct percent {
    job *j;
    const char *p, *end;
    const list *tuple; /* NULL: one value, or a mapping */
    value single;
    size_t next;
    bool used_single;
} percent;

static bool next_value(percent *f, value *out)
{
    if (f->tuple ? f->next >= f->tuple->n : f->used_single)
        return jinja_error(f->j, "not enough arguments for format string");
    *out = f->tuple ? f->tuple->items[f->next++] : f->single;
    f->used_single = true;
    return true;
}

static bool read_key(percent *f, value *out)
{
    const char *from = ++f->p;
    for (int depth = 1; f->p < f->end; f->p++) {
        depth += (*f->p == '(') - (*f->p == ')');
        if (depth == 0)
            break;
    }
    if (f->p >= f->end)
        return jinja_error(f->j, "incomplete format key");
    if (f->single.type == V_UNDEFINED)
        return jinja_use_undefined(f->j, f->single);
    if (f->single.type != V_DICT)
        return jinja_error(f->j, "format requires a mapping");
    value key;
    bool ok;
    if (!jinja_substring(f->j, from, (size_t)(f->p++ - from), &key))
        return false;
    const value *v = jinja_dict_get(f->j, f->single.dict, key, &ok);
    if (!v)
        return jinja_error(f->j, "format key '%.*s' is not in the mapping", key.s->len > 64 ? 64 : (int)key.s->len,
                           key.s->data);
    *out = *v;
    return true;
}

static bool read_star(percent *f, int *out, int limit)
{
    value v;
    int64_t i;
    if (f->p >= f->end || *f->p != '*')
        return read_count(f->j, &f->p, f->end, out, limit);
    f->p++;
    if (!next_value(f, &v))
        return false;
    if (!jinja_is_int(v, &i))
        return jinja_error(f->j, "* wants int");
    if (i > limit || i < -limit)
        return jinja_fail(f->j, BORA_LIMIT, "a width or precision is too large");
    *out = (int)i;
    return true;
}

static bool put_converted(percent *f, value v, spec *s)
{
    job *j = f->j;
    int64_t i;
    double d;
    value text;
    size_t mark = jinja_begin(j);
    switch (s->type) {
    case 's':
    case 'r':
    case 'a':
        if (!(s->type == 's'   ? jinja_put_value(j, v)
              : s->type == 'r' ? jinja_put_repr(j, v)
                               : jinja_put_ascii(j, v)) ||
            !jinja_end(j, mark, &text))
            return false;
        s->fill = ' ';
        s->align = s->align == '=' ? 0 : s->align;
        return put_text(j, s, text.s);
    case 'c':
        if (v.type == V_STRING ? v.s->n_chars != 1 : !jinja_is_int(v, &i))
            return jinja_error(j, "%%c requires int or char");
        if (v.type == V_STRING)
            return put_text(j, s, v.s);
        return format_value(j, v_int(i), &(str){ "c", 1, 1 });
    case 'd':
    case 'i':
    case 'u':
        if (v.type == V_FLOAT && fabs(v.f) < 9.2e18)
            i = (int64_t)v.f;
        else if (v.type == V_BIGINT || (v.type == V_FLOAT && isfinite(v.f)))
            return jinja_fail(j, BORA_UNSUPPORTED, "an integer is larger than 64 bits");
        else if (!jinja_is_int(v, &i))
            return jinja_error(j, "%%%c format: a real number is required, not %s", s->type, jinja_type_name(v));
        s->type = 'd';
        return format_int(j, i, s);
    case 'x':
    case 'X':
    case 'o':
        if (!jinja_is_int(v, &i))
            return jinja_error(j, "%%%c format: an integer is required, not %s", s->type, jinja_type_name(v));
        return format_int(j, i, s);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
        if (!jinja_is_number(v, &d))
            return jinja_error(j, "must be real number, not %s", jinja_type_name(v));
        return format_float(j, d, s);
    default:
        return jinja_error(j, "unsupported format character '%c'", s->type);
    }
}

static bool percent_item(percent *f)
{
    spec s = { .fill = ' ', .sign = '-', .width = -1, .precision = -1, .percent_style = true };
    value v = { 0 };
    bool has_key = f->p < f->end && *f->p == '(', left = false, zero = false;
    if (has_key && !read_key(f, &v))
        return false;
    for (; f->p < f->end && strchr("#0- +", *f->p) && *f->p; f->p++) {
        s.alternate = s.alternate || *f->p == '#';
        left = left || *f->p == '-';
        zero = zero || *f->p == '0';
        if (*f->p == '+' || (*f->p == ' ' && s.sign == '-'))
            s.sign = *f->p;
    }
    if (!read_star(f, &s.width, MAX_WIDTH))
        return false;
    if (s.width < -1) {
        s.width = -s.width;
        left = true;
    }
    if (f->p < f->end && *f->p == '.') {
        f->p++;
        if (!read_star(f, &s.precision, MAX_PRECISION))
            return false;
        s.precision = s.precision < 0 ? 0 : s.precision;
    }
    while (f->p < f->end && strchr("hlL", *f->p) && *f->p)
        f->p++;
    if (f->p >= f->end)
        return jinja_error(f->j, "incomplete format");
    s.type = *f->p++;
    if (s.type == '%')
        return jinja_put(f->j, "%", 1);
    if (left)
        s.align = '<';
    else if (zero) {
        s.align = '=';
        s.fill = '0';
    }
    return (has_key || next_value(f, &v)) && put_converted(f, v, &s);
}

bool jinja_percent(job *j, const str *format, value args, value *out)
{
    percent f = { .j = j,
                  .p = format->data,
                  .end = format->data + format->len,
                  .tuple = args.type == V_TUPLE ? args.list : NULL,
                  .single = args };
    size_t mark = jinja_begin(j);
    while (f.p < f.end) {
        const char *percent_at = memchr(f.p, '%', (size_t)(f.end - f.p));
        const char *stop = percent_at ? percent_at : f.end;
        if (!jinja_charge(j, 1) || !jinja_put(j, f.p, (size_t)(stop - f.p)))
            return false;
        f.p = percent_at ? stop + 1 : stop;
        if (percent_at && !percent_item(&f))
            return false;
    }
    /* What has subscripts may be a mapping that this format does not look at. */
    bool mapping = args.type == V_DICT || args.type == V_LIST || args.type == V_RANGE || args.type == V_UNDEFINED;
    if (f.tuple ? f.next < f.tuple->n : !f.used_single && !mapping)
        return jinja_error(j, "not all arguments converted during string formatting");
    return jinja_end(j, mark, out);
}

/* --- str.format --- */

typedef struct formatter {
    job *j;
    const call_args *args;
    const dict *mapping;
    int64_t next; /* automatic numbering; -1 once a number was written */
} formatter;

static bool named_value(formatter *f, const char *name, size_t len, value *out)
{
    const value *v = f->mapping ? jinja_dict_find(f->j, f->mapping, name, len) : NULL;
    for (size_t i = 0; i < f->args->n_kw && !v; i++)
        if (f->args->kw_names[i]->len == len && memcmp(f->args->kw_names[i]->data, name, len) == 0)
            v = &f->args->kw_values[i];
    if (!v)
        return jinja_error(f->j, "there is no value '%.*s' to format", len > 64 ? 64 : (int)len, name);
    *out = *v;
    return true;
}

/* "name.attribute[item]" */
static bool field_value(formatter *f, const char *p, const char *end, value *out)
{
    const char *from = p;
    while (p < end && *p != '.' && *p != '[')
        p++;
    bool numeric = p > from;
    int64_t n = 0;
    for (const char *c = from; c < p; c++) {
        numeric = numeric && *c >= '0' && *c <= '9';
        n = numeric && n < 1000000 ? n * 10 + (*c - '0') : n;
    }
    if (p == from || numeric) {
        if (p == from ? f->next < 0 : f->next > 0)
            return jinja_error(f->j, "numbered and automatic fields cannot be mixed");
        n = p == from ? f->next++ : n;
        f->next = numeric ? -1 : f->next;
        if ((uint64_t)n >= f->args->n)
            return jinja_error(f->j, "there is no value %lld to format", (long long)n);
        *out = f->args->args[n];
    } else if (!named_value(f, from, (size_t)(p - from), out)) {
        return false;
    }
    while (p < end) {
        bool attribute = *p++ == '.';
        from = p;
        while (p < end && (attribute ? *p != '.' && *p != '[' : *p != ']'))
            p++;
        value key, number;
        bool ok;
        if (p == from || (!attribute && p >= end))
            return jinja_error(f->j, "a format field has an empty or unfinished part");
        if (!jinja_substring(f->j, from, (size_t)(p - from), &key))
            return false;
        if (attribute) {
            if (!jinja_getattr(f->j, *out, key.s, out))
                return false;
            continue;
        }
        if (!jinja_parse_int(f->j, from, (size_t)(p - from), 10, &number, &ok) ||
            !jinja_getitem(f->j, *out, ok ? number : key, out))
            return false;
        p++;
        if (p < end && *p != '.' && *p != '[')
            return jinja_error(f->j, "only '.' or '[' may follow ']' in a format field");
    }
    return true;
}

static bool put_format(formatter *f, const char *p, const char *end, int depth);

static bool put_field(formatter *f, const char *p, const char *end, int depth)
{
    const char *name = p;
    while (p < end && *p != '!' && *p != ':')
        p += *p == '[' && memchr(p, ']', (size_t)(end - p)) ? (char *)memchr(p, ']', (size_t)(end - p)) - p : 1;
    value v, spec_text;
    if (!field_value(f, name, p, &v))
        return false;
    if (p < end && *p == '!') {
        char conversion = p + 1 < end ? p[1] : '\0';
        size_t mark = jinja_begin(f->j);
        bool ok = conversion == 'r'   ? jinja_put_repr(f->j, v)
                  : conversion == 's' ? jinja_put_value(f->j, v)
                  : conversion == 'a' ? jinja_put_ascii(f->j, v)
                                      : jinja_error(f->j, "unknown conversion in a format field");
        if (!ok || !jinja_end(f->j, mark, &v))
            return false;
        p += 2;
        if (p < end && *p != ':')
            return jinja_error(f->j, "expected ':' after a conversion");
    }
    size_t mark = jinja_begin(f->j);
    return (p >= end || put_format(f, p + 1, end, depth + 1)) && jinja_end(f->j, mark, &spec_text) &&
           format_value(f->j, v, spec_text.s);
}

static bool put_format(formatter *f, const char *p, const char *end, int depth)
{
    if (depth > 2)
        return jinja_error(f->j, "format specifications are nested too deeply");
    while (p < end) {
        if (!jinja_charge(f->j, 1))
            return false;
        const char *from = p;
        while (p < end && *p != '{' && *p != '}')
            p++;
        if (!jinja_put(f->j, from, (size_t)(p - from)))
            return false;
        if (p == end)
            break;
        if (p + 1 < end && p[1] == *p && depth == 0) {
            if (!jinja_put(f->j, p, 1))
                return false;
            p += 2;
            continue;
        }
        if (*p == '}')
            return jinja_error(f->j, "single '}' in a format string");
        from = ++p;
        for (int open = 1; p < end; p++) {
            open += (*p == '{') - (*p == '}');
            if (open == 0)
                break;
        }
        if (p >= end)
            return jinja_error(f->j, "expected '}' in a format string");
        if (!put_field(f, from, p++, depth))
            return false;
    }
    return true;
}

bool jinja_str_format(job *j, const str *format, const call_args *a, const dict *mapping, value *out)
{
    formatter f = { .j = j, .args = a, .mapping = mapping };
    size_t mark = jinja_begin(j);
    return put_format(&f, format->data, format->data + format->len, 0) && jinja_end(j, mark, out);
}
