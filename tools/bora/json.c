/* JSON written to a stream: see json.h. */
#include "json.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "text.h"

static void put_text(FILE *out, const char *text, size_t len)
{
    uint32_t c;
    fputc('"', out);
    for (size_t i = 0, n; i < len; i += n ? n : 1) {
        n = text_char(text + i, len - i, &c);
        if (n == 0)
            fputs("\xef\xbf\xbd", out);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", (int)c);
        else if (c == '\n')
            fputs("\\n", out);
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            fprintf(out, "\\u%04x", c);
        else
            fwrite(text + i, 1, n, out);
    }
    fputc('"', out);
}

static void next_line(json *j)
{
    fprintf(j->out, "\n%*s", 2 * j->depth, "");
}

/* What stands before a value: comma, line break, key. */
static void begin(json *j, const char *key)
{
    if (j->filled)
        fputs(j->flat ? ", " : ",", j->out);
    if (!j->flat && j->depth > 0)
        next_line(j);
    if (key) {
        put_text(j->out, key, strlen(key));
        fputs(": ", j->out);
    }
    j->filled = true;
}

void json_open(json *j, const char *key, char bracket)
{
    begin(j, key);
    fputc(bracket, j->out);
    j->depth++;
    j->filled = false;
}

void json_open_flat(json *j, const char *key, char bracket)
{
    json_open(j, key, bracket);
    if (!j->flat)
        j->flat = j->depth;
}

void json_close(json *j, char bracket)
{
    j->depth--;
    if (!j->flat && j->filled)
        next_line(j);
    fputc(bracket, j->out);
    if (j->depth == 0)
        fputc('\n', j->out);
    j->filled = true;
    if (j->flat > j->depth)
        j->flat = 0;
}

void json_text(json *j, const char *key, const char *text, size_t len)
{
    begin(j, key);
    put_text(j->out, text, len);
}

void json_string(json *j, const char *key, const char *text)
{
    begin(j, key);
    if (text)
        put_text(j->out, text, strlen(text));
    else
        fputs("null", j->out);
}

void json_int(json *j, const char *key, int64_t value)
{
    begin(j, key);
    fprintf(j->out, "%" PRId64, value);
}

void json_float(json *j, const char *key, double value)
{
    begin(j, key);
    if (isfinite(value))
        fprintf(j->out, "%.17g", value);
    else
        fputs("null", j->out);
}

void json_bool(json *j, const char *key, bool value)
{
    begin(j, key);
    fputs(value ? "true" : "false", j->out);
}
