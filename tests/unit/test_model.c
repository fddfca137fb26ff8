/* Whole models through the public door: logits against those that transformers computed (tests/fixtures/models), from
 * both containers, on every device and over two of them, however the tokens are cut. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <bora/engine.h>

#include "model_fixtures.h"

static bora_runtime *runtime;
static char log_lines[16384];

static void keep_log(void *ctx, bora_log_level level, const char *line)
{
    (void)ctx;
    (void)level;
    strncat(log_lines, line, sizeof log_lines - strlen(log_lines) - 2);
    strcat(log_lines, "\n");
}

static int open_runtime(void **state)
{
    (void)state;
    runtime = fixture_runtime((bora_listener){ .log = keep_log });
    return runtime ? 0 : -1;
}

static int close_runtime(void **state)
{
    (void)state;
    bora_runtime_free(runtime);
    return 0;
}

/* Settings from pairs of name and value, NULL at the end. */
static bora_settings *settings_of(const char *const *pairs)
{
    bora_settings *s = bora_settings_new();
    assert_non_null(s);
    bora_error err = { .code = BORA_OK };
    for (; pairs && *pairs; pairs += 2)
        if (!bora_settings_set(s, pairs[0], pairs[1], NULL, &err))
            fail_msg("%s", err.message);
    return s;
}

/* What is compared here was computed in f32: so are the caches, where a test says nothing of them. */
static bora_model *load(const char *name, const char *const *more, bora_error *err)
{
    bora_settings *s = settings_of(more);
    if (!bora_settings_is_set(s, "pa-cache-type"))
        assert_true(bora_settings_set(s, "pa-cache-type", "f32", NULL, NULL));
    assert_true(bora_settings_set(s, "model-id", fixture(name), NULL, NULL));
    log_lines[0] = '\0';
    bora_model *m = bora_model_load(runtime, s, err);
    bora_settings_free(s);
    return m;
}

static bora_model *must_load(const char *name, const char *const *more)
{
    bora_error err = { .code = BORA_OK };
    bora_model *m = load(name, more, &err);
    if (!m)
        fail_msg("%s: %s", name, err.message);
    return m;
}

static float *logits_of(bora_model *m, const int32_t *tokens, int32_t n, int32_t chunk)
{
    bora_error err = { .code = BORA_OK };
    bora_session *s = bora_session_new(m, &err);
    float *logits = malloc((size_t)n * (size_t)bora_model_n_vocab(m) * sizeof *logits);
    assert_non_null(s);
    assert_non_null(logits);
    if (!bora_session_eval(s, tokens, n, chunk, true, logits, &err))
        fail_msg("%s", err.message);
    assert_int_equal(bora_session_length(s), n);
    bora_session_free(s);
    return logits;
}

/* 1e-5 is the house's bound for f32 against the reference; these models come in below a tenth of it. */
static void check_against_reference(const char *name, const char *reference, const char *const *more)
{
    static const int32_t chunks[] = { 0, 1, 7 };
    int32_t tokens[MAX_TOKENS], n = read_tokens(reference, tokens);
    bora_model *m = must_load(name, more);
    size_t count = (size_t)n * (size_t)bora_model_n_vocab(m);
    float *expected = malloc(count * sizeof *expected);
    assert_non_null(expected);
    read_reference(reference, "", expected, count);
    for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++) {
        float *logits = logits_of(m, tokens, n, chunks[c]);
        double error = relative_l2(logits, expected, count);
        if (!(error < 1e-5))
            fail_msg("%s, chunks of %d: relative L2 error %g", name, chunks[c], error);
        free(logits);
    }
    free(expected);
    bora_model_free(m);
}

static void logits_agree_with_transformers(void **state)
{
    (void)state;
    static const char *const names[] = { "plain", "tied-bias", "linear", "llama3", "yarn", "window", "tiny-llama" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_against_reference(names[i], names[i], NULL);
}

static void gguf_files_agree_too(void **state)
{
    (void)state;
    check_against_reference("plain.gguf", "plain", NULL);
    check_against_reference("linear.gguf", "linear", NULL);
    check_against_reference("llama3.gguf", "llama3", NULL);
    check_against_reference("yarn.gguf", "yarn", NULL);
}

/* Beyond its trained length the frequencies follow the length of the prompt, however the prompt is cut. */
static void dynamic_rope_follows_the_prompt(void **state)
{
    (void)state;
    check_against_reference("dynamic", "dynamic", (const char *const[]){ "max-seq-len", "64", NULL });
}

static void every_device_agrees(void **state)
{
    (void)state;
    for (size_t i = 0; i < bora_runtime_n_plugins(runtime); i++) {
        const bora_plugin *p = bora_runtime_plugin(runtime, i)->plugin;
        for (const bora_backend *const *b = p ? p->backends : NULL; b && *b; b++)
            if (!(*b)->n_devices || (*b)->n_devices() > 0) {
                check_against_reference("plain", "plain", (const char *const[]){ "device", (*b)->name, NULL });
                check_against_reference("tiny-llama", "tiny-llama",
                                        (const char *const[]){ "device", (*b)->name, NULL });
            }
    }
}

static char *write_topology(const char *text)
{
    static char path[] = "/tmp/bora-test-XXXXXX";
    strcpy(path, "/tmp/bora-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    return path;
}

static void two_devices_agree_with_one(void **state)
{
    (void)state;
    if (!bora_runtime_backend(runtime, "openblas"))
        skip();
    char *path = write_topology("0:\n  device: cpu\n1:\n  device: openblas\n'/lm_head/':\n  device: openblas\n");
    const char *const more[] = { "topology", path, NULL };
    check_against_reference("plain", "plain", more);
    check_against_reference("plain.gguf", "plain", more);
    assert_null(strstr(log_lines, "decides nothing"));
    unlink(path);
}

/* The promise: bits do not depend on how tokens are cut, on threads, or on who else is there. */
static void bits_do_not_depend_on_cuts_or_threads(void **state)
{
    (void)state;
    int32_t tokens[MAX_TOKENS], n = read_tokens("window", tokens);
    float *first = NULL;
    size_t bytes = 0;
    for (int threads = 1; threads <= 5; threads += 2)
        for (int32_t chunk = 1; chunk <= n; chunk += 3) {
            char count[16];
            snprintf(count, sizeof count, "%d", threads);
            bora_model *m = must_load("window", (const char *const[]){ "device", "cpu", "threads", count, NULL });
            float *logits = logits_of(m, tokens, n, chunk);
            bytes = (size_t)n * (size_t)bora_model_n_vocab(m) * sizeof *logits;
            if (first)
                assert_memory_equal(logits, first, bytes);
            else
                first = malloc(bytes), memcpy(first, logits, bytes);
            free(logits);
            bora_model_free(m);
        }
    free(first);
}

/* --isq against transformers with the same blocks, made by the reference package; and the rule for embeddings and
 * heads. */
static void quantized_models_agree_with_their_blocks(void **state)
{
    (void)state;
    static const struct {
        const char *format, *reference;
    } cases[] = { { "q8_0", "q8_0" }, { "8", "q8_0" }, { "Q4_0", "q4_0" } };
    int32_t tokens[MAX_TOKENS], n = read_tokens("tiny-llama", tokens);
    size_t count = (size_t)n * 288;
    float *expected = malloc(count * sizeof *expected);
    assert_non_null(expected);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        read_reference("tiny-llama", cases[i].reference, expected, count);
        bora_model *m = must_load("tiny-llama", (const char *const[]){ "isq", cases[i].format, "exact", "true", NULL });
        float *logits = logits_of(m, tokens, n, 0);
        double error = relative_l2(logits, expected, count);
        if (!(error < 1e-5))
            fail_msg("%s: relative L2 error %g", cases[i].format, error);
        free(logits);
        bora_model_free(m);
    }
    free(expected);
}

/* Whether the best kernel for such weights rounds activations, on this processor. */
static bool may_be_rounded_to_meet(const char *format)
{
    const bora_kernel *best = NULL;
    const bora_plugin_info *info;
    for (size_t i = 0; (info = bora_runtime_plugin(runtime, i)); i++)
        for (const bora_kernel *const *k = info->plugin ? info->plugin->kernels : NULL; k && *k; k++)
            if (strcmp((*k)->op, "linear") == 0 && (*k)->quant && strcmp((*k)->quant, format) == 0 &&
                (!(*k)->usable || (*k)->usable()) && (!best || (*k)->priority > best->priority))
                best = *k;
    return best && best->tile->activation && !best->tile->activation_is_exact;
}

/* To bfloat16 numbers, where there is a kernel for it: an error of their size. */
static void activations_of_plain_weights_are_rounded_on_demand(void **state)
{
    (void)state;
    static const char *const formats[] = { "f32", "bf16" };
    int32_t tokens[MAX_TOKENS], n = read_tokens("tiny-llama", tokens);
    const size_t count = (size_t)n * 288;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        float *logits[2];
        for (int round = 0; round < 2; round++) {
            bora_model *m = must_load("tiny-llama", (const char *const[]){ "dtype", formats[i], "round-activations",
                                                                           round ? "true" : "false", NULL });
            logits[round] = logits_of(m, tokens, n, 0);
            bora_model_free(m);
        }
        const double error = relative_l2(logits[1], logits[0], count);
        print_message("%s: relative L2 error of rounding activations %.2e\n", formats[i], error);
        if (may_be_rounded_to_meet(formats[i]) ? error == 0 || error > 1.5e-2 : error != 0)
            fail_msg("%s: relative L2 error %g", formats[i], error);
        free(logits[0]);
        free(logits[1]);
    }
}

/* 16-bit weights go the same way with and without it, by a matrix unit too: nothing is rounded there. */
static void exact_changes_what_is_rounded_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        bool rounds;
    } cases[] = { { "f32", false }, { "f16", false }, { "bf16", false }, { "q8_0", true } };
    int32_t tokens[MAX_TOKENS], n = read_tokens("tiny-llama", tokens);
    const size_t bytes = (size_t)n * 288 * sizeof(float);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float *logits[2];
        for (int exact = 0; exact < 2; exact++) {
            bora_model *m = must_load(
                "tiny-llama", (const char *const[]){ "isq", cases[i].format, "exact", exact ? "true" : "false", NULL });
            logits[exact] = logits_of(m, tokens, n, 0);
            bora_model_free(m);
        }
        if ((memcmp(logits[0], logits[1], bytes) != 0) != cases[i].rounds)
            fail_msg("%s: other logits than expected with \"exact\"", cases[i].format);
        free(logits[0]);
        free(logits[1]);
    }
}

/* What a cache's rounding does to the logits of a model with 16-bit weights: of the order of the format's own step.
 * However the prompt is cut, the bits are the same. */
static void caches_come_in_formats(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        double least, most; /* relative L2 error */
    } cases[] = { { "f32", 0, 1e-5 },       { "auto", 0, 1e-5 },    { "f16", 1e-4, 2e-3 },
                  { "BF16", 1e-3, 1.5e-2 }, { "q8_0", 1e-3, 5e-2 }, { "q8", 1e-3, 5e-2 } };
    int32_t tokens[MAX_TOKENS], n = read_tokens("tiny-llama", tokens);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bora_model *m = must_load("tiny-llama", (const char *const[]){ "pa-cache-type", cases[i].format, NULL });
        size_t count = (size_t)n * (size_t)bora_model_n_vocab(m);
        float *expected = malloc(count * sizeof *expected);
        assert_non_null(expected);
        read_reference("tiny-llama", "", expected, count);
        float *logits = logits_of(m, tokens, n, 0), *cut = logits_of(m, tokens, n, 3);
        double error = relative_l2(logits, expected, count);
        print_message("cache in %s: relative L2 error %.2e\n", cases[i].format, error);
        if (!(error >= cases[i].least && error <= cases[i].most))
            fail_msg("cache in %s: relative L2 error %g", cases[i].format, error);
        assert_memory_equal(logits, cut, count * sizeof *logits);
        free(cut);
        free(logits);
        free(expected);
        bora_model_free(m);
    }
    bora_error err = { .code = BORA_OK };
    assert_null(load("tiny-llama", (const char *const[]){ "pa-cache-type", "f8e4m3", NULL }, &err));
    assert_int_equal(err.code, BORA_USAGE);
    assert_non_null(strstr(err.message, "--pa-cache-type"));
    /* A model whose weights are stored whole keeps floats in its cache, one with blocks half of that. */
    bora_workload load_of_one = { .n_sequences = 1, .n_tokens = 1 };
    const char *const formats[] = { "auto", "f32", "f16" };
    double bytes[3];
    for (int i = 0; i < 3; i++) {
        bora_model *m = must_load("plain", (const char *const[]){ "pa-cache-type", formats[i], NULL });
        bytes[i] = bora_model_cost(m, &load_of_one, NULL).state_bytes;
        bora_model_free(m);
    }
    assert_true(bytes[0] > 0 && bytes[0] == bytes[1] && bytes[0] == 2 * bytes[2]);
    for (int i = 0; i < 3; i++) {
        bora_model *m = must_load("tiny-llama-q8_0.gguf", (const char *const[]){ "pa-cache-type", formats[i], NULL });
        bytes[i] = bora_model_cost(m, &load_of_one, NULL).state_bytes;
        bora_model_free(m);
    }
    assert_true(bytes[0] > 0 && bytes[0] == bytes[2] && 2 * bytes[0] == bytes[1]);
}

/* The same blocks, from a file that has them already: as they lie, and turned into floats for a device without a
 * kernel. */
static void quantized_files_agree_with_their_blocks(void **state)
{
    (void)state;
    int32_t tokens[MAX_TOKENS], n = read_tokens("tiny-llama", tokens);
    size_t count = (size_t)n * 288;
    float *expected = malloc(count * sizeof *expected);
    assert_non_null(expected);
    read_reference("tiny-llama", "q8_0", expected, count);
    const char *const ways[][2] = { { "device", "cpu" }, { "isq", "q4_0" }, { "device", "openblas" } };
    size_t n_ways = bora_runtime_backend(runtime, "openblas") ? 3 : 2;
    for (size_t i = 0; i < n_ways; i++) { /* --isq leaves alone what a file has quantized */
        bora_model *m =
            must_load("tiny-llama-q8_0.gguf", (const char *const[]){ ways[i][0], ways[i][1], "exact", "true", NULL });
        float *logits = logits_of(m, tokens, n, 0);
        double error = relative_l2(logits, expected, count);
        if (!(error < 1e-5))
            fail_msg("%s %s: relative L2 error %g", ways[i][0], ways[i][1], error);
        free(logits);
        bora_model_free(m);
    }
    free(expected);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *option, *value, *expected;
    } cases[] = {
        { "isq", "q4_9", "did you mean" },
        { "device", "abacus", "no plugin offers the device \"abacus\"" },
        { "device", "cpu[7]", "device cpu[7]" },
        { "arch", "unheard-of", "no plugin offers the architecture \"unheard-of\"" },
        { "topology", "/nonexistent.yml", "/nonexistent.yml" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bora_error err = { .code = BORA_OK };
        assert_null(load("plain", (const char *const[]){ cases[i].option, cases[i].value, NULL }, &err));
        if (!strstr(err.message, cases[i].expected))
            fail_msg("%s=%s: %s", cases[i].option, cases[i].value, err.message);
    }
}

static void sessions_check_what_they_are_given(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    bora_model *m = must_load("plain", NULL);
    bora_session *s = bora_session_new(m, &err);
    int32_t bad[] = { 5, 96 }, many[65] = { 0 };
    assert_false(bora_session_eval(s, bad, 2, 0, false, NULL, &err));
    assert_int_equal(err.code, BORA_USAGE);
    assert_int_equal(bora_session_length(s), 0);
    bora_error_clear(&err);
    assert_false(bora_session_eval(s, many, 65, 0, false, NULL, &err));
    assert_int_equal(err.code, BORA_LIMIT);
    bora_error_clear(&err);
    assert_true(bora_session_eval(s, many, 64, 0, false, NULL, &err));
    assert_false(bora_session_truncate(s, 65, &err));
    bora_error_clear(&err);
    assert_true(bora_session_truncate(s, 33, &err));
    assert_true(bora_session_eval(s, many, 31, 0, false, NULL, &err));
    bora_session_free(s);
    bora_model_free(m);
}

typedef struct heard {
    char text[4096];
    int32_t tokens[256];
    int32_t n, stop_after;
} heard;

static bool hear_token(void *ctx, const bora_token *token)
{
    heard *h = ctx;
    assert_true(token->logprob < 0);
    h->tokens[h->n++] = token->id;
    return h->stop_after == 0 || h->n < h->stop_after;
}

static bool hear_text(void *ctx, const char *text, size_t len)
{
    heard *h = ctx;
    strncat(h->text, text, len);
    return true;
}

static bora_answer ask(bora_session *s, bora_request r, heard *h)
{
    bora_error err = { .code = BORA_OK };
    bora_answer answer;
    *h = (heard){ .stop_after = h->stop_after };
    r.on_token = hear_token;
    r.logprobs = true;
    r.ctx = h;
    if (!bora_generate(s, &r, &answer, &err))
        fail_msg("%s", err.message);
    return answer;
}

static void generation_ends_where_it_must(void **state)
{
    (void)state;
    bora_model *m = must_load("tiny-llama", NULL);
    bora_session *s = bora_session_new(m, NULL);
    int32_t prompt[] = { 1, 50, 60, 70 };
    bora_request r = { .prompt = prompt,
                       .n_prompt = 4,
                       .max_tokens = 20,
                       .sampling = bora_sampling_defaults(),
                       .ignore_stop_tokens = true };
    r.sampling.temperature = 0;
    heard first = { .n = 0 }, again = { .n = 0 };
    bora_answer a = ask(s, r, &first);
    assert_int_equal(a.finish, BORA_FINISH_LENGTH);
    assert_int_equal(first.n, 20);

    /* The same again: the prompt is cached but for its last token, the answer is the same. */
    a = ask(s, r, &again);
    assert_int_equal(a.n_cached, 3);
    assert_memory_equal(first.tokens, again.tokens, 20 * sizeof *first.tokens);

    again.stop_after = 5;
    a = ask(s, r, &again);
    assert_int_equal(a.finish, BORA_FINISH_CANCELLED);
    assert_int_equal(a.n_generated, 5);
    again.stop_after = 0;

    r.max_tokens = 0;
    a = ask(s, r, &again);
    assert_int_equal(a.finish, BORA_FINISH_CONTEXT);
    assert_int_equal(a.n_prompt + a.n_generated, bora_model_context_length(m) + 1);

    /* The same seed says the same, another seed something else. */
    r.max_tokens = 30;
    r.sampling.temperature = 2;
    r.sampling.seed = 1;
    ask(s, r, &first);
    ask(s, r, &again);
    assert_memory_equal(first.tokens, again.tokens, 30 * sizeof *first.tokens);
    r.sampling.seed = 2;
    ask(s, r, &again);
    assert_memory_not_equal(first.tokens, again.tokens, 30 * sizeof *first.tokens);

    r.sampling.top_k = 1; /* one candidate: greedy, whatever the temperature */
    ask(s, r, &first);
    r.sampling.temperature = 0;
    ask(s, r, &again);
    assert_memory_equal(first.tokens, again.tokens, 30 * sizeof *first.tokens);

    r.sampling.temperature = -1;
    bora_error err = { .code = BORA_OK };
    assert_false(bora_generate(s, &r, &a, &err));
    assert_int_equal(err.code, BORA_USAGE);
    bora_session_free(s);
    bora_model_free(m);
}

static bool stop_asking(void *ctx)
{
    return ((heard *)ctx)->stop_after-- > 0;
}

static void a_long_prompt_can_be_cancelled(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    bora_model *m = must_load("tiny-llama", (const char *const[]){ "max-seq-len", "2000", NULL });
    bora_session *s = bora_session_new(m, NULL);
    static int32_t prompt[1500];
    for (int32_t i = 0; i < 1500; i++)
        prompt[i] = 3 + i % 200;
    heard h = { .stop_after = 2 };
    bora_request r = { .prompt = prompt,
                       .n_prompt = 1500,
                       .max_tokens = 5,
                       .sampling = bora_sampling_defaults(),
                       .keep_going = stop_asking,
                       .ctx = &h };
    bora_answer answer;
    assert_true(bora_generate(s, &r, &answer, &err));
    assert_int_equal(answer.finish, BORA_FINISH_CANCELLED);
    assert_int_equal(bora_session_length(s), 1024); /* two parts were read, and stay */
    r.keep_going = NULL;
    r.ignore_stop_tokens = true;
    assert_true(bora_generate(s, &r, &answer, &err));
    assert_int_equal(answer.n_cached, 1024);
    assert_int_equal(answer.finish, BORA_FINISH_LENGTH);
    bora_session_free(s);
    bora_model_free(m);
}

/* Two sessions of one model at once, each as if it were alone. */
typedef struct lone_session {
    bora_model *model;
    const int32_t *tokens;
    int32_t n, chunk;
    float *logits;
} lone_session;

static void *run_session(void *arg)
{
    lone_session *l = arg;
    l->logits = logits_of(l->model, l->tokens, l->n, l->chunk);
    return NULL;
}

static void sessions_do_not_see_each_other(void **state)
{
    (void)state;
    int32_t tokens[MAX_TOKENS], n = read_tokens("window", tokens), backwards[MAX_TOKENS];
    for (int32_t i = 0; i < n; i++)
        backwards[i] = tokens[n - 1 - i];
    bora_model *m = must_load("window", (const char *const[]){ "device", "cpu", NULL });
    float *alone = logits_of(m, tokens, n, 0), *alone_too = logits_of(m, backwards, n, 0);
    size_t bytes = (size_t)n * (size_t)bora_model_n_vocab(m) * sizeof *alone;
    lone_session sessions[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        sessions[i] = (lone_session){ m, i % 2 ? backwards : tokens, n, 1 + i, NULL };
        assert_int_equal(pthread_create(&threads[i], NULL, run_session, &sessions[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_memory_equal(sessions[i].logits, i % 2 ? alone_too : alone, bytes);
        free(sessions[i].logits);
    }
    free(alone);
    free(alone_too);
    bora_model_free(m);
}

static void stop_strings_are_not_said(void **state)
{
    (void)state;
    bora_model *m = must_load("tiny-llama", NULL);
    bora_session *s = bora_session_new(m, NULL);
    int32_t prompt[] = { 1, 50, 60, 70 };
    bora_request r = { .prompt = prompt,
                       .n_prompt = 4,
                       .max_tokens = 30,
                       .sampling = bora_sampling_defaults(),
                       .ignore_stop_tokens = true,
                       .on_text = hear_text };
    r.sampling.temperature = 0;
    heard all = { .n = 0 }, cut = { .n = 0 };
    ask(s, r, &all);
    size_t len = strlen(all.text);
    assert_true(len > 12);
    char stop[4] = "", with_decoy[8] = "";
    /* Three bytes from the middle (the text is ASCII and what is not is replaced as a whole), and a decoy that only
     * begins. */
    size_t at = len / 2;
    while (at > 0 && ((unsigned char)all.text[at] & 0xc0) == 0x80)
        at--;
    memcpy(stop, all.text + at, 3);
    memcpy(with_decoy, all.text + 2, 3);
    strcat(with_decoy, "\x01");
    const char *const stops[] = { with_decoy, stop, NULL };
    r.stop = stops;
    bora_answer a = ask(s, r, &cut);
    const char *expected_end = strstr(all.text, stop);
    assert_int_equal(a.finish, BORA_FINISH_STOP);
    assert_int_equal(strlen(cut.text), expected_end - all.text);
    assert_memory_equal(cut.text, all.text, strlen(cut.text));
    bora_session_free(s);
    bora_model_free(m);
}

static void templates_and_prompts(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    bora_model *m = must_load("tiny-llama", NULL);
    assert_true(bora_model_has_chat_template(m));
    char *text = bora_model_render_chat(m, "[{\"role\":\"user\",\"content\":\"the cat\"}]", NULL, true,
                                        BORA_THINKING_UNSAID, &err);
    assert_non_null(text);
    assert_string_equal(text, "<s><|user|>\nthe cat</s>\n<|assistant|>\n");
    int32_t *ids;
    size_t n;
    assert_true(bora_model_encode(m, text, strlen(text), true, &ids, &n, &err));
    assert_true(n > 4);
    assert_int_equal(ids[0], 1);
    free(ids);
    free(text);
    bora_model_free(m);
    m = must_load("plain", NULL);
    assert_false(bora_model_has_chat_template(m));
    assert_null(bora_model_render_chat(m, "[]", NULL, true, BORA_THINKING_UNSAID, &err));
    assert_int_equal(err.code, BORA_NOT_FOUND);
    bora_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_agree_with_transformers),
        cmocka_unit_test(gguf_files_agree_too),
        cmocka_unit_test(dynamic_rope_follows_the_prompt),
        cmocka_unit_test(every_device_agrees),
        cmocka_unit_test(two_devices_agree_with_one),
        cmocka_unit_test(bits_do_not_depend_on_cuts_or_threads),
        cmocka_unit_test(quantized_models_agree_with_their_blocks),
        cmocka_unit_test(activations_of_plain_weights_are_rounded_on_demand),
        cmocka_unit_test(exact_changes_what_is_rounded_and_nothing_else),
        cmocka_unit_test(caches_come_in_formats),
        cmocka_unit_test(quantized_files_agree_with_their_blocks),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(sessions_check_what_they_are_given),
        cmocka_unit_test(generation_ends_where_it_must),
        cmocka_unit_test(a_long_prompt_can_be_cancelled),
        cmocka_unit_test(sessions_do_not_see_each_other),
        cmocka_unit_test(stop_strings_are_not_said),
        cmocka_unit_test(templates_and_prompts),
    };
    return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
