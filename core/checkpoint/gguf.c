/* GGUF, one file: magic, version, counts, metadata, then one entry per tensor (name, shape, type, offset), then their
 * data. Integers are little-endian; a shape lists the fastest dimension first. */
#include "checkpoint/gguf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_NAME_BYTES = 65535,
    DEFAULT_ALIGNMENT = 32,
    MIN_TENSOR_BYTES = 8 + 4 + 4 + 8, /* an empty name, no dimensions, type, offset */
};

const uint8_t *gguf_take(gguf_cursor *cur, uint64_t n, const char *what)
{
    if (n > cur->end - cur->pos) {
        if (cur->end < cur->file->size)
            ckpt_fail(cur->file, cur->pos, cur->err, BORA_LIMIT, "%.200s: the header goes beyond the limit of %d bytes",
                      what, CKPT_HEADER_LIMIT);
        else
            ckpt_fail(cur->file, cur->pos, cur->err, BORA_FORMAT,
                      "%.200s: %" PRIu64 " bytes are needed, but the file ends after %zu", what, n,
                      cur->end - cur->pos);
        return NULL;
    }
    const uint8_t *bytes = cur->file->data + cur->pos;
    cur->pos += (size_t)n;
    return bytes;
}

bool gguf_u32(gguf_cursor *cur, uint32_t *out, const char *what)
{
    const uint8_t *bytes = gguf_take(cur, 4, what);
    if (bytes)
        *out = (uint32_t)ckpt_little_endian(bytes, 4);
    return bytes;
}

bool gguf_u64(gguf_cursor *cur, uint64_t *out, const char *what)
{
    const uint8_t *bytes = gguf_take(cur, 8, what);
    if (bytes)
        *out = ckpt_little_endian(bytes, 8);
    return bytes;
}

bool gguf_name(gguf_cursor *cur, arena *mem, const char **out, const char *what)
{
    size_t at = cur->pos;
    uint64_t len;
    if (!gguf_u64(cur, &len, what))
        return false;
    const uint8_t *bytes = gguf_take(cur, len, what);
    if (!bytes)
        return false;
    if (len > MAX_NAME_BYTES)
        return ckpt_fail(cur->file, at, cur->err, BORA_FORMAT, "%s of %" PRIu64 " bytes; at most %d are allowed", what,
                         len, MAX_NAME_BYTES);
    if (len && memchr(bytes, 0, (size_t)len))
        return ckpt_fail(cur->file, at, cur->err, BORA_FORMAT, "%s holds a NUL", what);
    *out = arena_strndup(mem, (const char *)bytes, (size_t)len);
    return *out || bora_fail_memory(cur->err, cur->file->path);
}

static bool read_version(gguf_cursor *cur)
{
    const uint8_t *magic = gguf_take(cur, 4, "the magic bytes");
    if (!magic)
        return false;
    if (memcmp(magic, "GGUF", 4) != 0)
        return ckpt_fail(cur->file, 0, cur->err, BORA_FORMAT,
                         "not a GGUF file: it begins with the bytes %02x %02x %02x %02x", magic[0], magic[1], magic[2],
                         magic[3]);
    uint32_t version;
    if (!gguf_u32(cur, &version, "the version"))
        return false;
    if (version != 0 && (version & 0xffff) == 0)
        return ckpt_fail(cur->file, 4, cur->err, BORA_UNSUPPORTED,
                         "a big-endian GGUF file, which cannot be mapped here: convert it to little-endian");
    if (version == 1)
        return ckpt_fail(cur->file, 4, cur->err, BORA_UNSUPPORTED,
                         "GGUF version 1 is too old: versions 2 and 3 are read; convert the model again");
    if (version < 2 || version > 3)
        return ckpt_fail(cur->file, 4, cur->err, BORA_UNSUPPORTED,
                         "GGUF version %" PRIu32 " is unknown: versions 2 and 3 are read", version);
    return true;
}

/* A count of things of at least `min_bytes` each, held against the bytes that are left. */
static bool check_count(gguf_cursor *cur, size_t at, uint64_t n, size_t min_bytes, const char *what)
{
    size_t left = cur->end - cur->pos;
    if (n <= left / min_bytes)
        return true;
    return ckpt_fail(cur->file, at, cur->err, BORA_FORMAT,
                     "%" PRIu64 " %s are claimed, but the %zu bytes that follow hold %zu at most", n, what, left,
                     left / min_bytes);
}

/* One tensor's entry; its offset is still relative to where the data begin. */
static bool read_tensor(gguf_cursor *cur, bora_checkpoint *c, ckpt_tensor *out)
{
    *out = (ckpt_tensor){ .header_at = cur->pos };
    bora_tensor_info *t = &out->info;
    size_t at;
    uint32_t n_dims, type;
    if (!gguf_name(cur, &c->mem, &t->name, "a tensor's name"))
        return false;
    at = cur->pos;
    if (!gguf_u32(cur, &n_dims, t->name))
        return false;
    if (n_dims > BORA_MAX_DIMS)
        return ckpt_fail(cur->file, at, cur->err, BORA_FORMAT,
                         "tensor \"%.200s\" has %" PRIu32 " dimensions; at most %d are read", t->name, n_dims,
                         BORA_MAX_DIMS);
    t->n_dims = (int)n_dims;
    for (int d = 0; d < BORA_MAX_DIMS; d++)
        t->shape[d] = 1;
    for (int d = t->n_dims - 1; d >= 0; d--) {
        uint64_t dim;
        at = cur->pos;
        if (!gguf_u64(cur, &dim, t->name))
            return false;
        if (dim > INT64_MAX)
            return ckpt_fail(cur->file, at, cur->err, BORA_FORMAT, "tensor \"%.200s\" has a dimension of %" PRIu64,
                             t->name, dim);
        t->shape[d] = (int64_t)dim;
    }
    at = cur->pos;
    if (!gguf_u32(cur, &type, t->name))
        return false;
    char stored_as[32];
    snprintf(stored_as, sizeof stored_as, "gguf:%" PRIu32, type);
    if (!ckpt_measure(c, cur->file, at, stored_as, t, cur->err))
        return false;
    t->file = cur->file->path;
    return gguf_u64(cur, &t->file_offset, t->name);
}

/* Offsets become absolute; every tensor is aligned, inside the file, and overlaps no other. */
static bool place_tensors(bora_checkpoint *c, const ckpt_bytes *file, size_t first, uint64_t data_at,
                          uint32_t alignment, bora_error *err)
{
    for (size_t i = first; i < c->n_tensors; i++) {
        bora_tensor_info *t = &c->tensors[i].info;
        uint64_t at = c->tensors[i].header_at, offset = t->file_offset;
        if (offset % alignment != 0)
            return ckpt_fail(file, at, err, BORA_FORMAT,
                             "tensor \"%.200s\": its offset %" PRIu64 " is no multiple of the alignment %" PRIu32,
                             t->name, offset, alignment);
        if (data_at > file->size || offset > file->size - data_at || t->size_bytes > file->size - data_at - offset)
            return ckpt_fail(file, at, err, BORA_FORMAT,
                             "tensor \"%.200s\": its %zu bytes at offset %" PRIu64 " of the data (which begin at byte "
                             "%" PRIu64 ") go beyond the end of the file at byte %zu",
                             t->name, t->size_bytes, offset, data_at, file->size);
        t->file_offset = data_at + offset;
        t->data = file->data + t->file_offset;
    }
    ckpt_sort_tensors(c, first);
    const bora_tensor_info *before = NULL;
    for (size_t i = first; i < c->n_tensors; i++) {
        const bora_tensor_info *t = &c->tensors[i].info;
        if (t->size_bytes == 0)
            continue;
        if (before && t->file_offset < before->file_offset + before->size_bytes)
            return ckpt_fail(file, c->tensors[i].header_at, err, BORA_FORMAT,
                             "tensor \"%.200s\" overlaps \"%.200s\" at byte %" PRIu64, t->name, before->name,
                             t->file_offset);
        before = t;
    }
    return true;
}

/* The integer value of `key` among the metadata from `first` on, or `fallback`. */
static bool find_int(const bora_checkpoint *c, size_t first, const ckpt_bytes *file, const char *key, int64_t fallback,
                     int64_t *out, bora_error *err)
{
    *out = fallback;
    for (size_t i = first; i < c->n_metas; i++) {
        const bora_meta *meta = &c->metas[i].meta;
        if (strcmp(meta->key, key) != 0)
            continue;
        if (meta->type != BORA_META_INT || meta->i < 0)
            return ckpt_fail(file, c->metas[i].header_at, err, BORA_FORMAT, "%s is no count", key);
        *out = meta->i;
    }
    return true;
}

static bool find_split(const bora_checkpoint *c, size_t first, const ckpt_bytes *file, gguf_split *split,
                       bora_error *err)
{
    if (!find_int(c, first, file, "split.no", 0, &split->no, err) ||
        !find_int(c, first, file, "split.count", 1, &split->count, err) ||
        !find_int(c, first, file, "split.tensors.count", -1, &split->n_tensors, err))
        return false;
    if (split->count == 0)
        split->count = 1;
    if (split->no >= split->count)
        return ckpt_fail(file, 0, err, BORA_FORMAT, "split.no is %" PRId64 ", but split.count is %" PRId64, split->no,
                         split->count);
    return true;
}

bool gguf_parse(bora_checkpoint *c, const ckpt_bytes *file, gguf_split *split, bora_error *err)
{
    size_t end = file->size < CKPT_HEADER_LIMIT ? file->size : CKPT_HEADER_LIMIT;
    gguf_cursor cur = { .file = file, .end = end, .err = err };
    size_t first_meta = c->n_metas, first_tensor = c->n_tensors;
    uint64_t n_tensors, n_metas;
    if (!read_version(&cur) || !gguf_u64(&cur, &n_tensors, "the number of tensors") ||
        !gguf_u64(&cur, &n_metas, "the number of keys"))
        return false;
    if (!check_count(&cur, 8, n_tensors, MIN_TENSOR_BYTES, "tensors") ||
        !check_count(&cur, 16, n_metas, GGUF_MIN_META_BYTES, "keys"))
        return false;

    uint32_t alignment = DEFAULT_ALIGNMENT;
    for (uint64_t i = 0; i < n_metas; i++) {
        size_t at = cur.pos;
        bora_meta meta;
        if (!gguf_read_meta(&cur, &c->mem, &meta, &alignment) || !ckpt_add_meta(c, &meta, at, err))
            return false;
    }
    ckpt_name *names = ckpt_name_metas(c, first_meta, file, err);
    if (!names || !find_split(c, first_meta, file, split, err))
        return false;
    if (split->no == 0 && first_meta == 0)
        c->meta_names = names;
    else
        c->n_metas = first_meta;

    for (uint64_t i = 0; i < n_tensors; i++) {
        ckpt_tensor tensor;
        if (!read_tensor(&cur, c, &tensor))
            return false;
        tensor.part = (size_t)split->no;
        if (!ckpt_add_tensor(c, &tensor, err))
            return false;
    }
    uint64_t data_at = (cur.pos + (uint64_t)alignment - 1) / alignment * alignment;
    return place_tensors(c, file, first_tensor, data_at, alignment, err);
}
