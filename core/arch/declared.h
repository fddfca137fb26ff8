/* Architectures that are declared in a TOML file: its tables, and equations in a small language that are read once,
 * when the file is, and evaluated once, when a model's graph is built.
 *
 * lexer.c and parser.c read the equations, evaluate.c walks through them, functions.c holds what they can call,
 * read.c makes an architecture of a file. docs/architectures.md describes the language. */
#ifndef BORA_ARCH_DECLARED_H
#define BORA_ARCH_DECLARED_H

#include <bora/arch.h>

#include "base/arena.h"

/* ---- what is read ---- */

typedef enum token_kind {
    TOKEN_END,
    TOKEN_LINE_END,
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_NAME, /* also a keyword, or a path with dots */
    TOKEN_MARK, /* one of the marks in lexer.c */
} token_kind;

typedef struct token {
    token_kind kind;
    int line;
    const char *text; /* of a string: what is between the quotes */
    size_t len;
    double number;
} token;

typedef struct lexer {
    const char *at, *end;
    const char *file;
    int line;
    int depth; /* of open brackets: line ends within them are white space */
} lexer;

/* The next token, or false and "file:line: …". */
bool lexer_next(lexer *l, token *out, bora_error *err);

typedef enum expr_kind {
    EXPR_NONE,
    EXPR_NUMBER,
    EXPR_FLAG,
    EXPR_STRING,
    EXPR_NAME,
    EXPR_LIST,
    EXPR_CALL,
    EXPR_INDEX, /* a[b] */
    EXPR_IF,    /* a if b else c */
    EXPR_NOT,
    EXPR_NEGATE,
    EXPR_AND,
    EXPR_OR,
    EXPR_DEFAULT, /* a ?? b */
    EXPR_IN,
    EXPR_EQUAL,
    EXPR_UNEQUAL,
    EXPR_LESS,
    EXPR_LESS_EQUAL,
    EXPR_GREATER,
    EXPR_GREATER_EQUAL,
    EXPR_ADD,
    EXPR_SUBTRACT,
    EXPR_MULTIPLY,
    EXPR_DIVIDE,
    EXPR_FLOOR_DIVIDE,
    EXPR_REMAINDER,
} expr_kind;

typedef struct expr expr;

/* An item of a list, or an argument of a call. */
typedef struct argument {
    const char *name; /* NULL: by its place */
    const expr *value;
    struct argument *next;
} argument;

struct expr {
    expr_kind kind;
    int line;
    double number;
    bool flag;
    const char *text; /* of a string, a name, a call */
    const argument *arguments;
    const expr *a, *b, *c;
};

typedef struct statement {
    int line;
    const char *name;  /* assigned to; NULL: a call for its effect, or a condition */
    const expr *value; /* or the condition */
    bool is_condition;
    const struct statement *then, *otherwise, *next;
} statement;

/* Equations that begin at `line` of `file`. An empty text gives NULL and is no error. */
bool parse_statements(arena *a, const char *file, int line, const char *text, size_t len, const statement **out,
                      bora_error *err);
/* One expression. */
bool parse_expression(arena *a, const char *file, int line, const char *text, size_t len, const expr **out,
                      bora_error *err);

typedef struct declared_arch {
    bora_arch arch; /* first: `self` of its build */
    bora_plugin plugin;
    const bora_arch *archs[2];
    arena arena;
    const char *file; /* as messages call it */
    const char *about;
    const expr *layers; /* how many */
    const char *scope;  /* of a layer: "model.layers.{i}" */
    const statement *setup, *layer, *output;
} declared_arch;

/* Reads a file. The caller closes it after the last graph that was built with it. */
declared_arch *declared_open(const char *path, bora_error *err);
/* The same of a text in memory. */
declared_arch *declared_parse(const char *text, size_t len, const char *name, bora_error *err);
void declared_close(declared_arch *declared);

/* ---- what it becomes ---- */

typedef enum value_kind {
    VALUE_NONE,
    VALUE_NUMBER,
    VALUE_FLAG,
    VALUE_TEXT,
    VALUE_LIST,
    VALUE_NODE,
    VALUE_ROPE,
    VALUE_OBJECT, /* a table of the config: there, and nothing else */
} value_kind;

typedef struct value {
    value_kind kind;
    union {
        double number;
        bool flag;
        const char *text;
        bora_node *node;
        const bora_rope_attrs *rope;
        struct {
            const struct value *items;
            size_t n_items;
        };
    };
    const char *missing; /* of none: the parameter that the config does not have; else NULL */
} value;

enum { MAX_VARIABLES = 512 };

typedef struct evaluator {
    const declared_arch *declared;
    bora_graph *graph;
    int line; /* of the expression at hand, for messages; 0: of none */
    int n_variables;
    struct {
        const char *name;
        value value;
    } variables[MAX_VARIABLES];
    int n_steps; /* taken so far: expressions, and items that were looked at */
} evaluator;

/* Into the graph, which says the file and the line in front of it. Always false. */
bool evaluate_fail(evaluator *e, bora_code code, const char *fmt, ...) BORA_PRINTF(3, 4);
bool evaluate(evaluator *e, const expr *x, value *out);
/* "a number", "none (config.json has no "x")", for messages. */
const char *value_what(const evaluator *e, const value *v, char out[160]);
/* functions.c: a call by name. */
bool call_function(evaluator *e, const expr *call, value *out);
/* The functions that are no operations, for the reference page: their names and "x name eps?"; NULL behind the last. */
const char *function_at(size_t index, const char **parameters);

/* Builds the graph: bora_arch.build of every declared architecture. */
bora_node *declared_build(const bora_arch *self, bora_graph *g);

#endif
