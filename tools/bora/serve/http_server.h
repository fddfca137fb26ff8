/* The HTTP server, as the command that runs it sees it: options, a table of routes, a life from start to the last
 * answer. Handlers see http.h.
 *
 *     metrics *m = metrics_new();
 *     http_options options = http_options_defaults();
 *     http_options_from_settings(&options, settings);
 *     options.metrics = m;
 *     http_server *server = http_server_start(&options, routes, ctx, &err);
 *     … models are loaded …
 *     http_server_ready(server);
 *     http_server_run(server);  until a signal ends it, and what ran is answered
 *     … engines are stopped: no handler runs and nothing is answered any more …
 *     http_server_free(server); */
#ifndef SERVE_HTTP_SERVER_H
#define SERVE_HTTP_SERVER_H

#include <stdio.h>

#include <bora/runtime.h>
#include <bora/settings.h>

#include "serve/http.h"
#include "serve/metrics.h"

/* The texts outlive the server. A limit of 0 is none. */
typedef struct http_options {
    const char *host;               /* an address, a name, or "unix:PATH" */
    int port;                       /* 0: a free one */
    const char *tls_cert, *tls_key; /* PEM files, both or none */

    const char *const *api_keys; /* [n_api_keys] keys, on top of those in the file */
    size_t n_api_keys;
    const char *api_keys_file;       /* NULL: none; see keys.h */
    const char *const *cors_origins; /* [n_cors_origins] "https://chat.example", "*" */
    size_t n_cors_origins;

    int rate_limit;      /* requests a minute of a key (without keys: of an address) */
    int max_concurrent;  /* requests at a time, likewise */
    int max_connections; /* at least 1 */
    int max_connections_per_address;
    int n_workers, max_queue; /* threads that run handlers, and requests that wait for one; at least 1 */
    size_t max_body_bytes;    /* of one request */
    size_t max_bodies_bytes;  /* of all that are in memory */
    size_t max_unsent_bytes;  /* of an answer in pieces: what its client has not read */

    double receive_s; /* within which the head of a request has to come; a body may take longer, if it keeps coming */
    double idle_s;    /* a connection may wait for so long between requests */
    double send_s;    /* a client that reads nothing for so long is dropped */
    double keep_alive_s; /* of silence, after which a stream says that it lives */
    double shutdown_s;   /* what runs may take so long to end */

    bool access_log, access_log_json, access_log_health;
    FILE *access_log_out; /* NULL: standard error */
    bool request_id_header;
    metrics *metrics;                                               /* where the server counts, or NULL; outlives it */
    void (*log)(void *ctx, bora_log_level level, const char *line); /* from any thread; may be NULL */
    void *log_ctx;
} http_options;

http_options http_options_defaults(void);
/* What the settings say (they outlive the server): a part of the options keeps its values. free() what it returns after
 * the server: the lists; NULL when memory ran out. */
void *http_options_from_settings(http_options *options, const bora_settings *settings, bora_error *err);

/* Listens and answers from now on. `routes` ends with one whose path is NULL; it outlives the server, as does `ctx`,
 * which the handlers get.
 * Errors: BORA_USAGE for options that make no sense, BORA_IO for an address that cannot be had, unreadable files,
 * certificates that do not fit their key. */
http_server *http_server_start(const http_options *options, const http_route *routes, void *ctx, bora_error *err);
/* Where it listens: "http://127.0.0.1:1234", "https://[::1]:443", "unix:/run/bora.sock". */
const char *http_server_address(const http_server *s);
int http_server_port(const http_server *s); /* 0 for a socket in the file system */
/* Catches SIGTERM, SIGINT and SIGHUP for http_server_run(), and tells who started the process (systemd) that it is
 * ready. Until then signals do what they do without a server: loading a model is ended at once. */
void http_server_ready(http_server *s);
/* Waits for SIGTERM or SIGINT, then stops; SIGHUP reads the keys again. A second signal ends the process at once. */
void http_server_run(http_server *s);
/* Refuses what comes, waits for what runs at most `patience_s`, and then drops it: `gone` is called. True: all of it
 * was answered. After this nobody is connected; exchanges that were not ended may still be, to no effect. */
bool http_server_stop(http_server *s, double patience_s);
/* Reads the keys' file again. An error leaves the keys as they are. */
bool http_server_reload(http_server *s, bora_error *err);
/* Stops (at once) if that was not done yet, and waits for handlers that run. */
void http_server_free(http_server *s);

#endif
