/* Evaluating expressions. */
#include "text/jinja/eval.h"

#include <string.h>

static value *slot(activation *act, var_ref ref)
{
    for (uint32_t i = 0; i < ref.hops; i++)
        act = act->outer;
    return &act->slots[ref.slot];
}

static bool eval_list(job *j, activation *act, const node_list *nodes, list **out)
{
    list *l = jinja_list_new(j, nodes->n);
    if (!l)
        return false;
    for (size_t i = 0; i < nodes->n; i++)
        if (!jinja_eval(j, act, nodes->items[i], &l->items[l->n++]))
            return false;
    *out = l;
    return true;
}

static bool eval_dict(job *j, activation *act, const node *n, value *out)
{
    dict *d = jinja_dict_new(j);
    if (!d)
        return false;
    for (size_t i = 0; i < n->list.n; i++) {
        value key, val;
        if (!jinja_eval(j, act, n->list.items[i], &key) || !jinja_eval(j, act, n->orelse.items[i], &val) ||
            !jinja_dict_set(j, d, key, val))
            return false;
    }
    *out = v_dict(d);
    return true;
}

static bool compare(job *j, int op, value a, value b, bool *result)
{
    static const char *const names[] = { [T_LT] = "<", [T_LE] = "<=", [T_GT] = ">", [T_GE] = ">=" };
    bool unordered;
    int order;
    switch (op) {
    case T_EQ:
        return jinja_equal(j, a, b, result);
    case T_NE:
        if (!jinja_equal(j, a, b, result))
            return false;
        *result = !*result;
        return true;
    case OP_IN:
        return jinja_contains(j, a, b, result);
    case OP_NOT_IN:
        if (!jinja_contains(j, a, b, result))
            return false;
        *result = !*result;
        return true;
    default:
        if (!jinja_compare(j, a, b, names[op], &order, &unordered))
            return false;
        *result = !unordered && (op == T_LT   ? order < 0
                                 : op == T_LE ? order <= 0
                                 : op == T_GT ? order > 0
                                              : order >= 0);
        return true;
    }
}

static bool eval_compare(job *j, activation *act, const node *n, value *out)
{
    value left, right;
    bool result = true;
    if (!jinja_eval(j, act, n->a, &left))
        return false;
    for (size_t i = 0; i < n->list.n && result; i++) {
        const node *operand = n->list.items[i];
        if (!jinja_eval(j, act, operand->a, &right))
            return false;
        j->line = operand->line;
        if (!compare(j, operand->op, left, right, &result))
            return false;
        left = right;
    }
    *out = v_bool(result);
    return true;
}

static bool eval_concat(job *j, activation *act, const node *n, value *out)
{
    /* All operands first: what they print on their way must not come between. */
    list *parts;
    if (!eval_list(j, act, &n->list, &parts))
        return false;
    size_t mark = jinja_begin(j);
    for (size_t i = 0; i < parts->n; i++)
        if (!jinja_put_value(j, parts->items[i]))
            return false;
    return jinja_end(j, mark, out);
}

static bool eval_slice(job *j, activation *act, const node *n, value *out)
{
    value object, parts[3] = { v_none(), v_none(), v_none() };
    if (!jinja_eval(j, act, n->a, &object))
        return false;
    for (size_t i = 0; i < 3; i++)
        if (n->list.items[i] && !jinja_eval(j, act, n->list.items[i], &parts[i]))
            return false;
    j->line = n->line;
    return jinja_slice(j, object, parts[0], parts[1], parts[2], out);
}

/* **kwargs after the written ones. */
static bool add_kwargs(job *j, value more, call_args *out)
{
    if (more.type != V_DICT)
        return jinja_error(j, "the argument after ** must be a mapping, not %s", jinja_type_name(more));
    const dict *d = more.dict;
    size_t n = out->n_kw + d->n;
    const str **names = jinja_array(j, n, sizeof *names);
    value *values = jinja_array(j, n, sizeof *values);
    if (!names || !values)
        return false;
    for (size_t i = 0; i < out->n_kw; i++) {
        names[i] = out->kw_names[i];
        values[i] = out->kw_values[i];
    }
    for (size_t i = 0; i < d->n; i++) {
        const dict_entry *e = &d->entries[i];
        if (e->key.type != V_STRING)
            return jinja_error(j, "keywords must be strings");
        if (!jinja_charge(j, out->n_kw))
            return false;
        for (size_t k = 0; k < out->n_kw; k++)
            if (names[k]->len == e->key.s->len && memcmp(names[k]->data, e->key.s->data, names[k]->len) == 0)
                return jinja_error(j, "got multiple values for a keyword argument");
        names[out->n_kw + i] = e->key.s;
        values[out->n_kw + i] = e->val;
    }
    out->kw_names = names;
    out->kw_values = values;
    out->n_kw = n;
    return true;
}

bool jinja_eval_args(job *j, activation *act, const arguments *a, call_args *out)
{
    *out = (call_args){ 0 };
    if (!a->args.n && !a->kw_values.n && !a->dyn_args && !a->dyn_kwargs)
        return true;
    list *positional, *keywords, *more;
    value v;
    if (!eval_list(j, act, &a->args, &positional) || !eval_list(j, act, &a->kw_values, &keywords))
        return false;
    if (a->dyn_args) {
        if (!jinja_eval(j, act, a->dyn_args, &v) || !jinja_to_list(j, v, &more))
            return false;
        for (size_t i = 0; i < more->n; i++)
            if (!jinja_list_add(j, positional, more->items[i]))
                return false;
    }
    *out = (call_args){ positional->items, positional->n, a->kw_names, keywords->items, keywords->n };
    return !a->dyn_kwargs || (jinja_eval(j, act, a->dyn_kwargs, &v) && add_kwargs(j, v, out));
}

static bool eval_builtin(job *j, activation *act, const node *n, value self, value *out)
{
    if (!n->builtin)
        return jinja_error(j, "there is no %s '%.*s'", n->kind == N_FILTER ? "filter" : "test",
                           n->name->len > 64 ? 64 : (int)n->name->len, n->name->data);
    call_args args;
    if (!jinja_eval_args(j, act, n->args, &args))
        return false;
    j->line = n->line;
    return jinja_call_builtin(j, n->builtin, self, &args, out);
}

bool jinja_eval_filters(job *j, activation *act, const node *filters, value captured, value *out)
{
    if (!jinja_enter(j))
        return false;
    value inner = captured;
    bool ok = (!filters->a || jinja_eval_filters(j, act, filters->a, captured, &inner)) &&
              eval_builtin(j, act, filters, inner, out);
    j->depth--;
    return ok;
}

static bool eval_call(job *j, activation *act, const node *n, value *out)
{
    value callee;
    call_args args;
    if (!jinja_eval(j, act, n->a, &callee) || !jinja_eval_args(j, act, n->args, &args))
        return false;
    j->line = n->line;
    return jinja_call(j, callee, &args, out);
}

static bool eval_logic(job *j, activation *act, const node *n, value *out)
{
    value v, other;
    switch ((node_kind)n->kind) {
    case N_NOT:
        if (!jinja_eval(j, act, n->a, &v))
            return false;
        *out = v_bool(!jinja_truth(j, v));
        return true;
    case N_AND:
    case N_OR:
        if (!jinja_eval(j, act, n->a, out))
            return false;
        return jinja_truth(j, *out) == (n->kind == N_OR) || jinja_eval(j, act, n->b, out);
    case N_COND:
        if (!jinja_eval(j, act, n->b, &v))
            return false;
        if (jinja_truth(j, v))
            return jinja_eval(j, act, n->a, out);
        if (n->c)
            return jinja_eval(j, act, n->c, out);
        return jinja_undefined_hint(j, "the inline if-expression was false and has no else", out);
    default:
        if (!jinja_eval(j, act, n->a, &v) || !jinja_eval(j, act, n->b, &other))
            return false;
        j->line = n->line;
        return jinja_binary(j, n->op, v, other, out);
    }
}

static bool eval_member(job *j, activation *act, const node *n, value *out)
{
    value object, key;
    if (!jinja_eval(j, act, n->a, &object) || (n->kind == N_GETITEM && !jinja_eval(j, act, n->b, &key)))
        return false;
    j->line = n->line;
    return n->kind == N_GETITEM ? jinja_getitem(j, object, key, out) : jinja_getattr(j, object, n->name, out);
}

static bool eval_node(job *j, activation *act, const node *n, value *out)
{
    list *l;
    value v;
    switch ((node_kind)n->kind) {
    case N_CONST:
        *out = n->constant;
        return true;
    case N_NAME:
        *out = *slot(act, n->var);
        return out->type != V_MISSING || jinja_undefined_name(j, n->name, out);
    case N_TUPLE:
    case N_LIST:
        if (!eval_list(j, act, &n->list, &l))
            return false;
        *out = n->kind == N_LIST ? v_list(l) : v_tuple(l);
        return true;
    case N_DICT:
        return eval_dict(j, act, n, out);
    case N_BINARY:
    case N_AND:
    case N_OR:
    case N_NOT:
    case N_COND:
        return eval_logic(j, act, n, out);
    case N_NEGATE:
    case N_PLUS:
        if (!jinja_eval(j, act, n->a, &v))
            return false;
        j->line = n->line;
        return n->kind == N_NEGATE ? jinja_negate(j, v, out) : jinja_binary(j, T_ADD, v_int(0), v, out);
    case N_COMPARE:
        return eval_compare(j, act, n, out);
    case N_CONCAT:
        return eval_concat(j, act, n, out);
    case N_GETATTR:
    case N_GETITEM:
        return eval_member(j, act, n, out);
    case N_SLICE:
        return eval_slice(j, act, n, out);
    case N_CALL:
        return eval_call(j, act, n, out);
    case N_FILTER:
    case N_TEST:
        return jinja_eval(j, act, n->a, &v) && eval_builtin(j, act, n, v, out);
    default:
        return jinja_fail(j, BORA_INTERNAL, "an expression of unknown kind");
    }
}

bool jinja_eval(job *j, activation *act, const node *n, value *out)
{
    if (!jinja_enter(j) || !jinja_charge(j, 1))
        return false;
    j->line = n->line;
    bool ok = eval_node(j, act, n, out);
    j->depth--;
    return ok;
}
