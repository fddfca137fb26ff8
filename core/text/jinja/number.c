/* Numbers to text and back, as Python's int(), float() and repr() do it, whatever the process's locale is. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja/unicode.h"
#include "text/jinja/value.h"

enum { MAX_DIGITS = 4300 }; /* of a decimal integer, as in Python */

double jinja_strtod(const char *digits, size_t len)
{
    /* Nearest doubles need no more than 767 digits; what is longer is cut, its exponent kept. */
    char copy[832];
    size_t n = 0, dropped = 0;
    bool fraction = false;
    const char *exponent = NULL, *point = localeconv()->decimal_point;
    for (size_t i = 0; i < len; i++) {
        char c = digits[i];
        if (c == '_')
            continue;
        if (c == 'e' || c == 'E') {
            exponent = digits + i + 1;
            len -= i + 1;
            break;
        }
        if (c == '.') {
            fraction = true;
            for (const char *p = point; *p && n < 800; p++)
                copy[n++] = *p;
        } else if (n < 790) {
            copy[n++] = c;
        } else if (!fraction) {
            dropped++;
        }
    }
    long long e = 0;
    if (exponent) {
        bool negative = len > 0 && *exponent == '-';
        for (size_t i = len > 0 && (*exponent == '-' || *exponent == '+'); i < len; i++)
            if (exponent[i] != '_' && e < 100000000)
                e = e * 10 + (exponent[i] - '0');
        e = negative ? -e : e;
    }
    snprintf(copy + n, sizeof copy - n, "e%lld", e + (long long)(dropped < 100000000 ? dropped : 100000000));
    return strtod(copy, NULL);
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'Z')
        return c - 'A' + 10;
    return 99;
}

static void strip(const char **text, size_t *len)
{
    const char *p = *text, *end = p + *len;
    for (const char *next = p; p < end && jinja_char_is_space(jinja_utf8_next(&next)); next = p)
        p = next;
    for (const char *before = end; end > p && jinja_char_is_space(jinja_utf8_prev(&before)); before = end)
        end = before;
    *text = p;
    *len = (size_t)(end - p);
}

/* int(text, base): *ok false where Python raises ValueError. */
bool jinja_parse_int(job *j, const char *text, size_t len, int base, value *out, bool *ok)
{
    *ok = false;
    strip(&text, &len);
    bool negative = len > 0 && text[0] == '-';
    if (len > 0 && (text[0] == '-' || text[0] == '+')) {
        text++;
        len--;
    }
    if (len > 2 && text[0] == '0') {
        char c = text[1] | 0x20;
        int prefix = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 0;
        if (prefix && (base == 0 || base == prefix)) {
            base = prefix;
            text += 2;
            len -= 2;
            if (len > 0 && *text == '_') {
                text++;
                len--;
            }
        }
    }
    bool decimal_rule = base == 0; /* int("010", 0) is refused */
    if (base == 0)
        base = 10;
    uint64_t n = 0;
    bool big = false, zero_first = len > 0 && text[0] == '0', all_zero = true;
    if (len == 0 || text[len - 1] == '_' || (base == 10 && len > MAX_DIGITS))
        return true;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '_') {
            if (i == 0 || text[i - 1] == '_')
                return true;
            continue;
        }
        int d = digit_value(text[i]);
        if (d >= base)
            return true;
        all_zero = all_zero && d == 0;
        big = big || __builtin_mul_overflow(n, (uint64_t)base, &n) || __builtin_add_overflow(n, (uint64_t)d, &n);
    }
    if (decimal_rule && zero_first && !all_zero)
        return true;
    *ok = true;
    big = big || n > (uint64_t)INT64_MAX + negative;
    if (!big) {
        *out = v_int(negative ? (int64_t)(0 - n) : (int64_t)n);
        return true;
    }
    if (base != 10)
        return jinja_fail(j, BORA_UNSUPPORTED, "an integer is larger than 64 bits");
    size_t mark = jinja_begin(j);
    if (negative && !jinja_put(j, "-", 1))
        return false;
    size_t first = 0;
    while (first < len && (text[first] == '0' || text[first] == '_'))
        first++;
    for (size_t i = first; i < len; i++)
        if (text[i] != '_' && !jinja_put(j, text + i, 1))
            return false;
    if (!jinja_end(j, mark, out))
        return false;
    out->type = V_BIGINT;
    return true;
}

/* float(text); false where Python raises ValueError. */
bool jinja_parse_float(const char *text, size_t len, double *out)
{
    strip(&text, &len);
    bool negative = len > 0 && text[0] == '-';
    if (len > 0 && (text[0] == '-' || text[0] == '+')) {
        text++;
        len--;
    }
    static const struct {
        const char *name;
        double value;
    } words[] = { { "inf", (double)INFINITY }, { "infinity", (double)INFINITY }, { "nan", (double)NAN } };
    for (size_t i = 0; i < 3; i++)
        if (strlen(words[i].name) == len && strncasecmp(text, words[i].name, len) == 0) {
            *out = negative ? -words[i].value : words[i].value;
            return true;
        }
    bool point = false, exponent = false, digits = false, last_digit = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9') {
            digits = last_digit = true;
        } else if (c == '_' && last_digit && i + 1 < len && text[i + 1] >= '0' && text[i + 1] <= '9') {
            last_digit = false;
        } else if (c == '.' && !point && !exponent) {
            point = true;
            last_digit = false;
        } else if ((c == 'e' || c == 'E') && digits && !exponent && i + 1 < len) {
            exponent = true;
            digits = last_digit = false;
            if ((text[i + 1] == '+' || text[i + 1] == '-') && i + 2 < len)
                i++;
        } else {
            return false;
        }
    }
    if (!digits)
        return false;
    double f = jinja_strtod(text, len);
    *out = negative ? -f : f;
    return true;
}

void jinja_format_double(double f, char out[40])
{
    if (isnan(f) || isinf(f)) {
        strcpy(out, isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
        return;
    }
    /* The fewest digits that read back as the same number. */
    char text[64];
    int precision = 0;
    do
        snprintf(text, sizeof text, "%.*e", precision, f);
    while (strtod(text, NULL) != f && ++precision < 17);
    char digits[18];
    size_t n = 0;
    char *e = strchr(text, 'e');
    for (char *p = text; p < e; p++)
        if (*p >= '0' && *p <= '9' && n < sizeof digits - 1)
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
    int exponent = atoi(e + 1), point = exponent + 1; /* the decimal point stands before digits[point] */
    size_t room = 40;
    if (signbit(f)) {
        *out++ = '-';
        room--;
    }
    if (exponent < -4 || exponent >= 16)
        snprintf(out, room, "%c%s%se%c%02d", digits[0], n > 1 ? "." : "", digits + 1, exponent < 0 ? '-' : '+',
                 abs(exponent));
    else if (point <= 0)
        snprintf(out, room, "0.%.*s%s", -point, "0000", digits);
    else if ((size_t)point >= n)
        snprintf(out, room, "%s%.*s.0", digits, point - (int)n, "0000000000000000");
    else
        snprintf(out, room, "%.*s.%s", point, digits, digits + point);
}
