/* Mixtures of experts: the choice of experts, the driver of their products, and their sum.
 *
 * Slots (a row and one of its experts) are sorted by expert, so that an expert's matrix meets all of its rows at once
 * and the matrices of experts that nobody chose are not touched. The products are by the tiles of `linear`: as there,
 * no bit depends on how the work is cut. */
#include "cpu.h"

#include <string.h>

enum { TASKS_PER_THREAD = 8, CHUNK_BYTES = 1 << 20 };

/* ---- route ---- */

typedef struct routing {
    bora_device *device;
    const bora_call *call;
    const float *bias;
} routing;

static void route_rows(void *ctx, int64_t begin, int64_t end, int thread)
{
    const routing *r = ctx;
    int64_t n_experts = r->call->inputs[0].width;
    for (int64_t t = begin; t < end; t++)
        bora_route_row(r->call->attrs, r->call->inputs[0].data + t * n_experts, r->bias, n_experts,
                       cpu_scratch(r->device, thread), r->call->output.data + t * r->call->output.width);
}

bool cpu_route(bora_device *device, const bora_call *call, bora_error *err)
{
    enum { COST = 32 }; /* of one expert: a function of libm, and its part in choosing */
    routing r = { .device = device, .call = call };
    int64_t n_experts = call->inputs[0].width;
    if (!cpu_vector(device, call, 0, &r.bias, err) ||
        !cpu_reserve_scratch(device, 3 * (size_t)n_experts * sizeof(float), err))
        return false;
    cpu_parallel(device, call->output.rows, n_experts * COST, route_rows, &r);
    return true;
}

/* ---- expert_linear ---- */

/* An expert that somebody chose, and its part of the sorted slots. */
typedef struct expert_rows {
    int64_t expert, first, n;
    int64_t n_groups, first_task;
} expert_rows;

typedef struct product {
    bora_device *device;
    const bora_tile *tile;
    const bora_quant *quant;
    const float *x, *bias;
    const char *weight, *acts; /* acts: of the rows of x */
    char *sorted;              /* likewise, of each slot */
    float *out;
    size_t row_bytes, panel_bytes, act_bytes;
    int64_t k, n_out, n_experts, n_used, n_slots;
    bool shared; /* one row of x for all slots of a row */
    int64_t *slots;
    expert_rows *experts;
    int64_t n_chosen, n_panels, panels_each, n_chunks;
} product;

/* Fills slots and experts from the routes. */
static bool sort_slots(product *p, const float *routes, bora_error *err)
{
    size_t slots_bytes = (size_t)p->n_slots * sizeof *p->slots, ends_bytes = (size_t)p->n_experts * sizeof(int64_t);
    int64_t most = p->n_experts < p->n_slots ? p->n_experts : p->n_slots;
    if (!cpu_reserve(&p->device->slots, slots_bytes + ends_bytes + (size_t)most * sizeof *p->experts, err))
        return false;
    p->slots = p->device->slots.data;
    int64_t *at = p->slots + p->n_slots; /* [n_experts] where the next slot of an expert goes */
    p->experts = (expert_rows *)(void *)(at + p->n_experts);
    memset(at, 0, ends_bytes);
    for (int64_t i = 0; i < p->n_slots; i++) {
        int64_t expert = bora_route_expert(routes + i / p->n_used * 2 * p->n_used, i % p->n_used, p->n_experts);
        if (expert < 0)
            return bora_fail(err, BORA_USAGE, "a route to an expert that is not among the %lld",
                             (long long)p->n_experts);
        at[expert]++;
    }
    int64_t first = 0;
    for (int64_t e = 0; e < p->n_experts; e++) {
        int64_t n = at[e];
        if (n > 0)
            p->experts[p->n_chosen++] = (expert_rows){ .expert = e, .first = first, .n = n };
        at[e] = first;
        first += n;
    }
    for (int64_t i = 0; i < p->n_slots; i++)
        p->slots[at[(int64_t)routes[i / p->n_used * 2 * p->n_used + i % p->n_used]]++] = i;
    return true;
}

static void convert_rows(void *ctx, int64_t begin, int64_t end, int thread)
{
    const product *p = ctx;
    (void)thread;
    for (int64_t t = begin; t < end; t++)
        p->tile->activation->quantize(p->x + t * p->k, NULL,
                                      (char *)p->device->activations.data + (size_t)t * p->act_bytes, (size_t)p->k);
}

static void gather_rows(void *ctx, int64_t begin, int64_t end, int thread)
{
    const product *p = ctx;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        int64_t row = p->shared ? p->slots[i] / p->n_used : p->slots[i];
        memcpy(p->sorted + (size_t)i * p->act_bytes, p->acts + (size_t)row * p->act_bytes, p->act_bytes);
    }
}

static bool prepare_activations(product *p, bora_error *err)
{
    const bora_quant *format = p->tile->activation;
    int64_t n_rows = p->shared ? p->n_slots / p->n_used : p->n_slots;
    p->acts = (const char *)p->x;
    p->act_bytes = (size_t)p->k * sizeof(float);
    if (format) {
        if (p->k % format->block_elems != 0)
            return bora_fail(err, BORA_UNSUPPORTED, "rows of %lld numbers cannot be turned into %s, blocks of %d",
                             (long long)p->k, format->name, format->block_elems);
        p->act_bytes = bora_row_bytes(format, p->k);
        if (!cpu_reserve(&p->device->activations, (size_t)n_rows * p->act_bytes, err))
            return false;
        p->acts = p->device->activations.data;
        cpu_parallel(p->device, n_rows, p->k * 4, convert_rows, p);
    }
    if (!cpu_reserve(&p->device->sorted, (size_t)p->n_slots * p->act_bytes, err))
        return false;
    p->sorted = p->device->sorted.data;
    cpu_parallel(p->device, p->n_slots, p->k, gather_rows, p);
    return true;
}

/* One chunk of an expert's panels with one group of its rows. */
static void multiply(void *ctx, size_t task, int thread)
{
    const product *p = ctx;
    const bora_tile *tile = p->tile;
    const expert_rows *e = p->experts;
    while (e + 1 < p->experts + p->n_chosen && e[1].first_task <= (int64_t)task)
        e++;
    /* Groups of rows run fastest: the same panels are used by tasks that are near in time. */
    int64_t in_expert = (int64_t)task - e->first_task, group = in_expert % e->n_groups, chunk = in_expert / e->n_groups;
    int64_t rows_each = cpu_div_up(e->n, e->n_groups), i0 = e->first + group * rows_each;
    int64_t n = cpu_min(rows_each, e->first + e->n - i0), last = cpu_min((chunk + 1) * p->panels_each, p->n_panels);
    size_t matrix_bytes = tile->pack ? (size_t)p->n_panels * p->panel_bytes : (size_t)p->n_out * p->row_bytes;
    const char *matrix = p->weight + (size_t)e->expert * matrix_bytes;
    const float *bias = p->bias ? p->bias + e->expert * p->n_out : NULL;
    float *scratch = cpu_scratch(p->device, thread), *results = scratch + tile->panel_rows * p->k;
    for (int64_t panel = chunk * p->panels_each; panel < last; panel++) {
        int64_t r0 = panel * tile->panel_rows, n_rows = cpu_min(tile->panel_rows, p->n_out - r0);
        tile->dot(p->quant, matrix + (size_t)panel * p->panel_bytes, p->row_bytes, (int)n_rows, p->k,
                  p->sorted + (size_t)i0 * p->act_bytes, p->act_bytes, (int)n, results, (size_t)tile->panel_rows,
                  scratch);
        for (int64_t i = 0; i < n; i++) {
            const float *result = results + i * tile->panel_rows;
            float *out = p->out + p->slots[i0 + i] * p->n_out + r0;
            for (int64_t r = 0; r < n_rows; r++)
                out[r] = bias ? result[r] + bias[r0 + r] : result[r];
        }
    }
}

/* Cuts the work; returns the number of tasks. */
static int64_t cut(product *p)
{
    int64_t n_groups = 0, n_tasks = 0, tasks = (int64_t)p->device->n_threads * TASKS_PER_THREAD;
    for (int64_t c = 0; c < p->n_chosen; c++) {
        expert_rows *e = &p->experts[c];
        e->n_groups = cpu_div_up(e->n, p->tile->max_tokens);
        e->n_groups = cpu_div_up(e->n, cpu_div_up(e->n, e->n_groups));
        n_groups += e->n_groups;
    }
    p->n_panels = cpu_div_up(p->n_out, p->tile->panel_rows);
    p->panels_each = cpu_div_up(p->n_panels, cpu_min(cpu_div_up(tasks, n_groups), p->n_panels));
    if (n_groups > p->n_chosen) { /* the panels of a chunk are read again for each group */
        int64_t in_cache = CHUNK_BYTES / (int64_t)p->panel_bytes;
        p->panels_each = cpu_min(p->panels_each, in_cache > 0 ? in_cache : 1);
    }
    p->n_chunks = cpu_div_up(p->n_panels, p->panels_each);
    for (int64_t c = 0; c < p->n_chosen; c++) {
        p->experts[c].first_task = n_tasks;
        n_tasks += p->experts[c].n_groups * p->n_chunks;
    }
    return n_tasks;
}

bool cpu_expert_linear(bora_device *device, const bora_tile *tile, const bora_call *call, bora_error *err)
{
    const bora_weight *w = call->weights[0], *bias = call->n_weights > 1 ? call->weights[1] : NULL;
    product p = {
        .device = device,
        .tile = tile,
        .quant = w->quant,
        .x = call->inputs[0].data,
        .bias = bias ? bias->data : NULL,
        .weight = w->data,
        .out = call->output.data,
        .k = w->shape[2],
        .n_out = w->shape[1],
        .n_experts = w->shape[0],
        .n_used = call->inputs[1].width / 2,
    };
    p.n_slots = call->output.rows * p.n_used;
    p.shared = call->inputs[0].width == p.k;
    if (p.n_slots < 1 || p.n_out < 1)
        return true;
    p.row_bytes = bora_row_bytes(p.quant, p.k);
    p.panel_bytes = tile->pack ? tile->panel_bytes(p.k) : (size_t)tile->panel_rows * p.row_bytes;
    size_t results = (size_t)tile->panel_rows * (size_t)tile->max_tokens;
    if (!sort_slots(&p, call->inputs[1].data, err) || !prepare_activations(&p, err) ||
        !cpu_reserve_scratch(device, ((size_t)tile->panel_rows * (size_t)p.k + results) * sizeof(float), err))
        return false;
    bora_threads_run(device->threads, (size_t)cut(&p), multiply, &p);
    return true;
}

/* ---- expert_sum ---- */

static void sum_rows(void *ctx, int64_t begin, int64_t end, int thread)
{
    const bora_call *call = ctx;
    (void)thread;
    int64_t width = call->output.width, n_used = call->inputs[1].width / 2;
    for (int64_t t = begin; t < end; t++) {
        float *out = call->output.data + t * width;
        memset(out, 0, (size_t)width * sizeof *out);
        cpu_weighted_sum(out, 1, call->inputs[1].data + (2 * t + 1) * n_used, call->inputs[0].data + t * n_used * width,
                         width, (int)n_used, width);
    }
}

bool cpu_expert_sum(bora_device *device, const bora_call *call, bora_error *err)
{
    (void)err;
    bora_call own = *call;
    cpu_parallel(device, call->output.rows, call->inputs[0].width, sum_rows, &own);
    return true;
}
