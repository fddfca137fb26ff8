/* TOML numbers and booleans. A value without quotes is first taken as a word, everything up to a character that none of
 * them can hold, and then read as what its first letters promise: so a message can always show the whole of it. */
#include "config/toml_parser.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct word {
    const char *at, *end; /* what is left to read */
    const char *start;
    int shown; /* bytes of it that a message shows */
} word;

static bool is_word_char(char c)
{
    return toml_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '+' || c == '-' ||
           c == '.' || c == ':';
}

static bool word_is(const word *w, const char *text)
{
    size_t len = (size_t)(w->end - w->at);
    return len == strlen(text) && memcmp(w->at, text, len) == 0;
}

static bool word_is_in_any_case(const word *w, const char *text)
{
    size_t len = (size_t)(w->end - w->at);
    return len == strlen(text) && strncasecmp(w->at, text, len) == 0;
}

static char next_char(const word *w)
{
    return w->at < w->end ? *w->at : '\0';
}

static bool fail(toml_cursor *c, const word *w, const char *why)
{
    return toml_fail(c, "`%.*s` is not a number: %s", w->shown, w->start, why);
}

static int digit_value(char c)
{
    if (toml_is_digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Moves over digits with single underscores between them, at least one, and appends them to the scratch buffer. */
static bool digits(toml_cursor *c, word *w, int base)
{
    static const char lonely[] = "an underscore stands between two digits";
    if (next_char(w) == '_')
        return fail(c, w, lonely);
    if (digit_value(next_char(w)) >= base)
        return fail(c, w, w->at == w->end ? "a digit is missing at its end" : "a digit is missing");
    while (digit_value(next_char(w)) < base) {
        buf_putc(&c->scratch, *w->at++);
        if (next_char(w) == '_') {
            w->at++;
            if (digit_value(next_char(w)) >= base)
                return fail(c, w, lonely);
        }
    }
    return true;
}

/* The integer in the scratch buffer. */
static bool to_integer(toml_cursor *c, const word *w, int base, toml_value *value)
{
    const char *s = buf_text(&c->scratch);
    bool negative = *s == '-';
    int64_t n = 0;
    if (c->scratch.failed)
        return bora_fail_memory(c->err, "a TOML number");
    for (s += negative; *s; s++) {
        int digit = negative ? -digit_value(*s) : digit_value(*s);
        if (__builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, digit, &n))
            return toml_fail(c, "the integer `%.*s` does not fit into 64 bits", w->shown, w->start);
    }
    value->type = TOML_INT;
    value->integer = n;
    return true;
}

/* The number in the scratch buffer, read with a decimal point whatever the program's locale. */
static bool to_float(toml_cursor *c, const word *w, toml_value *value)
{
    locale_t plain = c->scratch.failed ? (locale_t)0 : newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (!plain)
        return bora_fail_memory(c->err, "a TOML number");
    value->type = TOML_FLOAT;
    value->number = strtod_l(buf_text(&c->scratch), NULL, plain);
    freelocale(plain);
    if (isinf(value->number))
        return toml_fail(c, "the float `%.*s` does not fit into 64 bits", w->shown, w->start);
    return true;
}

static bool radix_integer(toml_cursor *c, word *w, bool has_sign, toml_value *value)
{
    char letter = w->at[1];
    int base = letter == 'x' ? 16 : letter == 'o' ? 8 : 2;
    if (has_sign)
        return fail(c, w, "hexadecimal, octal and binary integers take no sign");
    w->at += 2;
    if (!digits(c, w, base))
        return false;
    if (w->at < w->end)
        return fail(c, w,
                    base == 16  ? "not a hexadecimal digit in it"
                    : base == 8 ? "not an octal digit in it"
                                : "not a binary digit in it");
    return to_integer(c, w, base, value);
}

static bool number(toml_cursor *c, word *w, toml_value *value)
{
    bool has_sign = next_char(w) == '+' || next_char(w) == '-', negative = next_char(w) == '-', is_float = false;
    if (negative)
        buf_putc(&c->scratch, '-');
    w->at += has_sign;
    if (word_is(w, "inf") || word_is(w, "nan")) {
        double number = next_char(w) == 'i' ? INFINITY : NAN;
        value->type = TOML_FLOAT;
        value->number = negative ? -number : number;
        return true;
    }
    if (next_char(w) == '0' && w->end - w->at > 1 && strchr("xob", w->at[1]))
        return radix_integer(c, w, has_sign, value);
    const char *whole = w->at;
    if (next_char(w) == '.')
        return fail(c, w, "a digit stands before the point");
    if (!digits(c, w, 10))
        return false;
    if (*whole == '0' && w->at - whole > 1)
        return fail(c, w, "it begins with a zero");
    if (next_char(w) == '.') {
        is_float = true;
        buf_putc(&c->scratch, *w->at++);
        if (!digits(c, w, 10))
            return false;
    }
    if (next_char(w) == 'e' || next_char(w) == 'E') {
        is_float = true;
        buf_putc(&c->scratch, *w->at++);
        if (next_char(w) == '+' || next_char(w) == '-')
            buf_putc(&c->scratch, *w->at++);
        if (!digits(c, w, 10))
            return false;
    }
    if (w->at < w->end)
        return fail(c, w, "something follows it; text stands in quotes");
    return is_float ? to_float(c, w, value) : to_integer(c, w, 10, value);
}

/* Dates and times are the words that begin with a digit and hold a colon, or a hyphen that is not an exponent's. */
static bool looks_like_datetime(const word *w)
{
    if (!toml_is_digit(next_char(w)))
        return false;
    for (const char *s = w->at + 1; s < w->end; s++)
        if (*s == ':' || (*s == '-' && s[-1] != 'e' && s[-1] != 'E'))
            return true;
    return false;
}

static bool not_a_value(toml_cursor *c, const word *w)
{
    static const char *const keywords[] = { "true", "false", "inf", "nan" };
    if (w->at == w->end)
        return toml_fail(c, "a value is missing here: found %s", toml_what_is_here(c).text);
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (word_is_in_any_case(w, keywords[i]))
            return toml_fail(c, "`%.*s` is not a value: write %s", w->shown, w->start, keywords[i]);
    return toml_fail(c, "`%.*s` is not a value: text stands in quotes", w->shown, w->start);
}

bool toml_read_scalar(toml_cursor *c, toml_value *value)
{
    word w = { .at = c->at, .end = c->at, .start = c->at };
    while (w.end < c->end && is_word_char(*w.end))
        w.end++;
    w.shown = w.end - w.at < 40 ? (int)(w.end - w.at) : 40;
    buf_clear(&c->scratch);
    char first = next_char(&w);
    bool ok = true;
    if (word_is(&w, "true") || word_is(&w, "false")) {
        value->type = TOML_BOOL;
        value->boolean = first == 't';
    } else if (looks_like_datetime(&w)) {
        /* One space may stand between a date and a time. */
        if (w.end - w.at == 10 && c->end - w.end > 1 && *w.end == ' ' && toml_is_digit(w.end[1]))
            for (w.end++; w.end < c->end && is_word_char(*w.end);)
                w.end++;
        ok = toml_read_datetime(c, w.at, (size_t)(w.end - w.at), value);
    } else if (toml_is_digit(first) || first == '+' || first == '-' || first == '.' || word_is(&w, "inf") ||
               word_is(&w, "nan")) {
        ok = number(c, &w, value);
    } else {
        ok = not_a_value(c, &w);
    }
    if (ok)
        c->at = w.end;
    return ok;
}
