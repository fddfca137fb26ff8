/* For the tests of checkpoints: four formats, files built byte by byte, and opening them from memory or from a folder.
 */
#ifndef TESTS_CHECKPOINT_FILES_H
#define TESTS_CHECKPOINT_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/buf.h"
#include "checkpoint/gguf.h"
#include "checkpoint/safetensors.h"

static const struct {
    const char *stored_as;
    bora_quant quant;
} known_formats[] = {
    { "safetensors:F32", { .name = "f32", .block_elems = 1, .block_bytes = 4 } },
    { "gguf:0", { .name = "f32", .block_elems = 1, .block_bytes = 4 } },
    { "safetensors:F16", { .name = "f16", .block_elems = 1, .block_bytes = 2 } },
    { "gguf:1", { .name = "f16", .block_elems = 1, .block_bytes = 2 } },
    { "safetensors:BF16", { .name = "bf16", .block_elems = 1, .block_bytes = 2 } },
    { "safetensors:PAIR", { .name = "pair", .block_elems = 2, .block_bytes = 1 } },
    { "gguf:8", { .name = "q8_0", .block_elems = 32, .block_bytes = 34 } },
    { "gguf:99", { .name = "broken", .block_elems = 0, .block_bytes = 0 } },
};

static inline const bora_quant *find_format(void *ctx, const char *stored_as)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof known_formats / sizeof *known_formats; i++)
        if (strcmp(known_formats[i].stored_as, stored_as) == 0)
            return &known_formats[i].quant;
    return NULL;
}

typedef bool parse_bytes(bora_checkpoint *c, const ckpt_bytes *file, bora_error *err);

static inline bool parse_safetensors(bora_checkpoint *c, const ckpt_bytes *file, bora_error *err)
{
    return safetensors_parse(c, file, 0, err);
}

static inline bool parse_gguf(bora_checkpoint *c, const ckpt_bytes *file, bora_error *err)
{
    gguf_split split;
    return gguf_parse(c, file, &split, err);
}

static inline bool parse_index(bora_checkpoint *c, const ckpt_bytes *file, bora_error *err)
{
    safetensors_index index = { 0 };
    bool ok = safetensors_index_parse(c, file, &index, err);
    free(index.places);
    return ok;
}

/* Parses a copy of exactly these bytes, so that reading beyond them is seen. Every tensor's data is read. */
static inline bool parse_exactly(parse_bytes *parse, const void *bytes, size_t size, bora_error *err)
{
    uint8_t *copy = malloc(size ? size : 1);
    bora_checkpoint *c = ckpt_new(find_format, NULL, err);
    assert_true(copy && c);
    if (size)
        memcpy(copy, bytes, size);
    else
        copy = realloc(copy, 1);
    ckpt_bytes file = { "FILE", size ? copy : NULL, size };
    bora_error_clear(err);
    bool ok = parse(c, &file, err) && ckpt_finish(c, err);
    if (ok != (err->code == BORA_OK))
        fail_msg("success and the error do not agree: %s", err->message);
    unsigned sum = 0;
    for (size_t i = 0; ok && i < bora_checkpoint_n_tensors(c); i++) {
        const bora_tensor_info *t = bora_checkpoint_tensor(c, i);
        for (size_t k = 0; k < t->size_bytes; k++)
            sum += ((const uint8_t *)t->data)[k];
        assert_ptr_equal(bora_checkpoint_find(c, t->name), t);
        assert_true(bora_tensor_n_elems(t) >= 0);
    }
    bora_checkpoint_close(c);
    free(copy);
    return ok && sum < UINT32_MAX;
}

static inline void expect_failure(parse_bytes *parse, const buf *b, const char *what, bora_code code,
                                  const char *message)
{
    bora_error err = { .code = BORA_OK };
    if (parse_exactly(parse, b->data, b->len, &err))
        fail_msg("%s: was accepted", what);
    if (!strstr(err.message, message) || err.code != code)
        fail_msg("%s: \"%s\" (code %d) does not say \"%s\"", what, err.message, (int)err.code, message);
}

/* Cut anywhere, the file must be refused with a position; with any byte of its header changed, it must be refused or
 * be sound. */
static inline void cut_and_flip(parse_bytes *parse, const buf *good, size_t header_bytes)
{
    bora_error err = { .code = BORA_OK };
    if (!parse_exactly(parse, good->data, good->len, &err))
        fail_msg("%s", err.message);
    for (size_t len = 0; len < good->len; len++) {
        if (parse_exactly(parse, good->data, len, &err))
            fail_msg("cut to %zu bytes, it was accepted", len);
        if (strncmp(err.message, "FILE: at byte ", 14) != 0)
            fail_msg("cut to %zu bytes: \"%s\" has no position", len, err.message);
    }
    static const uint8_t values[] = { 0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, '"', '{', '9' };
    for (size_t at = 0; at < header_bytes; at++) {
        uint8_t before = (uint8_t)good->data[at];
        for (size_t v = 0; v < sizeof values + 8; v++) {
            unsigned flipped = before ^ (1u << (v >= sizeof values ? v - sizeof values : 0));
            good->data[at] = (char)(v < sizeof values ? values[v] : flipped);
            if (!parse_exactly(parse, good->data, good->len, &err) && strncmp(err.message, "FILE: at byte ", 14) != 0 &&
                err.code != BORA_INTERNAL)
                fail_msg("byte %zu: \"%s\" has no position", at, err.message);
        }
        good->data[at] = (char)before;
    }
}

static inline void put_u32(buf *b, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        buf_putc(b, (char)(v >> (8 * i)));
}

static inline void put_u64(buf *b, uint64_t v)
{
    put_u32(b, (uint32_t)v);
    put_u32(b, (uint32_t)(v >> 32));
}

static inline void put_zeros(buf *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_putc(b, '\0');
}

static inline void put_safetensors(buf *b, const char *header, size_t data_bytes)
{
    put_u64(b, strlen(header));
    buf_puts(b, header);
    put_zeros(b, data_bytes);
}

/* A new empty folder, and files in it. */
static inline void make_folder(char folder[64])
{
    strcpy(folder, "/tmp/bora-checkpoint-XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static inline void write_file(const char *folder, const char *name, const void *bytes, size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static inline void remove_file(const char *folder, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(remove(path), 0);
}

static inline bora_checkpoint *open_path(const char *folder, const char *name, bora_error *err)
{
    char path[1024];
    snprintf(path, sizeof path, "%s%s%s", folder, *name ? "/" : "", name);
    const char *paths[] = { path };
    bora_error_clear(err);
    return bora_checkpoint_open(paths, 1, find_format, NULL, err);
}

static inline bora_checkpoint *open_fixture(const char *name)
{
    const char *fixtures = getenv("BORA_FIXTURES");
    char folder[512];
    snprintf(folder, sizeof folder, "%s/checkpoints", fixtures ? fixtures : "tests/fixtures");
    bora_error err = { .code = BORA_OK };
    bora_checkpoint *c = open_path(folder, name, &err);
    if (!c)
        fail_msg("%s", err.message);
    return c;
}

static inline void expect_open_failure(const char *folder, const char *name, bora_code code, const char *message)
{
    bora_error err = { .code = BORA_OK };
    bora_checkpoint *c = open_path(folder, name, &err);
    if (c)
        fail_msg("%s/%s: was accepted", folder, name);
    if (err.code != code || !strstr(err.message, message))
        fail_msg("\"%s\" (code %d) does not say \"%s\"", err.message, (int)err.code, message);
}

/* The tensor `name` holds k, k + 1, … as the fixtures do; only the formats that need no decoding are looked into. */
static inline void expect_tensor(const bora_checkpoint *c, const char *name, const char *format, int k, int n_dims,
                                 const int64_t *shape)
{
    const bora_tensor_info *t = bora_checkpoint_find(c, name);
    if (!t)
        fail_msg("%s: not found", name);
    assert_string_equal(t->name, name);
    assert_string_equal(t->quant->name, format);
    assert_int_equal(t->n_dims, n_dims);
    for (int d = 0; d < BORA_MAX_DIMS; d++)
        assert_int_equal(t->shape[d], d < n_dims ? shape[d] : 1);
    int64_t n = bora_tensor_n_elems(t);
    assert_int_equal(t->size_bytes, (size_t)n / (size_t)t->quant->block_elems * t->quant->block_bytes);
    for (int64_t i = 0; strcmp(format, "f32") == 0 && i < n; i++) {
        float value;
        memcpy(&value, (const char *)t->data + i * 4, 4);
        assert_true(value == (float)(k + (int)i));
    }
}

#endif
