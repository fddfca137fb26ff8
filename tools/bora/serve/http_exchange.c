/* Exchanges: what handlers do with them (see http.h), and how long they live.
 *
 * An exchange is counted by all who may touch it: libmicrohttpd while it has the request, whoever answers until the
 * answer is ended, the response while it is sent, a worker while the handler runs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "serve/http_internal.h"

enum { SEND_BYTES_PER_S = 16 << 10 }; /* slower than this a client may not read */

double http_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- life */

http_exchange *exchange_new(http_server *s, connection *c)
{
    http_exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->server = s;
    x->begun_s = http_clock();
    x->peer = c->peer;
    x->refs = 1;
    pthread_mutex_lock(&s->lock);
    x->conn = c;
    c->x = x;
    x->next = s->exchanges;
    if (x->next)
        x->next->prev = x;
    s->exchanges = x;
    s->n_exchanges++;
    s->refs++;
    metric_set(s->metrics.in_flight, (double)s->n_exchanges, NULL);
    pthread_mutex_unlock(&s->lock);
    return x;
}

void exchange_ref(http_exchange *x)
{
    x->refs++;
}

static const char *route_name(const http_exchange *x)
{
    return x->route ? x->route->path : "none";
}

/* Locked: the metrics are the server's as long as it has not been freed. */
static void count(http_exchange *x)
{
    http_server *s = x->server;
    char status[12];
    snprintf(status, sizeof status, "%d", x->queued ? x->answer.status : 0);
    metric_add(s->metrics.requests, 1, METRIC_LABELS(route_name(x), status));
    metric_observe(s->metrics.seconds, http_clock() - x->begun_s, METRIC_LABELS(route_name(x)));
    metric_set(s->metrics.in_flight, (double)s->n_exchanges, NULL);
}

static void write_log(http_exchange *x)
{
    const http_options *o = &x->server->options;
    const char *path = x->request.path ? x->request.path : "";
    bool is_health = strcmp(path, "/health") == 0 || strcmp(path, "/ready") == 0;
    if (!x->server->log || (is_health && !o->access_log_health))
        return;
    access_entry e = {
        .id = x->id,
        .address = x->peer.text,
        .key = x->key_text[0] ? x->key_text : NULL,
        .method = x->request.method ? x->request.method : "",
        .path = path,
        .status = x->queued ? x->answer.status : 0,
        .bytes = x->answer.sent,
        .seconds = http_clock() - x->begun_s,
        .whole = x->sent_whole,
        .model = x->model,
        .n_prompt = x->n_prompt,
        .n_generated = x->n_generated,
    };
    clock_gettime(CLOCK_REALTIME, &e.when);
    access_log_write(x->server->log, &e);
}

static void answer_free(answer *a)
{
    for (size_t i = 0; i < a->n_headers; i++) {
        free(a->headers[i].name);
        free(a->headers[i].value);
    }
    free(a->headers);
    free(a->content_type);
    free(a->body);
    free(a->keep_alive);
}

void exchange_unref(http_exchange *x)
{
    http_server *s = x->server;
    pthread_mutex_lock(&s->lock);
    if (--x->refs > 0) {
        pthread_mutex_unlock(&s->lock);
        return;
    }
    pthread_mutex_unlock(&s->lock);
    write_log(x); /* before it stops being counted: who waits for the last one finds its line written */

    pthread_mutex_lock(&s->lock);
    *(x->prev ? &x->prev->next : &s->exchanges) = x->next;
    if (x->next)
        x->next->prev = x->prev;
    s->n_exchanges--;
    s->body_bytes -= x->request.body_capacity;
    if (x->client)
        rate_limiter_leave(s->limiter, x->client);
    count(x);
    pthread_cond_broadcast(&s->ended);
    pthread_mutex_unlock(&s->lock);
    request_free(&x->request);
    answer_free(&x->answer);
    free(x->model);
    free(x);
    server_unref(s);
}

void exchange_resume(http_exchange *x)
{
    if (!x->suspended || !x->conn)
        return;
    x->suspended = false;
    MHD_resume_connection(x->conn->mhd);
}

void exchange_lost(http_exchange *x)
{
    x->gone = true;
    if (x->conn)
        connection_cut(x->conn);
    watcher_wake(x->server);
}

/* ---- the request */

const char *http_body(const http_exchange *x, size_t *len)
{
    *len = x->request.body_len;
    return x->request.body ? x->request.body : "";
}

const char *http_header(const http_exchange *x, const char *name)
{
    return request_header(&x->request, name);
}

const char *http_query(const http_exchange *x, const char *name)
{
    for (size_t i = 0; i < x->request.n_query; i++)
        if (strcmp(x->request.query[i].name, name) == 0)
            return x->request.query[i].value;
    return NULL;
}

const char *http_path_part(const http_exchange *x, const char *name)
{
    const request *r = &x->request;
    for (size_t i = 0; i < r->n_parts; i++)
        if (strncmp(r->parts[i].name, name, r->part_len[i]) == 0 && name[r->part_len[i]] == '\0')
            return r->parts[i].value;
    return NULL;
}

const char *http_id(const http_exchange *x)
{
    return x->id;
}

double http_begun_s(const http_exchange *x)
{
    return x->begun_s;
}

/* ---- the answer */

void exchange_add_header(http_exchange *x, const char *name, const char *value)
{
    answer *a = &x->answer;
    struct extra *more = realloc(a->headers, (a->n_headers + 1) * sizeof *more);
    if (!more)
        return;
    a->headers = more;
    more[a->n_headers] = (struct extra){ .name = strdup(name), .value = strdup(value) };
    if (more[a->n_headers].name && more[a->n_headers].value) {
        a->n_headers++;
    } else {
        free(more[a->n_headers].name);
        free(more[a->n_headers].value);
    }
}

void http_set_header(http_exchange *x, const char *name, const char *value)
{
    pthread_mutex_lock(&x->server->lock);
    if (!x->answer.begun)
        exchange_add_header(x, name, value);
    pthread_mutex_unlock(&x->server->lock);
}

/* Locked: ends the answer, and unlocks. */
static void finish(http_exchange *x)
{
    http_server *s = x->server;
    answer *a = &x->answer;
    a->begun = a->ended = true;
    if (x->conn && a->streams)
        x->conn->deadline = http_clock() + s->options.send_s + (double)(a->len - a->begin) / SEND_BYTES_PER_S;
    exchange_resume(x);
    while (x->calling && !pthread_equal(x->caller, pthread_self()))
        pthread_cond_wait(&s->ended, &s->lock);
    x->on_gone = NULL;
    pthread_mutex_unlock(&s->lock);
    exchange_unref(x);
}

void http_reply(http_exchange *x, int status, const char *content_type, const char *body, size_t len)
{
    char *copy = len > 0 ? malloc(len) : NULL, *type = content_type ? strdup(content_type) : NULL;
    if (copy)
        memcpy(copy, body, len);
    pthread_mutex_lock(&x->server->lock);
    answer *a = &x->answer;
    a->status = copy || len == 0 ? status : MHD_HTTP_INTERNAL_SERVER_ERROR;
    a->content_type = type;
    a->body = copy;
    a->len = copy ? len : 0;
    finish(x);
}

static const char *default_type(int status)
{
    if (status == MHD_HTTP_TOO_MANY_REQUESTS)
        return "rate_limit_error";
    if (status == MHD_HTTP_UNAUTHORIZED)
        return "authentication_error";
    if (status == MHD_HTTP_FORBIDDEN)
        return "permission_error";
    return status >= 500 ? "server_error" : "invalid_request_error";
}

static char *error_text(int status, const char *type, const char *param, const char *code, const char *message,
                        size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (!out)
        return NULL;
    json j = { .out = out };
    json_open_flat(&j, NULL, '{');
    json_open(&j, "error", '{');
    json_string(&j, "message", message);
    json_string(&j, "type", type ? type : default_type(status));
    json_string(&j, "param", param);
    json_string(&j, "code", code);
    json_close(&j, '}');
    json_close(&j, '}');
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

void http_reply_error(http_exchange *x, int status, const char *type, const char *param, const char *code,
                      const char *message)
{
    size_t len = 0;
    char *text = error_text(status, type, param, code, message, &len);
    http_reply(x, status, "application/json", text ? text : "", text ? len : 0);
    free(text);
}

void exchange_refuse(http_exchange *x, int status, const char *type, const char *param, const char *code,
                     const char *message)
{
    answer *a = &x->answer;
    size_t len = 0;
    a->body = error_text(status, type, param, code, message, &len);
    a->len = a->body ? len : 0;
    a->content_type = strdup("application/json");
    a->status = status;
    a->begun = a->ended = true;
}

void http_begin(http_exchange *x, int status, const char *content_type, const char *keep_alive)
{
    char *type = content_type ? strdup(content_type) : NULL, *alive = keep_alive ? strdup(keep_alive) : NULL;
    pthread_mutex_lock(&x->server->lock);
    answer *a = &x->answer;
    a->status = status;
    a->content_type = type;
    a->keep_alive = alive;
    a->written_s = a->moved_s = http_clock();
    a->begun = a->streams = true;
    exchange_resume(x);
    pthread_mutex_unlock(&x->server->lock);
}

/* Room for `len` more bytes behind what is unsent. */
static bool make_room(answer *a, size_t len)
{
    if (a->begin == a->len)
        a->begin = a->len = 0;
    if (a->capacity - a->len >= len)
        return true;
    if (a->begin > 0) {
        memmove(a->body, a->body + a->begin, a->len - a->begin);
        a->len -= a->begin;
        a->begin = 0;
    }
    if (a->capacity - a->len >= len)
        return true;
    size_t capacity = a->capacity ? a->capacity : 1024;
    while (capacity - a->len < len)
        capacity *= 2;
    char *body = realloc(a->body, capacity);
    if (!body)
        return false;
    a->body = body;
    a->capacity = capacity;
    return true;
}

bool exchange_write(http_exchange *x, const char *data, size_t len)
{
    answer *a = &x->answer;
    if (x->gone || !x->conn || !a->begun || a->ended)
        return false;
    size_t unsent = a->len - a->begin;
    bool fits = unsent == 0 || len <= x->server->options.max_unsent_bytes - unsent;
    if (x->is_head || len == 0)
        return true;
    if (unsent == 0)
        a->moved_s = http_clock(); /* until now the client had nothing to take */
    if (!fits || !make_room(a, len)) {
        exchange_lost(x);
        return false;
    }
    memcpy(a->body + a->len, data, len);
    a->len += len;
    a->written_s = http_clock();
    exchange_resume(x);
    return true;
}

bool http_write(http_exchange *x, const char *data, size_t len)
{
    pthread_mutex_lock(&x->server->lock);
    bool ok = exchange_write(x, data, len);
    pthread_mutex_unlock(&x->server->lock);
    return ok;
}

void http_end(http_exchange *x)
{
    pthread_mutex_lock(&x->server->lock);
    if (!x->answer.begun) { /* ended without an answer */
        x->answer.status = MHD_HTTP_INTERNAL_SERVER_ERROR;
        x->last = true;
    }
    finish(x);
}

void http_on_gone(http_exchange *x, void (*gone)(void *ctx), void *ctx)
{
    http_server *s = x->server; /* `gone` may lead to the end of the exchange */
    pthread_mutex_lock(&s->lock);
    x->gone_ctx = ctx;
    x->on_gone = gone;
    if (x->gone)
        exchange_call_gone(x);
    pthread_mutex_unlock(&s->lock);
}

void exchange_call_gone(http_exchange *x)
{
    http_server *s = x->server;
    void (*gone)(void *ctx) = x->on_gone;
    if (!gone || x->calling)
        return;
    void *ctx = x->gone_ctx;
    x->on_gone = NULL;
    x->calling = true;
    x->caller = pthread_self();
    exchange_ref(x);
    pthread_mutex_unlock(&s->lock);
    gone(ctx);
    pthread_mutex_lock(&s->lock);
    x->calling = false;
    pthread_cond_broadcast(&s->ended);
    pthread_mutex_unlock(&s->lock);
    exchange_unref(x);
    pthread_mutex_lock(&s->lock);
}

void http_note(http_exchange *x, const char *model, int n_prompt, int n_generated)
{
    char *copy = model ? strdup(model) : NULL;
    pthread_mutex_lock(&x->server->lock);
    free(x->model);
    x->model = copy;
    x->n_prompt = n_prompt;
    x->n_generated = n_generated;
    pthread_mutex_unlock(&x->server->lock);
}
