/* Rendering: activations, iteration, calls, and the tables of what is built in. */
#ifndef BORA_TEXT_JINJA_EVAL_H
#define BORA_TEXT_JINJA_EVAL_H

#include "text/jinja/ast.h"
#include "text/jinja/unicode.h"
#include "text/jinja/value.h"

/* A running function: its slots, and the function that it is written in. */
typedef struct activation activation;
struct activation {
    activation *outer;
    value *slots;
};

/* The arguments of a call, evaluated. Bound (jinja_bind), `args` has one value for each parameter, V_MISSING where none
 * was given, and there are no keywords. */
typedef struct call_args {
    value *args;
    size_t n;
    const str **kw_names;
    value *kw_values;
    size_t n_kw;
} call_args;

/* A filter, test, method or global function. `self` is what is filtered, tested, or owns the method. */
struct builtin {
    const char *name;
    const char *params; /* "a b c"; "/a b": by position only; NULL: takes the arguments as they come */
    size_t n_required;
    bool (*fn)(job *j, value self, const call_args *a, value *out);
};

enum { JINJA_MAX_PARAMS = 6 };

struct macro {
    const macro_def *def;
    const node *body; /* whose `body` it is */
    activation *closure;
};

/* What runs when a loop is called, and what `loop` knows. */
struct loop {
    value iterable;
    iter *iter;
    int64_t index0;
    int64_t depth0;
    bool has_length, has_next;
    size_t length;
    value previous, current, next, last_changed;
    const node *recursive; /* the loop's node, or NULL */
    activation *closure;   /* of the recursive function */
};

/* --- exec.c --- */
typedef enum flow { FLOW_ERROR, FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE } flow;
flow jinja_exec(job *j, activation *act, const node_list *body);
void jinja_enter_scope(job *j, activation *act, const scope *s);
activation *jinja_new_activation(job *j, activation *outer, const function *f);
bool jinja_assign(job *j, activation *act, const node *target, value v);
bool jinja_call_loop(job *j, loop *l, value iterable, value *out);
bool jinja_call_macro(job *j, const macro *m, const call_args *a, value *out);
bool jinja_run(job *j); /* the whole program, into j->out */

/* --- eval.c --- */
bool jinja_eval(job *j, activation *act, const node *n, value *out);
bool jinja_eval_args(job *j, activation *act, const arguments *a, call_args *out);
/* Applies the filters of a block to `captured`. */
bool jinja_eval_filters(job *j, activation *act, const node *filters, value captured, value *out);

/* --- call.c --- */
bool jinja_call(job *j, value callee, const call_args *a, value *out);
bool jinja_bind(job *j, const builtin *b, const call_args *given, value bound[JINJA_MAX_PARAMS], call_args *out);
bool jinja_call_builtin(job *j, const builtin *b, value self, const call_args *a, value *out);
/* The value of a name that is no variable of the template; false: there is none. */
bool jinja_global(const char *name, size_t len, value *out);

/* --- ops.c --- */
bool jinja_binary(job *j, int op, value a, value b, value *out);
bool jinja_negate(job *j, value v, value *out);
bool jinja_contains(job *j, value item, value container, bool *found);
bool jinja_slice(job *j, value v, value start, value stop, value step, value *out);

/* --- member.c --- */
bool jinja_getattr(job *j, value object, const str *name, value *out);
bool jinja_getitem(job *j, value object, value key, value *out);
/* Only what is an attribute, for the filter `attr`; *found says whether. */
bool jinja_attribute(job *j, value object, const str *name, value *out, bool *found);
bool jinja_index(job *j, value v, int64_t i, value *out, bool *found);
/* "a.b.0" as filters take it: getitem, step by step; `fallback` (unless V_MISSING or none) for what is undefined. */
bool jinja_attribute_path(job *j, value item, value path, value fallback, value *out);

/* --- iter.c --- */
bool jinja_iterate(job *j, value v, iter **out);
/* *has false at the end. */
bool jinja_next(job *j, iter *it, value *out, bool *has);
iter *jinja_iter_of_list(job *j, const list *l);
/* Lazy: each item that `source` gives, through a filter or an attribute (map), or past a test (select). */
bool jinja_iter_map(job *j, value source, const call_args *a, value *out);
bool jinja_iter_select(job *j, value source, const call_args *a, bool by_attribute, bool keep, value *out);
/* A generator whose items are all worked out when the first is asked for. */
typedef bool jinja_fill(job *j, value self, const call_args *a, list **out);
bool jinja_iter_defer(job *j, jinja_fill *fill, value source, const call_args *a, value *out);
bool jinja_iter_loop_filter(job *j, value source, const node *n, activation *act, iter **out);
bool jinja_to_list(job *j, value v, list **out); /* a new list */
bool jinja_loop_length(job *j, loop *l, size_t *n);
bool jinja_loop_next(job *j, loop *l, value *out, bool *has);
bool jinja_loop_attribute(job *j, loop *l, const str *name, value *out, bool *found);

/* --- sort.c: stable, of `n` groups of `width` values, by the first of each --- */
bool jinja_sort(job *j, value *items, size_t n, size_t width, bool reverse);

/* --- text.c: what strings can do --- */
bool jinja_put_escaped(job *j, const str *s); /* & < > and quotes as HTML entities */
bool jinja_change_case(job *j, const str *s, char_case to, value *out);
bool jinja_capitalize(job *j, const str *s, value *out);
/* Without the characters of `chars` (NULL: white space) at the left, the right, or both ends. */
bool jinja_strip(job *j, const str *s, const str *chars, bool left, bool right, value *out);
bool jinja_replace(job *j, const str *s, const str *from, const str *to, int64_t count, value *out);
/* The last place in [begin, end) where `what` stands, or NULL. */
bool jinja_find_last(job *j, const char *begin, const char *end, const str *what, const char **hit);
bool jinja_split(job *j, const str *s, const str *separator, int64_t limit, bool from_right, list **out);
bool jinja_split_lines(job *j, const str *s, bool keep_ends, list **out);
bool jinja_join(job *j, const str *separator, value items, bool as_str, value *out);
bool jinja_pad(job *j, const str *s, int64_t width, unsigned fill, char align, value *out); /* '<' '>' '^' */
/* An optional argument. */
bool jinja_arg_int(job *j, value v, int64_t fallback, int64_t *out);

/* --- format.c --- */
bool jinja_percent(job *j, const str *format, value args, value *out);
bool jinja_str_format(job *j, const str *format, const call_args *a, const dict *mapping, value *out);

/* --- wordwrap.c: the filter --- */
bool jinja_wordwrap(job *j, value self, const call_args *a, value *out);

/* --- the tables --- */
const builtin *jinja_find_filter(const str *name);
const builtin *jinja_find_test(const str *name);
const builtin *jinja_find_method(value_type type, const str *name);
const builtin *jinja_find_in(const builtin *table, size_t n, const char *name, size_t len);

extern const builtin jinja_text_filters[], jinja_sequence_filters[], jinja_value_filters[];
extern const builtin jinja_string_methods[];
extern const size_t jinja_n_text_filters, jinja_n_sequence_filters, jinja_n_value_filters, jinja_n_string_methods;

#endif
