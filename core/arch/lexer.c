/* Equations to tokens. */
#include <math.h>
#include <string.h>

#include "arch/declared.h"
#include "config/value.h"

static const char *const marks[] = { "??", "==", "!=", "<=", ">=", "//", "+", "-", "*", "/",
                                     "%",  "(",  ")",  "[",  "]",  ",",  "=", "<", ">", NULL };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char peek(const lexer *l, size_t ahead)
{
    return ahead < (size_t)(l->end - l->at) ? l->at[ahead] : '\0';
}

static void skip_blanks(lexer *l)
{
    for (;; l->at++) {
        if (peek(l, 0) == '#')
            while (l->at < l->end && *l->at != '\n')
                l->at++;
        if (l->depth > 0 && peek(l, 0) == '\n')
            l->line++;
        else if (peek(l, 0) != ' ' && peek(l, 0) != '\t' && peek(l, 0) != '\r')
            return;
    }
}

static bool read_number(lexer *l, token *out, bora_error *err)
{
    char text[40]; /* longer ones are no numbers that anybody writes */
    size_t n = 0;
    while (n < sizeof text - 1 && (is_digit(peek(l, n)) || peek(l, n) == '.' || peek(l, n) == 'e' ||
                                   (n > 0 && peek(l, n - 1) == 'e' && (peek(l, n) == '-' || peek(l, n) == '+'))))
        n++;
    memcpy(text, l->at, n);
    text[n] = '\0';
    char *end;
    out->number = value_decimal(text, &end);
    if (*end != '\0' || is_letter(peek(l, n)) || is_digit(peek(l, n)) || !isfinite(out->number))
        return bora_fail(err, BORA_FORMAT, "%s:%d: \"%s\" is no number", l->file, l->line, text);
    out->kind = TOKEN_NUMBER;
    out->len = n;
    l->at += n;
    return true;
}

static bool read_string(lexer *l, token *out, bora_error *err)
{
    size_t n = 1;
    while (l->at + n < l->end && l->at[n] != '"' && l->at[n] != '\n')
        n++;
    if (peek(l, n) != '"')
        return bora_fail(err, BORA_FORMAT, "%s:%d: a string without its closing quote", l->file, l->line);
    *out = (token){ .kind = TOKEN_STRING, .line = l->line, .text = l->at + 1, .len = n - 1 };
    l->at += n + 1;
    return true;
}

/* Letters, digits and underscores; a dot between two such words is part of the name. */
static void read_name(lexer *l, token *out)
{
    size_t n = 0;
    while (is_letter(peek(l, n)) || is_digit(peek(l, n)) || (peek(l, n) == '.' && is_letter(peek(l, n + 1))))
        n++;
    out->kind = TOKEN_NAME;
    out->len = n;
    l->at += n;
}

bool lexer_next(lexer *l, token *out, bora_error *err)
{
    skip_blanks(l);
    *out = (token){ .kind = TOKEN_END, .line = l->line, .text = l->at };
    if (l->at >= l->end)
        return true;
    char c = *l->at;
    if (c == '\n') {
        *out = (token){ .kind = TOKEN_LINE_END, .line = l->line++, .text = l->at++, .len = 1 };
        return true;
    }
    if (is_digit(c))
        return read_number(l, out, err);
    if (c == '"')
        return read_string(l, out, err);
    if (is_letter(c)) {
        read_name(l, out);
        return true;
    }
    for (const char *const *mark = marks; *mark; mark++) {
        size_t n = strlen(*mark);
        if ((size_t)(l->end - l->at) < n || memcmp(l->at, *mark, n) != 0)
            continue;
        l->depth += c == '(' || c == '[';
        l->depth -= (c == ')' || c == ']') && l->depth > 0;
        out->kind = TOKEN_MARK;
        out->len = n;
        l->at += n;
        return true;
    }
    if (c < ' ' || c > '~')
        return bora_fail(err, BORA_FORMAT, "%s:%d: a character that has no meaning here", l->file, l->line);
    return bora_fail(err, BORA_FORMAT, "%s:%d: \"%c\" has no meaning here", l->file, l->line, c);
}
