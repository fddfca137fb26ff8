/* Formatting one value by a specification: sign, width, fill, grouping, precision, type. */
#include "text/jinja/spec.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text/jinja/unicode.h"

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

bool jinja_format_text(job *j, const spec *s, const str *text)
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

bool jinja_format_int(job *j, int64_t i, const spec *s)
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
    char padded[JINJA_MAX_PRECISION + 1]; /* "%.5d" */
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

bool jinja_format_float(job *j, double f, const spec *s)
{
    char text[JINJA_MAX_PRECISION + 400];
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

bool jinja_read_count(job *j, const char **p, const char *end, int *out, int limit)
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
    if (!jinja_read_count(j, &p, end, &s->width, JINJA_MAX_WIDTH))
        return false;
    if (p < end && (*p == ',' || *p == '_'))
        s->group = *p++;
    if (p < end && *p == '.') {
        p++;
        if (!jinja_read_count(j, &p, end, &s->precision, JINJA_MAX_PRECISION))
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

bool jinja_format_value(job *j, value v, const str *spec_text)
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
        return jinja_format_text(j, &s, v.s);
    }
    if (jinja_is_int(v, &i)) {
        if (s.type && strchr("eEfFgG%", s.type))
            return jinja_format_float(j, (double)i, &s);
        if (s.type == 'n')
            s.type = 'd';
        if (s.type && !strchr("dxXobc", s.type))
            return bad_type(j, s.type, v);
        if (s.precision >= 0)
            return jinja_error(j, "precision not allowed in integer format specifier");
        if (s.type != 'c')
            return jinja_format_int(j, i, &s);
        char utf8[4];
        if (i < 0 || i > 0x10ffff || (i >= 0xd800 && i < 0xe000))
            return jinja_error(j, "%%c needs a character");
        str c = { utf8, jinja_utf8_encode((unsigned)i, utf8), 1 };
        return jinja_format_text(j, &s, &c);
    }
    if (v.type == V_FLOAT) {
        if (s.type && !strchr("eEfFgGn%", s.type))
            return bad_type(j, s.type, v);
        return jinja_format_float(j, v.f, &s);
    }
    if (v.type == V_BIGINT)
        return jinja_fail(j, BORA_UNSUPPORTED, "an integer is larger than 64 bits");
    return jinja_error(j, "unsupported format string for an object of type '%s'", jinja_type_name(v));
}
