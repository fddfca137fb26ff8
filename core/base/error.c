/* bora_error: one code, one line, the first one wins. */
#include <bora/error.h>

#include <stdio.h>
#include <string.h>

bool bora_fail_va(bora_error *err, bora_code code, const char *fmt, va_list args)
{
    if (!err || err->code != BORA_OK)
        return false;
    err->code = code;
    vsnprintf(err->message, sizeof err->message, fmt, args);
    for (char *c = err->message; *c; c++) /* hostile names must not forge a second line or an escape sequence */
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
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
    *err = whole;
    return false;
}
