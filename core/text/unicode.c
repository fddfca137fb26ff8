/* UTF-8 and character classes, by utf8proc's tables. */
#include "text/unicode.h"

#include <utf8proc.h>

/* How many bytes of a well-formed character lie at `text`: `*need` is its whole width, or 0 when the first byte starts
 * none. Fewer than `*need` means that the byte after them breaks it, or that the text ends. */
static size_t well_formed(const char *text, size_t len, size_t *need)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned char low = 0x80, high = 0xbf; /* bounds of the second byte: no overlong forms, surrogates, or > U+10FFFF */
    *need = 0;
    if (s[0] < 0x80)
        *need = 1;
    else if (s[0] >= 0xc2 && s[0] <= 0xdf)
        *need = 2;
    else if (s[0] >= 0xe0 && s[0] <= 0xef)
        *need = 3;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        *need = 4;
    else
        return 0;
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    size_t n = 1;
    while (n < *need && n < len) {
        if (s[n] < low || s[n] > high)
            break;
        low = 0x80, high = 0xbf;
        n++;
    }
    return n;
}

size_t utf8_next(const char *text, size_t len, uint32_t *c)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t need, n = well_formed(text, len, &need);
    if (n == 0 || n < need)
        return 0;
    switch (n) {
    case 1:
        *c = s[0];
        break;
    case 2:
        *c = (uint32_t)(s[0] & 0x1f) << 6 | (s[1] & 0x3f);
        break;
    case 3:
        *c = (uint32_t)(s[0] & 0x0f) << 12 | (uint32_t)(s[1] & 0x3f) << 6 | (s[2] & 0x3f);
        break;
    default:
        *c = (uint32_t)(s[0] & 0x07) << 18 | (uint32_t)(s[1] & 0x3f) << 12 | (uint32_t)(s[2] & 0x3f) << 6 |
             (s[3] & 0x3f);
    }
    return n;
}

bool utf8_valid(const char *text, size_t len)
{
    for (size_t i = 0, need; i < len; i += need)
        if (well_formed(text + i, len - i, &need) < need || need == 0)
            return false;
    return true;
}

size_t utf8_repair(buf *out, const char *text, size_t len, bool keep_tail)
{
    size_t i = 0, good = 0; /* text[good..i) is well formed and not yet written */
    while (i < len) {
        size_t need, n = well_formed(text + i, len - i, &need);
        if (n > 0 && n == need) {
            i += n;
            continue;
        }
        buf_append(out, text + good, i - good);
        good = i;
        if (keep_tail && n > 0 && i + n == len)
            return i;
        buf_append(out, "\xef\xbf\xbd", 3);
        i += n > 0 ? n : 1;
        good = i;
    }
    buf_append(out, text + good, len - good);
    return len;
}

static utf8proc_category_t category(uint32_t c)
{
    return utf8proc_category((utf8proc_int32_t)c);
}

bool char_is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
           c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool char_is_number(uint32_t c)
{
    utf8proc_category_t k = category(c);
    return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
}

bool char_is_punct(uint32_t c)
{
    if (c < 0x80)
        return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    utf8proc_category_t k = category(c);
    return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

bool char_is_mark(uint32_t c)
{
    utf8proc_category_t k = category(c);
    return k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_MC || k == UTF8PROC_CATEGORY_ME;
}

bool char_is_nonspacing(uint32_t c)
{
    return category(c) == UTF8PROC_CATEGORY_MN;
}

bool char_is_control(uint32_t c)
{
    utf8proc_category_t k = category(c);
    return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CO ||
           k == UTF8PROC_CATEGORY_CS;
}

bool char_is_chinese(uint32_t c)
{
    /* U+2B920 where the block begins at U+2B820 is what both references do. */
    return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
           (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

bool char_put_lower(buf *out, uint32_t c)
{
    if (c == 0x130) /* the one character whose lower case is two */
        return buf_append(out, "i\xcc\x87", 3);
    return buf_put_utf8(out, (unsigned)utf8proc_tolower((utf8proc_int32_t)c));
}
