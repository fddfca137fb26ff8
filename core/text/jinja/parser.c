/* Tokens to a tree: statements. */
#include "text/jinja/ast.h"

#include <string.h>

node *jinja_new_node(parser *p, node_kind kind, int line)
{
    node *n = jinja_alloc(p->j, sizeof *n);
    if (!n)
        return NULL;
    n->kind = (uint8_t)kind;
    n->line = line;
    return n;
}

bool jinja_add_node(parser *p, node_list *l, node *n)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 2;
        node **items = jinja_array(p->j, cap, sizeof *items);
        if (!items)
            return false;
        if (l->n)
            memcpy(items, l->items, l->n * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = n;
    return true;
}

bool jinja_syntax_error(parser *p, const char *what)
{
    char got[64];
    p->j->line = p->at->line;
    return jinja_error(p->j, "%s, got %s", what, jinja_token_name(p->at, got));
}

bool jinja_expect(parser *p, token_type type)
{
    if (p->at->type == type) {
        p->at++;
        return true;
    }
    char expected[64], got[64];
    token t = { .type = (uint8_t)type };
    p->j->line = p->at->line;
    return jinja_error(p->j, "expected %s, got %s", jinja_token_name(&t, expected), jinja_token_name(p->at, got));
}

bool jinja_at_name(const parser *p, const char *name)
{
    return p->at->type == T_NAME && jinja_str_is(p->at->v.s, name);
}

bool jinja_skip_name(parser *p, const char *name)
{
    bool is = jinja_at_name(p, name);
    p->at += is;
    return is;
}

static bool at_any(const parser *p, const char *const *names)
{
    for (; names && *names; names++)
        if (jinja_at_name(p, *names))
            return true;
    return false;
}

static node *parse_statement(parser *p);

/* Up to `{% NAME` with one of `ends`, which stays; to the end of the template when there are none. */
static bool parse_until(parser *p, const char *const *ends, node_list *out)
{
    if (!jinja_enter(p->j))
        return false;
    while (p->at->type != T_EOF) {
        const token *t = p->at++;
        p->j->line = t->line;
        node *n;
        if (t->type == T_DATA) {
            n = jinja_new_node(p, N_DATA, t->line);
            if (n)
                n->constant = t->v;
        } else if (t->type == T_VARIABLE_BEGIN) {
            n = jinja_new_node(p, N_PRINT, p->at->line);
            if (!n || !(n->a = jinja_parse_tuple(p, 0)) || !jinja_expect(p, T_VARIABLE_END))
                return false;
        } else {
            if (at_any(p, ends)) {
                p->j->depth--;
                return true;
            }
            n = parse_statement(p);
            if (!n || !jinja_expect(p, T_BLOCK_END))
                return false;
        }
        if (!n || !jinja_add_node(p, out, n))
            return false;
    }
    p->j->depth--;
    if (!ends)
        return true;
    p->j->line = p->at->line;
    return jinja_error(p->j, "the template ends, expected '{%% %s %%}'", ends[0]);
}

/* The rest of a tag, and what it encloses. */
static bool parse_body(parser *p, const char *const *ends, node_list *out)
{
    if (p->at->type == T_COLON)
        p->at++;
    return jinja_expect(p, T_BLOCK_END) && parse_until(p, ends, out);
}

static bool parse_body_to(parser *p, const char *end, node_list *out)
{
    if (!parse_body(p, (const char *const[]){ end, NULL }, out))
        return false;
    p->at++;
    return true;
}

static node *parse_if(parser *p, int line)
{
    node *first = NULL, *last = NULL;
    for (;;) {
        node *n = jinja_new_node(p, N_IF, line);
        if (!n || !(n->a = jinja_parse_tuple(p, TUPLE_NO_COND)) ||
            !parse_body(p, (const char *const[]){ "elif", "else", "endif", NULL }, &n->body))
            return NULL;
        if (last && !jinja_add_node(p, &last->orelse, n))
            return NULL;
        first = first ? first : n;
        last = n;
        line = p->at->line;
        if (jinja_skip_name(p, "elif"))
            continue;
        bool otherwise = jinja_at_name(p, "else");
        p->at++;
        if (otherwise && !parse_body_to(p, "endif", &n->orelse))
            return NULL;
        return first;
    }
}

static node *parse_for(parser *p, int line)
{
    node *n = jinja_new_node(p, N_FOR, line);
    if (!n || !(n->for_ = jinja_alloc(p->j, sizeof *n->for_)) || !(n->a = jinja_parse_target(p, TUPLE_END_IN)))
        return NULL;
    if (!jinja_skip_name(p, "in")) {
        jinja_syntax_error(p, "expected 'in'");
        return NULL;
    }
    if (!(n->b = jinja_parse_tuple(p, TUPLE_NO_COND | TUPLE_END_RECURSIVE)))
        return NULL;
    if (jinja_skip_name(p, "if") && !(n->c = jinja_parse_expression(p)))
        return NULL;
    n->for_->recursive = jinja_skip_name(p, "recursive");
    if (!parse_body(p, (const char *const[]){ "endfor", "else", NULL }, &n->body))
        return NULL;
    bool otherwise = jinja_at_name(p, "else");
    p->at++;
    if (otherwise && !parse_body_to(p, "endfor", &n->orelse))
        return NULL;
    return n;
}

static node *parse_set(parser *p, int line)
{
    node *n = jinja_new_node(p, N_SET, line);
    if (!n || !(n->a = jinja_parse_target(p, TUPLE_NAMESPACE)))
        return NULL;
    if (p->at->type == T_ASSIGN) {
        p->at++;
        return (n->b = jinja_parse_tuple(p, 0)) ? n : NULL;
    }
    n->kind = N_SET_BLOCK;
    if (p->at->type == T_PIPE && !(n->b = jinja_parse_filters(p, NULL, false)))
        return NULL;
    return parse_body_to(p, "endset", &n->body) ? n : NULL;
}

static node *parse_with(parser *p, int line)
{
    node *n = jinja_new_node(p, N_WITH, line);
    if (!n)
        return NULL;
    while (p->at->type != T_BLOCK_END) {
        node *target, *v;
        if (n->list.n && !jinja_expect(p, T_COMMA))
            return NULL;
        if (!(target = jinja_parse_target(p, 0)) || !jinja_expect(p, T_ASSIGN) || !(v = jinja_parse_expression(p)) ||
            !jinja_add_node(p, &n->list, target) || !jinja_add_node(p, &n->orelse, v))
            return NULL;
    }
    return parse_body_to(p, "endwith", &n->body) ? n : NULL;
}

static bool parse_signature(parser *p, macro_def *m)
{
    if (!jinja_expect(p, T_LPAREN))
        return false;
    while (p->at->type != T_RPAREN) {
        if (m->params.n && !jinja_expect(p, T_COMMA))
            return false;
        node *param = jinja_parse_target_name(p), *fallback;
        if (!param)
            return false;
        for (size_t i = 0; i < m->params.n; i++) {
            const str *other = m->params.items[i]->name;
            if (other->len == param->name->len && memcmp(other->data, param->name->data, other->len) == 0)
                return jinja_error(p->j, "a parameter is named twice");
        }
        if (m->params.n >= 255)
            return jinja_fail(p->j, BORA_LIMIT, "a macro has more than 255 parameters");
        if (p->at->type == T_ASSIGN) {
            p->at++;
            if (!(fallback = jinja_parse_expression(p)) || !jinja_add_node(p, &m->defaults, fallback))
                return false;
        } else if (m->defaults.n) {
            return jinja_syntax_error(p, "a parameter without default follows one with default");
        }
        if (!jinja_add_node(p, &m->params, param))
            return false;
    }
    p->at++;
    return true;
}

static node *parse_macro(parser *p, int line)
{
    node *n = jinja_new_node(p, N_MACRO, line);
    if (!n || !(n->macro = jinja_alloc(p->j, sizeof *n->macro)) || !(n->a = jinja_parse_target_name(p)) ||
        !parse_signature(p, n->macro) || !parse_body_to(p, "endmacro", &n->body))
        return NULL;
    n->macro->name = n->a->name;
    return n;
}

static node *parse_call_block(parser *p, int line)
{
    node *n = jinja_new_node(p, N_CALL_BLOCK, line);
    if (!n || !(n->macro = jinja_alloc(p->j, sizeof *n->macro)))
        return NULL;
    if (p->at->type == T_LPAREN && !parse_signature(p, n->macro))
        return NULL;
    if (!(n->b = jinja_parse_expression(p)))
        return NULL;
    if (n->b->kind != N_CALL) {
        jinja_syntax_error(p, "expected a call");
        return NULL;
    }
    return parse_body_to(p, "endcall", &n->body) ? n : NULL;
}

/* Its body is a scope of its own, like a macro that is called on the spot. */
static node *parse_generation(parser *p, int line)
{
    node *n = jinja_new_node(p, N_CALL_BLOCK, line);
    if (!n || !(n->macro = jinja_alloc(p->j, sizeof *n->macro)))
        return NULL;
    return parse_body_to(p, "endgeneration", &n->body) ? n : NULL;
}

static node *parse_filter_block(parser *p, int line)
{
    node *n = jinja_new_node(p, N_FILTER_BLOCK, line);
    if (!n || !(n->b = jinja_parse_filters(p, NULL, true)))
        return NULL;
    return parse_body_to(p, "endfilter", &n->body) ? n : NULL;
}

static node *parse_block(parser *p, int line)
{
    node *n = jinja_new_node(p, N_BLOCK, line);
    if (!n || !(n->function = jinja_alloc(p->j, sizeof *n->function)))
        return NULL;
    if (p->at->type != T_NAME) {
        jinja_expect(p, T_NAME);
        return NULL;
    }
    n->name = (p->at++)->v.s;
    if (jinja_at_name(p, "scoped") || jinja_at_name(p, "required")) {
        p->j->line = line;
        jinja_fail(p->j, BORA_UNSUPPORTED, "scoped and required blocks are not supported");
        return NULL;
    }
    for (size_t i = 0; i < p->program->blocks.n; i++) {
        const str *other = p->program->blocks.items[i]->name;
        if (other->len == n->name->len && memcmp(other->data, n->name->data, other->len) == 0) {
            p->j->line = line;
            jinja_error(p->j, "a block is defined twice");
            return NULL;
        }
    }
    if (p->program->blocks.n >= 1000) {
        jinja_fail(p->j, BORA_LIMIT, "too many blocks");
        return NULL;
    }
    if (!jinja_add_node(p, &p->program->blocks, n) || !parse_body_to(p, "endblock", &n->body))
        return NULL;
    if (p->at->type == T_NAME && p->at->v.s->len == n->name->len &&
        memcmp(p->at->v.s->data, n->name->data, n->name->len) == 0)
        p->at++;
    return n;
}

static node *parse_print(parser *p, int line)
{
    node *n = jinja_new_node(p, N_PRINT, line), *item;
    if (!n || !(n->a = jinja_new_node(p, N_CONCAT, line)))
        return NULL;
    while (p->at->type != T_BLOCK_END) {
        if (n->a->list.n && !jinja_expect(p, T_COMMA))
            return NULL;
        if (!(item = jinja_parse_expression(p)) || !jinja_add_node(p, &n->a->list, item))
            return NULL;
    }
    return n;
}

/* include, import, from, extends: a template has no others. It is an error when it is reached. */
static node *parse_refused(parser *p, int line, const str *name)
{
    node *n = jinja_new_node(p, N_REFUSED, line);
    if (!n)
        return NULL;
    n->name = name;
    while (p->at->type != T_BLOCK_END && p->at->type != T_EOF)
        p->at++;
    return n;
}

static node *parse_statement(parser *p)
{
    static const struct {
        const char *name;
        node *(*parse)(parser *p, int line);
    } statements[] = {
        { "if", parse_if },       { "for", parse_for },
        { "set", parse_set },     { "with", parse_with },
        { "macro", parse_macro }, { "call", parse_call_block },
        { "block", parse_block }, { "filter", parse_filter_block },
        { "print", parse_print }, { "generation", parse_generation },
    };
    if (p->at->type != T_NAME) {
        jinja_syntax_error(p, "expected the name of a statement");
        return NULL;
    }
    const token *t = p->at++;
    const str *name = t->v.s;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        if (jinja_str_is(name, statements[i].name))
            return statements[i].parse(p, t->line);
    if (jinja_str_is(name, "break") || jinja_str_is(name, "continue"))
        return jinja_new_node(p, name->data[0] == 'b' ? N_BREAK : N_CONTINUE, t->line);
    if (jinja_str_is(name, "include") || jinja_str_is(name, "import") || jinja_str_is(name, "from") ||
        jinja_str_is(name, "extends"))
        return parse_refused(p, t->line, name);
    if (jinja_str_is(name, "autoescape")) {
        jinja_fail(p->j, BORA_UNSUPPORTED, "autoescape blocks are not supported");
        return NULL;
    }
    p->j->line = t->line;
    jinja_error(p->j, "unknown statement '%.*s'", name->len > 64 ? 64 : (int)name->len, name->data);
    return NULL;
}

bool jinja_parse(job *j, const tokens *source, program *out)
{
    parser p = { .j = j, .at = source->items, .program = out };
    return parse_until(&p, NULL, &out->body);
}
