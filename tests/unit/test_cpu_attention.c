/* Attention of backend "cpu": right against a softmax in double over all positions, and the same bits whether a
 * sequence comes whole, token by token, in chunks among others, on any number of threads, wherever its blocks lie. */
#include "backend.h"
#include "graph/ops/ops.h"

#include <math.h>

static const bora_plugin *cpu;

enum { N_SEQUENCES = 3, SLOTS = 64 };
static const int32_t lengths[N_SEQUENCES] = { 37, 1, 20 };

typedef struct setup {
    bora_attention_attrs attrs;
    int32_t block_tokens;
    bool sinks;
    bool latent; /* no v: values are the beginnings of keys */
    /* For all sequences, one after the other: */
    float *q, *k, *v, *sink;
    size_t q_width, k_width, v_width, out_width, n_rows;
} setup;

static size_t first_row(int sequence)
{
    size_t row = 0;
    for (int s = 0; s < sequence; s++)
        row += (size_t)lengths[s];
    return row;
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
}

static void empty(setup *s)
{
    free(s->q);
    free(s->k);
    free(s->v);
    free(s->sink);
}

/* The definition: a softmax over every position that the query sees. */
static void check_row(const setup *s, int sequence, int32_t position, const float *out)
{
    const bora_attention_attrs *a = &s->attrs;
    size_t base = first_row(sequence), v_dim = (size_t)bora_attention_value_dim(a), k_dim = (size_t)a->head_dim;
    int32_t first = a->window && position + 1 > a->window ? position + 1 - a->window : 0;
    double scale = a->scale != 0 ? (double)a->scale : 1 / sqrt((double)a->head_dim);
    const float *values = s->latent ? s->k : s->v;
    size_t row = s->latent ? s->k_width : s->v_width, of_head = s->latent ? k_dim : v_dim;
    for (size_t h = 0; h < (size_t)a->n_heads; h++) {
        size_t kv = h / (size_t)(a->n_heads / a->n_kv_heads);
        double weight[64], total = s->sinks ? exp((double)s->sink[h]) : 0;
        for (int32_t p = first; p <= position; p++) {
            double score = 0;
            for (size_t i = 0; i < k_dim; i++)
                score += (double)s->q[(base + (size_t)position) * s->q_width + h * k_dim + i] *
                         (double)s->k[(base + (size_t)p) * s->k_width + kv * k_dim + i];
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
                         .spec = { .token_bytes = (s->k_width + s->v_width) * sizeof(float) } };
    state.blocks = blank_floats(N_SEQUENCES * SLOTS * (size_t)s->block_tokens * (s->k_width + s->v_width));
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

static void check(setup s)
{
    static const plan plans[] = {
        { { 64, 64, 64 }, true, 1, 0, false }, /* everything at once */
        { { 64, 64, 64 }, false, 2, 1, false }, { { 1, 1, 1 }, false, 1, 2, false },
        { { 1, 1, 1 }, true, 3, 3, false },     { { 5, 1, 2 }, true, 2, 4, false },
        { { 1, 1, 20 }, true, 5, 5, false },    { { 16, 16, 3 }, true, 3, 6, false },
    };
    fill(&s);
    float *by_reference = run_plan(&s, &(plan){ { 16, 1, 20 }, .together = true, .n_threads = 1, .reference = true });
    float *expected = run_plan(&s, &plans[0]);
    for (int i = 0; i < N_SEQUENCES; i++)
        for (int32_t p = 0; p < lengths[i]; p++) {
            check_row(&s, i, p, expected + (first_row(i) + (size_t)p) * s.out_width);
            check_row(&s, i, p, by_reference + (first_row(i) + (size_t)p) * s.out_width);
        }
    free(by_reference);
    for (size_t i = 1; i < sizeof plans / sizeof *plans; i++) {
        float *out = run_plan(&s, &plans[i]);
        assert_same_bits(out, expected, s.n_rows * s.out_width, "attention, cut another way");
        free(out);
    }
    free(expected);
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

static int load(void **state)
{
    (void)state;
    cpu = load_plugin("cpu");
    return cpu ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(grouped_heads),
        cmocka_unit_test(window),
        cmocka_unit_test(other_widths_scale_softcap_and_sinks),
        cmocka_unit_test(values_are_the_beginnings_of_keys),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
