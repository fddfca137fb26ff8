/* GET /v1/models, /v1/models/{id}; POST /v1/models/unload, reload and status. */
#include <string.h>

#include "api.h"
#include "writer.h"

static const char *state_name(host_state state)
{
    static const char *const names[] = {
        [HOST_UNLOADED] = "unloaded", [HOST_LOADING] = "loading", [HOST_LOADED] = "loaded", [HOST_FAILED] = "failed"
    };
    return names[state];
}

static void put_model(writer *w, const host_info *info)
{
    put_open(w, NULL, '{');
    put_string(w, "id", info->id);
    put_string(w, "object", "model");
    put_int(w, "created", (int64_t)info->created);
    put_string(w, "owned_by", "bora");
    put_string(w, "status", state_name(info->state));
    put_open(w, "aliases", '[');
    if (info->alias)
        put_string(w, NULL, info->alias);
    put_close(w, ']');
    if (info->context_length > 0)
        put_int(w, "max_model_len", info->context_length);
    put_close(w, '}');
}

void handle_models(http_exchange *x, void *ctx)
{
    const api *a = ctx;
    writer w = { 0 };
    put_open(&w, NULL, '{');
    put_string(&w, "object", "list");
    put_open(&w, "data", '[');
    for (size_t i = 0; i < host_count(a->host); i++) {
        host_info info = host_describe(a->host, i);
        put_model(&w, &info);
    }
    put_close(&w, ']');
    put_close(&w, '}');
    api_reply_json(x, &w);
}

static void reply_not_found(http_exchange *x, const bora_error *err)
{
    api_error e = { 0 };
    api_fail(&e, 404, "model", "model_not_found", "%s", err->message);
    api_reply_error(x, &e);
}

void handle_model(http_exchange *x, void *ctx)
{
    const api *a = ctx;
    bora_error err = { .code = BORA_OK };
    size_t i;
    if (!host_find(a->host, http_path_part(x, "id"), &i, &err)) {
        reply_not_found(x, &err);
        return;
    }
    writer w = { 0 };
    host_info info = host_describe(a->host, i);
    put_model(&w, &info);
    api_reply_json(x, &w);
}

/* The model that the request names. False: an error was the answer. */
static bool read_model(api *a, http_exchange *x, size_t *i)
{
    api_request q;
    bora_error err = { .code = BORA_OK };
    if (!api_read(a, x, API_MODEL, &q))
        return false;
    bool found = host_find(a->host, q.model_id ? q.model_id : q.model, i, &err);
    api_request_free(&q);
    if (!found)
        reply_not_found(x, &err);
    return found;
}

static void reply_state(http_exchange *x, const api *a, size_t i)
{
    writer w = { 0 };
    host_info info = host_describe(a->host, i);
    put_open(&w, NULL, '{');
    put_string(&w, "model_id", info.id);
    put_string(&w, "status", state_name(info.state));
    put_close(&w, '}');
    api_reply_json(x, &w);
}

void handle_model_status(http_exchange *x, void *ctx)
{
    size_t i;
    if (read_model(ctx, x, &i))
        reply_state(x, ctx, i);
}

void handle_model_unload(http_exchange *x, void *ctx)
{
    api *a = ctx;
    size_t i;
    if (!read_model(a, x, &i))
        return;
    host_unload(a->host, host_describe(a->host, i).id, NULL);
    reply_state(x, a, i);
}

static void reply_loaded(api *a, http_exchange *x, const host_model *m, api_request *q)
{
    size_t i;
    host_find(a->host, m->id, &i, NULL);
    reply_state(x, a, i);
    api_request_free(q);
    host_release(a->host, m);
}

void handle_model_reload(http_exchange *x, void *ctx)
{
    api *a = ctx;
    size_t i;
    if (!read_model(a, x, &i))
        return;
    host_info info = host_describe(a->host, i);
    if (info.state == HOST_FAILED) /* who asks for it explicitly has mended it */
        host_unload(a->host, info.id, NULL);
    api_request q = { .model = info.id };
    api_with_model(a, x, &q, reply_loaded);
}
