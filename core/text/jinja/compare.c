/* Asking values: what they are, whether they are true, equal, less. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text/jinja/value.h"

const char *jinja_type_name(value v)
{
    static const char *const names[] = {
        [V_MISSING] = "missing",   [V_UNDEFINED] = "Undefined", [V_NONE] = "NoneType",       [V_BOOL] = "bool",
        [V_INT] = "int",           [V_BIGINT] = "int",          [V_FLOAT] = "float",         [V_STRING] = "str",
        [V_LIST] = "list",         [V_TUPLE] = "tuple",         [V_DICT] = "dict",           [V_VIEW] = "dict_view",
        [V_RANGE] = "range",       [V_ITER] = "generator",      [V_NAMESPACE] = "Namespace", [V_MACRO] = "Macro",
        [V_LOOP] = "LoopContext",  [V_CYCLER] = "Cycler",       [V_JOINER] = "Joiner",       [V_METHOD] = "method",
        [V_FUNCTION] = "function",
    };
    return names[v.type];
}

bool jinja_truth(job *j, value v)
{
    (void)j;
    switch ((value_type)v.type) {
    case V_MISSING:
    case V_UNDEFINED:
    case V_NONE:
        return false;
    case V_BOOL:
        return v.b;
    case V_INT:
        return v.i != 0;
    case V_FLOAT:
        return v.f != 0;
    case V_STRING:
        return v.s->len > 0;
    case V_LIST:
    case V_TUPLE:
        return v.list->n > 0;
    case V_DICT:
        return v.dict->n > 0;
    case V_VIEW:
        return v.view->dict->n > 0;
    case V_RANGE:
        return v.range->n > 0;
    default:
        return true;
    }
}

bool jinja_is_int(value v, int64_t *i)
{
    if (v.type == V_INT)
        *i = v.i;
    else if (v.type == V_BOOL)
        *i = v.b;
    else
        return false;
    return true;
}

bool jinja_is_number(value v, double *f)
{
    int64_t i;
    if (v.type == V_FLOAT)
        *f = v.f;
    else if (jinja_is_int(v, &i))
        *f = (double)i;
    else if (v.type == V_BIGINT)
        *f = jinja_strtod(v.s->data, v.s->len);
    else
        return false;
    return true;
}

bool jinja_item_of_range(const range *r, int64_t index, value *out)
{
    *out = v_int(r->start + index * r->step);
    return true;
}

/* Exact also between int64 and double: a long double holds both. */
static int order_numbers(value a, value b, bool *unordered)
{
    double x = 0, y = 0;
    int64_t i, k;
    *unordered = false;
    if (jinja_is_int(a, &i) && jinja_is_int(b, &k))
        return (i > k) - (i < k);
    if (a.type == V_BIGINT && b.type == V_BIGINT && a.s->len == b.s->len && memcmp(a.s->data, b.s->data, a.s->len) == 0)
        return 0;
    jinja_is_number(a, &x);
    jinja_is_number(b, &y);
    *unordered = isnan(x) || isnan(y);
    long double p = jinja_is_int(a, &i) ? (long double)i : x, q = jinja_is_int(b, &k) ? (long double)k : y;
    if (p == q && (a.type == V_BIGINT) != (b.type == V_BIGINT))
        return 1;
    return (p > q) - (p < q);
}

static bool is_number(value v)
{
    return v.type == V_BOOL || v.type == V_INT || v.type == V_FLOAT || v.type == V_BIGINT;
}

static bool equal_lists(job *j, const list *a, const list *b, bool *equal)
{
    *equal = a->n == b->n;
    for (size_t i = 0; *equal && i < a->n; i++)
        if (!jinja_equal(j, a->items[i], b->items[i], equal))
            return false;
    return true;
}

static bool equal_dicts(job *j, const dict *a, const dict *b, bool *equal)
{
    *equal = a->n == b->n;
    for (size_t i = 0; *equal && i < a->n; i++) {
        bool ok;
        const value *other = jinja_dict_get(j, b, a->entries[i].key, &ok);
        if (!ok)
            return false;
        *equal = other != NULL;
        if (other && !jinja_equal(j, a->entries[i].val, *other, equal))
            return false;
    }
    return true;
}

bool jinja_equal(job *j, value a, value b, bool *equal)
{
    if (!jinja_enter(j) || !jinja_charge(j, 1))
        return false;
    bool ok = true;
    if (is_number(a) && is_number(b)) {
        bool unordered;
        *equal = order_numbers(a, b, &unordered) == 0 && !unordered;
    } else if (a.type != b.type) {
        *equal = false;
    } else {
        switch ((value_type)a.type) {
        case V_MISSING:
        case V_UNDEFINED:
        case V_NONE:
            *equal = true;
            break;
        case V_STRING:
            *equal = a.s->len == b.s->len && memcmp(a.s->data, b.s->data, a.s->len) == 0;
            ok = jinja_charge(j, a.s->len / 64);
            break;
        case V_LIST:
        case V_TUPLE:
            ok = equal_lists(j, a.list, b.list, equal);
            break;
        case V_DICT:
            ok = equal_dicts(j, a.dict, b.dict, equal);
            break;
        case V_RANGE:
            *equal = a.range->n == b.range->n &&
                     (a.range->n == 0 ||
                      (a.range->start == b.range->start && (a.range->n == 1 || a.range->step == b.range->step)));
            break;
        case V_METHOD:
            *equal = a.method->def == b.method->def && a.method->self.dict == b.method->self.dict;
            break;
        default:
            *equal = a.dict == b.dict; /* identity, whichever pointer it is */
            break;
        }
    }
    j->depth--;
    return ok;
}

static bool no_order(job *j, value a, value b, const char *op)
{
    if (a.type == V_UNDEFINED)
        return jinja_use_undefined(j, a);
    if (b.type == V_UNDEFINED)
        return jinja_use_undefined(j, b);
    return jinja_error(j, "'%s' not supported between instances of '%s' and '%s'", op, jinja_type_name(a),
                       jinja_type_name(b));
}

bool jinja_compare(job *j, value a, value b, const char *op, int *order, bool *unordered)
{
    *unordered = false;
    if (!jinja_charge(j, 1))
        return false;
    if (is_number(a) && is_number(b)) {
        *order = order_numbers(a, b, unordered);
        return true;
    }
    if (a.type == V_STRING && b.type == V_STRING) {
        size_t n = a.s->len < b.s->len ? a.s->len : b.s->len;
        int c = memcmp(a.s->data, b.s->data, n); /* the order of UTF-8 bytes is that of code points */
        *order = c ? (c > 0) - (c < 0) : (a.s->len > b.s->len) - (a.s->len < b.s->len);
        return jinja_charge(j, n / 64);
    }
    if (a.type == b.type && (a.type == V_LIST || a.type == V_TUPLE)) {
        if (!jinja_enter(j))
            return false;
        const list *x = a.list, *y = b.list;
        size_t i = 0;
        for (bool equal = true; i < x->n && i < y->n; i++) {
            if (!jinja_equal(j, x->items[i], y->items[i], &equal))
                return false;
            if (!equal)
                break;
        }
        bool ok = true;
        if (i < x->n && i < y->n)
            ok = jinja_compare(j, x->items[i], y->items[i], op, order, unordered);
        else
            *order = (x->n > y->n) - (x->n < y->n);
        j->depth--;
        return ok;
    }
    return no_order(j, a, b, op);
}

bool jinja_less(job *j, value a, value b, const char *op, bool *less)
{
    int order;
    bool unordered;
    if (!jinja_compare(j, a, b, op, &order, &unordered))
        return false;
    *less = order < 0 && !unordered;
    return true;
}

bool jinja_length(job *j, value v, size_t *n)
{
    switch ((value_type)v.type) {
    case V_UNDEFINED:
        *n = 0;
        return true;
    case V_STRING:
        *n = v.s->n_chars;
        return true;
    case V_LIST:
    case V_TUPLE:
        *n = v.list->n;
        return true;
    case V_DICT:
        *n = v.dict->n;
        return true;
    case V_VIEW:
        *n = v.view->dict->n;
        return true;
    case V_RANGE:
        *n = (size_t)v.range->n;
        return true;
    default:
        return jinja_error(j, "object of type '%s' has no len()", jinja_type_name(v));
    }
}
