/* The runtime's inside: the plugins that were found, and lookups that only the core needs. */
#ifndef BORA_PLUGIN_RUNTIME_H
#define BORA_PLUGIN_RUNTIME_H

#include <pthread.h>

#include <bora/runtime.h>

#include "base/arena.h"

/* A kind of plugin file, told by the end of its name. */
typedef struct plugin_kind {
    const char *suffix;
    /* Opens a file and gives its table: a handle, or NULL and an error without the path. */
    void *(*open)(const char *path, const bora_plugin **plugin, bora_error *err);
    void (*close)(void *handle);
} plugin_kind;

typedef struct loaded_plugin {
    bora_plugin_info info;
    const plugin_kind *kind;
    void *handle; /* NULL for a refused one and for what is built in */
} loaded_plugin;

struct bora_runtime {
    arena arena;
    bora_listener listener;
    pthread_mutex_t listener_mutex; /* one message at a time */
    loaded_plugin *plugins;         /* [n_plugins], room for cap_plugins */
    size_t n_plugins, cap_plugins;
};

/* The operations that libbora brings itself come through the same door as everybody's: a table. */
extern const bora_plugin builtin_plugin;
/* Architectures that are declared in a text file, read by a higher floor. */
extern const plugin_kind declared_plugins;

void runtime_log(bora_runtime *rt, bora_log_level level, const char *fmt, ...) BORA_PRINTF(3, 4);
void runtime_progress(bora_runtime *rt, const char *what, uint64_t done, uint64_t total);

/* Searches `path`, a file or a folder; what is refused is in the list, and false (with an error) means that `path` does
 * not exist or that memory ran out. */
bool loader_search(bora_runtime *rt, const char *path, bora_error *err);
/* Adds a table that is there already, or says why not. */
bool registry_add(bora_runtime *rt, const char *path, const plugin_kind *kind, void *handle, const bora_plugin *plugin,
                  bora_error *err);
/* Why a table cannot be taken: a missing field, a name that is taken. */
bool registry_check(const bora_runtime *rt, const bora_plugin *plugin, bora_error *err);
bool registry_refuse(bora_runtime *rt, const char *path, const char *reason, bora_error *err);

/* What a user may not want of a kernel, as bits. */
enum {
    KERNEL_ROUNDS = 1, /* its tile turns activations into a format that loses something */
    KERNEL_PACKS = 2,  /* its tile wants weights packed */
};

/* The best usable kernel without what is to `avoid`, for an operation on a backend and a format (NULL: plain floats),
 * or NULL. Does not follow `bora_backend.base`. */
const bora_kernel *registry_kernel(const bora_runtime *rt, const char *op, const char *backend, const char *quant,
                                   unsigned avoid);

/* Whether a kernel computes an operation on a backend: its own, or one whose tile the backend's driver runs it by. */
bool registry_serves(const bora_runtime *rt, const bora_kernel *kernel, const char *op, const char *backend);

/* for (every item of one kind that the plugins offer, in the order of their loading): two loops in one, so `break`
 * leaves one plugin only; return out of it. */
#define REGISTRY_EACH(rt, member, type, item)                                                                          \
    for (size_t p_ = 0; p_ < (rt)->n_plugins; p_++)                                                                    \
        if ((rt)->plugins[p_].info.plugin && (rt)->plugins[p_].info.plugin->member)                                    \
            for (type const *const *it_ = (rt)->plugins[p_].info.plugin->member, *item; (item = *it_) != NULL; it_++)

#endif
