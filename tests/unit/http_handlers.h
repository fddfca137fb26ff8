/* Handlers to try the HTTP server with: what answers at once, late, in pieces, never; and a record of who left. */
#ifndef HTTP_HANDLERS_H
#define HTTP_HANDLERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve/http_server.h"

typedef struct handlers {
    atomic_int n_gone;   /* clients that left */
    atomic_int n_open;   /* answers that have not been ended */
    atomic_bool release; /* answers of /held may go */
} handlers;

typedef struct late_answer {
    handlers *h;
    http_exchange *x;
    int n_pieces, pause_ms;
    size_t piece_bytes;
    atomic_bool left;
} late_answer;

static void handler_reply_text(http_exchange *x, const char *text)
{
    http_reply(x, 200, "text/plain", text, strlen(text));
}

static void handle_health(http_exchange *x, void *ctx)
{
    (void)ctx;
    handler_reply_text(x, "ok\n");
}

/* The body as it came. */
static void handle_echo(http_exchange *x, void *ctx)
{
    size_t len;
    const char *body = http_body(x, &len);
    (void)ctx;
    http_set_header(x, "x-seen-id", http_id(x));
    http_reply(x, 200, "application/octet-stream", body, len);
}

static void handle_part(http_exchange *x, void *ctx)
{
    char text[400];
    const char *q = http_query(x, "q"), *agent = http_header(x, "USER-AGENT");
    (void)ctx;
    http_note(x, "a model", 3, 5);
    snprintf(text, sizeof text, "id=%s q=%s agent=%s", http_path_part(x, "id"), q ? q : "-", agent ? agent : "-");
    handler_reply_text(x, text);
}

static void handle_fail(http_exchange *x, void *ctx)
{
    (void)ctx;
    http_reply_error(x, 400, NULL, "n", "too_many", "n is \"too\" large");
}

static void handle_nothing(http_exchange *x, void *ctx)
{
    (void)ctx;
    http_end(x);
}

static void on_left(void *ctx)
{
    late_answer *l = ctx;
    atomic_fetch_add(&l->h->n_gone, 1);
    atomic_store(&l->left, true);
}

static int query_int(http_exchange *x, const char *name, int otherwise)
{
    const char *text = http_query(x, name);
    return text ? atoi(text) : otherwise;
}

static void *stream_pieces(void *ctx)
{
    late_answer *l = ctx;
    char *piece = malloc(l->piece_bytes + 1);
    memset(piece, 'x', l->piece_bytes);
    piece[l->piece_bytes] = '\n';
    http_begin(l->x, 200, "text/event-stream", ": keep-alive\n\n");
    for (int i = 0; i < l->n_pieces && !atomic_load(&l->left); i++) {
        if (!http_write(l->x, piece, l->piece_bytes + 1))
            break;
        for (int ms = 0; ms < l->pause_ms && !atomic_load(&l->left); ms += 5)
            usleep(1000 * (useconds_t)(l->pause_ms < 5 ? l->pause_ms : 5));
    }
    handlers *h = l->h;
    http_end(l->x);
    free(piece);
    free(l);
    atomic_fetch_sub(&h->n_open, 1);
    return NULL;
}

/* Waits for release, or for the client to leave. */
static void *hold(void *ctx)
{
    late_answer *l = ctx;
    while (!atomic_load(&l->h->release) && !atomic_load(&l->left))
        usleep(2000);
    handlers *h = l->h;
    handler_reply_text(l->x, atomic_load(&l->left) ? "left\n" : "released\n");
    free(l);
    atomic_fetch_sub(&h->n_open, 1);
    return NULL;
}

static void answer_later(http_exchange *x, handlers *h, void *(*run)(void *))
{
    pthread_t thread;
    late_answer *l = calloc(1, sizeof *l);
    *l = (late_answer){ .h = h, .x = x, .n_pieces = query_int(x, "n", 3), .pause_ms = query_int(x, "ms", 0) };
    l->piece_bytes = (size_t)query_int(x, "bytes", 5);
    atomic_fetch_add(&h->n_open, 1);
    http_on_gone(x, on_left, l);
    if (pthread_create(&thread, NULL, run, l) != 0)
        abort();
    pthread_detach(thread);
}

/* ?n=pieces&ms=pause&bytes=of a piece */
static void handle_stream(http_exchange *x, void *ctx)
{
    answer_later(x, ctx, stream_pieces);
}

static void handle_held(http_exchange *x, void *ctx)
{
    answer_later(x, ctx, hold);
}

/* Takes its time in the worker. */
static void handle_slow(http_exchange *x, void *ctx)
{
    (void)ctx;
    usleep((useconds_t)query_int(x, "ms", 100) * 1000);
    handler_reply_text(x, "slow\n");
}

static const http_route handler_routes[] = {
    { .method = "GET", .path = "/health", .open = true, .handle = handle_health },
    { .method = "POST", .path = "/echo", .handle = handle_echo },
    { .method = "GET", .path = "/parts/{id}", .handle = handle_part },
    { .method = "DELETE", .path = "/parts/{id}", .handle = handle_part },
    { .method = "GET", .path = "/rest/{id...}", .handle = handle_part },
    { .method = "GET", .path = "/fail", .handle = handle_fail },
    { .method = "GET", .path = "/nothing", .handle = handle_nothing },
    { .method = "GET", .path = "/stream", .limited = true, .handle = handle_stream },
    { .method = "POST", .path = "/stream", .limited = true, .handle = handle_stream },
    { .method = "GET", .path = "/held", .limited = true, .handle = handle_held },
    { .method = "GET", .path = "/slow", .limited = true, .handle = handle_slow },
    { .method = NULL },
};

#endif
