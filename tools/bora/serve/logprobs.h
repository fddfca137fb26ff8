/* Probabilities of tokens, as clients read them: in the form of chat, and in the older one of completions. */
#ifndef SERVE_LOGPROBS_H
#define SERVE_LOGPROBS_H

#include "reply.h"

/* One more token. */
void logprobs_add_chat(logprob_list *l, const bora_tokenizer *t, const bora_token *token);
/* `characters`: how many of them the token is in the text. `unknown`: nothing stands before it (the first of a prompt).
 */
void logprobs_add_completion(logprob_list *l, const bora_tokenizer *t, const bora_token *token, int64_t characters,
                             bool unknown);
/* Characters of a token's bytes, each counted where it begins. */
int64_t logprobs_characters(const bora_tokenizer *t, int32_t token);

/* Writes what was added, and forgets it. With nothing there: null. */
void logprobs_put_chat(writer *w, const char *key, logprob_list *l);
void logprobs_put_completion(writer *w, const char *key, logprob_list *l);
bool logprobs_any(const logprob_list *l);

#endif
