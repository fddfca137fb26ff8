/* Operators, as Python defines them. Integers have 64 bits here; what would need more is an error. */
#include "text/jinja/eval.h"

#include <math.h>
#include <string.h>

#include "text/jinja/unicode.h"

static const char *op_name(int op)
{
    switch (op) {
    case T_ADD:
        return "+";
    case T_SUB:
        return "-";
    case T_MUL:
        return "*";
    case T_DIV:
        return "/";
    case T_FLOORDIV:
        return "//";
    case T_MOD:
        return "%";
    default:
        return "**";
    }
}

static bool overflow(job *j)
{
    return jinja_fail(j, BORA_UNSUPPORTED, "an integer is larger than 64 bits");
}

static bool no_such_operation(job *j, int op, value a, value b)
{
    if (a.type == V_UNDEFINED)
        return jinja_use_undefined(j, a);
    if (b.type == V_UNDEFINED)
        return jinja_use_undefined(j, b);
    if (a.type == V_BIGINT || b.type == V_BIGINT)
        return overflow(j);
    return jinja_error(j, "unsupported operand types for %s: '%s' and '%s'", op_name(op), jinja_type_name(a),
                       jinja_type_name(b));
}

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - ((a % b != 0) && ((a < 0) != (b < 0)));
}

static bool int_pow(job *j, int64_t base, int64_t exponent, value *out)
{
    int64_t result = 1;
    while (exponent > 0) {
        if ((exponent & 1) && __builtin_mul_overflow(result, base, &result))
            return overflow(j);
        exponent >>= 1;
        if (exponent > 0 && __builtin_mul_overflow(base, base, &base))
            return overflow(j);
    }
    *out = v_int(result);
    return true;
}

static double divide_ints(int64_t a, int64_t b)
{
    return (double)((long double)a / (long double)b);
}

static bool int_op(job *j, int op, int64_t a, int64_t b, value *out)
{
    int64_t r;
    if (b == 0 && (op == T_DIV || op == T_FLOORDIV || op == T_MOD))
        return jinja_error(j, "division by zero");
    switch (op) {
    case T_ADD:
        if (__builtin_add_overflow(a, b, &r))
            return overflow(j);
        break;
    case T_SUB:
        if (__builtin_sub_overflow(a, b, &r))
            return overflow(j);
        break;
    case T_MUL:
        if (__builtin_mul_overflow(a, b, &r))
            return overflow(j);
        break;
    case T_DIV:
        *out = v_float(divide_ints(a, b));
        return true;
    case T_FLOORDIV:
    case T_MOD:
        if (b == -1) { /* INT64_MIN has no counterpart */
            if (op == T_FLOORDIV && a == INT64_MIN)
                return overflow(j);
            r = op == T_FLOORDIV ? -a : 0;
        } else {
            r = floor_div(a, b);
            r = op == T_FLOORDIV ? r : a - r * b;
        }
        break;
    default:
        if (b >= 0)
            return int_pow(j, a, b, out);
        if (a == 0)
            return jinja_error(j, "0 cannot be raised to a negative power");
        *out = v_float(pow((double)a, (double)b));
        return true;
    }
    *out = v_int(r);
    return true;
}

static bool float_op(job *j, int op, double a, double b, value *out)
{
    double r;
    if (b == 0 && (op == T_DIV || op == T_FLOORDIV || op == T_MOD))
        return jinja_error(j, "float division by zero");
    switch (op) {
    case T_ADD:
        r = a + b;
        break;
    case T_SUB:
        r = a - b;
        break;
    case T_MUL:
        r = a * b;
        break;
    case T_DIV:
        r = a / b;
        break;
    case T_MOD:
    case T_FLOORDIV: {
        double mod = fmod(a, b), div = (a - mod) / b;
        if (mod != 0 && (b < 0) != (mod < 0)) {
            mod += b;
            div -= 1;
        } else if (mod == 0) {
            mod = copysign(0, b);
        }
        if (div != 0) {
            double whole = floor(div);
            div = div - whole > 0.5 ? whole + 1 : whole;
        } else {
            div = copysign(0, a / b);
        }
        r = op == T_MOD ? mod : div;
        break;
    }
    default:
        if (a == 0 && b < 0)
            return jinja_error(j, "0.0 cannot be raised to a negative power");
        if (a < 0 && isfinite(b) && b != floor(b))
            return jinja_fail(j, BORA_UNSUPPORTED, "complex numbers are not supported");
        r = pow(a, b);
        if (isinf(r) && isfinite(a) && isfinite(b))
            return jinja_error(j, "a result is too large for a float");
        break;
    }
    *out = v_float(r);
    return true;
}

static bool escape_into(job *j, value v)
{
    return v.markup ? jinja_put_str(j, v.s) : jinja_put_escaped(j, v.s);
}

static bool add_strings(job *j, value a, value b, value *out)
{
    size_t mark = jinja_begin(j);
    bool markup = a.markup || b.markup;
    bool ok = markup ? escape_into(j, a) && escape_into(j, b) : jinja_put_str(j, a.s) && jinja_put_str(j, b.s);
    if (!ok || !jinja_end(j, mark, out))
        return false;
    out->markup = markup;
    return true;
}

static bool add_lists(job *j, value a, value b, value *out)
{
    size_t n = a.list->n + b.list->n;
    list *l = jinja_charge(j, n / 16) ? jinja_list_new(j, n) : NULL;
    if (!l)
        return false;
    if (a.list->n)
        memcpy(l->items, a.list->items, a.list->n * sizeof *l->items);
    if (b.list->n)
        memcpy(l->items + a.list->n, b.list->items, b.list->n * sizeof *l->items);
    l->n = n;
    *out = (value){ .type = a.type, .list = l };
    return true;
}

static bool repeat(job *j, value v, int64_t times, value *out)
{
    if (times < 0)
        times = 0;
    if (v.type == V_STRING) {
        size_t mark = jinja_begin(j);
        if (!jinja_put_repeat(j, v.s->data, v.s->len, (size_t)times) || !jinja_end(j, mark, out))
            return false;
        out->markup = v.markup;
        return true;
    }
    size_t n;
    if (__builtin_mul_overflow(v.list->n, (size_t)times, &n) || !jinja_charge(j, n / 16))
        return jinja_fail(j, BORA_LIMIT, "a list is too long");
    list *l = jinja_list_new(j, n);
    if (!l)
        return false;
    for (size_t i = 0; i < n; i++)
        l->items[i] = v.list->items[i % v.list->n];
    l->n = n;
    *out = (value){ .type = v.type, .list = l };
    return true;
}

static bool is_sequence(value v)
{
    return v.type == V_STRING || v.type == V_LIST || v.type == V_TUPLE;
}

bool jinja_binary(job *j, int op, value a, value b, value *out)
{
    int64_t i, k;
    double x, y;
    bool a_int = jinja_is_int(a, &i), b_int = jinja_is_int(b, &k);
    if (a_int && b_int)
        return int_op(j, op, i, k, out);
    if (op == T_MOD && a.type == V_STRING)
        return jinja_percent(j, a.s, b, out);
    if (jinja_is_number(a, &x) && jinja_is_number(b, &y) && (a.type == V_FLOAT || b.type == V_FLOAT))
        return float_op(j, op, x, y, out);
    if (op == T_ADD && a.type == V_STRING && b.type == V_STRING)
        return add_strings(j, a, b, out);
    if (op == T_ADD && a.type == b.type && (a.type == V_LIST || a.type == V_TUPLE))
        return add_lists(j, a, b, out);
    if (op == T_MUL && is_sequence(a) && b_int)
        return repeat(j, a, k, out);
    if (op == T_MUL && is_sequence(b) && a_int)
        return repeat(j, b, i, out);
    return no_such_operation(j, op, a, b);
}

bool jinja_negate(job *j, value v, value *out)
{
    int64_t i;
    if (v.type == V_FLOAT) {
        *out = v_float(-v.f);
        return true;
    }
    if (jinja_is_int(v, &i))
        return int_op(j, T_SUB, 0, i, out);
    if (v.type == V_UNDEFINED)
        return jinja_use_undefined(j, v);
    return v.type == V_BIGINT ? overflow(j) : jinja_error(j, "bad operand type for unary -: '%s'", jinja_type_name(v));
}

static bool in_string(job *j, value item, const str *s, bool *found)
{
    if (item.type == V_UNDEFINED)
        return jinja_error(j, "'in <string>' requires string as left operand, not Undefined");
    if (item.type != V_STRING)
        return jinja_error(j, "'in <string>' requires string as left operand, not %s", jinja_type_name(item));
    *found = item.s->len == 0 || memmem(s->data, s->len, item.s->data, item.s->len) != NULL;
    return jinja_charge(j, s->len / 64);
}

static bool in_view(job *j, value item, const view *v, bool *found)
{
    bool ok = true;
    if (v->part == VIEW_KEYS) {
        *found = jinja_dict_get(j, v->dict, item, &ok) != NULL;
        return ok;
    }
    *found = false;
    if (v->part == VIEW_ITEMS) {
        if (item.type != V_TUPLE || item.list->n != 2)
            return true;
        const value *val = jinja_dict_get(j, v->dict, item.list->items[0], &ok);
        return ok && (!val || jinja_equal(j, *val, item.list->items[1], found));
    }
    for (size_t i = 0; i < v->dict->n && !*found; i++)
        if (!jinja_equal(j, v->dict->entries[i].val, item, found))
            return false;
    return true;
}

bool jinja_contains(job *j, value item, value container, bool *found)
{
    *found = false;
    bool ok = true;
    switch ((value_type)container.type) {
    case V_STRING:
        return in_string(j, item, container.s, found);
    case V_LIST:
    case V_TUPLE:
        for (size_t i = 0; i < container.list->n && !*found; i++)
            if (!jinja_equal(j, container.list->items[i], item, found))
                return false;
        return true;
    case V_DICT:
        *found = jinja_dict_get(j, container.dict, item, &ok) != NULL;
        return ok;
    case V_VIEW:
        return in_view(j, item, container.view, found);
    case V_UNDEFINED:
        return true;
    case V_RANGE:
    case V_ITER: {
        iter *it;
        value v;
        bool has = true;
        if (!jinja_iterate(j, container, &it))
            return false;
        while (!*found) {
            if (!jinja_next(j, it, &v, &has))
                return false;
            if (!has)
                return true;
            if (!jinja_equal(j, v, item, found))
                return false;
        }
        return true;
    }
    default:
        return jinja_error(j, "argument of type '%s' is not iterable", jinja_type_name(container));
    }
}

/* A bound of a slice, brought into [low, high]. */
static bool bound(job *j, value v, int64_t n, int64_t low, int64_t high, int64_t fallback, int64_t *out)
{
    int64_t i;
    *out = fallback;
    if (v.type == V_NONE)
        return true;
    if (!jinja_is_int(v, &i)) {
        if (v.type == V_BIGINT)
            i = v.s->data[0] == '-' ? INT64_MIN : INT64_MAX;
        else
            return jinja_error(j, "slice indices must be integers or None");
    }
    if (i < 0)
        i += n;
    *out = i < low ? low : i > high ? high : i;
    return true;
}

/* Every `step`-th character from `start` on, `n` of them. */
static bool slice_string(job *j, value v, int64_t start, int64_t step, int64_t n, value *out)
{
    const str *s = v.s;
    if (step == 1) {
        size_t from = (size_t)start, to = (size_t)(start + n);
        if (s->n_chars != s->len) {
            if (!jinja_charge(j, s->len / 64))
                return false;
            from = jinja_utf8_offset(s->data, s->len, from);
            to = from + jinja_utf8_offset(s->data + from, s->len - from, (size_t)n);
        }
        return jinja_substring(j, s->data + from, to - from, out);
    }
    if (!jinja_charge(j, s->n_chars / 16))
        return false;
    size_t mark = jinja_begin(j);
    const char *p = s->data + jinja_utf8_offset(s->data, s->len, (size_t)start);
    for (int64_t i = 0; i < n; i++) {
        const char *next = p;
        jinja_utf8_next(&next);
        if (!jinja_put(j, p, (size_t)(next - p)))
            return false;
        for (int64_t k = 0; i + 1 < n && k < (step < 0 ? -step : step); k++)
            step < 0 ? jinja_utf8_prev(&p) : jinja_utf8_next(&p);
    }
    return jinja_end(j, mark, out);
}

bool jinja_slice(job *j, value v, value start, value stop, value step, value *out)
{
    if (v.type == V_UNDEFINED)
        return jinja_use_undefined(j, v);
    if (!is_sequence(v) && v.type != V_RANGE)
        return jinja_error(j, "'%s' object cannot be sliced", jinja_type_name(v));
    int64_t by = 1, first, last;
    size_t len;
    if (step.type != V_NONE && !jinja_is_int(step, &by))
        return jinja_error(j, "slice indices must be integers or None");
    if (by == 0)
        return jinja_error(j, "slice step cannot be zero");
    if (by == INT64_MIN)
        by++;
    if (!jinja_length(j, v, &len))
        return false;
    int64_t n = (int64_t)len, low = by > 0 ? 0 : -1, high = by > 0 ? n : n - 1;
    if (!bound(j, start, n, low, high, by > 0 ? 0 : n - 1, &first) ||
        !bound(j, stop, n, low, high, by > 0 ? n : -1, &last))
        return false;
    int64_t count =
        by > 0 ? (last > first ? (last - first - 1) / by + 1 : 0) : (first > last ? (first - last - 1) / -by + 1 : 0);
    if (v.type == V_RANGE) {
        range *r = jinja_alloc(j, sizeof *r);
        if (!r)
            return false;
        const range *of = v.range;
        if (__builtin_mul_overflow(of->step, by, &r->step))
            return overflow(j);
        r->n = count;
        r->start = of->start + first * of->step;
        r->stop = of->start + last * of->step;
        *out = (value){ .type = V_RANGE, .range = r };
        return true;
    }
    if (v.type == V_STRING) {
        if (count == 0)
            first = 0;
        if (!slice_string(j, v, first, count ? by : 1, count, out))
            return false;
        out->markup = v.markup;
        return true;
    }
    list *l = jinja_charge(j, (size_t)count / 16) ? jinja_list_new(j, (size_t)count) : NULL;
    if (!l)
        return false;
    for (int64_t i = 0; i < count; i++)
        l->items[l->n++] = v.list->items[first + i * by];
    *out = (value){ .type = v.type, .list = l };
    return true;
}
