/* The watcher: a thread for what libmicrohttpd does not see. It does not look at the sockets of suspended connections,
 * and its only clock starts again with every byte. Here, clients that leave are noticed while their answer is being
 * made, those that take too long to send or to read are cut, and streams that are silent say that they live. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "serve/http_internal.h"

enum { TICK_MS = 250, EVENTS_MAX = 64 };
#define WOKEN UINT64_MAX

void watcher_wake(http_server *s)
{
    uint64_t one = 1;
    if (s->watching && write(s->watch_event, &one, sizeof one) < 0)
        return; /* it is awake */
}

void watcher_look_after(http_server *s, connection *c)
{
    struct epoll_event e = { .events = EPOLLRDHUP | EPOLLONESHOT };
    e.data.u64 = (uint64_t)c->generation << 32 | c->slot;
    if (epoll_ctl(s->watch_epoll, EPOLL_CTL_MOD, c->fd, &e) != 0 && errno == ENOENT)
        epoll_ctl(s->watch_epoll, EPOLL_CTL_ADD, c->fd, &e);
}

static void on_event(http_server *s, const struct epoll_event *e)
{
    uint64_t n;
    if (e->data.u64 == WOKEN) {
        while (read(s->watch_event, &n, sizeof n) > 0)
            continue;
        return;
    }
    connection *c = &s->connections[e->data.u64 & UINT32_MAX];
    if (c->used && c->generation == e->data.u64 >> 32 && c->x && c->x->handed && !c->x->answer.ended)
        exchange_lost(c->x);
}

static void look_at_connections(http_server *s, double now)
{
    for (size_t i = 0; i < s->n_slots; i++) {
        connection *c = &s->connections[i];
        if (c->used && c->deadline > 0 && now > c->deadline)
            connection_cut(c);
    }
}

static void look_at_stream(http_exchange *x, double now)
{
    const http_options *o = &x->server->options;
    answer *a = &x->answer;
    if (a->len > a->begin && now - a->moved_s > o->send_s)
        exchange_lost(x);
    else if (a->keep_alive && now - a->written_s >= o->keep_alive_s)
        exchange_write(x, a->keep_alive, strlen(a->keep_alive));
}

static void look_at_exchanges(http_server *s, double now)
{
    for (http_exchange *x = s->exchanges; x; x = x->next)
        if (x->answer.streams && !x->answer.ended && x->conn && !x->gone)
            look_at_stream(x, now);
}

/* Locked; unlocks while it calls. */
static void tell_those_left(http_server *s)
{
    http_exchange *x = s->exchanges;
    while (x) {
        if (x->gone && x->on_gone && !x->calling) {
            exchange_call_gone(x);
            x = s->exchanges; /* others may have come and gone meanwhile */
        } else {
            x = x->next;
        }
    }
}

static void *watch(void *ctx)
{
    http_server *s = ctx;
    struct epoll_event events[EVENTS_MAX];
    double looked = 0;
    pthread_mutex_lock(&s->lock);
    while (!s->watcher_ends) {
        int timeout = s->n_connections > 0 || s->n_exchanges > 0 ? TICK_MS : -1;
        pthread_mutex_unlock(&s->lock);
        int n = epoll_wait(s->watch_epoll, events, EVENTS_MAX, timeout);
        pthread_mutex_lock(&s->lock);
        for (int i = 0; i < n; i++)
            on_event(s, &events[i]);
        double now = http_clock();
        if (now - looked >= TICK_MS * 1e-3) {
            look_at_connections(s, now);
            look_at_exchanges(s, now);
            looked = now;
        }
        tell_those_left(s);
    }
    tell_those_left(s);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

bool watcher_start(http_server *s, bora_error *err)
{
    struct epoll_event e = { .events = EPOLLIN };
    e.data.u64 = WOKEN;
    s->watch_epoll = epoll_create1(EPOLL_CLOEXEC);
    s->watch_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->watch_epoll < 0 || s->watch_event < 0 || epoll_ctl(s->watch_epoll, EPOLL_CTL_ADD, s->watch_event, &e) != 0)
        return bora_fail(err, BORA_IO, "the server's watcher: %s", strerror(errno));
    int code = pthread_create(&s->watcher, NULL, watch, s);
    if (code != 0)
        return bora_fail(err, BORA_IO, "the server's threads: %s", strerror(code));
    s->watching = true;
    return true;
}

void watcher_stop(http_server *s)
{
    if (s->watching) {
        pthread_mutex_lock(&s->lock);
        s->watcher_ends = true;
        watcher_wake(s);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->watcher, NULL);
    }
    pthread_mutex_lock(&s->lock);
    s->watching = false;
    if (s->watch_epoll >= 0)
        close(s->watch_epoll);
    if (s->watch_event >= 0)
        close(s->watch_event);
    s->watch_epoll = s->watch_event = -1;
    pthread_mutex_unlock(&s->lock);
}
