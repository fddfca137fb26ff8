/* Values of the template language, and the job that they live in.
 *
 * Values behave as Python's do: that is what templates were written against. A value is small and passed by value; what
 * it points to lives in the arena of its job (one parse or one render) and dies with it. Except for namespaces, loops,
 * cyclers, joiners and one-shot iterators nothing changes once it is made, so values may share whatever they like.
 *
 * Every function that can fail takes the job, returns false, and has filled the job's error with the template's name
 * and the current line. */
#ifndef BORA_TEXT_JINJA_VALUE_H
#define BORA_TEXT_JINJA_VALUE_H

#include <stdint.h>

#include <bora/error.h>

#include "base/arena.h"
#include "base/buf.h"

typedef enum value_type {
    V_MISSING = 0, /* no value at all: an argument that was not given, a variable that was not set */
    V_UNDEFINED,
    V_NONE,
    V_BOOL,
    V_INT,
    V_BIGINT, /* an integer beyond 64 bits: it can be carried and printed, not computed with */
    V_FLOAT,
    V_STRING,
    V_LIST,
    V_TUPLE,
    V_DICT,
    V_VIEW, /* dict.keys(), .values(), .items() */
    V_RANGE,
    V_ITER, /* a generator: iterates once */
    V_NAMESPACE,
    V_MACRO,
    V_LOOP,
    V_CYCLER,
    V_JOINER,
    V_METHOD,
    V_FUNCTION,
} value_type;

/* Valid UTF-8; n_chars == len says that it is ASCII. */
typedef struct str {
    const char *data;
    size_t len, n_chars;
} str;

typedef struct value value;
typedef struct dict dict;
typedef struct node node;
typedef struct program program;
typedef struct iter iter;
typedef struct macro macro;
typedef struct loop loop;
typedef struct builtin builtin;

/* Why something is undefined: the message for whoever uses it. */
typedef struct undefined {
    enum { UNDEFINED_NAME, UNDEFINED_MEMBER, UNDEFINED_HINT } why;
    value_type owner;
    const str *name; /* or the hint */
} undefined;

typedef struct list {
    size_t n, cap;
    value *items;
    bool is_group; /* a tuple from `groupby`, with names for its two members */
} list;

typedef enum view_part { VIEW_KEYS, VIEW_VALUES, VIEW_ITEMS } view_part;

typedef struct view {
    const dict *dict;
    view_part part;
} view;

typedef struct range {
    int64_t start, step, n; /* n numbers */
    int64_t stop;           /* as written */
} range;

typedef struct cycler {
    const list *items;
    size_t pos;
} cycler;

typedef struct joiner {
    const str *separator;
    bool used;
} joiner;

typedef struct method method;

struct value {
    uint8_t type; /* value_type */
    bool markup;  /* a string that is HTML already */
    union {
        bool b;
        int64_t i;
        double f;
        const str *s;
        const undefined *undefined; /* or NULL */
        list *list;
        dict *dict;
        const view *view;
        const range *range;
        iter *iter;
        const macro *macro;
        loop *loop;
        cycler *cycler;
        joiner *joiner;
        const method *method;
        const builtin *function;
    };
};

struct method {
    value self;
    const builtin *def;
};

typedef struct dict_entry {
    value key, val;
    uint64_t hash;
} dict_entry;

/* Keeps the order of insertion. `index` is a hash table of entry numbers + 1, absent while there are few entries. */
struct dict {
    size_t n, cap;
    dict_entry *entries;
    uint32_t *index;
    size_t index_cap;
};

enum { JINJA_MAX_DEPTH = 1500 }; /* of anything that recurses: parser, scopes, evaluation, nested values */

typedef struct job {
    const char *name; /* of the template */
    int line;
    bora_error *err;
    arena small, large; /* large: so that one long text does not cut a chunk of small things short */
    size_t max_memory;
    size_t steps, max_steps;
    int depth;
    buf out; /* the output; captured text grows at its end and is cut off again */
    size_t max_output;
    /* of a render */
    const program *program;
    dict *context;
    dict *exported; /* what the top level has set, for `block` */
    long long now;
} job;

/* "name:line: message". Always false. */
bool jinja_fail(job *j, bora_code code, const char *fmt, ...) BORA_PRINTF(3, 4);
/* The template did something that its values do not allow. Always false. */
#define jinja_error(j, ...) jinja_fail(j, BORA_FORMAT, __VA_ARGS__)

void *jinja_alloc(job *j, size_t size_bytes);
void *jinja_array(job *j, size_t count, size_t elem_bytes);
/* Pays for work that is not the evaluation of a node. */
bool jinja_charge(job *j, size_t steps);
/* Around everything that recurses; leave with j->depth--. */
bool jinja_enter(job *j);
void jinja_job_free(job *j);

/* --- text that is being built: begin, put, then end (a string) or cut (nothing) --- */
bool jinja_put(job *j, const char *data, size_t len);
bool jinja_puts(job *j, const char *text);
bool jinja_put_char(job *j, unsigned codepoint);
bool jinja_put_repeat(job *j, const char *data, size_t len, size_t times);
static inline bool jinja_put_str(job *j, const str *s)
{
    return jinja_put(j, s->data, s->len);
}
static inline size_t jinja_begin(const job *j)
{
    return j->out.len;
}
bool jinja_end(job *j, size_t mark, value *out);
void jinja_cut(job *j, size_t mark);

/* --- making values --- */
const str *jinja_str_new(job *j, const char *data, size_t len); /* copies */
const str *jinja_str_ref(job *j, const char *data, size_t len); /* points into memory that lives as long as the job */
bool jinja_string(job *j, const char *data, size_t len, value *out);
bool jinja_substring(job *j, const char *data, size_t len, value *out); /* jinja_str_ref as a value */
bool jinja_cstring(job *j, const char *text, value *out);
list *jinja_list_new(job *j, size_t cap);
bool jinja_list_add(job *j, list *l, value v);
dict *jinja_dict_new(job *j);
bool jinja_dict_set(job *j, dict *d, value key, value val); /* fails for keys that have no hash */
/* NULL when absent; `*ok` false on an error (a key without hash). */
const value *jinja_dict_get(job *j, const dict *d, value key, bool *ok);
/* By a name: cannot fail. */
const value *jinja_dict_find(job *j, const dict *d, const char *name, size_t len);
bool jinja_undefined_hint(job *j, const char *hint, value *out);
bool jinja_undefined_name(job *j, const str *name, value *out);
bool jinja_undefined_member(job *j, value owner, value key, value *out);

static inline value v_none(void)
{
    return (value){ .type = V_NONE };
}
static inline value v_bool(bool b)
{
    return (value){ .type = V_BOOL, .b = b };
}
static inline value v_int(int64_t i)
{
    return (value){ .type = V_INT, .i = i };
}
static inline value v_float(double f)
{
    return (value){ .type = V_FLOAT, .f = f };
}
static inline value v_str(const str *s)
{
    return (value){ .type = V_STRING, .s = s };
}
static inline value v_list(list *l)
{
    return (value){ .type = V_LIST, .list = l };
}
static inline value v_tuple(list *l)
{
    return (value){ .type = V_TUPLE, .list = l };
}
static inline value v_dict(dict *d)
{
    return (value){ .type = V_DICT, .dict = d };
}

/* --- asking values --- */
const char *jinja_type_name(value v); /* Python's: "str", "NoneType" */
bool jinja_truth(job *j, value v);
/* bool and int: the number in *i. */
bool jinja_is_int(value v, int64_t *i);
/* bool, int, float and big int: as a double. */
bool jinja_is_number(value v, double *f);
bool jinja_equal(job *j, value a, value b, bool *equal);
bool jinja_less(job *j, value a, value b, const char *op, bool *less);
/* -1, 0, 1 as `a op b` is asked for by ordering operators; fails for what has no order. *unordered: a NaN is in it. */
bool jinja_compare(job *j, value a, value b, const char *op, int *order, bool *unordered);
bool jinja_length(job *j, value v, size_t *n);
/* Fails with the message of an undefined value. Always false. */
bool jinja_use_undefined(job *j, value v);
bool jinja_str_is(const str *s, const char *text);
bool jinja_item_of_range(const range *r, int64_t index, value *out); /* index is in it */

/* --- text of values (repr.c) --- */
bool jinja_put_value(job *j, value v);            /* as str() */
bool jinja_put_repr(job *j, value v);             /* as repr() */
bool jinja_to_str(job *j, value v, value *out);   /* str(); a string stays itself, markup included */
void jinja_format_double(double f, char out[40]); /* repr() of a float */
bool jinja_put_ascii(job *j, value v);            /* as ascii() */

/* --- JSON (json.c, tojson.c) --- */
bool jinja_read_json(job *j, const char *text, size_t len, value *out);
typedef struct json_style {
    bool ensure_ascii, sort_keys, pretty;
    const str *indent; /* one level; NULL unless pretty */
    const str *item_separator, *key_separator;
} json_style;
bool jinja_put_json(job *j, value v, const json_style *style);

/* --- numbers from text (number.c) --- */
double jinja_strtod(const char *digits, size_t len); /* "12.5e3", already checked */
bool jinja_parse_int(job *j, const char *text, size_t len, int base, value *out, bool *ok);
bool jinja_parse_float(const char *text, size_t len, double *out);

#endif
