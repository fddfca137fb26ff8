/* Text from outside: see text.h. */
#include "text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

size_t text_char(const char *text, size_t len, uint32_t *code)
{
    const unsigned char *s = (const unsigned char *)text;
    if (len == 0)
        return 0;
    *code = s[0];
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || len < n)
        return 0;
    *code &= 0x7fU >> n;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (s[i] & 0x3fU);
    }
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return *code >= least[n] && *code <= 0x10ffff && !surrogate ? n : 0;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

/* Characters that change how their neighbours are laid out: line separators, and marks of direction. */
static bool is_layout(uint32_t c)
{
    return c == 0x061c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* The character at the beginning of `text` as it is shown, in `shown`; returns the bytes it takes in `text`. */
static size_t show_char(const char *text, size_t len, char shown[16])
{
    uint32_t c;
    size_t n = text_char(text, len, &c);
    if (n == 0)
        snprintf(shown, 16, "\\x%02x", (unsigned char)text[0]);
    else if (c == '\n' || c == '\t' || c == '\r')
        snprintf(shown, 16, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
    else if (is_control(c))
        snprintf(shown, 16, "\\x%02x", c);
    else if (is_layout(c))
        snprintf(shown, 16, "\\u%04x", c);
    else
        snprintf(shown, 16, "%.*s", (int)n, text);
    return n ? n : 1;
}

static size_t columns(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

size_t text_show(FILE *out, const char *text, size_t len, size_t max_columns)
{
    char shown[16];
    size_t total = 0;
    /* Where it has to stop is known only once the rest turned out not to fit. */
    bool cut = max_columns > 0 &&
               text_show(NULL, text, len < 4 * max_columns + 4 ? len : 4 * max_columns + 4, 0) > max_columns;
    for (size_t i = 0, wide; i < len; total += wide) {
        size_t n = show_char(text + i, len - i, shown);
        wide = columns(shown);
        if (cut && total + wide + 1 > max_columns) {
            if (out)
                fputs("…", out);
            return total + 1;
        }
        if (out)
            fputs(shown, out);
        i += n;
    }
    return total;
}

void text_say(FILE *out, const char *text, size_t len)
{
    uint32_t c;
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        n = text_char(text + i, len - i, &c);
        if (n == 0 || (is_control(c) && c != '\n' && c != '\t'))
            fputs(replacement, out);
        else
            fwrite(text + i, 1, n, out);
    }
}

char *text_valid(const char *text, size_t len)
{
    char *copy = len < SIZE_MAX / 3 ? malloc(len * 3 + 1) : NULL;
    if (!copy)
        return NULL;
    size_t used = 0;
    uint32_t c;
    for (size_t i = 0; i < len;) {
        size_t n = text_char(text + i, len - i, &c);
        bool keep = n > 0 && c != 0;
        size_t bytes = keep ? n : sizeof replacement - 1;
        memcpy(copy + used, keep ? text + i : replacement, bytes);
        used += bytes;
        i += n ? n : 1;
    }
    copy[used] = '\0';
    return copy;
}
