/* A model with experts from its files to its logits: the block that architectures build, placement and packing of
 * stacked weights, devices, and GGUF's names. The architecture, the format and its kernel are made here. */
#include "cpu_cut.h"

#include <unistd.h>

#include <bora/engine.h>

#include "model/model.h"

enum { VOCAB = 11, HIDDEN = 8, FF = 7, EXPERTS = 5, USED = 2, TOKENS = 23 };

static const bora_route_attrs routing = {
    .n_used = USED, .scoring = BORA_ROUTE_SIGMOID, .normalize = true, .eps = 1e-20F, .scale = 1.5F
};

static bora_node *build(const bora_arch *self, bora_graph *g)
{
    (void)self;
    bora_node *x = bora_embed(g, "model.embed_tokens");
    bora_scope(g, "model.layers.%d", 0);
    bora_node *routes = bora_route(g, bora_linear(g, x, "mlp.gate"), "mlp.gate.e_score_correction_bias", &routing);
    x = bora_add(g, x, bora_expert_mlp(g, x, routes, "mlp.experts", BORA_SILU));
    bora_scope_end(g);
    return bora_head(g, bora_outputs(g, x), "lm_head", "model.embed_tokens", true);
}

static const bora_arch arch = { .name = "experts",
                                .architectures = (const char *const[]){ "ExpertsForTest", NULL },
                                .build = build };
static const bora_kernel small_linear = { "linear", "cpu", "small", .tile = &small_tile };
static const bora_plugin test_plugin = { BORA_PLUGIN_ABI,
                                         .name = "experts-test",
                                         .version = "1",
                                         .archs = (const bora_arch *const[]){ &arch, NULL },
                                         .quants = (const bora_quant *const[]){ &small, NULL },
                                         .kernels = (const bora_kernel *const[]){ &small_linear, NULL } };

/* ---- the checkpoint ---- */

enum { EMBED, ROUTER, BIAS, GATE, UP, GATE_BIAS, DOWN, N_TENSORS };

static const struct {
    const char *name;
    int n_dims;
    int shape[3];
} tensors[N_TENSORS] = {
    [EMBED] = { "model.embed_tokens.weight", 2, { VOCAB, HIDDEN } },
    [ROUTER] = { "model.layers.0.mlp.gate.weight", 2, { EXPERTS, HIDDEN } },
    [BIAS] = { "model.layers.0.mlp.gate.e_score_correction_bias", 1, { EXPERTS } },
    [GATE] = { "model.layers.0.mlp.experts.gate_proj", 3, { EXPERTS, FF, HIDDEN } },
    [UP] = { "model.layers.0.mlp.experts.up_proj", 3, { EXPERTS, FF, HIDDEN } },
    [GATE_BIAS] = { "model.layers.0.mlp.experts.gate_proj.bias", 2, { EXPERTS, FF } },
    [DOWN] = { "model.layers.0.mlp.experts.down_proj", 3, { EXPERTS, HIDDEN, FF } },
};

static bora_runtime *runtime;
static char folder[64];
static float *data[N_TENSORS];

static size_t count(int tensor)
{
    size_t n = 1;
    for (int d = 0; d < tensors[tensor].n_dims; d++)
        n *= (size_t)tensors[tensor].shape[d];
    return n;
}

static FILE *create(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    return f;
}

static void write_checkpoint(void)
{
    FILE *f = create("config.json");
    fprintf(f, "{\"architectures\": [\"ExpertsForTest\"], \"max_position_embeddings\": 64, \"vocab_size\": %d}", VOCAB);
    fclose(f);
    char header[4096] = "{";
    size_t at = 0;
    for (int i = 0; i < N_TENSORS; i++) {
        data[i] = random_floats(count(i), 90 + (uint32_t)i);
        for (size_t k = 0; k < count(i); k++)
            data[i][k] *= i == EMBED ? 0.5F : 0.25F;
        size_t bytes = count(i) * sizeof(float), used = strlen(header);
        int n = snprintf(header + used, sizeof header - used, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", i ? "," : "",
                         tensors[i].name);
        for (int d = 0; d < tensors[i].n_dims; d++)
            n += snprintf(header + used + n, sizeof header - used - (size_t)n, "%s%d", d ? "," : "",
                          tensors[i].shape[d]);
        snprintf(header + used + n, sizeof header - used - (size_t)n, "],\"data_offsets\":[%zu,%zu]}", at, at + bytes);
        at += bytes;
    }
    strcat(header, "}");
    while (strlen(header) % 8 != 0)
        strcat(header, " ");
    f = create("model.safetensors");
    uint64_t length = strlen(header);
    fwrite(&length, sizeof length, 1, f);
    fwrite(header, 1, length, f);
    for (int i = 0; i < N_TENSORS; i++)
        fwrite(data[i], sizeof(float), count(i), f);
    fclose(f);
}

static int open_all(void **state)
{
    static char plugins[512];
    const char *root = getenv("BORA_BUILD");
    snprintf(plugins, sizeof plugins, "%s/lib/bora/plugins", root ? root : "build");
    const char *const paths[] = { plugins, NULL };
    runtime = bora_runtime_new(&(bora_runtime_options){ .plugin_paths = paths, .no_default_plugins = true }, NULL);
    bora_error err = { .code = BORA_OK };
    if (!runtime || !registry_check(runtime, &test_plugin, &err) ||
        !registry_add(runtime, "experts-test", NULL, NULL, &test_plugin, &err))
        return -1;
    strcpy(folder, "/tmp/bora-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    write_checkpoint();
    return load_cpu(state);
}

static int close_all(void **state)
{
    (void)state;
    char path[128];
    const char *const files[] = { "config.json", "model.safetensors" };
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        remove(path);
    }
    rmdir(folder);
    for (int i = 0; i < N_TENSORS; i++)
        free(data[i]);
    bora_runtime_free(runtime);
    return 0;
}

/* ---- the same in double ---- */

static double product(const float *row, const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)row[i] * x[i];
    return sum;
}

static void expected_logits(int32_t token, double logits[VOCAB])
{
    double x[HIDDEN], y[HIDDEN], scores[EXPERTS], total = 0;
    int chosen[USED];
    bool taken[EXPERTS] = { false };
    for (int i = 0; i < HIDDEN; i++)
        y[i] = x[i] = (double)data[EMBED][token * HIDDEN + i];
    for (int e = 0; e < EXPERTS; e++)
        scores[e] = 1 / (1 + exp(-product(data[ROUTER] + e * HIDDEN, x, HIDDEN)));
    for (int s = 0; s < USED; s++) {
        int best = -1;
        for (int e = 0; e < EXPERTS; e++)
            if (!taken[e] && (best < 0 || scores[e] + (double)data[BIAS][e] > scores[best] + (double)data[BIAS][best]))
                best = e;
        taken[chosen[s] = best] = true;
        total += scores[best];
    }
    for (int s = 0; s < USED; s++) {
        int e = chosen[s];
        double h[FF];
        for (int f = 0; f < FF; f++) {
            int row = e * FF + f;
            double gate = product(data[GATE] + row * HIDDEN, x, HIDDEN) + (double)data[GATE_BIAS][row];
            h[f] = gate / (1 + exp(-gate)) * product(data[UP] + row * HIDDEN, x, HIDDEN);
        }
        for (int i = 0; i < HIDDEN; i++)
            y[i] += 1.5 * scores[e] / total * product(data[DOWN] + (e * HIDDEN + i) * FF, h, FF);
    }
    for (int v = 0; v < VOCAB; v++)
        logits[v] = product(data[EMBED] + v * HIDDEN, y, HIDDEN);
}

/* ---- tests ---- */

/* Loads the model with these settings, pairs of name and value. */
static bora_model *load(const char *const *pairs)
{
    bora_error err = { .code = BORA_OK };
    bora_settings *s = bora_settings_new();
    assert_non_null(s);
    assert_true(bora_settings_set(s, "model-id", folder, NULL, &err));
    for (; *pairs; pairs += 2)
        assert_true(bora_settings_set(s, pairs[0], pairs[1], NULL, &err));
    bora_model *m = bora_model_load(runtime, s, &err);
    if (!m)
        fail_msg("%s", err.message);
    bora_settings_free(s);
    return m;
}

static void eval(bora_model *m, int32_t chunk, float *logits)
{
    int32_t tokens[TOKENS];
    for (int32_t t = 0; t < TOKENS; t++)
        tokens[t] = t * 7 % VOCAB;
    bora_error err = { .code = BORA_OK };
    bora_session *s = bora_session_new(m, &err);
    if (!s || !bora_session_eval(s, tokens, TOKENS, chunk, true, logits, &err))
        fail_msg("%s", err.message);
    bora_session_free(s);
}

/* The logits of all tokens, which no cut may change; returns their distance from the formulas. */
static double check(const char *const *settings)
{
    bora_model *m = load(settings);
    float logits[TOKENS * VOCAB], again[TOKENS * VOCAB];
    eval(m, 0, logits);
    bool is_cpu = true;
    for (; *settings; settings += 2)
        is_cpu = is_cpu && strcmp(settings[1], "openblas") != 0;
    for (int32_t chunk = 1; is_cpu && chunk < 9; chunk += 3) {
        eval(m, chunk, again);
        assert_same_bits(again, logits, TOKENS * VOCAB, "logits");
    }
    bora_model_free(m);
    double difference = 0, size = 0;
    for (int t = 0; t < TOKENS; t++) {
        double expected[VOCAB];
        expected_logits(t * 7 % VOCAB, expected);
        for (int v = 0; v < VOCAB; v++) {
            difference += pow((double)logits[t * VOCAB + v] - expected[v], 2);
            size += expected[v] * expected[v];
        }
    }
    return sqrt(difference / size);
}

static void logits_are_those_of_the_formulas(void **state)
{
    (void)state;
    assert_true(check((const char *const[]){ "device", "cpu", NULL }) < 1e-6);
    assert_true(check((const char *const[]){ "device", "cpu", "threads", "3", NULL }) < 1e-6);
    if (bora_runtime_backend(runtime, "openblas")) /* which has products of its own, and none for experts */
        assert_true(check((const char *const[]){ "device", "openblas", NULL }) < 1e-6);
}

static const placed_weight *placed(const bora_model *m, int tensor)
{
    for (int i = 0; i < m->n_weights; i++)
        if (strcmp(m->weights[i]->weight.name, tensors[tensor].name) == 0)
            return m->weights[i];
    fail_msg("no weight %s", tensors[tensor].name);
    return NULL;
}

/* --isq takes stacks for what they are, matrices: in its format and in the panels of its tile, of each expert its own.
 */
static void stacks_are_quantized_and_packed(void **state)
{
    (void)state;
    bora_model *m = load((const char *const[]){ "isq", "small", "device", "cpu", NULL });
    const int stacks[] = { GATE, UP, DOWN };
    for (int i = 0; i < 3; i++) {
        const placed_weight *w = placed(m, stacks[i]);
        size_t rows = (size_t)tensors[stacks[i]].shape[1], width = (size_t)tensors[stacks[i]].shape[2];
        assert_ptr_equal(w->weight.quant, &small);
        assert_ptr_equal(w->tile, &small_tile);
        assert_int_equal(w->owned_bytes, EXPERTS * ((rows + SMALL_PANEL - 1) / SMALL_PANEL) * SMALL_PANEL * width);
    }
    assert_null(placed(m, ROUTER)->weight.quant); /* a rounding there would be a wrong choice */
    assert_null(placed(m, BIAS)->weight.quant);
    assert_null(placed(m, GATE_BIAS)->weight.quant);
    bora_model_free(m);
    double error = check((const char *const[]){ "isq", "small", "device", "cpu", NULL });
    assert_true(error > 1e-6 && error < 0.1); /* numbers in steps of 1/64, and no experts mixed up */
}

/* Rows of 7 and 8 numbers: neither 32 nor 256 divides them, so these stay, and the log says so. */
static void rows_decide_what_fits(void **state)
{
    (void)state;
    bora_model *m = load((const char *const[]){ "isq", "q8_0", "device", "cpu", NULL });
    assert_null(placed(m, GATE)->weight.quant);
    assert_null(placed(m, DOWN)->weight.quant);
    bora_model_free(m);
}

static void gguf_names_of_experts(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        { "model.layers.3.mlp.gate.weight", "blk.3.ffn_gate_inp.weight" },
        { "model.layers.3.mlp.gate_proj.weight", "blk.3.ffn_gate.weight" },
        { "model.layers.3.mlp.gate.e_score_correction_bias", "blk.3.exp_probs_b.bias" },
        { "model.layers.3.mlp.experts.gate_proj.weight", "blk.3.ffn_gate_exps.weight" },
        { "model.layers.3.mlp.experts.down_proj.bias", "blk.3.ffn_down_exps.bias" },
        { "model.layers.3.mlp.shared_experts.up_proj.weight", "blk.3.ffn_up_shexp.weight" },
        { "model.layers.3.mlp.shared_expert.up_proj.weight", "blk.3.ffn_up_shexp.weight" },
        { "model.layers.3.mlp.shared_expert_gate.weight", "blk.3.ffn_gate_inp_shexp.weight" },
    };
    char stored[128];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_true(gguf_weight_name(&arch, pairs[i][0], stored, sizeof stored));
        assert_string_equal(stored, pairs[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_those_of_the_formulas),
        cmocka_unit_test(stacks_are_quantized_and_packed),
        cmocka_unit_test(rows_decide_what_fits),
        cmocka_unit_test(gguf_names_of_experts),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
