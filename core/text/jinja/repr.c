/* str() and repr() of values. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "text/jinja/eval.h"
#include "text/jinja/unicode.h"

static bool put_string_repr(job *j, const str *s, bool ascii)
{
    bool single = memchr(s->data, '\'', s->len) != NULL, twofold = memchr(s->data, '"', s->len) != NULL;
    char quote = single && !twofold ? '"' : '\'';
    if (!jinja_put(j, &quote, 1))
        return false;
    const char *end = s->data + s->len;
    for (const char *p = s->data; p < end;) {
        const char *from = p;
        unsigned c = jinja_utf8_next(&p);
        char escape[16];
        if (c == (unsigned char)quote || c == '\\')
            snprintf(escape, sizeof escape, "\\%c", (char)c);
        else if (c == '\n' || c == '\r' || c == '\t')
            snprintf(escape, sizeof escape, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        else if (jinja_char_is_printable(c) && !(ascii && c > 0x7e))
            escape[0] = '\0';
        else
            snprintf(escape, sizeof escape, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
        if (!(escape[0] ? jinja_puts(j, escape) : jinja_put(j, from, (size_t)(p - from))))
            return false;
    }
    return jinja_put(j, &quote, 1);
}

static bool put_repr(job *j, value v, bool ascii);

static bool put_items(job *j, const list *l, const char *open, const char *close, bool ascii)
{
    if (!jinja_puts(j, open))
        return false;
    for (size_t i = 0; i < l->n; i++)
        if ((i > 0 && !jinja_puts(j, ", ")) || !put_repr(j, l->items[i], ascii))
            return false;
    return jinja_puts(j, close);
}

static bool put_dict(job *j, const dict *d, bool ascii)
{
    if (!jinja_puts(j, "{"))
        return false;
    for (size_t i = 0; i < d->n; i++)
        if ((i > 0 && !jinja_puts(j, ", ")) || !put_repr(j, d->entries[i].key, ascii) || !jinja_puts(j, ": ") ||
            !put_repr(j, d->entries[i].val, ascii))
            return false;
    return jinja_puts(j, "}");
}

static bool put_view(job *j, const view *v, bool ascii)
{
    static const char *const names[] = { "dict_keys([", "dict_values([", "dict_items([" };
    if (!jinja_puts(j, names[v->part]))
        return false;
    for (size_t i = 0; i < v->dict->n; i++) {
        const dict_entry *e = &v->dict->entries[i];
        if (i > 0 && !jinja_puts(j, ", "))
            return false;
        bool ok = v->part == VIEW_KEYS     ? put_repr(j, e->key, ascii)
                  : v->part == VIEW_VALUES ? put_repr(j, e->val, ascii)
                                           : jinja_puts(j, "(") && put_repr(j, e->key, ascii) && jinja_puts(j, ", ") &&
                                                 put_repr(j, e->val, ascii) && jinja_puts(j, ")");
        if (!ok)
            return false;
    }
    return jinja_puts(j, "])");
}

static bool put_repr(job *j, value v, bool ascii)
{
    if (!jinja_enter(j) || !jinja_charge(j, 1))
        return false;
    char text[96] = "";
    bool ok = true;
    switch ((value_type)v.type) {
    case V_MISSING:
    case V_UNDEFINED:
        ok = jinja_puts(j, "Undefined");
        break;
    case V_NONE:
        ok = jinja_puts(j, "None");
        break;
    case V_BOOL:
        ok = jinja_puts(j, v.b ? "True" : "False");
        break;
    case V_INT:
        snprintf(text, sizeof text, "%" PRId64, v.i);
        break;
    case V_FLOAT:
        jinja_format_double(v.f, text);
        break;
    case V_BIGINT:
        ok = jinja_put_str(j, v.s);
        break;
    case V_STRING:
        ok = (!v.markup || jinja_puts(j, "Markup(")) && put_string_repr(j, v.s, ascii) &&
             (!v.markup || jinja_puts(j, ")"));
        break;
    case V_LIST:
        ok = put_items(j, v.list, "[", "]", ascii);
        break;
    case V_TUPLE:
        ok = put_items(j, v.list, "(", v.list->n == 1 ? ",)" : ")", ascii);
        break;
    case V_DICT:
        ok = put_dict(j, v.dict, ascii);
        break;
    case V_NAMESPACE:
        ok = jinja_puts(j, "<Namespace ") && put_dict(j, v.dict, ascii) && jinja_puts(j, ">");
        break;
    case V_VIEW:
        ok = put_view(j, v.view, ascii);
        break;
    case V_RANGE:
        if (v.range->step == 1)
            snprintf(text, sizeof text, "range(%" PRId64 ", %" PRId64 ")", v.range->start, v.range->stop);
        else
            snprintf(text, sizeof text, "range(%" PRId64 ", %" PRId64 ", %" PRId64 ")", v.range->start, v.range->stop,
                     v.range->step);
        break;
    case V_MACRO:
        ok = jinja_puts(j, "<Macro ");
        if (ok)
            ok = v.macro->def->name ? put_string_repr(j, v.macro->def->name, ascii) : jinja_puts(j, "anonymous");
        ok = ok && jinja_puts(j, ">");
        break;
    case V_LOOP: {
        size_t n;
        ok = jinja_loop_length(j, v.loop, &n);
        if (ok)
            snprintf(text, sizeof text, "<LoopContext %" PRId64 "/%zu>", v.loop->index0 + 1, n);
        break;
    }
    default: /* Python prints an address here */
        snprintf(text, sizeof text, "<%s object>", jinja_type_name(v));
        break;
    }
    ok = ok && jinja_puts(j, text);
    j->depth--;
    return ok;
}

bool jinja_put_repr(job *j, value v)
{
    return put_repr(j, v, false);
}

bool jinja_put_ascii(job *j, value v)
{
    return put_repr(j, v, true);
}

bool jinja_put_value(job *j, value v)
{
    if (v.type == V_STRING)
        return jinja_put_str(j, v.s);
    if (v.type == V_UNDEFINED)
        return true;
    return put_repr(j, v, false);
}

bool jinja_to_str(job *j, value v, value *out)
{
    if (v.type == V_STRING) {
        *out = v;
        return true;
    }
    size_t mark = jinja_begin(j);
    return jinja_put_value(j, v) && jinja_end(j, mark, out);
}
