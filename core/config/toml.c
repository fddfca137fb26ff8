/* TOML: the tree. Specification: toml.io/en/v1.0.0.
 *
 * Every member of every table is also in one balanced search tree for the whole document, ordered by (table, key): it
 * finds a key in logarithmic time whatever the keys are, where a hash would have its worst case. It lives while the
 * text is parsed. How a table came to be decides who may add to it later; that is all of TOML's rules about
 * redefinition. */
#include "config/toml.h"

#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "config/toml_parser.h"

typedef enum origin {
    PLAIN,       /* a value: not a table, or one that nobody may add to */
    PASSED_BY,   /* a table that a header for one of its children implied: its own header may still come */
    BY_HEADER,   /* [table] */
    BY_DOTS,     /* a table that dotted keys imply: more dotted keys may add to it, no header may open it */
    BY_ELEMENTS, /* an array of [[tables]] */
} origin;

/* A value of the tree with what only the parser needs to know. */
typedef struct node {
    toml_value value; /* first: a node is a value */
    const struct node *parent;
    struct node *last; /* child */
    int depth;
    origin origin;
} node;

typedef struct parser {
    toml_cursor cursor;
    node root;
    void *members; /* of tsearch() */
} parser;

typedef struct key {
    const char *text;
    size_t len;
    toml_mark mark;
} key;

static bool read_value(parser *p, node *into);

static int compare_members(const void *x, const void *y)
{
    const node *a = x, *b = y;
    if (a->parent != b->parent)
        return (uintptr_t)a->parent < (uintptr_t)b->parent ? -1 : 1;
    if (a->value.key_len != b->value.key_len)
        return a->value.key_len < b->value.key_len ? -1 : 1;
    return memcmp(a->value.key, b->value.key, a->value.key_len);
}

static node *find_member(parser *p, const node *table, const key *k)
{
    node probe = { .value = { .key = k->text, .key_len = k->len }, .parent = table };
    void *found = tfind(&probe, &p->members, compare_members);
    return found ? *(node **)found : NULL;
}

/* A new last child of `parent`; its type and value are still to come. */
static node *add_child(parser *p, node *parent, const char *name, size_t name_len, toml_mark mark)
{
    toml_cursor *c = &p->cursor;
    if (parent->depth == TOML_MAX_DEPTH) {
        toml_fail_limit(c, "nested more than %d deep", TOML_MAX_DEPTH);
        return NULL;
    }
    node *child = arena_alloc(c->arena, sizeof *child);
    if (!child) {
        bora_fail_memory(c->err, "a TOML value");
        return NULL;
    }
    child->value.key = name;
    child->value.key_len = name_len;
    child->value.line = mark.line;
    child->value.column = mark.column;
    child->parent = parent;
    child->depth = parent->depth + 1;
    if (name && !tsearch(child, &p->members, compare_members)) {
        bora_fail_memory(c->err, "a TOML key");
        return NULL;
    }
    if (parent->last)
        parent->last->value.next = &child->value;
    else
        parent->value.first = &child->value;
    parent->last = child;
    parent->value.count++;
    return child;
}

static node *add_table(parser *p, node *parent, const key *k, origin how)
{
    node *table = add_child(p, parent, k->text, k->len, k->mark);
    if (table) {
        table->value.type = TOML_TABLE;
        table->origin = how;
    }
    return table;
}

static int shown(const key *k)
{
    return k->len < 60 ? (int)k->len : 60;
}

static bool fail_defined(parser *p, const key *k, const node *before)
{
    return toml_fail_at(&p->cursor, k->mark, "`%.*s` is already defined as %s on line %d", shown(k), k->text,
                        toml_type_name(before->value.type), before->value.line);
}

static bool is_bare(char c)
{
    return toml_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}

/* One part of a key, and the blanks behind it. */
static bool read_key(parser *p, key *k)
{
    toml_cursor *c = &p->cursor;
    k->mark = toml_here(c);
    char first = toml_peek(c, 0);
    if (first == '"' || first == '\'') {
        if (toml_peek(c, 1) == first && toml_peek(c, 2) == first)
            return toml_fail(c, "a key is written on one line: in one pair of quotes");
        if (!toml_read_string(c, &k->text, &k->len, NULL))
            return false;
    } else {
        const char *start = c->at;
        while (is_bare(toml_peek(c, 0)))
            c->at++;
        k->len = (size_t)(c->at - start);
        if (k->len == 0)
            return toml_fail(c, "a key is missing here: found %s%s", toml_what_is_here(c).text,
                             (first & 0x80) ? " (keys of other than a-z, A-Z, 0-9, _ and - stand in quotes)" : "");
        k->text = arena_strndup(c->arena, start, k->len);
        if (!k->text)
            return bora_fail_memory(c->err, "a TOML key");
    }
    toml_skip_blanks(c);
    return true;
}

/* `key = value` into `table`. Each dotted part before the last is a table, made here or by other dotted keys. */
static bool read_member(parser *p, node *table)
{
    toml_cursor *c = &p->cursor;
    key k;
    for (;;) {
        if (!read_key(p, &k))
            return false;
        if (toml_peek(c, 0) != '.')
            break;
        node *found = find_member(p, table, &k);
        if (!found)
            found = add_table(p, table, &k, BY_DOTS);
        else if (found->origin == PASSED_BY)
            found->origin = BY_DOTS;
        else if (found->origin != BY_DOTS)
            return fail_defined(p, &k, found);
        if (!found)
            return false;
        table = found;
        c->at++;
        toml_skip_blanks(c);
    }
    if (toml_peek(c, 0) != '=')
        return toml_fail(c, "`=` is missing after the key `%.*s`: found %s", shown(&k), k.text,
                         toml_what_is_here(c).text);
    const node *before = find_member(p, table, &k);
    if (before)
        return fail_defined(p, &k, before);
    c->at++;
    toml_skip_blanks(c);
    node *member = add_child(p, table, k.text, k.len, k.mark);
    return member && read_value(p, member);
}

static bool read_array(parser *p, node *array)
{
    toml_cursor *c = &p->cursor;
    toml_mark start = toml_here(c);
    array->value.type = TOML_ARRAY;
    do {
        c->at++; /* the bracket or a comma */
        toml_skip_lines(c);
        if (c->at == c->end || toml_peek(c, 0) == ']')
            break;
        node *element = add_child(p, array, NULL, 0, toml_here(c));
        if (!element || !read_value(p, element))
            return false;
        toml_skip_lines(c);
    } while (toml_peek(c, 0) == ',');
    if (c->at == c->end)
        return toml_fail_at(c, start, "this array is never closed: `]` is missing");
    if (toml_peek(c, 0) != ']')
        return toml_fail(c, "`,` or `]` is missing in the array: found %s", toml_what_is_here(c).text);
    c->at++;
    return true;
}

static bool read_inline_table(parser *p, node *table)
{
    toml_cursor *c = &p->cursor;
    table->value.type = TOML_TABLE;
    c->at++;
    toml_skip_blanks(c);
    if (toml_peek(c, 0) == '}') {
        c->at++;
        return true;
    }
    for (;;) {
        if (toml_at_line_end(c))
            return toml_fail(c, "a table in braces stands on one line: use a [header] for a longer one");
        if (!read_member(p, table))
            return false;
        toml_skip_blanks(c);
        char closing = toml_peek(c, 0);
        if (closing != ',' && closing != '}')
            return toml_fail(c, "`,` or `}` is missing in the table: found %s%s", toml_what_is_here(c).text,
                             toml_at_line_end(c) ? " (a table in braces stands on one line)" : "");
        c->at++;
        if (closing == '}')
            return true;
        toml_skip_blanks(c);
        if (toml_peek(c, 0) == '}')
            return toml_fail(c, "no comma stands before the `}` of a table");
    }
}

static bool read_value(parser *p, node *into)
{
    toml_cursor *c = &p->cursor;
    switch (toml_peek(c, 0)) {
    case '[':
        return read_array(p, into);
    case '{':
        return read_inline_table(p, into);
    case '"':
    case '\'':
        into->value.type = TOML_STRING;
        return toml_read_string(c, &into->value.string, &into->value.len, &into->value.first_line);
    default:
        return toml_read_scalar(c, &into->value);
    }
}

/* The table that a header goes through on its way: of an array of tables, the latest. */
static node *pass_through(parser *p, node *table, const key *k)
{
    node *found = find_member(p, table, k);
    if (!found)
        return add_table(p, table, k, PASSED_BY);
    if (found->origin == BY_ELEMENTS)
        return found->last;
    if (found->origin != PLAIN)
        return found;
    if (found->value.type == TOML_TABLE || found->value.type == TOML_ARRAY)
        toml_fail_at(&p->cursor, k->mark, "`%.*s` on line %d is %s written out as a value: nothing can be added to it",
                     shown(k), k->text, found->value.line, toml_type_name(found->value.type));
    else
        fail_defined(p, k, found);
    return NULL;
}

static node *open_table(parser *p, node *parent, const key *k)
{
    node *found = find_member(p, parent, k);
    if (!found)
        return add_table(p, parent, k, BY_HEADER);
    if (found->origin != PASSED_BY) {
        fail_defined(p, k, found);
        return NULL;
    }
    found->origin = BY_HEADER;
    found->value.line = k->mark.line;
    found->value.column = k->mark.column;
    return found;
}

static node *open_element(parser *p, node *parent, const key *k)
{
    node *array = find_member(p, parent, k);
    if (!array) {
        array = add_child(p, parent, k->text, k->len, k->mark);
        if (!array)
            return NULL;
        array->value.type = TOML_ARRAY;
        array->origin = BY_ELEMENTS;
    } else if (array->origin != BY_ELEMENTS) {
        fail_defined(p, k, array);
        return NULL;
    }
    return add_table(p, array, &(key){ .mark = k->mark }, BY_HEADER);
}

/* `[a.b]` or `[[a.b]]`; returns the table that it opens. */
static node *read_header(parser *p)
{
    toml_cursor *c = &p->cursor;
    bool element = toml_peek(c, 1) == '[';
    c->at += element ? 2 : 1;
    node *table = &p->root;
    key k;
    for (;;) {
        toml_skip_blanks(c);
        if (!read_key(p, &k))
            return NULL;
        if (toml_peek(c, 0) != '.')
            break;
        c->at++;
        table = pass_through(p, table, &k);
        if (!table)
            return NULL;
    }
    if (toml_peek(c, 0) != ']' || (element && toml_peek(c, 1) != ']')) {
        toml_fail(c, "`%s` is missing at the end of the header: found %s", element ? "]]" : "]",
                  toml_what_is_here(c).text);
        return NULL;
    }
    c->at += element ? 2 : 1;
    return element ? open_element(p, table, &k) : open_table(p, table, &k);
}

static bool read_document(parser *p)
{
    toml_cursor *c = &p->cursor;
    if (!toml_check_text(c))
        return false;
    node *table = &p->root;
    for (toml_skip_lines(c); c->at < c->end; toml_skip_lines(c)) {
        bool header = *c->at == '[';
        if (header)
            table = read_header(p);
        if (!table || (!header && !read_member(p, table)))
            return false;
        toml_skip_blanks(c);
        toml_skip_comment(c);
        if (c->at < c->end && !toml_at_line_end(c))
            return toml_fail(c, "the line should end after the %s: found %s", header ? "header" : "value",
                             toml_what_is_here(c).text);
    }
    return true;
}

static void keep(void *member)
{
    (void)member; /* nodes belong to the arena */
}

toml_value *toml_parse(arena *a, const char *text, size_t len, const char *name, bora_error *err)
{
    if (len > INT_MAX) {
        bora_fail(err, BORA_LIMIT, "%s: %zu bytes are too many for a TOML file", name, len);
        return NULL;
    }
    parser *p = arena_alloc(a, sizeof *p); /* the root is in it */
    if (!p) {
        bora_fail_memory(err, "a TOML document");
        return NULL;
    }
    size_t mark_bytes = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    const char *start = text ? text + mark_bytes : "";
    p->cursor = (toml_cursor){ .at = start,
                               .end = start + (len - mark_bytes),
                               .name = name,
                               .line = 1,
                               .line_start = start,
                               .counted = start,
                               .arena = a,
                               .err = err };
    p->root = (node){ .value = { .type = TOML_TABLE, .line = 1, .column = 1 }, .origin = BY_HEADER };
    bool ok = read_document(p);
    tdestroy(p->members, keep);
    buf_free(&p->cursor.scratch);
    return ok ? &p->root.value : NULL;
}

toml_value *toml_load(arena *a, const char *path, bora_error *err)
{
    size_t len;
    char *text = file_read(path, (size_t)16 << 20, &len, err);
    if (!text)
        return NULL;
    toml_value *root = toml_parse(a, text, len, path, err);
    free(text);
    return root;
}

const toml_value *toml_get(const toml_value *table, const char *name)
{
    if (!table || table->type != TOML_TABLE)
        return NULL;
    size_t len = strlen(name);
    for (const toml_value *v = table->first; v; v = v->next)
        if (v->key_len == len && memcmp(v->key, name, len) == 0)
            return v;
    return NULL;
}

const char *toml_type_name(toml_type type)
{
    static const char *const names[] = {
        [TOML_STRING] = "a string",
        [TOML_INT] = "an integer",
        [TOML_FLOAT] = "a float",
        [TOML_BOOL] = "a boolean",
        [TOML_OFFSET_DATETIME] = "a date and time with an offset",
        [TOML_LOCAL_DATETIME] = "a date and time",
        [TOML_LOCAL_DATE] = "a date",
        [TOML_LOCAL_TIME] = "a time",
        [TOML_ARRAY] = "an array",
        [TOML_TABLE] = "a table",
    };
    return (unsigned)type < sizeof names / sizeof *names ? names[type] : "nothing";
}
