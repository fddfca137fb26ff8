/* GGUF metadata: a key, a type, a value. Integers of every width become int64_t, both floats become double, and arrays
 * become plain C arrays of these, so that nobody above has to know thirteen types. */
#include <inttypes.h>
#include <string.h>

#include "checkpoint/gguf.h"

enum {
    TYPE_UINT8,
    TYPE_INT8,
    TYPE_UINT16,
    TYPE_INT16,
    TYPE_UINT32,
    TYPE_INT32,
    TYPE_FLOAT32,
    TYPE_BOOL,
    TYPE_STRING,
    TYPE_ARRAY,
    TYPE_UINT64,
    TYPE_INT64,
    TYPE_FLOAT64,
    N_TYPES,
};

/* Bytes in the file (of a string: the least), and what it is here. */
static const struct {
    uint8_t bytes;
    bora_meta_type as;
} types[N_TYPES] = {
    [TYPE_UINT8] = { 1, BORA_META_INT },     [TYPE_INT8] = { 1, BORA_META_INT },
    [TYPE_UINT16] = { 2, BORA_META_INT },    [TYPE_INT16] = { 2, BORA_META_INT },
    [TYPE_UINT32] = { 4, BORA_META_INT },    [TYPE_INT32] = { 4, BORA_META_INT },
    [TYPE_FLOAT32] = { 4, BORA_META_FLOAT }, [TYPE_BOOL] = { 1, BORA_META_BOOL },
    [TYPE_STRING] = { 8, BORA_META_STRING }, [TYPE_ARRAY] = { 12, BORA_META_ARRAY },
    [TYPE_UINT64] = { 8, BORA_META_INT },    [TYPE_INT64] = { 8, BORA_META_INT },
    [TYPE_FLOAT64] = { 8, BORA_META_FLOAT },
};

/* An integer type's value; false when it does not fit. */
static bool integer(uint32_t type, const uint8_t *bytes, int64_t *out)
{
    uint64_t v = ckpt_little_endian(bytes, types[type].bytes);
    switch (type) {
    case TYPE_INT8:
        *out = (int8_t)v;
        return true;
    case TYPE_INT16:
        *out = (int16_t)v;
        return true;
    case TYPE_INT32:
        *out = (int32_t)v;
        return true;
    case TYPE_UINT64:
        *out = (int64_t)v;
        return v <= INT64_MAX;
    default: /* 64 bits signed, or unsigned and narrower */
        *out = (int64_t)v;
        return true;
    }
}

static double floating(uint32_t type, const uint8_t *bytes)
{
    uint64_t bits = ckpt_little_endian(bytes, types[type].bytes);
    if (type == TYPE_FLOAT64) {
        double d;
        memcpy(&d, &bits, sizeof d);
        return d;
    }
    uint32_t low = (uint32_t)bits;
    float f;
    memcpy(&f, &low, sizeof f);
    return (double)f;
}

/* `n` values of a scalar type that is not a string, into out[n] of int64_t, double or bool. */
static bool read_scalars(gguf_cursor *cur, const char *key, uint32_t type, uint64_t n, void *out)
{
    size_t at = cur->pos, width = types[type].bytes;
    const uint8_t *bytes = gguf_take(cur, n * width, key);
    if (!bytes)
        return false;
    for (size_t i = 0; i < n; i++, bytes += width, at += width) {
        switch (types[type].as) {
        case BORA_META_INT:
            if (!integer(type, bytes, &((int64_t *)out)[i]))
                return ckpt_fail(cur->file, at, cur->err, BORA_FORMAT,
                                 "key \"%.200s\": a number above 2^63-1 cannot be represented", key);
            break;
        case BORA_META_FLOAT:
            ((double *)out)[i] = floating(type, bytes);
            break;
        default:
            if (*bytes > 1)
                return ckpt_fail(cur->file, at, cur->err, BORA_FORMAT, "key \"%.200s\": a boolean is 0 or 1, not %u",
                                 key, *bytes);
            ((bool *)out)[i] = *bytes;
        }
    }
    return true;
}

/* `n` strings: one table and one block of characters, sized by a first walk over the lengths. */
static bool read_strings(gguf_cursor *cur, arena *mem, const char *key, uint64_t n, bora_text *out)
{
    size_t start = cur->pos;
    uint64_t len;
    for (size_t i = 0; i < n; i++)
        if (!gguf_u64(cur, &len, key) || !gguf_take(cur, len, key))
            return false;
    /* Eight bytes of length per string become one NUL. */
    char *chars = arena_alloc(mem, cur->pos - start - n * 7);
    if (!chars)
        return bora_fail_memory(cur->err, cur->file->path);
    const uint8_t *bytes = cur->file->data + start;
    for (size_t i = 0; i < n; i++) {
        size_t size = (size_t)ckpt_little_endian(bytes, 8);
        memcpy(chars, bytes + 8, size);
        out[i] = (bora_text){ chars, size };
        chars += size + 1;
        bytes += 8 + size;
    }
    return true;
}

static bool read_array(gguf_cursor *cur, arena *mem, bora_meta *out)
{
    size_t at = cur->pos;
    uint32_t type;
    uint64_t n;
    if (!gguf_u32(cur, &type, out->key))
        return false;
    if (type >= N_TYPES)
        return ckpt_fail(cur->file, at, cur->err, BORA_FORMAT,
                         "key \"%.200s\": an array of type %" PRIu32 ", which GGUF does not have", out->key, type);
    if (type == TYPE_ARRAY)
        return ckpt_fail(cur->file, at, cur->err, BORA_UNSUPPORTED,
                         "key \"%.200s\": an array of arrays, which cannot be read", out->key);
    at = cur->pos;
    if (!gguf_u64(cur, &n, out->key))
        return false;
    if (n > (cur->end - cur->pos) / types[type].bytes)
        return ckpt_fail(cur->file, at, cur->err, BORA_FORMAT,
                         "key \"%.200s\": an array of %" PRIu64 " elements of %d bytes or more, but %zu bytes are left",
                         out->key, n, types[type].bytes, cur->end - cur->pos);
    static const size_t elem_bytes[] = {
        [BORA_META_INT] = sizeof(int64_t),
        [BORA_META_FLOAT] = sizeof(double),
        [BORA_META_BOOL] = sizeof(bool),
        [BORA_META_STRING] = sizeof(bora_text),
    };
    out->elem_type = types[type].as;
    out->n_elems = (size_t)n;
    void *elems = arena_array(mem, out->n_elems, elem_bytes[out->elem_type]);
    if (!elems)
        return bora_fail_memory(cur->err, cur->file->path);
    out->ints = elems;
    return type == TYPE_STRING ? read_strings(cur, mem, out->key, n, elems)
                               : read_scalars(cur, out->key, type, n, elems);
}

static bool check_alignment(gguf_cursor *cur, size_t at, uint32_t type, int64_t value, uint32_t *alignment)
{
    if (type != TYPE_UINT32 || value == 0 || (value & (value - 1)) != 0)
        return ckpt_fail(cur->file, at, cur->err, BORA_FORMAT, "general.alignment must be a uint32 and a power of two");
    *alignment = (uint32_t)value;
    return true;
}

bool gguf_read_meta(gguf_cursor *cur, arena *mem, bora_meta *out, uint32_t *alignment)
{
    size_t at = cur->pos;
    uint32_t type;
    *out = (bora_meta){ 0 };
    if (!gguf_name(cur, mem, &out->key, "a key"))
        return false;
    if (!*out->key)
        return ckpt_fail(cur->file, at, cur->err, BORA_FORMAT, "a key is empty");
    at = cur->pos;
    if (!gguf_u32(cur, &type, out->key))
        return false;
    if (type >= N_TYPES)
        return ckpt_fail(cur->file, at, cur->err, BORA_FORMAT,
                         "key \"%.200s\": a value of type %" PRIu32 ", which GGUF does not have", out->key, type);
    out->type = types[type].as;
    bool ok;
    switch (out->type) {
    case BORA_META_INT:
        ok = read_scalars(cur, out->key, type, 1, &out->i);
        break;
    case BORA_META_FLOAT:
        ok = read_scalars(cur, out->key, type, 1, &out->f);
        break;
    case BORA_META_BOOL:
        ok = read_scalars(cur, out->key, type, 1, &out->b);
        break;
    case BORA_META_STRING:
        ok = read_strings(cur, mem, out->key, 1, &out->text);
        break;
    default:
        ok = read_array(cur, mem, out);
    }
    if (ok && strcmp(out->key, "general.alignment") == 0)
        ok = check_alignment(cur, at, type, out->type == BORA_META_INT ? out->i : 0, alignment);
    return ok;
}
