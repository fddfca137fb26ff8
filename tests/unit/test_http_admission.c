/* Whom the HTTP server lets in, and how much they may ask: keys, rates, queues, connections, origins. */
#include "http_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_open_the_door),
        cmocka_unit_test(rates_are_limited),
        cmocka_unit_test(requests_at_a_time_are_limited),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(connections_are_limited),
        cmocka_unit_test(pages_of_other_origins_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
