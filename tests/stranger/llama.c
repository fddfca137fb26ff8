/* An architecture in C, the one that configs/arch/llama.toml declares: both give the same bits. */
#include <bora/arch.h>

typedef struct params {
    int32_t n_layers;
    float eps;
    bora_activation_kind act;
    bora_rope_attrs rope;
    bora_attention_attrs attn;
} params;

static params read_params(bora_graph *g)
{
    int32_t n_heads = bora_param_count(g, "num_attention_heads");
    int32_t head_dim = bora_param_count_or(g, "head_dim", bora_param_count(g, "hidden_size") / n_heads);
    return (params){
        .n_layers = bora_param_count(g, "num_hidden_layers"),
        .eps = bora_param_float_or(g, "rms_norm_eps", 1e-6F),
        .act = bora_param_activation(g, "hidden_act", "silu"),
        .rope = bora_rope_params(g, head_dim),
        .attn = {
            .n_heads = n_heads,
            .n_kv_heads = bora_param_count_or(g, "num_key_value_heads", n_heads),
            .head_dim = head_dim,
            .window = bora_param_count_or(g, "sliding_window", 0),
        },
    };
}

static bora_node *layer(bora_graph *g, const params *p, int i, bora_node *x)
{
    bora_scope(g, "model.layers.%d", i);
    bora_node *h = bora_rms_norm(g, x, "input_layernorm", p->eps);
    x = bora_add(g, x, bora_self_attention(g, h, "self_attn", &p->rope, &p->attn));
    h = bora_rms_norm(g, x, "post_attention_layernorm", p->eps);
    return bora_add(g, x, bora_gated_mlp(g, h, "mlp", p->act));
}

static bora_node *build(const bora_arch *self, bora_graph *g)
{
    (void)self;
    params p = read_params(g);
    bora_node *x = bora_embed(g, "model.embed_tokens");
    for (int i = 0; i < p.n_layers; i++)
        x = layer(g, &p, i, x);
    bora_scope_end(g);
    x = bora_rms_norm(g, bora_outputs(g, x), "model.norm", p.eps);
    return bora_head(g, x, "lm_head", "model.embed_tokens", bora_param_flag_or(g, "tie_word_embeddings", false));
}

static const bora_arch llama = { .name = "llama-in-c", .gguf_interleaved_rope = true, .build = build };
static const bora_arch *const archs[] = { &llama, NULL };
static const bora_plugin plugin = { BORA_PLUGIN_ABI, .name = "llama-in-c", .version = "0.1.0", .archs = archs };

BORA_PLUGIN_EXPORT const bora_plugin *bora_plugin_entry(void)
{
    return &plugin;
}
