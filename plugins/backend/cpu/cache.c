#include "cache.h"

#include <string.h>

enum { Q8_BLOCK = 32, SCALE_BYTES = 2 };

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* By its name and what a block is: a format of that name that lies otherwise is another format. */
static cpu_number_kind kind_of(const bora_quant *quant)
{
    static const struct {
        const char *name;
        int block_elems;
        size_t block_bytes;
    } known[] = {
        [CPU_F32] = { "f32", 1, sizeof(float) },
        [CPU_F16] = { "f16", 1, sizeof(uint16_t) },
        [CPU_BF16] = { "bf16", 1, sizeof(uint16_t) },
        [CPU_Q8] = { "q8_0", Q8_BLOCK, SCALE_BYTES + Q8_BLOCK },
    };
    if (!quant || quant->plain)
        return CPU_F32;
    for (cpu_number_kind kind = CPU_F32; kind < CPU_OTHER; kind++)
        if (strcmp(quant->name, known[kind].name) == 0 && quant->block_elems == known[kind].block_elems &&
            quant->block_bytes == known[kind].block_bytes)
            return kind;
    return CPU_OTHER;
}

/* Numbers of a row in whole blocks. */
static size_t whole(const bora_quant *quant, int32_t n)
{
    return quant ? round_up((size_t)n, (size_t)quant->block_elems) : (size_t)n;
}

cpu_cache cpu_cache_of(const bora_call *call, const cpu_attention_loops *loops)
{
    const bora_attention_attrs *a = call->attrs;
    const bora_quant *quant = call->state->spec.format;
    int32_t value_dim = bora_attention_value_dim(a);
    cpu_cache cache = {
        .state = call->state,
        .loops = loops,
        .kind = kind_of(quant),
        .quant = quant,
        .has_v = call->n_inputs > 2,
        .n_kv_heads = a->n_kv_heads,
        .head_dim = a->head_dim,
        .value_dim = value_dim,
        .block_tokens = call->state->block_tokens,
        .key_bytes = bora_cache_row_bytes(quant, a->head_dim),
        .value_bytes = bora_cache_row_bytes(quant, value_dim),
        .key_width = round_up(whole(quant, a->head_dim), ATTENTION_LANES),
        .value_width = round_up((size_t)value_dim, ATTENTION_LANES),
    };
    cache.columns = cache.has_v && cache.kind != CPU_OTHER;
    return cache;
}

/* The width of rows in the scratch. */
static size_t row_width(const cpu_cache *c)
{
    return c->has_v ? larger(c->key_width, round_up(whole(c->quant, c->value_dim), ATTENTION_LANES)) : c->key_width;
}

size_t cpu_cache_scratch(const cpu_cache *c)
{
    size_t columns = (size_t)ATTENTION_UNIT * round_up((size_t)c->head_dim, Q8_BLOCK);
    /* A row is turned to floats or from floats: the second one is where its bytes are. */
    return columns + (size_t)(ATTENTION_UNIT + 1) * row_width(c) +
           larger(c->key_bytes, c->value_bytes) / sizeof(float) + ATTENTION_LANES;
}

/* Rows that lie before those of a head of a block, in the keys or in the values. */
static size_t rows_before(const cpu_cache *c, int32_t block, int32_t kv_head)
{
    return ((size_t)block * (size_t)c->n_kv_heads + (size_t)kv_head) * (size_t)c->block_tokens;
}

static char *head_keys(const cpu_cache *c, int32_t block, int32_t kv_head)
{
    return (char *)c->state->blocks + rows_before(c, block, kv_head) * c->key_bytes;
}

/* Keys of up to ATTENTION_UNIT positions of a block: where their columns begin, how many positions these have, and
 * which of them one is. */
typedef struct key_unit {
    char *at;
    size_t tokens, in_unit;
} key_unit;

static key_unit unit_of_keys(const cpu_cache *c, int32_t block, int32_t kv_head, int32_t in_block)
{
    int32_t first = in_block / ATTENTION_UNIT * ATTENTION_UNIT, left = c->block_tokens - first;
    return (key_unit){ .at = head_keys(c, block, kv_head) + (size_t)first * c->key_bytes,
                       .tokens = (size_t)(left < ATTENTION_UNIT ? left : ATTENTION_UNIT),
                       .in_unit = (size_t)(in_block - first) };
}

static char *head_values(const cpu_cache *c, int32_t block, int32_t kv_head)
{
    if (!c->has_v)
        return head_keys(c, block, kv_head);
    char *values = head_keys(c, c->state->n_blocks, 0); /* behind the keys of all blocks */
    return values + rows_before(c, block, kv_head) * c->value_bytes;
}

/* ---- writing ---- */

/* n numbers in the cache's format. */
static void narrow(const cpu_cache *c, const float *from, void *to, size_t n)
{
    if (c->kind == CPU_F32)
        memcpy(to, from, n * sizeof *from);
    else if (c->kind == CPU_F16 && n % ATTENTION_LANES == 0)
        c->loops->narrow_f16(from, to, n);
    else
        c->quant->quantize(from, NULL, to, n);
}

/* A row in the cache's format, at `to` or, for floats, as it is. */
static const void *packed(const cpu_cache *c, const float *row, int32_t n, float *scratch, void *to)
{
    if (c->kind == CPU_F32)
        return row;
    size_t whole_n = whole(c->quant, n);
    if (whole_n > (size_t)n) {
        memcpy(scratch, row, (size_t)n * sizeof *row);
        memset(scratch + n, 0, (whole_n - (size_t)n) * sizeof *row);
        row = scratch;
    }
    narrow(c, row, to, whole_n);
    return to;
}

/* Numbers of `size` bytes that lie `from_stride` apart, to every `stride`-th place. */
static void scatter(void *to, size_t stride, const void *from, size_t n, size_t size)
{
    if (size == sizeof(float))
        for (size_t i = 0; i < n; i++)
            ((float *)to)[i * stride] = ((const float *)from)[i];
    else if (size == sizeof(uint16_t))
        for (size_t i = 0; i < n; i++)
            ((uint16_t *)to)[i * stride] = ((const uint16_t *)from)[i];
}

static void scatter_codes(const cpu_cache *c, key_unit to, const char *block)
{
    size_t n_blocks = whole(c->quant, c->head_dim) / Q8_BLOCK;
    char *codes = to.at + to.in_unit, *scales = to.at + n_blocks * Q8_BLOCK * to.tokens + to.in_unit * SCALE_BYTES;
    for (size_t b = 0; b < n_blocks; b++, block += SCALE_BYTES + Q8_BLOCK) {
        memcpy(scales + b * to.tokens * SCALE_BYTES, block, SCALE_BYTES);
        for (size_t i = 0; i < Q8_BLOCK; i++)
            codes[(b * Q8_BLOCK + i) * to.tokens] = block[SCALE_BYTES + i];
    }
}

static void write_key(const cpu_cache *c, key_unit to, const void *row)
{
    if (!c->columns)
        memcpy(to.at + to.in_unit * c->key_bytes, row, c->key_bytes);
    else if (c->kind == CPU_Q8)
        scatter_codes(c, to, row);
    else {
        size_t size = c->key_bytes / (size_t)c->head_dim;
        scatter(to.at + to.in_unit * size, to.tokens, row, (size_t)c->head_dim, size);
    }
}

/* A whole unit of keys that lie as columns, number by number: rows of n_kv_heads keys are turned, and then narrowed. */
static void write_key_columns(const cpu_cache *c, key_unit to, const float *rows, float *scratch)
{
    size_t dims = (size_t)c->head_dim;
    c->loops->transpose(rows, (size_t)c->n_kv_heads * dims, dims, scratch);
    narrow(c, scratch, to.at, dims * ATTENTION_UNIT);
}

static void write_row(const cpu_cache *c, int32_t block, int32_t in_block, const float *k, const float *v,
                      float *scratch)
{
    float *bytes = scratch + row_width(c);
    for (int32_t h = 0; h < c->n_kv_heads; h++) {
        if (k)
            write_key(c, unit_of_keys(c, block, h, in_block),
                      packed(c, k + (int64_t)h * c->head_dim, c->head_dim, scratch, bytes));
        if (v)
            memcpy(head_values(c, block, h) + (size_t)in_block * c->value_bytes,
                   packed(c, v + (int64_t)h * c->value_dim, c->value_dim, scratch, bytes), c->value_bytes);
    }
}

void cpu_cache_write(const cpu_cache *c, const bora_sequence *sequence, int32_t position, int32_t n, const float *k,
                     const float *v, float *scratch)
{
    int64_t k_width = (int64_t)c->n_kv_heads * c->head_dim, v_width = (int64_t)c->n_kv_heads * c->value_dim;
    for (int32_t r = 0; r < n;) {
        int32_t block = sequence->blocks[(position + r) / c->block_tokens];
        int32_t in_block = (position + r) % c->block_tokens, n_together = 1;
        if (c->columns && c->kind != CPU_Q8 && in_block % ATTENTION_UNIT == 0 && n - r >= ATTENTION_UNIT &&
            c->block_tokens - in_block >= ATTENTION_UNIT) {
            n_together = ATTENTION_UNIT;
            for (int32_t h = 0; h < c->n_kv_heads; h++)
                write_key_columns(c, unit_of_keys(c, block, h, in_block), k + r * k_width + h * c->head_dim, scratch);
        }
        for (int32_t i = 0; i < n_together; i++, r++)
            write_row(c, block, in_block + i, n_together == 1 ? k + r * k_width : NULL, v ? v + r * v_width : NULL,
                      scratch);
    }
}

/* ---- reading ---- */

static void widen(const cpu_cache *c, const void *from, float *to, size_t n)
{
    if (c->kind == CPU_F16)
        c->loops->widen_f16(from, to, n);
    else
        c->loops->widen_bf16(from, to, n);
}

/* n rows as floats, `width` apart. */
static void unpack_rows(const cpu_cache *c, const char *rows, size_t row_bytes, int32_t row_dim, int32_t n, float *to,
                        size_t width)
{
    size_t whole_n = whole(c->quant, row_dim);
    if (c->kind == CPU_Q8) {
        for (int32_t r = 0; r < n; r++)
            c->loops->widen_q8_rows(rows + (size_t)r * row_bytes, to + (size_t)r * width, whole_n / Q8_BLOCK);
        return;
    }
    if ((c->kind == CPU_F16 || c->kind == CPU_BF16) && width == (size_t)row_dim) {
        widen(c, rows, to, (size_t)n * width);
        return;
    }
    for (int32_t r = 0; r < n; r++, rows += row_bytes, to += width) {
        if (c->kind == CPU_F32)
            memcpy(to, rows, row_bytes);
        else
            c->quant->dequantize(rows, to, whole_n);
        memset(to + whole_n, 0, (width - whole_n) * sizeof *to);
    }
}

/* Fewer columns than those for which the loops are made. */
static void unpack_part(const cpu_cache *c, key_unit keys, size_t n, float *to)
{
    size_t tokens = keys.tokens, at = keys.in_unit, dims = (size_t)c->head_dim;
    size_t n_coded = whole(c->quant, c->head_dim), size = c->key_bytes / dims;
    for (size_t d = 0; d < dims; d++, to += ATTENTION_UNIT) {
        memset(to, 0, ATTENTION_UNIT * sizeof *to);
        if (c->kind == CPU_Q8) {
            uint16_t scales[ATTENTION_UNIT] = { 0 };
            int8_t codes[ATTENTION_UNIT] = { 0 };
            memcpy(codes, keys.at + d * tokens + at, n);
            memcpy(scales, keys.at + n_coded * tokens + (d / Q8_BLOCK * tokens + at) * SCALE_BYTES, n * SCALE_BYTES);
            c->loops->widen_q8_columns(codes, 0, scales, 1, to);
        } else if (c->kind == CPU_F32) {
            memcpy(to, keys.at + (d * tokens + at) * size, n * size);
        } else {
            uint16_t halves[ATTENTION_UNIT] = { 0 };
            memcpy(halves, keys.at + (d * tokens + at) * size, n * size);
            widen(c, halves, to, ATTENTION_UNIT);
        }
    }
}

/* A whole unit. */
static void unpack_columns(const cpu_cache *c, const char *keys, float *to)
{
    size_t dims = (size_t)c->head_dim, n_coded = whole(c->quant, c->head_dim);
    if (c->kind == CPU_Q8)
        for (size_t d = 0; d < dims; d += Q8_BLOCK)
            c->loops->widen_q8_columns((const int8_t *)keys + d * ATTENTION_UNIT, ATTENTION_UNIT,
                                       keys + n_coded * ATTENTION_UNIT + d / Q8_BLOCK * ATTENTION_UNIT * SCALE_BYTES,
                                       dims - d < Q8_BLOCK ? dims - d : Q8_BLOCK, to + d * ATTENTION_UNIT);
    else
        widen(c, keys, to, dims * ATTENTION_UNIT);
}

static cpu_numbers floats(const float *at, int32_t n, size_t width)
{
    return (cpu_numbers){ .kind = CPU_F32, .at = (const char *)at, .n = n, .stride = width * sizeof *at };
}

static size_t size_of(cpu_number_kind kind)
{
    return kind == CPU_F32 ? sizeof(float) : kind == CPU_Q8 ? 1 : sizeof(uint16_t);
}

cpu_numbers cpu_cache_keys(const cpu_cache *c, int32_t block, int32_t kv_head, int32_t in_block, int32_t n, bool often,
                           float *scratch)
{
    const key_unit keys = unit_of_keys(c, block, kv_head, in_block);
    if (!c->columns) {
        size_t width = row_width(c);
        float *rows = scratch + (size_t)ATTENTION_UNIT * round_up((size_t)c->head_dim, Q8_BLOCK);
        unpack_rows(c, keys.at + keys.in_unit * c->key_bytes, c->key_bytes, c->head_dim, n, rows, width);
        memset(rows + (size_t)n * width, 0, (size_t)(ATTENTION_UNIT - n) * width * sizeof *rows);
        c->loops->transpose(rows, width, (size_t)c->head_dim, scratch);
    } else if (n < ATTENTION_UNIT) {
        unpack_part(c, keys, (size_t)n, scratch);
    } else if (c->kind == CPU_F32 || !often) {
        return (cpu_numbers){ .kind = c->kind,
                              .at = keys.at,
                              .n = n,
                              .stride = ATTENTION_UNIT * size_of(c->kind),
                              .scales = keys.at + whole(c->quant, c->head_dim) * ATTENTION_UNIT };
    } else {
        unpack_columns(c, keys.at, scratch);
    }
    return floats(scratch, n, ATTENTION_UNIT);
}

cpu_numbers cpu_cache_values(const cpu_cache *c, int32_t block, int32_t kv_head, int32_t in_block, int32_t n,
                             bool often, float *scratch)
{
    size_t row_bytes = c->has_v ? c->value_bytes : c->key_bytes;
    int32_t row_dim = c->has_v ? c->value_dim : c->head_dim;
    const char *values = head_values(c, block, kv_head) + (size_t)in_block * row_bytes;
    size_t whole_dim = whole(c->quant, row_dim), width = round_up(whole_dim, ATTENTION_LANES);
    if ((c->kind == CPU_F32 || (c->kind != CPU_OTHER && !often)) && width == whole_dim)
        return (cpu_numbers){ .kind = c->kind, .at = values, .n = n, .stride = row_bytes };
    unpack_rows(c, values, row_bytes, row_dim, n, scratch, width);
    return floats(scratch, n, width);
}

const void *cpu_cache_key_bytes(const cpu_cache *c, int32_t block, int32_t kv_head, int32_t in_block, int32_t n,
                                size_t *size_bytes)
{
    *size_bytes = (size_t)n * c->key_bytes;
    return head_keys(c, block, kv_head) + (size_t)in_block * c->key_bytes;
}

const void *cpu_cache_value_bytes(const cpu_cache *c, int32_t block, int32_t kv_head, int32_t in_block, int32_t n,
                                  size_t *size_bytes)
{
    size_t row_bytes = c->has_v ? c->value_bytes : c->key_bytes;
    *size_bytes = (size_t)n * row_bytes;
    return head_values(c, block, kv_head) + (size_t)in_block * row_bytes;
}
