/* Drafters: guesses of the tokens that come next, so that several can be computed in one step.
 *
 * The target's sampler decides. At each place of an answer it chooses with the random number of that place, from the
 * logits behind the tokens that it has chosen; a guess is right when it is the token that was chosen. So answers and
 * their logprobs are the same to the bit with guesses and without, and drafters may guess as they like.
 *
 * There are two ways. Prompt lookup finds what followed the last tokens earlier. A draft model, a smaller one with the
 * same vocabulary, reads along and chooses as the target would, with the target's random numbers: so it is often right
 * also where the temperature is high. All sequences of a step are drafted together.
 *
 * A guess costs: the draft model's step, and a row in the target's. So as many are made as are likely to be right, by
 * what was right lately, and fewer for each the more sequences there are; guessing is for few. */
#ifndef BORA_ENGINE_DRAFTER_H
#define BORA_ENGINE_DRAFTER_H

#include <bora/engine.h>

enum {
    DRAFT_STEP_TOKENS = 16,                 /* with guesses a step has no more tokens than these */
    DRAFT_SEQS_MAX = DRAFT_STEP_TOKENS / 2, /* sequences for which there are guesses at the same time */
    DRAFT_MAX = DRAFT_STEP_TOKENS - 1,      /* guesses for one of them */
};

/* What a drafter knows of a sequence. */
typedef struct draft_seq draft_seq;

/* The most guesses that it makes for one sequence. */
int32_t drafter_most(const bora_drafter *d);
/* NULL with an error when memory runs out. From any thread; what is said of threads counts for all else. */
draft_seq *drafter_begin(bora_drafter *d, const bora_sampling *sampling, bora_error *err);
/* A sequence is forgotten. NULL is nothing. */
void drafter_end(bora_drafter *d, draft_seq *s);

typedef struct draft_turn {
    draft_seq *seq;
    const int32_t *tokens; /* [n_tokens]: all that was given and chosen, of which the first n_prompt were given */
    int32_t n_tokens, n_prompt;
    int32_t max_guesses; /* that there is room for */
    int32_t guesses[DRAFT_MAX];
    int32_t n_guesses; /* out */
} draft_turn;

/* Guesses what follows in each of the sequences, all that generate in the coming step. It cannot fail: where something
 * does, there are no guesses, and the runtime's listener is told why. */
void drafter_guess(bora_drafter *d, draft_turn *turns, int32_t n_turns);
/* How many of the last guesses for a sequence were right. */
void drafter_learn(draft_seq *s, int32_t n_guesses, int32_t n_right);

#endif
