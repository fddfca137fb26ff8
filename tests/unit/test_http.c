/* The HTTP server with small handlers: what it answers, what it refuses, and what becomes of clients that leave, wait,
 * or do not read. `test_http --serve` is a server for tests/cli/http_faults.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

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

static void on_log(void *ctx, bora_log_level level, const char *line)
{
    fixture *f = ctx;
    size_t len = strlen(f->said);
    (void)level;
    snprintf(f->said + len, sizeof f->said - len, "%s\n", line);
}

static fixture *prepare(void)
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

static void start(fixture *f)
{
    bora_error err = { .code = BORA_OK };
    f->server = http_server_start(&f->options, handler_routes, &f->h, &err);
    assert_string_equal(err.message, "");
    assert_non_null(f->server);
    f->port = http_server_port(f->server);
    assert_true(f->port > 0);
}

static fixture *started(void)
{
    fixture *f = prepare();
    start(f);
    return f;
}

/* Waits until it is so: what is waited for does happen, on a slow machine later. */
static void wait_for(atomic_int *value, int wanted)
{
    for (int i = 0; i < 20000 && atomic_load(value) != wanted; i++)
        usleep(1000);
    assert_int_equal(atomic_load(value), wanted);
}

static void stop(fixture *f)
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

/* ---- answers */

static void it_answers(void **state)
{
    (void)state;
    fixture *f = started();
    EXPECT(client_get(f->port, "GET /health", ""), 200, "\r\n\r\nok\n");
    EXPECT(client_get(f->port, "GET /health", ""), 200, "x-request-id: req_");
    EXPECT(client_get(f->port, "GET /parts/a%20b?q=1&r", "User-Agent: me\r\n"), 200, "id=a b q=1 agent=me");
    EXPECT(client_get(f->port, "DELETE /parts/7", ""), 200, "id=7 q=- agent=-");
    EXPECT(client_get(f->port, "GET /rest/org/name", ""), 200, "id=org/name");
    EXPECT(client_get(f->port, "GET /parts/org/name", ""), 404, "not_found");
    EXPECT(client_get(f->port, "GET /parts/", ""), 404, "not_found");
    EXPECT(client_get(f->port, "GET /healthy", ""), 404, "\"error\": {\"message\": \"There is nothing at /healthy.\"");
    EXPECT(client_get(f->port, "GET /healt", ""), 404, "invalid_request_error");
    EXPECT(client_get(f->port, "PUT /parts/1", ""), 405, "Allow: GET, HEAD, DELETE");
    EXPECT(client_get(f->port, "OPTIONS /stream", ""), 204, "Allow: GET, HEAD, POST, OPTIONS");
    EXPECT(client_get(f->port, "OPTIONS *", ""), 204, "Allow: OPTIONS");
    EXPECT(client_get(f->port, "GET /fail", ""), 400,
           "{\"error\": {\"message\": \"n is \\\"too\\\" large\", \"type\": \"invalid_request_error\", \"param\": "
           "\"n\", \"code\": \"too_many\"}}");
    EXPECT(client_get(f->port, "GET /nothing", ""), 500, "Content-Length: 0");
    EXPECT(client_get(f->port, "GET /slow?ms=10", ""), 200, "slow\n");
    stop(f);
}

static void head_has_no_body(void **state)
{
    (void)state;
    fixture *f = started();
    client_reply r = client_get(f->port, "HEAD /health", "");
    assert_int_equal(r.status, 200);
    assert_true(client_has(&r, "Content-Length: 3"));
    assert_int_equal(r.body_len, 0);
    client_free(&r);
    r = client_get(f->port, "HEAD /stream?n=100&bytes=100000", "");
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body_len, 0);
    client_free(&r);
    stop(f);
}

static void ids_of_clients_are_kept_if_harmless(void **state)
{
    (void)state;
    fixture *f = prepare();
    char header[200];
    start(f);
    EXPECT(client_get(f->port, "POST /echo", "x-request-id: my-id_1.2:3\r\n"), 200, "x-request-id: my-id_1.2:3\r\n");
    EXPECT(client_get(f->port, "POST /echo", "x-request-id: my-id\r\n"), 200, "x-seen-id: my-id\r\n");
    EXPECT(client_get(f->port, "POST /echo", "x-request-id: <b>\r\n"), 200, "x-request-id: req_");
    EXPECT(client_get(f->port, "POST /echo", "x-request-id:\r\n"), 200, "x-request-id: req_");
    snprintf(header, sizeof header, "x-request-id: %065d\r\n", 0);
    EXPECT(client_get(f->port, "POST /echo", header), 200, "x-request-id: req_");
    stop(f);

    f = prepare();
    f->options.request_id_header = false;
    start(f);
    client_reply r = client_get(f->port, "GET /health", "");
    assert_false(client_has(&r, "x-request-id"));
    client_free(&r);
    stop(f);
}

static void connections_are_used_again(void **state)
{
    (void)state;
    fixture *f = started();
    int fd = client_connect(f->port);
    for (int i = 0; i < 20; i++) {
        client_send(fd, "GET /parts/7 HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT(client_read(fd, "id=7 q=-"), 200, "id=7");
        client_send(fd, "GET /stream?n=2 HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT(client_read(fd, "0\r\n\r\n"), 200, "xxxxx\n");
        client_send(fd, "GET /missing HTTP/1.1\r\nHost: a\r\n\r\n");
        EXPECT(client_read(fd, "not_found"), 404, "not_found");
    }
    close(fd);
    /* Several requests at once are answered one after the other. */
    EXPECT(client_ask(f->port, "GET /parts/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /stream?n=1 HTTP/1.1\r\nHost: a\r\n\r\n"
                               "GET /parts/3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
           200, "id=3");
    stop(f);
}

/* ---- bodies */

static client_reply post(int port, const char *headers, const char *body, size_t len)
{
    char head[600];
    int fd = client_connect(port);
    snprintf(head, sizeof head, "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", headers);
    client_send(fd, head);
    client_send_bytes(fd, body, len);
    client_reply r = client_read(fd, NULL);
    close(fd);
    return r;
}

static void bodies_arrive_whole(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 100000, 1 << 20 };
    fixture *f = prepare();
    f->options.max_body_bytes = 1 << 20;
    start(f);
    char *body = malloc(1 << 20), header[64];
    for (size_t i = 0; i < 1 << 20; i++)
        body[i] = (char)(i * 2654435761u >> 24);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        snprintf(header, sizeof header, "Content-Length: %zu\r\n", sizes[i]);
        client_reply r = post(f->port, header, body, sizes[i]);
        assert_int_equal(r.status, 200);
        assert_int_equal(r.body_len, sizes[i]);
        assert_memory_equal(r.body, body, sizes[i]);
        client_free(&r);
    }
    free(body);
    static const char chunks[] = "5\r\nhello\r\n1;x=y\r\n \r\n6\r\nworld!\r\n0\r\nTrailer: x\r\n\r\n";
    EXPECT(post(f->port, "Transfer-Encoding: chunked\r\n", chunks, sizeof chunks - 1), 200, "\r\n\r\nhello world!");
    int fd = client_connect(f->port);
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT(client_read(fd, "\r\n\r\n"), 100, "Continue");
    client_send(fd, "ab");
    EXPECT(client_read(fd, "\r\n\r\nab"), 200, "ab");
    close(fd);
    stop(f);
}

static void bodies_have_limits(void **state)
{
    (void)state;
    fixture *f = prepare();
    f->options.max_body_bytes = 1000;
    f->options.max_bodies_bytes = 5000;
    start(f);
    char *body = calloc(1, 5000), header[64];
    snprintf(header, sizeof header, "Content-Length: %d\r\n", 1001);
    EXPECT(post(f->port, header, body, 1001), 413, "request_too_large");
    EXPECT(post(f->port, "Content-Length: 99999999999\r\n", body, 100), 413, "may have 1000 bytes");
    EXPECT(post(f->port, "Content-Length: 1001\r\nExpect: 100-continue\r\n", "", 0), 413, "request_too_large");
    memset(body, 'a', 5000);
    memcpy(body, "7d0\r\n", 5); /* 2000 */
    memcpy(body + 2005, "\r\n0\r\n\r\n", 7);
    EXPECT(post(f->port, "Transfer-Encoding: chunked\r\n", body, 2012), 413, "request_too_large");
    /* What is refused for another reason is answered once the body has passed by. */
    int fd = client_connect(f->port);
    client_send(fd, "POST /missing HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n");
    client_send_bytes(fd, body, 2000);
    EXPECT(client_read(fd, "not_found"), 404, "not_found");
    client_send(fd, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT(client_read(fd, "ok\n"), 200, "ok");
    close(fd);
    free(body);

    /* All of them together: five have room, the sixth has not. */
    int fds[5];
    snprintf(header, sizeof header, "Content-Length: 999\r\n");
    char part[999];
    memset(part, 'a', sizeof part);
    for (int i = 0; i < 5; i++) {
        fds[i] = client_connect(f->port);
        client_send(fds[i], "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 999\r\n\r\n");
        client_send_bytes(fds[i], part, 900);
    }
    client_reply r = { .status = 200 };
    for (int i = 0; i < 2000 && r.status == 200; i++) { /* until those have arrived */
        r = post(f->port, header, part, sizeof part);
        assert_true(r.status == 200 || client_has(&r, "overloaded"));
        client_free(&r);
    }
    assert_int_equal(r.status, 503);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
    stop(f);
}

static void lengths_that_lie_are_refused(void **state)
{
    (void)state;
    fixture *f = started();
    EXPECT(post(f->port, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n", 5), 400, "");
    EXPECT(post(f->port, "Content-Length: 5\r\nContent-Length: 6\r\n", "hello", 5), 400, "");
    EXPECT(post(f->port, "Content-Length: 5x\r\n", "hello", 5), 400, "");
    EXPECT(post(f->port, "Content-Length: -5\r\n", "hello", 5), 400, "");
    EXPECT(post(f->port, "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", 5), 400, "");
    EXPECT(post(f->port, "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n", 5), 400, "");
    EXPECT(client_ask(f->port, "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n"), 400, ""); /* no Host */
    stop(f);
}

static void heads_have_limits(void **state)
{
    (void)state;
    fixture *f = started();
    char *request = malloc(200000), *at = request;
    at += sprintf(at, "GET /health HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 200; i++)
        at += sprintf(at, "a%d: b\r\n", i);
    sprintf(at, "\r\n");
    EXPECT(client_ask(f->port, request), 431, "");
    at = request + sprintf(request, "GET /health HTTP/1.1\r\nHost: a\r\nx: ");
    memset(at, 'y', 100000);
    strcpy(at + 100000, "\r\n\r\n");
    EXPECT(client_ask(f->port, request), 431, "");
    at = request + sprintf(request, "GET /");
    memset(at, 'y', 100000);
    strcpy(at + 100000, " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT(client_ask(f->port, request), 414, "");
    free(request);
    stop(f);
}

/* ---- streams, and clients that leave */

static void streams_come_in_pieces(void **state)
{
    (void)state;
    fixture *f = started();
    client_reply r = client_get(f->port, "GET /stream?n=3&ms=5", "");
    assert_int_equal(r.status, 200);
    assert_true(client_has(&r, "Transfer-Encoding: chunked"));
    assert_true(client_has(&r, "Content-Type: text/event-stream"));
    assert_true(client_has(&r, "Cache-Control: no-cache"));
    client_free(&r);
    /* Without chunks for a client that does not know them. */
    EXPECT(client_ask(f->port, "GET /stream?n=3 HTTP/1.0\r\n\r\n"), 200, "\r\n\r\nxxxxx\nxxxxx\nxxxxx\n");
    /* Far more than fits anywhere at once. */
    r = client_get(f->port, "GET /stream?n=300&bytes=9999&ms=1", "");
    size_t n = 0;
    for (size_t i = 0; i < r.body_len; i++)
        n += r.body[i] == 'x';
    assert_int_equal(n, 300 * 9999);
    client_free(&r);
    assert_int_equal(atomic_load(&f->h.n_gone), 0);
    stop(f);
}

static void silent_streams_say_that_they_live(void **state)
{
    (void)state;
    fixture *f = prepare();
    f->options.keep_alive_s = 0.05;
    start(f);
    int fd = client_connect(f->port);
    client_send(fd, "GET /stream?n=2&ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT(client_read(fd, ": keep-alive\n\n\r\n"), 200, "xxxxx\n");
    close(fd);
    wait_for(&f->h.n_open, 0);
    stop(f);
}

static void clients_that_leave_are_noticed(void **state)
{
    (void)state;
    static const char *const paths[] = { "/held", "/stream?n=100000&ms=20", "/stream?n=100000&ms=20&bytes=30000" };
    fixture *f = started();
    for (int abrupt = 0; abrupt < 2; abrupt++)
        for (int i = 0; i < 3; i++) {
            char request[100];
            int fd = client_connect(f->port);
            snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", paths[i]);
            client_send(fd, request);
            wait_for(&f->h.n_open, 1);
            atomic_store(&f->h.n_gone, 0);
            if (i > 0) {
                client_reply r = client_read(fd, "\r\n\r\n");
                client_free(&r);
            }
            if (abrupt) { /* a reset instead of an end */
                struct linger now = { .l_onoff = 1 };
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
            }
            close(fd);
            wait_for(&f->h.n_open, 0);
            if (i == 0) /* others may see it from http_write() first */
                assert_int_equal(atomic_exchange(&f->h.n_gone, 0), 1);
        }
    stop(f);
}

static void who_closes_one_direction_has_left(void **state)
{
    (void)state;
    fixture *f = started();
    int fd = client_connect(f->port);
    client_send(fd, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for(&f->h.n_open, 1);
    shutdown(fd, SHUT_WR);
    client_reply r = client_read(fd, NULL);
    assert_int_equal(r.status, 0);
    client_free(&r);
    close(fd);
    wait_for(&f->h.n_open, 0);
    assert_int_equal(atomic_load(&f->h.n_gone), 1);
    stop(f);
}

static void who_does_not_read_is_dropped(void **state)
{
    (void)state;
    fixture *f = prepare();
    f->options.max_unsent_bytes = 1 << 20;
    start(f);
    int fd = client_connect(f->port);
    client_send(fd, "GET /stream?n=1000000&bytes=20000&ms=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT(client_read(fd, "xxx"), 200, "xxx"); /* and no more */
    wait_for(&f->h.n_open, 0);
    close(fd);
    stop(f);

    f = prepare(); /* little, but not for ever */
    f->options.send_s = 0.3;
    f->options.max_unsent_bytes = 1 << 30;
    start(f);
    fd = client_connect(f->port);
    client_send(fd, "GET /stream?n=1000000&bytes=20000&ms=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT(client_read(fd, "xxx"), 200, "xxx"); /* and no more */
    wait_for(&f->h.n_open, 0);
    close(fd);
    stop(f);
}

static void half_requests_are_cut(void **state)
{
    (void)state;
    static const char *const halves[] = {
        "",
        "GET /hea",
        "GET /health HTTP/1.1\r\nHost: a\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345",
        "POST /nope HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n1"
    };
    fixture *f = prepare();
    f->options.receive_s = 0.2;
    f->options.idle_s = 0.2;
    start(f);
    for (size_t i = 0; i < sizeof halves / sizeof *halves; i++) {
        int fd = client_connect(f->port);
        client_send(fd, halves[i]);
        client_reply r = client_read(fd, NULL); /* ends because the server closes */
        assert_int_equal(r.status, 0);
        client_free(&r);
        close(fd);
    }
    int fd = client_connect(f->port); /* a connection that waits for its next request */
    client_send(fd, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT(client_read(fd, NULL), 200, "ok\n");
    close(fd);
    stop(f);
}

/* ---- who may ask, and how much */

static char *temporary(const char *text)
{
    char *path = strdup("/tmp/bora-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void rewrite(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void keys_open_the_door(void **state)
{
    (void)state;
    static const char *const given[] = { "sk-first" };
    fixture *f = prepare();
    char *path = temporary("# keys\nalice sk-alice # hers\n\nsk-nobody\n");
    bora_error err = { .code = BORA_OK };
    f->options.api_keys = given;
    f->options.n_api_keys = 1;
    f->options.api_keys_file = path;
    start(f);
    EXPECT(client_get(f->port, "GET /health", ""), 200, "ok");
    EXPECT(client_get(f->port, "GET /parts/1", ""), 401, "WWW-Authenticate: Bearer");
    EXPECT(client_get(f->port, "GET /parts/1", ""), 401, "missing_api_key");
    EXPECT(client_get(f->port, "GET /parts/1", "Authorization: Bearer sk-firs\r\n"), 401, "invalid_api_key");
    EXPECT(client_get(f->port, "GET /parts/1", "Authorization: Bearer sk-first1\r\n"), 401, "invalid_api_key");
    EXPECT(client_get(f->port, "GET /parts/1", "Authorization: Basic sk-first\r\n"), 401, "missing_api_key");
    EXPECT(client_get(f->port, "GET /parts/1", "Authorization: Bearer sk-first\r\n"), 200, "id=1");
    EXPECT(client_get(f->port, "GET /parts/1", "authorization: bearer  sk-alice \r\n"), 200, "id=1");
    EXPECT(client_get(f->port, "GET /parts/1", "X-API-Key: sk-nobody\r\n"), 200, "id=1");
    EXPECT(client_get(f->port, "GET /parts/1", "X-API-Key: # keys\r\n"), 401, "invalid_api_key");

    rewrite(path, "bob sk-bob\n");
    assert_true(http_server_reload(f->server, &err));
    EXPECT(client_get(f->port, "GET /parts/1", "X-API-Key: sk-alice\r\n"), 401, "invalid_api_key");
    EXPECT(client_get(f->port, "GET /parts/1", "X-API-Key: sk-bob\r\n"), 200, "id=1");
    EXPECT(client_get(f->port, "GET /parts/1", "X-API-Key: sk-first\r\n"), 200, "id=1");
    rewrite(path, "one two three\n");
    assert_false(http_server_reload(f->server, &err));
    assert_non_null(strstr(err.message, ":1: expected `key` or `name key`"));
    EXPECT(client_get(f->port, "GET /parts/1", "X-API-Key: sk-bob\r\n"), 200, "id=1");

    assert_true(http_server_stop(f->server, 20)); /* all is logged */
    assert_non_null(strstr(f->log_text, " alice GET /parts/1 200 "));
    assert_non_null(strstr(f->log_text, " key-1 GET /parts/1 200 "));
    assert_non_null(strstr(f->log_text, " - GET /parts/1 401 "));
    assert_null(strstr(f->log_text, "sk-"));
    assert_null(strstr(f->said, "sk-"));
    unlink(path);
    free(path);
    stop(f);
}

static void rates_are_limited(void **state)
{
    (void)state;
    static const char *const given[] = { "a", "b" };
    fixture *f = prepare();
    f->options.api_keys = given;
    f->options.n_api_keys = 2;
    f->options.rate_limit = 2;
    start(f);
    EXPECT(client_get(f->port, "GET /slow?ms=0", "X-API-Key: a\r\n"), 200, "x-ratelimit-remaining-requests: 1\r\n");
    EXPECT(client_get(f->port, "GET /slow?ms=0", "X-API-Key: a\r\n"), 200, "x-ratelimit-limit-requests: 2\r\n");
    EXPECT(client_get(f->port, "GET /slow?ms=0", "X-API-Key: a\r\n"), 429, "Retry-After: ");
    EXPECT(client_get(f->port, "GET /slow?ms=0", "X-API-Key: a\r\n"), 429, "rate_limit_exceeded");
    EXPECT(client_get(f->port, "GET /slow?ms=0", "X-API-Key: b\r\n"), 200, "slow");
    EXPECT(client_get(f->port, "GET /parts/1", "X-API-Key: a\r\n"), 200, "id=1"); /* costs nothing */
    stop(f);
}

static void requests_at_a_time_are_limited(void **state)
{
    (void)state;
    fixture *f = prepare();
    f->options.max_concurrent = 2;
    start(f);
    int fds[2];
    for (int i = 0; i < 2; i++) {
        fds[i] = client_connect(f->port);
        client_send(fds[i], "GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    wait_for(&f->h.n_open, 2);
    EXPECT(client_get(f->port, "GET /held", ""), 429, "More than 2 requests at a time.");
    EXPECT(client_get(f->port, "GET /parts/1", ""), 200, "id=1");
    atomic_store(&f->h.release, true);
    for (int i = 0; i < 2; i++) {
        EXPECT(client_read(fds[i], "released\n"), 200, "released");
        close(fds[i]);
    }
    wait_for(&f->h.n_open, 0);
    client_reply r = { .status = 429 };
    for (int i = 0; i < 2000 && r.status == 429; i++) { /* until those have ended */
        r = client_get(f->port, "GET /held", "");
        client_free(&r);
    }
    assert_int_equal(r.status, 200);
    stop(f);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    enum { N = 8 };
    fixture *f = prepare();
    f->options.n_workers = 1;
    f->options.max_queue = 2;
    start(f);
    int fds[N], n_ok = 0, n_busy = 0;
    for (int i = 0; i < N; i++) {
        fds[i] = client_connect(f->port);
        client_send(fds[i], "GET /slow?ms=300 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }
    for (int i = 0; i < N; i++) {
        client_reply r = client_read(fds[i], NULL);
        n_ok += r.status == 200;
        n_busy += r.status == 503 && client_has(&r, "Retry-After: 1") && client_has(&r, "overloaded");
        client_free(&r);
        close(fds[i]);
    }
    assert_int_equal(n_ok + n_busy, N);
    assert_true(n_busy >= 1 && n_ok >= 2);
    stop(f);
}

static void connections_are_limited(void **state)
{
    (void)state;
    for (int per_address = 0; per_address < 2; per_address++) {
        fixture *f = prepare();
        f->options.max_connections = per_address ? 100 : 3;
        f->options.max_connections_per_address = per_address ? 3 : 0;
        start(f);
        int fds[3];
        for (int i = 0; i < 3; i++) {
            fds[i] = client_connect(f->port);
            client_send(fds[i], "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
            EXPECT(client_read(fds[i], "ok\n"), 200, "ok\n");
        }
        for (int i = 0; i < 5; i++) {
            client_reply r = client_get(f->port, "GET /health", "");
            assert_int_equal(r.status, 0);
            client_free(&r);
        }
        for (int i = 0; i < 3; i++)
            close(fds[i]);
        client_reply r = { .status = 0 };
        for (int i = 0; i < 2000 && r.status != 200; i++) { /* until those are closed */
            r = client_get(f->port, "GET /health", "");
            client_free(&r);
        }
        assert_int_equal(r.status, 200);
        stop(f);
    }
}

static void pages_of_other_origins_are_refused(void **state)
{
    (void)state;
    static const char *const origins[] = { "https://chat.example" };
    fixture *f = prepare();
    f->options.cors_origins = origins;
    f->options.n_cors_origins = 1;
    start(f);
    EXPECT(client_get(f->port, "GET /parts/1", "Origin: https://evil.example\r\n"), 403, "origin_not_allowed");
    EXPECT(client_get(f->port, "GET /parts/1", "Origin: null\r\n"), 403, "origin_not_allowed");
    EXPECT(client_get(f->port, "GET /parts/1", "Origin: http://localhost\r\n"), 200, "id=1"); /* its own */
    EXPECT(client_get(f->port, "GET /parts/1", "Origin: https://chat.example\r\n"), 200,
           "Access-Control-Allow-Origin: https://chat.example\r\n");
    EXPECT(client_get(f->port, "GET /nope", "Origin: https://chat.example\r\n"), 404,
           "Access-Control-Allow-Origin: https://chat.example\r\n");
    EXPECT(client_get(f->port, "OPTIONS /echo",
                      "Origin: https://chat.example\r\nAccess-Control-Request-Method: POST\r\n"
                      "Access-Control-Request-Headers: authorization, x-stainless-os\r\n"),
           204, "Access-Control-Allow-Headers: authorization, x-stainless-os\r\n");
    EXPECT(
        client_get(f->port, "OPTIONS /echo", "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n"),
        403, "origin_not_allowed");
    /* A name that somebody pointed here (DNS rebinding) does not make their page ours. */
    EXPECT(client_ask(f->port, "POST /echo HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n"
                               "Connection: close\r\n\r\n"),
           403, "origin_not_allowed");
    stop(f);
}

/* ---- the end */

typedef struct asking {
    fixture *f;
    int fd;
    client_reply last;
} asking;

/* Asks on an open connection until it is refused, then lets go what is held. */
static void *ask_until_refused(void *ctx)
{
    asking *a = ctx;
    do {
        client_free(&a->last);
        usleep(1000);
        client_send(a->fd, "GET /fail HTTP/1.1\r\nHost: a\r\n\r\n");
        a->last = client_read(a->fd, "}\n");
    } while (a->last.status == 400);
    atomic_store(&a->f->h.release, true);
    return NULL;
}

static void what_runs_is_answered_before_the_end(void **state)
{
    (void)state;
    fixture *f = started();
    pthread_t thread;
    int held = client_connect(f->port);
    asking a = { .f = f, .fd = client_connect(f->port) };
    client_send(held, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for(&f->h.n_open, 1);
    client_send(a.fd, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT(client_read(a.fd, "ok\n"), 200, "ok\n");
    assert_int_equal(pthread_create(&thread, NULL, ask_until_refused, &a), 0);
    bool all = http_server_stop(f->server, 20);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(all);
    EXPECT(a.last, 503, "shutting_down");
    EXPECT(client_read(held, "released\n"), 200, "released\n");
    close(a.fd);
    close(held);
    stop(f);
}

static void what_does_not_end_is_dropped(void **state)
{
    (void)state;
    fixture *f = started();
    int held = client_connect(f->port), stream = client_connect(f->port), half = client_connect(f->port);
    client_send(held, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    client_send(stream, "GET /stream?n=100000&ms=20 HTTP/1.1\r\nHost: a\r\n\r\n");
    client_send(half, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    wait_for(&f->h.n_open, 2);
    assert_false(http_server_stop(f->server, 0.05));
    wait_for(&f->h.n_open, 0);
    client_reply r = client_read(held, NULL);
    assert_int_equal(r.status, 0);
    client_free(&r);
    close(held);
    close(stream);
    close(half);
    stop(f);
}

/* ---- what it says */

static void logs_cannot_be_forged(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        fixture *f = prepare();
        f->options.access_log_json = json;
        start(f);
        EXPECT(client_get(f->port, "GET /rest/a%0a%22b%20200%20%1b", ""), 200, "");
        EXPECT(client_get(f->port, "GET /health", ""), 200, "");
        assert_true(http_server_stop(f->server, 20));
        fflush(f->log);
        assert_true(f->log_len > 0 && f->log_text[f->log_len - 1] == '\n');
        assert_ptr_equal(strchr(f->log_text, '\n'), f->log_text + f->log_len - 1); /* one line: /health has none */
        assert_null(strchr(f->log_text, '\x1b'));
        if (json)
            assert_non_null(strstr(f->log_text, "\"path\": \"/rest/a\\n\\\"b 200 \\u001b\", \"status\": 200, "));
        else
            assert_non_null(strstr(f->log_text, " 127.0.0.1 - GET /rest/a\\n\"b\\x20200\\x20\\x1b 200 "));
        assert_non_null(
            strstr(f->log_text, json ? "\"model\": \"a model\", \"prompt_tokens\": 3, \"generated_tokens\": 5"
                                     : " model=a\\x20model prompt=3 generated=5"));
        stop(f);
    }
    fixture *f = prepare();
    f->options.access_log_health = true;
    start(f);
    EXPECT(client_get(f->port, "GET /health", ""), 200, "");
    assert_true(http_server_stop(f->server, 20));
    fflush(f->log);
    assert_non_null(strstr(f->log_text, "GET /health 200 3 bytes"));
    stop(f);
}

static void requests_are_counted(void **state)
{
    (void)state;
    fixture *f = started();
    EXPECT(client_get(f->port, "GET /parts/1", ""), 200, "");
    EXPECT(client_get(f->port, "GET /parts/2", ""), 200, "");
    EXPECT(client_get(f->port, "GET /secret-name", ""), 404, "");
    assert_true(http_server_stop(f->server, 20));
    size_t len;
    char *page = metrics_render(f->options.metrics, &len);
    assert_non_null(strstr(page, "\nbora_http_requests_total{route=\"/parts/{id}\",status=\"200\"} 2\n"));
    assert_non_null(strstr(page, "\nbora_http_requests_total{route=\"none\",status=\"404\"} 1\n"));
    assert_non_null(strstr(page, "\nbora_http_request_seconds_count{route=\"/parts/{id}\"} 2\n"));
    assert_non_null(strstr(page, "\nbora_http_requests_in_flight 0\n"));
    assert_non_null(strstr(page, "\nbora_http_connections 0\n"));
    assert_null(strstr(page, "secret"));
    free(page);
    stop(f);
}

/* ---- what cannot be */

static void refuse_start(fixture *f, bora_code code, const char *says)
{
    bora_error err = { .code = BORA_OK };
    assert_null(http_server_start(&f->options, handler_routes, &f->h, &err));
    if (err.code != code || !strstr(err.message, says))
        fail_msg("expected \"%s\", got: %s", says, err.message);
}

static void bad_options_are_named(void **state)
{
    (void)state;
    fixture *f = started(), *g = prepare();
    static const char *const bad_keys[] = { "with space" };
    g->options.port = f->port;
    refuse_start(g, BORA_IO, "Address already in use");
    g->options.port = 0;
    g->options.host = "no such host";
    refuse_start(g, BORA_USAGE, "--host no such host");
    g->options.host = "unix:";
    refuse_start(g, BORA_USAGE, "1 to 107 bytes");
    g->options.host = "unix:/no/such/folder/socket";
    refuse_start(g, BORA_IO, "No such file");
    g->options.host = "127.0.0.1";
    g->options.api_keys_file = "/no/such/file";
    refuse_start(g, BORA_IO, "/no/such/file: No such file");
    g->options.api_keys_file = "/dev/null";
    refuse_start(g, BORA_USAGE, "/dev/null: there are no API keys in it");
    g->options.api_keys_file = NULL;
    g->options.api_keys = bad_keys;
    g->options.n_api_keys = 1;
    refuse_start(g, BORA_USAGE, "--api-key: an API key is a word of visible ASCII characters");
    assert_null(strstr(g->said, "with"));
    g->options.n_api_keys = 0;
    g->options.tls_cert = "/dev/null";
    refuse_start(g, BORA_USAGE, "--tls-cert and --tls-key belong together");
    g->options.tls_key = "/dev/null";
    refuse_start(g, BORA_USAGE, "/dev/null: this is not a PEM file");
    g->options.tls_cert = "/no/such/file";
    refuse_start(g, BORA_IO, "/no/such/file: No such file");
    g->options.tls_cert = g->options.tls_key = NULL;
    g->options.max_queue = 0;
    refuse_start(g, BORA_USAGE, "1 or more");
    g->options.max_queue = 1;
    start(g);
    stop(g);
    stop(f);
}

static void sockets_may_be_files(void **state)
{
    (void)state;
    fixture *f = prepare();
    bora_error err = { .code = BORA_OK };
    char *path = temporary(""), host[100];
    unlink(path);
    snprintf(host, sizeof host, "unix:%s", path);
    f->options.host = host;
    f->server = http_server_start(&f->options, handler_routes, &f->h, &err);
    assert_string_equal(err.message, "");
    assert_string_equal(http_server_address(f->server), host);
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&un, sizeof un), 0);
    client_send(fd, "GET /parts/1 HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT(client_read(fd, "id=1"), 200, "id=1");
    close(fd);
    fixture *g = prepare();
    g->options.host = host;
    refuse_start(g, BORA_IO, "Address already in use");
    http_server_stop(f->server, 20);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_non_null(strstr(f->log_text ? f->log_text : "", " unix - GET /parts/1 200 "));

    /* One that was left behind is replaced; another file is not. */
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&un, sizeof un), 0);
    close(fd);
    g->server = http_server_start(&g->options, handler_routes, &g->h, &err);
    assert_string_equal(err.message, "");
    stop(g);
    rewrite(path, "text");
    g = prepare();
    g->options.host = host;
    refuse_start(g, BORA_IO, "Address already in use");
    g->options.host = "127.0.0.1";
    start(g);
    stop(g);
    unlink(path);
    free(path);
    stop(f);
}

/* ---- a server for other tests */

static void say(void *ctx, bora_log_level level, const char *line)
{
    (void)ctx;
    fprintf(stderr, "%s%s\n", level == BORA_LOG_WARN ? "warning: " : "", line);
}

static const char *option(int argc, char *argv[], const char *name)
{
    for (int i = 2; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return NULL;
}

static double number(int argc, char *argv[], const char *name, double otherwise)
{
    const char *text = option(argc, argv, name);
    return text ? atof(text) : otherwise;
}

/* test_http --serve [name value]… */
static int serve(int argc, char *argv[])
{
    static handlers h;
    bora_error err = { .code = BORA_OK };
    http_options o = http_options_defaults();
    o.port = (int)number(argc, argv, "port", 0);
    o.host = option(argc, argv, "host") ? option(argc, argv, "host") : o.host;
    o.tls_cert = option(argc, argv, "cert");
    o.tls_key = option(argc, argv, "key");
    o.api_keys_file = option(argc, argv, "keys");
    o.receive_s = number(argc, argv, "receive", o.receive_s);
    o.idle_s = number(argc, argv, "idle", o.idle_s);
    o.send_s = number(argc, argv, "send", o.send_s);
    o.keep_alive_s = number(argc, argv, "keep-alive", o.keep_alive_s);
    o.shutdown_s = number(argc, argv, "shutdown", o.shutdown_s);
    o.max_connections = (int)number(argc, argv, "connections", o.max_connections);
    o.access_log = option(argc, argv, "log");
    o.log = say;
    http_server *s = http_server_start(&o, handler_routes, &h, &err);
    if (!s) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    http_server_ready(s);
    fputs("ready\n", stderr);
    http_server_run(s);
    for (int i = 0; i < 5000 && atomic_load(&h.n_open) > 0; i++)
        usleep(1000);
    http_server_free(s);
    fprintf(stderr, "left open: %d\n", atomic_load(&h.n_open));
    return atomic_load(&h.n_open) > 0;
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_answers),
        cmocka_unit_test(head_has_no_body),
        cmocka_unit_test(ids_of_clients_are_kept_if_harmless),
        cmocka_unit_test(connections_are_used_again),
        cmocka_unit_test(bodies_arrive_whole),
        cmocka_unit_test(bodies_have_limits),
        cmocka_unit_test(lengths_that_lie_are_refused),
        cmocka_unit_test(heads_have_limits),
        cmocka_unit_test(streams_come_in_pieces),
        cmocka_unit_test(silent_streams_say_that_they_live),
        cmocka_unit_test(clients_that_leave_are_noticed),
        cmocka_unit_test(who_closes_one_direction_has_left),
        cmocka_unit_test(who_does_not_read_is_dropped),
        cmocka_unit_test(half_requests_are_cut),
        cmocka_unit_test(keys_open_the_door),
        cmocka_unit_test(rates_are_limited),
        cmocka_unit_test(requests_at_a_time_are_limited),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(connections_are_limited),
        cmocka_unit_test(pages_of_other_origins_are_refused),
        cmocka_unit_test(what_runs_is_answered_before_the_end),
        cmocka_unit_test(what_does_not_end_is_dropped),
        cmocka_unit_test(logs_cannot_be_forged),
        cmocka_unit_test(requests_are_counted),
        cmocka_unit_test(bad_options_are_named),
        cmocka_unit_test(sockets_may_be_files),
    };
    if (argc > 1 && strcmp(argv[1], "--serve") == 0)
        return serve(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
