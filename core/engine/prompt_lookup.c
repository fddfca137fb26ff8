#include "engine/prompt_lookup.h"

enum { LEAST = 2, MOST = 4 };

/* Tokens up to `end` that are those at the end of the sequence. */
static int32_t match(const int32_t *tokens, int32_t n_tokens, int32_t end)
{
    int32_t n = 0;
    while (n < MOST && n < end && tokens[end - 1 - n] == tokens[n_tokens - 1 - n])
        n++;
    return n;
}

int32_t prompt_lookup(const int32_t *tokens, int32_t n_tokens, int32_t max, int32_t *guesses)
{
    int32_t best = 0, from = 0;
    for (int32_t end = n_tokens - 1; end >= LEAST && best < MOST; end--) {
        if (tokens[end - 1] != tokens[n_tokens - 1])
            continue;
        int32_t n = match(tokens, n_tokens, end);
        if (n >= LEAST && n > best) {
            best = n;
            from = end;
        }
    }
    if (best == 0)
        return 0;
    /* What follows may run into the guesses themselves: a cycle goes round. */
    for (int32_t i = 0; i < max; i++)
        guesses[i] = from + i < n_tokens ? tokens[from + i] : guesses[from + i - n_tokens];
    return max;
}
