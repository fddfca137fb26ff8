/* safetensors, one file: the length of a JSON header, the header, the data. The header names each tensor with its
 * dtype, shape and [begin, end) within the data; the tensors fill the data without a hole. A file is accepted when
 * the reference implementation accepts it, except that names may neither come twice nor hold a NUL and that the header
 * begins with {, as the specification has it.
 * Specification: https://github.com/huggingface/safetensors#format */
#include "checkpoint/safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "checkpoint/json_scan.h"

enum { LENGTH_BYTES = 8, MAX_DTYPE_BYTES = 40 };

/* A tensor's entry while its members are read. */
typedef struct entry {
    char stored_as[sizeof "safetensors:" + MAX_DTYPE_BYTES];
    uint64_t begin, end;
    bool has_dtype, has_shape, has_offsets;
} entry;

static bool fail_in(json_scan *s, size_t at, const char *tensor, const char *what)
{
    s->failed = true;
    return ckpt_fail(s->file, at, s->err, BORA_FORMAT, "tensor \"%.200s\": %s", tensor, what);
}

static bool read_dtype(json_scan *s, const char *tensor, entry *e)
{
    size_t at = scan_at(s);
    if (!scan_string(s))
        return false;
    if (s->text.len > MAX_DTYPE_BYTES || strlen(buf_text(&s->text)) != s->text.len)
        return fail_in(s, at, tensor, "its dtype is no dtype");
    snprintf(e->stored_as, sizeof e->stored_as, "safetensors:%s", buf_text(&s->text));
    return true;
}

static bool read_shape(json_scan *s, bora_tensor_info *t)
{
    scan_enter(s, '[');
    for (size_t n = 0; scan_more(s, ']', &n);) {
        size_t at = scan_at(s);
        uint64_t dim;
        if (!scan_uint(s, &dim))
            return false;
        if (n > BORA_MAX_DIMS) {
            s->failed = true;
            return ckpt_fail(s->file, at, s->err, BORA_UNSUPPORTED,
                             "tensor \"%.200s\" has more than %d dimensions, which is what can be read", t->name,
                             BORA_MAX_DIMS);
        }
        if (dim > INT64_MAX)
            return fail_in(s, at, t->name, "a dimension above 2^63-1");
        t->shape[t->n_dims++] = (int64_t)dim;
    }
    return !s->failed;
}

static bool read_offsets(json_scan *s, const char *tensor, entry *e)
{
    size_t at = scan_at(s), n = 0;
    uint64_t offsets[2] = { 0 };
    for (scan_enter(s, '['); scan_more(s, ']', &n);)
        if (n > 2 || !scan_uint(s, &offsets[n - 1]))
            break;
    if (s->failed)
        return false;
    if (n != 2)
        return fail_in(s, at, tensor, "data_offsets must be two numbers");
    e->begin = offsets[0];
    e->end = offsets[1];
    return true;
}

static bool read_entry(json_scan *s, bora_tensor_info *t, entry *e)
{
    scan_enter(s, '{');
    for (size_t n = 0; scan_more(s, '}', &n);) {
        size_t at = scan_at(s);
        if (!scan_key(s))
            return false;
        const char *key = buf_text(&s->text);
        bool *seen = strcmp(key, "dtype") == 0          ? &e->has_dtype
                     : strcmp(key, "shape") == 0        ? &e->has_shape
                     : strcmp(key, "data_offsets") == 0 ? &e->has_offsets
                                                        : NULL;
        if (seen && *seen)
            return fail_in(s, at, t->name, "the same member is there twice");
        if (seen)
            *seen = true;
        bool ok = seen == &e->has_dtype     ? read_dtype(s, t->name, e)
                  : seen == &e->has_shape   ? read_shape(s, t)
                  : seen == &e->has_offsets ? read_offsets(s, t->name, e)
                                            : scan_skip(s);
        if (!ok)
            return false;
    }
    return !s->failed;
}

/* The value that follows the name in s->text. */
static bool read_tensor(json_scan *s, bora_checkpoint *c, size_t part, size_t at, size_t data_at)
{
    ckpt_tensor tensor = { .part = part, .header_at = at };
    bora_tensor_info *t = &tensor.info;
    entry e = { 0 };
    t->name = arena_strdup(&c->mem, buf_text(&s->text));
    if (!t->name)
        return bora_fail_memory(s->err, s->file->path);
    if (!read_entry(s, t, &e))
        return false;
    if (!e.has_dtype || !e.has_shape || !e.has_offsets)
        return fail_in(s, at, t->name, "dtype, shape and data_offsets are needed");
    for (int d = t->n_dims; d < BORA_MAX_DIMS; d++)
        t->shape[d] = 1;
    if (!ckpt_measure(c, s->file, at, e.stored_as, t, s->err))
        return false;
    if (e.begin > e.end)
        return fail_in(s, at, t->name, "its data_offsets end before they begin");
    if (e.end > s->file->size - data_at)
        return ckpt_fail(s->file, at, s->err, BORA_FORMAT,
                         "tensor \"%.200s\": its data end at offset %" PRIu64 ", but the file (%zu bytes, truncated?) "
                         "holds %zu bytes of data",
                         t->name, e.end, s->file->size, s->file->size - data_at);
    if (e.end - e.begin != t->size_bytes)
        return ckpt_fail(s->file, at, s->err, BORA_FORMAT,
                         "tensor \"%.200s\": its dtype and shape take %zu bytes, but its data_offsets span %" PRIu64,
                         t->name, t->size_bytes, e.end - e.begin);
    t->file = s->file->path;
    t->file_offset = data_at + e.begin;
    t->data = s->file->data + t->file_offset;
    return ckpt_add_tensor(c, &tensor, s->err);
}

/* `__metadata__`: an object of strings, or null. */
static bool read_metadata(json_scan *s, bora_checkpoint *c)
{
    scan_at(s);
    if (s->end - s->pos >= 4 && memcmp(s->file->data + s->pos, "null", 4) == 0)
        return scan_skip(s);
    scan_enter(s, '{');
    for (size_t n = 0; scan_more(s, '}', &n);) {
        size_t at = scan_at(s);
        bora_meta meta = { .type = BORA_META_STRING };
        if (!scan_key(s))
            return false;
        meta.key = arena_strdup(&c->mem, buf_text(&s->text));
        if (!scan_string(s))
            return false;
        meta.text = (bora_text){ arena_strndup(&c->mem, buf_text(&s->text), s->text.len), s->text.len };
        if (!meta.key || !meta.text.data)
            return bora_fail_memory(s->err, s->file->path);
        if (!ckpt_add_meta(c, &meta, at, s->err))
            return false;
    }
    return !s->failed;
}

static bool read_header(json_scan *s, bora_checkpoint *c, size_t part)
{
    bool has_metadata = false;
    size_t data_at = s->end;
    scan_enter(s, '{');
    for (size_t n = 0; scan_more(s, '}', &n);) {
        size_t at = scan_at(s);
        if (!scan_key(s))
            return false;
        if (strcmp(buf_text(&s->text), "__metadata__") != 0) {
            if (!read_tensor(s, c, part, at, data_at))
                return false;
        } else if (has_metadata) {
            return ckpt_fail(s->file, at, s->err, BORA_FORMAT, "__metadata__ is there twice");
        } else {
            has_metadata = true;
            if (!read_metadata(s, c))
                return false;
        }
    }
    return scan_end(s);
}

/* The reference implementation takes no holes, no overlaps, and nothing after the last tensor. */
static bool check_coverage(bora_checkpoint *c, const ckpt_bytes *file, size_t first, size_t data_at, bora_error *err)
{
    ckpt_sort_tensors(c, first);
    uint64_t end = data_at;
    for (size_t i = first; i < c->n_tensors; i++) {
        const bora_tensor_info *t = &c->tensors[i].info;
        if (t->file_offset != end)
            return ckpt_fail(file, c->tensors[i].header_at, err, BORA_FORMAT,
                             "tensor \"%.200s\" begins at byte %" PRIu64 ", but what is before it ends at byte %" PRIu64
                             ": tensors may neither overlap nor leave a hole",
                             t->name, t->file_offset, end);
        end += t->size_bytes;
    }
    if (end != file->size)
        return ckpt_fail(file, end, err, BORA_FORMAT, "%" PRIu64 " bytes follow the last tensor", file->size - end);
    return true;
}

bool safetensors_parse(bora_checkpoint *c, const ckpt_bytes *file, size_t part, bora_error *err)
{
    if (file->size < LENGTH_BYTES)
        return ckpt_fail(file, 0, err, BORA_FORMAT, "not a safetensors file: it has only %zu bytes", file->size);
    uint64_t length = ckpt_little_endian(file->data, LENGTH_BYTES);
    if (length > CKPT_HEADER_LIMIT)
        return ckpt_fail(file, 0, err, BORA_FORMAT,
                         "not a safetensors file: it begins with a header length of %" PRIu64 ", the limit is %d",
                         length, CKPT_HEADER_LIMIT);
    if (length > file->size - LENGTH_BYTES)
        return ckpt_fail(file, 0, err, BORA_FORMAT,
                         "a header of %" PRIu64 " bytes is claimed, but the file has only %zu: truncated?", length,
                         file->size);
    size_t data_at = LENGTH_BYTES + (size_t)length;
    if (length == 0 || file->data[LENGTH_BYTES] != '{')
        return ckpt_fail(file, LENGTH_BYTES, err, BORA_FORMAT,
                         "not a safetensors file: its header does not begin with {");

    size_t first_tensor = c->n_tensors, first_meta = c->n_metas;
    json_scan s = { .file = file, .pos = LENGTH_BYTES, .end = data_at, .err = err };
    bool ok = read_header(&s, c, part);
    buf_free(&s.text);
    ckpt_name *names = ok ? ckpt_name_metas(c, first_meta, file, err) : NULL;
    if (!names)
        return false;
    if (part == 0)
        c->meta_names = names;
    else
        c->n_metas = first_meta;
    return check_coverage(c, file, first_tensor, data_at, err);
}

bool safetensors_open(bora_checkpoint *c, const char *const *paths, size_t n_paths, bora_error *err)
{
    c->container = "safetensors";
    for (size_t i = 0; i < n_paths; i++) {
        ckpt_bytes file;
        if (!ckpt_map(c, paths[i], &file, err) || !safetensors_parse(c, &file, i, err))
            return false;
    }
    return ckpt_finish(c, err);
}
