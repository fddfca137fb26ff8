/* bora serve: models over HTTP. What goes over the wire is in serve/: http.h below, routes.c above. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "serve/api.h"
#include "serve/http_server.h"
#include "shipped.h"

/* Everything that lives as long as the server. */
typedef struct service {
    cli *cli;
    api api;
    http_route *routes;
    http_server *server;
    void *lists; /* of the options */
} service;

static void on_log(void *ctx, bora_log_level level, const char *line)
{
    cli_log(ctx, level, "%s", line);
}

static bool open_host(service *s, bora_runtime *runtime, const serve_what *what, bora_error *err)
{
    const char *contents = bora_settings_string(what->shared, "log");
    if (contents && !(s->api.contents = content_log_open(contents, err)))
        return false;
    s->api.log = on_log;
    s->api.log_ctx = s->cli;
    s->api.host = host_new(
        &(host_options){
            .runtime = runtime,
            .models = what->models,
            .n_models = what->n_models,
            .default_model = bora_settings_string(what->shared, "default-model-id"),
            .max_loaded = (size_t)bora_settings_int(what->shared, "max-loaded-models"),
            .log = on_log,
            .log_ctx = s->cli,
        },
        err);
    return s->api.host && api_embedder_start(&s->api, err);
}

static bool open_server(service *s, const serve_what *what, bora_error *err)
{
    http_options options = http_options_defaults();
    if (!(s->lists = http_options_from_settings(&options, what->shared, err)))
        return false;
    if (!bora_settings_flag(what->shared, "disable-metrics") && !(s->api.metrics = metrics_new()))
        return bora_fail_memory(err, "metrics");
    if (!(s->routes = api_http_routes()))
        return bora_fail_memory(err, "routes");
    api_metrics_init(&s->api);
    options.metrics = s->api.metrics;
    options.log = on_log;
    options.log_ctx = s->cli;
    s->server = http_server_start(&options, s->routes, &s->api, err);
    return s->server != NULL;
}

static void say_models(const service *s)
{
    for (size_t i = 0; i < host_count(s->api.host); i++) {
        host_info info = host_describe(s->api.host, i);
        if (info.state != HOST_LOADED)
            cli_log(s->cli, BORA_LOG_INFO, "%s: is loaded when it is asked for", info.id);
    }
}

bool serve_models(cli *c, bora_runtime *runtime, const serve_what *what, bora_error *err)
{
    service s = { .cli = c };
    bool ok = open_host(&s, runtime, what, err) && open_server(&s, what, err) && host_load(s.api.host, err);
    if (ok) {
        say_models(&s);
        cli_log(c, BORA_LOG_INFO, "ready: %s", http_server_address(s.server));
        http_server_ready(s.server);
        http_server_run(s.server);
    }
    if (s.server && !ok)
        http_server_stop(s.server, 0);
    if (s.api.host)
        host_stop(s.api.host); /* by now all answers are written, or given up */
    if (s.server)
        http_server_free(s.server);
    api_embedder_stop(&s.api);
    host_free(s.api.host);
    metrics_free(s.api.metrics);
    content_log_close(s.api.contents);
    free(s.routes);
    free(s.lists);
    return ok;
}

bool command_serve(cli *c, bora_error *err)
{
    const char *kind = bora_settings_string(c->settings, "model-type");
    if (kind && strcmp(kind, "toml") == 0) {
        if (bora_settings_count(c->settings, "quantized-file") != 1)
            return bora_fail(err, BORA_USAGE, "`bora serve toml` needs one selector file: -f FILE.toml");
        if (!bora_settings_load_selector(c->settings, bora_settings_item(c->settings, "quantized-file", 0), err) ||
            !shipped_resolve(c->settings, err))
            return false;
    }
    const bora_settings *model = c->settings;
    bora_runtime *runtime = cli_runtime(c, NULL, err);
    bool ok = runtime &&
              serve_models(c, runtime, &(serve_what){ .shared = c->settings, .models = &model, .n_models = 1 }, err);
    bora_runtime_free(runtime);
    return ok;
}
