/* HTTP, as the handlers of a server see it: a request whose body has arrived whole, and an answer that is given at
 * once, later, or piece by piece. What is below this line (connections, limits, keys, logs) handlers do not see.
 *
 * A handler runs in one of the server's worker threads and may take its time (rendering, tokenizing, loading a model);
 * it may return before it has answered, and the answer may come from any other thread. */
#ifndef SERVE_HTTP_H
#define SERVE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include <bora/error.h>

/* A server and its options: http_server.h. */
typedef struct http_server http_server;

/* One request and its answer. It lives until the answer has been ended (http_reply() or http_end()), whatever becomes
 * of the client: who began an answer ends it, exactly once. */
typedef struct http_exchange http_exchange;

typedef struct http_route {
    /* "GET", "/v1/models/{id}": a part in braces matches one part of a path; at the end, "{id...}" matches all that is
     * left, slashes included. A route for GET answers HEAD as well. */
    const char *method, *path;
    bool open;    /* needs no key: /health */
    bool limited; /* counts for limits of rate and concurrency: what generates does */
    void (*handle)(http_exchange *x, void *ctx);
} http_route;

/* ---- the request */

const char *http_body(const http_exchange *x, size_t *len);           /* NUL behind it; lives as long as the exchange */
const char *http_header(const http_exchange *x, const char *name);    /* or NULL */
const char *http_query(const http_exchange *x, const char *name);     /* or NULL */
const char *http_path_part(const http_exchange *x, const char *name); /* what matched "{name}" */
const char *http_id(const http_exchange *x);                          /* x-request-id: the client's, or a new one */
double http_begun_s(const http_exchange *x);                          /* when it came, on cli_seconds()' clock */

/* ---- the answer, from any thread */

/* The whole answer; `body` is copied. A status from 100 to 599. */
void http_reply(http_exchange *x, int status, const char *content_type, const char *body, size_t len);
/* The whole answer, saying what went wrong as OpenAI does: {"error": {"message", "type", "param", "code"}}. `param`
 * and `code` may be NULL; so may `type`, which then follows from the status. */
void http_reply_error(http_exchange *x, int status, const char *type, const char *param, const char *code,
                      const char *message);
/* Adds a header to the answer, before it begins. */
void http_set_header(http_exchange *x, const char *name, const char *value);
/* Begins an answer that comes in pieces. While nothing is written, the server keeps the connection alive with what
 * `keep_alive` says (": keep-alive\n\n" for server-sent events; NULL: nothing). */
void http_begin(http_exchange *x, int status, const char *content_type, const char *keep_alive);
/* One more piece; never blocks. False: nobody reads any more (the client left, or is too slow): stop making text. */
bool http_write(http_exchange *x, const char *data, size_t len);
void http_end(http_exchange *x);

/* Calls `gone` once, from any thread, if the client leaves before the answer has been ended (at once if it has left
 * already): for cancelling what it asked for. Who closes only the direction in which it sends has left, too. The
 * exchange is still to be ended, by another call than `gone` itself. http_reply() and http_end() wait for a `gone` that
 * runs, and it is not called after them: so it must not wait for whoever ends the answer. */
void http_on_gone(http_exchange *x, void (*gone)(void *ctx), void *ctx);

/* What the access log says of it besides status and time. */
void http_note(http_exchange *x, const char *model, int n_prompt, int n_generated);

#endif
