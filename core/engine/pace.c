/* How many tokens a step takes: see pace.h. */
#include "engine/pace.h"

/* Fewer tokens than LEAST read all the weights for little; more than MOST gain nothing over it. */
enum { LEAST = 32, MOST = 512, FIRST_GUESS = 128 };

static const double step_s = 0.5, step_behind_s = 0.25;

static int32_t tokens_in(double rate, double seconds)
{
    double n = rate * seconds;
    return n < LEAST ? LEAST : n > MOST ? MOST : (int32_t)n / LEAST * LEAST;
}

pace pace_begin(void)
{
    return (pace){ .max_tokens = FIRST_GUESS, .max_behind = LEAST };
}

void pace_learn(pace *p, int32_t n_tokens, double seconds)
{
    if (n_tokens < LEAST || seconds <= 0)
        return;
    double rate = n_tokens / seconds;
    p->rate = p->rate > 0 ? 0.75 * p->rate + 0.25 * rate : rate;
    p->max_tokens = tokens_in(p->rate, step_s);
    p->max_behind = tokens_in(p->rate, step_behind_s);
}
