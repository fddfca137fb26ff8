/* Values to JSON, as Python's json.dumps writes it. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja/eval.h"
#include "text/jinja/unicode.h"

static bool put_string(job *j, const str *s, bool ensure_ascii)
{
    static const char from[] = "\"\\\n\r\t\b\f", to[] = "\"\\nrtbf";
    if (!jinja_put(j, "\"", 1))
        return false;
    const char *end = s->data + s->len, *plain = s->data;
    for (const char *p = s->data; p < end;) {
        const char *at = p;
        unsigned c = jinja_utf8_next(&p);
        const char *known = c && c < 0x80 ? strchr(from, (char)c) : NULL;
        if (!known && c >= 0x20 && !(ensure_ascii && c > 0x7e))
            continue;
        char escape[16];
        if (known)
            snprintf(escape, sizeof escape, "\\%c", to[known - from]);
        else if (c < 0x10000)
            snprintf(escape, sizeof escape, "\\u%04x", c);
        else
            snprintf(escape, sizeof escape, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                     0xdc00 + ((c - 0x10000) & 0x3ff));
        if (!jinja_put(j, plain, (size_t)(at - plain)) || !jinja_puts(j, escape))
            return false;
        plain = p;
    }
    return jinja_put(j, plain, (size_t)(end - plain)) && jinja_put(j, "\"", 1);
}

static bool put_number(job *j, value v)
{
    char text[40];
    if (v.type == V_BIGINT)
        return jinja_put_str(j, v.s);
    if (v.type == V_INT)
        snprintf(text, sizeof text, "%" PRId64, v.i);
    else if (isnan(v.f) || isinf(v.f))
        strcpy(text, isnan(v.f) ? "NaN" : v.f < 0 ? "-Infinity" : "Infinity");
    else
        jinja_format_double(v.f, text);
    return jinja_puts(j, text);
}

static bool put_line(job *j, const json_style *style, size_t level)
{
    return !style->pretty ||
           (jinja_put(j, "\n", 1) && jinja_put_repeat(j, style->indent->data, style->indent->len, level));
}

static bool put_json(job *j, value v, const json_style *style, size_t level);

static bool put_array(job *j, const list *l, const json_style *style, size_t level)
{
    if (l->n == 0)
        return jinja_puts(j, "[]");
    if (!jinja_puts(j, "["))
        return false;
    for (size_t i = 0; i < l->n; i++)
        if ((i > 0 && !jinja_put_str(j, style->item_separator)) || !put_line(j, style, level + 1) ||
            !put_json(j, l->items[i], style, level + 1))
            return false;
    return put_line(j, style, level) && jinja_puts(j, "]");
}

static bool put_key(job *j, value key, const json_style *style)
{
    switch ((value_type)key.type) {
    case V_STRING:
        return put_string(j, key.s, style->ensure_ascii);
    case V_NONE:
        return jinja_puts(j, "\"null\"");
    case V_BOOL:
        return jinja_puts(j, key.b ? "\"true\"" : "\"false\"");
    case V_INT:
    case V_BIGINT:
    case V_FLOAT:
        return jinja_puts(j, "\"") && put_number(j, key) && jinja_puts(j, "\"");
    default:
        return jinja_error(j, "keys must be str, int, float, bool or None, not %s", jinja_type_name(key));
    }
}

static bool put_object(job *j, const dict *d, const json_style *style, size_t level)
{
    if (d->n == 0)
        return jinja_puts(j, "{}");
    value *order = jinja_array(j, d->n, 2 * sizeof *order); /* pairs of key and value */
    if (!order || !jinja_puts(j, "{"))
        return false;
    for (size_t i = 0; i < d->n; i++) {
        order[2 * i] = d->entries[i].key;
        order[2 * i + 1] = d->entries[i].val;
    }
    if (style->sort_keys && !jinja_sort(j, order, d->n, 2, false))
        return false;
    for (size_t i = 0; i < d->n; i++)
        if ((i > 0 && !jinja_put_str(j, style->item_separator)) || !put_line(j, style, level + 1) ||
            !put_key(j, order[2 * i], style) || !jinja_put_str(j, style->key_separator) ||
            !put_json(j, order[2 * i + 1], style, level + 1))
            return false;
    return put_line(j, style, level) && jinja_puts(j, "}");
}

static bool put_json(job *j, value v, const json_style *style, size_t level)
{
    if (!jinja_enter(j) || !jinja_charge(j, 1))
        return false;
    bool ok;
    switch ((value_type)v.type) {
    case V_NONE:
        ok = jinja_puts(j, "null");
        break;
    case V_BOOL:
        ok = jinja_puts(j, v.b ? "true" : "false");
        break;
    case V_INT:
    case V_BIGINT:
    case V_FLOAT:
        ok = put_number(j, v);
        break;
    case V_STRING:
        ok = put_string(j, v.s, style->ensure_ascii);
        break;
    case V_LIST:
    case V_TUPLE:
        ok = put_array(j, v.list, style, level);
        break;
    case V_DICT:
        ok = put_object(j, v.dict, style, level);
        break;
    default:
        ok = jinja_error(j, "Object of type %s is not JSON serializable", jinja_type_name(v));
        break;
    }
    j->depth--;
    return ok;
}

bool jinja_put_json(job *j, value v, const json_style *style)
{
    return put_json(j, v, style, 0);
}
