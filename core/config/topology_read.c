/* Reading a topology: a walk over libyaml's events that accepts one shape, a mapping of selectors to mappings of
 * scalars, and stops at the first event that is another. So nothing here recurses, and nothing is expanded. */
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/file.h"
#include "base/nearest.h"
#include "config/topology_internal.h"

typedef struct reader {
    yaml_parser_t yaml;
    yaml_event_t event; /* the current one */
    topology *topology;
    bora_error *err;
} reader;

static bool BORA_PRINTF(4, 5) fail_at(reader *r, yaml_mark_t at, bora_code code, const char *fmt, ...)
{
    bora_error what = { .code = BORA_OK };
    va_list args;
    va_start(args, fmt);
    bora_fail_va(&what, code, fmt, args);
    va_end(args);
    return bora_fail(r->err, code, "%s:%zu:%zu: %s", r->topology->name, at.line + 1, at.column + 1, what.message);
}

#define FAIL(r, ...) fail_at(r, (r)->event.start_mark, BORA_FORMAT, __VA_ARGS__)

static bool fail_yaml(reader *r)
{
    const yaml_parser_t *y = &r->yaml;
    if (y->error == YAML_MEMORY_ERROR)
        return bora_fail_memory(r->err, "a topology");
    const char *problem = y->problem ? y->problem : "unreadable";
    if (y->error == YAML_READER_ERROR)
        return fail_at(r, y->mark, BORA_FORMAT, "not a text file: %s at byte %zu", problem, y->problem_offset);
    return fail_at(r, y->problem_mark, BORA_FORMAT, "not valid YAML: %s%s%s", y->context ? y->context : "",
                   y->context ? ", " : "", problem);
}

/* Moves to the next event. */
static bool next(reader *r)
{
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->yaml, &r->event))
        return fail_yaml(r);
    const char *anchor = NULL, *tag = NULL;
    switch (r->event.type) {
    case YAML_ALIAS_EVENT:
        return FAIL(r, "aliases (*name) are not allowed in a topology: write the entry out");
    case YAML_SCALAR_EVENT:
        anchor = (const char *)r->event.data.scalar.anchor;
        tag = (const char *)r->event.data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = (const char *)r->event.data.sequence_start.anchor;
        tag = (const char *)r->event.data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = (const char *)r->event.data.mapping_start.anchor;
        tag = (const char *)r->event.data.mapping_start.tag;
        break;
    default:
        break;
    }
    if (anchor)
        return FAIL(r, "anchors (&%s) are not allowed in a topology: write the entry out", anchor);
    if (tag)
        return FAIL(r, "tags (%s) are not allowed in a topology", tag);
    return true;
}

static const char *scalar(const reader *r)
{
    return (const char *)r->event.data.scalar.value;
}

/* Null as in YAML 1.1: nothing, ~, or the word, without quotes. */
static bool is_null(const reader *r)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
    if (r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        if (strcmp(scalar(r), nulls[i]) == 0)
            return true;
    return false;
}

/* A copy of the current scalar. */
static char *take_scalar(reader *r)
{
    if (strlen(scalar(r)) != r->event.data.scalar.length) {
        FAIL(r, "a NUL character is not allowed here");
        return NULL;
    }
    char *copy = arena_strdup(&r->topology->memory, scalar(r));
    if (!copy)
        bora_fail_memory(r->err, "a topology");
    return copy;
}

/* The number at *text, moving over its digits. False when there is none or it is too large for a layer or a device. */
static bool read_number(const char **text, int *value)
{
    const char *s = *text;
    int n = 0;
    for (; *s >= '0' && *s <= '9'; s++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *s - '0', &n))
            return false;
    bool any = s > *text;
    *text = s;
    *value = n;
    return any && n < INT_MAX;
}

static bool read_range(reader *r, topology_entry *e)
{
    const char *s = e->selector;
    bool ok = read_number(&s, &e->first_layer);
    e->end_layer = e->first_layer + ok;
    if (ok && *s == '-') {
        s++;
        ok = read_number(&s, &e->end_layer);
    }
    if (!ok || *s)
        return FAIL(
            r, "`%s` selects nothing: a layer is written 8, the layers 8 to 15 are 8-16, weights by their name /regex/",
            e->selector);
    if (e->end_layer <= e->first_layer)
        return FAIL(r, "the range %s is empty: its end is not included and must be greater than its start",
                    e->selector);
    return true;
}

/* At the scalar that selects. */
static bool read_selector(reader *r, topology_rule *rule)
{
    topology_entry *e = &rule->entry;
    e->line = r->event.start_mark.line < INT_MAX ? (int)r->event.start_mark.line + 1 : INT_MAX;
    e->column = r->event.start_mark.column < INT_MAX ? (int)r->event.start_mark.column + 1 : INT_MAX;
    e->selector = take_scalar(r);
    if (!e->selector)
        return false;
    const topology *t = r->topology;
    for (const topology_rule *before = t->rules; before < rule; before++)
        if (strcmp(before->entry.selector, e->selector) == 0)
            return FAIL(r, "`%s` is given already on line %d", e->selector, before->entry.line);
    if (e->selector[0] != '/')
        return read_range(r, e);
    size_t len = strlen(e->selector);
    if (len < 2 || e->selector[len - 1] != '/')
        return FAIL(r, "the regex `%s` has no slash at its end", e->selector);
    e->first_layer = e->end_layer = -1;
    return topology_compile(r->topology, rule, e->selector + 1, len - 2, r->err);
}

/* NAME or NAME[N]. */
static bool read_device(reader *r, char *text, topology_entry *e)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t name_len = strspn(text, letters);
    const char *rest = text + name_len;
    bool ok = name_len > 0;
    if (ok && *rest == '[') {
        rest++;
        ok = read_number(&rest, &e->device_index) && *rest == ']';
        rest += ok;
    }
    if (!ok || *rest)
        return FAIL(r, "`%s` is not a device: it is written NAME or NAME[0]", text);
    text[name_len] = '\0';
    e->device = text;
    return true;
}

typedef enum field { ISQ, DEVICE, N_FIELDS } field;

static bool read_field(reader *r, topology_entry *e, bool given[N_FIELDS])
{
    static const char *const names[N_FIELDS] = { [ISQ] = "isq", [DEVICE] = "device" };
    if (r->event.type != YAML_SCALAR_EVENT)
        return FAIL(r, "the keys of an entry are isq and device");
    int which = 0;
    while (which < N_FIELDS && strcmp(scalar(r), names[which]) != 0)
        which++;
    if (which == N_FIELDS) {
        const char *nearest = nearest_name(scalar(r), names, N_FIELDS);
        return nearest ? FAIL(r, "unknown key `%s`: did you mean `%s`?", scalar(r), nearest)
                       : FAIL(r, "unknown key `%s`: the keys of an entry are isq and device", scalar(r));
    }
    if (given[which])
        return FAIL(r, "`%s` is given twice for `%s`", names[which], e->selector);
    given[which] = true;
    if (!next(r))
        return false;
    if (r->event.type != YAML_SCALAR_EVENT)
        return FAIL(r, "`%s` of `%s` is one word, not a %s", names[which], e->selector,
                    r->event.type == YAML_MAPPING_START_EVENT ? "mapping" : "list");
    if (is_null(r))
        return true;
    char *value = take_scalar(r);
    if (!value)
        return false;
    if (!*value)
        return FAIL(r, "`%s` of `%s` is empty", names[which], e->selector);
    if (which == DEVICE)
        return read_device(r, value, e);
    e->isq = value;
    return true;
}

static topology_rule *add_rule(reader *r)
{
    topology *t = r->topology;
    if (t->n_rules == TOPOLOGY_MAX_ENTRIES) {
        fail_at(r, r->event.start_mark, BORA_LIMIT, "a topology has at most %d entries", TOPOLOGY_MAX_ENTRIES);
        return NULL;
    }
    if (t->n_rules == t->cap_rules) {
        size_t cap = t->cap_rules ? t->cap_rules * 2 : 16;
        topology_rule *rules = realloc(t->rules, cap * sizeof *rules);
        if (!rules) {
            bora_fail_memory(r->err, "a topology");
            return NULL;
        }
        t->rules = rules;
        t->cap_rules = cap;
    }
    topology_rule *rule = &t->rules[t->n_rules];
    *rule = (topology_rule){ .entry = { .index = t->n_rules } };
    t->n_rules++;
    return rule;
}

static bool read_entry(reader *r)
{
    if (r->event.type != YAML_SCALAR_EVENT)
        return FAIL(r, "a selector is one word: a layer, a range of layers or a /regex/");
    topology_rule *rule = add_rule(r);
    if (!rule || !read_selector(r, rule) || !next(r))
        return false;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return FAIL(r, "`%s` needs isq, device or both, indented below it ({} for neither)", rule->entry.selector);
    bool given[N_FIELDS] = { false };
    for (;;) {
        if (!next(r))
            return false;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return true;
        if (!read_field(r, &rule->entry, given))
            return false;
    }
}

static bool read_stream(reader *r)
{
    if (!next(r) || !next(r)) /* the stream begins, a document begins */
        return false;
    if (r->event.type == YAML_STREAM_END_EVENT)
        return FAIL(r, "there is nothing in this topology: write {} for an empty one");
    if (!next(r))
        return false;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return FAIL(r, "a topology is a mapping: selectors, each with isq and device indented below it");
    for (;;) {
        if (!next(r))
            return false;
        if (r->event.type == YAML_MAPPING_END_EVENT)
            break;
        if (!read_entry(r))
            return false;
    }
    if (!next(r) || !next(r)) /* the document ends, the stream ends */
        return false;
    return r->event.type == YAML_STREAM_END_EVENT || FAIL(r, "a topology is one YAML document: here begins a second");
}

topology *topology_parse(const char *text, size_t len, const char *name, bora_error *err)
{
    topology *t = calloc(1, sizeof *t);
    if (!t || !(t->name = arena_strdup(&t->memory, name))) {
        bora_fail_memory(err, "a topology");
        topology_free(t);
        return NULL;
    }
    reader r = { .topology = t, .err = err };
    bool ok = yaml_parser_initialize(&r.yaml) || bora_fail_memory(err, "a topology");
    if (ok) {
        yaml_parser_set_input_string(&r.yaml, (const unsigned char *)(text ? text : ""), text ? len : 0);
        ok = read_stream(&r);
    }
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.yaml);
    if (!ok) {
        topology_free(t);
        return NULL;
    }
    return t;
}

topology *topology_load(const char *path, bora_error *err)
{
    size_t len;
    char *text = file_read(path, (size_t)1 << 20, &len, err);
    if (!text)
        return NULL;
    topology *t = topology_parse(text, len, path, err);
    free(text);
    return t;
}
