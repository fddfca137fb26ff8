/* bora bench: tokens a second, and how near they come to what the machine permits.
 *
 * Two tests: reading a prompt, one sequence with the logits of its last token; and generating, a token a step for one
 * or more sequences at once with the logits of each. Tokens are random and nothing is sampled or turned into text. Both
 * may begin behind tokens that are in the cache already. */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shipped.h"

enum { MAX_ITEMS = 64, MAX_BATCH = 4096 };

/* ---- what is asked for */

typedef struct counts {
    int32_t items[MAX_ITEMS];
    size_t n;
} counts;

/* A list of whole numbers, `fallback` where there is none. */
static bool read_counts(const bora_settings *settings, const char *name, int32_t fallback, int32_t min, int32_t max,
                        counts *out, bora_error *err)
{
    size_t n = bora_settings_count(settings, name);
    *out = (counts){ .items = { fallback }, .n = n ? n : 1 };
    if (n > MAX_ITEMS)
        return bora_fail(err, BORA_USAGE, "--%s: more than %d numbers", name, MAX_ITEMS);
    for (size_t i = 0; i < n; i++) {
        const char *text = bora_settings_item(settings, name, i);
        char *end;
        errno = 0;
        long long value = strtoll(text, &end, 10);
        if (end == text || *end || errno)
            return bora_fail(err, BORA_USAGE, "--%s: \"%.40s\" is not a whole number", name, text);
        if (value < min || value > max)
            return bora_fail(err, BORA_USAGE, "--%s: %lld is not in %d to %d", name, value, min, max);
        out->items[i] = (int32_t)value;
    }
    return true;
}

/* One result for each combination; a length of 0 is none. */
static bool plan(bench *b, const bora_settings *settings, bora_error *err)
{
    counts prompts, generated, depths, batches;
    if (!read_counts(settings, "prompt-len", 512, 0, INT32_MAX, &prompts, err) ||
        !read_counts(settings, "gen-len", 128, 0, INT32_MAX, &generated, err) ||
        !read_counts(settings, "depth", 0, 0, INT32_MAX, &depths, err) ||
        !read_counts(settings, "batch", 1, 1, MAX_BATCH, &batches, err))
        return false;
    b->n_iterations = (int)bora_settings_int(settings, "iterations");
    b->n_warmup = (int)bora_settings_int(settings, "warmup");
    b->results = calloc(depths.n * (prompts.n + batches.n * generated.n), sizeof *b->results);
    if (!b->results)
        return bora_fail_memory(err, "results");
    for (size_t d = 0; d < depths.n; d++) {
        for (size_t i = 0; i < prompts.n; i++)
            if (prompts.items[i] > 0)
                b->results[b->n_results++] =
                    (bench_result){ .n_tokens = prompts.items[i], .depth = depths.items[d], .batch = 1 };
        for (size_t k = 0; k < batches.n; k++)
            for (size_t i = 0; i < generated.n; i++)
                if (generated.items[i] > 0)
                    b->results[b->n_results++] = (bench_result){ .generates = true,
                                                                 .n_tokens = generated.items[i],
                                                                 .depth = depths.items[d],
                                                                 .batch = batches.items[k] };
    }
    return b->n_results > 0 ||
           bora_fail(err, BORA_USAGE, "--prompt-len and --gen-len are both 0: there is nothing to measure");
}

/* That all of it fits is known before anything is measured. */
static bool check_context(const bench *b, bora_error *err)
{
    int32_t context = bora_model_context_length(b->model);
    for (size_t i = 0; i < b->n_results; i++) {
        const bench_result *r = &b->results[i];
        if (r->depth > context || r->n_tokens > context - r->depth)
            return bora_fail(err, BORA_USAGE,
                             "--%s %d at depth %d does not fit the context of %d; --max-seq-len makes it longer",
                             r->generates ? "gen-len" : "prompt-len", r->n_tokens, r->depth, context);
    }
    return true;
}

/* ---- measuring */

typedef struct measuring {
    bora_session **sessions; /* [batch] */
    bora_turn *turns;        /* [batch] */
    int32_t *tokens;         /* [max of n_tokens, depth, batch] */
    float *logits;           /* [batch, n_vocab] */
    uint64_t random;
} measuring;

/* The generator of xorshift64* (arXiv:1402.6246): the same tokens in every run. */
static void draw(measuring *m, int32_t n, int32_t n_vocab)
{
    for (int32_t i = 0; i < n; i++) {
        m->random ^= m->random >> 12;
        m->random ^= m->random << 25;
        m->random ^= m->random >> 27;
        m->tokens[i] = (int32_t)((m->random * 0x2545F4914F6CDD1DU >> 33) % (uint64_t)n_vocab);
    }
}

/* Leaves `depth` tokens in each session. */
static bool rewind_to_depth(const bench *b, measuring *m, const bench_result *r, bora_error *err)
{
    for (int32_t i = 0; i < r->batch; i++) {
        int32_t length = bora_session_length(m->sessions[i]);
        if (length > r->depth && !bora_session_truncate(m->sessions[i], r->depth, err))
            return false;
        int32_t missing = r->depth - bora_session_length(m->sessions[i]);
        draw(m, missing, bora_model_n_vocab(b->model));
        if (missing > 0 && !bora_session_eval(m->sessions[i], m->tokens, missing, 0, false, NULL, err))
            return false;
    }
    return true;
}

static bool generate(const bench *b, measuring *m, const bench_result *r, bora_error *err)
{
    for (int32_t step = 0; step < r->n_tokens; step++) {
        draw(m, r->batch, bora_model_n_vocab(b->model));
        for (int32_t i = 0; i < r->batch; i++)
            m->turns[i] = (bora_turn){ m->sessions[i], m->tokens + i, 1, 1, 0 };
        if (!bora_sessions_step(m->turns, r->batch, m->logits, err))
            return false;
    }
    return true;
}

static bool measure_once(const bench *b, measuring *m, const bench_result *r, double *seconds, bora_error *err)
{
    if (!rewind_to_depth(b, m, r, err))
        return false;
    draw(m, r->generates ? 0 : r->n_tokens, bora_model_n_vocab(b->model));
    double start = cli_seconds();
    bool ok = r->generates ? generate(b, m, r, err)
                           : bora_session_eval(m->sessions[0], m->tokens, r->n_tokens, 0, false, m->logits, err);
    *seconds = cli_seconds() - start;
    return ok;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* From the times, ascending, of all iterations. */
static void sum_up(bench_result *r, int n)
{
    double n_tokens = (double)r->n_tokens * r->batch;
    qsort(r->seconds, (size_t)n, sizeof *r->seconds, by_size);
    r->median_s = (r->seconds[(n - 1) / 2] + r->seconds[n / 2]) / 2;
    r->median = n_tokens / r->median_s;
    r->min = n_tokens / r->seconds[n - 1];
    r->max = n_tokens / r->seconds[0];
}

static bool measure(cli *c, bench *b, bench_result *r, uint64_t *done, uint64_t total, bora_error *err)
{
    size_t n_vocab = (size_t)bora_model_n_vocab(b->model), batch = (size_t)r->batch;
    int32_t n_tokens = r->n_tokens > r->depth ? r->n_tokens : r->depth;
    measuring m = { .random = 0x9E3779B97F4A7C15U };
    m.sessions = calloc(batch, sizeof *m.sessions);
    m.turns = calloc(batch, sizeof *m.turns);
    m.tokens = calloc((size_t)(n_tokens > r->batch ? n_tokens : r->batch), sizeof *m.tokens);
    m.logits = calloc(batch * n_vocab, sizeof *m.logits);
    r->seconds = calloc((size_t)b->n_iterations, sizeof *r->seconds);
    bool ok = (m.sessions && m.turns && m.tokens && m.logits && r->seconds) || bora_fail_memory(err, "a measurement");
    for (size_t i = 0; ok && i < batch; i++)
        ok = (m.sessions[i] = bora_session_new(b->model, err)) != NULL;
    for (int i = -b->n_warmup; ok && i < b->n_iterations; i++) {
        double seconds;
        ok = measure_once(b, &m, r, &seconds, err);
        if (ok && i >= 0)
            r->seconds[i] = seconds;
        cli_progress(c, "measuring", ++*done, total);
    }
    if (ok)
        sum_up(r, b->n_iterations);
    for (size_t i = 0; m.sessions && i < batch; i++)
        bora_session_free(m.sessions[i]);
    free(m.sessions);
    free(m.turns);
    free(m.tokens);
    free(m.logits);
    return ok;
}

/* ---- what the machine permits */

/* The time that reading and computing would take at the measured speeds; whichever is longer bounds the test. Of
 * generation this is the step in its middle. */
static void bound(const bench *b, bench_result *r)
{
    const machine_limits *l = &b->limits;
    bora_workload load = { .n_sequences = r->batch, .n_tokens = r->n_tokens, .n_past = r->depth };
    double in_blocks, n_steps = 1;
    if (r->generates) {
        load.n_tokens = 1;
        load.n_past += r->n_tokens / 2;
        n_steps = r->n_tokens;
    }
    r->cost = bora_model_cost(b->model, &load, &in_blocks);
    double blocks_rate = l->int8 > l->f32 ? l->int8 : l->f32;
    double reading = (r->cost.weight_bytes + r->cost.state_bytes) / l->memory;
    double computing =
        2 * in_blocks / blocks_rate + 2 * (r->cost.products - in_blocks + r->cost.state_products) / l->f32;
    r->memory_bound = reading > computing;
    r->limit = (double)r->n_tokens * r->batch / (n_steps * (reading > computing ? reading : computing));
}

/* Bytes of this process in memory, or 0. */
static double resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long long pages = 0;
    if (f && fscanf(f, "%*d %lld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static bool measure_all(cli *c, bench *b, bora_error *err)
{
    int n_threads = (int)bora_settings_int(c->settings, "threads");
    uint64_t done = 0, total = b->n_results * (uint64_t)(b->n_iterations + b->n_warmup);
    b->info = bora_model_describe(b->model);
    bora_threads *threads = bora_threads_new(n_threads, err);
    if (!threads)
        return false;
    b->n_threads = bora_threads_count(threads);
    bora_threads_free(threads);
    if (b->info.on_host && !limits_measure(n_threads, &b->limits, err))
        return false;
    for (size_t i = 0; i < b->n_results; i++)
        if (!measure(c, b, &b->results[i], &done, total, err))
            return false;
    b->resident_bytes = resident_bytes();
    if (b->info.on_host && !limits_measure(n_threads, &b->limits, err))
        return false;
    for (size_t i = 0; b->info.on_host && i < b->n_results; i++)
        bound(b, &b->results[i]);
    return true;
}

static bool load(cli *c, bora_runtime *runtime, bench *b, bora_error *err)
{
    double start = cli_seconds();
    b->model = bora_model_load(runtime, c->settings, err);
    b->load_s = cli_seconds() - start;
    b->processor = limits_processor();
    if (b->model && !b->processor)
        return bora_fail_memory(err, "the processor's name");
    return b->model != NULL;
}

bool command_bench(cli *c, bora_error *err)
{
    bench b = { 0 };
    const char *kind = bora_settings_string(c->settings, "model-type");
    if (kind && strcmp(kind, "toml") == 0) {
        if (bora_settings_count(c->settings, "quantized-file") != 1)
            return bora_fail(err, BORA_USAGE, "`bora bench toml` needs one selector file: -f FILE.toml");
        if (!bora_settings_load_selector(c->settings, bora_settings_item(c->settings, "quantized-file", 0), err) ||
            !shipped_resolve(c->settings, err))
            return false;
    }
    bora_runtime *runtime = plan(&b, c->settings, err) ? cli_runtime(c, NULL, err) : NULL;
    bool ok = runtime && load(c, runtime, &b, err) && check_context(&b, err) && measure_all(c, &b, err);
    if (ok && bora_settings_flag(c->settings, "json"))
        bench_print_json(&b);
    else if (ok)
        bench_print_table(&b);
    for (size_t i = 0; i < b.n_results; i++)
        free(b.results[i].seconds);
    free(b.results);
    free(b.processor);
    bora_model_free(b.model);
    bora_runtime_free(runtime);
    return ok;
}
