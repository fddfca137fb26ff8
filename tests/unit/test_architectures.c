/* Every family of architectures against transformers: a test for each checkpoint in tests/fixtures/models that has 32
 * greedy tokens, for the same checkpoint with its config.json as models are published with it, and for its GGUF file.
 * Each prints how far its logits are from the reference. */
#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bora/engine.h>

#include "model/model.h"
#include "model_fixtures.h"

enum { MAX_CASES = 128, N_FIRST = 20, N_GREEDY = 32, N_SEQUENCES = 4 };

typedef struct model_case {
    char name[64];      /* of the test: "phi3", "phi3 as published", "phi3.gguf" */
    char reference[64]; /* the folder with tokens and logits */
    const char *config; /* the file that stands for config.json, or NULL for the GGUF file */
} model_case;

static bora_runtime *runtime;

static void show(void *ctx, bora_log_level level, const char *line)
{
    (void)ctx;
    if (level <= BORA_LOG_WARN)
        print_message("%s\n", line);
}

static int open_runtime(void **state)
{
    (void)state;
    runtime = fixture_runtime((bora_listener){ .log = show });
    return runtime ? 0 : -1;
}

static int close_runtime(void **state)
{
    (void)state;
    bora_runtime_free(runtime);
    return 0;
}

static bora_model *load(const char *path, bora_error *err)
{
    bora_settings *s = bora_settings_new();
    assert_non_null(s);
    assert_true(bora_settings_set(s, "model-id", path, NULL, NULL));
    assert_true(bora_settings_set(s, "device", "cpu", NULL, NULL));
    assert_true(bora_settings_set(s, "exact", "true", NULL, NULL));
    assert_true(bora_settings_set(s, "pa-cache-type", "f32", NULL, NULL)); /* as in the references */
    bora_model *m = bora_model_load(runtime, s, err);
    bora_settings_free(s);
    return m;
}

/* The model of a case. Where another file stands for config.json, a folder of links is made, and taken away again. */
static bora_model *load_case(const model_case *c, bora_error *err)
{
    static const char *const files[] = { "config.json", "model.safetensors" };
    if (!c->config)
        return load(fixture(c->name), err);
    if (!strcmp(c->config, files[0]))
        return load(fixture(c->reference), err);
    char folder[] = "/tmp/bora-test-XXXXXX", from[1024], to[2][64];
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 2; i++) {
        const char *source = i ? files[i] : c->config, *root = fixture(c->reference);
        char *absolute = realpath(root, NULL);
        assert_non_null(absolute);
        snprintf(from, sizeof from, "%s/%s", absolute, source);
        free(absolute);
        snprintf(to[i], sizeof to[i], "%s/%s", folder, files[i]);
        assert_int_equal(symlink(from, to[i]), 0);
    }
    bora_model *m = load(folder, err);
    unlink(to[0]);
    unlink(to[1]);
    rmdir(folder);
    return m;
}

static float *new_logits(const bora_model *m, int32_t n)
{
    float *logits = malloc((size_t)n * (size_t)bora_model_n_vocab(m) * sizeof *logits);
    assert_non_null(logits);
    return logits;
}

static void eval(bora_session *s, const int32_t *tokens, int32_t n, int32_t chunk, float *logits)
{
    bora_error err = { .code = BORA_OK };
    if (!bora_session_eval(s, tokens, n, chunk, true, logits, &err))
        fail_msg("%s", err.message);
}

/* The logits of `n` tokens that are read at once, and then of `more` that come one at a time. */
static float *logits_of(bora_model *m, const int32_t *tokens, int32_t n, int32_t more, int32_t chunk)
{
    bora_session *s = bora_session_new(m, NULL);
    assert_non_null(s);
    float *logits = new_logits(m, n + more);
    eval(s, tokens, n, chunk, logits);
    for (int32_t i = n; i < n + more; i++)
        eval(s, tokens + i, 1, 0, logits + (size_t)i * (size_t)bora_model_n_vocab(m));
    bora_session_free(s);
    return logits;
}

/* 1e-5 is the house's bound for f32. A row may be three times as far off as the whole may, so that no single position
 * hides behind the others. */
static void check_reference(const model_case *c, const bora_model *m, const float *logits, int32_t n)
{
    size_t width = (size_t)bora_model_n_vocab(m), count = (size_t)n * width;
    float *expected = new_logits(m, n);
    read_reference(c->reference, "", expected, count);
    double norm = 0, worst = 0, whole = relative_l2(logits, expected, count);
    for (size_t i = 0; i < count; i++)
        norm += (double)expected[i] * expected[i];
    int32_t worst_row = 0;
    for (int32_t row = 0; row < n; row++) {
        double diff = 0;
        for (size_t i = (size_t)row * width; i < ((size_t)row + 1) * width; i++)
            diff += ((double)logits[i] - expected[i]) * ((double)logits[i] - expected[i]);
        double error = sqrt(diff / (norm / n));
        if (!(error <= worst)) {
            worst = error;
            worst_row = row;
        }
    }
    print_message("%-28s relative L2 error %.1e, worst row %.1e (%d)\n", c->name, whole, worst, worst_row);
    free(expected);
    if (!(whole < 1e-5) || !(worst < 3e-5))
        fail_msg("%s: relative L2 error %g, row %d %g", c->name, whole, worst_row, worst);
}

/* Bits do not depend on how the tokens are cut, nor on whether they come as a prompt or one after the other. (A prompt
 * that is cut off before all of it is known is another prompt: it has to be beyond the length at which a rope turns to
 * other frequencies.) */
static void check_cuts(const model_case *c, bora_model *m, const int32_t *tokens, int32_t n, const float *whole)
{
    static const struct {
        int32_t chunk, more;
    } cuts[] = { { 1, 0 }, { 3, 0 }, { 16, 0 }, { 33, 0 }, { 0, 20 } };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        float *logits = logits_of(m, tokens, n - cuts[i].more, cuts[i].more, cuts[i].chunk);
        if (memcmp(logits, whole, (size_t)n * (size_t)bora_model_n_vocab(m) * sizeof *logits) != 0)
            fail_msg("%s: other bits in chunks of %d, then %d one by one", c->name, cuts[i].chunk, cuts[i].more);
        free(logits);
    }
}

typedef struct member {
    int32_t tokens[MAX_TOKENS], blocks[2], slot, n_first, n_more;
    float *alone; /* [n_first + n_more, n_vocab] */
} member;

/* Runs rows [n_past, n_past + n) of each sequence as one batch, and compares them with the sequence alone. */
static void check_batch(const model_case *c, bora_model *m, const member *members, bool first)
{
    int32_t tokens[N_SEQUENCES * MAX_TOKENS], outputs[N_SEQUENCES * MAX_TOKENS], n_tokens = 0;
    bora_sequence sequences[N_SEQUENCES];
    for (int i = 0; i < N_SEQUENCES; i++) {
        const member *s = &members[i];
        int32_t n_past = first ? 0 : s->n_first, n = first ? s->n_first : s->n_more;
        sequences[i] = (bora_sequence){ .first_row = n_tokens,
                                        .n_rows = n,
                                        .n_past = n_past,
                                        .prompt_tokens = n_past + n,
                                        .blocks = s->blocks,
                                        .slot = s->slot };
        memcpy(tokens + n_tokens, s->tokens + n_past, (size_t)n * sizeof *tokens);
        n_tokens += n;
    }
    for (int32_t i = 0; i < n_tokens; i++)
        outputs[i] = i;
    bora_batch batch = { .n_tokens = n_tokens,
                         .tokens = tokens,
                         .n_sequences = N_SEQUENCES,
                         .sequences = sequences,
                         .n_outputs = n_tokens,
                         .output_rows = outputs };
    float *logits = new_logits(m, n_tokens);
    bora_error err = { .code = BORA_OK };
    if (!model_run(m, &batch, logits, &err))
        fail_msg("%s: %s", c->name, err.message);
    size_t width = (size_t)bora_model_n_vocab(m);
    for (int i = 0; i < N_SEQUENCES; i++)
        if (memcmp(logits + (size_t)sequences[i].first_row * width,
                   members[i].alone + (size_t)sequences[i].n_past * width,
                   (size_t)sequences[i].n_rows * width * sizeof *logits) != 0)
            fail_msg("%s: sequence %d has other bits in a batch than alone, after %d tokens", c->name, i,
                     sequences[i].n_past);
    free(logits);
}

/* Four sequences of unequal lengths at once, blocks of the cache interleaved; then some rows more of each. */
static void check_batches(const model_case *c, bora_model *m, const int32_t *tokens, int32_t n)
{
    static const int32_t n_first[N_SEQUENCES] = { 39, 17, 1, 30 }, n_more[N_SEQUENCES] = { 1, 1, 5, 3 };
    bora_error err = { .code = BORA_OK };
    member members[N_SEQUENCES];
    for (int i = 0; i < N_SEQUENCES; i++) {
        member *s = &members[i];
        s->n_first = n_first[i];
        s->n_more = n_more[i];
        assert_true(s->n_first + s->n_more <= n);
        for (int32_t j = 0; j < n; j++)
            s->tokens[j] = tokens[(j * (i + 1) + 3 * i) % n];
        bora_session *session = bora_session_new(m, NULL);
        assert_non_null(session);
        s->alone = new_logits(m, s->n_first + s->n_more);
        eval(session, s->tokens, s->n_first, 0, s->alone);
        eval(session, s->tokens + s->n_first, s->n_more, 0,
             s->alone + (size_t)s->n_first * (size_t)bora_model_n_vocab(m));
        bora_session_free(session);
    }
    for (int i = 0; i < N_SEQUENCES; i++)
        assert_true((members[i].slot = state_pool_take_slot(m, &err)) >= 0);
    for (int block = 0; block < 2; block++)
        for (int i = 0; i < N_SEQUENCES; i++)
            assert_true((members[i].blocks[block] = state_pool_take(m, &err)) >= 0);
    check_batch(c, m, members, true);
    check_batch(c, m, members, false);
    for (int i = 0; i < N_SEQUENCES; i++) {
        for (int block = 0; block < 2; block++)
            state_pool_give(m, members[i].blocks[block]);
        state_pool_give_slot(m, members[i].slot);
        free(members[i].alone);
    }
}

typedef struct said {
    int32_t tokens[MAX_TOKENS], n;
} said;

static bool hear(void *ctx, const bora_token *token)
{
    said *heard = ctx;
    heard->tokens[heard->n++] = token->id;
    return true;
}

static void check_greedy(const model_case *c, bora_model *m, const int32_t *tokens)
{
    int32_t expected[MAX_TOKENS];
    assert_int_equal(read_ids(c->reference, "greedy.txt", expected), N_GREEDY);
    said heard = { .n = 0 };
    bora_request r = { .prompt = tokens,
                       .n_prompt = N_FIRST,
                       .max_tokens = N_GREEDY,
                       .sampling = bora_sampling_defaults(),
                       .ignore_stop_tokens = true,
                       .on_token = hear,
                       .ctx = &heard };
    r.sampling.temperature = 0;
    bora_answer answer;
    bora_error err = { .code = BORA_OK };
    bora_session *s = bora_session_new(m, NULL);
    assert_non_null(s);
    if (!bora_generate(s, &r, &answer, &err))
        fail_msg("%s: %s", c->name, err.message);
    bora_session_free(s);
    assert_int_equal(heard.n, N_GREEDY);
    for (int i = 0; i < N_GREEDY; i++)
        if (heard.tokens[i] != expected[i])
            fail_msg("%s: greedy token %d is %d, not %d", c->name, i, heard.tokens[i], expected[i]);
}

static void agrees_with_transformers(void **state)
{
    const model_case *c = *state;
    int32_t tokens[MAX_TOKENS], n = read_tokens(c->reference, tokens);
    bora_error err = { .code = BORA_OK };
    bora_model *m = load_case(c, &err);
    if (!m)
        fail_msg("%s: %s", c->name, err.message);
    float *whole = logits_of(m, tokens, n, 0, 0);
    check_reference(c, m, whole, n);
    check_cuts(c, m, tokens, n, whole);
    check_batches(c, m, tokens, n);
    check_greedy(c, m, tokens);
    free(whole);
    bora_model_free(m);
}

static bool is_there(const char *name, const char *file)
{
    char path[600];
    struct stat st;
    snprintf(path, sizeof path, "%s%s", fixture(name), file);
    return stat(path, &st) == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const model_case *)a)->name, ((const model_case *)b)->name);
}

/* All that is there: a fixture cannot be forgotten in a list. */
static size_t find_cases(model_case cases[MAX_CASES])
{
    size_t n = 0;
    DIR *folder = opendir(fixture(""));
    for (struct dirent *e; folder && (e = readdir(folder)) && n + 3 <= MAX_CASES;) {
        char name[48];
        if (e->d_name[0] == '.' || strlen(e->d_name) >= sizeof name)
            continue;
        strcpy(name, e->d_name);
        if (!is_there(name, "/greedy.txt"))
            continue;
        const char *const forms[][2] = { { "", "config.json" }, { " as published", "published.json" }, { ".gguf" } };
        for (size_t i = 0; i < 3; i++) {
            char file[64];
            snprintf(file, sizeof file, "%s%s", forms[i][1] ? "/" : "", forms[i][1] ? forms[i][1] : ".gguf");
            if (!is_there(name, file))
                continue;
            model_case *c = &cases[n++];
            c->config = forms[i][1];
            snprintf(c->name, sizeof c->name, "%s%s", name, forms[i][0]);
            strcpy(c->reference, name);
        }
    }
    if (folder)
        closedir(folder);
    qsort(cases, n, sizeof *cases, by_name);
    return n;
}

int main(void)
{
    static model_case cases[MAX_CASES];
    static struct CMUnitTest tests[MAX_CASES];
    size_t n = find_cases(cases);
    if (n == 0) {
        fprintf(stderr, "no models in %s\n", fixture(""));
        return 1;
    }
    for (size_t i = 0; i < n; i++)
        tests[i] = (struct CMUnitTest){ .name = cases[i].name,
                                        .test_func = agrees_with_transformers,
                                        .initial_state = &cases[i] };
    return _cmocka_run_group_tests("architectures", tests, n, open_runtime, close_runtime);
}
