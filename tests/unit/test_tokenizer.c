/* Tokenizers against their references: every text of tests/fixtures/tokenizers through every family, both ways; and
 * what the references do not cover: streaming, invalid UTF-8, roles, long texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "text/tokenizer.h"

static const bora_quant numbers = { .name = "f32", .block_elems = 1, .block_bytes = 4 };

static const bora_quant *any_format(void *ctx, const char *stored_as)
{
    (void)ctx;
    (void)stored_as;
    return &numbers;
}

static char *fixture(const char *name, const char *suffix)
{
    static char path[1024];
    const char *folder = getenv("BORA_FIXTURES");
    snprintf(path, sizeof path, "%s/tokenizers/%s%s", folder ? folder : "tests/fixtures", name, suffix);
    return path;
}

static bora_tokenizer *load_json(const char *name)
{
    bora_error err = { .code = BORA_OK };
    bora_tokenizer *t = bora_tokenizer_load(fixture(name, ".json"), &err);
    if (!t)
        fail_msg("%s", err.message);
    return t;
}

static bora_tokenizer *load_gguf(const char *path)
{
    bora_error err = { .code = BORA_OK };
    bora_checkpoint *c = bora_checkpoint_open(&path, 1, any_format, NULL, &err);
    bora_tokenizer *t = c ? bora_tokenizer_from_checkpoint(c, &err) : NULL;
    if (!t)
        fail_msg("%s: %s", path, err.message);
    bora_checkpoint_close(c); /* the tokenizer keeps nothing of it */
    return t;
}

/* In the fixtures U+E000 stands for NUL. */
static bora_text unmark(const cJSON *json)
{
    const char *text = json->valuestring;
    size_t len = strlen(text), n = 0;
    char *out = malloc(len + 1);
    assert_non_null(out);
    for (size_t i = 0; i < len; i++) {
        if (strncmp(text + i, "\xee\x80\x80", 3) == 0) {
            out[n++] = '\0';
            i += 2;
        } else {
            out[n++] = text[i];
        }
    }
    out[n] = '\0';
    return (bora_text){ out, n };
}

static void expect_ids(const bora_tokenizer *t, const char *what, bora_text text, unsigned flags,
                       const int32_t *expected, size_t n_expected)
{
    bora_error err = { .code = BORA_OK };
    int32_t *ids;
    size_t n;
    if (!bora_tokenizer_encode(t, text.data, text.len, flags, &ids, &n, &err))
        fail_msg("%s: \"%s\": %s", what, text.data, err.message);
    for (size_t i = 0; i < n || i < n_expected; i++)
        if (i >= n || i >= n_expected || ids[i] != expected[i])
            fail_msg("%s: \"%s\": at %zu of %zu: %d, expected %d", what, text.data, i, n_expected, i < n ? ids[i] : -1,
                     i < n_expected ? expected[i] : -1);
    free(ids);
}

static void expect_text(const bora_tokenizer *t, const char *what, const int32_t *ids, size_t n, bool skip_special,
                        bora_text expected)
{
    bora_error err = { .code = BORA_OK };
    bora_detokenizer *d = bora_detokenizer_new(t, skip_special, &err);
    buf all = { 0 };
    assert_non_null(d);
    for (size_t i = 0; i <= n; i++) {
        const char *text;
        size_t len;
        if (!(i < n ? bora_detokenizer_push(d, ids[i], &text, &len, &err)
                    : bora_detokenizer_finish(d, &text, &len, &err)))
            fail_msg("%s: %s", what, err.message);
        if (!utf8_valid(text, len))
            fail_msg("%s: part %zu of \"%s\" is not whole characters", what, i, expected.data);
        buf_append(&all, text, len);
    }
    if (all.len != expected.len || memcmp(buf_text(&all), expected.data, all.len) != 0)
        fail_msg("%s, special tokens %s: \"%s\", expected \"%s\"", what, skip_special ? "skipped" : "kept",
                 buf_text(&all), expected.data);
    buf_free(&all);
    bora_detokenizer_free(d);
}

static size_t read_ids(const cJSON *json, int32_t *ids, size_t cap)
{
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json) {
        assert_true(n < cap);
        ids[n++] = item->valueint;
    }
    return n;
}

static void expect_vectors(const bora_tokenizer *t, const char *name)
{
    bora_error err = { .code = BORA_OK };
    cJSON *texts = json_load(fixture("texts", ".json"), 1 << 20, &err);
    cJSON *rows = texts ? json_load(fixture(name, ".vectors"), 1 << 20, &err) : NULL;
    if (!rows)
        fail_msg("%s", err.message);
    assert_int_equal(cJSON_GetArraySize(texts), cJSON_GetArraySize(rows));
    assert_true(cJSON_GetArraySize(texts) > 60);
    const cJSON *row = rows->child, *text;
    cJSON_ArrayForEach(text, texts) {
        const cJSON *bare = row->child, *full = bare->next, *kept = full->next, *skipped = kept->next;
        int32_t ids[4096];
        bora_text in = unmark(text), out[2] = { unmark(kept), unmark(skipped) };
        expect_ids(t, name, in, BORA_ENCODE_PARSE_SPECIAL, ids, read_ids(bare, ids, 4096));
        size_t n = read_ids(full, ids, 4096);
        expect_ids(t, name, in, BORA_ENCODE_PARSE_SPECIAL | BORA_ENCODE_ADD_SPECIAL, ids, n);
        for (int skip = 0; skip < 2; skip++) {
            expect_text(t, name, ids, n, skip, out[skip]);
            free((char *)(uintptr_t)out[skip].data);
        }
        free((char *)(uintptr_t)in.data);
        row = row->next;
    }
    cJSON_Delete(texts);
    cJSON_Delete(rows);
}

static void every_family_agrees_with_the_reference(void **state)
{
    (void)state;
    static const char *const names[] = {
        "gpt2",
        "roberta",
        "llama3",
        "qwen2",
        "o200k",
        "starcoder",
        "deepseek",
        "byte_normalizer",
        "llama2",
        "llama2_legacy",
        "mistral_first",
        "gemma",
        "metaspace_first_stripped",
        "clip",
        "bpe_prefix",
        "bpe_words",
        "bert",
        "bert_cased",
        "wordlevel",
        "t5",
        "xlnet",
        "unigram_bytes",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bora_tokenizer *t = load_json(names[i]);
        expect_vectors(t, names[i]);
        bora_tokenizer_free(t);
    }
}

static void gguf_vocabularies_agree_with_the_reference(void **state)
{
    (void)state;
    static const char *const names[] = { "llama2.gguf", "qwen2.gguf" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bora_tokenizer *t = load_gguf(fixture(names[i], ""));
        expect_vectors(t, names[i]);
        bora_tokenizer_free(t);
    }
}

/* Inputs separated by a line, and one line of ids for each. */
static void expect_published_vectors(const char *folder, const char *name)
{
    static const char separator[] = "\n__ggml_vocab_test__\n";
    char path[1024];
    bora_error err = { .code = BORA_OK };
    size_t in_len, out_len, n_texts = 0;
    snprintf(path, sizeof path, "%s/tokenizers/%s.gguf", folder, name);
    bora_tokenizer *t = load_gguf(path);
    strcat(path, ".inp");
    char *in = file_read(path, 1 << 20, &in_len, &err);
    strcpy(strrchr(path, '.'), ".out");
    char *out = file_read(path, 1 << 20, &out_len, &err);
    if (!in || !out)
        fail_msg("%s", err.message);
    char *line = out;
    for (char *text = in, *next; text; text = next, n_texts++) {
        int32_t ids[4096];
        size_t n = 0;
        char *end = strstr(text, separator), *line_end = strchr(line, '\n');
        bora_text whole = { text, end ? (size_t)(end - text) : strlen(text) };
        if (!end && whole.len == 0 && *line == '\0') /* behind the last separator */
            break;
        next = end ? end + sizeof separator - 1 : NULL;
        if (end)
            *end = '\0';
        assert_non_null(line_end);
        for (char *at = line; n < 4096; n++) {
            char *number_end;
            long id = strtol(at, &number_end, 10);
            if (number_end == at || number_end > line_end)
                break;
            ids[n] = (int32_t)id;
            at = number_end;
        }
        line = line_end + 1;
        expect_ids(t, name, whole, 0, ids, n);
    }
    assert_true(n_texts > 40);
    free(in);
    free(out);
    bora_tokenizer_free(t);
}

static void published_vocabularies_give_their_ids(void **state)
{
    (void)state;
    const char *folder = getenv("BORA_TEST_DATA");
    if (!folder || !folder[0])
        skip();
    expect_published_vectors(folder, "llama-spm");
    expect_published_vectors(folder, "gpt-2");
    expect_published_vectors(folder, "starcoder");
    expect_published_vectors(folder, "deepseek-llm");
}

/* Every behaviour, with matches that are empty and matches that touch; the expectations are the reference's. */
static void splits_join_as_their_behavior_says(void **state)
{
    (void)state;
    static const struct {
        const char *behavior;
        bool invert;
        const char *pieces;
    } cases[] = {
        { "Removed", false, "a|b|x|x" },
        { "Removed", true, "-|-|-|-" },
        { "Isolated", false, "-|a|-|-|b|x|x|-" },
        { "Isolated", true, "-|a|-|-|b|x|x|-" },
        { "MergedWithPrevious", false, "-|a-|-|b|x|x-" },
        { "MergedWithPrevious", true, "-a|-|-b|x|x|-" },
        { "MergedWithNext", false, "-a|-|-b|x|x|-" },
        { "MergedWithNext", true, "-|a-|-|b|x|x-" },
        { "Contiguous", false, "-|a|--|b|x|x|-" },
        { "Contiguous", true, "-|a|--|b|x|x|-" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bora_error err = { .code = BORA_OK };
        arena mem = { 0 };
        pretokenizer_list list = { 0 };
        regex_scratch scratch = { 0 };
        pieces p = { 0 }, spare = { 0 };
        buf joined = { 0 }, json = { 0 };
        buf_printf(&json, "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"-|(?=x)\"},\"behavior\":\"%s\",\"invert\":%s}",
                   cases[i].behavior, cases[i].invert ? "true" : "false");
        cJSON *parsed = json_parse(json.data, json.len, "split", &err);
        assert_true(pretokenizer_parse(&mem, parsed, &list, &err));
        pieces_add_text(&p, "-a--bxx-", 8, true);
        assert_true(pretokenize(&list, &scratch, &p, &spare, &err));
        for (size_t k = 0; k < p.n; k++)
            buf_printf(&joined, "%s%.*s", k ? "|" : "", (int)p.items[k].len, p.text.data + p.items[k].start);
        if (strcmp(buf_text(&joined), cases[i].pieces) != 0)
            fail_msg("%s%s: %s, expected %s", cases[i].behavior, cases[i].invert ? " inverted" : "", buf_text(&joined),
                     cases[i].pieces);
        cJSON_Delete(parsed);
        pretokenizer_free(&list);
        regex_scratch_free(&scratch);
        pieces_free(&p);
        pieces_free(&spare);
        buf_free(&joined);
        buf_free(&json);
        arena_free(&mem);
    }
}

static void special_tokens_in_a_text_are_text_unless_asked(void **state)
{
    (void)state;
    bora_tokenizer *json = load_json("llama2"), *gguf = load_gguf(fixture("llama2.gguf", ""));
    bora_tokenizer *tokenizers[] = { json, gguf };
    for (size_t i = 0; i < 2; i++) {
        bora_error err = { .code = BORA_OK };
        int32_t *ids;
        size_t n;
        assert_true(bora_tokenizer_encode(tokenizers[i], "a</s>", 5, 0, &ids, &n, &err));
        for (size_t k = 0; k < n; k++)
            assert_int_not_equal(ids[k], 2);
        expect_text(tokenizers[i], "</s>", ids, n, true, (bora_text){ "a</s>", 5 });
        free(ids);
        assert_true(bora_tokenizer_encode(tokenizers[i], "a</s>", 5, BORA_ENCODE_PARSE_SPECIAL, &ids, &n, &err));
        assert_int_equal(ids[n - 1], 2);
        free(ids);
        bora_tokenizer_free(tokenizers[i]);
    }
}

static void pieces_and_roles(void **state)
{
    (void)state;
    bora_tokenizer *t = load_gguf(fixture("qwen2.gguf", ""));
    int32_t end = bora_tokenizer_find(t, "<|im_end|>"), pad = bora_tokenizer_find(t, "<|endoftext|>");
    assert_true(end > 0 && pad > 0);
    assert_int_equal(bora_tokenizer_role(t, "eos"), end);
    assert_int_equal(bora_tokenizer_role(t, "bos"), pad);
    assert_int_equal(bora_tokenizer_role(t, "pad"), pad);
    assert_int_equal(bora_tokenizer_role(t, "eot"), end);
    assert_int_equal(bora_tokenizer_role(t, "unk"), -1);
    assert_int_equal(bora_tokenizer_role(t, "nothing of the kind"), -1);
    assert_true(bora_tokenizer_is_special(t, end) && bora_tokenizer_is_end(t, end));
    assert_false(bora_tokenizer_is_special(t, bora_tokenizer_find(t, "tokenadded")));
    assert_false(bora_tokenizer_is_end(t, bora_tokenizer_find(t, "a")));
    assert_string_equal(bora_tokenizer_piece(t, end), "<|im_end|>");
    assert_null(bora_tokenizer_piece(t, -1));
    assert_null(bora_tokenizer_piece(t, bora_tokenizer_n_tokens(t)));
    assert_int_equal(bora_tokenizer_find(t, "no such piece"), -1);
    bora_tokenizer_free(t);

    t = load_json("roberta");
    int32_t mask = bora_tokenizer_find(t, "<mask>");
    assert_int_equal(mask, bora_tokenizer_n_tokens(t) - 1); /* beyond the model's vocabulary */
    assert_string_equal(bora_tokenizer_piece(t, mask), "<mask>");
    assert_true(bora_tokenizer_is_special(t, mask));
    assert_int_equal(bora_tokenizer_role(t, "bos"), -1);
    bora_tokenizer_free(t);
}

static void invalid_utf8_is_the_replacement_character(void **state)
{
    (void)state;
    static const char bad[] = "a\xff"
                              "b\xe4\xbd"
                              "c\xc3(\xed\xa0\x80\xf0\x9f\x98";
    static const char good[] = "a\xef\xbf\xbd"
                               "b\xef\xbf\xbd"
                               "c\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd";
    static const char *const names[] = { "gpt2", "llama2", "bert", "t5" };
    for (size_t i = 0; i < 4; i++) {
        bora_tokenizer *t = load_json(names[i]);
        bora_error err = { .code = BORA_OK };
        int32_t *ids;
        size_t n;
        assert_true(bora_tokenizer_encode(t, good, sizeof good - 1, 0, &ids, &n, &err));
        expect_ids(t, names[i], (bora_text){ bad, sizeof bad - 1 }, 0, ids, n);
        free(ids);
        bora_tokenizer_free(t);
    }
}

static void expect_push(bora_detokenizer *d, int32_t id, const char *expected)
{
    const char *text;
    size_t len;
    bora_error err = { .code = BORA_OK };
    assert_true(bora_detokenizer_push(d, id, &text, &len, &err));
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text, expected, len);
}

static void expect_finish(bora_detokenizer *d, const char *expected)
{
    const char *text;
    size_t len;
    bora_error err = { .code = BORA_OK };
    assert_true(bora_detokenizer_finish(d, &text, &len, &err));
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(text, expected, len);
    bora_detokenizer_free(d);
}

static void half_characters_wait(void **state)
{
    (void)state;
    bora_error err = { .code = BORA_OK };
    bora_tokenizer *t = load_json("gpt2"); /* bytes as characters */
    bora_detokenizer *d = bora_detokenizer_new(t, true, &err);
    int32_t e4 = bora_tokenizer_find(t, "ä"), bd = bora_tokenizer_find(t, "½"), a0 = bora_tokenizer_find(t, "ł");
    expect_push(d, e4, "");
    expect_push(d, bd, "");
    expect_push(d, a0, "你");
    expect_push(d, e4, "");
    expect_push(d, bora_tokenizer_find(t, "a"),
                "\xef\xbf\xbd"
                "a");
    expect_push(d, -5, "");
    expect_push(d, 1 << 30, "");
    expect_push(d, e4, "");
    expect_finish(d, "\xef\xbf\xbd");
    bora_tokenizer_free(t);

    t = load_json("llama2"); /* byte tokens: a run is text as a whole or not at all */
    d = bora_detokenizer_new(t, true, &err);
    int32_t run[] = { bora_tokenizer_find(t, "<0xE4>"), bora_tokenizer_find(t, "<0xBD>"),
                      bora_tokenizer_find(t, "<0xA0>") };
    expect_push(d, bora_tokenizer_find(t, "▁the"), "the"); /* the first space goes */
    expect_push(d, bora_tokenizer_find(t, "▁the"), " the");
    for (size_t i = 0; i < 3; i++)
        expect_push(d, run[i], "");
    expect_push(d, bora_tokenizer_find(t, "a"), "你a");
    expect_push(d, run[0], "");
    expect_push(d, run[1], "");
    expect_finish(d, "\xef\xbf\xbd\xef\xbf\xbd");
    bora_tokenizer_free(t);

    t = load_gguf(fixture("llama2.gguf", "")); /* a GGUF's bytes come as soon as they make a character */
    d = bora_detokenizer_new(t, true, &err);
    expect_push(d, 1, "");
    expect_push(d, bora_tokenizer_find(t, "▁the"), "the");
    expect_push(d, run[0], "");
    expect_push(d, run[1], "");
    expect_push(d, run[2], "你");
    expect_push(d, run[0], "");
    expect_finish(d, "\xef\xbf\xbd");
    bora_tokenizer_free(t);
}

/* Texts that make a quadratic algorithm take hours. */
static void expect_bytes(const bora_tokenizer *t, int32_t id, const char *expected)
{
    bora_error err = { .code = BORA_OK };
    char *bytes;
    size_t len;
    assert_true(bora_tokenizer_bytes(t, id, &bytes, &len, &err));
    assert_string_equal(bytes, expected);
    assert_int_equal(len, strlen(expected));
    free(bytes);
}

/* What the tokens of a text stand for is the text, but for a space that some put in front. */
static void expect_sum_of_bytes(const bora_tokenizer *t, const char *name, const char *text)
{
    bora_error err = { .code = BORA_OK };
    int32_t *ids;
    size_t n, len, total = 0;
    char sum[256], *bytes;
    assert_true(bora_tokenizer_encode(t, text, strlen(text), 0, &ids, &n, &err));
    for (size_t i = 0; i < n; i++) {
        assert_true(bora_tokenizer_bytes(t, ids[i], &bytes, &len, &err));
        assert_true(total + len < sizeof sum);
        memcpy(sum + total, bytes, len);
        total += len;
        free(bytes);
    }
    sum[total] = '\0';
    if (strcmp(sum, text) != 0 && strcmp(sum + (sum[0] == ' '), text) != 0)
        fail_msg("%s: \"%s\" became \"%s\"", name, text, sum);
    free(ids);
}

static void tokens_have_bytes(void **state)
{
    (void)state;
    bora_tokenizer *t = load_json("gpt2");
    expect_bytes(t, bora_tokenizer_find(t, "ä"), "\xe4"); /* a part of a character */
    expect_bytes(t, bora_tokenizer_find(t, "Ġthe"), " the");
    expect_bytes(t, -1, "");
    expect_bytes(t, 1 << 30, "");
    bora_tokenizer_free(t);
    t = load_json("llama2");
    expect_bytes(t, bora_tokenizer_find(t, "▁the"), " the");
    expect_bytes(t, bora_tokenizer_find(t, "<0xE4>"), "\xe4");
    expect_bytes(t, bora_tokenizer_find(t, "<0x0A>"), "\n");
    expect_bytes(t, bora_tokenizer_find(t, "</s>"), "</s>");
    bora_tokenizer_free(t);
    t = load_gguf(fixture("llama2.gguf", ""));
    expect_bytes(t, bora_tokenizer_find(t, "▁the"), " the");
    expect_bytes(t, bora_tokenizer_find(t, "<0xE4>"), "\xe4");
    bora_tokenizer_free(t);
    t = load_json("bert");
    expect_bytes(t, bora_tokenizer_find(t, "the"), " the");
    bora_tokenizer_free(t);

    static const char *const families[] = { "gpt2",  "llama2", "llama2_legacy", "llama3",    "qwen2",
                                            "gemma", "o200k",  "deepseek",      "starcoder", "roberta" };
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        t = load_json(families[i]);
        expect_sum_of_bytes(t, families[i], "Hello the wörld, 你好 \xf0\x9f\x98\x80\n  x = 17;");
        bora_tokenizer_free(t);
    }
    t = load_gguf(fixture("qwen2.gguf", ""));
    expect_sum_of_bytes(t, "qwen2.gguf", "Hello the wörld, 你好 \xf0\x9f\x98\x80\n  x = 17;");
    bora_tokenizer_free(t);
}

static void long_texts_take_linear_time(void **state)
{
    (void)state;
    enum { LEN = 1 << 19 };
    static const char *const names[] = { "gpt2", "llama3", "llama2", "gemma", "t5", "bert", "bpe_words", "xlnet" };
    static const char *const units[] = { "a", " ", "ab", " \n", "\n", "1", "!", "你", "<s", "▁" };
    char *text = malloc(LEN);
    assert_non_null(text);
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        bora_tokenizer *t = load_json(names[k]);
        for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
            bora_error err = { .code = BORA_OK };
            int32_t *ids;
            size_t n, w = strlen(units[u]);
            for (size_t i = 0; i < LEN; i++)
                text[i] = units[u][i % w];
            if (!bora_tokenizer_encode(t, text, LEN, BORA_ENCODE_PARSE_SPECIAL, &ids, &n, &err))
                fail_msg("%s, \"%s\": %s", names[k], units[u], err.message);
            free(ids);
        }
        bora_tokenizer_free(t);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_agrees_with_the_reference),
        cmocka_unit_test(gguf_vocabularies_agree_with_the_reference),
        cmocka_unit_test(published_vocabularies_give_their_ids),
        cmocka_unit_test(splits_join_as_their_behavior_says),
        cmocka_unit_test(special_tokens_in_a_text_are_text_unless_asked),
        cmocka_unit_test(pieces_and_roles),
        cmocka_unit_test(invalid_utf8_is_the_replacement_character),
        cmocka_unit_test(half_characters_wait),
        cmocka_unit_test(tokens_have_bytes),
        cmocka_unit_test(long_texts_take_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
