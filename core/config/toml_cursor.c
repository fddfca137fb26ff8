/* The cursor of the TOML parser: moving over what carries no value, knowing line and column, saying what is wrong. */
#include "config/toml_parser.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* The length of the UTF-8 sequence at `s` (RFC 3629, table 3-7 of Unicode), or 0 when it is none. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
    if (n == 0 || left < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] >= 0xa0;
    bool beyond = s[0] == 0xf4 && s[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : n;
}

bool toml_check_text(toml_cursor *c)
{
    toml_cursor scan = *c;
    while (scan.at < scan.end) {
        unsigned char byte = (unsigned char)*scan.at;
        size_t n = utf8_length((const unsigned char *)scan.at, (size_t)(scan.end - scan.at));
        if (n == 0)
            return toml_fail(&scan, "the byte 0x%02x is not UTF-8: save the file as UTF-8", byte);
        if (byte == '\n' || (byte == '\r' && toml_peek(&scan, 1) == '\n')) {
            toml_skip_line_end(&scan);
            continue;
        }
        if (byte == '\r')
            return toml_fail(&scan, "a carriage return without a line feed: a line ends with \\n or \\r\\n");
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
            return toml_fail(&scan, "the control character U+%04X is not allowed: write \\u%04X in a string", byte,
                             byte);
        scan.at += n;
    }
    return true;
}

void toml_skip_blanks(toml_cursor *c)
{
    while (toml_peek(c, 0) == ' ' || toml_peek(c, 0) == '\t')
        c->at++;
}

void toml_skip_line_end(toml_cursor *c)
{
    c->at += *c->at == '\r' ? 2 : 1;
    c->line++;
    c->line_start = c->counted = c->at;
    c->n_counted = 0;
}

void toml_skip_comment(toml_cursor *c)
{
    if (toml_peek(c, 0) == '#')
        while (c->at < c->end && !toml_at_line_end(c))
            c->at++;
}

void toml_skip_lines(toml_cursor *c)
{
    for (;;) {
        toml_skip_blanks(c);
        toml_skip_comment(c);
        if (!toml_at_line_end(c))
            return;
        toml_skip_line_end(c);
    }
}

toml_mark toml_here(toml_cursor *c)
{
    if (c->counted > c->at) {
        c->counted = c->line_start;
        c->n_counted = 0;
    }
    for (; c->counted < c->at; c->counted++)
        c->n_counted += ((unsigned char)*c->counted & 0xc0) != 0x80;
    return (toml_mark){ .line = c->line, .column = c->n_counted + 1 };
}

static bool fail(toml_cursor *c, toml_mark mark, bora_code code, const char *fmt, va_list args)
{
    bora_error what = { .code = BORA_OK };
    bora_fail_va(&what, code, fmt, args);
    return bora_fail(c->err, code, "%s:%d:%d: %s", c->name, mark.line, mark.column, what.message);
}

bool toml_fail(toml_cursor *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(c, toml_here(c), BORA_FORMAT, fmt, args);
    va_end(args);
    return false;
}

bool toml_fail_at(toml_cursor *c, toml_mark mark, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(c, mark, BORA_FORMAT, fmt, args);
    va_end(args);
    return false;
}

bool toml_fail_limit(toml_cursor *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(c, toml_here(c), BORA_LIMIT, fmt, args);
    va_end(args);
    return false;
}

toml_found toml_what_is_here(const toml_cursor *c)
{
    toml_found found;
    if (c->at == c->end)
        strcpy(found.text, "the end of the file");
    else if (toml_at_line_end(c))
        strcpy(found.text, "the end of the line");
    else
        snprintf(found.text, sizeof found.text, "`%.*s`",
                 (int)utf8_length((const unsigned char *)c->at, (size_t)(c->end - c->at)), c->at);
    return found;
}
