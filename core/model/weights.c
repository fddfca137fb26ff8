/* Weights on their way from the file to a device: as they lie where that will do; else row by row, put together from
 * other tensors (derived.c) and through floats into another format, then into a kernel's panels, then to the device's
 * memory. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "model/derived.h"
#include "model/model.h"

enum { ROW_CHUNK = 16, ALIGN = 64 };

/* The rows of one weight, converted in parallel. */
typedef struct conversion {
    graph_origin origin;
    const bora_quant *from;
    const bora_quant *to;  /* NULL: plain floats */
    const bora_quant *via; /* a format whose blocks the numbers pass through on the way, or NULL */
    int64_t n_rows, width;
    size_t from_bytes, to_bytes; /* of a row */
    char *out;
    char *read;       /* [n_threads][ROW_CHUNK][from_bytes], of a weight that is made of others; else NULL */
    float *rows;      /* [n_threads][width] */
    char *via_rows;   /* [n_threads][via_bytes] */
    size_t via_bytes; /* of a row */
} conversion;

static void convert_row(const conversion *c, const char *from, char *to, int thread)
{
    float *floats = c->to ? c->rows + (size_t)thread * (size_t)c->width : (float *)(void *)to;
    if (c->from->plain)
        memcpy(floats, from, c->from_bytes);
    else
        c->from->dequantize(from, floats, (size_t)c->width);
    if (c->via) {
        char *blocks = c->via_rows + (size_t)thread * c->via_bytes;
        c->via->quantize(floats, NULL, blocks, (size_t)c->width);
        c->via->dequantize(blocks, floats, (size_t)c->width);
    }
    if (c->to)
        c->to->quantize(floats, NULL, to, (size_t)c->width);
}

static void convert_rows(void *ctx, size_t task, int thread)
{
    const conversion *c = ctx;
    int64_t first = (int64_t)task * ROW_CHUNK, end = first + ROW_CHUNK < c->n_rows ? first + ROW_CHUNK : c->n_rows;
    const char *from;
    char *to = c->out + (size_t)first * c->to_bytes;
    bool keeps = !c->via && (c->to == c->from || (!c->to && c->from->plain));
    if (c->origin.made) {
        char *read = keeps ? to : c->read + (size_t)thread * ROW_CHUNK * c->from_bytes;
        derived_read(&c->origin, first, end - first, read);
        from = read;
    } else {
        from = (const char *)c->origin.tensor->data + (size_t)first * c->from_bytes;
    }
    for (int64_t r = first; r < end && !(c->origin.made && keeps); r++, from += c->from_bytes, to += c->to_bytes)
        convert_row(c, from, to, thread);
}

static bool convert(const placed_weight *w, const bora_quant *quant, bora_threads *threads, char *out, bora_error *err)
{
    const bora_tensor_info *t = w->from->tensor;
    conversion c = {
        .origin = { .tensor = t, .made = w->from->made },
        .from = t->quant,
        .to = quant,
        .via = w->via,
        .n_rows = graph_rows(t),
        .width = graph_width(t),
        .out = out,
    };
    c.from_bytes = bora_row_bytes(c.from, c.width);
    c.to_bytes = bora_row_bytes(quant, c.width);
    size_t n_threads = (size_t)bora_threads_count(threads);
    c.via_bytes = c.via ? bora_row_bytes(c.via, c.width) : 0;
    c.rows = malloc(n_threads * (size_t)c.width * sizeof *c.rows);
    c.via_rows = c.via ? malloc(n_threads * c.via_bytes) : NULL;
    c.read = c.origin.made ? malloc(n_threads * ROW_CHUNK * c.from_bytes) : NULL;
    bool ok = c.rows && (!c.via || c.via_rows) && (!c.origin.made || c.read);
    if (ok)
        bora_threads_run(threads, (size_t)((c.n_rows + ROW_CHUNK - 1) / ROW_CHUNK), convert_rows, &c);
    else
        bora_fail_memory(err, w->weight.name);
    free(c.rows);
    free(c.via_rows);
    free(c.read);
    return ok;
}

typedef struct packing {
    const bora_tile *tile;
    const bora_quant *quant;
    const char *rows;
    size_t row_bytes, panel_bytes;
    int64_t n_rows, width; /* of a matrix */
    size_t n_panels;       /* likewise: a panel never holds rows of two */
    char *out;
} packing;

static void pack_panel(void *ctx, size_t panel, int thread)
{
    (void)thread;
    const packing *p = ctx;
    size_t matrix = panel / p->n_panels;
    int64_t first = (int64_t)(panel % p->n_panels) * p->tile->panel_rows, left = p->n_rows - first;
    int n = left < p->tile->panel_rows ? (int)left : p->tile->panel_rows;
    const char *rows = p->rows + (matrix * (size_t)p->n_rows + (size_t)first) * p->row_bytes;
    p->tile->pack(p->quant, rows, p->row_bytes, n, p->width, p->out + panel * p->panel_bytes);
}

/* Memory for a weight on its way: where it stays (of the pool), or for a while (malloc'd). */
static char *take(page_pool *pool, bool stays, size_t bytes, const char *name, bora_error *err)
{
    if (stays) {
        char *memory = pages_take(pool, bytes, err);
        return memory ? memory : (bora_error_prefix(err, "%s", name), NULL);
    }
    char *memory = bytes < SIZE_MAX - ALIGN ? aligned_alloc(ALIGN, (bytes + ALIGN) / ALIGN * ALIGN) : NULL;
    if (!memory)
        bora_fail_memory(err, name);
    return memory;
}

/* Packs `rows` into panels, or NULL. */
static char *pack(const placed_weight *w, const bora_quant *quant, const void *rows, page_pool *pool,
                  bora_threads *threads, size_t *bytes, bora_error *err)
{
    int64_t n_matrices = bora_weight_matrices(&w->weight), width = bora_weight_width(&w->weight);
    packing p = { .tile = w->tile,
                  .quant = quant,
                  .rows = rows,
                  .row_bytes = bora_row_bytes(quant, width),
                  .panel_bytes = w->tile->panel_bytes(width),
                  .n_rows = w->weight.n_dims < 2 ? 1 : w->weight.shape[w->weight.n_dims - 2],
                  .width = width };
    p.n_panels = (size_t)((p.n_rows + w->tile->panel_rows - 1) / w->tile->panel_rows);
    size_t n_panels, total = 0;
    if (__builtin_mul_overflow((size_t)n_matrices, p.n_panels, &n_panels) ||
        __builtin_mul_overflow(n_panels, p.panel_bytes, &total))
        total = SIZE_MAX;
    p.out = take(pool, !w->device, total, w->weight.name, err);
    if (!p.out)
        return NULL;
    bora_threads_run(threads, n_panels, pack_panel, &p);
    *bytes = total;
    return p.out;
}

static bool lies_well(const graph_weight *w, const bora_quant *quant)
{
    const bora_tensor_info *t = w->tensor;
    if (w->made)
        return false;
    if (t->quant->plain)
        return !quant && (uintptr_t)t->data % _Alignof(float) == 0;
    return t->quant == quant;
}

static bool upload(placed_weight *w, const void *data, size_t bytes, bora_error *err)
{
    const bora_backend *b = w->device->backend;
    w->owned = b->alloc(w->device->handle, bytes, err);
    if (!w->owned)
        return bora_error_prefix(err, "%s", w->weight.name);
    w->owned_bytes = bytes;
    w->weight.data = w->owned;
    return b->upload(w->device->handle, w->owned, data, bytes, err);
}

bool weight_load(placed_weight *w, const bora_quant *quant, page_pool *pool, bora_threads *threads, bora_error *err)
{
    const bora_tensor_info *t = w->from->tensor;
    const bool packs = w->tile && w->tile->pack;
    int64_t n_rows = bora_weight_rows(&w->weight), width = bora_weight_width(&w->weight);
    const void *data = t->data;
    char *converted = NULL, *packed = NULL; /* malloc'd where they do not stay */
    size_t bytes;
    if (__builtin_mul_overflow((size_t)n_rows, bora_row_bytes(quant, width), &bytes))
        return bora_fail(err, BORA_FORMAT, "%s: is too large", w->weight.name);
    w->weight.quant = quant;
    if (w->via || !lies_well(w->from, quant)) {
        converted = take(pool, !packs && !w->device, bytes, w->weight.name, err);
        if (!converted)
            return false;
        if (!convert(w, quant, threads, converted, err)) {
            if (packs || w->device)
                free(converted);
            return false;
        }
        data = converted;
    }
    if (packs) {
        packed = pack(w, quant, data, pool, threads, &bytes, err);
        free(converted);
        if (!packed)
            return false;
        data = packed;
    }
    if (w->device) {
        bool ok = upload(w, data, bytes, err);
        free(packs ? packed : converted);
        return ok;
    }
    w->owned_bytes = data != t->data ? bytes : 0;
    w->weight.data = data;
    return true;
}

void weight_release(placed_weight *w)
{
    if (w->owned)
        w->device->backend->release(w->device->handle, w->owned);
    w->owned = NULL;
}
