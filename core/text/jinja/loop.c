/* The variable `loop`: where a loop is, what comes next, how long it is. */
#include "text/jinja/eval.h"

static bool peek(job *j, loop *l, bool *has)
{
    if (!l->has_next) {
        bool more;
        if (!jinja_next(j, l->iter, &l->next, &more))
            return false;
        if (!more)
            l->next = (value){ 0 };
        l->has_next = more;
    }
    *has = l->has_next;
    return true;
}

bool jinja_loop_next(job *j, loop *l, value *out, bool *has)
{
    if (l->has_next) {
        *out = l->next;
        l->has_next = false;
        *has = true;
    } else if (!jinja_next(j, l->iter, out, has)) {
        return false;
    }
    if (*has) {
        l->index0++;
        l->previous = l->current;
        l->current = *out;
    }
    return true;
}

bool jinja_loop_length(job *j, loop *l, size_t *n)
{
    if (!l->has_length) {
        if (l->iterable.type == V_ITER) {
            /* A generator is read to its end to know. */
            list *rest = jinja_list_new(j, 0);
            value item;
            for (bool has = rest != NULL; has;) {
                if (!jinja_next(j, l->iter, &item, &has) || (has && !jinja_list_add(j, rest, item)))
                    return false;
            }
            if (!rest || !(l->iter = jinja_iter_of_list(j, rest)))
                return false;
            l->length = rest->n + (size_t)(l->index0 + 1) + l->has_next;
        } else if (!jinja_length(j, l->iterable, &l->length)) {
            return false;
        }
        l->has_length = true;
    }
    *n = l->length;
    return true;
}

static bool changed(job *j, value self, const call_args *a, value *out)
{
    loop *l = self.loop;
    list *now = jinja_list_new(j, a->n);
    if (!now)
        return false;
    for (size_t i = 0; i < a->n; i++)
        now->items[now->n++] = a->args[i];
    bool equal;
    if (!jinja_equal(j, l->last_changed, v_tuple(now), &equal))
        return false;
    if (!equal)
        l->last_changed = v_tuple(now);
    *out = v_bool(!equal);
    return true;
}

static bool cycle(job *j, value self, const call_args *a, value *out)
{
    if (a->n == 0)
        return jinja_error(j, "no items for cycling given");
    *out = a->args[(size_t)self.loop->index0 % a->n];
    return true;
}

static const builtin methods[] = {
    { "cycle", NULL, 0, cycle },
    { "changed", NULL, 0, changed },
};

bool jinja_loop_attribute(job *j, loop *l, const str *name, value *out, bool *found)
{
    size_t n;
    bool has;
    *found = true;
    if (jinja_str_is(name, "index")) {
        *out = v_int(l->index0 + 1);
    } else if (jinja_str_is(name, "index0")) {
        *out = v_int(l->index0);
    } else if (jinja_str_is(name, "first")) {
        *out = v_bool(l->index0 == 0);
    } else if (jinja_str_is(name, "depth")) {
        *out = v_int(l->depth0 + 1);
    } else if (jinja_str_is(name, "depth0")) {
        *out = v_int(l->depth0);
    } else if (jinja_str_is(name, "length") || jinja_str_is(name, "revindex") || jinja_str_is(name, "revindex0")) {
        if (!jinja_loop_length(j, l, &n))
            return false;
        int64_t left = name->data[0] == 'l' ? 0 : name->len == 8 ? l->index0 : l->index0 + 1;
        *out = v_int((int64_t)n - left);
    } else if (jinja_str_is(name, "last")) {
        if (!peek(j, l, &has))
            return false;
        *out = v_bool(!has);
    } else if (jinja_str_is(name, "nextitem")) {
        if (!peek(j, l, &has))
            return false;
        if (!has)
            return jinja_undefined_hint(j, "there is no next item", out);
        *out = l->next;
    } else if (jinja_str_is(name, "previtem")) {
        if (l->index0 == 0)
            return jinja_undefined_hint(j, "there is no previous item", out);
        *out = l->previous;
    } else {
        const builtin *b = jinja_find_in(methods, sizeof methods / sizeof *methods, name->data, name->len);
        method *m = b ? jinja_alloc(j, sizeof *m) : NULL;
        *found = b != NULL;
        if (b && !m)
            return false;
        if (m) {
            *m = (method){ { .type = V_LOOP, .loop = l }, b };
            *out = (value){ .type = V_METHOD, .method = m };
        }
    }
    return true;
}
