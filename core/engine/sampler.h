/* The choice of the next token from logits.
 *
 * The i-th token of an answer depends on the seed, on i, on the logits and on the tokens before it, and on nothing
 * else: one number in [0, 1), made of seed and position, finds its place in the sums of the probabilities, taken from
 * the likeliest token on. So a request that is run again, or whose tokens were guessed ahead, gets the same tokens. And
 * two models that nearly agree about the probabilities nearly always choose the same token with the same number: a
 * smaller one that samples so guesses well what the larger one will say. */
#ifndef BORA_ENGINE_SAMPLER_H
#define BORA_ENGINE_SAMPLER_H

#include <bora/engine.h>

/* The controls of a request, and what it has seen of the sequence. */
typedef struct sampler sampler;
/* Memory for a choice, for one at a time: one for each thread that chooses. Large, where a sampler is small. */
typedef struct sampler_scratch sampler_scratch;

/* Copies all that `sampling` points to. `tokenizer` (may be NULL) outlives it. BORA_USAGE for what
 * bora_sampling_check() refuses, and for biases of tokens that the vocabulary does not have. */
sampler *sampler_new(const bora_sampling *sampling, int32_t n_vocab, const bora_tokenizer *tokenizer, bora_error *err);
void sampler_free(sampler *s);
sampler_scratch *sampler_scratch_new(int32_t n_vocab, bora_error *err);
void sampler_scratch_free(sampler_scratch *scratch);

/* Where in a sequence a token is chosen. */
typedef struct sampler_place {
    float *logits;         /* [n_vocab]; changed during the call only */
    const int32_t *tokens; /* [n_tokens]: those before it, of which the first n_prompt were given */
    int32_t n_tokens, n_prompt;
    int32_t position; /* of the token in the answer, from 0 on */
} sampler_place;

/* Chooses. The sequence need not be that of the last call; it costs least if it is, and longer. Logprobs, and those of
 * the n_top likeliest tokens, are of the model's own distribution: those of `logits` as they are given. n_top -1: no
 * logprobs. token->top belongs to the scratch, until it is used again. False with an error when no logit is a number.
 */
bool sampler_choose(sampler *s, sampler_scratch *scratch, const sampler_place *place, int32_t n_top, bora_token *token,
                    bora_error *err);
/* The same probabilities for a token that was not chosen, but given. */
bool sampler_given(sampler_scratch *scratch, const float *logits, int32_t id, int32_t n_top, bora_token *token,
                   bora_error *err);

#endif
