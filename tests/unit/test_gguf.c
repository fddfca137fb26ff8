/* core/checkpoint: GGUF files. */
#include "unit/checkpoint_files.h"

enum { U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 };

static void put_string(buf *b, const char *text)
{
    put_u64(b, strlen(text));
    buf_puts(b, text);
}

static void put_header(buf *b, uint32_t version, uint64_t n_tensors, uint64_t n_keys)
{
    buf_puts(b, "GGUF");
    put_u32(b, version);
    put_u64(b, n_tensors);
    put_u64(b, n_keys);
}

static void put_key(buf *b, const char *key, uint32_t type)
{
    put_string(b, key);
    put_u32(b, type);
}

static void put_array(buf *b, const char *key, uint32_t elem_type, uint64_t n)
{
    put_key(b, key, ARRAY);
    put_u32(b, elem_type);
    put_u64(b, n);
}

/* Two dimensions; `dim0` is the file's first, that is the fastest. */
static void put_tensor(buf *b, const char *name, uint64_t dim0, uint64_t dim1, uint32_t type, uint64_t offset)
{
    put_string(b, name);
    put_u32(b, 2);
    put_u64(b, dim0);
    put_u64(b, dim1);
    put_u32(b, type);
    put_u64(b, offset);
}

static void pad(buf *b, size_t alignment)
{
    put_zeros(b, (alignment - b->len % alignment) % alignment);
}

static void expect_tiny(const bora_checkpoint *c)
{
    assert_string_equal(bora_checkpoint_container(c), "gguf");
    assert_int_equal(bora_checkpoint_n_tensors(c), 4);
    expect_tensor(c, "token_embd.weight", "f32", 1, 2, (int64_t[]){ 5, 4 });
    expect_tensor(c, "half.weight", "f16", 2, 2, (int64_t[]){ 3, 2 });
    expect_tensor(c, "blocks.weight", "q8_0", 3, 2, (int64_t[]){ 2, 64 });
    expect_tensor(c, "cube", "f32", 4, 3, (int64_t[]){ 2, 3, 4 });
    static const char *const order[] = { "token_embd.weight", "half.weight", "blocks.weight", "cube" };
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(bora_checkpoint_tensor(c, i)->name, order[i]);

    static const struct {
        const char *key;
        int64_t value;
    } ints[] = { { "u8", 255 },         { "i8", -128 },       { "u16", 65535 },     { "i16", -32768 },
                 { "u32", UINT32_MAX }, { "i32", INT32_MIN }, { "u64", INT64_MAX }, { "i64", INT64_MIN } };
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        const bora_meta *m = bora_checkpoint_meta(c, ints[i].key);
        assert_true(m && m->type == BORA_META_INT && m->i == ints[i].value);
    }
    assert_true(bora_checkpoint_meta(c, "f32")->f == 0.5);
    assert_true(bora_checkpoint_meta(c, "f64")->f == 0.1);
    assert_int_equal(bora_checkpoint_meta(c, "f64")->type, BORA_META_FLOAT);
    assert_true(bora_checkpoint_meta(c, "yes")->b);
    assert_false(bora_checkpoint_meta(c, "no")->b);
    assert_int_equal(bora_checkpoint_meta(c, "no")->type, BORA_META_BOOL);
    assert_string_equal(bora_checkpoint_meta(c, "text")->text.data, "héllo\n");
    assert_int_equal(bora_checkpoint_meta(c, "text")->text.len, 7);
    assert_string_equal(bora_checkpoint_meta(c, "general.architecture")->text.data, "tiny");

    const bora_meta *m = bora_checkpoint_meta(c, "texts");
    assert_true(m->type == BORA_META_ARRAY && m->elem_type == BORA_META_STRING && m->n_elems == 4);
    static const char *const texts[] = { "", "a", "bc", "déf" };
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(m->texts[i].data, texts[i]);
        assert_int_equal(m->texts[i].len, strlen(texts[i]));
    }
    m = bora_checkpoint_meta(c, "ints");
    assert_true(m->elem_type == BORA_META_INT && m->n_elems == 3);
    assert_true(m->ints[0] == 1 && m->ints[1] == -2 && m->ints[2] == 3);
    m = bora_checkpoint_meta(c, "floats");
    assert_true(m->elem_type == BORA_META_FLOAT && m->n_elems == 2 && m->floats[0] == 0.5 && m->floats[1] == -1.5);
    m = bora_checkpoint_meta(c, "bools");
    assert_true(m->elem_type == BORA_META_BOOL && m->n_elems == 3 && m->bools[0] && !m->bools[1] && m->bools[2]);
    assert_null(bora_checkpoint_meta(c, "tex"));
}

static void the_reference_writes_what_we_read(void **state)
{
    (void)state;
    bora_checkpoint *c = open_fixture("tiny.gguf");
    expect_tiny(c);
    for (size_t i = 0; i < bora_checkpoint_n_meta(c); i++) {
        const bora_meta *m = bora_checkpoint_meta_at(c, i);
        assert_ptr_equal(bora_checkpoint_meta(c, m->key), m);
    }
    assert_null(bora_checkpoint_meta_at(c, bora_checkpoint_n_meta(c)));
    bora_checkpoint_close(c);
}

static void any_part_of_a_split_file_opens_all(void **state)
{
    (void)state;
    static const char *const parts[] = { "split/tiny-00001-of-00002.gguf", "split/tiny-00002-of-00002.gguf", "split" };
    for (size_t i = 0; i < 3; i++) {
        bora_checkpoint *c = open_fixture(parts[i]);
        expect_tiny(c);
        assert_string_equal(path_base(bora_checkpoint_find(c, "cube")->file), "tiny-00002-of-00002.gguf");
        bora_checkpoint_close(c);
    }
}

/* A file with one key that gives an alignment, of version 2, with the last tensor's padding missing. */
static void put_good(buf *b)
{
    put_header(b, 2, 2, 3);
    put_key(b, "general.alignment", U32);
    put_u32(b, 8);
    put_array(b, "a", STRING, 2);
    put_string(b, "x");
    put_string(b, "");
    put_key(b, "b", BOOL);
    buf_putc(b, 1);
    put_tensor(b, "one", 32, 1, 8, 16);
    put_tensor(b, "two", 3, 1, 0, 0);
    pad(b, 8);
    put_zeros(b, 16 + 34);
}

static void order_alignment_and_padding_are_free(void **state)
{
    (void)state;
    buf b = { 0 };
    bora_error err = { .code = BORA_OK };
    put_good(&b);
    if (!parse_exactly(parse_gguf, b.data, b.len, &err))
        fail_msg("%s", err.message);
    cut_and_flip(parse_gguf, &b, b.len - 50);
    buf_free(&b);
}

/* A file without tensors: what follows `keys`, written by `put`, is all there is. */
static void expect_bad_key(void (*put)(buf *), bora_code code, const char *message)
{
    buf b = { 0 };
    put_header(&b, 3, 0, 1);
    put(&b);
    put_zeros(&b, 32);
    expect_failure(parse_gguf, &b, message, code, message);
    buf_free(&b);
}

static void key_of_unknown_type(buf *b)
{
    put_key(b, "k", 13);
}

static void array_of_unknown_type(buf *b)
{
    put_array(b, "k", 4000000000u, 0);
}

static void array_of_arrays(buf *b)
{
    put_array(b, "k", ARRAY, 0);
}

static void array_too_long(buf *b)
{
    put_array(b, "k", U64, 5);
}

static void array_absurd(buf *b)
{
    put_array(b, "k", U64, UINT64_MAX);
}

static void strings_absurd(buf *b)
{
    put_array(b, "k", STRING, 2);
    put_string(b, "ok");
    put_u64(b, UINT64_MAX - 3);
}

static void string_absurd(buf *b)
{
    put_key(b, "k", STRING);
    put_u64(b, (uint64_t)1 << 62);
}

static void key_absurd(buf *b)
{
    put_u64(b, UINT64_MAX);
}

static void key_empty(buf *b)
{
    put_key(b, "", U8);
}

static void key_with_nul(buf *b)
{
    put_u64(b, 3);
    buf_append(b, "a\0b", 3);
    put_u32(b, U8);
}

static void key_too_long(buf *b)
{
    put_u64(b, 65536);
    for (int i = 0; i < 65536; i++)
        buf_putc(b, 'k');
    put_u32(b, U8);
}

static void number_too_large(buf *b)
{
    put_key(b, "k", U64);
    put_u64(b, (uint64_t)1 << 63);
}

static void number_in_array_too_large(buf *b)
{
    put_array(b, "k", U64, 2);
    put_u64(b, 1);
    put_u64(b, UINT64_MAX);
}

static void boolean_of_two(buf *b)
{
    put_key(b, "k", BOOL);
    buf_putc(b, 2);
}

static void alignment_of_zero(buf *b)
{
    put_key(b, "general.alignment", U32);
    put_u32(b, 0);
}

static void alignment_of_three(buf *b)
{
    put_key(b, "general.alignment", U32);
    put_u32(b, 24);
}

static void alignment_of_another_type(buf *b)
{
    put_key(b, "general.alignment", I32);
    put_u32(b, 32);
}

static void alignment_of_text(buf *b)
{
    put_key(b, "general.alignment", STRING);
    put_string(b, "32");
}

static void split_no_of_text(buf *b)
{
    put_key(b, "split.no", STRING);
    put_string(b, "0");
}

static void split_no_negative(buf *b)
{
    put_key(b, "split.no", I32);
    put_u32(b, UINT32_MAX);
}

static void split_no_without_count(buf *b)
{
    put_key(b, "split.no", U16);
    buf_append(b, "\1\0", 2);
}

static void malformed_metadata_is_refused_with_a_position(void **state)
{
    (void)state;
    expect_bad_key(key_of_unknown_type, BORA_FORMAT, "FILE: at byte 33: key \"k\": a value of type 13");
    expect_bad_key(array_of_unknown_type, BORA_FORMAT, "FILE: at byte 37: key \"k\": an array of type 4000000000");
    expect_bad_key(array_of_arrays, BORA_UNSUPPORTED, "FILE: at byte 37: key \"k\": an array of arrays");
    expect_bad_key(array_too_long, BORA_FORMAT,
                   "at byte 41: key \"k\": an array of 5 elements of 8 bytes or more, but "
                   "32 bytes are left");
    expect_bad_key(array_absurd, BORA_FORMAT, "an array of 18446744073709551615 elements");
    expect_bad_key(strings_absurd, BORA_FORMAT,
                   "at byte 67: k: 18446744073709551612 bytes are needed, but the file ends "
                   "after 32");
    expect_bad_key(string_absurd, BORA_FORMAT, "at byte 45: k: 4611686018427387904 bytes are needed");
    expect_bad_key(key_absurd, BORA_FORMAT, "at byte 32: a key: 18446744073709551615 bytes are needed");
    expect_bad_key(key_empty, BORA_FORMAT, "at byte 24: a key is empty");
    expect_bad_key(key_with_nul, BORA_FORMAT, "at byte 24: a key holds a NUL");
    expect_bad_key(key_too_long, BORA_FORMAT, "at byte 24: a key of 65536 bytes; at most 65535 are allowed");
    expect_bad_key(number_too_large, BORA_FORMAT, "at byte 37: key \"k\": a number above 2^63-1");
    expect_bad_key(number_in_array_too_large, BORA_FORMAT, "at byte 57: key \"k\": a number above 2^63-1");
    expect_bad_key(boolean_of_two, BORA_FORMAT, "at byte 37: key \"k\": a boolean is 0 or 1, not 2");
    expect_bad_key(alignment_of_zero, BORA_FORMAT, "at byte 49: general.alignment must be a uint32 and a power of two");
    expect_bad_key(alignment_of_three, BORA_FORMAT, "general.alignment must be a uint32 and a power of two");
    expect_bad_key(alignment_of_another_type, BORA_FORMAT, "general.alignment must be a uint32");
    expect_bad_key(alignment_of_text, BORA_FORMAT, "general.alignment must be a uint32");
    expect_bad_key(split_no_of_text, BORA_FORMAT, "at byte 24: split.no is no count");
    expect_bad_key(split_no_negative, BORA_FORMAT, "at byte 24: split.no is no count");
    expect_bad_key(split_no_without_count, BORA_FORMAT, "at byte 0: split.no is 1, but split.count is 1");

    buf b = { 0 };
    put_header(&b, 3, 0, 2);
    for (int i = 0; i < 2; i++) {
        put_key(&b, "twice", U8);
        buf_putc(&b, 0);
    }
    expect_failure(parse_gguf, &b, "twice", BORA_FORMAT, "FILE: at byte 42: the key \"twice\" is there twice");
    buf_free(&b);
}

static void malformed_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t version;
        uint64_t n_tensors, n_keys;
        bora_code code;
        const char *message;
    } bad[] = {
        { 0, 0, 0, BORA_UNSUPPORTED, "at byte 4: GGUF version 0 is unknown" },
        { 1, 0, 0, BORA_UNSUPPORTED, "at byte 4: GGUF version 1 is too old" },
        { 4, 0, 0, BORA_UNSUPPORTED, "at byte 4: GGUF version 4 is unknown" },
        { 0x03000000, 0, 0, BORA_UNSUPPORTED, "at byte 4: a big-endian GGUF file" },
        { 3, 2, 0, BORA_FORMAT, "at byte 8: 2 tensors are claimed, but the 32 bytes that follow hold 1 at most" },
        { 3, UINT64_MAX, 0, BORA_FORMAT, "at byte 8: 18446744073709551615 tensors are claimed" },
        { 3, 0, 3, BORA_FORMAT, "at byte 16: 3 keys are claimed, but the 32 bytes that follow hold 2 at most" },
        { 3, 0, (uint64_t)1 << 63, BORA_FORMAT, "at byte 16: 9223372036854775808 keys are claimed" },
    };
    buf b = { 0 };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_clear(&b);
        put_header(&b, bad[i].version, bad[i].n_tensors, bad[i].n_keys);
        put_zeros(&b, 32);
        expect_failure(parse_gguf, &b, "header", bad[i].code, bad[i].message);
    }
    buf_clear(&b);
    buf_puts(&b, "ggml and so on");
    expect_failure(parse_gguf, &b, "magic", BORA_FORMAT,
                   "at byte 0: not a GGUF file: it begins with the bytes 67 67 6d");
    buf_free(&b);
}

static void malformed_tensors_are_refused_with_a_position(void **state)
{
    (void)state;
    static const struct {
        uint64_t dim0, dim1;
        uint32_t type;
        uint64_t offset;
        size_t data_bytes;
        bora_code code;
        const char *message;
    } bad[] = {
        { 2, 3, 0, 0, 23, BORA_FORMAT,
          "at byte 24: tensor \"w\": its 24 bytes at offset 0 of the data (which begin at "
          "byte 96) go beyond the end of the file at byte 119" },
        { 2, 3, 0, 32, 55, BORA_FORMAT, "go beyond the end of the file" },
        { 2, 3, 0, 64, 32, BORA_FORMAT, "go beyond the end of the file" },
        { 2, 3, 0, 16, 64, BORA_FORMAT, "its offset 16 is no multiple of the alignment 32" },
        { 2, 3, 0, UINT64_MAX - 31, 64, BORA_FORMAT, "go beyond the end of the file" },
        { 2, 3, 7, 0, 64, BORA_UNSUPPORTED,
          "at byte 53: tensor \"w\" is stored as \"gguf:7\", a format that no loaded" },
        { 2, 3, UINT32_MAX, 0, 64, BORA_UNSUPPORTED, "stored as \"gguf:4294967295\"" },
        { 2, 3, 99, 0, 64, BORA_INTERNAL, "the format \"broken\" has blocks of 0 numbers" },
        { 31, 32, 8, 0, 2000, BORA_FORMAT, "rows of 31 numbers are no whole number of q8_0 blocks (32 each)" },
        { (uint64_t)1 << 63, 1, 0, 0, 64, BORA_FORMAT,
          "at byte 37: tensor \"w\" has a dimension of 9223372036854775808" },
        { (uint64_t)1 << 32, (uint64_t)1 << 32, 0, 0, 64, BORA_FORMAT, "its shape holds more than 2^63 numbers" },
        { (uint64_t)1 << 31, (uint64_t)1 << 31, 0, 0, 64, BORA_FORMAT, "its shape takes more than 2^64 bytes" },
        { (uint64_t)1 << 30, (uint64_t)1 << 30, 0, 0, 64, BORA_FORMAT, "go beyond the end of the file" },
    };
    buf b = { 0 };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_clear(&b);
        put_header(&b, 3, 1, 0);
        put_tensor(&b, "w", bad[i].dim0, bad[i].dim1, bad[i].type, bad[i].offset);
        pad(&b, 32);
        put_zeros(&b, bad[i].data_bytes);
        expect_failure(parse_gguf, &b, bad[i].message, bad[i].code, bad[i].message);
    }
    buf_clear(&b);
    put_header(&b, 3, 1, 0);
    put_string(&b, "w");
    put_u32(&b, 7);
    put_zeros(&b, 100);
    expect_failure(parse_gguf, &b, "dims", BORA_FORMAT,
                   "at byte 33: tensor \"w\" has 7 dimensions; at most 6 are read");

    static const struct {
        const char *name;
        uint64_t offset;
        const char *message;
    } second[] = {
        { "v", 0, "overlaps" },
        { "v", 32, "tensor \"v\" overlaps \"w\" at byte 160" },
        { "w", 64, "at byte 65: tensor \"w\" is there twice; the other is in FILE at byte 24" },
    };
    for (size_t i = 0; i < sizeof second / sizeof *second; i++) {
        buf_clear(&b);
        put_header(&b, 3, 2, 0);
        put_tensor(&b, "w", 16, 1, 0, 0);
        put_tensor(&b, second[i].name, 16, 1, 0, second[i].offset);
        pad(&b, 32);
        put_zeros(&b, 128);
        expect_failure(parse_gguf, &b, second[i].message, BORA_FORMAT, second[i].message);
    }
    buf_free(&b);
}

static void real_files_open(void **state)
{
    (void)state;
    const char *data = getenv("BORA_TEST_DATA");
    if (!data || !*data)
        skip();
    static const struct {
        const char *name;
        size_t n_tensors, n_keys, n_tokens;
    } files[] = {
        { "stories260K.gguf", 48, 19, 512 },           { "tokenizers/deepseek-llm.gguf", 0, 23, 102400 },
        { "tokenizers/gpt-2.gguf", 0, 16, 50257 },     { "tokenizers/llama-spm.gguf", 0, 22, 32000 },
        { "tokenizers/starcoder.gguf", 0, 19, 49152 },
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        bora_error err = { .code = BORA_OK };
        bora_checkpoint *c = open_path(data, files[i].name, &err);
        if (!c)
            fail_msg("%s", err.message);
        assert_int_equal(bora_checkpoint_n_tensors(c), files[i].n_tensors);
        assert_int_equal(bora_checkpoint_n_meta(c), files[i].n_keys);
        assert_int_equal(bora_checkpoint_meta(c, "tokenizer.ggml.tokens")->n_elems, files[i].n_tokens);
        bora_checkpoint_close(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_writes_what_we_read),
        cmocka_unit_test(any_part_of_a_split_file_opens_all),
        cmocka_unit_test(order_alignment_and_padding_are_free),
        cmocka_unit_test(malformed_metadata_is_refused_with_a_position),
        cmocka_unit_test(malformed_headers_are_refused),
        cmocka_unit_test(malformed_tensors_are_refused_with_a_position),
        cmocka_unit_test(real_files_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
