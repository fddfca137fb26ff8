/* core/checkpoint: what a path means, and several files that are one checkpoint. */
#include "unit/checkpoint_files.h"

#include <unistd.h>

/* A safetensors file with one number called `tensor`. */
static void write_safetensors(const char *folder, const char *name, const char *tensor)
{
    char header[256];
    snprintf(header, sizeof header, "{\"%s\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", tensor);
    buf b = { 0 };
    put_safetensors(&b, header, 4);
    write_file(folder, name, b.data, b.len);
    buf_free(&b);
}

static void put_count(buf *b, const char *key, uint32_t value)
{
    put_u64(b, strlen(key));
    buf_puts(b, key);
    put_u32(b, 4);
    put_u32(b, value);
}

/* A GGUF file with one number called `tensor`, as part `no` of `count` that hold `n_tensors`; `count` 0: no part. */
static void write_gguf(const char *folder, const char *name, const char *tensor, uint32_t no, uint32_t count,
                       uint32_t n_tensors)
{
    buf b = { 0 };
    buf_puts(&b, "GGUF");
    put_u32(&b, 3);
    put_u64(&b, 1);
    put_u64(&b, count ? 4 : 1);
    put_count(&b, "own", no);
    if (count) {
        put_count(&b, "split.no", no);
        put_count(&b, "split.count", count);
        put_count(&b, "split.tensors.count", n_tensors);
    }
    put_u64(&b, strlen(tensor));
    buf_puts(&b, tensor);
    put_zeros(&b, 16);
    put_zeros(&b, (32 - b.len % 32) % 32 + 4);
    write_file(folder, name, b.data, b.len);
    buf_free(&b);
}

/* Opens and expects these tensors, in this order, separated by spaces. */
static void expect_tensors(const char *folder, const char *name, const char *names)
{
    bora_error err = { .code = BORA_OK };
    bora_checkpoint *c = open_path(folder, name, &err);
    if (!c)
        fail_msg("%s", err.message);
    buf found = { 0 };
    for (size_t i = 0; i < bora_checkpoint_n_tensors(c); i++)
        buf_printf(&found, "%s%s", i ? " " : "", bora_checkpoint_tensor(c, i)->name);
    assert_string_equal(buf_text(&found), names);
    buf_free(&found);
    bora_checkpoint_close(c);
}

static void a_folder_leads_to_its_model(void **state)
{
    (void)state;
    char f[64];
    make_folder(f);
    expect_open_failure(f, "", BORA_NOT_FOUND, "holds no model: no file ends in .safetensors");
    expect_open_failure(f, "nothing", BORA_NOT_FOUND, "No such file");
    write_file(f, "config.json", "{}", 2);
    write_file(f, "._model.safetensors", "junk", 4);
    expect_open_failure(f, "", BORA_NOT_FOUND, "holds no model");
    write_gguf(f, "x.gguf", "from_gguf", 0, 0, 0);
    expect_tensors(f, "", "from_gguf");
    write_gguf(f, "y.gguf", "from_gguf", 0, 0, 0);
    expect_open_failure(f, "", BORA_USAGE, "holds several models: name one of them (x.gguf, y.gguf)");
    write_safetensors(f, "some.safetensors", "some");
    expect_tensors(f, "", "some");
    write_safetensors(f, "other.safetensors", "other");
    expect_open_failure(f, "", BORA_USAGE, "name one of them (other.safetensors, some.safetensors)");
    static const char index[] = "{\"weight_map\":{\"some\":\"some.safetensors\",\"other\":\"other.safetensors\"}}";
    write_file(f, "x.safetensors.index.json", index, sizeof index - 1);
    expect_tensors(f, "", "other some");
    write_safetensors(f, "model.safetensors", "whole");
    expect_tensors(f, "", "whole");
    expect_tensors(f, "x.safetensors.index.json", "other some");
    expect_tensors(f, "some.safetensors", "some");
    expect_open_failure(f, "config.json", BORA_FORMAT, "its weight_map is missing");

    static const char *const all[] = {
        "config.json",       "._model.safetensors", "x.gguf", "y.gguf", "some.safetensors", "x.safetensors.index.json",
        "other.safetensors", "model.safetensors"
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        remove_file(f, all[i]);
    assert_int_equal(rmdir(f), 0);
}

static void a_gguf_of_any_name_is_known(void **state)
{
    (void)state;
    char f[64];
    make_folder(f);
    write_gguf(f, "0123abcd", "t", 0, 0, 0);
    expect_tensors(f, "0123abcd", "t");
    write_file(f, "empty", "", 0);
    expect_open_failure(f, "empty", BORA_FORMAT, "empty: at byte 0: not a safetensors file: it has only 0 bytes");
    write_file(f, "empty.gguf", "", 0);
    expect_open_failure(f, "empty.gguf", BORA_FORMAT, "empty.gguf: at byte 0: the magic bytes: 4 bytes are needed");
    expect_open_failure("/dev", "null", BORA_FORMAT, "not a regular file");
    remove_file(f, "0123abcd");
    remove_file(f, "empty");
    remove_file(f, "empty.gguf");
    assert_int_equal(rmdir(f), 0);
}

static void shards_without_an_index_must_be_complete(void **state)
{
    (void)state;
    char f[64];
    make_folder(f);
    write_safetensors(f, "model-00001-of-00003.safetensors", "a");
    write_safetensors(f, "model-00003-of-00003.safetensors", "c");
    expect_open_failure(f, "", BORA_NOT_FOUND,
                        "model-00002-of-00003.safetensors: part 2 of 3 is missing; model-00001-of-00003.safetensors");
    write_safetensors(f, "model-00002-of-00003.safetensors", "b");
    expect_tensors(f, "", "a b c");
    write_safetensors(f, "model-00002-of-00003.safetensors", "c");
    expect_open_failure(f, "", BORA_FORMAT,
                        "model-00003-of-00003.safetensors: at byte 9: tensor \"c\" is there twice; the other is in "
                        "model-00002-of-00003.safetensors at byte 9");
    remove_file(f, "model-00001-of-00003.safetensors");
    remove_file(f, "model-00002-of-00003.safetensors");
    remove_file(f, "model-00003-of-00003.safetensors");
    write_safetensors(f, "model-00004-of-00003.safetensors", "beyond");
    expect_tensors(f, "", "beyond");
    remove_file(f, "model-00004-of-00003.safetensors");
    assert_int_equal(rmdir(f), 0);
}

static void an_index_must_be_true(void **state)
{
    (void)state;
    char f[64];
    make_folder(f);
    static const char index[] = "{\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}",
                      name[] = "model.safetensors.index.json";
    write_file(f, name, index, sizeof index - 1);
    write_safetensors(f, "1.safetensors", "a");
    expect_open_failure(f, "", BORA_NOT_FOUND,
                        "index.json: at byte 35: tensor \"b\" is said to be in 2.safetensors, which is missing");
    write_safetensors(f, "2.safetensors", "c");
    expect_open_failure(f, "", BORA_FORMAT, "tensor \"b\" is said to be in 2.safetensors, but no file holds it");
    write_safetensors(f, "2.safetensors", "a");
    expect_open_failure(f, "", BORA_FORMAT, "tensor \"a\" is there twice");
    write_safetensors(f, "1.safetensors", "b");
    expect_open_failure(f, "", BORA_FORMAT, "is said to be in 1.safetensors, but is in 2.safetensors");

    static const char further[] = "{\"weight_map\":{\"b\":\"1.safetensors\"}}";
    write_file(f, name, further, sizeof further - 1);
    expect_tensors(f, "", "b");
    write_file(f, "1.safetensors", "rubbish, longer than 8 bytes", 28);
    expect_open_failure(f, "", BORA_FORMAT, "1.safetensors: at byte 0: not a safetensors file");
    remove_file(f, "1.safetensors");
    remove_file(f, "2.safetensors");
    remove_file(f, name);
    assert_int_equal(rmdir(f), 0);
}

static void split_gguf_must_be_complete(void **state)
{
    (void)state;
    static const char *const parts[] = { "m-00001-of-00003.gguf", "m-00002-of-00003.gguf", "m-00003-of-00003.gguf" };
    char f[64];
    make_folder(f);
    write_gguf(f, parts[0], "a", 0, 3, 3);
    write_gguf(f, parts[2], "c", 2, 3, 3);
    expect_open_failure(f, parts[2], BORA_NOT_FOUND,
                        "m-00002-of-00003.gguf: part 2 of 3 is missing; it belongs to m-00003");
    write_gguf(f, parts[1], "b", 1, 3, 3);
    for (size_t i = 0; i < 3; i++)
        expect_tensors(f, parts[i], "a b c");
    expect_tensors(f, "", "a b c");

    bora_error err = { .code = BORA_OK };
    bora_checkpoint *c = open_path(f, parts[1], &err);
    assert_non_null(c);
    assert_int_equal(bora_checkpoint_n_meta(c), 4);
    assert_int_equal(bora_checkpoint_meta(c, "own")->i, 0);
    bora_checkpoint_close(c);

    write_gguf(f, parts[1], "b", 0, 3, 3);
    expect_open_failure(f, parts[0], BORA_FORMAT,
                        "by its name part 2 of 3, but by split.no and split.count part 1 of 3");
    write_gguf(f, parts[1], "b", 1, 4, 3);
    expect_open_failure(f, parts[0], BORA_FORMAT,
                        "by its name part 2 of 3, but by split.no and split.count part 2 of 4");
    write_gguf(f, parts[1], "a", 1, 3, 3);
    expect_open_failure(f, parts[0], BORA_FORMAT, "tensor \"a\" is there twice");
    write_gguf(f, parts[1], "b", 1, 3, 3);
    write_gguf(f, parts[0], "a", 0, 3, 7);
    expect_open_failure(f, parts[0], BORA_FORMAT, "split.tensors.count is 7, but the 3 parts hold 3 tensors");
    write_gguf(f, "renamed.gguf", "b", 1, 3, 3);
    expect_open_failure(f, "renamed.gguf", BORA_NOT_FOUND,
                        "is part 2 of 3, but its name does not end in -00002-of-00003.gguf");

    for (size_t i = 0; i < 3; i++)
        remove_file(f, parts[i]);
    remove_file(f, "renamed.gguf");
    assert_int_equal(rmdir(f), 0);
}

static void several_paths_are_one_checkpoint(void **state)
{
    (void)state;
    char f[64], names[5][96];
    make_folder(f);
    static const char *const bases[] = { "x.gguf", "y.gguf", "z.gguf", "p.safetensors", "q.safetensors" };
    const char *path[5];
    for (size_t i = 0; i < 5; i++) {
        snprintf(names[i], sizeof names[i], "%s/%s", f, bases[i]);
        path[i] = names[i];
    }
    write_gguf(f, "x.gguf", "a", 0, 2, 2);
    write_gguf(f, "y.gguf", "b", 1, 2, 2);
    write_gguf(f, "z.gguf", "z", 0, 0, 0);
    write_safetensors(f, "p.safetensors", "p");
    write_safetensors(f, "q.safetensors", "q");

    static const struct {
        int n, which[3];
        const char *tensors, *message;
    } cases[] = {
        { 2, { 0, 1 }, "ab", NULL },
        { 2, { 1, 0 }, "ab", NULL },
        { 2, { 4, 3 }, "qp", NULL },
        { 1, { 2 }, "z", NULL },
        { 2, { 0, 0 }, NULL, "are both part 1 of 2" },
        { 2, { 2, 0 }, NULL, "x.gguf is one of 2 parts, but" },
        { 3, { 0, 1, 2 }, NULL, "z.gguf is one of 1 parts, but" },
        { 2, { 3, 3 }, NULL, "tensor \"p\" is there twice" },
        { 2, { 0, 3 }, NULL, "only one of them is GGUF" },
        { 0, { 0 }, NULL, "no checkpoint was named" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *given[3];
        for (int k = 0; k < cases[i].n; k++)
            given[k] = path[cases[i].which[k]];
        bora_error err = { .code = BORA_OK };
        bora_checkpoint *c = bora_checkpoint_open(given, (size_t)cases[i].n, find_format, NULL, &err);
        if (!c != !cases[i].tensors || (!c && !strstr(err.message, cases[i].message)))
            fail_msg("case %zu: %s", i, err.message);
        for (size_t k = 0; c && k < bora_checkpoint_n_tensors(c); k++)
            assert_int_equal(bora_checkpoint_tensor(c, k)->name[0], cases[i].tensors[k]);
        bora_checkpoint_close(c);
    }
    bora_error err = { .code = BORA_OK };
    assert_null(bora_checkpoint_open((const char *[]){ path[3], f }, 2, find_format, NULL, &err));
    assert_non_null(strstr(err.message, "a folder or an index stands for a whole checkpoint"));
    bora_error_clear(&err);
    assert_null(bora_checkpoint_open(&path[3], 1, NULL, NULL, &err));
    assert_int_equal(err.code, BORA_UNSUPPORTED);
    bora_checkpoint_close(NULL);

    for (size_t i = 0; i < 5; i++)
        remove_file(f, bases[i]);
    assert_int_equal(rmdir(f), 0);
}

static void names_of_parts_are_parsed(void **state)
{
    (void)state;
    ckpt_part_name name;
    static const char *const bad[] = {
        "x.gguf",
        "-00001-of-00002.safetensors",
        "x-00003-of-00002.gguf",
        "x-00000-of-00002.gguf",
        "x-1of-2.gguf",
        "x-of-2.gguf",
        "x-1-of-.gguf",
        "x1-of-2.gguf",
        "d-1-of-2/x.gguf",
        "x-1-of-12345678901234.gguf",
        "x-00001-of-00002.gguf.bak",
        ".gguf",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (ckpt_parse_part_name(bad[i], ".gguf", &name))
            fail_msg("%s", bad[i]);
    assert_true(ckpt_parse_part_name("d/x-y-00002-of-00010.gguf", ".gguf", &name));
    assert_true(name.no == 2 && name.count == 10 && name.stem_len == 5);
    char *path = ckpt_part_path("d/x-y-00002-of-00010.gguf", ".gguf", &name, 10);
    assert_string_equal(path, "d/x-y-00010-of-00010.gguf");
    free(path);
    assert_true(ckpt_parse_part_name("x-9-of-12.gguf", ".gguf", &name));
    path = ckpt_part_path("x-9-of-12.gguf", ".gguf", &name, 12);
    assert_string_equal(path, "x-12-of-12.gguf");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_leads_to_its_model),
        cmocka_unit_test(a_gguf_of_any_name_is_known),
        cmocka_unit_test(shards_without_an_index_must_be_complete),
        cmocka_unit_test(an_index_must_be_true),
        cmocka_unit_test(split_gguf_must_be_complete),
        cmocka_unit_test(several_paths_are_one_checkpoint),
        cmocka_unit_test(names_of_parts_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
