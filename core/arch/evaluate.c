/* Walks through the equations of an architecture and builds the graph. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/declared.h"
#include "base/json.h"
#include "graph/graph.h"

enum { MAX_STEPS = 1 << 20, MAX_ITEMS = 1 << 16, MAX_TEXT = 256 };

bool evaluate_fail(evaluator *e, bora_code code, const char *fmt, ...)
{
    bora_error why = { .code = BORA_OK };
    va_list args;
    va_start(args, fmt);
    bora_fail_va(&why, code, fmt, args);
    va_end(args);
    graph_fail(e->graph, code, "%s:%d: %s", e->declared->file, e->line, why.message);
    return false;
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

static bool keep(evaluator *e, const char *name, const value *v)
{
    for (int i = 0; i < e->n_variables; i++)
        if (strcmp(e->variables[i].name, name) == 0) {
            e->variables[i].value = *v;
            return true;
        }
    if (e->n_variables == MAX_VARIABLES)
        return evaluate_fail(e, BORA_LIMIT, "more than %d names", MAX_VARIABLES);
    e->variables[e->n_variables].name = name;
    e->variables[e->n_variables++].value = *v;
    return true;
}

static bool from_json(evaluator *e, const cJSON *item, value *out)
{
    const char *word = json_string(item, "__float__", NULL); /* of a number that JSON does not have */
    if (cJSON_IsNumber(item)) {
        *out = (value){ .kind = VALUE_NUMBER, .number = item->valuedouble };
    } else if (word && (strcmp(word, "Infinity") == 0 || strcmp(word, "-Infinity") == 0)) {
        *out = (value){ .kind = VALUE_NUMBER, .number = *word == '-' ? -INFINITY : INFINITY };
    } else if (cJSON_IsBool(item)) {
        *out = (value){ .kind = VALUE_FLAG, .flag = cJSON_IsTrue(item) };
    } else if (cJSON_IsString(item)) {
        *out = (value){ .kind = VALUE_TEXT, .text = item->valuestring };
    } else if (cJSON_IsArray(item)) {
        int n = cJSON_GetArraySize(item);
        value *items = n <= MAX_ITEMS ? arena_array(&e->graph->arena, (size_t)n + 1, sizeof *items) : NULL;
        if (n > MAX_ITEMS)
            return evaluate_fail(e, BORA_LIMIT, "a parameter with more than %d items", MAX_ITEMS);
        if (!items)
            return bora_fail_memory(&e->graph->error, "a graph");
        size_t at = 0;
        for (const cJSON *child = item->child; child; child = child->next, at++)
            if (cJSON_IsArray(child)) /* a list of lists is no parameter of a decoder */
                items[at] = (value){ .kind = VALUE_OBJECT };
            else if (!from_json(e, child, &items[at]))
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
    for (int i = 0; i < e->n_variables; i++)
        if (strcmp(e->variables[i].name, name) == 0) {
            *out = e->variables[i].value;
            return true;
        }
    const cJSON *item = graph_param(e->graph, name);
    if (!item)
        *out = (value){ .kind = VALUE_NONE, .missing = name };
    else if (!from_json(e, item, out))
        return false;
    return keep(e, name, out);
}

/* "layers.{i}.{name}" with the values of the names in braces. */
static bool fill_in(evaluator *e, const char *text, const char **out)
{
    *out = text;
    if (!strchr(text, '{'))
        return true;
    char filled[MAX_TEXT];
    size_t n = 0;
    while (*text) {
        char name[64], piece[64];
        const char *from = text;
        size_t len = strcspn(text, "{");
        if (len == 0) {
            len = strcspn(text, "}");
            if (text[len] != '}' || len - 1 >= sizeof name)
                return evaluate_fail(e, BORA_FORMAT, "a name in braces without \"}\"");
            memcpy(name, text + 1, len - 1);
            name[len - 1] = '\0';
            value v;
            if (!look_up(e, arena_strdup(&e->graph->arena, name), &v))
                return false;
            char what[160];
            if (v.kind == VALUE_TEXT)
                snprintf(piece, sizeof piece, "%.63s", v.text);
            else if (v.kind == VALUE_NUMBER)
                snprintf(piece, sizeof piece, "%.9g", v.number);
            else
                return evaluate_fail(e, BORA_FORMAT, "{%s} in a text is %s", name, value_what(e, &v, what));
            text += len + 1;
            from = piece;
            len = strlen(piece);
        } else {
            text += len;
        }
        if (n + len >= sizeof filled)
            return evaluate_fail(e, BORA_LIMIT, "a text of more than %d bytes", MAX_TEXT - 1);
        memcpy(filled + n, from, len);
        n += len;
    }
    filled[n] = '\0';
    *out = arena_strdup(&e->graph->arena, filled);
    return *out ? true : bora_fail_memory(&e->graph->error, "a graph");
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
    for (size_t i = 0; list->kind == VALUE_LIST && i < list->n_items; i++)
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
    default:
        number = a - b * floor(a / b);
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
    else if (factor->kind == VALUE_NUMBER && kind == EXPR_MULTIPLY)
        node = bora_scale(e->graph, scaled->node, (float)factor->number);
    else if (factor->kind == VALUE_NUMBER && kind == EXPR_DIVIDE && scaled == a && factor->number != 0)
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
        *out = (value){ .kind = VALUE_FLAG, .flag = contains(&b, &a) };
        return true;
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
        return bora_fail_memory(&e->graph->error, "a graph");
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
    if (++e->n_steps > MAX_STEPS)
        return evaluate_fail(e, BORA_LIMIT, "its equations take more than %d steps", MAX_STEPS);
    e->line = x->line;
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
        return evaluate(e, x->b, &v) && truth(e, &v, &yes) && evaluate(e, yes ? x->a : x->c, out);
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
    if (n.kind != VALUE_NUMBER || n.number < 0 || n.number != floor(n.number))
        return evaluate_fail(e, BORA_FORMAT, "the number of layers is %s", value_what(e, &n, what));
    for (i.number = 0; i.number < n.number; i.number++) {
        const char *scope;
        if (!keep(e, "i", &i) || !fill_in(e, e->declared->scope, &scope))
            return false;
        bora_scope(e->graph, "%s", scope);
        if (!run(e, e->declared->layer) || !graph_ok(e->graph))
            return false;
        if (++e->n_steps > MAX_STEPS)
            return evaluate_fail(e, BORA_LIMIT, "more than %d layers", MAX_STEPS);
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
    value gguf = { .kind = VALUE_FLAG, .flag = g->source.container && strcmp(g->source.container, "gguf") == 0 },
          logits = { .kind = VALUE_NONE };
    char what[160];
    bora_node *node = NULL;
    if (keep(e, "gguf", &gguf) && run(e, d->setup) && run_layers(e) && run(e, d->output) &&
        look_up(e, "logits", &logits)) {
        if (logits.kind == VALUE_NODE)
            node = logits.node;
        else
            graph_fail(g, BORA_FORMAT, "%s: \"logits\" is %s after the last equation: it must be a node", d->file,
                       value_what(e, &logits, what));
    }
    free(e);
    return node;
}
