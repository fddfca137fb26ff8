#include "engine/penalties.h"

#include <stdlib.h>
#include <string.h>

void penalties_init(penalties *p, const bora_sampling *sampling)
{
    *p = (penalties){ .repetition = sampling->repetition_penalty,
                      .presence = sampling->presence_penalty,
                      .frequency = sampling->frequency_penalty,
                      .last_n = sampling->repeat_last_n };
}

void penalties_free(penalties *p)
{
    free(p->seen);
    free(p->places);
    *p = (penalties){ 0 };
}

bool penalties_wanted(const penalties *p)
{
    return p->repetition != 1 || p->presence != 0 || p->frequency != 0;
}

static int32_t *place_of(const penalties *p, int32_t id)
{
    uint32_t mask = (uint32_t)p->cap - 1, at = (uint32_t)id * 0x9e3779b1U & mask;
    while (p->places[at] >= 0 && p->seen[p->places[at]].id != id)
        at = (at + 1) & mask;
    return &p->places[at];
}

/* Makes the tables so large that no more than half of the places are taken. */
static bool grow(penalties *p)
{
    int32_t cap = p->cap ? p->cap * 2 : 256;
    int32_t *places = malloc((size_t)cap * sizeof *places);
    seen_token *seen = realloc(p->seen, (size_t)cap / 2 * sizeof *seen);
    if (seen)
        p->seen = seen;
    if (!places || !seen) {
        free(places);
        return false;
    }
    memset(places, -1, (size_t)cap * sizeof *places);
    free(p->places);
    p->places = places;
    p->cap = cap;
    for (int32_t i = 0; i < p->n_seen; i++)
        *place_of(p, p->seen[i].id) = i;
    return true;
}

/* One more of a token, or one less. */
static bool count(penalties *p, int32_t id, int32_t change, bool said)
{
    if (p->n_seen >= p->cap / 2 && !grow(p))
        return false;
    int32_t *place = place_of(p, id);
    if (*place < 0) {
        *place = p->n_seen;
        p->seen[p->n_seen++] = (seen_token){ .id = id };
    }
    seen_token *t = &p->seen[*place];
    t->n += change;
    t->n_said += said ? change : 0;
    return true;
}

bool penalties_follow(penalties *p, const int32_t *old, int32_t n_same, const int32_t *tokens, int32_t n_tokens,
                      int32_t n_prompt)
{
    int32_t first = p->last_n > 0 && n_tokens > p->last_n ? n_tokens - p->last_n : 0;
    if (n_same <= p->first || n_same < first || n_prompt != p->n_prompt) { /* nothing of it is of use */
        p->n_seen = 0;
        if (p->cap > 0)
            memset(p->places, -1, (size_t)p->cap * sizeof *p->places);
        p->first = p->end = first;
        p->n_prompt = n_prompt;
    }
    bool ok = true;
    while (ok && p->end > n_same && p->end > p->first)
        p->end--, ok = count(p, old[p->end], -1, p->end >= n_prompt);
    while (ok && p->first < first)
        ok = count(p, tokens[p->first], -1, p->first >= n_prompt), p->first++;
    while (ok && p->first > first)
        p->first--, ok = count(p, tokens[p->first], 1, p->first >= n_prompt);
    for (; ok && p->end < n_tokens; p->end++)
        ok = count(p, tokens[p->end], 1, p->end >= n_prompt);
    return ok;
}

float penalties_apply(const penalties *p, const seen_token *t, float logit)
{
    if (t->n > 0)
        logit = logit > 0 ? logit / p->repetition : logit * p->repetition;
    if (t->n_said > 0)
        logit -= p->presence + p->frequency * (float)t->n_said;
    return logit;
}
