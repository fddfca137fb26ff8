/* From a file to an architecture: its tables are checked and its equations parsed, so that what is wrong with it is
 * said when it is loaded, with the line. */
#include <stdlib.h>
#include <string.h>

#include "arch/declared.h"
#include "base/file.h"
#include "base/nearest.h"
#include "config/toml.h"
#include "plugin/runtime.h"

enum { FILE_LIMIT_BYTES = 1 << 20 };

static bool fail_at(const declared_arch *d, const toml_value *v, bora_error *err, const char *what)
{
    return bora_fail(err, BORA_FORMAT, "%s:%d:%d: %s", d->file, v->line, v->column, what);
}

/* Refuses keys that are not in the NULL-terminated list. */
static bool known_keys(const declared_arch *d, const toml_value *table, const char *const *keys, bora_error *err)
{
    size_t n = 0;
    while (keys[n])
        n++;
    for (const toml_value *v = table ? table->first : NULL; v; v = v->next) {
        size_t i = 0;
        while (i < n && strcmp(keys[i], v->key) != 0)
            i++;
        if (i < n)
            continue;
        const char *near = nearest_name(v->key, keys, n);
        return bora_fail(err, BORA_FORMAT, "%s:%d:%d: there is no key \"%s\" here%s%s%s", d->file, v->line, v->column,
                         v->key, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    }
    return true;
}

/* A string without NULs. */
static bool is_text(const toml_value *v)
{
    return v->type == TOML_STRING && strlen(v->string) == v->len;
}

/* NULL when it is not there. */
static bool text(const declared_arch *d, const toml_value *table, const char *key, const char **out, bora_error *err)
{
    const toml_value *v = toml_get(table, key);
    *out = NULL;
    if (!v)
        return true;
    if (!is_text(v))
        return fail_at(d, v, err, "must be a string");
    *out = v->string;
    return true;
}

static bool table_at(const declared_arch *d, const toml_value *root, const char *key, const toml_value **out,
                     bora_error *err)
{
    *out = toml_get(root, key);
    return !*out || (*out)->type == TOML_TABLE ? true : fail_at(d, *out, err, "must be a table");
}

/* An array of strings as a NULL-terminated list; NULL when it is not there. */
static bool texts(declared_arch *d, const toml_value *table, const char *key, const char *const **out, bora_error *err)
{
    const toml_value *v = toml_get(table, key);
    *out = NULL;
    if (!v)
        return true;
    if (v->type != TOML_ARRAY)
        return fail_at(d, v, err, "must be an array of strings");
    const char **list = arena_array(&d->arena, v->count + 1, sizeof *list);
    if (!list)
        return bora_fail_memory(err, d->file);
    size_t n = 0;
    for (const toml_value *item = v->first; item; item = item->next) {
        if (!is_text(item))
            return fail_at(d, item, err, "must be a string");
        if (item->len == 0)
            return fail_at(d, item, err, "must not be empty");
        list[n++] = item->string;
    }
    *out = list;
    return true;
}

/* A table of strings as a list of pairs. */
static bool pairs(declared_arch *d, const toml_value *gguf, const char *key, const bora_name_pair **out,
                  bora_error *err)
{
    const toml_value *table;
    *out = NULL;
    if (!table_at(d, gguf, key, &table, err) || !table)
        return !table;
    bora_name_pair *list = arena_array(&d->arena, table->count + 1, sizeof *list);
    if (!list)
        return bora_fail_memory(err, d->file);
    size_t n = 0;
    for (const toml_value *v = table->first; v; v = v->next) {
        if (!is_text(v) || strlen(v->key) != v->key_len)
            return fail_at(d, v, err, "must be a string (a name with dots stands in quotes)");
        list[n++] = (bora_name_pair){ v->key, v->string };
    }
    *out = list;
    return true;
}

static bool equations(declared_arch *d, const toml_value *graph, const char *key, const statement **out,
                      bora_error *err)
{
    const char *source;
    if (!text(d, graph, key, &source, err))
        return false;
    const toml_value *v = toml_get(graph, key);
    return !source || parse_statements(&d->arena, d->file, v->first_line, source, v->len, out, err);
}

static bool read_graph(declared_arch *d, const toml_value *root, bora_error *err)
{
    static const char *const keys[] = { "setup", "layers", "scope", "layer", "output", NULL };
    const toml_value *graph;
    const char *layers;
    if (!table_at(d, root, "graph", &graph, err))
        return false;
    if (!graph || !toml_get(graph, "output"))
        return bora_fail(err, BORA_FORMAT, "%s: [graph] with \"output\" is missing: the equations of the architecture",
                         d->file);
    if (!known_keys(d, graph, keys, err) || !text(d, graph, "layers", &layers, err) ||
        !text(d, graph, "scope", &d->scope, err))
        return false;
    const toml_value *v = toml_get(graph, "layers");
    layers = layers ? layers : "num_hidden_layers";
    d->scope = d->scope ? d->scope : "model.layers.{i}";
    return parse_expression(&d->arena, d->file, v ? v->first_line : graph->line, layers, strlen(layers), &d->layers,
                            err) &&
           equations(d, graph, "setup", &d->setup, err) && equations(d, graph, "layer", &d->layer, err) &&
           equations(d, graph, "output", &d->output, err);
}

static bool read_gguf(declared_arch *d, const toml_value *root, bora_error *err)
{
    static const char *const keys[] = { "architectures", "needs", "interleaved_rope", "weights", "params", NULL };
    const toml_value *gguf, *interleaved;
    if (!table_at(d, root, "gguf", &gguf, err) || !known_keys(d, gguf, keys, err))
        return false;
    interleaved = toml_get(gguf, "interleaved_rope");
    if (interleaved && interleaved->type != TOML_BOOL)
        return fail_at(d, interleaved, err, "must be true or false");
    d->arch.gguf_interleaved_rope = interleaved && interleaved->boolean;
    return texts(d, gguf, "architectures", &d->arch.gguf_architectures, err) &&
           text(d, gguf, "needs", &d->arch.gguf_needs, err) && pairs(d, gguf, "weights", &d->arch.gguf_weights, err) &&
           pairs(d, gguf, "params", &d->arch.gguf_params, err);
}

/* ---- conversation ---- */

/* A string that is not empty, NULL when it is not there. */
static bool mark(const declared_arch *d, const toml_value *table, const char *key, const char **out, bora_error *err)
{
    if (!text(d, table, key, out, err))
        return false;
    return !*out || **out ? true : fail_at(d, toml_get(table, key), err, "must not be empty");
}

static bool need(const declared_arch *d, const toml_value *table, const char *key, const char *given, bora_error *err)
{
    return given ? true
                 : bora_fail(err, BORA_FORMAT, "%s:%d:%d: \"%s\" is missing here", d->file, table->line, table->column,
                             key);
}

static bool flag(const declared_arch *d, const toml_value *table, const char *key, bool *out, bora_error *err)
{
    const toml_value *v = toml_get(table, key);
    *out = v && v->type == TOML_BOOL && v->boolean;
    return !v || v->type == TOML_BOOL ? true : fail_at(d, v, err, "must be true or false");
}

/* An array of tables; `count` is 0 when it is not there. */
static bool tables_at(const declared_arch *d, const toml_value *chat, const char *key, const toml_value **first,
                      size_t *count, bora_error *err)
{
    const toml_value *list = toml_get(chat, key);
    *first = list ? list->first : NULL;
    *count = list ? list->count : 0;
    for (const toml_value *v = *first; list && list->type == TOML_ARRAY && v; v = v->next)
        if (v->type != TOML_TABLE)
            return fail_at(d, v, err, "must be a table");
    return !list || list->type == TOML_ARRAY ? true : fail_at(d, list, err, "must be an array of tables");
}

static bool read_thinking(declared_arch *d, const toml_value *chat, bora_error *err)
{
    static const char *const keys[] = { "begin", "end", "answer", NULL };
    const toml_value *v;
    size_t n;
    if (!tables_at(d, chat, "thinking", &v, &n, err))
        return false;
    bora_thinking_tags *tags = arena_array(&d->arena, n + 1, sizeof *tags);
    if (!tags)
        return bora_fail_memory(err, d->file);
    d->chat.thinking = tags;
    for (; v; v = v->next, tags++)
        if (!known_keys(d, v, keys, err) || !mark(d, v, "begin", &tags->begin, err) ||
            !mark(d, v, "end", &tags->end, err) || !texts(d, v, "answer", &tags->answer, err) ||
            !need(d, v, "begin", tags->begin, err) || !need(d, v, "end", tags->end, err))
            return false;
    return true;
}

static bool read_tool_syntax(declared_arch *d, const toml_value *v, bora_tool_syntax *s, bora_error *err)
{
    static const char *const keys[] = { "when",
                                        "begin",
                                        "end",
                                        "bare",
                                        "name",
                                        "arguments",
                                        "arguments_begin",
                                        "parameter_begin",
                                        "parameter_name_end",
                                        "parameter_end",
                                        "around",
                                        NULL };
    const struct {
        const char *key;
        const char **out;
    } marks[] = {
        { "when", &s->when },
        { "begin", &s->begin },
        { "end", &s->end },
        { "name", &s->name },
        { "arguments", &s->arguments },
        { "arguments_begin", &s->arguments_begin },
        { "parameter_begin", &s->parameter_begin },
        { "parameter_name_end", &s->parameter_name_end },
        { "parameter_end", &s->parameter_end },
    };
    if (!known_keys(d, v, keys, err))
        return false;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (!mark(d, v, marks[i].key, marks[i].out, err))
            return false;
    return flag(d, v, "bare", &s->bare, err) && texts(d, v, "around", &s->around, err) &&
           need(d, v, "begin", s->begin, err) &&
           (!s->parameter_begin || (need(d, v, "parameter_name_end", s->parameter_name_end, err) &&
                                    need(d, v, "parameter_end", s->parameter_end, err)));
}

static bool read_chat(declared_arch *d, const toml_value *root, bora_error *err)
{
    static const char *const keys[] = { "stop", "thinking", "tools", NULL };
    const toml_value *chat, *v;
    size_t n;
    if (!table_at(d, root, "chat", &chat, err) || !chat)
        return !chat;
    if (!known_keys(d, chat, keys, err) || !texts(d, chat, "stop", &d->chat.stop, err) ||
        !read_thinking(d, chat, err) || !tables_at(d, chat, "tools", &v, &n, err))
        return false;
    bora_tool_syntax *tools = arena_array(&d->arena, n + 1, sizeof *tools);
    if (!tools)
        return bora_fail_memory(err, d->file);
    d->chat.tools = tools;
    for (; v; v = v->next)
        if (!read_tool_syntax(d, v, tools++, err))
            return false;
    d->arch.chat = &d->chat;
    return true;
}

static bool read_file(declared_arch *d, const toml_value *root, bora_error *err)
{
    static const char *const keys[] = {
        "name", "about", "architectures", "model_types", "gguf", "chat", "graph", NULL
    };
    if (!known_keys(d, root, keys, err) || !text(d, root, "name", &d->arch.name, err) ||
        !text(d, root, "about", &d->arch.about, err))
        return false;
    if (!d->arch.name)
        return bora_fail(err, BORA_FORMAT, "%s: \"name\" is missing: what --arch calls it", d->file);
    return texts(d, root, "architectures", &d->arch.architectures, err) &&
           texts(d, root, "model_types", &d->arch.model_types, err) && read_gguf(d, root, err) &&
           read_chat(d, root, err) && read_graph(d, root, err);
}

declared_arch *declared_parse(const char *source, size_t len, const char *name, bora_error *err)
{
    declared_arch *d = calloc(1, sizeof *d);
    if (!d) {
        bora_fail_memory(err, name);
        return NULL;
    }
    d->file = arena_strdup(&d->arena, name);
    const toml_value *root = d->file ? toml_parse(&d->arena, source, len, d->file, err) : NULL;
    if (!root || !read_file(d, root, err)) {
        if (!d->file)
            bora_fail_memory(err, name);
        declared_close(d);
        return NULL;
    }
    d->arch.build = declared_build;
    d->archs[0] = &d->arch;
    d->plugin = (bora_plugin){ BORA_PLUGIN_ABI, .name = d->arch.name, .version = BORA_VERSION, .archs = d->archs };
    return d;
}

declared_arch *declared_open(const char *path, bora_error *err)
{
    size_t len;
    char *source = file_read(path, FILE_LIMIT_BYTES, &len, err);
    declared_arch *d = source ? declared_parse(source, len, path_base(path), err) : NULL;
    free(source);
    return d;
}

void declared_close(declared_arch *d)
{
    if (!d)
        return;
    arena_free(&d->arena);
    free(d);
}

/* ---- as a plugin file ---- */

static void *open_file(const char *path, const bora_plugin **plugin, bora_error *err)
{
    declared_arch *d = declared_open(path, err);
    *plugin = d ? &d->plugin : NULL;
    return d;
}

static void close_file(void *handle)
{
    declared_close(handle);
}

const plugin_kind declared_plugins = { .suffix = ".toml", .open = open_file, .close = close_file };
