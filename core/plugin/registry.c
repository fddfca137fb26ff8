/* What the plugins offer: tables are checked when they come in, and found by name afterwards. There are dozens of them,
 * not thousands, and lookups happen while something is loaded: lists are searched in order. */
#include "plugin/runtime.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <bora/layout.h>

static bool in_list(const char *const *list, const char *word)
{
    for (; list && *list; list++)
        if (strcasecmp(*list, word) == 0)
            return true;
    return false;
}

static bool good_name(const char *name)
{
    if (!name || !*name || strlen(name) > 64)
        return false;
    for (const char *c = name; *c; c++)
        if (*c <= ' ' || *c > '~')
            return false;
    return true;
}

const bora_quant *bora_runtime_quant(const bora_runtime *rt, const char *name)
{
    REGISTRY_EACH(rt, quants, bora_quant, q)
    if (strcasecmp(q->name, name) == 0 || in_list(q->aliases, name))
        return q;
    return NULL;
}

const bora_quant *bora_runtime_stored_quant(void *runtime, const char *stored_as)
{
    const bora_runtime *rt = runtime;
    REGISTRY_EACH(rt, quants, bora_quant, q)
    if (in_list(q->stored_as, stored_as))
        return q;
    return NULL;
}

const bora_arch *bora_runtime_arch(const bora_runtime *rt, const char *name)
{
    REGISTRY_EACH(rt, archs, bora_arch, a)
    if (strcasecmp(a->name, name) == 0)
        return a;
    return NULL;
}

const bora_backend *bora_runtime_backend(const bora_runtime *rt, const char *name)
{
    REGISTRY_EACH(rt, backends, bora_backend, b)
    if (strcasecmp(b->name, name) == 0)
        return b;
    return NULL;
}

const bora_op *bora_runtime_op(const bora_runtime *rt, const char *name)
{
    REGISTRY_EACH(rt, ops, bora_op, o)
    if (strcmp(o->name, name) == 0)
        return o;
    return NULL;
}

static bool quant_matches(const bora_kernel *k, const char *quant)
{
    if (k->quant && strcmp(k->quant, BORA_ANY_QUANT) == 0)
        return true;
    return k->quant && quant ? strcasecmp(k->quant, quant) == 0 : k->quant == quant;
}

bool registry_serves(const bora_runtime *rt, const bora_kernel *kernel, const char *op, const char *backend)
{
    if (strcasecmp(kernel->backend, backend) != 0 || kernel->tiles_of)
        return false;
    if (strcmp(kernel->op, op) == 0)
        return !kernel->usable || kernel->usable();
    if (!kernel->tile)
        return false;
    REGISTRY_EACH(rt, kernels, bora_kernel, k)
    if (k->tiles_of && strcmp(k->tiles_of, kernel->op) == 0 && strcmp(k->op, op) == 0 &&
        strcasecmp(k->backend, backend) == 0)
        return !kernel->usable || kernel->usable();
    return false;
}

/* One of the operation's own is better than one that is borrowed, where they are equal else. */
static bool is_better(const bora_kernel *a, const bora_kernel *b, const char *op)
{
    if (!b || a->priority != b->priority)
        return !b || a->priority > b->priority;
    bool a_any = a->quant && strcmp(a->quant, BORA_ANY_QUANT) == 0;
    bool b_any = b->quant && strcmp(b->quant, BORA_ANY_QUANT) == 0;
    if (a_any != b_any)
        return b_any;
    return strcmp(a->op, op) == 0 && strcmp(b->op, op) != 0;
}

static unsigned traits(const bora_kernel *k)
{
    if (!k->tile)
        return 0;
    const bool rounds = k->tile->activation && !k->tile->activation_is_exact;
    return (rounds ? KERNEL_ROUNDS : 0u) | (k->tile->pack ? KERNEL_PACKS : 0u);
}

const bora_kernel *registry_kernel(const bora_runtime *rt, const char *op, const char *backend, const char *quant,
                                   unsigned avoid)
{
    const bora_kernel *best = NULL;
    REGISTRY_EACH(rt, kernels, bora_kernel, k)
    if (!(traits(k) & avoid) && quant_matches(k, quant) && is_better(k, best, op) &&
        registry_serves(rt, k, op, backend))
        best = k;
    return best;
}

/* ---- checking a table ---- */

static bool taken(bora_error *err, const char *kind, const char *name, const char *by)
{
    return bora_fail(err, BORA_USAGE, "offers the %s \"%s\", which %s offers already", kind, name, by);
}

/* The path of the plugin that offers `name` already, for the message. */
static const char *owner(const bora_runtime *rt, const void *item)
{
    for (size_t i = 0; i < rt->n_plugins; i++) {
        const bora_plugin *p = rt->plugins[i].info.plugin;
        if (!p)
            continue;
        const void *const *lists[] = { (const void *const *)p->archs, (const void *const *)p->quants,
                                       (const void *const *)p->backends, (const void *const *)p->ops,
                                       (const void *const *)p->layouts };
        for (size_t l = 0; l < sizeof lists / sizeof *lists; l++)
            for (const void *const *it = lists[l]; it && *it; it++)
                if (*it == item)
                    return rt->plugins[i].info.path;
    }
    return "another plugin";
}

static bool check_quant(const bora_runtime *rt, const bora_quant *q, bora_error *err)
{
    if (!good_name(q->name) || q->block_elems < 1 || q->block_elems > 1 << 16 || q->block_bytes < 1 ||
        q->block_bytes > 1 << 20 || !q->dequantize)
        return bora_fail(err, BORA_USAGE, "offers a format \"%s\" without a name, a block or a dequantize function",
                         q->name ? q->name : "");
    if (q->plain && (q->block_elems != 1 || q->block_bytes != sizeof(float)))
        return bora_fail(err, BORA_USAGE, "offers a format \"%s\" that is called plain and is not one float", q->name);
    const bora_quant *other = bora_runtime_quant(rt, q->name);
    if (other)
        return taken(err, "format", q->name, owner(rt, other));
    for (const char *const *a = q->aliases; a && *a; a++)
        if ((other = bora_runtime_quant(rt, *a)))
            return taken(err, "format", *a, owner(rt, other));
    for (const char *const *s = q->stored_as; s && *s; s++) {
        REGISTRY_EACH(rt, quants, bora_quant, o)
        if (in_list(o->stored_as, *s))
            return taken(err, "stored format", *s, owner(rt, o));
    }
    return true;
}

static bool check_backend(const bora_runtime *rt, const bora_backend *b, bora_error *err)
{
    int n_memory = !!b->alloc + !!b->release + !!b->upload + !!b->download;
    if (!good_name(b->name) || (n_memory != 0 && n_memory != 4) || !b->open != !b->close)
        return bora_fail(err, BORA_USAGE, "offers a backend \"%s\" without a name, or with half a set of functions",
                         b->name ? b->name : "");
    const bora_backend *other = bora_runtime_backend(rt, b->name);
    return other ? taken(err, "backend", b->name, owner(rt, other)) : true;
}

/* The bytes of an argument in the attributes; 0: it is none of them. */
static size_t arg_bytes(bora_arg_kind kind)
{
    switch (kind) {
    case BORA_ARG_INT:
    case BORA_ARG_CHOICE:
        return sizeof(int32_t);
    case BORA_ARG_FLOAT:
        return sizeof(float);
    case BORA_ARG_FLAG:
        return sizeof(bool);
    case BORA_ARG_ACTIVATION:
        return sizeof(bora_activation_kind);
    case BORA_ARG_ROPE:
        return sizeof(bora_rope_attrs);
    default:
        return 0;
    }
}

static bool check_args(const bora_op *o, bora_error *err)
{
    int n_inputs = 0, n_weights = 0;
    for (const bora_arg *arg = o->args; arg && arg->name; arg++) {
        size_t bytes = arg_bytes(arg->kind), at = arg->kind == BORA_ARG_ROPE ? 0 : arg->offset;
        bool has_weight = n_weights > 0;
        n_inputs += arg->kind == BORA_ARG_INPUT;
        n_weights += arg->kind == BORA_ARG_WEIGHT || arg->kind == BORA_ARG_BIAS;
        if ((arg->kind == BORA_ARG_CHOICE && !arg->choices) || (arg->kind == BORA_ARG_BIAS && !has_weight))
            return bora_fail(err, BORA_USAGE,
                             "offers an operation \"%s\" whose argument \"%s\" has no choices, or no weight before it",
                             o->name, arg->name);
        if (bytes > 0 && (bytes > o->attrs_bytes || at > o->attrs_bytes - bytes))
            return bora_fail(err, BORA_USAGE,
                             "offers an operation \"%s\" whose argument \"%s\" lies outside its attributes", o->name,
                             arg->name);
    }
    if (n_inputs > BORA_MAX_INPUTS || n_weights > BORA_MAX_WEIGHTS)
        return bora_fail(err, BORA_USAGE, "offers an operation \"%s\" with more than %d inputs or %d weights", o->name,
                         BORA_MAX_INPUTS, BORA_MAX_WEIGHTS);
    return true;
}

static bool check_op(const bora_runtime *rt, const bora_op *o, bora_error *err)
{
    if (!good_name(o->name) || !o->shape || !o->reference)
        return bora_fail(err, BORA_USAGE, "offers an operation \"%s\" without a name, a shape rule or a reference",
                         o->name ? o->name : "");
    const bora_op *other = bora_runtime_op(rt, o->name);
    return other ? taken(err, "operation", o->name, owner(rt, other)) : check_args(o, err);
}

static bool check_arch(const bora_runtime *rt, const bora_arch *a, bora_error *err)
{
    if (!good_name(a->name) || !a->build)
        return bora_fail(err, BORA_USAGE, "offers an architecture \"%s\" without a name or a build function",
                         a->name ? a->name : "");
    const bora_arch *other = bora_runtime_arch(rt, a->name);
    return other ? taken(err, "architecture", a->name, owner(rt, other)) : true;
}

static bool check_layout(const bora_runtime *rt, const bora_layout *l, bora_error *err)
{
    size_t n = 0;
    while (l->suffixes && l->suffixes[n])
        n++;
    if (!good_name(l->name) || !l->methods || n < 1 || n > BORA_MAX_PARTS || !l->describe || !l->read)
        return bora_fail(err, BORA_USAGE,
                         "offers a layout \"%s\" without a name, a method, 1 to %d suffixes or both functions",
                         l->name ? l->name : "", BORA_MAX_PARTS);
    REGISTRY_EACH(rt, layouts, bora_layout, other)
    if (strcasecmp(other->name, l->name) == 0)
        return taken(err, "layout", l->name, owner(rt, other));
    return true;
}

static bool check_kernel(const bora_kernel *k, bora_error *err)
{
    if (!good_name(k->op) || !good_name(k->backend) || !!k->run + !!k->tile + !!k->tiles_of != 1)
        return bora_fail(err, BORA_USAGE,
                         "offers a kernel for \"%s\" that names no backend, or not one of run, tile and tiles_of",
                         k->op ? k->op : "");
    if (k->tile && (!k->tile->dot || k->tile->panel_rows < 1 || k->tile->max_tokens < 1 ||
                    !k->tile->pack != !k->tile->panel_bytes || (k->tile->activation && !k->tile->activation->quantize)))
        return bora_fail(err, BORA_USAGE, "offers a kernel for \"%s\" with an incomplete tile", k->op);
    return true;
}

bool registry_check(const bora_runtime *rt, const bora_plugin *p, bora_error *err)
{
    if (!good_name(p->name))
        return bora_fail(err, BORA_USAGE, "has no name");
    if (!p->version)
        return bora_fail(err, BORA_USAGE, "has no version");
    for (size_t i = 0; i < rt->n_plugins; i++)
        if (rt->plugins[i].info.plugin && strcasecmp(rt->plugins[i].info.plugin->name, p->name) == 0)
            return taken(err, "plugin name", p->name, rt->plugins[i].info.path);
    for (const bora_quant *const *it = p->quants; it && *it; it++)
        if (!check_quant(rt, *it, err))
            return false;
    for (const bora_backend *const *it = p->backends; it && *it; it++)
        if (!check_backend(rt, *it, err))
            return false;
    for (const bora_op *const *it = p->ops; it && *it; it++)
        if (!check_op(rt, *it, err))
            return false;
    for (const bora_arch *const *it = p->archs; it && *it; it++)
        if (!check_arch(rt, *it, err))
            return false;
    for (const bora_layout *const *it = p->layouts; it && *it; it++)
        if (!check_layout(rt, *it, err))
            return false;
    for (const bora_kernel *const *it = p->kernels; it && *it; it++)
        if (!check_kernel(*it, err))
            return false;
    return true;
}

/* ---- the list ---- */

static loaded_plugin *grow(bora_runtime *rt, const char *path, bora_error *err)
{
    if (rt->n_plugins == rt->cap_plugins) {
        size_t cap = rt->cap_plugins ? rt->cap_plugins * 2 : 16;
        loaded_plugin *plugins = realloc(rt->plugins, cap * sizeof *plugins);
        if (!plugins) {
            bora_fail_memory(err, "the list of plugins");
            return NULL;
        }
        rt->plugins = plugins;
        rt->cap_plugins = cap;
    }
    loaded_plugin *p = &rt->plugins[rt->n_plugins];
    *p = (loaded_plugin){ .info.path = arena_strdup(&rt->arena, path) };
    if (!p->info.path) {
        bora_fail_memory(err, "the list of plugins");
        return NULL;
    }
    return p;
}

bool registry_add(bora_runtime *rt, const char *path, const plugin_kind *kind, void *handle, const bora_plugin *plugin,
                  bora_error *err)
{
    loaded_plugin *p = grow(rt, path, err);
    if (!p)
        return false;
    p->info.plugin = plugin;
    p->kind = kind;
    p->handle = handle;
    rt->n_plugins++;
    return true;
}

bool registry_refuse(bora_runtime *rt, const char *path, const char *reason, bora_error *err)
{
    loaded_plugin *p = grow(rt, path, err);
    if (!p)
        return false;
    p->info.refusal = arena_strdup(&rt->arena, reason);
    if (!p->info.refusal)
        return bora_fail_memory(err, "the list of plugins");
    rt->n_plugins++;
    runtime_log(rt, BORA_LOG_WARN, "plugin refused: %s: %s", path, reason);
    return true;
}
