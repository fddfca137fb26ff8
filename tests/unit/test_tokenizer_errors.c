/* Tokenizer files that are wrong: each is an error that says what, and nothing else happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checkpoint/gguf.h"
#include "text/tokenizer.h"

/* A tokenizer.json of one part, the others being sound. */
#define BPE "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}"
#define UNIGRAM(vocab, more) "{\"model\":{\"type\":\"Unigram\",\"vocab\":" vocab more "}}"
#define MODEL(more) "{\"model\":{\"type\":\"BPE\"," more "}}"
#define WITH(part) "{\"model\":" BPE "," part "}"
#define ADDED(more)                                                                                                    \
    WITH("\"added_tokens\":[{\"content\":\"x\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false," more "}]")

static void tokenizer_json(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bora_code code;
        const char *message;
    } cases[] = {
        { "", BORA_FORMAT, "test.json:1:1" },
        { "{", BORA_FORMAT, "test.json:1" },
        { "[]", BORA_FORMAT, "not a JSON object" },
        { "{}", BORA_FORMAT, "no \"model\"" },
        { "{\"model\":\"\xff\"}", BORA_FORMAT, "not UTF-8" },
        { "{\"model\":{\"type\":\"Nonsense\"}}", BORA_UNSUPPORTED, "Nonsense" },
        { "{\"model\":{\"type\":5}}", BORA_FORMAT, "type" },
        { MODEL("\"vocab\":[],\"merges\":[]"), BORA_FORMAT, "\"vocab\" is not an object" },
        { MODEL("\"vocab\":{\"a\":0}"), BORA_FORMAT, "\"merges\" is not a list" },
        { MODEL("\"vocab\":{\"a\":-1},\"merges\":[]"), BORA_FORMAT, "\"a\" has no whole number" },
        { MODEL("\"vocab\":{\"a\":0.5},\"merges\":[]"), BORA_FORMAT, "\"a\" has no whole number" },
        { MODEL("\"vocab\":{\"a\":\"0\"},\"merges\":[]"), BORA_FORMAT, "\"a\" has no whole number" },
        { MODEL("\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]"), BORA_FORMAT, "two tokens have the id 0" },
        { MODEL("\"vocab\":{\"a\":2147483648},\"merges\":[]"), BORA_LIMIT, "2147483648" },
        { MODEL("\"vocab\":{\"a\":1e300},\"merges\":[]"), BORA_LIMIT, "id" },
        { MODEL("\"vocab\":{\"a\":0},\"merges\":[\"a b\"]"), BORA_FORMAT, "merge 0 (\"a b\" + \"b\") names a token" },
        { MODEL("\"vocab\":{\"a\":0,\"b\":1},\"merges\":[[\"a\",\"b\"]]"), BORA_FORMAT, "names a token" },
        { MODEL("\"vocab\":{\"a\":0},\"merges\":[\"a\"]"), BORA_FORMAT, "merge 0 is neither" },
        { MODEL("\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]"), BORA_FORMAT, "merge 0 is neither" },
        { MODEL("\"vocab\":{\"a\":0},\"merges\":[[\"a\",\"a\",\"a\"]]"), BORA_FORMAT, "merge 0 is neither" },
        { MODEL("\"vocab\":{\"a\":0},\"merges\":[7]"), BORA_FORMAT, "merge 0 is neither" },
        { MODEL("\"continuing_subword_prefix\":\"##\",\"vocab\":{\"a\":0},\"merges\":[\"a a\"]"), BORA_FORMAT,
          "names a token" },
        { MODEL("\"dropout\":0.1,\"vocab\":{},\"merges\":[]"), BORA_UNSUPPORTED, "dropout" },
        { MODEL("\"unk_token\":5,\"vocab\":{},\"merges\":[]"), BORA_FORMAT, "\"unk_token\" is not a string" },
        { MODEL("\"fuse_unk\":5,\"vocab\":{},\"merges\":[]"), BORA_FORMAT, "\"fuse_unk\" is not true or false" },
        { UNIGRAM("{}", ""), BORA_FORMAT, "not a list" },
        { UNIGRAM("[[\"a\"]]", ""), BORA_FORMAT, "item 0" },
        { UNIGRAM("[[\"a\",\"b\"]]", ""), BORA_FORMAT, "item 0" },
        { UNIGRAM("[[\"a\",0],[\"b\",1e999]]", ""), BORA_FORMAT, "item 1" },
        { UNIGRAM("[[\"a\",0]]", ",\"unk_id\":1"), BORA_FORMAT, "\"unk_id\" is 1" },
        { UNIGRAM("[[\"a\",0]]", ",\"unk_id\":-1"), BORA_FORMAT, "\"unk_id\" is -1" },
        { "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}", BORA_FORMAT, "\"unk_token\" is missing" },
        { "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0},\"unk_token\":\"a\",\"max_input_chars_per_word\":-3}"
          "}",
          BORA_FORMAT, "max_input_chars_per_word" },
        { ADDED("\"normalized\":true,\"special\":true,\"id\":-1"), BORA_FORMAT, "added token \"x\"" },
        { ADDED("\"normalized\":true,\"special\":true,\"id\":1e20"), BORA_FORMAT, "added token \"x\"" },
        { ADDED("\"normalized\":true,\"special\":true"), BORA_FORMAT, "\"id\" is missing" },
        { ADDED("\"normalized\":true,\"id\":3"), BORA_FORMAT, "\"special\" is missing" },
        { WITH("\"added_tokens\":5"), BORA_FORMAT, "\"added_tokens\" is not a list" },
        { WITH("\"added_tokens\":[5]"), BORA_FORMAT, "not an object" },
        { WITH("\"normalizer\":{\"type\":\"Nope\"}"), BORA_UNSUPPORTED, "normalizer: a normalizer of type \"Nope\"" },
        { WITH("\"normalizer\":{\"type\":\"Strip\"}"), BORA_FORMAT, "\"strip_left\" is missing" },
        { WITH("\"normalizer\":{\"type\":\"Prepend\",\"prepend\":5}"), BORA_FORMAT, "\"prepend\" is not a string" },
        { WITH("\"normalizer\":{\"type\":\"Sequence\"}"), BORA_FORMAT, "Sequence without" },
        { WITH("\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(\"},\"content\":\"\"}"), BORA_FORMAT,
          "\"(\" does not compile" },
        { WITH("\"normalizer\":{\"type\":\"Replace\",\"pattern\":5,\"content\":\"\"}"), BORA_FORMAT, "pattern" },
        { WITH("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"!!\"}"), BORA_FORMAT, "base64" },
        { WITH("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAA=\"}"), BORA_FORMAT,
          "character map of 2 bytes" },
        { WITH("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"/////wAA\"}"), BORA_FORMAT,
          "its array has 4294967295" },
        { WITH("\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"AAAAAP8=\"}"), BORA_FORMAT,
          "not UTF-8" },
        { WITH("\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"}"), BORA_UNSUPPORTED, "UnicodeScripts" },
        { WITH("\"pre_tokenizer\":{}"), BORA_FORMAT, "no \"type\"" },
        { WITH("\"pre_tokenizer\":{\"type\":\"ByteLevel\"}"), BORA_FORMAT, "\"add_prefix_space\" is missing" },
        { WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"String\":\"a\"},\"behavior\":\"Eaten\"}"),
          BORA_FORMAT, "Eaten" },
        { WITH("\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[\"},\"behavior\":\"Removed\"}"),
          BORA_FORMAT, "[ without ]" },
        { WITH("\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"ab\"}"), BORA_FORMAT, "not one character" },
        { WITH("\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"x\"}"),
          BORA_FORMAT, "prepend_scheme" },
        { WITH("\"pre_tokenizer\":{\"type\":\"FixedLength\",\"length\":0}"), BORA_FORMAT, "\"length\" is 0" },
        { WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"q\"}}]}"),
          BORA_FORMAT, "\"q\"" },
        { WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"B\"}}]}"),
          BORA_FORMAT, "Sequence A" },
        { WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":5}"), BORA_FORMAT, "\"single\"" },
        { WITH("\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"a\",0],\"cls\":[\"a\"]}"), BORA_FORMAT,
          "[token, id]" },
        { WITH("\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"a\",0],\"cls\":[\"a\",3]}"), BORA_FORMAT,
          "adds the id 3" },
        { WITH("\"post_processor\":{\"type\":\"BertProcessing\",\"sep\":[\"a\",0],\"cls\":[\"a\",-3]}"), BORA_FORMAT,
          "token id" },
        { WITH("\"decoder\":{\"type\":\"CTC\"}"), BORA_UNSUPPORTED, "CTC" },
        { WITH("\"decoder\":5"), BORA_FORMAT, "decoder" },
        { WITH("\"decoder\":{\"type\":\"Strip\",\"content\":\" \",\"start\":-1,\"stop\":0}"), BORA_FORMAT,
          "\"start\" is -1" },
        { WITH("\"decoder\":{\"type\":\"BPEDecoder\",\"suffix\":\"\"}"), BORA_FORMAT, "\"suffix\" is empty" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bora_error err = { .code = BORA_OK };
        bora_tokenizer *t = tokenizer_from_json(cases[i].json, strlen(cases[i].json), "test.json", &err);
        if (t)
            fail_msg("%s: was accepted", cases[i].json);
        if (err.code != cases[i].code || !strstr(err.message, cases[i].message) ||
            strncmp(err.message, "test.json", 9) != 0)
            fail_msg("%s: \"%s\" (code %d) does not say \"%s\"", cases[i].json, err.message, (int)err.code,
                     cases[i].message);
    }
}

static void nesting_is_limited(void **state)
{
    (void)state;
    static const char *const parts[][2] = { { "normalizer", "normalizers" },
                                            { "pre_tokenizer", "pretokenizers" },
                                            { "post_processor", "processors" },
                                            { "decoder", "decoders" } };
    for (size_t k = 0; k < 4; k++) {
        buf json = { 0 };
        bora_error err = { .code = BORA_OK };
        buf_printf(&json, "{\"model\":" BPE ",\"%s\":", parts[k][0]);
        for (int i = 0; i < 200; i++)
            buf_printf(&json, "{\"type\":\"Sequence\",\"%s\":[", parts[k][1]);
        for (int i = 0; i < 200; i++)
            buf_puts(&json, "]}");
        buf_puts(&json, "}");
        assert_null(tokenizer_from_json(json.data, json.len, "deep", &err));
        assert_int_equal(err.code, BORA_LIMIT);
        buf_free(&json);
    }
}

/* Text that a sound tokenizer cannot spell. */
static void encoding_can_fail(void **state)
{
    (void)state;
    static const char *const models[] = {
        UNIGRAM("[[\"a\",0]]", ""),
        MODEL("\"unk_token\":\"<unk>\",\"vocab\":{\"a\":0},\"merges\":[]"),
        "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0},\"unk_token\":\"[UNK]\"}}",
        "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"[UNK]\"}}",
        WITH("\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(a|aa)+$\"},\"content\":\"\"}"),
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        bora_error err = { .code = BORA_OK };
        bora_tokenizer *t = tokenizer_from_json(models[i], strlen(models[i]), "test.json", &err);
        int32_t *ids;
        size_t n;
        if (!t)
            fail_msg("%s", err.message);
        static const char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaz";
        assert_false(bora_tokenizer_encode(t, text, sizeof text - 1, 0, &ids, &n, &err));
        assert_null(ids);
        assert_int_equal(n, 0);
        assert_true(err.code == BORA_FORMAT || err.code == BORA_LIMIT);
        bora_error_clear(&err);
        assert_true(bora_tokenizer_encode(t, "a", 1, 0, &ids, &n, &err)); /* and it goes on */
        assert_true(n <= 1);
        free(ids);
        bora_tokenizer_free(t);
    }
}

/* Rules that double a text, a hundred times. */
static void growth_is_limited(void **state)
{
    (void)state;
    static const char *const rules[][2] = {
        { "normalizer\":{\"type\":\"Sequence\",\"normalizers",
          "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aa\"}" },
        { "pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers",
          "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}" },
        { "decoder\":{\"type\":\"Sequence\",\"decoders",
          "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"aa\"}" },
    };
    for (size_t k = 0; k < 3; k++) {
        buf json = { 0 };
        bora_error err = { .code = BORA_OK };
        buf_printf(&json, "{\"model\":" BPE ",\"%s\":[", rules[k][0]);
        for (int i = 0; i < 100; i++)
            buf_printf(&json, "%s%s", i ? "," : "", rules[k][1]);
        buf_puts(&json, "]}}");
        bora_tokenizer *t = tokenizer_from_json(json.data, json.len, "grows", &err);
        int32_t *ids = NULL;
        size_t n, len;
        const char *text;
        if (!t)
            fail_msg("%s", err.message);
        bool ok = bora_tokenizer_encode(t, "aé", 3, 0, &ids, &n, &err);
        assert_true(ok == (k == 2));
        bora_detokenizer *d = bora_detokenizer_new(t, false, NULL);
        assert_true(bora_detokenizer_push(d, 0, &text, &len, &err) == (k < 2));
        assert_int_equal(err.code, BORA_LIMIT);
        bora_detokenizer_free(d);
        bora_tokenizer_free(t);
        free(ids);
        buf_free(&json);
    }
}

/* --- GGUF -------------------------------------------------------------------------------------------------------- */

static void put_number(buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_putc(b, (char)(v >> (8 * i)));
}

static void put_string(buf *b, const char *text)
{
    put_number(b, strlen(text), 8);
    buf_puts(b, text);
}

static void put_key(buf *b, const char *key, unsigned type)
{
    put_string(b, key);
    put_number(b, type, 4);
}

enum { GGUF_UINT32 = 4, GGUF_INT32, GGUF_FLOAT32, GGUF_BOOL, GGUF_STRING, GGUF_ARRAY };

static void put_text(buf *b, const char *key, const char *value)
{
    put_key(b, key, GGUF_STRING);
    put_string(b, value);
}

/* Items separated by commas. */
static void put_texts(buf *b, const char *key, const char *items)
{
    uint64_t n = items[0] != '\0';
    for (const char *c = items; *c; c++)
        n += *c == ',';
    put_key(b, key, GGUF_ARRAY);
    put_number(b, GGUF_STRING, 4);
    put_number(b, n, 8);
    for (; n > 0; n--) {
        size_t len = strcspn(items, ",");
        put_number(b, len, 8);
        buf_append(b, items, len);
        items += len + 1;
    }
}

static void put_numbers(buf *b, const char *key, unsigned type, uint64_t n, uint32_t value)
{
    put_key(b, key, GGUF_ARRAY);
    put_number(b, type, 4);
    put_number(b, n, 8);
    for (uint64_t i = 0; i < n; i++)
        put_number(b, value, 4);
}

static const bora_quant *no_format(void *ctx, const char *stored_as)
{
    (void)ctx;
    (void)stored_as;
    return NULL;
}

/* A GGUF of these `n` key-values and nothing else. */
static bora_tokenizer *from_values(const buf *values, unsigned n, bora_error *err)
{
    buf file = { 0 };
    gguf_split split;
    buf_puts(&file, "GGUF");
    put_number(&file, 3, 4);
    put_number(&file, 0, 8);
    put_number(&file, n, 8);
    buf_append(&file, values->data, values->len);
    bora_checkpoint *c = ckpt_new(no_format, NULL, err);
    ckpt_bytes bytes = { "FILE", (const uint8_t *)file.data, file.len };
    if (!gguf_parse(c, &bytes, &split, err) || !ckpt_finish(c, err))
        fail_msg("%s", err->message);
    bora_tokenizer *t = bora_tokenizer_from_checkpoint(c, err);
    bora_checkpoint_close(c);
    buf_free(&file);
    return t;
}

static void expect_gguf_failure(const buf *values, unsigned n, bora_code code, const char *message)
{
    bora_error err = { .code = BORA_OK };
    if (from_values(values, n, &err))
        fail_msg("was accepted; it should say \"%s\"", message);
    if (err.code != code || !strstr(err.message, message))
        fail_msg("\"%s\" (code %d) does not say \"%s\"", err.message, (int)err.code, message);
}

static void gguf(void **state)
{
    (void)state;
    buf b = { 0 };
#define T "tokenizer.ggml."
#define CASE(n, code, message)                                                                                         \
    do {                                                                                                               \
        expect_gguf_failure(&b, n, code, message);                                                                     \
        buf_clear(&b);                                                                                                 \
    } while (0)
    put_text(&b, "general.name", "x");
    CASE(1, BORA_NOT_FOUND, "no tokenizer");
    put_text(&b, T "model", "rwkv");
    CASE(1, BORA_UNSUPPORTED, "\"rwkv\"; known here are llama");
    put_numbers(&b, T "model", GGUF_INT32, 1, 0);
    CASE(1, BORA_FORMAT, T "model is not a string");
    put_text(&b, T "model", "llama");
    CASE(1, BORA_NOT_FOUND, T "tokens is missing");
    put_text(&b, T "model", "llama");
    put_numbers(&b, T "tokens", GGUF_INT32, 3, 0);
    CASE(2, BORA_FORMAT, T "tokens is not an array of the right type");
    put_text(&b, T "model", "llama");
    put_texts(&b, T "tokens", "");
    CASE(2, BORA_FORMAT, "0 tokens");
    put_text(&b, T "model", "llama");
    put_texts(&b, T "tokens", "a,b,a");
    CASE(2, BORA_FORMAT, "\"a\" is there twice (the second is 2)");
    put_text(&b, T "model", "llama");
    put_texts(&b, T "tokens", "a,\xff");
    CASE(2, BORA_FORMAT, "token 1 is not text");
    put_text(&b, T "model", "llama");
    put_texts(&b, T "tokens", "a,b");
    put_numbers(&b, T "scores", GGUF_FLOAT32, 1, 0);
    CASE(3, BORA_FORMAT, T "scores is not an array of 2");
    put_text(&b, T "model", "llama");
    put_texts(&b, T "tokens", "a,b");
    put_numbers(&b, T "scores", GGUF_FLOAT32, 2, 0x7fc00000);
    CASE(3, BORA_FORMAT, "not a finite number");
    put_text(&b, T "model", "llama");
    put_texts(&b, T "tokens", "a,b");
    put_numbers(&b, T "token_type", GGUF_INT32, 1, 1);
    CASE(3, BORA_FORMAT, T "token_type has 1 entries for 2 tokens");
    put_text(&b, T "model", "llama");
    put_texts(&b, T "tokens", "a");
    CASE(2, BORA_FORMAT, "BOS");
    put_text(&b, T "model", "llama");
    put_texts(&b, T "tokens", "a,b,c");
    put_text(&b, T "bos_token_id", "1");
    CASE(3, BORA_FORMAT, T "bos_token_id is not a whole number");
    put_text(&b, T "model", "llama");
    put_texts(&b, T "tokens", "a,b,c");
    put_text(&b, T "add_bos_token", "yes");
    CASE(3, BORA_FORMAT, T "add_bos_token is not true or false");
    put_text(&b, T "model", "gpt2");
    put_texts(&b, T "tokens", "a,b");
    CASE(2, BORA_NOT_FOUND, T "merges is missing");
    put_text(&b, T "model", "gpt2");
    put_text(&b, T "pre", "nobody knows");
    CASE(2, BORA_UNSUPPORTED, "\"nobody knows\"");
    put_text(&b, T "model", "gpt2");
    put_texts(&b, T "tokens", "a,b");
    put_texts(&b, T "merges", "ab");
    CASE(3, BORA_FORMAT, "merge 0 (\"ab\") is not two pieces");
    put_text(&b, T "model", "t5");
    put_numbers(&b, T "precompiled_charsmap", GGUF_INT32, 3, 255);
    CASE(2, BORA_FORMAT, "character map");

    /* Ids out of range stand for none, as many files have them. */
    bora_error err = { .code = BORA_OK };
    put_text(&b, T "model", "gpt2");
    put_texts(&b, T "tokens", "a,b,ab");
    put_texts(&b, T "merges", "a b,ab a");
    put_key(&b, T "eos_token_id", GGUF_UINT32);
    put_number(&b, UINT32_MAX, 4);
    bora_tokenizer *t = from_values(&b, 4, &err);
    if (!t)
        fail_msg("%s", err.message);
    assert_int_equal(bora_tokenizer_role(t, "eos"), -1);
    int32_t *ids;
    size_t n;
    assert_true(bora_tokenizer_encode(t, "aba?", 4, BORA_ENCODE_ADD_SPECIAL, &ids, &n, &err));
    assert_int_equal(n, 3); /* "aba" merges but is no token, so its bytes are; "?" has none */
    assert_int_equal(ids[0], 0);
    assert_int_equal(ids[1], 1);
    assert_int_equal(ids[2], 0);
    free(ids);
    bora_tokenizer_free(t);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokenizer_json),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(encoding_can_fail),
        cmocka_unit_test(growth_is_limited),
        cmocka_unit_test(gguf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
