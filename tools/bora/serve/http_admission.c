/* The door: what is looked at in the head of a request before anything of its body is kept. */
#include <arpa/inet.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "serve/http_internal.h"

/* ---- x-request-id */

static bool harmless(const char *id)
{
    size_t len = strlen(id);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)id[i]) && !strchr("-_.:", id[i]))
            return false;
    return len > 0 && len < HTTP_ID_BYTES;
}

static void choose_id(http_exchange *x)
{
    const char *given = request_header(&x->request, "x-request-id");
    uint8_t random[16] = { 0 };
    if (given && harmless(given)) {
        snprintf(x->id, sizeof x->id, "%s", given);
        return;
    }
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        memcpy(random, &x->begun_s, sizeof x->begun_s);
    char *at = x->id + snprintf(x->id, sizeof x->id, "req_");
    for (size_t i = 0; i < sizeof random; i++)
        at += snprintf(at, 3, "%02x", random[i]);
}

/* ---- CORS */

/* Whether it is an address, or a name that no name server but one's own answers for. */
static bool is_local_name(const char *host)
{
    char bare[256];
    struct in6_addr any;
    size_t len = host[0] == '[' ? strcspn(host, "]") : strcspn(host, ":");
    size_t skip = host[0] == '[';
    if (len <= skip || len - skip >= sizeof bare)
        return false;
    snprintf(bare, sizeof bare, "%.*s", (int)(len - skip), host + skip);
    size_t n = strlen(bare);
    return strcasecmp(bare, "localhost") == 0 || (n > 10 && strcasecmp(bare + n - 10, ".localhost") == 0) ||
           inet_pton(AF_INET, bare, &any) == 1 || inet_pton(AF_INET6, bare, &any) == 1;
}

/* A page that the server itself gave. Without keys the name must be one that nobody can point here (DNS rebinding). */
static bool is_same_origin(const http_exchange *x, const char *origin)
{
    const char *host = request_header(&x->request, MHD_HTTP_HEADER_HOST), *rest = strstr(origin, "://");
    return host && rest && strcasecmp(rest + 3, host) == 0 && (keys_count(x->server->keys) > 0 || is_local_name(host));
}

static bool is_listed(const http_options *o, const char *origin)
{
    for (size_t i = 0; i < o->n_cors_origins; i++)
        if (strcmp(o->cors_origins[i], "*") == 0 || strcasecmp(o->cors_origins[i], origin) == 0)
            return true;
    return false;
}

/* Browsers send Origin with whatever a page of another origin asks for. */
static bool admit_origin(http_exchange *x)
{
    const char *origin = request_header(&x->request, MHD_HTTP_HEADER_ORIGIN);
    if (!origin)
        return true;
    x->allow_origin = is_listed(&x->server->options, origin);
    if (x->allow_origin || is_same_origin(x, origin))
        return true;
    exchange_refuse(x, MHD_HTTP_FORBIDDEN, NULL, NULL, "origin_not_allowed",
                    "Web pages of this origin may not use this server; --cors-origin allows it.");
    return false;
}

static bool is_header_list(const char *text)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("-_, ", *text))
            return false;
    return true;
}

/* OPTIONS, a preflight or not. */
static void answer_options(http_exchange *x, const char *allow)
{
    const char *headers = request_header(&x->request, MHD_HTTP_HEADER_ACCESS_CONTROL_REQUEST_HEADERS);
    x->answer.status = MHD_HTTP_NO_CONTENT;
    x->answer.begun = x->answer.ended = true;
    exchange_add_header(x, MHD_HTTP_HEADER_ALLOW, allow);
    if (x->allow_origin && request_header(&x->request, MHD_HTTP_HEADER_ACCESS_CONTROL_REQUEST_METHOD)) {
        exchange_add_header(x, "Access-Control-Allow-Methods", allow);
        exchange_add_header(x, "Access-Control-Max-Age", "600");
        if (headers && is_header_list(headers))
            exchange_add_header(x, "Access-Control-Allow-Headers", headers);
    }
}

/* ---- the route */

static bool admit_route(http_exchange *x)
{
    char allow[64] = "", message[320];
    const char *method = x->request.method;
    if (strcmp(method, "OPTIONS") == 0) {
        route_find(x->server->routes, method, &x->request, allow, sizeof allow - 16);
        if (*allow || strcmp(x->request.path, "*") == 0) {
            size_t len = strlen(allow);
            snprintf(allow + len, sizeof allow - len, "%sOPTIONS", len ? ", " : "");
            answer_options(x, allow);
            return false;
        }
    } else {
        x->route = route_find(x->server->routes, method, &x->request, allow, sizeof allow);
        if (x->route && request_keep_parts(&x->request))
            return true;
        if (x->route) {
            exchange_refuse(x, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, NULL, NULL, "Memory ran out.");
            return false;
        }
    }
    if (*allow) {
        snprintf(message, sizeof message, "This path is not for %.20s; it allows %s.", method, allow);
        exchange_add_header(x, MHD_HTTP_HEADER_ALLOW, allow);
        exchange_refuse(x, MHD_HTTP_METHOD_NOT_ALLOWED, NULL, NULL, "method_not_allowed", message);
    } else {
        snprintf(message, sizeof message, "There is nothing at %.200s.", x->request.path);
        exchange_refuse(x, MHD_HTTP_NOT_FOUND, NULL, NULL, "not_found", message);
    }
    return false;
}

/* ---- keys */

static void client_id_of_key(uint8_t id[16], uint64_t identity)
{
    memset(id, 0xff, 16);
    memcpy(id, &identity, sizeof identity);
}

/* Locked: keys may be read again. `id` is by what limits are counted. */
static bool admit_key(http_exchange *x, uint8_t id[16])
{
    const key_set *keys = x->server->keys;
    const char *given, *plain = request_header(&x->request, "x-api-key");
    size_t len = 0;
    memcpy(id, x->peer.net, 16);
    if (keys_count(keys) == 0)
        return true;
    given = keys_bearer(request_header(&x->request, MHD_HTTP_HEADER_AUTHORIZATION), &len);
    if (!given && plain) {
        given = plain;
        len = strlen(plain);
    }
    size_t i = given ? keys_find(keys, given, len) : SIZE_MAX;
    if (i != SIZE_MAX) {
        snprintf(x->key_text, sizeof x->key_text, "%s", keys_name(keys, i));
        client_id_of_key(id, keys_identity(keys, i));
        return true;
    }
    if (x->route->open)
        return true;
    exchange_add_header(x, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (given)
        exchange_refuse(x, MHD_HTTP_UNAUTHORIZED, NULL, NULL, "invalid_api_key", "This API key is not known here.");
    else
        exchange_refuse(x, MHD_HTTP_UNAUTHORIZED, NULL, NULL, "missing_api_key",
                        "An API key is needed: Authorization: Bearer KEY.");
    return false;
}

/* ---- limits */

static void refuse_busy(http_exchange *x, int status, const char *type, const char *code, double retry_s,
                        const char *message)
{
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%.0f", fmax(1, ceil(retry_s)));
    exchange_add_header(x, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    exchange_refuse(x, status, type, NULL, code, message);
}

/* Locked. */
static bool admit_limits(http_exchange *x, const uint8_t id[16])
{
    http_server *s = x->server;
    limit_state state;
    char message[160];
    if (!x->route->limited || !s->limiter)
        return true;
    limit_verdict verdict = rate_limiter_enter(s->limiter, id, x->begun_s, &x->client, &state);
    if (s->options.rate_limit > 0) {
        x->limits_known = true;
        snprintf(x->limit_headers[0], sizeof x->limit_headers[0], "%d", state.limit);
        snprintf(x->limit_headers[1], sizeof x->limit_headers[1], "%d", state.remaining);
        snprintf(x->limit_headers[2], sizeof x->limit_headers[2], "%.3gs", state.reset_s);
    }
    switch (verdict) {
    case LIMIT_PASSED:
        return true;
    case LIMIT_RATE:
        snprintf(message, sizeof message, "More than %d requests a minute; the next one may come in %.0f s.",
                 state.limit, fmax(1, ceil(state.retry_s)));
        refuse_busy(x, MHD_HTTP_TOO_MANY_REQUESTS, NULL, "rate_limit_exceeded", state.retry_s, message);
        return false;
    case LIMIT_CONCURRENT:
        snprintf(message, sizeof message, "More than %d requests at a time.", s->options.max_concurrent);
        refuse_busy(x, MHD_HTTP_TOO_MANY_REQUESTS, NULL, "rate_limit_exceeded", state.retry_s, message);
        return false;
    case LIMIT_MEMORY:
        refuse_busy(x, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "overloaded", 1, "Memory ran out.");
    }
    return false;
}

static bool admit_client(http_exchange *x)
{
    http_server *s = x->server;
    uint8_t id[16];
    pthread_mutex_lock(&s->lock);
    bool draining = s->draining;
    if (draining)
        refuse_busy(x, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, "shutting_down", 1, "The server is shutting down.");
    bool ok = !draining && admit_key(x, id) && admit_limits(x, id);
    pthread_mutex_unlock(&s->lock);
    return ok;
}

/* ---- all of it */

bool exchange_admit(http_exchange *x)
{
    const request *r = &x->request;
    const http_options *o = &x->server->options;
    const char *wrong = request_framing_error(r);
    uint64_t length = request_content_length(r);
    char message[120];
    choose_id(x);
    x->is_head = strcmp(r->method, "HEAD") == 0;
    if (wrong) {
        x->last = true; /* where the next request would begin is not known */
        exchange_refuse(x, MHD_HTTP_BAD_REQUEST, NULL, NULL, NULL, wrong);
        return false;
    }
    if (!admit_origin(x) || !admit_route(x) || !admit_client(x))
        return false;
    if (length != UINT64_MAX && length > o->max_body_bytes) {
        snprintf(message, sizeof message, "A request's body may have %zu bytes.", o->max_body_bytes);
        exchange_refuse(x, MHD_HTTP_CONTENT_TOO_LARGE, NULL, NULL, "request_too_large", message);
        return false;
    }
    return true;
}
