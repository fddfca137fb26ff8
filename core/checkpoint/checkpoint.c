/* A checkpoint while it is being read, and afterwards: two growing lists (tensors, metadata), each with a table of
 * names sorted for binary search. Sorting instead of hashing: names come from strangers, and no choice of names makes a
 * sort slow. */
#include "checkpoint/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bora_checkpoint *ckpt_new(bora_quant_lookup lookup, void *lookup_ctx, bora_error *err)
{
    bora_checkpoint *c = calloc(1, sizeof *c);
    if (!c) {
        bora_fail_memory(err, "a checkpoint");
        return NULL;
    }
    c->lookup = lookup;
    c->lookup_ctx = lookup_ctx;
    return c;
}

void bora_checkpoint_close(bora_checkpoint *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_maps; i++)
        file_unmap(&c->maps[i]);
    free(c->maps);
    free(c->tensors);
    free(c->metas);
    arena_free(&c->mem);
    free(c);
}

/* Makes room for one more element in a malloc'd list. */
static bool grow(void **items, size_t n, size_t *cap, size_t elem_bytes, bora_error *err)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 16;
    void *grown = reallocarray(*items, more, elem_bytes);
    if (!grown)
        return bora_fail_memory(err, "the list of a checkpoint's tensors");
    *items = grown;
    *cap = more;
    return true;
}

bool ckpt_map(bora_checkpoint *c, const char *path, ckpt_bytes *out, bora_error *err)
{
    void *maps = c->maps;
    if (!grow(&maps, c->n_maps, &c->cap_maps, sizeof *c->maps, err))
        return false;
    c->maps = maps;
    const char *own_path = arena_strdup(&c->mem, path);
    if (!own_path)
        return bora_fail_memory(err, path);
    mapped_file *map = &c->maps[c->n_maps];
    if (!file_map(path, map, err))
        return false;
    c->n_maps++;
    *out = (ckpt_bytes){ own_path, map->data, map->size };
    return true;
}

void ckpt_forget(const bora_checkpoint *c, const bora_tensor_info *tensor)
{
    const uintptr_t data = (uintptr_t)tensor->data;
    for (size_t i = 0; i < c->n_maps; i++) {
        const uintptr_t begin = (uintptr_t)c->maps[i].data;
        if (data >= begin && data - begin < c->maps[i].size)
            file_forget(&c->maps[i], data - begin, (size_t)tensor->size_bytes);
    }
}

bool ckpt_fail(const ckpt_bytes *file, uint64_t at, bora_error *err, bora_code code, const char *fmt, ...)
{
    char what[sizeof err->message];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return bora_fail(err, code, "%s: at byte %" PRIu64 ": %s", file->path, at, what);
}

bool ckpt_measure(const bora_checkpoint *c, const ckpt_bytes *file, uint64_t at, const char *stored_as,
                  bora_tensor_info *t, bora_error *err)
{
    const bora_quant *quant = c->lookup ? c->lookup(c->lookup_ctx, stored_as) : NULL;
    if (!quant)
        return ckpt_fail(file, at, err, BORA_UNSUPPORTED,
                         "tensor \"%.200s\" is stored as \"%s\", a format that no loaded plugin offers", t->name,
                         stored_as);
    if (quant->block_elems <= 0 || quant->block_bytes == 0)
        return bora_fail(err, BORA_INTERNAL, "the format \"%s\" has blocks of %d numbers in %zu bytes", quant->name,
                         quant->block_elems, quant->block_bytes);

    /* A dimension of zero makes the product zero, but the product of the others must be sound in any order. */
    int64_t n_elems = 1, n_blocks = 1;
    for (int d = 0; d < t->n_dims; d++) {
        if (__builtin_mul_overflow(n_elems, t->shape[d] ? t->shape[d] : 1, &n_elems))
            return ckpt_fail(file, at, err, BORA_FORMAT, "tensor \"%.200s\": its shape holds more than 2^63 numbers",
                             t->name);
    }
    int64_t row = t->n_dims ? t->shape[t->n_dims - 1] : 1;
    if (row % quant->block_elems != 0)
        return ckpt_fail(file, at, err, BORA_FORMAT,
                         "tensor \"%.200s\": rows of %" PRId64 " numbers are no whole number of %s blocks (%d each)",
                         t->name, row, quant->name, quant->block_elems);
    for (int d = 0; d < t->n_dims - 1; d++)
        n_blocks *= t->shape[d];
    n_blocks *= row / quant->block_elems;
    if (__builtin_mul_overflow((size_t)n_blocks, quant->block_bytes, &t->size_bytes))
        return ckpt_fail(file, at, err, BORA_FORMAT, "tensor \"%.200s\": its shape takes more than 2^64 bytes",
                         t->name);
    t->quant = quant;
    return true;
}

bool ckpt_add_tensor(bora_checkpoint *c, const ckpt_tensor *tensor, bora_error *err)
{
    void *tensors = c->tensors;
    if (!grow(&tensors, c->n_tensors, &c->cap_tensors, sizeof *c->tensors, err))
        return false;
    c->tensors = tensors;
    c->tensors[c->n_tensors++] = *tensor;
    return true;
}

bool ckpt_add_meta(bora_checkpoint *c, const bora_meta *meta, uint64_t header_at, bora_error *err)
{
    void *metas = c->metas;
    if (!grow(&metas, c->n_metas, &c->cap_metas, sizeof *c->metas, err))
        return false;
    c->metas = metas;
    c->metas[c->n_metas++] = (ckpt_meta){ *meta, header_at };
    return true;
}

static int by_part_and_offset(const void *pa, const void *pb)
{
    const ckpt_tensor *a = pa, *b = pb;
    if (a->part != b->part)
        return a->part < b->part ? -1 : 1;
    if (a->info.file_offset != b->info.file_offset)
        return a->info.file_offset < b->info.file_offset ? -1 : 1;
    if (a->info.size_bytes != b->info.size_bytes)
        return a->info.size_bytes < b->info.size_bytes ? -1 : 1;
    return (a->header_at > b->header_at) - (a->header_at < b->header_at);
}

void ckpt_sort_tensors(bora_checkpoint *c, size_t first)
{
    if (c->n_tensors > first)
        qsort(c->tensors + first, c->n_tensors - first, sizeof *c->tensors, by_part_and_offset);
}

static int by_name(const void *pa, const void *pb)
{
    const ckpt_name *a = pa, *b = pb;
    int order = strcmp(a->name, b->name);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* Sorts the table; returns the second of two equal names, or NULL. */
static const ckpt_name *sort_names(ckpt_name *names, size_t n)
{
    if (n > 1)
        qsort(names, n, sizeof *names, by_name);
    for (size_t i = 1; i < n; i++)
        if (strcmp(names[i - 1].name, names[i].name) == 0)
            return &names[i];
    return NULL;
}

ckpt_name *ckpt_name_metas(bora_checkpoint *c, size_t first, const ckpt_bytes *file, bora_error *err)
{
    size_t n = c->n_metas - first;
    ckpt_name *names = arena_array(&c->mem, n, sizeof *names);
    if (!names) {
        bora_fail_memory(err, file->path);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        names[i] = (ckpt_name){ c->metas[first + i].meta.key, first + i };
    const ckpt_name *twice = sort_names(names, n);
    if (twice) {
        ckpt_fail(file, c->metas[twice->index].header_at, err, BORA_FORMAT, "the key \"%.200s\" is there twice",
                  twice->name);
        return NULL;
    }
    return names;
}

bool ckpt_finish(bora_checkpoint *c, bora_error *err)
{
    c->tensor_names = arena_array(&c->mem, c->n_tensors, sizeof *c->tensor_names);
    if (!c->tensor_names)
        return bora_fail_memory(err, "the names of a checkpoint's tensors");
    for (size_t i = 0; i < c->n_tensors; i++)
        c->tensor_names[i] = (ckpt_name){ c->tensors[i].info.name, i };
    const ckpt_name *twice = sort_names(c->tensor_names, c->n_tensors);
    if (twice) {
        const ckpt_tensor *a = &c->tensors[twice[-1].index], *b = &c->tensors[twice->index];
        return ckpt_fail(&(ckpt_bytes){ .path = b->info.file }, b->header_at, err, BORA_FORMAT,
                         "tensor \"%.200s\" is there twice; the other is in %s at byte %" PRIu64, b->info.name,
                         path_base(a->info.file), a->header_at);
    }
    return true;
}

/* The index of `name`, or SIZE_MAX. */
static size_t find_name(const ckpt_name *names, size_t n, const char *name)
{
    size_t low = 0;
    while (low < n) {
        size_t mid = low + (n - low) / 2;
        int order = strcmp(names[mid].name, name);
        if (order == 0)
            return names[mid].index;
        if (order < 0)
            low = mid + 1;
        else
            n = mid;
    }
    return SIZE_MAX;
}

const char *bora_checkpoint_container(const bora_checkpoint *c)
{
    return c->container;
}

size_t bora_checkpoint_n_tensors(const bora_checkpoint *c)
{
    return c->n_tensors;
}

const bora_tensor_info *bora_checkpoint_tensor(const bora_checkpoint *c, size_t index)
{
    return index < c->n_tensors ? &c->tensors[index].info : NULL;
}

const bora_tensor_info *bora_checkpoint_find(const bora_checkpoint *c, const char *name)
{
    return bora_checkpoint_tensor(c, find_name(c->tensor_names, c->n_tensors, name));
}

size_t bora_checkpoint_n_meta(const bora_checkpoint *c)
{
    return c->n_metas;
}

const bora_meta *bora_checkpoint_meta_at(const bora_checkpoint *c, size_t index)
{
    return index < c->n_metas ? &c->metas[index].meta : NULL;
}

const bora_meta *bora_checkpoint_meta(const bora_checkpoint *c, const char *key)
{
    return bora_checkpoint_meta_at(c, find_name(c->meta_names, c->n_metas, key));
}
