/* What equations can call: a few functions of their own, and every operation that says how it is called by name. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "arch/declared.h"
#include "base/buf.h"
#include "base/nearest.h"
#include "graph/graph.h"

enum { MAX_ARGUMENTS = 24, MAX_INT = 1 << 24, MAX_SIGNATURE = 128 };

/* A call with its arguments in the order of the function's parameters; none stands for what was left out. */
typedef struct call {
    evaluator *e;
    const char *name;
    char words[MAX_SIGNATURE]; /* the parameters of a function, cut at their blanks */
    const char *parameters[MAX_ARGUMENTS];
    bool optional[MAX_ARGUMENTS];
    int n_parameters;
    value values[MAX_ARGUMENTS];
} call;

static bool refuse(const call *c, int i, const char *expected)
{
    char what[160];
    return evaluate_fail(c->e, BORA_FORMAT, "%s: %s must be %s, is %s", c->name, c->parameters[i], expected,
                         value_what(c->e, &c->values[i], what));
}

static bool parameter(call *c, const char *name, bool optional)
{
    if (c->n_parameters == MAX_ARGUMENTS)
        return evaluate_fail(c->e, BORA_LIMIT, "%s: has more than %d arguments", c->name, MAX_ARGUMENTS);
    c->parameters[c->n_parameters] = name;
    c->optional[c->n_parameters++] = optional;
    return true;
}

/* The place of a named argument, or -1. */
static int place_of(const call *c, const char *name)
{
    for (int i = 0; i < c->n_parameters; i++)
        if (strcmp(c->parameters[i], name) == 0)
            return i;
    const char *near = nearest_name(name, c->parameters, (size_t)c->n_parameters);
    evaluate_fail(c->e, BORA_USAGE, "%s: takes no \"%s\"%s%s%s", c->name, name, near ? " (did you mean " : "",
                  near ? near : "", near ? "?)" : "");
    return -1;
}

/* Puts the arguments of the equation in their places. */
static bool bind(call *c, const expr *x)
{
    bool given[MAX_ARGUMENTS] = { false };
    int next = 0;
    for (const argument *arg = x->arguments; arg; arg = arg->next) {
        if (!arg->name && next == c->n_parameters)
            return evaluate_fail(c->e, BORA_USAGE, "%s: takes %d arguments", c->name, c->n_parameters);
        int at = arg->name ? place_of(c, arg->name) : next++;
        if (at < 0)
            return false;
        if (given[at])
            return evaluate_fail(c->e, BORA_USAGE, "%s: %s is given twice", c->name, c->parameters[at]);
        given[at] = true;
        if (!evaluate(c->e, arg->value, &c->values[at]))
            return false;
        c->e->line = x->line;
    }
    for (int i = 0; i < c->n_parameters; i++)
        if (!c->optional[i] && c->values[i].kind == VALUE_NONE)
            return given[i] ? refuse(c, i, "given")
                            : evaluate_fail(c->e, BORA_USAGE, "%s: %s is missing", c->name, c->parameters[i]);
    return true;
}

/* ---- one argument of each type ---- */

static bool as_node(const call *c, int i, bora_node **out)
{
    *out = c->values[i].node;
    return c->values[i].kind == VALUE_NODE ? true : refuse(c, i, "a node of the graph");
}

static bool as_number(const call *c, int i, double *out)
{
    const value *v = &c->values[i];
    *out = v->number;
    return v->kind == VALUE_NUMBER && (isinf(v->number) || fabs(v->number) <= FLT_MAX) ? true
                                                                                       : refuse(c, i, "a number");
}

static bool as_int(const call *c, int i, int32_t *out)
{
    const value *v = &c->values[i];
    if (v->kind != VALUE_NUMBER || v->number < 0 || v->number > MAX_INT || v->number != floor(v->number))
        return refuse(c, i, "a whole number from 0 to 16777216");
    *out = (int32_t)v->number;
    return true;
}

static bool as_text(const call *c, int i, const char **out)
{
    *out = c->values[i].text;
    return c->values[i].kind == VALUE_TEXT ? true : refuse(c, i, "a text");
}

static bool as_flag(const call *c, int i, bool *out)
{
    *out = c->values[i].kind == VALUE_FLAG && c->values[i].flag;
    return c->values[i].kind == VALUE_FLAG || c->values[i].kind == VALUE_NONE ? true : refuse(c, i, "true or false");
}

static bool as_activation(const call *c, int i, bora_activation_kind *out)
{
    const char *name;
    if (!as_text(c, i, &name))
        return false;
    return graph_activation(name, out) ? true : refuse(c, i, "an activation that is known");
}

/* ---- operations ---- */

static bool as_choice(const call *c, int i, const bora_arg *arg, int32_t *out)
{
    const char *word;
    if (!as_text(c, i, &word))
        return false;
    buf known = { 0 };
    for (*out = 0; arg->choices && arg->choices[*out]; ++*out) {
        if (strcmp(arg->choices[*out], word) == 0) {
            buf_free(&known);
            return true;
        }
        buf_printf(&known, "%s\"%s\"", known.len ? " or " : "", arg->choices[*out]);
    }
    refuse(c, i, buf_text(&known));
    buf_free(&known);
    return false;
}

/* The attribute that argument i is, into `attrs`. */
static bool set_attribute(const call *c, int i, const bora_arg *arg, char *attrs)
{
    const value *v = &c->values[i];
    bool absent = v->kind == VALUE_NONE;
    double number = arg->fallback;
    int32_t integer = (int32_t)arg->fallback;
    bool flag = arg->fallback != 0;
    bora_activation_kind activation = (bora_activation_kind)integer;
    switch (arg->kind) {
    case BORA_ARG_INT:
        if (!absent && !as_int(c, i, &integer))
            return false;
        memcpy(attrs + arg->offset, &integer, sizeof integer);
        return true;
    case BORA_ARG_CHOICE:
        if (!absent && !as_choice(c, i, arg, &integer))
            return false;
        memcpy(attrs + arg->offset, &integer, sizeof integer);
        return true;
    case BORA_ARG_FLOAT: {
        if (!absent && !as_number(c, i, &number))
            return false;
        float narrow = (float)number;
        memcpy(attrs + arg->offset, &narrow, sizeof narrow);
        return true;
    }
    case BORA_ARG_FLAG:
        if (!absent && !as_flag(c, i, &flag))
            return false;
        memcpy(attrs + arg->offset, &flag, sizeof flag);
        return true;
    case BORA_ARG_ACTIVATION:
        if (!absent && !as_activation(c, i, &activation))
            return false;
        memcpy(attrs + arg->offset, &activation, sizeof activation);
        return true;
    case BORA_ARG_ROPE:
        if (absent && arg->optional)
            return true;
        if (v->kind != VALUE_ROPE)
            return refuse(c, i, "what rope_params() gives");
        memcpy(attrs, v->rope, sizeof *v->rope);
        return true;
    default:
        return true;
    }
}

/* The table was checked when the operation was offered: what it lists fits into a node and into the attributes. */
static bool call_op(call *c, const bora_op *op, const expr *x, value *out)
{
    arena *a = &c->e->graph->arena;
    for (const bora_arg *arg = op->args; arg->name; arg++)
        if (arg->kind != BORA_ARG_BIAS && !parameter(c, arg->name, arg->optional))
            return false;
    if (!bind(c, x))
        return false;
    bora_node *inputs[BORA_MAX_INPUTS];
    const char *weights[BORA_MAX_WEIGHTS] = { NULL }, *last = NULL;
    int n_inputs = 0, n_weights = 0, i = 0;
    char *attrs = arena_alloc(a, op->attrs_bytes);
    if (!attrs)
        return bora_fail_memory(&c->e->graph->error, "a graph");
    for (const bora_arg *arg = op->args; arg->name; arg++) {
        if (arg->kind == BORA_ARG_BIAS) {
            const char *bias = last ? arena_printf(a, "?%s.bias", last + (*last == '?')) : NULL;
            if (last && !bias)
                return bora_fail_memory(&c->e->graph->error, "a graph");
            weights[n_weights++] = bias;
            continue;
        }
        bool absent = c->values[i].kind == VALUE_NONE;
        if (arg->kind == BORA_ARG_INPUT) {
            if (!absent && !as_node(c, i, &inputs[n_inputs++]))
                return false;
        } else if (arg->kind == BORA_ARG_WEIGHT) {
            last = NULL;
            if (!absent && !as_text(c, i, &last))
                return false;
            weights[n_weights++] = last;
        } else if (!set_attribute(c, i, arg, attrs)) {
            return false;
        }
        i++;
    }
    const char *label = weights[0] ? weights[0] + (*weights[0] == '?') : NULL;
    *out = (value){ .kind = VALUE_NODE };
    out->node = graph_node(c->e->graph, op->name, label, inputs, n_inputs, weights, n_weights,
                           op->attrs_bytes ? attrs : NULL, op->attrs_bytes);
    return out->node != NULL;
}

/* ---- functions ---- */

static bool call_rope_params(call *c, value *out)
{
    int32_t head_dim = 0, offset = 0;
    bool interleaved;
    double theta = 0, partial = 0;
    bora_rope_section section = { 0 };
    if (!as_int(c, 0, &head_dim) || !as_flag(c, 1, &interleaved) ||
        (c->values[2].kind != VALUE_NONE && !as_int(c, 2, &offset)) ||
        (c->values[3].kind != VALUE_NONE && !as_text(c, 3, &section.kind)) ||
        (c->values[4].kind != VALUE_NONE && !as_number(c, 4, &theta)) ||
        (c->values[5].kind != VALUE_NONE && !as_number(c, 5, &partial)) || !as_flag(c, 6, &section.no_truncate))
        return false;
    section.theta = (float)theta;
    section.partial_rotary_factor = (float)partial;
    bora_rope_attrs rope = bora_rope_params_of(c->e->graph, head_dim, &section);
    if (c->values[1].kind != VALUE_NONE)
        rope.interleaved = interleaved;
    rope.offset = offset;
    rope.head_dim += offset;
    const bora_rope_attrs *copy = arena_copy(&c->e->graph->arena, &rope, sizeof rope);
    *out = (value){ .kind = VALUE_ROPE, .rope = copy };
    return copy ? true : bora_fail_memory(&c->e->graph->error, "a graph");
}

static bool call_rope_attention_factor(call *c, value *out)
{
    *out = (value){ .kind = VALUE_NUMBER, .number = bora_rope_attention_factor(c->e->graph) };
    return true;
}

static bool call_rope(call *c, value *out)
{
    bora_node *x;
    if (!as_node(c, 0, &x))
        return false;
    if (c->values[1].kind != VALUE_ROPE)
        return refuse(c, 1, "what rope_params() gives");
    *out = (value){ .kind = VALUE_NODE, .node = bora_rope(c->e->graph, x, c->values[1].rope) };
    return true;
}

static bool call_gated_mlp(call *c, value *out)
{
    bora_node *x;
    const char *name;
    bora_activation_kind kind;
    if (!as_node(c, 0, &x) || !as_text(c, 1, &name) || !as_activation(c, 2, &kind))
        return false;
    *out = (value){ .kind = VALUE_NODE, .node = bora_gated_mlp(c->e->graph, x, name, kind) };
    return true;
}

static bool call_expert_mlp(call *c, value *out)
{
    bora_node *x, *routes;
    const char *name;
    bora_activation_kind kind;
    if (!as_node(c, 0, &x) || !as_node(c, 1, &routes) || !as_text(c, 2, &name) || !as_activation(c, 3, &kind))
        return false;
    *out = (value){ .kind = VALUE_NODE, .node = bora_expert_mlp(c->e->graph, x, routes, name, kind) };
    return true;
}

static bool call_stacked_weight(call *c, value *out)
{
    const char *name, *parts;
    int32_t n = 0;
    if (!as_text(c, 0, &name) || !as_text(c, 1, &parts) || !as_int(c, 2, &n))
        return false;
    bora_stacked_weight(c->e->graph, name, parts, n);
    *out = (value){ .kind = VALUE_NONE };
    return true;
}

static bool call_head(call *c, value *out)
{
    bora_node *x;
    const char *name, *embed;
    bool tied;
    if (!as_node(c, 0, &x) || !as_text(c, 1, &name) || !as_text(c, 2, &embed) || !as_flag(c, 3, &tied))
        return false;
    *out = (value){ .kind = VALUE_NODE, .node = bora_head(c->e->graph, x, name, embed, tied) };
    return true;
}

static bool call_has_weight(call *c, value *out)
{
    const char *name;
    if (!as_text(c, 0, &name))
        return false;
    *out = (value){ .kind = VALUE_FLAG, .flag = bora_has_weight(c->e->graph, name) };
    return true;
}

static bool call_taken_weight(call *c, value *out)
{
    const char *name, *source;
    bora_taken taken = { 0 };
    if (!as_text(c, 0, &name) || !as_text(c, 1, &source) ||
        (c->values[2].kind != VALUE_NONE && !as_int(c, 2, &taken.from)) ||
        (c->values[3].kind != VALUE_NONE && !as_int(c, 3, &taken.step)) ||
        (c->values[4].kind != VALUE_NONE && !as_int(c, 4, &taken.count)) || !as_flag(c, 5, &taken.transposed))
        return false;
    *out = (value){ .kind = VALUE_NONE };
    bora_taken_weight(c->e->graph, name, source, &taken);
    return true;
}

static bool call_reject(call *c, value *out)
{
    const char *why;
    (void)out;
    if (as_text(c, 0, &why))
        bora_reject(c->e->graph, "%s", why);
    return false;
}

static bool call_width(call *c, value *out)
{
    bora_node *x;
    if (!as_node(c, 0, &x))
        return false;
    *out = (value){ .kind = VALUE_NUMBER, .number = (double)bora_width(x) };
    return true;
}

static bool call_len(call *c, value *out)
{
    if (c->values[0].kind != VALUE_LIST)
        return refuse(c, 0, "a list");
    *out = (value){ .kind = VALUE_NUMBER, .number = (double)c->values[0].n_items };
    return true;
}

static bool call_sqrt(call *c, value *out)
{
    double x;
    if (!as_number(c, 0, &x))
        return false;
    if (x < 0)
        return refuse(c, 0, "at least 0");
    *out = (value){ .kind = VALUE_NUMBER, .number = sqrt(x) };
    return true;
}

static bool call_min(call *c, value *out)
{
    double a, b;
    if (!as_number(c, 0, &a) || !as_number(c, 1, &b))
        return false;
    *out = (value){ .kind = VALUE_NUMBER, .number = a < b ? a : b };
    return true;
}

static bool call_max(call *c, value *out)
{
    double a, b;
    if (!as_number(c, 0, &a) || !as_number(c, 1, &b))
        return false;
    *out = (value){ .kind = VALUE_NUMBER, .number = a > b ? a : b };
    return true;
}

static const struct function {
    const char *name;
    const char *parameters; /* '?' after what may be left out */
    bool (*call)(call *c, value *out);
} functions[] = {
    { "rope_params", "head_dim interleaved? offset? kind? theta? partial_rotary_factor? no_truncate?",
      call_rope_params },
    { "rope_attention_factor", "", call_rope_attention_factor },
    { "rope", "x rope", call_rope },
    { "gated_mlp", "x name kind", call_gated_mlp },
    { "expert_mlp", "x routes name kind", call_expert_mlp },
    { "stacked_weight", "name parts n", call_stacked_weight },
    { "taken_weight", "name source from? step? count? transposed?", call_taken_weight },
    { "head", "x name embed tied?", call_head },
    { "has_weight", "name", call_has_weight },
    { "reject", "message", call_reject },
    { "width", "x", call_width },
    { "len", "list", call_len },
    { "sqrt", "x", call_sqrt },
    { "min", "a b", call_min },
    { "max", "a b", call_max },
};
enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

static bool unknown(evaluator *e, const char *name)
{
    const char *names[256];
    size_t n = 0;
    for (; n < N_FUNCTIONS; n++)
        names[n] = functions[n].name;
    REGISTRY_EACH(e->graph->runtime, ops, bora_op, op)
    if (op->args && n < 256)
        names[n++] = op->name;
    const char *near = nearest_name(name, names, n);
    return evaluate_fail(e, BORA_NOT_FOUND, "there is no operation or function \"%s\"%s%s%s", name,
                         near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

/* "x name eps?" to parameters. */
static bool read_signature(call *c, const char *signature)
{
    snprintf(c->words, sizeof c->words, "%s", signature);
    char *rest = c->words;
    for (char *word; (word = strtok_r(rest, " ", &rest));) {
        size_t last = strlen(word) - 1;
        bool optional = word[last] == '?';
        if (optional)
            word[last] = '\0';
        if (!parameter(c, word, optional))
            return false;
    }
    return true;
}

bool call_function(evaluator *e, const expr *x, value *out)
{
    call c = { .e = e, .name = x->text };
    for (const struct function *f = functions; f < functions + N_FUNCTIONS; f++)
        if (strcmp(f->name, x->text) == 0)
            return read_signature(&c, f->parameters) && bind(&c, x) && f->call(&c, out) && graph_ok(e->graph);
    const bora_op *op = bora_runtime_op(e->graph->runtime, x->text);
    if (op && !op->args)
        return evaluate_fail(e, BORA_UNSUPPORTED, "the operation \"%s\" does not say how it is called by name",
                             op->name);
    return op ? call_op(&c, op, x, out) : unknown(e, x->text);
}

const char *function_at(size_t index, const char **parameters)
{
    *parameters = index < N_FUNCTIONS ? functions[index].parameters : NULL;
    return index < N_FUNCTIONS ? functions[index].name : NULL;
}
