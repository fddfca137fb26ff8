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

static bool read_file(declared_arch *d, const toml_value *root, bora_error *err)
{
    static const char *const keys[] = { "name", "about", "architectures", "model_types", "gguf", "graph", NULL };
    if (!known_keys(d, root, keys, err) || !text(d, root, "name", &d->arch.name, err) ||
        !text(d, root, "about", &d->about, err))
        return false;
    if (!d->arch.name)
        return bora_fail(err, BORA_FORMAT, "%s: \"name\" is missing: what --arch calls it", d->file);
    return texts(d, root, "architectures", &d->arch.architectures, err) &&
           texts(d, root, "model_types", &d->arch.model_types, err) && read_gguf(d, root, err) &&
           read_graph(d, root, err);
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
