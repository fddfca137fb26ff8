/* The models of a server: each is loaded at start or when it is first asked for, runs in an engine of its own, and can
 * be unloaded again. */
#ifndef SERVE_HOST_H
#define SERVE_HOST_H

#include <time.h>

#include <bora/engine.h>

typedef struct host host;

/* A model that is loaded, for as long as it is held. */
typedef struct host_model {
    const char *id; /* by which requests name it */
    bora_model *model;
    bora_engine *engine;
} host_model;

typedef enum host_state { HOST_UNLOADED, HOST_LOADING, HOST_LOADED, HOST_FAILED } host_state;

typedef struct host_info {
    const char *id;
    const char *alias; /* another name for it, or NULL */
    host_state state;
    time_t created; /* when it was loaded, else when the server began */
} host_info;

/* The model of that name; NULL or "default" is the default one. Loads it if it is not loaded: that takes its time.
 * BORA_NOT_FOUND for a name that no model has. Give it back with host_release(). */
const host_model *host_acquire(host *h, const char *name, bora_error *err);
void host_release(host *h, const host_model *m);

size_t host_count(const host *h);
host_info host_describe(host *h, size_t i);
/* Unloads a model once nobody holds it any more; new requests load it again. */
bool host_unload(host *h, const char *name, bora_error *err);

#endif
