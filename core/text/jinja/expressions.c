/* Tokens to a tree: expressions. Precedence is jinja2's, which is not Python's in places: `~` binds tighter than `+`,
 * `**` groups to the left, a filter applies after a unary minus. */
#include <string.h>

#include "text/jinja/ast.h"
#include "text/jinja/eval.h"

static node *parse_or(parser *p);
static node *parse_unary(parser *p, bool with_filter);
static node *parse_postfix(parser *p, node *n);

static node *binary(parser *p, node_kind kind, int op, node *a, node *b, int line)
{
    node *n = a && b ? jinja_new_node(p, kind, line) : NULL;
    if (n) {
        n->op = (uint8_t)op;
        n->a = a;
        n->b = b;
    }
    return n;
}

node *jinja_parse_expression(parser *p)
{
    if (!jinja_enter(p->j))
        return NULL;
    int line = p->at->line;
    node *n = parse_or(p);
    while (n && jinja_skip_name(p, "if")) {
        node *test = parse_or(p), *otherwise = NULL;
        if (!test || (jinja_skip_name(p, "else") && !(otherwise = jinja_parse_expression(p))))
            return NULL;
        n = binary(p, N_COND, 0, n, test, line);
        if (n)
            n->c = otherwise;
        line = p->at->line;
    }
    p->j->depth--;
    return n;
}

static node *parse_compare(parser *p);

static node *parse_not(parser *p)
{
    if (!jinja_at_name(p, "not"))
        return parse_compare(p);
    node *n = jinja_enter(p->j) ? jinja_new_node(p, N_NOT, (p->at++)->line) : NULL;
    if (!n || !(n->a = parse_not(p)))
        return NULL;
    p->j->depth--;
    return n;
}

static node *parse_and(parser *p)
{
    int line = p->at->line;
    node *n = parse_not(p);
    while (n && jinja_skip_name(p, "and"))
        n = binary(p, N_AND, 0, n, parse_not(p), line);
    return n;
}

static node *parse_or(parser *p)
{
    int line = p->at->line;
    node *n = parse_and(p);
    while (n && jinja_skip_name(p, "or"))
        n = binary(p, N_OR, 0, n, parse_and(p), line);
    return n;
}

static node *parse_pow(parser *p)
{
    int line = p->at->line;
    node *n = parse_unary(p, true);
    while (n && p->at->type == T_POW) {
        p->at++;
        n = binary(p, N_BINARY, T_POW, n, parse_unary(p, true), line);
    }
    return n;
}

static node *parse_product(parser *p)
{
    int line = p->at->line;
    node *n = parse_pow(p);
    while (n && (p->at->type == T_MUL || p->at->type == T_DIV || p->at->type == T_FLOORDIV || p->at->type == T_MOD)) {
        int op = (p->at++)->type;
        n = binary(p, N_BINARY, op, n, parse_pow(p), line);
    }
    return n;
}

static node *parse_concat(parser *p)
{
    int line = p->at->line;
    node *n = parse_product(p), *all = NULL;
    while (n && p->at->type == T_TILDE) {
        p->at++;
        if (!all && (!(all = jinja_new_node(p, N_CONCAT, line)) || !jinja_add_node(p, &all->list, n)))
            return NULL;
        n = parse_product(p);
        if (!n || !jinja_add_node(p, &all->list, n))
            return NULL;
    }
    return n && all ? all : n;
}

static node *parse_sum(parser *p)
{
    int line = p->at->line;
    node *n = parse_concat(p);
    while (n && (p->at->type == T_ADD || p->at->type == T_SUB)) {
        int op = (p->at++)->type;
        n = binary(p, N_BINARY, op, n, parse_concat(p), line);
    }
    return n;
}

static node *parse_compare(parser *p)
{
    int line = p->at->line;
    node *first = parse_sum(p), *all = NULL;
    while (first) {
        int op = p->at->type;
        if (op == T_EQ || op == T_NE || op == T_LT || op == T_LE || op == T_GT || op == T_GE) {
            p->at++;
        } else if (jinja_skip_name(p, "in")) {
            op = OP_IN;
        } else if (jinja_at_name(p, "not") && p->at[1].type == T_NAME && jinja_str_is(p->at[1].v.s, "in")) {
            p->at += 2;
            op = OP_NOT_IN;
        } else {
            break;
        }
        if (!all) {
            if (!(all = jinja_new_node(p, N_COMPARE, line)))
                return NULL;
            all->a = first;
        }
        node *operand = jinja_new_node(p, N_OPERAND, line);
        if (!operand || !(operand->a = parse_sum(p)) || !jinja_add_node(p, &all->list, operand))
            return NULL;
        operand->op = (uint8_t)op;
    }
    return first && all ? all : first;
}

static node *parse_list(parser *p)
{
    node *n = jinja_new_node(p, N_LIST, (p->at++)->line), *item;
    while (n && p->at->type != T_RBRACKET) {
        if (n->list.n && !jinja_expect(p, T_COMMA))
            return NULL;
        if (p->at->type == T_RBRACKET)
            break;
        if (!(item = jinja_parse_expression(p)) || !jinja_add_node(p, &n->list, item))
            return NULL;
    }
    return n && jinja_expect(p, T_RBRACKET) ? n : NULL;
}

static node *parse_dict(parser *p)
{
    node *n = jinja_new_node(p, N_DICT, (p->at++)->line), *key, *item;
    while (n && p->at->type != T_RBRACE) {
        if (n->list.n && !jinja_expect(p, T_COMMA))
            return NULL;
        if (p->at->type == T_RBRACE)
            break;
        if (!(key = jinja_parse_expression(p)) || !jinja_expect(p, T_COLON) || !(item = jinja_parse_expression(p)) ||
            !jinja_add_node(p, &n->list, key) || !jinja_add_node(p, &n->orelse, item))
            return NULL;
    }
    return n && jinja_expect(p, T_RBRACE) ? n : NULL;
}

static node *constant(parser *p, value v, int line)
{
    node *n = jinja_new_node(p, N_CONST, line);
    if (n)
        n->constant = v;
    return n;
}

static node *parse_name(parser *p, bool with_namespace)
{
    const token *t = p->at++;
    const str *s = t->v.s;
    if (jinja_str_is(s, "true") || jinja_str_is(s, "True"))
        return constant(p, v_bool(true), t->line);
    if (jinja_str_is(s, "false") || jinja_str_is(s, "False"))
        return constant(p, v_bool(false), t->line);
    if (jinja_str_is(s, "none") || jinja_str_is(s, "None"))
        return constant(p, v_none(), t->line);
    node *n = jinja_new_node(p, N_NAME, t->line);
    if (!n)
        return NULL;
    n->name = s;
    if (with_namespace && p->at->type == T_DOT) {
        p->at++;
        n->kind = N_NSREF;
        if (p->at->type != T_NAME) {
            jinja_expect(p, T_NAME);
            return NULL;
        }
        n->attr = (p->at++)->v.s;
    }
    return n;
}

static node *parse_primary(parser *p, bool with_namespace)
{
    const token *t = p->at;
    switch ((token_type)t->type) {
    case T_NAME:
        return parse_name(p, with_namespace);
    case T_STRING: {
        value v = t->v;
        p->at++;
        if (p->at->type == T_STRING) {
            size_t mark = jinja_begin(p->j);
            bool ok = jinja_put_str(p->j, t->v.s);
            for (; ok && p->at->type == T_STRING; p->at++)
                ok = jinja_put_str(p->j, p->at->v.s);
            if (!ok || !jinja_end(p->j, mark, &v))
                return NULL;
        }
        return constant(p, v, t->line);
    }
    case T_INT:
    case T_FLOAT:
        p->at++;
        return constant(p, t->v, t->line);
    case T_LPAREN: {
        p->at++;
        node *n = jinja_parse_tuple(p, TUPLE_PARENS);
        return n && jinja_expect(p, T_RPAREN) ? n : NULL;
    }
    case T_LBRACKET:
        return parse_list(p);
    case T_LBRACE:
        return parse_dict(p);
    default:
        jinja_syntax_error(p, "expected an expression");
        return NULL;
    }
}

static bool at_tuple_end(const parser *p, unsigned rules)
{
    return p->at->type == T_VARIABLE_END || p->at->type == T_BLOCK_END || p->at->type == T_RPAREN ||
           ((rules & TUPLE_END_IN) && jinja_at_name(p, "in")) ||
           ((rules & TUPLE_END_RECURSIVE) && jinja_at_name(p, "recursive"));
}

/* One expression, or several with commas between them. */
node *jinja_parse_tuple(parser *p, unsigned rules)
{
    if (!jinja_enter(p->j))
        return NULL;
    int line = p->at->line;
    node_list items = { 0 };
    bool is_tuple = false;
    for (;;) {
        if (items.n && !jinja_expect(p, T_COMMA))
            return NULL;
        if (at_tuple_end(p, rules))
            break;
        node *n = rules & TUPLE_TARGETS   ? parse_primary(p, rules & TUPLE_NAMESPACE)
                  : rules & TUPLE_NO_COND ? parse_or(p)
                                          : jinja_parse_expression(p);
        if (!n || !jinja_add_node(p, &items, n))
            return NULL;
        if (p->at->type != T_COMMA)
            break;
        is_tuple = true;
    }
    p->j->depth--;
    if (!is_tuple && items.n)
        return items.items[0];
    if (!is_tuple && !(rules & TUPLE_PARENS)) {
        jinja_syntax_error(p, "expected an expression");
        return NULL;
    }
    node *n = jinja_new_node(p, N_TUPLE, line);
    if (n)
        n->list = items;
    return n;
}

static bool make_target(parser *p, node *n)
{
    if (n->kind == N_NAME || n->kind == N_NSREF) {
        n->target = true;
        return true;
    }
    if (n->kind != N_TUPLE) {
        p->j->line = n->line;
        return jinja_error(p->j, "cannot assign to this expression");
    }
    for (size_t i = 0; i < n->list.n; i++)
        if (!make_target(p, n->list.items[i]))
            return false;
    return true;
}

node *jinja_parse_target(parser *p, unsigned rules)
{
    node *n = jinja_parse_tuple(p, rules | TUPLE_TARGETS);
    return n && make_target(p, n) ? n : NULL;
}

node *jinja_parse_target_name(parser *p)
{
    if (p->at->type != T_NAME) {
        jinja_expect(p, T_NAME);
        return NULL;
    }
    node *n = parse_name(p, false);
    return n && make_target(p, n) ? n : NULL;
}

/* What stands between the brackets of a subscript; a slice becomes `n` itself. */
static node *parse_subscript(parser *p, node *object, int line)
{
    node *parts[3] = { NULL };
    int n_parts = 0;
    bool slice = false;
    if (p->at->type != T_COLON && !(parts[0] = jinja_parse_expression(p)))
        return NULL;
    while (p->at->type == T_COLON && n_parts < 2) {
        p->at++;
        slice = true;
        n_parts++;
        if (p->at->type != T_COLON && p->at->type != T_RBRACKET && p->at->type != T_COMMA &&
            !(parts[n_parts] = jinja_parse_expression(p)))
            return NULL;
    }
    if (!slice)
        return binary(p, N_GETITEM, 0, object, parts[0], line);
    node *n = jinja_new_node(p, N_SLICE, line);
    if (!n)
        return NULL;
    n->a = object;
    for (int i = 0; i < 3; i++)
        if (!jinja_add_node(p, &n->list, parts[i]))
            return NULL;
    return n;
}

static node *parse_brackets(parser *p, node *object)
{
    int line = (p->at++)->line;
    if (p->at->type == T_RBRACKET) { /* x[] is x[()] */
        p->at++;
        return binary(p, N_GETITEM, 0, object, jinja_new_node(p, N_TUPLE, line), line);
    }
    node *n = parse_subscript(p, object, line);
    if (n && p->at->type == T_COMMA) {
        node *key = n->kind == N_GETITEM ? jinja_new_node(p, N_TUPLE, line) : NULL;
        if (!key || !jinja_add_node(p, &key->list, n->b)) {
            jinja_syntax_error(p, "a slice cannot be part of a longer index");
            return NULL;
        }
        while (p->at->type == T_COMMA) {
            p->at++;
            node *item = jinja_parse_expression(p);
            if (!item || !jinja_add_node(p, &key->list, item))
                return NULL;
        }
        n->b = key;
    }
    return n && jinja_expect(p, T_RBRACKET) ? n : NULL;
}

static node *parse_dot(parser *p, node *object)
{
    int line = (p->at++)->line;
    const token *t = p->at++;
    if (t->type == T_NAME) {
        node *n = jinja_new_node(p, N_GETATTR, line);
        if (!n)
            return NULL;
        n->a = object;
        n->name = t->v.s;
        return n;
    }
    if (t->type == T_INT)
        return binary(p, N_GETITEM, 0, object, constant(p, t->v, t->line), line);
    p->at--;
    jinja_syntax_error(p, "expected a name or a number");
    return NULL;
}

static bool add_keyword(parser *p, arguments *a)
{
    const str *name = p->at->v.s;
    for (size_t i = 0; i < a->kw_values.n; i++)
        if (a->kw_names[i]->len == name->len && memcmp(a->kw_names[i]->data, name->data, name->len) == 0)
            return jinja_syntax_error(p, "a keyword argument is repeated");
    if (a->kw_values.n >= 255)
        return jinja_fail(p->j, BORA_LIMIT, "a call has more than 255 keyword arguments");
    if (a->kw_values.n == a->kw_cap) {
        size_t cap = a->kw_cap ? a->kw_cap * 2 : 4;
        const str **names = jinja_array(p->j, cap, sizeof *names);
        if (!names)
            return false;
        if (a->kw_cap)
            memcpy(names, a->kw_names, a->kw_cap * sizeof *names);
        a->kw_names = names;
        a->kw_cap = cap;
    }
    a->kw_names[a->kw_values.n] = name;
    p->at += 2;
    node *v = jinja_parse_expression(p);
    return v && jinja_add_node(p, &a->kw_values, v);
}

static arguments *parse_arguments(parser *p)
{
    arguments *a = jinja_alloc(p->j, sizeof *a);
    p->at++;
    for (bool more = false; a && p->at->type != T_RPAREN; more = true) {
        if (more) {
            if (!jinja_expect(p, T_COMMA))
                return NULL;
            if (p->at->type == T_RPAREN)
                break;
        }
        bool ok;
        if (p->at->type == T_MUL) {
            p->at++;
            ok = !a->dyn_args && !a->dyn_kwargs;
            if (ok && !(a->dyn_args = jinja_parse_expression(p)))
                return NULL;
        } else if (p->at->type == T_POW) {
            p->at++;
            ok = !a->dyn_kwargs;
            if (ok && !(a->dyn_kwargs = jinja_parse_expression(p)))
                return NULL;
        } else if (p->at->type == T_NAME && p->at[1].type == T_ASSIGN) {
            ok = !a->dyn_kwargs;
            if (ok && !add_keyword(p, a))
                return NULL;
        } else {
            ok = !a->dyn_args && !a->dyn_kwargs && !a->kw_values.n;
            node *arg = ok ? jinja_parse_expression(p) : NULL;
            if (ok && (!arg || !jinja_add_node(p, &a->args, arg)))
                return NULL;
        }
        if (!ok) {
            jinja_syntax_error(p, "arguments in the wrong order");
            return NULL;
        }
    }
    return a && jinja_expect(p, T_RPAREN) ? a : NULL;
}

static node *parse_call(parser *p, node *callee)
{
    node *n = jinja_new_node(p, N_CALL, p->at->line);
    if (!n || !(n->args = parse_arguments(p)))
        return NULL;
    n->a = callee;
    return n;
}

static node *parse_postfix(parser *p, node *n)
{
    while (n) {
        if (p->at->type == T_DOT)
            n = parse_dot(p, n);
        else if (p->at->type == T_LBRACKET)
            n = parse_brackets(p, n);
        else if (p->at->type == T_LPAREN)
            n = parse_call(p, n);
        else
            break;
    }
    return n;
}

/* "name" or "name.name.name" of a filter or test. */
static const str *parse_dotted_name(parser *p)
{
    if (p->at->type != T_NAME) {
        jinja_expect(p, T_NAME);
        return NULL;
    }
    const str *name = (p->at++)->v.s;
    while (p->at->type == T_DOT) {
        size_t mark = jinja_begin(p->j);
        value whole;
        p->at++;
        if (p->at->type != T_NAME) {
            jinja_expect(p, T_NAME);
            return NULL;
        }
        if (!jinja_put_str(p->j, name) || !jinja_puts(p->j, ".") || !jinja_put_str(p->j, (p->at++)->v.s) ||
            !jinja_end(p->j, mark, &whole))
            return NULL;
        name = whole.s;
    }
    return name;
}

node *jinja_parse_filters(parser *p, node *n, bool inline_start)
{
    while (p->at->type == T_PIPE || inline_start) {
        if (!inline_start)
            p->at++;
        inline_start = false;
        node *f = jinja_new_node(p, N_FILTER, p->at->line);
        if (!f || !(f->name = parse_dotted_name(p)))
            return NULL;
        f->builtin = jinja_find_filter(f->name);
        f->a = n;
        if (p->at->type == T_LPAREN ? !(f->args = parse_arguments(p)) : !(f->args = jinja_alloc(p->j, sizeof *f->args)))
            return NULL;
        n = f;
    }
    return n;
}

static node *parse_test(parser *p, node *subject)
{
    int line = (p->at++)->line;
    bool negated = jinja_skip_name(p, "not");
    node *n = jinja_new_node(p, N_TEST, line);
    if (!n || !(n->name = parse_dotted_name(p)))
        return NULL;
    n->builtin = jinja_find_test(n->name);
    n->a = subject;
    int next = p->at->type;
    if (next == T_LPAREN) {
        if (!(n->args = parse_arguments(p)))
            return NULL;
    } else {
        if (!(n->args = jinja_alloc(p->j, sizeof *n->args)))
            return NULL;
        if ((next == T_NAME && !jinja_at_name(p, "else") && !jinja_at_name(p, "or") && !jinja_at_name(p, "and")) ||
            next == T_STRING || next == T_INT || next == T_FLOAT || next == T_LBRACKET || next == T_LBRACE) {
            if (jinja_at_name(p, "is")) {
                jinja_syntax_error(p, "tests with 'is' cannot be chained");
                return NULL;
            }
            node *arg = parse_postfix(p, parse_primary(p, false));
            if (!arg || !jinja_add_node(p, &n->args->args, arg))
                return NULL;
        }
    }
    if (!negated)
        return n;
    node *not = jinja_new_node(p, N_NOT, line);
    if (not )
        not ->a = n;
    return not ;
}

static node *parse_unary(parser *p, bool with_filter)
{
    int type = p->at->type;
    node *n;
    if (type == T_SUB || type == T_ADD) {
        if (!jinja_enter(p->j) || !(n = jinja_new_node(p, type == T_SUB ? N_NEGATE : N_PLUS, (p->at++)->line)) ||
            !(n->a = parse_unary(p, false)))
            return NULL;
        p->j->depth--;
    } else {
        n = parse_primary(p, false);
    }
    n = parse_postfix(p, n);
    while (n && with_filter) {
        if (p->at->type == T_PIPE)
            n = jinja_parse_filters(p, n, false);
        else if (jinja_at_name(p, "is"))
            n = parse_test(p, n);
        else if (p->at->type == T_LPAREN)
            n = parse_call(p, n);
        else
            break;
    }
    return n;
}
