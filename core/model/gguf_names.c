/* GGUF under Hugging Face names. GGUF calls weights and parameters differently, but nearly the same in all decoders:
 * the pairs below serve them all, and an architecture lists only where it differs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/source.h"

static const bora_name_pair weight_names[] = {
    { "model.embed_tokens", "token_embd" },
    { "model.norm", "output_norm" },
    { "lm_head", "output" },
    { "model.layers.%d.input_layernorm", "blk.%d.attn_norm" },
    { "model.layers.%d.post_attention_layernorm", "blk.%d.ffn_norm" },
    { "model.layers.%d.self_attn.q_proj", "blk.%d.attn_q" },
    { "model.layers.%d.self_attn.k_proj", "blk.%d.attn_k" },
    { "model.layers.%d.self_attn.v_proj", "blk.%d.attn_v" },
    { "model.layers.%d.self_attn.qkv_proj", "blk.%d.attn_qkv" },
    { "model.layers.%d.self_attn.o_proj", "blk.%d.attn_output" },
    { "model.layers.%d.self_attn.q_norm", "blk.%d.attn_q_norm" },
    { "model.layers.%d.self_attn.k_norm", "blk.%d.attn_k_norm" },
    { "model.layers.%d.mlp.gate_proj", "blk.%d.ffn_gate" },
    { "model.layers.%d.mlp.up_proj", "blk.%d.ffn_up" },
    { "model.layers.%d.mlp.down_proj", "blk.%d.ffn_down" },
    { "model.layers.%d.mlp.gate.e_score_correction_bias", "blk.%d.exp_probs_b.bias" },
    { "model.layers.%d.mlp.gate", "blk.%d.ffn_gate_inp" },
    { "model.layers.%d.mlp.experts.gate_proj", "blk.%d.ffn_gate_exps" },
    { "model.layers.%d.mlp.experts.up_proj", "blk.%d.ffn_up_exps" },
    { "model.layers.%d.mlp.experts.down_proj", "blk.%d.ffn_down_exps" },
    { "model.layers.%d.mlp.shared_experts.gate_proj", "blk.%d.ffn_gate_shexp" },
    { "model.layers.%d.mlp.shared_experts.up_proj", "blk.%d.ffn_up_shexp" },
    { "model.layers.%d.mlp.shared_experts.down_proj", "blk.%d.ffn_down_shexp" },
    { "model.layers.%d.mlp.shared_expert.gate_proj", "blk.%d.ffn_gate_shexp" },
    { "model.layers.%d.mlp.shared_expert.up_proj", "blk.%d.ffn_up_shexp" },
    { "model.layers.%d.mlp.shared_expert.down_proj", "blk.%d.ffn_down_shexp" },
    { "model.layers.%d.mlp.shared_expert_gate", "blk.%d.ffn_gate_inp_shexp" },
    { NULL, NULL },
};

static const bora_name_pair param_names[] = {
    { "num_hidden_layers", "%s.block_count" },
    { "hidden_size", "%s.embedding_length" },
    { "intermediate_size", "%s.feed_forward_length" },
    { "num_attention_heads", "%s.attention.head_count" },
    { "num_key_value_heads", "%s.attention.head_count_kv" },
    { "head_dim", "%s.attention.key_length" },
    { "rms_norm_eps", "%s.attention.layer_norm_rms_epsilon" },
    { "layer_norm_eps", "%s.attention.layer_norm_epsilon" },
    { "sliding_window", "%s.attention.sliding_window" },
    { "attn_logit_softcapping", "%s.attn_logit_softcapping" },
    { "final_logit_softcapping", "%s.final_logit_softcapping" },
    { "max_position_embeddings", "%s.context_length" },
    { "vocab_size", "%s.vocab_size" },
    { "rope_theta", "%s.rope.freq_base" },
    { "rope_local_base_freq", "%s.rope.freq_base_swa" },
    { "rope_dimension_count", "%s.rope.dimension_count" },
    { "rope_scaling.type", "%s.rope.scaling.type" },
    { "rope_scaling.factor", "%s.rope.scaling.factor" },
    { "rope_scaling.original_max_position_embeddings", "%s.rope.scaling.original_context_length" },
    { "rope_scaling.attention_factor", "%s.rope.scaling.yarn_attn_factor" },
    { "rope_scaling.beta_fast", "%s.rope.scaling.yarn_beta_fast" },
    { "rope_scaling.beta_slow", "%s.rope.scaling.yarn_beta_slow" },
    { "num_local_experts", "%s.expert_count" },
    { "num_experts_per_tok", "%s.expert_used_count" },
    { "moe_intermediate_size", "%s.expert_feed_forward_length" },
    { "norm_topk_prob", "%s.expert_weights_norm" },
    { "routed_scaling_factor", "%s.expert_weights_scale" },
    { "n_group", "%s.expert_group_count" },
    { "topk_group", "%s.expert_group_used_count" },
    { "first_k_dense_replace", "%s.leading_dense_block_count" },
    { NULL, NULL },
};

/* Matches `name` against a pattern that may hold one %d: the rest after the pattern must be empty or begin with '.'. */
static bool match(const char *pattern, const char *name, int *number, const char **rest)
{
    while (*pattern) {
        if (pattern[0] == '%' && pattern[1] == 'd') {
            size_t n = strspn(name, "0123456789");
            if (n == 0 || n > 6)
                return false;
            *number = atoi(name);
            name += n;
            pattern += 2;
        } else if (*pattern++ != *name++) {
            return false;
        }
    }
    *rest = name;
    return *name == '\0' || *name == '.';
}

/* `stored` with its %d (if any) replaced, then `rest`. */
static bool expand(const char *stored, int number, const char *rest, char *out, size_t size)
{
    const char *hole = strstr(stored, "%d");
    int n = hole ? snprintf(out, size, "%.*s%d%s%s", (int)(hole - stored), stored, number, hole + 2, rest)
                 : snprintf(out, size, "%s%s", stored, rest);
    return n >= 0 && (size_t)n < size;
}

bool gguf_weight_name(const bora_arch *arch, const char *name, char *out, size_t size)
{
    const bora_name_pair *lists[] = { arch->gguf_weights, weight_names };
    for (size_t l = 0; l < 2; l++)
        for (const bora_name_pair *pair = lists[l]; pair && pair->name; pair++) {
            int number = 0;
            const char *rest;
            if (match(pair->name, name, &number, &rest))
                return expand(pair->stored, number, rest, out, size);
        }
    return expand(name, 0, "", out, size);
}

/* Arrays hold a value for each layer; longer ones are not what they are taken for. */
enum { MAX_ELEMS = 4096 };

/* An array as a list; one repeated number (heads of each layer) as that number. NULL for what has no use. */
static cJSON *array_to_json(const bora_meta *m)
{
    if (m->n_elems == 0 || m->n_elems > MAX_ELEMS)
        return NULL;
    bool repeated = m->elem_type == BORA_META_INT;
    for (size_t i = 1; repeated && i < m->n_elems; i++)
        repeated = m->ints[i] == m->ints[0];
    if (repeated)
        return cJSON_CreateNumber((double)m->ints[0]);
    cJSON *list = cJSON_CreateArray();
    for (size_t i = 0; list && i < m->n_elems; i++) {
        cJSON *item = m->elem_type == BORA_META_INT     ? cJSON_CreateNumber((double)m->ints[i])
                      : m->elem_type == BORA_META_FLOAT ? cJSON_CreateNumber(m->floats[i])
                      : m->elem_type == BORA_META_BOOL  ? cJSON_CreateBool(m->bools[i])
                                                        : cJSON_CreateString(m->texts[i].data);
        if (!cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(item);
            cJSON_Delete(list);
            return NULL;
        }
    }
    return list;
}

/* A metadata value as JSON. NULL for what has no use. */
static cJSON *meta_to_json(const bora_meta *m)
{
    switch (m->type) {
    case BORA_META_INT:
        return cJSON_CreateNumber((double)m->i);
    case BORA_META_FLOAT:
        return cJSON_CreateNumber(m->f);
    case BORA_META_BOOL:
        return cJSON_CreateBool(m->b);
    case BORA_META_STRING:
        return cJSON_CreateString(m->text.data);
    case BORA_META_ARRAY:
        return array_to_json(m);
    }
    return NULL;
}

/* Puts `value` at a path of at most two parts ("rope_scaling.factor"); takes it over. */
static bool put(cJSON *root, const char *path, cJSON *value)
{
    const char *dot = strchr(path, '.');
    cJSON *object = root;
    if (dot && value) {
        char head[64];
        snprintf(head, sizeof head, "%.*s", (int)(dot - path), path);
        object = cJSON_GetObjectItemCaseSensitive(root, head);
        if (!object)
            object = cJSON_AddObjectToObject(root, head);
    }
    if (value && object && cJSON_AddItemToObject(object, dot ? dot + 1 : path, value))
        return true;
    cJSON_Delete(value);
    return false;
}

const bora_meta *gguf_meta(const bora_checkpoint *c, const char *stored, const char *gguf_arch)
{
    char key[256];
    const char *hole = strstr(stored, "%s");
    if (hole)
        snprintf(key, sizeof key, "%.*s%s%s", (int)(hole - stored), stored, gguf_arch, hole + 2);
    else
        snprintf(key, sizeof key, "%s", stored);
    return bora_checkpoint_meta(c, key);
}

static bool put_meta(cJSON *root, const bora_checkpoint *c, const char *path, const char *stored, const char *gguf_arch)
{
    const bora_meta *m = gguf_meta(c, stored, gguf_arch);
    cJSON *value = m ? meta_to_json(m) : NULL;
    return !value || put(root, path, value);
}

static double meta_float(const bora_checkpoint *c, const char *stored, const char *gguf_arch, double fallback)
{
    const bora_meta *m = gguf_meta(c, stored, gguf_arch);
    return m && m->type == BORA_META_FLOAT ? m->f : fallback;
}

/* Which layers see a window only: every so many, or a list of them, which is layer_types elsewhere. */
static bool put_windows(cJSON *root, const bora_checkpoint *c, const char *gguf_arch)
{
    const bora_meta *m = gguf_meta(c, "%s.attention.sliding_window_pattern", gguf_arch);
    if (m && m->type == BORA_META_INT)
        return put(root, "sliding_window_pattern", cJSON_CreateNumber((double)m->i));
    if (!m || m->type != BORA_META_ARRAY || m->n_elems > MAX_ELEMS ||
        (m->elem_type != BORA_META_BOOL && m->elem_type != BORA_META_INT))
        return true;
    cJSON *list = cJSON_AddArrayToObject(root, "layer_types");
    for (size_t i = 0; list && i < m->n_elems; i++) {
        bool slides = m->elem_type == BORA_META_BOOL ? m->bools[i] : m->ints[i] != 0;
        cJSON *kind = cJSON_CreateString(slides ? "sliding_attention" : "full_attention");
        if (!cJSON_AddItemToArray(list, kind)) {
            cJSON_Delete(kind);
            return false;
        }
    }
    return list != NULL;
}

/* What GGUF says of rope scaling in its own way: an old key for linear scaling, a factor on the scale of cos and sin,
 * which for yarn comes on top of what follows from its factor, and a tenth of mscale_all_dim (which it takes mscale to
 * be equal to). */
static bool put_rope_extras(cJSON *root, const bora_checkpoint *c, const char *gguf_arch)
{
    double linear = meta_float(c, "%s.rope.scale_linear", gguf_arch, 0);
    if (linear > 0 && !cJSON_GetObjectItemCaseSensitive(root, "rope_scaling"))
        return put(root, "rope_scaling.type", cJSON_CreateString("linear")) &&
               put(root, "rope_scaling.factor", cJSON_CreateNumber(linear));
    double factor = meta_float(c, "%s.rope.scaling.factor", gguf_arch, 0);
    double log_multiplier = meta_float(c, "%s.rope.scaling.yarn_log_multiplier", gguf_arch, 0);
    if (log_multiplier > 0 && (!put(root, "rope_scaling.mscale", cJSON_CreateNumber(10 * log_multiplier)) ||
                               !put(root, "rope_scaling.mscale_all_dim", cJSON_CreateNumber(10 * log_multiplier))))
        return false;
    double attn = meta_float(c, "%s.rope.scaling.attn_factor", gguf_arch, 0);
    const cJSON *scaling = cJSON_GetObjectItemCaseSensitive(root, "rope_scaling");
    if (attn > 0 && !cJSON_GetObjectItemCaseSensitive(scaling, "attention_factor"))
        return put(root, "rope_scaling.attention_factor",
                   cJSON_CreateNumber(factor > 1 ? attn * (1 + 0.1 * log(factor)) : attn));
    return true;
}

cJSON *gguf_params(const bora_checkpoint *c, const bora_arch *arch, const char *gguf_arch, bora_error *err)
{
    cJSON *root = cJSON_CreateObject();
    bool ok = root != NULL;
    for (const bora_name_pair *p = arch->gguf_params; ok && p && p->name; p++)
        ok = put_meta(root, c, p->name, p->stored, gguf_arch);
    for (const bora_name_pair *p = param_names; ok && p->name; p++)
        ok = put_meta(root, c, p->name, p->stored, gguf_arch);
    ok = ok && put_windows(root, c, gguf_arch) && put_rope_extras(root, c, gguf_arch);
    if (ok)
        return root;
    cJSON_Delete(root);
    bora_fail_memory(err, "a model's parameters");
    return NULL;
}
