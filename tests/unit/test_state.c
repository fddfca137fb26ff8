/* What sessions keep: blocks of tokens, and slots that begin at zero, are never shared, and survive the growing of the
 * pool, on a device with memory of its own as well; how much of it there may be; and sessions that begin again where a
 * recurrent state cannot go back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <bora/arch.h>
#include <bora/engine.h>

#include "engine/session.h"
#include "model/model.h"
#include "plugin/runtime.h"

enum { VOCAB = 4, WIDTH = 4, BAD_TOKEN = 0 };

/* ---- a model: the logits are the sums of all embeddings so far ---- */

static const bora_quant floats = { .name = "floats",
                                   .stored_as = (const char *const[]){ "safetensors:F32", NULL },
                                   .plain = true,
                                   .block_elems = 1,
                                   .block_bytes = 4 };

static bool sum_shape(bora_call *call, bora_error *err)
{
    (void)err;
    call->output = call->inputs[0];
    return true;
}

static void sum_state(const bora_call *call, bora_state_spec *spec)
{
    spec->sequence_bytes = (size_t)call->inputs[0].width * sizeof(float);
    spec->token_bytes = sizeof(float);
}

/* The first number of each token is kept as well. */
static float *kept(const bora_call *call, const bora_sequence *seq, int32_t position, uintptr_t far)
{
    int32_t block_tokens = call->state->block_tokens;
    float *blocks = (float *)((uintptr_t)call->state->blocks - far);
    return blocks + (size_t)seq->blocks[position / block_tokens] * (size_t)block_tokens + position % block_tokens;
}

/* Fails at the row of BAD_TOKEN, after it took in the rows before it. `far` is what stands between
 * a device's pointers and the process's. */
static bool sum_rows(const bora_call *call, uintptr_t far, bora_error *err)
{
    for (int32_t s = 0; s < call->batch->n_sequences; s++) {
        const bora_sequence *seq = &call->batch->sequences[s];
        char *states = (char *)((uintptr_t)call->state->sequences - far);
        float *sum = (float *)(void *)(states + (size_t)seq->slot * call->state->spec.sequence_bytes);
        const float *x = (const float *)((uintptr_t)call->inputs[0].data - far);
        float *out = (float *)((uintptr_t)call->output.data - far);
        float so_far = 0;
        for (int32_t p = 0; p < seq->n_past; p++)
            so_far += *kept(call, seq, p, far);
        if (so_far != (seq->n_past ? sum[0] : 0))
            return bora_fail(err, BORA_INTERNAL, "tokens and their sum differ");
        for (int64_t r = seq->first_row; r < seq->first_row + seq->n_rows; r++) {
            *kept(call, seq, seq->n_past + (int32_t)(r - seq->first_row), far) = x[r * WIDTH];
            if (x[r * WIDTH] < 0)
                return bora_fail(err, BORA_INTERNAL, "a bad token");
            for (int64_t i = 0; i < WIDTH; i++)
                out[r * WIDTH + i] = sum[i] += x[r * WIDTH + i];
        }
    }
    return true;
}

static bool sum_reference(const bora_call *call, bora_error *err)
{
    return sum_rows(call, 0, err);
}

static const bora_op sum = {
    .name = "running_sum", .shape = sum_shape, .reference = sum_reference, .state = sum_state
};

static bora_node *build(const bora_arch *self, bora_graph *g)
{
    (void)self;
    bora_node *x = bora_embed(g, "embed");
    return bora_outputs(g, bora_op_node(g, "running_sum", (bora_node *const[]){ x, NULL }, NULL, NULL, 0));
}

static const bora_arch arch = { .name = "sums",
                                .architectures = (const char *const[]){ "Sums", NULL },
                                .build = build };

/* ---- a device with memory of its own, whose pointers are moved far away ---- */

static const uintptr_t far_away = (uintptr_t)1 << 62;

static void *far_alloc(bora_device *d, size_t bytes, bora_error *err)
{
    (void)d;
    void *p = malloc(bytes);
    if (p)
        memset(p, 0x55, bytes); /* nothing is zero by itself */
    else
        bora_fail_memory(err, "far memory");
    return p ? (void *)((uintptr_t)p + far_away) : NULL;
}

static void far_release(bora_device *d, void *memory)
{
    (void)d;
    free((void *)((uintptr_t)memory - far_away));
}

static bool far_upload(bora_device *d, void *to, const void *from, size_t bytes, bora_error *err)
{
    (void)d, (void)err;
    memcpy((void *)((uintptr_t)to - far_away), from, bytes);
    return true;
}

static bool far_download(bora_device *d, void *to, const void *from, size_t bytes, bora_error *err)
{
    (void)d, (void)err;
    memcpy(to, (const void *)((uintptr_t)from - far_away), bytes);
    return true;
}

static bool far_sum(bora_device *d, const bora_call *call, bora_error *err)
{
    (void)d;
    return sum_rows(call, far_away, err);
}

static const bora_backend faraway = {
    .name = "faraway", .alloc = far_alloc, .release = far_release, .upload = far_upload, .download = far_download
};
static const bora_kernel far_kernel = { "running_sum", "faraway", NULL, .run = far_sum };
static const bora_backend plain = { .name = "plain" };
static const bora_plugin plugin = { BORA_PLUGIN_ABI,
                                    .name = "sums",
                                    .version = "1",
                                    .archs = (const bora_arch *const[]){ &arch, NULL },
                                    .quants = (const bora_quant *const[]){ &floats, NULL },
                                    .backends = (const bora_backend *const[]){ &plain, &faraway, NULL },
                                    .ops = (const bora_op *const[]){ &sum, NULL },
                                    .kernels = (const bora_kernel *const[]){ &far_kernel, NULL } };

/* ---- the tests ---- */

static bora_runtime *runtime;
static char folder[64];

static void write_file(const char *name, const void *data, size_t len)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

/* Row t of the embedding is t, 10 t, 100 t, 1000 t; that of BAD_TOKEN is below zero. */
static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/bora-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    static const char config[] = "{\"architectures\": [\"Sums\"], \"max_position_embeddings\": 4096}";
    write_file("config.json", config, strlen(config));
    char header[128], file[512];
    int n = snprintf(header, sizeof header,
                     "{\"embed.weight\": {\"dtype\": \"F32\", \"shape\": [%d, %d], \"data_offsets\": [0, %d]}}", VOCAB,
                     WIDTH, VOCAB * WIDTH * 4);
    float rows[VOCAB][WIDTH];
    for (int t = 0; t < VOCAB; t++)
        for (int i = 0, scale = 1; i < WIDTH; i++, scale *= 10)
            rows[t][i] = t == BAD_TOKEN ? -1 : (float)(t * scale);
    uint64_t len = (uint64_t)n;
    memcpy(file, &len, 8);
    memcpy(file + 8, header, (size_t)n);
    memcpy(file + 8 + n, rows, sizeof rows);
    write_file("model.safetensors", file, 8 + (size_t)n + sizeof rows);
    runtime = bora_runtime_new(&(bora_runtime_options){ .no_default_plugins = true }, NULL);
    return runtime && registry_add(runtime, "(test)", NULL, NULL, &plugin, NULL) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    bora_runtime_free(runtime);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* With one more setting, if `name` is not NULL. */
static bora_model *try_load(const char *device, const char *name, const char *value, bora_error *err)
{
    bora_settings *s = bora_settings_new();
    assert_true(bora_settings_set(s, "model-id", folder, NULL, NULL));
    assert_true(bora_settings_set(s, "device", device, NULL, NULL));
    assert_true(!name || bora_settings_set(s, name, value, NULL, NULL));
    bora_model *m = bora_model_load(runtime, s, err);
    bora_settings_free(s);
    return m;
}

static bora_model *load_with(const char *device, const char *name, const char *value)
{
    bora_error err = { .code = BORA_OK };
    bora_model *m = try_load(device, name, value, &err);
    if (!m)
        fail_msg("%s", err.message);
    assert_true(m->states.recurrent);
    return m;
}

static bora_model *load(const char *device)
{
    return load_with(device, NULL, NULL);
}

/* Reads n times the token and expects the sum of all so far. */
static void read_tokens(bora_session *s, int32_t token, int32_t n, int32_t expected)
{
    bora_error err = { .code = BORA_OK };
    int32_t tokens[1024];
    float logits[WIDTH];
    for (int32_t i = 0; i < n; i++)
        tokens[i] = token;
    if (!bora_session_eval(s, tokens, n, 0, false, logits, &err))
        fail_msg("%s", err.message);
    for (int i = 0, scale = 1; i < WIDTH; i++, scale *= 10)
        assert_int_equal((int)logits[i], expected * scale);
}

static const char *const devices[] = { "plain", "faraway" };

static void sequences_keep_their_own(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        bora_model *m = load(devices[d]);
        bora_session *s[9];
        for (int round = 0; round < 2; round++) { /* the second round gets used slots */
            for (int i = 0; i < 9; i++) {
                s[i] = bora_session_new(m, NULL);
                assert_non_null(s[i]);
                read_tokens(s[i], 1, i + 1, i + 1);
                if (i % 4 == 3) { /* between the growing of the pool */
                    read_tokens(s[0], 2, 1, 3 + 2 * (i / 4));
                    read_tokens(s[i - 1], 3, 2, i + 6);
                }
            }
            for (int i = 0; i < 9; i++)
                bora_session_free(s[i]);
        }
        assert_int_equal(m->states.slots.n, 9);
        assert_int_equal(m->states.slots.n_free, 9);
        bora_model_free(m);
    }
}

static void a_session_begins_again_instead_of_going_back(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        bora_model *m = load(devices[d]);
        bora_session *s = bora_session_new(m, NULL);
        read_tokens(s, 1, 5, 5);
        assert_true(bora_session_truncate(s, 5, NULL)); /* nothing to forget */
        assert_int_equal(bora_session_length(s), 5);
        read_tokens(s, 1, 1, 6);
        assert_true(bora_session_truncate(s, 3, NULL));
        assert_int_equal(bora_session_length(s), 0);
        read_tokens(s, 2, 2, 4);
        bora_session_free(s);
        bora_model_free(m);
    }
}

static void a_failed_run_spoils_the_session(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        bora_model *m = load(devices[d]);
        bora_session *s = bora_session_new(m, NULL), *other = bora_session_new(m, NULL);
        bora_error err = { .code = BORA_OK };
        read_tokens(s, 1, 5, 5);
        read_tokens(other, 2, 3, 6);
        static const int32_t bad[] = { 3, 3, BAD_TOKEN };
        for (int32_t chunk = 0; chunk <= 1; chunk++) {
            bora_error_clear(&err);
            assert_false(bora_session_eval(s, bad, 3, chunk, false, NULL, &err));
            assert_non_null(strstr(err.message, "a bad token"));
            assert_int_equal(bora_session_length(s), 0);
            read_tokens(s, 1, 2, 2);
        }
        read_tokens(other, 1, 1, 7);
        /* What is refused before anything ran spoils nothing. */
        static const int32_t unknown[] = { 1, VOCAB };
        bora_error_clear(&err);
        assert_false(bora_session_eval(s, unknown, 2, 0, false, NULL, &err));
        assert_int_equal(bora_session_length(s), 2);
        read_tokens(s, 1, 1, 3);
        bora_session_free(s);
        bora_session_free(other);
        bora_model_free(m);
    }
}

typedef struct told {
    int32_t tokens[32], n;
} told;

static bool hear(void *ctx, const bora_token *token)
{
    told *t = ctx;
    t->tokens[t->n++] = token->id;
    return true;
}

/* A prompt that goes on where the session is costs only what is new; another one is read from its beginning. */
static void prompts_are_read_on_or_again(void **state)
{
    (void)state;
    bora_model *m = load("plain");
    bora_session *s = bora_session_new(m, NULL);
    int32_t prompt[16] = { 1, 2, 3 };
    told heard = { .n = 0 };
    bora_request r = { .prompt = prompt,
                       .n_prompt = 3,
                       .max_tokens = 4,
                       .sampling = bora_sampling_defaults(),
                       .ignore_stop_tokens = true,
                       .on_token = hear,
                       .ctx = &heard };
    r.sampling.temperature = 0;
    bora_answer answer;
    assert_true(bora_generate(s, &r, &answer, NULL));
    assert_int_equal(answer.n_cached, 0);
    told first = heard;
    assert_int_equal(first.n, 4);
    assert_int_equal(bora_session_length(s), 6);

    heard.n = 0; /* the same: it would have to go back */
    assert_true(bora_generate(s, &r, &answer, NULL));
    assert_int_equal(answer.n_cached, 0);
    assert_memory_equal(&heard, &first, sizeof heard);

    memcpy(prompt + 3, first.tokens, 4 * sizeof *prompt); /* the conversation goes on */
    prompt[7] = 2;
    r.n_prompt = 8;
    heard.n = 0;
    assert_true(bora_generate(s, &r, &answer, NULL));
    assert_int_equal(answer.n_cached, 6);
    bora_session_free(s);
    bora_model_free(m);
}

/* A token takes 4 bytes, and the context is 4096 of them. */
static void there_are_as_many_blocks_as_settings_say(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        int32_t n_blocks, context;
    } cases[] = {
        { "max-seqs", "3", 3 * 128, 4096 },       { "pa-context-len", "100", 4, 128 },
        { "pa-context-len", "1", 1, 32 },         { "pa-memory-mb", "1", 8192, 4096 },
        { "pa-block-size", "8", 32 * 512, 4096 }, { "pa-block-size", "200", 32 * 21, 4096 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int d = 0; d < 2; d++) {
            bora_model *m = load_with(devices[d], cases[i].name, cases[i].value);
            assert_int_equal(m->states.max_blocks, cases[i].n_blocks);
            assert_int_equal(block_cache_stats_get(m->states.blocks).n_blocks, cases[i].n_blocks);
            assert_int_equal(bora_model_context_length(m), cases[i].context);
            assert_true(m->states.share);
            bora_session *s = bora_session_new(m, NULL);
            read_tokens(s, 1, 20, 20);
            read_tokens(s, 2, 12, 44);
            bora_session_free(s);
            bora_model_free(m);
        }
    bora_model *m = load_with("plain", "pa-memory-fraction", "0.5");
    assert_true(m->states.max_blocks > 1 << 10);
    assert_int_equal(bora_model_context_length(m), 4096);
    bora_model_free(m);
    static const char *const unshared[][2] = { { "paged-attn", "off" }, { "prefix-cache-n", "0" } };
    for (int i = 0; i < 2; i++) {
        m = load_with("plain", unshared[i][0], unshared[i][1]);
        assert_false(m->states.share);
        bora_model_free(m);
    }
    bora_error err = { .code = BORA_OK };
    assert_null(try_load("plain", "pa-block-size", "12", &err));
    assert_int_equal(err.code, BORA_USAGE);
    bora_error_clear(&err);
    assert_null(try_load("plain", "pa-memory-fraction", "0", &err));
    assert_int_equal(err.code, BORA_LIMIT);
}

static void a_full_cache_is_said(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        bora_model *m = load_with(devices[d], "pa-context-len", "300"); /* 10 blocks */
        bora_session *s = bora_session_new(m, NULL), *other = bora_session_new(m, NULL);
        bora_error err = { .code = BORA_OK };
        static const int32_t ones[64] = { [0 ... 63] = 1 };
        read_tokens(s, 1, 270, 270);
        read_tokens(other, 1, 32, 32);
        assert_false(bora_session_eval(other, ones, 1, 0, false, NULL, &err));
        assert_int_equal(err.code, BORA_LIMIT);
        read_tokens(s, 1, 18, 288);
        bora_session_free(s);
        read_tokens(other, 1, 64, bora_session_length(other) + 64);
        bora_session_free(other);
        assert_int_equal(block_cache_available(m->states.blocks), 10);
        bora_model_free(m);
    }
}

/* What a scheduler does: a state is saved at the end of a published block, and another sequence begins with it. */
static void a_sequence_goes_on_from_a_snapshot(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    for (int d = 0; d < 2; d++) {
        bora_model *m = load_with(devices[d], "max-seqs", "2");
        block_cache *blocks = m->states.blocks;
        assert_int_equal(m->states.n_snapshots, 8);
        bora_session *s = bora_session_new(m, NULL), *others[6];
        read_tokens(s, 1, 32, 32);
        int32_t tokens[32];
        memcpy(tokens, s->tokens, sizeof tokens);
        assert_int_equal(block_cache_publish(blocks, s->blocks[0], -1, tokens), s->blocks[0]);
        int32_t snapshot = block_cache_add_snapshot(blocks, s->blocks[0]);
        assert_true(snapshot >= 0);
        assert_true(state_pool_save(m, s->slot, snapshot, &err));
        read_tokens(s, 2, 3, 38);
        for (int i = 0; i < 6; i++) { /* the pool grows */
            others[i] = bora_session_new(m, NULL);
            read_tokens(others[i], 3, 2, 6);
        }
        /* A new one, with the block and the state. */
        bora_session *again = bora_session_new(m, NULL);
        again->tokens = malloc(sizeof tokens);
        again->blocks = malloc(sizeof *again->blocks);
        assert_true(again->tokens && again->blocks);
        again->cap_tokens = again->length = 32;
        memcpy(again->tokens, tokens, sizeof tokens);
        again->cap_blocks = again->n_blocks = 1;
        again->blocks[0] = block_cache_find(blocks, -1, tokens);
        assert_int_equal(again->blocks[0], s->blocks[0]);
        again->slot = state_pool_take_slot(m, &err);
        assert_true(again->slot >= 0 && state_pool_restore(m, snapshot, again->slot, &err));
        read_tokens(again, 3, 1, 35);
        read_tokens(s, 1, 1, 39);
        bora_session_free(again);
        bora_session_free(s);
        for (int i = 0; i < 6; i++)
            bora_session_free(others[i]);
        bora_model_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_keep_their_own),
        cmocka_unit_test(a_session_begins_again_instead_of_going_back),
        cmocka_unit_test(a_failed_run_spoils_the_session),
        cmocka_unit_test(prompts_are_read_on_or_again),
        cmocka_unit_test(there_are_as_many_blocks_as_settings_say),
        cmocka_unit_test(a_full_cache_is_said),
        cmocka_unit_test(a_sequence_goes_on_from_a_snapshot),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
