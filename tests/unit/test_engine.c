/* The engine: many requests at once, each of which gets what it would get alone. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bora/engine.h>

#include "model_fixtures.h"

enum { MOST_TOKENS = 80 };

static bora_runtime *runtime;

static int open_runtime(void **state)
{
    (void)state;
    runtime = fixture_runtime((bora_listener){ 0 });
    return runtime ? 0 : -1;
}

static int close_runtime(void **state)
{
    (void)state;
    bora_runtime_free(runtime);
    return 0;
}

/* What one request was told, and whether it has ended. */
typedef struct told {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int32_t tokens[MOST_TOKENS], n;
    float logprobs[MOST_TOKENS];
    int32_t cancel_after; /* tokens; 0: never */
    bora_answer answer;
    bora_error error;
    int n_ends;
    float *embedding;
    int32_t width;
} told;

static void told_init(told *t)
{
    *t = (told){ .n = 0 };
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->changed, NULL);
}

static bool on_token(void *ctx, const bora_token *token)
{
    told *t = ctx;
    assert_true(t->n < MOST_TOKENS);
    t->tokens[t->n] = token->id;
    t->logprobs[t->n++] = token->logprob;
    return t->cancel_after == 0 || t->n < t->cancel_after;
}

static void on_end(void *ctx, const bora_answer *answer, const bora_error *failure)
{
    told *t = ctx;
    pthread_mutex_lock(&t->mutex);
    t->answer = *answer;
    if (failure)
        t->error = *failure;
    t->n_ends++;
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
}

static void wait_for(told *t)
{
    pthread_mutex_lock(&t->mutex);
    while (t->n_ends == 0)
        pthread_cond_wait(&t->changed, &t->mutex);
    pthread_mutex_unlock(&t->mutex);
    assert_int_equal(t->n_ends, 1);
}

typedef struct world {
    bora_settings *settings;
    bora_model *model;
    bora_engine *engine;
} world;

/* `options` are names and values, then NULL. */
static world begin(const char *name, const char *const *options)
{
    bora_error err = { .code = BORA_OK };
    world w = { .settings = bora_settings_new() };
    assert_true(bora_settings_set(w.settings, "model-id", fixture(name), NULL, NULL));
    for (; options && *options; options += 2)
        if (!bora_settings_set(w.settings, options[0], options[1], NULL, &err))
            fail_msg("%s", err.message);
    w.model = bora_model_load(runtime, w.settings, &err);
    w.engine = w.model ? bora_engine_start(w.model, w.settings, &err) : NULL;
    if (!w.engine)
        fail_msg("%s: %s", name, err.message);
    return w;
}

static void end(world *w)
{
    bora_engine_stop(w->engine);
    bora_model_free(w->model);
    bora_settings_free(w->settings);
}

static uint64_t random_state;

static int32_t below(int32_t n)
{
    random_state = random_state * 6364136223846793005 + 1442695040888963407;
    return (int32_t)((random_state >> 33) % (uint64_t)n);
}

typedef struct question {
    int32_t prompt[MAX_TOKENS + 64];
    bora_request request;
} question;

/* Prompts that often begin alike. */
static void ask_something(question *q, int32_t n_vocab, int32_t context)
{
    int32_t kind = below(3), n = 1 + below(context / 2);
    for (int32_t i = 0; i < n; i++)
        q->prompt[i] = 3 + (kind == 0 ? below(n_vocab - 3) : (i * (7 + kind)) % (n_vocab - 3));
    q->prompt[n - 1] = 3 + below(n_vocab - 3);
    q->request = (bora_request){ .prompt = q->prompt,
                                 .n_prompt = n,
                                 .max_tokens = 1 + below(context - n),
                                 .sampling = bora_sampling_defaults(),
                                 .ignore_stop_tokens = below(2) == 0,
                                 .logprobs = true,
                                 .on_token = on_token };
    q->request.sampling.seed = (uint64_t)below(1000);
    q->request.sampling.temperature = below(3) == 0 ? 0 : 1;
    q->request.sampling.top_p = below(2) ? 1 : 0.9F;
    q->request.sampling.repetition_penalty = below(2) ? 1 : 1.2F;
}

static void alone(const world *w, const question *q, told *t)
{
    bora_error err = { .code = BORA_OK };
    bora_session *s = bora_session_new(w->model, &err);
    bora_request r = q->request;
    told_init(t);
    r.ctx = t;
    if (!s || !bora_generate(s, &r, &t->answer, &err))
        fail_msg("%s", err.message);
    bora_session_free(s);
}

static void compare(const told *expected, const told *got, int32_t n)
{
    assert_int_equal(got->n, n);
    assert_memory_equal(got->tokens, expected->tokens, (size_t)n * sizeof *got->tokens);
    assert_memory_equal(got->logprobs, expected->logprobs, (size_t)n * sizeof *got->logprobs);
}

/* Whatever else runs, is cached, is cut into parts, set back, or cancelled. */
static bora_engine_stats everybody_gets_what_he_would_get_alone(const char *name, const char *const *options,
                                                                int n_rounds)
{
    enum { N = 24 };
    static question questions[N];
    static told expected[N], got[N];
    bora_job *jobs[N];
    random_state = 1;
    world lonely = begin(name, NULL), w = begin(name, options);
    int32_t n_vocab = bora_model_n_vocab(w.model), context = bora_model_context_length(w.model);
    context = context < MAX_TOKENS ? context : MAX_TOKENS;
    for (int round = 0; round < n_rounds; round++) {
        for (int i = 0; i < N; i++) {
            ask_something(&questions[i], n_vocab, context);
            alone(&lonely, &questions[i], &expected[i]);
        }
        for (int i = 0; i < N; i++) {
            bora_error err = { .code = BORA_OK };
            bora_request r = questions[i].request;
            told_init(&got[i]);
            got[i].cancel_after = below(6) == 0 ? 1 + below(8) : 0;
            r.ctx = &got[i];
            jobs[i] = bora_engine_submit(w.engine, &r, on_end, &err);
            if (!jobs[i])
                fail_msg("%s", err.message);
        }
        for (int i = 0; i < N; i++) {
            bool cancels = below(8) == 0;
            if (cancels)
                bora_job_cancel(jobs[i]);
            wait_for(&got[i]);
            bora_job_release(jobs[i]);
            assert_int_equal(got[i].error.code, BORA_OK);
            int32_t n = got[i].answer.n_generated;
            if (got[i].answer.finish == BORA_FINISH_CANCELLED) {
                assert_true(cancels || (got[i].cancel_after && n == got[i].cancel_after));
                assert_true(n <= expected[i].n);
            } else {
                assert_int_equal(n, expected[i].answer.n_generated);
                assert_int_equal(got[i].answer.finish, expected[i].answer.finish);
            }
            compare(&expected[i], &got[i], n);
        }
    }
    bora_engine_stats stats;
    bora_engine_stats_get(w.engine, &stats);
    assert_int_equal(stats.n_finished, N * n_rounds);
    assert_int_equal(stats.n_blocks_used, 0);
    assert_true(stats.n_accepted <= stats.n_drafted && stats.n_accepted <= stats.n_generated);
    end(&w);
    end(&lonely);
    return stats;
}

static void same_answers(void **state)
{
    (void)state;
    everybody_gets_what_he_would_get_alone("plain", NULL, 4);
}

static void same_answers_in_small_steps(void **state)
{
    (void)state;
    static const char *const options[] = { "max-seqs", "3", "max-num-batched-tokens", "5", NULL };
    everybody_gets_what_he_would_get_alone("window", options, 2);
}

/* Two of the longest would not fit: who came last is set back, again and again. */
static void same_answers_in_little_memory(void **state)
{
    (void)state;
    static const char *const options[] = { "pa-context-len", "96", "pa-block-size", "8", NULL };
    bora_engine_stats stats = everybody_gets_what_he_would_get_alone("plain", options, 3);
    assert_true(stats.n_preempted > 0);
    assert_int_equal(stats.n_blocks, 12);
}

static void same_answers_without_sharing(void **state)
{
    (void)state;
    static const char *const options[] = { "prefix-cache-n", "0", "pa-context-len", "128", NULL };
    bora_engine_stats stats = everybody_gets_what_he_would_get_alone("gemma2", options, 2);
    assert_int_equal(stats.n_cached, 0);
}

/* A recurrent state can only go forward. */
static void same_answers_of_recurrent_models(void **state)
{
    (void)state;
    static const char *const options[] = { "pa-context-len", "96", "pa-block-size", "8", NULL };
    bora_engine_stats stats = everybody_gets_what_he_would_get_alone("granitehybrid", options, 4);
    assert_true(stats.n_cached > 0 && stats.n_preempted > 0);
}

static void same_answers_with_dynamic_rope(void **state)
{
    (void)state;
    everybody_gets_what_he_would_get_alone("dynamic", NULL, 2);
}

static void same_answers_with_guesses(void **state)
{
    (void)state;
    char path[512];
    bora_engine_stats stats;
    snprintf(path, sizeof path, "%s", fixture("window"));
    const char *options[] = { "max-seqs",    "4", "prompt-lookup", "true", "gamma", "3",
                              "draft-p-min", "0", "draft-model",   path,   NULL };
    stats = everybody_gets_what_he_would_get_alone("plain", options, 2);
    assert_true(stats.n_drafted > 0);
    snprintf(path, sizeof path, "%s", fixture("plain"));
    options[1] = "12"; /* sometimes too many for guesses */
    stats = everybody_gets_what_he_would_get_alone("plain", options + 6, 2);
    assert_true(stats.n_drafted > 0);
    const char *small[] = { "max-seqs", "3", "max-num-batched-tokens", "5", "prompt-lookup", "true", NULL };
    stats = everybody_gets_what_he_would_get_alone("dynamic", small, 2);
    assert_true(stats.n_drafted > 0);
}

static void on_embedding(void *ctx, const float *values, int32_t width)
{
    told *t = ctx;
    t->width = width;
    t->embedding = malloc((size_t)width * sizeof *values);
    assert_non_null(t->embedding);
    memcpy(t->embedding, values, (size_t)width * sizeof *values);
}

/* The head is linear: what it makes of the mean of the hidden states is the mean of the logits. */
static void check_with_the_head(const world *w, const question *q, const told *t)
{
    const char *path = fixture("plain");
    bora_error err = { .code = BORA_OK };
    bora_checkpoint *c = bora_checkpoint_open(&path, 1, bora_runtime_stored_quant, runtime, &err);
    if (!c)
        fail_msg("%s", err.message);
    const bora_tensor_info *head = bora_checkpoint_find(c, "lm_head.weight");
    assert_non_null(head);
    assert_string_equal(head->quant->name, "f32");
    size_t n_vocab = (size_t)bora_model_n_vocab(w->model), width = (size_t)t->width, n = (size_t)q->request.n_prompt;
    assert_int_equal(head->shape[1], width);
    float *logits = malloc(n * n_vocab * sizeof *logits), *weight = malloc(n_vocab * width * sizeof *weight);
    assert_true(logits && weight);
    memcpy(weight, head->data, n_vocab * width * sizeof *weight);
    bora_session *s = bora_session_new(w->model, &err);
    assert_true(bora_session_eval(s, q->request.prompt, (int32_t)n, 0, true, logits, &err));
    for (size_t v = 0; v < n_vocab; v++) {
        double mean = 0, product = 0;
        for (size_t i = 0; i < n; i++)
            mean += logits[i * n_vocab + v] / (double)n;
        for (size_t i = 0; i < width; i++)
            product += (double)weight[v * width + i] * t->embedding[i];
        assert_true(fabs(mean - product) < 1e-5);
    }
    bora_session_free(s);
    free(logits);
    free(weight);
    bora_checkpoint_close(c);
}

static void embeddings_are_means_of_hidden_states(void **state)
{
    (void)state;
    enum { N = 4 };
    static question q[N];
    static told t[N + 1], answers[N];
    world w = begin("plain", NULL);
    random_state = 3;
    for (int i = 0; i < N; i++) { /* among answers that are being written */
        ask_something(&q[i], bora_model_n_vocab(w.model), 40);
        bora_request r = q[i].request;
        told_init(&answers[i]);
        r.ctx = &answers[i];
        bora_job_release(bora_engine_submit(w.engine, &r, on_end, NULL));
        r = (bora_request){ .prompt = r.prompt, .n_prompt = r.n_prompt, .on_embedding = on_embedding, .ctx = &t[i] };
        told_init(&t[i]);
        bora_job_release(bora_engine_submit(w.engine, &r, on_end, NULL));
    }
    for (int i = 0; i < N; i++) {
        wait_for(&t[i]);
        assert_int_equal(t[i].answer.finish, BORA_FINISH_STOP);
        check_with_the_head(&w, &q[i], &t[i]);
        wait_for(&answers[i]);
    }
    told_init(&t[N]); /* and once more alone */
    bora_request r = { .prompt = q[0].prompt, .n_prompt = q[0].request.n_prompt, .on_embedding = on_embedding };
    r.ctx = &t[N];
    bora_job_release(bora_engine_submit(w.engine, &r, on_end, NULL));
    wait_for(&t[N]);
    assert_memory_equal(t[N].embedding, t[0].embedding, (size_t)t[0].width * sizeof(float));
    for (int i = 0; i <= N; i++)
        free(t[i].embedding);
    end(&w);
}

static void refusals_come_at_once(void **state)
{
    (void)state;
    world w = begin("plain", NULL);
    static int32_t many[1 << 16];
    told t;
    told_init(&t);
    bora_request r = { .prompt = many, .n_prompt = 0, .sampling = bora_sampling_defaults(), .ctx = &t };
    bora_error err = { .code = BORA_OK };
    assert_null(bora_engine_submit(w.engine, &r, on_end, &err));
    assert_int_equal(err.code, BORA_USAGE);
    bora_error_clear(&err);
    r.n_prompt = bora_model_context_length(w.model) + 1;
    assert_null(bora_engine_submit(w.engine, &r, on_end, &err));
    assert_int_equal(err.code, BORA_LIMIT);
    bora_error_clear(&err);
    r.n_prompt = 2;
    many[1] = bora_model_n_vocab(w.model);
    assert_null(bora_engine_submit(w.engine, &r, on_end, &err));
    assert_int_equal(err.code, BORA_USAGE);
    bora_error_clear(&err);
    many[1] = 0;
    r.sampling.top_p = 2;
    assert_null(bora_engine_submit(w.engine, &r, on_end, &err));
    assert_int_equal(err.code, BORA_USAGE);
    assert_int_equal(t.n_ends, 0);
    end(&w);
}

static void stopping_ends_everybody(void **state)
{
    (void)state;
    enum { N = 8 };
    static told t[N];
    bora_job *jobs[N];
    static const int32_t prompt[] = { 5, 6, 7 };
    world w = begin("plain", NULL);
    for (int i = 0; i < N; i++) {
        told_init(&t[i]);
        bora_request r = { .prompt = prompt,
                           .n_prompt = 3,
                           .sampling = bora_sampling_defaults(),
                           .ignore_stop_tokens = true,
                           .ctx = &t[i] };
        jobs[i] = bora_engine_submit(w.engine, &r, on_end, NULL);
        assert_non_null(jobs[i]);
    }
    end(&w);
    for (int i = 0; i < N; i++) {
        assert_int_equal(t[i].n_ends, 1);
        bora_job_release(jobs[i]); /* also after the engine is gone */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_answers),
        cmocka_unit_test(same_answers_in_small_steps),
        cmocka_unit_test(same_answers_in_little_memory),
        cmocka_unit_test(same_answers_without_sharing),
        cmocka_unit_test(same_answers_of_recurrent_models),
        cmocka_unit_test(same_answers_with_dynamic_rope),
        cmocka_unit_test(same_answers_with_guesses),
        cmocka_unit_test(embeddings_are_means_of_hidden_states),
        cmocka_unit_test(refusals_come_at_once),
        cmocka_unit_test(stopping_ends_everybody),
    };
    return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
