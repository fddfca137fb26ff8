/* The inside of the HTTP server.
 *
 * Three kinds of threads meet here. libmicrohttpd's one thread reads and writes sockets and calls http_connection.c;
 * workers run handlers; the watcher looks after connections while libmicrohttpd does not: those that wait for an answer
 * are suspended, and it does not look at their sockets. `lock` guards whatever changes after the start: connections,
 * the state of exchanges, the queue. It is never held while a handler, `gone` or a client's socket is waited for. */
#ifndef SERVE_HTTP_INTERNAL_H
#define SERVE_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "serve/access_log.h"
#include "serve/http_server.h"
#include "serve/keys.h"
#include "serve/peer.h"
#include "serve/rate_limit.h"
#include "serve/sockets.h"

enum { HTTP_ID_BYTES = 65, HTTP_PARTS_MAX = 4, HTTP_HEADERS_MAX = 128 };

/* A connection; slots are used again, with a new generation. */
typedef struct connection {
    uint32_t slot, generation;
    bool used, cut; /* cut: its socket was shut down, libmicrohttpd will notice */
    bool counted;   /* in the table of addresses */
    int fd;
    struct MHD_Connection *mhd;
    peer peer;
    double deadline; /* when it is cut; 0: not by time */
    http_exchange *x;
    struct connection *next_free;
} connection;

typedef struct pair {
    const char *name, *value;
} pair;

/* What comes with a request, copied: it outlives libmicrohttpd's connection. */
typedef struct request {
    char *block; /* all the texts */
    const char *method, *path;
    pair headers[HTTP_HEADERS_MAX], query[HTTP_HEADERS_MAX];
    size_t n_headers, n_query;
    pair parts[HTTP_PARTS_MAX]; /* names as in the route, part_len long; values copied by request_keep_parts() */
    size_t part_len[HTTP_PARTS_MAX], value_len[HTTP_PARTS_MAX], n_parts;
    char *parts_block;
    char *body;
    size_t body_len, body_capacity;
} request;

typedef struct answer {
    int status;
    char *content_type;
    struct extra {
        char *name, *value;
    } * headers;
    size_t n_headers;
    char *body; /* whole, or what the client has not taken: [begin, len) */
    size_t begin, len, capacity;
    char *keep_alive;
    double written_s;  /* when something was written last */
    double moved_s;    /* when the client took something last */
    uint64_t sent;     /* bytes */
    bool begun, ended; /* by the handler */
    bool streams;
} answer;

struct http_exchange {
    http_server *server;
    int refs;         /* libmicrohttpd's, the answerer's, the response's, the worker's */
    connection *conn; /* NULL: libmicrohttpd is done with the request */
    http_exchange *prev, *next;
    char id[HTTP_ID_BYTES];
    double begun_s;
    peer peer;
    const http_route *route;
    limited_client *client; /* what its limits are counted by, or NULL */
    const char *key_name;
    char key_text[KEY_NAME_BYTES];
    char limit_headers[3][24]; /* x-ratelimit-*: limit, remaining, reset */
    bool limits_known;
    bool is_head, allow_origin, last; /* last: the connection ends with it */
    request request;
    answer answer;

    bool complete;   /* the request is here */
    bool handed;     /* to a worker */
    bool suspended;  /* in libmicrohttpd */
    bool queued;     /* libmicrohttpd has the response */
    bool gone;       /* the client left */
    bool calling;    /* `on_gone` runs */
    bool sent_whole; /* the response reached the socket to its end */
    void (*on_gone)(void *ctx);
    void *gone_ctx;
    pthread_t caller;   /* of `on_gone`, while it runs */
    uint64_t swallowed; /* bytes of a body that nobody wants */

    char *model;
    int n_prompt, n_generated;
    http_exchange *next_job;
};

struct http_server {
    http_options options;
    const http_route *routes;
    void *ctx;
    struct MHD_Daemon *mhd;
    listener listener;
    char address[256];
    char *certificate, *private_key;
    char mhd_says[256]; /* libmicrohttpd's first complaint, while it starts */
    atomic_bool started;

    pthread_mutex_t lock;
    pthread_cond_t ended; /* an exchange was freed, or `gone` returned */
    pthread_cond_t work;  /* there is a job, or no more will come */
    int refs;             /* its owner's, and each exchange's */
    bool draining;        /* nothing new is begun */
    bool closing;         /* nothing is suspended any more */
    bool stopped;
    key_set *keys;
    rate_limiter *limiter;
    connection *connections; /* [n_slots] */
    size_t n_slots;
    connection *free_slots;
    int n_connections;
    peer_counts *addresses;
    http_exchange *exchanges;
    size_t n_exchanges, body_bytes;
    http_exchange *first_job, *last_job;
    int n_jobs;
    bool no_more_jobs;
    pthread_t *workers;
    int n_workers;
    access_log *log;

    pthread_t watcher;
    bool watching, watcher_ends;
    int watch_epoll, watch_event;

    struct {
        metric *requests, *seconds, *in_flight, *connections, *refused;
    } metrics;
};

double http_clock(void); /* seconds */

/* http_connection.c: what libmicrohttpd calls. */
enum MHD_Result http_on_request(void *ctx, struct MHD_Connection *mhd, const char *url, const char *method,
                                const char *version, const char *data, size_t *len, void **context);
void http_on_completed(void *ctx, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why);
void http_on_connection(void *ctx, struct MHD_Connection *mhd, void **socket_context,
                        enum MHD_ConnectionNotificationCode what);
/* Ends a connection from outside; locked. */
void connection_cut(connection *c);

/* http_exchange.c; locked where it says so. */
http_exchange *exchange_new(http_server *s, connection *c);
void exchange_ref(http_exchange *x);                                 /* locked */
void exchange_unref(http_exchange *x);                               /* not locked: the last one frees it */
void exchange_lost(http_exchange *x);                                /* locked: the client left */
void exchange_resume(http_exchange *x);                              /* locked */
bool exchange_write(http_exchange *x, const char *data, size_t len); /* locked */
void exchange_call_gone(http_exchange *x); /* locked; unlocks meanwhile, and `x` may be freed afterwards */
/* Sets an answer that says what is wrong, without ending anything: for requests that no handler sees. */
void exchange_refuse(http_exchange *x, int status, const char *type, const char *param, const char *code,
                     const char *message);
void exchange_add_header(http_exchange *x, const char *name, const char *value);

/* http_answer.c: gives libmicrohttpd the response. */
enum MHD_Result answer_queue(http_exchange *x, struct MHD_Connection *mhd);

/* http_request.c */
bool request_copy(request *r, struct MHD_Connection *mhd, const char *method, const char *url);
void request_free(request *r);
const char *request_header(const request *r, const char *name);
/* Why the body's length is not to be believed; NULL: it is. */
const char *request_framing_error(const request *r);
/* Content-Length; UINT64_MAX: none. */
uint64_t request_content_length(const request *r);
/* Adds to the body, which has room for it; false: it has not. */
bool request_append(request *r, const char *data, size_t len);
/* Makes texts of the parts that a route found in the path; false: memory ran out. */
bool request_keep_parts(request *r);

/* http_route.c: the route, with the parts of the path; NULL, with the methods that `allow` would serve ("" for none).
 */
const http_route *route_find(const http_route *routes, const char *method, request *r, char *allow, size_t allow_size);

/* http_admission.c: looks at a request's head; false: it was refused (exchange_refuse()). */
bool exchange_admit(http_exchange *x);

/* http_workers.c */
bool workers_start(http_server *s, bora_error *err);
bool workers_take(http_server *s, http_exchange *x); /* locked; false: the queue is full */
void workers_stop(http_server *s);                   /* those that run are waited for */

/* http_watch.c */
bool watcher_start(http_server *s, bora_error *err);
void watcher_stop(http_server *s);
void watcher_wake(http_server *s);
void watcher_look_after(http_server *s, connection *c); /* locked: says when its client leaves */

/* http_server.c */
void server_unref(http_server *s);
void server_log(const http_server *s, bora_log_level level, const char *fmt, ...) BORA_PRINTF(3, 4);

#endif
