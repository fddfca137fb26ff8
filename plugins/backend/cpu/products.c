/* The driver of matrix products: y = x W^T + b by tiles, the inner loops of weight formats.
 *
 * A job is one or several products, of different formats if need be. It is cut into tasks: some panels of output rows
 * times some tokens. How it is cut changes no bit, because a tile gives each (row, token) pair one order of summation.
 *
 * Tokens come in groups whose activations stay in a processor's own cache while the panels go by: panels run fastest,
 * so a thread meets one group for long, and the weights are read from memory once for each group. There are many more
 * tasks than threads: one that is slow, or that another program displaced, is waited for no longer than a task takes.
 */
#include "cpu.h"

#include <string.h>

enum {
    TASKS_PER_THREAD = 32,
    TOKENS_STEP = 32,        /* groups are multiples of it: tiles like several tokens at once */
    BYTE_COST = 24,          /* of reading a byte of weights, in multiply-adds */
    SMALLEST_TASK = 1 << 19, /* in multiply-adds: two microseconds or so */
    SMALL_JOB = 1 << 20,     /* is not worth waking anybody */
};

/* Part of a job: some panels of a product for a group of its tokens, cut into equal tasks. */
typedef struct span {
    const cpu_product *product;
    int64_t first_token, n_tokens;
    int64_t n_panels, panels_each;
    int64_t first_task;
} span;

typedef struct job {
    const bora_device *device;
    const span *spans;
    int64_t n_spans, n_tasks;
    size_t results_at; /* in a thread's scratch: room for results that have to be spread */
} job;

bool cpu_begin_products(bora_device *device, int64_t most, bora_error *err)
{
    device->n_products = 0;
    return cpu_reserve(&device->products, (size_t)most * sizeof(cpu_product), err);
}

void cpu_add_product(bora_device *device, const cpu_product *product)
{
    if (product->n_tokens < 1 || product->n_out < 1)
        return;
    cpu_product *p = (cpu_product *)device->products.data + device->n_products++;
    *p = *product;
    p->row_bytes = bora_row_bytes(p->quant, p->k);
    p->panel_bytes = p->tile->pack ? p->tile->panel_bytes(p->k) : (size_t)p->tile->panel_rows * p->row_bytes;
    p->n_panels = cpu_div_up(p->n_out, p->tile->panel_rows);
    int64_t near = (int64_t)(device->acts_bytes / p->act_bytes) / TOKENS_STEP * TOKENS_STEP;
    int64_t most = cpu_min(p->tile->max_tokens, near > TOKENS_STEP ? near : TOKENS_STEP);
    p->tokens_each = cpu_div_up(p->n_tokens, cpu_div_up(p->n_tokens, most));
    p->tokens_each = cpu_min(cpu_div_up(p->tokens_each, TOKENS_STEP) * TOKENS_STEP, most);
    p->tokens_each = cpu_min(p->tokens_each, p->n_tokens);
}

static double panel_cost(const cpu_product *p, int64_t n_tokens)
{
    return (double)p->panel_bytes * BYTE_COST + (double)p->tile->panel_rows * (double)p->k * (double)n_tokens;
}

static int64_t group_tokens(const cpu_product *p, int64_t group)
{
    return cpu_min(p->tokens_each, p->n_tokens - group * p->tokens_each);
}

static int64_t clamp(double x, int64_t low, int64_t high)
{
    return x < (double)low ? low : x > (double)high ? high : (int64_t)x;
}

static void add_span(job *j, span *at, double task_cost)
{
    double panels = task_cost / panel_cost(at->product, at->n_tokens) + 0.5;
    int64_t n_tasks = cpu_div_up(at->n_panels, clamp(panels, 1, at->n_panels));
    at->panels_each = cpu_div_up(at->n_panels, n_tasks);
    at->first_task = j->n_tasks;
    j->n_tasks += cpu_div_up(at->n_panels, at->panels_each);
    j->n_spans++;
}

/* Cuts the products into spans, group by group. */
static bool cut(bora_device *device, job *j, double *total, bora_error *err)
{
    const cpu_product *products = device->products.data, *end = products + device->n_products;
    int64_t most = 0, n_groups = 0;
    *total = 0;
    for (const cpu_product *p = products; p < end; p++) {
        int64_t groups = cpu_div_up(p->n_tokens, p->tokens_each);
        n_groups = groups > n_groups ? groups : n_groups;
        most += groups;
        for (int64_t g = 0; g < groups; g++)
            *total += (double)p->n_panels * panel_cost(p, group_tokens(p, g));
    }
    if (!cpu_reserve(&device->spans, (size_t)most * sizeof(span), err))
        return false;
    span *spans = device->spans.data;
    *j = (job){ .device = device, .spans = spans };
    double task_cost = *total / ((double)device->n_threads * TASKS_PER_THREAD);
    task_cost = task_cost < SMALLEST_TASK ? SMALLEST_TASK : task_cost;
    for (int64_t g = 0; g < n_groups; g++)
        for (const cpu_product *p = products; p < end; p++) {
            if (g * p->tokens_each >= p->n_tokens)
                continue;
            span *s = &spans[j->n_spans];
            *s = (span){
                .product = p, .first_token = g * p->tokens_each, .n_tokens = group_tokens(p, g), .n_panels = p->n_panels
            };
            add_span(j, s, task_cost);
        }
    return true;
}

static const span *span_of(const job *j, int64_t task)
{
    int64_t low = 0, high = j->n_spans;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        *(j->spans[middle].first_task <= task ? &low : &high) = middle;
    }
    return &j->spans[low];
}

static void add_bias(float *out, const float *bias, int64_t n)
{
    for (int64_t r = 0; r < n; r++)
        out[r] += bias[r];
}

static void multiply_panel(const job *j, const span *s, int64_t panel, char *scratch)
{
    const cpu_product *p = s->product;
    int64_t r0 = panel * p->tile->panel_rows, n_rows = cpu_min(p->tile->panel_rows, p->n_out - r0);
    const char *acts = p->acts + (size_t)s->first_token * p->act_bytes;
    const int64_t *slots = p->slots ? p->slots + s->first_token : NULL;
    float *out = p->out + (slots ? slots[0] : s->first_token) * p->n_out + r0;
    bool spread = slots && s->n_tokens > 1;
    float *to = spread ? (float *)(void *)(scratch + j->results_at) : out;
    int64_t stride = spread ? p->tile->panel_rows : p->n_out;
    p->tile->dot(p->quant, p->weight + (size_t)panel * p->panel_bytes, p->row_bytes, (int)n_rows, p->k, acts,
                 p->act_bytes, (int)s->n_tokens, to, (size_t)stride, (float *)(void *)scratch);
    for (int64_t t = 0; p->bias && t < s->n_tokens; t++)
        add_bias(to + t * stride, p->bias + r0, n_rows);
    for (int64_t t = 0; spread && t < s->n_tokens; t++)
        memcpy(p->out + slots[t] * p->n_out + r0, to + t * stride, (size_t)n_rows * sizeof *to);
}

static void multiply(void *ctx, size_t task, int thread)
{
    const job *j = ctx;
    const span *s = span_of(j, (int64_t)task);
    int64_t begin = ((int64_t)task - s->first_task) * s->panels_each;
    int64_t end = cpu_min(begin + s->panels_each, s->n_panels);
    for (int64_t panel = begin; panel < end; panel++)
        multiply_panel(j, s, panel, cpu_scratch(j->device, thread));
}

static size_t scratch_bytes(const cpu_product *p)
{
    return p->tile->scratch_bytes ? p->tile->scratch_bytes(p->k, (int)p->tokens_each)
                                  : (size_t)p->tile->panel_rows * (size_t)p->k * sizeof(float);
}

static bool reserve_scratch(bora_device *device, job *j, bora_error *err)
{
    const cpu_product *products = device->products.data, *end = products + device->n_products;
    size_t tiles = 0, results = 0;
    for (const cpu_product *p = products; p < end; p++) {
        size_t of_tile = scratch_bytes(p), of_results = 0;
        if (p->slots)
            of_results = (size_t)p->tile->panel_rows * (size_t)p->tokens_each * sizeof(float);
        tiles = of_tile > tiles ? of_tile : tiles;
        results = of_results > results ? of_results : results;
    }
    j->results_at = (tiles + sizeof(float) - 1) / sizeof(float) * sizeof(float);
    return cpu_reserve_scratch(device, j->results_at + results, err);
}

bool cpu_run_products(bora_device *device, bora_error *err)
{
    if (device->n_products == 0)
        return true;
    job j;
    double total;
    if (!cut(device, &j, &total, err) || !reserve_scratch(device, &j, err))
        return false;
    if (total > SMALL_JOB)
        bora_threads_run(device->threads, (size_t)j.n_tasks, multiply, &j);
    else
        for (int64_t i = 0; i < j.n_tasks; i++)
            multiply(&j, (size_t)i, 0);
    return true;
}
