/* Requests and answers of the HTTP server: what it answers, bodies and their limits, streams, and what becomes of
 * clients that leave, wait, or do not read. */
#include "http_fixture.h"

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

int main(void)
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
