/* What libmicrohttpd calls, in its one thread: connections that open and close, requests as they arrive.
 *
 * A request is looked at when its head is there. What is refused then is answered once its body has passed by (a client
 * that is still sending would not read the answer), unless there is too much of it. What is not is collected, handed to
 * a worker, and the connection suspended until there is an answer. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "serve/http_internal.h"

enum { SWALLOW_BYTES = 1 << 20, BODY_BYTES_PER_S = 16 << 10, FIRST_BODY_BYTES = 4096, PEER_DEAD_S = 60 };

/* ---- connections */

void connection_cut(connection *c)
{
    if (c->cut)
        return;
    c->cut = true;
    shutdown(c->fd, SHUT_RDWR);
    if (c->x)
        exchange_resume(c->x);
}

/* Small pieces go out at once; a machine that is gone is noticed. */
static void set_options(int fd)
{
    int yes = 1, idle = PEER_DEAD_S / 2, interval = PEER_DEAD_S / 6, count = 3, user = PEER_DEAD_S * 1000;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user, sizeof user);
}

static void opened(http_server *s, struct MHD_Connection *mhd, void **socket_context)
{
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *address = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    pthread_mutex_lock(&s->lock);
    connection *c = s->free_slots;
    if (c) {
        s->free_slots = c->next_free;
        c->used = true;
        c->cut = false;
        c->generation++;
        c->fd = fd->connect_fd;
        c->mhd = mhd;
        c->peer = peer_of(address ? address->client_addr : NULL);
        c->deadline = http_clock() + s->options.receive_s;
        c->x = NULL;
        c->counted = peer_counts_add(s->addresses, &c->peer, s->options.max_connections_per_address);
        metric_set(s->metrics.connections, ++s->n_connections, NULL);
        if (!c->counted || s->n_connections > s->options.max_connections || s->draining) {
            metric_add(s->metrics.refused, 1, NULL);
            connection_cut(c);
        }
        watcher_wake(s);
    }
    pthread_mutex_unlock(&s->lock);
    *socket_context = c;
    if (c && !s->listener.is_unix)
        set_options(fd->connect_fd);
    if (!c)
        shutdown(fd->connect_fd, SHUT_RDWR);
}

static void closed(http_server *s, connection *c)
{
    pthread_mutex_lock(&s->lock);
    if (c->counted)
        peer_counts_remove(s->addresses, &c->peer);
    c->used = false;
    c->mhd = NULL;
    c->fd = -1;
    c->deadline = 0;
    c->next_free = s->free_slots;
    s->free_slots = c;
    metric_set(s->metrics.connections, --s->n_connections, NULL);
    pthread_mutex_unlock(&s->lock);
}

void http_on_connection(void *ctx, struct MHD_Connection *mhd, void **socket_context,
                        enum MHD_ConnectionNotificationCode what)
{
    http_server *s = ctx;
    if (what == MHD_CONNECTION_NOTIFY_STARTED)
        opened(s, mhd, socket_context);
    else if (*socket_context)
        closed(s, *socket_context);
}

/* ---- requests */

static connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* The body's time: longer the more of it has come. */
static void set_deadline(http_exchange *x)
{
    const request *r = &x->request;
    pthread_mutex_lock(&x->server->lock);
    x->conn->deadline =
        x->begun_s + x->server->options.receive_s + (double)(r->body_len + x->swallowed) / BODY_BYTES_PER_S;
    pthread_mutex_unlock(&x->server->lock);
}

static enum MHD_Result head_arrived(http_server *s, struct MHD_Connection *mhd, const char *url, const char *method,
                                    void **context)
{
    connection *c = connection_of(mhd);
    if (!c || c->cut)
        return MHD_NO;
    http_exchange *x = exchange_new(s, c);
    if (!x)
        return MHD_NO;
    *context = x;
    bool ok = request_copy(&x->request, mhd, method, url);
    if (!x->request.block) {
        return MHD_NO;
    } else if (!ok) {
        exchange_refuse(x, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, NULL, NULL, NULL, "There are too many headers.");
        x->last = true;
    } else if (exchange_admit(x)) {
        set_deadline(x);
        return MHD_YES;
    }
    uint64_t length = request_content_length(&x->request);
    const char *expect = request_header(&x->request, MHD_HTTP_HEADER_EXPECT);
    if (x->last || expect || (length != UINT64_MAX && length > SWALLOW_BYTES)) {
        x->last = true;
        return answer_queue(x, mhd);
    }
    set_deadline(x);
    return MHD_YES;
}

static void drop_body(http_exchange *x)
{
    request *r = &x->request;
    pthread_mutex_lock(&x->server->lock);
    x->server->body_bytes -= r->body_capacity;
    pthread_mutex_unlock(&x->server->lock);
    free(r->body);
    r->body = NULL;
    r->body_len = r->body_capacity = 0;
}

/* Makes the body's buffer larger; false: there is no memory for it. */
static bool grow_body(http_exchange *x, size_t needed)
{
    request *r = &x->request;
    http_server *s = x->server;
    uint64_t announced = request_content_length(r);
    size_t capacity = r->body_capacity ? 2 * r->body_capacity : FIRST_BODY_BYTES;
    if (announced != UINT64_MAX && capacity > announced + 1)
        capacity = (size_t)announced + 1;
    if (capacity > s->options.max_body_bytes + 1)
        capacity = s->options.max_body_bytes + 1;
    if (capacity < needed)
        capacity = needed;
    pthread_mutex_lock(&s->lock);
    bool ok = s->body_bytes + (capacity - r->body_capacity) <= s->options.max_bodies_bytes;
    char *body = ok ? realloc(r->body, capacity) : NULL;
    if (body) {
        s->body_bytes += capacity - r->body_capacity;
        r->body = body;
        r->body_capacity = capacity;
    }
    pthread_mutex_unlock(&s->lock);
    return body;
}

static enum MHD_Result body_arrived(http_exchange *x, const char *data, size_t len)
{
    const http_options *o = &x->server->options;
    request *r = &x->request;
    char message[120];
    if (!x->answer.begun && len > o->max_body_bytes - r->body_len) {
        x->swallowed = r->body_len;
        drop_body(x);
        snprintf(message, sizeof message, "A request's body may have %zu bytes.", o->max_body_bytes);
        exchange_refuse(x, MHD_HTTP_CONTENT_TOO_LARGE, NULL, NULL, "request_too_large", message);
    } else if (!x->answer.begun && r->body_capacity - r->body_len <= len && !grow_body(x, r->body_len + len + 1)) {
        x->swallowed = r->body_len;
        drop_body(x);
        exchange_add_header(x, MHD_HTTP_HEADER_RETRY_AFTER, "1");
        exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, NULL, "overloaded",
                        "There are too many large requests at the moment.");
    }
    if (x->answer.begun) {
        x->swallowed += len;
        if (x->swallowed > 2 * (uint64_t)o->max_body_bytes + SWALLOW_BYTES)
            return MHD_NO;
    } else if (!request_append(r, data, len)) {
        return MHD_NO;
    }
    set_deadline(x);
    return MHD_YES;
}

/* Hands the request to a worker and waits for its answer. */
static enum MHD_Result request_arrived(http_exchange *x, struct MHD_Connection *mhd)
{
    http_server *s = x->server;
    pthread_mutex_lock(&s->lock);
    x->complete = true;
    x->handed = !x->conn->cut && !s->closing && workers_take(s, x);
    bool cut = x->conn->cut || s->closing;
    if (x->handed) {
        x->conn->deadline = 0;
        x->suspended = true;
        MHD_suspend_connection(mhd);
        watcher_look_after(s, x->conn);
    }
    bool handed = x->handed;
    pthread_mutex_unlock(&s->lock);
    if (handed || cut)
        return handed ? MHD_YES : MHD_NO;
    exchange_add_header(x, MHD_HTTP_HEADER_RETRY_AFTER, "1");
    exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, NULL, NULL, "overloaded", "Too many requests are waiting.");
    return answer_queue(x, mhd);
}

/* Back from being suspended. */
static enum MHD_Result answer_arrived(http_exchange *x, struct MHD_Connection *mhd)
{
    pthread_mutex_lock(&x->server->lock);
    bool begun = x->answer.begun, cut = x->conn->cut || x->server->closing;
    if (!begun && !cut) {
        x->suspended = true;
        MHD_suspend_connection(mhd);
    }
    pthread_mutex_unlock(&x->server->lock);
    if (cut)
        return MHD_NO;
    return begun ? answer_queue(x, mhd) : MHD_YES;
}

enum MHD_Result http_on_request(void *ctx, struct MHD_Connection *mhd, const char *url, const char *method,
                                const char *version, const char *data, size_t *len, void **context)
{
    http_exchange *x = *context;
    (void)version;
    if (!x)
        return head_arrived(ctx, mhd, url, method, context);
    if (*len > 0) {
        size_t n = *len;
        *len = 0;
        return body_arrived(x, data, n);
    }
    if (x->handed)
        return answer_arrived(x, mhd);
    return x->answer.begun ? answer_queue(x, mhd) : request_arrived(x, mhd);
}

void http_on_completed(void *ctx, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why)
{
    http_exchange *x = *context;
    http_server *s = ctx;
    (void)mhd;
    if (!x)
        return;
    *context = NULL;
    pthread_mutex_lock(&s->lock);
    x->sent_whole = why == MHD_REQUEST_TERMINATED_COMPLETED_OK;
    x->conn->x = NULL;
    x->conn->deadline = http_clock() + s->options.idle_s;
    x->conn = NULL;
    x->suspended = false;
    if (x->handed && !x->answer.ended)
        exchange_lost(x);
    pthread_mutex_unlock(&s->lock);
    exchange_unref(x);
}
