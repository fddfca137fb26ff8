/* A job's limits, memory, errors, and the text that it builds.
 *
 * There is one growing text, the output. Whatever needs a string of unknown length (a macro, a join, a repr) writes it
 * at the output's end and cuts it off again as a value, so that an error leaves nothing to clean up. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text/jinja/unicode.h"
#include "text/jinja/value.h"

enum { LARGE_BYTES = 64 << 10 };

bool jinja_fail(job *j, bora_code code, const char *fmt, ...)
{
    if (!j->err || j->err->code != BORA_OK)
        return false;
    va_list args;
    va_start(args, fmt);
    bora_fail_va(j->err, code, fmt, args);
    va_end(args);
    return bora_error_prefix(j->err, "%s:%d", j->name, j->line);
}

void *jinja_alloc(job *j, size_t size_bytes)
{
    arena *a = size_bytes > LARGE_BYTES ? &j->large : &j->small;
    size_t used = j->small.total_bytes + j->large.total_bytes;
    if (used > j->max_memory || size_bytes > j->max_memory - used) {
        jinja_fail(j, BORA_LIMIT, "the template needs more than %zu bytes of memory", j->max_memory);
        return NULL;
    }
    void *p = arena_alloc(a, size_bytes);
    if (!p)
        jinja_fail(j, BORA_MEMORY, "out of memory for a template");
    return p;
}

void *jinja_array(job *j, size_t count, size_t elem_bytes)
{
    size_t size;
    if (__builtin_mul_overflow(count, elem_bytes, &size)) {
        jinja_fail(j, BORA_LIMIT, "the template needs more than %zu bytes of memory", j->max_memory);
        return NULL;
    }
    return jinja_alloc(j, size);
}

bool jinja_charge(job *j, size_t steps)
{
    if (steps <= j->max_steps - j->steps) {
        j->steps += steps;
        return true;
    }
    return jinja_fail(j, BORA_LIMIT, "the template takes more than %zu steps", j->max_steps);
}

bool jinja_enter(job *j)
{
    if (j->depth >= JINJA_MAX_DEPTH)
        return jinja_fail(j, BORA_LIMIT, "nested too deeply");
    j->depth++;
    return true;
}

void jinja_job_free(job *j)
{
    arena_free(&j->small);
    arena_free(&j->large);
    buf_free(&j->out);
}

bool jinja_put(job *j, const char *data, size_t len)
{
    if (len > j->max_output || j->out.len > j->max_output - len)
        return jinja_fail(j, BORA_LIMIT, "the text is longer than %zu bytes", j->max_output);
    if (!jinja_charge(j, len / 64))
        return false;
    return buf_append(&j->out, data, len) || jinja_fail(j, BORA_MEMORY, "out of memory for the text of a template");
}

bool jinja_puts(job *j, const char *text)
{
    return jinja_put(j, text, strlen(text));
}

bool jinja_put_char(job *j, unsigned codepoint)
{
    char utf8[4];
    return jinja_put(j, utf8, jinja_utf8_encode(codepoint, utf8));
}

bool jinja_put_repeat(job *j, const char *data, size_t len, size_t times)
{
    size_t total;
    if (__builtin_mul_overflow(len, times, &total) || total > j->max_output)
        return jinja_fail(j, BORA_LIMIT, "the text is longer than %zu bytes", j->max_output);
    if (len == 0)
        return true;
    if (!jinja_charge(j, times / 16))
        return false;
    while (times-- > 0)
        if (!jinja_put(j, data, len))
            return false;
    return true;
}

bool jinja_end(job *j, size_t mark, value *out)
{
    bool ok = jinja_string(j, j->out.len > mark ? j->out.data + mark : "", j->out.len - mark, out);
    jinja_cut(j, mark);
    return ok;
}

void jinja_cut(job *j, size_t mark)
{
    j->out.len = mark;
    if (j->out.data)
        j->out.data[mark] = '\0';
}
