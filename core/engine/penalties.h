/* Repetition, presence and frequency penalties. How often each token was seen is kept from step to step: a step counts
 * what is new, and touches the logits of tokens seen, no others. */
#ifndef BORA_ENGINE_PENALTIES_H
#define BORA_ENGINE_PENALTIES_H

#include <bora/engine.h>

typedef struct seen_token {
    int32_t id;
    int32_t n, n_said; /* times among the tokens looked back on, and of them in the answer */
} seen_token;

typedef struct penalties {
    float repetition, presence, frequency;
    int32_t last_n;     /* 0: all */
    int32_t first, end; /* tokens counted: [first, end) of the sequence */
    int32_t n_prompt;
    seen_token *seen; /* [n_seen] */
    int32_t n_seen;
    int32_t *places; /* [cap], a power of two: places in `seen` by a hash of the id, or -1 */
    int32_t cap;
} penalties;

void penalties_init(penalties *p, const bora_sampling *sampling);
void penalties_free(penalties *p);
bool penalties_wanted(const penalties *p);
/* Counts tokens [n_tokens], the first n_prompt of them the prompt's. Those up to `n_same` are as at the last call, when
 * they were old [p->end]. False when memory ran out. */
bool penalties_follow(penalties *p, const int32_t *old, int32_t n_same, const int32_t *tokens, int32_t n_tokens,
                      int32_t n_prompt);
/* The logit of a token seen, with its penalties. */
float penalties_apply(const penalties *p, const seen_token *token, float logit);

#endif
