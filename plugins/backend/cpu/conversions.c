/* Activations in the formats of tiles: made once for all that read them, and remembered while they are true.
 *
 * What stands in memory is known by where it stands. A conversion is dropped as soon as a step writes to any byte of
 * the rows that it was made of: the memory of results that nobody needs any more is used again, for others. */
#include "cpu.h"

void cpu_forget_all(bora_device *device)
{
    for (int i = 0; i < CPU_CONVERSIONS; i++)
        device->conversions[i].x.data = NULL;
}

void cpu_forget(bora_device *device, const bora_view *written)
{
    for (int i = 0; i < CPU_CONVERSIONS; i++)
        if (device->conversions[i].x.data && cpu_overlap(&device->conversions[i].x, written))
            device->conversions[i].x.data = NULL;
}

static bool same(const cpu_conversion *c, const bora_view *x, const bora_quant *format)
{
    return c->x.data == x->data && c->x.rows == x->rows && c->x.width == x->width && c->format == format;
}

cpu_conversion *cpu_conversion_of(bora_device *device, const bora_view *x, const bora_quant *format, bool *fresh,
                                  bora_error *err)
{
    cpu_conversion *oldest = device->conversions;
    for (cpu_conversion *c = oldest; c < device->conversions + CPU_CONVERSIONS; c++) {
        if (same(c, x, format)) {
            c->used = device->n_jobs;
            *fresh = false;
            return c;
        }
        oldest = c->used < oldest->used ? c : oldest;
    }
    if (x->width % format->block_elems != 0) {
        bora_fail(err, BORA_UNSUPPORTED, "rows of %lld numbers cannot be turned into %s, blocks of %d",
                  (long long)x->width, format->name, format->block_elems);
        return NULL;
    }
    size_t row_bytes = bora_row_bytes(format, x->width);
    oldest->x.data = NULL;
    if (!cpu_reserve(&oldest->blocks, (size_t)x->rows * row_bytes, err))
        return NULL;
    oldest->x = *x;
    oldest->format = format;
    oldest->row_bytes = row_bytes;
    oldest->used = device->n_jobs;
    *fresh = true;
    return oldest;
}

void cpu_convert(const cpu_conversion *c, int64_t begin, int64_t end)
{
    for (int64_t r = begin; r < end; r++)
        c->format->quantize(c->x.data + r * c->x.width, NULL, (char *)c->blocks.data + (size_t)r * c->row_bytes,
                            (size_t)c->x.width);
}
