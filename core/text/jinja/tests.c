/* The tests behind `is`. */
#include <math.h>
#include <string.h>

#include "text/jinja/eval.h"

static bool remainder_is(job *j, value self, value by, int64_t wanted, value *out)
{
    value rest;
    if (!jinja_binary(j, T_MOD, self, by, &rest))
        return false;
    bool equal;
    if (!jinja_equal(j, rest, v_int(wanted), &equal))
        return false;
    *out = v_bool(equal);
    return true;
}

static bool odd(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return remainder_is(j, self, v_int(2), 1, out);
}

static bool even(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return remainder_is(j, self, v_int(2), 0, out);
}

static bool divisibleby(job *j, value self, const call_args *a, value *out)
{
    return remainder_is(j, self, a->args[0], 0, out);
}

static bool one_case(job *j, value self, const char *name, value *out)
{
    value text;
    const builtin *b = jinja_find_in(jinja_string_methods, jinja_n_string_methods, name, strlen(name));
    call_args none = { 0 };
    return jinja_to_str(j, self, &text) && b->fn(j, text, &none, out);
}

static bool lower(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return one_case(j, self, "islower", out);
}

static bool upper(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    return one_case(j, self, "isupper", out);
}

static bool sameas(job *j, value self, const call_args *a, value *out)
{
    (void)j;
    value other = a->args[0];
    bool same = self.type == other.type;
    switch ((value_type)self.type) {
    case V_NONE:
        break;
    case V_BOOL:
        same = same && self.b == other.b;
        break;
    case V_INT:
        /* Python keeps one object for each small integer. */
        same = same && self.i == other.i && self.i >= -5 && self.i <= 256;
        break;
    case V_UNDEFINED:
        same = same && self.undefined == other.undefined;
        break;
    default:
        same = same && self.dict == other.dict; /* whichever pointer it is */
        break;
    }
    *out = v_bool(same);
    return true;
}

static bool contained(job *j, value self, const call_args *a, value *out)
{
    bool found;
    if (!jinja_contains(j, self, a->args[0], &found))
        return false;
    *out = v_bool(found);
    return true;
}

static bool is_name(job *j, value v)
{
    return (v.type != V_LIST && v.type != V_DICT) || jinja_error(j, "unhashable type: '%s'", jinja_type_name(v));
}

static bool is_filter(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    if (!is_name(j, self))
        return false;
    *out = v_bool(self.type == V_STRING && jinja_find_filter(self.s));
    return true;
}

static bool is_test(job *j, value self, const call_args *a, value *out)
{
    (void)a;
    if (!is_name(j, self))
        return false;
    *out = v_bool(self.type == V_STRING && jinja_find_test(self.s));
    return true;
}

static bool is_number(value v)
{
    return v.type == V_BOOL || v.type == V_INT || v.type == V_BIGINT || v.type == V_FLOAT;
}

/* Tests that look at the value alone. */
#define TEST(name, condition)                                                                                          \
    static bool name(job *j, value v, const call_args *a, value *out)                                                  \
    {                                                                                                                  \
        (void)j;                                                                                                       \
        (void)a;                                                                                                       \
        *out = v_bool(condition);                                                                                      \
        return true;                                                                                                   \
    }
TEST(is_boolean, v.type == V_BOOL)
TEST(is_callable, v.type == V_FUNCTION || v.type == V_METHOD || v.type == V_MACRO || v.type == V_LOOP ||
                      v.type == V_JOINER || v.type == V_UNDEFINED)
TEST(is_defined, v.type != V_UNDEFINED)
TEST(is_escaped, v.markup)
TEST(is_false, v.type == V_BOOL && !v.b)
TEST(is_float, v.type == V_FLOAT)
TEST(is_integer, v.type == V_INT || v.type == V_BIGINT)
TEST(is_iterable, v.type == V_UNDEFINED || (v.type >= V_STRING && v.type <= V_ITER) || v.type == V_LOOP)
TEST(is_mapping, v.type == V_DICT)
TEST(is_none, v.type == V_NONE)
TEST(is_number_test, is_number(v))
TEST(is_sequence, v.type == V_UNDEFINED || v.type == V_STRING || v.type == V_LIST || v.type == V_TUPLE ||
                      v.type == V_DICT || v.type == V_RANGE)
TEST(is_string, v.type == V_STRING)
TEST(is_true, v.type == V_BOOL && v.b)
TEST(is_undefined, v.type == V_UNDEFINED)

static bool equal(job *j, value self, const call_args *a, value *out)
{
    bool result;
    if (!jinja_equal(j, self, a->args[0], &result))
        return false;
    *out = v_bool(result);
    return true;
}

static bool not_equal(job *j, value self, const call_args *a, value *out)
{
    if (!equal(j, self, a, out))
        return false;
    out->b = !out->b;
    return true;
}

#define ORDER(name, op, condition)                                                                                     \
    static bool name(job *j, value self, const call_args *a, value *out)                                               \
    {                                                                                                                  \
        int order;                                                                                                     \
        bool unordered;                                                                                                \
        if (!jinja_compare(j, self, a->args[0], op, &order, &unordered))                                               \
            return false;                                                                                              \
        *out = v_bool(!unordered && (condition));                                                                      \
        return true;                                                                                                   \
    }
ORDER(less, "<", order < 0)
ORDER(less_equal, "<=", order <= 0)
ORDER(greater, ">", order > 0)
ORDER(greater_equal, ">=", order >= 0)

static const builtin tests[] = {
    { "!=", "/other", 1, not_equal },
    { "<", "/other", 1, less },
    { "<=", "/other", 1, less_equal },
    { "==", "/other", 1, equal },
    { ">", "/other", 1, greater },
    { ">=", "/other", 1, greater_equal },
    { "boolean", "", 0, is_boolean },
    { "callable", "", 0, is_callable },
    { "defined", "", 0, is_defined },
    { "divisibleby", "num", 1, divisibleby },
    { "eq", "/other", 1, equal },
    { "equalto", "/other", 1, equal },
    { "escaped", "", 0, is_escaped },
    { "even", "", 0, even },
    { "false", "", 0, is_false },
    { "filter", "", 0, is_filter },
    { "float", "", 0, is_float },
    { "ge", "/other", 1, greater_equal },
    { "greaterthan", "/other", 1, greater },
    { "gt", "/other", 1, greater },
    { "in", "seq", 1, contained },
    { "integer", "", 0, is_integer },
    { "iterable", "", 0, is_iterable },
    { "le", "/other", 1, less_equal },
    { "lessthan", "/other", 1, less },
    { "lower", "", 0, lower },
    { "lt", "/other", 1, less },
    { "mapping", "", 0, is_mapping },
    { "ne", "/other", 1, not_equal },
    { "none", "", 0, is_none },
    { "number", "", 0, is_number_test },
    { "odd", "", 0, odd },
    { "sameas", "other", 1, sameas },
    { "sequence", "", 0, is_sequence },
    { "string", "", 0, is_string },
    { "test", "", 0, is_test },
    { "true", "", 0, is_true },
    { "undefined", "", 0, is_undefined },
    { "upper", "", 0, upper },
};

const builtin *jinja_find_test(const str *name)
{
    return jinja_find_in(tests, sizeof tests / sizeof *tests, name->data, name->len);
}
