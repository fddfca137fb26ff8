/* A session's inside: its tokens, and the blocks and the slot of the cache that hold their state. */
#ifndef BORA_ENGINE_SESSION_H
#define BORA_ENGINE_SESSION_H

#include <bora/engine.h>

enum { SESSION_CHUNK = 512 };

struct bora_session {
    bora_model *model;
    int32_t *tokens; /* [length] */
    int32_t length, cap_tokens;
    int32_t *blocks; /* [n_blocks] */
    int32_t n_blocks, cap_blocks;
    int32_t slot;          /* -1: none yet */
    bora_drafter *drafter; /* or NULL */
    bool in_step;          /* takes part in the step that is being put together */
    /* The lists of a step of which this is the first session; they are kept for the next one. */
    int32_t *step_tokens, *output_rows;
    bora_sequence *sequences;
    int32_t cap_step_tokens, cap_output_rows, cap_sequences;
};

/* As bora_session_eval(); `prompt_tokens` is the length that the whole prompt will have. */
bool session_eval(bora_session *s, const int32_t *tokens, int32_t n, int32_t chunk, int32_t prompt_tokens, bool all,
                  float *logits, bora_error *err);
/* Reads tokens; the hidden states behind each of them are [n, model_hidden_width()]. */
bool session_hidden(bora_session *s, const int32_t *tokens, int32_t n, int32_t prompt_tokens, float *hidden,
                    bora_error *err);

/* Puts a token behind those that were read, without reading it: tokens[length]. */
bool session_peek(bora_session *s, int32_t token, bora_error *err);

#endif
