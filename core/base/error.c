/* bora_error: one code, one line, the first one wins. */
#include <bora/error.h>

#include <stdio.h>
#include <string.h>

#include <utf8proc.h>

/* Names from outside must not forge a second line or an escape sequence, and what is no UTF-8, or was cut in the middle
 * of a character, would break whoever prints the message as JSON. */
static void make_printable(char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)left, &c);
        size_t len = n > 0 ? (size_t)n : 1;
        if (n <= 0)
            *text = '?';
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            memset(text, ' ', len);
        text += len;
        left -= len;
    }
}

bool bora_fail_va(bora_error *err, bora_code code, const char *fmt, va_list args)
{
    if (!err || err->code != BORA_OK)
        return false;
    err->code = code;
    vsnprintf(err->message, sizeof err->message, fmt, args);
    make_printable(err->message);
    return false;
}

bool bora_fail(bora_error *err, bora_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    bora_fail_va(err, code, fmt, args);
    va_end(args);
    return false;
}

bool bora_fail_memory(bora_error *err, const char *what)
{
    return bora_fail(err, BORA_MEMORY, "out of memory for %s", what);
}

bool bora_error_prefix(bora_error *err, const char *fmt, ...)
{
    if (!err || err->code == BORA_OK)
        return false;
    bora_error whole = { .code = BORA_OK };
    va_list args;
    va_start(args, fmt);
    bora_fail_va(&whole, err->code, fmt, args);
    va_end(args);
    size_t used = strlen(whole.message), room = sizeof whole.message - used - 1;
    snprintf(whole.message + used, room + 1, ": %.*s", (int)(room > 2 ? room - 2 : 0), err->message);
    make_printable(whole.message);
    *err = whole;
    return false;
}
