/* The methods of lists, tuples, dicts, ranges and cyclers: those that change nothing. */
#include <string.h>

#include "text/jinja/eval.h"

static bool count(job *j, value self, const call_args *a, value *out)
{
    int64_t n = 0;
    bool equal;
    for (size_t i = 0; i < self.list->n; i++) {
        if (!jinja_equal(j, self.list->items[i], a->args[0], &equal))
            return false;
        n += equal;
    }
    *out = v_int(n);
    return true;
}

static bool index_of(job *j, value self, const call_args *a, value *out)
{
    int64_t n = (int64_t)self.list->n, from, to;
    bool equal = false;
    if (!jinja_arg_int(j, a->args[1], 0, &from) || !jinja_arg_int(j, a->args[2], n, &to))
        return false;
    from = from < 0 ? (from + n < 0 ? 0 : from + n) : from;
    to = to < 0 ? to + n : to > n ? n : to;
    for (int64_t i = from; i < to; i++) {
        if (!jinja_equal(j, self.list->items[i], a->args[0], &equal))
            return false;
        if (equal) {
            *out = v_int(i);
            return true;
        }
    }
    return jinja_error(j, "the value is not in the list");
}

static bool copy_list(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    list *l;
    if (!jinja_to_list(j, self, &l))
        return false;
    *out = v_list(l);
    return true;
}

static bool make_view(job *j, value self, view_part part, value *out)
{
    view *v = jinja_alloc(j, sizeof *v);
    if (!v)
        return false;
    *v = (view){ self.dict, part };
    *out = (value){ .type = V_VIEW, .view = v };
    return true;
}

static bool keys(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return make_view(j, self, VIEW_KEYS, out);
}

static bool values(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return make_view(j, self, VIEW_VALUES, out);
}

static bool items(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return make_view(j, self, VIEW_ITEMS, out);
}

static bool get(job *j, value self, const call_args *a, value *out)
{
    bool ok;
    const value *v = jinja_dict_get(j, self.dict, a->args[0], &ok);
    *out = v ? *v : a->args[1].type != V_MISSING ? a->args[1] : v_none();
    return ok;
}

static bool copy_dict(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    dict *d = jinja_dict_new(j);
    if (!d)
        return false;
    for (size_t i = 0; i < self.dict->n; i++)
        if (!jinja_charge(j, 1) || !jinja_dict_set(j, d, self.dict->entries[i].key, self.dict->entries[i].val))
            return false;
    *out = v_dict(d);
    return true;
}

static bool fromkeys(job *j, value self, const call_args *a, value *out)
{
    (void)self;
    list *l;
    dict *d = jinja_dict_new(j);
    if (!d || !jinja_to_list(j, a->args[0], &l))
        return false;
    for (size_t i = 0; i < l->n; i++)
        if (!jinja_dict_set(j, d, l->items[i], a->args[1].type != V_MISSING ? a->args[1] : v_none()))
            return false;
    *out = v_dict(d);
    return true;
}

static bool range_find(job *j, value self, value item, int64_t *at)
{
    bool equal = false;
    for (*at = 0; *at < self.range->n; ++*at) {
        value v;
        jinja_item_of_range(self.range, *at, &v);
        if (!jinja_equal(j, v, item, &equal))
            return false;
        if (equal)
            return true;
    }
    *at = -1;
    return true;
}

static bool range_count(job *j, value self, const call_args *a, value *out)
{
    int64_t at;
    bool ok = range_find(j, self, a->args[0], &at);
    *out = v_int(at >= 0);
    return ok;
}

static bool range_index(job *j, value self, const call_args *a, value *out)
{
    int64_t at;
    if (!range_find(j, self, a->args[0], &at))
        return false;
    *out = v_int(at);
    return at >= 0 || jinja_error(j, "the value is not in the range");
}

static bool cycler_next(job *j, value self, const call_args *a, value *out)
{
    (void)j;
    (void)a;
    cycler *c = self.cycler;
    *out = c->items->items[c->pos];
    c->pos = (c->pos + 1) % c->items->n;
    return true;
}

static bool cycler_reset(job *j, value self, const call_args *a, value *out)
{
    (void)j;
    (void)a;
    self.cycler->pos = 0;
    *out = v_none();
    return true;
}

static const builtin list_methods[] = {
    { "count", "/value", 1, count },
    { "index", "/value start stop", 1, index_of },
    { "copy", "", 0, copy_list },
};
static const builtin dict_methods[] = {
    { "get", "/key default", 1, get }, { "items", "", 0, items },    { "keys", "", 0, keys },
    { "values", "", 0, values },       { "copy", "", 0, copy_dict }, { "fromkeys", "/iterable value", 1, fromkeys },
};
static const builtin range_methods[] = {
    { "count", "/value", 1, range_count },
    { "index", "/value", 1, range_index },
};
static const builtin cycler_methods[] = {
    { "next", "", 0, cycler_next },
    { "reset", "", 0, cycler_reset },
};

const builtin *jinja_find_method(value_type type, const str *name)
{
    switch (type) {
    case V_STRING:
        return jinja_find_in(jinja_string_methods, jinja_n_string_methods, name->data, name->len);
    case V_LIST:
        return jinja_find_in(list_methods, 3, name->data, name->len);
    case V_TUPLE:
        return jinja_find_in(list_methods, 2, name->data, name->len);
    case V_DICT:
        return jinja_find_in(dict_methods, sizeof dict_methods / sizeof *dict_methods, name->data, name->len);
    case V_RANGE:
        return jinja_find_in(range_methods, 2, name->data, name->len);
    case V_CYCLER:
        return jinja_find_in(cycler_methods, 2, name->data, name->len);
    default:
        return NULL;
    }
}
