/* What values consist of: attributes, items, methods.
 *
 * `a.b` asks for an attribute, then for an item; `a["b"]` the other way round; what neither has is undefined. Methods
 * that would change a value are undefined too, as in jinja2's immutable sandbox. */
#include "text/jinja/eval.h"

#include <string.h>

#include "text/jinja/unicode.h"

static bool make_method(job *j, value self, const builtin *def, value *out)
{
    method *m = jinja_alloc(j, sizeof *m);
    if (!m)
        return false;
    *m = (method){ self, def };
    *out = (value){ .type = V_METHOD, .method = m };
    return true;
}

static bool changes(value_type type, const str *name)
{
    static const char *const of_list[] = { "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove" };
    static const char *const of_dict[] = { "clear", "pop", "popitem", "setdefault", "update" };
    for (size_t i = 0; type == V_LIST && i < sizeof of_list / sizeof *of_list; i++)
        if (jinja_str_is(name, of_list[i]))
            return true;
    for (size_t i = 0; type == V_DICT && i < sizeof of_dict / sizeof *of_dict; i++)
        if (jinja_str_is(name, of_dict[i]))
            return true;
    return false;
}

static bool macro_attribute(job *j, const macro *m, const str *name, value *out, bool *found)
{
    *found = true;
    if (jinja_str_is(name, "name")) {
        *out = m->def->name ? v_str(m->def->name) : v_none();
    } else if (jinja_str_is(name, "arguments")) {
        list *l = jinja_list_new(j, m->def->params.n);
        if (!l)
            return false;
        for (size_t i = 0; i < m->def->params.n; i++)
            l->items[l->n++] = v_str(m->def->params.items[i]->name);
        *out = v_tuple(l);
    } else if (jinja_str_is(name, "catch_kwargs")) {
        *out = v_bool(m->def->uses_kwargs);
    } else if (jinja_str_is(name, "catch_varargs")) {
        *out = v_bool(m->def->uses_varargs);
    } else if (jinja_str_is(name, "caller")) {
        *out = v_bool(m->def->uses_caller);
    } else {
        *found = false;
    }
    return true;
}

static bool plain_attribute(value v, const str *name, value *out)
{
    if (v.type == V_RANGE) {
        if (jinja_str_is(name, "start"))
            *out = v_int(v.range->start);
        else if (jinja_str_is(name, "stop"))
            *out = v_int(v.range->stop);
        else if (jinja_str_is(name, "step"))
            *out = v_int(v.range->step);
        else
            return false;
        return true;
    }
    if (v.type == V_TUPLE && v.list->is_group) {
        bool grouper = jinja_str_is(name, "grouper");
        *out = v.list->items[grouper ? 0 : 1];
        return grouper || jinja_str_is(name, "list");
    }
    if (v.type == V_CYCLER) {
        if (jinja_str_is(name, "current"))
            *out = v.cycler->items->items[v.cycler->pos];
        else if (jinja_str_is(name, "pos"))
            *out = v_int((int64_t)v.cycler->pos);
        else if (jinja_str_is(name, "items"))
            *out = v_tuple((list *)v.cycler->items);
        else
            return false;
        return true;
    }
    if (v.type == V_JOINER) {
        bool used = jinja_str_is(name, "used");
        *out = used ? v_bool(v.joiner->used) : v_str(v.joiner->separator);
        return used || jinja_str_is(name, "sep");
    }
    return false;
}

bool jinja_attribute(job *j, value object, const str *name, value *out, bool *found)
{
    if (object.type == V_UNDEFINED)
        return jinja_use_undefined(j, object);
    if (object.type == V_LOOP)
        return jinja_loop_attribute(j, object.loop, name, out, found);
    if (object.type == V_MACRO)
        return macro_attribute(j, object.macro, name, out, found);
    if (object.type == V_NAMESPACE) {
        const value *v = jinja_dict_find(j, object.dict, name->data, name->len);
        *found = v != NULL;
        if (v)
            *out = *v;
        return true;
    }
    *found = true;
    if (plain_attribute(object, name, out))
        return true;
    const builtin *b = jinja_find_method((value_type)object.type, name);
    if (b)
        return make_method(j, object, b, out);
    if (changes((value_type)object.type, name))
        return jinja_undefined_hint(j, "methods that change a value are not allowed in templates", out);
    *found = false;
    return true;
}

bool jinja_index(job *j, value v, int64_t i, value *out, bool *found)
{
    size_t n;
    *found = false;
    if (v.type != V_STRING && v.type != V_LIST && v.type != V_TUPLE && v.type != V_RANGE)
        return true;
    if (!jinja_length(j, v, &n))
        return false;
    if (i < 0)
        i += (int64_t)n;
    if (i < 0 || (uint64_t)i >= n)
        return true;
    *found = true;
    if (v.type == V_RANGE)
        return jinja_item_of_range(v.range, i, out);
    if (v.type != V_STRING) {
        *out = v.list->items[i];
        return true;
    }
    size_t at = (size_t)i;
    if (v.s->n_chars != v.s->len) {
        if (!jinja_charge(j, at / 64))
            return false;
        at = jinja_utf8_offset(v.s->data, v.s->len, at);
    }
    const char *p = v.s->data + at;
    jinja_utf8_next(&p);
    if (!jinja_substring(j, v.s->data + at, (size_t)(p - v.s->data) - at, out))
        return false;
    out->markup = v.markup;
    return true;
}

static bool item(job *j, value object, value key, value *out, bool *found)
{
    int64_t i;
    bool ok;
    *found = false;
    if (object.type == V_DICT) {
        if (key.type == V_LIST || key.type == V_DICT || key.type == V_VIEW)
            return true;
        const value *v = jinja_dict_get(j, object.dict, key, &ok);
        *found = v != NULL;
        if (v)
            *out = *v;
        return ok;
    }
    return !jinja_is_int(key, &i) || jinja_index(j, object, i, out, found);
}

bool jinja_getattr(job *j, value object, const str *name, value *out)
{
    bool found;
    if (!jinja_attribute(j, object, name, out, &found))
        return false;
    if (!found && !item(j, object, v_str(name), out, &found))
        return false;
    return found || jinja_undefined_member(j, object, v_str(name), out);
}

bool jinja_getitem(job *j, value object, value key, value *out)
{
    bool found;
    if (object.type == V_UNDEFINED)
        return jinja_use_undefined(j, object);
    if (!item(j, object, key, out, &found))
        return false;
    if (!found && key.type == V_STRING && !jinja_attribute(j, object, key.s, out, &found))
        return false;
    return found || jinja_undefined_member(j, object, key, out);
}

/* A part of a path: all digits is a number. */
static bool path_part(job *j, const char *data, size_t len, value *out)
{
    bool digits = len > 0, ok;
    for (size_t i = 0; i < len; i++)
        digits = digits && data[i] >= '0' && data[i] <= '9';
    return digits ? jinja_parse_int(j, data, len, 10, out, &ok) : jinja_substring(j, data, len, out);
}

bool jinja_attribute_path(job *j, value object, value path, value fallback, value *out)
{
    bool has_fallback = fallback.type != V_MISSING && fallback.type != V_NONE;
    *out = object;
    if (path.type == V_NONE || path.type == V_MISSING)
        return true;
    if (path.type != V_STRING) {
        if (!jinja_getitem(j, object, path, out))
            return false;
        if (has_fallback && out->type == V_UNDEFINED)
            *out = fallback;
        return true;
    }
    const char *p = path.s->data, *end = p + path.s->len;
    for (;;) {
        const char *dot = memchr(p, '.', (size_t)(end - p));
        size_t len = (size_t)((dot ? dot : end) - p);
        value part;
        if (!jinja_charge(j, 1) || !path_part(j, p, len, &part) || !jinja_getitem(j, *out, part, out))
            return false;
        if (has_fallback && out->type == V_UNDEFINED)
            *out = fallback;
        if (!dot)
            return true;
        p = dot + 1;
    }
}
