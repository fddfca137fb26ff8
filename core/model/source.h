/* What settings name: a checkpoint and the files beside it, all under Hugging Face names. */
#ifndef BORA_MODEL_SOURCE_H
#define BORA_MODEL_SOURCE_H

#include <bora/settings.h>
#include <bora/tokenizer.h>

#include "graph/graph.h"

typedef struct model_source {
    arena arena;
    bora_checkpoint *checkpoint;
    bool is_gguf;
    const bora_arch *arch;
    struct declared_arch *own_arch; /* the file that --arch named, or NULL */
    const char *name;               /* what the user called it */
    const char *dir;                /* the folder with config.json and the like, or NULL */
    cJSON *params;                  /* config.json, or what stands for it in a GGUF file */
    const char *params_name;
    cJSON *generation;       /* generation_config.json, or NULL */
    cJSON *tokenizer_config; /* tokenizer_config.json, or NULL */
} model_source;

/* Opens the checkpoint, finds the architecture and reads the configs. */
bool source_open(model_source *s, bora_runtime *rt, const bora_settings *settings, bora_error *err);
void source_close(model_source *s);
/* For graph_source: the tensor of a name in Hugging Face layout. `ctx` is the model_source. */
const bora_tensor_info *source_weight(void *ctx, const char *name);
/* The file's own name for a weight in Hugging Face layout, in `out`; false when it would be longer. */
bool source_stored_name(const model_source *s, const char *name, char *out, size_t size);
/* The tokenizer that the settings name, or the model's own. */
bora_tokenizer *source_tokenizer(const model_source *s, const bora_settings *settings, bora_error *err);

/* gguf_names.c */
/* The metadata of a key that may hold one %s, for the file's own name of its architecture. */
const bora_meta *gguf_meta(const bora_checkpoint *c, const char *stored, const char *gguf_arch);
bool gguf_weight_name(const bora_arch *arch, const char *name, char *out, size_t size);
cJSON *gguf_params(const bora_checkpoint *checkpoint, const bora_arch *arch, const char *gguf_arch, bora_error *err);

#endif
