/* The driver of matrix products: y = x W^T + b by a tile, the inner loop of one weight format.
 *
 * Activations are turned into the tile's format once; then every task is some panels of output rows times some tokens.
 * How the work is cut changes no bit, because a tile gives each (row, token) pair one order of summation. */
#include "cpu.h"

enum { TASKS_PER_THREAD = 8, CHUNK_BYTES = 1 << 20, SMALL_PRODUCT = 1 << 15 };

typedef struct product {
    bora_device *device;
    const bora_tile *tile;
    const bora_quant *quant;
    const char *weight, *acts;
    const float *x, *bias;
    float *out;
    size_t row_bytes, panel_bytes, act_bytes;
    int64_t k, n_out, n_tokens;
    int64_t n_panels, panels_each; /* a task's */
    int64_t n_groups, tokens_each;
} product;

static void prepare_activations(void *ctx, int64_t begin, int64_t end, int thread)
{
    const product *p = ctx;
    (void)thread;
    for (int64_t t = begin; t < end; t++)
        p->tile->activation->quantize(p->x + t * p->k, NULL,
                                      (char *)p->device->activations.data + (size_t)t * p->act_bytes, (size_t)p->k);
}

static void multiply(void *ctx, size_t task, int thread)
{
    const product *p = ctx;
    const bora_tile *tile = p->tile;
    /* Groups of tokens run fastest: the same panels are used by tasks that are near in time. */
    int64_t group = (int64_t)task % p->n_groups, chunk = (int64_t)task / p->n_groups;
    int64_t t0 = group * p->tokens_each, n_tokens = cpu_min(p->tokens_each, p->n_tokens - t0);
    int64_t last = cpu_min((chunk + 1) * p->panels_each, p->n_panels);
    for (int64_t panel = chunk * p->panels_each; panel < last; panel++) {
        int64_t r0 = panel * tile->panel_rows, n_rows = cpu_min(tile->panel_rows, p->n_out - r0);
        float *out = p->out + t0 * p->n_out + r0;
        tile->dot(p->quant, p->weight + (size_t)panel * p->panel_bytes, p->row_bytes, (int)n_rows, p->k,
                  p->acts + (size_t)t0 * p->act_bytes, p->act_bytes, (int)n_tokens, out, (size_t)p->n_out,
                  cpu_scratch(p->device, thread));
        for (int64_t t = 0; p->bias && t < n_tokens; t++)
            for (int64_t r = 0; r < n_rows; r++)
                out[t * p->n_out + r] += p->bias[r0 + r];
    }
}

static void cut(product *p)
{
    int64_t tasks = (int64_t)p->device->n_threads * TASKS_PER_THREAD;
    p->n_groups = cpu_div_up(p->n_tokens, p->tile->max_tokens);
    p->tokens_each = cpu_div_up(p->n_tokens, p->n_groups);
    p->n_groups = cpu_div_up(p->n_tokens, p->tokens_each);
    p->n_panels = cpu_div_up(p->n_out, p->tile->panel_rows);
    if (p->n_tokens * p->n_out <= SMALL_PRODUCT / p->k)
        tasks = 1;
    int64_t chunks = cpu_min(cpu_div_up(tasks, p->n_groups), p->n_panels),
            in_cache = CHUNK_BYTES / (int64_t)p->panel_bytes;
    p->panels_each = cpu_div_up(p->n_panels, chunks);
    if (p->n_groups > 1) /* the panels of a chunk are read again for each group */
        p->panels_each = cpu_min(p->panels_each, in_cache > 0 ? in_cache : 1);
}

bool cpu_linear(bora_device *device, const bora_tile *tile, const bora_call *call, bora_error *err)
{
    const bora_weight *w = call->weights[0];
    product p = {
        .device = device,
        .tile = tile,
        .quant = w->quant,
        .weight = w->data,
        .x = call->inputs[0].data,
        .out = call->output.data,
        .k = call->inputs[0].width,
        .n_out = call->output.width,
        .n_tokens = call->output.rows,
    };
    if (p.n_tokens < 1 || p.n_out < 1)
        return true;
    p.row_bytes = bora_row_bytes(p.quant, p.k);
    p.panel_bytes = tile->pack ? tile->panel_bytes(p.k) : (size_t)tile->panel_rows * p.row_bytes;
    p.acts = (const char *)p.x;
    p.act_bytes = (size_t)p.k * sizeof(float);
    if (!cpu_vector(device, call, 1, &p.bias, err) ||
        !cpu_reserve_scratch(device, (size_t)tile->panel_rows * (size_t)p.k * sizeof(float), err))
        return false;
    if (tile->activation) {
        if (p.k % tile->activation->block_elems != 0)
            return bora_fail(err, BORA_UNSUPPORTED, "rows of %lld numbers cannot be turned into %s, blocks of %d",
                             (long long)p.k, tile->activation->name, tile->activation->block_elems);
        p.act_bytes = bora_row_bytes(tile->activation, p.k);
        if (!cpu_reserve(&device->activations, (size_t)p.n_tokens * p.act_bytes, err))
            return false;
        p.acts = device->activations.data;
        cpu_parallel(device, p.n_tokens, p.k * 4, prepare_activations, &p);
    }
    cut(&p);
    bora_threads_run(device->threads, (size_t)(p.n_groups * cpu_div_up(p.n_panels, p.panels_each)), multiply, &p);
    return true;
}
