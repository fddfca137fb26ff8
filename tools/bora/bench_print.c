/* The results of `bora bench` as a table, and as JSON. */
#include <math.h>
#include <string.h>

#include "bench.h"
#include "json.h"
#include "text.h"

/* ---- for people */

static void print_model(const bench *b)
{
    const char *name = bora_model_name(b->model);
    printf("model    ");
    text_show(stdout, name, strlen(name), 60);
    printf(" (%s): %.4g million parameters, %.1f MiB in %s\n", bora_model_arch(b->model),
           (double)b->info.n_parameters / 1e6, b->info.weight_bytes / (1 << 20), b->info.format);
    printf("loaded   in %.2f s; %.1f MiB of memory in use after the tests\n", b->load_s, b->resident_bytes / (1 << 20));
    printf("machine  ");
    text_show(stdout, b->processor, strlen(b->processor), 60);
    printf(", %d thread%s, device %s\n", b->n_threads, b->n_threads == 1 ? "" : "s", b->info.device);
}

static void print_limits(const machine_limits *l)
{
    if (l->memory <= 0)
        return;
    printf("limits   memory %.1f GB/s; floats %.0f GFLOP/s (%s)", l->memory / 1e9, l->f32 / 1e9, l->f32_with);
    if (l->int8 > 0)
        printf("; bytes %.0f GOP/s (%s)", l->int8 / 1e9, l->int8_with);
    printf("\n");
}

static void print_result(const bench_result *r)
{
    char test[96], latency[64], share[64] = "";
    int n = snprintf(test, sizeof test, "%s %d", r->generates ? "decode" : "prefill", r->n_tokens);
    if (r->depth > 0)
        n += snprintf(test + n, sizeof test - (size_t)n, ", depth %d", r->depth);
    if (r->batch > 1)
        snprintf(test + n, sizeof test - (size_t)n, ", %d sequences", r->batch);
    if (r->generates)
        snprintf(latency, sizeof latency, "%.2f ms a step", r->median_s * 1e3 / r->n_tokens);
    else
        snprintf(latency, sizeof latency, "%.2f ms in all", r->median_s * 1e3);
    if (r->limit > 0)
        snprintf(share, sizeof share, "%.0f%% of %s", 100 * r->median / r->limit,
                 r->memory_bound ? "memory" : "arithmetic");
    printf("%-38s  %9.2f  %9.2f  %9.2f  %-20s  %s\n", test, r->median, r->min, r->max, latency, share);
}

void bench_print_table(const bench *b)
{
    print_model(b);
    print_limits(&b->limits);
    printf("\n%-38s  %9s  %9s  %9s  %-20s  %s\n", "test", "tokens/s", "least", "most", "latency",
           b->limits.memory > 0 ? "of the limit" : "");
    for (size_t i = 0; i < b->n_results; i++)
        print_result(&b->results[i]);
}

/* ---- for programs */

static void print_result_json(json *j, const bench *b, const bench_result *r)
{
    json_open(j, NULL, '{');
    json_string(j, "test", r->generates ? "decode" : "prefill");
    json_int(j, "n_tokens", r->n_tokens);
    json_int(j, "depth", r->depth);
    json_int(j, "batch", r->batch);
    json_open_flat(j, "tokens_per_s", '{');
    json_float(j, "median", r->median);
    json_float(j, "min", r->min);
    json_float(j, "max", r->max);
    json_close(j, '}');
    json_open_flat(j, "seconds", '[');
    for (int i = 0; i < b->n_iterations; i++)
        json_float(j, NULL, r->seconds[i]);
    json_close(j, ']');
    if (r->limit > 0) {
        json_open_flat(j, "limit", '{');
        json_string(j, "bound", r->memory_bound ? "memory" : "arithmetic");
        json_float(j, "tokens_per_s", r->limit);
        json_float(j, "share", r->median / r->limit);
        json_float(j, "weight_bytes", r->cost.weight_bytes);
        json_float(j, "state_bytes", r->cost.state_bytes);
        json_float(j, "multiply_adds", r->cost.products + r->cost.state_products);
        json_close(j, '}');
    } else {
        json_string(j, "limit", NULL);
    }
    json_close(j, '}');
}

static void print_head_json(json *j, const bench *b)
{
    const machine_limits *l = &b->limits;
    json_string(j, "bora", bora_version());
    json_open(j, "model", '{');
    json_string(j, "name", bora_model_name(b->model));
    json_string(j, "arch", bora_model_arch(b->model));
    json_string(j, "format", b->info.format);
    json_int(j, "n_parameters", b->info.n_parameters);
    json_int(j, "weight_bytes", (int64_t)b->info.weight_bytes);
    json_close(j, '}');
    json_float(j, "load_s", b->load_s);
    json_int(j, "resident_bytes", (int64_t)b->resident_bytes);
    json_open(j, "machine", '{');
    json_string(j, "processor", b->processor);
    json_string(j, "device", b->info.device);
    json_int(j, "threads", b->n_threads);
    json_float(j, "memory_bytes_per_s", l->memory > 0 ? l->memory : NAN);
    json_float(j, "float_ops_per_s", l->f32 > 0 ? l->f32 : NAN);
    json_string(j, "float_ops_with", l->f32_with);
    json_float(j, "byte_ops_per_s", l->int8 > 0 ? l->int8 : NAN);
    json_string(j, "byte_ops_with", l->int8_with);
    json_close(j, '}');
    json_int(j, "warmup", b->n_warmup);
    json_int(j, "iterations", b->n_iterations);
}

void bench_print_json(const bench *b)
{
    json j = { .out = stdout };
    json_open(&j, NULL, '{');
    print_head_json(&j, b);
    json_open(&j, "results", '[');
    for (size_t i = 0; i < b->n_results; i++)
        print_result_json(&j, b, &b->results[i]);
    json_close(&j, ']');
    json_close(&j, '}');
}
