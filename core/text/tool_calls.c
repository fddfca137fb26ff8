/* Calls of tools in an answer: see bora/chat.h.
 *
 * An answer is hostile text. Whether something is JSON is for the parser to say; where a value's text lies is then
 * found by walking along with what it made, so that arguments are given on as they were written, whatever their
 * numbers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bora/chat.h>

#include "base/buf.h"
#include "base/json.h"

enum { MAX_NAME_BYTES = 256 };

typedef struct search {
    const bora_tool_syntax *syntax;
    const char *end; /* of the answer */
    cJSON *tools;    /* or NULL */
    bora_tool_calls *out;
    size_t cap_calls;
    bora_error *err;
    bool failed; /* out of memory */
} search;

/* ---- text ---- */

static bool is_space(char c)
{
    return (unsigned char)c <= ' ';
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

static size_t trimmed(const char *text, size_t len)
{
    while (len > 0 && is_space(text[len - 1]))
        len--;
    return len;
}

static bool starts_with(const char *at, const char *end, const char *mark)
{
    size_t n = mark ? strlen(mark) : 0;
    return n > 0 && (size_t)(end - at) >= n && memcmp(at, mark, n) == 0;
}

static const char *find(const char *at, const char *end, const char *mark)
{
    return at < end ? memmem(at, (size_t)(end - at), mark, strlen(mark)) : NULL;
}

static bool is_set(const char *mark)
{
    return mark && *mark;
}

/* ---- where values of JSON lie; only for text that the parser has accepted ---- */

static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at + 1 : end;
}

static const char *skip_value(const char *at, const char *end)
{
    int depth = 0;
    while (at < end && (depth > 0 || !(strchr(",}]", *at) || is_space(*at)))) {
        if (*at == '"') {
            at = skip_string(at, end);
            continue;
        }
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at++;
    }
    return at;
}

/* Past white space and one byte. */
static const char *skip_mark(const char *at, const char *end)
{
    at = skip_space(at, end);
    return at < end ? at + 1 : end;
}

/* The member `key` of the object whose text begins at *at, or NULL; *at becomes where the value begins. */
static const cJSON *member(const cJSON *object, const char *key, const char **at, const char *end)
{
    const cJSON *item;
    const char *p = skip_mark(*at, end);
    cJSON_ArrayForEach(item, object) {
        p = skip_mark(skip_string(skip_space(p, end), end), end);
        p = skip_space(p, end);
        if (strcmp(item->string, key) == 0) {
            *at = p;
            return item;
        }
        p = skip_mark(skip_value(p, end), end);
    }
    return NULL;
}

/* ---- what is found ---- */

static bool fail(search *s)
{
    s->failed = true;
    return bora_fail_memory(s->err, "calls of tools");
}

/* Control characters, which models write into strings, are escaped. */
static bool put_json(buf *b, const char *at, const char *end)
{
    bool in_string = false;
    for (; at < end && !b->failed; at++) {
        if (*at == '"')
            in_string = !in_string;
        if ((unsigned char)*at >= ' ')
            buf_putc(b, *at);
        else if (in_string)
            buf_printf(b, "\\u%04x", (unsigned)(unsigned char)*at);
        else
            buf_putc(b, ' ');
        if (in_string && *at == '\\' && at + 1 < end && (unsigned char)at[1] >= ' ')
            buf_putc(b, *++at);
    }
    return !b->failed;
}

/* Takes over both texts. */
static bool add_call(search *s, char *name, char *arguments)
{
    bora_tool_calls *out = s->out;
    bool ok = name && arguments;
    if (ok && out->n_calls == s->cap_calls) {
        size_t cap = s->cap_calls ? 2 * s->cap_calls : 4;
        bora_tool_call *grown = reallocarray(out->calls, cap, sizeof *grown);
        ok = grown != NULL;
        if (ok) {
            out->calls = grown;
            s->cap_calls = cap;
        }
    }
    if (ok) {
        out->calls[out->n_calls++] = (bora_tool_call){ name, arguments };
        return true;
    }
    free(name);
    free(arguments);
    return fail(s);
}

static void forget_calls(search *s, size_t n)
{
    while (s->out->n_calls > n) {
        const bora_tool_call *call = &s->out->calls[--s->out->n_calls];
        free(call->name);
        free(call->arguments);
    }
}

/* These take what stands at `at` and return where it ends; NULL when it is no call. */

/* ---- JSON ---- */

/* A value's text as the arguments: an object, or a string that holds one. NULL when it is neither. */
static char *arguments_text(const cJSON *value, const char *at, const char *end)
{
    buf b = { 0 };
    if (cJSON_IsObject(value)) {
        put_json(&b, at, skip_value(at, end));
        return buf_take(&b);
    }
    const char *text = cJSON_IsString(value) ? value->valuestring : NULL;
    cJSON *inner = text ? json_parse(text, strlen(text), "", NULL) : NULL;
    if (cJSON_IsObject(inner))
        put_json(&b, text, text + strlen(text));
    cJSON_Delete(inner);
    return b.len ? buf_take(&b) : NULL;
}

static const cJSON *arguments_member(const search *s, const cJSON *object, const char **at)
{
    if (is_set(s->syntax->arguments))
        return member(object, s->syntax->arguments, at, s->end);
    const cJSON *value = member(object, "arguments", at, s->end);
    return value ? value : member(object, "parameters", at, s->end);
}

static bool take_object(search *s, const cJSON *object, const char *at, bool needs_arguments)
{
    const char *key = is_set(s->syntax->name) ? s->syntax->name : "name", *name = json_string(object, key, NULL);
    const char *inner = at;
    if (!name && cJSON_IsObject(json_get(object, "function"))) {
        object = member(object, "function", &inner, s->end);
        name = json_string(object, key, NULL);
        at = inner;
    }
    if (!name || !*name || strlen(name) > MAX_NAME_BYTES)
        return false;
    const cJSON *value = arguments_member(s, object, &at);
    if (!value || cJSON_IsNull(value))
        return !(needs_arguments && !value) && add_call(s, strdup(name), strdup("{}"));
    char *arguments = arguments_text(value, at, s->end);
    return arguments && add_call(s, strdup(name), arguments);
}

/* One JSON value: an object, or an array of objects. *stopped: how far it was read. */
static const char *take_json(search *s, const char *at, bool needs_arguments, const char **stopped)
{
    size_t before = s->out->n_calls;
    const char *after = at;
    *stopped = at;
    if (at == s->end || (*at != '{' && *at != '['))
        return NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(at, (size_t)(s->end - at), &after, false);
    *stopped = after > at ? after : at;
    bool ok = json && (cJSON_IsObject(json) ? take_object(s, json, at, needs_arguments) : json->child != NULL);
    const char *p = at + 1;
    for (const cJSON *item = cJSON_IsArray(json) ? json->child : NULL; ok && item; item = item->next) {
        p = skip_space(p, s->end);
        ok = cJSON_IsObject(item) && take_object(s, item, p, needs_arguments);
        p = skip_mark(skip_value(p, s->end), s->end);
    }
    cJSON_Delete(json);
    if (ok)
        return after;
    forget_calls(s, before);
    return NULL;
}

/* Values one after the other, or with a mark between. */
static const char *take_jsons(search *s, const char *at, bool needs_arguments, const char **stopped)
{
    const char *after = NULL, *unused;
    at = skip_space(at, s->end);
    const char *next = take_json(s, at, needs_arguments, stopped);
    while (next) {
        after = next;
        at = skip_space(after, s->end);
        if (at < s->end && (*at == ',' || *at == ';'))
            at = skip_space(at + 1, s->end);
        next = take_json(s, at, needs_arguments, &unused);
    }
    return after;
}

/* ---- names and values as text ---- */

/* The text from *at to the next mark, malloc'd, and *at behind the mark. NULL: there is none nearby. */
static char *take_until(const char **at, const char *end, const char *mark, size_t limit)
{
    size_t left = (size_t)(end - *at);
    const char *found = find(*at, *at + (left < limit ? left : limit), mark);
    char *text = found ? strndup(*at, (size_t)(found - *at)) : NULL;
    if (text)
        *at = found + strlen(mark);
    return text;
}

/* Whether a tool's schema says that this argument is a string. */
static bool is_string(const search *s, const char *tool, const char *parameter)
{
    const cJSON *each;
    cJSON_ArrayForEach(each, s->tools) {
        const cJSON *f = json_get(each, "function");
        f = f ? f : each;
        if (strcmp(json_string(f, "name", ""), tool) != 0)
            continue;
        const cJSON *schema = json_get(json_get(json_get(f, "parameters"), "properties"), parameter);
        return strcmp(json_string(schema, "type", ""), "string") == 0;
    }
    return false;
}

static bool put_string(buf *b, const char *text)
{
    cJSON *string = cJSON_CreateString(text);
    char *json = string ? cJSON_PrintUnformatted(string) : NULL;
    bool ok = json && buf_puts(b, json);
    b->failed |= !ok;
    cJSON_free(json);
    cJSON_Delete(string);
    return ok;
}

static bool put_parameter(const search *s, buf *b, const char *tool, const char *parameter, char *value)
{
    size_t len = strlen(value);
    if (len && value[len - 1] == '\n')
        value[--len] = '\0';
    value += *value == '\n';
    cJSON *json = is_string(s, tool, parameter) ? NULL : json_parse(value, strlen(value), "", NULL);
    buf_puts(b, b->len > 1 ? ", " : "");
    put_string(b, parameter);
    buf_puts(b, ": ");
    if (json)
        put_json(b, value, value + strlen(value));
    else
        put_string(b, value);
    cJSON_Delete(json);
    return !b->failed;
}

static const char *take_parameters(search *s, const char *at, const char *tool, buf *arguments)
{
    const bora_tool_syntax *syntax = s->syntax;
    buf_putc(arguments, '{');
    for (;;) {
        const char *next = skip_space(at, s->end);
        if (!starts_with(next, s->end, syntax->parameter_begin))
            break;
        next += strlen(syntax->parameter_begin);
        char *name = take_until(&next, s->end, syntax->parameter_name_end, MAX_NAME_BYTES);
        char *value = name ? take_until(&next, s->end, syntax->parameter_end, SIZE_MAX) : NULL;
        bool ok = value && put_parameter(s, arguments, tool, name, value);
        free(name);
        free(value);
        if (!ok)
            return NULL;
        at = next;
    }
    buf_putc(arguments, '}');
    return at;
}

/* The tool's name, and what stands between it and the arguments. */
static char *take_name(const search *s, const char **at)
{
    const char *p = skip_space(*at, s->end), *from = p;
    while (p < s->end && !is_space(*p) && !strchr("<>[]{}()\"'`|=,", *p) && p - from <= MAX_NAME_BYTES)
        p++;
    if (p == from || p - from > MAX_NAME_BYTES)
        return NULL;
    *at = p;
    if (is_set(s->syntax->arguments_begin)) {
        char *between = take_until(at, s->end, s->syntax->arguments_begin, MAX_NAME_BYTES);
        if (!between)
            return NULL;
        free(between);
    }
    return strndup(from, (size_t)(p - from));
}

static const char *take_text(search *s, const char *at, const char **stopped)
{
    *stopped = at;
    char *name = take_name(s, &at);
    if (!name)
        return NULL;
    buf arguments = { 0 };
    const char *after;
    if (is_set(s->syntax->parameter_begin)) {
        after = take_parameters(s, at, name, &arguments);
    } else {
        at = skip_space(at, s->end);
        cJSON *json =
            at < s->end && *at == '{' ? cJSON_ParseWithLengthOpts(at, (size_t)(s->end - at), &after, false) : NULL;
        if (!json)
            after = NULL;
        else
            put_json(&arguments, at, after);
        cJSON_Delete(json);
    }
    if (after && !arguments.failed)
        return add_call(s, name, buf_take(&arguments)) ? after : NULL;
    if (arguments.failed)
        fail(s);
    free(name);
    buf_free(&arguments);
    return NULL;
}

/* ---- the answer ---- */

static bool writes_text(const bora_tool_syntax *s)
{
    return is_set(s->arguments_begin) || is_set(s->parameter_begin);
}

/* What may be left out before and after calls. */
static void drop_marks_before(buf *text, const char *const *marks)
{
    for (const char *const *m = marks; m && *m;) {
        size_t n = trimmed(text->data ? text->data : "", text->len), mark = strlen(*m);
        if (mark > 0 && n >= mark && memcmp(text->data + n - mark, *m, mark) == 0) {
            text->len = n - mark;
            text->data[text->len] = '\0';
            m = marks;
        } else {
            m++;
        }
    }
}

static const char *skip_marks(const search *s, const char *at)
{
    const char *next = skip_space(at, s->end);
    if (starts_with(next, s->end, s->syntax->end))
        at = next + strlen(s->syntax->end);
    for (const char *const *m = s->syntax->around; m && *m;) {
        next = skip_space(at, s->end);
        if (starts_with(next, s->end, *m)) {
            at = next + strlen(*m);
            m = s->syntax->around;
        } else {
            m++;
        }
    }
    return at;
}

/* The whole answer as calls. */
static bool take_bare(search *s, const char *at)
{
    const char *unused;
    const char *after = take_jsons(s, at, true, &unused);
    if (after && skip_space(skip_marks(s, after), s->end) == s->end)
        return true;
    forget_calls(s, 0);
    return false;
}

static void take_all(search *s, const char *at, buf *text)
{
    const char *begin = s->syntax->begin, *hit, *stopped;
    while (!s->failed && (hit = find(at, s->end, begin))) {
        const char *inside = hit + strlen(begin);
        buf_append(text, at, (size_t)(hit - at));
        const char *after =
            writes_text(s->syntax) ? take_text(s, inside, &stopped) : take_jsons(s, inside, false, &stopped);
        if (after) {
            drop_marks_before(text, s->syntax->around);
            at = skip_marks(s, after);
        } else {
            buf_append(text, hit, (size_t)(stopped - hit));
            at = stopped;
        }
    }
    buf_append(text, at, (size_t)(s->end - at));
}

static bool set_text(search *s, buf *text)
{
    size_t from = 0, len = text->len;
    if (s->out->n_calls > 0) {
        len = trimmed(text->data ? text->data : "", len);
        while (from < len && is_space(text->data[from]))
            from++;
    }
    s->out->text_len = len - from;
    s->out->text = text->failed ? NULL : malloc(s->out->text_len + 1);
    if (!s->out->text)
        return fail(s);
    if (s->out->text_len)
        memcpy(s->out->text, text->data + from, s->out->text_len);
    s->out->text[s->out->text_len] = '\0';
    return true;
}

bool bora_tool_calls_parse(const bora_tool_syntax *syntax, const char *text, size_t len, const char *tools_json,
                           bora_tool_calls *out, bora_error *err)
{
    *out = (bora_tool_calls){ 0 };
    search s = { .syntax = syntax, .end = text + len, .out = out, .err = err };
    if (tools_json && !(s.tools = json_parse(tools_json, strlen(tools_json), "tools", err)))
        return false;
    buf rest = { 0 };
    if (!is_set(syntax->begin))
        buf_append(&rest, text, len);
    else if (!(syntax->bare && take_bare(&s, text)))
        take_all(&s, text, &rest);
    bool ok = !s.failed && set_text(&s, &rest);
    buf_free(&rest);
    cJSON_Delete(s.tools);
    if (!ok)
        bora_tool_calls_free(out);
    return ok;
}

void bora_tool_calls_free(bora_tool_calls *c)
{
    for (size_t i = 0; i < c->n_calls; i++) {
        free(c->calls[i].name);
        free(c->calls[i].arguments);
    }
    free(c->calls);
    free(c->text);
    *c = (bora_tool_calls){ 0 };
}

/* Where the mark begins in the text, or may begin at its end; else `len`. */
static size_t mark_at(const char *text, size_t len, const char *mark)
{
    size_t n = strlen(mark);
    if (n == 0)
        return len;
    const char *found = find(text, text + len, mark);
    if (found)
        return (size_t)(found - text);
    for (size_t tail = n - 1 < len ? n - 1 : len; tail > 0; tail--)
        if (memcmp(text + len - tail, mark, tail) == 0)
            return len - tail;
    return len;
}

size_t bora_tool_calls_before(const bora_tool_syntax *syntax, const char *text, size_t len)
{
    if (!is_set(syntax->begin))
        return len;
    const char *first = skip_space(text, text + len);
    if (syntax->bare && (first == text + len || *first == '{' || *first == '['))
        return 0;
    size_t n = mark_at(text, len, syntax->begin);
    for (const char *const *m = syntax->around; m && *m; m++) {
        size_t at = mark_at(text, n, *m);
        n = at < n ? at : n;
    }
    return trimmed(text, n);
}
