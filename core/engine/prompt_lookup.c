#include "engine/prompt_lookup.h"

/* Tokens up to `end` that are those at the end of the sequence. */
static int32_t match(const int32_t *tokens, int32_t n_tokens, int32_t end)
{
    int32_t n = 0;
    while (n < LOOKUP_MOST && n < end && tokens[end - 1 - n] == tokens[n_tokens - 1 - n])
        n++;
    return n;
}

int32_t prompt_lookup(const int32_t *tokens, int32_t n_tokens, int32_t *from)
{
    int32_t best = 0;
    for (int32_t end = n_tokens - 1; end >= LOOKUP_LEAST && best < LOOKUP_MOST; end--) {
        if (tokens[end - 1] != tokens[n_tokens - 1])
            continue;
        int32_t n = match(tokens, n_tokens, end);
        if (n >= LOOKUP_LEAST && n > best) {
            best = n;
            *from = end;
        }
    }
    return best;
}

void prompt_lookup_copy(const int32_t *tokens, int32_t n_tokens, int32_t from, int32_t n, int32_t *guesses)
{
    /* What follows may run into the guesses themselves: a cycle goes round. */
    for (int32_t i = 0; i < n; i++)
        guesses[i] = from + i < n_tokens ? tokens[from + i] : guesses[from + i - n_tokens];
}
