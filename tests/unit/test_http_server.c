/* The HTTP server from start to end: options that cannot be, sockets that are files, its log and metrics, and how it
 * stops. `test_http_server --serve` is a server for tests/cli/http_faults.py. */
#include <sys/un.h>

#include "http_fixture.h"

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

/* test_http_server --serve [name value]… */
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
