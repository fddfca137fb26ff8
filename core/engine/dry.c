#include "engine/dry.h"

#include <stdlib.h>
#include <string.h>

/* Tokens read again for the beginning of a breaker, when a sequence goes on otherwise. */
enum { BEFORE = 8 };
static const float most = 1e30F; /* a penalty: far above any logit, far below what a float holds */
static const char *const usual_breakers[] = { "\n", ":", "\"", "*", NULL };

bool dry_init(dry *d, const bora_sampling *s, const bora_tokenizer *tokenizer, bora_error *err)
{
    *d = (dry){ .multiplier = s->dry_multiplier,
                .base = s->dry_base,
                .allowed_length = s->dry_allowed_length > 0 ? s->dry_allowed_length : 1,
                .tokenizer = tokenizer };
    const char *const *list = s->dry_sequence_breakers ? s->dry_sequence_breakers : usual_breakers;
    if (!dry_wanted(d) || !tokenizer)
        return true;
    size_t n = 0;
    while (list[n])
        n++;
    d->breakers = calloc(n + 1, sizeof *d->breakers);
    for (size_t i = 0; d->breakers && i < n; i++) {
        size_t len = strlen(list[i]);
        if (len == 0)
            continue;
        if (!(d->breakers[d->n_breakers++] = strdup(list[i])))
            return bora_fail_memory(err, "sequence breakers");
        d->max_breaker_bytes = len > d->max_breaker_bytes ? len : d->max_breaker_bytes;
    }
    return d->breakers ? true : bora_fail_memory(err, "sequence breakers");
}

void dry_free(dry *d)
{
    for (size_t i = 0; i < d->n_breakers; i++)
        free(d->breakers[i]);
    free(d->breakers);
    bora_detokenizer_free(d->text);
    buf_free(&d->tail);
    free(d->breaks);
    free(d->match);
    *d = (dry){ 0 };
}

bool dry_wanted(const dry *d)
{
    return d->multiplier != 0;
}

static bool has_breaker(const dry *d, const char *text, size_t len)
{
    for (size_t i = 0; i < d->n_breakers; i++)
        if (memmem(text, len, d->breakers[i], strlen(d->breakers[i])))
            return true;
    return false;
}

/* Whether a breaker ends in the text of this token. */
static bool read_token(dry *d, int32_t token, bool *breaks, bora_error *err)
{
    const char *text;
    size_t len;
    if (!bora_detokenizer_push(d->text, token, &text, &len, err))
        return false;
    if (!buf_append(&d->tail, text, len))
        return bora_fail_memory(err, "text");
    *breaks = has_breaker(d, buf_text(&d->tail), d->tail.len);
    size_t keep = *breaks ? 0 : d->max_breaker_bytes - 1;
    if (d->tail.len > keep) {
        memmove(d->tail.data, d->tail.data + d->tail.len - keep, keep);
        d->tail.len = keep;
    }
    return true;
}

static bool reserve(dry *d, int32_t n, bora_error *err)
{
    if (n <= d->cap)
        return true;
    int64_t cap = n + (int64_t)n / 2 + 64;
    uint8_t *breaks = realloc(d->breaks, (size_t)cap);
    if (breaks)
        d->breaks = breaks;
    int32_t *match = realloc(d->match, (size_t)cap * sizeof *match);
    if (match)
        d->match = match;
    if (!breaks || !match)
        return bora_fail_memory(err, "the tokens of a sequence");
    d->cap = (int32_t)(cap < INT32_MAX ? cap : INT32_MAX);
    return true;
}

bool dry_follow(dry *d, const int32_t *tokens, int32_t n_same, int32_t n_tokens, bora_error *err)
{
    if (!reserve(d, n_tokens, err))
        return false;
    int32_t from = n_same;
    if (d->n_breakers == 0) {
        memset(d->breaks + from, 0, (size_t)(n_tokens - from));
    } else {
        if (!d->text || n_same < d->n_tokens) { /* text cannot be taken back: it begins again a little before */
            bora_detokenizer_free(d->text);
            buf_clear(&d->tail);
            if (!(d->text = bora_detokenizer_new(d->tokenizer, false, err)))
                return false;
            from = n_same > BEFORE ? n_same - BEFORE : 0;
        }
        for (int32_t i = from; i < n_tokens; i++) {
            bool breaks = false;
            if (!read_token(d, tokens[i], &breaks, err))
                return false;
            if (i >= n_same)
                d->breaks[i] = breaks;
        }
    }
    d->n_tokens = n_tokens;
    return true;
}

/* Whether a token is a breaker by itself: nobody is kept from saying it. */
static bool is_breaker(const dry *d, int32_t before, int32_t token, bool *answer, bora_error *err)
{
    *answer = false;
    if (d->n_breakers == 0)
        return true;
    bora_detokenizer *text = bora_detokenizer_new(d->tokenizer, false, err);
    const char *data;
    size_t len;
    /* Behind another one: the first token of a text may lose a space. */
    bool ok = text && bora_detokenizer_push(text, before, &data, &len, err) &&
              bora_detokenizer_push(text, token, &data, &len, err);
    *answer = ok && has_breaker(d, data, len);
    bora_detokenizer_free(text);
    return ok;
}

/* match[k]: how many tokens before the last k are the same as those before the end, at most `limit`: the Z-algorithm
 * on the reversed sequence. Linear: [left, right) is the match that reaches farthest, and nothing in it is compared
 * again. */
static void find_matches(dry *d, const int32_t *tokens, int32_t limit)
{
    int32_t n = d->n_tokens, left = 0, right = 0;
    for (int32_t k = 1; k < n; k++) {
        int32_t len = 0;
        if (k < right)
            len = d->match[k - left] < right - k ? d->match[k - left] : right - k;
        if (k + len >= right) {
            while (k + len < n && tokens[n - 1 - len] == tokens[n - 1 - k - len])
                len++;
            left = k;
            right = k + len;
        }
        d->match[k] = len;
    }
    for (int32_t k = 1; k < n; k++)
        d->match[k] = d->match[k] < limit ? d->match[k] : limit;
}

/* By multiplications: the same bits whatever pow() the system has. */
static float penalty_of(const dry *d, int32_t length)
{
    float penalty = d->multiplier;
    for (int32_t i = d->allowed_length; i < length && penalty < most && d->base > 1; i++)
        penalty *= d->base;
    return penalty < most ? penalty : most;
}

bool dry_find(dry *d, const int32_t *tokens, int32_t *longest, int32_t n_vocab,
              bool (*found)(void *ctx, int32_t token, float penalty), void *ctx, bora_error *err)
{
    int32_t n = d->n_tokens;
    const uint8_t *last = n > 0 ? memrchr(d->breaks, 1, (size_t)n) : NULL;
    int32_t limit = last ? n - 1 - (int32_t)(last - d->breaks) : n;
    if (limit < d->allowed_length)
        return true;
    find_matches(d, tokens, limit);
    for (int32_t k = 1; k < n; k++) {
        int32_t next = tokens[n - k];
        if (d->match[k] >= d->allowed_length && next < n_vocab && d->match[k] > longest[next])
            longest[next] = d->match[k];
    }
    bool ok = true;
    for (int32_t k = 1; k < n; k++) {
        int32_t next = tokens[n - k], length = next < n_vocab ? longest[next] : 0;
        if (length == 0)
            continue;
        longest[next] = 0;
        bool breaker = false;
        ok = ok && is_breaker(d, tokens[n - 1], next, &breaker, err) &&
             (breaker || found(ctx, next, penalty_of(d, length)));
    }
    return ok;
}
