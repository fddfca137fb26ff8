/* core/checkpoint: safetensors files and their index. */
#include "unit/checkpoint_files.h"

static void the_reference_writes_what_we_read(void **state)
{
    (void)state;
    bora_checkpoint *c = open_fixture("tiny.safetensors");
    assert_string_equal(bora_checkpoint_container(c), "safetensors");
    assert_int_equal(bora_checkpoint_n_tensors(c), 7);
    expect_tensor(c, "embed.weight", "f32", 1, 2, (int64_t[]){ 5, 4 });
    expect_tensor(c, "layer.0.weight", "f16", 2, 2, (int64_t[]){ 3, 2 });
    expect_tensor(c, "layer.0.bias", "bf16", 3, 1, (int64_t[]){ 3 });
    expect_tensor(c, "conv3d", "f32", 4, 5, (int64_t[]){ 2, 1, 2, 1, 2 });
    expect_tensor(c, "scalar", "f32", 5, 0, NULL);
    expect_tensor(c, "nothing", "f32", 6, 2, (int64_t[]){ 0, 7 });
    expect_tensor(c, "größe", "f32", 7, 1, (int64_t[]){ 1 });
    assert_null(bora_checkpoint_find(c, "embed"));
    assert_null(bora_checkpoint_find(c, "zzz"));
    assert_null(bora_checkpoint_tensor(c, 7));
    const uint16_t *half = bora_checkpoint_find(c, "layer.0.weight")->data;
    assert_int_equal(half[0], 0x4000); /* 2 */
    for (size_t i = 1; i < 7; i++)
        assert_true(bora_checkpoint_tensor(c, i)->file_offset >= bora_checkpoint_tensor(c, i - 1)->file_offset);

    assert_int_equal(bora_checkpoint_n_meta(c), 2);
    assert_string_equal(bora_checkpoint_meta(c, "format")->text.data, "pt");
    assert_string_equal(bora_checkpoint_meta(c, "quote")->text.data, "a \"b\"\n\\ ü");
    assert_null(bora_checkpoint_meta(c, "nope"));
    bora_checkpoint_close(c);
}

static void the_edges_of_the_format_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data_bytes;
    } good[] = {
        { "{}", 0 },
        { "{}   \n", 0 },
        { "{\"__metadata__\":{}}", 0 },
        { "{\"__metadata__\":null}", 0 },
        { "{\"__metadata__\":{\"a\":\"\\u0000\\ud83d\\ude00\"}}", 0 },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4 },
        { "{\"a\" : {\"shape\" :[ 2 , 1 ], \"data_offsets\":[0,8], \"dtype\":\"\\u0046\\u00332\"}}", 8 },
        { "{\"a\":{\"dtype\":\"F32\",\"x\":[{},[[]],-1.5e+3,0,true,null,\"\"],\"shape\":[0],\"data_offsets\":[0,0]}}",
          0 },
        { "{\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]},"
          "\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}",
          6 },
        { "{\"a\":{\"dtype\":\"PAIR\",\"shape\":[3,4],\"data_offsets\":[0,6]}}", 6 },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[0,4611686018427387904],\"data_offsets\":[0,0]}}", 0 },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        buf b = { 0 };
        bora_error err = { .code = BORA_OK };
        put_safetensors(&b, good[i].header, good[i].data_bytes);
        if (!parse_exactly(parse_safetensors, b.data, b.len, &err))
            fail_msg("%s: %s", good[i].header, err.message);
        buf_free(&b);
    }
}

#define TENSOR(name, dtype, shape, begin, end)                                                                         \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end "]}"
#define ONE(dtype, shape, begin, end) "{" TENSOR("w", dtype, shape, begin, end) "}"

static void malformed_files_are_refused_with_a_position(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data_bytes;
        const char *message;
    } bad[] = {
        { "", 0, "FILE: at byte 8: not a safetensors file: its header does not begin with {" },
        { " {}", 0, "at byte 8: not a safetensors file: its header does not begin with {" },
        { "[]", 0, "its header does not begin with {" },
        { "{", 0, "at byte 9: not valid JSON: a string was expected" },
        { "{}}", 0, "at byte 10: not valid JSON: something follows the value" },
        { "{} x", 0, "at byte 11: not valid JSON: something follows" },
        { "{}", 1, "at byte 10: 1 bytes follow the last tensor" },
        { "{\"a\":1}", 0, "at byte 13: not valid JSON: an object was expected" },
        { "{\"a\":{}}", 0, "at byte 9: tensor \"a\": dtype, shape and data_offsets are needed" },
        { "{\"a\":{\"shape\":[],\"data_offsets\":[0,0]}}", 0, "dtype, shape and data_offsets are needed" },
        { "{\"a\\u0000\":{}}", 0, "at byte 9: not valid JSON: a key that holds a NUL" },
        { "{\"a\xff\":{}}", 0, "at byte 11: not valid JSON: a string that is not UTF-8" },
        { "{\"\xc3\":{}}", 0, "a string that is not UTF-8" },
        { "{\"\\ud800\":{}}", 0, "half a surrogate pair" },
        { "{\"\\udc00\":{}}", 0, "half a surrogate pair" },
        { "{\"\\ud800\\u0041\":{}}", 0, "half a surrogate pair" },
        { "{\"\\u12g4\":{}}", 0, "four hexadecimal digits" },
        { "{\"\\x\":{}}", 0, "an unknown escape" },
        { "{\"a\nb\":{}}", 0, "a string is not closed" },
        { "{\"a\" {}}", 0, "a colon was expected" },
        { "{" TENSOR("a", "F32", "[1]", 0, 4) " " TENSOR("b", "F32", "[1]", 4, 8) "}", 8, "a comma or } was expected" },
        { "{" TENSOR("a", "F32", "[1]", 0, 4) ",}", 4, "a string was expected" },
        { ONE("F32", "[1,]", 0, 4), 4, "a non-negative integer was expected" },
        { ONE("F32", "[-1]", 0, 4), 4, "a non-negative integer was expected" },
        { ONE("F32", "[1.0]", 0, 4), 4, "a non-negative integer was expected" },
        { ONE("F32", "[1e0]", 0, 4), 4, "a non-negative integer was expected" },
        { ONE("F32", "[01]", 0, 4), 4, "a non-negative integer was expected" },
        { ONE("F32", "[\"1\"]", 0, 4), 4, "a non-negative integer was expected" },
        { ONE("F32", "[18446744073709551616]", 0, 4), 4, "a number above 2^64-1" },
        { ONE("F32", "[9223372036854775808]", 0, 4), 4, "a dimension above 2^63-1" },
        { ONE("F32", "[4294967296,4294967296]", 0, 4), 4, "its shape holds more than 2^63 numbers" },
        { ONE("F32", "[4611686018427387904,4611686018427387904,0]", 0, 0), 0, "its shape holds more than 2^63" },
        { ONE("F32", "[4611686018427387904]", 0, 0), 0, "its shape takes more than 2^64 bytes" },
        { ONE("F32", "[2]", 0, 4), 4, "its dtype and shape take 8 bytes, but its data_offsets span 4" },
        { ONE("F32", "[1]", 0, 8), 8, "its dtype and shape take 4 bytes, but its data_offsets span 8" },
        { ONE("F32", "[1]", 4, 0), 4, "its data_offsets end before they begin" },
        { ONE("F32", "[1]", 0, 4), 3, "holds 3 bytes of data" },
        { ONE("F32", "[1]", 0, 4), 5, "1 bytes follow the last tensor" },
        { ONE("F32", "[1]", 18446744073709551612, 18446744073709551615), 4, "its data end at offset" },
        { ONE("F32", "[1]", 4, 8), 8, "neither overlap nor leave a hole" },
        { "{" TENSOR("a", "F32", "[2]", 0, 8) "," TENSOR("b", "F32", "[1]", 4, 8) "}", 8, "neither overlap" },
        { "{" TENSOR("a", "F32", "[1]", 0, 4) "," TENSOR("b", "F32", "[1]", 0, 4) "}", 4, "neither overlap" },
        { "{" TENSOR("a", "F32", "[1]", 0, 4) "," TENSOR("b", "F32", "[1]", 8, 12) "}", 12, "nor leave a hole" },
        { "{" TENSOR("a", "F32", "[1]", 0, 4) "," TENSOR("a", "F32", "[1]", 4, 8) "}", 8,
          "at byte 62: tensor \"a\" is there twice; the other is in FILE at byte 9" },
        { "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 0, "the same member is there twice" },
        { "{\"a\":{\"dtype\":5}}", 0, "at byte 22: not valid JSON: a string was expected" },
        { "{\"a\":{\"dtype\":\"0123456789012345678901234567890123456789X\"}}", 0, "its dtype is no dtype" },
        { "{\"a\":{\"dtype\":\"F32\\u0000\"}}", 0, "its dtype is no dtype" },
        { "{\"a\":{\"data_offsets\":[0]}}", 0, "data_offsets must be two numbers" },
        { "{\"a\":{\"data_offsets\":[]}}", 0, "data_offsets must be two numbers" },
        { "{\"a\":{\"data_offsets\":[0,0,0]}}", 0, "data_offsets must be two numbers" },
        { "{\"a\":{\"data_offsets\":[0,-1]}}", 0, "a non-negative integer was expected" },
        { "{\"a\":{\"data_offsets\":4}}", 0, "an array was expected" },
        { "{\"a\":{\"shape\":{}}}", 0, "an array was expected" },
        { ONE("PAIR", "[4,3]", 0, 6), 6, "rows of 3 numbers are no whole number of pair blocks" },
        { ONE("PAIR", "[]", 0, 1), 1, "rows of 1 numbers are no whole number" },
        { "{\"__metadata__\":[]}", 0, "an object was expected" },
        { "{\"__metadata__\":{\"a\":1}}", 0, "a string was expected" },
        { "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "at byte 33: the key \"a\" is there twice" },
        { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ is there twice" },
        { "{\"a\":{\"x\":nul}}", 0, "a value was expected" },
        { "{\"a\":{\"x\":01}}", 0, "a value was expected" },
        { "{\"a\":{\"x\":-}}", 0, "a value was expected" },
        { "{\"a\":{\"x\":1.}}", 0, "a value was expected" },
        { "{\"a\":{\"x\":1e}}", 0, "a value was expected" },
        { "{\"a\":{\"x\":[1}}", 0, "a comma or ] was expected" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf b = { 0 };
        put_safetensors(&b, bad[i].header, bad[i].data_bytes);
        expect_failure(parse_safetensors, &b, bad[i].header, BORA_FORMAT, bad[i].message);
        buf_free(&b);
    }
}

static void what_no_plugin_offers_is_named(void **state)
{
    (void)state;
    buf b = { 0 };
    put_safetensors(&b, ONE("F8_E4M3", "[4]", 0, 4), 4);
    expect_failure(parse_safetensors, &b, "dtype", BORA_UNSUPPORTED,
                   "FILE: at byte 9: tensor \"w\" is stored as \"safetensors:F8_E4M3\", a format that no loaded plugin "
                   "offers");
    buf_clear(&b);
    put_safetensors(&b, ONE("F32", "[1,1,1,1,1,1,1]", 0, 4), 4);
    expect_failure(parse_safetensors, &b, "dimensions", BORA_UNSUPPORTED, "more than 6 dimensions");
    buf_free(&b);
}

static void the_header_length_is_never_trusted(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {
        3, 100, 100000000, 100000001, UINT32_MAX, INT64_MAX, UINT64_MAX - 7, UINT64_MAX
    };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        buf b = { 0 };
        put_u64(&b, lengths[i]);
        buf_puts(&b, "{}");
        expect_failure(parse_safetensors, &b, "length", BORA_FORMAT, "FILE: at byte 0: ");
        buf_free(&b);
    }
}

static void deep_and_long_headers_end(void **state)
{
    (void)state;
    buf deep = { 0 }, b = { 0 };
    buf_puts(&deep, "{\"a\":{\"x\":");
    for (int i = 0; i < 1000000; i++)
        buf_putc(&deep, '[');
    put_safetensors(&b, buf_text(&deep), 0);
    expect_failure(parse_safetensors, &b, "deep", BORA_FORMAT, "nested too deeply");

    buf_clear(&deep);
    buf_clear(&b);
    buf_putc(&deep, '{');
    for (int i = 0; i < 20000; i++)
        buf_printf(&deep, "\"%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},", i);
    buf_puts(&deep, "\"7\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
    put_safetensors(&b, buf_text(&deep), 0);
    expect_failure(parse_safetensors, &b, "long", BORA_FORMAT, "tensor \"7\" is there twice");
    buf_free(&deep);
    buf_free(&b);
}

static void cut_and_flipped_files_are_survived(void **state)
{
    (void)state;
    buf b = { 0 };
    const char *header = "{\"__metadata__\":{\"format\":\"p\\u00fct\"}," TENSOR(
        "a.b", "F32", "[2,3]", 0, 24) "," TENSOR("c", "PAIR", "[2]", 24, 25) "} ";
    put_safetensors(&b, header, 25);
    cut_and_flip(parse_safetensors, &b, 8 + strlen(header));
    buf_free(&b);
}

static void an_index_is_read_or_refused(void **state)
{
    (void)state;
    bora_checkpoint *c = open_fixture("sharded");
    assert_int_equal(bora_checkpoint_n_tensors(c), 3);
    expect_tensor(c, "a", "f32", 1, 1, (int64_t[]){ 4 });
    expect_tensor(c, "b", "f16", 2, 2, (int64_t[]){ 2, 2 });
    expect_tensor(c, "c", "bf16", 3, 1, (int64_t[]){ 3 });
    assert_string_equal(path_base(bora_checkpoint_find(c, "c")->file), "model-00002-of-00002.safetensors");
    assert_int_equal(bora_checkpoint_n_meta(c), 1);
    bora_checkpoint_close(c);

    static const struct {
        const char *text, *message;
    } bad[] = {
        { "", "at byte 0: not valid JSON: an object was expected" },
        { "{}", "its weight_map is missing" },
        { "{\"weight_map\":{}}", "its weight_map is empty" },
        { "{\"weight_map\":[]}", "at byte 14: not valid JSON: an object was expected" },
        { "{\"weight_map\":{\"a\":1}}", "at byte 19: not valid JSON: a string was expected" },
        { "{\"weight_map\":{\"a\":\"x\",\"b\":\"x\",\"a\":\"y\"}}", "at byte 31: tensor \"a\" is there twice" },
        { "{\"weight_map\":{\"a\":\"../x\"}}",
          "at byte 15: tensor \"a\" is said to be in \"../x\", which is not the plain" },
        { "{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "is not the plain name of a file" },
        { "{\"weight_map\":{\"a\":\"..\"}}", "is not the plain name of a file" },
        { "{\"weight_map\":{\"a\":\".\"}}", "is not the plain name of a file" },
        { "{\"weight_map\":{\"a\":\"\"}}", "is not the plain name of a file" },
        { "{\"weight_map\":{\"a\":\"x\\u0000y\"}}", "is not the plain name of a file" },
        { "{\"weight_map\":{\"a\":\"x\"},\"weight_map\":{}}", "weight_map is there twice" },
        { "{\"weight_map\":{\"a\":\"x\"}} ?", "something follows the value" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf b = { 0 };
        buf_puts(&b, bad[i].text);
        expect_failure(parse_index, &b, bad[i].text, BORA_FORMAT, bad[i].message);
        buf_free(&b);
    }
    buf b = { 0 };
    buf_puts(&b, "{\"metadata\":{\"total_size\":1},\"weight_map\":{\"a\":\"x\",\"b\":\"x\"}}");
    cut_and_flip(parse_index, &b, b.len);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_writes_what_we_read),
        cmocka_unit_test(the_edges_of_the_format_are_read),
        cmocka_unit_test(malformed_files_are_refused_with_a_position),
        cmocka_unit_test(what_no_plugin_offers_is_named),
        cmocka_unit_test(the_header_length_is_never_trusted),
        cmocka_unit_test(deep_and_long_headers_end),
        cmocka_unit_test(cut_and_flipped_files_are_survived),
        cmocka_unit_test(an_index_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
