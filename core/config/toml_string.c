/* TOML strings: basic and literal, of one line and of several. Decoded into the cursor's scratch buffer, then copied
 * into the arena at their true size. */
#include "config/toml_parser.h"

#include <string.h>

/* The value of `n_digits` hexadecimal digits, which must be a Unicode scalar value. */
static bool unicode_escape(toml_cursor *c, toml_mark start, size_t n_digits)
{
    unsigned codepoint = 0;
    for (size_t i = 0; i < n_digits; i++) {
        char digit = toml_peek(c, i);
        unsigned value;
        if (toml_is_digit(digit))
            value = (unsigned)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            value = (unsigned)(digit - 'a' + 10);
        else if (digit >= 'A' && digit <= 'F')
            value = (unsigned)(digit - 'A' + 10);
        else
            return toml_fail_at(c, start, "\\%c needs %zu hexadecimal digits", n_digits == 4 ? 'u' : 'U', n_digits);
        codepoint = codepoint << 4 | value;
    }
    if (codepoint > 0x10ffff || (codepoint >= 0xd800 && codepoint < 0xe000))
        return toml_fail_at(c, start, "U+%04X is not a character", codepoint);
    c->at += n_digits;
    buf_put_utf8(&c->scratch, codepoint);
    return true;
}

/* At a backslash. */
static bool escape(toml_cursor *c, bool multiline)
{
    static const char letters[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
    toml_mark start = toml_here(c);
    c->at++;
    char letter = toml_peek(c, 0);
    const char *known = letter ? strchr(letters, letter) : NULL;
    if (known) {
        c->at++;
        buf_putc(&c->scratch, values[known - letters]);
        return true;
    }
    if (letter == 'u' || letter == 'U') {
        c->at++;
        return unicode_escape(c, start, letter == 'u' ? 4 : 8);
    }
    if (multiline) {
        /* At the end of a line it takes away all white space up to the next character. */
        toml_skip_blanks(c);
        if (toml_at_line_end(c)) {
            do {
                toml_skip_line_end(c);
                toml_skip_blanks(c);
            } while (toml_at_line_end(c));
            return true;
        }
    }
    return toml_fail_at(c, start,
                        "a backslash cannot stand before %s here: double it, or write the string in single quotes",
                        toml_what_is_here(c).text);
}

/* Moves over the quotes that stand here, at most `most`. */
static size_t skip_quotes(toml_cursor *c, char quote, size_t most)
{
    size_t n = 0;
    while (n < most && toml_peek(c, n) == quote)
        n++;
    c->at += n;
    return n;
}

static bool read_body(toml_cursor *c, toml_mark start, char quote, bool multiline)
{
    for (;;) {
        const char *plain = c->at;
        while (c->at < c->end && *c->at != quote && *c->at != '\\' && !toml_at_line_end(c))
            c->at++;
        buf_append(&c->scratch, plain, (size_t)(c->at - plain));
        if (c->at == c->end)
            return toml_fail_at(c, start, "this string is never closed: %s is missing",
                                !multiline     ? (quote == '"' ? "`\"`" : "`'`")
                                : quote == '"' ? "`\"\"\"`"
                                               : "`'''`");
        if (*c->at == quote) {
            if (!multiline) {
                c->at++;
                return true;
            }
            /* Two quotes may stand right before the three that close. */
            size_t n = skip_quotes(c, quote, 5), n_inside = n >= 3 ? n - 3 : n;
            buf_append(&c->scratch, quote == '"' ? "\"\"" : "''", n_inside);
            if (n >= 3)
                return true;
        } else if (*c->at == '\\' && quote == '"') {
            if (!escape(c, multiline))
                return false;
        } else if (*c->at == '\\') {
            buf_putc(&c->scratch, *c->at++);
        } else {
            if (!multiline)
                return toml_fail_at(c, start,
                                    "this string is not closed on its line: text of several lines stands in \"\"\"");
            toml_skip_line_end(c);
            buf_putc(&c->scratch, '\n');
        }
    }
}

bool toml_read_string(toml_cursor *c, const char **text, size_t *len, int *first_line)
{
    toml_mark start = toml_here(c);
    char quote = *c->at;
    bool multiline = toml_peek(c, 1) == quote && toml_peek(c, 2) == quote;
    c->at += multiline ? 3 : 1;
    if (multiline && toml_at_line_end(c))
        toml_skip_line_end(c);
    if (first_line)
        *first_line = c->line;
    buf_clear(&c->scratch);
    if (!read_body(c, start, quote, multiline))
        return false;
    *len = c->scratch.len;
    *text = c->scratch.failed ? NULL : arena_strndup(c->arena, buf_text(&c->scratch), *len);
    return *text || bora_fail_memory(c->err, "a TOML string");
}
