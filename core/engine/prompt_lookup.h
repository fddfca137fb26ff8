/* Prompt lookup: an answer often says again what was said before, in the prompt or in itself. The tokens that followed
 * the last ones where they stood before are guesses for what comes next
 * (github.com/apoorvumang/prompt-lookup-decoding).
 */
#ifndef BORA_ENGINE_PROMPT_LOOKUP_H
#define BORA_ENGINE_PROMPT_LOOKUP_H

#include <stdint.h>

enum { LOOKUP_LEAST = 2, LOOKUP_MOST = 4 };

/* Finds the last place where as many as possible of the last tokens stood before, LOOKUP_LEAST at least and LOOKUP_MOST
 * at most; returns how many, or 0. *from is the place of the token that followed. */
int32_t prompt_lookup(const int32_t *tokens, int32_t n_tokens, int32_t *from);
/* Copies `n` tokens from there on. */
void prompt_lookup_copy(const int32_t *tokens, int32_t n_tokens, int32_t from, int32_t n, int32_t *guesses);

#endif
