/* The choice of the next token from logits. */
#ifndef BORA_ENGINE_SAMPLER_H
#define BORA_ENGINE_SAMPLER_H

#include <bora/engine.h>

typedef struct sampler sampler;

sampler *sampler_new(const bora_sampling *sampling, int32_t n_vocab, bora_error *err);
void sampler_free(sampler *s);

/* Chooses from logits [n_vocab], which it may change. `tokens` are those of the sequence so far, of which the first
 * n_prompt were given and the rest generated. *logprob (may be NULL) is that of the token in the model's own
 * distribution. False with an error when no logit is a number. */
bool sampler_choose(sampler *s, float *logits, const int32_t *tokens, int32_t n_tokens, int32_t n_prompt,
                    int32_t *token, float *logprob, bora_error *err);

#endif
