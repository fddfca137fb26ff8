/* head_linear: a matrix for each head.
 *
 * Rows of the weight come as floats, a panel of a head's rows at a time: as they lie, or dequantized into scratch. A
 * task is a panel for all tokens or, transposed, where each row adds to all results, a head for some tokens. */
#include "cpu.h"

#include <string.h>

enum { PANEL_ROWS = 16, TOKENS_EACH = 64 };

typedef struct product {
    bora_device *device;
    const bora_weight *weight;
    const float *x;
    float *out;
    int64_t x_width, out_width, n_tokens;
    int64_t heads, of_head, from, rows; /* rows of a head in the weight; those that are used */
    int64_t n, n_in, n_out;             /* numbers in a row of the weight; in a head of x and of the result */
    int64_t panel_rows, n_panels;       /* of a head */
    int64_t n_groups;                   /* of tokens */
} product;

static int64_t min(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t div_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Rows first … first + n_rows - 1 of those that are used of a head, [n_rows, n]. */
static const float *panel(const product *p, int64_t head, int64_t first, int64_t n_rows, float *scratch)
{
    const bora_quant *quant = p->weight->quant;
    const char *data = p->weight->data;
    int64_t row = head * p->of_head + p->from + first;
    if (!quant)
        return (const float *)(const void *)data + row * p->n;
    quant->dequantize(data + (size_t)row * bora_row_bytes(quant, p->n), scratch, (size_t)(n_rows * p->n));
    return scratch;
}

static void multiply(void *ctx, int64_t begin, int64_t end, int thread)
{
    const product *p = ctx;
    for (int64_t i = begin; i < end; i++) {
        int64_t head = i / p->n_panels, first = i % p->n_panels * p->panel_rows;
        int64_t n_rows = min(p->panel_rows, p->rows - first);
        const float *rows = panel(p, head, first, n_rows, cpu_scratch(p->device, thread));
        cpu_dot(rows, (size_t)p->n * sizeof *rows, (int)n_rows, p->n, p->x + head * p->n_in,
                (size_t)p->x_width * sizeof *rows, (int)p->n_tokens, p->out + head * p->n_out + first,
                (size_t)p->out_width);
    }
}

static void multiply_transposed(void *ctx, int64_t begin, int64_t end, int thread)
{
    const product *p = ctx;
    for (int64_t i = begin; i < end; i++) {
        int64_t head = i / p->n_groups, t0 = i % p->n_groups * TOKENS_EACH, t1 = min(t0 + TOKENS_EACH, p->n_tokens);
        for (int64_t t = t0; t < t1; t++)
            memset(p->out + t * p->out_width + head * p->n_out, 0, (size_t)p->n_out * sizeof *p->out);
        for (int64_t first = 0; first < p->rows; first += p->panel_rows) {
            int64_t n_rows = min(p->panel_rows, p->rows - first);
            const float *rows = panel(p, head, first, n_rows, cpu_scratch(p->device, thread));
            for (int64_t t = t0; t < t1; t++)
                cpu_weighted_sum(p->out + t * p->out_width + head * p->n_out, 1,
                                 p->x + t * p->x_width + head * p->n_in + first, rows, p->n, (int)n_rows, p->n);
        }
    }
}

bool cpu_head_linear(bora_device *device, const bora_call *call, bora_error *err)
{
    const bora_head_linear_attrs *a = call->attrs;
    const bora_weight *w = call->weights[0];
    product p = {
        .device = device,
        .weight = w,
        .x = call->inputs[0].data,
        .out = call->output.data,
        .x_width = call->inputs[0].width,
        .out_width = call->output.width,
        .n_tokens = call->output.rows,
        .heads = a->heads,
        .of_head = bora_head_rows(w, a),
        .from = a->from,
        .n = w->shape[w->n_dims - 1],
        .n_in = call->inputs[0].width / a->heads,
        .n_out = call->output.width / a->heads,
    };
    p.rows = a->transposed ? p.n_in : p.n_out;
    p.panel_rows = min(PANEL_ROWS, p.rows);
    p.n_panels = div_up(p.rows, p.panel_rows);
    p.n_groups = div_up(p.n_tokens, TOKENS_EACH);
    if (w->quant && !cpu_reserve_scratch(device, (size_t)(p.panel_rows * p.n) * sizeof(float), err))
        return false;
    if (a->transposed)
        cpu_parallel(device, p.heads * p.n_groups, min(p.n_tokens, TOKENS_EACH) * p.rows * p.n, multiply_transposed,
                     &p);
    else
        cpu_parallel(device, p.heads * p.n_panels, p.n_tokens * p.panel_rows * p.n, multiply, &p);
    return true;
}
