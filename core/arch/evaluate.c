/* Walks through the equations of an architecture and builds the graph. */
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/declared.h"
#include "base/json.h"
#include "graph/graph.h"

enum { MAX_STEPS = 1 << 20, MAX_LAYERS = 1 << 16, MAX_ITEMS = 1 << 16, MAX_TEXT = 256 };

bool evaluate_fail(evaluator *e, bora_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    bora_fail_va(&e->graph->error, code, fmt, args);
    va_end(args);
    return false;
}

static bool out_of_memory(evaluator *e)
{
    return bora_fail_memory(&e->graph->error, "a graph");
}

/* What a file from outside asks for is bounded: a config that lies about its layers, equations that double texts. */
static bool take_steps(evaluator *e, size_t n)
{
    if (n < (size_t)(MAX_STEPS - e->n_steps)) {
        e->n_steps += (int)n;
        return true;
    }
    return evaluate_fail(e, BORA_LIMIT, "the equations take more than %d steps", MAX_STEPS);
}

const char *value_what(const evaluator *e, const value *v, char out[160])
{
    switch (v->kind) {
    case VALUE_NONE:
        if (v->missing)
            snprintf(out, 160, "none: %.60s has no \"%.60s\"", e->graph->source.params_name, v->missing);
        else
            snprintf(out, 160, "none");
        return out;
    case VALUE_NUMBER:
        snprintf(out, 160, "%.9g", v->number);
        return out;
    case VALUE_FLAG:
        return v->flag ? "true" : "false";
    case VALUE_TEXT:
        snprintf(out, 160, "\"%.60s\"", v->text);
        return out;
    case VALUE_LIST:
        return "a list";
    case VALUE_NODE:
        return "a node of the graph";
    case VALUE_ROPE:
        return "rope parameters";
    case VALUE_OBJECT:
        return "a table of parameters";
    }
    return "nothing";
}

/* ---- names ---- */

static value *variable(evaluator *e, const char *name)
{
    for (int i = 0; i < e->n_variables; i++)
        if (strcmp(e->variables[i].name, name) == 0)
            return &e->variables[i].value;
    return NULL;
}

static bool keep(evaluator *e, const char *name, const value *v)
{
    value *known = variable(e, name);
    if (known) {
        *known = *v;
        return true;
    }
    if (e->n_variables == MAX_VARIABLES)
        return evaluate_fail(e, BORA_LIMIT, "more than %d names in its equations", MAX_VARIABLES);
    e->variables[e->n_variables].name = name;
    e->variables[e->n_variables++].value = *v;
    return true;
}

static bool from_json(evaluator *e, const char *name, const cJSON *item, value *out)
{
    const char *word = json_string(item, "__float__", NULL); /* of a number that JSON does not have */
    if (cJSON_IsNumber(item)) {
        if (!isfinite(item->valuedouble))
            return evaluate_fail(e, BORA_FORMAT, "%s: \"%s\" is no finite number", e->graph->source.params_name, name);
        *out = (value){ .kind = VALUE_NUMBER, .number = item->valuedouble };
    } else if (word && (strcmp(word, "Infinity") == 0 || strcmp(word, "-Infinity") == 0)) {
        *out = (value){ .kind = VALUE_NUMBER, .number = *word == '-' ? -INFINITY : INFINITY };
    } else if (cJSON_IsBool(item)) {
        *out = (value){ .kind = VALUE_FLAG, .flag = cJSON_IsTrue(item) };
    } else if (cJSON_IsString(item)) {
        *out = (value){ .kind = VALUE_TEXT, .text = item->valuestring };
    } else if (cJSON_IsArray(item)) {
        int n = cJSON_GetArraySize(item);
        if (n > MAX_ITEMS)
            return evaluate_fail(e, BORA_LIMIT, "%s: \"%s\" has more than %d items", e->graph->source.params_name, name,
                                 MAX_ITEMS);
        value *items = arena_array(&e->graph->arena, (size_t)n + 1, sizeof *items);
        if (!items)
            return out_of_memory(e);
        size_t at = 0;
        for (const cJSON *child = item->child; child; child = child->next, at++)
            if (cJSON_IsArray(child)) /* a list of lists is no parameter of a decoder */
                items[at] = (value){ .kind = VALUE_OBJECT };
            else if (!from_json(e, name, child, &items[at]))
                return false;
        *out = (value){ .kind = VALUE_LIST, .items = items, .n_items = at };
    } else {
        *out = (value){ .kind = cJSON_IsObject(item) ? VALUE_OBJECT : VALUE_NONE };
    }
    return true;
}

/* A variable, or else a parameter; a parameter that was read once is a variable. */
static bool look_up(evaluator *e, const char *name, value *out)
{
    if (!take_steps(e, 1))
        return false;
    const value *known = variable(e, name);
    if (known) {
        *out = *known;
        return true;
    }
    const cJSON *item = graph_param(e->graph, name);
    if (!item)
        *out = (value){ .kind = VALUE_NONE, .missing = name };
    else if (!from_json(e, name, item, out))
        return false;
    return keep(e, name, out);
}

/* The value of the name in the braces at `text`, in `piece`; the braces take *len bytes. */
static bool fill_one(evaluator *e, const char *text, char piece[MAX_TEXT], size_t *len)
{
    const char *close = strchr(text, '}');
    if (!close || close == text + 1)
        return evaluate_fail(e, BORA_FORMAT, "\"{\" without a name and \"}\" behind it");
    *len = (size_t)(close - text) + 1;
    const char *name = arena_strndup(&e->graph->arena, text + 1, *len - 2);
    value v;
    char what[160];
    if (!name)
        return out_of_memory(e);
    if (!look_up(e, name, &v))
        return false;
    int n = MAX_TEXT;
    if (v.kind == VALUE_TEXT)
        n = snprintf(piece, MAX_TEXT, "%s", v.text);
    else if (v.kind == VALUE_NUMBER)
        n = snprintf(piece, MAX_TEXT, "%.15g", v.number);
    else
        return evaluate_fail(e, BORA_FORMAT, "{%s} in a text is %s", name, value_what(e, &v, what));
    if (n >= 0 && n < MAX_TEXT)
        return true;
    return evaluate_fail(e, BORA_LIMIT, "{%s} has more than %d bytes", name, MAX_TEXT - 1);
}

/* "layers.{i}.{name}" with the values of the names in braces. */
static bool fill_in(evaluator *e, const char *text, const char **out)
{
    *out = text;
    if (!strchr(text, '{'))
        return true;
    char filled[MAX_TEXT], value_text[MAX_TEXT];
    size_t n = 0;
    while (*text) {
        const char *piece = text;
        size_t taken = strcspn(text, "{"), len = taken;
        if (taken == 0) {
            if (!fill_one(e, text, value_text, &taken))
                return false;
            piece = value_text;
            len = strlen(value_text);
        }
        if (len >= sizeof filled - n)
            return evaluate_fail(e, BORA_LIMIT, "a text of more than %d bytes", MAX_TEXT - 1);
        memcpy(filled + n, piece, len);
        n += len;
        text += taken;
    }
    *out = arena_strndup(&e->graph->arena, filled, n);
    return *out || out_of_memory(e);
}

/* ---- operators ---- */

static bool truth(evaluator *e, const value *v, bool *out)
{
    char what[160];
    *out = v->kind == VALUE_FLAG ? v->flag : v->kind == VALUE_NUMBER && v->number != 0;
    if (v->kind == VALUE_FLAG || v->kind == VALUE_NUMBER || v->kind == VALUE_NONE)
        return true;
    return evaluate_fail(e, BORA_FORMAT, "a condition is %s", value_what(e, v, what));
}

static bool equal(const value *a, const value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VALUE_NUMBER:
        return a->number == b->number;
    case VALUE_FLAG:
        return a->flag == b->flag;
    case VALUE_TEXT:
        return strcmp(a->text, b->text) == 0;
    default:
        return a->kind == VALUE_NONE;
    }
}

static bool contains(const value *list, const value *v)
{
    for (size_t i = 0; i < list->n_items; i++)
        if (equal(&list->items[i], v))
            return true;
    return false;
}

static const char *sign(expr_kind kind)
{
    switch (kind) {
    case EXPR_ADD:
        return "+";
    case EXPR_SUBTRACT:
        return "-";
    case EXPR_MULTIPLY:
        return "*";
    case EXPR_DIVIDE:
        return "/";
    case EXPR_FLOOR_DIVIDE:
        return "//";
    case EXPR_REMAINDER:
        return "%";
    default:
        return "a comparison";
    }
}

/* Of numbers; a condition for comparisons. */
static bool arithmetic(evaluator *e, expr_kind kind, double a, double b, value *out)
{
    double number = 0;
    switch (kind) {
    case EXPR_LESS:
        *out = (value){ .kind = VALUE_FLAG, .flag = a < b };
        return true;
    case EXPR_LESS_EQUAL:
        *out = (value){ .kind = VALUE_FLAG, .flag = a <= b };
        return true;
    case EXPR_GREATER:
        *out = (value){ .kind = VALUE_FLAG, .flag = a > b };
        return true;
    case EXPR_GREATER_EQUAL:
        *out = (value){ .kind = VALUE_FLAG, .flag = a >= b };
        return true;
    case EXPR_ADD:
        number = a + b;
        break;
    case EXPR_SUBTRACT:
        number = a - b;
        break;
    case EXPR_MULTIPLY:
        number = a * b;
        break;
    case EXPR_DIVIDE:
        number = a / b;
        break;
    case EXPR_FLOOR_DIVIDE:
        number = floor(a / b);
        break;
    default: /* of the sign of b, as floor division has it */
        number = fmod(a, b);
        if (number != 0 && (number < 0) != (b < 0))
            number += b;
    }
    if (!isfinite(number))
        return evaluate_fail(e, BORA_FORMAT, "%.9g %s %.9g is no number", a, sign(kind), b);
    *out = (value){ .kind = VALUE_NUMBER, .number = number };
    return true;
}

/* Sums and products of nodes, and a node times (or divided by) a number. */
static bool node_arithmetic(evaluator *e, expr_kind kind, const value *a, const value *b, value *out)
{
    bora_node *node = NULL;
    const value *scaled = a->kind == VALUE_NODE ? a : b, *factor = a->kind == VALUE_NODE ? b : a;
    if (a->kind == VALUE_NODE && b->kind == VALUE_NODE && kind == EXPR_ADD)
        node = bora_add(e->graph, a->node, b->node);
    else if (a->kind == VALUE_NODE && b->kind == VALUE_NODE && kind == EXPR_MULTIPLY)
        node = bora_mul(e->graph, a->node, b->node);
    else if (factor->kind == VALUE_NUMBER && kind == EXPR_MULTIPLY && fabs(factor->number) <= FLT_MAX)
        node = bora_scale(e->graph, scaled->node, (float)factor->number);
    else if (factor->kind == VALUE_NUMBER && kind == EXPR_DIVIDE && scaled == a && fabs(1 / factor->number) <= FLT_MAX)
        node = bora_scale(e->graph, scaled->node, (float)(1 / factor->number));
    else
        return false;
    *out = (value){ .kind = VALUE_NODE, .node = node };
    return true;
}

static bool binary(evaluator *e, const expr *x, value *out)
{
    value a, b;
    if (!evaluate(e, x->a, &a) || !evaluate(e, x->b, &b))
        return false;
    e->line = x->line;
    char what_a[160], what_b[160];
    switch (x->kind) {
    case EXPR_EQUAL:
    case EXPR_UNEQUAL:
        *out = (value){ .kind = VALUE_FLAG, .flag = equal(&a, &b) == (x->kind == EXPR_EQUAL) };
        return true;
    case EXPR_IN:
        if (b.kind != VALUE_LIST && b.kind != VALUE_NONE)
            return evaluate_fail(e, BORA_FORMAT, "what stands after \"in\" is %s", value_what(e, &b, what_b));
        *out = (value){ .kind = VALUE_FLAG, .flag = b.kind == VALUE_LIST && contains(&b, &a) };
        return b.kind == VALUE_NONE || take_steps(e, b.n_items);
    default:
        break;
    }
    if (a.kind == VALUE_NUMBER && b.kind == VALUE_NUMBER)
        return arithmetic(e, x->kind, a.number, b.number, out);
    if ((a.kind == VALUE_NODE || b.kind == VALUE_NODE) && node_arithmetic(e, x->kind, &a, &b, out))
        return graph_ok(e->graph);
    return evaluate_fail(e, BORA_FORMAT, "%s of %s and %s", sign(x->kind), value_what(e, &a, what_a),
                         value_what(e, &b, what_b));
}

static bool item(evaluator *e, const expr *x, value *out)
{
    value list, index;
    char what[160];
    if (!evaluate(e, x->a, &list) || !evaluate(e, x->b, &index))
        return false;
    e->line = x->line;
    if (list.kind != VALUE_LIST)
        return evaluate_fail(e, BORA_FORMAT, "an item of what is %s", value_what(e, &list, what));
    if (index.kind != VALUE_NUMBER || index.number < 0 || index.number >= (double)list.n_items ||
        index.number != floor(index.number))
        return evaluate_fail(e, BORA_FORMAT, "item %s of a list of %zu", value_what(e, &index, what), list.n_items);
    *out = list.items[(size_t)index.number];
    return true;
}

static bool list(evaluator *e, const expr *x, value *out)
{
    size_t n = 0;
    for (const argument *arg = x->arguments; arg; arg = arg->next)
        n++;
    value *items = arena_array(&e->graph->arena, n + 1, sizeof *items);
    if (!items)
        return out_of_memory(e);
    *out = (value){ .kind = VALUE_LIST, .items = items, .n_items = n };
    for (const argument *arg = x->arguments; arg; arg = arg->next)
        if (!evaluate(e, arg->value, items++))
            return false;
    return true;
}

bool evaluate(evaluator *e, const expr *x, value *out)
{
    value v;
    bool yes;
    char what[160];
    e->line = x->line;
    if (!take_steps(e, 1))
        return false;
    switch (x->kind) {
    case EXPR_NONE:
        *out = (value){ .kind = VALUE_NONE };
        return true;
    case EXPR_NUMBER:
        *out = (value){ .kind = VALUE_NUMBER, .number = x->number };
        return true;
    case EXPR_FLAG:
        *out = (value){ .kind = VALUE_FLAG, .flag = x->flag };
        return true;
    case EXPR_STRING:
        *out = (value){ .kind = VALUE_TEXT };
        return fill_in(e, x->text, &out->text);
    case EXPR_NAME:
        return look_up(e, x->text, out);
    case EXPR_LIST:
        return list(e, x, out);
    case EXPR_CALL:
        return call_function(e, x, out);
    case EXPR_INDEX:
        return item(e, x, out);
    case EXPR_IF:
        if (!evaluate(e, x->b, &v))
            return false;
        e->line = x->line;
        return truth(e, &v, &yes) && evaluate(e, yes ? x->a : x->c, out);
    case EXPR_NOT:
        if (!evaluate(e, x->a, &v) || !truth(e, &v, &yes))
            return false;
        *out = (value){ .kind = VALUE_FLAG, .flag = !yes };
        return true;
    case EXPR_AND:
    case EXPR_OR:
        if (!evaluate(e, x->a, &v) || !truth(e, &v, &yes))
            return false;
        if (yes == (x->kind == EXPR_AND) && (!evaluate(e, x->b, &v) || !truth(e, &v, &yes)))
            return false;
        *out = (value){ .kind = VALUE_FLAG, .flag = yes };
        return true;
    case EXPR_DEFAULT:
        return evaluate(e, x->a, out) && (out->kind != VALUE_NONE || evaluate(e, x->b, out));
    case EXPR_NEGATE:
        if (!evaluate(e, x->a, &v))
            return false;
        if (v.kind != VALUE_NUMBER)
            return evaluate_fail(e, BORA_FORMAT, "minus %s", value_what(e, &v, what));
        *out = (value){ .kind = VALUE_NUMBER, .number = -v.number };
        return true;
    default:
        return binary(e, x, out);
    }
}

/* ---- statements ---- */

static bool run(evaluator *e, const statement *s)
{
    for (; s; s = s->next) {
        value v;
        bool yes;
        if (!evaluate(e, s->value, &v))
            return false;
        e->line = s->line;
        if (!s->is_condition) {
            if (s->name && !keep(e, s->name, &v))
                return false;
        } else if (!truth(e, &v, &yes) || !run(e, yes ? s->then : s->otherwise)) {
            return false;
        }
    }
    return true;
}

static bool run_layers(evaluator *e)
{
    value n, i = { .kind = VALUE_NUMBER };
    char what[160];
    if (!evaluate(e, e->declared->layers, &n))
        return false;
    if (n.kind != VALUE_NUMBER || n.number < 0 || n.number > MAX_LAYERS || n.number != floor(n.number))
        return evaluate_fail(e, BORA_FORMAT, "the number of layers must be a whole number up to %d, is %s", MAX_LAYERS,
                             value_what(e, &n, what));
    for (i.number = 0; i.number < n.number; i.number++) {
        const char *scope;
        e->line = 0;
        if (!keep(e, "i", &i) || !fill_in(e, e->declared->scope, &scope))
            return false;
        bora_scope(e->graph, "%s", scope);
        if (!graph_ok(e->graph) || !run(e, e->declared->layer))
            return false;
    }
    bora_scope_end(e->graph);
    return true;
}

bora_node *declared_build(const bora_arch *self, bora_graph *g)
{
    const declared_arch *d = (const declared_arch *)(const void *)self;
    evaluator *e = calloc(1, sizeof *e);
    if (!e) {
        bora_fail_memory(&g->error, "a graph");
        return NULL;
    }
    *e = (evaluator){ .declared = d, .graph = g };
    value gguf = { .kind = VALUE_FLAG, .flag = g->source.container && strcmp(g->source.container, "gguf") == 0 };
    char what[160];
    bora_node *node = NULL;
    if (keep(e, "gguf", &gguf) && run(e, d->setup) && run_layers(e) && run(e, d->output)) {
        const value *logits = variable(e, "logits");
        e->line = 0;
        if (logits && logits->kind == VALUE_NODE)
            node = logits->node;
        else
            evaluate_fail(e, BORA_FORMAT, "after the last equation \"logits\" must be a node of the graph, is %s",
                          logits ? value_what(e, logits, what) : "not there");
    }
    if (e->line > 0)
        bora_error_prefix(&g->error, "%s:%d", d->file, e->line);
    else
        bora_error_prefix(&g->error, "%s", d->file);
    free(e);
    return node;
}
