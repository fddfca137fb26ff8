/* The server from start to end: see http_server.h. */
#include "serve/http_server.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "serve/http_internal.h"
#include "serve/signals.h"

enum { HEAD_BYTES_MAX = 32 << 10, PEM_BYTES_MAX = 1 << 20, SPARE_CONNECTIONS = 32, SPARE_DESCRIPTORS = 256 };

static const double seconds_bounds[] = { 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300 };

http_options http_options_defaults(void)
{
    return (http_options){
        .host = "127.0.0.1",
        .port = 1234,
        .max_connections = 1024,
        .max_connections_per_address = 512,
        .n_workers = 4,
        .max_queue = 256,
        .max_body_bytes = (size_t)16 << 20,
        .max_bodies_bytes = (size_t)256 << 20,
        .max_unsent_bytes = (size_t)1 << 20,
        .receive_s = 30,
        .idle_s = 75,
        .send_s = 30,
        .keep_alive_s = 15,
        .shutdown_s = 30,
        .access_log = true,
        .request_id_header = true,
    };
}

void server_log(const http_server *s, bora_log_level level, const char *fmt, ...)
{
    char line[1200];
    va_list args;
    if (!s->options.log)
        return;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    s->options.log(s->options.log_ctx, level, line);
}

/* ---- what is read */

static key_set *read_keys(const http_server *s, bora_error *err)
{
    const http_options *o = &s->options;
    key_set *keys = keys_new();
    bool open_to_others = false, ok = keys;
    if (!keys)
        bora_fail_memory(err, "API keys");
    for (size_t i = 0; ok && i < o->n_api_keys; i++)
        ok = keys_add(keys, NULL, o->api_keys[i], strlen(o->api_keys[i]), "--api-key", err);
    ok = ok && (!o->api_keys_file || keys_read(keys, o->api_keys_file, &open_to_others, err));
    if (ok && o->api_keys_file && keys_count(keys) == 0)
        ok = bora_fail(err, BORA_USAGE, "%s: there are no API keys in it", o->api_keys_file);
    if (!ok) {
        keys_free(keys);
        return NULL;
    }
    if (open_to_others)
        server_log(s, BORA_LOG_WARN, "%s: others can read the API keys (chmod 600)", o->api_keys_file);
    return keys;
}

/* A PEM file as text, malloc'd. */
static char *read_pem(const char *path, struct stat *st, bora_error *err)
{
    FILE *f = fopen(path, "rbe");
    char *text = f ? calloc(1, PEM_BYTES_MAX + 1) : NULL;
    size_t len = text ? fread(text, 1, PEM_BYTES_MAX, f) : 0;
    if (!f || (text && (ferror(f) || fstat(fileno(f), st) != 0)))
        bora_fail(err, BORA_IO, "%s: %s", path, strerror(errno));
    else if (!text)
        bora_fail_memory(err, "certificates");
    else if (len == PEM_BYTES_MAX || !strstr(text, "-----BEGIN "))
        bora_fail(err, BORA_USAGE, "%s: this is not a PEM file", path);
    if (f)
        fclose(f);
    if (err->code == BORA_OK)
        return text;
    free(text);
    return NULL;
}

static bool read_tls(http_server *s, bora_error *err)
{
    const http_options *o = &s->options;
    struct stat st;
    bora_error mine = { .code = BORA_OK };
    if (!o->tls_cert && !o->tls_key)
        return true;
    if (!o->tls_cert || !o->tls_key)
        return bora_fail(err, BORA_USAGE, "--tls-cert and --tls-key belong together");
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return bora_fail(err, BORA_UNSUPPORTED, "this libmicrohttpd was built without TLS");
    s->certificate = read_pem(o->tls_cert, &st, &mine);
    s->private_key = s->certificate ? read_pem(o->tls_key, &st, &mine) : NULL;
    if (!s->private_key)
        return bora_fail(err, mine.code, "%s", mine.message);
    if (st.st_mode & (S_IRGRP | S_IROTH))
        server_log(s, BORA_LOG_WARN, "%s: others can read the private key (chmod 600)", o->tls_key);
    return true;
}

bool http_server_reload(http_server *s, bora_error *err)
{
    key_set *keys = read_keys(s, err), *old;
    if (!keys)
        return false;
    pthread_mutex_lock(&s->lock);
    old = s->keys;
    s->keys = keys;
    pthread_mutex_unlock(&s->lock);
    keys_free(old);
    return true;
}

/* ---- start */

static void mhd_log(void *ctx, const char *fmt, va_list args)
{
    http_server *s = ctx;
    char line[256];
    if (atomic_load(&s->started) ||
        *s->mhd_says) /* what clients do wrong is not worth a line; the first complaint is the cause */
        return;
    vsnprintf(line, sizeof line, fmt, args);
    line[strcspn(line, "\n")] = '\0';
    snprintf(s->mhd_says, sizeof s->mhd_says, "%s", line);
}

/* A descriptor for each connection, and some for all else. */
static void allow_descriptors(http_server *s)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)s->n_slots + SPARE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
        server_log(s, BORA_LOG_WARN, "the system allows %lld descriptors (ulimit -n): too few for %d connections",
                   (long long)limit.rlim_cur, s->options.max_connections);
}

static bool start_mhd(http_server *s, bora_error *err)
{
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[4] = { { MHD_OPTION_END, 0, NULL } };
    if (s->certificate) {
        flags |= MHD_USE_TLS;
        tls[0] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_CERT, 0, s->certificate };
        tls[1] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_KEY, 0, s->private_key };
        tls[2] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0,
                                          (void *)(uintptr_t) "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1" };
        tls[3] = (struct MHD_OptionItem){ MHD_OPTION_END, 0, NULL };
    }
    allow_descriptors(s);
    s->mhd = MHD_start_daemon(
        flags, 0, NULL, NULL, http_on_request, s, MHD_OPTION_EXTERNAL_LOGGER, mhd_log, s, MHD_OPTION_LISTEN_SOCKET,
        s->listener.fd, MHD_OPTION_NOTIFY_CONNECTION, http_on_connection, s, MHD_OPTION_NOTIFY_COMPLETED,
        http_on_completed, s, MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->n_slots, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEAD_BYTES_MAX, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (s->mhd)
        return true;
    if (s->certificate)
        return bora_fail(err, BORA_USAGE, "--tls-cert %s, --tls-key %s: %s", s->options.tls_cert, s->options.tls_key,
                         *s->mhd_says ? s->mhd_says : "libmicrohttpd does not take them");
    return bora_fail(err, BORA_IO, "the HTTP server does not start: %s",
                     *s->mhd_says ? s->mhd_says : "libmicrohttpd does not say why");
}

static bool check(const http_options *o, bora_error *err)
{
    if (o->max_connections < 1 || o->n_workers < 1 || o->max_queue < 1 || o->max_connections > 1 << 20)
        return bora_fail(err, BORA_USAGE,
                         "the server's limits of connections, threads and waiting requests are 1 or more");
    if (o->receive_s <= 0 || o->idle_s <= 0 || o->send_s <= 0 || o->keep_alive_s <= 0 || o->shutdown_s < 0)
        return bora_fail(err, BORA_USAGE, "the server's times are more than 0 seconds");
    return true;
}

static bool make_tables(http_server *s)
{
    const http_options *o = &s->options;
    s->n_slots = (size_t)o->max_connections + SPARE_CONNECTIONS;
    s->connections = calloc(s->n_slots, sizeof *s->connections);
    s->addresses = peer_counts_new();
    if (o->rate_limit > 0 || o->max_concurrent > 0)
        s->limiter = rate_limiter_new(o->rate_limit, o->max_concurrent);
    if (o->access_log)
        s->log = access_log_new(o->access_log_out ? o->access_log_out : stderr, o->access_log_json);
    for (size_t i = s->n_slots; s->connections && i-- > 0;) {
        s->connections[i] = (connection){ .slot = (uint32_t)i, .fd = -1, .next_free = s->free_slots };
        s->free_slots = &s->connections[i];
    }
    return s->connections && s->addresses && (s->limiter || !(o->rate_limit > 0 || o->max_concurrent > 0)) &&
           (s->log || !o->access_log);
}

static void make_metrics(http_server *s)
{
    metrics *m = s->options.metrics;
    s->metrics.requests =
        metrics_counter(m, "bora_http_requests_total",
                        "HTTP requests that ended, by route and status (0: none was sent).", "route status");
    s->metrics.seconds = metrics_histogram(m, "bora_http_request_seconds", "Time from a request's head to its end.",
                                           "route", seconds_bounds, sizeof seconds_bounds / sizeof *seconds_bounds);
    s->metrics.in_flight = metrics_gauge(m, "bora_http_requests_in_flight", "HTTP requests that have not ended.", NULL);
    s->metrics.connections = metrics_gauge(m, "bora_http_connections", "Connections that are open.", NULL);
    s->metrics.refused =
        metrics_counter(m, "bora_http_connections_refused_total", "Connections beyond the limits.", NULL);
    metric_set(s->metrics.in_flight, 0, NULL);
    metric_set(s->metrics.connections, 0, NULL);
    metric_set(s->metrics.refused, 0, NULL);
}

static void announce(http_server *s)
{
    const listener *l = &s->listener;
    snprintf(s->address, sizeof s->address, "%s%s", l->is_unix ? "" : s->certificate ? "https://" : "http://", l->text);
    server_log(s, BORA_LOG_INFO, "listening on %s%s", s->address, l->inherited ? ", an inherited socket" : "");
    if (l->reachable && keys_count(s->keys) == 0)
        server_log(s, BORA_LOG_WARN,
                   "other machines can reach this server and need no key: --api-key or "
                   "--api-keys-file asks for one, --host 127.0.0.1 keeps it to this machine");
    else if (l->reachable && !s->certificate)
        server_log(s, BORA_LOG_WARN,
                   "keys and texts go over the network unencrypted: --tls-cert and --tls-key encrypt");
}

http_server *http_server_start(const http_options *options, const http_route *routes, void *ctx, bora_error *err)
{
    pthread_condattr_t monotonic;
    http_server *s = calloc(1, sizeof *s);
    if (!s) {
        bora_fail_memory(err, "the HTTP server");
        return NULL;
    }
    *s = (http_server){ .options = *options,
                        .routes = routes,
                        .ctx = ctx,
                        .refs = 1,
                        .listener.fd = -1,
                        .watch_epoll = -1,
                        .watch_event = -1 };
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->ended, &monotonic);
    pthread_cond_init(&s->work, NULL);
    pthread_condattr_destroy(&monotonic);
    make_metrics(s);
    bool ok = check(options, err) && (make_tables(s) || bora_fail_memory(err, "the HTTP server")) &&
              (s->keys = read_keys(s, err)) && read_tls(s, err) &&
              listener_open(&s->listener, options->host, options->port, err) && watcher_start(s, err) &&
              workers_start(s, err) && start_mhd(s, err);
    if (!ok) {
        http_server_free(s);
        return NULL;
    }
    atomic_store(&s->started, true);
    announce(s);
    return s;
}

const char *http_server_address(const http_server *s)
{
    return s->address;
}

int http_server_port(const http_server *s)
{
    return s->listener.port;
}

/* ---- running */

void http_server_ready(http_server *s)
{
    char state[400];
    if (!signals_open())
        server_log(s, BORA_LOG_ERROR, "signals cannot be caught: %s", strerror(errno));
    snprintf(state, sizeof state, "READY=1\nSTATUS=Listening on %s", s->address);
    notify_manager(state);
}

static void reload(http_server *s)
{
    bora_error err = { .code = BORA_OK };
    char state[64];
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000);
    notify_manager(state);
    if (http_server_reload(s, &err))
        server_log(s, BORA_LOG_INFO, "read again: %zu API key%s", keys_count(s->keys),
                   keys_count(s->keys) == 1 ? "" : "s");
    else
        server_log(s, BORA_LOG_ERROR, "%s; the API keys stay as they were", err.message);
    http_server_ready(s);
}

void http_server_run(http_server *s)
{
    if (!signals_open())
        return;
    int signal;
    do {
        signal = signals_wait(-1);
        if (signal == SIGHUP)
            reload(s);
    } while (signal == 0 || signal == SIGHUP);
    signals_close(); /* the second one ends the process */
    notify_manager("STOPPING=1");
    pthread_mutex_lock(&s->lock);
    size_t n = s->n_exchanges;
    pthread_mutex_unlock(&s->lock);
    server_log(s, BORA_LOG_INFO, "%s: %zu request%s being answered; a second signal ends at once", strsignal(signal), n,
               n == 1 ? " is" : "s are");
    if (!http_server_stop(s, s->options.shutdown_s))
        server_log(s, BORA_LOG_WARN, "what was not answered after %g seconds was dropped", s->options.shutdown_s);
}

/* ---- end */

/* Locked: waits until there are no exchanges. */
static bool wait_for_exchanges(http_server *s, double patience_s)
{
    double until = http_clock() + patience_s;
    struct timespec t = { .tv_sec = (time_t)until };
    t.tv_nsec = (long)((until - (double)t.tv_sec) * 1e9);
    while (s->n_exchanges > 0)
        if (pthread_cond_timedwait(&s->ended, &s->lock, &t) == ETIMEDOUT)
            break;
    return s->n_exchanges == 0;
}

bool http_server_stop(http_server *s, double patience_s)
{
    if (s->stopped)
        return true;
    s->stopped = true;
    if (s->mhd) {
        MHD_quiesce_daemon(s->mhd);
        listener_close(&s->listener);
    }
    pthread_mutex_lock(&s->lock);
    s->draining = true;
    bool all = wait_for_exchanges(s, patience_s);
    s->closing = true;
    for (http_exchange *x = s->exchanges; x; x = x->next)
        if (x->handed && !x->answer.ended)
            exchange_lost(x);
    for (size_t i = 0; i < s->n_slots; i++)
        if (s->connections[i].used)
            connection_cut(&s->connections[i]);
    pthread_mutex_unlock(&s->lock);
    if (s->mhd)
        MHD_stop_daemon(s->mhd);
    s->mhd = NULL;
    return all;
}

void http_server_free(http_server *s)
{
    if (!s)
        return;
    http_server_stop(s, 0);
    workers_stop(s);
    watcher_stop(s);
    listener_close(&s->listener);
    pthread_mutex_lock(&s->lock);
    memset(&s->metrics, 0, sizeof s->metrics); /* exchanges that nobody ended may outlive them */
    pthread_mutex_unlock(&s->lock);
    server_unref(s);
}

void server_unref(http_server *s)
{
    pthread_mutex_lock(&s->lock);
    int refs = --s->refs;
    pthread_mutex_unlock(&s->lock);
    if (refs > 0)
        return;
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->ended);
    pthread_cond_destroy(&s->work);
    keys_free(s->keys);
    rate_limiter_free(s->limiter);
    peer_counts_free(s->addresses);
    access_log_free(s->log);
    if (s->private_key)
        explicit_bzero(s->private_key, strlen(s->private_key));
    free(s->private_key);
    free(s->certificate);
    free(s->connections);
    free(s);
}
