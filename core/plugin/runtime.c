/* The runtime: made of the plugins that the search finds. */
#include "plugin/runtime.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

void runtime_log(bora_runtime *rt, bora_log_level level, const char *fmt, ...)
{
    if (!rt->listener.log)
        return;
    bora_error line = { .code = BORA_OK };
    va_list args;
    va_start(args, fmt);
    bora_fail_va(&line, BORA_INTERNAL, fmt, args);
    va_end(args);
    pthread_mutex_lock(&rt->listener_mutex);
    rt->listener.log(rt->listener.ctx, level, line.message);
    pthread_mutex_unlock(&rt->listener_mutex);
}

void runtime_progress(bora_runtime *rt, const char *what, uint64_t done, uint64_t total)
{
    if (!rt->listener.progress)
        return;
    pthread_mutex_lock(&rt->listener_mutex);
    rt->listener.progress(rt->listener.ctx, what, done, total);
    pthread_mutex_unlock(&rt->listener_mutex);
}

/* BORA_PLUGIN_PATH: what does not exist there is refused and no error, as with every search path of a shell. */
static bool search_environment(bora_runtime *rt, bora_error *err)
{
    const char *path = getenv("BORA_PLUGIN_PATH");
    while (path && *path) {
        size_t n = strcspn(path, ":");
        char *one = strndup(path, n);
        if (!one)
            return bora_fail_memory(err, "BORA_PLUGIN_PATH");
        bool ok = true;
        if (n && !file_exists(one))
            ok = registry_refuse(rt, one, "does not exist; BORA_PLUGIN_PATH names it", err);
        else if (n)
            ok = loader_search(rt, one, err);
        free(one);
        if (!ok)
            return false;
        path += n + (path[n] == ':');
    }
    return true;
}

/* The folder beside the libbora that is running, so that a build tree and every prefix find their own; else the one of
 * the installation. */
static bool search_installed(bora_runtime *rt, bora_error *err)
{
    Dl_info self;
    char *dir = dladdr(&builtin_plugin, &self) && self.dli_fname ? path_dir(self.dli_fname) : NULL;
    char *plugins = dir ? path_join(dir, "bora/plugins") : NULL;
    bool ok = true;
    if (plugins && file_is_dir(plugins))
        ok = loader_search(rt, plugins, err);
    else if (file_is_dir(BORA_PLUGIN_DIR))
        ok = loader_search(rt, BORA_PLUGIN_DIR, err);
    free(plugins);
    free(dir);
    return ok;
}

bora_runtime *bora_runtime_new(const bora_runtime_options *options, bora_error *err)
{
    bora_runtime *rt = calloc(1, sizeof *rt);
    if (!rt) {
        bora_fail_memory(err, "a runtime");
        return NULL;
    }
    pthread_mutex_init(&rt->listener_mutex, NULL);
    if (options)
        rt->listener = options->listener;
    if (!registry_add(rt, "(built in)", NULL, NULL, &builtin_plugin, err))
        goto fail;
    for (const char *const *p = options ? options->plugin_paths : NULL; p && *p; p++)
        if (!loader_search(rt, *p, err))
            goto fail;
    if (!(options && options->no_default_plugins))
        if (!search_environment(rt, err) || !search_installed(rt, err))
            goto fail;
    return rt;
fail:
    bora_runtime_free(rt);
    return NULL;
}

void bora_runtime_free(bora_runtime *rt)
{
    if (!rt)
        return;
    for (size_t i = rt->n_plugins; i-- > 0;)
        if (rt->plugins[i].handle)
            rt->plugins[i].kind->close(rt->plugins[i].handle);
    free(rt->plugins);
    pthread_mutex_destroy(&rt->listener_mutex);
    arena_free(&rt->arena);
    free(rt);
}

size_t bora_runtime_n_plugins(const bora_runtime *rt)
{
    return rt->n_plugins;
}

const bora_plugin_info *bora_runtime_plugin(const bora_runtime *rt, size_t index)
{
    return index < rt->n_plugins ? &rt->plugins[index].info : NULL;
}

const char *bora_version(void)
{
    return BORA_VERSION;
}
