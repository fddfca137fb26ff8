/* A request in an engine: its tokens, how the next one is chosen, and how its text gets to whoever asked. */
#ifndef BORA_ENGINE_JOB_H
#define BORA_ENGINE_JOB_H

#include <stdatomic.h>

#include "engine/drafter.h"
#include "engine/outlet.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"

struct bora_job {
    sched_seq seq; /* first: the scheduler's turns are turned back into jobs */
    atomic_int references;
    atomic_bool cancelled;
    bora_request request; /* with copies of what it points to */
    void (*on_end)(void *ctx, const bora_answer *answer, const bora_error *failure);
    bora_job *prev, *next; /* in a list of the engine's */
    int32_t *tokens;       /* of seq, [cap_tokens] */
    int32_t cap_tokens;
    int32_t length_limit; /* so many tokens may be in the cache */
    int32_t slot;         /* of a recurrent state; -1: none yet */
    int32_t n_told;       /* tokens of the prompt that on_prompt_token was told */
    sampler *chooser;     /* NULL for a request that generates nothing */
    bool has_choice;      /* of the next token, made ahead of its turn: */
    bora_token choice;    /* its top is … */
    bora_logprob *top;    /* … this, [request.n_top] */
    draft_seq *draft;     /* NULL: nothing is guessed ahead */
    outlet outlet;
    bora_session *session; /* of a request for an embedding, with the sums of the hidden states that were read */
    double *hidden_sums;
    bora_answer answer;
    bora_error error;
    bool ended;
    double came_s, begun_s, first_s; /* on the engine's clock; 0: not yet */
};

static inline bora_job *job_of(sched_seq *seq)
{
    return (bora_job *)seq;
}

/* A job with two references, the engine's and the caller's, and its own copy of the request. NULL with an error. */
bora_job *job_new(const bora_request *request, const bora_model *model, bora_drafter *drafter, double now,
                  bora_error *err);
void job_drop(bora_job *j);
/* What the engine's thread does first with it. False: it has ended with an error. */
bool job_open(bora_job *j, const bora_model *model);
/* Chooses the token that job_choose() will say first, by the same logits; several jobs may do so at once, each with a
 * scratch of its own. */
void job_choose_ahead(bora_job *j, sampler_scratch *scratch, float *logits, int32_t length);
/* Chooses and says tokens: by the logits behind the first `length` tokens [n_vocab] (which may be changed), and, as
 * long as the guesses that follow these are what was chosen, by those behind each of them [n_guesses, n_vocab]. The
 * last one that was chosen becomes a token of the sequence; guesses behind the right ones are taken out. Returns how
 * many were right. */
int32_t job_choose(bora_job *j, const bora_model *model, sampler_scratch *scratch, float *logits, int32_t length,
                   int32_t n_guesses, double now);
/* Takes back guesses that no step had room for, and guesses what follows in those of a list (linked by `next`) that
 * generate. Between a commit and the next plan. */
void jobs_guess(bora_job *first, bora_drafter *drafter);
/* Tells the probabilities of the prompt's tokens that follow the tokens first … first + n - 1, by the logits behind
 * each of these [n, n_vocab]. */
void job_tell_prompt(bora_job *j, const bora_model *model, sampler_scratch *scratch, const float *logits, int32_t first,
                     int32_t n);
/* Ends it, as it was cancelled or with an error (NULL: the answer's finish stands). */
void job_fail(bora_job *j, const bora_error *why);
/* Says the rest of its text, calls on_end and closes what was opened. */
void job_end(bora_job *j, double now);

#endif
