/* Embeddings: the mean of a prompt's hidden states. */
#ifndef BORA_ENGINE_EMBEDDING_H
#define BORA_ENGINE_EMBEDDING_H

#include "engine/job.h"

/* Reads the next part of the prompt, at most so many tokens, in a session of the job's own; the job has ended after the
 * last one, or with an error. */
void embedding_read(bora_job *j, bora_model *model, int32_t max_tokens);

#endif
