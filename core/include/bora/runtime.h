/* The runtime: what everything hangs off. It holds the loaded plugins and says where messages go. Two runtimes in one
 * process do not know each other. */
#ifndef BORA_RUNTIME_H
#define BORA_RUNTIME_H

#include <bora/arch.h>
#include <bora/backend.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bora_runtime bora_runtime;

typedef enum bora_log_level { BORA_LOG_ERROR, BORA_LOG_WARN, BORA_LOG_INFO, BORA_LOG_DEBUG } bora_log_level;

/* Where messages go. Functions may be NULL (then nobody listens) and may be called from several threads, one at a time.
 */
typedef struct bora_listener {
    void *ctx;
    void (*log)(void *ctx, bora_log_level level, const char *line);
    /* Work that takes long: `what` is under way, `done` of `total` units are finished (done == total: it ended). */
    void (*progress)(void *ctx, const char *what, uint64_t done, uint64_t total);
} bora_listener;

typedef struct bora_runtime_options {
    bora_listener listener;
    /* Plugin files or folders, NULL-terminated or NULL, searched before all else in this order. */
    const char *const *plugin_paths;
    bool no_default_plugins; /* neither BORA_PLUGIN_PATH nor the installed folder */
} bora_runtime_options;

/* Loads plugins: first plugin_paths, then BORA_PLUGIN_PATH (folders or files, ':' between them), then the installed
 * folder beside libbora. A plugin that cannot be loaded is refused with a reason (a warning, and in the list below) and
 * the rest goes on; a path in plugin_paths that does not exist is an error. `options` may be NULL. */
BORA_API bora_runtime *bora_runtime_new(const bora_runtime_options *options, bora_error *err);
BORA_API void bora_runtime_free(bora_runtime *runtime);

/* Every file that was found, in the order of the search: loaded, or refused and why. */
typedef struct bora_plugin_info {
    const char *path;
    const bora_plugin *plugin; /* NULL: refused */
    const char *refusal;       /* NULL: loaded */
} bora_plugin_info;

BORA_API size_t bora_runtime_n_plugins(const bora_runtime *runtime);
BORA_API const bora_plugin_info *bora_runtime_plugin(const bora_runtime *runtime, size_t index);

/* What the plugins offer, by name (formats also by alias; upper and lower case are the same). NULL: nothing of that
 * name. */
BORA_API const bora_quant *bora_runtime_quant(const bora_runtime *runtime, const char *name);
BORA_API const bora_arch *bora_runtime_arch(const bora_runtime *runtime, const char *name);
BORA_API const bora_backend *bora_runtime_backend(const bora_runtime *runtime, const char *name);
BORA_API const bora_op *bora_runtime_op(const bora_runtime *runtime, const char *name);

/* A bora_quant_lookup for bora_checkpoint_open(); ctx is the runtime. */
BORA_API const bora_quant *bora_runtime_stored_quant(void *runtime, const char *stored_as);

/* "0.1.0" */
BORA_API const char *bora_version(void);

#ifdef __cplusplus
}
#endif
#endif
