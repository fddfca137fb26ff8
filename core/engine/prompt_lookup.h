/* Prompt lookup: an answer often says again what was said before, in the prompt or in itself. The tokens that followed
 * the last ones where they stood before are guesses for what comes next
 * (github.com/apoorvumang/prompt-lookup-decoding).
 */
#ifndef BORA_ENGINE_PROMPT_LOOKUP_H
#define BORA_ENGINE_PROMPT_LOOKUP_H

#include <stdint.h>

/* Finds the last place where as many as possible of the last tokens stood before, two at least and four at most, and
 * copies up to `max` of the tokens that followed; how many. */
int32_t prompt_lookup(const int32_t *tokens, int32_t n_tokens, int32_t max, int32_t *guesses);

#endif
