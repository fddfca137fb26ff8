/* Attention of backend "cpu": right against a softmax in double over all positions, and the same bits whether a
 * sequence comes whole, token by token, in chunks among others, on any number of threads, wherever its blocks lie and
 * however long they are; with caches in every format. */
#include "backend.h"
#include "graph/ops/ops.h"

#include <math.h>

static const bora_plugin *cpu, *ggml;

enum { N_SEQUENCES = 3, SLOTS = 96 };
static const int32_t short_ones[N_SEQUENCES] = { 37, 1, 20 };
static const int32_t *lengths = short_ones;

typedef struct setup {
    bora_attention_attrs attrs;
    int32_t block_tokens;
    bool sinks;
    bool latent;             /* no v: values are the beginnings of keys */
    const bora_quant *quant; /* of the cache; NULL: floats */
    /* For all sequences, one after the other: */
    float *q, *k, *v, *sink;
    float *seen_k, *seen_v; /* as they are in the cache */
    size_t q_width, k_width, v_width, out_width, n_rows;
} setup;

static const bora_quant *format(const char *name)
{
    for (const bora_quant *const *q = ggml->quants; *q; q++)
        if (strcmp((*q)->name, name) == 0)
            return *q;
    fail_msg("no format %s", name);
    return NULL;
}

static size_t first_row(int sequence)
{
    size_t row = 0;
    for (int s = 0; s < sequence; s++)
        row += (size_t)lengths[s];
    return row;
}

/* What becomes of rows of `dim` numbers in a cache: the caller frees it. */
static float *through_cache(const bora_quant *quant, const float *x, size_t n, size_t dim)
{
    float *out = blank_floats(n);
    if (!quant) {
        memcpy(out, x, n * sizeof *out);
        return out;
    }
    size_t unit = (size_t)quant->block_elems, whole = (dim + unit - 1) / unit * unit;
    float *row = calloc(whole, sizeof *row);
    void *packed = malloc(bora_cache_row_bytes(quant, (int64_t)dim));
    assert_non_null(row);
    assert_non_null(packed);
    for (size_t i = 0; i < n; i += dim) {
        memset(row, 0, whole * sizeof *row);
        memcpy(row, x + i, dim * sizeof *row);
        quant->quantize(row, NULL, packed, whole);
        quant->dequantize(packed, row, whole);
        memcpy(out + i, row, dim * sizeof *row);
    }
    free(packed);
    free(row);
    return out;
}

static void fill(setup *s)
{
    const bora_attention_attrs *a = &s->attrs;
    s->n_rows = first_row(N_SEQUENCES);
    s->q_width = (size_t)(a->n_heads * a->head_dim);
    s->k_width = (size_t)(a->n_kv_heads * a->head_dim);
    s->v_width = s->latent ? 0 : (size_t)(a->n_kv_heads * bora_attention_value_dim(a));
    s->out_width = (size_t)(a->n_heads * bora_attention_value_dim(a));
    s->q = random_floats(s->n_rows * s->q_width, 1);
    s->k = random_floats(s->n_rows * s->k_width, 2);
    s->v = random_floats(s->n_rows * s->v_width, 3);
    s->sink = random_floats((size_t)a->n_heads, 4);
    s->seen_k = through_cache(s->quant, s->k, s->n_rows * s->k_width, (size_t)a->head_dim);
    s->seen_v = through_cache(s->quant, s->v, s->n_rows * s->v_width, (size_t)bora_attention_value_dim(a));
}

static void empty(setup *s)
{
    free(s->q);
    free(s->k);
    free(s->v);
    free(s->sink);
    free(s->seen_k);
    free(s->seen_v);
}

/* The definition: a softmax over every position that the query sees. */
static void check_row(const setup *s, int sequence, int32_t position, const float *out)
{
    const bora_attention_attrs *a = &s->attrs;
    size_t base = first_row(sequence), v_dim = (size_t)bora_attention_value_dim(a), k_dim = (size_t)a->head_dim;
    int32_t first = a->window && position + 1 > a->window ? position + 1 - a->window : 0;
    double scale = a->scale != 0 ? (double)a->scale : 1 / sqrt((double)a->head_dim);
    const float *values = s->latent ? s->seen_k : s->seen_v;
    double *weight = malloc((size_t)(position + 1) * sizeof *weight);
    assert_non_null(weight);
    size_t row = s->latent ? s->k_width : s->v_width, of_head = s->latent ? k_dim : v_dim;
    for (size_t h = 0; h < (size_t)a->n_heads; h++) {
        size_t kv = h / (size_t)(a->n_heads / a->n_kv_heads);
        double total = s->sinks ? exp((double)s->sink[h]) : 0;
        for (int32_t p = first; p <= position; p++) {
            double score = 0;
            for (size_t i = 0; i < k_dim; i++)
                score += (double)s->q[(base + (size_t)position) * s->q_width + h * k_dim + i] *
                         (double)s->seen_k[(base + (size_t)p) * s->k_width + kv * k_dim + i];
            score *= scale;
            if (a->softcap > 0)
                score = (double)a->softcap * tanh(score / (double)a->softcap);
            total += weight[p] = exp(score);
        }
        for (size_t d = 0; d < v_dim; d++) {
            double sum = 0;
            for (int32_t p = first; p <= position; p++)
                sum += weight[p] / total * (double)values[(base + (size_t)p) * row + kv * of_head + d];
            assert_near((double)out[h * v_dim + d], sum, 3e-6, "attention");
        }
    }
    free(weight);
}

/* How much of each sequence a batch takes: all, or so many rows in turn. */
typedef struct plan {
    int32_t chunk[N_SEQUENCES];
    bool together; /* all sequences in one batch; else one batch each */
    int n_threads;
    uint32_t seed;  /* of the block tables */
    bool reference; /* the operation's own, not the kernel */
} plan;

static void place_blocks(const setup *s, uint32_t seed, int32_t tables[N_SEQUENCES][SLOTS])
{
    int32_t order[N_SEQUENCES * SLOTS];
    for (int32_t i = 0; i < N_SEQUENCES * SLOTS; i++)
        order[i] = i;
    for (uint32_t i = N_SEQUENCES * SLOTS - 1; seed && i > 0; i--) {
        uint32_t other = (next_random(&seed) >> 8) % (i + 1);
        int32_t swap = order[i];
        order[i] = order[other];
        order[other] = swap;
    }
    for (int q = 0; q < N_SEQUENCES; q++)
        for (int32_t b = 0; b < SLOTS; b++)
            tables[q][b] = b * s->block_tokens < lengths[q] ? order[q * SLOTS + b] : -1;
}

/* Runs one batch: rows done[q] … done[q]+take[q]-1 of each sequence, packed one after the other. */
static void run_batch(const setup *s, bora_device *device, const bora_state *state, int32_t tables[][SLOTS],
                      bool reference, const int32_t *done, const int32_t *take, float *out)
{
    bora_sequence sequences[N_SEQUENCES];
    int32_t n = 0, n_sequences = 0;
    for (int i = 0; i < N_SEQUENCES; i++)
        n += take[i];
    float *q = blank_floats((size_t)n * s->q_width), *k = blank_floats((size_t)n * s->k_width);
    float *v = blank_floats((size_t)n * s->v_width), *result = blank_floats((size_t)n * s->out_width);
    n = 0;
    for (int i = 0; i < N_SEQUENCES; i++) {
        size_t from = first_row(i) + (size_t)done[i], to = (size_t)n, rows = (size_t)take[i];
        memcpy(q + to * s->q_width, s->q + from * s->q_width, rows * s->q_width * sizeof *q);
        memcpy(k + to * s->k_width, s->k + from * s->k_width, rows * s->k_width * sizeof *k);
        memcpy(v + to * s->v_width, s->v + from * s->v_width, rows * s->v_width * sizeof *v);
        if (take[i] > 0)
            sequences[n_sequences++] = (bora_sequence){
                .first_row = n, .n_rows = take[i], .n_past = done[i], .prompt_tokens = lengths[i], .blocks = tables[i]
            };
        n += take[i];
    }
    bora_batch batch = { .n_tokens = n, .n_sequences = n_sequences, .sequences = sequences };
    bora_weight sinks = { "sinks", NULL, 1, { s->attrs.n_heads, 1, 1, 1 }, s->sink };
    bora_call call = {
        .node = "attention",
        .attrs = &s->attrs,
        .n_inputs = s->latent ? 2 : 3,
        .n_weights = s->sinks ? 1 : 0,
        .inputs = { { q, n, (int64_t)s->q_width }, { k, n, (int64_t)s->k_width }, { v, n, (int64_t)s->v_width } },
        .weights = { &sinks },
        .output = { result, n, (int64_t)s->out_width },
        .batch = &batch,
        .state = state
    };
    if (reference)
        assert_true(op_attention.reference(&call, NULL));
    else
        run_call(cpu, device, find_kernel(cpu, "attention", NULL), &call);
    n = 0;
    for (int i = 0; i < N_SEQUENCES; i++) {
        memcpy(out + (first_row(i) + (size_t)done[i]) * s->out_width, result + (size_t)n * s->out_width,
               (size_t)take[i] * s->out_width * sizeof *out);
        n += take[i];
    }
    free(q);
    free(k);
    free(v);
    free(result);
}

static float *run_plan(const setup *s, const plan *p)
{
    bora_state state = { .block_tokens = s->block_tokens,
                         .n_blocks = N_SEQUENCES * SLOTS,
                         .spec = { .format = s->quant } };
    const bora_call shape = { .attrs = &s->attrs, .n_inputs = s->latent ? 2 : 3 };
    op_attention.state(&shape, &state.spec);
    size_t numbers = (N_SEQUENCES * SLOTS * (size_t)s->block_tokens * state.spec.token_bytes + 3) / sizeof(float);
    state.blocks = blank_floats(numbers);
    int32_t tables[N_SEQUENCES][SLOTS], done[N_SEQUENCES] = { 0 };
    place_blocks(s, p->seed, tables);
    float *out = blank_floats(s->n_rows * s->out_width);
    bora_device *device = open_device(cpu, p->n_threads);
    for (bool more = true; more;) {
        int32_t take[N_SEQUENCES], alone[N_SEQUENCES];
        more = false;
        for (int i = 0; i < N_SEQUENCES; i++) {
            int32_t left = lengths[i] - done[i];
            take[i] = left < p->chunk[i] ? left : p->chunk[i];
            more = more || take[i] > 0;
        }
        if (p->together && more)
            run_batch(s, device, &state, tables, p->reference, done, take, out);
        for (int i = 0; i < N_SEQUENCES; i++) {
            memset(alone, 0, sizeof alone);
            alone[i] = take[i];
            if (!p->together && take[i] > 0)
                run_batch(s, device, &state, tables, p->reference, done, alone, out);
            done[i] += take[i];
        }
    }
    cpu->backends[0]->close(device);
    free(state.blocks);
    return out;
}

static const plan plans[] = {
    { { 64, 64, 64 }, true, 1, 0, false }, /* everything at once */
    { { 64, 64, 64 }, false, 2, 1, false }, { { 1, 1, 1 }, false, 1, 2, false }, { { 1, 1, 1 }, true, 3, 3, false },
    { { 5, 1, 2 }, true, 2, 4, false },     { { 1, 1, 20 }, true, 5, 5, false }, { { 16, 16, 3 }, true, 3, 6, false },
};

/* Runs by the first plan, which is right, and by the others, which give the same. Returns what the first gave. */
static float *check_plans(const setup *s, const plan *all, size_t n)
{
    float *expected = run_plan(s, &all[0]);
    for (int i = 0; i < N_SEQUENCES; i++)
        for (int32_t p = 0; p < lengths[i]; p++)
            check_row(s, i, p, expected + (first_row(i) + (size_t)p) * s->out_width);
    for (size_t i = 1; i < n; i++) {
        float *out = run_plan(s, &all[i]);
        assert_same_bits(out, expected, s->n_rows * s->out_width, "attention, cut another way");
        free(out);
    }
    return expected;
}

static void check(setup s)
{
    fill(&s);
    float *by_reference = run_plan(&s, &(plan){ { 16, 1, 20 }, .together = true, .n_threads = 1, .reference = true });
    for (int i = 0; i < N_SEQUENCES; i++)
        for (int32_t p = 0; p < lengths[i]; p++)
            check_row(&s, i, p, by_reference + (first_row(i) + (size_t)p) * s.out_width);
    free(by_reference);
    free(check_plans(&s, plans, sizeof plans / sizeof *plans));
    empty(&s);
}

static void plain(void **state)
{
    (void)state;
    check((setup){ .attrs = { .n_heads = 1, .n_kv_heads = 1, .head_dim = 1 }, .block_tokens = 1 });
    check((setup){ .attrs = { .n_heads = 4, .n_kv_heads = 4, .head_dim = 64 }, .block_tokens = 16 });
    check((setup){ .attrs = { .n_heads = 3, .n_kv_heads = 3, .head_dim = 20 }, .block_tokens = 5 });
}

static void grouped_heads(void **state)
{
    (void)state;
    check((setup){ .attrs = { .n_heads = 6, .n_kv_heads = 2, .head_dim = 24 }, .block_tokens = 4 });
    check((setup){ .attrs = { .n_heads = 8, .n_kv_heads = 1, .head_dim = 80 }, .block_tokens = 16 });
}

static void window(void **state)
{
    (void)state;
    const int32_t windows[] = { 1, 2, 5, 16, 36, 37, 1000 };
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        check((setup){ .attrs = { .n_heads = 4, .n_kv_heads = 2, .head_dim = 16, .window = windows[i] },
                       .block_tokens = 4 });
        check((setup){ .attrs = { .n_heads = 2, .n_kv_heads = 2, .head_dim = 7, .window = windows[i] },
                       .block_tokens = 16 });
    }
}

static void other_widths_scale_softcap_and_sinks(void **state)
{
    (void)state;
    check((setup){ .attrs = { .n_heads = 4, .n_kv_heads = 2, .head_dim = 24, .value_dim = 5 }, .block_tokens = 8 });
    check((setup){ .attrs = { .n_heads = 2, .n_kv_heads = 1, .head_dim = 3, .value_dim = 130 }, .block_tokens = 8 });
    check((setup){ .attrs = { .n_heads = 2, .n_kv_heads = 1, .head_dim = 16, .scale = 0.11F }, .block_tokens = 8 });
    check((setup){ .attrs = { .n_heads = 2, .n_kv_heads = 1, .head_dim = 16, .softcap = 1.5F }, .block_tokens = 8 });
    check((setup){ .attrs = { .n_heads = 6, .n_kv_heads = 2, .head_dim = 16 }, .block_tokens = 8, .sinks = true });
    check((setup){ .attrs = { .n_heads = 6, .n_kv_heads = 2, .head_dim = 16, .window = 6, .softcap = 2 },
                   .block_tokens = 4,
                   .sinks = true });
}

static void values_are_the_beginnings_of_keys(void **state)
{
    (void)state;
    check((setup){ .attrs = { .n_heads = 1, .n_kv_heads = 1, .head_dim = 1 }, .block_tokens = 4, .latent = true });
    check((setup){ .attrs = { .n_heads = 6, .n_kv_heads = 1, .head_dim = 40, .value_dim = 33, .scale = 0.2F },
                   .block_tokens = 8,
                   .latent = true });
    check((setup){ .attrs = { .n_heads = 21, .n_kv_heads = 1, .head_dim = 24, .value_dim = 16 },
                   .block_tokens = 16,
                   .latent = true });
    check((setup){ .attrs = { .n_heads = 6, .n_kv_heads = 2, .head_dim = 20, .value_dim = 7, .window = 5 },
                   .block_tokens = 4,
                   .latent = true,
                   .sinks = true });
}

static const char *const cache_formats[] = { "f16", "bf16", "q8_0", "q4_0" };

static void caches_of_every_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cache_formats / sizeof *cache_formats; i++) {
        const bora_quant *quant = format(cache_formats[i]);
        check(
            (setup){ .attrs = { .n_heads = 4, .n_kv_heads = 2, .head_dim = 64 }, .block_tokens = 32, .quant = quant });
        check(
            (setup){ .attrs = { .n_heads = 7, .n_kv_heads = 1, .head_dim = 80 }, .block_tokens = 16, .quant = quant });
        check((setup){ .attrs = { .n_heads = 2, .n_kv_heads = 2, .head_dim = 20, .value_dim = 33, .window = 9 },
                       .block_tokens = 5,
                       .quant = quant,
                       .sinks = true });
        check((setup){ .attrs = { .n_heads = 4, .n_kv_heads = 1, .head_dim = 40, .value_dim = 24, .softcap = 3 },
                       .block_tokens = 32,
                       .quant = quant,
                       .latent = true });
    }
}

/* A format that nobody knows by its name is read by its own functions: the numbers are the same, and so are the bits.
 */
static void known_formats_are_those_of_their_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cache_formats / sizeof *cache_formats; i++) {
        bora_quant renamed = *format(cache_formats[i]);
        renamed.name = "another";
        setup s = { .attrs = { .n_heads = 6, .n_kv_heads = 2, .head_dim = 72 }, .block_tokens = 32 };
        float *out[2];
        for (int k = 0; k < 2; k++) {
            s.quant = k ? &renamed : format(cache_formats[i]);
            fill(&s);
            out[k] = run_plan(&s, &plans[0]);
            empty(&s);
        }
        assert_same_bits(out[0], out[1], s.n_rows * s.out_width, "attention over a cache in another format");
        free(out[0]);
        free(out[1]);
    }
}

/* Sequences of several spans of the cache, cut at places that have nothing to do with them. */
static void deep_caches(void **state)
{
    (void)state;
    static const int32_t deep[N_SEQUENCES] = { 700, 3, 300 };
    static const plan deep_plans[] = {
        { { 700, 3, 300 }, true, 1, 0, false },  { { 700, 3, 300 }, true, 4, 1, false },
        { { 33, 1, 100 }, true, 3, 2, false },   { { 690, 1, 7 }, false, 2, 3, false },
        { { 350, 2, 299 }, true, 16, 4, false },
    };
    lengths = deep;
    const setup setups[] = {
        { .attrs = { .n_heads = 4, .n_kv_heads = 1, .head_dim = 64 }, .block_tokens = 32 },
        { .attrs = { .n_heads = 2, .n_kv_heads = 2, .head_dim = 128 }, .block_tokens = 32, .quant = format("f16") },
        { .attrs = { .n_heads = 7, .n_kv_heads = 1, .head_dim = 96 }, .block_tokens = 32, .quant = format("q8_0") },
        { .attrs = { .n_heads = 2, .n_kv_heads = 1, .head_dim = 256, .window = 270, .softcap = 5 },
          .block_tokens = 32,
          .quant = format("bf16") },
        { .attrs = { .n_heads = 4, .n_kv_heads = 2, .head_dim = 20, .window = 100 },
          .block_tokens = 48,
          .quant = format("f16"),
          .sinks = true },
        { .attrs = { .n_heads = 70, .n_kv_heads = 1, .head_dim = 40, .value_dim = 32 },
          .block_tokens = 32,
          .quant = format("f16"),
          .latent = true },
        { .attrs = { .n_heads = 2, .n_kv_heads = 1, .head_dim = 16 }, .block_tokens = 300 },
    };
    for (size_t i = 0; i < sizeof setups / sizeof *setups; i++) {
        setup s = setups[i];
        fill(&s);
        float *expected = check_plans(&s, deep_plans, sizeof deep_plans / sizeof *deep_plans);
        static const int32_t others[] = { 8, 24, 40, 64, 104, 248, 256 };
        for (size_t k = 0; k < 2; k++) {
            s.block_tokens = others[(i + 3 * k) % (sizeof others / sizeof *others)];
            float *out = run_plan(&s, &deep_plans[2 * k]);
            assert_same_bits(out, expected, s.n_rows * s.out_width, "attention, in blocks of another length");
            free(out);
        }
        free(expected);
        empty(&s);
    }
    lengths = short_ones;
}

/* Tokens are decoded one at a time at some depth: their bits are those of the whole prompt. */
static void decoding_at_depth(void **state)
{
    (void)state;
    static const int32_t deep[N_SEQUENCES] = { 600, 530, 5 };
    lengths = deep;
    const setup setups[] = {
        { .attrs = { .n_heads = 8, .n_kv_heads = 2, .head_dim = 32 }, .block_tokens = 32, .quant = format("f16") },
        /* So many heads that not all are read together, and blocks that end behind a span. */
        { .attrs = { .n_heads = 21, .n_kv_heads = 21, .head_dim = 64, .window = 290 },
          .block_tokens = 40,
          .quant = format("f16"),
          .sinks = true },
        /* Blocks of several units, and one of more than a span. */
        { .attrs = { .n_heads = 6, .n_kv_heads = 3, .head_dim = 64 }, .block_tokens = 72, .quant = format("q8_0") },
        { .attrs = { .n_heads = 5, .n_kv_heads = 5, .head_dim = 48, .window = 280 },
          .block_tokens = 300,
          .quant = format("f16") },
    };
    for (size_t i = 0; i < 2 * sizeof setups / sizeof *setups; i++) {
        setup s = setups[i / 2];
        int threads = i % 2 == 0 ? 1 : 5;
        fill(&s);
        float *whole = run_plan(&s, &(plan){ { 600, 530, 5 }, true, 1, 0, false });
        float *one_by_one = run_plan(&s, &(plan){ { 1, 1, 1 }, true, threads, 7, false });
        assert_same_bits(one_by_one, whole, s.n_rows * s.out_width, "attention, a token at a time");
        free(whole);
        free(one_by_one);
        empty(&s);
    }
    lengths = short_ones;
}

static int load(void **state)
{
    (void)state;
    cpu = load_plugin("cpu");
    ggml = load_plugin("ggml");
    return cpu && ggml ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(grouped_heads),
        cmocka_unit_test(window),
        cmocka_unit_test(other_widths_scale_softcap_and_sinks),
        cmocka_unit_test(values_are_the_beginnings_of_keys),
        cmocka_unit_test(caches_of_every_format),
        cmocka_unit_test(known_formats_are_those_of_their_names),
        cmocka_unit_test(deep_caches),
        cmocka_unit_test(decoding_at_depth),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
