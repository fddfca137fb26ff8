/* Models: a checkpoint, an architecture and a placement, ready to run. */
#ifndef BORA_MODEL_H
#define BORA_MODEL_H

#include <bora/chat.h>
#include <bora/runtime.h>
#include <bora/settings.h>
#include <bora/tokenizer.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bora_model bora_model;

/* Loads what the settings name (model-id, quantized-file, tokenizer, arch, isq, topology, device, threads, …). The
 * runtime outlives the model. Warns of settings that fit nothing (a topology entry without a weight, tensors nobody
 * uses). */
BORA_API bora_model *bora_model_load(bora_runtime *runtime, const bora_settings *settings, bora_error *err);
BORA_API void bora_model_free(bora_model *model);

/* The model's tokenizer, or NULL with an error that says why there is none. */
BORA_API const bora_tokenizer *bora_model_tokenizer(const bora_model *model, bora_error *err);
/* Only the tokenizer (and nothing of the weights) of what the settings name; the caller frees it. */
BORA_API bora_tokenizer *bora_model_load_tokenizer(bora_runtime *runtime, const bora_settings *settings,
                                                   bora_error *err);

BORA_API int32_t bora_model_n_vocab(const bora_model *model);
/* The longest sequence, in tokens: the model's own limit, or --max-seq-len where that is less. */
BORA_API int32_t bora_model_context_length(const bora_model *model);
BORA_API const char *bora_model_name(const bora_model *model);
BORA_API const char *bora_model_arch(const bora_model *model);

/* What there is of a model, for a person who measures it. The texts belong to the model and its runtime. */
typedef struct bora_model_info {
    int64_t n_parameters; /* numbers in its weights */
    double weight_bytes;  /* of them, in the formats in which they are computed with */
    const char *format;   /* the one in which most of them are */
    const char *device;   /* the one that computes with most of them: a backend's name */
    bool on_host;         /* that is in ordinary memory, by the host processor */
} bora_model_info;

BORA_API bora_model_info bora_model_describe(const bora_model *model);

/* What a batch costs at the least in this model: the sum over its nodes (see bora/op.h). Of experts those are read that
 * so many tokens are expected to choose. `blocks`, where not NULL, gets the part of `products` that is with weights
 * stored in blocks, for which integer arithmetic will do. */
BORA_API bora_cost bora_model_cost(const bora_model *model, const bora_workload *load, double *blocks);

/* True for a token that ends an answer. */
BORA_API bool bora_model_is_stop(const bora_model *model, int32_t token);

/* Whether a model that can think before it answers shall: templates see `enable_thinking` only when it is said. */
typedef enum bora_thinking { BORA_THINKING_UNSAID, BORA_THINKING_ON, BORA_THINKING_OFF } bora_thinking;

/* Renders messages into a prompt by the model's chat template. `messages_json` is a JSON array of {"role", "content"}
 * (and what else a template knows); `tools_json` a JSON array or NULL. BORA_NOT_FOUND: the model has no template.
 * malloc'd. */
BORA_API char *bora_model_render_chat(const bora_model *model, const char *messages_json, const char *tools_json,
                                      bool add_generation_prompt, bora_thinking thinking, bora_error *err);

/* What a chat template is rendered with: JSON texts. */
typedef struct bora_conversation {
    const char *messages; /* an array, as above */
    const char *tools;    /* an array, or NULL */
    const char
        *variables; /* an object: what else templates may know ("enable_thinking", "reasoning_effort"); or NULL */
    bool add_generation_prompt;
} bora_conversation;

/* The same, with any variables: BORA_USAGE for one that the model or the conversation says already. */
BORA_API char *bora_model_render(const bora_model *model, const bora_conversation *conversation, bora_error *err);
/* Text to the model's tokens. `rendered`: the text came from a chat template, which says itself what stands at its
 * beginning; otherwise the tokens that the model adds are added. malloc'd, as bora_tokenizer_encode() does. */
BORA_API bool bora_model_encode(const bora_model *model, const char *text, size_t len, bool rendered, int32_t **ids,
                                size_t *n, bora_error *err);
BORA_API bool bora_model_has_chat_template(const bora_model *model);
/* How the model calls tools, for bora_tool_calls_parse(): what its architecture says of the chat template in use. NULL:
 * nothing is known. Lives as long as the model. */
BORA_API const bora_tool_syntax *bora_model_tool_syntax(const bora_model *model);

#ifdef __cplusplus
}
#endif
#endif
