/* Mixtures of experts: the choice of experts, their products, and their sum.
 *
 * Slots (a row and one of its experts) are sorted by expert, so that an expert's matrix meets all of its rows at once
 * and the matrices of experts that nobody chose are not touched: each of the others is a product of its own. */
#include "cpu.h"

#include <string.h>

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

/* Fills slots and experts from the routes. */
static bool sort_slots(bora_device *device, const bora_call *call, int64_t n_slots, cpu_experts *experts,
                       bora_error *err)
{
    int64_t n_experts = call->weights[0]->shape[0], n_used = call->inputs[1].width / 2;
    const float *routes = call->inputs[1].data;
    size_t slots_bytes = (size_t)n_slots * sizeof(int64_t), ends_bytes = (size_t)n_experts * sizeof(int64_t);
    size_t experts_bytes = (size_t)cpu_min(n_experts, n_slots) * sizeof(cpu_expert);
    if (!cpu_reserve(&device->slots, slots_bytes + ends_bytes + experts_bytes, err))
        return false;
    int64_t *slots = device->slots.data, *at = slots + n_slots; /* [n_experts] where the next slot of an expert goes */
    cpu_expert *chosen = (cpu_expert *)(void *)(at + n_experts);
    memset(at, 0, ends_bytes);
    for (int64_t i = 0; i < n_slots; i++) {
        int64_t expert = bora_route_expert(routes + i / n_used * 2 * n_used, i % n_used, n_experts);
        if (expert < 0)
            return bora_fail(err, BORA_USAGE, "a route to an expert that is not among the %lld", (long long)n_experts);
        at[expert]++;
    }
    *experts = (cpu_experts){ .slots = slots, .chosen = chosen };
    int64_t first = 0;
    for (int64_t e = 0; e < n_experts; e++) {
        int64_t n = at[e];
        if (n > 0)
            chosen[experts->n_chosen++] = (cpu_expert){ .expert = e, .first = first, .n = n };
        at[e] = first;
        first += n;
    }
    for (int64_t i = 0; i < n_slots; i++)
        slots[at[(int64_t)routes[i / n_used * 2 * n_used + i % n_used]]++] = i;
    return true;
}

typedef struct gathering {
    const cpu_experts *experts;
    const char *acts;
    char *sorted;
    size_t act_bytes;
    int64_t per_row; /* slots that share a row of activations */
} gathering;

static const char *acts_of_slot(const gathering *g, int64_t slot)
{
    return g->acts + (size_t)(slot / g->per_row) * g->act_bytes;
}

static void gather_experts(void *ctx, int64_t begin, int64_t end, int thread)
{
    const gathering *g = ctx;
    (void)thread;
    for (const cpu_expert *e = g->experts->chosen + begin; e < g->experts->chosen + end; e++)
        for (int64_t i = 0; e->n > 1 && i < e->n; i++)
            memcpy(g->sorted + (size_t)(e->first + i) * g->act_bytes, acts_of_slot(g, g->experts->slots[e->first + i]),
                   g->act_bytes);
}

bool cpu_sort_experts(bora_device *device, const bora_call *call, const char *acts, size_t act_bytes,
                      cpu_experts *experts, bora_error *err)
{
    int64_t n_used = call->inputs[1].width / 2, n_slots = call->output.rows * n_used;
    bool shared = call->inputs[0].width == call->weights[0]->shape[2];
    *experts = (cpu_experts){ 0 };
    if (n_slots < 1)
        return true;
    if (!sort_slots(device, call, n_slots, experts, err) ||
        !cpu_reserve(&device->sorted, (size_t)n_slots * act_bytes, err))
        return false;
    gathering g = { experts, acts, device->sorted.data, act_bytes, shared ? n_used : 1 };
    int64_t most = 1;
    for (cpu_expert *e = experts->chosen; e < experts->chosen + experts->n_chosen; e++) {
        e->acts = g.sorted + (size_t)e->first * act_bytes;
        if (e->n == 1) /* a single row may stay where it is */
            e->acts = acts_of_slot(&g, experts->slots[e->first]);
        most = e->n > most ? e->n : most;
    }
    if (most > 1)
        cpu_parallel(device, experts->n_chosen, n_slots * (int64_t)act_bytes / 4 / experts->n_chosen, gather_experts,
                     &g);
    return true;
}

bool cpu_add_experts(bora_device *device, const bora_tile *tile, const bora_call *call, const cpu_experts *experts,
                     cpu_buffer *bias, bora_error *err)
{
    const bora_weight *w = call->weights[0];
    const float *biases;
    cpu_product p = {
        .tile = tile,
        .quant = w->quant,
        .out = call->output.data,
        .act_bytes = cpu_act_bytes(tile, w->shape[2]),
        .k = w->shape[2],
        .n_out = w->shape[1],
    };
    size_t matrix_bytes = (size_t)p.n_out * bora_row_bytes(p.quant, p.k);
    if (tile->pack)
        matrix_bytes = (size_t)cpu_div_up(p.n_out, tile->panel_rows) * tile->panel_bytes(p.k);
    if (!cpu_vector_in(bias, call, 1, &biases, err))
        return false;
    for (const cpu_expert *e = experts->chosen; e < experts->chosen + experts->n_chosen; e++) {
        p.weight = (const char *)w->data + (size_t)e->expert * matrix_bytes;
        p.bias = biases ? biases + e->expert * p.n_out : NULL;
        p.acts = e->acts;
        p.slots = experts->slots + e->first;
        p.n_tokens = e->n;
        cpu_add_product(device, &p);
    }
    return true;
}

/* ---- expert_sum ---- */

static void sum_rows(const cpu_row_step *s, int64_t begin, int64_t end)
{
    int64_t width = s->call->output.width, n_used = s->call->inputs[1].width / 2;
    for (int64_t t = begin; t < end; t++) {
        float *out = s->out + t * width;
        memset(out, 0, (size_t)width * sizeof *out);
        cpu_weighted_sum(out, 1, s->b + (2 * t + 1) * n_used, s->a + t * n_used * width, width, (int)n_used, width);
    }
}

bool cpu_expert_sum(cpu_buffer *vectors, const bora_call *call, cpu_row_step *step, bora_error *err)
{
    (void)vectors, (void)err;
    step->run = sum_rows;
    step->items = 1;
    step->cost = call->inputs[0].width;
    return true;
}
