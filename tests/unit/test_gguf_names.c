/* GGUF under Hugging Face names: what becomes of metadata, and which name of a weight is looked for. */
#include "checkpoint_files.h"

#include "base/json.h"
#include "model/source.h"

enum { UINT32 = 4, FLOAT32 = 6, BOOL = 7, ARRAY = 9 };

static buf file;
static uint64_t n_keys;

static void put_string(const char *text)
{
    put_u64(&file, strlen(text));
    buf_puts(&file, text);
}

static void put_key(const char *key, uint32_t type)
{
    put_string(key);
    put_u32(&file, type);
    n_keys++;
}

static void put_int(const char *key, uint32_t value)
{
    put_key(key, UINT32);
    put_u32(&file, value);
}

static void put_float(const char *key, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(key, FLOAT32);
    put_u32(&file, bits);
}

static void put_ints(const char *key, const uint32_t *values, uint64_t n)
{
    put_key(key, ARRAY);
    put_u32(&file, UINT32);
    put_u64(&file, n);
    for (uint64_t i = 0; i < n; i++)
        put_u32(&file, values[i]);
}

static void put_bools(const char *key, const char *values)
{
    put_key(key, ARRAY);
    put_u32(&file, BOOL);
    put_u64(&file, strlen(values));
    for (; *values; values++)
        buf_putc(&file, *values == '1');
}

/* The parameters of a file with the keys that were put, as JSON text; forgets the keys. */
static const char *params(const bora_arch *arch)
{
    static char text[2048];
    char folder[64];
    buf whole = { 0 };
    bora_error err = { .code = BORA_OK };
    buf_puts(&whole, "GGUF");
    put_u32(&whole, 3);
    put_u64(&whole, 0);
    put_u64(&whole, n_keys);
    for (size_t i = 0; i < file.len; i++)
        buf_putc(&whole, file.data[i]);
    put_zeros(&whole, 32);
    make_folder(folder);
    write_file(folder, "m.gguf", whole.data, whole.len);
    bora_checkpoint *c = open_path(folder, "m.gguf", &err);
    if (!c)
        fail_msg("%s", err.message);
    cJSON *json = gguf_params(c, arch, "test", &err);
    assert_non_null(json);
    assert_true(cJSON_PrintPreallocated(json, text, sizeof text, false));
    cJSON_Delete(json);
    bora_checkpoint_close(c);
    remove_file(folder, "m.gguf");
    assert_int_equal(remove(folder), 0);
    buf_free(&whole);
    buf_free(&file);
    file = (buf){ 0 };
    n_keys = 0;
    return text;
}

static void metadata_becomes_parameters(void **state)
{
    (void)state;
    static const bora_name_pair own[] = { { "norm_epsilon", "%s.attention.layer_norm_epsilon" }, { NULL, NULL } };
    put_int("test.block_count", 2);
    put_int("other.embedding_length", 7);
    put_float("test.attention.layer_norm_epsilon", 0.5F);
    put_float("test.attn_logit_softcapping", 50);
    assert_string_equal(params(&(bora_arch){ .gguf_params = own }),
                        "{\"norm_epsilon\":0.5,\"num_hidden_layers\":2,\"layer_norm_eps\":0.5,"
                        "\"attn_logit_softcapping\":50}");
    put_ints("test.attention.head_count", (const uint32_t[]){ 4, 4, 4 }, 3);
    put_ints("test.attention.head_count_kv", (const uint32_t[]){ 4, 0, 2 }, 3);
    put_ints("test.feed_forward_length", NULL, 0);
    assert_string_equal(params(&(bora_arch){ 0 }), "{\"num_attention_heads\":4,\"num_key_value_heads\":[4,0,2]}");
    static uint32_t many[5000] = { 1 };
    put_ints("test.attention.head_count", many, 5000);
    assert_string_equal(params(&(bora_arch){ 0 }), "{}");
}

static void windows_are_every_so_many_layers_or_a_list(void **state)
{
    (void)state;
    put_int("test.attention.sliding_window_pattern", 6);
    assert_string_equal(params(&(bora_arch){ 0 }), "{\"sliding_window_pattern\":6}");
    put_bools("test.attention.sliding_window_pattern", "101");
    assert_string_equal(params(&(bora_arch){ 0 }),
                        "{\"layer_types\":[\"sliding_attention\",\"full_attention\",\"sliding_attention\"]}");
    put_ints("test.attention.sliding_window_pattern", (const uint32_t[]){ 0, 1 }, 2);
    assert_string_equal(params(&(bora_arch){ 0 }), "{\"layer_types\":[\"full_attention\",\"sliding_attention\"]}");
}

static void rope_scaling_is_put_together(void **state)
{
    (void)state;
    put_float("test.rope.scale_linear", 4);
    assert_string_equal(params(&(bora_arch){ 0 }), "{\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}}");
    put_int("test.rope.scaling.original_context_length", 16);
    put_float("test.rope.scaling.attn_factor", 1.25F); /* longrope: the factor itself */
    assert_string_equal(params(&(bora_arch){ 0 }),
                        "{\"rope_scaling\":{\"original_max_position_embeddings\":16,\"attention_factor\":1.25}}");
    put_float("test.rope.freq_base_swa", 100);
    put_float("test.rope.scaling.yarn_attn_factor", 1.5F);
    put_float("test.rope.scaling.attn_factor", 1.25F);
    assert_string_equal(params(&(bora_arch){ 0 }),
                        "{\"rope_local_base_freq\":100,\"rope_scaling\":{\"attention_factor\":1.5}}");
}

static void an_architecture_names_weights_first(void **state)
{
    (void)state;
    static const bora_name_pair own[] = {
        { "model.layers.%d.post_attention_layernorm", "blk.%d.post_attention_norm" },
        { NULL, NULL },
    };
    static const char *const names[][3] = {
        { "model.layers.3.post_attention_layernorm.weight", "blk.3.ffn_norm.weight",
          "blk.3.post_attention_norm.weight" },
        { "model.layers.12.self_attn.qkv_proj.bias", "blk.12.attn_qkv.bias", "blk.12.attn_qkv.bias" },
        { "rope_factors_long.weight", "rope_factors_long.weight", "rope_factors_long.weight" },
    };
    char out[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(gguf_weight_name(&(bora_arch){ 0 }, names[i][0], out, sizeof out));
        assert_string_equal(out, names[i][1]);
        assert_true(gguf_weight_name(&(bora_arch){ .gguf_weights = own }, names[i][0], out, sizeof out));
        assert_string_equal(out, names[i][2]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metadata_becomes_parameters),
        cmocka_unit_test(windows_are_every_so_many_layers_or_a_list),
        cmocka_unit_test(rope_scaling_is_put_together),
        cmocka_unit_test(an_architecture_names_weights_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
