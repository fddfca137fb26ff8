/* How many tokens of prompts a step takes, so that it takes no longer than people like to wait: from what steps took so
 * far. It decides when somebody gets an answer, and never which. */
#ifndef BORA_ENGINE_PACE_H
#define BORA_ENGINE_PACE_H

#include <stdint.h>

typedef struct pace {
    int32_t max_tokens; /* in a step, when nobody waits for the next token of an answer */
    int32_t max_behind; /* of prompts, when somebody does */
    double rate;        /* tokens in a second, in steps of many; 0: not known yet */
} pace;

/* Before anything is known. */
pace pace_begin(void);
/* A step of n tokens took so long. */
void pace_learn(pace *p, int32_t n_tokens, double seconds);

#endif
