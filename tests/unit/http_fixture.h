/* A running HTTP server with small handlers, its log in memory, and what its clients expect. */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http_client.h"
#include "http_handlers.h"

typedef struct fixture {
    handlers h;
    http_options options;
    http_server *server;
    int port;
    FILE *log;
    char *log_text;
    size_t log_len;
    char said[4000]; /* lines that the server logs */
} fixture;

static inline void on_log(void *ctx, bora_log_level level, const char *line)
{
    fixture *f = ctx;
    size_t len = strlen(f->said);
    (void)level;
    snprintf(f->said + len, sizeof f->said - len, "%s\n", line);
}

static inline fixture *prepare(void)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->log = open_memstream(&f->log_text, &f->log_len);
    f->options = http_options_defaults();
    f->options.port = 0;
    f->options.access_log_out = f->log;
    f->options.metrics = metrics_new();
    f->options.log = on_log;
    f->options.log_ctx = f;
    return f;
}

static inline void start(fixture *f)
{
    bora_error err = { .code = BORA_OK };
    f->server = http_server_start(&f->options, handler_routes, &f->h, &err);
    assert_string_equal(err.message, "");
    assert_non_null(f->server);
    f->port = http_server_port(f->server);
    assert_true(f->port > 0);
}

static inline fixture *started(void)
{
    fixture *f = prepare();
    start(f);
    return f;
}

/* Waits until it is so: what is waited for does happen, on a slow machine later. */
static inline void wait_for(atomic_int *value, int wanted)
{
    for (int i = 0; i < 20000 && atomic_load(value) != wanted; i++)
        usleep(1000);
    assert_int_equal(atomic_load(value), wanted);
}

static inline void stop(fixture *f)
{
    http_server_stop(f->server, 20);
    wait_for(&f->h.n_open, 0);
    http_server_free(f->server);
    metrics_free(f->options.metrics);
    fclose(f->log);
    free(f->log_text);
    free(f);
}

#define EXPECT(reply, code, text)                                                                                      \
    do {                                                                                                               \
        client_reply r_ = (reply);                                                                                     \
        if (r_.status != (code) || !client_has(&r_, (text)))                                                           \
            fail_msg("expected %d with \"%s\", got: %s", (code), (text), r_.all);                                      \
        client_free(&r_);                                                                                              \
    } while (0)

static inline char *temporary(const char *text)
{
    char *path = strdup("/tmp/bora-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static inline void rewrite(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

#endif
