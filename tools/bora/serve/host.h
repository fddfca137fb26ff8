/* The models of a server: each is loaded at start or when it is first asked for, runs in an engine of its own, and can
 * be unloaded again. All functions may be called from any thread. */
#ifndef SERVE_HOST_H
#define SERVE_HOST_H

#include <time.h>

#include <bora/engine.h>

#include "../messages.h"

typedef struct host host;

/* A model that is loaded, for as long as it is held. */
typedef struct host_model {
    const char *id; /* by which requests name it */
    bora_model *model;
    bora_engine *engine;
    const bora_settings *settings;
    message_style style;  /* what its chat template wants */
    char fingerprint[24]; /* the same as long as it answers the same */
} host_model;

typedef enum host_state { HOST_UNLOADED, HOST_LOADING, HOST_LOADED, HOST_FAILED } host_state;

typedef struct host_info {
    const char *id;
    const char *alias; /* another name for it, or NULL */
    host_state state;
    bool at_start;          /* it is loaded when the server starts */
    time_t created;         /* when it was loaded, else when the server began */
    int32_t context_length; /* 0: not known until it is loaded */
} host_info;

typedef struct host_options {
    bora_runtime *runtime;              /* outlives the host */
    const bora_settings *const *models; /* [n_models], copied */
    size_t n_models;
    const char *default_model; /* a name; NULL: the first */
    size_t max_loaded;         /* models in memory at a time; 0: as many as there is memory for */
    void (*log)(void *ctx, bora_log_level level, const char *line); /* from any thread */
    void *log_ctx;
} host_options;

/* Loads nothing yet. BORA_USAGE when two models have one name. */
host *host_new(const host_options *options, bora_error *err);
/* Unloads all; nothing is held any more. */
void host_free(host *h);
/* Loads those that are to be there from the start, one after the other. */
bool host_load(host *h, bora_error *err);
/* Whether they are. */
bool host_is_ready(host *h);
/* From now on nothing is loaded any more; waits until nobody holds a model or waits for one. */
void host_stop(host *h);

/* What is called with the model that was asked for, held, or with what is wrong (m is NULL then). */
typedef void (*host_ready)(void *ctx, const host_model *m, const bora_error *err);

/* Gets the model of that name for `ready`; NULL, "" or "default" is the default one. One that is loaded it gets at
 * once, in this call; else the model is loaded, once for all who wait, and `ready` is called in a thread of the host's:
 * it must not take long. Where memory is short, models that nobody uses are unloaded first, the one longest unused
 * before the others. Give the model back with host_release().
 *
 * BORA_NOT_FOUND for a name that no model has; BORA_BUSY when too many wait already; BORA_MEMORY and BORA_IO when it
 * cannot be loaded: the message is for clients, the log has the reason. */
void host_get(host *h, const char *name, host_ready ready, void *ctx);
void host_release(host *h, const host_model *m);
/* The i-th model where it is loaded, else NULL. */
const host_model *host_acquire_loaded(host *h, size_t i);

size_t host_count(const host *h);
host_info host_describe(host *h, size_t i);
/* Its number; false: BORA_NOT_FOUND. */
bool host_find(host *h, const char *name, size_t *i, bora_error *err);
/* Unloads a model once nobody holds it any more, which it does not wait for; new requests load it again. */
bool host_unload(host *h, const char *name, bora_error *err);

#endif
