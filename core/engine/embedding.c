/* Embeddings: see embedding.h. */
#include "engine/embedding.h"

#include <stdlib.h>

#include "engine/session.h"
#include "model/model.h"

/* The mean of the sums over the tokens that were read. */
static bool give(bora_job *j, const bora_model *model, bora_error *err)
{
    int32_t width = model_hidden_width(model);
    float *mean = malloc((size_t)width * sizeof *mean);
    if (!mean)
        return bora_fail_memory(err, "an embedding");
    for (int32_t i = 0; i < width; i++)
        mean[i] = (float)(j->hidden_sums[i] / j->request.n_prompt);
    j->request.on_embedding(j->request.ctx, mean, width);
    free(mean);
    return true;
}

static bool begin(bora_job *j, bora_model *model, bora_error *err)
{
    if (j->session)
        return true;
    j->session = bora_session_new(model, err);
    j->hidden_sums = calloc((size_t)model_hidden_width(model), sizeof *j->hidden_sums);
    return j->session && (j->hidden_sums || bora_fail_memory(err, "an embedding"));
}

static bool read_part(bora_job *j, bora_model *model, int32_t max_tokens, bora_error *err)
{
    const bora_request *r = &j->request;
    int32_t at = bora_session_length(j->session), width = model_hidden_width(model);
    int32_t n = r->n_prompt - at < max_tokens ? r->n_prompt - at : max_tokens;
    float *hidden = malloc((size_t)n * (size_t)width * sizeof *hidden);
    bool ok = hidden ? session_hidden(j->session, r->prompt + at, n, r->n_prompt, hidden, err)
                     : bora_fail_memory(err, "hidden states");
    for (int32_t t = 0; ok && t < n; t++) /* one after the other, wherever the parts are cut */
        for (int32_t i = 0; i < width; i++)
            j->hidden_sums[i] += hidden[(size_t)t * (size_t)width + (size_t)i];
    free(hidden);
    return ok;
}

void embedding_read(bora_job *j, bora_model *model, int32_t max_tokens)
{
    bora_error err = { .code = BORA_OK };
    bool ok = begin(j, model, &err) && read_part(j, model, max_tokens, &err);
    bool last = ok && bora_session_length(j->session) == j->request.n_prompt;
    if (!ok || (last && !give(j, model, &err))) {
        job_fail(j, &err);
    } else if (last) {
        j->ended = true;
        j->answer.finish = BORA_FINISH_STOP;
    }
}
