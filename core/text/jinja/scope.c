/* Variables to slots.
 *
 * jinja2 compiles a template to Python functions and decides beforehand, scope by scope, where each variable comes
 * from. That is visible in what templates print: a name that a scope assigns anywhere is that scope's own from its
 * first line on, starting as a copy of the outer one, as undefined, or (when only a branch of an `if` assigns it) as
 * what the context says. So the same is decided here: first the names of a scope, in order, then the expressions and
 * inner scopes with all those names known. */
#include <string.h>

#include "text/jinja/ast.h"

typedef struct symbol {
    const str *name;
    load_kind kind;
    bool stored;
    var_ref outer;
} symbol;

/* A scope that is being worked out. */
typedef struct frame frame;
struct frame {
    frame *parent;
    function *function;
    bool toplevel;  /* of the template, where assignments are exported */
    bool soft;      /* in a branch: an unknown filter is an error only when it is reached */
    int for_depth;  /* inside how many loops, for the name `loop` */
    bool can_break; /* inside a loop of the same function */
    dict *index;    /* name to number in symbols */
    symbol *symbols;
    size_t n, cap;
    uint32_t first_slot;
};

typedef struct resolver {
    job *j;
    program *program;
} resolver;

static symbol *own(const frame *f, const str *name)
{
    const value *v = jinja_dict_find(NULL, f->index, name->data, name->len);
    return v ? &f->symbols[v->i] : NULL;
}

/* Where a name is found from frame `f` on outward. */
static bool find(const frame *f, const str *name, var_ref *out)
{
    uint32_t hops = 0;
    for (; f; f = f->parent) {
        symbol *s = own(f, name);
        if (s) {
            *out = (var_ref){ hops, f->first_slot + (uint32_t)(s - f->symbols) };
            return true;
        }
        if (f->parent && f->parent->function != f->function)
            hops++;
    }
    return false;
}

static symbol *define(resolver *r, frame *f, const str *name, load_kind kind)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 8;
        symbol *symbols = jinja_array(r->j, cap, sizeof *symbols);
        if (!symbols)
            return NULL;
        if (f->n)
            memcpy(symbols, f->symbols, f->n * sizeof *symbols);
        f->symbols = symbols;
        f->cap = cap;
    }
    if (!jinja_dict_set(r->j, f->index, v_str(name), v_int((int64_t)f->n)))
        return NULL;
    f->symbols[f->n] = (symbol){ .name = name, .kind = kind };
    return &f->symbols[f->n++];
}

static bool load(resolver *r, frame *f, const str *name)
{
    var_ref ref;
    return find(f, name, &ref) || define(r, f, name, LOAD_RESOLVE);
}

static bool parameter(resolver *r, frame *f, const str *name)
{
    symbol *s = own(f, name);
    if (!s)
        s = define(r, f, name, LOAD_PARAMETER);
    if (!s)
        return false;
    s->kind = LOAD_PARAMETER;
    s->stored = true;
    return true;
}

static bool store(resolver *r, frame *f, const str *name, bool in_branch)
{
    symbol *s = own(f, name);
    if (s && (s->stored || !in_branch)) {
        s->stored = true;
        return true;
    }
    var_ref outer;
    bool has_outer = f->parent && find(f->parent, name, &outer);
    load_kind kind = has_outer ? LOAD_ALIAS : in_branch ? LOAD_RESOLVE : LOAD_UNDEFINED;
    if (!s && !(s = define(r, f, name, kind)))
        return false;
    s->kind = kind;
    s->stored = true;
    if (has_outer) {
        outer.hops += f->parent->function != f->function;
        s->outer = outer;
    }
    return true;
}

/* --- first pass: the names that a scope itself mentions --- */

static bool names_of(resolver *r, frame *f, const node *n, bool in_branch);

static bool names_of_list(resolver *r, frame *f, const node_list *l, bool in_branch)
{
    for (size_t i = 0; i < l->n; i++)
        if (!names_of(r, f, l->items[i], in_branch))
            return false;
    return true;
}

static bool names_of_args(resolver *r, frame *f, const arguments *a)
{
    return names_of_list(r, f, &a->args, false) && names_of_list(r, f, &a->kw_values, false) &&
           names_of(r, f, a->dyn_args, false) && names_of(r, f, a->dyn_kwargs, false);
}

static bool parameters_of(resolver *r, frame *f, const node *target)
{
    if (target->kind != N_TUPLE)
        return parameter(r, f, target->name);
    for (size_t i = 0; i < target->list.n; i++)
        if (!parameters_of(r, f, target->list.items[i]))
            return false;
    return true;
}

static bool names_of_statement(resolver *r, frame *f, const node *n, bool in_branch)
{
    switch ((node_kind)n->kind) {
    case N_PRINT:
        return names_of(r, f, n->a, in_branch);
    case N_IF:
        return names_of(r, f, n->a, in_branch) && names_of_list(r, f, &n->body, true) &&
               names_of_list(r, f, &n->orelse, true);
    case N_FOR:
        return names_of(r, f, n->b, in_branch);
    case N_SET:
        return names_of(r, f, n->b, in_branch) && names_of(r, f, n->a, in_branch);
    case N_SET_BLOCK:
    case N_MACRO:
        return names_of(r, f, n->a, in_branch);
    case N_CALL_BLOCK:
    case N_FILTER_BLOCK:
        return names_of(r, f, n->b, in_branch);
    case N_WITH:
        return names_of_list(r, f, &n->orelse, in_branch);
    default:
        return true;
    }
}

static bool names_of(resolver *r, frame *f, const node *n, bool in_branch)
{
    if (!n)
        return true;
    if (!jinja_enter(r->j))
        return false;
    r->j->line = n->line;
    bool ok;
    if (n->kind < N_CONST)
        ok = names_of_statement(r, f, n, in_branch);
    else if (n->kind == N_NAME && n->target)
        ok = store(r, f, n->name, in_branch);
    else if (n->kind == N_NAME || n->kind == N_NSREF)
        ok = load(r, f, n->name);
    else
        ok = names_of(r, f, n->a, in_branch) && names_of(r, f, n->b, in_branch) && names_of(r, f, n->c, in_branch) &&
             names_of_list(r, f, &n->list, in_branch) && names_of_list(r, f, &n->orelse, in_branch) &&
             ((n->kind != N_CALL && n->kind != N_FILTER && n->kind != N_TEST) || names_of_args(r, f, n->args));
    r->j->depth--;
    return ok;
}

/* --- is a name used before it is assigned, anywhere inside? --- */

typedef struct search {
    job *j;
    const char *name;
    bool used, assigned;
    bool failed;
} search;

static void search_node(search *s, const node *n);

static void search_list(search *s, const node_list *l)
{
    for (size_t i = 0; i < l->n && !s->used && !s->assigned; i++)
        search_node(s, l->items[i]);
}

static void search_children(search *s, const node *n)
{
    switch ((node_kind)n->kind) {
    case N_FOR:
        search_node(s, n->a);
        search_node(s, n->b);
        search_list(s, &n->body);
        search_list(s, &n->orelse);
        search_node(s, n->c);
        return;
    case N_FILTER_BLOCK:
        search_list(s, &n->body);
        search_node(s, n->b);
        return;
    case N_MACRO: /* its name is no variable that is looked at */
    case N_CALL_BLOCK:
        search_node(s, n->b);
        search_list(s, &n->macro->params);
        search_list(s, &n->macro->defaults);
        search_list(s, &n->body);
        return;
    case N_COND:
        search_node(s, n->b);
        search_node(s, n->a);
        search_node(s, n->c);
        return;
    case N_BLOCK:
        return;
    default:
        search_node(s, n->a);
        search_node(s, n->b);
        search_node(s, n->c);
        search_list(s, &n->list);
        if (n->kind == N_CALL || n->kind == N_FILTER || n->kind == N_TEST) {
            search_list(s, &n->args->args);
            search_list(s, &n->args->kw_values);
            search_node(s, n->args->dyn_args);
            search_node(s, n->args->dyn_kwargs);
        }
        if (n->kind == N_WITH) {
            search_list(s, &n->orelse);
            search_list(s, &n->body);
        } else {
            search_list(s, &n->body);
            search_list(s, &n->orelse);
        }
    }
}

static void search_node(search *s, const node *n)
{
    if (!n || s->used || s->assigned || s->failed)
        return;
    if (!jinja_enter(s->j) || !jinja_charge(s->j, 1)) {
        s->failed = true;
        return;
    }
    if (n->kind == N_NAME && jinja_str_is(n->name, s->name))
        *(n->target ? &s->assigned : &s->used) = true;
    else if (n->kind != N_NSREF)
        search_children(s, n);
    s->j->depth--;
}

static bool is_used(resolver *r, const node_list *body, const char *name, bool *used)
{
    search s = { .j = r->j, .name = name };
    search_list(&s, body);
    *used = s.used;
    return !s.failed;
}

/* --- second pass: slots for everything --- */

static bool resolve_list(resolver *r, frame *f, const node_list *l);

static frame inner(const frame *parent, function *of)
{
    return (frame){ .parent = (frame *)parent,
                    .function = of,
                    .for_depth = parent->for_depth,
                    .can_break = parent->can_break && of == parent->function };
}

static bool begin(resolver *r, frame *f)
{
    f->index = jinja_dict_new(r->j);
    return f->index != NULL;
}

/* All names of the scope are known: they get their slots. */
static bool settle(resolver *r, frame *f, scope *out)
{
    f->first_slot = out->first_slot = f->function->n_slots;
    f->function->n_slots += (uint32_t)f->n;
    out->n_loads = f->n;
    out->loads = jinja_array(r->j, f->n, sizeof *out->loads);
    if (!out->loads)
        return false;
    for (size_t i = 0; i < f->n; i++)
        out->loads[i] =
            (scope_load){ f->symbols[i].kind, f->first_slot + (uint32_t)i, f->symbols[i].outer, f->symbols[i].name };
    return true;
}

static bool resolve(resolver *r, frame *f, node *n);

static bool resolve_args(resolver *r, frame *f, const arguments *a)
{
    return resolve_list(r, f, &a->args) && resolve_list(r, f, &a->kw_values) && resolve(r, f, a->dyn_args) &&
           resolve(r, f, a->dyn_kwargs);
}

static bool resolve_name(resolver *r, frame *f, node *n)
{
    if (n->kind == N_NAME && n->target) {
        n->export = f->toplevel && r->program->blocks.n > 0;
        if (f->for_depth > 0 && jinja_str_is(n->name, "loop"))
            return jinja_error(r->j, "cannot assign to the special variable 'loop' inside a loop");
    }
    if (!find(f, n->name, &n->var))
        return jinja_fail(r->j, BORA_INTERNAL, "a name has no scope");
    return true;
}

static bool resolve_branch(resolver *r, frame *f, const node_list *body)
{
    bool soft = f->soft;
    f->soft = true;
    bool ok = resolve_list(r, f, body);
    f->soft = soft;
    return ok;
}

static node *copy_target(resolver *r, const node *n)
{
    node *copy = jinja_alloc(r->j, sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *n;
    if (n->list.n) {
        copy->list.items = jinja_array(r->j, n->list.n, sizeof(node *));
        if (!copy->list.items)
            return NULL;
        for (size_t i = 0; i < n->list.n; i++)
            if (!(copy->list.items[i] = copy_target(r, n->list.items[i])))
                return NULL;
    }
    return copy;
}

static bool resolve_for(resolver *r, frame *f, node *n)
{
    for_info *info = n->for_;
    if (!resolve(r, f, n->b))
        return false;
    if (n->c) {
        if (!(info->test_target = copy_target(r, n->a)) || !(info->test_function = jinja_alloc(r->j, sizeof(function))))
            return false;
        frame test = inner(f, info->test_function);
        test.for_depth++;
        if (!begin(r, &test) || !parameters_of(r, &test, n->a) || !names_of(r, &test, n->c, false) ||
            !settle(r, &test, &info->test) || !resolve(r, &test, info->test_target) || !resolve(r, &test, n->c))
            return false;
    }
    function *own_function = f->function;
    if (info->recursive && !(own_function = info->function = jinja_alloc(r->j, sizeof *own_function)))
        return false;

    frame body = inner(f, own_function);
    body.for_depth++;
    body.can_break = true;
    if (!is_used(r, &n->body, "loop", &info->uses_loop))
        return false;
    info->uses_loop = info->uses_loop || info->recursive;
    static const str loop_name = { "loop", 4, 4 };
    if (!begin(r, &body) || (info->uses_loop && !parameter(r, &body, &loop_name)) || !parameters_of(r, &body, n->a) ||
        !names_of_list(r, &body, &n->body, false) || !settle(r, &body, &info->body) || !resolve(r, &body, n->a) ||
        !resolve_list(r, &body, &n->body))
        return false;
    if (info->uses_loop)
        find(&body, &loop_name, &info->loop_var);

    frame orelse = inner(f, own_function);
    orelse.for_depth++;
    return begin(r, &orelse) && names_of_list(r, &orelse, &n->orelse, false) && settle(r, &orelse, &info->orelse) &&
           resolve_list(r, &orelse, &n->orelse);
}

/* A parameter that a macro has because its body uses it: caller, kwargs, varargs. */
static bool special(resolver *r, frame *f, const node *n, const str *name, bool *uses)
{
    bool declared = false;
    for (size_t i = 0; i < n->macro->params.n; i++)
        declared = declared || jinja_str_is(n->macro->params.items[i]->name, name->data);
    if (!is_used(r, &n->body, name->data, uses))
        return false;
    if (declared && name->data[0] == 'c') {
        n->macro->has_caller_param = true;
        size_t first_default = n->macro->params.n - n->macro->defaults.n;
        for (size_t i = 0; *uses && i < first_default; i++)
            if (jinja_str_is(n->macro->params.items[i]->name, "caller"))
                return jinja_error(r->j, "the parameter 'caller' must have a default");
        return true;
    }
    *uses = *uses && !declared;
    return !*uses || parameter(r, f, name);
}

static bool resolve_macro(resolver *r, frame *f, node *n)
{
    static const str caller = { "caller", 6, 6 }, kwargs = { "kwargs", 6, 6 }, varargs = { "varargs", 7, 7 };
    macro_def *m = n->macro;
    frame body = inner(f, &m->function);
    if (!begin(r, &body))
        return false;
    for (size_t i = 0; i < m->params.n; i++)
        if (!parameter(r, &body, m->params.items[i]->name))
            return false;
    if (!special(r, &body, n, &caller, &m->uses_caller) || !special(r, &body, n, &kwargs, &m->uses_kwargs) ||
        !special(r, &body, n, &varargs, &m->uses_varargs) || !names_of_list(r, &body, &m->defaults, false) ||
        !names_of_list(r, &body, &n->body, false) || !settle(r, &body, &m->scope))
        return false;
    find(&body, &caller, &m->caller);
    find(&body, &kwargs, &m->kwargs);
    find(&body, &varargs, &m->varargs);
    for (size_t i = 0; i < m->params.n; i++)
        find(&body, m->params.items[i]->name, &m->params.items[i]->var);
    return resolve_list(r, &body, &m->defaults) && resolve_list(r, &body, &n->body);
}

static bool resolve_inner(resolver *r, frame *f, node *n, const node_list *params)
{
    frame body = inner(f, f->function);
    body.can_break = f->can_break;
    if (!(n->scope = jinja_alloc(r->j, sizeof *n->scope)) || !begin(r, &body))
        return false;
    for (size_t i = 0; params && i < params->n; i++)
        if (!parameters_of(r, &body, params->items[i]))
            return false;
    return names_of_list(r, &body, &n->body, false) && names_of(r, &body, n->b, false) && settle(r, &body, n->scope) &&
           resolve_list(r, &body, &n->body) && resolve(r, &body, n->b) && (!params || resolve_list(r, &body, params));
}

static bool resolve_block(resolver *r, node *n)
{
    frame body = { .function = n->function };
    return (n->scope = jinja_alloc(r->j, sizeof *n->scope)) && begin(r, &body) &&
           names_of_list(r, &body, &n->body, false) && settle(r, &body, n->scope) && resolve_list(r, &body, &n->body);
}

static bool resolve_statement(resolver *r, frame *f, node *n)
{
    switch ((node_kind)n->kind) {
    case N_PRINT:
        return resolve(r, f, n->a);
    case N_IF: {
        bool soft = f->soft;
        f->soft = true;
        bool ok = resolve(r, f, n->a);
        f->soft = soft;
        return ok && resolve_branch(r, f, &n->body) && resolve_branch(r, f, &n->orelse);
    }
    case N_FOR:
        return resolve_for(r, f, n);
    case N_SET:
        return resolve(r, f, n->b) && resolve(r, f, n->a);
    case N_SET_BLOCK:
        return resolve(r, f, n->a) && resolve_inner(r, f, n, NULL);
    case N_FILTER_BLOCK:
        return resolve_inner(r, f, n, NULL);
    case N_WITH:
        return resolve_list(r, f, &n->orelse) && resolve_inner(r, f, n, &n->list);
    case N_MACRO:
        return resolve_macro(r, f, n) && resolve(r, f, n->a);
    case N_CALL_BLOCK:
        return resolve_macro(r, f, n) && resolve(r, f, n->b);
    case N_BLOCK:
        return resolve_block(r, n);
    case N_BREAK:
    case N_CONTINUE:
        return f->can_break || jinja_error(r->j, "'%s' outside a loop", n->kind == N_BREAK ? "break" : "continue");
    default:
        return true;
    }
}

static bool resolve_expression(resolver *r, frame *f, node *n)
{
    bool soft = f->soft;
    f->soft = soft || n->kind == N_COND;
    bool ok = resolve(r, f, n->a) && resolve(r, f, n->b) && resolve(r, f, n->c) && resolve_list(r, f, &n->list) &&
              resolve_list(r, f, &n->orelse);
    f->soft = soft;
    if (!ok || (n->kind != N_CALL && n->kind != N_FILTER && n->kind != N_TEST))
        return ok;
    if (n->kind != N_CALL && !n->builtin && !soft) {
        r->j->line = n->line;
        return jinja_error(r->j, "there is no %s '%.*s'", n->kind == N_FILTER ? "filter" : "test",
                           n->name->len > 64 ? 64 : (int)n->name->len, n->name->data);
    }
    return resolve_args(r, f, n->args);
}

static bool resolve(resolver *r, frame *f, node *n)
{
    if (!n)
        return true;
    if (!jinja_enter(r->j))
        return false;
    r->j->line = n->line;
    bool ok = n->kind < N_CONST                         ? resolve_statement(r, f, n)
              : n->kind == N_NAME || n->kind == N_NSREF ? resolve_name(r, f, n)
                                                        : resolve_expression(r, f, n);
    r->j->depth--;
    return ok;
}

static bool resolve_list(resolver *r, frame *f, const node_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (!resolve(r, f, l->items[i]))
            return false;
    return true;
}

bool jinja_resolve(job *j, program *p)
{
    resolver r = { j, p };
    frame top = { .function = &p->function, .toplevel = true };
    return begin(&r, &top) && names_of_list(&r, &top, &p->body, false) && settle(&r, &top, &p->scope) &&
           resolve_list(&r, &top, &p->body);
}
