/* Tokens, and the tree of a parsed template.
 *
 * Parsing makes the tree (lexer.c, parser.c, expressions.c); scope.c then turns every variable into a slot, by the
 * rules with which jinja2 compiles templates to Python functions. After that the tree never changes. */
#ifndef BORA_TEXT_JINJA_AST_H
#define BORA_TEXT_JINJA_AST_H

#include "text/jinja/value.h"

typedef enum token_type {
    T_EOF,
    T_DATA,
    T_BLOCK_BEGIN,
    T_BLOCK_END,
    T_VARIABLE_BEGIN,
    T_VARIABLE_END,
    T_NAME,
    T_STRING,
    T_INT,
    T_FLOAT,
    /* operators, longest spelling first among those that share a beginning */
    T_POW,
    T_FLOORDIV,
    T_EQ,
    T_NE,
    T_GE,
    T_LE,
    T_ADD,
    T_SUB,
    T_MUL,
    T_DIV,
    T_MOD,
    T_TILDE,
    T_LBRACKET,
    T_RBRACKET,
    T_LPAREN,
    T_RPAREN,
    T_LBRACE,
    T_RBRACE,
    T_GT,
    T_LT,
    T_ASSIGN,
    T_DOT,
    T_COLON,
    T_PIPE,
    T_COMMA,
    T_SEMICOLON,
} token_type;

typedef struct token {
    uint8_t type;
    int line;
    value v; /* of data, names, strings, numbers */
} token;

typedef struct tokens {
    token *items; /* the last is T_EOF */
    size_t n, cap;
} tokens;

typedef enum node_kind {
    /* statements */
    N_DATA,         /* constant */
    N_PRINT,        /* a */
    N_IF,           /* a: test; body; orelse */
    N_FOR,          /* a: target, b: iterable, c: filter or NULL; body; orelse; for_ */
    N_SET,          /* a: target, b: value */
    N_SET_BLOCK,    /* a: target, b: filters or NULL; body */
    N_WITH,         /* list: targets, orelse: values; body */
    N_MACRO,        /* a: the name as a target; body; macro */
    N_CALL_BLOCK,   /* b: the call, NULL for `generation`; body; macro */
    N_FILTER_BLOCK, /* b: filters; body */
    N_BLOCK,        /* name; body; function */
    N_BREAK,
    N_CONTINUE,
    N_REFUSED, /* name: a statement that needs other templates */
    /* expressions */
    N_CONST,   /* constant */
    N_NAME,    /* name, var; target: also something to assign to */
    N_NSREF,   /* name.attr as a target: name, attr, var */
    N_TUPLE,   /* list */
    N_LIST,    /* list */
    N_DICT,    /* list: keys, orelse: values */
    N_BINARY,  /* a op b */
    N_AND,     /* a, b */
    N_OR,      /* a, b */
    N_NOT,     /* a */
    N_NEGATE,  /* a */
    N_PLUS,    /* a */
    N_COMPARE, /* a, then list of N_OPERAND */
    N_OPERAND, /* op, a */
    N_CONCAT,  /* list */
    N_COND,    /* a if b else c (or NULL) */
    N_GETATTR, /* a.name */
    N_GETITEM, /* a[b] */
    N_SLICE,   /* a[slice_start:slice_stop:slice_step]: a, list of three, each maybe NULL */
    N_CALL,    /* a(args) */
    N_FILTER,  /* a|name(args); a NULL: what the block has captured */
    N_TEST,    /* a is name(args) */
} node_kind;

enum { OP_IN = 200, OP_NOT_IN }; /* besides the token types, in N_OPERAND */

typedef struct node_list {
    node **items;
    size_t n, cap;
} node_list;

typedef struct arguments {
    node_list args;
    node_list kw_values;
    const str **kw_names;
    size_t kw_cap;
    node *dyn_args, *dyn_kwargs;
} arguments;

/* A variable: `hops` functions outward, then a slot. */
typedef struct var_ref {
    uint32_t hops, slot;
} var_ref;

/* What a variable is when its scope is entered. */
typedef enum load_kind { LOAD_PARAMETER, LOAD_RESOLVE, LOAD_ALIAS, LOAD_UNDEFINED } load_kind;

typedef struct scope_load {
    load_kind kind;
    uint32_t slot;
    var_ref outer;   /* of an alias */
    const str *name; /* looked up in the context, of a resolve */
} scope_load;

/* The variables that live and die together: consecutive slots of a function. */
typedef struct scope {
    scope_load *loads;
    size_t n_loads;
    uint32_t first_slot;
} scope;

/* What runs with slots of its own: the template, a macro, a recursive loop, a loop's filter, a block. */
typedef struct function {
    uint32_t n_slots;
} function;

typedef struct for_info {
    bool recursive, uses_loop;
    scope body, orelse;
    var_ref loop_var;
    function *function; /* of a recursive loop */
    node *test_target;  /* the target again, with the slots of the filter's function */
    scope test;
    function *test_function;
} for_info;

typedef struct macro_def {
    const str *name; /* NULL for a call block */
    node_list params, defaults;
    function function;
    scope scope;
    bool has_caller_param, uses_caller, uses_kwargs, uses_varargs;
    var_ref caller, kwargs, varargs;
} macro_def;

struct node {
    uint8_t kind; /* node_kind */
    uint8_t op;   /* token_type or OP_… */
    bool target;  /* N_NAME, N_NSREF: is assigned to */
    bool export;  /* N_NAME: assigned at the top level of a template that has blocks */
    int line;
    const str *name, *attr;
    node *a, *b, *c;
    node_list list, body, orelse;
    union {
        value constant;
        var_ref var;
        arguments *args;
        for_info *for_;
        macro_def *macro;
        function *function; /* N_BLOCK */
    };
    union {
        const builtin *builtin; /* N_FILTER, N_TEST; NULL: there is none of that name */
        scope *scope;           /* N_SET_BLOCK, N_WITH, N_FILTER_BLOCK, N_BLOCK */
    };
};

struct program {
    node_list body;
    function function;
    scope scope;
    node_list blocks;
};

/* Reads `len` bytes of valid UTF-8. */
bool jinja_tokenize(job *j, const char *source, size_t len, tokens *out);
const char *jinja_token_name(const token *t, char buffer[64]);

/* parser.c */
typedef struct parser {
    job *j;
    const token *at;
    program *program;
} parser;

bool jinja_parse(job *j, const tokens *source, program *out);
node *jinja_new_node(parser *p, node_kind kind, int line);
bool jinja_add_node(parser *p, node_list *l, node *n);
bool jinja_expect(parser *p, token_type type);
bool jinja_at_name(const parser *p, const char *name);
bool jinja_skip_name(parser *p, const char *name);
bool jinja_syntax_error(parser *p, const char *what); /* "what, got …" */

/* expressions.c: NULL on an error */
typedef enum tuple_rules {
    TUPLE_TARGETS = 1, /* names and literals only */
    TUPLE_NO_COND = 2,
    TUPLE_PARENS = 4, /* may be empty */
    TUPLE_NAMESPACE = 8,
    TUPLE_END_IN = 16,
    TUPLE_END_RECURSIVE = 32,
} tuple_rules;
node *jinja_parse_expression(parser *p);
node *jinja_parse_tuple(parser *p, unsigned rules);
node *jinja_parse_filters(parser *p, node *n, bool inline_start);
node *jinja_parse_target(parser *p, unsigned rules);
node *jinja_parse_target_name(parser *p);

/* scope.c */
bool jinja_resolve(job *j, program *p);

#endif
