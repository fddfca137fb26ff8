/* JSON written into memory: see writer.h. */
#include "writer.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../text.h"

void writer_free(writer *w)
{
    free(w->data);
    *w = (writer){ 0 };
}

void writer_clear(writer *w)
{
    w->len = 0;
    w->failed = w->filled = false;
}

static bool reserve(writer *w, size_t extra)
{
    if (w->failed || extra > SIZE_MAX / 4 || w->len > SIZE_MAX / 4) {
        w->failed = true;
        return false;
    }
    size_t need = w->len + extra + 1, cap = w->cap ? 2 * w->cap : 256;
    if (need <= w->cap)
        return true;
    cap = cap < need ? need : cap;
    char *data = realloc(w->data, cap);
    w->failed = data == NULL;
    if (!data)
        return false;
    w->data = data;
    w->cap = cap;
    return true;
}

void put_raw(writer *w, const char *text, size_t len)
{
    if (!reserve(w, len))
        return;
    memcpy(w->data + w->len, text, len);
    w->len += len;
    w->data[w->len] = '\0';
}

void put_format(writer *w, const char *fmt, ...)
{
    char line[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof line) {
        put_raw(w, line, (size_t)len);
        return;
    }
    char *all = NULL;
    va_start(args, fmt);
    len = vasprintf(&all, fmt, args);
    va_end(args);
    if (len >= 0)
        put_raw(w, all, (size_t)len);
    w->failed |= len < 0;
    free(len >= 0 ? all : NULL);
}

/* Bytes that stand for themselves inside a string. */
static bool is_plain(char c)
{
    unsigned char u = (unsigned char)c;
    return u >= 0x20 && u < 0x7f && u != '"' && u != '\\';
}

static void put_special(writer *w, uint32_t c, const char *text, size_t n)
{
    if (n == 0)
        put_raw(w, "\xef\xbf\xbd", 3);
    else if (c == '"' || c == '\\')
        put_raw(w, c == '"' ? "\\\"" : "\\\\", 2);
    else if (c == '\n')
        put_raw(w, "\\n", 2);
    else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        put_format(w, "\\u%04x", c);
    else
        put_raw(w, text, n);
}

void put_escaped(writer *w, const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t run = i;
        while (run < len && is_plain(text[run]))
            run++;
        put_raw(w, text + i, run - i);
        if ((i = run) == len)
            break;
        uint32_t c = 0;
        size_t n = text_char(text + i, len - i, &c);
        put_special(w, c, text + i, n);
        i += n ? n : 1;
    }
}

/* What stands before a value: a comma, a key. */
static void begin(writer *w, const char *key)
{
    if (w->filled)
        put_raw(w, ",", 1);
    if (key) {
        put_raw(w, "\"", 1);
        put_escaped(w, key, strlen(key));
        put_raw(w, "\":", 2);
    }
    w->filled = true;
}

void put_open(writer *w, const char *key, char bracket)
{
    begin(w, key);
    put_raw(w, &bracket, 1);
    w->filled = false;
}

void put_close(writer *w, char bracket)
{
    put_raw(w, &bracket, 1);
    w->filled = true;
}

void put_text(writer *w, const char *key, const char *text, size_t len)
{
    begin(w, key);
    put_raw(w, "\"", 1);
    put_escaped(w, text, len);
    put_raw(w, "\"", 1);
}

void put_string(writer *w, const char *key, const char *text)
{
    if (text)
        put_text(w, key, text, strlen(text));
    else
        put_null(w, key);
}

void put_int(writer *w, const char *key, int64_t value)
{
    begin(w, key);
    put_format(w, "%" PRId64, value);
}

static void put_digits(writer *w, const char *key, double value, int digits)
{
    begin(w, key);
    if (isfinite(value))
        put_format(w, "%.*g", digits, value);
    else
        put_raw(w, "null", 4);
}

void put_number(writer *w, const char *key, double value)
{
    put_digits(w, key, value, 17);
}

void put_float(writer *w, const char *key, float value)
{
    put_digits(w, key, (double)value, 9);
}

void put_bool(writer *w, const char *key, bool value)
{
    put_json(w, key, value ? "true" : "false");
}

void put_null(writer *w, const char *key)
{
    put_json(w, key, "null");
}

void put_json(writer *w, const char *key, const char *json)
{
    begin(w, key);
    put_raw(w, json, strlen(json));
}
