/* Filters on sequences. Those that are generators in jinja2 give iterators here. */
#include <string.h>

#include "text/jinja/eval.h"

static bool truth(job *j, value v)
{
    return v.type != V_MISSING && jinja_truth(j, v);
}

static bool as_iterator(job *j, list *l, value *out)
{
    *out = (value){ .type = V_ITER, .iter = jinja_iter_of_list(j, l) };
    return out->iter != NULL;
}

static bool length(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    size_t n;
    if (!jinja_length(j, self, &n))
        return false;
    *out = v_int((int64_t)n);
    return true;
}

static bool first(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    iter *it;
    bool has;
    if (!jinja_iterate(j, self, &it) || !jinja_next(j, it, out, &has))
        return false;
    return has || jinja_undefined_hint(j, "No first item, sequence was empty.", out);
}

static bool last(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    list *l;
    if (self.type == V_ITER)
        return jinja_error(j, "'generator' object is not reversible");
    if (self.type == V_STRING || self.type == V_LIST || self.type == V_TUPLE || self.type == V_RANGE) {
        bool found;
        return jinja_index(j, self, -1, out, &found) &&
               (found || jinja_undefined_hint(j, "No last item, sequence was empty.", out));
    }
    if (!jinja_to_list(j, self, &l))
        return false;
    if (l->n == 0)
        return jinja_undefined_hint(j, "No last item, sequence was empty.", out);
    *out = l->items[l->n - 1];
    return true;
}

static bool to_list(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    list *l;
    if (!jinja_to_list(j, self, &l))
        return false;
    *out = v_list(l);
    return true;
}

static bool reverse(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    list *l;
    if (self.type == V_STRING)
        return jinja_slice(j, self, v_none(), v_none(), v_int(-1), out);
    if (!jinja_to_list(j, self, &l))
        return false;
    for (size_t i = 0; i < l->n / 2; i++) {
        value v = l->items[i];
        l->items[i] = l->items[l->n - 1 - i];
        l->items[l->n - 1 - i] = v;
    }
    if (self.type == V_ITER) {
        *out = v_list(l);
        return true;
    }
    return as_iterator(j, l, out);
}

static bool fill_items(job *j, value self, const call_args *a, list **out)
{
    (void)a;
    if (self.type == V_UNDEFINED)
        return (*out = jinja_list_new(j, 0)) != NULL;
    if (self.type != V_DICT)
        return jinja_error(j, "Can only get item pairs from a mapping.");
    return jinja_to_list(j, (value){ .type = V_VIEW, .view = &(view){ self.dict, VIEW_ITEMS } }, out);
}

static bool items(job *j, value self, const call_args *a, value *out)
{
    return jinja_iter_defer(j, fill_items, self, a, out);
}

static bool map(job *j, value self, const call_args *a, value *out)
{
    return jinja_iter_map(j, self, a, out);
}

static bool select_items(job *j, value self, const call_args *a, value *out)
{
    return jinja_iter_select(j, self, a, false, true, out);
}

static bool reject(job *j, value self, const call_args *a, value *out)
{
    return jinja_iter_select(j, self, a, false, false, out);
}

static bool selectattr(job *j, value self, const call_args *a, value *out)
{
    return jinja_iter_select(j, self, a, true, true, out);
}

static bool rejectattr(job *j, value self, const call_args *a, value *out)
{
    return jinja_iter_select(j, self, a, true, false, out);
}

static bool join(job *j, value self, const call_args *a, value *out)
{
    value separator;
    if (a->args[0].type == V_MISSING ? !jinja_cstring(j, "", &separator) : !jinja_to_str(j, a->args[0], &separator))
        return false;
    if (a->args[1].type != V_MISSING && a->args[1].type != V_NONE) {
        list *l;
        if (!jinja_to_list(j, self, &l))
            return false;
        for (size_t i = 0; i < l->n; i++)
            if (!jinja_attribute_path(j, l->items[i], a->args[1], (value){ 0 }, &l->items[i]))
                return false;
        self = v_list(l);
    }
    return jinja_join(j, separator.s, self, true, out);
}

static bool fold(job *j, value v, bool case_sensitive, value *out)
{
    *out = v;
    return v.type != V_STRING || case_sensitive || jinja_change_case(j, v.s, CASE_LOWER, out);
}

/* What an item is compared by: the values of "a,b.c", or itself, as a list. */
static bool sort_key(job *j, value item, value attribute, bool case_sensitive, value *out)
{
    list *l = jinja_list_new(j, 1);
    if (!l)
        return false;
    *out = v_list(l);
    if (attribute.type != V_STRING) {
        value part;
        return jinja_attribute_path(j, item, attribute, (value){ 0 }, &part) && fold(j, part, case_sensitive, &part) &&
               jinja_list_add(j, l, part);
    }
    list *paths;
    if (!jinja_split(j, attribute.s, &(str){ ",", 1, 1 }, -1, false, &paths))
        return false;
    for (size_t i = 0; i < paths->n; i++) {
        value part;
        if (!jinja_attribute_path(j, item, paths->items[i], (value){ 0 }, &part) ||
            !fold(j, part, case_sensitive, &part) || !jinja_list_add(j, l, part))
            return false;
    }
    return true;
}

/* Pairs of key and item, sorted. */
static bool sorted_pairs(job *j, const list *l, value *pairs, bool reversed, list **out)
{
    if (!jinja_sort(j, pairs, l->n, 2, reversed))
        return false;
    list *sorted = jinja_list_new(j, l->n);
    if (!sorted)
        return false;
    for (size_t i = 0; i < l->n; i++)
        sorted->items[sorted->n++] = pairs[2 * i + 1];
    *out = sorted;
    return true;
}

static bool sort(job *j, value self, const call_args *a, value *out)
{
    list *l, *sorted;
    if (!jinja_to_list(j, self, &l))
        return false;
    value *pairs = jinja_array(j, l->n, 2 * sizeof *pairs);
    for (size_t i = 0; pairs && i < l->n; i++) {
        if (!sort_key(j, l->items[i], a->args[2], truth(j, a->args[1]), &pairs[2 * i]))
            return false;
        pairs[2 * i + 1] = l->items[i];
    }
    if (!pairs || !sorted_pairs(j, l, pairs, truth(j, a->args[0]), &sorted))
        return false;
    *out = v_list(sorted);
    return true;
}

static bool dictsort(job *j, value self, const call_args *a, value *out)
{
    value by = a->args[1];
    bool by_value = by.type == V_STRING && jinja_str_is(by.s, "value");
    if (self.type == V_UNDEFINED)
        return jinja_use_undefined(j, self);
    if (self.type != V_DICT)
        return jinja_error(j, "dictsort needs a mapping, not '%s'", jinja_type_name(self));
    if (by.type != V_MISSING && !by_value && !(by.type == V_STRING && jinja_str_is(by.s, "key")))
        return jinja_error(j, "You can only sort by either \"key\" or \"value\"");
    const dict *d = self.dict;
    value *pairs = jinja_array(j, d->n, 2 * sizeof *pairs);
    list all = { .n = d->n }, *sorted;
    for (size_t i = 0; pairs && i < d->n; i++) {
        const dict_entry *e = &d->entries[i];
        list *pair = jinja_list_new(j, 2);
        if (!pair || !fold(j, by_value ? e->val : e->key, truth(j, a->args[0]), &pairs[2 * i]))
            return false;
        pair->items[0] = e->key;
        pair->items[1] = e->val;
        pair->n = 2;
        pairs[2 * i + 1] = v_tuple(pair);
    }
    if (!pairs || !sorted_pairs(j, &all, pairs, truth(j, a->args[2]), &sorted))
        return false;
    *out = v_list(sorted);
    return true;
}

static bool fill_unique(job *j, value self, const call_args *a, list **out)
{
    list *l, *kept = jinja_list_new(j, 0);
    dict *seen = jinja_dict_new(j);
    if (!kept || !seen || !jinja_to_list(j, self, &l))
        return false;
    for (size_t i = 0; i < l->n; i++) {
        value key;
        size_t before = seen->n;
        if (!jinja_attribute_path(j, l->items[i], a->args[1], (value){ 0 }, &key) ||
            !fold(j, key, truth(j, a->args[0]), &key) || !jinja_dict_set(j, seen, key, v_none()))
            return false;
        if (seen->n > before && !jinja_list_add(j, kept, l->items[i]))
            return false;
    }
    *out = kept;
    return true;
}

static bool unique(job *j, value self, const call_args *a, value *out)
{
    return jinja_iter_defer(j, fill_unique, self, a, out);
}

static bool extreme(job *j, value self, const call_args *a, bool largest, value *out)
{
    list *l;
    value best_key = { 0 };
    if (!jinja_to_list(j, self, &l))
        return false;
    if (l->n == 0)
        return jinja_undefined_hint(j, "No aggregated item, sequence was empty.", out);
    for (size_t i = 0; i < l->n; i++) {
        value key;
        bool better = i == 0;
        if (!jinja_attribute_path(j, l->items[i], a->args[1], (value){ 0 }, &key) ||
            !fold(j, key, truth(j, a->args[0]), &key))
            return false;
        if (i > 0 &&
            !(largest ? jinja_less(j, best_key, key, ">", &better) : jinja_less(j, key, best_key, "<", &better)))
            return false;
        if (better) {
            best_key = key;
            *out = l->items[i];
        }
    }
    return true;
}

static bool min(job *j, value self, const call_args *a, value *out)
{
    return extreme(j, self, a, false, out);
}

static bool max(job *j, value self, const call_args *a, value *out)
{
    return extreme(j, self, a, true, out);
}

static bool sum(job *j, value self, const call_args *a, value *out)
{
    list *l;
    *out = a->args[1].type == V_MISSING ? v_int(0) : a->args[1];
    if (out->type == V_STRING)
        return jinja_error(j, "sum() can't sum strings");
    if (!jinja_to_list(j, self, &l))
        return false;
    for (size_t i = 0; i < l->n; i++) {
        value item;
        if (!jinja_attribute_path(j, l->items[i], a->args[0], (value){ 0 }, &item) ||
            !jinja_binary(j, T_ADD, *out, item, out))
            return false;
    }
    return true;
}

static bool add_group(job *j, list *groups, value key, list **members)
{
    list *pair = jinja_list_new(j, 2);
    *members = jinja_list_new(j, 0);
    if (!pair || !*members)
        return false;
    pair->items[0] = key;
    pair->items[1] = v_list(*members);
    pair->n = 2;
    pair->is_group = true;
    return jinja_list_add(j, groups, v_tuple(pair));
}

static bool groupby(job *j, value self, const call_args *a, value *out)
{
    value attribute = a->args[0], fallback = a->args[1];
    bool case_sensitive = truth(j, a->args[2]);
    list *l, *groups = jinja_list_new(j, 0), *members = NULL;
    if (!groups || !jinja_to_list(j, self, &l))
        return false;
    value *pairs = jinja_array(j, l->n, 2 * sizeof *pairs);
    for (size_t i = 0; pairs && i < l->n; i++) {
        pairs[2 * i + 1] = l->items[i];
        if (!jinja_attribute_path(j, l->items[i], attribute, fallback, &pairs[2 * i]) ||
            !fold(j, pairs[2 * i], case_sensitive, &pairs[2 * i]))
            return false;
    }
    if (!pairs || !jinja_sort(j, pairs, l->n, 2, false))
        return false;
    for (size_t i = 0; i < l->n; i++) {
        bool same = false;
        if (i > 0 && !jinja_equal(j, pairs[2 * i - 2], pairs[2 * i], &same))
            return false;
        value name;
        if (!same && (!jinja_attribute_path(j, pairs[2 * i + 1], attribute, fallback, &name) ||
                      !add_group(j, groups, name, &members)))
            return false;
        if (!jinja_list_add(j, members, pairs[2 * i + 1]))
            return false;
    }
    *out = v_list(groups);
    return true;
}

static bool fill_batch(job *j, value self, const call_args *a, list **out)
{
    list *l, *rows = jinja_list_new(j, 0), *row = NULL;
    int64_t width;
    if (!rows || !jinja_arg_int(j, a->args[0], 0, &width) || !jinja_to_list(j, self, &l))
        return false;
    if (width < 0)
        width = INT64_MAX; /* a row that is never full */
    for (size_t i = 0; i < l->n; i++) {
        if (!row || (int64_t)row->n == width) {
            if (!row && width == 0 && (!(row = jinja_list_new(j, 0)) || !jinja_list_add(j, rows, v_list(row))))
                return false; /* of width 0, the first row is empty */
            if (!(row = jinja_list_new(j, 0)) || !jinja_list_add(j, rows, v_list(row)))
                return false;
        }
        if (!jinja_list_add(j, row, l->items[i]))
            return false;
    }
    value fill = a->args[1];
    if (row && fill.type != V_MISSING && fill.type != V_NONE && width < INT64_MAX)
        while ((int64_t)row->n < width)
            if (!jinja_charge(j, 1) || !jinja_list_add(j, row, fill))
                return false;
    *out = rows;
    return true;
}

static bool batch(job *j, value self, const call_args *a, value *out)
{
    return jinja_iter_defer(j, fill_batch, self, a, out);
}

static bool fill_slice(job *j, value self, const call_args *a, list **out)
{
    list *l, *rows = jinja_list_new(j, 0);
    int64_t slices;
    if (!rows || !jinja_arg_int(j, a->args[0], 0, &slices) || !jinja_to_list(j, self, &l))
        return false;
    if (slices == 0)
        return jinja_error(j, "division by zero");
    int64_t n = (int64_t)l->n, each = slices > 0 ? n / slices : 0, extra = slices > 0 ? n % slices : 0, at = 0;
    value fill = a->args[1];
    for (int64_t i = 0; i < slices; i++) {
        int64_t end = at + each + (i < extra);
        list *row = jinja_charge(j, 1) ? jinja_list_new(j, 0) : NULL;
        if (!row || !jinja_list_add(j, rows, v_list(row)))
            return false;
        while (at < end)
            if (!jinja_list_add(j, row, l->items[at++]))
                return false;
        if (fill.type != V_MISSING && fill.type != V_NONE && i >= extra && !jinja_list_add(j, row, fill))
            return false;
    }
    *out = rows;
    return true;
}

static bool slice(job *j, value self, const call_args *a, value *out)
{
    return jinja_iter_defer(j, fill_slice, self, a, out);
}

const builtin jinja_sequence_filters[] = {
    { "batch", "linecount fill_with", 1, batch },
    { "count", "", 0, length },
    { "dictsort", "case_sensitive by reverse", 0, dictsort },
    { "first", "", 0, first },
    { "groupby", "attribute default case_sensitive", 1, groupby },
    { "items", "", 0, items },
    { "join", "d attribute", 0, join },
    { "last", "", 0, last },
    { "length", "", 0, length },
    { "list", "", 0, to_list },
    { "map", NULL, 0, map },
    { "max", "case_sensitive attribute", 0, max },
    { "min", "case_sensitive attribute", 0, min },
    { "reject", NULL, 0, reject },
    { "rejectattr", NULL, 0, rejectattr },
    { "reverse", "", 0, reverse },
    { "select", NULL, 0, select_items },
    { "selectattr", NULL, 0, selectattr },
    { "slice", "slices fill_with", 1, slice },
    { "sort", "reverse case_sensitive attribute", 0, sort },
    { "sum", "attribute start", 0, sum },
    { "unique", "case_sensitive attribute", 0, unique },
};
const size_t jinja_n_sequence_filters = sizeof jinja_sequence_filters / sizeof *jinja_sequence_filters;
