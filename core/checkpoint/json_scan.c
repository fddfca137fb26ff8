/* JSON by RFC 8259, read forward. */
#include "checkpoint/json_scan.h"

#include <string.h>

#include <utf8proc.h>

enum { MAX_DEPTH = 64 };

static bool fail(json_scan *s, size_t at, const char *what)
{
    if (!s->failed)
        ckpt_fail(s->file, at, s->err, BORA_FORMAT, "not valid JSON: %s", what);
    s->failed = true;
    return false;
}

/* The byte at the cursor, or 0 at the end (a NUL is nowhere legal, so the two need not be told apart). */
static uint8_t peek(const json_scan *s)
{
    return s->pos < s->end ? s->file->data[s->pos] : 0;
}

size_t scan_at(json_scan *s)
{
    while (peek(s) == ' ' || peek(s) == '\t' || peek(s) == '\n' || peek(s) == '\r')
        s->pos++;
    return s->pos;
}

static bool expect(json_scan *s, char c, const char *what)
{
    scan_at(s);
    if (s->failed || peek(s) != (uint8_t)c)
        return fail(s, s->pos, what);
    s->pos++;
    return true;
}

bool scan_enter(json_scan *s, char open)
{
    return expect(s, open, open == '{' ? "an object was expected" : "an array was expected");
}

bool scan_more(json_scan *s, char close, size_t *n)
{
    scan_at(s);
    if (s->failed)
        return false;
    if (peek(s) == (uint8_t)close) {
        s->pos++;
        return false;
    }
    if ((*n)++ == 0)
        return true;
    return expect(s, ',', close == '}' ? "a comma or } was expected" : "a comma or ] was expected");
}

static bool hex4(json_scan *s, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, s->pos++) {
        uint8_t c = peek(s);
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20u) - 'a' + 10;
        else
            return fail(s, s->pos, "four hexadecimal digits were expected");
        *out = *out << 4 | digit;
    }
    return true;
}

/* What follows a backslash. */
static bool escape(json_scan *s)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    size_t at = s->pos - 1;
    uint8_t c = peek(s);
    const char *simple = c ? strchr(from, c) : NULL;
    if (simple) {
        s->pos++;
        return buf_putc(&s->text, to[simple - from]);
    }
    if (c != 'u')
        return fail(s, at, "an unknown escape");
    s->pos++;
    unsigned code, low;
    if (!hex4(s, &code))
        return false;
    if (code >= 0xd800 && code < 0xdc00) {
        if (s->end - s->pos < 2 || memcmp(s->file->data + s->pos, "\\u", 2) != 0)
            return fail(s, at, "half a surrogate pair");
        s->pos += 2;
        if (!hex4(s, &low))
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return fail(s, at, "half a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code < 0xe000) {
        return fail(s, at, "half a surrogate pair");
    }
    return buf_put_utf8(&s->text, code);
}

bool scan_string(json_scan *s)
{
    buf_clear(&s->text);
    if (!expect(s, '"', "a string was expected"))
        return false;
    for (;;) {
        const uint8_t *data = s->file->data;
        size_t start = s->pos;
        while (s->pos < s->end && data[s->pos] >= 0x20 && data[s->pos] != '"' && data[s->pos] != '\\') {
            utf8proc_int32_t code;
            if (data[s->pos] < 0x80) {
                s->pos++;
                continue;
            }
            utf8proc_ssize_t len = utf8proc_iterate(data + s->pos, (utf8proc_ssize_t)(s->end - s->pos), &code);
            if (len <= 0)
                return fail(s, s->pos, "a string that is not UTF-8");
            s->pos += (size_t)len;
        }
        buf_append(&s->text, data + start, s->pos - start);
        if (s->pos == s->end || data[s->pos] < 0x20)
            return fail(s, s->pos, "a string is not closed");
        if (data[s->pos++] == '"')
            break;
        if (!escape(s) && !s->text.failed)
            return false;
    }
    if (!s->text.failed)
        return true;
    s->failed = true;
    return bora_fail_memory(s->err, s->file->path);
}

bool scan_key(json_scan *s)
{
    size_t at = scan_at(s);
    if (!scan_string(s))
        return false;
    if (strlen(buf_text(&s->text)) != s->text.len)
        return fail(s, at, "a key that holds a NUL");
    return expect(s, ':', "a colon was expected");
}

bool scan_uint(json_scan *s, uint64_t *out)
{
    size_t at = scan_at(s);
    uint64_t value = 0;
    for (; !s->failed && peek(s) >= '0' && peek(s) <= '9'; s->pos++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, peek(s) - '0', &value))
            return fail(s, at, "a number above 2^64-1");
    size_t n_digits = s->pos - at;
    uint8_t next = peek(s);
    if (n_digits == 0 || (n_digits > 1 && s->file->data[at] == '0') || next == '.' || (next | 0x20) == 'e')
        return fail(s, at, "a non-negative integer was expected");
    *out = value;
    return true;
}

static bool digits(json_scan *s)
{
    size_t start = s->pos;
    while (peek(s) >= '0' && peek(s) <= '9')
        s->pos++;
    return s->pos > start;
}

static bool skip_number(json_scan *s)
{
    size_t at = s->pos;
    s->pos += peek(s) == '-';
    bool zero = peek(s) == '0';
    size_t first = s->pos;
    bool ok = digits(s) && (!zero || s->pos == first + 1);
    if (ok && peek(s) == '.') {
        s->pos++;
        ok = digits(s);
    }
    if (ok && (peek(s) | 0x20) == 'e') {
        s->pos++;
        s->pos += peek(s) == '+' || peek(s) == '-';
        ok = digits(s);
    }
    return ok || fail(s, at, "a value was expected");
}

static bool skip_value(json_scan *s, int depth)
{
    static const char *const words[] = { "true", "false", "null" };
    size_t at = scan_at(s);
    if (s->failed)
        return false;
    uint8_t c = peek(s);
    if (c == '"')
        return scan_string(s);
    if (c == '{' || c == '[') {
        if (depth == 0)
            return fail(s, at, "nested too deeply");
        scan_enter(s, (char)c);
        for (size_t n = 0; scan_more(s, c == '{' ? '}' : ']', &n);)
            if ((c == '{' && !scan_key(s)) || !skip_value(s, depth - 1))
                return false;
        return !s->failed;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);
        if (s->end - s->pos >= len && memcmp(s->file->data + s->pos, words[i], len) == 0) {
            s->pos += len;
            return true;
        }
    }
    return skip_number(s);
}

bool scan_skip(json_scan *s)
{
    return skip_value(s, MAX_DEPTH);
}

bool scan_end(json_scan *s)
{
    scan_at(s);
    return !s->failed && (s->pos == s->end || fail(s, s->pos, "something follows the value"));
}
