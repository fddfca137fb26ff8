/* Iteration: over everything that can be iterated, one item at a time, as Python's generators do it.
 *
 * Laziness shows in templates: a generator is always true, has no length, iterates once, and a loop's filter is asked
 * again before each round, when the round before may have changed a namespace. */
#include "text/jinja/eval.h"

#include <string.h>

#include "text/jinja/unicode.h"

typedef enum iter_kind {
    ITER_EMPTY,
    ITER_LIST,
    ITER_CHARS,
    ITER_VIEW,
    ITER_RANGE,
    ITER_MAP,
    ITER_SELECT,
    ITER_LOOP_FILTER,
    ITER_DEFERRED,
} iter_kind;

struct iter {
    iter_kind kind;
    value source;
    size_t pos;
    view_part part;
    const dict *dict;
    /* of the lazy ones */
    iter *inner;
    call_args args;
    bool by_attribute, keep, started;
    const node *loop;
    jinja_fill *fill;
    activation *act;
};

static iter *new_iter(job *j, iter_kind kind, value source)
{
    iter *it = jinja_alloc(j, sizeof *it);
    if (it) {
        it->kind = kind;
        it->source = source;
    }
    return it;
}

iter *jinja_iter_of_list(job *j, const list *l)
{
    return new_iter(j, ITER_LIST, (value){ .type = V_LIST, .list = (list *)l });
}

bool jinja_iterate(job *j, value v, iter **out)
{
    switch ((value_type)v.type) {
    case V_UNDEFINED:
        *out = new_iter(j, ITER_EMPTY, v);
        break;
    case V_STRING:
        *out = new_iter(j, ITER_CHARS, v);
        break;
    case V_LIST:
    case V_TUPLE:
        *out = new_iter(j, ITER_LIST, v);
        break;
    case V_DICT:
    case V_VIEW:
        *out = new_iter(j, ITER_VIEW, v);
        if (*out) {
            (*out)->dict = v.type == V_VIEW ? v.view->dict : v.dict;
            (*out)->part = v.type == V_VIEW ? v.view->part : VIEW_KEYS;
        }
        break;
    case V_RANGE:
        *out = new_iter(j, ITER_RANGE, v);
        break;
    case V_ITER:
        *out = v.iter;
        break;
    default:
        return jinja_error(j, "'%s' object is not iterable", jinja_type_name(v));
    }
    return *out != NULL;
}

static bool copy_args(job *j, const call_args *from, size_t skip, call_args *to)
{
    size_t n = from->n - skip;
    *to = (call_args){ .n = n, .n_kw = from->n_kw };
    to->args = jinja_array(j, n, sizeof *to->args);
    to->kw_names = jinja_array(j, from->n_kw, sizeof *to->kw_names);
    to->kw_values = jinja_array(j, from->n_kw, sizeof *to->kw_values);
    if (!to->args || !to->kw_names || !to->kw_values)
        return false;
    if (n)
        memcpy(to->args, from->args + skip, n * sizeof *to->args);
    if (from->n_kw) {
        memcpy(to->kw_names, from->kw_names, from->n_kw * sizeof *to->kw_names);
        memcpy(to->kw_values, from->kw_values, from->n_kw * sizeof *to->kw_values);
    }
    return true;
}

static bool new_lazy(job *j, iter_kind kind, value source, const call_args *a, value *out)
{
    iter *it = new_iter(j, kind, source);
    if (!it || !copy_args(j, a, 0, &it->args))
        return false;
    *out = (value){ .type = V_ITER, .iter = it };
    return true;
}

bool jinja_iter_map(job *j, value source, const call_args *a, value *out)
{
    return new_lazy(j, ITER_MAP, source, a, out);
}

bool jinja_iter_select(job *j, value source, const call_args *a, bool by_attribute, bool keep, value *out)
{
    if (!new_lazy(j, ITER_SELECT, source, a, out))
        return false;
    out->iter->by_attribute = by_attribute;
    out->iter->keep = keep;
    return true;
}

bool jinja_iter_defer(job *j, jinja_fill *fill, value source, const call_args *a, value *out)
{
    if (!new_lazy(j, ITER_DEFERRED, source, a, out))
        return false;
    out->iter->fill = fill;
    return true;
}

bool jinja_iter_loop_filter(job *j, value source, const node *n, activation *act, iter **out)
{
    iter *it = new_iter(j, ITER_LOOP_FILTER, source);
    if (!it || !jinja_iterate(j, source, &it->inner))
        return false;
    it->loop = n;
    it->act = act;
    *out = it;
    return true;
}

static const value *keyword(const call_args *a, const char *name)
{
    for (size_t i = 0; i < a->n_kw; i++)
        if (jinja_str_is(a->kw_names[i], name))
            return &a->kw_values[i];
    return NULL;
}

static bool unknown(job *j, const char *what, value name)
{
    if (name.type == V_STRING)
        return jinja_error(j, "there is no %s '%.*s'", what, name.s->len > 64 ? 64 : (int)name.s->len, name.s->data);
    return jinja_error(j, "the name of a %s must be a string", what);
}

/* One item through `map`: its attribute, or a filter by name. */
static bool map_item(job *j, const call_args *a, value item, value *out)
{
    const value *attribute = keyword(a, "attribute"), *fallback = keyword(a, "default");
    if (a->n == 0 && attribute) {
        if (a->n_kw != 1u + (fallback != NULL))
            return jinja_error(j, "map got an unexpected keyword argument");
        return jinja_attribute_path(j, item, *attribute, fallback ? *fallback : (value){ 0 }, out);
    }
    if (a->n == 0)
        return jinja_error(j, "map requires a filter argument");
    const builtin *filter = a->args[0].type == V_STRING ? jinja_find_filter(a->args[0].s) : NULL;
    if (!filter)
        return unknown(j, "filter", a->args[0]);
    call_args rest = *a;
    rest.args++;
    rest.n--;
    return jinja_call_builtin(j, filter, item, &rest, out);
}

/* Whether `select` and its kin keep an item. */
static bool select_item(job *j, const iter *it, value item, bool *kept)
{
    const call_args *a = &it->args;
    size_t used = 0;
    value subject = item, result;
    if (it->by_attribute) {
        if (a->n == 0)
            return jinja_error(j, "missing parameter for attribute name");
        if (!jinja_attribute_path(j, item, a->args[used++], (value){ 0 }, &subject))
            return false;
    }
    if (used == a->n) {
        *kept = jinja_truth(j, subject) == it->keep;
        return true;
    }
    const builtin *test = a->args[used].type == V_STRING ? jinja_find_test(a->args[used].s) : NULL;
    if (!test)
        return unknown(j, "test", a->args[used]);
    call_args rest = *a;
    rest.args += used + 1;
    rest.n -= used + 1;
    if (!jinja_call_builtin(j, test, subject, &rest, &result))
        return false;
    *kept = jinja_truth(j, result) == it->keep;
    return true;
}

/* Generators look at their source when they are first asked; what is false gives nothing. */
static bool start(job *j, iter *it)
{
    if (it->started)
        return true;
    it->started = true;
    if (it->kind == ITER_DEFERRED) {
        list *all;
        return it->fill(j, it->source, &it->args, &all) && (it->inner = jinja_iter_of_list(j, all)) != NULL;
    }
    if (!jinja_truth(j, it->source)) {
        it->inner = new_iter(j, ITER_EMPTY, it->source);
        return it->inner != NULL;
    }
    return jinja_iterate(j, it->source, &it->inner);
}

static bool next_entry(job *j, iter *it, value *out, bool *has)
{
    *has = it->pos < it->dict->n;
    if (!*has)
        return true;
    const dict_entry *e = &it->dict->entries[it->pos++];
    if (it->part == VIEW_ITEMS) {
        list *pair = jinja_list_new(j, 2);
        if (!pair)
            return false;
        pair->items[0] = e->key;
        pair->items[1] = e->val;
        pair->n = 2;
        *out = v_tuple(pair);
    } else {
        *out = it->part == VIEW_KEYS ? e->key : e->val;
    }
    return true;
}

static bool next_lazy(job *j, iter *it, value *out, bool *has)
{
    if (it->kind != ITER_LOOP_FILTER && !start(j, it))
        return false;
    for (;;) {
        value item, result;
        bool kept = true;
        if (!jinja_next(j, it->inner, &item, has))
            return false;
        if (!*has)
            return true;
        if (it->kind == ITER_DEFERRED) {
            *out = item;
            return true;
        }
        if (it->kind == ITER_MAP)
            return map_item(j, &it->args, item, out);
        if (it->kind == ITER_SELECT) {
            if (!select_item(j, it, item, &kept))
                return false;
        } else {
            const for_info *info = it->loop->for_;
            jinja_enter_scope(j, it->act, &info->test);
            if (!jinja_assign(j, it->act, info->test_target, item) || !jinja_eval(j, it->act, it->loop->c, &result))
                return false;
            kept = jinja_truth(j, result);
        }
        if (kept) {
            *out = item;
            return true;
        }
    }
}

bool jinja_next(job *j, iter *it, value *out, bool *has)
{
    if (!jinja_enter(j) || !jinja_charge(j, 1))
        return false;
    bool ok = true;
    switch (it->kind) {
    case ITER_EMPTY:
        *has = false;
        break;
    case ITER_LIST:
        *has = it->pos < it->source.list->n;
        if (*has)
            *out = it->source.list->items[it->pos++];
        break;
    case ITER_CHARS: {
        const str *s = it->source.s;
        *has = it->pos < s->len;
        if (*has) {
            const char *from = s->data + it->pos, *p = from;
            jinja_utf8_next(&p);
            it->pos += (size_t)(p - from);
            ok = jinja_substring(j, from, (size_t)(p - from), out);
        }
        break;
    }
    case ITER_VIEW:
        ok = next_entry(j, it, out, has);
        break;
    case ITER_RANGE:
        *has = it->pos < (size_t)it->source.range->n;
        if (*has)
            jinja_item_of_range(it->source.range, (int64_t)it->pos++, out);
        break;
    default:
        ok = next_lazy(j, it, out, has);
        break;
    }
    j->depth--;
    return ok;
}

bool jinja_to_list(job *j, value v, list **out)
{
    iter *it;
    list *l = jinja_list_new(j, 0);
    if (!l || !jinja_iterate(j, v, &it))
        return false;
    for (;;) {
        value item;
        bool has;
        if (!jinja_next(j, it, &item, &has))
            return false;
        if (!has)
            break;
        if (!jinja_list_add(j, l, item))
            return false;
    }
    *out = l;
    return true;
}
