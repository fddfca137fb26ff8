/* Architectures: what a family of models computes, and how its checkpoints are recognised. */
#ifndef BORA_ARCH_H
#define BORA_ARCH_H

#include <bora/chat.h>
#include <bora/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A pair of names; lists end with { NULL, NULL }. */
typedef struct bora_name_pair {
    const char *name, *stored;
} bora_name_pair;

struct bora_arch {
    const char *name;  /* what --arch takes */
    const char *about; /* one line for people: which models, where they are described; or NULL */
    /* config.json: any of `architectures`, else `model_type`. NULL-terminated, or NULL. */
    const char *const *architectures;
    const char *const *model_types;
    /* GGUF: general.architecture. Where several architectures go by one name, the one whose `gguf_needs` is a key of
     * the file ("%s.expert_count", %s being that name) comes before those that need none. */
    const char *const *gguf_architectures;
    const char *gguf_needs;
    /* Names in GGUF files that differ from what most decoders use there ("model.layers.%d.mlp.up_proj" is
     * "blk.%d.ffn_up", …): weights, and parameters (stored as "%s.attention.scale", %s being the architecture). */
    const bora_name_pair *gguf_weights, *gguf_params;
    /* GGUF files store the rows of q and k so that rotary pairs are neighbours. */
    bool gguf_interleaved_rope;
    /* Stop tokens, thinking, calls of tools; NULL: as the files of a model say, and what is the same everywhere. */
    const bora_chat_conventions *chat;
    /* Builds the graph and returns the logits [n_outputs, n_vocab]. `self` is this table. */
    bora_node *(*build)(const bora_arch *self, bora_graph *g);
};

#ifdef __cplusplus
}
#endif
#endif
