/* Tokens that are guessed ahead: what prompt lookup finds, that answers stay the same to the bit, that guesses are
 * right where they must be, and which models cannot guess. */
#include <string.h>

#include "model_fixtures.h"

#include <bora/engine.h>

#include "engine/prompt_lookup.h"

enum { TOKENS_MAX = 1024 };

static bora_runtime *runtime;
static char last_warning[256];

static void listen(void *ctx, bora_log_level level, const char *line)
{
    (void)ctx;
    if (level == BORA_LOG_WARN)
        snprintf(last_warning, sizeof last_warning, "%s", line);
}

static int open_runtime(void **state)
{
    (void)state;
    runtime = fixture_runtime((bora_listener){ .log = listen });
    return runtime ? 0 : -1;
}

static int close_runtime(void **state)
{
    (void)state;
    bora_runtime_free(runtime);
    return 0;
}

static void lookup_finds_what_followed(void **state)
{
    (void)state;
    static const struct {
        int32_t tokens[12], n, guesses[4], n_guesses;
    } cases[] = {
        { { 1, 2, 3, 4, 5, 1, 2 }, 7, { 3, 4, 5, 1 }, 4 },
        { { 1, 2, 3, 4, 5, 9, 2 }, 7, { 0 }, 0 },                    /* one token is not enough */
        { { 1, 2, 7, 1, 2, 8, 1, 2 }, 8, { 8, 1, 2, 8 }, 4 },        /* the last place; beyond the end it goes round */
        { { 5, 1, 2, 7, 1, 2, 8, 5, 1, 2 }, 10, { 7, 1, 2, 8 }, 4 }, /* but rather the one with more in common */
        { { 3, 3, 3 }, 3, { 3, 3, 3, 3 }, 4 },
        { { 3, 3 }, 2, { 0 }, 0 },
        { { 3 }, 1, { 0 }, 0 },
        { { 0 }, 0, { 0 }, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t guesses[4] = { 0 }, from = 0;
        int32_t n = prompt_lookup(cases[i].tokens, cases[i].n, &from) > 0 ? 4 : 0;
        prompt_lookup_copy(cases[i].tokens, cases[i].n, from, n, guesses);
        if (n != cases[i].n_guesses || memcmp(guesses, cases[i].guesses, (size_t)n * sizeof *guesses) != 0)
            fail_msg("case %zu: %d guesses, the first is %d", i, n, guesses[0]);
    }
}

/* ---- answers */

typedef struct told {
    int32_t tokens[TOKENS_MAX], n;
    float logprobs[TOKENS_MAX], tops[TOKENS_MAX];
    int32_t cancel_after; /* 0: never */
} told;

static bool on_token(void *ctx, const bora_token *token)
{
    told *t = ctx;
    assert_true(t->n < TOKENS_MAX);
    assert_int_equal(token->n_top, 2);
    t->tokens[t->n] = token->id;
    t->tops[t->n] = token->top[1].logprob;
    t->logprobs[t->n++] = token->logprob;
    return t->cancel_after == 0 || t->n < t->cancel_after;
}

typedef struct world {
    bora_settings *settings;
    bora_model *model;
    bora_drafter *drafter;
} world;

/* A model, and the drafter that these options (names and values, then NULL) ask for. */
static world begin(const char *name, const char *const *options)
{
    bora_error err = { .code = BORA_OK };
    world w = { .settings = bora_settings_new() };
    assert_true(bora_settings_set(w.settings, "model-id", fixture(name), NULL, NULL));
    for (; *options; options += 2)
        if (!bora_settings_set(w.settings, options[0], options[1], NULL, &err))
            fail_msg("%s", err.message);
    w.model = bora_model_load(runtime, w.settings, &err);
    if (!w.model || !bora_drafter_open(w.model, w.settings, &w.drafter, &err))
        fail_msg("%s: %s", name, err.message);
    return w;
}

static void end(world *w)
{
    bora_drafter_free(w->drafter);
    bora_model_free(w->model);
    bora_settings_free(w->settings);
}

static bora_answer ask(bora_session *s, bora_request r, told *t)
{
    bora_error err = { .code = BORA_OK };
    bora_answer answer;
    t->n = 0;
    r.ctx = t;
    if (!bora_generate(s, &r, &answer, &err))
        fail_msg("%s", err.message);
    return answer;
}

static void expect_same(const told *a, const told *b)
{
    size_t n = (size_t)a->n;
    assert_int_equal(a->n, b->n);
    assert_memory_equal(a->tokens, b->tokens, n * sizeof *a->tokens);
    assert_memory_equal(a->logprobs, b->logprobs, n * sizeof *a->logprobs);
    assert_memory_equal(a->tops, b->tops, n * sizeof *a->tops);
}

/* Asks with and without guesses, greedily and not, with penalties and biases, into one session and into new ones; all
 * that was guessed and all that was right. */
static bora_answer compare_answers(const char *name, const char *const *options)
{
    static const bora_logit_bias bias = { 9, 3 };
    world w = begin(name, options);
    assert_non_null(w.drafter);
    bora_session *plain = bora_session_new(w.model, NULL), *quick = bora_session_new(w.model, NULL);
    bora_session_set_drafter(quick, w.drafter);
    int32_t prompt[40], context = bora_model_context_length(w.model);
    bora_answer sum = { 0 };
    for (int i = 0; i < 60; i++) {
        int32_t n_prompt = 1 + i % (context < 40 ? context : 40);
        for (int32_t k = 0; k < n_prompt; k++)
            prompt[k] = 3 + (k * (5 + i / 20) + i % 7) % 17;
        bora_request r = { .prompt = prompt,
                           .n_prompt = n_prompt,
                           .max_tokens = i % 9 == 0   ? 1
                                         : i % 9 == 1 ? 2
                                                      : 30,
                           .sampling = bora_sampling_defaults(),
                           .ignore_stop_tokens = i % 4 != 0,
                           .logprobs = true,
                           .n_top = 2,
                           .on_token = on_token };
        if (i % 13 == 0)
            r.max_tokens = 0; /* to the end of the context */
        r.sampling.seed = (uint64_t)i;
        r.sampling.temperature = i % 3 == 0 ? 0 : i % 3 == 1 ? 0.5F : 1;
        r.sampling.top_p = i % 2 ? 0.9F : 1;
        r.sampling.frequency_penalty = i % 5 == 0 ? 0.3F : 0;
        r.sampling.dry_multiplier = i % 5 == 1 ? 0.8F : 0;
        r.sampling.logit_bias = &bias;
        r.sampling.n_logit_bias = i % 5 == 2;
        static told expected, got;
        expected = (told){ .cancel_after = i % 11 == 3 ? 7 : 0 };
        got = expected;
        bora_answer a = ask(plain, r, &expected), b = ask(quick, r, &got);
        expect_same(&expected, &got);
        assert_int_equal(a.finish, b.finish);
        assert_int_equal(a.n_generated, b.n_generated);
        assert_int_equal(a.n_cached, b.n_cached);
        assert_int_equal(bora_session_length(plain), bora_session_length(quick));
        assert_int_equal(a.n_drafted, 0);
        assert_true(b.n_accepted <= b.n_drafted && b.n_accepted <= b.n_generated);
        sum.n_drafted += b.n_drafted;
        sum.n_accepted += b.n_accepted;
        sum.n_generated += b.n_generated;
    }
    bora_session_free(plain);
    bora_session_free(quick);
    end(&w);
    return sum;
}

static void a_model_that_drafts_for_itself_is_right(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s", fixture("tiny-llama"));
    /* Random models are never sure: these guess all the same. */
    const char *options[] = { "draft-model", path, "draft-p-min", "0", NULL };
    bora_answer sum = compare_answers("tiny-llama", options);
    /* Also where it samples: it has the same random numbers. Only an answer's end is not foreseen. */
    if (sum.n_accepted < sum.n_drafted * 95 / 100 || sum.n_accepted < sum.n_generated / 2)
        fail_msg("of %d tokens %d were guessed, %d of them right", sum.n_generated, sum.n_drafted, sum.n_accepted);
}

static void other_drafts_change_nothing(void **state)
{
    (void)state;
    char path[512];
    const char *options[] = { "draft-model", path, "draft-p-min", "0", NULL, NULL, NULL, NULL, NULL };
    snprintf(path, sizeof path, "%s", fixture("window"));
    assert_true(compare_answers("plain", options).n_drafted > 0);
    snprintf(path, sizeof path, "%s", fixture("llama3"));
    options[4] = "gamma";
    options[5] = "2";
    assert_true(compare_answers("dynamic", options).n_drafted > 0);
    options[6] = "prompt-lookup";
    options[7] = "true";
    assert_true(compare_answers("yarn", options).n_drafted > 0);
    const char *lookup[] = { "prompt-lookup", "true", "gamma", "64", NULL };
    assert_true(compare_answers("tiny-llama", lookup).n_accepted > 0);
}

/* What ships with bora: one model that knows its trade, and a smaller one that has heard of it. */
static void the_shipped_draft_model_is_often_right(void **state)
{
    (void)state;
    char path[512], question[] = "[{\"role\": \"user\", \"content\": \"Tell me a short story.\"}]";
    snprintf(path, sizeof path, "%s", fixture("../../../models/demo-draft"));
    const char *options[] = { "draft-model", path, "prompt-lookup", "true", NULL };
    world w = begin("../../../models/demo", options);
    bora_session *plain = bora_session_new(w.model, NULL), *quick = bora_session_new(w.model, NULL);
    bora_session_set_drafter(quick, w.drafter);
    char *prompt = bora_model_render_chat(w.model, question, NULL, true, BORA_THINKING_UNSAID, NULL);
    int32_t *ids = NULL;
    size_t n = 0;
    assert_true(bora_model_encode(w.model, prompt, strlen(prompt), true, &ids, &n, NULL));
    bora_request r = { .prompt = ids,
                       .n_prompt = (int32_t)n,
                       .max_tokens = 100,
                       .sampling = bora_sampling_defaults(),
                       .logprobs = true,
                       .n_top = 2,
                       .on_token = on_token };
    for (uint64_t seed = 0; seed < 3; seed++) {
        static told expected, got;
        expected = got = (told){ 0 };
        r.sampling.seed = seed;
        r.sampling.temperature = seed == 0 ? 0 : 1;
        ask(plain, r, &expected);
        bora_answer a = ask(quick, r, &got);
        expect_same(&expected, &got);
        if (a.n_accepted < a.n_generated / 2)
            fail_msg("of %d tokens %d were guessed, %d of them right", a.n_generated, a.n_drafted, a.n_accepted);
    }
    free(ids);
    free(prompt);
    bora_session_free(plain);
    bora_session_free(quick);
    end(&w);
}

/* ---- what cannot be */

static void expect_refused(const char *name, const char *draft, bora_code code, const char *message)
{
    bora_error err = { .code = BORA_OK };
    world w = begin(name, (const char *const[]){ NULL });
    assert_null(w.drafter);
    assert_true(bora_settings_set(w.settings, "draft-model", draft, NULL, NULL));
    assert_false(bora_drafter_open(w.model, w.settings, &w.drafter, &err));
    assert_null(w.drafter);
    assert_int_equal(err.code, code);
    if (!strstr(err.message, message))
        fail_msg("\"%s\" does not say \"%s\"", err.message, message);
    end(&w);
}

static void what_cannot_guess_is_refused(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s", fixture("qwen2"));
    expect_refused("plain", path, BORA_USAGE, "the draft model has 71 tokens, the model 96");
    expect_refused("plain", "/nonexistent", BORA_NOT_FOUND, "/nonexistent");
    snprintf(path, sizeof path, "%s", fixture("granitehybrid"));
    expect_refused("qwen2", path, BORA_UNSUPPORTED, "cannot take back a token");
    *last_warning = 0;
    world w = begin("granitehybrid", (const char *const[]){ "prompt-lookup", "true", NULL });
    assert_null(w.drafter);
    assert_non_null(strstr(last_warning, "no tokens are guessed ahead"));
    end(&w);
    w = begin("plain", (const char *const[]){ "prompt-lookup", "true", "gamma", "0", NULL });
    assert_null(w.drafter);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookup_finds_what_followed),   cmocka_unit_test(a_model_that_drafts_for_itself_is_right),
        cmocka_unit_test(other_drafts_change_nothing),  cmocka_unit_test(the_shipped_draft_model_is_often_right),
        cmocka_unit_test(what_cannot_guess_is_refused),
    };
    return cmocka_run_group_tests(tests, open_runtime, close_runtime);
}
