/* Running statements: output, scopes, loops, macros. */
#include "text/jinja/eval.h"

#include <string.h>

static value *slot(activation *act, var_ref ref)
{
    for (uint32_t i = 0; i < ref.hops; i++)
        act = act->outer;
    return &act->slots[ref.slot];
}

activation *jinja_new_activation(job *j, activation *outer, const function *f)
{
    activation *act = jinja_alloc(j, sizeof *act);
    if (!act || !(act->slots = jinja_array(j, f->n_slots, sizeof *act->slots)))
        return NULL;
    act->outer = outer;
    return act;
}

static value lookup(job *j, const str *name)
{
    const value *v = jinja_dict_find(j, j->exported, name->data, name->len);
    if (!v)
        v = jinja_dict_find(j, j->context, name->data, name->len);
    value global = { 0 };
    if (!v)
        jinja_global(name->data, name->len, &global);
    return v ? *v : global;
}

void jinja_enter_scope(job *j, activation *act, const scope *s)
{
    for (size_t i = 0; i < s->n_loads; i++) {
        const scope_load *l = &s->loads[i];
        if (l->kind == LOAD_RESOLVE)
            act->slots[l->slot] = lookup(j, l->name);
        else if (l->kind == LOAD_ALIAS)
            act->slots[l->slot] = *slot(act, l->outer);
        else if (l->kind == LOAD_UNDEFINED)
            act->slots[l->slot] = (value){ 0 };
    }
}

static void leave_scope(activation *act, const scope *s)
{
    for (size_t i = 0; i < s->n_loads; i++)
        act->slots[s->loads[i].slot] = (value){ 0 };
}

static bool assign_tuple(job *j, activation *act, const node *target, value v)
{
    list *parts;
    if (!jinja_to_list(j, v, &parts))
        return false;
    if (parts->n != target->list.n)
        return jinja_error(j, "cannot unpack %zu values into %zu names", parts->n, target->list.n);
    for (size_t i = 0; i < parts->n; i++)
        if (!jinja_assign(j, act, target->list.items[i], parts->items[i]))
            return false;
    return true;
}

bool jinja_assign(job *j, activation *act, const node *target, value v)
{
    j->line = target->line;
    if (target->kind == N_NAME) {
        *slot(act, target->var) = v;
        return !target->export || jinja_dict_set(j, j->exported, v_str(target->name), v);
    }
    if (target->kind == N_NSREF) {
        value ns = *slot(act, target->var);
        if (ns.type != V_NAMESPACE)
            return jinja_error(j, "cannot assign an attribute of something that is no namespace");
        if (target->attr->len > 0 && target->attr->data[0] == '_')
            return jinja_error(j, "an attribute of a namespace must not begin with an underscore");
        return jinja_dict_set(j, ns.dict, v_str(target->attr), v);
    }
    if (!jinja_enter(j))
        return false;
    bool ok = assign_tuple(j, act, target, v);
    j->depth--;
    return ok;
}

/* --- loops --- */

/* The rounds of a loop over `iterable`, in `act`, where the body's scope has its slots. `filter_act` is where the loop
 * is written: its filter sees those variables. */
static flow run_loop(job *j, activation *act, activation *filter_act, const node *n, value iterable, int64_t depth0)
{
    const for_info *info = n->for_;
    loop *l = jinja_alloc(j, sizeof *l);
    if (!l)
        return FLOW_ERROR;
    *l = (loop){ .iterable = iterable, .index0 = -1, .depth0 = depth0 };
    if (info->recursive) {
        l->recursive = n;
        l->closure = filter_act;
    }
    if (n->c) {
        activation *test = jinja_new_activation(j, filter_act, info->test_function);
        if (!test || !jinja_iter_loop_filter(j, iterable, n, test, &l->iter))
            return FLOW_ERROR;
        l->iterable = (value){ .type = V_ITER, .iter = l->iter };
    } else if (!jinja_iterate(j, iterable, &l->iter)) {
        return FLOW_ERROR;
    }
    bool completed = false;
    for (;;) {
        value item;
        bool has;
        j->line = n->line;
        if (!jinja_loop_next(j, l, &item, &has))
            return FLOW_ERROR;
        if (!has)
            break;
        if (!jinja_charge(j, info->body.n_loads / 2))
            return FLOW_ERROR;
        jinja_enter_scope(j, act, &info->body);
        if (info->uses_loop)
            *slot(act, info->loop_var) = (value){ .type = V_LOOP, .loop = l };
        if (!jinja_assign(j, act, n->a, item))
            return FLOW_ERROR;
        flow f = jinja_exec(j, act, &n->body);
        if (f == FLOW_ERROR)
            return f;
        if (f == FLOW_BREAK)
            break;
        completed = completed || f == FLOW_NEXT;
    }
    leave_scope(act, &info->body);
    /* As in jinja2, `else` runs when no round came to its end, `break` and `continue` included. */
    if (completed || !n->orelse.n)
        return FLOW_NEXT;
    jinja_enter_scope(j, act, &info->orelse);
    return jinja_exec(j, act, &n->orelse);
}

static flow exec_for(job *j, activation *act, const node *n)
{
    value iterable;
    if (!jinja_eval(j, act, n->b, &iterable))
        return FLOW_ERROR;
    if (!n->for_->recursive)
        return run_loop(j, act, act, n, iterable, 0);
    activation *own = jinja_new_activation(j, act, n->for_->function);
    return own ? run_loop(j, own, act, n, iterable, 0) : FLOW_ERROR;
}

bool jinja_call_loop(job *j, loop *l, value iterable, value *out)
{
    if (!l->recursive)
        return jinja_error(j, "the loop must be marked 'recursive' to be called");
    activation *own = jinja_new_activation(j, l->closure, l->recursive->for_->function);
    size_t mark = jinja_begin(j);
    return own && run_loop(j, own, l->closure, l->recursive, iterable, l->depth0 + 1) != FLOW_ERROR &&
           jinja_end(j, mark, out);
}

/* --- macros --- */

static bool take_keyword(const call_args *a, bool *taken, const str *name, value *out)
{
    for (size_t i = 0; i < a->n_kw; i++)
        if (!taken[i] && a->kw_names[i]->len == name->len && memcmp(a->kw_names[i]->data, name->data, name->len) == 0) {
            taken[i] = true;
            *out = a->kw_values[i];
            return true;
        }
    return false;
}

static bool bind_rest(job *j, activation *act, const macro_def *def, const call_args *a, const bool *taken)
{
    dict *kwargs = jinja_dict_new(j);
    if (!kwargs)
        return false;
    for (size_t i = 0; i < a->n_kw; i++) {
        if (taken[i])
            continue;
        if (!def->uses_kwargs)
            return jinja_error(j, "the macro takes no keyword argument '%.*s'",
                               a->kw_names[i]->len > 64 ? 64 : (int)a->kw_names[i]->len, a->kw_names[i]->data);
        if (!jinja_dict_set(j, kwargs, v_str(a->kw_names[i]), a->kw_values[i]))
            return false;
    }
    if (def->uses_kwargs)
        *slot(act, def->kwargs) = v_dict(kwargs);
    list *varargs = jinja_list_new(j, 0);
    if (!varargs)
        return false;
    for (size_t i = def->params.n; i < a->n; i++)
        if (!jinja_list_add(j, varargs, a->args[i]))
            return false;
    if (varargs->n && !def->uses_varargs)
        return jinja_error(j, "the macro takes not more than %zu arguments", def->params.n);
    if (def->uses_varargs)
        *slot(act, def->varargs) = v_tuple(varargs);
    return true;
}

static bool bind_macro(job *j, activation *act, const macro_def *def, const call_args *a)
{
    bool *taken = jinja_array(j, a->n_kw, sizeof *taken);
    if (!taken || !jinja_charge(j, a->n_kw * def->params.n))
        return false;
    for (size_t i = 0; i < def->params.n; i++) {
        value v = { 0 };
        if (i < a->n)
            v = a->args[i];
        else
            take_keyword(a, taken, def->params.items[i]->name, &v);
        *slot(act, def->params.items[i]->var) = v;
    }
    if (def->uses_caller && !def->has_caller_param) {
        static const str name = { "caller", 6, 6 };
        value caller;
        if ((!take_keyword(a, taken, &name, &caller) || caller.type == V_NONE) &&
            !jinja_undefined_hint(j, "No caller defined", &caller))
            return false;
        *slot(act, def->caller) = caller;
    }
    if (!bind_rest(j, act, def, a, taken))
        return false;
    size_t first_default = def->params.n - def->defaults.n;
    for (size_t i = 0; i < def->params.n; i++) {
        value *v = slot(act, def->params.items[i]->var), fallback;
        if (v->type != V_MISSING)
            continue;
        if (i < first_default ? !jinja_undefined_hint(j, "a parameter was not provided", &fallback)
                              : !jinja_eval(j, act, def->defaults.items[i - first_default], &fallback))
            return false;
        *v = fallback;
    }
    return true;
}

bool jinja_call_macro(job *j, const macro *m, const call_args *a, value *out)
{
    activation *act = jinja_new_activation(j, m->closure, &m->def->function);
    if (!act || !jinja_charge(j, m->def->scope.n_loads / 2))
        return false;
    jinja_enter_scope(j, act, &m->def->scope);
    size_t mark = jinja_begin(j);
    return bind_macro(j, act, m->def, a) && jinja_exec(j, act, &m->body->body) != FLOW_ERROR && jinja_end(j, mark, out);
}

static bool make_macro(job *j, activation *act, const node *n, value *out)
{
    macro *m = jinja_alloc(j, sizeof *m);
    if (!m)
        return false;
    *m = (macro){ n->macro, n, act };
    *out = (value){ .type = V_MACRO, .macro = m };
    return true;
}

/* What a statement puts out without str() around it. */
static bool put_result(job *j, value v)
{
    if (v.type == V_STRING)
        return jinja_put_str(j, v.s);
    return jinja_error(j, "the block's result must be a string, not '%s'", jinja_type_name(v));
}

static bool exec_call_block(job *j, activation *act, const node *n)
{
    static const str caller_name = { "caller", 6, 6 };
    value caller, callee, result;
    call_args args = { 0 };
    if (!make_macro(j, act, n, &caller))
        return false;
    if (!n->b) /* generation */
        return jinja_call_macro(j, caller.macro, &args, &result) && jinja_put_value(j, result);
    if (!jinja_eval(j, act, n->b->a, &callee) || !jinja_eval_args(j, act, n->b->args, &args))
        return false;
    const str **names = jinja_array(j, args.n_kw + 1, sizeof *names);
    value *values = jinja_array(j, args.n_kw + 1, sizeof *values);
    if (!names || !values)
        return false;
    for (size_t i = 0; i < args.n_kw; i++) {
        if (jinja_str_is(args.kw_names[i], "caller"))
            return jinja_error(j, "a call block passes 'caller' itself");
        names[i] = args.kw_names[i];
        values[i] = args.kw_values[i];
    }
    names[args.n_kw] = &caller_name;
    values[args.n_kw] = caller;
    args.kw_names = names;
    args.kw_values = values;
    args.n_kw++;
    j->line = n->b->line;
    return jinja_call(j, callee, &args, &result) && put_result(j, result);
}

/* --- statements that capture --- */

static flow exec_captured(job *j, activation *act, const node *n)
{
    size_t mark = jinja_begin(j);
    value text;
    jinja_enter_scope(j, act, n->scope);
    flow f = jinja_exec(j, act, &n->body);
    if (f == FLOW_ERROR)
        return f;
    if (f != FLOW_NEXT) {
        jinja_cut(j, mark);
        return f;
    }
    if (!jinja_end(j, mark, &text) || (n->b && !jinja_eval_filters(j, act, n->b, text, &text)))
        return FLOW_ERROR;
    bool ok = n->kind == N_SET_BLOCK ? jinja_assign(j, act, n->a, text) : put_result(j, text);
    leave_scope(act, n->scope);
    return ok ? FLOW_NEXT : FLOW_ERROR;
}

static flow exec_with(job *j, activation *act, const node *n)
{
    jinja_enter_scope(j, act, n->scope);
    for (size_t i = 0; i < n->list.n; i++) {
        value v;
        if (!jinja_eval(j, act, n->orelse.items[i], &v) || !jinja_assign(j, act, n->list.items[i], v))
            return FLOW_ERROR;
    }
    flow f = jinja_exec(j, act, &n->body);
    leave_scope(act, n->scope);
    return f;
}

static flow exec_block(job *j, const node *n)
{
    activation *act = jinja_new_activation(j, NULL, n->function);
    if (!act)
        return FLOW_ERROR;
    jinja_enter_scope(j, act, n->scope);
    return jinja_exec(j, act, &n->body);
}

static flow exec_if(job *j, activation *act, const node *n)
{
    value test;
    for (;;) {
        if (!jinja_eval(j, act, n->a, &test))
            return FLOW_ERROR;
        if (jinja_truth(j, test))
            return jinja_exec(j, act, &n->body);
        if (n->orelse.n != 1 || n->orelse.items[0]->kind != N_IF)
            return jinja_exec(j, act, &n->orelse);
        n = n->orelse.items[0];
    }
}

static bool exec_print(job *j, activation *act, const node *n)
{
    value v;
    return jinja_eval(j, act, n->a, &v) && jinja_put_value(j, v);
}

static flow exec_statement(job *j, activation *act, const node *n)
{
    value v;
    bool ok = true;
    switch ((node_kind)n->kind) {
    case N_DATA:
        ok = jinja_put_str(j, n->constant.s);
        break;
    case N_PRINT:
        ok = exec_print(j, act, n);
        break;
    case N_IF:
        return exec_if(j, act, n);
    case N_FOR:
        return exec_for(j, act, n);
    case N_SET:
        ok = jinja_eval(j, act, n->b, &v) && jinja_assign(j, act, n->a, v);
        break;
    case N_SET_BLOCK:
    case N_FILTER_BLOCK:
        return exec_captured(j, act, n);
    case N_WITH:
        return exec_with(j, act, n);
    case N_MACRO:
        ok = make_macro(j, act, n, &v) && jinja_assign(j, act, n->a, v);
        break;
    case N_CALL_BLOCK:
        ok = exec_call_block(j, act, n);
        break;
    case N_BLOCK:
        return exec_block(j, n);
    case N_BREAK:
        return FLOW_BREAK;
    case N_CONTINUE:
        return FLOW_CONTINUE;
    default:
        ok = jinja_fail(j, BORA_UNSUPPORTED, "'%.*s' needs other templates, and there are none", (int)n->name->len,
                        n->name->data);
        break;
    }
    return ok ? FLOW_NEXT : FLOW_ERROR;
}

flow jinja_exec(job *j, activation *act, const node_list *body)
{
    if (!jinja_enter(j))
        return FLOW_ERROR;
    flow f = FLOW_NEXT;
    for (size_t i = 0; i < body->n && f == FLOW_NEXT; i++) {
        j->line = body->items[i]->line;
        f = jinja_charge(j, 1) ? exec_statement(j, act, body->items[i]) : FLOW_ERROR;
    }
    j->depth--;
    return f;
}

bool jinja_run(job *j)
{
    const program *p = j->program;
    activation *act = jinja_new_activation(j, NULL, &p->function);
    if (!act)
        return false;
    jinja_enter_scope(j, act, &p->scope);
    return jinja_exec(j, act, &p->body) != FLOW_ERROR;
}
