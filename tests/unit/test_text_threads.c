/* One tokenizer and one template serve many threads at once, each as if it were alone. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bora/chat.h>
#include <bora/tokenizer.h>

enum { N_THREADS = 4, ROUNDS = 100 };

static void in_threads(void *(*work)(void *), void *shared)
{
    pthread_t threads[N_THREADS];
    for (size_t i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, shared), 0);
    for (size_t i = 0; i < N_THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

static void *render_often(void *shared)
{
    static const char context[] = "{\"xs\": [3, 1, 2], \"d\": {\"a\": 1}}";
    for (int i = 0; i < ROUNDS; i++) {
        char *text = bora_chat_template_render(shared, context, NULL, NULL, NULL);
        bool ok = text && strcmp(text, "123A{\"a\": 1}|2|") == 0;
        free(text);
        if (!ok)
            return shared;
    }
    return NULL;
}

static void one_template_serves_many_threads(void **state)
{
    (void)state;
    static const char source[] = "{% macro m(x='a') %}{{ x|upper }}{% endmacro %}{% set c = cycler(1, 2) %}"
                                 "{{ xs|sort|join }}{{ m() }}{{ d|tojson }}|{{ c.next() and c.next() }}|";
    bora_chat_template *t = bora_chat_template_new(source, sizeof source - 1, "t", NULL);
    assert_non_null(t);
    in_threads(render_often, t);
    bora_chat_template_free(t);
}

static const char sentence[] = "the cat sat on the mat, and the d\xc3\xb6g <|user|> ran";

/* Encodes and decodes again; true when the text comes back. */
static bool there_and_back(const bora_tokenizer *t)
{
    int32_t *ids = NULL;
    size_t n = 0, len = 0, at = 0;
    char text[256] = "";
    bora_detokenizer *d = bora_detokenizer_new(t, false, NULL);
    bool ok = d && bora_tokenizer_encode(t, sentence, sizeof sentence - 1, BORA_ENCODE_PARSE_SPECIAL, &ids, &n, NULL);
    for (size_t i = 0; ok && i <= n; i++) {
        const char *piece;
        ok = i < n ? bora_detokenizer_push(d, ids[i], &piece, &len, NULL)
                   : bora_detokenizer_finish(d, &piece, &len, NULL);
        ok = ok && at + len < sizeof text;
        if (ok && len)
            memcpy(text + at, piece, len);
        at += len;
    }
    bora_detokenizer_free(d);
    free(ids);
    return ok && strcmp(text, sentence) == 0;
}

static void *encode_often(void *shared)
{
    for (int i = 0; i < ROUNDS; i++)
        if (!there_and_back(shared))
            return shared;
    return NULL;
}

static void one_tokenizer_serves_many_threads(void **state)
{
    (void)state;
    const char *root = getenv("BORA_FIXTURES");
    char path[512];
    snprintf(path, sizeof path, "%s/models/tiny-llama/tokenizer.json", root ? root : "tests/fixtures");
    bora_error err = { .code = BORA_OK };
    bora_tokenizer *t = bora_tokenizer_load(path, &err);
    if (!t)
        fail_msg("%s", err.message);
    assert_true(there_and_back(t));
    in_threads(encode_often, t);
    bora_tokenizer_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_template_serves_many_threads),
        cmocka_unit_test(one_tokenizer_serves_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
