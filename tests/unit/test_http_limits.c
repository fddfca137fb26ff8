/* What the HTTP server decides by: keys, rates, numbers of connections; and what it counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "serve/keys.h"
#include "serve/metrics.h"
#include "serve/peer.h"
#include "serve/rate_limit.h"

/* ---- keys */

static size_t find(const key_set *keys, const char *key)
{
    return keys_find(keys, key, strlen(key));
}

static bool parse(key_set *keys, const char *text, bora_error *err)
{
    return keys_parse(keys, text, strlen(text), "keys", err);
}

static void files_of_keys_are_read(void **state)
{
    (void)state;
    key_set *keys = keys_new();
    bora_error err = { .code = BORA_OK };
    assert_int_equal(find(keys, "a"), SIZE_MAX);
    assert_true(parse(keys, "# keys\r\n\r\n  one # the first\r\n\tname\ttwo\t\r\n#none\none\nthree", &err));
    assert_int_equal(keys_count(keys), 3);
    assert_int_equal(find(keys, "one"), 0);
    assert_int_equal(find(keys, "two"), 1);
    assert_int_equal(find(keys, "three"), 2);
    assert_string_equal(keys_name(keys, 0), "key-1");
    assert_string_equal(keys_name(keys, 1), "name");
    assert_string_equal(keys_name(keys, 2), "key-3");
    assert_int_not_equal(keys_identity(keys, 0), keys_identity(keys, 1));
    static const char *const others[] = { "", "on", "one1", "One", "name", "none", "#", "one two" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(find(keys, others[i]), SIZE_MAX);
    assert_int_equal(keys_find(keys, "one\0", 4), SIZE_MAX); /* a key is not its beginning and zeros */
    assert_int_equal(keys_find(keys, "one\0\0\0\0", 7), SIZE_MAX);
    keys_free(keys);
}

static void what_cannot_be_a_key_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "a b c", "keys:1: expected `key` or `name key`" },
        { "good\n\x01", "keys:2: an API key is a word" },
        { "k\xc3\xa4y", "keys:1: an API key is a word" },
        { "0123456789012345678901234567890123456789 key", "keys:1: a key's name" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        key_set *keys = keys_new();
        bora_error err = { .code = BORA_OK };
        assert_false(parse(keys, cases[i].text, &err));
        if (err.code != BORA_USAGE || !strstr(err.message, cases[i].says))
            fail_msg("expected \"%s\", got: %s", cases[i].says, err.message);
        keys_free(keys);
    }
    char longest[KEY_BYTES_MAX + 2];
    key_set *keys = keys_new();
    bora_error err = { .code = BORA_OK };
    memset(longest, 'k', sizeof longest);
    assert_true(keys_add(keys, NULL, longest, KEY_BYTES_MAX, "x", &err));
    assert_int_equal(keys_find(keys, longest, KEY_BYTES_MAX), 0);
    assert_int_equal(keys_find(keys, longest, KEY_BYTES_MAX - 1), SIZE_MAX);
    assert_int_equal(keys_find(keys, longest, KEY_BYTES_MAX + 1), SIZE_MAX);
    assert_false(keys_add(keys, NULL, longest, KEY_BYTES_MAX + 1, "x", &err));
    assert_string_equal(err.message, "x: an API key has at most 255 characters");
    keys_free(keys);
}

static void many_keys_are_told_apart(void **state)
{
    (void)state;
    enum { N = 200 };
    key_set *keys = keys_new();
    char text[32];
    bora_error err = { .code = BORA_OK };
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof text, "key%d", i);
        assert_true(keys_add(keys, NULL, text, strlen(text), "x", &err));
    }
    for (int i = 0; i < N; i++) {
        snprintf(text, sizeof text, "key%d", i);
        assert_int_equal(find(keys, text), i);
    }
    keys_free(keys);
}

static void headers_bear_keys(void **state)
{
    (void)state;
    size_t len;
    assert_memory_equal(keys_bearer("Bearer abc", &len), "abc", 3);
    assert_int_equal(len, 3);
    assert_memory_equal(keys_bearer("bEARER \t abc \t", &len), "abc", 3);
    assert_int_equal(len, 3);
    static const char *const none[] = { "", "Bearer", "Bearer ", "Bearerabc", "Basic abc", "Bearer a b", "Bear" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(keys_bearer(none[i], &len));
    assert_null(keys_bearer(NULL, &len));
}

/* ---- rates */

static const uint8_t one[16] = { 1 }, two[16] = { 2 };

static void a_bucket_empties_and_fills(void **state)
{
    (void)state;
    rate_limiter *l = rate_limiter_new(3, 0);
    limited_client *c;
    limit_state s;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rate_limiter_enter(l, one, 100, &c, &s), LIMIT_PASSED);
        assert_int_equal(s.limit, 3);
        assert_int_equal(s.remaining, 2 - i);
        assert_float_equal(s.reset_s, 20.0F * (float)(i + 1), 1e-9);
        rate_limiter_leave(l, c);
    }
    assert_int_equal(rate_limiter_enter(l, one, 100, &c, &s), LIMIT_RATE);
    assert_null(c);
    assert_float_equal(s.retry_s, 20, 1e-9);
    assert_int_equal(rate_limiter_enter(l, two, 100, &c, &s), LIMIT_PASSED);
    rate_limiter_leave(l, c);
    assert_int_equal(rate_limiter_enter(l, one, 119.9, &c, &s), LIMIT_RATE);
    assert_int_equal(rate_limiter_enter(l, one, 120.1, &c, &s), LIMIT_PASSED);
    rate_limiter_leave(l, c);
    assert_int_equal(rate_limiter_enter(l, one, 120.1, &c, &s), LIMIT_RATE);
    assert_int_equal(rate_limiter_enter(l, one, 1e6, &c, &s), LIMIT_PASSED); /* no more than a minute's worth */
    assert_int_equal(s.remaining, 2);
    rate_limiter_leave(l, c);
    rate_limiter_free(l);
}

static void requests_at_a_time_are_counted(void **state)
{
    (void)state;
    rate_limiter *l = rate_limiter_new(0, 2);
    limited_client *a, *b, *c;
    limit_state s;
    assert_int_equal(rate_limiter_enter(l, one, 0, &a, &s), LIMIT_PASSED);
    assert_int_equal(rate_limiter_enter(l, one, 0, &b, &s), LIMIT_PASSED);
    assert_int_equal(rate_limiter_enter(l, one, 0, &c, &s), LIMIT_CONCURRENT);
    assert_int_equal(rate_limiter_enter(l, two, 0, &c, &s), LIMIT_PASSED);
    rate_limiter_leave(l, a);
    assert_int_equal(rate_limiter_enter(l, one, 0, &a, &s), LIMIT_PASSED);
    assert_int_equal(rate_limiter_enter(l, one, 0, &a, &s), LIMIT_CONCURRENT);
    rate_limiter_leave(l, b);
    rate_limiter_leave(l, b);
    rate_limiter_leave(l, c);
    rate_limiter_free(l);
}

static void who_is_idle_is_forgotten(void **state)
{
    (void)state;
    rate_limiter *l = rate_limiter_new(60, 5);
    limited_client *c, *held[8];
    limit_state s;
    for (uint8_t i = 0; i < 8; i++) { /* the oldest are busy */
        uint8_t id[16] = { 255, i };
        assert_int_equal(rate_limiter_enter(l, id, 0, &held[i], &s), LIMIT_PASSED);
    }
    for (uint32_t i = 0; i < 100000; i++) {
        uint8_t id[16] = { 0 };
        memcpy(id, &i, sizeof i);
        assert_int_equal(rate_limiter_enter(l, id, i * 1e-3, &c, &s), LIMIT_PASSED);
        rate_limiter_leave(l, c);
    }
    assert_true(rate_limiter_count(l) < 3000); /* those of the last second, and those that wait for their turn */
    for (uint32_t i = 0; i < 100000; i++) {    /* all at once */
        uint8_t id[16] = { 1, 1, 1, 1, 1 };
        memcpy(id + 8, &i, sizeof i);
        assert_int_equal(rate_limiter_enter(l, id, 200, &c, &s), LIMIT_PASSED);
        rate_limiter_leave(l, c);
    }
    assert_true(rate_limiter_count(l) < 20000);
    for (int i = 0; i < 8; i++)
        rate_limiter_leave(l, held[i]);
    rate_limiter_free(l);
}

/* ---- addresses */

static peer peer6(const char *text)
{
    struct sockaddr_in6 in = { .sin6_family = AF_INET6 };
    assert_int_equal(inet_pton(AF_INET6, text, &in.sin6_addr), 1);
    return peer_of((const struct sockaddr *)&in);
}

static void addresses_are_counted(void **state)
{
    (void)state;
    struct sockaddr_in in = { .sin_family = AF_INET };
    inet_pton(AF_INET, "192.0.2.7", &in.sin_addr);
    peer v4 = peer_of((const struct sockaddr *)&in), mapped = peer6("::ffff:192.0.2.7"), a = peer6("2001:db8::1"),
         b = peer6("2001:db8::2"), c = peer6("2001:db8:0:1::2"), none = peer_of(NULL);
    assert_string_equal(v4.text, "192.0.2.7");
    assert_string_equal(mapped.text, "192.0.2.7");
    assert_string_equal(a.text, "2001:db8::1");
    assert_string_equal(none.text, "unix");
    peer_counts *counts = peer_counts_new();
    assert_true(peer_counts_add(counts, &v4, 2));
    assert_true(peer_counts_add(counts, &mapped, 2));
    assert_false(peer_counts_add(counts, &v4, 2));
    assert_true(peer_counts_add(counts, &a, 2));
    assert_true(peer_counts_add(counts, &b, 2)); /* of the same network */
    assert_false(peer_counts_add(counts, &a, 2));
    assert_true(peer_counts_add(counts, &c, 2));
    peer_counts_remove(counts, &a);
    assert_true(peer_counts_add(counts, &b, 2));
    assert_true(peer_counts_add(counts, &b, 0)); /* no limit */
    peer_counts_remove(counts, &v4);
    peer_counts_remove(counts, &v4);
    peer_counts_remove(counts, &v4);
    peer_counts_free(counts);
}

/* ---- metrics */

static void collect(void *ctx)
{
    metric_set(ctx, 42, NULL);
}

static void the_page_says_what_was_counted(void **state)
{
    (void)state;
    static const double bounds[] = { 0.1, 1 };
    metrics *m = metrics_new();
    metric *requests = metrics_counter(m, "requests_total", "All of them.", "route status");
    metric *gauge = metrics_gauge(m, "things", "How many.", NULL);
    metric *seconds = metrics_histogram(m, "seconds", "How long.", "kind", bounds, 2);
    metric *plain = metrics_histogram(m, "plain", "No labels.", NULL, bounds, 1);
    metrics_collect(m, collect, gauge);
    metric_add(requests, 1, METRIC_LABELS("a\"\\\n", "200"));
    metric_add(requests, 2, METRIC_LABELS("a\"\\\n", "200"));
    metric_add(requests, 1, METRIC_LABELS("b", "404"));
    metric_observe(seconds, 0.05, METRIC_LABELS("x"));
    metric_observe(seconds, 0.1, METRIC_LABELS("x"));
    metric_observe(seconds, 0.5, METRIC_LABELS("x"));
    metric_observe(seconds, 7, METRIC_LABELS("x"));
    metric_observe(plain, 3, NULL);
    metric_add(metrics_counter(NULL, "x", "x", NULL), 1, NULL); /* nothing to count in */
    size_t len;
    char *page = metrics_render(m, &len);
    assert_int_equal(len, strlen(page));
    assert_string_equal(page, "# HELP requests_total All of them.\n# TYPE requests_total counter\n"
                              "requests_total{route=\"a\\\"\\\\\\n\",status=\"200\"} 3\n"
                              "requests_total{route=\"b\",status=\"404\"} 1\n"
                              "# HELP things How many.\n# TYPE things gauge\nthings 42\n"
                              "# HELP seconds How long.\n# TYPE seconds histogram\n"
                              "seconds_bucket{kind=\"x\",le=\"0.1\"} 2\nseconds_bucket{kind=\"x\",le=\"1\"} 3\n"
                              "seconds_bucket{kind=\"x\",le=\"+Inf\"} 4\nseconds_sum{kind=\"x\"} 7.6500000000000004\n"
                              "seconds_count{kind=\"x\"} 4\n"
                              "# HELP plain No labels.\n# TYPE plain histogram\n"
                              "plain_bucket{le=\"0.1\"} 0\nplain_bucket{le=\"+Inf\"} 1\nplain_sum 3\nplain_count 1\n");
    free(page);
    metrics_free(m);
}

static void series_are_bounded(void **state)
{
    (void)state;
    metrics *m = metrics_new();
    metric *c = metrics_counter(m, "c", "c", "name");
    for (int i = 0; i < 3 * METRIC_SERIES_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        metric_add(c, 1, METRIC_LABELS(name));
    }
    size_t len;
    char *page = metrics_render(m, &len);
    assert_non_null(strstr(page, "c{name=\"n499\"} 1\n"));
    assert_null(strstr(page, "n500"));
    assert_non_null(strstr(page, "c{name=\"other\"} 1000\n"));
    free(page);
    metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_keys_are_read),         cmocka_unit_test(what_cannot_be_a_key_is_refused),
        cmocka_unit_test(many_keys_are_told_apart),       cmocka_unit_test(headers_bear_keys),
        cmocka_unit_test(a_bucket_empties_and_fills),     cmocka_unit_test(requests_at_a_time_are_counted),
        cmocka_unit_test(who_is_idle_is_forgotten),       cmocka_unit_test(addresses_are_counted),
        cmocka_unit_test(the_page_says_what_was_counted), cmocka_unit_test(series_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
