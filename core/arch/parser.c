/* Tokens to a tree: statements by recursive descent, expressions by precedence. */
#include <string.h>

#include "arch/declared.h"

/* What nests, and what only grows to the right: both make a tree that is walked by recursion. */
enum { MAX_DEPTH = 64, MAX_OPERATORS = 256 };

typedef struct parser {
    lexer lexer;
    token now; /* the token that was not taken yet */
    arena *arena;
    int depth;
    int n_operators; /* of the statement at hand */
    bora_error *err;
} parser;

static bool fail(parser *p, const char *expected)
{
    const token *t = &p->now;
    if (t->kind == TOKEN_END || t->kind == TOKEN_LINE_END)
        return bora_fail(p->err, BORA_FORMAT, "%s:%d: expected %s, found the end of the %s", p->lexer.file, t->line,
                         expected, t->kind == TOKEN_END ? "equations" : "line");
    return bora_fail(p->err, BORA_FORMAT, "%s:%d: expected %s, found \"%.*s\"", p->lexer.file, t->line, expected,
                     t->len < 40 ? (int)t->len : 40, t->text);
}

static bool advance(parser *p)
{
    return lexer_next(&p->lexer, &p->now, p->err);
}

static bool is(const parser *p, token_kind kind, const char *text)
{
    return p->now.kind == kind && strlen(text) == p->now.len && memcmp(p->now.text, text, p->now.len) == 0;
}

static bool is_mark(const parser *p, const char *text)
{
    return is(p, TOKEN_MARK, text);
}

static bool is_word(const parser *p, const char *text)
{
    return is(p, TOKEN_NAME, text);
}

static bool is_keyword(const parser *p)
{
    static const char *const words[] = { "if", "else", "end", "and", "or", "not", "in", "true", "false", "none" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (is_word(p, words[i]))
            return true;
    return false;
}

static bool expect_mark(parser *p, const char *text, const char *what)
{
    return is_mark(p, text) ? advance(p) : fail(p, what);
}

/* One level deeper; what nests without end is refused before the stack is. */
static bool enter(parser *p)
{
    if (++p->depth <= MAX_DEPTH)
        return true;
    return bora_fail(p->err, BORA_LIMIT, "%s:%d: nested more than %d deep", p->lexer.file, p->now.line, MAX_DEPTH);
}

static bool count_operator(parser *p)
{
    if (++p->n_operators <= MAX_OPERATORS)
        return true;
    return bora_fail(p->err, BORA_LIMIT, "%s:%d: more than %d operators in one equation", p->lexer.file, p->now.line,
                     MAX_OPERATORS);
}

static expr *new_expr(parser *p, expr_kind kind)
{
    expr *x = arena_alloc(p->arena, sizeof *x);
    if (!x) {
        bora_fail_memory(p->err, "equations");
        return NULL;
    }
    x->kind = kind;
    x->line = p->now.line;
    return x;
}

static char *copy_text(parser *p)
{
    char *text = arena_strndup(p->arena, p->now.text, p->now.len);
    if (!text)
        bora_fail_memory(p->err, "equations");
    return text;
}

/* NAME of "NAME = …", which it moves to the sign; else NULL, and nothing has moved. */
static const char *name_before_equals(parser *p)
{
    lexer ahead = p->lexer;
    token next;
    if (p->now.kind != TOKEN_NAME || is_keyword(p) || !lexer_next(&ahead, &next, NULL) || next.kind != TOKEN_MARK ||
        next.len != 1 || next.text[0] != '=')
        return NULL;
    const char *name = copy_text(p);
    return name && advance(p) ? name : NULL;
}

static expr *expression(parser *p);

/* What stands between brackets, up to `close`. */
static bool arguments(parser *p, const char *close, bool named, const argument **out)
{
    argument **last = (argument **)(void *)out;
    *last = NULL;
    while (!is_mark(p, close)) {
        argument *arg = arena_alloc(p->arena, sizeof *arg);
        if (!arg)
            return bora_fail_memory(p->err, "equations");
        arg->name = named ? name_before_equals(p) : NULL;
        if (arg->name && !advance(p))
            return false;
        arg->value = expression(p);
        if (!arg->value)
            return false;
        *last = arg;
        last = &arg->next;
        if (!is_mark(p, ","))
            break;
        if (!advance(p))
            return false;
    }
    return expect_mark(p, close, close[0] == ')' ? "\")\" or \",\"" : "\"]\" or \",\"");
}

static expr *name_or_call(parser *p)
{
    expr *x = new_expr(p, EXPR_NAME);
    if (!x || !(x->text = copy_text(p)) || !advance(p))
        return NULL;
    if (!is_mark(p, "("))
        return x;
    x->kind = EXPR_CALL;
    return advance(p) && arguments(p, ")", true, &x->arguments) ? x : NULL;
}

static expr *literal(parser *p, expr_kind kind)
{
    expr *x = new_expr(p, kind);
    if (!x)
        return NULL;
    x->number = p->now.number;
    x->flag = is_word(p, "true");
    if (kind == EXPR_STRING && !(x->text = copy_text(p)))
        return NULL;
    return advance(p) ? x : NULL;
}

static expr *primary(parser *p)
{
    if (p->now.kind == TOKEN_NUMBER)
        return literal(p, EXPR_NUMBER);
    if (p->now.kind == TOKEN_STRING)
        return literal(p, EXPR_STRING);
    if (is_word(p, "true") || is_word(p, "false"))
        return literal(p, EXPR_FLAG);
    if (is_word(p, "none"))
        return literal(p, EXPR_NONE);
    if (p->now.kind == TOKEN_NAME && !is_keyword(p))
        return name_or_call(p);
    if (is_mark(p, "(")) {
        expr *x = advance(p) ? expression(p) : NULL;
        return x && expect_mark(p, ")", "\")\"") ? x : NULL;
    }
    if (is_mark(p, "[")) {
        expr *x = new_expr(p, EXPR_LIST);
        return x && advance(p) && arguments(p, "]", false, &x->arguments) ? x : NULL;
    }
    fail(p, "a value");
    return NULL;
}

static expr *postfix(parser *p)
{
    expr *x = primary(p);
    while (x && is_mark(p, "[")) {
        expr *index = count_operator(p) ? new_expr(p, EXPR_INDEX) : NULL;
        if (!index || !advance(p))
            return NULL;
        index->a = x;
        index->b = expression(p);
        x = index->b && expect_mark(p, "]", "\"]\"") ? index : NULL;
    }
    return x;
}

static expr *unary(parser *p)
{
    if (!is_mark(p, "-"))
        return postfix(p);
    expr *x = new_expr(p, EXPR_NEGATE);
    if (!x || !advance(p))
        return NULL;
    x->a = postfix(p);
    return x->a ? x : NULL;
}

/* The binary operators, loosest first. `not` stands between 1 and 2. */
static const struct {
    const char *text;
    bool is_word;
    int level;
    expr_kind kind;
} operators[] = {
    { "or", true, 0, EXPR_OR },
    { "and", true, 1, EXPR_AND },
    { "==", false, 2, EXPR_EQUAL },
    { "!=", false, 2, EXPR_UNEQUAL },
    { "<", false, 2, EXPR_LESS },
    { "<=", false, 2, EXPR_LESS_EQUAL },
    { ">", false, 2, EXPR_GREATER },
    { ">=", false, 2, EXPR_GREATER_EQUAL },
    { "in", true, 2, EXPR_IN },
    { "??", false, 3, EXPR_DEFAULT },
    { "+", false, 4, EXPR_ADD },
    { "-", false, 4, EXPR_SUBTRACT },
    { "*", false, 5, EXPR_MULTIPLY },
    { "/", false, 5, EXPR_DIVIDE },
    { "//", false, 5, EXPR_FLOOR_DIVIDE },
    { "%", false, 5, EXPR_REMAINDER },
};
enum { LEVEL_COMPARISON = 2, LEVEL_TIGHTEST = 5 };

static const expr_kind *operator_at(const parser *p, int level)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (operators[i].level == level &&
            (operators[i].is_word ? is_word(p, operators[i].text) : is_mark(p, operators[i].text)))
            return &operators[i].kind;
    return NULL;
}

static expr *binary(parser *p, int level)
{
    if (level > LEVEL_TIGHTEST)
        return unary(p);
    if (level == LEVEL_COMPARISON && is_word(p, "not")) {
        expr *x = new_expr(p, EXPR_NOT);
        if (!x || !advance(p) || !enter(p))
            return NULL;
        x->a = binary(p, level);
        p->depth--;
        return x->a ? x : NULL;
    }
    expr *x = binary(p, level + 1);
    const expr_kind *kind;
    while (x && (kind = operator_at(p, level))) {
        expr *both = count_operator(p) ? new_expr(p, *kind) : NULL;
        if (!both || !advance(p))
            return NULL;
        both->a = x;
        both->b = binary(p, level + 1);
        x = both->b ? both : NULL;
    }
    return x;
}

static expr *expression(parser *p)
{
    expr *x = enter(p) ? binary(p, 0) : NULL;
    if (x && is_word(p, "if")) {
        expr *choice = new_expr(p, EXPR_IF);
        if (!choice || !advance(p))
            return NULL;
        choice->a = x;
        choice->b = binary(p, 0);
        if (!choice->b)
            return NULL;
        if (!is_word(p, "else")) {
            fail(p, "\"else\"");
            return NULL;
        }
        choice->c = advance(p) ? expression(p) : NULL;
        x = choice->c ? choice : NULL;
    }
    p->depth--;
    return x;
}

static bool block(parser *p, const statement **out);

static bool end_line(parser *p)
{
    if (p->now.kind == TOKEN_LINE_END)
        return advance(p);
    return p->now.kind == TOKEN_END ? true : fail(p, "the end of the line");
}

/* if CONDITION … [else …] end; `else if` is an else with a condition in it. */
static bool condition(parser *p, statement *s)
{
    s->is_condition = true;
    if (!enter(p) || !advance(p) || !(s->value = expression(p)) || !end_line(p) || !block(p, &s->then))
        return false;
    if (is_word(p, "else")) {
        if (!advance(p))
            return false;
        if (is_word(p, "if")) {
            statement *other = arena_alloc(p->arena, sizeof *other);
            if (!other)
                return bora_fail_memory(p->err, "equations");
            other->line = p->now.line;
            s->otherwise = other;
            if (!condition(p, other)) /* one `end` for both */
                return false;
            p->depth--;
            return true;
        }
        if (!end_line(p) || !block(p, &s->otherwise))
            return false;
    }
    p->depth--;
    if (!is_word(p, "end"))
        return fail(p, "\"end\"");
    return advance(p) && end_line(p);
}

static bool plain_statement(parser *p, statement *s)
{
    s->name = name_before_equals(p);
    if (s->name && strchr(s->name, '.'))
        return bora_fail(p->err, BORA_FORMAT, "%s:%d: \"%s\" cannot be assigned to: a dot is for parameters",
                         p->lexer.file, s->line, s->name);
    if (s->name)
        return advance(p) && (s->value = expression(p)) && end_line(p);
    s->value = expression(p);
    if (!s->value)
        return false;
    if (s->value->kind != EXPR_CALL)
        return bora_fail(p->err, BORA_FORMAT, "%s:%d: this does nothing: expected NAME = … or a call", p->lexer.file,
                         s->line);
    return end_line(p);
}

/* Statements up to `else`, `end` or the end of the text. */
static bool block(parser *p, const statement **out)
{
    const statement **last = out;
    *last = NULL;
    for (;;) {
        while (p->now.kind == TOKEN_LINE_END)
            if (!advance(p))
                return false;
        if (p->now.kind == TOKEN_END || is_word(p, "else") || is_word(p, "end"))
            return true;
        statement *s = arena_alloc(p->arena, sizeof *s);
        if (!s)
            return bora_fail_memory(p->err, "equations");
        s->line = p->now.line;
        p->n_operators = 0;
        if (!(is_word(p, "if") ? condition(p, s) : plain_statement(p, s)))
            return false;
        *last = s;
        last = &s->next;
    }
}

static bool begin(parser *p, arena *a, const char *file, int line, const char *text, size_t len, bora_error *err)
{
    *p = (parser){ .lexer = { .at = text, .end = text + len, .file = file, .line = line }, .arena = a, .err = err };
    return advance(p);
}

bool parse_statements(arena *a, const char *file, int line, const char *text, size_t len, const statement **out,
                      bora_error *err)
{
    parser p;
    return begin(&p, a, file, line, text, len, err) && block(&p, out) &&
           (p.now.kind == TOKEN_END || fail(&p, "an equation"));
}

bool parse_expression(arena *a, const char *file, int line, const char *text, size_t len, const expr **out,
                      bora_error *err)
{
    parser p;
    return begin(&p, a, file, line, text, len, err) && (*out = expression(&p)) &&
           (p.now.kind == TOKEN_END || fail(&p, "the end of the expression"));
}
